"""One pass: observe, plan, apply, report."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from reconciler.apply import apply
from reconciler.core.manifest import (
    NOTHING,
    File,
    Survey,
    is_kustomization,
    is_manifest,
    named,
    read,
    refused,
    survey,
)
from reconciler.core.model import EntryKind, Failure
from reconciler.core.plan import Answers, Unseen, View, assess, inquire, plan
from reconciler.core.report import Report
from reconciler.core.yaml import MAX_BYTES, decode
from reconciler.ports import PortError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from reconciler.core.model import Base, Fleet, Plan, Promotion, Scope
    from reconciler.core.plan import Assessment, Inquiry
    from reconciler.ports import Production, Staging


@dataclass(frozen=True, slots=True)
class Route:
    """One promotion and the two worlds between which it moves.

    Promotions that share a cluster, or a repository branch, share the port object: each is read once a pass.
    """

    promotion: Promotion
    staging: Staging
    scope: Scope
    production: Production


class Progress(Protocol):
    """Is told what a pass is at."""

    def __call__(self, what: str, /) -> None:
        """Take note."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass has seen and decided, before anything is written."""

    plan: Plan
    assessments: tuple[Assessment, ...]
    answers: Mapping[str, Answers]


class _Role(NamedTuple):
    """What else than its content decides what a file means: its name, or that a kustomization aims it as a patch."""

    kustomization: bool = False
    targeted: bool = False


_MANIFEST, _KUSTOMIZATION, _PATCH = _Role(), _Role(kustomization=True), _Role(targeted=True)


@dataclass
class Reader:
    """Reads repositories, and remembers what files say by their content, so that none is read twice in a life."""

    _files: dict[_Role, dict[str, File]] = field(default_factory=dict)
    _surveys: dict[str, tuple[Mapping[str, File], Survey]] = field(default_factory=dict)

    def manifests(self, base: Base, production: Production) -> tuple[Mapping[str, File], Survey]:
        """Give what the manifests of a tree say, and what they amount to."""
        if base.sha not in self._surveys:
            self._surveys[base.sha] = self._surveyed(base, production)
        return self._surveys[base.sha]

    def _surveyed(self, base: Base, production: Production) -> tuple[Mapping[str, File], Survey]:
        """Read the kustomizations, then what is called like a manifest, or is named as one."""
        readable = {one.path: one.oid for one in base.entries if one.kind is EntryKind.FILE and one.size <= MAX_BYTES}
        configured = {path: oid for path, oid in readable.items() if is_kustomization(path)}
        files = self._read(configured, _KUSTOMIZATION, production)
        resources, patches = named(files)
        wanted = {
            path: oid
            for path, oid in readable.items()
            if path not in configured and (is_manifest(path) or path in resources)
        }
        files |= self._read(wanted, _MANIFEST, production)
        aimed = {path: readable[path] for path in patches if path in readable}
        refusals = _refusals(base, patches) if len(readable) < len(base.entries) else {}
        paths = {*configured, *wanted, *aimed}
        return files, survey({**files, **refusals}, paths, self._read(aimed, _PATCH, production))

    def forget_all_but(self, bases: Iterable[Base]) -> None:
        """Let go of what no base holds any more."""
        kept = tuple(bases)
        oids = {entry.oid for base in kept for entry in base.entries}
        shas = {base.sha for base in kept}
        self._files = {
            role: {oid: file for oid, file in files.items() if oid in oids} for role, files in self._files.items()
        }
        self._surveys = {sha: known for sha, known in self._surveys.items() if sha in shas}

    def _read(self, wanted: Mapping[str, str], role: _Role, production: Production) -> dict[str, File]:
        """Give what files say, by path, those left out that say nothing.

        Args:
            wanted: their content ids, by path.
            role: what they are read as.
            production: where they are.
        """
        known = self._files.setdefault(role, {})
        if missing := {oid for oid in wanted.values() if oid not in known}:
            for oid, data in production.read(missing):
                known[oid] = read(data, kustomization=role.kustomization, targeted=role.targeted)
        return {path: file for path, oid in wanted.items() if (file := known[oid]) is not NOTHING}


