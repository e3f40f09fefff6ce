"""The plan: one observation in, one answer for every release out. Pure, sorted, without a clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.core.drift import written
from reconciler.core.model import Action, Failure, Hold, InSync, Plan, Proposed, Question, Reason
from reconciler.core.plan.assess import Assessment, View, assess
from reconciler.core.plan.decide import Answers, Decision, promotion_of, release_of
from reconciler.core.plan.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from reconciler.core.drift import Unit
    from reconciler.core.model import Answer, Key, Proof, Proposal

__all__ = ["Answers", "Assessment", "Decision", "Inquiry", "Standing", "View", "assess", "inquire", "plan"]

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
        rows = unit.common()
        if not rows:
            continue
        paths.add(unit.pin.path)
        standing = Standing.of(unit, one.proposals)
        if standing.marker is None:
            continue
        history = any(standing.asks(_written(row, unit)) for row in rows)
        if history or standing.open:
            questions[standing.branch] = Question(standing.branch, standing.marker.path, history)
    return Inquiry(tuple(sorted(paths)), tuple(questions[name] for name in sorted(questions)), _ahead(one))


def plan(assessments: Sequence[Assessment], answers: Mapping[str, Answers], at: datetime) -> Plan:
    """Decide everything.

    Args:
        assessments: every promotion that could be observed.
        answers: what was looked up, by promotion.
        at: the instant of the observation.
    """
    found: list[Answer] = []
    errors: list[Failure] = []
    for one in assessments:
        decision = Decision(one, answers.get(one.promotion.name, Answers()), at)
        found += [answer for unit in one.units for answer in decision.unit(unit)]
        kept, gone = _gone(decision)
        found += kept
        errors += one.errors
        if len(gone) > _allowed(one):
            errors.append(_too_many(one, len(gone)))
            found += [hold for hold, _ in gone if hold]
        else:
            found += [action for _, action in gone]
    return _sorted(at, found, errors)


def _gone(decision: Decision) -> tuple[list[Answer], list[tuple[Hold | None, Action]]]:
    """Answer for what has no unit.

    Returns:
        The answers that hold whatever happens, and what is to be done because a release or a pin is gone, each with
        the hold that stands in its place if it may not be done.
    """
    one = decision.one
    answers: list[Answer] = []
    gone: list[tuple[Hold | None, Action]] = []
    owners = {release: branch for branch, proposal in one.proposals.items() for release in _releases(proposal)}
    for hold in one.unpinned:
        standing = Standing.under(one.proposals[owners[hold.release]], None) if hold.release in owners else None
        action = _for_hold(decision, standing, hold) if standing else None
        if action is None or action.subject.release != hold.release:
            answers.append(hold)
        elif hold.reason is Reason.UNMATCHED:
            gone.append((hold, action))
        else:
            answers.append(action)
    known = {hold.release for hold in one.unpinned} | {key for unit in one.units for key in unit.releases}
    for proposal in one.proposals.values():
        releases = _releases(proposal)
        if one.whole and releases and known.isdisjoint(releases):
            action = decision.vanished(Standing.under(proposal, None), None)
            gone += [(None, action)] if action else []
    return answers, gone


def _for_hold(decision: Decision, standing: Standing, hold: Hold) -> Action | None:
    if hold.reason is Reason.UNMATCHED:
        return decision.vanished(standing, hold) if decision.one.whole else None
    return decision.withdrawal(standing, (), hold)


def _releases(proposal: Proposal) -> tuple[Key, ...]:
    marker = Standing.under(proposal, None).marker
    return marker.releases if marker else ()


def _allowed(one: Assessment) -> float:
    """Say how many may be withdrawn in one pass for disappearance: a whole namespace that is gone is a mistake."""
    return max(_FEW, _SHARE * len(one.proposals))


def _too_many(one: Assessment, count: int) -> Failure:
    message = f"{count} promotions would be withdrawn because their releases or pins are gone at once; nothing is done"
    return Failure(one.promotion.name, "disappearance", f"{message}: check namespaces, selector and paths")


def _written(row: tuple[Proof, ...], unit: Unit) -> str:
    return written(row[0], unit.pin)


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
