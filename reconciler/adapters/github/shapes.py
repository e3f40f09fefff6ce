"""What we ask GitHub's GraphQL for, and the shapes that it answers in.

Field names are from GitHub's published schema (docs.github.com/graphql).
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from typing import Final, TypeVar

import msgspec

BRANCHES: Final = "refs/heads/helm-promotion/"
SCRATCH: Final = "refs/heads/helm-promotion-scratch/"
"""Where a commit is made before an open pull request's branch is moved to it."""
CONTEXT: Final = "promotion/staging-evidence"
"""The context of our commit status."""
MOST: Final = 50
"""How many commits of a pull request are looked at: more are never ours alone."""


T = TypeVar("T")


class Shape(msgspec.Struct, frozen=True, rename="camel"):
    """Anything in an answer."""


class Actor(Shape, frozen=True):
    """Somebody. GraphQL leaves the ``[bot]`` of an App's login out where it gives a Bot, and has it in a User's."""

    login: str
    typename: str = msgspec.field(default="", name="__typename")

    @property
    def name(self) -> str:
        """The login as REST has it, in small letters."""
        login = self.login.lower()
        return f"{login}[bot]" if self.typename == "Bot" and not login.endswith("[bot]") else login


class GitActor(Shape, frozen=True):
    """The author of a commit. ``user`` is None where GitHub knows no account for the address."""

    email: str | None = None
    user: Actor | None = None

    def is_called(self, login: str) -> bool:
        """Tell whether it is an account, by its login or else by the address that GitHub gives to everybody."""
        if self.user is not None:
            return self.user.name == login
        local, _, host = (self.email or "").lower().partition("@")
        return host.startswith("users.noreply.") and local.partition("+")[2] == login


class Oid(Shape, frozen=True):
    """An object of git."""

    oid: str


class Signature(Shape, frozen=True):
    """What GitHub made of a commit's signature."""

    is_valid: bool
    was_signed_by_git_hub: bool


class StatusContext(Shape, frozen=True):
    """A commit status."""

    state: str
    created_at: datetime
    description: str | None = None
    creator: Actor | None = None


class CommitStatus(Shape, frozen=True):
    """The newest status of our context."""

    context: StatusContext | None = None


class Oids(Shape, frozen=True):
    """A page of objects."""

    nodes: tuple[Oid, ...]


class Commit(Shape, frozen=True):
    """A commit. ``committed_via_web`` says that GitHub itself committed it."""

    oid: str
    message: str
    committed_via_web: bool
    author: GitActor | None = None
    signature: Signature | None = None
    parents: Oids = Oids(())
    status: CommitStatus | None = None


class Target(Shape, frozen=True):
    """What a ref points to. What is no commit has no message."""

    oid: str
    message: str = ""
    committed_via_web: bool = False
    author: GitActor | None = None
    signature: Signature | None = None
    parents: Oids = Oids(())
    status: CommitStatus | None = None


class CommitNode(Shape, frozen=True):
    """One commit of a pull request."""

    commit: Commit


class Commits(Shape, frozen=True):
    """The first commits of a pull request, the oldest first, and how many there are."""

    total_count: int
    nodes: tuple[CommitNode, ...]


class Forced(Shape, frozen=True):
    """A force-push, and the commit that was there before."""

    before_commit: Commit | None = None


class ForcedPushes(Shape, frozen=True):
    """The last force-pushes."""

    nodes: tuple[Forced, ...]


class Drafted(Shape, frozen=True):
    """A conversion to a draft."""

    actor: Actor | None = None


class Draftings(Shape, frozen=True):
    """The last conversion to a draft."""

    nodes: tuple[Drafted, ...]


class Asking(Shape, frozen=True):
    """An auto-merge that was asked for once."""

    created_at: datetime | None = None


class Askings(Shape, frozen=True):
    """The last such time."""

    nodes: tuple[Asking, ...]


class AutoMergeRequest(Shape, frozen=True):
    """An auto-merge that waits."""

    enabled_by: Actor | None = None


class QueueEntry(Shape, frozen=True):
    """A place in the merge queue."""

    enqueuer: Actor | None = None


class Label(Shape, frozen=True):
    """A label."""

    id: str
    name: str


class Labels(Shape, frozen=True):
    """Labels of a pull request."""

    nodes: tuple[Label, ...]


class Review(Shape, frozen=True):
    """The last review of somebody who may write that says yes or no."""

    state: str
    commit: Oid | None = None


class Reviews(Shape, frozen=True):
    """Such reviews."""

    nodes: tuple[Review, ...]


class ChangedFile(Shape, frozen=True):
    """A changed path."""

    path: str


