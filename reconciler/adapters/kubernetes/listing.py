"""Lists of Flux objects, page by page, in the API version that the cluster serves."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.adapters import flux
from reconciler.adapters.fleet import Gathering
from reconciler.core.model import Problem
from reconciler.ports import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.adapters.kubernetes.connection import Answer, Connection
    from reconciler.core.model import Scope

EVERYWHERE: Final = "*"

_PAGE: Final = 500  # objects: about 4 MB of HelmReleases
_STARTS: Final = 3
_PLURALS: Final = {
    flux.HELM_RELEASE: "helmreleases",
    flux.OCI_REPOSITORY: "ocirepositories",
    flux.HELM_CHART: "helmcharts",
}
_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_USER: Final = re.compile(r'User "([^"\\]+)" cannot')
_ANONYMOUS: Final = "system:anonymous"


class NotListedError(Exception):
    """A list that the cluster does not give. The text is one sentence with the cure."""


class DeniedError(NotListedError):
    """The verb is missing."""


class NotServedError(NotListedError):
    """There is no such resource: its CRD is missing."""


class _ExpiredError(Exception):
    """The list changed too much since its first page: it has to start again."""


class _Status(msgspec.Struct):
    message: str = ""


@dataclass
class Listing:
    """Lists of one cluster. ``served`` remembers the version of each kind from one look to the next."""

    connection: Connection
    served: dict[str, str]
    selector: str

    def read(self, kind: str, namespace: str, scopes: Sequence[Scope]) -> list[Gathering]:
        """List one kind in a namespace, or in all of them, and give what each scope sees of it.

        The selector is for HelmReleases alone. Each page is reduced as it arrives.

        Raises:
            DeniedError: we may not list it there.
            NotServedError: the cluster does not have the kind.
            PortError: no answer could be had.
        """
        for _ in range(_STARTS):
            gatherings = [Gathering(scope) for scope in scopes]
            try:
                for page in self._pages(kind, namespace):
                    _take(page, gatherings)
            except _ExpiredError:
                continue
            return gatherings
        resource = _resource(kind)
        raise Unavailable(f"{self.connection.api} cannot hold the list of {resource} still: the next pass tries again")

    def _pages(self, kind: str, namespace: str) -> Iterator[flux.Page]:
        version, page = self._first(kind, namespace)
        with ThreadPoolExecutor(max_workers=1) as ahead:
            while page.more:
                query = self._query(kind) | {"continue": page.more}
                coming = ahead.submit(self.connection.get, _path(kind, version, namespace), query)
                yield page  # and is translated while the server makes the next
                page = self._next(kind, namespace, coming.result())
        yield page

    def _next(self, kind: str, namespace: str, answer: Answer) -> flux.Page:
        if answer.status == HTTPStatus.FORBIDDEN:
            raise self._denied(kind, namespace, answer.body)
        if answer.status != HTTPStatus.OK:  # 410: the token is too old. 404: the version is gone
            raise _ExpiredError
        return self._page(kind, answer.body)

    def _first(self, kind: str, namespace: str) -> tuple[str, flux.Page]:
        """Find the version by asking for it: the one that was served last, then the newest.

        A version that is not served answers 404, and that costs no more than the discovery documents, which a hardened
        cluster may withhold. Access is granted for all versions of a resource (RBAC rules name none).
        """
        group, versions = flux.VERSIONS[kind]
        last = self.served.pop(kind, versions[0])
        for version in dict.fromkeys((last, *versions)):
            answer = self.connection.get(_path(kind, version, namespace), self._query(kind))
            if answer.status == HTTPStatus.FORBIDDEN:
                raise self._denied(kind, namespace, answer.body)
            if answer.status == HTTPStatus.GONE:
                raise _ExpiredError
            if answer.status == HTTPStatus.OK:
                self.served[kind] = version
                return version, self._page(kind, answer.body)
        cure = "install Flux 2.2 or later there, or name another cluster"
        which = " nor ".join(versions)
        raise NotServedError(f"{self.connection.api} serves {_resource(kind)} neither in {which} ({group}): {cure}")

    def _query(self, kind: str) -> dict[str, str]:
        selector = {"labelSelector": self.selector} if self.selector and kind == flux.HELM_RELEASE else {}
        return {"limit": str(_PAGE)} | selector

    def _page(self, kind: str, body: bytes) -> flux.Page:
        try:
            return flux.Page.of(kind, body)
        except ValueError as error:
            cure = "check that the address is that of a Kubernetes API"
            raise Refused(f"{self.connection.api} answers with no list of {_resource(kind)}: {cure}") from error

    def _denied(self, kind: str, namespace: str, body: bytes) -> DeniedError:
        user = _user(body)
        if user == _ANONYMOUS:
            cure = "give the kubeconfig's user a token or a client certificate"
            raise Refused(f"{self.connection.api} takes the program for nobody ({_ANONYMOUS}): {cure}")
        role = "ClusterRole" if namespace == EVERYWHERE else "Role"
        where = "in all namespaces" if namespace == EVERYWHERE else f'in the namespace "{namespace}"'
        group, plural = flux.VERSIONS[kind][0], _PLURALS[kind]
        rule = f"{{apiGroups: [{group}], resources: [{plural}], verbs: [list]}}"
        who = f'"{user}"' if user else "the program's user"
        return DeniedError(f"{who} may not list {_resource(kind)} {where}: bind it to a {role} with the rule {rule}")


def is_namespace(text: str) -> bool:
    """Tell whether a namespace can be asked for: what an object says of another's need not be one."""
    return _NAMESPACE.fullmatch(text) is not None


def _take(page: flux.Page, gatherings: Sequence[Gathering]) -> None:
    for found in page.objects():
        for gathering in gatherings:
            if isinstance(found, str):
                gathering.errors.append(Problem(_resource(page.kind), found))
            else:
                gathering.add(found)


def _resource(kind: str) -> str:
    return f"{_PLURALS[kind]}.{flux.VERSIONS[kind][0]}"


def _path(kind: str, version: str, namespace: str) -> str:
    inside = "" if namespace == EVERYWHERE else f"/namespaces/{namespace}"
    return f"/apis/{flux.VERSIONS[kind][0]}/{version}{inside}/{_PLURALS[kind]}"


def _user(body: bytes) -> str | None:
    """Find who we are in what the API server says of a refusal (``k8s.io/apiserver`` ``responsewriters/errors.go``)."""
    try:
        found = _USER.search(msgspec.json.decode(body, type=_Status).message)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return found[1] if found else None
