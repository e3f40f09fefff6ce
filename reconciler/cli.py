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
    from reconciler.reconcile import Pass, Reader, Route

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
def run(config: _Config, *, once: _Once = False, dry_run: _DryRun = False) -> None:
    """Promote, now and every interval, until SIGTERM. All that it tells are log lines on stderr."""
    from reconciler import logs, loop
    from reconciler.config import environment
    from reconciler.reconcile import Reader

    settings = _settings(config)
    routes, reader, journal = _routes(settings), Reader(), logs.Journal()
    logs.configure(sys.stderr, environment())

    def work() -> bool:
        return loop.one_pass(lambda at: _pass(routes, reader, at, dry_run=dry_run), journal.tell)

    if once:
        raise typer.Exit(_DONE if work() else _FAILED)
    loop.forever(work, settings.interval)


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
    first = _pass(routes, reader, _now())
    pushed = stage.pushed(folder, environment())
    second = _pass(routes, reader, _now())
    again = "helm-promoter" if shutil.which("helm-promoter") else f"{sys.executable} -m reconciler"
    terminal.show_demo(terminal.screen(sys.stdout, environment()), config, (first, second), pushed, again)
    raise typer.Exit(_FAILED if first.failed or second.failed or second.plan.actions else _DONE)


# --- putting it together -------------------------------------------------------------------------------------------


def _settings(file: Path) -> Settings:
    from reconciler.config import ConfigError, environment, load

    try:
        return load(file, environment())
    except ConfigError as error:
        _refuse(str(error).splitlines())


def _routes(settings: Settings) -> tuple[Route, ...]:
    from reconciler.config import environment, missing_files
    from reconciler.worlds import Worlds

    if faults := missing_files(settings):
        _refuse(faults)
    return Worlds(settings.cache, environment(), _now).routes(settings)


def _look(config: Path) -> Pass:
    """Observe and plan, for a person who waits."""
    from reconciler import terminal
    from reconciler.config import environment
    from reconciler.reconcile import Reader, observe

    routes = _routes(_settings(config))
    with terminal.progress(terminal.screen(sys.stderr, environment())) as progress:
        return observe(routes, Reader(), _now(), progress)


def _pass(routes: Sequence[Route], reader: Reader, at: datetime, *, dry_run: bool = False) -> Report:
    from reconciler.reconcile import reconcile

    return reconcile(routes, reader, at, lambda _: None, dry_run=dry_run)


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
