"""What staging's own spec asks for now, whether it admits a version, and how production would spell that version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.core.evidence.history import UNVERSIONED_KINDS, NotUnderstoodError, told
from reconciler.core.model import Doubt, Reason
from reconciler.core.version import Constraint, Version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reconciler.core.evidence.history import Revision
    from reconciler.core.model import ChartSource, Fleet, HelmChart, HelmRelease, Key, OCIRepository

_FILTER_LENGTH: Final = 200
_FILTER_CHOICES: Final = 5
_FILTERED_LENGTH: Final = 64
_ATOM: Final = r"\\[.dDwW+-]|\[\^?(?:[A-Za-z0-9_.+]|-(?!-))+\]|[A-Za-z0-9_.-]"
_SIMPLE_FILTER: Final = re.compile(rf"(?:\(\?:|[()|^$]|(?:{_ATOM})[*+?]?)*")


@dataclass(frozen=True, slots=True)
class Sources:
    """A fleet's chart sources, for looking up what a ``chartRef`` names. Built once for all releases of a fleet."""

    repositories: Mapping[Key, OCIRepository]
    charts: Mapping[Key, HelmChart]

    @classmethod
    def of(cls, fleet: Fleet) -> Sources:
        """Index a fleet."""
        return cls({each.key: each for each in fleet.oci_repositories}, {each.key: each for each in fleet.helm_charts})


@dataclass(frozen=True, slots=True)
class AskedChart:
    """A chart by name. ``constraint`` is None where the source decides the version."""

    source: ChartSource
    constraint: Constraint | None


@dataclass(frozen=True, slots=True)
class AskedTag:
    """An OCI artifact. ``constraint`` is the ``ref.semver`` if that is in effect."""

    repository: OCIRepository
    constraint: Constraint | None


@dataclass(frozen=True, slots=True)
class NotTold:
    """Staging does not tell what it asks for, and why."""

    message: str


Asked = AskedChart | AskedTag | NotTold


def what_is_asked(release: HelmRelease, sources: Sources) -> Asked:
    """Follow a release's spec to what it asks for.

    Raises:
        NotUnderstoodError: The version range is none.
    """
    if release.chart is not None:
        return _chart("spec.chart.spec.version", release.chart)
    reference = release.chart_ref
    if reference is None:
        return NotTold("the spec names neither a chart nor a chartRef")
    repository = sources.repositories.get(reference.key)
    if reference.kind == "OCIRepository" and repository is not None:
        return _tag(repository)
    chart = sources.charts.get(reference.key)
    if reference.kind == "HelmChart" and chart is not None:
        return _chart(f"HelmChart {told(str(reference.key))} spec.version", chart.source)
    name = f"{told(reference.kind)} {told(str(reference.key))}"
    if reference.kind in {"OCIRepository", "HelmChart"}:
        return NotTold(f"{name}, which the chartRef names, was not among what was read of staging: record or list it")
    return NotTold(f"the chartRef names {name}, and that kind tells no version to pin")


def spelling(asked: Asked, revision: Revision, history: Sequence[Revision]) -> str | Doubt:
    """How production would spell a revision's version, or why staging's spec does not admit it any more."""
    if isinstance(asked, NotTold):
        return _stale(revision, asked.message)
    if isinstance(asked, AskedTag):
        return _tag_spelling(asked, revision, history)
    return _chart_spelling(asked, revision)


def _stale(revision: Revision, message: str) -> Doubt:
    return Doubt(Reason.STALE, revision.version, message)


def _constraint(place: str, text: str) -> Constraint:
    try:
        return Constraint.parse(text)
    except ValueError as error:
        raise NotUnderstoodError(f"{place}: {error}") from None


def _chart(place: str, source: ChartSource) -> AskedChart:
    if source.source_kind in UNVERSIONED_KINDS:
        return AskedChart(source, None)
    return AskedChart(source, _constraint(place, source.constraint))


def _chart_spelling(asked: AskedChart, revision: Revision) -> str | Doubt:
    if asked.constraint is None:  # its chart is a folder, whose name need not be the chart's
        return revision.version.text
    chart = asked.source.chart.rstrip("/").rpartition("/")[2]
    if chart != revision.snapshot.chart:
        was = told(revision.snapshot.chart)
        return _stale(revision, f"staging asks for chart {told(chart)} now, and revision {revision.number} is {was}")
    exact = asked.constraint.exact
    other_build = exact is not None and exact.build and exact.build != revision.version.build
    if other_build or not asked.constraint.admits(revision.version):
        return _refused(revision, told(asked.source.constraint) or "*")
    return revision.version.text


