"""What is written to GitHub: in steps each of which, if it is the last one, leaves what the next pass goes on from.

The commit status comes last wherever something is armed, and first where a pull request is closed: it is the memory of
how a pull request stands. A pull request is never opened, and an open one's branch never moved, but to a commit that
is there already; and a branch is moved only once auto-merge was seen to be off.
"""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.adapters.github import people
from reconciler.adapters.github.comments import signed, was_told
from reconciler.adapters.github.look import target
from reconciler.adapters.github.shapes import (
    BRANCHES,
    CONTEXT,
    SCRATCH,
    Actor,
    AutoMergeRequest,
    Oid,
    Shape,
)
from reconciler.adapters.github.wire import Step
from reconciler.core.pull_request import RETRY, merged
from reconciler.ports import PortError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.adapters.github.look import Standing
    from reconciler.adapters.github.shapes import Pull
    from reconciler.adapters.github.view import View
    from reconciler.adapters.github.wire import Done, Wire
    from reconciler.core.model import Close, Disarm, Manners, Open, Pause, Rearm, Update

_LOG: Final = logging.getLogger(__name__)
_ZEROS: Final = "0" * 40
_MOST: Final = 4
"""The most requests that one action takes, if nothing stands in its way."""
_TRIES: Final = 3
_HEADS: Final = "refs/heads/"
_QUIET: Final = "autoMergeRequest { enabledBy { __typename login } } isInMergeQueue"


Named = dict[str, msgspec.Raw]
"""What of a repository was asked for by alias."""


class _State(Shape, frozen=True):
    """Whether something is to merge a pull request."""

    auto_merge_request: AutoMergeRequest | None = None
    is_in_merge_queue: bool = False

    @property
    def quiet(self) -> bool:
        return self.auto_merge_request is None and not self.is_in_merge_queue


class _Comment(Shape, frozen=True):
    body: str
    author: Actor | None = None


class _Comments(Shape, frozen=True):
    nodes: tuple[_Comment, ...] = ()


class _Told(_State, frozen=True):
    comments: _Comments = _Comments()


class _Node(Shape, frozen=True):
    node: _Told | None = None


class _Committed(Shape, frozen=True):
    commit: Oid


class _Opened(Shape, frozen=True):
    id: str
    number: int
    repository: Named = msgspec.field(default_factory=dict)


class _Creation(Shape, frozen=True):
    pull_request: _Opened


class _Standing(_State, frozen=True):
    state: str = ""
    head_ref_oid: str = ""
    body: str = ""
    repository: Named = msgspec.field(default_factory=dict)


class _OfPull(Shape, frozen=True):
    pull_request: _Standing


class _MadeInRepository(Shape, frozen=True):
    oid: str
    repository: _OfPull


class _Made(Shape, frozen=True):
    commit: _MadeInRepository


class _Looked(Shape, frozen=True):
    repository: _OfPull


class _Tip(Shape, frozen=True):
    target: Oid


class _TipRepository(Shape, frozen=True):
    ref: _Tip | None = None


class _Tips(Shape, frozen=True):
    repository: _TipRepository


