"""Reading a text: as documents, or as a stream of objects, with only the wanted nodes kept."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final, Protocol

from reconciler.core.yaml.events import (
    ALIAS,
    DOCUMENT,
    MAPPING,
    MAPPING_END,
    SCALAR,
    SEQUENCE,
    SEQUENCE_END,
    STREAM_END,
    CParser,
    YAMLError,
    own_error,
)
from reconciler.core.yaml.node import ALL, NULLS, TEXT, Alias, Document, Mapping, Scalar, Sequence, YamlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.core.yaml.events import Event
    from reconciler.core.yaml.node import Keep, Node

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 100
MAX_STRUCTURE: Final = 250_000
"""How many characters that make structure a text may have, about one for each event: a mebibyte of dense manifests has
fewer, and more would take longer to read than a file is worth."""
MAX_TAGS: Final = 100
"""How many ``%TAG`` directives: libyaml compares each with every other, and no manifest has one."""
MAX_EXPANSION: Final = 10 << 20
"""How many characters a file's aliases may stand for: far more than any manifest, far less than a bomb."""

UTF_16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How a text begins that YAML would read as UTF-16: https://yaml.org/spec/1.2.2/#52-character-encodings."""


class Source(Protocol):
    """A stream of bytes or text."""

    def read(self, size: int, /) -> bytes | str:
        """Read at most so many bytes."""


