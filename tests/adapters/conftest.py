"""Real git repositories, and adapters that look at them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from reconciler.adapters.git import Git
from tests.adapters.origin import PATH, Origin, manifest
from tests.disk import UNSYNCED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever proxy the machine has: the loopback needs none."""
    for scheme in ("http", "https", "all"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", **UNSYNCED}


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("pristine")
    origin = Origin(folder / "origin.git", folder / "clone", environ)
    origin.git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(origin.path), where=folder)
    origin.git("clone", "--quiet", "--template=", str(origin.path), str(origin.clone), where=folder)
    origin.person("commit", "--quiet", "--allow-empty", "--message", "first")
    origin.person("push", "--quiet", "origin", "HEAD:refs/heads/main")
    origin.git("config", "receive.advertisePushOptions", "true")
    origin.person("remote", "set-url", "origin", "../origin.git")  # so that a copy knows its own
    for number in range(3):
        origin.commit({f"apps/app{number}/production/helm.yaml": manifest("1.0.0")}, f"app{number}")
    origin.commit({PATH: manifest("0.28.0")}, "vault")
    return folder


@pytest.fixture
def origin(tmp_path: Path, pristine: Path, environ: dict[str, str]) -> Origin:
    shutil.copytree(pristine, tmp_path / "world", symlinks=True)
    return Origin(tmp_path / "world" / "origin.git", tmp_path / "world" / "clone", environ)


@pytest.fixture
def adapter(origin: Origin, tmp_path: Path) -> Iterator[Callable[..., Git]]:
    """Make adapters as separate processes would: each looks for itself."""
    made: list[Git] = []

    def make(**settings: object) -> Git:
        settings = {
            "url": origin.url,
            "branch": "main",
            "cache": tmp_path / "cache",
            "environ": origin.environ,
        } | settings
        made.append(Git(**settings))  # type: ignore[arg-type]  # a test overrides what it likes
        return made[-1]

    yield make
    for git in made:
        git.close()
