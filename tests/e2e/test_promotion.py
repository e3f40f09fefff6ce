"""The whole story on real Flux: a chart is published, staging upgrades and tests it, production follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.charts import Hook
from tests.e2e.staging import FAILS, PASSES, newest

if TYPE_CHECKING:
    from tests.e2e.staging import Staging

pytestmark = pytest.mark.e2e


def lines(before: str, after: str) -> list[str]:
    """What one commit changes in the one pin."""
    return [f"-      version: {before}", f"+      version: {after}", "1 commit"]


def test_a_version_in_range_is_promoted_once(world: Staging) -> None:
    world.starts()
    world.pin("1.0.0")
    assert world.answer() == "in sync"
    world.publish("1.1.0", *PASSES)
    world.settles("1.1.0")
    world.record("tests-pass")
    proposed = world.run()
    assert proposed == {"app": lines("1.0.0", "1.1.0")}
    refs = world.repository.refs()
    assert world.run() == proposed
    assert world.repository.refs() == refs


def test_after_two_upgrades_while_it_was_down_only_the_newest_is_promoted(world: Staging) -> None:
    world.starts()
    for version in ("1.1.0", "1.2.0"):
        world.publish(version, *PASSES)
        world.settles(version)
    world.record("two-upgrades")
    assert world.run() == {"app": lines("0.9.0", "1.2.0")}


def test_a_version_that_passed_while_it_was_down_is_promoted_though_the_next_one_fails(world: Staging) -> None:
    world.starts()
    world.publish("1.1.0", *PASSES)
    world.settles("1.1.0")
    world.publish("1.2.0", *FAILS)
    world.settles("1.2.0", ready="False")
    assert world.run() == {"app": lines("0.9.0", "1.1.0")}


def test_new_values_are_tested_again_and_take_no_proof_away(world: Staging) -> None:
    world.starts()
    world.order("Running")
    world.change(values={"colour": "blue"})
    world.becomes("the second revision is under test", lambda seen: newest(seen)["version"] == 2)
    world.record("values-change-under-test")
    assert world.run() == {"app": lines("0.9.0", "1.0.0")}
    world.order("Succeeded")
    seen = world.settles("1.0.0")
    assert newest(seen)["version"] == 2
    world.record("values-change-tested")
    assert world.answer() == "proposed"


def test_new_values_that_fail_the_tests_take_the_proof_away(world: Staging) -> None:
    world.starts()
    assert world.run() == {"app": lines("0.9.0", "1.0.0")}
    world.order("Failed")
    world.change(values={"colour": "blue"})
    world.settles("1.0.0", ready="False")
    world.record("values-change-fails")
    assert world.run() == {}
    assert world.answer() == "tests-failed"


def test_staging_moved_back_withdraws_the_newer_version(world: Staging) -> None:
    world.starts()
    world.publish("1.1.0", *PASSES)
    world.settles("1.1.0")
    world.pin("1.0.0")
    assert world.run() == {"app": lines("1.0.0", "1.1.0")}
    world.change(chart={"spec": {"version": "1.0.0"}})
    world.settles("1.0.0")
    world.record("moved-back")
    assert world.run() == {}
    assert world.answer() == "in sync"


def test_a_version_that_starts_with_v_keeps_it(world: Staging) -> None:
    world.starts("v1.0.0", wants="*")
    world.record("leading-v")
    assert world.run() == {"app": lines("0.9.0", "v1.0.0")}


def test_build_metadata_of_the_chart_is_kept(world: Staging) -> None:
    world.starts("1.0.0+build.5", wants="*")
    world.record("build-metadata")
    assert world.run() == {"app": lines("0.9.0", "1.0.0+build.5")}


def test_what_flux_adds_for_values_files_is_left_out(world: Staging) -> None:
    world.publish("1.0.0", *PASSES)
    world.charts()
    world.release()
    world.settles("1.0.0")
    world.change(chart={"spec": {"valuesFiles": ["values.yaml", "values-red.yaml"]}})
    seen = world.becomes("the values files are in effect", lambda seen: newest(seen)["version"] == 2)
    assert newest(seen)["chartVersion"] == "1.0.0+2"
    world.settles("1.0.0+2")
    world.record("values-files")
    world.pin("0.9.0")
    assert world.run() == {"app": lines("0.9.0", "1.0.0")}


def test_a_forced_upgrade_is_tested_again(world: Staging) -> None:
    world.starts()
    world.force()
    world.becomes("there is a second revision", lambda seen: newest(seen)["version"] == 2)
    world.settles("1.0.0")
    world.record("forced")
    assert world.run() == {"app": lines("0.9.0", "1.0.0")}


def test_helm_rollback_by_hand_is_undone_and_tested_again(world: Staging) -> None:
    world.starts()
    world.publish("1.1.0", *PASSES)
    world.settles("1.1.0")
    world.helm("rollback", "app", "1", "--force-conflicts")
    world.nudge("HelmRelease", "app")
    world.becomes("Flux upgraded again", lambda seen: newest(seen)["version"] == 4)
    world.settles("1.1.0")
    world.record("rolled-back-by-hand")
    assert world.run() == {"app": lines("0.9.0", "1.1.0")}


def test_hooks_of_other_moments_are_no_tests(world: Staging) -> None:
    world.starts("1.0.0", Hook("before", when="pre-install,pre-upgrade"))
    world.record("hooks-that-are-no-tests")
    assert world.answer() == "no-tests"
    assert world.run() == {}
