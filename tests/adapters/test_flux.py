"""Flux's objects as the API gives them: what is taken over, and what is of the wrong shape."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.adapters import flux
from reconciler.core.model import (
    ChartSource,
    Condition,
    Filter,
    HelmChart,
    HelmRelease,
    Hook,
    Key,
    OCIRepository,
    Reference,
    Snapshot,
    Unreadable,
)

if TYPE_CHECKING:
    from tests.world import Object

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
VAULT = Key("vault", "vault")
SECRET = "hunter2-in-plain-sight"


def helm_release(version: str = "v2") -> Object:
    """A release with every field that matters, and many that do not."""
    return {
        "apiVersion": f"helm.toolkit.fluxcd.io/{version}",
        "kind": "HelmRelease",
        "metadata": {
            "name": "vault",
            "namespace": "vault",
            "generation": 4,
            "labels": {"tier": "one"},
            "annotations": {"secret": SECRET, "helm-promoter/soak": "3d", "helm-promoter/hold": ""},
            "deletionTimestamp": "2026-01-01T12:00:00Z",
            "managedFields": [{"manager": SECRET}],
        },
        "spec": {
            "interval": "5m",
            "chart": {
                "spec": {
                    "chart": "vault",
                    "version": "0.x",
                    "sourceRef": {"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"},
                    "valuesFiles": ["values.yaml"],
                    "reconcileStrategy": "Revision",
                }
            },
            "suspend": True,
            "test": {"enable": True, "filters": [{"name": "slow", "exclude": True}, {"name": "fast"}]},
            "values": {"password": SECRET},
        },
        "status": {
            "observedGeneration": 3,
            "lastAttemptedRevision": "0.28.2",
            "history": [
                {
                    "version": 7,
                    "status": "deployed",
                    "action": "upgrade",
                    "name": "vault",
                    "namespace": "vault",
                    "chartName": "vault",
                    "chartVersion": "0.28.1",
                    "lastDeployed": "2026-01-01T12:00:00Z",
                    "ociDigest": "sha256:1",
                    "appVersion": "1.17.0",
                    "testHooks": {
                        "fast": {
                            "phase": "Succeeded",
                            "lastStarted": "2026-01-01T13:00:00+01:00",
                            "lastCompleted": "2026-01-01T12:00:00Z",
                        },
                        "slow": {},
                    },
                }
            ],
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "TestSucceeded",
                    "message": "well",
                    "lastTransitionTime": "2026-01-01T12:00:00Z",
                }
            ],
        },
    }


def oci_repository(version: str = "v1") -> Object:
    return {
        "apiVersion": f"source.toolkit.fluxcd.io/{version}",
        "kind": "OCIRepository",
        "metadata": {"name": "redis", "namespace": "flux-system"},
        "spec": {
            "url": "oci://example.com/redis",
            "ref": {"tag": "1.0.0", "semver": "1.x", "semverFilter": "rc", "digest": "sha256:2"},
        },
        "status": {"artifact": {"revision": "1.0.0@sha256:2", "digest": "sha256:3"}},
    }


def helm_chart(version: str = "v1") -> Object:
    return {
        "apiVersion": f"source.toolkit.fluxcd.io/{version}",
        "kind": "HelmChart",
        "metadata": {"name": "redis", "namespace": "flux-system"},
        "spec": {"chart": "redis", "version": "1.x", "sourceRef": {"kind": "HelmRepository", "name": "charts"}},
    }


def decoded(value: object) -> flux.Object:
    found = flux.decode(value)
    assert found is not None
    return found.object


def changed(value: Object, path: str, to: object) -> Object:
    """A copy with one field set; a number in the path is a place in a list."""
    whole: Any = copy.deepcopy(value)
    *above, last = (int(name) if name.isdigit() else name for name in path.split("."))
    node = whole
    for name in above:
        node = node[name]
    if to is ...:
        del node[last]
    else:
        node[last] = to
    return whole  # type: ignore[no-any-return]  # as deep as the value given


# --- what is taken over ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v2", "v2beta2"])
def test_a_helm_release_in_full(version: str) -> None:
    assert decoded(helm_release(version)) == HelmRelease(
        VAULT,
        generation=4,
        observed_generation=3,
        chart=ChartSource("vault", "0.x", "HelmRepository", values_files=True, by_revision=True),
        suspended=True,
        deleting=True,
        tests_enabled=True,
        filters=(Filter("slow", exclude=True), Filter("fast")),
        history=(
            Snapshot(
                7,
                "deployed",
                VAULT,
                "vault",
                "0.28.1",
                "upgrade",
                AT,
                (Hook("fast", "Succeeded", AT, AT), Hook("slow", "")),
                "sha256:1",
                "1.17.0",
            ),
        ),
        conditions=(Condition("Ready", "True", "TestSucceeded", "well", AT),),
        labels=(("tier", "one"),),
        annotations=(("hold", ""), ("soak", "3d")),
    )


def test_a_helm_release_that_no_controller_has_seen() -> None:
    one = changed(changed(helm_release(), "status", ...), "metadata", {"name": "vault", "namespace": "vault"})
    one["spec"] = {"chartRef": {"kind": "OCIRepository", "name": "redis"}}
    expected = HelmRelease(VAULT, 0, -1, chart_ref=Reference("OCIRepository", Key("vault", "redis")))
    assert decoded(one) == expected


def test_a_chart_ref_may_name_another_namespace() -> None:
    one = changed(
        helm_release(), "spec", {"chartRef": {"kind": "HelmChart", "name": "redis", "namespace": "flux-system"}}
    )
    found = decoded(one)
    assert isinstance(found, HelmRelease)
    assert found.chart_ref == Reference("HelmChart", Key("flux-system", "redis"))


@pytest.mark.parametrize("version", ["v1", "v1beta2"])
def test_sources_in_full(version: str) -> None:
    key = Key("flux-system", "redis")
    expected = OCIRepository(key, "1.0.0", "1.x", "rc", "sha256:2", "1.0.0@sha256:2")
    assert decoded(oci_repository(version)) == expected
    assert decoded(helm_chart(version)) == HelmChart(key, ChartSource("redis", "1.x", "HelmRepository"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec", None, id="no spec"),
        pytest.param("spec.ref", None, id="no ref"),
        pytest.param("spec", ..., id="no spec at all"),
        pytest.param("status", None, id="no status"),
        pytest.param("status.artifact", None, id="no artifact"),
        pytest.param("status.artifact", {}, id="an artifact without a revision"),
    ],
)
def test_a_source_may_not_be_ready(path: str, value: object) -> None:
    assert isinstance(decoded(changed(oci_repository(), path, value)), OCIRepository)


NULLABLE = (
    "metadata.labels",
    "metadata.annotations",
    "metadata.deletionTimestamp",
    "spec.chartRef",
    "spec.suspend",
    "spec.test",
    "spec.test.enable",
    "spec.test.filters",
    "spec.test.filters.0.exclude",
    "spec.values",
    "spec.chart.spec.version",
    "spec.chart.spec.valuesFiles",
    "spec.chart.spec.reconcileStrategy",
    "spec.chart.spec.sourceRef.namespace",
    "status",
    "status.history",
    "status.history.0.action",
    "status.history.0.lastDeployed",
    "status.history.0.testHooks",
    "status.history.0.testHooks.fast",
    "status.history.0.testHooks.fast.phase",
    "status.history.0.testHooks.fast.lastCompleted",
    "status.history.0.ociDigest",
    "status.history.0.appVersion",
    "status.conditions",
    "status.conditions.0.lastTransitionTime",
)


@pytest.mark.parametrize("path", NULLABLE)
def test_an_optional_field_may_be_null(path: str) -> None:
    assert isinstance(decoded(changed(helm_release(), path, None)), HelmRelease)


@pytest.mark.parametrize("path", sorted({*NULLABLE} - {"spec.chartRef", "status.history.0.testHooks.fast"}))
def test_a_missing_field_is_as_a_null_one(path: str) -> None:
    null, missing = (decoded(changed(helm_release(), path, value)) for value in (None, ...))
    assert null == missing


def test_tests_that_never_ran_and_a_chart_without_tests_are_told_apart() -> None:
    for value, expected in ((None, None), ({}, ())):
        found = decoded(changed(helm_release(), "status.history.0.testHooks", value))
        assert isinstance(found, HelmRelease)
        assert found.history[0].hooks == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-01-01T12:00:00Z", AT, id="as Kubernetes writes it"),
        pytest.param("2026-01-01T12:00:00.123456Z", AT.replace(microsecond=123456), id="with fractions"),
        pytest.param("2026-01-01T12:00:00", None, id="without a zone"),
        pytest.param("yesterday", None, id="no time"),
        pytest.param("", None, id="empty"),
        pytest.param("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC), id="Go's zero time"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before all times"),
    ],
)
def test_a_time_that_cannot_be_read_is_only_unknown(text: str, expected: datetime | None) -> None:
    found = decoded(changed(helm_release(), "status.history.0.lastDeployed", text))
    assert isinstance(found, HelmRelease)
    assert found.history[0].deployed_at == expected


def test_labels_are_told_for_the_selector() -> None:
    found = flux.decode(helm_release())
    assert found is not None
    assert (found.kind, found.key, found.labels) == ("HelmRelease", VAULT, {"tier": "one"})


# --- the wrong shape -------------------------------------------------------------------------------------------------

REQUIRED = (
    "spec.chart.spec.chart",
    "spec.chart.spec.sourceRef",
    "spec.chart.spec.sourceRef.kind",
    "spec.chart.spec",
    "spec.test.filters.0.name",
    "status.history.0.version",
    "status.history.0.status",
    "status.history.0.name",
    "status.history.0.namespace",
    "status.history.0.chartName",
    "status.history.0.chartVersion",
    "status.conditions.0.type",
    "status.conditions.0.status",
)
FIELDS = (
    *REQUIRED,
    *(path for path in NULLABLE if path != "spec.values"),
    "metadata.generation",
    "spec",
    "spec.chart",
    "spec.test.filters.0",
    "status.observedGeneration",
    "status.history.0",
    "status.history.0.testHooks.fast.lastStarted",
    "status.conditions.0",
    "status.conditions.0.reason",
    "status.conditions.0.message",
)


@pytest.mark.parametrize("path", FIELDS)
def test_a_field_of_the_wrong_type_makes_the_release_unreadable(path: str) -> None:
    wrong = [{"unexpected": SECRET}]
    found = flux.decode(changed(helm_release(), path, wrong))
    assert found is not None
    assert found.key == VAULT
    assert isinstance(found.object, Unreadable)
    assert found.object.message.startswith("HelmRelease vault/vault has another shape than Flux gives it: ")
    assert SECRET not in repr(found)


@pytest.mark.parametrize("path", REQUIRED)
def test_a_missing_required_field_makes_the_release_unreadable(path: str) -> None:
    found = decoded(changed(helm_release(), path, ...))
    assert isinstance(found, Unreadable)
    assert f"`{path.rpartition('.')[2]}`" in found.message


def test_the_message_names_the_field_and_its_place() -> None:
    found = decoded(changed(helm_release(), "status.history.0.version", "seven"))
    message = (
        "HelmRelease vault/vault has another shape than Flux gives it: "
        "Expected `int`, got `str` - at `$.status.history[0].version`"
    )
    assert found == Unreadable(VAULT, message)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="neither chart nor chartRef"),
        pytest.param(
            {**helm_release()["spec"], "chartRef": {"kind": "OCIRepository", "name": "redis"}}, id="both of them"
        ),
    ],
)
def test_a_release_has_one_chart(spec: Object) -> None:
    found = decoded(changed(helm_release(), "spec", spec))
    assert isinstance(found, Unreadable)
    assert found.message.endswith("exactly one of spec.chart and spec.chartRef must be set")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            helm_release("v2beta1"),
            "HelmRelease vault/vault is in helm.toolkit.fluxcd.io/v2beta1, which is not read; "
            "upgrade Flux to 2.2 or later, and run flux migrate",
            id="an old HelmRelease",
        ),
        pytest.param(
            oci_repository("v1beta1"),
            "OCIRepository flux-system/redis is in source.toolkit.fluxcd.io/v1beta1, which is not read; "
            "upgrade Flux to 2.2 or later, and run flux migrate",
            id="an old OCIRepository",
        ),
    ],
)
def test_an_old_version_says_what_to_do(value: Object, message: str) -> None:
    found = decoded(value)
    assert isinstance(found, Unreadable)
    assert found.message == message


def test_labels_of_the_wrong_type_are_none_and_the_release_unreadable() -> None:
    found = flux.decode(changed(helm_release(), "metadata.labels", ["a"]))
    assert found is not None
    assert found.labels == {}
    assert isinstance(found.object, Unreadable)


# --- no object that is read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}}, id="a list"),
        pytest.param({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": 5}}, id="another kind"),
        pytest.param(helm_release() | {"apiVersion": "helm.example.com/v2"}, id="another group's HelmRelease"),
    ],
)
def test_other_kinds_are_passed_over(value: Object) -> None:
    assert flux.decode(value) == flux.Other(str(value["kind"]))


NAMELESS = "a HelmRelease in it has no valid name and namespace"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("text", "something in it is no Kubernetes object: Expected `object`, got `str`", id="text"),
        pytest.param(None, "something in it is no Kubernetes object: Expected `object`, got `null`", id="null"),
        pytest.param({"a": 1}, "something in it has no kind or no apiVersion", id="no kind"),
        pytest.param({"kind": "HelmRelease"}, "something in it has no kind or no apiVersion", id="no apiVersion"),
        pytest.param(
            {"kind": 5, "apiVersion": "v1"},
            "something in it is no Kubernetes object: Expected `str`, got `int` - at `$.kind`",
            id="a kind that is none",
        ),
        *(
            pytest.param(changed(helm_release(), "metadata", metadata), NAMELESS, id=id_)
            for metadata, id_ in (
                (None, "no metadata"),
                ({"name": "vault"}, "no namespace"),
                ({"name": "vault", "namespace": 5}, "a namespace that is no text"),
                ({"name": "../vault", "namespace": "vault"}, "a name that leaves its place"),
                ({"name": "va\nult", "namespace": "vault"}, "a name of two lines"),
                ({"name": "Vault", "namespace": "vault"}, "a name in capitals"),
                ({"name": "v" * 254, "namespace": "vault"}, "a name that is too long"),
            )
        ),
    ],
)
def test_what_is_no_object_with_a_name(value: object, message: str) -> None:
    with pytest.raises(ValueError, match="it") as raised:
        flux.decode(value)
    assert str(raised.value) == message


def test_a_page_with_an_object_that_is_nested_too_deeply_is_no_list() -> None:
    deep = b'{"kind": "HelmReleaseList", "items": [{"spec": {"values": ' + b"[" * 5000 + b"]" * 5000 + b"}}]}"
    with pytest.raises(ValueError, match="nested too deeply"):
        flux.Page.of("HelmRelease", deep)
