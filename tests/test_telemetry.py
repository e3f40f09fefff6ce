from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.error import HTTPError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler import demo
from reconciler.core import pull_request
from reconciler.core.model import (
    Close,
    Commit,
    Disarm,
    Failure,
    Hold,
    InSync,
    Key,
    Open,
    Pause,
    Plan,
    Proposal,
    Proposed,
    Rearm,
    Reason,
    State,
    Subject,
    Update,
)
from reconciler.core.report import Outcome, Report, Result
from reconciler.telemetry import Address, Metrics, serve
from tests.disk import UNSYNCED

if TYPE_CHECKING:
    from reconciler.core.model import Action

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOOK = timedelta(seconds=2)


def key(name: str) -> Key:
    return Key("apps", name)


def subject(name: str, *more: str, promotion: str = "home", standing: Proposal | None = None) -> Subject:
    keys = tuple(key(one) for one in (name, *more))
    return Subject(promotion, keys, name, "1.0.0", "2.0.0", f"b/{name}", "", "", standing)


def opened(one: Subject, proven: datetime = NOW - timedelta(minutes=3)) -> Open:
    return Open(one, "0" * 40, (), Commit("", proven))


def hold(name: str, reason: Reason, promotion: str = "home") -> Hold:
    return Hold(promotion, key(name), reason, "because")


def fatal(promotion: str) -> Failure:
    return Failure(promotion, "staging", "no answer", fatal=True)


def report(plan: Plan, result: Result = Result.APPLIED) -> Report:
    return Report(plan, tuple(Outcome(action, result) for action in plan.actions))


def told(*reports: Report | None) -> Metrics:
    metrics = Metrics("1.2.3")
    for count, one in enumerate(reports):
        metrics.tell(one, NOW + timedelta(hours=count), TOOK)
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"helm_promoter_{name}", labels)


def test_before_the_first_pass_there_is_no_promotion_and_no_success() -> None:
    metrics = told()

    assert not metrics.ready
    assert value(metrics, "build_info", version="1.2.3") == 1
    assert value(metrics, "last_success_timestamp_seconds") == 0
    assert {value(metrics, "passes_total", result=result) for result in ("succeeded", "failed", "crashed")} == {0}
    assert value(metrics, "promotion_up", promotion="home") is None


@pytest.mark.parametrize(
    ("one", "result"),
    [
        pytest.param(report(Plan(NOW)), "succeeded", id="a pass that did all"),
        pytest.param(report(Plan(NOW, errors=(fatal("home"),))), "failed", id="a pass that could not observe"),
        pytest.param(report(Plan(NOW, (opened(subject("a")),)), Result.FAILED), "failed", id="an action that failed"),
        pytest.param(report(Plan(NOW, holds=(hold("a", Reason.STALE),))), "succeeded", id="a hold is no failure"),
        pytest.param(None, "crashed", id="a bug"),
    ],
)
def test_attempts_and_successes_are_counted_and_timed(one: Report | None, result: str) -> None:
    metrics = told(report(Plan(NOW)), one)

    later = (NOW + timedelta(hours=1)).timestamp()
    assert metrics.ready
    assert value(metrics, "passes_total", result=result) == (2 if result == "succeeded" else 1)
    assert value(metrics, "last_attempt_timestamp_seconds") == later
    assert value(metrics, "last_success_timestamp_seconds") == (later if result == "succeeded" else NOW.timestamp())
    assert value(metrics, "pass_duration_seconds_sum") == 4


def test_phases_are_timed() -> None:
    metrics = told()

    metrics.tell_phases([("planning", timedelta(seconds=1)), ("applying", TOOK), ("planning", TOOK)])

    assert value(metrics, "phase_duration_seconds_sum", phase="planning") == 3
    assert value(metrics, "phase_duration_seconds_count", phase="applying") == 1


