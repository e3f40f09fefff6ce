from __future__ import annotations

import json
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
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FINE = Report(Plan(NOW))
FAILED = Report(Plan(NOW, errors=(Failure("home", "staging", "no answer", fatal=True),)))


SIGNALS = [
    pytest.param(signal.SIGTERM, id="SIGTERM"),
    pytest.param(signal.SIGINT, id="SIGINT", marks=pytest.mark.slow),
]
Told = list[tuple[Report | None, loop.Timing]]


@pytest.mark.parametrize(("report", "success"), [(FINE, True), (FAILED, False)], ids=["fine", "failed"])
def test_a_pass_is_told_and_judged(report: Report, success: bool) -> None:
    told: Told = []
    times: list[datetime] = []

    def reconcile(at: datetime, note: object) -> Report:
        times.append(at)
        return report

    assert loop.one_pass(reconcile, lambda *what: told.append(what)) is success
    ((one, timing),) = told
    assert one is report
    assert timing.began == times[0]
    assert times[0].utcoffset() == timedelta(0)


def test_the_phases_of_a_pass_are_all_of_its_time() -> None:
    told: Told = []

    def reconcile(at: datetime, note: Callable[[str], None]) -> Report:
        note("reading staging")
        note("planning")
        note("reading staging")
        return FINE

    loop.one_pass(reconcile, lambda *what: told.append(what))

    ((_, timing),) = told
    assert [phase for phase, _ in timing.phases] == ["reading staging", "planning", "reading staging"]
    assert all(took >= timedelta(0) for _, took in timing.phases)
    whole = sum((took for _, took in timing.phases), timedelta(0))
    assert abs(whole - timing.took) <= timedelta(microseconds=3)


def test_an_error_ends_at_the_edge_of_the_pass() -> None:
    told: Told = []

    def reconcile(at: datetime, note: Callable[[str], None]) -> Report:
        note("planning")
        raise ZeroDivisionError("a bug")

    with capture_logs() as logged:
        assert loop.one_pass(reconcile, lambda *what: told.append(what)) is False

    (line,) = logged
    assert line["event"] == "pass.crashed"
    assert line["log_level"] == "error"
    assert line["exc_info"]
    ((report, timing),) = told
    assert report is None
    assert [phase for phase, _ in timing.phases] == ["planning"]


def test_an_interrupt_does_not_end_there() -> None:
    def reconcile(at: datetime, note: object) -> Report:
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
    loop.one_pass(lambda at, note: report, lambda report, timing: logs.Journal().tell(report, timing.took))
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
def forever(work, seconds, deadline=600):
    loop.forever(work, lambda: loop.Pace(timedelta(seconds=seconds), timedelta(seconds=deadline)), loop.Heart())
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
    return True
forever(work, {seconds})
say("gone")
"""


@pytest.mark.parametrize("number", SIGNALS)
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


@pytest.mark.parametrize("number", SIGNALS)
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
def reconcile(at, note):
    global passes
    passes += 1
    say(f"pass {passes}")
    raise ZeroDivisionError("a bug")
forever(lambda: loop.one_pass(reconcile, print), 0.05)
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


HANGING = """
import threading
def work():
    say("working")
    threading.Event().wait()
forever(work, 3600, deadline={deadline})
say("gone")
"""


def test_a_pass_that_hangs_ends_the_process_and_says_where() -> None:
    with running(HANGING.format(deadline=0.3)) as process:
        wait_for(process.stdout, "working")
        line = json.loads(wait_for(process.stderr, "pass.hung"))

        assert process.wait() == 1
        assert line["level"] == "critical"
        assert "in work" in line["stacks"]
        assert process.stdout.read() == ""


def test_a_single_pass_that_hangs_ends_the_process_too() -> None:
    script = HANGING.format(deadline=0).replace(
        "forever(work, 3600, deadline=0)", "loop.once(work, timedelta(seconds=0.3))"
    )
    with running(script) as process:
        wait_for(process.stdout, "working")
        assert "in work" in wait_for(process.stderr, "pass.hung")
        assert process.wait() == 1


@pytest.mark.parametrize("success", [True, False])
def test_a_single_pass_that_ends_in_time_gives_its_answer(success: bool) -> None:
    assert loop.once(lambda: success, timedelta(hours=1)) is success


@pytest.mark.slow
def test_a_pass_that_hangs_is_not_waited_for_forever_when_a_signal_comes() -> None:
    with running(HANGING.format(deadline=1)) as process:
        wait_for(process.stdout, "working")
        os.kill(process.pid, signal.SIGTERM)

        wait_for(process.stderr, "loop.stopping")
        wait_for(process.stderr, "pass.hung")
        assert process.wait() == 1


CHANGING = """
paces = [loop.Pace(timedelta(seconds=3600), timedelta(seconds=600))]
def work():
    say(f"pass {len(paces)}")
    paces.append(loop.Pace(timedelta(seconds=0.05), timedelta(seconds=600)))
    return True
loop.forever(work, lambda: paces[-1], loop.Heart())
"""


def test_another_interval_is_kept_from_the_next_pass_on() -> None:
    with running(CHANGING) as process:
        wait_for(process.stdout, "pass 1")
        wait_for(process.stdout, "pass 3")


# --- backoff and life ------------------------------------------------------------------------------------------------

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("interval", "failures", "pause"),
    [
        pytest.param(MINUTE, 0, timedelta(0), id="after a success the next tick is due"),
        pytest.param(MINUTE, 1, MINUTE / 2, id="after one failure the next tick is due too"),
        pytest.param(MINUTE, 2, MINUTE * 1.5, id="after two, one tick is left out"),
        pytest.param(MINUTE, 3, MINUTE * 3.5, id="after three, three are"),
        pytest.param(MINUTE, 1000, MINUTE * 14.5, id="never more than a quarter of an hour"),
        pytest.param(MINUTE * 60, 1000, MINUTE * 30, id="a longer interval is its own limit"),
    ],
)
def test_passes_that_fail_come_less_often(interval: timedelta, failures: int, pause: timedelta) -> None:
    backoff = loop.Backoff()
    for _ in range(failures):
        backoff.learn(interval, 0.0, success=False)
    if not failures:
        backoff.learn(interval, 0.0, success=True)

    assert backoff.over(pause.total_seconds())
    assert not pause or not backoff.over(pause.total_seconds() - 1)


def test_a_success_ends_a_row_of_failures() -> None:
    backoff = loop.Backoff()
    for success in (False, False, False, True):
        backoff.learn(MINUTE, 100.0, success=success)

    assert backoff.over(100.0)


FAILING = """
passes = 0
def work():
    global passes
    passes += 1
    say(f"pass {passes}")
    return False
forever(work, 0.1)
"""


@pytest.mark.slow
def test_failed_passes_are_followed_by_others() -> None:
    with running(FAILING) as process:
        wait_for(process.stdout, "pass 3")


def test_a_heart_beats_until_what_was_expected_did_not_come() -> None:
    heart = loop.Heart()
    assert heart.beats()
    assert heart.left is None
    heart.expect(timedelta(hours=1))
    assert heart.beats()
    assert heart.left is not None
    assert heart.left > 3000
    heart.expect(timedelta(0))
    assert not heart.beats()
    assert heart.left == 0
