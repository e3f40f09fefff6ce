"""Builders that the whole-pass tests share: a recorded cluster, and a real bare repository that people work in."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from reconciler.adapters.git import Git
from reconciler.adapters.snapshot import Snapshot
from reconciler.core.model import Policy, Promotion, Scope
from reconciler.core.report import document
from reconciler.reconcile import Reader, Route, reconcile
from tests.disk import UNSYNCED

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.model import Match, Proposal
    from reconciler.core.report import Report

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BRANCH = "helm-promotion/home/vault/vault"
LEDGER = "refs/helm-promoter/home/vault/vault"
VAULT = "production/vault.yaml"
ENVIRON = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    **UNSYNCED,
}
PERSON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}

Object = dict[str, Any]
"""A Kubernetes object, as JSON has it."""


# --- staging ---------------------------------------------------------------------------------------------------------


def stamp(minutes: float = 0) -> str:
    """A time so many minutes before now, as Kubernetes writes it."""
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def revision(number: int, version: str, *, chart: str, key: str, phase: str | None, age: float) -> Object:
    """One entry of a history. ``phase`` is that of its one test hook, None where it was not tested."""
    namespace, name = key.split("/")
    entry: Object = {
        "version": number,
        "status": "deployed",
        "name": name,
        "namespace": namespace,
        "chartName": chart,
        "chartVersion": version,
        "configDigest": "sha256:0",
        "digest": "sha256:0",
        "firstDeployed": stamp(age + 600),
        "lastDeployed": stamp(age + 2),
    }
    if phase is not None:
        hook = {"phase": phase, "lastStarted": stamp(age + 1), "lastCompleted": stamp(age)}
        entry["testHooks"] = {f"{name}-test": hook}
    return entry


def release(
    key: str,
    *history: tuple[str, str | None],
    chart: str | None = None,
    wants: str = "*",
    age: float = 58,
    **spec: object,
) -> Object:
    """A HelmRelease as staging shows it; ``history`` are (version, phase) from the newest on, ``age`` in minutes."""
    namespace, name = key.split("/")
    chart = chart or name
    entries = [
        revision(len(history) - place, version, chart=chart, key=key, phase=phase, age=age + 60 * place)
        for place, (version, phase) in enumerate(history)
    ]
    for older in entries[1:]:
        older["status"] = "superseded"
    conditions = [{"type": "Ready", "status": "True", "reason": "UpgradeSucceeded", "lastTransitionTime": stamp(age)}]
    if entries and "testHooks" in entries[0]:
        conditions.append(_tested(key, chart, entries[0], passed=history[0][1] == "Succeeded"))
    body: Object = {"interval": "5m", "test": {"enable": True}, **spec}
    if "chartRef" not in body:
        body["chart"] = {"spec": {"chart": chart, "version": wants, "sourceRef": _SOURCE}}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": name, "namespace": namespace, "generation": 1},
        "spec": body,
        "status": {"observedGeneration": 1, "history": entries, "conditions": conditions},
    }


_SOURCE = {"kind": "HelmRepository", "name": "charts"}


def _tested(key: str, chart: str, newest: Object, *, passed: bool) -> Object:
    subject = f"release {key}.v{newest['version']} with chart {chart}@{newest['chartVersion']}"
    return {
        "type": "TestSuccess",
        "status": str(passed),
        "reason": "TestSucceeded" if passed else "TestFailed",
        "lastTransitionTime": newest["testHooks"][f"{newest['name']}-test"]["lastCompleted"],
        "message": f"Helm test {'succeeded' if passed else 'failed'} for {subject}: 1 test hook completed",
    }


def proven(key: str, *versions: str, **more: Any) -> Object:
    """A release whose versions all passed their tests, the newest first."""
    return release(key, *((version, "Succeeded") for version in versions), **more)


# --- production ------------------------------------------------------------------------------------------------------


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
        if not self.path.exists():
            self.git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(self.path), at=None)

    def git(self, *words: str, at: Path | None, stdin: bytes = b"") -> str:
        environ = ENVIRON | PERSON
        done = subprocess.run(["git", *words], cwd=at, env=environ, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, f"git {words}: {done.stderr.decode()}"
        return done.stdout.decode().rstrip("\n")

    def bare(self, *words: str, stdin: bytes = b"") -> str:
        return self.git(*words, at=self.path, stdin=stdin)

    def commit(self, files: dict[str, str | None], message: str = "work", *, branch: str = "main") -> str:
        """Let a person commit to a branch; a file that is None is removed."""
        ref = f"refs/heads/{branch}"
        lines = [f"commit {ref}\ncommitter Ada <ada@example.com> {int(NOW.timestamp())} +0000\n"]
        lines.append(f"data {len(message)}\n{message}\n")
        if ref in self.refs():
            lines.append(f"from {ref}^0\n")
        for path, text in files.items():
            lines.append(f"D {path}\n" if text is None else f"M 644 inline {path}\ndata {len(text.encode())}\n{text}\n")
        self.bare("fast-import", "--quiet", stdin="".join(lines).encode())
        return (self.path / ref).read_text().strip()  # what was just written is never packed

    def merge(self, branch: str, how: str = "merge", *, delete: bool = True) -> None:
        """Merge as a forge would: merge, squash or rebase."""
        if not self.work.exists():
            self.git("clone", "--quiet", str(self.path), str(self.work), at=self.path.parent)
        work = self.work
        self.git("fetch", "--quiet", "--prune", "origin", at=work)
        self.git("checkout", "--quiet", "-B", "main", "origin/main", at=work)
        if how == "merge":
            self.git("merge", "--quiet", "--no-ff", "-m", f"Merge {branch}", f"origin/{branch}", at=work)
        elif how == "squash":
            self.git("merge", "--quiet", "--squash", f"origin/{branch}", at=work)
            self.git("commit", "--quiet", "-m", f"Squash {branch}", at=work)
        else:
            self.git("cherry-pick", f"origin/{branch}", at=work)
        self.git("push", "--quiet", "origin", "main", at=work)
        if delete:
            self.delete(f"refs/heads/{branch}")

    def delete(self, ref: str) -> None:
        self.bare("update-ref", "-d", ref)

    def refs(self) -> dict[str, str]:
        lines = self.bare("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.rsplit(" ", 1) for line in lines)

    def ours(self) -> dict[str, str]:
        """Every ref that we made, or that stands under our names."""
        return {name: sha for name, sha in self.refs().items() if "helm-promot" in name}

    def show(self, revision: str, path: str = VAULT) -> str:
        return self.bare("cat-file", "blob", f"{revision}:{path}") + "\n"

    def changes(self, branch: str = BRANCH) -> list[str]:
        """What a branch changes, as a reviewer sees it: the changed lines, and how many commits, against its base."""
        start = self.bare("merge-base", "main", branch)
        lines = self.bare("diff", "--unified=0", start, branch).splitlines()
        changed = [line for line in lines if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
        return [*changed, f"{self.bare('rev-list', '--count', f'{start}..{branch}')} commit"]


# --- both ------------------------------------------------------------------------------------------------------------


@dataclass
class World:
    """One promotion between a recorded cluster and a real repository."""

    folder: Path
    policy: Policy = field(default_factory=Policy)
    paths: tuple[str, ...] = ("production/**",)
    match: tuple[Match, ...] = ()
    scope: Scope = field(default_factory=lambda: Scope(("*",)))
    name: str = "home"
    at: datetime = NOW
    environ: dict[str, str] = field(default_factory=lambda: ENVIRON)
    repository: Repository = field(init=False)

    def __post_init__(self) -> None:
        self.repository = Repository(self.folder / "fleet.git")

    def record(self, *objects: Object) -> None:
        """Record the staging cluster anew."""
        recorded = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": list(objects)}
        (self.folder / "staging.json").write_text(json.dumps(recorded))

    def route(self, cache: str = "cache") -> Route:
        promotion = Promotion(self.name, "git:fleet#main", self.paths, self.match, self.policy)
        git = Git(url=str(self.repository.path), branch="main", cache=self.folder / cache, environ=self.environ)
        return Route(promotion, Snapshot(self.folder / "staging.json"), self.scope, git)

    def seen(self) -> tuple[Proposal, ...]:
        """What the next pass will see under our names."""
        git = self.route().production
        try:
            return git.observe().proposals
        finally:
            git.close()  # type: ignore[attr-defined]  # it is a Git

    def run(self, *, dry_run: bool = False, cache: str = "cache") -> Report:
        """Make one pass, as a process that has just started would."""
        route = self.route(cache)
        try:
            return reconcile((route,), Reader(), self.at, lambda _: None, dry_run=dry_run)
        finally:
            route.production.close()  # type: ignore[attr-defined]  # it is a Git

    def turn(self, *, dry_run: bool = False, cache: str = "cache") -> Object:
        """Make one pass in which nothing fails; give its plan as the document."""
        report = self.run(dry_run=dry_run, cache=cache)
        assert [outcome.message for outcome in report.outcomes if outcome.message] == []
        return document(report.plan)


def answers(plan: Object) -> dict[str, str]:
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
