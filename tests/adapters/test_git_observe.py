"""What is seen of a repository, whatever state the repository or the cache is in."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from reconciler.adapters.git import Git, program
from reconciler.core.model import EntryKind
from reconciler.ports import PortError, Refused, Unavailable
from tests.adapters.origin import BRANCH, HEAD, LEDGER, PATH, manifest, opening, proposal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.adapters.origin import Origin

    Adapters = Callable[..., Git]


# --- the tree ---


def test_a_tree_is_listed_with_ids_and_sizes(origin: Origin, adapter: Adapters) -> None:
    base = adapter().observe()

    assert base.sha == origin.refs()["refs/heads/main"]
    (entry,) = (entry for entry in base.entries if entry.path == PATH)
    assert entry.oid == origin.git("rev-parse", f"main:{PATH}")
    assert (entry.size, entry.kind) == (len(manifest("0.28.0")), EntryKind.FILE)


def plumb(origin: Origin, mode: str, kind: str, raw: bytes) -> None:
    """Put an entry into main's root tree that no work tree could hold."""
    oid = origin.git("hash-object", "-w", "--stdin", stdin=b"x") if kind == "blob" else "1" * 40
    for part in reversed(raw.split(b"/")):
        line = f"{mode} {kind} {oid}\t".encode() + part + b"\0"
        oid, mode, kind = origin.git("mktree", "-z", "--missing", stdin=line), "040000", "tree"
    commit = origin.git("commit-tree", "-m", "odd", "-p", "main", oid)
    origin.git("update-ref", "refs/heads/main", commit)


ENTRIES = {
    "a file": ("100644", b"a/b.yaml", "a/b.yaml", EntryKind.FILE),
    "an executable": ("100755", b"a/b.yaml", "a/b.yaml", EntryKind.FILE),
    "a symlink": ("120000", b"a/b.yaml", "a/b.yaml", EntryKind.SYMLINK),
    "a submodule": ("160000", b"a/b", "a/b", EntryKind.OTHER),
    "a name in another script": ("100644", "größe/日本".encode(), "größe/日本", EntryKind.FILE),
    "a name that is not UTF-8": ("100644", b"a/\xff.yaml", "a/\\xff.yaml", EntryKind.OTHER),
    "a line break in a name": ("100644", b"a/b\nc.yaml", "a/b\\x0ac.yaml", EntryKind.OTHER),
    "an escape in a name": ("100644", b"a/\x1b[31m", "a/\\x1b[31m", EntryKind.OTHER),
    "a C1 control in a name": ("100644", "a/\x9b31m".encode(), "a/\\x9b31m", EntryKind.OTHER),
    "a dot folder": ("100644", b"a/./b", "a/./b", EntryKind.OTHER),
    "a parent folder": ("100644", b"../b", "../b", EntryKind.OTHER),
    "git's own folder": ("100644", b".GIT/config", ".GIT/config", EntryKind.OTHER),
    "a name that only begins so": ("100644", b".github/..a", ".github/..a", EntryKind.FILE),
}


@pytest.mark.parametrize(("mode", "raw", "path", "kind"), ENTRIES.values(), ids=ENTRIES)
def test_what_a_tree_may_hold(
    origin: Origin, adapter: Adapters, *, mode: str, raw: bytes, path: str, kind: EntryKind
) -> None:
    plumb(origin, mode, "commit" if mode == "160000" else "blob", raw)

    (entry,) = adapter().observe().entries

    assert (entry.path, entry.kind) == (path, kind)


# --- reading ---


