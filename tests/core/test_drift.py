"""Staging against production: what is newer, what would be written, and why nothing is."""

from __future__ import annotations

import pytest

from reconciler.core.drift import Unit, listed, newer, shortfall, written
from reconciler.core.manifest import read
from reconciler.core.model import Doubt, Evidence, Key, Pin, Proof, Reason
from reconciler.core.version import Version
from tests.world import manifest

A, B, C = Key("a", "redis"), Key("b", "redis"), Key("c", "redis")


def pin(text: str = "1.0.0", *, is_tag: bool = False) -> Pin:
    (resource,) = read(manifest("a/redis", text).encode(), kustomization=False).resources
    assert resource.version is not None
    assert resource.version.scalar is not None
    return Pin(
        "redis.yaml", resource.version.scalar, Version.parse(text.replace("_", "+")), "redis", "redis.yaml:1", is_tag
    )


def proof(text: str, *, v_dropped: bool = False, is_tag: bool = False) -> Proof:
    return Proof(Version.parse(text.replace("_", "+")), text, 1, None, v_dropped=v_dropped, is_tag=is_tag)


def evidence(key: Key, *proven: str, doubts: tuple[Doubt, ...] = (), suspended: bool = False) -> Evidence:
    return Evidence(key, "redis", None, tuple(map(proof, proven)), doubts, suspended=suspended)


def doubt(reason: Reason, version: str | None) -> Doubt:
    return Doubt(reason, Version.parse(version) if version else None, f"{reason} for {version}")


# --- newer -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pinned", "proven", "expected"),
    [
        pytest.param(
            "1.0.0", ("1.2.0", "1.1.0", "1.0.0", "0.9.0"), ["1.2.0", "1.1.0"], id="only what is above the pin"
        ),
        pytest.param("1.0.0", ("v1.0.0",), [], id="equal but for a leading v is not newer"),
        pytest.param("1.0.0", ("1.0.0+build.2",), [], id="equal but for build metadata is not newer"),
        pytest.param("1.0.0-rc.1", ("1.0.0",), ["1.0.0"], id="a release is newer than its own candidate"),
        pytest.param("1.0.0", ("1.0.0-rc.9",), [], id="a candidate is not newer than its release"),
        pytest.param("1.9.0", ("1.10.0",), ["1.10.0"], id="numbers are compared as numbers"),
        pytest.param("2.0.0", ("1.9.9",), [], id="production never moves backwards"),
    ],
)
def test_newer_is_what_semver_says(pinned: str, proven: tuple[str, ...], expected: list[str]) -> None:
    assert [one.text for one in newer(evidence(A, *proven), pin(pinned))] == expected


# --- written ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pinned", "proven", "expected"),
    [
        pytest.param(pin("1.0.0"), proof("1.1.0"), "1.1.0", id="a chart version is written as the chart spells it"),
        pytest.param(pin("1.0.0"), proof("v1.1.0"), "v1.1.0", id="the chart's own v stays whatever the pin had"),
        pytest.param(pin("v1.0.0"), proof("1.1.0"), "1.1.0", id="a v is not added to a chart version without one"),
        pytest.param(pin("v1.0.0"), proof("1.1.0", v_dropped=True), "v1.1.0", id="a v that Flux dropped comes back"),
        pytest.param(pin("1.0.0"), proof("1.1.0", v_dropped=True), "1.1.0", id="no v where the pin has none"),
        pytest.param(pin("1.0.0"), proof("1.1.0+up.2"), "1.1.0+up.2", id="the chart's own build metadata stays"),
        pytest.param(
            pin("1.0.0", is_tag=True),
            proof("v1.1.0", is_tag=True),
            "v1.1.0",
            id="a tag is written as the artifact has it",
        ),
        pytest.param(
            pin("1.0.0_up.1", is_tag=True),
            proof("1.1.0_up.2", is_tag=True),
            "1.1.0_up.2",
            id="a tag keeps its underscore",
        ),
        pytest.param(
            pin("1.0.0", is_tag=True), proof("1.1.0+up.2"), "1.1.0_up.2", id="a tag spells a plus as an underscore"
        ),
        pytest.param(
            pin("1.0.0"),
            proof("v1.1.0_up.2", is_tag=True),
            "1.1.0+up.2",
            id="a tag becomes a chart version in the pin's own style",
        ),
        pytest.param(
            pin("v1.0.0", is_tag=True),
            proof("1.1.0"),
            "v1.1.0",
            id="a chart version becomes a tag in the pin's own style",
        ),
    ],
)
def test_what_is_written(pinned: Pin, proven: Proof, expected: str) -> None:
    assert written(proven, pinned) == expected


