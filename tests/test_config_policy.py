"""``policy:`` in the config file: what it means, and how its mistakes are told."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import indent
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler import config
from reconciler.adapters import flux
from reconciler.core import model
from reconciler.core.cron import Cron
from reconciler.core.model import Freeze, HelmRelease, Key, Override, Policy, Promotion, Step, Terms, Window, WindowKind
from reconciler.core.policy import terms
from reconciler.core.selector import Selector
from reconciler.core.version import Constraint
from tests.core.test_gates import NAMES
from tests.test_config import only, refused, text
from tests.test_repository import fenced

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "policy.md"
SCHEMA = json.loads(config.json_schema())
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(policy: str) -> str:
    """A config with this policy on its line 5."""
    return text(more=f"policy: {policy}")


def ranges(*texts: str) -> tuple[Constraint, ...]:
    return tuple(map(Constraint.parse, texts))


# --- what it means ---------------------------------------------------------------------------------------------------

MEANINGS = {
    "nothing": ("{}", Policy()),
    "tests as a plain word": ("{tests: required}", Policy(tests=model.Tests.REQUIRED)),
    "optional tests as a plain word": (
        "{tests: optional, soak: 1d}",
        Policy(tests=model.Tests.OPTIONAL, soak=24 * HOUR),
    ),
    "tests in full": (
        "{tests: {mode: optional, minimum: 2, maxAge: 30d}, soak: 1h}",
        Policy(tests=model.Tests.OPTIONAL, soak=HOUR, minimum=2, max_age=30 * 24 * HOUR),
    ),
    "tests in part": ("{tests: {minimum: 2}}", Policy(minimum=2)),
    "a range": ('{allow: ">=1.2.0 <2.0.0"}', Policy(allow=ranges(">=1.2.0 <2.0.0"))),
    "a step": ("{bump: minor}", Policy(bump=Step.MINOR)),
    "prereleases": ("{prereleases: true}", Policy(prereleases=True)),
    "no prereleases": ("{prereleases: false}", Policy(prereleases=False)),
    "versions to ignore": ('{ignore: [1.2.3, v1.2.4, ">=2"]}', Policy(ignore=ranges("1.2.3", "v1.2.4", ">=2"))),
    "nothing to ignore": ("{ignore: []}", Policy(ignore=())),
    "a window": (
        "{windows: [{cron: 0 9 * * MON-FRI, duration: 8h}]}",
        Policy(windows=(Window(Cron("0 9 * * MON-FRI", ZoneInfo("UTC")), 8 * HOUR),)),
    ),
    "windows in a zone": (
        (
            "{windows: [{cron: '*/5 * * * *', duration: 1h30m, timeZone: Europe/Berlin, kind: deny},"
            " {cron: 0 0 1 1 *, duration: 366d, kind: allow}]}"
        ),
        Policy(
            windows=(
                Window(Cron("*/5 * * * *", BERLIN), 1.5 * HOUR, WindowKind.DENY),
                Window(Cron("0 0 1 1 *", ZoneInfo("UTC")), 366 * 24 * HOUR),
            )
        ),
    ),
    "a freeze": (
        "{freeze: {until: 2027-01-04, reason: year end}}",
        Policy(freeze=(Freeze(datetime(2027, 1, 4, tzinfo=UTC), "year end"),)),
    ),
    "several freezes": (
        "{freeze: [{until: 2027-01-04T08:00:00+01:00}, {until: '2027-02-01'}]}",
        Policy(
            freeze=(Freeze(datetime(2027, 1, 4, 7, tzinfo=UTC)), Freeze(datetime(2027, 2, 1, tzinfo=UTC))),
        ),
    ),
    "no freeze": ("{freeze: []}", Policy(freeze=())),
}


@pytest.mark.parametrize(("policy", "expected"), MEANINGS.values(), ids=MEANINGS.keys())
def test_a_policy_means(policy: str, expected: Policy) -> None:
    assert only(written(policy)).promotion.policy == expected


def test_overrides_arrive_in_their_order() -> None:
    promotion = only(
        written(
            "{soak: 1h, overrides: [{selector: 'tier in (a,b)', soak: 2h}, {release: 'db/*', bump: patch},"
            " {selector: x, release: '*/y-?', tests: optional}]}"
        )
    ).promotion
    assert promotion.policy == Policy(soak=HOUR)
    assert promotion.overrides == (
        Override(Policy(soak=2 * HOUR), Selector.parse("tier in (a,b)")),
        Override(Policy(bump=Step.PATCH), release="db/*"),
        Override(Policy(tests=model.Tests.OPTIONAL), Selector.parse("x"), "*/y-?"),
    )


# --- mistakes --------------------------------------------------------------------------------------------------------

P = "c.yaml:5: promotions[0].policy"
DURATION = "which is not a duration such as 90s, 1h30m or 2d"
NO_UNIT = "found a number without a unit; write a duration such as 60s"
RANGE = "which is not a version range; write one such as 1.2.3, ~1.2 or >=1.2.0 <2.0.0"
DATE = "write a date such as 2027-01-04, or a time with its zone such as 2027-01-04T08:00:00+01:00"
SOAK = "is missing; with tests optional, give how long a release must be Ready, such as 1d"
WINDOW = "duration: 1h"


def window(keys: str) -> str:
    return f"{{windows: [{{{keys}}}]}}"


MISTAKES = {
    "a word that is none": (
        "{tests: never}",
        f"{P}.tests: found \"never\", but 'required' or 'optional' belongs here",
    ),
    "a mode that is none": (
        "{tests: {mode: never}}",
        f"{P}.tests.mode: found \"never\", but 'required' or 'optional' belongs here",
    ),
    "tests as a list": (
        "{tests: [required]}",
        f"{P}.tests: found a list, but a mapping belongs here, with the keys mode, minimum, maxAge",
    ),
    "tests without a value": ("{tests: }", f"{P}.tests: found nothing; give a value, or take the key away"),
    "a key of tests that is none": ("{tests: {max: 2}}", f'{P}.tests: unknown key "max"; did you mean "maxAge"?'),
    "no tests at all": (
        "{tests: {minimum: 0}}",
        f"{P}.tests.minimum: found a number, but a whole number above 0 belongs here",
    ),
    "an age without a unit": ("{tests: {maxAge: 30}}", f"{P}.tests.maxAge: {NO_UNIT}"),
    "an age of no time": (
        "{tests: {maxAge: 0s}}",
        f'{P}.tests.maxAge: found "0s", which is no time at all; write a longer one',
    ),
    "optional tests in full without a soak": ("{tests: {mode: optional}}", f"{P}.soak: {SOAK}"),
    "an override with optional tests and no soak": (
        "{overrides: [{release: a/b, tests: optional}]}",
        f"{P}.overrides[0].soak: {SOAK}",
    ),
    "a range that is none": ("{allow: new}", f'{P}.allow: found "new", {RANGE}'),
    "an empty range": ("{allow: ''}", f'{P}.allow: found "", {RANGE}'),
    "a number as range": ("{allow: 1.2}", f"{P}.allow: found a number, but text belongs here; put it in quotes"),
    "a step that is none": (
        "{bump: tiny}",
        f"{P}.bump: found \"tiny\", but 'patch', 'minor' or 'major' belongs here",
    ),
    "a word for prereleases": (
        "{prereleases: sometimes}",
        f'{P}.prereleases: found "sometimes", but true or false belongs here',
    ),
    "one version to ignore": (
        "{ignore: 1.2.3}",
        f'{P}.ignore: found "1.2.3", but a list, [like, this], belongs here',
    ),
    "a version to ignore that is none": ("{ignore: [1.2.3, x.y]}", f'{P}.ignore[1]: found "x.y", {RANGE}'),
    "a window without cron": (
        window(WINDOW),
        f"{P}.windows[0].cron: is missing; give when it opens: the five fields of cron, such as 0 9 * * MON-FRI",
    ),
    "a window without duration": (
        window("cron: 0 9 * * *"),
        (
            f"{P}.windows[0].duration: is missing; give how long it lasts, such as 8h or 2d,"
            " whatever the clock is changed by meanwhile"
        ),
    ),
    "a cron of six fields": (
        window(f"cron: 0 0 9 * * *, {WINDOW}"),
        (
            f'{P}.windows[0].cron: found "0 0 9 * * *", which has not five fields:'
            " minute, hour, day of month, month, day of week"
        ),
    ),
    "a cron that is none": (
        window(f"cron: 0 25 * * *, {WINDOW}"),
        f'{P}.windows[0].cron: found "0 25 * * *", which cron cannot read: bad hour',
    ),
    "a cron that never comes round": (
        window(f"cron: 0 0 30 2 *, {WINDOW}"),
        f'{P}.windows[0].cron: found "0 0 30 2 *", which cron cannot read: bad day-of-month',
    ),
    "a window of no time": (
        window("cron: 0 9 * * *, duration: 0h"),
        f'{P}.windows[0].duration: found "0h", which is no time at all; write a longer one',
    ),
    "a window of years": (
        window("cron: 0 9 * * *, duration: 367d"),
        f'{P}.windows[0].duration: found "367d", which is over 366d; write a shorter one',
    ),
    "a zone with a slip": (
        window(f"cron: 0 9 * * *, {WINDOW}, timeZone: Europe/Berln"),
        (
            f'{P}.windows[0].timeZone: found "Europe/Berln", which is no time zone of the IANA database;'
            ' did you mean "Europe/Berlin"?'
        ),
    ),
    "a zone that is a folder": (
        window(f"cron: 0 9 * * *, {WINDOW}, timeZone: .."),
        (
            f'{P}.windows[0].timeZone: found "..", which is no time zone of the IANA database;'
            " write one such as Europe/Berlin, or UTC"
        ),
    ),
    "a kind that is none": (
        window(f"cron: 0 9 * * *, {WINDOW}, kind: maybe"),
        f"{P}.windows[0].kind: found \"maybe\", but 'allow' or 'deny' belongs here",
    ),
    "one window": (
        "{windows: {cron: 0 9 * * *, duration: 1h}}",
        f"{P}.windows: found a mapping, but a list, [like, this], belongs here",
    ),
    "a freeze without an end": (
        "{freeze: {reason: x}}",
        (
            f"{P}.freeze.until: is missing; give when it ends: a date, as that day starts in UTC,"
            " or a time with its zone, such as 2027-01-04T08:00:00+01:00"
        ),
    ),
    "a freeze until no date": (
        "{freeze: {until: 2027-02-30}}",
        f'{P}.freeze.until: found "2027-02-30", which is no date; {DATE}',
    ),
    "a freeze in a list until a time without a zone": (
        "{freeze: [{until: 2027-02-01}, {until: 2027-02-01T08:00:00}]}",
        f'{P}.freeze[1].until: found "2027-02-01T08:00:00", which has no time zone; {DATE}',
    ),
    "a freeze until a number": (
        "{freeze: {until: 2027}}",
        f"{P}.freeze.until: found a number, but text belongs here; put it in quotes",
    ),
    "a freeze that is a date": (
        "{freeze: 2027-02-01}",
        f'{P}.freeze: found "2027-02-01", but a list, [like, this], belongs here',
    ),
    "an override for nobody": (
        "{overrides: [{soak: 1h}]}",
        f"{P}.overrides[0]: says for no release; give selector, release or both",
    ),
    "an override without a change": (
        "{overrides: [{release: a/b, selector: c}]}",
        f"{P}.overrides[0]: changes nothing; give what is different for these releases, such as soak",
    ),
    "a selector that Kubernetes refuses": (
        "{overrides: [{selector: 'a b', soak: 1h}]}",
        (
            f"{P}.overrides[0].selector: is not a Kubernetes label selector:"
            ' it cannot be read at "b"; write it like app=vault,tier in (a,b),!canary'
        ),
    ),
    "a release without a namespace": (
        "{overrides: [{release: vault*, soak: 1h}]}",
        (
            f'{P}.overrides[0].release: found "vault*", which is not a namespace/name in small letters,'
            " where * stands for any signs and ? for one"
        ),
    ),
    "overrides within overrides": (
        "{overrides: [{release: a/b, overrides: []}]}",
        (
            f'{P}.overrides[0]: unknown key "overrides"; known here: tests, soak, allow, bump, prereleases, ignore,'
            " windows, freeze, selector, release"
        ),
    ),
    "overrides as a mapping": (
        "{overrides: {a/b: {soak: 1h}}}",
        f"{P}.overrides: found a mapping, but a list, [like, this], belongs here",
    ),
    "an override that is a text": (
        "{overrides: [a]}",
        (
            f'{P}.overrides[0]: found "a", but a mapping belongs here, with the keys tests, soak, allow, bump,'
            " prereleases, ignore, windows, freeze, selector, release"
        ),
    ),
    "several at once": (
        "{bump: tiny, soak: 1, overrides: [{bump: huge}], windows: [{cron: x, duration: 1}]}",
        (
            f"{P}.bump: found \"tiny\", but 'patch', 'minor' or 'major' belongs here\n"
            f"{P}.soak: {NO_UNIT}\n"
            f"{P}.overrides[0]: says for no release; give selector, release or both\n"
            f"{P}.overrides[0].bump: found \"huge\", but 'patch', 'minor' or 'major' belongs here\n"
            f'{P}.windows[0].cron: found "x", which has not five fields:'
            " minute, hour, day of month, month, day of week\n"
            f"{P}.windows[0].duration: {NO_UNIT}"
        ),
    ),
}


@pytest.mark.parametrize(("policy", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_its_place_and_its_cure(policy: str, message: str) -> None:
    assert sorted(refused(written(policy)).splitlines()) == sorted(message.splitlines())


IN_THE_SCHEMA = [
    "a word that is none",
    "a mode that is none",
    "no tests at all",
    "optional tests in full without a soak",
    "an empty range",
    "a step that is none",
    "a window without cron",
    "a kind that is none",
    "a freeze without an end",
    "an override for nobody",
    "a release without a namespace",
    "overrides within overrides",
]


@pytest.mark.parametrize("mistake", IN_THE_SCHEMA)
def test_the_schema_refuses_it_too(mistake: str) -> None:
    content = YAML(typ="safe", pure=True).load(written(MISTAKES[mistake][0]))
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(content)


@pytest.mark.parametrize("policy", [policy for policy, _ in MEANINGS.values()], ids=MEANINGS.keys())
def test_the_schema_takes_what_is_right(policy: str) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.load(written(policy)))


@given(st.text() | st.text(st.sampled_from("0123456789*/,-LW# MONFRI"), max_size=20))
def test_whatever_a_cron_holds_only_config_error_is_raised(tmp_path_factory: pytest.TempPathFactory, cron: str) -> None:
    path = tmp_path_factory.getbasetemp() / "cron.yaml"
    path.write_text(written(window(f"cron: {json.dumps(cron)}, {WINDOW}")), "utf-8")
    try:
        found = config.load(path, {}).promotions[0].promotion.policy.windows
    except config.ConfigError:
        return
    assert found is not None
    assert found[0].cron.after(datetime(2026, 1, 1, tzinfo=UTC)) is not None


def test_time_zones_are_known_where_the_system_has_none() -> None:
    command = [sys.executable, "-m", "reconciler", "check-config", "-c", "config/policy.yaml"]
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONTZPATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "config/policy.yaml: ok, 1 promotion\n")


# --- the page --------------------------------------------------------------------------------------------------------

SHOWN = fenced(PAGE, "yaml")


@pytest.mark.parametrize("example", [one for one in SHOWN if one.startswith("policy:")])
def test_every_policy_that_the_page_shows_loads(example: str) -> None:
    promotion = only(text(more=indent(example, "    ").strip())).promotion
    assert promotion.policy != Policy()


@pytest.mark.parametrize("example", [one for one in SHOWN if one.startswith("apiVersion:")])
def test_every_annotation_that_the_page_shows_is_understood(example: str) -> None:
    manifest = YAML(typ="safe", pure=True).load(example)
    body = {"chart": {"spec": {"chart": "vault", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}}
    release = flux.decode(manifest | {"spec": body}).object  # type: ignore[union-attr]  # it is a HelmRelease
    assert isinstance(release, HelmRelease)
    found = terms(Promotion("home", "git:fleet#main", ("**",)), release)
    assert (found.malformed, found.idle) == ((), ())
    assert found != Terms()


def test_the_page_shows_nothing_else() -> None:
    starts = {one.partition(":")[0] for one in SHOWN}
    assert starts == {"promotions", "policy", "apiVersion"}


def test_the_page_tells_every_key_every_annotation_and_every_gate() -> None:
    page = PAGE.read_text()
    keys = {
        key
        for name in ("PolicyBlock", "TestsBlock", "WindowBlock", "FreezeBlock", "OverrideBlock")
        for key in SCHEMA["$defs"][name]["properties"]
    }
    assert {key for key in keys if not re.search(rf"\b{key}\b", page)} == set()

    table = re.findall(r"^\| `helm-promoter/([a-z-]+)` \|.*`(.*)` \|$", page, re.MULTILINE)
    (unknown,) = terms(Promotion("home", "", ()), HelmRelease(Key("a", "b"), 1, 1, annotations=(("x", ""),))).malformed
    assert sorted(name for name, _ in table) == sorted(unknown.partition("known are ")[2].split(", "))
    given = tuple((name, text.replace("\\|", "|")) for name, text in table)
    found = terms(Promotion("home", "", ()), HelmRelease(Key("a", "b"), 1, 1, annotations=given))
    assert (found.malformed, found.idle) == ((), ())

    order = page.partition("They are asked in this order")[2].partition("`until`")[0]
    assert re.findall(r"`([a-z]+)`", order) == NAMES
