"""Makes commits in the cache and moves our refs on the remote, by compare-and-swap."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING

from reconciler.adapters.git import answers
from reconciler.adapters.git.look import EXECUTABLE, IDENTITY
from reconciler.adapters.git.program import GitError
from reconciler.ports import Unavailable

if TYPE_CHECKING:
    from reconciler.adapters.git.cache import Cache
    from reconciler.core.model import Commit, Edit


@dataclass(frozen=True, slots=True)
class Move:
    """One ref of the remote, from what it must be to what it shall be; None is no ref."""

    ref: str
    before: str | None
    after: str | None


class NotAtomic(Exception):  # noqa: N818 - a fact about the server, not an error
    """The server moves one ref at a time."""


def push(cache: Cache, moves: tuple[Move, ...], push_options: tuple[str, ...], url: str) -> None:
    """Move refs, all or none. That they are already where they shall be is success: another process was faster.

    Raises:
        NotAtomic: the server can move one ref at a time only, and has moved none.
        PortError: nothing was moved.
        GitError: nothing was moved, and git's words tell us nothing.
    """
    options = ["--porcelain", *_leases(moves)]
    if len(moves) > 1:
        options.append("--atomic")
    if any(move.after and move.ref.startswith("refs/heads/") for move in moves):
        options += [f"--push-option={option}" for option in push_options]
    try:
        cache.push(options, _refspecs(moves))
    except GitError as error:
        if answers.lacks_atomic(error):
            raise NotAtomic from error
        if _arrived(cache, moves):
            return
        if answer := answers.pushing(error, url):
            raise answer from error
        raise


def _arrived(cache: Cache, moves: tuple[Move, ...]) -> bool:
    """Look at what a failed push has left: git's words for a lost race are many, the refs are the truth.

    Raises:
        Unavailable: somebody else moved one of the refs.
    """
    now = cache.advertised()
    if all(now.get(move.ref) == move.after for move in moves):
        return True
    moved = tuple(move for move in moves if now.get(move.ref) != move.before)
    if any(not move.after or now.get(move.ref) != move.after for move in moved):
        names = " and ".join(move.ref for move in moved)
        raise Unavailable(f"{names} moved since it was observed: the next pass looks again")
    if moved:
        _take_back(cache, moved)
    return False


def _take_back(cache: Cache, moved: tuple[Move, ...]) -> None:
    """Undo half a push: git's own server moves the other refs when it refuses a hidden one, atomic or not."""
    back = tuple(Move(move.ref, move.after, move.before) for move in moved)
    with contextlib.suppress(GitError):  # what stays behind is seen in the next pass
        cache.push(_leases(back), _refspecs(back))


def _leases(moves: tuple[Move, ...]) -> list[str]:
    return [f"--force-with-lease={move.ref}:{move.before or ''}" for move in moves]


def _refspecs(moves: tuple[Move, ...]) -> list[str]:
    return [f"{move.after or ''}:{move.ref}" for move in moves]


def commit_edits(cache: Cache, base: str, edits: tuple[Edit, ...], executables: frozenset[str], commit: Commit) -> str:
    """Make the one commit of a promotion: base's tree with the edited files in place."""
    changes = b"".join(
        _line(f"M {EXECUTABLE if edit.path in executables else '100644'} inline {_quoted(edit.path)}")
        + _data(edit.after.encode())
        for edit in edits
    )
    return _commit(cache, (base,), changes, commit)


def commit_words(cache: Cache, tree: str, parents: tuple[str, ...], commit: Commit) -> str:
    """Make a commit that says something else about the same tree."""
    return _commit(cache, parents, _line(f'M 040000 {tree} ""'), commit)


def _commit(cache: Cache, parents: tuple[str, ...], changes: bytes, commit: Commit) -> str:
    """Write a commit by git's import stream: it reads and writes the touched folders only, and needs no index.

    Identity and dates are given, so that two processes make the same commit.
    """
    who = f"{IDENTITY} {int(commit.at.timestamp())} +0000"
    stream = b"".join(
        (
            *map(_line, ("feature done", "commit refs/made", "mark :1", f"author {who}", f"committer {who}")),
            _data(commit.message.encode()),
            *(
                _line(f"{word} {parent}")
                for word, parent in zip(chain(("from",), repeat("merge")), parents, strict=False)
            ),
            changes,
            *map(_line, ("", "get-mark :1", "done")),
        )
    )
    return cache.run("fast-import", "--quiet", "--force", stdin=stream).decode().strip()


def _line(text: str) -> bytes:
    return text.encode() + b"\n"


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
