"""The words on a promotion, and the marker that is read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.model import Hook, Key, Proposal, Reason, State
from reconciler.core.pull_request import (
    Marker,
    branch,
    ledger,
    marker,
    marker_of,
    message,
    promotion_of,
    read_marker,
    restated,
    title,
    withdrawn,
)
from tests.core.test_drift import pin, proof
from tests.world import BRANCH, LEDGER, NOW

VAULT = Key("vault", "vault")
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


@pytest.mark.parametrize(
    ("version", "promotion", "expected"),
    [
        pytest.param("0.28.1", None, "Promote vault release to v0.28.1", id="alone in its repository"),
        pytest.param("v0.28.1", None, "Promote vault release to v0.28.1", id="one v is enough"),
        pytest.param("0.28.1", "home", "Promote vault release to v0.28.1 (home)", id="beside other promotions"),
    ],
)
def test_titles(version: str, promotion: str | None, expected: str) -> None:
    assert title(VAULT, proof(version), promotion) == expected


# --- the message -----------------------------------------------------------------------------------------------------


def test_a_commit_message_tells_the_change_the_evidence_and_the_marker() -> None:
    hooks = (
        Hook("vault-test", "Succeeded", NOW - timedelta(seconds=42), NOW),
        Hook("odd-times", "Succeeded", NOW, NOW - timedelta(seconds=42)),
        Hook("no-times", "Succeeded"),
    )
    proven = replace(proof("0.28.1"), since=NOW, revision=7, hooks=hooks)
    made = marker("home", (VAULT, Key("vault", "two")), "vault", pin("0.28.0"), (proven, "0.28.1"))
    assert message("Promote vault release to v0.28.1", made, proven) == (
        "Promote vault release to v0.28.1\n"
        "\n"
        "redis.yaml: 0.28.0 -> 0.28.1\n"
        "Staging: vault/vault, vault/two, chart vault\n"
        "- test vault-test: Succeeded in 42 s\n"
        "- test odd-times: Succeeded\n"
        "- test no-times: Succeeded\n"
        "Proven since 2026-03-01T12:00:00Z (revision 7)\n"
        "\n"
        "Helm-Promoter-Promotion: home\n"
        "Helm-Promoter-Release: vault/vault\n"
        "Helm-Promoter-Release: vault/two\n"
        "Helm-Promoter-Chart: vault\n"
        "Helm-Promoter-Path: redis.yaml\n"
        "Helm-Promoter-From: 0.28.0\n"
        "Helm-Promoter-To: 0.28.1\n"
        "Helm-Promoter-Proven: 2026-03-01T12:00:00Z\n"
        "Helm-Promoter-State: armed\n"
    )


def test_without_a_time_of_proof_every_process_still_makes_the_same_commit() -> None:
    made = marker("home", (VAULT,), "vault", pin("0.28.0"), (proof("0.28.1"), "0.28.1"))
    assert made.proven == datetime(2000, 1, 1, tzinfo=UTC)
    assert "Proven since" not in message("title", made, proof("0.28.1"))


def test_a_chart_name_cannot_add_trailers() -> None:
    evil = "vault\nHelm-Promoter-Since: 2020-01-01T00:00:00Z"
    made = marker("home", (VAULT,), evil, pin("0.28.0"), (proof("0.28.1"), "0.28.1"))
    found = read_marker(message("title", made, proof("0.28.1")))
    assert found is not None
    assert found.since is None
    assert found.chart == "vault Helm-Promoter-Since: 2020-01-01T00:00:00Z"


def test_a_withdrawal_rewords_the_marker_and_keeps_the_rest() -> None:
    first = message("title", MARKER, proof("0.28.1"))
    away = withdrawn(MARKER, State.PAUSED, Reason.UNMATCHED, NOW)
    second = restated(first, away)
    assert second.startswith(first.partition("Helm-Promoter-State")[0])
    assert second.endswith(
        "Helm-Promoter-State: paused\nHelm-Promoter-Reason: unmatched\nHelm-Promoter-Since: 2026-03-01T12:00:00Z\n"
    )
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


@given(MARKERS)
@settings(max_examples=150)
def test_what_is_written_is_read_back(made: Marker) -> None:
    assert read_marker(message("title", made, proof("0.28.1"))) == made


GOOD = message("title", MARKER, proof("0.28.1"))


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