def _refused(revision: Revision, asked: str) -> Doubt:
    return _stale(revision, f"staging asks for {asked} now, which does not admit {revision.version}")


# --- OCI: the pin is a tag, and only the artifact tells it ----------------------------------------------------------


def _tag(repository: OCIRepository) -> AskedTag:
    if repository.digest or not repository.semver:  # digest beats semver beats tag
        return AskedTag(repository, None)
    place = f"OCIRepository {told(str(repository.key))} spec.ref.semver"
    return AskedTag(repository, _constraint(place, repository.semver))


def _tag_spelling(asked: AskedTag, revision: Revision, history: Sequence[Revision]) -> str | Doubt:
    tag = _tag_of(asked.repository, revision, history)
    if isinstance(tag, Doubt):
        return tag
    return _tag_refused(asked, revision, tag) or tag


def _tag_of(repository: OCIRepository, revision: Revision, history: Sequence[Revision]) -> str | Doubt:
    """The tag of a revision's artifact: the artifact's own, or one spelled like it for an older artifact."""
    name = f"OCIRepository {told(str(repository.key))}"
    tag, _, digest = (repository.revision or "").rpartition("@")
    if not tag or not digest:
        return _stale(revision, f"{name} has no artifact with a tag, so the tag of {revision.version} is not known")
    if digest == revision.digest:
        if _means(tag, revision.version):
            return tag
        return _stale(revision, f"{name} has tag {told(tag)}, which does not tell the version {revision.version}")
    prefix = _prefix(tag, next((each for each in history if each.digest == digest), None))
    if prefix is None or revision.digest is None or revision.version.build:
        return _stale(revision, f"{name} has tag {told(tag)} of another artifact than revision {revision.number}")
    if _pushed_again(revision, history):
        return _stale(revision, f"{revision.version} was pushed again after revision {revision.number} was tested")
    return prefix + revision.version.text


def _means(tag: str, version: Version) -> bool:
    """Whether a tag spells the version. Tags have no plus, so Helm writes an underscore."""
    try:
        return Version.parse(tag.replace("_", "+")) == version
    except ValueError:
        return False


def _prefix(tag: str, witness: Revision | None) -> str | None:
    """What stands before the version in a tag: nothing or ``v``. None if the tag is not that plain."""
    if witness is None:
        return None
    return {witness.version.text: "", f"v{witness.version.text}": "v"}.get(tag)


def _pushed_again(revision: Revision, history: Sequence[Revision]) -> bool:
    newer = (each for each in history if each.number > revision.number and each.identity == revision.identity)
    return any(each.digest != revision.digest for each in newer)


def _tag_refused(asked: AskedTag, revision: Revision, tag: str) -> Doubt | None:
    repository = asked.repository
    if repository.digest:
        return None if repository.digest == revision.digest else _refused(revision, told(repository.digest))
    if asked.constraint is None:
        wanted = repository.tag or "latest"
        return None if wanted == tag else _refused(revision, f"tag {told(wanted)}")
    if not asked.constraint.admits(revision.version):
        return _refused(revision, told(asked.constraint.text))
    return _filtered(repository.semver_filter, revision, tag)


def _filtered(pattern: str | None, revision: Revision, tag: str) -> Doubt | None:
    if not pattern:
        return None
    if not _is_safe(pattern) or len(tag) > _FILTERED_LENGTH:
        return _stale(revision, f"the semverFilter {told(pattern)} is too intricate to be checked here")
    try:
        admitted = re.search(pattern, tag, re.ASCII)
    except re.error as error:
        return _stale(revision, f"the semverFilter {told(pattern)} cannot be read: {error}")
    return None if admitted else _refused(revision, f"tags like {told(pattern)}")


def _is_safe(pattern: str) -> bool:
    """Whether Go and Python agree on a pattern, and Python matches it in bounded time: no group is repeated."""
    choices = sum(map(pattern.count, "*+?|"))
    if len(pattern) > _FILTER_LENGTH or choices > _FILTER_CHOICES:
        return False
    return _SIMPLE_FILTER.fullmatch(pattern) is not None
