"""One contract for both stores: git itself, and the one in memory that must answer as git does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twins.github.git_store import GitStore
from tests.twins.github.memory_store import MemoryStore
from tests.twins.github.objects import FILE, ZEROS, Commit, File, Person
from tests.twins.github.store import Blocked, Move, Stale, Store, branch, is_ref_name

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 1, 1, tzinfo=UTC)
TEXT = "kind: A\n" + "".join(f"  line: {number}\n" for number in range(20))
MAIN, SIDE = branch("main"), branch("side")


@pytest.fixture(params=["git", "memory"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    made = GitStore(tmp_path_factory.mktemp("git") / "twin.git")
    yield made
    made.close()


class Hand:
    """Somebody who commits, a minute apart, to any store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.minutes = 0

    def commits(self, files: dict[str, str], *parents: str) -> str:
        self.minutes += 1
        tree = self.store.put_files(
            {path: File(FILE, self.store.put("blob", text.encode())) for path, text in files.items()}
        )
        ada = Person("Ada", "ada@example.com", START + timedelta(minutes=self.minutes))
        return self.store.put_commit(Commit(tree, parents, ada, ada, f"change {self.minutes}\n"))


@pytest.fixture
def hand(store: Store) -> Hand:
    return Hand(store)


def edited(*lines: int, text: str = TEXT, word: str = "changed") -> str:
    return "".join(
        f"  line: {word}\n" if number in lines else line for number, line in enumerate(text.splitlines(True))
    )


def merged(hand: Hand, ours: dict[str, str], theirs: dict[str, str], base: dict[str, str]) -> dict[str, str] | None:
    root = hand.commits(base)
    tree = hand.store.merge(hand.commits(ours, root), hand.commits(theirs, root))
    if tree is None:
        return None
    return {path: hand.store.blob(file.oid).decode() for path, file in hand.store.files(tree).items()}


def test_what_is_written_is_read_again(hand: Hand, store: Store) -> None:
    root = hand.commits({"a/b.yaml": "one\n", "a-b": "two\n", "a/c/d": "three\n"})

    commit = store.commit(root)

    assert {path: store.blob(file.oid) for path, file in store.files(commit.tree).items()} == {
        "a/b.yaml": b"one\n",
        "a-b": b"two\n",
        "a/c/d": b"three\n",
    }
    assert commit.author == Person("Ada", "ada@example.com", START + timedelta(minutes=1))
    assert store.get(ZEROS) is None
    assert store.at(commit.tree, "a/c") == File("040000", store.put_files({"d": store.files(commit.tree)["a/c/d"]}))
    assert store.at(commit.tree, "a-b/c") is None


def test_refs_move_all_or_none(hand: Hand, store: Store) -> None:
    one, two = hand.commits({"a": "1"}), hand.commits({"a": "2"})
    store.move([Move(MAIN, ZEROS, one)])

    with pytest.raises(Stale):
        store.move([Move(SIDE, ZEROS, two), Move(MAIN, two, one)])
    assert store.refs() == {MAIN: one}

    store.move([Move(SIDE, ZEROS, two), Move(MAIN, one, two)])
    assert store.refs() == {MAIN: two, SIDE: two}

    store.move([Move(SIDE, two, ZEROS), Move(MAIN, None, one)])
    assert store.refs() == {MAIN: one}


@pytest.mark.parametrize(
    ("move", "error"),
    [
        pytest.param(Move(MAIN, ZEROS, "new"), Stale, id="create what exists"),
        pytest.param(Move(SIDE, "old", "new"), Stale, id="update what does not exist"),
        pytest.param(Move(SIDE, "old", ZEROS), Stale, id="delete what does not exist"),
        pytest.param(Move(branch("main/x"), ZEROS, "new"), Blocked, id="a branch within a branch"),
        pytest.param(Move("refs/heads", ZEROS, "new"), Blocked, id="a branch that is a folder"),
    ],
)
def test_a_move_that_cannot_be_is_refused(hand: Hand, store: Store, move: Move, error: type[Exception]) -> None:
    oids = {"old": hand.commits({"a": "1"}), "new": hand.commits({"a": "2"}), ZEROS: ZEROS, None: None}
    store.move([Move(MAIN, ZEROS, oids["old"])])

    with pytest.raises(error):
        store.move([Move(move.name, oids[move.before], oids[move.after])])

    assert store.refs() == {MAIN: oids["old"]}


