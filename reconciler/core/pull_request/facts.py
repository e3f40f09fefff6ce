"""What templates may speak of: every name that they know, and samples to try them with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from reconciler.core.model import Bump, Evidence, Gate, Hook, Key, Proof
from reconciler.core.pull_request.marker import Marker
from reconciler.core.pull_request.story import Story
from reconciler.core.pull_request.templates import Answer, Passed, Run, fill
from reconciler.core.version import Version

if TYPE_CHECKING:
    from reconciler.core.pull_request.templates import Fact

LISTED: Final = 20
"""How many of anything are listed on a pull request."""


def facts(story: Story) -> dict[str, Fact]:
    """Give everything that a template may name."""
    marker, proof = story.marker, story.proof
    return {
        "promotion": marker.promotion,
        "shared": story.shared,
        "name": story.release.name,
        "namespace": story.release.namespace,
        "release": str(story.release),
        "releases": tuple(map(str, marker.releases[:LISTED])),
        "chart": marker.chart,
        "path": marker.path,
        "from": marker.from_,
        "to": marker.to,
        "version": story.version,
        "bump": story.bump.value,
        "app_version": proof.app_version,
        "app_version_before": story.app_before,
        "revision": str(proof.revision),
        "deployed": moment(proof.deployed_at),
        "tested": moment(story.tested),
        "proven": moment(proof.since),
        "tests": tuple(Run(hook.name, hook.phase, took(hook)) for hook in proof.hooks[:LISTED]),
        "gates": tuple(Answer(gate.gate, gate.message or "passed") for gate in story.gates),
        "between": tuple(Passed(version.text, proven) for version, proven in story.between[-LISTED:]),
    }


def moment(at: datetime | None) -> str:
    """Write a time for people; nothing where it is unknown."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at else ""


def took(hook: Hook) -> str:
    """Say how long a test took; nothing where its times are unknown or absurd."""
    if hook.started is None or hook.completed is None or hook.completed < hook.started:
        return ""
    return f"{(hook.completed - hook.started).total_seconds():.0f} s"


def _sample(*, rich: bool) -> Story:
    """Make up a promotion: one with all that there can be, or with as little."""
    at = datetime(2000, 1, 1, tzinfo=UTC)
    releases = (Key("apps", "vault"), Key("apps", "vault-2")) if rich else (Key("apps", "vault"),)
    old, mid, new = (Version.parse(text) for text in ("0.28.0", "0.28.1", "0.29.0"))
    hooks = (Hook("vault-test", "Succeeded", at - timedelta(seconds=42), at),) if rich else ()
    before = Proof(old, old.text, 6, at, app_version="1.16.0")
    proof = (
        Proof(new, new.text, 7, at, hooks, app_version="1.17.0", deployed_at=at) if rich else Proof(new, "", 7, None)
    )
    evidence = tuple(Evidence(key, "vault", new, (proof, before), contradicted=(mid,)) for key in releases)
    marker = Marker("home", releases, "vault", "apps/vault.yaml", old.text, new.text)
    gates = (Gate("prerelease", ok=True), Gate("soak", ok=True, message="proven since then")) if rich else ()
    return Story(marker, old, evidence, (proof,) * len(releases), Bump.MINOR, gates, shared=rich)


_SAMPLES: Final = (_sample(rich=True), _sample(rich=False))


def tried(template: str) -> str:
    """Hold a template to what it has to do: it is filled in with samples.

    Raises:
        WordsError: it cannot be.
    """
    for sample in _SAMPLES:
        fill(template, facts(sample))
    return template
