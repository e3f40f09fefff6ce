"""Which OCIRepository a chartRef means, among all that are called so: a look-up, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.manifest.resource import DIGEST, REF_NAME, REF_NAMESPACE, SEMVER, TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from reconciler.core.manifest.item import Item


class Repositories:
    """The OCIRepositories of a tree, by name."""

    def __init__(self, items: Iterable[Item], editable: frozenset[str]) -> None:
        """Sort them. ``editable`` are the paths that decide among several that are equally near."""
        self._named: dict[str, _Pool] = {}
        self._in_namespace: dict[tuple[str, str | None], _Pool] = {}
        self._doubtful: dict[str, _Pool] = {}
        for one in items:
            self._named.setdefault(one.name, _Pool(editable)).items.append(one)
            self._in_namespace.setdefault((one.name, one.namespace), _Pool(editable)).items.append(one)
            if one.doubt:
                self._doubtful.setdefault(one.name, _Pool(editable)).items.append(one)

    def meant_by(self, release: Item) -> list[Item]:
        """Find what a chartRef means: in its namespace, applied with the release or near it, and then by paths.

        More than one are equally near, in the order of their paths.
        """
        name, namespace = release.text(REF_NAME) or "", release.text(REF_NAMESPACE) or release.namespace
        pool = self._in_namespace.get((name, namespace))
        if pool is None:
            pool = self._named.get(name) if namespace is None else self._in_namespace.get((name, None))
        if pool is None:
            pool = self._doubtful.get(name)
        return [] if pool is None else pool.nearest(release.root)


class _Pool:
    """OCIRepositories among which only their place in the tree decides."""

    def __init__(self, editable: frozenset[str]) -> None:
        self.items: list[Item] = []
        self._editable = editable
        self._by_root: dict[str, list[Item]] = {}
        self._below: dict[str, list[Item]] = {}

    def nearest(self, root: str) -> list[Item]:
        """Give those that one root applies, else those that share the most leading folders with it."""
        if len(self.items) == 1:
            return self.items
        if not self._by_root:
            self._sort()
        if (same := self._by_root.get(root)) is not None:
            return same
        while root and root not in self._below:
            root = root.rpartition("/")[0]
        return self._below[root]

    def _sort(self) -> None:
        for one in self.items:
            self._by_root.setdefault(one.root, []).append(one)
        for one in _preferred(self.items, lambda one: one.listed):
            folder = one.root
            while folder:
                self._below.setdefault(folder, []).append(one)
                folder = folder.rpartition("/")[0]
            self._below.setdefault("", []).append(one)
        self._by_root = {root: self._chosen(items) for root, items in self._by_root.items()}
        self._below = {root: self._chosen(items) for root, items in self._below.items()}

    def _chosen(self, items: list[Item]) -> list[Item]:
        """Give those that paths select, if any, and of several that ask for the very same one."""
        found = _preferred(
            _preferred(items, lambda one: one.listed), lambda one: not self._editable.isdisjoint(one.trail)
        )
        distinct = {tuple(map(one.site, (TAG, SEMVER, DIGEST))): one for one in found}
        return sorted(distinct.values(), key=lambda one: (one.path, one.line))


def _preferred(items: list[Item], better: Callable[[Item], bool]) -> list[Item]:
    """Give those that are better, or all where none is."""
    return [one for one in items if better(one)] or items
