"""How the adapter logs in, over HTTP and ssh, and that nobody ever reads a secret."""

from __future__ import annotations

import base64
import subprocess
import threading
import traceback
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

import pytest

from reconciler.adapters.git import SshKey, TokenFile
from reconciler.adapters.git.program import Access, GitError
from reconciler.adapters.git.remote import Remote
from reconciler.ports import PortError, Refused, Unavailable
from tests.adapters.origin import HEAD, LEDGER, opening, proposal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.adapters.git import Git
    from tests.adapters.origin import Origin

    Adapters = Callable[..., Git]

TOKEN = "glpat-S3cret/+=&%40"  # what would be spelt differently in a URL and in a header


@dataclass
class Server:
    """A smart HTTP server, and the command lines of every process while it answered."""

    url: str
    password: str = TOKEN
    status: int = 0
    users: list[str] = field(default_factory=list)
    command_lines: list[bytes] = field(default_factory=list)


def command_lines() -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue
    return found


class Bridge(BaseHTTPRequestHandler):
    """Hands requests to ``git http-backend``."""

    protocol_version = "HTTP/1.0"
    root: ClassVar[Path]
    environ: ClassVar[dict[str, str]]
    state: ClassVar[Server]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so the base class has it
        pass

    def _answer(self) -> None:
        self.state.command_lines += command_lines()
        if self.state.status:
            self.send_error(self.state.status)
            return
        user, _, password = self._credential().partition(":")
        if password != self.state.password:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            self.wfile.write(f"HTTP Basic: Access denied for {password}".encode())
            return
        self.state.users.append(user)
        self._serve()

    do_GET = do_POST = _answer  # noqa: N815 - so the base class has it

    def _credential(self) -> str:
        kind, _, encoded = self.headers.get("Authorization", "").partition(" ")
        return base64.b64decode(encoded).decode() if kind == "Basic" else ""

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ = self.environ | {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "somebody",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], env=environ, input=body, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def server(origin: Origin) -> Iterator[Server]:
    origin.git("config", "http.receivepack", "true")

    class Bound(Bridge):
        root = origin.path.parent
        environ = origin.environ

    with ThreadingHTTPServer(("127.0.0.1", 0), Bound) as http:
        Bound.state = Server(f"http://127.0.0.1:{http.server_address[1]}/{origin.path.name}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Bound.state
        http.shutdown()
        thread.join()


@pytest.fixture
def token(tmp_path: Path) -> TokenFile:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    return TokenFile(tmp_path / "token")


def spellings(secret: str) -> list[str]:
    encoded = [base64.b64encode(text.encode()).decode().rstrip("=") for text in (secret, f"oauth2:{secret}")]
    return [secret, quote(secret), quote(secret, safe=""), *encoded]


def assert_silent(told: BaseException, secret: str = TOKEN) -> None:
    whole = "".join(traceback.format_exception(told)) + repr(told) + repr(told.__cause__)
    for spelling in spellings(secret):
        assert spelling not in whole


# --- a token over HTTP ---


def test_a_token_opens_the_whole_way_and_is_on_no_command_line(
    origin: Origin, adapter: Adapters, server: Server, token: TokenFile
) -> None:
    git = adapter(url=server.url, credentials=token)

    git.apply(opening(git.observe()))

    assert proposal(git.observe())
    assert set(origin.ours()) == {HEAD, LEDGER}
    assert set(server.users) == {"oauth2"}
    seen = b"\n".join(server.command_lines)
    assert b"http-backend" in seen or b"remote-http" in seen
    for spelling in spellings(TOKEN):
        assert spelling.encode() not in seen


URLS = {
    "a user and a password": ("ada:{}@", None, "ada"),
    "a user, and the token in a file": ("ada@", TOKEN, "ada"),
    "a user and a password, and the token in a file": ("ada:old@", TOKEN, "ada"),
}


@pytest.mark.parametrize(("given", "content", "user"), URLS.values(), ids=URLS)
def test_credentials_in_the_url_are_used_and_never_shown(
    adapter: Adapters, server: Server, tmp_path: Path, *, given: str, content: str | None, user: str
) -> None:
    (tmp_path / "token").write_text(content or "")
    url = server.url.replace("://", "://" + given.format(quote(TOKEN, safe="")))
    git = adapter(url=url, credentials=TokenFile(tmp_path / "token") if content else None)

    git.observe()

    assert set(server.users) == {user}
    assert "S3cret" not in repr(git)
    assert b"S3cret" not in b"\n".join(server.command_lines)
    with pytest.raises(Refused, match=f'branch "x" does not exist in {server.url};'):
        adapter(url=url, credentials=git.credentials, branch="x").observe()


def test_a_rotated_token_is_taken_up(adapter: Adapters, server: Server, token: TokenFile) -> None:
    git = adapter(url=server.url, credentials=token)
    git.observe()
    server.password = "another"
    with pytest.raises(Refused, match=f"{server.url} does not accept the credential"):
        git.observe()

    token.path.write_text("another")

    assert git.observe().sha


def test_a_wrong_token_is_told_without_it(adapter: Adapters, server: Server, token: TokenFile) -> None:
    server.password = "right"

    with pytest.raises(Refused) as refused:
        adapter(url=server.url, credentials=token).observe()

    assert str(refused.value) == (
        f"{server.url} does not accept the credential: check auth.tokenFile, its expiry and its scope"
    )
    assert_silent(refused.value)


@pytest.mark.parametrize("given", ["", "S3cret@", "not:S3cret@"], ids=["none", "a name alone", "a wrong password"])
def test_a_credential_that_is_not_enough_is_told(adapter: Adapters, server: Server, given: str) -> None:
    with pytest.raises(Refused, match="does not accept the credential") as refused:
        adapter(url=server.url.replace("://", f"://{given}")).observe()

    assert_silent(refused.value, "S3cret")


def test_the_helper_of_the_person_is_asked_only_where_we_have_no_token(
    origin: Origin, adapter: Adapters, server: Server, token: TokenFile, tmp_path: Path
) -> None:
    server.password = "plain"
    token.path.write_text("plain")
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[credential]\n helper = "!f() {{ touch {tmp_path}/asked; echo username=ada; echo password=plain; }}; f"\n'
    )
    environ = origin.environ | {"GIT_CONFIG_GLOBAL": str(settings)}

    adapter(url=server.url, environ=environ, credentials=token).observe()
    assert not (tmp_path / "asked").exists()

    adapter(url=server.url, environ=environ).observe()
    assert (tmp_path / "asked").exists()


