"""What a person reads: the plan, one release in full, and what a pass is at. The only door to rich.

Text of a cluster, a repository or a user goes through ``printable`` and into ``Text``, never into markup.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from contextlib import contextmanager
from threading import Lock, Timer
from typing import TYPE_CHECKING, Final, Literal, TextIO

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from reconciler.core.model import Action, Hold, InSync, Open, Proposed, Rearm, Update
from reconciler.core.report import advice, document, held_by_reason, printable, timestamp, verb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Protocol

    from reconciler.core.model import Answer, Evidence, Failure, Plan, Reason
    from reconciler.core.report import Explanation, Report

    _Row = Action | Hold | Proposed

    class Delayed(Protocol):
        """Something that happens later, unless it is cancelled: a ``threading.Timer``."""

        def start(self) -> None:
            """Begin to wait."""

        def cancel(self) -> None:
            """Let it not happen."""


_FEW_HOLDS: Final = 20
"""More than this, and they are counted by reason, with examples."""
_EXAMPLES: Final = 3
_WIDE_ENOUGH: Final = 100
"""Columns from which on a table has room for the chart."""
_UNBOUND: Final = 100_000
"""Columns of a pipe: whoever reads it has no right margin, and a cut or folded line could not be searched."""
_PATIENCE: Final = 2.0
"""Seconds of work before progress is shown."""
_STYLES: Final = {"open": "green", "update": "green", "rearm": "green", "pause": "yellow", "disarm": "red", "close": ""}
_DIFF: Final = {"+++": "bold", "---": "bold", "@@": "cyan", "+": "green", "-": "red"}
_UNSAFE_IN_JSON: Final = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """Let the program end as it would have: whoever closed the pipe, as ``head`` does, has read enough."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def screen(file: TextIO, environ: Mapping[str, str]) -> Console:
    """Make the console for a stream: coloured and as wide as the terminal, or plain and unbound."""
    console = _Screen(file=file, highlight=False, markup=False, emoji=False)
    if not file.isatty() and "COLUMNS" not in environ:
        console.width = _UNBOUND
    return console


def show_json(console: Console, plan: Plan) -> None:
    """Print a plan as one JSON document. What a terminal would obey is written as an escape of JSON."""
    text = json.dumps(document(plan), indent=2, ensure_ascii=False)
    try:
        console.file.write(_UNSAFE_IN_JSON.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text) + "\n")
        console.file.flush()
    except BrokenPipeError:
        console.on_broken_pipe()


# --- progress ------------------------------------------------------------------------------------------------------


