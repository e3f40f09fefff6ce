"""The words of a plan: what staging tells reaches the pull request, in the user's words or in ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.model import AutoMerge, Manners, Open, Pause, Reason, Update
from reconciler.core.pull_request import read_marker
from tests.core.simulator import Repository, fleet, look, promotion
from tests.core.test_plan_forge import NEWEST, Forge, V, forge, held, only, standing
from tests.world import Object, manifest, proven, release


def staging() -> Object:
    """A release that came from 1.0.0 by a failed version to a proven one, with the versions of its app."""
    found = release(V, ("1.2.0", "Succeeded"), ("1.1.0", "Failed"), ("1.0.0", "Succeeded"))
    for entry, app in zip(found["status"]["history"], ("2.4.0", "2.3.9", "2.3.0"), strict=True):
        entry["appVersion"] = app
    return found


def test_the_body_tells_what_staging_saw() -> None:
    found = only(forge().look(fleet(staging())))
    told = found.subject.words.body.split("\n")
    assert "| chart `vault` | `1.0.0` | `1.2.0` | minor |" in told
    assert "| app | `2.3.0` | `2.4.0` |  |" in told
    assert "**In between**, staging has seen: `1.1.0` failed or taken back." in told
    assert "| `vault-test` | `Succeeded` | 60 s |" in told
    assert (
        "**1 test passed in staging**: revision 3 of `vault/vault`, deployed 2026-03-01 11:00:00Z,"
        " tested 2026-03-01 11:02:00Z."
    ) in told


WORDS = Manners(title="{{ name }} {{ to }}", body="*{{ bump }}*", commit_message="feat: {{ chart }}")


def test_words_of_the_user_s_reach_the_pull_request_and_its_commit() -> None:
    found = only(forge().look(fleet(NEWEST), manners=WORDS))
    assert isinstance(found, Open)
    assert found.subject.title == "vault 1.2.0"
    assert "\n*minor*\n" in found.subject.words.body
    assert found.commit.message.startswith("feat: vault\n\nvault.yaml: 1.0.0 -> 1.2.0\n")
    marker = read_marker(found.commit.message)
    assert marker is not None
    assert marker.to == "1.2.0"


def test_words_of_the_user_s_reach_the_commit_of_plain_git() -> None:
    decided = look(fleet(NEWEST), Repository({"vault.yaml": manifest(V, "1.0.0")}), manners=WORDS)
    found = only(decided)
    assert isinstance(found, Open)
    assert found.commit.message.startswith("feat: vault\n\n")


def test_other_words_alone_change_nothing_that_stands() -> None:
    world = standing()
    assert not world.look(fleet(proven(V, "1.1.0")), manners=WORDS).actions


FAILING = replace(WORDS, title="{{ 1 / (1 - (tests | length)) }}")


def test_a_template_that_fails_after_all_holds_and_says_why() -> None:
    found = held(forge().look(fleet(NEWEST), manners=FAILING))
    assert (found.reason, found.to) == (Reason.UNSUPPORTED, "1.2.0")
    assert found.message == "a template cannot be filled in: division by zero"


@pytest.mark.parametrize("merging", [True, False])
def test_a_template_that_fails_leaves_nothing_armed_that_nobody_can_update(*, merging: bool) -> None:
    world: Forge = standing()
    world.change(merging=merging)
    manners = replace(FAILING, auto_merge=AutoMerge())
    found = only(world.look(fleet(NEWEST), manners=manners))
    assert isinstance(found, Pause)
    assert found.subject.words.status == "unsupported: a template cannot be filled in: division by zero"
    assert isinstance(only(world.look(fleet(NEWEST), manners=WORDS)), Update)


def test_the_promotion_s_manners_are_its_own() -> None:
    assert promotion().manners == Manners()
