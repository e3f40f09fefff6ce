"""Versions and ranges against what Helm's and Flux's own library says (``masterminds/``) and what SemVer says."""

from __future__ import annotations

import json
import re
from itertools import combinations, product
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.core.version import Bump, Constraint, Version

if TYPE_CHECKING:
    from collections.abc import Callable

GO = Path(__file__).parent / "masterminds"
VECTORS = json.loads((GO / "vectors.json").read_text(encoding="utf-8"))
PRECEDENCE = json.loads((GO / "precedence.json").read_text(encoding="utf-8"))
VERSIONS = tuple(Version.parse(text) for text in VECTORS["versions"])
RANGES = [(text, admitted) for text, admitted in VECTORS["ranges"] if admitted is not None]
NO_RANGES = [text for text, admitted in VECTORS["ranges"] if admitted is None]


# --- versions -------------------------------------------------------------------------------------------------------


def test_a_version_has_the_parts_that_its_text_names() -> None:
    version = Version.parse("v1.22.333-rc.1-x+b.01-y")
    assert version.core == (version.major, version.minor, version.patch) == (1, 22, 333)
    assert (version.prerelease, version.build) == ("rc.1-x", "b.01-y")
    assert (version.v, str(version), version.without_v) == (True, version.text, "1.22.333-rc.1-x+b.01-y")


def test_a_plain_version_has_no_v_no_prerelease_and_no_build() -> None:
    version = Version.parse("1.2.3")
    assert (version.prerelease, version.build, version.v, version.without_v) == ("", "", False, "1.2.3")


@pytest.mark.parametrize("text", PRECEDENCE["refused"])
def test_a_text_that_the_go_library_refuses_is_no_version(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a version: \S.*\S$"):
        Version.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "1.2",
            "'1.2' is not a version: write three numbers, such as 1.2.3 or 1.2.3-rc.1",
            id="a partial version is told what is missing",
        ),
        pytest.param(
            "1.2.3\n\x1b[31m",
            r"'1.2.3\n\x1b[31m' is not a version: write three numbers, such as 1.2.3 or 1.2.3-rc.1",
            id="control characters are shown escaped",
        ),
        pytest.param(
            "v1.02.3", "'v1.02.3' is not a version: the number 02 starts with a zero", id="a leading zero is named"
        ),
        pytest.param(
            "1.2.3-rc.01",
            "'1.2.3-rc.01' is not a version: the number 01 starts with a zero",
            id="a leading zero in a prerelease is named",
        ),
        pytest.param(
            "1.18446744073709551616.0",
            "'1.18446744073709551616.0' is not a version: "
            "the number 18446744073709551616 is above 18446744073709551615",
            id="a number that Go cannot hold is refused",
        ),
        pytest.param(
            "1.0.0-18446744073709551616",
            "'1.0.0-18446744073709551616' is not a version: "
            "the number 18446744073709551616 is above 18446744073709551615",
            id="a numeric prerelease that Go orders as a word is refused",
        ),
        pytest.param(
            "1.2.3+" + "b" * 251,
            f"'1.2.3+{'b' * 58}...' is not a version: it has over 256 characters",
            id="a text of 257 characters is refused and shown cut",
        ),
    ],
)
def test_a_refused_version_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Version.parse(text)


def test_a_version_of_256_characters_is_read() -> None:
    assert Version.parse("1.2.3+" + "b" * 250).build == "b" * 250


def test_versions_stand_in_the_order_of_the_go_library() -> None:
    ranked = [(rank, Version.parse(text)) for rank, group in enumerate(PRECEDENCE["ascending"]) for text in group]
    for (rank, version), (other_rank, other) in product(ranked, repeat=2):
        assert (version < other, version <= other, version == other, version >= other, version > other) == (
            rank < other_rank,
            rank <= other_rank,
            rank == other_rank,
            rank >= other_rank,
            rank > other_rank,
        )
        assert len({version, other}) == 1 + (rank != other_rank)


def test_a_version_is_not_equal_to_its_text() -> None:
    version: object = Version.parse("1.2.3")
    assert version != "1.2.3"


@pytest.mark.parametrize(
    ("before", "after", "bump"),
    [
        pytest.param("1.9.9-rc.1", "2.0.0", "major", id="a new major counts before all else"),
        pytest.param("1.2.9", "1.3.0-rc.1", "minor", id="a new minor counts before its prerelease"),
        pytest.param("1.2.3", "v1.2.4", "patch", id="a new patch counts whatever the v"),
        pytest.param("1.2.3-rc.1", "1.2.3-rc.2", "prerelease", id="a next release candidate is a prerelease bump"),
        pytest.param("1.2.3-rc.1", "1.2.3", "prerelease", id="a release after its candidate is a prerelease bump"),
        pytest.param("1.2.3+a", "v1.2.3+b", "none", id="build metadata and the v are no bump"),
        pytest.param("3.1.0", "2.0.0", "major", id="a move back is named by its part too"),
    ],
)
def test_a_bump_is_named_by_the_first_part_that_changes(before: str, after: str, bump: Bump) -> None:
    assert Version.parse(after).bump_from(Version.parse(before)) == bump