@pytest.mark.parametrize(
    ("ours", "theirs", "base", "expected"),
    [
        pytest.param({"a": "1"}, {"a": "2"}, {"a": "0"}, None, id="both change the only line"),
        pytest.param({"a": "1"}, {"a": "1"}, {"a": "0"}, {"a": "1"}, id="both make the same change"),
        pytest.param(
            {"a": "1", "b": "0"}, {"a": "0", "b": "1"}, {"a": "0", "b": "0"}, {"a": "1", "b": "1"}, id="two files"
        ),
        pytest.param({}, {"a": "1"}, {"a": "0"}, None, id="one deletes what the other changes"),
        pytest.param({}, {"a": "0"}, {"a": "0"}, {}, id="one deletes"),
        pytest.param({"a": "1"}, {"a": "2"}, {"z": "0"}, None, id="both add, differently"),
        pytest.param({"a/b": "1"}, {"a": "1"}, {"z": "0"}, None, id="a file where the other has a folder"),
        pytest.param({"a": edited(2)}, {"a": edited(9)}, {"a": TEXT}, {"a": edited(2, 9)}, id="lines far apart"),
        pytest.param({"a": edited(5)}, {"a": edited(6)}, {"a": TEXT}, None, id="neighbouring lines"),
        pytest.param({"a": edited(5)}, {"a": edited(7)}, {"a": TEXT}, {"a": edited(5, 7)}, id="one line between"),
        pytest.param({"a": TEXT + "x\n"}, {"a": TEXT + "y\n"}, {"a": TEXT}, None, id="both add at the end"),
        pytest.param(
            {"a": edited(0)}, {"a": TEXT + "y\n"}, {"a": TEXT}, {"a": edited(0) + "y\n"}, id="first line and end"
        ),
    ],
)
def test_a_merge_is_gits(
    hand: Hand, ours: dict[str, str], theirs: dict[str, str], base: dict[str, str], expected: dict[str, str] | None
) -> None:
    assert merged(hand, ours, theirs, base) == expected


def test_unrelated_histories_do_not_merge(hand: Hand, store: Store) -> None:
    one, two = hand.commits({"a": "1"}), hand.commits({"b": "1"})

    assert store.merge_base(one, two) is None
    assert store.merge(one, two) is None
    assert not store.is_ancestor(one, two)


def test_history_is_told_with_merges_and_by_path(hand: Hand, store: Store) -> None:
    root = hand.commits({"a": "0", "d/b": "0"})
    side = hand.commits({"a": "0", "d/b": "1"}, root)
    main = hand.commits({"a": "1", "d/b": "0"}, root)
    merge = hand.commits({"a": "1", "d/b": "1"}, main, side)
    last = hand.commits({"a": "2", "d/b": "1"}, merge)

    assert store.log(last) == [last, merge, main, side, root]
    assert store.log(last, hide=side) == [last, merge, main]
    assert store.log(side, hide=last) == []
    assert store.log(last, hide=last) == []
    assert store.log(last, path="a") == [last, main, root]
    assert store.log(last, path="d") == store.log(last, path="d/b") == [side, root]
    assert store.merge_base(main, side) == root
    assert store.merge_base(merge, side) == side
    assert store.is_ancestor(side, last)
    assert store.is_ancestor(last, last)
    assert not store.is_ancestor(last, side)


