"""Replacing one scalar of a text, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from yaml.resolver import Resolver

from reconciler.core.yaml.events import SCALAR, CParser, YAMLError, own_error
from reconciler.core.yaml.node import YamlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.yaml.events import Event
    from reconciler.core.yaml.node import Scalar

_SAFE: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*")
_NUMBER: Final = re.compile(r"[-+]?(?:0o[0-7]+|0x[0-9A-Fa-f]+|(?:\.[0-9]+|[0-9]+\.?[0-9]*)(?:[eE][-+]?[0-9]+)?)")
"""What YAML 1.2 reads as a number: https://yaml.org/spec/1.2.2/#1032-tag-resolution."""
_PREFIX: Final = re.compile(r"(?:[&!]\S*\s+)+")


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


def _outline(text: str, changed: int = -1, value: str = "") -> list[tuple[object, ...]]:
    """List what a text says, event by event, as if the scalar at an offset held another value."""
    bare = text.removeprefix("\ufeff")
    changed -= len(text) - len(bare)
    outline: list[tuple[object, ...]] = []
    try:
        following: Callable[[], Event | None] = CParser(bare).get_event
        for event in iter(following, None):
            replaced = type(event) is SCALAR and event.start_mark.index == changed
            told = value if replaced else getattr(event, "value", None)
            outline.append((type(event), told, getattr(event, "anchor", None), getattr(event, "tag", None)))
    except YAMLError as error:
        raise own_error(error) from error
    return outline
