"""Whole passes over a recorded cluster and a real repository: after each the world is as it should be."""

from __future__ import annotations

import gc
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.adapters.git import Git
from reconciler.adapters.snapshot import Snapshot
from reconciler.core.model import Policy, Reason, Scope
from reconciler.core.pull_request import read_marker
from reconciler.core.report import Result, document
from reconciler.ports import Refused, Unavailable
from reconciler.reconcile import Reader, Route, observe, reconcile
from tests.world import BRANCH, ENVIRON, LEDGER, NOW, VAULT, Object, World, answers, manifest, proven, release

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from reconciler.core.model import Action, Base, Findings, Fleet, LastChange, Question
    from reconciler.core.report import Report

V = "vault/vault"
HEAD = f"refs/heads/{BRANCH}"
DAY = timedelta(days=1)
KEEPER = proven("keep/keeper", "1.0.0")


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.repository.commit({VAULT: manifest(V, "0.28.0"), "production/keep.yaml": manifest("keep/keeper", "1.0.0")})
    made.record(KEEPER, proven(V, "0.28.1"))
    return made


def opened(world: World) -> None:
    assert answers(world.turn())[V] == "open"


def pass_over(world: World, expected: str) -> Object:
    """Make a pass, see that it gives the answer, and that the same pass again changes nothing."""
    decided = world.turn()
    assert answers(decided) == {V: expected, "keep/keeper": "in sync"}
    refs = world.repository.refs()
    again = world.turn()
    assert again["actions"] == []
    assert world.repository.refs() == refs
    return decided


def stands(world: World, start: str, to: str) -> None:
    """See that exactly one promotion stands, as one commit that changes the version line and nothing else."""
    ours = world.repository.ours()
    assert set(ours) == {HEAD, LEDGER}
    assert ours[HEAD] == ours[LEDGER]
    assert world.repository.changes() == [f"-      version: {start}", f"+      version: {to}", "1 commit"]


def rests(world: World, state: str = "armed") -> None:
    """See that no branch stands, and that the ledger remembers in which state we left it."""
    assert set(world.repository.ours()) == {LEDGER}
    marker = read_marker(world.repository.bare("cat-file", "commit", LEDGER).partition("\n\n")[2])
    assert marker is not None
    assert marker.state == state


# --- opening and going on --------------------------------------------------------------------------------------------


def test_what_staging_has_proven_is_opened(world: World) -> None:
    base = world.repository.refs()["refs/heads/main"]
    pass_over(world, "open")
    stands(world, "0.28.0", "0.28.1")
    assert world.repository.refs()["refs/heads/main"] == base


def test_a_dry_run_decides_and_writes_nothing(world: World) -> None:
    refs = world.repository.refs()
    assert answers(world.turn(dry_run=True))[V] == "open"
    assert world.repository.refs() == refs


def test_a_process_with_an_empty_cache_goes_on_where_another_stopped(world: World) -> None:
    opened(world)
    refs = world.repository.refs()
    assert answers(world.turn(cache="another"))[V] == "proposed"
    assert world.repository.refs() == refs


@pytest.mark.parametrize(
    ("first", "then"),
    [pytest.param("0.28.1", "0.29.0", id="a newer version"), pytest.param("0.29.0", "0.28.1", id="a lower one")],
)
def test_another_version_updates_the_branch_in_place(world: World, first: str, then: str) -> None:
    world.record(KEEPER, proven(V, first))
    opened(world)
    world.record(KEEPER, proven(V, then))
    pass_over(world, "update")
    stands(world, "0.28.0", then)


def test_a_base_that_moved_elsewhere_changes_nothing(world: World) -> None:
    opened(world)
    refs = world.repository.ours()
    world.repository.commit({"production/keep.yaml": manifest("keep/keeper", "1.0.0") + "# a remark\n"})
    world.repository.commit({VAULT: manifest(V, "0.28.0") + "# far away in the same file\n"})
    pass_over(world, "proposed")
    assert world.repository.ours() == refs