def test_a_token_is_for_its_own_host_alone(
    origin: Origin, adapter: Adapters, server: Server, token: TokenFile, tmp_path: Path
) -> None:
    # A person's setting sends us elsewhere: there nobody is told the token.
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[url "{server.url}"]\n insteadOf = https://git.example.com/fleet.git\n')
    environ = origin.environ | {"GIT_CONFIG_GLOBAL": str(settings)}

    with pytest.raises(Refused, match="does not accept the credential"):
        adapter(url="https://git.example.com/fleet.git", environ=environ, credentials=token).observe()

    assert server.users == []


STATUSES: dict[int, tuple[type[PortError], str]] = {
    403: (Refused, "does not accept the credential"),
    404: (Refused, "there is no git repository at"),
    429: (Unavailable, "cannot be reached .*429"),
    502: (Unavailable, "cannot be reached .*502"),
}


@pytest.mark.parametrize(("status", "told"), STATUSES.items(), ids=map(str, STATUSES))
def test_what_a_server_answers_is_told(
    adapter: Adapters, server: Server, token: TokenFile, status: int, told: tuple[type[PortError], str]
) -> None:
    server.status = status

    with pytest.raises(told[0], match=told[1]) as error:
        adapter(url=server.url, credentials=token).observe()

    assert_silent(error.value)


