"""YAML as text with places: the only door to the YAML parser, and the only place that edits a file.

A file is read as libyaml events and reduced to the nodes that somebody asked for. Nothing is ever dumped: an edit
replaces the bytes of one scalar, and is proven by parsing the result again.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from _ruamel_yaml import CParser
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.resolver import implicit_resolvers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Mapping as Keys

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 100
MAX_EXPANSION: Final = 10 << 20
"""How many characters a file's aliases may stand for: far more than any manifest, far less than a bomb."""

_SCALAR: Final[type] = ScalarEvent
_ALIAS: Final[type] = AliasEvent
_MAPPING: Final[type] = MappingStartEvent
_MAPPING_END: Final[type] = MappingEndEvent
_SEQUENCE: Final[type] = SequenceStartEvent
_SEQUENCE_END: Final[type] = SequenceEndEvent
_DOCUMENT: Final[type] = DocumentStartEvent
_STREAM_END: Final[type] = StreamEndEvent


class YamlError(ValueError):
    """A text that is no YAML, or that nobody should read. ``line`` counts from 1, 0 where there is none."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Keep:
    """Which keys of a mapping are wanted. Sequences hand the wish on to their items.

    ``keys`` is None where everything is.
    """

    keys: Keys[str, Keep] | None = None


ALL: Final = Keep()


@dataclass(frozen=True, slots=True)
class Scalar:
    """One scalar and its place: offsets into the text, its anchor and tag included. ``style`` is '' where plain."""

    value: str
    start: int
    end: int
    line: int
    last_line: int
    style: str
    anchor: str | None
    tag: str | None


@dataclass(frozen=True, slots=True)
class Alias:
    """``*name``. ``value`` is the text of the scalar that it stands for, None where that is no scalar."""

    name: str
    line: int
    value: str | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """The wanted entries of a mapping, in their order. ``merged`` is the line of its ``<<``, 0 where it has none."""

    entries: tuple[tuple[str, Node], ...]
    line: int
    merged: int = 0

    def get(self, key: str) -> Node | None:
        """Give the first entry of that name."""
        return next((node for name, node in self.entries if name == key), None)


Node = Scalar | Alias | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its root, the names that its aliases use, and the keys that stand twice, with their lines."""

    root: Node | None
    aliased: frozenset[str]
    duplicates: tuple[tuple[str, int], ...]


class Source(Protocol):
    """A stream of bytes or text."""

    def read(self, size: int, /) -> bytes | str:
        """Read at most so many bytes."""


class _Mark(Protocol):
    index: int
    line: int


class _Event(Protocol):
    """What the parser hands out. Its C classes carry no types."""

    start_mark: _Mark
    end_mark: _Mark
    value: str
    anchor: str | None
    tag: object
    style: str | None


def decode(data: bytes) -> str:
    """Read a file's bytes as text, a byte order mark included.

    Raises:
        YamlError: it is not UTF-8, or holds a NUL byte.
    """
    if (at := data.find(b"\0")) >= 0:
        raise YamlError("a NUL byte: this is no text", data.count(b"\n", 0, at) + 1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise YamlError("this is not UTF-8", data.count(b"\n", 0, error.start) + 1) from error


def parse(text: str, keep: Keep = ALL) -> tuple[Document, ...]:
    """Read every document of a text, keeping only the wanted nodes.

    Raises:
        YamlError: it is no YAML, nests deeper than 100, or its aliases stand for more than anyone should expand.
    """
    bare = text.removeprefix("\ufeff")
    with _own_errors():
        return tuple(_Reader(bare, shift=len(text) - len(bare)).documents(keep))


def stream_items(source: Source, keep: Keep) -> Iterator[Node]:
    """Read documents one by one, and the ``items`` of a list one by one.

    Only the item at hand is held, so a list of any length needs the room of its largest item. What else the list has
    is yielded last, as a mapping. ``keep`` is what is wanted of an item.

    Raises:
        YamlError: as for :func:`parse`.
    """
    with _own_errors():
        yield from _Reader(source).items(keep)


def plain_value(node: Node) -> object:
    """Give a node as plain values: dict, list, str, int, float, bool or None, as Kubernetes' own printers mean them.

    Raises:
        YamlError: it holds an alias, which no printer writes.
    """
    match node:
        case Scalar():
            return _scalar_value(node)
        case Mapping():
            return {key: plain_value(value) for key, value in node.entries}
        case Sequence():
            return [plain_value(item) for item in node.items]
        case Alias():
            raise YamlError(f"an alias *{node.name}, which no cluster prints", node.line)


def reads_as_string(text: str) -> bool:
    """Tell whether a plain scalar of this text is a string, under YAML 1.1 as well as 1.2."""
    return bool(text) and not any(pattern.match(text) for _, _, pattern, _ in implicit_resolvers)


def splice(text: str, scalar: Scalar, value: str) -> str:
    """Replace one scalar's value, and nothing else; quoted where it would not read back as the same string.

    Raises:
        YamlError: the value needs escaping, or the result would differ in anything but this scalar.
    """
    if not _SAFE.fullmatch(value):
        raise YamlError(f"{value!r} is no version that could be written", scalar.line)
    token = text[scalar.start : scalar.end]
    prefix = _PREFIX.match(token)
    start = scalar.start + (prefix.end() if prefix else 0)
    quote = scalar.style or ("" if reads_as_string(value) else '"')
    edited = text[:start] + quote + value + quote + text[scalar.end :]
    if _outline(edited) != _outline(text, scalar.start, value):
        raise YamlError("writing here would change more than the version", scalar.line)
    return edited


_SAFE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*")
_PREFIX: Final = re.compile(r"(?:[&!]\S*\s+)+")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_CONSTANTS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}


