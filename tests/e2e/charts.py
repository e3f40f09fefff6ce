"""Where charts come from: made and packaged by helm, published over HTTP and in an OCI registry on the loopback."""

from __future__ import annotations

import functools
import http.client
import http.server
import json
import os
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.e2e.flux import OUTCOME
from tests.e2e.process import HOST, free_port, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.build import Tools

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {version: "{{ .Chart.Version }}", colour: "{{ .Values.colour }}"}
"""
HOOK = """\
apiVersion: v1
kind: Pod
metadata:
  name: "{{{{ .Release.Name }}}}-{name}"
  annotations: {{helm.sh/hook: "{when}", {outcome}: "{phase}"}}
spec:
  restartPolicy: Never
  containers: [{{name: hook, image: none.invalid/none}}]
"""
REFUSED = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: "Not A Name"}
"""


@dataclass(frozen=True)
class Hook:
    """A pod that a chart runs: ``when`` is Helm's word for the moment, ``phase`` how the pod ends."""

    name: str = "smoke"
    phase: str = "Succeeded"
    when: str = "test"


@dataclass(frozen=True)
class Publisher:
    """A folder of charts that is served over HTTP, and a registry."""

    tools: Tools
    folder: Path
    url: str
    registry: str

    def package(self, group: str, chart: str, version: str, *hooks: Hook, broken: bool = False) -> Path:
        """Package a chart of one ConfigMap and some hooks; the API refuses what a broken one has."""
        source = self.folder / "source" / group / version / chart
        templates = source / "templates"
        templates.mkdir(parents=True, exist_ok=True)
        (source / "Chart.yaml").write_text(f"apiVersion: v2\nname: {chart}\nversion: {version}\n")
        (source / "values.yaml").write_text("colour: green\n")
        (source / "values-red.yaml").write_text("colour: red\n")
        (templates / "config.yaml").write_text(CONFIG)
        if broken:
            (templates / "refused.yaml").write_text(REFUSED)
        for hook in hooks:
            text = HOOK.format(name=hook.name, when=hook.when, outcome=OUTCOME, phase=hook.phase)
            (templates / f"{hook.name}.yaml").write_text(text)
        target = self.folder / group
        target.mkdir(exist_ok=True)
        self.helm("package", str(source), "--destination", str(target))
        return target / f"{chart}-{version}.tgz"

    def publish(self, package: Path) -> None:
        """Put a packaged chart into its group's index."""
        self.helm("repo", "index", str(package.parent), "--url", f"{self.url}/{package.parent.name}")

    def push(self, package: Path) -> None:
        """Push a packaged chart to the registry, under its group's name."""
        self.helm("push", str(package), f"oci://{self.registry}/{package.parent.name}", "--plain-http")

    def helm(self, *words: str) -> None:
        """Run helm."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        done = subprocess.run(
            [self.tools.program("helm"), *words], env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def publisher(tools: Tools, folder: Path) -> Iterator[Publisher]:
    """Serve charts until the block ends."""
    folder.mkdir()
    with _files(folder) as port, _registry(tools, folder) as registry:
        yield Publisher(tools, folder, f"http://{HOST}:{port}", registry)


@contextmanager
def _files(folder: Path) -> Iterator[int]:
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer((HOST, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


@contextmanager
def _registry(tools: Tools, folder: Path) -> Iterator[str]:
    address = f"{HOST}:{free_port()}"
    config = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"inmemory": {}},
        "http": {"addr": address, "secret": "none"},
    }
    path = folder / "registry.json"
    path.write_text(json.dumps(config))
    environ = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
    with running(folder / "registry.log", tools.program("registry"), "serve", str(path), env=environ):
        until("the registry is ready", lambda: _answers(address))
        yield address


def _answers(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
