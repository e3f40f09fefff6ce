"""What could be overlooked in a tree: it is found and edited exactly, or held with reason, place and cure."""

from __future__ import annotations

import codecs
from time import process_time

import pytest

from reconciler.core.manifest import edit, read
from reconciler.core.model import EntryKind, NoPin, Pin, Reason
from reconciler.core.yaml import MAX_BYTES
from tests.core.trees import component, find, flux, patch, release, repository

Files = dict[str, str | bytes | EntryKind]

U = Reason.UNSUPPORTED
BASE: Files = {"base/kustomization.yaml": "resources: [vault.yaml]\n", "base/vault.yaml": release()}
AIMED = "patches: [{path: p.yaml, target: {kind: HelmRelease}}]\n"
FOREIGN = "kind: Foo\nmetadata: {name: z}\nspec:\n  chart:\n    spec:\n      version: 2.0.0\n"


def over(kustomization: str = "", **files: str) -> Files:
    return {
        **BASE,
        "prod/kustomization.yaml": f"resources: [../base]\nnamespace: prod\n{kustomization}",
        **{f"prod/{name}.yaml": text for name, text in files.items()},
    }


def listed(*items: str, kind: str = "List", head: str = "") -> str:
    body = "".join("- " + item.rstrip().replace("\n", "\n  ") + "\n" for item in items)
    return f"{head}apiVersion: v1\nkind: {kind}\nitems:\n{body}"


TYPED = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease"}
JSON = (
    '{"apiVersion": "helm.toolkit.fluxcd.io\\/v2", "kind": "%s", "metadata": {"name": "vault"},\n'
    ' "spec": {"chart": {"spec": {"chart": "vault", "version": "1.0.0"}}}}\n'
)

