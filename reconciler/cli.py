"""The command line: reads the arguments, puts the program together, and answers with an exit code.

What a command does not need it does not import: ``--version`` answers at once.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

import reconciler

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reconciler.config import Settings
    from reconciler.core.model import Key
    from reconciler.core.report import Report
    from reconciler.live import Live
    from reconciler.loop import Heart, Timing
    from reconciler.reconcile import Pass, Progress, Reader, Route
    from reconciler.telemetry import Metrics

_DONE: Final = 0
_FAILED: Final = 1
_USAGE: Final = 2
_ACTIONS: Final = 3
_INTERRUPTED: Final = 130
_NEAR: Final = 3


class Output(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    JSON = "json"


_Config = Annotated[Path, typer.Option("--config", "-c", metavar="FILE", help="The config file.", show_default=False)]
_Output = Annotated[Output, typer.Option("--output", "-o", help="For a person, or one JSON document.")]
_ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 3 when there is an action.")]
_Once = Annotated[bool, typer.Option("--once", help="Make one pass; exit with 1 if it failed.")]
_Listen = Annotated[
    str | None,
    typer.Option(
        "--listen", metavar="ADDRESS", help="Answer /metrics, /healthz and /readyz there, such as at :8080. Loop only."
    ),
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Stop before anything is written.")]
_Release = Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="A staging release.", show_default=False)]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def main() -> None:
    """Run the program."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # it is the interpreter's own
    try:
        app()
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != _INTERRUPTED:
            raise
        typer.echo("interrupted", err=True)
        sys.exit(_INTERRUPTED)


def _version(value: bool) -> None:  # noqa: FBT001 - the signature that typer calls
    if value:
        typer.echo(f"helm-promoter {reconciler.__version__}")
        raise typer.Exit


