"""What one file says: the HelmReleases, OCIRepositories and kustomizations in it, and where their versions stand.

A file's meaning here depends on its text and name alone, never on its neighbours, so it is remembered by content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.yaml import (
    ALL,
    MAX_BYTES,
    STRING_TAG,
    Alias,
    Keep,
    Mapping,
    Scalar,
    Sequence,
    YamlError,
    decode,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Mapping as Table

    from reconciler.core.yaml import Document, Node

KUSTOMIZATION_NAMES: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})
HELM_RELEASE: Final = "HelmRelease"
OCI_REPOSITORY: Final = "OCIRepository"

# The fields that are followed, by their JSON pointers, as a JSON patch would name them.
CHART: Final = "/spec/chart/spec/chart"
VERSION: Final = "/spec/chart/spec/version"
SOURCE_KIND: Final = "/spec/chart/spec/sourceRef/kind"
REF_KIND, REF_NAME, REF_NAMESPACE = "/spec/chartRef/kind", "/spec/chartRef/name", "/spec/chartRef/namespace"
TAG, SEMVER, DIGEST = "/spec/ref/tag", "/spec/ref/semver", "/spec/ref/digest"
PINS: Final = {HELM_RELEASE: VERSION, OCI_REPOSITORY: TAG}
"""Where each kind holds the version that an edit would change."""
LEAVES: Final = {
    HELM_RELEASE: frozenset({CHART, VERSION, SOURCE_KIND, REF_KIND, REF_NAME, REF_NAMESPACE}),
    OCI_REPOSITORY: frozenset({TAG, SEMVER, DIGEST}),
}

_GROUPS: Final = {HELM_RELEASE: "helm.toolkit.fluxcd.io", OCI_REPOSITORY: "source.toolkit.fluxcd.io"}
_FLUX_GROUP: Final = "kustomize.toolkit.fluxcd.io"
_MENTIONED: Final = re.compile(rb"HelmRelease|OCIRepository|kustomize\.toolkit\.fluxcd\.io|/spec")


# What a file has many of, and every file has one of, are named tuples: a frozen dataclass takes four times as long.


class Field(NamedTuple):
    """A value as one document gives it. ``problem`` says why it cannot be edited; a pin without one has a scalar."""

    line: int
    text: str | None = None
    scalar: Scalar | None = None
    problem: str | None = None


class Resource(NamedTuple):
    """One HelmRelease or OCIRepository document: whole, or a patch that gives only some of it.

    ``fields`` are by JSON pointer. ``removed`` are the pointers at which a null stands: in a patch it takes away
    whatever is there and below.
    """

    kind: str
    api_version: str
    name: str
    namespace: str | None
    line: int
    fields: Table[str, Field]
    removed: tuple[str, ...] = ()
    deleted: bool = False
    """``$patch: delete``."""

    @property
    def version(self) -> Field | None:
        """A HelmRelease's version, where this document gives it."""
        return self.fields.get(VERSION)

    @property
    def tag(self) -> Field | None:
        """An OCIRepository's tag, where this document gives it."""
        return self.fields.get(TAG)


@dataclass(frozen=True, slots=True)
class Target:
    """What a kustomize patch is aimed at. The texts are regular expressions that match whole names."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    by_label: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch of a kustomization: the path of a file, or what the text inside it says."""

    line: int
    path: str | None = None
    inline: File | None = None
    target: Target | None = None


class Kustomization(NamedTuple):
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
    changes: Kustomization


class File(NamedTuple):
    """What one file says. ``problem`` says why it says nothing, with its line."""

    resources: tuple[Resource, ...] = ()
    operations: tuple[str, ...] = ()
    """The pointers that a JSON patch sets or removes."""
    kustomization: Kustomization | None = None
    flux: tuple[FluxKustomization, ...] = ()
    problem: str | None = None
    names: tuple[str, ...] = ()
    """Of a file with a problem: the names that stand in it, so that its releases can be told why."""
    namespaces: tuple[str, ...] = ()
    """Of a file with a problem: the namespaces that its objects have, as far as can be told."""
    kinds: tuple[str, ...] = ()
    """Of a file with a problem: which of the kinds that are read it names."""


def is_kustomization(path: str) -> bool:
    """Tell by its name whether kustomize would read a file as its configuration."""
    return path.rpartition("/")[2] in KUSTOMIZATION_NAMES


def is_manifest(path: str) -> bool:
    """Tell by its name whether a file may be a manifest at all."""
    return path.endswith((".yaml", ".yml", ".json")) or is_kustomization(path)


def read(data: bytes, *, kustomization: bool) -> File:
    """Read one file. A file that cannot be read says so, and sinks nothing but itself."""
    if not kustomization and not _MENTIONED.search(data):
        return _NOTHING
    try:
        return _file(decode(data), kustomization=kustomization)
    except YamlError as error:
        return _broken(data, error)


