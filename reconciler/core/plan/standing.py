"""How a unit's promotion stands: the repository, our memory of it, and the pin, compared as the guide has it.

Without a forge the memory is our ledger:

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

On a forge the memory is the pull request: its commits, how it ended, and the commit status on its head. A withdrawn
promotion stays open there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from reconciler.core import pull_request
from reconciler.core.manifest import read
from reconciler.core.model import Open, Rearm, Reason, State, Update
from reconciler.core.pull_request import HOLD, RETRY
from reconciler.core.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from reconciler.core.drift import Unit
    from reconciler.core.model import Findings, Manners, Pin, Proposal, PullRequest
    from reconciler.core.pull_request import Marker

LANDS_AFTER: Final = timedelta(minutes=5)
"""How long a pull request must have stood open before it is merged by us."""


class Place(Enum):
    """Where a promotion is to be found."""

    NOWHERE = auto()
    """nothing is under its name"""
    OPEN = auto()
    """it stands as we left it"""
    EDITED = auto()
    """people have changed what it does"""
    FOREIGN = auto()
    """something else has its name"""
    GONE = auto()
    """only our memory of it is left"""


@dataclass(frozen=True, slots=True)
class Standing:
    """One promotion beside the pin that it would move. ``pinned`` is None where the pin is gone.

    ``marker`` is None where nothing there is ours. ``into`` is the branch that it should go to.
    """

    branch: str
    place: Place
    proposal: Proposal | None
    marker: Marker | None
    pinned: Version | None
    into: str = ""

    @classmethod
    def of(cls, unit: Unit, proposals: Sequence[Proposal], into: str) -> tuple[Standing, tuple[Standing, ...]]:
        """Find a unit's promotion among those that are its releases'.

        Returns:
            The one to go on with, an open one first, and other open ones: a pin is moved by one branch only.
        """
        found = [cls.under(proposal, unit.pin.version, into) for proposal in proposals]
        found.sort(key=lambda one: (not one.open, one.absent))
        if not found:
            name = pull_request.branch(unit.promotion, unit.releases[0])
            return cls(name, Place.NOWHERE, None, None, unit.pin.version, into), ()
        return found[0], tuple(one for one in found[1:] if one.open)

    @classmethod
    def under(cls, proposal: Proposal, pinned: Version | None, into: str) -> Standing:
        """Read what a proposal says of itself."""
        marker, pull = pull_request.marker_of(proposal), proposal.pull_request
        if marker is not None and pull is not None and pull.status is not None:
            marker = pull_request.standing(marker, pull.status)
        return cls(proposal.branch, _place(proposal, marker, into), proposal, marker, pinned, into)

    @property
    def ledger(self) -> str:
        """The name of our ledger ref."""
        return pull_request.ledger(self.branch)

    @property
    def message(self) -> str:
        """The commit message of what we pushed last."""
        return self.proposal.message if self.proposal else ""

    @property
    def pull(self) -> PullRequest | None:
        """Its pull request, where there is a forge."""
        return self.proposal.pull_request if self.proposal else None

    @property
    def merging(self) -> bool:
        """Whether the forge is to merge it because we asked for that."""
        return self.pull is not None and self.pull.merging

    @property
    def open(self) -> bool:
        """Whether it stands as we left it."""
        return self.place is Place.OPEN

    @property
    def absent(self) -> bool:
        """Whether only our memory of it is left."""
        return self.place is Place.GONE

    @property
    def state(self) -> State | None:
        """How it stands; None where nothing there is ours."""
        return self.marker.state if self.marker else None

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

    @property
    def wants_retry(self) -> bool:
        """Whether a person asked for it once more."""
        return self.pull is not None and RETRY in self.pull.labels

    def ended_at(self, target: str) -> bool:
        """Whether this very version was proposed and does not stand any more: base tells what became of it."""
        return self.absent and self.marker is not None and self.marker.to == target

    def refusal(self, pin: Pin, target: str, findings: Findings) -> tuple[Reason, str] | None:
        """Say what stands against proposing a version, as reason and message."""
        match self.place:
            case Place.FOREIGN:
                return Reason.FOREIGN, self._not_ours()
            case Place.EDITED:
                return Reason.EDITED, self._by_people()
            case Place.OPEN:
                return self._held(pin, target)
            case Place.GONE if self.ended_at(target):
                return self._ended(pin, findings)
        return None

    def _not_ours(self) -> str:
        if self.pull is not None:
            return f"#{self.pull.number} comes from {self.branch} and is not ours; close it, and delete its branch"
        if self.proposal is not None and self.proposal.head is None:
            return f"{self.ledger} holds no marker of ours; delete it: git push origin :{self.ledger}"
        return f"the branch {self.branch} is not ours; delete or rename it"

    def _by_people(self) -> str:
        if self.pull is None:
            cure = f"merge it, or to start again: git push origin :{self.branch} :{self.ledger}"
            return f"{self.branch} holds commits that are not ours, and is left alone; {cure}"
        if self.pull.base != self.into:
            return f"#{self.pull.number} goes to {self.pull.base} now, and is left alone; {self._anew}"
        return f"#{self.pull.number} holds commits that are not ours, and is left alone; {self._anew}"

    @property
    def _anew(self) -> str:
        return f"merge it, or to start again: close it and label it {RETRY}"

    def _held(self, pin: Pin, target: str) -> tuple[Reason, str] | None:
        """Say what a person, or a revert, has against what stands open on a forge."""
        pull, marker = self.pull, self.marker
        if pull is None or marker is None:
            return None
        if self.moved_back and marker.to == target and not self.wants_retry:
            message = f"production was moved back to {pin.text}, below {marker.from_}, where #{pull.number} began"
            return Reason.REVERTED, f"{message}; {self._undo}"
        if HOLD in pull.labels:
            return Reason.ON_HOLD, f"#{pull.number} is labelled {HOLD}; take the label off to go on"
        return None

    def _ended(self, pin: Pin, findings: Findings) -> tuple[Reason, str] | None:
        """Tell a reverted merge from a no, and both from what we withdrew ourselves."""
        marker = self.marker
        if marker is None or self.wants_retry:
            return None
        if self._was_reverted(pin, findings):
            message = f"production was moved back to {pin.text} after {marker.to} was proposed; {self._undo}"
            return Reason.REVERTED, message
        return (Reason.REJECTED, f"{self._no(marker)}; {self._undo}") if self._was_refused() else None

    @property
    def _undo(self) -> str:
        if self.pull is None:
            return f"to propose it again: git push origin :{self.ledger}"
        return f"to propose it again: label #{self.pull.number} {RETRY}"

    def _no(self, marker: Marker) -> str:
        if self.pull is None:
            return f"the branch for {marker.to} was deleted without being merged"
        what = f"merged into {self.pull.base}" if self.pull.state == "merged" else "closed without being merged"
        return f"#{self.pull.number} for {marker.to} was {what}"

    def _was_refused(self) -> bool:
        """Whether it was a person who ended it: what we withdraw or close says so beforehand."""
        if self.pull is None:
            return self.state is State.ARMED
        return self.pull.status is None or not pull_request.was_closed(self.pull.status)

    def _was_reverted(self, pin: Pin, findings: Findings) -> bool:
        if self.pull is None:
            return (self.marker is not None and self.marker.reason is Reason.REVERTED) or self._carried(findings, pin)
        reached = self.pull.status is not None and pull_request.was_reached(self.pull.status)
        return reached or (self.pull.state == "merged" and self.pull.base == self.into)

    def _carried(self, findings: Findings, pin: Pin) -> bool:
        """Whether base once had the proposed version, or a newer one, where the pin stands.

        Where one file gives a name twice, the lowest counts.
        """
        given = (min(_versions(text, pin), default=None) for text in findings.texts)
        return any(version is not None and self.target is not None and version >= self.target for version in given)

    def verb(self, pin: Pin, target: str, *, conflicts: bool, merges: bool) -> type[Open | Update | Rearm] | None:
        """Say what makes the promotion stand for a version; None where it stands already.

        Args:
            pin: what is to be moved.
            target: what is to be written there.
            conflicts: whether the commit that stands no longer merges into base.
            merges: whether the forge may be asked to merge this version by itself.
        """
        if self.marker is None or self.proposal is None or self.proposal.unopened:
            return Open
        withdrawn = self.marker.state is not State.ARMED
        if not self.open:
            return Rearm if self.pull is None and withdrawn and self.marker.to == target else Open
        if not self.holds(pin, target, conflicts=conflicts) or self._is_unfinished:
            return Update
        if self.merging and not merges:
            return Update
        return Rearm if withdrawn else None

    def may_land(self, manners: Manners, at: datetime) -> bool:
        """Tell whether it is merged by us: only where that is wanted, and nothing else would ever merge it.

        Checks need a while to show up. Until then a pull request that was just opened looks as if it had none.
        """
        pull = self.pull
        if pull is None or pull.opened is None or not manners.lands:
            return False
        return pull.clean and at - pull.opened >= LANDS_AFTER

    @property
    def _is_unfinished(self) -> bool:
        """Whether a pass was cut short: what it shows is written last, so a head without it is not dressed yet."""
        if self.pull is None:
            return self.proposal is not None and self.proposal.unfinished
        return self.pull.status is None

    def holds(self, pin: Pin, target: str, *, conflicts: bool) -> bool:
        """Whether the commit that stands is the right one for a version."""
        marker = self.marker
        if not self.open or marker is None or conflicts or self.wants_retry:
            return False
        return marker.to == target and marker.path == pin.path


def _place(proposal: Proposal, marker: Marker | None, into: str) -> Place:
    pull = proposal.pull_request
    if pull is not None and pull.state != "open":
        return Place.GONE
    if marker is None or (pull is not None and not pull.ours):
        return Place.FOREIGN
    if pull is not None:
        return Place.EDITED if pull.base != into or _is_edited(pull, marker) else Place.OPEN
    if proposal.head is None:
        return Place.GONE
    return Place.OPEN if proposal.head == proposal.ledger else Place.EDITED


def _is_edited(pull: PullRequest, marker: Marker) -> bool:
    """Tell whether a pull request does more than our one commit; merges of base are not edits."""
    rest = [change for change in pull.commits if len(change.parents) < 2]  # noqa: PLR2004 - a merge has two
    if len(rest) != 1 or not rest[0].ours:
        return True
    if len(pull.commits) == 1:
        return False
    return pull.files != (marker.path,) or pull.texts is None or not _is_only_the_version(*pull.texts, marker)


def _is_only_the_version(before: str, after: str, marker: Marker) -> bool:
    """Tell whether two texts differ in one line, and there in the version alone. Quotes may have come with it."""
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    pairs = [pair for pair in zip(*lines, strict=False) if pair[0] != pair[1]]
    if len(lines[0]) != len(lines[1]) or len(pairs) != 1:
        return False
    old, new = (line.replace('"', "").replace("'", "") for line in pairs[0])
    return old.replace(marker.from_, marker.to, 1) == new


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
