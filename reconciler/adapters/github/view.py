"""What one look has seen of a repository, and whether it may be looked at again by two questions only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.adapters.github.shapes import BRANCHES
from reconciler.core.model import Base, EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.adapters.github.contents import Tree
    from reconciler.adapters.github.look import Me, Standing
    from reconciler.core.model import Entry

PAGE: Final = 50
"""How many pull requests are listed, the last changed first: any change of any of them shows in the list."""


class _Home(msgspec.Struct, frozen=True):
    full_name: str


class _Head(msgspec.Struct, frozen=True):
    ref: str
    sha: str
    repo: _Home | None = None


class Listed(msgspec.Struct, frozen=True):
    """A pull request as the list has it."""

    number: int
    state: str
    head: _Head


@dataclass(frozen=True, slots=True)
class View:
    """One look.

    ``standings`` are by branch, ``branches`` and ``scratches`` are where refs under our prefixes point; those have
    their whole names. ``id`` is the repository's.
    """

    repository: str
    id: str
    me: Me
    tree: Tree
    base: Base
    standings: Mapping[str, Standing]
    branches: Mapping[str, str]
    scratches: Mapping[str, str]
    files: Mapping[str, Entry] = field(repr=False)
    sizes: Mapping[str, int] = field(repr=False)

    @property
    def named(self) -> dict[str, str]:
        """Name the repository to GraphQL."""
        owner, _, name = self.repository.partition("/")
        return {"owner": owner, "name": name}


def files_of(tree: Tree) -> dict[str, Entry]:
    """Find the plain files of a tree by their paths."""
    return {entry.path: entry for entry in tree.entries if entry.kind is EntryKind.FILE}


def sizes_of(tree: Tree) -> dict[str, int]:
    """Give the bytes of every content of a tree by its id."""
    return {entry.oid: entry.size for entry in tree.entries}


def agrees(view: View, page: Iterable[Listed]) -> bool:
    """Tell whether the list and the look show the same of ours. GitHub lets either lag behind."""
    shown = {
        standing.pull.number: standing.pull.head_ref_oid
        for standing in view.standings.values()
        if standing.pull is not None and standing.pull.open
    }
    prefix = BRANCHES.removeprefix("refs/heads/")
    listed = list(page)
    ours = {
        one.number: one
        for one in listed
        if one.head.ref.startswith(prefix)
        and one.head.repo is not None
        and one.head.repo.full_name.lower() == view.repository.lower()
    }
    if len(listed) < PAGE and not shown.keys() <= ours.keys():
        return False
    return all(shown.get(number) == (one.head.sha if one.state == "open" else None) for number, one in ours.items())


def is_settled(view: View, *, lands: bool) -> bool:
    """Tell whether GitHub has made up its mind about everything: it works out conflicts when it is asked.

    Args:
        view: what was seen.
        lands: whether we merge what has nothing to wait for. Checks leave no trace in the list.
    """
    standing = [one.pull for one in view.standings.values() if one.pull is not None and one.pull.open]
    if any(pull.mergeable == "UNKNOWN" for pull in standing):
        return False
    return not (lands and any(pull.quiet and not pull.is_draft and not pull.asked.nodes for pull in standing))