@dataclass(frozen=True, slots=True)
class Writing:
    """Carries out actions on one repository, by what one look has seen."""

    wire: Wire
    view: View
    branch: str

    # --- proposing ---

    def open(self, action: Open) -> None:
        """Make a branch with our commit, a pull request from it, and dress it. What a crash left is gone on with."""
        self.wire.budget.write(_MOST)
        proposal = action.subject.proposal
        left = proposal.head if action.stands and proposal else None
        oid = left or self._committed(action.subject.branch, action)
        pull = self._opened(action)
        found = self._people(action.manners, pull.repository)
        self._carry_out(
            [*found.steps(pull.id), *_arming(pull.id, oid, action.manners, draft=action.manners.draft)],
            pull.number,
            action.manners,
        )
        self._status(oid, "success", action.subject.words.status)

    def _committed(self, name: str, action: Open) -> str:
        """Put our commit on the observed base as all that a branch has. No pull request is open from it."""
        head = self.view.branches.get(name)
        steps = [*self._at_base(name, head, action.base), self._commit(name, action, "commit { oid }")]
        done = self.wire.mutate(steps)
        if done.problem("commit"):
            raise self._not_committed(done, name, head)
        return done.payload("commit", _Committed).commit.oid

    def _at_base(self, name: str, head: str | None, base: str) -> list[Step]:
        if head is None:
            wanted = {"repositoryId": self.view.id, "name": _HEADS + name, "oid": base}
            return [Step("ref", "createRef", wanted)]
        return [self._moves("ref", _move(_HEADS + name, head, base))] if head != base else []

    def _not_committed(self, done: Done, name: str, head: str | None) -> PortError:
        """Tell why there is no commit: if the branch is not where it was, somebody else was faster."""
        problem = done.problem("ref") if "ref" not in done.payloads else None
        problem = problem if problem and problem.step == "ref" else done.problem("commit")
        if self._tip(name) not in {head, self.view.base.sha}:
            return Unavailable(f"{name} moved since it was observed: the next pass looks again")
        assert problem is not None  # noqa: S101 - this is asked only where the commit is missing
        return self.wire.problem(problem)

    def _tip(self, name: str) -> str | None:
        document = "query($owner: String!, $name: String!, $ref: String!) { repository(owner: $owner, name: $name) "
        document += "{ ref(qualifiedName: $ref) { target { oid } } } }"
        found, _ = self.wire.query(document, _Tips, **self.view.named, ref=_HEADS + name)
        return found.repository.ref.target.oid if found.repository.ref else None

    def _commit(self, name: str, action: Open | Update | Rearm, shows: str) -> Step:
        """Append our commit to a branch that stands at base. GitHub signs it, and the credential is its author."""
        headline, _, body = action.commit.message.rstrip("\n").partition("\n\n")
        files = [
            {"path": edit.path, "contents": base64.b64encode(edit.after.encode()).decode()} for edit in action.edits
        ]
        wanted = {
            "branch": {"repositoryNameWithOwner": self.wire.repository, "branchName": name},
            "expectedHeadOid": action.base,
            "message": {"headline": headline, "body": body},
            "fileChanges": {"additions": files},
        }
        return Step("commit", "createCommitOnBranch", wanted, shows)

    def _opened(self, action: Open) -> _Opened:
        subject = action.subject
        wanted = {
            "repositoryId": self.view.id,
            "baseRefName": self.branch,
            "headRefName": subject.branch,
            "title": subject.title,
            "body": subject.words.body,
        }
        shows = f"pullRequest {{ id number {_of_repository(action.manners)} }}"
        done = self.wire.mutate([Step("pull", "createPullRequest", {**wanted, "draft": action.manners.draft}, shows)])
        if action.manners.draft and done.problem("pull"):  # not every plan has drafts
            done = self.wire.mutate([Step("pull", "createPullRequest", wanted, shows)])
        problem = done.problem("pull")
        if problem is None:
            return done.payload("pull", _Creation).pull_request
        if problem.type == "UNPROCESSABLE":
            why = f"GitHub opened no pull request from {subject.branch} ({problem.said}); the next pass looks again"
            raise Unavailable(why)
        raise self.wire.problem(problem)

    # --- changing what stands ---

    def rebuild(self, action: Update | Rearm, standing: Standing) -> None:
        """Move an open pull request to a new commit on the observed base, by way of a scratch branch."""
        pull, branch = _open(standing), action.subject.branch
        self.wire.budget.write(_MOST)
        stays = target(standing.proposal.message) == target(action.commit.message)
        made, seen = self._prepared(action, pull, silent=not stays or action.manners.auto_merge is None)
        moves = (_move(_HEADS + branch, pull.head_ref_oid, made), _move(_scratch(branch), made, _ZEROS))
        moved = self.wire.mutate([self._moves("refs", *moves)])
        if problem := moved.problem("refs"):
            self._sweep(branch, made)
            raise self.wire.problem(problem)
        is_anew = standing.told is None or not stays
        steps = [
            *self._words(action, pull, seen, is_anew=is_anew),
            *_without_retry(pull),
            *self._unhidden(pull, standing),
        ]
        if is_anew or (pull.quiet and not _was_armed(standing)):
            steps += _arming(pull.id, made, action.manners, draft=_stays_draft(pull, steps))
        self._carry_out(steps, pull.number, action.manners)
        self._status(made, "success", action.subject.words.status)

    def _prepared(self, action: Update | Rearm, pull: Pull, *, silent: bool) -> tuple[str, _Standing]:
        """Make the new commit beside the branch, and take auto-merge off unless it may merge that one as well."""
        base, scratch = action.base, _scratch(action.subject.branch)
        shows = (
            f"pullRequest(number: {pull.number}) {{ state headRefOid body {_QUIET} {_of_repository(action.manners)} }}"
        )
        shows = f"commit {{ oid repository {{ {shows} }} }}"
        steps = [
            *(_silencing(pull) if silent else ()),
            self._moves("scratch", {"name": scratch, "afterOid": base, "force": True}),
            self._commit(scratch.removeprefix(_HEADS), action, shows),
        ]
        done = self.wire.mutate(steps)
        if done.problem("commit"):
            problem = done.problem("scratch") or done.problem("commit")
            assert problem is not None  # noqa: S101 - as it was asked for
            raise self.wire.problem(problem)
        commit = done.payload("commit", _Made).commit
        seen = commit.repository.pull_request
        if silent and not seen.quiet:
            raise _still_merges(pull)
        if seen.state != "OPEN" or seen.head_ref_oid != pull.head_ref_oid:
            self._sweep(action.subject.branch, commit.oid)
            self._make_up(pull, seen)
            raise Unavailable(f"#{pull.number} was changed meanwhile: the next pass looks again")
        return commit.oid, seen

    def _sweep(self, branch: str, left: str) -> None:
        """Take our scratch branch away, if it is still ours."""
        self.wire.mutate([self._moves("scratch", _move(_scratch(branch), left, _ZEROS))])

    def _make_up(self, pull: Pull, seen: _Standing) -> None:
        """Let the next pass arm again what another process had just armed when we took that off."""
        if seen.state == "OPEN" and not pull.quiet:
            self._status(
                seen.head_ref_oid, "pending", "two processes worked on this at once: the next pass looks again"
            )

    def show(self, action: Update | Rearm, standing: Standing) -> None:
        """Change only what is shown of a pull request whose commit is the right one."""
        pull = _open(standing)
        self.wire.budget.write(_MOST)
        if action.lands:
            self._land(action, pull)
            return
        steps = self._unhidden(pull, standing)
        if standing.proposal.pull_request is None or standing.proposal.pull_request.status is None:
            steps += self._dressing(action, pull, is_anew=standing.told is None)
        if action.manners.auto_merge is None and _is_ours(standing):
            self._silence(pull)
        elif pull.quiet and not _was_armed(standing):
            steps += _arming(pull.id, pull.head_ref_oid, action.manners, draft=_stays_draft(pull, steps))
        self._carry_out(steps, pull.number, action.manners)
        self._status(pull.head_ref_oid, "success", action.subject.words.status)
        if left := self.view.scratches.get(_scratch(action.subject.branch)):
            self._sweep(action.subject.branch, left)

    def _land(self, action: Update | Rearm, pull: Pull) -> None:
        """Merge what has nothing to wait for, at the very head that was looked at."""
        assert action.manners.auto_merge is not None  # noqa: S101 - the plan lands nothing else
        method = action.manners.auto_merge.method.upper()
        wanted = {"pullRequestId": pull.id, "mergeMethod": method, "expectedHeadOid": pull.head_ref_oid}
        done = self.wire.mutate([Step("merge", "mergePullRequest", wanted)])
        if problem := done.problem("merge"):
            raise self.wire.problem(problem)

    def _dressing(self, action: Update | Rearm, pull: Pull, *, is_anew: bool) -> list[Step]:
        """Finish what was opened, or moved, by a pass that was cut short."""
        document = "query($owner: String!, $name: String!, $number: Int!) { repository(owner: $owner, name: $name) "
        document += f"{{ pullRequest(number: $number) {{ state body {_of_repository(action.manners)} }} }} }}"
        found, _ = self.wire.query(document, _Looked, **self.view.named, number=pull.number)
        seen = found.repository.pull_request
        return [*self._words(action, pull, seen, is_anew=is_anew), *_without_retry(pull)]

    def _words(self, action: Update | Rearm, pull: Pull, seen: _Standing, *, is_anew: bool) -> list[Step]:
        """Write our part of the body; for another version the title, labels and people too."""
        words = {"body": merged(seen.body, action.subject.words.body)}
        if not is_anew:
            return [Step("words", "updatePullRequest", {"pullRequestId": pull.id, **words})]
        step = Step("words", "updatePullRequest", {"pullRequestId": pull.id, **words, "title": action.subject.title})
        return [step, *self._people(action.manners, seen.repository).steps(pull.id)]

    def _unhidden(self, pull: Pull, standing: Standing) -> list[Step]:
        """Take a draft back that was made one by us; what people made one stays."""
        was_ours = any(self.view.me.is_(event.actor) for event in pull.drafted.nodes)
        if not pull.is_draft or not was_ours or _was_armed(standing):
            return []
        return [Step("ready", "markPullRequestReadyForReview", {"pullRequestId": pull.id})]

    # --- taking back ---

    def pause(self, action: Pause, standing: Standing) -> None:
        """Take auto-merge off, see that it is, and say why."""
        if standing.pull is None:
            self._delete(action.subject.branch, standing)
            return
        pull = _open(standing)
        self.wire.budget.write(_MOST)
        self._silence(pull)
        self._status(pull.head_ref_oid, "pending", action.subject.words.status)

    def disarm(self, action: Disarm, standing: Standing) -> None:
        """Take auto-merge off, make it a draft where there are any, and tell people once."""
        if standing.pull is None:
            self._delete(action.subject.branch, standing)
            return
        pull = _open(standing)
        self.wire.budget.write(_MOST)
        self._silence(pull, draft=not pull.is_draft)
        self._comment(pull, action.subject.words.comment, _transition("disarmed", standing))
        self._status(pull.head_ref_oid, "failure", action.subject.words.status)

    def close(self, action: Close, standing: Standing) -> None:
        """Say that it is we who close it, then close it and take its branch away."""
        if standing.pull is None:
            self._delete(action.subject.branch, standing)
            return
        pull, words = _open(standing), action.subject.words
        self.wire.budget.write(_MOST)
        told = standing.proposal.pull_request.status if standing.proposal.pull_request else None
        if told is None or (told.conclusion, told.text) != ("error", words.status):
            self._status(pull.head_ref_oid, "error", words.status)
        self._comment(pull, words.comment, f"closed {pull.head_ref_oid[:12]}")
        done = self.wire.mutate([
            Step("close", "closePullRequest", {"pullRequestId": pull.id}),
            *self._removal(action.subject.branch, pull.head_ref_oid),
        ])  # fmt: skip
        if problem := done.problem("close"):
            raise self.wire.problem(problem)
        self._tell_leftover(done, action.subject.branch)

    def _delete(self, branch: str, standing: Standing) -> None:
        """Take a branch away that nobody was shown."""
        self.wire.budget.write()
        done = self.wire.mutate(list(self._removal(branch, standing.proposal.head or _ZEROS)))
        if problem := done.problem("refs"):
            raise self.wire.problem(problem)

    def _removal(self, branch: str, head: str) -> list[Step]:
        moves = [_move(_HEADS + branch, head, _ZEROS)]
        if left := self.view.scratches.get(_scratch(branch)):
            moves.append(_move(_scratch(branch), left, _ZEROS))
        return [self._moves("refs", *moves)]

    def _tell_leftover(self, done: Done, branch: str) -> None:
        if done.problem("refs") and self._tip(branch) is not None:
            _LOG.warning("the branch %s could not be deleted; delete it", branch)

    # --- single steps ---

    def _moves(self, name: str, *moves: dict[str, object]) -> Step:
        return Step(name, "updateRefs", {"repositoryId": self.view.id, "refUpdates": moves})

    def _silence(self, pull: Pull, *, draft: bool = False) -> None:
        """Take auto-merge off and out of the queue, and see that nothing is to merge it any more."""
        steps = _silencing(pull)
        if draft:
            steps.append(Step("draft", "convertPullRequestToDraft", {"pullRequestId": pull.id}))
        if not steps:
            return
        done = self.wire.mutate(steps)
        if draft and (problem := done.problem("draft")):
            _LOG.warning("#%s is no draft: GitHub says %s", pull.number, problem.said)
        if not pull.quiet and not self._looked_at(pull).quiet:
            problem = done.problem("merge") or done.problem("queue")
            raise self.wire.problem(problem) if problem else _still_merges(pull)

    def _looked_at(self, pull: Pull) -> _Told:
        shown = f"{_QUIET} comments(last: 100) {{ nodes {{ body author {{ __typename login }} }} }}"
        document = f"query($id: ID!) {{ node(id: $id) {{ ... on PullRequest {{ {shown} }} }} }}"
        found, _ = self.wire.query(document, _Node, id=pull.id)
        if found.node is None:
            raise Unavailable(f"#{pull.number} cannot be looked at now; the next pass looks again")
        return found.node

    def _comment(self, pull: Pull, text: str, transition: str) -> None:
        """Write a comment, unless a pass that was cut short has written it."""
        if not text:
            return
        ours = [one.body for one in self._looked_at(pull).comments.nodes if self.view.me.is_(one.author)]
        if was_told(transition, ours):
            return
        done = self.wire.mutate(
            [Step("comment", "addComment", {"subjectId": pull.id, "body": signed(text, transition)})]
        )
        if problem := done.problem("comment"):
            _LOG.warning("#%s takes no comment: GitHub says %s; unlock its conversation", pull.number, problem.said)

    def _status(self, oid: str, conclusion: str, text: str) -> None:
        self.wire.post(f"/statuses/{oid}", {"state": conclusion, "context": CONTEXT, "description": text})

    def _people(self, manners: Manners, answer: Named) -> people.Found:
        found = people.found(manners, answer, self.view.me)
        for missing in found.missing:
            _LOG.warning(
                "%s does not exist in %s and is left out; make it, or correct pullRequest",
                missing,
                self.wire.repository,
            )
        return found

    def _carry_out(self, steps: Sequence[Step], number: int, manners: Manners) -> None:
        """Carry out steps that are not worth failing for, and warn of those that could not be.

        A pull request that was just made may not be known everywhere yet; only what failed for that is tried again.
        """
        for attempt in range(1, _TRIES + 1):
            if not steps:
                return
            done = self.wire.mutate(steps)
            failed = [(step, problem) for step in steps if (problem := done.problem(step.name))]
            steps = [step for step, problem in failed if problem.type == "NOT_FOUND"]
            for step, problem in failed:
                if problem.type != "NOT_FOUND" and not (step.name == "merge" and manners.lands):
                    _warn(step, number, problem.said)
            if steps and attempt < _TRIES:
                self.wire.sleep(attempt)
        if steps:
            raise Unavailable(f"GitHub does not know #{number} everywhere yet; the next pass goes on with it")


