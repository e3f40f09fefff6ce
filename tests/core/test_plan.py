"""The plan: one answer for every release, the first that applies, and what stands is compared as a table says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.core import model
from reconciler.core.model import (
    EVERYWHERE,
    Close,
    Disarm,
    Entry,
    EntryKind,
    Fleet,
    Hold,
    Key,
    LastChange,
    Match,
    Open,
    Pause,
    Policy,
    Problem,
    Rearm,
    Reason,
    State,
    Update,
)
from reconciler.core.plan import Unseen, assess, inquire, plan
from reconciler.core.pull_request import read_marker
from reconciler.core.report import document
from tests.core.simulator import Repository, fleet, look, promotion, turn, view
from tests.world import BRANCH, LEDGER, NOW, Object, answers, manifest, proven, release

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.model import Action, Plan

    Setup = Callable[[Repository], None]

V = "vault/vault"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WHOLE = Policy()
SOAK = Policy(soak=2 * HOUR)
"""What the builders prove is 58 minutes old, and each older version an hour older still."""


def vault(version: str = "1.0.0") -> Repository:
    return Repository({"vault.yaml": manifest(V, version)})


def words(decided: Plan) -> dict[str, str]:
    return answers(document(decided))


def hold(decided: Plan, key: str = V) -> Hold:
    (found,) = (one for one in decided.holds if str(one.release) == key)
    return found


def action(decided: Plan) -> Action:
    (found,) = decided.actions
    return found


# --- one answer, the first that applies ------------------------------------------------------------------------------


def opened(repository: Repository, version: str = "1.1.0") -> None:
    turn(fleet(proven(V, version)), repository)
    assert BRANCH in repository.heads


def rejected(repository: Repository) -> None:
    opened(repository)
    del repository.heads[BRANCH]


def reverted(repository: Repository) -> None:
    opened(repository)
    repository.merge(BRANCH)
    repository.change("vault.yaml", "1.1.0", "1.0.0")


def edited(repository: Repository) -> None:
    opened(repository)
    repository.push(BRANCH)


def foreign(repository: Repository) -> None:
    repository.push(BRANCH)


def nothing(repository: Repository) -> None:
    assert not repository.heads


def broken_object() -> Object:
    one = proven(V, "1.1.0")
    one["spec"] = {"chart": 5}
    return one


def rolled_back() -> Object:
    one = release(V, ("1.0.0", None), ("1.1.0", None), ("1.0.0", "Succeeded"))
    one["status"]["history"][0]["action"] = "rollback"
    return one


def undeployed() -> Object:
    one = release(V, ("1.1.0", None), ("1.0.0", "Succeeded"))
    one["status"]["history"][0]["status"] = "failed"
    return one


def unconfirmed() -> Object:
    one = proven(V, "1.1.0")
    del one["status"]["conditions"][-1]
    return one


def untested_chart() -> Object:
    one = release(V, ("1.1.0", "Succeeded"))
    one["status"]["history"][0]["testHooks"] = {}
    return one


NEWER = proven(V, "1.1.0")
ASLEEP = proven(V, "1.1.0", suspend=True)
SAME = proven(V, "1.0.0")


@pytest.mark.parametrize(
    ("staging", "production", "setup", "policy", "expected"),
    [
        pytest.param(broken_object(), manifest(V, "*"), nothing, WHOLE, "unreadable", id="unreadable before all else"),
        pytest.param(broken_object(), "", nothing, WHOLE, "unreadable", id="unreadable though nothing pins it"),
        pytest.param(NEWER, "", nothing, WHOLE, "unmatched", id="unmatched where nothing pins it"),
        pytest.param(
            NEWER,
            manifest(V, "1.0.0") + "---\n" + manifest(V, "1.0.1"),
            nothing,
            WHOLE,
            "ambiguous",
            id="ambiguous where two pins would do",
        ),
        pytest.param(NEWER, manifest(V, "${version}"), nothing, WHOLE, "unsupported", id="unsupported: a variable"),
        pytest.param(NEWER, manifest(V, "1.x"), nothing, WHOLE, "unpinned", id="unpinned: a range"),
        pytest.param(ASLEEP, manifest(V, "1.x"), nothing, WHOLE, "unpinned", id="unpinned before suspended"),
        pytest.param(
            release(V, ("1.1.0", "Failed"), suspend=True),
            manifest(V, "1.0.0"),
            nothing,
            WHOLE,
            "suspended",
            id="suspended before what the tests say",
        ),
        pytest.param(undeployed(), manifest(V, "1.0.0"), nothing, WHOLE, "not-deployed", id="not deployed"),
        pytest.param(release(V), manifest(V, "1.0.0"), nothing, WHOLE, "not-deployed", id="never deployed"),
        pytest.param(unconfirmed(), manifest(V, "1.0.0"), nothing, WHOLE, "stale", id="stale"),
        pytest.param(
            release(V, ("1.1.0", None), test={}),
            manifest(V, "1.0.0"),
            nothing,
            WHOLE,
            "tests-disabled",
            id="tests disabled",
        ),
        pytest.param(
            release(V, ("1.1.0", None)), manifest(V, "1.0.0"), nothing, WHOLE, "tests-running", id="tests running"
        ),
        pytest.param(
            release(V, ("1.1.0", "Failed")), manifest(V, "1.0.0"), nothing, WHOLE, "tests-failed", id="tests failed"
        ),
        pytest.param(untested_chart(), manifest(V, "1.0.0"), nothing, WHOLE, "no-tests", id="no tests"),
        pytest.param(rolled_back(), manifest(V, "1.0.0"), nothing, WHOLE, "rolled-back", id="rolled back"),
        pytest.param(SAME, manifest(V, "1.2.0"), nothing, WHOLE, "ahead", id="ahead"),
        pytest.param(
            release(V, ("1.1.0", "Failed")), manifest(V, "1.2.0"), nothing, WHOLE, "ahead", id="ahead of what failed"
        ),
        pytest.param(SAME, manifest(V, "1.0.0"), nothing, WHOLE, "in sync", id="in sync"),
        pytest.param(SAME, manifest(V, "v1.0.0"), nothing, WHOLE, "in sync", id="in sync but for a leading v"),
        pytest.param(
            release(V, ("1.0.0", "Failed")),
            manifest(V, "1.0.0"),
            nothing,
            WHOLE,
            "in sync",
            id="in sync though unproven",
        ),
        pytest.param(
            proven(V, "1.0.0", suspend=True),
            manifest(V, "1.0.0"),
            nothing,
            WHOLE,
            "in sync",
            id="in sync though suspended",
        ),
        pytest.param(SAME, manifest(V, "1.0.0"), foreign, WHOLE, "in sync", id="in sync before foreign"),
        pytest.param(ASLEEP, manifest(V, "1.0.0"), rejected, WHOLE, "suspended", id="suspended before rejected"),
        pytest.param(NEWER, manifest(V, "1.0.0"), reverted, SOAK, "reverted", id="reverted before soaking"),
        pytest.param(NEWER, manifest(V, "1.0.0"), rejected, SOAK, "rejected", id="rejected before soaking"),
        pytest.param(NEWER, manifest(V, "1.0.0"), edited, SOAK, "edited", id="edited before soaking"),
        pytest.param(NEWER, manifest(V, "1.0.0"), foreign, SOAK, "foreign", id="foreign before soaking"),
        pytest.param(
            proven(V, "1.1.0-rc.1", wants=">=0-0"),
            manifest(V, "1.0.0"),
            nothing,
            SOAK,
            "prerelease",
            id="prerelease before soaking",
        ),
        pytest.param(NEWER, manifest(V, "1.0.0"), nothing, SOAK, "soaking", id="soaking"),
        pytest.param(NEWER, manifest(V, "1.0.0"), nothing, WHOLE, "open", id="an action"),
        pytest.param(NEWER, manifest(V, "1.0.0"), opened, WHOLE, "proposed", id="proposed where it stands"),
    ],
)
def test_the_first_answer_that_applies(
    staging: Object, production: str, setup: Setup, policy: Policy, expected: str
) -> None:
    repository = Repository({"vault.yaml": production})
    setup(repository)
    decided = look(fleet(staging), repository, policy=policy)
    assert words(decided) == {V: expected}
    assert all(one.message for one in decided.holds)


OTHER = "other/redis"


@pytest.mark.parametrize(
    ("mine", "policy", "setup", "expected"),
    [
        pytest.param(proven("b/redis", "1.1.0"), WHOLE, nothing, "waiting", id="waiting is the last"),
        pytest.param(proven("b/redis", "1.1.0"), SOAK, nothing, "soaking", id="soaking before waiting"),
        pytest.param(
            proven("b/redis", "1.1.0-rc.1", wants=">=0-0"), WHOLE, nothing, "prerelease", id="prerelease before waiting"
        ),
        pytest.param(
            proven("b/redis", "1.1.0", suspend=True), WHOLE, nothing, "suspended", id="suspended before waiting"
        ),
        pytest.param(
            proven("b/redis", "1.1.0"),
            WHOLE,
            lambda repository: repository.push("helm-promotion/home/a/redis"),
            "foreign",
            id="foreign before waiting",
        ),
    ],
)
def test_waiting_for_others_comes_after_every_gate(mine: Object, policy: Policy, setup: Setup, expected: str) -> None:
    repository = shared("1.0.0", "a", "b")
    setup(repository)
    staging = fleet(release("a/redis", ("1.1.0", "Failed")), mine)
    assert words(look(staging, repository, policy=policy)) == {"a/redis": "tests-failed", "b/redis": expected}


def test_what_waits_was_perhaps_reverted_before() -> None:
    repository = shared("1.0.0", "a", "b")
    both = fleet(proven("a/redis", "1.1.0"), proven("b/redis", "1.1.0"))
    turn(both, repository)
    repository.merge("helm-promotion/home/a/redis")
    repository.change("redis.yaml", "1.1.0", "1.0.0")
    one = fleet(release("a/redis", ("1.1.0", "Failed")), proven("b/redis", "1.1.0"))
    assert words(look(one, repository)) == {"a/redis": "tests-failed", "b/redis": "reverted"}


# --- what a hold says ------------------------------------------------------------------------------------------------


def test_a_hold_tells_what_is_and_what_would_be() -> None:
    found = hold(look(fleet(release(V, ("1.1.0", "Failed"))), vault()))
    message = "test hook vault-test failed in revision 1"
    assert found == Hold("home", Key("vault", "vault"), Reason.TESTS_FAILED, message, "1.0.0", "1.1.0")


def test_a_soaking_hold_tells_until_when_and_every_gate() -> None:
    found = hold(look(fleet(NEWER), vault(), policy=SOAK))
    assert found.until == NOW + timedelta(minutes=62)
    assert [gate.gate for gate in found.gates if not gate.ok] == ["soak"]
    assert (found.from_, found.to) == ("1.0.0", "1.1.0")


def test_ahead_tells_who_moved_the_pin_where_the_repository_does() -> None:
    repository = vault("1.2.0")
    assert hold(look(fleet(SAME), repository)).message == "production runs 1.2.0, staging deploys 1.0.0"
    repository.changes["vault.yaml"] = LastChange("0123456789abcdef", "Ada", NOW)
    message = "production runs 1.2.0, staging deploys 1.0.0; Ada moved the pin in 0123456789 on 2026-03-01"
    assert hold(look(fleet(SAME), repository)).message == message


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        pytest.param(
            rejected,
            "the branch for 1.1.0 was deleted without being merged; "
            "to propose it again: git push origin :refs/helm-promoter/home/vault/vault",
            id="rejected",
        ),
        pytest.param(
            reverted,
            "production was moved back to 1.0.0 after 1.1.0 was proposed; "
            "to propose it again: git push origin :refs/helm-promoter/home/vault/vault",
            id="reverted",
        ),
        pytest.param(
            edited,
            "helm-promotion/home/vault/vault holds commits that are not ours, and is left alone; merge it, or to start "
            "again: git push origin :helm-promotion/home/vault/vault :refs/helm-promoter/home/vault/vault",
            id="edited",
        ),
        pytest.param(
            foreign, "the branch helm-promotion/home/vault/vault is not ours; delete or rename it", id="foreign"
        ),
    ],
)
def test_a_person_s_no_says_how_to_undo_it(setup: Setup, message: str) -> None:
    repository = vault()
    setup(repository)
    assert hold(look(fleet(NEWER), repository)).message == message
    repository.heads.pop(BRANCH, None)
    repository.ledgers.pop(BRANCH, None)
    assert words(look(fleet(NEWER), repository)) == {V: "open"}


def test_a_ledger_without_our_marker_is_foreign_and_names_the_ref() -> None:
    repository = vault()
    repository.push(BRANCH)
    repository.ledgers[BRANCH] = repository.heads.pop(BRANCH)
    found = hold(look(fleet(NEWER), repository))
    assert (found.reason, found.message) == (
        Reason.FOREIGN,
        f"{LEDGER} holds no marker of ours; delete it: git push origin :{LEDGER}",
    )


def test_an_edit_that_would_change_more_than_the_version_is_unsupported() -> None:
    repository = vault("&v 1.0.0 # {*v}")
    staging = fleet(proven(V, "1.1.0"))
    one = view(promotion(), staging, repository)
    (assessed,) = assess([one], NOW)
    told = replace(repository.answer(inquire(assessed)), texts={"vault.yaml": manifest(V, "9.9.9")})
    decided = plan([assessed], {"home": told}, NOW)
    assert words(decided) == {V: "unsupported"}
    assert hold(decided).message.startswith("vault.yaml cannot be edited: ")


# --- the table: branch, ledger, pin ----------------------------------------------------------------------------------


def test_no_branch_and_no_ledger_is_opened_with_one_edit_and_a_marker() -> None:
    repository = vault()
    found = action(look(fleet(NEWER), repository))
    assert isinstance(found, Open)
    assert found.base == repository.sha
    (edit,) = found.edits
    assert edit.after == manifest(V, "1.1.0")
    marker = read_marker(found.commit.message)
    assert marker is not None
    assert (marker.from_, marker.to, marker.path, marker.state) == ("1.0.0", "1.1.0", "vault.yaml", State.ARMED)
    assert found.subject.title == "Promote vault release to v1.1.0"
    assert found.subject.branch == BRANCH
    assert found.subject.ledger_ref == LEDGER


def lowered(repository: Repository) -> None:
    opened(repository)
    repository.change("vault.yaml", "1.0.0", "0.9.0")


def raised(version: str) -> Setup:
    def setup(repository: Repository) -> None:
        opened(repository)
        repository.change("vault.yaml", "1.0.0", version)

    return setup


def merged(repository: Repository) -> None:
    opened(repository)
    repository.merge(BRANCH)


def kept(repository: Repository) -> None:
    opened(repository)
    repository.merge(BRANCH, delete=False)


def moved(repository: Repository) -> None:
    opened(repository)
    repository.write(**{"other.yaml": "kind: Other\n"})


def renamed(repository: Repository) -> None:
    opened(repository)
    repository.write(**{"new.yaml": repository.files["vault.yaml"]})
    del repository.files["vault.yaml"]


def copied(repository: Repository) -> None:
    opened(repository)
    repository.write(**{"new.yaml": repository.files["vault.yaml"], "vault.yaml": "# version: 1.0.0\n"})
    repository.write(**{"vault.yaml": manifest("vault/other", "1.0.0")})


def closed_then_back(repository: Repository) -> None:
    raised("1.2.0")(repository)
    assert isinstance(action(turn(fleet(NEWER), repository)), Close)
    repository.change("vault.yaml", "1.2.0", "1.0.0")


@pytest.mark.parametrize(
    ("setup", "versions", "expected"),
    [
        pytest.param(opened, ("1.1.0",), "proposed", id="as we left it"),
        pytest.param(opened, ("1.2.0", "1.1.0"), "update", id="a newer version"),
        pytest.param(opened, ("1.0.5",), "update", id="a lower one, still above the pin"),
        pytest.param(moved, ("1.1.0",), "proposed", id="base moved elsewhere"),
        pytest.param(raised("1.0.5"), ("1.1.0",), "update", id="the pin was raised, which conflicts"),
        pytest.param(raised("1.1.0"), ("1.1.0",), "close", id="production caught up"),
        pytest.param(raised("1.2.0"), ("1.1.0",), "close", id="production went beyond"),
        pytest.param(raised("1.1.0"), ("1.2.0", "1.1.0"), "close", id="caught up while a newer one waits: close first"),
        pytest.param(kept, ("1.1.0",), "close", id="merged, the branch still there"),
        pytest.param(merged, ("1.1.0",), "in sync", id="merged, the branch gone"),
        pytest.param(merged, ("1.2.0",), "open", id="merged, then a newer version"),
        pytest.param(lowered, ("1.1.0",), "disarm", id="the pin was lowered meanwhile"),
        pytest.param(lowered, ("1.2.0",), "disarm", id="the pin was lowered, and there is a newer version"),
        pytest.param(renamed, ("1.1.0",), "update", id="the manifest was renamed"),
        pytest.param(copied, ("1.1.0",), "update", id="the manifest was moved, though its old place would merge"),
        pytest.param(edited, ("1.1.0",), "edited", id="somebody pushed to it"),
        pytest.param(edited, ("1.2.0",), "edited", id="somebody pushed to it, and there is a newer version"),
        pytest.param(foreign, ("1.1.0",), "foreign", id="never ours"),
        pytest.param(rejected, ("1.1.0",), "rejected", id="deleted"),
        pytest.param(rejected, ("1.2.0",), "open", id="deleted, then a newer version"),
        pytest.param(rejected, ("1.0.5",), "open", id="deleted, then another version"),
        pytest.param(reverted, ("1.1.0",), "reverted", id="merged and moved back"),
        pytest.param(reverted, ("1.2.0",), "open", id="merged and moved back, then a newer version"),
        pytest.param(closed_then_back, ("1.1.0",), "reverted", id="overtaken by hand and moved back"),
    ],
)
def test_the_table(setup: Setup, versions: tuple[str, ...], expected: str) -> None:
    repository = vault()
    setup(repository)
    staging = fleet(proven(V, *versions))
    assert words(turn(staging, repository)) == {V: expected}
    turn(staging, repository)
    assert not look(staging, repository).actions


def test_an_update_keeps_the_branch_and_starts_from_the_pin_of_base() -> None:
    repository = vault()
    raised("1.0.5")(repository)
    found = action(turn(fleet(NEWER), repository))
    assert isinstance(found, Update)
    assert found.subject.branch == BRANCH
    assert (found.subject.from_, found.subject.to) == ("1.0.5", "1.1.0")
    assert dict(repository.heads[BRANCH].parent) == repository.files


def test_what_was_lowered_is_reverted_until_a_newer_version() -> None:
    repository = vault()
    lowered(repository)
    found = action(turn(fleet(NEWER), repository))
    assert isinstance(found, Disarm)
    assert (found.subject.reason, found.subject.message) == (
        Reason.REVERTED,
        "production was moved back to 0.9.0, below where this promotion began",
    )
    assert BRANCH not in repository.heads
    assert words(turn(fleet(NEWER), repository)) == {V: "reverted"}
    assert words(turn(fleet(proven(V, "1.2.0")), repository)) == {V: "open"}


def test_where_one_file_gives_the_name_twice_the_other_is_no_revert() -> None:
    two = manifest(V, "1.0.0") + "---\n" + manifest("other/vault", "2.0.0")
    repository = Repository({"vault.yaml": two})
    opened(repository)
    del repository.heads[BRANCH]
    assert words(look(fleet(NEWER), repository)) == {V: "rejected"}


def test_a_tag_that_base_once_carried_is_reverted() -> None:
    repository = shared("1.0.0", "a")
    staging = fleet(proven("a/redis", "1.1.0"))
    turn(staging, repository)
    repository.merge("helm-promotion/home/a/redis")
    repository.change("redis.yaml", "1.1.0", "1.0.0")
    assert words(look(staging, repository)) == {"a/redis": "reverted"}


def test_a_history_that_cannot_be_parsed_is_no_revert() -> None:
    repository = vault()
    opened(repository)
    repository.write(
        **{"vault.yaml": "kind: HelmRelease\nmetadata: {name: vault}\nspec: {chart: {spec: {version: x}}}"}
    )
    repository.write(**{"vault.yaml": manifest(V, "1.0.0")})
    del repository.heads[BRANCH]
    assert words(look(fleet(NEWER), repository)) == {V: "rejected"}


# --- taken back, and armed again -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("staging", "policy", "verb", "reason", "message"),
    [
        pytest.param(
            ASLEEP,
            WHOLE,
            Pause,
            "suspended",
            "staging is suspended: what it runs may not be what it would deploy; resume it",
            id="suspended: paused",
        ),
        pytest.param(
            NEWER, SOAK, Pause, "soaking", "proven since 2026-03-01 11:02:00Z, soaks until", id="a gate: paused"
        ),
        pytest.param(
            broken_object(),
            WHOLE,
            Pause,
            "unreadable",
            "HelmRelease vault/vault has another shape",
            id="unreadable: paused",
        ),
        pytest.param(
            release(V, ("1.1.0", "Failed")),
            WHOLE,
            Disarm,
            "tests-failed",
            "test hook vault-test failed",
            id="failed: disarmed",
        ),
        pytest.param(
            release(V, ("1.2.0", None)), WHOLE, Pause, "tests-running", "revision 1 with 1.2.0", id="forgotten: paused"
        ),
        pytest.param(
            rolled_back(), WHOLE, Disarm, "rolled-back", "upgrade to 1.1.0 failed", id="rolled back: disarmed"
        ),
        pytest.param(
            proven(V, "1.0.0", "1.1.0"),
            WHOLE,
            Disarm,
            "stale",
            "staging no longer proves 1.1.0",
            id="moved below: disarmed",
        ),
        pytest.param(proven(V, "1.0.0"), WHOLE, Pause, "stale", "staging no longer proves 1.1.0", id="unknown: paused"),
        pytest.param(
            proven(V, "0.9.0"), WHOLE, Pause, "stale", "staging no longer proves 1.1.0", id="now ahead: paused"
        ),
    ],
)
def test_what_is_no_longer_proposed_is_withdrawn_and_comes_back(
    staging: Object, policy: Policy, verb: type[Action], reason: str, message: str
) -> None:
    repository = vault()
    opened(repository)
    found = action(turn(fleet(staging), repository, policy=policy))
    assert isinstance(found, verb)
    assert found.subject.reason == reason
    assert (found.subject.message or "").startswith(message)
    assert (found.subject.from_, found.subject.to) == ("1.0.0", "1.1.0")
    marker = read_marker(repository.ledgers[BRANCH].message)
    assert marker is not None
    assert (marker.state, marker.reason) == (State.DISARMED if verb is Disarm else State.PAUSED, reason)
    assert BRANCH not in repository.heads
    assert not look(fleet(staging), repository, policy=policy).actions
    assert isinstance(action(turn(fleet(NEWER), repository)), Rearm)
    assert words(look(fleet(NEWER), repository)) == {V: "proposed"}


def test_a_failed_version_is_replaced_by_a_lower_proven_one() -> None:
    repository = vault()
    opened(repository)
    staging = fleet(release(V, ("1.1.0", "Failed"), ("1.0.5", "Succeeded")))
    found = action(turn(staging, repository))
    assert isinstance(found, Update)
    assert found.subject.to == "1.0.5"


def test_while_the_lower_one_soaks_the_reason_is_still_the_failure() -> None:
    repository = vault()
    opened(repository)
    staging = fleet(release(V, ("1.1.0", "Failed"), ("1.0.5", "Succeeded")))
    found = action(turn(staging, repository, policy=Policy(soak=DAY)))
    assert isinstance(found, Disarm)
    assert found.subject.reason is Reason.TESTS_FAILED


def test_a_doubt_about_another_version_is_not_the_reason_to_disarm() -> None:
    repository = vault()
    opened(repository)
    staging = fleet(release(V, ("1.2.0", None), ("1.0.0", "Succeeded"), ("1.1.0", "Succeeded")))
    found = action(look(staging, repository))
    assert isinstance(found, Disarm)
    assert (found.subject.reason, found.subject.message) == (Reason.STALE, "staging no longer proves 1.1.0")


def test_the_next_lower_proven_version_moves_while_a_newer_one_soaks() -> None:
    repository = vault()
    decided = turn(fleet(proven(V, "1.2.0", "1.1.0")), repository, policy=Policy(soak=1.5 * HOUR))
    assert action(decided).subject.to == "1.1.0"
    assert not look(fleet(proven(V, "1.2.0", "1.1.0")), repository, policy=Policy(soak=1.5 * HOUR)).actions
    later = look(fleet(proven(V, "1.2.0", "1.1.0")), repository, policy=Policy(soak=1.5 * HOUR), at=NOW + HOUR)
    assert action(later).subject.to == "1.2.0"


def test_if_every_version_soaks_the_highest_is_told() -> None:
    found = hold(look(fleet(proven(V, "1.2.0", "1.1.0")), vault(), policy=Policy(soak=DAY)))
    assert (found.reason, found.to) == (Reason.SOAKING, "1.2.0")


def test_what_a_person_rejected_is_not_proposed_while_a_newer_one_soaks() -> None:
    repository = vault()
    rejected(repository)
    decided = look(fleet(proven(V, "1.2.0", "1.1.0")), repository, policy=Policy(soak=1.5 * HOUR))
    assert words(decided) == {V: "rejected"}


def test_no_lower_version_is_proposed_in_the_place_of_a_rejected_one() -> None:
    repository = vault()
    opened(repository, "1.2.0")
    del repository.heads[BRANCH]
    found = hold(look(fleet(proven(V, "1.2.0", "1.1.0")), repository, policy=Policy(soak=1.5 * HOUR)))
    assert (found.reason, found.to, found.until) == (Reason.REJECTED, "1.2.0", None)


def test_what_was_rejected_is_not_told_to_pass_with_time() -> None:
    repository = vault()
    rejected(repository)
    found = hold(look(fleet(NEWER), repository, policy=SOAK))
    assert [gate.gate for gate in found.gates if not gate.ok] == ["soak"]
    assert found.until is None


def test_a_withdrawn_version_that_base_carried_meanwhile_was_reverted() -> None:
    repository = vault()
    opened(repository)
    turn(fleet(ASLEEP), repository)
    repository.change("vault.yaml", "1.0.0", "1.1.0")
    repository.change("vault.yaml", "1.1.0", "1.0.0")
    assert words(look(fleet(NEWER), repository)) == {V: "reverted"}


def test_a_branch_that_somebody_restored_from_a_withdrawn_ledger_is_armed_again() -> None:
    repository = vault()
    opened(repository)
    turn(fleet(ASLEEP), repository)
    repository.heads[BRANCH] = repository.ledgers[BRANCH]
    assert isinstance(action(turn(fleet(NEWER), repository)), Rearm)
    assert words(look(fleet(NEWER), repository)) == {V: "proposed"}


def test_a_version_in_the_marker_that_is_none_is_only_replaced() -> None:
    repository = vault()
    opened(repository)
    old = repository.heads[BRANCH]
    odd = replace(old, message=old.message.replace("Helm-Promoter-To: 1.1.0", "Helm-Promoter-To: next"))
    repository.heads[BRANCH] = repository.ledgers[BRANCH] = odd
    assert isinstance(action(look(fleet(NEWER), repository)), Update)
    del repository.heads[BRANCH]
    assert words(look(fleet(NEWER), repository)) == {V: "open"}


# --- units: one pin for many -----------------------------------------------------------------------------------------


def oci(tag: str, name: str = "redis") -> str:
    return f"""\
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: {name}
  namespace: flux-system
