"""How the twin says no: one refusal, which REST and GraphQL each put in their own words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """The types of GitHub's GraphQL errors."""

    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INSUFFICIENT_SCOPES = "INSUFFICIENT_SCOPES"
    UNPROCESSABLE = "UNPROCESSABLE"
    STALE_DATA = "STALE_DATA"
    MISSING_PAGINATION_BOUNDARIES = "MISSING_PAGINATION_BOUNDARIES"
    EXCESSIVE_PAGINATION = "EXCESSIVE_PAGINATION"


@dataclass(frozen=True, slots=True)
class Detail:
    """One entry of ``errors`` in a REST refusal."""

    resource: str
    code: str
    field: str | None = None
    message: str | None = None


class Refusal(Exception):  # noqa: N818 - a verdict, not a name of a class
    """GitHub will not. Nothing was changed.

    Args:
        message: What REST says, and GraphQL where ``graphql`` is empty.
        kind: GraphQL's type.
        status: REST's status.
        details: REST's list of errors.
        graphql: What GraphQL says.
        headers: What the answer has besides.
    """

    def __init__(
        self,
        message: str,
        kind: Kind = Kind.UNPROCESSABLE,
        status: int = 422,
        *,
        details: tuple[Detail, ...] = (),
        graphql: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.status = status
        self.details = details
        self.graphql = graphql or message
        self.headers = headers or {}


def not_found(graphql: str = "") -> Refusal:
    return Refusal("Not Found", Kind.NOT_FOUND, 404, graphql=graphql)


def forbidden(message: str) -> Refusal:
    return Refusal(message, Kind.FORBIDDEN, 403)


def invalid(resource: str, field: str | None, message: str | None = None, code: str = "custom") -> Refusal:
    """A validation that failed, with one error."""
    words = message or f"{field} is {code}"
    return Refusal("Validation Failed", details=(Detail(resource, code, field, message),), graphql=words)