def test_blame_names_the_commit_of_each_line(hand: Hand, store: Store) -> None:
    root = hand.commits({"a": TEXT})
    side = hand.commits({"a": edited(2)}, root)
    main = hand.commits({"a": "new\n" + edited(12)}, root)
    last = hand.commits({"a": "new\n" + edited(2, 12)}, main, side)

    told = store.blame(last, "a")

    assert [told[0], told[3], told[13]] == [main, side, main]
    assert set(told) - {main, side} == {root}


def test_one_commit_is_picked_onto_another(hand: Hand, store: Store) -> None:
    root = hand.commits({"a": TEXT})
    one = hand.commits({"a": edited(3)}, root)
    two = hand.commits({"a": edited(3, 9)}, one)
    main = hand.commits({"a": edited(15)}, root)

    tree = store.pick(two, main)

    assert tree
    assert store.blob(store.files(tree)["a"].oid).decode() == edited(9, 15)
    assert store.pick(one, hand.commits({"a": edited(3, word="other")}, root)) is None


def test_a_fork_shares_objects_but_not_refs(hand: Hand, store: Store) -> None:
    root = hand.commits({"a": "0"})
    store.move([Move(MAIN, ZEROS, root), Move("refs/helm/x", ZEROS, root)])

    fork = store.fork()
    fork.move([Move(SIDE, ZEROS, hand.commits({"a": "1"}, root))])

    assert list(fork.refs()) == [MAIN, SIDE]
    assert store.refs() == {MAIN: root, "refs/helm/x": root}
    assert fork.is_ancestor(root, fork.refs()[SIDE])


PLACES = st.sets(st.integers(0, 20), max_size=4)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hand, Hand]]:
    git = GitStore(tmp_path_factory.mktemp("pair") / "twin.git")
    yield Hand(git), Hand(MemoryStore())
    git.close()


@given(changed=PLACES, gone=PLACES, added=PLACES, end=st.sampled_from(["", "end"]))
def test_both_write_the_same_patch(
    pair: tuple[Hand, Hand], changed: set[int], gone: set[int], added: set[int], end: str
) -> None:
    lines = TEXT.splitlines(keepends=True)
    new = [
        ("new\n" if place in added else "") + ("" if place in gone else f"to {line}" if place in changed else line)
        for place, line in enumerate(lines)
    ]

    git, memory = (hand.store.patch((TEXT + end).encode(), "".join(new).encode()) for hand in pair)

    assert git == memory


def test_a_binary_file_has_no_patch(store: Store) -> None:
    assert store.patch(b"a\0", b"b\0") == ""


@given(place=st.integers(0, 19), other=st.integers(0, 19), word=st.sampled_from(["changed", "other"]))
def test_both_merge_or_conflict_alike(pair: tuple[Hand, Hand], place: int, other: int, word: str) -> None:
    ours, theirs = {"a": edited(place)}, {"a": edited(other, word=word)}

    git, memory = (merged(hand, ours, theirs, {"a": TEXT}) for hand in pair)

    assert git == memory


NAMES = [
    "refs/heads/a",
    "refs/heads/a..b",
    "refs/heads/a b",
    "refs/heads/.a",
    "refs/heads/a.lock",
    "refs/heads/a/",
    "heads/a",
]
MORE = [
    "refs/heads/a//b",
    "refs/heads/a~1",
    "refs/heads/a@{b",
    "refs/heads/@",
    "refs/heads/a.",
    "refs/heads/a.lock/b",
    "refs/a",
]


@pytest.mark.parametrize("name", [*NAMES, *MORE])
def test_a_name_is_a_ref_where_git_says_so(pair: tuple[Hand, Hand], name: str) -> None:
    git = pair[0].store
    oid = pair[0].commits({"a": name})

    try:
        git.move([Move(name, ZEROS, oid)])
    except Stale:
        taken = False
    else:
        taken = True
        git.move([Move(name, oid, ZEROS)])

    assert is_ref_name(name) == (taken and name.count("/") > 1)
