"""What a kustomization's patches do to the objects that it gathers: the last one wins.

A strategic merge patch without a target changes the object of its own kind and name. Under a target its own name and
kind do not count, and a target that selects nothing is no error: the patch then has no effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.manifest.item import Item, begun
from reconciler.core.manifest.resource import HELM_RELEASE, LEAVES, PINS, REF_NAME, VERSION, Field
from reconciler.core.manifest.target import doubt, literal, selects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.manifest.file import File
    from reconciler.core.manifest.kustomization import Patch, Target
    from reconciler.core.manifest.resource import Resource

_INLINE: Final = "inside an inline patch, which is not edited yet; move the patch to a file of its own"
_JSON: Final = (
    "set by a JSON patch or a replacement, which is not edited yet; set it by a strategic merge patch in a file"
)
_REFUSED: Final = ", which kustomize refuses; give the patch the apiVersion of what it patches"
_MOVES: Final = ", a JSON patch or a replacement that changes what it is or where its version stands"
_DEFAULT: Final = "default"
"""What kustomize takes a missing namespace for (``kyaml/resid``)."""
_ELSEWHERE: Final = ", which kustomize refuses because it gives another namespace than what it patches"
_IDENTITY: Final = frozenset({"/apiVersion", "/kind", "/metadata", "/metadata/name", "/metadata/namespace"})
"""The fields that make an object the one that it is."""
_REMOTE: Final = ", over what is not in this repository"


@dataclass(frozen=True, slots=True)
class Idle:
    """A patch that sets a version, but not of the release that it names: its target selects others, or none."""

    path: str
    name: str
    kustomization: str
    line: int
    target: Target


class Change(NamedTuple):
    """One patch with what it says: ``path`` is where that stands, ``where`` the kustomization that applies it."""

    patch: Patch
    path: str
    file: File
    where: str


class Bench:
    """The objects that one kustomization gathers, while its patches change them."""

    def __init__(self, items: Iterable[Item], folder: str, *, complete: bool) -> None:
        """Lay out objects. ``complete`` is False where others, which this tree does not hold, may be among them."""
        self._items: dict[int, Item] = {}
        self._by_name: dict[str, list[int]] = {}
        self._count = 0
        self._folder = folder
        self._complete = complete
        self.idle: list[Idle] = []
        for one in items:
            self._add(one)

    def items(self) -> tuple[Item, ...]:
        """Give the objects as they are now."""
        return tuple(self._items.values())

    def effort(self, change: Change) -> int:
        """Say how many objects must be looked at for a patch: all that are near, once for each thing that it says."""
        file, target = change.file, change.patch.target
        if target is not None:
            return 1 + len(self._near(target)) * max(1, len(file.resources) + len(file.operations))
        names = (*(resource.name for resource in file.resources), *file.names)
        everything = len(self._items) if file.problem is not None else 0
        return 1 + everything + sum(1 + len(self._by_name.get(name, ())) for name in names)

    def apply(self, change: Change) -> None:
        """Let one patch change what it is aimed at."""
        target = change.patch.target
        if target is None:
            self._by_own_name(change)
        else:
            self._by_target(change, target)

    def _add(self, one: Item) -> None:
        self._count += 1
        self._items[self._count] = one
        for name in {name for _, name in one.identities}:
            self._by_name.setdefault(name, []).append(self._count)

    def _named(self, name: str) -> list[int]:
        return [at for at in self._by_name.get(name, ()) if at in self._items]

    def _near(self, target: Target) -> list[int]:
        name = literal(target)
        return list(self._items) if name is None else self._named(name)

    def _by_own_name(self, change: Change) -> None:
        for resource in change.file.resources:
            hits = [at for at in self._named(resource.name) if _means(resource, self._items[at])]
            self._merge(hits, change, resource, None)
            others = [at for at in hits if at in self._items and self._items[at].api_version != resource.api_version]
            self._spoil(others, change, f"set by the patch {change.path} in another apiVersion{_REFUSED}")
            near = [] if hits else [at for at in self._named(resource.name) if self._items[at].kind == resource.kind]
            if near and self._complete:
                self._doubt(near, change, _ELSEWHERE)
            elif not hits and resource.kind in PINS:
                # kustomize would fail, but what it patches may be something that is not read here.
                self._add(begun(resource, change.path, root=self._folder))
        if change.file.problem is not None and not change.file.names:
            self._spoil(list(self._items), change, _unreadable(change))
        for name in change.file.names:
            self._spoil(self._named(name), change, _unreadable(change))

    def _by_target(self, change: Change, target: Target) -> None:
        hits = [at for at in self._near(target) if selects(target, self._items[at])]
        names = {name for at in hits for _, name in self._items[at].identities}
        why = doubt(target)
        for resource in change.file.resources:
            unsure = {at: None for at in hits if why and _alters(resource, self._items[at])}
            self._doubt(unsure, change, why or "")
            self._merge([at for at in hits if at not in unsure], change, resource, why)
            hits = [at for at in hits if at in self._items]
            if resource.name not in names:
                self._miss(change, resource, target, hit=bool(names))
        for pointer in change.file.operations:
            self._doubt([at for at in hits if _moves(pointer, self._items[at])], change, why or _MOVES)
            self._spoil([at for at in hits if _touches(pointer, self._items[at])], change, _JSON)
        if change.patch.obscure is not None:
            self._spoil(hits, change, f"perhaps changed by {change.patch.obscure}")
        if change.file.problem is not None:
            self._spoil(hits, change, _unreadable(change))

    def _merge(self, hits: Iterable[int], change: Change, resource: Resource, why: str | None) -> None:
        for at in hits:
            if resource.deleted:
                del self._items[at]
            else:
                one = self._items[at].changed(change.path, resource)
                self._items[at] = _judged(one, change, resource, why)

    def _doubt(self, hits: Iterable[int], change: Change, why: str) -> None:
        what = f"the patch in {change.where}:{change.patch.line}{why}"
        for at in hits:
            self._items[at] = self._items[at].doubted(what)

    def _spoil(self, hits: Iterable[int], change: Change, problem: str) -> None:
        for at in hits:
            self._items[at] = self._items[at].spoiled(change.where, Field(change.patch.line, problem=problem))

    def _miss(self, change: Change, resource: Resource, target: Target, *, hit: bool) -> None:
        """Note that a target does not select what its patch names, unless that may be where this tree ends."""
        kind = next((kind for kind, pin in PINS.items() if pin in resource.values), None)
        if kind is None:
            return
        name = literal(target) or resource.name
        if kind != resource.kind:  # under a target that does not count, and neither does the apiVersion
            resource = resource._replace(kind=kind, api_version=f"{target.group}/{target.version}")
        one = begun(resource._replace(name=name), change.path, root=self._folder)
        if hit or self._complete or not selects(target, one._replace(namespace=target.namespace)):
            self.idle.append(Idle(change.path, resource.name, change.where, change.patch.line, target))
        else:
            self._add(_judged(one, change, resource, doubt(target) if literal(target) else _REMOTE))


def _means(resource: Resource, one: Item) -> bool:
    """Tell whether a patch names an object: kustomize compares kinds, and all the names that it had."""
    wanted = resource.namespace or _DEFAULT
    return one.kind == resource.kind and any(
        name == resource.name and (namespace or _DEFAULT) == wanted for namespace, name in one.identities
    )


def _touches(pointer: str, one: Item) -> bool:
    """Tell whether setting a pointer changes what an object's version is, or where that stands."""
    return any(leaf == pointer or leaf.startswith(f"{pointer}/") for leaf in LEAVES[one.kind])


