"""One file of a tree: what it may be by its name, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.model import EntryKind

if TYPE_CHECKING:
    from reconciler.core.manifest.kustomization import FluxKustomization, Kustomization
    from reconciler.core.manifest.resource import Resource
    from reconciler.core.model import Entry

KUSTOMIZATION_NAMES: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


class File(NamedTuple):
    """What one file says. ``problem`` says why it says nothing, with its line."""

    resources: tuple[Resource, ...] = ()
    operations: tuple[str, ...] = ()
    """The pointers that a JSON patch sets or removes."""
    kustomization: Kustomization | None = None
    """Of a kustomization with a problem: what it may list, as far as can be told."""
    flux: tuple[FluxKustomization, ...] = ()
    problem: str | None = None
    names: tuple[str, ...] = ()
    """Of a file with a problem: the names that stand in it, so that its releases can be told why."""
    namespaces: tuple[str, ...] = ()
    """Of a file with a problem: the namespaces that its objects have, as far as can be told."""
    kinds: tuple[str, ...] = ()
    """Of a file with a problem: which of the kinds that are read it names."""


NOTHING: Final = File()
"""What most files of a tree say, as far as releases go."""


def refused(entry: Entry) -> File:
    """Say of an entry of a tree that is never read why not."""
    if entry.kind is EntryKind.SYMLINK:
        return File(problem="it is a symbolic link, which is never followed")
    return File(problem="it is over 1 MiB" if entry.kind is EntryKind.FILE else "it is no plain file")


def is_kustomization(path: str) -> bool:
    """Tell by its name whether kustomize would read a file as its configuration."""
    return path.endswith(_BELOW_A_FOLDER) or path in KUSTOMIZATION_NAMES


_BELOW_A_FOLDER: Final = tuple(f"/{name}" for name in sorted(KUSTOMIZATION_NAMES))


def is_manifest(path: str) -> bool:
    """Tell by its name whether a file may be a manifest at all."""
    return path.endswith((".yaml", ".yml", ".json")) or is_kustomization(path)