def test_an_update_is_one_commit_on_the_base_that_was_observed(world: World) -> None:
    opened(world)
    base = world.repository.commit({"other.md": "moved\n"})
    world.record(KEEPER, proven(V, "0.29.0"))
    pass_over(world, "update")
    stands(world, "0.28.0", "0.29.0")
    assert world.repository.bare("rev-parse", f"{BRANCH}^") == base


def test_a_conflict_is_rebuilt_on_the_new_base(world: World) -> None:
    opened(world)
    world.repository.commit({VAULT: manifest(V, "0.28.0").replace("version: 0.28.0", "version: 0.28.0 # ours")})
    base = world.repository.refs()["refs/heads/main"]
    pass_over(world, "update")
    assert world.repository.changes() == ["-      version: 0.28.0 # ours", "+      version: 0.28.1 # ours", "1 commit"]
    assert world.repository.bare("rev-parse", f"{BRANCH}^") == base


def test_a_pin_that_a_person_raised_on_the_way_is_rebuilt(world: World) -> None:
    world.record(KEEPER, proven(V, "0.29.0"))
    opened(world)
    world.repository.commit({VAULT: manifest(V, "0.28.5")})
    pass_over(world, "update")
    stands(world, "0.28.5", "0.29.0")


# --- merged ----------------------------------------------------------------------------------------------------------


HOWS = ["squash", pytest.param("merge", marks=pytest.mark.slow), pytest.param("rebase", marks=pytest.mark.slow)]


@pytest.mark.parametrize("how", HOWS)
def test_merged_and_deleted_is_done_and_the_next_version_is_opened(world: World, how: str) -> None:
    opened(world)
    world.repository.merge(BRANCH, how)
    pass_over(world, "in sync")
    rests(world)
    world.record(KEEPER, proven(V, "0.28.2"))
    pass_over(world, "open")
    stands(world, "0.28.1", "0.28.2")


@pytest.mark.parametrize("how", HOWS)
def test_merged_and_kept_is_closed(world: World, how: str) -> None:
    opened(world)
    world.repository.merge(BRANCH, how, delete=False)
    decided = pass_over(world, "close")
    assert decided["actions"][0]["message"] == "production runs 0.28.1: this is done"
    rests(world)
    pass_over(world, "in sync")


@pytest.mark.parametrize("version", ["0.28.1", "v0.28.1", "0.29.0"])
def test_production_that_caught_up_by_hand_is_closed(world: World, version: str) -> None:
    opened(world)
    world.repository.commit({VAULT: manifest(V, version)})
    assert answers(world.turn())[V] == "close"
    rests(world)
    assert world.turn()["actions"] == []


@pytest.mark.parametrize("how", HOWS)
def test_merged_and_moved_back_is_reverted_until_a_newer_version(world: World, how: str) -> None:
    opened(world)
    world.repository.merge(BRANCH, how)
    world.repository.commit({VAULT: manifest(V, "0.28.0")}, "Revert")
    pass_over(world, "reverted")
    rests(world)
    world.record(KEEPER, proven(V, "0.28.2", "0.28.1"))
    pass_over(world, "open")
    stands(world, "0.28.0", "0.28.2")


def test_a_pin_that_is_lowered_while_it_stands_is_a_revert(world: World) -> None:
    opened(world)
    world.repository.commit({VAULT: manifest(V, "0.27.0")})
    pass_over(world, "disarm")
    rests(world, "disarmed")
    pass_over(world, "reverted")
    world.record(KEEPER, proven(V, "0.28.2"))
    pass_over(world, "open")
    stands(world, "0.27.0", "0.28.2")


def test_a_long_history_on_base_does_not_hide_a_revert(world: World) -> None:
    opened(world)
    world.repository.merge(BRANCH, "squash")
    world.repository.commit({VAULT: manifest(V, "0.28.0")}, "Revert")
    for number in range(5):
        world.repository.commit({"other.md": f"{number}\n"})
    assert answers(world.turn(cache="fresh"))[V] == "reverted"


# --- what people do to the branch ------------------------------------------------------------------------------------


