"""The gates that look at the proof: how much of it there is, how old it is, and how long it has held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.gates.case import opened, shut
from reconciler.core.model import Reason
from reconciler.core.times import spelled, told

if TYPE_CHECKING:
    from reconciler.core.gates.case import Case
    from reconciler.core.model import Gate


def enough(case: Case) -> Gate:
    """As many hooks have succeeded as the policy asks for, where tests are the proof."""
    least, hooks = case.policy.minimum, len(case.proof.hooks)
    if least is None or not hooks:
        return opened("tests")
    what = f"{hooks} test hook{'' if hooks == 1 else 's'} succeeded"
    if hooks >= least:
        return opened("tests", what)
    return shut("tests", Reason.POLICY, f"{what}, and the policy asks for {least} at least")


def age(case: Case) -> Gate:
    """The hooks have run lately enough, where tests are the proof: being Ready is always of now."""
    oldest, tested = case.policy.max_age, case.proof.tested
    if oldest is None or not case.proof.hooks:
        return opened("age")
    cure = "run the tests in staging again"
    if tested is None:
        message = f"staging tells no time that can be believed at which {case.proof.version} was tested; {cure}"
        return shut("age", Reason.EXPIRED, message)
    if case.at - tested <= oldest:
        return opened("age", f"tested at {told(tested)}")
    message = f"tested at {told(tested)}, which is over {spelled(oldest)} ago; {cure}"
    return shut("age", Reason.EXPIRED, message)


def soak(case: Case) -> Gate:
    """The proof has held for as long as the policy asks."""
    wanted, since = case.policy.soak, case.proof.since
    if wanted is None:
        return opened("soak")
    if since is None:
        message = (
            f"staging tells no time that can be believed since when {case.proof.version} is proven,"
            " so that no soak can be counted; a newer version, or tests that run again, bring one"
        )
        return shut("soak", Reason.SOAKING, message)
    until = since + wanted
    if case.at >= until:
        return opened("soak", f"proven since {told(since)}")
    return shut("soak", Reason.SOAKING, f"proven since {told(since)}, soaks until {told(until)}", until)
