"""What is done about one unit: exactly one answer for each of its releases, the first that applies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from reconciler.core import pull_request
from reconciler.core.drift import newer, shortfall, written
from reconciler.core.gates import Candidate, ask, refusal
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
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from reconciler.core.drift import Unit
    from reconciler.core.model import Answer, Evidence, Key, LastChange, Proof
    from reconciler.core.plan.assess import Assessment

FORGOTTEN_AFTER: Final = timedelta(hours=24)
"""How long a withdrawn promotion waits for its release to come back."""


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
        standing = Standing.of(unit, self.one.proposals)
        rows = unit.common()
        if not rows:
            yield from self._unproven(unit, standing)
        elif any(member.suspended for member in unit.members):
            yield from self._suspended(unit, standing, rows[0])
        elif no := self._refused(unit, standing, rows[0][0]):
            yield from self._everyone(unit, no, (), standing)
        else:
            yield from self._proven(unit, standing, rows)

    # --- nothing newer that every release has proven ---------------------------------------------------------------

    def _unproven(self, unit: Unit, standing: Standing) -> Iterator[Answer]:
        holds = [self._without_candidate(unit, member) for member in unit.members]
        first = next((hold for hold in holds if isinstance(hold, Hold) and hold.reason is not Reason.AHEAD), None)
        if action := self.withdrawal(standing, unit.members, first):
            yield action
        else:
            yield from holds

    def _without_candidate(self, unit: Unit, member: Evidence) -> Hold | InSync:
        name, pin = unit.promotion, unit.pin
        if proofs := newer(member, pin):
            return self._waiting(unit, member, proofs[0])
        if doubt := shortfall(member, pin):
            to = str(doubt.version) if doubt.version else None
            return Hold(name, member.key, doubt.reason, doubt.message, pin.text, to)
        if member.deployed is not None and pin.version > member.deployed:
            message = f"production runs {pin.text}, staging deploys {member.deployed}{self._moved_by(unit)}"
            return Hold(name, member.key, Reason.AHEAD, message, pin.text, None)
        return InSync(name, member.key, pin.text)

    def _moved_by(self, unit: Unit) -> str:
        change = self.answers.changes.get(unit.pin.place)
        return f"; {change.author} moved the pin in {change.commit[:10]} on {change.at:%Y-%m-%d}" if change else ""

    def _waiting(self, unit: Unit, member: Evidence, proof: Proof) -> Hold:
        to = written(proof, unit.pin)
        if member.suspended:
            return Hold(unit.promotion, member.key, Reason.SUSPENDED, _SUSPENDED, unit.pin.text, to)
        others = ", ".join(map(str, unit.laggards(proof)))
        message = f"the pin also governs {others}, where {proof.version} is not proven"
        return Hold(unit.promotion, member.key, Reason.WAITING, message, unit.pin.text, to)

    def _suspended(self, unit: Unit, standing: Standing, row: tuple[Proof, ...]) -> Iterator[Answer]:
        to = written(row[0], unit.pin)
        asleep = ", ".join(str(member.key) for member in unit.members if member.suspended)
        waiting = f"the pin also governs {asleep}, which is suspended in staging"
        for member in unit.members:
            reason, message = (Reason.SUSPENDED, _SUSPENDED) if member.suspended else (Reason.WAITING, waiting)
            hold = Hold(unit.promotion, member.key, reason, message, unit.pin.text, to)
            if action := self.withdrawal(standing, unit.members, replace(hold, reason=Reason.SUSPENDED)):
                yield action
                return
            yield hold

    # --- something newer proven ------------------------------------------------------------------------------------

    def _refused(self, unit: Unit, standing: Standing, proof: Proof) -> Hold | None:
        """Say what a person, or somebody else's branch, has against this version."""
        reason = standing.refusal(unit.pin, written(proof, unit.pin), self._findings(standing))
        if reason is None:
            return None
        return Hold(unit.promotion, unit.releases[0], *reason, unit.pin.text, written(proof, unit.pin))

    def _proven(self, unit: Unit, standing: Standing, rows: tuple[tuple[Proof, ...], ...]) -> Iterator[Answer]:
        """Take the highest version that every gate admits: while a newer one soaks, the one before may move."""
        asked = [(row, self.gates(unit, row)) for row in rows]
        row, gates = next((pair for pair in asked if refusal(pair[1]) is None), asked[0])
        to = written(row[0], unit.pin)
        if shut := refusal(gates):
            hold = Hold(
                unit.promotion, unit.releases[0], _reason(shut), shut.message or "", unit.pin.text, to, shut.until
            )
            yield from self._everyone(unit, hold, gates, standing)
        elif no := self._refused(unit, standing, row[0]):
            yield from self._everyone(unit, no, gates, standing)
        else:
            yield from self._act(unit, standing, row, gates)

    def gates(self, unit: Unit, row: tuple[Proof, ...]) -> tuple[Gate, ...]:
        """Ask every gate about a version that all releases of a unit have proven."""
        return ask(Candidate(unit.pin, row, self.one.promotion.policy, self.at))

    def _everyone(self, unit: Unit, hold: Hold, gates: tuple[Gate, ...], standing: Standing) -> Iterator[Answer]:
        if action := self.withdrawal(standing, unit.members, hold):
            yield action
            return
        for release in unit.releases:
            yield replace(hold, release=release, gates=gates)

    def _act(self, unit: Unit, standing: Standing, row: tuple[Proof, ...], gates: tuple[Gate, ...]) -> Iterator[Answer]:
        to = written(row[0], unit.pin)
        if standing.open and standing.caught_up:
            yield Close(self._restated(standing, None, _caught_up(standing)))
            return
        verb = standing.verb(unit.pin, to, conflicts=self._findings(standing).conflicts)
        if verb is None:
            for release in unit.releases:
                pull = standing.proposal.pull_request if standing.proposal else None
                yield Proposed(unit.promotion, release, unit.pin.text, to, State.ARMED, standing.branch, pull, gates)
        else:
            yield from self._write(unit, standing, (row[0], to), gates, verb)

    def _write(
        self,
        unit: Unit,
        standing: Standing,
        written: tuple[Proof, str],
        gates: tuple[Gate, ...],
        verb: type[Open | Update | Rearm],
    ) -> Iterator[Answer]:
        pin, (proof, to) = unit.pin, written
        try:
            change = edit(pin, self.answers.texts[pin.path], to)
        except (YamlError, KeyError) as error:
            message = f"{pin.path} cannot be edited: {error}"
            hold = Hold(unit.promotion, unit.releases[0], Reason.UNSUPPORTED, message, pin.text, to)
            yield from self._everyone(unit, hold, gates, standing)
            return
        subject = self._subject(unit, standing, proof, gates)
        marker = pull_request.marker(unit.promotion, unit.releases, subject.chart, pin, written)
        message = pull_request.message(subject.title, marker, proof)
        yield verb(subject, self.one.base.sha, (change,), Commit(message, marker.proven))

    def _subject(self, unit: Unit, standing: Standing, proof: Proof, gates: tuple[Gate, ...]) -> Subject:
        shared = unit.promotion if self.one.shared else None
        return Subject(
            unit.promotion,
            unit.releases,
            unit.members[0].chart or "",
            unit.pin.text,
            written(proof, unit.pin),
            standing.branch,
            pull_request.ledger(standing.branch),
            pull_request.title(unit.releases[0], proof, shared),
            standing.proposal,
            gates=gates,
        )

    def _findings(self, standing: Standing) -> Findings:
        return self.answers.findings.get(standing.branch, Findings())

    # --- taking back what stands -----------------------------------------------------------------------------------

    def withdrawal(self, standing: Standing, members: tuple[Evidence, ...], hold: Hold | None) -> Action | None:
        """Decide what happens to a promotion that stands open though nothing proposes it any more."""
        marker, proposal = standing.marker, standing.proposal
        if not standing.open or marker is None or proposal is None:
            return None
        if standing.caught_up:
            return Close(self._restated(standing, None, _caught_up(standing)))
        if standing.moved_back:
            message = f"production was moved back below {marker.from_}"
            return self._withdrawn(standing, State.DISARMED, Reason.REVERTED, message)
        reason = hold.reason if hold else Reason.STALE
        message = hold.message if hold else f"staging no longer proves {marker.to}"
        contradicted = any(standing.target in member.contradicted for member in members)
        state = State.DISARMED if contradicted else State.PAUSED
        return self._withdrawn(standing, state, reason, message)

    def vanished(self, standing: Standing, hold: Hold | None) -> Action | None:
        """Decide about a promotion whose release, or whose pin, is gone: paused, and forgotten after a day."""
        marker = standing.marker
        if marker is None:
            return None
        message = hold.message if hold else f"{marker.releases[0]} is gone from staging"
        if standing.open:
            return self._withdrawn(standing, State.PAUSED, Reason.UNMATCHED, message, since=self.at)
        if standing.absent and marker.since is not None and self.at - marker.since >= FORGOTTEN_AFTER:
            return Close(self._restated(standing, Reason.UNMATCHED, message), forget=True)
        return None

    def _withdrawn(
        self, standing: Standing, state: State, reason: Reason, message: str, *, since: datetime | None = None
    ) -> Action:
        marker = standing.marker
        assert marker is not None  # noqa: S101 - only what carries our marker is ever withdrawn
        text = pull_request.restated(standing.message, pull_request.withdrawn(marker, state, reason, since))
        verb = Disarm if state is State.DISARMED else Pause
        return verb(self._restated(standing, reason, message), Commit(text, marker.proven))

    def _restated(self, standing: Standing, reason: Reason | None, message: str) -> Subject:
        """Say what an action is about from the marker alone: there may be no unit any more."""
        marker = standing.marker
        assert marker is not None  # noqa: S101 - as above
        return Subject(
            marker.promotion,
            marker.releases,
            marker.chart,
            marker.from_,
            marker.to,
            standing.branch,
            pull_request.ledger(standing.branch),
            standing.message.partition("\n")[0],
            standing.proposal,
            reason,
            message,
        )


_SUSPENDED: Final = "staging is suspended: what it runs may not be what it would deploy; resume it"


def _caught_up(standing: Standing) -> str:
    return f"production runs {standing.pinned}: this is done"


def _reason(gate: Gate) -> Reason:
    return gate.reason or Reason.POLICY


def release_of(answer: Answer) -> Key:
    """Tell which release an answer is sorted by."""
    return answer.release if isinstance(answer, Hold | InSync | Proposed) else answer.subject.release


def promotion_of(answer: Answer) -> str:
    """Tell which promotion an answer belongs to."""
    return answer.promotion if isinstance(answer, Hold | InSync | Proposed) else answer.subject.promotion
