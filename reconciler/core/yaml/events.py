"""The events of libyaml, as PyYAML's C parser hands them out."""

from __future__ import annotations

from typing import Final, Protocol

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

from reconciler.core.yaml.node import YamlError

__all__ = ["CParser", "YAMLError", "own_error"]

SCALAR: Final[type] = ScalarEvent
ALIAS: Final[type] = AliasEvent
MAPPING: Final[type] = MappingStartEvent
MAPPING_END: Final[type] = MappingEndEvent
SEQUENCE: Final[type] = SequenceStartEvent
SEQUENCE_END: Final[type] = SequenceEndEvent
DOCUMENT: Final[type] = DocumentStartEvent
STREAM_END: Final[type] = StreamEndEvent


class Mark(Protocol):
    """A place in the text that the parser was given, counted in characters from 0."""

    index: int
    line: int


class Event(Protocol):
    """What the parser hands out. Its C classes carry no types."""

    start_mark: Mark
    end_mark: Mark
    value: str
    anchor: str | None
    tag: str | None
    style: str | None


def own_error(error: YAMLError) -> YamlError:
    """Translate the parser's errors, which come in several shapes."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return YamlError(str(problem), mark.line + 1 if mark else 0)
