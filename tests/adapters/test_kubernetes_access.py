"""How a cluster is reached: every mistake in a kubeconfig, a certificate or a service account is one sentence."""

from __future__ import annotations

import base64
import json
import logging
import socket
import ssl
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from reconciler.adapters.kubernetes import Kubeconfig, Kubernetes, ServiceAccount
from reconciler.ports import PortError, Refused, Unavailable
from tests.contracts.live_cluster import ALL
from tests.twins import kubernetes
from tests.world import proven

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.twins.kubernetes import Twin

SECRET = "hunter2-in-plain-sight"


@pytest.fixture
def twin() -> Iterator[Twin]:
    with kubernetes.running() as running:
        running.add(proven("a/one", "1.0.0"))
        yield running


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def kubeconfig(twin: Twin, tmp_path: Path) -> Path:
    return twin.kubeconfig(tmp_path / "kubeconfig")


def count(access: Kubeconfig | ServiceAccount) -> int:
    return len(Kubernetes(access, sleep=lambda _: None).observe([ALL])[0].releases)


def failure(access: Kubeconfig | ServiceAccount) -> PortError:
    with pytest.raises(PortError) as raised:
        count(access)
    return raised.value


def rewritten(path: Path, change: Callable[[Any], object]) -> None:
    """Change a kubeconfig as a value."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


# --- kubeconfigs that are wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "context", "message"),
    [
        pytest.param(
            lambda it: it.pop("current-context"),
            None,
            "{path} has no current context: name one in the config as context (it has staging)",
            id="no current context",
        ),
        pytest.param(
            lambda it: it.update(contexts=None),
            "staging",
            '{path} has no context "staging": it has none',
            id="no contexts",
        ),
        pytest.param(
            lambda _: None, "stagin", '{path} has no context "stagin": did you mean "staging"?', id="a misspelt context"
        ),
        pytest.param(
            lambda _: None, "x", '{path} has no context "x": it has staging', id="a context that is not there"
        ),
        pytest.param(
            lambda it: it.update(clusters=[]),
            None,
            'the context "staging" in {path} names the cluster "c", which is not there: add it',
            id="no cluster",
        ),
        pytest.param(
            lambda it: it.update(users=[]),
            None,
            'the context "staging" in {path} names the user "u", which is not there: add it',
            id="no user",
        ),
        pytest.param(
            lambda it: it["clusters"][0]["cluster"].pop("server"),
            None,
            'the cluster "c" in {path} has no server: add its address',
            id="no server",
        ),
        pytest.param(
            lambda it: it["clusters"][0]["cluster"].update(server="localhost:6443"),
            None,
            'the server of the cluster "c" in {path} is no address: correct it, such as https://HOST:6443',
            id="a server without a scheme",
        ),
        pytest.param(
            lambda it: it["clusters"][0]["cluster"].update(server="https://[::1"),
            None,
            'the server of the cluster "c" in {path} is no address: correct it, such as https://HOST:6443',
            id="a server that is no address",
        ),
        pytest.param(
            lambda it: it.update(contexts={"a": SECRET}),
            None,
            "{path} is no kubeconfig (Expected `array | null`, got `object` - at `$.contexts`): give one that "
            "kubectl takes",
            id="contexts that are no list",
        ),
        pytest.param(
            lambda it: it.update(users=[{"name": "u", "user": {"tokenFile": "nowhere"}}]),
            None,
            "the credential of the current context in {path} cannot be loaded: see whether it works for "
            "kubectl --kubeconfig {path} get helmreleases -A",
            id="a token file that is not there",
        ),
        pytest.param(
            lambda it: it.update(users=[{"name": "u", "user": {"token": f"{SECRET}\x00"}}]),
            None,
            "the credential for the Kubernetes API at {host} (the current context in {path}) is no token: it holds "
            "what no header may hold",
            id="a token with a control character",
        ),
        pytest.param(
            lambda it: it.update(users=[{"name": "u", "user": {"auth-provider": {"name": "gcp", "x": SECRET}}}]),
            None,
            "the credential of the current context in {path} cannot be loaded: see whether it works for "
            "kubectl --kubeconfig {path} get helmreleases -A",
            id="an auth provider that is not there",
        ),
        pytest.param(
            lambda it: it.update(users=[{"name": "u", "user": {"token": SECRET}}, {"user": {}}]),
            None,
            "{path} is no kubeconfig (Object missing required field `name` - at `$.users[1]`): give one that "
            "kubectl takes",
            id="a user without a name",
        ),
    ],
)
def test_a_mistake_in_a_kubeconfig_is_one_sentence(
    kubeconfig: Path, twin: Twin, change: Callable[[Any], object], context: str | None, message: str
) -> None:
    rewritten(kubeconfig, change)
    told = failure(Kubeconfig(kubeconfig, context))
    assert isinstance(told, Refused)
    host = twin.address.partition("//")[2]
    assert str(told) == message.format(path=kubeconfig, host=host)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(f"token: {SECRET}: x: [", "for it is not YAML", id="no YAML"),
        pytest.param("\x00", "for it is not YAML", id="no text"),
        pytest.param("[" * 5_000, "for it is not YAML", id="too deep"),
        pytest.param(SECRET, "(Expected `object`, got `str`)", id="a word"),
        pytest.param("", "(Expected `object`, got `null`)", id="nothing"),
    ],
)
def test_what_is_no_kubeconfig_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    told = failure(Kubeconfig(path))
    sep = ", " if said.startswith("for") else " "
    assert str(told) == f"{path} is no kubeconfig{sep}{said}: give one that kubectl takes"


def test_a_kubeconfig_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    cure = "put a kubeconfig there, or correct staging.cluster.kubeconfig"
    assert str(failure(Kubeconfig(path))) == f"{path} cannot be read (No such file or directory): {cure}"


# --- kubeconfigs that are right --------------------------------------------------------------------------------------


def test_a_context_is_chosen_by_name(kubeconfig: Path) -> None:
    def more(document: Any) -> None:
        document["contexts"] += [{"name": "other", "context": {"cluster": "none", "user": "none"}}]
        document["current-context"] = "other"

    rewritten(kubeconfig, more)
    assert count(Kubeconfig(kubeconfig, "staging")) == 1
    assert isinstance(failure(Kubeconfig(kubeconfig)), Refused)


def test_an_address_with_a_colon_in_the_path_of_the_file(twin: Twin, tmp_path: Path) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    assert count(Kubeconfig(twin.kubeconfig(folder / "kubeconfig"))) == 1


def plugin(path: Path, script: str) -> dict[str, object]:
    """A user whose credential an exec plugin gives, by a command relative to the kubeconfig's folder."""
    command = path.parent / "plugin"
    command.write_text(f"#!{sys.executable}\n{script}\n")
    command.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin"}}


