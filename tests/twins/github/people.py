"""Those who act on the twin without its API, as on the website or by git: people, robots, checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.twins.github.objects import FILE, ZEROS, Commit, File
from tests.twins.github.rules import merging, pulls, refs
from tests.twins.github.store import branch as full
from tests.twins.github.world import Act, AutoMerge, Method, Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.twins.github.twin import Twin
    from tests.twins.github.world import Account, Pull


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at work in one repository. Each verb happens at once, with all that follows from it."""

    twin: Twin
    repository: Repository
    account: Account

    # --- by git ---

    def commits(self, files: Mapping[str, str | None], message: str = "Work", *, branch: str = "main") -> str:
        """Push a commit with these files (None deletes one), and tell its id."""
        tip = self.repository.tip(branch)
        assert tip, f"there is no branch {branch}"
        oid = self._commit(tip, files, message)
        self._push(refs.Change(full(branch), tip, oid))
        return oid

    def force_pushes(self, branch: str, files: Mapping[str, str | None], *, onto: str = "main") -> str:
        """Replace a branch by one commit on another branch."""
        base = self.repository.tip(onto)
        assert base, f"there is no branch {onto}"
        oid = self._commit(base, files, "Work anew")
        self._push(refs.Change(full(branch), None, oid, force=True))
        return oid

    def pushes(self, branch: str, oid: str) -> None:
        """Let a branch, new or old, be at a commit."""
        self._push(refs.Change(full(branch), None, oid, force=True))

    def deletes_branch(self, branch: str) -> None:
        self._push(refs.Change(full(branch), None, ZEROS))

    def forks(self) -> Person:
        """Make a fork of one's own, and work there."""
        name = f"{self.account.login}/{self.repository.name}"
        with self.twin.acting():
            fork = self.twin.add_repository(name, self.repository.store.fork(), parent=self.repository)
        fork.rights[self.account.login] = "admin"
        return Person(self.twin, fork, self.account)

    # --- on a pull request ---

    def opens(
        self, branch: str, *, title: str = "Work", body: str = "", base: str = "main", draft: bool = False
    ) -> Pull:
        """Open a pull request, from a fork in the repository that it was made of."""
        there = self.repository.parent or self.repository
        opening = pulls.Opening(title, body, branch, base, self.repository, draft)
        with self.twin.acting():
            return pulls.open_pull(Act(self.twin.world, there, self.account), opening)

    def merges(self, number: int, method: str = "merge") -> str:
        with self.twin.acting():
            return merging.merge(self._act, self._pull(number), Method(method))

    def closes(self, number: int) -> None:
        with self.twin.acting():
            pulls.close(self._act, self._pull(number))

    def reopens(self, number: int) -> None:
        with self.twin.acting():
            pulls.reopen(self._act, self._pull(number))

    def updates_branch(self, number: int, *, rebase: bool = False) -> None:
        with self.twin.acting():
            merging.update_branch(self._act, self._pull(number), rebase=rebase)

    def approves(self, number: int) -> None:
        with self.twin.acting():
            pulls.review(self._act, self._pull(number), "APPROVED")

    def requests_changes(self, number: int) -> None:
        with self.twin.acting():
            pulls.review(self._act, self._pull(number), "CHANGES_REQUESTED", "No")

    def dismisses_reviews(self, number: int) -> None:
        with self.twin.acting():
            pulls.dismiss(self._act, self._pull(number))

    def enables_auto_merge(self, number: int, method: str = "merge") -> None:
        wanted = AutoMerge(self.account, self.twin.world.clock(), Method(method))
        with self.twin.acting():
            merging.enable_auto_merge(self._act, self._pull(number), wanted)

    def disables_auto_merge(self, number: int) -> None:
        with self.twin.acting():
            merging.disable_auto_merge(self._act, self._pull(number))

    def enqueues(self, number: int) -> None:
        with self.twin.acting():
            merging.enqueue(self._act, self._pull(number))

    def dequeues(self, number: int) -> None:
        with self.twin.acting():
            merging.dequeue(self._act, self._pull(number))

    def converts_to_draft(self, number: int) -> None:
        with self.twin.acting():
            pulls.make_draft(self._act, self._pull(number))

    def marks_ready(self, number: int) -> None:
        with self.twin.acting():
            pulls.make_ready(self._act, self._pull(number))

    def edits(self, number: int, *, title: str | None = None, body: str | None = None) -> None:
        with self.twin.acting():
            if title is not None:
                pulls.rename(self._act, self._pull(number), title)
            if body is not None:
                pulls.describe(self._act, self._pull(number), body)

    def retargets(self, number: int, base: str) -> None:
        with self.twin.acting():
            pulls.retarget(self._act, self._pull(number), base)

    def labels_exist(self, *names: str) -> None:
        """Make labels that may be put on anything here."""
        with self.twin.acting():
            for name in names:
                pulls.make_label(self._act, name)

    def labels(self, number: int, *names: str) -> None:
        with self.twin.acting():
            pulls.label(self._act, self._pull(number), [pulls.make_label(self._act, name) for name in names])

    def unlabels(self, number: int, *names: str) -> None:
        with self.twin.acting():
            pulls.unlabel(self._act, self._pull(number), [pulls.make_label(self._act, name) for name in names])

    def comments(self, number: int, body: str) -> None:
        with self.twin.acting():
            pulls.comment(self._act, self._pull(number), body)

    def reports(self, number: int, context: str, state: str = "success") -> None:
        """Let a check on a pull request's head turn green (``success``), red (``failure``) or ``pending``."""
        with self.twin.acting():
            pulls.report_status(self._act, self._pull(number).head_oid, context, state, (None, None))

    @property
    def _act(self) -> Act:
        return Act(self.twin.world, self.repository, self.account)

    def _pull(self, number: int) -> Pull:
        return self.repository.pulls[number]

    def _push(self, change: refs.Change) -> None:
        with self.twin.acting():
            refs.change(self._act, [change])

    def _commit(self, parent: str, files: Mapping[str, str | None], message: str) -> str:
        store = self.repository.store
        changes = {
            path: None if text is None else File(FILE, store.put("blob", text.encode())) for path, text in files.items()
        }
        me = self.account.at(self.twin.world.clock())
        tree = store.changed(store.commit(parent).tree, changes)
        return store.put_commit(Commit(tree, (parent,), me, me, message))