spec:
  url: oci://example.com/{name}
  ref:
    tag: {tag}
"""


def referring(key: str, to: str = "redis") -> str:
    namespace, name = key.split("/")
    return f"""\
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
  namespace: {namespace}
spec:
  chartRef:
    kind: OCIRepository
    name: {to}
    namespace: flux-system
"""


def shared(tag: str, *namespaces: str) -> Repository:
    return Repository({"redis.yaml": oci(tag) + "".join(referring(f"{one}/redis") for one in namespaces)})


A, B, C = "a/redis", "b/redis", "c/redis"
SHARED = "helm-promotion/home/a/redis"


def test_a_shared_pin_moves_for_all_by_one_action() -> None:
    repository = shared("1.0.0", "a", "b", "c")
    decided = turn(fleet(*(proven(key, "1.1.0") for key in (C, A, B))), repository)
    subject = action(decided).subject
    assert (str(subject.release), [str(key) for key in subject.releases]) == (A, [A, B, C])
    assert subject.branch == SHARED
    assert "tag: 1.1.0" in dict(repository.heads[SHARED].files)["redis.yaml"]
    again = look(fleet(*(proven(key, "1.1.0") for key in (A, B, C))), repository)
    assert words(again) == {A: "proposed", B: "proposed", C: "proposed"}


def test_a_release_without_a_counterpart_in_staging_holds_nobody_back() -> None:
    repository = shared("1.0.0", "a", "b")
    assert [str(key) for key in action(look(fleet(proven(A, "1.1.0")), repository)).subject.releases] == [A]


@pytest.mark.parametrize(
    ("staging", "expected", "message"),
    [
        pytest.param(
            (proven(A, "1.1.0"), proven(B, "1.0.0"), proven(C, "1.0.0")),
            {A: "waiting", B: "in sync", C: "in sync"},
            "the pin also governs b/redis, c/redis, where 1.1.0 is not proven",
            id="laggards are named",
        ),
        pytest.param(
            (proven(A, "1.1.0"), release(B, ("1.1.0", "Failed"))),
            {A: "waiting", B: "tests-failed"},
            "the pin also governs b/redis, where 1.1.0 is not proven",
            id="one has failed",
        ),
        pytest.param(
            (proven(A, "1.1.0"), proven(B, "1.2.0")),
            {A: "waiting", B: "waiting"},
            "the pin also governs b/redis, where 1.1.0 is not proven",
            id="each has proven another",
        ),
        pytest.param(
            (proven(A, "1.1.0"), proven(B, "1.1.0", suspend=True)),
            {A: "waiting", B: "suspended"},
            "the pin also governs b/redis, which staging has suspended",
            id="one is suspended",
        ),
        pytest.param(
            (proven(A, "1.1.0"), proven(B, "1.1.0", suspend=True), release(C, ("1.1.0", None))),
            {A: "waiting", B: "suspended", C: "tests-running"},
            "the pin also governs c/redis, where 1.1.0 is not proven",
            id="one is suspended and one is tested",
        ),
        pytest.param(
            (proven(A, "1.1.0"), broken_object() | {"metadata": {"name": "redis", "namespace": "b"}}),
            {A: "waiting", B: "unreadable"},
            "the pin also governs b/redis, where 1.1.0 is not proven",
            id="one cannot be read",
        ),
    ],
)
def test_a_shared_pin_waits(staging: tuple[Object, ...], expected: dict[str, str], message: str) -> None:
    decided = look(fleet(*staging), shared("1.0.0", "a", "b", "c"))
    assert words(decided) == expected
    assert hold(decided, A).message == message


def test_a_release_that_is_held_for_another_reason_has_a_say_in_the_pin_that_moves_it() -> None:
    repository = shared("1.0.0", "a", "b")
    repository.write(**{"old.yaml": manifest(B, "0.9.0")})
    failed = release(B, ("1.1.0", "Failed"), ("1.0.0", "Succeeded"))
    decided = look(fleet(proven(A, "1.1.0"), failed), repository)
    assert words(decided) == {A: "waiting", B: "ambiguous"}
    assert hold(decided, A).message == "the pin also governs b/redis, where 1.1.0 is not proven"
    passed = proven(B, "1.1.0", suspend=True)
    assert words(look(fleet(proven(A, "1.1.0"), passed), repository)) == {A: "waiting", B: "ambiguous"}
    assert words(turn(fleet(proven(A, "1.1.0"), proven(B, "1.1.0")), repository)) == {A: "open", B: "ambiguous"}
    found = action(look(fleet(proven(A, "1.1.0"), failed), repository))
    assert isinstance(found, Disarm)
    assert found.subject.reason is Reason.TESTS_FAILED


def test_a_shared_pin_moves_to_the_highest_version_that_all_have_proven() -> None:
    decided = look(fleet(proven(A, "1.2.0", "1.1.0"), proven(B, "1.1.0")), shared("1.0.0", "a", "b"))
    assert action(decided).subject.to == "1.1.0"


def test_a_shared_pin_is_withdrawn_for_all_with_the_gravest_reason() -> None:
    repository = shared("1.0.0", "a", "b")
    turn(fleet(proven(A, "1.1.0"), proven(B, "1.1.0")), repository)
    decided = turn(fleet(proven(A, "1.1.0"), release(B, ("1.1.0", "Failed"))), repository)
    found = action(decided)
    assert isinstance(found, Disarm)
    assert found.subject.reason is Reason.TESTS_FAILED
    assert words(decided) == {A: "disarm", B: "disarm"}


def test_an_evidence_that_is_merely_uncertain_pauses_for_all() -> None:
    repository = shared("1.0.0", "a", "b")
    turn(fleet(proven(A, "1.1.0"), proven(B, "1.1.0")), repository)
    found = action(turn(fleet(proven(A, "1.1.0"), release(B)), repository))
    assert isinstance(found, Pause)
    assert found.subject.reason is Reason.NOT_DEPLOYED


def test_a_member_that_joined_after_the_proposal_is_answered_too() -> None:
    repository = shared("1.0.0", "a", "b")
    turn(fleet(proven(A, "1.1.0")), repository)
    assert words(look(fleet(proven(A, "1.1.0"), proven(B, "1.1.0")), repository)) == {A: "proposed", B: "proposed"}
    assert words(look(fleet(proven(A, "1.1.0"), release(B)), repository)) == {A: "pause", B: "pause"}


def test_a_release_that_never_deployed_does_not_make_the_charts_differ() -> None:
    decided = look(fleet(proven(A, "1.1.0"), release(B)), shared("1.0.0", "a", "b"))
    assert words(decided) == {A: "waiting", B: "not-deployed"}


def test_different_charts_under_one_pin_are_ambiguous_for_all() -> None:
    decided = look(fleet(proven(A, "1.1.0"), proven(B, "1.1.0", chart="valkey")), shared("1.0.0", "a", "b"))
    assert words(decided) == {A: "ambiguous", B: "ambiguous"}
    message = "redis.yaml:9 pins a/redis, b/redis, which deploy different charts (redis, valkey); give each its own"
    assert hold(decided, A).message == message


def test_two_staging_releases_for_one_manifest_are_ambiguous() -> None:
    repository = Repository({"redis.yaml": manifest(A, "1.0.0").replace("  namespace: a\n", "")})
    decided = look(fleet(proven(A, "1.1.0"), proven(B, "1.1.0")), repository)
    assert words(decided) == {A: "ambiguous", B: "ambiguous"}
    message = "redis.yaml:9 is claimed by a/redis, b/redis; tell them apart by namespace, or with match:"
    assert hold(decided, B).message == message


def test_an_unreadable_release_beside_an_ambiguous_one_stays_unreadable() -> None:
    repository = Repository({"redis.yaml": manifest(A, "1.0.0").replace("  namespace: a\n", "")})
    broken = broken_object() | {"metadata": {"name": "redis", "namespace": "b"}}
    assert words(look(fleet(proven(A, "1.1.0"), broken), repository)) == {A: "ambiguous", B: "unreadable"}


def test_a_match_line_tells_which_manifest_is_meant() -> None:
    match = (Match(Key("vault", "vault"), Key("prod", "vault-prod")),)
    repository = Repository({"vault.yaml": manifest("prod/vault-prod", "1.0.0", "vault")})
    assert words(look(fleet(NEWER), repository, match=match)) == {V: "open"}
    assert words(look(fleet(NEWER), repository)) == {V: "unmatched"}


def test_two_promotions_that_claim_one_pin_are_ambiguous_for_all() -> None:
    work = promotion("work"), fleet(NEWER)
    decided = look(fleet(NEWER), vault(), work)
    assert [(one.promotion, one.reason) for one in decided.holds] == [
        ("home", Reason.AMBIGUOUS),
        ("work", Reason.AMBIGUOUS),
    ]
    assert decided.holds[0].message == "vault.yaml:10 is claimed by another promotion too; narrow the paths of one"
    assert not decided.actions


def test_what_stood_open_is_paused_when_a_second_promotion_claims_it() -> None:
    repository = vault()
    opened(repository)
    work = promotion("work"), fleet(NEWER)
    found = action(look(fleet(NEWER), repository, work))
    assert isinstance(found, Pause)
    assert found.subject.reason is Reason.AMBIGUOUS


def test_promotions_in_other_repositories_claim_nothing_here() -> None:
    work = promotion("work", repository="git:elsewhere#main"), fleet(NEWER)
    decided = look(fleet(NEWER), vault(), work)
    assert [one.subject.promotion for one in decided.actions] == ["home", "work"]


# --- a promotion outlives the release that it is named after ---------------------------------------------------------


def test_a_shared_pin_goes_on_under_its_branch_when_its_first_release_is_gone() -> None:
    repository = shared("1.0.0", "a", "b")
    turn(fleet(proven(A, "1.1.0"), proven(B, "1.1.0")), repository)
    decided = look(fleet(proven(B, "1.1.0")), repository)
    (found,) = decided.proposed
    assert (str(found.release), found.branch) == (B, SHARED)
    assert not decided.actions


def test_a_shared_pin_goes_on_when_its_first_release_has_lost_it() -> None:
    repository = shared("1.0.0", "a", "b")
    both = fleet(proven(A, "1.1.0"), proven(B, "1.1.0"))
    turn(both, repository)
    repository.write(**{"redis.yaml": oci("1.0.0") + referring(B)})
    assert words(look(both, repository)) == {A: "unmatched", B: "proposed"}


def test_releases_that_come_to_share_a_pin_keep_one_branch() -> None:
    texts = {"a.yaml": manifest(A, "1.0.0"), "b.yaml": manifest(B, "1.0.0")}
    repository = Repository(texts)
    both = fleet(proven(A, "1.1.0"), proven(B, "1.1.0"))
    assert words(turn(both, repository)) == {A: "open", B: "open"}
    repository.write(**shared("1.0.0", "a", "b").files)
    del repository.files["a.yaml"], repository.files["b.yaml"]
    found = action(turn(both, repository))
    assert isinstance(found, Close)
    assert found.forget
    assert found.subject.message == f"{SHARED} moves the same pin"
    assert set(repository.heads) == {SHARED}
    assert isinstance(action(turn(both, repository)), Update)
    assert words(look(both, repository)) == {A: "proposed", B: "proposed"}


def test_of_two_branches_for_one_pin_the_one_that_nobody_touched_goes_on() -> None:
    repository = Repository({"a.yaml": manifest(A, "1.0.0"), "b.yaml": manifest(B, "1.0.0")})
    both = fleet(proven(A, "1.1.0"), proven(B, "1.1.0"))
    turn(both, repository)
    repository.push(SHARED)
    repository.write(**shared("1.0.0", "a", "b").files)
    del repository.files["a.yaml"], repository.files["b.yaml"]
    found = action(turn(both, repository))
    assert isinstance(found, Update)
    assert found.subject.branch == "helm-promotion/home/b/redis"
    assert not look(both, repository).actions


def test_releases_that_part_keep_a_branch_each() -> None:
    repository = shared("1.0.0", "a", "b")
    both = fleet(proven(A, "1.1.0"), proven(B, "1.1.0"))
    turn(both, repository)
    repository.write(**{"redis.yaml": oci("1.0.0") + referring(A), "b.yaml": manifest(B, "1.0.0")})
    assert words(turn(both, repository)) == {A: "proposed", B: "open"}
    assert set(repository.heads) == {SHARED, "helm-promotion/home/b/redis"}
    assert not look(both, repository).actions


# --- gone ------------------------------------------------------------------------------------------------------------

KEEPER = proven("keep/keeper", "1.0.0")


def many(count: int) -> tuple[Repository, list[Object]]:
    keys = [f"ns/app{number}" for number in range(count)]
    files = {f"app{number}.yaml": manifest(key, "1.0.0") for number, key in enumerate(keys)}
    repository = Repository({**files, "keep.yaml": manifest("keep/keeper", "1.0.0")})
    staging = [proven(key, "1.1.0") for key in keys]
    turn(fleet(KEEPER, *staging), repository)
    assert len(repository.heads) == count
    return repository, staging


def test_a_release_that_is_gone_from_staging_is_paused_then_forgotten_after_a_day() -> None:
    repository, _ = many(1)
    found = action(turn(fleet(KEEPER), repository))
    assert isinstance(found, Pause)
    assert found.subject.message == "staging no longer has ns/app0"
    assert not repository.heads
    assert not look(fleet(KEEPER), repository, at=NOW + DAY - timedelta(seconds=1)).actions
    last = action(turn(fleet(KEEPER), repository, at=NOW + DAY))
    assert isinstance(last, Close)
    assert last.forget
    assert not repository.ledgers


def test_a_pin_that_is_gone_is_paused_then_forgotten_and_told_all_the_while() -> None:
    repository, (app,) = many(1)
    del repository.files["app0.yaml"]
    staging = fleet(KEEPER, app)
    assert words(turn(staging, repository)) == {"ns/app0": "pause", "keep/keeper": "in sync"}
    assert words(turn(staging, repository)) == {"ns/app0": "unmatched", "keep/keeper": "in sync"}
    assert words(turn(staging, repository, at=NOW + DAY)) == {"ns/app0": "close", "keep/keeper": "in sync"}
    assert words(turn(staging, repository, at=NOW + DAY)) == {"ns/app0": "unmatched", "keep/keeper": "in sync"}


def test_a_release_that_comes_back_is_armed_again() -> None:
    repository, staging = many(1)
    turn(fleet(KEEPER), repository)
    assert isinstance(action(turn(fleet(KEEPER, *staging), repository)), Rearm)
    assert not look(fleet(KEEPER, *staging), repository, at=NOW + 2 * DAY).actions


@pytest.mark.parametrize(
    ("setup", "staging"),
    [
        pytest.param(
            lambda r: r.heads.clear(), fleet(KEEPER), id="a merged or deleted branch has nothing to take back"
        ),
        pytest.param(
            lambda r: r.push("helm-promotion/home/ns/app0"), fleet(KEEPER), id="an edited branch is left alone"
        ),
        pytest.param(
            lambda r: r.files.update({"broken.yaml": "kind: HelmRelease\n a: b: c"}),
            fleet(KEEPER),
            id="a file that cannot be read may hold the pin",
        ),
        pytest.param(
            lambda r: None,
            fleet(KEEPER, errors=(Problem("OCIRepository a/b", "it has another shape"),)),
            id="a staging object that cannot be read may be the reason",
        ),
    ],
)
def test_nothing_is_withdrawn_for_disappearance(setup: Setup, staging: Fleet) -> None:
    repository, _ = many(1)
    setup(repository)
    assert not look(staging, repository).actions
    assert not look(staging, repository, at=NOW + 2 * DAY).actions


def test_what_people_pushed_under_a_forgotten_name_is_left_alone() -> None:
    repository, _ = many(1)
    turn(fleet(KEEPER), repository)
    repository.push("helm-promotion/home/ns/app0")
    assert not look(fleet(KEEPER), repository, at=NOW + 2 * DAY).actions


@pytest.mark.parametrize("text", [pytest.param("", id="gone"), pytest.param(manifest("ns/app0", "1.x"), id="a range")])
def test_what_people_pushed_is_left_alone_though_its_pin_is_gone(text: str) -> None:
    repository, (app,) = many(1)
    repository.files["app0.yaml"] = text
    repository.push("helm-promotion/home/ns/app0")
    assert not look(fleet(KEEPER, app), repository).actions
    repository.ledgers.clear()
    decided = look(fleet(KEEPER, app), repository)
    assert not decided.actions
    assert len(decided.holds) == 1


def test_a_pin_that_is_gone_from_a_read_with_errors_is_only_told() -> None:
    repository, (app,) = many(1)
    repository.files["app0.yaml"] = "kind: HelmRelease\n a: b: c"
    decided = look(fleet(KEEPER, app), repository)
    assert not decided.actions
    assert words(decided)["ns/app0"] == "unmatched"


def test_an_empty_namespace_is_told_but_is_no_failed_read() -> None:
    repository, _ = many(1)
    staging = fleet(KEEPER, empty=(Problem("ns", "staging has no HelmRelease in ns"),))
    decided = look(staging, repository)
    assert isinstance(action(decided), Pause)
    assert [(one.subject, one.fatal) for one in decided.errors] == [("ns", False)]


@pytest.mark.parametrize(
    ("ours", "gone", "withdrawn"),
    [
        pytest.param(3, 3, 3, id="three may go whatever their share"),
        pytest.param(4, 4, 0, id="four of four may not"),
        pytest.param(20, 4, 4, id="a fifth may"),
        pytest.param(19, 4, 0, id="more than a fifth may not"),
    ],
)
def test_mass_disappearance_is_an_error_and_nothing_is_done(ours: int, gone: int, withdrawn: int) -> None:
    repository, staging = many(ours)
    decided = look(fleet(KEEPER, *staging[gone:]), repository)
    assert len(decided.actions) == withdrawn
    told = [one.message for one in decided.errors]
    names = ", ".join(f"ns/app{number}" for number in range(gone))
    message = f"too many promotions would be withdrawn at once because their releases or pins are gone: {names}; "
    assert told == ([] if withdrawn else [message + "nothing is withdrawn; check namespaces, selector and paths"])


def test_pins_that_disappear_at_once_are_told_and_nothing_is_done() -> None:
    repository, staging = many(4)
    for number in range(4):
        del repository.files[f"app{number}.yaml"]
    decided = look(fleet(KEEPER, *staging), repository)
    assert not decided.actions
    assert set(words(decided).values()) == {"in sync", "unmatched"}
    assert [one.subject for one in decided.errors] == ["disappearance"]


def test_merged_promotions_of_long_ago_do_not_raise_the_share() -> None:
    repository, staging = many(30)
    for number in range(5, 30):
        repository.merge(f"helm-promotion/home/ns/app{number}")
    gone = look(fleet(KEEPER, *staging[5:]), repository)
    assert not gone.actions
    assert [one.subject for one in gone.errors] == ["disappearance"]


def test_the_share_is_counted_over_all_promotions_of_a_pass_too() -> None:
    texts = {f"{number}.yaml": manifest(f"n{number}/app", "1.0.0") for number in range(4)}
    repository = Repository(texts)
    halves = [fleet(*(proven(f"n{number}/app", "1.1.0") for number in half)) for half in ((0, 1), (2, 3))]
    decided = look(halves[0], repository, (promotion("work"), halves[1]))
    for one in decided.actions:
        repository.apply(one)
    again = look(Fleet(), repository, (promotion("work"), Fleet()))
    assert not again.actions
    assert [(one.promotion, one.subject) for one in again.errors] == [
        ("home", "disappearance"),
        ("work", "disappearance"),
    ]
    assert len(look(halves[0], repository, (promotion("work"), Fleet())).actions) == 2


def test_the_share_of_one_promotion_is_not_that_of_a_larger_one() -> None:
    small = {f"s{number}.yaml": manifest(f"s{number}/app", "1.0.0") for number in range(4)}
    large = {f"l{number}.yaml": manifest(f"l{number}/app", "1.0.0") for number in range(30)}
    repository = Repository({**small, **large})
    staging = [fleet(*(proven(f"{path[:-5]}/app", "1.1.0") for path in some)) for some in (small, large)]
    for one in look(staging[0], repository, (promotion("work"), staging[1])).actions:
        repository.apply(one)
    decided = look(Fleet(), repository, (promotion("work"), staging[1]))
    assert not decided.actions
    assert [(one.promotion, one.subject) for one in decided.errors] == [("home", "disappearance")]


def test_forgetting_is_no_withdrawal() -> None:
    repository, staging = many(6)
    turn(fleet(KEEPER, *staging[3:]), repository)
    turn(fleet(KEEPER, *staging[:3]), repository, at=NOW + HOUR)
    turn(fleet(KEEPER), repository, at=NOW + 2 * HOUR)
    decided = turn(fleet(KEEPER), repository, at=NOW + 3 * DAY)
    assert not decided.errors
    assert not repository.ledgers


# --- what stands under the names of others ---------------------------------------------------------------------------


def test_an_open_promotion_that_the_config_no_longer_has_is_an_error() -> None:
    repository = vault()
    opened(repository)
    work = promotion("work"), Fleet()
    decided = look(fleet(NEWER), repository, work, name="next")
    message = f'{BRANCH} is of the promotion "home", which the config does not have; delete it'
    assert [(one.promotion, one.subject, one.message) for one in decided.errors] == [
        ("next", "helm-promotion/home", message)
    ]
    del repository.heads[BRANCH]
    assert not look(fleet(NEWER), repository, work, name="next").errors


def test_a_branch_that_only_looks_like_ours_is_nobody_s_matter() -> None:
    repository = vault()
    repository.push("helm-promotion/old/vault/vault")
    assert not look(fleet(NEWER), repository).errors


def test_what_could_not_be_read_is_no_evidence() -> None:
    staging = fleet(NEWER, broken_object() | {"metadata": {"name": "redis", "namespace": "a"}})
    (assessed,) = assess([view(promotion(), staging, vault())], NOW)
    assert [str(key) for key in assessed.evidence] == [V]


def test_a_promotion_that_could_not_be_observed_is_still_of_the_config() -> None:
    repository = vault()
    opened(repository)
    one = view(promotion("work", paths=("none/**",)), Fleet(), repository, ["home", "work"])
    (assessed,) = assess([one], NOW)
    assert [error.subject for error in assessed.errors] == ["none/**"]
    assert assessed.shared


def test_titles_name_the_promotion_where_several_share_a_repository() -> None:
    decided = look(fleet(NEWER), vault(), (promotion("work"), Fleet()))
    assert action(decided).subject.title == "Promote vault release to v1.1.0 (home)"


# --- errors that sink nothing but themselves -------------------------------------------------------------------------


def entries(*more: Entry) -> list[Any]:
    repository = vault()
    one = view(promotion(paths=("*.yaml", "!vendor*", "charts/**")), fleet(NEWER), repository)
    base = replace(one.base, entries=(*one.base.entries, *more))
    (assessed,) = assess([replace(one, base=base)], NOW)
    assert [unit.releases for unit in assessed.units] == [(Key("vault", "vault"),)]
    return [(error.subject, error.message, error.fatal) for error in assessed.errors]


GLOB = ("charts/**", 'the glob "charts/**" matches no file on the branch; mend it in paths', False)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            Entry("a.yaml", "1", 9, EntryKind.SYMLINK),
            ("a.yaml", "a.yaml is a symbolic link, which is never followed; select the file that it points to", False),
            id="a symbolic link",
        ),
        pytest.param(
            Entry("a.yaml", "1", 9, EntryKind.OTHER),
            ("a.yaml", "a.yaml is no plain file with a plain name; rename it, or exclude it from paths", False),
            id="a submodule or an odd name",
        ),
        pytest.param(
            Entry("a.yaml", "1", (1 << 20) + 1),
            ("a.yaml", "a.yaml is over 1 MiB, which no manifest is; exclude it from paths", False),
            id="a file that is too large",
        ),
        pytest.param(Entry("vendor.yaml", "1", 9, EntryKind.SYMLINK), None, id="what is excluded is no matter"),
        pytest.param(Entry("sub/a.yaml", "1", 9, EntryKind.SYMLINK), None, id="nor what no glob selects"),
    ],
)
def test_an_entry_that_is_never_read_is_told(entry: Entry, expected: tuple[str, str, bool] | None) -> None:
    assert entries(entry) == [*filter(None, [expected]), GLOB]


def test_of_the_globs_that_nobody_wrote_one_may_match_nothing() -> None:
    one = view(promotion(paths=EVERYWHERE), fleet(NEWER), vault())
    (assessed,) = assess([one], NOW)
    assert not assessed.errors

    (empty,) = assess([replace(one, base=replace(one.base, entries=()))], NOW)
    assert [error.subject for error in empty.errors] == list(EVERYWHERE)


def test_what_is_no_manifest_by_its_name_is_no_matter() -> None:
    repository = vault()
    one = view(promotion(), fleet(NEWER), repository)
    odd = (Entry("a.png", "1", 1 << 30), Entry("b.sh", "2", 9, EntryKind.SYMLINK))
    (assessed,) = assess([replace(one, base=replace(one.base, entries=(*one.base.entries, *odd)))], NOW)
    assert not assessed.errors


def test_a_broken_file_sinks_nothing_but_itself() -> None:
    repository = vault()
    repository.files["broken.yaml"] = "kind: HelmRelease\n a: b: c"
    decided = look(fleet(NEWER), repository)
    assert words(decided) == {V: "open"}
    (error,) = decided.errors
    assert error.subject == "broken.yaml"
    assert error.message.startswith("broken.yaml: line 2: ")
    assert error.message.endswith("; the file is left alone until it is mended")


# --- what is looked up -----------------------------------------------------------------------------------------------


def test_only_what_drifted_is_looked_up() -> None:
    same = {f"same{number}.yaml": manifest(f"ns/same{number}", "1.0.0") for number in range(3)}
    repository = Repository({**vault().files, **same, "ahead.yaml": manifest("ns/ahead", "2.0.0")})
    staging = fleet(NEWER, proven("ns/ahead", "1.0.0"), *(proven(f"ns/same{number}", "1.0.0") for number in range(3)))
    opened(repository)
    (assessed,) = assess([view(promotion(), staging, repository)], NOW)
    found = inquire(assessed)
    assert found.paths == ("vault.yaml",)
    assert [(one.branch, one.path, one.history) for one in found.questions] == [(BRANCH, "vault.yaml", False)]
    assert list(found.places.values()) == [("ahead.yaml", 10)]


def test_history_is_read_only_for_the_version_that_ended() -> None:
    repository = vault()
    rejected(repository)
    (assessed,) = assess([view(promotion(), fleet(NEWER), repository)], NOW)
    assert [one.history for one in inquire(assessed).questions] == [True]
    (assessed,) = assess([view(promotion(), fleet(proven(V, "1.2.0")), repository)], NOW)
    assert not inquire(assessed).questions


# --- policy ----------------------------------------------------------------------------------------------------------


def test_without_tests_readiness_soaks() -> None:
    optional = Policy(tests=model.Tests.OPTIONAL, soak=HOUR)
    staging = fleet(release(V, ("1.1.0", None), test={}))
    decided = look(staging, vault(), policy=optional)
    assert words(decided) == {V: "soaking"}
    assert hold(decided).until == NOW + timedelta(minutes=2)
    assert words(look(staging, vault(), policy=optional, at=NOW + timedelta(minutes=2))) == {V: "open"}


def test_everything_is_sorted_by_promotion_then_release() -> None:
    files = {f"{name}.yaml": manifest(name.replace(".", "/"), "1.0.0") for name in ("b.a", "a.b", "a.a")}
    repository = Repository(files)
    staging = fleet(proven("b/a", "1.1.0"), proven("a/b", "1.1.0"), proven("a/a", "1.1.0"), proven("x/x", "1.0.0"))
    work = promotion("alone", paths=("none",)), fleet(proven("y/y", "1.0.0"))
    decided = look(staging, repository, work)
    assert [str(one.subject.release) for one in decided.actions] == ["a/a", "a/b", "b/a"]
    assert [(one.promotion, str(one.release)) for one in decided.holds] == [("alone", "y/y"), ("home", "x/x")]
    assert [one.promotion for one in decided.errors] == ["alone"]


# --- what could not be seen ------------------------------------------------------------------------------------------


def unread(*namespaces: str) -> tuple[Problem, ...]:
    return tuple(Problem(namespace, f"{namespace} is forbidden") for namespace in namespaces)


def blind(staging: Fleet, repository: Repository, *unseen: Unseen) -> Plan:
    one = replace(view(promotion(), staging, repository), unseen=unseen)
    assessments = assess([one], NOW)
    return plan(assessments, {"home": repository.answer(inquire(assessments[0]))}, NOW)


def test_a_namespace_that_cannot_be_read_is_an_error_and_freezes_its_own_releases_alone() -> None:
    repository, (app,) = many(1)
    repository.write(**{"new.yaml": manifest("other/new", "1.0.0")})
    decided = look(fleet(KEEPER, proven("other/new", "1.1.0"), unread=unread("ns")), repository, at=NOW + 2 * DAY)
    assert words(decided) == {"keep/keeper": "in sync", "other/new": "open"}
    (error,) = decided.errors
    assert (error.subject, error.message, error.fatal) == ("ns", "ns is forbidden", True)
    assert not look(fleet(KEEPER, app, unread=unread("other")), repository).actions


def test_what_is_gone_from_a_namespace_that_was_read_is_taken_back_though_another_was_not() -> None:
    repository, _ = many(1)
    assert isinstance(action(look(fleet(KEEPER, unread=unread("other")), repository)), Pause)


def test_a_pin_that_also_governs_a_namespace_that_cannot_be_read_waits() -> None:
    repository = shared("1.0.0", "a", "b")
    seen = fleet(proven(A, "1.1.0"), unread=unread("b"))
    message = 'redis.yaml:9 may also pin releases of the promotion "home" (b), whose staging could not be read'
    found = hold(look(seen, repository), A)
    assert found.reason is Reason.UNREADABLE
    assert found.message.startswith(message)
    assert (found.from_, found.to) == ("1.0.0", "1.1.0")


def test_what_stands_open_for_a_shared_pin_is_left_as_it_is_while_one_namespace_cannot_be_read() -> None:
    repository = shared("1.0.0", "a", "b")
    turn(fleet(proven(A, "1.1.0"), proven(B, "1.1.0")), repository)
    assert words(look(fleet(proven(A, "1.1.0"), unread=unread("b")), repository)) == {A: "proposed"}
    assert words(look(fleet(proven(A, "1.2.0"), unread=unread("b")), repository)) == {A: "unreadable"}
    assert words(look(fleet(proven(B, "1.1.0"), unread=unread("a")), repository)) == {B: "proposed"}


ELSEWHERE = Key("stage", "vault")


@pytest.mark.parametrize(
    ("unseen", "expected"),
    [
        pytest.param(Unseen(promotion("work"), ("*",)), "unreadable", id="another promotion, all of its staging"),
        pytest.param(Unseen(promotion("work"), ("vault",)), "unreadable", id="its namespace of that name"),
        pytest.param(Unseen(promotion("work"), ("redis",)), "open", id="namespaces where it has no such release"),
        pytest.param(Unseen(promotion("work", paths=("work/**",)), ("*",)), "open", id="paths that leave the pin out"),
        pytest.param(
            Unseen(promotion("work", match=(Match(ELSEWHERE, Key("vault", "vault")),)), ("stage",)),
            "unreadable",
            id="a match line that leads to the pin",
        ),
        pytest.param(
            Unseen(promotion("work", match=(Match(Key("vault", "vault"), ELSEWHERE),)), ("vault",)),
            "open",
            id="a match line that leads away from it",
        ),
    ],
)
def test_a_pin_that_a_promotion_may_claim_whose_staging_is_out_is_not_moved(unseen: Unseen, expected: str) -> None:
    assert words(blind(fleet(NEWER), vault(), unseen)) == {V: expected}


def test_a_manifest_without_a_namespace_may_be_anyone_s() -> None:
    text = manifest(V, "1.0.0").replace("  namespace: vault\n", "")
    repository = Repository({"vault.yaml": text})
    out = Unseen(promotion("work"), ("other",))
    assert words(blind(fleet(NEWER), repository, out)) == {V: "unreadable"}
    assert words(look(fleet(NEWER, unread=unread("other")), repository)) == {V: "open"}


def test_an_outage_of_another_staging_takes_nothing_back() -> None:
    repository = vault()
    opened(repository)
    assert words(blind(fleet(proven(V, "1.1.0")), repository, Unseen(promotion("work"), ("*",)))) == {V: "proposed"}
