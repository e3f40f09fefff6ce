from __future__ import annotations

import io
import json
import logging
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from reconciler import logs
from reconciler.core.model import Close, Commit, Edit, Failure, Hold, InSync, Key, Open, Plan, Reason, Subject
from reconciler.core.report import Outcome, Report, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOOK = timedelta(seconds=1, microseconds=234_567)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the logging of the process as it was."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level, scheduler = root.level, logging.getLogger("apscheduler").level
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("apscheduler").setLevel(scheduler)


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    logs.configure(stream, {})
    return stream


def lines(stream: io.StringIO, event: str | None = None) -> list[dict[str, object]]:
    """Take out what was written so far, but for the times."""
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    stream.seek(0)
    stream.truncate()
    for line in found:
        assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() == timedelta(0)
    return [line for line in found if event is None or line["event"] == event]


def hold(name: str, reason: Reason = Reason.TESTS_FAILED, to: str = "2.0.0", promotion: str = "home") -> Hold:
    return Hold(promotion, Key("apps", name), reason, f"{reason} of {name}", "1.0.0", to)


def subject(name: str) -> Subject:
    branch = f"helm-promotion/home/apps/{name}"
    return Subject("home", (Key("apps", name), Key("apps", f"{name}-2")), name, "1.0.0", "2.0.0", branch, "", "")


def opened(name: str) -> Open:
    return Open(subject(name), "0" * 40, (Edit("x", "secret-before", "secret-after", ""),), Commit("", NOW))


def report(*holds: Hold, errors: tuple[Failure, ...] = (), outcomes: tuple[Outcome, ...] = ()) -> Report:
    in_sync = (InSync("home", Key("apps", "calm"), "1.0.0"),)
    return Report(Plan(NOW, tuple(one.action for one in outcomes), holds, in_sync, errors=errors), outcomes)


def test_a_pass_ends_in_one_line_with_all_counts(stream: io.StringIO) -> None:
    outcomes = (Outcome(opened("a"), Result.APPLIED), Outcome(Close(subject("b")), Result.APPLIED))
    holds = (hold("c"), hold("d"), hold("e", Reason.NO_TESTS))
    skipped = Failure("home", "apps/x.yaml", "apps/x.yaml: no YAML")

    logs.Journal().tell(report(*holds, errors=(skipped,), outcomes=outcomes), TOOK)

    assert lines(stream)[-1] == {
        "event": "pass.finished",
        "level": "info",
        "releases": 8,
        "actions": {"open": 1, "close": 1},
        "holds": {"tests-failed": 2, "no-tests": 1},
        "in_sync": 1,
        "proposed": 0,
        "errors": 1,
        "failed": 0,
        "duration_s": 1.235,
    }


def test_what_makes_a_pass_fail_is_counted_and_told_as_an_error(stream: io.StringIO) -> None:
    outcomes = (Outcome(opened("a"), Result.FAILED, "the server will not have it"),)
    unreadable = Failure("office", "staging", "the cluster does not answer", fatal=True)

    logs.Journal().tell(report(errors=(unreadable,), outcomes=outcomes), TOOK)

    first, second, last = lines(stream)
    assert first == {
        "event": "promotion.unreadable",
        "level": "error",
        "promotion": "office",
        "subject": "staging",
        "message": "the cluster does not answer",
    }
    assert second["event"] == "action.failed"
    assert second["level"] == "error"
    assert (last["level"], last["failed"]) == ("error", 2)


@pytest.mark.parametrize("result", Result)
def test_every_action_is_told_with_what_became_of_it(stream: io.StringIO, result: Result) -> None:
    logs.Journal().tell(report(outcomes=(Outcome(opened("a"), result, "because"),)), TOOK)

    assert lines(stream, f"action.{result}") == [
        {
            "event": f"action.{result}",
            "level": "error" if result is Result.FAILED else "info",
            "action": "open",
            "promotion": "home",
            "release": "apps/a",
            "from": "1.0.0",
            "to": "2.0.0",
            "branch": "helm-promotion/home/apps/a",
            "message": "because",
        }
    ]


def test_a_broken_file_is_told_as_a_warning(stream: io.StringIO) -> None:
    logs.Journal().tell(report(errors=(Failure("home", "apps/x.yaml", "no YAML"),)), TOOK)

    (line,) = lines(stream, "input.skipped")
    assert line["level"] == "warning"
    assert line["subject"] == "apps/x.yaml"


