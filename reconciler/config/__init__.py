"""The config file and the environment, as frozen settings: every mistake at once, with its path and its line.

The only room that reads the environment, and that knows pydantic.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from reconciler.config import rules
from reconciler.config.blocks import (
    AutoMergeBlock,
    ClusterBlock,
    GitAuthBlock,
    GitBlock,
    GitHubAuthBlock,
    GitHubBlock,
    ProductionBlock,
    PromotionBlock,
    PullRequestBlock,
    check,
    json_schema,
)
from reconciler.config.document import read
from reconciler.config.mistakes import ConfigError, Mistake
from reconciler.config.policy import overrides, policy
from reconciler.config.settings import (
    App,
    ClusterSettings,
    GitHubSettings,
    GitSettings,
    InCluster,
    Kubeconfig,
    PromotionSettings,
    Settings,
    SnapshotFile,
    StagingSettings,
    TokenFile,
    TokenFromEnvironment,
    Url,
)
from reconciler.core.model import AutoMerge, Bump, Key, Manners, Match, MergeMethod, Promotion
from reconciler.core.times import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "App",
    "ClusterSettings",
    "ConfigError",
    "GitHubSettings",
    "GitSettings",
    "InCluster",
    "Kubeconfig",
    "Mistake",
    "PromotionSettings",
    "Settings",
    "SnapshotFile",
    "StagingSettings",
    "TokenFile",
    "TokenFromEnvironment",
    "Url",
    "cache_folder",
    "credentials",
    "environment",
    "fingerprint",
    "json_schema",
    "load",
    "missing_files",
]


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read a config file. Relative paths in it start at its folder.

    Raises:
        ConfigError: the file cannot be read, or has mistakes: all of them.
    """
    values = read(path)
    file, found = check(values)
    mistakes = sorted((*values.mistakes, *found), key=lambda mistake: mistake.line or 0)
    if file is None or mistakes:
        raise ConfigError(path, tuple(mistakes))
    folder = _absolute(path).parent
    promotions = tuple(_promotion(block, folder) for block in file.promotions)
    times = duration(file.interval), duration(file.active_deadline)
    return Settings(*times, promotions, cache_folder(environ))


def _promotion(block: PromotionBlock, folder: Path) -> PromotionSettings:
    production = _production(block.production, folder)
    promotion = Promotion(
        name=block.name,
        repository=f"{_identity(production)}#{block.production.branch}",
        paths=tuple(block.production.paths),
        match=tuple(Match(_key(match.staging), _key(match.production)) for match in block.match),
        policy=policy(block.policy),
        overrides=overrides(block.policy),
        manners=_manners(block.pull_request),
    )
    cluster = _cluster(block.staging.cluster, folder)
    staging = StagingSettings(cluster, tuple(block.staging.namespaces), block.staging.selector)
    return PromotionSettings(promotion, staging, production, block.production.branch)


def _manners(block: PullRequestBlock) -> Manners:
    merge = block.auto_merge
    return Manners(
        title=block.title or "",
        body=block.body or "",
        commit_message=block.commit_message or "",
        sign_off=block.sign_off or "",
        labels=tuple(block.labels),
        assignees=tuple(block.assignees),
        reviewers=tuple(block.reviewers),
        team_reviewers=tuple(block.team_reviewers),
        draft=block.draft,
        auto_merge=_auto_merge(merge) if merge is not None else None,
        max_open=block.max_open,
        max_per_pass=block.max_per_pass,
    )


def _auto_merge(block: AutoMergeBlock) -> AutoMerge:
    return AutoMerge(MergeMethod(block.method), tuple(map(Bump, block.bumps)), block.unprotected)


def _key(text: str) -> Key:
    return Key(*text.split("/"))


def _cluster(block: ClusterBlock, folder: Path) -> ClusterSettings:
    if block.kubeconfig is not None:
        return Kubeconfig(_at(folder, block.kubeconfig), block.context)
    return SnapshotFile(_at(folder, block.snapshot)) if block.snapshot is not None else InCluster()


def _production(block: ProductionBlock, folder: Path) -> GitSettings | GitHubSettings:
    if block.git is not None:
        return _git(block.git, folder)
    return _github(cast("GitHubBlock", block.github), folder)  # ONE_OF: it is the other


def _git(block: GitBlock, folder: Path) -> GitSettings:
    auth = block.auth or GitAuthBlock.model_construct()
    return GitSettings(
        url=Url(str(_at(folder, block.url)) if rules.is_local(block.url) else block.url),
        token_file=_maybe_at(folder, auth.token_file),
        ssh_key_file=_maybe_at(folder, auth.ssh_key_file),
        known_hosts_file=_maybe_at(folder, auth.known_hosts_file),
        push_options=tuple(block.push_options),
    )


def _github(block: GitHubBlock, folder: Path) -> GitHubSettings:
    return GitHubSettings(block.repository.removesuffix(".git"), block.base_url.rstrip("/"), _who(block.auth, folder))


