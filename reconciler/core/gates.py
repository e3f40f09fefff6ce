"""Why not yet: the gates that a proven version passes on its way, each a function that answers by itself.

Every gate is asked about every candidate, so that a person sees all that stands in the way; the first no is the
reason. A gate added here can only hold back: none makes an action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.core.model import Gate, Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from reconciler.core.model import Pin, Policy, Proof


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proven version, and the pin that it would move. ``proofs`` are those of every release that the pin governs."""

    pin: Pin
    proofs: tuple[Proof, ...]
    policy: Policy
    at: datetime

    @property
    def proof(self) -> Proof:
        """The proof of the release that names the unit."""
        return self.proofs[0]


def ask(candidate: Candidate) -> tuple[Gate, ...]:
    """Ask every gate about a candidate."""
    return tuple(gate(candidate) for gate in _GATES)


def refusal(gates: tuple[Gate, ...]) -> Gate | None:
    """Give the first gate that says no."""
    return next((gate for gate in gates if not gate.ok), None)


def prerelease(candidate: Candidate) -> Gate:
    """Production takes no prerelease, unless it already runs one of the same x.y.z."""
    target, pinned = candidate.proof.version, candidate.pin.version
    if not target.prerelease:
        return Gate("prerelease", ok=True)
    if pinned.prerelease and target.core == pinned.core:
        return Gate("prerelease", ok=True, message=f"production already runs a prerelease, {pinned}")
    message = f"{target} is a prerelease, and production runs {pinned}"
    return Gate("prerelease", ok=False, reason=Reason.PRERELEASE, message=message)


def soak(candidate: Candidate) -> Gate:
    """The proof must have held for as long as the policy asks, for every release that the pin governs."""
    wanted = candidate.policy.soak
    if wanted is None:
        return Gate("soak", ok=True)
    times = [proof.since for proof in candidate.proofs]
    since = max((time for time in times if time is not None), default=None)
    if since is None or None in times:
        told = f"staging tells no time since when {candidate.proof.version} is proven"
        message = f"{told}; it soaks from its next tested revision"
        return Gate("soak", ok=False, reason=Reason.SOAKING, message=message)
    until = since + wanted
    if candidate.at >= until:
        return Gate("soak", ok=True, message=f"proven since {since:%Y-%m-%d %H:%M:%SZ}")
    message = f"proven since {since:%Y-%m-%d %H:%M:%SZ}, soaks until {until:%Y-%m-%d %H:%M:%SZ}"
    return Gate("soak", ok=False, reason=Reason.SOAKING, message=message, until=until)


_GATES: Final[tuple[Callable[[Candidate], Gate], ...]] = (
    prerelease,  # makes sure that production does not leave stable releases unasked
    soak,  # makes sure that the proof has held for a while
)
