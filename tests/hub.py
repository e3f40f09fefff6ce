"""A GitHub of one's own for whole passes: a fleet repository, people, a recorded staging, and the promoter."""

from __future__ import annotations

import copy
import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

from reconciler.adapters.github import Budget, GitHub, Token
from reconciler.adapters.snapshot import Snapshot
from reconciler.core.model import AutoMerge, Manners, MergeMethod, Policy, Promotion, Scope
from reconciler.core.report import document
from reconciler.reconcile import Reader, Route, reconcile
from tests.twins.github import Clock, MemoryStore, Protection, Twin
from tests.twins.github.judge import appointed, complaints
from tests.twins.github.transport import InProcess
from tests.world import BRANCH, NOW, VAULT, answers, manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from reconciler.core.report import Report
    from tests.twins.github import Person, Repository, Seen
    from tests.twins.github.world import Pull
    from tests.world import Object

HOST = "https://ghe.example.com"
NAME = "fleet/production"
V = "vault/vault"
GRANTED = {"metadata": "read", "contents": "write", "pull_requests": "write", "statuses": "write"}
CHECKED = Protection(checks=("ci",))
ARMING = Manners(labels=("promotion",), auto_merge=AutoMerge(MergeMethod.SQUASH))
STATUS = "promotion/staging-evidence"


@contextmanager
def online(twin: Twin) -> Iterator[None]:
    """Let every request of this process go to the twin, without a socket in between."""
    real, line = HTTPAdapter.send, InProcess(twin)
    HTTPAdapter.send = lambda _self, *sent, **how: line.send(*sent, **how)  # type: ignore[method-assign]
    try:
        yield
    finally:
        HTTPAdapter.send = real  # type: ignore[method-assign]


@dataclass
class Hub:
    """One fleet repository on the twin. ``ada`` is a person there, ``promoter`` the account whose token we have."""

    folder: Path
    twin: Twin
    clock: Clock
    secret: str
    slept: list[float] = field(default_factory=list)
    manners: Manners = ARMING
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def make(cls, folder: Path, files: dict[str, str] | None = None) -> Hub:
        clock = Clock(NOW)
        twin = Twin(clock)
        twin.site.origin = HOST
        twin.judges += appointed()
        repository = twin.repository(NAME, MemoryStore(), files or {VAULT: manifest(V, "1.0.0")})
        repository.rights["promoter"] = "write"
        repository.protections["main"] = CHECKED
        token = twin.token("promoter", GRANTED)
        return cls(folder, twin, clock, token.secret)

    def copied(self) -> Hub:
        """A world that goes on by itself from here."""
        shared = (self.twin._lock, *appointed())
        twin = copy.deepcopy(self.twin, {id(one): one for one in shared})
        clock = twin.world.clock
        assert isinstance(clock, Clock)
        return replace(self, twin=twin, clock=clock, slept=[])

    @property
    def repository(self) -> Repository:
        return self.twin.world.repositories[NAME]

    @property
    def ada(self) -> Person:
        return self.twin.person("ada", self.repository)

    @property
    def pull(self) -> Pull:
        """The only pull request."""
        (found,) = self.repository.pulls.values()
        return found

    @property
    def newest(self) -> Pull:
        return self.repository.pulls[max(self.repository.pulls)]

    def status(self, pull: Pull | None = None) -> str:
        """Our status on a pull request's head: its state, and the first word of its text."""
        there = self.repository.statuses.get((pull or self.pull).head_oid, ())
        found = [one for one in there if one.context == STATUS]
        return f"{found[-1].state} {(found[-1].description or '').partition(' ')[0]}" if found else "none"

    def record(self, *objects: Object) -> None:
        """Record the staging cluster anew."""
        recorded = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": list(objects)}
        (self.folder / "staging.json").write_text(json.dumps(recorded))

    def github(self, **more: Any) -> GitHub:
        """A process that has just started."""
        settings = {
            "repository": NAME,
            "branch": "main",
            "credential": Token(self.secret),
            "budget": Budget(self.clock),
            "base_url": f"{HOST}/api/v3",
            "environ": {},
            "clock": self.clock,
            "sleep": self.slept.append,
            "jitter": lambda: 0.0,
            "lands": self.manners.lands,
        }
        return GitHub(**{**settings, **more})

    def route(self, github: GitHub) -> Route:
        promotion = Promotion("home", f"github:{NAME}#main", ("**",), policy=self.policy, manners=self.manners)
        return Route(promotion, Snapshot(self.folder / "staging.json"), Scope(("*",)), github)

    def run(self, github: GitHub | None = None, *, at: datetime | None = None) -> Report:
        """Make one pass, as a process that has just started unless one is given."""
        used = github or self.github()
        self.clock.advance(60)
        with online(self.twin):
            report = reconcile((self.route(used),), Reader(), at or self.clock(), lambda _: None, dry_run=False)
        judged = complaints(self.twin)
        assert not judged, judged
        return report

    def turn(self, github: GitHub | None = None) -> dict[str, str]:
        """Make one pass in which nothing fails; give the answer of each release in a word."""
        report = self.run(github)
        failed = [outcome.message for outcome in report.outcomes if outcome.message]
        failed += [error.message for error in report.plan.errors if error.fatal]
        assert not failed, failed
        return answers(document(report.plan))

    def asked(self) -> list[Seen]:
        """The requests since this was asked last."""
        seen, self.twin.seen = self.twin.seen, []
        return seen


__all__ = ["ARMING", "BRANCH", "CHECKED", "HOST", "NAME", "NOW", "Hub", "V", "manifest", "online"]
