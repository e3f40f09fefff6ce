"""Charts from an OCI registry: the tag is promoted, never the digest that Flux adds to the version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.staging import FAILS, PASSES, newest

if TYPE_CHECKING:
    from tests.e2e.staging import Staging

pytestmark = pytest.mark.e2e


def oci(world: Staging, tag: str, *names: str) -> None:
    """Have production pin a tag in an OCIRepository, which these releases share."""
    place = f"namespace: {world.namespace}"
    documents = [
        (
            f"apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata:\n  name: app\n  {place}\nspec:\n"
            f"  url: oci://charts.example/app\n  ref:\n    tag: {tag}\n"
        )
    ]
    documents += [
        f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\n  {place}\nspec:\n"
        "  chartRef:\n    kind: OCIRepository\n    name: app\n"
        for name in names
    ]
    world.repository.commit({"production/app.yaml": "---\n".join(documents)})


def lines(before: str, after: str) -> list[str]:
    return [f"-    tag: {before}", f"+    tag: {after}", "1 commit"]


def test_a_tag_that_a_range_chose_is_promoted_without_the_digest(world: Staging) -> None:
    world.push("1.0.0", *PASSES)
    world.oci(semver=">=1.0.0")
    world.release_of("app")
    world.tested("1.0.0")
    world.push("1.1.0", *PASSES)
    seen = world.tested("1.1.0")
    digest = newest(seen)["ociDigest"].removeprefix("sha256:")
    assert newest(seen)["chartVersion"] == f"1.1.0+{digest[:12]}"
    world.record("oci-semver")
    oci(world, "1.0.0", "app")
    assert world.run() == {"app": lines("1.0.0", "1.1.0")}


def test_a_failed_tag_is_held_and_the_one_before_is_promoted(world: Staging) -> None:
    world.push("1.0.0", *PASSES)
    world.oci(semver=">=1.0.0")
    world.release_of("app", upgrade={"remediation": {"retries": 0, "remediateLastFailure": True}})
    world.tested("1.0.0")
    world.push("1.1.0", *FAILS)
    world.becomes("it was rolled back", lambda seen: newest(seen).get("action") == "rollback")
    world.record("oci-rolled-back")
    oci(world, "0.9.0", "app")
    assert world.run() == {"app": lines("0.9.0", "1.0.0")}


def test_a_shared_repository_moves_when_both_of_its_releases_are_proven(world: Staging) -> None:
    world.push("1.0.0", *PASSES)
    world.oci(semver=">=1.0.0")
    world.release_of("app", "web")
    world.release_of("app", "worker")
    world.tested("1.0.0", "web")
    world.tested("1.0.0", "worker")
    oci(world, "1.0.0", "web", "worker")
    world.order("Running", "worker-smoke")
    world.push("1.1.0", *PASSES)
    world.tested("1.1.0", "web")
    world.record("oci-shared")
    assert world.run() == {}
    assert {world.answer("web"), world.answer("worker")} <= {"waiting", "tests-running"}
    world.order("Succeeded", "worker-smoke")
    world.tested("1.1.0", "worker")
    assert world.run() == {"web": lines("1.0.0", "1.1.0")}


def test_a_tag_that_starts_with_v_keeps_it(world: Staging) -> None:
    world.push("v1.0.0", *PASSES)
    world.oci(semver="*")
    world.release_of("app")
    world.tested("1.0.0")
    world.record("oci-leading-v")
    oci(world, "v0.9.0", "app")
    assert world.run() == {"app": lines("v0.9.0", "v1.0.0")}


def test_the_tag_of_build_metadata_is_promoted_as_the_registry_spells_it(world: Staging) -> None:
    world.push("1.0.0+build.5", *PASSES)
    world.oci(tag="1.0.0_build.5")
    world.release_of("app")
    world.tested("1.0.0")
    world.record("oci-build-metadata")
    oci(world, "0.9.0", "app")
    assert world.run() == {"app": lines("0.9.0", "1.0.0_build.5")}


def test_an_artifact_that_staging_names_by_digest_has_no_tag_to_promote(world: Staging) -> None:
    world.push("1.0.0", *PASSES)
    world.oci(tag="1.0.0")
    world.release_of("app")
    digest = newest(world.tested("1.0.0"))["ociDigest"]
    world.oci(digest=digest)
    world.nudge("OCIRepository", "app")
    world.nudge("HelmRelease", "app")
    world.record("oci-digest")
    oci(world, "0.9.0", "app")
    assert world.run() == {}
    assert world.answer() == "stale"


def test_the_same_tag_pushed_again_is_tested_again(world: Staging) -> None:
    world.push("1.0.0", *PASSES)
    world.oci(tag="1.0.0")
    world.release_of("app")
    world.tested("1.0.0")
    oci(world, "0.9.0", "app")
    assert world.run() == {"app": lines("0.9.0", "1.0.0")}
    world.push("1.0.0", *FAILS)
    world.settled_after(2)
    world.record("oci-pushed-again")
    assert world.run() == {}
    assert world.answer() == "tests-failed"


def test_a_repository_of_helm_type_tells_the_version(world: Staging) -> None:
    world.push("1.0.0", *PASSES)
    spec = {"interval": "10m", "type": "oci", "insecure": True}
    world.apply("HelmRepository", "charts", spec | {"url": f"oci://{world.publisher.registry}/{world.namespace}"})
    world.release("1.x")
    world.settles("1.0.0")
    world.record("oci-helm-repository")
    world.pin("0.9.0")
    assert world.run() == {"app": ["-      version: 0.9.0", "+      version: 1.0.0", "1 commit"]}


def test_a_helm_chart_that_a_release_refers_to_tells_the_version(world: Staging) -> None:
    world.publish("1.0.0", *PASSES)
    world.charts()
    source = {"kind": "HelmRepository", "name": "charts"}
    world.apply("HelmChart", "app", {"chart": "app", "version": "1.x", "interval": "10m", "sourceRef": source})
    world.release_of("app", kind="HelmChart")
    world.settles("1.0.0")
    world.record("helm-chart")
    world.pin("0.9.0")
    assert world.run() == {"app": ["-      version: 0.9.0", "+      version: 1.0.0", "1 commit"]}