def test_files_are_read_as_they_are(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    entries = {entry.oid: entry.path for entry in git.observe().entries}

    read = {entries[oid]: content for oid, content in git.read(entries)}

    assert read[PATH] == manifest("0.28.0").encode()
    assert len(read) == len(entries)


def test_more_files_than_fit_into_a_pipe_or_a_chunk_are_read(origin: Origin, adapter: Adapters) -> None:
    origin.commit({f"many/{number % 9}/{number}": f"{number:09}\n" * 3000 for number in range(300)})
    git = adapter()
    wanted = {entry.oid: entry.size for entry in git.observe().entries if entry.path.startswith("many/")}

    read = dict(git.read(wanted))

    assert {oid: len(content) for oid, content in read.items()} == wanted
    assert sum(wanted.values()) > 8 * 1024 * 1024


def test_nothing_is_read_where_nothing_is_asked(adapter: Adapters) -> None:
    assert list(adapter().read(())) == []


# --- proposals ---


def test_refs_under_our_names_are_joined_by_name(origin: Origin, adapter: Adapters) -> None:
    head = origin.commit({PATH: "mine"}, "a person's", branch="main")
    origin.git("update-ref", HEAD, head)
    origin.git("update-ref", "refs/helm-promoter/gone/redis/redis", "main~1")
    origin.git("update-ref", "refs/heads/helm-promotion/other/a/b", head)
    origin.git("update-ref", "refs/helm-promoter/other/a/b", "main~2")

    found = {found.branch: found for found in adapter().observe().proposals}

    assert list(found) == ["helm-promotion/gone/redis/redis", BRANCH, "helm-promotion/other/a/b"]
    foreign, ledger_only, both = (
        found[BRANCH], found["helm-promotion/gone/redis/redis"], found["helm-promotion/other/a/b"],
    )  # fmt: skip
    assert (foreign.head, foreign.ledger, foreign.ledger_ref) == (head, None, LEDGER)
    assert (foreign.message, ledger_only.message, both.message) == ("a person's\n", "vault\n", "app2\n")
    assert (ledger_only.head, ledger_only.ledger) == (None, origin.git("rev-parse", "main~1"))


def test_a_message_that_is_not_text_is_read_as_far_as_it_is(origin: Origin, adapter: Adapters) -> None:
    whole = origin.git("cat-file", "commit", "main").encode().replace(b"vault", b"caf\xe9\n")
    commit = origin.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=whole)
    origin.git("update-ref", HEAD, commit)

    assert [found.message for found in adapter().observe().proposals] == ["caf�\n"]


def test_a_ledger_that_is_no_commit_has_no_message(origin: Origin, adapter: Adapters) -> None:
    origin.git("update-ref", LEDGER, origin.git("hash-object", "-w", "--stdin", stdin=b"x"))

    assert [found.message for found in adapter().observe().proposals] == [""]


def test_branches_of_others_are_not_fetched(origin: Origin, adapter: Adapters, tmp_path: Path) -> None:
    origin.commit({"big": "x" * 1000}, branch="main")
    origin.git("update-ref", "refs/heads/feature", origin.commit({"other": "y"}, branch="main"))
    origin.git("update-ref", "refs/heads/main", "main~1")
    git = adapter()

    assert git.observe().proposals == ()
    seen = git._cache.run("for-each-ref", "--format=%(refname)").decode().split()
    assert seen == ["refs/seen/base"]


# --- one look ---


@pytest.fixture
def counted(origin: Origin, tmp_path: Path) -> tuple[dict[str, str], Path]:
    """An environment whose git writes down what it is asked."""
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    log = tmp_path / "log"
    log.touch()
    git.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{log}"\nexec "{shutil.which("git")}" "$@"\n')
    git.chmod(0o755)
    return origin.environ | {"PATH": f"{git.parent}:{origin.environ['PATH']}"}, log


def test_while_nothing_moves_a_look_is_one_listing(
    origin: Origin, adapter: Adapters, counted: tuple[dict[str, str], Path]
) -> None:
    environ, log = counted
    git = adapter(environ=environ)
    git.apply(opening(git.observe()))
    first = git.observe()
    log.write_text("")

    assert git.observe() is first

    (asked,) = log.read_text().splitlines()
    assert " ls-remote " in asked


def test_a_fresh_process_fetches_nothing_that_the_cache_has(
    origin: Origin, adapter: Adapters, counted: tuple[dict[str, str], Path]
) -> None:
    first = adapter()
    base = first.observe()
    first.close()
    environ, log = counted

    assert adapter(environ=environ).observe() == base

    assert " fetch " not in log.read_text()


