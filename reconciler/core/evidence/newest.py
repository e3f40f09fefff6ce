"""Why the newest revision is not proven: by its tests, or by readiness where a policy can do without them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reconciler.core.evidence.history import NotUnderstoodError, Outcome, condition, is_true, told
from reconciler.core.model import Doubt, Reason, Tests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.core.evidence.history import Revision
    from reconciler.core.model import Condition, HelmRelease, Policy

# The three texts of helm-controller 0.37 to 1.6 (internal/reconcile/test.go).
_KNOWN: Final = re.compile(
    r"Helm (?:test (?:succeeded|failed) for )?release [^\s/]+/[^\s/]+\.v[0-9]+ with chart [^\s@]+@\S+"
    r"(?:: | is awaiting tests)"
)


def needs_no_tests(release: HelmRelease, newest: Revision) -> bool:
    """Whether tests are disabled, or the newest revision's chart has none.

    Filters that leave no hook look like a chart without any since helm-controller 1.6.3: there it cannot be told.
    """
    return not release.tests_enabled or (newest.snapshot.hooks == () and not release.filters)


def doubt_of_newest(release: HelmRelease, history: Sequence[Revision], policy: Policy) -> Doubt | None:
    """Tell why the newest revision is not proven, None if it is."""
    newest = history[0]
    if policy.tests is Tests.OPTIONAL and needs_no_tests(release, newest):
        return _not_ready(release, newest)
    if not release.tests_enabled:
        message = f"staging does not test {newest.version}: spec.test.enable is not true"
        return Doubt(Reason.TESTS_DISABLED, newest.version, message)
    return _failed(release, newest) or _untested(release, history) or _unconfirmed(release, newest)


def not_deployed(release: HelmRelease, newest: Revision) -> Doubt | None:
    """Tell of a newest revision that Helm has not deployed."""
    status = newest.snapshot.status
    if status == "deployed":
        return None
    released = condition(release, "Released")
    why = f": {told(released.message)}" if released and released.status == "False" else ""
    message = f"revision {newest.number} with {newest.version} has status {told(status) or 'unknown'}{why}"
    return Doubt(Reason.NOT_DEPLOYED, newest.version, message)


def hook_failed(revision: Revision) -> Doubt | None:
    """Tell of a revision whose test hook failed. Helm stops at the first."""
    hook = next((hook for hook in revision.selected if hook.phase == "Failed"), None)
    if hook is None:
        return None
    message = f"test hook {told(hook.name)} failed in revision {revision.number}"
    return Doubt(Reason.TESTS_FAILED, revision.version, message)


def _failed(release: HelmRelease, newest: Revision) -> Doubt | None:
    """A failed hook, or tests that failed before any hook could be recorded."""
    if (doubt := hook_failed(newest)) is not None:
        return doubt
    test = condition(release, "TestSuccess")
    failure = f"Helm test failed for release {_subject(newest)}: "
    if test is None or test.status != "False" or not test.message.startswith(failure):
        return None
    message = f"tests failed in revision {newest.number}: {told(test.message.removeprefix(failure))}"
    return Doubt(Reason.TESTS_FAILED, newest.version, message)


def _untested(release: HelmRelease, history: Sequence[Revision]) -> Doubt | None:
    """Hooks of the newest revision that have not run, not finished, or do not exist."""
    newest = history[0]
    if newest.by_rollback:
        return _brought_back(history)
    if newest.snapshot.hooks is None:
        message = f"revision {newest.number} with {newest.version} has not been tested yet"
        return Doubt(Reason.TESTS_RUNNING, newest.version, message)
    if not newest.selected:
        none = (
            "the chart has no test hooks, or the filters leave none"
            if release.filters
            else "the chart has no test hooks"
        )
        what = "the filters select none of the test hooks" if newest.snapshot.hooks else none
        return Doubt(Reason.NO_TESTS, newest.version, f"{what} in revision {newest.number} with {newest.version}")
    unfinished = next((hook for hook in newest.selected if hook.phase != "Succeeded"), None)
    if unfinished is None:
        return None
    message = f"test hook {told(unfinished.name)} has not finished in revision {newest.number}"
    return Doubt(Reason.TESTS_RUNNING, newest.version, message)


def _brought_back(history: Sequence[Revision]) -> Doubt:
    """A rollback says neither yes nor no, so a failure of the same version before it still stands."""
    newest = history[0]
    earlier = (each for each in history[1:] if each.identity == newest.identity)
    judged = next((each for each in earlier if each.outcome is not Outcome.UNPROVEN), newest)
    message = f"revision {newest.number} is a rollback to {newest.version}, which was not tested since"
    return hook_failed(judged) or Doubt(Reason.ROLLED_BACK, newest.version, message)


def _unconfirmed(release: HelmRelease, newest: Revision) -> Doubt | None:
    """Hooks that succeeded while TestSuccess, which tells whose hooks they are, does not say so."""
    test = condition(release, "TestSuccess")
    if newest.outcome is not Outcome.PASSED:
        return not_deployed(release, newest)
    if test is None:
        message = f"the hooks of revision {newest.number} succeeded, but the condition TestSuccess is missing"
        return Doubt(Reason.STALE, newest.version, message)
    if test.status == "Unknown":
        return Doubt(Reason.TESTS_RUNNING, newest.version, _running(test, newest))
    if test.status == "True" and test.message.startswith(f"Helm test succeeded for release {_subject(newest)}: "):
        return None
    message = (
        f"the condition TestSuccess is not about revision {newest.number} with {newest.version}: {told(test.message)}"
    )
    return Doubt(Reason.STALE, newest.version, message)


def _running(test: Condition, newest: Revision) -> str:
    """Say what is under test. The conditions are written a moment before the history (fluxcd/pkg runtime/patch)."""
    if _KNOWN.match(test.message) and _subject(newest) not in test.message:
        return f"staging is testing a newer revision than {newest.number}: {told(test.message)}"
    return f"the tests of revision {newest.number} have not finished"


def _subject(revision: Revision) -> str:
    snapshot = revision.snapshot
    return f"{snapshot.release}.v{snapshot.revision} with chart {snapshot.chart}@{snapshot.version}"


def check_texts(release: HelmRelease) -> None:
    """Refuse a TestSuccess that nobody knows how to read.

    Raises:
        NotUnderstoodError: The condition is True with a text that helm-controller does not write.
    """
    test = condition(release, "TestSuccess")
    if release.tests_enabled and test and test.status == "True" and _KNOWN.match(test.message) is None:
        raise NotUnderstoodError(f"unknown helm-controller text in condition TestSuccess: {told(test.message)!r}")


# --- readiness -------------------------------------------------------------------------------------------------------


def _not_ready(release: HelmRelease, newest: Revision) -> Doubt | None:
    """Readiness counts only on a deployed revision of the observed generation that nothing has remediated."""
    if (doubt := not_deployed(release, newest)) is not None:
        return doubt
    ready = is_true(release, "Ready")
    if is_true(release, "Remediated") or (newest.by_rollback and not ready):
        message = f"revision {newest.number} is a rollback to {newest.version}"
        return Doubt(Reason.ROLLED_BACK, newest.version, message)
    if release.generation != release.observed_generation:
        message = f"generation {release.generation} is not observed yet, only {release.observed_generation}"
        return Doubt(Reason.STALE, newest.version, message)
    return _failed(release, newest) or _unready(release, newest)


def _unready(release: HelmRelease, newest: Revision) -> Doubt | None:
    stalled = is_true(release, "Stalled")
    if is_true(release, "Ready") and not stalled:
        return None
    why = condition(release, "Stalled" if stalled else "Ready")
    said = f"{told(why.reason)}: {told(why.message)}" if why else "the condition Ready is missing"
    message = f"revision {newest.number} with {newest.version} is {'stalled' if stalled else 'not ready'}: {said}"
    return Doubt(Reason.NOT_DEPLOYED, newest.version, message)
