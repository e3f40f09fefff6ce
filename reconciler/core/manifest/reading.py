"""Reading one file: the HelmReleases, OCIRepositories and kustomizations in it.

A file's meaning here depends on its text and name alone, never on its neighbours, so it is remembered by content.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reconciler.core.manifest.file import NOTHING, File
from reconciler.core.manifest.kustomization import CHANGES, FLUX_GROUP, WANTED, flux_kustomization, kustomization
from reconciler.core.manifest.resource import GROUPS, SPEC, resource, text_at
from reconciler.core.yaml import MAX_BYTES, TEXT, Keep, Mapping, Sequence, YamlError, decode, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.manifest.kustomization import FluxKustomization, Kustomization
    from reconciler.core.manifest.resource import Resource
    from reconciler.core.yaml import Node

_MENTIONED: Final = re.compile(rb"HelmRelease|OCIRepository|kustomize\.toolkit\.fluxcd\.io|/spec")
_OBJECT: Final = Keep(
    {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": Keep({"name": TEXT, "namespace": TEXT}),
        "spec": Keep({**SPEC, **CHANGES, "path": TEXT, "targetNamespace": TEXT}),
        "$patch": TEXT,
        "sops": Keep({}),
        "op": TEXT,  # of a JSON patch, which is a list
        "path": TEXT,
    }
)
_MANIFEST: Final = Keep({**(_OBJECT.keys or {}), "items": _OBJECT})
_CONFIGURATION: Final = Keep({**(_MANIFEST.keys or {}), **WANTED})


def read(data: bytes, *, kustomization: bool) -> File:
    """Read one file. A file that cannot be read says so, and sinks nothing but itself."""
    if not kustomization and not _MENTIONED.search(data):
        return NOTHING
    try:
        return _read(decode(data), _CONFIGURATION if kustomization else _MANIFEST)
    except YamlError as error:
        return _broken(data, error)


def _inline(text: str) -> File:
    """Read the text of an inline patch. Under a target its kind does not count, and is often left wrong."""
    try:
        return _read(text, _MANIFEST, any_kind=True)
    except YamlError as error:
        return _broken(text.encode(), error)


def _read(text: str, wanted: Keep, *, any_kind: bool = False) -> File:
    resources: list[Resource] = []
    operations: list[str] = []
    flux: list[FluxKustomization] = []
    configuration: Kustomization | None = None
    for document in parse(text, wanted):
        if isinstance(document.root, Sequence):
            operations += _operations(document.root)
        for root in _objects(document.root):
            kind, api_version = text_at(root, "kind"), text_at(root, "apiVersion")
            group = api_version.partition("/")[0]
            if GROUPS.get(kind) == group or any_kind:
                one = resource(text, document, root, kind, api_version)
                resources += (one,) if one else ()
            elif kind == "Kustomization" and group == FLUX_GROUP:
                flux += flux_kustomization(root, document, _inline)
            elif wanted is _CONFIGURATION and configuration is None:
                configuration = kustomization(root, text_at(root, "namespace"), document, _inline)
    return File(tuple(resources), tuple(operations), configuration, tuple(flux))


def _objects(root: Node) -> tuple[Mapping, ...]:
    """Give the objects of a document: itself, or the items of a list."""
    if not isinstance(root, Mapping):
        return ()
    items = root.entries.get("items")
    if isinstance(items, Sequence) and text_at(root, "kind") == "List":
        return tuple(item for item in items.items if isinstance(item, Mapping))
    return (root,)


def _operations(root: Sequence) -> Iterator[str]:
    for item in root.items:
        if (path := text_at(item, "path")) and text_at(item, "op") not in {"", "test"}:
            yield path


# --- files that cannot be read -------------------------------------------------------------------------------------

_NAMES: Final = re.compile(
    rb"""(?:^|[{,])[ \t]*["']?name["']?:[ \t]*(?:&\S+[ ]+)?["']?([a-z0-9][a-z0-9.-]*)["']?(?=[ ]*(?:[,}#\r\n]|$))""",
    re.MULTILINE,
)
_NAMESPACES: Final = re.compile(
    rb"""^metadata:(?:[^\n]*\n(?:[ \t]+[^\n]*\n)*?)?[^\n]*?\bnamespace["']?:[ \t]*(?:&\S+[ ]+)?"""
    rb"""["']?([a-z0-9][a-z0-9-]*)""",
    re.MULTILINE,
)


def _broken(data: bytes, error: YamlError) -> File:
    names, namespaces = (
        tuple(found.decode() for found in pattern.findall(data[:MAX_BYTES])) for pattern in (_NAMES, _NAMESPACES)
    )
    kinds = tuple(kind for kind in GROUPS if kind.encode() in data)
    return File(problem=str(error), names=names, namespaces=namespaces, kinds=kinds)
