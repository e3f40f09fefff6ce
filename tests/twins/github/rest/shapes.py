"""The JSON that REST answers with, field by field as GitHub's OpenAPI description asks for."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.twins.github.objects import SIGNATURE, TREE
from tests.twins.github.rules import merging
from tests.twins.github.world import Account, State, Team

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tests.twins.github.objects import File, Person
    from tests.twins.github.store import Store
    from tests.twins.github.world import App, AutoMerge, Comment, Label, Pull, Repository, Status

Shape = dict[str, Any]


def _words(text: str) -> list[str]:
    return text.split()


_USER_URLS = _words("events followers following gists organizations received_events repos starred subscriptions")
_REPOSITORY_URLS = _words("""
    archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads
    events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges
    milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees
""")
_ISSUE_FIELDS = _words("""
    id node_id number state locked title user body labels milestone assignee assignees created_at updated_at closed_at
    html_url author_association draft
""")
_FEATURES = _words("issues projects wiki pages discussions downloads")
_COUNTS = _words("""
    forks forks_count network_count open_issues open_issues_count size stargazers_count subscribers_count watchers
    watchers_count
""")
_KINDS = {"040000": "tree", "160000": "commit"}


def stamp(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


@dataclass(frozen=True, slots=True)
class Shapes:
    """Makes shapes whose URLs all begin with one origin, such as ``http://127.0.0.1:8080``."""

    origin: str

    @property
    def api(self) -> str:
        return f"{self.origin}/api/v3"

    def user(self, account: Account) -> Shape:
        url = f"{self.api}/users/{account.login}"
        return {
            "login": account.login,
            "id": account.number,
            "node_id": account.id,
            "avatar_url": f"{self.origin}/avatars/{account.login}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.origin}/{account.login}",
            "type": account.kind.value,
            "site_admin": False,
        } | {f"{name}_url": f"{url}/{name}" for name in _USER_URLS}

    def profile(self, account: Account) -> Shape:
        """The account that asks, as it sees itself."""
        texts = dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio"))
        counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
        times = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}
        return self.user(account) | texts | counts | times

    def repository(self, repository: Repository, viewer: Account | None = None) -> Shape:
        url, html = f"{self.api}/repos/{repository.full_name}", f"{self.origin}/{repository.full_name}"
        shape: Shape = {
            "id": repository.number,
            "node_id": repository.id,
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(repository.owner),
            "private": repository.private,
            "visibility": "private" if repository.private else "public",
            "html_url": html,
            "url": url,
            "description": None,
            "fork": repository.parent is not None,
            "default_branch": repository.default_branch,
            "archived": repository.archived,
            "disabled": False,
            "homepage": None,
            "language": None,
            "license": None,
            "mirror_url": None,
            "topics": [],
            "clone_url": f"{html}.git",
            "git_url": f"{html}.git",
            "ssh_url": f"{html}.git",
            "svn_url": html,
        }
        shape |= {f"{name}_url": f"{url}/{name}" for name in _REPOSITORY_URLS}
        shape |= dict.fromkeys(_COUNTS, 0)
        shape |= {f"has_{name}": name == "issues" for name in _FEATURES}
        shape |= {f"{name}_at": stamp(repository.created_at) for name in ("created", "updated", "pushed")}
        return shape | (_settings(repository, viewer) if viewer else {})

    def label(self, repository: Repository, label: Label) -> Shape:
        return {
            "id": label.number,
            "node_id": label.id,
            "url": f"{self.api}/repos/{repository.full_name}/labels/{label.name}",
            "name": label.name,
            "color": label.color,
            "description": label.description or "",
            "default": False,
        }

    def pull(self, pull: Pull) -> Shape:
        """One pull request with all that is counted; that somebody asks lets mergeability be worked out."""
        standing = merging.shown(pull)
        store = pull.repository.store
        ancestor = store.merge_base(pull.base_oid, pull.head_oid) or pull.base_oid
        files = changed_files(store, ancestor, pull.head_oid)
        return self.pull_in_list(pull) | {
            "merged": pull.state is State.MERGED,
            "merged_by": self.user(pull.merged.by) if pull.merged else None,
            "mergeable": standing.mergeable,
            "mergeable_state": standing.word,
            "rebaseable": standing.mergeable,
            "comments": len(pull.comments),
            "review_comments": 0,
            "commits": len(store.log(pull.head_oid, hide=pull.base_oid)),
            "additions": sum(file["additions"] for file in files),
            "deletions": sum(file["deletions"] for file in files),
            "changed_files": len(files),
            "maintainer_can_modify": False,
        }

    def pull_in_list(self, pull: Pull) -> Shape:
        """A pull request as lists have it: nothing about whether it merges."""
        url = f"{self.api}/repos/{pull.repository.full_name}/pulls/{pull.number}"
        issue = url.replace("/pulls/", "/issues/")
        urls = {
            "html": f"{self.origin}/{pull.repository.full_name}/pull/{pull.number}",
            "issue": issue,
            "comments": f"{issue}/comments",
            "commits": f"{url}/commits",
            "review_comments": f"{url}/comments",
            "review_comment": f"{url}/comments{{/number}}",
            "statuses": f"{self.api}/repos/{pull.repository.full_name}/statuses/{pull.head_oid}",
        }
        web = {name: f"{urls['html']}.{name}" for name in ("diff", "patch")}
        return {
            "url": url,
            "id": int(pull.id.partition("_")[2]),
            "node_id": pull.id,
            "number": pull.number,
            "state": "open" if pull.open else "closed",
            "locked": False,
            "title": pull.title,
            "user": self.user(pull.author),
            "body": pull.body or None,
            "draft": pull.draft,
            "labels": [self.label(pull.repository, label) for label in pull.labels],
            "milestone": None,
            "assignee": self.user(pull.assignees[0]) if pull.assignees else None,
            "assignees": [self.user(account) for account in pull.assignees],
            "requested_reviewers": [self.user(found) for found in pull.reviewers if isinstance(found, Account)],
            "requested_teams": [self.team(found) for found in pull.reviewers if isinstance(found, Team)],
            "created_at": stamp(pull.created_at),
            "updated_at": stamp(pull.updated_at),
            "closed_at": stamp(pull.closed_at),
            "merged_at": stamp(pull.merged.at) if pull.merged else None,
            "merge_commit_sha": pull.merged.commit if pull.merged else None,
            "head": self._end(pull.head_repository, pull.head, pull.head_oid),
            "base": self._end(pull.repository, pull.base, pull.base_oid),
            "author_association": "CONTRIBUTOR",
            "auto_merge": self._auto_merge(pull, pull.auto_merge) if pull.auto_merge else None,
            "_links": {name: {"href": there} for name, there in {**urls, "self": url}.items()},
        } | {f"{name}_url": there for name, there in {**urls, **web}.items()}

    def team(self, team: Team) -> Shape:
        url = f"{self.api}/teams/{team.slug}"
        return {
            "id": int(team.id.partition("_")[2]),
            "node_id": team.id,
            "name": team.slug,
            "slug": team.slug,
            "description": None,
            "permission": "pull",
            "type": "organization",
            "organization_id": 1,
            "enterprise_id": 1,
            "url": url,
            "html_url": f"{self.origin}/orgs/teams/{team.slug}",
            "members_url": f"{url}/members{{/member}}",
            "repositories_url": f"{url}/repos",
            "parent": None,
        }

    def issue(self, pull: Pull) -> Shape:
        """A pull request as the issues API shows it."""
        shape = self.pull_in_list(pull)
        url = shape["issue_url"]
        more = {f"{name}_url": f"{url}/{name}" for name in ("comments", "events", "labels")}
        repository = f"{self.api}/repos/{pull.repository.full_name}"
        counted = {"comments": len(pull.comments), "url": url, "repository_url": repository}
        return {name: shape[name] for name in _ISSUE_FIELDS} | more | counted

    def comment(self, pull: Pull, comment: Comment) -> Shape:
        repository = f"{self.api}/repos/{pull.repository.full_name}"
        return {
            "id": comment.number,
            "node_id": comment.id,
            "url": f"{repository}/issues/comments/{comment.number}",
            "html_url": f"{self.origin}/{pull.repository.full_name}/pull/{pull.number}#issuecomment-{comment.number}",
            "issue_url": f"{repository}/issues/{pull.number}",
            "user": self.user(comment.author),
            "body": comment.body,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.created_at),
            "author_association": "CONTRIBUTOR",
        }

    def ref(self, repository: Repository, name: str, oid: str) -> Shape:
        found = repository.store.get(oid)
        assert found, "a ref points to something"
        url = f"{self.api}/repos/{repository.full_name}/git"
        return {
            "ref": name,
            "node_id": f"REF_{name}",
            "url": f"{url}/{name}",
            "object": {"type": found[0], "sha": oid, "url": f"{url}/{found[0]}s/{oid}"},
        }

    def git_commit(self, repository: Repository, oid: str) -> Shape:
        """A commit as the git database has it."""
        commit = repository.store.commit(oid)
        url, html = f"{self.api}/repos/{repository.full_name}/git", f"{self.origin}/{repository.full_name}/commit"
        parents = [
            {"sha": parent, "url": f"{url}/commits/{parent}", "html_url": f"{html}/{parent}"}
            for parent in commit.parents
        ]
        return {
            "sha": oid,
            "node_id": f"C_{oid}",
            "url": f"{url}/commits/{oid}",
            "html_url": f"{html}/{oid}",
            "author": _person(commit.author),
            "committer": _person(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{url}/trees/{commit.tree}"},
            "parents": parents,
            "verification": _verification(signed=commit.signed),
        }

    def commit(self, repository: Repository, oid: str, accounts: Mapping[str, Account]) -> Shape:
        """A commit as a repository shows it: with the accounts of its people, and its files."""
        shape = self.git_commit(repository, oid)
        url = f"{self.api}/repos/{repository.full_name}/commits/{oid}"
        inner = {name: shape[name] for name in ("author", "committer", "message", "tree", "verification")}
        return {
            "sha": oid,
            "node_id": shape["node_id"],
            "url": url,
            "html_url": shape["html_url"],
            "comments_url": f"{url}/comments",
            "commit": {**inner, "url": shape["url"], "comment_count": 0},
            "author": self._account(shape["author"], accounts),
            "committer": self._account(shape["committer"], accounts),
            "parents": shape["parents"],
        }

    def files(self, repository: Repository, files: list[Shape]) -> list[Shape]:
        url = f"{self.api}/repos/{repository.full_name}"
        return [
            {
                **file,
                "blob_url": f"{self.origin}/{repository.full_name}/blob/{file['filename']}",
                "raw_url": f"{self.origin}/{repository.full_name}/raw/{file['filename']}",
                "contents_url": f"{url}/contents/{file['filename']}",
            }
            for file in files
        ]

    def tree(self, repository: Repository, oid: str, *, recursive: bool, limit: int) -> Shape:
        """A tree. One with more entries than ``limit`` is cut off, and says so."""
        url = f"{self.api}/repos/{repository.full_name}/git"
        entries = list(_walk(repository.store, oid, "", recursive=recursive))
        return {
            "sha": oid,
            "url": f"{url}/trees/{oid}",
            "truncated": len(entries) > limit,
            "tree": [{**entry, "url": f"{url}/{entry['type']}s/{entry['sha']}"} for entry in entries[:limit]],
        }

    def blob(self, repository: Repository, oid: str) -> Shape:
        data = repository.store.blob(oid)
        return {
            "sha": oid,
            "node_id": f"B_{oid}",
            "size": len(data),
            "url": f"{self.api}/repos/{repository.full_name}/git/blobs/{oid}",
            "content": base64.encodebytes(data).decode(),
            "encoding": "base64",
        }

    def status(self, repository: Repository, oid: str, status: Status) -> Shape:
        return {
            "id": status.number,
            "node_id": status.id,
            "url": f"{self.api}/repos/{repository.full_name}/statuses/{oid}",
            "avatar_url": f"{self.origin}/avatars/{status.creator.login}",
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
        }

    def app(self, app: App) -> Shape:
        return {
            "id": app.number,
            "slug": app.slug,
            "node_id": app.bot.id,
            "owner": self.user(app.owner),
            "name": app.slug,
            "description": None,
            "external_url": f"{self.origin}/{app.slug}",
            "html_url": f"{self.origin}/apps/{app.slug}",
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "permissions": dict(app.permissions),
            "events": [],
        }

    def installation(self, app: App, number: int) -> Shape:
        url = f"{self.api}/app/installations/{number}"
        return {
            "id": number,
            "app_id": app.number,
            "app_slug": app.slug,
            "target_id": app.owner.number,
            "target_type": app.owner.kind.value,
            "account": self.user(app.owner),
            "repository_selection": "selected",
            "single_file_name": None,
            "access_tokens_url": f"{url}/access_tokens",
            "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.origin}/settings/installations/{number}",
            "events": [],
            "permissions": dict(app.permissions),
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": "2020-01-01T00:00:00Z",
            "suspended_by": None,
            "suspended_at": None,
        }

    def _end(self, repository: Repository, branch: str, oid: str) -> Shape:
        owner = repository.owner
        shown = {"user": self.user(owner), "repo": self.repository(repository)}
        return {"label": f"{owner.login}:{branch}", "ref": branch, "sha": oid, **shown}

    def _auto_merge(self, pull: Pull, wanted: AutoMerge) -> Shape:
        return {
            "enabled_by": self.user(wanted.enabled_by),
            "merge_method": wanted.method.value,
            "commit_title": wanted.headline or f"{pull.title} (#{pull.number})",
            "commit_message": wanted.body or "",
        }

    def _account(self, person: Shape, accounts: Mapping[str, Account]) -> Shape | None:
        account = accounts.get(person["name"])
        return self.user(account) if account else None


def _settings(repository: Repository, viewer: Account) -> Shape:
    """What only those see who may write: the rules of merging, and what they may do."""
    rights = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
    shown: Shape = {"permissions": {name: repository.grants(viewer, right) for name, right in rights.items()}}
    if repository.grants(viewer, "write"):
        shown |= {
            "allow_auto_merge": repository.auto_merge_allowed,
            "delete_branch_on_merge": repository.delete_branch_on_merge,
            "allow_merge_commit": "merge" in repository.methods,
            "allow_squash_merge": "squash" in repository.methods,
            "allow_rebase_merge": "rebase" in repository.methods,
        }
    return shown


def _person(person: Person) -> Shape:
    return {"name": person.name, "email": person.email, "date": stamp(person.at)}


def _verification(*, signed: bool) -> Shape:
    return {
        "verified": signed,
        "reason": "valid" if signed else "unsigned",
        "signature": SIGNATURE if signed else None,
        "payload": "payload" if signed else None,
        "verified_at": None,
    }


def _walk(store: Store, tree: str, folder: str, *, recursive: bool) -> list[Shape]:
    entries: list[Shape] = []
    for name, file in store.tree(tree).items():
        entries.append(_entry(store, folder + name, file))
        if recursive and file.mode == TREE:
            entries += _walk(store, file.oid, f"{folder}{name}/", recursive=True)
    return entries


def _entry(store: Store, path: str, file: File) -> Shape:
    kind = _KINDS.get(file.mode, "blob")
    size = {"size": len(store.blob(file.oid))} if kind == "blob" else {}
    return {"path": path, "mode": file.mode, "type": kind, "sha": file.oid, **size}


def changed_files(store: Store, old: str, new: str) -> list[Shape]:
    """What differs between the trees of two commits; a rename is two files."""
    before, after = (store.files(store.commit(oid).tree) for oid in (old, new))
    return [
        _difference(store, path, before.get(path), after.get(path))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    ]


def _difference(store: Store, path: str, old: File | None, new: File | None) -> Shape:
    texts = [store.blob(file.oid) if file else b"" for file in (old, new)]
    patch = store.patch(*texts)
    lines = patch.splitlines()
    added, gone = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    counts = {"additions": added, "deletions": gone, "changes": added + gone}
    status = "added" if old is None else "removed" if new is None else "modified"
    found = new or old
    assert found
    return {"sha": found.oid, "filename": path, "status": status, **counts} | ({"patch": patch} if patch else {})