def test_a_server_that_quotes_the_token_is_not_quoted(
    origin: Origin, adapter: Adapters, server: Server, token: TokenFile
) -> None:
    encoded = base64.b64encode(f"oauth2:{TOKEN}".encode()).decode()
    origin.hook("pre-receive", f'echo "bad: {TOKEN} {encoded} http://ada:{TOKEN.replace("/", "")}@h/x" >&2; exit 1')
    git = adapter(url=server.url, credentials=token)

    with pytest.raises(Refused, match=r"refused the push: bad: \*\*\*") as refused:
        git.apply(opening(git.observe()))

    assert_silent(refused.value)
    assert "ada" not in str(refused.value)


TOKENS = {
    "missing": (None, r"cannot be read \(No such file or directory\): correct auth.tokenFile"),
    "empty": (b"\n", "does not hold one line with a token"),
    "two lines": (b"one\ntwo\n", "does not hold one line with a token"),
    "not text": (b"\xff\xfe", r"cannot be read \(it is not text\)"),
}


@pytest.mark.parametrize(("content", "words"), TOKENS.values(), ids=TOKENS)
def test_a_token_file_without_a_token_is_told(
    adapter: Adapters, tmp_path: Path, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)

    with pytest.raises(Refused, match=words):
        adapter(url="https://127.0.0.1:1/x.git", credentials=TokenFile(tmp_path / "token")).observe()


