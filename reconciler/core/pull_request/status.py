"""The commit status: how a pull request stands, as a person sees it and as the next pass reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.core.model import Reason, State
from reconciler.core.pull_request.markdown import cut

if TYPE_CHECKING:
    from reconciler.core.model import Proof, Status
    from reconciler.core.pull_request.marker import Marker

_LONGEST: Final = 140
"""The longest description that GitHub takes."""
_STATES: Final = {"success": State.ARMED, "pending": State.PAUSED, "failure": State.DISARMED}
_CLOSED: Final = "error"
_CAUGHT_UP: Final = "production caught up"


def status(reason: Reason | None, message: str) -> str:
    """Write the text of a commit status: the reason first, because it is read back."""
    text = f"{reason.value}: {message}" if reason else message
    return cut(" ".join(text.split()), _LONGEST)


def proven(proof: Proof) -> str:
    """Write the text of the commit status of what is proven."""
    count = len(proof.hooks)
    tests = f", {count} test{'' if count == 1 else 's'} passed" if count else ""
    return status(None, f"proven in staging: {proof.text}, revision {proof.revision}{tests}")


def caught_up(pinned: str) -> str:
    """Write the text of the last commit status of what production has reached."""
    return status(None, f"{_CAUGHT_UP}: it runs {pinned}")


def was_reached(status: Status) -> bool:
    """Tell whether we closed a pull request because production had reached its version."""
    return status.conclusion == _CLOSED and status.text.startswith(_CAUGHT_UP)


def was_closed(status: Status) -> bool:
    """Tell whether it was we who closed a pull request."""
    return status.conclusion == _CLOSED


def standing(marker: Marker, status: Status) -> Marker:
    """Give a marker as the commit status has it: how it stands, why, and since when."""
    word = status.text.partition(":")[0]
    reason = Reason(word) if word in set(Reason) else None
    state = _STATES.get(status.conclusion, State.PAUSED)
    return replace(marker, state=state, reason=reason, since=status.at)
