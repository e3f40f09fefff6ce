"""The gates that look at the version alone: which are let through, and by how large a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.core.gates.case import opened, shut
from reconciler.core.model import Reason, Step
from reconciler.core.version import Version

if TYPE_CHECKING:
    from reconciler.core.gates.case import Case
    from reconciler.core.model import Gate
    from reconciler.core.version import Constraint

_STEPS: Final = ("none", "prerelease", *Step)


def prerelease(case: Case) -> Gate:
    """Production takes no prerelease unasked, unless it already runs one of the same x.y.z."""
    target, pinned = case.proof.version, case.pin.version
    if not target.prerelease:
        return opened("prerelease")
    if case.policy.prereleases:
        return opened("prerelease", "the policy takes prereleases")
    if pinned.prerelease and target.core == pinned.core:
        return opened("prerelease", f"production already runs a prerelease, {pinned}")
    return shut("prerelease", Reason.PRERELEASE, f"{target} is a prerelease, and production runs {pinned}")


def allow(case: Case) -> Gate:
    """The version lies in every range that the policy allows."""
    allowed, target = case.policy.allow or (), case.proof.version
    for one in allowed:
        if not one.admits(target):
            why = "; a range takes prereleases only if it names one itself" if one.admits(_released(target)) else ""
            return shut("allow", Reason.POLICY, f"{target} is not in {one.text}, which the policy allows{why}")
    return opened("allow", f"{target} is in {' and in '.join(one.text for one in allowed)}" if allowed else None)


def bump(case: Case) -> Gate:
    """The step from the pin is no larger than the policy admits."""
    largest, pinned, target = case.policy.bump, case.pin.version, case.proof.version
    if largest is None:
        return opened("bump")
    step = target.bump_from(pinned)
    if _STEPS.index(step) <= _STEPS.index(largest):
        return opened("bump", f"{pinned} to {target} is a {step} step")
    message = f"{pinned} to {target} is a {step} step, and the policy admits {largest} at most"
    return shut("bump", Reason.POLICY, message)


def ignore(case: Case) -> Gate:
    """The version is none that the policy ignores."""
    target = case.proof.version
    for one in case.policy.ignore or ():
        if _ignores(one, target):
            return shut("ignore", Reason.POLICY, f"{target} is ignored: the policy lists {one.text}")
    return opened("ignore")


def _ignores(ignored: Constraint, target: Version) -> bool:
    """A range takes in the prereleases of the versions in it, which it does not where it allows."""
    return ignored.admits(target) or (ignored.exact is None and ignored.admits(_released(target)))


def _released(version: Version) -> Version:
    return Version.parse(".".join(map(str, version.core)))
