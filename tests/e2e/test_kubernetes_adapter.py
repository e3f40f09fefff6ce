"""The adapter for live clusters, held to its contract by a real API server."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import pytest

from reconciler.ports import Refused
from tests.contracts.live_cluster import ALL, ReadsALiveCluster, look
from tests.e2e.build import build
from tests.e2e.cluster import ApiError, cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.cluster import Cluster
    from tests.world import Object

pytestmark = pytest.mark.e2e

PLURALS = {"HelmRelease": "helmreleases", "OCIRepository": "ocirepositories", "HelmChart": "helmcharts"}
PEOPLE = "people"
_numbers = count()


@dataclass
class RealCluster:
    """A real API server, emptied of what a test put there."""

    real: Cluster
    folder: Path
    put: list[str] = field(default_factory=list)
    last: str = ""

    def add(self, *things: Object) -> None:
        for thing in things:
            namespace, name = thing["metadata"]["namespace"], thing["metadata"]["name"]
            self.real.namespace(namespace)
            where = f"/apis/{thing['apiVersion']}/namespaces/{namespace}/{PLURALS[thing['kind']]}"
            self.real.api.post(where, thing)
            self.put.append(f"{where}/{name}")
            if status := thing.get("status"):
                conditions = [{"message": ""} | condition for condition in status["conditions"]]  # no CRD lets it lack
                self.real.api.merge(f"{where}/{name}/status", {"status": status | {"conditions": conditions}})

    def admin(self) -> Path:
        return self.real.admin

    def user(self, *rights: tuple[str, str]) -> Path:
        self.last = f"user-{next(_numbers)}"
        token = self.real.account(self.real.namespace(PEOPLE), self.last)
        for where in {namespace for _, namespace in rights}:
            plurals = [plural for plural, namespace in rights if namespace == where]
            rules = [{"apiGroups": [_group(plural)], "resources": [plural], "verbs": ["list"]} for plural in plurals]
            namespace = None if where == "*" else self.real.namespace(where)
            self.real.allow((PEOPLE, self.last), rules, namespace)
        return self.real.kubeconfig(self.folder / f"{self.last}.kubeconfig", token)

    def revoke(self) -> None:
        self.real.api.delete(f"/api/v1/namespaces/{PEOPLE}/serviceaccounts/{self.last}")

    def empty(self) -> None:
        for path in self.put:
            with suppress(ApiError):
                self.real.api.delete(path)


def _group(plural: str) -> str:
    return "helm.toolkit.fluxcd.io" if plural == "helmreleases" else "source.toolkit.fluxcd.io"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    tools = build()
    with cluster(tools, tmp_path_factory.mktemp("cluster")) as running:
        running.install(tools)
        yield running


class TestARealApiServer(ReadsALiveCluster):
    @pytest.fixture
    def cluster(self, real: Cluster, tmp_path: Path) -> Iterator[RealCluster]:
        made = RealCluster(real, tmp_path)
        yield made
        made.empty()


def test_a_cluster_without_flux_is_told(tmp_path: Path) -> None:
    with cluster(build(), tmp_path) as bare:
        message = (
            "serves helmreleases.helm.toolkit.fluxcd.io neither in v2 nor v2beta2 (helm.toolkit.fluxcd.io): "
            "install Flux 2.2 or later there, or name another cluster"
        )
        with pytest.raises(Refused) as raised:
            look(bare.admin, ALL)
        assert str(raised.value).endswith(message)
