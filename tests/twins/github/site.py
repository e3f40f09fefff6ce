"""One GitHub: its world, its limits, and how far its answers lag behind."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.twins.github.access import require
from tests.twins.github.refusal import not_found

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.twins.github.access import Caller
    from tests.twins.github.limits import Limits
    from tests.twins.github.world import Pull, Repository, World


@dataclass(slots=True)
class Lag:
    """Eventual consistency, counted in requests.

    ``lists``: for so many requests after a change, lists of pull requests do not show it. ``nodes``: for so many, a
    new node is not found by its id.
    """

    lists: int = 0
    nodes: int = 0
    _pictures: list[tuple[int, dict[int, tuple[Pull, ...]]]] = field(default_factory=list)

    def picture(self, world: World) -> None:
        """Remember what lists would show, as of the request that is being answered."""
        if self.lists:
            shown = {
                repository.number: tuple(copy(pull) for pull in repository.pulls.values())
                for repository in world.repositories.values()
            }
            self._pictures = [kept for kept in self._pictures if kept[0] != world.request]
            self._pictures.append((world.request, shown))

    def listed(self, world: World, repository: Repository) -> Iterable[Pull]:
        old = [shown for request, shown in self._pictures if request < world.request - self.lists]
        if not self.lists or not old:
            return repository.pulls.values()
        return old[-1].get(repository.number, ())


@dataclass(slots=True)
class Site:
    """``origin`` begins every URL.

    A tree of more than ``tree_limit`` entries is cut off, and so is GraphQL's text of more than ``text_limit`` bytes.
    """

    world: World
    limits: Limits
    lag: Lag
    origin: str = "https://github.example.com"
    tree_limit: int = 100_000
    text_limit: int = 512_000

    def repository(self, caller: Caller, full_name: str, need: str = "metadata:read") -> Repository:
        """Find a repository that a caller may use.

        Raises:
            Refusal: there is none, or none that the caller may see, or it lacks the permission.
        """
        found = self.world.repositories.get(full_name.lower())
        if found is None:
            raise not_found(f"Could not resolve to a Repository with the name '{full_name}'.")
        require(caller, found, need)
        return found

    def listed(self, repository: Repository) -> list[Pull]:
        """Pull requests as lists show them, which may be as they were a while ago."""
        return list(self.lag.listed(self.world, repository))
