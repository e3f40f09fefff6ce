"""From what was observed to what is to be decided: every staging release with its evidence and its pin, in units."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from reconciler.core.drift import Unit
from reconciler.core.evidence import Sources, judge
from reconciler.core.manifest import Finder, Globs, Survey, is_manifest
from reconciler.core.model import Base, EntryKind, Failure, Fleet, Hold, Pin, Reason, Unreadable
from reconciler.core.pull_request import BRANCHES, promotion_of
from reconciler.core.yaml import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from reconciler.core.manifest import File
    from reconciler.core.model import Entry, Evidence, Key, NoPin, Promotion, Proposal


@dataclass(frozen=True, slots=True)
class View:
    """What one promotion sees of one instant: its staging releases, and its production repository.

    ``files`` are the manifests of the tree that could be read, by path, and ``survey`` what they amount to. Promotions
    that share a repository share both.
    """

    promotion: Promotion
    fleet: Fleet
    base: Base
    files: Mapping[str, File]
    survey: Survey


@dataclass(frozen=True, slots=True)
class Assessment:
    """One promotion, ready to be decided.

    ``evidence`` holds every release that could be judged, with or without a pin. ``whole`` says that nothing failed to
    be read, so that what is missing is gone.
    """

    promotion: Promotion
    base: Base
    units: tuple[Unit, ...]
    unpinned: tuple[Hold, ...]
    proposals: Mapping[str, Proposal]
    errors: tuple[Failure, ...]
    evidence: Mapping[Key, Evidence] = field(default_factory=dict)
    shared: bool = False
    whole: bool = True


def assess(views: Iterable[View], at: datetime) -> tuple[Assessment, ...]:
    """Judge every release, find every pin, and tell what cannot be: one assessment a promotion, sorted by name."""
    ordered = sorted(views, key=lambda view: view.promotion.name)
    names = {view.promotion.repository: set[str]() for view in ordered}
    for view in ordered:
        names[view.promotion.repository].add(view.promotion.name)
    assessed = [_assess(view, at, names[view.promotion.repository]) for view in ordered]
    claims = Counter((one.promotion.repository, unit.pin.place) for one in assessed for unit in one.units)
    return tuple(_without_rivals(one, claims) for one in assessed)


def _assess(view: View, at: datetime, names: set[str]) -> Assessment:
    promotion = view.promotion
    globs = Globs(promotion.paths)
    selected = {entry.path: entry for entry in view.base.entries if globs.selects(entry.path)}
    broken = {path: file for path in selected if (file := view.files.get(path)) is not None and file.problem}
    finder = Finder(view.survey, frozenset(selected), broken)
    sources = Sources.of(view.fleet)
    judged = [
        one if isinstance(one, Unreadable) else judge(one, sources, promotion.policy, at) for one in view.fleet.releases
    ]
    unreadable = [_unreadable(promotion.name, one) for one in judged if isinstance(one, Unreadable)]
    evidence = {one.key: one for one in judged if not isinstance(one, Unreadable)}
    found = {key: finder.find(_production_key(promotion, key), one.chart) for key, one in evidence.items()}
    pins = {key: pin for key, pin in found.items() if isinstance(pin, Pin)}
    missing = [_missing(promotion.name, evidence[key], one) for key, one in found.items() if not isinstance(one, Pin)]
    units, ambiguous = _units(promotion.name, evidence, pins)
    errors = (*_fleet_errors(view), *_tree_errors(view, selected, broken, globs), *_strays(view, names))
    return Assessment(
        promotion,
        view.base,
        units,
        tuple(sorted((*unreadable, *missing, *ambiguous), key=lambda hold: hold.release)),
        {one.branch: one for one in view.base.proposals if promotion_of(one.branch) == promotion.name},
        tuple(sorted(errors, key=lambda error: (error.subject, error.message))),
        evidence,
        shared=len(names) > 1,
        whole=not view.fleet.errors and not broken,
    )


def _production_key(promotion: Promotion, key: Key) -> Key:
    return next((match.production for match in promotion.match if match.staging == key), key)


def _unreadable(promotion: str, one: Unreadable) -> Hold:
    return Hold(promotion, one.key, Reason.UNREADABLE, one.message)


def _missing(promotion: str, evidence: Evidence, none: NoPin) -> Hold:
    wanted = evidence.proofs[0].text if evidence.proofs else None
    return Hold(promotion, evidence.key, none.reason, none.message, none.text, wanted)


def _units(
    promotion: str, evidence: Mapping[Key, Evidence], pins: Mapping[Key, Pin]
) -> tuple[tuple[Unit, ...], list[Hold]]:
    """Group releases by pin. What two releases of different meaning claim is nobody's."""
    claimed = Counter(pin.governed for pin in pins.values())
    by_place: dict[tuple[str, int], list[Key]] = {}
    for key in sorted(pins):
        by_place.setdefault(pins[key].place, []).append(key)
    units: list[Unit] = []
    holds: list[Hold] = []
    for keys in by_place.values():
        members = tuple(evidence[key] for key in keys)
        pin = pins[keys[0]]
        if any(claimed[pins[key].governed] > 1 for key in keys) or len({one.chart for one in members}) > 1:
            holds += _rivals(promotion, pin, keys)
        else:
            units.append(Unit(promotion, pin, members))
    return tuple(sorted(units, key=lambda unit: unit.releases)), holds


