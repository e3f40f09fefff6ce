"""What holds for every manifest, however it is written: an edit changes the version, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.manifest import Finder, edit, read, survey
from reconciler.core.model import Key, NoPin, Pin
from reconciler.core.yaml import YamlError, decode
from tests.core.trees import Tree, find, patch, release

VERSIONS = st.builds(
    "{}{}.{}.{}{}".format,
    st.sampled_from(["", "v"]),
    *[st.integers(0, 300)] * 3,
    st.sampled_from(["", "-rc.1", "-0.beta", "+build.5", "-a+b"]),
)


@dataclass(frozen=True)
class Style:
    """How somebody writes manifests."""

    newline: str
    before: str
    after: str
    indent: int
    quote: str
    prefix: str
    comment: str
    values: str
    name: str
    flow: bool
    tail: str


STYLES = st.builds(
    Style,
    newline=st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    before=st.sampled_from(
        [
            "",
            "---\n",
            "--- # \U0001f600\n",
            "%YAML 1.1\n---\n",
            "\ufeff",
            "\ufeff# first\n---\n",
            "# \U0001f680 über\n\n",
            "kind: Namespace\nmetadata:\n  name: &app vault\n---\n",
            "# only a comment\n---\n",
        ]
    ),
    after=st.sampled_from(["", "...\n", "---\n", "---\nkind: Secret\nx: {version: 1.0.0}\n", "# end\n", "\n\n"]),
    indent=st.sampled_from([1, 2, 3, 4, 8]),
    quote=st.sampled_from(["", '"', "'"]),
    prefix=st.sampled_from(["", "", "&v ", "!!str ", "&v !!str  "]),
    comment=st.sampled_from(["", " # pinned", "\t# 1.0.0 é", "   ", " # renovate: {x}"]),
    values=st.sampled_from(
        [
            "",
            "  values: {version: 1.0.0, image: 'a:1.0.0', url: http://x/y}\n",
            "  values:\n    a: &app x\n    b: *app\n    c: |\n      version: 1.0.0\n",
            "  values:\n  - '\U0001f600'\n  - \"{{ .x }} ${Y}\"\n  - >-\n    folded\n    text\n",
        ]
    ),
    name=st.sampled_from(["name: vault", "name: &app vault", "{name: vault}", '"name": "vault"', "name: 'vault' # x"]),
    flow=st.booleans(),
    tail=st.sampled_from(["", "\n"]),
)


def manifest(style: Style, version: str) -> str:
    pad = " " * style.indent
    value = f"{style.prefix}{style.quote}{version}{style.quote}"
    chart = (
        f"{pad}chart: {{spec: {{chart: vault, version: {value} , interval: 1h}}}}{style.comment}\n"
        if style.flow
        else f"{pad}chart:\n{pad * 2}spec:\n{pad * 3}version: {value}{style.comment}\n{pad * 3}chart: vault\n"
    )
    metadata = f"metadata: {style.name}" if style.name.startswith("{") else f"metadata:\n{pad}{style.name}"
    values = "".join(f"{pad}{line[2:]}\n" for line in style.values.splitlines())
    body = f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n{metadata}\nspec:\n{chart}{values}{style.after}"
    text = style.before + body.removesuffix("\n") + style.tail
    return text.replace("\n", style.newline)


def scalars(text: str) -> list[str]:
    """Everything that a text says, in order, as libyaml tells it."""
    events = yaml.parse(text.removeprefix("\ufeff"), Loader=yaml.CLoader)
    return [
        event.value if isinstance(event, yaml.ScalarEvent) else f"*{event.anchor}"
        for event in events
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent)
    ]


@given(STYLES, VERSIONS, VERSIONS)
def test_an_edit_changes_the_version_and_nothing_else(style: Style, before: str, after: str) -> None:
    text = manifest(style, before)
    pin = find({"a.yaml": text})
    assert isinstance(pin, Pin), (text, pin)

    change = edit(pin, text, after)

    assert change.after == manifest(style, after)
    said = scalars(text)
    at = next(at for at, value in enumerate(said) if value == before and said[at - 1] == "version")
    assert scalars(change.after) == [*said[:at], after, *said[at + 1 :]]
    again = find({"a.yaml": change.after})
    assert isinstance(again, Pin)
    assert again.text == after
    assert edit(again, change.after, before).after == text


PIECES = ["version: 2.0.0", "*v", "&v ", "<<: *v", "{{ x }}", "${X}", "---", "- ", "\t", "  ", '"', "'", "#", "|", "\n"]
PIECES += [
    "kind: HelmRelease",
    "spec:",
    "null",
    "? ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\r",
    "!x ",
    "\x00",
    "\ud800",
    "\x85",
]


@given(STYLES, VERSIONS, st.lists(st.tuples(st.integers(0, 400), st.sampled_from(PIECES)), max_size=3))
def test_a_spoilt_manifest_is_edited_rightly_or_not_at_all(
    style: Style, version: str, spoils: list[tuple[int, str]]
) -> None:
    text = manifest(style, "1.0.0")
    for at, piece in spoils:
        text = text[:at] + piece + text[at:]
    data = text.encode(errors="surrogatepass")
    files = {"a.yaml": read(data, kustomization=False)}
    answer = Finder(survey(files, files), frozenset(files), {}).find(Key("prod", "vault"), "vault")
    if isinstance(answer, NoPin):
        assert answer.message
        return
    text = decode(data)
    try:
        change = edit(answer, text, version)
    except YamlError:
        return
    start, end = answer.scalar.start, answer.scalar.end
    assert change.after.startswith(text[:start])
    assert change.after.endswith(text[end:])
    differences = [pair for pair in zip(scalars(text), scalars(change.after), strict=True) if pair[0] != pair[1]]
    assert differences in ([], [(answer.text, version)])


NAMES = st.sampled_from(["a", "b", "p.yaml", "q.yaml", ".", "..", "../b", "../a", "/", "", "https://x/y", "a.yaml"])
TARGETS = st.sampled_from(
    ["", ", target: {}", ", target: {kind: HelmRelease}", ", target: {name: 'va.*'}", ", target: {name: x}"]
)
KUSTOMIZATIONS = st.builds(
    lambda resources, components, patches, more: (
        f"resources: {resources}\ncomponents: {components}\npatches: [{', '.join(patches)}]\n{more}"
    ),
    st.lists(NAMES, max_size=3).map(str),
    st.lists(NAMES, max_size=2).map(str),
    st.lists(st.builds("{{path: {!r}{}}}".format, NAMES, TARGETS), max_size=3),
    st.sampled_from(["", "namespace: n\n", "namePrefix: x-\n", "kind: Component\n"]),
)
CONTENTS = st.sampled_from(
    [
        release(),
        release("x", None),
        patch(),
        patch("x", "null"),
        "$patch: delete\n" + patch(),
        f"$patch: delete\n{patch()}---\n{patch('x')}",
        "- {op: replace, path: /spec/chart, value: {}}\n- {op: remove, path: /spec/chart/spec/version}\n",
        "HelmRelease: [\nname: vault\n",
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {path: ./a, targetNamespace: n}\n",
    ]
)
TREES = st.dictionaries(
    st.sampled_from(["kustomization.yaml", "a/kustomization.yaml", "b/kustomization.yml", "b/a/Kustomization"]),
    KUSTOMIZATIONS,
).flatmap(
    lambda tree: st.dictionaries(
        st.sampled_from(["a.yaml", "a/a.yaml", "a/p.yaml", "b/a.yaml", "b/q.yaml", "b/p.yaml"]), CONTENTS
    ).map(lambda files: {**tree, **files})
)


@given(TREES)
def test_any_tree_is_answered_and_a_pin_stands_where_it_is_said_to(tree: Tree) -> None:
    for key in ("n/vault", "n/x-vault", "prod/x"):
        answer = find(tree, key=key, chart=None)
        if isinstance(answer, Pin):
            assert tree[answer.path][answer.scalar.start : answer.scalar.end] == answer.text
        else:
            assert answer.message.isprintable()


@given(TREES)
def test_the_order_of_files_does_not_matter(tree: Tree) -> None:
    backwards = dict(reversed(tree.items()))
    assert find(tree, key="n/vault") == find(backwards, key="n/vault")
