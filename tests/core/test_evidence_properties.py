"""What holds for every release, however odd: the judge answers, order is irrelevant, and nothing unproven is proven."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import model
from reconciler.core.evidence import Sources, judge
from reconciler.core.model import (
    ChartSource,
    Condition,
    Evidence,
    Filter,
    Fleet,
    HelmChart,
    HelmRelease,
    Hook,
    Key,
    OCIRepository,
    Policy,
    Reference,
    Snapshot,
    Unreadable,
)
from reconciler.core.version import Version

AT = datetime(2026, 1, 10, tzinfo=UTC)
KEY = Key("apps", "redis")
DIGESTS = [f"sha256:{letter * 64}" for letter in "abc"]
POLICIES = st.sampled_from([Policy(), Policy(tests=model.Tests.OPTIONAL)])
HIGHER = Snapshot(1000, "deployed", KEY, "redis", "99.0.0")


# --- odd releases: any text anywhere ---------------------------------------------------------------------------------

TEXTS = st.text(max_size=30) | st.sampled_from(["", "redis", "latest", "(a+)+$", "[[:x:]]", *DIGESTS])
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))
ODD_VERSIONS = TEXTS | st.sampled_from(
    ["1.0.0", "v1.0.1-rc.1", "1.0.0+5", f"1.0.0+{'a' * 12}", "^1.x", ">=0", "6.6.0@"]
)
STATUSES = st.sampled_from(["deployed", "superseded", "failed", "pending-upgrade", ""]) | TEXTS
PHASES = st.sampled_from(["", "Unknown", "Running", "Succeeded", "Failed"]) | TEXTS
KEYS = st.builds(Key, TEXTS, TEXTS) | st.just(KEY)
HOOKS = st.none() | st.lists(st.builds(Hook, TEXTS, PHASES, MOMENTS, MOMENTS), max_size=3).map(tuple)
FILTERS = st.lists(st.builds(Filter, TEXTS, st.booleans()), max_size=3).map(tuple)
KINDS = st.sampled_from(["HelmRepository", "GitRepository", "Bucket", "OCIRepository", "HelmChart"]) | TEXTS
CHARTS = st.builds(ChartSource, TEXTS, ODD_VERSIONS, KINDS, st.booleans(), st.booleans())
ODD_SNAPSHOTS = st.builds(
    Snapshot,
    revision=st.integers(),
    status=STATUSES,
    release=KEYS,
    chart=TEXTS,
    version=ODD_VERSIONS,
    action=st.none() | st.sampled_from(["install", "upgrade", "rollback"]) | TEXTS,
    deployed_at=MOMENTS,
    hooks=HOOKS,
    digest=st.none() | TEXTS,
)
ODD_CONDITIONS = st.builds(
    Condition,
    type=st.sampled_from(["TestSuccess", "Ready", "Remediated", "Stalled", "Released"]) | TEXTS,
    status=st.sampled_from(["True", "False", "Unknown"]) | TEXTS,
    reason=TEXTS,
    message=TEXTS | st.just("Helm test succeeded for release a/b.v1 with chart c@1.0.0: ok"),
    since=MOMENTS,
)
ODD_RELEASES = st.builds(
    HelmRelease,
    key=KEYS,
    generation=st.integers(),
    observed_generation=st.integers(),
    chart=st.none() | CHARTS,
    chart_ref=st.none() | st.builds(Reference, KINDS, st.just(KEY) | KEYS),
    suspended=st.booleans(),
    deleting=st.booleans(),
    tests_enabled=st.booleans(),
    filters=FILTERS,
    history=st.lists(ODD_SNAPSHOTS, max_size=4).map(tuple),
    conditions=st.lists(ODD_CONDITIONS, max_size=4).map(tuple),
)
ODD_REPOSITORIES = st.builds(
    OCIRepository,
    st.just(KEY),
    tag=st.none() | TEXTS,
    semver=st.none() | ODD_VERSIONS,
    semver_filter=st.none() | TEXTS,
    digest=st.none() | TEXTS,
    revision=st.none() | TEXTS | st.builds("{}@{}".format, ODD_VERSIONS, st.sampled_from(DIGESTS)),
)
ODD_FLEETS = st.builds(
    Fleet,
    oci_repositories=st.lists(ODD_REPOSITORIES, max_size=1).map(tuple),
    helm_charts=st.lists(st.builds(HelmChart, st.just(KEY), CHARTS), max_size=1).map(tuple),
)


# --- plausible releases: a controller's own words, in any order and combination --------------------------------------

VERSIONS = ["1.0.0", "1.0.1", "1.1.0-rc.1", "1.1.0", "v1.2.0", "1.0.1+chart"]
CLEAN_HOOKS = st.none() | st.lists(
    st.builds(Hook, st.sampled_from(["a", "b"]), st.sampled_from(["", "Running", "Succeeded", "Succeeded", "Failed"])),
    unique_by=lambda hook: hook.name,
    max_size=2,
).map(tuple)
CLEAN_SNAPSHOTS = st.builds(
    Snapshot,
    revision=st.integers(1, 9),
    status=st.sampled_from(["deployed", "superseded", "superseded", "failed"]),
    release=st.just(KEY),
    chart=st.just("redis"),
    version=st.sampled_from(VERSIONS),
    action=st.sampled_from([None, "install", "upgrade", "rollback"]),
    deployed_at=st.none() | st.just(AT),
    hooks=CLEAN_HOOKS,
)
HISTORIES = st.lists(CLEAN_SNAPSHOTS, min_size=1, max_size=5, unique_by=lambda each: each.revision).map(tuple)


def text_of(form: str, snapshot: Snapshot) -> str:
    return form.format(f"apps/redis.v{snapshot.revision} with chart redis@{snapshot.version}")


TEST_FORMS = {
    "True": "Helm test succeeded for release {}: 1 test hook completed successfully",
    "False": "Helm test failed for release {}: timed out",
    "Unknown": "Helm release {} is awaiting tests",
}


@st.composite
def releases(draw: st.DrawFn) -> HelmRelease:
    history = draw(HISTORIES)
    conditions = [
        Condition(type_, draw(st.sampled_from(["True", "False"])), since=AT)
        for type_ in draw(st.lists(st.sampled_from(["Ready", "Remediated", "Stalled"]), unique=True))
    ]
    status = draw(st.sampled_from([None, "True", "True", "False", "Unknown"]))
    if status is not None:
        about = draw(st.sampled_from(history))
        conditions.append(Condition("TestSuccess", status, message=text_of(TEST_FORMS[status], about)))
    return HelmRelease(
        KEY,
        generation=2,
        observed_generation=draw(st.integers(1, 2)),
        chart=ChartSource("redis", ">=0.0.0-0", "HelmRepository"),
        tests_enabled=draw(st.sampled_from([True, True, False])),
        filters=draw(st.sampled_from([(), (Filter("a"),), (Filter("a", exclude=True),)])),
        history=history,
        conditions=tuple(conditions),
    )


def weigh(release: HelmRelease, policy: Policy) -> Evidence:
    found = judge(release, Sources.of(Fleet()), policy, AT)
    assert isinstance(found, Evidence), found
    return found


def selected_phases(release: HelmRelease, snapshot: Snapshot) -> set[str]:
    """The filters' meaning once more, for the three sets of filters that are drawn."""
    hooks = snapshot.hooks or ()
    if not release.filters:
        return {hook.phase for hook in hooks}
    return {hook.phase for hook in hooks if (hook.name == "a") is not release.filters[0].exclude}


