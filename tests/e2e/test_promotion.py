"""The whole story on real Flux: a chart is published, staging upgrades and tests it, production follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.staging import PASSES

if TYPE_CHECKING:
    from tests.e2e.staging import Staging

pytestmark = pytest.mark.e2e


def test_a_version_in_range_is_promoted_once(world: Staging) -> None:
    world.publish("1.0.0", *PASSES)
    world.charts()
    world.release(">=1.0.0")
    world.settles("1.0.0")
    world.pin("1.0.0")
    assert world.answer() == "in sync"
    world.publish("1.1.0", *PASSES)
    world.settles("1.1.0")
    proposed = world.run()
    assert proposed == {"app": ["-      version: 1.0.0", "+      version: 1.1.0", "1 commit"]}
    refs = world.repository.refs()
    assert world.run() == proposed
    assert world.repository.refs() == refs
