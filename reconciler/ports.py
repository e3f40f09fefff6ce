"""The two outside worlds of a pass, and the errors that they may raise. Adapters implement these; nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from reconciler.core.model import Action, Base, Findings, Fleet, LastChange, Question, Scope


class PortError(Exception):
    """A world could not be read or written. Its text is one sentence with the cure, and never holds a secret."""


class Unavailable(PortError):  # noqa: N818 - a verdict, not a name of a class
    """The next pass may succeed: a network, a server, a compare-and-swap that somebody else won."""


class Refused(PortError):  # noqa: N818 - likewise
    """A person must act: a missing branch, a refused credential, an input of the wrong kind."""


class Staging(Protocol):
    """Releases as evidence."""

    def observe(self, scopes: Sequence[Scope]) -> tuple[Fleet, ...]:
        """Look once, and give what each scope sees of it, in the same order.

        Raises:
            PortError: nothing could be read. A list that failed is not an empty list.
        """


class Production(Protocol):
    """One branch of one repository: its tree, its contents, and our proposals."""

    def observe(self) -> Base:
        """Look once: base, its tree, and every proposal under our names, all from the same instant.

        Raises:
            PortError: the repository or its branch could not be read.
        """

    def read(self, oids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Read blobs of the observed tree, in any order."""

    def investigate(self, questions: Sequence[Question]) -> Mapping[str, Findings]:
        """Answer questions about drifted promotions, by branch."""

    def last_change(self, path: str, line: int) -> LastChange | None:
        """Tell the last commit on the observed base that touched a line (1-based), None where history does not."""

    def apply(self, action: Action) -> None:
        """Carry out one action, by compare-and-swap on our own refs.

        Raises:
            Unavailable: somebody moved our refs since they were observed, or the server did not answer.
            Refused: the server will not have it.
        """
