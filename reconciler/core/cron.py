"""When a line of cron comes round, by the clock on the wall of a time zone: the only door to cronsim.

cronsim is asked for wall-clock times only, and what these are on the day on which the clock is changed is said here, as
iCalendar does (RFC 5545, 3.3.5): a time that the clock skips is counted from before the change, so that 2:30 is what
becomes 3:30, and of a time that comes twice the first is meant. A line that comes round every hour is the exception: it
does so in the hour that is repeated too, as Debian's cron has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from cronsim import CronSim, CronSimError

_FIELDS: Final = 5
_LOOKED_FROM: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST_CHANGE: Final = timedelta(hours=26)
"""No clock was ever changed by more: some places have skipped a day, and daylight saving comes on top."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A line of cron and the zone whose clock it goes by. Made by ``parse``."""

    text: str
    zone: tzinfo

    @classmethod
    def parse(cls, text: str, zone: tzinfo) -> Cron:
        """Read the five fields of a line.

        Raises:
            ValueError: what is wrong with it, as the end of a sentence.
        """
        if len(text.split()) != _FIELDS:
            raise ValueError("which has not five fields: minute, hour, day of month, month, day of week")
        read = cls(text, zone)
        try:
            if read.after(_LOOKED_FROM) is None:
                raise ValueError("which never comes round")
        except CronSimError as error:
            raise ValueError(f"which cron cannot read: {str(error).lower()}") from None
        return read

    def after(self, at: datetime) -> datetime | None:
        """Tell the first time after an instant, in UTC; None if there is none for fifty years."""
        found: list[datetime] = []
        last: datetime | None = None
        for wall in CronSim(self.text, _wall(at, self.zone) - self._change(at)):
            if last is not None and wall > last:
                break
            found += [time for time in self._times(wall) if time > at]
            if found and last is None:
                # Near a change of the clock a later one on the wall may come sooner.
                last = wall + self._change(found[0])
        return min(found, default=None)

    def _times(self, wall: datetime) -> tuple[datetime, ...]:
        """Tell when the clock shows a time."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        return (first, second) if first < second and self._is_hourly else (first,)

    @property
    def _is_hourly(self) -> bool:
        minute, hour, *_ = self.text.split()
        return minute.startswith("*") or hour.startswith("*")

    def _change(self, at: datetime) -> timedelta:
        """Tell by how much the clock is changed about an instant; mostly not at all."""
        walls = [_wall(time, self.zone) - time.replace(tzinfo=None) for time in _about(at)]
        return max(walls) - min(walls)


def _about(at: datetime) -> tuple[datetime, datetime, datetime]:
    at = at.astimezone(UTC)
    return at - _LONGEST_CHANGE, at, at + _LONGEST_CHANGE


def _wall(at: datetime, zone: tzinfo) -> datetime:
    """Tell what the clock shows."""
    return at.astimezone(zone).replace(tzinfo=None)