def _warn(step: Step, number: int, said: str) -> None:
    cures = {
        "merge": "let the repository allow auto-merge and its branch require something, or set autoMerge.unprotected",
        "reviewers": "correct reviewers and teamReviewers, or give them access",
    }
    cure = cures.get(step.name, "look at what the credential may do")
    _LOG.warning("#%s: GitHub refused %s (%s); %s", number, step.field, said, cure)


def _of_repository(manners: Manners) -> str:
    """Say what to select of a pull request to find labels and people by their names."""
    asked = people.wanted(manners)
    return f"repository {{ {asked} }}" if asked else ""


def _arming(pull: str, oid: str, manners: Manners, *, draft: bool = False) -> list[Step]:
    """Ask GitHub to merge at one head. It takes no draft: whoever makes that ready merges it."""
    if manners.auto_merge is None or draft:
        return []
    wanted = {"pullRequestId": pull, "mergeMethod": manners.auto_merge.method.upper(), "expectedHeadOid": oid}
    return [Step("merge", "enablePullRequestAutoMerge", wanted)]


def _stays_draft(pull: Pull, steps: Sequence[Step]) -> bool:
    return pull.is_draft and all(step.name != "ready" for step in steps)


def _silencing(pull: Pull) -> list[Step]:
    steps = []
    if pull.is_in_merge_queue:
        steps.append(Step("queue", "dequeuePullRequest", {"id": pull.id}))
    if pull.auto_merge_request is not None:
        steps.append(Step("merge", "disablePullRequestAutoMerge", {"pullRequestId": pull.id}))
    return steps


