"""Executes documents against the cut-down schema, and reports errors in GitHub's form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from tests.twins.github.access import require
from tests.twins.github.refusal import Kind, Refusal, not_found
from tests.twins.github.rest.shapes import stamp
from tests.twins.github.rules import merging
from tests.twins.github.wire import answer
from tests.twins.github.world import Act, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphql import DocumentNode, GraphQLResolveInfo

    from tests.twins.github.access import Caller
    from tests.twins.github.rules.merging import Standing
    from tests.twins.github.site import Site
    from tests.twins.github.wire import Request, Response
    from tests.twins.github.world import Pull, Repository

SDL = Path(__file__).parent.parent / "schema.graphql"

Found = TypeVar("Found")

_RESOLVERS: dict[tuple[str, str], Callable[..., Any]] = {}
_TYPES: dict[type, Callable[[Any], str]] = {}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a document asks for: the fields of its root, and whether they are mutations."""

    fields: tuple[str, ...]
    mutating: bool


@dataclass(slots=True)
class Ask:
    """One document that is being answered, for whom."""

    site: Site
    caller: Caller
    standings: dict[str, Standing] = field(default_factory=dict)

    def act(self, repository: Repository, *needs: str) -> Act:
        """Act on a repository with the caller's credential, which must grant what that needs."""
        for need in needs:
            require(self.caller, repository, need)
        return Act(self.site.world, repository, self.caller.account)

    def standing(self, pull: Pull) -> Standing:
        """Whether a pull request merges: the same answer for the whole document."""
        if pull.id not in self.standings:
            self.standings[pull.id] = merging.shown(pull)
        return self.standings[pull.id]

    def node(self, id_: str, kind: type[Found]) -> Found:
        """The node of an id, unless it is too new to be found."""
        world = self.site.world
        node, made = world.nodes.get(id_, (None, 0))
        too_new = self.site.lag.nodes and world.request - made <= self.site.lag.nodes
        if too_new or node is None or not isinstance(node, kind):
            raise not_found(f"Could not resolve to a node with the global id of '{id_}'.")
        return node


def resolver(type_: str, *fields: str, needs: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what answers fields of a type, called with the object and the :class:`Ask`.

    Args:
        type_: The type in the schema.
        fields: Its fields; none for the function's own name in camel case.
        needs: The permission that the credential needs in the object's repository.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(source: Any, ask: Ask, **arguments: Any) -> Any:
            if needs:
                require(ask.caller, getattr(source, "repository", source), needs)
            return function(source, ask, **arguments)

        for name in fields or (_camel(function.__name__),):
            _RESOLVERS[type_, name] = guarded
        return function

    return register


def typename(kind: type, name: str | Callable[[Any], str]) -> None:
    """Say which type of the schema objects of a class have."""
    _TYPES[kind] = name if callable(name) else lambda _: name


@cache
def schema() -> GraphQLSchema:
    return build_schema(SDL.read_text())


@lru_cache(maxsize=500)
def _document(text: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    try:
        document = parse(text)
    except GraphQLError as error:
        return None, (error,)
    return document, tuple(validate(schema(), document))


def operation(request: Request) -> Operation:
    """What a request asks for, nothing if it cannot be understood."""
    try:
        body = request.json()
        document, _ = _document(body["query"])
    except (ValueError, KeyError, TypeError):
        return Operation((), mutating=False)
    nodes = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)] if document else []
    chosen = [node for node in nodes if len(nodes) == 1 or (node.name and node.name.value == body.get("operationName"))]
    selections = chosen[0].selection_set.selections if chosen else ()
    names = tuple(selection.name.value for selection in selections if isinstance(selection, FieldNode))
    return Operation(names, mutating=bool(chosen) and chosen[0].operation is OperationType.MUTATION)


def respond(site: Site, caller: Caller, request: Request) -> Response:
    """Answer a document, with status 200 whatever becomes of it."""
    body = request.json()
    document, wrong = _document(body.get("query", ""))
    if wrong or document is None:
        return answer(200, {"errors": [error.formatted for error in wrong]})
    result = execute_sync(
        schema(),
        document,
        context_value=Ask(site, caller),
        variable_values=body.get("variables"),
        operation_name=body.get("operationName"),
        field_resolver=_resolve,
        type_resolver=lambda value, *_: _TYPES[type(value)](value),
    )
    errors = {"errors": [_formatted(error) for error in result.errors]} if result.errors else {}
    return answer(200, {"data": result.data, **errors})


def _formatted(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    if cause is None:
        return dict(error.formatted)
    if not isinstance(cause, Refusal):
        raise cause
    return {"type": cause.kind.value, **error.formatted, "message": cause.graphql}


def _resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    value = _value(source, info, arguments)
    return stamp(value) if isinstance(value, datetime) else value


def _value(source: Any, info: GraphQLResolveInfo, arguments: dict[str, Any]) -> Any:
    found = _RESOLVERS.get((info.parent_type.name, info.field_name))
    if found:
        return found(source, info.context, **{_snake(name): value for name, value in arguments.items()})
    if isinstance(source, Event):
        source = {**source.detail, **{name: getattr(source, name) for name in ("id", "actor", "created_at")}}
        return source.get(_snake(info.field_name))
    if isinstance(source, dict):
        return source[info.field_name]
    return getattr(source, _snake(info.field_name))


def connection(items: list[Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """A page of a list. GitHub insists on ``first`` or ``last``, of 100 at most."""
    first, last = arguments.get("first"), arguments.get("last")
    size = first if first is not None else last
    if size is None:
        words = "You must provide a `first` or `last` value to properly paginate the connection."
        raise Refusal(words, Kind.MISSING_PAGINATION_BOUNDARIES)
    if not 0 <= size <= 100:
        words = f"Requesting {size} records on the connection exceeds the `first` limit of 100 records."
        raise Refusal(words, Kind.EXCESSIVE_PAGINATION)
    start, end = _bounds(items, arguments)
    start, end = (start, min(end, start + size)) if first is not None else (max(start, end - size), end)
    page = items[start:end]
    cursors = [str(start + place) for place in range(1, len(page) + 1)]
    return {
        "nodes": page,
        "edges": [{"cursor": cursor, "node": node} for cursor, node in zip(cursors, page, strict=True)],
        "totalCount": len(items),
        "pageInfo": {
            "hasNextPage": end < len(items),
            "hasPreviousPage": start > 0,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }


def _bounds(items: list[Any], arguments: dict[str, Any]) -> tuple[int, int]:
    after, before = arguments.get("after"), arguments.get("before")
    return int(after) if after else 0, int(before) - 1 if before else len(items)


def _camel(name: str) -> str:
    head, *rest = name.strip("_").split("_")
    return head + "".join(word.title() for word in rest)


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
