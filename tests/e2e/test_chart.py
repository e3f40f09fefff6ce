"""The chart on a real API server: every object is admitted, and its rights are to read and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from reconciler import demo
from tests.e2e.build import build
from tests.e2e.cluster import cluster
from tests.e2e.process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.build import Tools
    from tests.e2e.cluster import Cluster

pytestmark = pytest.mark.e2e

CHART = Path(__file__).parents[2] / "charts/helm-promoter"
CASES = [path.stem.removesuffix("-values") for path in sorted((CHART / "ci").glob("*-values.yaml"))]
PROMO = "promo"
FOREIGN = {"ServiceMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator, which is not there."""
PATHS = {
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
}
Object = dict[str, Any]


@pytest.fixture(scope="module")
def tools() -> Tools:
    return build()


@pytest.fixture(scope="module")
def made(tools: Tools, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with Flux's kinds, and a namespace that admits restricted pods only."""
    with cluster(tools, tmp_path_factory.mktemp("cluster")) as made:
        made.install(tools)
        for name in (PROMO, "monitoring", "vault", "flux-system"):
            made.namespace(name)
        level = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}
        made.api.merge(f"/api/v1/namespaces/{PROMO}", {"metadata": {"labels": level}})
        made.account(PROMO, "existing")
        yield made


def render(tools: Tools, home: Path, case: str, *more: str) -> list[Object]:
    values = str(CHART / "ci" / f"{case}-values.yaml")
    words = ["template", "hp", str(CHART), "--namespace", PROMO, "--values", values, *more]
    done = subprocess.run(
        [tools.program("helm"), *words], env={"HOME": str(home)}, capture_output=True, text=True, check=True
    )
    return [thing for thing in yaml.safe_load_all(done.stdout) if thing and thing["kind"] not in FOREIGN]


def send(made: Cluster, thing: Object, *, dry: bool) -> Object:
    """Apply an object on the server. An unknown or a repeated field is an error."""
    metadata = thing["metadata"]
    place = PATHS[thing["kind"]].format(metadata.get("namespace"))
    options = f"fieldManager=helm&fieldValidation=Strict{'&dryRun=All' if dry else ''}"
    return made.api.call("PATCH", f"{place}/{metadata['name']}?{options}", thing, "application/apply-patch+yaml")


def pod(things: list[Object]) -> Object:
    owner = next(thing for thing in things if thing["kind"] in {"Deployment", "CronJob"})
    spec = owner["spec"]
    template = spec["template"] if owner["kind"] == "Deployment" else spec["jobTemplate"]["spec"]["template"]
    metadata = template["metadata"] | {"name": "hp", "namespace": PROMO}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@pytest.mark.parametrize("case", CASES)
def test_every_object_and_its_pod_are_admitted(made: Cluster, tools: Tools, tmp_path: Path, case: str) -> None:
    things = render(tools, tmp_path, case)

    for thing in things:
        admitted = send(made, thing, dry=thing["kind"] != "ServiceAccount")
        assert admitted["metadata"]["name"] == thing["metadata"]["name"]

    admitted = made.api.post(f"/api/v1/namespaces/{PROMO}/pods?dryRun=All&fieldValidation=Strict", pod(things))
    assert admitted["spec"]["securityContext"]["runAsNonRoot"] is True


def may(made: Cluster, verb: str, group: str, resource: str, namespace: str) -> bool:
    """Ask the server whether the chart's service account may do something."""
    attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:{PROMO}:hp-helm-promoter", "resourceAttributes": attributes},
    }
    return made.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]


HELM, SOURCE = "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
THINGS = (
    (HELM, "helmreleases"),
    (HELM, "helmreleases/status"),
    (SOURCE, "ocirepositories"),
    (SOURCE, "helmcharts"),
    (SOURCE, "gitrepositories"),
    ("", "secrets"),
    ("", "configmaps"),
    ("", "pods"),
    ("", "serviceaccounts/token"),
    ("apps", "deployments"),
    ("rbac.authorization.k8s.io", "roles"),
)
OURS = {(HELM, "helmreleases"), (SOURCE, "ocirepositories"), (SOURCE, "helmcharts")}


def rights(made: Cluster, namespace: str) -> set[tuple[str, str, str]]:
    return {
        (verb, group, resource)
        for group, resource in THINGS
        for verb in VERBS
        if may(made, verb, group, resource, namespace)
    }