FULL = Plan(
    NOW,
    actions=(
        opened(subject("a", "a2")),
        Update(subject("b"), "", (), Commit("", NOW)),
        Rearm(subject("c"), "", (), Commit("", NOW)),
        Pause(subject("d"), Commit("", NOW)),
        Disarm(subject("e"), Commit("", NOW)),
        Close(subject("f")),
    ),
    holds=(
        hold("g", Reason.SOAKING),
        hold("h", Reason.TESTS_FAILED),
        hold("i", Reason.TESTS_FAILED),
        hold("x", Reason.UNPINNED, "office"),
    ),
    in_sync=(InSync("home", key("j"), "1.0.0"),),
    proposed=(
        Proposed("home", key("k"), "1", "2", State.ARMED, "b/k"),
        Proposed("home", key("l"), "1", "2", State.ARMED, "b/k"),
        Proposed("home", key("m"), "1", "2", State.PAUSED, "b/m"),
    ),
    errors=(Failure("home", "apps/x.yaml", "no YAML"),),
)


def test_a_report_is_counted_promotion_by_promotion() -> None:
    metrics = told(report(FULL))

    home = {"promotion": "home"}
    assert value(metrics, "releases", **home) == 14
    assert value(metrics, "drifts", **home) == 4 + 3 + 1  # to be moved, standing, and one that soaks
    assert value(metrics, "errors", **home) == 1
    assert value(metrics, "promotion_up", **home) == 1
    assert value(metrics, "holds", reason="tests-failed", **home) == 2
    assert value(metrics, "holds", reason="frozen", **home) == 0
    assert value(metrics, "holds", reason="unpinned", promotion="office") == 1
    assert value(metrics, "releases", promotion="office") == 1
    assert {state: value(metrics, "proposals", state=state, **home) for state in ("armed", "paused", "disarmed")} == {
        "armed": 3 + 1,  # two releases that share a branch are one
        "paused": 1 + 1,
        "disarmed": 1,
    }


@pytest.mark.parametrize("result", Result)
def test_actions_are_counted_by_their_result_and_begin_at_zero(result: Result) -> None:
    metrics = told(report(FULL, result))

    for action in ("open", "update", "rearm", "pause", "disarm", "close"):
        for other in Result:
            counted = value(metrics, "actions_total", promotion="home", action=action, result=other.value)
            assert counted == (1 if other is result else 0)
    armed = value(metrics, "proposals", promotion="home", state="armed")
    assert armed == (4 if result is Result.APPLIED else 1)  # what was not done does not stand


def test_a_promotion_that_could_not_be_observed_keeps_what_was_seen_of_it() -> None:
    metrics = told(report(FULL), report(Plan(NOW, errors=(fatal("home"), fatal("new")))))

    assert value(metrics, "promotion_up", promotion="home") == 0
    assert value(metrics, "releases", promotion="home") == 14
    assert value(metrics, "holds", reason="tests-failed", promotion="home") == 2
    assert value(metrics, "errors", promotion="home") == 1
    assert value(metrics, "promotion_up", promotion="new") == 0
    assert value(metrics, "releases", promotion="new") is None
    assert value(metrics, "promotion_up", promotion="office") is None  # no longer in the config


def test_a_hold_that_went_is_no_longer_counted() -> None:
    metrics = told(report(FULL), report(Plan(NOW, in_sync=(InSync("home", key("h"), "2"),))))

    assert value(metrics, "holds", reason="tests-failed", promotion="home") == 0
    assert value(metrics, "releases", promotion="home") == 1


def standing(to: str) -> Proposal:
    marker = pull_request.Marker("home", (key("a"),), "a", "x.yaml", "1.0.0", to)
    return Proposal("b/a", "l/a", "1" * 40, "1" * 40, pull_request.restated("title\n\nbody\n\n", marker))


LEADS = {
    "a new promotion": (opened(subject("a")), Result.APPLIED, 180),
    "another version": (Update(subject("a", standing=standing("1.9.0")), "", (), Commit("", NOW - TOOK)), "applied", 2),
    "the same version on a newer base": (
        Update(subject("a", standing=standing("2.0.0")), "", (), Commit("", NOW - TOOK)),
        "applied",
        None,
    ),
    "a promotion that comes back": (Rearm(subject("a"), "", (), Commit("", NOW - TOOK)), "applied", None),
    "a push that failed": (opened(subject("a")), "failed", None),
    "a proof without a time": (opened(subject("a"), datetime(2000, 1, 1, tzinfo=UTC)), "applied", None),
    "a clock that goes ahead of ours": (opened(subject("a"), NOW + TOOK), "applied", 0),
}


