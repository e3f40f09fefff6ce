"""REST's reads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tests.twins.github.refusal import Refusal, not_found
from tests.twins.github.rest.router import Call, resolved, route
from tests.twins.github.rest.shapes import changed_files
from tests.twins.github.wire import Response, answer

if TYPE_CHECKING:
    from tests.twins.github.world import Pull

_REPO = "/repos/{owner}/{repo}"
_MOST = 100
_SORTS = {"created": "created_at", "updated": "updated_at", "popularity": "number", "long-running": "created_at"}


@route("GET", _REPO, "metadata:read")
def repository(call: Call) -> Response:
    return answer(200, call.shapes.repository(call.repository, call.caller.account))


@route("GET", _REPO + "/commits/{ref}/status", "statuses:read")
def combined_status(call: Call) -> Response:
    oid = call.oid(call.args["ref"])
    repository = call.repository
    newest = {status.context: status for status in repository.statuses.get(oid, ())}
    states = {status.state for status in newest.values()}
    state = "failure" if states & {"failure", "error"} else "pending" if states != {"success"} else "success"
    url = f"{call.shapes.api}/repos/{repository.full_name}/commits/{oid}"
    shown = [call.shapes.status(repository, oid, status) for status in newest.values()]
    about = {"commit_url": url, "url": f"{url}/status", "repository": call.shapes.repository(repository)}
    return answer(200, {"state": state, "sha": oid, "total_count": len(shown), "statuses": shown, **about})


@route("GET", _REPO + "/commits/{ref}", "contents:read")
def commit(call: Call) -> Response:
    """A commit, or only its id for who asks for that: then the id is the ETag too, whoever asks."""
    oid = call.oid(call.args["ref"])
    if "vnd.github.sha" in call.request.headers.get("accept", ""):
        return Response(
            200, {"content-type": "application/vnd.github.sha; charset=utf-8", "etag": f'"{oid}"'}, oid.encode()
        )
    shape = call.shapes.commit(call.repository, oid, call.site.world.accounts)
    parents = call.repository.store.commit(oid).parents
    files = changed_files(call.repository.store, parents[0], oid) if parents else []
    counts = {name: sum(file[name] for file in files) for name in ("additions", "deletions")}
    stats = {**counts, "total": sum(counts.values())}
    return answer(200, {**shape, "files": call.shapes.files(call.repository, files), "stats": stats})


@route("GET", _REPO + "/pulls", "pull_requests:read")
def pulls(call: Call) -> Response:
    query = call.request.query
    found = [pull for pull in call.site.listed(call.repository) if _is_asked_for(call, pull)]
    sort = query.get("sort", "created")
    rising = query.get("direction", "desc" if sort == "created" else "asc") == "asc"
    found.sort(key=lambda pull: (getattr(pull, _SORTS[sort]), pull.number), reverse=not rising)
    size = min(int(query.get("per_page", 30)), _MOST)
    page = int(query.get("page", 1))
    shown = [call.shapes.pull_in_list(pull) for pull in found[size * (page - 1) : size * page]]
    last = max(-(-len(found) // size), 1)
    return answer(200, shown, _links(call, page, last))


def _is_asked_for(call: Call, pull: Pull) -> bool:
    query = call.request.query
    state = query.get("state", "open")
    owner, colon, head = query.get("head", "").partition(":")
    return (
        (state == "all" or pull.open == (state == "open"))
        and query.get("base", pull.base) == pull.base
        # without an owner GitHub ignores the filter, and answers with every pull request
        and (not colon or (pull.head_repository.owner.login, pull.head) == (owner, head))
    )


def _links(call: Call, page: int, last: int) -> dict[str, str]:
    there = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page == 1:
        there = {name: there[name] for name in ("next", "last")}
    if page >= last:
        there = {name: number for name, number in there.items() if name in ("prev", "first")}
    url = f"{call.site.origin}{call.request.path}"
    links = [
        f'<{url}?{urlencode({**call.request.query, "page": number})}>; rel="{name}"' for name, number in there.items()
    ]
    return {"link": ", ".join(links)} if links else {}


@route("GET", _REPO + "/pulls/{number}", "pull_requests:read")
def pull(call: Call) -> Response:
    return answer(200, call.shapes.pull(call.pull))


@route("GET", _REPO + "/git/trees/{ref}", "contents:read")
def tree(call: Call) -> Response:
    store = call.repository.store
    oid = resolved(call.repository, call.args["ref"]) or call.args["ref"]
    found = store.get(oid)
    if found is None or found[0] == "blob":
        raise not_found()
    oid = store.commit(oid).tree if found[0] == "commit" else oid
    recursive = "recursive" in call.request.query
    return answer(200, call.shapes.tree(call.repository, oid, recursive=recursive, limit=call.site.tree_limit))


@route("GET", _REPO + "/git/blobs/{oid}", "contents:read")
def blob(call: Call) -> Response:
    found = call.repository.store.get(call.args["oid"])
    if found is None or found[0] != "blob":
        raise not_found()
    return answer(200, call.shapes.blob(call.repository, call.args["oid"]))


@route("GET", _REPO + "/git/commits/{oid}", "contents:read")
def git_commit(call: Call) -> Response:
    return answer(200, call.shapes.git_commit(call.repository, call.oid(call.args["oid"])))


@route("GET", _REPO + "/git/ref/{ref}", "contents:read")
def ref(call: Call) -> Response:
    name = f"refs/{call.args['ref']}"
    oid = call.repository.store.ref(name)
    if oid is None:
        raise not_found()
    return answer(200, call.shapes.ref(call.repository, name, oid))


@route("GET", _REPO + "/git/matching-refs/{ref}", "contents:read")
def matching_refs(call: Call) -> Response:
    prefix = f"refs/{call.args['ref']}"
    refs = call.repository.store.refs().items()
    return answer(200, [call.shapes.ref(call.repository, name, oid) for name, oid in refs if name.startswith(prefix)])


@route("GET", _REPO + "/compare/{basehead}", "contents:read")
def compare(call: Call) -> Response:
    names = call.args["basehead"].split("...")
    if len(names) != len(("base", "head")):
        raise not_found()
    base, head = (_compared(call, name) for name in names)
    store = call.repository.store
    ancestor = store.merge_base(base, head)
    if ancestor is None:
        raise Refusal(f"No common ancestor between {names[0]} and {names[1]}.", status=404)
    ahead, behind = store.log(head, hide=base), store.log(base, hide=head)
    word = {(True, True): "diverged", (True, False): "ahead", (False, True): "behind"}
    url = f"{call.shapes.api}/repos/{call.repository.full_name}/compare/{call.args['basehead']}"
    html = f"{call.site.origin}/{call.repository.full_name}/compare/{call.args['basehead']}"
    urls = {
        "url": url,
        "html_url": html,
        "permalink_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
    }
    accounts = call.site.world.accounts
    return answer(200, {
        **urls,
        "base_commit": call.shapes.commit(call.repository, base, accounts),
        "merge_base_commit": call.shapes.commit(call.repository, ancestor, accounts),
        "status": word.get((bool(ahead), bool(behind)), "identical"),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [call.shapes.commit(call.repository, oid, accounts) for oid in reversed(ahead)],
        "files": call.shapes.files(call.repository, changed_files(store, ancestor, head)),
    })  # fmt: skip


def _compared(call: Call, name: str) -> str:
    owner, colon, branch = name.partition(":")
    repositories = call.site.world.repositories.values()
    there = [found for found in repositories if found.owner.login == owner] if colon else [call.repository]
    oid = next(filter(None, (resolved(found, branch if colon else name) for found in there)), None)
    if oid is None:
        raise not_found()
    return oid


@route("GET", "/rate_limit")
def rate_limit(call: Call) -> Response:
    limits, who = call.site.limits, call.caller.payer
    windows = {name: limits.window(who, name) for name in ("core", "graphql", "search")}
    resources = {
        name: {
            "limit": limits.primary,
            "used": window.used,
            "remaining": max(limits.primary - window.used, 0),
            "reset": int(window.until.timestamp()),
        }
        for name, window in windows.items()
    }
    return answer(200, {"resources": resources, "rate": resources["core"]})


@route("GET", "/user")
def user(call: Call) -> Response:
    if call.caller.token is None or call.caller.token.installation is not None:
        raise Refusal("Resource not accessible by integration", status=403)
    return answer(200, call.shapes.profile(call.caller.account))