def test_the_rights_are_to_read_what_was_named_and_nothing_else(made: Cluster, tools: Tools, tmp_path: Path) -> None:
    read = {(verb, *thing) for verb in ("get", "list") for thing in OURS}
    sources = {one for one in read if one[1] == SOURCE}
    things = render(tools, tmp_path, "namespaces", "--set", "rbac.sourceNamespaces={flux-system}")
    ours = [thing for thing in things if thing["kind"] in {"Role", "RoleBinding", "ServiceAccount"}]
    for thing in ours:
        send(made, thing, dry=False)
    try:
        assert rights(made, "monitoring") == rights(made, "vault") == read
        assert rights(made, "flux-system") == sources
        assert rights(made, PROMO) == rights(made, "default") == set()
    finally:
        for thing in ours:
            metadata = thing["metadata"]
            made.api.delete(f"{PATHS[thing['kind']].format(metadata['namespace'])}/{metadata['name']}")


def test_a_star_is_the_same_everywhere(made: Cluster, tools: Tools, tmp_path: Path) -> None:
    ours = [thing for thing in render(tools, tmp_path, "everywhere") if thing["kind"].startswith("ClusterRole")]
    for thing in ours:
        send(made, thing, dry=False)
    try:
        expected = {(verb, *thing) for verb in ("get", "list") for thing in OURS}
        assert rights(made, "vault") == rights(made, PROMO) == expected
    finally:
        for thing in ours:
            made.api.delete(f"{PATHS[thing['kind']]}/{thing['metadata']['name']}")


# --- the program, as the pod would run it ----------------------------------------------------------------------------

PLURALS = {"HelmChart": "helmcharts", "HelmRelease": "helmreleases", "OCIRepository": "ocirepositories"}
ROOT = CHART.parents[1]


def fill(made: Cluster, recording: Path) -> list[str]:
    """Put what was recorded into the cluster, and name its namespaces."""
    items = json.loads(json.dumps(yaml.safe_load(recording.read_text()), default=_text))["items"]
    for thing in items:
        namespace, name = thing["metadata"]["namespace"], thing["metadata"]["name"]
        made.namespace(namespace)
        where = f"/apis/{thing['apiVersion']}/namespaces/{namespace}/{PLURALS[thing['kind']]}"
        bare = {"apiVersion": thing["apiVersion"], "kind": thing["kind"], "spec": thing["spec"]}
        made.api.post(where, bare | {"metadata": {"name": name, "namespace": namespace}})
        made.api.merge(f"{where}/{name}/status", {"status": thing["status"] | {"observedGeneration": 1}})
    return sorted({thing["metadata"]["namespace"] for thing in items})


def _text(at: object) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def refs(home: Path) -> set[str]:
    listed = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname)"],
        cwd=home / "fleet.git",
        capture_output=True,
        text=True,
        check=True,
    )
    return {ref for ref in listed.stdout.split() if ref.startswith("refs/heads/helm-promotion/")}


def test_the_program_promotes_with_the_rights_and_the_arguments_of_the_chart(
    made: Cluster, tools: Tools, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    demo.build(home, os.environ)
    namespaces = fill(made, home / "staging.yaml")
    rendered = tmp_path / "values.yaml"
    staging = {"cluster": {"inCluster": True}, "namespaces": namespaces}
    production = {"git": {"url": "https://git.invalid/fleet"}}
    rendered.write_text(
        json.dumps({"config": {"promotions": [{"name": "x", "staging": staging, "production": production}]}})
    )
    things = render(tools, tmp_path, "namespaces", "--values", str(rendered), "--set", "dryRun=false")
    for thing in things:
        if thing["kind"] in {"Role", "RoleBinding", "ServiceAccount"}:
            send(made, thing, dry=False)
    made.kubeconfig(home / "kubeconfig", made.token(PROMO, "hp-helm-promoter"))
    config = home / "helm-promoter.yaml"
    config.write_text(
        config.read_text()
        .replace("{snapshot: staging.yaml}", "{kubeconfig: kubeconfig}")
        .replace('["*"]', json.dumps(namespaces))
    )
    port = free_port()
    arguments = pod(things)["spec"]["containers"][0]["args"]
    arguments = [word.replace("/etc/helm-promoter/config.yaml", str(config)) for word in arguments]
    arguments = [word.replace("--listen=:8080", f"--listen=127.0.0.1:{port}") for word in arguments]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        finished = next(line for line in map(json.loads, process.stderr) if line["event"] == "pass.finished")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as ready:
            assert ready.status == 200
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as health:
            assert health.status == 200
        process.send_signal(signal.SIGTERM)
        process.stderr.read()

    assert (finished["level"], finished["actions"]) == ("info", {"open": 3})
    assert process.returncode == 0
    assert len(refs(home)) == 3
