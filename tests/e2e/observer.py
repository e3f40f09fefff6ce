"""Looks at staging again and again, as a program would that makes a pass every 50 ms."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Object
    from tests.e2e.staging import Staging

PERIOD = 0.05


@dataclass
class Observer:
    """What was seen of a namespace: at every look, and of its releases every state that the API ever showed."""

    world: Staging
    looks: list[list[Object]] = field(default_factory=list)
    states: list[list[Object]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Look every 50 ms, until it is told to stop."""
        while not self.stopped.wait(PERIOD):
            self.looks.append(self.world.objects())

    def watch(self, answer: http.client.HTTPResponse) -> None:
        """Keep each state of a release, until the watch ends."""
        with suppress(OSError, http.client.HTTPException):  # it was hung up
            for line in answer:
                self.states.append([json.loads(line)["object"]])


@contextmanager
def observing(world: Staging) -> Iterator[Observer]:
    """Observe a namespace until the block ends."""
    observer = Observer(world)
    connection = _watch(world)
    sock = connection.sock  # the connection lets go of it when an answer without an end begins
    answer = connection.getresponse()
    threads = [threading.Thread(target=observer.look), threading.Thread(target=observer.watch, args=(answer,))]
    for thread in threads:
        thread.start()
    try:
        yield observer
    finally:
        observer.stopped.set()
        sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        answer.close()
        sock.close()


def _watch(world: Staging) -> http.client.HTTPSConnection:
    """Ask for each state of the releases from now on, the present one first."""
    api = world.cluster.api
    connection = http.client.HTTPSConnection(urlsplit(api.server).netloc, context=api.trust)
    connection.request("GET", world.path("HelmRelease") + "?watch=1&resourceVersion=0")
    return connection
