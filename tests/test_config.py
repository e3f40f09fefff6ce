from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler import config
from reconciler.core import model
from reconciler.core.model import AutoMerge, Bump, Key, Manners, Match, MergeMethod, Policy, Promotion

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parent.parent / "config"
STAGING = "{cluster: {inCluster: true}, namespaces: [vault]}"
PRODUCTION = "{git: {url: ./fleet.git}}"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def text(
    *, name: str = "home", staging: str = STAGING, production: str = PRODUCTION, more: str = "", top: str = ""
) -> str:
    """A config of one promotion: name on line 2, staging on 3, production on 4, more on 5, top on 6."""
    lines = ["promotions:", f"  - name: {name}", f"    staging: {staging}", f"    production: {production}"]
    return "\n".join([*lines, f"    {more}", top, ""])


def load(content: str | bytes) -> config.Settings:
    Path("c.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    return config.load(Path("c.yaml"), {"HOME": "/home/someone"})


def refused(content: str | bytes) -> str:
    with pytest.raises(config.ConfigError) as refusal:
        load(content)
    assert refusal.value.__cause__ is None
    return str(refusal.value)


def only(content: str) -> config.PromotionSettings:
    (promotion,) = load(content).promotions
    return promotion


# --- what a good file means ------------------------------------------------------------------------------------------


def test_a_minimal_file_gets_the_safe_defaults(tmp_path: Path) -> None:
    assert load(text()) == config.Settings(
        interval=timedelta(seconds=60),
        active_deadline=timedelta(minutes=10),
        promotions=(
            config.PromotionSettings(
                promotion=Promotion("home", f"git:{tmp_path}/fleet.git#main", ("**/*.yaml", "**/*.yml")),
                staging=config.StagingSettings(config.InCluster(), ("vault",), ""),
                production=config.GitSettings(config.Url(f"{tmp_path}/fleet.git")),
                branch="main",
            ),
        ),
        cache=Path("/home/someone/.cache/helm-promoter"),
    )


def test_every_key_of_git_arrives(tmp_path: Path) -> None:
    promotion = only(
        text(
            staging="{cluster: {kubeconfig: ../k, context: c}, namespaces: ['*'], selector: 'a in (b)'}",
            production="{git: {url: 'git@h:o/n.git', auth: {sshKeyFile: /k, knownHostsFile: h}, pushOptions: [a, b=c]},"
            " branch: live, paths: [a/**, '!a/b']}",
            more="match: [{staging: a/b, production: c/d.e}]\n    policy: {tests: optional, soak: 1d12h}",
        )
    )

    assert promotion == config.PromotionSettings(
        promotion=Promotion(
            "home",
            "git:h:o/n#live",
            ("a/**", "!a/b"),
            (Match(Key("a", "b"), Key("c", "d.e")),),
            Policy(model.Tests.OPTIONAL, timedelta(days=1, hours=12)),
        ),
        staging=config.StagingSettings(config.Kubeconfig(tmp_path.parent / "k", "c"), ("*",), "a in (b)"),
        production=config.GitSettings(
            url=config.Url("git@h:o/n.git"),
            ssh_key_file=Path("/k"),
            known_hosts_file=tmp_path / "h",
            push_options=("a", "b=c"),
        ),
        branch="live",
    )


AUTHS = {
    "without auth the environment's token counts": ("", config.TokenFromEnvironment()),
    "a token file": (", auth: {tokenFile: /t}", config.TokenFile(Path("/t"))),
    "an app": (", auth: {app: {id: 7, privateKeyFile: /k}}", config.App(7, Path("/k"))),
    "an app by its client ID": (
        ", auth: {app: {id: Iv23, privateKeyFile: /k, installationId: 9}}",
        config.App("Iv23", Path("/k"), 9),
    ),
}


@pytest.mark.parametrize(("auth", "expected"), AUTHS.values(), ids=AUTHS.keys())
def test_github_knows_who_it_is(
    auth: str, expected: config.TokenFile | config.App | config.TokenFromEnvironment
) -> None:
    promotion = only(text(production=f"{{github: {{repository: O/N.git, baseUrl: 'https://H/api/v3/'{auth}}}}}"))

    assert promotion.production == config.GitHubSettings("O/N", "https://H/api/v3", expected)
    assert promotion.promotion.repository == "github:h/o/n#main"


IDENTITIES = {
    "a path, made absolute": (["./fleet", "fleet/", "x/../fleet", "file://{here}/fleet", "fleet/.git"], "{here}/fleet"),
    "a bare repository beside it is another": (["fleet.git", "./fleet.git/"], "{here}/fleet.git"),
    "an address": (["https://H.x/o/N", "HTTPS://h.x/o/N.git", "https://u:p@h.x/o/N/"], "https://h.x/o/N"),
    "an address with a port": (["ssh://git@H:22/o/n.git", "ssh://h:22/o/n"], "ssh://h:22/o/n"),
    "an address in scp's way": (["git@H:o/n.git", "h:o/n/"], "h:o/n"),
}


@pytest.mark.parametrize(("urls", "identity"), IDENTITIES.values(), ids=IDENTITIES.keys())
def test_spellings_of_one_repository_are_told_to_be_one(tmp_path: Path, urls: list[str], identity: str) -> None:
    for url in urls:
        promotion = only(text(production=f"{{git: {{url: '{url.format(here=tmp_path)}'}}}}"))

        assert promotion.promotion.repository == f"git:{identity.format(here=tmp_path)}#main"


ON_GITHUB = "{github: {repository: o/n}}"


def manners(block: str, production: str = ON_GITHUB) -> Manners:
    return only(text(production=production, more=f"pullRequest: {block}")).promotion.manners


def test_every_key_of_pull_requests_arrives() -> None:
    block = """
      title: "{{ name }}"
      body: "{{ chart }}"
      commitMessage: "{{ to }}"
      signOff: Ada Bot <ada@example.com>
      labels: [promotion, "ünïcode / x"]
      assignees: [ada]
      reviewers: [grace-h, emu_corp]
      teamReviewers: [plat.form]
      draft: true
      autoMerge: {method: rebase, bumps: [major], unprotected: true}
      maxOpen: 3
      maxPerPass: 1"""

    assert manners(block) == Manners(
        title="{{ name }}",
        body="{{ chart }}",
        commit_message="{{ to }}",
        sign_off="Ada Bot <ada@example.com>",
        labels=("promotion", "ünïcode / x"),
        assignees=("ada",),
        reviewers=("grace-h", "emu_corp"),
        team_reviewers=("plat.form",),
        draft=True,
        auto_merge=AutoMerge(MergeMethod.REBASE, (Bump.MAJOR,), unprotected=True),
        max_open=3,
        max_per_pass=1,
    )


def test_nobody_s_pull_requests_merge_by_themselves_unasked() -> None:
    assert manners("{}").auto_merge is None
    assert manners("{autoMerge: {}}").auto_merge == AutoMerge(MergeMethod.MERGE, (Bump.PATCH, Bump.MINOR))


def test_plain_git_takes_what_its_commits_say() -> None:
    block = '{title: a, commitMessage: b, signOff: "A <a@b>"}'

    assert manners(block, PRODUCTION) == Manners(title="a", commit_message="b", sign_off="A <a@b>")


DURATIONS = {
    "1s": timedelta(seconds=1),
    "500ms500ms": timedelta(seconds=1),
    "1h30m": timedelta(minutes=90),
    "2d": timedelta(days=2),
    "1.5h": timedelta(minutes=90),
    ".5m": timedelta(seconds=30),
    "1.s": timedelta(seconds=1),
    "1s1us1µs1μs999ns": timedelta(seconds=1, microseconds=3),
    "9223372036s": timedelta(seconds=9223372036),
}


@pytest.mark.parametrize(("duration", "expected"), DURATIONS.items())
def test_an_interval_is_a_go_duration_or_days(duration: str, expected: timedelta) -> None:
    assert load(text(top=f"interval: {duration}")).interval == expected


def test_anchors_and_merges_are_followed() -> None:
    settings = load(
        f"""
promotions:
  - &first
    name: a
    staging: &staging {STAGING}
    production: {PRODUCTION}
    policy: &first {{tests: required}}
  - name: b
    staging: {{<<: *staging, namespaces: [redis]}}
    production: {PRODUCTION}
    policy: {{<<: [{{soak: 2h}}, {{soak: 3h, tests: optional}}]}}
"""
    )

    assert [promotion.staging.namespaces for promotion in settings.promotions] == [("vault",), ("redis",)]
    assert settings.promotions[1].promotion.policy == Policy(model.Tests.OPTIONAL, timedelta(hours=2))


def test_plain_text_stays_as_it_is_written() -> None:
    assert only(text(production="{git: {url: x}, branch: 2024-01-01}")).branch == "2024-01-01"


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert load(b"\xef\xbb\xbf" + text().encode()) == load(text())


# --- mistakes ---------------------------------------------------------------------------------------------------------

CLUSTER = "needs exactly one of inCluster, kubeconfig, snapshot; found "
BRANCH = "which git refuses as a branch; write one such as main"
TEXT = "which holds a line break or a sign that does not print; take it away"
NO_UNIT = "found a number without a unit; write a duration such as 60s"
NOT_DURATION = "which is not a duration such as 90s, 1h30m or 2d"
NOT_NAMESPACE = 'which is not a namespace (small letters, digits and inner hyphens, 63 at most), or "*" for all'
NOT_API = "which is not an http or https address without credentials"
NO_AUTH = "has no meaning for a local path, or for anything but http, https and ssh; take it away"
APP_ID = "but the App's number or its client ID belongs here"
NAMES = (
    "known are promotion, shared, name, namespace, release, releases, chart, path, from, to, version, bump,"
    " app_version, app_version_before, revision, deployed, tested, proven, tests, gates, between"
)
NO_FORGE = "has no meaning for plain git, where promotions are branches; take it away"
MANNERS = "promotions[0].pullRequest"
GIT = "promotions[0].production.git"
GITHUB = "promotions[0].production.github"


def cluster(block: str) -> str:
    return text(staging=f"{{cluster: {block}, namespaces: [vault]}}")


def namespaces(block: str) -> str:
    return text(staging=f"{{cluster: {{inCluster: true}}, namespaces: {block}}}")


def selector(block: str) -> str:
    return text(staging=f"{{cluster: {{inCluster: true}}, namespaces: [a], selector: {block}}}")


def branch(name: str) -> str:
    return text(production=f"{{git: {{url: x}}, branch: {name}}}")


def paths(block: str) -> str:
    return text(production=f"{{git: {{url: x}}, paths: {block}}}")


def git(block: str) -> str:
    return text(production=f"{{git: {block}}}")


def github(block: str) -> str:
    return text(production=f"{{github: {block}}}")


def pull_request(block: str) -> str:
    return text(production=ON_GITHUB, more=f"pullRequest: {{{block}}}")


def app(block: str) -> str:
    return github(f"{{repository: o/n, auth: {{app: {block}}}}}")


MISTAKES = {
    # the file as a whole
    "an empty file": ("", "c.yaml: is empty; it needs promotions, and helm-promoter schema tells every key"),
    "only a comment": ("# x\n", "c.yaml: is empty; it needs promotions, and helm-promoter schema tells every key"),
    "not UTF-8": (b"a: 1\nb: \xff\n", "c.yaml:2: is not UTF-8 text; save it as UTF-8"),
    "a control character": ("a: \x00", "c.yaml: is not YAML: it holds a control character; take it away"),
    "over 1 MiB": ("#" * 2**20 + "#", "c.yaml: is over 1 MiB; name a config file, those are smaller"),
    "broken YAML": ("a: b: c", "c.yaml:1: is not YAML: mapping values are not allowed here; correct it"),
    "an unknown alias": ("a:\n  *b", "c.yaml:2: is not YAML: found undefined alias 'b'; correct it"),
    "two documents": ("a: 1\n---\nb: 2", "c.yaml:2: is not YAML: but found another document; correct it"),
    "nested too deep": ("[" * 600, "c.yaml: is nested too deep; a config needs seven levels at most"),
    "an alias of itself": ("a: &a [*a]", "c.yaml: is nested too deep; a config needs seven levels at most"),
    "an alias bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "c.yaml:1: the aliases up to here make over 100000 values; use fewer",
    ),
    "a bomb of merges": (
        "a: &a {}\n"
        + "".join(
            f"{new}: &{new} {{<<: [{','.join([f'*{old}'] * 10)}]}}\n"
            for old, new in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "c.yaml:1: the aliases up to here make over 100000 values; use fewer",
    ),
    "a very long text": ("a: " + "x" * 5001, "c.yaml:1: a text here has over 5000 characters; write a shorter one"),
    "half a character": (
        '"\\ud83d\\ude00": a',
        "c.yaml:1: a text here holds half a character (\\ud83d); write the whole character itself",
    ),
    "a false number": ("a: !!int b", "c.yaml:1: this is not the number or boolean that it looks like; quote it"),
    "a false boolean": ("a: !!bool b", "c.yaml:1: this is not the number or boolean that it looks like; quote it"),
    "a merge of text": ("a:\n  <<: b", 'c.yaml:2: "<<" takes mappings only; write them out instead'),
    "a merge of texts": ("a:\n  <<: [b]", 'c.yaml:2: "<<" takes mappings only; write them out instead'),
    "a list": (
        "- a",
        "c.yaml: found a list, but a mapping belongs here, with the keys interval, activeDeadline, promotions",
    ),
    "a text": (
        "a",
        'c.yaml: found "a", but a mapping belongs here, with the keys interval, activeDeadline, promotions',
    ),
    "no promotions": (
        "interval: 1m",
        (
            "c.yaml: promotions: is missing;"
            " give the promotions, each from one staging cluster to one production repository"
        ),
    ),
    "an empty list of promotions": ("promotions: []", "c.yaml:1: promotions: is empty; list one at least"),
    "promotions as a mapping": (
        "promotions: {a: b}",
        "c.yaml:1: promotions: found a mapping, but a list, [like, this], belongs here",
    ),
    # keys
    "an unknown key with a near one": (
        text(top="intervall: 1m"),
        'c.yaml:6: unknown key "intervall"; did you mean "interval"?',
    ),
    "an unknown key deep inside": (
        cluster("{inCluster: true, x: 1}"),
        (
            'c.yaml:3: promotions[0].staging.cluster: unknown key "x";'
            " known here: inCluster, kubeconfig, context, snapshot"
        ),
    ),
    "an unknown key with none near it": (
        pull_request("colour: red"),
        (
            f'c.yaml:5: {MANNERS}: unknown key "colour"; known here: title, body, commitMessage, signOff, labels,'
            " assignees, reviewers, teamReviewers, draft, autoMerge, maxOpen, maxPerPass"
        ),
    ),
    "a number as key": (
        text(top="1: 2"),
        'c.yaml:6: unknown key "1"; known here: interval, activeDeadline, promotions',
    ),
    "a list as key": (
        text(top="? [a]\n: b"),
        "c.yaml:6: a list or mapping is no key; write a name before the colon",
    ),
    "a key given twice": (text(more="name: home"), 'c.yaml:5: promotions[0]: "name" is given twice; keep one'),
    "a key without a value": (
        text(more="policy:\n      soak:"),
        "c.yaml:6: promotions[0].policy.soak: found nothing; give a value, or take the key away",
    ),
    "a block without a value": (
        text(more="policy:"),
        (
            "c.yaml:5: promotions[0].policy: found nothing, but a mapping belongs here, with the keys tests, soak,"
            " allow, bump, prereleases, ignore, windows, freeze, overrides"
        ),
    ),
    "a missing staging": (
        f"promotions:\n  - name: a\n    production: {PRODUCTION}",
        (
            "c.yaml:2: promotions[0].staging: is missing; give the side where versions are proven:"
            " {cluster: {...}, namespaces: [...], selector: ...}"
        ),
    ),
    # interval
    "an interval without a unit": (text(top="interval: 60"), f"c.yaml:6: interval: {NO_UNIT}"),
    "an interval that is a boolean": (
        text(top="interval: true"),
        "c.yaml:6: interval: found true, but text belongs here; put it in quotes",
    ),
    "an interval in weeks": (text(top="interval: 1w"), f'c.yaml:6: interval: found "1w", {NOT_DURATION}'),
    "a negative interval": (text(top="interval: -1m"), f'c.yaml:6: interval: found "-1m", {NOT_DURATION}'),
    "an interval below a second": (
        text(top="interval: 999ms"),
        'c.yaml:6: interval: found "999ms"; write 1s or longer',
    ),
    "an active deadline below a second": (
        text(top="activeDeadline: 0s"),
        'c.yaml:6: activeDeadline: found "0s"; write 1s or longer',
    ),
    "an interval of centuries": (
        text(top="interval: 9223372036.1s"),
        'c.yaml:6: interval: found "9223372036.1s", which is over 292 years; write a shorter one',
    ),
    # names
    "a name in capitals": (
        text(name="Home"),
        'c.yaml:2: promotions[0].name: found "Home", which is not a name of 1 to 40 small letters, digits and hyphens',
    ),
    "a name of 41 letters": (
        text(name="a" * 41),
        (
            f'c.yaml:2: promotions[0].name: found "{"a" * 41}",'
            " which is not a name of 1 to 40 small letters, digits and hyphens"
        ),
    ),
    "a name that ends its line": (
        text(name='"a\\n"'),
        'c.yaml:2: promotions[0].name: found "a\\n", which is not a name of 1 to 40 small letters, digits and hyphens',
    ),
    "a number as name": (
        text(name="1"),
        "c.yaml:2: promotions[0].name: found a number, but text belongs here; put it in quotes",
    ),
    "a list as name": (text(name="[a]"), "c.yaml:2: promotions[0].name: found a list, but text belongs here"),
    "a name used twice": (
        text(more=f"policy: {{}}\n  - name: home\n    staging: {STAGING}\n    production: {PRODUCTION}"),
        "c.yaml:6: promotions[1].name: is the name of promotions[0] too; give each its own",
    ),
    # staging
    "no cluster": (cluster("{}"), f"c.yaml:3: promotions[0].staging.cluster: {CLUSTER}none"),
    "two clusters": (
        cluster("{inCluster: true, snapshot: x}"),
        f"c.yaml:3: promotions[0].staging.cluster: {CLUSTER}inCluster and snapshot",
    ),
    "not in the cluster": (
        cluster("{inCluster: false}"),
        (
            "c.yaml:3: promotions[0].staging.cluster.inCluster: found false, but only true belongs here;"
            " or give kubeconfig or snapshot instead"
        ),
    ),
    "a context without a kubeconfig": (
        cluster("{snapshot: x, context: y}"),
        (
            "c.yaml:3: promotions[0].staging.cluster.context: goes with kubeconfig only;"
            " give kubeconfig too, or take context away"
        ),
    ),
    "an empty file name": (
        cluster("{snapshot: ''}"),
        "c.yaml:3: promotions[0].staging.cluster.snapshot: is empty; write something, or take it away",
    ),
    "no namespaces": (namespaces("[]"), "c.yaml:3: promotions[0].staging.namespaces: is empty; list one at least"),
    "a namespace that is no list": (
        namespaces("vault"),
        'c.yaml:3: promotions[0].staging.namespaces: found "vault", but a list, [like, this], belongs here',
    ),
    "a namespace in capitals": (
        namespaces("[a, B]"),
        f'c.yaml:3: promotions[0].staging.namespaces[1]: found "B", {NOT_NAMESPACE}',
    ),
    "a namespace of 64 letters": (
        namespaces(f"[{'n' * 64}]"),
        f'c.yaml:3: promotions[0].staging.namespaces[0]: found "{"n" * 64}", {NOT_NAMESPACE}',
    ),
    "a pattern as namespace": (
        namespaces("['a*']"),
        f'c.yaml:3: promotions[0].staging.namespaces[0]: found "a*", {NOT_NAMESPACE}',
    ),
    "all namespaces and one": (
        namespaces("['*', a]"),
        'c.yaml:3: promotions[0].staging.namespaces: found "*" beside others; write ["*"] for all',
    ),
    "a namespace twice": (
        namespaces("[a, b, a]"),
        'c.yaml:3: promotions[0].staging.namespaces: found "a" more than once; keep one',
    ),
    "a selector that Kubernetes refuses": (
        selector("'a b'"),
        (
            "c.yaml:3: promotions[0].staging.selector: is not a Kubernetes label selector:"
            ' it cannot be read at "b"; write it like app=vault,tier in (a,b),!canary'
        ),
    ),
    "an address as selector": (
        selector("'https://u:p@h'"),
        "c.yaml:3: promotions[0].staging.selector: is not a Kubernetes label selector: it holds an @",
    ),
    # production
    "no production": (
        text(production="{}"),
        "c.yaml:4: promotions[0].production: needs exactly one of github, git; found none",
    ),
    "two productions": (
        text(production="{git: {url: x}, github: {repository: o/n}}"),
        "c.yaml:4: promotions[0].production: needs exactly one of github, git; found github and git",
    ),
    "a branch with a space": (branch("a b"), f'c.yaml:4: promotions[0].production.branch: found "a b", {BRANCH}'),
    "a branch that is a number": (
        branch("1.10"),
        "c.yaml:4: promotions[0].production.branch: found a number, but text belongs here; put it in quotes",
    ),
    "no paths": (paths("[]"), "c.yaml:4: promotions[0].production.paths: is empty; list one at least"),
    "an empty path": (
        paths("['']"),
        "c.yaml:4: promotions[0].production.paths[0]: is empty; write something, or take it away",
    ),
    "an absolute path": (
        paths("[a, '!/b']"),
        (
            'c.yaml:4: promotions[0].production.paths[1]: found "!/b";'
            " globs start at the repository's top, so take the first / away"
        ),
    ),
    "a path that leaves": (
        paths("[a/../b]"),
        (
            'c.yaml:4: promotions[0].production.paths[0]: found "a/../b";'
            " globs stay inside the repository, so take .. away"
        ),
    ),
    "a path that excludes nothing": (
        paths("[a, '!']"),
        'c.yaml:4: promotions[0].production.paths[1]: found "!", which excludes nothing; write a glob after it',
    ),
    "paths that only exclude": (
        paths("['!a', '!b']"),
        'c.yaml:4: promotions[0].production.paths: lets nothing in; add a glob without !, such as "**/*.yaml"',
    ),
    # git
    "an address that looks like an option": (
        git("{url: --upload-pack=x}"),
        f"c.yaml:4: {GIT}.url: starts with a hyphen, so git would take it for an option; write ./ before a path",
    ),
    "an address without a host": (
        git("{url: 'https://u:p@/x'}"),
        f"c.yaml:4: {GIT}.url: names no host; write it like https://host/owner/name.git",
    ),
    "a password with a raw slash": (
        git("{url: 'https://u:p/w@h/x'}"),
        f"c.yaml:4: {GIT}.url: has an @ after its first slash; write / in a password as %2F, and @ in a path as %40",
    ),
    "a token in the query": (
        git("{url: 'https://h/x.git?private_token=S3CR3T'}"),
        (
            f"c.yaml:4: {GIT}.url: has a query, which git does not log in by;"
            " put the token into a file, and that in auth.tokenFile"
        ),
    ),
    "a password without a scheme": (
        git("{url: 'u:p@h/x'}"),
        f"c.yaml:4: {GIT}.url: has a password but no scheme; write it like https://host/owner/name.git",
    ),
    "no auth in auth": (
        git("{url: 'https://h/x', auth: {}}"),
        f"c.yaml:4: {GIT}.auth: needs exactly one of tokenFile, sshKeyFile; found none",
    ),
    "a known host without a key": (
        git("{url: 'https://h/x', auth: {tokenFile: t, knownHostsFile: k}}"),
        (
            f"c.yaml:4: {GIT}.auth.knownHostsFile: goes with sshKeyFile only;"
            " give sshKeyFile too, or take knownHostsFile away"
        ),
    ),
    "a token for ssh": (
        git("{url: 'git@h:x', auth: {tokenFile: t}}"),
        f"c.yaml:4: {GIT}.auth.tokenFile: does not fit this address; give sshKeyFile instead",
    ),
    "a key for https": (
        git("{url: 'HTTPS://h/x', auth: {sshKeyFile: t}}"),
        f"c.yaml:4: {GIT}.auth.sshKeyFile: does not fit this address; give tokenFile instead",
    ),
    "a token for a path": (git("{url: ./x, auth: {tokenFile: t}}"), f"c.yaml:4: {GIT}.auth: {NO_AUTH}"),
    "a key for git's own protocol": (
        git("{url: 'git://h/x', auth: {sshKeyFile: t}}"),
        f"c.yaml:4: {GIT}.auth: {NO_AUTH}",
    ),
    "auth for no address": (
        git("{auth: {tokenFile: t}}"),
        f"c.yaml:4: {GIT}.url: is missing; give the repository's path or address, as git understands it",
    ),
    "a push option of two lines": (
        git('{url: x, pushOptions: ["a\\nb"]}'),
        f'c.yaml:4: {GIT}.pushOptions[0]: found "a\\nb", {TEXT}',
    ),
    "a push option with NUL": (
        git('{url: x, pushOptions: ["a\\0"]}'),
        f'c.yaml:4: {GIT}.pushOptions[0]: found "a\\x00", {TEXT}',
    ),
    # github
    "a repository without an owner": (
        github("{repository: n}"),
        f'c.yaml:4: {GITHUB}.repository: found "n", which is not owner/name',
    ),
    "a repository as an address": (
        github("{repository: 'https://u:p@github.com/o/n'}"),
        f'c.yaml:4: {GITHUB}.repository: found "https://***@github.com/o/n", which is not owner/name',
    ),
    "an API by ssh": (
        github("{repository: o/n, baseUrl: 'ssh://h'}"),
        f'c.yaml:4: {GITHUB}.baseUrl: found "ssh://h", {NOT_API}',
    ),
    "an API with credentials": (
        github("{repository: o/n, baseUrl: 'https://u:p@h'}"),
        f'c.yaml:4: {GITHUB}.baseUrl: found "https://***@h", {NOT_API}',
    ),
    "two ways to be somebody": (
        github("{repository: o/n, auth: {tokenFile: t, app: {id: 1, privateKeyFile: k}}}"),
        f"c.yaml:4: {GITHUB}.auth: needs exactly one of tokenFile, app; found tokenFile and app",
    ),
    "a boolean as app": (
        app("{id: true, privateKeyFile: k}"),
        f"c.yaml:4: {GITHUB}.auth.app.id: found true, {APP_ID}",
    ),
    "an empty app": (app("{id: '', privateKeyFile: k}"), f'c.yaml:4: {GITHUB}.auth.app.id: found "", {APP_ID}'),
    "an app below one": (
        app("{id: 0, privateKeyFile: k}"),
        f"c.yaml:4: {GITHUB}.auth.app.id: found a number, {APP_ID}",
    ),
    "an installation as text": (
        app("{id: 1, privateKeyFile: k, installationId: '5'}"),
        f'c.yaml:4: {GITHUB}.auth.app.installationId: found "5", but a whole number above 0 belongs here',
    ),
    "an installation below one": (
        app("{id: 1, privateKeyFile: k, installationId: 0}"),
        f"c.yaml:4: {GITHUB}.auth.app.installationId: found a number, but a whole number above 0 belongs here",
    ),
    # match and policy
    "a match without a namespace": (
        text(more="match: [{staging: a/b, production: c}]"),
        'c.yaml:5: promotions[0].match[0].production: found "c", which is not a namespace/name',
    ),
    "a release matched twice": (
        text(more="match: [{staging: a/b, production: c/d}, {staging: a/b, production: e/f}]"),
        "c.yaml:5: promotions[0].match[1].staging: is matched by match[0] already; keep one of them",
    ),
    "a prefix in match": (
        text(more="match: [{prefix: a}]"),
        (
            'c.yaml:5: promotions[0].match[0]: unknown key "prefix"; known here: staging, production\n'
            "c.yaml:5: promotions[0].match[0].staging: is missing; give the namespace/name that it has in staging\n"
            "c.yaml:5: promotions[0].match[0].production: is missing; give the namespace/name that it has in production"
        ),
    ),
    "tests that are neither": (
        text(more="policy: {tests: never}"),
        "c.yaml:5: promotions[0].policy.tests: found \"never\", but 'required' or 'optional' belongs here",
    ),
    "optional tests without soak": (
        text(more="policy: {tests: optional}"),
        (
            "c.yaml:5: promotions[0].policy.soak: is missing;"
            " with tests optional, give how long a release must be Ready, such as 1d"
        ),
    ),
    "no time to soak": (
        text(more="policy: {soak: 0d1ns}"),
        'c.yaml:5: promotions[0].policy.soak: found "0d1ns", which is no time at all; write a longer one',
    ),
    # pull requests
    "a template of a name that is none": (
        pull_request("title: '{{ nmae }}'"),
        f"c.yaml:5: {MANNERS}.title: cannot be filled in: 'nmae' is undefined; {NAMES}; correct the template",
    ),
    "a template with a mistake in its third line": (
        pull_request('body: "a\\n\\n{{ chart | shout }}"'),
        (
            f"c.yaml:5: {MANNERS}.body: cannot be filled in: No filter named 'shout'., in its line 3;"
            " correct the template"
        ),
    ),
    "a template that only works where there are tests": (
        pull_request("commitMessage: '{{ tests[0].name }}'"),
        (
            f"c.yaml:5: {MANNERS}.commitMessage: cannot be filled in: tuple object has no element 0; {NAMES};"
            " correct the template"
        ),
    ),
    "a template of nothing": (
        pull_request("title: ' '"),
        f"c.yaml:5: {MANNERS}.title: cannot be filled in: it makes no words at all; correct the template",
    ),
    "a sign-off without an address": (
        pull_request("signOff: Ada"),
        f'c.yaml:5: {MANNERS}.signOff: found "Ada"; write a name and an address, like Ada Bot <ada@example.com>',
    ),
    "a label of 51 letters": (
        pull_request(f"labels: [{'x' * 51}]"),
        f"c.yaml:5: {MANNERS}.labels[0]: is too long: GitHub takes 50 at most",
    ),
    "a label twice": (
        pull_request("labels: [a, b, a]"),
        f'c.yaml:5: {MANNERS}.labels: found "a" more than once; keep one',
    ),
    "a mention as a login": (
        pull_request("assignees: ['@ada']"),
        f'c.yaml:5: {MANNERS}.assignees[0]: found "@ada", which is not a login, without the @',
    ),
    "eleven assignees": (
        pull_request("assignees: [a, b, c, d, e, f, g, h, i, j, k]"),
        f"c.yaml:5: {MANNERS}.assignees: is too long: GitHub takes 10 at most",
    ),
    "a team with its organisation": (
        pull_request("teamReviewers: [org/team]"),
        (
            f'c.yaml:5: {MANNERS}.teamReviewers[0]: found "org/team", which is not a team\'s slug,'
            " without the @ and the organisation"
        ),
    ),
    "a draft that is a number": (
        pull_request("draft: 1"),
        f"c.yaml:5: {MANNERS}.draft: found a number, but true or false belongs here",
    ),
    "a way to merge that is none": (
        pull_request("autoMerge: {method: fast}"),
        f"c.yaml:5: {MANNERS}.autoMerge.method: found \"fast\", but 'merge', 'squash' or 'rebase' belongs here",
    ),
    "no step that merges": (
        pull_request("autoMerge: {bumps: []}"),
        f"c.yaml:5: {MANNERS}.autoMerge.bumps: is empty; list one at least",
    ),
    "no pull request at all": (
        pull_request("maxOpen: 0"),
        f"c.yaml:5: {MANNERS}.maxOpen: found a number, but a whole number above 0 belongs here",
    ),
    "pull requests of plain git": (
        text(more="pullRequest: {title: x, autoMerge: {}, maxOpen: 2}"),
        (f"c.yaml:5: {MANNERS}.autoMerge: {NO_FORGE}\nc.yaml:5: {MANNERS}.maxOpen: {NO_FORGE}"),
    ),
    "a soak without a unit": (text(more="policy: {soak: 1}"), f"c.yaml:5: promotions[0].policy.soak: {NO_UNIT}"),
}


@pytest.mark.parametrize(("content", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_its_place_and_its_cure(content: str | bytes, message: str) -> None:
    told = refused(content).splitlines()

    assert sorted(told) == sorted(message.splitlines())


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(config.ConfigError) as refusal:
        load(
            "foo: 1\ninterval: 5\npromotions:\n"
            "  - name: A\n    name: b\n    staging: {namepsaces: [a]}\n    production: []"
        )

    assert [(mistake.line, mistake.path) for mistake in refusal.value.mistakes] == [
        (1, ""),
        (2, "interval"),
        (4, "promotions[0].name"),
        (5, "promotions[0]"),
        (6, "promotions[0].staging.cluster"),
        (6, "promotions[0].staging.namespaces"),
        (6, "promotions[0].staging"),
        (7, "promotions[0].production"),
    ]


def test_a_missing_file_a_folder_and_a_file_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    Path("f").touch()
    told = []
    for path in (Path("none.yaml"), tmp_path, Path("f/c.yaml")):
        with pytest.raises(config.ConfigError) as refusal:
            config.load(path, {})
        told.append(str(refusal.value))

    assert told == [
        "none.yaml: does not exist; name a config file with -c",
        f"{tmp_path}: is a folder; name the config file in it",
        "f/c.yaml: cannot be read (Not a directory); name a file that this user may read",
    ]


SIGNS = st.text(st.sampled_from("ab/.-@{}~^: *?[\\\x01lockHEAD"), max_size=12)


@given(SIGNS)
def test_a_branch_is_what_git_takes_for_one(name: str) -> None:
    git_takes_it = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
    quoted = json.dumps(name)

    try:
        taken = only(branch(quoted)).branch == name
    except config.ConfigError:
        taken = False

    # git takes HEAD and @ here, and means what is checked out.
    assert taken is (git_takes_it.returncode == 0 and name not in {"HEAD", "@"})


def _keys(schema: object) -> Iterator[tuple[str, str]]:
    if isinstance(schema, dict):
        if "additionalProperties" in schema:
            yield from ((key, value.get("description", "")) for key, value in schema["properties"].items())
        for inner in schema.values():
            yield from _keys(inner)


SCHEMA = json.loads(config.json_schema())
KEYS = st.sampled_from(sorted({key for key, _ in _keys(SCHEMA)}))
VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["a", "a/b", "*", "1s"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | KEYS, inner, max_size=5),
    max_leaves=20,
)
PROMOTIONS = st.fixed_dictionaries({}, optional={"promotions": st.lists(st.dictionaries(KEYS, VALUES, max_size=5))})


@given(VALUES | PROMOTIONS)
def test_whatever_the_values_are_only_config_error_is_raised(
    tmp_path_factory: pytest.TempPathFactory, values: object
) -> None:
    _loads_or_is_refused(tmp_path_factory.getbasetemp(), json.dumps(values).encode())


@given(st.text(st.sampled_from("ab:-?&*!|>'\"%@`#{}[], \n\t0.\\<~")).map(str.encode) | st.binary())
def test_whatever_the_text_is_only_config_error_is_raised(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    _loads_or_is_refused(tmp_path_factory.getbasetemp(), content)


def _loads_or_is_refused(folder: Path, content: bytes) -> None:
    (folder / "any.yaml").write_bytes(content)
    lines = _told(folder / "any.yaml")

    assert all(line.startswith(f"{folder}/any.yaml:") for line in lines)


def _told(path: Path) -> list[str]:
    try:
        config.load(path, {})
    except config.ConfigError as refusal:
        lines = str(refusal).splitlines()
        return lines if len(lines) == len(refusal.mistakes) else ["lines and mistakes differ"]
    return []


# --- credentials ------------------------------------------------------------------------------------------------------

ADDRESSES = {
    "a password": ("https://user:pa%40ss@host/x.git", "https://host/x.git"),
    "a token as user": ("https://ghp_pass@host/x.git", "https://host/x.git"),
    "a password with @": ("https://user:pa@ss@host/x.git", "https://host/x.git"),
    "a password with other signs": ("https://user:p:a#s?s@host:8443/x.git", "https://host:8443/x.git"),
    "a bare user of ssh": ("ssh://git@host/x", "ssh://git@host/x"),
    "a password of ssh": ("ssh://git:pass@host/x", "ssh://host/x"),
    "a user in scp's way": ("git@host:x.git", "git@host:x.git"),
    "nobody": ("https://host/x.git", "https://host/x.git"),
    "a path": ("/srv/a@b", "/srv/a@b"),
    "a file": ("file:///srv/a@b", "file:///srv/a@b"),
}


@pytest.mark.parametrize(("address", "public"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_an_address_shows_no_credentials(address: str, public: str) -> None:
    settings = load(git(f"{{url: '{address}'}}"))
    (promotion,) = settings.promotions

    assert isinstance(promotion.production, config.GitSettings)
    assert promotion.production.url.raw == address
    assert str(promotion.production.url) == public
    assert repr(promotion.production.url) == f"Url({public!r})"
    assert "ss@" not in repr(settings)


PASSWORDS = st.text(st.characters(codec="ascii", exclude_characters='"\\'), min_size=1).map(
    lambda text: f"S3{text}cret"
)


@given(st.sampled_from(["https", "http", "ssh", "ftp"]), PASSWORDS, st.sampled_from(list("abcdefg")))
def test_a_password_is_never_told_wherever_the_address_stands(
    tmp_path_factory: pytest.TempPathFactory, scheme: str, password: str, place: str
) -> None:
    address = json.dumps(f"{scheme}://user:{password}@host/x.git")
    content = {
        "a": git(f"{{url: {address}, auth: {{tokenFile: t, sshKeyFile: k}}}}"),
        "b": github(f"{{repository: {address}}}"),
        "c": github(f"{{repository: o/n, baseUrl: {address}}}"),
        "d": text(name=address, staging=address, production=f"[{address}]"),
        "e": text(top=f"{address}: 1\n{address}: 2"),
        "f": selector(address),
        "g": branch(address),
    }[place]
    path = tmp_path_factory.getbasetemp() / "secret.yaml"
    path.write_text(content)

    with pytest.raises(config.ConfigError) as refusal:
        config.load(path, {})

    assert "S3" not in f"{refusal.value} {refusal.value!r} {refusal.getrepr(chain=True)}".replace(content, "")


@given(PASSWORDS)
def test_a_loaded_password_is_never_shown(tmp_path_factory: pytest.TempPathFactory, password: str) -> None:
    path = tmp_path_factory.getbasetemp() / "secret.yaml"
    path.write_text(git("{url: " + json.dumps(f"https://user:{password}@host/x.git") + "}"))

    try:
        settings = config.load(path, {})
    except config.ConfigError:
        return

    assert "S3" not in f"{settings} {settings!r} {config.missing_files(settings)}"


# --- the world around the file ----------------------------------------------------------------------------------------


def test_local_files_that_are_not_there_are_told_with_their_place(tmp_path: Path) -> None:
    Path("folder").mkdir()
    settings = load(
        "promotions:\n"
        + "".join(
            f"  - {{name: p{index}, staging: {{cluster: {cluster}, namespaces: [a]}}, production: {{{production}}}}}\n"
            for index, (cluster, production) in enumerate(
                [
                    ("{snapshot: s.yaml}", "git: {url: ./fleet.git}"),
                    ("{kubeconfig: k}", "git: {url: 'file:///no%20where'}"),
                    ("{inCluster: true}", "git: {url: 'https://h/x', auth: {tokenFile: folder}}"),
                    ("{inCluster: true}", "git: {url: 'h:x', auth: {sshKeyFile: key, knownHostsFile: hosts}}"),
                    ("{inCluster: true}", "github: {repository: o/n, auth: {tokenFile: t}}"),
                    ("{inCluster: true}", "github: {repository: o/n, auth: {app: {id: 1, privateKeyFile: p}}}"),
                    ("{inCluster: true}", "github: {repository: o/n}"),
                ]
            )
        )
    )

    cure = "does not exist; put it there, or correct the path"
    assert config.missing_files(settings) == (
        (
            f"promotions[0].staging.cluster.snapshot: {tmp_path}/s.yaml does not exist; record it with: kubectl get"
            " helmreleases.helm.toolkit.fluxcd.io,ocirepositories.source.toolkit.fluxcd.io,"
            "helmcharts.source.toolkit.fluxcd.io -A -o yaml"
        ),
        f"promotions[0].production.git.url: {tmp_path}/fleet.git {cure}",
        f"promotions[1].staging.cluster.kubeconfig: {tmp_path}/k {cure}",
        f"promotions[1].production.git.url: /no where {cure}",
        f"promotions[2].production.git.auth.tokenFile: {tmp_path}/folder is a folder; name a file in it",
        f"promotions[3].production.git.auth.sshKeyFile: {tmp_path}/key {cure}",
        f"promotions[3].production.git.auth.knownHostsFile: {tmp_path}/hosts {cure}",
        f"promotions[4].production.github.auth.tokenFile: {tmp_path}/t {cure}",
        f"promotions[5].production.github.auth.app.privateKeyFile: {tmp_path}/p {cure}",
    )


def test_files_that_are_there_are_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("fleet").mkdir()
    Path("s.yaml").touch()
    settings = load(text(staging="{cluster: {snapshot: s.yaml}, namespaces: [a]}", production="{git: {url: fleet}}"))

    assert config.missing_files(settings) == ()

    # The superuser, as whom tests may run, can read everything.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "s.yaml")
    assert config.missing_files(settings) == (
        f"promotions[0].staging.cluster.snapshot: {tmp_path}/s.yaml cannot be read; make it readable for this user",
    )


CACHES = {
    "XDG's folder comes first": ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/helm-promoter"),
    "a relative one does not count": ({"XDG_CACHE_HOME": "x", "HOME": "/h"}, "/h/.cache/helm-promoter"),
    "then home": ({"HOME": "/h"}, "/h/.cache/helm-promoter"),
    "else the system's": ({"HOME": ""}, "{temporary}/helm-promoter-{user}"),
}


@pytest.mark.parametrize(("environ", "folder"), CACHES.values(), ids=CACHES.keys())
def test_the_cache_has_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    assert config.cache_folder(environ) == Path(folder.format(temporary=tmp_path, user=os.getuid()))


def test_the_environment_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_PROMOTER_TEST", "1")

    assert config.environment()["HELM_PROMOTER_TEST"] == "1"


# --- examples and schema ----------------------------------------------------------------------------------------------

FILES = sorted(EXAMPLES.glob("*.yaml"))


def plain(content: str) -> object:
    return YAML(typ="safe", pure=True).load(content)


def test_the_committed_schema_is_current() -> None:
    assert (EXAMPLES / "schema.json").read_text() == config.json_schema()


def test_the_schema_is_one() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_described() -> None:
    assert [key for key, described in _keys(SCHEMA) if not described] == []
    assert len(list(_keys(SCHEMA))) == 79


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_loads_and_fits_the_schema(path: Path) -> None:
    content = path.read_text()

    assert content.startswith("# yaml-language-server: $schema=./schema.json\n")
    assert config.load(path, {}).promotions
    jsonschema.Draft202012Validator(SCHEMA).validate(plain(content))


def test_the_examples_are_the_promised_ones() -> None:
    assert [path.stem for path in FILES] == [
        "github-app",
        "gitlab",
        "in-cluster",
        "optional-tests",
        "policy",
        "pull-requests",
        "several-clusters",
        "snapshot",
    ]


def test_the_example_of_several_clusters_shares_one_repository_and_no_path() -> None:
    promotions = [settings.promotion for settings in config.load(EXAMPLES / "several-clusters.yaml", {}).promotions]

    assert {promotion.repository for promotion in promotions} == {"github:api.github.com/example/fleet#main"}
    assert len({promotion.paths for promotion in promotions}) == len(promotions) == 3


STRUCTURAL = [
    "an unknown key with a near one",
    "an unknown key deep inside",
    "an unknown key with none near it",
    "a prefix in match",
    "a key without a value",
    "no promotions",
    "an interval in weeks",
    "a name of 41 letters",
    "no cluster",
    "two clusters",
    "not in the cluster",
    "a context without a kubeconfig",
    "no namespaces",
    "a known host without a key",
    "two productions",
    "an API with credentials",
    "an installation below one",
    "optional tests without soak",
    "a label of 51 letters",
    "a mention as a login",
    "no step that merges",
    "no pull request at all",
]


@pytest.mark.parametrize("mistake", STRUCTURAL)
def test_the_schema_refuses_it_too(mistake: str) -> None:
    content = MISTAKES[mistake][0]

    assert isinstance(content, str)
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(plain(content))


# --- what may change while the program runs ---------------------------------------------------------------------------


def test_the_files_that_say_who_we_are_are_listed(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "promotions:\n"
        "  - {name: a, staging: {cluster: {kubeconfig: kube}, namespaces: [x]},"
        " production: {git: {url: 'https://h/r', auth: {tokenFile: token}}}}\n"
        "  - {name: b, staging: {cluster: {snapshot: s}, namespaces: [x]},"
        " production: {git: {url: 'git@h:r', auth: {sshKeyFile: key, knownHostsFile: hosts}}}}\n"
        "  - {name: c, staging: {cluster: {inCluster: true}, namespaces: [x]}, production: {git: {url: fleet.git}}}\n"
        "  - {name: d, staging: {cluster: {inCluster: true}, namespaces: [x]},"
        " production: {github: {repository: o/r, auth: {app: {id: 1, privateKeyFile: pem}}}}}\n"
    )

    listed = config.credentials(config.load(file, {}))

    assert [path.relative_to(tmp_path) for path in listed] == [
        Path(name) for name in ("kube", "token", "key", "hosts", "pem")
    ]


def test_a_fingerprint_tells_what_a_file_holds(tmp_path: Path) -> None:
    file, other = tmp_path / "a", tmp_path / "b"
    file.write_text("1")
    other.symlink_to(file)

    first = config.fingerprint(file)
    assert first is not None
    assert config.fingerprint(other) == first
    file.write_text("2")
    assert config.fingerprint(file) not in {first, None}
    file.unlink()
    assert config.fingerprint(file) is None
    os.mkfifo(file)
    assert config.fingerprint(file) is None
