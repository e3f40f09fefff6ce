"""The twin of GitHub against what GitHub publishes, and whether the judges would notice."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from graphql import build_schema

from tests.twins.github.graphql import SDL
from tests.twins.github.judge import (
    DESCRIPTIONS,
    FOLDER,
    Documents,
    Exchanges,
    not_published,
    published_description,
    published_schema,
)
from tests.twins.github.rest.router import routes
from tests.twins.github.wire import Request, Response, answer

pytestmark = pytest.mark.contracts

PUBLISHED = Path(os.environ.get(FOLDER, "make contracts fetches it"))
PULLS = "/api/v3/repos/fleet/production/pulls"
LABEL = {
    "id": 1,
    "node_id": "L",
    "url": "https://a/b",
    "name": "x",
    "color": "ededed",
    "description": None,
    "default": True,
}


def test_the_twins_schema_is_a_part_of_githubs() -> None:
    assert not_published(build_schema(SDL.read_text()), published_schema(PUBLISHED)) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        pytest.param("isArchived: Boolean!", "isShelved: Boolean!", "Repository.isShelved", id="a field"),
        pytest.param("isArchived: Boolean!", "isArchived: Boolean", "Repository.isArchived", id="nullability"),
        pytest.param("object(expression: String,", "object(text: String,", "Repository.object(text)", id="an argument"),
        pytest.param("enum StatusState {", "enum StatusState {\n  OLD", "StatusState.OLD", id="an enum's value"),
        pytest.param(
            "  beforeOid: GitObjectID\n", "  oldOid: GitObjectID\n", "RefUpdate.oldOid", id="an input's field"
        ),
        pytest.param("  afterOid: GitObjectID!\n", "", "RefUpdate.afterOid", id="an input's required field"),
        pytest.param("scalar URI", "scalar URI\nscalar URL", "URL", id="a type"),
        pytest.param("  | Bot\n", "  | Bot\n  | Ref\n", "RequestedReviewer.Ref", id="a member of a union"),
    ],
)
def test_what_github_does_not_publish_is_noticed(old: str, new: str, where: str) -> None:
    text = SDL.read_text()
    assert old in text

    assert not_published(build_schema(text.replace(old, new, 1)), published_schema(PUBLISHED)) == [where]


@pytest.mark.parametrize("name", DESCRIPTIONS)
@pytest.mark.parametrize(("method", "template"), routes())
def test_every_route_is_an_operation_of_githubs(name: str, method: str, template: str) -> None:
    path = template.replace("{number}", "1").replace("{basehead}", "a...b").replace("{", "").replace("}", "")

    assert published_description(PUBLISHED, name).operation(method, path)


def judged(name: str, request: Request, response: Response) -> list[str]:
    judge = Exchanges(published_description(PUBLISHED, name))
    judge(request, response)
    return judge.complaints


FAST = {"merge_method": "fast"}


def asked(method: str, path: str, body: object = None) -> Request:
    return Request.of(method, PULLS + path, {}, b"" if body is None else json.dumps(body).encode())


@pytest.mark.parametrize("name", DESCRIPTIONS)
@pytest.mark.parametrize(
    ("request_", "response", "complaint"),
    [
        pytest.param(asked("POST", "", {"titel": "x"}), answer(422, {}), "unknown key titel", id="a body's key"),
        pytest.param(asked("GET", "?per_pages=1"), answer(200, []), "unknown query per_pages", id="a query"),
        pytest.param(asked("GET", ""), answer(200, [{}]), "is a required property", id="an answer's key"),
        pytest.param(asked("GET", ""), answer(200, {}), "is not of type 'array'", id="an answer's type"),
        pytest.param(asked("GET", ""), answer(202, []), "a status that is not described", id="a status"),
        pytest.param(asked("PUT", "", {}), answer(200, []), "no operation PUT", id="an operation"),
        pytest.param(asked("PUT", "/1/merge", FAST), answer(200, {}), "is not one of", id="a body's value"),
        pytest.param(
            asked("GET", ""), Response(200, {"content-type": "text/css"}, b"x"), "a media type", id="a media type"
        ),
    ],
)
def test_a_judge_notices(name: str, request_: Request, response: Response, complaint: str) -> None:
    assert complaint in "\n".join(judged(name, request_, response))


@pytest.mark.parametrize("name", DESCRIPTIONS)
@pytest.mark.parametrize(
    ("request_", "response"),
    [
        pytest.param(asked("PUT", "/1/merge", FAST), answer(405, {"message": "No"}), id="a value that was refused"),
        pytest.param(asked("GET", "/1"), Response(304), id="nothing new"),
        pytest.param(
            asked("PUT", "/1/merge", {}), answer(200, {"sha": "1", "merged": True, "message": ""}), id="a merge"
        ),
    ],
)
def test_a_judge_is_content(name: str, request_: Request, response: Response) -> None:
    assert judged(name, request_, response) == []


@pytest.mark.parametrize(
    ("document", "count"),
    [
        pytest.param("{ viewer { login } }", 0, id="a good one"),
        pytest.param("{ viewer { logn } }", 1, id="an unknown field"),
        pytest.param("mutation { closePullRequest(input: {}) { clientMutationId } }", 1, id="a missing input"),
    ],
)
def test_a_document_is_judged_by_githubs_schema(document: str, count: int) -> None:
    judge = Documents(published_schema(PUBLISHED))

    judge(Request("POST", "/api/graphql", body=json.dumps({"query": document}).encode()), answer(200, {"data": None}))

    assert len(judge.complaints) == count
