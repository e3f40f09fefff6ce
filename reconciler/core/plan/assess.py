"""From what was observed to what is to be decided: every staging release with its evidence and its pin, in units."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from reconciler.core.drift import Unit, listed
from reconciler.core.evidence import Sources, judge
from reconciler.core.gates import Case
from reconciler.core.manifest import Finder, Globs, is_manifest
from reconciler.core.model import (
    EVERYWHERE,
    Doubt,
    EntryKind,
    Evidence,
    Failure,
    HelmRelease,
    Hold,
    Key,
    Pin,
    Reason,
    Unreadable,
)
from reconciler.core.plan.unseen import Unseen, called
from reconciler.core.policy import covers, terms
from reconciler.core.pull_request import BRANCHES, branch, marker_of, promotion_of
from reconciler.core.yaml import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from reconciler.core.manifest import File, Survey
    from reconciler.core.model import Base, Entry, Fleet, NoPin, Problem, Promotion, Proof, Proposal, Terms


@dataclass(frozen=True, slots=True)
class View:
    """What one promotion sees of one instant: its staging releases, and its production repository.

    ``files`` are the manifests of the tree that could be read, by path, and ``survey`` what they amount to. Promotions
    that share a repository share both; ``sharing`` are the names of all that do, whether or not they could be observed.
    ``unseen`` are those that could not.
    """

    promotion: Promotion
    fleet: Fleet
    base: Base
    files: Mapping[str, File]
    survey: Survey
    sharing: frozenset[str]
    unseen: tuple[Unseen, ...] = ()

    @property
    def unread(self) -> Unseen:
        """What of this promotion's own staging could not be read."""
        return Unseen(self.promotion, tuple(problem.subject for problem in self.fleet.unread))


@dataclass(frozen=True, slots=True)
class Assessment:
    """One promotion, ready to be decided.

    ``unpinned`` are releases without a unit. ``owned`` are our promotions, or what stands under their names, by the
    first release of their unit, by the release that has none any more, or under None where nothing is known of their
    releases. ``evidence`` holds every release that could be judged, with or without a pin, and ``terms`` what each is
    held to. ``whole`` says that nothing failed to be read, so that what is missing is gone, unless it is ``unread``.
    ``frozen`` are the units that may not be moved in this pass, by their first release, and why. ``shared`` says that
    others promote in the same repository.
    """

    promotion: Promotion
    base: Base
    units: tuple[Unit, ...]
    unpinned: tuple[Hold, ...]
    owned: Mapping[Key | None, tuple[Proposal, ...]]
    errors: tuple[Failure, ...]
    evidence: Mapping[Key, Evidence]
    terms: Mapping[Key, Terms]
    shared: bool
    whole: bool
    unread: Unseen
    frozen: Mapping[Key, str]

    def cases(self, unit: Unit, row: Iterable[Proof], at: datetime) -> tuple[Case, ...]:
        """Lay a version that every member of a unit has proven before the gates: a case for each."""
        pairs = zip(unit.releases, row, strict=True)
        return tuple(Case(release, unit.pin, proof, at, self.terms[release]) for release, proof in pairs)


def assess(views: Iterable[View], at: datetime) -> tuple[Assessment, ...]:
    """Judge every release, find every pin, and tell what cannot be: one assessment a promotion, sorted by name."""
    ordered = sorted(views, key=lambda view: view.promotion.name)
    claims = [_claims(view, at) for view in ordered]
    count = Counter(place for one in claims for place in one.pins())
    first = {view.promotion.repository: view for view in reversed(ordered)}
    unseen = _unseen(ordered)
    return tuple(
        _assessment(one, count, unseen, tells_strays=one.view is first[one.view.promotion.repository]) for one in claims
    )


def _unseen(views: Iterable[View]) -> dict[str, tuple[Unseen, ...]]:
    """Gather what was not seen of the staging of every promotion, by repository."""
    found: dict[str, dict[Unseen, None]] = {}
    for view in views:
        some = (*view.unseen, *((view.unread,) if view.fleet.unread else ()))
        found.setdefault(view.promotion.repository, {}).update(dict.fromkeys(some))
    return {repository: tuple(some) for repository, some in found.items()}


@dataclass(frozen=True, slots=True)
class _Claims:
    """What the releases of one promotion claim: a pin each, or why they have none."""

    view: View
    evidence: Mapping[Key, Evidence]
    terms: Mapping[Key, Terms]
    found: Mapping[Key, Pin | NoPin]
    selected: Mapping[str, Entry]
    broken: Mapping[str, File]
    finder: Finder

    def pins(self) -> dict[_Place, list[tuple[Key, Pin]]]:
        """Group releases by pin."""
        grouped: dict[_Place, list[tuple[Key, Pin]]] = {}
        for key, pin in sorted(self.found.items(), key=lambda item: item[0]):
            if isinstance(pin, Pin):
                grouped.setdefault((self.view.promotion.repository, *pin.place), []).append((key, pin))
        return grouped


