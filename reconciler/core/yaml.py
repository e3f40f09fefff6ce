"""YAML as text with places: the only door to the YAML parser, and the only place that edits a file.

A file is read as libyaml events and reduced to the nodes that somebody asked for. Nothing is ever dumped: an edit
replaces the bytes of one scalar, and is proven by parsing the result again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, Protocol

from yaml import CSafeLoader, load_all
from yaml._yaml import (  # the very classes that the C parser makes its events of
    AliasEvent,
    CParser,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    YAMLError,
)
from yaml.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Mapping as Keys

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 100
MAX_STRUCTURE: Final = 250_000
"""How many characters that make structure a text may have, about one for each event: a mebibyte of dense manifests has
fewer, and more would take longer to read than a file is worth."""
MAX_TAGS: Final = 100
"""How many ``%TAG`` directives: libyaml compares each with every other, and no manifest has one."""
MAX_EXPANSION: Final = 10 << 20
"""How many characters a file's aliases may stand for: far more than any manifest, far less than a bomb."""

STRING_TAG: Final = "tag:yaml.org,2002:str"

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


class AliasError(YamlError):
    """A text with aliases, where they were not to be expected."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Which keys of a mapping are wanted. Sequences hand the wish on to their items.

    ``keys`` is None where everything is.
    """

    keys: Keys[str, Keep] | None = None


ALL: Final = Keep()


# Nodes are named tuples, because a file has many: a frozen dataclass takes four times as long to make.


class Scalar(NamedTuple):
    """One scalar and its place: offsets into the text, its anchor and tag included. ``style`` is '' where plain."""

    value: str
    start: int
    end: int
    line: int
    last_line: int
    style: str
    anchor: str | None
    tag: str | None

    @property
    def is_null(self) -> bool:
        """Whether it stands for nothing, as an empty value does."""
        return not self.style and self.value in _NULLS


class Alias(NamedTuple):
    """``*name``. ``value`` is the text of the scalar that it stands for, None where that is no scalar."""

    name: str
    line: int
    value: str | None


class Sequence(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    line: int


class Mapping(NamedTuple):
    """The wanted entries of a mapping, in their order. ``merged`` is the line of its ``<<``, 0 where it has none."""

    entries: tuple[tuple[str, Node], ...]
    line: int
    merged: int = 0

    def get(self, key: str) -> Node | None:
        """Give the first entry of that name."""
        for name, node in self.entries:
            if name == key:
                return node
        return None


Node = Scalar | Alias | Sequence | Mapping


class Document(NamedTuple):
    """One document: its root, the names that its aliases use, and the keys that stand twice, with their lines."""

    root: Node
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
    tag: str | None
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
        YamlError: it is no YAML, nests deeper than 100, or holds more structure, or aliases that stand for more, than
            anyone should read.
    """
    bare = text.removeprefix("\ufeff")
    if len(bare) > MAX_STRUCTURE or "%TAG" in bare:
        _check_density(bare)
    try:
        return _Reader(bare, shift=len(text) - len(bare)).documents(keep)
    except YAMLError as error:
        raise _own(error) from error


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
        raise _own(error) from error


def plain_value(node: Node) -> object:
    """Give a node as plain values: dict, list, str, int, float, bool or None, as Kubernetes' own printers mean them.

    Raises:
        AliasError: it holds an alias, which no printer writes.
    """
    if isinstance(node, Scalar):
        return _scalar_value(node)
    if isinstance(node, Mapping):
        return {key: plain_value(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [plain_value(item) for item in node.items]
    raise AliasError(f"an alias *{node.name}, which no cluster prints", node.line)


def load(source: Source) -> Iterator[object]:
    """Give the objects of a text that has aliases as plain values, all of it held at once.

    Raises:
        YamlError: it is no YAML.
    """
    try:
        for document in load_all(source, _Loader):
            items = document.pop("items", None) if isinstance(document, dict) else None
            yield from items if isinstance(items, list) else ()
            yield document
    except YAMLError as error:
        raise _own(error) from error


class _Loader(CSafeLoader):  # type: ignore[misc]  # the C loader carries no types
    """Takes for numbers, booleans and nulls what Kubernetes' printers mean by them; a time stays the text it is."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in known if tag.rpartition(":")[2] in {"null", "bool", "int", "merge"}]
        for first, known in Resolver.yaml_implicit_resolvers.items()
    }


def reads_as_string(text: str) -> bool:
    """Tell whether a plain scalar of this text is a string, under YAML 1.1 as well as 1.2, and for Go."""
    others = Resolver.yaml_implicit_resolvers.get(text[:1], ())
    return not (_NUMBER.fullmatch(text.replace("_", "")) or any(pattern.match(text) for _, pattern in others))


