"""Who asks, and what their credential lets them see and do. Everything that is not granted is denied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import jwt

from tests.twins.github.refusal import Kind, Refusal, forbidden, not_found
from tests.twins.github.world import AccountKind, App, Token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tests.twins.github.world import Account, Repository, World

_LEVELS = ("", "read", "write")
_LONGEST = 600
"""Seconds that an App's own token may be valid at most."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: by a token, or an App by its own signature."""

    token: Token | None = None
    app: App | None = None

    @property
    def account(self) -> Account:
        if self.token is None:
            raise forbidden("A JSON web token could not be decoded" if self.app is None else _NOT_BY_APP)
        return self.token.account

    @property
    def identity(self) -> str:
        """What tells one credential from another, without telling it."""
        return f"token {self.token.number}" if self.token else f"app {self.app.number}" if self.app else ""

    @property
    def payer(self) -> str:
        """Whose rate limit is used: a person's for all tokens of theirs, an installation's for all of its."""
        if self.token is None or self.token.installation:
            return f"installation {self.token.installation}" if self.token else self.identity
        return f"user {self.token.account.number}"


_SSO = (
    "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this organization."
)
_NOT_BY_APP = "This endpoint is not accessible to an App's own token"


def authenticate(world: World, headers: Mapping[str, str]) -> Caller:
    """Find out who asks.

    Raises:
        Refusal: the credential is missing, wrong, or expired.
    """
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token") or not secret:
        raise Refusal("Requires authentication", Kind.FORBIDDEN, 401)
    token = world.tokens.get(secret)
    if token and (token.expires is None or world.clock() < token.expires):
        return Caller(token)
    if secret.count(".") == 2:
        return Caller(app=_app(world, secret))
    raise bad_credentials()


def bad_credentials(message: str = "Bad credentials") -> Refusal:
    return Refusal(message, Kind.FORBIDDEN, 401)


def _app(world: World, secret: str) -> App:
    for app in world.apps:
        try:
            options = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iat", "iss"]}
            claims = jwt.decode(secret, app.public_key, algorithms=["RS256"], options=options)
        except jwt.InvalidTokenError:
            continue
        if str(claims["iss"]) == str(app.number):
            _refuse_time(world.clock(), claims["iat"], claims["exp"])
            return app
    raise bad_credentials("A JSON web token could not be decoded")


def _refuse_time(now: datetime, issued: int, expires: int) -> None:
    seconds = now.astimezone(UTC).timestamp()
    if issued > seconds:
        raise bad_credentials("'Issued at' claim ('iat') must be an Integer representing a time in the past")
    if expires <= seconds:
        raise bad_credentials("'Expiration time' claim ('exp') must be a numeric value representing the future time")
    if expires > seconds + _LONGEST:
        raise bad_credentials("'Expiration time' claim ('exp') is too far in the future")


def require(caller: Caller, repository: Repository, need: str) -> None:
    """Refuse unless the credential grants what an operation needs in a repository, such as ``contents:write``.

    Raises:
        Refusal: 404 for what the credential may not even see, otherwise 403.
    """
    account, token = caller.account, caller.token
    assert token
    area, _, level = need.partition(":")
    hidden = token.repositories is not None and repository not in token.repositories
    if repository.private and (hidden or not _sees(repository, account, token)):
        raise not_found(f"Could not resolve to a Repository with the name '{repository.full_name}'.")
    if token.needs_sso:
        where = f"required; url=https://github.com/orgs/{repository.owner.login}/sso"
        raise Refusal(_SSO, Kind.FORBIDDEN, 403, headers={"x-github-sso": where})
    if token.scopes is not None:
        _require_scope(token, repository, area, level)
    elif not grants(token.permissions, area, level) and (repository.private or level == "write"):
        robot = "integration" if account.kind is AccountKind.BOT else "personal access token"
        raise forbidden(f"Resource not accessible by {robot}")


def grants(permissions: Mapping[str, str], area: str, level: str) -> bool:
    """Whether permissions hold one; to write includes to read, and any permission includes metadata."""
    if area == "metadata" and level == "read":
        return bool(permissions)
    areas = {"labels": ("issues", "pull_requests")}.get(area, (area,))
    return any(_LEVELS.index(permissions.get(name, "")) >= _LEVELS.index(level) for name in areas)


def _sees(repository: Repository, account: Account, token: Token) -> bool:
    return repository.grants(account, "read") and (token.scopes is None or "repo" in token.scopes)


def _require_scope(token: Token, repository: Repository, area: str, level: str) -> None:
    wanted = (
        {"repo"}
        | (set() if repository.private else {"public_repo"})
        | ({"repo:status"} if area == "statuses" else set())
    )
    if level == "write" and not wanted.intersection(token.scopes or ()):
        words = "Your token has not been granted the required scopes to execute this query."
        raise Refusal("Not Found", Kind.INSUFFICIENT_SCOPES, 404, graphql=words)
