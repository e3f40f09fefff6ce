"""How few requests GitHub is asked, in passes of one process and of new ones, and what races and crowds cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import AutoMerge, Manners, MergeMethod
from reconciler.ports import PortError
from tests.hub import BRANCH, Hub, V, online
from tests.twins.github import State
from tests.twins.github.faults import asks_for, meanwhile
from tests.world import VAULT, manifest, proven

if TYPE_CHECKING:
    from pathlib import Path

    from tests.twins.github import Seen

OLD, NEW, NEWEST = proven(V, "1.0.0"), proven(V, "1.1.0"), proven(V, "1.2.0", "1.1.0")
EVERYTHING = Manners(
    labels=("promotion",),
    assignees=("grace",),
    reviewers=("grace",),
    team_reviewers=("keepers",),
    auto_merge=AutoMerge(MergeMethod.SQUASH),
)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    made = Hub.make(tmp_path)
    made.ada.labels_exist("promotion")
    made.twin.person("grace", made.repository, "write")
    made.twin.team(made.repository, "keepers")
    made.manners = EVERYTHING
    made.record(OLD)
    return made


def split(seen: list[Seen]) -> tuple[list[Seen], list[Seen]]:
    """Those that read, and those that write."""
    return [one for one in seen if not one.mutating], [one for one in seen if one.mutating]


def statuses(seen: list[Seen]) -> list[tuple[bool, int | None]]:
    return [(one.conditional, one.status) for one in seen]


TWICE_NOTHING = [(True, 304), (True, 304)]


# --- one process -----------------------------------------------------------------------------------------------------


def test_a_pass_without_drift_makes_two_conditional_requests(hub: Hub) -> None:
    github = hub.github()
    hub.turn(github)
    hub.asked()
    for _ in range(3):
        assert hub.turn(github) == {V: "in sync"}
        assert statuses(hub.asked()) == TWICE_NOTHING
    assert github.requests["read", "304"] == 6


def test_a_pull_request_that_stands_costs_no_more_once_github_has_worked_out_that_it_merges(hub: Hub) -> None:
    hub.record(NEW)
    github = hub.github()
    for answer in ("open", "proposed", "proposed"):
        assert hub.turn(github) == {V: answer}
    hub.asked()
    for _ in range(3):
        assert hub.turn(github) == {V: "proposed"}
        assert statuses(hub.asked()) == TWICE_NOTHING


def test_what_was_ended_by_people_costs_no_more_either(hub: Hub) -> None:
    hub.record(NEW)
    github = hub.github()
    hub.turn(github)
    hub.ada.closes(1)
    hub.ada.deletes_branch(BRANCH)
    assert hub.turn(github) == {V: "rejected"}
    hub.asked()
    assert hub.turn(github) == {V: "rejected"}
    assert statuses(hub.asked()) == TWICE_NOTHING


@pytest.mark.parametrize("store", ["ada", "a check"])
def test_what_moves_is_seen_by_a_process_that_goes_on(hub: Hub, store: str) -> None:
    hub.record(NEW)
    github = hub.github()
    for _ in range(4):
        hub.turn(github)
    if store == "ada":
        hub.ada.closes(1)
        assert hub.turn(github) == {V: "rejected"}
    else:
        hub.ada.reports(1, "ci")
        assert hub.turn(github) == {V: "in sync"}


def test_only_changed_files_are_read_again(tmp_path: Path) -> None:
    files = {f"apps/{number}.yaml": manifest(f"ns/app{number}", "1.0.0") for number in range(150)}
    hub = Hub.make(tmp_path, files)
    hub.record(proven("ns/app7", "1.0.0"))
    github = hub.github()
    hub.run(github)
    assert [one.operation for one in hub.asked()].count(("repository",)) == 2
    hub.ada.commits({"apps/7.yaml": manifest("ns/app7", "1.0.0") + "# more\n"})
    with online(hub.twin):
        base = github.observe()
        entry = next(entry for entry in base.entries if entry.path == "apps/7.yaml")
        hub.asked()
        ((_, content),) = github.read([entry.oid])
    assert content.endswith(b"# more\n")
    assert len(hub.asked()) == 1


# --- writing ---------------------------------------------------------------------------------------------------------


def test_opening_with_everything_takes_four_writes(hub: Hub) -> None:
    hub.record(NEW)
    assert hub.turn() == {V: "open"}
    reads, writes = split(hub.asked())
    assert [one.operation for one in writes] == [
        ("createRef", "createCommitOnBranch"),
        ("createPullRequest",),
        ("addLabelsToLabelable", "addAssigneesToAssignable", "requestReviews", "enablePullRequestAutoMerge"),
        (),
    ]
    assert len(reads) == 6  # base, list, tree, look; the manifest; what ended
    pull = hub.pull
    assert [label.name for label in pull.labels] == ["promotion"]
    assert [one.login for one in pull.assignees] == ["grace"]
    assert len(pull.reviewers) == 2


def test_updating_takes_four_writes(hub: Hub) -> None:
    hub.record(NEW)
    hub.turn()
    hub.record(NEWEST)
    hub.asked()
    assert hub.turn() == {V: "update"}
    _, writes = split(hub.asked())
    assert [one.operation[:1] for one in writes] == [
        ("disablePullRequestAutoMerge",),
        ("updateRefs",),
        ("updatePullRequest",),
        (),
    ]


@pytest.mark.parametrize("count", [1, 50, 51, pytest.param(120, marks=pytest.mark.slow)])
def test_reading_many_drifts_takes_one_request_for_fifty(tmp_path: Path, count: int) -> None:
    keys = [f"ns/app{number:03}" for number in range(count)]
    hub = Hub.make(tmp_path, {f"{key.partition('/')[2]}.yaml": manifest(key, "1.0.0") for key in keys})
    hub.manners = Manners(max_per_pass=0)
    hub.record(*(proven(key, "1.0.0") for key in keys))
    github = hub.github()
    hub.run(github)
    hub.record(*(proven(key, "1.1.0") for key in keys))
    hub.asked()
    assert len(hub.run(github).plan.holds) == count
    reads, writes = split(hub.asked())
    assert (len(reads), writes) == (2 + -(-count // 50), [])
    hub.ada.commits({"README.md": "more\n"})
    assert len(hub.run(github).plan.holds) == count
    assert len(hub.asked()) == 3  # base, list and the new tree
    hub.run(github)
    assert statuses(hub.asked()) == TWICE_NOTHING


@pytest.mark.slow
def test_the_first_day_with_120_drifts_opens_two_a_pass(tmp_path: Path) -> None:
    keys = [f"ns/app{number:03}" for number in range(120)]
    hub = Hub.make(tmp_path, {f"{key.partition('/')[2]}.yaml": manifest(key, "1.0.0") for key in keys})
    hub.record(*(proven(key, "1.1.0", age=60 + number) for number, key in enumerate(keys)))
    github = hub.github()
    for passes in range(1, 8):
        hub.turn(github)
        assert len(hub.repository.pulls) == min(2 * passes, 10)
    assert sorted(pull.head.rpartition("/")[2] for pull in hub.repository.pulls.values()) == [
        f"app{number}" for number in range(110, 120)
    ]


def test_mass_disappearance_touches_nothing(tmp_path: Path) -> None:
    keys = [f"ns/app{number}" for number in range(8)]
    files = {f"{key.partition('/')[2]}.yaml": manifest(key, "1.0.0") for key in keys}
    hub = Hub.make(tmp_path, {**files, "keep.yaml": manifest("keep/keeper", "1.0.0")})
    hub.manners = replace(hub.manners, max_per_pass=10)
    hub.record(*(proven(key, "1.1.0") for key in keys), proven("keep/keeper", "1.0.0"))
    hub.turn()
    hub.record(proven("keep/keeper", "1.0.0"))
    hub.asked()
    report = hub.run()
    assert "too many promotions would be withdrawn at once" in report.plan.errors[0].message
    assert split(hub.asked())[1] == []
    assert {pull.state for pull in hub.repository.pulls.values()} == {State.OPEN}


# --- races -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", range(4))
def test_two_processes_at_once_open_one_pull_request(hub: Hub, write: int) -> None:
    hub.record(NEW)
    other = hub.github()

    def second() -> None:
        hub.run(other)

    hub.twin.faults.before(7 + write, meanwhile(second))
    hub.run()
    for _ in range(3):
        hub.run()
    assert hub.turn() == {V: "proposed"}
    assert (hub.pull.state, hub.status(), bool(hub.pull.auto_merge)) == (State.OPEN, "success proven", True)
    assert sorted(hub.repository.store.refs()) == [f"refs/heads/{BRANCH}", "refs/heads/main"]


@pytest.mark.parametrize("write", range(4))
def test_two_processes_at_once_update_one_pull_request(hub: Hub, write: int) -> None:
    hub.record(NEW)
    hub.turn()
    hub.turn()
    hub.record(NEWEST)
    other, first = hub.github(), len(hub.twin.seen)
    hub.asked()
    preview = hub.copied()
    preview.run()
    reads = len(split(preview.asked())[0])
    assert first
    hub.twin.faults.before(hub.twin.world.request + reads + 1 + write, meanwhile(lambda: hub.run(other)))
    hub.run()
    for _ in range(3):
        hub.run()
    assert hub.turn() == {V: "proposed"}
    assert (hub.pull.title, hub.status(), bool(hub.pull.auto_merge)) == (
        "Promote vault release to v1.2.0",
        "success proven",
        True,
    )
    assert sorted(hub.repository.store.refs()) == [f"refs/heads/{BRANCH}", "refs/heads/main"]


def test_a_person_who_pushes_meanwhile_loses_nothing(hub: Hub) -> None:
    hub.record(NEW)
    hub.turn()
    hub.record(NEWEST)

    def push() -> None:
        hub.ada.commits({"more.md": "by hand\n"}, branch=BRANCH)

    hub.twin.faults.after(asks_for("createCommitOnBranch"), meanwhile(push))
    (outcome,) = hub.run().outcomes
    assert outcome.message
    assert "moved a branch" in outcome.message
    head = hub.repository.store.commit(str(hub.repository.tip(BRANCH)))
    assert (head.message, hub.pull.title) == ("Work", "Promote vault release to v1.1.0")
    assert hub.turn() == {V: "edited"}


def test_a_base_that_moves_meanwhile_is_no_failure(hub: Hub) -> None:
    hub.record(NEW)
    hub.twin.faults.before(asks_for("createRef"), meanwhile(lambda: hub.ada.commits({"README.md": "more\n"})))
    assert hub.turn() == {V: "open"}
    assert hub.turn() == {V: "proposed"}


def test_a_branch_that_somebody_makes_meanwhile_is_left_alone(hub: Hub) -> None:
    hub.record(NEW)

    def make() -> None:
        hub.ada.pushes(BRANCH, str(hub.repository.tip("main")))
        hub.ada.commits({"more.md": "by hand\n"}, branch=BRANCH)

    hub.twin.faults.before(asks_for("createRef"), meanwhile(make))
    (outcome,) = hub.run().outcomes
    assert outcome.message == f"{BRANCH} moved since it was observed: the next pass looks again"
    assert not hub.repository.pulls
    assert hub.turn() == {V: "foreign"}
    assert not hub.repository.pulls


@pytest.mark.parametrize("lag", [1, 3, 10])
def test_lists_that_lag_behind_never_let_a_second_pull_request_be_opened(hub: Hub, lag: int) -> None:
    hub.record(NEW)
    hub.twin.site.lag.lists = lag
    github = hub.github()
    for _ in range(8):
        hub.run(github)
    assert hub.turn(github) == {V: "proposed"}
    assert hub.pull.state is State.OPEN
    assert hub.status() == "success proven"


def test_a_pull_request_that_is_not_known_everywhere_yet_is_dressed_a_little_later(hub: Hub) -> None:
    hub.record(NEW)
    hub.twin.site.lag.nodes = 1
    for label in (*hub.repository.labels.values(), hub.repository):
        hub.twin.world.keep(label.id, label)
    assert hub.turn() == {V: "open"}
    assert hub.slept == [1]
    assert [label.name for label in hub.pull.labels] == ["promotion"]
    assert hub.pull.auto_merge


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_tree_that_is_cut_off_is_walked(tmp_path: Path) -> None:
    files = {f"apps/{number % 7}/deep/{number}.yaml": manifest(f"ns/app{number}", "1.0.0") for number in range(60)}
    hub = Hub.make(tmp_path, {**files, "README.md": "Fleet\n"})
    with online(hub.twin):
        whole = hub.github().observe()
        hub.twin.site.tree_limit = 30
        assert set(hub.github().observe().entries) == set(whole.entries)
    assert len(whole.entries) == 61


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param("é\r\n\t\x00".encode(), id="a null byte"),
        pytest.param(b"\xff\xfe latin", id="no text"),
        pytest.param(b"\xef\xbb\xbfbom: true\r\n", id="a byte order mark"),
        pytest.param(b"x" * 600_000, id="more than GraphQL gives"),
    ],
)
def test_contents_come_as_git_has_them(hub: Hub, content: bytes) -> None:
    oid = hub.repository.store.put("blob", content)
    github = hub.github()
    with online(hub.twin):
        github.observe()
        assert dict(github.read([oid])) == {oid: content}


def test_a_content_that_is_not_the_one_of_its_id_is_never_given(hub: Hub) -> None:
    github = hub.github()
    with online(hub.twin):
        base = github.observe()
        (entry,) = base.entries
        hub.repository.store._objects[entry.oid] = ("blob", b"something else")
        with pytest.raises(PortError, match="gave another content"):
            list(github.read([entry.oid]))


def test_the_last_change_of_a_line_is_told(hub: Hub) -> None:
    hub.ada.commits({VAULT: manifest(V, "1.0.1")}, "Bump by hand")
    github = hub.github()
    with online(hub.twin):
        line = manifest(V, "1.0.1").splitlines().index("      version: 1.0.1") + 1
        change = github.last_change(VAULT, line)
        assert github.last_change("gone.yaml", 1) is None
        assert github.last_change(VAULT, 999) is None
    assert change
    assert (change.commit, change.author) == (hub.repository.tip("main"), "ada")