def _scalar_value(scalar: Scalar) -> object:
    if scalar.style or scalar.tag:
        return scalar.value
    if scalar.value in _CONSTANTS:
        return _CONSTANTS[scalar.value]
    return int(scalar.value) if _INTEGER.fullmatch(scalar.value) else scalar.value


def _outline(text: str, changed: int = -1, value: str = "") -> list[tuple[object, ...]]:
    """List what a text says, event by event, as if the scalar at an offset held another value."""
    bare = text.removeprefix("\ufeff")
    changed -= len(text) - len(bare)
    outline: list[tuple[object, ...]] = []
    with _own_errors():
        for event in _events(CParser(bare).get_event):
            told = value if event.start_mark.index == changed and event.__class__ is _SCALAR else _told(event)
            outline.append((event.__class__, told, getattr(event, "anchor", None), str(getattr(event, "tag", None))))
    return outline


def _told(event: _Event) -> str | None:
    return getattr(event, "value", None)


def _events(get_event: Callable[[], _Event | None]) -> Iterator[_Event]:
    while (event := get_event()) is not None:
        yield event


@contextmanager
def _own_errors() -> Iterator[None]:
    """Translate the parser's errors, which come in several shapes."""
    try:
        yield
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        raise YamlError(str(problem), mark.line + 1 if mark else 0) from error


