"""Which production releases a pin governs: all that would change with it, whether or not a promotion asks for them."""

from __future__ import annotations

from time import process_time

import pytest

from reconciler.core.model import Key, Pin
from tests.core.trees import Tree, find, finder, flux, patch, release, repository

Governed = tuple[tuple[str | None, str], ...]


def through(name: str = "vault", repository: str = "vault", kind: str = "OCIRepository", namespace: str = "") -> str:
    head = release(name, namespace=namespace).partition("spec")[0]
    return f"{head}spec: {{chartRef: {{kind: {kind}, name: {repository}}}}}\n"


SHARED: Tree = {"oci.yaml": repository(), "vault.yaml": through()}

GOVERNED: dict[str, tuple[Tree, Governed]] = {
    "the release that holds it, whose namespace no file gives": ({"a.yaml": release()}, ((None, "vault"),)),
    "the release that holds it, in its effective namespace": (
        {"a.yaml": release(), "kustomization.yaml": "namespace: prod\nresources: [a.yaml]\n"},
        (("prod", "vault"),),
    ),
    "the release under the name that it gets": (
        {"a.yaml": release("ult"), "kustomization.yaml": "namePrefix: va\nresources: [a.yaml]\n"},
        ((None, "vault"),),
    ),
    "one manifest that two namespaces apply": (
        {
            "apps/a.yaml": release(),
            "one.yaml": flux("apps", "  targetNamespace: prod\n", "one"),
            "two.yaml": flux("apps", "  targetNamespace: dev\n", "two"),
        },
        (("dev", "vault"), ("prod", "vault")),
    ),
    "a base that two overlays share, of which one sets another version": (
        {
            "base/kustomization.yaml": "resources: [a.yaml]\n",
            "base/a.yaml": release(),
            "prod/kustomization.yaml": "namespace: prod\nresources: [../base]\n",
            "qa/kustomization.yaml": "namespace: qa\nresources: [../base]\n",
            "dev/kustomization.yaml": "namespace: dev\nresources: [../base]\npatches: [{path: p.yaml}]\n",
            "dev/p.yaml": patch(),
        },
        (("prod", "vault"), ("qa", "vault")),
    ),
    "a patch under a target that selects several": (
        {
            "kustomization.yaml": "namespace: prod\nresources: [a.yaml, b.yaml]\n"
            "patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n",
            "a.yaml": release("other"),
            "b.yaml": release(),
            "p.yaml": patch(),
        },
        (("prod", "other"), ("prod", "vault")),
    ),
    "every release whose chartRef leads to it": (
        {**SHARED, "two.yaml": through("two", namespace="x"), "three.yaml": through("three", "another")},
        ((None, "vault"), ("x", "two")),
    ),
    "a release whose chartRef may lead to it or to another": (
        {
            **{f"one/{path}": text for path, text in SHARED.items()},
            "two/oci.yaml": repository(),
            "three/hr.yaml": through("two"),
        },
        ((None, "two"), (None, "vault")),
    ),
    "no release of another cluster": (
        {
            **{f"prod/{path}": text for path, text in SHARED.items()},
            "dev/oci.yaml": repository(),
            "dev/vault.yaml": through(namespace="dev"),
        },
        ((None, "vault"),),
    ),
    "no release that takes another kind of source": (
        {**SHARED, "two.yaml": through("two", kind="HelmChart")},
        ((None, "vault"),),
    ),
    "no release of which a digest decides": (
        {
            **SHARED,
            "over/kustomization.yaml": "resources: [oci.yaml, hr.yaml]\n",
            "over/oci.yaml": repository(ref="{tag: 1.0.0, digest: x}"),
            "over/hr.yaml": through("two"),
        },
        ((None, "vault"),),
    ),
    "no release that nothing applies": (
        {**SHARED, "x/kustomization.yaml": "resources: []\n", "x/two.yaml": through("two")},
        ((None, "vault"),),
    ),
    "no release whose version cannot be edited": (
        {
            **SHARED,
            "x.yaml": release("x", version=None),
            "y.yaml": f"y: &v 1.0.0\n{release('y', version='*v')}",
        },
        ((None, "vault"),),
    ),
    "a release that depends on what cannot be read, in no known namespace": (
        {
            **SHARED,
            "vault.yaml": through(namespace="prod"),
            "x/kustomization.yaml": "resources: [",
            "x/two.yaml": through("two", namespace="own"),
        },
        ((None, "two"), ("prod", "vault")),
    ),
}


@pytest.mark.parametrize("case", GOVERNED)
def test_a_pin_governs(case: str) -> None:
    tree, governed = GOVERNED[case]
    for order in (tree, dict(reversed(tree.items()))):
        search = finder(order)
        pin = search.find(Key("prod", "vault"), "vault")

        assert isinstance(pin, Pin), pin
        assert search.governs(pin) == governed


def test_a_chart_from_git_is_governed_by_no_version() -> None:
    text = release().replace("version: 1.0.0", "version: 1.0.0, sourceRef: {kind: GitRepository, name: x}")
    tree = {"a.yaml": text, "b.yaml": release("b")}
    search = finder(tree)
    pin = search.find(Key("prod", "b"), "vault")

    assert isinstance(pin, Pin)
    assert search.governs(pin) == ((None, "b"),)


def test_paths_do_not_limit_what_a_pin_governs() -> None:
    tree = {"a/oci.yaml": repository(), "a/hr.yaml": through(), "b/hr.yaml": through("two")}
    search = finder(tree, "a/**")
    pin = search.find(Key("prod", "vault"), "vault")

    assert isinstance(pin, Pin)
    assert search.governs(pin) == ((None, "two"), (None, "vault"))


def test_a_pin_of_another_tree_governs_nothing() -> None:
    pin = find({"a.yaml": release()})

    assert isinstance(pin, Pin)
    assert finder({"b.yaml": release()}).governs(pin) == ()


@pytest.mark.parametrize("clusters", [pytest.param(2000, id="in folders of their own"), pytest.param(0, id="in one")])
def test_thousands_of_ocirepositories_of_one_name_take_no_time(clusters: int) -> None:
    folder = "clusters/{}" if clusters else "clusters"
    tree = {
        path: text
        for number in range(2000)
        for path, text in (
            (f"{folder.format(number)}/repositories/{number}.yaml", repository()),
            (f"{folder.format(number)}/apps/{number}.yaml", through(f"app{number}")),
        )
    }
    tree["plain.yaml"] = release("plain")
    search = finder(tree)
    began = process_time()
    answers = [search.find(Key("prod", f"app{number}"), None) for number in range(2000)]
    answers.append(search.find(Key("prod", "plain"), None))
    pins = [answer for answer in answers if isinstance(answer, Pin)]
    governed = [search.governs(pin) for pin in pins]

    assert process_time() - began < 5 * 0.5, "five times what it may take, for a busy machine"
    assert governed == [*(((None, f"app{number}"),) for number in range(clusters)), ((None, "plain"),)]
