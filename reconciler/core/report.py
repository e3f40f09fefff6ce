"""What a pass has to tell: the plan as a document, what became of its actions, and what a person could do next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from reconciler.core.gates import ask
from reconciler.core.model import Action, Close, Disarm, InSync, Open, Pause, Rearm, Reason, Update
from reconciler.core.plan.decide import promotion_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from reconciler.core.drift import Unit
    from reconciler.core.model import (
        Answer,
        Evidence,
        Failure,
        Gate,
        Hold,
        Key,
        Plan,
        Proposed,
        PullRequestRef,
    )
    from reconciler.core.plan import Assessment


class Result(StrEnum):
    """What became of an action."""

    APPLIED = "applied"
    DRY_RUN = "dry-run"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An action and what became of it. ``message`` says why it failed."""

    action: Action
    result: Result
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All that one pass has to tell."""

    plan: Plan
    outcomes: tuple[Outcome, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether a promotion could not be observed, or an action failed. A hold, or one broken file, is no failure."""
        return any(error.fatal for error in self.plan.errors) or any(
            outcome.result is Result.FAILED for outcome in self.outcomes
        )


def verb(action: Action) -> str:
    """Name an action as the plan and the logs do."""
    match action:
        case Open():
            return "open"
        case Update():
            return "update"
        case Rearm():
            return "rearm"
        case Pause():
            return "pause"
        case Disarm():
            return "disarm"
        case Close():
            return "close"
        case _:
            assert_never(action)


def document(plan: Plan) -> dict[str, object]:
    """Give a plan as a document of plain values, ready for JSON."""
    return {
        "at": timestamp(plan.at),
        "actions": [_action(action) for action in plan.actions],
        "holds": [_hold(hold) for hold in plan.holds],
        "in_sync": [_in_sync(one) for one in plan.in_sync],
        "proposed": [_proposed(one) for one in plan.proposed],
        "errors": [_error(error) for error in plan.errors],
    }


