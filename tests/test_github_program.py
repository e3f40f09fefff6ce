"""The whole program against GitHub on a loopback port, in processes of its own, as people run it."""

from __future__ import annotations

import ipaddress
import json
import os
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.hub import NAME, Hub, V
from tests.twins.github import Server
from tests.world import proven

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
CONFIG = """\
promotions:
  - name: home
    staging:
      cluster: {{snapshot: staging.json}}
      namespaces: ["*"]
    production:
      github:
        repository: {repository}
        baseUrl: {url}/api/v3
{auth}
"""
NOT_INHERITED = ("_proxy", "_token", "_ca_bundle", "ssl_cert_file")
BY_FILE = "        auth: {tokenFile: token}"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    made = Hub.make(tmp_path)
    made.record(proven(V, "1.1.0"))
    (tmp_path / "token").write_text(made.secret + "\n")
    return made


@pytest.fixture
def server(hub: Hub) -> Iterator[Server]:
    with Server(hub.twin) as serving:
        yield serving


def configured(hub: Hub, url: str, auth: str = BY_FILE) -> None:
    (hub.folder / "helm-promoter.yaml").write_text(CONFIG.format(repository=NAME, url=url, auth=auth))


def program(hub: Hub, *arguments: str, **environ: str) -> tuple[int, str]:
    """Run the program to its end: exit code, and all that it printed. No output ever holds the token."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith(NOT_INHERITED)}
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments, "-c", str(hub.folder / "helm-promoter.yaml")],
        cwd=ROOT,
        env={**clean, "XDG_CACHE_HOME": str(hub.folder / "cache"), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert hub.secret not in done.stdout + done.stderr
    return done.returncode, done.stdout or done.stderr


def test_a_pull_request_is_planned_opened_and_then_left_alone(hub: Hub, server: Server) -> None:
    configured(hub, server.origin)
    code, shown = program(hub, "plan", "-o", "json")
    assert code == 0
    (action,) = json.loads(shown)["actions"]
    assert (action["action"], action["title"]) == ("open", "Promote vault release to v1.1.0")
    assert not hub.repository.pulls

    assert program(hub, "run", "--once")[0] == 0
    assert hub.pull.title == action["title"]

    code, shown = program(hub, "plan", "-o", "json", "--exit-code")
    assert code == 0
    (standing,) = json.loads(shown)["proposed"]
    assert standing["pull_request"]["number"] == 1


@pytest.mark.slow
def test_the_token_may_come_from_the_environment(hub: Hub, server: Server) -> None:
    configured(hub, server.origin, auth="")
    assert program(hub, "plan", GITHUB_TOKEN=hub.secret)[0] == 0
    code, said = program(hub, "plan")
    assert code == 1
    assert "the token in GITHUB_TOKEN is missing; put a token there" in " ".join(said.split())


@pytest.mark.slow
def test_a_proxy_is_taken_from_the_environment(hub: Hub, server: Server) -> None:
    configured(hub, "http://ghe.invalid")
    assert program(hub, "plan", HTTP_PROXY=server.origin)[0] == 0
    code, said = program(hub, "plan", HTTP_PROXY="http://127.0.0.1:1")
    assert code == 1
    assert "cannot be reached through the proxy" in " ".join(said.split())


@pytest.fixture
def authority(hub: Hub, server: Server) -> Path:
    """Let the server speak TLS, with a certificate of an authority that nobody knows; the file of that authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "GitHub of one's own")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .issuer_name(name)
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = hub.folder / "authority.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (hub.folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, hub.folder / "key.pem")
    server._http.socket = context.wrap_socket(server._http.socket, server_side=True)
    return file


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_an_authority_of_one_s_own_is_taken_from_the_environment(
    hub: Hub, server: Server, authority: Path, variable: str
) -> None:
    configured(hub, server.origin.replace("http:", "https:"))
    code, said = program(hub, "plan", **{variable: str(authority)})
    assert code == 0, said


@pytest.mark.slow
def test_a_certificate_that_is_not_trusted_is_told_with_the_cure(hub: Hub, server: Server, authority: Path) -> None:
    configured(hub, server.origin.replace("http:", "https:"))
    code, said = program(hub, "plan")
    assert code == 1
    assert "name your authority's file in SSL_CERT_FILE" in " ".join(said.split())
