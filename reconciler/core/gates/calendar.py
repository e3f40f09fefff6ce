"""The gates that look at the clock alone: windows that come round, and freezes that end."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from reconciler.core.gates.case import opened, shut
from reconciler.core.model import Reason, WindowKind
from reconciler.core.times import spelled, told

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from reconciler.core.gates.case import Case
    from reconciler.core.model import Gate, Window

_LOOKS: Final = 400
"""How many comings and goings of windows are looked at for the next opening."""


def window(case: Case) -> Gate:
    """A window for promotions is open, and none against them."""
    return _window(case.policy.windows, case.at) if case.policy.windows else opened("window")


@lru_cache(maxsize=256)  # every release of a promotion asks the same
def _window(windows: tuple[Window, ...], at: datetime) -> Gate:
    until = opening(windows, at)
    if until == at:
        return opened("window", "the windows let promotions through now")
    when = f"; that ends at {told(until)}" if until else "; no end of that is in sight, mend policy.windows"
    denying = next((one for one in _of(windows, WindowKind.DENY) if _start(one, at)), None)
    what = f"{_named(denying)} keeps promotions out" if denying else "no window for promotions is open"
    return shut("window", Reason.WINDOW, f"{what}{when}", until)


def opening(windows: tuple[Window, ...], at: datetime) -> datetime | None:
    """Tell when windows let promotions through: ``at`` itself, or the first instant after it.

    Returns:
        None where that is not to be found, as windows against promotions cover those for them.
    """
    allowing = _of(windows, WindowKind.ALLOW)
    for _ in range(_LOOKS):
        ends = [start + one.duration for one in _of(windows, WindowKind.DENY) if (start := _start(one, at))]
        if ends:
            at = max(ends)
        elif not allowing or any(_start(one, at) for one in allowing):
            return at
        else:
            later = min((time for one in allowing if (time := one.cron.after(at))), default=None)
            if later is None:
                return None
            at = later
    return None


def _of(windows: Iterable[Window], kind: WindowKind) -> tuple[Window, ...]:
    return tuple(one for one in windows if one.kind is kind)


def _start(one: Window, at: datetime) -> datetime | None:
    """Tell since when a window is open, None where it is shut."""
    start = one.cron.after(at - one.duration)
    return start if start is not None and start <= at else None


def _named(one: Window) -> str:
    return f'the window "{one.cron.text}" ({one.cron.zone}) of {spelled(one.duration)}'


def freeze(case: Case) -> Gate:
    """No freeze lasts any more."""
    lasting = [one for one in case.policy.freeze or () if one.until > case.at]
    if not lasting:
        return opened("freeze")
    last = max(lasting, key=lambda one: one.until)
    why = f": {last.reason}" if last.reason else ""
    return shut("freeze", Reason.FROZEN, f"frozen until {told(last.until)}{why}", last.until)
