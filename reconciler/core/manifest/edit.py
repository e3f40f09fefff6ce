"""The exact new text of a file, and the change as a person reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reconciler.core.model import Edit
from reconciler.core.yaml import splice

if TYPE_CHECKING:
    from reconciler.core.model import Pin

_CONTEXT: Final = 3
_HEADING: Final = re.compile(r"[A-Za-z_$]")
_HEADING_BYTES: Final = 80


def edit(pin: Pin, text: str, target: str) -> Edit:
    """Write a version at a pin.

    Raises:
        YamlError: it cannot be written without changing anything else.
    """
    after = splice(text, pin.scalar, target)
    return Edit(pin.path, text, after, unified_diff(pin.path, text, after))


def unified_diff(path: str, before: str, after: str) -> str:
    """Show a change as ``git diff`` does, from its ``---`` line on: one hunk, three lines of context."""
    old, new = _lines(before), _lines(after)
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    start, stop = max(head - _CONTEXT, 0), tail - min(tail, _CONTEXT)
    hunk = [
        *(f" {line}" for line in old[start:head]),
        *(f"-{line}" for line in old[head : len(old) - tail]),
        *(f"+{line}" for line in new[head : len(new) - tail]),
        *(f" {line}" for line in old[len(old) - tail : len(old) - stop]),
    ]
    ranges = f"@@ -{_range(start, len(old) - stop)} +{_range(start, len(new) - stop)} @@{_heading(old[:start])}\n"
    body = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in hunk)
    return f"--- {_label('a/' + path)}\n+++ {_label('b/' + path)}\n{ranges}{body}"


def _lines(text: str) -> list[str]:
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _common(one: list[str], other: list[str]) -> int:
    length = min(len(one), len(other))
    return next((at for at in range(length) if one[at] != other[at]), length)


def _range(start: int, stop: int) -> str:
    count = stop - start
    return f"{start + 1}" if count == 1 else f"{start + 1 if count else start},{count}"


def _heading(lines: list[str]) -> str:
    """Give the last line before the hunk that looks like a heading, cut as git cuts it."""
    found = next((line for line in reversed(lines) if _HEADING.match(line)), None)
    if found is None:
        return ""
    return f" {found.encode()[:_HEADING_BYTES].decode(errors='ignore').rstrip()}"


_ESCAPES: Final = {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    7: "\\a",
    8: "\\b",
    9: "\\t",
    10: "\\n",
    11: "\\v",
    12: "\\f",
    13: "\\r",
}


def _label(path: str) -> str:
    """Name a file as git does by default: quoted where it is odd, and with a tab behind it where it has a space."""
    quoted = "".join(_ESCAPES.get(byte) or _octal(byte) for byte in path.encode())
    label = path if quoted == path else f'"{quoted}"'
    return f"{label}\t" if " " in label else label


def _octal(byte: int) -> str:
    return chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else f"\\{byte:03o}"
