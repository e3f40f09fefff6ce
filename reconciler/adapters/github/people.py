"""Labels, assignees and reviewers by their ids: what GraphQL wants where people write names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.adapters.github.shapes import Actor, Shape
from reconciler.adapters.github.wire import Step, decoded, is_null

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reconciler.adapters.github.look import Me
    from reconciler.core.model import Manners

_NEAR: Final = 20
"""How many accounts are looked at for one login: GitHub answers with all that begin alike."""


class _Node(Shape, frozen=True):
    id: str


class _Account(Actor, frozen=True):
    id: str = ""


class _Accounts(Shape, frozen=True):
    nodes: tuple[_Account, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Ids, and the names for which there are none, each with what it should be."""

    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def steps(self, pull: str) -> Iterator[Step]:
        """Put them all on a pull request."""
        if self.labels:
            yield Step("labels", "addLabelsToLabelable", {"labelableId": pull, "labelIds": self.labels})
        if self.assignees:
            wanted = {"assignableId": pull, "assigneeIds": self.assignees}
            yield Step("assignees", "addAssigneesToAssignable", wanted)
        if self.reviewers or self.teams:
            both = {"userIds": self.reviewers, "teamIds": self.teams}
            yield Step("reviewers", "requestReviews", {"pullRequestId": pull, "union": True, **both})


def wanted(manners: Manners) -> str:
    """Say what to select of a repository to find everything by its name. Empty where nothing is wanted."""
    labels = [f"l{n}: label(name: {json.dumps(name)}) {{ id }}" for n, name in enumerate(manners.labels)]
    accounts = [
        f"u{n}: assignableUsers(query: {json.dumps(login)}, first: {_NEAR}) {{ nodes {{ id login }} }}"
        for n, login in enumerate(_logins(manners))
    ]
    teams = " ".join(
        f"t{n}: team(slug: {json.dumps(_slug(team))}) {{ id }}" for n, team in enumerate(manners.team_reviewers)
    )
    owner = [f"owner {{ ... on Organization {{ {teams} }} }}"] if teams else []
    return " ".join([*labels, *accounts, *owner])


def found(manners: Manners, answer: Mapping[str, msgspec.Raw], me: Me) -> Found:
    """Read the answer. Who opens a pull request cannot review it."""
    accounts = {login: _account(answer, n, login) for n, login in enumerate(_logins(manners))}
    labels = {name: _node(answer.get(f"l{n}")) for n, name in enumerate(manners.labels)}
    owner = decoded(answer["owner"], dict[str, msgspec.Raw]) if manners.team_reviewers and "owner" in answer else {}
    teams = {name: _node(owner.get(f"t{n}")) for n, name in enumerate(manners.team_reviewers)}
    reviewers = {login: accounts[login] for login in manners.reviewers}
    missing = [f'the label "{name}"' for name, id_ in labels.items() if not id_]
    missing += [f"the account {login}, or its access," for login, id_ in accounts.items() if not id_]
    missing += [f"the team {name}, or our sight of it," for name, id_ in teams.items() if not id_]
    missing += [f"a reviewer other than the author, {login}," for login in reviewers if login.lower() == me.login]
    return Found(
        _ids(labels.values()),
        _ids(accounts[login] for login in manners.assignees),
        _ids(id_ for login, id_ in reviewers.items() if login.lower() != me.login),
        _ids(teams.values()),
        tuple(missing),
    )


def _logins(manners: Manners) -> Sequence[str]:
    return list(dict.fromkeys((*manners.assignees, *manners.reviewers)))


def _slug(team: str) -> str:
    return team.rpartition("/")[2]


def _node(raw: msgspec.Raw | None) -> str | None:
    return decoded(raw, _Node).id if raw is not None and not is_null(raw) else None


def _account(answer: Mapping[str, msgspec.Raw], number: int, login: str) -> str | None:
    raw = answer.get(f"u{number}")
    nodes = decoded(raw, _Accounts).nodes if raw is not None and not is_null(raw) else ()
    return next((node.id for node in nodes if node.login.lower() == login.lower()), None)


def _ids(found: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(id_ for id_ in found if id_)
