"""What holds for every production repository, with a forge and without: the same stories on git and on GitHub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from tests.adapters.test_github_life import text_at
from tests.hub import Hub
from tests.world import BRANCH, VAULT, World, answers, manifest, proven

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world import Object

V = "vault/vault"
OLD, NEW, NEWEST = proven(V, "1.0.0"), proven(V, "1.1.0"), proven(V, "1.2.0", "1.1.0")


class Place(Protocol):
    """A production repository, and what people do to it."""

    def record(self, *objects: Object) -> None:
        """Let staging be so."""

    def answer(self) -> str:
        """Make a pass of a new process; the answer for the one release."""

    def commit(self, files: dict[str, str | None], branch: str = "main") -> None:
        """Let a person commit, to a new branch if there is none."""

    def merge(self) -> None:
        """Let a person merge the promotion, and delete its branch."""

    def refuse(self) -> None:
        """Let a person delete the promotion's branch."""

    def text(self, branch: str) -> str | None:
        """The manifest on a branch, None where there is no such branch."""


class OnGit:
    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.repository.commit({VAULT: manifest(V, "1.0.0")})

    def record(self, *objects: Object) -> None:
        self.world.record(*objects)

    def answer(self) -> str:
        return answers(self.world.turn())[V]

    def commit(self, files: dict[str, str | None], branch: str = "main") -> None:
        self.world.repository.commit(files, branch=branch)

    def merge(self) -> None:
        self.world.repository.merge(BRANCH, "squash", delete=True)

    def refuse(self) -> None:
        self.world.repository.bare("branch", "-D", BRANCH)

    def text(self, branch: str) -> str | None:
        if branch not in self.world.repository.bare("branch", "--format=%(refname:short)").split():
            return None
        return self.world.repository.bare("show", f"{branch}:{VAULT}") + "\n"


class OnGitHub:
    def __init__(self, folder: Path) -> None:
        self.hub = Hub.make(folder)

    def record(self, *objects: Object) -> None:
        self.hub.record(*objects)

    def answer(self) -> str:
        return self.hub.turn()[V]

    def commit(self, files: dict[str, str | None], branch: str = "main") -> None:
        if self.hub.repository.tip(branch) is None:
            self.hub.ada.pushes(branch, str(self.hub.repository.tip("main")))
        self.hub.ada.commits(files, branch=branch)

    def merge(self) -> None:
        self.hub.ada.reports(max(self.hub.repository.pulls), "ci")
        self.hub.ada.deletes_branch(BRANCH)

    def refuse(self) -> None:
        self.hub.ada.deletes_branch(BRANCH)

    def text(self, branch: str) -> str | None:
        return text_at(self.hub, branch) if self.hub.repository.tip(branch) else None


@pytest.fixture(params=[OnGit, OnGitHub], ids=["git", "GitHub"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    made: Place = request.param(tmp_path)
    made.record(NEW)
    return made


@pytest.fixture
def opened(place: Place) -> Place:
    assert place.answer() == "open"
    return place


def test_what_is_not_newer_is_not_proposed(place: Place) -> None:
    place.record(OLD)
    assert place.answer() == "in sync"
    assert place.text(BRANCH) is None


def test_a_proven_version_is_proposed_once(opened: Place) -> None:
    assert opened.text(BRANCH) == manifest(V, "1.1.0")
    assert opened.text("main") == manifest(V, "1.0.0")
    assert opened.answer() == "proposed"


def test_a_newer_version_takes_its_place(opened: Place) -> None:
    opened.record(NEWEST)
    assert opened.answer() == "update"
    assert opened.text(BRANCH) == manifest(V, "1.2.0")
    assert opened.answer() == "proposed"


def test_what_is_merged_is_in_sync(opened: Place) -> None:
    opened.merge()
    assert opened.text("main") == manifest(V, "1.1.0")
    assert opened.answer() == "in sync"


def test_what_is_merged_and_moved_back_is_reverted_until_a_newer_one_is_proven(opened: Place) -> None:
    opened.merge()
    opened.commit({VAULT: manifest(V, "1.0.0")})
    assert [opened.answer(), opened.answer()] == ["reverted", "reverted"]
    opened.record(NEWEST)
    assert [opened.answer(), opened.answer()] == ["open", "proposed"]


def test_what_a_person_refuses_stays_refused_until_a_newer_one_is_proven(opened: Place) -> None:
    opened.refuse()
    assert [opened.answer(), opened.answer()] == ["rejected", "rejected"]
    opened.record(NEWEST)
    assert [opened.answer(), opened.answer()] == ["open", "proposed"]


def test_what_a_person_commits_to_is_left_alone(opened: Place) -> None:
    opened.commit({"more.md": "by hand\n"}, BRANCH)
    opened.record(NEWEST)
    assert [opened.answer(), opened.answer()] == ["edited", "edited"]
    assert opened.text(BRANCH) == manifest(V, "1.1.0")


def test_a_branch_that_is_not_ours_is_left_alone(place: Place) -> None:
    place.commit({VAULT: manifest(V, "1.0.7")}, BRANCH)
    assert [place.answer(), place.answer()] == ["foreign", "foreign"]
    assert place.text(BRANCH) == manifest(V, "1.0.7")


def test_a_base_that_moves_elsewhere_changes_nothing(opened: Place) -> None:
    opened.commit({"more.md": "by hand\n"})
    assert [opened.answer(), opened.answer()] == ["proposed", "proposed"]


def test_a_conflict_is_built_anew(opened: Place) -> None:
    opened.commit({VAULT: manifest(V, "1.0.5")})
    assert "update" in [opened.answer(), opened.answer()]
    assert opened.answer() == "proposed"
    opened.merge()
    assert opened.text("main") == manifest(V, "1.1.0")


def test_what_production_reached_without_us_is_closed(opened: Place) -> None:
    opened.commit({VAULT: manifest(V, "1.1.0"), "more.md": "by hand\n"})
    assert [opened.answer(), opened.answer()] == ["close", "in sync"]
    assert opened.text(BRANCH) is None


def test_a_suspended_release_is_withdrawn_and_comes_back(opened: Place) -> None:
    opened.record(proven(V, "1.1.0", suspend=True))
    assert [opened.answer(), opened.answer()] == ["pause", "suspended"]
    opened.record(NEW)
    assert [opened.answer(), opened.answer()] == ["rearm", "proposed"]
    assert opened.text(BRANCH) == manifest(V, "1.1.0")
