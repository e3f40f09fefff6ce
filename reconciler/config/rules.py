"""The rules of single values. Each returns its value, or raises ValueError: what was found, and what would do."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from datetime import UTC, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from reconciler.config.mistakes import shown
from reconciler.core import times
from reconciler.core.cron import Cron
from reconciler.core.selector import Selector
from reconciler.core.version import Constraint

if TYPE_CHECKING:
    from collections.abc import Callable

_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
NAME = "^[a-z0-9-]{1,40}$"
NAMESPACE = rf"^({_LABEL}|\*)$"
RELEASE = rf"^{_LABEL}/{_LABEL}(\.{_LABEL})*$"
REPOSITORY = "^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$"
API = r"^[Hh][Tt][Tt][Pp][Ss]?://[^/@?#\s]+(/[^@?#\s]*)?$"
RELEASES = r"^[a-z0-9*?\[\]!-]+/[a-z0-9.*?\[\]!-]+$"
DURATION = times.DURATION
SHAPES = {
    NAME: "a name of 1 to 40 small letters, digits and hyphens",
    NAMESPACE: 'a namespace (small letters, digits and inner hyphens, 63 at most), or "*" for all',
    RELEASE: "a namespace/name",
    RELEASES: "a namespace/name in small letters, where * stands for any signs and ? for one",
    REPOSITORY: "owner/name",
    API: "an http or https address without credentials",
    DURATION: "a duration such as 90s, 1h30m or 2d",
}
"""The patterns, in words."""

_LONGEST_WINDOW = timedelta(days=366)
_CREDENTIALS = {"http": "tokenFile", "https": "tokenFile"} | dict.fromkeys(("ssh", "git+ssh", "ssh+git"), "sshKeyFile")
# git-check-ref-format(1), and what git branch refuses beyond it.
_NO_BRANCH = re.compile(r"(?s)[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/]|[/.]$|(^|/)\.|\.lock(/|$)|^(@|HEAD)?$")


def _held(text: str, read: Callable[[str], object]) -> str:
    """Hold a text to what can be read; the error is the end of a sentence."""
    try:
        read(text)
    except ValueError as error:
        raise ValueError(f"found {shown(text)}, {error}") from None
    return text


def interval(text: str) -> str:
    """Hold passes to one a second."""
    _held(text, times.duration)
    if times.duration(text) < timedelta(seconds=1):
        raise ValueError(f"found {shown(text)}; write 1s or longer")
    return text


def span(text: str) -> str:
    """Hold a duration to some time."""
    return _held(text, times.span)


def window(text: str) -> str:
    """Hold a window to a year: one that is longer than its cron's turn never shuts anyway."""
    if times.span(span(text)) > _LONGEST_WINDOW:
        raise ValueError(f"found {shown(text)}, which is over 366d; write a shorter one")
    return text


def until(text: str) -> str:
    """Hold the end of a freeze to an instant."""
    return _held(text, times.instant)


def cron(text: str) -> str:
    """Hold a text to a line of cron that comes round."""
    return _held(text, lambda line: Cron.parse(line, UTC))


def zone(text: str) -> str:
    """Hold a time zone to the names of the IANA database."""
    try:
        ZoneInfo(text)
    except (ValueError, LookupError, OSError):  # a name that climbs out, that is none, that is a folder
        near = difflib.get_close_matches(text, available_timezones(), n=1)
        cure = f'did you mean "{near[0]}"?' if near else "write one such as Europe/Berlin, or UTC"
        raise ValueError(f"found {shown(text)}, which is no time zone of the IANA database; {cure}") from None
    return text


def constraint(text: str) -> str:
    """Hold a version range to Helm's rules."""
    try:
        Constraint.parse(line(text))
    except ValueError:
        cure = "write one such as 1.2.3, ~1.2 or >=1.2.0 <2.0.0"
        raise ValueError(f"found {shown(text)}, which is not a version range; {cure}") from None
    return text


def tests(text: str) -> str:
    """Hold the plain word for tests to the two that there are."""
    if text not in {"required", "optional"}:
        raise ValueError(f"found {shown(text)}, but 'required' or 'optional' belongs here")
    return text


def line(text: str) -> str:
    """Hold a text to one line of signs that print."""
    if not text:
        raise ValueError("is empty; write something, or take it away")
    if not text.isprintable():
        raise ValueError(f"found {shown(text)}, which holds a line break or a sign that does not print; take it away")
    return text


