from __future__ import annotations

import json
import logging
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from typer.testing import CliRunner

import reconciler
from reconciler import __main__, cli, demo
from reconciler.config import load
from tests.disk import UNSYNCED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

ROOT = Path(__file__).parent.parent
REASONS = {"no-tests", "suspended", "tests-disabled", "tests-failed", "tests-running", "unpinned", "waiting"}
HEAVY = ("pydantic", "structlog", "kubernetes", "github", "apscheduler", "rich", "ruamel", "msgspec")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    demo.build(folder, os.environ)
    return folder


@pytest.fixture
def home(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a config file, a recorded cluster, and a fleet repository."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, value in UNSYNCED.items():
        monkeypatch.setenv(name, value)
    for name in ("COLUMNS", "FORCE_COLOR", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    yield shutil.copytree(built, tmp_path / "home", ignore=shutil.ignore_patterns("*.sample"))
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def call(home: Path, command: str, *more: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli.app, [command, "-c", str(home / "helm-promoter.yaml"), *more])


def program(*arguments: str, **options: object) -> subprocess.Popen[str]:
    """Start the program as people do."""
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def run_once(home: Path, *more: str) -> tuple[int, str, list[dict[str, object]]]:
    result = call(home, "run", "--once", *more)
    return result.exit_code, result.stdout, [json.loads(line) for line in result.stderr.splitlines()]


def refs(home: Path) -> dict[str, str]:
    listing = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname) %(objectname)"],
        cwd=home / "fleet.git",
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(line.split() for line in listing.stdout.splitlines())


def rewrite(home: Path, change: Callable[[str], str], name: str = "helm-promoter.yaml") -> None:
    path = home / name
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before


def another(name: str, **changes: str) -> Callable[[str], str]:
    """Add a second promotion to the config, like the first but for some of its text."""

    def added(text: str) -> str:
        second = text.partition("promotions:\n")[2].replace("name: demo", f"name: {name}")
        for before, after in changes.items():
            second = second.replace(before, after)
        return text + second

    return added


# --- what the commands print -----------------------------------------------------------------------------------------


def test_plan_prints_a_table_reasons_diffs_and_what_to_do_next(home: Path) -> None:
    result = call(home, "plan")

    assert result.exit_code == 0
    assert result.stderr == ""
    assert re.search(r"^demo +vault/vault +vault +0\.28\.0 +0\.28\.1 +open$", result.stdout, re.MULTILINE)
    assert '\n-      version: "0.28.0" # staging goes first\n+      version: "0.28.1" # staging' in result.stdout
    assert "demo shop/web: the pin also governs shop/worker, where 2.4.0 is not proven\n" in result.stdout
    assert "3 to open, 0 proposed, 7 held, 1 in sync, 0 errors\n" in result.stdout
    assert "to promote these without tests, set policy" in result.stdout
    assert "\x1b" not in result.stdout


ACTION = {
    "action": "open",
    "promotion": "demo",
    "release": "vault/vault",
    "releases": ["vault/vault"],
    "chart": "vault",
    "from": "0.28.0",
    "to": "0.28.1",
    "branch": "helm-promotion/demo/vault/vault",
    "title": "Promote vault release to v0.28.1",
    "pull_request": None,
    "reason": None,
    "message": None,
}
HOLD = {
    "promotion": "demo",
    "release": "grafana/grafana",
    "reason": "tests-failed",
    "from": "8.10.0",
    "to": "8.10.1",
    "until": None,
    "message": "test hook grafana-test failed in revision 5",
    "gates": [],
}
PROPOSED = {
    "promotion": "demo",
    "release": "vault/vault",
    "from": "0.28.0",
    "to": "0.28.1",
    "state": "armed",
    "branch": "helm-promotion/demo/vault/vault",
    "pull_request": None,
}


def test_plan_prints_one_json_document_of_the_promised_shape(home: Path) -> None:
    result = call(home, "plan", "-o", "json")

    plan = json.loads(result.stdout)
    assert result.stderr == ""
    assert list(plan) == ["at", "actions", "holds", "in_sync", "proposed", "errors"]
    assert datetime.fromisoformat(plan["at"]).utcoffset() is not None
    *_, action = plan["actions"]
    (edit,) = action.pop("edits")
    assert [gate["ok"] for gate in action.pop("gates")] == [True] * 11
    assert action == ACTION
    assert edit["path"] == "apps/vault/production/helm.yaml"
    assert edit["diff"].startswith(
        "--- a/apps/vault/production/helm.yaml\n+++ b/apps/vault/production/helm.yaml\n@@ -6,7 +6,7 @@"
    )
    assert {hold["reason"] for hold in plan["holds"]} == REASONS
    assert HOLD in plan["holds"]
    assert plan["in_sync"] == [{"promotion": "demo", "release": "harbor/harbor", "version": "1.16.2"}]
    assert (plan["proposed"], plan["errors"]) == ([], [])


def test_what_stands_open_is_proposed_and_what_could_not_be_read_is_an_error(home: Path) -> None:
    run_once(home)
    rewrite(home, lambda text: text.replace('production/*.yaml"]', 'production/*.yaml", "nowhere/*.yaml"]'))

    plan = json.loads(call(home, "plan", "-o", "json").stdout)

    *_, proposed = plan["proposed"]
    assert "soak" in [gate["gate"] for gate in proposed.pop("gates")]
    assert proposed == PROPOSED
    assert plan["errors"] == [
        {
            "promotion": "demo",
            "subject": "nowhere/*.yaml",
            "message": 'the glob "nowhere/*.yaml" matches no file on the branch; mend it in paths',
        }
    ]


def test_explain_tells_everything_about_a_release_for_every_promotion_that_has_it(home: Path) -> None:
    rewrite(home, another("office", **{'["*"]': "[shop]"}))

    shared, alone = call(home, "explain", "shop/web"), call(home, "explain", "vault/vault")

    assert (shared.exit_code, alone.exit_code, shared.stderr) == (0, 0, "")
    assert "shop/web in promotion demo\n" in shared.stdout
    assert "shop/web in promotion office\n" in shared.stdout
    assert "vault/vault in promotion office" not in alone.stdout
    for text in ("vault 0.28.1", "vault-server-test: Succeeded at 2025-03-03T", "helm.yaml:9: 0.28.0", "gate soak"):
        assert text in alone.stdout
    assert "open: 0.28.0 to 0.28.1" in alone.stdout
    assert '+      version: "0.28.1"' in alone.stdout


def test_check_config_and_schema(home: Path) -> None:
    checked, schema = call(home, "check-config"), CliRunner().invoke(cli.app, ["schema"])

    assert checked.stdout == f"{home}/helm-promoter.yaml: ok, 1 promotion\n"
    assert json.loads(schema.stdout)["title"] == "helm-promoter config"
    assert (checked.exit_code, schema.exit_code) == (0, 0)


def test_check_config_needs_none_of_the_files_that_it_names(home: Path) -> None:
    (home / "staging.yaml").unlink()

    assert call(home, "check-config").exit_code == 0


def test_the_version_comes_without_any_heavy_import() -> None:
    script = f"""
import sys
sys.argv = ["helm-promoter", "--version"]
from reconciler.cli import main
try:
    main()
finally:
    print(sorted(set(sys.modules) & set({HEAVY!r})))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == f"helm-promoter {reconciler.__version__}\n[]\n"


# --- what is written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [("plan",), ("plan", "-o", "json"), ("explain", "vault/vault"), ("check-config",), ("run", "--once", "--dry-run")],
    ids=" ".join,
)
def test_nothing_is_written_by(home: Path, command: tuple[str, ...]) -> None:
    before = refs(home)

    result = call(home, *command)

    assert result.exit_code == 0
    assert refs(home) == before


def test_run_once_pushes_and_tells_it_on_stderr_alone(home: Path) -> None:
    code, stdout, lines = run_once(home)

    assert (code, stdout) == (0, "")
    assert set(refs(home)) == {"refs/heads/main"} | {
        f"{root}/demo/{name}"
        for root in ("refs/heads/helm-promotion", "refs/helm-promoter")
        for name in ("podinfo/podinfo", "redis/redis", "vault/vault")
    }
    assert [line["release"] for line in lines if line["event"] == "action.applied"] == [
        "podinfo/podinfo",
        "redis/redis",
        "vault/vault",
    ]
    assert lines[-1]["event"] == "pass.finished"
    assert (lines[-1]["releases"], lines[-1]["actions"], lines[-1]["failed"]) == (11, {"open": 3}, 0)


def test_a_second_run_does_nothing_more(home: Path) -> None:
    run_once(home)
    before = refs(home)

    code, _, lines = run_once(home)

    assert code == 0
    assert refs(home) == before
    assert (lines[-1]["actions"], lines[-1]["proposed"]) == ({}, 3)


def test_a_dry_run_tells_what_it_would_do(home: Path) -> None:
    _, _, lines = run_once(home, "--dry-run")

    assert [line["event"] for line in lines if str(line["event"]).startswith("action.")] == ["action.dry-run"] * 3


# --- exit codes ------------------------------------------------------------------------------------------------------


def without_branch(home: Path) -> None:
    rewrite(home, lambda text: text.replace("branch: main", "branch: release"))


def half_without_branch(home: Path) -> None:
    rewrite(home, another("office", **{"branch: main": "branch: release"}))


def nothing_to_do(home: Path) -> None:
    rewrite(home, lambda text: text.replace('["*"]', "[harbor]"))


def refusing(home: Path) -> None:
    hook = home / "fleet.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)


def as_it_is(home: Path) -> None:
    """Change nothing."""


EXITS: dict[str, tuple[Callable[[Path], None], tuple[str, ...], int]] = {
    "a plan with actions is done": (as_it_is, ("plan",), 0),
    "a plan with actions, when asked": (as_it_is, ("plan", "--exit-code"), 3),
    "a plan without actions, when asked": (nothing_to_do, ("plan", "--exit-code"), 0),
    "a plan that could not observe": (without_branch, ("plan",), 1),
    "a failure beats actions": (half_without_branch, ("plan", "--exit-code"), 1),
    "a failure beats actions as JSON too": (half_without_branch, ("plan", "--exit-code", "-o", "json"), 1),
    "an explanation": (as_it_is, ("explain", "redis/redis"), 0),
    "an explanation that could not observe": (without_branch, ("explain", "redis/redis"), 1),
    "an unknown release where not all could be observed": (half_without_branch, ("explain", "no/such"), 1),
    "an unknown release": (as_it_is, ("explain", "no/such"), 2),
    "no release at all": (as_it_is, ("explain", "redis"), 2),
    "an unknown option": (as_it_is, ("plan", "--no-such-option"), 2),
    "an unknown output": (as_it_is, ("plan", "-o", "xml"), 2),
}


@pytest.mark.parametrize(("given", "command", "code"), EXITS.values(), ids=EXITS)
def test_exit_code(home: Path, given: Callable[[Path], None], command: tuple[str, ...], code: int) -> None:
    given(home)

    result = call(home, *command)

    assert result.exit_code == code
    if code == 2:
        assert result.stdout == ""
        assert result.stderr


@pytest.mark.parametrize(
    ("given", "code"),
    [(as_it_is, 0), (without_branch, 1), (half_without_branch, 1), (refusing, 1)],
    ids=["all done", "nothing observed", "half observed", "an action failed"],
)
def test_exit_code_of_run_once(home: Path, given: Callable[[Path], None], code: int) -> None:
    given(home)

    assert run_once(home)[0] == code


def test_what_could_be_observed_goes_on_beside_what_could_not(home: Path) -> None:
    half_without_branch(home)

    run_once(home)

    assert "refs/heads/helm-promotion/demo/vault/vault" in refs(home)


# --- bad input -------------------------------------------------------------------------------------------------------

RECORD = (
    "record it with: kubectl get helmreleases.helm.toolkit.fluxcd.io,ocirepositories.source.toolkit.fluxcd.io,"
    "helmcharts.source.toolkit.fluxcd.io -A -o yaml"
)


def config(before: str, after: str) -> Callable[[Path], None]:
    return lambda home: rewrite(home, lambda text: text.replace(before, after))


def recorded(text: str) -> Callable[[Path], None]:
    return lambda home: (home / "staging.yaml").write_text(text) and None


REFUSED: dict[str, tuple[Callable[[Path], None], tuple[str, ...], str]] = {
    "an unknown key in the config": (
        config("branch:", "brunch:"),
        ("plan",),
        '{home}/helm-promoter.yaml:8: promotions[0].production: unknown key "brunch"; did you mean "branch"?\n',
    ),
    "a config file that is not there": (
        lambda home: (home / "helm-promoter.yaml").unlink(),
        ("plan",),
        "{home}/helm-promoter.yaml: does not exist; name a config file with -c\n",
    ),
    "a recording that is not there": (
        lambda home: (home / "staging.yaml").unlink(),
        ("plan",),
        "promotions[0].staging.cluster.snapshot: {home}/staging.yaml does not exist; " + RECORD + "\n",
    ),
    "a repository that is not there": (
        config("fleet.git", "fleed.git"),
        ("run", "--once"),
        "promotions[0].production.git.url: {home}/fleed.git does not exist; put it there, or correct the path\n",
    ),
    "a release that is misspelt": (
        as_it_is,
        ("explain", "valt/vault"),
        "no promotion's staging has the release valt/vault; near: vault/vault\n",
    ),
    "a release that nothing is like": (
        as_it_is,
        ("explain", "xyz/xyz"),
        "no promotion's staging has the release xyz/xyz; look at namespaces and selector in the config\n",
    ),
    "a release in another namespace": (
        as_it_is,
        ("explain", "kitchen/worker"),
        "no promotion's staging has the release kitchen/worker; near: shop/worker\n",
    ),
    "a release without a namespace": (
        as_it_is,
        ("explain", "vault"),
        '"vault" is no release: give NAMESPACE/NAME\n',
    ),
}


@pytest.mark.parametrize(("given", "command", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_with_one_clear_line(
    home: Path, given: Callable[[Path], None], command: tuple[str, ...], message: str
) -> None:
    before = refs(home)
    given(home)

    result = call(home, *command)

    assert result.stderr == message.format(home=home)
    assert (result.exit_code, result.stdout) == (2, "")
    assert refs(home) == before


ERRORS: dict[str, tuple[Callable[[Path], None], int, str, str]] = {
    "a recording that is no YAML": (
        recorded("a: [1"),
        1,
        "staging",
        "{home}/staging.yaml is not what kubectl prints: line 2: did not find expected ',' or ']'; " + RECORD,
    ),
    "a recording of something else": (
        recorded("hello: world\n"),
        1,
        "staging",
        "{home}/staging.yaml is not what kubectl prints: something in it has no kind or no apiVersion; " + RECORD,
    ),
    "an empty recording": (
        recorded(""),
        1,
        "staging",
        "{home}/staging.yaml is not what kubectl prints: it is empty; " + RECORD,
    ),
    "a repository without the branch": (
        without_branch,
        1,
        "production",
        'branch "release" does not exist in {home}/fleet.git; known branches: main',
    ),
    "a repository that is none": (
        config("fleet.git", "."),
        1,
        "production",
        "there is no git repository at {home}, or the credential may not see it: check the URL and the access",
    ),
    "a glob that matches nothing": (
        config("apps/*/production", "apps/*/produktion"),
        0,
        "apps/*/produktion/*.yaml",
        'the glob "apps/*/produktion/*.yaml" matches no file on the branch; mend it in paths',
    ),
    "a namespace without releases": (
        config('["*"]', "[vault, walt]"),
        0,
        "walt",
        'staging has no HelmRelease in the namespace "walt"; mend or remove it in namespaces',
    ),
}


@pytest.mark.parametrize(("given", "code", "subject", "message"), ERRORS.values(), ids=ERRORS)
def test_told_as_an_error_with_the_cure(
    home: Path, given: Callable[[Path], None], code: int, subject: str, message: str
) -> None:
    before = refs(home)
    given(home)

    table, document = call(home, "plan"), call(home, "plan", "-o", "json")

    expected = message.format(home=home)
    assert json.loads(document.stdout)["errors"] == [{"promotion": "demo", "subject": subject, "message": expected}]
    assert expected in table.stdout
    assert table.stdout.count(expected) == 1
    assert (table.exit_code, document.exit_code) == (code, code)
    assert refs(home) == before


# --- secrets ---------------------------------------------------------------------------------------------------------


def everything(home: Path) -> Iterator[str]:
    """Give all that is printed about a release, by every command that could."""
    for command in (
        ("plan",),
        ("plan", "-o", "json"),
        ("explain", "nextcloud/nextcloud"),
        ("check-config",),
        ("run", "--once"),
    ):
        yield call(home, *command).output


@pytest.mark.parametrize(
    "url",
    [
        "http://robot:hunter2@127.0.0.1:1/fleet.git",
        "http://hunter2@127.0.0.1:1/fleet.git",
        "ssh://robot:hunter2@127.0.0.1:1/fleet.git",
    ],
)
def test_credentials_in_a_url_are_never_printed(home: Path, url: str) -> None:
    rewrite(home, lambda text: text.replace("fleet.git", url))

    printed = list(everything(home))

    assert "127.0.0.1:1/fleet.git" in printed[0]
    assert not [text for text in printed if "hunter2" in text]


def test_secrets_in_a_recording_that_is_broken_are_never_printed(home: Path) -> None:
    rewrite(home, lambda text: text.replace("enabled: false", "password: hunter2"), "staging.yaml")
    rewrite(home, lambda text: text.replace("suspend: true", "suspend: true\n    values: [hunter2"), "staging.yaml")

    printed = list(everything(home))

    assert "is not what kubectl prints: line " in printed[0]
    assert not [text for text in printed if "hunter2" in text]


def test_secrets_beside_what_is_read_are_never_printed(home: Path) -> None:
    rewrite(home, lambda text: text.replace("enabled: false", "password: hunter2"), "staging.yaml")
    rewrite(home, lambda text: text.replace("suspend: true", "suspend: {password: hunter2}"), "staging.yaml")

    printed = list(everything(home))

    assert "nextcloud/nextcloud" in printed[0]
    assert "unreadable" in printed[0]
    assert not [text for text in printed if "hunter2" in text]


# --- the pieces ------------------------------------------------------------------------------------------------------


def test_promotions_share_a_cluster_and_a_repository_branch(home: Path) -> None:
    config = (home / "helm-promoter.yaml").read_text()
    second, third = (another(name)(config).removeprefix(config) for name in ("office", "shore"))
    rewrite(home, lambda text: text + second + third.replace("branch: main", "branch: other"))

    demo_, office, shore = cli._routes(load(home / "helm-promoter.yaml", os.environ))

    assert demo_.staging is office.staging is shore.staging
    assert demo_.production is office.production
    assert demo_.production is not shore.production


# --- pipes and signals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("plan", "--exit-code"), 3),
        pytest.param(("plan", "-o", "json"), 0, marks=pytest.mark.slow),
        pytest.param(("explain", "vault/vault"), 0, marks=pytest.mark.slow),
        pytest.param(("check-config",), 0, marks=pytest.mark.slow),
    ],
    ids=["plan", "JSON", "explain", "check-config"],
)
def test_a_reader_that_has_seen_enough_is_no_error(home: Path, command: tuple[str, ...], code: int) -> None:
    name, *more = command
    with program(name, "-c", str(home / "helm-promoter.yaml"), *more) as process:
        process.stdout.close()
        assert process.stderr.read() == ""

    assert process.returncode == code


@dataclass(frozen=True)
class Slow:
    """A git program whose first ``command`` says that it begins, and waits until it may go on."""

    folder: Path

    @property
    def path(self) -> str:
        return f"{self.folder}:{os.environ['PATH']}"

    def at(self, command: str) -> Slow:
        os.mkfifo(self.folder / "begun")
        os.mkfifo(self.folder / "go")
        shim = self.folder / "git"
        shim.write_text(
            f"""\
#!/bin/sh
cd {self.folder}
case " $* " in *" {command} "*)
  if mkdir once 2>/dev/null; then echo begun > begun; read _ < go; fi;;
