"""One HelmRelease or OCIRepository on its way from the file that begins it to what is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reconciler.core.manifest.resource import PINS, Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.core.manifest.resource import Resource

# Named tuples, because a tree has many: a frozen dataclass takes four times as long to make.


class Site(NamedTuple):
    """Where a value stands: a file, the field in it, and the name of the document that holds it."""

    path: str
    field: Field
    holder: str


class Item(NamedTuple):
    """One object as far as it has come.

    ``path`` and ``line`` are where it begins, ``root`` is the folder that is applied, ``trail`` are the files that had
    a part in it. ``earlier`` are the namespaces and names that it had on its way, by which patches may still call it.
    ``begin`` is the document that begins it, ``patched`` are its values by JSON pointer once a patch has changed any.
    """

    kind: str
    namespace: str | None
    name: str
    path: str
    line: int
    api_version: str
    root: str
    trail: tuple[str, ...]
    begin: Resource
    patched: Mapping[str, Site] | None = None
    earlier: tuple[tuple[str | None, str], ...] = ()
    listed: bool = True
    """False where the folder's kustomization does not mention its file, which kustomize then leaves out."""
    doubt: str | None = None
    """Which kustomization cannot be read that has a part in it, or may have: what is applied is not known."""

    @property
    def origin(self) -> tuple[str, str | None, str, str, int]:
        """Which object it is, and where it begins."""
        return self[:5]

    @property
    def identities(self) -> tuple[tuple[str | None, str], ...]:
        """Every namespace and name that it has, or had, the first one first."""
        return (*self.earlier, (self.namespace, self.name))

    def site(self, pointer: str) -> Site | None:
        """Give a value with its place, None where there is none."""
        if self.patched is not None:
            return self.patched.get(pointer)
        field = self.begin.field(pointer)
        return None if field is None else Site(self.path, field, self.begin.name)

    def text(self, pointer: str) -> str | None:
        """Give a value as text, None where there is none."""
        if self.patched is None:
            value = self.begin.values.get(pointer)
            return value.text if isinstance(value, Field) else value
        site = self.patched.get(pointer)
        return site.field.text if site else None

    def renamed(self, namespace: str | None, prefix: str, suffix: str) -> Item:
        """Give it under another namespace, unless that is None, and with a prefix and suffix to its name."""
        namespace, name = namespace or self.namespace, f"{prefix}{self.name}{suffix}"
        if name == self.name and namespace == self.namespace:
            return self
        # As _replace would, in half its time: most items of a tree get a namespace.
        return Item(self.kind, namespace, name, *self[3:10], self.identities, *self[11:])

    def changed(self, path: str, resource: Resource) -> Item:
        """Give it as a strategic merge patch leaves it: a null takes a field away, and whatever is below it."""
        before = self._sites()
        sites = dict(before)
        for pointer in resource.removed:
            for key in before:
                if key == pointer or key.startswith(f"{pointer}/"):
                    sites.pop(key, None)
        sites |= _sites(resource, path)
        return self._replace(patched=sites, trail=self._by(path))

    def spoiled(self, path: str, field: Field) -> Item:
        """Give it with a version that stands where it cannot be edited."""
        sites = {**self._sites(), PINS[self.kind]: Site(path, field, self.name)}
        return self._replace(patched=sites, trail=self._by(path))

    def doubted(self, doubt: str) -> Item:
        """Give it with a reason why it is not known what is applied; the first one stays."""
        return self if self.doubt else self._replace(doubt=doubt)

    def _by(self, path: str) -> tuple[str, ...]:
        """Give the trail with one more file. That of a patch which is applied over and over counts once."""
        return self.trail if path in self.trail else (*self.trail, path)

    def _sites(self) -> Mapping[str, Site]:
        return _sites(self.begin, self.path) if self.patched is None else self.patched


def begun(resource: Resource, path: str, *by: str, root: str) -> Item:
    """Give an object as its own document has it. ``by`` are the kustomizations that list the file."""
    kind, api_version, name, namespace, line = resource[:5]
    return Item(kind, namespace, name, path, line, api_version, root, (path, *by), resource)


def _sites(resource: Resource, path: str) -> dict[str, Site]:
    return {
        pointer: Site(path, field, resource.name)
        for pointer in resource.values
        if (field := resource.field(pointer)) is not None
    }
