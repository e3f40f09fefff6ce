"""What is done about one unit: exactly one answer for each of its releases, the first that applies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from reconciler.core import pull_request
from reconciler.core.drift import listed, newer, shortfall, spelled, written
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
    Open,
    Pause,
    Proposed,
    Rearm,
    Reason,
    State,
    Subject,
    Update,
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
class Decision:
    """The deciding of one promotion at one instant."""

    one: Assessment
    answers: Answers
    at: datetime

    def unit(self, unit: Unit) -> Iterator[Answer]:
        """Answer for every release of a unit: by one action for all, or each by its own."""
        standing, surplus = Standing.of(unit, self.one.owned.get(unit.releases[0], ()))
        rows = unit.common()
        if surplus:
            message = f"{standing.branch} moves the same pin"
            yield Close(self._restated(surplus[0], unit.releases, None, message), forget=True)
        elif standing.open and standing.caught_up:
            message = f"production runs {unit.pin.text}: this is done"
            yield Close(self._restated(standing, unit.releases, None, message))
        elif standing.open and standing.moved_back:
            message = f"production was moved back to {unit.pin.text}, below where this promotion began"
            yield self._withdrawn(standing, unit.releases, State.DISARMED, (Reason.REVERTED, message))
        elif not rows or any(member.suspended for member in unit.members):
            yield from self._apart(unit, standing)
        else:
            yield from self._together(unit, standing, rows)

    # --- every release for itself ----------------------------------------------------------------------------------

    def _apart(self, unit: Unit, standing: Standing) -> Iterator[Answer]:
        """Answer where nothing newer may move: not proven by all, or one is suspended."""
        answers = [self._alone(unit, standing, member) for member in unit.members]
        holds = [one for one in answers if isinstance(one, Hold) and one.reason is not Reason.AHEAD]
        first = min(holds, key=lambda hold: _ORDER[hold.reason], default=None)
        if action := self.withdrawal(standing, unit.releases, unit.members, first):
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
            asleep = [other.key for other in unit.members if other.suspended]
            message = f"the pin also governs {listed(asleep)}, which staging has suspended"
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
        to = written(row[0], unit.pin)
        verb = standing.verb(unit.pin, to, conflicts=self._findings(standing).conflicts)
        if verb is not None:
            yield from self._write(unit, standing, row, gates, verb)
            return
        pull = standing.proposal.pull_request if standing.proposal else None
        for release in unit.releases:
            yield Proposed(unit.promotion, release, unit.pin.text, to, State.ARMED, standing.branch, pull, gates)

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
        if action := self.withdrawal(standing, unit.releases, unit.members, hold):
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
        verb: type[Open | Update | Rearm],
    ) -> Iterator[Answer]:
        pin, proof, to = unit.pin, row[0], written(row[0], unit.pin)
        if unseen := self.one.frozen.get(unit.releases[0]):
            hold = self._hold(unit, row, (Reason.UNREADABLE, unseen), gates)
            yield from (replace(hold, release=release) for release in unit.releases)
            return
        try:
            change = edit(pin, self.answers.texts[pin.path], to)
        except YamlError as error:
            why = Reason.UNSUPPORTED, f"{pin.path} cannot be edited: {error}"
            yield from self._everyone(unit, self._hold(unit, row, why, gates), standing)
            return
        subject = self._subject(unit, standing, proof, gates)
        marker = pull_request.marker(unit.promotion, unit.releases, unit.chart, pin, (proof, to))
        message = pull_request.message(subject.title, marker, proof)
        yield verb(subject, self.one.base.sha, (change,), Commit(message, marker.proven))

    def _subject(self, unit: Unit, standing: Standing, proof: Proof, gates: tuple[Gate, ...]) -> Subject:
        shared = unit.promotion if self.one.shared else None
        return Subject(
            unit.promotion,
            unit.releases,
            unit.chart,
            unit.pin.text,
            written(proof, unit.pin),
            standing.branch,
            standing.ledger,
            pull_request.title(unit.releases[0], proof, shared),
            standing.proposal,
            gates=gates,
        )

    def _findings(self, standing: Standing) -> Findings:
        return self.answers.findings.get(standing.branch, Findings())

    # --- taking back what stands -----------------------------------------------------------------------------------

    def withdrawal(
        self, standing: Standing, releases: tuple[Key, ...], members: tuple[Evidence, ...], hold: Hold | None
    ) -> Action | None:
        """Decide what happens to a promotion that stands open though nothing proposes it any more."""
        marker, target = standing.marker, standing.target
        if not standing.open or marker is None:
            return None
        stale = Reason.STALE, f"staging no longer proves {marker.to}"
        if not any(target in member.contradicted for member in members):
            return self._withdrawn(standing, releases, State.PAUSED, (hold.reason, hold.message) if hold else stale)
        doubts = (doubt for member in members for doubt in member.doubts if doubt.version == target)
        doubt = next(doubts, None)
        return self._withdrawn(standing, releases, State.DISARMED, (doubt.reason, doubt.message) if doubt else stale)

    def vanished(self, standing: Standing, holds: tuple[Hold, ...]) -> Action | None:
        """Decide about a promotion whose releases, or whose pin, are gone: paused, and forgotten after a day."""
        marker = standing.marker
        if marker is None or any(map(self.one.unread.covers, marker.releases)):
            return None
        message = holds[0].message if holds else f"staging no longer has {listed(marker.releases)}"
        releases = tuple(hold.release for hold in holds) or marker.releases
        if standing.open:
            return self._withdrawn(standing, releases, State.PAUSED, (Reason.UNMATCHED, message), since=self.at)
        if standing.absent and marker.since is not None and self.at - marker.since >= FORGOTTEN_AFTER:
            return Close(self._restated(standing, releases, Reason.UNMATCHED, message), forget=True)
        return None

    def _withdrawn(
        self,
        standing: Standing,
        releases: tuple[Key, ...],
        state: State,
        why: tuple[Reason, str],
        *,
        since: datetime | None = None,
    ) -> Action:
        marker = standing.marker
        assert marker is not None  # noqa: S101 - only what carries our marker is ever withdrawn
        text = pull_request.restated(standing.message, pull_request.withdrawn(marker, state, why[0], since))
        verb = Disarm if state is State.DISARMED else Pause
        return verb(self._restated(standing, releases, *why), Commit(text, marker.proven))

    def _restated(self, standing: Standing, releases: tuple[Key, ...], reason: Reason | None, message: str) -> Subject:
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
        )


def release_of(answer: Answer) -> Key:
    """Tell which release an answer is sorted by."""
    return answer.release if isinstance(answer, Hold | InSync | Proposed) else answer.subject.release


def promotion_of(answer: Answer) -> str:
    """Tell which promotion an answer belongs to."""
    return answer.promotion if isinstance(answer, Hold | InSync | Proposed) else answer.subject.promotion