# --- shortfall -------------------------------------------------------------------------------------------------------

FAILED, ROLLED, RUNNING = Reason.TESTS_FAILED, Reason.ROLLED_BACK, Reason.TESTS_RUNNING


@pytest.mark.parametrize(
    ("doubts", "expected"),
    [
        pytest.param((), None, id="without doubts there is nothing to tell"),
        pytest.param((doubt(FAILED, "1.1.0"),), FAILED, id="a newer version that failed"),
        pytest.param((doubt(FAILED, "1.0.0"),), None, id="a doubt about the pinned version itself is no news"),
        pytest.param((doubt(FAILED, "v1.0.0"),), None, id="nor with a leading v"),
        pytest.param((doubt(FAILED, "0.9.0"),), None, id="nor about an older one"),
        pytest.param(
            (doubt(RUNNING, "0.9.0"), doubt(ROLLED, "1.1.0")), ROLLED, id="the first that is about a newer one"
        ),
        pytest.param((doubt(RUNNING, "1.2.0"), doubt(ROLLED, "1.1.0")), RUNNING, id="in the order of the evidence"),
        pytest.param((doubt(Reason.NOT_DEPLOYED, None),), Reason.NOT_DEPLOYED, id="an unknown version may be newer"),
    ],
)
def test_why_a_newer_version_is_not_proven(doubts: tuple[Doubt, ...], expected: Reason | None) -> None:
    found = shortfall(evidence(A, doubts=doubts), pin())
    assert (found and found.reason) == expected


def test_suspension_comes_first_and_keeps_the_words() -> None:
    found = shortfall(evidence(A, doubts=(doubt(FAILED, "1.1.0"),), suspended=True), pin())
    assert found == Doubt(Reason.SUSPENDED, Version.parse("1.1.0"), "staging is suspended; tests-failed for 1.1.0")


def test_suspension_without_a_newer_version_is_nothing_to_tell() -> None:
    assert shortfall(evidence(A, suspended=True), pin()) is None


# --- units -----------------------------------------------------------------------------------------------------------


def test_what_is_common_is_proven_by_every_member_and_highest_first() -> None:
    unit = Unit("home", pin(), (evidence(A, "1.3.0", "1.2.0", "1.1.0"), evidence(B, "v1.2.0", "1.1.0", "1.0.0")))
    assert [[one.text for one in row] for row in unit.common()] == [["1.2.0", "v1.2.0"], ["1.1.0", "1.1.0"]]


def test_two_builds_of_one_version_are_not_common() -> None:
    unit = Unit("home", pin(), (evidence(A, "1.2.0+a", "1.1.0"), evidence(B, "1.2.0+b", "1.1.0")))
    assert [[one.text for one in row] for row in unit.common()] == [["1.1.0", "1.1.0"]]
    assert unit.laggards(unit.members[0].proofs[0]) == (B,)


def test_laggards_are_those_that_have_not_proven_the_version() -> None:
    unit = Unit("home", pin(), (evidence(A, "1.1.0"), evidence(B), evidence(C, "1.2.0")))
    assert unit.laggards(proof("1.1.0")) == (B, C)


def test_a_unit_has_the_chart_that_any_of_its_releases_deploys() -> None:
    nothing = Evidence(A)
    assert Unit("home", pin(), (nothing, evidence(B))).chart == "redis"
    assert Unit("home", pin(), (nothing,)).chart == ""


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(1, "n/r0", id="one"),
        pytest.param(5, "n/r0, n/r1, n/r2, n/r3, n/r4", id="a few by name"),
        pytest.param(43, "n/r0, n/r1, n/r2, n/r3, n/r4 and 38 more", id="many by number"),
    ],
)
def test_releases_are_listed_in_a_sentence(count: int, expected: str) -> None:
    assert listed([Key("n", f"r{number}") for number in range(count)]) == expected
