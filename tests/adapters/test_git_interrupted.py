"""Killed at every git command, and servers that move one ref at a time: the world reads as before or as after."""

from __future__ import annotations

import fcntl
import pickle
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import Close
from reconciler.ports import Refused, Unavailable
from tests.adapters.origin import (
    BRANCH,
    HEAD,
    LEDGER,
    PATH,
    disarming,
    manifest,
    opening,
    pausing,
    proposal,
    rearming,
    subject,
    updating,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.adapters.git import Git
    from reconciler.core.model import Action, Base
    from tests.adapters.origin import Origin

    Adapters = Callable[..., Git]

# Counts git's commands, and kills the process that runs them: before the Nth begins, while it runs on by itself, or
# when it has ended.
SHIM = """#!/bin/sh
n=$(($(cat "{folder}/count") + 1))
echo $n > "{folder}/count"
if [ "$n" != "$KILL_AT" ]; then exec "{git}" "$@"; fi
case $KILL_WHEN in
before) kill -9 $PPID ;;
while) kill -9 $PPID; exec "{git}" "$@" ;;
after) "{git}" "$@"; kill -9 $PPID ;;
esac
"""
PROGRAM = """
import pickle, sys
from pathlib import Path
from reconciler.adapters.git import Git
url, cache, environ, act = pickle.loads(Path(sys.argv[1]).read_bytes())
git = Git(url=url, branch="main", cache=cache, environ=environ)
git.observe()
git.apply(act)
"""


@dataclass(frozen=True)
class Victim:
    """A process that applies an action with its own look at the world, and can be killed at any git command."""

    origin: Origin
    folder: Path
    cache: Path

    def run(self, action: Action, at: int = 0, when: str = "before") -> bool:
        """Run it; True if it lived to the end."""
        (self.folder / "count").write_text("0")
        environ = self.origin.environ | {"PATH": f"{self.folder}:{self.origin.environ['PATH']}"}
        environ |= {"KILL_AT": str(at), "KILL_WHEN": when}
        (self.folder / "args").write_bytes(pickle.dumps((self.origin.url, self.cache, environ, action)))
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(self.folder / "args")],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=False,
        )
        assert done.returncode in {0, -9}, done.stderr.decode()
        return done.returncode == 0

    def commands(self) -> int:
        return int((self.folder / "count").read_text())


@pytest.fixture
def victim(origin: Origin, tmp_path: Path) -> Victim:
    folder = tmp_path / "shim"
    folder.mkdir()
    (folder / "git").write_text(SHIM.format(folder=folder, git=shutil.which("git")))
    (folder / "git").chmod(0o755)
    return Victim(origin, folder, tmp_path / "cache")


@pytest.fixture
def one_by_one(origin: Origin) -> None:
    origin.git("config", "receive.advertiseAtomic", "false")


@dataclass(frozen=True)
class Deed:
    """An action, what must have been done before it, and what the world is afterwards."""

    before: tuple[Callable[[Base], Action], ...]
    act: Callable[[Base], Action]
    head: str | None
    message: str | None


def forgetting(base: Base) -> Action:
    return Close(subject(base), forget=True)


def closing(base: Base) -> Action:
    return Close(subject(base))


def to_28_2(base: Base) -> Action:
    return updating(base, "0.28.2")


OPENED = words("Promote vault to 0.28.1").message
DEEDS = {
    "open": Deed((), opening, "0.28.1", OPENED),
    "open anew": Deed((opening, closing), to_28_2, "0.28.2", words("Promote vault to 0.28.2").message),
    "update": Deed((opening,), to_28_2, "0.28.2", words("Promote vault to 0.28.2").message),
    "pause": Deed((opening,), pausing, None, words("Pause vault").message),
    "disarm what is paused": Deed((opening, pausing), disarming, None, words("Disarm vault").message),
    "rearm": Deed((opening, pausing), rearming, "0.28.1", OPENED),
    "close": Deed((opening,), closing, None, OPENED),
    "forget": Deed((opening,), forgetting, None, None),
}
TYPICAL = [
    pytest.param(deed, id=name, marks=() if name in {"open", "pause", "forget"} else pytest.mark.slow)
    for name, deed in DEEDS.items()
]


