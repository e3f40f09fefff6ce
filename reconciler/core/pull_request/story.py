"""All that there is to tell of one promotion, before anybody words it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.core.model import Bump, Evidence, Gate, Key, Proof
    from reconciler.core.pull_request.marker import Marker
    from reconciler.core.version import Version


@dataclass(frozen=True, slots=True)
class Story:
    """One promotion: what moves, and what staging has seen of it.

    ``members`` are the releases that move, in the order of the marker, and ``proofs`` what each proves of the version.
    ``pinned`` is the version that production runs. ``shared`` says that other promotions share the repository.
    """

    marker: Marker
    pinned: Version
    members: tuple[Evidence, ...]
    proofs: tuple[Proof, ...]
    bump: Bump
    gates: tuple[Gate, ...] = ()
    shared: bool = False

    @property
    def release(self) -> Key:
        """The release that names the promotion."""
        return self.marker.releases[0]

    @property
    def proof(self) -> Proof:
        """What that release proves."""
        return self.proofs[0]

    @property
    def version(self) -> str:
        """The version as it is spoken of: without a leading ``v``."""
        return self.marker.to.removeprefix("v")

    @property
    def tested(self) -> datetime | None:
        """When the last of its tests completed; None where there are none, or a time is missing."""
        return last_completed(self.proof)

    @property
    def app_before(self) -> str:
        """The version of the app in what production runs; empty where staging has no memory of it."""
        proofs = (proof for proof in self.members[0].proofs if proof.version == self.pinned)
        return next((proof.app_version for proof in proofs), "")

    @property
    def between(self) -> tuple[tuple[Version, bool], ...]:
        """The versions that staging has seen on the way, the lowest first, and whether each is proven."""
        evidence, target = self.members[0], self.proof.version
        seen = dict.fromkeys(evidence.contradicted, False) | {proof.version: True for proof in evidence.proofs}
        return tuple((version, seen[version]) for version in sorted(seen) if self.pinned < version < target)


def last_completed(proof: Proof) -> datetime | None:
    """Tell when the last test of a proof completed; None where there are none, or a time is missing."""
    times = [hook.completed for hook in proof.hooks]
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(times) else None
