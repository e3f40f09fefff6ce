"""Flux on a cluster: the real source-controller and helm-controller, and a stand-in for the kubelet.

The controllers run beside the cluster, as its administrator. The stand-in runs no container: a pod ends as its
annotation, or the test, says.
"""

from __future__ import annotations

import http.client
import os
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.e2e.cluster import ApiError
from tests.e2e.process import HOST, free_port, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.build import Tools
    from tests.e2e.cluster import Api, Cluster, Object

OUTCOME = "e2e.invalid/outcome"
"""The annotation of a hook pod that says how it ends: ``Succeeded``, ``Failed``, or ``Running`` for not at all."""
PAUSE = 0.1


@dataclass
class Kubelet:
    """Ends pods. ``orders`` go before the annotation: by namespace, or by ``namespace/pod``."""

    api: Api
    orders: dict[str, str] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        """Look at all pods again and again, until it is told to stop."""
        while not self.stopped.wait(PAUSE):
            try:
                for pod in self.api.get("/api/v1/pods")["items"]:
                    self._end(pod)
            except (OSError, ApiError):
                continue  # the API is on its way up or down, or the pod is gone: the next look will tell

    def _end(self, pod: Object) -> None:
        place, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        wanted = pod["metadata"].get("annotations", {}).get(OUTCOME, "Succeeded")
        phase = self.orders.get(f"{place}/{name}", self.orders.get(place, wanted))
        if phase != pod["status"]["phase"]:
            self.api.merge(f"/api/v1/namespaces/{place}/pods/{name}/status", {"status": {"phase": phase}})


@contextmanager
def kubelet(api: Api) -> Iterator[Kubelet]:
    """Have pods ended until the block ends."""
    one = Kubelet(api)
    thread = threading.Thread(target=one.work, name="kubelet")
    thread.start()
    try:
        yield one
    finally:
        one.stopped.set()
        thread.join()


@contextmanager
def flux(tools: Tools, cluster: Cluster) -> Iterator[None]:
    """Run both controllers until the block ends."""
    with ExitStack() as stack:
        artifacts = f"{HOST}:{free_port()}"
        storage = cluster.folder / "artifacts"
        storage.mkdir()
        _start(
            stack, tools, cluster, "source-controller",
            f"--storage-path={storage}", f"--storage-addr={artifacts}", f"--storage-adv-addr={artifacts}",
        )  # fmt: skip
        _start(stack, tools, cluster, "helm-controller", "--graceful-shutdown-timeout=1s")
        yield


def _start(stack: ExitStack, tools: Tools, cluster: Cluster, name: str, *flags: str) -> None:
    health = f"{HOST}:{free_port()}"
    words = [f"--health-addr={health}", "--metrics-addr=0", "--concurrent=8", "--interval-jitter-percentage=0", *flags]
    home = cluster.folder / name
    home.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "KUBECONFIG": str(cluster.admin),
        "RUNTIME_NAMESPACE": "flux-system",
    }
    log = cluster.folder / f"{name}.log"
    process = stack.enter_context(running(log, tools.program(name), *words, env=environ))
    until(f"{name} is ready", lambda: _healthy(health) or _alive(process.poll(), log))


def _healthy(address: str) -> bool:
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _alive(code: int | None, log: Path) -> bool:
    assert code is None, f"ended with {code}: {log.read_text(errors='replace')[-2000:]}"
    return False
