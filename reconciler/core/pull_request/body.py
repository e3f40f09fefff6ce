"""Our part of the body of a pull request: the evidence, and what a person can do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.core.pull_request.facts import LISTED, facts, moment, took
from reconciler.core.pull_request.markdown import code, inert
from reconciler.core.pull_request.marker import STATE, trailers
from reconciler.core.pull_request.names import HOLD, RETRY
from reconciler.core.pull_request.part import framed
from reconciler.core.pull_request.story import last_completed
from reconciler.core.pull_request.templates import fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reconciler.core.model import Gate, Manners
    from reconciler.core.pull_request.marker import Marker
    from reconciler.core.pull_request.story import Story

_OURS: Final = 50_000
"""Characters that we take of those that GitHub does: the rest is for people."""


def body(story: Story, manners: Manners) -> str:
    """Write our part of the body.

    Raises:
        WordsError: the user's template cannot be filled in.
    """
    words = fill(manners.body, facts(story)) if manners.body else "\n\n".join(filter(None, _blocks(story)))
    return framed(words, _copy(story.marker), _OURS)


def _copy(marker: Marker) -> str:
    """Copy the marker for people, but for how it stands, which changes: the program reads it from the commit."""
    few = replace(marker, releases=marker.releases[:LISTED])
    lines = [inert(line) for line in trailers(few).rstrip().split("\n") if not line.startswith(STATE)]
    return "\n".join(("<!--", *lines, *_rest(marker.releases), "-->"))


def _blocks(story: Story) -> Iterator[str]:
    yield _change(story)
    yield _tests(story)
    yield _releases(story)
    yield _gates(story.gates)
    yield _between(story)
    yield _steering(story)


def _change(story: Story) -> str:
    marker, app = story.marker, story.proof.app_version
    rows = [(f"chart {code(marker.chart)}", code(marker.from_), code(marker.to), story.bump.value)]
    rows += [("app", code(story.app_before) or "?", code(app), "")] if app else []
    return f"{_table(('', 'production', 'proven in staging', 'bump'), rows)}\n\nThis changes {code(marker.path)}."


def _tests(story: Story) -> str:
    hooks, proof = story.proof.hooks, story.proof
    where = f"revision {proof.revision} of {code(str(story.release))}"
    deployed = f", deployed {moment(proof.deployed_at)}" if proof.deployed_at else ""
    if not hooks:
        since = f" since {moment(proof.since)}" if proof.since else ""
        return f"**Ready in staging{since}, without tests**: {where}{deployed}."
    tested = f", tested {moment(story.tested)}" if story.tested else ""
    head = f"**{_count(len(hooks), 'test')} passed in staging**: {where}{deployed}{tested}."
    rows = [(code(hook.name), code(hook.phase), took(hook)) for hook in hooks[:LISTED]]
    return "\n\n".join((head, _table(("test hook", "phase", "took"), rows), *_rest(hooks)))


def _releases(story: Story) -> str:
    """Tell of the other releases that move with it."""
    others = list(zip(story.marker.releases, story.proofs, strict=True))[1:]
    if not others:
        return ""
    rows = [
        (code(str(release)), str(proof.revision), moment(last_completed(proof) or proof.since))
        for release, proof in others[:LISTED]
    ]
    head = f"**{_count(len(others), 'other release')} with the same pin**, proven at this version too:"
    return "\n\n".join((head, _table(("release", "revision", "tested"), rows), *_rest(others)))


def _gates(gates: Sequence[Gate]) -> str:
    rows = [(gate.gate, "passed" if gate.ok else "shut", code(gate.message or "")) for gate in gates]
    return f"**Gates**\n\n{_table(('gate', 'answer', ''), rows)}" if rows else ""


def _between(story: Story) -> str:
    """Tell of the versions on the way, the last of them."""
    seen = story.between[-LISTED:]
    told = ", ".join(
        f"{code(version.text)} {'proven' if proven else 'failed or taken back'}" for version, proven in seen
    )
    return f"**In between**, staging has seen: {told}." if told else ""


def _steering(story: Story) -> str:
    return "\n".join(
        (
            "**What you can do**",
            "",
            f"- Merge it: production gets {code(story.marker.to)}.",
            f"- Close it: a no to {code(story.marker.to)} only. The next proven version is proposed again.",
            f"- Label it {code(HOLD)}: it waits until you take the label off.",
            f"- Label it {code(RETRY)}: it is made anew, or proposed once more if it was closed.",
            "- Push to its branch: it is yours then, and is not updated any more.",
        )
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _rest(all_of_them: Sequence[object]) -> tuple[str, ...]:
    """Say how many of a list are not shown."""
    more = len(all_of_them) - LISTED
    return (f"and {more} more",) if more > 0 else ()
