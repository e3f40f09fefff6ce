"""The user's own words: Jinja2 templates, in a sandbox that leaves nothing but words. The only door to jinja2.

A template sees text, and lists of text. It can neither call nor compute with anything, so that it takes as long as it
looks; and what it shows of a value is inert, wherever it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NoReturn

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from reconciler.core.pull_request.markdown import cut, inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jinja2 import Template

_MOST: Final = 100_000
"""Characters that a template may make; more are on no pull request."""
_TOLD: Final = 200
FILTERS: Final = frozenset(
    {
        *("capitalize", "default", "first", "join", "last", "length", "lower", "map", "reject", "rejectattr"),
        *("replace", "select", "selectattr", "sort", "title", "trim", "truncate", "unique", "upper"),
    }
)
"""What templates may do to a value: nothing that makes much of little, or a different thing every time."""
_TESTS: Final = ("defined", "undefined", "eq", "ne", "in")
_KNOWN: Final = "templates have {{ }}, {% if %}, {% for %} and {% set %}, and filters instead of calls"
_FAULTS: Final = (
    *(TemplateError, ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, SyntaxError),
    *(TypeError, ValueError),
)
"""All that a template may raise: it is a program of the user's, and jinja2 lets its mistakes through."""


class WordsError(ValueError):
    """A template cannot be filled in. Its text says why, on one line."""


@dataclass(frozen=True, slots=True)
class Run:
    """A test that staging ran, as templates see it. ``took`` is empty where its times are unknown."""

    name: str
    phase: str
    took: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gate says, as templates see it."""

    gate: str
    message: str


@dataclass(frozen=True, slots=True)
class Passed:
    """A version between the two, as templates see it."""

    version: str
    proven: bool


Fact = str | bool | tuple[str, ...] | tuple[Run, ...] | tuple[Answer, ...] | tuple[Passed, ...]


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 without what makes much of little, or anything but text."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: object, operator: str, left: object, right: object) -> NoReturn:  # noqa: ARG002 - jinja2's signature
        raise SecurityError(f"templates do not compute, so there is no {operator}")

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        return super().is_safe_attribute(obj, attr, value) and not callable(value)


def _replace(text: str, old: str, new: str) -> str:
    """Replace a text in another, as jinja2 does, within bounds."""
    if len(text) + text.count(old) * len(new) > _MOST:
        raise SecurityError("replace makes too much of it")
    return text.replace(old, new)


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=lambda value: inert(str(value)),
    )
    sandbox.globals.clear()
    sandbox.filters = {name: sandbox.filters[name] for name in FILTERS} | {"replace": _replace}
    sandbox.tests = {name: sandbox.tests[name] for name in _TESTS}
    return sandbox


_SANDBOX: Final = _sandbox()


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    tree = _SANDBOX.parse(text)
    for node in tree.find_all((nodes.Stmt, nodes.Call)):
        plain = isinstance(node, nodes.Output | nodes.If | nodes.Assign)
        if not plain and not (isinstance(node, nodes.For) and not node.recursive):
            kind = "recursive for" if isinstance(node, nodes.For) else type(node).__name__.lower()
            raise TemplateSyntaxError(f"there is no {kind} here: {_KNOWN}", node.lineno)
    spoken = _Spoken().visit(tree).set_environment(_SANDBOX)
    return _SANDBOX.from_string(spoken)


class _Spoken(NodeTransformer):
    """Lets the template's own words out of ``{{ }}`` as they are: only values have to be made inert."""

    def visit_Output(self, node: nodes.Output) -> list[nodes.Stmt]:  # noqa: N802 - jinja2's way
        return [self._said(expression) for expression in node.nodes]

    def _said(self, expression: nodes.Expr) -> nodes.Stmt:
        at = expression.lineno
        match expression:
            case nodes.Const(value=str(words)):
                return nodes.Output([nodes.TemplateData(words, lineno=at)], lineno=at)
            case nodes.CondExpr(test=test, expr1=then, expr2=otherwise):
                rest = [self._said(otherwise)] if otherwise else []
                return nodes.If(test, [self._said(then)], [], rest, lineno=at)
        return nodes.Output([expression], lineno=at)


def fill(template: str, facts: Mapping[str, Fact]) -> str:
    """Fill a template in.

    Raises:
        WordsError: it is no template, knows a name that is none, or makes nothing, or too much.
    """
    try:
        text = _collected(_compiled(template).generate(facts))
    except _FAULTS as error:
        raise WordsError(cut(" ".join(str(error).split()), _TOLD) + _where(error, facts)) from error
    if not text.strip():
        raise WordsError("it makes no words at all")
    return text


def _where(error: Exception, facts: Iterable[str]) -> str:
    """Say where to look: in a line of the template, or among the names that there are."""
    if isinstance(error, UndefinedError):
        return f"; known are {', '.join(facts)}"
    return f", in its line {error.lineno}" if isinstance(error, TemplateSyntaxError) else ""


def _collected(parts: Iterable[str]) -> str:
    """Put the parts of a text together, and stop where it grows beyond all bounds."""
    text, size = [], 0
    for part in parts:
        size += len(part)
        if size > _MOST:
            raise SecurityError(f"it makes over {_MOST} characters")
        text.append(part)
    return "".join(text)
