"""Chart versions and version ranges, read as Helm and Flux read them.

Both leave ranges to the Go library ``github.com/Masterminds/semver/v3``, whose behaviour at 3.5.0 is the reference.
Its limits, 256 characters for a version and 512 for a range, bound the work that a hostile text can cause.
What it lets pass by accident is refused: numbers with a leading zero, numeric prerelease identifiers above 64 bits
(it orders them as words), ``1.x`` followed by more than numbers and wildcards, and hyphen ranges that run into their
neighbour (it reads ``1||2 - 3`` as ``>=1 || 2, <=3``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

_VERSION_LENGTH: Final = 256
_RANGE_LENGTH: Final = 512
_LARGEST: Final = 2**64 - 1
_MINOR, _PATCH = 2, 3  # how many numbers a version has, down to the one named

_IDENTIFIERS: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(rf"v?([0-9]+)\.([0-9]+)\.([0-9]+)(?:-({_IDENTIFIERS}))?(?:\+({_IDENTIFIERS}))?")

Bump = Literal["major", "minor", "patch", "prerelease", "none"]


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of SemVer 2.0: three numbers, perhaps a prerelease and build metadata, perhaps one leading ``v``.

    Compared, equal and hashed by precedence alone (https://semver.org/#spec-item-11): build metadata and the leading
    ``v`` are kept in ``text`` but do not count. ``prerelease`` and ``build`` are empty where the text has none.
    Made by ``parse``.
    """

    text: str = field(compare=False)
    major: int = field(compare=False)
    minor: int = field(compare=False)
    patch: int = field(compare=False)
    prerelease: str = field(compare=False)
    build: str = field(compare=False)
    precedence: tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]] = field(repr=False)

    @classmethod
    @lru_cache(maxsize=4096)  # a fleet spells the same few versions over and over: in history, range and pin
    def parse(cls, text: str) -> Version:
        """Read a version.

        Raises:
            ValueError: The text is no strict semantic version, has over 256 characters or a number above 2**64-1.
        """
        if len(text) > _VERSION_LENGTH:
            raise ValueError(f"{_shown(text)} is not a version: it has over {_VERSION_LENGTH} characters")
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(f"{_shown(text)} is not a version: write three numbers, such as 1.2.3 or 1.2.3-rc.1")
        major, minor, patch = (_number(text, digits) for digits in match.group(1, 2, 3))
        prerelease, build = match[4] or "", match[5] or ""
        identifiers = tuple(_identifier(text, word) for word in prerelease.split(".") if word)
        return cls(text, major, minor, patch, prerelease, build, (major, minor, patch, not prerelease, identifiers))

    def __str__(self) -> str:
        return self.text

    @property
    def v(self) -> bool:
        """Whether the text has a leading ``v``."""
        return self.text.startswith("v")

    @property
    def without_v(self) -> str:
        """The text without its leading ``v``."""
        return self.text.removeprefix("v")

    @property
    def core(self) -> tuple[int, int, int]:
        """Major, minor and patch."""
        return self.major, self.minor, self.patch

    def bump_from(self, other: Version) -> Bump:
        """The first part in which this version differs from the other; ``none`` if they are equal."""
        parts: tuple[Bump, ...] = ("major", "minor", "patch", "prerelease")
        pairs = zip(parts, (*self.core, self.prerelease), (*other.core, other.prerelease), strict=True)
        return next((part for part, mine, theirs in pairs if mine != theirs), "none")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _VERSION_LENGTH // 4 else f"{text[: _VERSION_LENGTH // 4]}...")


def _number(text: str, digits: str) -> int:
    if digits.startswith("0") and digits != "0":
        raise ValueError(f"{_shown(text)} is not a version: the number {digits} starts with a zero")
    number = int(digits)  # a version's 256 characters are far below Python's limit of digits
    if number > _LARGEST:
        raise ValueError(f"{_shown(text)} is not a version: the number {digits} is above {_LARGEST}")
    return number


def _identifier(text: str, word: str) -> tuple[bool, int, str]:
    """Numbers come before words."""
    return (False, _number(text, word), "") if word.isdigit() else (True, 0, word)


@dataclass(frozen=True, slots=True)
class _Term:
    """One comparison. ``given`` numbers stand before the first wildcard or gap; ``floor`` has 0 from there on."""

    operator: str
    floor: Version
    given: int

    @classmethod
    def parse(cls, operator: str, operand: str) -> _Term:
        core = operand.partition("+")[0].partition("-")[0]
        numbers = tuple(takewhile(str.isdigit, core.removeprefix("v").split(".")))
        filled = ".".join((*numbers, "0", "0", "0")[:_PATCH]) + operand.removeprefix(core)
        floor = Version.parse(operand if len(numbers) == _PATCH else filled)
        return cls(operator or "=", floor, len(numbers))

    def same(self, version: Version, parts: int) -> bool:
        return version.core[:parts] == self.floor.core[:parts]


