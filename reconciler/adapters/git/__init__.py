"""Production in any repository that the git program reaches: a promotion is a pushed branch and a ledger ref."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar, assert_never

from reconciler.adapters.git import history
from reconciler.adapters.git.cache import BRANCHES, LEDGERS, Cache
from reconciler.adapters.git.look import look, noted
from reconciler.adapters.git.program import GitError
from reconciler.adapters.git.push import Move, NotAtomic, commit_edits, commit_words, push
from reconciler.adapters.git.remote import Remote, SshKey, TokenFile
from reconciler.core.model import Close, Disarm, Open, Pause, Rearm, Update
from reconciler.ports import PortError, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from reconciler.adapters.git.look import Look
    from reconciler.core.model import Action, Base, Commit, Edit, Findings, LastChange, Question, Subject

__all__ = ["Git", "SshKey", "TokenFile"]

_CHUNK = 8 * 1024 * 1024  # bytes of blobs that are in memory at once
_NAMED = 5  # branches in the message about a missing one
_FORMATS = {40: "sha1", 64: "sha256"}  # by the digits of an object id
_HEADS = "refs/heads/"

T = TypeVar("T")


@dataclass(eq=False, kw_only=True)
class Git:
    """One branch of one repository.

    Attributes:
        url: What the git program speaks to, or an absolute path. Credentials in it are taken out and never shown.
        branch: The base branch, without ``refs/heads/``.
        cache: A folder that may be empty at any start.
        credentials: How to log in; None leaves it to the settings of the user who runs us.
        push_options: Sent along whenever a promotion's branch is pushed.
        environ: The environment that git runs in, cleaned of what would change its behaviour.
    """

    url: str = field(repr=False)
    branch: str
    cache: Path
    credentials: TokenFile | SshKey | None = None
    push_options: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(repr=False)

    _seen: Look | None = field(default=None, init=False, repr=False)
    _findings: dict[Question, Findings] = field(default_factory=dict, init=False, repr=False)
    _changes: dict[tuple[str, int], LastChange | None] = field(default_factory=dict, init=False, repr=False)
    _format: str = field(default="sha1", init=False, repr=False)
    _rebuilt: bool = field(default=False, init=False, repr=False)
    _atomic: bool = field(default=True, init=False, repr=False)

    @cached_property
    def _remote(self) -> Remote:
        return Remote.parse(self.url, self.credentials)

    @cached_property
    def _cache(self) -> Cache:
        return Cache(self.cache / "git", self._remote, self.branch, self.environ)

    def close(self) -> None:
        """Let others have the cache folder, if it was taken."""
        if cache := self.__dict__.pop("_cache", None):
            cache.close()

    # --- reading ---

    def observe(self) -> Base:
        """Look once. While nothing moves on the remote, that is one listing of its refs and nothing else."""
        return self._observed().base

    def _observed(self) -> Look:
        advertised = self._cache.advertised()
        base = _HEADS + self.branch
        if base not in advertised:
            raise self._missing(advertised)
        wanted = {ref: sha for ref, sha in advertised.items() if ref == base or ref.startswith((BRANCHES, LEDGERS))}
        self._format = _FORMATS[len(wanted[base])]
        self._rebuilt = False
        if not self._seen or self._seen.refs != wanted:
            self._seen = self._mended(partial(self._look, base, wanted))
            self._findings.clear()
            self._changes.clear()
        return self._seen

    def _now(self) -> Look:
        return self._seen or self._observed()

    def _missing(self, advertised: Mapping[str, str]) -> Refused:
        names = sorted(ref.removeprefix(_HEADS) for ref in advertised if not ref.startswith((BRANCHES, LEDGERS)))
        if not names:
            return Refused(f'{self._remote.url} has no branches yet: push "{self.branch}" to it first')
        near = dict.fromkeys((*difflib.get_close_matches(self.branch, names, n=_NAMED), *names))
        known = ", ".join([*list(near)[:_NAMED], *(["..."] if len(names) > _NAMED else [])])
        return Refused(f'branch "{self.branch}" does not exist in {self._remote.url}; known branches: {known}')

    def _look(self, base: str, wanted: Mapping[str, str]) -> Look:
        if not self._cache.folder.exists():
            self._cache.rebuild(self._format)
        if self._cache.refs() != wanted:
            self._cache.fetch()
        return look(self._cache, base, self._seen)

    def _mended(self, work: Callable[[], T]) -> T:
        """Do something with the cache; if that fails, once more with a new one. At most once a pass."""
        try:
            return work()
        except GitError as error:
            if error.timed_out or self._rebuilt:
                raise self._cache.unusable(error) from error
        self._rebuilt = True
        try:
            self._cache.rebuild(self._format)
            self._cache.fetch()
            return work()
        except GitError as error:
            raise self._cache.unusable(error) from error

    def read(self, oids: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Read blobs, a few megabytes at a time."""
        for chunk in _chunks(oids, self._now().sizes):
            yield from self._mended(partial(self._blobs, chunk))

    def _blobs(self, oids: Sequence[str]) -> list[tuple[str, bytes]]:
        blobs = [(blob.oid, blob.content) for blob in self._cache.objects(oids) if blob]
        if len(blobs) != len(oids):
            raise GitError("a file is missing")
        return blobs

    def investigate(self, questions: Sequence[Question]) -> Mapping[str, Findings]:
        """Answer questions. An answer stays true while nothing moves on the remote."""
        seen = self._now()
        asked = [question for question in questions if question not in self._findings]
        found = self._mended(partial(history.investigate, self._cache, seen, asked))
        self._findings.update({question: found[question.branch] for question in asked})
        return {question.branch: self._findings[question] for question in questions}

    def last_change(self, path: str, line: int) -> LastChange | None:
        """Tell who touched a line last, None where that cannot be found out."""
        place = (path, line)
        if place not in self._changes:
            try:
                self._changes[place] = history.last_change(self._cache, self._now().base.sha, path, line)
            except (GitError, PortError):
                return None
        return self._changes[place]

    # --- writing ---

    def apply(self, action: Action) -> None:
        """Carry out one action, by compare-and-swap on the branch and the ledger."""
        try:
            self._mended(partial(self._apply, action))
        except NotAtomic:
            self._atomic = False
            self._mended(partial(self._apply, action))

    def _apply(self, action: Action) -> None:
        match action:
            case Open() | Update() | Rearm():
                self._propose(action)
            case Pause() | Disarm():
                self._withdraw(action)
            case Close():
                self._close(action)
            case _:
                assert_never(action)

    def _propose(self, action: Open | Update | Rearm) -> None:
        seen, subject = self._now(), action.subject
        if action.base != seen.base.sha or not all(self._stands(seen, edit) for edit in action.edits):
            raise Unavailable(f"the base of {subject.branch} moved since it was observed: the next pass looks again")
        branch, ledger = _stood(seen, subject)
        commit = self._worded(action.commit, "self")
        made = commit_edits(self._cache, action.base, action.edits, seen.executables, commit)
        self._move(replace(branch, after=made), replace(ledger, after=made))

    def _stands(self, seen: Look, edit: Edit) -> bool:
        """Whether base has the text that the edit was made from."""
        content = edit.before.encode()
        oid = hashlib.new(self._format, b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
        return edit.path in seen.files and seen.files[edit.path].oid == oid

    def _withdraw(self, action: Pause | Disarm) -> None:
        seen, subject = self._now(), action.subject
        branch, ledger = _stood(seen, subject)
        last = seen.commits.get((subject.proposal and subject.proposal.ledger) or "")
        if not last:
            raise Unavailable(f"{subject.ledger_ref} moved since it was observed: the next pass looks again")
        commit = self._worded(action.commit, branch.before) if branch.before else action.commit
        made = commit_words(self._cache, last.tree, last.parents, commit)
        self._move(replace(ledger, after=made), replace(branch, after=None))

    def _close(self, action: Close) -> None:
        branch, ledger = _stood(self._now(), action.subject)
        self._move(replace(ledger, after=None) if action.forget else ledger, replace(branch, after=None))

    def _worded(self, commit: Commit, ledger: str) -> Commit:
        return commit if self._atomic else replace(commit, message=noted(commit.message, ledger))

    def _move(self, *moves: Move) -> None:
        """Move refs at once; or, where the server cannot, in this order, which reads well at every instant."""
        needed = tuple(move for move in moves if move.before != move.after)
        steps = [needed] if self._atomic else [(move,) for move in needed]
        for together in filter(None, steps):
            push(self._cache, together, self.push_options, self._remote.url)


def _stood(seen: Look, subject: Subject) -> tuple[Move, Move]:
    """The branch and the ledger that the action was decided on, as they really are on the remote, not moved yet."""
    branch, ledger, proposal = _HEADS + subject.branch, subject.ledger_ref, subject.proposal
    if proposal == seen.proposals.get(subject.branch):
        head, last = seen.refs.get(branch), seen.refs.get(ledger)
    else:
        head, last = (proposal.head, proposal.ledger) if proposal else (None, None)
    return Move(branch, head, head), Move(ledger, last, last)


def _chunks(oids: Collection[str], sizes: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    chunk: list[str] = []
    total = 0
    for oid in dict.fromkeys(oids):
        chunk.append(oid)
        total += sizes.get(oid, 0)
        if total > _CHUNK:
            yield tuple(chunk)
            chunk, total = [], 0
    if chunk:
        yield tuple(chunk)
