"""Carry a plan out: the only place that writes, and the only one that knows a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.report import Outcome, Result
from reconciler.ports import PortError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.model import Action, Plan
    from reconciler.ports import Production


def apply(plan: Plan, productions: Mapping[str, Production], *, dry_run: bool) -> tuple[Outcome, ...]:
    """Carry out every action, one by one: one that fails does not stop the next.

    Args:
        plan: what is to be done.
        productions: the repository of each promotion, by its name.
        dry_run: stop before anything is written.
    """
    return tuple(
        Outcome(action, Result.DRY_RUN) if dry_run else _carried_out(action, productions[action.subject.promotion])
        for action in plan.actions
    )


def _carried_out(action: Action, production: Production) -> Outcome:
    try:
        production.apply(action)
    except PortError as error:
        return Outcome(action, Result.FAILED, str(error))
    return Outcome(action, Result.APPLIED)
