"""Which version scalar pins a staging release in production, and why there is none that could be edited."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Final

from reconciler.core.manifest.flaw import shown
from reconciler.core.manifest.resource import (
    CHART,
    DIGEST,
    HELM_RELEASE,
    OCI_REPOSITORY,
    REF_KIND,
    REF_NAME,
    REF_NAMESPACE,
    SEMVER,
    SOURCE_KIND,
    TAG,
    VERSION,
)
from reconciler.core.manifest.source import Repositories
from reconciler.core.model import Key, NoPin, Pin, Reason
from reconciler.core.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.manifest.file import File
    from reconciler.core.manifest.item import Item, Site
    from reconciler.core.manifest.kustomize import Survey
    from reconciler.core.manifest.patch import Idle

_GIT_SOURCES: Final = frozenset({"GitRepository", "Bucket"})
_NAME: Final = re.compile(r"[A-Za-z0-9.-]+")
"""What may stand in a ``match``: no variable, no template."""
_TOLD: Final = 5
"""How many places a message names: of more, that many and the number of the rest."""
_MAY_MEAN: Final = 50
"""Where a chartRef may mean more OCIRepositories than this, it counts for none of them."""
_CLOSE_ENOUGH: Final = 300
"""Among more releases than this, names are compared only where they are equal: likeness costs a product."""


class Finder:
    """Finds the pins of one promotion in one tree: a look-up, built once for all its releases."""

    def __init__(self, survey: Survey, editable: frozenset[str], broken: Mapping[str, File]) -> None:
        """Sort what the tree applies by name.

        Args:
            survey: what the tree applies.
            editable: the paths that the promotion's globs select.
            broken: the selected files that could not be read.
        """
        self._editable = editable
        self._repositories = Repositories((one for one in survey.items if one.kind == OCI_REPOSITORY), editable)
        self._everywhere = _by_name(one for one in survey.items if one.kind == HELM_RELEASE)
        releases = [one for named in self._everywhere.values() for one in named if self._concerns(one)]
        self._releases = _by_name(releases)
        self._of_chart = {_base(chart): one for one in reversed(releases) if (chart := one.text(CHART))}
        self._idle = {idle.name: idle for idle in reversed(survey.idle) if idle.path in editable}
        self._broken: dict[str, list[tuple[str, File]]] = {}
        for path, file in sorted(broken.items()):
            for name in dict.fromkeys(file.names):
                self._broken.setdefault(name, []).append((path, file))

    def find(self, key: Key, chart: str | None, called: Key | None = None) -> Pin | NoPin:
        """Find the pin of a release.

        Args:
            key: its name in production.
            chart: the chart that staging deploys.
            called: its name in staging, where that is another.
        """
        named = self._named(key)
        if all(one.namespace is None for one in named) and (broken := self._broken_file(HELM_RELEASE, key)):
            return NoPin(Reason.UNSUPPORTED, f"{key.name} is named in {broken}; mend it")
        charted = [one for one in named if _same_chart(one.text(CHART), chart)]
        if doubtful := next((one for one in charted if one.doubt), None):
            return _unsupported(doubtful, f"depends on {doubtful.doubt}; mend it")
        found = [(self._pin(one), one) for one in charted]
        answers = {_place_of(answer): answer for answer, _ in found}
        if len(answers) > 1:
            places = _listed(sorted({_where(answer, one) for answer, one in found}))
            message = f"{key} is found {len(answers)} times: {places}; narrow paths to one of them"
            return NoPin(Reason.AMBIGUOUS, message)
        answer = next(iter(answers.values()), None) or self._absent(key, chart, named, called or key)
        idle = self._idle.get(key.name)
        return answer if idle is None or isinstance(answer, Pin) else _without_effect(idle)

    def governs(self, pin: Pin) -> tuple[tuple[str | None, str], ...]:
        """List every HelmRelease of the tree whose version a pin decides, whether or not paths select it.

        Returns:
            Their effective namespaces, None where unknown, and their names, sorted.
        """
        return self._governed.get(pin.place, ())

    @cached_property
    def _governed(self) -> Mapping[tuple[str, int], tuple[tuple[str | None, str], ...]]:
        """Sort every release by where its version stands."""
        found: dict[tuple[str, int], set[tuple[str | None, str]]] = {}
        for one in (one for named in self._everywhere.values() for one in named if one.listed):
            for site in filter(None, self._deciding(one)):
                if site.field.scalar is not None:
                    named = found.setdefault((site.path, site.field.scalar.start), set())
                    named.add((None if one.doubt else one.namespace, one.name))
        return {place: tuple(sorted(named, key=lambda key: (key[0] or "", key[1]))) for place, named in found.items()}

    def _deciding(self, one: Item) -> Iterable[Site | None]:
        """Give where the version of a release stands; every place, where it may be one of several."""
        if one.text(REF_NAME) is None:
            return () if one.text(SOURCE_KIND) in _GIT_SOURCES else (one.site(VERSION),)
        if one.text(REF_KIND) != OCI_REPOSITORY:
            return ()
        meant = self._repositories.meant_by(one)
        if len(meant) > _MAY_MEAN:
            return ()
        return [it.site(TAG) for it in meant if it.site(DIGEST) is None and it.site(SEMVER) is None]

    def _concerns(self, one: Item) -> bool:
        """Tell whether an object has anything to do with what may be edited."""
        if not self._editable.isdisjoint(one.trail):
            return True
        return one.text(REF_KIND) == OCI_REPOSITORY and any(
            not self._editable.isdisjoint(repository.trail) for repository in self._repositories.meant_by(one)
        )

    def _named(self, key: Key) -> list[Item]:
        """Give the objects of this name: in its namespace, else those whose namespace no file gives."""
        named = self._releases.get(key.name, [])
        found = [one for one in named if one.namespace == key.namespace]
        found = found or [one for one in named if one.namespace is None] or [one for one in named if one.doubt]
        return [one for one in found if one.listed] or found

    def _pin(self, one: Item) -> Pin | NoPin:
        if not one.listed:
            why = "is not listed by the kustomization of its folder, so nothing applies it; list it, or remove it"
            return _unsupported(one, why)
        version = one.site(VERSION)
        if one.text(REF_NAME) is not None:
            if version or one.text(CHART):
                return _unsupported(one, "has both chart and chartRef, which Flux refuses; remove one")
            return self._tag_pin(one)
        source = one.text(SOURCE_KIND)
        if source in _GIT_SOURCES:
            why = f"takes its chart from a {source}, where the version field means nothing; promote it in git"
            return _unsupported(one, why)
        if version is None:
            return NoPin(Reason.UNPINNED, f"{_place(one)} gives no version; write the exact one that production runs")
        return self._at(version, one, is_tag=False)

    def _tag_pin(self, one: Item) -> Pin | NoPin:
        if (kind := one.text(REF_KIND) or "") != OCI_REPOSITORY:
            return _unsupported(
                one, f'takes its chart from a chartRef of kind "{shown(kind)}", which is not edited yet'
            )
        repositories = self._repositories.meant_by(one)
        if len(repositories) == 1:
            return self._repository_pin(repositories[0], one)
        refers = f"refers to the OCIRepository {shown(one.text(REF_NAME) or '')}"
        if repositories:
            places = _listed(
                [f"{repository.path}:{repository.line}" for repository in repositories[: _TOLD + 1]], len(repositories)
            )
            return NoPin(Reason.AMBIGUOUS, f"{_place(one)} {refers}, which is in {places}; narrow paths to one of them")
        referred = Key(one.text(REF_NAMESPACE) or one.namespace or "", one.text(REF_NAME) or "")
        broken = self._broken_file(OCI_REPOSITORY, referred)
        where = f"which is named in {broken}" if broken else "which no manifest defines"
        return _unsupported(one, f"{refers}, {where}; mend that")

    def _repository_pin(self, repository: Item, one: Item) -> Pin | NoPin:
        if repository.doubt:
            what = f"OCIRepository {shown(repository.name)} in {repository.path}:{repository.line}"
            return _unsupported(one, f"refers to the {what}, which depends on {repository.doubt}; mend it")
        for pointer in (DIGEST, SEMVER):
            if (site := repository.site(pointer)) is not None:
                what = pointer.rpartition("/")[2]
                message = f"{_place(repository)} gives a {what}, which counts before its tag; give a tag alone"
                return NoPin(Reason.UNPINNED, message, site.field.text)
        if (tag := repository.site(TAG)) is None:
            message = f"{_place(repository)} gives no tag; write the exact one that production runs"
            return NoPin(Reason.UNPINNED, message)
        return self._at(tag, one, is_tag=True)

    def _at(self, site: Site, governed: Item, *, is_tag: bool) -> Pin | NoPin:
        field, where = site.field, f"{site.path}:{site.field.line}"
        if field.problem is not None or field.scalar is None:
            return NoPin(Reason.UNSUPPORTED, f"the version in {where} is {field.problem}", field.text)
        try:
            version = Version.parse(field.scalar.value.replace("_", "+") if is_tag else field.scalar.value)
        except ValueError:
            what = f'"{shown(field.scalar.value)}" in {where} is not one exact version'
            return NoPin(Reason.UNPINNED, f"{what}; write the one that production runs", field.text)
        if site.path not in self._editable:
            message = f"the version of {governed.name} stands in {where}, which paths do not select; widen them"
            return NoPin(Reason.UNSUPPORTED, message, field.text)
        return Pin(site.path, field.scalar, version, site.holder, _place(governed), is_tag)

    def _broken_file(self, kind: str, key: Key) -> str | None:
        """Tell of a file that cannot be read and names an object, unless all in it is of other namespaces."""
        for path, file in self._broken.get(key.name, ()):
            if kind in file.kinds and (not key.namespace or not file.namespaces or key.namespace in file.namespaces):
                return f"{path}, which cannot be read ({file.problem})"
        return None

    def _absent(self, key: Key, chart: str | None, others: Sequence[Item], called: Key) -> NoPin:
        """Say why nothing was found, as near to the mend as can be told."""
        if others:
            what = f"installs the chart {shown(others[0].text(CHART) or '')}, but staging deploys {shown(chart or '')}"
            return NoPin(Reason.UNMATCHED, f"{_place(others[0])} {what}; install the same, or rename one of them")
        count = sum(map(len, self._releases.values()))
        none = f"none of the {count} HelmReleases that paths select is {key}"
        return NoPin(Reason.UNMATCHED, f"{none}; {self._nearest(key, chart, called)}")

    def _nearest(self, key: Key, chart: str | None, called: Key) -> str:
        one = next(iter(self._releases.get(key.name, ())), None) or self._of_chart.get(_base(chart or "-"))
        if one is None and len(self._releases) <= _CLOSE_ENOUGH:
            one = next(
                (self._releases[name][0] for name in get_close_matches(key.name, sorted(self._releases), 1)), None
            )
        if one is not None and _NAME.fullmatch(one.name) and _NAME.fullmatch(one.namespace or key.namespace or "-"):
            other = Key(one.namespace or key.namespace, one.name)
            line = f"match: [{{staging: {called}, production: {other}}}]"
            return f"the nearest is {_place(one)}; if it is the same: {line}"
        if outside := self._everywhere.get(key.name):
            return f"there is {_place(outside[0])}, which paths do not select; add its manifest, or widen paths"
        return "add its manifest, or widen paths"


def _by_name(items: Iterable[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for one in items:
        found.setdefault(one.name, []).append(one)
    return found


def _listed(places: Sequence[str], count: int = 0) -> str:
    """List places, the first of many."""
    more = max(count, len(places)) - _TOLD
    return ", ".join(places[:_TOLD]) + (f" and {more} more" if more > 0 else "")


def _place_of(answer: Pin | NoPin) -> tuple[str, int] | NoPin:
    return answer.place if isinstance(answer, Pin) else answer


def _place(one: Item) -> str:
    named = f"{one.namespace}/{one.name}" if one.namespace else one.name
    return f"{one.kind} {named} in {one.path}:{one.line}"


def _unsupported(one: Item, why: str) -> NoPin:
    return NoPin(Reason.UNSUPPORTED, f"{_place(one)} {why}", one.text(VERSION))


def _without_effect(idle: Idle) -> NoPin:
    """Say of a release without a pin that somebody meant to pin it, with a patch that does not reach it."""
    facts = (("kind", idle.target.kind), ("name", idle.target.name), ("namespace", idle.target.namespace))
    target = ", ".join(f"{name}: {shown(value)}" for name, value in facts if value)
    where = f"its target in {idle.kustomization}:{idle.line} ({target})"
    message = f"the patch {idle.path} has no effect on {idle.name}: {where} does not select it; mend the target"
    return NoPin(Reason.UNSUPPORTED, message)


def _where(answer: Pin | NoPin, one: Item) -> str:
    return f"{answer.path}:{answer.scalar.line}" if isinstance(answer, Pin) else f"{one.path}:{one.line}"


def _base(chart: str) -> str:
    """Give a chart's own name: an OCI repository or a folder may stand before it."""
    return chart.rstrip("/").rpartition("/")[2]


def _same_chart(manifest: str | None, staging: str | None) -> bool:
    return manifest is None or staging is None or _base(manifest) == _base(staging)
