"""The gates: each answers by itself, and the first no is the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler.core.gates import Case, ask, refusal
from reconciler.core.gates.case import opened
from reconciler.core.gates.person import hold, understood
from reconciler.core.gates.proven import age, enough, soak
from reconciler.core.gates.target import allow, bump, ignore, prerelease
from reconciler.core.model import Hook, Key, Policy, Reason, Step, Terms
from reconciler.core.version import Constraint
from tests.core.test_drift import A, B, pin, proof
from tests.world import NOW

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONG_AGO = NOW - 2 * HOUR


def case(
    to: str = "1.1.0",
    start: str = "1.0.0",
    *,
    since: datetime | None = LONG_AGO,
    hooks: int = 1,
    tested: datetime | None = LONG_AGO,
    terms: Terms | None = None,
    **policy: object,
) -> Case:
    made = replace(
        proof(to), since=since, hooks=tuple(Hook(f"test-{one}", "Succeeded") for one in range(hooks)), tested=tested
    )
    held_to = terms or Terms(Policy(**policy))  # type: ignore[arg-type]  # the record's own fields
    return Case(A, pin(start), made, NOW, held_to)


def ranges(*texts: str) -> tuple[Constraint, ...]:
    return tuple(map(Constraint.parse, texts))


# --- a person --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "message"),
    [
        pytest.param(None, None, id="nobody holds it"),
        pytest.param(
            "", "the annotation helm-promoter/hold on a/redis holds it; take it away to go on", id="no reason"
        ),
        pytest.param(
            "bad week",
            "the annotation helm-promoter/hold on a/redis holds it: bad week; take it away to go on",
            id="a reason is told",
        ),
    ],
)
def test_a_hold_by_annotation(why: str | None, message: str | None) -> None:
    gate = hold(case(terms=Terms(hold=why)))
    assert (gate.ok, gate.reason, gate.message) == (why is None, None if why is None else Reason.ON_HOLD, message)


@pytest.mark.parametrize(
    ("malformed", "message"),
    [
        pytest.param((), None, id="what is understood opens it"),
        pytest.param(("x is odd",), "x is odd; until it is corrected nothing moves", id="what is not shuts it"),
        pytest.param(("x is odd", "y too"), "x is odd; y too; until it is corrected nothing moves", id="all is told"),
    ],
)
def test_an_annotation_that_cannot_be_read(malformed: tuple[str, ...], message: str | None) -> None:
    gate = understood(case(terms=Terms(malformed=malformed)))
    assert (gate.gate, gate.ok, gate.message) == ("annotations", not malformed, message)
    assert gate.reason is (Reason.POLICY if malformed else None)


# --- the version -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "to", "taken", "ok"),
    [
        pytest.param("1.0.0", "1.1.0", None, True, id="a release is admitted"),
        pytest.param("1.0.0", "1.1.0-rc.1", None, False, id="a prerelease is not"),
        pytest.param("1.0.0", "1.1.0-rc.1", False, False, id="nor when the policy says so"),
        pytest.param("1.0.0", "1.1.0-rc.1", True, True, id="it is when the policy takes them"),
        pytest.param("1.1.0-rc.1", "1.1.0-rc.2", None, True, id="or where production runs one of the same version"),
        pytest.param("1.1.0-rc.1", "1.1.0-rc.2", False, True, id="which prereleases: false does not change"),
        pytest.param("1.1.0-rc.1", "1.2.0-rc.1", None, False, id="but not where it runs one of another version"),
        pytest.param("1.1.0-rc.1", "1.1.0", None, True, id="a release follows its candidate"),
        pytest.param("v1.1.0-rc.1", "1.1.0-rc.2", None, True, id="a leading v does not matter"),
    ],
)
def test_prereleases(start: str, to: str, taken: bool | None, ok: bool) -> None:
    gate = prerelease(case(to, start, prereleases=taken))
    assert (gate.ok, gate.reason) == (ok, None if ok else Reason.PRERELEASE)


def test_prereleases_tell_both_versions_and_why_one_is_admitted() -> None:
    assert prerelease(case("1.1.0-rc.1")).message == "1.1.0-rc.1 is a prerelease, and production runs 1.0.0"
    assert prerelease(case("1.1.0-rc.2", "v1.1.0-rc.1")).message == "production already runs a prerelease, v1.1.0-rc.1"
    assert prerelease(case("1.1.0-rc.1", prereleases=True)).message == "the policy takes prereleases"


@pytest.mark.parametrize(
    ("allowed", "to", "ok", "message"),
    [
        pytest.param(None, "9.0.0", True, None, id="without a range all is allowed"),
        pytest.param((), "9.0.0", True, None, id="no range at all neither shuts it"),
        pytest.param(("^1",), "1.1.0", True, "1.1.0 is in ^1", id="inside"),
        pytest.param(("^1",), "2.0.0", False, "2.0.0 is not in ^1, which the policy allows", id="outside"),
        pytest.param(("1.1.0",), "1.1.0", True, "1.1.0 is in 1.1.0", id="one version and no other"),
        pytest.param(("^1",), "v1.1.0", True, "v1.1.0 is in ^1", id="a leading v does not matter"),
        pytest.param(("^1", "<1.5"), "1.1.0", True, "1.1.0 is in ^1 and in <1.5", id="inside every range"),
        pytest.param(
            ("^1", "<1.5"), "1.6.0", False, "1.6.0 is not in <1.5, which the policy allows", id="outside of one"
        ),
        pytest.param(
            ("^1",),
            "1.1.0-rc.1",
            False,
            "1.1.0-rc.1 is not in ^1, which the policy allows; a range takes prereleases only if it names one itself",
            id="a prerelease is in no plain range, as in Helm",
        ),
        pytest.param(
            (">=1.0.0-0",), "1.1.0-rc.1", True, "1.1.0-rc.1 is in >=1.0.0-0", id="it is in one that names one"
        ),
    ],
)
def test_allowing(allowed: tuple[str, ...] | None, to: str, ok: bool, message: str | None) -> None:
    gate = allow(case(to, allow=None if allowed is None else ranges(*allowed)))
    assert (gate.ok, gate.reason, gate.message) == (ok, None if ok else Reason.POLICY, message)


@pytest.mark.parametrize(
    ("largest", "start", "to", "ok"),
    [
        pytest.param(None, "1.0.0", "2.0.0", True, id="without a limit any step goes"),
        pytest.param(Step.MAJOR, "1.0.0", "2.0.0", True, id="major admits a major step"),
        pytest.param(Step.MINOR, "1.0.0", "2.0.0", False, id="minor admits no major step"),
        pytest.param(Step.MINOR, "1.0.0", "1.1.0", True, id="minor admits a minor step"),
        pytest.param(Step.MINOR, "1.0.0", "1.0.1", True, id="and a patch"),
        pytest.param(Step.PATCH, "1.0.0", "1.1.0", False, id="patch admits no minor step"),
        pytest.param(Step.PATCH, "1.0.0", "1.0.9", True, id="patch admits several patches at once"),
        pytest.param(Step.PATCH, "0.1.0", "0.2.0", False, id="0.1 to 0.2 is a minor step"),
        pytest.param(Step.PATCH, "1.1.0-rc.1", "1.1.0", True, id="from a candidate to its release is the least step"),
        pytest.param(Step.PATCH, "v1.0.0", "1.0.1", True, id="a leading v does not matter"),
    ],
)
def test_steps(largest: Step | None, start: str, to: str, ok: bool) -> None:
    gate = bump(case(to, start, bump=largest))
    assert (gate.ok, gate.reason) == (ok, None if ok else Reason.POLICY)


def test_a_step_is_told_with_what_is_admitted() -> None:
    assert bump(case("2.0.0", bump=Step.MINOR)).message == (
        "1.0.0 to 2.0.0 is a major step, and the policy admits minor at most"
    )
    assert bump(case("1.0.1", bump=Step.MINOR)).message == "1.0.0 to 1.0.1 is a patch step"


@pytest.mark.parametrize(
    ("ignored", "to", "message"),
    [
        pytest.param(None, "1.1.0", None, id="nothing is ignored"),
        pytest.param(("1.1.0",), "1.1.0", "1.1.0 is ignored: the policy lists 1.1.0", id="one version"),
        pytest.param(("1.1.0",), "1.1.1", None, id="and not the next one"),
        pytest.param(("v1.1.0",), "1.1.0", "1.1.0 is ignored: the policy lists v1.1.0", id="a v does not matter"),
        pytest.param(("1.1.0",), "1.1.0-rc.1", None, id="a version is not its candidate"),
        pytest.param(("9.9.9", ">=2"), "2.1.0", "2.1.0 is ignored: the policy lists >=2", id="a range among others"),
        pytest.param(
            (">=2",), "2.1.0-rc.1", "2.1.0-rc.1 is ignored: the policy lists >=2", id="a range takes in its prereleases"
        ),
        pytest.param(("<2",), "2.0.0-rc.1", None, id="but not those of the version that ends it"),
    ],
)
def test_ignoring(ignored: tuple[str, ...] | None, to: str, message: str | None) -> None:
    gate = ignore(case(to, ignore=None if ignored is None else ranges(*ignored)))
    assert (gate.ok, gate.message) == (message is None, message)
    assert gate.reason is (None if message is None else Reason.POLICY)


# --- the proof -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minimum", "hooks", "ok", "message"),
    [
        pytest.param(None, 1, True, None, id="one is enough where nothing is said"),
        pytest.param(2, 2, True, "2 test hooks succeeded", id="just enough"),
        pytest.param(2, 1, False, "1 test hook succeeded, and the policy asks for 2 at least", id="one too few"),
        pytest.param(2, 0, True, None, id="where being Ready is the proof there are none to count"),
    ],
)
def test_a_minimum_of_tests(minimum: int | None, hooks: int, ok: bool, message: str | None) -> None:
    gate = enough(case(hooks=hooks, minimum=minimum))
    assert (gate.gate, gate.ok, gate.reason, gate.message) == ("tests", ok, None if ok else Reason.POLICY, message)


@pytest.mark.parametrize(
    ("oldest", "hooks", "tested", "ok", "message"),
    [
        pytest.param(None, 1, None, True, None, id="any age does where nothing is said"),
        pytest.param(2 * HOUR, 1, LONG_AGO, True, "tested at 2026-03-01 10:00:00Z", id="just young enough"),
        pytest.param(
            90 * timedelta(minutes=1),
            1,
            LONG_AGO,
            False,
            "tested at 2026-03-01 10:00:00Z, which is over 1h30m ago; run the tests in staging again",
            id="too old",
        ),
        pytest.param(
            DAY,
            1,
            None,
            False,
            "staging tells no time that can be believed at which 1.1.0 was tested; run the tests in staging again",
            id="without a time it is too old",
        ),
        pytest.param(HOUR, 0, None, True, None, id="being Ready is always of now"),
        pytest.param(HOUR, 1, NOW + timedelta(minutes=5), True, "tested at 2026-03-01 12:05:00Z", id="a clock ahead"),
    ],
)
def test_an_age(oldest: timedelta | None, hooks: int, tested: datetime | None, ok: bool, message: str | None) -> None:
    gate = age(case(hooks=hooks, tested=tested, max_age=oldest))
    assert (gate.ok, gate.reason, gate.message) == (ok, None if ok else Reason.EXPIRED, message)


NO_TIME = (
    "staging tells no time that can be believed since when 1.1.0 is proven, so that no soak can be counted;"
    " a newer version, or tests that run again, bring one"
)


@pytest.mark.parametrize(
    ("wanted", "since", "until", "message"),
    [
        pytest.param(None, None, None, None, id="without a soak nothing is asked, not even a time"),
        pytest.param(2 * HOUR, LONG_AGO, None, "proven since 2026-03-01 10:00:00Z", id="just old enough"),
        pytest.param(HOUR, LONG_AGO, None, "proven since 2026-03-01 10:00:00Z", id="old enough"),
        pytest.param(timedelta(0), NOW, None, "proven since 2026-03-01 12:00:00Z", id="no time is at once"),
        pytest.param(
            3 * HOUR,
            LONG_AGO,
            NOW + HOUR,
            "proven since 2026-03-01 10:00:00Z, soaks until 2026-03-01 13:00:00Z",
            id="too young",
        ),
        pytest.param(
            HOUR,
            NOW + HOUR,
            NOW + 2 * HOUR,
            "proven since 2026-03-01 13:00:00Z, soaks until 2026-03-01 14:00:00Z",
            id="a time in the future soaks from then",
        ),
    ],
)
def test_soaking(wanted: timedelta | None, since: datetime | None, until: datetime | None, message: str | None) -> None:
    gate = soak(case(since=since, soak=wanted))
    assert (gate.ok, gate.until, gate.message) == (until is None, until, message)
    assert gate.reason is (Reason.SOAKING if until else None)


def test_without_a_time_no_soak_is_over() -> None:
    gate = soak(case(since=None, soak=HOUR))
    assert (gate.ok, gate.reason, gate.until, gate.message) == (False, Reason.SOAKING, None, NO_TIME)


# --- all of them -----------------------------------------------------------------------------------------------------

NAMES = [
    "hold",
    "prerelease",
    "annotations",
    "allow",
    "bump",
    "ignore",
    "tests",
    "age",
    "soak",
    "window",
    "freeze",
]


def test_every_gate_is_asked_and_the_first_no_is_the_reason() -> None:
    gates = ask([case("1.1.0-rc.1", soak=9 * HOUR, bump=Step.PATCH)])
    assert [gate.gate for gate in gates] == NAMES
    assert [gate.gate for gate in gates if not gate.ok] == ["prerelease", "bump", "soak"]
    assert refusal(gates) == gates[1]


def test_without_a_policy_every_gate_is_open_and_has_nothing_to_say() -> None:
    gates = ask([case()])
    assert gates == tuple(map(opened, NAMES))
    assert refusal(gates) is None


SHARED = {
    "open for both is open": ((HOUR, LONG_AGO), (HOUR, LONG_AGO), (True, None)),
    "shut for one is shut, and names it": ((HOUR, LONG_AGO), (3 * HOUR, LONG_AGO), (False, NOW + HOUR)),
    "each soaks by its own policy": ((3 * HOUR, NOW - 4 * HOUR), (HOUR, NOW - HOUR), (True, None)),
    "who has to wait longest tells": ((3 * HOUR, LONG_AGO), (9 * HOUR, LONG_AGO), (False, NOW + 7 * HOUR)),
    "without an end is longer than any": ((9 * HOUR, LONG_AGO), (HOUR, None), (False, None)),
    "a policy that asks for nothing leaves it to the other": ((None, None), (3 * HOUR, LONG_AGO), (False, NOW + HOUR)),
}


@pytest.mark.parametrize(("one", "other", "expected"), SHARED.values(), ids=SHARED.keys())
def test_every_release_of_a_shared_pin_has_its_say(
    one: tuple[timedelta | None, datetime | None],
    other: tuple[timedelta | None, datetime | None],
    expected: tuple[bool, datetime | None],
) -> None:
    first, second = (case(soak=wanted, since=since) for wanted, since in (one, other))
    for cases in ([first, replace(second, release=B)], [replace(second, release=B), first]):
        (gate,) = (gate for gate in ask(cases) if gate.gate == "soak")
        assert (gate.ok, gate.until) == expected
        assert gate.ok or (gate.message or "").startswith("b/redis: ")


def test_of_open_gates_the_one_with_something_to_say_is_told() -> None:
    silent, telling = case(), replace(case(soak=HOUR), release=Key("b", "redis"))
    (gate,) = (gate for gate in ask([silent, telling]) if gate.gate == "soak")
    assert (gate.ok, gate.message) == (True, "proven since 2026-03-01 10:00:00Z")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        pytest.param(HOUR, "proven since 2026-03-01 10:00:00Z; x has no effect", id="beside what the gate says"),
        pytest.param(None, "x has no effect", id="or alone"),
    ],
)
def test_an_annotation_without_effect_is_told_by_its_gate(wanted: timedelta | None, message: str) -> None:
    gates = ask([case(terms=Terms(Policy(soak=wanted), idle=(("soak", "x has no effect"),)))])
    assert [(gate.gate, gate.message) for gate in gates if gate.message] == [("soak", message)]
