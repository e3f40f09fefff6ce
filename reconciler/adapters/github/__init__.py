"""Production on GitHub: a promotion is a pull request, and GitHub itself remembers how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, assert_never
from urllib.parse import quote

import msgspec

from reconciler.adapters.github import contents, shapes
from reconciler.adapters.github.budget import Budget
from reconciler.adapters.github.credentials import App, Credential, Token, TokenFile, warn_of_short_life
from reconciler.adapters.github.look import Me, Standing, branch_only, is_merged_with_base, newest, with_pull
from reconciler.adapters.github.transport import Transport
from reconciler.adapters.github.view import PAGE, Listed, View, agrees, files_of, is_settled, sizes_of
from reconciler.adapters.github.wire import Wire, decoded
from reconciler.adapters.github.writing import Writing
from reconciler.core.model import Base, Close, Disarm, Findings, LastChange, Open, Pause, Rearm, Update
from reconciler.ports import PortError, Refused, Unavailable

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from reconciler.adapters.github.shapes import Branch, Pull, Seen
    from reconciler.core.model import Action, Question

__all__ = ["App", "Budget", "Credential", "GitHub", "Token", "TokenFile"]

PUBLIC: Final = "https://api.github.com"
_BATCH: Final = 50
"""How many branches are asked about at once."""
_OK, _NOT_MODIFIED, _MISSING, _EMPTY, _UNFIT = 200, 304, 404, 409, 422


class _Compared(msgspec.Struct):
    ahead_by: int
    merge_base_commit: _Sha


class _Sha(msgspec.Struct):
    sha: str


@dataclass(eq=False, kw_only=True)
class GitHub:
    """One branch of one repository. Serves one thread.

    Attributes:
        repository: ``owner/name``.
        branch: The base branch, without ``refs/heads/``.
        credential: Who we are there.
        budget: How much may be asked for; those who share a credential share it.
        base_url: The REST API's address.
        lands: Whether pull requests are merged by us where nothing is required of them.
        environ: For proxies and certificate authorities.
        clock: What time it is.
        sleep: Waits for some seconds, of which a pass never spends more than a few.
        jitter: Gives a number from 0 to 1, so that many do not try again at the same instant.
    """

    repository: str
    branch: str
    credential: Credential
    budget: Budget
    base_url: str = PUBLIC
    lands: bool = False
    environ: Mapping[str, str] = field(repr=False)
    clock: Callable[[], datetime] = field(repr=False)
    sleep: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)

    _view: View | None = field(default=None, init=False, repr=False)
    _etag: str = field(default="", init=False, repr=False)
    _page: tuple[Listed, ...] = field(default=(), init=False, repr=False)
    _is_steady: bool = field(default=False, init=False, repr=False)
    _findings: dict[Question, Findings] = field(default_factory=dict, init=False, repr=False)
    _changes: dict[tuple[str, int], LastChange | None] = field(default_factory=dict, init=False, repr=False)
    _compared: dict[tuple[str, str], _Compared] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _wire(self) -> Wire:
        warn_of_short_life(self.credential)
        return Wire(
            transport=Transport.bearing(self.base_url, self.credential.token, self.environ),
            credential=self.credential,
            budget=self.budget,
            repository=self.repository,
            sleep=self.sleep,
            jitter=self.jitter,
        )

    @cached_property
    def _files(self) -> contents.Files:
        return contents.Files(self._wire)

    @property
    def requests(self) -> Counter[tuple[str, str]]:
        """Count what was sent so far, by kind (read or write) and outcome (an HTTP status, or ``lost``)."""
        return self._wire.requests

    def close(self) -> None:
        """Let go of the connection, if there is one."""
        if wire := self.__dict__.pop("_wire", None):
            wire.transport.close()

    # --- reading ---

    def observe(self) -> Base:
        """Look once. While nothing moves that is two questions, and GitHub answers both that nothing has changed."""
        sha, moves = self._tip(), self._has_news()
        if self._view is not None and self._is_steady and not moves and not self._view.standings:
            self._view = self._at(sha, self._view)
        elif self._view is None or moves or not self._is_steady or self._view.base.sha != sha:
            self._is_steady = False
            self._view = self._looked(sha)
            self._is_steady = agrees(self._view, self._page) and is_settled(self._view, lands=self.lands)
            self._findings.clear()
        return self._view.base

    def _now(self) -> View:
        if self._view is None:
            self.observe()
        assert self._view is not None  # noqa: S101 - an observation that failed has raised
        return self._view

    def _tip(self) -> str:
        """Ask where base is. The id that we know serves as ETag (docs.github.com, "Get a commit")."""
        headers = {"Accept": "application/vnd.github.sha"}
        if self._view is not None:
            headers["If-None-Match"] = f'"{self._view.base.sha}"'
        path = f"/commits/heads/{quote(self.branch)}"
        answer = self._wire.get(path, headers=headers, good=(_OK, _NOT_MODIFIED, _EMPTY, _UNFIT))
        if answer.status in {_EMPTY, _UNFIT}:
            raise Refused(f'branch "{self.branch}" does not exist in {self.repository}; push it, or correct branch')
        sha = self._view.base.sha if answer.status == _NOT_MODIFIED and self._view else answer.body.strip()
        if len(sha) not in {40, 64} or not sha.isalnum():
            raise Unavailable("GitHub's answer cannot be understood; the next pass asks again")
        return sha

    def _has_news(self) -> bool:
        """Ask whether any pull request has changed."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        path = f"/pulls?state=all&sort=updated&direction=desc&per_page={PAGE}"
        answer = self._wire.get(path, headers=headers, good=(_OK, _NOT_MODIFIED))
        if answer.status == _NOT_MODIFIED:
            return False
        self._page = decoded(answer.body.encode(), tuple[Listed, ...])
        self._etag = answer.headers.get("etag", "")
        return True

    def _at(self, sha: str, view: View) -> View:
        """Take another base into a view. Where nothing of ours stands, nothing else can have changed with it."""
        if view.base.sha == sha:
            return view
        tree = self._tree(sha)
        base = replace(view.base, sha=sha, entries=tree.entries)
        return replace(view, tree=tree, base=base, files=files_of(tree), sizes=sizes_of(tree))

    def _tree(self, sha: str) -> contents.Tree:
        if self._view is not None and self._view.tree.sha == sha:
            return self._view.tree
        tree = contents.tree(self._wire, sha)
        self._changes.clear()
        self._files.forget_all_but(sizes_of(tree))
        return tree

    def _looked(self, sha: str) -> View:
        tree = self._tree(sha)
        first, branches = self._branches()
        repository = first.repository
        if repository.name_with_owner.lower() != self.repository.lower():
            raise Refused(f"{self.repository} is called {repository.name_with_owner} now; correct repository")
        me = Me(first.viewer.name, signs=self.base_url == PUBLIC)
        self._compared = {pair: found for pair, found in self._compared.items() if pair[0] == sha}
        standings = {branch.short: one for branch in branches if (one := self._standing(branch, me, sha))}
        proposals = tuple(one.proposal for one in standings.values())
        return View(
            self.repository,
            repository.id,
            me,
            tree,
            Base(sha, tree.entries, proposals, self.branch, forge=True),
            standings,
            {branch.short: branch.target.oid for branch in branches},
            {left.ref: left.target.oid for left in repository.scratch.nodes},
            files_of(tree),
            sizes_of(tree),
        )

    def _branches(self) -> tuple[Seen, list[Branch]]:
        """List what stands under our prefix, a hundred branches with a request."""
        first, after, found = None, None, list[shapes.Branch]()
        while first is None or after:
            seen = self._asked(shapes.LOOK, shapes.Seen, after=after)
            first = first or seen
            found += seen.repository.refs.nodes
            page = seen.repository.refs.page_info
            after = page.end_cursor if page.has_next_page else None
        return first, found

    def _asked(self, document: str, kind: type[shapes.T], **variables: object) -> shapes.T:
        """Ask GraphQL for something of which no part may be missing, but for who queued what: Apps may not see that."""
        owner, _, name = self.repository.partition("/")
        found, problems = self._wire.query(document, kind, owner=owner, name=name, **variables)
        missing = next((problem for problem in problems if "mergeQueueEntry" not in problem.path), None)
        if missing is not None:
            raise self._wire.problem(missing)
        return found

    def _standing(self, branch: Branch, me: Me, sha: str) -> Standing | None:
        """Read one branch. None for one that holds nothing: a pass was cut short before its commit was made."""
        pull = newest(branch.associated_pull_requests.nodes)
        if pull is not None and (pull.open or pull.head_ref_oid == branch.target.oid):
            return with_pull(branch.short, pull, me, self._texts(pull, sha))
        only = branch_only(branch, me)
        if only.proposal.unopened or self._comparison(sha, branch.target.oid).ahead_by:
            return only
        return with_pull(branch.short, pull, me) if pull else None

    def _comparison(self, base: str, head: str) -> _Compared:
        if (base, head) not in self._compared:
            answer = self._wire.get(f"/compare/{base}...{head}?per_page=1")
            self._compared[base, head] = decoded(answer.body.encode(), _Compared)
        return self._compared[base, head]

    def _texts(self, pull: Pull, sha: str) -> tuple[str, str] | None:
        """Read the only changed file in the merge base and in the head, where base was merged into the branch."""
        files = pull.files
        if not pull.open or not is_merged_with_base(pull) or files is None or files.total_count != 1:
            return None
        ancestor = self._comparison(sha, pull.head_ref_oid).merge_base_commit.sha
        path = files.nodes[0].path
        found = self._asked(
            shapes.TEXTS, shapes.Texts, before=f"{ancestor}:{path}", after=f"{pull.head_ref_oid}:{path}"
        )
        texts = (found.repository.before, found.repository.after)
        if any(one is None or one.text is None or one.is_truncated for one in texts):
            return None
        before, after = (one.text for one in texts if one and one.text is not None)
        return before, after

    def read(self, oids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Read blobs, a hundred with a request. Each is checked by its id."""
        yield from self._files.read(oids, self._now().sizes)

    def investigate(self, questions: Sequence[Question]) -> Mapping[str, Findings]:
        """Answer questions, fifty with a request. An answer stays true while nothing moves."""
        view = self._now()
        asked = [question for question in questions if question.ended and question not in self._findings]
        for start in range(0, len(asked), _BATCH):
            self._look_up(asked[start : start + _BATCH], view.me)
        return {question.branch: self._findings.get(question, Findings()) for question in questions}

    def _look_up(self, questions: Sequence[Question], me: Me) -> None:
        """Find the newest pull request that ever came from each branch."""
        names = {f"b{number}": question.branch for number, question in enumerate(questions)}
        found = self._asked(shapes.ended(len(names)), shapes.Ended, **names).repository
        for question, pulls in zip(questions, (found[alias] for alias in names), strict=True):
            pull = newest(pulls.nodes) or self._among_forks(question.branch, pulls)
            proposal = with_pull(question.branch, pull, me).proposal if pull else None
            self._findings[question] = Findings(proposal=proposal)

    def _among_forks(self, branch: str, pulls: shapes.Pulls) -> Pull | None:
        """Look further where forks have so many pull requests from branches of that name that ours does not show."""
        while pulls.page_info.has_next_page:
            pulls = self._asked(shapes.MORE, shapes.More, branch=branch, after=pulls.page_info.end_cursor).repository.b0
            if pull := newest(pulls.nodes):
                return pull
        return None

    def last_change(self, path: str, line: int) -> LastChange | None:
        """Tell who touched a line last, None where that cannot be found out."""
        place = (path, line)
        if place not in self._changes:
            try:
                self._changes[place] = self._blamed(path, line)
            except PortError:
                return None
        return self._changes[place]

    def _blamed(self, path: str, line: int) -> LastChange | None:
        found = self._asked(shapes.BLAME, shapes.Blamed, oid=self._now().base.sha, path=path).repository.object
        ranges = found.blame.ranges if found else ()
        commit = next((one.commit for one in ranges if one.starting_line <= line <= one.ending_line), None)
        if commit is None:
            return None
        author = commit.author.name if commit.author and commit.author.name else "somebody"
        return LastChange(commit.oid, author, commit.authored_date)

    # --- writing ---

    def apply(self, action: Action) -> None:
        """Carry out one action. Whatever becomes of it, the next pass looks at everything again."""
        view = self._now()
        self.budget.write()
        self._is_steady = False
        writing = Writing(self._wire, view, self.branch)
        match action:
            case Open():
                self._refuse_moved(action, view)
                writing.open(action)
            case Update() | Rearm() if action.stands:
                writing.show(action, self._stood(action, view))
            case Update() | Rearm():
                self._refuse_moved(action, view)
                writing.rebuild(action, self._stood(action, view))
            case Pause():
                writing.pause(action, self._stood(action, view))
            case Disarm():
                writing.disarm(action, self._stood(action, view))
            case Close():
                writing.close(action, self._stood(action, view))
            case _:
                assert_never(action)

    def _refuse_moved(self, action: Open | Update | Rearm, view: View) -> None:
        """Refuse texts that were not made from what was observed, and files that GitHub would change in other ways."""
        for edit in () if action.stands else action.edits:
            entry = view.files.get(edit.path)
            if (
                action.base != view.base.sha
                or entry is None
                or contents.blob_id(edit.before.encode(), entry.oid) != entry.oid
            ):
                moved = f"the base of {action.subject.branch} moved since it was observed: the next pass looks again"
                raise Unavailable(moved)
            if edit.path in view.tree.executables:
                cure = f"git update-index --chmod=-x {edit.path}"
                raise Refused(f"{edit.path} is executable, which GitHub's commits cannot keep; take that off: {cure}")

    def _stood(self, action: Action, view: View) -> Standing:
        subject = action.subject
        standing = view.standings.get(subject.branch)
        if standing is None or standing.proposal != subject.proposal:
            raise Unavailable(f"{subject.branch} moved since it was observed: the next pass looks again")
        return standing
