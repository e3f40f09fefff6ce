"""What reading and judging a live cluster costs beside fetching the same bytes. Run by ``make bench``; prints a table.

Each figure comes from a process of its own, on a real API server that shares the machine with it.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.e2e.build import CACHE, build
from tests.e2e.cluster import GROUPS, cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster

pytestmark = pytest.mark.benchmark
sys.path.insert(0, str(Path(__file__).parent))
import fleet  # noqa: E402 - beside this file

SIZES = (1_000, 10_000)
LIMIT = 1.3
ROOM = 60.0  # MB
TURNS = 5
WRITERS = 3
_PROBE = Path(__file__).parent / "reading.py"


@dataclass(frozen=True)
class Reading:
    """One way to read the cluster, once: seconds, and MB above the idle process. ``count`` is what came of it."""

    count: int
    took: float
    memory: float


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    if not any(CACHE.glob("*/versions.json")):
        pytest.skip("no real API server is built: run make e2e first")
    with cluster(build(), tmp_path_factory.mktemp("cluster")) as real:
        real.install(build())
        for number in range(50):
            real.namespace(f"team-{number}")
        yield Filled(real)


@dataclass
class Filled:
    """A cluster, and how many releases there are in it."""

    real: Cluster
    size: int = 0

    def grow(self, size: int) -> None:
        numbers = range(self.size, size)
        with ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(self._write, (numbers[start::WRITERS] for start in range(WRITERS))))
        self.size = size

    def _write(self, numbers: range) -> None:
        """Write releases over one connection: the fixture's own opens one for each call."""
        api = self.real.api
        connection = http.client.HTTPSConnection(urlsplit(api.server).netloc, timeout=60, context=api.trust)
        for number in numbers:
            made = fleet.release(5 * (number // 3) + 2 + number % 3)  # those that name their chart
            metadata, status = made["metadata"], {"status": made["status"]}
            where = f"{GROUPS['helm']}/namespaces/{metadata['namespace']}/helmreleases"  # type: ignore[index]
            _call(connection, "POST", where, made, "application/json")
            _call(connection, "PATCH", f"{where}/{metadata['name']}/status", status, "application/merge-patch+json")  # type: ignore[index]
        connection.close()

    def read(self, way: str) -> Reading:
        """Read it in a process of its own."""
        done = subprocess.run(
            [sys.executable, str(_PROBE), way, str(self.real.admin)],
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ) | {"PYTHONPATH": str(_PROBE.parents[2])},
        )
        assert done.returncode == 0, done.stderr
        return Reading(**json.loads(done.stdout))


def _call(connection: http.client.HTTPSConnection, verb: str, path: str, body: object, kind: str) -> None:
    connection.request(verb, path, json.dumps(body), {"Content-Type": kind})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status < 300, text


@pytest.mark.parametrize("size", SIZES)
def test_reading_and_judging_costs_little_more_than_the_bytes(
    size: int, filled: Filled, capsys: pytest.CaptureFixture[str]
) -> None:
    filled.grow(size)
    turns = [(filled.read("bytes"), filled.read("ours")) for _ in range(TURNS)]
    floor, ours = (min(way, key=lambda one: one.took) for way in zip(*turns, strict=True))  # disturbed least
    ways = {"fetched and dropped": floor, "ours, read and judged": ours, "CustomObjectsApi": filled.read("library")}
    if shutil.which("kubectl"):
        ways["kubectl get hr -A -o json"] = filled.read("kubectl")
    with capsys.disabled():
        print(f"\n{size:>6} releases, {floor.count / size / 1e3:.1f} kB each")
        for way, one in ways.items():
            print(f"  {way:<26}{one.took:7.2f} s {one.took / floor.took:7.2f} times {one.memory:8.0f} MB above idle")
    assert ours.count == size
    assert ours.took / floor.took < LIMIT
    assert max(turn[1].memory for turn in turns) < ROOM