def _equal(term: _Term, version: Version) -> bool:
    return version == term.floor if term.given == _PATCH else _tilde(term, version)


def _not_equal(term: _Term, version: Version) -> bool:
    if term.given in (0, _PATCH):
        return version != term.floor
    # The library looks at the prerelease only where the patch is the first part missing.
    return not term.same(version, term.given) or (term.given == _MINOR and version.prerelease != term.floor.prerelease)


def _above(term: _Term, version: Version) -> bool:
    if term.given in (0, _PATCH):
        return version > term.floor
    return version.core[: term.given] > term.floor.core[: term.given]


def _at_most(term: _Term, version: Version) -> bool:
    if term.given == _PATCH:
        return version <= term.floor
    parts = term.given or _MINOR  # "<=*" is "<=0.0"
    return version.core[:parts] <= term.floor.core[:parts]


def _tilde(term: _Term, version: Version) -> bool:
    anything = term.given == _PATCH and term.floor.core == (0, 0, 0)  # "~0.0.0" is ">=0.0.0"
    return version >= term.floor and (anything or term.same(version, min(term.given, _MINOR)))


def _caret(term: _Term, version: Version) -> bool:
    """Compare up to the first number that is not 0, or to the last one given; ``^*`` is ``^0.0.0``."""
    if term.floor.major or term.given == 1:
        parts = 1
    elif term.floor.minor or term.given == _MINOR:
        parts = _MINOR
    else:
        parts = _PATCH
    return version >= term.floor and term.same(version, parts)


# The longer operators come first: the pattern below takes the first that fits.
_OPERATORS: Final[dict[str, Callable[[_Term, Version], bool]]] = {
    "!=": _not_equal,
    ">=": lambda term, version: version >= term.floor,
    "=>": lambda term, version: version >= term.floor,
    "<=": _at_most,
    "=<": _at_most,
    "~>": _tilde,
    "~": _tilde,
    "^": _caret,
    "=": _equal,
    ">": _above,
    "<": lambda term, version: version < term.floor,
}

# A separator never shares a character with what may follow it, so there is one way only to match a text: linear time.
_SPACE: Final = r"[ \t\n\f\r]"
_OPERAND: Final = rf"v?(?:[0-9]+|[xX*])(?:\.(?:[0-9]+|[xX*])){{0,2}}(?:-{_IDENTIFIERS})?(?:\+{_IDENTIFIERS})?"
_COMPARISON: Final = rf"(?:({'|'.join(map(re.escape, _OPERATORS))}){_SPACE}*)?({_OPERAND})"
_TERM: Final = re.compile(_COMPARISON)
_TERMS: Final = re.compile(rf"{_SPACE}*{_COMPARISON}(?:(?:{_SPACE}*,{_SPACE}*|{_SPACE}+){_COMPARISON})*{_SPACE}*")
_HYPHEN: Final = re.compile(rf"(^|,|\|\|(?={_SPACE})){_SPACE}*({_OPERAND}){_SPACE}+-{_SPACE}+({_OPERAND})")


@dataclass(frozen=True, slots=True)
class Constraint:
    """Which versions a HelmRelease or an OCIRepository asks for: Helm's range language.

    ``alternatives`` are joined by or, the terms of each by and. ``exact`` is the version if the text is one full
    version and nothing else, with or without ``=``: then it is a pin and not a range. Made by ``parse``.
    """

    text: str
    alternatives: tuple[tuple[_Term, ...], ...] = field(repr=False)
    exact: Version | None

    @classmethod
    @lru_cache(maxsize=1024)  # a fleet's releases share few constraints, and reading one is a quarter of a verdict
    def parse(cls, text: str) -> Constraint:
        """Read a constraint. An empty text is ``*``, as in Helm and Flux.

        Raises:
            ValueError: The text is no constraint, has over 512 characters, or a version in it is refused.
        """
        if len(text) > _RANGE_LENGTH:
            raise ValueError(f"{_shown(text)} is not a version range: it has over {_RANGE_LENGTH} characters")
        plain = _HYPHEN.sub(r"\1>=\2,<=\3", text or "*")
        alternatives = tuple(_terms(text, alternative) for alternative in plain.split("||"))
        match alternatives:
            case ((_Term("=", version, 3),),):
                return cls(text, alternatives, exact=version)
        return cls(text, alternatives, exact=None)

    def admits(self, version: Version) -> bool:
        """Whether the version is in the range.

        A prerelease is admitted only by an alternative that names a prerelease itself.
        """
        return any(
            all(_OPERATORS[term.operator](term, version) for term in terms)
            for terms in self.alternatives
            if not version.prerelease or any(term.floor.prerelease for term in terms)
        )


def _terms(text: str, alternative: str) -> tuple[_Term, ...]:
    if _TERMS.fullmatch(alternative) is None:
        raise ValueError(f"{_shown(text)} is not a version range: write one such as 1.2.3, ~1.2 or >=1.2.0 <2.0.0")
    return tuple(_Term.parse(operator, operand) for operator, operand in _TERM.findall(alternative))
