"""What staging proves: Flux's corner cases, its timeline, and every way in which a version is spelled."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from time import process_time

import pytest

from reconciler.core import model
from reconciler.core.evidence import Sources, judge
from reconciler.core.model import (
    ChartSource,
    Condition,
    Evidence,
    Filter,
    Fleet,
    HelmChart,
    HelmRelease,
    Hook,
    Key,
    OCIRepository,
    Policy,
    Reference,
    Snapshot,
    Unreadable,
)

KEY = Key("apps", "redis")
AT = datetime(2026, 1, 10, tzinfo=UTC)
THEN = datetime(2026, 1, 1, tzinfo=UTC)
REQUIRED = Policy()
EMPTY = Fleet()
OPTIONAL = Policy(tests=model.Tests.OPTIONAL, soak=timedelta(hours=1))
REPOSITORY = ChartSource("redis", "19.x", "HelmRepository")
AAA, BBB, CCC = (f"sha256:{letter * 64}" for letter in "abc")
MARK = {AAA: "a" * 12, BBB: "b" * 12, CCC: "c" * 12}


# --- builders --------------------------------------------------------------------------------------------------------


def hook(phase: str, name: str = "redis-test", *, completed: datetime | None = THEN) -> Hook:
    return Hook(name, phase, completed=completed if phase in {"Succeeded", "Failed"} else None)


PASS = (hook("Succeeded"),)
FAIL = (hook("Failed"),)


def snap(revision: int, version: str, hooks: tuple[Hook, ...] | None = None, **facts: object) -> Snapshot:
    snapshot = Snapshot(revision, "deployed", KEY, "redis", version, hooks=hooks, deployed_at=THEN)
    return replace(snapshot, **facts)  # type: ignore[arg-type]  # the facts are the record's own fields


def old(revision: int, version: str, hooks: tuple[Hook, ...] | None = None, **facts: object) -> Snapshot:
    return snap(revision, version, hooks, **{"status": "superseded", **facts})


def is_(type_: str, status: str = "True", reason: str = "", message: str = "") -> Condition:
    return Condition(type_, status, reason, message, THEN)


def subject(revision: int, version: str) -> str:
    return f"apps/redis.v{revision} with chart redis@{version}"


def succeeded(revision: int, version: str, what: str = "1 test hook completed successfully") -> Condition:
    message = f"Helm test succeeded for release {subject(revision, version)}: {what}"
    return is_("TestSuccess", "True", "TestSucceeded", message)


def failed(revision: int, version: str, why: str = "pod redis-test failed") -> Condition:
    message = f"Helm test failed for release {subject(revision, version)}: {why}"
    return is_("TestSuccess", "False", "TestFailed", message)


def awaiting(revision: int, version: str) -> Condition:
    message = f"Helm release {subject(revision, version)} is awaiting tests"
    return is_("TestSuccess", "Unknown", "AwaitingTests", message)


def release(*history: Snapshot, on: tuple[Condition, ...] = (), **facts: object) -> HelmRelease:
    spec = HelmRelease(KEY, 4, 4, chart=REPOSITORY, tests_enabled=True, history=history, conditions=on)
    return replace(spec, **facts)  # type: ignore[arg-type]  # the facts are the record's own fields


def steady(version: str = "19.6.3", **facts: object) -> HelmRelease:
    return release(snap(6, version, PASS), on=(succeeded(6, version), is_("Ready")), **facts)


def evidence(given: HelmRelease, policy: Policy = REQUIRED, fleet: Fleet = EMPTY) -> Evidence:
    found = judge(given, Sources.of(fleet), policy, AT)
    assert isinstance(found, Evidence), found
    return found


def unreadable(given: HelmRelease, fleet: Fleet = EMPTY) -> str:
    found = judge(given, Sources.of(fleet), REQUIRED, AT)
    assert isinstance(found, Unreadable), found
    assert found.key == KEY
    return found.message


def proven(given: HelmRelease, policy: Policy = REQUIRED, fleet: Fleet = EMPTY) -> list[str]:
    return [proof.text for proof in evidence(given, policy, fleet).proofs]


def doubts(given: HelmRelease, policy: Policy = REQUIRED, fleet: Fleet = EMPTY) -> list[str]:
    """Each doubt as a line: its reason, version and message."""
    found = evidence(given, policy, fleet).doubts
    return [f"{doubt.reason} {doubt.version or '-'}: {doubt.message}" for doubt in found]


@dataclass(frozen=True)
class Case:
    """A status, and what it says."""

    release: HelmRelease
    proven: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    policy: Policy = REQUIRED

    def check(self) -> None:
        found = evidence(self.release, self.policy)
        assert tuple(proof.text for proof in found.proofs) == self.proven
        assert doubts(self.release, self.policy) == list(self.doubts)
        assert tuple(str(version) for version in found.contradicted) == self.contradicted


def table(cases: dict[str, Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases.values(), ids=cases)


# --- Flux's corner cases ---------------------------------------------------------------------------------------------

DISABLED_DOUBT = "tests-disabled 19.6.3: staging does not test 19.6.3: spec.test.enable is not true"
STALLED = is_("Stalled", "True", "RetriesExceeded", "Failed to upgrade after 1 attempt(s)")
HOOK_FAILED_IN_7 = "tests-failed 19.6.4: test hook redis-test failed in revision 7"
ROLLED_BACK_AFTER_TESTS = release(
    snap(8, "19.6.3", action="rollback"),
    old(7, "19.6.4", FAIL, action="rollback"),
    old(6, "19.6.3", PASS),
    on=(
        STALLED,
        is_("Ready", "False", "RollbackSucceeded"),
        is_("Remediated", "True", "RollbackSucceeded"),
        is_("Released", "True", "UpgradeSucceeded"),
        is_("TestSuccess", "False", "TestFailed"),
    ),
)
ROLLED_BACK_AFTER_UPGRADE = release(
    snap(8, "19.6.3", action="rollback"),
    old(7, "19.6.4", status="failed", action="upgrade"),
    old(6, "19.6.3", PASS, action="rollback"),
    on=(
        is_("Remediated", "True", "RollbackSucceeded"),
        is_("Released", "False", "UpgradeFailed"),
        is_("Ready", "False"),
    ),
)
UPGRADE_FAILED_IN_7 = (
    "rolled-back 19.6.4: upgrade to 19.6.4 failed in revision 7 and was rolled back to 19.6.3 in revision 8"
)
WITHOUT_ACTION = tuple(replace(each, action=None) for each in ROLLED_BACK_AFTER_UPGRADE.history)
FILTERED_OLD = (hook("Succeeded"), hook("", "slow-test"))
TEST_FAILED = release(
    snap(7, "19.6.4", (*FAIL, hook("", "other"))),
    old(6, "19.6.3", PASS),
    on=(failed(7, "19.6.4"), is_("Ready", "False")),
)

CORNER_CASES = {
    "test.enable false or absent: testHooks absent": Case(
        release(snap(6, "19.6.3"), on=(is_("Ready"),), tests_enabled=False), doubts=(DISABLED_DOUBT,)
    ),
    "test.enable false or absent: testHooks stale from when tests were on": Case(
        release(snap(6, "19.6.3", PASS), old(5, "19.6.2", PASS), on=(is_("Ready"),), tests_enabled=False),
        doubts=(DISABLED_DOUBT,),
    ),
    "tests newly enabled on an in-sync release: before the run": Case(
        release(snap(6, "19.6.3"), on=(is_("Ready"),)),
        doubts=("tests-running 19.6.3: revision 6 with 19.6.3 has not been tested yet",),
    ),
    "tests newly enabled on an in-sync release: after the run": Case(steady(), ("19.6.3",)),
    "tests off then on again, same release: TestSuccess stays absent though hooks succeeded": Case(
        release(snap(6, "19.6.3", PASS), on=(is_("Ready"),)),
        doubts=("stale 19.6.3: the hooks of revision 6 succeeded, but the condition TestSuccess is missing",),
    ),
    "chart has zero test hooks": Case(
        release(snap(6, "19.6.3", ()), on=(succeeded(6, "19.6.3", "no test hooks"), is_("Ready"))),
        doubts=("no-tests 19.6.3: the chart has no test hooks in revision 6 with 19.6.3",),
    ),
    "test.filters: an old controller lists excluded hooks that never ran": Case(
        release(
            snap(6, "19.6.3", FILTERED_OLD), on=(succeeded(6, "19.6.3"),), filters=(Filter("slow-test", exclude=True),)
        ),
        ("19.6.3",),
    ),
    "test.filters: a new controller lists selected hooks only": Case(
        release(snap(6, "19.6.3", PASS), on=(succeeded(6, "19.6.3"),), filters=(Filter("redis-test"),)), ("19.6.3",)
    ),
    "test.filters: they select nothing": Case(
        release(snap(6, "19.6.3", PASS), on=(succeeded(6, "19.6.3"),), filters=(Filter("other"),)),
        doubts=("no-tests 19.6.3: the filters select none of the test hooks in revision 6 with 19.6.3",),
    ),
    "hook failed: the first is Failed, the rest never ran": Case(
        TEST_FAILED, ("19.6.3",), (HOOK_FAILED_IN_7,), ("19.6.4",)
    ),
    "test.ignoreFailures: Ready is True although a hook failed": Case(
        release(snap(7, "19.6.4", FAIL), old(6, "19.6.3", PASS), on=(failed(7, "19.6.4"), is_("Ready"))),
        ("19.6.3",),
        (HOOK_FAILED_IN_7,),
        ("19.6.4",),
    ),
    "upgrade.remediation.ignoreTestFailures: Ready is False and nothing is remediated": Case(
        release(snap(7, "19.6.4", FAIL), on=(failed(7, "19.6.4"), is_("Ready", "False", "TestFailed"))),
        (),
        (HOOK_FAILED_IN_7,),
        ("19.6.4",),
    ),
    "test failed, no remediation: the new version stays deployed": Case(
        replace(TEST_FAILED, conditions=(*TEST_FAILED.conditions, STALLED)),
        ("19.6.3",),
        (HOOK_FAILED_IN_7,),
        ("19.6.4",),
    ),
    "test failed, then rollback: the version proven before stays proven": Case(
        ROLLED_BACK_AFTER_TESTS, ("19.6.3",), (HOOK_FAILED_IN_7,), ("19.6.4",)
    ),
    "upgrade failed, no remediation: the old one is still deployed": Case(
        release(
            snap(7, "19.6.4", status="failed"),
            snap(6, "19.6.3", PASS),
            on=(
                is_("Released", "False", "UpgradeFailed", "Helm upgrade failed: timed out\n\nLast Helm logs:\n\nmore"),
                STALLED,
            ),
        ),
        ("19.6.3",),
        ("not-deployed 19.6.4: revision 7 with 19.6.4 has status failed: Helm upgrade failed: timed out",),
    ),
    "upgrade failed, then rollback": Case(ROLLED_BACK_AFTER_UPGRADE, ("19.6.3",), (UPGRADE_FAILED_IN_7,), ("19.6.4",)),
    "upgrade failed, then rollback, by a controller that records no action": Case(
        replace(ROLLED_BACK_AFTER_UPGRADE, history=WITHOUT_ACTION), ("19.6.3",), (UPGRADE_FAILED_IN_7,), ("19.6.4",)
    ),
    "rollback failed": Case(
        release(
            snap(8, "19.6.3", status="failed", action="rollback"),
            old(7, "19.6.4", status="failed"),
            on=(is_("Remediated", "False", "RollbackFailed"),),
        ),
        (),
        ("not-deployed 19.6.3: revision 8 with 19.6.3 has status failed", UPGRADE_FAILED_IN_7),
        ("19.6.4",),
    ),
    "uninstall remediation": Case(
        release(
            snap(1, "19.6.4", FAIL, status="uninstalled", action="uninstall-remediation"),
            on=(is_("Remediated", "True", "UninstallSucceeded"), failed(1, "19.6.4")),
        ),
        (),
        ("not-deployed 19.6.4: revision 1 with 19.6.4 has status uninstalled",),
        ("19.6.4",),
    ),
    "spec reverted to the rolled-back version: before its tests": Case(
        replace(ROLLED_BACK_AFTER_TESTS, conditions=(is_("Released", "True", "UpgradeSucceeded"),)),
        ("19.6.3",),
        (HOOK_FAILED_IN_7,),
        ("19.6.4",),
    ),
    "spec reverted to the rolled-back version: after its tests": Case(
        release(
            snap(8, "19.6.3", PASS, action="rollback"),
            *ROLLED_BACK_AFTER_TESTS.history[1:],
            on=(succeeded(8, "19.6.3"), is_("Released")),
        ),
        ("19.6.3",),
        (),
        ("19.6.4",),
    ),
    "RetryOnFailure: up to five revisions of one version, none passed": Case(
        release(
            *(snap(number, "19.6.4", FAIL) for number in range(11, 6, -1)),
            on=(is_("Reconciling", "True", "ProgressingWithRetry"), is_("Ready", "False"), failed(11, "19.6.4")),
        ),
        (),
        ("tests-failed 19.6.4: test hook redis-test failed in revision 11",),
        ("19.6.4",),
    ),
    "RetryOnFailure: hooks pass at last": Case(
        release(snap(8, "19.6.4", PASS), snap(7, "19.6.4", FAIL), on=(succeeded(8, "19.6.4"),)), ("19.6.4",)
    ),
    "drift correction: unaffected": Case(
        steady(conditions=(succeeded(6, "19.6.3"), is_("Ready", "Unknown", "Progressing", "correcting cluster drift"))),
        ("19.6.3",),
    ),
    "values-only change: being tested again": Case(
        release(snap(7, "19.6.3"), old(6, "19.6.3", PASS), on=(awaiting(7, "19.6.3"),)), ("19.6.3",)
    ),
    "values-only change: tested again": Case(
        release(snap(7, "19.6.3", PASS), old(6, "19.6.3", PASS), on=(succeeded(7, "19.6.3"),)), ("19.6.3",)
    ),
    "values-only change: its tests fail": Case(
        release(snap(7, "19.6.4", FAIL), old(6, "19.6.4", PASS), on=(failed(7, "19.6.4"),)),
        (),
        (HOOK_FAILED_IN_7,),
        ("19.6.4",),
    ),
    "spec.suspend: the history still speaks, and the planner is told": Case(steady(suspended=True), ("19.6.3",)),
    "Stalled: what was proven stays proven": Case(steady(conditions=(STALLED, succeeded(6, "19.6.3"))), ("19.6.3",)),
    "generation not observed: the claim about the old version is still true": Case(
        steady(generation=5, observed_generation=4), ("19.6.3",)
    ),
    "19.x range: the resolved version": Case(steady("19.6.4"), ("19.6.4",)),
    "dependsOn not ready: the history is unaffected": Case(
        steady(conditions=(succeeded(6, "19.6.3"), is_("Ready", "False", "DependencyNotReady"))), ("19.6.3",)
    ),
    "source not ready: unaffected": Case(
        steady(conditions=(succeeded(6, "19.6.3"), is_("Ready", "False", "SourceNotReady"))), ("19.6.3",)
    ),
    "manual helm upgrade or rollback: history cleared while TestSuccess is still True": Case(
        release(on=(succeeded(6, "19.6.3"), is_("Ready"))),
        doubts=("not-deployed -: no revision is deployed: status.history is empty",),
    ),
    "manual helm test: not observed, so the recorded hooks stand": Case(
        release(snap(7, "19.6.4", FAIL), on=(failed(7, "19.6.4"),)), (), (HOOK_FAILED_IN_7,), ("19.6.4",)
    ),
    "controller killed mid-test: a phase stays Running": Case(
        release(snap(7, "19.6.4", (*PASS, hook("Running", "slow"))), on=(awaiting(7, "19.6.4"),)),
        doubts=("tests-running 19.6.4: test hook slow has not finished in revision 7",),
    ),
    "pre-hook-creation delete forbidden: no hook ran, counted as tested": Case(
        release(snap(7, "19.6.4", (hook(""),)), on=(failed(7, "19.6.4", "hooks is forbidden\nmore"),)),
        doubts=("tests-failed 19.6.4: tests failed in revision 7: hooks is forbidden",),
    ),
    "Ready stuck False after a config revert: Ready is not required": Case(
        steady(conditions=(succeeded(6, "19.6.3"), is_("Ready", "False", "UpgradeFailed"))), ("19.6.3",)
    ),
    "postRenderers and values have no influence on chartVersion": Case(steady("19.6.3+chart.5"), ("19.6.3+chart.5",)),
}


@table(CORNER_CASES)
def test_a_corner_case_of_flux_says(case: Case) -> None:
    case.check()


# --- the timeline of an upgrade --------------------------------------------------------------------------------------

UPGRADED = release(
    snap(7, "19.6.4"),
    old(6, "19.6.3", PASS),
    generation=4,
    observed_generation=3,
    on=(
        is_("Reconciling", "True", "Progressing", "Running 'test' action with timeout of 5m0s"),
        is_("Ready", "Unknown", "AwaitingTests"),
        is_("Released", "True", "UpgradeSucceeded"),
        awaiting(7, "19.6.4"),
    ),
)
IN_TEST = ("tests-running 19.6.4: revision 7 with 19.6.4 has not been tested yet",)
MOMENTS = {
    "steady": Case(steady(), ("19.6.3",)),
    "reconcile start": Case(steady(conditions=(succeeded(6, "19.6.3"), is_("Ready"), is_("Reconciling"))), ("19.6.3",)),
    "upgrade running: lastAttemptedRevision is new beside the old success": Case(
        steady(observed_generation=3, conditions=(succeeded(6, "19.6.3"), is_("Ready", "Unknown", "Progressing"))),
        ("19.6.3",),
    ),
    "upgraded, tests pending or running": Case(UPGRADED, ("19.6.3",), IN_TEST),
    "upgraded, tests pending or running, Ready already True by ignoreFailures": Case(
        replace(UPGRADED, conditions=(awaiting(7, "19.6.4"), is_("Ready", "True", "UpgradeSucceeded"))),
        ("19.6.3",),
        IN_TEST,
    ),
    "upgraded, while TestSuccess still tells of the old revision": Case(
        replace(UPGRADED, conditions=(succeeded(6, "19.6.3"), is_("Ready"))), ("19.6.3",), IN_TEST
    ),
    "tests passed": Case(
        release(snap(7, "19.6.4", PASS), old(6, "19.6.3", PASS), on=(succeeded(7, "19.6.4"), is_("Ready"))),
        ("19.6.4", "19.6.3"),
    ),
}


@table(MOMENTS)
def test_a_moment_of_an_upgrade_says(case: Case) -> None:
    case.check()


def test_conditions_that_run_ahead_of_the_history_say_what_is_under_test() -> None:
    given = steady(conditions=(awaiting(7, "19.6.4"),))
    (told,) = doubts(given)
    assert told.startswith(
        "tests-running 19.6.3: staging is testing a newer revision than 6: Helm release apps/redis.v7"
    )


# --- what a revision says --------------------------------------------------------------------------------------------

NO_LONGER_ABOUT_6 = "stale 19.6.3: the condition TestSuccess is not about revision 6 with 19.6.3: "


@pytest.mark.parametrize(
    "other",
    [
        succeeded(5, "19.6.3"),
        succeeded(66, "19.6.3"),
        succeeded(6, "19.6.3-rc1"),
        succeeded(6, "19.6.30"),
        is_("TestSuccess", message=f"Helm test succeeded for release apps/redis.v6 with chart valkey@19.6.3: {1} ok"),
        is_("TestSuccess", message="Helm test succeeded for release apps/redis2.v6 with chart redis@19.6.3: ok"),
        is_("TestSuccess", message="Helm test succeeded for release prod/redis.v6 with chart redis@19.6.3: ok"),
        failed(5, "19.6.3"),
        replace(awaiting(6, "19.6.3"), status="True"),
        replace(failed(6, "19.6.3"), status="True"),
        is_("TestSuccess", "False", message="out of the blue"),
    ],
    ids=lambda condition: f"{condition.status} {condition.message[:90]}",
)
def test_a_condition_about_another_revision_makes_the_success_stale(other: Condition) -> None:
    given = steady(conditions=(other,))
    assert doubts(given) == [NO_LONGER_ABOUT_6 + other.message]
    assert proven(given) == []


@pytest.mark.parametrize(
    "message",
    [
        "Helm test succeeded",
        "",
        "Tests of apps/redis.v6 succeeded",
        f"helm test succeeded for {subject(6, '19.6.3')}: ok",
    ],
)
def test_an_unknown_text_of_success_makes_the_release_unreadable(message: str) -> None:
    said = unreadable(steady(conditions=(is_("TestSuccess", message=message),)))
    assert said == f"unknown helm-controller text in condition TestSuccess: {message!r}"


def test_an_unknown_text_says_nothing_where_tests_are_disabled() -> None:
    assert proven(
        steady(conditions=(is_("TestSuccess", message="?"), is_("Ready")), tests_enabled=False), OPTIONAL
    ) == ["19.6.3"]


SPOKEN = {
    "TestSuccess Unknown beside succeeded hooks": Case(
        steady(conditions=(awaiting(6, "19.6.3"),)),
        doubts=("tests-running 19.6.3: the tests of revision 6 have not finished",),
    ),
    "TestSuccess False about this revision beside succeeded hooks": Case(
        steady(conditions=(failed(6, "19.6.3", "release mismatch"),)),
        doubts=("tests-failed 19.6.3: tests failed in revision 6: release mismatch",),
    ),
    "tests that failed before a hook was recorded": Case(
        release(snap(6, "19.6.3"), on=(failed(6, "19.6.3", "timed out"),)),
        doubts=("tests-failed 19.6.3: tests failed in revision 6: timed out",),
    ),
    "a phase that nobody knows": Case(
        release(snap(6, "19.6.3", (hook("Done"),)), on=(succeeded(6, "19.6.3"),)),
        doubts=("tests-running 19.6.3: test hook redis-test has not finished in revision 6",),
    ),
    "a newest revision that is superseded has passed": Case(steady(history=(old(6, "19.6.3", PASS),)), ("19.6.3",)),
    "a newest revision of another status has not": Case(
        steady(history=(snap(6, "19.6.3", PASS, status="pending-upgrade"),)),
        doubts=("not-deployed 19.6.3: revision 6 with 19.6.3 has status pending-upgrade",),
    ),
    "a status that is empty": Case(
        steady(history=(snap(6, "19.6.3", PASS, status=""),)),
        doubts=("not-deployed 19.6.3: revision 6 with 19.6.3 has status unknown",),
    ),
    "an older revision of another status has not passed": Case(
        release(snap(7, "19.6.4"), snap(6, "19.6.3", PASS, status="failed")), doubts=IN_TEST
    ),
    "an older revision whose filters select nothing has not passed": Case(
        release(snap(7, "19.6.4"), old(6, "19.6.3", PASS), filters=(Filter("other"),)), doubts=IN_TEST
    ),
    "a failed hook that an exclude covers does not count": Case(
        release(
            snap(6, "19.6.3", (*PASS, hook("Failed", "flaky"))),
            on=(succeeded(6, "19.6.3"),),
            filters=(Filter("flaky", exclude=True),),
        ),
        ("19.6.3",),
    ),
    "an exclude beats an include": Case(
        release(
            snap(6, "19.6.3", PASS),
            on=(succeeded(6, "19.6.3"),),
            filters=(Filter("redis-test"), Filter("redis-test", exclude=True)),
        ),
        doubts=("no-tests 19.6.3: the filters select none of the test hooks in revision 6 with 19.6.3",),
    ),
    "what is not included does not count": Case(
        release(
            snap(6, "19.6.3", (*PASS, hook("Failed", "flaky"))),
            on=(succeeded(6, "19.6.3"),),
            filters=(Filter("redis-test"),),
        ),
        ("19.6.3",),
    ),
    "a release that is being deleted": Case(
        steady(deleting=True), doubts=("not-deployed -: the release is being deleted",)
    ),
}


@table(SPOKEN)
def test_a_revision_says(case: Case) -> None:
    case.check()


# --- what a history says ---------------------------------------------------------------------------------------------

HISTORIES = {
    "a version that passed while nobody looked is proven": Case(
        release(snap(8, "19.6.5"), old(7, "19.6.4", PASS), old(6, "19.6.3", PASS)),
        ("19.6.4", "19.6.3"),
        ("tests-running 19.6.5: revision 8 with 19.6.5 has not been tested yet",),
    ),
    "a newer version that failed does not contradict the older": Case(
        TEST_FAILED, ("19.6.3",), (HOOK_FAILED_IN_7,), ("19.6.4",)
    ),
    "a version that passed and then failed is not proven": Case(
        release(snap(8, "19.6.5"), old(7, "19.6.4", FAIL), old(6, "19.6.4", PASS)),
        (),
        ("tests-running 19.6.5: revision 8 with 19.6.5 has not been tested yet",),
        ("19.6.4",),
    ),
    "a version that failed and then passed is proven": Case(
        release(snap(8, "19.6.5"), old(7, "19.6.4", PASS), old(6, "19.6.4", FAIL)),
        ("19.6.4",),
        ("tests-running 19.6.5: revision 8 with 19.6.5 has not been tested yet",),
    ),
    "staging was moved back: the higher version is contradicted, and that is no doubt": Case(
        release(snap(8, "19.6.3", PASS, action="upgrade"), old(7, "19.6.4", PASS), on=(succeeded(8, "19.6.3"),)),
        ("19.6.3",),
        (),
        ("19.6.4",),
    ),
    "staging was moved back before the higher version was tested": Case(
        release(snap(8, "19.6.3", PASS, action="upgrade"), old(7, "19.6.4"), on=(succeeded(8, "19.6.3"),)),
        ("19.6.3",),
        (),
        ("19.6.4",),
    ),
    "staging was moved back and forth: the higher version must pass again": Case(
        release(snap(9, "19.6.4"), old(8, "19.6.3", PASS), old(7, "19.6.4", PASS)),
        ("19.6.3",),
        ("tests-running 19.6.4: revision 9 with 19.6.4 has not been tested yet",),
        ("19.6.4",),
    ),
    "staging was moved back and forth and the higher version passed again": Case(
        release(snap(9, "19.6.4", PASS), old(8, "19.6.3", PASS), old(7, "19.6.4", PASS), on=(succeeded(9, "19.6.4"),)),
        ("19.6.4", "19.6.3"),
    ),
    "a rollback brings a version back that staging had been moved below": Case(
        release(snap(9, "19.6.4", action="rollback"), old(8, "19.6.3", status="failed"), old(7, "19.6.4", PASS)),
        (),
        ("rolled-back 19.6.4: revision 9 is a rollback to 19.6.4, which was not tested since",),
        ("19.6.4",),
    ),
    "a rollback to a version that was never tested": Case(
        release(snap(8, "19.6.3", action="rollback"), old(7, "19.6.4", FAIL), old(6, "19.6.3")),
        (),
        (HOOK_FAILED_IN_7, "rolled-back 19.6.3: revision 8 is a rollback to 19.6.3, which was not tested since"),
        ("19.6.4",),
    ),
    "a rollback to a version that had failed": Case(
        release(snap(8, "19.6.3", action="rollback"), old(7, "19.6.4", FAIL), old(6, "19.6.3", FAIL)),
        (),
        ("tests-failed 19.6.3: test hook redis-test failed in revision 6", HOOK_FAILED_IN_7),
        ("19.6.4", "19.6.3"),
    ),
    "a rollback of values alone leaves the version proven": Case(
        release(snap(8, "19.6.3", action="rollback"), old(7, "19.6.3", status="failed"), old(6, "19.6.3", PASS)),
        ("19.6.3",),
    ),
    "a rollback further down the history is still told": Case(
        release(
            snap(9, "19.6.3", PASS),
            old(8, "19.6.3", action="rollback"),
            old(7, "19.6.4", FAIL),
            on=(succeeded(9, "19.6.3"),),
        ),
        ("19.6.3",),
        (HOOK_FAILED_IN_7,),
        ("19.6.4",),
    ),
    "a rollback that staging has climbed over is not told any more": Case(
        release(
            snap(9, "19.6.4", PASS),
            old(8, "19.6.3", action="rollback"),
            old(7, "19.6.4", FAIL),
            on=(succeeded(9, "19.6.4"),),
        ),
        ("19.6.4",),
    ),
    "a rollback that staging has climbed over, and was then moved back from, is not told any more": Case(
        release(
            snap(10, "19.6.3", PASS, action="upgrade"),
            old(9, "19.6.4", PASS),
            old(8, "19.6.3", action="rollback"),
            old(7, "19.6.4", FAIL),
            on=(succeeded(10, "19.6.3"),),
        ),
        ("19.6.3",),
        (),
        ("19.6.4",),
    ),
    "a rollback brings a version back that had failed, passed, and been moved below": Case(
        release(
            snap(9, "19.6.4", action="rollback"),
            old(8, "19.6.3", status="failed"),
            old(7, "19.6.4", PASS),
            old(6, "19.6.4", FAIL),
        ),
        (),
        ("rolled-back 19.6.4: revision 9 is a rollback to 19.6.4, which was not tested since",),
        ("19.6.4",),
    ),
    "an upgrade that follows a rollback is no rollback": Case(
        release(snap(7, "19.6.4", action="upgrade"), old(6, "19.6.3", PASS), on=(is_("Remediated"),)),
        ("19.6.3",),
        IN_TEST,
    ),
    "snapshots of another chart do not count": Case(
        release(snap(7, "19.6.4"), old(6, "19.6.3", PASS, chart="valkey")), doubts=IN_TEST
    ),
    "build metadata of the chart tells versions apart that are equal in precedence": Case(
        release(snap(7, "19.6.4+two", FAIL), old(6, "19.6.4+one", PASS), on=(failed(7, "19.6.4+two"),)),
        ("19.6.4+one",),
        ("tests-failed 19.6.4+two: test hook redis-test failed in revision 7",),
        ("19.6.4+two",),
    ),
}


@table(HISTORIES)
def test_a_history_says(case: Case) -> None:
    case.check()


def test_the_evidence_names_chart_key_deployed_version_and_suspension() -> None:
    found = evidence(replace(UPGRADED, suspended=True))
    assert (found.key, found.chart, str(found.deployed), found.suspended) == (KEY, "redis", "19.6.4", True)


def test_an_empty_history_tells_no_chart() -> None:
    found = evidence(release(suspended=True))
    assert (found.chart, found.deployed, found.suspended) == (None, None, True)


def test_another_build_of_the_version_that_staging_asks_for_is_not_admitted() -> None:
    history = (snap(8, "19.6.4+2", FAIL), old(7, "19.6.4+1", PASS))
    given = release(*history, on=(failed(8, "19.6.4+2"),), chart=replace(REPOSITORY, constraint="19.6.4+2"))
    assert proven(given) == []
    assert proven(replace(given, chart=replace(REPOSITORY, constraint="19.6.4"))) == ["19.6.4+1"]


def test_a_chart_version_that_is_none_makes_the_release_unreadable() -> None:
    said = unreadable(release(snap(7, "19.6.4", PASS), old(6, "latest")))
    assert said.startswith("revision 6 has a chartVersion that cannot be read: 'latest' is not a version")


def test_a_chart_version_that_is_none_does_not_matter_for_another_chart() -> None:
    assert proven(release(snap(6, "19.6.3", PASS), old(5, "latest", chart="valkey"), on=(succeeded(6, "19.6.3"),))) == [
        "19.6.3"
    ]


def test_a_revision_that_appears_twice_makes_the_release_unreadable() -> None:
    assert (
        unreadable(release(snap(7, "19.6.4", PASS), snap(7, "19.6.4", FAIL))) == "status.history has revision 7 twice"
    )


def test_text_of_the_cluster_is_cut_and_cannot_drive_a_terminal() -> None:
    evil = "\x1b[31mred\u202e" + "x" * 500 + "\nsecond line"
    (line,) = doubts(release(snap(7, "19.6.4", (hook("Failed", evil),))))
    assert line == f"tests-failed 19.6.4: test hook [31mred{'x' * 193} failed in revision 7"


# --- since when ------------------------------------------------------------------------------------------------------


def day(number: int) -> datetime:
    return THEN + timedelta(days=number)


def done(*days: int) -> tuple[Hook, ...]:
    return tuple(hook("Succeeded", f"test-{number}", completed=day(number)) for number in days)


@pytest.mark.parametrize(
    ("history", "since"),
    [
        pytest.param([old(6, "19.6.3", done(2, 3, 1))], day(3), id="the last hook of the only pass"),
        pytest.param([old(6, "19.6.3", done(3)), old(5, "19.6.3", done(1))], day(1), id="the earliest pass in a run"),
        pytest.param(
            [old(6, "19.6.3", done(3)), old(5, "19.6.3"), old(4, "19.6.3", done(1))], day(1), id="silence breaks no run"
        ),
        pytest.param(
            [old(6, "19.6.3", done(3)), old(5, "19.6.3", FAIL), old(4, "19.6.3", done(1))], day(3), id="a failure does"
        ),
        pytest.param(
            [old(6, "19.6.3", done(3)), old(5, "19.6.2", PASS), old(4, "19.6.3", done(1))],
            day(3),
            id="and another version does",
        ),
        pytest.param([old(6, "19.6.3", (hook("Succeeded", completed=None),))], None, id="a missing time"),
        pytest.param(
            [old(6, "19.6.3", (*PASS, hook("Succeeded", "b", completed=None)))], None, id="one missing time of two"
        ),
        pytest.param(
            [old(6, "19.6.3", (hook("Succeeded", completed=datetime(1970, 1, 1, tzinfo=UTC)),))], None, id="before 2000"
        ),
        pytest.param(
            [old(6, "19.6.3", (hook("Succeeded", completed=AT + timedelta(minutes=5)),))],
            AT + timedelta(minutes=5),
            id="a clock five minutes ahead",
        ),
        pytest.param(
            [old(6, "19.6.3", (hook("Succeeded", completed=AT + timedelta(minutes=5, seconds=1)),))],
            None,
            id="a clock further ahead",
        ),
        pytest.param(
            [old(6, "19.6.3", (Hook("redis-test", "Succeeded", started=day(2), completed=day(1)),))],
            None,
            id="completed before it started",
        ),
        pytest.param(
            [old(6, "19.6.3", (Hook("redis-test", "Succeeded", started=day(1), completed=day(1)),))],
            day(1),
            id="completed as it started",
        ),
        pytest.param(
            [old(6, "19.6.3", done(3)), old(5, "19.6.3", (hook("Succeeded", completed=None),))],
            None,
            id="a missing time of the earliest pass, though a later one has its own",
        ),
    ],
)
def test_a_version_is_proven_since(history: list[Snapshot], since: datetime | None) -> None:
    (proof, *_) = evidence(release(snap(7, "19.6.4"), *history)).proofs
    assert (str(proof.version), proof.revision, proof.since) == ("19.6.3", 6, since)


@pytest.mark.parametrize(
    ("history", "tested"),
    [
        pytest.param([old(6, "19.6.3", done(3)), old(5, "19.6.3", done(1))], day(3), id="by the newest pass of a run"),
        pytest.param(
            [old(6, "19.6.3", done(2, 4)), old(5, "19.6.3", (hook("Succeeded", completed=None),))],
            day(4),
            id="whatever an earlier one lacks",
        ),
        pytest.param(
            [old(6, "19.6.3", (hook("Succeeded", completed=None),)), old(5, "19.6.3", done(1))],
            None,
            id="a missing time of the newest pass",
        ),
    ],
)
def test_a_version_was_last_tested_at(history: list[Snapshot], tested: datetime | None) -> None:
    (proof, *_) = evidence(release(snap(7, "19.6.4"), *history)).proofs
    assert (proof.revision, proof.tested) == (6, tested)


def test_a_proof_names_the_selected_hooks_of_its_newest_pass() -> None:
    given = release(
        snap(7, "19.6.3", FILTERED_OLD),
        old(6, "19.6.3", PASS),
        on=(succeeded(7, "19.6.3"),),
        filters=(Filter("slow-test", exclude=True),),
    )
    (proof,) = evidence(given).proofs
    assert (proof.revision, proof.hooks, proof.is_tag, proof.v_dropped) == (7, PASS, False, False)


# --- policy.tests: optional ------------------------------------------------------------------------------------------


def untested(*more: Condition, **facts: object) -> HelmRelease:
    """A ready release whose tests are disabled."""
    spec = release(snap(7, "19.6.4"), on=(is_("Ready"), *more), tests_enabled=False)
    return replace(spec, **facts)  # type: ignore[arg-type]  # the facts are the record's own fields


def optional(given: HelmRelease, *said: str) -> Case:
    return Case(given, () if said else ("19.6.4",), said, policy=OPTIONAL)


READY = {
    "tests are disabled and the release is ready": optional(untested()),
    "the chart has no tests and the release is ready": optional(
        untested(succeeded(7, "19.6.4", "no test hooks"), tests_enabled=True, history=(snap(7, "19.6.4", ()),))
    ),
    "a rollback whose version the spec asks for again, nothing remediated": optional(
        untested(history=(snap(7, "19.6.4", action="rollback"),))
    ),
    "not deployed": optional(
        untested(history=(snap(7, "19.6.4", status="failed"),)),
        "not-deployed 19.6.4: revision 7 with 19.6.4 has status failed",
    ),
    "not ready": optional(
        untested(conditions=(is_("Ready", "False", "HealthCheckFailed", "pod pending\nmore"),)),
        "not-deployed 19.6.4: revision 7 with 19.6.4 is not ready: HealthCheckFailed: pod pending",
    ),
    "ready unknown": optional(
        untested(conditions=(is_("Ready", "Unknown", "Progressing", "Running 'upgrade' action"),)),
        "not-deployed 19.6.4: revision 7 with 19.6.4 is not ready: Progressing: Running 'upgrade' action",
    ),
    "no condition Ready": optional(
        untested(conditions=()),
        "not-deployed 19.6.4: revision 7 with 19.6.4 is not ready: the condition Ready is missing",
    ),
    "stalled": optional(
        untested(STALLED),
        "not-deployed 19.6.4: revision 7 with 19.6.4 is stalled: RetriesExceeded: Failed to upgrade after 1 attempt(s)",
    ),
    "remediated": optional(untested(is_("Remediated")), "rolled-back 19.6.4: revision 7 is a rollback to 19.6.4"),
    "a rollback that is not ready": optional(
        untested(history=(snap(7, "19.6.4", action="rollback"),), conditions=(is_("Ready", "False"),)),
        "rolled-back 19.6.4: revision 7 is a rollback to 19.6.4",
    ),
    "the generation is not observed": optional(
        untested(generation=5), "stale 19.6.4: generation 5 is not observed yet, only 4"
    ),
    "a hook failed before tests were disabled": replace(
        optional(untested(history=(snap(7, "19.6.4", FAIL),)), HOOK_FAILED_IN_7), contradicted=("19.6.4",)
    ),
    "tests failed without a hook": optional(
        untested(failed(7, "19.6.4", "boom"), tests_enabled=True, history=(snap(7, "19.6.4", ()),)),
        "tests-failed 19.6.4: tests failed in revision 7: boom",
    ),
    "tests are enabled and there are hooks: the tests decide": optional(
        untested(tests_enabled=True), "tests-running 19.6.4: revision 7 with 19.6.4 has not been tested yet"
    ),
    "the filters select no hook: the chart does have tests": optional(
        untested(tests_enabled=True, history=(snap(7, "19.6.4", PASS),), filters=(Filter("other"),)),
        "no-tests 19.6.4: the filters select none of the test hooks in revision 7 with 19.6.4",
    ),
    "there are filters and no hooks: it cannot be told whether the chart has any": optional(
        untested(tests_enabled=True, history=(snap(7, "19.6.4", ()),), filters=(Filter("other"),)),
        "no-tests 19.6.4: the chart has no test hooks, or the filters leave none in revision 7 with 19.6.4",
    ),
    "staging does not ask for it any more": optional(
        untested(chart=replace(REPOSITORY, constraint="20.x")),
        "stale 19.6.4: staging asks for 20.x now, which does not admit 19.6.4",
    ),
    "tests are disabled: only the newest revision is proven, and only by readiness": optional(
        untested(history=(snap(7, "19.6.4"), old(6, "19.6.3", PASS)))
    ),
    "the chart lost its tests: older versions that passed stay proven": Case(
        untested(tests_enabled=True, history=(snap(7, "19.6.4", ()), old(6, "19.6.3", PASS))),
        ("19.6.4", "19.6.3"),
        policy=OPTIONAL,
    ),
    "Ready is not required where tests passed": Case(
        steady(conditions=(succeeded(6, "19.6.3"), is_("Ready", "False"))), ("19.6.3",), policy=OPTIONAL
    ),
}


@table(READY)
def test_without_tests(case: Case) -> None:
    case.check()


@pytest.mark.parametrize(
    ("deployed_at", "ready", "since"),
    [
        (day(1), day(2), day(2)),
        (day(3), day(2), day(3)),
        (None, day(2), None),
        (day(1), None, None),
        (day(1), AT + timedelta(hours=1), None),
    ],
)
def test_readiness_proves_since_the_later_of_deployed_and_ready(
    deployed_at: datetime | None, ready: datetime | None, since: datetime | None
) -> None:
    given = untested(
        history=(snap(7, "19.6.4", PASS, deployed_at=deployed_at),), conditions=(replace(is_("Ready"), since=ready),)
    )
    (proof,) = evidence(given, OPTIONAL).proofs
    assert (proof.since, proof.hooks, proof.tested) == (since, (), None)


# --- what the spec asks for, and how the version is spelled ----------------------------------------------------------

GIT = ChartSource("./charts/deploy", "", "GitRepository")
VALUES = replace(REPOSITORY, values_files=True)
COMMIT = replace(GIT, by_revision=True)


@pytest.mark.parametrize(
    ("source", "version", "text", "v_dropped"),
    [
        pytest.param(REPOSITORY, "v19.6.3", "v19.6.3", False, id="HelmRepository: verbatim, a leading v stays"),
        pytest.param(REPOSITORY, "19.6.3+2", "19.6.3+2", False, id="HelmRepository: its own build metadata stays"),
        pytest.param(VALUES, "19.6.3+2", "19.6.3", True, id="valuesFiles: the generation goes, a v may have gone"),
        pytest.param(VALUES, "19.6.3+b2", "19.6.3+b2", False, id="valuesFiles: what is no generation stays"),
        pytest.param(VALUES, "v19.6.3", "v19.6.3", False, id="valuesFiles: nothing was added"),
        pytest.param(GIT, "19.6.3+b2", "19.6.3+b2", False, id="GitRepository: verbatim"),
        pytest.param(GIT, "19.6.3+0123456789ab", "19.6.3+0123456789ab", False, id="GitRepository: not by revision"),
        pytest.param(COMMIT, "19.6.3+0123456789ab", "19.6.3", True, id="by revision: the commit goes"),
        pytest.param(COMMIT, "19.6.3+0123456789ab.4", "19.6.3", True, id="by revision: the generation too"),
        pytest.param(COMMIT, "19.6.3+0123456789a", "19.6.3+0123456789a", False, id="by revision: eleven digits stay"),
        pytest.param(
            replace(COMMIT, source_kind="Bucket"), "19.6.3+0123456789ab", "19.6.3", True, id="Bucket, by revision"
        ),
        pytest.param(
            replace(REPOSITORY, by_revision=True),
            "19.6.3+0123456789ab",
            "19.6.3+0123456789ab",
            False,
            id="HelmRepository: Revision means nothing",
        ),
    ],
)
def test_a_chart_version_is_spelled(source: ChartSource, version: str, text: str, v_dropped: bool) -> None:
    given = steady(version, chart=source)
    (proof,) = evidence(given).proofs
    assert (proof.text, str(proof.version), proof.v_dropped, proof.is_tag) == (text, text, v_dropped, False)
    assert str(evidence(given).deployed) == text

    named = Reference("HelmChart", Key("flux-system", "apps-redis"))
    fleet = Fleet(helm_charts=(HelmChart(named.key, source),))
    assert evidence(replace(given, chart=None, chart_ref=named), fleet=fleet).proofs == (proof,)


def test_a_version_that_came_from_an_artifact_before_loses_its_digest() -> None:
    (proof,) = evidence(release(snap(7, "19.6.4"), old(6, f"19.6.3+{MARK[AAA]}", PASS, digest=AAA))).proofs
    assert (proof.text, proof.v_dropped, proof.is_tag) == ("19.6.3", True, False)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(replace(REPOSITORY, constraint=""), None, id="no version is any version"),
        pytest.param(replace(REPOSITORY, constraint="19.6.3"), None, id="the exact version"),
        pytest.param(replace(REPOSITORY, constraint="v19.6.3"), None, id="the exact version with a v"),
        pytest.param(replace(REPOSITORY, chart="charts/redis"), None, id="a chart in a folder"),
        pytest.param(replace(GIT, constraint=">>"), None, id="git: the version means nothing"),
        pytest.param(
            replace(REPOSITORY, constraint="19.6.4"), "staging asks for 19.6.4 now, which does not admit 19.6.3"
        ),
        pytest.param(replace(REPOSITORY, constraint=">=20"), "staging asks for >=20 now, which does not admit 19.6.3"),
        pytest.param(replace(REPOSITORY, chart="valkey"), "staging asks for chart valkey now, and revision 6 is redis"),
    ],
)
def test_the_spec_must_still_admit_a_version(source: ChartSource, said: str | None) -> None:
    given = steady(chart=source)
    assert doubts(given) == ([f"stale 19.6.3: {said}"] if said else [])
    assert proven(given) == ([] if said else ["19.6.3"])


def test_a_prerelease_is_not_admitted_by_any_version() -> None:
    said = "stale 19.6.3-rc.1: staging asks for * now, which does not admit 19.6.3-rc.1"
    assert doubts(steady("19.6.3-rc.1", chart=replace(REPOSITORY, constraint=""))) == [said]


def test_the_reason_that_comes_first_is_told() -> None:
    given = replace(UPGRADED, chart=replace(REPOSITORY, constraint="20.x"))
    assert doubts(given) == ["stale 19.6.4: staging asks for 20.x now, which does not admit 19.6.4"]
    assert doubts(replace(given, history=(snap(7, "19.6.4", status="failed"),)))[0].startswith("not-deployed 19.6.4")


def test_a_range_that_is_none_makes_the_release_unreadable() -> None:
    chart = replace(REPOSITORY, constraint="about 19")
    assert unreadable(steady(chart=chart)).startswith("spec.chart.spec.version: 'about 19' is not a version range")

    named = Reference("HelmChart", Key("flux-system", "chart"))
    fleet = Fleet(helm_charts=(HelmChart(named.key, chart),))
    said = unreadable(steady(chart=None, chart_ref=named), fleet)
    assert said.startswith("HelmChart flux-system/chart spec.version: 'about 19' is not a version range")


NOT_READ = "which the chartRef names, was not among what was read of staging: record or list it"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("OCIRepository", f"OCIRepository flux-system/redis, {NOT_READ}"),
        ("HelmChart", f"HelmChart flux-system/redis, {NOT_READ}"),
        (
            "ExternalArtifact",
            "the chartRef names ExternalArtifact flux-system/redis, and that kind tells no version to pin",
        ),
        (None, "the spec names neither a chart nor a chartRef"),
    ],
)
def test_a_chart_that_cannot_be_looked_up_makes_its_versions_stale(kind: str | None, said: str) -> None:
    reference = Reference(kind, Key("flux-system", "redis")) if kind else None
    given = steady(chart=None, chart_ref=reference)
    assert doubts(given) == [f"stale 19.6.3: {said}"]
    assert proven(given) == []


# --- OCI: the tag comes from the artifact ----------------------------------------------------------------------------

OCI = Key("flux-system", "redis")


def tagged(tag: str, digest: str, /, **spec: str | None) -> Fleet:
    """An OCIRepository that asks for one tag and has fetched it."""
    repository = OCIRepository(OCI, tag=tag, revision=f"{tag}@{digest}")
    return Fleet(oci_repositories=(replace(repository, **spec),))  # type: ignore[arg-type]  # the record's own fields


def ranged(tag: str, digest: str, /, **spec: str | None) -> Fleet:
    """An OCIRepository that asks for a range."""
    return tagged(tag, digest, **{"tag": None, "semver": ">=1.0.0", **spec})


def oci(*history: Snapshot, on: tuple[Condition, ...] = ()) -> HelmRelease:
    return release(*history, on=on, chart=None, chart_ref=Reference("OCIRepository", OCI))


def chart_of(digest: str, version: str) -> str:
    return f"{version}+{MARK[digest]}"


def passed(version: str, digest: str = AAA) -> HelmRelease:
    text = chart_of(digest, version)
    return oci(snap(6, text, PASS, digest=digest), on=(succeeded(6, text),))


@pytest.mark.parametrize(
    ("tag", "version"),
    [("6.6.0", "6.6.0"), ("v6.6.0", "6.6.0"), ("6.6.0_build.5", "6.6.0"), ("6.6.0-rc.1", "6.6.0-rc.1")],
)
def test_the_tag_of_the_artifact_is_the_text(tag: str, version: str) -> None:
    (proof,) = evidence(passed(version), fleet=tagged(tag, AAA)).proofs
    assert (proof.text, proof.is_tag, proof.v_dropped, str(proof.version)) == (tag, True, False, version)


def test_a_chart_version_without_the_digest_is_known_by_its_digest_all_the_same() -> None:
    given = oci(snap(6, "6.6.0", PASS, digest=AAA), on=(succeeded(6, "6.6.0"),))
    assert proven(given, fleet=tagged("v6.6.0", AAA)) == ["v6.6.0"]


@pytest.mark.parametrize(
    ("revision", "said"),
    [
        (f"latest@{AAA}", "has tag latest, which does not tell the version 6.6.0"),
        (f"6.6@{AAA}", "has tag 6.6, which does not tell the version 6.6.0"),
        (f"6.6.1@{AAA}", "has tag 6.6.1, which does not tell the version 6.6.0"),
        (f"6.6.0@{BBB}", "has tag 6.6.0 of another artifact than revision 6"),
        (AAA, "has no artifact with a tag, so the tag of 6.6.0 is not known"),
        ("6.6.0@", "has no artifact with a tag, so the tag of 6.6.0 is not known"),
        (None, "has no artifact with a tag, so the tag of 6.6.0 is not known"),
    ],
)
def test_an_artifact_that_does_not_tell_the_tag_makes_the_version_stale(revision: str | None, said: str) -> None:
    fleet = ranged("-", AAA, revision=revision)
    assert doubts(passed("6.6.0"), fleet=fleet) == [f"stale 6.6.0: OCIRepository flux-system/redis {said}"]
    assert proven(passed("6.6.0"), fleet=fleet) == []


def test_build_metadata_that_is_not_the_digest_is_the_charts_own() -> None:
    given = oci(snap(6, f"6.6.0+{MARK[BBB]}", PASS, digest=AAA), on=(succeeded(6, f"6.6.0+{MARK[BBB]}"),))
    (proof,) = evidence(given, fleet=tagged("6.6.0", AAA)).proofs
    assert (proof.text, str(proof.version)) == ("6.6.0", f"6.6.0+{MARK[BBB]}")


def test_the_start_of_the_digest_is_twelve_digits() -> None:
    given = oci(snap(6, "6.6.0+aaa", PASS, digest=AAA), on=(succeeded(6, "6.6.0+aaa"),))
    (proof,) = evidence(given, fleet=tagged("6.6.0", AAA)).proofs
    assert str(proof.version) == "6.6.0+aaa"


def test_a_revision_with_a_digest_of_its_own_does_not_take_an_older_one() -> None:
    given = oci(snap(7, "6.6.0", PASS, digest=BBB), old(6, "6.6.0", PASS, digest=AAA), on=(succeeded(7, "6.6.0"),))
    assert proven(given, fleet=tagged("6.6.0", BBB)) == ["6.6.0"]


OLDER = old(6, chart_of(AAA, "6.6.0"), PASS, digest=AAA)
UNDER_TEST = snap(7, chart_of(BBB, "6.6.1"), digest=BBB)


@pytest.mark.parametrize(
    ("tag", "text"),
    [("6.6.1", "6.6.0"), ("v6.6.1", "v6.6.0"), ("6.6.1_5", None), ("latest", None), ("release-6.6.1", None)],
)
def test_the_tag_of_an_older_artifact_is_spelled_like_the_newer(tag: str, text: str | None) -> None:
    assert proven(oci(UNDER_TEST, OLDER), fleet=ranged(tag, BBB)) == ([text] if text else [])


ONLY_WITH_WITNESS = {
    "no revision has the artifact, which was fetched and not deployed yet": (
        oci(OLDER, on=(succeeded(6, chart_of(AAA, "6.6.0")),)),
        ranged("6.6.1", BBB),
    ),
    "the older revision does not come from an artifact": (
        oci(UNDER_TEST, old(6, "6.6.0", PASS)),
        ranged("6.6.1", BBB),
    ),
    "the older version has build metadata, which a tag does not spell": (
        oci(UNDER_TEST, old(6, "6.6.0+own", PASS, digest=AAA)),
        ranged("6.6.1", BBB),
    ),
    "the tag was pushed again, and what it holds now is not tested": (
        oci(snap(7, chart_of(BBB, "6.6.0"), digest=BBB), OLDER),
        ranged("6.6.0", BBB),
    ),
    "the tag was pushed again, and then came a newer version": (
        oci(snap(8, chart_of(CCC, "6.6.1"), digest=CCC), old(7, chart_of(BBB, "6.6.0"), digest=BBB), OLDER),
        ranged("6.6.1", CCC),
    ),
}


@pytest.mark.parametrize(("given", "fleet"), ONLY_WITH_WITNESS.values(), ids=ONLY_WITH_WITNESS)
def test_the_tag_of_an_older_artifact_is_not_guessed(given: HelmRelease, fleet: Fleet) -> None:
    assert proven(given, fleet=fleet) == []


def test_a_tag_that_was_pushed_again_is_proven_again_by_its_own_tests_only() -> None:
    again = oci(snap(7, chart_of(BBB, "6.6.0"), digest=BBB), OLDER)
    assert doubts(again, fleet=tagged("6.6.0", BBB)) == [
        "stale 6.6.0: 6.6.0 was pushed again after revision 6 was tested"
    ]
    later = (hook("Succeeded", completed=day(5)),)
    text = chart_of(BBB, "6.6.0")
    tested = oci(snap(7, text, later, digest=BBB), OLDER, on=(succeeded(7, text),))
    (proof,) = evidence(tested, fleet=tagged("6.6.0", BBB)).proofs
    assert (proof.text, proof.revision, proof.since) == ("6.6.0", 7, day(5))


def test_a_rollback_of_an_artifact_keeps_what_was_proven_before() -> None:
    """A rollback's snapshot has no ociDigest: what it carries is told by the same chartVersion before it."""
    given = oci(
        snap(8, chart_of(AAA, "6.6.0"), action="rollback"),
        old(7, chart_of(BBB, "6.6.1"), FAIL, digest=BBB),
        OLDER,
    )
    found = evidence(given, fleet=ranged("v6.6.1", BBB))
    assert str(found.deployed) == "6.6.0"
    assert [proof.text for proof in found.proofs] == ["v6.6.0"]
    assert [str(version) for version in found.contradicted] == ["6.6.1"]
    assert [doubt.message for doubt in found.doubts] == ["test hook redis-test failed in revision 7"]


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        pytest.param({"tag": "6.6.0"}, None, id="the tag"),
        pytest.param({"tag": "6.6.1"}, "tag 6.6.1", id="another tag"),
        pytest.param({"tag": None}, "tag latest", id="no ref is latest"),
        pytest.param({"semver": "6.x"}, None, id="semver beats tag"),
        pytest.param({"semver": "7.x", "tag": "6.6.0"}, "7.x", id="another semver"),
        pytest.param({"semver": "6.x", "semver_filter": "^6[.]"}, None, id="a filter that admits the tag"),
        pytest.param({"semver": "6.x", "semver_filter": "-rc"}, "tags like -rc", id="a filter that does not"),
        pytest.param({"digest": AAA, "semver": "7.x"}, None, id="digest beats semver"),
        pytest.param({"digest": AAA, "semver": "about 7"}, None, id="a semver without effect is not read"),
        pytest.param({"digest": BBB, "tag": "6.6.0"}, BBB, id="another digest"),
    ],
)
def test_an_oci_repository_must_still_admit_the_artifact(spec: dict[str, str | None], asked: str | None) -> None:
    fleet = tagged("6.6.0", AAA, **spec)
    said = [f"stale 6.6.0: staging asks for {asked} now, which does not admit 6.6.0"] if asked else []
    assert doubts(passed("6.6.0"), fleet=fleet) == said
    assert proven(passed("6.6.0"), fleet=fleet) == ([] if asked else ["6.6.0"])


