"""What a kustomization says, kustomize's own or a Flux Kustomization: what it lists, and what it changes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.manifest.file import File
from reconciler.core.manifest.flaw import shown
from reconciler.core.manifest.resource import text_at, text_of
from reconciler.core.yaml import ALL, TEXT, Alias, Keep, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Mapping as Table

    from reconciler.core.yaml import Document, Node

    Inline = Callable[[str], File]
    """Reads the text of an inline patch."""

FLUX_GROUP: Final = "kustomize.toolkit.fluxcd.io"

CHANGES: Final[Table[str, Keep]] = {
    "components": TEXT,
    "namePrefix": TEXT,
    "nameSuffix": TEXT,
    "patches": ALL,
    "patchesStrategicMerge": ALL,
    "patchesJson6902": ALL,
    "replacements": ALL,
    "transformers": ALL,
}
"""What is wanted of kustomize's configuration wherever it stands."""
FLUX_SPEC: Final[Table[str, Keep]] = {
    **CHANGES,
    "path": TEXT,
    "targetNamespace": TEXT,
    "sourceRef": Keep({"kind": TEXT, "namespace": TEXT, "name": TEXT}),
}
"""What is wanted of the spec of a Flux Kustomization."""
_SETTING: Final = ("images", "replicas", "vars")
"""What may set any field once ``configurations`` say which."""
WANTED: Final[Table[str, Keep]] = {
    **CHANGES,
    **dict.fromkeys(("resources", "bases", "namespace", "configurations", *_SETTING), TEXT),
}


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
    """One patch of a kustomization: the path of a file, or what the text inside it says.

    ``obscure`` says instead what the kustomization has that is not followed and may change anything.
    """

    line: int
    path: str | None = None
    inline: File | None = None
    target: Target | None = None
    obscure: str | None = None
    late: bool = False
    """It comes after the names are changed: its target may be called either way."""


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
class Source:
    """Where a Flux Kustomization takes its folder from. ``namespace`` is '' where no file gives it."""

    kind: str
    namespace: str
    name: str

    @property
    def usual(self) -> bool:
        """Whether it is called as ``flux bootstrap`` calls the repository that it is run for."""
        return self.kind == "GitRepository" and self.name == "flux-system" and self.namespace in {"", "flux-system"}


@dataclass(frozen=True, slots=True)
class FluxKustomization:
    """A Flux Kustomization: the folder that it applies, and what it changes there."""

    path: str
    changes: Kustomization
    name: str = ""
    source: Source | None = None
    pointers: tuple[str, ...] = ()
    """The fields of its spec that are followed and that it has: as a patch it changes them."""


def read_kustomization(node: Mapping, namespace: str, document: Document, inline: Inline) -> Kustomization:
    """Read kustomize's configuration, which a Flux Kustomization has in its spec."""
    given = node.entries
    hiding = node.merged or document.aliased or document.duplicates
    return Kustomization(
        resources=_texts(given.get("resources")) + _texts(given.get("bases")),
        components=_texts(given.get("components")),
        patches=tuple(_patches(node, document, inline)) if hiding or not _CHANGING.isdisjoint(given) else (),
        namespace=namespace or None,
        prefix=text_at(node, "namePrefix"),
        suffix=text_at(node, "nameSuffix"),
        component=text_at(node, "kind") == "Component",
    )


def read_flux(root: Mapping, document: Document, inline: Inline) -> Iterator[FluxKustomization]:
    """Read a Flux Kustomization, if it has a spec."""
    if isinstance(spec := root.get("spec"), Mapping):
        changes = read_kustomization(spec, text_at(spec, "targetNamespace"), document, inline)
        metadata = root.get("metadata")
        source = _source(spec.get("sourceRef"), text_at(metadata, "namespace"))
        pointers = tuple(f"/spec/{key}" for key in spec.entries if key in FLUX_SPEC)
        yield FluxKustomization(text_at(spec, "path"), changes, text_at(metadata, "name"), source, pointers)


def _source(node: Node | None, namespace: str) -> Source | None:
    name = text_at(node, "name")
    return Source(text_at(node, "kind"), text_at(node, "namespace") or namespace, name) if name else None


def _texts(node: Node | None) -> tuple[str, ...]:
    return tuple(filter(None, map(text_of, node.items))) if isinstance(node, Sequence) else ()


def _at(node: Node | None, key: str) -> Node | None:
    return node.get(key) if isinstance(node, Mapping) else None


