"""The new text of a file, and its diff beside the one that git itself makes."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.manifest import edit, read
from reconciler.core.manifest.edit import unified_diff
from reconciler.core.model import Pin
from reconciler.core.version import Version
from reconciler.core.yaml import YamlError

if TYPE_CHECKING:
    from pathlib import Path

RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: vault
spec:
  chart:
    spec:
      chart: vault
      version: 1.0.0 # pinned
  values:
    a: 1
    b: 2
"""


def pin(text: str) -> Pin:
    field = read(text.encode(), kustomization=False).resources[0].version
    assert field is not None
    assert field.scalar is not None
    return Pin("apps/vault.yaml", field.scalar, Version.parse(field.scalar.value), "vault", "apps/vault.yaml:1")


def test_an_edit_is_the_new_text_and_its_diff() -> None:
    change = edit(pin(RELEASE), RELEASE, "1.0.1")

    assert change.path == "apps/vault.yaml"
    assert change.before == RELEASE
    assert change.after == RELEASE.replace("1.0.0", "1.0.1")
    assert change.diff == (
        "--- a/apps/vault.yaml\n"
        "+++ b/apps/vault.yaml\n"
        "@@ -6,7 +6,7 @@ spec:\n"
        "   chart:\n"
        "     spec:\n"
        "       chart: vault\n"
        "-      version: 1.0.0 # pinned\n"
        "+      version: 1.0.1 # pinned\n"
        "   values:\n"
        "     a: 1\n"
        "     b: 2\n"
    )


def test_a_version_that_needs_escaping_is_refused() -> None:
    with pytest.raises(YamlError, match=r"line 9: '1\.0\.0 #' is no version that could be written"):
        edit(pin(RELEASE), RELEASE, "1.0.0 #")


# --- beside git ------------------------------------------------------------------------------------------------------

LINES = [
    "spec:",
    "  a: 1",
    "- b",
    "kind: HelmRelease",
    "",
    "# note",
    "$x",
    "_y: " + "long " * 30,
    "é: ü",
    "data: é" * 30,
]
LINES += ["  x\t", "---", "\u2028", "a\x0cb", "a\x85b", "A\r", "trailing   " * 9, "x" * 79 + "ü", "x" * 80 + " y"]
PATHS = ["a.yaml", "apps/vault/helm.yaml", "with space.yaml", "dir x/b.yaml", "ünï.yaml", 'q"uote.yaml', "tab\tx.yaml"]
PATHS += ["back\\slash.yaml", "a\x07\x08\x0b\x0c\n\r.yaml", "\x01\x7f.yaml", "'single'.yaml", 'both " ".yaml']


def texts(seed: int) -> tuple[str, str, str]:
    """A path, and a text before and after one of its lines changed."""
    chance = random.Random(seed)
    ending = chance.choice(["\n", "\n", "\n", "\r\n", "\r"])
    lines = chance.choices(LINES, k=chance.randrange(14))
    at = chance.randrange(len(lines) + 1)
    old, new = chance.choice([("v: 1", "v: 2"), ("      version: 1.0.0 # é", '      version: "1.10" # é')])
    last = chance.choice([ending, ending, ""])
    before, after = (ending.join([*lines[:at], one, *lines[at:]]) + last for one in (old, new))
    return chance.choice(PATHS), before, after


def git_diffs(cases: list[tuple[str, str, str]], folder: Path) -> list[str]:
    """What git shows of every change, from its --- line on: one process for all, each in a folder of its own."""
    for number, (path, before, after) in enumerate(cases):
        for side, text in (("a", before), ("b", after)):
            file = folder / side / str(number) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
    options = ["-c", "core.quotePath=true", "-c", "core.autocrlf=false", "-c", "core.attributesFile=/dev/null"]
    command = ["git", *options, "diff", "--no-index", "--no-color", "--no-ext-diff", "--no-prefix", "a", "b"]
    environment = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, env=environment)
    assert done.returncode == 1, done.stderr
    diffs = {}
    for diff in done.stdout.decode().split("diff --git ")[1:]:
        start = diff.index("\n--- ") + 1
        number = int(diff[start:].partition("a/")[2].partition("/")[0])
        diffs[number] = diff[start:].replace(f"a/{number}/", "a/", 1).replace(f"b/{number}/", "b/", 1)
    return [diffs[number] for number in range(len(cases))]


def test_the_diff_is_gits_own(tmp_path: Path) -> None:
    cases = [texts(seed) for seed in range(400)]

    wrong = [
        case for case, shown in zip(cases, git_diffs(cases, tmp_path), strict=True) if unified_diff(*case) != shown
    ]

    assert not wrong, wrong[0]


@given(st.integers(min_value=0))
def test_a_diff_applies_to_what_it_was_made_of(seed: int) -> None:
    path, before, after = texts(seed)
    body = unified_diff(path, before, after).split("\n")[3:]
    removed = [line[1:] for line in body if line.startswith("-")]
    added = [line[1:] for line in body if line.startswith("+")]

    assert len(removed) == len(added) == 1 or "\r" in before
    assert all(line in before for line in removed)
    assert all(line in after for line in added)