def splice(text: str, scalar: Scalar, value: str) -> str:
    """Replace one scalar's value, and nothing else; quoted where it would not read back as the same string.

    Raises:
        YamlError: the value needs escaping, or the result would differ in anything but this scalar.
    """
    if not _SAFE.fullmatch(value):
        raise YamlError(f"{value!r} is no version that could be written", scalar.line)
    if scalar.line != scalar.last_line:
        raise YamlError("a value of several lines", scalar.line)
    prefix = _PREFIX.match(text, scalar.start, scalar.end)
    start = prefix.end() if prefix else scalar.start
    quote = scalar.style or ("" if reads_as_string(value) else '"')
    edited = text[:start] + quote + value + quote + text[scalar.end :]
    if _outline(edited) != _outline(text, scalar.start, value):
        raise YamlError("writing here would change more than the version", scalar.line)
    return edited


_SAFE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*")
_NUMBER: Final = re.compile(r"[-+]?(?:0o[0-7]+|0x[0-9A-Fa-f]+|(?:\.[0-9]+|[0-9]+\.?[0-9]*)(?:[eE][-+]?[0-9]+)?)")
"""What YAML 1.2 reads as a number: https://yaml.org/spec/1.2.2/#1032-tag-resolution."""
_PREFIX: Final = re.compile(r"(?:[&!]\S*\s+)+")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_NULLS: Final = frozenset({"", "~", "null"})
_BOOLEANS: Final = {"true": True, "false": False}


def _scalar_value(scalar: Scalar) -> object:
    if scalar.style or scalar.tag:
        return scalar.value
    if scalar.is_null:
        return None
    if scalar.value in _BOOLEANS:
        return _BOOLEANS[scalar.value]
    return int(scalar.value) if _INTEGER.fullmatch(scalar.value) else scalar.value


def _outline(text: str, changed: int = -1, value: str = "") -> list[tuple[object, ...]]:
    """List what a text says, event by event, as if the scalar at an offset held another value."""
    bare = text.removeprefix("\ufeff")
    changed -= len(text) - len(bare)
    outline: list[tuple[object, ...]] = []
    try:
        following: Callable[[], _Event | None] = CParser(bare).get_event
        for event in iter(following, None):
            replaced = event.__class__ is _SCALAR and event.start_mark.index == changed
            told = value if replaced else getattr(event, "value", None)
            outline.append((event.__class__, told, getattr(event, "anchor", None), getattr(event, "tag", None)))
    except YAMLError as error:
        raise _own(error) from error
    return outline


def _check_density(text: str) -> None:
    """Refuse a text that takes longer to read than any manifest."""
    if sum(map(text.count, "\n,,:-[{?")) > MAX_STRUCTURE or text.count("%TAG") > MAX_TAGS:
        raise YamlError("it has more structure than any manifest")


