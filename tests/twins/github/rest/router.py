"""Finds the handler of a request, checks what it needs, and answers as GitHub does."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.twins.github.refusal import Refusal, not_found
from tests.twins.github.rest.shapes import Shapes
from tests.twins.github.wire import Response, answer
from tests.twins.github.world import Act

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.twins.github.access import Caller
    from tests.twins.github.site import Site
    from tests.twins.github.wire import Request
    from tests.twins.github.world import Pull, Repository

_DOCS = "https://docs.github.com/rest"
_WHOLE = {"ref", "basehead"}
"""Parameters that may have slashes."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its handler. ``args`` are the parameters in its path."""

    site: Site
    request: Request
    caller: Caller
    args: Mapping[str, str]
    found: Repository | None

    @property
    def repository(self) -> Repository:
        assert self.found, "the route names a repository"
        return self.found

    @property
    def shapes(self) -> Shapes:
        return Shapes(self.site.origin)

    @property
    def act(self) -> Act:
        return Act(self.site.world, self.repository, self.caller.account)

    @property
    def pull(self) -> Pull:
        found = self.repository.pulls.get(int(self.args["number"]))
        if found is None:
            raise not_found()
        return found

    @property
    def body(self) -> dict[str, Any]:
        try:
            body = self.request.json()
        except ValueError:
            raise Refusal("Problems parsing JSON", status=400) from None
        if not isinstance(body, dict):
            raise Refusal("Body should be a JSON object", status=400)
        return body

    def wanted(self, name: str) -> Any:
        """A field that the body must have."""
        if self.body.get(name) is None:
            raise Refusal(f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        return self.body[name]

    def oid(self, expression: str) -> str:
        """The commit that a part of the path or query names."""
        found = resolved(self.repository, expression)
        if found is None:
            raise Refusal(f"No commit found for SHA: {expression}")
        return found


_ROUTES: list[tuple[str, str, re.Pattern[str], tuple[str, ...], Callable[[Call], Response]]] = []


def route(
    method: str, template: str, *needs: str
) -> Callable[[Callable[[Call], Response]], Callable[[Call], Response]]:
    """Register a handler for a path such as ``/repos/{owner}/{repo}/pulls``, and the permissions that it needs."""
    pattern = re.sub(r"\{(\w+)\}", lambda found: f"(?P<{found[1]}>{'.+' if found[1] in _WHOLE else '[^/]+'})", template)

    def register(handler: Callable[[Call], Response]) -> Callable[[Call], Response]:
        _ROUTES.append((method, template, re.compile(pattern), needs, handler))
        return handler

    return register


def routes() -> list[tuple[str, str]]:
    """Every method and path that is answered."""
    return [(method, template) for method, template, *_ in _ROUTES]


def respond(site: Site, caller: Caller, request: Request) -> Response:
    """Answer a REST request of somebody who is known."""
    try:
        made = _dispatch(site, caller, request)
    except Refusal as refusal:
        return refused(refusal)
    return _conditional(caller, request, made) if request.method == "GET" else made


def refused(refusal: Refusal) -> Response:
    body: dict[str, Any] = {"message": refusal.message, "documentation_url": _DOCS, "status": str(refusal.status)}
    if refusal.details:
        fields = ("resource", "code", "field", "message")
        shown = [{name: getattr(detail, name) for name in fields} for detail in refusal.details]
        body["errors"] = [{name: value for name, value in detail.items() if value} for detail in shown]
    return answer(refusal.status, body, refusal.headers)


def _dispatch(site: Site, caller: Caller, request: Request) -> Response:
    for method, _, pattern, needs, handler in _ROUTES:
        found = pattern.fullmatch(request.route)
        if found and method == request.method:
            args = found.groupdict()
            repository = None
            for need in needs:
                repository = site.repository(caller, f"{args['owner']}/{args['repo']}", need)
            return handler(Call(site, request, caller, args, repository))
    raise not_found()


def _conditional(caller: Caller, request: Request, made: Response) -> Response:
    """Add an ETag that only this credential has, and answer 304 to who holds it already."""
    if made.status != 200:
        return made
    mark = hashlib.sha256(caller.identity.encode() + made.body).hexdigest()
    etag = made.headers.get("etag", f'W/"{mark}"')
    headers = {**made.headers, "etag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(304, {"etag": etag})
    return Response(200, headers, made.body)


def resolved(repository: Repository, expression: str) -> str | None:
    """The commit that a branch, a tag, a ref or an id names."""
    refs = repository.store.refs()
    names = (expression, f"refs/{expression}", f"refs/heads/{expression}", f"refs/tags/{expression}")
    oid = next((refs[name] for name in names if name in refs), expression)
    found = repository.store.get(oid) if re.fullmatch("[0-9a-f]{40}", oid) else None
    return oid if found and found[0] == "commit" else None