class ChangedFiles(Shape, frozen=True):
    """The first changed paths, and how many there are."""

    total_count: int
    nodes: tuple[ChangedFile, ...]


class Pull(Shape, frozen=True):
    """A pull request as it is looked at."""

    id: str
    number: int
    url: str
    state: str
    base_ref_name: str
    head_ref_oid: str
    is_draft: bool
    is_in_merge_queue: bool
    is_cross_repository: bool
    created_at: datetime
    mergeable: str
    merge_state_status: str
    commits: Commits
    author: Actor | None = None
    auto_merge_request: AutoMergeRequest | None = None
    merge_queue_entry: QueueEntry | None = None
    labels: Labels | None = None
    latest_opinionated_reviews: Reviews | None = None
    files: ChangedFiles | None = None
    forced: ForcedPushes = ForcedPushes(())
    drafted: Draftings = Draftings(())
    asked: Askings = Askings(())

    @property
    def open(self) -> bool:
        """Whether it can still be merged."""
        return self.state == "OPEN"

    @property
    def clean(self) -> bool:
        """Whether it could be merged at once, and nobody ever asked GitHub to: it has nothing to wait for."""
        idle = self.open and self.quiet and not self.is_draft and not self.asked.nodes
        return idle and self.merge_state_status == "CLEAN"

    @property
    def quiet(self) -> bool:
        """Whether neither auto-merge nor the queue is to merge it."""
        return self.auto_merge_request is None and not self.is_in_merge_queue


class PageInfo(Shape, frozen=True):
    """Whether there is more."""

    has_next_page: bool
    end_cursor: str | None = None


class Pulls(Shape, frozen=True):
    """A page of pull requests."""

    nodes: tuple[Pull, ...]
    page_info: PageInfo = PageInfo(has_next_page=False)


class Branch(Shape, frozen=True):
    """A branch under our prefix, with the newest pull requests from it."""

    name: str
    prefix: str
    target: Target
    associated_pull_requests: Pulls

    @property
    def short(self) -> str:
        """The branch's name. GitHub cuts off whatever prefix was asked for."""
        return f"{self.prefix}{self.name}".removeprefix("refs/heads/")


class Branches(Shape, frozen=True):
    """A page of branches."""

    nodes: tuple[Branch, ...]
    page_info: PageInfo


class Scratch(Shape, frozen=True):
    """A branch that a pass left behind which was cut short."""

    name: str
    prefix: str
    target: Oid

    @property
    def ref(self) -> str:
        """Its whole name."""
        return f"{self.prefix}{self.name}"


class Scratches(Shape, frozen=True):
    """Such branches."""

    nodes: tuple[Scratch, ...]


class Repository(Shape, frozen=True):
    """A repository with what stands under our names."""

    id: str
    name_with_owner: str
    refs: Branches
    scratch: Scratches


class Seen(Shape, frozen=True):
    """One look, and who looks."""

    viewer: Actor
    repository: Repository


class Ended(Shape, frozen=True):
    """Pull requests that came from branches of one name, by alias."""

    repository: dict[str, Pulls]


class OnlyPulls(Shape, frozen=True):
    """Pull requests of one alias."""

    b0: Pulls


class More(Shape, frozen=True):
    """A further page."""

    repository: OnlyPulls


class Blob(Shape, frozen=True):
    """A file's content. ``text`` is None where it is binary."""

    is_truncated: bool = True
    text: str | None = None


class Blobs(Shape, frozen=True):
    """Contents by alias; None for what is not there."""

    repository: dict[str, Blob | None]


class TwoBlobs(Shape, frozen=True):
    """A file at two commits."""

    before: Blob | None = None
    after: Blob | None = None


class Texts(Shape, frozen=True):
    """The answer to what a file was and is."""

    repository: TwoBlobs


class BlameAuthor(Shape, frozen=True):
    """Who wrote a commit."""

    name: str | None = None


class BlameCommit(Shape, frozen=True):
    """The commit that a line comes from."""

    oid: str
    authored_date: datetime
    author: BlameAuthor | None = None


class BlameRange(Shape, frozen=True):
    """Lines, 1-based and both included, and where they come from."""

    starting_line: int
    ending_line: int
    commit: BlameCommit


class BlameRanges(Shape, frozen=True):
    """All lines of a file."""

    ranges: tuple[BlameRange, ...]


class Blame(Shape, frozen=True):
    """A commit, seen by the lines of a file."""

    blame: BlameRanges


class BlameRepository(Shape, frozen=True):
    """What holds it."""

    object: Blame | None = None


class Blamed(Shape, frozen=True):
    """The answer to who wrote a line."""

    repository: BlameRepository