def _still_merges(pull: Pull) -> Unavailable:
    return Unavailable(f"#{pull.number} is still to be merged by itself; the next pass takes that off again")


def _without_retry(pull: Pull) -> list[Step]:
    ids = [label.id for label in pull.labels.nodes if label.name.lower() == RETRY] if pull.labels else []
    wanted = {"labelableId": pull.id, "labelIds": ids}
    return [Step("retry", "removeLabelsFromLabelable", wanted)] if ids else []


def _open(standing: Standing) -> Pull:
    if standing.pull is None or not standing.pull.open:
        raise Unavailable(f"{standing.proposal.branch} has no open pull request any more: the next pass looks again")
    return standing.pull


def _is_ours(standing: Standing) -> bool:
    """Tell whether what is to merge a pull request was asked for by us."""
    return standing.proposal.pull_request is not None and standing.proposal.pull_request.merging


def _was_armed(standing: Standing) -> bool:
    return standing.told is not None and standing.told.conclusion == "success"


def _transition(word: str, standing: Standing) -> str:
    """Name a change of state by what it ends: the status that stood until then."""
    shown = standing.proposal.pull_request
    since = shown.status.at.isoformat() if shown and shown.status else "the beginning"
    return f"{word} {(standing.proposal.head or '')[:12]} since {since}"


def _scratch(branch: str) -> str:
    return SCRATCH + f"{_HEADS}{branch}".removeprefix(BRANCHES)


def _move(name: str, before: str, after: str) -> dict[str, object]:
    """One ref from where it must be; zeros delete it."""
    return {"name": name, "beforeOid": before, "afterOid": after, "force": True}
