"""YAML as text with places: the only door to the YAML parser, and the only place that edits a file.

A file is read as libyaml events and reduced to the nodes that somebody asked for. Nothing is ever dumped: an edit
replaces the bytes of one scalar, and is proven by parsing the result again.
"""

from reconciler.core.yaml.node import (
    ALL,
    STRING_TAG,
    TEXT,
    Alias,
    AliasError,
    Document,
    Keep,
    Mapping,
    Node,
    Scalar,
    Sequence,
    YamlError,
)
from reconciler.core.yaml.reading import MAX_BYTES, UTF_16_MARKS, decode, parse, stream_items
from reconciler.core.yaml.splice import reads_as_string, splice
from reconciler.core.yaml.value import load, plain_value

__all__ = [
    "ALL",
    "MAX_BYTES",
    "STRING_TAG",
    "TEXT",
    "UTF_16_MARKS",
    "Alias",
    "AliasError",
    "Document",
    "Keep",
    "Mapping",
    "Node",
    "Scalar",
    "Sequence",
    "YamlError",
    "decode",
    "load",
    "parse",
    "plain_value",
    "reads_as_string",
    "splice",
    "stream_items",
]
