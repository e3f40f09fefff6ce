"""What real Flux controllers wrote, and what it proves: recorded by ``make record``, in ``recorded/``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import pytest

from reconciler.core import model
from reconciler.core.model import Evidence, Policy
from tests.recordings import FOLDER, judged, read


@dataclass(frozen=True)
class Case:
    """A recorded release, and what it says: a doubt is told by its reason, version and message."""

    proven: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    contradicted: tuple[str, ...] = ()
    suspended: bool = False
    release: str = "app"


BEFORE = ("1.0.0",)
AFTER = ("1.1.0", "1.0.0")
NEW = ("1.1.0",)
OLD = ("1.0.0",)
FAILED = Case(BEFORE, ("tests-failed 1.1.0: test hook app-smoke failed in revision 2",), NEW)
NO_TESTS = "no-tests 1.0.0: the chart has no test hooks in revision 1 with 1.0.0"
RUNNING = "tests-running 1.1.0: revision 2 with 1.1.0 has not been tested yet"
ROLLED_BACK = "rolled-back 1.1.0: upgrade to 1.1.0 failed in revision 2 and was rolled back to 1.0.0 in revision 3"
DIGEST = "OCIRepository an-artifact-that-staging-names-by-digest-has-no-tag-t-3b4a5e/app"

CASES = {
    # tests
    "tests-pass": Case(AFTER),
    "two-upgrades": Case(("1.2.0", "1.1.0")),
    "tests-fail": FAILED,
    "tests-fail-ignored": FAILED,
    "tests-fail-ignored-by-remediation": FAILED,
    "tests-fail-and-roll-back": FAILED,
    "tests-fail-and-roll-back-before-the-next-try": FAILED,
    "tests-fail-twice-and-roll-back": Case(
        doubts=(
            "tests-failed 1.1.0: test hook app-smoke failed in revision 4",
            "rolled-back 1.0.0: revision 5 is a rollback to 1.0.0, which was not tested since",
        ),
        contradicted=NEW,
    ),
    "tests-time-out": FAILED,
    "one-hook-of-three-fails": Case(BEFORE, ("tests-failed 1.1.0: test hook app-b-bad failed in revision 2",), NEW),
    "retry-on-failure": Case(BEFORE, ("tests-failed 1.1.0: test hook app-smoke failed in revision 3",), NEW),
    "retry-on-failure-passes": Case(AFTER),
    "good-version-after-a-rollback": Case(("1.2.0",)),
    "install-tests-fail": Case(
        doubts=("tests-failed 1.0.0: test hook app-smoke failed in revision 1",), contradicted=OLD
    ),
    "install-uninstalled": Case(
        doubts=("not-deployed 1.0.0: revision 1 with 1.0.0 has status uninstalling",), contradicted=OLD
    ),
    "values-change-under-test": Case(OLD),
    "values-change-tested": Case(OLD),
    "values-change-fails": Case(
        doubts=("tests-failed 1.0.0: test hook app-smoke failed in revision 2",), contradicted=OLD
    ),
    "forced": Case(OLD),
    # upgrades
    "in-flight-upgrade-runs": Case(BEFORE),
    "in-flight-tests-run": Case(BEFORE, (RUNNING,)),
    "upgrade-fails": Case(
        BEFORE,
        (
            (
                "not-deployed 1.1.0: revision 2 with 1.1.0 has status failed: Helm upgrade failed for release "
                "a-failed-upgrade-is-held/app with chart app@1.1.0: failed to create resource: server-side apply "
                "failed for object a-failed-upgrade-is-held/Not A Name /v1, Kind=ConfigMa"
            ),
        ),
    ),
    "upgrade-fails-and-rolls-back": Case(BEFORE, (ROLLED_BACK,), NEW),
    "upgrade-hook-fails-and-rolls-back": Case(BEFORE, (ROLLED_BACK,), NEW),
    "rolled-back-by-hand": Case(NEW),
    "moved-back": Case(OLD, contradicted=NEW),
    "renamed": Case(OLD),
    # no tests, or not now
    "no-hooks": Case(doubts=(NO_TESTS,)),
    "no-hooks-any-more": Case(BEFORE, ("no-tests 1.1.0: the chart has no test hooks in revision 2 with 1.1.0",)),
    "hooks-that-are-no-tests": Case(doubts=(NO_TESTS,)),
    "filter-excludes": Case(OLD),
    "filter-includes": Case(OLD),
    "filters-select-nothing": Case(doubts=(NO_TESTS.replace("hooks in", "hooks, or the filters leave none in"),)),
    "filters-changed": Case(
        doubts=("no-tests 1.0.0: the filters select none of the test hooks in revision 1 with 1.0.0",)
    ),
    "tests-disabled": Case(doubts=("tests-disabled 1.0.0: staging does not test 1.0.0: spec.test.enable is not true",)),
    "tests-switched-off": Case(
        doubts=("tests-disabled 1.0.0: staging does not test 1.0.0: spec.test.enable is not true",)
    ),
    "tests-switched-off-and-on": Case(
        doubts=("stale 1.0.0: the hooks of revision 1 succeeded, but the condition TestSuccess is missing",)
    ),
    "tests-switched-on": Case(OLD),
    "suspended": Case(OLD, suspended=True),
    "resumed": Case(AFTER),
    "dependency-not-ready": Case(OLD),
    "chart-not-found": Case(doubts=("stale 1.0.0: staging asks for 9.9.9 now, which does not admit 1.0.0",)),
    # spellings
    "leading-v": Case(("v1.0.0",)),
    "build-metadata": Case(("1.0.0+build.5",)),
    "values-files": Case(OLD),
    "helm-chart": Case(OLD),
    "oci-helm-repository": Case(OLD),
    "oci-semver": Case(AFTER),
    "oci-shared: the one that is tested": Case(AFTER, release="web"),
    "oci-shared: the one under test": Case(BEFORE, (RUNNING,), release="worker"),
    "oci-rolled-back": FAILED,
    "oci-leading-v": Case(("v1.0.0",)),
    "oci-build-metadata": Case(("1.0.0_build.5",)),
    "oci-digest": Case(doubts=(f"stale 1.0.0: {DIGEST} has no artifact with a tag, so the tag of 1.0.0 is not known",)),
    "oci-pushed-again": Case(
        doubts=("tests-failed 1.0.0: test hook app-smoke failed in revision 2",), contradicted=OLD
    ),
}

# Flux writes the conditions first and the history a moment later. In between, the conditions are about a revision that
# the history does not have yet, and nothing is proven: ().
TIMELINES = {
    "tests-pass": (BEFORE, (), BEFORE, AFTER),
    "tests-fail": (BEFORE, (), BEFORE),
    "tests-fail-and-roll-back": (BEFORE, (), BEFORE),
    "tests-fail-and-are-tried-again": (BEFORE, (), BEFORE),
    "upgrade-fails": (BEFORE, (), BEFORE),
    "upgrade-fails-and-rolls-back": (BEFORE, (), BEFORE),
    "values-change": (OLD, (), OLD),
}
# Without tests readiness has to do, and while an upgrade runs nobody knows whether the release is ready.
UNTESTED = {
    "no-tests": (BEFORE, (), BEFORE, NEW),
    "no-tests-rolled-back": (BEFORE, ()),
}
READINESS = Policy(tests=model.Tests.OPTIONAL, soak=timedelta(seconds=1))


@pytest.mark.parametrize("name", CASES)
def test_what_real_controllers_wrote_proves(name: str) -> None:
    case = CASES[name]
    (moment,) = read(name.partition(":")[0])
    found = judged(moment, case.release)
    assert isinstance(found, Evidence), found
    assert tuple(proof.text for proof in found.proofs) == case.proven
    assert tuple(f"{doubt.reason} {doubt.version}: {doubt.message}" for doubt in found.doubts) == case.doubts
    assert tuple(str(version) for version in found.contradicted) == case.contradicted
    assert found.suspended == case.suspended


def verdicts(name: str, policy: Policy) -> tuple[tuple[str, ...], ...]:
    """What is proven through an upgrade: each change of it once."""
    found = [judged(moment, policy=policy) for moment in read(f"timeline-{name}")]
    assert all(isinstance(each, Evidence) for each in found)
    proven = (tuple(proof.text for proof in each.proofs) for each in found if isinstance(each, Evidence))
    return tuple(versions for versions, _ in groupby(proven))


@pytest.mark.parametrize("name", TIMELINES)
def test_through_a_whole_upgrade_nothing_is_proven_too_early(name: str) -> None:
    assert verdicts(name, Policy()) == TIMELINES[name]


@pytest.mark.parametrize("name", UNTESTED)
def test_through_a_whole_upgrade_without_tests_nothing_is_proven_too_early(name: str) -> None:
    assert verdicts(name, READINESS) == UNTESTED[name]


def test_each_recording_has_its_case_and_tells_which_controllers_wrote_it() -> None:
    expected = {name.partition(":")[0] for name in CASES} | {f"timeline-{name}" for name in (*TIMELINES, *UNTESTED)}
    recorded = {path.stem: json.loads(path.read_text())["controllers"] for path in FOLDER.glob("*.json")}
    assert set(recorded) == expected
    assert {frozenset(versions) for versions in recorded.values()} == {
        frozenset({"etcd", "kubernetes", "helm", "source-controller", "helm-controller"})
    }
