"""What one release is held to: the promotion's policy, what overrides change, and what annotations tighten."""

from __future__ import annotations

import re
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, TypeVar

from reconciler.core.model import ANNOTATIONS, Freeze, Policy, Step, Terms, Tests
from reconciler.core.times import instant, span, spelled
from reconciler.core.version import Constraint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import StrEnum

    from reconciler.core.model import HelmRelease, Override, Promotion

    Reader = Callable[[Policy, str], Policy]

_T = TypeVar("_T")
_E = TypeVar("_E", bound="StrEnum")
_HOLD: Final = "hold"
_STEPS: Final = tuple(Step)
_LONGEST: Final = 64


class _Loosens(Exception):  # noqa: N818 - no error: an annotation may only tighten, and this one would not
    """What an annotation asks for, as the end of a sentence that starts with it."""


def terms(promotion: Promotion, release: HelmRelease) -> Terms:
    """Tell what a release is held to."""
    policy = promotion.policy
    for override in promotion.overrides:
        if covers(override, release):
            policy = merged(policy, override.policy)
    return _tightened(policy, release) if release.annotations else Terms(policy)


def covers(override: Override, release: HelmRelease) -> bool:
    """Tell whether an override is about a release."""
    return fnmatchcase(str(release.key), override.release) and override.selector.matches(dict(release.labels))


def merged(base: Policy, over: Policy) -> Policy:
    """Lay what an override gives over a policy, key by key."""
    return Policy(
        tests=_given(over.tests, base.tests),
        soak=_given(over.soak, base.soak),
        minimum=_given(over.minimum, base.minimum),
        max_age=_given(over.max_age, base.max_age),
        allow=_given(over.allow, base.allow),
        bump=_given(over.bump, base.bump),
        prereleases=_given(over.prereleases, base.prereleases),
        ignore=_given(over.ignore, base.ignore),
        windows=_given(over.windows, base.windows),
        freeze=_given(over.freeze, base.freeze),
    )


def _given(over: _T | None, base: _T | None) -> _T | None:
    return base if over is None else over


# --- annotations -----------------------------------------------------------------------------------------------------


def _tightened(policy: Policy, release: HelmRelease) -> Terms:
    hold: str | None = None
    malformed: list[str] = []
    idle: list[tuple[str, str]] = []
    for name, text in release.annotations:
        about = f"the annotation {ANNOTATIONS}{name} on {release.key}"
        if name == _HOLD:
            hold = None if text.strip() == "false" else _shown(text).strip()
        elif name not in _READERS:
            malformed.append(f"{about} is none that is known; known are {_HOLD}, {', '.join(sorted(_READERS))}")
        else:
            gate, read = _READERS[name]
            try:
                policy = read(policy, text.strip())
            except _Loosens as loosens:
                idle.append((gate, f"{about} {loosens}, and has no effect: annotations only tighten"))
            except ValueError as error:
                malformed.append(f'{about} holds "{_shown(text)}", {error}')
    return Terms(policy, hold, tuple(malformed), tuple(idle))


def _shown(text: str) -> str:
    """Show what stands in a cluster: on one line, and no more than fits a sentence."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _tests(policy: Policy, text: str) -> Policy:
    if _one_of(Tests, text) is Tests.REQUIRED:
        return replace(policy, tests=Tests.REQUIRED)
    if policy.tests is Tests.OPTIONAL:
        return policy
    raise _Loosens("asks for optional where the policy has required")


def _soak(policy: Policy, text: str) -> Policy:
    asked = span(text)
    if policy.soak is not None and asked < policy.soak:
        raise _Loosens(f"asks for {spelled(asked)} where the policy has {spelled(policy.soak)}")
    return replace(policy, soak=asked)


def _minimum(policy: Policy, text: str) -> Policy:
    if not re.fullmatch("[1-9][0-9]{0,2}", text):
        raise ValueError("which is not a whole number above 0, such as 2")
    asked, least = int(text), policy.minimum or 1
    if asked < least:
        raise _Loosens(f"asks for {asked} where the policy has {least}")
    return replace(policy, minimum=asked)


def _max_age(policy: Policy, text: str) -> Policy:
    asked = span(text)
    if policy.max_age is not None and asked > policy.max_age:
        raise _Loosens(f"asks for {spelled(asked)} where the policy has {spelled(policy.max_age)}")
    return replace(policy, max_age=asked)


def _allow(policy: Policy, text: str) -> Policy:
    return replace(policy, allow=(*(policy.allow or ()), _range(text)))


def _ignore(policy: Policy, text: str) -> Policy:
    return replace(policy, ignore=(*(policy.ignore or ()), _range(text)))


def _bump(policy: Policy, text: str) -> Policy:
    asked, largest = _one_of(Step, text), policy.bump or Step.MAJOR
    if _STEPS.index(asked) > _STEPS.index(largest):
        raise _Loosens(f"asks for {asked} where the policy has {largest}")
    return replace(policy, bump=asked)


def _prereleases(policy: Policy, text: str) -> Policy:
    if text not in {"true", "false"}:
        raise ValueError("which is neither true nor false")
    if text == "false":
        return replace(policy, prereleases=False)
    if policy.prereleases:
        return policy
    raise _Loosens("asks for prereleases where the policy has none")


def _freeze(policy: Policy, text: str) -> Policy:
    by = Freeze(instant(text), f"an annotation {ANNOTATIONS}freeze says so")
    return replace(policy, freeze=(*(policy.freeze or ()), by))


def _one_of(words: type[_E], text: str) -> _E:
    if text not in {*words}:
        raise ValueError(f"which is not one of {', '.join(words)}")
    return words(text)


def _range(text: str) -> Constraint:
    if not text:
        raise ValueError("which is no version range")
    try:
        return Constraint.parse(text)
    except ValueError as error:
        raise ValueError(f"but {error}") from None


_READERS: Final[Mapping[str, tuple[str, Reader]]] = {
    "tests": ("tests", _tests),
    "tests-minimum": ("tests", _minimum),
    "tests-max-age": ("age", _max_age),
    "soak": ("soak", _soak),
    "allow": ("allow", _allow),
    "ignore": ("ignore", _ignore),
    "bump": ("bump", _bump),
    "prereleases": ("prerelease", _prereleases),
    "freeze": ("freeze", _freeze),
}
"""By the name of the annotation: the gate that it is about, and how it tightens."""
