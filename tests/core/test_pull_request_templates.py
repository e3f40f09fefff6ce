"""Templates of the user's: what they may say, and what they can never do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Bump, Gate, Hook, Key, Manners
from reconciler.core.pull_request import WordsError, body, title, tried
from reconciler.core.pull_request.facts import facts
from reconciler.core.pull_request.templates import FILTERS, fill
from tests.core.stories import VAULT, hooks, proof, story, told
from tests.world import NOW

TOLD = story(
    VAULT,
    Key("vault", "two"),
    from_="v0.28.0",
    to="v0.29.0",
    proven=proof("v0.29.0", tests=(*hooks(), Hook("second", "Succeeded")), since=NOW, app="1.17.0"),
    older=(proof("0.28.0", app="1.16.0"), proof("0.28.2")),
    contradicted=("0.28.1",),
    bump=Bump.MINOR,
    gates=(Gate("prerelease", ok=True), Gate("soak", ok=True, message="proven since then")),
    shared=True,
)
BARE = story()


def filled(template: str) -> str:
    return fill(template, facts(TOLD))


# --- what they say ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ promotion }}", "home"),
        ("{{ name }} {{ namespace }} {{ release }}", "vault vault vault/vault"),
        ("{{ releases | join(', ') }}", "vault/vault, vault/two"),
        ("{{ chart }} {{ path }}", "vault apps/vault/production/helm.yaml"),
        ("{{ from }} {{ to }} {{ version }} {{ bump }}", "v0.28.0 v0.29.0 0.29.0 minor"),
        ("{{ app_version_before }} {{ app_version }}", "1.16.0 1.17.0"),
        ("{{ revision }}: {{ deployed }}, {{ proven }}", "7: 2026-03-01 11:58:00Z, 2026-03-01 12:00:00Z"),
        ("{{ tested or 'never' }}", "never"),
        ("{% for t in tests %}{{ t.name }} {{ t.phase }} {{ t.took }};{% endfor %}",
         "vault-server-test Succeeded 42 s;second Succeeded ;"),
        ("{% for g in gates %}{{ g.gate }}: {{ g.message }}. {% endfor %}",
         "prerelease: passed. soak: proven since then. "),
        ("{% for b in between %}{{ b.version }} {{ b.proven }} {% endfor %}", "0.28.1 False 0.28.2 True "),
        ("{% if shared %}yes{% else %}no{% endif %}", "yes"),
        ("{{ '**yes**' if shared else 'no' }}", "**yes**"),
        ("{{ '**no**' if not shared }}x", "x"),
        ("{{ 'a' if not shared else 'b' if bump == 'major' else name }}", "vault"),
        ("{% set x = name | upper %}{{ x | replace('A', 'O') }}", "VOULT"),
        ("{{ '**' ~ name ~ '**' }}", "??vault??"),
        ("{{ tests | length }} {{ tests | map(attribute='name') | first }}", "2 vault-server-test"),
        ("{{ chart[:2] }} {{ 1 + 2 }} {{ name is defined }}", "va 3 True"),
        ("{% if name == 'vault' and 'v' in chart %}a{% endif %}", "a"),
        ("a\n{% if true %}\nb\n{% endif %}\nc", "a\nb\nc"),
    ],
)  # fmt: skip
def test_a_template_says_what_there_is(template: str, expected: str) -> None:
    assert filled(template) == expected


def test_every_name_can_be_said_of_the_barest_promotion_too() -> None:
    for name in facts(BARE):
        assert tried(f"x {{{{ {name} }}}}") == f"x {{{{ {name} }}}}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("  {{ name }}\n\n {{ to }} ", "vault v0.29.0"),
        ("x" * 300, "x" * 253 + "..."),
        ("{{ name }}" + "e\u0301" * 200, None),
    ],
    ids=["one line", "cut to GitHub's limit", "between whole characters"],
)
def test_a_title_is_one_line_of_256_characters_at_most(template: str, expected: str | None) -> None:
    made = title(TOLD, Manners(title=template))
    assert len(made) <= 256
    assert made == expected if expected else made.removesuffix("...")[-1] == "\u0301"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(story(), "Promote vault release to v0.28.1", id="alone in its repository"),
        pytest.param(replace(story(), shared=True), "Promote vault release to v0.28.1 (home)", id="beside others"),
        pytest.param(TOLD, "Promote vault release to v0.29.0 (home)", id="one v is enough"),
    ],
)
def test_titles_read_as_they_always_did(one: object, expected: str) -> None:
    assert title(one, Manners()) == expected  # type: ignore[arg-type]  # the table has stories


# --- what they cannot do ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ nmae }}", "'nmae' is undefined; known are promotion, shared, name, namespace,"),
        ("{{ tests[9].name }}", "tuple object has no element 9"),
        ("{% for t in tests %}{{ t.nmae }}{% endfor %}", "has no attribute 'nmae'"),
        ("a\n{{ name", "unexpected end of template, expected 'end of print statement'., in its line 2"),
        ("{% if %}", "Expected an expression, got 'end of statement block', in its line 1"),
        ("{{ name | shout }}", "No filter named 'shout'., in its line 1"),
        ("{{ name is odd }}", "No test named 'odd'., in its line 1"),
        ("", "it makes no words at all"),
        (" \n{% if false %}x{% endif %}", "it makes no words at all"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ name + 1 }}", "can only concatenate str"),
        ("{% for x in 5 %}{% endfor %}", "'int' object is not iterable"),
        ("{{ name | truncate(1) }}", "expected length >= 3, got 1"),
        ("{{ tests | sort }}", "'<' not supported between instances of 'Run' and 'Run'"),
        ("{{ 9" + "9" * 5000 + " }}", "Exceeds the limit (4300 digits)"),
        ("{{ " + "(" * 500 + "1" + ")" * 500 + " }}", "maximum recursion depth"),
        ("{% for a in tests %}" * 25 + "x" + "{% endfor %}" * 25, "too many statically nested blocks"),
        ("{% include 'x' %}", "there is no include here: templates have {{ }}, {% if %}, {% for %} and {% set %}"),
        ("{% import 'x' as x %}", "there is no import here"),
        ("{% extends 'x' %}", "there is no extends here"),
        ("{% macro m() %}{{ m() }}{% endmacro %}", "there is no macro here"),
        ("{% block b %}{% endblock %}", "there is no block here"),
        ("{% filter upper %}{% endfilter %}", "there is no filterblock here"),
        ("{% set x %}a{% endset %}", "there is no assignblock here"),
        ("{% for a in tests recursive %}{{ loop(tests) }}{% endfor %}", "there is no recursive for here"),
        ("{{ name.upper() }}", "there is no call here"),
        ("{{ range(9) }}", "there is no call here"),
        ("{{ name.upper }}", "access to attribute 'upper' of 'str' object is unsafe."),
        ("{{ name.__class__ }}", "access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ tests | map(attribute='__class__') | join }}", "attribute '__class__' of 'Run' object is unsafe."),
        ("{{ name * 9999999999 }}", "templates do not compute, so there is no *"),
        ("{{ 9 ** 9 ** 9 ** 9 }}", "templates do not compute, so there is no **"),
        ("{{ '%99999999d' % 1 }}", "templates do not compute, so there is no %"),
        ("{{ name | center(9999999999) }}", "No filter named 'center'."),
        ("{{ tests | random }}", "No filter named 'random'."),
        ("{{ ('a' | replace('a', 'a' ~ name)) | safe }}", "No filter named 'safe'."),
        ("{% for a in path %}{% for b in path %}{% for c in path %}xxxxxxxx{% endfor %}{% endfor %}{% endfor %}",
         "it makes over 100000 characters"),
    ],
)  # fmt: skip
def test_a_template_that_cannot_be_filled_in_says_why(template: str, reason: str) -> None:
    with pytest.raises(WordsError) as error:
        filled(template)
    assert reason in str(error.value)
    assert "\n" not in str(error.value)


def test_replacing_cannot_make_much_of_little() -> None:
    bomb = "{% set a = chart | replace('', chart) %}{% set b = a | replace('', a) %}{{ b | replace('', b) }}"
    with pytest.raises(WordsError, match="replace makes too much of it"):
        fill(bomb, facts(story(chart="v" * 200)))


SNIPPETS = (
    *("{{ name }}", "{{ tests }}", "{{ chart | ", "upper }}", " }}", "{% for t in tests %}", "{% endfor %}", "{{ loop"),
    *("{% if shared %}", "{% else %}", "{% endif %}", "{{ t.name }}", "{% set x = ", "1 %}", "{{ x }}", "{# ", " #}"),
    *("{{ '' ~ gates }}", "{{ tests | join(", "', ') }}", "{{ between | map(attribute='version')", " | list", "text\n"),
    *("{{ name[", "5]", "['a']", " if shared", " else 'b'", "{% raw %}", "{% endraw %}", "{{ {}", "{{ [1]", " | sort"),
)


@given(st.lists(st.sampled_from(SNIPPETS), max_size=8).map("".join) | st.text(max_size=60))
def test_a_template_that_was_tried_has_words_and_any_other_is_refused(template: str) -> None:
    try:
        tried(template)
    except WordsError:
        return
    assert filled(template).strip()


@given(st.text(max_size=300), st.text(max_size=300))
def test_what_was_tried_with_samples_is_filled_in_whatever_a_cluster_says(chart: str, hook: str) -> None:
    words = "{{ chart }}{% for t in tests %}{{ t.name | upper | truncate(9) }}{% endfor %}{{ name }}"
    manners = Manners(title=tried(words), body=words, commit_message=words)
    one = story(chart=chart, proven=proof(tests=(Hook(hook, hook),) * 50, app=hook))
    assert title(one, manners)
    assert told(one, manners)
    assert body(one, manners)


# --- the guide -------------------------------------------------------------------------------------------------------


def test_the_guide_names_all_that_templates_may_say() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text().partition("| name | what it is |")[2]
    rows = guide.partition("\n\n")[0].splitlines()
    named = [name for row in rows[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert named == list(facts(TOLD))


def test_the_guide_names_every_filter() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text()
    listed = re.search(r"the filters (.*?)\. They neither", guide, re.DOTALL)
    assert listed is not None
    assert re.findall(r"`(\w+)`", listed[1]) == sorted(FILTERS)
