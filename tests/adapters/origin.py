"""A repository that people and the adapter push to, and actions built by hand."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.core.model import Commit, Disarm, Edit, Key, Open, Pause, Proposal, Rearm, Subject, Update

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.core.model import Base

BRANCH = "helm-promotion/home/vault/vault"
HEAD = f"refs/heads/{BRANCH}"
LEDGER = "refs/helm-promoter/home/vault/vault"
PATH = "apps/vault/production/helm.yaml"
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
PERSON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


def manifest(version: str) -> str:
    return f"name: vault\nkind: HelmRelease\nspec:\n  chart: vault\n\n\n\n  version: {version}\n"


@dataclass(frozen=True)
class Origin:
    """A bare repository, and a clone in which a person works."""

    path: Path
    clone: Path
    environ: dict[str, str]

    @property
    def url(self) -> str:
        return str(self.path)

    def git(self, *arguments: str, where: Path | None = None, stdin: bytes = b"") -> str:
        environ = self.environ | PERSON
        done = subprocess.run(
            ["git", *arguments], cwd=where or self.path, env=environ, input=stdin, capture_output=True, check=True
        )
        return done.stdout.decode(errors="backslashreplace").strip()

    def person(self, *arguments: str) -> str:
        return self.git(*arguments, where=self.clone)

    def commit(self, files: dict[str, str | None], message: str = "work", *, branch: str = "main") -> str:
        """Let a person push a commit; None deletes a file."""
        self.person("fetch", "--quiet", "origin")
        self.person("checkout", "--quiet", "-B", "work", f"origin/{branch}")
        for path, text in files.items():
            target = self.clone / path
            if text is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self.person("add", "--all")
        self.person("commit", "--quiet", "--allow-empty", "--message", message)
        self.person("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return self.person("rev-parse", "HEAD")

    def refs(self) -> dict[str, str]:
        listing = self.git("for-each-ref", "--format=%(refname) %(objectname)")
        return dict(line.rsplit(" ", 1) for line in listing.splitlines())

    def ours(self) -> dict[str, str]:
        return {ref: sha for ref, sha in self.refs().items() if "helm-promot" in ref}

    def text(self, revision: str, path: str = PATH) -> str:
        return self.git("cat-file", "blob", f"{revision}:{path}") + "\n"

    def hook(self, name: str, script: str) -> None:
        hook = self.path / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)


def proposal(base: Base, branch: str = BRANCH) -> Proposal | None:
    return next((found for found in base.proposals if found.branch == branch), None)


def subject(base: Base, to: str = "0.28.1") -> Subject:
    return Subject("home", (Key("vault", "vault"),), "vault", "0.28.0", to, BRANCH, LEDGER, "Promote", proposal(base))


def words(message: str) -> Commit:
    return Commit(f"{message}\n\nHelm-Promoter-State: test\n", AT)


def edits(to: str, before: str = "0.28.0") -> tuple[Edit, ...]:
    return (Edit(PATH, manifest(before), manifest(to), "diff"),)


def opening(base: Base, to: str = "0.28.1", before: str = "0.28.0") -> Open:
    return Open(subject(base, to), base.sha, edits(to, before), words(f"Promote vault to {to}"))


def updating(base: Base, to: str, before: str = "0.28.0") -> Update:
    return Update(subject(base, to), base.sha, edits(to, before), words(f"Promote vault to {to}"))


def rearming(base: Base, to: str = "0.28.1") -> Rearm:
    return Rearm(subject(base, to), base.sha, edits(to), words(f"Promote vault to {to}"))


def pausing(base: Base) -> Pause:
    return Pause(subject(base), words("Pause vault"))


def disarming(base: Base) -> Disarm:
    return Disarm(subject(base), words("Disarm vault"))