def timestamp(at: datetime) -> str:
    """Write a time as Kubernetes does: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _action(action: Action) -> dict[str, object]:
    subject = action.subject
    edits = action.edits if isinstance(action, Open | Update | Rearm) else ()
    return {
        "action": verb(action),
        "promotion": subject.promotion,
        "release": str(subject.release),
        "releases": [str(release) for release in subject.releases],
        "chart": subject.chart,
        "from": subject.from_,
        "to": subject.to,
        "branch": subject.branch,
        "title": subject.title,
        "pull_request": _pull_request(subject.proposal.pull_request if subject.proposal else None),
        "reason": subject.reason,
        "message": subject.message,
        "edits": [{"path": edit.path, "diff": edit.diff} for edit in edits],
        "gates": [_gate(gate) for gate in subject.gates],
    }


def _hold(hold: Hold) -> dict[str, object]:
    return {
        "promotion": hold.promotion,
        "release": str(hold.release),
        "reason": hold.reason,
        "from": hold.from_,
        "to": hold.to,
        "until": timestamp(hold.until) if hold.until else None,
        "message": hold.message,
        "gates": [_gate(gate) for gate in hold.gates],
    }


def _in_sync(one: InSync) -> dict[str, object]:
    return {"promotion": one.promotion, "release": str(one.release), "version": one.version}


def _proposed(one: Proposed) -> dict[str, object]:
    return {
        "promotion": one.promotion,
        "release": str(one.release),
        "from": one.from_,
        "to": one.to,
        "state": one.state,
        "branch": one.branch,
        "pull_request": _pull_request(one.pull_request),
        "gates": [_gate(gate) for gate in one.gates],
    }


def _error(error: Failure) -> dict[str, object]:
    return {"promotion": error.promotion, "subject": error.subject, "message": error.message}


def _gate(gate: Gate) -> dict[str, object]:
    until = timestamp(gate.until) if gate.until else None
    return {"gate": gate.gate, "ok": gate.ok, "reason": gate.reason, "message": gate.message, "until": until}


def _pull_request(ref: PullRequestRef | None) -> dict[str, object] | None:
    return None if ref is None else {"number": ref.number, "url": ref.url, "state": ref.state}


# --- what a person could do next -----------------------------------------------------------------------------------

_ADVICE: Final = {
    Reason.UNREADABLE: "mend what the messages name, or compare the Flux version with the supported ones",
    Reason.UNMATCHED: "widen paths, or name the pairs under match:",
    Reason.AMBIGUOUS: "narrow paths to production's manifests",
    Reason.UNSUPPORTED: "mend the places that the messages name",
    Reason.UNPINNED: "write the exact version that production runs",
    Reason.SUSPENDED: "resume them in staging (flux resume helmrelease)",
    Reason.NOT_DEPLOYED: "look at them in staging (flux get helmreleases)",
    Reason.STALE: "wait for Flux, or reconcile them in staging",
    Reason.TESTS_DISABLED: "set spec.test.enable: true in staging, or, to promote these without tests, set "
    "policy: {tests: optional, soak: 24h}",
    Reason.TESTS_FAILED: "mend what the tests found; a newer version is promoted when it passes",
    Reason.NO_TESTS: "to promote charts that have no tests, set policy: {tests: optional, soak: 24h}",
    Reason.ROLLED_BACK: "look at why the upgrade failed in staging",
    Reason.AHEAD: "nothing is moved backwards: upgrade staging, or leave them",
    Reason.REVERTED: "a newer version goes on by itself; the messages tell how to retry this one",
    Reason.REJECTED: "a newer version goes on by itself; the messages tell how to retry this one",
    Reason.EDITED: "merge the branches that people changed; the messages tell how to start again",
    Reason.ON_HOLD: "take the hold away where the messages say, when it has served",
    Reason.PRERELEASE: "nothing: the stable version follows; to take prereleases, pin one of its x.y.z by hand, or set "
    "policy: {prereleases: true}",
    Reason.POLICY: "pin the version by hand, or change what the messages name: the policy, or an annotation",
    Reason.EXPIRED: "run the tests in staging again (flux reconcile helmrelease --force)",
    Reason.FOREIGN: "delete or rename the branches that are not ours",
}
"""What to do about a hold that does not pass by itself."""


def held_by_reason(holds: Iterable[Hold]) -> tuple[tuple[Reason, int], ...]:
    """Count holds by reason, the most frequent first."""
    counted = Counter(hold.reason for hold in holds)
    return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0].value)))


def advice(reason: Reason) -> str:
    """Say what a person could do about a hold."""
    return _ADVICE.get(reason, "nothing: they go on by themselves")


# --- one release, in full ---


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that one pass knows about one release in one promotion.

    ``evidence`` is None where the release could not be read, ``unit`` where it has no pin that could be edited,
    ``answer`` where the promotion could not be decided. ``gates`` are about the version that is, or would be, promoted.
    """

    promotion: str
    release: Key
    evidence: Evidence | None
    unit: Unit | None
    gates: tuple[Gate, ...]
    answer: Answer | None


def explain(release: Key, plan: Plan, assessments: Iterable[Assessment]) -> tuple[Explanation, ...]:
    """Gather what is known about a release, for every promotion whose staging has it."""
    return tuple(
        _explanation(release, one, plan, answer)
        for one in assessments
        if (answer := _answer(release, one.promotion.name, plan)) is not None or release in one.evidence
    )


def known(plan: Plan, assessments: Iterable[Assessment]) -> tuple[Key, ...]:
    """List every release that ``explain`` knows."""
    keys = {key for one in assessments for key in one.evidence}
    return tuple(sorted(keys.union(*(_about(answer) for answer in _answers(plan)))))


def _explanation(release: Key, one: Assessment, plan: Plan, answer: Answer | None) -> Explanation:
    unit = next((unit for unit in one.units if release in unit.releases), None)
    gates = () if answer is None else _gates_of(answer)
    if unit is not None and not gates and (rows := unit.common()):
        gates = ask(one.cases(unit, rows[0], plan.at))
    return Explanation(one.promotion.name, release, one.evidence.get(release), unit, gates, answer)


def _answers(plan: Plan) -> tuple[Answer, ...]:
    return (*plan.actions, *plan.holds, *plan.in_sync, *plan.proposed)


def _answer(release: Key, promotion: str, plan: Plan) -> Answer | None:
    return next(
        (one for one in _answers(plan) if promotion_of(one) == promotion and release in _about(one)),
        None,
    )


def _about(answer: Answer) -> tuple[Key, ...]:
    return answer.subject.releases if isinstance(answer, Action) else (answer.release,)


def _gates_of(answer: Answer) -> tuple[Gate, ...]:
    if isinstance(answer, Action):
        return answer.subject.gates
    return () if isinstance(answer, InSync) else answer.gates


def printable(text: str) -> str:
    """Show what would move a cursor, change colours or turn text around, instead of letting a terminal obey it."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
