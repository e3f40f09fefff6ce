"""What can be done by GraphQL. Mutations of one document run one after the other; one that fails stops no other."""

from __future__ import annotations

import base64
from functools import wraps
from typing import TYPE_CHECKING, Any

from tests.twins.github.graphql.engine import Ask, resolver
from tests.twins.github.graphql.queries import Object, Ref, found_ref
from tests.twins.github.objects import ZEROS
from tests.twins.github.refusal import Refusal
from tests.twins.github.rules import merging, pulls, refs
from tests.twins.github.world import Account, Act, AutoMerge, Label, Method, Pull, Repository, Team

if TYPE_CHECKING:
    from collections.abc import Callable

Input = dict[str, Any]
_HEADS = "refs/heads/"
_WRITE_PULL = "pull_requests:write"
_WRITE_CODE = "contents:write"


def mutation(function: Callable[[Ask, Input], Input]) -> Callable[[Ask, Input], Input]:
    """Register a mutation under its own name. What it makes possible happens before the next one starts."""

    @wraps(function)
    def mutate(_root: None, ask: Ask, **arguments: Any) -> Input:
        wanted = arguments["input"]
        payload = function(ask, wanted)
        merging.settle(ask.site.world)
        return {"clientMutationId": wanted.get("clientMutationId"), "actor": ask.caller.account, **payload}

    resolver("Mutation")(mutate)
    return function


@mutation
def create_ref(ask: Ask, wanted: Input) -> Input:
    repository = ask.node(wanted["repositoryId"], Repository)
    refs.create(ask.act(repository, _WRITE_CODE), wanted["name"], wanted["oid"])
    return {"ref": Ref(repository, wanted["name"])}


@mutation
def update_ref(ask: Ask, wanted: Input) -> Input:
    ref = found_ref(ask, wanted["refId"])
    change = refs.Change(ref.full_name, None, wanted["oid"], force=bool(wanted.get("force")))
    refs.change(ask.act(ref.repository, _WRITE_CODE), [change])
    return {"ref": ref}


@mutation
def update_refs(ask: Ask, wanted: Input) -> Input:
    """Move several refs at once or not at all, each only from where it is expected."""
    repository = ask.node(wanted["repositoryId"], Repository)
    changes = [
        refs.Change(update["name"], update.get("beforeOid"), update["afterOid"], force=bool(update.get("force")))
        for update in wanted["refUpdates"]
    ]
    refs.change(ask.act(repository, _WRITE_CODE), changes)
    return {}


@mutation
def delete_ref(ask: Ask, wanted: Input) -> Input:
    ref = found_ref(ask, wanted["refId"])
    refs.change(ask.act(ref.repository, _WRITE_CODE), [refs.Change(ref.full_name, None, ZEROS)])
    return {}


@mutation
def create_commit_on_branch(ask: Ask, wanted: Input) -> Input:
    repository, branch = _branch(ask, wanted["branch"])
    changes = wanted.get("fileChanges") or {}
    files: dict[str, bytes | None] = {found["path"]: None for found in changes.get("deletions") or ()}
    files |= {found["path"]: base64.b64decode(found["contents"]) for found in changes.get("additions") or ()}
    message = "\n\n".join(filter(None, (wanted["message"]["headline"], wanted["message"].get("body"))))
    act = ask.act(repository, _WRITE_CODE)
    oid = refs.commit_on_branch(act, branch, wanted["expectedHeadOid"], files, message)
    return {"commit": Object(repository, oid), "ref": Ref(repository, _HEADS + branch)}


def _branch(ask: Ask, wanted: Input) -> tuple[Repository, str]:
    if wanted.get("id"):
        ref = found_ref(ask, wanted["id"])
        return ref.repository, ref.full_name.removeprefix(_HEADS)
    if not wanted.get("repositoryNameWithOwner") or not wanted.get("branchName"):
        raise Refusal("A branch is named by id, or by repositoryNameWithOwner and branchName")
    repository = ask.site.repository(ask.caller, wanted["repositoryNameWithOwner"])
    return repository, wanted["branchName"].removeprefix(_HEADS)


@mutation
def create_pull_request(ask: Ask, wanted: Input) -> Input:
    repository = ask.node(wanted["repositoryId"], Repository)
    source = ask.node(wanted["headRepositoryId"], Repository) if wanted.get("headRepositoryId") else repository
    opening = pulls.Opening(
        title=wanted["title"],
        body=wanted.get("body") or "",
        head=wanted["headRefName"].removeprefix(_HEADS),
        base=wanted["baseRefName"].removeprefix(_HEADS),
        head_repository=source,
        draft=bool(wanted.get("draft")),
    )
    return {"pullRequest": pulls.open_pull(ask.act(repository, _WRITE_PULL), opening)}


