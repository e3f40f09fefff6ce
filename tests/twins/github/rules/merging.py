"""The rules of merging: whether it may be, auto-merge, the queue, and Update branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.twins.github.objects import Commit, Person
from tests.twins.github.refusal import Refusal
from tests.twins.github.rules import pulls, refs
from tests.twins.github.store import Move, branch
from tests.twins.github.world import Act, AutoMerge, Merged, Method, QueueEntry

if TYPE_CHECKING:
    from tests.twins.github.store import Store
    from tests.twins.github.world import Pull, World

_NOT_MERGEABLE, _CONFLICT = 405, 409
_MODIFIED = "Head branch was modified. Review and try the merge again."


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a pull request merges (None while nobody knows), and GitHub's word for what is in its way."""

    mergeable: bool | None
    word: str


def shown(pull: Pull) -> Standing:
    """What GitHub answers: nothing is known after a push until it was asked once."""
    key = (pull.head_oid, pull.repository.tip(pull.base) or "")
    if not pull.open or pull.asked != key:
        pull.asked = key
        return Standing(None, "unknown")
    return standing(pull)


def standing(pull: Pull) -> Standing:
    """What is true now. https://docs.github.com/en/graphql/reference/enums#mergestatestatus"""
    if not merges(pull):
        return Standing(mergeable=False, word="dirty")
    if pull.draft:
        return Standing(mergeable=True, word="draft")
    if missing(pull):
        return Standing(mergeable=True, word="blocked")
    if pull.repository.protection(pull.base).strict and is_behind(pull):
        return Standing(mergeable=True, word="behind")
    states = pull.repository.check_states(pull.head_oid).values()
    return Standing(mergeable=True, word="clean" if all(state == "success" for state in states) else "unstable")


def merges(pull: Pull) -> bool:
    return pull.repository.store.merge(_base(pull), pull.head_oid) is not None


def is_behind(pull: Pull) -> bool:
    return not pull.repository.store.is_ancestor(_base(pull), pull.head_oid)


def missing(pull: Pull) -> list[str]:
    """What the base branch's protection still asks for, in GitHub's words."""
    protection = pull.repository.protection(pull.base)
    states = pull.repository.check_states(pull.head_oid)
    lacking = [
        f'Required status check "{check}" is {"failing" if check in states else "expected"}.'
        for check in protection.checks
        if states.get(check) != "success"
    ]
    if protection.approvals and decision(pull) != "APPROVED":
        lacking.append(f"At least {protection.approvals} approving review is required by reviewers with write access.")
    return lacking


def decision(pull: Pull) -> str | None:
    """The verdict of all reviews, as GitHub sums them up; None where none is asked for and none was given."""
    states = [
        review.state for review in pulls.verdicts(pull).values() if pull.repository.grants(review.author, "write")
    ]
    needed = pull.repository.protection(pull.base).approvals
    if "CHANGES_REQUESTED" in states:
        return "CHANGES_REQUESTED"
    if states.count("APPROVED") >= max(needed, 1):
        return "APPROVED"
    return "REVIEW_REQUIRED" if needed else None


def merge(act: Act, pull: Pull, method: Method, *, expected: str | None = None, words: str | None = None) -> str:
    """Merge by hand, and tell the commit. ``words`` are the whole message of the commit, None for GitHub's own."""
    pulls.may(act, "write")
    if expected not in (None, pull.head_oid):
        raise Refusal(_MODIFIED, status=_CONFLICT)
    reason = _bar(pull, method)
    if reason:
        raise Refusal(reason, status=_NOT_MERGEABLE)
    return _land(act, pull, method, words, automatic=False)


def _bar(pull: Pull, method: Method) -> str:
    """Why a pull request cannot be merged by hand now."""
    if not pull.open or not merges(pull):
        return "Pull Request is not mergeable"
    if pull.repository.protection(pull.base).queue:
        return "Changes must be made through the merge queue"
    if method not in pull.repository.methods:
        name = {Method.MERGE: "Merge commits", Method.SQUASH: "Squash merges", Method.REBASE: "Rebase merges"}[method]
        return f"{name} are not allowed on this repository."
    if pull.draft:
        return "Pull Request is still a draft"
    if standing(pull).word == "behind":
        return "Head branch is out of date. Review and try the merge again."
    return " ".join(missing(pull))


