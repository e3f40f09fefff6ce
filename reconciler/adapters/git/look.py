"""One look at the remote, as records: the tree of base, and every promotion under our names."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.adapters.git.cache import BRANCHES, LEDGERS
from reconciler.adapters.git.program import GitError
from reconciler.core.model import Base, Entry, EntryKind, Proposal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.adapters.git.cache import Cache, Object

IDENTITY = "helm-promoter <helm-promoter@localhost>"
EXECUTABLE = "100755"

_KINDS = {"100644": EntryKind.FILE, EXECUTABLE: EntryKind.FILE, "100664": EntryKind.FILE, "120000": EntryKind.SYMLINK}
# What may be a path in a tree, but never one that we read or write: git itself refuses some of these in a checkout.
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f]|(?:^|/)(?:\.|\.\.|\.git|)(?:/|$)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOTE = re.compile(r"\nHelm-Promoter-Ledger: (self|[0-9a-f]{40,64})\n\Z")


@dataclass(frozen=True, slots=True)
class Written:
    """A commit as git keeps it. ``note`` is what a push that could not be atomic left in its message, see ``noted``."""

    sha: str
    tree: str = ""
    parents: tuple[str, ...] = ()
    ours: bool = False
    message: str = ""
    note: str = ""

    @classmethod
    def read(cls, found: Object) -> Written:
        """Take a commit apart. Anything else that a ref may point to has no tree and no message."""
        if found.kind != "commit":
            return cls(found.oid)
        head, _, body = found.content.decode(errors="replace").partition("\n\n")
        fields = [line.partition(" ")[::2] for line in head.split("\n")]
        note = _NOTE.search(body)
        return cls(
            found.oid,
            tree=next(value for name, value in fields if name == "tree"),
            parents=tuple(value for name, value in fields if name == "parent"),
            ours=any(name == "committer" and value.startswith(f"{IDENTITY} ") for name, value in fields),
            message=body[: note.start() + 1] if note else body,
            note=note[1] if note else "",
        )

    @property
    def is_own_ledger(self) -> bool:
        """Whether this is a head that we pushed before its ledger; a person's amendment of one is not ours."""
        return self.ours and self.note == "self"


def noted(message: str, ledger: str) -> str:
    """Say in a commit what the ledger is to be taken for while a push of several refs is under way.

    Where the server moves one ref at a time we may be killed between two of them. A new head goes first, and says that
    it is its own ledger (``self``); a withdrawing ledger goes first, and says that it counts only once the branch is
    no longer at the commit that it names. So at every instant the repository reads as before the action or as after.
    """
    return f"{message.rstrip(chr(10))}\nHelm-Promoter-Ledger: {ledger}\n"


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the remote. ``refs`` are its real refs, which a compare-and-swap must name.

    ``proposals`` are by branch, ``files`` by path, ``sizes`` by object id, and ``commits`` are what our refs point to.
    """

    refs: Mapping[str, str]
    base: Base
    proposals: Mapping[str, Proposal]
    files: Mapping[str, Entry]
    sizes: Mapping[str, int]
    executables: frozenset[str]
    commits: Mapping[str, Written]


def look(cache: Cache, base: str, before: Look | None) -> Look:
    """Read what the cache last fetched. The tree is not read again if ``before`` saw the same commit."""
    refs = cache.refs()
    commits = _commits(cache, {sha for ref, sha in refs.items() if ref != base})
    names = sorted({_rest(ref) for ref in refs if ref != base})
    proposals = tuple(_proposal(name, refs, commits) for name in names)
    if not before or before.base.sha != refs[base]:
        before = _tree(cache, refs[base])
    return replace(
        before,
        refs=refs,
        base=replace(before.base, proposals=proposals),
        proposals={proposal.branch: proposal for proposal in proposals},
        commits=commits,
    )


def _rest(ref: str) -> str:
    return ref.removeprefix(BRANCHES).removeprefix(LEDGERS)


def _commits(cache: Cache, shas: Iterable[str]) -> dict[str, Written]:
    wanted = sorted(shas)
    commits = [Written.read(found) for found in cache.objects(wanted) if found]
    if len(commits) != len(wanted):
        raise GitError("a commit is missing")
    return {commit.sha: commit for commit in commits}


def _proposal(rest: str, refs: Mapping[str, str], commits: Mapping[str, Written]) -> Proposal:
    branch, ledger_ref = BRANCHES + rest, LEDGERS + rest
    head, ledger = refs.get(branch), refs.get(ledger_ref)
    real = ledger
    if head and (commits[head].is_own_ledger or (ledger and commits[ledger].note == head)):
        ledger = head
    told = commits[ledger or head or ""]
    name = branch.removeprefix("refs/heads/")
    return Proposal(name, ledger_ref, head, ledger, told.message, unfinished=ledger != real)


def _tree(cache: Cache, sha: str) -> Look:
    """Read a whole tree: a look that knows nothing of proposals yet."""
    entries, executables = [], set()
    for line in cache.run("ls-tree", "-r", "-z", "-l", "--full-tree", sha).split(b"\0")[:-1]:
        about, _, raw = line.partition(b"\t")
        mode, _, oid, size = about.decode().split()
        entry = _entry(mode, oid, size, raw)
        entries.append(entry)
        if mode == EXECUTABLE:
            executables.add(entry.path)
    return Look(
        refs={},
        base=Base(sha, tuple(entries)),
        proposals={},
        files={entry.path: entry for entry in entries if entry.kind is EntryKind.FILE},
        sizes={entry.oid: entry.size for entry in entries},
        executables=frozenset(executables),
        commits={},
    )


def _entry(mode: str, oid: str, size: str, raw: bytes) -> Entry:
    """One line of the listing; what is never to be read is of the third kind, under a name that can be shown."""
    path = raw.decode(errors="backslashreplace")
    if _ODD.search(path) or path.encode() != raw:
        path = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", path)
        return Entry(path, oid, 0, EntryKind.OTHER)
    return Entry(path, oid, 0 if size == "-" else int(size), _KINDS.get(mode, EntryKind.OTHER))
