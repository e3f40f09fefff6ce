"""The bare copy of one remote: shallow, private to us while we live, and worth nothing if lost."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.adapters.git import answers
from reconciler.adapters.git.program import GitError, Program
from reconciler.ports import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from reconciler.adapters.git.remote import Remote
    from reconciler.ports import PortError

BRANCHES = "refs/heads/helm-promotion/"
LEDGERS = "refs/helm-promoter/"

_SLOTS = 16
_DEPTH = 2  # a promotion's one commit and its parent
_DEEPER = 1000
_HEADER = re.compile(rb"([0-9a-f]+) (\w+) (\d+)\n")


@dataclass(frozen=True, slots=True)
class Object:
    """One object of the repository: its id, its type and its bytes."""

    oid: str
    kind: str
    content: bytes


class Cache:
    """A bare repository in a folder of its own. Nothing in it is needed: any of it may be missing or broken.

    The folder is ours by a file lock that git inherits, so that a git that outlives a killed process still holds it;
    whoever finds it taken uses the next folder. So nobody waits, and any ``*.lock`` of git found there is stale.
    """

    def __init__(self, root: Path, remote: Remote, branch: str, environ: Mapping[str, str]) -> None:
        self._remote = remote
        self._base = f"refs/heads/{branch}"
        self.folder, lock = _take(root, hashlib.sha256(remote.url.encode()).hexdigest()[:16])
        self.close = weakref.finalize(self, os.close, lock)
        self._program = Program(environ, held=(lock,))
        self._depth = _DEPTH
        for stale in self.folder.rglob("*.lock"):
            stale.unlink(missing_ok=True)

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Run a command on the cache alone.

        Raises:
            GitError: it failed; as a rule because the cache is broken.
        """
        return self._program.run(f"--git-dir={self.folder}", *arguments, stdin=stdin)

    def advertised(self) -> dict[str, str]:
        """Ask the remote for its branches and our ledger refs, by name.

        Raises:
            PortError: the remote cannot be read.
        """
        patterns = ("refs/heads/*", f"{LEDGERS}*")
        try:
            # Without the cache: it may be broken, and the remote's answer does not depend on it.
            listing = self._program.run(
                "ls-remote", "--quiet", "--refs", "--", self._remote.url, *patterns, access=self._remote.access()
            )
        except GitError as error:
            raise answers.reaching(error, self._remote.url) or self.unusable(error) from error
        return {ref: sha for sha, ref in _pairs(listing, "\t") if ref.startswith(("refs/heads/", LEDGERS))}

    def refs(self) -> dict[str, str]:
        """The remote's refs as last fetched: the base branch, our branches and our ledgers."""
        listing = self.run("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/seen/")
        return {self._there(ref): sha for sha, ref in _pairs(listing, " ")}

    def _there(self, ref: str) -> str:
        room, _, rest = ref.partition("/")
        return {"base": self._base, "branches": BRANCHES + rest, "ledgers": LEDGERS + rest}[room]

    def fetch(self) -> None:
        """Take over the base branch, our branches and our ledgers, all from one look at the remote.

        Raises:
            PortError: the remote cannot be read.
            GitError: git failed for another reason; as a rule because the cache is broken.
        """
        depth = (f"--depth={self._depth}",) if self.is_shallow() or not self.refs() else ()
        self._fetch(
            *("--prune", "--force", "--update-shallow", *depth),
            refs=(
                f"{self._base}:refs/seen/base",
                f"{BRANCHES}*:refs/seen/branches/*",
                f"{LEDGERS}*:refs/seen/ledgers/*",
            ),
        )
        with contextlib.suppress(GitError):  # a cache that was not tidied is a cache still
            self.run("gc", "--auto", "--quiet")

    def deepen(self, *, wholly: bool) -> None:
        """Fetch more of the base branch's history: a thousand commits, or all of it. Moves no ref."""
        self._fetch("--unshallow" if wholly else f"--deepen={_DEEPER}", refs=(self._base,))
        self._depth = _DEPTH + _DEEPER  # otherwise the next fetch would cut it off again

    def _fetch(self, *options: str, refs: tuple[str, ...]) -> None:
        fixed = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
        try:
            self._program.run(
                *(f"--git-dir={self.folder}", "fetch", *fixed, *options, "--", self._remote.url, *refs),
                access=self._remote.access(),
            )
        except GitError as error:
            if answer := answers.reaching(error, self._remote.url):
                raise answer from error
            raise

    def push(self, options: Iterable[str], refs: Iterable[str]) -> None:
        """Push.

        Raises:
            GitError: it failed, for any reason.
        """
        self._program.run(
            *(f"--git-dir={self.folder}", "push", "--no-verify", *options, "--", self._remote.url, *refs),
            access=self._remote.access(),
        )

    def unusable(self, error: GitError) -> PortError:
        """Say that git failed for a reason that we do not know."""
        return Unavailable(f"git failed on {self._remote.url}, copied in {self.folder}: {answers.brief(error.words)}")

    def is_shallow(self) -> bool:
        """Whether the history is cut off somewhere."""
        return self.run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def objects(self, names: Iterable[str]) -> Iterator[Object | None]:
        """Read objects by id or by ``commit:path``, in this order; None for one that does not exist."""
        request = "".join(f"{name}\n" for name in names)
        if not request:
            return
        out = self.run("cat-file", "--batch", stdin=request.encode())
        at = 0
        while at < len(out):
            if not (header := _HEADER.match(out, at)):
                at = out.index(b"\n", at) + 1
                yield None
                continue
            end = header.end() + int(header[3])
            yield Object(header[1].decode(), header[2].decode(), out[header.end() : end])
            at = end + 1

    def rebuild(self, object_format: str) -> None:
        """Throw the cache away and begin anew.

        Args:
            object_format: ``sha1`` or ``sha256``, as the remote has it.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        self._depth = _DEPTH
        self._program.run(
            *("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", "--", str(self.folder))
        )


def _take(root: Path, name: str) -> tuple[Path, int]:
    """Find a folder that nobody uses, and lock it for as long as the file stays open."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        for number in range(_SLOTS):
            folder = root / (f"{name}-{number}" if number else name)
            lock = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            return folder, lock
    except OSError as error:
        raise Refused(f"the cache folder {root} cannot be used ({error.strerror}): make it writable") from error
    raise Unavailable(f"{_SLOTS} processes use the cache folder {root} at once: stop some, or give each its own")


def _pairs(listing: bytes, separator: str) -> Iterator[tuple[str, str]]:
    for line in listing.decode(errors="backslashreplace").split("\n"):
        if line:
            sha, _, ref = line.partition(separator)
            yield sha, ref
