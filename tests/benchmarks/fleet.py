"""Synthetic fleets: as many releases in a recorded cluster, and as many manifests in a bare repository.

The mix is the one that public GitOps repositories have: two manifests in five pin through an OCIRepository in a file of
its own, two in five carry no namespace and leave that to their kustomization.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_STAMP = "2026-03-01T10:00:00Z"


def key(number: int) -> tuple[str, str]:
    """The namespace and name of a release."""
    return f"team-{number % 50}", f"app-{number}"


def _through_oci(number: int) -> bool:
    return number % 5 < 2


def manifests(number: int) -> Iterator[tuple[str, str]]:
    """The production files of a release, by path."""
    namespace, name = key(number)
    folder = f"apps/{namespace}/{name}"
    own = "" if number % 7 < 3 else f"  namespace: {namespace}\n"
    head = (
        f"---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: &app {name}\n{own}spec:\n"
    )
    listed = ["helmrelease.yaml"]
    if _through_oci(number):
        chart = f"  chartRef:\n    kind: OCIRepository\n    name: {name}\n"
        listed.append("ocirepository.yaml")
        yield (
            f"{folder}/ocirepository.yaml",
            (
                "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n"
                f"  name: {name}\n{own}spec:\n  interval: 15m\n  url: oci://registry.example.com/charts/{name}\n"
                "  ref:\n    tag: 1.2.3\n"
            ),
        )
    else:
        chart = (
            f"  chart:\n    spec:\n      chart: {name}\n      version: 1.2.3\n      sourceRef:\n"
            "        kind: HelmRepository\n        name: charts\n        namespace: flux-system\n"
        )
    yield f"{folder}/helmrelease.yaml", head + "  interval: 30m\n" + chart + _VALUES
    resources = "".join(f"  - ./{path}\n" for path in listed)
    yield (
        f"{folder}/kustomization.yaml",
        (
            "---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
            f"namespace: {namespace}\nresources:\n{resources}"
        ),
    )


_VALUES = "  values:\n" + "".join(
    f"""    controller-{part}:
      replicas: 2
      containers:
        app:
          image: {{repository: registry.example.com/app, tag: "1.2.{part}"}}
          env:
            - name: TZ
              value: Europe/Berlin
            - name: PORT
              value: "808{part}"
      resources:
        requests: {{cpu: 10m, memory: 64Mi}}
        limits: {{memory: 256Mi}}
"""
    for part in range(4)
)


def release(number: int) -> dict[str, object]:
    """The staging HelmRelease of one release: about 7 kB, every tenth has something newer proven."""
    namespace, name = key(number)
    digest = f"{number:064x}"
    version = "1.2.4" if number % 10 == 0 else "1.2.3"
    told = f"{version}+{digest[:12]}" if _through_oci(number) else version
    source = (
        {"chartRef": {"kind": "OCIRepository", "name": name}}
        if _through_oci(number)
        else {
            "chart": {"spec": {"chart": name, "version": "1.x", "sourceRef": {"kind": "HelmRepository", "name": "c"}}}
        }
    )
    subject = f"release {namespace}/{name}.v7 with chart {name}@{told}"
    message = f"Helm test succeeded for {subject}: 1 test hook completed successfully"
    snapshot = {
        "version": 7,
        "status": "deployed",
        "name": name,
        "namespace": namespace,
        "chartName": name,
        "chartVersion": told,
        "configDigest": f"sha256:{digest}",
        "digest": f"sha256:{digest}",
        "ociDigest": f"sha256:{digest}",
        "firstDeployed": _STAMP,
        "lastDeployed": _STAMP,
        "testHooks": {"test": {"phase": "Succeeded", "lastStarted": _STAMP, "lastCompleted": _STAMP}},
    }
    conditions = [
        {"type": kind, "status": "True", "reason": kind, "message": message, "lastTransitionTime": _STAMP}
        for kind in ("Ready", "Released", "TestSuccess")
    ]
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "generation": 3,
            "managedFields": [{"manager": "helm-controller", "fieldsV1": {f"f:field-{n}": {} for n in range(60)}}],
        },
        "spec": {
            "interval": "30m",
            "test": {"enable": True},
            **source,
            "values": {f"setting-{n}": {"enabled": True, "text": "x" * 40} for n in range(40)},
        },
        "status": {"observedGeneration": 3, "history": [snapshot], "conditions": conditions},
    }


def repository(number: int) -> dict[str, object] | None:
    """The staging OCIRepository of one release, where it has one."""
    if not _through_oci(number):
        return None
    namespace, name = key(number)
    version = "1.2.4" if number % 10 == 0 else "1.2.3"
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "OCIRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ref": {"semver": "1.x"}},
        "status": {"artifact": {"revision": f"{version}@sha256:{number:064x}"}},
    }


def record(path: Path, size: int) -> None:
    """Write the recorded cluster, as ``kubectl get -o json`` does."""
    objects = [one for number in range(size) for one in (release(number), repository(number)) if one]
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def commit(path: Path, size: int) -> None:
    """Make the bare repository, in one commit."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    who = b"committer Fleet <fleet@example.com> 1767225600 +0000\n"
    stream = [b"commit refs/heads/main\n", who, b"data 5\nfleet\n"]
    for number in range(size):
        for name, text in manifests(number):
            data = text.encode()
            stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data))
    done = subprocess.run(["git", "-C", str(path), "fast-import", "--quiet"], input=b"".join(stream), check=False)
    assert done.returncode == 0
