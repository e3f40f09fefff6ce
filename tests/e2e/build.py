"""Builds the programs that the end-to-end tests run, once, from the modules that ``tools/go.mod`` pins.

``python -m tests.e2e.build`` builds what is missing and prints the folder that holds it. The folder is named after the
content of go.mod and go.sum: another pin, another folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULE = HERE / "tools"
CACHE = HERE.parents[1] / ".cache" / "tools"
NO_GO = "the end-to-end tests build Kubernetes, Flux and Helm from source: install Go 1.26 or newer (https://go.dev/dl)"
APISERVER = "k8s.io/kubernetes"
HELM_CONTROLLER = "github.com/fluxcd/helm-controller"
SOURCE_CONTROLLER = "github.com/fluxcd/source-controller"
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": f"{APISERVER}/cmd/kube-apiserver",
    "source-controller": SOURCE_CONTROLLER,
    "helm-controller": HELM_CONTROLLER,
    "helm": "helm.sh/helm/v4/cmd/helm",
    "registry": "github.com/distribution/distribution/v3/cmd/registry",
}
MODULES = {"etcd": PACKAGES["etcd"], "kubernetes": APISERVER, "helm": "helm.sh/helm/v4"} | {
    module.rpartition("/")[2]: module for module in (SOURCE_CONTROLLER, HELM_CONTROLLER)
}


class BuildError(Exception):
    """One sentence that says what is missing."""


@dataclass(frozen=True)
class Tools:
    """The folder of what was built: the programs, ``crds/`` and ``versions.json``."""

    folder: Path

    def program(self, name: str) -> str:
        return str(self.folder / name)

    @property
    def crds(self) -> list[Path]:
        return sorted((self.folder / "crds").glob("*.yaml"))

    @property
    def versions(self) -> dict[str, str]:
        return json.loads((self.folder / "versions.json").read_text())


def build(cache: Path = CACHE) -> Tools:
    """Build what is missing in the cache."""
    pins = b"".join((MODULE / name).read_bytes() for name in ("go.mod", "go.sum"))
    tools = Tools(cache / hashlib.sha256(pins).hexdigest()[:16])
    tools.folder.mkdir(parents=True, exist_ok=True)
    if not (tools.folder / "versions.json").exists():
        _need_go()
        for name, package in PACKAGES.items():
            _program(tools.folder / name, package)
        _crds(tools.folder / "crds")
        _versions(tools.folder / "versions.json")
    return tools


def _need_go() -> None:
    if shutil.which("go") is None:
        raise BuildError(f"{NO_GO}; no go was found")
    if (asked := _run("env", "GOVERSION")).returncode:
        raise BuildError(f"{NO_GO}; {asked.stderr.strip()}")


def _program(path: Path, package: str) -> None:
    """Build one program. It gets its name when it is whole, so that a build that was cut short is not taken for one."""
    if path.exists():
        return
    print(f"building {path.name} ...", file=sys.stderr, flush=True)
    part = path.with_suffix(".part")
    flags = f"-s -w -X k8s.io/component-base/version.gitVersion={_listed(APISERVER)['Version']}"
    built = _run("build", "-p", "2", "-ldflags", flags, "-o", str(part), package)
    if built.returncode:
        raise BuildError(f"cannot build {path.name}: {built.stderr.strip()[-2000:]}")
    part.rename(path)


def _crds(folder: Path) -> None:
    """Take the definitions out of the controllers' own modules."""
    folder.mkdir(exist_ok=True)
    for module in (SOURCE_CONTROLLER, HELM_CONTROLLER):
        for path in Path(_listed(module)["Dir"], "config", "crd", "bases").glob("*.yaml"):
            (folder / path.name).write_bytes(path.read_bytes())


def _versions(path: Path) -> None:
    """Write which versions these are; last of all, because this file says that the folder is complete."""
    versions = {name: _listed(module)["Version"] for name, module in MODULES.items()}
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as part:
        json.dump(versions, part)
    Path(part.name).rename(path)


def _listed(module: str) -> dict[str, str]:
    listed = _run("list", "-m", "-json", module)
    if listed.returncode:
        raise BuildError(f"cannot find the module {module}: {listed.stderr.strip()}")
    return json.loads(listed.stdout)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["go", *arguments], cwd=MODULE, env=os.environ | {"GOWORK": "off"}, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    try:
        print(build().folder)
    except BuildError as error:
        sys.exit(f"error: {error}")
