"""Observed every 50 ms through whole upgrades: not one look yields a version that is not proven.

While an upgrade runs, the cluster shows the new version beside the success of the old one. Besides, Flux writes the
conditions first and the history a moment later (``patch.Helper.Patch`` in fluxcd/pkg/runtime), so that for some
milliseconds the two speak of different revisions.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.core import model
from reconciler.core.model import Evidence, Policy
from tests.e2e.charts import Hook
from tests.e2e.observer import observing
from tests.e2e.staging import FAILS, PASSES, newest
from tests.recordings import judged

if TYPE_CHECKING:
    from tests.e2e.cluster import Object
    from tests.e2e.observer import Observer
    from tests.e2e.staging import Staging

pytestmark = pytest.mark.e2e

MIGRATES = Hook("migrate", when="pre-upgrade")
REQUIRED = Policy()
READINESS = Policy(tests=model.Tests.OPTIONAL, soak=timedelta(seconds=1))
ROLLBACK = {"remediation": {"retries": 0, "remediateLastFailure": True}}
AGAIN = {"strategy": {"name": "RetryOnFailure", "retryInterval": "1s"}}


def proven(moment: list[Object], policy: Policy = REQUIRED) -> list[str]:
    found = judged(moment, policy=policy)
    assert isinstance(found, Evidence), found
    return [proof.text for proof in found.proofs]


def seen(observer: Observer, policy: Policy = REQUIRED) -> list[list[str]]:
    """What was proven at every look, and in every state that the API ever showed."""
    return [proven(moment, policy) for moment in [*observer.looks, *observer.states]]


def trapped(moment: list[Object]) -> bool:
    """Whether the cluster shows 1.1.0 beside the success of 1.0.0."""
    status = moment[0]["status"]
    succeeded = any(each["type"] == "TestSuccess" and each["status"] == "True" for each in status["conditions"])
    old = newest(moment[0])["chartVersion"] == "1.0.0"
    return old and succeeded and status["lastAttemptedRevision"] == "1.1.0"


def test_an_upgrade_in_flight_proves_nothing_until_its_tests_have_passed(world: Staging) -> None:
    world.starts("1.0.0", MIGRATES, *PASSES)
    for hook in ("app-migrate", "app-smoke"):
        world.order("Running", hook)
    with observing(world) as before:
        world.publish("1.1.0", MIGRATES, *PASSES)
        world.becomes("the upgrade runs", lambda release: trapped([release]))
        world.record("in-flight-upgrade-runs")
        assert world.run() == {"app": ["-      version: 0.9.0", "+      version: 1.0.0", "1 commit"]}
        world.order("Succeeded", "app-migrate")
        world.becomes("the tests run", lambda release: newest(release)["chartVersion"] == "1.1.0")
        world.record("in-flight-tests-run")
        assert world.answer() == "proposed"
    assert any(map(trapped, before.looks))
    assert len(before.looks) > 20
    assert [each for each in seen(before) if "1.1.0" in each] == []
    with observing(world) as after:
        world.order("Succeeded")
        world.settles("1.1.0")
    world.record_all("timeline-tests-pass", [*before.states, *after.states[1:]])
    assert proven(after.states[0]) == ["1.0.0"]
    assert proven(after.states[-1]) == ["1.1.0", "1.0.0"]
    assert world.run() == {"app": ["-      version: 0.9.0", "+      version: 1.1.0", "1 commit"]}


FAILURES = {
    "tests-fail": (FAILS, {}, False),
    "tests-fail-and-roll-back": (FAILS, ROLLBACK, False),
    "tests-fail-and-are-tried-again": (FAILS, AGAIN, False),
    "upgrade-fails": (PASSES, {}, True),
    "upgrade-fails-and-rolls-back": (PASSES, ROLLBACK, True),
}


@pytest.mark.parametrize("name", FAILURES)
def test_never_proven(world: Staging, name: str) -> None:
    hooks, upgrade, broken = FAILURES[name]
    world.starts(upgrade=upgrade)
    with observing(world) as observer:
        world.publish("1.1.0", *hooks, broken=broken)
        world.becomes("it has failed", lambda release: release["status"].get("upgradeFailures", 0) > 0)
    world.record_all(f"timeline-{name}", observer.states)
    assert len(observer.looks) >= 5
    assert [each for each in seen(observer) if "1.1.0" in each] == []


def test_new_values_in_flight_prove_nothing_else(world: Staging) -> None:
    world.starts()
    with observing(world) as observer:
        world.change(values={"colour": "blue"})
        world.becomes("it was upgraded", lambda release: newest(release)["version"] == 2)
        world.settles("1.0.0")
    world.record_all("timeline-values-change", observer.states)
    assert {"1.0.0"} == {version for each in seen(observer) for version in each}


def test_without_tests_an_upgrade_in_flight_proves_nothing_until_it_is_ready(world: Staging) -> None:
    world.starts("1.0.0", MIGRATES, test={"enable": False})
    world.order("Running", "app-migrate")
    with observing(world) as before:
        world.publish("1.1.0", MIGRATES)
        world.becomes("the upgrade runs", lambda release: release["status"]["lastAttemptedRevision"] == "1.1.0")
    assert [each for each in seen(before, READINESS) if "1.1.0" in each] == []
    with observing(world) as after:
        world.order("Succeeded", "app-migrate")
        world.settles("1.1.0")
    world.record_all("timeline-no-tests", [*before.states, *after.states[1:]])
    assert proven(after.states[-1], READINESS) == ["1.1.0"]


def test_without_tests_an_upgrade_that_is_rolled_back_is_never_proven(world: Staging) -> None:
    world.starts(test={"enable": False}, upgrade=ROLLBACK)
    with observing(world) as observer:
        world.publish("1.1.0", broken=True)
        world.settles("1.1.0", ready="False")
    world.record_all("timeline-no-tests-rolled-back", observer.states)
    assert [each for each in seen(observer, READINESS) if "1.1.0" in each] == []