@app.callback()
def program(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Carry the Helm chart versions that staging has proven to production, as branches or pull requests."""


# --- the commands --------------------------------------------------------------------------------------------------


@app.command()
def plan(config: _Config, output: _Output = Output.TABLE, *, exit_code: _ExitCode = False) -> None:
    """Print what a pass would do, and why not the rest. Writes nothing."""
    from reconciler import terminal
    from reconciler.config import environment

    seen = _look(config)
    show = terminal.show_plan if output is Output.TABLE else terminal.show_json
    show(terminal.screen(sys.stdout, environment()), seen.plan)
    if any(error.fatal for error in seen.plan.errors):
        raise typer.Exit(_FAILED)
    raise typer.Exit(_ACTIONS if exit_code and seen.plan.actions else _DONE)


@app.command()
def run(config: _Config, *, once: _Once = False, dry_run: _DryRun = False, listen: _Listen = None) -> None:
    """Promote, now and every interval, until SIGTERM. All that it tells are log lines on stderr."""
    from reconciler import logs, loop, telemetry
    from reconciler.config import environment
    from reconciler.reconcile import Reader, reconcile

    if once and listen:
        _refuse(["--listen goes with the loop; take --listen or --once away"])
    live, reader = _live(config), Reader()
    heart, journal, metrics = loop.Heart(), logs.Journal(), telemetry.Metrics(reconciler.__version__)
    metrics.tell_config(live.settings.interval, used=True)

    def told(settings: Settings, mistakes: Sequence[str]) -> None:
        journal.tell_config(mistakes)
        metrics.tell_config(settings.interval, used=not mistakes)

    def tell(report: Report | None, timing: Timing) -> None:
        if report is not None:
            journal.tell(report, timing.took)
        metrics.tell(report, timing.began, timing.took)
        metrics.tell_phases(timing.phases)

    def look_and_do(at: datetime, note: Progress) -> Report:
        live.renew(told)
        return reconcile(live.routes, reader, at, note, dry_run=dry_run)

    def work() -> bool:
        return loop.one_pass(look_and_do, tell)

    logs.configure(sys.stderr, environment())
    if once:
        raise typer.Exit(_DONE if loop.once(work, live.settings.active_deadline) else _FAILED)
    if listen:
        _serve(listen, metrics, heart)
    loop.forever(work, lambda: loop.Pace(live.settings.interval, live.settings.active_deadline), heart)


@app.command()
def explain(config: _Config, release: _Release) -> None:
    """Print why one release is, or is not, promoted. Writes nothing."""
    from reconciler import terminal
    from reconciler.config import environment
    from reconciler.core import report

    key = _key(release)
    seen = _look(config)
    found = report.explain(key, seen.plan, seen.assessments)
    fatal = [error for error in seen.plan.errors if error.fatal]
    if not found and not fatal:
        _refuse([_unknown(key, report.known(seen.plan, seen.assessments))])
    terminal.show_explanations(terminal.screen(sys.stdout, environment()), found)
    terminal.show_errors(terminal.screen(sys.stderr, environment()), fatal)
    raise typer.Exit(_FAILED if fatal else _DONE)


@app.command()
def check_config(config: _Config) -> None:
    """Print every mistake in the config file. Looks at nothing else."""
    count = len(_settings(config).promotions)
    _print(f"{config}: ok, {count} promotion{'' if count == 1 else 's'}\n")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the config file, for editors."""
    from reconciler.config import json_schema

    _print(json_schema())


@app.command()
def demo() -> None:
    """Try it on a small fleet in a temporary folder. Two passes: the second finds nothing to do."""
    from reconciler import demo as stage
    from reconciler import terminal
    from reconciler.config import environment
    from reconciler.ports import Refused
    from reconciler.reconcile import Reader

    folder = Path(tempfile.mkdtemp(prefix="helm-promoter-demo-"))
    try:
        config = stage.build(folder, environment())
    except Refused as refused:
        _refuse([str(refused)])
    routes, reader = _routes(replace(_settings(config), cache=folder / "cache")), Reader()
    first = _pass(routes, reader)
    pushed = stage.pushed(folder, environment())
    second = _pass(routes, reader)
    again = "helm-promoter" if shutil.which("helm-promoter") else f"{sys.executable} -m reconciler"
    terminal.show_demo(terminal.screen(sys.stdout, environment()), config, (first, second), pushed, again)
    raise typer.Exit(_FAILED if first.failed or second.failed or second.plan.actions else _DONE)


# --- putting it together -------------------------------------------------------------------------------------------


def _settings(file: Path) -> Settings:
    from reconciler.live import Unusable, settings_of

    try:
        return settings_of(file)
    except Unusable as error:
        _refuse(error.sentences)


def _live(file: Path) -> Live:
    from reconciler.live import Live, Unusable

    try:
        return Live.of(file, _built)
    except Unusable as error:
        _refuse(error.sentences)


def _routes(settings: Settings) -> tuple[Route, ...]:
    from reconciler.live import Unusable

    try:
        return _built(settings)
    except Unusable as error:
        _refuse(error.sentences)


def _built(settings: Settings) -> tuple[Route, ...]:
    """Make every promotion's way."""
    from reconciler.config import environment, missing_files
    from reconciler.live import Unusable
    from reconciler.worlds import Worlds

    if faults := missing_files(settings):
        raise Unusable(faults)
    return Worlds(settings.cache, environment(), _now).routes(settings)


def _serve(text: str, metrics: Metrics, heart: Heart) -> None:
    from reconciler.telemetry import Address, serve

    try:
        serve(Address.parse(text), metrics, heart.beats)
    except ValueError as error:
        _refuse([f"--listen: {error}"])
    except OSError as error:
        _refuse([f"--listen: cannot listen on {text} ({error.strerror}); give an address that is ours and free"])


def _look(config: Path) -> Pass:
    """Observe and plan, for a person who waits."""
    from reconciler import terminal
    from reconciler.config import environment
    from reconciler.reconcile import Reader, observe

    routes = _routes(_settings(config))
    with terminal.progress(terminal.screen(sys.stderr, environment())) as progress:
        return observe(routes, Reader(), _now(), progress)


def _pass(routes: Sequence[Route], reader: Reader) -> Report:
    from reconciler.reconcile import reconcile

    return reconcile(routes, reader, _now(), lambda _: None, dry_run=False)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the command line is where time comes from


# --- words ---------------------------------------------------------------------------------------------------------


def _print(text: str) -> None:
    from reconciler import terminal
    from reconciler.config import environment

    terminal.screen(sys.stdout, environment()).out(text, end="")


def _refuse(sentences: Iterable[str]) -> NoReturn:
    """End with what a person must mend: the arguments, the config file, or a file that it names."""
    from reconciler.core.report import printable

    for sentence in sentences:
        typer.echo(printable(sentence), err=True)
    raise typer.Exit(_USAGE)


def _key(text: str) -> Key:
    from reconciler.core.model import Key

    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        _refuse([f'"{text}" is no release: give NAMESPACE/NAME'])
    return Key(namespace, name)


def _unknown(key: Key, known: Sequence[Key]) -> str:
    """Say that a release is not known, and which are near: those of its name first."""
    namesakes = [str(other) for other in known if other.name == key.name]
    near = dict.fromkeys([*namesakes, *get_close_matches(str(key), map(str, known), _NEAR)])
    cure = f"near: {', '.join(list(near)[:_NEAR])}" if near else "look at namespaces and selector in the config"
    return f"no promotion's staging has the release {key}; {cure}"
