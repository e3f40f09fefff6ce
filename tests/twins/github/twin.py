"""The twin itself: it takes a request and gives the answer that GitHub would give. It knows no transport."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.twins.github import graphql, rest
from tests.twins.github.access import authenticate
from tests.twins.github.faults import Crash, Dropped, Faults
from tests.twins.github.graphql import Operation, operation
from tests.twins.github.limits import Limits, graphql_refusal, primary_refusal, secondary_refusal
from tests.twins.github.objects import FILE, ZEROS, Commit, File
from tests.twins.github.people import Person
from tests.twins.github.refusal import Refusal
from tests.twins.github.rules import merging
from tests.twins.github.site import Lag, Site
from tests.twins.github.store import Move, branch
from tests.twins.github.wire import Request, Response, Seen
from tests.twins.github.world import Account, AccountKind, Act, App, Repository, Team, Token, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from tests.twins.github.access import Caller
    from tests.twins.github.store import Store

_WAIT = 60


class Twin:
    """A GitHub of one's own.

    ``seen`` are all requests so far; ``faults`` what shall go wrong; ``site`` holds limits, lag and origin;
    ``judges`` are called with each request that was answered, and its answer.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.world = World(clock)
        self.site = Site(self.world, Limits(clock), Lag())
        self.faults = Faults()
        self.seen: list[Seen] = []
        self.judges: list[Callable[[Request, Response], None]] = []
        self._lock = threading.RLock()

    # --- the one door ---

    def handle(self, request: Request) -> Response:
        """Answer a request, after all others are answered.

        Raises:
            Dropped: a fault broke the connection.
            Crash: a fault ended the caller's process.
        """
        with self._lock:
            self.world.request += 1
            for repository in self.world.repositories.values():
                repository.store.refresh()
            wanted = self._operation(request)
            try:
                response = self._exchange(request, wanted)
            except (Dropped, Crash):
                self._remember(request, wanted, None)
                raise
            self._remember(request, wanted, response.status)
            return response

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Let something happen between two requests, and what follows from it: auto-merge, and what lists show."""
        with self._lock:
            yield
            merging.settle(self.world)
            self.site.lag.picture(self.world)

    def settle(self) -> None:
        """Let happen what a changed setting makes possible."""
        with self.acting():
            pass

    def _exchange(self, request: Request, wanted: Operation) -> Response:
        instead = self.faults.strike(self.world.request, request, None)
        if instead is not None:
            return instead
        with self.acting():
            response = self._answer(request, wanted)
        for judge in self.judges:
            judge(request, response)
        late = self.faults.strike(self.world.request, request, response)
        return late or response

    def _answer(self, request: Request, wanted: Operation) -> Response:
        resource = "graphql" if request.is_graphql else "core"
        try:
            caller = authenticate(self.world, request.headers)
        except Refusal as refusal:
            return rest.refused(refusal)
        if request.route == "/rate_limit":
            return self._respond(caller, request)
        response = self._limited(caller, resource, wanted) or self._respond(caller, request)
        if response.status != 304:
            self.site.limits.count(caller.payer, resource)
        scopes = caller.token.scopes if caller.token else None
        about = {"x-github-request-id": f"{self.world.request:04X}"}
        about |= {} if scopes is None else {"x-oauth-scopes": ", ".join(scopes)}
        return replace(
            response, headers={**about, **self.site.limits.headers(caller.payer, resource), **response.headers}
        )

    def _respond(self, caller: Caller, request: Request) -> Response:
        if request.is_graphql:
            return graphql.respond(self.site, caller, request)
        return rest.respond(self.site, caller, request)

    def _limited(self, caller: Caller, resource: str, wanted: Operation) -> Response | None:
        """What a caller is told who has asked too often."""
        limits = self.site.limits
        if limits.is_exhausted(caller.payer, resource):
            number = caller.token.account.number if caller.token else 0
            return primary_refusal(number) if resource == "core" else graphql_refusal(number)
        if wanted.mutating and not limits.create():
            return secondary_refusal(403, _WAIT)
        return None

    @staticmethod
    def _operation(request: Request) -> Operation:
        if request.is_graphql:
            return operation(request)
        return Operation((), mutating=request.method not in ("GET", "HEAD"))

    def _remember(self, request: Request, wanted: Operation, status: int | None) -> None:
        conditional = "if-none-match" in request.headers
        seen = Seen(
            self.world.request, request.method, request.path, wanted.fields, wanted.mutating, conditional, status
        )
        self.seen.append(seen)

    # --- building a world ---

    def account(self, login: str, kind: AccountKind | None = None) -> Account:
        """Find or make an account; one whose name ends in ``[bot]`` is a robot's."""
        kind = kind or (AccountKind.BOT if login.endswith("[bot]") else AccountKind.USER)
        world = self.world
        if login not in world.accounts:
            made = Account(world.number(), world.node_id("U"), login, kind)
            world.accounts[login] = made
            world.keep(made.id, made)
        return world.accounts[login]

    def token(
        self,
        login: str,
        permissions: Mapping[str, str] | None = None,
        *,
        repositories: tuple[Repository, ...] | None = None,
        scopes: tuple[str, ...] | None = None,
        expires: datetime | None = None,
    ) -> Token:
        """Make a personal access token: a fine-grained one by its permissions, a classic one by its scopes."""
        number = self.world.number()
        account = self.account(login)
        prefix = "github_pat" if scopes is None else "ghp"
        token = Token(number, f"{prefix}_{number:08d}", account, permissions or {}, repositories, scopes, expires)
        self.world.tokens[token.secret] = token
        return token

    def app(self, slug: str, public_key: bytes, permissions: Mapping[str, str], *installed: Repository) -> App:
        """Make an App, installed on these repositories of their owner."""
        bot = self.account(f"{slug}[bot]")
        owner = installed[0].owner if installed else bot
        app = App(self.world.number(), slug, bot, owner, public_key, permissions)
        if installed:
            app.installations[self.world.number()] = installed
        for repository in installed:
            repository.rights[bot.login] = "write"
        self.world.apps.append(app)
        return app

    def repository(self, full_name: str, store: Store, files: Mapping[str, str]) -> Repository:
        """Make a repository whose branch ``main`` has one commit with these files."""
        made = self.add_repository(full_name, store)
        first = made.owner.at(self.world.clock())
        tree = store.put_files({path: File(FILE, store.put("blob", text.encode())) for path, text in files.items()})
        root = store.put_commit(Commit(tree, (), first, first, "First"))
        store.move([Move(branch(made.default_branch), ZEROS, root)])
        return made

    def add_repository(self, full_name: str, store: Store, *, parent: Repository | None = None) -> Repository:
        """Make a repository over a store, whatever is in it."""
        world = self.world
        owner, _, name = full_name.partition("/")
        kind = AccountKind.USER if parent else AccountKind.ORGANIZATION
        made = Repository(
            world.number(), world.node_id("R"), self.account(owner, kind), name, store, world.clock(), parent=parent
        )
        world.repositories[full_name.lower()] = made
        world.keep(made.id, made)
        return made

    def team(self, repository: Repository, slug: str) -> Team:
        """Make a team that works on a repository."""
        made = repository.teams[slug] = Team(self.world.node_id("T"), slug)
        self.world.keep(made.id, made)
        return made

    def person(self, login: str, repository: Repository, right: str = "admin") -> Person:
        """Let somebody work in a repository, with a right there."""
        repository.rights[login] = right
        return Person(self, repository, self.account(login))

    def steps_queue(self, repository: Repository, *, passes: bool = True) -> None:
        """Let the first in a merge queue be merged, or thrown out because its checks failed."""
        with self.acting():
            merging.step_queue(Act(self.world, repository, repository.owner), passes=passes)

    def close(self) -> None:
        """Let go of what the stores hold open."""
        for repository in self.world.repositories.values():
            repository.store.close()
