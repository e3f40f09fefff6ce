"""Every field of the twin's schema has an answer: nothing is declared that would fail when it is asked for."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from tests.twins.conftest import PIN
from tests.twins.github import MemoryStore, Method, Protection
from tests.twins.github.graphql.engine import schema
from tests.twins.hand import BRANCH, opened, pinned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.twins.caller import Caller
    from tests.twins.github import Person, Repository, Twin

ARGUMENTS = {
    "blame": f'(path: "{PIN}")',
    "context": '(name: "ci")',
    "label": '(name: "promotion")',
    "node": '(id: "gone")',
    "nodes": "(ids: [])",
    "object": '(expression: "main")',
    "pullRequest": "(number: 1)",
    "ref": f'(qualifiedName: "{BRANCH}")',
    "refs": '(refPrefix: "refs/heads/", first: 1)',
    "repository": '(owner: "fleet", name: "production")',
    "team": '(slug: "gone")',
}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def selection(kind: object, depth: int) -> str:
    """Ask for every field of a type, and of the types that they lead to."""
    if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
        members = schema().get_possible_types(kind)
        return "__typename " + " ".join(f"... on {member.name} {{ {selection(member, depth)} }}" for member in members)
    assert isinstance(kind, GraphQLObjectType)
    return " ".join(["__typename", *asked(kind, depth)])


def asked(kind: GraphQLObjectType, depth: int) -> Iterator[str]:
    for name, found in kind.fields.items():
        inner = get_named_type(found.type)
        alias = f"{kind.name.lower()}_{name}"
        if is_leaf_type(inner):
            yield f"{alias}: {name}"
        elif depth:
            yield f"{alias}: {name}{arguments(name, found)} {{ {selection(inner, depth - 1)} }}"


def arguments(name: str, found: GraphQLField) -> str:
    if any(is_required_argument(argument) for argument in found.args.values()) or "expression" in found.args:
        return ARGUMENTS[name]
    return "(first: 5)" if "first" in found.args else ""


ROOTS = [
    pytest.param("", "Repository", id="a repository"),
    pytest.param("pullRequest(number: 1)", "PullRequest", id="an open pull request"),
    pytest.param("pullRequest(number: 2)", "PullRequest", id="a merged pull request"),
    pytest.param('object(expression: "main")', "GitObject", id="a commit"),
    pytest.param('object(expression: "main:apps")', "GitObject", id="a tree"),
    pytest.param(f'object(expression: "main:{PIN}")', "GitObject", id="a blob"),
    pytest.param(f'ref(qualifiedName: "{BRANCH}")', "Ref", id="a ref"),
]


@pytest.fixture
def rich(robot: Caller, ada: Person, twin: Twin, repository: Repository) -> Caller:
    """A repository in which there is one of everything."""
    opened(robot)
    opened(robot, branch="second")
    ada.merges(2, "squash")
    repository.protections["main"] = Protection(checks=("ci",), queue=Method.SQUASH)
    twin.person("bob", repository, "write")
    twin.team(repository, "platform")
    robot.send("POST", "pulls/1/requested_reviewers", 201, reviewers=["bob"], team_reviewers=["platform"])
    robot.send("POST", "issues/1/assignees", 201, assignees=["bob"])
    ada.pushes("next", repository.tip("main") or "")
    for base in ("next", "main"):
        ada.retargets(1, base)
    ada.force_pushes(BRANCH, {PIN: pinned("1.2.0")}, onto="main")
    ada.labels(1, "promotion", "other")
    ada.unlabels(1, "other")
    ada.comments(1, "Hello")
    ada.edits(1, title="Other")
    ada.approves(1)
    ada.converts_to_draft(1)
    ada.marks_ready(1)
    ada.closes(1)
    ada.reopens(1)
    ada.enables_auto_merge(1)
    ada.disables_auto_merge(1)
    ada.reports(1, "ci")
    ada.enqueues(1)
    ada.dequeues(1)
    ada.enqueues(1)
    return robot


@pytest.mark.parametrize(("field", "kind"), ROOTS)
def test_every_field_has_an_answer(rich: Caller, field: str, kind: str) -> None:
    inner = f"{{ {selection(schema().type_map[kind], 3 if kind == 'PullRequest' else 2)} }}"
    whole = f"{field} {inner}" if field else inner.strip("{} ")

    answer = rich.ask(f'query {{ viewer {{ login }} repository(owner: "fleet", name: "production") {{ {whole} }} }}')

    assert [(error["message"], error.get("path")) for error in answer.get("errors", [])] == []


def test_an_open_pull_request_tells_its_whole_story(rich: Caller) -> None:
    document = """{ repository(owner: "fleet", name: "production") { pullRequest(number: 1) {
      timelineItems(first: 100) { nodes { __typename } } } } }"""

    nodes = rich.data(document)["repository"]["pullRequest"]["timelineItems"]["nodes"]

    union = schema().type_map["PullRequestTimelineItems"]
    assert isinstance(union, GraphQLUnionType)
    told = {node["__typename"] for node in nodes}
    assert {member.name for member in union.types} - told == {
        "MergedEvent",
        "HeadRefDeletedEvent",
        "ReviewDismissedEvent",
    }


MORE = """
mutation($id: ID!, $label: ID!, $user: ID!, $ref: ID!, $oid: GitObjectID!, $contents: Base64String!) {
  createCommitOnBranch(input: {
    branch: {id: $ref} message: {headline: "Delete"} expectedHeadOid: $oid
    fileChanges: {deletions: [{path: "README.md"}], additions: [{path: "new", contents: $contents}]}
  }) { commit { oid } ref { name } }
  updatePullRequest(input: {
    pullRequestId: $id, labelIds: [$label], assigneeIds: [$user], baseRefName: "next", state: CLOSED
  }) { pullRequest { state baseRefName labels(first: 5) { nodes { name } } assignees(first: 5) { nodes { login } } } }
  reopen: updatePullRequest(input: {pullRequestId: $id, state: OPEN, baseRefName: "main"}) { pullRequest { state } }
  updatePullRequestBranch(input: {pullRequestId: $id, updateMethod: REBASE}) { pullRequest { state } }
  mergePullRequest(input: {pullRequestId: $id, mergeMethod: SQUASH, commitHeadline: "Merge", commitBody: "All of it"}) {
    pullRequest { state mergeCommit { message } }
  }
}
"""


def test_the_other_mutations_do_what_they_say(robot: Caller, ada: Person, twin: Twin, repository: Repository) -> None:
    opened(robot)
    ada.pushes("next", repository.tip("main") or "")
    ada.commits({"other": "x\n"})
    ada.labels(1, "promotion", "old")
    document = f'{{ repository(owner: "fleet", name: "production") {{ ref(qualifiedName: "{BRANCH}") {{ id }} }} }}'

    answer = robot.data(
        MORE,
        id=repository.pulls[1].id,
        label=repository.labels["promotion"].id,
        user=ada.account.id,
        ref=robot.data(document)["repository"]["ref"]["id"],
        oid=repository.tip(BRANCH),
        contents=base64.b64encode(b"x").decode(),
    )

    edited = answer["updatePullRequest"]["pullRequest"]
    assert (edited["state"], edited["baseRefName"]) == ("CLOSED", "next")
    assert [label["name"] for label in edited["labels"]["nodes"]] == ["promotion"]
    assert edited["assignees"]["nodes"] == [{"login": "ada"}]
    merged = answer["mergePullRequest"]["pullRequest"]
    assert (merged["state"], merged["mergeCommit"]["message"]) == ("MERGED", "Merge\n\nAll of it")
    tip = repository.tip("main")
    assert tip
    assert set(repository.store.files(repository.store.commit(tip).tree)) == {PIN, "new", "other"}


def test_what_a_mutation_makes_possible_happens_before_the_next(
    robot: Caller, ada: Person, repository: Repository
) -> None:
    repository.protections["main"] = Protection(checks=("ci",))
    opened(robot)
    ada.pushes("next", repository.tip("main") or "")
    ada.enables_auto_merge(1)

    answer = robot.data(
        """mutation($id: ID!) {
          updatePullRequest(input: {pullRequestId: $id, baseRefName: "next"}) { clientMutationId }
          closePullRequest(input: {pullRequestId: $id}) { pullRequest { state } } }""",
        id=repository.pulls[1].id,
    )

    assert answer["closePullRequest"]["pullRequest"]["state"] == "MERGED"


@pytest.mark.parametrize(("union", "left"), [(True, ["bob", "eve"]), (False, ["eve"])], ids=["added", "replaced"])
def test_reviewers_are_added_or_replaced(
    robot: Caller, twin: Twin, repository: Repository, union: bool, left: list[str]
) -> None:
    opened(robot)
    ids = [twin.person(login, repository, "write").account.id for login in ("bob", "eve")]
    document = """mutation($id: ID!, $users: [ID!], $union: Boolean) {
      requestReviews(input: {pullRequestId: $id, userIds: $users, union: $union}) { clientMutationId } }"""

    robot.data(document, id=repository.pulls[1].id, users=ids[:1], union=union)
    robot.data(document, id=repository.pulls[1].id, users=ids[1:], union=union)

    assert [getattr(reviewer, "login", "") for reviewer in repository.pulls[1].reviewers] == left
