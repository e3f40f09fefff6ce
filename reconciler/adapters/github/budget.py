"""How much GitHub may be asked for: what it has limited, and our own pace of writing."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.ports import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.adapters.github.transport import Answer

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_SECONDARY: Final = re.compile("secondary rate limit|abuse detection", re.IGNORECASE)
_LIMITED: Final = ("RATE_LIMITED", "RATE_LIMIT")
"""How GraphQL says it, with status 200."""


class _Error(msgspec.Struct):
    type: str = ""


class _Body(msgspec.Struct):
    message: str = ""
    errors: list[_Error] = []


@dataclass(eq=False)
class Budget:
    """What one credential may still ask for. Those who share a credential share this.

    ``a_minute`` and ``an_hour`` bound the writes. GitHub itself takes 80 and 500 that create something
    (docs.github.com, "Rate limits for the REST API").
    """

    clock: Callable[[], datetime] = field(repr=False)
    a_minute: int = 80
    an_hour: int = 500
    _written: deque[datetime] = field(default_factory=deque, init=False, repr=False)
    _shut_until: datetime | None = field(default=None, init=False)

    def ask(self) -> None:
        """Make sure that GitHub may be asked at all.

        Raises:
            Unavailable: it said when it may be asked again, and that is not yet.
        """
        if self._shut_until is not None and self.clock() < self._shut_until:
            raise Unavailable(
                f"GitHub's rate limit is used up; the next request may be made at {_shown(self._shut_until)}"
            )

    def write(self, requests: int = 1) -> None:
        """Make sure that there is room for so many writes.

        Raises:
            Unavailable: there is none before the time that it tells.
        """
        self.ask()
        now = self.clock()
        while self._written and self._written[0] <= now - _HOUR:
            self._written.popleft()
        free = max(self._free(now, self.a_minute, _MINUTE, requests), self._free(now, self.an_hour, _HOUR, requests))
        if free > now:
            pace = f"{self.a_minute} writes a minute and {self.an_hour} an hour are made at most"
            raise Unavailable(f"{pace}, as GitHub asks; the next may be made at {_shown(free)}")

    def _free(self, now: datetime, most: int, span: timedelta, requests: int) -> datetime:
        """Tell when so many more writes stay within a bound."""
        recent = [at for at in self._written if at > now - span]
        over = len(recent) + min(requests, most) - most
        return recent[over - 1] + span if over > 0 else now

    def count(self) -> None:
        """Take note of a write."""
        self._written.append(self.clock())

    def heed(self, answer: Answer) -> None:
        """See whether an answer says that the limit is reached.

        Raises:
            Unavailable: it does; it tells when to ask again.
        """
        wait = self._wait(answer)
        if wait is not None:
            self._shut_until = self.clock() + wait
            self.ask()

    def _wait(self, answer: Answer) -> timedelta | None:
        if answer.status not in {200, 403, 429}:
            return None
        is_primary = answer.headers.get("x-ratelimit-remaining") == "0"
        body = _read(answer)
        if answer.status == 200:  # noqa: PLR2004 - HTTP's own
            return self._reset(answer) if any(error.type in _LIMITED for error in body.errors) else None
        if after := answer.headers.get("retry-after", ""):
            return timedelta(seconds=int(after)) if after.isdecimal() else _MINUTE
        if is_primary and ("rate limit" in body.message.lower() or answer.status == 429):  # noqa: PLR2004
            return self._reset(answer)
        return _MINUTE if answer.status == 429 or _SECONDARY.search(body.message) else None  # noqa: PLR2004

    def _reset(self, answer: Answer) -> timedelta:
        reset = answer.headers.get("x-ratelimit-reset", "")
        if not reset.isdecimal():
            return _MINUTE
        return max(datetime.fromtimestamp(int(reset), UTC) - self.clock(), timedelta(seconds=1))


def _read(answer: Answer) -> _Body:
    try:
        return msgspec.json.decode(answer.body, type=_Body)
    except msgspec.MsgspecError:
        return _Body()


def _shown(at: datetime) -> str:
    """Show a time of day, rounded up to the second."""
    return f"{at + timedelta(microseconds=999_999):%H:%M:%S} UTC"
