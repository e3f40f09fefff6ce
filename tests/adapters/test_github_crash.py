"""Killed at any request to GitHub, the next process ends where one without the crash would have ended.

At no instant on the way is anything armed that is not proven, and never does a second pull request stand open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.adapters.test_github_life import (
    FAILED,
    NEW,
    NEWEST,
    STORIES,
    SUSPENDED,
    Deed,
    all_of,
    caught_up,
    nothing,
    passed,
    staged,
)
from tests.hub import BRANCH, STATUS, Hub, V
from tests.twins.github.faults import Crash, bad_gateway, crash, drop, secondary_limit, truncated
from tests.world import VAULT

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.adapters.github import GitHub
    from tests.twins.github import Request, Response
    from tests.twins.github.faults import Effect
    from tests.twins.github.world import Pull

PASSES = 6
Object = dict[str, Any]


def text(hub: Hub, commit: str) -> str:
    store = hub.repository.store
    found = store.at(store.commit(commit).tree, VAULT)
    return store.blob(found.oid).decode() if found else ""


def version(hub: Hub, commit: str) -> str:
    return text(hub, commit).partition("version: ")[2].partition("\n")[0]


def seen(hub: Hub) -> Object:
    """All that people see in the repository, without what tells one second from the next."""
    store = hub.repository.store
    refs = {name: (text(hub, oid), store.commit(oid).message) for name, oid in store.refs().items()}
    return {"refs": refs, "pulls": [pull_seen(hub, pull) for pull in hub.repository.pulls.values()]}


def pull_seen(hub: Hub, pull: Pull) -> Object:
    statuses = [one for one in hub.repository.statuses.get(pull.head_oid, ()) if one.context == STATUS]
    return {
        "state": pull.state,
        "words": (pull.title, pull.body),
        "labels": sorted(label.name for label in pull.labels),
        "people": sorted(one.login for one in (*pull.assignees, *pull.reviewers) if hasattr(one, "login")),
        "armed": pull.auto_merge and (pull.auto_merge.method, pull.auto_merge.enabled_by.login),
        "draft": pull.draft,
        "head": version(hub, pull.head_oid),
        "status": statuses[-1:] and (statuses[-1].state, statuses[-1].description),
        "comments": [re.sub(r"<!--.*-->", "", comment.body) for comment in pull.comments],
    }


@dataclass
class Watch:
    """Looks after every request for what must never be: it judges only what is new, for the old was right once."""

    hub: Hub
    allowed: frozenset[str]
    known: set[tuple[str, int, str]] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.known = set(self._claims())

    def __call__(self, request: Request, _response: Response) -> None:
        now = set(self._claims())
        for what, number, head in now - self.known:
            if version(self.hub, head) not in self.allowed:
                self.wrong.append(
                    f"#{number} {what} at {version(self.hub, head)} after {request.method} {request.path}"
                )
        self.known = now
        standing = [pull for pull in self.hub.repository.pulls.values() if pull.open and pull.head == BRANCH]
        own = [pull for pull in standing if pull.author.login == "promoter"]
        if len(own) > 1:
            self.wrong.append(f"{len(own)} pull requests stand open")

    def _claims(self) -> list[tuple[str, int, str]]:
        """What is armed by us, or is said to be proven, and at which head."""
        repository = self.hub.repository
        armed = [
            ("is armed", pull.number, pull.head_oid)
            for pull in repository.pulls.values()
            if pull.open and pull.auto_merge and pull.auto_merge.enabled_by.login == "promoter"
        ]
        proven = [
            ("is proven", pull.number, pull.head_oid)
            for pull in repository.pulls.values()
            if any(
                one.context == STATUS and one.state == "success"
                for one in repository.statuses.get(pull.head_oid, ())[-1:]
            )
        ]
        return [*armed, *proven]


@dataclass
class Scene:
    """A world that is about to see a pass, which can be made in copies of it again and again."""

    hub: Hub
    allowed: frozenset[str]

    def copied(self) -> tuple[Hub, Watch]:
        hub = self.hub.copied()
        watch = Watch(hub, self.allowed)
        hub.twin.judges.append(watch)
        return hub, watch

    def settled(self, hub: Hub, github: GitHub | None = None) -> Object:
        """Make passes, each of a new process unless one is given, until one writes nothing."""
        for _ in range(PASSES):
            hub.asked()
            hub.turn(github)
            if not any(one.mutating for one in hub.asked()):
                return seen(hub)
        raise AssertionError("the passes find no end")

    def undisturbed(self) -> tuple[Object, list[bool]]:
        """What the passes leave behind, and of every request of the first whether it writes."""
        hub, watch = self.copied()
        hub.asked()
        hub.turn()
        requests = [one.mutating for one in hub.asked()]
        end = self.settled(hub)
        assert watch.wrong == []
        return end, requests

    def broken(self, at: int, when: str, effect: Effect) -> tuple[Object, list[str]]:
        """What is left behind where something broke at a request of the first pass: the process goes on if it can."""
        hub, watch = self.copied()
        strike = hub.twin.faults.before if when == "before" else hub.twin.faults.after
        strike(hub.twin.world.request + at, effect)
        github = hub.github()
        try:
            hub.run(github)
        except Crash:
            github = hub.github()
        return self.settled(hub, github), watch.wrong


def scene(folder: Path, deed: Deed, staging: Object, *, first: bool = False) -> Scene:
    hub = Hub.make(folder)
    hub.ada.labels_exist("promotion")
    hub.ada.pushes("next", str(hub.repository.tip("main")))
    hub.record(NEW)
    if not first:
        assert hub.turn() == {V: "open"}
    deed(hub)
    hub.record(staging)
    return Scene(hub, frozenset(admitted(staging)))


def admitted(staging: Object) -> list[str]:
    """The versions that a staging proves."""
    if staging["spec"].get("suspend"):
        return []
    history = staging["status"]["history"]
    return [
        one["chartVersion"]
        for one in history
        if all(hook["phase"] == "Succeeded" for hook in one["testHooks"].values())
    ]


def check(scene: Scene, end: Object, at: int, when: str) -> None:
    found, wrong = scene.broken(at, when, crash)
    assert wrong == [], f"killed {when} request {at}"
    assert found == end, f"killed {when} request {at}"


DEEDS = [
    pytest.param(None, NEW, id="open"),
    pytest.param(nothing, NEWEST, id="update"),
    pytest.param(nothing, SUSPENDED, id="pause"),
    pytest.param(nothing, FAILED, id="disarm"),
    pytest.param(all_of(staged(FAILED), passed), NEW, id="rearm"),
    pytest.param(caught_up, NEW, id="close"),
]


@pytest.mark.parametrize(("deed", "staging"), DEEDS)
def test_killed_after_any_write_the_next_process_ends_the_same(
    tmp_path: Path, deed: Deed | None, staging: Object
) -> None:
    one = scene(tmp_path, deed or nothing, staging, first=deed is None)
    end, requests = one.undisturbed()
    writes = [at for at, mutating in enumerate(requests, 1) if mutating]
    assert writes
    for at in writes:
        check(one, end, at, "after")


FAULTS = [
    pytest.param("before", crash, id="killed before it takes effect"),
    pytest.param("after", crash, id="killed after it took effect"),
    pytest.param("after", bad_gateway, id="answered with 502 after it took effect"),
    pytest.param("after", drop, id="without an answer after it took effect"),
    pytest.param("after", truncated, id="with half an answer after it took effect"),
    pytest.param("before", secondary_limit(403, 5), id="refused for a secondary rate limit"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("when", "effect"), FAULTS)
def test_broken_at_any_request_of_any_story_the_next_passes_end_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], when: str, effect: Effect
) -> None:
    points = 0
    for number, story in enumerate([*DEEDS, *STORIES]):
        deed, staging = story.values[:2]
        (tmp_path / str(number)).mkdir()
        one = scene(tmp_path / str(number), deed or nothing, staging, first=deed is None)
        end, requests = one.undisturbed()
        for at in range(1, len(requests) + 1):
            found, wrong = one.broken(at, when, effect)
            assert wrong == [], f"{story.id}: {when} request {at}"
            assert found == end, f"{story.id}: {when} request {at}"
            points += 1
    with capsys.disabled():
        print(f"\nbroken at {points} points of {len(DEEDS) + len(STORIES)} stories")
    assert points > 450
