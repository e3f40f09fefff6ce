"""The life of a pull request on GitHub: what people, checks and staging do to it, and what a pass makes of that.

Every story ends with a pass of a process that has just started and finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import AutoMerge, MergeMethod
from tests.hub import ARMING, BRANCH, Hub, V
from tests.twins.github import Method, Protection, State
from tests.twins.github.objects import File
from tests.world import VAULT, manifest, proven, release

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.adapters.github import GitHub

OLD, NEW, NEWEST = proven(V, "1.0.0"), proven(V, "1.1.0"), proven(V, "1.2.0", "1.1.0")
MAJOR = proven(V, "2.0.0", "1.1.0")
FAILED = release(V, ("1.1.0", "Failed"), ("1.0.0", "Succeeded"))
SUSPENDED = proven(V, "1.1.0", suspend=True)
REVERTED = {VAULT: manifest(V, "1.0.0")}


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    made = Hub.make(tmp_path)
    made.ada.labels_exist("promotion")
    made.ada.pushes("next", str(made.repository.tip("main")))
    made.record(NEW)
    return made


@pytest.fixture
def opened(hub: Hub) -> Hub:
    """A world where 1.1.0 is proposed, and armed."""
    assert hub.turn() == {V: "open"}
    return hub


def text_at(hub: Hub, ref: str) -> str:
    tip = hub.repository.tip(ref)
    assert tip
    store = hub.repository.store
    found = store.at(store.commit(tip).tree, VAULT)
    assert found
    return store.blob(found.oid).decode()


def settled(hub: Hub, answer: str) -> None:
    """The next passes, each of a new process, answer so and write nothing."""
    before = (hub.repository.store.refs(), [vars_of(pull) for pull in hub.repository.pulls.values()])
    for _ in range(2):
        hub.asked()
        assert hub.turn() == {V: answer}
        assert [seen for seen in hub.asked() if seen.mutating] == []
    assert before == (hub.repository.store.refs(), [vars_of(pull) for pull in hub.repository.pulls.values()])


def vars_of(pull: object) -> dict[str, object]:
    return {name: getattr(pull, name) for name in pull.__slots__ if name != "asked"}  # type: ignore[attr-defined]


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_proven_version_is_opened_armed_and_signed(opened: Hub) -> None:
    pull, store = opened.pull, opened.repository.store
    commit = store.commit(pull.head_oid)

    assert (pull.state, pull.title, pull.head, pull.base) == (
        State.OPEN,
        "Promote vault release to v1.1.0",
        BRANCH,
        "main",
    )
    assert (commit.signed, commit.parents) == (True, (opened.repository.tip("main"),))
    assert text_at(opened, BRANCH) == manifest(V, "1.1.0")
    assert [label.name for label in pull.labels] == ["promotion"]
    assert pull.auto_merge
    assert (pull.auto_merge.method, pull.auto_merge.enabled_by.login) == (Method.SQUASH, "promoter")
    assert opened.status() == "success proven"
    settled(opened, "proposed")


def test_it_merges_by_itself_once_its_checks_have_passed(opened: Hub) -> None:
    opened.ada.reports(1, "ci")
    assert opened.pull.state is State.MERGED
    assert text_at(opened, "main") == manifest(V, "1.1.0")
    settled(opened, "in sync")


# --- stories ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """What the newest pull request shows: its state, our status, the version on its branch (None: no branch)."""

    state: str = "open"
    status: str = "success proven"
    version: str | None = "1.1.0"
    merging: bool = True
    draft: bool = False
    number: int = 1


def shown(hub: Hub) -> Shown:
    ours = [pull for pull in hub.repository.pulls.values() if pull.author.login == "promoter"]
    pull = ours[-1]
    text = text_at(hub, BRANCH) if hub.repository.tip(BRANCH) else ""
    version = text.partition("version: ")[2].partition("\n")[0] or None
    merging = pull.auto_merge is not None or any(entry.pull is pull for entry in hub.repository.queue)
    return Shown(pull.state.lower(), hub.status(pull), version, merging, pull.draft, pull.number)


Deed = Callable[[Hub], object]


def nothing(_hub: Hub) -> None:
    """Only staging moves."""


def staged(*objects: dict[str, object]) -> Deed:
    return lambda hub: hub.record(*objects)


def passed(hub: Hub) -> object:
    return hub.turn()


def all_of(*deeds: Deed) -> Deed:
    def do(hub: Hub) -> None:
        for deed in deeds:
            deed(hub)

    return do


def merges(method: str) -> Deed:
    return all_of(lambda hub: hub.ada.reports(1, "ci")) if method == "auto" else lambda hub: by_hand(hub, method)


def by_hand(hub: Hub, method: str) -> None:
    hub.ada.disables_auto_merge(1)
    hub.ada.reports(1, "ci")
    hub.ada.merges(1, method)


def base_moves(hub: Hub) -> None:
    hub.ada.commits({"other.md": "moved\n"})


def same_line(hub: Hub) -> None:
    """Base changes the very line that is promoted, so that the branch conflicts."""
    hub.ada.commits({VAULT: manifest(V, "1.0.5")})


def moved_back(hub: Hub) -> None:
    hub.ada.commits({VAULT: manifest(V, "0.9.0")})


def sixty_others_move(hub: Hub) -> None:
    for number in range(60):
        name = f"feature/{number}"
        tip = hub.repository.tip("main")
        assert tip
        hub.ada.pushes(name, tip)
        hub.ada.commits({f"docs/{number}.md": "text\n"}, branch=name)
        hub.ada.opens(name)


def reverted(hub: Hub) -> None:
    hub.ada.reports(1, "ci")
    assert hub.pull.state is State.MERGED
    hub.ada.commits(REVERTED, "Revert")


def fork_with_our_name(hub: Hub) -> None:
    mallory = hub.twin.person("mallory", hub.repository, "read").forks()
    mallory.pushes(BRANCH, str(mallory.repository.tip("main")))
    mallory.commits({VAULT: manifest(V, "6.6.6")}, "Promote\n\nHelm-Promoter-Promotion: home", branch=BRANCH)
    mallory.opens(BRANCH)


def queued(hub: Hub) -> None:
    hub.repository.protections["main"] = Protection(checks=("ci",), queue=Method.SQUASH)
    hub.ada.reports(1, "ci")
    assert hub.repository.queue


def persons_commit(hub: Hub) -> None:
    hub.ada.commits({"more.md": "more\n"}, branch=BRANCH)


def amended_by_the_owner(hub: Hub) -> None:
    """Whoever owns our token amends our commit in a clone, message and all."""
    message = hub.repository.store.commit(hub.pull.head_oid).message
    owner = hub.twin.person("promoter", hub.repository, "write")
    made = owner._commit(str(hub.repository.tip("main")), {VAULT: manifest(V, "1.1.0")}, message)
    owner.pushes(BRANCH, made)


def caught_up(hub: Hub) -> None:
    hub.ada.commits({VAULT: manifest(V, "1.1.0"), "README.md": "By hand\n"})


STORIES = [
    pytest.param(nothing, NEW, "proposed", "proposed", Shown(), id="the same again"),
    pytest.param(nothing, NEWEST, "update", "proposed", Shown(version="1.2.0"), id="a newer version"),
    pytest.param(
        nothing,
        MAJOR,
        "update",
        "proposed",
        Shown(version="2.0.0", merging=False),
        id="a major version is proven while a patch is armed",
    ),
    pytest.param(
        lambda hub: hub.ada.approves(1),
        MAJOR,
        "in-review",
        "in-review",
        Shown(),
        id="a major version is proven while a patch is armed and approved",
    ),
    pytest.param(
        lambda hub: hub.ada.approves(1), NEW, "proposed", "proposed", Shown(), id="approved, and nothing else happens"
    ),
    pytest.param(
        lambda hub: hub.ada.approves(1), NEWEST, "in-review", "in-review", Shown(), id="approved, then a newer version"
    ),
    pytest.param(
        all_of(lambda hub: hub.ada.approves(1), lambda hub: hub.ada.dismisses_reviews(1)),
        NEWEST,
        "update",
        "proposed",
        Shown(version="1.2.0"),
        id="approved and dismissed, then a newer version",
    ),
    pytest.param(queued, NEWEST, "in-review", "in-review", Shown(), id="in the merge queue, then a newer version"),
    pytest.param(
        queued,
        FAILED,
        "disarm",
        "tests-failed",
        Shown(status="failure tests-failed:", merging=False, draft=True),
        id="in the merge queue, and its proof contradicted",
    ),
    pytest.param(
        all_of(queued, lambda hub: hub.twin.steps_queue(hub.repository)),
        NEW,
        "in sync",
        "in sync",
        Shown(state="merged", merging=False),
        id="merged by the queue",
    ),
    pytest.param(
        nothing,
        SUSPENDED,
        "pause",
        "suspended",
        Shown(status="pending suspended:", merging=False),
        id="paused",
    ),
    pytest.param(all_of(staged(SUSPENDED), passed), NEW, "rearm", "proposed", Shown(), id="paused and back"),
    pytest.param(
        nothing,
        FAILED,
        "disarm",
        "tests-failed",
        Shown(status="failure tests-failed:", merging=False, draft=True),
        id="disarmed",
    ),
    pytest.param(all_of(staged(FAILED), passed), NEW, "rearm", "proposed", Shown(), id="disarmed and re-armed"),
    pytest.param(
        all_of(staged(FAILED), passed),
        NEWEST,
        "update",
        "proposed",
        Shown(version="1.2.0"),
        id="disarmed, then a newer version",
    ),
    pytest.param(
        lambda hub: hub.ada.closes(1),
        NEW,
        "rejected",
        "rejected",
        Shown(state="closed", merging=False),
        id="closed by a person",
    ),
    pytest.param(
        all_of(lambda hub: hub.ada.closes(1), lambda hub: hub.ada.deletes_branch(BRANCH)),
        NEW,
        "rejected",
        "rejected",
        Shown(state="closed", merging=False, version=None),
        id="closed by a person who deletes the branch",
    ),
    pytest.param(
        lambda hub: hub.ada.deletes_branch(BRANCH),
        NEW,
        "rejected",
        "rejected",
        Shown(state="closed", merging=False, version=None),
        id="a person deletes the branch",
    ),
    pytest.param(
        all_of(lambda hub: hub.ada.closes(1), lambda hub: hub.ada.labels(1, "promotion/retry")),
        NEW,
        "open",
        "proposed",
        Shown(number=2),
        id="closed by a person, who asks for it once more",
    ),
    pytest.param(
        lambda hub: hub.ada.closes(1),
        NEWEST,
        "open",
        "proposed",
        Shown(number=2, version="1.2.0"),
        id="closed by a person, then a newer version",
    ),
    *(
        pytest.param(
            merges(method),
            NEW,
            "in sync",
            "in sync",
            Shown(state="merged", merging=False),
            id=f"merged by {method}",
        )
        for method in ("squash", "merge", "rebase")
    ),
    pytest.param(
        reverted,
        NEW,
        "reverted",
        "reverted",
        Shown(state="merged", merging=False),
        id="merged and reverted",
    ),
    pytest.param(
        all_of(reverted, sixty_others_move),
        NEW,
        "reverted",
        "reverted",
        Shown(state="merged", merging=False),
        id="merged and reverted while sixty others moved",
    ),
    pytest.param(
        reverted,
        NEWEST,
        "open",
        "proposed",
        Shown(number=2, version="1.2.0"),
        id="merged and reverted, then a newer version",
    ),
    pytest.param(base_moves, NEW, "proposed", "proposed", Shown(), id="base moved"),
    pytest.param(all_of(same_line, passed), NEW, "update", "proposed", Shown(), id="conflict"),
    pytest.param(
        all_of(same_line, passed, lambda hub: hub.ada.approves(1)),
        NEW,
        "in-review",
        "in-review",
        Shown(),
        id="conflict, and approved",
    ),
    pytest.param(
        moved_back,
        NEW,
        "disarm",
        "reverted",
        Shown(status="failure reverted:", merging=False, draft=True),
        id="conflict that is a revert",
    ),
    pytest.param(
        all_of(moved_back, passed, lambda hub: hub.ada.labels(1, "promotion/retry")),
        NEW,
        "update",
        "proposed",
        Shown(merging=False),
        id="conflict that is a revert, and a person asks for it once more: a major bump now",
    ),
    pytest.param(persons_commit, NEW, "edited", "edited", Shown(status="none"), id="a person's commit"),
    pytest.param(
        persons_commit, NEWEST, "edited", "edited", Shown(status="none"), id="a person's commit, then a newer version"
    ),
    pytest.param(
        lambda hub: hub.ada.force_pushes(BRANCH, {VAULT: manifest(V, "1.1.0"), "more.md": "more\n"}),
        NEWEST,
        "edited",
        "edited",
        Shown(status="none"),
        id="a person's force-push",
    ),
    pytest.param(amended_by_the_owner, NEWEST, "edited", "edited", Shown(status="none"), id="the owner's own amend"),
    pytest.param(
        all_of(persons_commit, lambda hub: hub.ada.closes(1), lambda hub: hub.ada.labels(1, "promotion/retry")),
        NEW,
        "open",
        "proposed",
        Shown(number=2),
        id="a person's commit, closed and asked for once more",
    ),
    pytest.param(
        all_of(base_moves, lambda hub: hub.ada.updates_branch(1)),
        NEW,
        "update",
        "proposed",
        Shown(),
        id="the Update-branch button",
    ),
    pytest.param(
        all_of(base_moves, lambda hub: hub.ada.updates_branch(1)),
        NEWEST,
        "update",
        "proposed",
        Shown(version="1.2.0"),
        id="the Update-branch button, then a newer version",
    ),
    pytest.param(
        all_of(base_moves, lambda hub: hub.ada.disables_auto_merge(1), lambda hub: hub.ada.updates_branch(1)),
        NEW,
        "update",
        "proposed",
        Shown(merging=False),
        id="auto-merge taken off by a person, and the Update-branch button",
    ),
    pytest.param(
        all_of(base_moves, lambda hub: hub.ada.updates_branch(1), persons_commit),
        NEW,
        "edited",
        "edited",
        Shown(status="none"),
        id="the Update-branch button, and a person's commit",
    ),
    pytest.param(
        all_of(base_moves, lambda hub: hub.ada.updates_branch(1)),
        SUSPENDED,
        "pause",
        "suspended",
        Shown(status="pending suspended:", merging=False),
        id="the Update-branch button, then paused",
    ),
    pytest.param(
        all_of(staged(SUSPENDED), passed, base_moves, lambda hub: hub.ada.updates_branch(1)),
        NEW,
        "update",
        "proposed",
        Shown(),
        id="paused, the Update-branch button, and back",
    ),
    pytest.param(
        all_of(base_moves, lambda hub: hub.ada.updates_branch(1), staged(SUSPENDED), passed),
        NEW,
        "rearm",
        "proposed",
        Shown(),
        id="the Update-branch button, paused, and back",
    ),
    pytest.param(
        lambda hub: hub.ada.disables_auto_merge(1),
        NEW,
        "proposed",
        "proposed",
        Shown(merging=False),
        id="a person turns auto-merge off",
    ),
    pytest.param(
        lambda hub: hub.ada.disables_auto_merge(1),
        NEWEST,
        "update",
        "proposed",
        Shown(version="1.2.0"),
        id="a person turns auto-merge off, then a newer version",
    ),
    pytest.param(
        all_of(lambda hub: hub.ada.disables_auto_merge(1), same_line, passed),
        NEW,
        "update",
        "proposed",
        Shown(merging=False),
        id="a person turns auto-merge off, and it conflicts",
    ),
    pytest.param(
        lambda hub: hub.ada.converts_to_draft(1),
        NEW,
        "proposed",
        "proposed",
        Shown(merging=False, draft=True),
        id="a person makes it a draft",
    ),
    pytest.param(
        all_of(lambda hub: hub.ada.converts_to_draft(1), staged(FAILED), passed),
        NEW,
        "rearm",
        "proposed",
        Shown(merging=False, draft=True),
        id="a person makes it a draft, disarmed and re-armed",
    ),
    pytest.param(
        all_of(lambda hub: hub.ada.disables_auto_merge(1), lambda hub: hub.ada.retargets(1, "next")),
        NEW,
        "edited",
        "edited",
        Shown(merging=False),
        id="a person retargets it",
    ),
    pytest.param(
        lambda hub: hub.ada.retargets(1, "next"),
        NEW,
        "rejected",
        "rejected",
        Shown(state="merged", merging=False),
        id="a person retargets it to where nothing is required, and auto-merge merges it there",
    ),
    pytest.param(
        lambda hub: hub.ada.labels(1, "promotion/hold"),
        NEW,
        "pause",
        "on-hold",
        Shown(status="pending on-hold:", merging=False),
        id="labelled promotion/hold",
    ),
    pytest.param(
        lambda hub: hub.ada.labels(1, "Promotion/Hold"),
        NEW,
        "pause",
        "on-hold",
        Shown(status="pending on-hold:", merging=False),
        id="labelled in other letters, which GitHub takes for the same",
    ),
    pytest.param(
        all_of(
            lambda hub: hub.ada.labels(1, "promotion/hold"), passed, lambda hub: hub.ada.unlabels(1, "promotion/hold")
        ),
        NEW,
        "rearm",
        "proposed",
        Shown(),
        id="labelled promotion/hold, and the label taken off",
    ),
    pytest.param(
        lambda hub: hub.ada.labels(1, "promotion/retry"),
        NEW,
        "update",
        "proposed",
        Shown(),
        id="labelled promotion/retry",
    ),
    pytest.param(
        caught_up,
        NEW,
        "close",
        "in sync",
        Shown(state="closed", status="error production", version=None, merging=False),
        id="production caught up",
    ),
    pytest.param(
        all_of(caught_up, passed, lambda hub: hub.ada.commits(REVERTED)),
        NEW,
        "reverted",
        "reverted",
        Shown(state="closed", status="error production", version=None, merging=False),
        id="production caught up, and was moved back",
    ),
    pytest.param(
        all_of(caught_up, passed, lambda hub: hub.ada.commits(REVERTED)),
        NEWEST,
        "open",
        "proposed",
        Shown(version="1.2.0", number=2),
        id="production caught up, was moved back, and a newer version",
    ),
    pytest.param(
        lambda hub: hub.twin.person("stale-bot", hub.repository, "triage").closes(1),
        NEW,
        "rejected",
        "rejected",
        Shown(state="closed", merging=False),
        id="closed by a stale bot",
    ),
    pytest.param(
        all_of(lambda hub: hub.ada.closes(1), lambda hub: hub.ada.reopens(1)),
        NEW,
        "proposed",
        "proposed",
        Shown(merging=False),
        id="closed and opened again by a person",
    ),
    pytest.param(
        fork_with_our_name, NEW, "proposed", "proposed", Shown(number=1), id="a fork with our branch and our marker"
    ),
]


@pytest.mark.parametrize(("deed", "staging", "answer", "then", "expected"), STORIES)
def test_the_life_of_a_pull_request(
    opened: Hub, *, deed: Deed, staging: dict[str, object], answer: str, then: str, expected: Shown
) -> None:
    deed(opened)
    opened.record(staging)
    assert opened.turn() == {V: answer}
    settled(opened, then)
    assert shown(opened) == expected


# --- merging by ourselves, and what people are told ------------------------------------------------------------------


@pytest.fixture
def unprotected(hub: Hub) -> Hub:
    """A repository that requires nothing, where we may merge by ourselves."""
    hub.repository.protections.clear()
    hub.manners = replace(ARMING, auto_merge=AutoMerge(MergeMethod.SQUASH, unprotected=True))
    return hub


def turns(hub: Hub, github: GitHub, minutes: int) -> list[str]:
    """What a process answers, minute by minute."""
    return [hub.turn(github)[V] for _ in range(minutes)]


def test_what_has_nothing_to_wait_for_is_merged_by_us_minutes_later(unprotected: Hub) -> None:
    github = unprotected.github()
    assert turns(unprotected, github, 5) == ["open", *["proposed"] * 4]
    assert turns(unprotected, github, 2) == ["update", "in sync"]
    assert unprotected.pull.merged
    assert (unprotected.pull.merged.by.login, unprotected.pull.merged.method) == ("promoter", Method.SQUASH)


def test_without_leave_nothing_is_merged_by_us(unprotected: Hub) -> None:
    unprotected.manners = ARMING
    assert turns(unprotected, unprotected.github(), 10) == ["open", *["proposed"] * 9]


@pytest.mark.parametrize(
    "deed",
    [
        pytest.param(lambda hub: hub.ada.reports(1, "ci", "pending"), id="a check that has not finished"),
        pytest.param(lambda hub: hub.ada.reports(1, "ci", "failure"), id="a check that failed"),
        pytest.param(lambda hub: hub.ada.converts_to_draft(1), id="a draft"),
        pytest.param(lambda hub: hub.ada.labels(1, "promotion/hold"), id="the label promotion/hold"),
        pytest.param(persons_commit, id="a person's commit"),
    ],
)
def test_what_is_not_clean_is_not_merged_by_us(unprotected: Hub, deed: Deed) -> None:
    github = unprotected.github()
    unprotected.turn(github)
    deed(unprotected)
    turns(unprotected, github, 10)
    assert unprotected.pull.open


def test_a_check_that_passes_late_lets_us_merge(unprotected: Hub) -> None:
    github = unprotected.github()
    unprotected.turn(github)
    unprotected.ada.reports(1, "ci", "pending")
    assert "update" not in turns(unprotected, github, 10)
    unprotected.ada.reports(1, "ci")
    assert turns(unprotected, github, 2) == ["update", "in sync"]


def test_what_waits_for_something_is_never_merged_by_us_even_when_a_person_stops_it(opened: Hub) -> None:
    opened.manners = replace(ARMING, auto_merge=AutoMerge(MergeMethod.SQUASH, unprotected=True))
    opened.ada.disables_auto_merge(1)
    opened.ada.reports(1, "ci")
    turns(opened, opened.github(), 10)
    assert opened.pull.open


def test_a_disarmed_promotion_is_told_of_once_for_each_time(opened: Hub) -> None:
    for _ in range(2):
        opened.record(FAILED)
        opened.turn()
        opened.record(NEW)
        opened.turn()
    said = [comment.body.partition(":")[0] for comment in opened.pull.comments]
    assert said == ["`1.1.0` is not proven any more, so this is not merged by itself"] * 2


def test_a_pause_is_told_in_the_status_alone(opened: Hub) -> None:
    opened.record(SUSPENDED)
    opened.turn()
    assert (opened.pull.comments, opened.pull.draft) == ((), False)


def test_a_closing_says_why(opened: Hub) -> None:
    caught_up(opened)
    opened.turn()
    (comment,) = opened.pull.comments
    assert comment.body.startswith("Closed: `production runs 1.1.0: this is done`")


def test_what_people_write_beside_our_part_of_the_body_stays(opened: Hub) -> None:
    ours = opened.pull.body
    opened.ada.edits(1, title="Vault, at last", body=f"Please look.\n\n{ours}\n\n- [x] told the team")
    settled(opened, "proposed")
    opened.record(NEWEST)
    assert opened.turn() == {V: "update"}
    assert opened.pull.title == "Promote vault release to v1.2.0"
    before, _, rest = opened.pull.body.partition("<!--")
    assert (before, rest.rpartition("-->")[2]) == ("Please look.\n\n", "\n\n- [x] told the team")
    assert "| `1.0.0` | `1.2.0` |" in rest


def test_a_label_that_a_person_removes_stays_away_until_the_version_changes(opened: Hub) -> None:
    opened.ada.unlabels(1, "promotion")
    same_line(opened)
    for _ in range(3):
        opened.turn()
    assert opened.pull.labels == ()
    opened.record(NEWEST)
    opened.turn()
    assert [label.name for label in opened.pull.labels] == ["promotion"]


def test_a_plan_without_drafts_gets_a_pull_request_all_the_same(hub: Hub) -> None:
    hub.manners = replace(ARMING, draft=True)
    assert hub.turn() == {V: "open"}
    assert (hub.pull.draft, hub.pull.auto_merge) == (True, None)
    settled(hub, "proposed")


def test_a_foreign_branch_with_our_name_is_left_alone(hub: Hub) -> None:
    hub.ada.pushes(BRANCH, str(hub.repository.tip("main")))
    hub.ada.commits({"more.md": "by hand\n"}, branch=BRANCH)
    assert hub.turn() == {V: "foreign"}
    settled(hub, "foreign")


def test_a_foreign_pull_request_with_our_name_is_left_alone(hub: Hub) -> None:
    hub.ada.pushes(BRANCH, str(hub.repository.tip("main")))
    hub.ada.commits({VAULT: manifest(V, "1.1.0")}, "Promote\n\nHelm-Promoter-Promotion: home", branch=BRANCH)
    hub.ada.opens(BRANCH)
    assert hub.turn() == {V: "foreign"}
    settled(hub, "foreign")


def test_a_branch_that_holds_nothing_is_taken_over(hub: Hub) -> None:
    hub.ada.pushes(BRANCH, str(hub.repository.tip("main")))
    hub.ada.commits({"other.md": "moved\n"})
    assert hub.turn() == {V: "open"}
    settled(hub, "proposed")


def test_commits_that_a_person_leaves_on_the_branch_of_a_closed_one_are_not_thrown_away(opened: Hub) -> None:
    opened.ada.closes(1)
    opened.ada.commits({"more.md": "by hand\n"}, branch=BRANCH)
    opened.record(NEWEST)
    assert opened.turn() == {V: "foreign"}
    settled(opened, "foreign")


def test_forks_with_many_pull_requests_do_not_hide_a_no(opened: Hub) -> None:
    opened.ada.closes(1)
    opened.ada.deletes_branch(BRANCH)
    for number in range(7):
        fork = opened.twin.person(f"mallory{number}", opened.repository, "read").forks()
        fork.pushes(BRANCH, str(fork.repository.tip("main")))
        fork.commits({"x.md": "x\n"}, branch=BRANCH)
        fork.opens(BRANCH)
    assert opened.turn() == {V: "rejected"}


def test_more_commits_than_can_be_listed_are_people_s(opened: Hub) -> None:
    for number in range(55):
        opened.ada.commits({"more.md": f"{number}\n"}, branch=BRANCH)
    assert opened.turn() == {V: "edited"}


def test_an_executable_manifest_is_refused_with_the_cure(hub: Hub) -> None:
    store = hub.repository.store
    tip = str(hub.repository.tip("main"))
    file = store.at(store.commit(tip).tree, VAULT)
    assert file
    tree = store.changed(store.commit(tip).tree, {VAULT: File("100755", file.oid)})
    hub.ada.pushes("main", store.put_commit(replace(store.commit(tip), tree=tree, parents=(tip,))))
    (outcome,) = hub.run().outcomes
    assert outcome.message == (
        f"{VAULT} is executable, which GitHub's commits cannot keep; take that off: git update-index --chmod=-x {VAULT}"
    )