def told(stream: io.StringIO) -> list[tuple[object, object, object]]:
    return [(line["release"], line["was"], line["reason"]) for line in lines(stream, "hold.changed")]


def test_a_hold_is_told_when_it_comes_changes_or_goes_and_not_every_pass(stream: io.StringIO) -> None:
    journal = logs.Journal()

    journal.tell(report(hold("a"), hold("b")), TOOK)
    came = told(stream)
    journal.tell(report(hold("a"), hold("b")), TOOK)
    stayed = told(stream)
    journal.tell(report(hold("a", Reason.SOAKING)), TOOK)
    changed = told(stream)

    assert came == [("apps/a", None, "tests-failed"), ("apps/b", None, "tests-failed")]
    assert stayed == []
    assert changed == [("apps/a", "tests-failed", "soaking"), ("apps/b", "tests-failed", None)]


def test_a_hold_is_told_again_for_another_version(stream: io.StringIO) -> None:
    journal = logs.Journal()
    journal.tell(report(hold("a")), TOOK)
    lines(stream)

    journal.tell(report(hold("a", to="3.0.0")), TOOK)

    assert told(stream) == [("apps/a", "tests-failed", "tests-failed")]


def test_a_promotion_that_could_not_be_observed_has_not_lost_its_holds(stream: io.StringIO) -> None:
    journal = logs.Journal()
    journal.tell(report(hold("a"), hold("b", promotion="office")), TOOK)
    lines(stream)

    journal.tell(report(hold("a"), errors=(Failure("office", "staging", "no answer", fatal=True),)), TOOK)
    blind = told(stream)
    journal.tell(report(hold("a"), hold("b", promotion="office")), TOOK)

    assert blind == []
    assert told(stream) == []


def test_libraries_write_the_same_lines_and_the_scheduler_is_quiet(stream: io.StringIO) -> None:
    logging.getLogger("somewhere").warning("what %s", "now")
    logging.getLogger("apscheduler.scheduler").info("Running job")
    logging.getLogger("apscheduler.scheduler").warning("skipped")

    assert lines(stream) == [{"event": "what now", "level": "warning"}, {"event": "skipped", "level": "warning"}]


@pytest.mark.parametrize("terminal", [True, False], ids=["on a terminal", "as JSON"])
def test_a_traceback_shows_no_variables(terminal: bool) -> None:
    stream = Terminal() if terminal else io.StringIO()
    logs.configure(stream, {"NO_COLOR": "1"})

    def crash() -> None:
        password = "hunter" + str(2)
        raise ZeroDivisionError(f"a password of {len(password)} characters")

    try:
        crash()
    except ZeroDivisionError:
        structlog.get_logger().exception("pass.crashed")

    assert "ZeroDivisionError: a password of 7 characters" in stream.getvalue()
    assert "in crash" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_a_terminal_never_obeys_foreign_text() -> None:
    stream = Terminal()
    logs.configure(stream, {"NO_COLOR": "1"})

    logs.Journal().tell(report(errors=(Failure("home", "x\x1b]0;owned\x07", "a\r\nb\u202e\x9b"),)), TOOK)

    assert "x\\x1b]0;owned\\x07" in stream.getvalue()
    assert all(sign.isprintable() or sign == "\n" for sign in stream.getvalue())
    assert len(stream.getvalue().splitlines()) == 2


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)],
    ids=["a terminal has colours", "a dumb one has none", "nor has one whose user wants none"],
)
def test_colours(environ: dict[str, str], coloured: bool) -> None:
    stream = Terminal()
    logs.configure(stream, environ)

    logs.Journal().tell(report(), TOOK)

    assert ("\x1b[" in stream.getvalue()) is coloured


# --- secrets ---------------------------------------------------------------------------------------------------------

KEY = "-----BEGIN RSA PRIVATE KEY-----\nhunter2AAAA\nhunter2BBBB\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.hunter2_-signature"