def texts(found: Evidence) -> set[str]:
    return {proof.text for proof in found.proofs}


# --- properties ------------------------------------------------------------------------------------------------------


@given(ODD_RELEASES, ODD_FLEETS, POLICIES)
def test_the_judge_answers_for_every_release_in_plain_words(release: HelmRelease, fleet: Fleet, policy: Policy) -> None:
    found = judge(release, Sources.of(fleet), policy, AT)
    said = [found.message] if isinstance(found, Unreadable) else [doubt.message for doubt in found.doubts]
    assert all(message.isprintable() and message for message in said)
    assert found.key == release.key


@given(releases(), POLICIES, st.data())
def test_the_order_of_the_history_is_irrelevant(release: HelmRelease, policy: Policy, data: st.DataObject) -> None:
    shuffled = replace(release, history=tuple(data.draw(st.permutations(release.history))))
    assert weigh(shuffled, policy) == weigh(release, policy)


@given(releases())
def test_a_proven_version_passed_and_has_neither_failed_nor_been_left_since(release: HelmRelease) -> None:
    for proof in weigh(release, Policy()).proofs:
        witness = next(each for each in release.history if each.revision == proof.revision)
        assert selected_phases(release, witness) == {"Succeeded"}
        assert witness.status in {"deployed", "superseded"}
        for newer in (each for each in release.history if each.revision > witness.revision):
            version = Version.parse(newer.version)
            assert version >= proof.version
            if (version, version.build) == (proof.version, proof.version.build):
                assert "Failed" not in selected_phases(release, newer)


@given(releases())
def test_nothing_is_proven_where_tests_are_required_and_disabled(release: HelmRelease) -> None:
    assert weigh(replace(release, tests_enabled=False), Policy()).proofs == ()


@given(releases())
def test_optional_tests_prove_at_least_what_required_tests_prove(release: HelmRelease) -> None:
    assert texts(weigh(release, Policy())) <= texts(weigh(release, Policy(tests=model.Tests.OPTIONAL)))


@given(releases())
def test_a_newer_version_under_test_takes_no_proof_away(release: HelmRelease) -> None:
    before, after = weigh(release, Policy()), weigh(replace(release, history=(HIGHER, *release.history)), Policy())
    assert texts(before) <= texts(after)
    assert HIGHER.version not in texts(after)


@given(releases(), POLICIES)
def test_proofs_fall_and_are_never_contradicted(release: HelmRelease, policy: Policy) -> None:
    found = weigh(release, policy)
    versions = [proof.version for proof in found.proofs]
    assert versions == sorted(versions, reverse=True)
    proven = {(version, version.build) for version in versions}
    assert not proven & {(version, version.build) for version in found.contradicted}


@given(releases(), POLICIES)
def test_what_staging_deploys_is_proven_or_in_doubt(release: HelmRelease, policy: Policy) -> None:
    found = weigh(release, policy)
    assert found.deployed is not None
    doubted = [str(doubt.version) for doubt in found.doubts]
    assert (str(found.deployed) in texts(found)) is (str(found.deployed) not in doubted)
    assert texts(found).isdisjoint(doubted)
    assert len(doubted) == len(set(doubted))


@given(releases(), POLICIES)
def test_doubts_come_in_the_order_of_the_reasons(release: HelmRelease, policy: Policy) -> None:
    reasons = [doubt.reason for doubt in weigh(release, policy).doubts]
    assert reasons == [reason for reason in model.Reason if reason in reasons for _ in range(reasons.count(reason))]
