"""The Flux Kustomizations of a tree: which of them apply this tree, and of which that cannot be told.

A patch over a Flux Kustomization is none itself, and what the patched one applies is not followed. One that takes its
folder from another repository does not apply this tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from reconciler.core.manifest.flaw import shown
from reconciler.core.manifest.kustomization import FLUX_GROUP, FLUX_SPEC
from reconciler.core.manifest.target import may_select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reconciler.core.manifest.file import File
    from reconciler.core.manifest.kustomization import FluxKustomization, Kustomization, Patch, Source

_POINTERS: Final = frozenset(f"/spec/{key}" for key in FLUX_SPEC)


class Applied(NamedTuple):
    """A folder that Flux applies: by which file, with which changes, and why that is in doubt."""

    folder: str
    path: str
    changes: Kustomization
    doubt: str | None


class Aimed(NamedTuple):
    """A patch of a kustomization, with where that stands and what the patch says."""

    where: str
    folder: str
    patch: Patch
    file: File

    @property
    def size(self) -> int:
        """How many things the patch says."""
        return 1 + len(self.file.resources) + len(self.file.operations) + len(self.file.flux)


class Ground(Protocol):
    """What is known of the tree."""

    def affords(self, steps: int) -> bool:
        """Count work, and tell whether it may be done."""
        ...

    def reaches(self, folder: str, path: str) -> bool:
        """Tell whether the patches of a folder's kustomization may change what stands in a file."""
        ...


def applied(found: Sequence[tuple[str, FluxKustomization]], patches: Iterable[Aimed], ground: Ground) -> list[Applied]:
    """Give what the Flux Kustomizations of a tree apply.

    Args:
        found: all of them, with their files.
        patches: all patches of the tree.
        ground: the tree.
    """
    sources = {flux.source for _, flux in found if flux.source}
    own = [(path, flux) for path, flux in found if not _foreign(flux.source, sources)]
    changing = [one for one in patches if ground.affords(one.size) and _fields(one)]
    if not ground.affords(len(own) * sum(one.size for one in changing)):
        return []
    return [one for path, flux in own for one in _applied(path, flux, changing, sources, ground)]


def _applied(
    path: str, flux: FluxKustomization, changing: Iterable[Aimed], sources: set[Source], ground: Ground
) -> Iterator[Applied]:
    aimed = [one for one in changing if _hits(one, flux) and ground.reaches(one.folder, path)]
    doubt = _patched(path, flux, aimed) or _of_source(path, flux, sources)
    for folder in dict.fromkeys((flux.path, *(given for one in aimed for given in _paths(one)))):
        yield Applied(folder, path, flux.changes, doubt)


def _foreign(source: Source | None, sources: Iterable[Source]) -> bool:
    """Tell whether a source is another repository: where one has the usual name, all others are."""
    return source is not None and not source.usual and any(one.usual for one in sources)


def _of_source(path: str, flux: FluxKustomization, sources: set[Source]) -> str | None:
    if flux.source is None or flux.source.usual or len(sources) < 2:  # noqa: PLR2004 - one source, or several
        return None
    what = f"{shown(flux.source.kind)} {shown(flux.source.name)}"
    several = "one of several, of which none is called flux-system, so that it may be another repository"
    return f"{_called(path, flux)}, whose sourceRef {what} is {several}"


def _patched(path: str, flux: FluxKustomization, aimed: list[Aimed]) -> str | None:
    if not aimed:
        return None
    return f"{_called(path, flux)}, whose spec the patch in {aimed[0].where}:{aimed[0].patch.line} changes"


def _called(path: str, flux: FluxKustomization) -> str:
    return f"the Flux Kustomization {shown(flux.name)} in {path}"


def _fields(one: Aimed) -> bool:
    """Tell whether a patch may change what a Flux Kustomization applies."""
    file = one.file
    pointers = (
        *file.operations,
        *(pointer for flux in file.flux for pointer in flux.pointers),
        *(pointer for resource in file.resources for pointer in (*resource.values, *resource.removed)),
    )
    gone = any(resource.deleted for resource in file.resources)
    return gone or file.problem is not None or any(_meets(pointer) for pointer in pointers)


def _meets(pointer: str) -> bool:
    return any(one == pointer or one.startswith(f"{pointer}/") or pointer.startswith(f"{one}/") for one in _POINTERS)


def _hits(one: Aimed, flux: FluxKustomization) -> bool:
    if one.patch.target is not None:
        return may_select(one.patch.target, FLUX_GROUP, "Kustomization", flux.name)
    names = {other.name for other in one.file.flux}
    names |= {resource.name for resource in one.file.resources if resource.kind == "Kustomization"}
    return flux.name in names | set(one.file.names)


def _paths(one: Aimed) -> Iterator[str]:
    """Give the folders that a patch may have a Flux Kustomization apply instead."""
    yield from (flux.path for flux in one.file.flux if flux.path)
    for resource in one.file.resources:
        field = resource.field("/spec/path")
        if field is not None and field.text:
            yield field.text