def _land(act: Act, pull: Pull, method: Method, words: str | None, *, automatic: bool) -> str:
    """Move base, mark the pull request as merged, and let all others follow."""
    store = act.repository.store
    before = _base(pull)
    made = _LANDINGS[method](act, pull, words)
    store.move([Move(branch(pull.base), before, made)])
    refs.merged(act, pull, Merged(act.actor, act.now, made, pull.head_oid, method, automatic))
    refs.moved(act, pull.base, before, made)
    if act.repository.delete_branch_on_merge and pull.head_repository is act.repository:
        tip = act.repository.tip(pull.head)
        if tip:
            store.move([Move(branch(pull.head), tip, "0" * 40)])
            act.record(pull, "HeadRefDeletedEvent", head_ref_name=pull.head)
            refs.moved(act, pull.head, tip, "0" * 40)
    return made


def _merge_commit(act: Act, pull: Pull, words: str | None) -> str:
    origin = f"{pull.head_repository.owner.login}/{pull.head}"
    message = words or f"Merge pull request #{pull.number} from {origin}\n\n{pull.title}"
    return refs.commit(act, _merged_tree(pull), (_base(pull), pull.head_oid), message)


def _squash(act: Act, pull: Pull, words: str | None) -> str:
    author = Act(act.world, act.repository, pull.author)
    return refs.commit(author, _merged_tree(pull), (_base(pull),), words or _squashed(pull))


def _squashed(pull: Pull) -> str:
    """GitHub's words for a squash: those of a single commit, or the title and all commits."""
    store = pull.repository.store
    messages = [store.commit(oid).message for oid in _linear(store, pull.head_oid, _base(pull))]
    if len(messages) == 1:
        headline, _, body = messages[0].partition("\n")
    else:
        headline, body = pull.title, "\n\n".join(f"* {message}" for message in messages)
    return f"{headline} (#{pull.number})\n\n{body.strip()}".rstrip() + "\n"


def _rebase(act: Act, pull: Pull, _words: str | None) -> str:
    store = act.repository.store
    onto = _base(pull)
    for oid in _linear(store, pull.head_oid, onto):
        tree = store.pick(oid, onto)
        if tree is None:
            raise Refusal("This branch can't be rebased", status=_NOT_MERGEABLE)
        old = store.commit(oid)
        committer = Person(*refs.WEB_FLOW, act.now)
        onto = store.put_commit(Commit(tree, (onto,), old.author, committer, old.message))
    return onto


_LANDINGS = {Method.MERGE: _merge_commit, Method.SQUASH: _squash, Method.REBASE: _rebase}


def _linear(store: Store, head: str, base: str) -> list[str]:
    """The commits of a branch from the oldest on, without merges, as git rebases."""
    return [oid for oid in reversed(store.log(head, hide=base)) if len(store.commit(oid).parents) == 1]


def _merged_tree(pull: Pull) -> str:
    tree = pull.repository.store.merge(_base(pull), pull.head_oid)
    assert tree, "it was asked before whether it merges"
    return tree


def _base(pull: Pull) -> str:
    tip = pull.repository.tip(pull.base)
    assert tip, "an open pull request has a base"
    return tip


# --- auto-merge and the queue ----------------------------------------------------------------------------------------


def enable_auto_merge(act: Act, pull: Pull, wanted: AutoMerge, *, expected: str | None = None) -> None:
    """Ask to merge as soon as all that is required is there; where there is a queue, to be put in line then."""
    pulls.may(act, "write")
    if not act.repository.auto_merge_allowed:
        raise Refusal("Pull request Auto merge is not allowed for this repository")
    if not pull.open:
        raise Refusal("Pull request Pull request is closed")
    if pull.draft:
        raise Refusal("Pull request Pull request is in draft state")
    if expected not in (None, pull.head_oid):
        raise Refusal(_MODIFIED)
    queue = act.repository.protection(pull.base).queue
    word = standing(pull).word
    if word in ("clean", "unstable") and not queue:
        raise Refusal(f"Pull request Pull request is in {word} status")
    if wanted.method not in act.repository.methods and not queue:
        raise Refusal(f"Pull request {wanted.method.title()} method is not allowed for this repository")
    pull.auto_merge = wanted
    act.record(pull, "AutoMergeEnabledEvent", enabler=act.actor)


