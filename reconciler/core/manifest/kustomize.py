"""What the files of a tree amount to: every HelmRelease and OCIRepository as kustomize and Flux would apply it.

Only names, namespaces and versions are followed, in kustomize's own order: resources, components, patches (a later one
wins), namespace, prefix and suffix. A Flux Kustomization adds to the kustomization of its path, or stands in for one.
A version keeps the place in the file that it came from, so that the effective one is the one that is edited.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from posixpath import normpath
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.manifest.file import NOTHING, File, is_kustomization, is_manifest
from reconciler.core.manifest.fluxes import Aimed, Applied, applied
from reconciler.core.manifest.item import Item, begun
from reconciler.core.manifest.kustomization import Kustomization
from reconciler.core.manifest.patch import Bench, Change, Idle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reconciler.core.manifest.kustomization import Patch

MAX_NESTING: Final = 50
"""How deep kustomizations may include each other. Real trees stay below ten."""
MAX_STEPS: Final = 200_000
"""How many objects may be carried from one kustomization into another, or looked at for a patch, in all.

A tree that asks for more is not followed at all: everything in it is then in doubt.
"""
_VISIT: Final = 4
"""How many objects one visit to a kustomization counts for, whatever it gathers."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Everything that a tree applies, and the patches in it that do nothing."""

    items: tuple[Item, ...]
    idle: tuple[Idle, ...]


class Named(NamedTuple):
    """The files that kustomizations name and that are more, or other, than their own names tell.

    ``resources`` are not called like a manifest, and ``patches`` stand under a target, where their kind does not count.
    """

    resources: frozenset[str]
    patches: frozenset[str]


def named(files: Mapping[str, File]) -> Named:
    """Tell which files must be read because a kustomization names them."""
    resources: list[str] = []
    patches: list[str] = []
    for path, file in files.items():
        if file.kustomization is not None:
            one, folder = file.kustomization, _folder(path)
            resources += (_inside(folder, name) for name in one.resources if not is_manifest(name))
            patches += (_inside(folder, patch.path) for patch in one.patches if patch.path and patch.target)
    return Named(frozenset(resources), frozenset(patches))


def survey(files: Mapping[str, File], paths: Iterable[str], targeted: Mapping[str, File] | None = None) -> Survey:
    """Work out what the files of a tree amount to.

    Args:
        files: what each manifest of the tree says, by path; files that say nothing may be left out.
        paths: every path of the tree that may be a manifest, to tell a missing file from one that says nothing.
        targeted: what those files say that are patches under a target, read as such.
    """
    build = _Build(files, frozenset(paths), targeted or {})
    items = [item for folder in build.roots() for item in build.applied(folder)]
    items += [item for path in build.left_over() for item in build.alone(path)]
    if build.exhausted:
        return Survey(tuple(build.doubtful()), ())
    return Survey(tuple(items), tuple(dict.fromkeys(build.idle)))


class _Overlay(NamedTuple):
    """What a kustomization yields. ``complete`` is False where it asks for something that is not in the tree."""

    items: tuple[Item, ...]
    complete: bool


class _Folder(NamedTuple):
    """A folder that has a kustomization: the path of that file, what it says, and the paths that it names.

    ``doubt`` says why it cannot be told what it does; what it names is then a guess.
    """

    path: str
    kustomization: Kustomization
    resources: tuple[str, ...]
    components: tuple[str, ...]
    doubt: str | None

    @classmethod
    def of(cls, path: str, file: File) -> _Folder:
        """Resolve what a kustomization names."""
        folder, said = _folder(path), file.kustomization or _UNKNOWN
        resources = [_inside(folder, name) for name in said.resources]
        components = [_inside(folder, name) for name in said.components]
        doubt = None if file.problem is None else f"{path}, which cannot be read ({file.problem})"
        return cls(path, said, tuple(dict.fromkeys(resources)), tuple(components), doubt)

    def beside(self, other: _Folder) -> _Folder:
        """Give a folder that has two of them."""
        resources = (*self.resources, *other.resources)
        doubt = f"{self.path}, which cannot be read (it stands beside {other.path}, and kustomize refuses two)"
        return self._replace(kustomization=_UNKNOWN, resources=resources, components=(), doubt=self.doubt or doubt)


