"""Why a version that a document gives cannot be edited where it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reconciler.core.yaml import STRING_TAG, Mapping

if TYPE_CHECKING:
    from reconciler.core.yaml import Alias, Document, Scalar

MERGED: Final = "behind a merge key (<<); write its keys out"
SHAPE: Final = "a template or a structure; write one version"

_SHOWN: Final = 60
_STRING_TAGS: Final = frozenset({None, STRING_TAG})
_LINE_END: Final = re.compile(r"[\r\n]|$")
_ODD_VALUE: Final = re.compile(r"\{\{|<<|\$[{(]|^ENC\[")


def shown(text: str) -> str:
    """Give a piece of a file for a message: short, and without control characters."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= _SHOWN else f"{clean[: _SHOWN - 1]}…"


def alias_flaw(alias: Alias) -> str:
    """Say why a version behind an alias cannot be edited."""
    return f"an alias (*{shown(alias.name)}); write the value out"


def flaw(scalar: Scalar, text: str, document: Document, root: Mapping) -> str | None:
    """Say why one scalar cannot be edited, the nearest reason first; None where it can.

    Args:
        scalar: where the version stands.
        text: the file.
        document: the document in it that gives the version.
        root: the object in that document.
    """
    return (
        (_of_value(scalar.value) if _ODD_VALUE.search(scalar.value) else None)
        or _of_form(scalar)
        or (_of_anchor(scalar, document) if scalar.anchor else None)
        or (_of_line(text, scalar.end) if "$imagepolicy" in text else None)
        or _of_document(document, root)
    )


def _of_value(value: str) -> str:
    if "{{" in value or "<<" in value:
        return f"a template ({shown(value)}); change it where the template gets it from"
    if value.startswith("ENC["):
        return "encrypted by SOPS; keep the version out of what it encrypts"
    return f"a variable ({shown(value)}), which is substituted; change it where it is set"


def _of_form(scalar: Scalar) -> str | None:
    if scalar.style in {"|", ">"}:
        return "a block scalar; write it on one line"
    if scalar.last_line != scalar.line:
        return "a scalar of several lines; write it on one line"
    if scalar.tag not in _STRING_TAGS:
        return f"tagged {shown(scalar.tag or '')}; remove the tag"
    return None


def _of_anchor(scalar: Scalar, document: Document) -> str | None:
    if scalar.anchor not in document.aliased:
        return None
    return f"anchored (&{shown(scalar.anchor or '')}) for aliases to repeat; write it out where they stand"


def _of_line(text: str, end: int) -> str | None:
    if "$imagepolicy" not in _LINE_END.split(text[end:], maxsplit=1)[0]:
        return None
    return "marked for image automation ($imagepolicy), and two robots would fight over it; remove the marker"


def _of_document(document: Document, root: Mapping) -> str | None:
    for key, line in document.duplicates:
        return f'in a document where the key "{shown(key)}" stands twice in one mapping (line {line}); remove one'
    for node in (document.root, root):
        if isinstance(node, Mapping) and node.merged:
            return f"in a document with a merge key (<<, line {node.merged}); write its keys out"
    for node in (document.root, root):
        if isinstance(node, Mapping) and "sops" in node.entries:
            return (
                "in a document that SOPS has encrypted, whose checksum an edit would break; keep the version out of it"
            )
    return None
