"""The only door to PyGithub: one request, one answer, and no secret in any log line or error.

Facts about PyGithub 2.10 are from its ``Requester.py`` and ``Auth.py``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import jwt
import requests
from github.Auth import AppAuth, Auth
from github.Requester import Requester

from reconciler.ports import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

AGENT: Final = "helm-promoter"
TIMEOUT: Final = (10, 60)
"""Seconds to wait for a connection, and for the next bytes of an answer. GitHub gives up on a query after ten."""


class Lost(Unavailable):
    """No answer came: nobody knows whether the request was carried out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``headers`` have small names; neither they nor the body are shown: a token may be in there."""

    status: int
    headers: Mapping[str, str]
    body: str

    def __repr__(self) -> str:
        return f"Answer({self.status})"


class _Quiet(logging.Filter):
    """Drops what PyGithub tells at DEBUG: the bodies of answers, and those of an installation hold its token."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


_QUIET: Final = _Quiet()


class _Bearer(Auth):
    """Shows whatever token is the right one at that moment."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._current = token

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self._current()


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for an App with its private key, in PEM. A signature is good for some minutes, by a clock that is given."""

    app: int | str
    key: str = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)

    def sign(self, claims: dict[str, object]) -> str:
        """Sign claims, with our own times in them."""
        now = int(self.clock().timestamp())
        return jwt.encode({**claims, "iat": now - 60, "exp": now + 300}, self.key, algorithm="RS256")


class Transport:
    """Sends single requests. Never retries, waits or follows anything by itself.

    One instance serves one thread: PyGithub keeps the request that is under way on a shared object.
    """

    def __init__(self, base_url: str, auth: Auth, environ: Mapping[str, str]) -> None:
        logging.getLogger("github.Requester").addFilter(_QUIET)
        self.base_url = base_url
        self._requester = Requester(
            auth=auth,
            base_url=base_url,
            timeout=TIMEOUT,  # type: ignore[arg-type]  # requests takes a pair, and PyGithub hands it on
            user_agent=AGENT,
            per_page=100,
            verify=_authorities(environ),
            retry=None,
            pool_size=None,
        )

    @classmethod
    def bearing(cls, base_url: str, token: Callable[[], str], environ: Mapping[str, str]) -> Transport:
        """Make one that shows a token, which may change."""
        return cls(base_url, _Bearer(token), environ)

    @classmethod
    def signing(cls, base_url: str, signer: Signer, environ: Mapping[str, str]) -> Transport:
        """Make one that speaks as an App itself."""
        return cls(base_url, AppAuth(signer.app, sign_func=signer.sign), environ)

    @property
    def graphql_url(self) -> str:
        """Where GraphQL is asked: beside the REST API."""
        return self._requester.graphql_url

    def close(self) -> None:
        """Let go of the connection."""
        self._requester.close()

    def exchange(
        self, verb: str, path: str, *, headers: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Send one request.

        Raises:
            Lost: nothing, or only a part, came back.
            Refused: the address leads elsewhere, or the credential cannot be shown.
        """
        try:
            status, shown, text = self._requester.requestJson(verb, path, headers=dict(headers or {}), input=body)
        except OSError as error:
            raise Lost(f"{self.base_url} {_reason(error)}") from error
        except (AssertionError, RuntimeError) as error:  # how PyGithub tells of a redirect to another host
            raise Refused(
                f"{self.base_url} leads to another address; correct baseUrl, or the proxy before it"
            ) from error
        except jwt.PyJWTError as error:
            raise Refused("the App's private key is no RSA key in PEM; put the file there that GitHub gave") from error
        return Answer(status, {name: str(value) for name, value in shown.items()}, text)


def _authorities(environ: Mapping[str, str]) -> bool | str:
    """Tell which certificate authorities to trust. requests reads the first two by itself, but not OpenSSL's own."""
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    return next((found for name in names if (found := environ.get(name))), True)


def _reason(error: OSError) -> str:
    """Say what a connection broke on, in words that hold nothing of the request."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "cannot be reached through the proxy; look at HTTPS_PROXY and NO_PROXY"
    if isinstance(error, requests.exceptions.SSLError):
        return "shows a certificate that is not trusted; name your authority's file in SSL_CERT_FILE"
    if isinstance(error, requests.exceptions.Timeout):
        return f"did not answer within {TIMEOUT[1]} s"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "cannot be reached, or broke off"
    return f"could not be asked ({type(error).__name__})"