def _own(error: YAMLError) -> YamlError:
    """Translate the parser's errors, which come in several shapes."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return YamlError(str(problem), mark.line + 1 if mark else 0)


class _Reader:
    """Walks the events of one text. Only what is kept becomes a node; the rest is walked past.

    What is walked past still counts: its keys may stand twice, its anchors be repeated, its nesting be too deep. Most
    of a manifest is values, so most of what reading costs beyond the parser is spent there.
    """

    __slots__ = ("_aliased", "_anchors", "_duplicates", "_events", "_expansion", "_next", "_shift")

    def __init__(self, source: str | Source, shift: int = 0) -> None:
        self._next: Callable[[], _Event] = CParser(source).get_event
        self._events: Iterator[_Event] = iter(self._next, None)  # the same events; a loop over them costs less
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
        while (event := self._next()).__class__ is not _STREAM_END:
            if event.__class__ is _DOCUMENT:
                self._forget()
                root = self._node(self._next(), keep, 0)
                documents.append(Document(root, frozenset(self._aliased), tuple(self._duplicates)))
        return tuple(documents)

    def items(self, keep: Keep) -> Iterator[Node]:
        """Read every document, but the items of a list one by one."""
        while (event := self._next()).__class__ is not _STREAM_END:
            if event.__class__ is _DOCUMENT:
                self._forget()
                root = self._next()
                yield from self._list(root, keep) if root.__class__ is _MAPPING else (self._node(root, keep, 0),)

    def _list(self, start: _Event, keep: Keep) -> Iterator[Node]:
        entries: list[tuple[str, Node]] = []
        wanted = {**(keep.keys or {}), "kind": ALL, "apiVersion": ALL}
        while (key := self._next()).__class__ is not _MAPPING_END:
            self._skip(key, 1)
            name = key.value if key.__class__ is _SCALAR else ""
            value = self._next()
            if name == "items" and value.__class__ is _SEQUENCE:
                while (item := self._next()).__class__ is not _SEQUENCE_END:
                    yield self._node(item, keep, 2)
            elif name in wanted:
                entries.append((name, self._node(value, wanted[name], 1)))
            else:
                self._skip(value, 1)
        yield Mapping(tuple(entries), start.start_mark.line + 1)

    def _node(self, event: _Event, keep: Keep, depth: int) -> Node:
        kind = event.__class__
        if kind is _SCALAR:
            return self._scalar(event)
        if kind is _MAPPING:
            return self._mapping(event, keep, depth)
        return self._alias(event) if kind is _ALIAS else self._sequence(event, keep, depth)

    def _scalar(self, event: _Event) -> Scalar:
        start, end, anchor = event.start_mark, event.end_mark, event.anchor
        begin, stop = start.index + self._shift, end.index + self._shift
        if anchor is not None:
            self._anchors[anchor] = (event.value, stop - begin)
        return Scalar(event.value, begin, stop, start.line + 1, end.line + 1, event.style or "", anchor, event.tag)

    def _alias(self, event: _Event) -> Alias:
        name, line = event.anchor or "", event.start_mark.line + 1
        value, size = self._anchors.get(name, (None, 0))
        self._aliased.add(name)
        self._expansion += size
        if self._expansion > MAX_EXPANSION:
            raise YamlError("its aliases stand for far more text than the file has", line)
        return Alias(name, line, value)

    def _sequence(self, start: _Event, keep: Keep, depth: int) -> Sequence:
        before = self._expansion
        if depth == MAX_DEPTH:
            raise _too_deep(start)
        items: list[Node] = []
        for item in self._events:  # pragma: no branch - the parser ends every sequence
            if item.__class__ is _SEQUENCE_END:
                if start.anchor is not None:
                    self._anchored(start, item, before)
                break
            items.append(self._node(item, keep, depth + 1))
        return Sequence(tuple(items), start.start_mark.line + 1)

    def _mapping(self, start: _Event, keep: Keep, depth: int) -> Mapping:
        following, wanted = self._next, keep.keys
        before = self._expansion
        if depth == MAX_DEPTH:
            raise _too_deep(start)
        entries: list[tuple[str, Node]] = []
        seen: set[str] = set()
        merged = 0
        for key in self._events:  # pragma: no branch - the parser ends every mapping
            if key.__class__ is not _SCALAR:
                if key.__class__ is _MAPPING_END:
                    if start.anchor is not None:
                        self._anchored(start, key, before)
                    break
                self._skip(key, depth + 1)
                self._skip(following(), depth + 1)
                continue
            name = key.value
            if name in seen:
                self._duplicates.append((name, key.start_mark.line + 1))
            seen.add(name)
            if name == "<<" and not key.style:
                merged = key.start_mark.line + 1
            if wanted is None:
                entries.append((name, self._node(following(), ALL, depth + 1)))
            elif name in wanted:
                entries.append((name, self._node(following(), wanted[name], depth + 1)))
            else:
                self._skip(following(), depth + 1)
        return Mapping(tuple(entries), start.start_mark.line + 1, merged)

    def _anchored(self, start: _Event, end: _Event, before: int) -> None:
        """Note for how many characters an anchored collection stands, the aliases in it expanded."""
        size = end.end_mark.index - start.start_mark.index + self._expansion - before
        self._anchors[start.anchor or ""] = (None, size)

    def _skip(self, event: _Event, depth: int) -> None:
        kind = event.__class__
        if kind is _MAPPING:
            self._skip_mapping(event, depth)
        elif kind is _SEQUENCE:
            self._skip_sequence(event, depth)
        elif kind is _ALIAS:
            self._alias(event)
        elif event.anchor is not None:
            self._scalar(event)

    def _skip_sequence(self, start: _Event, depth: int) -> None:
        before = self._expansion
        if depth == MAX_DEPTH:
            raise _too_deep(start)
        for item in self._events:  # pragma: no branch - the parser ends every sequence
            if item.__class__ is _SEQUENCE_END:
                if start.anchor is not None:
                    self._anchored(start, item, before)
                break
            if item.__class__ is not _SCALAR or item.anchor is not None:
                self._skip(item, depth + 1)

    def _skip_mapping(self, start: _Event, depth: int) -> None:
        following = self._next
        before = self._expansion
        if depth == MAX_DEPTH:
            raise _too_deep(start)
        seen: set[str] = set()
        for key in self._events:  # pragma: no branch - the parser ends every mapping
            if key.__class__ is not _SCALAR:
                if key.__class__ is _MAPPING_END:
                    if start.anchor is not None:
                        self._anchored(start, key, before)
                    break
                self._skip(key, depth + 1)
            elif key.value in seen:
                self._duplicates.append((key.value, key.start_mark.line + 1))
            else:
                seen.add(key.value)
            value = following()
            if value.__class__ is _MAPPING:
                self._skip_mapping(value, depth + 1)
            elif value.__class__ is not _SCALAR or value.anchor is not None:
                self._skip(value, depth + 1)


def _too_deep(event: _Event) -> YamlError:
    return YamlError(f"nested deeper than {MAX_DEPTH}", event.start_mark.line + 1)