esac
cd /
exec {shutil.which("git")} "$@"
"""
        )
        shim.chmod(0o755)
        return self

    def wait(self) -> None:
        pipe = os.open(self.folder / "begun", os.O_RDWR)  # so that a command that never comes does not block us
        assert select.select([pipe], [], [], 60)[0], "the command never came"
        os.close(pipe)

    def go_on(self) -> None:
        (self.folder / "go").write_text("go\n")


@pytest.fixture
def slow_git(tmp_path: Path) -> Slow:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Slow(folder)


def test_control_c_ends_with_one_line(home: Path, slow_git: Slow) -> None:
    slow_git.at("ls-remote")
    environ = {**os.environ, "PATH": slow_git.path}
    with program("plan", "-c", str(home / "helm-promoter.yaml"), env=environ) as process:
        slow_git.wait()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)

    assert (process.returncode, stdout, stderr) == (130, "", "interrupted\n")


@pytest.mark.slow
def test_the_loop_lets_a_push_end_when_it_is_told_to_stop(home: Path, slow_git: Slow) -> None:
    slow_git.at("push")
    environ = {**os.environ, "PATH": slow_git.path}
    with program("run", "-c", str(home / "helm-promoter.yaml"), env=environ) as process:
        slow_git.wait()
        process.send_signal(signal.SIGTERM)
        assert process.stderr
        early = [process.stderr.readline() for _ in range(2)]
        slow_git.go_on()
        _, late = process.communicate(timeout=60)

    events = [json.loads(line)["event"] for line in (*early, *late.splitlines())]
    assert events[:2] == ["loop.started", "loop.stopping"]
    assert events[-2:] == ["pass.finished", "loop.stopped"]
    assert events.count("action.applied") == 3
    assert process.returncode == 0
    assert "refs/heads/helm-promotion/demo/vault/vault" in refs(home)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["run", "-c", "any.yaml"], 0, id="the loop has nothing to end yet"),
        pytest.param(["run", "--once", "-c", "any.yaml"], None, id="one pass that was not made is no success"),
    ],
)
def test_a_signal_before_the_program_is_loaded(
    arguments: list[str], code: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(sys, "argv", ["helm-promoter", *arguments])
    monkeypatch.setattr(cli, "main", lambda: os.kill(os.getpid(), signal.SIGTERM))
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        if code is None:
            __main__.main()
        else:
            with pytest.raises(SystemExit) as ended:
                __main__.main()
            assert ended.value.code == code
    finally:
        signal.signal(signal.SIGTERM, before)
    assert told == ([signal.SIGTERM] if code is None else [])
