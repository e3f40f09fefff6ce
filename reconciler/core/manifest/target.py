"""Which objects a kustomize patch is aimed at.

kustomize matches each text of a target as a regular expression of Go, whole, and takes a missing namespace for
``default`` (``api/types/selector.go`` and ``kyaml/resid``). Only expressions that mean the same here, and that no name
can make slow, are judged.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.core.manifest.item import Item
    from reconciler.core.manifest.kustomization import Target

_ATOM: Final = r"(?:[\w-]|\.|\\[.d-]|\[\^?[\w.]*(?:\w-\w)*\])[*+?]?"
_JUDGED: Final = re.compile(rf"(?:{_ATOM}|[|^$]|\((?:\?:)?(?:{_ATOM}|\|)*\)\??)*", re.ASCII)
_LONGEST: Final = 1000
_LOOPS: Final = 2
"""How many ``*`` and ``+`` an expression may have: each multiplies the work by the length of the name."""
_LONGEST_NAME: Final = 253
_LITERAL: Final = re.compile(r"[A-Za-z0-9-]+")


def selects(target: Target, one: Item) -> bool:
    """Tell whether a target selects an object, by the first and the last of its namespaces and names.

    What cannot be judged counts as selecting: :func:`doubt` says what that is.
    """
    group, _, version = one.api_version.rpartition("/")
    ends = (one.identities[0], one.identities[-1])
    return (
        _whole(target.kind, one.kind)
        and _whole(target.group, group)
        and _whole(target.version, version)
        and any(_whole(target.name, name) for _, name in ends)
        and any(_whole(target.namespace, namespace or "default") for namespace, _ in ends)
    )


def may_select(target: Target, group: str, kind: str, name: str) -> bool:
    """Tell whether a target selects, or may select, an object of which no more than this is known."""
    return _whole(target.kind, kind) and _whole(target.group, group) and _whole(target.name, name)


def doubt(target: Target) -> str | None:
    """Say why it cannot be told what a target selects, None where it can."""
    if target.by_label:
        return ", whose target selects by label or annotation"
    texts = (target.group, target.version, target.kind, target.name, target.namespace)
    judged = all(_expression(text) for text in texts if text)
    return None if judged else ", whose target has an expression that is not judged here"


def literal(target: Target) -> str | None:
    """Give the one name that a target can select, None where it is no plain name."""
    return target.name if _LITERAL.fullmatch(target.name) else None


def _whole(pattern: str, text: str) -> bool:
    if not pattern or pattern == text:
        return True
    expression = _expression(pattern)
    return expression is None or (len(text) <= _LONGEST_NAME and expression.fullmatch(text) is not None)


@lru_cache(maxsize=1024)
def _expression(text: str) -> re.Pattern[str] | None:
    if len(text) > _LONGEST or sum(map(text.count, "*+")) > _LOOPS or not _JUDGED.fullmatch(text):
        return None
    try:
        return re.compile(text, re.ASCII)
    except re.error:
        return None
