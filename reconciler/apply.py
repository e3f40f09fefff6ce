"""Carry a plan out: the only place that writes, and the only one that knows a dry run."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from reconciler.core.model import Open
from reconciler.core.report import Outcome, Result
from reconciler.ports import PortError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.model import Action, Plan
    from reconciler.ports import Production


def apply(plan: Plan, productions: Mapping[str, Production], *, dry_run: bool) -> tuple[Outcome, ...]:
    """Carry out every action, one by one: one that fails does not stop the next.

    Where a repository refuses to open a promotion, the next that is held for capacity takes its turn.

    Args:
        plan: what is to be done.
        productions: the repository of each promotion, by its name.
        dry_run: stop before anything is written.
    """
    if dry_run:
        return tuple(Outcome(action, Result.DRY_RUN) for action in plan.actions)
    outcomes: list[Outcome] = []
    turn, reserve = deque(plan.actions), _by_promotion(plan.reserve)
    while turn:
        action = turn.popleft()
        name = action.subject.promotion
        outcome, refused = _carried_out(action, productions[name])
        outcomes.append(outcome)
        if refused and isinstance(action, Open) and reserve.get(name):
            turn.append(reserve[name].popleft())
    return tuple(outcomes)


def _by_promotion(reserve: Iterable[Open]) -> dict[str, deque[Open]]:
    found: dict[str, deque[Open]] = {}
    for action in reserve:
        found.setdefault(action.subject.promotion, deque()).append(action)
    return found


def _carried_out(action: Action, production: Production) -> tuple[Outcome, bool]:
    """Carry out one action, and tell whether a person must act before it can be."""
    try:
        production.apply(action)
    except PortError as error:
        return Outcome(action, Result.FAILED, str(error)), isinstance(error, Refused)
    return Outcome(action, Result.APPLIED), False
