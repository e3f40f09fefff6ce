"""The store over a real bare git repository, by its plumbing."""

from __future__ import annotations

import os
import re
import subprocess
import zlib
from typing import TYPE_CHECKING

from tests.disk import UNSYNCED
from tests.twins.github.objects import ZEROS, identify
from tests.twins.github.store import Blocked, Stale, Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.twins.github.store import Move

_ENVIRON = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    **UNSYNCED,
}


class GitStore(Store):
    """A bare repository at ``path``, made if there is none. A fork is a namespace of refs in the same repository."""

    def __init__(self, path: Path, namespace: str = "refs/") -> None:
        super().__init__()
        self.path = path
        self._namespace = namespace
        self._forks: list[GitStore] = []
        self._seen: dict[str, str] | None = None
        if not path.exists():
            self._git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(path), where="/")
        self._reader = subprocess.Popen(
            ("git", "cat-file", "--batch"), cwd=path, env=_ENVIRON, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def close(self) -> None:
        self._reader.communicate()
        for fork in self._forks:
            fork.close()

    def refresh(self) -> None:
        self._seen = None

    def refs(self) -> dict[str, str]:
        if self._seen is None:
            self._seen = self._look()
        return dict(self._seen)

    def _look(self) -> dict[str, str]:
        listing = self._git("for-each-ref", "--format=%(objectname) %(refname)", self._namespace)
        pairs = [line.split(" ", 1) for line in listing.splitlines()]
        return {
            "refs/" + name.removeprefix(self._namespace): oid
            for oid, name in pairs
            if self._namespace != "refs/" or not name.startswith("refs/forks/")
        }

    def move(self, moves: Sequence[Move]) -> None:
        commands = [self._command(move) for move in moves]
        self.refresh()
        try:
            self._git("update-ref", "--stdin", stdin="\n".join(["start", *commands, "prepare", "commit", ""]).encode())
        except subprocess.CalledProcessError as failed:
            words = failed.stderr.decode()
            raise (Blocked if re.search(r"exists; cannot create|at the same time", words) else Stale)(words) from None

    def merge_base(self, one: str, other: str) -> str | None:
        try:
            return self._git("merge-base", one, other).strip()
        except subprocess.CalledProcessError:
            return None

    def log(self, head: str, *, hide: str | None = None, path: str = "") -> list[str]:
        hidden = (f"^{hide}",) if hide else ()
        return self._git("rev-list", head, *hidden, "--", *((path,) if path else ())).split()

    def blame(self, head: str, path: str) -> list[str]:
        listing = self._git("blame", "--line-porcelain", head, "--", path)
        return re.findall(r"^([0-9a-f]{40}) \d+ \d+", listing, re.MULTILINE)

    def _merge(self, ours: str, theirs: str) -> str | None:
        try:
            return self._git("merge-tree", "--write-tree", "--no-messages", ours, theirs).split()[0]
        except subprocess.CalledProcessError:
            return None

    def patch(self, old: bytes, new: bytes) -> str:
        shown = self._git("diff", "--no-color", "--no-ext-diff", self.put("blob", old), self.put("blob", new), "--")
        _, start, hunks = shown.partition("\n@@ ")
        return (start + hunks).strip("\n")

    def fork(self) -> Store:
        namespace = f"refs/forks/{len(self._forks)}/"
        for name, oid in self.refs().items():
            if name.startswith("refs/heads/"):
                self._git("update-ref", namespace + name.removeprefix("refs/"), oid)
        self._forks.append(GitStore(self.path, namespace))
        return self._forks[-1]

    def _save(self, kind: str, body: bytes) -> None:
        """Write a loose object as git does: many times faster than a process for each."""
        oid = identify(kind, body)
        place = self.path / "objects" / oid[:2] / oid[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(b"%s %d\0%s" % (kind.encode(), len(body), body), level=1))

    def _load(self, oid: str) -> tuple[str, bytes] | None:
        assert self._reader.stdin
        assert self._reader.stdout
        self._reader.stdin.write(oid.encode() + b"\n")
        self._reader.stdin.flush()
        _, kind, *size = self._reader.stdout.readline().decode().split()
        if not size:
            return None
        return kind, self._reader.stdout.read(int(size[0]) + 1)[:-1]

    def _command(self, move: Move) -> str:
        name = self._namespace + move.name.removeprefix("refs/")
        if move.after == ZEROS:
            return f"delete {name} {move.before or ''}".rstrip()
        return f"update {name} {move.after} {move.before or ''}".rstrip()

    def _git(self, *arguments: str, stdin: bytes = b"", where: str = "") -> str:
        done = subprocess.run(
            ("git", *arguments), cwd=where or self.path, env=_ENVIRON, input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode(errors="surrogateescape")
