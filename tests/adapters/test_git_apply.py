"""What each action leaves on the server, and what it does when the server or another process is in the way."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from reconciler.core.model import Close, Edit
from reconciler.ports import Refused, Unavailable
from tests.adapters.origin import (
    AT,
    BRANCH,
    HEAD,
    LEDGER,
    PATH,
    disarming,
    manifest,
    opening,
    pausing,
    proposal,
    rearming,
    subject,
    updating,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.adapters.git import Git
    from reconciler.core.model import Action
    from tests.adapters.origin import Origin

    Adapters = Callable[..., Git]


def test_open_makes_one_commit_on_base_with_nothing_but_the_edit(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    base = git.observe()

    git.apply(opening(base))

    assert origin.ours() == {HEAD: origin.refs()[HEAD], LEDGER: origin.refs()[HEAD]}
    assert origin.git("rev-list", "main..", "--parents", HEAD).split()[1:] == [base.sha]
    assert origin.git("diff", "--name-status", "main", HEAD) == f"M\t{PATH}"
    assert origin.text(HEAD) == manifest("0.28.1")


def test_a_commit_of_ours_says_who_and_when_and_exactly_the_message(origin: Origin, adapter: Adapters) -> None:
    git = adapter()

    git.apply(opening(git.observe()))

    who = f"helm-promoter <helm-promoter@localhost> {int(AT.timestamp())} +0000"
    head, _, message = origin.git("cat-file", "commit", HEAD).partition("\n\n")
    assert head.splitlines()[2:] == [f"author {who}", f"committer {who}"]
    assert message == "Promote vault to 0.28.1\n\nHelm-Promoter-State: test"


def test_an_executable_file_stays_executable(origin: Origin, adapter: Adapters) -> None:
    origin.person("fetch", "--quiet")
    origin.person("checkout", "--quiet", "-B", "work", "origin/main")
    (origin.clone / PATH).chmod(0o755)
    origin.person("commit", "--quiet", "-am", "executable")
    origin.person("push", "--quiet", "origin", "HEAD:main")
    git = adapter()

    git.apply(opening(git.observe()))

    assert origin.git("ls-tree", HEAD, PATH).startswith("100755")
    assert origin.git("diff", "--name-status", "main", HEAD) == f"M\t{PATH}"


ODD_NAMES = {
    "blanks": "apps/a b/pro duction/helm .yaml",
    "a quote and a backslash": 'apps/"q"/back\\slash.yaml',
    "letters of other scripts": "apps/größe/ñ-日本.yaml",
    "a leading quote": '"quoted".yaml',
    "what a glob or an option looks like": "-apps/[x]*/:(top).yaml",
}


@pytest.mark.parametrize("path", ODD_NAMES.values(), ids=ODD_NAMES)
def test_a_path_is_edited_whatever_its_name(origin: Origin, adapter: Adapters, path: str) -> None:
    origin.commit({path: manifest("0.28.0")})
    git = adapter()
    base = git.observe()

    git.apply(replace(opening(base), edits=(Edit(path, manifest("0.28.0"), manifest("0.28.1"), "diff"),)))

    assert origin.git("-c", "core.quotePath=false", "diff", "-z", "--name-only", "main", HEAD).strip("\0") == path
    assert origin.text(HEAD, path) == manifest("0.28.1")


def test_several_files_move_in_one_commit_and_every_byte_arrives(origin: Origin, adapter: Adapters) -> None:
    texts = {"a/x.yaml": "\ufeffv: 1\r\n\r\n", "a/b/y.yaml": "v: 1", "z.yaml": "é: 1\n"}
    origin.person("config", "core.autocrlf", "false")
    origin.person("fetch", "--quiet")
    origin.person("checkout", "--quiet", "-B", "work", "origin/main")
    for path, text in texts.items():
        (origin.clone / path).parent.mkdir(parents=True, exist_ok=True)
        (origin.clone / path).write_bytes(text.encode())
    origin.person("add", "--all")
    origin.person("commit", "--quiet", "--message", "bytes")
    origin.person("push", "--quiet", "origin", "HEAD:main")
    git = adapter()
    base = git.observe()

    git.apply(
        replace(
            opening(base), edits=tuple(Edit(path, text, text.replace("1", "2"), "") for path, text in texts.items())
        )
    )

    after = adapter(branch=BRANCH).observe()
    found = {entry.oid: entry.path for entry in after.entries}
    contents = {found[oid]: content for oid, content in adapter(branch=BRANCH).read(found)}
    assert {path: contents[path] for path in texts} == {
        path: text.replace("1", "2").encode() for path, text in texts.items()
    }


def test_update_replaces_the_one_commit(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    origin.commit({"README.md": "moved"})
    base = git.observe()

    git.apply(updating(base, "0.28.2"))

    assert origin.refs()[HEAD] == origin.refs()[LEDGER]
    assert origin.git("rev-list", "--parents", "main..", HEAD).split()[1:] == [base.sha]
    assert origin.text(HEAD) == manifest("0.28.2")


@pytest.mark.parametrize("withdrawing", [pausing, disarming])
def test_withdrawing_takes_the_branch_and_rewords_the_ledger(
    origin: Origin, adapter: Adapters, withdrawing: Callable[..., Action]
) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    opened = origin.refs()[LEDGER]
    base = git.observe()
    action = withdrawing(base)

    git.apply(action)

    assert HEAD not in origin.refs()
    assert origin.git("rev-parse", f"{LEDGER}^{{tree}}", f"{LEDGER}^") == origin.git(
        "rev-parse", f"{opened}^{{tree}}", f"{opened}^"
    )
    found = proposal(adapter().observe())
    assert found
    assert (found.head, found.message) == (None, action.commit.message)  # type: ignore[union-attr]  # it has one


def test_what_is_paused_is_proposed_again(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    opened = origin.ours()
    git.apply(pausing(git.observe()))

    git.apply(rearming(git.observe()))

    assert origin.ours() == opened


def test_a_pause_of_what_has_no_branch_moves_the_ledger_alone(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    git.apply(pausing(git.observe()))

    git.apply(disarming(git.observe()))

    found = proposal(git.observe())
    assert found
    assert found.message == words("Disarm vault").message


def test_close_keeps_the_ledger_unless_it_is_to_be_forgotten(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    ledger = origin.refs()[LEDGER]

    git.apply(Close(subject(git.observe())))
    assert origin.ours() == {LEDGER: ledger}

    git.apply(Close(subject(git.observe()), forget=True))
    assert origin.ours() == {}


def test_close_forgets_branch_and_ledger_at_once(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))

    git.apply(Close(subject(git.observe()), forget=True))

    assert origin.ours() == {}


def test_closing_what_is_gone_is_no_error(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    base = git.observe()
    origin.git("update-ref", "-d", HEAD)

    git.apply(Close(subject(base)))
    git.apply(Close(subject(git.observe())))

    assert list(origin.ours()) == [LEDGER]


def test_a_base_that_moved_elsewhere_is_no_failure(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    base = git.observe()
    origin.commit({"README.md": "moved"})

    git.apply(opening(base))

    assert origin.git("rev-parse", f"{HEAD}^") == base.sha


@pytest.mark.parametrize("before", ["0.27.0", "0.28.00"])
def test_an_edit_of_another_text_than_base_has_is_not_pushed(origin: Origin, adapter: Adapters, before: str) -> None:
    git = adapter()

    with pytest.raises(Unavailable, match="moved since it was observed"):
        git.apply(opening(git.observe(), before=before))

    assert origin.ours() == {}


def test_an_action_on_another_base_than_the_observed_one_is_not_pushed(origin: Origin, adapter: Adapters) -> None:
    git = adapter()

    with pytest.raises(Unavailable, match="moved since it was observed"):
        git.apply(replace(opening(git.observe()), base="0" * 40))

    assert origin.ours() == {}


# --- others are in the way ---


def test_two_processes_that_decide_the_same_both_succeed_with_one_commit(origin: Origin, adapter: Adapters) -> None:
    first, second = adapter(), adapter()
    bases = first.observe(), second.observe()

    first.apply(opening(bases[0]))
    opened = origin.ours()
    second.apply(opening(bases[1]))

    assert origin.ours() == opened
    assert len(set(opened.values())) == 1


def test_two_processes_at_the_same_moment_both_succeed_with_one_commit(origin: Origin, adapter: Adapters) -> None:
    # The server holds the first push back until the second one is there too.
    origin.hook(
        "pre-receive",
        f'mkdir "{origin.path}/first" 2>/dev/null && for i in $(seq 500); do [ -d "{origin.path}/second" ] && break;'
        f' sleep 0.01; done; mkdir "{origin.path}/second" 2>/dev/null; exit 0',
    )
    gits = adapter(), adapter()
    bases = [git.observe() for git in gits]
    failed: list[Exception] = []

    def apply(git: Git, action: Action) -> None:
        try:
            git.apply(action)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to fail by it
            failed.append(error)

    threads = [threading.Thread(target=apply, args=(git, opening(base))) for git, base in zip(gits, bases, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert set(origin.ours()) == {HEAD, LEDGER}
    assert len(set(origin.ours().values())) == 1


def test_two_processes_that_decide_differently_one_wins(origin: Origin, adapter: Adapters) -> None:
    first, second = adapter(), adapter()
    bases = first.observe(), second.observe()
    first.apply(opening(bases[0], "0.28.1"))
    opened = origin.ours()

    with pytest.raises(Unavailable, match=f"{HEAD} and {LEDGER} moved since"):
        second.apply(opening(bases[1], "0.28.2"))

    assert origin.ours() == opened


RACES: dict[str, tuple[Callable[..., Action], str]] = {
    "an update after a person pushed": (lambda base: updating(base, "0.28.2"), HEAD),
    "a pause after a person pushed": (pausing, HEAD),
    "a close after a person pushed": (lambda base: Close(subject(base)), HEAD),
    "a forgetting after a person pushed": (lambda base: Close(subject(base), forget=True), HEAD),
}


@pytest.mark.parametrize(("action", "moved"), RACES.values(), ids=RACES)
def test_a_lost_race_changes_nothing_and_names_the_ref(
    origin: Origin, adapter: Adapters, action: Callable[..., Action], moved: str
) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    base = git.observe()
    origin.commit({PATH: manifest("9.9.9")}, branch=BRANCH)
    before = origin.ours()

    with pytest.raises(Unavailable, match=f"^{moved} moved since it was observed: the next pass looks again$"):
        git.apply(action(base))

    assert origin.ours() == before


def test_a_person_who_deleted_the_branch_in_between_is_not_overruled(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    base = git.observe()
    origin.git("update-ref", "-d", HEAD)
    before = origin.ours()

    with pytest.raises(Unavailable, match=HEAD):
        git.apply(updating(base, "0.28.2"))

    assert origin.ours() == before


def test_a_withdrawal_decided_on_an_older_ledger_is_not_pushed(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    old = pausing(git.observe())
    git.apply(updating(git.observe(), "0.28.2"))
    git.observe()
    before = origin.ours()

    with pytest.raises(Unavailable, match="moved since it was observed"):
        git.apply(old)

    assert origin.ours() == before


# --- the server will not have it ---

REFUSALS = {
    "a hook that declines": (
        "pre-receive",
        'echo "GL-HOOK-ERR: branch names must match ^feature/" >&2; exit 1',
        "refused the push: GL-HOOK-ERR: branch names must match ^feature/; pre-receive hook declined; allow our",
    ),
    "a hook that declines one ref": ("update", 'echo "no" >&2; exit 1', "hook declined"),
}


@pytest.mark.parametrize(("hook", "script", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_server_that_declines_is_quoted(
    origin: Origin, adapter: Adapters, hook: str, script: str, words: str
) -> None:
    origin.hook(hook, script)
    git = adapter()

    with pytest.raises(Refused) as refused:
        git.apply(opening(git.observe()))

    assert words in str(refused.value)
    assert origin.ours() == {}


def test_the_server_s_words_are_cut_and_have_no_control_characters(origin: Origin, adapter: Adapters) -> None:
    origin.hook("pre-receive", r"printf '\033[31m%s\007\n' $(seq 2000) >&2; exit 1")
    git = adapter()

    with pytest.raises(Refused) as refused:
        git.apply(opening(git.observe()))

    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < len(origin.url) + 500


def test_hidden_refs_are_a_refusal(origin: Origin, adapter: Adapters) -> None:
    origin.git("config", "receive.hideRefs", "refs/helm-promoter")
    git = adapter()

    with pytest.raises(Refused, match="deny updating a hidden ref"):
        git.apply(opening(git.observe()))

    assert origin.ours() == {}


def test_a_branch_in_the_way_of_ours_is_a_refusal(origin: Origin, adapter: Adapters) -> None:
    origin.git("branch", "helm-promotion", "main")
    git = adapter()

    with pytest.raises(Refused, match="helm-promotion"):
        git.apply(opening(git.observe()))

    assert origin.ours() == {"refs/heads/helm-promotion": origin.refs()["refs/heads/main"]}


def test_a_lock_left_on_the_server_is_for_the_next_pass(origin: Origin, adapter: Adapters) -> None:
    git = adapter()
    base = git.observe()
    lock = origin.path / f"{HEAD}.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()

    with pytest.raises(Unavailable):
        git.apply(opening(base))
    assert origin.ours() == {}

    lock.unlink()
    git.apply(opening(git.observe()))
    assert set(origin.ours()) == {HEAD, LEDGER}


# --- push options ---


def test_push_options_go_with_the_branch_and_only_with_it(origin: Origin, adapter: Adapters) -> None:
    told = origin.path / "told"
    origin.hook("post-receive", f'echo "$GIT_PUSH_OPTION_COUNT $GIT_PUSH_OPTION_0 $GIT_PUSH_OPTION_1" >> "{told}"')
    git = adapter(push_options=("merge_request.create", "merge_request.title=A title"))

    git.apply(opening(git.observe()))
    git.apply(pausing(git.observe()))

    assert [line.strip() for line in told.read_text().splitlines()] == [
        "2 merge_request.create merge_request.title=A title",
        "0",
    ]


def test_a_server_without_push_options_says_what_to_do(origin: Origin, adapter: Adapters) -> None:
    origin.git("config", "receive.advertisePushOptions", "false")
    git = adapter(push_options=("ci.skip",))

    with pytest.raises(Refused, match=r"does not take push options: remove pushOptions, or set"):
        git.apply(opening(git.observe()))

    assert origin.ours() == {}


def test_the_person_s_own_git_settings_change_no_commit_and_run_no_hook(
    origin: Origin, adapter: Adapters, tmp_path: Path
) -> None:
    plain = adapter()
    plain.apply(opening(plain.observe()))
    expected = origin.ours()
    plain.apply(Close(subject(plain.observe()), forget=True))
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-push").write_text(f'#!/bin/sh\ntouch "{tmp_path}/ran"\nexit 1\n')
    (hooks / "pre-push").chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"[core]\n hooksPath = {hooks}\n autocrlf = true\n[i18n]\n commitEncoding = latin1\n[push]\n gpgSign = true\n"
        " followTags = true\n pushOption = nonsense\n[commit]\n gpgSign = true\n[user]\n name = Ada\n"
        "[color]\n ui = always\n[fetch]\n prune = false\n[log]\n showSignature = true\n"
        '[protocol "ext"]\n allow = always\n'
    )
    git = adapter(
        environ=origin.environ
        | {"GIT_CONFIG_GLOBAL": str(settings), "GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere", "LC_ALL": "de_DE"}
    )

    git.apply(opening(git.observe()))

    assert origin.ours() == expected
    assert not (tmp_path / "ran").exists()


def test_the_cache_never_holds_an_index_or_a_work_tree(origin: Origin, adapter: Adapters, tmp_path: Path) -> None:
    git = adapter()
    git.apply(opening(git.observe()))
    git.apply(updating(git.observe(), "0.28.2"))

    left = {path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()}

    assert "index" not in left
    assert "helm.yaml" not in left
