"""Cron lines by the clock on the wall, on the days on which clocks are changed most of all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.cron import Cron

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"  # daylight saving is half an hour there
APIA = "Pacific/Apia"  # had no 30 December 2011, and no daylight saving since 2021

CHANGES = {
    # The clock goes on.
    "Berlin skips 2:30, which is what becomes 3:30": (
        BERLIN,
        "30 2 * * *",
        "2026-03-28T12:00",
        ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"],
    ),
    "Berlin skips 2:00, so that it is 3:00": (BERLIN, "0 2 * * *", "2026-03-28T12:00", ["2026-03-29T03:00+02:00"]),
    "before and after it all is as ever": (
        BERLIN,
        "30 1,4 * * *",
        "2026-03-28T22:00",
        ["2026-03-29T01:30+01:00", "2026-03-29T04:30+02:00", "2026-03-30T01:30+02:00"],
    ),
    "what comes every hour comes every hour": (
        BERLIN,
        "0 * * * *",
        "2026-03-29T00:00",
        ["2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"],
    ),
    "a skipped time and its own come once": (
        BERLIN,
        "30 2,3 * * *",
        "2026-03-28T12:00",
        ["2026-03-29T03:30+02:00", "2026-03-30T02:30+02:00"],
    ),
    "New York skips 2:15": (
        NEW_YORK,
        "15 2 * * SUN",
        "2026-03-07T12:00",
        ["2026-03-08T03:15-04:00", "2026-03-15T02:15-04:00"],
    ),
    "Lord Howe skips 2:15, which is what becomes 2:45": (
        LORD_HOWE,
        "15 2 * * *",
        "2026-10-03T00:00",
        ["2026-10-04T02:45+11:00", "2026-10-05T02:15+11:00"],
    ),
    "and what comes sooner than a skipped time is told sooner": (
        LORD_HOWE,
        "15,40 2 * * *",
        "2026-10-03T00:00",
        ["2026-10-04T02:40+11:00", "2026-10-04T02:45+11:00", "2026-10-05T02:15+11:00"],
    ),
    "Apia skips a Friday, so that it is Saturday": (
        APIA,
        "0 9 * * FRI",
        "2011-12-28T00:00",
        ["2011-12-31T09:00+14:00", "2012-01-06T09:00+14:00"],
    ),
    "on the day after the skipped one a time comes once": (
        APIA,
        "0 9 * * *",
        "2011-12-29T12:00",
        ["2011-12-29T09:00-10:00", "2011-12-31T09:00+14:00", "2012-01-01T09:00+14:00"],
    ),
    "Apia skipped 3:30 while it had daylight saving": (
        APIA,
        "30 3 * * *",
        "2020-09-25T00:00",
        ["2020-09-26T03:30+13:00", "2020-09-27T04:30+14:00", "2020-09-28T03:30+14:00"],
    ),
    # The clock goes back.
    "of Berlin's two 2:30 the first is meant": (
        BERLIN,
        "30 2 * * *",
        "2026-10-24T12:00",
        ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
    ),
    "what comes every hour comes in both": (
        BERLIN,
        "30 * * * *",
        "2026-10-24T23:00",
        ["2026-10-25T01:30+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"],
    ),
    "and so does what comes every quarter of one hour": (
        BERLIN,
        "*/30 2 * * *",
        "2026-10-24T23:00",
        ["2026-10-25T02:00+02:00", "2026-10-25T02:30+02:00", "2026-10-25T02:00+01:00", "2026-10-25T02:30+01:00"],
    ),
    "of New York's two 1:45 the first is meant": (
        NEW_YORK,
        "45 1 * * *",
        "2026-10-31T12:00",
        ["2026-11-01T01:45-04:00", "2026-11-02T01:45-05:00"],
    ),
    "of Lord Howe's two 1:45 the first is meant": (
        LORD_HOWE,
        "45 1 * * *",
        "2026-04-04T00:00",
        ["2026-04-05T01:45+11:00", "2026-04-06T01:45+10:30"],
    ),
    "every quarter comes six times where half an hour is repeated": (
        LORD_HOWE,
        "*/15 1 * * *",
        "2026-04-04T13:59",
        [
            "2026-04-05T01:00+11:00",
            "2026-04-05T01:15+11:00",
            "2026-04-05T01:30+11:00",
            "2026-04-05T01:45+11:00",
            "2026-04-05T01:30+10:30",
            "2026-04-05T01:45+10:30",
            "2026-04-06T01:00+10:30",
        ],
    ),
    "Apia has had no daylight saving since 2021": (
        APIA,
        "30 3 * * *",
        "2026-09-25T20:00",
        ["2026-09-27T03:30+13:00", "2026-09-28T03:30+13:00"],
    ),
    # No change at all.
    "a line that names weekdays": (
        BERLIN,
        "0 9 * * MON-FRI",
        "2026-03-06T12:00",
        ["2026-03-09T09:00+01:00", "2026-03-10T09:00+01:00"],
    ),
    "the instant itself is not after it": ("UTC", "0 12 * * *", "2026-03-06T12:00", ["2026-03-07T12:00+00:00"]),
    "a leap day": ("UTC", "0 0 29 2 *", "2026-01-01T00:00", ["2028-02-29T00:00+00:00", "2032-02-29T00:00+00:00"]),
}


@pytest.mark.parametrize(("zone", "text", "at", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_a_line_comes_round(zone: str, text: str, at: str, expected: list[str]) -> None:
    cron = Cron.parse(text, ZoneInfo(zone))
    time: datetime | None = datetime.fromisoformat(f"{at}+00:00")
    for wanted in expected:
        assert time is not None
        time = cron.after(time)
        assert time is not None
        assert (time.utcoffset(), time.astimezone(cron.zone).isoformat(timespec="minutes")) == (timedelta(0), wanted)


def test_a_part_of_a_second_later_is_later() -> None:
    cron = Cron.parse("0 12 * * *", UTC)
    noon = datetime(2026, 3, 6, 12, tzinfo=UTC)
    assert cron.after(noon - timedelta(microseconds=1)) == noon
    assert cron.after(noon + timedelta(microseconds=1)) == noon + timedelta(days=1)


REFUSED = {
    "six fields": ("0 0 0 * * *", "which has not five fields: minute, hour, day of month, month, day of week"),
    "a nickname": ("@daily", "which has not five fields: minute, hour, day of month, month, day of week"),
    "nothing": ("", "which has not five fields: minute, hour, day of month, month, day of week"),
    "an hour too many": ("0 24 * * *", "which cron cannot read: bad hour"),
    "a word": ("0 0 * * NODAY", "which cron cannot read: bad day-of-week"),
    "a day that no month has": ("0 0 31 2 *", "which cron cannot read: bad day-of-month"),
    "a day that never falls so": ("0 0 */20 * 1L", "which never comes round"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_line_that_cron_cannot_read(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Cron.parse(text, UTC)


# --- against the definition, minute by minute ------------------------------------------------------------------------

MINUTES = st.sampled_from(["0", "15", "30,45", "59", "*/15", "*"])
HOURS = st.sampled_from(["0", "1", "2", "1,2,3", "3", "23", "*"])
AROUND = {
    BERLIN: ("2026-03-29T01:00", "2026-10-25T01:00"),
    NEW_YORK: ("2026-03-08T07:00", "2026-11-01T06:00"),
    LORD_HOWE: ("2026-10-03T15:30", "2026-04-04T15:00"),
    APIA: ("2011-12-30T10:00", "2020-09-26T14:00"),
    "Africa/Cairo": ("2026-04-23T22:00", "2026-10-29T21:00"),
}
DAYS = [(zone, datetime.fromisoformat(f"{at}+00:00")) for zone, days in AROUND.items() for at in days]


def comes(cron: Cron, start: datetime, end: datetime) -> list[datetime]:
    """Every time of a line in a stretch, by looking at each minute of it, and at each that the clock skips."""
    minute, hour, *_ = (_numbers(field) for field in cron.text.split())
    hourly = "*" in cron.text.split()[1] or cron.text.startswith("*")
    found: set[datetime] = set()
    shown: set[datetime] = set()
    time = start - timedelta(hours=27)
    while time <= end:
        wall = time.astimezone(cron.zone)
        plain = wall.replace(tzinfo=None, fold=0)
        if wall.minute in minute and wall.hour in hour and (hourly or plain not in shown):
            found.add(time)
        shown.add(plain)
        time += timedelta(minutes=1)
    skipped = min(shown)
    while skipped < max(shown):
        if skipped not in shown and skipped.minute in minute and skipped.hour in hour:
            found.add(skipped.replace(tzinfo=cron.zone).astimezone(UTC))  # PEP 495: counted from before the change
        skipped += timedelta(minutes=1)
    return sorted(time for time in found if start < time <= end)


def _numbers(field: str) -> set[int]:
    if field.startswith("*"):
        return set(range(0, 60, int(field.partition("/")[2] or 1)))
    return set(map(int, field.split(",")))


@settings(max_examples=settings().max_examples // 3)  # each looks at the clock minute by minute
@given(minute=MINUTES, hour=HOURS, day=st.sampled_from(DAYS), offset=st.integers(-300, 300))
def test_what_comes_next_is_what_the_clock_shows_next(
    minute: str, hour: str, day: tuple[str, datetime], offset: int
) -> None:
    zone, change = day
    cron = Cron.parse(f"{minute} {hour} * * *", ZoneInfo(zone))
    start = change + timedelta(minutes=offset)
    end = start + timedelta(hours=5)
    found: list[datetime] = []
    time = cron.after(start)
    while time is not None and time <= end:
        found.append(time)
        time = cron.after(time)
    assert found == comes(cron, start, end)
