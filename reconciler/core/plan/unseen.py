"""What staging did not show in a pass: no pin that it may claim is moved, and nothing is taken back on its account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.manifest import Globs
from reconciler.core.model import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.core.model import Match, Pin, Promotion


@dataclass(frozen=True, slots=True)
class Unseen:
    """Namespaces of one promotion's staging that could not be read. ``("*",)`` is all of them."""

    promotion: Promotion
    namespaces: tuple[str, ...]

    def __str__(self) -> str:
        where = "" if self.namespaces == ("*",) else f" ({', '.join(self.namespaces)})"
        return f'the promotion "{self.promotion.name}"{where}, whose staging could not be read; that comes first'

    def covers(self, release: Key) -> bool:
        """Tell whether a staging release would stand in one of them."""
        return self.namespaces == ("*",) or release.namespace in self.namespaces

    def may_claim(self, pin: Pin, governed: Sequence[Governed], *, own: bool) -> bool:
        """Tell whether a release that was not seen may have a say in a pin.

        Args:
            pin: the pin that is to be moved.
            governed: the production releases that it decides.
            own: whether the pin is moved by the very promotion that could not be seen as a whole. Then a manifest
                that gives no namespace is taken for the release that was seen; for another promotion it is not.
        """
        if not any(self._means(one, own=own) for one in governed):
            return False
        return own or Globs(self.promotion.paths).selects(pin.path)

    def _means(self, governed: Governed, *, own: bool) -> bool:
        namespace, name = governed
        if namespace is None:
            return not own
        return any(map(self.covers, called(Key(namespace, name), self.promotion.match)))


def called(production: Key, match: Iterable[Match]) -> tuple[Key, ...]:
    """Give the names that staging may have for a production release."""
    lines = tuple(match)
    own = () if any(line.staging == production for line in lines) else (production,)
    return (*(line.staging for line in lines if line.production == production), *own)


Governed = tuple[str | None, str]
"""A production release: its effective namespace, None where no file gives it, and its name."""
