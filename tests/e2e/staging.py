"""One scenario's place: a namespace of staging with its charts, and the production repository that follows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests import recordings
from tests.e2e.charts import Hook
from tests.e2e.cluster import GROUPS
from tests.e2e.process import until
from tests.world import ENVIRON, Repository, answers, manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.charts import Publisher
    from tests.e2e.cluster import Cluster, Object
    from tests.e2e.flux import Kubelet

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide.md"
PROGRAM = Path(sys.executable).with_name("helm-promoter")
PASSES = (Hook(),)
FAILS = (Hook(phase="Failed"),)
KINDS = {
    "HelmRelease": ("helm", "helmreleases"),
    "HelmRepository": ("source", "helmrepositories"),
    "HelmChart": ("source", "helmcharts"),
    "OCIRepository": ("source", "ocirepositories"),
}
RECORDED = ("HelmRelease", "OCIRepository", "HelmChart")


@dataclass
class Staging:
    """A namespace of the cluster, in which one scenario plays."""

    cluster: Cluster
    kubelet: Kubelet
    publisher: Publisher
    namespace: str
    folder: Path
    chart: str = "app"
    repository: Repository = field(init=False)
    read_by: Object = field(init=False)
    """The ``cluster:`` mapping of the program's configuration: how it reads staging."""

    def __post_init__(self) -> None:
        self.cluster.namespace(self.namespace)
        self.repository = Repository(self.folder / "fleet.git")
        self.grant(documented_rules())

    def grant(self, rules: list[Object]) -> None:
        """Give the program a service account that may do this much in the namespace, instead of what is documented."""
        account = (self.cluster.namespace("helm-promoter"), self.namespace)
        token = self.cluster.account(*account)
        self.cluster.allow(account, rules, self.namespace)
        kubeconfig = self.cluster.kubeconfig(self.folder / "kubeconfig", token)
        self.read_by = {"kubeconfig": kubeconfig.name, "context": self.cluster.context}

    def read_a_recording(self) -> None:
        """Let the program read what kubectl would print instead of the cluster."""
        recorded = {"apiVersion": "v1", "kind": "List", "items": self.objects()}
        (self.folder / "staging.json").write_text(json.dumps(recorded))
        self.read_by = {"snapshot": "staging.json"}

    # what is published

    def publish(self, version: str, *hooks: Hook, broken: bool = False) -> None:
        """Publish a version of the chart, and have Flux look at once if it already knows the repository."""
        package = self.publisher.package(self.namespace, self.chart, version, *hooks, broken=broken)
        self.publisher.publish(package)
        if self.listed("HelmRepository"):
            self.nudge("HelmRepository", "charts")

    def push(self, version: str, *hooks: Hook) -> None:
        """Push a version of the chart to the registry."""
        self.publisher.push(self.publisher.package(self.namespace, self.chart, version, *hooks))
        for repository in self.listed("OCIRepository"):
            self.nudge("OCIRepository", repository["metadata"]["name"])

    # what staging has

    def starts(self, version: str = "1.0.0", *hooks: Hook, wants: str = ">=1.0.0", **spec: object) -> None:
        """Have a release in a first version that passes its tests, while production is one version behind."""
        self.publish(version, *(hooks or PASSES))
        self.charts()
        self.release(wants, **spec)
        self.settles(version)
        self.pin("0.9.0")

    def order(self, phase: str | None, hook: str = "app-smoke") -> None:
        """Say how a hook's pod is to end, whatever its chart says; None takes the order back."""
        place = f"{self.namespace}/{hook}"
        if phase is None:
            self.kubelet.orders.pop(place)
        else:
            self.kubelet.orders[place] = phase

    def charts(self) -> None:
        """Let staging know the chart repository."""
        spec = {"interval": "10m", "url": f"{self.publisher.url}/{self.namespace}"}
        self.apply("HelmRepository", "charts", spec)

    def release(self, version: str = "*", *, name: str = "app", **spec: object) -> None:
        """Have a release of the chart, by default in whatever version there is, with tests."""
        source = {"kind": "HelmRepository", "name": "charts"}
        chart = {"spec": {"chart": self.chart, "version": version, "interval": "10m", "sourceRef": source}}
        self.apply("HelmRelease", name, _body(spec) | {"chart": chart})

    def oci(self, name: str = "app", **ref: str) -> None:
        """Have an OCIRepository of the chart in the registry."""
        url = f"oci://{self.publisher.registry}/{self.namespace}/{self.chart}"
        self.apply("OCIRepository", name, {"interval": "10m", "url": url, "insecure": True, "ref": ref})

    def release_of(self, source: str, name: str = "app", *, kind: str = "OCIRepository", **spec: object) -> None:
        """Have a release of what an OCIRepository, or a HelmChart, fetches."""
        self.apply("HelmRelease", name, _body(spec) | {"chartRef": {"kind": kind, "name": source}})

    def apply(self, kind: str, name: str, spec: Object) -> None:
        group, _ = KINDS[kind]
        version = GROUPS[group].removeprefix("/apis/")
        thing = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}}
        self.cluster.api.apply(self.path(kind, name), thing | {"spec": spec})

    def change(self, name: str = "app", **spec: object) -> None:
        """Change the spec of a release, as a person with kubectl would."""
        self.cluster.api.merge(self.path("HelmRelease", name), {"spec": spec})

    def force(self, name: str = "app") -> None:
        """Have Flux upgrade a release now, though nothing has changed."""
        token = uuid.uuid4().hex
        annotations = {"reconcile.fluxcd.io/requestedAt": token, "reconcile.fluxcd.io/forceAt": token}
        self.cluster.api.merge(self.path("HelmRelease", name), {"metadata": {"annotations": annotations}})

    def helm(self, *words: str) -> None:
        """Have a person use helm on the cluster."""
        flags = ("--namespace", self.namespace, "--kubeconfig", str(self.cluster.admin))
        self.publisher.helm(*words, *flags)

    def nudge(self, kind: str, name: str) -> None:
        """Have Flux look at an object now, and wait until it has looked."""
        token = uuid.uuid4().hex
        annotated = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        self.cluster.api.merge(self.path(kind, name), annotated)
        until(
            f"{kind} {name} is looked at", lambda: self.get(kind, name)["status"].get("lastHandledReconcileAt") == token
        )

    # what is to be seen of it

    def path(self, kind: str, name: str = "") -> str:
        group, plural = KINDS[kind]
        return f"{GROUPS[group]}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def get(self, kind: str, name: str) -> Object:
        return self.cluster.api.get(self.path(kind, name))

    def listed(self, kind: str) -> list[Object]:
        return self.cluster.api.get(self.path(kind))["items"]

    def becomes(self, what: str, holds: Callable[[Object], bool], name: str = "app") -> Object:
        """Wait until what Flux wrote of a release holds and stays; give the release.

        Flux writes conditions and history one after the other, so one look could see half of it.
        """
        last: Object = {"metadata": {}}

        def look() -> bool:
            before = last["metadata"].get("resourceVersion")
            last.update(self.get("HelmRelease", name))
            stays = last["metadata"]["resourceVersion"] == before
            return stays and "history" in last["status"] and holds(last)

        try:
            until(what, look, pause=0.2)
        except AssertionError as error:
            error.add_note(json.dumps(last["status"], indent=1))
            raise
        return last

    def observes(self, generation: int, name: str = "app") -> Object:
        """Wait until Flux has done with a generation of the spec."""
        return self.becomes(
            f"generation {generation} is observed",
            lambda seen: seen["status"]["observedGeneration"] == generation,
            name,
        )

    def tested(self, version: str, name: str = "app") -> Object:
        """Wait until Flux has tested a version well, whatever it adds to it."""
        return self.becomes(f"{version} is tested", lambda seen: _tested(seen, version), name)

    def settled_after(self, revision: int, name: str = "app") -> Object:
        """Wait until Flux has done with a revision, well or not."""
        return self.becomes(f"revision {revision} is done with", lambda seen: _done(seen, revision), name)

    def settles(self, version: str, ready: str = "True", name: str = "app") -> Object:
        """Wait until Flux has done with a version."""
        return self.becomes(f"{version} is Ready={ready}", lambda seen: settled(seen, version, ready), name)

    def record(self, case: str) -> None:
        """Keep what the controllers wrote as a fixture of the fast tests, if this run is to record."""
        self.record_all(case, [self.objects()])

    def record_all(self, case: str, moments: list[list[Object]]) -> None:
        """Keep more than one moment."""
        if os.environ.get("E2E_RECORD"):
            recordings.write(case, self.publisher.tools.versions, moments)

    def objects(self) -> list[Object]:
        """Give the objects that the program reads, as kubectl would print them."""
        return [
            each | {"apiVersion": GROUPS[KINDS[kind][0]].removeprefix("/apis/"), "kind": kind}
            for kind in RECORDED
            for each in self.listed(kind)
        ]

    # the program

    def pin(self, version: str, name: str = "app") -> None:
        """Have production pin a version."""
        text = manifest(f"{self.namespace}/{name}", version, self.chart)
        self.repository.commit({f"production/{name}.yaml": text})

    def config(self) -> Path:
        """Write the program's configuration, and what it needs."""
        promotion = {
            "name": "home",
            "staging": {"cluster": self.read_by, "namespaces": [self.namespace]},
            "production": {"git": {"url": str(self.repository.path)}, "paths": ["production/**"]},
        }
        path = self.folder / "helm-promoter.yaml"
        path.write_text(json.dumps({"promotions": [promotion]}))
        return path

    def promoter(self, *words: str, code: int = 0) -> str:
        """Run the installed program, and give what it prints."""
        command = [str(PROGRAM), *words, "-c", str(self.config())]
        environ = ENVIRON | {"HOME": str(self.folder)}
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, check=False, cwd=self.folder, timeout=120
        )
        assert done.returncode == code, f"{words} gave {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def plan(self, code: int = 0) -> Object:
        return json.loads(self.promoter("plan", "-o", "json", code=code))

    def answer(self, name: str = "app") -> str:
        """The one answer about a release: an action, a reason, ``in sync`` or ``proposed``."""
        return answers(self.plan())[f"{self.namespace}/{name}"]

    def run(self) -> dict[str, list[str]]:
        """Make one pass; give what is proposed afterwards: each branch, and the lines that it changes."""
        self.promoter("run", "--once")
        heads = [ref.removeprefix("refs/heads/") for ref in self.repository.refs() if ref.startswith("refs/heads/helm")]
        start = f"helm-promotion/home/{self.namespace}/"
        return {head.removeprefix(start): self.repository.changes(head) for head in heads}