_COMMIT: Final = f"""
fragment Written on Commit {{
  oid message committedViaWeb
  author {{ email user {{ __typename login }} }}
  signature {{ isValid wasSignedByGitHub }}
  parents(first: 3) {{ nodes {{ oid }} }}
  status {{ context(name: "{CONTEXT}") {{ state description createdAt creator {{ __typename login }} }} }}
}}"""

PULL: Final = f"""
fragment Shown on PullRequest {{
  id number url state createdAt baseRefName headRefOid isCrossRepository
  isDraft isInMergeQueue mergeable mergeStateStatus
  author {{ __typename login }}
  autoMergeRequest {{ enabledBy {{ __typename login }} }}
  mergeQueueEntry {{ enqueuer {{ __typename login }} }}
  labels(first: 100) {{ nodes {{ id name }} }}
  latestOpinionatedReviews(first: 50, writersOnly: true) {{ nodes {{ state commit {{ oid }} }} }}
  files(first: 2) {{ totalCount nodes {{ path }} }}
  commits(first: {MOST}) {{ totalCount nodes {{ commit {{ ...Written }} }} }}
  forced: timelineItems(itemTypes: [HEAD_REF_FORCE_PUSHED_EVENT], last: 5) {{
    nodes {{ ... on HeadRefForcePushedEvent {{ beforeCommit {{ ...Written }} }} }}
  }}
  drafted: timelineItems(itemTypes: [CONVERT_TO_DRAFT_EVENT], last: 1) {{
    nodes {{ ... on ConvertToDraftEvent {{ actor {{ __typename login }} }} }}
  }}
  asked: timelineItems(itemTypes: [AUTO_MERGE_ENABLED_EVENT], last: 1) {{
    nodes {{ ... on AutoMergeEnabledEvent {{ createdAt }} }}
  }}
}}{_COMMIT}"""

_THERE: Final = "repository(owner: $owner, name: $name)"
_NEWEST: Final = "orderBy: {field: CREATED_AT, direction: DESC}"

LOOK: Final = f"""
query($owner: String!, $name: String!, $after: String) {{
  viewer {{ __typename login }}
  repository(owner: $owner, name: $name) {{
    id nameWithOwner
    refs(refPrefix: "{BRANCHES}", first: 100, after: $after) {{
      pageInfo {{ hasNextPage endCursor }}
      nodes {{
        name prefix target {{ oid ...Written }}
        associatedPullRequests(first: 3, {_NEWEST}) {{ nodes {{ ...Shown }} }}
      }}
    }}
    scratch: refs(refPrefix: "{SCRATCH}", first: 100) {{ nodes {{ name prefix target {{ oid }} }} }}
  }}
}}{PULL}"""

BLAME: Final = """
query($owner: String!, $name: String!, $oid: GitObjectID!, $path: String!) {
  repository(owner: $owner, name: $name) {
    object(oid: $oid) {
      ... on Commit { blame(path: $path) { ranges {
        startingLine endingLine commit { oid authoredDate author { name } }
      } } }
    }
  }
}"""


TEXTS: Final = """
query($owner: String!, $name: String!, $before: String!, $after: String!) {
  repository(owner: $owner, name: $name) {
    before: object(expression: $before) { ... on Blob { isTruncated text } }
    after: object(expression: $after) { ... on Blob { isTruncated text } }
  }
}"""

MORE: Final = f"""
query($owner: String!, $name: String!, $branch: String!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    b0: pullRequests(headRefName: $branch, first: 20, after: $after, {_NEWEST}) {{
      pageInfo {{ hasNextPage endCursor }} nodes {{ ...Shown }}
    }}
  }}
}}{PULL}"""


def ended(count: int) -> str:
    """Ask for the newest pull requests from so many branches, ``$b0`` and on. Forks have branches of that name too."""
    names = "".join(f", $b{number}: String!" for number in range(count))
    fields = " ".join(
        f"b{number}: pullRequests(headRefName: $b{number}, first: 5, {_NEWEST}) "
        "{ pageInfo { hasNextPage endCursor } nodes { ...Shown } }"
        for number in range(count)
    )
    return f"query($owner: String!, $name: String!{names}) {{ {_THERE} {{ {fields} }} }}{PULL}"


def blobs(count: int) -> str:
    """Ask for so many contents, ``$b0`` and on."""
    names = "".join(f", $b{number}: GitObjectID!" for number in range(count))
    fields = " ".join(
        f"b{number}: object(oid: $b{number}) {{ ... on Blob {{ isTruncated text }} }}" for number in range(count)
    )
    return f"query($owner: String!, $name: String!{names}) {{ {_THERE} {{ {fields} }} }}"
