"""What the promoter does through the API, in a few words, for the twin's tests."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.twins import documents
from tests.twins.conftest import FILES, PIN

if TYPE_CHECKING:
    from tests.twins.caller import Caller

BRANCH = "helm-promotion/home/vault/vault"
ZEROS = "0" * 40


def pinned(version: str) -> str:
    return FILES[PIN].replace("1.0.0", version)


def tip(robot: Caller, branch: str = "main") -> str:
    return robot.get(f"git/ref/heads/{branch}")["object"]["sha"]


def opens(robot: Caller, version: str = "1.1.0", branch: str = BRANCH) -> dict[str, Any]:
    """Open a promotion in one document; what GitHub answers, errors and all."""
    return robot.ask(
        documents.OPEN,
        repository=robot.get("")["node_id"],
        branch=branch,
        ref=f"refs/heads/{branch}",
        oid=tip(robot),
        contents=base64.b64encode(pinned(version).encode()).decode(),
    )


def opened(robot: Caller, version: str = "1.1.0", branch: str = BRANCH) -> int:
    """Open a promotion, and tell its number."""
    answer = opens(robot, version, branch)
    assert "errors" not in answer, answer
    return answer["data"]["pull"]["pullRequest"]["number"]


def look(robot: Caller, number: int) -> dict[str, Any]:
    """A pull request as GraphQL shows it, asked once more where GitHub was still computing."""
    owner, name = robot.repository.split("/")
    for _ in range(2):
        pull = robot.data(documents.LOOK, owner=owner, name=name, number=number)["repository"]["pullRequest"]
        if pull["mergeable"] != "UNKNOWN":
            break
    return pull


def timeline(robot: Caller, number: int) -> list[str]:
    """Who did what to a pull request."""
    nodes = look(robot, number)["timelineItems"]["nodes"]
    return [" ".join(filter(None, (node["__typename"], node.get("actor", {}).get("login")))) for node in nodes]


def builds(robot: Caller, version: str, parent: str) -> str:
    """Write a commit through the git database, on a parent."""
    files = [{"path": PIN, "mode": "100644", "type": "blob", "content": pinned(version)}]
    tree = robot.send("POST", "git/trees", 201, base_tree=robot.get(f"git/commits/{parent}")["tree"]["sha"], tree=files)
    made = robot.send("POST", "git/commits", 201, message=f"Promote {version}", tree=tree["sha"], parents=[parent])
    return made["sha"]


def moves(robot: Caller, *updates: dict[str, object]) -> dict[str, Any]:
    return robot.ask(documents.MOVE, repository=robot.get("")["node_id"], updates=list(updates))
