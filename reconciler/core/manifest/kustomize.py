"""What the files of a tree amount to: every HelmRelease and OCIRepository as kustomize and Flux would apply it.

Only names, namespaces and versions are followed, in kustomize's own order: resources, components, patches (a later one
wins), namespace, prefix and suffix. A Flux Kustomization adds to the kustomization of its path, or stands in for one.
A version keeps the place in the file that it came from, so that the effective one is the one that is edited.
"""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import normpath
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.manifest.file import NOTHING, File, is_kustomization
from reconciler.core.manifest.item import Item, begun
from reconciler.core.manifest.patch import Bench, Change, Idle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.core.manifest.kustomization import Kustomization, Patch

MAX_NESTING: Final = 50
"""How deep kustomizations may include each other. Real trees stay below ten."""
MAX_STEPS: Final = 200_000
"""How many objects may be carried from one kustomization into another, or looked at for a patch, in all."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that a tree applies, and the patches in it that do nothing."""

    items: tuple[Item, ...]
    idle: tuple[Idle, ...]


def survey(files: Mapping[str, File], paths: Iterable[str]) -> Survey:
    """Work out what the files of a tree amount to.

    Args:
        files: what each manifest of the tree says, by path; files that say nothing may be left out.
        paths: every path of the tree that may be a manifest, to tell a missing file from one that says nothing.
    """
    build = _Build(files, frozenset(paths))
    items = [item for folder in build.roots() for item in build.applied(folder)]
    items += [item for path in build.left_over() for item in build.alone(path)]
    return Survey(tuple(items), tuple(dict.fromkeys(build.idle)))


class _Overlay(NamedTuple):
    """What a kustomization yields. ``complete`` is False where it asks for something that is not in the tree."""

    items: tuple[Item, ...]
    complete: bool


class _Folder(NamedTuple):
    """A folder that has a kustomization: the path of that file, what it says, and the paths that it names."""

    path: str
    kustomization: Kustomization
    resources: tuple[str, ...]
    components: tuple[str, ...]

    @classmethod
    def of(cls, path: str, kustomization: Kustomization) -> _Folder:
        """Resolve what a kustomization names."""
        folder = _folder(path)
        resources = tuple(_inside(folder, name) for name in kustomization.resources)
        return cls(path, kustomization, resources, tuple(_inside(folder, name) for name in kustomization.components))


_EMPTY: Final = _Overlay((), complete=True)
_MISSING: Final = _Overlay((), complete=False)
_ABSENT: Final = File(problem="it is not in the tree")


