"""What one document says of a HelmRelease or an OCIRepository: its names, and where its version stands."""

from __future__ import annotations

from sys import intern
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.manifest.flaw import MERGED, SHAPE, alias_flaw, flaw
from reconciler.core.yaml import ALL, TEXT, Alias, Keep, Mapping, Scalar, YamlError

if TYPE_CHECKING:
    from collections.abc import Mapping as Table

    from reconciler.core.yaml import Document, Node

HELM_RELEASE: Final = "HelmRelease"
OCI_REPOSITORY: Final = "OCIRepository"
LOCAL: Final = "config.kubernetes.io/local-config"
GROUPS: Final = {HELM_RELEASE: "helm.toolkit.fluxcd.io", OCI_REPOSITORY: "source.toolkit.fluxcd.io"}

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
_ALL_PINS: Final = tuple(PINS.values())

_CHART_SPEC: Final = Keep({"$patch": ALL, "chart": TEXT, "version": ALL, "sourceRef": Keep({"kind": TEXT})})
SPEC: Final = {
    "$patch": ALL,
    "chart": Keep({"$patch": ALL, "spec": _CHART_SPEC}),
    "chartRef": Keep({"$patch": ALL, "kind": TEXT, "name": TEXT, "namespace": TEXT}),
    "ref": Keep({"$patch": ALL, "tag": ALL, "semver": TEXT, "digest": TEXT}),
}
"""What is wanted of a spec: of the versions their places too."""


class Field(NamedTuple):
    """A value as one document gives it. ``problem`` says why it cannot be edited; a pin without one has a scalar."""

    line: int
    text: str | None = None
    scalar: Scalar | None = None
    problem: str | None = None


# What a file has many of, and every file has one of, are named tuples: a frozen dataclass takes four times as long.


class Resource(NamedTuple):
    """One HelmRelease or OCIRepository document: whole, or a patch that gives only some of it.

    ``values`` are by JSON pointer: a text where no more than that is wanted, else a field. ``removed`` are the pointers
    at which a null stands: in a patch it takes away whatever is there and below.
    """

    kind: str
    api_version: str
    name: str
    namespace: str | None
    line: int
    values: Table[str, str | Field]
    removed: tuple[str, ...] = ()
    deleted: bool = False
    """``$patch: delete``."""
    local: bool = False
    """It is only there for kustomize itself, which drops it."""

    def field(self, pointer: str) -> Field | None:
        """Give a value with its place, as far as that was wanted."""
        value = self.values.get(pointer)
        return Field(self.line, value) if isinstance(value, str) else value

    @property
    def version(self) -> Field | None:
        """A HelmRelease's version, where this document gives it."""
        return self.field(VERSION)

    @property
    def tag(self) -> Field | None:
        """An OCIRepository's tag, where this document gives it."""
        return self.field(TAG)


def text_of(node: Node | None) -> str:
    """Give the text of a node: that of an alias resolved, '' where there is none."""
    if isinstance(node, str):
        return node
    if isinstance(node, Scalar):
        return "" if node.is_null else node.value
    return (node.value or "") if isinstance(node, Alias) else ""


def text_at(node: Node | None, key: str) -> str:
    """Give the text of an entry of a mapping, '' where there is none."""
    found = node.entries.get(key) if isinstance(node, Mapping) else None
    return found if isinstance(found, str) else text_of(found)


def read_resource(text: str, document: Document, root: Mapping, kind: str, api_version: str) -> Resource | None:
    """Read one object of a document, None where it has no name.

    Raises:
        YamlError: its name or namespace stands where it cannot be read.
    """
    metadata = root.entries.get("metadata")
    name, namespace = text_at(metadata, "name"), text_at(metadata, "namespace")
    if not (name and namespace):
        _check_names(root, metadata)
    if not name:
        return None
    found = _Found({}, [], [])
    found.take("/spec", root.entries.get("spec"))
    for pin in _ALL_PINS:
        given = found.values.get(pin)
        if (
            isinstance(given, Field)
            and given.scalar is not None
            and (problem := flaw(given.scalar, text, document, root))
        ):
            found.values[pin] = given._replace(problem=problem)
        for pointer in found.hiding:
            if pin.startswith(f"{pointer}/"):
                found.values[pin] = found.values[pointer]
    deleted = text_at(root, "$patch") == "delete"
    kind, api_version = intern(kind), intern(api_version)
    local = text_at(_annotations(metadata), LOCAL) not in {"", "false"}
    removed = tuple(found.removed)
    return Resource(kind, api_version, name, namespace or None, root.line, found.values, removed, deleted, local)


def _annotations(metadata: Node | None) -> Node | None:
    return metadata.entries.get("annotations") if isinstance(metadata, Mapping) else None


def _check_names(root: Mapping, metadata: Node | None) -> None:
    """Refuse metadata that may give a name or a namespace which are not read."""
    if isinstance(metadata, Alias):
        raise YamlError("the metadata of an object behind an alias; write it out", metadata.line)
    holder = root if metadata is None else metadata
    if isinstance(holder, Mapping) and holder.merged:
        raise YamlError("the metadata of an object behind a merge key (<<); write it out", holder.merged)


class _Found(NamedTuple):
    """What stands in a spec: values, the pointers of nulls, and the pointers of what may hide more."""

    values: dict[str, str | Field]
    removed: list[str]
    hiding: list[str]

    def take(self, pointer: str, node: Node | None) -> None:
        """Note every value below a pointer, and whatever hides what may be below it."""
        if isinstance(node, str):
            self._take_text(pointer, node)
        elif isinstance(node, Scalar):
            if node.is_null or not node.value:  # to Go an empty text is an unset one
                self.removed.append(pointer)
            else:
                self.values[pointer] = Field(node.line, node.value, node if pointer in _ALL_PINS else None)
        elif isinstance(node, Mapping) and pointer not in _ALL_LEAVES:
            self._take_entries(pointer, node)
        elif node is not None:
            text, problem = (node.value, alias_flaw(node)) if isinstance(node, Alias) else (None, SHAPE)
            self._hide(pointer, Field(node.line, text, problem=problem))

    def _take_text(self, pointer: str, text: str) -> None:
        if text:
            self.values[pointer] = intern(text)
        else:
            self.removed.append(pointer)

    def _take_entries(self, pointer: str, node: Mapping) -> None:
        for key, value in node.entries.items():
            below = f"{pointer}/{key}"
            self.take(_SHARED.get(below, below), value)
        if node.merged:
            self._hide(pointer, Field(node.merged, problem=MERGED))
        elif "$patch" in node.entries:
            self._hide(pointer, Field(node.line, problem="under a $patch directive; write what it amounts to"))

    def _hide(self, pointer: str, field: Field) -> None:
        self.values[pointer] = field
        self.hiding.append(pointer)


_ALL_LEAVES: Final = frozenset[str]().union(*LEAVES.values())
_SHARED: Final = {pointer: pointer for pointer in _ALL_LEAVES}
"""Of each pointer one text, which all resources share: they keep it, and many small things are slow to walk over."""
