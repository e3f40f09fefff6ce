"""From what GitHub shows to what the plan reads: promotions under our names, and which of it all is ours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reconciler.adapters.github.shapes import BRANCHES, MOST
from reconciler.core.model import Change, Proposal, PullRequest, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.adapters.github.shapes import Actor, Branch, Commit, Pull, Target

LEDGERS: Final = "refs/helm-promoter/"
_TRAILER: Final = "\nHelm-Promoter-Promotion: "
"""How the marker in a commit's message begins."""
_TARGET: Final = re.compile(r"^Helm-Promoter-To: (.*)$", re.MULTILINE)
_CONCLUSIONS: Final = {"SUCCESS", "PENDING", "FAILURE", "ERROR"}


@dataclass(frozen=True, slots=True)
class Me:
    """Whose credential we use. ``signs`` says that the forge signs what it commits: github.com always does."""

    login: str
    signs: bool

    def is_(self, actor: Actor | None) -> bool:
        """Tell whether somebody is us."""
        return actor is not None and actor.name == self.login

    def made(self, commit: Commit | Target) -> bool:
        """Tell whether our credential made a commit through the forge. What its owner commits by git is not that."""
        if commit.author is None or not commit.author.is_called(self.login):
            return False
        mark = commit.signature
        if mark is None:
            return commit.committed_via_web and not self.signs
        return mark.is_valid and mark.was_signed_by_git_hub

    def promoted(self, commit: Commit | Target) -> bool:
        """Tell whether a commit is a promotion of ours."""
        return self.made(commit) and _TRAILER in commit.message

    def status(self, commit: Commit | Target) -> Status | None:
        """Give our commit status; one of somebody else under that name counts for nothing."""
        found = commit.status.context if commit.status else None
        if found is None or found.state not in _CONCLUSIONS or not self.is_(found.creator):
            return None
        return Status(found.state.lower(), found.description or "", found.created_at)


@dataclass(frozen=True, slots=True)
class Standing:
    """One proposal with what only writing needs.

    ``pull`` is its pull request. ``told`` is the status of its head; or, where that has none yet, of our commit before
    for the same version: base was merged into the branch, or a pass was cut short that had moved it.
    """

    proposal: Proposal
    pull: Pull | None = None
    told: Status | None = None


def newest(pulls: Iterable[Pull]) -> Pull | None:
    """Choose among the pull requests of one branch, the newest first: an open one, else the newest."""
    own = [pull for pull in pulls if not pull.is_cross_repository]
    return next((pull for pull in own if pull.open), own[0] if own else None)


def branch_only(branch: Branch, me: Me) -> Standing:
    """Read a branch that no pull request shows: one that was not opened yet, or somebody else's."""
    target = branch.target
    ledger = target.oid if me.promoted(target) else None
    proposal = Proposal(
        branch.short, _ledger(branch.short), target.oid, ledger, target.message, unopened=ledger is not None
    )
    return Standing(proposal)


def with_pull(name: str, pull: Pull, me: Me, texts: tuple[str, str] | None = None) -> Standing:
    """Read a pull request, open or ended, from the branch of a name."""
    commits = [node.commit for node in pull.commits.nodes]
    own = next((commit for commit in commits if me.promoted(commit)), None) or _pushed_over(pull, me)
    head = next((commit for commit in commits if commit.oid == pull.head_ref_oid), None)
    shown = PullRequest(
        pull.number,
        pull.url,
        pull.state.lower(),
        pull.id,
        pull.base_ref_name,
        ours=me.is_(pull.author),
        merging=_merges(pull, me),
        in_review=_is_in_review(pull),
        conflicts=pull.open and pull.mergeable == "CONFLICTING",
        clean=pull.clean,
        opened=pull.created_at,
        labels=tuple(label.name.lower() for label in pull.labels.nodes) if pull.labels else (),
        status=me.status(head) if head else None,
        commits=_changes(pull, me),
        files=_files(pull),
        texts=texts,
    )
    message = own.message if own else head.message if head else ""
    proposal = Proposal(
        name, _ledger(name), pull.head_ref_oid if pull.open else None, own.oid if own else None, message, shown
    )
    return Standing(proposal, pull, shown.status or _told(pull, own, me))


def _ledger(name: str) -> str:
    """Name the ref that would be our memory without a forge: reports name it."""
    return LEDGERS + f"refs/heads/{name}".removeprefix(BRANCHES)


def _pushed_over(pull: Pull, me: Me) -> Commit | None:
    """Find our commit where somebody has put something else in its place."""
    before = [event.before_commit for event in pull.forced.nodes if event.before_commit]
    return next((commit for commit in reversed(before) if me.promoted(commit)), None)


def _told(pull: Pull, own: Commit | None, me: Me) -> Status | None:
    """Find our status where the head has none: on our own commit below it, or on the one that it took the place of."""
    if own is None:
        return None
    before = _pushed_over(pull, me)
    stays = before is not None and target(before.message) == target(own.message)
    return me.status(own) or (me.status(before) if before and stays else None)


def target(message: str) -> str:
    """Tell which version the marker in a commit's message proposes."""
    found = _TARGET.search(message)
    return found[1] if found else ""


def _merges(pull: Pull, me: Me) -> bool:
    """Tell whether auto-merge, or the place in the queue, is of our asking."""
    asked, entry = pull.auto_merge_request, pull.merge_queue_entry
    return bool((asked and me.is_(asked.enabled_by)) or (entry and me.is_(entry.enqueuer)))


def _is_in_review(pull: Pull) -> bool:
    reviews = pull.latest_opinionated_reviews.nodes if pull.latest_opinionated_reviews else ()
    return pull.is_in_merge_queue or any(
        review.state == "APPROVED" and review.commit is not None and review.commit.oid == pull.head_ref_oid
        for review in reviews
    )


def _changes(pull: Pull, me: Me) -> tuple[Change, ...]:
    """List the commits. Where there are more than could be listed, the rest stands as one that is not ours."""
    found = [
        Change(one.oid, one.message, tuple(parent.oid for parent in one.parents.nodes), me.made(one))
        for one in (node.commit for node in pull.commits.nodes)
    ]
    if pull.commits.total_count > len(found):
        found.append(Change("", f"more than {MOST} commits", (), ours=False))
    return tuple(found)


def _files(pull: Pull) -> tuple[str, ...]:
    if pull.files is None:
        return ()
    listed = tuple(file.path for file in pull.files.nodes)
    return listed if pull.files.total_count <= len(listed) else (*listed, "...")


def is_merged_with_base(pull: Pull) -> bool:
    """Tell whether base, or something else, was merged into the branch."""
    return any(len(node.commit.parents.nodes) > 1 for node in pull.commits.nodes)
