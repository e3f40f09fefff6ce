"""Runs the git program: with an environment of our own, a time limit, and no secret on a command line."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

LOCAL_SECONDS = 60
NETWORK_SECONDS = 300

# A person's settings for proxies, certificates and rewritten URLs are theirs to make; what would change our commits,
# run hooks, page, colour, sign, or leave work in the background is not.
_SETTINGS = (
    "blame.ignoreRevsFile=",
    "color.ui=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.ignoreCase=false",
    "core.logAllRefUpdates=false",
    "core.quotePath=false",
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "gc.autoDetach=false",
    "gc.pruneExpire=1.day.ago",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "init.defaultBranch=main",
    "log.showSignature=false",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.pushOption=",
    "push.recurseSubmodules=no",
)
_OPTIONS = tuple(part for setting in _SETTINGS for part in ("-c", setting))

# Of git's own variables only those that say how to reach a server, or where a person's settings are.
_KEPT = re.compile(r"GIT_(SSL_|HTTP_|PROXY_|SSH|EXEC_PATH$|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_|VALUE_))")
_FIXED = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
}


class GitError(Exception):
    """The git program failed. Its text is what git said, without secrets."""

    def __init__(self, words: str, *, timed_out: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Access:
    """What one command may use to reach the remote. ``secrets`` are all spellings that must never be printed."""

    options: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def redact(self, text: str) -> str:
        """Take the secrets, and the credentials in any URL, out of a text."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        text = re.sub(r"(?i)(https?://)[^/\s@]*@", r"\1", text)
        return re.sub(r"(\w://[^/\s:@]*):[^/\s@]*@", r"\1@", text)


@dataclass(frozen=True, slots=True)
class Program:
    """The git program. ``held`` are open files that git inherits, so that a lock outlives us if we are killed."""

    environ: Mapping[str, str] = field(repr=False)
    held: tuple[int, ...] = ()

    def run(self, *arguments: str, stdin: bytes = b"", access: Access | None = None) -> bytes:
        """Run one command and return what it printed.

        Args:
            arguments: The command line after ``git``.
            stdin: What the command reads.
            access: Given for a command that talks to the remote, which also gets the longer time limit.

        Raises:
            GitError: the command failed, or took too long; then all of its processes are killed.
            Refused: there is no git program.
        """
        seconds = NETWORK_SECONDS if access else LOCAL_SECONDS
        access = access or Access()
        with self._start(arguments, access) as process:
            try:
                out, err = process.communicate(stdin, timeout=seconds)
            except BaseException as stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if isinstance(stopped, subprocess.TimeoutExpired):
                    raise GitError(f"git took longer than {seconds} s", timed_out=True) from None
                raise
        if process.returncode:
            words = access.redact(b"\n".join((err, out)).decode(errors="replace"))
            raise GitError(words.strip() or f"git ended with code {process.returncode}")
        return out

    def _start(self, arguments: tuple[str, ...], access: Access) -> subprocess.Popen[bytes]:
        git = shutil.which("git", path=self.environ.get("PATH", os.defpath))
        if not git:
            raise Refused("there is no git program on the PATH: install git 2.34 or newer")
        return subprocess.Popen(
            (git, *_OPTIONS, *access.options, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",  # no repository that happens to be around us is discovered
            env=_clean(self.environ) | dict(access.environ),
            pass_fds=self.held,
            start_new_session=True,
        )


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith("GIT_") or _KEPT.match(name)} | _FIXED
