"""A real Kubernetes API: etcd and kube-apiserver on the loopback, with RBAC, admission and certificates of its own.

There is no kubelet, no scheduler and no controller-manager: what a test needs of them, it does itself.
"""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import trustme
import yaml

from tests.e2e.process import HOST, free_port, running, until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.e2e.build import Tools

Object = dict[str, Any]
"""A Kubernetes object, as JSON has it."""

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
GROUPS = {
    "v1": "/api/v1",
    "apps": "/apis/apps/v1",
    "rbac": "/apis/rbac.authorization.k8s.io/v1",
    "crd": "/apis/apiextensions.k8s.io/v1",
    "helm": "/apis/helm.toolkit.fluxcd.io/v2",
    "source": "/apis/source.toolkit.fluxcd.io/v1",
}


class ApiError(Exception):
    """The API said no. ``code`` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class Api:
    """The raw HTTP API, as the administrator. Each call has a connection of its own, so threads may share it."""

    server: str
    trust: ssl.SSLContext

    def get(self, path: str) -> Object:
        return self.call("GET", path)

    def post(self, path: str, thing: Object) -> Object:
        return self.call("POST", path, thing)

    def merge(self, path: str, change: Object) -> Object:
        return self.call("PATCH", path, change, MERGE)

    def apply(self, path: str, thing: Object) -> Object:
        """Create or change an object: server-side apply."""
        return self.call("PATCH", f"{path}?fieldManager=e2e&force=true", thing, APPLY)

    def delete(self, path: str) -> Object:
        return self.call("DELETE", path)

    def call(self, verb: str, path: str, thing: Object | None = None, kind: str = "application/json") -> Object:
        """Do one call. Raises ApiError where the API says no, OSError where it does not answer."""
        connection = http.client.HTTPSConnection(urlsplit(self.server).netloc, timeout=30, context=self.trust)
        try:
            body = None if thing is None else json.dumps(thing)
            connection.request(verb, path, body, {"Content-Type": kind, "Accept": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise ApiError(answer.status, text.decode(errors="replace"))
        return json.loads(text) if text.startswith(b"{") else {"text": text.decode()}


@dataclass(frozen=True)
class Cluster:
    """A running Kubernetes API. ``folder`` holds its certificates, logs and kubeconfigs."""

    server: str
    folder: Path
    authority: str
    api: Api
    admin: Path
    """The administrator's kubeconfig."""
    apiserver: subprocess.Popen[bytes]
    context: str = "e2e"

    def namespace(self, name: str) -> str:
        """Make a namespace, and the service account in it that a controller-manager would make."""
        self.api.apply(f"/api/v1/namespaces/{name}", _object("v1", "Namespace", name))
        self.api.apply(
            f"/api/v1/namespaces/{name}/serviceaccounts/default", _object("v1", "ServiceAccount", "default", name)
        )
        return name

    def install(self, tools: Tools) -> None:
        """Install the definitions of Flux and wait until they are served."""
        for definition in [yaml.safe_load(path.read_text()) for path in tools.crds]:
            name = definition["metadata"]["name"]
            self.api.apply(f"{GROUPS['crd']}/customresourcedefinitions/{name}", definition)
            until(f"the API serves {name}", lambda definition=definition: self._serves(definition["spec"]))

    def account(self, namespace: str, name: str) -> str:
        """Make a service account without any right, and give a token of it."""
        place = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"
        self.api.apply(place, _object("v1", "ServiceAccount", name, namespace))
        return self.token(namespace, name)

    def token(self, namespace: str, name: str, seconds: int = 3600) -> str:
        """Ask for a token of a service account; the API gives none for less than 600 seconds."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        made = self.api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", request)
        return made["status"]["token"]

    def kubeconfig(self, path: Path, token: str) -> Path:
        """Write a kubeconfig for the bearer of a token."""
        return self._write(path, {"token": token})

    def allow(self, account: tuple[str, str], rules: list[Object], namespace: str | None = None) -> None:
        """Let a service account do what the rules say, in one namespace, or by a ClusterRole everywhere."""
        kind = "Role" if namespace else "ClusterRole"
        name = f"{account[1]}-{namespace or 'everywhere'}"
        subject = {"kind": "ServiceAccount", "namespace": account[0], "name": account[1]}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        role = _object("rbac.authorization.k8s.io/v1", kind, name, namespace) | {"rules": rules}
        binding = _object("rbac.authorization.k8s.io/v1", f"{kind}Binding", name, namespace)
        where = f"{GROUPS['rbac']}/namespaces/{namespace}" if namespace else GROUPS["rbac"]
        self.api.apply(f"{where}/{kind.lower()}s/{name}", role)
        self.api.apply(
            f"{where}/{kind.lower()}bindings/{name}", binding | {"roleRef": reference, "subjects": [subject]}
        )

    def _serves(self, spec: Object) -> bool:
        """Tell whether a kind is listed: at first its path is missing, then its storage is not ready."""
        version = next(each["name"] for each in spec["versions"] if each["storage"])
        try:
            return "items" in self.api.get(f"/apis/{spec['group']}/{version}/{spec['names']['plural']}")
        except ApiError:
            return False

    def _write(self, path: Path, user: Mapping[str, str]) -> Path:
        return _kubeconfig(path, self.server, self.authority, user)


@contextmanager
def cluster(tools: Tools, folder: Path, *more: str) -> Iterator[Cluster]:
    """Run a cluster until the block ends. ``more`` are further flags of kube-apiserver."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        etcd = _etcd(stack, tools, folder)
        authority = trustme.CA()
        files = _certificates(authority, folder)
        port = free_port()
        flags = _flags(folder, etcd, port) + list(more)
        process = stack.enter_context(running(folder / "kube-apiserver.log", tools.program("kube-apiserver"), *flags))
        server = f"https://{HOST}:{port}"
        user = {"client-certificate": str(files["admin.crt"]), "client-key": str(files["admin.key"])}
        admin = _kubeconfig(folder / "admin.kubeconfig", server, str(files["ca.crt"]), user)
        trust = ssl.create_default_context(cafile=str(files["ca.crt"]))
        trust.load_cert_chain(str(files["admin.crt"]), str(files["admin.key"]))
        made = Cluster(server, folder, str(files["ca.crt"]), Api(server, trust), admin, process)
        until("kube-apiserver is ready", lambda: _ready(made), patience=120)
        yield made


