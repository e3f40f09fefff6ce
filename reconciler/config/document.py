"""From a file to plain values, and the line of each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from reconciler.config.mistakes import ConfigError, Mistake, Place, mistake, shown

if TYPE_CHECKING:
    from pathlib import Path

_BYTES = 1024 * 1024
_VALUES = 100_000
"""Keys too, with every alias followed: a thousand promotions have some 30,000, an alias bomb has billions."""
_CHARACTERS = 5000
"""In one text: a template of a pull request's body is the longest that anybody writes."""
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float")}
_MERGE = "tag:yaml.org,2002:merge"


class _UnreadableError(Exception):
    """The file holds no values at all, for this one reason."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.mistake = mistake((), line, message)


class Values:
    """The values of a YAML text (``plain``), the line of each, and the keys that cannot stand (``mistakes``).

    Scalars are null, bool, int, float or text: any other tag, such as a date's, leaves the text as it is written.
    """

    def __init__(self, document: Node, yaml: YAML) -> None:
        self.mistakes: list[Mistake] = []
        self._lines: dict[Place, int] = {}
        self._visited = 0
        self._constructor = yaml.constructor
        self.plain = self._value(document, ())

    def line(self, place: Place) -> int | None:
        """Tell the line of a place, or of what should hold it; None for the file as a whole."""
        holders = (place[:end] for end in range(len(place), 0, -1))
        return next((self._lines[holder] for holder in holders if holder in self._lines), None)

    def _value(self, node: Node, place: Place) -> object:
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        line = self._visit(node, place)
        if not isinstance(node, ScalarNode):
            return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]
        if node.tag not in _PLAIN:
            return node.value
        try:
            return self._constructor.construct_object(node)
        except (ValueError, LookupError):
            raise _UnreadableError("this is not the number or boolean that it looks like; quote it", line) from None

    def _visit(self, node: Node, place: Place) -> int:
        line: int = node.start_mark.line + 1
        self._visited += 1
        if self._visited > _VALUES:
            raise _UnreadableError(f"the aliases up to here make over {_VALUES} values; use fewer", line)
        text = node.value if isinstance(node, ScalarNode) else ""
        if len(text) > _CHARACTERS:
            raise _UnreadableError(f"a text here has over {_CHARACTERS} characters; write a shorter one", line)
        half = re.search("[\ud800-\udfff]", text)  # as JSON writes what is beyond 16 bits; YAML does not join them
        if half:
            raise _UnreadableError(
                f"a text here holds half a character ({half[0]}); write the whole character itself", line
            )
        self._lines.setdefault(place, line)
        return line

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, object]:
        self._visit(node, place)
        block: dict[str, object] = {}
        for key, value in node.value:
            if key.tag == _MERGE:
                continue
            if not isinstance(key, ScalarNode):
                line = key.start_mark.line + 1
                self.mistakes.append(mistake(place, line, "a list or mapping is no key; write a name before the colon"))
                continue
            line = self._visit(key, (*place, key.value))
            if key.value in block:
                self.mistakes.append(mistake(place, line, f"{shown(key.value)} is given twice; keep one"))
            else:
                block[key.value] = self._value(value, (*place, key.value))
        merged = [self._merged(value, place) for key, value in node.value if key.tag == _MERGE]
        return {key: value for source in (*merged, block) for key, value in source.items()}

    def _merged(self, node: Node, place: Place) -> dict[str, object]:
        """Read what ``<<`` brings in: a mapping, or a list of them of which the first wins."""
        sources = [node] if isinstance(node, MappingNode) else node.value
        merged: dict[str, object] = {}
        for source in reversed(sources):
            if not isinstance(source, MappingNode):
                raise _UnreadableError('"<<" takes mappings only; write them out instead', node.start_mark.line + 1)
            merged |= self._mapping(source, place)
        return merged


def read(path: Path) -> Values:
    """Read a YAML file of at most 1 MiB, with ``<<`` and aliases up to 100,000 values and keys, 1,000 characters each.

    Raises:
        ConfigError: the file cannot be read, or is not YAML.
    """
    try:
        return _document(_text(path))
    except _UnreadableError as error:
        raise ConfigError(path, (error.mistake,)) from None


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES + 1)
    except FileNotFoundError:
        raise _UnreadableError("does not exist; name a config file with -c") from None
    except IsADirectoryError:
        raise _UnreadableError("is a folder; name the config file in it") from None
    except OSError as error:
        raise _UnreadableError(f"cannot be read ({error.strerror}); name a file that this user may read") from None
    if len(content) > _BYTES:
        raise _UnreadableError("is over 1 MiB; name a config file, those are smaller")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _UnreadableError(
            "is not UTF-8 text; save it as UTF-8", content.count(b"\n", 0, error.start) + 1
        ) from None


def _document(text: str) -> Values:
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # YAML 1.2 allows an anchor's name to be used again
    try:
        node = yaml.compose(text)
        if node is None:
            raise _UnreadableError("is empty; it needs promotions, and helm-promoter schema tells every key")
        return Values(node, yaml)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _UnreadableError(f"is not YAML: {error.problem}; correct it", mark.line + 1 if mark else None) from None
    except YAMLError:
        raise _UnreadableError("is not YAML: it holds a control character; take it away") from None
    except RecursionError:
        raise _UnreadableError("is nested too deep; a config needs seven levels at most") from None
