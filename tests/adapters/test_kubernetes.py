"""A live cluster in bad weather: what passes is waited for, what does not is one sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from urllib3 import Timeout

from reconciler.adapters.kubernetes import Kubeconfig, Kubernetes, connection, listing
from reconciler.core.model import HelmRelease, Problem, Scope, Unreadable
from reconciler.ports import Refused, Unavailable
from tests.adapters.test_flux import SECRET, changed
from tests.contracts.live_cluster import ALL, by_reference, keys, labelled, oci_repository
from tests.twins import kubernetes
from tests.twins.kubernetes import CUT, DROPPED, SILENT, TOKEN_OF, Fault
from tests.world import proven

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reconciler.core.model import Fleet
    from tests.twins.kubernetes import Twin
    from tests.world import Object

FEW = [proven("a/one", "1.0.0"), proven("a/two", "1.0.0"), proven("b/one", "1.0.0")]
BUSY = Fault(429, {"Retry-After": "1"}, b"{}")


@pytest.fixture
def twin() -> Iterator[Twin]:
    with kubernetes.running() as running:
        running.add(*FEW)
        yield running


@pytest.fixture
def naps() -> list[float]:
    return []


@pytest.fixture
def staging(twin: Twin, tmp_path: Path, naps: list[float]) -> Kubernetes:
    return Kubernetes(Kubeconfig(twin.kubeconfig(tmp_path / "kubeconfig")), sleep=naps.append)


@pytest.fixture
def api(twin: Twin, tmp_path: Path) -> str:
    """How the API is called in a sentence."""
    where = twin.address.partition("//")[2]
    return f"the Kubernetes API at {where} (the current context in {tmp_path}/kubeconfig)"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_TIMEOUT", Timeout(connect=5, read=0.05))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_PAGE", 1)


def look(staging: Kubernetes, *scopes: Scope) -> Fleet:
    return staging.observe(scopes or [ALL])[0]


# --- what passes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param([DROPPED], id="a connection that is dropped"),
        pytest.param([CUT], id="an answer that is cut off"),
        pytest.param([SILENT], id="a server that says nothing"),
        pytest.param([Fault(500), Fault(502), Fault(503), Fault(504)], id="a server that fails"),
        pytest.param([BUSY, BUSY], id="a server that is busy"),
        pytest.param([Fault(503, {"Retry-After": "soon"})], id="a Retry-After that is none"),
        pytest.param([DROPPED, Fault(500), CUT, BUSY, SILENT], id="everything at once"),
    ],
)
@pytest.mark.usefixtures("impatient", "small_pages")
def test_what_passes_is_waited_for(staging: Kubernetes, twin: Twin, naps: list[float], faults: list[Fault]) -> None:
    twin.faults = list(faults)
    assert keys(look(staging)) == ["a/one", "a/two", "b/one"]
    assert len(naps) == len(faults)


def test_pauses_grow_and_are_not_all_alike(staging: Kubernetes, twin: Twin, naps: list[float]) -> None:
    for _ in range(3):
        twin.faults = [Fault(500)] * 4
        look(staging)
    for place, pause in enumerate(naps):
        assert 0.2 * 2 ** (place % 4) <= pause <= 0.4 * 2 ** (place % 4)
    assert len(set(naps)) == 12


def test_a_server_that_asks_for_time_gets_it(staging: Kubernetes, twin: Twin, naps: list[float]) -> None:
    twin.faults = [Fault(429, {"Retry-After": "7"}, b"{}")]
    look(staging)
    assert naps == [7]


def test_a_server_that_asks_for_too_much_time_is_left_to_the_next_pass(
    staging: Kubernetes, twin: Twin, naps: list[float], api: str
) -> None:
    twin.faults = [Fault(429, {"Retry-After": "600"}, b"{}")]
    with pytest.raises(Unavailable) as raised:
        look(staging)
    assert str(raised.value) == f"{api} has too many requests (429): the next pass tries again"
    assert naps == []
    assert len(look(staging).releases) == 3


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(DROPPED, "broke the connection off: check that it can be reached, and that ", id="dropped"),
        pytest.param(CUT, "broke the connection off: check that it can be reached, and that ", id="cut off"),
        pytest.param(SILENT, "does not answer in time: check that it can be reached", id="silent"),
        pytest.param(Fault(503), "fails with 503: the next pass tries again; see how the API server is", id="failing"),
        pytest.param(BUSY, "has too many requests (429): the next pass tries again", id="busy"),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_does_not_pass_ends_the_look(
    staging: Kubernetes, twin: Twin, naps: list[float], fault: Fault, told: str
) -> None:
    twin.faults = [fault] * 6
    with pytest.raises(Unavailable) as raised:
        look(staging, Scope(("a", "b")))
    assert f") {told}" in str(raised.value)
    assert twin.faults == []
    assert len(naps) == 5


@pytest.mark.usefixtures("small_pages")
def test_a_list_that_expired_starts_again(staging: Kubernetes, twin: Twin, naps: list[float]) -> None:
    twin.expiring = 2
    seen = look(staging)
    assert keys(seen) == ["a/one", "a/two", "b/one"]
    assert all(isinstance(one, HelmRelease) for one in seen.releases)
    assert naps == []
    assert twin.lists["helmreleases *"] == 3


@pytest.mark.usefixtures("small_pages")
def test_a_list_that_expires_time_and_again_is_left_to_the_next_pass(staging: Kubernetes, twin: Twin, api: str) -> None:
    twin.expiring = 3
    message = f"{api} cannot hold the list of helmreleases.helm.toolkit.fluxcd.io still: the next pass tries again"
    with pytest.raises(Unavailable) as raised:
        look(staging)
    assert str(raised.value) == message


@pytest.mark.usefixtures("small_pages")
def test_a_version_that_goes_between_two_pages_starts_the_list_again(
    staging: Kubernetes, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin.served["helmreleases"] = {"v2", "v2beta2"}
    staging._served["HelmRelease"] = "v2beta2"
    answered = twin.answer

    def upgraded(target: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        if "continue=" in target:
            twin.served["helmreleases"] = {"v2"}
        return answered(target, token)

    monkeypatch.setattr(twin, "answer", upgraded)
    assert len(look(staging).releases) == 3
    assert staging._served["HelmRelease"] == "v2"


def test_compressed_answers_are_read(staging: Kubernetes, twin: Twin) -> None:
    twin.compresses = True
    assert len(look(staging).releases) == 3


# --- what is asked for -----------------------------------------------------------------------------------------------


def test_a_cluster_is_listed_once_for_all_scopes(staging: Kubernetes, twin: Twin) -> None:
    twin.add(by_reference("a/oci"), by_reference("b/oci"), oci_repository("a/app"))
    staging.observe([Scope(("a", "b")), Scope(("b",), "tier=1"), Scope(("a",))])
    assert twin.lists == {"helmreleases a": 1, "helmreleases b": 1, "ocirepositories a": 1, "ocirepositories b": 1}
    twin.lists.clear()
    staging.observe([Scope(("a",)), ALL])
    assert twin.lists == {"helmreleases *": 1, "ocirepositories *": 1}


def test_sources_are_listed_only_where_a_release_that_is_wanted_names_one(staging: Kubernetes, twin: Twin) -> None:
    twin.add(by_reference("b/oci", namespace="c"), by_reference("b/git", kind="GitRepository", namespace="d"))
    look(staging, Scope(("a",)))
    assert twin.lists == {"helmreleases a": 1}
    twin.lists.clear()
    look(staging, Scope(("b",)))
    assert twin.lists == {"helmreleases b": 1, "ocirepositories c": 1}


def test_a_reference_that_no_namespace_could_have_is_not_followed(staging: Kubernetes, twin: Twin) -> None:
    twin.add(by_reference("b/oci", namespace="../../x"))
    seen = look(staging, Scope(("b",)))
    assert keys(seen) == ["b/oci", "b/one"]
    assert all(isinstance(one, HelmRelease) for one in seen.releases)
    assert seen.errors == ()
    assert twin.lists == {"helmreleases b": 1}


@pytest.mark.parametrize(
    ("flux", "sources"),
    [
        pytest.param({"v2beta2"}, {"v1beta2"}, id="of Flux 2.2"),
        pytest.param({"v2", "v2beta2"}, {"v1", "v1beta2"}, id="of Flux 2.6"),
        pytest.param({"v2"}, {"v1"}, id="of Flux 2.9"),
    ],
)
def test_the_versions_that_are_served_are_found(
    staging: Kubernetes, twin: Twin, flux: set[str], sources: set[str]
) -> None:
    twin.served = {"helmreleases": flux, "ocirepositories": sources, "helmcharts": sources}
    twin.add(by_reference("a/oci"), oci_repository("a/app"))
    for _ in range(2):
        seen = look(staging)
        assert len(seen.releases) == 4
        assert len(seen.oci_repositories) == 1


def test_without_flux_it_is_said_what_is_missing(staging: Kubernetes, twin: Twin, api: str) -> None:
    twin.served = {}
    with pytest.raises(Refused) as raised:
        look(staging)
    assert str(raised.value) == (
        f"{api} serves helmreleases.helm.toolkit.fluxcd.io neither in v2 nor v2beta2 (helm.toolkit.fluxcd.io): "
        "install Flux 2.2 or later there, or name another cluster"
    )


def test_a_kind_of_source_that_is_not_served_holds_what_names_it(staging: Kubernetes, twin: Twin) -> None:
    del twin.served["ocirepositories"]
    twin.add(by_reference("a/oci"))
    seen = look(staging)
    (held,) = (one for one in seen.releases if isinstance(one, Unreadable))
    assert str(held.key) == "a/oci"
    assert "serves ocirepositories.source.toolkit.fluxcd.io neither in v1 nor v1beta2" in held.message


# --- answers of the wrong kind ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<html>Sign in</html>", id="a page for people"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"kind":"Status","apiVersion":"v1"}', id="a Status"),
        pytest.param(b'{"kind":"PodList","items":[]}', id="a list of something else"),
        pytest.param(b'{"kind":"HelmReleaseList","items":5}', id="a list without items"),
        pytest.param(b'{"kind":"HelmReleaseList","items":[', id="a list that ends early"),
        pytest.param(b"\xff\xfe", id="no text"),
    ],
)
def test_what_is_no_list_is_refused(staging: Kubernetes, twin: Twin, api: str, body: bytes) -> None:
    twin.faults = [Fault(200, body=body)]
    with pytest.raises(Refused) as raised:
        look(staging)
    assert str(raised.value) == (
        f"{api} answers with no list of helmreleases.helm.toolkit.fluxcd.io: "
        "check that the address is that of a Kubernetes API"
    )


@pytest.mark.parametrize("status", [302, 307, 400, 405, 406])
def test_a_status_that_no_list_has_is_refused(staging: Kubernetes, twin: Twin, api: str, status: int) -> None:
    twin.faults = [Fault(status, {"Location": f"{twin.address}/elsewhere"})]
    with pytest.raises(Refused) as raised:
        look(staging)
    cure = "check that the address is that of a Kubernetes API"
    assert str(raised.value) == f"{api} answers {status} to a list: {cure}"
    assert twin.lists == {}


def test_a_list_without_items_is_empty(staging: Kubernetes, twin: Twin) -> None:
    twin.faults = [Fault(200, body=b'{"kind":"HelmReleaseList","items":null,"metadata":{}}')]
    assert [problem.subject for problem in look(staging).empty] == ["*"]


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b'{"message": 5}', b"\xff"])
def test_a_refusal_without_a_reason_is_told_all_the_same(staging: Kubernetes, twin: Twin, body: bytes) -> None:
    twin.faults = [Fault(403, body=body)]
    seen = look(staging, Scope(("a", "b")))
    assert [problem.message.partition(" may not list ")[0] for problem in seen.unread] == ["the program's user"]
    assert keys(seen) == ["b/one"]


@pytest.mark.usefixtures("small_pages")
def test_a_right_that_goes_between_two_pages_leaves_the_namespace_unread(
    staging: Kubernetes, twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = twin.answer

    def withdrawn(target: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        if "continue=" in target:
            twin.users["admin"] = frozenset({("helmreleases", "b")})
        return answered(target, token)

    monkeypatch.setattr(twin, "answer", withdrawn)
    seen = look(staging, Scope(("a", "b")))
    assert keys(seen) == ["b/one"]
    assert [problem.subject for problem in seen.unread] == ["a"]


def test_nobody_is_told_to_log_in(staging: Kubernetes, twin: Twin, tmp_path: Path, api: str) -> None:
    twin.anonymous = True
    (tmp_path / "kubeconfig").write_text((tmp_path / "kubeconfig").read_text().replace('"token": "admin"', ""))
    with pytest.raises(Refused) as raised:
        look(staging, Scope(("a",)))
    cure = "give the kubeconfig's user a token or a client certificate"
    assert str(raised.value) == f"{api} takes the program for nobody (system:anonymous): {cure}"


# --- one bad object sinks only itself --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec", "text", id="spec"),
        pytest.param("spec.chart.spec.chart", 5, id="chart"),
        pytest.param("spec.chart", None, id="no chart"),
        pytest.param("status.history", {"a": 1}, id="history"),
        pytest.param("metadata.generation", "4", id="generation"),
    ],
)
def test_a_release_of_the_wrong_shape_is_unreadable_and_the_others_go_on(
    staging: Kubernetes, twin: Twin, path: str, value: object
) -> None:
    twin.add(changed(FEW[0], path, value))
    seen = look(staging)
    broken, *sound = sorted(seen.releases, key=lambda one: one.key)
    assert isinstance(broken, Unreadable)
    assert broken.message.startswith("HelmRelease a/one has another shape than Flux gives it: ")
    assert [str(one.key) for one in sound if isinstance(one, HelmRelease)] == ["a/two", "b/one"]


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        pytest.param({"metadata": {"name": "No Name", "namespace": "a"}}, "has no valid name and namespace", id="name"),
        pytest.param({"metadata": 5}, "has no valid name and namespace", id="metadata"),
        pytest.param({"kind": "Pod"}, "a Pod in it is no HelmRelease", id="kind"),
        pytest.param({"kind": ""}, "something in it has no kind or no apiVersion", id="no kind"),
    ],
)
def test_an_item_that_is_no_release_is_an_error_and_the_others_go_on(
    staging: Kubernetes, twin: Twin, thing: Object, message: str
) -> None:
    broken = changed(proven("a/zero", "1.0.0"), "spec", "text")
    twin.faults = [Fault(200, body=json.dumps({"kind": "HelmReleaseList", "items": [FEW[0], broken | thing]}).encode())]
    seen = look(staging)
    assert keys(seen) == ["a/one"]
    ((subject, said),) = ((problem.subject, problem.message) for problem in seen.errors)
    assert subject == "helmreleases.helm.toolkit.fluxcd.io"
    assert message in said


def test_a_source_of_the_wrong_shape_is_an_error(staging: Kubernetes, twin: Twin) -> None:
    twin.add(by_reference("a/oci"), changed(oci_repository("a/app"), "spec.ref", "text"))
    message = (
        "OCIRepository a/app has another shape than Flux gives it: "
        "Expected `object | null`, got `str` - at `$.spec.ref`"
    )
    assert look(staging).errors == (Problem("OCIRepository a/app", message),)


def test_labels_of_a_release_of_the_wrong_shape_still_select_it(staging: Kubernetes, twin: Twin) -> None:
    twin.add(changed(labelled("a/one", tier="1"), "spec", "text"))
    both = staging.observe([Scope(("a",), "tier=1"), Scope(("a",), "tier!=1")])
    assert [keys(fleet) for fleet in both] == [["a/one"], ["a/two"]]


def test_no_secret_of_a_release_is_kept(staging: Kubernetes, twin: Twin) -> None:
    twin.add(changed(FEW[0], "spec.values", {"password": SECRET}))
    twin.add(changed(FEW[1], "spec", SECRET))
    assert SECRET not in repr(look(staging))


# --- from one look to the next ---------------------------------------------------------------------------------------


def test_every_look_is_a_look(staging: Kubernetes, twin: Twin) -> None:
    assert len(look(staging).releases) == 3
    twin.remove("HelmRelease", "a", "one")
    assert len(look(staging).releases) == 2


def test_a_token_that_expires_between_two_pages_is_read_again(
    staging: Kubernetes, twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_PAGE", 1)
    kubeconfig = tmp_path / "kubeconfig"
    answered = twin.answer

    def rotating(target: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        if "continue=" in target and "renewed" not in twin.users:
            twin.users = {"renewed": None}
            twin.kubeconfig(kubeconfig, "renewed")
        return answered(target, token)

    monkeypatch.setattr(twin, "answer", rotating)
    assert len(look(staging).releases) == 3


def test_a_look_that_went_wrong_reads_the_credentials_again(staging: Kubernetes, twin: Twin, tmp_path: Path) -> None:
    """A token in a file of its own changes without a change of the kubeconfig."""
    text = (tmp_path / "kubeconfig").read_text()
    (tmp_path / "kubeconfig").write_text(text.replace('"token": "admin"', '"tokenFile": "token"'))
    twin.users[f"{TOKEN_OF}bob"] = frozenset({("helmreleases", "a")})
    (tmp_path / "token").write_text(f"{TOKEN_OF}bob\n")
    assert [problem.subject for problem in look(staging, Scope(("a", "b"))).unread] == ["b"]
    (tmp_path / "token").write_text("admin\n")
    assert look(staging, Scope(("a", "b"))).unread == ()
