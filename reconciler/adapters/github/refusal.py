"""GitHub's noes, each as one clear sentence with its cure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.ports import PortError, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.adapters.github.transport import Answer

_NEEDED: Final = "Contents, Pull requests and Commit statuses: read and write"
_LONGEST: Final = 200
_FORBIDDEN: Final = ("FORBIDDEN", "INSUFFICIENT_SCOPES")


class Problem(msgspec.Struct, frozen=True):
    """One error of GraphQL. ``path`` says where in the answer it is."""

    message: str
    type: str = ""
    path: tuple[str | int, ...] = ()

    @property
    def step(self) -> str:
        """The field of the document's root that it is about."""
        return str(self.path[0]) if self.path else ""

    @property
    def said(self) -> str:
        """What GitHub said, on one line and not too long."""
        return _line(self.message)


class _Said(msgspec.Struct):
    message: str = ""


def refusal(answer: Answer, repository: str, credential: str) -> PortError:
    """Put an answer of REST into words.

    Args:
        answer: one that is not what was hoped for.
        repository: ``owner/name``.
        credential: how the credential is named.
    """
    try:
        said = msgspec.json.decode(answer.body, type=_Said).message
    except msgspec.MsgspecError:
        said = ""
    return _told(answer.status, _line(said), answer.headers, repository, credential)


def sentence(problem: Problem, headers: Mapping[str, str], repository: str, credential: str) -> PortError:
    """Put an error of GraphQL into words."""
    if problem.type == "NOT_FOUND":
        return _told(404, problem.said, headers, repository, credential)
    if problem.type in _FORBIDDEN:
        return _told(403, problem.said, headers, repository, credential)
    if problem.type == "STALE_DATA":
        return Unavailable(f"somebody else moved a branch of {repository} meanwhile: the next pass looks again")
    if problem.type == "UNPROCESSABLE":
        return _told(422, problem.said, headers, repository, credential)
    return Unavailable(f"GitHub could not answer ({problem.said}); the next pass asks again")


def _told(status: int, said: str, headers: Mapping[str, str], repository: str, credential: str) -> PortError:
    if status == 401:  # noqa: PLR2004 - HTTP's own, as are those below
        return Refused(f"GitHub refuses {credential}: it is wrong or has ended; put a new one there")
    if status == 403:  # noqa: PLR2004
        return Refused(_forbidden(said, headers, repository, credential))
    if status == 404:  # noqa: PLR2004
        cure = f"correct its name, or let {credential} have access to it"
        return Refused(f"the repository {repository} does not exist, or {credential} may not see it; {cure}")
    if status == 422:  # noqa: PLR2004
        return Refused(_unfit(said, repository, credential))
    return Unavailable(f"GitHub answered with status {status}{f' ({said})' if said else ''}; the next pass asks again")


def _forbidden(said: str, headers: Mapping[str, str], repository: str, credential: str) -> str:
    if "SAML" in said or "x-github-sso" in headers:
        found = re.search(r"url=([^?;\s]+)", headers.get("x-github-sso", ""))
        where = f" at {found[1]}" if found else ""
        return f"the organization of {repository} asks for single sign-on; authorize {credential} for it{where}"
    if "archived" in said:
        return f"the repository {repository} is archived and takes no changes; unarchive it, or end its promotion"
    needed = headers.get("x-accepted-github-permissions") or _NEEDED
    return f"{credential} may not do this in {repository} ({said}); grant it {_line(needed)}"


def _unfit(said: str, repository: str, credential: str) -> str:
    if "rule violations" in said or "restricted" in said or "rotected branch" in said:
        cure = f"let the account of {credential} bypass that rule"
        ours = "helm-promotion/** and helm-promotion-scratch/**"
        return f"a rule of {repository} stands against our branches, {ours} ({said}); {cure}"
    return f"GitHub refuses this in {repository}: {said}"


def _line(text: str) -> str:
    """Make one short line of what somebody else wrote."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
