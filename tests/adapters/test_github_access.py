"""Who may do what on GitHub, what is told to those who may not, and that no secret is told to anybody."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.adapters.github import App, Budget, Token, TokenFile
from reconciler.core.model import Manners
from reconciler.ports import PortError, Refused, Unavailable
from tests.hub import GRANTED, HOST, NAME, Hub, V, online
from tests.twins.github import Ruleset
from tests.twins.github.access import Caller
from tests.twins.github.faults import asks_for, bad_gateway, drop, garbled, goes_to, secondary_limit, slow, truncated
from tests.world import manifest, proven

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.adapters.github import Credential, GitHub
    from reconciler.core.report import Report
    from tests.twins.github.faults import Effect


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    made = Hub.make(tmp_path)
    made.ada.labels_exist("promotion")
    made.record(proven(V, "1.1.0"))
    return made


def observed(hub: Hub, github: GitHub) -> PortError:
    with online(hub.twin), pytest.raises(PortError) as caught:
        github.observe()
    return caught.value


def told(report: Report) -> list[str]:
    fatal = [error.message for error in report.plan.errors if error.fatal]
    return fatal + [outcome.message for outcome in report.outcomes if outcome.message]


# --- a credential that does not do -----------------------------------------------------------------------------------

TOKEN = "the token in GITHUB_TOKEN"


def wrong(hub: Hub) -> str:
    return "ghp_wrong"


def none(hub: Hub) -> str:
    return ""


def garbage(hub: Hub) -> str:
    return "not a token\n"


def ended(hub: Hub) -> str:
    return hub.twin.token("promoter", GRANTED, expires=hub.clock() - timedelta(days=1)).secret


def stranger(hub: Hub) -> str:
    return hub.twin.token("stranger", GRANTED).secret


def elsewhere(hub: Hub) -> str:
    return hub.twin.token("promoter", GRANTED, repositories=()).secret


def without_pulls(hub: Hub) -> str:
    return hub.twin.token("promoter", {"metadata": "read", "contents": "write", "statuses": "write"}).secret


def without_statuses(hub: Hub) -> str:
    hub.ada.pushes("helm-promotion/home/a/b", str(hub.repository.tip("main")))
    return hub.twin.token("promoter", {"metadata": "read", "contents": "write", "pull_requests": "write"}).secret


def unauthorized(hub: Hub) -> str:
    token = hub.twin.token("promoter", scopes=("repo",))
    token.needs_sso = True
    return token.secret


MISSING = (
    f"the repository {NAME} does not exist, or {TOKEN} may not see it; correct its name, or let {TOKEN} have access"
)
NEEDS = "grant it Contents, Pull requests and Commit statuses: read and write"


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        pytest.param(wrong, f"GitHub refuses {TOKEN}: it is wrong or has ended; put a new one there", id="a wrong one"),
        pytest.param(
            ended, f"GitHub refuses {TOKEN}: it is wrong or has ended; put a new one there", id="one that ended"
        ),
        pytest.param(none, f"{TOKEN} is missing; put a token there", id="none"),
        pytest.param(garbage, f"{TOKEN} is no token: it holds spaces", id="something else"),
        pytest.param(stranger, MISSING, id="a stranger's"),
        pytest.param(elsewhere, MISSING, id="one for other repositories"),
        pytest.param(without_pulls, f"{TOKEN} may not do this in {NAME} (Resource not", id="one without pull requests"),
        pytest.param(without_statuses, NEEDS, id="one without commit statuses"),
        pytest.param(
            unauthorized,
            f"the organization of {NAME} asks for single sign-on; authorize {TOKEN} for it at https://github.com/orgs/",
            id="one that single sign-on does not know",
        ),
    ],
)
def test_a_credential_that_does_not_do_is_refused_with_the_cure(
    hub: Hub, secret: Callable[[Hub], str], message: str
) -> None:
    given = secret(hub)
    error = observed(hub, hub.github(credential=Token(given)))
    assert isinstance(error, Refused)
    assert message in str(error)
    assert not given.strip() or given.strip() not in str(error)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"repository": "fleet/gone"}, "the repository fleet/gone does not exist, or", id="no repository"),
        pytest.param(
            {"branch": "gone"}, f'branch "gone" does not exist in {NAME}; push it, or correct branch', id="no branch"
        ),
    ],
)
def test_what_does_not_exist_is_named(hub: Hub, settings: dict[str, str], message: str) -> None:
    error = observed(hub, hub.github(**settings))
    assert isinstance(error, Refused)
    assert str(error).startswith(message)


# --- what is refused when it is written ------------------------------------------------------------------------------


def read_only(hub: Hub) -> None:
    hub.secret = hub.twin.token("promoter", {**GRANTED, "contents": "read"}).secret


def archived(hub: Hub) -> None:
    hub.repository.archived = True


def ruled(hub: Hub) -> None:
    hub.repository.rulesets = (Ruleset("helm-promotion/"),)


def without_scope(hub: Hub) -> None:
    hub.repository.private = False
    hub.secret = hub.twin.token("promoter", scopes=()).secret


@pytest.mark.parametrize(
    ("happens", "message"),
    [
        pytest.param(
            read_only, f"{TOKEN} may not do this in {NAME} (Resource not accessible by", id="it may only read"
        ),
        pytest.param(archived, f"the repository {NAME} is archived and takes no changes", id="archived"),
        pytest.param(ruled, f"a rule of {NAME} stands against our branches, helm-promotion/** and", id="a ruleset"),
        pytest.param(without_scope, f"{TOKEN} may not do this in {NAME} (", id="a classic token without scope"),
    ],
)
def test_what_may_not_be_written_is_told_with_the_cure(hub: Hub, happens: Callable[[Hub], None], message: str) -> None:
    happens(hub)
    (said,) = told(hub.run())
    assert said.startswith(message)
    assert not hub.repository.pulls


def test_labels_and_people_that_do_not_exist_are_warnings(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    hub.twin.person("grace", hub.repository, "write")
    hub.manners = replace(
        hub.manners,
        labels=("promotion", "gone"),
        assignees=("grace", "nobody"),
        reviewers=("grace", "promoter"),
        team_reviewers=("fleet/keepers",),
    )
    assert hub.turn() == {V: "open"}
    assert [label.name for label in hub.pull.labels] == ["promotion"]
    assert [one.login for one in hub.pull.assignees] == ["grace"]
    assert [getattr(one, "login", "") for one in hub.pull.reviewers] == ["grace"]
    assert [record.getMessage().partition(" does not exist")[0] for record in caplog.records] == [
        'the label "gone"',
        "the account nobody, or its access,",
        "the team fleet/keepers, or our sight of it,",
        "a reviewer other than the author, promoter,",
    ]
    assert hub.status() == "success proven"


# --- tokens that change ----------------------------------------------------------------------------------------------


def test_a_token_file_that_changes_is_taken_up(hub: Hub, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{hub.secret}\n")
    github = hub.github(credential=TokenFile(file))
    with online(hub.twin):
        github.observe()
        del hub.twin.world.tokens[hub.secret]
        assert isinstance(observed(hub, github), Refused)
        file.write_text(hub.twin.token("promoter", GRANTED).secret)
        assert github.observe().sha == hub.repository.tip("main")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"], ids=["no file", "an empty one", "no text"])
def test_a_token_file_that_cannot_be_read_is_named(hub: Hub, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    error = observed(hub, hub.github(credential=TokenFile(file)))
    assert isinstance(error, Refused)
    assert str(error).startswith(f"the token in {file} ")


def test_a_token_of_actions_is_warned_about_once(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    token = hub.twin.token("promoter", GRANTED)
    hub.twin.world.tokens["ghs_17_eyJ"] = token
    github = hub.github(credential=Token("ghs_17_eyJ"))
    with online(hub.twin):
        github.observe()
        github.observe()
    (record,) = caplog.records
    assert "belongs to a job of GitHub Actions or ends within the hour" in record.getMessage()


# --- an App ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def key() -> tuple[bytes, bytes]:
    """A private key and its public one, in PEM."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def app(hub: Hub, tmp_path: Path, key: tuple[bytes, bytes], **more: object) -> App:
    """An App that is installed."""
    made = hub.twin.app("fleet-promoter", key[1], GRANTED, hub.repository)
    file = tmp_path / "key.pem"
    file.write_bytes(key[0])
    settings = {
        "id": made.number,
        "private_key_file": file,
        "repository": NAME,
        "base_url": f"{HOST}/api/v3",
        "environ": {},
        "clock": hub.clock,
    }
    return App(**{**settings, **more})  # type: ignore[arg-type]


