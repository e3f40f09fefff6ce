"""How a unit's promotion stands: the branch, our ledger and the pin, compared as the table in the guide has it.

    branch   ledger  pin on base                       answer
    -        -       below the target                  open
    = ledger set     below its target                  proposed; updated if the target changed, or it conflicts
    = ledger set     at or above its target            closed
    another  set                                       edited
    set      -                                         foreign
    -        set     at or above its target            done, however it was merged: the next may be opened
    -        set     below, never was at it            rejected
    -        set     below, but base once carried it   reverted
    -        set     below, and the target differs     opened anew

A withdrawn promotion has no branch, and its ledger says so: it is armed again, not opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core import pull_request
from reconciler.core.manifest import read
from reconciler.core.model import Open, Rearm, Reason, State, Update
from reconciler.core.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.core.drift import Unit
    from reconciler.core.model import Findings, Pin, Proposal
    from reconciler.core.pull_request import Marker


@dataclass(frozen=True, slots=True)
class Standing:
    """One promotion branch beside the pin that it would move. ``pinned`` is None where the pin is gone.

    ``marker`` is None where nothing there is ours.
    """

    branch: str
    proposal: Proposal | None
    marker: Marker | None
    pinned: Version | None

    @classmethod
    def of(cls, unit: Unit, proposals: Sequence[Proposal]) -> tuple[Standing, tuple[Standing, ...]]:
        """Find a unit's promotion among those that are its releases'.

        Returns:
            The one to go on with, an open one first, and other open ones: a pin is moved by one branch only.
        """
        found = [cls.under(proposal, unit.pin.version) for proposal in proposals]
        found.sort(key=lambda one: (not one.open, one.absent))
        if not found:
            return cls(pull_request.branch(unit.promotion, unit.releases[0]), None, None, unit.pin.version), ()
        return found[0], tuple(one for one in found[1:] if one.open)

    @classmethod
    def under(cls, proposal: Proposal, pinned: Version | None) -> Standing:
        """Read what a proposal says of itself."""
        return cls(proposal.branch, proposal, pull_request.marker_of(proposal), pinned)

    @property
    def ledger(self) -> str:
        """The name of our ledger ref."""
        return pull_request.ledger(self.branch)

    @property
    def message(self) -> str:
        """The commit message of what we pushed last."""
        return self.proposal.message if self.proposal else ""

    @property
    def open(self) -> bool:
        """Whether the branch is the one that we pushed."""
        return self.marker is not None and self.proposal is not None and self.proposal.head == self.proposal.ledger

    @property
    def absent(self) -> bool:
        """Whether only our ledger is left."""
        return self.marker is not None and self.proposal is not None and self.proposal.head is None

    @property
    def target(self) -> Version | None:
        """The version that was proposed last."""
        return _version(self.marker.to) if self.marker else None

    @property
    def caught_up(self) -> bool:
        """Whether production is at the proposed version, or beyond it."""
        return self.pinned is not None and self.target is not None and self.pinned >= self.target

    @property
    def moved_back(self) -> bool:
        """Whether production is below where it was when the promotion was proposed: somebody reverted."""
        start = _version(self.marker.from_) if self.marker else None
        return self.pinned is not None and start is not None and self.pinned < start

    def ended_at(self, target: str) -> bool:
        """Whether this very version was proposed and its branch is gone: base tells what became of it."""
        return self.absent and self.marker is not None and self.marker.to == target

    def refusal(self, pin: Pin, target: str, findings: Findings) -> tuple[Reason, str] | None:
        """Say what stands against proposing a version, as reason and message."""
        if self.proposal is None or self.open:
            return None
        if self.marker is None:
            return Reason.FOREIGN, self._not_ours()
        if not self.absent:
            cure = f"merge it, or to start again: git push origin :{self.branch} :{self.ledger}"
            return Reason.EDITED, f"{self.branch} holds commits that are not ours, and is left alone; {cure}"
        return self._ended(self.marker, pin, findings) if self.ended_at(target) else None

    def _not_ours(self) -> str:
        if self.proposal is not None and self.proposal.head is None:
            return f"{self.ledger} holds no marker of ours; delete it: git push origin :{self.ledger}"
        return f"the branch {self.branch} is not ours; delete or rename it"

    def _ended(self, marker: Marker, pin: Pin, findings: Findings) -> tuple[Reason, str] | None:
        """Tell a reverted merge from a deleted branch, and both from what we withdrew ourselves."""
        undo = f"to propose it again: git push origin :{self.ledger}"
        if marker.reason is Reason.REVERTED or self._carried(findings, pin):
            message = f"production was moved back to {pin.text} after {marker.to} was proposed; {undo}"
            return Reason.REVERTED, message
        if marker.state is State.ARMED:
            return Reason.REJECTED, f"the branch for {marker.to} was deleted without being merged; {undo}"
        return None

    def _carried(self, findings: Findings, pin: Pin) -> bool:
        """Whether base once had the proposed version, or a newer one, where the pin stands.

        Where one file gives a name twice, the lowest counts.
        """
        given = (min(_versions(text, pin), default=None) for text in findings.texts)
        return any(version is not None and self.target is not None and version >= self.target for version in given)

    def verb(self, pin: Pin, target: str, *, conflicts: bool) -> type[Open | Update | Rearm] | None:
        """Say what makes the promotion stand for a version; None where it stands already."""
        if self.marker is None:
            return Open
        withdrawn = self.marker.state is not State.ARMED
        if not self.open:
            return Rearm if withdrawn and self.marker.to == target else Open
        unfinished = self.proposal is not None and self.proposal.unfinished
        if self.marker.to != target or self.marker.path != pin.path or conflicts or unfinished:
            return Update
        return Rearm if withdrawn else None


def _versions(text: str, pin: Pin) -> Iterator[Version]:
    """List the versions that a file gives under the name that holds the pin."""
    for one in read(text.encode(), kustomization=False).resources:
        field = one.tag if pin.is_tag else one.version
        if one.name == pin.holder and field is not None and (version := _version(field.text or "")) is not None:
            yield version


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text.replace("_", "+"))
    except ValueError:
        return None
