"""What real Flux controllers wrote, kept in ``core/recorded``: one file a case, with the controllers' versions.

A case is a list of moments, the objects of one namespace at each: one moment, or all through an upgrade.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.adapters import flux
from reconciler.core.evidence import Sources, judge
from reconciler.core.model import Evidence, Fleet, HelmChart, HelmRelease, OCIRepository, Policy, Unreadable

Object = dict[str, Any]
"""A Kubernetes object, as JSON has it."""

FOLDER = Path(__file__).resolve().parent / "core" / "recorded"
LATER = datetime(2100, 1, 1, tzinfo=UTC)
ADDRESS = re.compile(r"127\.0\.0\.1:[0-9]+")
OF_THE_SERVER = ("managedFields", "uid", "resourceVersion")


def write(case: str, versions: dict[str, str], moments: list[list[Object]]) -> None:
    """Write a case, without what the API server adds for itself."""
    kept = [[_without_the_servers(each) for each in moment] for moment in moments]
    shown = ",\n".join(json.dumps(each, indent=1 if len(kept) == 1 else None, sort_keys=True) for each in kept)
    text = f'{{"controllers": {json.dumps(versions, sort_keys=True)},\n"moments": [\n{shown}\n]}}'
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{case}.json").write_text(ADDRESS.sub("staging.invalid", text) + "\n")


def read(case: str) -> list[list[Object]]:
    """Read the moments of a case."""
    moments: list[list[Object]] = json.loads((FOLDER / f"{case}.json").read_text())["moments"]
    return moments


def judged(objects: list[Object], name: str = "app", policy: Policy = Policy()) -> Evidence | Unreadable:  # noqa: B008  # frozen
    """Judge a release among the objects of its namespace, as a pass would."""
    found = [each.object for each in map(flux.decode, objects) if isinstance(each, flux.Found)]
    fleet = Fleet(
        oci_repositories=tuple(each for each in found if isinstance(each, OCIRepository)),
        helm_charts=tuple(each for each in found if isinstance(each, HelmChart)),
    )
    (release,) = (each for each in found if isinstance(each, HelmRelease) and each.key.name == name)
    return judge(release, Sources.of(fleet), policy, LATER)


def _without_the_servers(thing: Object) -> Object:
    return thing | {"metadata": {name: value for name, value in thing["metadata"].items() if name not in OF_THE_SERVER}}
