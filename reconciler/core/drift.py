"""Staging against production: what is newer, what would be written, and why nothing is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from reconciler.core.model import Bump, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.model import Doubt, Evidence, Key, Pin, Proof
    from reconciler.core.version import Version

_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Unit:
    """All releases that one pin governs: what moves together. ``members`` are sorted by key, and never empty.

    ``besides`` are releases that the pin governs too, but that are held for another reason: they have a say in whether
    it moves, and an answer of their own.
    """

    promotion: str
    pin: Pin
    members: tuple[Evidence, ...]
    besides: tuple[Evidence, ...] = ()

    @property
    def releases(self) -> tuple[Key, ...]:
        """The staging releases; the first names the unit."""
        return tuple(member.key for member in self.members)

    @property
    def chart(self) -> str:
        """The chart that its releases deploy, empty where none of them has deployed any."""
        return next((member.chart for member in self.members if member.chart), "")

    def common(self) -> tuple[tuple[Proof, ...], ...]:
        """List what all have proven and the pin lacks: a row of the members' proofs a version, the highest first."""
        proven = [{self._identity(proof): proof for proof in newer(one, self.pin)} for one in self.governed]
        shared = set.intersection(*map(set, proven))
        members = proven[: len(self.members)]
        return tuple(tuple(proofs[one] for proofs in members) for one in sorted(shared, reverse=True))

    def laggards(self, proof: Proof) -> tuple[Key, ...]:
        """Name the releases that have not proven a version."""
        wanted = self._identity(proof)
        return tuple(one.key for one in self.governed if all(self._identity(other) != wanted for other in one.proofs))

    @property
    def governed(self) -> tuple[Evidence, ...]:
        """All that have a say, the members first."""
        return (*self.members, *self.besides)

    @property
    def asleep(self) -> tuple[Key, ...]:
        """Name those that staging has suspended."""
        return tuple(one.key for one in self.governed if one.suspended)

    def _identity(self, proof: Proof) -> tuple[Version, str]:
        """What makes two proofs speak of one version: its build metadata too, which its precedence leaves out."""
        return proof.version, written(proof, self.pin).removeprefix("v")


def newer(evidence: Evidence, pin: Pin) -> tuple[Proof, ...]:
    """List what a release has proven beyond its pin, the highest first. Production never moves backwards."""
    return tuple(proof for proof in evidence.proofs if proof.version > pin.version)


def shortfall(evidence: Evidence, pin: Pin) -> Doubt | None:
    """Say why a version newer than the pin is not proven; None where staging has nothing newer."""
    newest = (doubt for doubt in evidence.doubts if doubt.version is None or doubt.version > pin.version)
    doubt = next(newest, None)
    if doubt is not None and evidence.suspended:
        return replace(doubt, reason=Reason.SUSPENDED, message=f"staging is suspended; {doubt.message}")
    return doubt


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


def bump(before: Version, after: Version) -> Bump:
    """Say how far a version moves. From a prerelease to its release, or to the next one, it is a patch."""
    part = after.bump_from(before)
    return Bump(part) if part in set(Bump) else Bump.PATCH


def listed(releases: Sequence[Key]) -> str:
    """Name some releases in a sentence: a few by name, the rest by number."""
    names = ", ".join(map(str, releases[:_NAMED]))
    return f"{names} and {len(releases) - _NAMED} more" if len(releases) > _NAMED else names


def spelled(version: Version, pin: Pin) -> str:
    """Give a version that is not proven as it would be written at a pin."""
    if not pin.is_tag:
        return version.text
    return f"{'v' if pin.version.v else ''}{version.without_v}".replace("+", "_")
