"""How people write durations and instants, and how they are told in a sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Final

DURATION: Final = "^(([0-9]{1,18}([.][0-9]{0,18})?|[.][0-9]{1,18})(ns|us|µs|μs|ms|s|m|h|d))+$"
"""A Go duration (``time.ParseDuration``), or one in days."""

_MICRO: Final = Fraction(1, 10**6)
_SMALL: Final = {"ns": _MICRO / 1000, "us": _MICRO, "µs": _MICRO, "μs": _MICRO, "ms": _MICRO * 1000}
_LARGE: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_UNITS: Final = _SMALL | {unit: Fraction(seconds) for unit, seconds in _LARGE.items()}
_LONGEST: Final = 2**63 // 10**9
"""Seconds in the longest duration that Go knows."""
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def duration(text: str) -> timedelta:
    """Read a duration, exact to the microsecond.

    Raises:
        ValueError: what is wrong with it, as the end of a sentence.
    """
    if re.fullmatch(DURATION, text) is None:
        raise ValueError("which is not a duration such as 90s, 1h30m or 2d")
    parts = re.findall("([0-9.]+)([^0-9.]+)", text)
    seconds = sum(Fraction(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST:
        raise ValueError("which is over 292 years; write a shorter one")
    return timedelta(microseconds=int(seconds * 10**6))


def span(text: str) -> timedelta:
    """Read a duration that is some time.

    Raises:
        ValueError: as for ``duration``.
    """
    read = duration(text)
    if not read:
        raise ValueError("which is no time at all; write a longer one")
    return read


def instant(text: str) -> datetime:
    """Read a date, which is the start of that day in UTC, or a date and time with its zone.

    Raises:
        ValueError: as for ``duration``.
    """
    cure = "write a date such as 2027-01-04, or a time with its zone such as 2027-01-04T08:00:00+01:00"
    try:
        read = datetime.fromisoformat(f"{text}T00:00:00+00:00" if _DATE.fullmatch(text) else text)
        if read.tzinfo is not None:
            return read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"which is no date; {cure}") from None
    raise ValueError(f"which has no time zone; {cure}")


def spelled(duration: timedelta) -> str:
    """Tell a duration in whole seconds, as people write it: ``1d12h``."""
    rest, words = int(duration.total_seconds()), ""
    for unit, size in _LARGE.items():
        count, rest = divmod(rest, size)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def told(at: datetime) -> str:
    """Tell an instant: UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