def _rivals(promotion: str, pin: Pin, keys: list[Key]) -> Iterator[Hold]:
    everyone = ", ".join(map(str, keys))
    message = f"{pin.path}:{pin.scalar.line} is claimed by {everyone}; tell them apart by namespace, or with match:"
    return (Hold(promotion, key, Reason.AMBIGUOUS, message, pin.text) for key in keys)


def _without_rivals(one: Assessment, claims: Counter[tuple[str, tuple[str, int]]]) -> Assessment:
    """Give up the pins that another promotion claims too."""
    repository = one.promotion.repository
    rivals = [unit for unit in one.units if claims[repository, unit.pin.place] > 1]
    if not rivals:
        return one
    holds = [_rival(one.promotion.name, unit, release) for unit in rivals for release in unit.releases]
    return replace(
        one,
        units=tuple(unit for unit in one.units if unit not in rivals),
        unpinned=tuple(sorted((*one.unpinned, *holds), key=lambda hold: hold.release)),
    )


def _rival(promotion: str, unit: Unit, release: Key) -> Hold:
    place = f"{unit.pin.path}:{unit.pin.scalar.line}"
    message = f"{place} is claimed by another promotion too; narrow the paths of one"
    return Hold(promotion, release, Reason.AMBIGUOUS, message, unit.pin.text)


# --- errors that sink nothing but themselves -----------------------------------------------------------------------

_KINDS: Final = {
    EntryKind.SYMLINK: "is a symbolic link, which is never followed; select the file that it points to",
    EntryKind.OTHER: "is no plain file with a plain name; rename it, or exclude it from paths",
}


def _fleet_errors(view: View) -> Iterator[Failure]:
    return (Failure(view.promotion.name, problem.subject, problem.message) for problem in view.fleet.errors)


def _tree_errors(
    view: View, selected: Mapping[str, Entry], broken: Mapping[str, File], globs: Globs
) -> Iterator[Failure]:
    name = view.promotion.name
    for path, entry in selected.items():
        if entry.kind in _KINDS and is_manifest(path):
            yield Failure(name, path, f"{path} {_KINDS[entry.kind]}")
        elif entry.size > MAX_BYTES and is_manifest(path):
            yield Failure(name, path, f"{path} is over 1 MiB, which no manifest is; exclude it from paths")
    for path, file in broken.items():
        yield Failure(name, path, f"{path}: {file.problem}; the file is left alone until it is mended")
    for glob in globs.without_match(entry.path for entry in view.base.entries):
        yield Failure(name, glob, f'the glob "{glob}" matches no file on the branch; mend it in paths')


def _strays(view: View, names: set[str]) -> Iterator[Failure]:
    """List what we proposed once for a promotion that the config no longer has, by the first that shares its home."""
    if view.promotion.name != min(names):
        return
    for proposal in view.base.proposals:
        stray = promotion_of(proposal.branch)
        if stray not in names and proposal.ledger is not None and proposal.head is not None:
            message = f'{proposal.branch} is of the promotion "{stray}", which the config does not have; delete it'
            yield Failure(view.promotion.name, f"{BRANCHES}/{stray}", message)
