"""The words on a pull request and its commit, but for the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.core.pull_request.facts import LISTED, facts, took
from reconciler.core.pull_request.markdown import code, cut, inert
from reconciler.core.pull_request.marker import told, trailers
from reconciler.core.pull_request.templates import fill

if TYPE_CHECKING:
    from reconciler.core.model import Manners
    from reconciler.core.pull_request.marker import Marker
    from reconciler.core.pull_request.story import Story

TITLE: Final = "Promote {{ name }} release to v{{ version }}{% if shared %} ({{ promotion }}){% endif %}"
"""The title of who gives none; the promotion's name goes in where several share a repository."""
_LONGEST_TITLE: Final = 256
"""Characters that GitHub takes."""
_LONGEST_COMMENT: Final = 1000


def title(story: Story, manners: Manners) -> str:
    """Write the title: one line.

    Raises:
        WordsError: the user's template cannot be filled in.
    """
    return cut(" ".join(fill(manners.title or TITLE, facts(story)).split()), _LONGEST_TITLE)


def message(title: str, story: Story, manners: Manners) -> str:
    """Write the message of the commit: the user's words or the title, evidence where it is one line, and the marker.

    Raises:
        WordsError: the user's template cannot be filled in.
    """
    words = fill(manners.commit_message, facts(story)) if manners.commit_message else title
    words = "".join(sign for sign in words if sign == "\n" or sign.isprintable()).strip()
    subject, _, rest = words.partition("\n")
    signed = f"Signed-off-by: {manners.sign_off}\n" if manners.sign_off else ""
    return f"{subject}\n\n{rest.strip() or _evidence(story)}\n\n{trailers(story.marker)}{signed}"


def contradicted(marker: Marker, message: str) -> str:
    """Write the comment on a pull request whose version is not proven any more."""
    why = code(message, _LONGEST_COMMENT)
    return f"{code(marker.to)} is not proven any more, so this is not merged by itself: {why}"


def farewell(message: str) -> str:
    """Write the comment with which a pull request is closed."""
    return f"Closed: {code(message, _LONGEST_COMMENT)}"


def _evidence(story: Story) -> str:
    marker, proof = story.marker, story.proof
    releases = ", ".join(map(str, marker.releases))
    lines = [f"{inert(marker.path)}: {marker.from_} -> {marker.to}", f"Staging: {releases}, chart {marker.chart}"]
    for hook in proof.hooks[:LISTED]:
        time = f" in {took(hook)}" if took(hook) else ""
        lines.append(f"- test {inert(hook.name)}: {inert(hook.phase)}{time}")
    if len(proof.hooks) > LISTED:
        lines.append(f"- and {len(proof.hooks) - LISTED} more")
    if proof.since:
        lines.append(f"Proven since {told(proof.since)} (revision {proof.revision})")
    return "\n".join(lines)
