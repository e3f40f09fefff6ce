"""GitHub's rate limits: so many requests an hour for each credential, and so many that create something."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.twins.github.wire import Response, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"


@dataclass(slots=True)
class _Window:
    """What is used of one hour."""

    until: datetime
    used: int = 0


@dataclass(slots=True)
class Limits:
    """``primary`` requests an hour, for REST and for GraphQL each; None for ``a_minute`` and ``an_hour`` sets no limit.

    Every answer but a 304 is counted. An installation's tokens are counted together, as are a person's.
    """

    clock: Callable[[], datetime]
    primary: int = 5000
    a_minute: int | None = None
    an_hour: int | None = None
    _windows: dict[tuple[str, str], _Window] = field(default_factory=dict)
    _created: list[datetime] = field(default_factory=list)

    def window(self, who: str, resource: str) -> _Window:
        window = self._windows.get((who, resource))
        if window is None or window.until <= self.clock():
            window = self._windows[who, resource] = _Window(self.clock() + _HOUR)
        return window

    def count(self, who: str, resource: str) -> None:
        self.window(who, resource).used += 1

    def exhaust(self, who: str, resource: str = "core") -> None:
        """Let a credential have nothing left until the hour is over."""
        self.window(who, resource).used = self.primary

    def is_exhausted(self, who: str, resource: str) -> bool:
        return self.window(who, resource).used >= self.primary

    def create(self) -> bool:
        """Count a request that creates something, and tell whether it still may."""
        now = self.clock()
        recent = [at for at in self._created if at > now - _HOUR]
        within = sum(at > now - _MINUTE for at in recent)
        self._created = [*recent, now]
        return not (_reached(self.a_minute, within) or _reached(self.an_hour, len(recent)))

    def headers(self, who: str, resource: str) -> dict[str, str]:
        window = self.window(who, resource)
        return {
            "x-ratelimit-limit": str(self.primary),
            "x-ratelimit-remaining": str(max(self.primary - window.used, 0)),
            "x-ratelimit-used": str(window.used),
            "x-ratelimit-reset": str(int(window.until.timestamp())),
            "x-ratelimit-resource": resource,
        }


def _reached(limit: int | None, used: int) -> bool:
    return limit is not None and used >= limit


def primary_refusal(number: int) -> Response:
    words = f"API rate limit exceeded for user ID {number}."
    return answer(403, {"message": words, "documentation_url": _DOCS})


def graphql_refusal(number: int) -> Response:
    """GraphQL says it with status 200."""
    return answer(
        200, {"errors": [{"type": "RATE_LIMITED", "message": f"API rate limit exceeded for user ID {number}."}]}
    )


def secondary_refusal(status: int = 403, retry_after: int | None = None) -> Response:
    words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return answer(status, {"message": words, "documentation_url": f"{_DOCS}#about-secondary-rate-limits"}, headers)