def whole_life(hub: Hub, credential: Credential) -> None:
    github = hub.github(credential=credential)
    assert hub.turn(github) == {V: "open"}
    assert hub.turn(github) == {V: "proposed"}
    hub.record(proven(V, "1.2.0", "1.1.0"))
    assert hub.turn(github) == {V: "update"}
    assert hub.turn(hub.github(credential=credential)) == {V: "proposed"}


def test_an_app_promotes_by_its_installation(hub: Hub, tmp_path: Path, key: tuple[bytes, bytes]) -> None:
    whole_life(hub, app(hub, tmp_path, key))
    assert hub.pull.author.login == "fleet-promoter[bot]"
    assert hub.pull.auto_merge
    grants = [seen for seen in hub.twin.seen if seen.path.endswith("/access_tokens")]
    assert len(grants) == 1
    (token,) = [one for one in hub.twin.world.tokens.values() if one.installation]
    assert token.repositories == (hub.repository,)


def test_the_token_of_an_app_is_renewed_before_it_ends(hub: Hub, tmp_path: Path, key: tuple[bytes, bytes]) -> None:
    github = hub.github(credential=app(hub, tmp_path, key))
    with online(hub.twin):
        github.observe()
        hub.clock.advance(56 * 60)
        github.observe()
    assert [seen.status for seen in hub.twin.seen if seen.path.endswith("/access_tokens")] == [201, 201]
    assert 401 not in [seen.status for seen in hub.twin.seen]