@pytest.mark.parametrize(("action", "result", "seconds"), LEADS.values(), ids=LEADS)
def test_the_lead_time_is_from_proof_to_proposal(action: Action, result: str, seconds: int | None) -> None:
    metrics = told(report(Plan(NOW, (action,)), Result(result)))

    assert value(metrics, "lead_time_seconds_count", promotion="home") == (0 if seconds is None else 1)
    assert value(metrics, "lead_time_seconds_sum", promotion="home") == (seconds or 0)


def test_the_config_in_use_is_told() -> None:
    metrics = told()
    assert value(metrics, "config_last_reload_successful") == 1

    metrics.tell_config(timedelta(minutes=2), used=False)

    assert value(metrics, "interval_seconds") == 120
    assert value(metrics, "config_last_reload_successful") == 0


@given(st.lists(st.text(max_size=30), max_size=30, unique=True))
def test_nothing_that_a_cluster_or_a_repository_names_becomes_a_label(names: list[str]) -> None:
    """However many releases, versions, branches and files there are: as many series as for one."""

    def series(many: list[str]) -> int:
        holds = tuple(hold(name, Reason.STALE) for name in many)
        actions = tuple(opened(replace(subject(name), chart=name, branch=name)) for name in many)
        errors = tuple(Failure("home", name, name) for name in many)
        metrics = told(report(Plan(NOW, actions, holds, errors=errors)))
        return sum(len(family.samples) for family in metrics.registry.collect() if "helm_promoter" in family.name)

    assert series([*names, "one"]) == series(["one"])


# --- the server ------------------------------------------------------------------------------------------------------


def get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_server_shows_figures_life_and_readiness() -> None:
    metrics = told()
    alive = [True]
    port = serve(Address("127.0.0.1", 0), metrics, lambda: alive[0])

    assert get(port, "/readyz") == (503, "no pass was made yet\n")
    assert get(port, "/healthz") == (200, "ok\n")
    metrics.tell(report(FULL), NOW, TOOK)
    assert get(port, "/readyz") == (200, "ok\n")
    code, text = get(port, "/metrics")
    assert code == 200
    assert 'helm_promoter_holds{promotion="home",reason="tests-failed"} 2.0' in text
    assert "process_resident_memory_bytes" in text
    alive[0] = False
    assert get(port, "/healthz") == (503, "the loop does not go on\n")
    assert get(port, "/else")[0] == 404


def test_every_address_is_ipv6_too_where_there_is_any() -> None:
    port = serve(Address("", 0), told(), lambda: True)

    assert get(port, "/healthz")[0] == 200
    if socket.has_dualstack_ipv6():
        assert get(port, "/healthz", "[::1]")[0] == 200


