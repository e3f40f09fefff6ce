"""What a gate is asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.core.model import Gate, Terms

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.core.model import Key, Pin, Policy, Proof, Reason


_PLAIN: Final = Terms()


@dataclass(frozen=True, slots=True)
class Case:
    """A version that one release has proven, the pin that it would move, and what the release is held to."""

    release: Key
    pin: Pin
    proof: Proof
    at: datetime
    terms: Terms = _PLAIN

    @property
    def policy(self) -> Policy:
        """The policy that holds for the release."""
        return self.terms.policy


def opened(gate: str, message: str | None = None) -> Gate:
    """Let a case through."""
    return Gate(gate, ok=True, message=message)


def shut(gate: str, reason: Reason, message: str, until: datetime | None = None) -> Gate:
    """Hold a case back, until a time if one can be told."""
    return Gate(gate, ok=False, reason=reason, message=message, until=until)
