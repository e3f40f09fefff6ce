"""What the files of a tree amount to: every HelmRelease and OCIRepository as kustomize and Flux would apply it.

Only names, namespaces and versions are followed, by kustomize's own order: resources, components, patches (a later one
wins), namespace, prefix and suffix; then a Flux Kustomization's ``targetNamespace``. A version keeps the place in the
file that it came from, so that the effective one is the one that is edited.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING, Final

from reconciler.core.manifest.resource import HELM_RELEASE, Field, File, is_kustomization, read_patch
from reconciler.core.yaml import YamlError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reconciler.core.manifest.resource import ChartRef, FluxKustomization, Kustomization, Patch, Resource, Target

Identity = tuple[str | None, str]
"""A namespace, None where no file gives one, and a name."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a version stands: a file, the field in it, and the name of the document that holds it."""

    path: str
    field: Field
    holder: str


@dataclass(frozen=True, slots=True)
class Item:
    """One object as it is applied.

    ``trail`` are the files that had a part in it, ``path`` and ``line`` where it begins. ``earlier`` are the
    identities that it had on its way, which patches may still call it by.
    """

    kind: str
    name: str
    namespace: str | None
    path: str
    line: int
    root: str
    trail: tuple[str, ...]
    listed: bool = True
    """False where the folder's kustomization does not mention its file, which kustomize then leaves out."""
    earlier: tuple[Identity, ...] = ()
    chart: str | None = None
    source_kind: str | None = None
    chart_ref: ChartRef | None = None
    version: Site | None = None
    tag: Site | None = None
    semver: Site | None = None
    digest: Site | None = None

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Every identity that it has, or had."""
        return (*self.earlier, (self.namespace, self.name))


@dataclass(frozen=True, slots=True)
class Idle:
    """A patch without effect: its target selects nothing of the kind that it patches."""

    path: str
    name: str
    kustomization: str
    target: str


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
    items = [item for folder in sorted(build.roots()) for item in build.root(folder)]
    items += [item for path in sorted(build.unlisted()) for item in build.alone(path)]
    return Survey(tuple(dict.fromkeys(items)), tuple(dict.fromkeys(build.idle)))


@dataclass(frozen=True, slots=True)
class _Overlay:
    """What a kustomization yields. ``complete`` is False where it asks for something that is not in the tree."""

    items: tuple[Item, ...]
    complete: bool


_EMPTY: Final = _Overlay((), complete=False)


class _Build:
    """One run over a tree; kustomizations that several others share are built once."""

    def __init__(self, files: Mapping[str, File], paths: frozenset[str]) -> None:
        self._files = files
        self._paths = paths
        self._folders = {
            dirname(path): (path, file.kustomization)
            for path, file in sorted(files.items())
            if file.kustomization is not None and is_kustomization(path)
        }
        self._flux: dict[str, list[FluxKustomization]] = {}
        for _, file in sorted(files.items()):
            for flux in file.flux:
                self._flux.setdefault(_inside("", flux.path) or "", []).append(flux)
        self._built: dict[str, _Overlay] = {}
        self._included: set[str] = set()
        self._listed: set[str] = set()
        self._open: set[str] = set()
        self.idle: list[Idle] = []

    def roots(self) -> set[str]:
        """Name the folders that are applied by themselves: by Flux, or because no kustomization includes them."""
        for folder, (_, kustomization) in self._folders.items():
            if not kustomization.component:
                self._overlay(folder)
        applied = {folder for folder, (_, kustomization) in self._folders.items() if not kustomization.component}
        return {folder for folder in applied if folder not in self._included or folder in self._flux}

    def unlisted(self) -> set[str]:
        """Name the manifests that no kustomization mentions."""
        return {path for path, file in self._files.items() if file.resources and path not in self._listed}

    def root(self, folder: str) -> list[Item]:
        """Give what one root applies, each by its Flux Kustomization."""
        return self._fluxed(folder, [replace(item, root=folder) for item in self._overlay(folder).items])

    def alone(self, path: str) -> list[Item]:
        """Give what a manifest says by itself."""
        folder = dirname(path)
        items = [_item(resource, path, folder) for resource in self._files[path].resources]
        if folder in self._folders:
            return [replace(item, listed=False) for item in items]
        return self._fluxed(folder, items)

    def _fluxed(self, folder: str, items: list[Item]) -> list[Item]:
        applied = self._applied_by(folder)
        if not applied:
            return items
        return [item for flux in applied for item in self._under(flux, folder, items)]

    def _applied_by(self, folder: str) -> list[FluxKustomization]:
        """Find the Flux Kustomizations that apply a folder: those of its own path, else of the nearest one above.

        One above counts only where no kustomization says what belongs to it: Flux then takes all that lies below.
        """
        if folder in self._flux:
            return self._flux[folder]
        while folder:
            folder = dirname(folder)
            if folder in self._flux and folder not in self._folders:
                return self._flux[folder]
        return []

    def _under(self, flux: FluxKustomization, folder: str, items: list[Item]) -> list[Item]:
        overlay = _Overlay(tuple(items), complete=True)
        for patch in flux.patches:
            overlay = self._patched(overlay, patch, folder, f"the Flux Kustomization of {folder or 'the root'}")
        return [_moved(item, flux.target_namespace) for item in overlay.items]

    def _overlay(self, folder: str) -> _Overlay:
        if folder not in self._built:
            self._built[folder] = _EMPTY  # what a cycle finds
            self._built[folder] = self._transformed(folder, self._accumulated(folder))
        return self._built[folder]

    def _accumulated(self, folder: str) -> _Overlay:
        path, kustomization = self._folders[folder]
        items: list[Item] = []
        complete = True
        for resource in kustomization.resources:
            overlay = self._resource(folder, resource)
            items += overlay.items
            complete &= overlay.complete
        gathered = _Overlay(tuple(replace(item, trail=(*item.trail, path)) for item in items), complete)
        for component in kustomization.components:
            gathered = self._component(gathered, _inside(folder, component))
        return gathered

    def _resource(self, folder: str, resource: str) -> _Overlay:
        path = _inside(folder, resource)
        if path in self._folders:
            self._included.add(path)
            return self._overlay(path)
        if path is None or path not in self._paths:
            return _EMPTY
        self._listed.add(path)
        file = self._files.get(path, File())
        return _Overlay(tuple(_item(one, path, folder) for one in file.resources), complete=file.problem is None)

    def _component(self, overlay: _Overlay, folder: str | None) -> _Overlay:
        """Let a component add its resources and change what is there already."""
        if folder is None or folder not in self._folders or folder in self._open:
            return replace(overlay, complete=False)
        self._included.add(folder)
        self._open.add(folder)
        added = self._accumulated(folder)
        self._open.discard(folder)
        both = _Overlay((*overlay.items, *added.items), overlay.complete and added.complete)
        return self._transformed(folder, both)

    def _transformed(self, folder: str, overlay: _Overlay) -> _Overlay:
        path, kustomization = self._folders[folder]
        for patch in kustomization.patches:
            overlay = self._patched(overlay, patch, folder, path)
        return replace(overlay, items=tuple(_renamed(item, kustomization) for item in overlay.items))

    def _patched(self, overlay: _Overlay, patch: Patch, folder: str, where: str) -> _Overlay:
        path, file = self._patch_file(patch, folder, where)
        items = overlay.items
        for resource in file.resources:
            change = _Change(resource, patch.target, path, where, None if patch.inline is None else patch.line)
            hit = tuple(item for item in items if change.selects(item))
            if (
                hit
                and patch.target is not None
                and not any(resource.name == name for one in hit for _, name in one.identities)
            ):
                self.idle.append(Idle(path, resource.name, where, patch.target.name or patch.target.kind))
            if hit:
                items = tuple(change.applied(item) if item in hit else item for item in items)
            else:
                items += self._without_base(change, overlay, folder)
        for operation in file.operations:
            items = tuple(_operated(item, operation.path, patch, where) for item in items)
        return replace(overlay, items=items)

    def _patch_file(self, patch: Patch, folder: str, where: str) -> tuple[str, File]:
        if patch.inline is not None:
            try:
                return where, read_patch(patch.inline)
            except YamlError:
                return where, File()
        path = _inside(folder, patch.path or "")
        if path is None:
            return where, File()
        self._listed.add(path)
        return path, self._files.get(path, File())

    def _without_base(self, change: _Change, overlay: _Overlay, folder: str) -> tuple[Item, ...]:
        """Decide what a patch means that selects nothing: kustomize ignores it under a target, and fails without.

        Where the overlay asks for something that is not in this tree, what it patches may be there.
        """
        resource, target = change.resource, change.target
        if target is None:
            return (change.applied(_item(resource, change.path, folder)),)
        named = target.literal_name or resource.name
        if overlay.complete or not target_selects(target, resource.kind, ((None, named),)):
            self.idle.append(Idle(change.path, resource.name, change.where, target.name or target.kind))
            return ()
        if named != resource.name:
            self.idle.append(Idle(change.path, resource.name, change.where, target.name))
        return (replace(change.applied(_item(resource, change.path, folder)), name=named),)


@dataclass(frozen=True, slots=True)
class _Change:
    """One patch document on its way to the items that it changes."""

    resource: Resource
    target: Target | None
    path: str
    where: str
    inline: int | None

    def selects(self, item: Item) -> bool:
        """Tell whether it changes an item: by the target, else by kind, name and namespace (flux.md 4.3)."""
        if self.target is not None:
            return item.kind == self.resource.kind and target_selects(self.target, item.kind, item.identities)
        return item.kind == self.resource.kind and any(
            name == self.resource.name
            and (None in {namespace, self.resource.namespace} or namespace == self.resource.namespace)
            for namespace, name in item.identities
        )

    def applied(self, item: Item) -> Item:
        """Give an item as this patch leaves it."""
        resource = self.resource
        plain = item
        if resource.deletes_chart:
            plain = replace(plain, chart=None, source_kind=None, version=None)
        return replace(
            plain,
            chart=resource.chart or plain.chart,
            source_kind=resource.source_kind or plain.source_kind,
            chart_ref=resource.chart_ref or plain.chart_ref,
            version=self._site(resource.version, plain.version),
            tag=self._site(resource.tag, plain.tag),
            semver=self._site(resource.semver, plain.semver),
            digest=self._site(resource.digest, plain.digest),
            trail=(*plain.trail, self.path),
        )

    def _site(self, field: Field | None, before: Site | None) -> Site | None:
        if field is None:
            return before
        if field.deletes:
            return None
        if self.inline is not None:
            field = replace(field, problem=f"a patch inside {self.where}, line {self.inline}, gives it")
        elif self.target is not None and self.target.by_label:
            field = replace(field, problem=f"the target of its patch in {self.where} selects by label or annotation")
        return Site(self.path, field, self.resource.name)


def target_selects(target: Target, kind: str, identities: Iterable[Identity]) -> bool:
    """Tell whether a patch target selects an object: kustomize matches whole kinds, names and namespaces."""
    return _whole(target.kind, kind) and any(
        _whole(target.name, name) and (namespace is None or _whole(target.namespace, namespace))
        for namespace, name in identities
    )


_LITERAL: Final = re.compile(r"[A-Za-z0-9.-]*")
_RISKY: Final = re.compile(r"\)[*+?{]|(?:[*+?{].*){4}")
"""Expressions that could take for ever on a long name."""


def _whole(pattern: str, text: str) -> bool:
    """Match as kustomize does: an empty pattern matches all. An expression that is none, or risky, matches nothing."""
    if not pattern or pattern == text:
        return True
    if _LITERAL.fullmatch(pattern) and "." not in pattern:
        return False
    if len(pattern) > 256 or _RISKY.search(pattern):  # noqa: PLR2004
        return False
    try:
        return re.fullmatch(pattern.removeprefix("^").removesuffix("$"), text) is not None
    except re.error:
        return False


def _inside(folder: str, path: str) -> str | None:
    """Resolve a path that a kustomization names, None where it leaves the tree or is an address."""
    if "://" in path or "?" in path:
        return None
    resolved = normpath(join(folder, path)) if path else folder
    if resolved.startswith(("..", "/")):
        return None
    return "" if resolved == "." else resolved


def _item(resource: Resource, path: str, folder: str) -> Item:
    def site(field: Field | None) -> Site | None:
        return None if field is None or field.deletes else Site(path, field, resource.name)

    return Item(
        resource.kind,
        resource.name,
        resource.namespace,
        path,
        resource.line,
        folder,
        (path,),
        chart=resource.chart,
        source_kind=resource.source_kind,
        chart_ref=resource.chart_ref,
        version=site(resource.version),
        tag=site(resource.tag),
        semver=site(resource.semver),
        digest=site(resource.digest),
    )


def _renamed(item: Item, kustomization: Kustomization) -> Item:
    """Apply a kustomization's namespace, prefix and suffix."""
    namespace = kustomization.namespace or item.namespace
    name = f"{kustomization.prefix}{item.name}{kustomization.suffix}"
    if (namespace, name) == (item.namespace, item.name):
        return item
    return replace(item, namespace=namespace, name=name, earlier=item.identities)


def _moved(item: Item, namespace: str | None) -> Item:
    """Apply a Flux Kustomization's target namespace."""
    if namespace is None or namespace == item.namespace:
        return item
    return replace(item, namespace=namespace, earlier=item.identities)


_VERSION_PATHS: Final = ("/spec", "/spec/chart", "/spec/chart/spec", "/spec/chart/spec/version")
_TAG_PATHS: Final = ("/spec", "/spec/ref", "/spec/ref/tag", "/spec/ref/semver", "/spec/ref/digest")


def _operated(item: Item, path: str, patch: Patch, where: str) -> Item:
    """Note that a JSON patch sets an item's version: that is found, but not edited."""
    if patch.target is None or not target_selects(patch.target, item.kind, item.identities):
        return item
    paths = _VERSION_PATHS if item.kind == HELM_RELEASE else _TAG_PATHS
    if path not in paths:
        return item
    field = Field(patch.line, problem=f"a JSON patch of {where}, line {patch.line}, gives it")
    site = Site(patch.path or where, field, item.name)
    trail = (*item.trail, site.path)
    return (
        replace(item, version=site, trail=trail) if item.kind == HELM_RELEASE else replace(item, tag=site, trail=trail)
    )
