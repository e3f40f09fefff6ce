"""Statuses as real controllers wrote them, kept as fixtures of the fast tests: one file a case."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.cluster import Object

FOLDER = Path(__file__).resolve().parents[1] / "core" / "recorded"
ADDRESS = re.compile(r"127\.0\.0\.1:[0-9]+")
DROPPED = ("managedFields", "uid", "resourceVersion")


def write(case: str, versions: dict[str, str], objects: list[Object]) -> None:
    """Write a case: the controllers' versions, and the objects without what the API server adds for itself."""
    items = [each | {"metadata": _without(each["metadata"])} for each in objects]
    recorded = {"controllers": versions, "staging": {"apiVersion": "v1", "kind": "List", "items": items}}
    text = ADDRESS.sub("staging.invalid", json.dumps(recorded, indent=2, sort_keys=True))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{case}.json").write_text(text + "\n")


def _without(metadata: Object) -> Object:
    return {name: value for name, value in metadata.items() if name not in DROPPED}