def shown(text: str) -> str:
    """Give a piece of a file for a message: short, and without control characters."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= _SHOWN else f"{clean[: _SHOWN - 1]}…"


_SHOWN: Final = 60
_NOTHING: Final = File()
_NAMES: Final = re.compile(
    rb"""(?:^|[{,])[ \t]*["']?name["']?:[ \t]*(?:&\S+[ ]+)?["']?([a-z0-9][a-z0-9.-]*)["']?(?=[ ]*(?:[,}#\r\n]|$))""",
    re.MULTILINE,
)
_NAMESPACES: Final = re.compile(
    rb"""^metadata:(?:[^\n]*\n(?:[ \t]+[^\n]*\n)*?)?[^\n]*?\bnamespace["']?:[ \t]*(?:&\S+[ ]+)?"""
    rb"""["']?([a-z0-9][a-z0-9-]*)""",
    re.MULTILINE,
)
_CHANGES: Final = dict.fromkeys(
    (
        "components",
        "namePrefix",
        "nameSuffix",
        "patches",
        "patchesStrategicMerge",
        "patchesJson6902",
        "replacements",
        "transformers",
    ),
    ALL,
)
_CHART: Final = Keep({"$patch": ALL, "chart": ALL, "version": ALL, "sourceRef": Keep({"kind": ALL})})
_OBJECT: Final = Keep(
    {
        "apiVersion": ALL,
        "kind": ALL,
        "metadata": Keep({"name": ALL, "namespace": ALL}),
        "spec": Keep(
            {
                "$patch": ALL,
                "chart": Keep({"$patch": ALL, "spec": _CHART}),
                "chartRef": Keep({"$patch": ALL, "kind": ALL, "name": ALL, "namespace": ALL}),
                "ref": Keep({"$patch": ALL, "tag": ALL, "semver": ALL, "digest": ALL}),
                "path": ALL,
                "targetNamespace": ALL,
                **_CHANGES,
            }
        ),
        "$patch": ALL,
        "sops": Keep({}),
        "op": ALL,  # of a JSON patch, which is a list
        "path": ALL,
    }
)
_KEEP: Final = Keep({**(_OBJECT.keys or {}), "items": _OBJECT})
_KEEP_KUSTOMIZATION: Final = Keep(
    {**(_KEEP.keys or {}), **_CHANGES, "resources": ALL, "bases": ALL, "namespace": ALL},
)


def _broken(data: bytes, error: YamlError) -> File:
    names, namespaces = (
        tuple(found.decode() for found in pattern.findall(data[:MAX_BYTES])) for pattern in (_NAMES, _NAMESPACES)
    )
    kinds = tuple(kind for kind in _GROUPS if kind.encode() in data)
    return File(problem=str(error), names=names, namespaces=namespaces, kinds=kinds)


def _file(text: str, *, kustomization: bool = False, any_kind: bool = False) -> File:
    resources: list[Resource] = []
    operations: list[str] = []
    flux: list[FluxKustomization] = []
    configuration: Kustomization | None = None
    for document in parse(text, _KEEP_KUSTOMIZATION if kustomization else _KEEP):
        if isinstance(document.root, Sequence):
            operations += _operations(document.root)
        for root in _objects(document.root):
            kind, api_version = _text(root.get("kind")) or "", _text(root.get("apiVersion")) or ""
            group = api_version.partition("/")[0]
            if _GROUPS.get(kind) == group or any_kind:
                resources += _resource(text, document, root, kind, api_version)
            elif kind == "Kustomization" and group == _FLUX_GROUP:
                flux += _flux(root, document)
            elif kustomization and configuration is None:
                configuration = _kustomization(root, _text(root.get("namespace")), document)
    return File(tuple(resources), tuple(operations), configuration, tuple(flux))


def _objects(root: Node) -> tuple[Mapping, ...]:
    """Give the objects of a document: itself, or the items of a list."""
    if not isinstance(root, Mapping):
        return ()
    items = root.get("items")
    if isinstance(items, Sequence) and _text(root.get("kind")) == "List":
        return tuple(item for item in items.items if isinstance(item, Mapping))
    return (root,)


# --- single values -------------------------------------------------------------------------------------------------


def _text(node: Node | None) -> str | None:
    """Give a scalar's text, an alias of one resolved; None for anything else."""
    if isinstance(node, Scalar):
        return None if node.is_null else node.value
    return node.value if isinstance(node, Alias) else None


def _at(node: Node | None, key: str) -> Node | None:
    return node.get(key) if isinstance(node, Mapping) else None


def _texts(node: Node | None) -> tuple[str, ...]:
    if not isinstance(node, Sequence):
        return ()
    return tuple(text for item in node.items if (text := _text(item)) is not None)


# --- HelmRelease and OCIRepository ---------------------------------------------------------------------------------


def _resource(text: str, document: Document, root: Mapping, kind: str, api_version: str) -> Iterator[Resource]:
    metadata = root.get("metadata")
    name = _text(_at(metadata, "name"))
    if name is None:
        return
    fields: dict[str, Field] = {}
    removed: list[str] = []
    _collect(fields, removed, "/spec", root.get("spec"))
    _judge(fields, text, document, root)
    namespace, deleted = _text(_at(metadata, "namespace")), _text(root.get("$patch")) == "delete"
    yield Resource(kind, api_version, name, namespace, root.line, fields, tuple(removed), deleted)


def _collect(fields: dict[str, Field], removed: list[str], pointer: str, node: Node | None) -> None:
    """Note every value below a pointer, and whatever hides what may be below it."""
    if isinstance(node, Scalar):
        if node.is_null or not node.value:  # to Go an empty text is an unset one
            removed.append(pointer)
        else:
            fields[pointer] = Field(node.line, node.value, node if pointer in _PINS else None)
    elif isinstance(node, Mapping) and pointer not in _ALL_LEAVES:
        for key, value in node.entries:
            _collect(fields, removed, f"{pointer}/{key}", value)
        if node.get("$patch") is not None:
            fields[pointer] = Field(node.line, problem="under a $patch directive; write what it amounts to")
        if node.merged:
            fields[pointer] = Field(node.merged, problem="behind a merge key (<<); write its keys out")
    elif isinstance(node, Alias):
        fields[pointer] = Field(node.line, node.value, problem=f"an alias (*{shown(node.name)}); write the value out")
    elif node is not None:
        fields[pointer] = Field(node.line, problem="a template or a structure; write one version")


_ALL_LEAVES: Final = frozenset[str]().union(*LEAVES.values())
_PINS: Final = frozenset(PINS.values())


def _judge(fields: dict[str, Field], text: str, document: Document, root: Mapping) -> None:
    """Say of a pin, where it is given or hidden, why it cannot be edited."""
    hiding = [pointer for pointer, field in fields.items() if field.problem]
    for pin in PINS.values():
        found = fields.get(pin)
        if found is not None and found.scalar is not None:
            fields[pin] = found._replace(problem=_flaw(found.scalar, text, document, root))
        for pointer in hiding:
            if pin.startswith(f"{pointer}/"):
                fields[pin] = fields[pointer]


_STRING_TAGS: Final = frozenset({None, STRING_TAG})
_LINE_END: Final = re.compile(r"[\r\n]|$")


def _flaw(scalar: Scalar, text: str, document: Document, root: Mapping) -> str | None:
    """Say why one scalar cannot be edited, the nearest reason first."""
    flaws = (
        _flaw_of_value(scalar.value),
        _flaw_of_form(scalar),
        _flaw_of_anchor(scalar, document) if scalar.anchor else None,
        _flaw_of_line(text, scalar.end) if "$imagepolicy" in text else None,
        _flaw_of_document(document, root),
    )
    return next(filter(None, flaws), None)


def _flaw_of_value(value: str) -> str | None:
    if "{{" in value or "<<" in value:
        return f"a template ({shown(value)}); change it where the template gets it from"
    if "${" in value or "$(" in value:
        return f"a variable ({shown(value)}), which is substituted; change it where it is set"
    if value.startswith("ENC["):
        return "encrypted by SOPS; keep the version out of what it encrypts"
    return None


def _flaw_of_form(scalar: Scalar) -> str | None:
    if scalar.style in {"|", ">"}:
        return "a block scalar; write it on one line"
    if scalar.last_line != scalar.line:
        return "a scalar of several lines; write it on one line"
    if scalar.tag not in _STRING_TAGS:
        return f"tagged {shown(scalar.tag or '')}; remove the tag"
    return None


def _flaw_of_anchor(scalar: Scalar, document: Document) -> str | None:
    if scalar.anchor not in document.aliased:
        return None
    return f"anchored (&{shown(scalar.anchor or '')}) for aliases to repeat; write it out where they stand"


def _flaw_of_line(text: str, end: int) -> str | None:
    if "$imagepolicy" not in _LINE_END.split(text[end:], maxsplit=1)[0]:
        return None
    return "marked for image automation ($imagepolicy), and two robots would fight over it; remove the marker"


def _flaw_of_document(document: Document, root: Mapping) -> str | None:
    for key, line in document.duplicates:
        return f'in a document where the key "{shown(key)}" stands twice in one mapping (line {line}); remove one'
    around = [node for node in (document.root, root) if isinstance(node, Mapping)]
    for node in around:
        if node.merged:
            return f"in a document with a merge key (<<, line {node.merged}); write its keys out"
    if any(node.get("sops") is not None for node in around):
        return "in a document that SOPS has encrypted, whose checksum an edit would break; keep the version out of it"
    return None


# --- kustomizations ------------------------------------------------------------------------------------------------


def _kustomization(node: Mapping, namespace: str | None, document: Document) -> Kustomization:
    given = dict(node.entries)
    hiding = node.merged or document.aliased or document.duplicates
    return Kustomization(
        resources=_texts(given.get("resources")) + _texts(given.get("bases")),
        components=_texts(given.get("components")),
        patches=tuple(_changes(node, given)) if hiding or not _CHANGING.isdisjoint(given) else (),
        namespace=namespace,
        prefix=_text(given.get("namePrefix")) or "",
        suffix=_text(given.get("nameSuffix")) or "",
        component=_text(given.get("kind")) == "Component",
    )


def _flux(root: Mapping, document: Document) -> Iterator[FluxKustomization]:
    if isinstance(spec := root.get("spec"), Mapping):
        changes = _kustomization(spec, _text(spec.get("targetNamespace")), document)
        yield FluxKustomization(_text(spec.get("path")) or "", changes)


def _changes(node: Mapping, given: Table[str, Node]) -> Iterator[Patch]:
    for key, read in _PATCHES.items():
        if key in given:
            yield from read(given[key])
    yield from _obscure(node, given)


def _obscure(node: Mapping, given: Table[str, Node]) -> Iterator[Patch]:
    """Tell of what is not followed, as a patch that nobody can read: whatever it changes is held."""
    if node.merged:
        yield _unread(node.merged, "it has a merge key (<<)")
    if len(given) < len(node.entries):
        yield _unread(node.line, "a key stands twice in it")
    if "transformers" in given:
        yield _unread(node.line, "it has transformers, which are not followed")
    if any(map(_hides, given.values())):
        yield _unread(node.line, "an alias in it stands for more than a text")
    replacements = given.get("replacements")
    if isinstance(replacements, Sequence) and any(_at(item, "path") is not None for item in replacements.items):
        yield _unread(replacements.line, "it has replacements in a file of their own")


def _unread(line: int, problem: str) -> Patch:
    return Patch(line, inline=File(problem=problem), target=Target())


def _hides(node: Node) -> bool:
    """Whether an alias stands for more than a text somewhere in a node."""
    if isinstance(node, Sequence):
        return any(map(_hides, node.items))
    if isinstance(node, Mapping):
        return any(_hides(value) for _, value in node.entries)
    return isinstance(node, Alias) and node.value is None


def _operations(root: Sequence) -> Iterator[str]:
    for item in root.items:
        if (path := _text(_at(item, "path"))) is not None and _text(_at(item, "op")) not in {None, "test"}:
            yield path


def _patches(node: Node) -> Iterator[Patch]:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Mapping):
            yield _patch(item.line, _text(item.get("path")), _text(item.get("patch")), _target(item.get("target")))
        elif (text := _text(item)) is not None:
            yield _patch(item.line, None, text) if "\n" in text else _patch(item.line, text, None)


