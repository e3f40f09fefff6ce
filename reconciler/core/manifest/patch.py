"""What a kustomization's patches do to the objects that it gathers: the last one wins.

A strategic merge patch without a target changes the object of its own kind and name. Under a target its own name and
kind do not count, and a target that selects nothing is no error: the patch then has no effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.core.manifest.item import Item, begun
from reconciler.core.manifest.resource import LEAVES, PINS, Field
from reconciler.core.manifest.target import doubt, literal, selects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.core.manifest.resource import File, Patch, Resource, Target

_INLINE: Final = "inside an inline patch, which is not edited yet; move the patch to a file of its own"
_JSON: Final = "set by a JSON patch, which is not edited yet; set it by a strategic merge patch in a file"
_REMOTE: Final = "in a patch over what is not in this repository; give the release's name in its target"


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
        self._items: list[Item | None] = []
        self._by_name: dict[str, list[int]] = {}
        self._folder = folder
        self._complete = complete
        self.idle: list[Idle] = []
        for one in items:
            self._add(one)

    def items(self) -> tuple[Item, ...]:
        """Give the objects as they are now."""
        return tuple(one for one in self._items if one is not None)

    def effort(self, patch: Patch) -> int:
        """Say how many objects must be looked at for a patch."""
        return len(self._near(patch.target)) if patch.target else 0

    def apply(self, change: Change) -> None:
        """Let one patch change what it is aimed at."""
        target = change.patch.target
        if target is None:
            self._by_own_name(change)
        else:
            self._by_target(change, target)

    def _add(self, one: Item) -> None:
        for name in {name for _, name in one.identities}:
            self._by_name.setdefault(name, []).append(len(self._items))
        self._items.append(one)

    def _near(self, target: Target) -> Sequence[int]:
        name = literal(target)
        return range(len(self._items)) if name is None else self._by_name.get(name, ())

    def _by_own_name(self, change: Change) -> None:
        for resource in change.file.resources:
            hits = [at for at in self._by_name.get(resource.name, ()) if _means(resource, self._items[at])]
            self._merge(hits, change, resource, None)
            if not hits and resource.kind in PINS:
                # kustomize would fail, but what it patches may be something that is not read here.
                self._add(begun(resource, change.path, root=self._folder))
        for name in change.file.names:
            self._spoil(self._by_name.get(name, ()), change, _unreadable(change))

    def _by_target(self, change: Change, target: Target) -> None:
        found = ((at, self._items[at]) for at in self._near(target))
        hits = [at for at, one in found if one and selects(target, one.kind, one.api_version, one.identities)]
        names = {name for at in hits if (one := self._items[at]) for _, name in one.identities}
        for resource in change.file.resources:
            self._merge(hits, change, resource, doubt(target))
            if resource.name not in names:
                self._miss(change, resource, target, hit=bool(hits))
        for pointer in change.file.operations:
            self._spoil([at for at in hits if _touches(pointer, self._items[at])], change, _JSON)
        if change.file.problem is not None:
            self._spoil(hits, change, _unreadable(change))

    def _merge(self, hits: Iterable[int], change: Change, resource: Resource, why: str | None) -> None:
        given = _given(resource, change, why)
        for at in hits:
            one = self._items[at]
            if one is not None:
                self._items[at] = None if resource.deleted else one.changed(change.path, given)

    def _spoil(self, hits: Iterable[int], change: Change, problem: str) -> None:
        for at in hits:
            one = self._items[at]
            if one is not None:
                self._items[at] = one.spoiled(change.where, Field(change.patch.line, problem=problem))

    def _miss(self, change: Change, resource: Resource, target: Target, *, hit: bool) -> None:
        """Note that a target does not select what its patch names, unless that may be where this tree ends."""
        if not any(pin in resource.fields for pin in PINS.values()):
            return
        name = literal(target) or resource.name
        if (
            hit
            or self._complete
            or not selects(target, resource.kind, resource.api_version, ((target.namespace, name),))
        ):
            self.idle.append(Idle(change.path, resource.name, change.where, change.patch.line, target))
            return
        given = _given(resource._replace(name=name), change, None if literal(target) else _REMOTE)
        self._add(begun(given, change.path, root=self._folder))


def _means(resource: Resource, one: Item | None) -> bool:
    """Tell whether a patch names an object: kustomize compares kinds, and all the names that it had."""
    return (
        one is not None
        and one.kind == resource.kind
        and any(
            name == resource.name and (None in {namespace, resource.namespace} or namespace == resource.namespace)
            for namespace, name in one.identities
        )
    )


def _touches(pointer: str, one: Item | None) -> bool:
    """Tell whether setting a pointer changes what an object's version is, or where that stands."""
    return one is not None and any(leaf == pointer or leaf.startswith(f"{pointer}/") for leaf in LEAVES[one.kind])


def _given(resource: Resource, change: Change, why: str | None) -> Resource:
    """Give what a patch says, its pins with what keeps them from being edited here."""
    problem = _INLINE if change.patch.inline else why
    if problem is None:
        return resource
    fields = dict(resource.fields)
    for pin in PINS.values():
        if pin in fields:
            fields[pin] = fields[pin]._replace(line=change.patch.line, problem=problem)
    return resource._replace(fields=fields)


def _unreadable(change: Change) -> str:
    return f"changed by the patch {change.path}, which cannot be read ({change.file.problem}); mend it"
