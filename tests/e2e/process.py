"""Programs that run beside a test: started on a free port of the loopback, awaited, and ended by their own id."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

T = TypeVar("T")
HOST = "127.0.0.1"
PATIENCE = 120.0
"""Seconds after which what was to come is given up."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextmanager
def running(log: Path, *command: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends, its output in ``log``.

    Where there is setpriv (Linux), it ends with the tests even if those are killed.
    """
    if setpriv := shutil.which("setpriv"):
        command = (setpriv, "--pdeathsig", "KILL", *command)
    with (
        log.open("ab") as output,
        subprocess.Popen(
            command, env=dict(env or {}), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def until(what: str, look: Callable[[], T | None], patience: float = PATIENCE, pause: float = 0.05) -> T:
    """Look again until there is an answer; an answer that is no use is None or False."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience:g} s in vain: {what}")
        time.sleep(pause)
    return found