def _replacements(node: Node) -> Iterator[Patch]:
    """Take a replacement for the JSON patch that it amounts to: it sets the fields that it names."""
    targets = [_at(item, "targets") for item in node.items] if isinstance(node, Sequence) else []
    for item in (item for one in targets if isinstance(one, Sequence) for item in one.items):
        if isinstance(item, Mapping):
            pointers = tuple("/" + path.replace(".", "/") for path in _texts(item.get("fieldPaths")))
            yield Patch(item.line, inline=File(operations=pointers), target=_target(item.get("select")) or Target())


_PATCHES: Final[Table[str, Callable[[Node], Iterator[Patch]]]] = {
    "patchesStrategicMerge": _patches,
    "patches": _patches,
    "patchesJson6902": _patches,
    "replacements": _replacements,
}
"""What changes objects, in kustomize's order."""
_CHANGING: Final = frozenset({*_PATCHES, "transformers"})


def _patch(line: int, path: str | None, text: str | None, target: Target | None = None) -> Patch:
    return Patch(line, path, None if text is None else _inline(text), target)


def _inline(text: str) -> File:
    """Read the text of an inline patch. Under a target its kind does not count, and is often left wrong."""
    try:
        return _file(text, any_kind=True)
    except YamlError as error:
        return _broken(text.encode(), error)


def _target(node: Node | None) -> Target | None:
    if not isinstance(node, Mapping):
        return None
    group, version, kind, name, namespace = (
        _text(node.get(key)) or "" for key in ("group", "version", "kind", "name", "namespace")
    )
    by_label = bool(_text(node.get("labelSelector")) or _text(node.get("annotationSelector")))
    return Target(group, version, kind, name, namespace, by_label)
