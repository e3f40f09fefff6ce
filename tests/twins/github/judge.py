"""Judges by what GitHub publishes: its GraphQL schema, and its OpenAPI descriptions.

They are called with each request that the twin answered; what is wrong is added to their ``complaints``. They are
strict with our requests and with the twin. GitHub itself is not always true to what it publishes.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_required_input_field,
    is_specified_directive,
    is_specified_scalar_type,
    parse,
    validate,
)
from jsonschema import Draft4Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.twins.github.twin import Twin
    from tests.twins.github.wire import Request, Response

FOLDER = "GITHUB_CONTRACTS"
"""The environment variable that names the folder of what GitHub publishes."""
DESCRIPTIONS = ("ghes-3.19", "api.github.com")
_ROOT = "urn:openapi"
_SLASHES = {"ref", "basehead", "path"}
"""Parameters of paths that may have slashes."""
_REFUSALS = {400, 401, 403, 404, 405, 409, 422, 429}
"""GitHub answers these anywhere, whether an operation names them or not."""


@cache
def published_schema(folder: Path) -> GraphQLSchema:
    """GitHub's whole GraphQL schema, of the package @octokit/graphql-schema."""
    return build_schema((folder / "schema.graphql").read_text(), assume_valid=True)


@cache
def published_description(folder: Path, name: str) -> OpenAPI:
    """One of GitHub's OpenAPI descriptions, of the package @octokit/openapi."""
    return OpenAPI(json.loads((folder / f"{name}.json").read_text()))


def judges(folder: Path) -> tuple[Documents, *tuple[Exchanges, ...]]:
    """One judge for documents, and one for REST of each description."""
    return Documents(published_schema(folder)), *(Exchanges(published_description(folder, n)) for n in DESCRIPTIONS)


def appointed() -> tuple[Documents | Exchanges, ...]:
    """The judges, where ``make contracts`` has fetched what GitHub publishes; none elsewhere."""
    folder = os.environ.get(FOLDER)
    return judges(Path(folder)) if folder else ()


def complaints(twin: Twin) -> list[str]:
    """All that the judges of a twin have to complain of."""
    return [found for judge in twin.judges if isinstance(judge, Documents | Exchanges) for found in judge.complaints]


@dataclass(slots=True)
class Documents:
    """Judges GraphQL documents."""

    schema: GraphQLSchema
    complaints: list[str] = field(default_factory=list)

    def __call__(self, request: Request, response: Response) -> None:
        if request.is_graphql and response.status == 200 and "data" in response.json():  # else the twin refused it
            found = validate(self.schema, parse(request.json()["query"]))
            self.complaints += [f"{error.message} in {request.json()['query']}" for error in found]


@dataclass(slots=True)
class Exchanges:
    """Judges REST requests and answers."""

    description: OpenAPI
    complaints: list[str] = field(default_factory=list)

    def __call__(self, request: Request, response: Response) -> None:
        if request.is_graphql or response.status in (401, 429):
            return
        operation = self.description.operation(request.method, request.route)
        if operation is None:
            self.complaints.append(f"no operation {request.method} {request.route}")
            return
        where = f"{request.method} {operation.path} {response.status}"
        self.complaints += [f"{where}: {wrong}" for wrong in self._wrong(operation, request, response)]

    def _wrong(self, operation: Operation, request: Request, response: Response) -> Iterator[str]:
        yield from (f"unknown query {name}" for name in request.query if name not in operation.query)
        if request.body and request.method != "GET" and response.status != 400:  # which is no JSON at all
            body = request.json()
            names = body if isinstance(body, dict) else ()
            yield from (f"unknown key {name}" for name in names if name not in operation.keys)
            if response.status < 400 and operation.body:
                yield from self.description.wrong(operation.body, body)
        yield from self._wrong_answer(operation, response)

    def _wrong_answer(self, operation: Operation, response: Response) -> Iterator[str]:
        content = operation.answers.get(response.status)
        if response.status == 304:
            return
        if content is None and response.status not in _REFUSALS:
            yield "a status that is not described"
        elif response.body:
            media = response.headers["content-type"].partition(";")[0]
            schema = (content or {}).get(media, "#/components/schemas/basic-error")
            if media == "application/json":
                yield from self.description.wrong(schema, response.json())
            elif content is None or media not in content:
                yield f"a media type that is not described: {media}"


@dataclass(frozen=True, slots=True)
class Operation:
    """What a description says of one operation; schemas are named by where they stand.

    ``answers`` are the schemas of each status by media type; ``keys`` what a body may have; ``query`` what a URL may.
    """

    path: str
    query: frozenset[str]
    keys: frozenset[str]
    body: str | None
    answers: dict[int, dict[str, str]]


