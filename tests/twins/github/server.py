"""The twin on a loopback port, as GitHub Enterprise Server has it: /api/v3 and /api/graphql."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from tests.twins.github.faults import Crash, Dropped
from tests.twins.github.wire import Request, Response

if TYPE_CHECKING:
    from types import TracebackType

    from tests.twins.github.twin import Twin


class Server:
    """Serves a twin while it is entered; ``origin`` is where."""

    def __init__(self, twin: Twin) -> None:
        self.twin = twin
        self.closing = threading.Event()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.origin = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self.twin.site.origin = self.origin
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a caller that keeps its connection does not keep us

    def __init__(self, server: Server) -> None:
        self.shown = server
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes
    server: _Http

    def _serve(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        request = Request.of(self.command, self.path, dict(self.headers), self.rfile.read(size))
        try:
            response = self.server.shown.twin.handle(request)
        except (Dropped, Crash):
            self.close_connection = True
            return
        if self.server.shown.closing.wait(response.delay):
            return
        self._send(response)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 - names of the base class

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status not in (204, 304):
            self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
        """Be silent: the twin remembers what it has seen."""
