"""A live cluster: its HelmReleases, and the chart sources that they refer to, read from the Kubernetes API."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from reconciler.adapters import flux
from reconciler.adapters.fleet import Gathering
from reconciler.adapters.kubernetes.access import Kubeconfig, ServiceAccount
from reconciler.adapters.kubernetes.connection import Connection
from reconciler.adapters.kubernetes.listing import EVERYWHERE, DeniedError, Listing, NotListedError, is_namespace
from reconciler.core.model import Problem, Unreadable
from reconciler.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from reconciler.adapters.kubernetes.access import Access
    from reconciler.core.model import Fleet, Scope

__all__ = ["Kubeconfig", "Kubernetes", "ServiceAccount"]

_SOURCES: Final = frozenset({flux.OCI_REPOSITORY, flux.HELM_CHART})

_Place = tuple[str, str]
"""A kind of source, and a namespace."""


@dataclass(eq=False)
class Kubernetes:
    """Implements ``Staging`` over the API of one cluster.

    A look lists what the scopes want together, and each list once. The configuration is read again when its file has
    changed, and after every look in which something was refused.

    Attributes:
        access: How the cluster is reached.
        sleep: Waits so many seconds before something is tried again.
    """

    access: Access
    sleep: Callable[[float], None] = time.sleep

    _kept: Connection | None = field(default=None, init=False, repr=False)
    _served: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def observe(self, scopes: Sequence[Scope]) -> tuple[Fleet, ...]:
        """List the cluster once, and give what each scope sees of it.

        A namespace that may not be listed is told in ``Fleet.unread``. A release whose chart source may not be listed
        is Unreadable.

        Raises:
            Unavailable: the API does not answer.
            Refused: the configuration, the credential or the cluster's Role must be mended.
        """
        kept, self._kept = self._kept, None
        connection = kept if kept and kept.is_current() else Connection(self.access, self.sleep)
        with connection:
            listing = Listing(connection, self._served, _shared_selector(scopes))
            gatherings = [Gathering(scope) for scope in scopes]
            whole = _read_releases(listing, gatherings)
            whole &= _read_sources(listing, gatherings)
        if whole:
            self._kept = connection
        return tuple(one.fleet() for one in gatherings)


def _shared_selector(scopes: Sequence[Scope]) -> str:
    """Give the selector for the server: the one of all scopes. Where they differ, each selects for itself."""
    selectors = {scope.selector for scope in scopes}
    return selectors.pop() if len(selectors) == 1 else ""


def _namespaces(scopes: Iterable[Scope]) -> tuple[str, ...]:
    wanted = {namespace for scope in scopes for namespace in scope.namespaces}
    return (EVERYWHERE,) if EVERYWHERE in wanted else tuple(sorted(wanted))


def _read_releases(listing: Listing, gatherings: Sequence[Gathering]) -> bool:
    """Read all HelmReleases that somebody wants, and tell whether all could be read."""
    scopes = [one.scope for one in gatherings]
    whole = True
    for namespace in _namespaces(scopes):
        try:
            _merge(gatherings, listing.read(flux.HELM_RELEASE, namespace, scopes))
        except DeniedError as denied:
            if namespace == EVERYWHERE:
                raise Refused(str(denied)) from denied
            whole = False
            for one in gatherings:
                if namespace in one.scope.namespaces:
                    one.unread.append(Problem(namespace, str(denied)))
        except NotListedError as missing:
            raise Refused(str(missing)) from missing
    return whole


def _read_sources(listing: Listing, gatherings: Sequence[Gathering]) -> bool:
    """Read the chart sources where releases name any, and tell whether all could be read."""
    scopes = [one.scope for one in gatherings]
    refused: dict[_Place, str] = {}
    for kind, namespace in _places(gatherings):
        try:
            _merge(gatherings, listing.read(kind, namespace, scopes))
        except NotListedError as why:
            refused[kind, namespace] = str(why)
    for one in gatherings:
        _hold(one, refused)
    return not refused


def _places(gatherings: Sequence[Gathering]) -> list[_Place]:
    named = {(ref.kind, ref.key.namespace) for one in gatherings for _, ref in one.references() if ref.kind in _SOURCES}
    if EVERYWHERE in _namespaces(one.scope for one in gatherings):
        named = {(kind, EVERYWHERE) for kind, _ in named}
    return sorted(place for place in named if place[1] == EVERYWHERE or is_namespace(place[1]))


def _hold(gathering: Gathering, refused: dict[_Place, str]) -> None:
    """Make unreadable what depends on a refused list: what it asks for now is not known."""
    told = set()
    for key, ref in tuple(gathering.references()):
        for place in ((ref.kind, ref.key.namespace), (ref.kind, EVERYWHERE)):
            if place in refused:
                gathering.releases[key] = Unreadable(key, f"its {ref.kind} {ref.key} cannot be read: {refused[place]}")
                told.add(place)
    gathering.errors += [Problem(f"{kind} {namespace}", refused[kind, namespace]) for kind, namespace in sorted(told)]


def _merge(gatherings: Sequence[Gathering], parts: Sequence[Gathering]) -> None:
    for whole, part in zip(gatherings, parts, strict=True):
        whole.update(part)
