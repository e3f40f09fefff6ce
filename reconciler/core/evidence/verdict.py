"""The verdict on one staging release: what its history proves, what it contradicts, and what is in doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, pairwise, takewhile
from typing import TYPE_CHECKING, Final

from reconciler.core.evidence.asked import AskedChart, AskedTag, spelling, what_is_asked
from reconciler.core.evidence.history import NotUnderstoodError, Outcome, condition, read_history
from reconciler.core.evidence.newest import check_texts, doubt_of_newest, hook_failed, needs_no_tests, not_deployed
from reconciler.core.model import Doubt, Evidence, Proof, Reason, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.core.evidence.asked import Asked, Sources
    from reconciler.core.evidence.history import Revision
    from reconciler.core.model import HelmRelease, Policy
    from reconciler.core.version import Version

_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_CLOCK_SKEW: Final = timedelta(minutes=5)
_ORDER: Final = {reason: place for place, reason in enumerate(Reason)}


def judge(release: HelmRelease, sources: Sources, policy: Policy, at: datetime) -> Evidence | Unreadable:
    """Judge one release by every snapshot in its history.

    Never raises: a release that says something unknown is Unreadable as a whole. ``at`` is the instant of observation;
    times of the cluster that lie more than five minutes after it are not believed.
    """
    if release.deleting:
        return _nothing(release, "the release is being deleted")
    if not release.history:
        return _nothing(release, "no revision is deployed: status.history is empty")
    try:
        case = _read(release, sources, policy)
    except NotUnderstoodError as error:
        return Unreadable(release.key, str(error))
    return _weigh(case, at)


def _nothing(release: HelmRelease, message: str) -> Evidence:
    doubt = Doubt(Reason.NOT_DEPLOYED, None, message)
    return Evidence(release.key, doubts=(doubt,), suspended=release.suspended)


@dataclass(frozen=True, slots=True)
class _Case:
    """One release, read. ``doubt`` tells why the tests, or readiness, do not prove the newest revision."""

    release: HelmRelease
    asked: Asked
    history: tuple[Revision, ...]
    doubt: Doubt | None

    @property
    def newest(self) -> Revision:
        return self.history[0]


def _read(release: HelmRelease, sources: Sources, policy: Policy) -> _Case:
    check_texts(release)
    asked = what_is_asked(release, sources)
    newest, *older = read_history(release, asked.source if isinstance(asked, AskedChart) else None)
    doubt = doubt_of_newest(release, (newest, *older), policy)
    if doubt is None:
        newest = replace(newest, outcome=Outcome.PASSED)
    elif newest.outcome is Outcome.PASSED:
        newest = replace(newest, outcome=Outcome.UNPROVEN)
    return _Case(release, asked, (newest, *older), doubt)


def _weigh(case: _Case, at: datetime) -> Evidence:
    witnesses = _witnesses(case.history)
    refuted = (witness.version for witness in witnesses if _is_contradicted(witness, case.history))
    proofs = [proof for witness in witnesses if (proof := _proof(case, witness, at)) is not None]
    return Evidence(
        key=case.release.key,
        chart=case.newest.snapshot.chart,
        deployed=case.newest.version,
        proofs=tuple(sorted(proofs, key=lambda proof: proof.version, reverse=True)),
        doubts=_doubts(case, witnesses, proofs),
        contradicted=tuple(sorted(refuted, reverse=True)),
        suspended=case.release.suspended,
    )


def _witnesses(history: Sequence[Revision]) -> tuple[Revision, ...]:
    """For each version the revision that speaks for it: the newest that passed or failed, else the newest."""
    found: dict[tuple[Version, str], Revision] = {}
    for revision in history:
        spoken = found.setdefault(revision.identity, revision)
        if spoken.outcome is Outcome.UNPROVEN and revision.outcome is not Outcome.UNPROVEN:
            found[revision.identity] = revision
    return tuple(found.values())


def _is_contradicted(witness: Revision, history: Sequence[Revision]) -> bool:
    """Whether a version failed, or staging has moved, or was rolled back, below it."""
    newer = takewhile(lambda revision: revision.number > witness.number, history)
    return witness.outcome is Outcome.FAILED or any(revision.version < witness.version for revision in newer)


# --- proofs ----------------------------------------------------------------------------------------------------------


def _proof(case: _Case, witness: Revision, at: datetime) -> Proof | None:
    if witness.outcome is not Outcome.PASSED or _is_contradicted(witness, case.history):
        return None
    by_readiness = witness is case.newest and needs_no_tests(case.release, witness)
    if not (by_readiness or case.release.tests_enabled):
        return None
    text = spelling(case.asked, witness, case.history)
    if isinstance(text, Doubt):
        return None
    is_tag = isinstance(case.asked, AskedTag)
    return Proof(
        version=witness.version,
        text=text,
        revision=witness.number,
        since=_ready_since(case, at) if by_readiness else _tested_since(case.history, witness, at),
        hooks=() if by_readiness else witness.selected,
        v_dropped=witness.v_dropped and not is_tag,
        is_tag=is_tag,
        tested=None if by_readiness else _completed(witness, at),
    )


def _ready_since(case: _Case, at: datetime) -> datetime | None:
    ready = condition(case.release, "Ready")
    return _last((case.newest.snapshot.deployed_at, ready.since if ready else None), at)


def _tested_since(history: Sequence[Revision], witness: Revision, at: datetime) -> datetime | None:
    """When the last hook of the earliest pass completed, as far as the version stood unbroken.

    A revision of the version that says neither yes nor no does not break the run.
    """
    earliest = witness
    for revision in dropwhile(lambda revision: revision is not witness, history):
        same = revision.identity == witness.identity and revision.digest == witness.digest
        if not same or revision.outcome is Outcome.FAILED:
            break
        if revision.outcome is Outcome.PASSED:
            earliest = revision
    return _completed(earliest, at)


def _completed(revision: Revision, at: datetime) -> datetime | None:
    """When the last hook of a revision completed; None where one is said to have completed before it started."""
    hooks = revision.selected
    if any(hook.started and hook.completed and hook.completed < hook.started for hook in hooks):
        return None
    return _last((hook.completed for hook in hooks), at)


def _last(times: Iterable[datetime | None], at: datetime) -> datetime | None:
    """The last of some times, None if one is missing or cannot be believed."""
    given = tuple(times)
    known = [time for time in given if time is not None and _EARLIEST <= time <= at + _CLOCK_SKEW]
    return max(known) if len(known) == len(given) else None


# --- doubts ----------------------------------------------------------------------------------------------------------


def _doubts(case: _Case, witnesses: Sequence[Revision], proofs: Sequence[Proof]) -> tuple[Doubt, ...]:
    """Why the version that staging deploys, and the one that it was rolled back from, are not proven."""
    proven = {(proof.version, proof.version.build) for proof in proofs}
    deployed = None if case.newest.identity in proven else _doubt_of_deployed(case, witnesses[0])
    doubts = (deployed, _doubt_of_fallen(case.history))
    return tuple(sorted((doubt for doubt in doubts if doubt is not None), key=_order))


def _order(doubt: Doubt) -> int:
    return _ORDER[doubt.reason]


def _doubt_of_deployed(case: _Case, witness: Revision) -> Doubt:
    """The first reason that applies, in the order of the reasons."""
    text = spelling(case.asked, witness, case.history)
    unasked = text if isinstance(text, Doubt) else None
    doubts = (not_deployed(case.release, case.newest), unasked, case.doubt)
    return min((doubt for doubt in doubts if doubt is not None), key=_order)


def _doubt_of_fallen(history: Sequence[Revision]) -> Doubt | None:
    """Tell of the newest revision that a rollback took down, unless staging has been as high again."""
    highest = history[0].version
    for newer, older in pairwise(history):
        highest = max(highest, newer.version)
        if newer.by_rollback and older.version > highest:
            rolled = f"was rolled back to {newer.version} in revision {newer.number}"
            message = f"upgrade to {older.version} failed in revision {older.number} and {rolled}"
            return hook_failed(older) or Doubt(Reason.ROLLED_BACK, older.version, message)
    return None