def test_a_certificate_that_nobody_trusts_is_told(adapter: Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    git = adapter(url="https://127.0.0.1:1/x.git")
    said = "fatal: unable to access 'https://127.0.0.1:1/x.git/': SSL certificate problem: self-signed certificate"

    def run(*_: object, **__: object) -> bytes:
        raise GitError(said)

    monkeypatch.setattr("reconciler.adapters.git.program.Program.run", run)

    with pytest.raises(Refused, match=r"the TLS certificate of https://127.0.0.1:1/x.git is not trusted: add its"):
        git.observe()


REDACTED = {
    "as it is": TOKEN,
    "in a URL": "glpat-S3cret%2F%2B%3D%26%2540",
    "in a URL's path": "glpat-S3cret/%2B%3D%26%2540",
    "in base64": base64.b64encode(TOKEN.encode()).decode(),
    "in a header": base64.b64encode(f"oauth2:{TOKEN}".encode()).decode(),
    "in any http URL": "https://who@",
    "in any other URL": "ssh://git:who@",
}


@pytest.mark.parametrize("said", REDACTED.values(), ids=REDACTED)
def test_a_secret_is_redacted_in_every_spelling(said: str) -> None:
    access = Remote.parse(f"https://oauth2:{REDACTED['in a URL']}@host/x", None).access()

    told = access.redact(f"fatal: {said}host/x")

    assert "S3cret" not in told
    assert "who" not in told
    assert said not in told
    assert "S3cret" not in repr(access)


def test_a_text_without_secrets_stays() -> None:
    said = "ssh://git@host/x https://host/a@b git@host:x"

    assert Access().redact(said) == said


# --- ssh ---

SSH = """#!/bin/sh
printf '%s\\n' "$@" > "{folder}/arguments"
for last; do :; done
exec sh -c "$last"
"""


@pytest.fixture
def ssh(origin: Origin, tmp_path: Path) -> dict[str, str]:
    """An environment whose ssh writes down its arguments and serves from this machine."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ssh").write_text(SSH.format(folder=tmp_path))
    (folder / "ssh").chmod(0o755)
    return origin.environ | {"PATH": f"{folder}:{origin.environ['PATH']}"}


@pytest.mark.parametrize("url", ["git@host:{}", "ssh://git@host:2222{}", "ssh://git:S3cret@host{}"])
def test_a_key_opens_the_whole_way_with_that_key_and_known_hosts_alone(
    origin: Origin, adapter: Adapters, ssh: dict[str, str], tmp_path: Path, url: str
) -> None:
    keys = SshKey(tmp_path / "my key", tmp_path / "known 100% hosts")
    git = adapter(url=url.format(origin.path), credentials=keys, environ=ssh)

    git.apply(opening(git.observe()))

    assert set(origin.ours()) == {HEAD, LEDGER}
    arguments = (tmp_path / "arguments").read_text().splitlines()
    assert arguments[:8] == [
        *("-i", str(tmp_path / "my key"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
        *("-o", "StrictHostKeyChecking=yes"),
    ]
    assert arguments[8:10] == ["-o", f'UserKnownHostsFile="{tmp_path}/known 100%% hosts"']
    assert "git@host" in arguments
    assert "S3cret" not in " ".join(arguments)


def test_without_known_hosts_those_of_the_user_count(
    origin: Origin, adapter: Adapters, ssh: dict[str, str], tmp_path: Path
) -> None:
    adapter(url=f"git@host:{origin.path}", credentials=SshKey(tmp_path / "key"), environ=ssh).observe()

    assert "UserKnownHostsFile" not in (tmp_path / "arguments").read_text()


SAID: dict[str, tuple[str, type[PortError], str]] = {
    "an unknown host key": (
        "No ED25519 host key is known for host and you have requested strict checking.\nHost key verification failed.",
        Refused,
        "the host key of git@host:x is not trusted: put the server's key into auth.knownHostsFile",
    ),
    "a changed host key": (
        "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
        Refused,
        "the host key of git@host:x is not trusted",
    ),
    "a key that the server does not know": ("git@host: Permission denied (publickey).", Refused, "register its public"),
    "a key that others can read": (
        "@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\nLoad key: bad permissions\nPermission denied (publickey).",
        Refused,
        "mount it with mode 0400",
    ),
    "a key file that is not there": (
        "Warning: Identity file /k not accessible: No such file or directory.\nPermission denied (publickey).",
        Refused,
        "auth.sshKeyFile cannot be read",
    ),
    "a key file that is no key": (
        'Load key "/k": error in libcrypto\nPermission denied (publickey).',
        Refused,
        "auth.sshKeyFile cannot be read",
    ),
    "an unknown host": (
        "ssh: Could not resolve hostname host: Name or service not known",
        Unavailable,
        "the host of git@host:x is unknown",
    ),
    "a closed port": (
        "ssh: connect to host host port 22: Connection refused",
        Unavailable,
        r"git@host:x cannot be reached \(ssh: connect to host host port 22: Connection refused\)",
    ),
    "a project that is not there": (
        "ERROR: The project you were looking for could not be found or you don't have permission to view it.",
        Refused,
        "there is no git repository at git@host:x",
    ),
    "nothing": ("", Unavailable, "git@host:x cannot be reached"),
}


@pytest.mark.parametrize(("said", "kind", "words"), SAID.values(), ids=SAID)
def test_what_ssh_says_is_told_with_the_cure(
    adapter: Adapters, ssh: dict[str, str], tmp_path: Path, *, said: str, kind: type[PortError], words: str
) -> None:
    (tmp_path / "said").write_text(f"{said}\n")
    (tmp_path / "bin" / "ssh").write_text(f'#!/bin/sh\ncat "{tmp_path}/said" >&2\nexit 255\n')

    with pytest.raises(kind, match=words):
        adapter(url="git@host:x", credentials=SshKey(tmp_path / "key"), environ=ssh).observe()


def test_the_real_ssh_takes_our_options(adapter: Adapters, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "key").touch(mode=0o600)
    keys = SshKey(tmp_path / "key", tmp_path / "known hosts")

    with pytest.raises(Unavailable, match=r"cannot be reached \(ssh: connect to host 127.0.0.1 port 1: "):
        adapter(url="ssh://git@127.0.0.1:1/x", credentials=keys, environ=origin.environ).observe()