# --- ranges ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "admitted"), RANGES, ids=[f"{text!a}" for text, _ in RANGES])
def test_a_range_admits_what_the_go_library_admits(text: str, admitted: list[str]) -> None:
    constraint = Constraint.parse(text)
    assert [version.text for version in VERSIONS if constraint.admits(version)] == admitted


@pytest.mark.parametrize("text", NO_RANGES, ids=ascii)
def test_a_text_that_the_go_library_refuses_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a version(?: range)?: \S.*\S$"):
        Constraint.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("01.2.3", id="a leading zero, which no version may have"),
        pytest.param(">=1.02", id="a leading zero in a partial operand"),
        pytest.param(">=1.2.3-18446744073709551616", id="a numeric prerelease that is ordered as a word"),
        pytest.param("1.x.2x", id="a wildcard followed by rubbish"),
        pytest.param("1 - 2>=3", id="a comparison glued to a hyphen range"),
        pytest.param("1 - 2 2 - 3", id="two hyphen ranges without a comma"),
        pytest.param("1||2 - 3", id="a hyphen range that touches the or before it, read as >=1 || 2, <=3"),
    ],
)
def test_what_the_go_library_lets_pass_by_accident_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Constraint.parse(text)


def test_an_empty_text_is_any_release_as_in_helm_and_flux() -> None:
    assert [version for version in VERSIONS if Constraint.parse("").admits(version)] == [
        version for version in VERSIONS if not version.prerelease
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "latest",
            "'latest' is not a version range: write one such as 1.2.3, ~1.2 or >=1.2.0 <2.0.0",
            id="a word is told what a range looks like",
        ),
        pytest.param(
            "1 || || 2",
            "'1 || || 2' is not a version range: write one such as 1.2.3, ~1.2 or >=1.2.0 <2.0.0",
            id="the whole text is shown where one alternative is empty",
        ),
        pytest.param(
            ">=1.2.3-01",
            "'1.2.3-01' is not a version: the number 01 starts with a zero",
            id="a refused operand is shown alone",
        ),
        pytest.param(
            "1" * 513,
            f"'{'1' * 64}...' is not a version range: it has over 512 characters",
            id="a text of 513 characters is refused and shown cut",
        ),
    ],
)
def test_a_refused_range_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Constraint.parse(text)


def test_a_range_of_512_characters_is_read() -> None:
    assert Constraint.parse("1" + " " * 510 + "1").admits(Version.parse("1.2.3"))


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        pytest.param("1.2.3", "1.2.3", id="a full version"),
        pytest.param("v1.2.3", "v1.2.3", id="a full version keeps its v"),
        pytest.param("1.2.3-rc.1+b.01", "1.2.3-rc.1+b.01", id="a full version keeps its prerelease and build"),
        pytest.param("=1.2.3", "1.2.3", id="one equals sign"),
        pytest.param(" =  v1.2.3\t", "v1.2.3", id="one equals sign among spaces"),
        pytest.param("", None, id="an empty text is a range"),
        pytest.param("*", None, id="a wildcard is a range"),
        pytest.param("1", None, id="a major alone is a range"),
        pytest.param("1.2", None, id="a minor is a range"),
        pytest.param("=1.2", None, id="an equals sign does not make a minor exact"),
        pytest.param("1.2.x", None, id="a wildcard patch is a range"),
        pytest.param("1.2-3", None, id="a minor with a prerelease is a range"),
        pytest.param(">=1.2.3", None, id="another operator is a range"),
        pytest.param("~1.2.3", None, id="a tilde is a range"),
        pytest.param("^0.0.3", None, id="a caret is a range even where one release fits"),
        pytest.param("1.2.3 1.2.3", None, id="the same version twice is no pin"),
        pytest.param("1.2.3 || 1.2.3", None, id="the same version or itself is no pin"),
        pytest.param("1.2.3 - 1.2.3", None, id="a hyphen range of one version is no pin"),
    ],
)
def test_only_one_full_version_is_an_exact_pin(text: str, exact: str | None) -> None:
    found = Constraint.parse(text).exact
    assert (found and found.text) == exact


@pytest.mark.parametrize("read", [Version.parse, Constraint.parse], ids=["version", "range"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1" * 1_000_000, id="a megabyte of digits"),
        pytest.param("1.2.3-" + "a." * 500_000, id="a megabyte of identifiers"),
        pytest.param("|" * 1_000_000, id="a megabyte of ors"),
        pytest.param("٣.٣.٣", id="digits of another script"),
        pytest.param("1.2.3-\ud800", id="half a surrogate pair"),
        pytest.param("1.2." + "9" * 250, id="as many digits as fit"),
        pytest.param("1.2.3-" + "a." * 124, id="identifiers up to the limit and a dot too many"),
        pytest.param("1  " * 170 + "!", id="terms and spaces before a mistake"),
        pytest.param(" " * 511 + "!", id="spaces before a mistake"),
        pytest.param("1" + " " * 510 + "!", id="spaces inside before a mistake"),
        pytest.param("1 , " * 128, id="a comma too many"),
        pytest.param("1 - 1, " * 73, id="hyphen ranges and a comma too many"),
        pytest.param("," * 512, id="commas alone"),
        pytest.param("1 - " * 128, id="hyphens that never end"),
        pytest.param("= " * 256, id="operators alone"),
    ],
)
def test_a_hostile_text_is_refused_in_milliseconds(read: Callable[[str], object], text: str) -> None:
    started = process_time()
    with pytest.raises(ValueError, match="is not a version") as refused:
        read(text)
    assert process_time() - started < 0.1
    assert len(str(refused.value)) < 1_000


