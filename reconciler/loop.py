"""Passes through time: one at once, then one every interval, until a signal; and the edge where all errors end."""

from __future__ import annotations

import signal
import time
import uuid
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.report import Report

_JITTER: Final = 0.1
_MOST_JITTER: Final = timedelta(seconds=30)


class Tell(Protocol):
    """Takes down what a pass has to report, and how long it took."""

    def __call__(self, report: Report, took: timedelta, /) -> None:
        """Take it down."""


def one_pass(reconcile: Callable[[datetime], Report], tell: Tell) -> bool:
    """Make one pass and tell of it.

    Nothing that goes wrong gets past this point: it is logged, and the next pass looks at the world anew.

    Returns:
        Whether the pass observed and did all that it should.
    """
    with structlog.contextvars.bound_contextvars(pass_id=uuid.uuid4().hex[:12]):
        began = time.monotonic()
        try:
            report = reconcile(datetime.now(UTC))  # noqa: TID251 - the loop is where time comes from
            tell(report, timedelta(seconds=time.monotonic() - began))
        except Exception:  # noqa: BLE001 - a bug in one pass must not end the next
            structlog.get_logger().exception("pass.crashed")
            return False
        return not report.failed


def forever(work: Callable[[], object], interval: timedelta) -> None:
    """Work at once, then every interval, never twice at a time, until SIGTERM or SIGINT; what runs then may end."""
    log = structlog.get_logger()
    events: SimpleQueue[str] = SimpleQueue()  # its put is safe in a signal handler, an Event's set is not
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: events.put(signal.Signals(number).name))
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        work,
        "interval",
        seconds=interval.total_seconds(),
        jitter=jitter(interval).total_seconds(),
        next_run_time=datetime.now(UTC),  # noqa: TID251 - the first pass is now
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    log.info("loop.started", interval_s=interval.total_seconds())
    scheduler.start()
    log.info("loop.stopping", signal=events.get(), message="a running pass may end first")
    _stop(scheduler, events)
    log.info("loop.stopped")


def jitter(interval: timedelta) -> timedelta:
    """Say by how much passes are spread at most, so that many processes do not ask at the same instant."""
    return min(_JITTER * interval, _MOST_JITTER)


def _stop(scheduler: BackgroundScheduler, events: SimpleQueue[str]) -> None:
    """Wait for the running pass, and answer whoever is impatient."""

    def wait() -> None:
        scheduler.shutdown(wait=True)
        events.put("")

    Thread(target=wait).start()
    while again := events.get():
        structlog.get_logger().warning("loop.waiting", signal=again, message="the running pass is left to end")