_Place = tuple[str, str, int]
"""A repository, a path in it, and an offset in the file."""


def _claims(view: View, at: datetime) -> _Claims:
    promotion = view.promotion
    globs = Globs(promotion.paths)
    selected = {entry.path: entry for entry in view.base.entries if globs.selects(entry.path)}
    broken = {path: file for path in selected if (file := view.files.get(path)) is not None and file.problem}
    finder = Finder(view.survey, frozenset(selected), broken)
    sources = Sources.of(view.fleet)
    names = {match.staging: match.production for match in promotion.match}
    held_to = {one.key: terms(promotion, one) for one in view.fleet.releases if isinstance(one, HelmRelease)}
    evidence = {
        one.key: _evidence(one if isinstance(one, Unreadable) else judge(one, sources, held_to[one.key].policy, at))
        for one in view.fleet.releases
    }
    found = {key: finder.find(names.get(key, key), one.chart, key) for key, one in evidence.items()}
    return _Claims(view, evidence, held_to, found, selected, broken, finder)


def _evidence(one: Evidence | Unreadable) -> Evidence:
    """Let an unreadable release stand in doubt as a whole: what shares its pin must wait for it."""
    if isinstance(one, Unreadable):
        return Evidence(one.key, doubts=(Doubt(Reason.UNREADABLE, None, one.message),))
    return one


def _is_readable(evidence: Evidence) -> bool:
    return not any(doubt.reason is Reason.UNREADABLE for doubt in evidence.doubts)


def _assessment(
    claims: _Claims, count: Counter[_Place], unseen: Mapping[str, tuple[Unseen, ...]], *, tells_strays: bool
) -> Assessment:
    view = claims.view
    units, holds = _units(claims, count)
    holds += [_unpinned(claims, key, one) for key, one in claims.found.items() if not isinstance(one, Pin)]
    holds.sort(key=lambda hold: hold.release)
    unread = (*_fleet_errors(view, view.fleet.errors), *_tree_errors(claims))
    refused = (replace(error, fatal=True) for error in _fleet_errors(view, view.fleet.unread))
    empty = (*_fleet_errors(view, view.fleet.empty), *_glob_errors(view), *_idle_overrides(view))
    strays = tuple(_strays(view)) if tells_strays else ()
    return Assessment(
        view.promotion,
        view.base,
        units,
        tuple(holds),
        _owned(view, units, holds),
        tuple(sorted((*unread, *refused, *empty, *strays), key=lambda error: (error.subject, error.message))),
        {key: one for key, one in claims.evidence.items() if _is_readable(one)},
        claims.terms,
        shared=len(view.sharing) > 1,
        whole=not unread,
        unread=view.unread,
        frozen=_frozen(claims, units, unseen[view.promotion.repository]),
    )


def _frozen(claims: _Claims, units: Iterable[Unit], unseen: Iterable[Unseen]) -> dict[Key, str]:
    """Tell the units whose pin may be claimed by a release that could not be seen: they wait for the next pass."""
    found: dict[Key, str] = {}
    for one in unseen:
        own = one.promotion == claims.view.promotion
        for unit in units:
            if one.may_claim(unit.pin, claims.finder.governs(unit.pin), own=own):
                found[unit.releases[0]] = f"{unit.pin.path}:{unit.pin.scalar.line} may also pin releases of {one}"
    return found


def _unpinned(claims: _Claims, key: Key, none: NoPin) -> Hold:
    evidence = claims.evidence[key]
    to = evidence.proofs[0].text if evidence.proofs else None
    return _hold(claims, key, (none.reason, none.message), none.text, to)


def _hold(claims: _Claims, key: Key, why: tuple[Reason, str], from_: str | None, to: str | None = None) -> Hold:
    """Hold a release back; that it could not be read comes before all else."""
    evidence = claims.evidence[key]
    if not _is_readable(evidence):
        why = Reason.UNREADABLE, evidence.doubts[0].message
    return Hold(claims.view.promotion.name, key, *why, from_, to)


def _units(claims: _Claims, count: Counter[_Place]) -> tuple[tuple[Unit, ...], list[Hold]]:
    """Group releases by pin. What is claimed with different meanings is nobody's."""
    governed = Counter(pin.governed for pin in claims.found.values() if isinstance(pin, Pin))
    units: list[Unit] = []
    holds: list[Hold] = []
    for place, members in claims.pins().items():
        pin = members[0][1]
        unit = Unit(claims.view.promotion.name, pin, tuple(claims.evidence[key] for key, _ in members))
        unit = replace(unit, besides=_besides(claims, unit))
        if count[place] > 1:
            message = "is claimed by another promotion too; narrow the paths of one"
        elif any(governed[pin.governed] > 1 for _, pin in members):
            message = f"is claimed by {listed(unit.releases)}; tell them apart by namespace, or with match:"
        elif len(charts := {one.chart for one in unit.members if one.chart}) > 1:
            names = ", ".join(sorted(charts))
            message = f"pins {listed(unit.releases)}, which deploy different charts ({names}); give each its own"
        else:
            units.append(unit)
            continue
        why = Reason.AMBIGUOUS, f"{pin.path}:{pin.scalar.line} {message}"
        holds += [_hold(claims, key, why, pin.text) for key in unit.releases]
    return tuple(sorted(units, key=lambda unit: unit.releases)), holds


