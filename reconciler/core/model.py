"""The nouns of a pass: what was observed, what was decided, and the closed list of reasons.

Times are aware and in UTC, durations are ``timedelta``, collections are tuples. Nothing here reads or decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from reconciler.core.selector import Selector

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from reconciler.core.cron import Cron
    from reconciler.core.version import Constraint, Version
    from reconciler.core.yaml import Scalar


class Reason(StrEnum):
    """Why a release is not promoted: a closed list, in the order in which the answers are looked for."""

    UNREADABLE = "unreadable"
    UNMATCHED = "unmatched"
    AMBIGUOUS = "ambiguous"
    UNSUPPORTED = "unsupported"
    UNPINNED = "unpinned"
    SUSPENDED = "suspended"
    NOT_DEPLOYED = "not-deployed"
    STALE = "stale"
    TESTS_DISABLED = "tests-disabled"
    TESTS_RUNNING = "tests-running"
    TESTS_FAILED = "tests-failed"
    NO_TESTS = "no-tests"
    ROLLED_BACK = "rolled-back"
    AHEAD = "ahead"
    REVERTED = "reverted"
    REJECTED = "rejected"
    EDITED = "edited"
    FOREIGN = "foreign"
    ON_HOLD = "on-hold"
    IN_REVIEW = "in-review"
    PRERELEASE = "prerelease"
    POLICY = "policy"
    EXPIRED = "expired"
    SOAKING = "soaking"
    WINDOW = "window"
    FROZEN = "frozen"
    WAITING = "waiting"
    CAPACITY = "capacity"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The namespace and name of a Kubernetes object; prints as ``namespace/name``."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


# --- staging, as the cluster tells it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hook:
    """One Helm test hook of a snapshot. ``phase`` is empty for a hook that never ran."""

    name: str
    phase: str
    started: datetime | None = None
    completed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One entry of ``status.history``: a Helm release revision as helm-controller saw it.

    ``hooks`` is None where ``testHooks`` is absent (not tested, or written by a rollback), and empty where the chart
    has no tests: helm-controller keeps the two apart (``api/v2/snapshot_types.go``).
    """

    revision: int
    status: str
    release: Key
    chart: str
    version: str
    action: str | None = None
    deployed_at: datetime | None = None
    hooks: tuple[Hook, ...] | None = None
    digest: str | None = None
    app_version: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of ``status.conditions``. ``status`` is ``True``, ``False`` or ``Unknown``, as text."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChartSource:
    """What a HelmRelease's ``spec.chart.spec``, or a HelmChart's ``spec``, asks for."""

    chart: str
    constraint: str
    source_kind: str
    values_files: bool = False
    by_revision: bool = False
    """``reconcileStrategy: Revision``."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A HelmRelease's ``spec.chartRef``, its namespace filled in."""

    kind: str
    key: Key


@dataclass(frozen=True, slots=True)
class Filter:
    """One entry of ``spec.test.filters``."""

    name: str
    exclude: bool = False


ANNOTATIONS: Final = "helm-promoter/"
"""What the annotations start with by which a staging release speaks to this program."""


