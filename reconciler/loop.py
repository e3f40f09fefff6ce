"""Passes through time: one at once, then one every interval, until a signal; and the edge where all errors end."""

from __future__ import annotations

import faulthandler
import math
import os
import signal
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from threading import Thread, Timer
from typing import TYPE_CHECKING, Final, NoReturn, Protocol

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.report import Report
    from reconciler.reconcile import Progress

_JITTER: Final = 0.1
_MOST_JITTER: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(minutes=15)
_DOUBLINGS: Final = 30
_HUNG: Final = 1


@dataclass(frozen=True, slots=True)
class Timing:
    """When a pass began, how long it took, and how long each phase of it: their names in the order they began."""

    began: datetime
    took: timedelta
    phases: tuple[tuple[str, timedelta], ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """The time between passes, and how long one may take before it counts as hung."""

    interval: timedelta
    deadline: timedelta


class Tell(Protocol):
    """Takes down what a pass has to report, None if it crashed, and how long it took."""

    def __call__(self, report: Report | None, timing: Timing, /) -> None:
        """Take it down."""


# --- one pass ------------------------------------------------------------------------------------------------------


@dataclass
class _Stopwatch:
    """Times the phases of a pass by what the pass says it is at."""

    began: datetime
    laps: list[tuple[str, float]] = field(default_factory=list)
    _start: float = field(default_factory=time.monotonic)

    def note(self, phase: str) -> None:
        """Begin a phase. What came before the first one counts to it."""
        self.laps.append((phase, time.monotonic() if self.laps else self._start))

    def read(self) -> Timing:
        """Tell how long everything took until now."""
        now = time.monotonic()
        ends = [start for _, start in self.laps[1:]] + [now]
        phases = ((phase, timedelta(seconds=end - start)) for (phase, start), end in zip(self.laps, ends, strict=False))
        return Timing(self.began, timedelta(seconds=now - self._start), tuple(phases))


def one_pass(reconcile: Callable[[datetime, Progress], Report], tell: Tell) -> bool:
    """Make one pass and tell of it.

    Nothing that goes wrong gets past this point: it is logged, and the next pass looks at the world anew.

    Returns:
        Whether the pass observed and did all that it should.
    """
    with structlog.contextvars.bound_contextvars(pass_id=uuid.uuid4().hex[:12]):
        watch = _Stopwatch(datetime.now(UTC))  # noqa: TID251 - the loop is where time comes from
        try:
            report = reconcile(watch.began, watch.note)
            tell(report, watch.read())
        except Exception:  # noqa: BLE001 - a bug in one pass must not end the next
            structlog.get_logger().exception("pass.crashed")
            tell(None, watch.read())
            return False
        return not report.failed


def once(work: Callable[[], bool], deadline: timedelta) -> bool:
    """Work once. What outlasts the deadline ends the process, as in the loop."""
    last_resort = Timer(deadline.total_seconds(), _abandon)
    last_resort.daemon = True
    last_resort.start()
    try:
        return work()
    finally:
        last_resort.cancel()


# --- many ----------------------------------------------------------------------------------------------------------


@dataclass
class Heart:
    """Tells whether the loop goes on: something is to happen before a time, and then it does.

    A pass that fails is no reason to stop: only one that does not end, or one that does not begin, is.
    """

    _until: float = math.inf

    def expect(self, within: timedelta) -> None:
        """Say how long from now the next sign of life may take."""
        self._until = time.monotonic() + within.total_seconds()

    @property
    def left(self) -> float | None:
        """The seconds that are left for it, None where nothing is expected."""
        return None if math.isinf(self._until) else max(0.0, self._until - time.monotonic())

    def beats(self) -> bool:
        """Tell whether what was expected has come, or may still."""
        return time.monotonic() < self._until


@dataclass
class Backoff:
    """Lets passes that fail come less often: at twice the interval, then four times, up to a quarter of an hour."""

    failures: int = 0
    _until: float = 0.0

    def over(self, now: float) -> bool:
        """Tell whether a pass is due. ``now`` is monotonic, in seconds."""
        return now >= self._until

    def learn(self, interval: timedelta, now: float, *, success: bool) -> None:
        """Take note of how a pass ended. After a first failure the next tick tries again."""
        self.failures = 0 if success else self.failures + 1
        self._until = now + self._pause(interval).total_seconds()

    def _pause(self, interval: timedelta) -> timedelta:
        if not self.failures:
            return timedelta(0)
        doubled: timedelta = interval * 2 ** min(self.failures - 1, _DOUBLINGS)
        return (
            min(doubled, max(interval, _LONGEST_PAUSE)) - interval / 2
        )  # ticks are spread, and the one that is meant may come a little early


@dataclass
class _Ticks:
    """What happens at every interval: a pass, unless those before failed."""

    work: Callable[[], bool]
    pace: Callable[[], Pace]
    heart: Heart
    events: SimpleQueue[str]
    backoff: Backoff = field(default_factory=Backoff)

    def __call__(self) -> None:
        if self.backoff.over(time.monotonic()):
            self._expect(self.pace().deadline)
            success = self.work()
            self.backoff.learn(self.pace().interval, time.monotonic(), success=success)
            if self.backoff.failures > 1:
                structlog.get_logger().warning("loop.backoff", failures=self.backoff.failures)
        pace = self.pace()
        self._expect(pace.interval + jitter(pace.interval) + pace.deadline)

    def _expect(self, within: timedelta) -> None:
        self.heart.expect(within)
        self.events.put(_TICK)


_TICK: Final = "tick"
_ENDED: Final = "ended"


def forever(work: Callable[[], bool], pace: Callable[[], Pace], heart: Heart) -> None:
    """Work at once, then every interval, never twice at a time, until SIGTERM or SIGINT; what runs then may end.

    A pass that outlasts its deadline ends the process with code 1. Nothing is half-written then: every write moves refs
    all at once, from where they were seen.

    Args:
        work: makes a pass, and says whether it succeeded.
        pace: is asked again after each pass, as the config file may have changed.
        heart: is told what the loop expects.
    """
    log = structlog.get_logger()
    events: SimpleQueue[str] = SimpleQueue()  # its put is safe in a signal handler, an Event's set is not
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: events.put(signal.Signals(number).name))
    interval = pace().interval
    heart.expect(pace().deadline)
    scheduler = BackgroundScheduler(timezone=UTC)
    job = scheduler.add_job(
        _Ticks(work, pace, heart, events),
        "interval",
        **_every(interval),
        next_run_time=datetime.now(UTC),  # noqa: TID251 - the first pass is now
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    log.info("loop.started", interval_s=interval.total_seconds())
    scheduler.start()
    while (event := _next(events, heart)) == _TICK:
        if pace().interval != interval:
            interval = pace().interval
            job.reschedule("interval", **_every(interval))
    log.info("loop.stopping", signal=event, message="a running pass may end first")
    _stop(scheduler, events, heart)
    log.info("loop.stopped")


def _every(interval: timedelta) -> dict[str, float]:
    return {"seconds": interval.total_seconds(), "jitter": jitter(interval).total_seconds()}


def jitter(interval: timedelta) -> timedelta:
    """Say by how much passes are spread at most, so that many processes do not ask at the same instant."""
    return min(_JITTER * interval, _MOST_JITTER)


def _stop(scheduler: BackgroundScheduler, events: SimpleQueue[str], heart: Heart) -> None:
    """Wait for the running pass, and answer whoever is impatient."""

    def wait() -> None:
        scheduler.shutdown(wait=True)
        events.put(_ENDED)

    Thread(target=wait).start()
    while (event := _next(events, heart)) != _ENDED:
        if event != _TICK:
            structlog.get_logger().warning("loop.waiting", signal=event, message="the running pass is left to end")


def _next(events: SimpleQueue[str], heart: Heart) -> str:
    """Wait for the next event, as long as there is life in the loop."""
    while True:
        try:
            return events.get(timeout=heart.left)
        except Empty:
            if not heart.beats():
                _abandon()


def _abandon() -> NoReturn:
    """End the process from outside the pass that hangs: it listens to nobody. Whoever started us starts us anew."""
    try:
        message = "a pass did not end within activeDeadline, so the process ends; nothing is half-written"
        structlog.get_logger().critical("pass.hung", message=message, stacks=_stacks())
    finally:
        os._exit(_HUNG)


def _stacks() -> str:
    """Tell where every thread is; without variables, as a secret may be among them."""
    with tempfile.TemporaryFile() as stacks:
        faulthandler.dump_traceback(stacks)
        stacks.seek(0)
        return stacks.read().decode(errors="replace")
