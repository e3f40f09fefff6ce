"""What git's history answers about drifted promotions: conflicts, what base once carried, and who touched a line."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.adapters.git.program import GitError
from reconciler.core.model import Findings, LastChange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.adapters.git.cache import Cache, Object
    from reconciler.adapters.git.look import Look
    from reconciler.core.model import Proposal, Question


def investigate(cache: Cache, seen: Look, questions: Sequence[Question]) -> dict[str, Findings]:
    """Answer all questions, by branch."""
    conflicts = _conflicts(cache, seen, questions)
    return {
        question.branch: Findings(
            conflicts=question.branch in conflicts,
            texts=_texts(cache, seen, question) if question.history else (),
        )
        for question in questions
    }


def _conflicts(cache: Cache, seen: Look, questions: Sequence[Question]) -> set[str]:
    """The branches that no longer merge into base at their path."""
    standing = [
        (question, proposal.head, proposal.ledger or proposal.head)
        for question in questions
        if (proposal := seen.proposals.get(question.branch)) and proposal.head
    ]
    # A person may have added commits to the branch: what we made it from is the parent of our own.
    names = [name for asked, head, ours in standing for name in (f"{ours}^:{asked.path}", f"{head}:{asked.path}")]
    found = tuple(cache.objects(names))
    pairs = zip(found[::2], found[1::2], strict=True)
    return {
        question.branch
        for (question, _, _), (parent, head) in zip(standing, pairs, strict=True)
        if not _merges(cache, seen, question.path, parent, head)
    }


def _merges(cache: Cache, seen: Look, path: str, parent: Object | None, head: Object | None) -> bool:
    entry = seen.files.get(path)
    if not (entry and parent and head):
        return False
    if entry.oid in (parent.oid, head.oid):
        return True
    (base,) = cache.objects([entry.oid])
    return base is not None and _three_way(cache, base.content, parent.content, head.content)


def _three_way(cache: Cache, ours: bytes, ancestor: bytes, theirs: bytes) -> bool:
    with tempfile.TemporaryDirectory(dir=cache.folder) as folder:
        paths = [Path(folder, name) for name in ("ours", "ancestor", "theirs")]
        for path, content in zip(paths, (ours, ancestor, theirs), strict=True):
            path.write_bytes(content)
        try:
            cache.run("merge-file", "--stdout", "--quiet", "--", *map(str, paths))
        except GitError:  # it ends with the number of conflicts
            return False
    return True


def _texts(cache: Cache, seen: Look, question: Question) -> tuple[str, ...]:
    """Each text that base carried at the path since the promotion was proposed, the newest first."""
    proposal = seen.proposals.get(question.branch)
    commits = _since(cache, seen, proposal, question.path) if proposal and proposal.ledger else ()
    found = cache.objects(f"{sha}:{question.path}" for sha in (seen.base.sha, *commits))
    contents = dict.fromkeys(blob.content for blob in found if blob and blob.kind == "blob")
    return tuple(text for content in contents if (text := _decoded(content)) is not None)


def _since(cache: Cache, seen: Look, proposal: Proposal, path: str) -> tuple[str, ...]:
    """The commits of base after the ledger's parent that touched the path.

    The parent, not the ledger: a promotion that was merged by a merge commit is itself a part of base.
    """
    parents = seen.commits[proposal.ledger or ""].parents
    start = _common(cache, seen.base.sha, parents[0]) if parents else None
    span = f"{start}..{seen.base.sha}" if start else seen.base.sha
    return tuple(cache.run("log", "--topo-order", "--full-history", "--format=%H", span, "--", path).decode().split())


def _common(cache: Cache, base: str, other: str) -> str | None:
    """The merge base, for which the history is fetched as far as needed; None where base was rewritten."""
    for wholly in (False, True):
        if (found := _merge_base(cache, base, other)) or not cache.is_shallow():
            return found
        cache.deepen(wholly=wholly)
    return _merge_base(cache, base, other)


def _merge_base(cache: Cache, base: str, other: str) -> str | None:
    try:
        return cache.run("merge-base", base, other).decode().strip()
    except GitError:  # it says nothing and ends with 1 if there is none
        return None


def _decoded(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def last_change(cache: Cache, base: str, path: str, line: int) -> LastChange | None:
    """Tell who touched a line last, None where the history that we fetch for it does not reach so far."""
    if not (found := _blame(cache, base, path, line)) and cache.is_shallow():
        cache.deepen(wholly=False)
        found = _blame(cache, base, path, line)
    return found


def _blame(cache: Cache, base: str, path: str, line: int) -> LastChange | None:
    # Without --root the commit at which the history is cut off counts as boundary; so would a true first commit.
    root = () if cache.is_shallow() else ("--root",)
    out = cache.run("blame", "--porcelain", *root, "-L", f"{line},{line}", base, "--", path)
    sha, *lines = out.decode(errors="replace").split("\n")
    told = dict(line.partition(" ")[::2] for line in lines if not line.startswith("\t"))
    if "boundary" in told:
        return None
    at = datetime.fromtimestamp(int(told["author-time"]), UTC)
    return LastChange(sha.partition(" ")[0], told["author"], at)
