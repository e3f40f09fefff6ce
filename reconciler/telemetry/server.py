"""The small server for Prometheus and the kubelet: ``/metrics``, ``/healthz`` and ``/readyz``."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from http import HTTPStatus
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from reconciler.telemetry.metrics import Metrics

_PORTS: Final = 2**16
_PLAIN: Final = ("Content-Type", "text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. An empty host is every address of the machine."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read ``HOST:PORT``, ``:PORT`` or ``[IPv6]:PORT``.

        Raises:
            ValueError: it is none of them.
        """
        host, colon, port = text.rpartition(":")
        inner = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        good = colon and port.isascii() and port.isdigit() and int(port) < _PORTS and (inner != host or ":" not in host)
        if not good:
            raise ValueError(f'"{text}" is no address; write it like :8080, 127.0.0.1:8080 or [::1]:8080')
        return cls(inner, int(port))


class _Quiet(WSGIRequestHandler):
    """Answers, and gives up on whoever asks too slowly. Probes come every few seconds: they are no news."""

    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
        """Log nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    """Speaks IPv4. Whoever hangs up in the middle of an answer is no news either."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


class _Server6(_Server):
    """Speaks IPv6, and IPv4 too where every address is meant."""

    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        """Take IPv4 on the same socket."""
        if not self.server_address[0]:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def serve(address: Address, metrics: Metrics, alive: Callable[[], bool]) -> int:
    """Answer ``/metrics``, ``/healthz`` and ``/readyz`` in a thread until the process ends.

    Returns:
        The port, which the system chose if it was given as 0.

    Raises:
        OSError: the address is taken, or is not ours.
    """
    six = ":" in address.host or (not address.host and socket.has_dualstack_ipv6())
    kind = _Server6 if six else _Server
    server = make_server(address.host, address.port, _app(metrics, alive), kind, _Quiet)
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server.server_port


def _app(metrics: Metrics, alive: Callable[[], bool]) -> WSGIApplication:
    show = metrics.page()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return show(environ, start_response)
            case "/healthz":
                return _answer(start_response, "the loop does not go on", good=alive())
            case "/readyz":
                return _answer(start_response, "no pass was made yet", good=metrics.ready)
        start_response("404 Not Found", [_PLAIN])
        return [b"/metrics, /healthz and /readyz are here\n"]

    return app


def _answer(start_response: StartResponse, trouble: str, *, good: bool) -> list[bytes]:
    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    start_response(f"{status.value} {status.phrase}", [_PLAIN])
    return [f"{'ok' if good else trouble}\n".encode()]