def _moves(pointer: str, one: Item) -> bool:
    """Tell whether setting a pointer makes an object another one, or has its version stand elsewhere."""
    if pointer in _IDENTITY:
        return True
    if one.kind != HELM_RELEASE or not _touches(pointer, one):
        return False  # whatever an OCIRepository's ref is, it is held for its tag
    within_chart = f"{pointer}/".startswith("/spec/chart/")
    return not within_chart and (one.text(REF_NAME) is not None or not VERSION.startswith(f"{pointer}/"))


def _alters(resource: Resource, one: Item) -> bool:
    """Tell whether a patch that may or may not be applied makes more of a difference than the version it sets."""
    pointers = (*(pointer for pointer in resource.values if pointer != PINS[one.kind]), *resource.removed)
    return resource.deleted or any(_touches(pointer, one) for pointer in pointers)


def _judged(one: Item, change: Change, resource: Resource, why: str | None) -> Item:
    """Give what a patch has changed, with what keeps a version that it sets from being edited."""
    given = resource.field(PINS[one.kind])
    if given is None or not (change.patch.inline or why):
        return one
    cure = "give the release's name in its target"
    problem = _INLINE if change.patch.inline else f"set by the patch {change.path}{why}; {cure}"
    return one.spoiled(change.where, Field(change.patch.line, given.text, problem=problem))


def _unreadable(change: Change) -> str:
    what = f"the patch {change.path}" if change.patch.path else "an inline patch"
    return f"changed by {what}, which cannot be read ({change.file.problem}); mend it"
