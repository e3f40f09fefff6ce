"""The rules of a pull request's life: opening, editing, closing, reopening, drafts, labels and reviews."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.twins.github.refusal import Refusal, forbidden, invalid, not_found
from tests.twins.github.world import Account, Comment, Event, Label, Pull, Review, State, Status, Team

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.twins.github.world import Act, Repository


@dataclass(frozen=True, slots=True)
class Opening:
    """What a new pull request is asked to be. ``head`` is a branch of ``head_repository``."""

    title: str
    body: str
    head: str
    base: str
    head_repository: Repository
    draft: bool = False


def may(act: Act, right: str) -> None:
    """Refuse who may not, and everybody where the repository is archived."""
    if not act.repository.grants(act.actor, "read"):
        raise not_found(f"Could not resolve to a Repository with the name '{act.repository.full_name}'.")
    if act.repository.archived and right != "read":
        raise forbidden("Repository was archived so is read-only.")
    if not act.repository.grants(act.actor, right):
        raise forbidden(f"{act.actor.login} does not have the correct permissions to execute this")


def open_pull(act: Act, opening: Opening) -> Pull:
    may(act, "read")
    repository, source = act.repository, opening.head_repository
    if not source.grants(act.actor, "write"):
        raise invalid("PullRequest", "head", code="invalid")
    if not opening.title.strip():
        raise invalid("PullRequest", "title", code="missing_field")
    head, base = source.tip(opening.head), repository.tip(opening.base)
    if base is None:
        raise invalid("PullRequest", "base", code="invalid")
    if head is None:
        raise invalid("PullRequest", "head", code="invalid")
    _refuse_unfit(repository, opening, head, base)
    number = 1 + max(repository.pulls, default=0)
    pull = Pull(
        number=number,
        id=act.world.node_id("PR"),
        repository=repository,
        head_repository=source,
        author=act.actor,
        title=opening.title,
        body=opening.body,
        head=opening.head,
        head_oid=head,
        base=opening.base,
        base_oid=base,
        draft=opening.draft,
        created_at=act.now,
        updated_at=act.now,
    )
    repository.pulls[number] = pull
    act.world.keep(pull.id, pull)
    return pull


def _refuse_unfit(repository: Repository, opening: Opening, head: str, base: str) -> None:
    twins = [pull for pull in between(repository, opening.head_repository, opening.head, opening.base) if pull.open]
    if twins:
        name = f"{opening.head_repository.owner.login}:{opening.head}"
        raise invalid("PullRequest", None, f"A pull request already exists for {name}.")
    if repository.store.merge_base(head, base) is None:
        words = f"The {opening.head} branch has no history in common with {opening.base}"
        raise invalid("PullRequest", None, words)
    if not repository.store.log(head, hide=base):
        raise invalid("PullRequest", None, f"No commits between {opening.base} and {opening.head}")


def between(repository: Repository, source: Repository, head: str, base: str) -> list[Pull]:
    """Pull requests in a repository from one branch to another, in any state."""
    return [
        pull
        for pull in repository.pulls.values()
        if pull.head_repository is source and (pull.head, pull.base) == (head, base)
    ]


def rename(act: Act, pull: Pull, title: str) -> None:
    _may_edit(act, pull)
    if not title.strip():
        raise invalid("PullRequest", "title", code="missing_field")
    if title != pull.title:
        act.record(pull, "RenamedTitleEvent", previous_title=pull.title, current_title=title)
        pull.title = title


def describe(act: Act, pull: Pull, body: str) -> None:
    _may_edit(act, pull)
    pull.body = body
    pull.updated_at = act.now


def retarget(act: Act, pull: Pull, base: str) -> None:
    """Change the branch that a pull request is to be merged into."""
    _may_edit(act, pull)
    if base == pull.base:
        return
    if not pull.open:
        raise invalid("PullRequest", "base", "Cannot change the base branch of a closed pull request.")
    tip = act.repository.tip(base)
    if tip is None:
        raise invalid("PullRequest", "base", f"Proposed base branch '{base}' was not found", code="invalid")
    if any(other.open for other in between(act.repository, pull.head_repository, pull.head, base)):
        words = f"A pull request already exists for base branch '{base}' and head branch '{pull.head}'"
        raise invalid("PullRequest", "base", words, code="invalid")
    act.record(pull, "BaseRefChangedEvent", previous_ref_name=pull.base, current_ref_name=base)
    pull.base, pull.base_oid = base, tip
    leave_queue(act, pull, "base changed")


def close(act: Act, pull: Pull) -> None:
    _may_edit(act, pull)
    if pull.open:
        close_anyhow(act, pull)


def close_anyhow(act: Act, pull: Pull) -> None:
    """Close a pull request, by the hand of whoever caused it."""
    pull.state, pull.closed_at = State.CLOSED, act.now
    act.record(pull, "ClosedEvent")
    stop_auto_merge(act, pull, "Pull request was closed")
    leave_queue(act, pull, "pull request closed")


def reopen(act: Act, pull: Pull) -> None:
    _may_edit(act, pull)
    if pull.open:
        return
    head, base = pull.head_repository.tip(pull.head), act.repository.tip(pull.base)
    reason = _bar(act, pull, head, base)
    if reason or head is None or base is None:
        raise invalid("PullRequest", "state", f"state cannot be changed. {reason}")
    pull.state, pull.closed_at = State.OPEN, None
    pull.head_oid, pull.base_oid = head, base
    act.record(pull, "ReopenedEvent")


def _bar(act: Act, pull: Pull, head: str | None, base: str | None) -> str:
    """Why a closed pull request cannot be opened again, in GitHub's words."""
    if pull.state is State.MERGED:
        return "The pull request is already merged."
    if head is None or base is None:
        return f"The {pull.base if head else pull.head} branch has been deleted."
    if any(other.open for other in between(act.repository, pull.head_repository, pull.head, pull.base)):
        return f"There is already an open pull request from {pull.head} to {pull.base}."
    if pull.sealed or not act.repository.store.is_ancestor(pull.head_oid, head):
        return f"The {pull.head} branch was force-pushed or recreated."
    if not act.repository.store.log(head, hide=base):
        return f"There are no new commits on the {pull.head} branch."
    return ""