def _who(block: GitHubAuthBlock | None, folder: Path) -> TokenFile | App | TokenFromEnvironment:
    if block is not None and block.token_file is not None:
        return TokenFile(_at(folder, block.token_file))
    if block is not None and block.app is not None:
        return App(block.app.id, _at(folder, block.app.private_key_file), block.app.installation_id)
    return TokenFromEnvironment()


def _at(folder: Path, text: str) -> Path:
    return _absolute(folder / text)


def _maybe_at(folder: Path, text: str | None) -> Path | None:
    return None if text is None else _at(folder, text)


def _absolute(path: Path) -> Path:
    # By the text alone: a mounted ConfigMap is a link into a folder that changes its name.
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve follows links


def _identity(production: GitSettings | GitHubSettings) -> str:
    """Name a repository so that two spellings of it are told to be one. Never holds credentials."""
    if isinstance(production, GitHubSettings):
        host = production.base_url.partition("://")[2].partition("/")[0]
        return f"github:{host}/{production.repository}".lower()
    path = production.url.path
    if path is not None:
        # Beside /srv/fleet there may be another repository /srv/fleet.git, so that the name itself stays.
        return f"git:{_absolute(path)}".removesuffix("/.git")
    url = production.url.raw.rstrip("/").removesuffix(".git")
    scheme, separator, rest = url.partition("://")
    authority, sign, tail = rest.partition("/") if separator else url.partition(":")
    host = authority.rpartition("@")[2].lower()
    return f"git:{scheme.lower()}://{host}{sign}{tail}" if separator else f"git:{host}{sign}{tail}"


_RECORD = (
    "record it with: kubectl get helmreleases.helm.toolkit.fluxcd.io,ocirepositories.source.toolkit.fluxcd.io,"
    "helmcharts.source.toolkit.fluxcd.io -A -o yaml"
)
_CORRECT = "put it there, or correct the path"


def missing_files(settings: Settings) -> tuple[str, ...]:
    """Tell the local files and repositories that the settings name and that cannot be read: one sentence for each."""
    sentences = []
    for index, promotion in enumerate(settings.promotions):
        for key, path, cure in (*_staging_files(promotion.staging), *_production_files(promotion.production)):
            fault = _fault(path, cure, folder=key == "production.git.url")
            sentences += [f"promotions[{index}].{key}: {path} {fault}"] if fault else []
    return tuple(sentences)


def fingerprint(path: Path) -> str | None:
    """Tell what a file holds, by its digest; None for what is no file, as a pipe can be read but once."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    except OSError:
        return None


def credentials(settings: Settings) -> tuple[Path, ...]:
    """List the files that say who the program is. A mounted Secret is renewed in place, under the same names."""
    clusters = (promotion.staging.cluster for promotion in settings.promotions)
    productions = (promotion.production for promotion in settings.promotions)
    files = [cluster.path for cluster in clusters if isinstance(cluster, Kubeconfig)]
    files += [path for one in productions for key, path, _ in _production_files(one) if not key.endswith(".url")]
    return tuple(files)


def _staging_files(staging: StagingSettings) -> Iterator[tuple[str, Path, str]]:
    match staging.cluster:
        case Kubeconfig(path):
            yield "staging.cluster.kubeconfig", path, _CORRECT
        case SnapshotFile(path):
            yield "staging.cluster.snapshot", path, _RECORD


def _production_files(production: GitSettings | GitHubSettings) -> Iterator[tuple[str, Path, str]]:
    match production:
        case GitHubSettings(auth=TokenFile(path)):
            yield "production.github.auth.tokenFile", path, _CORRECT
        case GitHubSettings(auth=App(private_key_file=path)):
            yield "production.github.auth.app.privateKeyFile", path, _CORRECT
        case GitSettings(url=url):
            files = {
                "url": url.path,
                "auth.tokenFile": production.token_file,
                "auth.sshKeyFile": production.ssh_key_file,
                "auth.knownHostsFile": production.known_hosts_file,
            }
            yield from ((f"production.git.{key}", path, _CORRECT) for key, path in files.items() if path is not None)


def _fault(path: Path, cure: str, *, folder: bool) -> str | None:
    # Not opened: what is read from a pipe such as <(kubectl ...) is gone.
    if not path.exists():
        return f"does not exist; {cure}"
    if path.is_dir() and not folder:
        return "is a folder; name a file in it"
    return None if os.access(path, os.R_OK) else "cannot be read; make it readable for this user"


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Name the folder for what may be lost at any time, as the XDG base directory specification says."""
    cache, home = environ.get("XDG_CACHE_HOME", ""), environ.get("HOME", "")
    if Path(cache).is_absolute():
        return Path(cache) / "helm-promoter"
    if home:
        return Path(home) / ".cache" / "helm-promoter"
    return Path(tempfile.gettempdir()) / f"helm-promoter-{os.getuid()}"


def environment() -> Mapping[str, str]:
    """Hand out the environment: nothing else reads it."""
    return os.environ  # noqa: TID251 - this is the one place