def test_a_branch_that_a_person_deleted_is_rejected_until_a_newer_version_or_the_ledger_goes(world: World) -> None:
    opened(world)
    world.repository.delete(HEAD)
    decided = pass_over(world, "rejected")
    (held,) = decided["holds"]
    assert held["message"].endswith(f"to propose it again: git push origin :{LEDGER}")
    rests(world)
    world.record(KEEPER, proven(V, "0.28.2"))
    assert answers(world.turn(dry_run=True))[V] == "open"
    world.record(KEEPER, proven(V, "0.28.1"))
    world.repository.delete(LEDGER)
    pass_over(world, "open")
    stands(world, "0.28.0", "0.28.1")


def test_a_newer_version_is_opened_anew_after_a_rejection(world: World) -> None:
    opened(world)
    world.repository.delete(HEAD)
    world.record(KEEPER, proven(V, "0.28.2", "0.28.1"))
    pass_over(world, "open")
    stands(world, "0.28.0", "0.28.2")


@pytest.mark.parametrize("version", ["0.28.1", "0.29.0"])
def test_a_branch_that_a_person_edited_is_left_alone(world: World, version: str) -> None:
    opened(world)
    world.repository.commit({VAULT: manifest(V, "0.28.1") + "# mine\n"}, branch=BRANCH)
    refs = world.repository.refs()
    world.record(KEEPER, proven(V, version))
    pass_over(world, "edited")
    assert world.repository.refs() == refs


def test_an_edited_branch_that_a_person_merges_is_done(world: World) -> None:
    opened(world)
    world.repository.commit({VAULT: manifest(V, "0.28.1") + "# mine\n"}, branch=BRANCH)
    world.repository.merge(BRANCH)
    pass_over(world, "in sync")


def test_the_way_to_start_again_that_the_message_names_works(world: World) -> None:
    opened(world)
    world.repository.commit({VAULT: manifest(V, "0.28.1") + "# mine\n"}, branch=BRANCH)
    (held,) = world.turn()["holds"]
    words = held["message"].partition("to start again: git push origin ")[2].split()
    world.repository.git("push", str(world.repository.path), *words, at=world.repository.path)
    pass_over(world, "open")
    stands(world, "0.28.0", "0.28.1")


def test_a_branch_that_was_never_ours_is_foreign_and_not_touched(world: World) -> None:
    world.repository.commit({"theirs.md": "theirs\n"}, branch=BRANCH)
    refs = world.repository.refs()
    pass_over(world, "foreign")
    assert world.repository.refs() == refs


# --- withdrawn and armed again ---------------------------------------------------------------------------------------


def test_a_suspended_release_is_paused_and_armed_again(world: World) -> None:
    opened(world)
    before = world.repository.ours()
    world.record(KEEPER, proven(V, "0.28.1", suspend=True))
    decided = pass_over(world, "pause")
    assert decided["actions"][0]["reason"] == "suspended"
    rests(world, "paused")
    pass_over(world, "suspended")
    world.record(KEEPER, proven(V, "0.28.1"))
    pass_over(world, "rearm")
    stands(world, "0.28.0", "0.28.1")
    assert world.repository.ours() == before


def test_failing_tests_disarm_and_passing_ones_arm_again(world: World) -> None:
    opened(world)
    world.record(KEEPER, release(V, ("0.28.1", "Failed"), ("0.28.1", "Succeeded")))
    decided = pass_over(world, "disarm")
    assert decided["actions"][0]["reason"] == "tests-failed"
    rests(world, "disarmed")
    pass_over(world, "tests-failed")
    world.record(KEEPER, proven(V, "0.28.1"))
    pass_over(world, "rearm")
    stands(world, "0.28.0", "0.28.1")


def test_a_gate_that_shuts_pauses_and_time_opens_it(world: World) -> None:
    opened(world)
    world.policy = Policy(soak=timedelta(hours=1))
    pass_over(world, "pause")
    world.at = NOW + timedelta(minutes=2)
    pass_over(world, "rearm")
    stands(world, "0.28.0", "0.28.1")


def test_a_release_that_is_gone_is_paused_and_forgotten_after_a_day(world: World) -> None:
    opened(world)
    world.record(KEEPER)
    assert [action["action"] for action in world.turn()["actions"]] == ["pause"]
    rests(world, "paused")
    world.at = NOW + DAY - timedelta(seconds=1)
    assert world.turn()["actions"] == []
    world.at = NOW + DAY
    assert [action["action"] for action in world.turn()["actions"]] == ["close"]
    assert world.repository.ours() == {}
    assert world.turn()["actions"] == []