SECRETS = {
    "a classic token of GitHub": ("login with ghp_hunter2hunter2hunter2 failed", "login with *** failed"),
    "a fine-grained token of GitHub": ("github_pat_11ABC_hunter2hunter2", "***"),
    "a token of a GitHub App": ("x-access-token ghs_hunter2hunter2hunter2", "x-access-token ***"),
    "a long token of a GitHub App": (f"ghs_123_{JWT}.", "***"),
    "a token of GitLab": ("glpat-hunter2hunter2hunter2.01", "***"),
    "a token after an escape": ("user%3Aghp_hunter2hunter2hunter2%40host", "user%3A***%40host"),
    "a JSON Web Token": (f"token file holds {JWT} now", "token file holds *** now"),
    "a bearer's token": ("sent Bearer hunter2/hunter2==", "sent Bearer ***"),
    "basic authentication": ("sent Basic aHVudGVyMjpodW50ZXIy", "sent Basic ***"),
    "a header": ("Authorization: token hunter2", "Authorization: ***"),
    "a header among others": ("{'authorization': 'hunter2', 'x': 'y'}", "{'authorization': '***', 'x': 'y'}"),
    "a name and password in a URL": ("https://robot:hunter2@git.example.com/a", "https://***@git.example.com/a"),
    "a token in a URL": ("fatal: https://hunter2@git.example.com/a", "fatal: https://***@git.example.com/a"),
    "a query": ("GET /x?private_token=hunter2&y=1", "GET /x?private_token=***&y=1"),
    "a form in JSON": ('{"access_token": "hunter2", "a": "b"}', '{"access_token": "***", "a": "b"}'),
    "a private key": (f"cannot use {KEY}, mend it", "cannot use ***, mend it"),
    "a private key with escaped line ends": (f"cannot use {KEY!r}", "cannot use '***'"),
    "a private key that is cut off": (KEY[:50], "***"),
}


@pytest.mark.parametrize(("text", "clean"), SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("terminal", [True, False], ids=["on a terminal", "as JSON"])
def test_no_line_shows_a_secret_wherever_it_stands(terminal: bool, text: str, clean: str) -> None:
    assert logs.redact(text) == clean
    stream = Terminal() if terminal else io.StringIO()
    logs.configure(stream, {"NO_COLOR": "1"})

    log = structlog.get_logger()
    log.info(text, value=text, values=[{"deep": (text,)}], error=ValueError(text))
    logging.getLogger("library").warning("it said: %s", text)
    log.error("pass.crashed", exc_info=ValueError(text))

    assert "hunter2" not in stream.getvalue()
    assert "aHVudGVy" not in stream.getvalue()
    assert stream.getvalue().count("***") >= 6


@pytest.mark.parametrize(
    "text",
    [
        "oci://ghcr.io/stefanprodan/charts/podinfo@sha256:3fc5",
        "git@github.com:example/fleet.git is not reachable",
        "promotions[0].production.git.auth.tokenFile: /run/token does not exist; put it there, or correct the path",
        "the server wants basic authentication, or a bearer token of the cluster",
        "https://github.com/example/fleet/pull/7",
        "Promote vault release to v0.28.1",
        "glance-operator-production-europe is not ready, and neither is monkeyJar.apps.cluster",
        "helm-promotion/home/vault/vault",
        "0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert logs.redact(text) == text


@given(st.text(), st.text(), st.from_regex(r"(?:gh[posu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40})", fullmatch=True))
def test_a_token_is_found_in_any_text(before: str, after: str, token: str) -> None:
    assert token not in logs.redact(f"{before}{token}{after}")


def test_figures_stay_figures(stream: io.StringIO) -> None:
    structlog.get_logger().info("x", whole=1, part=0.5, yes=True, nothing=None, many={"a": 1})

    assert lines(stream) == [
        {"event": "x", "level": "info", "whole": 1, "part": 0.5, "yes": True, "nothing": None, "many": {"a": 1}}
    ]


def test_warnings_of_libraries_are_lines_too(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    (line,) = lines(stream)
    assert line["level"] == "warning"
    assert "DeprecationWarning: old" in str(line["event"])


def test_a_config_that_changed_is_told(stream: io.StringIO) -> None:
    journal = logs.Journal()

    journal.tell_config(["c.yaml:1: is empty"])
    journal.tell_config(())

    refused, reloaded = lines(stream)
    assert (refused["event"], refused["level"]) == ("config.refused", "error")
    assert refused["mistakes"] == ["c.yaml:1: is empty"]
    assert (reloaded["event"], reloaded["level"]) == ("config.reloaded", "info")
