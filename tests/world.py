"""Builders that the whole-pass tests share: a recorded cluster, and a real bare repository that people work in."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconciler.adapters.git import Git
from reconciler.adapters.snapshot import Snapshot
from reconciler.core.model import Policy, Promotion, Scope
from reconciler.core.report import document
from reconciler.reconcile import Reader, Route, reconcile

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERSON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def stamp(minutes: float = 0) -> str:
    """A time so many minutes before now, as Kubernetes writes it."""
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def snapshot(revision: int, version: str, *, chart: str, key: str, phase: str | None = "Succeeded", **more: object) -> dict:
    namespace, name = key.split("/")
    entry = {
        "version": revision,
        "status": "deployed",
        "name": name,
        "namespace": namespace,
        "chartName": chart,
        "chartVersion": version,
        "configDigest": "sha256:0",
        "digest": "sha256:0",
        "firstDeployed": stamp(600),
        "lastDeployed": stamp(60),
    }
    if phase is not None:
        entry["testHooks"] = {f"{name}-test": {"phase": phase, "lastStarted": stamp(59), "lastCompleted": stamp(58)}}
    return {**entry, **more}


def release(key: str, *history: tuple, chart: str | None = None, wants: str = "*", **spec: object) -> dict:
    """A HelmRelease as staging shows it; ``history`` are (version, phase[, more]) from the newest on."""
    namespace, name = key.split("/")
    chart = chart or name
    entries = []
    for place, (version, phase, *more) in enumerate(history):
        extra = {"status": "deployed" if place == 0 else "superseded", **(more[0] if more else {})}
        entries.append(snapshot(len(history) - place, version, chart=chart, key=key, phase=phase, **extra))
    conditions = [{"type": "Ready", "status": "True", "reason": "TestSucceeded", "lastTransitionTime": stamp(58)}]
    if entries and "testHooks" in entries[0]:
        newest = entries[0]
        passed = history[0][1] == "Succeeded"
        what = "succeeded" if passed else "failed"
        conditions.append(
            {
                "type": "TestSuccess",
                "status": str(passed),
                "reason": "TestSucceeded" if passed else "TestFailed",
                "lastTransitionTime": stamp(58),
                "message": f"Helm test {what} for release {namespace}/{name}.v{newest['version']} with chart "
                f"{chart}@{newest['chartVersion']}: 1 test hook completed successfully",
            }
        )
    body: dict = {"interval": "5m", "test": {"enable": True}, **spec}
    if "chartRef" not in body:
        reference = {"kind": "HelmRepository", "name": "charts"}
        body["chart"] = {"spec": {"chart": chart, "version": wants, "sourceRef": reference}}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": namespace, "generation": 1},
        "spec": body,
        "status": {"observedGeneration": 1, "history": entries, "conditions": conditions},
    }


def manifest(key: str, version: str, chart: str | None = None) -> str:
    namespace, name = key.split("/")
    return f"""\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
  namespace: {namespace}
spec:
  chart:
    spec:
      chart: {chart or name}
      version: {version}
      sourceRef:
        kind: HelmRepository
        name: charts
"""


@dataclass
class Repository:
    """A bare repository, and what people do to it."""

    path: Path
    work: Path = field(init=False)

    def __post_init__(self) -> None:
        self.work = self.path.parent / f"{self.path.name}.work"
        self.git("init", "-q", "--bare", "-b", "main", str(self.path), at=self.path.parent)
        self.git("clone", "-q", str(self.path), str(self.work), at=self.path.parent)
        self.git("checkout", "-q", "-B", "main")

    def git(self, *words: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=at or self.work, env={**os.environ, **PERSON}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"git {words}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def commit(self, files: dict[str, str | None], message: str = "work", *, branch: str = "main") -> str:
        """Commit and push; a file that is None is removed."""
        self.git("fetch", "-q", "--prune", "origin")
        if f"origin/{branch}" in self.git("branch", "-r"):
            self.git("checkout", "-q", "-B", branch, f"origin/{branch}")
        for name, text in files.items():
            path = self.work / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        self.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")

    def merge(self, branch: str, how: str = "merge", *, delete: bool = True) -> None:
        """Merge as a forge would: merge, squash or rebase."""
        self.git("fetch", "-q", "--prune", "origin")
        self.git("checkout", "-q", "-B", "main", "origin/main")
        if how == "merge":
            self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", f"origin/{branch}")
        elif how == "squash":
            self.git("merge", "-q", "--squash", f"origin/{branch}")
            self.git("commit", "-q", "-m", f"Squash {branch}")
        else:
            self.git("cherry-pick", f"origin/{branch}")
        self.git("push", "-q", "origin", "main")
        if delete:
            self.delete(branch)

    def delete(self, branch: str) -> None:
        self.git("push", "-q", "origin", f":refs/heads/{branch}")

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)", at=self.path).splitlines()
        return dict(line.split() for line in lines)

    def branches(self) -> set[str]:
        return {name.removeprefix("refs/heads/") for name in self.refs() if name.startswith("refs/heads/helm-promotion")}

    def show(self, revision: str, path: str) -> str:
        return self.git("show", f"{revision}:{path}", at=self.path)


@dataclass
class World:
    """One promotion between a recorded cluster and a real repository."""

    folder: Path
    policy: Policy = field(default_factory=Policy)
    paths: tuple[str, ...] = ("production/**",)
    namespaces: tuple[str, ...] = ("*",)
    name: str = "home"
    repository: Repository = field(init=False)
    reader: Reader = field(default_factory=Reader)
    at: datetime = NOW

    def __post_init__(self) -> None:
        self.repository = Repository(self.folder / "fleet.git")
        self.record()

    def record(self, *objects: dict) -> None:
        recorded = {"apiVersion": "v1", "kind": "List", "metadata": {}, "items": list(objects)}
        (self.folder / "staging.json").write_text(json.dumps(recorded))

    def route(self, cache: str = "cache") -> Route:
        promotion = Promotion(self.name, "git:fleet#main", self.paths, (), self.policy)
        git = Git(url=str(self.repository.path), branch="main", cache=self.folder / cache, environ={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"})
        return Route(promotion, Snapshot(self.folder / "staging.json"), Scope(self.namespaces), git)

    def turn(self, *, dry_run: bool = False, cache: str = "cache") -> dict:
        """Make one pass, as a process that has just started would; give its plan as the document."""
        report = reconcile((self.route(cache),), self.reader, self.at, lambda _: None, dry_run=dry_run)
        assert [outcome.message for outcome in report.outcomes if outcome.message] == []
        return document(report.plan)


def answers(plan: dict) -> dict[str, str]:
    """The one answer of each release, in a word."""
    found: dict[str, list[str]] = {}
    for action in plan["actions"]:
        for key in action["releases"]:
            found.setdefault(key, []).append(action["action"])
    for hold in plan["holds"]:
        found.setdefault(hold["release"], []).append(hold["reason"])
    for one in plan["in_sync"]:
        found.setdefault(one["release"], []).append("in sync")
    for one in plan["proposed"]:
        found.setdefault(one["release"], []).append("proposed")
    assert all(len(words) == 1 for words in found.values()), found
    return {key: words[0] for key, words in found.items()}
