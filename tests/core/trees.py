"""Builders of trees: manifests, kustomizations and Flux Kustomizations as text, by path."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, cast

from reconciler.core.manifest import File, Finder, Globs, Survey, is_kustomization, read
from reconciler.core.model import Base, Entry, EntryKind, Key, NoPin, Pin
from reconciler.reconcile import Reader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from reconciler.ports import Production

Tree = dict[str, str]


def release(name: str = "vault", version: str | None = "1.0.0", namespace: str = "", chart: str = "vault") -> str:
    meta = f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
    given = f", version: {version}" if version is not None else ""
    spec = f"{{chart: {{spec: {{chart: {chart}{given}}}}}}}"
    return f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {meta}\nspec: {spec}\n"


def patch(
    name: str = "vault", version: str = "2.0.0", namespace: str = "", api: str = "helm.toolkit.fluxcd.io/v2"
) -> str:
    meta = f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
    return (
        f"apiVersion: {api}\nkind: HelmRelease\nmetadata: {meta}\n"
        f"spec:\n  chart:\n    spec:\n      version: {version}\n"
    )


def repository(name: str = "vault", ref: str = "{tag: 1.0.0}") -> str:
    return (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n"
        f"metadata: {{name: {name}}}\nspec: {{url: oci://x/{name}, ref: {ref}}}\n"
    )


def component(body: str) -> str:
    return f"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{body}"


def flux(path: str, more: str = "", name: str = "apps") -> str:
    return (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        f"metadata: {{name: {name}, namespace: flux-system}}\nspec:\n  path: {path}\n{more}"
    )


class Shelf:
    """A repository whose files are in memory."""

    def __init__(self, tree: Mapping[str, str | bytes | EntryKind]) -> None:
        self.contents = {
            path: one if isinstance(one, bytes | EntryKind) else one.encode() for path, one in tree.items()
        }

    def base(self) -> Base:
        return Base("0" * 40, tuple(starmap(_entry, self.contents.items())))

    def read(self, oids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        for oid in oids:
            data = self.contents[oid]
            assert isinstance(data, bytes), "what is no file is not read"
            yield oid, data


def _entry(path: str, data: bytes | EntryKind) -> Entry:
    return Entry(path, path, len(data)) if isinstance(data, bytes) else Entry(path, path, 0, data)


def look(tree: Mapping[str, str | bytes | EntryKind]) -> tuple[Mapping[str, File], Survey]:
    """Read a tree as a pass does."""
    shelf = Shelf(tree)
    return Reader().manifests(shelf.base(), cast("Production", shelf))


def surveyed(tree: Tree) -> Survey:
    return look(tree)[1]


def read_all(tree: Tree) -> dict[str, File]:
    return {path: read(text.encode(), kustomization=is_kustomization(path)) for path, text in tree.items()}


def finder(tree: Mapping[str, str | bytes | EntryKind], *paths: str) -> Finder:
    """Search a tree as a promotion with these globs does."""
    files, amount = look(tree)
    selected = frozenset(path for path in tree if Globs(paths or ("**",)).selects(path))
    return Finder(amount, selected, {path: file for path, file in files.items() if path in selected and file.problem})


def find(
    tree: Mapping[str, str | bytes | EntryKind], *paths: str, key: str = "prod/vault", chart: str | None = "vault"
) -> Pin | NoPin:
    """Look for the pin of a release in a tree, as a promotion with these globs does."""
    return finder(tree, *paths).find(Key(*key.split("/")), chart)