class _Reader:
    """Walks the events of one text. Only what is kept becomes a node; the rest is walked past."""

    __slots__ = ("_aliased", "_anchors", "_depth", "_duplicates", "_expansion", "_next", "_shift")

    def __init__(self, source: str | Source, shift: int = 0) -> None:
        self._next: Callable[[], _Event] = CParser(source).get_event
        self._shift = shift
        self._forget()

    def _forget(self) -> None:
        self._anchors: dict[str, tuple[str | None, int]] = {}
        self._aliased: set[str] = set()
        self._duplicates: list[tuple[str, int]] = []
        self._expansion = 0
        self._depth = 0

    def documents(self, keep: Keep) -> Iterator[Document]:
        """Read every document."""
        while (event := self._next()).__class__ is not _STREAM_END:
            if event.__class__ is not _DOCUMENT:
                continue
            self._forget()
            root = self._node(self._next(), keep)
            yield Document(root, frozenset(self._aliased), tuple(self._duplicates))

    def items(self, keep: Keep) -> Iterator[Node]:
        """Read every document, but the items of a list one by one."""
        while (event := self._next()).__class__ is not _STREAM_END:
            if event.__class__ is not _DOCUMENT:
                continue
            self._forget()
            root = self._next()
            if root.__class__ is _MAPPING:
                yield from self._list(root, keep)
            elif (node := self._node(root, keep)) is not None:
                yield node

    def _list(self, start: _Event, keep: Keep) -> Iterator[Node]:
        entries: list[tuple[str, Node]] = []
        wanted = {**(keep.keys or {}), "kind": ALL, "apiVersion": ALL}
        while (key := self._next()).__class__ is not _MAPPING_END:
            value = self._next()
            if key.__class__ is _SCALAR and key.value == "items" and value.__class__ is _SEQUENCE:
                while (item := self._next()).__class__ is not _SEQUENCE_END:
                    yield self._node(item, keep)
                continue
            name = key.value if key.__class__ is _SCALAR else ""
            if name in wanted:
                entries.append((name, self._node(value, wanted[name])))
            else:
                self._skip(value)
        yield Mapping(tuple(entries), start.start_mark.line + 1)

    def _node(self, event: _Event, keep: Keep) -> Node:
        kind = event.__class__
        if kind is _SCALAR:
            return self._scalar(event)
        if kind is _ALIAS:
            return self._alias(event)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH}", event.start_mark.line + 1)
        before = self._expansion
        node, end = self._mapping(event, keep) if kind is _MAPPING else self._sequence(event, keep)
        if event.anchor is not None:
            self._anchors[event.anchor] = (None, end - event.start_mark.index + self._expansion - before)
        self._depth -= 1
        return node

    def _scalar(self, event: _Event) -> Scalar:
        start, end = event.start_mark, event.end_mark
        if event.anchor is not None:
            self._anchors[event.anchor] = (event.value, end.index - start.index)
        tag = event.tag
        return Scalar(
            event.value,
            start.index + self._shift,
            end.index + self._shift,
            start.line + 1,
            end.line + 1,
            event.style or "",
            event.anchor,
            None if tag is None else str(tag),
        )

    def _alias(self, event: _Event) -> Alias:
        name = event.anchor or ""
        value, size = self._anchors.get(name, (None, 0))
        self._aliased.add(name)
        self._expansion += size
        if self._expansion > MAX_EXPANSION:
            raise YamlError("its aliases stand for far more text than the file has", event.start_mark.line + 1)
        return Alias(name, event.start_mark.line + 1, value)

    def _sequence(self, start: _Event, keep: Keep) -> tuple[Sequence, int]:
        items = []
        while (event := self._next()).__class__ is not _SEQUENCE_END:
            items.append(self._node(event, keep))
        return Sequence(tuple(items), start.start_mark.line + 1), event.end_mark.index

    def _mapping(self, start: _Event, keep: Keep) -> tuple[Mapping, int]:
        entries: list[tuple[str, Node]] = []
        seen: set[str] = set()
        merged = 0
        wanted = keep.keys
        while (event := self._next()).__class__ is not _MAPPING_END:
            if event.__class__ is not _SCALAR:
                self._skip(event)
                self._skip(self._next())
                continue
            key = event.value
            if key in seen:
                self._duplicates.append((key, event.start_mark.line + 1))
            seen.add(key)
            if key == "<<" and not event.style:
                merged = event.start_mark.line + 1
            if wanted is None:
                entries.append((key, self._node(self._next(), ALL)))
            elif key in wanted:
                entries.append((key, self._node(self._next(), wanted[key])))
            else:
                self._skip(self._next())
        return Mapping(tuple(entries), start.start_mark.line + 1, merged), event.end_mark.index

    def _skip(self, event: _Event) -> None:  # noqa: C901 - one loop on purpose, see below
        """Walk past one node without making anything of it: most of a manifest is values.

        One loop, because half of what reading a file costs beyond the parser is spent here.
        """
        following = self._next
        stack: list[tuple[set[str] | None, bool, _Event, int]] = []
        keys: set[str] | None = None
        at_key = False
        while True:
            kind = event.__class__
            if kind is _SCALAR:
                if event.anchor is not None:
                    self._anchors[event.anchor] = (event.value, event.end_mark.index - event.start_mark.index)
                if keys is not None:
                    if at_key:
                        if event.value in keys:
                            self._duplicates.append((event.value, event.start_mark.line + 1))
                        keys.add(event.value)
                    at_key = not at_key
            elif kind is _MAPPING or kind is _SEQUENCE:
                if self._depth + len(stack) >= MAX_DEPTH:
                    raise YamlError(f"nested deeper than {MAX_DEPTH}", event.start_mark.line + 1)
                stack.append((keys, not at_key, event, self._expansion))
                keys = set() if kind is _MAPPING else None
                at_key = True
            elif kind is _ALIAS:
                self._alias(event)
                at_key = not at_key
            else:
                keys, at_key, opened, before = stack.pop()
                if opened.anchor is not None:
                    size = event.end_mark.index - opened.start_mark.index + self._expansion - before
                    self._anchors[opened.anchor] = (None, size)
            if not stack:
                return
            event = following()
