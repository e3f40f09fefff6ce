"""The twin, held to what a real API server answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.contracts.live_cluster import ReadsALiveCluster
from tests.twins import kubernetes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.world import Object


@dataclass
class TwinCluster:
    twin: kubernetes.Twin
    folder: Path

    def add(self, *things: Object) -> None:
        self.twin.add(*things)

    def admin(self) -> Path:
        return self.twin.kubeconfig(self.folder / "admin.kubeconfig")

    def user(self, *rights: tuple[str, str]) -> Path:
        name = f"user-{len(self.twin.users)}"
        token = f"{kubernetes.TOKEN_OF}{name}"
        self.twin.users[token] = frozenset(rights)
        return self.twin.kubeconfig(self.folder / f"{name}.kubeconfig", token)

    def revoke(self) -> None:
        self.twin.users.popitem()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[TwinCluster]:
    with kubernetes.running() as twin:
        yield TwinCluster(twin, tmp_path)


class TestTheTwin(ReadsALiveCluster):
    pass
