from __future__ import annotations

import io
import json
import os
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from reconciler import terminal
from reconciler.core.drift import Unit
from reconciler.core.model import (
    Commit,
    Disarm,
    Doubt,
    Edit,
    Evidence,
    Failure,
    Gate,
    Hold,
    Hook,
    InSync,
    Key,
    Open,
    Pin,
    Plan,
    Proof,
    Proposed,
    PullRequest,
    Reason,
    State,
    Subject,
)
from reconciler.core.report import Explanation
from reconciler.core.version import Version
from reconciler.core.yaml import Scalar

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden" / "terminal"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=5)
DIFF = """\
--- a/apps/vault/production/helm.yaml
+++ b/apps/vault/production/helm.yaml
@@ -6,7 +6,7 @@ metadata:
 spec:
   chart:
     spec:
-      version: "0.28.0" # a comment that is so long that no terminal of eighty columns could ever show it in one line
+      version: "0.28.1" # a comment that is so long that no terminal of eighty columns could ever show it in one line
   values:
     server:
       ha: {enabled: true, replicas: 3}
"""


def console(width: int, *, colour: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
    )


def text_of(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def subject(name: str = "vault/vault", **more: object) -> Subject:
    key = Key(*name.split("/"))
    fields: dict = {
        "promotion": "home",
        "releases": (key,),
        "chart": key.name,
        "from_": "0.28.0",
        "to": "0.28.1",
        "branch": f"helm-promotion/home/{name}",
        "ledger_ref": f"refs/helm-promoter/home/{name}",
        "title": f"Promote {key.name} release to v0.28.1",
    }
    return Subject(**(fields | more))


def opened(**more: object) -> Open:
    edit = Edit("apps/vault/production/helm.yaml", "", "", DIFF)
    return Open(subject(**more), "0" * 40, (edit,), Commit("", NOW))


def hold(name: str, reason: Reason = Reason.TESTS_FAILED, message: str = "test hook x failed", **more: object) -> Hold:
    fields: dict = {"from_": "19.6.3", "to": "19.6.4"}
    return Hold("home", Key(*name.split("/")), reason, message, **(fields | more))


FULL = Plan(
    NOW,
    actions=(
        opened(),
        Disarm(
            subject(
                "a-namespace-with-a-long-name/a-release-whose-name-is-longer-than-most",
                reason=Reason.TESTS_FAILED,
                message="test hook redis-test failed in revision 7",
            ),
            Commit("", NOW),
        ),
    ),
    holds=(
        hold("monitoring/kube-prometheus-stack", Reason.TESTS_DISABLED, "staging does not test 69.3.2: disabled"),
        hold("redis/redis", message="test hook redis-test failed in revision 7"),
        hold("web/web", Reason.SOAKING, "proven since 2026-03-01 07:00:00Z", until=LATER),
    ),
    in_sync=(InSync("home", Key("harbor", "harbor"), "1.16.2"),),
    proposed=(
        Proposed(
            "home",
            Key("nextcloud", "nextcloud"),
            "6.0.0",
            "6.0.3",
            State.ARMED,
            "helm-promotion/home/nextcloud/nextcloud",
        ),
    ),
    errors=(
        Failure("home", "apps/broken/helm.yaml", "apps/broken/helm.yaml: line 3: a tab; the file is left alone"),
        Failure("office", "staging", "the cluster does not answer", fatal=True),
    ),
)
PROOF = Proof(
    Version.parse("0.28.1"),
    "0.28.1",
    7,
    NOW - timedelta(days=1),
    hooks=(Hook("vault-server-test", "Succeeded", NOW - timedelta(days=1, seconds=12), NOW - timedelta(days=1)),),
)
EVIDENCE = Evidence(
    Key("vault", "vault"),
    chart="vault",
    deployed=Version.parse("0.28.2"),
    proofs=(PROOF, replace(PROOF, version=Version.parse("0.28.0"), text="0.28.0", revision=6, since=None, hooks=())),
    doubts=(Doubt(Reason.TESTS_RUNNING, Version.parse("0.28.2"), "revision 8 with 0.28.2 has not been tested yet"),),
)
PIN = Pin(
    "apps/vault/production/helm.yaml",
    Scalar("0.28.0", 10, 18, 9, 9, '"', None, None),
    Version.parse("0.28.0"),
    "vault",
    "apps/vault/base/release.yaml:1",
)
UNIT = Unit("home", PIN, (EVIDENCE, replace(EVIDENCE, key=Key("vault", "vault-dr"))))
GATES = (
    Gate("prerelease", ok=True),
    Gate("soak", ok=False, reason=Reason.SOAKING, message="proven since 2026-02-28 12:00:00Z", until=LATER),
)
PULL = PullRequest(7, "https://git.example.com/fleet/pull/7", "open")
EXPLANATIONS = (
    Explanation("home", Key("vault", "vault"), EVIDENCE, UNIT, (GATES[0],), opened()),
    Explanation(
        "office",
        Key("vault", "vault"),
        EVIDENCE,
        UNIT,
        GATES,
        hold("vault/vault", Reason.SOAKING, "soaks", until=LATER),
    ),
    Explanation(
        "shore",
        Key("vault", "vault"),
        replace(EVIDENCE, suspended=True),
        None,
        (),
        Proposed("shore", Key("vault", "vault"), "0.28.0", "0.28.1", State.PAUSED, "helm-promotion/x", PULL),
    ),
    Explanation("yard", Key("vault", "vault"), None, None, (), InSync("yard", Key("vault", "vault"), "0.28.1")),
    Explanation("zoo", Key("vault", "vault"), Evidence(Key("vault", "vault")), None, (), None),
)


def assert_golden(name: str, text: str) -> None:
    """Compare with a golden file, but for blanks at the ends of lines. UPDATE_GOLDEN=1 writes it anew."""
    path = GOLDEN / name
    text = "".join(f"{line.rstrip()}\n" for line in text.split("\n")).rstrip("\n") + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("width", [80, 200])
def test_a_plan_reads_well(width: int) -> None:
    screen = console(width)

    terminal.show_plan(screen, FULL)

    assert_golden(f"plan-{width}.txt", text_of(screen))


@pytest.mark.parametrize("width", [80, 200])
def test_an_explanation_reads_well(width: int) -> None:
    screen = console(width)

    terminal.show_explanations(screen, EXPLANATIONS)

    assert_golden(f"explain-{width}.txt", text_of(screen))


@pytest.mark.parametrize("name", ["plan", "explain"])
def test_colour_tells_good_from_bad(name: str) -> None:
    screen = console(80, colour=True)

    if name == "plan":
        terminal.show_plan(screen, FULL)
    else:
        terminal.show_explanations(screen, EXPLANATIONS)

    assert_golden(f"{name}-80-colour.txt", text_of(screen))


def test_many_holds_are_counted_by_reason_and_none_goes_unmentioned() -> None:
    many = tuple(hold(f"apps/release-{number:03}", Reason.TESTS_DISABLED, "no tests") for number in range(190))
    others = tuple(hold(f"redis/redis-{number}") for number in range(2))
    screen = console(120)

    terminal.show_plan(screen, Plan(NOW, holds=(*many, *others)))

    assert_golden("many-holds-120.txt", text_of(screen))


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_width_cuts_anything(width: int) -> None:
    screen = console(width)

    terminal.show_plan(screen, FULL)

    shown = "".join(text_of(screen).split())
    for word in (
        "a-release-whose-name-is-longer-than-most",
        "test hook redis-test failed in revision 7",
        "tests-disabled",
        "could ever show it in one line",
    ):
        assert "".join(word.split()) in shown
    assert "…" not in shown


def test_a_pipe_has_no_margin() -> None:
    stream = io.StringIO()
    message = "a word " * 100

    terminal.show_plan(terminal.screen(stream, {}), Plan(NOW, holds=(hold("redis/redis", message=message.strip()),)))

    assert f"  home redis/redis: {message.strip()}\n" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


HOSTILE = {
    "a colour": ("\x1b[31mred", "\\x1b[31mred"),
    "a title of the window": ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
    "an eight-bit escape": ("\x9b2J", "\\x9b2J"),
    "text turned around": ("\u202eabc", "\\u202eabc"),
    "a line of its own": ("a\r\nb", "a\\r\\nb"),
    "markup of rich": ("[bold]x[/bold] :smile:", "[bold]x[/bold] :smile:"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_a_terminal_never_obeys_foreign_text(text: str, shown: str) -> None:
    screen = console(1000, colour=True)
    key = Key("n", text)
    one = replace(hold("redis/redis", message=text), release=key, from_=text, to=text)
    diff = "--- a\n+++ b\n" + "".join(f"+{line}\n" for line in text.split("\n"))
    action = replace(opened(title=text, branch=text, chart=text), edits=(Edit("x", "", "", diff),))
    evidence = Evidence(key, chart=text, doubts=(Doubt(Reason.STALE, None, text),))

    terminal.show_plan(screen, Plan(NOW, (action,), (one,), errors=(Failure("home", text, text, fatal=True),)))
    terminal.show_explanations(screen, (Explanation("home", key, evidence, None, (Gate("g", True, None, text),), one),))

    assert text_of(screen).count(shown) >= 8
    for character in "\x07\r\x9b\u202e":
        assert character not in text_of(screen)
    assert "\x1b]" not in text_of(screen)
    assert "\x1b[31mred" not in text_of(screen)


def test_the_document_is_json_that_a_terminal_would_not_obey_either() -> None:
    stream = io.StringIO()
    message = "Größe \x1b[31m \x9b \u202e \udcff"

    terminal.show_json(terminal.screen(stream, {}), Plan(NOW, holds=(hold("redis/redis", message=message),)))

    assert json.loads(stream.getvalue())["holds"][0]["message"] == message
    assert '  "holds": [\n' in stream.getvalue()
    assert stream.getvalue().endswith("}\n")
    assert "Größe" in stream.getvalue()
    assert all(sign.isprintable() or sign == "\n" for sign in stream.getvalue())


# --- progress --------------------------------------------------------------------------------------------------------


class Clock:
    """A timer that goes off when the test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.ring: Callable[[], None] | None = None

    def __call__(self, seconds: float, ring: Callable[[], None]) -> Clock:
        self.seconds, self._ring = seconds, ring
        return self

    def start(self) -> None:
        self.ring = self._ring

    def cancel(self) -> None:
        self.ring = None


def test_after_two_seconds_a_terminal_shows_what_the_pass_is_at() -> None:
    screen, clock = console(80, colour=True), Clock()

    with terminal.progress(screen, clock) as progress:
        progress("reading staging")
        before = text_of(screen)
        assert clock.ring is not None
        clock.ring()
        after = text_of(screen)

    assert clock.seconds == 2
    assert before == ""
    assert "reading staging" in after
    assert text_of(screen).removesuffix("\x1b[?25h").endswith("\x1b[1A\x1b[2K")  # the line is taken away again


def test_work_that_is_done_in_time_shows_nothing() -> None:
    screen, clock = console(80, colour=True), Clock()

    with suppress(ZeroDivisionError), terminal.progress(screen, clock) as progress:
        progress("reading staging")
        raise ZeroDivisionError

    assert clock.ring is None
    assert text_of(screen) == ""


def test_a_timer_that_goes_off_as_the_work_ends_shows_nothing() -> None:
    screen, clock = console(80, colour=True), Clock()

    with terminal.progress(screen, clock) as progress:
        progress("reading staging")
        late = clock.ring
    assert late is not None
    late()

    assert "reading" not in text_of(screen)


@pytest.mark.parametrize("environ", [{"TERM": "dumb"}, {}], ids=["a dumb terminal", "a pipe"])
def test_there_is_no_progress_where_nobody_could_see_it(environ: dict[str, str]) -> None:
    screen = Console(file=io.StringIO(), force_terminal=bool(environ), _environ=environ)
    clock = Clock()

    with terminal.progress(screen, clock) as progress:
        progress("reading staging")
        assert clock.ring is None

    assert text_of(screen) == ""
