"""What git's words mean for us: whether the next pass may succeed or a person must act, and how."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reconciler.ports import PortError, Refused, Unavailable

if TYPE_CHECKING:
    from reconciler.adapters.git.program import GitError

_SHOWN = 300  # characters of the server's own words in a message

# The first that matches is told: what ssh or curl says comes with, and before, git's "could not read from remote".
_REACHING: tuple[tuple[str, type[PortError], str], ...] = (
    (r"took longer than", Unavailable, "{url} did not answer in time: check that the server can be reached"),
    (
        r"could not resolve host",
        Unavailable,
        "the host of {url} is unknown: check the URL and the DNS",
    ),
    (
        r"host key verification failed|remote host identification has changed",
        Refused,
        "the host key of {url} is not trusted: put the server's key into auth.knownHostsFile",
    ),
    (
        r"unprotected private key|bad permissions",
        Refused,
        "ssh refuses auth.sshKeyFile because others can read it: mount it with mode 0400",
    ),
    (
        r"identity file .* not accessible|load key .*: ",
        Refused,
        "auth.sshKeyFile cannot be read as a private key without a passphrase: check the file",
    ),
    (
        r"permission denied \(|too many authentication failures",
        Refused,
        "{url} does not accept the SSH key: register its public part there, or correct auth.sshKeyFile",
    ),
    (
        r"authentication failed|could not read (username|password)|returned error: 40[13]|access denied",
        Refused,
        "{url} does not accept the credential: check auth.tokenFile, its expiry and its scope",
    ),
    (
        r"ssl certificate|server certificate verification|certificate verify failed|issuer cert|unable to get local",
        Refused,
        "the TLS certificate of {url} is not trusted: add its authority to the system's, or name it in GIT_SSL_CAINFO",
    ),
    (
        r"dubious ownership",
        Refused,
        "{url} belongs to another user: allow it with `git config --global --add safe.directory PATH`",
    ),
    (
        r"repository .*not found|could not be found|does not appear to be a git|returned error: 404|is this a git repo",
        Refused,
        "there is no git repository at {url}, or the credential may not see it: check the URL and the access",
    ),
    (
        r"transport '.*' not allowed|unable to find remote helper|is not a git command|dumb http transport",
        Refused,
        "git cannot speak to {url}: use an https, ssh or file URL, or a path",
    ),
    (
        (
            r"connection (refused|timed out|reset|closed)|(failed to|couldn't|could not) connect|no route to host"
            r"|unreachable|hung up|early eof|returned error: (429|5\d\d)|rpc failed|empty reply"
            r"|could not read from remote"
        ),
        Unavailable,
        "{url} cannot be reached ({words}): check the address, and that the server is up",
    ),
)


def reaching(error: GitError, url: str) -> PortError | None:
    """Translate a failure to reach the remote; None where git's words are about something else."""
    words = error.words.lower()
    for pattern, kind, sentence in _REACHING:
        if re.search(pattern, words):
            return kind(sentence.format(url=url, words=_last(error.words)))
    return None


def pushing(error: GitError, url: str) -> PortError | None:
    """Translate a push that failed although nobody else moved our refs; None where git's words tell us nothing."""
    if "does not support push options" in error.words:
        return Refused(f"{url} does not take push options: remove pushOptions, or set receive.advertisePushOptions")
    said = _server(error.words)
    if said and not re.search(r"lock.*file exists|unable to create .*\.lock", error.words, re.IGNORECASE):
        cure = "allow our credential to write refs/heads/helm-promotion/* and refs/helm-promoter/*"
        return Refused(f"{url} refused the push: {said}; {cure}")
    return reaching(error, url)


def lacks_atomic(error: GitError) -> bool:
    """Whether the server cannot move several refs at once."""
    return "does not support --atomic" in error.words


def _server(words: str) -> str:
    """The server's own words: its messages, then the reasons that it gave for each ref."""
    said = [line.removeprefix("remote:").strip() for line in words.splitlines() if line.startswith("remote:")]
    reasons = re.findall(r"\[remote (?:rejected|failure)\] \((.*)\)", words)
    return brief("; ".join(filter(None, dict.fromkeys([*said, *reasons]))))


def brief(words: str) -> str:
    """Words for a message: one line, no control characters, not too long."""
    flat = re.sub(r"[\x00-\x20\x7f-\x9f]+", " ", words).strip()
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}..."


def _last(words: str) -> str:
    """The line that says why; what git adds about access rights is no news."""
    lines = [line for line in words.splitlines() if re.match(r"ssh:|fatal:|error:|kex", line)]
    return brief(re.sub(r"^(fatal|error): ", "", lines[0] if lines else words))
