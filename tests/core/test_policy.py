"""What a release is held to: the promotion's policy, overrides, and annotations that may only tighten."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import model
from reconciler.core.cron import Cron
from reconciler.core.model import (
    Freeze,
    HelmRelease,
    Key,
    Open,
    Override,
    Policy,
    Problem,
    Promotion,
    Reason,
    Step,
    Terms,
    Window,
)
from reconciler.core.policy import merged, terms
from reconciler.core.selector import Selector
from reconciler.core.version import Constraint
from tests.core.simulator import Repository, fleet, look
from tests.core.test_plan import oci, referring
from tests.world import NOW, Object, manifest, proven, release

HOUR = timedelta(hours=1)
REQUIRED, OPTIONAL = model.Tests.REQUIRED, model.Tests.OPTIONAL
FULL = Policy(
    tests=REQUIRED,
    soak=HOUR,
    minimum=2,
    max_age=30 * HOUR,
    allow=(Constraint.parse("^1"),),
    bump=Step.MINOR,
    prereleases=False,
    ignore=(Constraint.parse("1.2.3"),),
    windows=(Window(Cron.parse("0 9 * * *", UTC), HOUR),),
    freeze=(Freeze(NOW),),
)


def staged(key: str = "vault/vault", labels: dict[str, str] | None = None, **annotations: str) -> HelmRelease:
    return HelmRelease(
        Key(*key.split("/")),
        1,
        1,
        labels=tuple((labels or {}).items()),
        annotations=tuple((name.replace("_", "-"), text) for name, text in annotations.items()),
    )


def held_to(one: HelmRelease, policy: Policy, *overrides: Override) -> Terms:
    return terms(Promotion("home", "git:fleet#main", ("**",), policy=policy, overrides=overrides), one)


# --- overrides -------------------------------------------------------------------------------------------------------


def override(soak: int, selector: str = "", key: str = "*/*", **policy: object) -> Override:
    return Override(Policy(soak=soak * HOUR, **policy), Selector.parse(selector), key)  # type: ignore[arg-type]


OVERRIDES = {
    "without overrides the promotion's policy holds": ((), 1),
    "one by name": ((override(2, key="vault/vault"),), 2),
    "one by a pattern of names": ((override(2, key="v*/*"),), 2),
    "one for others": ((override(2, key="redis/*"),), 1),
    "a pattern is no prefix": ((override(2, key="vault/v"),), 1),
    "one by labels": ((override(2, "tier=critical"),), 2),
    "one by other labels": ((override(2, "tier=low"),), 1),
    "by labels and name, both": ((override(2, "tier=critical", "vault/*"),), 2),
    "by labels and name, one of them": ((override(2, "tier=critical", "redis/*"),), 1),
    "the last one wins": ((override(2), override(3)), 3),
    "also when it loosens": ((override(3), override(0)), 0),
    "one that does not match takes nothing back": ((override(3), override(2, "tier=low")), 3),
}


@pytest.mark.parametrize(("overrides", "hours"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_overrides(overrides: tuple[Override, ...], hours: int) -> None:
    one = staged(labels={"tier": "critical"})
    assert held_to(one, Policy(soak=HOUR), *overrides) == Terms(Policy(soak=hours * HOUR))


def test_overrides_win_key_by_key() -> None:
    first, last = override(2, bump=Step.PATCH), Override(Policy(bump=Step.MINOR, prereleases=True))
    found = held_to(staged(), Policy(tests=OPTIONAL), first, last).policy
    assert found == Policy(tests=OPTIONAL, soak=2 * HOUR, bump=Step.MINOR, prereleases=True)


@pytest.mark.parametrize("key", [field.name for field in fields(Policy)])
def test_every_key_can_be_overridden_and_is_left_alone_where_it_is_not_given(key: str) -> None:
    assert getattr(FULL, key) is not None
    only = Policy(**{key: getattr(FULL, key)})
    assert merged(Policy(), only) == only
    assert merged(FULL, Policy()) == FULL
    assert merged(FULL, only) == FULL


ORDERS = st.permutations([override(2, key="a/*"), override(3, key="b/*"), override(4, "tier=low", "c/*")])


@given(ORDERS, st.sampled_from(["a/x", "b/x", "c/x", "d/x"]), st.sampled_from(["low", "high"]))
def test_the_order_of_overrides_that_do_not_overlap_is_irrelevant(
    overrides: list[Override], key: str, tier: str
) -> None:
    one = staged(key, {"tier": tier})
    hours = {"a/x": 2, "b/x": 3, "c/x": 4 if tier == "low" else 1}.get(key, 1)
    assert held_to(one, Policy(soak=HOUR), *overrides).policy.soak == hours * HOUR


# --- annotations -----------------------------------------------------------------------------------------------------

TIGHTENING = {
    "a soak where there was none": ({"soak": "3d"}, Policy(), Policy(soak=72 * HOUR)),
    "a longer soak": ({"soak": "2h"}, Policy(soak=HOUR), Policy(soak=2 * HOUR)),
    "the same soak": ({"soak": "60m"}, Policy(soak=HOUR), Policy(soak=HOUR)),
    "blanks about it": ({"soak": " 2h\n"}, Policy(), Policy(soak=2 * HOUR)),
    "tests": ({"tests": "required"}, Policy(tests=OPTIONAL), Policy(tests=REQUIRED)),
    "tests where they are required": ({"tests": "required"}, Policy(), Policy(tests=REQUIRED)),
    "optional tests where they are optional": ({"tests": "optional"}, Policy(tests=OPTIONAL), Policy(tests=OPTIONAL)),
    "more tests": ({"tests_minimum": "3"}, Policy(), Policy(minimum=3)),
    "a younger proof": ({"tests_max_age": "1h"}, Policy(max_age=2 * HOUR), Policy(max_age=HOUR)),
    "an age where there was none": ({"tests_max_age": "1h"}, Policy(), Policy(max_age=HOUR)),
    "a smaller step": ({"bump": "patch"}, Policy(bump=Step.MINOR), Policy(bump=Step.PATCH)),
    "a step where any was admitted": ({"bump": "major"}, Policy(), Policy(bump=Step.MAJOR)),
    "a range beside the policy's": (
        {"allow": "<1.5"},
        Policy(allow=(Constraint.parse("^1"),)),
        Policy(allow=(Constraint.parse("^1"), Constraint.parse("<1.5"))),
    ),
    "a range where all was allowed": ({"allow": "<1.5"}, Policy(), Policy(allow=(Constraint.parse("<1.5"),))),
    "more to ignore": (
        {"ignore": "1.2.4 || >=2"},
        Policy(ignore=(Constraint.parse("1.2.3"),)),
        Policy(ignore=(Constraint.parse("1.2.3"), Constraint.parse("1.2.4 || >=2"))),
    ),
    "no prereleases": ({"prereleases": "false"}, Policy(prereleases=True), Policy(prereleases=False)),
    "prereleases where they are taken": ({"prereleases": "true"}, Policy(prereleases=True), Policy(prereleases=True)),
    "a freeze beside the policy's": (
        {"freeze": "2027-01-04"},
        Policy(freeze=(Freeze(NOW),)),
        Policy(
            freeze=(
                Freeze(NOW),
                Freeze(datetime(2027, 1, 4, tzinfo=UTC), "an annotation helm-promoter/freeze says so"),
            )
        ),
    ),
}


@pytest.mark.parametrize(("given", "policy", "expected"), TIGHTENING.values(), ids=TIGHTENING.keys())
def test_an_annotation_tightens(given: dict[str, str], policy: Policy, expected: Policy) -> None:
    assert held_to(staged(**given), policy) == Terms(expected)


def test_annotations_tighten_what_overrides_say() -> None:
    found = held_to(staged(soak="3h"), Policy(), override(2, key="vault/*"))
    assert found == Terms(Policy(soak=3 * HOUR))


LOOSENING = {
    "a shorter soak": ({"soak": "30m"}, "soak", "asks for 30m where the policy has 1h"),
    "optional tests": ({"tests": "optional"}, "tests", "asks for optional where the policy has required"),
    "fewer tests": ({"tests_minimum": "1"}, "tests", "asks for 1 where the policy has 2"),
    "an older proof": ({"tests_max_age": "2d"}, "age", "asks for 2d where the policy has 1d6h"),
    "a larger step": ({"bump": "major"}, "bump", "asks for major where the policy has minor"),
    "prereleases": ({"prereleases": "true"}, "prerelease", "asks for prereleases where the policy has none"),
}


@pytest.mark.parametrize(("given", "gate", "message"), LOOSENING.values(), ids=LOOSENING.keys())
def test_an_annotation_that_would_loosen_has_no_effect_and_is_told(
    given: dict[str, str], gate: str, message: str
) -> None:
    (name,) = (name.replace("_", "-") for name in given)
    told = f"the annotation helm-promoter/{name} on vault/vault {message}, and has no effect: annotations only tighten"
    assert held_to(staged(**given), FULL) == Terms(FULL, idle=((gate, told),))


NO_DURATION = "which is not a duration such as 90s, 1h30m or 2d"
NO_DATE = "write a date such as 2027-01-04, or a time with its zone such as 2027-01-04T08:00:00+01:00"
MALFORMED = {
    "a soak without a unit": ({"soak": "3"}, f'holds "3", {NO_DURATION}'),
    "a soak in words": ({"soak": "3 days"}, f'holds "3 days", {NO_DURATION}'),
    "a soak of no time": ({"soak": "0s"}, 'holds "0s", which is no time at all; write a longer one'),
    "a soak of centuries": ({"soak": "999999d"}, 'holds "999999d", which is over 292 years; write a shorter one'),
    "tests that are neither": ({"tests": "never"}, 'holds "never", which is not one of required, optional'),
    "a step that is none": ({"bump": "Patch"}, 'holds "Patch", which is not one of patch, minor, major'),
    "a number that is none": (
        {"tests_minimum": "two"},
        'holds "two", which is not a whole number above 0, such as 2',
    ),
    "no number of tests": ({"tests_minimum": "0"}, 'holds "0", which is not a whole number above 0, such as 2'),
    "a digit of another script": (
        {"tests_minimum": "٣"},
        'holds "٣", which is not a whole number above 0, such as 2',
    ),
    "an age in words": ({"tests_max_age": "old"}, f'holds "old", {NO_DURATION}'),
    "an empty range": ({"allow": ""}, 'holds "", which is no version range'),
    "a range that is none": (
        {"ignore": "new"},
        "holds \"new\", but 'new' is not a version range: write one such as 1.2.3, ~1.2 or >=1.2.0 <2.0.0",
    ),
    "neither true nor false": ({"prereleases": "yes"}, 'holds "yes", which is neither true nor false'),
    "a date that is none": ({"freeze": "2027-13-01"}, f'holds "2027-13-01", which is no date; {NO_DATE}'),
    "a time without a zone": (
        {"freeze": "2027-01-04T08:00:00"},
        f'holds "2027-01-04T08:00:00", which has no time zone; {NO_DATE}',
    ),
    "a time beyond all": ({"freeze": "0001-01-01T00:00:00+10:00"}, f"which is no date; {NO_DATE}"),
    "a name that is none": (
        {"sok": "3d"},
        (
            "is none that is known; known are hold, allow, bump, freeze, ignore, prereleases, soak, tests,"
            " tests-max-age, tests-minimum"
        ),
    ),
    "a text that would break the line": ({"soak": "3\nd\x1b[31m"}, f'holds "3 d [31m", {NO_DURATION}'),
    "a text that is too long": ({"soak": "x" * 65}, f'holds "{"x" * 64}…", {NO_DURATION}'),
}


@pytest.mark.parametrize(("given", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_an_annotation_that_cannot_be_read_is_named_and_changes_nothing(given: dict[str, str], message: str) -> None:
    (name,) = (name.replace("_", "-") for name in given)
    found = held_to(staged(**given), FULL)
    (told,) = found.malformed
    assert found == Terms(FULL, malformed=(told,))
    assert told.startswith(f"the annotation helm-promoter/{name} on vault/vault ")
    assert told.endswith(message)


@pytest.mark.parametrize(
    ("text", "hold"),
    [
        pytest.param("bad week", "bad week", id="any text holds, and is the reason"),
        pytest.param("", "", id="none holds too"),
        pytest.param("true", "true", id="and so does true"),
        pytest.param("false", None, id="false does not"),
        pytest.param("first line\nsecond", "first line second", id="it is told on one line"),
    ],
)
def test_a_hold(text: str, hold: str | None) -> None:
    assert held_to(staged(hold=text), Policy()) == Terms(hold=hold)


ANNOTATIONS = st.dictionaries(
    st.sampled_from(["soak", "tests", "bump", "allow", "ignore", "prereleases", "tests-minimum", "tests-max-age"]),
    st.sampled_from(["1h", "9d", "required", "optional", "patch", "major", "^1", "true", "false", "2", "", "\0"]),
)


@given(ANNOTATIONS, st.sampled_from([Policy(), FULL]))
def test_what_annotations_say_is_taken_tightened_or_told(annotations: dict[str, str], policy: Policy) -> None:
    found = held_to(replace(staged(), annotations=tuple(sorted(annotations.items()))), policy)
    assert all(message for message in (*found.malformed, *(message for _, message in found.idle)))
    assert found.policy.soak is None or found.policy.soak >= (policy.soak or timedelta(0))
    assert (found.policy.minimum or 1) >= (policy.minimum or 1)
    assert policy.max_age is None or (found.policy.max_age or 99 * HOUR) <= policy.max_age
    assert set(policy.allow or ()) <= set(found.policy.allow or ())
    assert set(policy.ignore or ()) <= set(found.policy.ignore or ())
    assert policy.prereleases or not found.policy.prereleases
    assert policy.tests is OPTIONAL or found.policy.tests is not OPTIONAL


# --- through a whole pass --------------------------------------------------------------------------------------------

V = "vault/vault"


def annotated(one: Object, **annotations: str) -> Object:
    one["metadata"]["annotations"] = {f"helm-promoter/{name}": text for name, text in annotations.items()}
    return one


def vault() -> Repository:
    return Repository({"vault.yaml": manifest(V, "0.28.0")})


PASSES = {
    "a hold": ({"hold": "bad week"}, Reason.ON_HOLD),
    "an annotation that cannot be read": ({"soak": "soon"}, Reason.POLICY),
    "a soak": ({"soak": "3d"}, Reason.SOAKING),
    "a step": ({"bump": "patch"}, Reason.POLICY),
    "a freeze": ({"freeze": "2026-04-01"}, Reason.FROZEN),
    "tests where they are optional": ({"tests": "required"}, Reason.TESTS_DISABLED),
}


@pytest.mark.parametrize(("annotations", "reason"), PASSES.values(), ids=PASSES.keys())
def test_an_annotation_holds_a_release(annotations: dict[str, str], reason: Reason) -> None:
    policy = Policy(tests=OPTIONAL, soak=HOUR / 2)
    enable = {"test": {"enable": reason is not Reason.TESTS_DISABLED}}
    one = release(V, ("0.29.0", "Succeeded"), **enable)
    assert [type(action) for action in look(fleet(one), vault(), policy=policy).actions] == [Open]

    found = look(fleet(annotated(one, **annotations)), vault(), policy=policy)
    assert found.actions == ()
    (hold,) = found.holds
    assert (hold.reason, bool(hold.message)) == (reason, True)


def test_other_annotations_are_nothing_to_us() -> None:
    one = annotated(proven(V, "0.29.0"))
    one["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "hold": "x"}
    assert [type(action) for action in look(fleet(one), vault()).actions] == [Open]


def test_an_override_holds_some_releases_by_their_labels() -> None:
    one = proven(V, "0.29.0")
    one["metadata"]["labels"] = {"tier": "critical"}
    by_label = (Override(Policy(bump=Step.PATCH), Selector.parse("tier=critical")),)
    found = look(fleet(one), vault(), overrides=by_label)
    assert [hold.reason for hold in found.holds] == [Reason.POLICY]

    one["metadata"]["labels"] = {"tier": "low"}
    assert [type(action) for action in look(fleet(one), vault(), overrides=by_label).actions] == [Open]


def test_an_override_may_do_without_tests() -> None:
    one = release(V, ("0.29.0", None), test={"enable": False})
    policy = Override(Policy(tests=OPTIONAL, soak=HOUR / 2), release="vault/*")
    assert [type(action) for action in look(fleet(one), vault(), overrides=(policy,)).actions] == [Open]
    assert look(fleet(one), vault()).actions == ()


SOAKING = Override(Policy(soak=HOUR), release="redis/*")
IDLE = {
    "one that is about none is told": ((SOAKING,), {}, ["policy.overrides[0]"]),
    "only that one is": ((Override(Policy(soak=HOUR), release="vault/*"), SOAKING), {}, ["policy.overrides[1]"]),
    "not where a namespace could not be read": ((SOAKING,), {"unread": (Problem("redis", "no"),)}, ["redis"]),
    "nor where an object could not": ((SOAKING,), {"errors": (Problem("recording", "no"),)}, ["recording"]),
}


@pytest.mark.parametrize(("overrides", "problems", "told"), IDLE.values(), ids=IDLE.keys())
def test_an_override_that_is_about_no_release_is_an_error(
    overrides: tuple[Override, ...], problems: dict[str, tuple[Problem, ...]], told: list[str]
) -> None:
    found = look(fleet(proven(V, "0.29.0"), **problems), vault(), overrides=overrides)  # type: ignore[arg-type]
    assert [(error.subject, bool(error.message)) for error in found.errors] == [(subject, True) for subject in told]


def test_a_release_of_the_wrong_shape_may_be_the_one_that_an_override_is_about() -> None:
    broken = proven("redis/redis", "1.0.0") | {"spec": None}
    assert look(fleet(proven(V, "0.29.0"), broken), vault(), overrides=(SOAKING,)).errors == ()


def shared() -> Repository:
    return Repository({"shared.yaml": oci("1.0.0", "x") + referring("a/x", "x") + referring("b/x", "x")})


def test_of_a_shared_pin_every_release_has_to_admit() -> None:
    free = fleet(proven("a/x", "1.1.0"), proven("b/x", "1.1.0"))
    assert [action.subject.releases for action in look(free, shared()).actions] == [(Key("a", "x"), Key("b", "x"))]

    found = look(fleet(proven("a/x", "1.1.0"), annotated(proven("b/x", "1.1.0"), hold="")), shared())
    assert found.actions == ()
    assert [(str(hold.release), hold.reason) for hold in found.holds] == [
        ("a/x", Reason.ON_HOLD),
        ("b/x", Reason.ON_HOLD),
    ]
    assert all(hold.message.startswith("b/x: ") for hold in found.holds)


def test_a_laggard_of_a_shared_pin_leaves_each_to_its_own_policy() -> None:
    staging = fleet(annotated(proven("a/x", "1.1.0"), hold="bad week"), proven("b/x", "1.0.0"))
    assert [(str(hold.release), hold.reason) for hold in look(staging, shared()).holds] == [("a/x", Reason.ON_HOLD)]

    staging = fleet(proven("a/x", "1.1.0"), annotated(proven("b/x", "1.0.0"), hold="bad week"))
    assert [(str(hold.release), hold.reason) for hold in look(staging, shared()).holds] == [("a/x", Reason.WAITING)]


def test_while_a_step_is_too_large_the_next_lower_version_moves() -> None:
    staging = fleet(proven(V, "1.0.0", "0.28.2", "0.28.1", wants=">=0"))
    (action,) = look(staging, vault(), policy=Policy(bump=Step.PATCH)).actions
    assert action.subject.to == "0.28.2"
