"""Flux's objects as the API gives them, and as the core wants them: one translation for every way to read a cluster.

Only the fields that a verdict needs are declared; values, secrets and all else are skipped undecoded. v2 and v2beta2
of HelmRelease have the same shape where it matters (helm-controller ``api/v2beta2`` embeds v2's snapshots).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.core import model
from reconciler.core.model import ANNOTATIONS, Key, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HELM_RELEASE: Final = "HelmRelease"
OCI_REPOSITORY: Final = "OCIRepository"
HELM_CHART: Final = "HelmChart"

VERSIONS: Final = {
    HELM_RELEASE: ("helm.toolkit.fluxcd.io", ("v2", "v2beta2")),
    OCI_REPOSITORY: ("source.toolkit.fluxcd.io", ("v1", "v1beta2")),
    HELM_CHART: ("source.toolkit.fluxcd.io", ("v1", "v1beta2")),
}
"""The group of each kind that is read, and its versions, the newest first."""

_NAME: Final = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


class _Object(msgspec.Struct, rename="camel", gc=False):
    """A piece of an API object."""


class _Header(_Object):
    """What every object has, lists included."""

    api_version: str = ""
    kind: str = ""


class _Name(_Object):
    name: str = ""
    namespace: str = ""


class _Named(_Object):
    metadata: _Name = msgspec.field(default_factory=_Name)


class _Metadata(_Name):
    generation: int = 0
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None


class _ReleaseMetadata(_Metadata):
    annotations: dict[str, str] | None = None


class _Labelled(_Object):
    metadata: _Metadata


class _Reference(_Object):
    kind: str
    name: str = ""
    namespace: str | None = None


class _ChartSpec(_Object):
    """``spec.chart.spec`` of a HelmRelease, and ``spec`` of a HelmChart."""

    chart: str
    source_ref: _Reference
    version: str | None = None
    values_files: list[str] | None = None
    values_file: str | None = None
    reconcile_strategy: str | None = None


class _ChartTemplate(_Object):
    spec: _ChartSpec


class _Filter(_Object):
    name: str
    exclude: bool | None = None


class _Test(_Object):
    enable: bool | None = None
    filters: list[_Filter] | None = None


class _Hook(_Object):
    phase: str | None = None
    last_started: str | None = None
    last_completed: str | None = None


class _Snapshot(_Object):
    version: int
    status: str
    name: str
    namespace: str
    chart_name: str
    chart_version: str
    action: str | None = None
    last_deployed: str | None = None
    test_hooks: dict[str, _Hook | None] | None = None
    oci_digest: str | None = None
    app_version: str | None = None


class _Condition(_Object):
    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class _ReleaseSpec(_Object):
    chart: _ChartTemplate | None = None
    chart_ref: _Reference | None = None
    suspend: bool | None = None
    test: _Test | None = None


class _ReleaseStatus(_Object):
    observed_generation: int = -1
    history: list[_Snapshot] | None = None
    conditions: list[_Condition] | None = None


class _HelmRelease(_Object):
    metadata: _ReleaseMetadata
    spec: _ReleaseSpec
    status: _ReleaseStatus | None = None


class _OCIRef(_Object):
    tag: str | None = None
    semver: str | None = None
    semver_filter: str | None = None
    digest: str | None = None


class _OCISpec(_Object):
    ref: _OCIRef | None = None


class _Artifact(_Object):
    revision: str | None = None


class _OCIStatus(_Object):
    artifact: _Artifact | None = None


class _OCIRepository(_Object):
    metadata: _Metadata
    spec: _OCISpec | None = None
    status: _OCIStatus | None = None


class _HelmChart(_Object):
    metadata: _Metadata
    spec: _ChartSpec


_Shape = _HelmRelease | _OCIRepository | _HelmChart
_SHAPES: Final[Mapping[str, type[_Shape]]] = {
    HELM_RELEASE: _HelmRelease,
    OCI_REPOSITORY: _OCIRepository,
    HELM_CHART: _HelmChart,
}


class _ListMetadata(_Object):
    continue_: str = msgspec.field(name="continue", default="")


class _List(_Object):
    kind: str
    metadata: _ListMetadata = msgspec.field(default_factory=_ListMetadata)


class _RawList(_List):
    items: list[msgspec.Raw] | None = None


class _HelmReleases(_List):
    items: list[_HelmRelease] | None = None


class _OCIRepositories(_List):
    items: list[_OCIRepository] | None = None


class _HelmCharts(_List):
    items: list[_HelmChart] | None = None


_Lists = _HelmReleases | _OCIRepositories | _HelmCharts
_LISTS: Final[Mapping[str, msgspec.json.Decoder[_Lists]]] = {
    HELM_RELEASE: msgspec.json.Decoder(_HelmReleases),
    OCI_REPOSITORY: msgspec.json.Decoder(_OCIRepositories),
    HELM_CHART: msgspec.json.Decoder(_HelmCharts),
}


Object = model.HelmRelease | model.OCIRepository | model.HelmChart | Unreadable


@dataclass(frozen=True, slots=True)
class Found:
    """One object of a kind that is read. Labels are empty where they could not be read either."""

    kind: str
    key: Key
    labels: Mapping[str, str]
    object: Object


@dataclass(frozen=True, slots=True)
class Other:
    """An object of a kind that is not read."""

    kind: str


def decode(value: object) -> Found | Other:
    """Translate one object.

    One of the wrong shape, or of a version that is not served any more, becomes Unreadable and says why.

    Raises:
        ValueError: it is no Kubernetes object, or has no valid name and namespace.
    """
    head = _header(value)
    group, versions = VERSIONS.get(head.kind, ("", ()))
    if not group or head.api_version.partition("/")[0] != group:
        return Other(head.kind)
    key = _key(value, head.kind)
    if head.api_version.partition("/")[2] not in versions:
        cure = "upgrade Flux to 2.2 or later, and run flux migrate"
        message = f"{head.kind} {key} is in {head.api_version}, which is not read; {cure}"
        return Found(head.kind, key, _labels(value), Unreadable(key, message))
    return Found(head.kind, key, _labels(value), _translated(value, head.kind, key))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, as the API gives it. ``more`` is the token for the next, empty after the last."""

    kind: str
    more: str
    _items: Sequence[_Shape | msgspec.Raw]

    @classmethod
    def of(cls, kind: str, data: bytes) -> Page:
        """Decode a page at once. Where an object has the wrong shape, each is left for itself.

        Raises:
            ValueError: it is no list of that kind.
        """
        try:
            page = _decoded(kind, data)
        except RecursionError as error:
            raise ValueError("an object in it is nested too deeply to be read") from error
        if page.kind != f"{kind}List":
            raise ValueError(f"a {page.kind} is no {kind}List")
        return cls(kind, page.metadata.continue_, page.items or ())

    def objects(self) -> Iterator[Found | str]:
        """Translate the objects one by one. What is none that could be told by name gives a sentence."""
        for item in self._items:
            try:
                yield self._raw(item) if isinstance(item, msgspec.Raw) else self._typed(item)
            except ValueError as error:
                yield str(error)

    def _raw(self, item: msgspec.Raw) -> Found:
        found = decode(msgspec.json.decode(item))
        if isinstance(found, Other):
            raise ValueError(f"a {found.kind} in it is no {self.kind}")  # noqa: TRY004 - of the answer, not of an argument
        return found

    def _typed(self, one: _Shape) -> Found:
        key = _checked(one.metadata, self.kind)
        return Found(self.kind, key, one.metadata.labels or {}, _object(self.kind, key, one))


