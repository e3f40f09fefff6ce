from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from reconciler import loop
from reconciler.core.model import Failure, Plan
from reconciler.core.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FINE = Report(Plan(NOW))
FAILED = Report(Plan(NOW, errors=(Failure("home", "staging", "no answer", fatal=True),)))


@pytest.mark.parametrize(("report", "success"), [(FINE, True), (FAILED, False)], ids=["fine", "failed"])
def test_a_pass_is_told_and_judged(report: Report, success: bool) -> None:
    told: list[tuple[Report, timedelta]] = []
    times: list[datetime] = []

    def reconcile(at: datetime) -> Report:
        times.append(at)
        return report

    assert loop.one_pass(reconcile, lambda *what: told.append(what)) is success
    assert [one for one, _ in told] == [report]
    assert told[0][1] >= timedelta(0)
    assert times[0].utcoffset() == timedelta(0)


def test_an_error_ends_at_the_edge_of_the_pass() -> None:
    def reconcile(at: datetime) -> Report:
        raise ZeroDivisionError("a bug")

    with capture_logs() as logged:
        assert loop.one_pass(reconcile, lambda *_: None) is False

    (line,) = logged
    assert line["event"] == "pass.crashed"
    assert line["log_level"] == "error"
    assert line["exc_info"]


def test_an_interrupt_does_not_end_there() -> None:
    def reconcile(at: datetime) -> Report:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.one_pass(reconcile, lambda *_: None)


def test_every_line_of_a_pass_carries_its_id_and_the_next_pass_has_another() -> None:
    script = """
import sys
from datetime import UTC, datetime
import structlog
from reconciler import logs, loop
from reconciler.core.model import Failure, Plan
from reconciler.core.report import Report
logs.configure(sys.stdout, {})
report = Report(Plan(datetime(2026, 3, 1, tzinfo=UTC), errors=(Failure("home", "x", "y"),)))
for _ in range(2):
    loop.one_pass(lambda at: report, logs.Journal().tell)
structlog.get_logger().info("outside")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    ids = [line.partition('"pass_id": "')[2].partition('"')[0] for line in done.stdout.splitlines()]
    assert len(ids[0]) == 12
    assert ids == [ids[0], ids[0], ids[2], ids[2], ""]
    assert ids[0] != ids[2]


# --- through time, in a process of its own ---------------------------------------------------------------------------

BEGINNING = """
import sys
from datetime import timedelta
from reconciler import logs, loop
logs.configure(sys.stderr, {})
def say(text):
    print(text, flush=True)
"""


@contextmanager
def running(script: str) -> Iterator[subprocess.Popen[str]]:
    """Run a script; a test waits for its lines, and a minute at most."""
    with subprocess.Popen(
        [sys.executable, "-c", BEGINNING + script],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        last_resort = Timer(60, process.kill)
        last_resort.start()
        try:
            yield process
        finally:
            last_resort.cancel()
            process.kill()


def wait_for(stream: object, text: str) -> str:
    for line in iter(stream.readline, ""):  # type: ignore[attr-defined]
        if text in line:
            return line
    raise AssertionError(f"ended without {text!r}")


WAITING = """
def work():
    say("working")
    sys.stdin.readline()
    say("worked")
loop.forever(work, timedelta(seconds={seconds}))
say("gone")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_lets_the_running_pass_end_however_often_it_comes(number: signal.Signals) -> None:
    with running(WAITING.format(seconds=3600)) as process:
        wait_for(process.stdout, "working")
        os.kill(process.pid, number)
        assert number.name in wait_for(process.stderr, "loop.stopping")
        os.kill(process.pid, number)
        assert "the running pass is left to end" in wait_for(process.stderr, "loop.waiting")
        process.stdin.write("go\n")
        process.stdin.flush()

        wait_for(process.stdout, "worked")
        wait_for(process.stdout, "gone")
        wait_for(process.stderr, "loop.stopped")
        assert process.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_between_passes_a_signal_ends_the_loop_at_once(number: signal.Signals) -> None:
    with running(WAITING.format(seconds=3600)) as process:
        process.stdin.write("go\n")
        process.stdin.flush()
        wait_for(process.stdout, "worked")

        os.kill(process.pid, number)

        wait_for(process.stdout, "gone")
        assert process.wait() == 0


def test_a_long_pass_is_never_overlapped_and_the_next_one_follows() -> None:
    with running(WAITING.format(seconds=0.05)) as process:
        wait_for(process.stdout, "working")
        wait_for(process.stderr, "maximum number of running instances")
        process.stdin.write("go\ngo\n")
        process.stdin.flush()

        assert [process.stdout.readline() for _ in range(3)] == ["worked\n", "working\n", "worked\n"]


CRASHING = """
passes = 0
def reconcile(at):
    global passes
    passes += 1
    say(f"pass {passes}")
    raise ZeroDivisionError("a bug")
loop.forever(lambda: loop.one_pass(reconcile, print), timedelta(seconds=0.05))
"""


def test_a_pass_that_crashes_is_logged_and_the_next_one_comes() -> None:
    with running(CRASHING) as process:
        wait_for(process.stdout, "pass 1")
        assert "ZeroDivisionError: a bug" in wait_for(process.stderr, "pass.crashed")
        wait_for(process.stdout, "pass 2")


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [(timedelta(seconds=60), 6), (timedelta(hours=1), 30)],
    ids=["a tenth of the interval", "half a minute at most"],
)
def test_passes_are_spread(interval: timedelta, seconds: float) -> None:
    assert loop.jitter(interval) == timedelta(seconds=seconds)
