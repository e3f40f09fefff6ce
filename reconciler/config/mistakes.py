"""What is wrong with a config file, in words that hold no credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Place = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_LONGEST = 80
# Greedy on purpose: what people paste may be no proper URL, or lack its scheme.
_CREDENTIALS = re.compile(r"(?s)(?P<scheme>\b[\w+.-]++://).*@|(?<![^\s\"'/])[^\s\"':/]++:(?!//)[^\s\"']*@")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake. ``path`` is empty for the file as a whole, ``line`` None where it cannot be told."""

    path: str
    line: int | None
    message: str


class ConfigError(Exception):
    """The config file cannot be used. ``mistakes`` are all that it has; as text, one line for each."""

    def __init__(self, file: Path, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__(file, mistakes)
        self.file = file
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join(self._line(mistake) for mistake in self.mistakes)

    def _line(self, mistake: Mistake) -> str:
        place = f"{self.file}:{mistake.line}" if mistake.line else f"{self.file}"
        return ": ".join(part for part in (place, mistake.path, mistake.message) if part)


def mistake(place: Place, line: int | None, message: str) -> Mistake:
    """Word a mistake: the place as people write it (``promotions[0].staging``), the message on one line."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return Mistake(_public(path.removeprefix(".")), line, _public(message))


def shown(value: object) -> str:
    """Name a value of the file in a sentence."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return "a number"
        case str():
            text = _public(value)
            return f'"{text}"' if len(text) <= _LONGEST else f'"{text[:_LONGEST]}…"'
    return "a list" if isinstance(value, list) else "a mapping"


def _public(text: str) -> str:
    """Take credentials out of a text, and escape what would break a line or a terminal."""
    return "".join(
        sign if sign.isprintable() else ascii(sign)[1:-1] for sign in _CREDENTIALS.sub(r"\g<scheme>***@", text)
    )
