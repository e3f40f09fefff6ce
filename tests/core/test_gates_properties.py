"""What must hold of the gates, whatever the policy."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import model
from reconciler.core.cron import Cron
from reconciler.core.gates import Case, ask
from reconciler.core.model import (
    Freeze,
    Hook,
    InSync,
    Open,
    Override,
    Policy,
    Reason,
    Step,
    Terms,
    Window,
    WindowKind,
)
from reconciler.core.selector import Selector
from reconciler.core.version import Constraint
from tests.core.simulator import Repository, fleet, look
from tests.core.test_drift import A, B, pin, proof
from tests.core.test_plan_properties import STAGING, productions
from tests.world import NOW

if TYPE_CHECKING:
    from tests.world import Object

HOUR = timedelta(hours=1)
REQUIRED, OPTIONAL = model.Tests.REQUIRED, model.Tests.OPTIONAL


def ranges(*texts: str) -> tuple[Constraint, ...]:
    return tuple(map(Constraint.parse, texts))


def around(line: str, zone: str, hours: int, kind: str) -> Window:
    return Window(Cron.parse(line, ZoneInfo(zone)), hours * HOUR, WindowKind(kind))


OPENING = around("0 9 * * *", "Europe/Berlin", 8, "allow")
NIGHT = around("0 22 * * *", "America/New_York", 9, "deny")
LADDERS: dict[str, list[object]] = {
    "tests": [OPTIONAL, REQUIRED],
    "soak": [None, HOUR, 3 * HOUR, 99 * HOUR],
    "minimum": [None, 1, 2, 3],
    "max_age": [None, 9 * HOUR, HOUR],
    "allow": [None, ranges(">=0-0"), ranges(">=0-0", "^1"), ranges(">=0-0", "^1", "1.0.1")],
    "bump": [None, Step.MAJOR, Step.MINOR, Step.PATCH],
    "prereleases": [True, False],
    "ignore": [(), ranges("1.1.0"), ranges("1.1.0", ">=1")],
    "windows": [(), (OPENING,), (OPENING, NIGHT)],
    "freeze": [(), (Freeze(NOW - HOUR),), (Freeze(NOW - HOUR), Freeze(NOW + HOUR))],
}
"""Values of each key, each tighter than the one before."""


@st.composite
def tightened(draw: st.DrawFn) -> tuple[Policy, Policy]:
    """A policy, and one that is at least as tight in every key. Optional tests come with a soak."""
    loose: dict[str, object] = {}
    tight: dict[str, object] = {}
    for key, ladder in LADDERS.items():
        low = draw(st.integers(0, len(ladder) - 1))
        high = draw(st.integers(low, len(ladder) - 1))
        loose[key], tight[key] = ladder[low], ladder[high]
    if loose["tests"] is OPTIONAL and loose["soak"] is None:
        loose["soak"] = HOUR / 2
        tight["soak"] = tight["soak"] or HOUR / 2
    return Policy(**loose), Policy(**tight)  # type: ignore[arg-type]  # the record's own fields


POLICIES = tightened().map(lambda pair: pair[0])
TIMES = st.none() | st.integers(-200, 5).map(lambda minutes: NOW + timedelta(minutes=minutes))
VERSIONS = st.sampled_from(["1.0.1", "1.1.0-rc.1", "1.1.0", "2.0.0"])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    hooks = tuple(Hook(f"test-{one}", "Succeeded") for one in range(draw(st.integers(0, 3))))
    made = replace(proof(draw(VERSIONS)), hooks=hooks, since=draw(TIMES), tested=draw(TIMES))
    hold = draw(st.sampled_from([None, None, "", "bad week"]))
    malformed = draw(st.sampled_from([(), (), ("an annotation cannot be read",)]))
    at = NOW + timedelta(hours=draw(st.integers(0, 48)))
    return Case(A, pin(draw(st.sampled_from(["1.0.0", "1.1.0-rc.0"]))), made, at, Terms(Policy(), hold, malformed))


def by(policy: Policy, case: Case) -> Case:
    return replace(case, terms=replace(case.terms, policy=policy))


def test_a_ladder_stands_for_every_key() -> None:
    assert list(LADDERS) == [field.name for field in fields(Policy)]


@given(cases(), POLICIES)
def test_every_no_has_a_reason_and_a_message_and_a_time_that_lies_ahead(case: Case, policy: Policy) -> None:
    gates = ask([by(policy, case)])
    shut = [gate for gate in gates if not gate.ok]
    assert all(gate.reason in Reason and gate.message for gate in shut)
    assert all(gate.until is None or gate.until > case.at for gate in shut)
    assert all(gate.reason is None and gate.until is None for gate in gates if gate.ok)
    order = [list(Reason).index(gate.reason) for gate in shut if gate.reason]
    assert order == sorted(order), "the first no is not the first reason"


@given(cases(), tightened())
def test_tightening_never_opens_a_gate(case: Case, pair: tuple[Policy, Policy]) -> None:
    loose, tight = (ask([by(policy, case)]) for policy in pair)
    for before, after in zip(loose, tight, strict=True):
        assert before.ok or not after.ok
        assert before.until is None or after.until is None or after.until >= before.until


@given(cases(), POLICIES, POLICIES)
def test_a_shared_pin_moves_only_where_each_alone_would(case: Case, one: Policy, other: Policy) -> None:
    pair = [by(one, case), replace(by(other, case), release=B)]
    together = ask(pair)
    alone = [ask([each]) for each in pair]
    for place, gate in enumerate(together):
        assert gate.ok is all(gates[place].ok for gates in alone)
    assert [(gate.ok, gate.reason, gate.until) for gate in ask(pair[::-1])] == [
        (gate.ok, gate.reason, gate.until) for gate in together
    ]


@given(cases(), POLICIES)
def test_where_a_time_is_told_the_gate_opens_then_and_not_before(case: Case, policy: Policy) -> None:
    here = by(policy, case)
    for place, gate in enumerate(ask([here])):
        if gate.until is not None:
            assert ask([replace(here, at=gate.until)])[place].ok
            assert not ask([replace(here, at=gate.until - timedelta(microseconds=1))])[place].ok


@given(staging=STAGING, files=productions(), pair=tightened())
def test_a_tighter_policy_never_makes_an_action(
    staging: list[Object], files: dict[str, str], pair: tuple[Policy, Policy]
) -> None:
    loose, tight = (look(fleet(*staging), Repository(files), policy=policy) for policy in pair)
    assert {one.subject.release for one in tight.actions} <= {one.subject.release for one in loose.actions}
    assert all(isinstance(one, Open) for one in tight.actions)
    assert all(one.reason in Reason and one.message for one in tight.holds)
    assert all(isinstance(one, InSync) for one in tight.in_sync)


@given(staging=STAGING, files=productions(), policies=st.tuples(POLICIES, POLICIES), base=POLICIES)
def test_the_order_of_overrides_that_do_not_overlap_changes_no_plan(
    staging: list[Object], files: dict[str, str], policies: tuple[Policy, Policy], base: Policy
) -> None:
    some = [Override(policy, Selector(), key) for policy, key in zip(policies, ("a/*", "c/*"), strict=True)]
    plans = [
        look(fleet(*staging), Repository(files), policy=base, overrides=tuple(order)) for order in (some, some[::-1])
    ]
    assert replace(plans[0], errors=()) == replace(plans[1], errors=())  # those name an override by its place
    assert len(plans[0].errors) == len(plans[1].errors)