@contextmanager
def garbage_left() -> Iterator[None]:
    """Put off looking for garbage: what a pass reads it keeps, and looking through it over and over costs a tenth."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _refusals(base: Base, patches: frozenset[str]) -> dict[str, File]:
    """Say of what decides over others, and is never read, why not."""
    return {
        entry.path: refused(entry)
        for entry in base.entries
        if (entry.kind is not EntryKind.FILE or entry.size > MAX_BYTES)
        and (entry.path in patches or is_kustomization(entry.path))
    }


def observe(routes: Sequence[Route], reader: Reader, at: datetime, progress: Progress) -> Pass:
    """Look at everything once, and decide. A source that cannot be read ends the pass for what depends on it."""
    with garbage_left():
        return _observe(routes, reader, at, progress)


def _observe(routes: Sequence[Route], reader: Reader, at: datetime, progress: Progress) -> Pass:
    progress("reading staging")
    fleets, failures = _fleets(routes)
    progress("reading production")
    views, more = _views(routes, fleets, reader)
    if not failures and not more:
        reader.forget_all_but(view.base for view in views)
    progress("planning")
    assessments = assess(views, at)
    answers, most = _answers(assessments, {route.promotion.name: route.production for route in routes})
    decided = plan([one for one in assessments if one.promotion.name in answers], answers, at)
    errors = (*decided.errors, *failures, *more, *most)
    return Pass(replace(decided, errors=_in_order(errors)), assessments, answers)


def reconcile(routes: Sequence[Route], reader: Reader, at: datetime, progress: Progress, *, dry_run: bool) -> Report:
    """Make one pass: what staging has proven is proposed, what it no longer proves is withdrawn."""
    seen = observe(routes, reader, at, progress)
    progress("applying")
    productions = {route.promotion.name: route.production for route in routes}
    return Report(seen.plan, apply(seen.plan, productions, dry_run=dry_run))


def _fleets(routes: Sequence[Route]) -> tuple[dict[str, Fleet], list[Failure]]:
    """Look at every cluster once, for all the promotions that share it."""
    fleets: dict[str, Fleet] = {}
    failures: list[Failure] = []
    for sharing in _sharing(routes, lambda route: route.staging):
        try:
            seen = sharing[0].staging.observe([route.scope for route in sharing])
        except PortError as error:
            failures += [_fatal(route, "staging", error) for route in sharing]
        else:
            fleets.update((route.promotion.name, fleet) for route, fleet in zip(sharing, seen, strict=True))
    return fleets, failures


def _views(routes: Sequence[Route], fleets: Mapping[str, Fleet], reader: Reader) -> tuple[list[View], list[Failure]]:
    """Look at every repository once, for all the promotions that share it and whose staging could be read."""
    views: list[View] = []
    failures: list[Failure] = []
    names: dict[str, set[str]] = {}
    unseen: dict[str, tuple[Unseen, ...]] = {}
    for route in routes:
        one = route.promotion
        names.setdefault(one.repository, set()).add(one.name)
        if one.name not in fleets:
            unseen[one.repository] = (*unseen.get(one.repository, ()), Unseen(one, route.scope.namespaces))
    for sharing in _sharing([route for route in routes if route.promotion.name in fleets], lambda one: one.production):
        try:
            base = sharing[0].production.observe()
            files, amount = reader.manifests(base, sharing[0].production)
        except PortError as error:
            failures += [_fatal(route, "production", error) for route in sharing]
            continue
        for promotion in (route.promotion for route in sharing):
            among, dark = frozenset(names[promotion.repository]), unseen.get(promotion.repository, ())
            views.append(View(promotion, fleets[promotion.name], base, files, amount, among, dark))
    return views, failures


def _answers(
    assessments: Sequence[Assessment], productions: Mapping[str, Production]
) -> tuple[dict[str, Answers], list[Failure]]:
    """Look up what drifted, and nothing else."""
    answers: dict[str, Answers] = {}
    failures: list[Failure] = []
    for one in assessments:
        name = one.promotion.name
        try:
            answers[name] = _looked_up(one.base, inquire(one), productions[name])
        except PortError as error:
            failures.append(Failure(name, "production", str(error), fatal=True))
    return answers, failures


def _looked_up(base: Base, inquiry: Inquiry, production: Production) -> Answers:
    wanted = frozenset(inquiry.paths)
    paths = {entry.path: entry.oid for entry in base.entries if entry.path in wanted}
    contents = dict(production.read(set(paths.values()))) if paths else {}
    changes = {
        place: change
        for place, (path, line) in inquiry.places.items()
        if (change := production.last_change(path, line)) is not None
    }
    return Answers(
        texts={path: decode(contents[oid]) for path, oid in paths.items()},
        findings=production.investigate(inquiry.questions) if inquiry.questions else {},
        changes=changes,
    )


def _sharing(routes: Sequence[Route], port: Callable[[Route], object]) -> list[list[Route]]:
    """Group routes by the very port object that they use, in their order."""
    groups: dict[int, list[Route]] = {}
    for route in routes:
        groups.setdefault(id(port(route)), []).append(route)
    return list(groups.values())


def _fatal(route: Route, subject: str, error: PortError) -> Failure:
    return Failure(route.promotion.name, subject, str(error), fatal=True)


def _in_order(errors: Iterable[Failure]) -> tuple[Failure, ...]:
    return tuple(sorted(errors, key=lambda error: (error.promotion, error.subject, error.message)))
