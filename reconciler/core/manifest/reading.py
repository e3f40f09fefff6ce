"""Reading one file: the HelmReleases, OCIRepositories and kustomizations in it.

A file's meaning here depends on its text and name alone, never on its neighbours, so it is remembered by content.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from reconciler.core.manifest.file import NOTHING, File
from reconciler.core.manifest.kustomization import (
    FLUX_GROUP,
    FLUX_SPEC,
    WANTED,
    Kustomization,
    read_flux,
    read_kustomization,
)
from reconciler.core.manifest.resource import GROUPS, LOCAL, SPEC, read_resource, text_at
from reconciler.core.yaml import MAX_BYTES, TEXT, UTF_16_MARKS, Alias, Keep, Mapping, Sequence, YamlError, decode, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.core.manifest.kustomization import FluxKustomization
    from reconciler.core.manifest.resource import Resource
    from reconciler.core.yaml import Node

_KEYS: Final[dict[str, Keep]] = {
    "apiVersion": TEXT,
    "kind": TEXT,
    "metadata": Keep({"name": TEXT, "namespace": TEXT, "annotations": Keep({LOCAL: TEXT})}),
    "spec": Keep({**SPEC, **FLUX_SPEC}),
    "$patch": TEXT,
    "sops": Keep({}),
    "op": TEXT,  # of a JSON patch, which is a list
    "path": TEXT,
    "from": TEXT,
}
_MANIFEST: Final = Keep(_KEYS)
_KEYS["items"] = _MANIFEST
_CONFIGURATION: Final = Keep({**_KEYS, **WANTED})


def read(data: bytes, *, kustomization: bool, targeted: bool = False) -> File:
    """Read one file. A file that cannot be read says so, and sinks nothing but itself.

    Args:
        data: its bytes.
        kustomization: its name makes it the configuration of its folder.
        targeted: it is read as a patch under a target, where a patch's own kind does not count.
    """
    if not (kustomization or targeted or _mentions(data)):
        return NOTHING
    try:
        text = decode(data)
        file = _read(text, _CONFIGURATION if kustomization else _MANIFEST, any_kind=targeted)
        if kustomization:
            _check_case(text)
    except YamlError as error:
        return _broken(data, error, kustomization=kustomization)
    if file == NOTHING:
        return _VAIN if kustomization else NOTHING
    return file


def _check_case(text: str) -> None:
    """Refuse a kustomization with a key in other letters, which kustomize takes for the one that it knows.

    Raises:
        YamlError: there is one.
    """
    checks = ((_TOP_KEY, _KNOWN), (_PATCH_KEY, _OF_PATCHES)) if "patches" in text else ((_TOP_KEY, _KNOWN),)
    for expression, known in checks:
        for match in expression.finditer(text):
            key = match[1]
            if key not in known.values() and (meant := known.get(key.lower())):
                what = f'the key "{key}", which kustomize takes for {meant}; write it so'
                raise YamlError(what, text.count("\n", 0, match.start(1)) + 1)


_TOP_KEY: Final = re.compile(r"""^["']?([A-Za-z0-9]+)["']?[ \t]*:""", re.MULTILINE)
_PATCH_KEY: Final = re.compile(
    r"""(?:^[ \t]*(?:-[ \t]+)?|[{,][ \t]*)["']?(?!(?:path|patch|target|options)\b)"""
    r"""((?i:path|patch|target|options))["']?[ \t]*:""",
    re.MULTILINE,
)
_KNOWN: Final = {key.lower(): key for key in (*WANTED, "kind", "apiVersion")}
_OF_PATCHES: Final = {key: key for key in ("path", "patch", "target", "options")}
_VAIN: Final = File(problem="it holds no kustomization", kustomization=Kustomization())

# --- whether a file is worth parsing -------------------------------------------------------------------------------

_WORDS: Final = (b"HelmRelease", b"OCIRepository", FLUX_GROUP.encode(), b"/spec")
_ESCAPE: Final = re.compile(rb"\\(?:(?:x|u00|U000000)([0-7][0-9A-Fa-f])|/|\r?\n[ \t]*)")
"""How a quoted text may spell what could stand there as it is: a letter, a slash, nothing."""


def _mentions(data: bytes) -> bool:
    """Tell whether a file may say anything that is followed. This is all that most files of a tree cost."""
    if _names_any(data):
        return True
    if data.startswith(UTF_16_MARKS):
        return _names_any(_as_utf_8(data))
    return _ESCAPE.search(data) is not None and _names_any(_ESCAPE.sub(_meant, data))


def _names_any(data: bytes) -> bool:
    for word in _WORDS:  # noqa: SIM110 - any() costs more than the search, and this is asked of every file
        if word in data:
            return True
    return False


def _meant(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode()) if escape[1] else b"/" if escape[0] == b"\\/" else b""


def _as_utf_8(data: bytes) -> bytes:
    return data.decode("utf-16", errors="ignore").encode()


# --- what it says --------------------------------------------------------------------------------------------------


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
            if any_kind or GROUPS.get(kind) == group:
                if one := read_resource(text, document, root, kind, api_version):
                    resources.append(one)
            elif kind == "Kustomization" and group == FLUX_GROUP:
                flux += read_flux(root, document, _inline)
            elif wanted is _CONFIGURATION:
                configuration = configuration or read_kustomization(root, text_at(root, "namespace"), document, _inline)
            elif root.merged and not kind:
                raise YamlError("a merge key (<<) gives an object its kind; write its keys out", root.merged)
    return File(tuple(resources), tuple(dict.fromkeys(operations)), configuration, tuple(flux))


def _objects(root: Node) -> Iterable[Mapping]:
    """Give the objects of a document: itself, or the items of a list, which may be lists again.

    To kustomize a list is whatever has items and a kind that ends so (``inlineAnyEmbeddedLists`` in its ``api``).
    """
    if not isinstance(root, Mapping):
        return ()
    kind = text_at(root, "kind")
    return _items(root, kind) if kind.endswith("List") else (root,)


def _items(root: Mapping, kind: str) -> Iterator[Mapping]:
    items = root.entries.get("items")
    if isinstance(items, Alias) or (items is None and root.merged):
        line = items.line if isinstance(items, Alias) else root.merged
        raise YamlError(f"the items of a {kind} behind an alias or a merge key (<<); write them out", line)
    typed = kind.removesuffix("List") in GROUPS
    for item in items.items if isinstance(items, Sequence) else ():
        if isinstance(item, Alias):
            raise YamlError(f"an item of a {kind} behind an alias; write it out", item.line)
        if typed and isinstance(item, Mapping) and not (item.merged or text_at(item, "kind")):
            raise YamlError(f"an item of a {kind} without a kind, which kustomize refuses; give it one", item.line)
        yield from _objects(item)


def _operations(root: Sequence) -> Iterator[str]:
    """Give the pointers that a JSON patch changes; the whole object's, where that cannot be told."""
    for item in root.items:
        if isinstance(item, Alias) or (isinstance(item, Mapping) and item.merged):
            yield ""
        elif isinstance(item, Mapping) and (operation := text_at(item, "op")) not in {"", "test"}:
            yield from (_plain(text_at(item, key)) for key in ("path", "from")[: 2 if operation == "move" else 1])


def _plain(pointer: str) -> str:
    """Give a JSON pointer as it is meant: what stands before its first slash does not count."""
    _, slash, below = pointer.partition("/")
    return slash + below


# --- files that cannot be read -------------------------------------------------------------------------------------

# Nothing in these repeats what may begin another match: a file of 1 MiB that is made to be slow takes no longer.
_ANCHOR: Final = rb"""(?:&[^\s:,{}\[\]]+[ ]+)?"""
_NAMES: Final = re.compile(
    rb"""(?:^|[{,])[ \t]*["']?name["']?:[ \t]*"""
    + _ANCHOR
    + rb"""["']?([a-z0-9][a-z0-9.-]*)["']?(?=[ ]*(?:[,}#\r\n]|$))""",
    re.MULTILINE,
)
_NAMESPACES: Final = re.compile(rb"""\bnamespace["']?:[ \t]*""" + _ANCHOR + rb"""["']?([a-z0-9][a-z0-9-]*)""")
_WITHIN: Final = (b" ", b"\t", b"#", b"\r")


def _metadata(plain: bytes) -> bytes:
    """Give the lines of a file that belong to the metadata of an object, as far as indents tell."""
    lines: list[bytes] = []
    inside = False
    for line in plain.split(b"\n"):
        inside = line.startswith(b"metadata:") or (inside and (not line or line.startswith(_WITHIN)))
        if inside:
            lines.append(line)
    return b"\n".join(lines)


_PATHS: Final = re.compile(rb"""(?:^[ \t]*-|[\[,]|\bpath["']?:)[ \t]*["']?([^\s"',:{}\[\]#]+)""", re.MULTILINE)
_MOST_PATHS: Final = 10_000


def _broken(data: bytes, error: YamlError, *, kustomization: bool = False) -> File:
    """Tell of a file that cannot be read what can be told all the same; of a kustomization what it may list."""
    plain = (_as_utf_8(data) if data.startswith(UTF_16_MARKS) else data)[:MAX_BYTES]
    names = tuple(found.decode() for found in _NAMES.findall(plain))
    namespaces = tuple(found.decode() for found in _NAMESPACES.findall(_metadata(plain)))
    kinds = tuple(kind for kind in GROUPS if kind.encode() in plain)
    configuration = None
    if kustomization:
        paths = islice(_PATHS.finditer(plain), _MOST_PATHS)
        configuration = Kustomization(tuple(dict.fromkeys(path[1].decode(errors="replace") for path in paths)))
    return File(problem=str(error), kustomization=configuration, names=names, namespaces=namespaces, kinds=kinds)