def _decoded(kind: str, data: bytes) -> _Lists | _RawList:
    try:
        return _LISTS[kind].decode(data)
    except msgspec.ValidationError:
        return msgspec.json.decode(data, type=_RawList)


def _header(value: object) -> _Header:
    try:
        head = msgspec.convert(value, _Header)
    except msgspec.ValidationError as error:
        raise ValueError(f"something in it is no Kubernetes object: {error}") from error
    if not head.kind or not head.api_version:
        raise ValueError("something in it has no kind or no apiVersion")
    return head


def _key(value: object, kind: str) -> Key:
    try:
        name = msgspec.convert(value, _Named).metadata
    except msgspec.ValidationError:
        name = _Name()
    return _checked(name, kind)


def _checked(name: _Name, kind: str) -> Key:
    if not _NAME.fullmatch(name.name) or not _NAME.fullmatch(name.namespace):
        raise ValueError(f"a {kind} in it has no valid name and namespace")
    return Key(name.namespace, name.name)


def _labels(value: object) -> Mapping[str, str]:
    try:
        return msgspec.convert(value, _Labelled).metadata.labels or {}
    except msgspec.ValidationError:
        return {}


def _translated(value: object, kind: str, key: Key) -> Object:
    try:
        return _object(kind, key, msgspec.convert(value, _SHAPES[kind]))
    except msgspec.ValidationError as error:
        return _unlike(kind, key, error)


