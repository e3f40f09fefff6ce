"""The rules of refs, and what a branch that moves does to pull requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.twins.github.objects import FILE, ZEROS, Commit, File, Person
from tests.twins.github.refusal import Kind, Refusal
from tests.twins.github.rules import pulls
from tests.twins.github.store import Blocked, Move, Stale, is_ref_name
from tests.twins.github.world import Merged, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.twins.github.world import Act, Pull

_HEADS = "refs/heads/"
WEB_FLOW = ("GitHub", "noreply@github.com")
"""The committer of what GitHub commits itself; it signs those."""


@dataclass(frozen=True, slots=True)
class Change:
    """A ref that shall move. ``before``: None for wherever it is, zeros for nowhere; ``after``: zeros to delete it."""

    name: str
    before: str | None
    after: str
    force: bool = False


def create(act: Act, name: str, oid: str) -> None:
    pulls.may(act, "write")
    if name in act.repository.store.refs():
        words = f'A ref named "{name}" already exists in the repository.'
        raise Refusal("Reference already exists", graphql=words)
    change(act, [Change(name, ZEROS, oid)])


def change(act: Act, changes: Sequence[Change]) -> None:
    """Move refs, all or none, and let pull requests follow.

    Raises:
        Refusal: somebody may not, a ref is elsewhere, or cannot be.
    """
    pulls.may(act, "write")
    store = act.repository.store
    refs = store.refs()
    for wanted in changes:
        _refuse(act, wanted, refs.get(wanted.name, ZEROS))
    try:
        store.move([Move(wanted.name, refs.get(wanted.name, ZEROS), wanted.after) for wanted in changes])
    except (Blocked, Stale):
        raise Refusal("Reference update failed", graphql="Ref cannot be created") from None
    for wanted in changes:
        if wanted.name.startswith(_HEADS):
            moved(act, wanted.name.removeprefix(_HEADS), refs.get(wanted.name, ZEROS), wanted.after)


def _refuse(act: Act, wanted: Change, now: str) -> None:
    store = act.repository.store
    if not is_ref_name(wanted.name):
        raise Refusal(f"{wanted.name} is not a valid ref name.", graphql="Ref cannot be created")
    _refuse_by_rule(act, wanted, now)
    if wanted.before not in (None, now):
        raise Refusal(
            f"Reference {wanted.name} is not at the expected object", Kind.STALE_DATA, 409,
            graphql=f'Expected {wanted.name} to point to "{wanted.before}" but it did not. Pull and try again.',
        )  # fmt: skip
    if wanted.after == now == ZEROS:
        raise Refusal("Reference does not exist")
    if wanted.after == ZEROS:
        return
    found = store.get(wanted.after)
    if found is None or (wanted.name.startswith(_HEADS) and found[0] != "commit"):
        raise Refusal("Object does not exist")
    if now != ZEROS and not wanted.force and not store.is_ancestor(now, wanted.after):
        raise Refusal("Update is not a fast forward")


def _refuse_by_rule(act: Act, wanted: Change, now: str) -> None:
    rule = "creation" if now == ZEROS else "deletion" if wanted.after == ZEROS else "update"
    for ruleset in act.repository.rulesets:
        stops = rule in ruleset.rules and act.actor.login not in ruleset.bypass
        if stops and wanted.name.startswith(_HEADS + ruleset.prefix):
            plural = {"creation": "creations", "update": "updates", "deletion": "deletions"}[rule]
            verb = {"creation": "create", "update": "update", "deletion": "delete"}[rule]
            words = f"Cannot {verb} ref due to {plural} being restricted."
            raise Refusal(f"Repository rule violations found\n\n{words}\n\n")
    branch = wanted.name.removeprefix(_HEADS)
    if branch in act.repository.protections and not act.repository.grants(act.actor, "admin"):
        raise Refusal(
            f"Protected branch update failed for {wanted.name}.\n\nChanges must be made through a pull request."
        )


def moved(act: Act, branch: str, before: str, after: str) -> None:
    """Let every pull request follow a branch that moved, was made or was deleted."""
    for pull in act.world.pulls():
        if not pull.open:
            continue
        there = type(act)(act.world, pull.repository, act.actor)
        if pull.head_repository is act.repository and pull.head == branch and before != ZEROS:
            _head_moved(there, pull, before, after)
        elif pull.repository is act.repository and pull.base == branch:
            _base_moved(there, pull, after)


def _head_moved(act: Act, pull: Pull, before: str, after: str) -> None:
    if after == ZEROS:
        act.record(pull, "HeadRefDeletedEvent", head_ref_name=pull.head)
        pulls.close_anyhow(act, pull)
        return
    store = act.repository.store
    base = act.repository.tip(pull.base)
    assert base, "an open pull request has a base"
    pull.head_oid, pull.base_oid, pull.updated_at = after, base, act.now
    forced = not store.is_ancestor(before, after)
    if forced:
        act.record(pull, "HeadRefForcePushedEvent", before_commit=before, after_commit=after)
    if not store.log(after, hide=base):
        pull.sealed = forced
        pulls.close_anyhow(act, pull)  # and it stays closed, whatever is pushed next
        return
    pulls.leave_queue(act, pull, "new commits pushed")
    if act.repository.protection(pull.base).dismiss_stale:
        pulls.dismiss(act, pull, states=("APPROVED",))
    if not act.repository.grants(act.actor, "write"):
        pulls.stop_auto_merge(act, pull, "Head branch was pushed to by a user without write access")


def _base_moved(act: Act, pull: Pull, after: str) -> None:
    if after == ZEROS:
        pulls.close_anyhow(act, pull)
    elif act.repository.store.is_ancestor(pull.head_oid, after):
        merged(act, pull, Merged(act.actor, act.now, after, pull.head_oid, None, automatic=False))


def merged(act: Act, pull: Pull, how: Merged) -> None:
    """Mark a pull request as merged: its head is in base."""
    pull.state, pull.closed_at, pull.merged = State.MERGED, how.at, how
    pull.auto_merge = None
    act.repository.queue = tuple(entry for entry in act.repository.queue if entry.pull is not pull)
    act.record(pull, "MergedEvent", commit=how.commit, merge_ref_name=pull.base)
    act.record(pull, "ClosedEvent")


def commit_on_branch(
    act: Act, branch: str, expected: str, files: Mapping[str, bytes | None], message: str
) -> str:  # fmt: skip
    """Append a signed commit of these files (None deletes one) to a branch that is where it was expected."""
    pulls.may(act, "write")
    store = act.repository.store
    tip = act.repository.tip(branch)
    if tip is None:
        raise Refusal("A branch is required", graphql=f"No such branch: {branch}")
    if tip != expected:
        words = f'Expected branch to point to "{expected}" but it did not.  Pull and try again.'
        raise Refusal(words, Kind.STALE_DATA, 409)
    tree = store.commit(tip).tree
    missing = [path for path, data in files.items() if data is None and path not in store.files(tree)]
    if missing:
        raise Refusal(f"A path was requested for deletion which does not exist as of commit oid `{tip}`: {missing[0]}")
    changes = {path: None if data is None else File(FILE, store.put("blob", data)) for path, data in files.items()}
    oid = commit(act, store.changed(tree, changes), (tip,), message)
    change(act, [Change(_HEADS + branch, tip, oid)])
    return oid


def commit(act: Act, tree: str, parents: tuple[str, ...], message: str) -> str:
    """Write a commit as GitHub does for an account: by the account, committed and signed by GitHub."""
    web_flow = Person(*WEB_FLOW, act.now)
    return act.repository.store.put_commit(Commit(tree, parents, act.actor.at(act.now), web_flow, message, signed=True))