def shown(base: Base, origin: Origin) -> tuple[str | None, str | None, bool]:
    """What a pass would see: the proposed version, the ledger's words, and whether the two agree."""
    found = proposal(base)
    if not found:
        return None, None, False
    version = origin.text(found.head).split()[-1] if found.head else None
    return version, found.message, found.head == found.ledger


WAYS = ("before", "while", "after")
SPARSE = 4  # as no multiple of three, it comes by every way


def enumerate_kills(victim: Victim, adapter: Adapters, deed: Deed, tmp_path: Path, *, thorough: bool) -> None:
    """Kill at every command in every way, or at some in turn, and let a fresh process do the same again."""
    preparing = adapter()
    for act in deed.before:
        preparing.apply(act(preparing.observe()))
    origin = victim.origin
    before = shown(preparing.observe(), origin)
    action = deed.act(preparing.observe())
    preparing.close()
    shutil.copytree(origin.path, tmp_path / "kept.git", symlinks=True)
    assert victim.run(action)
    commands = victim.commands()
    finished = shown(adapter(cache=tmp_path / "other").observe(), origin)
    assert finished == (deed.head, deed.message, deed.head is not None)
    for at in range(1, commands + 1, 1 if thorough else SPARSE):
        for when in WAYS if thorough else (WAYS[at % 3],):
            shutil.rmtree(origin.path)
            shutil.copytree(tmp_path / "kept.git", origin.path, symlinks=True)
            shutil.rmtree(victim.cache, ignore_errors=True)

            assert not victim.run(action, at, when)

            fresh = adapter(cache=victim.cache)
            seen = fresh.observe()
            assert shown(seen, origin) in (before, finished), (at, when)
            settle(fresh, deed)
            assert shown(fresh.observe(), origin) == finished, (at, when)
            fresh.close()
            outlive(victim.cache)


def outlive(cache: Path) -> None:
    """Wait until no git of a killed process is at work: each holds the lock of its cache folder."""
    for path in (cache / "git").glob("*.lock"):
        with path.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)


def settle(git: Git, deed: Deed) -> None:
    """What the next passes do: the action again if it is not done, with an orphaned git maybe still at work."""
    for _ in range(20):
        base = git.observe()
        found = proposal(base)
        if (found and found.message) == deed.message and bool(found and found.head) == bool(deed.head):
            return
        try:
            git.apply(deed.act(base))
        except Unavailable:
            continue
    raise AssertionError("it does not settle")


@pytest.mark.parametrize("atomic", ["true", "false"], ids=["atomic pushes", "one ref at a time"])
def test_killed_at_some_git_commands_the_next_process_finishes(
    victim: Victim, adapter: Adapters, tmp_path: Path, atomic: str
) -> None:
    victim.origin.git("config", "receive.advertiseAtomic", atomic)

    enumerate_kills(victim, adapter, DEEDS["update"], tmp_path, thorough=False)


@pytest.mark.slow
@pytest.mark.parametrize("atomic", ["true", "false"], ids=["atomic pushes", "one ref at a time"])
@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
def test_killed_at_every_git_command_in_every_way_the_next_process_finishes(
    victim: Victim, adapter: Adapters, tmp_path: Path, *, deed: Deed, atomic: str
) -> None:
    victim.origin.git("config", "receive.advertiseAtomic", atomic)

    enumerate_kills(victim, adapter, deed, tmp_path, thorough=True)


