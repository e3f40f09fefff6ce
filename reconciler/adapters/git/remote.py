"""Where the repository is, and how we show who we are without ever printing it."""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote, urlsplit, urlunsplit

from reconciler.adapters.git.program import Access
from reconciler.ports import Refused

if TYPE_CHECKING:
    from pathlib import Path

_USER = "oauth2"  # servers that take a token as password accept any name; GitLab's OAuth tokens want this one
_MALFORMED = "the repository URL is malformed: percent-encode the special characters of a user name or password"
_VARIABLE = "HELM_PROMOTER_CREDENTIAL"
_HELPER = f'!f() {{ test "$1" != get || printf %s "${_VARIABLE}"; }}; f'


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file with a token for HTTP. It is read anew for every command, so that a rotated secret is taken up."""

    path: Path


@dataclass(frozen=True, slots=True)
class SshKey:
    """A private key, and the host keys that are trusted; without a file, those of the user who runs us."""

    key: Path
    known_hosts: Path | None = None


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository. ``url`` is free of credentials; ``user`` and ``password`` are what the given URL held."""

    url: str
    credentials: TokenFile | SshKey | None = None
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str, credentials: TokenFile | SshKey | None) -> Remote:
        """Take the credentials out of a URL or path.

        Raises:
            Refused: git could take it for an option, or it is no URL.
        """
        if not url or url.startswith("-") or not url.isprintable():
            raise Refused("the repository URL is empty, begins with a dash, or holds a control character: correct it")
        if "://" not in url:
            return cls(url, credentials)
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise Refused(_MALFORMED) from None
        name, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (name + password).isprintable():
            raise Refused(_MALFORMED)
        host = parts.netloc.rpartition("@")[2]
        if name and not parts.scheme.lower().startswith("http"):
            host = f"{parts.username}@{host}"  # ssh wants to know whom to log in as; a password it never takes
        return cls(urlunsplit(parts._replace(netloc=host)), credentials, name, password)

    def access(self) -> Access:
        """What a command needs to log in, as of now.

        Raises:
            Refused: the token file cannot be read, or is empty.
        """
        match self.credentials:
            case SshKey() as key:
                return Access(environ={"GIT_SSH_COMMAND": _ssh(key)}, secrets=_spellings(self.user, self.password))
            case TokenFile(path) if self.url.lower().startswith("http"):
                return self._http(self.user or _USER, _token(path))
            case _ if self.user and self.url.lower().startswith("http"):
                return self._http(self.user, self.password)
            case _:
                return Access(secrets=_spellings(self.user, self.password))

    def _http(self, user: str, password: str) -> Access:
        """Answer git's question for a password by a helper that is asked for this host alone.

        The first setting takes away the helpers of the user who runs us, which git would ask too. With a name but no
        password they stay: one of them may know it.
        """
        parts = urlsplit(self.url)
        others = ("-c", "credential.helper=") if password else ()
        answer = f"username={user}\n" + (f"password={password}\n" if password else "")
        return Access(
            options=(*others, "-c", f"credential.{parts.scheme}://{parts.netloc}.helper={_HELPER}"),
            environ={_VARIABLE: answer},
            secrets=_spellings(user, password),
        )


def _token(path: Path) -> str:
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Refused(f"the token file {path} cannot be read ({reason}): correct auth.tokenFile") from None
    if not token or not token.isprintable():
        raise Refused(f"the token file {path} does not hold one line with a token: correct it")
    return token


def _ssh(credentials: SshKey) -> str:
    options = ["IdentitiesOnly=yes", "BatchMode=yes", "StrictHostKeyChecking=yes"]
    if credentials.known_hosts:
        # ssh_config(5): blanks separate files unless quoted, and a percent sign begins a token.
        path = str(credentials.known_hosts).replace("%", "%%")
        options.append(f'UserKnownHostsFile="{path}"')
    return shlex.join(["ssh", "-i", str(credentials.key), *(part for option in options for part in ("-o", option))])


def _spellings(user: str, secret: str) -> tuple[str, ...]:
    """A secret as it is, as in a URL, and as in a header of HTTP basic authentication."""
    if not secret:
        return ()
    encoded = (base64.b64encode(text.encode()).decode().rstrip("=") for text in (secret, f"{user}:{secret}"))
    return (secret, quote(secret), quote(secret, safe=""), quote_plus(secret), *encoded)
