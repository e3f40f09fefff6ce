"""Builders of stories: one promotion, as plainly or as oddly as a test wants it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from reconciler.core.model import Bump, Evidence, Gate, Hook, Key, Manners, Proof
from reconciler.core.pull_request import Marker, Story, message, title
from reconciler.core.pull_request.markdown import inert
from reconciler.core.version import Version
from tests.world import NOW

if TYPE_CHECKING:
    from datetime import datetime

VAULT = Key("vault", "vault")


def hooks(count: int = 1) -> tuple[Hook, ...]:
    names = ("vault-server-test", *(f"vault-test-{number}" for number in range(1, count)))
    return tuple(
        Hook(name, "Succeeded", NOW - timedelta(seconds=42 - number), NOW)
        for number, name in zip(range(count), names, strict=False)
    )


def proof(
    to: str = "0.28.1", *, revision: int = 7, tests: tuple[Hook, ...] = (), since: datetime | None = None, app: str = ""
) -> Proof:
    deployed = NOW - timedelta(minutes=2)
    return Proof(Version.parse(to), to, revision, since, tests, app_version=app, deployed_at=deployed)


def told(one: Story, manners: Manners = Manners()) -> str:  # noqa: B008 - a frozen value
    """The message of a promotion's commit."""
    return message(title(one, manners), one, manners)


def story(
    *releases: Key,
    from_: str = "0.28.0",
    to: str = "0.28.1",
    chart: str = "vault",
    path: str = "apps/vault/production/helm.yaml",
    proven: Proof | None = None,
    older: tuple[Proof, ...] = (),
    contradicted: tuple[str, ...] = (),
    bump: Bump = Bump.PATCH,
    gates: tuple[Gate, ...] = (),
    shared: bool = False,
) -> Story:
    releases = releases or (VAULT,)
    proven = proven or proof(to)
    refuted = tuple(map(Version.parse, contradicted))
    members = tuple(Evidence(key, chart, proven.version, (proven, *older), contradicted=refuted) for key in releases)
    proofs = tuple(replace(proven, revision=proven.revision + place) for place in range(len(releases)))
    marker = Marker("home", releases, inert(chart), path, from_, to, NOW)
    return Story(marker, Version.parse(from_), members, proofs, bump, gates, shared)