def test_whoever_hangs_up_or_says_nothing_disturbs_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    port = serve(Address("127.0.0.1", 0), told(), lambda: True)

    with closing(socket.create_connection(("127.0.0.1", port))) as silent:
        with closing(socket.create_connection(("127.0.0.1", port))) as rude:
            rude.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        silent.sendall(b"\x00\xff\r\n\r\n")
        assert get(port, "/healthz")[0] == 200

    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":8080", Address("", 8080)),
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:80", Address("::1", 80)),
        ("localhost:65535", Address("localhost", 65535)),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["", "8080", ":", "host", "::1:80", ":65536", ":-1", ":٨٠", "a:b"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no address; write it like :8080"):
        Address.parse(text)


# --- the whole program -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    demo.build(folder, os.environ)
    return folder


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Path:
    return shutil.copytree(built, tmp_path / "home", ignore=shutil.ignore_patterns("*.sample"))


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """The loop as a process, and its log."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self.config = home / "helm-promoter.yaml"
        self.config.write_text("interval: 1s\n" + self.config.read_text())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "run", "-c", str(self.config), *arguments],
            cwd=ROOT,
            env={**os.environ, **UNSYNCED, "XDG_CACHE_HOME": str(home / "cache")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def next(self, event: str) -> dict[str, object]:
        """Wait for a line of the log."""
        assert self.process.stderr
        for line in self.process.stderr:
            if (told := json.loads(line))["event"] == event:
                return told
        raise AssertionError(f"ended without {event}")

    def replace(self, old: str, new: str) -> None:
        """Change the config as a mounted ConfigMap changes: all at once."""
        new_file = self.config.with_suffix(".new")
        text = self.config.read_text()
        assert old in text
        new_file.write_text(text.replace(old, new))
        new_file.rename(self.config)


def figures(port: int) -> dict[str, float]:
    lines = get(port, "/metrics")[1].splitlines()
    return {name: float(number) for name, _, number in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_the_loop_answers_while_it_promotes(home: Path) -> None:
    port = free_port()
    with Running(home, "--listen", f"127.0.0.1:{port}") as running:
        running.next("pass.finished")
        running.next("pass.finished")

        seen = figures(port)
        assert get(port, "/healthz")[0] == 200
        assert get(port, "/readyz")[0] == 200
        running.process.send_signal(signal.SIGTERM)
        running.next("loop.stopped")
        assert running.process.wait(60) == 0

    assert seen['helm_promoter_actions_total{action="open",promotion="demo",result="applied"}'] == 3
    assert seen['helm_promoter_proposals{promotion="demo",state="armed"}'] == 3
    assert seen['helm_promoter_holds{promotion="demo",reason="waiting"}'] == 1
    assert seen['helm_promoter_lead_time_seconds_count{promotion="demo"}'] == 3
    assert seen["helm_promoter_interval_seconds"] == 1
    assert {name for name in seen if name.startswith("helm_promoter_phase_duration_seconds_count")} == {
        f'helm_promoter_phase_duration_seconds_count{{phase="{phase}"}}'
        for phase in ("reading staging", "reading production", "planning", "applying")
    }


@pytest.mark.slow
def test_a_changed_config_is_used_from_the_next_pass_on_and_a_bad_one_never(home: Path) -> None:
    port = free_port()
    with Running(home, "--dry-run", "--listen", f"127.0.0.1:{port}") as running:
        running.next("pass.finished")
        running.replace("interval: 1s", "intervall: 2s")

        refused = running.next("config.refused")
        running.next("pass.finished")
        bad = figures(port)
        running.replace("intervall: 2s", "interval: 2s")
        running.next("config.reloaded")
        running.next("pass.finished")
        good = figures(port)

    assert 'unknown key "intervall"; did you mean "interval"?' in str(refused["mistakes"])
    assert bad["helm_promoter_config_last_reload_successful"] == 0
    assert bad["helm_promoter_interval_seconds"] == 1
    assert good["helm_promoter_config_last_reload_successful"] == 1
    assert good["helm_promoter_interval_seconds"] == 2


@pytest.mark.slow
def test_a_dead_forge_leaves_the_loop_alive(home: Path) -> None:
    port = free_port()
    config = home / "helm-promoter.yaml"
    config.write_text(config.read_text().replace("fleet.git", "http://127.0.0.1:1/fleet.git"))
    with Running(home, "--listen", f"127.0.0.1:{port}") as running:
        running.next("pass.finished")
        running.next("loop.backoff")

        assert get(port, "/healthz")[0] == 200
        seen = figures(port)

    assert seen['helm_promoter_promotion_up{promotion="demo"}'] == 0
    assert seen["helm_promoter_last_success_timestamp_seconds"] == 0
    assert seen['helm_promoter_passes_total{result="failed"}'] >= 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--listen", "8080"), '--listen: "8080" is no address; write it like :8080, 127.0.0.1:8080 or [::1]:8080\n'),
        pytest.param(
            ("--listen", ":1", "--once"),
            "--listen goes with the loop; take --listen or --once away\n",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("--listen", "192.0.2.1:1"),
            (
                "--listen: cannot listen on 192.0.2.1:1 (Cannot assign requested address); "
                "give an address that is ours and free\n"
            ),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["no address", "with --once", "an address of others"],
)
def test_where_it_cannot_listen_it_does_not_begin(home: Path, arguments: tuple[str, ...], message: str) -> None:
    with Running(home, *arguments) as running:
        _, said = running.process.communicate(timeout=60)

    assert (running.process.returncode, said) == (2, message)
