from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.selector import Selector

LABELS = {"app": "vault", "tier": "back", "replicas": "3", "example.com/team": "home", "in": "in", "empty": ""}

# What k8s.io/apimachinery v0.34 answers.
SELECTED = {
    "nothing asked admits all": ("", True),
    "blanks ask nothing": (" \t\r\n", True),
    "a key with its value": ("app=vault", True),
    "a key with another value": ("app=redis", False),
    "two equal signs are one": ("app==vault", True),
    "equality needs the key": ("missing=vault", False),
    "nothing after the sign is the empty value": ("empty=", True),
    "the empty value is not any value": ("app=,tier=back", False),
    "not this value": ("app!=redis", True),
    "not this value, but it is": ("app!=vault", False),
    "a missing key is not this value": ("missing!=vault", True),
    "one of a set": ("app in (redis,vault)", True),
    "none of a set": ("app in (redis, minio)", False),
    "a set needs the key": ("missing in (a)", False),
    "an empty set holds the empty value": ("empty in ()", True),
    "a set may hold the empty value": ("empty in (a,)", True),
    "an odd run of commas is empty values": ("empty in (,,,)", True),
    "outside of a set": ("app notin (redis)", True),
    "outside of a set, but it is inside": ("app notin (redis,vault)", False),
    "a missing key is outside of every set": ("missing notin (a)", True),
    "a set may follow the operator at once": ("app in(vault)", True),
    "an operator's word as key and value": ("in in (in),in=in,in", True),
    "a key exists": ("app", True),
    "a key does not exist": ("!missing", True),
    "a key exists after all": ("! app", False),
    "a missing key does not exist": ("missing", False),
    "a key with a prefix": ("example.com/team=home", True),
    "all of several": ("app=vault , tier in (back),!canary", True),
    "all but one of several": ("app=vault,tier=front", False),
    "more than a number": ("replicas>2", True),
    "not more than a number": ("replicas>3", False),
    "less than a number": ("replicas < 10", True),
    "a text is no number": ("app>1", False),
    "a missing key is no number": ("missing<1", False),
}


@pytest.mark.parametrize(("text", "selected"), SELECTED.values(), ids=SELECTED.keys())
def test_a_selector_answers_as_kubernetes_does(text: str, selected: bool) -> None:
    assert Selector.parse(text).matches(LABELS) is selected


LIKE = "; write it like app=vault,tier in (a,b),!canary"
KEY = ' is not a label key; it is made of letters, digits, "-", "_" and ".", 63 at most'
VALUE = ' is not a label value; it has letters, digits, "-", "_" and ".", 63 at most'

REFUSED = {
    "two values": ("a=b c", 'it cannot be read at "c"' + LIKE),
    "a final comma": ("a=b,", "it cannot be read at its end" + LIKE),
    "a lone comma": (",", 'it cannot be read at ","' + LIKE),
    "an operator without a set": ("a in", 'it cannot be read at "in"' + LIKE),
    "an open set": ("a in (b", 'it cannot be read at "in (b"' + LIKE),
    "an operator in a set": ("a in (b=c)", 'it cannot be read at "in (b=c)"' + LIKE),
    "a set without an operator": ("a (b)", 'it cannot be read at "(b)"' + LIKE),
    "a word that only ends in an operator": ("xin (a)", 'it cannot be read at "(a)"' + LIKE),
    "a negated requirement": ("!a=b", 'it cannot be read at "=b"' + LIKE),
    "a value that is negated": ("a=!b", 'it cannot be read at "=!b"' + LIKE),
    "two words in a set": ("a in (b c)", '"b c"' + VALUE),
    "an even run of commas": ("a in (b,,)", '"(b,,)" ends in an empty value; take a comma away'),
    "a key that starts with a hyphen": ("-a=b", '"-a"' + KEY),
    "a key without a name": ("a/=b", '"a/"' + KEY),
    "a prefix in capitals": ("A.b/c", '"A.b/c"' + KEY),
    "two prefixes": ("a/b/c", '"a/b/c"' + KEY),
    "a key of 64 signs": ("k" * 64, f'"{"k" * 64}"' + KEY),
    "a value with a slash": ("a=b/c", '"b/c"' + VALUE),
    "a value of 64 signs": (f"a={'v' * 64}", f'"{"v" * 64}"' + VALUE),
    "a letter that is not ASCII": ("a=é", '"é"' + VALUE),
    "a bound that is no number": ("a>b", '"a>" needs a whole number, not "b"'),
    "no bound": ("a<", '"a<" needs a whole number, not ""'),
    "a bound beyond 64 bits": ("a>9223372036854775808", '"a>" needs a whole number, not "9223372036854775808"'),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_kubernetes_refuses_is_refused_with_a_sentence(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Selector.parse(text)


WORDS = st.from_regex(r"[a-z]([-a-z0-9_.]{0,8}[a-z0-9])?", fullmatch=True)
LABEL_SETS = st.dictionaries(WORDS, WORDS, max_size=4)


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3), LABEL_SETS)
def test_in_and_notin_are_opposites(key: str, values: list[str], labels: dict[str, str]) -> None:
    inside = Selector.parse(f"{key} in ({','.join(values)})")
    outside = Selector.parse(f"{key} notin ({','.join(values)})")

    assert inside.matches(labels) is not outside.matches(labels)
    assert inside.matches(labels | {key: values[-1]})


@given(st.text(st.sampled_from("ab=!(),<> in\tnot5/-"), max_size=20))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    try:
        selector = Selector.parse(text)
    except ValueError:
        return

    assert Selector.parse(f" {text} ") == selector
