"""Which scalar pins a release in production, and what is said where none can be edited."""

from __future__ import annotations

from time import process_time

import pytest

from reconciler.core.manifest import Finder, edit, read
from reconciler.core.model import Key, NoPin, Pin, Reason
from tests.core.trees import Tree, component, find, flux, patch, release, repository, surveyed

HELM = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: vault}\n"
OCI = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: vault}\n"


def chart_ref(name: str = "vault", more: str = "", kind: str = "OCIRepository", release: str = "vault") -> str:
    return (
        f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {release}}}\n"
        f"spec: {{chartRef: {{kind: {kind}, name: {name}{more}}}}}\n"
    )


def versioned(version: str, more: str = "") -> str:
    """A release whose version is written so, on line 6."""
    return f"{HELM}spec:\n  chart:\n    spec: {{chart: vault{more}, version: {version}}}\n"


def lined(version: str, rest: str = "") -> str:
    """A release whose version is written so on a line of its own, the ninth."""
    return f"{HELM}spec:\n  chart:\n    spec:\n      chart: vault\n      x: y\n      version: {version}\n{rest}"


def tagged(ref: str) -> Tree:
    return {"a/hr.yaml": chart_ref(), "a/oci.yaml": f"{OCI}spec: {{ref: {ref}}}\n"}


def over(kustomization: str, base: str = release(), **files: str) -> Tree:
    return {
        "base/kustomization.yaml": "resources: [vault.yaml]\n",
        "base/vault.yaml": base,
        "prod/kustomization.yaml": f"resources: [../base]\nnamespace: prod\n{kustomization}",
        **{f"prod/{name}.yaml": text for name, text in files.items()},
    }


# --- found -----------------------------------------------------------------------------------------------------------

