"""What the rest of the program sees of the config file: plain records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from datetime import timedelta

    from reconciler.core.model import Promotion


@dataclass(frozen=True, slots=True, repr=False)
class Url:
    """An address that git understands, or an absolute path. Only ``raw`` shows the credentials in it."""

    raw: str

    def __str__(self) -> str:
        scheme, separator, rest = self.raw.partition("://")
        authority, slash, path = rest.partition("/")
        user, _, host = authority.rpartition("@")
        if not separator or (scheme.endswith("ssh") and ":" not in user):
            return self.raw
        return f"{scheme}{separator}{host}{slash}{path}"

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"

    @property
    def path(self) -> Path | None:
        """The local path that it names, None where it is an address."""
        if self.raw.startswith("/"):
            return Path(self.raw)
        return Path(unquote(self.raw.removeprefix("file://"))) if self.raw.startswith("file:///") else None


@dataclass(frozen=True, slots=True)
class InCluster:
    """The cluster that the program runs in."""


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A cluster of a kubeconfig file; without ``context`` the file's current one."""

    path: Path
    context: str | None = None


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A recorded cluster."""

    path: Path


ClusterSettings = InCluster | Kubeconfig | SnapshotFile


@dataclass(frozen=True, slots=True)
class StagingSettings:
    """Where staging is, and which of its releases count. ``namespaces`` is ``("*",)`` for all."""

    cluster: ClusterSettings
    namespaces: tuple[str, ...]
    selector: str = ""


@dataclass(frozen=True, slots=True)
class GitSettings:
    """A repository that is reached by git alone."""

    url: Url
    token_file: Path | None = None
    ssh_key_file: Path | None = None
    known_hosts_file: Path | None = None
    push_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file that holds a GitHub token."""

    path: Path


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App. ``id`` is its number or its client ID."""

    id: int | str
    private_key_file: Path
    installation_id: int | None = None


@dataclass(frozen=True, slots=True)
class TokenFromEnvironment:
    """The token in ``GITHUB_TOKEN``."""


@dataclass(frozen=True, slots=True)
class GitHubSettings:
    """A repository on GitHub. ``repository`` is ``owner/name``, ``base_url`` the API's, without a final slash."""

    repository: str
    base_url: str
    auth: TokenFile | App | TokenFromEnvironment


@dataclass(frozen=True, slots=True)
class PromotionSettings:
    """One promotion: what the core needs of it, and how its two sides are reached."""

    promotion: Promotion
    staging: StagingSettings
    production: GitSettings | GitHubSettings
    branch: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole config file.

    ``cache`` is the folder for what may be lost at any time, ``active_deadline`` the time after which a pass counts as
    hung.
    """

    interval: timedelta
    active_deadline: timedelta
    promotions: tuple[PromotionSettings, ...]
    cache: Path
