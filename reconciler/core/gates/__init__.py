"""Why not yet: the gates that a proven version passes on its way, each a function that answers by itself.

Every gate is asked about every candidate, so that a person sees all that stands in the way; the first no is the
reason. A gate added here can only hold back: none makes an action.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.core.gates.calendar import freeze, window
from reconciler.core.gates.case import Case
from reconciler.core.gates.person import hold, understood
from reconciler.core.gates.proven import age, enough, soak
from reconciler.core.gates.target import allow, bump, ignore, prerelease

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reconciler.core.model import Gate

__all__ = ["Case", "ask", "refusal"]


def ask(cases: Sequence[Case]) -> tuple[Gate, ...]:
    """Ask every gate about a candidate: of all releases that its pin governs, each by its own policy.

    A gate is shut where it is shut for one; it speaks of the one that has to wait longest.
    """
    if len(cases) == 1:
        return tuple(_noted(gate(cases[0]), cases[0]) for gate in _GATES)
    return tuple(_together(gate, cases) for gate in _GATES)


def refusal(gates: tuple[Gate, ...]) -> Gate | None:
    """Give the first gate that says no."""
    return next((gate for gate in gates if not gate.ok), None)


def _together(gate: Callable[[Case], Gate], cases: Sequence[Case]) -> Gate:
    answers = [(case, _noted(gate(case), case)) for case in cases]
    case, answer = max(answers, key=lambda pair: _weight(pair[1]))
    return answer if answer.ok else replace(answer, message=f"{case.release}: {answer.message}")


def _noted(answer: Gate, case: Case) -> Gate:
    """Tell of annotations that would have opened the gate."""
    if not case.terms.idle:
        return answer
    notes = (note for gate, note in case.terms.idle if gate == answer.gate)
    return replace(answer, message="; ".join(filter(None, (answer.message, *notes))) or None)


def _weight(answer: Gate) -> tuple[bool, bool, float, bool]:
    """Put a no before a yes, the longest first, and what has something to say before what has not."""
    until = answer.until.timestamp() if answer.until else 0
    return not answer.ok, not answer.ok and answer.until is None, until, answer.message is not None


_GATES: Final[tuple[Callable[[Case], Gate], ...]] = (
    hold,  # makes sure that no person holds the release
    prerelease,  # makes sure that production does not leave stable releases unasked
    understood,  # makes sure that what people asked for is understood
    allow,  # makes sure that the version is one of those that are wanted
    bump,  # makes sure that the step is not too large
    ignore,  # makes sure that the version is none of those that are not wanted
    enough,  # makes sure that enough has been tested
    age,  # makes sure that it was tested lately
    soak,  # makes sure that the proof has held for a while
    window,  # makes sure that it is a time for promotions
    freeze,  # makes sure that promotions are not frozen
)
"""In the order of their reasons: the first no is the one that is told."""
