"""REST's writes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.twins.github.objects import ZEROS, Commit, File, Person
from tests.twins.github.refusal import Refusal, invalid, not_found
from tests.twins.github.rest.router import Call, route
from tests.twins.github.rules import merging, pulls, refs
from tests.twins.github.wire import Response, answer
from tests.twins.github.world import AccountKind, Method

if TYPE_CHECKING:
    from tests.twins.github.world import Repository

_REPO = "/repos/{owner}/{repo}"
_ISSUE = _REPO + "/issues/{number}"
_PULL = _REPO + "/pulls/{number}"
_STATES = ("error", "failure", "pending", "success")


@route("POST", _REPO + "/git/refs", "contents:write")
def create_ref(call: Call) -> Response:
    name, oid = call.wanted("ref"), call.wanted("sha")
    if not name.startswith("refs/") or name.count("/") < 2:
        raise Refusal("Reference name must start with 'refs/' and contain at least 3 slash-separated components.")
    refs.create(call.act, name, oid)
    return answer(201, call.shapes.ref(call.repository, name, oid))


@route("PATCH", _REPO + "/git/refs/{ref}", "contents:write")
def update_ref(call: Call) -> Response:
    name, oid = f"refs/{call.args['ref']}", call.wanted("sha")
    if call.repository.store.ref(name) is None:
        raise Refusal("Reference does not exist")
    refs.change(call.act, [refs.Change(name, None, oid, force=bool(call.body.get("force")))])
    return answer(200, call.shapes.ref(call.repository, name, oid))


@route("DELETE", _REPO + "/git/refs/{ref}", "contents:write")
def delete_ref(call: Call) -> Response:
    refs.change(call.act, [refs.Change(f"refs/{call.args['ref']}", None, ZEROS)])
    return answer(204)


@route("POST", _REPO + "/git/trees", "contents:write")
def create_tree(call: Call) -> Response:
    pulls.may(call.act, "write")
    store = call.repository.store
    entries = {entry["path"]: _file(call, entry) for entry in call.wanted("tree")}
    oid = store.changed(_base_tree(call), entries)
    return answer(201, call.shapes.tree(call.repository, oid, recursive=False, limit=call.site.tree_limit))


def _base_tree(call: Call) -> str:
    """The tree to start from: a tree's, a commit's, or an empty one."""
    store, base = call.repository.store, call.body.get("base_tree")
    if not base:
        return store.put_files({})
    kind = (store.get(base) or ("none",))[0]
    if kind not in ("tree", "commit"):
        raise Refusal("base_tree is not a valid tree oid")
    return store.commit(base).tree if kind == "commit" else str(base)


def _file(call: Call, entry: dict[str, Any]) -> File | None:
    store = call.repository.store
    if "content" in entry:
        return File(entry["mode"], store.put("blob", entry["content"].encode()))
    if entry.get("sha") is None:
        return None
    if store.get(entry["sha"]) is None:
        raise Refusal(f"GitRPC::BadObjectState: tree.sha {entry['sha']} is not a valid object")
    return File(entry["mode"], entry["sha"])


@route("POST", _REPO + "/git/commits", "contents:write")
def create_commit(call: Call) -> Response:
    pulls.may(call.act, "write")
    store, body = call.repository.store, call.body
    tree, parents = call.wanted("tree"), tuple(body.get("parents", ()))
    for oid, kind in ((tree, "tree"), *((parent, "commit") for parent in parents)):
        found = store.get(oid)
        if found is None or found[0] != kind:
            raise Refusal(
                "Tree SHA does not exist" if kind == "tree" else "Parent SHA does not exist or is not a commit"
            )
    named = "author" in body or "committer" in body
    if call.caller.account.kind is AccountKind.BOT and not named:
        oid = refs.commit(call.act, tree, parents, call.wanted("message"))
    else:
        author = _person(call, body.get("author"))
        committer = _person(call, body["committer"]) if "committer" in body else author
        oid = store.put_commit(Commit(tree, parents, author, committer, call.wanted("message")))
    return answer(201, call.shapes.git_commit(call.repository, oid))


def _person(call: Call, given: dict[str, str] | None) -> Person:
    if given is None:
        return call.caller.account.at(call.act.now)
    at = datetime.fromisoformat(given["date"]).astimezone(UTC) if "date" in given else call.act.now
    return Person(given["name"], given["email"], at)


@route("POST", _REPO + "/statuses/{ref}", "statuses:write")
def create_status(call: Call) -> Response:
    oid, body = call.oid(call.args["ref"]), call.body
    if call.wanted("state") not in _STATES:
        raise invalid("Status", "state", "State is not included in the list")
    if len(body.get("description") or "") > 140:
        raise invalid("Status", "description", "description is too long (maximum is 140 characters)")
    texts = (body.get("description"), body.get("target_url"))
    status = pulls.report_status(call.act, oid, body.get("context", "default"), body["state"], texts)
    shape = call.shapes.status(call.repository, oid, status)
    return answer(201, {**shape, "creator": call.shapes.user(call.caller.account)})


@route("POST", _REPO + "/pulls", "pull_requests:write")
def open_pull(call: Call) -> Response:
    source, head = head_of(call, call.wanted("head"))
    opening = pulls.Opening(
        title=call.wanted("title"),
        body=call.body.get("body") or "",
        head=head,
        base=call.wanted("base"),
        head_repository=source,
        draft=bool(call.body.get("draft")),
    )
    made = pulls.open_pull(call.act, opening)
    url = call.shapes.pull_in_list(made)["url"]
    return answer(201, call.shapes.pull(made), {"location": url})


def head_of(call: Call, head: str) -> tuple[Repository, str]:
    """The repository and branch that ``owner:branch`` or ``branch`` names."""
    owner, colon, branch = head.partition(":")
    if not colon or owner == call.repository.owner.login:
        return call.repository, branch if colon else head
    for found in call.site.world.repositories.values():
        if found.owner.login == owner and found.parent is call.repository:
            return found, branch
    raise invalid("PullRequest", "head", code="invalid")


@route("PATCH", _PULL, "pull_requests:write")
def edit_pull(call: Call) -> Response:
    act, pull, body = call.act, call.pull, call.body
    if "title" in body:
        pulls.rename(act, pull, body["title"])
    if "body" in body:
        pulls.describe(act, pull, body["body"] or "")
    if "base" in body:
        pulls.retarget(act, pull, body["base"])
    if body.get("state") == "closed":
        pulls.close(act, pull)
    elif body.get("state") == "open":
        pulls.reopen(act, pull)
    return answer(200, call.shapes.pull(pull))


@route("PUT", _PULL + "/merge", "contents:write")
def merge(call: Call) -> Response:
    body = call.body
    words = "\n\n".join(filter(None, (body.get("commit_title"), body.get("commit_message")))) or None
    method = Method(body.get("merge_method", "merge"))
    oid = merging.merge(call.act, call.pull, method, expected=body.get("sha"), words=words)
    return answer(200, {"sha": oid, "merged": True, "message": "Pull Request successfully merged"})


@route("PUT", _PULL + "/update-branch", "pull_requests:write", "contents:write")
def update_branch(call: Call) -> Response:
    merging.update_branch(call.act, call.pull, expected=call.body.get("expected_head_sha"))
    url = f"{call.site.origin}/repos/{call.repository.full_name}/pulls/{call.pull.number}"
    return answer(202, {"message": "Updating pull request branch.", "url": url})


@route("POST", _PULL + "/requested_reviewers", "pull_requests:write")
def request_reviews(call: Call) -> Response:
    accounts, teams = call.site.world.accounts, call.repository.teams
    people = [accounts.get(login) for login in call.body.get("reviewers", ())]
    groups = [teams.get(slug) for slug in call.body.get("team_reviewers", ())]
    wanted = [found for found in (*people, *groups) if found]
    if len(wanted) < len(people) + len(groups):
        raise Refusal(pulls.not_collaborator(call.repository))
    pulls.request_reviews(call.act, call.pull, wanted)
    return answer(201, call.shapes.pull_in_list(call.pull))


@route("POST", _ISSUE + "/labels", "labels:write")
def add_labels(call: Call) -> Response:
    pulls.may(call.act, "triage")
    given = call.request.json()
    names = given if isinstance(given, list) else call.wanted("labels")  # GitHub takes both
    found = [pulls.make_label(call.act, name) for name in names]
    pulls.label(call.act, call.pull, found)
    return answer(200, [call.shapes.label(call.repository, label) for label in call.pull.labels])


@route("DELETE", _ISSUE + "/labels/{name}", "labels:write")
def remove_label(call: Call) -> Response:
    found = [label for label in call.pull.labels if label.name.lower() == call.args["name"].lower()]
    if not found:
        raise not_found()
    pulls.unlabel(call.act, call.pull, found)
    return answer(200, [call.shapes.label(call.repository, label) for label in call.pull.labels])


@route("POST", _ISSUE + "/comments", "labels:write")
def comment(call: Call) -> Response:
    made = pulls.comment(call.act, call.pull, call.wanted("body"))
    return answer(201, call.shapes.comment(call.pull, made))


@route("POST", _ISSUE + "/assignees", "labels:write")
def assign(call: Call) -> Response:
    accounts = call.site.world.accounts
    wanted = [accounts[login] for login in call.body.get("assignees", ()) if login in accounts]
    pulls.assign(call.act, call.pull, wanted)
    return answer(201, call.shapes.issue(call.pull))
