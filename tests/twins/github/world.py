"""What the twin keeps: accounts, credentials, repositories and pull requests, in GitHub's terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from tests.twins.github.objects import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.twins.github.store import Store

RIGHTS = ("none", "read", "triage", "write", "maintain", "admin")
"""What an account may do in a repository, from nothing to everything."""


class Clock:
    """Time that stands still until a test moves it."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class AccountKind(StrEnum):
    USER = "User"
    BOT = "Bot"
    ORGANIZATION = "Organization"


class State(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    MERGED = "MERGED"


class Method(StrEnum):
    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


@dataclass(eq=False, slots=True)
class Account:
    """Somebody: a person, a robot or an organization."""

    number: int
    id: str
    login: str
    kind: AccountKind

    def at(self, now: datetime) -> Person:
        return Person(self.login, f"{self.number}+{self.login}@users.noreply.github.com", now)


@dataclass(eq=False, slots=True)
class Team:
    id: str
    slug: str


@dataclass(eq=False, slots=True)
class App:
    """A GitHub App. ``public_key`` is PEM; ``installations`` are the repositories that each may see, by its number."""

    number: int
    slug: str
    bot: Account
    owner: Account
    public_key: bytes
    permissions: Mapping[str, str]
    installations: dict[int, tuple[Repository, ...]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Token:
    """A credential. Everything that is not granted is denied.

    ``permissions`` name an area and ``read`` or ``write``; ``scopes`` are set for classic tokens instead.
    """

    number: int
    secret: str = field(repr=False)
    account: Account = field()
    permissions: Mapping[str, str] = field(default_factory=dict)
    repositories: tuple[Repository, ...] | None = None
    scopes: tuple[str, ...] | None = None
    expires: datetime | None = None
    needs_sso: bool = False
    installation: int | None = None


@dataclass(eq=False, slots=True)
class Label:
    number: int
    id: str
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """A commit status. ``state``: success, pending, failure or error."""

    number: int
    id: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator: Account
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """``state``: APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED; ``oid`` is the head that was reviewed."""

    id: str
    author: Account
    state: str
    oid: str
    submitted_at: datetime
    body: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    number: int
    id: str
    author: Account
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One item of a timeline. ``kind`` is the name of its type in GraphQL, ``detail`` holds its further fields."""

    id: str
    kind: str
    actor: Account
    created_at: datetime
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AutoMerge:
    enabled_by: Account
    enabled_at: datetime
    method: Method
    headline: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """How a pull request was merged: ``head`` is what was, ``automatic`` whether auto-merge or the queue did it."""

    by: Account
    at: datetime
    commit: str
    head: str
    method: Method | None
    automatic: bool


@dataclass(eq=False, slots=True)
class Pull:
    """A pull request. Its collections are replaced, never changed, so that a shallow copy is a picture of an instant.

    ``head_oid`` and ``base_oid`` are those of the last push, retarget or reopening, as GitHub's are.
    ``asked`` are head and base for which somebody has asked whether they merge; ``sealed`` is one that was closed by
    forcing its branch back, which nobody can open again.
    """

    number: int
    id: str
    repository: Repository
    head_repository: Repository
    author: Account
    title: str
    body: str
    head: str
    head_oid: str
    base: str
    base_oid: str
    draft: bool
    created_at: datetime
    updated_at: datetime
    state: State = State.OPEN
    closed_at: datetime | None = None
    merged: Merged | None = None
    labels: tuple[Label, ...] = ()
    reviewers: tuple[Account | Team, ...] = ()
    assignees: tuple[Account, ...] = ()
    reviews: tuple[Review, ...] = ()
    comments: tuple[Comment, ...] = ()
    events: tuple[Event, ...] = ()
    auto_merge: AutoMerge | None = None
    asked: tuple[str, str] | None = None
    sealed: bool = False

    @property
    def open(self) -> bool:
        return self.state is State.OPEN


@dataclass(eq=False, slots=True)
class QueueEntry:
    id: str
    pull: Pull
    enqueuer: Account
    enqueued_at: datetime
    head: str


@dataclass(frozen=True, slots=True)
class Protection:
    """What a base branch asks for. ``strict``: the head must have all of base. ``queue``: merges go through a queue."""

    checks: tuple[str, ...] = ()
    strict: bool = False
    approvals: int = 0
    dismiss_stale: bool = False
    queue: Method | None = None


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Refuses to create, update or delete (any of ``rules``) refs that begin with ``prefix``, but for ``bypass``."""

    prefix: str
    rules: frozenset[str] = frozenset({"creation", "update", "deletion"})
    bypass: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Repository:
    """A repository. ``rights`` are those of accounts by login; who is not named has none, but may read a public one."""

    number: int
    id: str
    owner: Account
    name: str
    store: Store
    created_at: datetime
    default_branch: str = "main"
    private: bool = True
    archived: bool = False
    auto_merge_allowed: bool = True
    delete_branch_on_merge: bool = False
    methods: frozenset[Method] = frozenset(Method)
    parent: Repository | None = None
    rights: dict[str, str] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    statuses: dict[str, tuple[Status, ...]] = field(default_factory=dict)
    protections: dict[str, Protection] = field(default_factory=dict)
    rulesets: tuple[Ruleset, ...] = ()
    queue: tuple[QueueEntry, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def grants(self, account: Account, right: str) -> bool:
        return RIGHTS.index(self.right(account)) >= RIGHTS.index(right)

    def right(self, account: Account) -> str:
        return self.rights.get(account.login, "none" if self.private else "read")

    def tip(self, branch: str) -> str | None:
        """Where a branch points, None if there is none."""
        return self.store.ref(f"refs/heads/{branch}")

    def protection(self, branch: str) -> Protection:
        return self.protections.get(branch, Protection())

    def check_states(self, oid: str) -> dict[str, str]:
        """The newest state of each status context of a commit."""
        return {status.context: status.state for status in self.statuses.get(oid, ())}


@dataclass(eq=False, slots=True)
class World:
    """Everything there is. Numbers and ids are counted up, so the same story always has the same ones."""

    clock: Callable[[], datetime]
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    apps: list[App] = field(default_factory=list)
    repositories: dict[str, Repository] = field(default_factory=dict)
    nodes: dict[str, tuple[object, int]] = field(default_factory=dict)
    request: int = 0
    """The number of the request that is being answered."""
    _last: int = 0

    def number(self) -> int:
        self._last += 1
        return self._last

    def node_id(self, prefix: str) -> str:
        return f"{prefix}_{self.number():08d}"

    def keep(self, id_: str, node: object) -> None:
        """Let a node be found by its id, and remember with which request it came."""
        self.nodes[id_] = (node, self.request)

    def pulls(self) -> list[Pull]:
        return [pull for repository in self.repositories.values() for pull in repository.pulls.values()]


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody who acts on a repository, now."""

    world: World
    repository: Repository
    actor: Account

    @property
    def now(self) -> datetime:
        return self.world.clock()

    def record(self, pull: Pull, kind: str, **detail: Any) -> None:
        """Add an item to a pull request's timeline."""
        event = Event(self.world.node_id("EV"), kind, self.actor, self.now, detail)
        pull.events += (event,)
        pull.updated_at = self.now
