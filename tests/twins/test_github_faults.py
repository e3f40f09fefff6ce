"""What may go wrong on the way, and the twin on a port."""

from __future__ import annotations

import http.client
import json
import threading
from typing import TYPE_CHECKING

import pytest
import requests

from tests.twins.conftest import PIN
from tests.twins.github import Crash, Dropped, MemoryStore, Server
from tests.twins.github.faults import (
    asks_for,
    bad_gateway,
    crash,
    drop,
    garbled,
    goes_to,
    meanwhile,
    secondary_limit,
    slow,
    truncated,
)
from tests.twins.github.transport import InProcess
from tests.twins.hand import BRANCH, look, opened, opens, tip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.twins.caller import Caller
    from tests.twins.github import Person, Repository, Twin


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def creates(robot: Caller, name: str = "a") -> int:
    return robot.call("POST", "git/refs", {"ref": f"refs/heads/{name}", "sha": tip(robot)}).status


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_bad_gateway_may_hide_a_write(robot: Caller, twin: Twin, repository: Repository, after: bool) -> None:
    strike = twin.faults.after if after else twin.faults.before
    strike(goes_to("POST", "git/refs"), bad_gateway)

    assert creates(robot) == 502
    assert (repository.tip("a") is not None) is after
    assert creates(robot) == (422 if after else 201)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("effect", "error"), [(drop, Dropped), (crash, Crash)])
def test_a_caller_may_never_hear_of_it(
    robot: Caller, twin: Twin, after: bool, effect: object, error: type[BaseException]
) -> None:
    strike = twin.faults.after if after else twin.faults.before
    strike(asks_for("createPullRequest"), effect)

    with pytest.raises(error):
        opens(robot)

    assert len(twin.world.pulls()) == after
    assert twin.seen[-1].status is None


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize("wait", [None, 30])
def test_a_secondary_limit_may_strike(robot: Caller, twin: Twin, status: int, wait: int | None) -> None:
    twin.faults.before(twin.world.request + 1, secondary_limit(status, wait))

    response = robot.call("GET", "pulls")

    assert (response.status, response.headers.get("retry-after")) == (status, None if wait is None else "30")
    assert robot.get("pulls") == []


def test_an_answer_may_be_spoilt(robot: Caller, twin: Twin) -> None:
    whole = robot.call("GET", "").body
    for effect in (truncated, garbled, slow(9)):
        twin.faults.after(goes_to("GET", "production"), effect)
        response = robot.call("GET", "")
        assert (response.body != whole) is (effect in (truncated, garbled))
        assert response.delay == (0 if effect in (truncated, garbled) else 9)


def test_somebody_may_act_between_two_requests(robot: Caller, ada: Person, twin: Twin) -> None:
    opened(robot)
    twin.faults.before(goes_to("PATCH", "pulls/1"), meanwhile(lambda: ada.merges(1)), times=1)

    robot.send("PATCH", "pulls/1", 422, state="open", title="New")

    assert look(robot, 1)["state"] == "MERGED"


# --- on a port -------------------------------------------------------------------------------------------------------


@pytest.fixture
def port(twin: Twin, robot: Caller) -> Iterator[http.client.HTTPConnection]:
    with Server(twin) as server:
        connection = http.client.HTTPConnection(server.origin.removeprefix("http://"), timeout=10)
        yield connection
        connection.close()


def send(
    port: http.client.HTTPConnection, robot: Caller, method: str, path: str, body: object = None
) -> http.client.HTTPResponse:
    headers = {"Authorization": f"token {robot.secret}"}
    port.request(method, path, None if body is None else json.dumps(body), headers)
    return port.getresponse()


def test_a_port_serves_rest_and_graphql(port: http.client.HTTPConnection, robot: Caller, twin: Twin) -> None:
    tree = json.loads(send(port, robot, "GET", "/api/v3/repos/fleet/production/git/trees/main?recursive=1").read())
    answer = json.loads(send(port, robot, "POST", "/api/graphql", {"query": "{ viewer { login } }"}).read())

    assert PIN in {entry["path"] for entry in tree["tree"]}
    assert tree["url"].startswith(f"{twin.site.origin}/api/v3/repos/fleet/production/git/trees/")
    assert answer == {"data": {"viewer": {"login": "promoter"}}}


def test_a_port_answers_without_a_body(port: http.client.HTTPConnection, robot: Caller, repository: Repository) -> None:
    creates(robot)
    path = "/api/v3/repos/fleet/production/git/refs/heads/a"

    gone = send(port, robot, "DELETE", path)

    assert (gone.status, gone.read()) == (204, b"")
    assert send(port, robot, "GET", "/api/v3/repos/fleet/none").status == 404
    assert repository.tip("a") is None


def test_a_port_drops_the_connection(port: http.client.HTTPConnection, robot: Caller, twin: Twin) -> None:
    twin.faults.after(goes_to("POST", "/git/refs"), drop)
    body = {"ref": f"refs/heads/{BRANCH}", "sha": tip(robot)}

    with pytest.raises(http.client.RemoteDisconnected):
        send(port, robot, "POST", "/api/v3/repos/fleet/production/git/refs", body)

    assert tip(robot, BRANCH) == tip(robot)


def test_many_callers_are_answered_one_after_the_other(
    port: http.client.HTTPConnection, robot: Caller, twin: Twin
) -> None:
    base, statuses = tip(robot), []

    def work(number: int) -> None:
        own = http.client.HTTPConnection(port.host, port.port, timeout=10)
        path = "/api/v3/repos/fleet/production/git/refs"
        for step in range(10):
            statuses.append(send(own, robot, "POST", path, {"ref": f"refs/heads/b{step}", "sha": base}).status)
            own.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses.count(201), statuses.count(422)) == (10, 30)
    assert [seen.number for seen in twin.seen] == list(range(1, len(twin.seen) + 1))


# --- in one process --------------------------------------------------------------------------------------------------


@pytest.fixture
def session(twin: Twin, robot: Caller) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.mount("https://", InProcess(twin))
        made.headers["authorization"] = f"bearer {robot.secret}"
        yield made


def test_a_session_is_answered_without_a_port(session: requests.Session, repository: Repository) -> None:
    url = "https://api.github.com/repos/fleet/production/git/refs"

    made = session.post(url, json={"ref": "refs/heads/a", "sha": repository.tip("main")})
    gone = session.delete(f"{url}/heads/a")

    assert (made.status_code, made.json()["ref"]) == (201, "refs/heads/a")
    assert (gone.status_code, gone.text) == (204, "")


@pytest.mark.parametrize(
    ("effect", "error"),
    [(drop, requests.ConnectionError), (slow(11), requests.ReadTimeout), (crash, Crash)],
    ids=["dropped", "slow", "crash"],
)
def test_a_session_meets_the_same_faults(
    session: requests.Session, twin: Twin, effect: object, error: type[BaseException]
) -> None:
    twin.faults.after(goes_to("POST", "/graphql"), effect)
    body = {"query": "{ viewer { login } }"}

    with pytest.raises(error):
        session.post("https://api.github.com/graphql", json=body, timeout=(5, 10))

    assert session.post("https://api.github.com/graphql", json=body).json() == {
        "data": {"viewer": {"login": "promoter"}}
    }