def test_an_oci_range_that_is_none_makes_the_release_unreadable() -> None:
    said = unreadable(passed("6.6.0"), ranged("6.6.0", AAA, semver="about 6"))
    assert said.startswith("OCIRepository flux-system/redis spec.ref.semver: 'about 6' is not a version range")


def filtered(pattern: str, tag: str = "6.6.0") -> list[str]:
    return doubts(passed(tag), fleet=ranged(tag, AAA, semver=">=0.0.0-0", semver_filter=pattern))


@pytest.mark.parametrize(
    "pattern", [r"^\d+\.\d+\.\d+$", "[0-9.]+", "(?:6|7)[.]", ".*", "6.6.0", r"^[^a-z]+$", "(6|v6).*", "^6.?"]
)
def test_a_plain_semver_filter_is_checked(pattern: str) -> None:
    assert filtered(pattern) == []


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(.*)*X",
        ".*.*.*.*.*.*X",
        "(a|a|a)(a|a|a)(a|a|a)",
        r"\p{L}",
        "[[:alpha:]]",
        "(?P<x>6)",
        "6{1,3}",
        "a" * 201,
    ],
)
def test_an_intricate_semver_filter_is_not_run(pattern: str) -> None:
    assert filtered(pattern) == [f"stale 6.6.0: the semverFilter {pattern[:200]} is too intricate to be checked here"]


@pytest.mark.parametrize("pattern", ["(6", "6)", "[9-0]", "(" * 100])
def test_a_broken_semver_filter_is_told(pattern: str) -> None:
    (line,) = filtered(pattern)
    assert line.startswith(f"stale 6.6.0: the semverFilter {pattern} cannot be read: ")


def test_a_semver_filter_never_takes_long() -> None:
    start = process_time()
    (line,) = filtered(r"\w*\w*\w*\w*\w*X", f"6.6.0-{'a' * 58}")
    assert "staging asks for tags like" in line
    assert filtered(".*", f"6.6.0-{'a' * 59}")[0].endswith("is too intricate to be checked here")
    assert process_time() - start < 5


def test_a_hostile_message_does_not_take_long() -> None:
    start = process_time()
    for text in ("a/" * 16_000, "a/b" + ".v1" * 10_000, "a/b.v1 with chart " + "c@" * 16_000):
        message = f"Helm test succeeded for release {text}"
        assert re.match(
            "unknown helm-controller text", unreadable(steady(conditions=(is_("TestSuccess", message=message),)))
        )
    assert process_time() - start < 5
