"""What goes over the wire, and what the twin remembers of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "/api/v3"
"""Where GitHub Enterprise Server has its REST API; GraphQL is beside it, at /api/graphql."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request. ``headers`` have lower-case names; they hold the credential, so they are never shown."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""

    @classmethod
    def of(cls, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Request:
        """Make one from a URL and headers as they come."""
        parts = urlsplit(url)
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method, unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True)), lower, body)

    @property
    def route(self) -> str:
        """The path as github.com has it: without the prefix of GitHub Enterprise Server."""
        return self.path.removeprefix(PREFIX)

    @property
    def is_graphql(self) -> bool:
        return self.path in ("/api/graphql", "/graphql")

    def json(self) -> Any:
        return json.loads(self.body) if self.body else {}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. ``delay`` is how many seconds it takes to come; whoever carries it waits, or gives up."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    delay: float = 0

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it is remembered: never a header, a body or a token.

    ``operation`` are the fields asked of GraphQL's root; ``status`` is None where the caller got no answer.
    """

    number: int
    method: str
    path: str
    operation: tuple[str, ...]
    mutating: bool
    conditional: bool
    status: int | None


def answer(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; one without a body has none."""
    shown = {"content-type": "application/json; charset=utf-8"} if body is not None else {}
    return Response(status, shown | dict(headers or {}), b"" if body is None else json.dumps(body).encode())
