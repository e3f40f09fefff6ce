"""What a cluster says, made fit for Markdown: the one place where its words are tamed, and texts are cut to size.

GitHub finds mentions, references and links in what is left after Markdown is rendered, so that a backslash protects
nothing. Only code does, and not to hold the characters that they are made of.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_CUT: Final = "..."
_JOINER: Final = "\u200d"
_LONGEST: Final = 253
"""As long as a Kubernetes name may be."""
_BREAKING: Final = re.compile(
    r"""
    [^\w ./+:,;()?-]            # what Markdown, HTML, mentions, references and trailers are made of
  | (?<![^\W_])_ | _(?![^\W_])  # an underscore that is not within a word emphasises
  | ^[^\w?]                     # a list, a heading, a rule
  | :(?=/)                      # http://
  | (?:(?<=^www)|(?<=[\W_]www))\.       # www.example.com
  | (?:(?<=^gh)|(?<=[\W_]gh))-(?=\d)    # GH-1
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ENDING: Final = (("`", "'"), ("|", "/"), ("<!--", "<!__"), ("-->", "__>"))
_NUMBERED: Final = re.compile(r"^(\d+)[.)](?=\s|$)")
_NOTE: Final = "(cut: this is longer than a pull request may be)"
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_DETAILS: Final = re.compile(r"<(/?)details\b", re.IGNORECASE)


def inert(text: str) -> str:
    """Make a text that means nothing anywhere: in prose, in code, in a table, in a comment, in a title.

    One line. What could mean something becomes a question mark.
    """
    line = cut(" ".join(text.split()), _LONGEST)
    return _NUMBERED.sub(r"\1?", _BREAKING.sub("?", line))


def code(text: str, longest: int = _LONGEST) -> str:
    """Show a text as code, as it is but for what would end the code, a cell or a comment. Nothing stays nothing."""
    line = cut(" ".join(text.split()), longest)
    for sign, tame in _ENDING:
        line = line.replace(sign, tame)
    shown = "".join(sign if sign.isprintable() else "?" for sign in line)
    return f"`{shown}`" if shown else ""


def cut(text: str, longest: int) -> str:
    """Cut a text to a number of characters, never between a letter and its accents."""
    if len(text) <= longest:
        return text
    end = longest - len(_CUT)
    while end > 0 and _is_one(text[end - 1], text[end]):
        end -= 1
    return text[:end] + _CUT


def _is_one(sign: str, next_sign: str) -> bool:
    """Whether two signs are shown as one: a letter and its accent, or what a joiner joins."""
    return sign == _JOINER or unicodedata.category(next_sign) in {"Mn", "Mc", "Me", "Cf"}


def shortened(text: str, longest: int) -> str:
    """Cut Markdown to a number of characters, between two blocks: no fence, comment or details stays open."""
    if len(text) <= longest:
        return text
    room, kept, place = longest - len(_NOTE) - 2, 0, 0
    state, lines = _State(), iter(re.findall(r"[^\n]*\n|[^\n]+", text))
    while place <= room:
        line = next(lines)
        if not line.strip() and state.closed:
            kept = place
        place += len(line)
        state.read(line)
    return f"{text[:kept].rstrip()}\n\n{_NOTE}".strip() if room >= 0 else ""


class _State:
    """What stands open after some lines of Markdown."""

    def __init__(self) -> None:
        self._fence = ""
        self._comment = False
        self._within = False
        """Whether the comment began within a paragraph, and so ends with it: it was none."""
        self._details = 0

    @property
    def closed(self) -> bool:
        return not (self._fence or self._comment or self._details > 0)

    def read(self, line: str) -> None:
        if not line.strip() and self._within:
            self._comment = False
        if self._comment or not self._read_fence(line):
            self._read_html(line)

    def _read_fence(self, line: str) -> bool:
        """Follow fences (CommonMark 4.5); tell whether the line is code."""
        found = _FENCE.match(line)
        if not self._fence:
            if found and not (found[1][0] == "`" and "`" in found[2]):
                self._fence = found[1]
            return bool(self._fence)
        if found and found[1].startswith(self._fence) and not found[2].strip():
            self._fence = ""
        return True

    def _read_html(self, line: str) -> None:
        for part in re.split(r"(<!--|-->)", line):
            if part == "<!--":
                self._within = not (self._comment or line.startswith(part))
                self._comment = True
            elif part == "-->":
                self._comment = False
            elif not self._comment:
                self._details += sum(-1 if slash else 1 for slash in _DETAILS.findall(part))
