"""The gates that a person shuts by an annotation on the staging release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.gates.case import opened, shut
from reconciler.core.model import ANNOTATIONS, Reason

if TYPE_CHECKING:
    from reconciler.core.gates.case import Case
    from reconciler.core.model import Gate


def hold(case: Case) -> Gate:
    """Nothing moves while a person holds the release."""
    why = case.terms.hold
    if why is None:
        return opened("hold")
    told = f": {why}" if why else ""
    message = f"the annotation {ANNOTATIONS}hold on {case.release} holds it{told}; take it away to go on"
    return shut("hold", Reason.ON_HOLD, message)


def understood(case: Case) -> Gate:
    """What a person asks for has to be understood before anything moves."""
    if not case.terms.malformed:
        return opened("annotations")
    message = f"{'; '.join(case.terms.malformed)}; until it is corrected nothing moves"
    return shut("annotations", Reason.POLICY, message)
