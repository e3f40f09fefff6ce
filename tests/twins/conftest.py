"""A twin of GitHub with one repository, a robot that uses its API, and people. Judged where GitHub's contracts are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.twins.caller import Caller, caller
from tests.twins.github import Clock, GitStore, MemoryStore, Person, Twin
from tests.twins.github.judge import appointed, complaints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.twins.github import Repository
    from tests.twins.github.store import Store

GRANTED = {"metadata": "read", "contents": "write", "pull_requests": "write", "statuses": "write"}
PIN = "apps/vault/helm.yaml"
FILES = {PIN: "kind: HelmRelease\nspec:\n\n\n  version: 1.0.0\n", "README.md": "Fleet\n"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "git"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else GitStore(tmp_path / "twin.git")


@pytest.fixture
def twin(clock: Clock, store: Store) -> Iterator[Twin]:
    made = Twin(clock)
    made.judges += appointed()
    made.repository("fleet/production", store, FILES)
    yield made
    made.close()
    assert complaints(made) == []


@pytest.fixture
def repository(twin: Twin) -> Repository:
    return twin.world.repositories["fleet/production"]


@pytest.fixture
def ada(twin: Twin, repository: Repository) -> Person:
    """An administrator."""
    return twin.person("ada", repository)


@pytest.fixture
def robot(twin: Twin, repository: Repository) -> Caller:
    """The promoter, with the permissions that it documents."""
    repository.rights["promoter"] = "write"
    return caller(twin, twin.token("promoter", GRANTED))
