"""A release's history, its versions read and its hooks judged: newest revision first."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from reconciler.core.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.core.model import ChartSource, Condition, Filter, HelmRelease, Hook, Snapshot

UNVERSIONED_KINDS: Final = frozenset({"GitRepository", "Bucket"})
"""Sources for which Flux ignores the version that the spec asks for."""

_DIGEST_TAG_LENGTH: Final = 12
_COMMIT: Final = re.compile(r"[0-9a-f]{12}(?:\.[0-9]+)?")
_TOLD_LENGTH: Final = 200
_INSTALLED: Final = frozenset({"deployed", "superseded"})


class NotUnderstoodError(ValueError):
    """A release says something that cannot be read. Its text is one sentence that names the place."""


class Outcome(Enum):
    """What a revision's tests say of its version."""

    PASSED = auto()
    FAILED = auto()
    UNPROVEN = auto()


@dataclass(frozen=True, slots=True)
class Revision:
    """One snapshot, read.

    ``version`` is without the suffix that Flux added; ``v_dropped`` says that Flux, adding it, may have dropped a
    leading ``v``. ``digest`` is that of the OCI artifact. ``selected`` are the hooks that the release's filters select.
    """

    snapshot: Snapshot
    version: Version
    v_dropped: bool
    digest: str | None
    selected: tuple[Hook, ...]
    outcome: Outcome

    @property
    def number(self) -> int:
        """Helm's revision."""
        return self.snapshot.revision

    @property
    def identity(self) -> tuple[Version, str]:
        """What makes two snapshots the same version: precedence, and build metadata that is the chart's own."""
        return self.version, self.version.build

    @property
    def by_rollback(self) -> bool:
        """Whether a rollback wrote the snapshot and nothing was tested since: it says neither yes nor no."""
        return self.snapshot.action == "rollback" and self.snapshot.hooks is None


def condition(release: HelmRelease, type_: str) -> Condition | None:
    """The release's condition of a type."""
    return next((each for each in release.conditions if each.type == type_), None)


def is_true(release: HelmRelease, type_: str) -> bool:
    """Whether the release has the condition, and it is True."""
    return any(each.type == type_ and each.status == "True" for each in release.conditions)


def told(text: str) -> str:
    """Text of the cluster, fit for a sentence: its first line, printable characters only, 200 at most."""
    line = next(iter(text.strip().splitlines()), "")
    return "".join(character for character in line if character.isprintable())[:_TOLD_LENGTH]


def read_history(release: HelmRelease, source: ChartSource | None) -> tuple[Revision, ...]:
    """Read every snapshot that carries the same chart as the newest; ``source`` is None where the spec names none.

    Raises:
        NotUnderstoodError: A chart version is no semantic version, or a revision appears twice.
    """
    snapshots = sorted(release.history, key=lambda snapshot: snapshot.revision, reverse=True)
    for newer, older in pairwise(snapshots):
        if newer.revision == older.revision:
            raise NotUnderstoodError(f"status.history has revision {newer.revision} twice")
    kept = [snapshot for snapshot in snapshots if snapshot.chart == snapshots[0].chart]
    if kept[0].action is None and is_true(release, "Remediated"):
        kept[0] = replace(kept[0], action="rollback")  # controllers before 1.5 record no action
    digests = _digests(kept)
    return tuple(_read(release, snapshot, digests[snapshot.revision], source) for snapshot in kept)


def _digests(snapshots: list[Snapshot]) -> dict[int, str | None]:
    """The artifact's digest by revision.

    A rollback's snapshot has none, so it takes that of the revision which carried the very same chart version before
    (helm-controller ``internal/reconcile/rollback_remediation.go``, observeRollback).
    """
    by_version: dict[str, str | None] = {}
    by_revision: dict[int, str | None] = {}
    for snapshot in reversed(snapshots):
        digest = snapshot.digest or by_version.get(snapshot.version)
        by_version[snapshot.version] = by_revision[snapshot.revision] = digest
    return by_revision


def _read(release: HelmRelease, snapshot: Snapshot, digest: str | None, source: ChartSource | None) -> Revision:
    try:
        version = Version.parse(snapshot.version)
    except ValueError as error:
        message = f"revision {snapshot.revision} has a chartVersion that cannot be read: {error}"
        raise NotUnderstoodError(message) from None
    by_flux = _is_added(version.build, digest, source)
    selected = _selected(snapshot.hooks or (), release.filters)
    return Revision(
        snapshot=snapshot,
        version=Version.parse(version.text.partition("+")[0]) if by_flux else version,
        v_dropped=by_flux,
        digest=digest,
        selected=selected,
        outcome=_outcome(snapshot, selected),
    )


def _is_added(build: str, digest: str | None, source: ChartSource | None) -> bool:
    """Whether Flux added the build metadata.

    helm-controller adds the start of an OCI artifact's digest (``mutateChartWithSourceRevision``), source-controller
    the HelmChart's generation for values files, and the start of the commit for ``reconcileStrategy: Revision``
    (``internal/controller/helmchart_controller.go``).
    """
    if len(build) == _DIGEST_TAG_LENGTH and (digest or "").startswith(f"sha256:{build}"):
        return True
    if source is None:
        return False
    if source.values_files and build.isdecimal():
        return True
    return source.by_revision and source.source_kind in UNVERSIONED_KINDS and _COMMIT.fullmatch(build) is not None


def _selected(hooks: tuple[Hook, ...], filters: tuple[Filter, ...]) -> tuple[Hook, ...]:
    """Any exclude that matches wins; where an include exists, only what is included counts (``observation.go``)."""
    excluded = {each.name for each in filters if each.exclude}
    included = {each.name for each in filters if not each.exclude}
    return tuple(hook for hook in hooks if hook.name not in excluded and (not included or hook.name in included))


def _outcome(snapshot: Snapshot, selected: Iterable[Hook]) -> Outcome:
    phases = {hook.phase for hook in selected}
    if "Failed" in phases:
        return Outcome.FAILED
    if phases == {"Succeeded"} and snapshot.status in _INSTALLED:
        return Outcome.PASSED
    return Outcome.UNPROVEN
