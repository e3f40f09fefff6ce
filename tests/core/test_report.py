"""What a pass has to tell: the document, what became of the actions, and what a person could do."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from reconciler.core.model import (
    Failure,
    Fleet,
    Gate,
    Hold,
    Key,
    Plan,
    Policy,
    Proposed,
    PullRequestRef,
    Reason,
    State,
)
from reconciler.core.plan import assess, inquire, plan
from reconciler.core.report import (
    Outcome,
    Report,
    Result,
    advice,
    document,
    explain,
    held_by_reason,
    known,
    printable,
    timestamp,
    verb,
)
from tests.core.simulator import Repository, fleet, look, promotion, turn, view
from tests.core.test_gates import NAMES
from tests.core.test_plan import broken_object
from tests.world import BRANCH, NOW, manifest, proven, release

V = "vault/vault"


def vault(version: str = "0.28.0") -> Repository:
    return Repository({"vault.yaml": manifest(V, version)})


# --- the document ----------------------------------------------------------------------------------------------------

GATES = [{"gate": name, "ok": True, "reason": None, "message": None, "until": None} for name in NAMES]
DIFF = """\
--- a/vault.yaml
+++ b/vault.yaml
@@ -7,7 +7,7 @@ spec:
   chart:
     spec:
       chart: vault
-      version: 0.28.0
+      version: 0.28.1
       sourceRef:
         kind: HelmRepository
         name: charts
