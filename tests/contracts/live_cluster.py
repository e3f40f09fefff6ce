"""What the adapter makes of a live cluster, whichever it is: the twin, or a real API server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
import yaml

from reconciler.adapters.kubernetes import Kubeconfig, Kubernetes, listing
from reconciler.adapters.snapshot import Snapshot
from reconciler.core.model import Fleet, HelmRelease, Scope, Unreadable
from reconciler.ports import Refused
from tests.world import proven

if TYPE_CHECKING:
    from tests.world import Object

ALL = Scope(("*",))
GUIDE = Path(__file__).parents[2] / "docs" / "guide.md"
EVERYTHING = ("helmreleases", "*"), ("ocirepositories", "*"), ("helmcharts", "*")


class Cluster(Protocol):
    """What the tests need of a cluster. Every test finds it empty, and without users but the administrator."""

    def add(self, *things: Object) -> None:
        """Put objects there, their status too. Their namespaces come with them."""

    def admin(self) -> Path:
        """A kubeconfig for one who may do everything."""

    def user(self, *rights: tuple[str, str]) -> Path:
        """A kubeconfig for one who may only list these resources, by plural and namespace, ``*`` for all."""

    def revoke(self) -> None:
        """Make the token of the last user worthless."""


def through(kubeconfig: Path) -> Kubernetes:
    return Kubernetes(Kubeconfig(kubeconfig, None), sleep=lambda _: pytest.fail("nothing is to be waited for"))


def look(kubeconfig: Path, *scopes: Scope) -> Fleet:
    return through(kubeconfig).observe(scopes or [ALL])[0]


def keys(fleet: Fleet) -> list[str]:
    return sorted(str(one.key) for one in fleet.releases)


def labelled(key: str, **labels: str) -> Object:
    thing = proven(key, "1.0.0")
    return thing | {"metadata": thing["metadata"] | {"labels": labels}}


def by_reference(key: str, kind: str = "OCIRepository", name: str = "app", namespace: str = "") -> Object:
    reference = {"kind": kind, "name": name} | ({"namespace": namespace} if namespace else {})
    return proven(key, "1.0.0", chartRef=reference)


def oci_repository(key: str) -> Object:
    namespace, name = key.split("/")
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "OCIRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": "5m", "url": f"oci://registry.invalid/{name}", "ref": {"semver": "1.x"}},
    }


def helm_chart(key: str) -> Object:
    namespace, name = key.split("/")
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmChart",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "interval": "5m",
            "chart": name,
            "version": "1.x",
            "sourceRef": {"kind": "HelmRepository", "name": "charts"},
        },
    }


FEW = [labelled("a/one", tier="1"), labelled("a/two", tier="2"), labelled("b/one", tier="1"), labelled("c/one")]


def documented() -> list[str]:
    """The resources that the guide's Role lets the program list; it gives no other verb."""
    (role,) = re.findall(r"```yaml\n(apiVersion: \S+\nkind: Role\n.*?)---", GUIDE.read_text(), re.DOTALL)
    rules = yaml.safe_load(role)["rules"]
    assert all(rule["verbs"] == ["list"] for rule in rules)
    return [resource for rule in rules for resource in rule["resources"]]


