"""What the config file asks for, for as long as a process lives: the file, and the credentials it names, may change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciler.config import ConfigError, credentials, environment, fingerprint, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from reconciler.config import Settings
    from reconciler.reconcile import Route


class Unusable(Exception):  # noqa: N818 - a verdict, not a name of a class
    """The config cannot be used. ``sentences`` are what a person must mend, one mistake each."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = tuple(sentences)


class Told(Protocol):
    """Is told what became of a config that changed: the mistakes for which the one before stays in use."""

    def __call__(self, settings: Settings, mistakes: Sequence[str], /) -> None:
        """Take it down."""


@dataclass
class Live:
    """The settings and the routes that are in use, and what the files held when they were made.

    All routes are made anew together, since a credential may be held by any of them. Nothing is lost by that: what a
    route knows, it can observe again.
    """

    file: Path
    build: Callable[[Settings], tuple[Route, ...]]
    settings: Settings
    routes: tuple[Route, ...]
    held: Mapping[Path, str | None]

    @classmethod
    def of(cls, file: Path, build: Callable[[Settings], tuple[Route, ...]]) -> Live:
        """Read the config file, and make its routes.

        Raises:
            Unusable: it has mistakes, or names what is not there.
        """
        held = {file: fingerprint(file)}  # before it is read: a change in between is seen at the next look
        settings = settings_of(file)
        return cls(file, build, settings, build(settings), held | _held(settings))

    def renew(self, told: Told) -> None:
        """Look whether anything changed, and use it if it is good. What is bad is told once, and not used."""
        held = {path: fingerprint(path) for path in self.held}
        if held == self.held:
            return
        self.held = held
        try:
            new = Live.of(self.file, self.build)
        except Unusable as error:
            told(self.settings, error.sentences)
            return
        self.settings, self.routes, self.held = new.settings, new.routes, new.held
        told(self.settings, ())


def settings_of(file: Path) -> Settings:
    """Read a config file.

    Raises:
        Unusable: it has mistakes.
    """
    try:
        return load(file, environment())
    except ConfigError as error:
        raise Unusable(str(error).splitlines()) from error


def _held(settings: Settings) -> dict[Path, str | None]:
    return {path: fingerprint(path) for path in credentials(settings)}
