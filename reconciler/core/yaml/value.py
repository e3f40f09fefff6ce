"""Nodes and texts as plain values, as Kubernetes' own printers mean them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

from yaml import CSafeLoader, load_all
from yaml.resolver import Resolver

from reconciler.core.yaml.events import YAMLError, own_error
from reconciler.core.yaml.node import AliasError, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.yaml.node import Node
    from reconciler.core.yaml.reading import Source

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_BOOLEANS: Final = {"true": True, "false": False}


def plain_value(node: Node) -> object:
    """Give a node as plain values: dict, list, str, int, float, bool or None, as Kubernetes' own printers mean them.

    Raises:
        AliasError: it holds an alias, which no printer writes.
    """
    if isinstance(node, Scalar):
        return _scalar_value(node)
    if isinstance(node, Mapping):
        return {key: plain_value(value) for key, value in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain_value(item) for item in node.items]
    if isinstance(node, str):
        return node
    raise AliasError(f"an alias *{node.name}, which no cluster prints", node.line)


def _scalar_value(scalar: Scalar) -> object:
    if scalar.style or scalar.tag:
        return scalar.value
    if scalar.is_null:
        return None
    if scalar.value in _BOOLEANS:
        return _BOOLEANS[scalar.value]
    return int(scalar.value) if _INTEGER.fullmatch(scalar.value) else scalar.value


def load(source: Source) -> Iterator[object]:
    """Give the objects of a text that has aliases as plain values, all of it held at once.

    Raises:
        YamlError: it is no YAML.
    """
    try:
        for document in load_all(source, _Loader):
            items = document.pop("items", None) if isinstance(document, dict) else None
            yield from items if isinstance(items, list) else ()
            yield document
    except YAMLError as error:
        raise own_error(error) from error


class _Loader(CSafeLoader):  # type: ignore[misc]  # the C loader carries no types
    """Takes for numbers, booleans and nulls what Kubernetes' printers mean by them; a time stays the text it is."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in known if tag.rpartition(":")[2] in {"null", "bool", "int", "merge"}]
        for first, known in Resolver.yaml_implicit_resolvers.items()
    }
