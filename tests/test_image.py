"""The image: where no container engine is at hand, the steps of its Dockerfile by themselves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import reconciler

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
MEGABYTE = 10**6


def instructions(name: str) -> list[str]:
    """Give what follows a keyword of the Dockerfile, line ends joined."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)


def test_both_stages_start_from_one_base_by_its_digest() -> None:
    build, final = instructions("FROM")

    assert build == f"{final} AS build"
    assert re.fullmatch(r"python:3\.\d+-slim-\w+@sha256:[0-9a-f]{64}", final)


def test_the_image_runs_as_a_number_and_as_the_program_itself() -> None:
    assert instructions("USER") == ["65532:65532"]
    assert instructions("ENTRYPOINT") == ['["helm-promoter"]']
    assert "--uid 65532" in DOCKERFILE


def test_the_build_is_the_script_that_is_tested_here() -> None:
    build, packages = instructions("RUN")

    assert build == "image/install /opt/helm-promoter"
    assert "apt-get install --yes --no-install-recommends git openssh-client" in packages
    assert instructions("COPY") == [". .", "--from=build /opt/helm-promoter /opt/helm-promoter"]


# --- slow: installed as in the image ---------------------------------------------------------------------------------


def context(folder: Path) -> Path:
    """Copy what .dockerignore lets in."""
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source, target = ROOT / line[1:], folder / line[1:]
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
    return folder


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the program into an empty folder, from a context like the image's."""
    folder = tmp_path_factory.mktemp("image")
    source = folder / "source"
    source.mkdir()
    environ = os.environ | {"PYTHON": sys.executable}
    words = [context(source) / "image/install", folder / "opt"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "opt"


def environment(prefix: Path, home: Path) -> dict[str, str]:
    """Give the environment of the image, and nothing of ours."""
    said = dict(re.findall(r"(\w+)=(\S+)", instructions("ENV")[0]))
    path = said.pop("PATH").replace("/opt/helm-promoter", str(prefix)).replace("$PATH", "/usr/local/bin:/usr/bin:/bin")
    return said | {"HOME": str(home), "PATH": path}


def listing(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.lstat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.slow
def test_the_program_runs_from_there_and_writes_nothing_there(prefix: Path, tmp_path: Path) -> None:
    before = listing(prefix)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environ = environment(prefix, tmp_path)
        return subprocess.run(
            ["helm-promoter", *words], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )

    assert run("--version").stdout == f"helm-promoter {reconciler.__version__}\n"
    demo = run("demo")
    assert (demo.returncode, demo.stderr) == (0, "")
    assert "3 to open" in demo.stdout
    assert json.loads(run("schema").stdout)["title"] == "helm-promoter config"
    assert listing(prefix) == before


@pytest.mark.slow
def test_nothing_else_is_in_it_and_all_is_compiled(prefix: Path) -> None:
    packages = next((prefix / "lib").glob("python3.*")) / "site-packages"

    assert not [
        path.name for path in packages.glob("*") if path.name.startswith(("pip", "setuptools", "pytest", "hatch"))
    ]
    sources = [path for path in packages.rglob("*.py") if "__pycache__" not in path.parts]
    raw = [path for path in sources if not list(path.parent.glob(f"__pycache__/{path.stem}.*.pyc"))]
    assert len(sources) > 300
    assert raw == []
    assert sum(path.lstat().st_size for path in prefix.rglob("*")) < 150 * MEGABYTE


@pytest.mark.slow
def test_it_is_installed_by_hash_alone(prefix: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    file = context(source) / "requirements/runtime.txt"
    file.write_text(re.sub(r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, file.read_text()))

    environ = os.environ | {"PYTHON": sys.executable}
    done = subprocess.run(
        [source / "image/install", tmp_path / "opt"], env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


@pytest.mark.slow
def test_as_the_first_process_of_a_container_it_stops_when_it_is_told_to(prefix: Path, tmp_path: Path) -> None:
    """The first process of a namespace gets no signal that it does not handle (pid_namespaces(7))."""
    words = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no namespaces")
    build = "import os, pathlib; from reconciler import demo; demo.build(pathlib.Path(os.environ['HOME']), os.environ)"
    environ = environment(prefix, tmp_path)
    subprocess.run(["python", "-c", build], env=environ, cwd=tmp_path, check=True)
    command = ["helm-promoter", "run", "-c", str(tmp_path / "helm-promoter.yaml")]
    with subprocess.Popen([*words, *command], env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if "pass.finished" in line:
                break
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        rest = process.stderr.read()

    assert '"event": "loop.stopped"' in rest
    assert process.returncode == 0