FOUND: dict[str, tuple[Files, str, str]] = {
    "a patch of another kind under a target": (over(AIMED, p=FOREIGN), "prod/p.yaml:6", "2.0.0"),
    "a patch of an OCIRepository under a target, called otherwise": (
        {
            "a/kustomization.yaml": (
                "resources: [hr.yaml, oci.yaml]\npatches: [{path: p.yaml, target: {kind: OCIRepository}}]\n"
            ),
            "a/hr.yaml": release().split("spec")[0] + "spec: {chartRef: {kind: OCIRepository, name: vault}}\n",
            "a/oci.yaml": repository(),
            "a/p.yaml": "kind: Bar\nmetadata: {name: z}\nspec: {ref: {tag: 3.0.0}}\n",
        },
        "a/p.yaml:3",
        "3.0.0",
    ),
    "a patch under a target that is not called like a manifest": (
        {**over(AIMED.replace("p.yaml", "p.patch")), "prod/p.patch": patch("z")},
        "prod/p.patch:7",
        "2.0.0",
    ),
    "a patch of another kind over what is not in this repository": (
        {
            "prod/kustomization.yaml": "resources: ['https://x/y']\n"
            "patches: [{path: p.yaml, target: {kind: HelmRelease, name: vault}}]\n",
            "prod/p.yaml": FOREIGN,
        },
        "prod/p.yaml:6",
        "2.0.0",
    ),
    "a patch of another kind without a target has no effect": (
        over("patches: [{path: p.yaml}]\n", p=FOREIGN),
        "base/vault.yaml:4",
        "1.0.0",
    ),
    "a resource that is not called like a manifest": (
        {"prod/kustomization.yaml": "namespace: prod\nresources: [vault.cfg]\n", "prod/vault.cfg": release()},
        "prod/vault.cfg:4",
        "1.0.0",
    ),
    "a list in a list": ({"a.yaml": listed(listed(release()))}, "a.yaml:10", "1.0.0"),
    "a list of HelmReleases": ({"a.yaml": listed(release(), kind="HelmReleaseList")}, "a.yaml:7", "1.0.0"),
    "a list of OCIRepositories": (
        {
            "a.yaml": release().split("spec")[0] + "spec: {chartRef: {kind: OCIRepository, name: vault}}\n",
            "b.yaml": listed(repository(), kind="OCIRepositoryList"),
        },
        "b.yaml:7",
        "1.0.0",
    ),
    "a list that nobody fills": (
        {"a.yaml": release(), "b.yaml": "# HelmRelease\nkind: HelmReleaseList\nitems: {}\n---\nkind: List\n"},
        "a.yaml:4",
        "1.0.0",
    ),
    "a kind with an escape": ({"a.json": JSON % "\\u0048elmRelease"}, "a.json:2", "1.0.0"),
    "a kind with a short escape": ({"a.yaml": JSON.replace("\\/", "/") % "Helm\\x52elease"}, "a.yaml:2", "1.0.0"),
    "a kind with a long escape": (
        {"a.yaml": JSON.replace("\\/", "/") % "\\U00000048elmRelease"},
        "a.yaml:2",
        "1.0.0",
    ),
    "a kind over two lines": ({"a.yaml": JSON.replace("\\/", "/") % "Helm\\\n   Release"}, "a.yaml:3", "1.0.0"),
    "merged labels beside a name and a namespace": (
        {"a.yaml": "x: &x {labels: {}}\n" + release(namespace="prod").replace("{name", "{<<: *x, name")},
        "a.yaml:5",
        "1.0.0",
    ),
    "a release beside a broken kustomization of another folder": (
        {
            **BASE,
            "dev/kustomization.yaml": "resources: [",
        },
        "base/vault.yaml:4",
        "1.0.0",
    ),
    "a kustomization with a key twice that is not followed": (
        {
            "prod/kustomization.yaml": "resources: [vault.yaml]\nlabels: []\nlabels: []\n",
            "prod/vault.yaml": release(),
        },
        "prod/vault.yaml:4",
        "1.0.0",
    ),
    "what Flux applies, below a kustomization that is broken": (
        {
            "kustomization.yaml": "resources: [",
            "a/kustomization.yaml": "resources: [vault.yaml]\n",
            "a/vault.yaml": release(),
            "flux/flux.yaml": flux("a", "  targetNamespace: prod\n"),
        },
        "a/vault.yaml:4",
        "1.0.0",
    ),
    "an object that is only there for kustomize": (
        {
            "prod/kustomization.yaml": "namespace: prod\nresources: [vault.yaml, local.yaml]\n",
            "prod/vault.yaml": release(),
            "prod/local.yaml": release(version="3.0.0").replace(
                "vault}\n", 'vault, annotations: {config.kubernetes.io/local-config: "true"}}\n', 1
            ),
        },
        "prod/vault.yaml:4",
        "1.0.0",
    ),
    "configurations that only tell kustomize of names": (
        over("configurations: [c.yaml]\n"),
        "base/vault.yaml:4",
        "1.0.0",
    ),
    "a Flux Kustomization of another repository": (
        {
            "a/vault.yaml": release(),
            "k.yaml": flux("a", "  targetNamespace: prod\n  sourceRef: {kind: GitRepository, name: flux-system}\n"),
            "l.yaml": flux("./", "  targetNamespace: dev\n  sourceRef: {kind: GitRepository, name: theirs}\n"),
            "m.yaml": flux("a", "  targetNamespace: prod\n  sourceRef: {kind: OCIRepository, name: flux-system}\n"),
        },
        "a/vault.yaml:4",
        "1.0.0",
    ),
    "a Flux Kustomization under a patch that changes nothing that is followed": (
        {
            "a/vault.yaml": release(),
            "k/apps.yaml": flux("a", "  targetNamespace: prod\n"),
            "k/kustomization.yaml": "resources: [apps.yaml]\npatches: [{path: p.yaml}, {path: q.yaml}]\n",
            "k/p.yaml": flux("x", name="apps").replace("  path: x\n", "  interval: 1h\n"),
            "k/q.yaml": flux("x", name="other"),
        },
        "a/vault.yaml:4",
        "1.0.0",
    ),
    "a Flux Kustomization whose namesakes are patched": (
        {
            "a/vault.yaml": release(),
            "k/apps.yaml": flux("a", "  targetNamespace: prod\n"),
            "dev/apps.yaml": flux("b"),
            "dev/kustomization.yaml": "resources: [base]\npatches: [{path: p.yaml}]\n",
            "dev/base/kustomization.yaml": "resources: [../apps.yaml, ../../dev]\n",
            "dev/p.yaml": flux("c"),
        },
        "a/vault.yaml:4",
        "1.0.0",
    ),
    "a Flux Kustomization beside one that patches its namesakes": (
        {
            "a/vault.yaml": release(),
            "k/apps.yaml": flux("a", "  targetNamespace: prod\n"),
            "dev.yaml": flux(
                "dev",
                "  patches: [{target: {name: apps}, patch: '[{op: remove, path: /spec}]'}]\n",
                name="dev",
            ),
        },
        "a/vault.yaml:4",
        "1.0.0",
    ),
    "a Flux Kustomization in a file that is called like kustomize's": (
        {"flux/kustomization.yaml": flux("a", "  targetNamespace: prod\n"), "a/vault.yaml": release()},
        "a/vault.yaml:4",
        "1.0.0",
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_what_hides_is_found_and_edited_exactly(case: str) -> None:
    tree, place, version = FOUND[case]
    pin = find(tree)

    assert isinstance(pin, Pin), pin
    text = tree[pin.path]
    assert isinstance(text, str)
    assert (f"{pin.path}:{pin.scalar.line}", pin.text) == (place, version)
    assert edit(pin, text, "9.9.9").after == text.replace(version, "9.9.9")


def broken(where: str = "prod", why: str = "line 2: did not find expected node content", file: str = "") -> str:
    file = file or f"{where}/kustomization.yaml"
    return f"depends on {file}, which cannot be read ({why}); mend it"


VAULT = "HelmRelease vault in"
BY_JSON = (
    "the version in prod/kustomization.yaml:3 is set by a JSON patch or a replacement, which is not edited yet;"
    " set it by a strategic merge patch in a file"
)

MOVED = (
    "depends on the patch in prod/kustomization.yaml:3, a JSON patch or a replacement that changes what it is or where"
    " its version stands; mend it"
)

HELD: dict[str, tuple[Files, str]] = {
    "a broken kustomization": (
        {"prod/kustomization.yaml": "resources: [", "prod/vault.yaml": release()},
        f"{VAULT} prod/vault.yaml:1 {broken()}",
    ),
    "a broken kustomization of another spelling": (
        {"prod/kustomization.yml": "resources: [", "prod/vault.yaml": release(namespace="prod")},
        f"HelmRelease prod/vault in prod/vault.yaml:1 {broken(file='prod/kustomization.yml')}",
    ),
    "a broken kustomization far above": (
        {"Kustomization": "resources: [", "prod/apps/vault.yaml": release()},
        f"{VAULT} prod/apps/vault.yaml:1 {broken(file='Kustomization')}",
    ),
    "a broken kustomization, whose namespace may be another than the file's": (
        {"prod/kustomization.yaml": "resources: [", "prod/vault.yaml": release(namespace="own")},
        f"HelmRelease own/vault in prod/vault.yaml:1 {broken()}",
    ),
    "a broken kustomization above one that nothing else includes": (
        {
            "prod/kustomization.yaml": "resources: [",
            "prod/apps/vault/kustomization.yaml": "resources: [vault.yaml]\n",
            "prod/apps/vault/vault.yaml": release(),
        },
        f"{VAULT} prod/apps/vault/vault.yaml:1 {broken()}",
    ),
    "a broken kustomization far above one over a base elsewhere": (
        {**over(), "kustomization.yaml": "resources: ["},
        f"HelmRelease prod/vault in base/vault.yaml:1 {broken(file='kustomization.yaml')}",
    ),
    "a broken kustomization over a base elsewhere": (
        {**BASE, "prod/kustomization.yaml": "namespace: prod\nresources:\n- ../base\nx: [\n"},
        f"{VAULT} base/vault.yaml:1 {broken(why='line 5: did not find expected node content')}",
    ),
    "a broken kustomization over a base that another, of no namespace, includes too": (
        {
            **BASE,
            "dev/kustomization.yaml": "resources: [../base]\n",
            "prod/kustomization.yaml": "resources: [../base]\nx: [\n",
        },
        f"{VAULT} base/vault.yaml:1 {broken(why='line 3: did not find expected node content')}",
    ),
    "a broken kustomization of which a readable one makes its base": (
        {
            "base/kustomization.yaml": "resources: [vault.yaml]\nx: [\n",
            "base/vault.yaml": release(),
            "prod/kustomization.yaml": "namespace: prod\nresources: [../base]\n",
        },
        "HelmRelease prod/vault in base/vault.yaml:1 " + broken("base", "line 3: did not find expected node content"),
    ),
    "a broken component": (
        {**over("components: [../part]\n"), "part/kustomization.yaml": component("patches: [")},
        f"HelmRelease prod/vault in base/vault.yaml:1 {broken('part', 'line 4: did not find expected node content')}",
    ),
    "a broken kustomization that Flux applies": (
        {
            "prod/kustomization.yaml": "resources: [",
            "prod/vault.yaml": release(),
            "flux.yaml": flux("prod", "  targetNamespace: prod\n"),
        },
        f"{VAULT} prod/vault.yaml:1 {broken()}",
    ),
    "a patch beside a broken kustomization that lists it": (
        {
            **BASE,
            "prod/kustomization.yaml": "resources: [../base]\npatches:\n- path: p.yaml\nx: [\n",
            "prod/p.yaml": patch(),
        },
        f"{VAULT} base/vault.yaml:1 {broken(why='line 5: did not find expected node content')}",
    ),
    "a kustomization that is too large": (
        {"prod/kustomization.yaml": "#" * (MAX_BYTES + 1), "prod/vault.yaml": release()},
        f"{VAULT} prod/vault.yaml:1 {broken(why='it is over 1 MiB')}",
    ),
    "a kustomization that is a link": (
        {"prod/kustomization.yaml": EntryKind.SYMLINK, "prod/vault.yaml": release()},
        f"{VAULT} prod/vault.yaml:1 {broken(why='it is a symbolic link, which is never followed')}",
    ),
    "a kustomization that is no file": (
        {"prod/kustomization.yaml": EntryKind.OTHER, "prod/vault.yaml": release()},
        f"{VAULT} prod/vault.yaml:1 {broken(why='it is no plain file')}",
    ),
    "a kustomization in UTF-16": (
        {"prod/kustomization.yaml": "resources: [vault.yaml]\n".encode("utf-16"), "prod/vault.yaml": release()},
        f"{VAULT} prod/vault.yaml:1 {broken(why='line 1: this is UTF-16; save it as UTF-8')}",
    ),
    "an empty kustomization": (
        {"prod/kustomization.yaml": "# nothing yet\n", "prod/vault.yaml": release()},
        f"{VAULT} prod/vault.yaml:1 {broken(why='it holds no kustomization')}",
    ),
    "two kustomizations in a folder": (
        {
            "prod/kustomization.yaml": "resources: [vault.yaml]\n",
            "prod/kustomization.yml": "namespace: prod\nresources: [vault.yaml]\n",
            "prod/vault.yaml": release(),
        },
        f"{VAULT} prod/vault.yaml:1 "
        + broken(why="it stands beside prod/kustomization.yml, and kustomize refuses two"),
    ),
    "an OCIRepository under a broken kustomization": (
        {
            "a/hr.yaml": release().split("spec")[0] + "spec: {chartRef: {kind: OCIRepository, name: vault}}\n",
            "b/kustomization.yaml": "resources: [",
            "b/oci.yaml": repository().replace("{name: vault}", "{name: vault, namespace: own}"),
        },
        f"{VAULT} a/hr.yaml:1 refers to the OCIRepository vault in b/oci.yaml:1, which {broken('b')}",
    ),
    "a patch under a target that is too large": (
        {**over(AIMED), "prod/p.yaml": "#" * (MAX_BYTES + 1)},
        (
            "the version in prod/kustomization.yaml:3 is changed by the patch prod/p.yaml, which cannot be read"
            " (it is over 1 MiB); mend it"
        ),
    ),
    "a patch under a target that is broken, whatever it says": (
        over(AIMED, p="kind: Foo\nx: ["),
        (
            "the version in prod/kustomization.yaml:3 is changed by the patch prod/p.yaml, which cannot be read"
            " (line 3: did not find expected node content); mend it"
        ),
    ),
    "an inline patch of another kind over what is not in this repository": (
        {
            "prod/kustomization.yaml": "resources: ['https://x/y']\n"
            "patches:\n- target: {kind: HelmRelease, name: vault}\n"
            "  patch: '{kind: Foo, metadata: {name: z}, spec: {chart: {spec: {version: 2.0.0}}}}'\n"
        },
        (
            "the version in prod/kustomization.yaml:3 is inside an inline patch, which is not edited yet; move the"
            " patch to a file of its own"
        ),
    ),
    "a JSON patch that replaces the whole": (over(AIMED, p="[{op: replace, path: '', value: {}}]\n"), BY_JSON),
    "a JSON patch that moves the version away": (
        over(AIMED, p="[{op: move, from: /spec/chart/spec/version, path: /x}]\n"),
        BY_JSON,
    ),
    "a JSON patch with escaped slashes": (
        over(AIMED, p='[{"op": "add", "path": "\\/spec\\/chart\\/spec\\/version", "value": "2.0.0"}]\n'),
        BY_JSON,
    ),
    "a JSON patch behind an alias": (over(AIMED, p="- &o {op: test, path: /x}\n- *o\n"), BY_JSON),
    "a JSON patch behind a merge key": (over(AIMED, p="- {<<: {op: remove}, path: /spec}\n"), BY_JSON),
    "an item of a list behind an alias": (
        {"a.yaml": f"x: &x\n  {release().rstrip().replace(chr(10), chr(10) + '  ')}\nkind: List\nitems: [*x]\n"},
        (
            "vault is named in a.yaml, which cannot be read (line 7: an item of a List behind an alias; write it out);"
            " mend it"
        ),
    ),
    "the items of a list behind an alias": (
        {
            "a.yaml": f"x: &x\n- {release().rstrip().replace(chr(10), chr(10) + '  ')}\n"
            "kind: HelmReleaseList\nitems: *x\n"
        },
        (
            "vault is named in a.yaml, which cannot be read (line 7: the items of a HelmReleaseList behind an alias or"
            " a merge key (<<); write them out); mend it"
        ),
    ),
    "the items of a list behind a merge key": (
        {
            "a.yaml": f"x: &x\n  items:\n  - {release().rstrip().replace(chr(10), chr(10) + '    ')}\n"
            "kind: List\n<<: *x\n"
        },
        (
            "vault is named in a.yaml, which cannot be read (line 8: the items of a List behind an alias or a merge key"
            " (<<); write them out); mend it"
        ),
    ),
    "an item without a kind": (
        {"a.yaml": listed("metadata: {name: vault}\nspec: {}\n", kind="HelmReleaseList")},
        (
            "vault is named in a.yaml, which cannot be read (line 4: an item of a HelmReleaseList without a kind, which"
            " kustomize refuses; give it one); mend it"
        ),
    ),
    "a kind behind a merge key": (
        {"a.yaml": "x: &x {kind: HelmRelease}\n<<: *x\nmetadata: {name: vault}\n"},
        (
            "vault is named in a.yaml, which cannot be read (line 2: a merge key (<<) gives an object its kind; write"
            " its keys out); mend it"
        ),
    ),
    "a name behind an alias": (
        {"a.yaml": "x: &x {name: vault}\n" + release().replace("{name: vault}", "*x")},
        (
            "vault is named in a.yaml, which cannot be read (line 4: the metadata of an object behind an alias; write"
            " it out); mend it"
        ),
    ),
    "a namespace behind a merge key": (
        {"a.yaml": "x: &x {namespace: dev}\n" + release().replace("{name: vault}", "{name: vault, <<: *x}")},
        (
            "vault is named in a.yaml, which cannot be read (line 4: the metadata of an object behind a merge key (<<);"
            " write it out); mend it"
        ),
    ),
    "metadata behind a merge key": (
        {"a.yaml": "x: &x {metadata: {name: vault}}\n<<: *x\n" + release().replace("metadata: {name: vault}\n", "")},
        (
            "vault is named in a.yaml, which cannot be read (line 2: the metadata of an object behind a merge key (<<);"
            " write it out); mend it"
        ),
    ),
    **{
        f"a JSON patch of {pointer}": (
            over(AIMED, p=f"[{{op: add, path: {pointer}, value: x}}]\n"),
            f"HelmRelease prod/vault in base/vault.yaml:1 {MOVED}",
        )
        for pointer in ("/metadata/name", "/metadata/namespace", "/metadata", "/kind", "./kind", "/spec/chartRef")
    },
    **{
        f"a JSON patch of {pointer}": (over(AIMED, p=f"[{{op: add, path: {pointer}, value: x}}]\n"), BY_JSON)
        for pointer in ("./spec/chart/spec/version", "x/spec/chart", "spec", "/spec/chart/spec/chart")
    },
    "a replacement of the name": (
        over("replacements:\n- targets:\n  - select: {kind: HelmRelease}\n"),
        f"HelmRelease prod/vault in base/vault.yaml:1 {MOVED.replace(':3', ':5')}",
    ),
    **{
        f"a replacement of {field}": (
            over(f"replacements:\n- targets: [{{select: {{name: vault}}, fieldPaths: ['{field}']}}]\n"),
            BY_JSON.replace(":3", ":4"),
        )
        for field in (".spec.chart.spec.version", "spec.chart.*.version", "spec.chart.spec.[version]", "spec.chart.")
    },
    **{
        f"a patch by a namespace that comes first, under {key}": (
            over(given),
            BY_JSON.replace(":3", f":{line}"),
        )
        for key, given, line in (
            (
                "patchesJson6902",
                (
                    "patchesJson6902:\n- target: {kind: HelmRelease, name: vault, namespace: prod}\n"
                    "  patch: '[{op: remove, path: /spec/chart/spec/version}]'\n"
                ),
                4,
            ),
            (
                "replacements",
                (
                    "replacements:\n- targets:\n  - select: {name: vault, namespace: prod}\n"
                    "    fieldPaths: [spec.chart.spec.version]\n"
                ),
                5,
            ),
        )
    },
    "a patch that may rename": (
        over(
            "patches:\n- {path: p.yaml, target: {kind: HelmRelease}, options: {allowNameChange: true}}\n", p=patch("x")
        ),
        (
            "the version in prod/kustomization.yaml:4 is perhaps changed by a patch that may change its name or kind"
            " (options); write the object as it is to be"
        ),
    ),
    **{
        f"a target by label, of a patch that {what}": (
            over(
                "patches: [{path: p.yaml, target: {labelSelector: a=b}}]\n",
                p=f"{said}kind: Foo\nmetadata: {{name: z}}\n",
            ),
            (
                "HelmRelease prod/vault in base/vault.yaml:1 depends on the patch in prod/kustomization.yaml:3, whose"
                " target selects by label or annotation; mend it"
            ),
        )
        for what, said in (
            ("deletes", "$patch: delete\n"),
            ("sets a chart", "spec: {chart: {spec: {chart: x}}}\n"),
            ("takes the version away", "spec: {chart: {spec: {version: null}}}\n"),
            ("sets a chartRef", "spec: {chartRef: {name: x, kind: OCIRepository}}\n"),
        )
    },
    "a patch of another namespace than what it patches": (
        over("patches: [{path: p.yaml}]\n", p=patch(namespace="prod")),
        (
            "HelmRelease prod/vault in base/vault.yaml:1 depends on the patch in prod/kustomization.yaml:3, which"
            " kustomize refuses because it gives another namespace than what it patches; mend it"
        ),
    ),
    "configurations that choose what images change": (
        over("configurations: [c.yaml]\nimages: [{name: 1.0.0, newName: 9.0.0}]\n"),
        (
            "the version in prod/kustomization.yaml:1 is perhaps changed by images, replicas, vars or a prefix, whose"
            " fields its configurations choose; write patches instead"
        ),
    ),
    **{
        f"a kustomization with the key {key}": (
            over(given, p=patch()),
            f"{VAULT} base/vault.yaml:1 "
            + broken(why=f'line 3: the key "{key}", which kustomize takes for {meant}; write it so'),
        )
        for key, meant, given in (
            ("Patches", "patches", "Patches: [{path: p.yaml}]\n"),
            ("nameprefix", "namePrefix", "'nameprefix': p-\n"),
            ("Path", "path", "patches: [{Path: p.yaml}]\n"),
        )
    },
    "Flux Kustomizations of several sources": (
        {
            "a/vault.yaml": release(),
            "k.yaml": flux("a", "  targetNamespace: prod\n  sourceRef: {kind: GitRepository, name: ours}\n"),
            "l.yaml": flux("b", "  sourceRef: {kind: GitRepository, name: theirs}\n"),
        },
        (
            "HelmRelease prod/vault in a/vault.yaml:1 depends on the Flux Kustomization apps in k.yaml, whose sourceRef"
            " GitRepository ours is one of several, of which none is called flux-system, so that it may be another"
            " repository; mend it"
        ),
    ),
    **{
        f"a Flux Kustomization under {name}": (
            {
                "a/vault.yaml": release(),
                "b/vault.yaml": release("other"),
                "k/apps.yaml": flux("a"),
                "k/kustomization.yaml": f"resources: [apps.yaml]\n{given}",
                "k/p.yaml": said,
            },
            (
                f"{VAULT} a/vault.yaml:1 depends on the Flux Kustomization apps in k/apps.yaml, whose spec the patch in"
                f" k/kustomization.yaml:{line} changes; mend it"
            ),
        )
        for name, given, said, line in (
            ("a patch file", "patches: [{path: p.yaml}]\n", flux("./b"), 2),
            ("a patch file of another namespace", "patches: [{path: p.yaml}]\n", flux("", "  namePrefix: x\n"), 2),
            ("an inline patch", f"patches:\n- patch: |\n    {flux('./b').replace(chr(10), chr(10) + '    ')}\n", "", 3),
            ("an old kind of patch", "patchesStrategicMerge: [p.yaml]\n", flux("./b"), 2),
            (
                "a JSON patch",
                "patches:\n- target: {kind: Kustomization, name: ap.*}\n  patch: '[{op: remove, path: /spec}]'\n",
                "",
                3,
            ),
            ("a patch that cannot be read", "patches: [{path: p.yaml, target: {name: apps}}]\n", "kind: Foo\nx: [", 2),
            (
                "a patch that deletes",
                "patches: [{path: p.yaml, target: {kind: Kustomization}}]\n",
                "$patch: delete\nkind: Kustomization\nmetadata: {name: apps}\n",
                2,
            ),
        )
    },
    **{
        f"a file in UTF-16, {name}": (
            {"a.yaml": mark + release().encode(f"utf-16-{name}")},
            "vault is named in a.yaml, which cannot be read (line 1: this is UTF-16; save it as UTF-8); mend it",
        )
        for name, mark in (("le", codecs.BOM_UTF16_LE), ("be", codecs.BOM_UTF16_BE))
    },
}


@pytest.mark.parametrize("case", HELD)
def test_what_cannot_be_told_is_held_with_place_and_cure(case: str) -> None:
    tree, message = HELD[case]
    answer = find(tree)

    assert isinstance(answer, NoPin), answer
    assert (answer.reason, answer.message) == (U, message)


SILENT: Files = {
    "a dashboard with escapes": '{"title": "\\u003cb\\u003e \\x41 \\/"}',
    "a script with continued lines": 'a: "x \\\n  y"\n',
    "a text of another encoding": "release\n".encode("utf-16"),
    "a template": "{{- if .x }}\n",
    "nothing": b"",
}


@pytest.mark.parametrize("case", SILENT)
def test_a_file_that_names_nothing_that_is_followed_costs_no_parse(case: str) -> None:
    text = SILENT[case]
    tree: Files = {"a.yaml": release(), "b.yaml": text}

    assert isinstance(find(tree), Pin)


TEMPLATE = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: vault\n  annotations:\n"
SLOW: dict[str, bytes] = {
    "a chart's template with many annotations": (
        TEMPLATE + "".join(f"    example.com/a{at}: b\n" for at in range(2000)) + "spec:\n  x: {{ y }} z\n"
    ).encode(),
    "names that look like anchors": b"kind: HelmRelease\n\0" + b",name:&" * 100_000,
    "namespaces that look like anchors": b"kind: HelmRelease\n\0\nmetadata:" + b" namespace:&" * 80_000,
    "metadata without end": b"kind: HelmRelease\n\0\nmetadata:\n" + b" a\n" * 300_000,
}


@pytest.mark.parametrize("case", SLOW)
def test_a_broken_file_that_is_made_to_be_slow_takes_no_time(case: str) -> None:
    began = process_time()
    file = read(SLOW[case], kustomization=False)
    assert process_time() - began < 5 * 0.5, "five times what it may take, for a busy machine"
    assert file.problem


def test_a_broken_file_tells_the_namespaces_of_its_objects_and_no_others() -> None:
    file = read(
        b"kind: HelmRelease\nmetadata: # of a\n\n# comment\n  namespace: &n a\nspec:\n  namespace: b\n"
        b"---\nmetadata: {name: c, 'namespace': c}\nx: [\n",
        kustomization=False,
    )
    assert file.namespaces == ("a", "c")


def test_no_match_is_proposed_that_the_configuration_would_refuse() -> None:
    answer = find({"a.yaml": release("vaults", namespace="'${NS}'")})

    assert isinstance(answer, NoPin)
    assert "match:" not in answer.message