def _besides(claims: _Claims, unit: Unit) -> tuple[Evidence, ...]:
    """Find what a pin governs besides the releases that have it: held for another reason, yet moved by it."""
    governed = claims.finder.governs(unit.pin)
    if len(governed) <= 1:
        return ()
    match = claims.view.promotion.match
    keys = {key for namespace, name in governed if namespace for key in called(Key(namespace, name), match)}
    return tuple(claims.evidence[key] for key in sorted(keys - set(unit.releases)) if key in claims.evidence)


def _owned(view: View, units: Iterable[Unit], holds: Iterable[Hold]) -> dict[Key | None, tuple[Proposal, ...]]:
    """Tell whose each promotion is: the release's that it is named after, else the first's that its marker names.

    One whose release has lost its pin goes on with another of its releases that has one: it moves the same pin.
    """
    name = view.promotion.name
    moving = {key: unit.releases[0] for unit in units for key in unit.releases}
    resting = {hold.release: hold.release for hold in holds}
    branches = {branch(name, key): key for key in (*moving, *resting)}
    owned: dict[Key | None, tuple[Proposal, ...]] = {}
    for proposal in view.base.proposals:
        if promotion_of(proposal.branch) != name:
            continue
        marker = marker_of(proposal)
        named = branches.get(proposal.branch)
        keys = (*((named,) if named else ()), *(marker.releases if marker else ()))
        owner = next((there[key] for there in (moving, resting) for key in keys if key in there), None)
        owned[owner] = (*owned.get(owner, ()), proposal)
    return owned


# --- errors that sink nothing but themselves -----------------------------------------------------------------------

_KINDS: Final = {
    EntryKind.SYMLINK: "is a symbolic link, which is never followed; select the file that it points to",
    EntryKind.OTHER: "is no plain file with a plain name; rename it, or exclude it from paths",
}


def _fleet_errors(view: View, problems: Iterable[Problem]) -> Iterator[Failure]:
    return (Failure(view.promotion.name, problem.subject, problem.message) for problem in problems)


def _tree_errors(claims: _Claims) -> Iterator[Failure]:
    """Tell the selected files that could not be read: a pin may be in them."""
    name = claims.view.promotion.name
    for path, entry in claims.selected.items():
        if entry.kind in _KINDS and is_manifest(path):
            yield Failure(name, path, f"{path} {_KINDS[entry.kind]}")
        elif entry.size > MAX_BYTES and is_manifest(path):
            yield Failure(name, path, f"{path} is over 1 MiB, which no manifest is; exclude it from paths")
    for path, file in claims.broken.items():
        yield Failure(name, path, f"{path}: {file.problem}; the file is left alone until it is mended")


def _glob_errors(view: View) -> Iterator[Failure]:
    idle = Globs(view.promotion.paths).without_match(entry.path for entry in view.base.entries)
    if view.promotion.paths == EVERYWHERE and len(idle) < len(EVERYWHERE):
        return  # nobody wrote these, and a repository has no need of both
    for glob in idle:
        yield Failure(view.promotion.name, glob, f'the glob "{glob}" matches no file on the branch; mend it in paths')


def _idle_overrides(view: View) -> Iterator[Failure]:
    """Tell of overrides that are about no release, where all could be read: more often a slip of the pen than meant."""
    fleet = view.fleet
    if fleet.errors or fleet.unread or any(isinstance(one, Unreadable) for one in fleet.releases):
        return
    seen = [one for one in fleet.releases if isinstance(one, HelmRelease)]
    for index, override in enumerate(view.promotion.overrides):
        if not any(covers(override, one) for one in seen):
            message = "is about no release that staging has; mend its selector or its release, or take it away"
            yield Failure(view.promotion.name, f"policy.overrides[{index}]", message)


def _strays(view: View) -> Iterator[Failure]:
    """List what stands open for a promotion that the config no longer has."""
    for proposal in view.base.proposals:
        stray = promotion_of(proposal.branch)
        if stray not in view.sharing and proposal.ledger is not None and proposal.head is not None:
            message = f'{proposal.branch} is of the promotion "{stray}", which the config does not have; delete it'
            yield Failure(view.promotion.name, f"{BRANCHES}/{stray}", message)