class OpenAPI:
    """An OpenAPI 3.0 description."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = _nullable(document)
        resource = Resource(contents=self._document, specification=DRAFT4)
        self._registry = Registry().with_resource(_ROOT, resource)
        paths = sorted(document["paths"], key=lambda path: (path.count("{"), -len(path)))
        self._paths = [(re.compile(_pattern(path)), path) for path in paths]
        self._known: dict[tuple[str, str], Operation] = {}

    def operation(self, method: str, route: str) -> Operation | None:
        """The operation of a request, the one with the fewest parameters."""
        for pattern, path in self._paths:
            if pattern.fullmatch(route) and method.lower() in self._document["paths"][path]:
                if (method, path) not in self._known:
                    self._known[method, path] = self._read(method.lower(), path)
                return self._known[method, path]
        return None

    def wrong(self, schema: str, value: object) -> Iterator[str]:
        """What is wrong with a value, the worst of it."""
        validator = Draft4Validator({"$ref": _ROOT + schema}, registry=self._registry)
        error = best_match(validator.iter_errors(value))
        if error:
            yield f"{error.json_path}: {error.message[:300]}"

    def _read(self, method: str, path: str) -> Operation:
        operation = self._document["paths"][path][method]
        here = f"#/paths/{_escaped(path)}/{method}"
        parameters = [self._followed(found)[0] for found in operation.get("parameters", ())]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        return Operation(
            path=path,
            query=frozenset(found["name"] for found in parameters if found["in"] == "query"),
            keys=frozenset(self._keys(body or {})),
            body=f"{here}/requestBody/content/application~1json/schema" if body else None,
            answers={
                int(status): self._media(found, f"{here}/responses/{status}")
                for status, found in operation["responses"].items()
            },
        )

    def _media(self, response: dict[str, Any], here: str) -> dict[str, str]:
        found, at = self._followed(response)
        content = found.get("content", {})
        return {media: f"{at or here}/content/{_escaped(media)}/schema" for media in content}

    def _keys(self, schema: dict[str, Any]) -> Iterator[str]:
        schema, _ = self._followed(schema)
        yield from schema.get("properties", ())
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, ()):
                yield from self._keys(part)

    def _followed(self, found: dict[str, Any]) -> tuple[dict[str, Any], str]:
        if "$ref" not in found:
            return found, ""
        there = self._document
        for name in found["$ref"].removeprefix("#/").split("/"):
            there = there[name]
        return there, found["$ref"]


def _pattern(path: str) -> str:
    return re.sub(r"\\\{(\w+)\\\}", lambda found: ".+" if found[1] in _SLASHES else "[^/]+", re.escape(path))


def _escaped(name: str) -> str:
    """One step of a JSON pointer in a URL's fragment."""
    return quote(name.replace("~", "~0").replace("/", "~1"), safe="~")


def _nullable(node: Any) -> Any:
    """Put OpenAPI's ``nullable`` in JSON Schema's words, in place."""
    if isinstance(node, list):
        for child in node:
            _nullable(child)
    elif isinstance(node, dict):
        for child in node.values():
            _nullable(child)
        if node.pop("nullable", False) is True:
            inner = dict(node)
            node.clear()
            node["anyOf"] = [inner, {"type": "null"}]
    return node


def not_published(ours: GraphQLSchema, published: GraphQLSchema) -> list[str]:
    """What a schema has that the published one has not, or has otherwise."""
    wrong = [name.name for name in ours.directives if not is_specified_directive(name)]
    for name, kind in ours.type_map.items():
        there = published.type_map.get(name)
        if type(kind) is not type(there):
            wrong.append(name)
        elif not name.startswith("__") and not is_specified_scalar_type(kind):
            wrong += [f"{name}.{part}" for part in _differences(kind, there)]
    return wrong


def _differences(ours: Any, there: Any) -> Iterator[str]:
    if isinstance(ours, GraphQLEnumType):
        yield from (value for value in ours.values if value not in there.values)
    elif isinstance(ours, GraphQLUnionType):
        known = {member.name for member in there.types}
        yield from (member.name for member in ours.types if member.name not in known)
    elif isinstance(ours, GraphQLInputObjectType):
        yield from _odd_inputs(ours.fields, there.fields)
    elif isinstance(ours, GraphQLObjectType | GraphQLInterfaceType):
        known = {interface.name for interface in there.interfaces}
        yield from (interface.name for interface in ours.interfaces if interface.name not in known)
        for name, found in ours.fields.items():
            if name not in there.fields or str(found.type) != str(there.fields[name].type):
                yield name
            else:
                yield from (f"{name}({odd})" for odd in _odd_inputs(found.args, there.fields[name].args))


def _odd_inputs(ours: Any, there: Any) -> Iterator[str]:
    """Arguments or input fields that are not known, are otherwise, or are required but missing."""
    for name, found in ours.items():
        known = there.get(name)
        if known is None or (str(found.type), found.default_value) != (str(known.type), known.default_value):
            yield name
    yield from (name for name, found in there.items() if is_required_input_field(found) and name not in ours)
