"""Which version scalar pins a staging release in production, and why there is none that could be edited."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from reconciler.core.manifest.resource import HELM_RELEASE, OCI_REPOSITORY, shown
from reconciler.core.model import Key, NoPin, Pin, Reason
from reconciler.core.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reconciler.core.manifest.kustomize import Item, Site, Survey
    from reconciler.core.manifest.resource import ChartRef, File

_GIT_SOURCES: Final = frozenset({"GitRepository", "Bucket"})
_CLOSE_ENOUGH: Final = 300
"""Among more objects than this, names are compared only where they are equal: likeness costs a product."""


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
        self._repositories = _by(survey.items, OCI_REPOSITORY)
        releases = [item for item in survey.items if item.kind == HELM_RELEASE and self._concerns(item)]
        self._releases = _by(releases, HELM_RELEASE)
        self._of_chart: dict[str, Item] = {_base(item.chart): item for item in reversed(releases) if item.chart}
        self._count = len(releases)
        self._idle = {idle.name: idle for idle in reversed(survey.idle) if idle.path in editable}
        self._broken = {
            name: (path, file.problem) for path, file in sorted(broken.items(), reverse=True) for name in file.names
        }

    def find(self, key: Key, chart: str | None) -> Pin | NoPin:
        """Find the pin of a release, by its name in production and the chart that staging deploys."""
        named = self._named(key)
        charted = [item for item in named if _same_chart(item.chart, chart)]
        if not charted:
            return self._without_effect(key, self._absent(key, chart, named))
        answers = list({_place_of(answer): answer for answer in map(self._pin, charted)}.values())
        if len(answers) == 1:
            return self._without_effect(key, answers[0])
        places = ", ".join(sorted({f"{item.path}:{item.line}" for item in charted}))
        return NoPin(Reason.AMBIGUOUS, f"{key} is found {len(answers)} times: {places}; narrow paths to one of them")

    def _without_effect(self, key: Key, answer: Pin | NoPin) -> Pin | NoPin:
        """Say of a release without a pin that somebody meant to pin it, with a patch that does not reach it."""
        idle = self._idle.get(key.name)
        if idle is None or isinstance(answer, Pin):
            return answer
        target = f"the patch {idle.path} has no effect: its target in {idle.kustomization} selects {shown(idle.target)}"
        return NoPin(Reason.UNSUPPORTED, f"{target}, not {key.name}; mend the target")

    def _concerns(self, item: Item) -> bool:
        """Tell whether an object has anything to do with what may be edited."""
        if not self._editable.isdisjoint(item.trail):
            return True
        return item.chart_ref is not None and any(
            repository.tag is not None and repository.tag.path in self._editable
            for repository in self._repositories.get(item.chart_ref.name, ())
        )

    def _named(self, key: Key) -> list[Item]:
        """Give the objects of this name: in its namespace, else a single one whose namespace no file gives."""
        named = self._releases.get(key.name, [])
        exact = [item for item in named if item.namespace == key.namespace]
        found = exact or [item for item in named if item.namespace is None]
        return [item for item in found if item.listed] or found

    def _pin(self, item: Item) -> Pin | NoPin:
        if item.chart_ref is not None:
            if item.chart or item.version:
                return _unsupported(item, "has both chart and chartRef, which Flux refuses; remove one")
            return self._tag_pin(item, item.chart_ref)
        if item.source_kind in _GIT_SOURCES:
            return _unsupported(item, f"takes its chart from a {item.source_kind}: its version field means nothing")
        if item.version is None:
            return NoPin(Reason.UNPINNED, f"{_place(item)} gives no version; write the exact one that production runs")
        return self._at(item.version, item, is_tag=False)

    def _tag_pin(self, item: Item, ref: ChartRef) -> Pin | NoPin:
        if ref.kind != OCI_REPOSITORY:
            return _unsupported(item, f"takes its chart from a {shown(ref.kind)}, which is not edited yet")
        repositories = self._repository(item, ref)
        if len(repositories) != 1:
            places = ", ".join(f"{one.path}:{one.line}" for one in repositories) or "no file"
            reason = Reason.AMBIGUOUS if repositories else Reason.UNSUPPORTED
            return NoPin(reason, f"{_place(item)} refers to the OCIRepository {ref.name}, which is in {places}")
        repository = repositories[0]
        for site, name in ((repository.digest, "digest"), (repository.semver, "semver")):
            if site is not None:
                message = f"{_place(repository)} gives a {name}, which counts before its tag; pin the tag alone"
                return NoPin(Reason.UNPINNED, message, site.field.text)
        if repository.tag is None:
            return NoPin(
                Reason.UNPINNED, f"{_place(repository)} gives no tag; write the exact one that production runs"
            )
        return self._at(repository.tag, item, is_tag=True)

    def _repository(self, item: Item, ref: ChartRef) -> list[Item]:
        """Find what a chartRef means: nearest first, and what may be edited before what may not."""
        namespace = ref.namespace or item.namespace
        found = self._repositories.get(ref.name, [])
        found = [one for one in found if None in {one.namespace, namespace} or one.namespace == namespace]
        for nearer in (
            [one for one in found if one.namespace == namespace],
            [one for one in found if one.tag is not None and one.tag.path in self._editable],
            [one for one in found if one.root == item.root],
            [one for one in found if one.path == item.path],
        ):
            found = [one for one in found if one in nearer] or found
        return list({one.tag or one: one for one in found}.values())

    def _at(self, site: Site, governed: Item, *, is_tag: bool) -> Pin | NoPin:
        field, where = site.field, f"{site.path}:{site.field.line}"
        if field.problem is not None or field.scalar is None:
            return NoPin(Reason.UNSUPPORTED, f"the version in {site.path} is {field.problem}", field.text)
        if site.path not in self._editable:
            return NoPin(Reason.UNSUPPORTED, f"its version stands in {where}, which paths do not select", field.text)
        try:
            version = Version.parse(field.scalar.value.replace("_", "+") if is_tag else field.scalar.value)
        except ValueError:
            what = f'"{shown(field.scalar.value)}" in {where} is not one exact version'
            return NoPin(Reason.UNPINNED, f"{what}; write the one that production runs", field.text)
        return Pin(site.path, field.scalar, version, site.holder, f"{governed.path}:{governed.line}", is_tag)

    def _absent(self, key: Key, chart: str | None, others: Sequence[Item]) -> NoPin:
        """Say why nothing was found, as near to the mend as can be told."""
        if idle := self._idle.get(key.name):
            target = (
                f"the patch {idle.path} has no effect: its target in {idle.kustomization} selects {shown(idle.target)}"
            )
            return NoPin(Reason.UNSUPPORTED, f"{target}, not {key.name}; mend the target")
        if not others and (broken := self._broken.get(key.name)):
            return NoPin(Reason.UNSUPPORTED, f"{broken[0]} cannot be read: {broken[1]}")
        if others:
            other = others[0]
            message = f"{_place(other)} installs chart {shown(other.chart or '')}, staging deploys {shown(chart or '')}"
            return NoPin(Reason.UNMATCHED, message)
        none = f"none of the {self._count} HelmReleases that paths select is {key}"
        return NoPin(Reason.UNMATCHED, f"{none}; {self._nearest(key, chart)}")

    def _nearest(self, key: Key, chart: str | None) -> str:
        item = next(iter(self._releases.get(key.name, ())), None) or self._of_chart.get(_base(chart or "-"))
        if item is None and self._count <= _CLOSE_ENOUGH:
            item = next(
                (self._releases[name][0] for name in get_close_matches(key.name, sorted(self._releases), 1)), None
            )
        if item is None:
            return "add its manifest, or widen paths"
        other = Key(item.namespace or key.namespace, item.name)
        return f"the nearest is {_place(item)}; if it is the same: match: [{{staging: {key}, production: {other}}}]"


def _by(items: Iterable[Item], kind: str) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.kind == kind:
            found.setdefault(item.name, []).append(item)
    return found


def _place_of(answer: Pin | NoPin) -> tuple[str, int] | NoPin:
    return answer.place if isinstance(answer, Pin) else answer


def _place(item: Item) -> str:
    named = f"{item.namespace}/{item.name}" if item.namespace else item.name
    return f"{item.kind} {named} in {item.path}:{item.line}"


def _unsupported(item: Item, why: str) -> NoPin:
    return NoPin(Reason.UNSUPPORTED, f"{_place(item)} {why}", item.version.field.text if item.version else None)


def _base(chart: str) -> str:
    """Give a chart's own name: an OCI repository or a folder may stand before it."""
    return chart.rstrip("/").rpartition("/")[2]


def _same_chart(manifest: str | None, staging: str | None) -> bool:
    return manifest is None or staging is None or _base(manifest) == _base(staging)
