"""How long a plan takes over a fleet, and what that is made of. Run by ``make bench``; prints a table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
import yaml

from reconciler.core.manifest import Finder
from reconciler.core.model import Base, Entry, Key, NoPin, Pin
from reconciler.reconcile import Reader, garbage_left

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from reconciler.ports import Production

pytestmark = pytest.mark.benchmark
sys.path.insert(0, str(Path(__file__).parent))
import fleet  # noqa: E402 - beside this file

SIZES = (1_000, 10_000)
LIMIT = 1.5
ROUNDS = 9
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


def compared(floor: Callable[[], object], ours: Callable[[], object]) -> tuple[float, float, float]:
    """The CPU seconds of both, in turns, and their ratio: of each the turn in which the machine disturbed it least."""
    turns = [(_seconds(floor), _seconds(ours)) for _ in range(ROUNDS)]
    least, most = (min(seconds) for seconds in zip(*turns, strict=True))
    return least, most, most / least


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    result = work()
    took = time.process_time() - began  # before the result is freed
    del result
    return took


class Shelf:
    """A repository whose contents are in memory already: what is measured is what is made of them."""

    def __init__(self, files: dict[str, str]) -> None:
        self.contents = {path: text.encode() for path, text in files.items()}
        entries = tuple(Entry(path, path, len(data)) for path, data in self.contents.items())
        self.base = Base("0" * 40, entries)

    def read(self, oids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        return ((oid, self.contents[oid]) for oid in oids)


@pytest.mark.parametrize("size", SIZES)
def test_every_pin_is_found_at_a_cost_near_that_of_parsing(size: int, capsys: pytest.CaptureFixture[str]) -> None:
    files = {path: text for number in range(size) for path, text in fleet.manifests(number)}
    shelf = Shelf(files)
    editable = frozenset(files)
    keys = [Key(*fleet.key(number)) for number in range(size)]

    def bare() -> int:
        return sum(1 for data in shelf.contents.values() for _ in yaml.parse(data, Loader=yaml.CLoader))

    def pins() -> list[Pin | NoPin]:
        with garbage_left():
            _, amount = Reader().manifests(shelf.base, cast("Production", shelf))
            finder = Finder(amount, editable, {})
            return [finder.find(key, key.name) for key in keys]

    assert sum(isinstance(pin, Pin) for pin in pins()) == size
    floor, ours, ratio = compared(bare, pins)
    with capsys.disabled():
        print(
            f"\n{size:>6} releases, {len(files)} files: bare libyaml events {floor:6.2f} s, "
            f"pins found {ours:6.2f} s, ratio {ratio:.2f} (limit {LIMIT})"
        )
    assert ratio <= LIMIT


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
