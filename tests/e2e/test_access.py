"""What the program may do on staging: the Role that the guide shows is enough, and what is missing is named.

All other scenarios run with that Role too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.staging import PASSES, documented_rules
from tests.world import answers

if TYPE_CHECKING:
    from tests.e2e.staging import Staging

pytestmark = pytest.mark.e2e


def test_without_any_right_the_error_names_what_is_missing(world: Staging) -> None:
    world.starts()
    world.grant([])
    plan = world.plan(code=1)
    assert [plan[part] for part in ("actions", "holds", "in_sync", "proposed")] == [[], [], [], []]
    (error,) = plan["errors"]
    assert "list" in error["message"]
    assert "helmreleases" in error["message"]
    assert world.namespace in error["message"]


def test_with_a_right_to_releases_only_what_refers_to_a_source_is_held(world: Staging) -> None:
    world.starts()
    world.push("1.0.0", *PASSES)
    world.oci(tag="1.0.0")
    world.release_of("app", "web")
    world.tested("1.0.0", "web")
    world.pin("0.9.0", "web")
    world.grant([rule for rule in documented_rules() if "helmreleases" in rule["resources"]])
    plan = world.plan()
    assert answers(plan) == {f"{world.namespace}/app": "open", f"{world.namespace}/web": "unreadable"}
    (hold,) = plan["holds"]
    assert "list" in hold["message"]
    assert "ocirepositories" in hold["message"]


def test_the_cluster_and_its_recording_give_the_same_plan(world: Staging) -> None:
    world.starts()
    world.push("1.0.0", *PASSES)
    world.oci(tag="1.0.0")
    world.release_of("app", "web")
    world.tested("1.0.0", "web")
    world.pin("0.9.0", "web")
    live = world.plan() | {"at": None}
    world.read_a_recording()
    assert world.plan() | {"at": None} == live
