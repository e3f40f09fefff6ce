"""What the repository says of itself is true: documents, locks, workflow and Makefile agree with the program."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
import yaml

from reconciler.config import json_schema, load
from reconciler.core.model import Reason

ROOT = Path(__file__).parent.parent
README, GUIDE = ROOT / "README.md", ROOT / "docs" / "guide.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
ADRS = sorted(ROOT.glob("docs/adr/0*.md"))
LOCKS = sorted(ROOT.glob("requirements/*.txt"))
REQUIREMENT = re.compile(
    r"^(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; [^\\]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+$", re.MULTILINE
)


def identity(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fenced(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)


def quoted(document: Path) -> list[str]:
    """Everything that a document shows as code, in a line or in a block of shell."""
    prose = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    shell = "".join(fenced(document, "sh")).replace("\\\n", "")
    return [*re.findall(r"`([^`]+)`", prose), *(line.removeprefix(".venv/bin/") for line in shell.splitlines())]


# --- the command line ------------------------------------------------------------------------------------------------


@cache
def usage(*command: str) -> str:
    environ = {**os.environ, "COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"}
    arguments = [sys.executable, "-m", "reconciler", *command, "--help"]
    return subprocess.run(arguments, capture_output=True, text=True, check=True, env=environ, cwd=ROOT).stdout


def commands() -> list[str]:
    return sorted(
        {text for document in (README, GUIDE) for text in quoted(document) if text.startswith("helm-promoter ")}
    )


@pytest.mark.parametrize("command", commands())
def test_every_command_that_the_documents_name_exists(command: str) -> None:
    name, *rest = command.split()[1:]
    wanted = {word.partition("=")[0] for word in rest if word.startswith("-")}

    known = usage() if name.startswith("-") else usage(name)

    assert wanted | ({name} if name.startswith("-") else set()) <= set(re.findall(r"(?<![\w-])--?[\w-]+", known))


def test_the_documents_name_every_option_and_no_other() -> None:
    names = re.findall(r"^  ([a-z][a-z-]+) ", usage().partition("Commands:")[2], re.MULTILINE)
    ours = [text for document in (README, GUIDE) for text in quoted(document) if not text.startswith("kubectl ")]

    options = {option for name in names for option in re.findall(r"(?<!\S)--[a-z-]+", usage(name))}

    assert "plan" in names
    assert {word for text in ours for word in re.findall(r"(?<!\S)--[a-z-]+", text)} == options - {
        "--config",  # named by its short form
        "--help",
        "--output",  # likewise
    }


def picture(demo: str) -> str:
    """The table, one of the changes, and the summary of a demo's first pass."""
    paragraphs = "\n".join(line.rstrip() for line in demo.splitlines()).split("\n\n")
    starts = ("PROMOTION ", "open helm-promotion/demo/vault/vault", r".* held, .* in sync")
    return "\n\n...\n\n".join(next(one for one in paragraphs if re.match(start, one)) for start in starts) + "\n"


def test_the_picture_in_the_readme_is_what_the_demo_prints(tmp_path: Path) -> None:
    """UPDATE_GOLDEN=1 writes it anew."""
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TMPDIR": str(tmp_path)}
    arguments = [sys.executable, "-m", "reconciler", "demo"]
    demo = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environ, cwd=ROOT).stdout
    (shown,) = fenced(README, "text")
    if os.environ.get("UPDATE_GOLDEN"):
        README.write_text(README.read_text().replace(shown, picture(demo)))

    assert fenced(README, "text") == [picture(demo)]


# --- the config file -------------------------------------------------------------------------------------------------


def examples() -> list[object]:
    shown = [(document, text) for document in DOCUMENTS for text in fenced(document, "yaml")]
    found = [(document, text) for document, text in shown if "promotions:" in text and "# values.yaml" not in text]
    return [pytest.param(text, id=f"{identity(document)}-{place}") for place, (document, text) in enumerate(found)]


@pytest.mark.parametrize("example", examples())
def test_every_config_that_the_documents_show_loads(example: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(example)

    assert load(file, {}).promotions


def test_the_guide_tells_of_every_config_key_and_of_no_other() -> None:
    schema = json.loads(json_schema())
    known = {key for block in (schema, *schema["$defs"].values()) for key in block["properties"]}
    text = GUIDE.read_text().partition("## Evidence")[0]
    table = re.findall(r"^\| `([\w.\[\]]+)` \|", text, re.MULTILINE)

    assert {part for row in table for part in row.replace("[]", "").split(".")} <= known
    assert {key for key in known if not re.search(rf"\b{key}\b", text)} == set()


def test_the_guide_has_the_reasons_in_the_order_in_which_they_are_looked_for() -> None:
    section = GUIDE.read_text().partition("## Hold reasons")[2].partition("\n## ")[0]

    assert re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE) == [reason.value for reason in Reason]


# --- links, targets, decisions ---------------------------------------------------------------------------------------


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=identity)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", document.read_text()):
        path, _, anchor = link.partition("#")
        target = (document.parent / path) if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=identity)
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    assert {text.split()[1] for text in quoted(document) if text.startswith("make ") and "=" not in text} <= targets()


def test_ci_runs_every_tier_and_the_workflow_runs_ci() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    tiers = re.search(r"^for tier in (.*); do$", script, re.MULTILINE)
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text())["jobs"]["run"]

    assert tiers
    assert {"demo", "test", "check", "test-slow", "bench"} <= set(tiers[1].split()) <= targets()
    assert {"contracts", "e2e"} <= set(re.findall(r"^ *make ([a-z0-9-]+) ", script, re.MULTILINE)) <= targets()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_workflow_may_read_and_nothing_else() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text())

    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {"run": {"contents": "read"}}


@pytest.mark.parametrize("page", ADRS, ids=identity)
def test_every_decision_is_told_like_the_template(page: Path) -> None:
    number = int(page.name.partition("-")[0])
    text = page.read_text()

    assert text.startswith(f"# {number}. ")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == re.findall(
        r"^## (.*)$", (ROOT / "docs/adr/template.md").read_text(), re.MULTILINE
    )
    assert len(text.splitlines()) <= 60, "a decision is one page"


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name.partition("-")[0]) for page in ADRS] == list(range(1, len(ADRS) + 1))


# --- locks -----------------------------------------------------------------------------------------------------------


def locked(name: str) -> dict[str, str]:
    return {
        found["name"]: found["version"] for found in REQUIREMENT.finditer((ROOT / "requirements" / name).read_text())
    }


@pytest.mark.parametrize("lock", LOCKS, ids=identity)
def test_a_lock_is_nothing_but_versions_and_hashes(lock: Path) -> None:
    rest = REQUIREMENT.sub("", lock.read_text())

    assert [line for line in rest.splitlines() if line and not line.startswith("#")] == []
    assert "/" not in rest


def test_locks_agree_with_each_other() -> None:
    assert (locked("runtime.txt") | locked("build.txt")).items() <= locked("dev.txt").items()


def test_what_the_project_declares_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]

    def names(requirements: list[object]) -> set[str]:
        plain = [re.match(r"[\w.-]+", one) for one in requirements if isinstance(one, str)]
        return {re.sub(r"[._]", "-", one[0]).lower() for one in plain if one}

    assert names(project["project"]["dependencies"]) <= set(locked("runtime.txt"))
    assert names([*groups["build"], *project["build-system"]["requires"]]) <= set(locked("build.txt"))
    assert names(groups["dev"]) <= set(locked("dev.txt"))
