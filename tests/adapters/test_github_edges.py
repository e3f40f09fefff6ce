"""Rare ways of GitHub: what is refused half-way, what is left over, what is shaped otherwise; and words in a body."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.adapters.github.comments import signed, was_told
from reconciler.core.model import AutoMerge, Manners, MergeMethod
from reconciler.ports import PortError, Refused, Unavailable
from tests.hub import ARMING, BRANCH, Hub, V, online
from tests.twins.github import Method, Protection, Response, Ruleset, State
from tests.twins.github.faults import Crash, asks_for, crash, goes_to
from tests.world import VAULT, manifest, proven, release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OLD, NEW, NEWEST = proven(V, "1.0.0"), proven(V, "1.1.0"), proven(V, "1.2.0", "1.1.0")
FAILED = release(V, ("1.1.0", "Failed"), ("1.0.0", "Succeeded"))
SUSPENDED = proven(V, "1.1.0", suspend=True)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    made = Hub.make(tmp_path)
    made.ada.labels_exist("promotion")
    made.record(NEW)
    return made


@pytest.fixture
def opened(hub: Hub) -> Hub:
    assert hub.turn() == {V: "open"}
    return hub


def message(hub: Hub) -> str:
    """Why the one action of a pass failed."""
    (outcome,) = hub.run().outcomes
    return outcome.message or ""


def changed(change: Callable[[dict[str, object]], None]) -> Callable[[Response | None], Response]:
    """Give an answer that is a little different from the true one."""

    def given_back(response: Response | None) -> Response:
        assert response
        body = response.json()
        change(body)
        return replace(response, body=json.dumps(body).encode())

    return given_back


def refusing(alias: str, kind: str, said: str) -> Callable[[Response | None], Response]:
    """Let GitHub refuse one step of a document, as far as the answer tells."""

    def change(body: dict[str, object]) -> None:
        body["data"][alias] = None  # type: ignore[index]
        body["errors"] = [{"type": kind, "path": [alias], "message": said}]

    return changed(change)


# --- what a crash left, and nobody wants any more --------------------------------------------------------------------


@pytest.mark.parametrize("staging", [SUSPENDED, FAILED], ids=["suspended", "failed"])
def test_a_branch_that_was_never_opened_is_taken_away_when_its_proof_is_gone(
    hub: Hub, staging: dict[str, object]
) -> None:
    hub.twin.faults.before(asks_for("createPullRequest"), crash)
    with pytest.raises(Crash):
        hub.run()
    assert hub.repository.tip(BRANCH)
    hub.record(staging)
    hub.turn()
    assert hub.repository.tip(BRANCH) is None
    assert not hub.repository.pulls
    assert set(hub.turn().values()) <= {"suspended", "tests-failed"}


def test_a_branch_that_was_never_opened_is_taken_away_when_production_caught_up(hub: Hub) -> None:
    hub.twin.faults.before(asks_for("createPullRequest"), crash)
    with pytest.raises(Crash):
        hub.run()
    hub.ada.commits({VAULT: manifest(V, "1.1.0")})
    assert [hub.turn(), hub.turn()] == [{V: "close"}, {V: "in sync"}]
    assert hub.repository.tip(BRANCH) is None


def test_a_scratch_branch_that_a_crash_left_is_taken_away_with_the_promotion(opened: Hub) -> None:
    opened.record(NEWEST)
    opened.twin.faults.after(asks_for("createCommitOnBranch"), crash)
    with pytest.raises(Crash):
        opened.run()
    assert len(opened.repository.store.refs()) == 3
    opened.ada.commits({VAULT: manifest(V, "1.2.0")})
    opened.turn()
    assert list(opened.repository.store.refs()) == ["refs/heads/main"]


# --- what is refused half-way ----------------------------------------------------------------------------------------


def test_a_rule_against_moving_our_branch_is_told_and_nothing_is_left(opened: Hub) -> None:
    opened.record(NEWEST)
    opened.repository.rulesets = (Ruleset("helm-promotion/", rules=frozenset({"update"})),)
    assert message(opened).startswith("a rule of fleet/production stands against our branches")
    assert sorted(opened.repository.store.refs()) == [f"refs/heads/{BRANCH}", "refs/heads/main"]
    assert (opened.pull.title, opened.pull.auto_merge) == ("Promote vault release to v1.1.0", None)


def test_a_rule_against_scratch_branches_is_told(opened: Hub) -> None:
    opened.record(NEWEST)
    opened.repository.rulesets = (Ruleset("helm-promotion-scratch/"),)
    assert message(opened).startswith("a rule of fleet/production stands against our branches")


def test_a_branch_that_may_not_be_deleted_is_told_and_the_rest_is_done(
    opened: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    opened.repository.rulesets = (Ruleset("helm-promotion/", rules=frozenset({"deletion"})),)
    opened.ada.commits({VAULT: manifest(V, "1.1.0"), "more.md": "x\n"})
    assert opened.turn() == {V: "close"}
    assert opened.pull.state is State.CLOSED
    assert caplog.messages == [f"the branch {BRANCH} could not be deleted; delete it"]
    assert opened.turn() == {V: "in sync"}


def test_a_conversation_that_is_locked_does_not_keep_a_promotion_armed(
    opened: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    opened.record(FAILED)
    opened.twin.faults.after(asks_for("addComment"), refusing("comment", "FORBIDDEN", "the conversation is locked"))
    assert opened.turn() == {V: "disarm"}
    assert opened.status() == "failure tests-failed:"
    assert caplog.messages == [
        "#1 takes no comment: GitHub says the conversation is locked; unlock its conversation",
    ]


def test_a_plan_without_drafts_disarms_all_the_same(opened: Hub, caplog: pytest.LogCaptureFixture) -> None:
    opened.record(FAILED)
    opened.twin.faults.after(
        asks_for("convertPullRequestToDraft"), refusing("draft", "UNPROCESSABLE", "drafts are not supported")
    )
    assert opened.turn() == {V: "disarm"}
    assert opened.pull.auto_merge is None
    assert caplog.messages == ["#1 is no draft: GitHub says drafts are not supported"]


def test_a_plan_without_drafts_opens_all_the_same(hub: Hub) -> None:
    hub.manners = replace(ARMING, draft=True)
    hub.twin.faults.before(
        asks_for("createPullRequest"),
        lambda _: Response(
            200,
            {},
            b'{"data":{"pull":null},"errors":[{"type":"UNPROCESSABLE","path":["pull"],"message":"no drafts here"}]}',
        ),
    )
    assert hub.turn() == {V: "open"}
    assert hub.pull.draft is False


def test_auto_merge_that_cannot_be_taken_off_is_never_called_paused(opened: Hub) -> None:
    opened.record(SUSPENDED)
    opened.twin.faults.before(
        asks_for("disablePullRequestAutoMerge"),
        lambda _: Response(
            200, {}, b'{"data":{"merge":null},"errors":[{"type":"FORBIDDEN","path":["merge"],"message":"you may not"}]}'
        ),
    )
    assert message(opened).startswith("the token in GITHUB_TOKEN may not do this in fleet/production (you may not)")
    assert opened.status() == "success proven"
    assert opened.turn() == {V: "pause"}
    assert opened.pull.auto_merge is None


def test_a_person_who_arms_again_while_it_is_updated_stops_the_push(opened: Hub) -> None:
    opened.record(NEWEST)
    opened.twin.faults.after(
        asks_for("createCommitOnBranch"),
        changed(
            lambda body: body["data"]["commit"]["commit"]["repository"]["pullRequest"].update(  # type: ignore[index]
                autoMergeRequest={"enabledBy": {"__typename": "User", "login": "ada"}}
            )
        ),
    )
    head = opened.pull.head_oid
    assert message(opened) == "#1 is still to be merged by itself; the next pass takes that off again"
    assert opened.pull.head_oid == head


def test_a_pull_request_that_is_merged_while_it_is_updated_is_left_alone(opened: Hub) -> None:
    opened.record(NEWEST)

    def merged() -> None:
        opened.ada.reports(1, "ci")

    opened.twin.faults.before(asks_for("disablePullRequestAutoMerge"), lambda _: merged())
    assert message(opened) == "#1 was changed meanwhile: the next pass looks again"
    assert opened.pull.state is State.MERGED
    assert [opened.turn(), opened.turn()] == [{V: "open"}, {V: "proposed"}]


def test_a_pull_request_that_is_not_known_anywhere_is_dressed_by_the_next_pass(hub: Hub) -> None:
    hub.twin.site.lag.nodes = 3
    for node in (*hub.repository.labels.values(), hub.repository):
        hub.twin.world.keep(node.id, node)
    assert message(hub) == "GitHub does not know #1 everywhere yet; the next pass goes on with it"
    assert hub.slept == [1, 2]
    assert [hub.turn(), hub.turn()] == [{V: "update"}, {V: "proposed"}]
    assert hub.pull.auto_merge


def test_what_policy_no_longer_lets_merge_is_disarmed_and_stays_open(opened: Hub) -> None:
    opened.manners = Manners()
    assert [opened.turn(), opened.turn()] == [{V: "update"}, {V: "proposed"}]
    assert (opened.pull.auto_merge, opened.status()) == (None, "success proven")


def test_a_way_of_merging_that_is_not_allowed_is_told(hub: Hub) -> None:
    hub.repository.protections.clear()
    hub.repository.methods = frozenset({Method.REBASE})
    hub.manners = Manners(auto_merge=AutoMerge(MergeMethod.SQUASH, unprotected=True))
    github = hub.github()
    for _ in range(5):
        hub.turn(github)
    (outcome,) = hub.run(github).outcomes
    assert outcome.message
    assert "not allowed on this repository" in outcome.message


# --- what is shaped otherwise ----------------------------------------------------------------------------------------


def looked(hub: Hub, change: Callable[[dict[str, object]], None]) -> PortError:
    hub.twin.faults.after(asks_for("viewer"), changed(change))
    with online(hub.twin), pytest.raises(PortError) as caught:
        hub.github().observe()
    return caught.value


def test_a_repository_that_was_renamed_is_told(hub: Hub) -> None:
    error = looked(hub, lambda body: body["data"]["repository"].update(nameWithOwner="fleet/live"))  # type: ignore[index]
    assert isinstance(error, Refused)
    assert str(error) == "fleet/production is called fleet/live now; correct repository"


def test_an_error_without_a_type_is_for_the_next_pass(hub: Hub) -> None:
    error = looked(hub, lambda body: body.update(data=None, errors=[{"message": "Something went\nwrong"}]))
    assert isinstance(error, Unavailable)
    assert str(error) == "GitHub could not answer (Something went wrong); the next pass asks again"


def test_what_may_not_be_seen_is_told_and_not_taken_for_nothing(opened: Hub) -> None:
    def hidden(body: dict[str, object]) -> None:
        body["data"]["repository"]["refs"]["nodes"] = [None]  # type: ignore[index]
        body["errors"] = [{"type": "FORBIDDEN", "path": ["repository", "refs", "nodes", 0], "message": "not for you"}]

    error = looked(opened, hidden)
    assert isinstance(error, Refused)
    assert "may not do this in fleet/production (not for you)" in str(error)


def test_who_queued_a_pull_request_need_not_be_seen(opened: Hub) -> None:
    opened.twin.faults.after(
        asks_for("viewer"),
        changed(
            lambda body: body.update(
                errors=[
                    {
                        "type": "FORBIDDEN",
                        "path": ["repository", "refs", "nodes", 0, "mergeQueueEntry"],
                        "message": "no",
                    }
                ]
            )
        ),
    )
    assert opened.turn() == {V: "proposed"}


def test_a_repository_without_any_commit_is_told(hub: Hub) -> None:
    hub.twin.faults.before(goes_to("GET", "/commits/heads/main"), lambda _: Response(409, {}, b'{"message":"empty"}'))
    with online(hub.twin), pytest.raises(Refused, match='branch "main" does not exist in fleet/production'):
        hub.github().observe()


def test_a_server_that_breaks_in_an_unknown_way_is_for_the_next_pass(hub: Hub) -> None:
    hub.twin.faults.before(1, lambda _: Response(418, {}, b"teapot"))
    with (
        online(hub.twin),
        pytest.raises(Unavailable, match="GitHub answered with status 418; the next pass asks again"),
    ):
        hub.github().observe()


def test_an_address_that_leads_elsewhere_is_told(hub: Hub) -> None:
    hub.twin.faults.before(1, lambda _: Response(301, {"location": "https://elsewhere.example.com/api/v3/x"}))
    with online(hub.twin), pytest.raises(Refused, match="leads to another address; correct baseUrl"):
        hub.github().observe()


def test_a_forge_that_signs_nothing_is_trusted_for_what_it_commits_itself(opened: Hub) -> None:
    """GitHub Enterprise Server signs only where it was told to."""

    def unsigned(body: dict[str, object]) -> None:
        (branch,) = body["data"]["repository"]["refs"]["nodes"]  # type: ignore[index]
        (pull,) = branch["associatedPullRequests"]["nodes"]
        for commit in (branch["target"], *(node["commit"] for node in pull["commits"]["nodes"])):
            commit["signature"] = None

    opened.twin.faults.after(asks_for("viewer"), changed(unsigned))
    assert opened.turn() == {V: "proposed"}


def test_a_signature_that_is_not_valid_is_not_ours(opened: Hub) -> None:
    def forged(body: dict[str, object]) -> None:
        (branch,) = body["data"]["repository"]["refs"]["nodes"]  # type: ignore[index]
        (pull,) = branch["associatedPullRequests"]["nodes"]
        for node in pull["commits"]["nodes"]:
            node["commit"]["signature"]["isValid"] = False

    opened.twin.faults.after(asks_for("viewer"), changed(forged))
    assert opened.turn() == {V: "foreign"}


def test_a_status_that_somebody_else_sets_under_our_name_counts_for_nothing(opened: Hub) -> None:
    opened.ada.reports(1, "promotion/staging-evidence", "error")
    assert opened.turn() == {V: "update"}
    assert opened.status() == "success proven"
    assert opened.turn() == {V: "proposed"}


def test_a_queue_that_merges_is_left_with_its_place_when_nothing_changes(opened: Hub) -> None:
    opened.repository.protections["main"] = Protection(checks=("ci",), queue=Method.SQUASH)
    opened.ada.reports(1, "ci")
    assert [opened.turn(), opened.turn()] == [{V: "proposed"}, {V: "proposed"}]
    assert len(opened.repository.queue) == 1


# --- words -----------------------------------------------------------------------------------------------------------


def test_a_comment_is_known_by_what_it_tells_of() -> None:
    comment = signed("Not proven any more.", "disarmed 1")
    assert was_told("disarmed 1", ["Hello", comment])
    assert not was_told("disarmed 2", [comment])
    assert not was_told("disarmed 1", [])
