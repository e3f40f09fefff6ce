"""A recorded cluster: everything that kubectl prints is read, and nothing else is taken for it."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from reconciler.adapters.snapshot import Snapshot
from reconciler.core.model import Fleet, HelmRelease, Key, Problem, Scope, Unreadable
from reconciler.ports import Refused
from tests.adapters.test_flux import SECRET, changed, helm_chart, helm_release, oci_repository
from tests.world import proven

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.world import Object

ALL = Scope(("*",))
CURE = (
    "; record it with: kubectl get helmreleases.helm.toolkit.fluxcd.io,ocirepositories.source.toolkit.fluxcd.io,"
    "helmcharts.source.toolkit.fluxcd.io -A -o yaml"
)


def listing(*items: Object) -> Object:
    """A list as kubectl prints it."""
    return {"apiVersion": "v1", "items": list(items), "kind": "List", "metadata": {"resourceVersion": ""}}


def as_json(value: object) -> str:
    return json.dumps(value, indent=4)


def as_yaml(value: object) -> str:
    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(json.loads(json.dumps(value)), text)  # without what two objects share, which would become aliases
    return text.getvalue()


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Fleet]:
    def observe(text: str | bytes, scope: Scope = ALL) -> Fleet:
        path = tmp_path / "staging"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        (seen,) = Snapshot(path).observe([scope])
        return seen

    return observe


def keys(fleet: Fleet) -> list[str]:
    return [str(one.key) for one in fleet.releases]


# --- what kubectl prints ---------------------------------------------------------------------------------------------

VAULT, REDIS = proven("vault/vault", "1.0.0"), proven("redis/redis", "1.0.0")
BOTH = ["vault/vault", "redis/redis"]
SOURCES = oci_repository(), helm_chart()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(as_yaml(listing(VAULT, REDIS)), BOTH, id="a list in YAML"),
        pytest.param(as_json(listing(VAULT, REDIS)), BOTH, id="a list in JSON"),
        pytest.param(json.dumps(listing(VAULT, REDIS)), BOTH, id="a list in JSON on one line"),
        pytest.param(as_yaml(VAULT), BOTH[:1], id="one object in YAML"),
        pytest.param(as_json(VAULT), BOTH[:1], id="one object in JSON"),
        pytest.param(as_yaml(VAULT) + "---\n" + as_yaml(REDIS), BOTH, id="several documents"),
        pytest.param(as_yaml(listing(VAULT)) + "---\n" + as_yaml(listing(REDIS)), BOTH, id="several lists"),
        pytest.param("---\n" + as_yaml(listing(VAULT, REDIS)) + "...\n", BOTH, id="marks around a document"),
        pytest.param("\ufeff" + as_json(listing(VAULT, REDIS)), BOTH, id="JSON behind a byte order mark"),
        pytest.param("\n" + as_json(listing(VAULT, REDIS)), BOTH, id="JSON behind an empty line"),
        pytest.param(as_yaml(listing(VAULT, REDIS)).encode("utf-16"), BOTH, id="UTF-16, as PowerShell redirects it"),
        pytest.param(as_yaml(listing(VAULT, REDIS)).replace("\n", "\r\n"), BOTH, id="lines of Windows"),
        pytest.param(as_yaml(listing()), [], id="an empty list in YAML"),
        pytest.param(as_json(listing()), [], id="an empty list in JSON"),
        pytest.param(as_json(listing() | {"items": None}), [], id="a list whose items are null"),
    ],
)
def test_what_kubectl_prints_is_read(look: Callable[..., Fleet], text: str | bytes, expected: list[str]) -> None:
    seen = look(text)
    assert keys(seen) == expected
    assert all(isinstance(one, HelmRelease) for one in seen.releases)
    assert seen.errors == ()


@pytest.mark.parametrize("written", [as_yaml, as_json])
def test_yaml_and_json_say_the_same(look: Callable[..., Fleet], written: Callable[[object], str]) -> None:
    everything = listing(helm_release(), VAULT | {"kind": "Secret"}, *SOURCES, proven("b/b", "1.10", age=1.5))
    seen = look(written(everything))
    assert seen == look(as_json(everything))
    assert len(seen.oci_repositories) == len(seen.helm_charts) == 1
    (first, second) = seen.releases
    assert isinstance(first, HelmRelease)
    assert first.history[0].deployed_at is not None
    assert isinstance(second, HelmRelease)
    assert second.history[0].version == "1.10"


def test_it_is_read_anew_at_every_look(tmp_path: Path) -> None:
    path = tmp_path / "staging.yaml"
    staging = Snapshot(path)
    for one in (VAULT, REDIS):
        path.write_text(as_yaml(one))
        assert len(staging.observe([ALL])[0].releases) == 1


# --- what a scope sees -----------------------------------------------------------------------------------------------


def labelled(key: str, **labels: str) -> Object:
    return changed(proven(key, "1.0.0"), "metadata.labels", labels)


RECORDED = listing(labelled("a/one", tier="1"), labelled("a/two", tier="2"), labelled("b/one", tier="1"), *SOURCES)


@pytest.mark.parametrize(
    ("scope", "expected", "empty"),
    [
        pytest.param(ALL, ["a/one", "a/two", "b/one"], {}, id="all namespaces"),
        pytest.param(Scope(("a",)), ["a/one", "a/two"], {}, id="one namespace"),
        pytest.param(Scope(("b", "a")), ["a/one", "a/two", "b/one"], {}, id="two namespaces"),
        pytest.param(Scope(("*",), "tier=1"), ["a/one", "b/one"], {}, id="a selector"),
        pytest.param(Scope(("a",), "tier!=1"), ["a/two"], {}, id="a selector in a namespace"),
        pytest.param(
            Scope(("b", "c")),
            ["b/one"],
            {"c": 'staging has no HelmRelease in the namespace "c"; mend or remove it in namespaces'},
            id="a namespace without releases is told",
        ),
        pytest.param(
            Scope(("b",), "tier=2"),
            [],
            {
                "b": 'staging has no HelmRelease that the selector "tier=2" admits in the namespace "b"; '
                "mend or remove it in namespaces"
            },
            id="and the selector with it",
        ),
        pytest.param(
            Scope(("*",), "tier=3"),
            [],
            {"*": 'staging has no HelmRelease that the selector "tier=3" admits in any namespace; mend the selector'},
            id="a selector that admits nothing",
        ),
    ],
)
def test_a_scope_sees_its_own_releases_and_every_source(
    look: Callable[..., Fleet], scope: Scope, expected: list[str], empty: dict[str, str]
) -> None:
    seen = look(as_yaml(RECORDED), scope)
    assert keys(seen) == expected
    assert len(seen.oci_repositories) == len(seen.helm_charts) == 1
    assert {problem.subject: problem.message for problem in seen.empty} == empty
    assert seen.errors == ()


def test_an_empty_cluster_is_told(look: Callable[..., Fleet]) -> None:
    assert look(as_yaml(listing())).empty == (
        Problem("*", "staging has no HelmRelease in any namespace; record or name another cluster"),
    )


def test_several_scopes_are_answered_from_one_reading_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "staging.yaml"
    path.write_text(as_yaml(RECORDED))
    seen = Snapshot(path).observe([Scope(("b",)), Scope(("a",)), ALL])
    assert [len(fleet.releases) for fleet in seen] == [1, 2, 3]


# --- one bad object sinks only itself --------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [as_yaml, as_json])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("spec", "text", id="spec"),
        pytest.param("spec.suspend", "yes", id="suspend"),
        pytest.param("spec.chart.spec.chart", 5, id="chart"),
        pytest.param("status.history", {"a": 1}, id="history"),
        pytest.param("status.history.0.version", "seven", id="revision"),
        pytest.param("status.conditions.0.message", ["a"], id="message"),
        pytest.param("metadata.generation", "4", id="generation"),
    ],
)
def test_a_release_of_the_wrong_shape_is_unreadable_and_the_others_go_on(
    look: Callable[..., Fleet], written: Callable[[object], str], path: str, value: object
) -> None:
    seen = look(written(listing(changed(helm_release(), path, value), REDIS)))
    broken, sound = seen.releases
    assert isinstance(broken, Unreadable)
    assert broken.message.startswith("HelmRelease vault/vault has another shape than Flux gives it: ")
    assert isinstance(sound, HelmRelease)


def test_a_release_of_an_old_flux_is_unreadable(look: Callable[..., Fleet]) -> None:
    (broken,) = look(as_yaml(listing(helm_release("v2beta1")))).releases
    assert isinstance(broken, Unreadable)
    assert "upgrade Flux" in broken.message


def test_a_source_of_the_wrong_shape_is_an_error(look: Callable[..., Fleet]) -> None:
    seen = look(as_yaml(listing(VAULT, changed(oci_repository(), "spec.ref", "text"))))
    message = (
        "OCIRepository flux-system/redis has another shape than Flux gives it: "
        "Expected `object | null`, got `str` - at `$.spec.ref`"
    )
    assert seen.errors == (Problem("OCIRepository flux-system/redis", message),)
    assert keys(seen) == ["vault/vault"]


@pytest.mark.parametrize("count", [2, 3])
def test_a_release_that_is_recorded_twice_is_unreadable(look: Callable[..., Fleet], count: int) -> None:
    seen = look(as_yaml(listing(*[VAULT] * count, REDIS)))
    message = "HelmRelease vault/vault is recorded twice; record the cluster again"
    assert seen.releases[0] == Unreadable(Key("vault", "vault"), message)
    assert keys(seen) == BOTH


STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "forbidden", "code": 403}
POD = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "b"}}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(STATUS, "Status", id="a refused request"),
        pytest.param(POD, "Pod", id="another object"),
        pytest.param(listing(POD), "Pod", id="a list of other objects"),
    ],
)
@pytest.mark.parametrize("written", [as_yaml, as_json])
def test_what_holds_nothing_of_flux_is_no_empty_cluster(
    look: Callable[..., Fleet], written: Callable[[object], str], value: Object, kind: str
) -> None:
    with pytest.raises(Refused, match=f"it holds a {kind} and no HelmRelease"):
        look(written(value))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(changed(VAULT, "metadata", "x"), id="metadata that is text"),
        pytest.param(changed(VAULT, "metadata.name", "Bad_Name"), id="a name that is none"),
        pytest.param("x", id="text"),
        pytest.param(None, id="null"),
        pytest.param(3, id="a number"),
    ],
)
@pytest.mark.parametrize("written", [as_yaml, as_json])
def test_an_item_that_is_no_object_sinks_only_itself(
    look: Callable[..., Fleet], written: Callable[[object], str], bad: Object
) -> None:
    seen = look(written(listing(bad, REDIS)))
    assert keys(seen) == ["redis/redis"]
    assert [problem.subject for problem in seen.errors] == ["recording"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param("", "", id="whole"),
        pytest.param("\n---\n[", "did not find expected node content", id="cut off"),
    ],
)
def test_aliases_that_another_program_wrote_are_followed(look: Callable[..., Fleet], more: str, said: str) -> None:
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T10:00:00Z"}]
    both = [changed(one, "status.conditions", conditions) for one in (VAULT, REDIS)]
    apart = as_yaml(listing(*both))
    assert apart.count("2026-03-01T10:00:00Z") == 2
    first = "conditions: &id001\n".join(apart.split("conditions:\n", 1))
    head, _, rest = first.rpartition("conditions:\n")
    tail = rest.partition("      type: Ready\n")[2]
    shared = f"{head}conditions: *id001\n{tail}{more}"
    assert shared.count("2026-03-01T10:00:00Z") == 1
    if said:
        with pytest.raises(Refused, match=said):
            look(shared)
    else:
        assert look(shared) == look(apart)


# --- not what kubectl prints -----------------------------------------------------------------------------------------

NO_OBJECT = "something in it is no Kubernetes object: Expected `object`, got "
NO_KIND = "something in it has no kind or no apiVersion"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "it is empty", id="an empty file"),
        pytest.param("# nothing\n", "it is empty", id="a comment"),
        pytest.param("<html><body>Not found</body></html>", NO_OBJECT + "`str`", id="an HTML page"),
        pytest.param("No resources found\n", NO_OBJECT + "`str`", id="words"),
        pytest.param("replicas: 3\nimage:\n  tag: x\n", NO_KIND, id="values of a chart"),
        pytest.param('{"name": "x", "version": "1"}', NO_KIND, id="somebody else's JSON"),
        pytest.param("- a\n- b\n", NO_OBJECT + "`array`", id="a list of strings"),
        pytest.param("items: [a, b]\n", NO_OBJECT + "`str`", id="items that are strings"),
        pytest.param('{"items": ["a"]}', NO_KIND, id="items that are strings in JSON"),
        pytest.param('{"kind": "List", "apiVersion": "v1", "items": ["a"]}', NO_OBJECT + "`str`", id="a list of those"),
        pytest.param("null\n", NO_OBJECT + "`null`", id="null"),
        pytest.param(b"\x7fELF\x02\x01\x01\x00", "control characters are not allowed", id="a program"),
        pytest.param(b"\x80\x81\x82", "invalid leading UTF-8 octet", id="no UTF-8"),
        pytest.param("a: b: c\n", "line 1: mapping values are not allowed in this context", id="no YAML"),
        pytest.param('{"kind": "List"', "Input data was truncated", id="JSON that was cut off"),
        pytest.param('{"kind": List}', "JSON is malformed: invalid character (byte 9)", id="no JSON"),
        pytest.param('{"items": 5}', "Expected `array | null`, got `int` - at `$.items`", id="items that are none"),
        pytest.param(
            "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\nmetadata:\n  name: vault\n",
            "a HelmRelease in it has no valid name and namespace",
            id="a manifest of git without a namespace",
        ),
        pytest.param(
            "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\nmetadata: &a {name: b}\nspec: {test: *b}\n",
            "line 4: found undefined alias",
            id="an alias of nothing",
        ),
        pytest.param(
            f"kind: HelmRelease\nspec: {{values: {{password: {SECRET}}}\n",
            "line 3: did not find expected ',' or '}'",
            id="a secret in what is broken",
        ),
    ],
)
def test_anything_else_is_refused_with_a_cure(tmp_path: Path, text: str | bytes, message: str) -> None:
    path = tmp_path / "staging"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(Refused) as raised:
        Snapshot(path).observe([ALL])
    assert str(raised.value) == f"{path} is not what kubectl prints: {message}{CURE}"


def test_an_object_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "staging.json"
    path.write_text('{"kind": "List", "apiVersion": "v1", "items": [{"spec": ' + "[" * 5000 + "]" * 5000 + "}]}")
    with pytest.raises(Refused, match="holds an object that is nested too deeply to be read; record it with"):
        Snapshot(path).observe([ALL])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("none", "No such file or directory", id="missing"),
        pytest.param(".", "Is a directory", id="a folder"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    path = tmp_path / name
    with pytest.raises(Refused) as raised:
        Snapshot(path).observe([ALL])
    assert str(raised.value) == f"{path} cannot be read: {reason}{CURE}"


# --- secrets and size ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [as_yaml, as_json])
def test_no_secret_of_a_recording_is_kept(look: Callable[..., Fleet], written: Callable[[object], str]) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "s"}, "data": {"s": SECRET}}
    seen = look(written(listing(helm_release(), secret, changed(REDIS, "spec", {"values": {"password": SECRET}}))))
    assert len(seen.releases) == 2
    assert SECRET not in repr(seen)


@pytest.mark.parametrize(
    ("written", "share"),
    [
        pytest.param(as_yaml, 0.3, id="of YAML only the object at hand"),
        pytest.param(json.dumps, 2.2, id="of JSON the file and its objects' bytes"),
    ],
)
def test_a_recording_is_read_in_bounded_memory(tmp_path: Path, written: Callable[[object], str], share: float) -> None:
    values = {f"key{number}": {"nested": "x" * 100} for number in range(100)}
    one = written([changed(proven("ns000/app", "1.0.0"), "spec.values", values)]).strip().removeprefix("[").rstrip("]")
    many = [one.replace("ns000", f"ns{number:03}") for number in range(150)]
    head, _, tail = written(listing("HERE")).partition("- HERE" if written is as_yaml else '"HERE"')  # type: ignore[arg-type]
    path = tmp_path / "staging"
    path.write_text(head + ("\n" if written is as_yaml else ",").join(many) + tail)
    tracemalloc.start()
    try:
        (seen,) = Snapshot(path).observe([ALL])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(seen.releases) == 150
    assert peak < share * path.stat().st_size
