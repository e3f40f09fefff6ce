from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import demo
from reconciler.ports import Refused
from tests.disk import UNSYNCED

ROOT = Path(__file__).parent.parent


def ran(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **UNSYNCED, "TMPDIR": str(folder), "XDG_CACHE_HOME": str(folder / "cache of the user")}
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_pass_opens_and_holds_and_the_second_finds_nothing_to_do(tmp_path: Path) -> None:
    done = ran(tmp_path, "demo")

    assert (done.returncode, done.stderr) == (0, "")
    first, _, second = done.stdout.partition("Second pass")
    for answer in ("open", "tests-failed", "tests-disabled", "no-tests", "waiting", "suspended", "unpinned"):
        assert f" {answer}\n" in first
    assert "\n3 to open, 0 proposed, 7 held, 1 in sync, 0 errors\n" in first
    assert '+      version: "0.28.1" # staging goes first\n' in first
    assert "+    tag: 6.9.2\n" in first
    assert "commit refs/heads/helm-promotion/demo/vault/vault\n" in first
    assert "\nnothing to do, 3 proposed, 7 held, 1 in sync, 0 errors\n" in second


def test_all_that_it_writes_lies_in_one_folder_that_it_names(tmp_path: Path) -> None:
    done = ran(tmp_path, "demo")

    (folder,) = tmp_path.iterdir()
    assert f" plan -c {folder}/helm-promoter.yaml\n" in done.stdout
    assert {path.name for path in folder.iterdir()} == {
        "cache",
        "fleet",
        "fleet.git",
        "helm-promoter.yaml",
        "staging.yaml",
    }


@pytest.mark.slow
def test_what_it_says_can_be_done_next_can_be_done(tmp_path: Path) -> None:
    done = ran(tmp_path, "demo")
    *_, pull, push, plan = done.stdout.splitlines()

    for command in (pull, push):
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
        subprocess.run(command.split(), check=True, capture_output=True, env=environ)
    arguments = plan.partition(" plan ")[2].split()
    after = json.loads(ran(tmp_path, "plan", *arguments, "-o", "json").stdout)

    assert [action["action"] for action in after["actions"]] == ["close"]
    assert len(after["proposed"]) == 2


@pytest.mark.slow
def test_two_demos_make_the_very_same_commits(tmp_path: Path) -> None:
    one, other = (ran(tmp_path, "demo").stdout.partition("Pushed to")[2].partition("Second")[0] for _ in range(2))

    assert one.splitlines()[1:] == other.splitlines()[1:]
    assert len(one.splitlines()) > 6


def test_the_settings_of_the_person_who_tries_it_change_nothing(tmp_path: Path) -> None:
    settings = tmp_path / "gitconfig"
    settings.write_text("[commit]\n  gpgSign = true\n[init]\n  defaultBranch = trunk\n[core]\n  hooksPath = /nowhere\n")
    folder = tmp_path / "demo"
    folder.mkdir()

    demo.build(
        folder, {**os.environ, "GIT_CONFIG_GLOBAL": str(settings), "GIT_DIR": "/nowhere", "GIT_AUTHOR_NAME": "X"}
    )

    log = subprocess.run(
        ["git", "log", "--format=%an %D %H", "main"],
        cwd=folder / "fleet.git",
        capture_output=True,
        text=True,
        check=True,
    )
    assert log.stdout.startswith("Platform Team HEAD -> main ")


def test_without_git_it_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"^there is no git program on the PATH: install git$"):
        demo.build(tmp_path, {"PATH": str(tmp_path)})


def test_the_recording_is_what_kubectl_prints() -> None:
    yaml = pytest.importorskip("yaml")

    recorded = yaml.safe_load((Path(demo.__file__).parent / "staging.yaml").read_text())

    assert (recorded["kind"], recorded["apiVersion"], recorded["metadata"]) == ("List", "v1", {"resourceVersion": ""})
    for item in recorded["items"]:
        assert set(item) == {"apiVersion", "kind", "metadata", "spec", "status"}
        assert {"name", "namespace", "generation", "uid", "resourceVersion"} <= set(item["metadata"])
        for snapshot in item["status"].get("history", ()):
            required = {"chartName", "chartVersion", "configDigest", "digest", "firstDeployed", "lastDeployed"}
            assert required | {"name", "namespace", "status", "version"} <= set(snapshot)