def _object(kind: str, key: Key, one: _Shape) -> Object:
    if isinstance(one, _OCIRepository):
        return _oci_repository(key, one)
    if isinstance(one, _HelmChart):
        return model.HelmChart(key, _source(one.spec))
    try:
        return _helm_release(key, one)
    except ValueError as error:
        return _unlike(kind, key, error)


def _unlike(kind: str, key: Key, error: Exception) -> Unreadable:
    return Unreadable(key, f"{kind} {key} has another shape than Flux gives it: {error}")


def _helm_release(key: Key, one: _HelmRelease) -> model.HelmRelease:
    spec, status = one.spec, one.status or _ReleaseStatus()
    test = spec.test or _Test()
    if (spec.chart is None) == (spec.chart_ref is None):
        raise ValueError("exactly one of spec.chart and spec.chartRef must be set")
    return model.HelmRelease(
        key,
        one.metadata.generation,
        status.observed_generation,
        chart=_source(spec.chart.spec) if spec.chart else None,
        chart_ref=_reference(spec.chart_ref, key) if spec.chart_ref else None,
        suspended=bool(spec.suspend),
        deleting=one.metadata.deletion_timestamp is not None,
        tests_enabled=bool(test.enable),
        filters=tuple(model.Filter(one.name, bool(one.exclude)) for one in test.filters or ()),
        history=tuple(_snapshot(one) for one in status.history or ()),
        conditions=tuple(_condition(one) for one in status.conditions or ()),
        labels=tuple(sorted((one.metadata.labels or {}).items())),
        annotations=_annotations(one.metadata.annotations or {}),
    )


def _annotations(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Keep what is said to this program, and let go of the rest: kubectl's own holds the whole object again."""
    ours = ((name.removeprefix(ANNOTATIONS), text) for name, text in given.items() if name.startswith(ANNOTATIONS))
    return tuple(sorted(ours))


def _source(spec: _ChartSpec) -> model.ChartSource:
    return model.ChartSource(
        spec.chart,
        spec.version or "",
        spec.source_ref.kind,
        values_files=bool(spec.values_files or spec.values_file),
        by_revision=spec.reconcile_strategy == "Revision",
    )


def _reference(ref: _Reference, key: Key) -> model.Reference:
    return model.Reference(ref.kind, Key(ref.namespace or key.namespace, ref.name))


def _snapshot(one: _Snapshot) -> model.Snapshot:
    hooks = None if one.test_hooks is None else tuple(_hook(name, hook) for name, hook in one.test_hooks.items())
    return model.Snapshot(
        one.version,
        one.status,
        Key(one.namespace, one.name),
        one.chart_name,
        one.chart_version,
        one.action,
        _time(one.last_deployed),
        hooks,
        one.oci_digest,
        one.app_version or "",
    )


def _hook(name: str, hook: _Hook | None) -> model.Hook:
    hook = hook or _Hook()
    return model.Hook(name, hook.phase or "", _time(hook.last_started), _time(hook.last_completed))


def _condition(one: _Condition) -> model.Condition:
    return model.Condition(one.type, one.status, one.reason, one.message, _time(one.last_transition_time))


def _oci_repository(key: Key, one: _OCIRepository) -> model.OCIRepository:
    ref = (one.spec.ref if one.spec else None) or _OCIRef()
    artifact = one.status.artifact if one.status else None
    revision = artifact.revision if artifact else None
    return model.OCIRepository(key, ref.tag, ref.semver, ref.semver_filter, ref.digest, revision)


def _time(text: str | None) -> datetime | None:
    """Read a time as Kubernetes writes it. One that is none only means that nothing can be counted from it."""
    try:
        at = datetime.fromisoformat(text or "")
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None