_CREDENTIAL = """
import json
status = {"token": "from-the-plugin"}
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}))
"""


def test_an_exec_plugin_gives_the_token(twin: Twin, kubeconfig: Path) -> None:
    twin.users = {"from-the-plugin": None}
    user = plugin(kubeconfig, _CREDENTIAL)
    rewritten(kubeconfig, lambda it: it.update(users=[{"name": "u", "user": user}]))
    assert count(Kubeconfig(kubeconfig)) == 1


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"import sys; sys.exit('{SECRET}')", id="that fails"),
        pytest.param(f"print('{SECRET}')", id="that prints something else"),
        pytest.param("", id="that prints nothing"),
        pytest.param(_CREDENTIAL.replace('"token"', '"nothing"'), id="that gives no credential"),
    ],
)
def test_an_exec_plugin_without_a_credential_is_told_and_nothing_of_its_words(
    kubeconfig: Path, script: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    user = plugin(kubeconfig, script)
    rewritten(kubeconfig, lambda it: it.update(users=[{"name": "u", "user": user}]))
    assert str(failure(Kubeconfig(kubeconfig))) == (
        f'the exec plugin "./plugin" of the current context in {kubeconfig} gives no credential: '
        f"see what it says to kubectl --kubeconfig {kubeconfig} get helmreleases -A"
    )
    assert caplog.records == []
    assert SECRET not in "".join(capsys.readouterr())


def test_a_plugin_that_fails_sets_up_no_log(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = plugin(kubeconfig, "import sys; sys.exit(1)")
    rewritten(kubeconfig, lambda it: it.update(users=[{"name": "u", "user": user}]))
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    failure(Kubeconfig(kubeconfig))
    assert (root.handlers, root.filters) == ([], [])


def test_a_token_in_a_file_beside_the_kubeconfig(kubeconfig: Path) -> None:
    (kubeconfig.parent / "token").write_text("admin\n")
    rewritten(kubeconfig, lambda it: it.update(users=[{"name": "u", "user": {"tokenFile": "token"}}]))
    assert count(Kubeconfig(kubeconfig)) == 1


# --- certificates ----------------------------------------------------------------------------------------------------


@pytest.fixture
def secured(authority: trustme.CA) -> Iterator[Twin]:
    """A cluster that speaks TLS and takes client certificates of the same authority."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(trust)
    authority.configure_trust(trust)
    trust.verify_mode = ssl.CERT_OPTIONAL
    trust.maximum_version = ssl.TLSVersion.TLSv1_2  # so that a refusal comes before the request, and is never lost
    with kubernetes.running(trust) as running:
        running.add(proven("a/one", "1.0.0"))
        yield running


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.crt"
    authority.cert_pem.write_to_path(str(path))
    return path


def test_the_authority_may_be_a_file_beside_the_kubeconfig(secured: Twin, ca: Path, tmp_path: Path) -> None:
    path = secured.kubeconfig(tmp_path / "kubeconfig", **{"certificate-authority": ca.name})
    assert count(Kubeconfig(path)) == 1


def test_the_authority_may_be_in_the_kubeconfig(secured: Twin, ca: Path, tmp_path: Path) -> None:
    data = base64.b64encode(ca.read_bytes()).decode()
    assert count(Kubeconfig(secured.kubeconfig(tmp_path / "k", **{"certificate-authority-data": data}))) == 1


def test_a_certificate_need_not_be_trusted_where_the_kubeconfig_says_so(secured: Twin, tmp_path: Path) -> None:
    assert count(Kubeconfig(secured.kubeconfig(tmp_path / "k", **{"insecure-skip-tls-verify": True}))) == 1


def where(twin: Twin, path: Path) -> str:
    return f"the Kubernetes API at {twin.address.partition('//')[2]} (the current context in {path})"


NOT_TRUSTED = "correct the certificate authority or the server's name, or renew the server's certificate"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        pytest.param({}, "self-signed certificate in certificate chain", id="an authority that is not known"),
        pytest.param(
            {"certificate-authority": "ca.crt", "tls-server-name": "elsewhere.example"},
            "Hostname mismatch, certificate is not valid for 'elsewhere.example'.",
            id="another name",
        ),
    ],
)
def test_a_certificate_that_is_not_trusted_is_refused(
    secured: Twin, ca: Path, tmp_path: Path, settings: dict[str, object], why: str
) -> None:
    path = secured.kubeconfig(tmp_path / "kubeconfig", **settings)
    told = failure(Kubeconfig(path))
    assert isinstance(told, Refused)
    assert str(told) == f"the TLS certificate of {where(secured, path)} is not trusted ({why}): {NOT_TRUSTED}"


def test_a_server_certificate_that_expired_is_refused(authority: trustme.CA, ca: Path, tmp_path: Path) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=past).configure_cert(trust)
    with kubernetes.running(trust) as expired:
        path = expired.kubeconfig(tmp_path / "kubeconfig", **{"certificate-authority": "ca.crt"})
        assert "is not trusted (certificate has expired): " in str(failure(Kubeconfig(path)))


def certified(path: Path, authority: trustme.CA, **validity: Any) -> None:
    """Give the kubeconfig's user a client certificate instead of a token."""
    made = authority.issue_cert("admin@example.com", common_name="admin", **validity)
    made.cert_chain_pems[0].write_to_path(str(path.parent / "client.crt"))
    made.private_key_pem.write_to_path(str(path.parent / "client.key"))
    user = {"client-certificate": "client.crt", "client-key": "client.key"}
    rewritten(path, lambda it: it.update(users=[{"name": "u", "user": user}]))


@pytest.fixture
def by_certificate(secured: Twin, authority: trustme.CA, ca: Path, tmp_path: Path) -> Path:
    secured.anonymous = True  # who comes by certificate has no token
    secured.users[kubernetes.NOBODY] = None
    path = secured.kubeconfig(tmp_path / "kubeconfig", **{"certificate-authority": "ca.crt"})
    certified(path, authority)
    return path


def test_a_client_certificate_beside_the_kubeconfig(by_certificate: Path) -> None:
    assert count(Kubeconfig(by_certificate)) == 1


def test_a_client_certificate_that_expired_is_refused_until_it_is_renewed(
    by_certificate: Path, authority: trustme.CA
) -> None:
    staging = Kubernetes(Kubeconfig(by_certificate), sleep=lambda _: None)
    certified(by_certificate, authority, not_after=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(Refused, match="does not accept the client certificate, which may have expired: renew it"):
        staging.observe([ALL])
    certified(by_certificate, authority)
    assert len(staging.observe([ALL])[0].releases) == 1


def test_a_client_certificate_that_rotates_on_disk_is_read_by_the_next_look(
    by_certificate: Path, authority: trustme.CA
) -> None:
    staging = Kubernetes(Kubeconfig(by_certificate), sleep=lambda _: None)
    assert len(staging.observe([ALL])[0].releases) == 1
    expired = authority.issue_cert("admin@example.com", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    expired.cert_chain_pems[0].write_to_path(str(by_certificate.parent / "client.crt"))
    expired.private_key_pem.write_to_path(str(by_certificate.parent / "client.key"))
    with pytest.raises(Refused, match="does not accept the client certificate"):
        staging.observe([ALL])


def test_a_certificate_file_that_is_not_there_is_named(by_certificate: Path) -> None:
    missing = by_certificate.parent / "client.crt"
    missing.unlink()
    assert str(failure(Kubeconfig(by_certificate))) == (
        f"the current context in {by_certificate} names the file {missing}, which does not exist: "
        "put it there, or correct it"
    )


def test_a_certificate_file_that_goes_between_two_looks_is_told(by_certificate: Path) -> None:
    staging = Kubernetes(Kubeconfig(by_certificate), sleep=lambda _: None)
    staging.observe([ALL])
    (by_certificate.parent / "client.crt").unlink()
    with pytest.raises(Refused, match=r"the file of a certificate or key for .* cannot be read: put it there"):
        staging.observe([ALL])
    with pytest.raises(Refused, match=r"client\.crt, which does not exist"):
        staging.observe([ALL])


@pytest.mark.parametrize("text", ["no certificate", ""])
def test_a_certificate_that_is_none_is_refused(by_certificate: Path, secured: Twin, text: str) -> None:
    (by_certificate.parent / "client.crt").write_text(text)
    assert str(failure(Kubeconfig(by_certificate))) == (
        f"a certificate or key for {where(secured, by_certificate)} cannot be loaded: "
        "check the authority's, and that the client's certificate and key belong together"
    )


def test_an_authority_that_is_none_is_refused(secured: Twin, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("no certificate")
    path = secured.kubeconfig(tmp_path / "kubeconfig", **{"certificate-authority": "ca.crt"})
    assert f"a certificate or key for {where(secured, path)} cannot be loaded" in str(failure(Kubeconfig(path)))


def test_a_key_of_another_certificate_is_refused(by_certificate: Path, secured: Twin, authority: trustme.CA) -> None:
    other = authority.issue_cert("other@example.com")
    other.private_key_pem.write_to_path(str(by_certificate.parent / "client.key"))
    assert "certificate and key belong together" in str(failure(Kubeconfig(by_certificate)))


def test_tls_to_a_server_that_speaks_none_is_refused(twin: Twin, tmp_path: Path) -> None:
    twin.address = twin.address.replace("http", "https")
    path = twin.kubeconfig(tmp_path / "kubeconfig")
    cure = "check the address and port of the server"
    assert str(failure(Kubeconfig(path))) == f"{where(twin, path)} does not speak TLS: {cure}"


# --- servers that are not there --------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_unavailable(twin: Twin, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        twin.address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        path = twin.kubeconfig(tmp_path / "kubeconfig")
        told = failure(Kubeconfig(path))
    assert isinstance(told, Unavailable)
    assert str(told) == f"{where(twin, path)} cannot be reached: check the address, and that the API server is up"


def test_a_host_that_is_unknown_is_unavailable(twin: Twin, tmp_path: Path) -> None:
    twin.address = "https://api.invalid:6443"
    path = twin.kubeconfig(tmp_path / "kubeconfig")
    told = failure(Kubeconfig(path))
    assert isinstance(told, Unavailable)
    assert str(told) == f"{where(twin, path)} has a host that is unknown: check the address and the DNS"


def test_a_proxy_that_is_down_is_unavailable(twin: Twin, tmp_path: Path) -> None:
    twin.address = "https://api.invalid:6443"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        proxy = f"http://{SECRET}:{SECRET}@127.0.0.1:{taken.getsockname()[1]}"
        told = failure(Kubeconfig(twin.kubeconfig(tmp_path / "kubeconfig", **{"proxy-url": proxy})))
    assert "cannot be reached through the proxy: check the proxy's address and that it is up" in str(told)
    assert SECRET not in str(told)


def test_what_an_address_holds_of_credentials_is_not_told(twin: Twin, tmp_path: Path) -> None:
    twin.address = f"http://user:{SECRET}@{twin.address.partition('//')[2]}"
    twin.users = {}
    told = failure(Kubeconfig(twin.kubeconfig(tmp_path / "kubeconfig")))
    assert "does not accept the credential" in str(told)
    assert SECRET not in str(told)


# --- in the cluster --------------------------------------------------------------------------------------------------


@pytest.fixture
def account(secured: Twin, ca: Path, tmp_path: Path) -> ServiceAccount:
    """What the kubelet gives a pod."""
    (tmp_path / "token").write_text("admin")
    host, _, port = secured.address.partition("//")[2].partition(":")
    return ServiceAccount({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}, tmp_path)


def test_a_pod_reads_its_own_cluster(account: ServiceAccount) -> None:
    assert count(account) == 1


def test_a_token_that_rotates_is_read_again(account: ServiceAccount, secured: Twin, tmp_path: Path) -> None:
    staging = Kubernetes(account, sleep=lambda _: None)
    for token in ("admin", "second", "third"):
        secured.users = {token: None}
        (tmp_path / "token").write_text(token)
        assert len(staging.observe([ALL])[0].releases) == 1


def test_a_token_that_is_not_accepted_is_refused(account: ServiceAccount, secured: Twin) -> None:
    secured.users = {}
    assert str(failure(account)) == (
        f"the Kubernetes API at {secured.address.partition('//')[2]} (in cluster) does not accept the credential, "
        "which may have expired: renew the token or the client certificate, or name the context that it is for"
    )


def test_outside_of_a_pod_there_is_no_cluster(tmp_path: Path) -> None:
    assert str(failure(ServiceAccount({}, tmp_path))) == (
        "the program does not run in a pod, so it is in no cluster: give cluster: {kubeconfig: PATH} "
        "instead of inCluster"
    )


@pytest.mark.parametrize("name", ["token", "ca.crt"])
def test_a_pod_without_a_service_account_is_told(account: ServiceAccount, tmp_path: Path, name: str) -> None:
    (tmp_path / name).unlink()
    assert str(failure(account)) == (
        f"the pod has no service account's token and CA in {tmp_path}: give the pod a serviceAccountName, and do not "
        "set automountServiceAccountToken: false"
    )
