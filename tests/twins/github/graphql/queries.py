"""What can be asked of GraphQL."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tests.twins.github.graphql.engine import Ask, connection, resolver, typename
from tests.twins.github.objects import TREE, Commit, File, Person
from tests.twins.github.refusal import Refusal, not_found
from tests.twins.github.rest.router import resolved
from tests.twins.github.rest.shapes import changed_files
from tests.twins.github.rules import merging, pulls
from tests.twins.github.rules.refs import WEB_FLOW
from tests.twins.github.world import (
    Account,
    AccountKind,
    Comment,
    Event,
    Label,
    Pull,
    QueueEntry,
    Repository,
    Review,
    State,
    Status,
    Team,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

Arguments = dict[str, Any]
_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref by its full name. Its id says which it is, so that it is found as long as it exists."""

    repository: Repository
    full_name: str

    @property
    def id(self) -> str:
        return "REF_" + base64.urlsafe_b64encode(f"{self.repository.number}:{self.full_name}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Object:
    """An object of git in a repository."""

    repository: Repository
    oid: str

    @property
    def kind(self) -> str:
        found = self.repository.store.get(self.oid)
        assert found, "it was found before"
        return found[0]

    @property
    def id(self) -> str:
        return f"{self.kind[0].upper()}_{self.repository.number}_{self.oid}"

    @property
    def abbreviated_oid(self) -> str:
        return self.oid[:7]

    @property
    def commit(self) -> Commit:
        return self.repository.store.commit(self.oid)

    @property
    def data(self) -> bytes:
        return self.repository.store.blob(self.oid)


typename(Ref, "Ref")
typename(Object, lambda found: found.kind.title())
typename(Repository, "Repository")
typename(Pull, "PullRequest")
typename(Account, lambda found: found.kind.value)
typename(Team, "Team")
typename(Label, "Label")
typename(Review, "PullRequestReview")
typename(Comment, "IssueComment")
typename(QueueEntry, "MergeQueueEntry")
typename(Status, "StatusContext")
typename(Event, lambda found: found.kind)


# --- the root --------------------------------------------------------------------------------------------------------


@resolver("Query")
def viewer(_root: None, ask: Ask) -> Account:
    return ask.caller.account


@resolver("Query")
def rate_limit(_root: None, ask: Ask, **_arguments: Any) -> Arguments:
    limits = ask.site.limits
    window = limits.window(ask.caller.payer, "graphql")
    left = max(limits.primary - window.used, 0)
    used = {"used": window.used, "remaining": left, "resetAt": window.until}
    return {"cost": 1, "limit": limits.primary, "nodeCount": 0, **used}


@resolver("Query")
def repository(_root: None, ask: Ask, owner: str, name: str, **_arguments: Any) -> Repository:
    return ask.site.repository(ask.caller, f"{owner}/{name}")


@resolver("Query")
def node(_root: None, ask: Ask, id: str) -> object:  # noqa: A002 - the schema's name
    return found_node(ask, id)


@resolver("Query")
def nodes(_root: None, ask: Ask, ids: list[str]) -> list[object]:
    return [_or_error(ask, id_) for id_ in ids]


def _or_error(ask: Ask, id_: str) -> object:
    try:
        return found_node(ask, id_)
    except Refusal as refusal:
        return refusal


def found_node(ask: Ask, id_: str) -> object:
    """The node of an id that the caller may see."""
    if id_.startswith("REF_"):
        return found_ref(ask, id_)
    found = ask.node(id_, object)
    if isinstance(found, Pull):
        ask.act(found.repository, "pull_requests:read")
    return found


def found_ref(ask: Ask, id_: str) -> Ref:
    """The ref of an id."""
    number, _, name = base64.urlsafe_b64decode(id_.removeprefix("REF_")).decode().partition(":")
    for repository in ask.site.world.repositories.values():
        if str(repository.number) == number and repository.store.ref(name):
            ask.act(repository, "contents:read")
            return Ref(repository, name)
    raise not_found(f"Could not resolve to a node with the global id of '{id_}'.")


# --- accounts --------------------------------------------------------------------------------------------------------


def account_url(account: Account, ask: Ask) -> str:
    return f"{ask.site.origin}/{account.login}"


def database_id(account: Account, _ask: Ask) -> int:
    return account.number


def avatar_url(account: Account, ask: Ask, **_arguments: Any) -> str:
    return f"{ask.site.origin}/avatars/{account.login}"


def resource_path(account: Account, _ask: Ask) -> str:
    return f"/{account.login}"


for _kind in ("User", "Bot", "Organization"):
    resolver(_kind, "avatarUrl")(avatar_url)
    resolver(_kind, "resourcePath")(resource_path)
    resolver(_kind, "url")(account_url)
    resolver(_kind, "databaseId")(database_id)


@resolver("User", "name")
@resolver("Organization", "name")
def account_name(account: Account, _ask: Ask) -> str:
    return account.login


@resolver("User", "email")
def account_email(_account: Account, _ask: Ask) -> str:
    return ""  # nobody shows theirs


@resolver("Team", "name")
def team_name(team: Team, _ask: Ask) -> str:
    return team.slug


# --- repository ------------------------------------------------------------------------------------------------------


@resolver("Repository")
def name_with_owner(repository: Repository, _ask: Ask) -> str:
    return repository.full_name


@resolver("Repository", "url")
def repository_url(repository: Repository, ask: Ask) -> str:
    return f"{ask.site.origin}/{repository.full_name}"


@resolver("Repository", "isArchived")
def is_archived(repository: Repository, _ask: Ask) -> bool:
    return repository.archived


@resolver("Repository", "isPrivate")
def is_private(repository: Repository, _ask: Ask) -> bool:
    return repository.private


@resolver("Repository", "isFork")
def is_fork(repository: Repository, _ask: Ask) -> bool:
    return repository.parent is not None


@resolver("Repository")
def viewer_permission(repository: Repository, ask: Ask) -> str | None:
    right = repository.right(ask.caller.account)
    return None if right == "none" else right.upper()


@resolver("Repository")
def merge_commit_allowed(repository: Repository, _ask: Ask) -> bool:
    return "merge" in repository.methods


@resolver("Repository")
def squash_merge_allowed(repository: Repository, _ask: Ask) -> bool:
    return "squash" in repository.methods


@resolver("Repository")
def rebase_merge_allowed(repository: Repository, _ask: Ask) -> bool:
    return "rebase" in repository.methods


@resolver("Repository", needs="contents:read")
def default_branch_ref(repository: Repository, _ask: Ask) -> Ref | None:
    return _ref(repository, _HEADS + repository.default_branch)


@resolver("Repository", "ref", needs="contents:read")
def ref_(repository: Repository, _ask: Ask, qualified_name: str) -> Ref | None:
    names = (qualified_name, f"refs/{qualified_name}", _HEADS + qualified_name)
    return next(filter(None, (_ref(repository, name) for name in names)), None)


def _ref(repository: Repository, name: str) -> Ref | None:
    return Ref(repository, name) if repository.store.ref(name) else None


@resolver("Repository", needs="contents:read")
def refs(repository: Repository, _ask: Ask, ref_prefix: str, query: str = "", **arguments: Any) -> Arguments:
    prefix = ref_prefix if ref_prefix.endswith("/") else f"{ref_prefix}/"
    names = [name for name in repository.store.refs() if name.startswith(prefix) and query in name]
    return connection([Ref(repository, name) for name in names], arguments)


@resolver("Repository", "object", needs="contents:read")
def object_(repository: Repository, _ask: Ask, oid: str = "", expression: str = "") -> Object | None:
    name, colon, path = (expression or oid).partition(":")
    found = resolved(repository, name)
    if found is None:
        return Object(repository, name) if not colon and repository.store.get(name) else None
    if not colon:
        return Object(repository, found)
    entry = repository.store.at(repository.store.commit(found).tree, path)
    return Object(repository, entry.oid) if entry else None


@resolver("Repository", needs="pull_requests:read")
def pull_request(repository: Repository, _ask: Ask, number: int) -> Pull:
    if number not in repository.pulls:
        raise not_found(f"Could not resolve to a PullRequest with the number of {number}.")
    return repository.pulls[number]


@resolver("Repository", needs="pull_requests:read")
def pull_requests(repository: Repository, ask: Ask, **arguments: Any) -> Arguments:
    return _pull_page(ask.site.listed(repository), arguments)


def _pull_page(found: Iterable[Pull], arguments: Arguments) -> Arguments:
    """A page of those pull requests that the arguments ask for; ``labels`` are names, any of which will do."""
    names = {name.lower() for name in arguments.get("labels") or ()}
    states = arguments.get("states") or list(State)
    asked = [
        pull
        for pull in found
        if pull.state in states
        and arguments.get("head_ref_name") in (None, pull.head)
        and arguments.get("base_ref_name") in (None, pull.base)
        and (not names or names & {label.name.lower() for label in pull.labels})
    ]
    order = arguments.get("order_by") or {"field": "CREATED_AT", "direction": "ASC"}
    key = {"CREATED_AT": "created_at", "UPDATED_AT": "updated_at"}[order["field"]]
    asked.sort(key=lambda pull: (getattr(pull, key), pull.number), reverse=order["direction"] == "DESC")
    return connection(asked, arguments)


@resolver("Repository", "label", needs="labels:read")
def label_(repository: Repository, _ask: Ask, name: str) -> Label | None:
    return repository.labels.get(name.lower())


@resolver("Repository", "labels", needs="labels:read")
def repository_labels(repository: Repository, _ask: Ask, query: str = "", **arguments: Any) -> Arguments:
    found = [label for name, label in sorted(repository.labels.items()) if query.lower() in name]
    return connection(found, arguments)


@resolver("Repository", "assignableUsers")
def assignable_users(repository: Repository, ask: Ask, query: str = "", **arguments: Any) -> Arguments:
    people = [ask.site.world.accounts[login] for login in sorted(repository.rights) if query.lower() in login.lower()]
    return connection([one for one in people if one.kind is AccountKind.USER], arguments)


@resolver("Organization")
def team(owner: Account, ask: Ask, slug: str) -> Team | None:
    """A team of an organization, whichever of its repositories it works on."""
    there = [found for found in ask.site.world.repositories.values() if found.owner is owner]
    return next((found.teams[slug] for found in there if slug in found.teams), None)


@resolver("Repository")
def merge_queue(repository: Repository, _ask: Ask, branch: str = "") -> Arguments | None:
    branch = branch or repository.default_branch
    if not repository.protection(branch).queue:
        return None
    return {"id": f"MQ_{repository.number}_{branch}", "queue": [e for e in repository.queue if e.pull.base == branch]}


@resolver("MergeQueue")
def entries(queue: Arguments, _ask: Ask, **arguments: Any) -> Arguments:
    return connection(queue["queue"], arguments)


# --- git -------------------------------------------------------------------------------------------------------------


@resolver("Ref", "name")
def ref_name(ref: Ref, _ask: Ask) -> str:
    return ref.full_name.split("/", 2)[2]


@resolver("Ref")
def prefix(ref: Ref, _ask: Ask) -> str:
    return "/".join(ref.full_name.split("/", 2)[:2]) + "/"


@resolver("Ref")
def target(ref: Ref, _ask: Ask) -> Object:
    return Object(ref.repository, ref.repository.store.refs()[ref.full_name])


@resolver("Ref", "associatedPullRequests", needs="pull_requests:read")
def pull_requests_of_ref(ref: Ref, ask: Ask, **arguments: Any) -> Arguments:
    branch = ref.full_name.removeprefix(_HEADS)
    found = [pull for repository in ask.site.world.repositories.values() for pull in ask.site.listed(repository)]
    return _pull_page([p for p in found if p.head_repository is ref.repository and p.head == branch], arguments)


@resolver("Blob")
def byte_size(blob: Object, _ask: Ask) -> int:
    return len(blob.data)


@resolver("Blob")
def is_binary(blob: Object, _ask: Ask) -> bool:
    return b"\0" in blob.data


@resolver("Blob")
def is_truncated(blob: Object, ask: Ask) -> bool:
    return len(blob.data) > ask.site.text_limit


@resolver("Blob")
def text(blob: Object, ask: Ask) -> str | None:
    if b"\0" in blob.data:
        return None
    return blob.data[: ask.site.text_limit].decode(errors="replace")


@resolver("Tree", "entries")
def tree_entries(tree: Object, _ask: Ask) -> list[Arguments]:
    store = tree.repository.store
    return [_tree_entry(tree.repository, name, file) for name, file in store.tree(tree.oid).items()]


def _tree_entry(repository: Repository, name: str, file: File) -> Arguments:
    size = 0 if file.mode == TREE else len(repository.store.blob(file.oid))
    kind = "tree" if file.mode == TREE else "blob"
    there = {"oid": file.oid, "object": Object(repository, file.oid), "size": size}
    return {"name": name, "path": name, "mode": int(file.mode, 8), "type": kind, **there}


@resolver("Commit")
def message(commit: Object, _ask: Ask) -> str:
    return commit.commit.message


@resolver("Commit")
def message_headline(commit: Object, _ask: Ask) -> str:
    return commit.commit.message.partition("\n")[0]


@resolver("Commit")
def message_body(commit: Object, _ask: Ask) -> str:
    return commit.commit.message.partition("\n")[2].strip("\n")


@resolver("Commit", "author")
def commit_author(commit: Object, ask: Ask) -> Arguments:
    return _actor(commit.commit.author, ask)


@resolver("Commit")
def committer(commit: Object, ask: Ask) -> Arguments:
    return _actor(commit.commit.committer, ask)


def _actor(person: Person, ask: Ask) -> Arguments:
    account = ask.site.world.accounts.get(person.name)
    return {"name": person.name, "email": person.email, "date": person.at, "user": account}


@resolver("Commit")
def committed_via_web(commit: Object, _ask: Ask) -> bool:
    """Whether the committer is GitHub, as it is for whatever its API commits."""
    return (commit.commit.committer.name, commit.commit.committer.email) == WEB_FLOW


@resolver("Commit")
def authored_date(commit: Object, _ask: Ask) -> Any:
    return commit.commit.author.at


@resolver("Commit")
def committed_date(commit: Object, _ask: Ask) -> Any:
    return commit.commit.committer.at


@resolver("Commit")
def parents(commit: Object, _ask: Ask, **arguments: Any) -> Arguments:
    return connection([Object(commit.repository, oid) for oid in commit.commit.parents], arguments)


@resolver("Commit", "tree")
def commit_tree(commit: Object, _ask: Ask) -> Object:
    return Object(commit.repository, commit.commit.tree)


@resolver("Commit")
def history(commit: Object, _ask: Ask, path: str = "", **arguments: Any) -> Arguments:
    found = [Object(commit.repository, oid) for oid in commit.repository.store.log(commit.oid, path=path)]
    if arguments.get("since"):
        since = datetime.fromisoformat(arguments["since"])
        found = [each for each in found if each.commit.committer.at >= since]
    if arguments.get("until"):
        until = datetime.fromisoformat(arguments["until"])
        found = [each for each in found if each.commit.committer.at <= until]
    return connection(found, arguments)


@resolver("Commit")
def blame(commit: Object, _ask: Ask, path: str) -> Arguments:
    store = commit.repository.store
    if store.at(commit.commit.tree, path) is None:
        raise not_found(f"Could not resolve to a file at '{path}'.")
    lines = enumerate(store.blame(commit.oid, path), 1)
    ranges = [(oid, [number for number, _ in group]) for oid, group in groupby(lines, key=lambda line: line[1])]
    shown = [
        {"age": 1, "commit": Object(commit.repository, oid), "startingLine": numbers[0], "endingLine": numbers[-1]}
        for oid, numbers in ranges
    ]
    return {"ranges": shown}


@resolver("Commit")
def signature(commit: Object, _ask: Ask) -> Arguments | None:
    if not commit.commit.signed:
        return None
    mark = {"isValid": True, "state": "VALID", "signer": None, "wasSignedByGitHub": True, "keyId": None}
    return {"__typename": "GpgSignature", **mark}


typename(dict, lambda found: found["__typename"])


@resolver("Commit", "status", needs="statuses:read")
def commit_status(commit: Object, _ask: Ask) -> Arguments | None:
    newest = {status.context: status for status in commit.repository.statuses.get(commit.oid, ())}
    if not newest:
        return None
    return {"id": f"S_{commit.oid}", "state": _state(newest), "contexts": list(newest.values()), "by_name": newest}


@resolver("Commit", "statusCheckRollup", needs="statuses:read")
def rollup(commit: Object, _ask: Ask) -> Arguments | None:
    newest = {status.context: status for status in commit.repository.statuses.get(commit.oid, ())}
    if not newest:
        return None
    return {"id": f"SCR_{commit.oid}", "state": _state(newest), "statuses": list(newest.values())}


def _state(newest: dict[str, Status]) -> str:
    states = {status.state.upper() for status in newest.values()}
    return next((state for state in ("ERROR", "FAILURE", "PENDING") if state in states), "SUCCESS")


@resolver("StatusCheckRollup", "contexts")
def rollup_contexts(found: Arguments, _ask: Ask, **arguments: Any) -> Arguments:
    return connection(found["statuses"], arguments)


@resolver("Status", "context")
def status_context(found: Arguments, _ask: Ask, name: str) -> Status | None:
    return found["by_name"].get(name)


@resolver("StatusContext", "state")
def status_state(status: Status, _ask: Ask) -> str:
    return status.state.upper()


@resolver("Commit", "associatedPullRequests", needs="pull_requests:read")
def pull_requests_of_commit(commit: Object, ask: Ask, **arguments: Any) -> Arguments:
    found = [
        pull
        for pull in ask.site.listed(commit.repository)
        if commit.oid == pull.head_oid or (pull.merged and commit.oid == pull.merged.commit)
    ]
    return _pull_page(found, arguments)


@resolver("Commit", "url")
def commit_url(commit: Object, ask: Ask) -> str:
    return f"{ask.site.origin}/{commit.repository.full_name}/commit/{commit.oid}"


# --- pull requests ---------------------------------------------------------------------------------------------------


@resolver("PullRequest", "url")
def pull_url(pull: Pull, ask: Ask) -> str:
    return f"{ask.site.origin}/{pull.repository.full_name}/pull/{pull.number}"


@resolver("PullRequest")
def is_draft(pull: Pull, _ask: Ask) -> bool:
    return pull.draft


@resolver("PullRequest")
def head_ref(pull: Pull, _ask: Ask) -> Ref | None:
    return _ref(pull.head_repository, _HEADS + pull.head)


@resolver("PullRequest")
def head_ref_name(pull: Pull, _ask: Ask) -> str:
    return pull.head


@resolver("PullRequest")
def head_ref_oid(pull: Pull, _ask: Ask) -> str:
    return pull.head_oid


@resolver("PullRequest")
def head_repository_owner(pull: Pull, _ask: Ask) -> Account:
    return pull.head_repository.owner


@resolver("PullRequest")
def is_cross_repository(pull: Pull, _ask: Ask) -> bool:
    return pull.head_repository is not pull.repository


@resolver("PullRequest")
def base_ref(pull: Pull, _ask: Ask) -> Ref | None:
    return _ref(pull.repository, _HEADS + pull.base)


@resolver("PullRequest")
def base_ref_name(pull: Pull, _ask: Ask) -> str:
    return pull.base


@resolver("PullRequest")
def base_ref_oid(pull: Pull, _ask: Ask) -> str:
    return pull.base_oid


@resolver("PullRequest")
def mergeable(pull: Pull, ask: Ask) -> str:
    return {None: "UNKNOWN", True: "MERGEABLE", False: "CONFLICTING"}[ask.standing(pull).mergeable]


@resolver("PullRequest")
def merge_state_status(pull: Pull, ask: Ask) -> str:
    return ask.standing(pull).word.upper()


@resolver("PullRequest")
def merge_commit(pull: Pull, _ask: Ask) -> Object | None:
    return Object(pull.repository, pull.merged.commit) if pull.merged else None


@resolver("PullRequest", "merged")
def is_merged(pull: Pull, _ask: Ask) -> bool:
    return pull.merged is not None


@resolver("PullRequest")
def merged_at(pull: Pull, _ask: Ask) -> Any:
    return pull.merged.at if pull.merged else None


@resolver("PullRequest")
def merged_by(pull: Pull, _ask: Ask) -> Account | None:
    return pull.merged.by if pull.merged else None


@resolver("PullRequest")
def closed(pull: Pull, _ask: Ask) -> bool:
    return not pull.open


@resolver("PullRequest")
def auto_merge_request(pull: Pull, _ask: Ask) -> Arguments | None:
    wanted = pull.auto_merge
    if wanted is None:
        return None
    words = {"commitHeadline": wanted.headline, "commitBody": wanted.body, "authorEmail": None}
    who = {"enabledAt": wanted.enabled_at, "enabledBy": wanted.enabled_by}
    return {"mergeMethod": wanted.method.upper(), **who, **words}


@resolver("PullRequest")
def is_in_merge_queue(pull: Pull, _ask: Ask) -> bool:
    return merging.queued(pull) is not None


@resolver("PullRequest")
def is_merge_queue_enabled(pull: Pull, _ask: Ask) -> bool:
    return pull.repository.protection(pull.base).queue is not None


@resolver("PullRequest")
def merge_queue_entry(pull: Pull, _ask: Ask) -> QueueEntry | None:
    return merging.queued(pull)


@resolver("PullRequest")
def review_decision(pull: Pull, _ask: Ask) -> str | None:
    return merging.decision(pull)


@resolver("PullRequest")
def reviews(pull: Pull, _ask: Ask, states: list[str] | None = None, **arguments: Any) -> Arguments:
    return connection([review for review in pull.reviews if not states or review.state in states], arguments)


@resolver("PullRequest")
def latest_reviews(pull: Pull, _ask: Ask, **arguments: Any) -> Arguments:
    return connection(list(pulls.verdicts(pull).values()), arguments)


@resolver("PullRequest")
def latest_opinionated_reviews(pull: Pull, _ask: Ask, writers_only: bool = False, **arguments: Any) -> Arguments:
    verdicts = list(pulls.verdicts(pull).values())
    may_count = [one for one in verdicts if not writers_only or pull.repository.grants(one.author, "write")]
    return connection([one for one in may_count if one.state != "DISMISSED"], arguments)


@resolver("PullRequest")
def files(pull: Pull, _ask: Ask, **arguments: Any) -> Arguments:
    return connection(_changed(pull), arguments)


@resolver("PullRequest", "changedFiles")
def count_of_files(pull: Pull, _ask: Ask) -> int:
    return len(_changed(pull))


def _changed(pull: Pull) -> list[Arguments]:
    """What the head has otherwise than the newest commit that it shares with base."""
    store = pull.repository.store
    ancestor = store.merge_base(pull.base_oid, pull.head_oid)
    found = changed_files(store, ancestor, pull.head_oid) if ancestor else []
    return [{**file, "path": file["filename"]} for file in found]


@resolver("PullRequest", "labels")
def pull_labels(pull: Pull, _ask: Ask, **arguments: Any) -> Arguments:
    return connection(list(pull.labels), arguments)


@resolver("PullRequest")
def review_requests(pull: Pull, _ask: Ask, **arguments: Any) -> Arguments:
    requests = [
        {"id": f"RR_{pull.number}_{reviewer.id}", "requestedReviewer": reviewer, "asCodeOwner": False}
        for reviewer in pull.reviewers
    ]
    return connection(requests, arguments)


@resolver("PullRequest")
def assignees(pull: Pull, _ask: Ask, **arguments: Any) -> Arguments:
    return connection(list(pull.assignees), arguments)


@resolver("PullRequest")
def commits(pull: Pull, _ask: Ask, **arguments: Any) -> Arguments:
    oids = reversed(pull.repository.store.log(pull.head_oid, hide=pull.base_oid))
    found = [{"id": f"PRC_{pull.number}_{oid}", "commit": Object(pull.repository, oid)} for oid in oids]
    return connection(found, arguments)


@resolver("PullRequest")
def comments(pull: Pull, _ask: Ask, **arguments: Any) -> Arguments:
    return connection(list(pull.comments), arguments)


@resolver("PullRequest", "statusCheckRollup")
def pull_rollup(pull: Pull, ask: Ask) -> Arguments | None:
    ask.act(pull.repository, "statuses:read")
    found: Arguments | None = rollup(Object(pull.repository, pull.head_oid), ask)
    return found


@resolver("PullRequest")
def timeline_items(pull: Pull, _ask: Ask, item_types: list[str] | None = None, **arguments: Any) -> Arguments:
    found = [event for event in pull.events if not item_types or _item_type(event) in item_types]
    return {**connection(found, arguments), "filteredCount": len(found)}


def _item_type(event: Event) -> str:
    """The name in the enum of a type: ClosedEvent is CLOSED_EVENT."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in event.kind).strip("_").upper()


@resolver("PullRequest")
def maintainer_can_modify(_pull: Pull, _ask: Ask) -> bool:
    return False


@resolver("PullRequest")
def viewer_did_author(pull: Pull, ask: Ask) -> bool:
    return pull.author is ask.caller.account


@resolver("PullRequest")
def viewer_can_enable_auto_merge(pull: Pull, ask: Ask) -> bool:
    repository = pull.repository
    return repository.auto_merge_allowed and repository.grants(ask.caller.account, "write") and pull.auto_merge is None


@resolver("PullRequestReview", "commit")
def review_commit(review: Review, ask: Ask) -> Object | None:
    return _anywhere(ask, review.oid)


@resolver("MergedEvent", "commit")
def merged_commit(event: Event, ask: Ask) -> Object | None:
    return _anywhere(ask, event.detail["commit"])


@resolver("HeadRefForcePushedEvent")
def before_commit(event: Event, ask: Ask) -> Object | None:
    return _anywhere(ask, event.detail["before_commit"])


@resolver("HeadRefForcePushedEvent")
def after_commit(event: Event, ask: Ask) -> Object | None:
    return _anywhere(ask, event.detail["after_commit"])


def _anywhere(ask: Ask, oid: str) -> Object | None:
    """A commit in whichever repository has it: those of one network share their objects."""
    having = (found for found in ask.site.world.repositories.values() if found.store.get(oid))
    return next((Object(repository, oid) for repository in having), None)


@resolver("PullRequestReview", "createdAt")
def review_created_at(review: Review, _ask: Ask) -> Any:
    return review.submitted_at


@resolver("MergeQueueEntry", "pullRequest")
def entry_pull(entry: QueueEntry, _ask: Ask) -> Pull:
    return entry.pull


@resolver("MergeQueueEntry")
def position(entry: QueueEntry, _ask: Ask) -> int:
    queue = entry.pull.repository.queue
    return queue.index(entry) + 1 if entry in queue else 0


@resolver("MergeQueueEntry", "state")
def entry_state(_entry: QueueEntry, _ask: Ask) -> str:
    return "AWAITING_CHECKS"


@resolver("MergeQueueEntry", "headCommit")
def entry_head(entry: QueueEntry, _ask: Ask) -> Object:
    return Object(entry.pull.repository, entry.head)


@resolver("MergeQueueEntry", "solo", "jump")
def entry_flag(_entry: QueueEntry, _ask: Ask) -> bool:
    return False


@resolver("IssueComment", "url")
def comment_url(comment: Comment | Event, ask: Ask) -> str:
    return f"{ask.site.origin}/comments/{comment.id}"