def branch(text: str) -> str:
    """Hold a branch to git's rules."""
    if _NO_BRANCH.search(text) or not text.isprintable():
        raise ValueError(f"found {shown(text)}, which git refuses as a branch; write one such as main")
    return text


def selector(text: str) -> str:
    """Hold a selector to Kubernetes' rules."""
    try:
        Selector.parse(text)
    except ValueError as error:
        # The error quotes parts of the text, so that credentials in it could no longer be told.
        reason = "it holds an @" if "@" in text else error
        raise ValueError(f"is not a Kubernetes label selector: {reason}") from None
    return text


def glob(text: str) -> str:
    """Hold a glob, with or without ``!``, to places in the repository."""
    pattern = line(text).removeprefix("!")
    if not pattern:
        raise ValueError('found "!", which excludes nothing; write a glob after it')
    if pattern.startswith("/"):
        raise ValueError(f"found {shown(text)}; globs start at the repository's top, so take the first / away")
    if ".." in pattern.split("/"):
        raise ValueError(f"found {shown(text)}; globs stay inside the repository, so take .. away")
    return text


def globs(texts: list[str]) -> list[str]:
    """Hold a list of globs to let something in."""
    if all(text.startswith("!") for text in texts):
        raise ValueError('lets nothing in; add a glob without !, such as "**/*.yaml"')
    return texts


def namespaces(names: list[str]) -> list[str]:
    """Hold namespaces to be different, or all."""
    if "*" in names and len(names) > 1:
        raise ValueError('found "*" beside others; write ["*"] for all')
    repeated = [shown(name) for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"found {' and '.join(repeated)} more than once; keep one")
    return names


def is_local(url: str) -> bool:
    """Tell a path from an address as git does: no scheme, and no colon before the first slash (git-fetch(1))."""
    return "://" not in url and ":" not in url.partition("/")[0]


def credential(url: str) -> str | None:
    """Tell the key of the credential that an address takes, None where none has a meaning."""
    if is_local(url):
        return None
    scheme, separator, _ = url.partition("://")
    return _CREDENTIALS.get(scheme.lower()) if separator else "sshKeyFile"


def url(text: str) -> str:
    """Hold an address to a form in which credentials, if there are any, can be told."""
    if line(text).startswith("-"):
        raise ValueError("starts with a hyphen, so git would take it for an option; write ./ before a path")
    scheme, separator, rest = text.partition("://")
    authority, _, path = rest.partition("/")
    if separator and scheme != "file" and not authority.rpartition("@")[2]:
        raise ValueError("names no host; write it like https://host/owner/name.git")
    if separator and scheme != "file" and "@" in path:
        # A password with a raw slash in it would be taken for a host and a path, and be shown.
        raise ValueError("has an @ after its first slash; write / in a password as %2F, and @ in a path as %40")
    if separator and scheme != "file" and set(rest.rpartition("@")[2]) & {"?", "#"}:
        # A token in a query would be sent to wherever the server redirects, and be shown.
        raise ValueError(
            "has a query, which git does not log in by; put the token into a file, and that in auth.tokenFile"
        )
    host, _, tail = text.partition(":")
    if not separator and not is_local(text) and "@" in tail and "@" not in host:
        raise ValueError("has a password but no scheme; write it like https://host/owner/name.git")
    return text


def with_unit(value: object) -> object:
    """Tell people who forget a duration's unit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("found a number without a unit; write a duration such as 60s")  # noqa: TRY004 - pydantic's way
    return value


def app_id(value: object) -> object:
    """Hold a GitHub App's id to a number or a client ID."""
    if (isinstance(value, int) and value is not True and value > 0) or (isinstance(value, str) and value):
        return value
    raise ValueError(f"found {shown(value)}, but the App's number or its client ID belongs here")


def in_cluster(value: object) -> object:
    """Hold ``inCluster`` to true: for anything else there are other keys."""
    if value is not True:
        raise ValueError(f"found {shown(value)}, but only true belongs here; or give kubeconfig or snapshot instead")
    return value


def given(value: object) -> object:
    """Hold a key to have a value."""
    if value is None:
        raise ValueError("found nothing; give a value, or take the key away")
    return value
