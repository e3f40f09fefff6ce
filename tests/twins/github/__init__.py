"""A twin of GitHub: its REST and GraphQL API as far as we use it, with its rules, in one process.

``Twin.handle`` takes a request and gives the answer; ``Server`` puts it on a loopback port. The repositories are over
real git (``GitStore``) or in memory (``MemoryStore``), which answer alike. Time is a ``Clock`` that the test moves.
What GitHub does not document comes from public reports. The texts of errors are not promised: read the state again.

    clock = Clock()
    twin = Twin(clock)
    repository = twin.repository("fleet/production", MemoryStore(), {"app/helm.yaml": "version: 1.0.0\\n"})
    repository.protections["main"] = Protection(checks=("ci",))
    ada = twin.person("ada", repository)
    ada.commits({"app/helm.yaml": "version: 2.0.0\\n"})
    token = twin.token("promoter", {"contents": "write", "pull_requests": "write"})
    twin.faults.after(asks_for("createPullRequest"), bad_gateway)
    with Server(twin) as server:
        ...  # server.origin + "/api/v3" is the base URL of the REST API, and token.secret the credential

``twin.seen`` are all requests, to be counted; ``twin.site.limits`` and ``twin.site.lag`` are GitHub's moods.
"""

from tests.twins.github.faults import Crash, Dropped
from tests.twins.github.git_store import GitStore
from tests.twins.github.memory_store import MemoryStore
from tests.twins.github.people import Person
from tests.twins.github.server import Server
from tests.twins.github.twin import Twin
from tests.twins.github.wire import Request, Response, Seen
from tests.twins.github.world import Clock, Method, Protection, Pull, Repository, Ruleset, State, Token

__all__ = [
    "Clock",
    "Crash",
    "Dropped",
    "GitStore",
    "MemoryStore",
    "Method",
    "Person",
    "Protection",
    "Pull",
    "Repository",
    "Request",
    "Response",
    "Ruleset",
    "Seen",
    "Server",
    "State",
    "Token",
    "Twin",
]
