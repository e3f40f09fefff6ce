"""The twin as a transport of the requests library: no port, no thread, the same clock for all."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from tests.twins.github.faults import Dropped
from tests.twins.github.wire import Request

if TYPE_CHECKING:
    from tests.twins.github.twin import Twin


class InProcess(HTTPAdapter):
    """Mounted on a session, it answers every request of it from a twin.

    A dropped connection, and an answer that is slower than the timeout, are the library's own errors; a crash is passed
    on to whoever called.
    """

    def __init__(self, twin: Twin) -> None:
        super().__init__()
        self.twin = twin

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        **_settings: object,
    ) -> requests.Response:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        asked = Request.of(request.method or "GET", request.url or "", dict(request.headers), body)
        try:
            response = self.twin.handle(asked)
        except Dropped:
            raise requests.ConnectionError("Connection aborted", request=request) from None
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        if patience is not None and response.delay > patience:
            raise requests.ReadTimeout("Read timed out", request=request)
        raw = HTTPResponse(BytesIO(response.body), response.headers, response.status, preload_content=False)
        return self.build_response(request, raw)
