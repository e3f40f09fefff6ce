"""How every state that a promotion can be in looks: branch, ledger, and what base carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import Close, Question
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
    subject,
    updating,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.adapters.git import Git
    from tests.adapters.origin import Origin


@dataclass(frozen=True)
class World:
    """The repository after we opened a promotion to 0.28.1, and the adapter that did."""

    origin: Origin
    git: Git

    def merge(self, *options: str, then: tuple[str, ...] = ()) -> None:
        person = self.origin.person
        person("fetch", "--quiet", "origin")
        person("checkout", "--quiet", "-B", "work", "origin/main")
        person("merge", "--quiet", *options, f"origin/{BRANCH}")
        if then:
            person(*then)
        person("push", "--quiet", "origin", "HEAD:main")

    def rebase(self) -> None:
        person = self.origin.person
        self.origin.commit({"README.md": "other work"})
        person("fetch", "--quiet", "origin")
        person("checkout", "--quiet", "-B", "work", "origin/main")
        person("cherry-pick", f"origin/{BRANCH}")
        person("push", "--quiet", "origin", "HEAD:main")

    def delete(self) -> None:
        self.origin.git("update-ref", "-d", HEAD)

    def edit(self, *how: str) -> None:
        person = self.origin.person
        person("fetch", "--quiet", "origin")
        person("checkout", "--quiet", "-B", "work", f"origin/{BRANCH}")
        (self.origin.clone / PATH).write_text(manifest("0.28.1") + "# mine\n")
        person("commit", "--quiet", "--all", *how)
        person("push", "--quiet", "--force", "origin", f"HEAD:{HEAD}")


def nothing(world: World) -> None:
    world.git.apply(Close(subject(world.git.observe()), forget=True))


def stands(world: World) -> None:
    """Nothing happens."""


def merged(world: World) -> None:
    world.merge("--no-ff", "-m", "merge")


def merged_and_deleted(world: World) -> None:
    world.merge("--no-ff", "-m", "merge")
    world.delete()


def forwarded(world: World) -> None:
    world.merge("--ff-only")


def squashed(world: World) -> None:
    world.merge("--squash", then=("commit", "--quiet", "-m", "squash"))


def squashed_and_deleted(world: World) -> None:
    squashed(world)
    world.delete()


def rebased(world: World) -> None:
    world.rebase()


def rebased_and_deleted(world: World) -> None:
    world.rebase()
    world.delete()


def deleted(world: World) -> None:
    world.delete()


def reverted(world: World) -> None:
    squashed_and_deleted(world)
    world.origin.commit({PATH: manifest("0.28.0")})


def extended(world: World) -> None:
    world.edit("-m", "one more")


def amended(world: World) -> None:
    world.edit("--amend", "--no-edit")


def base_merged_in(world: World) -> None:
    world.origin.commit({"README.md": "other work"})
    world.origin.person("fetch", "--quiet", "origin")
    world.origin.person("checkout", "--quiet", "-B", "work", f"origin/{BRANCH}")
    world.origin.person("merge", "--quiet", "-m", "catch up", "origin/main")
    world.origin.person("push", "--quiet", "origin", f"HEAD:{HEAD}")


def base_moved(world: World) -> None:
    world.origin.commit({"README.md": "other work"})


def base_conflicts(world: World) -> None:
    world.origin.commit({PATH: manifest("0.28.9")})


def ledger_deleted(world: World) -> None:
    world.origin.git("update-ref", "-d", LEDGER)


def both_deleted(world: World) -> None:
    world.delete()
    ledger_deleted(world)


def updated(world: World) -> None:
    world.git.apply(updating(world.git.observe(), "0.28.2"))


def paused(world: World) -> None:
    world.git.apply(pausing(world.git.observe()))


def disarmed(world: World) -> None:
    world.git.apply(disarming(world.git.observe()))


def closed(world: World) -> None:
    squashed(world)
    world.git.apply(Close(subject(world.git.observe())))


OPEN = words("Promote vault to 0.28.1").message


@dataclass(frozen=True)
class Seen:
    """B and L of the contract's table: whether they stand, whether they agree, and the ledger's words."""

    head: bool = True
    ledger: bool = True
    same: bool = False
    message: str = OPEN
    base: str = "0.28.0"
    conflicts: bool = False
    carried: tuple[str, ...] = ("0.28.0",)


STATES: dict[str, tuple[Callable[[World], None], Seen | None]] = {
    "nothing": (nothing, None),
    "opened": (stands, Seen(same=True)),
    "updated": (updated, Seen(same=True, message=words("Promote vault to 0.28.2").message)),
    "paused": (paused, Seen(head=False, message=words("Pause vault").message)),
    "disarmed": (disarmed, Seen(head=False, message=words("Disarm vault").message)),
    "base moved": (base_moved, Seen(same=True)),
    "base conflicts": (base_conflicts, Seen(same=True, base="0.28.9", conflicts=True, carried=("0.28.9",))),
    "merged": (merged, Seen(same=True, base="0.28.1", carried=("0.28.1",))),
    "merged and deleted": (merged_and_deleted, Seen(head=False, base="0.28.1", carried=("0.28.1",))),
    "merged without a merge commit": (forwarded, Seen(same=True, base="0.28.1", carried=("0.28.1",))),
    "squashed": (squashed, Seen(same=True, base="0.28.1", carried=("0.28.1",))),
    "squashed and deleted": (squashed_and_deleted, Seen(head=False, base="0.28.1", carried=("0.28.1",))),
    "rebased": (rebased, Seen(same=True, base="0.28.1", carried=("0.28.1",))),
    "rebased and deleted": (rebased_and_deleted, Seen(head=False, base="0.28.1", carried=("0.28.1",))),
    "merged and closed by us": (closed, Seen(head=False, base="0.28.1", carried=("0.28.1",))),
    "deleted by a person": (deleted, Seen(head=False)),
    "merged and reverted": (reverted, Seen(head=False, carried=("0.28.0", "0.28.1"))),
    "edited by one more commit": (extended, Seen()),
    "edited by an amendment": (amended, Seen()),
    "base merged into it": (base_merged_in, Seen()),
    "the ledger deleted, the branch not": (ledger_deleted, Seen(ledger=False)),
    "both deleted": (both_deleted, None),
}  # fmt: skip


@pytest.mark.parametrize(("happens", "expected"), STATES.values(), ids=STATES)
def test_every_state_is_seen_by_a_process_that_knows_nothing(
    origin: Origin,
    adapter: Callable[..., Git],
    tmp_path: Path,
    happens: Callable[[World], None],
    expected: Seen | None,
) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    happens(World(origin, git))

    fresh = adapter(url=f"file://{origin.path}", cache=tmp_path / "fresh")
    base = fresh.observe()
    found = proposal(base)

    assert (found is None) == (expected is None)
    if not (found and expected):
        return
    findings = fresh.investigate([Question(BRANCH, PATH, history=found.ledger is not None)])[BRANCH]
    (pinned,) = (content for _, content in fresh.read([entry.oid for entry in base.entries if entry.path == PATH]))
    assert (
        Seen(
            head=found.head is not None,
            ledger=found.ledger is not None,
            same=found.head is not None and found.head == found.ledger,
            message=found.message,
            base=pinned.decode().split()[-1],
            conflicts=findings.conflicts,
            carried=tuple(text.split()[-1] for text in findings.texts) if found.ledger else ("0.28.0",),
        )
        == expected
    )
    assert found.head == origin.refs().get(HEAD)
    assert found.ledger == origin.refs().get(LEDGER)
