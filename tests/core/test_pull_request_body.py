"""The body of a pull request: what it tells, whose part is whose, and how long it may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.core.model import Bump, Gate, Hook, Key, Manners
from reconciler.core.pull_request import Story, body, merged
from tests.core.stories import VAULT, hooks, proof, story
from tests.world import NOW

GOLDEN = Path(__file__).parent.parent / "golden" / "pull_request"
OURS = Manners()
LONGEST = 65_536

EVIL = "`x` | @eve #1 GH-1 <img src=x> [a](http://evil.example) --> <!-- \n\n# h"
GATES = (
    Gate("prerelease", ok=True),
    Gate("soak", ok=True, message="proven since 2026-02-27 12:00:00Z"),
)
STORIES = {
    "tested": story(
        from_="6.5.4",
        to="6.6.0",
        proven=proof("6.6.0", tests=hooks(2), since=NOW, app="1.17.0"),
        older=(proof("6.5.5", app="1.16.1"), proof("6.5.4", app="1.16.0"), proof("6.5.3", app="1.15.0")),
        contradicted=("6.5.6", "6.7.0", "6.5.1"),
        bump=Bump.MINOR,
        gates=GATES,
    ),
    "ready": story(proven=proof(since=NOW)),
    "no-times": story(proven=replace(proof(tests=(Hook("vault-test", "Succeeded"),)), deployed_at=None)),
    "shared-pin": story(
        *(Key("apps", f"vault-{number}") for number in range(23)), proven=proof(tests=hooks(), since=NOW)
    ),
    "many-tests": story(proven=proof(tests=hooks(43), since=NOW)),
    "hostile": story(
        chart=EVIL,
        path="apps/[a](b)@eve|`.yaml",
        proven=proof(tests=(Hook(EVIL, EVIL),), app=EVIL),
        gates=(Gate("soak", ok=False, message=EVIL),),
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_the_body_is_as_people_have_approved_it(name: str) -> None:
    assert body(STORIES[name], OURS) == (GOLDEN / f"{name}.md").read_text().removesuffix("\n")


def test_every_golden_body_has_its_story() -> None:
    assert {path.stem for path in GOLDEN.glob("*.md")} == set(STORIES)


def test_a_body_of_the_user_s_is_ours_too_and_carries_the_marker() -> None:
    told = body(story(proven=proof(tests=hooks())), Manners(body="**{{ name }}** {{ to }}\n\n{{ tests|length }} test"))
    assert told.split("\n")[:4] == [BEGIN, "**vault** 0.28.1", "", "1 test"]
    assert told.split("\n")[-4:] == [
        "Helm-Promoter-To: 0.28.1",
        "Helm-Promoter-Proven: 2026-03-01T12:00:00Z",
        "-->",
        END,
    ]


# --- whose part is whose ---------------------------------------------------------------------------------------------

BEGIN = "<!-- helm-promoter: begin, written anew with every version -->"
END = "<!-- helm-promoter: end, what you write below stays -->"
OLD, NEW = body(story(), OURS), body(story(to="0.29.0"), OURS)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param("", NEW, id="an empty body"),
        pytest.param(" \r\n", NEW, id="a blank one"),
        pytest.param(OLD, NEW, id="ours alone"),
        pytest.param(f"Hello\n\n{OLD}", f"Hello\n\n{NEW}", id="with words above it"),
        pytest.param(f"{OLD}\r\n\r\n- [ ] look\r\n", f"{NEW}\r\n\r\n- [ ] look\r\n", id="with words below it"),
        pytest.param("Hello\n", f"{NEW}\n\nHello", id="without our part, which a person deleted"),
        pytest.param(f"Hello\n{BEGIN}\nhm", f"{NEW}\n\nHello\n\nhm", id="without the end of our part"),
        pytest.param(f"hm\n{END}\nHello", f"{NEW}\n\nhm\n\nHello", id="without the beginning of our part"),
        pytest.param(f"{END} a {OLD} b", f"{END} a {NEW} b", id="with an end before its beginning"),
        pytest.param(f"{BEGIN} a {OLD} b", f"{BEGIN} a {NEW} b", id="with two beginnings: the inner is the part"),
        pytest.param(f"{OLD} a {OLD}", f"{NEW} a {OLD}", id="copied: the first is the part"),
    ],
)
def test_an_update_replaces_our_part_and_nothing_else(before: str, expected: str) -> None:
    assert merged(before, NEW) == expected


@pytest.mark.parametrize("words", [f"a {END} b", f"a {BEGIN} b", f"{END}{BEGIN}x{END}"])
def test_marks_in_a_template_of_the_user_s_do_not_tear_our_part_apart(words: str) -> None:
    torn = body(story(), Manners(body=words))
    assert merged(f"Hello\n{torn}\nbye", NEW) == f"Hello\n{NEW}\nbye"


WRITTEN = st.lists(st.sampled_from([OLD, BEGIN, END, "Hello ", "\n\n", "# x", "é"]), max_size=6).map("".join)


@given(WRITTEN)
def test_it_does_not_matter_what_our_part_was_before(text: str) -> None:
    assert merged(merged(text, OLD), NEW) == merged(text, NEW)
    assert merged(merged(text, NEW), NEW) == merged(text, NEW)


@given(st.text(max_size=80), st.text(max_size=80))
def test_what_people_wrote_stays_to_the_letter(above: str, below: str) -> None:
    assert merged(above + OLD + below, NEW) == above + NEW + below


# --- how long it may be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "kept"),
    [
        pytest.param(LONGEST - len(NEW), True, id="just enough room"),
        pytest.param(LONGEST - len(NEW) + 1, False, id="one character too few"),
        pytest.param(LONGEST - 200, False, id="room for a few words"),
        pytest.param(LONGEST - len(OLD), False, id="as much as before"),
    ],
)
def test_where_people_left_little_room_our_part_is_cut_and_theirs_is_not(above: int, *, kept: bool) -> None:
    theirs = "x" * above
    longer = body(story(to="0.29.0-a.longer.version"), OURS) if not kept else NEW
    told = merged(theirs + OLD, longer)
    assert len(told) <= LONGEST
    assert told.startswith(theirs + BEGIN)
    assert told.endswith(END)
    assert (told == theirs + longer) is kept


def test_where_people_left_no_room_at_all_there_is_no_part_of_ours() -> None:
    theirs = "x" * LONGEST
    assert merged(theirs, NEW) == theirs


NAMES = st.text(min_size=1, max_size=300) | st.sampled_from([EVIL, "a" * 300, "`" * 300])


@given(NAMES, NAMES, NAMES)
def test_however_much_there_is_to_tell_it_fits_and_leaves_room_for_people(chart: str, hook: str, app: str) -> None:
    tests = tuple(Hook(f"{hook}{number}", hook, NOW - timedelta(seconds=9), NOW) for number in range(50))
    gates = tuple(Gate(f"gate{number}", ok=True, message=hook) for number in range(12))
    keys = tuple(Key("n" * 63, f"{'x' * 60}{number}") for number in range(50))
    older = tuple(proof(f"0.28.1-a.{number}.{'b' * 200}") for number in range(40))
    told = story(*keys, chart=chart, proven=proof(tests=tests, app=app), gates=gates, older=older)
    assert len(body(told, OURS)) <= 50_000
    assert "In between" in body(told, OURS)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param(f"{'a' * 20_000}\n\n{'b' * 20_000}\n\n{'c' * 20_000}", "ab", id="between paragraphs"),
        pytest.param(f"{'a' * 20_000}\n\n```\n{'b' * 20_000}\n\n{'c' * 20_000}\n```", "a", id="not in a fence"),
        pytest.param(f"{'a' * 20_000}\n\n~~~\n{'b' * 20_000}\n```\n\n{'c' * 20_000}\n", "a", id="nor in another"),
        pytest.param(f"{'a' * 20_000}\n\n```\nb\n```\n\n{'c' * 20_000}\n\n{'d' * 20_000}", "ac", id="after a fence"),
        pytest.param(f"{'a' * 20_000}\n\n<!--\n{'b' * 20_000}\n\n{'c' * 20_000}\n-->", "a", id="not in a comment"),
        pytest.param(
            f"{'a' * 20_000}\n\n<!--\n```\n-->\n\n{'b' * 20_000}\n\n{'c' * 20_000}\n", "ab", id="after a comment"
        ),
        pytest.param(
            f"{'a' * 20_000}\n\n<details><summary>b</summary>\n\n{'b' * 20_000}\n\n{'c' * 20_000}\n</details>",
            "a",
            id="not in details",
        ),
        pytest.param(f"``` a` b\n\n{'a' * 40_000}\n\n{'b' * 20_000}", "a", id="three backticks in a line are no fence"),
        pytest.param(f"x <!-- y\n\n{'a' * 40_000}\n\n{'b' * 20_000}", "a", id="a comment that no line begins is none"),
        pytest.param("a" * 60_000, "", id="nor within one endless paragraph"),
    ],
)
def test_a_body_of_the_user_s_is_cut_between_two_blocks(template: str, expected: str) -> None:
    told = body(story(), Manners(body=template))
    assert len(told) <= 50_000
    assert {sign for sign in "abcd" if sign * 10_000 in told} == set(expected)
    assert "(cut: this is longer than a pull request may be)" in told
    assert told.endswith(f"-->\n{END}")


@given(st.lists(st.sampled_from(["x" * 9000, "\n\n", "\n```\n", "\n~~~~\n", "<!--", "\n<!--", "-->"]), max_size=30))
def test_a_cut_leaves_nothing_open_that_would_swallow_the_end(parts: list[str]) -> None:
    text = "".join(parts)
    assume(text.strip())
    told = body(story(), Manners(body=text))
    if "(cut: " in told:
        last = MarkdownIt("commonmark").parse(told)[-2:]
        assert [token.type for token in last] == ["html_block", "html_block"]
        assert last[0].content.startswith("<!--\nHelm-Promoter-Promotion: home\n")
        assert last[1].content == END


def test_a_story_knows_what_it_is_about() -> None:
    told: Story = STORIES["shared-pin"]
    assert told.release == Key("apps", "vault-0")
    assert STORIES["ready"].release == VAULT