FOUND: dict[str, tuple[Tree, str, str]] = {
    "a whole release": ({"a.yaml": release()}, "a.yaml:4", "1.0.0"),
    "in its own namespace": (
        {"a.yaml": release(namespace="prod"), "b.yaml": release(version="2.0.0", namespace="dev")},
        "a.yaml:4",
        "1.0.0",
    ),
    "in its namespace rather than in one that no file gives": (
        {"a.yaml": release(version="2.0.0"), "b.yaml": release(namespace="prod")},
        "b.yaml:4",
        "1.0.0",
    ),
    "in the namespace that a kustomization gives": (over(""), "base/vault.yaml:4", "1.0.0"),
    "in the namespace that Flux gives": (
        {
            "one/a.yaml": release(),
            "two/a.yaml": release(version="2.0.0"),
            "flux.yaml": f"{flux('one', '  targetNamespace: prod')}\n---\n{flux('two', '  targetNamespace: dev')}\n",
        },
        "one/a.yaml:4",
        "1.0.0",
    ),
    "the listed file rather than one that is left out": (
        {
            "a/kustomization.yaml": "resources: [new.yaml]\n",
            "a/new.yaml": release(),
            "a/old.yaml": release(version="2.0.0"),
        },
        "a/new.yaml:4",
        "1.0.0",
    ),
    "by the chart, where two are called the same": (
        {"a.yaml": release(chart="other"), "b.yaml": release(version="2.0.0")},
        "b.yaml:4",
        "2.0.0",
    ),
    "a chart in a folder of its repository": ({"a.yaml": release(chart="stable/vault/")}, "a.yaml:4", "1.0.0"),
    "an older version of the API": (
        {"a.yaml": release().replace("fluxcd.io/v2", "fluxcd.io/v2beta1")},
        "a.yaml:4",
        "1.0.0",
    ),
    "the second document": ({"a.yaml": f"{release('x')}---\n{release()}"}, "a.yaml:9", "1.0.0"),
    "an anchored name": (
        {"a.yaml": lined("1.0.0", "  y: *app\n").replace("{name: vault}", "{name: &app vault}")},
        "a.yaml:9",
        "1.0.0",
    ),
    "a name that an alias repeats": (
        {"a.yaml": f"x: &app vault\n{lined('1.0.0')}".replace("{name: vault}", "{name: *app}")},
        "a.yaml:10",
        "1.0.0",
    ),
    "an anchor that nothing repeats": ({"a.yaml": lined("&v 1.0.0")}, "a.yaml:9", "1.0.0"),
    "a string tag": ({"a.yaml": lined('!!str "1.0.0"')}, "a.yaml:9", "1.0.0"),
    "a leading v": ({"a.yaml": lined("v1.0.0")}, "a.yaml:9", "v1.0.0"),
    "a variable elsewhere": ({"a.yaml": lined("1.0.0", "  x: ${Y}\n  z: '{{ q }}'\n")}, "a.yaml:9", "1.0.0"),
    "a setter on another line": (
        {"a.yaml": lined("1.0.0 # pinned", '  x: 1 # {"$imagepolicy": "a:b"}\n')},
        "a.yaml:9",
        "1.0.0",
    ),
    "a setter on another line, ended by a carriage return": (
        {"a.yaml": lined("1.0.0 # pinned", '  x: 1 # {"$imagepolicy": "a:b"}\n').replace("\n", "\r")},
        "a.yaml:9",
        "1.0.0",
    ),
    "a patch": (over("patches: [{path: p.yaml}]\n", p=patch()), "prod/p.yaml:7", "2.0.0"),
    "a patch under a target, whatever its name": (
        over("patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n", p=patch("x")),
        "prod/p.yaml:7",
        "2.0.0",
    ),
    "a patch over another name": (
        over("namePrefix: va\npatches: [{path: p.yaml}]\n", release("ult"), p=patch("ult")),
        "prod/p.yaml:7",
        "2.0.0",
    ),
    "a patch of a component": (
        {
            **over("components: [../part]\n"),
            "part/kustomization.yaml": component("patches: [{path: p.yaml}]\n"),
            "part/p.yaml": patch(),
        },
        "part/p.yaml:7",
        "2.0.0",
    ),
    "a chart that a patch puts in the place of an OCIRepository": (
        over(
            "patches: [{path: p.yaml}]\n",
            chart_ref(),
            p=f"{HELM}spec:\n  chartRef:\n  chart:\n    spec:\n      chart: vault\n      version: 1.0.0\n",
        ),
        "prod/p.yaml:9",
        "1.0.0",
    ),
    "an OCIRepository in the same file": ({"a.yaml": f"{chart_ref()}---\n{repository()}"}, "a.yaml:9", "1.0.0"),
    "an OCIRepository in another file": (
        {"a/hr.yaml": chart_ref(), "a/oci.yaml": repository()},
        "a/oci.yaml:4",
        "1.0.0",
    ),
    "an OCIRepository in another folder": (
        {"a/hr.yaml": chart_ref(), "b/c/oci.yaml": repository()},
        "b/c/oci.yaml:4",
        "1.0.0",
    ),
    "an OCIRepository in another namespace": (
        {
            "hr.yaml": chart_ref(more=", namespace: flux"),
            "a.yaml": repository().replace("{name: vault}", "{name: vault, namespace: flux}"),
            "b.yaml": repository(ref="{tag: 2.0.0}").replace("{name: vault}", "{name: vault, namespace: prod}"),
        },
        "a.yaml:4",
        "1.0.0",
    ),
    "an OCIRepository in its namespace rather than in one that no file gives": (
        {
            "hr.yaml": chart_ref(more=", namespace: flux"),
            "a.yaml": repository().replace("{name: vault}", "{name: vault, namespace: flux}"),
            "b.yaml": repository(ref="{tag: 2.0.0}"),
        },
        "a.yaml:4",
        "1.0.0",
    ),
    "an OCIRepository that the same root applies": (
        {
            "a/kustomization.yaml": "resources: [hr.yaml, ../b]\n",
            "a/hr.yaml": chart_ref(),
            "a/c/oci.yaml": repository(ref="{tag: 2.0.0}"),
            "b/kustomization.yaml": "resources: [oci.yaml]\n",
            "b/oci.yaml": repository(),
        },
        "b/oci.yaml:4",
        "1.0.0",
    ),
    "the OCIRepository nearest to the release": (
        {
            "one/apps/hr.yaml": chart_ref(),
            "one/repositories/oci.yaml": repository(),
            "two/repositories/oci.yaml": repository(ref="{tag: 2.0.0}"),
        },
        "one/repositories/oci.yaml:4",
        "1.0.0",
    ),
    "an OCIRepository's tag with a build in it": (tagged("{tag: 1.0.0_build.1}"), "a/oci.yaml:4", "1.0.0_build.1"),
    "an OCIRepository's tag that a patch gives": (
        {
            "a/kustomization.yaml": "resources: [hr.yaml, oci.yaml]\npatches: [{path: p.yaml}]\n",
            "a/hr.yaml": chart_ref(),
            "a/oci.yaml": repository(),
            "a/p.yaml": f"{OCI}spec:\n  ref:\n    tag: 2.0.0\n    digest:\n",
        },
        "a/p.yaml:6",
        "2.0.0",
    ),
    "a patch that JSON changes elsewhere": (
        over(
            "patches:\n- target: {kind: HelmRelease}\n  patch: '[{op: add, path: /spec/interval, value: 1h},"
            " {op: test, path: /spec/chart/spec/version, value: 1.0.0}, {path: /spec}, 3]'\n"
        ),
        "base/vault.yaml:4",
        "1.0.0",
    ),
    "a patch file that says nothing of releases": (
        over("patches: [{path: p.yaml, target: {kind: Deployment}}]\n", p="kind: Deployment\n"),
        "base/vault.yaml:4",
        "1.0.0",
    ),
    "an inline patch that gives other things": (
        over("patches:\n- patch: '{kind: HelmRelease, metadata: {name: vault}, spec: {interval: 1h}}'\n  target: {}\n"),
        "base/vault.yaml:4",
        "1.0.0",
    ),
    "a patch under another name that gives no version": (
        over("patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n", p=f"{HELM}spec: {{}}\n".replace("vault", "x")),
        "base/vault.yaml:4",
        "1.0.0",
    ),
    "a patch for what an earlier patch took away": (
        {
            **over("patches: [{path: d.yaml}, {path: p.yaml, target: {name: x}}, {path: p.yaml}]\n"),
            "base/kustomization.yaml": "resources: [vault.yaml, x.yaml]\n",
            "base/x.yaml": release("x"),
            "prod/d.yaml": "$patch: delete\n" + patch("x"),
            "prod/p.yaml": patch("y", "2.0.0"),
        },
        "base/vault.yaml:4",
        "1.0.0",
    ),
    "an idle patch beside a pin that counts": (
        over("patches: [{path: p.yaml, target: {name: other}}]\n", p=patch()),
        "base/vault.yaml:4",
        "1.0.0",
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_the_effective_version_is_found(case: str) -> None:
    tree, place, text = FOUND[case]
    pin = find(tree)

    assert isinstance(pin, Pin), pin
    assert (f"{pin.path}:{pin.scalar.line}", pin.text) == (place, text)
    assert tree[pin.path][pin.scalar.start : pin.scalar.end].strip("\"'").endswith(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "apiVersion: v1\nkind: List\nitems:\n- " + release().replace("\n", "\n  ").rstrip() + "\n- text\n",
            id="YAML",
        ),
        pytest.param(
            '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "helm.toolkit.fluxcd.io/v2",\n'
            '"kind": "HelmRelease", "metadata": {"name": "vault"},\n'
            '"spec": {"chart": {"spec": {"chart": "vault", "version": "1.0.0"}}}}]}\n',
            id="JSON",
        ),
    ],
)
def test_the_items_of_a_list_are_manifests_too(text: str) -> None:
    pin = find({"a.json": text})

    assert isinstance(pin, Pin)
    assert edit(pin, text, "1.0.1").after == text.replace("1.0.0", "1.0.1")