class ReadsALiveCluster:
    """The contract. A subclass gives the fixture ``cluster``."""

    @pytest.mark.parametrize("page", [500, 2, 1])
    def test_what_is_live_is_what_a_recording_of_it_would_say(
        self, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
    ) -> None:
        monkeypatch.setattr(listing, "_PAGE", page)
        things = [
            *FEW,
            by_reference("c/oci", namespace="sources"),
            by_reference("c/chart", "HelmChart"),
            oci_repository("sources/app"),
            helm_chart("c/app"),
        ]
        cluster.add(*things)
        recording = tmp_path / "recording.json"
        recording.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))
        scopes = ALL, Scope(("a", "c"), "tier!=2"), Scope(("b", "nowhere"))
        seen, recorded = through(cluster.admin()).observe(scopes), Snapshot(recording).observe(scopes)
        for live, other in zip(seen, recorded, strict=True):
            assert keys(live) == keys(other)
            assert set(live.releases) == set(other.releases)
            assert (live.oci_repositories, live.helm_charts) == (other.oci_repositories, other.helm_charts)
            assert (live.errors, live.empty, live.unread) == (other.errors, other.empty, ())

    @pytest.mark.parametrize(
        ("scopes", "expected"),
        [
            pytest.param([ALL], [["a/one", "a/two", "b/one", "c/one"]], id="all namespaces"),
            pytest.param([Scope(("a",))], [["a/one", "a/two"]], id="one namespace"),
            pytest.param([Scope(("*",), "tier=1")], [["a/one", "b/one"]], id="a selector that the server applies"),
            pytest.param(
                [Scope(("a", "b"), "tier=1"), Scope(("a",), "tier=1")],
                [["a/one", "b/one"], ["a/one"]],
                id="two scopes of one selector",
            ),
            pytest.param(
                [Scope(("a", "b"), "tier=1"), Scope(("c", "a"), "tier!=1"), Scope(("b",))],
                [["a/one", "b/one"], ["a/two", "c/one"], ["b/one"]],
                id="scopes of several selectors",
            ),
            pytest.param([Scope(("a",)), ALL], [["a/one", "a/two"], ["a/one", "a/two", "b/one", "c/one"]], id="both"),
        ],
    )
    def test_each_scope_sees_its_own(self, cluster: Cluster, scopes: list[Scope], expected: list[list[str]]) -> None:
        cluster.add(*FEW)
        assert [keys(fleet) for fleet in through(cluster.admin()).observe(scopes)] == expected

    def test_the_selector_is_not_for_the_sources(self, cluster: Cluster) -> None:
        thing = by_reference("a/oci")
        cluster.add(thing | {"metadata": thing["metadata"] | {"labels": {"tier": "1"}}}, oci_repository("a/app"))
        seen = look(cluster.admin(), Scope(("a",), "tier=1"))
        assert keys(seen) == ["a/oci"]
        assert len(seen.oci_repositories) == 1

    def test_a_namespace_that_is_not_there_is_empty(self, cluster: Cluster) -> None:
        cluster.add(*FEW)
        seen = look(cluster.admin(), Scope(("a", "nowhere")))
        assert keys(seen) == ["a/one", "a/two"]
        assert [problem.subject for problem in seen.empty] == ["nowhere"]
        assert (seen.errors, seen.unread) == ((), ())

    def test_a_version_that_is_not_served_any_more_is_looked_for_again(self, cluster: Cluster) -> None:
        cluster.add(*FEW)
        staging = through(cluster.admin())
        staging._served["HelmRelease"] = "v2beta2"
        assert len(staging.observe([ALL])[0].releases) == 4
        assert staging._served["HelmRelease"] == "v2"

    # --- rights ---

    def test_to_list_helm_releases_is_all_that_is_needed_without_chart_references(self, cluster: Cluster) -> None:
        cluster.add(*FEW)
        seen = look(cluster.user(("helmreleases", "a"), ("helmreleases", "b")), Scope(("a", "b")))
        assert keys(seen) == ["a/one", "a/two", "b/one"]
        assert (seen.errors, seen.empty, seen.unread) == ((), (), ())

    def test_with_the_documented_rights_everything_is_read(self, cluster: Cluster) -> None:
        cluster.add(by_reference("a/oci", namespace="b"), oci_repository("b/app"), helm_chart("a/app"))
        cluster.add(by_reference("a/chart", "HelmChart"))
        for user, scope in (
            (cluster.user(*((resource, "*") for resource in documented())), ALL),
            (cluster.user(*((resource, where) for resource in documented() for where in "ab")), Scope(("a",))),
            (cluster.user(("helmreleases", "a"), ("ocirepositories", "b"), ("helmcharts", "a")), Scope(("a",))),
        ):
            seen = look(user, scope)
            assert keys(seen) == ["a/chart", "a/oci"]
            assert [len(seen.oci_repositories), len(seen.helm_charts)] == [1, 1]
            assert seen.errors == ()

    def test_a_namespace_that_may_not_be_listed_is_told_and_the_others_go_on(self, cluster: Cluster) -> None:
        cluster.add(*FEW)
        both, one = through(cluster.user(("helmreleases", "a"))).observe([Scope(("a", "b")), Scope(("a",))])
        assert keys(both) == keys(one) == ["a/one", "a/two"]
        (problem,) = both.unread
        assert problem.subject == "b"
        assert problem.message.endswith(
            'may not list helmreleases.helm.toolkit.fluxcd.io in the namespace "b": bind it to a Role with the rule '
            "{apiGroups: [helm.toolkit.fluxcd.io], resources: [helmreleases], verbs: [list]}"
        )
        assert (both.errors, both.empty) == ((), ())
        assert one.unread == ()

    def test_all_namespaces_need_a_cluster_role(self, cluster: Cluster) -> None:
        cluster.add(*FEW)
        with pytest.raises(Refused) as raised:
            look(cluster.user(("helmreleases", "a")))
        assert str(raised.value).endswith(
            "may not list helmreleases.helm.toolkit.fluxcd.io in all namespaces: bind it to a ClusterRole with the "
            "rule {apiGroups: [helm.toolkit.fluxcd.io], resources: [helmreleases], verbs: [list]}"
        )

    @pytest.mark.parametrize(
        ("namespaces", "rights", "where"),
        [
            pytest.param(("a",), [("helmreleases", "a"), ("helmcharts", "a")], "b", id="in one namespace"),
            pytest.param(("*",), [("helmreleases", "*"), ("helmcharts", "*")], "*", id="in all"),
        ],
    )
    def test_chart_sources_that_may_not_be_listed_hold_only_what_names_them(
        self, cluster: Cluster, namespaces: tuple[str, ...], rights: list[tuple[str, str]], where: str
    ) -> None:
        cluster.add(*FEW[:2], by_reference("a/oci", namespace="b"), by_reference("a/chart", "HelmChart"))
        cluster.add(oci_repository("b/app"), helm_chart("a/app"))
        seen = look(cluster.user(*rights), Scope(namespaces))
        held = [one for one in seen.releases if isinstance(one, Unreadable)]
        assert [str(one.key) for one in held] == ["a/oci"]
        assert held[0].message.startswith("its OCIRepository b/app cannot be read: ")
        assert "resources: [ocirepositories], verbs: [list]" in held[0].message
        assert [problem.subject for problem in seen.errors] == [f"OCIRepository {where}"]
        assert keys(seen) == ["a/chart", "a/oci", "a/one", "a/two"]
        assert len(seen.helm_charts) == 1

    # --- credentials ---

    def test_a_token_that_does_not_count_any_more_is_refused(self, cluster: Cluster) -> None:
        kubeconfig = cluster.user(*EVERYTHING)
        cluster.revoke()  # before its first use: a real API server believes a token for ten seconds more
        with pytest.raises(Refused, match="does not accept the credential, which may have expired: renew the token"):
            look(kubeconfig)

    def test_a_kubeconfig_that_changed_is_read_again(self, cluster: Cluster) -> None:
        cluster.add(*FEW)
        kubeconfig, better = cluster.user(("helmreleases", "a")), cluster.user(*EVERYTHING)
        staging = through(kubeconfig)
        assert [problem.subject for problem in staging.observe([Scope(("b",))])[0].unread] == ["b"]
        kubeconfig.write_bytes(better.read_bytes())
        assert keys(staging.observe([ALL])[0]) == ["a/one", "a/two", "b/one", "c/one"]

    def test_another_context_counts_from_the_next_look_on(self, cluster: Cluster) -> None:
        cluster.add(*FEW)
        kubeconfig, worse = cluster.user(*EVERYTHING), cluster.user(("helmreleases", "a"))
        staging = through(kubeconfig)
        assert staging.observe([Scope(("b",))])[0].unread == ()
        kubeconfig.write_bytes(worse.read_bytes())
        assert [problem.subject for problem in staging.observe([Scope(("b",))])[0].unread] == ["b"]

    def test_nothing_of_a_credential_is_shown(self, cluster: Cluster) -> None:
        kubeconfig = cluster.user(("helmreleases", "a"))
        token = json.loads(kubeconfig.read_text())["users"][0]["user"]["token"]
        staging = through(kubeconfig)
        seen = staging.observe([Scope(("b",))])
        with pytest.raises(Refused) as raised:
            staging.observe([ALL])
        assert token not in f"{seen} {raised.value} {staging} {vars(staging)}"

    def test_a_release_is_as_the_snapshot_translates_it(self, cluster: Cluster) -> None:
        cluster.add(proven("a/one", "1.2.0", "1.1.0"))
        (one,) = look(cluster.admin()).releases
        assert isinstance(one, HelmRelease)
        assert [snapshot.version for snapshot in one.history] == ["1.2.0", "1.1.0"]
        assert one.history[0].hooks is not None
