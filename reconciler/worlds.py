"""Puts the two worlds of every promotion together, as the config file names them."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from reconciler.config import App, GitSettings, Kubeconfig, SnapshotFile, TokenFile
from reconciler.core.model import Scope
from reconciler.reconcile import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from reconciler.adapters.github import Budget, Credential, GitHub
    from reconciler.config import ClusterSettings, GitHubSettings, Settings
    from reconciler.ports import Production, Staging


class Worlds:
    """Makes ports, each once: promotions that share a cluster, or a repository branch, share the object for it."""

    def __init__(self, cache: Path, environ: Mapping[str, str], clock: Callable[[], datetime]) -> None:
        """Make nothing yet.

        Args:
            cache: a folder for what may be lost at any time.
            environ: the environment of the process.
            clock: tells the time.
        """
        self._cache, self._environ, self._clock = cache, environ, clock
        self._clusters: dict[ClusterSettings, Staging] = {}
        self._repositories: dict[tuple[GitSettings | GitHubSettings, str], Production] = {}
        self._budgets: dict[object, Budget] = {}

    def routes(self, settings: Settings) -> tuple[Route, ...]:
        """Give every promotion's way. What it imports it imports now: a command loads what its config needs."""
        return tuple(
            Route(
                one.promotion,
                self._staging(one.staging.cluster),
                Scope(one.staging.namespaces, one.staging.selector),
                self._production(one.production, one.branch, lands=_lands(settings, one.production, one.branch)),
            )
            for one in settings.promotions
        )

    # --- staging ---------------------------------------------------------------------------------------------------

    def _staging(self, cluster: ClusterSettings) -> Staging:
        if cluster not in self._clusters:
            self._clusters[cluster] = self._reached(cluster)
        return self._clusters[cluster]

    def _reached(self, cluster: ClusterSettings) -> Staging:
        if isinstance(cluster, SnapshotFile):
            from reconciler.adapters.snapshot import Snapshot

            return Snapshot(cluster.path)
        from reconciler.adapters import kubernetes

        if isinstance(cluster, Kubeconfig):
            return kubernetes.Kubernetes(kubernetes.Kubeconfig(cluster.path, cluster.context))
        return kubernetes.Kubernetes(kubernetes.ServiceAccount(self._environ))

    # --- production ------------------------------------------------------------------------------------------------

    def _production(self, settings: GitSettings | GitHubSettings, branch: str, *, lands: bool) -> Production:
        place = (settings, branch)
        if place not in self._repositories:
            made = (
                self._git(settings, branch)
                if isinstance(settings, GitSettings)
                else self._github(settings, branch, lands=lands)
            )
            self._repositories[place] = made
        return self._repositories[place]

    def _git(self, settings: GitSettings, branch: str) -> Production:
        from reconciler.adapters import git

        credentials: git.SshKey | git.TokenFile | None = None
        if settings.ssh_key_file:
            credentials = git.SshKey(settings.ssh_key_file, settings.known_hosts_file)
        elif settings.token_file:
            credentials = git.TokenFile(settings.token_file)
        return git.Git(
            url=settings.url.raw,
            branch=branch,
            cache=self._cache,
            credentials=credentials,
            push_options=settings.push_options,
            environ=self._environ,
        )

    def _github(self, settings: GitHubSettings, branch: str, *, lands: bool) -> GitHub:
        """Make one branch of one repository on GitHub. Those that share a credential share what it may ask for."""
        from reconciler.adapters.github import Budget, GitHub

        return GitHub(
            repository=settings.repository,
            branch=branch,
            credential=self._credential(settings),
            budget=self._budgets.setdefault((settings.base_url, settings.auth), Budget(self._clock)),
            base_url=settings.base_url,
            lands=lands,
            environ=self._environ,
            clock=self._clock,
            sleep=time.sleep,
            jitter=random.random,
        )

    def _credential(self, settings: GitHubSettings) -> Credential:
        from reconciler.adapters import github

        match settings.auth:
            case TokenFile(path):
                return github.TokenFile(path)
            case App(number, key, installation):
                return github.App(
                    id=number,
                    private_key_file=key,
                    repository=settings.repository,
                    base_url=settings.base_url,
                    environ=self._environ,
                    clock=self._clock,
                    installation=installation,
                )
            case _:
                return github.Token(self._environ.get("GITHUB_TOKEN", ""))


def _lands(settings: Settings, production: GitSettings | GitHubSettings, branch: str) -> bool:
    """Tell whether any promotion into a repository branch may be merged by the program itself."""
    return any(
        one.promotion.manners.lands
        for one in settings.promotions
        if (one.production, one.branch) == (production, branch)
    )
