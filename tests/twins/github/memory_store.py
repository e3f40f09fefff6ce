"""The store in memory, with git's semantics, for thousands of histories.

Where it is simpler than git: renames are a deletion and an addition, and of several best common ancestors one is taken.
"""

from __future__ import annotations

import heapq
import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from tests.twins.github.objects import FILE, ZEROS, Commit, File, decode_commit
from tests.twins.github.store import Blocked, Stale, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.twins.github.store import Move

_CONTEXT = 3
_OURS, _THEIRS = 1, 2


class MemoryStore(Store):
    """Objects and refs in dicts."""

    def __init__(self) -> None:
        super().__init__()
        self._refs: dict[str, str] = {}
        self._commits: dict[str, Commit] = {}
        self._generations: dict[str, int] = {}

    def close(self) -> None:
        """Nothing is open."""

    def refresh(self) -> None:
        """Nobody else can push."""

    def refs(self) -> dict[str, str]:
        return dict(sorted(self._refs.items()))

    def ref(self, name: str) -> str | None:
        return self._refs.get(name)

    def move(self, moves: Sequence[Move]) -> None:
        wanted = set(self._refs) | {move.name for move in moves if move.after != ZEROS}
        for move in moves:
            now = self._refs.get(move.name, ZEROS)
            if move.before not in (None, now):
                raise Stale(move.name)
            if move.after != ZEROS and any(_clash(move.name, other) for other in wanted):
                raise Blocked(move.name)
        for move in moves:
            self._refs.pop(move.name, None)
            if move.after != ZEROS:
                self._refs[move.name] = move.after

    def commit(self, oid: str) -> Commit:
        if oid not in self._commits:
            self._commits[oid] = decode_commit(self.body(oid, "commit"))
        return self._commits[oid]

    def merge_base(self, one: str, other: str) -> str | None:
        painted = self._paint({one: _OURS} | {other: _THEIRS} if one != other else {one: _OURS | _THEIRS})
        return next((oid for oid, colours in painted if colours == _OURS | _THEIRS), None)

    def log(self, head: str, *, hide: str | None = None, path: str = "") -> list[str]:
        if path:
            found = list(self._touching(head, path))
        elif hide == head:
            return []
        else:
            start = {head: _OURS} | ({hide: _THEIRS} if hide else {})
            found = [oid for oid, colours in self._paint(start, until=_THEIRS) if colours == _OURS]
        return sorted(found, key=lambda oid: self.commit(oid).committer.at, reverse=True)

    def blame(self, head: str, path: str) -> list[str]:
        owners = [head] * len(self._lines(head, path))
        pending = {
            head: {line: line for line in range(len(owners))}
        }  # for each commit: a line now, and where it was then
        for oid, _ in self._paint({head: _OURS}):
            left = pending.pop(oid, {})
            for parent in self.commit(oid).parents if left else ():
                kept = self._kept(parent, oid, path)
                older = {now: kept[then] for now, then in left.items() if then in kept}
                pending.setdefault(parent, {}).update(older)
                left = {now: then for now, then in left.items() if now not in older}
            for now in left:
                owners[now] = oid
        return owners

    def _merge(self, ours: str, theirs: str) -> str | None:
        ancestor = self.merge_base(ours, theirs)
        if ancestor is None:
            return None
        base, one, other = (self.files(self.commit(oid).tree) for oid in (ancestor, ours, theirs))
        merged: dict[str, File] = {}
        for path in sorted({*base, *one, *other}):
            file = self._merged(base.get(path), one.get(path), other.get(path))
            if isinstance(file, str):
                return None
            if file:
                merged[path] = file
        return None if _has_file_as_folder(merged) else self.put_files(merged)

    def patch(self, old: bytes, new: bytes) -> str:
        if b"\0" in old + new:
            return ""
        before, after = _split(old), _split(new)
        groups = SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(_CONTEXT)
        return "\n".join(line for group in groups for line in _hunk(group, before, after))

    def fork(self) -> Store:
        made = MemoryStore()
        made._objects, made._flat, made._commits = self._objects, self._flat, self._commits
        made._generations = self._generations
        made._refs = {name: oid for name, oid in self._refs.items() if name.startswith("refs/heads/")}
        return made

    def _save(self, kind: str, body: bytes) -> None:
        """All that is put is remembered already."""

    def _load(self, oid: str) -> tuple[str, bytes] | None:
        return None

    def _generation(self, oid: str) -> int:
        """One more than the highest of the parents', so that a child always comes before its parents."""
        waiting = [oid]
        while waiting:
            parents = self.commit(waiting[-1]).parents
            unknown = [parent for parent in parents if parent not in self._generations]
            if unknown:
                waiting += unknown
            else:
                known = [self._generations[parent] for parent in parents]
                self._generations[waiting.pop()] = 1 + max(known, default=0)
        return self._generations[oid]

    def _paint(self, colours: Mapping[str, int], until: int = 0) -> Iterator[tuple[str, int]]:
        """Every ancestor once, children first, with the colours of all that reach it; end when all have ``until``."""
        seen = dict(colours)
        queue = [(-self._generation(oid), oid) for oid in seen]
        heapq.heapify(queue)
        while queue and not (until and all(seen[oid] & until for _, oid in queue)):
            _, oid = heapq.heappop(queue)
            yield oid, seen[oid]
            for parent in self.commit(oid).parents:
                if parent not in seen:
                    heapq.heappush(queue, (-self._generation(parent), parent))
                seen[parent] = seen.get(parent, 0) | seen[oid]

    def _touching(self, head: str, path: str) -> Iterator[str]:
        """Commits that changed a path; of a merge only the side that explains all of it, as git simplifies."""
        queue, seen = [(-self._generation(head), head)], {head}
        while queue:
            _, oid = heapq.heappop(queue)
            commit = self.commit(oid)
            here = self.at(commit.tree, path)
            same = [parent for parent in commit.parents if self.at(self.commit(parent).tree, path) == here]
            if not same and (commit.parents or here):
                yield oid
            for parent in same[:1] or commit.parents:
                if parent not in seen:
                    seen.add(parent)
                    heapq.heappush(queue, (-self._generation(parent), parent))

    def _lines(self, commit: str, path: str) -> list[bytes]:
        file = self.at(self.commit(commit).tree, path)
        return _cut(self.blob(file.oid)) if file else []

    def _kept(self, old: str, new: str, path: str) -> dict[int, int]:
        """For each line of the newer commit that the older one has too: its place there."""
        before, after = self._lines(old, path), self._lines(new, path)
        blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        return {block.b + step: block.a + step for block in blocks for step in range(block.size)}

    def _merged(self, base: File | None, ours: File | None, theirs: File | None) -> File | str | None:
        """One path merged: a file, None for no file, or the word that it conflicts."""
        if theirs in (ours, base):
            return ours
        if ours == base:
            return theirs
        if not (base and ours and theirs) or {base.mode, ours.mode, theirs.mode} != {FILE}:
            return "conflict"
        texts = [_cut(self.blob(file.oid)) for file in (base, ours, theirs)]
        lines = merged_lines(*texts)
        return "conflict" if lines is None else File(FILE, self.put("blob", b"".join(lines)))


