"""What a text is reduced to: nodes with their places, as far as somebody asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping as Table

STRING_TAG: Final = "tag:yaml.org,2002:str"
NULLS: Final = frozenset({"", "~", "null"})


class YamlError(ValueError):
    """A text that is no YAML, or that nobody should read. ``line`` counts from 1, 0 where there is none."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


class AliasError(YamlError):
    """A text with aliases, where they were not to be expected."""


@dataclass(frozen=True, slots=True, eq=False)
class Keep:
    """Which keys of a mapping are wanted. Sequences hand the wish on to their items.

    ``keys`` is None where everything is.
    """

    keys: Table[str, Keep] | None = None


ALL: Final = Keep()
TEXT: Final = Keep({})
"""Of a scalar, only the text is wanted: it then costs next to nothing. An empty text stands for a null too."""


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
        return not self.style and self.value in NULLS


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
    """The wanted entries of a mapping; of a key that stands twice the last. ``merged`` is the line of ``<<``, or 0."""

    entries: Table[str, Node]
    line: int
    merged: int = 0

    def get(self, key: str) -> Node | None:
        """Give the entry of that name."""
        return self.entries.get(key)


Node = str | Scalar | Alias | Sequence | Mapping
"""A text stands where only that was wanted of a scalar, or of the alias of one."""


class Document(NamedTuple):
    """One document: its root, the names that its aliases use, and the keys that stand twice, with their lines."""

    root: Node
    aliased: frozenset[str]
    duplicates: tuple[tuple[str, int], ...]