# --- patches -------------------------------------------------------------------------------------------------------


def _patches(node: Mapping, document: Document, inline: Inline) -> Iterator[Patch]:
    """Give what changes objects, in kustomize's order."""
    for key in _LISTED:
        yield from _listed(node.get(key), inline, late=key == "patchesJson6902")
    yield from _replacements(node.get("replacements"))
    yield from _obscure(node, document)


_LISTED: Final = ("patchesStrategicMerge", "patches", "patchesJson6902")
_CHANGING: Final = frozenset({*_LISTED, "replacements", "transformers", "configurations"})


def _listed(node: Node | None, inline: Inline, *, late: bool) -> Iterator[Patch]:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Mapping):
            path, text = text_at(item, "path"), text_at(item, "patch")
            target = _target(item.get("target"))
            yield Patch(item.line, path or None, inline(text) if text else None, target, late=late)
            if any(text_at(item.get("options"), option) == "true" for option in ("allowNameChange", "allowKindChange")):
                what = "a patch that may change its name or kind (options); write the object as it is to be"
                yield Patch(item.line, target=target or Target(), obscure=what)
        elif isinstance(item, Scalar | Alias) and (text := text_of(item)):
            yield Patch(item.line, inline=inline(text)) if "\n" in text else Patch(item.line, text)


def _replacements(node: Node | None) -> Iterator[Patch]:
    """Take a replacement for the JSON patch that it amounts to: it sets the fields that it names."""
    targets = [_at(item, "targets") for item in node.items] if isinstance(node, Sequence) else []
    for item in (item for one in targets if isinstance(one, Sequence) for item in one.items):
        if isinstance(item, Mapping):
            pointers = tuple(map(_pointer, _texts(item.get("fieldPaths")))) or ("/metadata/name",)
            target = _target(item.get("select")) or Target()
            yield Patch(item.line, inline=File(operations=pointers), target=target, late=True)


def _pointer(path: str) -> str:
    """Give a field path as a JSON pointer, up to where it chooses among several or escapes anything."""
    plain = path[: match.start()] if (match := _CHOICE.search(path)) else path
    return "".join(f"/{part}" for part in plain.split(".") if part)


_CHOICE: Final = re.compile(r"[^.]*[\[*\\]")
"""The first part of a field path that is no plain name."""


def _target(node: Node | None) -> Target | None:
    if not isinstance(node, Mapping):
        return None
    group, version, kind, name, namespace = (
        text_at(node, key) for key in ("group", "version", "kind", "name", "namespace")
    )
    by_label = bool(text_at(node, "labelSelector") or text_at(node, "annotationSelector"))
    return Target(group, version, kind, name, namespace, by_label)


# --- what is not followed ------------------------------------------------------------------------------------------


def _obscure(node: Mapping, document: Document) -> Iterator[Patch]:
    """Tell of what is not followed, as a patch that may change anything."""
    if node.merged:
        yield _unfollowed(node.merged, "what stands behind a merge key (<<); write its keys out")
    for key, line in document.duplicates:
        if key in WANTED:
            yield _unfollowed(line, f'what it has under the key "{key}", which stands twice; remove one')
    transformers, replacements = node.get("transformers"), node.get("replacements")
    if isinstance(transformers, Scalar | Alias | Sequence | Mapping):
        yield _unfollowed(transformers.line, "transformers, which are not followed; write what they change as patches")
    if "configurations" in node.entries and any(key in node.entries for key in (*_SETTING, "namePrefix", "nameSuffix")):
        what = "images, replicas, vars or a prefix, whose fields its configurations choose; write patches instead"
        yield _unfollowed(node.line, what)
    for alias in _structural(node):
        yield _unfollowed(alias.line, f"what the alias *{shown(alias.name)} stands for in it; write that out")
    if isinstance(replacements, Sequence) and any(_at(item, "path") is not None for item in replacements.items):
        yield _unfollowed(replacements.line, "replacements in a file of their own; write them in the kustomization")


def _unfollowed(line: int, what: str) -> Patch:
    return Patch(line, target=Target(), obscure=what)


def _structural(node: Node) -> Iterator[Alias]:
    """Give the aliases in a node that stand for more than a text."""
    if isinstance(node, Alias) and node.value is None:
        yield node
    elif isinstance(node, Sequence | Mapping):
        for item in node.items if isinstance(node, Sequence) else node.entries.values():
            yield from _structural(item)