@pytest.mark.parametrize("ref", ["{tag: 1.0.0, digest: ''}", '{tag: 1.0.0, semver: ""}'])
def test_an_empty_text_is_no_digest_and_no_range(ref: str) -> None:
    assert isinstance(find({"hr.yaml": chart_ref(), "oci.yaml": repository(ref=ref)}), Pin)


def test_a_replacement_of_something_else_changes_nothing() -> None:
    kustomization = "resources: [a.yaml]\nreplacements:\n- targets:\n  - fieldPaths: [spec.interval]\n"
    assert isinstance(find({"a.yaml": release(), "kustomization.yaml": kustomization}), Pin)


def test_the_line_for_match_has_the_name_of_staging() -> None:
    tree = {"a.yaml": release(namespace="ns")}
    finder = Finder(surveyed(tree), frozenset(tree), {})
    answer = finder.find(Key("zz", "vault"), "vault", Key("ns", "vault"))

    assert isinstance(answer, NoPin)
    assert answer.message.endswith("match: [{staging: ns/vault, production: ns/vault}]")


def test_a_name_that_is_a_variable_is_not_proposed_as_a_match() -> None:
    answer = find({"a.yaml": release(name='"${NAME}"')})

    assert isinstance(answer, NoPin)
    assert "match:" not in answer.message


def test_one_manifest_that_two_namespaces_apply_is_one_pin_for_both() -> None:
    tree = {
        "apps/a.yaml": release(),
        "one.yaml": flux("apps", "  targetNamespace: one\n", "one"),
        "two.yaml": flux("apps", "  targetNamespace: two\n", "two"),
    }
    pins = [find(tree, key=f"{name}/vault") for name in ("one", "two")]

    assert all(isinstance(pin, Pin) for pin in pins)
    assert len({pin.place for pin in pins if isinstance(pin, Pin)}) == 1
    assert len({pin.governed for pin in pins if isinstance(pin, Pin)}) == 2


def test_releases_that_share_an_ocirepository_share_one_pin() -> None:
    tree = {
        "one.yaml": chart_ref(release="one"),
        "sub/two.yaml": chart_ref(release="two"),
        "oci.yaml": repository(),
    }
    pins = [find(tree, key=f"prod/{name}") for name in ("one", "two")]

    assert [isinstance(pin, Pin) and (pin.place, pin.governed, pin.is_tag, pin.holder) for pin in pins] == [
        (("oci.yaml", pins[0].scalar.start), "HelmRelease one in one.yaml:1", True, "vault"),
        (("oci.yaml", pins[0].scalar.start), "HelmRelease two in sub/two.yaml:1", True, "vault"),
    ]


def test_a_release_of_another_cluster_is_none_of_ours_though_its_repository_is_called_the_same() -> None:
    tree = {
        "dev/hr.yaml": chart_ref(),
        "dev/oci.yaml": repository(ref="{tag: 2.0.0}"),
        "prod/hr.yaml": chart_ref(),
        "prod/oci.yaml": repository(),
    }
    pin = find(tree, "prod/oci.yaml")

    assert isinstance(pin, Pin)
    assert (pin.path, pin.governed) == ("prod/oci.yaml", "HelmRelease vault in prod/hr.yaml:1")


def test_paths_choose_among_ocirepositories_that_are_equally_near() -> None:
    tree = {
        "apps/hr.yaml": chart_ref(),
        "one/oci.yaml": repository(),
        "two/oci.yaml": repository(ref="{tag: 2.0.0}"),
    }
    assert [getattr(find(tree, "apps/**", path), "text", None) for path in ("one/*", "two/*")] == ["1.0.0", "2.0.0"]


# --- held ------------------------------------------------------------------------------------------------------------

U = Reason.UNSUPPORTED
P = Reason.UNPINNED
BY_JSON = "set by a JSON patch or a replacement, which is not edited yet; set it by a strategic merge patch in a file"
INLINE = "inside an inline patch, which is not edited yet; move the patch to a file of its own"
TARGETED = "patches:\n- target: {kind: HelmRelease, name: vault}\n"


def perhaps(what: str, line: int) -> str:
    return f"the version in kustomization.yaml:{line} is perhaps changed by {what}"