def test_a_manifest_that_is_gone_is_paused_and_comes_back(world: World) -> None:
    opened(world)
    world.repository.commit({VAULT: None})
    pass_over(world, "pause")
    pass_over(world, "unmatched")
    world.repository.commit({VAULT: manifest(V, "0.28.0")})
    pass_over(world, "rearm")
    stands(world, "0.28.0", "0.28.1")


def test_mass_disappearance_is_an_error_and_nothing_is_done(world: World) -> None:
    keys = [f"n{number}/app" for number in range(4)]
    world.repository.commit({f"production/{key[:2]}.yaml": manifest(key, "1.0.0") for key in keys})
    world.record(KEEPER, *(proven(key, "1.1.0") for key in keys))
    assert len(world.turn()["actions"]) == 4
    refs = world.repository.refs()
    world.record(KEEPER)
    report = world.run()
    assert not report.outcomes
    assert [error.subject for error in report.plan.errors] == ["disappearance"]
    assert not report.failed
    assert world.repository.refs() == refs


def test_an_open_promotion_that_the_config_no_longer_has_is_told_and_left_alone(world: World) -> None:
    opened(world)
    refs = world.repository.refs()
    world.name, world.paths = "next", ("production/keep.yaml",)
    decided = world.turn()
    assert [error["subject"] for error in decided["errors"]] == ["helm-promotion/home"]
    assert world.repository.refs() == refs


# --- several at once -------------------------------------------------------------------------------------------------


def at_once(*turns: Callable[[], Report]) -> list[Report]:
    """Run passes in threads that start together; git works in processes of its own."""
    barrier = threading.Barrier(len(turns))
    reports: list[Report] = []

    def run(turn: Callable[[], Report]) -> None:
        barrier.wait()
        reports.append(turn())

    threads = [threading.Thread(target=run, args=(turn,)) for turn in turns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return reports


def test_two_processes_at_once_make_one_promotion_and_none_fails(world: World) -> None:
    reports = at_once(lambda: world.run(cache="one"), lambda: world.run(cache="two"))
    assert [report.failed for report in reports] == [False, False]
    stands(world, "0.28.0", "0.28.1")
    pass_over(world, "proposed")


def test_two_processes_at_once_update_to_the_same_commit(world: World) -> None:
    opened(world)
    world.record(KEEPER, proven(V, "0.28.2"))
    reports = at_once(lambda: world.run(cache="one"), lambda: world.run(cache="two"))
    assert [report.failed for report in reports] == [False, False]
    stands(world, "0.28.0", "0.28.2")
    pass_over(world, "proposed")


def test_a_push_that_was_cut_short_is_finished_so_that_a_no_is_heard(world: World) -> None:
    world.repository.bare("config", "receive.advertiseAtomic", "false")
    opened(world)
    world.repository.delete(LEDGER)
    assert LEDGER not in world.repository.refs()

    pass_over(world, "update")
    assert world.repository.refs()[LEDGER] == world.repository.refs()[HEAD]
    world.repository.delete(HEAD)
    pass_over(world, "rejected")


def test_a_pass_leaves_the_collector_of_garbage_as_it_was(world: World) -> None:
    opened(world)
    assert gc.isenabled()
    gc.disable()
    try:
        world.turn()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_server_without_atomic_pushes_serves_as_well(world: World) -> None:
    world.repository.bare("config", "receive.advertiseAtomic", "false")
    for staging, expected in (
        (proven(V, "0.28.1"), "open"),
        (proven(V, "0.28.2"), "update"),
        (proven(V, "0.28.2", suspend=True), "pause"),
        (proven(V, "0.28.2"), "rearm"),
    ):
        world.record(KEEPER, staging)
        pass_over(world, expected)
    assert world.repository.changes() == ["-      version: 0.28.0", "+      version: 0.28.2", "1 commit"]
    world.repository.merge(BRANCH, "squash", delete=False)
    pass_over(world, "close")
    pass_over(world, "in sync")


def test_an_action_that_fails_does_not_stop_the_next(world: World) -> None:
    keys = ("a/app", "b/app")
    world.repository.commit({f"production/{key[0]}.yaml": manifest(key, "1.0.0") for key in keys})
    world.record(KEEPER, *(proven(key, "1.1.0") for key in keys))
    world.repository.commit({"theirs.md": "in the way\n"}, branch="helm-promotion/home/a")
    report = world.run()
    assert [outcome.result for outcome in report.outcomes] == [Result.FAILED, Result.APPLIED]
    assert report.outcomes[0].message
    assert report.failed
    assert "refs/heads/helm-promotion/home/b/app" in world.repository.refs()


def test_a_shared_pin_is_one_branch_for_all(world: World) -> None:
    text = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: redis, namespace: flux-system}
