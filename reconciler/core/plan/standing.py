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
    from collections.abc import Mapping

    from reconciler.core.drift import Unit
    from reconciler.core.model import Findings, Pin, Proposal
    from reconciler.core.pull_request import Marker


@dataclass(frozen=True, slots=True)
class Standing:
    """One promotion branch beside the pin that it would move. ``pinned`` is None where the pin is gone."""

    branch: str
    proposal: Proposal | None
    marker: Marker | None
    pinned: Version | None

    @classmethod
    def of(cls, unit: Unit, proposals: Mapping[str, Proposal]) -> Standing:
        """Find a unit's promotion under any of its releases' names: the first, unless another stands already."""
        names = [pull_request.branch(unit.promotion, release) for release in unit.releases]
        found = [cls.under(proposals[name], unit.pin.version) for name in names if name in proposals]
        standing = next((one for one in found if one.proposal and one.proposal.head), found[0] if found else None)
        return standing or cls(names[0], None, None, unit.pin.version)

    @classmethod
    def under(cls, proposal: Proposal, pinned: Version | None) -> Standing:
        """Read what a proposal says of itself."""
        marker = pull_request.read_marker(proposal.message) if proposal.ledger else None
        return cls(proposal.branch, proposal, marker, pinned)

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

    def asks(self, target: str) -> bool:
        """Tell whether the history of base must be read to know what became of this version."""
        return self._ended_at(target) and self.marker is not None and self.marker.state is State.ARMED

    def refusal(self, pin: Pin, target: str, findings: Findings) -> tuple[Reason, str] | None:
        """Say what stands against proposing a version, as reason and message."""
        if self.proposal is None:
            return None
        if not self.open and not self.absent:
            return self._not_ours()
        if self.open and self.moved_back:
            return Reason.REVERTED, f"production was moved back to {pin.text}, below where this promotion began"
        return self._ended(pin, findings) if self._ended_at(target) else None

    def _ended(self, pin: Pin, findings: Findings) -> tuple[Reason, str] | None:
        """Tell a reverted merge from a deleted branch, and both from what we withdrew ourselves."""
        marker = self.marker
        if marker is None:
            return None
        if marker.reason is Reason.REVERTED or carried(findings.texts, pin, marker.to):
            message = f"production once ran {marker.to} and was moved back to {pin.text}; {self._undo()}"
            return Reason.REVERTED, message
        if marker.state is State.ARMED:
            return Reason.REJECTED, f"the branch for {marker.to} was deleted without being merged; {self._undo()}"
        return None

    def verb(self, pin: Pin, target: str, *, conflicts: bool) -> type[Open | Update | Rearm] | None:
        """Say what makes the promotion stand for a version; None where it stands already."""
        if self.open and self.marker is not None:
            return Update if self.marker.to != target or self.marker.path != pin.path or conflicts else None
        if self.marker is not None and self.marker.state is not State.ARMED and self.marker.to == target:
            return Rearm
        return Open

    def _ended_at(self, target: str) -> bool:
        """Whether this very version was proposed, is not on base, and its branch is gone."""
        return self.absent and self.marker is not None and self.marker.to == target and not self.caught_up

    def _not_ours(self) -> tuple[Reason, str]:
        if self.marker is None:
            return Reason.FOREIGN, f"the branch {self.branch} is not ours; delete or rename it"
        message = f"{self.branch} holds commits that are not ours, and is left alone; delete it to start again"
        return Reason.EDITED, message

    def _undo(self) -> str:
        return f"to propose it again: git push origin :{pull_request.ledger(self.branch)}"


def carried(texts: tuple[str, ...], pin: Pin, target: str) -> bool:
    """Tell whether any of a file's texts had the version where the pin stands."""
    return any(target in _versions(text, pin.holder) for text in texts)


def _versions(text: str, holder: str) -> set[str | None]:
    file = read(text.encode(), kustomization=False)
    fields = [field for one in file.resources if one.name == holder for field in (one.version, one.tag)]
    return {field.text for field in fields if field is not None}


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text.replace("_", "+"))
    except ValueError:
        return None