def decode(data: bytes) -> str:
    """Read a file's bytes as text, a byte order mark included.

    Raises:
        YamlError: it is not UTF-8, or holds a NUL byte.
    """
    if data.startswith(UTF_16_MARKS):
        raise YamlError("this is UTF-16; save it as UTF-8", 1)
    if (at := data.find(b"\0")) >= 0:
        raise YamlError("a NUL byte: this is no text", data.count(b"\n", 0, at) + 1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise YamlError("this is not UTF-8", data.count(b"\n", 0, error.start) + 1) from error


def parse(text: str, keep: Keep = ALL) -> tuple[Document, ...]:
    """Read every document of a text, keeping only the wanted nodes.

    Raises:
        YamlError: it is no YAML, nests deeper than 100, or holds more structure, or aliases that stand for more, than
            anyone should read.
    """
    bare = text.removeprefix("\ufeff")
    if len(bare) > MAX_STRUCTURE or "%TAG" in bare:
        _check_density(bare)
    try:
        return _Reader(bare, shift=len(text) - len(bare)).documents(keep)
    except YAMLError as error:
        raise own_error(error) from error


def stream_items(source: Source, keep: Keep) -> Iterator[Node]:
    """Read documents one by one, and the ``items`` of a list one by one.

    Only the item at hand is held, so a list of any length needs the room of its largest item. What else the list has
    is yielded last, as a mapping. ``keep`` is what is wanted of an item.

    Raises:
        YamlError: it is no YAML, nests deeper than 100, or its aliases stand for more than anyone should expand.
    """
    try:
        yield from _Reader(source).items(keep)
    except YAMLError as error:
        raise own_error(error) from error


def _check_density(text: str) -> None:
    """Refuse a text that takes longer to read than any manifest."""
    if sum(map(text.count, "\n,,:-[{?")) > MAX_STRUCTURE or text.count("%TAG") > MAX_TAGS:
        raise YamlError("it has more structure than any manifest")


class _Reader:
    """Walks the events of one text. Only what is kept becomes a node; the rest is walked past.

    What is walked past still counts: its keys may stand twice, its anchors be repeated, its nesting be too deep. Most
    of a manifest is values, so most of what reading costs beyond the parser is spent there.
    """

    __slots__ = ("_aliased", "_anchors", "_duplicates", "_expansion", "_next", "_shift")

    def __init__(self, source: str | Source, shift: int = 0) -> None:
        self._next: Callable[[], Event] = CParser(source).get_event
        self._shift = shift

    def _forget(self) -> None:
        """Begin a document: anchors and keys are its own."""
        self._anchors: dict[str, tuple[str | None, int]] = {}
        self._aliased: set[str] = set()
        self._duplicates: list[tuple[str, int]] = []
        self._expansion = 0

    def documents(self, keep: Keep) -> tuple[Document, ...]:
        """Read every document."""
        documents: list[Document] = []
        while type(event := self._next()) is not STREAM_END:
            if type(event) is DOCUMENT:
                self._forget()
                root = self._node(self._next(), keep, 0)
                documents.append(Document(root, frozenset(self._aliased), tuple(self._duplicates)))
        return tuple(documents)

    def items(self, keep: Keep) -> Iterator[Node]:
        """Read every document, but the items of a list one by one."""
        while type(event := self._next()) is not STREAM_END:
            if type(event) is DOCUMENT:
                self._forget()
                root = self._next()
                yield from self._list(root, keep) if type(root) is MAPPING else (self._node(root, keep, 0),)

    def _list(self, start: Event, keep: Keep) -> Iterator[Node]:
        entries: dict[str, Node] = {}
        wanted = {**(keep.keys or {}), "kind": ALL, "apiVersion": ALL}
        while type(key := self._next()) is not MAPPING_END:
            self._skip(key, 1)
            name = key.value if type(key) is SCALAR else ""
            value = self._next()
            if name == "items" and type(value) is SEQUENCE:
                while type(item := self._next()) is not SEQUENCE_END:
                    yield self._node(item, keep, 2)
            elif name in wanted:
                entries[name] = self._node(value, wanted[name], 1)
            else:
                self._skip(value, 1)
        yield Mapping(entries, start.start_mark.line + 1)

    def _node(self, event: Event, keep: Keep, depth: int) -> Node:
        kind = type(event)
        if kind is SCALAR:
            return self._text(event) if keep is TEXT else self._scalar(event)
        if kind is MAPPING:
            return self._mapping(event, keep, depth)
        if kind is SEQUENCE:
            return self._sequence(event, keep, depth)
        alias = self._alias(event)
        return alias if alias.value is None or keep is not TEXT else alias.value

    def _text(self, event: Event) -> str:
        if event.anchor is not None:
            self._scalar(event)
        text = event.value
        return "" if text in NULLS and not event.style else text

    def _scalar(self, event: Event) -> Scalar:
        start, end, anchor, value = event.start_mark, event.end_mark, event.anchor, event.value
        begin, stop = start.index + self._shift, end.index + self._shift
        if anchor is not None:
            self._anchors[anchor] = (value, stop - begin)
        return Scalar(value, begin, stop, start.line + 1, end.line + 1, event.style or "", anchor, event.tag)

    def _alias(self, event: Event) -> Alias:
        name, line = event.anchor or "", event.start_mark.line + 1
        value, size = self._anchors.get(name, (None, 0))
        self._aliased.add(name)
        self._expansion += size
        if self._expansion > MAX_EXPANSION:
            raise YamlError("its aliases stand for far more text than the file has", line)
        return Alias(name, line, value)

    def _sequence(self, start: Event, keep: Keep, depth: int) -> Sequence:
        before = self._expansion
        if depth == MAX_DEPTH:
            raise _too_deep(start)
        items: list[Node] = []
        following = self._next
        while type(item := following()) is not SEQUENCE_END:
            items.append(self._node(item, keep, depth + 1))
        if start.anchor is not None:
            self._anchored(start, item, before)
        return Sequence(tuple(items), start.start_mark.line + 1)

    def _mapping(self, start: Event, keep: Keep, depth: int) -> Mapping:
        following, wanted = self._next, keep.keys
        before = self._expansion
        if depth == MAX_DEPTH:
            raise _too_deep(start)
        entries: dict[str, Node] = {}
        seen: set[str] = set()
        merged = 0
        while type(key := following()) is not MAPPING_END:
            if type(key) is not SCALAR:
                self._skip(key, depth + 1)
                self._skip(following(), depth + 1)
                continue
            name = key.value
            if name in seen:
                self._duplicates.append((name, key.start_mark.line + 1))
            seen.add(name)
            if name == "<<" and not key.style:
                merged = key.start_mark.line + 1
            wish = ALL if wanted is None else wanted.get(name)
            value = following()
            if wish is not None:
                entries[name] = self._node(value, wish, depth + 1)
            elif type(value) is not SCALAR or value.anchor is not None:
                self._skip(value, depth + 1)
        if start.anchor is not None:
            self._anchored(start, key, before)
        return Mapping(entries, start.start_mark.line + 1, merged)

    def _anchored(self, start: Event, end: Event, before: int) -> None:
        """Note for how many characters an anchored collection stands, the aliases in it expanded."""
        size = end.end_mark.index - start.start_mark.index + self._expansion - before
        self._anchors[start.anchor or ""] = (None, size)

    def _skip(self, event: Event, depth: int) -> None:
        kind = type(event)
        if kind is SCALAR:
            if event.anchor is not None:
                self._scalar(event)
        elif kind is ALIAS:
            self._alias(event)
        else:
            self._skip_collection(event, depth)

    def _skip_collection(self, start: Event, depth: int) -> None:  # noqa: C901, PLR0912 - a call for each costs a tenth
        """Walk past all of a mapping or a sequence in one loop: this is where most of the time goes."""
        if depth == MAX_DEPTH:
            raise _too_deep(start)
        following = self._next
        around: list[tuple[set[str] | None, Event | None, int]] = []
        seen: set[str] | None = set() if type(start) is MAPPING else None
        anchored, before = start if start.anchor is not None else None, self._expansion
        while True:  # the parser ends every collection
            event = following()
            kind = type(event)
            if seen is not None and kind is not MAPPING_END:
                if kind is SCALAR:
                    name = event.value
                    if name in seen:
                        self._duplicates.append((name, event.start_mark.line + 1))
                    seen.add(name)
                else:
                    self._skip(event, depth + len(around) + 1)
                event = following()
                kind = type(event)
            if kind is SCALAR:
                if event.anchor is not None:
                    self._scalar(event)
            elif kind is MAPPING or kind is SEQUENCE:
                if depth + len(around) + 1 == MAX_DEPTH:
                    raise _too_deep(event)
                around.append((seen, anchored, before))
                seen = set() if kind is MAPPING else None
                anchored, before = event if event.anchor is not None else None, self._expansion
            elif kind is ALIAS:
                self._alias(event)
            else:
                if anchored is not None:
                    self._anchored(anchored, event, before)
                if not around:
                    break
                seen, anchored, before = around.pop()


def _too_deep(event: Event) -> YamlError:
    return YamlError(f"nested deeper than {MAX_DEPTH}", event.start_mark.line + 1)
