"""One way to read a cluster, in a process of its own: ``python reading.py WAY KUBECONFIG`` prints what it took."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kubernetes import client, config

from reconciler.adapters.kubernetes import Kubeconfig, Kubernetes
from reconciler.adapters.kubernetes.connection import Connection
from reconciler.core.evidence import Sources, judge
from reconciler.core.model import Evidence, Policy, Scope
from reconciler.reconcile import garbage_left

if TYPE_CHECKING:
    from collections.abc import Callable

LIST = "/apis/helm.toolkit.fluxcd.io/v2/helmreleases"
MB = 1e6


def ours(kubeconfig: Path) -> int:
    """Read and judge, and count the releases of which a version is proven."""
    with garbage_left():
        (fleet,) = Kubernetes(Kubeconfig(kubeconfig)).observe([Scope(("*",))])
        sources, at = Sources.of(fleet), datetime(2026, 3, 1, 12, tzinfo=UTC)
        judged = [judge(release, sources, Policy(), at) for release in fleet.releases]
    return sum(isinstance(one, Evidence) and bool(one.proofs) for one in judged)


def bytes_only(kubeconfig: Path) -> int:
    """Fetch the same pages over the same connection, drop them, and count the bytes."""
    count, token = 0, ""
    with Connection(Kubeconfig(kubeconfig), time.sleep) as connection:
        while True:
            body = connection.get(LIST, {"limit": "500"} | ({"continue": token} if token else {})).body
            count += len(body)
            more = re.search(rb'"continue":"([^"]+)"', body[-4096:])
            if not more:
                return count
            token = more[1].decode()


def library(kubeconfig: Path) -> int:
    """List as programs do that use the library as it comes."""
    api = client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig)))
    return len(api.list_cluster_custom_object("helm.toolkit.fluxcd.io", "v2", "helmreleases")["items"])


def kubectl(kubeconfig: Path) -> int:
    """Run kubectl, and count the lines that it prints."""
    command = ["kubectl", "--kubeconfig", str(kubeconfig), "get", "helmreleases", "-A", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        return sum(1 for _ in process.stdout or ())


WAYS: dict[str, Callable[[Path], int]] = {"ours": ours, "bytes": bytes_only, "library": library, "kubectl": kubectl}


def memory(key: str) -> float:
    """MB that the process has, or had at its peak."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[key].split()[0]) * 1024 / MB


def main() -> None:
    way, kubeconfig = WAYS[sys.argv[1]], Path(sys.argv[2])
    idle = memory("VmRSS")
    began = time.perf_counter()
    count = way(kubeconfig)
    took = time.perf_counter() - began
    used = memory("VmHWM") - idle
    if way is kubectl:
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / MB
    print(json.dumps({"count": count, "took": took, "memory": used}))


if __name__ == "__main__":
    main()
