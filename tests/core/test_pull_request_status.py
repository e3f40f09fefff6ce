"""The commit status: written for people, and read back by the next pass."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Hook, Reason, State, Status
from reconciler.core.pull_request import caught_up, proven, standing, status, was_closed, was_reached
from tests.core.stories import hooks, proof, story
from tests.world import NOW

MARKER = story().marker
STATES = {State.ARMED: "success", State.PAUSED: "pending", State.DISARMED: "failure"}
REASONS = st.sampled_from(Reason)
MESSAGES = st.text(max_size=400)


@given(REASONS, MESSAGES, st.sampled_from(State))
def test_why_it_stands_as_it_does_is_read_back(reason: Reason, message: str, state: State) -> None:
    text = status(reason, message)
    found = standing(MARKER, Status(STATES[state], text, NOW))
    assert found == replace(MARKER, state=state, reason=reason, since=NOW)
    assert len(text) <= 140
    assert "\n" not in text


@given(REASONS, MESSAGES)
def test_what_was_closed_for_a_reason_was_not_reached(reason: Reason, message: str) -> None:
    ours = Status("error", status(reason, message), NOW)
    assert was_closed(ours)
    assert not was_reached(ours)


@given(st.text(max_size=300))
def test_what_production_reached_was_closed_by_us(pinned: str) -> None:
    assert was_reached(Status("error", caught_up(pinned), NOW))
    assert not was_reached(Status("success", caught_up(pinned), NOW))


@pytest.mark.parametrize("conclusion", ["success", "pending", "failure"])
def test_what_we_did_not_close_was_closed_by_a_person(conclusion: str) -> None:
    assert not was_closed(Status(conclusion, status(Reason.STALE, "x"), NOW))


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        pytest.param((), "proven in staging: 0.28.1, revision 7", id="without tests"),
        pytest.param(hooks(), "proven in staging: 0.28.1, revision 7, 1 test passed", id="one test"),
        pytest.param(hooks(2), "proven in staging: 0.28.1, revision 7, 2 tests passed", id="two tests"),
    ],
)
def test_what_is_proven_is_told_and_needs_no_reason(tests: tuple[Hook, ...], expected: str) -> None:
    text = proven(proof(tests=tests))
    assert text == expected
    assert standing(MARKER, Status("success", text, NOW)) == replace(MARKER, since=NOW)


def test_a_long_reason_is_cut_between_whole_characters() -> None:
    assert status(Reason.STALE, "e\u0301" * 200) == "stale: " + "e\u0301" * 65 + "..."
