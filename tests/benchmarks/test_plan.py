"""How long a plan takes over a fleet, and what that is made of. Run by ``make bench``; prints a table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from reconciler.core.manifest import Finder, is_kustomization, read, survey
from reconciler.core.model import Key

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.benchmark
sys.path.insert(0, str(Path(__file__).parent))
import fleet  # noqa: E402 - beside this file

SIZES = (1_000, 10_000)
LIMIT = 1.5
ROUNDS = 5
_PROBE = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path
import os
from reconciler.adapters.git import Git
from reconciler.adapters.snapshot import Snapshot
from reconciler.core.model import Promotion, Scope
from reconciler.reconcile import Reader, Route, observe
folder = Path(sys.argv[1])
git = Git(url=str(folder / "fleet.git"), branch="main", cache=folder / "cache", environ=dict(os.environ))
route = Route(Promotion("bench", "bench", ("apps/**",)), Snapshot(folder / "staging.json"), Scope(("*",)), git)
reader, at = Reader(), datetime(2026, 3, 1, 12, tzinfo=UTC)
took = []
for _ in range(2):
    began = time.perf_counter()
    plan = observe((route,), reader, at, lambda _: None).plan
    took.append(time.perf_counter() - began)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) / 1024  # ru_maxrss would count the process that started this one
counts = {"actions": len(plan.actions), "in_sync": len(plan.in_sync)}
print(json.dumps({"cold": took[0], "warm": took[1], "peak": peak, **counts}))
"""


def fastest(work: Callable[[], object]) -> float:
    """The least CPU time of a few runs: what the work costs, whatever else the machine does."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("size", SIZES)
def test_finding_pins_costs_little_more_than_parsing(size: int, capsys: pytest.CaptureFixture[str]) -> None:
    files = {path: text for number in range(size) for path, text in fleet.manifests(number)}
    data = {path: text.encode() for path, text in files.items()}
    editable = frozenset(files)

    def bare() -> int:
        return sum(1 for text in files.values() for _ in yaml.parse(text, Loader=yaml.CLoader))

    def pins() -> int:
        parsed = {path: read(content, kustomization=is_kustomization(path)) for path, content in data.items()}
        finder = Finder(survey(parsed, parsed), editable, {})
        return len([finder.find(Key(*fleet.key(number)), fleet.key(number)[1]) for number in range(size)])

    floor, ours = fastest(bare), fastest(pins)
    with capsys.disabled():
        print(
            f"\n{size:>6} releases, {len(files)} files: bare libyaml events {floor:6.2f} s, "
            f"pins found {ours:6.2f} s, ratio {ours / floor:.2f} (limit {LIMIT})"
        )
    assert ours / floor <= LIMIT


@pytest.mark.parametrize("size", SIZES)
def test_a_plan_stays_within_its_memory(size: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet.record(tmp_path / "staging.json", size)
    fleet.commit(tmp_path / "fleet.git", size)
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(tmp_path)], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    recorded = (tmp_path / "staging.json").stat().st_size / 1e6
    with capsys.disabled():
        print(
            f"\n{size:>6} releases ({recorded:.0f} MB recorded): first plan {told['cold']:6.2f} s, "
            f"next plan {told['warm']:6.2f} s, peak memory {told['peak']:.0f} MiB, "
            f"{told['actions']} actions, {told['in_sync']} in sync"
        )
    assert told["actions"] == size / 10
    assert told["in_sync"] == size * 9 / 10
    assert told["peak"] < 300