HELD: dict[str, tuple[Tree, Reason, str]] = {
    "an alias": (
        {"a.yaml": f"x: &v 1.0.0\n{lined('*v')}"},
        U,
        "the version in a.yaml:10 is an alias (*v); write the value out",
    ),
    "an alias above": (
        {"a.yaml": f"x: &c {{spec: {{version: 1.0.0}}}}\n{HELM}spec:\n  chart: *c\n"},
        U,
        "the version in a.yaml:6 is an alias (*c); write the value out",
    ),
    "a merge key on the way": (
        {"a.yaml": f"x: &x {{chart: vault}}\n{versioned('1.0.0', ', <<: *x')}"},
        U,
        "the version in a.yaml:7 is behind a merge key (<<); write its keys out",
    ),
    "a merge key that may give the version": (
        {"a.yaml": f"x: &x {{version: 1.0.0}}\n{HELM}spec:\n  chart:\n    spec:\n      <<: *x\n"},
        U,
        "the version in a.yaml:8 is behind a merge key (<<); write its keys out",
    ),
    "a merge key at the top": (
        {"a.yaml": f"<<: {{x: 1}}\n{lined('1.0.0')}"},
        U,
        "the version in a.yaml:10 is in a document with a merge key (<<, line 1); write its keys out",
    ),
    "a block scalar": (
        {"a.yaml": lined("|-\n        1.0.0")},
        U,
        "the version in a.yaml:9 is a block scalar; write it on one line",
    ),
    "a folded scalar": (
        {"a.yaml": lined(">-\n        1.0.0")},
        U,
        "the version in a.yaml:9 is a block scalar; write it on one line",
    ),
    "a scalar of two lines": (
        {"a.yaml": lined('"1.0\\\n        .0"')},
        U,
        "the version in a.yaml:9 is a scalar of several lines; write it on one line",
    ),
    "a value on the line after its anchor": (
        {"a.yaml": lined("&v\n        1.0.0")},
        U,
        "the version in a.yaml:9 is a scalar of several lines; write it on one line",
    ),
    "a key that stands twice": (
        {"a.yaml": lined("1.0.0", "  values:\n    deep: [{x: 1, y: 2, x: 3}]\n")},
        U,
        'the version in a.yaml:9 is in a document where the key "x" stands twice in one mapping (line 11); remove one',
    ),
    "a version that stands twice": (
        {"a.yaml": lined("1.0.0", "      version: 2.0.0\n")},
        U,
        (
            'the version in a.yaml:10 is in a document where the key "version" stands twice in one mapping (line 10);'
            " remove one"
        ),
    ),
    "a variable": (
        {"a.yaml": lined("${VAULT:=1.0.0}")},
        U,
        "the version in a.yaml:9 is a variable (${VAULT:=1.0.0}), which is substituted; change it where it is set",
    ),
    "a quoted template": (
        {"a.yaml": lined("'{{ .x }}'")},
        U,
        "the version in a.yaml:9 is a template ({{ .x }}); change it where the template gets it from",
    ),
    "a template": (
        {"a.yaml": lined("{{ .x }}")},
        U,
        "the version in a.yaml:9 is a template or a structure; write one version",
    ),
    "a template of flux-operator": (
        {"a.yaml": lined("<< inputs.x >>")},
        U,
        "the version in a.yaml:9 is a template (<< inputs.x >>); change it where the template gets it from",
    ),
    "a list": (
        {"a.yaml": lined("[1.0.0]")},
        U,
        "the version in a.yaml:9 is a template or a structure; write one version",
    ),
    "a setter": (
        {"a.yaml": lined('1.0.0 # {"$imagepolicy": "flux-system:vault:tag"}')},
        U,
        (
            "the version in a.yaml:9 is marked for image automation ($imagepolicy), and two robots would fight over it;"
            " remove the marker"
        ),
    ),
    "a tag of somebody's own": (
        {"a.yaml": lined("!version 1.0.0")},
        U,
        "the version in a.yaml:9 is tagged !version; remove the tag",
    ),
    "the non-specific tag": ({"a.yaml": lined("! 1.0.0")}, U, "the version in a.yaml:9 is tagged !; remove the tag"),
    "an anchor that is repeated": (
        {"a.yaml": lined("&v 1.0.0", "  x: *v\n")},
        U,
        "the version in a.yaml:9 is anchored (&v) for aliases to repeat; write it out where they stand",
    ),
    "a chart from git": (
        {"a.yaml": versioned("1.0.0", ", sourceRef: {kind: GitRepository, name: x}")},
        U,
        (
            "HelmRelease vault in a.yaml:1 takes its chart from a GitRepository, where the version field means nothing;"
            " promote it in git"
        ),
    ),
    "a chart from a bucket": (
        {"a.yaml": versioned("1.0.0", ", sourceRef: {kind: Bucket, name: x}")},
        U,
        (
            "HelmRelease vault in a.yaml:1 takes its chart from a Bucket, where the version field means nothing;"
            " promote it in git"
        ),
    ),
    "a HelmChart": (
        {"a.yaml": chart_ref(kind="HelmChart")},
        U,
        'HelmRelease vault in a.yaml:1 takes its chart from a chartRef of kind "HelmChart", which is not edited yet',
    ),
    "an ExternalArtifact": (
        {"a.yaml": chart_ref(kind="ExternalArtifact")},
        U,
        (
            'HelmRelease vault in a.yaml:1 takes its chart from a chartRef of kind "ExternalArtifact",'
            " which is not edited yet"
        ),
    ),
    "a chartRef of no kind": (
        {"a.yaml": chart_ref(kind="")},
        U,
        'HelmRelease vault in a.yaml:1 takes its chart from a chartRef of kind "", which is not edited yet',
    ),
    "a chart and a chartRef": (
        {"a.yaml": versioned("1.0.0").replace("spec:\n", "spec:\n  chartRef: {kind: OCIRepository, name: x}\n", 1)},
        U,
        "HelmRelease vault in a.yaml:1 has both chart and chartRef, which Flux refuses; remove one",
    ),
    "an OCIRepository that is nowhere": (
        {"a.yaml": chart_ref("x")},
        U,
        "HelmRelease vault in a.yaml:1 refers to the OCIRepository x, which no manifest defines; mend that",
    ),
    "an OCIRepository in a broken file": (
        {"a.yaml": chart_ref(), "b.yaml": "# OCIRepository\nmetadata:\n  name: vault # x\nspec: [\n"},
        U,
        (
            "HelmRelease vault in a.yaml:1 refers to the OCIRepository vault, which is named in b.yaml, which cannot be"
            " read (line 5: did not find expected node content); mend that"
        ),
    ),
    "an OCIRepository in another namespace": (
        {
            "a.yaml": chart_ref(more=", namespace: one"),
            "b.yaml": repository().replace("{name: vault}", "{name: vault, namespace: two}"),
        },
        U,
        "HelmRelease vault in a.yaml:1 refers to the OCIRepository vault, which no manifest defines; mend that",
    ),
    "several OCIRepositories": (
        {"a/hr.yaml": chart_ref(), "b/oci.yaml": repository(), "c/oci.yaml": repository()},
        Reason.AMBIGUOUS,
        (
            "HelmRelease vault in a/hr.yaml:1 refers to the OCIRepository vault, which is in b/oci.yaml:1,"
            " c/oci.yaml:1; narrow paths to one of them"
        ),
    ),
    "a great many OCIRepositories": (
        {"a/hr.yaml": chart_ref(), **{f"{number}/oci.yaml": repository() for number in range(8)}},
        Reason.AMBIGUOUS,
        (
            "HelmRelease vault in a/hr.yaml:1 refers to the OCIRepository vault, which is in 0/oci.yaml:1,"
            " 1/oci.yaml:1, 2/oci.yaml:1, 3/oci.yaml:1, 4/oci.yaml:1 and 3 more; narrow paths to one of them"
        ),
    ),
    "an inline patch": (
        over(f"{TARGETED}  patch: '{{spec: {{chart: {{spec: {{version: 2.0.0}}}}}}, metadata: {{name: x}}}}'\n"),
        U,
        f"the version in prod/kustomization.yaml:4 is {INLINE}",
    ),
    "an inline patch in patchesStrategicMerge": (
        over("patchesStrategicMerge:\n- |\n" + "".join(f"  {line}\n" for line in patch().splitlines())),
        U,
        f"the version in prod/kustomization.yaml:4 is {INLINE}",
    ),
    "an inline patch of Flux": (
        {
            "a/kustomization.yaml": "resources: [vault.yaml]\n",
            "a/vault.yaml": release(),
            "flux.yaml": flux("a", "  patches:\n  - patch: |\n      " + patch().replace("\n", "\n      ") + "\n"),
        },
        U,
        f"the version in flux.yaml:7 is {INLINE}",
    ),
    "an inline JSON patch": (
        over(f"{TARGETED}  patch: '[{{op: replace, path: /spec/chart/spec/version, value: 2.0.0}}]'\n"),
        U,
        f"the version in prod/kustomization.yaml:4 is {BY_JSON}",
    ),
    "a JSON patch of what is above the version": (
        over(f"{TARGETED}  patch: '[{{op: remove, path: /spec/chart}}]'\n"),
        U,
        f"the version in prod/kustomization.yaml:4 is {BY_JSON}",
    ),
    "a JSON patch in a file": (
        over(
            "patches: [{path: p.yaml, target: {name: vault}}]\n",
            p="- {op: add, path: /spec/chart/spec/version, value: 2}",
        ),
        U,
        f"the version in prod/kustomization.yaml:3 is {BY_JSON}",
    ),
    "a JSON patch in a JSON file": (
        {
            **over("patches: [{path: p.json, target: {name: vault}}]\n"),
            "prod/p.json": '[{"op": "add", "path": "/spec/chart/spec/version", "value": "2"}]',
        },
        U,
        f"the version in prod/kustomization.yaml:3 is {BY_JSON}",
    ),
    "patchesJson6902": (
        over(
            "patchesJson6902: [{path: p.yaml, target: {kind: HelmRelease, name: vault}}]\n",
            p="- {op: add, path: /spec/chart/spec/version, value: 2}",
        ),
        U,
        f"the version in prod/kustomization.yaml:3 is {BY_JSON}",
    ),
    "a JSON patch of a tag": (
        {
            "a/kustomization.yaml": "resources: [all.yaml]\npatches:\n- target: {kind: OCIRepository}\n"
            "  patch: '[{op: add, path: /spec/ref/digest, value: x}]'\n",
            "a/all.yaml": f"{chart_ref()}---\n{repository()}",
        },
        U,
        f"the version in a/kustomization.yaml:3 is {BY_JSON}",
    ),
    "a target by label": (
        over("patches: [{path: p.yaml, target: {labelSelector: app=vault}}]\n", p=patch()),
        U,
        (
            "the version in prod/kustomization.yaml:3 is set by the patch prod/p.yaml, whose target selects by label or"
            " annotation; give the release's name in its target"
        ),
    ),
    "a target by annotation": (
        over("patches: [{path: p.yaml, target: {annotationSelector: app=vault}}]\n", p=patch()),
        U,
        (
            "the version in prod/kustomization.yaml:3 is set by the patch prod/p.yaml, whose target selects by label or"
            " annotation; give the release's name in its target"
        ),
    ),
    "a target by an expression of Go": (
        over("patches: [{path: p.yaml, target: {name: '[[:alpha:]]+'}}]\n", p=patch()),
        U,
        (
            "the version in prod/kustomization.yaml:3 is set by the patch prod/p.yaml, whose target has an expression"
            " that is not judged here; give the release's name in its target"
        ),
    ),
    "a target by an expression that is none": (
        over("patches: [{path: p.yaml, target: {name: '[z-a]'}}]\n", p=patch()),
        U,
        (
            "the version in prod/kustomization.yaml:3 is set by the patch prod/p.yaml, whose target has an expression"
            " that is not judged here; give the release's name in its target"
        ),
    ),
    "a nameless target over a base at an address": (
        {
            "prod/kustomization.yaml": "resources: ['https://x/y']\n"
            "patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n",
            "prod/p.yaml": patch(),
        },
        U,
        (
            "the version in prod/kustomization.yaml:2 is set by the patch prod/p.yaml, over what is not in this"
            " repository; give the release's name in its target"
        ),
    ),
    "a patch that is not there": (
        over("patches: [{path: p.yaml, target: {name: vault}}]\n"),
        U,
        (
            "the version in prod/kustomization.yaml:3 is changed by the patch prod/p.yaml, which cannot be read"
            " (it is not in the tree); mend it"
        ),
    ),
    "a patch that is broken": (
        over("patches: [{path: p.yaml}]\n", p=patch() + "x: ["),
        U,
        (
            "the version in prod/kustomization.yaml:3 is changed by the patch prod/p.yaml, which cannot be read"
            " (line 9: did not find expected node content); mend it"
        ),
    ),
    "an inline patch that is broken": (
        over(f"{TARGETED}  patch: '['\n"),
        U,
        (
            "the version in prod/kustomization.yaml:4 is changed by an inline patch, which cannot be read"
            " (line 2: did not find expected node content); mend it"
        ),
    ),
    "a patch directive on the way": (
        over(
            "patches: [{path: p.yaml}]\n",
            p=patch().replace("    spec:\n", "    spec:\n      $patch: replace\n"),
        ),
        U,
        "the version in prod/p.yaml:7 is under a $patch directive; write what it amounts to",
    ),
    "a range": (
        {"a.yaml": lined("'>=1.0.0'")},
        P,
        '">=1.0.0" in a.yaml:9 is not one exact version; write the one that production runs',
    ),
    "a partial version": (
        {"a.yaml": lined("1.2")},
        P,
        '"1.2" in a.yaml:9 is not one exact version; write the one that production runs',
    ),
    "any version": (
        {"a.yaml": lined("'*'")},
        P,
        '"*" in a.yaml:9 is not one exact version; write the one that production runs',
    ),
    "an equals sign": (
        {"a.yaml": lined("=1.2.3")},
        P,
        '"=1.2.3" in a.yaml:9 is not one exact version; write the one that production runs',
    ),
    "text for a person": (
        {"a.yaml": lined(f'"\\e{"x" * 80}"')},
        P,
        f'"?{"x" * 58}…" in a.yaml:9 is not one exact version; write the one that production runs',
    ),
    "no version": (
        {"a.yaml": release(version=None)},
        P,
        "HelmRelease vault in a.yaml:1 gives no version; write the exact one that production runs",
    ),
    "no spec": (
        {"a.yaml": HELM},
        P,
        "HelmRelease vault in a.yaml:1 gives no version; write the exact one that production runs",
    ),
    "an empty version": (
        {"a.yaml": lined("")},
        P,
        "HelmRelease vault in a.yaml:1 gives no version; write the exact one that production runs",
    ),
    "a version that a patch takes away": (
        over("patches: [{path: p.yaml}]\n", p=patch(version="null")),
        P,
        "HelmRelease prod/vault in base/vault.yaml:1 gives no version; write the exact one that production runs",
    ),
    "a digest": (
        tagged("{tag: 1.0.0, digest: 'sha256:0'}"),
        P,
        "OCIRepository vault in a/oci.yaml:1 gives a digest, which counts before its tag; give a tag alone",
    ),
    "a semver": (
        tagged("{tag: 1.0.0, semver: 1.x}"),
        P,
        "OCIRepository vault in a/oci.yaml:1 gives a semver, which counts before its tag; give a tag alone",
    ),
    "a moving tag": (
        tagged("{tag: latest}"),
        P,
        '"latest" in a/oci.yaml:4 is not one exact version; write the one that production runs',
    ),
    "no tag": (
        tagged("{}"),
        P,
        "OCIRepository vault in a/oci.yaml:1 gives no tag; write the exact one that production runs",
    ),
    "a patch whose target selects nothing": (
        over("patches: [{path: p.yaml, target: {kind: HelmRelease, name: voult}}]\n", release(version=None), p=patch()),
        U,
        (
            "the patch prod/p.yaml has no effect on vault: its target in prod/kustomization.yaml:3 (kind: HelmRelease,"
            " name: voult) does not select it; mend the target"
        ),
    ),
    "a patch whose target selects another": (
        {
            **over(
                "patches: [{path: p.yaml, target: {name: x, namespace: default}}]\n", release(version=None), p=patch()
            ),
            "base/kustomization.yaml": "resources: [vault.yaml, x.yaml]\n",
            "base/x.yaml": release("x"),
        },
        U,
        (
            "the patch prod/p.yaml has no effect on vault: its target in prod/kustomization.yaml:3 (name: x, namespace:"
            " default) does not select it; mend the target"
        ),
    ),
    "a patch for a release that is not there": (
        {
            "prod/kustomization.yaml": "resources: []\npatches: [{path: p.yaml, target: {kind: HelmRelease}}]\n",
            "prod/p.yaml": patch(),
        },
        U,
        (
            "the patch prod/p.yaml has no effect on vault: its target in prod/kustomization.yaml:2 (kind: HelmRelease)"
            " does not select it; mend the target"
        ),
    ),
    "a broken file": (
        {"a.yaml": f"{release()}{{{{- if .x }}}}\n"},
        U,
        "vault is named in a.yaml, which cannot be read (line 6: could not find expected ':'); mend it",
    ),
    "a file that is no text": (
        {"a.yaml": "# HelmRelease\n  name: 'vault'\r\n\0"},
        U,
        "vault is named in a.yaml, which cannot be read (line 3: a NUL byte: this is no text); mend it",
    ),
    "a broken file of another namespace": (
        {"a.yaml": f"{release(namespace='other')}{{{{- if .x }}}}\n"},
        Reason.UNMATCHED,
        "none of the 0 HelmReleases that paths select is prod/vault; add its manifest, or widen paths",
    ),
    "a document that SOPS encrypts": (
        {"a.yaml": f"{release()}sops: {{mac: 'ENC[AES256_GCM,data:x]'}}\n"},
        U,
        (
            "the version in a.yaml:4 is in a document that SOPS has encrypted, whose checksum an edit would break;"
            " keep the version out of it"
        ),
    ),
    "a version that SOPS encrypts": (
        {"a.yaml": release(version="'ENC[AES256_GCM,data:x]'")},
        U,
        "the version in a.yaml:4 is encrypted by SOPS; keep the version out of what it encrypts",
    ),
    "a variable of kustomize": (
        {"a.yaml": release(version="$(VERSION)")},
        U,
        "the version in a.yaml:4 is a variable ($(VERSION)), which is substituted; change it where it is set",
    ),
    "a patch in another apiVersion": (
        {
            "a.yaml": release(),
            "b.yaml": patch(api="helm.toolkit.fluxcd.io/v2beta2"),
            "kustomization.yaml": "resources: [a.yaml]\npatches:\n- path: b.yaml\n",
        },
        U,
        (
            "the version in kustomization.yaml:3 is set by the patch b.yaml in another apiVersion, which kustomize"
            " refuses; give the patch the apiVersion of what it patches"
        ),
    ),
    "a replacement of the version": (
        {
            "a.yaml": release(),
            "kustomization.yaml": (
                "resources: [a.yaml]\nreplacements:\n- source: {kind: ConfigMap, name: v, fieldPath: data.v}\n"
                "  targets:\n  - select: {kind: HelmRelease, name: vault}\n    fieldPaths: [spec.chart.spec.version]\n"
            ),
        },
        U,
        (
            "the version in kustomization.yaml:5 is set by a JSON patch or a replacement, which is not edited yet;"
            " set it by a strategic merge patch in a file"
        ),
    ),
    "a broken file whose namespace its kustomization gives": (
        {
            "kustomization.yaml": "namespace: prod\nresources: [a.yaml]\n",
            "a.yaml": patch() + "      sourceRef: {namespace: flux-system}\n{{- if .x }}\n",
        },
        U,
        "vault is named in a.yaml, which cannot be read (line 10: could not find expected ':'); mend it",
    ),
    "a file that its folder's kustomization does not list": (
        {"kustomization.yaml": "resources: []\n", "a.yaml": release()},
        U,
        (
            "HelmRelease vault in a.yaml:1 is not listed by the kustomization of its folder, so nothing applies it;"
            " list it, or remove it"
        ),
    ),
    "a patch that is not in the tree": (
        {"kustomization.yaml": "resources: [a.yaml]\npatches:\n- path: gone.yaml\n", "a.yaml": release()},
        U,
        (
            "the version in kustomization.yaml:3 is changed by the patch gone.yaml, which cannot be read"
            " (it is not in the tree); mend it"
        ),
    ),
    "transformers": (
        {"kustomization.yaml": "resources: [a.yaml]\ntransformers: [t.yaml]\n", "a.yaml": release()},
        U,
        perhaps("transformers, which are not followed; write what they change as patches", 2),
    ),
    "patches behind an alias": (
        {
            "kustomization.yaml": "x: &p [{path: b.yaml}]\nresources: [a.yaml]\npatches: *p\n",
            "a.yaml": release(),
            "b.yaml": patch(),
        },
        U,
        perhaps("what the alias *p stands for in it; write that out", 3),
    ),
    "a target behind an alias": (
        {
            "kustomization.yaml": "x: &t {name: b}\nresources: [a.yaml]\npatches: [{path: b.yaml, target: *t}]\n",
            "a.yaml": release(),
            "b.yaml": patch(),
        },
        U,
        perhaps("what the alias *t stands for in it; write that out", 3),
    ),
    "a kustomization with a merge key": (
        {"kustomization.yaml": "x: &b {namePrefix: x}\n<<: *b\nresources: [a.yaml]\n", "a.yaml": release()},
        U,
        perhaps("what stands behind a merge key (<<); write its keys out", 2),
    ),
    "a kustomization with patches twice": (
        {"kustomization.yaml": "resources: [a.yaml]\npatches: []\npatches: []\n", "a.yaml": release()},
        U,
        perhaps('what it has under the key "patches", which stands twice; remove one', 3),
    ),
    "replacements in a file": (
        {"kustomization.yaml": "resources: [a.yaml]\nreplacements:\n- path: r.yaml\n", "a.yaml": release()},
        U,
        perhaps("replacements in a file of their own; write them in the kustomization", 3),
    ),
    "a JSON patch of the chartRef": (
        {
            "kustomization.yaml": (
                "resources: [hr.yaml, oci.yaml]\npatches: [{path: p.yaml, target: {kind: HelmRelease}}]\n"
            ),
            "hr.yaml": chart_ref(),
            "oci.yaml": repository(),
            "p.yaml": "- {op: replace, path: /spec/chartRef/name, value: other}\n",
        },
        U,
        (
            "HelmRelease vault in hr.yaml:1 depends on the patch in kustomization.yaml:2, a JSON patch or a replacement"
            " that changes what it is or where its version stands; mend it"
        ),
    ),
    "an item of a list that SOPS encrypts": (
        {
            "a.yaml": "apiVersion: v1\nkind: List\nitems:\n- "
            + f"{release()}sops: {{mac: x}}".replace("\n", "\n  ")
            + "\n"
        },
        U,
        (
            "the version in a.yaml:7 is in a document that SOPS has encrypted, whose checksum an edit would break;"
            " keep the version out of it"
        ),
    ),
    "two manifests": (
        {"a.yaml": release(), "b.yaml": release()},
        Reason.AMBIGUOUS,
        "prod/vault is found 2 times: a.yaml:4, b.yaml:4; narrow paths to one of them",
    ),
    "another chart": (
        {"a.yaml": release(chart="consul")},
        Reason.UNMATCHED,
        (
            "HelmRelease vault in a.yaml:1 installs the chart consul, but staging deploys vault; install the same, or"
            " rename one of them"
        ),
    ),
    "another namespace": (
        {"a.yaml": release(namespace="production")},
        Reason.UNMATCHED,
        (
            "none of the 1 HelmReleases that paths select is prod/vault; the nearest is HelmRelease production/vault in"
            " a.yaml:1; if it is the same: match: [{staging: prod/vault, production: production/vault}]"
        ),
    ),
    "another name for the same chart": (
        {"a.yaml": release("secrets", namespace="x"), "b.yaml": release("vaul", chart="other")},
        Reason.UNMATCHED,
        (
            "none of the 2 HelmReleases that paths select is prod/vault; the nearest is HelmRelease x/secrets in"
            " a.yaml:1; if it is the same: match: [{staging: prod/vault, production: x/secrets}]"
        ),
    ),
    "a name that is much like it": (
        {"a.yaml": release("vault-prod", chart="other")},
        Reason.UNMATCHED,
        (
            "none of the 1 HelmReleases that paths select is prod/vault; the nearest is HelmRelease vault-prod in"
            " a.yaml:1; if it is the same: match: [{staging: prod/vault, production: prod/vault-prod}]"
        ),
    ),
    "nothing like it": (
        {"a.yaml": release("x", chart="other"), "b.yaml": "kind: [HelmRelease]\n", "c.yaml": "HelmRelease\n"},
        Reason.UNMATCHED,
        "none of the 1 HelmReleases that paths select is prod/vault; add its manifest, or widen paths",
    ),
    "a release without a name": (
        {"a.yaml": release().replace("{name: vault}", "{}")},
        Reason.UNMATCHED,
        "none of the 0 HelmReleases that paths select is prod/vault; add its manifest, or widen paths",
    ),
    "a release that a patch takes away": (
        over("patches: [{path: p.yaml}]\n", p="$patch: delete\n" + patch()),
        Reason.UNMATCHED,
        "none of the 0 HelmReleases that paths select is prod/vault; add its manifest, or widen paths",
    ),
    "a HelmRelease of somebody else's": (
        {"a.yaml": release().replace("helm.toolkit.fluxcd.io", "example.com")},
        Reason.UNMATCHED,
        "none of the 0 HelmReleases that paths select is prod/vault; add its manifest, or widen paths",
    ),
}