# --- what always holds ----------------------------------------------------------------------------------------------

NUMBERS = st.integers(0, 3) | st.integers(0, 2**64 - 1)
WORDS = st.sampled_from(["0", "1", "2", "10", "a", "b", "A", "alpha", "-", "-1", "1a", "rc"]) | st.from_regex(
    r"(0|[1-9][0-9]{0,18}|[0-9]{0,3}[A-Za-z-][0-9A-Za-z-]{0,5})", fullmatch=True
)
DOTTED = st.lists(WORDS, max_size=3).map(".".join)
OPERATORS = st.sampled_from(["", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    core = ".".join(str(draw(NUMBERS)) for _ in range(3))
    prerelease, build = draw(DOTTED), draw(DOTTED)
    return draw(st.sampled_from(["", "v"])) + core + (prerelease and f"-{prerelease}") + (build and f"+{build}")


versions = texts().map(Version.parse)


def compare(one: Version, other: Version) -> int:
    """SemVer 2.0.0, item 11, clause by clause."""
    for mine, theirs in zip(one.core, other.core, strict=True):
        if mine != theirs:
            return -1 if mine < theirs else 1
    if not one.prerelease or not other.prerelease:
        return bool(other.prerelease) - bool(one.prerelease)
    my_words, their_words = one.prerelease.split("."), other.prerelease.split(".")
    for my_word, their_word in zip(my_words, their_words, strict=False):
        if my_word == their_word:
            continue
        if my_word.isdecimal() and their_word.isdecimal():
            return -1 if int(my_word) < int(their_word) else 1
        if my_word.isdecimal() or their_word.isdecimal():
            return -1 if my_word.isdecimal() else 1
        return -1 if my_word < their_word else 1
    return (len(my_words) > len(their_words)) - (len(my_words) < len(their_words))


@given(texts())
def test_a_version_prints_as_it_was_written(text: str) -> None:
    version = Version.parse(text)
    rebuilt = "v" * version.v + ".".join(map(str, version.core))
    rebuilt += (version.prerelease and f"-{version.prerelease}") + (version.build and f"+{version.build}")
    assert str(version) == rebuilt == text


@given(versions, versions)
@example(Version.parse("1.0.0-1"), Version.parse("1.0.0-a"))
@example(Version.parse("1.0.0-a"), Version.parse("1.0.0-a.0"))
def test_precedence_is_that_of_the_specification(one: Version, other: Version) -> None:
    expected = compare(one, other)
    assert (one > other) - (one < other) == expected
    assert (one == other) == (expected == 0) == (one.bump_from(other) == "none")
    assert one != other or hash(one) == hash(other)


@given(st.lists(versions, max_size=8))
def test_versions_have_one_order(found: list[Version]) -> None:
    assert all(lower <= higher for lower, higher in combinations(sorted(found), 2))


@given(versions, versions)
def test_an_exact_pin_admits_only_itself(pin: Version, version: Version) -> None:
    constraint = Constraint.parse(f"= {pin}")
    assert constraint.exact is not None
    assert constraint.exact.text == pin.text
    assert constraint.admits(pin)
    assert constraint.admits(version) == (version == pin)


@given(OPERATORS, versions, OPERATORS, versions, versions)
def test_or_admits_what_either_side_admits(
    left: str, low: Version, right: str, high: Version, version: Version
) -> None:
    either = Constraint.parse(f"{left}{low} || {right}{high}")
    sides = Constraint.parse(f"{left}{low}"), Constraint.parse(f"{right}{high}")
    assert either.admits(version) == any(side.admits(version) for side in sides)


@given(versions, versions, versions)
def test_a_hyphen_range_admits_what_lies_between(low: Version, high: Version, version: Version) -> None:
    told = not version.prerelease or bool(low.prerelease or high.prerelease)
    assert Constraint.parse(f"{low} - {high}").admits(version) == (told and low <= version <= high)


@given(st.text() | st.text("0123vxX*.-+ \t,|<>=!~^a", max_size=20), st.sampled_from([Version, Constraint]))
def test_any_text_is_kept_as_it_is_or_refused_in_one_line(text: str, kind: type[Version | Constraint]) -> None:
    try:
        told = kind.parse(text).text
    except ValueError as refused:
        told = str(refused)
    assert told == text or (" is not a version" in told and told.isprintable())
