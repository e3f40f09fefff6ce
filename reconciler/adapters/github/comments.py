"""Our comments: found again by a mark that nobody sees, so that each transition is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def signed(comment: str, transition: str) -> str:
    """Give a comment with the mark of the transition that it tells of."""
    return f"{comment}\n\n{_mark(transition)}"


def was_told(transition: str, comments: Iterable[str]) -> bool:
    """Tell whether one of our comments tells of a transition already."""
    return any(_mark(transition) in comment for comment in comments)


def _mark(transition: str) -> str:
    return f"<!-- helm-promoter: {transition} -->"