def test_everything_that_moved_is_seen(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    assert proposal(git.observe())

    origin.git("update-ref", "-d", HEAD)
    origin.git("update-ref", "-d", LEDGER)
    origin.git("update-ref", "refs/heads/main", "main~1")

    after = git.observe()
    assert (after.sha, after.proposals) == (origin.refs()["refs/heads/main"], ())
    assert PATH not in {entry.path for entry in after.entries}


def test_a_name_that_becomes_a_folder_of_names_is_seen(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    origin.git("update-ref", "refs/helm-promoter/a/b", "main")
    git.observe()
    origin.git("update-ref", "-d", "refs/helm-promoter/a/b")
    origin.git("update-ref", "refs/helm-promoter/a/b/c", "main")

    assert [found.branch for found in git.observe().proposals] == ["helm-promotion/a/b/c"]


def test_a_rewritten_base_is_seen(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.observe()
    rewritten = origin.git("commit-tree", "-m", "rewritten", "main^{tree}")
    origin.git("update-ref", "refs/heads/main", rewritten)

    assert git.observe().sha == rewritten


def test_only_two_commits_of_a_long_history_are_fetched(origin: Origin, adapter: Adapters) -> None:
    git = adapter(url=f"file://{origin.path}")
    git.observe()

    assert git._cache.run("rev-list", "--count", "refs/seen/base").strip() == b"2"


def test_a_history_that_was_fetched_once_stays_complete(origin: Origin, adapter: Adapters) -> None:
    git = adapter(url=f"file://{origin.path}")
    git.observe()
    git._cache.deepen(wholly=True)
    origin.commit({"README.md": "moved"})
    git.observe()

    assert git._cache.run("rev-list", "--count", "refs/seen/base").split() == [
        origin.git("rev-list", "--count", "main").encode()
    ]


@pytest.mark.parametrize("scheme", ["", "file://"], ids=["a path", "a file URL"])
def test_a_shallow_clone_can_be_production(origin: Origin, adapter: Adapters, tmp_path: Path, scheme: str) -> None:
    clone = tmp_path / "shallow.git"
    origin.git("clone", "--quiet", "--bare", "--depth=1", f"file://{origin.path}", str(clone))
    git = adapter(url=f"{scheme}{clone}")

    git.apply(opening(git.observe()))

    found = proposal(git.observe())
    assert found
    assert found.head == found.ledger


def test_a_repository_with_longer_ids_can_be_production(origin: Origin, adapter: Adapters, tmp_path: Path) -> None:
    path = tmp_path / "sha256.git"
    origin.git("init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", str(path))
    blob = origin.git("hash-object", "-w", "--stdin", where=path, stdin=manifest("0.28.0").encode())
    tree = blob
    for part in reversed(PATH.split("/")):
        line = f"{'100644 blob' if tree == blob else '040000 tree'} {tree}\t{part}\n"
        tree = origin.git("mktree", where=path, stdin=line.encode())
    origin.git("update-ref", "refs/heads/main", origin.git("commit-tree", "-m", "first", tree, where=path), where=path)
    git = adapter(url=str(path))

    git.apply(opening(git.observe()))

    found = proposal(git.observe())
    assert found
    assert found.head
    assert (found.head, len(found.head)) == (found.ledger, 64)


# --- a cache in any state ---


def half_written(folder: Path) -> None:
    shutil.rmtree(folder / "objects")


def without_head(folder: Path) -> None:
    (folder / "HEAD").unlink()


def with_stale_locks(folder: Path) -> None:
    for name in ("HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock", "refs/seen/base.lock"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def with_empty_objects(folder: Path) -> None:
    for path in (folder / "objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"")


def with_garbage_for_a_pack(folder: Path) -> None:
    packs = [path for path in (folder / "objects").rglob("*") if path.is_file()]
    for path in packs:
        path.chmod(0o644)
        path.write_bytes(b"\0garbage" * 20)


def with_a_ref_to_nothing(folder: Path) -> None:
    (folder / "packed-refs").unlink(missing_ok=True)
    (folder / "refs/seen").mkdir(parents=True, exist_ok=True)
    (folder / "refs/seen/base").write_text("1" * 40 + "\n")


def with_a_broken_shallow_file(folder: Path) -> None:
    (folder / "shallow").write_text("nonsense\n")


def with_a_broken_config(folder: Path) -> None:
    (folder / "config").write_text("[core\n")


def nothing_there(folder: Path) -> None:
    shutil.rmtree(folder)


DAMAGES = [
    half_written, without_head, with_stale_locks, with_empty_objects, with_garbage_for_a_pack, with_a_ref_to_nothing,
    with_a_broken_shallow_file, with_a_broken_config, nothing_there,
]  # fmt: skip


def cached(git: Git) -> Path:
    return git._cache.folder


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("moved", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["unmoved", "moved"])
def test_a_damaged_cache_is_mended_by_the_next_process(
    origin: Origin, adapter: Adapters, damage: Callable[[Path], None], moved: bool
) -> None:
    first = adapter()
    first.observe()
    folder = cached(first)
    first.close()
    damage(folder)
    if moved:
        origin.commit({"README.md": "moved"})

    git = adapter()
    base = git.observe()
    contents = dict(git.read([entry.oid for entry in base.entries]))
    git.apply(opening(base))

    assert base.sha == origin.refs()["refs/heads/main"]
    assert set(contents) == {entry.oid for entry in base.entries}
    assert set(origin.ours()) == {HEAD, LEDGER}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_cache_damaged_while_it_is_used_is_mended(
    origin: Origin, adapter: Adapters, damage: Callable[[Path], None]
) -> None:
    git = adapter()
    base = git.observe()
    damage(cached(git))

    contents = dict(git.read([entry.oid for entry in base.entries]))
    git.apply(opening(base))

    assert set(contents) == {entry.oid for entry in base.entries}
    assert set(origin.ours()) == {HEAD, LEDGER}


def test_a_cache_that_breaks_twice_in_a_pass_is_told_and_mended_in_the_next(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    oids = {entry.oid for entry in git.observe().entries}
    half_written(cached(git))
    assert len(dict(git.read(oids))) == len(oids)

    half_written(cached(git))
    with pytest.raises(Unavailable, match=r"^git failed on .* copied in "):
        list(git.read(oids))

    git.observe()
    assert len(dict(git.read(oids))) == len(oids)


def test_nobody_waits_for_a_cache_that_another_process_uses(origin: Origin, adapter: Adapters) -> None:
    gits = [adapter() for _ in range(3)]

    assert len({git.observe() for git in gits}) == 1
    assert len({cached(git) for git in gits}) == 3


def test_a_cache_is_free_again_when_its_user_is_gone(origin: Origin, adapter: Adapters) -> None:
    first = adapter()
    first.observe()
    folder = cached(first)
    first.close()
    first.close()

    second = adapter()
    second.observe()

    assert cached(second) == folder


def test_a_git_that_outlives_its_parent_keeps_the_cache(origin: Origin, adapter: Adapters, tmp_path: Path) -> None:
    first = adapter()
    first.observe()
    lock = first._cache._program.held
    orphan = subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=lock)
    first.close()

    second = adapter()
    second.observe()
    assert orphan.stdin
    orphan.stdin.close()
    orphan.wait()

    assert cached(second) != cached(first)


def test_too_many_users_of_one_cache_are_told(
    origin: Origin, adapter: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.adapters.git.cache._SLOTS", 1)
    adapter().observe()

    with pytest.raises(Unavailable, match=r"use the cache folder .* at once"):
        adapter().observe()


def test_a_cache_that_cannot_be_written_is_told(origin: Origin, adapter: Adapters, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Refused, match=r"the cache folder .*/file/git cannot be used \(Not a directory\)"):
        adapter(cache=tmp_path / "file").observe()


def test_a_cache_in_a_branch_s_name_serves_another_branch(origin: Origin, adapter: Adapters) -> None:
    origin.git("branch", "release", "main~1")
    first = adapter()
    first.observe()
    first.close()

    assert adapter(branch="release").observe().sha == origin.refs()["refs/heads/release"]


# --- what a person must mend ---


def test_a_missing_branch_is_told_with_near_names(origin: Origin, adapter: Adapters) -> None:
    for name in ("a", "b", "c", "d", "production", "z"):
        origin.git("branch", name, "main")
    origin.git("update-ref", HEAD, "main")

    with pytest.raises(Refused) as refused:
        adapter(branch="prodction").observe()

    assert str(refused.value) == (
        f'branch "prodction" does not exist in {origin.url}; known branches: production, a, b, c, d, ...'
    )


def test_an_empty_repository_is_told(origin: Origin, adapter: Adapters, tmp_path: Path) -> None:
    origin.git("init", "--quiet", "--bare", str(tmp_path / "empty.git"))

    with pytest.raises(Refused, match=r'empty.git has no branches yet: push "main" to it first$'):
        adapter(url=str(tmp_path / "empty.git")).observe()


UNREACHABLE: dict[str, tuple[str, type[PortError], str]] = {
    "a path without a repository": ("/nonexistent/x.git", Refused, "there is no git repository at /nonexistent/x.git"),
    "a file URL without one": ("file:///nonexistent", Refused, "there is no git repository at file:///nonexistent"),
    "a folder that is none": ("/", Refused, "there is no git repository at /"),
    "an unknown host": ("https://host.invalid/x.git", Unavailable, "the host of https://host.invalid/x.git is unknown"),
    "a closed port": ("http://127.0.0.1:1/x.git", Unavailable, r"cannot be reached \(unable to access .*connect"),
    "git's protocol, closed": ("git://127.0.0.1:1/x.git", Unavailable, "cannot be reached"),
    "a program as URL": ("ext::sh -c true", Refused, "git cannot speak to ext::sh"),
    "an unknown scheme": ("gopher://localhost/x", Refused, "git cannot speak to gopher://localhost/x"),
    "an option as URL": ("--upload-pack=touch /tmp/x", Refused, "begins with a dash"),
    "no URL": ("", Refused, "is empty"),
    "a line break in the URL": ("https://host/\nx", Refused, "holds a control character"),
    "a line break in the password": ("https://ada:S3c%0Aret@host/x", Refused, "percent-encode"),
    "a password that is not encoded": ("https://ada:S3c/ret@host/x", Refused, "percent-encode"),
}


@pytest.mark.parametrize(("url", "kind", "words"), UNREACHABLE.values(), ids=UNREACHABLE)
def test_what_cannot_be_reached_is_told_with_the_cure(
    adapter: Adapters, url: str, kind: type[PortError], words: str
) -> None:
    with pytest.raises(kind, match=words) as told:
        adapter(url=url).observe()

    assert "S3c" not in str(told.value)


def test_a_missing_git_program_is_told(adapter: Adapters, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no git program on the PATH: install git"):
        adapter(environ={"PATH": str(tmp_path)}).observe()


def test_a_server_that_hangs_is_given_up_with_all_its_processes(
    adapter: Adapters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(f'#!/bin/sh\nsleep 1000 &\necho $! > "{tmp_path}/pid"\nwait\n')
    git.chmod(0o755)
    monkeypatch.setattr(program, "NETWORK_SECONDS", 0.5)

    with pytest.raises(Unavailable, match="did not answer in time"):
        adapter(environ={"PATH": f"{git.parent}:{os.environ['PATH']}"}).observe()

    assert_gone(tmp_path / "pid")


def test_a_person_who_interrupts_us_leaves_no_git_behind(
    origin: Origin, adapter: Adapters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(process: subprocess.Popen[bytes], *_: object, **__: object) -> None:
        (tmp_path / "pid").write_text(str(process.pid))
        raise KeyboardInterrupt

    git = adapter()
    git.observe()
    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)

    with pytest.raises(KeyboardInterrupt):
        git.observe()

    assert_gone(tmp_path / "pid")


def assert_gone(pid: Path) -> None:
    """Wait for a process to end, and fail if it goes on."""
    try:
        ended = os.pidfd_open(int(pid.read_text()))
    except ProcessLookupError:
        return
    try:
        assert select.select([ended], [], [], 10)[0], "it goes on"
    finally:
        os.close(ended)
