"""The gates: each answers by itself, and the first no is the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler.core.gates import Candidate, ask, prerelease, refusal, soak
from reconciler.core.model import Gate, Policy, Reason
from tests.core.test_drift import pin, proof
from tests.world import NOW

HOUR = timedelta(hours=1)


def candidate(
    to: str = "1.1.0", start: str = "1.0.0", *, wanted: timedelta | None = None, **times: object
) -> Candidate:
    since = times.get("since", (NOW - 2 * HOUR,))
    assert isinstance(since, tuple)
    proofs = tuple(replace(proof(to), since=time) for time in since)
    return Candidate(pin(start), proofs, Policy(soak=wanted), NOW)


@pytest.mark.parametrize(
    ("start", "to", "ok"),
    [
        pytest.param("1.0.0", "1.1.0", True, id="a release is admitted"),
        pytest.param("1.0.0", "1.1.0-rc.1", False, id="a prerelease is not"),
        pytest.param("1.1.0-rc.1", "1.1.0-rc.2", True, id="it is where production runs one of the same version"),
        pytest.param("1.1.0-rc.1", "1.2.0-rc.1", False, id="but not one of another version"),
        pytest.param("1.1.0-rc.1", "1.1.0", True, id="a release follows its candidate"),
        pytest.param("v1.1.0-rc.1", "1.1.0-rc.2", True, id="a leading v does not matter"),
    ],
)
def test_prereleases(start: str, to: str, ok: bool) -> None:
    gate = prerelease(candidate(to, start))
    assert (gate.ok, gate.reason) == (ok, None if ok else Reason.PRERELEASE)


def test_a_refused_prerelease_names_both_versions() -> None:
    assert prerelease(candidate("1.1.0-rc.1")).message == "1.1.0-rc.1 is a prerelease, and production runs 1.0.0"


def test_an_admitted_prerelease_says_why() -> None:
    gate = prerelease(candidate("1.1.0-rc.2", "v1.1.0-rc.1"))
    assert gate.message == "production already runs a prerelease, v1.1.0-rc.1"


@pytest.mark.parametrize(
    ("wanted", "since", "ok", "until"),
    [
        pytest.param(None, (None,), True, None, id="without a soak nothing is asked, not even a time"),
        pytest.param(3 * HOUR, (NOW - 2 * HOUR,), False, NOW + HOUR, id="too young"),
        pytest.param(2 * HOUR, (NOW - 2 * HOUR,), True, None, id="just old enough"),
        pytest.param(HOUR, (NOW - 2 * HOUR,), True, None, id="old enough"),
        pytest.param(HOUR, (None,), False, None, id="without a time it never is"),
        pytest.param(HOUR, (NOW - 2 * HOUR, NOW), False, NOW + HOUR, id="the youngest of a shared pin counts"),
        pytest.param(HOUR, (NOW - 2 * HOUR, None), False, None, id="and a missing time of any"),
        pytest.param(HOUR, (NOW + HOUR,), False, NOW + 2 * HOUR, id="a time in the future soaks from then"),
        pytest.param(timedelta(0), (NOW,), True, None, id="no time is at once"),
    ],
)
def test_soaking(
    wanted: timedelta | None, since: tuple[datetime | None, ...], ok: bool, until: datetime | None
) -> None:
    gate = soak(candidate(wanted=wanted, since=since))
    assert (gate.ok, gate.reason, gate.until) == (ok, None if ok else Reason.SOAKING, until)


@pytest.mark.parametrize(
    ("wanted", "since", "expected"),
    [
        pytest.param(
            3 * HOUR, NOW - 2 * HOUR, "proven since 2026-03-01 10:00:00Z, soaks until 2026-03-01 13:00:00Z", id="shut"
        ),
        pytest.param(HOUR, NOW - 2 * HOUR, "proven since 2026-03-01 10:00:00Z", id="open"),
        pytest.param(
            HOUR,
            None,
            "staging tells no time since when 1.1.0 is proven; it soaks from its next tested revision",
            id="without a time",
        ),
    ],
)
def test_soaking_tells_the_times(wanted: timedelta, since: datetime | None, expected: str) -> None:
    assert soak(candidate(wanted=wanted, since=(since,))).message == expected


def test_every_gate_is_asked_and_the_first_no_is_the_reason() -> None:
    gates = ask(candidate("1.1.0-rc.1", wanted=9 * HOUR))
    assert [(gate.gate, gate.ok) for gate in gates] == [("prerelease", False), ("soak", False)]
    assert refusal(gates) == gates[0]


def test_where_every_gate_is_open_nothing_refuses() -> None:
    gates = ask(candidate())
    assert gates == (Gate("prerelease", ok=True), Gate("soak", ok=True))
    assert refusal(gates) is None
