"""The program over a live cluster: it decides what it decides over a recording of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.testing import CliRunner

from reconciler import cli, demo
from tests.twins import kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from tests.twins.kubernetes import Twin

RECORDED = "{snapshot: staging.yaml}"
LIVE = "{kubeconfig: kubeconfig, context: staging}"


@pytest.fixture
def twin() -> Iterator[Twin]:
    with kubernetes.running() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, twin: Twin, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's folder, and a live cluster in which there is what its recording says."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("HTTP_PROXY", "http_proxy", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    demo.build(home, os.environ)
    recorded = (home / "staging.yaml").read_text()
    twin.add(*json.loads(json.dumps(yaml.safe_load(recorded), default=str))["items"])
    twin.kubeconfig(home / "kubeconfig")
    return home


def rewrite(home: Path, before: str, after: str) -> None:
    path = home / "helm-promoter.yaml"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def call(home: Path, command: str, *more: str) -> Result:
    return CliRunner().invoke(cli.app, [command, "-c", str(home / "helm-promoter.yaml"), *more])


def planned(home: Path) -> dict[str, object]:
    result = call(home, "plan", "-o", "json")
    assert result.exit_code == 0, result.output
    document: dict[str, object] = json.loads(result.stdout)
    return document | {"at": None}


def test_a_live_cluster_gives_the_plan_that_its_recording_gives(home: Path) -> None:
    recorded = planned(home)
    assert recorded["actions"]
    assert recorded["holds"]
    rewrite(home, RECORDED, LIVE)
    assert planned(home) == recorded


def test_promotions_that_name_the_same_cluster_list_it_once(home: Path, twin: Twin) -> None:
    rewrite(home, RECORDED, LIVE)
    first = (home / "helm-promoter.yaml").read_text().partition("promotions:\n")[2]
    with (home / "helm-promoter.yaml").open("a") as config:
        config.write(first.replace("name: demo", "name: other").replace("apps/*", "clusters/*"))
    assert len({hold["promotion"] for hold in planned(home)["holds"]}) == 2  # type: ignore[index,attr-defined]
    assert twin.lists["helmreleases *"] == 1


def test_a_cluster_that_refuses_us_ends_with_one_sentence(home: Path, twin: Twin) -> None:
    rewrite(home, RECORDED, LIVE)
    twin.users = {}
    result = call(home, "plan")
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert "does not accept the credential, which may have expired: renew the token" in said


def test_a_cluster_that_the_program_is_not_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    rewrite(home, RECORDED, "{inCluster: true}")
    result = call(home, "plan")
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert "the program does not run in a pod, so it is in no cluster: give cluster: {kubeconfig: PATH}" in said


def test_a_recorded_cluster_does_not_wait_for_the_kubernetes_library(home: Path) -> None:
    script = """
import sys
from reconciler.cli import main
sys.argv = ["helm-promoter", "plan", "-c", sys.argv[1]]
try:
    main()
finally:
    print("kubernetes" in sys.modules)
"""
    command = [sys.executable, "-c", script, str(home / "helm-promoter.yaml")]
    done = subprocess.run(command, cwd=Path(cli.__file__).parents[1], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
