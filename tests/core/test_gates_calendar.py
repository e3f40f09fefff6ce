"""The gates that look at the clock: windows that come round, daylight saving in them, and freezes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.cron import Cron
from reconciler.core.gates import Case
from reconciler.core.gates.calendar import freeze, opening, window
from reconciler.core.model import Freeze, Gate, Open, Pause, Policy, Rearm, Reason, Step, Terms, Window, WindowKind
from reconciler.core.times import duration
from tests.core.simulator import Repository, fleet, look, turn
from tests.core.test_drift import A, pin, proof
from tests.world import NOW, manifest, proven

DAY = timedelta(days=1)
BERLIN, NEW_YORK, LORD_HOWE, APIA = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"


def allow(cron: str, lasting: str, zone: str = "UTC") -> Window:
    return Window(Cron.parse(cron, ZoneInfo(zone)), duration(lasting))


def deny(cron: str, lasting: str, zone: str = "UTC") -> Window:
    return Window(Cron.parse(cron, ZoneInfo(zone)), duration(lasting), WindowKind.DENY)


def time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def ask(at: datetime, *windows: Window) -> Gate:
    return window(Case(A, pin(), proof("1.1.0"), at, Terms(Policy(windows=windows))))


# --- windows ---------------------------------------------------------------------------------------------------------

OFFICE = allow("0 9 * * MON-FRI", "8h", BERLIN)
LUNCH = deny("0 12 * * *", "1h", BERLIN)
CHRISTMAS = deny("0 0 24 12 *", "10d", BERLIN)

WINDOWS = {
    # 2 March 2026 is a Monday.
    "without windows it is always open": ((), "2026-03-01T12:00Z", None),
    "it opens when its cron says": ((OFFICE,), "2026-03-02T09:00+01:00", None),
    "a moment before it is shut": ((OFFICE,), "2026-03-02T08:59:59.999+01:00", "2026-03-02T09:00+01:00"),
    "it is open to its last moment": ((OFFICE,), "2026-03-02T16:59:59.999+01:00", None),
    "and then shut until the next": ((OFFICE,), "2026-03-02T17:00+01:00", "2026-03-03T09:00+01:00"),
    "over the weekend until Monday": ((OFFICE,), "2026-03-06T20:00+01:00", "2026-03-09T09:00+01:00"),
    "one of two is enough": (
        (OFFICE, allow("0 18 * * *", "1h", BERLIN)),
        "2026-03-02T17:30+01:00",
        "2026-03-02T18:00+01:00",
    ),
    "one against promotions beats it": ((OFFICE, LUNCH), "2026-03-02T12:30+01:00", "2026-03-02T13:00+01:00"),
    "in whatever order they stand": ((LUNCH, OFFICE), "2026-03-02T12:30+01:00", "2026-03-02T13:00+01:00"),
    "one against alone lets all else through": ((LUNCH,), "2026-03-02T13:00+01:00", None),
    "after one against has ended, one for still has to open": (
        (OFFICE, CHRISTMAS),
        "2026-12-24T10:00+01:00",
        "2027-01-04T09:00+01:00",
    ),
    "what follows on another of its kind is one time": (
        (deny("0 0 * * SAT,SUN", "24h"),),
        "2026-03-07T15:00Z",
        "2026-03-09T00:00Z",
    ),
    "two against that overlap end with the later": (
        (deny("0 0 * * *", "6h"), deny("0 4 * * *", "4h")),
        "2026-03-02T05:00Z",
        "2026-03-02T08:00Z",
    ),
    "one that lasts longer than its turn is never shut": ((allow("0 0 * * *", "25h"),), "2026-03-02T23:59Z", None),
    "one for that starts where one against ends": (
        (deny("0 0 * * *", "9h"), allow("0 9 * * *", "1h")),
        "2026-03-02T03:00Z",
        "2026-03-02T09:00Z",
    ),
}


@pytest.mark.parametrize(("windows", "at", "until"), WINDOWS.values(), ids=WINDOWS.keys())
def test_windows(windows: tuple[Window, ...], at: str, until: str | None) -> None:
    gate = ask(time(at), *windows)
    assert (gate.ok, gate.until) == (until is None, until and time(until))
    assert gate.reason is (Reason.WINDOW if until else None)


MESSAGES = {
    "nothing to say": ((), None),
    "open": (
        (allow("0 12 * * *", "1h"),),
        "the windows let promotions through now",
    ),
    "outside": ((OFFICE,), "no window for promotions is open; that ends at 2026-03-02 08:00:00Z"),
    "against": (
        (deny("0 12 * * *", "36h", BERLIN),),
        (
            'the window "0 12 * * *" (Europe/Berlin) of 1d12h keeps promotions out;'
            " no end of that is in sight, mend policy.windows"
        ),
    ),
    "never": (
        (allow("0 12 * * *", "1h"), deny("0 12 * * *", "1h"), deny("30 11 * * *", "45m")),
        'the window "0 12 * * *" (UTC) of 1h keeps promotions out; no end of that is in sight, mend policy.windows',
    ),
}


@pytest.mark.parametrize(("windows", "message"), MESSAGES.values(), ids=MESSAGES.keys())
def test_a_window_says_why_and_when(windows: tuple[Window, ...], message: str | None) -> None:
    assert ask(NOW, *windows).message == message


def test_a_window_that_never_comes_round_never_opens() -> None:
    never = Window(Cron("0 0 */20 * 1L", UTC), DAY)  # the last Monday of a month is never the first or the 21st
    gate = ask(NOW, never)
    assert (gate.ok, gate.until) == (False, None)
    assert gate.message == ("no window for promotions is open; no end of that is in sight, mend policy.windows")


DAYLIGHT = {
    # Each row: a window, an instant, and until when it is shut; None where it is open.
    "Berlin: it starts in the skipped hour, an hour later by the clock": (
        allow("30 2 * * *", "4h", BERLIN),
        [
            ("2026-03-29T01:59:59+01:00", "2026-03-29T03:30:00+02:00"),
            ("2026-03-29T03:30:00+02:00", None),
            ("2026-03-29T07:29:59+02:00", None),
            ("2026-03-29T07:30:00+02:00", "2026-03-30T02:30:00+02:00"),
        ],
    ),
    "Berlin: over the skipped hour it lasts as long as ever": (
        allow("0 1 * * *", "4h", BERLIN),
        [("2026-03-29T05:59:59+02:00", None), ("2026-03-29T06:00:00+02:00", "2026-03-30T01:00:00+02:00")],
    ),
    "Berlin: it starts in the first of two hours, and lasts as long as ever": (
        allow("30 2 * * *", "45m", BERLIN),
        [
            ("2026-10-25T02:29:59+02:00", "2026-10-25T02:30:00+02:00"),
            ("2026-10-25T02:30:00+02:00", None),
            ("2026-10-25T02:14:59+01:00", None),
            ("2026-10-25T02:15:00+01:00", "2026-10-26T02:30:00+01:00"),
            ("2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"),
        ],
    ),
    "Berlin: what comes every hour comes in both": (
        allow("0 * * * *", "30m", BERLIN),
        [
            ("2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00"),
            ("2026-10-25T02:10:00+01:00", None),
            ("2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00"),
        ],
    ),
    "New York: against promotions in the skipped hour": (
        deny("0 2 * * SUN", "2h", NEW_YORK),
        [
            ("2026-03-08T01:59:59-05:00", None),
            ("2026-03-08T03:00:00-04:00", "2026-03-08T05:00:00-04:00"),
            ("2026-03-08T05:00:00-04:00", None),
        ],
    ),
    "New York: against promotions in the first of two hours": (
        deny("0 1 * * SUN", "2h", NEW_YORK),
        [
            ("2026-11-01T00:59:59-04:00", None),
            ("2026-11-01T01:00:00-04:00", "2026-11-01T02:00:00-05:00"),
            ("2026-11-01T01:59:59-05:00", "2026-11-01T02:00:00-05:00"),
            ("2026-11-01T02:00:00-05:00", None),
        ],
    ),
    "Lord Howe: it starts in the skipped half hour": (
        allow("0 2 * * *", "1h", LORD_HOWE),
        [
            ("2026-10-04T01:59:59+10:30", "2026-10-04T02:30:00+11:00"),
            ("2026-10-04T03:29:59+11:00", None),
            ("2026-10-04T03:30:00+11:00", "2026-10-05T02:00:00+11:00"),
        ],
    ),
    "Lord Howe: it starts in the first of two half hours": (
        allow("45 1 * * *", "1h", LORD_HOWE),
        [
            ("2026-04-05T01:44:59+11:00", "2026-04-05T01:45:00+11:00"),
            ("2026-04-05T01:30:00+10:30", None),
            ("2026-04-05T02:14:59+10:30", None),
            ("2026-04-05T02:15:00+10:30", "2026-04-06T01:45:00+10:30"),
        ],
    ),
    "Apia: the day that did not exist": (
        allow("0 9 * * *", "8h", APIA),
        [
            ("2011-12-29T17:00:00-10:00", "2011-12-31T09:00:00+14:00"),
            ("2011-12-31T16:59:59+14:00", None),
            ("2011-12-31T17:00:00+14:00", "2012-01-01T09:00:00+14:00"),
        ],
    ),
    "Apia: while it had daylight saving": (
        allow("30 3 * * *", "1h", APIA),
        [
            ("2020-09-27T02:59:59+13:00", "2020-09-27T04:30:00+14:00"),
            ("2020-09-27T05:29:59+14:00", None),
            ("2021-04-04T03:30:00+14:00", None),
            ("2021-04-04T03:30:00+13:00", "2021-04-05T03:30:00+13:00"),
        ],
    ),
}
INSTANTS = [
    pytest.param(one, at, until, id=f"{name}, at {at}") for name, (one, rows) in DAYLIGHT.items() for at, until in rows
]


@pytest.mark.parametrize(("one", "at", "until"), INSTANTS)
def test_daylight_saving(one: Window, at: str, until: str | None) -> None:
    gate = ask(time(at), one)
    assert (gate.ok, gate.until) == (until is None, until and time(until))


SPANS = st.integers(1, 30 * 60).map(lambda minutes: timedelta(minutes=minutes))
LINES = st.sampled_from(["0 9 * * *", "30 2 * * *", "*/20 1 * * *", "0 0 * * SAT,SUN", "0 */6 * * *", "15 3 1,15 * *"])
ZONES = st.sampled_from(["UTC", BERLIN, NEW_YORK, LORD_HOWE])
SOME = st.builds(
    lambda line, zone, span, kind: Window(Cron.parse(line, ZoneInfo(zone)), span, kind),
    LINES,
    ZONES,
    SPANS,
    st.sampled_from(WindowKind),
)
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(  # noqa: DTZ001 - the zone is put on
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)


def is_open(windows: tuple[Window, ...], at: datetime) -> bool:
    """By the definition: some start of a window lies less than its length back."""

    def inside(one: Window) -> bool:
        start = one.cron.after(at - one.duration)
        return start is not None and start <= at

    allowing = [one for one in windows if one.kind is WindowKind.ALLOW]
    denying = [one for one in windows if one.kind is WindowKind.DENY]
    return (not allowing or any(map(inside, allowing))) and not any(map(inside, denying))


@given(windows=st.lists(SOME, max_size=4).map(tuple), at=TIMES, parts=st.lists(st.floats(0, 1), max_size=5))
def test_a_window_opens_when_it_says_and_not_before(
    windows: tuple[Window, ...], at: datetime, parts: list[float]
) -> None:
    until = opening(windows, at)
    assert (until == at) is is_open(windows, at)
    if until is not None:
        assert is_open(windows, until)
        assert not any(is_open(windows, at + part * (until - at)) for part in parts if part * (until - at) < until - at)
    assert opening(tuple(reversed(windows)), at) == until


# --- freezes ---------------------------------------------------------------------------------------------------------


def frozen(*freezes: Freeze) -> Gate:
    return freeze(Case(A, pin(), proof("1.1.0"), NOW, Terms(Policy(freeze=freezes))))


FREEZES = {
    "nothing is frozen": ((), None, None),
    "what has ended is over": ((Freeze(NOW),), None, None),
    "what lasts is told with its end": (
        (Freeze(NOW + DAY, "year end"),),
        NOW + DAY,
        "frozen until 2026-03-02 12:00:00Z: year end",
    ),
    "a reason may be left out": ((Freeze(NOW + DAY),), NOW + DAY, "frozen until 2026-03-02 12:00:00Z"),
    "of several the last to end counts": (
        (Freeze(NOW + DAY, "one"), Freeze(NOW + 2 * DAY, "two"), Freeze(NOW - DAY, "past")),
        NOW + 2 * DAY,
        "frozen until 2026-03-03 12:00:00Z: two",
    ),
}


@pytest.mark.parametrize(("freezes", "until", "message"), FREEZES.values(), ids=FREEZES.keys())
def test_freezes(freezes: tuple[Freeze, ...], until: datetime | None, message: str | None) -> None:
    gate = frozen(*freezes)
    assert (gate.ok, gate.until, gate.message) == (until is None, until, message)
    assert gate.reason is (Reason.FROZEN if until else None)


# --- a gate that shuts pauses what is armed ---------------------------------------------------------------------------

V = "vault/vault"
SHUT = {
    "a window": Policy(windows=(allow("0 12 * * *", "1h"),)),
    "a freeze": Policy(freeze=(Freeze(NOW + 2 * DAY, "year end"),)),
    "a smaller step": Policy(bump=Step.PATCH),
}


@pytest.mark.parametrize("policy", SHUT.values(), ids=SHUT.keys())
def test_a_gate_that_shuts_pauses_what_is_armed_and_opening_arms_it_again(policy: Policy) -> None:
    repository = Repository({"vault.yaml": manifest(V, "0.28.0")})
    staging = fleet(proven(V, "0.29.0"))
    assert [type(one) for one in turn(staging, repository).actions] == [Open]

    later = NOW + DAY - timedelta(hours=1)
    (pause,) = turn(staging, repository, at=later, policy=policy).actions
    assert isinstance(pause, Pause)
    assert pause.subject.reason in {Reason.WINDOW, Reason.FROZEN, Reason.POLICY}
    assert repository.heads == {}
    assert [hold.reason for hold in look(staging, repository, at=later, policy=policy).holds] == [pause.subject.reason]

    assert [type(one) for one in turn(staging, repository, at=later).actions] == [Rearm]
    assert [one.state for one in look(staging, repository, at=later).proposed] == ["armed"]
