"""What one file says: the HelmReleases, OCIRepositories and kustomizations in it, and where their versions stand.

A file's meaning here depends on its text and name alone, never on its neighbours, so it is remembered by content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.core.yaml import ALL, MAX_BYTES, Alias, Keep, Mapping, Scalar, Sequence, YamlError, decode, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.yaml import Document, Node

KUSTOMIZATION_NAMES: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
HELM_RELEASE: Final = "HelmRelease"
OCI_REPOSITORY: Final = "OCIRepository"

_GROUPS: Final = {HELM_RELEASE: "helm.toolkit.fluxcd.io", OCI_REPOSITORY: "source.toolkit.fluxcd.io"}
_FLUX_GROUP: Final = "kustomize.toolkit.fluxcd.io"
_MENTIONED: Final = re.compile(rb"HelmRelease|OCIRepository|kustomize\.toolkit\.fluxcd\.io|/spec/(?:chart|ref)\b")


@dataclass(frozen=True, slots=True)
class Field:
    """A version as one document gives it. ``problem`` says why it cannot be edited; without one there is a scalar."""

    line: int
    scalar: Scalar | None = None
    problem: str | None = None

    @property
    def deletes(self) -> bool:
        """Tell whether it is ``null``, which in a patch removes the field."""
        return self.scalar is not None and not self.scalar.style and self.scalar.value in {"", "~", "null"}

    @property
    def text(self) -> str | None:
        """The value as text, where there is one."""
        return self.scalar.value if self.scalar else None


@dataclass(frozen=True, slots=True)
class ChartRef:
    """A HelmRelease's ``spec.chartRef`` as the manifest gives it."""

    kind: str
    name: str
    namespace: str | None


@dataclass(frozen=True, slots=True)
class Resource:
    """One HelmRelease or OCIRepository document: whole, or a patch that gives only some of it.

    ``version`` is a HelmRelease's ``spec.chart.spec.version``; ``tag``, ``semver`` and ``digest`` are an
    OCIRepository's ``spec.ref``.
    """

    kind: str
    name: str
    namespace: str | None
    line: int
    chart: str | None = None
    source_kind: str | None = None
    chart_ref: ChartRef | None = None
    version: Field | None = None
    tag: Field | None = None
    semver: Field | None = None
    digest: Field | None = None
    deletes_chart: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What a kustomize patch is aimed at. The texts are regular expressions that match whole names."""

    kind: str = ""
    name: str = ""
    namespace: str = ""
    by_label: bool = False

    @property
    def literal_name(self) -> str | None:
        """The name, where it is one and no expression."""
        return self.name if self.name.replace("-", "").isalnum() else None


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch of a kustomization: a file beside it, or text inside it."""

    line: int
    path: str | None = None
    inline: str | None = None
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Kustomization:
    """A kustomize configuration, as far as it decides what a HelmRelease is called and which version it gets."""

    resources: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    patches: tuple[Patch, ...] = ()
    namespace: str | None = None
    prefix: str = ""
    suffix: str = ""
    component: bool = False


