"""One cluster's API over HTTP, by GET alone: with timeouts, and with patience for what passes."""

from __future__ import annotations

from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlencode

from kubernetes.client.rest import RESTClientObject
from urllib3 import Retry, Timeout, disable_warnings
from urllib3.exceptions import HTTPError, InsecureRequestWarning, InvalidHeader
from urllib3.util import parse_url

from reconciler import __version__
from reconciler.adapters.kubernetes.access import FAULTS, unlogged
from reconciler.adapters.kubernetes.answers import failed, is_passing, unreached
from reconciler.ports import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kubernetes.client import Configuration
    from urllib3 import BaseHTTPResponse, PoolManager

    from reconciler.adapters.kubernetes.access import Access

_TIMEOUT: Final = Timeout(connect=5, read=30)
_RETRIES: Final = 5  # in one look: whatever it asks for, it ends
_FIRST_PAUSE: Final = 0.4  # seconds, doubled from one attempt to the next
_LONGEST_PAUSE: Final = 30.0  # seconds: a server that asks for more is left to the next pass
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",  # a tenth of the bytes, and no slower even on one machine
    "User-Agent": f"helm-promoter/{__version__}",
}
_LIST: Final = frozenset({200, 403, 404, 410})
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a list. ``status`` is 200, 403, 404 or 410."""

    status: int
    body: bytes


class Connection:
    """A way to one cluster's API, as it was configured when this was made.

    Used as a context it is one look. At its end the sockets are closed, so that the next reads the certificates anew.
    """

    def __init__(self, access: Access, sleep: Callable[[float], None]) -> None:
        """Read the configuration.

        Raises:
            Refused: there is none that works.
        """
        self._access = access
        self._sleep = sleep
        self._connect()

    def __enter__(self) -> Self:
        self._renewed = False
        self._retries = _RETRIES
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.clear()

    def is_current(self) -> bool:
        """Tell whether the configuration is still the one that was read."""
        return self._stamp == self._access.stamp()

    @property
    def api(self) -> str:
        """Name the API in a sentence, without any credential that its address may hold."""
        url = parse_url(self._configuration.host)
        return f"the Kubernetes API at {url.netloc} ({self._access})"

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Ask for a list.

        Raises:
            Unavailable: there is no answer, whatever was tried.
            Refused: the credential or the server's certificate is not accepted, or this is no Kubernetes API.
        """
        answer = self._patiently(path, query)
        if answer.status == _UNAUTHORIZED and not self._renewed:
            self._connect()  # the token may have been renewed where it came from
            self._renewed = True
            answer = self._patiently(path, query)
        if answer.status not in _LIST:
            raise failed(answer.status, self.api)
        return Answer(answer.status, answer.data)

    def _connect(self) -> None:
        self._stamp = self._access.stamp()
        self._configuration: Configuration = self._access.configuration()
        self._pool: PoolManager = RESTClientObject(self._configuration).pool_manager
        if not self._configuration.verify_ssl:  # insecure-skip-tls-verify: who wrote that need not be told every minute
            disable_warnings(InsecureRequestWarning)

    def _patiently(self, path: str, query: Mapping[str, str]) -> BaseHTTPResponse:
        pause = _FIRST_PAUSE
        while True:
            asked = 0.0
            try:
                response = self._once(path, query)
            except Unavailable:
                if not self._retries:
                    raise
            else:
                asked = _retry_after(response)
                if not is_passing(response.status) or not self._retries or asked > _LONGEST_PAUSE:
                    return response
            self._retries -= 1
            # Between half the pause and all of it, so that many clients do not come back at once.
            self._sleep(max(asked, SystemRandom().uniform(pause / 2, pause)))
            pause *= 2

    def _once(self, path: str, query: Mapping[str, str]) -> BaseHTTPResponse:
        url = f"{self._configuration.host}{path}?{urlencode(query)}"
        headers = _HEADERS | self._authorization()
        try:
            return self._pool.request("GET", url, headers=headers, timeout=_TIMEOUT, retries=False, redirect=False)
        except (HTTPError, OSError) as error:
            raise unreached(error, self.api) from error

    def _authorization(self) -> dict[str, str]:
        """Give the credential, which the library renews when its time has come."""
        try:
            with unlogged():
                token = self._configuration.get_api_key_with_prefix("BearerToken")
        except FAULTS:
            raise Refused(f"the credential for {self.api} cannot be renewed: renew it by hand") from None
        token = (token or "").strip()  # a token's file may end in a newline, which no header may hold
        if not token.isascii() or not token.isprintable():
            raise Refused(f"the credential for {self.api} is no token: it holds what no header may hold")
        return {"Authorization": token} if token else {}


def _retry_after(response: BaseHTTPResponse) -> float:
    """Tell how many seconds a server asks to be left alone, 0 where it does not say."""
    try:
        return Retry().parse_retry_after(response.headers.get("Retry-After", "0"))
    except InvalidHeader:
        return 0.0
