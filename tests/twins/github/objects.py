"""Git's objects as values, in git's own bytes: an object has the same id in memory as in a real repository."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

ZEROS = "0" * 40
"""The id of no object: a ref that does not exist, or shall not."""
FILE, EXECUTABLE, SYMLINK, TREE = "100644", "100755", "120000", "040000"
SIGNATURE = "-----BEGIN PGP SIGNATURE-----\n\ntwin\n-----END PGP SIGNATURE-----\n"

_PERSON = re.compile(r"(?P<name>.*) <(?P<email>.*)> (?P<seconds>\d+) \+0000")


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote or committed, and when (UTC, whole seconds)."""

    name: str
    email: str
    at: datetime

    def __str__(self) -> str:
        return f"{self.name} <{self.email}> {int(self.at.timestamp())} +0000"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. ``signed`` ones carry a signature of the forge's web flow."""

    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str
    signed: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """What stands at a path: git's mode, and the id of blob or tree."""

    mode: str
    oid: str


def identify(kind: str, body: bytes) -> str:
    return hashlib.sha1(b"%s %d\0%s" % (kind.encode(), len(body), body), usedforsecurity=False).hexdigest()


def encode_tree(entries: dict[str, File]) -> bytes:
    def place(item: tuple[str, File]) -> bytes:
        name, file = item
        return name.encode() + (b"/" if file.mode == TREE else b"")

    return b"".join(
        file.mode.lstrip("0").encode() + b" " + name.encode() + b"\0" + bytes.fromhex(file.oid)
        for name, file in sorted(entries.items(), key=place)
    )


def decode_tree(body: bytes) -> dict[str, File]:
    entries = {}
    while body:
        head, _, rest = body.partition(b"\0")
        mode, _, name = head.decode().partition(" ")
        entries[name] = File(mode.zfill(6), rest[:20].hex())
        body = rest[20:]
    return entries


def encode_commit(commit: Commit) -> bytes:
    lines = [f"tree {commit.tree}", *(f"parent {parent}" for parent in commit.parents)]
    lines += [f"author {commit.author}", f"committer {commit.committer}"]
    if commit.signed:
        lines.append("gpgsig " + "\n ".join(SIGNATURE.splitlines()))
    return ("\n".join(lines) + "\n\n" + commit.message).encode()


def decode_commit(body: bytes) -> Commit:
    head, _, message = body.decode().partition("\n\n")
    lines = [line.partition(" ") for line in head.splitlines()]
    fields = {name: value for name, _, value in lines}
    return Commit(
        tree=fields["tree"],
        parents=tuple(value for name, _, value in lines if name == "parent"),
        author=_person(fields["author"]),
        committer=_person(fields["committer"]),
        message=message,
        signed="gpgsig" in fields,
    )


def _person(text: str) -> Person:
    found = _PERSON.fullmatch(text)
    assert found, text
    return Person(found["name"], found["email"], datetime.fromtimestamp(int(found["seconds"]), UTC))