@mutation
def update_pull_request(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    act = ask.act(pull.repository, _WRITE_PULL)
    if wanted.get("state") == "OPEN":
        pulls.reopen(act, pull)
    if wanted.get("title") is not None:
        pulls.rename(act, pull, wanted["title"])
    if wanted.get("body") is not None:
        pulls.describe(act, pull, wanted["body"])
    if wanted.get("baseRefName"):
        pulls.retarget(act, pull, wanted["baseRefName"])
    _replace(ask, act, pull, wanted)
    if wanted.get("state") == "CLOSED":
        pulls.close(act, pull)
    return {"pullRequest": pull}


def _replace(ask: Ask, act: Act, pull: Pull, wanted: Input) -> None:
    """Labels and assignees that are given take the place of those that there were."""
    if wanted.get("labelIds") is not None:
        labels = [ask.node(id_, Label) for id_ in wanted["labelIds"]]
        pulls.unlabel(act, pull, [label for label in pull.labels if label not in labels])
        pulls.label(act, pull, labels)
    if wanted.get("assigneeIds") is not None:
        pull.assignees = ()
        pulls.assign(act, pull, [ask.node(id_, Account) for id_ in wanted["assigneeIds"]])


@mutation
def close_pull_request(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    pulls.close(ask.act(pull.repository, _WRITE_PULL), pull)
    return {"pullRequest": pull}


@mutation
def reopen_pull_request(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    pulls.reopen(ask.act(pull.repository, _WRITE_PULL), pull)
    return {"pullRequest": pull}


@mutation
def merge_pull_request(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    words = "\n\n".join(filter(None, (wanted.get("commitHeadline"), wanted.get("commitBody")))) or None
    method = Method((wanted.get("mergeMethod") or "MERGE").lower())
    act = ask.act(pull.repository, _WRITE_CODE)
    merging.merge(act, pull, method, expected=wanted.get("expectedHeadOid"), words=words)
    return {"pullRequest": pull}


@mutation
def enable_pull_request_auto_merge(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    act = ask.act(pull.repository, _WRITE_PULL, _WRITE_CODE)
    method = Method((wanted.get("mergeMethod") or "MERGE").lower())
    asked = AutoMerge(act.actor, act.now, method, wanted.get("commitHeadline"), wanted.get("commitBody"))
    merging.enable_auto_merge(act, pull, asked, expected=wanted.get("expectedHeadOid"))
    return {"pullRequest": pull}


@mutation
def disable_pull_request_auto_merge(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    merging.disable_auto_merge(ask.act(pull.repository, _WRITE_PULL, _WRITE_CODE), pull)
    return {"pullRequest": pull}


@mutation
def convert_pull_request_to_draft(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    pulls.make_draft(ask.act(pull.repository, _WRITE_PULL), pull)
    return {"pullRequest": pull}


@mutation
def mark_pull_request_ready_for_review(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    pulls.make_ready(ask.act(pull.repository, _WRITE_PULL), pull)
    return {"pullRequest": pull}


@mutation
def enqueue_pull_request(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    act = ask.act(pull.repository, _WRITE_PULL, _WRITE_CODE)
    return {"mergeQueueEntry": merging.enqueue(act, pull, expected=wanted.get("expectedHeadOid"))}


@mutation
def dequeue_pull_request(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["id"], Pull)
    return {"mergeQueueEntry": merging.dequeue(ask.act(pull.repository, _WRITE_PULL, _WRITE_CODE), pull)}


@mutation
def add_labels_to_labelable(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["labelableId"], Pull)
    pulls.label(ask.act(pull.repository, "labels:write"), pull, [ask.node(id_, Label) for id_ in wanted["labelIds"]])
    return {"labelable": pull}


@mutation
def remove_labels_from_labelable(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["labelableId"], Pull)
    pulls.unlabel(ask.act(pull.repository, "labels:write"), pull, [ask.node(id_, Label) for id_ in wanted["labelIds"]])
    return {"labelable": pull}


@mutation
def request_reviews(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    act = ask.act(pull.repository, _WRITE_PULL)
    people = [ask.node(id_, Account) for id_ in wanted.get("userIds") or ()]
    teams = [ask.node(id_, Team) for id_ in wanted.get("teamIds") or ()]
    before = pull.reviewers if wanted.get("union") else ()
    pulls.request_reviews(act, pull, [*people, *teams])
    pull.reviewers = tuple(found for found in pull.reviewers if found in (*before, *people, *teams))
    return {"pullRequest": pull, "requestedReviewersEdge": None}


@mutation
def add_assignees_to_assignable(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["assignableId"], Pull)
    people = [ask.node(id_, Account) for id_ in wanted["assigneeIds"]]
    pulls.assign(ask.act(pull.repository, "labels:write"), pull, people)
    return {"assignable": pull}


@mutation
def add_comment(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["subjectId"], Pull)
    made = pulls.comment(ask.act(pull.repository, "labels:write"), pull, wanted["body"])
    return {"commentEdge": {"cursor": made.id, "node": made}, "subject": pull}


@mutation
def update_pull_request_branch(ask: Ask, wanted: Input) -> Input:
    pull = ask.node(wanted["pullRequestId"], Pull)
    act = ask.act(pull.repository, _WRITE_PULL, _WRITE_CODE)
    rebase = wanted.get("updateMethod") == "REBASE"
    merging.update_branch(act, pull, expected=wanted.get("expectedHeadOid"), rebase=rebase)
    return {"pullRequest": pull}
