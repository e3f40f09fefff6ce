"""The names on a promotion, its commit message, and the marker that is read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Hook, Key, Manners, Proposal, Reason, State
from reconciler.core.pull_request import (
    Marker,
    branch,
    ledger,
    marker,
    marker_of,
    promotion_of,
    read_marker,
    restated,
    withdrawn,
)
from tests.core.stories import VAULT, proof, story, told
from tests.core.test_drift import pin
from tests.world import BRANCH, LEDGER, NOW

OURS = Manners()
MARKER = Marker("home", (VAULT,), "vault", "p/vault.yaml", "0.28.0", "0.28.1", NOW)


# --- names -----------------------------------------------------------------------------------------------------------


def test_branch_and_ledger_carry_promotion_namespace_and_name() -> None:
    assert branch("home", VAULT) == BRANCH
    assert ledger(BRANCH) == LEDGER
    assert promotion_of(BRANCH) == "home"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("x" * 200, "x" * 200, id="200 bytes are kept"),
        pytest.param("x" * 201, "x" * 40 + "-84a0678c9093", id="201 are shortened"),
        pytest.param("app.lock", "app.lock-c75530437071", id="git refuses a name that ends in .lock"),
        pytest.param("a..b", "a_b-f62b42414c51", id="git refuses two dots"),
        pytest.param("app.locks", "app.locks", id="a name that only looks like one is kept"),
    ],
)
def test_names_that_git_refuses_are_shortened(name: str, expected: str) -> None:
    assert branch("home", Key("ns", name)) == f"helm-promotion/home/ns/{expected}"


def test_two_long_names_with_the_same_start_stay_apart() -> None:
    assert branch("home", Key("ns", "x" * 250)) != branch("home", Key("ns", "x" * 251))


# --- the message -----------------------------------------------------------------------------------------------------

EVIDENCE = """\
apps/vault/production/helm.yaml: 0.28.0 -> 0.28.1
Staging: vault/vault, vault/two, chart vault
- test vault-test: Succeeded in 42 s
- test odd-times: Succeeded
- test no-times: Succeeded
Proven since 2026-03-01T12:00:00Z (revision 7)
"""
TRAILERS = """\
Helm-Promoter-Promotion: home
Helm-Promoter-Release: vault/vault
Helm-Promoter-Release: vault/two
Helm-Promoter-Chart: vault
Helm-Promoter-Path: apps/vault/production/helm.yaml
Helm-Promoter-From: 0.28.0
Helm-Promoter-To: 0.28.1
Helm-Promoter-Proven: 2026-03-01T12:00:00Z
Helm-Promoter-State: armed
"""
HOOKS = (
    Hook("vault-test", "Succeeded", NOW - timedelta(seconds=42), NOW),
    Hook("odd-times", "Succeeded", NOW, NOW - timedelta(seconds=42)),
    Hook("no-times", "Succeeded"),
)
TOLD = story(VAULT, Key("vault", "two"), proven=proof(tests=HOOKS, since=NOW))
SIGNED = "Signed-off-by: Ada Bot <ada@example.com>\n"


@pytest.mark.parametrize(
    ("manners", "expected"),
    [
        pytest.param(
            OURS,
            f"Promote vault release to v0.28.1\n\n{EVIDENCE}\n{TRAILERS}",
            id="our own words are the title, the evidence and the marker",
        ),
        pytest.param(
            Manners(title="{{ name }} {{ to }}"),
            f"vault 0.28.1\n\n{EVIDENCE}\n{TRAILERS}",
            id="a title of the user's is the subject too",
        ),
        pytest.param(
            Manners(title="x", commit_message="chore({{ chart }}): {{ from }} to {{ to }}\n"),
            f"chore(vault): 0.28.0 to 0.28.1\n\n{EVIDENCE}\n{TRAILERS}",
            id="a subject of the user's is followed by the evidence",
        ),
        pytest.param(
            Manners(commit_message="Update {{ name }}\n\nBecause.\x07\n"),
            f"Update vault\n\nBecause.\n\n{TRAILERS}",
            id="a whole message of the user's is followed by the marker alone",
        ),
        pytest.param(
            Manners(commit_message="Update {{ name }}\nBecause."),
            f"Update vault\n\nBecause.\n\n{TRAILERS}",
            id="whose subject stands apart, as git wants it",
        ),
        pytest.param(
            Manners(sign_off="Ada Bot <ada@example.com>"),
            f"Promote vault release to v0.28.1\n\n{EVIDENCE}\n{TRAILERS}{SIGNED}",
            id="a sign-off comes last",
        ),
        pytest.param(
            Manners(commit_message="x\n\nHelm-Promoter-State: paused\nHelm-Promoter-To: 9.9.9"),
            f"x\n\nHelm-Promoter-State: paused\nHelm-Promoter-To: 9.9.9\n\n{TRAILERS}",
            id="trailers of the user's are none of ours",
        ),
    ],
)
def test_a_commit_message_tells_the_change_the_evidence_and_the_marker(manners: Manners, expected: str) -> None:
    assert told(TOLD, manners) == expected
    assert read_marker(expected) == TOLD.marker


def test_a_long_list_of_tests_is_cut_in_the_message() -> None:
    many = tuple(Hook(f"test-{number}", "Succeeded") for number in range(23))
    text = told(story(proven=proof(tests=many)), OURS)
    assert "- test test-19: Succeeded\n- and 3 more\n" in text
    assert "test-20" not in text


def test_without_a_time_of_proof_every_process_still_makes_the_same_commit() -> None:
    made = marker("home", (VAULT,), "vault", pin("0.28.0"), (proof(), "0.28.1"))
    assert made.proven == datetime(2000, 1, 1, tzinfo=UTC)
    assert "Proven since" not in told(story(), OURS)


@pytest.mark.parametrize(
    ("chart", "expected"),
    [
        pytest.param(
            "vault\nHelm-Promoter-Since: 2020-01-01T00:00:00Z",
            "vault Helm-Promoter-Since: 2020-01-01T00:00:00Z",
            id="no trailers",
        ),
        pytest.param("[skip ci]", "?skip ci?", id="no word to the forge's machines"),
        pytest.param("x\n\nCo-authored-by: Eve <eve@x.y>", "x Co-authored-by: Eve ?eve?x.y?", id="no author"),
        pytest.param("closes #1 @eve", "closes ?1 ?eve", id="no reference, no mention"),
    ],
)
def test_the_name_of_a_chart_adds_nothing_to_a_message(chart: str, expected: str) -> None:
    made = marker("home", (VAULT,), chart, pin("0.28.0"), (proof(), "0.28.1"))
    assert read_marker(told(replace(story(), marker=made), OURS)) == made
    assert made.chart == expected
    assert made.since is None


def test_a_withdrawal_rewords_the_marker_and_keeps_the_rest() -> None:
    first = told(replace(story(), marker=MARKER), OURS)
    away = withdrawn(MARKER, State.PAUSED, Reason.UNMATCHED, NOW)
    second = restated(first, away)
    assert second.startswith(first.partition("Helm-Promoter-State")[0])
    assert second.endswith(
        "Helm-Promoter-State: paused\nHelm-Promoter-Reason: unmatched\nHelm-Promoter-Since: 2026-03-01T12:00:00Z\n"
    )
    assert read_marker(second) == away
    assert restated(second, MARKER) == first


def test_a_sign_off_outlives_a_withdrawal() -> None:
    signed = Manners(sign_off="Ada Bot <ada@example.com>")
    first = told(replace(story(), marker=MARKER), signed)
    away = withdrawn(MARKER, State.DISARMED, Reason.TESTS_FAILED)
    second = restated(first, away)
    assert second.endswith(f"Helm-Promoter-Reason: tests-failed\n{SIGNED}")
    assert read_marker(second) == away
    assert restated(second, MARKER) == first


# --- reading ---------------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1).filter(str.strip)
KEYS = st.builds(Key, st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.from_regex(r"[a-z.-]{1,9}", fullmatch=True))
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)
MARKERS = st.builds(
    Marker,
    promotion=st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True),
    releases=st.lists(KEYS, min_size=1, max_size=3).map(tuple),
    chart=WORDS,
    path=WORDS,
    from_=WORDS,
    to=WORDS,
    proven=TIMES,
    state=st.sampled_from(State),
    reason=st.none() | st.sampled_from(Reason),
    since=st.none() | TIMES,
)


@given(MARKERS, st.sampled_from(["", "Ada Bot <ada@example.com>"]))
def test_what_is_written_is_read_back(made: Marker, sign_off: str) -> None:
    text = told(replace(story(), marker=made), Manners(sign_off=sign_off))
    assert read_marker(text) == made
    assert restated(text, made) == text


GOOD = told(replace(story(), marker=MARKER), OURS)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("Update vault\n", id="a person's commit"),
        pytest.param(f"{GOOD}\nand then some\n", id="a marker that is not the last paragraph"),
        *(
            pytest.param(GOOD.replace(f"Helm-Promoter-{name}", "Other"), id=f"without {name}")
            for name in ("Promotion", "Release", "Chart", "Path", "From", "To", "Proven", "State")
        ),
        pytest.param(GOOD.replace("State: armed", "State: asleep"), id="an unknown state"),
        pytest.param(GOOD.replace("Release: vault/vault", "Release: vault"), id="a release without a namespace"),
        pytest.param(GOOD.replace("Release: vault/vault", "Release: a/b/c"), id="a release of three parts"),
        pytest.param(GOOD.replace("T12:00:00Z", "T12:00:00"), id="a time without a zone"),
        pytest.param(GOOD.replace("2026-03-01T12:00:00Z", "0001-01-01T00:00:00+14:00"), id="a time before all times"),
        pytest.param(f"{GOOD}Helm-Promoter-Since: yesterday\n", id="a broken time of pausing"),
        pytest.param(f"{GOOD}Helm-Promoter-Reason: because\n", id="an unknown reason"),
    ],
)
def test_a_missing_or_broken_marker_is_none(text: str) -> None:
    assert read_marker(GOOD) == MARKER
    assert read_marker(text) is None


def test_a_time_of_another_zone_is_read_as_utc() -> None:
    found = read_marker(GOOD.replace("2026-03-01T12:00:00Z", "2026-03-01T14:00:00+02:00"))
    assert found is not None
    assert found.proven.isoformat() == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("proposal", "expected"),
    [
        pytest.param(Proposal(BRANCH, LEDGER, "1", "1", GOOD), MARKER, id="what we pushed is ours"),
        pytest.param(Proposal(BRANCH, LEDGER, "1", None, GOOD), None, id="a copied message without a ledger is not"),
        pytest.param(
            Proposal(BRANCH.replace("home", "work"), LEDGER.replace("home", "work"), "1", "1", GOOD),
            None,
            id="nor is the marker of another promotion",
        ),
        pytest.param(Proposal(BRANCH, LEDGER, "1", "1", "hello"), None, id="nor a ledger without a marker"),
    ],
)
def test_what_is_ours(proposal: Proposal, expected: Marker | None) -> None:
    assert marker_of(proposal) == expected