def make_draft(act: Act, pull: Pull) -> None:
    """Convert to a draft. GitHub takes auto-merge off with it, and takes it out of the queue."""
    _may_edit(act, pull)
    if not pull.open:
        raise Refusal("Pull request is closed")
    if pull.draft:
        return
    pull.draft = True
    act.record(pull, "ConvertToDraftEvent")
    stop_auto_merge(act, pull, "Pull request was converted to draft")
    leave_queue(act, pull, "converted to draft")


def make_ready(act: Act, pull: Pull) -> None:
    _may_edit(act, pull)
    if not pull.open:
        raise Refusal("Pull request is closed")
    if pull.draft:
        pull.draft = False
        act.record(pull, "ReadyForReviewEvent")


def stop_auto_merge(act: Act, pull: Pull, reason: str) -> None:
    if pull.auto_merge:
        pull.auto_merge = None
        act.record(pull, "AutoMergeDisabledEvent", disabler=act.actor, reason=reason, reason_code=None)


def leave_queue(act: Act, pull: Pull, reason: str) -> None:
    entry = next((entry for entry in act.repository.queue if entry.pull is pull), None)
    if entry:
        act.repository.queue = tuple(other for other in act.repository.queue if other is not entry)
        act.record(pull, "RemovedFromMergeQueueEvent", enqueuer=entry.enqueuer, reason=reason)


def make_label(act: Act, name: str) -> Label:
    """Find a label, or make it as REST does when it is first put on something."""
    found = act.repository.labels.get(name.lower())
    if found is None:
        found = Label(act.world.number(), act.world.node_id("LA"), name)
        act.repository.labels[name.lower()] = found
        act.world.keep(found.id, found)
    return found


def label(act: Act, pull: Pull, labels: Iterable[Label]) -> None:
    may(act, "triage")
    for new in labels:
        if new not in pull.labels:
            pull.labels += (new,)
            act.record(pull, "LabeledEvent", label=new)


