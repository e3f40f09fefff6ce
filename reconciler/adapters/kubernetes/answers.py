"""What the API's answers and silences mean: whether the next pass may succeed or a person must act, and how."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final

from urllib3 import exceptions

from reconciler.ports import PortError, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_CLIENT_CERTIFICATE: Final = (
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_UNSUPPORTED_CERT",
)


def is_passing(status: int) -> bool:
    """Tell whether a server that answered so may answer better soon."""
    return status in {_TOO_MANY, 408} or status >= _SERVER_ERROR


def failed(status: int, api: str) -> PortError:
    """Say what a status means that is none of those that every list may have."""
    if status == _UNAUTHORIZED:
        cure = "renew the token or the client certificate, or name the context that it is for"
        return Refused(f"{api} does not accept the credential, which may have expired: {cure}")
    if status == _TOO_MANY:
        return Unavailable(f"{api} has too many requests (429): the next pass tries again")
    if is_passing(status):
        return Unavailable(f"{api} fails with {status}: the next pass tries again; see how the API server is")
    return Refused(f"{api} answers {status} to a list: check that the address is that of a Kubernetes API")


def unreached(error: Exception, api: str) -> PortError:
    """Say what kept a request from being answered. The error's own words are not told: some quote what was sent."""
    for root in _roots(error):
        if isinstance(root, ssl.SSLError) and (told := _insecure(root, api)):
            return Refused(told)
        if isinstance(root, FileNotFoundError | PermissionError):
            return Refused(f"the file of a certificate or key for {api} cannot be read: put it there")
    return Unavailable(f"{api} {_silence(error)}")


def _insecure(error: ssl.SSLError, api: str) -> str | None:
    """Say what of TLS a person must mend; None where it may have been the network."""
    if isinstance(error, ssl.SSLCertVerificationError):
        cure = "correct the certificate authority or the server's name, or renew the server's certificate"
        return f"the TLS certificate of {api} is not trusted ({error.verify_message}): {cure}"
    reason = error.reason or ""
    if any(sign in reason for sign in _CLIENT_CERTIFICATE):
        return f"{api} does not accept the client certificate, which may have expired: renew it"
    if reason == "WRONG_VERSION_NUMBER":
        return f"{api} does not speak TLS: check the address and port of the server"
    if error.library in {"X509", "PEM"} or "PEM lib" in str(error):
        cure = "check the authority's, and that the client's certificate and key belong together"
        return f"a certificate or key for {api} cannot be loaded: {cure}"
    return None


def _silence(error: Exception) -> str:
    match error:
        case exceptions.NameResolutionError():
            return "has a host that is unknown: check the address and the DNS"
        case exceptions.ProxyError():
            return "cannot be reached through the proxy: check the proxy's address and that it is up"
        case exceptions.NewConnectionError():  # a TimeoutError too, for the sake of old programs
            return "cannot be reached: check the address, and that the API server is up"
        case exceptions.TimeoutError():
            return "does not answer in time: check that it can be reached"
    return "broke the connection off: check that it can be reached, and that the API server is up"


def _roots(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all that it wraps: urllib3 wraps by cause, by context and by argument."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__, *one.args]
