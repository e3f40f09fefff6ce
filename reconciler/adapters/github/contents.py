"""Trees and files of a repository, each read once and checked by its id."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.adapters.github import shapes
from reconciler.adapters.github.wire import decoded
from reconciler.core.model import Entry, EntryKind
from reconciler.ports import Unavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from reconciler.adapters.github.wire import Wire

EXECUTABLE: Final = "100755"
_KINDS: Final = {"100644": EntryKind.FILE, EXECUTABLE: EntryKind.FILE, "120000": EntryKind.SYMLINK}
_FOLDER: Final = "tree"
# What may be a path in a tree, but never one that we read or write: git itself refuses some of these in a checkout.
_ODD: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]|(?:^|/)(?:\.|\.\.|\.git|)(?:/|$)", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BATCH: Final = 100
_BATCH_BYTES: Final = 4 * 1024 * 1024
_KEPT: Final = 32 * 1024 * 1024
"""The most bytes of contents that are remembered: a fleet of ten thousand manifests has half of that."""
_WHOLE: Final = 400_000
"""GraphQL cuts off texts that are longer than about half a megabyte; the blobs API does not."""
_FORMATS: Final = {40: "sha1", 64: "sha256"}


class _Item(msgspec.Struct):
    path: str
    mode: str
    type: str
    sha: str
    size: int = 0


class _Listing(msgspec.Struct):
    tree: list[_Item]
    truncated: bool = False


class _Raw(msgspec.Struct):
    content: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Tree:
    """All files of one commit. ``executables`` are paths."""

    sha: str
    entries: tuple[Entry, ...]
    executables: frozenset[str]


def tree(wire: Wire, sha: str) -> Tree:
    """List every file of a commit: in one request, unless GitHub cuts the list off."""
    items = list(_items(wire, sha, ""))
    return Tree(
        sha,
        tuple(_entry(path, item) for path, item in items),
        frozenset(path for path, item in items if item.mode == EXECUTABLE),
    )


def _items(wire: Wire, sha: str, folder: str) -> Iterator[tuple[str, _Item]]:
    """Walk a tree. A folder that came without what is in it, as git has no empty ones, is asked for by itself."""
    listing = decoded(wire.get(f"/git/trees/{sha}?recursive=1").body.encode(), _Listing)
    if listing.truncated:
        listing = decoded(wire.get(f"/git/trees/{sha}").body.encode(), _Listing)
        if listing.truncated:
            raise Unavailable(f"GitHub lists only a part of the folder {folder or '/'}; the next pass asks again")
    full = {item.path.rpartition("/")[0] for item in listing.tree}
    for item in listing.tree:
        if item.type != _FOLDER:
            yield folder + item.path, item
        elif item.path not in full:
            yield from _items(wire, item.sha, f"{folder}{item.path}/")


def _entry(path: str, item: _Item) -> Entry:
    """One file; what is never to be read is of the third kind, under a name that can be shown."""
    if _ODD.search(path) or "�" in path:
        shown = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", path)
        return Entry(shown, item.sha, 0, EntryKind.OTHER)
    return Entry(path, item.sha, item.size, _KINDS.get(item.mode, EntryKind.OTHER))


def blob_id(content: bytes, like: str) -> str:
    """Name a content as git does, by the format of another id."""
    return hashlib.new(_FORMATS[len(like)], b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


@dataclass(eq=False)
class Files:
    """Contents by id, each read once while it is in the tree: what drifted is asked for in every pass."""

    wire: Wire
    _kept: dict[str, bytes] = field(default_factory=dict, init=False, repr=False)
    _bytes: int = field(default=0, init=False, repr=False)

    def forget_all_but(self, oids: Collection[str]) -> None:
        """Let go of what is no longer there."""
        self._kept = {oid: content for oid, content in self._kept.items() if oid in oids}
        self._bytes = sum(map(len, self._kept.values()))

    def read(self, oids: Collection[str], sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """Read contents, many with a request. ``sizes`` are bytes by id, as far as known."""
        wanted = dict.fromkeys(oids)
        known = {oid: self._kept[oid] for oid in wanted if oid in self._kept}
        yield from known.items()
        for batch in _batches([oid for oid in wanted if oid not in known], sizes):
            for oid, content in self._fetched(batch, sizes):
                self._keep(oid, content)
                yield oid, content

    def _keep(self, oid: str, content: bytes) -> None:
        if self._bytes + len(content) <= _KEPT:
            self._kept[oid] = content
            self._bytes += len(content)

    def _fetched(self, batch: Sequence[str], sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        short = [oid for oid in batch if sizes.get(oid, 0) <= _WHOLE]
        texts = self._texts(short) if short else {}
        for oid in batch:
            content = texts.get(oid, "").encode()
            yield oid, content if blob_id(content, oid) == oid else self._whole(oid)

    def _texts(self, oids: Sequence[str]) -> dict[str, str]:
        owner, _, name = self.wire.repository.partition("/")
        asked = {f"b{number}": oid for number, oid in enumerate(oids)}
        found, _ = self.wire.query(shapes.blobs(len(oids)), shapes.Blobs, owner=owner, name=name, **asked)
        given = {asked[alias]: blob for alias, blob in found.repository.items() if blob is not None}
        return {oid: blob.text for oid, blob in given.items() if blob.text is not None and not blob.is_truncated}

    def _whole(self, oid: str) -> bytes:
        """Read one content as bytes: what is no text, or too long for GraphQL."""
        raw = decoded(self.wire.get(f"/git/blobs/{oid}").body.encode(), _Raw)
        try:
            content = base64.b64decode(raw.content) if raw.encoding == "base64" else raw.content.encode()
        except binascii.Error:
            content = b""
        if blob_id(content, oid) != oid:
            raise Unavailable(f"GitHub gave another content than that of {oid[:10]}; the next pass asks again")
        return content


def _batches(oids: Sequence[str], sizes: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    batch: list[str] = []
    total = 0
    for oid in oids:
        size = sizes.get(oid, 0)
        if batch and (len(batch) == _BATCH or total + size > _BATCH_BYTES):
            yield tuple(batch)
            batch, total = [], 0
        batch.append(oid)
        total += size
    if batch:
        yield tuple(batch)
