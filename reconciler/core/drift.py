"""Staging against production: what is newer, what would be written, and why nothing is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.core.model import Doubt, Reason

if TYPE_CHECKING:
    from reconciler.core.model import Evidence, Key, Pin, Proof


@dataclass(frozen=True, slots=True)
class Unit:
    """All releases that one pin governs: what moves together. ``members`` are sorted by key, and never empty."""

    promotion: str
    pin: Pin
    members: tuple[Evidence, ...]

    @property
    def releases(self) -> tuple[Key, ...]:
        """The staging releases; the first names the unit."""
        return tuple(member.key for member in self.members)

    def common(self) -> tuple[tuple[Proof, ...], ...]:
        """List what every member has proven and the pin lacks: a row of proofs a version, the highest version first."""
        shared = set.intersection(*({proof.version for proof in newer(member, self.pin)} for member in self.members))
        return tuple(
            tuple(next(proof for proof in member.proofs if proof.version == version) for member in self.members)
            for version in sorted(shared, reverse=True)
        )

    def laggards(self, proof: Proof) -> tuple[Key, ...]:
        """Name the members that have not proven a version."""
        return tuple(m.key for m in self.members if all(other.version != proof.version for other in m.proofs))


def newer(evidence: Evidence, pin: Pin) -> tuple[Proof, ...]:
    """List what a release has proven beyond its pin, the highest first. Production never moves backwards."""
    return tuple(proof for proof in evidence.proofs if proof.version > pin.version)


def shortfall(evidence: Evidence, pin: Pin) -> Doubt | None:
    """Say why a version newer than the pin is not proven; None where staging has nothing newer."""
    doubts = [doubt for doubt in evidence.doubts if doubt.version is None or doubt.version > pin.version]
    if not doubts and evidence.deployed is not None and evidence.deployed > pin.version:
        doubts = [Doubt(Reason.STALE, evidence.deployed, f"nothing proves {evidence.deployed}, which staging deploys")]
    if not doubts:
        return None
    if evidence.suspended:
        return replace(doubts[0], reason=Reason.SUSPENDED, message=f"staging is suspended; {doubts[0].message}")
    return doubts[0]


def written(proof: Proof, pin: Pin) -> str:
    """Give the text to write at a pin for a proven version.

    A tag spells build metadata with ``_``, a chart version with ``+``. Where Flux dropped a leading ``v``, or staging
    takes the chart from another kind of source, the pin's own style decides.
    """
    text = proof.text.replace("+", "_") if pin.is_tag else proof.text
    if proof.is_tag and not pin.is_tag:
        text = text.replace("_", "+")
    if proof.v_dropped or proof.is_tag != pin.is_tag:
        return f"{'v' if pin.version.v else ''}{text.removeprefix('v')}"
    return text
