"""What history answers: conflicts, what base once carried, and who touched a line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import Close, Findings, LastChange, Question
from reconciler.ports import PortError
from tests.adapters.origin import BRANCH, HEAD, LEDGER, PATH, manifest, opening, subject, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.adapters.git import Git
    from tests.adapters.origin import Origin

    Adapters = Callable[..., Git]

CONFLICT = Question(BRANCH, PATH, history=False)
HISTORY = Question(BRANCH, PATH, history=True)


def ask(git: Git, question: Question) -> Findings:
    git.observe()
    return git.investigate([question])[question.branch]


def opened(adapter: Adapters, **settings: object) -> Git:
    git = adapter(**settings)
    git.apply(opening(git.observe()))
    return git


# --- conflicts ---


BASES: dict[str, tuple[dict[str, str | None], bool]] = {
    "base did not move": ({}, False),
    "another file was edited": ({"README.md": "x"}, False),
    "the file was edited elsewhere": ({PATH: manifest("0.28.0").replace("vault\n", "vault # ours\n", 1)}, False),
    "the same edit is there already": ({PATH: manifest("0.28.1")}, False),
    "the line was edited": ({PATH: manifest("0.28.9")}, True),
    "the line beside it was edited": ({PATH: manifest("0.28.0") + "  more: x\n"}, True),
    "the file was deleted": ({PATH: None}, True),
    "the file became a folder": ({PATH: None, f"{PATH}/x": "y"}, True),
    "the file was rewritten": ({PATH: "other: file\n"}, True),
}


@pytest.mark.parametrize(("files", "conflicts"), BASES.values(), ids=BASES)
def test_a_branch_conflicts_as_git_s_own_merge_does(
    origin: Origin, adapter: Adapters, files: dict[str, str | None], conflicts: bool
) -> None:
    git = opened(adapter)
    origin.commit(files)

    assert ask(git, CONFLICT) == Findings(conflicts=conflicts)
    origin.person("fetch", "--quiet", "origin")
    merge = f"git checkout -q -B m origin/main && git merge -q -m m origin/{BRANCH} >/dev/null 2>&1 && echo merged"
    assert (origin.person("-c", f"alias.m=!{merge} || true", "m") == "merged") is not conflicts


def test_a_file_that_became_a_symlink_conflicts(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter)
    origin.person("fetch", "--quiet")
    origin.person("checkout", "--quiet", "-B", "work", "origin/main")
    (origin.clone / PATH).unlink()
    (origin.clone / PATH).symlink_to("elsewhere")
    origin.person("commit", "--quiet", "-am", "link")
    origin.person("push", "--quiet", "origin", "HEAD:main")

    assert ask(git, CONFLICT).conflicts


def test_what_has_no_branch_does_not_conflict(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter)
    git.apply(Close(subject(git.observe())))

    assert ask(git, CONFLICT) == Findings()


def test_what_nobody_proposed_has_no_findings_but_base(adapter: Adapters) -> None:
    assert ask(adapter(), HISTORY) == Findings(texts=(manifest("0.28.0"),))


def test_many_questions_are_answered_at_once(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter)
    other = "helm-promotion/home/app0/app0"
    origin.git("update-ref", f"refs/heads/{other}", "main")
    origin.commit({PATH: manifest("0.28.9")})
    git.observe()

    found = git.investigate([CONFLICT, Question(other, "apps/app0/production/helm.yaml", history=False)])

    assert {branch: findings.conflicts for branch, findings in found.items()} == {BRANCH: True, other: False}


# --- what base carried ---


def merged(origin: Origin) -> None:
    origin.person("fetch", "--quiet", "origin")
    origin.person("checkout", "--quiet", "-B", "work", "origin/main")
    origin.person("merge", "--quiet", "--no-ff", "-m", "merge", f"origin/{BRANCH}")
    origin.person("push", "--quiet", "origin", "HEAD:main")


def squashed(origin: Origin) -> None:
    origin.commit({PATH: manifest("0.28.1")}, "squashed")


def rebased(origin: Origin) -> None:
    origin.commit({"README.md": "other work"})
    origin.person("fetch", "--quiet", "origin")
    origin.person("checkout", "--quiet", "-B", "work", "origin/main")
    origin.person("cherry-pick", f"origin/{BRANCH}")
    origin.person("push", "--quiet", "origin", "HEAD:main")


@pytest.mark.parametrize("merge", [merged, squashed, rebased])
def test_a_text_that_base_once_carried_is_found_however_it_was_merged(
    origin: Origin, adapter: Adapters, merge: Callable[[Origin], None]
) -> None:
    git = opened(adapter, url=f"file://{origin.path}")
    merge(origin)
    for number in range(3):
        origin.commit({"README.md": str(number)})
    origin.commit({PATH: manifest("0.28.0")}, "reverted")

    assert ask(git, HISTORY).texts == (manifest("0.28.0"), manifest("0.28.1"))


def test_a_text_that_base_never_carried_is_not_found(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter, url=f"file://{origin.path}")
    origin.git("update-ref", "-d", HEAD)
    for number in range(3):
        origin.commit({"README.md": str(number)})

    assert ask(git, HISTORY).texts == (manifest("0.28.0"),)


def test_what_base_carried_before_the_promotion_does_not_count(origin: Origin, adapter: Adapters) -> None:
    origin.commit({PATH: manifest("0.28.1")})
    origin.commit({PATH: manifest("0.28.0")})
    git = opened(adapter)
    origin.git("update-ref", "-d", HEAD)

    assert ask(git, HISTORY).texts == (manifest("0.28.0"),)


def test_the_newest_text_comes_first_each_once_and_only_text(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter)
    for version in ("1", "2", "1", "3"):
        origin.commit({PATH: manifest(version)})
    origin.person("rm", "--quiet", PATH)
    origin.person("commit", "--quiet", "--message", "gone")
    (origin.clone / PATH).parent.mkdir(parents=True)
    (origin.clone / PATH).write_bytes(b"\xff\xfe")
    origin.person("add", "--all")
    origin.person("commit", "--quiet", "--message", "bytes")
    origin.person("push", "--quiet", "origin", "HEAD:main")
    origin.commit({PATH: manifest("4")})

    assert ask(git, HISTORY).texts == tuple(manifest(version) for version in ("4", "3", "1", "2"))


def test_a_name_that_looks_like_a_pattern_has_its_own_history_alone(origin: Origin, adapter: Adapters) -> None:
    odd = "apps/[v]*/:(top).yaml"
    origin.commit({odd: "1"})
    git = opened(adapter)
    origin.commit({"apps/v/:(top).yaml": "other"})
    origin.commit({odd: "2"})

    assert ask(git, Question(BRANCH, odd, history=True)).texts == ("2",)


def test_a_rewritten_base_is_searched_wholly(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter, url=f"file://{origin.path}")
    origin.git("update-ref", "refs/heads/main", origin.git("commit-tree", "-m", "anew", "main^{tree}"))
    origin.commit({PATH: manifest("1")})
    origin.commit({PATH: manifest("2")})

    assert ask(git, HISTORY).texts == tuple(manifest(version) for version in ("2", "1", "0.28.0"))


def test_history_is_fetched_only_as_far_as_needed(
    origin: Origin, adapter: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.adapters.git.cache._DEEPER", 3)
    git = opened(adapter, url=f"file://{origin.path}")
    for number in range(4):
        origin.commit({"README.md": str(number)})

    assert ask(git, HISTORY).texts == (manifest("0.28.0"),)
    assert git._cache.is_shallow()

    for number in range(12):
        origin.commit({"README.md": f"again {number}"})
    assert ask(git, HISTORY).texts == (manifest("0.28.0"),)
    assert not git._cache.is_shallow()


def test_a_history_that_the_server_has_not_is_searched_as_far_as_it_goes(
    origin: Origin, adapter: Adapters, tmp_path: Path
) -> None:
    git = opened(adapter)
    origin.commit({PATH: manifest("1")})
    for number in range(3):
        origin.commit({"README.md": str(number)})
    clone = tmp_path / "shallow.git"
    origin.git("clone", "--quiet", "--mirror", "--depth=1", f"file://{origin.path}", str(clone))
    git = adapter(url=f"file://{clone}")

    assert ask(git, HISTORY).texts == (manifest("1"),)


def test_an_answer_is_remembered_until_something_moves(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter)
    first = ask(git, HISTORY)
    origin.path.rename(origin.path.with_suffix(".away"))

    assert git.investigate([HISTORY])[BRANCH] is first


def test_history_that_cannot_be_fetched_is_an_error_and_not_an_answer(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter, url=f"file://{origin.path}")
    for number in range(3):
        origin.commit({"README.md": str(number)})
    git.observe()
    origin.path.rename(origin.path.with_suffix(".away"))

    with pytest.raises(PortError, match="there is no git repository at"):
        git.investigate([HISTORY])


def test_a_paused_ledger_has_the_same_history(origin: Origin, adapter: Adapters) -> None:
    git = opened(adapter)
    paused = origin.git("commit-tree", "-m", words("x").message, "-p", f"{LEDGER}^", f"{LEDGER}^{{tree}}")
    origin.git("update-ref", "-d", HEAD)
    origin.git("update-ref", LEDGER, paused)
    origin.commit({PATH: manifest("0.28.1")})

    assert ask(git, HISTORY).texts == (manifest("0.28.1"),)


# --- who touched a line ---


def test_the_last_commit_of_a_line_is_told_with_its_author_and_time(origin: Origin, adapter: Adapters) -> None:
    moved = origin.commit({PATH: manifest("0.29.0")}, "by hand")
    for number in range(3):
        origin.commit({"README.md": str(number)})
    at = datetime.fromtimestamp(int(origin.git("show", "--no-patch", "--format=%at", moved)), UTC)
    git = adapter(url=f"file://{origin.path}")
    git.observe()

    assert git.last_change(PATH, manifest("0.29.0").count("\n")) == LastChange(moved, "Ada", at)


def test_the_first_commit_of_a_repository_may_be_the_last_of_a_line(
    origin: Origin, adapter: Adapters, tmp_path: Path
) -> None:
    first = origin.git("commit-tree", "-m", "first", "main^{tree}")
    origin.git("update-ref", "refs/heads/main", first)
    git = adapter()
    git.observe()

    found = git.last_change(PATH, 1)

    assert found
    assert found.commit == first


UNTOLD = {
    "a line that is not there": (PATH, 99),
    "line zero": (PATH, 0),
    "a file that is not there": ("nowhere.yaml", 1),
    "what looks like an option": ("--help", 1),
}


@pytest.mark.parametrize(("path", "line"), UNTOLD.values(), ids=UNTOLD)
def test_what_history_does_not_tell_is_none(adapter: Adapters, path: str, line: int) -> None:
    git = adapter()
    git.observe()

    assert git.last_change(path, line) is None


def test_a_line_older_than_the_history_that_is_fetched_is_none(
    origin: Origin, adapter: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.adapters.git.cache._DEEPER", 1)
    for number in range(6):
        origin.commit({"README.md": str(number)})
    git = adapter(url=f"file://{origin.path}")
    git.observe()

    assert git.last_change(PATH, 1) is None


def test_a_server_that_is_away_makes_the_last_change_unknown(origin: Origin, adapter: Adapters) -> None:
    git = adapter(url=f"file://{origin.path}")
    origin.commit({"README.md": "x"})
    origin.commit({"README.md": "y"})
    git.observe()
    origin.path.rename(origin.path.with_suffix(".away"))

    assert git.last_change(PATH, 1) is None
