"""What an App may ask by its own signature: who it is, where it is installed, and a token for there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.twins.github.access import bad_credentials, grants
from tests.twins.github.refusal import Refusal, not_found
from tests.twins.github.rest.router import Call, route
from tests.twins.github.rest.shapes import stamp
from tests.twins.github.wire import Response, answer
from tests.twins.github.world import Token

if TYPE_CHECKING:
    from tests.twins.github.world import App, Repository

_VALID = timedelta(hours=1)


@route("GET", "/app")
def app(call: Call) -> Response:
    return answer(200, call.shapes.app(_app(call)))


@route("GET", "/app/installations/{number}")
def installation(call: Call) -> Response:
    found = _app(call)
    _installed(call)
    return answer(200, call.shapes.installation(found, int(call.args["number"])))


@route("GET", "/repos/{owner}/{repo}/installation")
def repository_installation(call: Call) -> Response:
    found = _app(call)
    name = f"{call.args['owner']}/{call.args['repo']}".lower()
    for number, repositories in found.installations.items():
        if any(repository.full_name.lower() == name for repository in repositories):
            return answer(200, call.shapes.installation(found, number))
    raise not_found()


@route("POST", "/app/installations/{number}/access_tokens")
def access_token(call: Call) -> Response:
    """Make a token for an installation. Without permissions, or with none named, it has all that the App has."""
    found, world = _app(call), call.site.world
    wanted = call.body.get("permissions") or dict(found.permissions)
    if not all(grants(found.permissions, area, level) for area, level in wanted.items()):
        raise Refusal("The permissions requested are not granted to this installation.")
    number = world.number()
    token = Token(
        number=number,
        secret=f"ghs_{found.number}_{number:08d}",
        account=found.bot,
        permissions=wanted,
        repositories=_chosen(call, _installed(call)),
        expires=world.clock() + _VALID,
        installation=int(call.args["number"]),
    )
    world.tokens[token.secret] = token
    shown = {"token": token.secret, "expires_at": stamp(token.expires), "permissions": wanted}
    return answer(201, {**shown, "repository_selection": "selected"})


def _chosen(call: Call, installed: tuple[Repository, ...]) -> tuple[Repository, ...]:
    names, numbers = call.body.get("repositories", ()), call.body.get("repository_ids", ())
    if not names and not numbers:
        return installed
    chosen = tuple(found for found in installed if found.name in names or found.number in numbers)
    if len(chosen) < len(names) + len(numbers):
        raise Refusal(
            "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return chosen


def _app(call: Call) -> App:
    if call.caller.app is None:
        raise bad_credentials("A JSON web token could not be decoded")
    return call.caller.app


def _installed(call: Call) -> tuple[Repository, ...]:
    found = _app(call).installations.get(int(call.args["number"]))
    if found is None:
        raise not_found()
    return found