spec:
  url: oci://example.com/redis
  ref:
    tag: 19.6.3
"""
    for namespace in "ab":
        text += f"""\
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: redis, namespace: {namespace}}}
spec:
  chartRef: {{kind: OCIRepository, name: redis, namespace: flux-system}}
"""
    world.repository.commit({"production/redis.yaml": text})
    world.record(KEEPER, proven("a/redis", "19.6.4"), proven("b/redis", "19.6.3"))
    assert answers(world.turn()) == {"a/redis": "waiting", "b/redis": "in sync", "keep/keeper": "in sync"}
    world.record(KEEPER, proven("a/redis", "19.6.4"), proven("b/redis", "19.6.4"))
    (action,) = world.turn()["actions"]
    assert action["releases"] == ["a/redis", "b/redis"]
    branch = "helm-promotion/home/a/redis"
    assert world.repository.changes(branch) == ["-    tag: 19.6.3", "+    tag: 19.6.4", "1 commit"]
    assert world.turn()["actions"] == []


def test_ahead_names_the_commit_and_author_that_moved_the_pin(world: World) -> None:
    sha = world.repository.commit({VAULT: manifest(V, "0.30.0")})
    (held,) = pass_over(world, "ahead")["holds"]
    message = f"production runs 0.30.0, staging deploys 0.28.1; Ada moved the pin in {sha[:10]} on 2026-03-01"
    assert held["message"] == message


# --- sources that fail, and how often they are asked -----------------------------------------------------------------


@dataclass(eq=False)
class Cluster:
    """Counts how often a cluster is looked at, and can be made to fail."""

    staging: Snapshot
    broken: Unavailable | Refused | None = None
    looks: int = 0

    def observe(self, scopes: Sequence[Scope]) -> tuple[Fleet, ...]:
        self.looks += 1
        if self.broken:
            raise self.broken
        return self.staging.observe(scopes)


@dataclass(eq=False)
class Counted:
    """Counts how often a repository is looked at and which blobs are read, and can be made to fail."""

    git: Git
    broken: dict[str, Unavailable | Refused] = field(default_factory=dict)
    looks: int = 0
    blobs: list[str] = field(default_factory=list)

    def _break(self, what: str) -> None:
        if what in self.broken:
            raise self.broken[what]

    def observe(self) -> Base:
        self.looks += 1
        self._break("observe")
        return self.git.observe()

    def read(self, oids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        self._break("read")
        self.blobs += oids
        return self.git.read(oids)

    def investigate(self, questions: Sequence[Question]) -> dict[str, Findings]:
        self._break("investigate")
        return dict(self.git.investigate(questions))

    def last_change(self, path: str, line: int) -> LastChange | None:
        return self.git.last_change(path, line)

    def apply(self, action: Action) -> None:
        self._break("apply")
        self.git.apply(action)


def ports(world: World) -> tuple[Cluster, Counted]:
    git = Git(url=str(world.repository.path), branch="main", cache=world.folder / "cache", environ=ENVIRON)
    return Cluster(Snapshot(world.folder / "staging.json")), Counted(git)


def two(world: World, *clusters: Cluster, production: Counted) -> tuple[Route, Route]:
    """Routes of two promotions into the same repository."""
    one = world.route()
    home = replace(one, promotion=replace(one.promotion, paths=(VAULT,)), scope=Scope(("vault",)))
    work = replace(
        one, promotion=replace(one.promotion, name="work", paths=("production/keep.yaml",)), scope=Scope(("keep",))
    )
    return (
        replace(home, staging=clusters[0], production=production),
        replace(work, staging=clusters[-1], production=production),
    )


def run(routes: Sequence[Route], reader: Reader | None = None) -> Report:
    return reconcile(routes, reader or Reader(), NOW, lambda _: None, dry_run=False)


def test_what_promotions_share_is_looked_at_once(world: World) -> None:
    cluster, production = ports(world)
    report = run(two(world, cluster, production=production))
    assert answers(document(report.plan)) == {V: "open", "keep/keeper": "in sync"}
    assert (cluster.looks, production.looks) == (1, 1)


def test_unchanged_files_are_not_read_twice_in_the_life_of_a_process(world: World) -> None:
    world.record(KEEPER, proven(V, "0.28.0"))
    cluster, production = ports(world)
    routes, reader = two(world, cluster, production=production), Reader()
    for _ in range(3):
        run(routes, reader)
    assert len(production.blobs) == 2
    world.repository.commit({VAULT: manifest(V, "0.27.0")})
    world.record(KEEPER, proven(V, "0.27.0"))
    run(routes, reader)
    assert len(production.blobs) == 3


def test_a_repository_that_fails_in_between_is_not_read_anew(world: World) -> None:
    world.record(KEEPER, proven(V, "0.28.0"))
    cluster, production = ports(world)
    routes, reader = two(world, cluster, production=production), Reader()
    run(routes, reader)
    production.broken["observe"] = Unavailable("the repository did not answer")
    run(routes, reader)
    production.broken.clear()
    run(routes, reader)
    assert len(production.blobs) == 2


def test_what_no_base_holds_any_more_is_forgotten(world: World) -> None:
    world.record(KEEPER, proven(V, "0.28.0"))
    cluster, production = ports(world)
    routes, reader = two(world, cluster, production=production), Reader()
    for version in ("0.28.0", "0.27.0", "0.28.0"):
        world.repository.commit({VAULT: manifest(V, version)})
        world.record(KEEPER, proven(V, version))
        run(routes, reader)
    assert len(production.blobs) == 4


def test_a_file_of_one_content_is_a_kustomization_by_its_name(world: World) -> None:
    text = "resources: [vault.yaml]\nnamespace: other\n"
    world.repository.commit({"production/kustomization.yaml": text, "production/same.yaml": text})
    world.record(KEEPER, proven("other/vault", "0.28.1"))
    assert answers(world.turn())["other/vault"] == "open"


CLUSTER = Unavailable("the cluster did not answer: check the network")
REPOSITORY = Refused("the credential is refused: renew it")


@pytest.mark.parametrize(
    ("what", "subject"),
    [
        pytest.param("observe", "production", id="a repository that cannot be looked at"),
        pytest.param("read", "production", id="a repository whose files cannot be read"),
    ],
)
def test_a_repository_that_fails_ends_the_pass_for_all_that_share_it(world: World, what: str, subject: str) -> None:
    cluster, production = ports(world)
    production.broken[what] = REPOSITORY
    report = run(two(world, cluster, production=production))
    assert [(one.promotion, one.subject, one.message, one.fatal) for one in report.plan.errors] == [
        ("home", subject, str(REPOSITORY), True),
        ("work", subject, str(REPOSITORY), True),
    ]
    assert report.failed
    assert answers(document(report.plan)) == {}
    assert world.repository.ours() == {}


def test_a_cluster_that_fails_ends_the_pass_for_its_own_promotions_only(world: World) -> None:
    (broken, production), (sound, _) = ports(world), ports(world)
    broken.broken = CLUSTER
    report = run(two(world, broken, sound, production=production))
    assert [(one.promotion, one.subject, one.message, one.fatal) for one in report.plan.errors] == [
        ("home", "staging", str(CLUSTER), True)
    ]
    assert answers(document(report.plan)) == {"keep/keeper": "in sync"}
    assert report.failed


def test_a_promotion_whose_staging_fails_is_neither_withdrawn_nor_unknown(world: World) -> None:
    (one, production), (other, _) = ports(world), ports(world)
    routes = two(world, one, other, production=production)
    assert answers(document(run(routes).plan))[V] == "open"
    refs = world.repository.refs()
    one.broken = CLUSTER
    report = run(routes)
    assert [error.subject for error in report.plan.errors] == ["staging"]
    assert world.repository.refs() == refs


def test_an_outage_of_one_staging_does_not_hand_its_pins_to_another_promotion(world: World) -> None:
    (broken, production), (sound, _) = ports(world), ports(world)
    home, work = two(world, broken, sound, production=production)
    both = (home, replace(work, promotion=replace(work.promotion, paths=("production/**",)), scope=home.scope))
    assert {one.reason for one in run(both).plan.holds} == {Reason.AMBIGUOUS}
    broken.broken = CLUSTER
    report = run(both)
    assert [(one.promotion, one.reason) for one in report.plan.holds] == [("work", Reason.UNREADABLE)]
    assert world.repository.ours() == {}


def test_a_question_that_cannot_be_answered_ends_the_pass_for_that_promotion(world: World) -> None:
    cluster, production = ports(world)
    routes = two(world, cluster, production=production)
    run(routes)
    world.repository.delete(HEAD)
    production.broken["investigate"] = Unavailable("the base branch moved: the next pass looks again")
    report = run(routes)
    assert [(error.promotion, error.subject, error.fatal) for error in report.plan.errors] == [
        ("home", "production", True)
    ]
    assert answers(document(report.plan)) == {"keep/keeper": "in sync"}


def test_a_repository_that_refuses_an_action_is_a_failure_with_its_words(world: World) -> None:
    cluster, production = ports(world)
    production.broken["apply"] = REPOSITORY
    report = run(two(world, cluster, production=production))
    assert [(outcome.result, outcome.message) for outcome in report.outcomes] == [(Result.FAILED, str(REPOSITORY))]
    assert report.failed


def test_without_any_promotion_there_is_nothing_to_tell() -> None:
    assert run(()).plan.errors == ()


def test_observing_writes_nothing_and_tells_what_it_is_at(world: World) -> None:
    refs = world.repository.refs()
    told: list[str] = []
    seen = observe((world.route(),), Reader(), NOW, told.append)
    assert answers(document(seen.plan))[V] == "open"
    assert [one.promotion.name for one in seen.assessments] == ["home"]
    assert told == ["reading staging", "reading production", "planning"]
    assert world.repository.refs() == refs


@pytest.mark.parametrize(
    ("url", "branch", "message"),
    [
        pytest.param(
            None,
            "trunk",
            'branch "trunk" does not exist in {path}; known branches: main',
            id="a branch that is not there",
        ),
        pytest.param(
            "{folder}/none.git",
            "main",
            "there is no git repository at {folder}/none.git, or the credential may not see it: "
            "check the URL and the access",
            id="a repository that is not there",
        ),
    ],
)
def test_a_repository_that_cannot_be_used_is_a_fatal_error(
    world: World, url: str | None, branch: str, message: str
) -> None:
    names = {"path": world.repository.path, "folder": world.folder}
    git = Git(url=(url or "{path}").format(**names), branch=branch, cache=world.folder / "elsewhere", environ=ENVIRON)
    report = run([replace(world.route(), production=git)])
    assert [(error.message, error.fatal) for error in report.plan.errors] == [(message.format(**names), True)]


def test_a_glob_without_a_match_and_an_empty_namespace_are_listed_and_no_failure(world: World) -> None:
    world.paths, world.scope = ("production/**", "prodution/**"), Scope(("vault", "keep", "valt"))
    report = world.run(dry_run=True)
    assert [(error.subject, error.message) for error in report.plan.errors] == [
        ("prodution/**", 'the glob "prodution/**" matches no file on the branch; mend it in paths'),
        ("valt", 'staging has no HelmRelease in the namespace "valt"; mend or remove it in namespaces'),
    ]
    assert not report.failed
    assert answers(document(report.plan)) == {V: "open", "keep/keeper": "in sync"}
