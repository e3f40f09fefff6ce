"""Killed at any git command of a whole pass, the next process ends where one without the crash would have ended."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.adapters.test_git_interrupted import SHIM
from tests.world import BRANCH, ENVIRON, VAULT, World, answers, manifest, proven

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.model import Proposal
    from tests.world import Object

V = "vault/vault"
PROGRAM = "import pickle, sys; pickle.loads(open(sys.argv[1], 'rb').read()).run()"
WHENS = ("before", "while", "after")


@dataclass
class Scene:
    """A world that is about to see a pass, which can be put back and killed again and again."""

    world: World
    folder: Path

    def put_back(self) -> World:
        shutil.rmtree(self.world.folder)
        shutil.copytree(self.folder / "prepared", self.world.folder, symlinks=True)
        return self.world

    def _counting(self, at: int, when: str) -> World:
        (self.folder / "count").write_text("0")
        path = f"{self.folder}:{ENVIRON['PATH']}"
        return replace(self.world, environ=ENVIRON | {"PATH": path, "KILL_AT": str(at), "KILL_WHEN": when})

    def undisturbed(self) -> tuple[tuple[Proposal, ...], int]:
        """What a pass leaves behind, and how many git commands it takes."""
        self.put_back()
        self._counting(0, "never").run()
        return self.world.seen(), int((self.folder / "count").read_text())

    def killed(self, at: int, when: str) -> bool:
        """Whether a pass in a process of its own was killed at a command."""
        self.put_back()
        (self.folder / "args").write_bytes(pickle.dumps(self._counting(at, when)))
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(self.folder / "args")],
            cwd=Path(__file__).parents[1],
            capture_output=True,
            check=False,
        )
        assert done.returncode in {0, -9}, done.stderr.decode()
        return done.returncode == -9


def to_open(world: World) -> Object:
    world.repository.commit({"other.md": "moved\n"})
    return proven(V, "0.28.1")


def to_update(world: World) -> Object:
    world.record(proven(V, "0.28.1"))
    world.turn()
    world.repository.commit({"other.md": "moved\n"})
    return proven(V, "0.28.2")


def to_close(world: World) -> Object:
    world.record(proven(V, "0.28.1"))
    world.turn()
    world.repository.merge(BRANCH, "squash", delete=False)
    return proven(V, "0.28.1")


def to_pause(world: World) -> Object:
    world.record(proven(V, "0.28.1"))
    world.turn()
    return proven(V, "0.28.1", suspend=True)


DEEDS = {"open": to_open, "update": to_update, "close": to_close, "pause": to_pause}


@pytest.fixture(params=[deed if deed == "open" else pytest.param(deed, marks=pytest.mark.slow) for deed in DEEDS])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    prepare: Callable[[World], Object] = DEEDS[request.param]
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world")
    world.repository.commit({VAULT: manifest(V, "0.28.0")})
    world.record(prepare(world))
    assert answers(world.turn(dry_run=True)) == {V: request.param}
    shutil.copytree(world.folder, tmp_path / "prepared", symlinks=True)
    (tmp_path / "git").write_text(SHIM.format(folder=tmp_path, git=shutil.which("git")))
    (tmp_path / "git").chmod(0o755)
    return Scene(world, tmp_path)


def check(scene: Scene, expected: tuple[Proposal, ...], at: int, when: str) -> None:
    assert scene.killed(at, when)
    scene.world.turn()
    assert scene.world.seen() == expected, f"killed {when} command {at}"
    assert scene.world.turn()["actions"] == []


def test_killed_at_the_push_the_next_process_ends_the_same(scene: Scene) -> None:
    expected, last = scene.undisturbed()
    for when in ("before", "after"):
        check(scene, expected, last, when)


@pytest.mark.slow
@pytest.mark.parametrize("atomic", [True, False], ids=["all refs at once", "one ref at a time"])
def test_killed_at_any_command_the_next_process_ends_the_same(scene: Scene, atomic: bool) -> None:
    scene.world.repository.bare("config", "receive.advertiseAtomic", str(atomic).lower())
    shutil.rmtree(scene.folder / "prepared")
    shutil.copytree(scene.world.folder, scene.folder / "prepared", symlinks=True)
    expected, commands = scene.undisturbed()
    for at in range(1, commands + 1):
        for when in WHENS:
            check(scene, expected, at, when)
