"""The list protocol of a Kubernetes API, over the loopback: what of it the adapter uses, and every way it can go wrong.

The shapes are those of a real kube-apiserver 1.36; ``tests/contracts/live_cluster.py`` holds both to the same answers.
"""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import Object

PLURALS = {"HelmRelease": "helmreleases", "OCIRepository": "ocirepositories", "HelmChart": "helmcharts"}
KINDS = {plural: kind for kind, plural in PLURALS.items()}
EVERYWHERE = "*"
TOKEN_OF = "token-of-"  # and the user's name
NOBODY = "system:anonymous"

Right = tuple[str, str]
"""A resource's plural, and the namespace where it may be listed, ``*`` for all."""


@dataclass(frozen=True)
class Fault:
    """What befalls one request instead of its answer.

    ``status`` 0 closes the connection without a word, or in the middle of ``body``; -1 says nothing for good.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


DROPPED = Fault(0)
CUT = Fault(0, body=b'{"kind":"HelmReleaseList","items":[')
SILENT = Fault(-1)


@dataclass
class Twin:
    """A cluster. ``faults`` befall the next requests in their order; ``lists`` counts the lists that began."""

    address: str = ""
    served: dict[str, set[str]] = field(
        default_factory=lambda: {
            "helmreleases": {"v2"},
            "ocirepositories": {"v1"},
            "helmcharts": {"v1"},
        }
    )
    things: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    users: dict[str, frozenset[Right] | None] = field(default_factory=lambda: {"admin": None})
    """What each bearer of a token may list; None is everything."""
    anonymous: bool = False
    """Whether a request without a token is let in as nobody, instead of answered 401."""
    faults: list[Fault] = field(default_factory=list)
    expiring: int = 0
    """How many continue tokens are still to be found too old."""
    compresses: bool = False
    lists: Counter[str] = field(default_factory=Counter)
    released: threading.Event = field(default_factory=threading.Event)

    def add(self, *things: Object) -> None:
        for thing in things:
            meta = thing["metadata"]
            self.things[PLURALS[thing["kind"]], meta["namespace"], meta["name"]] = thing

    def remove(self, kind: str, namespace: str, name: str) -> None:
        del self.things[PLURALS[kind], namespace, name]

    def kubeconfig(self, path: Path, token: str = "admin", **cluster: object) -> Path:
        """Write a kubeconfig for the bearer of a token. JSON is YAML too."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.address, **cluster}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "staging",
        }
        path.write_text(json.dumps(document))
        return path

    # --- answering ---

    def answer(self, target: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        user = token if token in self.users else None
        if user is None and not (self.anonymous and token is None):
            return status(401, "Unauthorized", "Unauthorized")
        parts = url.path.strip("/").split("/")
        version, plural = parts[2], parts[-1]
        namespace = parts[4] if len(parts) == 6 else EVERYWHERE
        rights = self.users.get(user or NOBODY, frozenset())
        if rights is not None and not rights & {(plural, namespace), (plural, EVERYWHERE)}:
            return forbidden((user or NOBODY).removeprefix(TOKEN_OF), plural, parts[1], namespace)
        if version not in self.served.get(plural, ()):
            return 404, {"Content-Type": "text/plain; charset=utf-8"}, b"404 page not found\n"
        return self._list(plural, namespace, f"{parts[1]}/{version}", query)

    def _list(
        self, plural: str, namespace: str, api_version: str, query: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if "continue" in query and self.expiring:
            self.expiring -= 1
            return status(410, "Expired", "The provided continue parameter is too old to display a consistent list.")
        start = json.loads(base64.b64decode(query["continue"]))["start"] if "continue" in query else 0
        if not start:
            self.lists[f"{plural} {namespace}"] += 1
        items = [
            thing | {"apiVersion": api_version}
            for (each, where, _), thing in sorted(self.things.items())
            if each == plural and namespace in {EVERYWHERE, where} and selected(thing, query.get("labelSelector"))
        ]
        end = start + int(query.get("limit", len(items) or 1))
        metadata: Object = {"resourceVersion": "7"}
        if end < len(items):
            metadata["continue"] = base64.b64encode(json.dumps({"v": "meta.k8s.io/v1", "start": end}).encode()).decode()
            metadata["remainingItemCount"] = len(items) - end
        document = {
            "apiVersion": api_version,
            "items": items[start:end],
            "kind": f"{KINDS[plural]}List",
            "metadata": metadata,
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(document, separators=(",", ":")).encode()


def selected(thing: Object, selector: str | None) -> bool:
    """Whether a label selector of equalities admits an object."""
    labels = thing["metadata"].get("labels") or {}
    pairs = (part.split("=") for part in (selector or "").split(",") if part)
    return all(labels.get(key) == value for key, value in pairs)


def status(code: int, reason: str, message: str) -> tuple[int, dict[str, str], bytes]:
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return code, {"Content-Type": "application/json"}, json.dumps(document).encode()


def forbidden(user: str, plural: str, group: str, namespace: str) -> tuple[int, dict[str, str], bytes]:
    where = "at the cluster scope" if namespace == EVERYWHERE else f'in the namespace "{namespace}"'
    message = (
        f'{plural}.{group} is forbidden: User "{user}" cannot list resource "{plural}" in API group "{group}" {where}'
    )
    return status(403, "Forbidden", message)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    twin: Twin

    def do_GET(self) -> None:
        if self.twin.faults:
            self._befall(self.twin.faults.pop(0))
            return
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        code, headers, body = self.twin.answer(self.path, token if scheme.lower() == "bearer" else None)
        if self.twin.compresses and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            headers = headers | {"Content-Encoding": "gzip"}
        self._send(code, headers, body)

    def _befall(self, fault: Fault) -> None:
        if fault.status > 0:
            self._send(fault.status, fault.headers, fault.body)
            return
        if fault.status < 0:
            self.twin.released.wait(30)
        elif fault.body:
            self._send(200, {"Content-Length": str(len(fault.body) + 100)}, fault.body)
        self.close_connection = True

    def _send(self, code: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(code)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing of clients that went away, or did not like the certificate."""


@contextmanager
def running(trust: ssl.SSLContext | None = None) -> Iterator[Twin]:
    """Run a cluster on a free port until the block ends; with ``trust`` it speaks TLS."""
    twin = Twin()
    handler = type("_TwinHandler", (_Handler,), {"twin": twin})
    server = _Server(("127.0.0.1", 0), handler)
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    twin.address = f"{'https' if trust else 'http'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield twin
    finally:
        twin.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
