"""What a cluster says is tamed: nothing in it is Markdown, HTML, a mention, a reference or a link, anywhere."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reconciler.core.model import Gate, Hook, Manners
from reconciler.core.pull_request import body, contradicted, farewell, title
from reconciler.core.pull_request.markdown import code, cut, inert
from tests.core.stories import proof, story, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OURS = Manners()

# What GitHub finds in the text that is left: mentions, references to issues, and addresses that it makes links of
# (GFM 6.9, and the guide to autolinked references).
FOUND = re.compile(r"@\w|#\d|(?<![^\W_])gh-\d|://|(?<![^\W_])www\.|\w@\w", re.IGNORECASE)
HARMFUL = {"link_open", "image", "html_block", "html_inline", "heading_open", "s_open", "em_open", "fence"} | {
    "bullet_list_open",
    "ordered_list_open",
    "blockquote_open",
    "hr",
    "code_block",
}
PIECES = (
    *("`", "``", "```", "|", "\\", "\\`", "\n", "\n\n", "\r\n", " ", "   ", "\t", "\u2028", "\x00", "\u202e", "\u200b"),
    *("@eve", "@org/team", "#1", "GH-1", "gh-22", "o/r#1", "http://evil.example", "https://x", "www.evil.example"),
    *("<b>", "</details>", "<!--", "-->", "--", "<img src=x>", "&lt;", "<http://x>", "<a@b.c>", "![a](b)", "[a](b)"),
    *(
        "# h",
        "- a",
        "* a",
        "1. a",
        "1)",
        "> a",
        "---",
        "===",
        "~~~",
        "~~a~~",
        "*a*",
        "**a**",
        "_a_",
        "__",
        "_",
        "[x]: y",
    ),
    *("closes #1", "[skip ci]", "Signed-off-by: a <b@c>", "x", "é", "vault", "1.2.3", ":", "(", ")", "$x$", "{{ 7 }}"),
)
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=40)


def tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def harm(text: str) -> set[str]:
    """What a text means to GitHub beyond words and code."""
    found = {token.type for token in tokens(text)} & HARMFUL
    return found | {token.content for token in tokens(text) if token.type == "text" and FOUND.search(token.content)}


# --- one value -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("cert-manager", "cert-manager", id="a name stays"),
        pytest.param("vault/vault_2.0+build.7", "vault/vault_2.0+build.7", id="so do the signs of names and versions"),
        pytest.param("Überprüfung 1", "Überprüfung 1", id="and letters of all peoples"),
        pytest.param("proven since 12:00:00Z (revision 7); soaks", "proven since 12:00:00Z (revision 7); soaks"),
        pytest.param(" a \n\t b ", "a b", id="one line"),
        pytest.param("@eve", "?eve", id="no mention"),
        pytest.param("see #1, GH-1 and gh-1", "see ?1, GH?1 and gh?1", id="no reference"),
        pytest.param("a-gh-pages gh-pages high-1", "a-gh-pages gh-pages high-1", id="but not every gh is one"),
        pytest.param("https://x.y www.x.y", "https?//x.y www?x.y", id="no link"),
        pytest.param("<b>&amp;</b>", "?b??amp;?/b?", id="no HTML"),
        pytest.param("`x` *x* [x](y) | x", "?x? ?x? ?x?(y) ? x", id="no Markdown"),
        pytest.param("_x_ a_b __", "?x? a_b ??", id="an underscore within a word alone"),
        pytest.param("- x", "? x", id="no list"),
        pytest.param("1. x", "1? x", id="nor a numbered one"),
        pytest.param("12)", "12?", id="nor an empty one"),
        pytest.param("1.2 x", "1.2 x", id="a version is none"),
        pytest.param("", "", id="nothing"),
        pytest.param("x" * 254, "x" * 250 + "...", id="too long a name"),
    ],
)
def test_an_inert_text_keeps_what_names_are_made_of(text: str, expected: str) -> None:
    assert inert(text) == expected


CONTEXTS = (
    "{}",
    "x {} y",
    "x\n{}\ny",
    "`{}`",
    "`x {} y`",
    "**{}**",
    "- {}",
    "| a |\n|---|\n| {} |",
    "<!-- {} -->x",
    "x\n\n{}\n",
)


@given(HOSTILE, st.sampled_from(CONTEXTS))
def test_an_inert_text_means_nothing_wherever_it_stands(text: str, context: str) -> None:
    assume(inert(text))
    assert harm(context.replace("{}", inert(text))) == harm(context.replace("{}", "vault"))
    assert len(list(tokens(context.replace("{}", inert(text))))) <= len(list(tokens(context.replace("{}", "vault"))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("@eve #1", "`@eve #1`", id="in code nothing is found"),
        pytest.param("a`b", "`a'b`", id="nothing ends the code"),
        pytest.param("a|b", "`a/b`", id="nor the cell"),
        pytest.param("a --> <!-- b", "`a __> <!__ b`", id="nor a comment"),
        pytest.param("a\n\n\x07b\u202e", "`a ?b?`", id="nor the line"),
        pytest.param(" \n", "", id="nothing stays nothing"),
    ],
)
def test_code_shows_a_text_as_it_is(text: str, expected: str) -> None:
    assert code(text) == expected


@given(HOSTILE)
def test_code_is_code_and_nothing_else(text: str) -> None:
    shown = code(text)
    kinds = [token.type for token in tokens(f"x {shown} y")]
    words = ["text", "code_inline", "text"] if shown else ["text"]
    assert kinds == ["paragraph_open", "inline", *words, "paragraph_close"]
    row = [token.type for token in tokens(f"| a | b |\n|---|---|\n| {shown} | z |")]
    assert row.count("td_open") == 2
    assert row.count("code_inline") == bool(shown)


# --- all that we write -----------------------------------------------------------------------------------------------


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_nothing_from_a_cluster_means_anything_in_a_body(chart: str, hook: str, app: str, why: str) -> None:
    tests = (Hook(hook, chart), Hook(why, app))
    gates = (Gate("soak", ok=True, message=why),)
    one = story(chart=chart, path=f"apps/{hook}.yaml", proven=proof(tests=tests, app=app), gates=gates)
    plain = story(proven=proof(tests=(Hook("x", "x"),) * 2), gates=gates)
    assert _without_comments(body(one, OURS)) == _without_comments(body(plain, OURS)) == {"bullet_list_open"}
    assert body(one, OURS).count("-->") == 3


def _without_comments(text: str) -> set[str]:
    comments = [token.content for token in PARSER.parse(text) if token.type == "html_block"]
    assert len(comments) == 3
    assert all(comment.startswith("<!--") and comment.rstrip().endswith("-->") for comment in comments)
    return harm(text) - {"html_block"}


@given(HOSTILE)
def test_nothing_in_a_comment_of_ours_means_anything(text: str) -> None:
    marker = replace(story().marker, to=text)
    assert harm(contradicted(marker, text)) == set()
    assert harm(farewell(text)) == set()


WORDS = "{{ chart }} {% for test in tests %}{{ test.name }}{{ ', ' if not loop.last }}{% endfor %}"


@given(HOSTILE, HOSTILE)
def test_nothing_from_a_cluster_means_anything_in_a_template_of_the_user_s(chart: str, hook: str) -> None:
    manners = Manners(title=f"x {WORDS}", body=f"x {WORDS}\n\n| a |\n|---|\n| {WORDS} |", commit_message=f"x {WORDS}")
    one = story(chart=chart, proven=proof(tests=(Hook(hook, "Succeeded"),) * 2))
    assert _of_two_comments(body(one, manners)) == set()
    assert harm(title(one, manners)) == set()
    message = told(one, manners)
    assert not FOUND.search(message)
    assert not re.search(r"[][<>@#`]", message.replace("0.28.0 -> 0.28.1", ""))
    assert message.count("\n\n") == 2


def _of_two_comments(text: str) -> set[str]:
    assert [token.type for token in PARSER.parse(text)].count("html_block") == 3
    return harm(text) - {"html_block"}


# --- cutting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0123456789", "0123456789", id="what fits stays"),
        pytest.param("0123456789a", "0123456...", id="what does not is cut"),
        pytest.param("012345e\u0301xyz", "012345...", id="not between a letter and its accent"),
        pytest.param("01234\U0001f469\u200d\U0001f469xyz", "01234...", id="nor within one sign of several"),
        pytest.param("\u0301" * 11, "...", id="nothing but accents"),
    ],
)
def test_a_text_is_cut_between_whole_characters(text: str, expected: str) -> None:
    assert cut(text, 10) == expected


@given(st.text(), st.integers(3, 40))
def test_a_cut_text_is_never_too_long(text: str, longest: int) -> None:
    short = cut(text, longest)
    assert len(short) <= longest
    assert short == text or (short.endswith("...") and text.startswith(short.removesuffix("...")))
