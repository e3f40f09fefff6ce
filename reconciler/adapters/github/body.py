"""Our part of a pull request's body, and our comments: found again by marks that nobody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEGIN: Final = "<!-- helm-promoter: this part is written anew with every version -->"
_END: Final = "<!-- helm-promoter: what stands outside is yours -->"
_LONGEST: Final = 65_536
"""The most characters of a body or a comment that GitHub takes."""


def framed(ours: str) -> str:
    """Give a whole body that is only our part."""
    return _fitted(ours, _LONGEST)


def renewed(body: str, ours: str) -> str:
    """Write our part of a body anew; where it was taken out it comes first. What people wrote stays."""
    before, begun, rest = body.partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    if not begun or not ended:
        before, after = "", f"\n\n{body}" if body.strip() else ""
    return before + _fitted(ours, _LONGEST - len(before) - len(after)) + after


def _fitted(ours: str, most: int) -> str:
    """Put our part between its marks, cut off at the end of a line where there is too little room."""
    room = most - len(_BEGIN) - len(_END) - len("\n\n")
    text = ours.strip("\n")
    if len(text) > room:
        text = text[: max(room - len("\n..."), 0)].rpartition("\n")[0] + "\n..."
    return f"{_BEGIN}\n{text}\n{_END}"


def signed(comment: str, transition: str) -> str:
    """Give a comment with the mark of the transition that it tells of."""
    return f"{comment}\n\n{_mark(transition)}"


def was_told(transition: str, comments: Iterable[str]) -> bool:
    """Tell whether one of our comments tells of a transition already."""
    return any(_mark(transition) in comment for comment in comments)


def _mark(transition: str) -> str:
    return f"<!-- helm-promoter: {transition} -->"