# --- a server that moves one ref at a time ---


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("deed", TYPICAL)
def test_every_action_works_where_refs_move_one_at_a_time(origin: Origin, adapter: Adapters, deed: Deed) -> None:
    git = adapter()
    for act in (*deed.before, deed.act):
        git.apply(act(git.observe()))

    assert shown(adapter().observe(), origin) == (deed.head, deed.message, deed.head is not None)


def cut(origin: Origin, pushes: int) -> None:
    """Let the server take this many pushes and then no more."""
    (origin.path / "pushes").write_text(str(pushes))
    origin.hook(
        "pre-receive",
        f'n=$(cat "{origin.path}/pushes"); [ $n -gt 0 ] || exit 1; echo $((n - 1)) > "{origin.path}/pushes"',
    )


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("deed", TYPICAL)
def test_between_two_pushes_the_world_reads_as_before_or_as_after(
    origin: Origin, adapter: Adapters, deed: Deed
) -> None:
    git = adapter()
    for act in deed.before:
        git.apply(act(git.observe()))
    base = git.observe()
    before = shown(base, origin)
    cut(origin, 1)
    finished = (deed.head, deed.message, deed.head is not None)

    try:
        git.apply(deed.act(base))
    except Refused:
        assert shown(adapter().observe(), origin) in (before, finished)
    cut(origin, 9)
    fresh = adapter()
    settle(fresh, deed)

    assert shown(fresh.observe(), origin) == finished


@pytest.mark.usefixtures("one_by_one")
def test_a_half_opened_promotion_can_be_withdrawn(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    cut(origin, 1)
    with pytest.raises(Refused):
        git.apply(opening(git.observe()))
    assert list(origin.ours()) == [HEAD]
    cut(origin, 9)
    fresh = adapter()

    fresh.apply(pausing(fresh.observe()))

    assert list(origin.ours()) == [LEDGER]
    assert shown(fresh.observe(), origin) == (None, words("Pause vault").message, False)


@pytest.mark.usefixtures("one_by_one")
def test_a_half_withdrawn_promotion_still_reads_as_standing(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    cut(origin, 1)
    with pytest.raises(Refused):
        git.apply(pausing(git.observe()))
    cut(origin, 9)
    fresh = adapter()
    assert shown(fresh.observe(), origin) == ("0.28.1", OPENED, True)

    fresh.apply(to_28_2(fresh.observe()))

    assert shown(fresh.observe(), origin) == ("0.28.2", words("Promote vault to 0.28.2").message, True)


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize(
    "how", [("--amend", "--no-edit"), ("--allow-empty", "-m", "mine")], ids=["amended", "extended"]
)
def test_a_half_opened_promotion_that_a_person_edits_is_theirs(
    origin: Origin, adapter: Adapters, how: tuple[str, ...]
) -> None:
    git = adapter()
    cut(origin, 1)
    with pytest.raises(Refused):
        git.apply(opening(git.observe()))
    cut(origin, 9)
    origin.person("fetch", "--quiet")
    origin.person("checkout", "--quiet", "-B", "work", f"origin/{BRANCH}")
    origin.person("commit", "--quiet", *how)
    origin.person("push", "--quiet", "--force", "origin", f"HEAD:{HEAD}")

    found = proposal(adapter().observe())

    assert found
    assert (found.head, found.ledger) == (origin.refs()[HEAD], None)


@pytest.mark.usefixtures("one_by_one")
def test_two_processes_race_one_ref_at_a_time(origin: Origin, adapter: Adapters) -> None:
    gits = [adapter() for _ in range(3)]
    bases = [git.observe() for git in gits]

    gits[0].apply(opening(bases[0]))
    gits[1].apply(opening(bases[1]))
    with pytest.raises(Unavailable, match=HEAD):
        gits[2].apply(opening(bases[2], "0.28.2"))

    assert set(origin.ours()) == {HEAD, LEDGER}
    assert len(set(origin.ours().values())) == 1
    assert origin.text(HEAD, PATH) == manifest("0.28.1")
