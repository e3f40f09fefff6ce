"""How much a forge is asked for: so many open pull requests, so many new ones a pass, the oldest proof first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.core.model import Hold, Open, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reconciler.core.model import Answer
    from reconciler.core.plan.assess import Assessment


def within(one: Assessment, answers: Sequence[Answer]) -> tuple[list[Answer], tuple[Open, ...]]:
    """Hold back the openings that are too many.

    Returns:
        One answer for every release, as before, and the openings that are held, in the order in which they follow.
    """
    opens = sorted((answer for answer in answers if isinstance(answer, Open)), key=_age)
    if not one.base.forge:
        return list(answers), ()
    late = tuple(opens[_slots(one) :])
    held = {action.subject.branch for action in late}
    kept = [answer for answer in answers if not isinstance(answer, Open) or answer.subject.branch not in held]
    return [*kept, *(hold for action in late for hold in _held(one, action))], late


def _age(action: Open) -> tuple[object, ...]:
    return action.commit.at, action.subject.releases


def _slots(one: Assessment) -> int:
    manners = one.promotion.manners
    return max(0, min(manners.max_per_pass, manners.max_open - _standing(one)))


def _standing(one: Assessment) -> int:
    pulls = (proposal.pull_request for some in one.owned.values() for proposal in some)
    return sum(pull is not None and pull.ours and pull.state == "open" for pull in pulls)


def _held(one: Assessment, action: Open) -> Iterator[Hold]:
    manners, subject = one.promotion.manners, action.subject
    bounds = f"maxOpen {manners.max_open}, maxPerPass {manners.max_per_pass}"
    message = f"{_standing(one)} pull requests are open, and older proofs go first ({bounds})"
    for release in subject.releases:
        yield Hold(
            subject.promotion,
            release,
            Reason.CAPACITY,
            message,
            subject.from_,
            subject.to,
            gates=subject.gates,
        )
