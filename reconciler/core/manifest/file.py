"""One file of a tree: what it may be by its name, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from reconciler.core.manifest.kustomization import FluxKustomization, Kustomization
    from reconciler.core.manifest.resource import Resource

KUSTOMIZATION_NAMES: Final = frozenset({"kustomization.yaml", "kustomization.yml", "Kustomization"})


class File(NamedTuple):
    """What one file says. ``problem`` says why it says nothing, with its line."""

    resources: tuple[Resource, ...] = ()
    operations: tuple[str, ...] = ()
    """The pointers that a JSON patch sets or removes."""
    kustomization: Kustomization | None = None
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


def is_kustomization(path: str) -> bool:
    """Tell by its name whether kustomize would read a file as its configuration."""
    return path.endswith(_KUSTOMIZATION_ENDS) and path.rpartition("/")[2] in KUSTOMIZATION_NAMES


_KUSTOMIZATION_ENDS: Final = tuple(KUSTOMIZATION_NAMES)


def is_manifest(path: str) -> bool:
    """Tell by its name whether a file may be a manifest at all."""
    return path.endswith((".yaml", ".yml", ".json")) or is_kustomization(path)
