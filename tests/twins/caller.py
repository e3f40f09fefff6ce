"""Somebody who calls the twin, as a client library would, and reads the answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.twins.github import Request

if TYPE_CHECKING:
    from tests.twins.github import Response, Token, Twin


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls the twin with one credential."""

    twin: Twin
    secret: str
    repository: str = "fleet/production"

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        """Send a REST request; a path that does not begin with a slash is one below the repository."""
        path = path if path.startswith("/") else f"/repos/{self.repository}/{path}".rstrip("/")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = b"" if body is None else json.dumps(body).encode()
        request = Request.of(method, f"/api/v3{path}", {"authorization": f"Bearer {self.secret}", **named}, data)
        return self.twin.handle(request)

    def get(self, path: str, status: int = 200, **headers: str) -> Any:
        response = self.call("GET", path, **headers)
        assert response.status == status, response.body[:500]
        return response.json()

    def send(self, method: str, path: str, status: int, **body: object) -> Any:
        """Send a request with a body, and give the answer's, None if it has none."""
        response = self.call(method, path, body)
        assert response.status == status, response.body[:500]
        return response.json() if response.body else None

    def ask(self, document: str, **variables: object) -> Any:
        """Send a GraphQL document."""
        data = json.dumps({"query": document, "variables": variables}).encode()
        headers = {"authorization": f"bearer {self.secret}"}
        response = self.twin.handle(Request.of("POST", "/api/graphql", headers, data))
        assert response.status == 200, response.body[:500]
        return response.json()

    def data(self, document: str, **variables: object) -> Any:
        """Send a document that must succeed, and give its data."""
        answer = self.ask(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def refused(self, document: str, **variables: object) -> list[tuple[str, str]]:
        """Send a document that must fail: types and messages of its errors."""
        return [(error.get("type", ""), error["message"]) for error in self.ask(document, **variables)["errors"]]


def caller(twin: Twin, token: Token, repository: str = "fleet/production") -> Caller:
    return Caller(twin, token.secret, repository)
