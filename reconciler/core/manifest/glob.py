"""Globs over the paths of a tree: what may be edited.

``*``, ``?`` and ``[x]`` stop at a slash and match leading dots, ``**`` spans folders, and ``!`` excludes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Globs:
    """The ``paths`` of a promotion. A path is selected by any glob, unless any exclusion matches it too."""

    patterns: tuple[str, ...]

    def selects(self, path: str) -> bool:
        """Tell whether a path of the tree may be edited."""
        return _any(self._included()).fullmatch(path) is not None and not _any(self._excluded()).fullmatch(path)

    def without_match(self, paths: Iterable[str]) -> tuple[str, ...]:
        """List the globs, exclusions aside, that match none of the paths."""
        left = list(self._included())
        for path in paths:
            left = [glob for glob in left if not _any((glob,)).fullmatch(path)]
            if not left:
                break
        return tuple(left)

    def _included(self) -> tuple[str, ...]:
        return tuple(glob for glob in self.patterns if not glob.startswith("!"))

    def _excluded(self) -> tuple[str, ...]:
        return tuple(glob[1:] for glob in self.patterns if glob.startswith("!"))


@lru_cache(maxsize=256)
def _any(globs: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for several globs; none of them matches nothing."""
    return re.compile("|".join(_expression(glob.removeprefix("./")) for glob in globs) or r"(?!)", re.DOTALL)


def _expression(glob: str) -> str:
    return "".join(_token(match) for match in _TOKENS.finditer(glob))


_TOKENS: Final = re.compile(
    r"(?P<folders>(?<![^/])(?:\*\*/)+)|(?P<rest>(?<![^/])\*\*$)|(?P<set>\[[!^]?\]?[^\]]*\])|\*+|.", re.DOTALL
)
_MEMBERS: Final = re.compile(r"(.)(?:-(.))?", re.DOTALL)


def _token(match: re.Match[str]) -> str:
    text = match[0]
    if match["folders"]:
        return "(?:.*/)?"
    if match["rest"]:
        return ".+"
    if match["set"]:
        return _set(text[1:-1])
    if text.startswith("*"):
        return "[^/]*"
    return "[^/]" if text == "?" else re.escape(text)


def _set(members: str) -> str:
    """Translate ``[x]``: a negation may be written ``!`` or ``^``, and never matches a slash."""
    negated = members[:1] in {"!", "^"}
    pairs = _MEMBERS.findall(members[negated:])
    body = "".join(f"{re.escape(low)}-{re.escape(high or low)}" for low, high in pairs if low <= (high or low))
    if not body:
        return "[^/]" if negated else "(?!)"
    return f"(?!/)[{'^' if negated else ''}{body}]"
