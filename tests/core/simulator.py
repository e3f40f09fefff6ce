"""A pure model of a production repository, and passes over it: what plan and inquire need, without git."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.adapters import flux
from reconciler.core.manifest import is_kustomization, read, survey
from reconciler.core.model import (
    Base,
    Close,
    Disarm,
    Entry,
    Findings,
    Fleet,
    HelmRelease,
    LastChange,
    OCIRepository,
    Pause,
    Policy,
    Promotion,
    Proposal,
    Unreadable,
)
from reconciler.core.plan import Answers, View, assess, inquire, plan
from reconciler.core.pull_request import BRANCHES, LEDGERS
from tests.world import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from reconciler.core.model import Action, Plan, Problem, Question
    from reconciler.core.plan import Inquiry
    from tests.world import Object

Files = dict[str, str]


@dataclass(frozen=True)
class Written:
    """A commit on a promotion branch: its message, its tree, and the tree that it was made on."""

    message: str
    files: tuple[tuple[str, str], ...]
    parent: tuple[tuple[str, str], ...]

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr(self).encode()).hexdigest()


@dataclass
class Repository:
    """Base, every tree that base ever had, and what the promotion branches and the ledgers point to."""

    files: Files
    past: list[Files] = field(default_factory=list)
    heads: dict[str, Written] = field(default_factory=dict)
    ledgers: dict[str, Written] = field(default_factory=dict)
    changes: dict[str, LastChange] = field(default_factory=dict)

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()

    # --- what a port does ---

    def observe(self) -> Base:
        entries = tuple(Entry(path, path, len(text)) for path, text in self.files.items())
        return Base(self.sha, entries, tuple(self._proposal(name) for name in {**self.heads, **self.ledgers}))

    def _proposal(self, branch: str) -> Proposal:
        head, ledger = self.heads.get(branch), self.ledgers.get(branch)
        told = ledger or head
        assert told is not None
        ref = branch.replace(BRANCHES, LEDGERS, 1)
        return Proposal(branch, ref, head.sha if head else None, ledger.sha if ledger else None, told.message)

    def answer(self, inquiry: Inquiry) -> Answers:
        return Answers(
            {path: self.files[path] for path in inquiry.paths},
            {question.branch: self._found(question) for question in inquiry.questions},
            {place: self.changes[path] for place, (path, _) in inquiry.places.items() if path in self.changes},
        )

    def _found(self, question: Question) -> Findings:
        head, ledger, path = self.heads.get(question.branch), self.ledgers[question.branch], question.path
        texts: tuple[str, ...] = ()
        if question.history:
            start = self.past.index(dict(ledger.parent)) + 1 if dict(ledger.parent) in self.past else 0
            texts = tuple(files[path] for files in (self.files, *self.past[start:]) if path in files)
        return Findings(head is not None and self._conflicts(head, path), texts)

    def _conflicts(self, head: Written, path: str) -> bool:
        before, after = dict(head.parent).get(path), dict(head.files).get(path)
        if before is None or after is None or path not in self.files:
            return True
        old, new, now = before.splitlines(), after.splitlines(), self.files[path].splitlines()
        return not any({old[at], new[at]} & set(now) for at in range(len(old)) if old[at] != new[at])

    def apply(self, action: Action) -> None:
        """Carry one action out, as if nobody had moved anything since it was decided."""
        branch = action.subject.branch
        match action:
            case Pause() | Disarm():
                old = self.ledgers[branch]
                self.heads.pop(branch, None)
                self.ledgers[branch] = Written(action.commit.message, old.files, old.parent)
            case Close():
                self.heads.pop(branch, None)
                if action.forget:
                    self.ledgers.pop(branch, None)
            case _:
                assert action.base == self.sha
                edited = self.files | {edit.path: edit.after for edit in action.edits}
                assert all(self.files[edit.path] == edit.before for edit in action.edits)
                made = Written(action.commit.message, _frozen(edited), _frozen(self.files))
                self.heads[branch] = self.ledgers[branch] = made

    # --- what people do ---

    def write(self, **files: str) -> None:
        """Put texts on base."""
        self.past.append(self.files)
        self.files = self.files | files

    def change(self, path: str, before: str, after: str) -> None:
        assert before in self.files[path]
        self.write(**{path: self.files[path].replace(before, after)})

    def merge(self, branch: str, *, delete: bool = True) -> None:
        """Take a branch's edits over to base."""
        head = self.heads[branch]
        changed = {path: text for path, text in head.files if dict(head.parent).get(path) != text}
        self.write(**changed)
        if delete:
            del self.heads[branch]

    def push(self, branch: str, message: str = "by hand") -> None:
        """Put a commit of a person's on a branch."""
        below = self.heads.get(branch)
        files = below.files if below else _frozen(self.files)
        self.heads[branch] = Written(message, files, files)


def _frozen(files: Files) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(files.items()))


def fleet(
    *objects: Object,
    errors: tuple[Problem, ...] = (),
    empty: tuple[Problem, ...] = (),
    unread: tuple[Problem, ...] = (),
) -> Fleet:
    """What staging shows, from objects as the API gives them."""
    found = [one.object for value in objects if (one := flux.decode(value)) is not None]
    return Fleet(
        releases=tuple(one for one in found if isinstance(one, HelmRelease | Unreadable)),
        oci_repositories=tuple(one for one in found if isinstance(one, OCIRepository)),
        errors=errors,
        empty=empty,
        unread=unread,
    )


def promotion(name: str = "home", **settings: object) -> Promotion:
    return Promotion(**{"name": name, "repository": "git:fleet#main", "paths": ("**",), **settings})  # type: ignore[arg-type]


def view(one: Promotion, staging: Fleet, repository: Repository, sharing: Iterable[str] = ()) -> View:
    files = {path: read(text.encode(), kustomization=is_kustomization(path)) for path, text in repository.files.items()}
    return View(one, staging, repository.observe(), files, survey(files, files), frozenset((*sharing, one.name)))


def look(
    staging: Fleet, repository: Repository, *others: tuple[Promotion, Fleet], at: datetime = NOW, **settings: object
) -> Plan:
    """Plan one pass. ``others`` are more promotions into the same repository."""
    pairs = ((promotion(**settings), staging), *others)  # type: ignore[arg-type]
    names = [one.name for one, _ in pairs]
    assessments = assess([view(one, seen, repository, names) for one, seen in pairs], at)
    return plan(assessments, {one.promotion.name: repository.answer(inquire(one)) for one in assessments}, at)


def turn(staging: Fleet, repository: Repository, *, at: datetime = NOW, policy: Policy = Policy()) -> Plan:  # noqa: B008
    """Plan one pass and carry it out."""
    decided = look(staging, repository, at=at, policy=policy)
    for action in decided.actions:
        repository.apply(action)
    return decided
