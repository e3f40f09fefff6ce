"""The same story over real git and in memory has the same answers, to the last byte."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twins.caller import Caller, caller
from tests.twins.conftest import FILES, GRANTED, PIN
from tests.twins.github import Clock, GitStore, MemoryStore, Method, Protection, Twin
from tests.twins.github.refusal import Refusal
from tests.twins.hand import BRANCH, builds, look, moves, opens, pinned, tip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.twins.github import Person
    from tests.twins.github.store import Store


def move(robot: Caller, version: str) -> None:
    """Move the promotion to another version, on top of the base that is now."""
    before = robot.call("GET", f"git/ref/heads/{BRANCH}")
    if before.status == 200:
        oid = before.json()["object"]["sha"]
        name = f"refs/heads/{BRANCH}"
        moves(robot, {"name": name, "beforeOid": oid, "afterOid": builds(robot, version, tip(robot)), "force": True})


STEPS: dict[str, Callable[[Caller, Person], object]] = {
    "open": lambda robot, _: opens(robot, "1.1.0"),
    "move": lambda robot, _: move(robot, "1.2.0"),
    "arm": lambda _, ada: ada.enables_auto_merge(1, "squash"),
    "protect": lambda _, ada: ada.repository.protections.update(main=Protection(checks=("ci",))),
    "line up": lambda _, ada: ada.repository.protections.update(main=Protection(checks=("ci",), queue=Method.MERGE)),
    "step": lambda _, ada: ada.twin.steps_queue(ada.repository),
    "green": lambda _, ada: ada.reports(1, "ci"),
    "merge": lambda _, ada: ada.merges(1, "merge"),
    "rebase": lambda _, ada: ada.merges(1, "rebase"),
    "close": lambda _, ada: ada.closes(1),
    "reopen": lambda _, ada: ada.reopens(1),
    "update branch": lambda _, ada: ada.updates_branch(1),
    "push to base": lambda _, ada: ada.commits({"other": f"{len(ada.twin.seen)}\n"}),
    "push a conflict": lambda _, ada: ada.commits({PIN: pinned("9.9.9")}),
    "push to head": lambda _, ada: ada.commits({"README.md": "Fleet\nMore\n"}, branch=BRANCH),
    "force back": lambda _, ada: ada.pushes(BRANCH, ada.repository.tip("main") or ""),
    "delete": lambda _, ada: ada.deletes_branch(BRANCH),
}


def told(store: Store, steps: list[str]) -> list[str]:
    """Play a story, and tell after each step all that the API shows."""
    twin = Twin(Clock())
    repository = twin.repository("fleet/production", store, FILES)
    ada = twin.person("ada", repository)
    repository.rights["promoter"] = "write"
    robot = caller(twin, twin.token("promoter", GRANTED))
    story = []
    for step in steps:
        twin.world.clock.advance(60)
        try:
            STEPS[step](robot, ada)
        except (Refusal, AssertionError, KeyError, IndexError) as refused:
            story.append(f"{step}: {refused}")
        story.append(f"{step}: {json.dumps(shown(robot))}")
    twin.close()
    return story


def shown(robot: Caller) -> object:
    refs = robot.get("git/matching-refs/heads/")
    pulls = robot.get("pulls?state=all")
    compared = [robot.get(f"compare/main...{found['object']['sha']}") for found in refs]
    return (
        refs,
        pulls,
        compared,
        [look(robot, pull["number"]) for pull in pulls],
        robot.get("git/trees/main?recursive=1"),
    )


STORIES = st.lists(st.sampled_from(sorted(STEPS)), min_size=4, max_size=9)


def agree(folder: Path, steps: list[str]) -> None:
    story = ["open", *steps]

    git = told(GitStore(folder / "twin.git"), story)

    assert told(MemoryStore(), story) == git
    subprocess.run(["git", "fsck", "--strict", "--no-dangling"], cwd=folder / "twin.git", check=True)


@settings(max_examples=2, deadline=None)
@given(steps=STORIES)
def test_both_stores_tell_the_same_story(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    agree(tmp_path_factory.mktemp("story"), steps)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(steps=STORIES)
def test_both_stores_tell_many_stories_alike(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    agree(tmp_path_factory.mktemp("story"), steps)
