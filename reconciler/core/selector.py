"""Kubernetes label selectors, read and matched as ``k8s.io/apimachinery/pkg/labels`` does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Possessive, so that "xin (a)" is not read as the key "x" and the operator "in": apimachinery splits words first.
_BLANKS = " \t\r\n"
_S = rf"[{_BLANKS}]*+"
_WORD = rf"[^=!(),<>{_BLANKS}]++"
_REQUIREMENT = re.compile(
    rf"{_S}(?:!{_S}(?P<absent>{_WORD})|(?P<key>{_WORD}){_S}(?:"
    rf"(?P<within>in|notin){_S}\((?P<values>[^=!()<>]*+)\)"
    rf"|(?P<comparison>==?|!=|<|>){_S}(?P<value>{_WORD}|(?=,|\Z)))?+){_S}"
)
_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"(?=.{1,253}/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/")
_INTEGER = re.compile(r"[-+]?[0-9]{1,19}")
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class _Requirement:
    """One condition on one label. ``operator`` is Kubernetes' own sign; ``values`` is empty where it takes none."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def admits(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        if self.operator in {"!", "!=", "notin"}:
            # Kubernetes: an object without the key satisfies "!=" and "notin" too.
            return value is None or bool(self.values and value not in self.values)
        if value is None:
            return False
        if self.operator in {"<", ">"}:
            return _compares(value, self.operator, self.values[0])
        return not self.values or value in self.values


@dataclass(frozen=True, slots=True)
class Selector:
    """What a label selector asks of an object; without requirements it admits every object."""

    requirements: tuple[_Requirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Read a selector such as ``app=vault,tier in (a,b),!canary``.

        Raises:
            ValueError: Kubernetes would refuse it. The text is one sentence.
        """
        return cls(tuple(_requirements(text))) if text.strip(_BLANKS) else cls()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an object with these labels is selected."""
        return all(requirement.admits(labels) for requirement in self.requirements)


def _requirements(text: str) -> Iterator[_Requirement]:
    place = 0
    while True:
        found = _REQUIREMENT.match(text, place)
        if found is None or text[found.end() : found.end() + 1] not in {"", ","}:
            rest = text[found.end() if found else place :].strip(_BLANKS)
            where = f'at "{rest}"' if rest else "at its end"
            raise ValueError(f"it cannot be read {where}; write it like app=vault,tier in (a,b),!canary")
        yield _checked(_requirement(found))
        place = found.end() + 1
        if place > len(text):
            return


def _requirement(found: re.Match[str]) -> _Requirement:
    if found["absent"]:
        return _Requirement(found["absent"], "!")
    if found["within"]:
        return _Requirement(found["key"], found["within"], _listed(found["values"]))
    if found["comparison"]:
        return _Requirement(found["key"], found["comparison"], (found["value"],))
    return _Requirement(found["key"], "exists")


def _listed(text: str) -> tuple[str, ...]:
    commas = text[len(text.rstrip("," + _BLANKS)) :].count(",")
    # apimachinery takes two commas in a row as one empty value, and then wants another value.
    if commas and commas % 2 == 0:
        raise ValueError(f'"({text})" ends in an empty value; take a comma away')
    return tuple(value.strip(_BLANKS) for value in text.split(","))


def _checked(requirement: _Requirement) -> _Requirement:
    key, operator, values = requirement.key, requirement.operator, requirement.values
    prefix = _PREFIX.match(key)
    if not _NAME.fullmatch(key, prefix.end() if prefix else 0):
        raise ValueError(f'"{key}" is not a label key; it is made of letters, digits, "-", "_" and ".", 63 at most')
    for value in values:
        if value and not _NAME.fullmatch(value):
            raise ValueError(f'"{value}" is not a label value; it has letters, digits, "-", "_" and ".", 63 at most')
    if operator in {"<", ">"} and _integer(values[0]) is None:
        raise ValueError(f'"{key}{operator}" needs a whole number, not "{values[0]}"')
    return requirement


def _compares(value: str, operator: str, bound: str) -> bool:
    number = _integer(value)
    if number is None:
        return False
    return number > int(bound) if operator == ">" else number < int(bound)


def _integer(text: str) -> int | None:
    """Read as Go's ``strconv.ParseInt(text, 10, 64)`` does."""
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -_INT64 <= number < _INT64 else None