def _etcd(stack: ExitStack, tools: Tools, folder: Path) -> str:
    address, peers = (f"http://{HOST}:{free_port()}" for _ in range(2))
    flags = {
        "--data-dir": str(folder / "etcd"),
        "--listen-client-urls": address,
        "--advertise-client-urls": address,
        "--listen-peer-urls": peers,
        "--initial-advertise-peer-urls": peers,
        "--initial-cluster": f"default={peers}",
    }
    words = [f"{name}={value}" for name, value in flags.items()]
    stack.enter_context(running(folder / "etcd.log", tools.program("etcd"), "--unsafe-no-fsync", *words))
    return address


def _certificates(authority: trustme.CA, folder: Path) -> dict[str, Path]:
    """Write an authority, a certificate for the server, one for the administrator, and a key for tokens."""
    serving = authority.issue_cert(HOST, "localhost")
    admin = authority.issue_cert("admin@e2e.invalid", common_name="admin", organization_name="system:masters")
    signing = authority.issue_cert("tokens.invalid")
    texts = {
        "ca.crt": authority.cert_pem.bytes(),
        "serving.crt": b"".join(each.bytes() for each in serving.cert_chain_pems),
        "serving.key": serving.private_key_pem.bytes(),
        "admin.crt": b"".join(each.bytes() for each in admin.cert_chain_pems),
        "admin.key": admin.private_key_pem.bytes(),
        "tokens.crt": signing.cert_chain_pems[0].bytes(),
        "tokens.key": signing.private_key_pem.bytes(),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    return {name: folder / name for name in texts}


def _flags(folder: Path, etcd: str, port: int) -> list[str]:
    flags = {
        "--etcd-servers": etcd,
        "--bind-address": HOST,
        "--advertise-address": HOST,
        "--secure-port": str(port),
        "--authorization-mode": "RBAC",
        "--client-ca-file": str(folder / "ca.crt"),
        "--tls-cert-file": str(folder / "serving.crt"),
        "--tls-private-key-file": str(folder / "serving.key"),
        "--service-account-issuer": "https://e2e.invalid",
        "--service-account-key-file": str(folder / "tokens.crt"),
        "--service-account-signing-key-file": str(folder / "tokens.key"),
        "--service-cluster-ip-range": "10.0.0.0/24",
        "--cert-dir": str(folder),
        "--endpoint-reconciler-type": "none",
    }
    return [f"{name}={value}" for name, value in flags.items()]


def _ready(made: Cluster) -> bool:
    if made.apiserver.poll() is not None:
        log = (made.folder / "kube-apiserver.log").read_text(errors="replace")
        raise AssertionError(f"kube-apiserver ended: {log[-2000:]}")
    try:
        made.api.get("/readyz")
        made.api.get("/api/v1/namespaces/default")
    except (OSError, ApiError):
        return False
    return True


def _kubeconfig(path: Path, server: str, authority: str, user: Mapping[str, str]) -> Path:
    """Write a kubeconfig, whose one context has the name of the cluster. JSON is YAML too."""
    name = "e2e"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return path


def _object(version: str, kind: str, name: str, namespace: str | None = None) -> Object:
    metadata = {"name": name} if namespace is None else {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata}