def test_the_token_of_an_app_is_renewed_once_it_is_refused(hub: Hub, tmp_path: Path, key: tuple[bytes, bytes]) -> None:
    github = hub.github(credential=app(hub, tmp_path, key))
    with online(hub.twin):
        github.observe()
        for secret in [secret for secret, token in hub.twin.world.tokens.items() if token.installation]:
            del hub.twin.world.tokens[secret]
        assert github.observe().sha == hub.repository.tip("main")
    assert [seen.status for seen in hub.twin.seen].count(401) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param({"id": 4711}, "GitHub does not know the App 4711 by the key in ", id="a wrong id"),
        pytest.param({"repository": "fleet/other"}, "is not installed on fleet/other; install it", id="not installed"),
        pytest.param(
            {"installation": 4711}, f"is not installed on {NAME}; install it there", id="a wrong installation"
        ),
    ],
)
def test_an_app_that_does_not_do_is_refused_with_the_cure(
    hub: Hub, tmp_path: Path, key: tuple[bytes, bytes], more: dict[str, object], message: str
) -> None:
    error = observed(hub, hub.github(credential=app(hub, tmp_path, key, **more)))
    assert isinstance(error, Refused)
    assert message in str(error)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "cannot be read: FileNotFoundError; mend the file", id="no file"),
        pytest.param("no key\n", "the App's private key is no RSA key in PEM", id="no key"),
    ],
)
def test_a_private_key_that_does_not_do_is_named(
    hub: Hub, tmp_path: Path, key: tuple[bytes, bytes], content: str | None, message: str
) -> None:
    given = app(hub, tmp_path, key)
    given.private_key_file.unlink()
    if content is not None:
        given.private_key_file.write_text(content)
    error = observed(hub, hub.github(credential=given))
    assert isinstance(error, Refused)
    assert message in str(error)


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        pytest.param(bad_gateway, "GitHub gave the App ", id="a bad gateway"),
        pytest.param(secondary_limit(403, 30), "GitHub's rate limit for the App ", id="a limit"),
        pytest.param(garbled, "GitHub's answer cannot be understood", id="another server's answer"),
    ],
)
def test_an_app_that_gets_no_token_asks_again_in_the_next_pass(
    hub: Hub, tmp_path: Path, key: tuple[bytes, bytes], effect: Effect, message: str
) -> None:
    github = hub.github(credential=app(hub, tmp_path, key))
    hub.twin.faults.before(goes_to("GET", "/installation"), effect)
    error = observed(hub, github)
    assert isinstance(error, Unavailable)
    assert str(error).startswith(message)
    with online(hub.twin):
        assert github.observe().sha == hub.repository.tip("main")


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_any_log_line_exception_or_repr(
    hub: Hub, tmp_path: Path, key: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("github", "github.Requester", "urllib3", "requests", "reconciler"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    given = app(hub, tmp_path, key)
    github = hub.github(credential=given)
    whole_life(hub, given)
    hub.turn(github)
    hub.twin.faults.before(lambda _: True, bad_gateway, times=3)
    error = observed(hub, github)
    shown = "\n".join([caplog.text, repr(given), repr(github), repr(github.__dict__), repr(error), str(error)])
    secrets = [secret for secret in hub.twin.world.tokens if secret.startswith("ghs_")]
    assert len(secrets) == 1
    for secret in (*secrets, key[0].decode().splitlines()[5]):
        assert secret not in shown


def test_a_secret_given_by_value_is_not_shown(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("github.Requester").setLevel(logging.DEBUG)
    token = Token(hub.secret)
    assert hub.turn(hub.github(credential=token)) == {V: "open"}
    assert hub.secret not in caplog.text + repr(token) + repr(hub.github(credential=token))


# --- what breaks on the way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", [bad_gateway, drop], ids=["a bad gateway", "a dropped connection"])
@pytest.mark.parametrize("place", [1, 2, 3, 4], ids=["base", "the list", "the tree", "the look"])
def test_a_read_that_breaks_is_tried_again_a_little_later(hub: Hub, effect: object, place: int) -> None:
    hub.twin.faults.before(place, effect)  # type: ignore[arg-type]
    hub.twin.faults.before(place + 1, effect)  # type: ignore[arg-type]
    github = hub.github()
    with online(hub.twin):
        assert github.observe().sha == hub.repository.tip("main")
    assert hub.slept == [0.5, 1.0]
    assert sum(github.requests.values()) == len(hub.twin.seen) == 6


def test_a_read_that_breaks_three_times_ends_the_look(hub: Hub) -> None:
    hub.twin.faults.before(lambda _: True, drop, times=3)
    error = observed(hub, hub.github())
    assert isinstance(error, Unavailable)
    assert str(error) == f"{HOST}/api/v3 cannot be reached, or broke off"
    assert len(hub.twin.seen) == 3


@pytest.mark.parametrize("effect", [truncated, garbled], ids=["half an answer", "another server's answer"])
@pytest.mark.parametrize("place", [2, 3, 4], ids=["the list", "the tree", "the look"])
def test_an_answer_that_cannot_be_understood_is_never_taken_for_nothing(hub: Hub, effect: object, place: int) -> None:
    hub.twin.faults.after(place, effect)  # type: ignore[arg-type]
    error = observed(hub, hub.github())
    assert isinstance(error, Unavailable)
    assert "cannot be understood" in str(error)


def test_an_answer_that_does_not_come_in_time_is_not_waited_for(hub: Hub) -> None:
    hub.twin.faults.after(lambda _: True, slow(61), times=3)
    error = observed(hub, hub.github())
    assert isinstance(error, Unavailable)
    assert str(error) == f"{HOST}/api/v3 did not answer within 60 s"


READS = 6
"""How many requests a process makes that has just started before it writes."""


@pytest.mark.parametrize("write", range(4), ids=["the commit", "the pull request", "the dressing", "the status"])
@pytest.mark.parametrize("effect", [bad_gateway, drop], ids=["a bad gateway", "a dropped connection"])
@pytest.mark.parametrize("after", [True, False], ids=["after it took place", "before it took place"])
def test_a_write_whose_answer_is_lost_is_not_sent_again_but_looked_after(
    hub: Hub, write: int, effect: object, after: bool
) -> None:
    strike = hub.twin.faults.after if after else hub.twin.faults.before
    strike(READS + 1 + write, effect)  # type: ignore[arg-type]
    (message,) = told(hub.run())
    assert message.endswith("the next pass looks what became of it")
    assert len([seen for seen in hub.asked() if seen.mutating]) == write + 1
    for _ in range(2):
        hub.turn()
    assert hub.turn() == {V: "proposed"}
    assert hub.pull.auto_merge
    assert hub.status() == "success proven"


# --- limits ----------------------------------------------------------------------------------------------------------


def exhausted(resource: str) -> Callable[[Hub], None]:
    def exhaust(hub: Hub) -> None:
        hub.twin.site.limits.exhaust(Caller(hub.twin.world.tokens[hub.secret]).payer, resource)

    return exhaust


def secondary(status: int, after: int | None) -> Callable[[Hub], None]:
    return lambda hub: hub.twin.faults.before(lambda _: True, secondary_limit(status, after))


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        pytest.param(exhausted("core"), 3600, id="REST's hour is used up"),
        pytest.param(exhausted("graphql"), 3600, id="GraphQL's hour is used up, which it says with status 200"),
        pytest.param(secondary(403, 30), 30, id="a secondary limit that says how long"),
        pytest.param(secondary(403, None), 60, id="a secondary limit that does not"),
        pytest.param(secondary(429, 30), 30, id="status 429 that says how long"),
        pytest.param(secondary(429, None), 60, id="status 429 that does not"),
    ],
)
def test_a_limit_ends_the_pass_and_tells_when_the_next_may_be(
    hub: Hub, limit: Callable[[Hub], None], seconds: int
) -> None:
    limit(hub)
    github = hub.github()
    until = f"{hub.clock() + timedelta(seconds=seconds):%H:%M:%S} UTC"
    error = observed(hub, github)
    assert isinstance(error, Unavailable)
    assert str(error) == f"GitHub's rate limit is used up; the next request may be made at {until}"
    hub.asked()
    assert str(observed(hub, github)) == str(error)
    assert (hub.asked(), hub.slept) == ([], [])
    hub.clock.advance(seconds)
    with online(hub.twin):
        assert github.observe()


def test_a_limit_among_the_writes_lets_the_others_fail_without_a_request(tmp_path: Path) -> None:
    keys = [f"ns/app{number}" for number in range(3)]
    hub = Hub.make(tmp_path, {f"{key.partition('/')[2]}.yaml": manifest(key, "1.0.0") for key in keys})
    hub.record(*(proven(key, "1.1.0") for key in keys))
    hub.manners = Manners(max_per_pass=3)
    hub.twin.faults.before(asks_for("createPullRequest"), secondary_limit(403, 30))
    github = hub.github()
    said = told(hub.run(github))
    assert len(said) == 3
    assert len(set(said)) == 1
    assert [seen.operation for seen in hub.asked() if seen.mutating] == [
        ("createRef", "createCommitOnBranch"),
        ("createPullRequest",),
    ]
    for _ in range(2):
        report = hub.run(github)
    assert told(report) == []
    assert len(hub.repository.pulls) == 3


def test_writes_keep_the_pace_that_github_asks_for(tmp_path: Path) -> None:
    keys = [f"ns/app{number}" for number in range(6)]
    hub = Hub.make(tmp_path, {f"{key.partition('/')[2]}.yaml": manifest(key, "1.0.0") for key in keys})
    hub.record(*(proven(key, "1.1.0") for key in keys))
    hub.manners = Manners(max_per_pass=6)
    github = hub.github(budget=Budget(hub.clock, a_minute=10))
    said = told(hub.run(github))
    until = f"{hub.clock() + timedelta(minutes=1):%H:%M:%S} UTC"
    assert set(said) == {
        f"10 writes a minute and 500 an hour are made at most, as GitHub asks; the next may be made at {until}"
    }
    assert len(hub.repository.pulls) in {2, 3}
    assert len([seen for seen in hub.asked() if seen.mutating]) <= 10
    for _ in range(3):
        hub.run(github)
    assert len(hub.repository.pulls) == 6