class _Build:
    """One run over a tree; kustomizations that several others share are built once."""

    def __init__(self, files: Mapping[str, File], paths: frozenset[str]) -> None:
        self._files = files
        self._paths = paths
        self._folders: dict[str, _Folder] = {}
        self._flux: dict[str, list[tuple[str, Kustomization]]] = {}
        for path, file in sorted(files.items()):
            if file.kustomization is not None and is_kustomization(path):
                self._folders[_folder(path)] = _Folder.of(path, file.kustomization)
            for flux in file.flux:
                self._flux.setdefault(_inside("", flux.path), []).append((path, flux.changes))
        self._overlays: dict[str, _Overlay] = {}
        self._open: set[str] = set()
        self._used: set[str] = set()
        self._steps = 0
        self.idle: list[Idle] = []

    # --- what is applied by itself -------------------------------------------------------------------------------

    def roots(self) -> list[str]:
        """Name the folders that are applied by themselves: by Flux, or because no kustomization includes them."""
        included = {path for one in self._folders.values() for path in (*one.resources, *one.components)}
        return sorted(
            folder
            for folder, one in self._folders.items()
            if folder in self._flux or not (folder in included or one.kustomization.component)
        )

    def applied(self, folder: str) -> Iterator[Item]:
        """Give what one root applies, once for each of its Flux Kustomizations."""
        if folder in self._flux:
            items = self._by_flux(self._contents(folder), folder)
        else:
            items = self._taken(self._overlay(folder), _folder(folder))
        return (one if one.root == folder else one._replace(root=folder) for one in items)

    def left_over(self) -> list[str]:
        """Name the manifests that no root has used."""
        return sorted(path for path, file in self._files.items() if file.resources and path not in self._used)

    def alone(self, path: str) -> Iterator[Item]:
        """Give what a manifest says by itself: Flux may take it in, or a kustomization above leaves it out."""
        folder = _folder(path)
        items = tuple(begun(resource, path, root=folder) for resource in self._files[path].resources)
        if self._decided(folder) in self._folders:
            return (one._replace(listed=False) for one in items)
        return self._taken(_Overlay(items, complete=True), folder)

    def _taken(self, overlay: _Overlay, folder: str) -> Iterator[Item]:
        """Give what lies below a folder as Flux takes it in: all of it, up to where a kustomization decides.

        See ``generateKustomization`` in ``fluxcd/pkg/kustomize``.
        """
        decided = self._decided(folder) if self._flux else ""
        if decided in self._flux and decided not in self._folders:
            return self._by_flux(overlay, decided)
        return iter(overlay.items)

    def _decided(self, folder: str) -> str:
        """Name the nearest folder, this one or one above, that a kustomization or Flux decides about, else the root."""
        while folder and folder not in self._folders and folder not in self._flux:
            folder = _folder(folder)
        return folder

    def _by_flux(self, overlay: _Overlay, folder: str) -> Iterator[Item]:
        """Add what each Flux Kustomization of a folder changes to what the folder's own kustomization does."""
        own = [self._folders[folder][:2]] if folder in self._folders else []
        for path, changes in self._flux[folder]:
            whole = overlay
            for component in changes.components:
                whole = self._component(whole, _inside(folder, component))
            yield from self._transformed(whole, folder, *own, (path, changes)).items

    # --- one kustomization ---------------------------------------------------------------------------------------

    def _overlay(self, folder: str) -> _Overlay:
        if folder not in self._overlays:
            self._overlays[folder] = self._transformed(self._contents(folder), folder, self._folders[folder][:2])
        return self._overlays[folder]

    def _contents(self, folder: str, into: _Overlay = _EMPTY) -> _Overlay:
        """Gather resources and components, a component's into what is there already. What includes itself has none."""
        if folder in self._open or len(self._open) == MAX_NESTING or not self._affords(len(into.items)):
            return into._replace(complete=False)
        self._open.add(folder)
        one = self._folders[folder]
        parts = [into, *(self._resource(folder, path) for path in one.resources)]
        distinct = {item.origin: item for part in parts for item in part.items}
        overlay = _Overlay(tuple(distinct.values()), all(part.complete for part in parts))
        for component in one.components:
            overlay = self._component(overlay, component)
        self._open.discard(folder)
        return overlay

    def _resource(self, folder: str, path: str) -> _Overlay:
        by = self._folders[folder].path
        if path in self._folders:
            overlay = self._overlay(path)
            if not self._affords(len(overlay.items)):
                return _MISSING
            return overlay._replace(items=tuple(one._replace(trail=(*one.trail, by)) for one in overlay.items))
        if path not in self._paths:
            return _MISSING
        self._used.add(path)
        file = self._files.get(path, NOTHING)
        items = tuple(begun(one, path, by, root=folder) for one in file.resources)
        return _Overlay(items, complete=file.problem is None)

    def _component(self, overlay: _Overlay, folder: str) -> _Overlay:
        """Let a component add its resources and change what is there already."""
        if folder not in self._folders:
            return overlay._replace(complete=False)
        return self._transformed(self._contents(folder, overlay), folder, self._folders[folder][:2])

    def _affords(self, steps: int) -> bool:
        self._steps += steps
        return self._steps <= MAX_STEPS

    def _transformed(self, overlay: _Overlay, folder: str, *layers: tuple[str, Kustomization]) -> _Overlay:
        """Apply patches, then names: of a kustomization, and of the Flux Kustomization that is laid over it."""
        for where, kustomization in layers:
            if kustomization.patches:
                overlay = self._patched(overlay, folder, where, kustomization.patches)
        namespace, prefix, suffix = None, "", ""
        for _, kustomization in layers:
            namespace = kustomization.namespace or namespace
            prefix, suffix = kustomization.prefix or prefix, kustomization.suffix or suffix
        return overlay._replace(items=tuple(one.renamed(namespace, prefix, suffix) for one in overlay.items))

    def _patched(self, overlay: _Overlay, folder: str, where: str, patches: Iterable[Patch]) -> _Overlay:
        bench = Bench(overlay.items, folder, complete=overlay.complete)
        for patch in patches:
            if not self._affords(bench.effort(patch)):
                return _MISSING
            path, file = self._patch_file(folder, patch.path) if patch.path else (where, patch.inline or NOTHING)
            bench.apply(Change(patch, path, file, where))
        self.idle += bench.idle
        return overlay._replace(items=bench.items())

    def _patch_file(self, folder: str, name: str) -> tuple[str, File]:
        path = _inside(folder, name)
        self._used.add(path)
        return path, self._files.get(path, NOTHING if path in self._paths else _ABSENT)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _inside(folder: str, path: str) -> str:
    """Resolve a path that a kustomization names. What leaves the tree, or is an address, is no path of the tree."""
    resolved = normpath(path if path.startswith("/") or not folder else f"{folder}/{path}")
    return "" if resolved == "." else resolved
