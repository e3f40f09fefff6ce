"""GitHub's rules, through its API, over real git and in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.twins import documents
from tests.twins.conftest import PIN
from tests.twins.github import Method, Protection, Repository, Ruleset, State
from tests.twins.github.refusal import Refusal
from tests.twins.hand import BRANCH, ZEROS, builds, look, moves, opened, opens, pinned, timeline, tip

if TYPE_CHECKING:
    from tests.twins.caller import Caller
    from tests.twins.github import Clock, Person, Twin

HEAD = f"refs/heads/{BRANCH}"
DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { id } } }"


def types(answer: dict[str, list[dict[str, object]]]) -> list[tuple[object, object]]:
    return [(error["type"], error["path"]) for error in answer.get("errors", [])]


# --- opening ---------------------------------------------------------------------------------------------------------


def test_one_document_opens_a_pull_request_with_a_signed_commit(robot: Caller, repository: Repository) -> None:
    answer = opens(robot)["data"]

    pull = look(robot, 1)
    commit = answer["commit"]["commit"]
    assert commit["message"] == "Promote\n\nBy robot"
    assert commit["signature"] == {"isValid": True, "wasSignedByGitHub": True}
    assert commit["author"] == {"name": "promoter", "user": {"login": "promoter"}}
    assert (pull["state"], pull["headRefOid"], pull["baseRefOid"]) == ("OPEN", commit["oid"], repository.tip("main"))
    assert [node["commit"]["oid"] for node in pull["commits"]["nodes"]] == [commit["oid"]]
    assert (pull["mergeable"], pull["mergeStateStatus"]) == ("MERGEABLE", "CLEAN")


def test_a_second_opening_fails_field_by_field_and_changes_nothing(robot: Caller, repository: Repository) -> None:
    opens(robot)
    before = repository.store.refs()

    answer = opens(robot, "1.2.0")

    assert types(answer) == [("UNPROCESSABLE", ["ref"]), ("STALE_DATA", ["commit"]), ("UNPROCESSABLE", ["pull"])]
    assert answer["data"] == {"ref": None, "commit": None, "pull": None}
    assert (repository.store.refs(), len(repository.pulls)) == (before, 1)


@pytest.mark.parametrize(
    ("head", "base", "error"),
    [
        pytest.param("gone", "main", {"resource": "PullRequest", "field": "head", "code": "invalid"}, id="no head"),
        pytest.param(BRANCH, "gone", {"resource": "PullRequest", "field": "base", "code": "invalid"}, id="no base"),
        pytest.param(
            BRANCH,
            "main",
            {
                "resource": "PullRequest",
                "code": "custom",
                "message": f"A pull request already exists for fleet:{BRANCH}.",
            },
            id="there is one already",
        ),
        pytest.param(
            "same",
            "main",
            {"resource": "PullRequest", "code": "custom", "message": "No commits between main and same"},
            id="nothing ahead of base",
        ),
    ],
)
def test_an_opening_is_refused(robot: Caller, ada: Person, head: str, base: str, error: dict[str, str]) -> None:
    opened(robot)
    ada.pushes("same", tip(robot))

    answer = robot.send("POST", "pulls", 422, head=head, base=base, title="Again")

    assert (answer["message"], answer["errors"]) == ("Validation Failed", [error])


def test_a_branch_cannot_be_a_folder_of_another(robot: Caller) -> None:
    oid = tip(robot)
    robot.send("POST", "git/refs", 201, ref="refs/heads/a", sha=oid)

    answer = robot.send("POST", "git/refs", 422, ref="refs/heads/a/b", sha=oid)
    again = robot.send("POST", "git/refs", 422, ref="refs/heads/a", sha=oid)

    assert answer["message"] == "Reference update failed"
    assert again["message"] == "Reference already exists"


def test_a_fork_may_propose_with_any_branch_name(robot: Caller, twin: Twin, repository: Repository) -> None:
    opened(robot)
    mallory = twin.person("mallory", repository, "read").forks()
    mallory.commits({PIN: pinned("6.6.6")})
    mallory.pushes(BRANCH, mallory.repository.tip("main") or "")

    mallory.opens(BRANCH, title="Promote vault")

    pull = look(robot, 2)
    assert pull["isCrossRepository"]
    assert pull["headRepository"]["nameWithOwner"] == "mallory/production"
    assert (pull["headRefName"], pull["author"]["login"]) == (BRANCH, "mallory")
    assert [found["number"] for found in robot.get(f"pulls?head=fleet:{BRANCH}")] == [1]
    assert [found["number"] for found in robot.get(f"pulls?head=mallory:{BRANCH}")] == [2]
    assert len(robot.get(f"pulls?head={BRANCH}")) == 2, "without an owner the filter is ignored"


# --- a branch that moves ---------------------------------------------------------------------------------------------


def test_an_open_pull_request_follows_its_branch(robot: Caller, ada: Person, repository: Repository) -> None:
    opened(robot)
    old, base = tip(robot, BRANCH), ada.commits({"other": "x\n"})
    new = builds(robot, "1.2.0", base)

    answer = moves(robot, {"name": HEAD, "beforeOid": old, "afterOid": new, "force": True})

    pull = look(robot, 1)
    assert "errors" not in answer
    assert (pull["state"], pull["headRefOid"], pull["baseRefOid"]) == ("OPEN", new, base)
    assert timeline(robot, 1) == ["HeadRefForcePushedEvent promoter"]


@pytest.mark.parametrize(
    ("before", "force", "kind"),
    [
        pytest.param(ZEROS, True, "STALE_DATA", id="expected not to exist"),
        pytest.param("1" * 40, True, "STALE_DATA", id="expected elsewhere"),
        pytest.param(None, False, "UNPROCESSABLE", id="no fast forward, not forced"),
    ],
)
def test_refs_move_only_from_where_they_are_expected(
    robot: Caller, repository: Repository, before: str | None, force: bool, kind: str
) -> None:
    opened(robot)
    base = tip(robot)
    refs = repository.store.refs()
    changes = {"beforeOid": before, "afterOid": builds(robot, "1.2.0", base), "force": force}

    answer = moves(robot, {"name": "refs/heads/new", "beforeOid": ZEROS, "afterOid": base}, {"name": HEAD, **changes})

    assert [error["type"] for error in answer["errors"]] == [kind]
    assert repository.store.refs() == refs, "all or none"


def test_a_head_that_is_reset_to_base_closes_for_good(robot: Caller, repository: Repository) -> None:
    opened(robot)
    base, old = tip(robot), tip(robot, BRANCH)

    robot.send("PATCH", f"git/refs/heads/{BRANCH}", 200, sha=base, force=True)
    assert look(robot, 1)["state"] == "CLOSED"

    moves(robot, {"name": HEAD, "beforeOid": base, "afterOid": builds(robot, "1.2.0", base)})
    answer = robot.send("PATCH", "pulls/1", 422, state="open")

    assert look(robot, 1)["state"] == "CLOSED"
    assert repository.tip(BRANCH) != old
    assert timeline(robot, 1) == ["HeadRefForcePushedEvent promoter", "ClosedEvent promoter"]
    assert "was force-pushed or recreated" in answer["errors"][0]["message"]


def test_a_deleted_head_closes_and_a_recreated_one_reopens(robot: Caller, ada: Person) -> None:
    opened(robot)
    old = tip(robot, BRANCH)

    ada.deletes_branch(BRANCH)
    refused = robot.send("PATCH", "pulls/1", 422, state="open")["errors"][0]["message"]
    ada.pushes(BRANCH, old)
    robot.send("PATCH", "pulls/1", 200, state="open")

    assert refused == f"state cannot be changed. The {BRANCH} branch has been deleted."
    assert timeline(robot, 1) == ["ClosedEvent ada", "ReopenedEvent promoter"]


def test_a_closed_pull_request_whose_branch_was_forced_stays_closed(robot: Caller, ada: Person) -> None:
    opened(robot)
    ada.closes(1)
    ada.force_pushes(BRANCH, {PIN: pinned("1.3.0")})

    answer = robot.send("PATCH", "pulls/1", 422, state="open")

    words = f"state cannot be changed. The {BRANCH} branch was force-pushed or recreated."
    assert answer["errors"][0]["message"] == words


def test_a_base_that_gets_the_head_by_a_push_merges(robot: Caller, ada: Person) -> None:
    opened(robot)

    ada.pushes("main", tip(robot, BRANCH))

    pull = look(robot, 1)
    assert (pull["state"], pull["mergedBy"]["login"]) == ("MERGED", "ada")


def test_a_deleted_base_closes(robot: Caller, ada: Person) -> None:
    opened(robot)
    ada.pushes("next", tip(robot))
    ada.retargets(1, "next")

    ada.deletes_branch("next")

    assert look(robot, 1)["state"] == "CLOSED"


# --- whether it merges -----------------------------------------------------------------------------------------------


def test_nobody_knows_whether_it_merges_until_it_was_asked(robot: Caller, ada: Person) -> None:
    opened(robot)
    ada.commits({PIN: pinned("2.0.0")})

    states = [robot.get("pulls/1")["mergeable_state"] for _ in range(2)]

    assert states == ["unknown", "dirty"]
    assert look(robot, 1)["mergeable"] == "CONFLICTING"
    assert robot.send("PUT", "pulls/1/merge", 405)["message"] == "Pull Request is not mergeable"


@pytest.mark.parametrize(
    ("protection", "expected"),
    [
        pytest.param(Protection(), "clean", id="nothing is asked for"),
        pytest.param(Protection(checks=("ci",)), "blocked", id="a check has not come"),
        pytest.param(Protection(approvals=1), "blocked", id="an approval is missing"),
        pytest.param(Protection(strict=True), "behind", id="base has moved on"),
    ],
)
def test_what_is_in_its_way(
    robot: Caller, ada: Person, repository: Repository, protection: Protection, expected: str
) -> None:
    repository.protections["main"] = protection
    opened(robot)
    ada.commits({"other": "x\n"})

    assert look(robot, 1)["mergeStateStatus"] == expected.upper()


def test_a_check_that_nobody_requires_makes_it_unstable(robot: Caller) -> None:
    opened(robot)

    robot.send("POST", f"statuses/{tip(robot, BRANCH)}", 201, state="pending", context="promotion/evidence")

    assert look(robot, 1)["mergeStateStatus"] == "UNSTABLE"
    assert robot.get(f"commits/{BRANCH}/status")["state"] == "pending"


# --- merging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_a_person_merges(robot: Caller, ada: Person, repository: Repository, method: str) -> None:
    opened(robot)
    head, base = tip(robot, BRANCH), ada.commits({"other": "x\n"})

    oid = ada.merges(1, method)

    pull = look(robot, 1)
    commit = repository.store.commit(oid)
    assert (pull["state"], pull["merged"], pull["mergeCommit"]["oid"]) == ("MERGED", True, tip(robot))
    assert commit.parents == ((base, head) if method == "merge" else (base,))
    assert repository.store.blob(repository.store.files(commit.tree)[PIN].oid).decode() == pinned("1.1.0")
    assert "other" in repository.store.files(commit.tree)
    assert (
        commit.message
        == {
            "merge": f"Merge pull request #1 from fleet/{BRANCH}\n\nPromote vault",
            "squash": "Promote (#1)\n\nBy robot\n",
            "rebase": "Promote\n\nBy robot",
        }[method]
    )
    assert timeline(robot, 1) == ["MergedEvent ada", "ClosedEvent ada"]


def test_a_squash_of_several_commits_tells_them_all(robot: Caller, ada: Person, repository: Repository) -> None:
    opened(robot)
    ada.commits({"other": "x\n"}, "More", branch=BRANCH)

    squashed = repository.store.commit(ada.merges(1, "squash"))

    assert squashed.message == "Promote vault (#1)\n\n* Promote\n\nBy robot\n\n* More\n"
    assert (squashed.author.name, squashed.committer.name) == ("promoter", "GitHub")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"sha": "1" * 40}, 409, id="another head than expected"),
        pytest.param({"merge_method": "rebase"}, 405, id="a method that is not allowed"),
        pytest.param({}, 405, id="a check is missing"),
    ],
)
def test_a_merge_is_refused(robot: Caller, repository: Repository, body: dict[str, str], status: int) -> None:
    repository.methods = frozenset({Method.MERGE, Method.SQUASH})
    repository.protections["main"] = Protection(checks=("ci",))
    opened(robot)

    robot.send("PUT", "pulls/1/merge", status, **body)

    assert repository.pulls[1].open


def test_a_merged_head_is_deleted_where_the_repository_wants_it(
    robot: Caller, ada: Person, repository: Repository
) -> None:
    repository.delete_branch_on_merge = True
    opened(robot)

    ada.merges(1)

    assert list(repository.store.refs()) == ["refs/heads/main"]
    robot.send("DELETE", f"git/refs/heads/{BRANCH}", 422)


def test_update_branch_brings_base_in(robot: Caller, ada: Person, repository: Repository) -> None:
    opened(robot)
    head, base = tip(robot, BRANCH), ada.commits({"other": "x\n"})

    robot.send("PUT", "pulls/1/update-branch", 422, expected_head_sha=base)
    ada.updates_branch(1)
    robot.send("PUT", "pulls/1/update-branch", 422)

    assert repository.store.commit(tip(robot, BRANCH)).parents == (head, base)
    assert look(robot, 1)["baseRefOid"] == base


# --- auto-merge ------------------------------------------------------------------------------------------------------


def test_auto_merge_waits_for_all_that_is_required(
    robot: Caller, ada: Person, repository: Repository, clock: Clock
) -> None:
    repository.protections["main"] = Protection(checks=("ci",), approvals=1)
    opened(robot)
    pull = look(robot, 1)
    armed = robot.data(documents.ARM, id=pull["id"], head=pull["headRefOid"])["enablePullRequestAutoMerge"]
    assert armed["pullRequest"]["autoMergeRequest"] == {"mergeMethod": "SQUASH", "enabledBy": {"login": "promoter"}}

    clock.advance(60)
    ada.reports(1, "ci")
    assert look(robot, 1)["state"] == "OPEN"
    ada.approves(1)

    merged = repository.pulls[1].merged
    assert merged
    assert (merged.head, merged.automatic, merged.by.login) == (pull["headRefOid"], True, "promoter")
    assert merged.at == clock.now


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        pytest.param("clean", "is in clean status", id="nothing to wait for"),
        pytest.param("unstable", "is in unstable status", id="an unrequired check pends"),
        pytest.param(
            "forbidden", "Auto merge is not allowed for this repository", id="the repository does not allow it"
        ),
        pytest.param("draft", "draft", id="a draft"),
        pytest.param("moved", "Head branch was modified", id="another head than expected"),
    ],
)
def test_auto_merge_is_refused(robot: Caller, ada: Person, repository: Repository, setting: str, words: str) -> None:
    opened(robot)
    head = tip(robot, BRANCH)
    if setting == "unstable":
        ada.reports(1, "other", "pending")
    elif setting != "clean":
        repository.protections["main"] = Protection(checks=("ci",))
    if setting == "draft":
        ada.converts_to_draft(1)
    repository.auto_merge_allowed = setting != "forbidden"

    [(kind, message)] = robot.refused(
        documents.ARM, id=look(robot, 1)["id"], head=tip(robot) if setting == "moved" else head
    )

    assert kind == "UNPROCESSABLE"
    assert words in message
    assert look(robot, 1)["autoMergeRequest"] is None


@pytest.mark.parametrize(
    ("verb", "left"),
    [
        pytest.param("commits", True, id="a push by somebody who may write"),
        pytest.param("disables_auto_merge", False, id="somebody turns it off"),
        pytest.param("converts_to_draft", False, id="somebody makes it a draft"),
        pytest.param("closes", False, id="somebody closes it"),
        pytest.param("edits", True, id="somebody edits the title"),
    ],
)
def test_what_auto_merge_survives(robot: Caller, ada: Person, repository: Repository, verb: str, left: bool) -> None:
    repository.protections["main"] = Protection(checks=("ci",))
    opened(robot)
    robot.data(documents.ARM, id=look(robot, 1)["id"])

    if verb == "commits":
        ada.commits({"other": "x\n"}, branch=BRANCH)
    elif verb == "edits":
        ada.edits(1, title="Other", body="Words")
    else:
        getattr(ada, verb)(1)

    disabled = "AutoMergeDisabledEvent ada" in timeline(robot, 1)
    assert (repository.pulls[1].auto_merge is not None, disabled) == (left, not left)


def test_turning_auto_merge_off_twice_is_refused(robot: Caller, repository: Repository) -> None:
    repository.protections["main"] = Protection(checks=("ci",))
    opened(robot)
    id_ = look(robot, 1)["id"]
    robot.data(documents.ARM, id=id_)

    robot.data(documents.DISARM, id=id_)

    assert robot.refused(documents.DISARM, id=id_)[0][0] == "UNPROCESSABLE"


def test_a_changed_setting_lets_auto_merge_go_on(robot: Caller, twin: Twin, repository: Repository) -> None:
    repository.protections["main"] = Protection(checks=("ci",))
    opened(robot)
    robot.data(documents.ARM, id=look(robot, 1)["id"])

    repository.protections.clear()
    twin.settle()

    assert repository.pulls[1].state is State.MERGED


def test_auto_merge_ends_when_somebody_pushes_who_may_not_write(
    robot: Caller, ada: Person, twin: Twin, repository: Repository
) -> None:
    repository.protections["main"] = Protection(checks=("ci",))
    mallory = twin.person("mallory", repository, "read").forks()
    mallory.pushes(BRANCH, mallory.repository.tip("main") or "")
    mallory.commits({"one": "x\n"}, branch=BRANCH)
    mallory.opens(BRANCH)
    ada.enables_auto_merge(1)

    mallory.commits({"two": "x\n"}, branch=BRANCH)

    assert repository.pulls[1].auto_merge is None
    assert "AutoMergeDisabledEvent mallory" in timeline(robot, 1)


# --- the queue -------------------------------------------------------------------------------------------------------


@pytest.fixture
def queued(robot: Caller, ada: Person, repository: Repository) -> str:
    """The id of a pull request that auto-merge has put in line."""
    repository.protections["main"] = Protection(checks=("ci",), queue=Method.SQUASH)
    opened(robot)
    id_ = look(robot, 1)["id"]
    robot.data(documents.ARM, id=id_)
    assert look(robot, 1)["isInMergeQueue"] is False
    ada.reports(1, "ci")
    return id_


def test_where_there_is_a_queue_auto_merge_lines_up(
    robot: Caller, twin: Twin, repository: Repository, queued: str
) -> None:
    pull = look(robot, 1)
    assert (pull["isInMergeQueue"], pull["mergeQueueEntry"]["position"]) == (True, 1)
    assert pull["mergeQueueEntry"]["enqueuer"]["login"] == "promoter"
    assert robot.send("PUT", "pulls/1/merge", 405)["message"] == "Changes must be made through the merge queue"

    twin.steps_queue(repository)

    assert look(robot, 1)["state"] == "MERGED"
    assert repository.queue == ()


@pytest.mark.parametrize(
    ("by", "state"),
    [
        pytest.param("push", "OPEN", id="new commits"),
        pytest.param("failure", "OPEN", id="its checks fail in the queue"),
        pytest.param("draft", "OPEN", id="it becomes a draft"),
        pytest.param("dequeue", "OPEN", id="somebody takes it out"),
        pytest.param("retarget", "OPEN", id="another base"),
        pytest.param("close", "CLOSED", id="it is closed"),
    ],
)
def test_what_leaves_the_queue(robot: Caller, ada: Person, queued: str, by: str, state: str) -> None:
    ada.pushes("next", tip(robot))
    {
        "push": lambda: ada.commits({"other": "x\n"}, branch=BRANCH),
        "failure": lambda: ada.twin.steps_queue(ada.repository, passes=False),
        "draft": lambda: ada.converts_to_draft(1),
        "dequeue": lambda: robot.data(DEQUEUE, id=queued),
        "retarget": lambda: ada.retargets(1, "next"),
        "close": lambda: ada.closes(1),
    }[by]()

    pull = look(robot, 1)
    assert (pull["state"], pull["isInMergeQueue"]) == (state, False)
    assert "RemovedFromMergeQueueEvent" in timeline(robot, 1)


def test_what_is_ready_is_enqueued_by_hand(robot: Caller, ada: Person, repository: Repository) -> None:
    document = """
    mutation($id: ID!) { enqueuePullRequest(input: {pullRequestId: $id}) { mergeQueueEntry { position } } }
    """
    opened(robot)
    id_ = look(robot, 1)["id"]
    assert robot.refused(document, id=id_)[0][0] == "UNPROCESSABLE"
    repository.protections["main"] = Protection(checks=("ci",), queue=Method.MERGE)
    assert robot.refused(document, id=id_)[0][0] == "UNPROCESSABLE"
    ada.reports(1, "ci")

    assert robot.data(document, id=id_) == {"enqueuePullRequest": {"mergeQueueEntry": {"position": 1}}}
    assert robot.refused(document, id=id_)[0][0] == "UNPROCESSABLE"


def test_a_conflict_or_a_draft_stops_a_merge_and_update_branch(robot: Caller, ada: Person) -> None:
    opened(robot)
    ada.converts_to_draft(1)
    assert robot.send("PUT", "pulls/1/merge", 405)["message"] == "Pull Request is still a draft"
    ada.marks_ready(1)
    ada.commits({PIN: pinned("2.0.0")})

    answer = robot.send("PUT", "pulls/1/update-branch", 422)

    assert answer["message"] == "merge conflict between base and head"
    assert look(robot, 1)["mergeStateStatus"] == "DIRTY"


def test_a_conflict_leaves_the_queue(robot: Caller, ada: Person, twin: Twin, queued: str) -> None:
    ada.commits({PIN: pinned("2.0.0")})

    twin.steps_queue(ada.repository)

    assert (look(robot, 1)["state"], look(robot, 1)["isInMergeQueue"]) == ("OPEN", False)


def test_auto_merge_that_cannot_rebase_gives_up(robot: Caller, ada: Person, repository: Repository) -> None:
    repository.protections["main"] = Protection(checks=("ci",))
    opened(robot)
    ada.commits({PIN: pinned("3.0.0")}, branch=BRANCH)
    ada.commits({PIN: pinned("2.0.0")}, branch=BRANCH)
    ada.enables_auto_merge(1, "rebase")
    ada.commits({PIN: pinned("2.0.0")})

    ada.reports(1, "ci")

    assert (look(robot, 1)["state"], look(robot, 1)["autoMergeRequest"]) == ("OPEN", None)


# --- reviews and the rest of it --------------------------------------------------------------------------------------


def test_an_approval_names_the_head_that_it_saw(robot: Caller, ada: Person, repository: Repository) -> None:
    repository.protections["main"] = Protection(approvals=1)
    opened(robot)
    seen = tip(robot, BRANCH)

    ada.approves(1)
    ada.commits({"other": "x\n"}, branch=BRANCH)

    pull = look(robot, 1)
    assert pull["reviewDecision"] == "APPROVED"
    assert pull["reviews"]["nodes"] == [{"state": "APPROVED", "author": {"login": "ada"}, "commit": {"oid": seen}}]
    assert pull["headRefOid"] != seen


@pytest.mark.parametrize(
    ("verb", "decision"),
    [
        pytest.param("dismisses_reviews", "REVIEW_REQUIRED", id="dismissed by hand"),
        pytest.param("requests_changes", "CHANGES_REQUESTED", id="thought better of"),
        pytest.param("push", "REVIEW_REQUIRED", id="stale after a push"),
    ],
)
def test_an_approval_can_be_lost(robot: Caller, ada: Person, repository: Repository, verb: str, decision: str) -> None:
    repository.protections["main"] = Protection(approvals=1, dismiss_stale=True)
    opened(robot)
    ada.approves(1)
    assert look(robot, 1)["reviewDecision"] == "APPROVED"

    if verb == "push":
        ada.commits({"other": "x\n"}, branch=BRANCH)
    else:
        getattr(ada, verb)(1)

    assert look(robot, 1)["reviewDecision"] == decision


def test_nobody_approves_their_own(robot: Caller, twin: Twin, repository: Repository) -> None:
    opened(robot)

    with pytest.raises(Refusal, match="own pull request"):
        twin.person("promoter", repository, "write").approves(1)


def test_labels_reviewers_assignees_and_comments_are_kept(robot: Caller, twin: Twin, repository: Repository) -> None:
    opened(robot)
    twin.person("bob", repository, "write")
    twin.team(repository, "platform")

    robot.send("POST", "issues/1/assignees", 201, assignees=["bob", "nobody"])
    robot.send("POST", "pulls/1/requested_reviewers", 201, reviewers=["bob"], team_reviewers=["platform"])
    robot.call("POST", "issues/1/labels", {"labels": ["promotion", "Promotion"]})
    robot.send("POST", "issues/1/comments", 201, body="Hello")

    pull = look(robot, 1)
    assert [label["name"] for label in pull["labels"]["nodes"]] == ["promotion"]
    assert pull["assignees"]["nodes"] == [{"login": "bob"}]
    assert [node["requestedReviewer"] for node in pull["reviewRequests"]["nodes"]] == [
        {"login": "bob"},
        {"slug": "platform"},
    ]
    assert pull["comments"]["nodes"] == [{"body": "Hello", "author": {"login": "promoter"}}]
    robot.send("POST", "pulls/1/requested_reviewers", 422, reviewers=["nobody"])
    robot.send("POST", "pulls/1/requested_reviewers", 422, reviewers=["promoter"])


FINISH = """
mutation($id: ID!, $label: ID!, $user: ID!, $team: ID!) {
  addLabelsToLabelable(input: {labelableId: $id, labelIds: [$label]}) { clientMutationId }
  requestReviews(input: {pullRequestId: $id, userIds: [$user], teamIds: [$team], union: true}) { clientMutationId }
  addAssigneesToAssignable(input: {assignableId: $id, assigneeIds: [$user]}) { clientMutationId }
  addComment(input: {subjectId: $id, body: "Hi"}) { commentEdge { node { body } } }
  updatePullRequest(input: {pullRequestId: $id, title: "New", body: "Text"}) { pullRequest { title body } }
  convertPullRequestToDraft(input: {pullRequestId: $id}) { pullRequest { isDraft } }
  closePullRequest(input: {pullRequestId: $id}) { pullRequest { state } }
  reopenPullRequest(input: {pullRequestId: $id}) { pullRequest { state } }
  markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } }
  removeLabelsFromLabelable(input: {labelableId: $id, labelIds: [$label]}) {
    labelable { labels(first: 1) { totalCount } }
  }
}
"""


def test_one_document_does_all_the_rest(robot: Caller, ada: Person, twin: Twin, repository: Repository) -> None:
    opened(robot)
    bob, team = twin.person("bob", repository, "write"), twin.team(repository, "platform")
    ada.labels(1, "other", "promotion")
    ada.unlabels(1, "promotion")
    document = 'query { repository(owner: "fleet", name: "production") { label(name: "Promotion") { id } } }'
    label = robot.data(document)["repository"]["label"]["id"]

    answer = robot.data(FINISH, id=look(robot, 1)["id"], label=label, user=bob.account.id, team=team.id)

    assert answer["updatePullRequest"]["pullRequest"] == {"title": "New", "body": "Text"}
    assert answer["reopenPullRequest"]["pullRequest"] == {"state": "OPEN"}
    assert answer["removeLabelsFromLabelable"]["labelable"]["labels"]["totalCount"] == 1
    assert timeline(robot, 1) == [
        "RenamedTitleEvent", "ConvertToDraftEvent", "ClosedEvent promoter", "ReopenedEvent promoter"
    ]  # fmt: skip


# --- what is forbidden -----------------------------------------------------------------------------------------------


def test_an_archived_repository_is_read_only(robot: Caller, repository: Repository) -> None:
    opened(robot)
    repository.archived = True

    assert [kind for kind, _ in types(opens(robot, branch="other"))] == ["FORBIDDEN", "FORBIDDEN", "UNPROCESSABLE"]
    assert robot.send("PATCH", "pulls/1", 403, title="New")["message"] == "Repository was archived so is read-only."
    assert look(robot, 1)["title"] == "Promote vault"


def test_a_ruleset_may_refuse_our_branches(robot: Caller, repository: Repository) -> None:
    repository.rulesets = (Ruleset("helm-promotion/", frozenset({"creation"})),)

    answer = robot.send("POST", "git/refs", 422, ref=HEAD, sha=tip(robot))

    assert answer["message"].startswith("Repository rule violations found")
    robot.send("POST", "git/refs", 201, ref="refs/heads/other", sha=tip(robot))


def test_nobody_but_an_administrator_pushes_to_a_protected_branch(
    robot: Caller, ada: Person, repository: Repository
) -> None:
    repository.protections["main"] = Protection(approvals=1)

    robot.send("PATCH", "git/refs/heads/main", 422, sha=builds(robot, "1.1.0", tip(robot)))

    assert ada.commits({"other": "x\n"}) == tip(robot)