def disable_auto_merge(act: Act, pull: Pull) -> None:
    pulls.may(act, "write")
    if pull.auto_merge is None:
        raise Refusal("Can't disable auto-merge for this pull request.")
    pulls.stop_auto_merge(act, pull, "")


def enqueue(act: Act, pull: Pull, *, expected: str | None = None) -> QueueEntry:
    pulls.may(act, "write")
    if not act.repository.protection(pull.base).queue:
        raise Refusal("Pull request Merge queue is not enabled for this branch")
    if expected not in (None, pull.head_oid):
        raise Refusal(_MODIFIED)
    if not pull.open or pull.draft or missing(pull) or not merges(pull):
        raise Refusal("Pull request Pull request is not in the correct state to be queued")
    if queued(pull):
        raise Refusal("Pull request Pull request is already in the queue")
    return _line_up(act, pull)


def _line_up(act: Act, pull: Pull) -> QueueEntry:
    entry = QueueEntry(act.world.node_id("MQE"), pull, act.actor, act.now, pull.head_oid)
    act.repository.queue += (entry,)
    act.world.keep(entry.id, entry)
    pull.auto_merge = None
    act.record(pull, "AddedToMergeQueueEvent", enqueuer=act.actor)
    return entry


def dequeue(act: Act, pull: Pull) -> QueueEntry:
    pulls.may(act, "write")
    entry = queued(pull)
    if entry is None:
        raise Refusal("Pull request is not in the merge queue")
    pulls.leave_queue(act, pull, "manual")
    return entry


def queued(pull: Pull) -> QueueEntry | None:
    return next((entry for entry in pull.repository.queue if entry.pull is pull), None)


def step_queue(act: Act, *, passes: bool = True) -> None:
    """Let the first in line be merged, or thrown out where its checks failed on top of base."""
    first = act.repository.queue[0]
    method = act.repository.protection(first.pull.base).queue
    enqueuer = Act(act.world, act.repository, first.enqueuer)
    if passes and method and merges(first.pull):
        _land(enqueuer, first.pull, method, None, automatic=True)
    else:
        pulls.leave_queue(enqueuer, first.pull, "failed_checks" if merges(first.pull) else "merge_conflict")


def settle(world: World) -> None:
    """Let auto-merge do what has become possible, until nothing more is."""
    while pull := next(filter(_is_due, world.pulls()), None):
        _auto_merge(world, pull)


def _is_due(pull: Pull) -> bool:
    return pull.open and pull.auto_merge is not None and standing(pull).word in ("clean", "unstable")


def _auto_merge(world: World, pull: Pull) -> None:
    assert pull.auto_merge
    act = Act(world, pull.repository, pull.auto_merge.enabled_by)
    if pull.repository.protection(pull.base).queue:
        _line_up(act, pull)
        return
    wanted = pull.auto_merge
    words = "\n\n".join(filter(None, (wanted.headline, wanted.body))) or None
    try:
        _land(act, pull, wanted.method, words, automatic=True)
    except Refusal as refusal:
        pulls.stop_auto_merge(act, pull, refusal.message)


def update_branch(act: Act, pull: Pull, *, expected: str | None = None, rebase: bool = False) -> None:
    """Bring base into the head branch, by a merge commit or by rebasing."""
    if not pull.head_repository.grants(act.actor, "write"):
        pulls.may(act, "write")
    if not pull.open or expected not in (None, pull.head_oid):
        raise Refusal("expected head sha didn’t match current head ref.")  # noqa: RUF001 - GitHub's own apostrophe
    if not is_behind(pull):
        raise Refusal("There are no new commits on the base branch.")
    if not merges(pull):
        raise Refusal("merge conflict between base and head")
    words = f"Merge branch '{pull.base}' into {pull.head}"
    parents = (pull.head_oid, _base(pull))
    made = _rebase(act, pull, None) if rebase else refs.commit(act, _merged_tree(pull), parents, words)
    source = Act(act.world, pull.head_repository, act.actor)
    refs.change(source, [refs.Change(branch(pull.head), pull.head_oid, made, force=rebase)])