"""
OPENED = {
    "action": "open",
    "promotion": "home",
    "release": V,
    "releases": [V],
    "chart": "vault",
    "from": "0.28.0",
    "to": "0.28.1",
    "branch": BRANCH,
    "title": "Promote vault release to v0.28.1",
    "pull_request": None,
    "reason": None,
    "message": None,
    "edits": [{"path": "vault.yaml", "diff": DIFF}],
    "gates": GATES,
}
EMPTY = {"at": "2026-03-01T12:00:00Z", "actions": [], "holds": [], "in_sync": [], "proposed": [], "errors": []}


def test_an_action_in_full() -> None:
    assert document(look(fleet(proven(V, "0.28.1")), vault())) == EMPTY | {"actions": [OPENED]}


def test_a_withdrawal_has_a_reason_and_no_edits() -> None:
    repository = vault()
    turn(fleet(proven(V, "0.28.1")), repository)
    decided = look(fleet(proven(V, "0.28.1", suspend=True)), repository)
    paused = OPENED | {
        "action": "pause",
        "reason": "suspended",
        "message": "staging is suspended: what it runs may not be what it would deploy; resume it",
        "edits": [],
        "gates": [],
    }
    assert document(decided) == EMPTY | {"actions": [paused]}


def test_what_stands_in_full() -> None:
    repository = vault()
    turn(fleet(proven(V, "0.28.1")), repository)
    expected = {
        "promotion": "home",
        "release": V,
        "from": "0.28.0",
        "to": "0.28.1",
        "state": "armed",
        "branch": BRANCH,
        "pull_request": None,
        "gates": GATES,
    }
    assert document(look(fleet(proven(V, "0.28.1")), repository)) == EMPTY | {"proposed": [expected]}


def test_a_pull_request_is_named_by_number_address_and_state() -> None:
    ref = PullRequestRef(7, "https://example.com/pull/7", "open")
    one = Proposed("home", Key("vault", "vault"), "0.28.0", "0.28.1", State.ARMED, BRANCH, ref)
    shown = json.loads(json.dumps(document(Plan(NOW, proposed=(one,)))))["proposed"][0]
    assert shown["pull_request"] == {"number": 7, "url": "https://example.com/pull/7", "state": "open"}


def test_a_hold_in_full() -> None:
    gate = Gate("soak", ok=False, reason=Reason.SOAKING, message="not yet", until=NOW)
    held = Hold("home", Key("vault", "vault"), Reason.SOAKING, "not yet", "0.28.0", "0.28.1", NOW, (gate,))
    expected = {
        "promotion": "home",
        "release": V,
        "reason": "soaking",
        "from": "0.28.0",
        "to": "0.28.1",
        "until": "2026-03-01T12:00:00Z",
        "message": "not yet",
        "gates": [
            {"gate": "soak", "ok": False, "reason": "soaking", "message": "not yet", "until": "2026-03-01T12:00:00Z"}
        ],
    }
    assert document(Plan(NOW, holds=(held,))) == EMPTY | {"holds": [expected]}


def test_in_sync_and_errors_in_full() -> None:
    shown = document(look(fleet(proven(V, "0.28.0")), vault(), paths=("**", "none")))
    message = 'the glob "none" matches no file on the branch; mend it in paths'
    assert shown == EMPTY | {
        "in_sync": [{"promotion": "home", "release": V, "version": "0.28.0"}],
        "errors": [{"promotion": "home", "subject": "none", "message": message}],
    }


def test_the_document_is_json() -> None:
    shown = document(look(fleet(proven(V, "0.28.1")), vault(), policy=Policy(soak=timedelta(days=1))))
    assert json.loads(json.dumps(shown))["holds"][0]["reason"] == "soaking"


def test_times_are_written_in_utc() -> None:
    assert timestamp(datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))) == "2026-03-01T12:00:00Z"


def test_every_action_has_its_word() -> None:
    repository = vault()
    proposed, newer = fleet(proven(V, "0.28.1")), fleet(proven(V, "0.28.2"))
    asleep, failed = fleet(proven(V, "0.28.2", suspend=True)), fleet(release(V, ("0.28.2", "Failed")))
    told = [
        action
        for staging in (proposed, newer, asleep, newer, failed, newer)
        for action in turn(staging, repository).actions
    ]
    repository.merge(BRANCH, delete=False)
    told += look(newer, repository).actions
    assert list(map(verb, told)) == ["open", "update", "pause", "rearm", "disarm", "rearm", "close"]


# --- what became of it -----------------------------------------------------------------------------------------------

ACTION = look(fleet(proven(V, "0.28.1")), vault()).actions[0]


@pytest.mark.parametrize(
    ("report", "failed"),
    [
        pytest.param(Report(Plan(NOW)), False, id="nothing to do is no failure"),
        pytest.param(Report(Plan(NOW, errors=(Failure("home", "a", "b"),))), False, id="nor is one broken file"),
        pytest.param(
            Report(Plan(NOW, errors=(Failure("home", "a", "b", fatal=True),))),
            True,
            id="a promotion that could not be observed is",
        ),
        pytest.param(Report(Plan(NOW), (Outcome(ACTION, Result.APPLIED),)), False, id="an action that was carried out"),
        pytest.param(
            Report(Plan(NOW), (Outcome(ACTION, Result.DRY_RUN),)), False, id="an action that was only planned"
        ),
        pytest.param(
            Report(Plan(NOW), (Outcome(ACTION, Result.APPLIED), Outcome(ACTION, Result.FAILED, "no"))),
            True,
            id="one action that failed among others",
        ),
    ],
)
def test_when_a_pass_has_failed(report: Report, failed: bool) -> None:
    assert report.failed is failed


def test_holds_are_counted_by_reason_the_most_frequent_first() -> None:
    reasons = (Reason.STALE, Reason.AHEAD, Reason.NO_TESTS, Reason.NO_TESTS, Reason.AHEAD, Reason.AHEAD)
    holds = [Hold("home", Key("a", "b"), reason, "so") for reason in reasons]
    assert held_by_reason(holds) == ((Reason.AHEAD, 3), (Reason.NO_TESTS, 2), (Reason.STALE, 1))


def test_reasons_of_one_count_are_sorted_by_name() -> None:
    holds = [Hold("home", Key("a", "b"), reason, "so") for reason in (Reason.WAITING, Reason.AHEAD, Reason.STALE)]
    assert [reason for reason, _ in held_by_reason(holds)] == [Reason.AHEAD, Reason.STALE, Reason.WAITING]


PASSING = {Reason.TESTS_RUNNING, Reason.SOAKING, Reason.WAITING, Reason.WINDOW, Reason.FROZEN, Reason.CAPACITY}


@pytest.mark.parametrize("reason", sorted(PASSING))
def test_of_what_passes_by_itself_the_advice_says_so(reason: Reason) -> None:
    assert advice(reason) == "nothing: they go on by themselves"


def test_advice_without_tests_tells_the_policy() -> None:
    assert "policy: {tests: optional, soak: 24h}" in advice(Reason.TESTS_DISABLED)


# --- one release in full ---------------------------------------------------------------------------------------------


def test_an_explanation_has_evidence_pin_gates_and_answer_for_every_promotion() -> None:
    repository = vault()
    staging = fleet(proven(V, "0.28.1"), broken_object() | {"metadata": {"name": "x", "namespace": "x"}})
    pairs = ((promotion("home"), staging), (promotion("other", paths=("none",)), staging), (promotion("void"), Fleet()))
    assessed = assess([view(one, seen, repository, ["home", "other", "void"]) for one, seen in pairs], NOW)
    decided = plan(assessed, {one.promotion.name: repository.answer(inquire(one)) for one in assessed}, NOW)
    home, other = explain(Key("vault", "vault"), decided, assessed)
    assert (home.promotion, home.answer) == ("home", decided.actions[0])
    assert home.evidence is not None
    assert home.unit is not None
    assert [gate.gate for gate in home.gates] == NAMES
    assert (other.promotion, other.unit, other.gates) == ("other", None, ())
    assert other.answer is not None
    broken = explain(Key("x", "x"), decided, assessed)
    assert [(one.promotion, one.evidence) for one in broken] == [("home", None), ("other", None)]
    assert known(decided, assessed) == (Key("vault", "vault"), Key("x", "x"))
    assert explain(Key("no", "no"), decided, assessed) == ()


@pytest.mark.parametrize(
    ("pinned", "gates"),
    [
        pytest.param("0.28.0", NAMES, id="the gates of a paused version are still told"),
        pytest.param("0.28.1", [], id="without a newer version there is nothing to ask the gates"),
    ],
)
def test_an_explanation_tells_the_gates_of_the_candidate(pinned: str, gates: list[str]) -> None:
    repository = vault(pinned)
    staging = fleet(proven(V, "0.28.1", suspend=True))
    assessed = assess([view(promotion(), staging, repository)], NOW)
    decided = plan(assessed, {"home": repository.answer(inquire(assessed[0]))}, NOW)
    (one,) = explain(Key("vault", "vault"), decided, assessed)
    assert [gate.gate for gate in one.gates] == gates


def test_what_could_not_be_decided_is_explained_as_far_as_it_is_known() -> None:
    assessed = assess([view(promotion(), fleet(release(V, ("0.28.0", "Failed"))), vault())], NOW)
    (one,) = explain(Key("vault", "vault"), Plan(NOW), assessed)
    assert one.answer is None
    assert one.evidence is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain ünïcode ✓", "plain ünïcode ✓", id="what can be read stays"),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="no colours"),
        pytest.param("a\nb\rc", "a\\nb\\rc", id="no new lines"),
        pytest.param("a\u202eb", "a\\u202eb", id="no turned text"),
    ],
)
def test_a_terminal_is_told_nothing_that_it_would_obey(text: str, expected: str) -> None:
    assert printable(text) == expected
