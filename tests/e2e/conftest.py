"""One cluster with Flux for all end-to-end tests, and a namespace of it for each."""

from __future__ import annotations

import hashlib
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.e2e.build import build
from tests.e2e.charts import publisher
from tests.e2e.cluster import cluster
from tests.e2e.flux import flux, kubelet
from tests.e2e.staging import Staging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


LONGEST = 60


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, Path], Staging]]:
    """Give what makes a scenario's place in the one cluster."""
    tools = build()
    folder = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        made = stack.enter_context(cluster(tools, folder / "cluster"))
        made.install(tools)
        made.namespace("flux-system")
        pods = stack.enter_context(kubelet(made.api))
        charts = stack.enter_context(publisher(tools, folder / "charts"))
        stack.enter_context(flux(tools, made))
        yield lambda name, scenario: Staging(made, pods, charts, name, scenario)


@pytest.fixture
def world(place: Callable[[str, Path], Staging], request: pytest.FixtureRequest, tmp_path: Path) -> Staging:
    """A namespace with the test's name."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).removeprefix("test-").strip("-")
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - 7].strip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return place(name, tmp_path)
