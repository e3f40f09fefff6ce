"""From the blocks of ``policy:`` to what the core decides by."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from reconciler.core.cron import Cron
from reconciler.core.model import Freeze, Override, Policy, Step, Tests, Window, WindowKind
from reconciler.core.selector import Selector
from reconciler.core.times import duration, instant
from reconciler.core.version import Constraint

if TYPE_CHECKING:
    from datetime import timedelta

    from reconciler.config.blocks import FreezeBlock, OverrideBlock, PolicyBlock, WindowBlock


def policy(block: PolicyBlock | OverrideBlock) -> Policy:
    """Read what a block gives; what it leaves out stays open."""
    tests = block.tests
    return Policy(
        tests=Tests(tests.mode) if tests and tests.mode else None,
        soak=_maybe(block.soak),
        minimum=tests.minimum if tests else None,
        max_age=_maybe(tests.max_age if tests else None),
        allow=None if block.allow is None else (Constraint.parse(block.allow),),
        bump=None if block.bump is None else Step(block.bump),
        prereleases=block.prereleases,
        ignore=None if block.ignore is None else tuple(map(Constraint.parse, block.ignore)),
        windows=None if block.windows is None else tuple(map(_window, block.windows)),
        freeze=None if block.freeze is None else tuple(map(_freeze, block.freeze)),
    )


def overrides(block: PolicyBlock) -> tuple[Override, ...]:
    """Read the policies for some releases, in the order of the file."""
    return tuple(
        Override(policy(one), Selector.parse(one.selector or ""), one.release or "*/*") for one in block.overrides
    )


def _maybe(text: str | None) -> timedelta | None:
    return None if text is None else duration(text)


def _window(block: WindowBlock) -> Window:
    cron = Cron.parse(block.cron, ZoneInfo(block.time_zone))
    return Window(cron, duration(block.duration), WindowKind(block.kind))


def _freeze(block: FreezeBlock) -> Freeze:
    return Freeze(instant(block.until), block.reason or "")
