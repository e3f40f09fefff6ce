"""What one promotion's scope sees of a cluster, gathered object by object: the same for every way to read one."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from reconciler.adapters import flux
from reconciler.core.model import Fleet, HelmChart, HelmRelease, OCIRepository, Problem, Unreadable
from reconciler.core.selector import Selector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.model import Key, Reference, Scope


@dataclass
class Gathering:
    """Collects what a scope sees: releases by namespace and selector, but every source that they may refer to."""

    scope: Scope
    releases: dict[Key, HelmRelease | Unreadable] = field(default_factory=dict)
    repositories: list[OCIRepository] = field(default_factory=list)
    charts: list[HelmChart] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    unread: list[Problem] = field(default_factory=list)

    @cached_property
    def _selector(self) -> Selector:
        return Selector.parse(self.scope.selector)

    def add(self, found: flux.Found) -> None:
        """Take an object in if the scope sees it."""
        match found.object:
            case OCIRepository():
                self.repositories.append(found.object)
            case HelmChart():
                self.charts.append(found.object)
            case Unreadable() if found.kind != flux.HELM_RELEASE:
                self.errors.append(Problem(f"{found.kind} {found.key}", found.object.message))
            case _ if self._wants(found):
                message = f"HelmRelease {found.key} is recorded twice; record the cluster again"
                twice = Unreadable(found.key, message)
                self.releases[found.key] = twice if found.key in self.releases else found.object

    def update(self, part: Gathering) -> None:
        """Take in what another has gathered for the same scope."""
        self.releases.update(part.releases)
        self.repositories += part.repositories
        self.charts += part.charts
        self.errors += part.errors

    def references(self) -> Iterator[tuple[Key, Reference]]:
        """Give each release that names its chart by reference, and what it names."""
        for key, release in self.releases.items():
            if isinstance(release, HelmRelease) and release.chart_ref is not None:
                yield key, release.chart_ref

    def fleet(self) -> Fleet:
        """Close the collection."""
        return Fleet(
            tuple(self.releases.values()),
            tuple(self.repositories),
            tuple(self.charts),
            tuple(self.errors),
            tuple(self._empty()),
            tuple(self.unread),
        )

    def _wants(self, found: flux.Found) -> bool:
        namespaces = self.scope.namespaces
        return (namespaces == ("*",) or found.key.namespace in namespaces) and self._selector.matches(found.labels)

    def _empty(self) -> Iterator[Problem]:
        """Tell the namespaces that hold nothing: more often a slip of the pen than meant."""
        inhabited = {key.namespace for key in self.releases} | {problem.subject for problem in self.unread}
        chosen = f' that the selector "{self.scope.selector}" admits' if self.scope.selector else ""
        for namespace in self.scope.namespaces:
            if namespace == "*" and not inhabited:
                cure = "mend the selector" if self.scope.selector else "record or name another cluster"
                yield Problem("*", f"staging has no HelmRelease{chosen} in any namespace; {cure}")
            elif namespace != "*" and namespace not in inhabited:
                message = (
                    f'staging has no HelmRelease{chosen} in the namespace "{namespace}"; '
                    "mend or remove it in namespaces"
                )
                yield Problem(namespace, message)