def merged_lines(base: list[bytes], ours: list[bytes], theirs: list[bytes]) -> list[bytes] | None:
    """Merge two changes of one text, None where they touch. Changes of neighbouring lines touch, as in git."""
    edits = sorted({*_edits(base, ours), *_edits(base, theirs)}, reverse=True)
    merged = list(base)
    low = len(base) + 1
    for start, end, lines in edits:
        if end >= low:
            return None
        merged[start:end] = lines
        low = start
    return merged


def _edits(old: list[bytes], new: list[bytes]) -> Iterator[tuple[int, int, tuple[bytes, ...]]]:
    for tag, start, end, there, until in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield start, end, tuple(new[there:until])


def _clash(name: str, other: str) -> bool:
    return name.startswith(other + "/") or other.startswith(name + "/")


def _has_file_as_folder(files: Mapping[str, File]) -> bool:
    folders = {path[:place] for path in files for place, letter in enumerate(path) if letter == "/"}
    return not folders.isdisjoint(files)


def _cut(text: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", text)


def _split(text: bytes) -> list[str]:
    """Lines as git shows them: one without an end has a second line that says so."""
    lines = (line.decode(errors="surrogateescape") for line in _cut(text))
    return [line[:-1] if line.endswith("\n") else f"{line}\n\\ No newline at end of file" for line in lines]


def _hunk(group: Sequence[tuple[str, int, int, int, int]], before: list[str], after: list[str]) -> Iterator[str]:
    first, last = group[0], group[-1]
    heads = (
        line[:80].rstrip() for line in reversed(before[: first[1]]) if line[:1].isalpha() or line[:1] in ("_", "$")
    )
    heading = next((f" {line}" for line in heads), "")
    yield f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@{heading}"
    for tag, start, end, there, until in group:
        if tag == "equal":
            yield from (f" {line}" for line in before[start:end])
        else:
            yield from (f"-{line}" for line in before[start:end])
            yield from (f"+{line}" for line in after[there:until])


def _span(start: int, end: int) -> str:
    """Git counts lines from 1, names the line before an empty span, and leaves a length of one away."""
    length = end - start
    return str(start + 1) if length == 1 else f"{start + 1 if length else start},{length}"