_UNKNOWN: Final = Kustomization()
_EMPTY: Final = _Overlay((), complete=True)
_MISSING: Final = _Overlay((), complete=False)
_ABSENT: Final = File(problem="it is not in the tree")


class _Build:
    """One run over a tree; kustomizations that several others share are built once."""

    def __init__(self, files: Mapping[str, File], paths: frozenset[str], targeted: Mapping[str, File]) -> None:
        self._files = files
        self._paths = paths
        self._targeted = targeted
        self._folders: dict[str, _Folder] = {}
        self._flux: dict[str, list[Applied]] = {}
        self._doubtful = False
        for path in sorted(path for path, file in files.items() if _decides(file)):
            if is_kustomization(path):
                self._configure(_folder(path), _Folder.of(path, files[path]))
        self._overlays: dict[str, _Overlay] = {}
        self._open: set[str] = set()
        self._used: set[str] = set()
        self._steps = 0
        self.idle: list[Idle] = []
        self._reached: dict[str, set[str]] = {}
        self._find_flux()

    def _find_flux(self) -> None:
        """Note what Flux applies. A document that a kustomization has as a patch is no object."""
        if not any(file.flux for file in self._files.values()):
            return
        patches = [
            (patch.path and _inside(folder, patch.path), self._aimed(where, folder, patch))
            for where, folder, changes in self._changing()
            for patch in changes.patches
        ]
        no_objects = {path for path, _ in patches} - {path for one in self._folders.values() for path in one.resources}
        found = [
            (path, flux) for path in sorted(self._files) if path not in no_objects for flux in self._files[path].flux
        ]
        for one in applied(found, [aimed for _, aimed in patches], self):
            self._flux.setdefault(_inside("", one.folder), []).append(one)

    def _aimed(self, where: str, folder: str, patch: Patch) -> Aimed:
        file = self._patch_file(folder, patch)[1] if patch.path else patch.inline or NOTHING
        return Aimed(where, folder, patch, file)

    def reaches(self, folder: str, path: str) -> bool:
        """Tell whether the patches of a folder's kustomization may change what stands in a file."""
        if folder not in self._folders:
            return not folder or path.startswith(f"{folder}/")
        if folder not in self._reached:
            self._reached[folder] = self._below(folder)
        return self._folders[folder].kustomization.component or path in self._reached[folder]

    def _below(self, folder: str) -> set[str]:
        """Give the paths of all that a kustomization gathers."""
        found, left = {folder}, [folder]
        while left:
            one = self._folders[left.pop()]
            new = [path for path in (*one.resources, *one.components) if path not in found]
            if not self.affords(1 + len(new)):
                break
            found.update(new)
            left += [path for path in new if path in self._folders]
        return found

    def _changing(self) -> Iterator[tuple[str, str, Kustomization]]:
        """Give everything that may have patches, with its file and the folder in which these look for theirs."""
        for folder, one in self._folders.items():
            yield one.path, folder, one.kustomization
        for path, file in self._files.items():
            for flux in file.flux:
                yield path, _inside("", flux.path), flux.changes

    def _configure(self, folder: str, one: _Folder) -> None:
        if folder in self._folders:
            one = self._folders[folder].beside(one)
        self._folders[folder] = one
        self._doubtful = self._doubtful or one.doubt is not None

    @property
    def exhausted(self) -> bool:
        """Whether the tree asked for more than is followed, so that nothing of it is certain."""
        return self._steps > MAX_STEPS

    def doubtful(self) -> Iterator[Item]:
        """Give every object of the tree as its own file has it, all of them in doubt."""
        doubt = f"kustomizations that ask for over {MAX_STEPS} steps together, which are not followed"
        for path, file in sorted(self._files.items()):
            for resource in file.resources:
                yield begun(resource, path, root=_folder(path))._replace(doubt=doubt)

    # --- what is applied by itself -------------------------------------------------------------------------------

    def roots(self) -> list[str]:
        """Name the folders that are applied by themselves: by Flux, or because no kustomization includes them."""
        included = {path for one in self._folders.values() for path in (*one.resources, *one.components)}
        return [
            folder
            for folder, one in self._folders.items()
            if folder in self._flux or not (folder in included or one.kustomization.component)
        ]

    def applied(self, folder: str) -> Iterable[Item]:
        """Give what one root applies, once for each of its Flux Kustomizations."""
        above = _folder(folder)
        items = (
            self._by_flux(self._contents(folder), folder)
            if folder in self._flux
            else _doubted(self._taken(self._overlay(folder), above), self._doubt(above))
        )
        return [one if one.root == folder else one._replace(root=folder) for one in items]

    def left_over(self) -> list[str]:
        """Name the manifests that no root has used."""
        return sorted(path for path, file in self._files.items() if file.resources and path not in self._used)

    def alone(self, path: str) -> Iterable[Item]:
        """Give what a manifest says by itself: Flux may take it in, or a kustomization above leaves it out."""
        folder = _folder(path)
        items = tuple(begun(resource, path, root=folder) for resource in self._files[path].resources)
        decided = self._decided(folder)
        if decided not in self._folders:
            return self._taken(_Overlay(items, complete=True), folder)
        if doubt := self._folders[decided].doubt:
            return _doubted(items, doubt)
        return [one._replace(listed=False) for one in items]

    def _taken(self, overlay: _Overlay, folder: str) -> Iterable[Item]:
        """Give what lies below a folder as Flux takes it in: all of it, up to where a kustomization decides.

        See ``generateKustomization`` in ``fluxcd/pkg/kustomize``.
        """
        decided = self._decided(folder) if self._flux else ""
        if decided in self._flux and decided not in self._folders:
            return self._by_flux(overlay, decided)
        return overlay.items

    def _decided(self, folder: str) -> str:
        """Name the nearest folder, this one or one above, that a kustomization or Flux decides about, else the root."""
        while folder and folder not in self._folders and folder not in self._flux:
            folder = _folder(folder)
        return folder

    def _doubt(self, folder: str) -> str | None:
        """Say which kustomization, of this folder or one above, may include what is below and cannot be read."""
        while self._doubtful:
            if folder in self._folders and (doubt := self._folders[folder].doubt):
                return doubt
            if not folder or folder in self._flux:
                break
            folder = _folder(folder)
        return None

    def _by_flux(self, overlay: _Overlay, folder: str) -> Iterator[Item]:
        """Add what each Flux Kustomization of a folder changes to what the folder's own kustomization does."""
        own = [self._folders[folder][:2]] if folder in self._folders else []
        for _, path, changes, doubt in self._flux[folder]:
            if not self.affords(1 + len(overlay.items)):
                return
            whole = overlay
            for component in changes.components:
                whole = self._component(whole, _inside(folder, component))
            yield from _doubted(self._transformed(whole, folder, *own, (path, changes)).items, doubt)

    # --- one kustomization ---------------------------------------------------------------------------------------

    def _overlay(self, folder: str) -> _Overlay:
        if folder not in self._overlays:
            self._overlays[folder] = self._transformed(self._contents(folder), folder, self._folders[folder][:2])
        return self._overlays[folder]

    def _contents(self, folder: str, into: _Overlay = _EMPTY) -> _Overlay:
        """Gather resources and components, a component's into what is there already. What includes itself has none."""
        one = self._folders[folder]
        if folder in self._open or len(self._open) == MAX_NESTING:
            return into._replace(complete=False)
        if not self.affords(_VISIT + len(into.items) + len(one.resources)):
            return _MISSING
        self._open.add(folder)
        parts = [self._resource(folder, one.path, path) for path in one.resources]
        overlay = _joined([into, *parts]) if into.items or len(parts) != 1 else parts[0]
        for component in one.components:
            overlay = self._component(overlay, component)
        self._open.discard(folder)
        return overlay if one.doubt is None else _Overlay(tuple(_doubted(overlay.items, one.doubt)), complete=False)

    def _resource(self, folder: str, by: str, path: str) -> _Overlay:
        if path in self._folders:
            overlay = self._overlay(path)
            if not self.affords(len(overlay.items)):
                return _MISSING
            return overlay._replace(items=tuple(one._replace(trail=(*one.trail, by)) for one in overlay.items))
        file = self._files.get(path)
        if file is None and path not in self._paths:
            return _MISSING
        self._used.add(path)
        if file is None:
            return _EMPTY
        if not self.affords(len(file.resources)):
            return _MISSING
        items = tuple([begun(one, path, by, root=folder) for one in file.resources if not one.local])
        return _Overlay(items, file.problem is None)

    def _component(self, overlay: _Overlay, folder: str) -> _Overlay:
        """Let a component add its resources and change what is there already."""
        if folder not in self._folders:
            return overlay._replace(complete=False)
        return self._transformed(self._contents(folder, overlay), folder, self._folders[folder][:2])

    def affords(self, steps: int) -> bool:
        """Count work, and tell whether it may be done."""
        self._steps += steps
        return self._steps <= MAX_STEPS

    def _transformed(self, overlay: _Overlay, folder: str, *layers: tuple[str, Kustomization]) -> _Overlay:
        """Apply patches, then names: of a kustomization, and of the Flux Kustomization that is laid over it."""
        overlay = self._layered(overlay, folder, layers, late=False)
        namespace, prefix, suffix = None, "", ""
        for _, kustomization in layers:
            namespace = kustomization.namespace or namespace
            prefix, suffix = kustomization.prefix or prefix, kustomization.suffix or suffix
        items = tuple([one.renamed(namespace, prefix, suffix) for one in overlay.items])
        return self._layered(overlay._replace(items=items), folder, layers, late=True)

    def _layered(
        self, overlay: _Overlay, folder: str, layers: Iterable[tuple[str, Kustomization]], *, late: bool
    ) -> _Overlay:
        """Apply those patches that come before the names are changed, or those that come after it."""
        for where, kustomization in layers:
            patches = [one for one in kustomization.patches if one.late is late] if kustomization.patches else None
            if patches:
                overlay = self._patched(overlay, folder, where, patches)
        return overlay

    def _patched(self, overlay: _Overlay, folder: str, where: str, patches: Iterable[Patch]) -> _Overlay:
        bench = Bench(overlay.items, folder, complete=overlay.complete)
        for patch in patches:
            path, file = self._patch_file(folder, patch) if patch.path else (where, patch.inline or NOTHING)
            self._used.add(path)
            change = Change(patch, path, file, where)
            if not self.affords(bench.effort(change)):
                return _MISSING
            bench.apply(change)
        self.idle += bench.idle
        return overlay._replace(items=bench.items())

    def _patch_file(self, folder: str, patch: Patch) -> tuple[str, File]:
        path = _inside(folder, patch.path or "")
        if patch.target and path in self._targeted:
            return path, self._targeted[path]
        return path, self._files.get(path, NOTHING if path in self._paths else _ABSENT)


def _decides(file: File) -> bool:
    return file.kustomization is not None or file.problem is not None or bool(file.flux)


def _joined(parts: Iterable[_Overlay]) -> _Overlay:
    """Gather what several parts yield; what is one and the same object counts once."""
    distinct = {item.origin: item for part in parts for item in part.items}
    return _Overlay(tuple(distinct.values()), all(part.complete for part in parts))


def _doubted(items: Iterable[Item], doubt: str | None) -> Iterable[Item]:
    return items if doubt is None else [one._replace(doubt=one.doubt or doubt) for one in items]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _inside(folder: str, path: str) -> str:
    """Resolve a path that a kustomization names. What leaves the tree, or is an address, is no path of the tree."""
    plain = path.removeprefix("./")
    if folder and plain and _PLAIN.fullmatch(plain):
        return f"{folder}/{plain}"
    resolved = normpath(path if path.startswith("/") or not folder else f"{folder}/{path}")
    return "" if resolved == "." else resolved


_PLAIN: Final = re.compile(r"[^./][^/]*")
"""A name beside the kustomization itself, as most are: nothing to resolve."""
