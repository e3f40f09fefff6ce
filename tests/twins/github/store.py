"""What the twin asks of a git repository, and what follows from that alone."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.twins.github.objects import (
    TREE,
    Commit,
    File,
    decode_commit,
    decode_tree,
    encode_commit,
    encode_tree,
    identify,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# https://git-scm.com/docs/git-check-ref-format, for names that begin with refs/
_BAD_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|/$|\.$|\.lock(/|$)")


class Stale(Exception):  # noqa: N818 - a verdict, not a name of a class
    """A ref is not where it was expected. Nothing moved."""


class Blocked(Exception):  # noqa: N818 - likewise
    """A ref cannot exist beside another: one's name is a folder of the other's. Nothing moved."""


@dataclass(frozen=True, slots=True)
class Move:
    """One ref from ``before`` (zeros: must not exist, None: wherever it is) to ``after`` (zeros: delete)."""

    name: str
    before: str | None
    after: str


def is_ref_name(name: str) -> bool:
    return name.startswith("refs/") and name.count("/") > 1 and not _BAD_NAME.search(name)


class Store(ABC):
    """Objects by content, refs that move all or none, and git's questions about history. No object is ever lost."""

    def __init__(self) -> None:
        self._objects: dict[str, tuple[str, bytes]] = {}
        self._flat: dict[str, dict[str, File]] = {}
        self._merges: dict[tuple[str, str], str | None] = {}

    # --- what each kind of store does for itself ---

    @abstractmethod
    def _save(self, kind: str, body: bytes) -> None:
        """Keep an object that was not kept before."""

    @abstractmethod
    def _load(self, oid: str) -> tuple[str, bytes] | None:
        """Find an object that is not remembered."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what the store holds open."""

    @abstractmethod
    def refresh(self) -> None:
        """Look again where refs point: somebody may have pushed."""

    @abstractmethod
    def refs(self) -> dict[str, str]:
        """Every ref and where it points, sorted by name."""

    @abstractmethod
    def move(self, moves: Sequence[Move]) -> None:
        """Move refs, all or none.

        Raises:
            Stale: one is not where it was expected.
            Blocked: one's name is a folder of another's.
        """

    @abstractmethod
    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits."""

    @abstractmethod
    def log(self, head: str, *, hide: str | None = None, path: str = "") -> list[str]:
        """Commits from ``head`` on, newest first, without those that ``hide`` has; those that changed ``path``."""

    @abstractmethod
    def blame(self, head: str, path: str) -> list[str]:
        """For each line of a file, the commit that it comes from."""

    @abstractmethod
    def _merge(self, ours: str, theirs: str) -> str | None:
        """Merge two commits for the first time."""

    @abstractmethod
    def patch(self, old: bytes, new: bytes) -> str:
        """The hunks between two texts as git writes them, without file headers; empty for binary ones."""

    @abstractmethod
    def fork(self) -> Store:
        """A repository of the same network: it shares objects, and starts with the same branches."""

    # --- what follows ---

    def ref(self, name: str) -> str | None:
        return self.refs().get(name)

    def merge(self, ours: str, theirs: str) -> str | None:
        """The tree of the merge of two commits, None where they conflict."""
        if (ours, theirs) not in self._merges:
            self._merges[ours, theirs] = self._merge(ours, theirs)
        return self._merges[ours, theirs]

    def put(self, kind: str, body: bytes) -> str:
        oid = identify(kind, body)
        if oid not in self._objects:
            self._save(kind, body)
            self._objects[oid] = (kind, body)
        return oid

    def get(self, oid: str) -> tuple[str, bytes] | None:
        """Kind and bytes of an object, None if there is none."""
        if oid not in self._objects:
            found = self._load(oid)
            if found is None:
                return None
            self._objects[oid] = found
        return self._objects[oid]

    def body(self, oid: str, kind: str) -> bytes:
        found = self.get(oid)
        if found is None or found[0] != kind:
            raise KeyError(f"no {kind} {oid}")
        return found[1]

    def blob(self, oid: str) -> bytes:
        return self.body(oid, "blob")

    def commit(self, oid: str) -> Commit:
        return decode_commit(self.body(oid, "commit"))

    def tree(self, oid: str) -> dict[str, File]:
        return decode_tree(self.body(oid, "tree"))

    def put_commit(self, commit: Commit) -> str:
        return self.put("commit", encode_commit(commit))

    def files(self, tree: str) -> Mapping[str, File]:
        """Every file below a tree, by its whole path."""
        if tree not in self._flat:
            flat = self._flat[tree] = dict[str, File]()
            for name, entry in self.tree(tree).items():
                if entry.mode == TREE:
                    flat |= {f"{name}/{path}": file for path, file in self.files(entry.oid).items()}
                else:
                    flat[name] = entry
        return self._flat[tree]

    def put_files(self, files: Mapping[str, File]) -> str:
        """Write a tree and all that are below it."""
        here: dict[str, File] = {}
        below: dict[str, dict[str, File]] = {}
        for path, file in files.items():
            folder, slash, rest = path.partition("/")
            if slash:
                below.setdefault(folder, {})[rest] = file
            else:
                here[path] = file
        here |= {name: File(TREE, self.put_files(inner)) for name, inner in below.items()}
        return self.put("tree", encode_tree(here))

    def changed(self, tree: str, changes: Mapping[str, File | None]) -> str:
        """Write a tree that differs from another in these paths; None takes one away."""
        files = {**self.files(tree), **changes}
        return self.put_files({path: file for path, file in files.items() if file is not None})

    def at(self, tree: str, path: str) -> File | None:
        """What stands at a path below a tree."""
        here: File | None = File(TREE, tree)
        for name in filter(None, path.split("/")):
            here = self.tree(here.oid).get(name) if here and here.mode == TREE else None
        return here

    def is_ancestor(self, old: str, new: str) -> bool:
        return old == new or self.merge_base(old, new) == old

    def pick(self, commit: str, onto: str) -> str | None:
        """The tree of applying one commit's change onto another commit, None where they conflict."""
        picked = self.commit(commit)
        base = self.commit(onto)
        ours = Commit(base.tree, picked.parents[:1], base.author, base.committer, base.message)
        return self.merge(self.put_commit(ours), commit)


def branch(name: str) -> str:
    """The full name of a branch's ref."""
    return f"refs/heads/{name}"
