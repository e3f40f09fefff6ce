"""A small fleet repository and a recorded staging cluster, to try the program on without cluster or account."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE: Final = Path(__file__).parent
_WHEN: Final = "2025-02-28T16:20:00Z"
_WHO: Final = {
    "GIT_AUTHOR_NAME": "Platform Team",
    "GIT_AUTHOR_EMAIL": "platform@example.com",
    "GIT_AUTHOR_DATE": _WHEN,
    "GIT_COMMITTER_NAME": "Platform Team",
    "GIT_COMMITTER_EMAIL": "platform@example.com",
    "GIT_COMMITTER_DATE": _WHEN,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def build(folder: Path, environ: Mapping[str, str]) -> Path:
    """Lay it all out in an empty folder: ``fleet.git``, a clone of it, the recording, and the config file.

    Returns:
        The config file.

    Raises:
        Refused: there is no git program.
    """
    for name in ("helm-promoter.yaml", "staging.yaml"):
        shutil.copyfile(_HERE / name, folder / name)
    clone = folder / "fleet"
    shutil.copytree(_HERE / "fleet", clone)
    _git(clone, environ, "-c", "init.defaultBranch=main", "init", "--quiet")
    _git(clone, environ, "add", ".")
    _git(clone, environ, "commit", "--quiet", "--message", "Production as it is")
    _git(folder, environ, "clone", "--quiet", "--bare", "fleet", "fleet.git")
    _git(clone, environ, "remote", "add", "origin", "../fleet.git")
    return folder / "helm-promoter.yaml"


def pushed(folder: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """List what the program has written to the repository: its branches, and the refs that remember them."""
    refs = ("refs/heads/helm-promotion", "refs/helm-promoter")
    return tuple(_git(folder / "fleet.git", environ, "for-each-ref", *refs).splitlines())


def _git(folder: Path, environ: Mapping[str, str], *arguments: str) -> str:
    git = shutil.which("git", path=environ.get("PATH"))
    if git is None:
        raise Refused("there is no git program on the PATH: install git")
    env = {name: value for name, value in environ.items() if not name.startswith("GIT_")} | _WHO
    done = subprocess.run((git, *arguments), cwd=folder, env=env, check=True, capture_output=True, text=True)
    return done.stdout
