"""Staging does not test, or not now, or not what is asked for: nothing is promoted on that account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.charts import Hook
from tests.e2e.staging import PASSES, newest

if TYPE_CHECKING:
    from tests.e2e.staging import Staging

pytestmark = pytest.mark.e2e

PROVEN = {"app": ["-      version: 0.9.0", "+      version: 1.0.0", "1 commit"]}
TWO = (Hook(), Hook("slow", "Failed"))


def test_a_chart_without_tests_is_held(world: Staging) -> None:
    world.publish("1.0.0")
    world.charts()
    world.release()
    world.settles("1.0.0")
    world.record("no-hooks")
    world.pin("0.9.0")
    assert world.run() == {}
    assert world.answer() == "no-tests"


def test_a_new_version_without_tests_is_held_and_the_one_before_is_promoted(world: Staging) -> None:
    world.starts()
    world.publish("1.1.0")
    world.settles("1.1.0")
    world.record("no-hooks-any-more")
    assert world.run() == PROVEN
    world.repository.merge(f"helm-promotion/home/{world.namespace}/app")
    assert world.run() == {}
    assert world.answer() == "no-tests"


def test_tests_that_are_disabled_prove_nothing(world: Staging) -> None:
    world.starts(test={"enable": False})
    world.record("tests-disabled")
    assert world.run() == {}
    assert world.answer() == "tests-disabled"


def test_tests_that_are_switched_off_prove_nothing_any_more_and_switched_on_again_are_not_repeated(
    world: Staging,
) -> None:
    world.starts()
    world.change(test={"enable": False})
    world.observes(2)
    world.record("tests-switched-off")
    assert world.answer() == "tests-disabled"
    world.change(test={"enable": True})
    world.observes(3)
    world.record("tests-switched-off-and-on")
    assert world.answer() == "stale"


def test_tests_that_are_switched_on_later_prove_the_version_that_runs(world: Staging) -> None:
    world.starts(test={"enable": False})
    assert world.answer() == "tests-disabled"
    world.change(test={"enable": True})
    world.observes(2)
    world.record("tests-switched-on")
    assert world.run() == PROVEN


def test_a_failing_hook_that_a_filter_excludes_does_not_count(world: Staging) -> None:
    world.starts("1.0.0", *TWO, test={"enable": True, "filters": [{"name": "app-slow", "exclude": True}]})
    world.record("filter-excludes")
    assert world.run() == PROVEN


def test_only_a_hook_that_a_filter_includes_counts(world: Staging) -> None:
    world.starts("1.0.0", *TWO, test={"enable": True, "filters": [{"name": "app-smoke"}]})
    world.record("filter-includes")
    assert world.run() == PROVEN


def test_filters_that_select_no_hook_prove_nothing(world: Staging) -> None:
    world.starts("1.0.0", *TWO, test={"enable": True, "filters": [{"name": "another"}]})
    world.record("filters-select-nothing")
    assert world.run() == {}
    assert world.answer() == "no-tests"


def test_filters_that_change_later_have_no_say_about_what_was_tested(world: Staging) -> None:
    world.starts("1.0.0", *TWO, test={"enable": True, "filters": [{"name": "app-slow", "exclude": True}]})
    world.change(test={"enable": True, "filters": [{"name": "app-slow"}]})
    world.observes(2)
    world.record("filters-changed")
    assert world.run() == {}


def test_a_suspended_release_is_held_and_goes_on_when_resumed(world: Staging) -> None:
    world.starts()
    world.change(suspend=True)
    world.observes(2)
    world.publish("1.1.0", *PASSES)
    world.record("suspended")
    assert world.run() == {}
    assert world.answer() == "suspended"
    world.change(suspend=False)
    world.settles("1.1.0")
    world.record("resumed")
    assert world.run() == {"app": ["-      version: 0.9.0", "+      version: 1.1.0", "1 commit"]}


def test_a_release_that_waits_for_another_keeps_its_proof(world: Staging) -> None:
    world.starts()
    world.change(dependsOn=[{"name": "missing"}])
    world.becomes(
        "it waits", lambda seen: any(each["reason"] == "DependencyNotReady" for each in seen["status"]["conditions"])
    )
    world.record("dependency-not-ready")
    assert world.run() == PROVEN


def test_a_release_under_another_name_starts_anew(world: Staging) -> None:
    world.starts()
    world.change(releaseName="other")
    seen = world.becomes("it is installed anew", lambda seen: newest(seen)["name"] == "other")
    world.settles("1.0.0")
    world.record("renamed")
    assert len(seen["status"]["history"]) == 1
    assert world.run() == PROVEN
