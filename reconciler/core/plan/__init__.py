"""The plan: one observation in, one answer for every release out. Pure, sorted, without a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from reconciler.core.drift import listed, newer, written
from reconciler.core.model import Action, Close, Failure, Hold, InSync, Open, Plan, Proposed, Question, Reason
from reconciler.core.plan.assess import Assessment, View, assess
from reconciler.core.plan.capacity import within
from reconciler.core.plan.decide import Answers, Decision, promotion_of, release_of
from reconciler.core.plan.standing import Standing
from reconciler.core.plan.unseen import Unseen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from reconciler.core.drift import Unit
    from reconciler.core.model import Answer

__all__ = ["Answers", "Assessment", "Decision", "Inquiry", "Standing", "Unseen", "View", "assess", "inquire", "plan"]

_FEW: Final = 3
_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What has to be looked up in a repository before one promotion can be decided: only what drifted.

    ``paths`` are files whose text is needed, ``places`` pins whose last change is to be named, as path and line by
    the pin's place.
    """

    paths: tuple[str, ...]
    questions: tuple[Question, ...]
    places: Mapping[tuple[str, int], tuple[str, int]]


def inquire(one: Assessment) -> Inquiry:
    """Ask what the plan will need to know about what drifted, and no more."""
    paths: set[str] = set()
    questions: dict[str, Question] = {}
    for unit in one.units:
        moves = bool(unit.common())
        if moves:
            paths.add(unit.pin.path)
        standing, _ = Standing.of(unit, one.owned.get(unit.releases[0], ()), one.base.branch)
        question = _asked_of_a_forge(unit, standing) if one.base.forge else _asked(unit, standing, moves=moves)
        if question is not None:
            questions[standing.branch] = question
    return Inquiry(tuple(sorted(paths)), tuple(questions[name] for name in sorted(questions)), _ahead(one))


def _asked(unit: Unit, standing: Standing, *, moves: bool) -> Question | None:
    history = any(standing.ended_at(target) for target in _targets(unit))
    if standing.marker is None or not (history or (moves and standing.open)):
        return None
    return Question(standing.branch, standing.marker.path, history)


def _asked_of_a_forge(unit: Unit, standing: Standing) -> Question | None:
    """Ask for what ended: a look at a forge shows what stands open, and nothing else."""
    if standing.proposal is not None or not _targets(unit):
        return None
    return Question(standing.branch, unit.pin.path, history=False, ended=True)


def _targets(unit: Unit) -> set[str]:
    """List the versions that any release of a unit could propose."""
    return {written(proof, unit.pin) for member in unit.members for proof in newer(member, unit.pin)}


def plan(assessments: Sequence[Assessment], answers: Mapping[str, Answers], at: datetime) -> Plan:
    """Decide everything.

    Args:
        assessments: every promotion that could be observed.
        answers: what was looked up, by promotion.
        at: the instant of the observation.
    """
    found: list[Answer] = []
    errors: list[Failure] = []
    reserve: list[Open] = []
    left: list[tuple[Assessment, list[_Gone]]] = []
    for one in assessments:
        decision = Decision(one, answers[one.promotion.name], at)
        moved, late = within(one, [answer for unit in one.units for answer in decision.unit(unit)])
        found += moved
        reserve += late
        kept, gone = _without_unit(decision)
        found += kept
        errors += one.errors
        left.append((one, gone))
    everywhere = _is_too_much([gone for _, some in left for gone in some], [one for one, _ in left])
    for one, gone in left:
        if gone and (everywhere or _is_too_much(gone, [one])):
            errors.append(_too_many(one, gone))
            found += [hold for holds, _ in gone for hold in holds]
        else:
            found += [action for _, action in gone]
    return replace(_sorted(at, found, errors), reserve=tuple(reserve))


_Gone = tuple[tuple[Hold, ...], Action]
"""What is to be done because a release or a pin is gone, and the holds that stand in its place if it may not be."""


def _without_unit(decision: Decision) -> tuple[list[Answer], list[_Gone]]:
    """Answer for the releases, and for the promotions of ours, that have no pin.

    Returns:
        The answers that stand whatever happens, and what is to be done because something is gone.
    """
    one = decision.one
    answers: list[Answer] = []
    gone: list[_Gone] = []
    for hold in one.unpinned:
        answer, lost = _for_hold(decision, hold)
        answers += [answer] if answer else []
        gone += [lost] if lost else []
    if one.whole:
        for proposal in one.owned.get(None, ()):
            action = decision.vanished(Standing.under(proposal, None, one.base.branch), ())
            gone += [((), action)] if action else []
    return answers, gone


def _for_hold(decision: Decision, hold: Hold) -> tuple[Answer | None, _Gone | None]:
    """Withdraw what stands open for a release that has no pin; the hold says why, unless a withdrawal does."""
    into = decision.one.base.branch
    standings = [Standing.under(proposal, None, into) for proposal in decision.one.owned.get(hold.release, ())]
    for standing in standings:
        if hold.reason is not Reason.UNMATCHED:
            if action := decision.withdrawal(standing, (hold.release,), (), hold):
                return action, None
        elif decision.one.whole and (action := decision.vanished(standing, (hold,))):
            return None, ((hold,), action)
    return hold, None


def _is_too_much(gone: Sequence[_Gone], among: Sequence[Assessment]) -> bool:
    """Tell whether so many promotions are to be withdrawn for disappearance that it must be a mistake."""
    ours = sum(
        Standing.under(proposal, None, one.base.branch).open
        for one in among
        for some in one.owned.values()
        for proposal in some
    )
    withdrawn = sum(not isinstance(action, Close) for _, action in gone)
    return withdrawn > max(_FEW, _SHARE * ours)


def _too_many(one: Assessment, gone: Sequence[_Gone]) -> Failure:
    names = listed([action.subject.release for _, action in gone])
    message = f"too many promotions would be withdrawn at once because their releases or pins are gone: {names}"
    cure = "nothing is withdrawn; check namespaces, selector and paths"
    return Failure(one.promotion.name, "disappearance", f"{message}; {cure}")


def _ahead(one: Assessment) -> dict[tuple[str, int], tuple[str, int]]:
    return {
        unit.pin.place: (unit.pin.path, unit.pin.scalar.line)
        for unit in one.units
        if any(member.deployed is not None and unit.pin.version > member.deployed for member in unit.members)
    }


def _sorted(at: datetime, answers: list[Answer], errors: list[Failure]) -> Plan:
    ordered = sorted(answers, key=lambda answer: (promotion_of(answer), release_of(answer)))
    return Plan(
        at,
        tuple(answer for answer in ordered if isinstance(answer, Action)),
        tuple(answer for answer in ordered if isinstance(answer, Hold)),
        tuple(answer for answer in ordered if isinstance(answer, InSync)),
        tuple(answer for answer in ordered if isinstance(answer, Proposed)),
        tuple(sorted(errors, key=lambda error: (error.promotion, error.subject, error.message))),
    )
