"""YAML as text with places: reading, refusing, and editing one scalar."""

from __future__ import annotations

import re
from io import BytesIO
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.yaml import (
    ALL,
    MAX_BYTES,
    TEXT,
    Alias,
    Keep,
    Mapping,
    Scalar,
    Sequence,
    YamlError,
    decode,
    load,
    parse,
    plain_value,
    reads_as_string,
    splice,
    stream_items,
)

# --- reading ---------------------------------------------------------------------------------------------------------


def root(text: str, keep: Keep = ALL) -> Mapping:
    node = parse(text, keep)[0].root
    assert isinstance(node, Mapping)
    return node


def scalar(text: str, *keys: str) -> Scalar:
    node: object = root(text)
    for key in keys:
        assert isinstance(node, Mapping)
        node = node.get(key)
    assert isinstance(node, Scalar)
    return node


def test_a_scalar_knows_its_place() -> None:
    found = scalar("# \U0001f600\na:\n  b: 'x' # y\n", "a", "b")

    assert found == Scalar("x", 12, 15, 3, 3, "'", None, None)


PLACES = {
    "plain": ("a: 1.0.0\n", "1.0.0"),
    "with carriage returns and line feeds": ("x: y\r\na: 1.0.0\r\n", "1.0.0"),
    "with carriage returns alone": ("x: y\ra: 1.0.0\r", "1.0.0"),
    "behind a byte order mark": ("\ufeffx: y\na: 1.0.0", "1.0.0"),
    "behind characters beyond the basic plane": ("x: \U0001f600\U0001f600\na: 1.0.0", "1.0.0"),
    "anchored": ("a: &b 1.0.0\n", "&b 1.0.0"),
    "tagged": ("a: !!str 1.0.0\n", "!!str 1.0.0"),
    "in a flow": ("{x: {y: 'http://z'}, a: 1.0.0}", "1.0.0"),
    "beside a colon in a flow": ("{image: foo:1.2, url: http://x/y?z, a: 1.0.0}", "1.0.0"),
    "in JSON": ('{\n\t"x": [1,2],\n\t"a":"1.0.0"}', '"1.0.0"'),
    "in the second document, after the first ended": ("a: 1.0.0\n...\n---\nb: 2\n", "1.0.0"),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_is_counted_in_characters_of_the_text(case: str) -> None:
    text, token = PLACES[case]
    found = scalar(text, "a")

    assert text[found.start : found.end] == token
    assert found.value == "1.0.0"
    assert found.line == len(re.findall("\r\n|\r|\n", text[: found.start])) + 1


def test_only_what_is_wanted_is_kept() -> None:
    keep = Keep({"a": Keep({"b": ALL}), "l": Keep({"n": ALL})})
    text = "a: {b: {x: 1}, c: 2}\nz: [1, {y: 2}]\n? {complex: key}\n: 1\nl: [{n: 1, m: 2}]\n"

    assert plain_value(root(text, keep)) == {"a": {"b": {"x": 1}}, "l": [{"n": 1}]}


def test_of_what_only_the_text_is_wanted_no_place_is_kept() -> None:
    text = "a: &x 1.10\nb: ~\nc: 'null'\nd: *x\ne: [x, &y y]\nf: {g: h}\ng: &z [1]\nh: *z\n"
    found = root(text, Keep(dict.fromkeys("abcdefgh", TEXT)))

    assert [found.get(key) for key in "abcd"] == ["1.10", "", "null", "1.10"]
    assert plain_value(found.get("e") or "") == ["x", "y"]
    assert found.get("f") == Mapping({}, 6)
    assert found.get("h") == Alias("z", 8, None)


def test_a_document_may_hold_anything() -> None:
    documents = parse("---\n- a\n---\nb\n---\n---\n&x [c]\n")

    assert [document.root.__class__ for document in documents] == [Sequence, Scalar, Scalar, Sequence]


def test_an_alias_stands_for_the_last_scalar_of_its_name() -> None:
    found = root("a: &x 1\nb: &x 2\nc: *x\nd: &y [1]\ne: *y\n")

    assert found.get("c") == Alias("x", 3, "2")
    assert found.get("e") == Alias("y", 5, None)
    assert found.get("nothing") is None


def test_aliases_in_what_is_not_kept_are_noted_too() -> None:
    text = "a: &x 1\nvalues:\n  - *x\n  - b: *x\n  - &z [&w q]\n  - &m {n: o}\n  - *w\n  - ? *z\n    : [*z]\n"

    assert parse(text, Keep({"a": ALL}))[0].aliased == {"x", "z", "w"}
    assert parse(text)[0].aliased == {"x", "z", "w"}


DUPLICATES = {
    "at the top": ("a: 1\nb: 2\na: 3\n", [("a", 3)]),
    "quoted and not": ("a: 1\n'a': 3\n", [("a", 2)]),
    "in what is not kept": ("v:\n  w: [{x: 1, y: 2, x: 3}]\n", [("x", 2)]),
    "below a key that is no scalar": ("? {k: 1, k: 2}\n: 1\n", [("k", 1)]),
    "three times": ("a: 1\na: 2\na: 3\n", [("a", 2), ("a", 3)]),
    "not in two mappings": ("a: {x: 1}\nb: {x: 1}\n", []),
    "not in a list": ("a: [x, x, x]\n", []),
}


@pytest.mark.parametrize("case", DUPLICATES)
@pytest.mark.parametrize("keep", [ALL, Keep({})], ids=["kept", "not kept"])
def test_keys_that_stand_twice_are_noted(case: str, keep: Keep) -> None:
    text, expected = DUPLICATES[case]
    assert list(parse(text, keep)[0].duplicates) == expected


def test_a_merge_key_is_noted_by_its_line() -> None:
    found = root("x: &x {a: 1}\ny:\n  b: 2\n  <<: *x\nz: {'<<': 1}\n")

    assert [node.merged for node in found.entries.values() if isinstance(node, Mapping)] == [0, 4, 0]


def test_bytes_are_read_as_text_with_their_byte_order_mark() -> None:
    assert decode("\ufeffa: ü\r\n".encode()) == "\ufeffa: ü\r\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"a\nb\0", "line 2: a NUL byte: this is no text", id="a NUL byte"),
        pytest.param(b"a\n\n\xff", "line 3: this is not UTF-8", id="a byte that UTF-8 does not have"),
        pytest.param("a".encode("utf-16"), "line 1: this is UTF-16; save it as UTF-8", id="UTF-16"),
        pytest.param(b"\xed\xa0\x80", "line 1: this is not UTF-8", id="a lone surrogate"),
    ],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(YamlError) as error:
        decode(data)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a: [", 2, id="an open flow"),
        pytest.param("a: 1\n{{- if x }}\nb: 2\n", 3, id="a Helm template"),
        pytest.param("a: b: c\n", 1, id="two colons"),
        pytest.param("a:\n\tb: 1\n", 2, id="a tab for indentation"),
        pytest.param("a: *x\nb: [", 3, id="an open flow after an alias"),
        pytest.param("a: \x01\n", 0, id="a control character"),
        pytest.param("a: \x85\nb: \x86\n", 0, id="a control character of the second kind"),
        pytest.param("%YAML 3.0\n---\na: 1\n", 1, id="a version of YAML that is none"),
        pytest.param("a: !x!y 1\n", 1, id="a tag handle that is not defined"),
        pytest.param('a: "\\ud800"\n', 1, id="an escaped lone surrogate"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(YamlError) as error:
        parse(text)
    assert error.value.line == line


@given(st.text(st.sampled_from("ab:-?[]{},&*!|>'\"%#@` \n\r\t\ufeff\u2028\x85é\U0001f600"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        documents = parse(text)
    except YamlError:
        return
    assert len(parse(text, Keep({}))) == len(documents)


# --- hostile texts ---------------------------------------------------------------------------------------------------

BOMB = "a0: &a0 x\n" + "".join(f"a{n + 1}: &a{n + 1} [{','.join([f'*a{n}'] * 10)}]\n" for n in range(20))
LADDER = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40_000))


def filled(unit: str, before: str = "", after: str = "") -> str:
    return (before + unit * (MAX_BYTES // len(unit)))[: MAX_BYTES - len(after)] + after


HOSTILE = {
    "an alias bomb": BOMB,
    "an alias ladder": f"a0: &a0 x\n{LADDER}"[:MAX_BYTES],
    "open brackets": "[" * 100_000,
    "open braces": "{" * 100_000,
    "nested lists": "- " * 50_000,
    "nested keys": "? " * 50_000,
    "open brackets below a key": "a: " + "[" * 100_000,
    "open braces below a key": "a: " + "{a: " * 30_000,
    "nested mappings": "".join(f"{' ' * depth}a:\n" for depth in range(1400))[:MAX_BYTES],
    "one scalar": filled("x", "a: "),
    "one quoted scalar": filled("x", "a: '", "'"),
    "anchors": filled("&a "),
    "anchored items": filled("- &a x\n"),
    "tag directives": "".join(f"%TAG !a{n}! tag:x,2000:\n" for n in range(40_000)) + "---\na: 1\n",
    "the same tag directive": filled("%TAG !a! tag:x,2000:\n"),
    "comments": filled("# c\n"),
    "one comment": filled("#"),
    "tabs": filled("\t"),
    "double quotes": filled('"'),
    "single quotes": filled("'"),
    "exclamation marks": filled("!"),
    "tagged items": filled("- !a x\n"),
    "line feeds": filled("\n"),
    "spaces": filled(" "),
    "documents": filled("---\n"),
    "document ends": filled("...\n"),
    "empty items": filled("- \n"),
    "empty entries": filled("a:\n"),
    "keys with question marks": filled("? a\n"),
    "flow entries": filled("a,", "{", "}"),
    "flow pairs": filled("a: b,", "{", "}"),
    "flow lists": filled("[],", "[", "]"),
    "repeated keys": filled("{a: 1, a: 2}\n---\n"),
    "aliases": filled("- *a\n", "- &a x\n"),
    "aliased keys": filled("*a : 1\n", "&a x: 1\n"),
    "merge keys": filled("<<: *a\n", "&a x: 1\n"),
    "escapes": filled("\\x41", 'a: "', '"'),
    "block scalars": filled("- |\n x\n"),
    "a long key": filled("a", "", ": b"),
    "lists as deep as may be": filled(f"- {'[' * 98}{']' * 98}\n"),
    "byte order marks": "\ufeff" * (MAX_BYTES // 3),
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("keep", [ALL, Keep({})], ids=["kept", "not kept"])
def test_a_hostile_text_takes_no_time(case: str, keep: Keep) -> None:
    began = process_time()
    try:
        read = len(parse(HOSTILE[case], keep))
    except YamlError as error:
        read = len(str(error))
    assert process_time() - began < 5 * 0.5, "five times what it may take, for a busy machine"
    assert read < 300_000


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("an alias bomb", "line 7: its aliases stand for far more text than the file has"),
        ("open brackets", "line 1: nested deeper than 100"),
        ("open brackets below a key", "line 1: nested deeper than 100"),
        ("open braces below a key", "line 1: nested deeper than 100"),
        ("nested lists", "line 1: nested deeper than 100"),
        ("nested mappings", "line 101: nested deeper than 100"),
        ("tag directives", "it has more structure than any manifest"),
        ("documents", "it has more structure than any manifest"),
    ],
)
@pytest.mark.parametrize("keep", [ALL, Keep({})], ids=["kept", "not kept"])
def test_a_hostile_text_is_refused_in_words(case: str, message: str, keep: Keep) -> None:
    with pytest.raises(YamlError) as error:
        parse(HOSTILE[case], keep)
    assert str(error.value) == message


def test_a_hundred_levels_are_deep_enough() -> None:
    assert parse("[" * 100 + "]" * 100)
    assert parse("[" * 100 + "]" * 100, Keep({}))


def test_a_large_honest_manifest_is_read() -> None:
    text = "".join(f"key{n}:\n  enabled: true\n  image: foo/bar:1.2.{n}\n  list: [a, b]\n" for n in range(14_000))
    assert len(text) > 900_000
    assert len(parse(text)) == 1


# --- lists and plain values ------------------------------------------------------------------------------------------


def items(text: str, keep: Keep = ALL) -> list[object]:
    return [plain_value(node) for node in stream_items(BytesIO(text.encode()), keep)]


def test_a_list_is_read_item_by_item() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- a: 1\n  b: 2\n- a: 3\nmetadata: {x: [1]}\n? [q]\n: 1\n"

    assert items(text, Keep({"a": ALL})) == [{"a": 1}, {"a": 3}, {"apiVersion": "v1", "kind": "List"}]


def test_a_stream_may_hold_single_objects_and_other_things() -> None:
    assert items("kind: A\nitems: 3\n---\n[1]\n---\n- x\n", Keep({})) == [{"kind": "A"}, [1], ["x"]]
    assert items("") == []


def test_a_broken_stream_is_refused() -> None:
    with pytest.raises(YamlError, match="line 3: did not find expected node content"):
        items("items:\n- [\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("0", 0),
        ("-12", -12),
        ("012", "012"),
        ("1.5", "1.5"),
        ("1e3", "1e3"),
        ("9" * 30, "9" * 30),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("{a: [1, x]}", {"a": [1, "x"]}),
    ],
)
def test_plain_values_mean_what_kubernetes_prints(text: str, value: object) -> None:
    assert plain_value(parse(f"- {text}\n")[0].root) == [value]


def test_an_alias_is_no_plain_value() -> None:
    with pytest.raises(YamlError, match=r"line 2: an alias \*a, which no cluster prints"):
        plain_value(parse("- &a 1\n- *a\n")[0].root)


def test_objects_with_aliases_are_given_as_plain_values() -> None:
    text = "kind: List\nitems:\n- &a {n: 1, d: 2020-01-01, t: true, f: 1.10}\n- *a\n---\n- x\n---\nitems: 3\n"
    item = {"n": 1, "d": "2020-01-01", "t": True, "f": "1.10"}

    assert list(load(BytesIO(text.encode()))) == [item, item, {"kind": "List"}, ["x"], {}]


def test_objects_that_are_no_yaml_are_refused() -> None:
    with pytest.raises(YamlError, match="line 2: did not find expected node content"):
        list(load(BytesIO(b"a: [\n")))


# --- editing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["1.2.3", "v1.2", "1.2.3-rc.1", "1.2.3+4", "abc", "0.1.0", "1-2", "nope", "2024-1", "x0"]
)
def test_most_versions_read_as_strings(text: str) -> None:
    assert reads_as_string(text)


NO_STRINGS = ["1.10", "20240101", "1e3", "1E3", "0x10", "0o17", "017", "0b11", "2024-01-01", "12:30", "1:30:00"]
NO_STRINGS += [
    "1_000",
    "1_0.5",
    "1.",
    ".5",
    "+1",
    "-1",
    "1.5e3",
    "yes",
    "No",
    "on",
    "OFF",
    "true",
    "False",
    "null",
    "~",
]
NO_STRINGS += ["", "=", "<<", ".inf", ".NaN", "1_0e3", "2024-01-01T00:00:00Z"]


@pytest.mark.parametrize("text", NO_STRINGS)
def test_what_yaml_or_go_reads_otherwise_does_not(text: str) -> None:
    assert not reads_as_string(text)


EDITS = {
    "plain": ("a: 1.0.0\n", "a: 2.0.0\n"),
    "double quotes": ('a: "1.0.0"\n', 'a: "2.0.0"\n'),
    "single quotes": ("a: '1.0.0'\n", "a: '2.0.0'\n"),
    "a comment on the line": ("a: 1.0.0   # keep 1.0.0\n", "a: 2.0.0   # keep 1.0.0\n"),
    "a comment after a tab": ("a: 1.0.0\t# x\n", "a: 2.0.0\t# x\n"),
    "spaces and tabs around": ("a: \t 1.0.0 \t \n", "a: \t 2.0.0 \t \n"),
    "no space before the colon": ("a : 1.0.0\n", "a : 2.0.0\n"),
    "an explicit key": ("? a\n: 1.0.0\n", "? a\n: 2.0.0\n"),
    "no final newline": ("a: 1.0.0", "a: 2.0.0"),
    "carriage return and line feed": ("x: y\r\na: 1.0.0\r\n", "x: y\r\na: 2.0.0\r\n"),
    "carriage return alone": ("x: y\ra: 1.0.0\r", "x: y\ra: 2.0.0\r"),
    "a byte order mark": ("\ufeffa: 1.0.0\n", "\ufeffa: 2.0.0\n"),
    "a directive and document marks": ("%YAML 1.1\n--- # x\na: 1.0.0\n...\n", "%YAML 1.1\n--- # x\na: 2.0.0\n...\n"),
    "the marker on the line": ("--- {a: 1.0.0}\n", "--- {a: 2.0.0}\n"),
    "several documents": ("a: 1.0.0\n---\na: 1.0.0\n", "a: 2.0.0\n---\na: 1.0.0\n"),
    "a flow": ("{x: [1], a: 1.0.0,}\n", "{x: [1], a: 2.0.0,}\n"),
    "JSON": ('{\n\t"a": "1.0.0"}', '{\n\t"a": "2.0.0"}'),
    "an anchor": ("a: &v 1.0.0\n", "a: &v 2.0.0\n"),
    "a tag": ("a: !!str 1.0.0\n", "a: !!str 2.0.0\n"),
    "an anchor and a tag, quoted": ('a: &v !!str  "1.0.0" # x\n', 'a: &v !!str  "2.0.0" # x\n'),
    "a name that is anchored twice": ("n: &a x\nm: &a y\na: 1.0.0\n", "n: &a x\nm: &a y\na: 2.0.0\n"),
    "characters beyond the basic plane": (
        "x: \U0001f600 # \U0001f600\na: 1.0.0\n",
        "x: \U0001f600 # \U0001f600\na: 2.0.0\n",
    ),
    "escapes in the old value": ('a: "\\x31.0.0"\n', 'a: "2.0.0"\n'),
    "deep indentation": (
        "x:\n        y:\n                z: q\na: 1.0.0\n",
        "x:\n        y:\n                z: q\na: 2.0.0\n",
    ),
}


@pytest.mark.parametrize("case", EDITS)
def test_only_the_bytes_of_the_scalar_change(case: str) -> None:
    before, after = EDITS[case]
    assert splice(before, scalar(before, "a"), "2.0.0") == after


@pytest.mark.parametrize("value", ["1.10", "20240101", "1e3", "0x10", "2024-01-01", "1_000", "017", "1.0", "yes"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("a: 1.0.0 # x\n", 'a: "{}" # x\n', id="plain becomes quoted"),
        pytest.param("a: &v 1.0.0\n", 'a: &v "{}"\n', id="behind the anchor"),
        pytest.param("a: '1.0.0'\n", "a: '{}'\n", id="quotes stay as they are"),
    ],
)
def test_a_value_that_would_not_read_back_is_quoted(value: str, before: str, after: str) -> None:
    assert splice(before, scalar(before, "a"), value) == after.format(value)


@pytest.mark.parametrize(
    "value", ["", " 1", "1.0.0 #", "a: b", "*x", "1\n2", "ü", "'", '"', "-1", "{{x}}", "12:30", "1\x00"]
)
def test_a_value_that_would_need_care_is_refused(value: str) -> None:
    with pytest.raises(YamlError, match="is no version that could be written"):
        splice("a: 1.0.0\n", scalar("a: 1.0.0\n", "a"), value)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: |\n  1.0.0\n", id="a block scalar"),
        pytest.param("a:\nb: 1\n", id="an empty value"),
        pytest.param("a: &v\nb: 1\n", id="an anchor without a value"),
        pytest.param("a: &v # x\n  1.0.0\n", id="a comment behind the anchor"),
    ],
)
def test_what_cannot_be_replaced_in_place_is_refused(text: str) -> None:
    with pytest.raises(YamlError):
        splice(text, scalar(text, "a"), "2.0.0")


def test_a_place_that_is_not_the_scalars_is_refused() -> None:
    text = "a: 1.0.0\nb: 1.0.0\n"
    wrong = scalar(text, "a")._replace(end=12)
    with pytest.raises(YamlError, match="line 1: writing here would change more than the version"):
        splice(text, wrong, "2.0.0")