@dataclass(frozen=True, slots=True)
class HelmRelease:
    """A staging HelmRelease, reduced to what a verdict needs. Exactly one of ``chart`` and ``chart_ref`` is set.

    ``labels`` are its own, ``annotations`` only those that start with ``ANNOTATIONS``, without it.
    """

    key: Key
    generation: int
    observed_generation: int
    chart: ChartSource | None = None
    chart_ref: Reference | None = None
    suspended: bool = False
    deleting: bool = False
    tests_enabled: bool = False
    filters: tuple[Filter, ...] = ()
    history: tuple[Snapshot, ...] = ()
    conditions: tuple[Condition, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OCIRepository:
    """A staging OCIRepository: what its ``spec.ref`` asks for and the artifact revision that it last fetched."""

    key: Key
    tag: str | None = None
    semver: str | None = None
    semver_filter: str | None = None
    digest: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class HelmChart:
    """A staging HelmChart that a ``chartRef`` names."""

    key: Key
    source: ChartSource


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A staging object of the wrong shape. ``message`` says which field, and why."""

    key: Key
    message: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What one promotion wants to see of a cluster.

    ``namespaces`` is ``("*",)`` for all; ``selector`` is a Kubernetes label selector, empty for all.
    """

    namespaces: tuple[str, ...]
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """One look at a staging cluster, reduced to one promotion's namespaces and selector.

    ``errors`` are what could not be read, so that what is missing need not be gone. ``empty`` are the namespaces that
    were read and hold no release: more often a slip of the pen than meant. ``unread`` are namespaces that could not be
    read, by name: nothing is known of their releases, and all else is as it was seen.
    """

    releases: tuple[HelmRelease | Unreadable, ...] = ()
    oci_repositories: tuple[OCIRepository, ...] = ()
    helm_charts: tuple[HelmChart, ...] = ()
    errors: tuple[Problem, ...] = ()
    empty: tuple[Problem, ...] = ()
    unread: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read. ``subject`` is a path, a glob, a namespace or an address, never a secret."""

    subject: str
    message: str


# --- what staging proves -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proof:
    """A version that staging has proven.

    ``text`` is the version as the chart or the tag spells it; ``v_dropped`` says that Flux may have removed a leading
    ``v`` from it, so that the pin's own style decides. ``is_tag`` says that it is an OCI tag. ``since`` is when the
    proof became complete, ``tested`` when its hooks were last run to their end; either is None where the times are
    missing or absurd. ``hooks`` are those that succeeded, none where being Ready is the proof. ``app_version``
    and ``deployed_at`` are of the revision that speaks for it, as far as staging tells.
    """

    version: Version
    text: str
    revision: int
    since: datetime | None
    hooks: tuple[Hook, ...] = ()
    v_dropped: bool = False
    is_tag: bool = False
    tested: datetime | None = None
    app_version: str = ""
    deployed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a version that staging deploys, or was rolled back from, is not proven. ``version`` is None if unknown."""

    reason: Reason
    version: Version | None
    message: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one staging release proves, and what it leaves in doubt.

    ``proofs`` are the proven versions, the highest first: the first is the candidate. ``doubts`` come in the order in
    which they are to be told. ``contradicted`` are versions whose proof is refuted: they failed, were rolled back from,
    or staging was moved below them. ``deployed`` is the version of the newest snapshot.
    """

    key: Key
    chart: str | None = None
    deployed: Version | None = None
    proofs: tuple[Proof, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    contradicted: tuple[Version, ...] = ()
    suspended: bool = False


# --- production, as git tells it -----------------------------------------------------------------------------------


class EntryKind(StrEnum):
    """What a tree entry is. Only files are ever read."""

    FILE = "file"
    SYMLINK = "symlink"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree. ``size`` is in bytes."""

    path: str
    oid: str
    size: int
    kind: EntryKind = EntryKind.FILE


class State(StrEnum):
    """How a promotion of ours stands."""

    ARMED = "armed"
    PAUSED = "paused"
    DISARMED = "disarmed"


@dataclass(frozen=True, slots=True)
class Status:
    """Our commit status on a pull request's head: how it stands, as a person sees it and as the next pass reads it.

    ``conclusion`` is ``success``, ``pending``, ``failure`` or ``error``, as the forge has it.
    """

    conclusion: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One commit of a pull request. ``ours`` says that our credential made it through the forge."""

    oid: str
    message: str
    parents: tuple[str, ...]
    ours: bool


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request under one of our names, as the forge shows it.

    ``state`` is ``open``, ``closed`` or ``merged``; ``id`` is the forge's handle for writing. ``base`` is the branch
    that it goes to. ``ours`` says that our credential opened it. ``merging`` says that auto-merge, or the merge queue,
    is of our asking. ``in_review`` says that an approving review stands on the head, or that it is in the merge queue.
    ``clean`` says that it could be merged at once: nothing is required of it, no check is under way or has failed, and
    nobody ever asked the forge to merge it. ``labels`` are in small letters, for the forge does not tell others apart.
    ``files`` are the paths that it changes. ``texts`` are those of the only one of them in the merge base and in the
    head, where base was merged into it.
    """

    number: int
    url: str
    state: str
    id: str = ""
    base: str = ""
    ours: bool = True
    merging: bool = False
    in_review: bool = False
    conflicts: bool = False
    clean: bool = False
    opened: datetime | None = None
    labels: tuple[str, ...] = ()
    status: Status | None = None
    commits: tuple[Change, ...] = ()
    files: tuple[str, ...] = ()
    texts: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """One promotion of ours, or under our name, as the repository shows it.

    ``head`` is the commit of the branch and ``ledger`` our last pushed commit, None where there is none: the plan
    compares the two. ``message`` is the ledger's commit message, whose trailers are the marker; without a
    ledger it is the head's. ``unfinished`` says that what we wrote last was cut short, and is to be written again.
    ``pull_request`` is the newest from this branch; a repository without a forge has none, and ``unopened`` says that a
    forge has none for this branch: a pass was cut short before it was opened.
    """

    branch: str
    ledger_ref: str
    head: str | None
    ledger: str | None
    message: str = ""
    pull_request: PullRequest | None = None
    unfinished: bool = False
    unopened: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be looked up about one drifted promotion: its branch, the path that it edits, and what to find.

    ``history`` asks for the texts that base carried at ``path`` since the promotion was proposed; ``ended`` for the
    newest pull request from the branch, which a look at what stands open does not show.
    """

    branch: str
    path: str
    history: bool
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Findings:
    """The answer to one question.

    ``conflicts`` says that the branch no longer merges into base at ``path``. ``texts`` are the contents that base had
    at the path since the promotion was proposed, base's own included. ``proposal`` is what was asked for as ``ended``,
    None where no pull request ever came from the branch.
    """

    conflicts: bool = False
    texts: tuple[str, ...] = ()
    proposal: Proposal | None = None


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last commit on base that touched a line."""

    commit: str
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Base:
    """One look at a production repository: the branch's commit, its tree, and what stands under our names.

    ``forge`` says that promotions are pull requests into ``branch``: what ended is asked for, not listed.
    """

    sha: str
    entries: tuple[Entry, ...]
    proposals: tuple[Proposal, ...] = ()
    branch: str = ""
    forge: bool = False


@dataclass(frozen=True, slots=True)
class Pin:
    """The scalar that decides which version production runs.

    ``holder`` is the name in the document that holds it, ``governed`` the place of the HelmRelease that it was found
    for. ``is_tag`` says that it is an OCIRepository's tag.
    """

    path: str
    scalar: Scalar
    version: Version
    holder: str
    governed: str
    is_tag: bool = False

    @property
    def text(self) -> str:
        """The version as the file has it."""
        return self.scalar.value

    @property
    def place(self) -> tuple[str, int]:
        """What makes it one pin, however many releases it governs."""
        return self.path, self.scalar.start


@dataclass(frozen=True, slots=True)
class NoPin:
    """Why a release has no pin that could be edited. ``text`` is the version that was found all the same."""

    reason: Reason
    message: str
    text: str | None = None


# --- policy and plan -----------------------------------------------------------------------------------------------


class Tests(StrEnum):
    """Whether a promotion needs Helm tests."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class Step(StrEnum):
    """The largest part of a version that a promotion may raise, the smallest first."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


class WindowKind(StrEnum):
    """Whether a window lets promotions through, or keeps them out."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Window:
    """A time that comes round again and again: it opens when ``cron`` says, and lasts ``duration`` of real time."""

    cron: Cron
    duration: timedelta
    kind: WindowKind = WindowKind.ALLOW


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time without promotions, up to an instant. ``reason`` may be empty."""

    until: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a promotion admits, or what an override says of it.

    None is a key that nobody gave: an override leaves it as it is, and else the safe default counts, which is told
    below where it is more than nothing.

    Attributes:
        tests: required by default.
        soak: how long a proof must have held.
        minimum: how many hooks must have succeeded, where tests are the proof; one by default.
        max_age: how old the last run of the hooks may be.
        allow: what the target must satisfy, every one of them.
        bump: the largest step from the pin; major by default.
        prereleases: whether they are let through; by default only to a pin that is one of the same x.y.z.
        ignore: what is never promoted.
        windows: when promotions stand; always by default.
        freeze: until when none does.
    """

    tests: Tests | None = None
    soak: timedelta | None = None
    minimum: int | None = None
    max_age: timedelta | None = None
    allow: tuple[Constraint, ...] | None = None
    bump: Step | None = None
    prereleases: bool | None = None
    ignore: tuple[Constraint, ...] | None = None
    windows: tuple[Window, ...] | None = None
    freeze: tuple[Freeze, ...] | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """Another policy for some releases: those that ``selector`` selects and whose name the glob ``release`` matches."""

    policy: Policy
    selector: Selector = field(default_factory=Selector)
    release: str = "*/*"


@dataclass(frozen=True, slots=True)
class Terms:
    """What one release is held to: the promotion's policy with its overrides, tightened by the release's annotations.

    ``hold`` says why a person holds it, empty for no reason given, None where nobody does. ``malformed`` are sentences
    about annotations that cannot be read, ``idle`` about those that would loosen, by the gate that would have opened.
    """

    policy: Policy = Policy()
    hold: str | None = None
    malformed: tuple[str, ...] = ()
    idle: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """One ``match:`` line: how a staging release is named in production."""

    staging: Key
    production: Key


EVERYWHERE: Final = ("**/*.yaml", "**/*.yml")
"""The globs of a promotion that gives none."""


class MergeMethod(StrEnum):
    """How a pull request is merged."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


class Bump(StrEnum):
    """How far a version moves: by its first number that differs."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class AutoMerge:
    """When the forge is asked to merge by itself. ``unprotected`` lets the program merge where nothing is required."""

    method: MergeMethod = MergeMethod.MERGE
    bumps: tuple[Bump, ...] = (Bump.PATCH, Bump.MINOR)
    unprotected: bool = False


@dataclass(frozen=True, slots=True)
class Manners:
    """How pull requests are opened. ``max_open`` and ``max_per_pass`` bound how many.

    ``title``, ``body`` and ``commit_message`` are templates, empty for our own words. ``sign_off`` is NAME <ADDRESS>,
    empty for none.
    """

    title: str = ""
    body: str = ""
    commit_message: str = ""
    sign_off: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    team_reviewers: tuple[str, ...] = ()
    draft: bool = False
    auto_merge: AutoMerge | None = None
    max_open: int = 10
    max_per_pass: int = 2

    @property
    def lands(self) -> bool:
        """Whether the program merges by itself what has nothing to wait for."""
        return self.auto_merge is not None and self.auto_merge.unprotected


@dataclass(frozen=True, slots=True)
class Promotion:
    """One promotion of the config, as far as the core needs it. ``paths`` are globs, ``!`` excludes.

    ``repository`` identifies the repository and branch, so that promotions which share one can be told. Of
    ``overrides`` the later ones win, key by key.
    """

    name: str
    repository: str
    paths: tuple[str, ...]
    match: tuple[Match, ...] = ()
    policy: Policy = Policy()
    overrides: tuple[Override, ...] = ()
    manners: Manners = Manners()


@dataclass(frozen=True, slots=True)
class Edit:
    """The exact new text of one file. ``diff`` is git's unified format, three lines of context."""

    path: str
    before: str
    after: str
    diff: str


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's answer about one candidate."""

    gate: str
    ok: bool
    reason: Reason | None = None
    message: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit to make. ``at`` comes from the evidence, so that two processes make the same commit."""

    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Words:
    """What a pull request shows. ``status`` is the text of the commit status; an empty body or comment is none."""

    status: str
    body: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about. ``release`` is the first of ``releases``; ``from_`` and ``to`` are the pin's text."""

    promotion: str
    releases: tuple[Key, ...]
    chart: str
    from_: str | None
    to: str | None
    branch: str
    ledger_ref: str
    title: str
    proposal: Proposal | None = None
    reason: Reason | None = None
    message: str | None = None
    gates: tuple[Gate, ...] = ()
    words: Words = Words("")

    @property
    def release(self) -> Key:
        """The release that names the unit."""
        return self.releases[0]


@dataclass(frozen=True, slots=True)
class Proposing:
    """What proposes: one commit of ``edits`` on the observed base.

    ``manners`` is how the pull request is opened; its ``auto_merge`` is None where this version may not merge by
    itself. ``stands`` says that the branch holds the right commit already: only what is shown of it changes.
    ``lands`` says that it is merged by us, where the forge has nothing to wait for.
    """

    subject: Subject
    base: str
    edits: tuple[Edit, ...]
    commit: Commit
    manners: Manners = Manners()
    stands: bool = False
    lands: bool = False


class Open(Proposing):
    """Propose: a branch that does not stand yet."""

    __slots__ = ()


class Update(Proposing):
    """Propose another version in place, or rebuild a conflicting commit."""

    __slots__ = ()


class Rearm(Proposing):
    """Propose again what was paused or disarmed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Withdraw for now: the evidence is uncertain, or a gate is shut. ``commit`` rewords the ledger's."""

    subject: Subject
    commit: Commit


@dataclass(frozen=True, slots=True)
class Disarm:
    """Withdraw: the proof of the proposed version is contradicted. ``commit`` rewords the ledger's."""

    subject: Subject
    commit: Commit


@dataclass(frozen=True, slots=True)
class Close:
    """Production caught up, or the release is gone for good: take the branch away.

    ``forget`` removes the ledger too.
    """

    subject: Subject
    forget: bool = False


Action = Open | Update | Rearm | Pause | Disarm | Close


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a release is not promoted."""

    promotion: str
    release: Key
    reason: Reason
    message: str
    from_: str | None = None
    to: str | None = None
    until: datetime | None = None
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True)
class InSync:
    """A release whose production pin is what staging deploys."""

    promotion: str
    release: Key
    version: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """A promotion that stands open and needs nothing."""

    promotion: str
    release: Key
    from_: str
    to: str
    state: State
    branch: str
    pull_request: PullRequest | None = None
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that a promotion could not read or do.

    ``fatal`` says that the promotion itself could not be observed, or that an action failed: exit code 1.
    """

    promotion: str
    subject: str
    message: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and why the rest is not. Everything is sorted by promotion, then release."""

    at: datetime
    actions: tuple[Action, ...] = ()
    holds: tuple[Hold, ...] = ()
    in_sync: tuple[InSync, ...] = ()
    proposed: tuple[Proposed, ...] = ()
    errors: tuple[Failure, ...] = ()
    reserve: tuple[Open, ...] = ()
    """What is held for capacity, oldest proof first: it moves up where a repository refuses an action."""


Answer = Action | Hold | InSync | Proposed