@pytest.mark.parametrize("case", HELD)
def test_what_cannot_be_edited_is_held_with_reason_place_and_cure(case: str) -> None:
    tree, reason, message = HELD[case]
    answer = find(tree)

    assert isinstance(answer, NoPin), answer
    assert (answer.reason, answer.message) == (reason, message)


OUTSIDE: dict[str, tuple[Tree, tuple[str, ...], Reason, str]] = {
    "a version that stands outside": (
        over(""),
        ("prod/**",),
        U,
        "the version of vault stands in base/vault.yaml:4, which paths do not select; widen them",
    ),
    "an OCIRepository that stands outside": (
        {"a/hr.yaml": chart_ref(), "b/oci.yaml": repository()},
        ("a/**",),
        U,
        "the version of vault stands in b/oci.yaml:4, which paths do not select; widen them",
    ),
    "a release that is outside altogether": (
        {"a.yaml": release(namespace="x")},
        ("b/**",),
        Reason.UNMATCHED,
        (
            "none of the 0 HelmReleases that paths select is prod/vault; there is HelmRelease x/vault in a.yaml:1,"
            " which paths do not select; add its manifest, or widen paths"
        ),
    ),
    "a range outside is a range first": (
        over("", release(version="1.x")),
        ("prod/**",),
        P,
        '"1.x" in base/vault.yaml:4 is not one exact version; write the one that production runs',
    ),
    "an idle patch outside is nobody's concern": (
        over("patches: [{path: p.yaml, target: {name: x}}]\n", release(version=None), p=patch()),
        ("base/**",),
        P,
        "HelmRelease prod/vault in base/vault.yaml:1 gives no version; write the exact one that production runs",
    ),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_paths_limit_what_is_edited(case: str) -> None:
    tree, paths, reason, message = OUTSIDE[case]
    answer = find(tree, *paths)

    assert isinstance(answer, NoPin), answer
    assert (answer.reason, answer.message) == (reason, message)


def test_the_version_that_was_found_is_told_though_it_cannot_be_edited() -> None:
    texts = {case: answer.text for case in HELD if isinstance(answer := find(HELD[case][0]), NoPin)}

    assert texts["a range"] == ">=1.0.0"
    assert texts["an alias"] == "1.0.0"
    assert texts["a digest"] == "sha256:0"
    assert texts["a chart from git"] == "1.0.0"
    assert texts["no version"] is None


def test_a_release_is_found_without_knowing_its_chart() -> None:
    assert isinstance(find({"a.yaml": release()}, chart=None), Pin)


def test_a_broken_file_sinks_only_itself() -> None:
    assert isinstance(find({"a.yaml": release(), "b.yaml": "HelmRelease: ["}), Pin)


def test_names_in_a_broken_file_are_remembered() -> None:
    data = (
        b"HelmRelease: [\nname: a\n  name: &x b # c\n  name: 'c'\r\n- name: no\nname: {no}\nname: \"d\"\nmyname: no\n"
    )
    assert read(data, kustomization=False).names == ("a", "b", "c", "d")


def test_a_file_tells_its_versions_and_tags() -> None:
    resources = read(f"{release()}---\n{repository(ref='{tag: 2.0.0}')}".encode(), kustomization=False).resources

    assert [(one.version and one.version.text, one.tag and one.tag.text) for one in resources] == [
        ("1.0.0", None),
        (None, "2.0.0"),
    ]


def test_many_releases_are_searched_in_no_time() -> None:
    tree = {f"{number}.yaml": release(f"release-{number}") for number in range(400)}
    began = process_time()
    answer = find(tree, key="prod/relaese-1")

    assert process_time() - began < 5 * 0.5, "five times what it may take, for a busy machine"
    assert isinstance(answer, NoPin)
    assert answer.message.endswith(
        "release-0 in 0.yaml:1; if it is the same: match: [{staging: prod/relaese-1, production: prod/release-0}]"
    )


def test_a_fleet_of_clusters_that_call_everything_the_same_takes_no_time() -> None:
    tree = {
        path: text
        for cluster in range(40)
        for app in range(25)
        for path, text in (
            (f"clusters/{cluster}/apps/{app}.yaml", chart_ref(f"app{app}", release=f"app{app}")),
            (f"clusters/{cluster}/repositories/{app}.yaml", repository(f"app{app}")),
        )
    }
    began = process_time()
    pin = find(tree, "clusters/7/**", key="prod/app3")

    assert process_time() - began < 5 * 1, "five times what it may take, for a busy machine"
    assert isinstance(pin, Pin)
    assert pin.path == "clusters/7/repositories/3.yaml"