@contextmanager
def progress(
    console: Console, later: Callable[[float, Callable[[], None]], Delayed] = Timer
) -> Iterator[Callable[[str], None]]:
    """Tell a person what takes so long, after two seconds; on a pipe or a dumb terminal nothing.

    Args:
        console: where to.
        later: makes something happen after some seconds.
    """
    spinner, lock = Spinner("dots"), Lock()
    live = Live(spinner, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    done = False

    def show() -> None:
        with lock:
            if not done:
                live.start(refresh=True)

    timer = later(_PATIENCE, show)
    if console.is_interactive:
        timer.start()
    try:
        yield lambda what: spinner.update(text=Text(what))
    finally:
        timer.cancel()
        with lock:
            done = True
            live.stop()


# --- the plan ------------------------------------------------------------------------------------------------------


def show_plan(console: Console, plan: Plan) -> None:
    """Show a plan: a table, the reasons, each change as a diff, the errors, and what to do next."""
    few = len(plan.holds) <= _FEW_HOLDS
    rows: tuple[_Row, ...] = (*plan.actions, *plan.proposed, *(plan.holds if few else ()))
    if rows:
        _print_table(console, _table(rows, wide=console.width >= _WIDE_ENOUGH))
        console.print()
    for reason, _ in held_by_reason(plan.holds):
        _show_held(console, reason, [hold for hold in plan.holds if hold.reason is reason], few=few)
    for action in plan.actions:
        _show_action(console, action)
    show_errors(console, plan.errors)
    _show_summary(console, plan)


def _print_table(console: Console, table: Table | Padding) -> None:
    """Print a table; on a pipe without the blanks that fill its last column."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    console.print(Text("\n".join(map(str.rstrip, captured.get().splitlines()))), soft_wrap=True)


def _table(answers: Iterable[_Row], *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("PROMOTION", "RELEASE", *(["CHART"] if wide else []), "FROM", "TO", "ANSWER"):
        table.add_column(name, overflow="fold", no_wrap=name in {"PROMOTION", "ANSWER"})
    for answer in answers:
        promotion, release, chart, from_, to = _facts(answer)
        row = (promotion, release, *([chart] if wide else []), from_, to)
        table.add_row(*(Text(printable(text)) for text in row), _word(answer))
    return table


def _facts(answer: _Row) -> tuple[str, str, str, str, str]:
    """Give what identifies an answer: promotion, release, chart, from and to."""
    match answer:
        case Hold() | Proposed():
            return answer.promotion, str(answer.release), "", answer.from_ or "", answer.to or ""
        case _:
            subject = answer.subject
            releases = ", ".join(map(str, subject.releases))
            return subject.promotion, releases, subject.chart, subject.from_ or "", subject.to or ""


def _word(answer: _Row) -> Text:
    match answer:
        case Hold():
            return Text(answer.reason, "yellow")
        case Proposed():
            return Text(f"proposed, {answer.state}", "cyan")
        case _:
            return Text(verb(answer), _STYLES[verb(answer)])


def _show_held(console: Console, reason: Reason, holds: Sequence[Hold], *, few: bool) -> None:
    shown = holds if few else holds[:_EXAMPLES]
    console.print(Text(f"{reason} ({len(holds)})", "bold yellow"))
    for hold in shown:
        _indented(console, f"{hold.promotion} {hold.release}: {hold.message}")
    if left := len(holds) - len(shown):
        _indented(console, f"and {left} more: plan -o json lists them, explain tells of one")
    console.print()


def _indented(console: Console, what: str | Table) -> None:
    shown = Text(printable(what), overflow="fold") if isinstance(what, str) else what
    _print_table(console, Padding(shown, (0, 0, 0, 2), expand=False))


def _grid(*columns: Literal["left", "right"]) -> Table:
    """Make a table without lines or titles, the last column of which holds what is long."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    for place, justify in enumerate(columns, start=1):
        grid.add_column(justify=justify, overflow="fold", no_wrap=place < len(columns))
    return grid


def _show_action(console: Console, action: Action) -> None:
    subject = action.subject
    word = verb(action)
    heading = printable(f" {subject.branch}: {subject.title}")
    console.print(Text.assemble((word, _STYLES[word]), (heading, "bold")), soft_wrap=True)
    if subject.reason:
        _indented(console, f"{subject.reason}: {subject.message}")
    for edit in action.edits if isinstance(action, Open | Update | Rearm) else ():
        for line in edit.diff.removesuffix("\n").split("\n"):
            _show_line(console, line)
    console.print()


def _show_line(console: Console, line: str) -> None:
    """Print a line of a diff as it is: what is longer than the terminal is the terminal's to fold."""
    style = next((style for start, style in _DIFF.items() if line.startswith(start)), "")
    console.print(Text(printable(line), style), soft_wrap=True)


def show_errors(console: Console, errors: Sequence[Failure]) -> None:
    """Show what could not be read: what ends a promotion, and what sinks only itself."""
    for error in errors:
        word, style = ("unreadable", "bold red") if error.fatal else ("skipped", "bold yellow")
        about = "" if error.subject in error.message else f"{error.subject}: "
        console.print(Text.assemble((word, style), printable(f" {error.promotion}: {about}{error.message}")))
    if errors:
        console.print()


def _show_summary(console: Console, plan: Plan) -> None:
    _show_counts(console, plan)
    grid = _grid("right", "left", "left")
    for reason, count in held_by_reason(plan.holds):
        grid.add_row(str(count), reason, advice(reason))
    _indented(console, grid)


def _show_counts(console: Console, plan: Plan) -> None:
    verbs = Counter(map(verb, plan.actions))
    what = ", ".join(f"{count} to {word}" for word, count in verbs.items()) or "nothing to do"
    rest = (f"{len(plan.proposed)} proposed", f"{len(plan.holds)} held", f"{len(plan.in_sync)} in sync")
    errors = f"{len(plan.errors)} error{'' if len(plan.errors) == 1 else 's'}"
    console.print(Text(", ".join((what, *rest, errors)), "bold"))


# --- one release, in full ------------------------------------------------------------------------------------------


def show_explanations(console: Console, explanations: Iterable[Explanation]) -> None:
    """Show why a release is, or is not, promoted, for every promotion that it appears in."""
    for explanation in explanations:
        console.print(Text(printable(f"{explanation.release} in promotion {explanation.promotion}"), "bold"))
        grid = _grid("left", "left")
        for name, text in _parts(explanation):
            grid.add_row(Text(printable(name), "bold"), text if isinstance(text, Text) else Text(printable(text)))
        _indented(console, grid)
        console.print()
        if isinstance(explanation.answer, Action):
            _show_action(console, explanation.answer)


def _parts(explanation: Explanation) -> Iterator[tuple[str, str | Text]]:
    if explanation.evidence is not None:
        yield from _evidence(explanation.evidence)
    yield from _pin(explanation)
    for gate in explanation.gates:
        yield f"gate {gate.gate}", ": ".join(filter(None, ("open" if gate.ok else "shut", gate.message)))
    yield from _answer(explanation.answer)


def _evidence(evidence: Evidence) -> Iterator[tuple[str, str]]:
    deployed = f"{evidence.chart} {evidence.deployed}" if evidence.deployed else "nothing"
    yield "staging deploys", f"{deployed}, and is suspended" if evidence.suspended else deployed
    for proof in evidence.proofs:
        since = f" since {timestamp(proof.since)}" if proof.since else ""
        yield "proven", f"{proof.text} by revision {proof.revision}{since}"
        for hook in proof.hooks:
            yield "", f"{hook.name}: {hook.phase}{f' at {timestamp(hook.completed)}' if hook.completed else ''}"
    for doubt in evidence.doubts:
        yield "in doubt", f"{doubt.version or 'unknown'}: {doubt.reason}: {doubt.message}"


def _pin(explanation: Explanation) -> Iterator[tuple[str, str]]:
    unit = explanation.unit
    if unit is None:
        yield "pin", "none that could be edited"
        return
    yield "pin", f"{unit.pin.path}:{unit.pin.scalar.line}: {unit.pin.text}"
    others = [str(key) for key in unit.releases if key != explanation.release]
    if others:
        yield "", f"governs {', '.join(others)} too"


def _answer(answer: Answer | None) -> Iterator[tuple[str, str | Text]]:
    match answer:
        case None:
            yield "answer", "none: the promotion could not be observed"
        case Hold():
            yield "answer", _word(answer)
            yield "", answer.message
            if answer.until:
                yield "", f"until {timestamp(answer.until)}"
        case InSync():
            yield "answer", f"in sync at {answer.version}"
        case Proposed():
            where = answer.pull_request.url if answer.pull_request else answer.branch
            yield "answer", f"proposed, {answer.state}: {answer.from_} to {answer.to} by {where}"
        case _:
            yield "answer", Text.assemble(_word(answer), printable(f": {answer.subject.from_} to {answer.subject.to}"))


# --- the demo ------------------------------------------------------------------------------------------------------


def show_demo(console: Console, config: Path, passes: tuple[Report, Report], pushed: Iterable[str], again: str) -> None:
    """Tell what two passes over the demo's fleet did, and how to go on: ``again`` is how to call the program."""
    folder, (first, second) = config.parent, passes
    _heading(console, "First pass: what staging has proven becomes branches, the rest is held with a reason")
    show_plan(console, first.plan)
    _heading(console, f"Pushed to {folder}/fleet.git")
    for line in pushed:
        console.print(Text(line), soft_wrap=True)
    _heading(console, "Second pass: what stands is left alone")
    _show_counts(console, second.plan)
    _heading(console, "Look around, merge a branch, and plan again")
    for line in (
        f"git -C {folder}/fleet.git log --all --graph --patch",
        f"git -C {folder}/fleet pull origin {first.plan.actions[0].subject.branch}",
        f"git -C {folder}/fleet push origin main",
        f"{again} plan -c {config}",
    ):
        console.print(Text(line), soft_wrap=True)


def _heading(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}\n", "bold magenta"), soft_wrap=True)