def documented_rules() -> list[Object]:
    """Take the rules out of the Role that the guide shows."""
    blocks = GUIDE.read_text().split("```yaml\n")[1:]
    documents = [each for block in blocks for each in yaml.safe_load_all(block.partition("```")[0])]
    (role,) = (each for each in documents if isinstance(each, dict) and each.get("kind") == "Role")
    rules: list[Object] = role["rules"]
    return rules


def settled(release: Object, version: str, ready: str) -> bool:
    """Tell whether Flux attempted this version and is done with it, well or not."""
    conditions = {each["type"]: each for each in release["status"]["conditions"]}
    if release["status"].get("lastAttemptedRevision") != version or conditions["Ready"]["status"] != ready:
        return False
    return "Reconciling" not in conditions


def _tested(release: Object, version: str) -> bool:
    conditions = {each["type"]: each["status"] for each in release["status"]["conditions"]}
    last = newest(release)["chartVersion"].partition("+")[0]
    return last == version and conditions.get("TestSuccess") == "True" == conditions["Ready"]


def _done(release: Object, revision: int) -> bool:
    conditions = {each["type"]: each["status"] for each in release["status"]["conditions"]}
    return newest(release)["version"] == revision and "Reconciling" not in conditions


def newest(release: Object) -> Object:
    """The newest entry of a release's history."""
    return max(release["status"]["history"], key=lambda entry: entry["version"])


def _handled(thing: Object) -> str | None:
    return thing["status"].get("lastHandledReconcileAt")


def _body(spec: dict[str, object]) -> Object:
    return {"interval": "10m", "timeout": "5m", "test": {"enable": True}} | spec
