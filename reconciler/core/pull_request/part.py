"""Whose part of a body is whose: ours stands between two marks that nobody sees, and people's around it."""

from __future__ import annotations

import re
from typing import Final

from reconciler.core.pull_request.markdown import shortened

_LONGEST: Final = 65_536
"""Characters that GitHub takes."""
_BEGIN: Final = "<!-- helm-promoter: begin, written anew with every version -->"
_END: Final = "<!-- helm-promoter: end, what you write below stays -->"
_PART: Final = re.compile(f"{re.escape(_BEGIN)}(?:(?!{re.escape(_BEGIN)}).)*?{re.escape(_END)}", re.DOTALL)


def framed(words: str, copy: str, longest: int) -> str:
    """Put words, and the copy of the marker, between our marks. Where that is too long the words are cut."""
    words = words.replace(_BEGIN, "").replace(_END, "").strip()
    blocks = shortened(words, longest - len(_BEGIN) - len(_END) - len(copy) - 4), copy
    return "\n".join(filter(None, (_BEGIN, "\n\n".join(filter(None, blocks)), _END)))


def merged(body: str, ours: str) -> str:
    """Put our part of a body in the place of the one before. What people wrote around it stays as it is.

    Where they took our part away, or only one of its marks, it comes first. Where they left it too little room it is
    cut, and where they left none it is not there.
    """
    found = _PART.search(body)
    if found:
        before, after = body[: found.start()], body[found.end() :]
        return before + _fitting(ours, _LONGEST - len(before) - len(after)) + after
    theirs = body.replace(_BEGIN, "").replace(_END, "").strip()
    part = _fitting(ours, _LONGEST - len(theirs) - 2)
    return "\n\n".join(filter(None, (part, theirs)))


def _fitting(ours: str, room: int) -> str:
    if len(ours) <= room:
        return ours
    words = ours.removeprefix(_BEGIN).removesuffix(_END)
    return framed(words, "", room) if room > len(_BEGIN) + len(_END) + 2 else ""
