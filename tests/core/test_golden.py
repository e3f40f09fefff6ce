"""Whole trees before and after an edit: every file is compared, so that what should not change is seen too.

Each folder of ``golden`` holds a ``case.yaml`` (release, chart, paths, target; for what is held its reason and
message) and the trees ``before`` and ``after``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.manifest import edit
from reconciler.core.model import NoPin, Pin
from reconciler.core.yaml import parse, plain_value
from tests.core.trees import Tree, find

GOLDEN = Path(__file__).parent / "golden"


def tree(folder: Path) -> Tree:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes().decode() for path in files}


def edited(before: Tree, pin: Pin, target: str) -> Tree:
    change = edit(pin, before[pin.path], target)
    return {**before, change.path: change.after}


@pytest.mark.parametrize("case", sorted(path.parent.name for path in GOLDEN.glob("*/case.yaml")))
def test_a_tree_is_edited_as_it_should_be(case: str) -> None:
    facts = plain_value(parse((GOLDEN / case / "case.yaml").read_text())[0].root)
    assert isinstance(facts, dict)
    before, after = tree(GOLDEN / case / "before"), tree(GOLDEN / case / "after")

    answer = find(before, *facts["paths"], key=facts["release"], chart=facts["chart"])

    said = (answer.reason, answer.message) if isinstance(answer, NoPin) else (None, None)
    assert said == (facts.get("reason"), facts.get("message"))
    assert (edited(before, answer, facts["target"]) if isinstance(answer, Pin) else before) == after


def test_there_are_golden_trees() -> None:
    assert len(list(GOLDEN.glob("*/case.yaml"))) >= 7
