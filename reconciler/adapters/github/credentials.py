"""Who we are on GitHub, and never a word of it in a message."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec

from reconciler.adapters.github.transport import Signer, Transport
from reconciler.ports import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from reconciler.adapters.github.transport import Answer

_T = TypeVar("_T")
_LOG: Final = logging.getLogger(__name__)
_EARLY: Final = timedelta(minutes=5)
"""How long before its end an App's token is renewed."""
_SHORT_LIVED: Final = "ghs_"
"""How the tokens of Apps begin, and so those that Actions gives to its jobs."""


class Credential(Protocol):
    """Something that gives the token to show."""

    @property
    def about(self) -> str:
        """How it is named in a sentence."""

    def token(self) -> str:
        """Give the token that counts now.

        Raises:
            PortError: there is none.
        """

    def renew(self) -> bool:
        """Look for another token after one was refused, and tell whether there is one."""


@dataclass(eq=False)
class Token:
    """A token by its value. ``about`` says where it is from."""

    value: str = field(repr=False)
    about: str = "the token in GITHUB_TOKEN"

    def token(self) -> str:
        """Give the token."""
        return _checked(self.value, self.about)

    def renew(self) -> bool:
        """There is no other."""
        return False


@dataclass(eq=False)
class TokenFile:
    """A file with a token. It is read anew for every request, so that a rotated secret is taken up."""

    path: Path
    _shown: str = field(default="", init=False, repr=False)

    @property
    def about(self) -> str:
        """Name the file."""
        return f"the token in {self.path}"

    def token(self) -> str:
        """Read the file."""
        try:
            text = self.path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{self.about} cannot be read: {type(error).__name__}; mend the file") from error
        self._shown = _checked(text, self.about)
        return self._shown

    def renew(self) -> bool:
        """Tell whether the file was changed while its token was on the way."""
        return self._shown != self.token()


def _checked(text: str, about: str) -> str:
    token = text.strip()
    if not token:
        raise Refused(f"{about} is missing; put a token there")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Refused(f"{about} is no token: it holds spaces or other characters that no token has; correct it")
    return token


def warn_of_short_life(credential: Credential) -> None:
    """Warn of the token of an Actions job: what it opens starts no checks."""
    if not isinstance(credential, App) and credential.token().startswith(_SHORT_LIVED):
        cure = "give a personal access token, or an App with its private key"
        _LOG.warning(
            "%s belongs to a job of GitHub Actions or ends within the hour: no checks start on what it opens; %s",
            credential.about,
            cure,
        )


class _Installation(msgspec.Struct):
    id: int


class _Grant(msgspec.Struct):
    token: str
    expires_at: datetime


@dataclass(eq=False, kw_only=True)
class App:
    """A GitHub App in the installation that has a repository. Its token is for that repository alone.

    Attributes:
        id: Its number or its client id.
        private_key_file: Its key, in PEM.
        repository: ``owner/name``.
        base_url: The API's.
        environ: For proxies and certificate authorities.
        clock: What time it is.
        installation: The number of its installation; looked up where it is None.
    """

    id: int | str
    private_key_file: Path
    repository: str
    base_url: str
    environ: Mapping[str, str] = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)
    installation: int | None = None
    _grant: _Grant | None = field(default=None, init=False, repr=False)

    @property
    def about(self) -> str:
        """Name the App."""
        return f"the App {self.id}"

    def token(self) -> str:
        """Give its token for the repository, a new one in time before the old one ends."""
        if self._grant is None or self.clock() >= self._grant.expires_at - _EARLY:
            self._grant = self._granted()
        return self._grant.token

    def renew(self) -> bool:
        """Let go of a token that was refused."""
        self._grant = None
        return True

    def _granted(self) -> _Grant:
        transport = self._transport()
        try:
            number = self.installation or self._installed(transport)
            scope = {"repositories": [self.repository.partition("/")[2]]}
            answer = transport.exchange("POST", f"/app/installations/{number}/access_tokens", body=scope)
            return _decoded(self._accepted(answer, (201,)), _Grant)
        finally:
            transport.close()

    def _installed(self, transport: Transport) -> int:
        answer = transport.exchange("GET", f"/repos/{self.repository}/installation")
        return _decoded(self._accepted(answer, (200,)), _Installation).id

    def _transport(self) -> Transport:
        try:
            key = self.private_key_file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            message = (
                f"the private key in {self.private_key_file} cannot be read: {type(error).__name__}; mend the file"
            )
            raise Refused(message) from error
        return Transport.signing(self.base_url, Signer(self.id, key, self.clock), self.environ)

    def _accepted(self, answer: Answer, good: tuple[int, ...]) -> Answer:
        if answer.status in good:
            return answer
        if answer.status == 401:  # noqa: PLR2004 - HTTP's own
            key = self.private_key_file
            raise Refused(f"GitHub does not know {self.about} by the key in {key}; compare its id, key and this clock")
        if answer.status == 429 or "rate limit" in answer.body:  # noqa: PLR2004 - as above
            raise Unavailable(f"GitHub's rate limit for {self.about} is used up; the next pass asks again")
        if answer.status in {403, 404, 422}:
            raise Refused(f"{self.about} is not installed on {self.repository}; install it there, and leave it active")
        raise Unavailable(f"GitHub gave {self.about} no token (status {answer.status}); the next pass asks again")


def _decoded(answer: Answer, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable("GitHub's answer cannot be understood; the next pass asks again") from error
