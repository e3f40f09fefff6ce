"""Every way in which staging can fail: the failed version stays where it is, the one proven before is promoted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.charts import Hook
from tests.e2e.staging import FAILS, PASSES, newest

if TYPE_CHECKING:
    from tests.e2e.cluster import Object
    from tests.e2e.staging import Staging

pytestmark = pytest.mark.e2e

PROVEN = {"app": ["-      version: 0.9.0", "+      version: 1.0.0", "1 commit"]}
ROLLBACK = {"remediation": {"retries": 0, "remediateLastFailure": True}}
RETRY = {"strategy": {"name": "RetryOnFailure", "retryInterval": "3s"}}


def only_the_proven_one(world: Staging) -> Object:
    """See the proven version promoted and merged; give the hold that is left then."""
    assert world.run() == PROVEN
    world.repository.merge(f"helm-promotion/home/{world.namespace}/app")
    assert world.run() == {}
    plan = world.plan()
    assert plan["actions"] == []
    assert plan["errors"] == []
    (hold,) = plan["holds"]
    return hold


def retrying(release: Object) -> bool:
    conditions = {each["type"]: each["reason"] for each in release["status"]["conditions"]}
    return conditions.get("Reconciling") == "ProgressingWithRetry"


def test_failed_tests_are_held(world: Staging) -> None:
    world.starts()
    world.publish("1.1.0", *FAILS)
    world.settles("1.1.0", ready="False")
    world.record("tests-fail")
    hold = only_the_proven_one(world)
    assert (hold["reason"], hold["to"]) == ("tests-failed", "1.1.0")
    assert hold["message"] == "test hook app-smoke failed in revision 2"


def test_failed_tests_that_are_rolled_back_are_held(world: Staging) -> None:
    world.starts(upgrade=ROLLBACK)
    world.publish("1.1.0", *FAILS)
    seen = world.settles("1.1.0", ready="False")
    assert (newest(seen)["action"], newest(seen)["chartVersion"]) == ("rollback", "1.0.0")
    world.record("tests-fail-and-roll-back")
    assert only_the_proven_one(world)["reason"] == "tests-failed"


def test_a_second_failed_try_after_a_rollback_takes_the_proof_out_of_the_history(world: Staging) -> None:
    """Flux keeps the history only back to the last good revision: by then the rollback, which was never tested."""
    world.starts(upgrade={"remediation": {"retries": 1}})
    world.publish("1.1.0", *FAILS)
    world.becomes("the first try is rolled back", lambda seen: newest(seen)["version"] == 3)
    world.record("tests-fail-and-roll-back-before-the-next-try")
    assert world.run() == PROVEN
    seen = world.settles("1.1.0", ready="False")
    assert [(each["version"], each["chartVersion"]) for each in seen["status"]["history"]] == [
        (5, "1.0.0"),
        (4, "1.1.0"),
        (3, "1.0.0"),
    ]
    world.record("tests-fail-twice-and-roll-back")
    assert world.run() == {}
    assert world.answer() == "tests-failed"


def test_failed_tests_that_staging_ignores_are_held(world: Staging) -> None:
    world.starts(test={"enable": True, "ignoreFailures": True})
    world.publish("1.1.0", *FAILS)
    world.settles("1.1.0")
    world.record("tests-fail-ignored")
    assert only_the_proven_one(world)["reason"] == "tests-failed"


def test_failed_tests_that_only_the_remediation_ignores_are_held(world: Staging) -> None:
    world.starts(upgrade={"remediation": {"retries": 3, "ignoreTestFailures": True}})
    world.publish("1.1.0", *FAILS)
    world.settles("1.1.0", ready="False")
    world.record("tests-fail-ignored-by-remediation")
    assert only_the_proven_one(world)["reason"] == "tests-failed"


def test_failed_tests_are_held_until_a_retry_passes(world: Staging) -> None:
    world.starts(upgrade=RETRY)
    world.publish("1.1.0", *FAILS)
    world.becomes("it waits for the second retry", lambda seen: newest(seen)["version"] > 2 and retrying(seen))
    world.record("retry-on-failure")
    assert only_the_proven_one(world)["reason"] in {"tests-failed", "tests-running"}  # the next retry may be under way
    world.order("Succeeded")
    world.settles("1.1.0")
    world.record("retry-on-failure-passes")
    assert world.run() == {"app": ["-      version: 1.0.0", "+      version: 1.1.0", "1 commit"]}


def test_tests_that_do_not_end_in_time_are_held(world: Staging) -> None:
    world.starts(test={"enable": True, "timeout": "8s"})
    world.publish("1.1.0", Hook(phase="Running"))
    world.settles("1.1.0", ready="False")
    world.record("tests-time-out")
    assert only_the_proven_one(world)["reason"] == "tests-failed"


def test_one_failed_hook_of_two_is_enough(world: Staging) -> None:
    world.starts()
    world.publish("1.1.0", Hook("a-good"), Hook("b-bad", "Failed"), Hook("c-never"))
    world.settles("1.1.0", ready="False")
    world.record("one-hook-of-three-fails")
    assert only_the_proven_one(world)["reason"] == "tests-failed"


def test_a_failed_upgrade_is_held(world: Staging) -> None:
    world.starts()
    world.publish("1.1.0", *PASSES, broken=True)
    world.settles("1.1.0", ready="False")
    world.record("upgrade-fails")
    hold = only_the_proven_one(world)
    assert (hold["reason"], hold["to"]) == ("not-deployed", "1.1.0")


def test_a_failed_upgrade_that_is_rolled_back_is_held(world: Staging) -> None:
    world.starts(upgrade=ROLLBACK)
    world.publish("1.1.0", *PASSES, broken=True)
    world.settles("1.1.0", ready="False")
    world.record("upgrade-fails-and-rolls-back")
    hold = only_the_proven_one(world)
    assert (hold["reason"], hold["to"]) == ("rolled-back", "1.1.0")


def test_a_failed_upgrade_hook_that_is_rolled_back_is_held(world: Staging) -> None:
    world.starts(upgrade=ROLLBACK)
    world.publish("1.1.0", Hook("migrate", "Failed", when="pre-upgrade"), *PASSES)
    world.settles("1.1.0", ready="False")
    world.record("upgrade-hook-fails-and-rolls-back")
    assert only_the_proven_one(world)["reason"] == "rolled-back"


def test_after_a_rollback_the_next_good_version_is_promoted(world: Staging) -> None:
    world.starts(upgrade=ROLLBACK)
    world.publish("1.1.0", *FAILS)
    world.settles("1.1.0", ready="False")
    world.publish("1.2.0", *PASSES)
    world.settles("1.2.0")
    world.record("good-version-after-a-rollback")
    assert world.run() == {"app": ["-      version: 0.9.0", "+      version: 1.2.0", "1 commit"]}


def test_a_chart_that_cannot_be_fetched_takes_no_proof_away(world: Staging) -> None:
    world.starts()
    world.change(chart={"spec": {"version": "9.9.9"}})
    world.becomes("the source is not ready", lambda seen: conditions(seen)["Ready"]["status"] == "False")
    world.record("chart-not-found")
    assert world.run() == {}


def test_a_first_install_that_fails_its_tests_is_held(world: Staging) -> None:
    world.publish("1.0.0", *FAILS)
    world.charts()
    world.release()
    world.settles("1.0.0", ready="False")
    world.record("install-tests-fail")
    world.pin("0.9.0")
    assert world.run() == {}
    assert world.answer() == "tests-failed"


def test_a_first_install_that_is_uninstalled_again_is_held(world: Staging) -> None:
    world.publish("1.0.0", *FAILS)
    world.charts()
    world.release(install=ROLLBACK)
    world.settles("1.0.0", ready="False")
    world.record("install-uninstalled")
    world.pin("0.9.0")
    assert world.run() == {}
    assert world.answer() == "not-deployed"


def conditions(release: Object) -> dict[str, Object]:
    return {each["type"]: each for each in release["status"]["conditions"]}
