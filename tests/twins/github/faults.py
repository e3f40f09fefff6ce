"""Faults on demand: what may go wrong before the twin answers, or after it has done what was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from tests.twins.github.graphql import operation
from tests.twins.github.limits import secondary_refusal
from tests.twins.github.wire import Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterator

Effect: TypeAlias = Callable[[Response | None], Response | None]
"""Gets the answer, None while there is none yet; gives another one instead, or None to let things take their course."""
When: TypeAlias = "int | Callable[[Request], bool]"
"""The number of a request, or what tells it."""


class Dropped(Exception):  # noqa: N818 - what happened, not a name of a class
    """The connection broke: the caller has no answer."""


class Crash(BaseException):
    """The caller's own process ends here. Nothing may catch it but the test."""


@dataclass(slots=True)
class Fault:
    """``times`` are how often it still strikes."""

    when: When
    effect: Effect
    after: bool
    times: int


@dataclass(slots=True)
class Faults:
    """All that is to go wrong."""

    _waiting: list[Fault] = field(default_factory=list)

    def before(self, when: When, effect: Effect, *, times: int = 1) -> None:
        """Let something happen instead of, or before, what a request asks for."""
        self._waiting.append(Fault(when, effect, after=False, times=times))

    def after(self, when: When, effect: Effect, *, times: int = 1) -> None:
        """Let something happen when a request has been carried out."""
        self._waiting.append(Fault(when, effect, after=True, times=times))

    def strike(self, number: int, request: Request, response: Response | None) -> Response | None:
        """Let all that is due happen; the last answer that it gives counts."""
        for fault in list(self._due(number, request, after=response is not None)):
            fault.times -= 1
            response = fault.effect(response) or response
        return response

    def _due(self, number: int, request: Request, *, after: bool) -> Iterator[Fault]:
        for fault in self._waiting:
            hit = fault.when == number if isinstance(fault.when, int) else fault.when(request)
            if fault.times and fault.after == after and hit:
                yield fault


def asks_for(name: str) -> Callable[[Request], bool]:
    """Tell a request by a field of GraphQL's root, such as ``createPullRequest``."""
    return lambda request: request.is_graphql and name in operation(request).fields


def goes_to(method: str, ending: str) -> Callable[[Request], bool]:
    """Tell a REST request by its method and how its path ends."""
    return lambda request: request.method == method and request.path.endswith(ending)


def bad_gateway(_response: Response | None) -> Response:
    return Response(502, {"content-type": "text/html"}, b"<html><title>502 Bad Gateway</title></html>")


def drop(_response: Response | None) -> Response:
    raise Dropped


def crash(_response: Response | None) -> Response:
    raise Crash


def truncated(response: Response | None) -> Response:
    """Half of the answer, as if that were all."""
    assert response, "there is an answer only after the request"
    return replace(response, body=response.body[: len(response.body) // 2])


def garbled(_response: Response | None) -> Response:
    """An answer of some other server on the way."""
    return Response(200, {"content-type": "application/json"}, b'{"hello": "world"}')


def secondary_limit(status: int = 403, retry_after: int | None = None) -> Effect:
    return lambda _response: secondary_refusal(status, retry_after)


def slow(seconds: float) -> Effect:
    """The answer takes so long to come."""

    def late(response: Response | None) -> Response:
        assert response, "there is an answer only after the request"
        return replace(response, delay=seconds)

    return late


def meanwhile(act: Callable[[], object]) -> Effect:
    """Somebody acts between two requests."""

    def acted(_response: Response | None) -> None:
        act()

    return acted
