"""What a tree amounts to, beside what ``kubectl kustomize`` makes of the same tree."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from time import process_time
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.manifest import survey
from reconciler.core.manifest.resource import HELM_RELEASE, PINS
from reconciler.core.yaml import parse, plain_value
from tests.core.trees import Tree, component, flux, patch, read_all, release, repository, surveyed

if TYPE_CHECKING:
    from pathlib import Path

KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on PATH")

Rendered = dict[tuple[str, str | None, str], str | None]


def ours(tree: Tree, root: str) -> Rendered:
    return {
        (one.kind, one.namespace, one.name): one.text(PINS[one.kind])
        for one in surveyed(tree).items
        if one.root == root and one.listed
    }


def write(tree: Tree, folder: Path) -> None:
    for path, text in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def rendered(tree: Tree, root: str, folder: Path) -> Rendered | None:
    """What kustomize makes of a tree, None where it refuses."""
    write(tree, folder)
    assert KUBECTL is not None
    done = subprocess.run([KUBECTL, "kustomize", str(folder / root)], capture_output=True, check=False)
    return _pins(done.stdout.decode()) if done.returncode == 0 else None


def _pins(text: str) -> Rendered:
    found: Rendered = {}
    for document in parse(text):
        value = plain_value(document.root)
        if not isinstance(value, dict) or value["kind"] not in PINS:
            continue
        pin = value
        for key in PINS[value["kind"]].split("/")[1:]:
            pin = pin.get(key) if isinstance(pin, dict) else None
        meta = value["metadata"]
        found[value["kind"], meta.get("namespace"), meta["name"]] = pin
    return found


# --- the facts, one by one -------------------------------------------------------------------------------------------

TWO = {
    "base/a.yaml": release("a"),
    "base/b.yaml": release("b"),
    "base/kustomization.yaml": "resources: [a.yaml, b.yaml]\n",
}
ONE = {"base/vault.yaml": release(), "base/kustomization.yaml": "resources: [vault.yaml]\n"}


def over(base: Tree, kustomization: str, **files: str) -> Tree:
    """An overlay over a base. Its own files are named by their stems."""
    own = {f"prod/{name}.yaml": text for name, text in files.items()}
    return {**base, "prod/kustomization.yaml": f"resources: [../base]\n{kustomization}", **own}


def inline(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.splitlines())


def indented(text: str) -> str:
    return text.rstrip().replace("\n", "\n  ") + "\n"


FACTS: dict[str, Tree] = {
    "a patch without a target changes its namesake": over(TWO, "patches: [{path: p.yaml}]\n", p=patch("a")),
    "a nameless target changes every release": over(
        TWO, "patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n", p=patch("a")
    ),
    "a patch's own name does not count under a target": over(
        TWO, "patches: [{path: p.yaml, target: {kind: HelmRelease, name: b}}]\n", p=patch("a")
    ),
    "a target's name is an expression": over(
        TWO, "patches: [{path: p.yaml, target: {kind: HelmRelease, name: a|b}}]\n", p=patch("x")
    ),
    "an expression matches the whole name": over(
        TWO, "patches: [{path: p.yaml, target: {name: '.*', namespace: defaul}}]\n", p=patch("x")
    ),
    "an expression may be anchored": over(TWO, "patches: [{path: p.yaml, target: {name: ^a$}}]\n", p=patch("x")),
    "an expression with a class": over(TWO, "patches: [{path: p.yaml, target: {name: '[a-z]'}}]\n", p=patch("x")),
    "names differ in case": over(TWO, "patches: [{path: p.yaml, target: {name: A}}]\n", p=patch("x")),
    "a kind is an expression too": over(TWO, "patches: [{path: p.yaml, target: {kind: Helm.*}}]\n", p=patch("x")),
    "an empty target selects everything": over(TWO, "patches: [{path: p.yaml, target: {}}]\n", p=patch("x")),
    "a target that selects nothing has no effect": over(
        TWO, "patches: [{path: p.yaml, target: {kind: HelmRelease, name: c}}]\n", p=patch("a")
    ),
    "a target of another group": over(TWO, "patches: [{path: p.yaml, target: {group: apps}}]\n", p=patch("a")),
    "a target of another version": over(TWO, "patches: [{path: p.yaml, target: {version: v2beta1}}]\n", p=patch("a")),
    "a target of this version": over(TWO, "patches: [{path: p.yaml, target: {version: v2}}]\n", p=patch("a")),
    "a target in the default namespace selects what has none": over(
        TWO, "patches: [{path: p.yaml, target: {namespace: default}}]\n", p=patch("a")
    ),
    "a target in a namespace does not select what has none yet": over(
        TWO, "namespace: apps\npatches: [{path: p.yaml, target: {namespace: apps}}]\n", p=patch("a")
    ),
    "several patches: the last wins": over(
        ONE, "patches: [{path: p.yaml}, {path: q.yaml}]\n", p=patch(version="3.0.0"), q=patch(version="2.0.0")
    ),
    "patches come after patchesStrategicMerge": over(
        ONE,
        "patches: [{path: p.yaml}]\npatchesStrategicMerge: [q.yaml]\n",
        p=patch(version="3.0.0"),
        q=patch(version="2.0.0"),
    ),
    "patchesStrategicMerge by path": over(ONE, "patchesStrategicMerge: [p.yaml]\n", p=patch()),
    "patchesStrategicMerge as text": over(ONE, f"patchesStrategicMerge:\n  - |\n{inline(patch())}\n"),
    "a prefix and a suffix": over(ONE, "namePrefix: x-\nnameSuffix: -y\n"),
    "a patch by the original name": over(ONE, "namePrefix: x-\npatches: [{path: p.yaml}]\n", p=patch()),
    "a target by the original name": over(
        ONE, "namePrefix: x-\npatches: [{path: p.yaml, target: {name: vault}}]\n", p=patch("z")
    ),
    "a target by the name that only comes later": over(
        ONE, "namePrefix: x-\npatches: [{path: p.yaml, target: {name: x-vault}}]\n", p=patch("z")
    ),
    "a patch over a base with a prefix, by the first name": {
        **ONE,
        "mid/kustomization.yaml": "namePrefix: m-\nresources: [../base]\n",
        "prod/kustomization.yaml": "resources: [../mid]\npatches: [{path: p.yaml}]\n",
        "prod/p.yaml": patch("vault"),
    },
    "a patch over a base with a prefix, by the new name": {
        **ONE,
        "mid/kustomization.yaml": "namePrefix: m-\nresources: [../base]\n",
        "prod/kustomization.yaml": "resources: [../mid]\npatches: [{path: p.yaml, target: {name: m-vault}}]\n",
        "prod/p.yaml": patch("z"),
    },
    "a target by a name between the first and the last": {
        **ONE,
        "mid/kustomization.yaml": "namePrefix: m-\nresources: [../base]\n",
        "top/kustomization.yaml": "namePrefix: t-\nresources: [../mid]\n",
        "prod/kustomization.yaml": "resources: [../top]\npatches: [{path: p.yaml, target: {name: m-vault}}]\n",
        "prod/p.yaml": patch("z"),
    },
    "a namespace": over(ONE, "namespace: apps\n"),
    "an outer namespace replaces an inner one": over(
        {**ONE, "base/kustomization.yaml": "namespace: inner\nresources: [vault.yaml]\n"}, "namespace: outer\n"
    ),
    "a namespace replaces the file's own": over(
        {**ONE, "base/vault.yaml": release(namespace="own")}, "namespace: apps\n"
    ),
    "a patch with the original namespace, beside namespace:": over(
        {**ONE, "base/vault.yaml": release(namespace="own")},
        "namespace: apps\npatches: [{path: p.yaml}]\n",
        p=patch(namespace="own"),
    ),
    "a patch with the namespace that an inner overlay set": over(
        {**ONE, "base/kustomization.yaml": "namespace: inner\nresources: [vault.yaml]\n"},
        "patches: [{path: p.yaml}]\n",
        p=patch(namespace="inner"),
    ),
    "a patch that takes the version away": over(
        ONE, "patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n", p=patch(version="null")
    ),
    "a patch that takes the chart away": over(
        ONE,
        "patches: [{path: p.yaml}]\n",
        p=release().replace("{chart: {spec: {chart: vault, version: 1.0.0}}}", "{chart: null}"),
    ),
    "a patch that takes the release away": over(TWO, "patches: [{path: p.yaml}]\n", p="$patch: delete\n" + patch("a")),
    "a base without a version": over(
        {**ONE, "base/vault.yaml": release(version=None)}, "patches: [{path: p.yaml}]\n", p=patch()
    ),
    "two documents in a patch file without a target": over(
        TWO, "patches: [{path: p.yaml}]\n", p=f"{patch('a')}---\n{patch('b', '3.0.0')}"
    ),
    "a base that two overlays share": {
        **over(ONE, "patches: [{path: p.yaml}]\n", p=patch()),
        "dev/kustomization.yaml": "resources: [../base]\n",
    },
    "nested bases": {
        **ONE,
        "mid/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
        "mid/p.yaml": patch(version="3.0.0"),
        "prod/kustomization.yaml": "resources: [../mid]\n",
    },
    "bases: is resources:": {**ONE, "prod/kustomization.yaml": "bases: [../base]\n"},
    "a base by other spellings of its path": {**ONE, "prod/kustomization.yaml": "resources: [./../prod/../base/]\n"},
    "a component patches what is there": {
        **over(ONE, "components: [../part]\n"),
        "part/kustomization.yaml": component("patches: [{path: p.yaml}]\n"),
        "part/p.yaml": patch(),
    },
    "a component comes before the overlay's patches": {
        **over(ONE, "components: [../part]\npatches: [{path: p.yaml}]\n", p=patch(version="3.0.0")),
        "part/kustomization.yaml": component("patches: [{path: p.yaml}]\n"),
        "part/p.yaml": patch(),
    },
    "a component moves what is there, and adds its own": {
        **over(ONE, "components: [../part]\n"),
        "part/kustomization.yaml": component("namespace: part\nnamePrefix: x-\nresources: [own.yaml]\n"),
        "part/own.yaml": release("own"),
    },
    "a component in a component": {
        **over(ONE, "components: [../part]\n"),
        "part/kustomization.yaml": component("components: [../inner]\n"),
        "inner/kustomization.yaml": component("patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n"),
        "inner/p.yaml": patch(),
    },
    "an OCIRepository and its tag": {
        "prod/kustomization.yaml": "namespace: apps\nresources: [oci.yaml]\npatches: [{path: p.yaml}]\n",
        "prod/oci.yaml": repository(),
        "prod/p.yaml": repository(ref="{tag: 2.0.0}"),
    },
    "several documents in a file": {
        "prod/kustomization.yaml": "resources: [all.yaml]\n",
        "prod/all.yaml": f"---\n{release('a')}---\n{release('b', '3.0.0')}...\n",
    },
    "kustomization.yml": {"prod/kustomization.yml": "resources: [v.yaml]\n", "prod/v.yaml": release()},
    "Kustomization": {"prod/Kustomization": "resources: [v.yaml]\n", "prod/v.yaml": release()},
    "a patch of another kind under a target": over(
        TWO,
        "patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n",
        p="kind: Foo\nmetadata: {name: z}\nspec: {chart: {spec: {version: 2.0.0}}}\n",
    ),
    "a patch that is a list": over(ONE, "patches: [{path: p.yaml}]\n", p=f"kind: List\nitems:\n- {indented(patch())}"),
    "a JSON patch of a field that is not followed": over(
        ONE,
        "patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n",
        p="- {op: add, path: /spec/interval, value: 1h}\n",
    ),
    "lists, in lists and of one kind": {
        "prod/kustomization.yaml": "resources: [all.yaml]\n",
        "prod/all.yaml": (
            f"kind: List\nitems:\n- kind: HelmReleaseList\n  items:\n  - {indented(indented(release('a')))}"
            f"- {indented(release('b', '3.0.0'))}---\nkind: OCIRepositoryList\nitems:\n- {indented(repository())}"
        ),
    },
    "a resource that is not called like a manifest": {
        "prod/kustomization.yaml": "resources: [v.cfg]\n",
        "prod/v.cfg": release(),
    },
    "a JSON manifest": {
        "prod/kustomization.yaml": "resources: [v.json]\n",
        "prod/v.json": '{"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "v"},\n'
        '\t"spec": {"chart": {"spec": {"chart": "v", "version": "1.0.0"}}}}\n',
    },
}


@pytest.fixture(scope="module")
def kustomized(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rendered | None]:
    """What kustomize makes of every tree above; all at once, because most of its time is its start."""
    folder = tmp_path_factory.mktemp("trees")
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(lambda fact: rendered(FACTS[fact], "prod", folder / str(list(FACTS).index(fact))), FACTS)
        return dict(zip(FACTS, made, strict=True))


@pytest.mark.slow
@needs_kubectl
@pytest.mark.parametrize("fact", FACTS)
def test_a_tree_amounts_to_what_kustomize_makes_of_it(fact: str, kustomized: dict[str, Rendered | None]) -> None:
    assert ours(FACTS[fact], "prod") == kustomized[fact]


MAYBE = st.sampled_from(["", "a", "b"])
CHANGE = st.builds(
    lambda name, target, version, prefix, namespace: (
        (f"namePrefix: {prefix}-\n" if prefix else "")
        + (f"namespace: {namespace}\n" if namespace else "")
        + f"patches: [{{path: p.yaml, target: {target}}}]\n",
        patch(name, version),
    ),
    st.sampled_from(["a", "b", "x-a"]),
    st.sampled_from(
        ["{kind: HelmRelease}", "{name: a}", "{name: .*a}", "{namespace: a}", "{name: x-a|b, namespace: a|default}"]
    ),
    st.sampled_from(["2.0.0", "null"]),
    st.sampled_from(["", "x"]),
    MAYBE,
)


@pytest.mark.slow
@needs_kubectl
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(CHANGE, min_size=1, max_size=4), numbers=st.integers(0, 10**9))
def test_any_pile_of_overlays_amounts_to_what_kustomize_makes_of_it(
    tmp_path: Path, changes: list[tuple[str, str]], numbers: int
) -> None:
    tree = {
        "base/a.yaml": release("a"),
        "base/b.yaml": release("b"),
        "base/kustomization.yaml": "resources: [a.yaml, b.yaml]\n",
    }
    below = "base"
    for number, (kustomization, text) in enumerate(changes):
        folder = f"over-{number}"
        tree[f"{folder}/kustomization.yaml"] = f"resources: [../{below}]\n{kustomization}"
        tree[f"{folder}/p.yaml"] = text
        below = folder
    assert ours(tree, below) == rendered(tree, below, tmp_path / str(numbers))


# --- what kustomize alone does not tell ----------------------------------------------------------------------------


def where(tree: Tree, name: str = "vault") -> set[tuple[str | None, str, str | None]]:
    """Every appearance of a release: its namespace, the folder that is applied, and the version."""
    return {(one.namespace, one.root, one.text(PINS[HELM_RELEASE])) for one in surveyed(tree).items if one.name == name}


APP: Tree = {"apps/vault/kustomization.yaml": "resources: [vault.yaml]\n", "apps/vault/vault.yaml": release()}
BARE: Tree = {"apps/vault/vault.yaml": release()}

FLUX: dict[str, tuple[Tree, set[tuple[str | None, str, str | None]]]] = {
    "Flux moves what the kustomization of its path yields": (
        {**APP, "cluster.yaml": flux("./apps/vault/", "  targetNamespace: prod\n")},
        {("prod", "apps/vault", "1.0.0")},
    ),
    "Flux moves what it finds where no kustomization is": (
        {**BARE, "cluster.yaml": flux("apps", "  targetNamespace: prod\n")},
        {("prod", "apps/vault", "1.0.0")},
    ),
    "Flux takes in the kustomizations below its path": (
        {**APP, "cluster.yaml": flux("./apps", "  targetNamespace: prod\n")},
        {("prod", "apps/vault", "1.0.0")},
    ),
    "Flux's namespace replaces the kustomization's": (
        {
            **APP,
            "apps/vault/kustomization.yaml": "namespace: own\nresources: [vault.yaml]\n",
            "cluster.yaml": flux("apps/vault", "  targetNamespace: prod\n"),
        },
        {("prod", "apps/vault", "1.0.0")},
    ),
    "without a target namespace the kustomization's stays": (
        {
            **APP,
            "apps/vault/kustomization.yaml": "namespace: own\nresources: [vault.yaml]\n",
            "cluster.yaml": flux("apps/vault"),
        },
        {("own", "apps/vault", "1.0.0")},
    ),
    "several Flux Kustomizations of one path": (
        {
            **APP,
            "one.yaml": flux("./apps/vault", "  targetNamespace: one\n"),
            "two.yaml": flux("apps/vault", "  targetNamespace: two\n", "second"),
        },
        {("one", "apps/vault", "1.0.0"), ("two", "apps/vault", "1.0.0")},
    ),
    "a missing path is the root": (
        {**BARE, "cluster.yaml": flux('""', "  targetNamespace: prod\n")},
        {("prod", "apps/vault", "1.0.0")},
    ),
    "the nearest path above counts": (
        {
            **BARE,
            "far.yaml": flux("./", "  targetNamespace: far\n"),
            "near.yaml": flux("./apps", "  targetNamespace: near\n"),
        },
        {("near", "apps/vault", "1.0.0")},
    ),
    "a kustomization between hides what it does not list": (
        {
            **BARE,
            "apps/kustomization.yaml": "resources: [other.yaml]\n",
            "cluster.yaml": flux("./", "  targetNamespace: prod\n"),
        },
        {(None, "apps/vault", "1.0.0")},
    ),
    "a path that is not in the tree": (
        {**APP, "cluster.yaml": flux("./elsewhere", "  targetNamespace: prod\n")},
        {(None, "apps/vault", "1.0.0")},
    ),
    "Flux applies a base that an overlay includes too": (
        {
            **APP,
            "prod/kustomization.yaml": "namespace: over\nresources: [../apps/vault]\n",
            "cluster.yaml": flux("./apps/vault", "  targetNamespace: own\n"),
        },
        {("own", "apps/vault", "1.0.0"), ("over", "prod", "1.0.0")},
    ),
    "Flux's patches come after the kustomization's": (
        {
            **APP,
            "apps/vault/kustomization.yaml": "resources: [vault.yaml]\npatches: [{path: p.yaml}]\n",
            "apps/vault/p.yaml": patch(version="3.0.0"),
            "cluster.yaml": flux("apps/vault", f"  patches:\n  - patch: |\n{inline(patch())}\n"),
        },
        {(None, "apps/vault", "2.0.0")},
    ),
    "Flux's components": (
        {
            **APP,
            "part/kustomization.yaml": component("patches: [{path: p.yaml}]\n"),
            "part/p.yaml": patch(),
            "cluster.yaml": flux("apps/vault", "  components: [../../part]\n"),
        },
        {(None, "apps/vault", "2.0.0")},
    ),
    "Flux's prefix takes the place of the kustomization's": (
        {
            "apps/a/kustomization.yaml": "namePrefix: x-\nresources: [a.yaml]\n",
            "apps/a/a.yaml": release("t"),
            "cluster.yaml": flux("apps/a", "  namePrefix: vaul\n"),
        },
        {(None, "apps/a", "1.0.0")},
    ),
    "a Flux Kustomization without a spec changes nothing": (
        {**APP, "cluster.yaml": flux(".").partition("spec")[0]},
        {(None, "apps/vault", "1.0.0")},
    ),
}


@pytest.mark.parametrize("fact", FLUX)
def test_flux_applies_folders(fact: str) -> None:
    tree, expected = FLUX[fact]
    assert where(tree) == expected


def nested(depth: int) -> Tree:
    tree = {f"k{at}/kustomization.yaml": f"resources: [../k{at + 1}]\n" for at in range(depth)}
    return {**tree, f"k{depth}/kustomization.yaml": "resources: [vault.yaml]\n", f"k{depth}/vault.yaml": release()}


ODD: dict[str, tuple[Tree, set[tuple[str | None, str, str | None]]]] = {
    "a kustomization that includes itself": (
        {"a/kustomization.yaml": "resources: [., vault.yaml]\n", "a/vault.yaml": release()},
        {(None, "a", "1.0.0")},
    ),
    "two that include each other": (
        {
            "a/kustomization.yaml": "resources: [../b, vault.yaml]\n",
            "a/vault.yaml": release(),
            "b/kustomization.yaml": "resources: [../a]\n",
        },
        {(None, "a", "1.0.0")},
    ),
    "a cycle below an overlay": (
        {
            "a/kustomization.yaml": "resources: [../a, vault.yaml]\n",
            "a/vault.yaml": release(),
            "prod/kustomization.yaml": "namespace: prod\nresources: [../a]\n",
        },
        {("prod", "prod", "1.0.0")},
    ),
    "a component that includes itself": (
        {
            "prod/kustomization.yaml": "resources: [vault.yaml]\ncomponents: [../part]\n",
            "prod/vault.yaml": release(),
            "part/kustomization.yaml": component("components: [.]\npatches: [{path: p.yaml}]\n"),
            "part/p.yaml": patch(),
        },
        {(None, "prod", "2.0.0")},
    ),
    "a component that is not there": (
        {"prod/kustomization.yaml": "resources: [vault.yaml]\ncomponents: [../part]\n", "prod/vault.yaml": release()},
        {(None, "prod", "1.0.0")},
    ),
    "a component by itself is not applied": (
        {"part/kustomization.yaml": component("resources: [vault.yaml]\n"), "part/vault.yaml": release()},
        {(None, "part", "1.0.0")},
    ),
    "a base outside the tree": (
        {"prod/kustomization.yaml": "resources: [../../../x, /etc/x, vault.yaml]\n", "prod/vault.yaml": release()},
        {(None, "prod", "1.0.0")},
    ),
    "a patch over a base at an address": (
        {
            "prod/kustomization.yaml": "resources: ['https://example.com/a?ref=v1']\npatches: [{path: p.yaml}]\n",
            "prod/p.yaml": patch(),
        },
        {(None, "prod", "2.0.0")},
    ),
    "a targeted patch over a base at an address": (
        {
            "prod/kustomization.yaml": "resources: [github.com/o/r//x]\n"
            "patches: [{path: p.yaml, target: {kind: HelmRelease, name: vault}}]\n",
            "prod/p.yaml": patch("z"),
        },
        {(None, "prod", "2.0.0")},
    ),
    "a patch over what is not read, such as a list of objects": (
        {
            "prod/kustomization.yaml": "resources: [list.yaml]\npatches: [{path: p.yaml}]\n",
            "prod/list.yaml": "kind: List\n",
            "prod/p.yaml": patch(),
        },
        {(None, "prod", "2.0.0")},
    ),
    "a file that is listed twice": (
        {"prod/kustomization.yaml": "resources: [vault.yaml, ./vault.yaml]\n", "prod/vault.yaml": release()},
        {(None, "prod", "1.0.0")},
    ),
    "a kustomization that is no YAML": (
        {"prod/kustomization.yaml": "resources: [", "prod/vault.yaml": release()},
        {(None, "prod", "1.0.0")},
    ),
    "a kustomization of another shape": (
        {"prod/kustomization.yaml": "resources: vault.yaml\npatches: p.yaml\n", "prod/vault.yaml": release()},
        {(None, "prod", "1.0.0")},
    ),
    "a second document is no kustomization": (
        {"prod/kustomization.yaml": "resources: [vault.yaml]\n---\nnamespace: x\n", "prod/vault.yaml": release()},
        {(None, "prod", "1.0.0")},
    ),
    "a patch without a path or a text": (
        {
            "prod/kustomization.yaml": "resources: [vault.yaml]\npatches: [{target: {name: other}}]\n",
            "prod/vault.yaml": release(),
        },
        {(None, "prod", "1.0.0")},
    ),
    "patches of another shape, any of which may have meant the release": (
        {
            "prod/kustomization.yaml": "resources: [vault.yaml]\npatches: [3, [x], {path: [x]}]\n",
            "prod/vault.yaml": release(),
        },
        {(None, "prod", None)},
    ),
    "replacements of another shape": (
        {
            "prod/kustomization.yaml": "resources: [vault.yaml]\nreplacements: [3, {targets: [3]}, {targets: {}}]\n",
            "prod/vault.yaml": release(),
        },
        {(None, "prod", "1.0.0")},
    ),
    "a thousand nested kustomizations": (nested(1000), {(None, "k1000", "1.0.0")}),
    "forty nested kustomizations": (nested(40), {(None, "k0", "1.0.0")}),
}


@pytest.mark.parametrize("fact", ODD)
def test_an_odd_tree_hurts_only_itself(fact: str) -> None:
    tree, expected = ODD[fact]
    assert where(tree) == expected


def test_a_file_that_no_kustomization_lists_is_told_apart() -> None:
    tree = {"a/kustomization.yaml": "resources: [b.yaml]\n", "a/b.yaml": release("b"), "a/vault.yaml": release()}
    assert {one.name: one.listed for one in surveyed(tree).items} == {"b": True, "vault": False}


def doubled(rename: str) -> Tree:
    """Every overlay includes the next one twice, thirty deep."""
    tree = {"k30/kustomization.yaml": "resources: [vault.yaml]\n", "k30/vault.yaml": release()}
    for at in range(30):
        for side in "ab":
            tree[f"k{at}{side}/kustomization.yaml"] = f"{rename.format(side)}resources: [../k{at + 1}]\n"
        tree[f"k{at}/kustomization.yaml"] = f"resources: [../k{at}a, ../k{at}b]\n"
    return tree


def many(kustomization: str, count: int) -> Tree:
    names = [f"r{number}" for number in range(count)]
    return {
        "prod/kustomization.yaml": f"resources: [{', '.join(f'{name}.yaml' for name in names)}]\n{kustomization}",
        **{f"prod/{name}.yaml": release(name) for name in names},
    }


PATCHES = ", ".join(f"{{path: p.yaml, target: {{name: r{number}}}}}" for number in range(2000))
SCANS = ", ".join("{path: p.yaml, target: {name: '.*x.*'}}" for _ in range(5000))


def chained(more: str) -> Tree:
    """Every component includes the next one twice, twenty-one deep."""
    links = {f"c{at}/kustomization.yaml": component(f"components: [../c{at + 1}, ../c{at + 1}]\n") for at in range(21)}
    last = {"c21/kustomization.yaml": component("")}
    return {"r/kustomization.yaml": f"{more}components: [../c0]\n", "r/vault.yaml": release(), **links, **last}


def piled(document: str, count: int, kustomization: str) -> Tree:
    """A file of many releases of one name, and a patch of as many documents."""
    return {
        "b/vault.yaml": "---\n".join(release(namespace=f"n{at}") for at in range(count)),
        "b/p.yaml": "---\n".join(document.format(at) for at in range(count)),
        "b/kustomization.yaml": f"resources: [vault.yaml]\npatches:\n{kustomization}",
    }


NAMESAKE = patch(namespace="n#").replace("{", "{{").replace("}", "}}").replace("#", "{0}")

OVERLOADED: dict[str, Tree] = {
    "components that double nothing": chained(""),
    "components that double a release": chained("resources: [vault.yaml]\n"),
    "a patch of many documents under a target": piled(NAMESAKE, 800, "- {path: p.yaml, target: {kind: HelmRelease}}\n"),
    "a patch of many documents for namesakes": piled(NAMESAKE, 800, "- path: p.yaml\n"),
    "one patch over and over": piled(patch().replace("{", "{{").replace("}", "}}"), 500, "- path: p.yaml\n" * 500),
    "many Flux Kustomizations of one folder": {
        **{f"prod/r{at}.yaml": release(f"r{at}") for at in range(700)},
        **{f"flux/{at}.yaml": flux("prod", f"  targetNamespace: n{at}\n") for at in range(700)},
        "prod/kustomization.yaml": "resources: [" + ", ".join(f"r{at}.yaml" for at in range(700)) + "]\n",
    },
    "many patches over many Flux Kustomizations": {
        "b/vault.yaml": release(),
        "b/kustomization.yaml": "resources: [vault.yaml]\npatches:\n" + "- path: k.yaml\n" * 800,
        "b/k.yaml": flux("b"),
        "flux.yaml": "---\n".join(flux("b", name=f"k{at}") for at in range(800)),
    },
    "many kustomizations that patch a Flux Kustomization far below": {
        **{
            f"k{at}/kustomization.yaml": f"resources: [../k{at + 1}]\n" + "patches: [{path: p.yaml}]\n"
            for at in range(700)
        },
        **{f"k{at}/p.yaml": flux("b") for at in range(700)},
        "k700/kustomization.yaml": "resources: [flux.yaml, vault.yaml]\n",
        "k700/flux.yaml": flux("b"),
        "k700/vault.yaml": release(),
    },
    "one file of many releases in many kustomizations": {
        "many.yaml": "---\n".join(release(f"r{at}") for at in range(1000)),
        **{f"o{at}/kustomization.yaml": "resources: [../many.yaml]\n" for at in range(1000)},
    },
}


@pytest.mark.parametrize("case", OVERLOADED)
def test_a_tree_that_asks_for_too_much_takes_no_time_and_is_in_doubt(case: str) -> None:
    tree = OVERLOADED[case]
    files = read_all(tree)
    began = process_time()
    amount = survey(files, tree)
    assert process_time() - began < 5 * 0.5, "five times what it may take, for a busy machine"
    assert {one.doubt for one in amount.items} == {
        "kustomizations that ask for over 200000 steps together, which are not followed"
    }


HEAVY: dict[str, Tree] = {
    "overlays that double what is one and the same": doubled(""),
    "overlays that double under two names": doubled("namePrefix: {}-\n"),
    "ten thousand resources": many("", 10_000),
    "a patch for each of many resources": {**many(f"patches: [{PATCHES}]\n", 2000), "prod/p.yaml": patch()},
    "five thousand patches that must look at all": {**many(f"patches: [{SCANS}]\n", 1000), "prod/p.yaml": patch()},
    "many overlays of many resources": {
        **many("", 1000),
        **{f"o{at}/kustomization.yaml": "resources: [../prod]\n" for at in range(1000)},
    },
    "a slow expression": {
        **many("patches: [{path: p.yaml, target: {name: '(a|a)*(a|a)*(a|a)*b'}}]\n", 1),
        "prod/r0.yaml": release("a" * 300),
        "prod/p.yaml": patch(),
    },
    "two loops over a long name": {
        **many("patches: [{path: p.yaml, target: {name: '.*a.*b'}}]\n", 1),
        "prod/r0.yaml": release("a" * 300),
        "prod/p.yaml": patch(),
    },
}


@pytest.mark.parametrize("case", HEAVY)
def test_a_heavy_tree_takes_no_time(case: str) -> None:
    tree = HEAVY[case]
    files = read_all(tree)
    began = process_time()
    amount = survey(files, tree)
    assert process_time() - began < 5 * 0.5, "five times what it may take, for a busy machine"
    assert len(amount.items) < 300_000