@dataclass(frozen=True, slots=True)
class FluxKustomization:
    """A Flux Kustomization: the folder that it applies, and what it changes there."""

    path: str
    target_namespace: str | None
    patches: tuple[Patch, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a JSON patch: the path that it sets or removes."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class File:
    """What one file says. ``problem`` says why it says nothing, with its line."""

    resources: tuple[Resource, ...] = ()
    operations: tuple[Operation, ...] = ()
    kustomization: Kustomization | None = None
    flux: tuple[FluxKustomization, ...] = ()
    problem: str | None = None
    names: tuple[str, ...] = ()
    """Of a file with a problem: the names that stand in it, so that its releases can be told why."""


def is_kustomization(path: str) -> bool:
    """Tell by its name whether kustomize would read a file as its configuration."""
    return path.rpartition("/")[2] in KUSTOMIZATION_NAMES


def is_manifest(path: str) -> bool:
    """Tell by its name whether a file may be a manifest at all."""
    return path.endswith((".yaml", ".yml")) or is_kustomization(path)


def read(data: bytes, *, kustomization: bool) -> File:
    """Read one file. A file that cannot be read says so, and sinks nothing but itself."""
    if not kustomization and not _MENTIONED.search(data):
        return _NOTHING
    try:
        text = decode(data)
        return _file(text, parse(text, ALL if kustomization else _KEEP), kustomization=kustomization)
    except YamlError as error:
        return File(problem=str(error), names=tuple(name.decode() for name in _NAMES.findall(data[:MAX_BYTES])))


def read_patch(text: str) -> File:
    """Read the text of an inline patch, strategic merge or JSON.

    Raises:
        YamlError: it is no YAML.
    """
    return _file(text, parse(text, _KEEP), kustomization=False)


_NOTHING: Final = File()
_NAMES: Final = re.compile(
    rb"^[ ]*name:[ ]*(?:&\S+[ ]+)?[\"']?([a-z0-9][a-z0-9.-]*)[\"']?[ ]*(?:#.*)?\r?$", re.MULTILINE
)
_STRING_TAGS: Final = frozenset({None, "tag:yaml.org,2002:str"})
_NAMED: Final = Keep({"name": ALL, "namespace": ALL})
_KEEP: Final = Keep(
    {
        "op": ALL,
        "path": ALL,
        "apiVersion": ALL,
        "kind": ALL,
        "metadata": _NAMED,
        "spec": Keep(
            {
                "chart": Keep({"spec": Keep({"chart": ALL, "version": ALL, "sourceRef": ALL})}),
                "chartRef": ALL,
                "ref": ALL,
                "path": ALL,
                "targetNamespace": ALL,
                "patches": ALL,
            }
        ),
    }
)


def _file(text: str, documents: tuple[Document, ...], *, kustomization: bool) -> File:
    resources: list[Resource] = []
    operations: list[Operation] = []
    flux: list[FluxKustomization] = []
    configuration: Kustomization | None = None
    for document in documents:
        root = document.root
        if isinstance(root, Sequence):
            operations.extend(_operations(root))
        if not isinstance(root, Mapping):
            continue
        kind = text_of(root.get("kind")) or ""
        group = (text_of(root.get("apiVersion")) or "").partition("/")[0]
        if kind in _GROUPS and group == _GROUPS[kind]:
            resources.extend(_resource(_Place(text, document, _flaw(document, root)), root, kind))
        elif kind == "Kustomization" and group == _FLUX_GROUP:
            flux.append(_flux(root))
        elif kustomization and configuration is None:
            configuration = _kustomization(root)
    return File(tuple(resources), tuple(operations), configuration, tuple(flux))


# --- single values -------------------------------------------------------------------------------------------------


def text_of(node: Node | None) -> str | None:
    """Give a scalar's text, an alias of one resolved; None for anything else."""
    match node:
        case Scalar() if not _is_null(node):
            return node.value
        case Alias():
            return node.value
        case _:
            return None


def _is_null(scalar: Scalar) -> bool:
    return not scalar.style and scalar.value in {"", "~", "null"}


def _at(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def _texts(node: Node | None) -> tuple[str, ...]:
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(text for item in items if (text := text_of(item)) is not None)


# --- HelmRelease and OCIRepository ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Place:
    """The document around a field, and what makes all of it unfit to edit."""

    text: str
    document: Document
    flaw: str | None


def _resource(place: _Place, root: Mapping, kind: str) -> Iterator[Resource]:
    metadata, spec = root.get("metadata"), root.get("spec")
    name = text_of(_at(metadata, "name"))
    if name is None:
        return
    named = (kind, name, text_of(_at(metadata, "namespace")), root.line)
    if kind == OCI_REPOSITORY:
        tag, semver, digest = (_field(place, spec, ("ref", key)) for key in ("tag", "semver", "digest"))
        yield Resource(*named, tag=tag, semver=semver, digest=digest)
        return
    chart = _at(spec, "chart", "spec")
    yield Resource(
        *named,
        chart=text_of(_at(chart, "chart")),
        source_kind=text_of(_at(chart, "sourceRef", "kind")),
        chart_ref=_chart_ref(_at(spec, "chartRef")),
        version=_field(place, spec, ("chart", "spec", "version")),
        deletes_chart=isinstance(node := _at(spec, "chart"), Scalar) and _is_null(node),
    )


def _chart_ref(node: Node | None) -> ChartRef | None:
    name = text_of(_at(node, "name"))
    if name is None:
        return None
    return ChartRef(text_of(_at(node, "kind")) or "", name, text_of(_at(node, "namespace")))


def _flaw(document: Document, root: Mapping) -> str | None:
    """Say what makes a whole document unfit to edit."""
    if document.duplicates:
        key, line = document.duplicates[0]
        return f'the key "{key}" stands twice in one mapping (line {line}); remove one'
    if root.merged:
        return f"a merge key (<<) on line {root.merged}; write its keys out"
    return None


def _field(place: _Place, spec: Node | None, keys: tuple[str, ...]) -> Field | None:
    """Find a version along its path, and say what about it cannot be edited."""
    node = spec
    for key in keys:
        if isinstance(node, Alias):
            break
        if not isinstance(node, Mapping):
            return None
        if node.merged:
            return Field(node.merged, problem=f"behind a merge key (<<) on line {node.merged}; write its keys out")
        node = node.get(key)
    match node:
        case None:
            return None
        case Alias():
            return Field(node.line, problem=f"an alias (*{node.name}) on line {node.line}; write the value out")
        case Scalar():
            return Field(node.line, node, place.flaw or _scalar_flaw(node, place))
        case Mapping() | Sequence():
            return Field(node.line, problem=f"a template or a structure on line {node.line}; write one version")


def _scalar_flaw(scalar: Scalar, place: _Place) -> str | None:
    """Say why one scalar cannot be edited, None where it can."""
    value, line = scalar.value, scalar.line
    rest = place.text[scalar.end :].partition("\n")[0] if "$imagepolicy" in place.text else ""
    flaws = (
        ("{{" in value or "<<" in value, f"a template ({shown(value)}) on line {line}; its source decides the version"),
        ("${" in value, f"a variable ({shown(value)}) on line {line}; Flux substitutes it, edit it where it is set"),
        (scalar.style in {"|", ">"}, f"a block scalar on line {line}; write the version on one line"),
        (scalar.last_line != line, f"a scalar of several lines, from line {line}; write the version on one line"),
        (scalar.tag not in _STRING_TAGS, f"tagged {shown(scalar.tag or '')} on line {line}; remove the tag"),
        (scalar.anchor in place.document.aliased, f"an anchor (&{scalar.anchor}) on line {line} that aliases repeat"),
        ("$imagepolicy" in rest, f"marked for image automation ($imagepolicy) on line {line}: two robots would fight"),
    )
    return next((flaw for found, flaw in flaws if found), None)


def shown(text: str) -> str:
    """Give a piece of a file for a message: short, and without control characters."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= 60 else clean[:59] + "…"  # noqa: PLR2004


# --- kustomizations ------------------------------------------------------------------------------------------------


def _kustomization(root: Mapping) -> Kustomization:
    return Kustomization(
        resources=_texts(root.get("resources")) + _texts(root.get("bases")),
        components=_texts(root.get("components")),
        patches=(
            *_patches(root.get("patchesStrategicMerge")),
            *_patches(root.get("patches")),
            *_patches(root.get("patchesJson6902")),
        ),
        namespace=text_of(root.get("namespace")),
        prefix=text_of(root.get("namePrefix")) or "",
        suffix=text_of(root.get("nameSuffix")) or "",
        component=text_of(root.get("kind")) == "Component",
    )


def _operations(root: Sequence) -> Iterator[Operation]:
    for item in root.items:
        if (path := text_of(_at(item, "path"))) is not None and text_of(_at(item, "op")) is not None:
            yield Operation(path, item.line)


def _patches(node: Node | None) -> Iterator[Patch]:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Mapping):
            target = item.get("target")
            yield Patch(
                item.line,
                path=text_of(item.get("path")),
                inline=text_of(item.get("patch")),
                target=_target(target) if isinstance(target, Mapping) else None,
            )
        elif (text := text_of(item)) is not None:
            inline = "\n" in text
            yield Patch(item.line, path=None if inline else text, inline=text if inline else None)


def _target(node: Mapping) -> Target:
    return Target(
        kind=text_of(node.get("kind")) or "",
        name=text_of(node.get("name")) or "",
        namespace=text_of(node.get("namespace")) or "",
        by_label=bool(text_of(node.get("labelSelector")) or text_of(node.get("annotationSelector"))),
    )


def _flux(root: Mapping) -> FluxKustomization:
    spec = root.get("spec")
    path = text_of(_at(spec, "path")) or "."
    return FluxKustomization(path, text_of(_at(spec, "targetNamespace")), tuple(_patches(_at(spec, "patches"))))
