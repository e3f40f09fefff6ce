"""Durations and instants as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.times import duration, instant, span, spelled, told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("1h30m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        (".5m", timedelta(seconds=30)),
        ("1us1µs1μs999ns", timedelta(microseconds=3)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "3", "1w", "-1h", "1h\n", "1 h", "h", "٣h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"^which is not a duration such as 90s, 1h30m or 2d$"):
        duration(text)


def test_a_duration_ends_where_go_ends_it() -> None:
    assert duration("9223372036s") == timedelta(seconds=9223372036)
    with pytest.raises(ValueError, match=r"^which is over 292 years; write a shorter one$"):
        duration("9223372036.1s")


def test_a_span_is_some_time() -> None:
    assert span("1us") == timedelta(microseconds=1)
    with pytest.raises(ValueError, match=r"^which is no time at all; write a longer one$"):
        span("1ns")


INSTANTS = {
    "a date is the start of its day in UTC": ("2027-01-04", datetime(2027, 1, 4, tzinfo=UTC)),
    "a time with an offset": ("2027-01-04T08:00:00+01:00", datetime(2027, 1, 4, 7, tzinfo=UTC)),
    "a time in UTC": ("2027-01-04T08:00Z", datetime(2027, 1, 4, 8, tzinfo=UTC)),
    "with a blank, as YAML has it": ("2027-01-04 08:00:00+01:00", datetime(2027, 1, 4, 7, tzinfo=UTC)),
}


@pytest.mark.parametrize(("text", "expected"), INSTANTS.values(), ids=INSTANTS.keys())
def test_an_instant(text: str, expected: datetime) -> None:
    assert (instant(text), instant(text).tzinfo) == (expected, UTC)


NO_INSTANTS = {
    "a month too many": ("2027-13-01", "which is no date"),
    "a word": ("christmas", "which is no date"),
    "nothing": ("", "which is no date"),
    "a time without a zone": ("2027-01-04T08:00:00", "which has no time zone"),
    "a date in another form": ("20270104", "which has no time zone"),
    "before all time": ("0001-01-01T00:00:00+10:00", "which is no date"),
}


@pytest.mark.parametrize(("text", "message"), NO_INSTANTS.values(), ids=NO_INSTANTS.keys())
def test_what_is_no_instant(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}; write a date such as 2027-01-04, or a time with its zone"):
        instant(text)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (timedelta(days=1, hours=12), "1d12h"),
        (timedelta(minutes=90, seconds=1), "1h30m1s"),
        (timedelta(days=30), "30d"),
        (timedelta(milliseconds=5), "0s"),
    ],
)
def test_a_duration_is_spelled(span: timedelta, expected: str) -> None:
    assert spelled(span) == expected


@given(st.integers(0, 10**9))
def test_what_is_spelled_can_be_read(seconds: int) -> None:
    assert duration(spelled(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_an_instant_is_told_in_utc() -> None:
    assert told(datetime.fromisoformat("2027-01-04T08:00:00+01:00")) == "2027-01-04 07:00:00Z"