def unlabel(act: Act, pull: Pull, labels: Iterable[Label]) -> None:
    may(act, "triage")
    for old in labels:
        if old in pull.labels:
            pull.labels = tuple(kept for kept in pull.labels if kept is not old)
            act.record(pull, "UnlabeledEvent", label=old)


def request_reviews(act: Act, pull: Pull, wanted: Iterable[Account | Team]) -> None:
    may(act, "write")
    for reviewer in wanted:
        _refuse_reviewer(act, pull, reviewer)
        if reviewer not in pull.reviewers:
            pull.reviewers += (reviewer,)
            act.record(pull, "ReviewRequestedEvent")


def _refuse_reviewer(act: Act, pull: Pull, reviewer: Account | Team) -> None:
    if reviewer is pull.author:
        raise Refusal("Review cannot be requested from pull request author.")
    known = isinstance(reviewer, Team) or act.repository.grants(reviewer, "read")
    if not known or (isinstance(reviewer, Account) and reviewer.login not in act.repository.rights):
        raise Refusal(not_collaborator(act.repository))


def not_collaborator(repository: Repository) -> str:
    return (
        "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a "
        f"collaborator of the {repository.full_name} repository."
    )


def assign(act: Act, pull: Pull, wanted: Iterable[Account]) -> None:
    """Assign those who can be; GitHub is silent about the others."""
    may(act, "triage")
    for account in wanted:
        if account not in pull.assignees and account.login in act.repository.rights:
            pull.assignees += (account,)
            act.record(pull, "AssignedEvent", assignee=account)


def comment(act: Act, pull: Pull, body: str) -> Comment:
    may(act, "read")
    if not body.strip():
        raise invalid("IssueComment", "body", code="missing_field")
    made = Comment(act.world.number(), act.world.node_id("IC"), act.actor, body, act.now)
    pull.comments += (made,)
    pull.events += (Event(made.id, "IssueComment", act.actor, act.now, {"author": act.actor, "body": body}),)
    pull.updated_at = act.now
    return made


def review(act: Act, pull: Pull, state: str, body: str = "") -> None:
    may(act, "read")
    if act.actor is pull.author and state != "COMMENTED":
        raise Refusal("Can not approve your own pull request")
    made = Review(act.world.node_id("PRR"), act.actor, state, pull.head_oid, act.now, body)
    pull.reviews += (made,)
    pull.reviewers = tuple(reviewer for reviewer in pull.reviewers if reviewer is not act.actor)
    pull.updated_at = act.now


def dismiss(act: Act, pull: Pull, *, states: tuple[str, ...] = ("APPROVED", "CHANGES_REQUESTED")) -> None:
    """Dismiss every review that counts."""
    for old in pull.reviews:
        if old.state in states:
            gone = Review(old.id, old.author, "DISMISSED", old.oid, old.submitted_at, old.body)
            pull.reviews = tuple(gone if kept is old else kept for kept in pull.reviews)
            act.record(pull, "ReviewDismissedEvent", previous_review_state=old.state)


def verdicts(pull: Pull) -> dict[str, Review]:
    """The newest review of each reviewer that says yes or no, or was dismissed."""
    return {review.author.login: review for review in pull.reviews if review.state != "COMMENTED"}


def report_status(act: Act, oid: str, context: str, state: str, texts: tuple[str | None, str | None]) -> Status:
    """Set a commit status; ``texts`` are description and target URL."""
    may(act, "write")
    if len(act.repository.statuses.get(oid, ())) >= 1000:
        raise invalid("Status", None, "This SHA and context has reached the maximum number of statuses.")
    numbered = (act.world.number(), act.world.node_id("SC"))
    status = Status(*numbered, context, state, *texts, creator=act.actor, created_at=act.now)
    act.repository.statuses[oid] = (*act.repository.statuses.get(oid, ()), status)
    return status


def _may_edit(act: Act, pull: Pull) -> None:
    may(act, "read" if act.actor is pull.author and not act.repository.archived else "triage")
