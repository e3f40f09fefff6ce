"""What is done about one unit: exactly one answer for each of its releases, the first that applies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from reconciler.core import pull_request
from reconciler.core.drift import bump, listed, newer, shortfall, spelled, written
from reconciler.core.gates import ask, refusal
from reconciler.core.manifest import edit
from reconciler.core.model import (
    Action,
    Close,
    Commit,
    Disarm,
    Findings,
    Gate,
    Hold,
    InSync,
    Manners,
    Open,
    Pause,
    Proposed,
    Rearm,
    Reason,
    State,
    Subject,
    Update,
    Words,
)
from reconciler.core.plan.standing import Standing
from reconciler.core.yaml import YamlError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from reconciler.core.drift import Unit
    from reconciler.core.model import Answer, Evidence, Key, LastChange, Proof
    from reconciler.core.plan.assess import Assessment

FORGOTTEN_AFTER: Final = timedelta(hours=24)
"""How long a withdrawn promotion waits for its release to come back."""

_ORDER: Final = {reason: place for place, reason in enumerate(Reason)}
_SUSPENDED: Final = "staging is suspended: what it runs may not be what it would deploy; resume it"

Row = tuple["Proof", ...]
"""The proofs of one version: one of each release that moves."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was looked up about the drifted part of one repository.

    ``texts`` are file contents on base by path, ``findings`` are by branch, ``changes`` by the place of a pin.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    findings: Mapping[str, Findings] = field(default_factory=dict)
    changes: Mapping[tuple[str, int], LastChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _How:
    """How something is proposed."""

    verb: type[Open | Update | Rearm]
    manners: Manners
    stands: bool
    lands: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The deciding of one promotion at one instant."""

    one: Assessment
    answers: Answers
    at: datetime

    def unit(self, unit: Unit) -> Iterator[Answer]:
        """Answer for every release of a unit: by one action for all, or each by its own."""
        standing, surplus = self._standing(unit)
        rows = unit.common()
        if surplus:
            message = f"{standing.branch} moves the same pin"
            yield self._closed(surplus[0], unit.releases, (None, message), forget=True)
        elif standing.open and standing.caught_up:
            message = f"production runs {unit.pin.text}: this is done"
            yield self._closed(standing, unit.releases, (None, message), pull_request.caught_up(unit.pin.text))
        elif standing.open and standing.moved_back and (action := self._reverted(unit, standing)):
            yield action
        elif not rows or unit.asleep:
            yield from self._apart(unit, standing)
        else:
            yield from self._together(unit, standing, rows)

    def _reverted(self, unit: Unit, standing: Standing) -> Action | None:
        if standing.wants_retry:
            return None
        message = f"production was moved back to {unit.pin.text}, below where this promotion began"
        return self._withdrawn(standing, unit.releases, State.DISARMED, (Reason.REVERTED, message))

    def _standing(self, unit: Unit) -> tuple[Standing, tuple[Standing, ...]]:
        proposals = self.one.owned.get(unit.releases[0], ())
        ended = self.answers.findings.get(pull_request.branch(unit.promotion, unit.releases[0]), Findings()).proposal
        found = proposals or ((ended,) if ended else ())
        return Standing.of(unit, found, self.one.base.branch)

    # --- every release for itself ----------------------------------------------------------------------------------

    def _apart(self, unit: Unit, standing: Standing) -> Iterator[Answer]:
        """Answer where nothing newer may move: not proven by all, or one is suspended."""
        answers = [self._alone(unit, standing, member) for member in unit.members]
        holds = [one for one in answers if isinstance(one, Hold) and one.reason is not Reason.AHEAD]
        first = min(holds, key=lambda hold: _ORDER[hold.reason], default=None)
        if action := self.withdrawal(standing, unit.releases, unit.governed, first):
            yield action
        else:
            yield from answers

    def _alone(self, unit: Unit, standing: Standing, member: Evidence) -> Hold | InSync:
        pin = unit.pin
        if rows := [(proof,) for proof in newer(member, pin)]:
            return replace(self._not_yet(unit, standing, member, rows), release=member.key)
        if doubt := shortfall(member, pin):
            to = spelled(doubt.version, pin) if doubt.version else None
            return Hold(unit.promotion, member.key, doubt.reason, doubt.message, pin.text, to)
        if member.deployed is not None and pin.version > member.deployed:
            message = f"production runs {pin.text}, staging deploys {member.deployed}{self._moved_by(unit)}"
            return Hold(unit.promotion, member.key, Reason.AHEAD, message, pin.text)
        return InSync(unit.promotion, member.key, pin.text)

    def _moved_by(self, unit: Unit) -> str:
        change = self.answers.changes.get(unit.pin.place)
        return f"; {change.author} moved the pin in {change.commit[:10]} on {change.at:%Y-%m-%d}" if change else ""

    def _not_yet(self, unit: Unit, standing: Standing, member: Evidence, rows: Sequence[Row]) -> Hold:
        """Say why a release that has proven something newer cannot move: as if it were alone, else for the others."""
        if member.suspended:
            return self._hold(unit, rows[0], (Reason.SUSPENDED, _SUSPENDED))
        row, gates, no = self._weighed(replace(unit, members=(member,)), standing, rows)
        if no is not None:
            return no
        if others := unit.laggards(row[0]):
            message = f"the pin also governs {listed(others)}, where {row[0].version} is not proven"
        else:
            message = f"the pin also governs {listed(unit.asleep)}, which staging has suspended"
        return self._hold(unit, row, (Reason.WAITING, message), gates)

    def _hold(self, unit: Unit, row: Row, why: tuple[Reason, str], gates: tuple[Gate, ...] = ()) -> Hold:
        to = written(row[0], unit.pin)
        until = gate.until if (gate := refusal(gates)) and gate.reason is why[0] else None
        return Hold(unit.promotion, unit.releases[0], *why, unit.pin.text, to, until, gates)

    # --- something newer proven by all -----------------------------------------------------------------------------

    def _together(self, unit: Unit, standing: Standing, rows: Sequence[Row]) -> Iterator[Answer]:
        row, gates, no = self._weighed(unit, standing, rows)
        if no is not None:
            yield from self._everyone(unit, no, standing)
            return
        to, manners = written(row[0], unit.pin), self._manners(unit, row)
        conflicts = self._conflicts(standing)
        verb = standing.verb(unit.pin, to, conflicts=conflicts, merges=manners.auto_merge is not None)
        if verb is None and standing.may_land(manners, self.at):
            yield from self._write(unit, standing, row, gates, _How(Update, manners, stands=True, lands=True))
            return
        if verb is not None:
            stands = standing.holds(unit.pin, to, conflicts=conflicts)
            yield from self._write(unit, standing, row, gates, _How(verb, manners, stands))
            return
        for release in unit.releases:
            yield Proposed(
                unit.promotion, release, unit.pin.text, to, State.ARMED, standing.branch, standing.pull, gates
            )

    def _manners(self, unit: Unit, row: Row) -> Manners:
        """Give how a version is proposed: without auto-merge where its bump is for a person to merge."""
        manners = self.one.promotion.manners
        wanted = manners.auto_merge
        if wanted is None or bump(unit.pin.version, row[0].version) in wanted.bumps:
            return manners
        return replace(manners, auto_merge=None)

    def _conflicts(self, standing: Standing) -> bool:
        if standing.pull is not None:
            return standing.pull.conflicts
        return self._findings(standing).conflicts

    def _weighed(
        self, unit: Unit, standing: Standing, rows: Sequence[Row]
    ) -> tuple[Row, tuple[Gate, ...], Hold | None]:
        """Take the highest version that every gate admits: while a newer one soaks, the one before may move.

        Returns:
            The proofs of that version, what the gates say of it, and what speaks against it.
        """
        asked = [(row, self.gates(unit, row)) for row in rows]
        row, gates = next((pair for pair in asked if refusal(pair[1]) is None), asked[0])
        for wanted in dict.fromkeys((rows[0], row)):
            if no := standing.refusal(unit.pin, written(wanted[0], unit.pin), self._findings(standing)):
                return row, gates, self._hold(unit, wanted, no, gates)
        if shut := refusal(gates):
            return row, gates, self._hold(unit, row, (shut.reason or Reason.POLICY, shut.message or ""), gates)
        return row, gates, None

    def gates(self, unit: Unit, row: Row) -> tuple[Gate, ...]:
        """Ask every gate about a version that all releases of a unit have proven."""
        return ask(self.one.cases(unit, row, self.at))

    def _everyone(self, unit: Unit, hold: Hold, standing: Standing) -> Iterator[Answer]:
        if action := self.withdrawal(standing, unit.releases, unit.governed, hold):
            yield action
            return
        for release in unit.releases:
            yield replace(hold, release=release)

    def _write(
        self,
        unit: Unit,
        standing: Standing,
        row: Row,
        gates: tuple[Gate, ...],
        how: _How,
    ) -> Iterator[Answer]:
        pin, to = unit.pin, written(row[0], unit.pin)
        if unseen := self.one.frozen.get(unit.releases[0]):
            yield from self._stay(unit, self._hold(unit, row, (Reason.UNREADABLE, unseen), gates))
            return
        if not how.stands and standing.open and standing.pull is not None and standing.pull.in_review:
            message = f"#{standing.pull.number} for {standing.target} is approved or in the merge queue; merge it first"
            yield from self._stay(unit, self._hold(unit, row, (Reason.IN_REVIEW, message), gates))
            return
        try:
            change = edit(pin, self.answers.texts[pin.path], to)
            subject, commit = self._worded(unit, standing, row, gates)
        except (YamlError, pull_request.WordsError) as error:
            what = f"{pin.path} cannot be edited" if isinstance(error, YamlError) else "a template cannot be filled in"
            why = Reason.UNSUPPORTED, f"{what}: {error}"
            yield from self._everyone(unit, self._hold(unit, row, why, gates), standing)
            return
        yield how.verb(subject, self.one.base.sha, (change,), commit, how.manners, how.stands, how.lands)

    def _stay(self, unit: Unit, hold: Hold) -> Iterator[Answer]:
        """Hold every release of a unit, and take nothing back."""
        return (replace(hold, release=release) for release in unit.releases)

    def _worded(self, unit: Unit, standing: Standing, row: Row, gates: tuple[Gate, ...]) -> tuple[Subject, Commit]:
        """Say what a version's pull request, and its commit, are about."""
        pin, manners, to = unit.pin, self.one.promotion.manners, written(row[0], unit.pin)
        marker = pull_request.marker(unit.promotion, unit.releases, unit.chart, pin, (row[0], to))
        step = bump(pin.version, row[0].version)
        story = pull_request.Story(marker, pin.version, unit.members, row, step, gates, self.one.shared)
        title = pull_request.title(story, manners)
        body = pull_request.body(story, manners) if self.one.base.forge else ""
        subject = Subject(
            unit.promotion,
            unit.releases,
            unit.chart,
            pin.text,
            to,
            standing.branch,
            standing.ledger,
            title,
            standing.proposal,
            gates=gates,
            words=Words(pull_request.proven(row[0]), body),
        )
        return subject, Commit(pull_request.message(title, story, manners), marker.proven)

    def _findings(self, standing: Standing) -> Findings:
        return self.answers.findings.get(standing.branch, Findings())

    # --- taking back what stands -----------------------------------------------------------------------------------

    def withdrawal(
        self, standing: Standing, releases: tuple[Key, ...], governed: tuple[Evidence, ...], hold: Hold | None
    ) -> Action | None:
        """Decide what happens to a promotion that stands open though nothing proposes it any more."""
        marker, target = standing.marker, standing.target
        if not standing.open or marker is None:
            return None
        stale = Reason.STALE, f"staging no longer proves {marker.to}"
        if not any(target in one.contradicted for one in governed):
            return self._withdrawn(standing, releases, State.PAUSED, (hold.reason, hold.message) if hold else stale)
        doubts = (doubt for one in governed for doubt in one.doubts if doubt.version == target)
        doubt = next(doubts, None)
        return self._withdrawn(standing, releases, State.DISARMED, (doubt.reason, doubt.message) if doubt else stale)

    def vanished(self, standing: Standing, holds: tuple[Hold, ...]) -> Action | None:
        """Decide about a promotion whose releases, or whose pin, are gone: paused, and forgotten after a day."""
        marker = standing.marker
        if marker is None or any(map(self.one.unread.covers, marker.releases)):
            return None
        message = holds[0].message if holds else f"staging no longer has {listed(marker.releases)}"
        releases = tuple(hold.release for hold in holds) or marker.releases
        if standing.open and (standing.merging or marker.reason is not Reason.UNMATCHED):
            return self._withdrawn(standing, releases, State.PAUSED, (Reason.UNMATCHED, message), since=self.at)
        forgotten = marker.since is not None and self.at - marker.since >= FORGOTTEN_AFTER
        if forgotten and (standing.open or (standing.absent and standing.pull is None)):
            return self._closed(standing, releases, (Reason.UNMATCHED, message), forget=True)
        return None

    def _withdrawn(
        self,
        standing: Standing,
        releases: tuple[Key, ...],
        state: State,
        why: tuple[Reason, str],
        *,
        since: datetime | None = None,
    ) -> Action | None:
        """Take back what stands; None where it is taken back already, for this reason or a graver one.

        Where two processes worked at once, one may have armed what the other has taken back: that is done again.
        """
        marker = standing.marker
        assert marker is not None  # noqa: S101 - only what carries our marker is ever withdrawn
        taken_back = marker.state is State.DISARMED or (marker.state, marker.reason) == (state, why[0])
        if taken_back and not standing.merging:
            return None
        if marker.state is State.DISARMED:
            state = State.DISARMED
        text = pull_request.restated(standing.message, pull_request.withdrawn(marker, state, why[0], since))
        verb = Disarm if state is State.DISARMED else Pause
        comment = pull_request.contradicted(marker, why[1]) if state is State.DISARMED else ""
        words = Words(pull_request.status(*why), comment=comment)
        subject = self._restated(standing, releases, *why, words)
        return verb(subject, Commit(text, marker.proven))

    def _closed(
        self,
        standing: Standing,
        releases: tuple[Key, ...],
        why: tuple[Reason | None, str],
        status: str | None = None,
        *,
        forget: bool = False,
    ) -> Close:
        words = Words(status or pull_request.status(*why), comment=pull_request.farewell(why[1]))
        return Close(self._restated(standing, releases, *why, words), forget)

    def _restated(
        self, standing: Standing, releases: tuple[Key, ...], reason: Reason | None, message: str, words: Words
    ) -> Subject:
        """Say what an action is about from the marker: there may be no unit any more."""
        marker = standing.marker
        assert marker is not None  # noqa: S101 - as above
        return Subject(
            marker.promotion,
            releases,
            marker.chart,
            marker.from_,
            marker.to,
            standing.branch,
            standing.ledger,
            standing.message.partition("\n")[0],
            standing.proposal,
            reason,
            message,
            words=words,
        )


def release_of(answer: Answer) -> Key:
    """Tell which release an answer is sorted by."""
    return answer.release if isinstance(answer, Hold | InSync | Proposed) else answer.subject.release


def promotion_of(answer: Answer) -> str:
    """Tell which promotion an answer belongs to."""
    return answer.promotion if isinstance(answer, Hold | InSync | Proposed) else answer.subject.promotion
