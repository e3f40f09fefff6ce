"""The plan where promotions are pull requests: what stands, what people do to it, and what ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from reconciler.core import pull_request
from reconciler.core.model import (
    AutoMerge,
    Bump,
    Change,
    Close,
    Disarm,
    Findings,
    Hold,
    Manners,
    MergeMethod,
    Open,
    Pause,
    Plan,
    Policy,
    Promotion,
    Proposal,
    PullRequest,
    Rearm,
    Reason,
    Status,
    Update,
)
from reconciler.core.plan import Answers, assess, inquire, plan
from reconciler.core.report import document
from tests.core.simulator import Repository, fleet, promotion, view
from tests.world import BRANCH, NOW, answers, manifest, proven, release

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.model import Action, Fleet

V = "vault/vault"
DAY = timedelta(days=1)
NEWER = proven(V, "1.1.0")
NEWEST = proven(V, "1.2.0", "1.1.0")


@dataclass
class Forge:
    """A repository on a forge: base, and one pull request at most for each branch, as a look shows them."""

    repository: Repository
    pulls: dict[str, Proposal]

    def look(self, staging: Fleet, at: datetime = NOW, **settings: object) -> Plan:
        one: Promotion = promotion(**settings)  # type: ignore[arg-type]
        seen = view(one, staging, self.repository)
        standing = tuple(one for one in self.pulls.values() if _stands(one))
        base = replace(seen.base, branch="main", forge=True, proposals=standing)
        (assessment,) = assess([replace(seen, base=base)], at)
        asked = inquire(assessment)
        found = {
            question.branch: Findings(proposal=self.pulls.get(question.branch))
            for question in asked.questions
            if question.ended
        }
        texts = {path: self.repository.files[path] for path in asked.paths}
        return plan([assessment], {"home": Answers(texts, found)}, at)

    def change(self, **facts: object) -> None:
        """Change what the one pull request shows."""
        ((branch, proposal),) = self.pulls.items()
        assert proposal.pull_request
        self.pulls[branch] = replace(proposal, pull_request=replace(proposal.pull_request, **facts))  # type: ignore[arg-type]

    def carry_out(self, action: Action) -> None:
        """Leave what an action would."""
        branch = action.subject.branch
        if isinstance(action, Open | Update | Rearm) and not action.stands:
            self.pulls[branch] = pull(action)
        conclusion = {Pause: "pending", Disarm: "failure", Close: "error"}.get(type(action), "success")
        self.change(status=Status(conclusion, action.subject.words.status, NOW))


def _stands(proposal: Proposal) -> bool:
    return proposal.pull_request is None or proposal.pull_request.state == "open"


def pull(action: Open | Update | Rearm) -> Proposal:
    branch, message = action.subject.branch, action.commit.message
    oid = f"commit of {action.subject.to}"
    opened = PullRequest(
        7,
        "https://git.example.com/fleet/pull/7",
        "open",
        base="main",
        commits=(Change(oid, message, ("base",), ours=True),),
        files=tuple(edit.path for edit in action.edits),
    )
    return Proposal(branch, pull_request.ledger(branch), oid, oid, message, opened)


def forge(**files: str) -> Forge:
    return Forge(Repository(files or {"vault.yaml": manifest(V, "1.0.0")}), {})


def standing(staging: Fleet | None = None) -> Forge:
    """A forge where 1.1.0 is proposed, and armed."""
    world = forge()
    world.carry_out(only(world.look(staging or fleet(NEWER))))
    return world


def only(decided: Plan) -> Action:
    (found,) = decided.actions
    assert not decided.holds
    return found


def held(decided: Plan) -> Hold:
    (found,) = decided.holds
    assert not decided.actions
    return found


def words(decided: Plan) -> str:
    return answers(document(decided))[V]


# --- opening ---------------------------------------------------------------------------------------------------------


def test_a_proven_version_is_opened_with_words_for_people() -> None:
    found = only(forge().look(fleet(NEWER)))
    assert isinstance(found, Open)
    assert not found.stands
    assert found.subject.words.status == "proven in staging: 1.1.0, revision 1, 1 test passed"
    assert "| chart `vault` | `1.0.0` | `1.1.0` | minor |" in found.subject.words.body


def test_what_stands_is_proposed_and_nothing_is_done_again() -> None:
    decided = standing().look(fleet(NEWER))
    assert not decided.actions
    (found,) = decided.proposed
    assert (found.to, found.pull_request and found.pull_request.number) == ("1.1.0", 7)


def test_a_branch_without_a_pull_request_is_what_a_crash_left_and_is_opened() -> None:
    world = standing()
    world.pulls[BRANCH] = replace(world.pulls[BRANCH], pull_request=None, unopened=True)
    found = only(world.look(fleet(NEWER)))
    assert isinstance(found, Open)
    assert found.subject.proposal == world.pulls[BRANCH]


def test_a_pull_request_that_is_not_dressed_yet_is_finished_without_a_push() -> None:
    world = standing()
    world.change(status=None)
    found = only(world.look(fleet(NEWER)))
    assert isinstance(found, Update)
    assert found.stands


# --- another version -------------------------------------------------------------------------------------------------


def test_a_newer_version_updates_the_pull_request_in_place() -> None:
    found = only(standing().look(fleet(NEWEST)))
    assert isinstance(found, Update)
    assert (found.stands, found.subject.to, found.subject.branch) == (False, "1.2.0", BRANCH)


def status(conclusion: str, text: str = "", at: datetime = NOW) -> Callable[[Forge], None]:
    return lambda world: world.change(status=Status(conclusion, text, at))


def facts(**changed: object) -> Callable[[Forge], None]:
    return lambda world: world.change(**changed)


def commits(*more: Change) -> Callable[[Forge], None]:
    def add(world: Forge) -> None:
        (proposal,) = world.pulls.values()
        assert proposal.pull_request
        world.change(commits=(*proposal.pull_request.commits, *more))

    return add


def every(*steps: Callable[[Forge], None]) -> Callable[[Forge], None]:
    def do(world: Forge) -> None:
        for step in steps:
            step(world)

    return do


def on_base(version: str) -> Callable[[Forge], None]:
    return lambda world: world.repository.write(**{"vault.yaml": manifest(V, version)})


BY_HAND = Change("other", "by hand", ("commit of 1.1.0",), ours=False)
MERGED_BASE = Change("merge", "Merge branch 'main'", ("commit of 1.1.0", "newer base"), ours=False)
BASE_TEXT = manifest(V, "1.0.0") + "  # more\n"
UPDATED = facts(files=("vault.yaml",), texts=(BASE_TEXT, BASE_TEXT.replace("1.0.0", '"1.1.0"')))
CLOSED = facts(state="closed")
MERGED = facts(state="merged")
HOLD, RETRY = facts(labels=("promotion/hold",)), facts(labels=("promotion/retry",))
FAILED = release(V, ("1.1.0", "Failed"), ("1.0.0", "Succeeded"))
SUSPENDED = proven(V, "1.1.0", suspend=True)


@pytest.mark.parametrize(
    ("does", "staging", "expected"),
    [
        pytest.param(commits(BY_HAND), NEWER, "edited", id="a person's commit"),
        pytest.param(
            facts(commits=(replace(Change("x", "", (), ours=False)),)), NEWER, "edited", id="a person's force-push"
        ),
        pytest.param(every(commits(MERGED_BASE), UPDATED), NEWER, "proposed", id="the Update-branch button"),
        pytest.param(commits(MERGED_BASE), NEWER, "edited", id="a merge of base whose texts cannot be had"),
        pytest.param(
            every(commits(MERGED_BASE), UPDATED, facts(files=("vault.yaml", "more.yaml"))),
            NEWER,
            "edited",
            id="a merge of base that brings another file",
        ),
        pytest.param(
            every(commits(MERGED_BASE), facts(files=("vault.yaml",), texts=(BASE_TEXT, BASE_TEXT + "\n"))),
            NEWER,
            "edited",
            id="a merge of base that brings another line",
        ),
        pytest.param(
            every(
                commits(MERGED_BASE), facts(files=("vault.yaml",), texts=(BASE_TEXT, BASE_TEXT.replace("1.0", "9.9")))
            ),
            NEWER,
            "edited",
            id="a merge of base that brings another version",
        ),
        pytest.param(facts(base="release"), NEWER, "edited", id="retargeted"),
        pytest.param(facts(ours=False), NEWER, "foreign", id="opened by somebody else"),
        pytest.param(HOLD, NEWER, "pause", id="labelled promotion/hold"),
        pytest.param(every(HOLD, status("pending", "on-hold: x")), NEWER, "on-hold", id="labelled, and paused already"),
        pytest.param(
            every(HOLD, status("pending", "on-hold: x")), NEWEST, "on-hold", id="labelled, while a newer one is proven"
        ),
        pytest.param(status("pending", "on-hold: x"), NEWER, "rearm", id="the label is taken off"),
        pytest.param(RETRY, NEWER, "update", id="labelled promotion/retry"),
        pytest.param(facts(conflicts=True), NEWER, "update", id="it conflicts"),
        pytest.param(facts(in_review=True), NEWER, "proposed", id="approved"),
        pytest.param(facts(in_review=True), NEWEST, "in-review", id="approved, while a newer one is proven"),
        pytest.param(facts(in_review=True, conflicts=True), NEWER, "in-review", id="approved, and it conflicts"),
        pytest.param(facts(in_review=True), FAILED, "disarm", id="approved, and its proof contradicted"),
        pytest.param(facts(in_review=True, status=None), NEWER, "update", id="approved before it was dressed"),
        pytest.param(on_base("1.1.0"), NEWER, "close", id="production caught up"),
        pytest.param(on_base("1.3.0"), NEWER, "close", id="production went beyond"),
        pytest.param(on_base("0.9.0"), NEWER, "disarm", id="production was moved back below where it began"),
        pytest.param(
            every(on_base("0.9.0"), status("failure", "reverted: x")), NEWER, "reverted", id="moved back, and disarmed"
        ),
        pytest.param(
            every(on_base("0.9.0"), status("failure", "reverted: x")), NEWEST, "update", id="moved back, then a newer"
        ),
        pytest.param(every(on_base("0.9.0"), RETRY), NEWER, "update", id="moved back, and a person asks for it"),
        pytest.param(lambda _: None, FAILED, "disarm", id="its tests failed"),
        pytest.param(status("failure", "tests-failed: x"), FAILED, "tests-failed", id="its tests failed, disarmed"),
        pytest.param(status("failure", "tests-failed: x"), NEWER, "rearm", id="its tests passed after all"),
        pytest.param(status("failure", "tests-failed: x"), SUSPENDED, "suspended", id="disarmed, then suspended"),
        pytest.param(status("pending", "suspended: x"), FAILED, "disarm", id="paused, then its tests failed"),
        pytest.param(lambda _: None, SUSPENDED, "pause", id="suspended"),
        pytest.param(status("pending", "suspended: x"), SUSPENDED, "suspended", id="suspended, and paused already"),
        pytest.param(status("pending", "soaking: x"), SUSPENDED, "pause", id="paused for another reason"),
        pytest.param(status("neutral", "whatever"), NEWER, "rearm", id="a status of a kind that we never set"),
        pytest.param(CLOSED, NEWER, "rejected", id="closed by a person"),
        pytest.param(every(CLOSED, status("pending", "x")), NEWER, "rejected", id="closed by a person while paused"),
        pytest.param(every(CLOSED, facts(status=None)), NEWER, "rejected", id="closed before it was dressed"),
        pytest.param(every(CLOSED, RETRY), NEWER, "open", id="closed by a person, who asks for it once more"),
        pytest.param(CLOSED, NEWEST, "open", id="closed by a person, then a newer one is proven"),
        pytest.param(every(CLOSED, status("error", "gone")), NEWER, "open", id="closed by us for another reason"),
        pytest.param(
            every(CLOSED, status("error", pull_request.caught_up("1.1.0"))),
            NEWER,
            "reverted",
            id="closed by us as done, and production is below again",
        ),
        pytest.param(MERGED, NEWER, "reverted", id="merged and moved back"),
        pytest.param(every(MERGED, facts(base="next")), NEWER, "rejected", id="merged into another branch"),
        pytest.param(
            every(status("pending", "suspended: x"), facts(merging=True)),
            SUSPENDED,
            "pause",
            id="paused, but armed again",
        ),
        pytest.param(
            every(status("failure", "tests-failed: x"), facts(merging=True)), FAILED, "disarm", id="disarmed, but armed"
        ),
        pytest.param(
            every(status("failure", "tests-failed: x"), facts(merging=True)),
            SUSPENDED,
            "disarm",
            id="disarmed, but armed again, then suspended",
        ),
        pytest.param(MERGED, NEWEST, "open", id="merged and moved back, then a newer one is proven"),
        pytest.param(every(MERGED, RETRY), NEWER, "open", id="merged and moved back, and a person asks for it"),
        pytest.param(every(MERGED, on_base("1.1.0")), NEWER, "in sync", id="merged"),
        pytest.param(every(CLOSED, facts(ours=False)), NEWER, "rejected", id="closed, whoever opened it"),
    ],
)
def test_the_life_of_a_pull_request(does: Callable[[Forge], None], staging: dict[str, object], expected: str) -> None:
    world = standing()
    does(world)
    assert words(world.look(fleet(staging))) == expected


def test_a_closed_pull_request_without_our_marker_is_nobody_s_no() -> None:
    world = standing()
    world.change(state="closed")
    world.pulls[BRANCH] = replace(world.pulls[BRANCH], ledger=None, message="somebody's")
    assert isinstance(only(world.look(fleet(NEWER))), Open)


def test_a_foreign_branch_without_a_pull_request_is_foreign() -> None:
    world = standing()
    world.pulls[BRANCH] = replace(world.pulls[BRANCH], ledger=None, message="somebody's", pull_request=None)
    assert held(world.look(fleet(NEWER))).reason is Reason.FOREIGN


@pytest.mark.parametrize(
    ("does", "message"),
    [
        pytest.param(facts(ours=False), f"#7 comes from {BRANCH} and is not ours; close it, and delete its branch"),
        pytest.param(commits(BY_HAND), "#7 holds commits that are not ours, and is left alone; merge it, or to start"),
        pytest.param(facts(base="next"), "#7 goes to next now, and is left alone; merge it, or to start again: close"),
        pytest.param(CLOSED, "#7 for 1.1.0 was closed without being merged; to propose it again: label #7 promotion/"),
        pytest.param(
            every(MERGED, facts(base="next")), "#7 for 1.1.0 was merged into next; to propose it again: label"
        ),
        pytest.param(MERGED, "production was moved back to 1.0.0 after 1.1.0 was proposed; to propose it again: label"),
        pytest.param(
            every(HOLD, status("pending", "on-hold: x")), "#7 is labelled promotion/hold; take the label off to go on"
        ),
        pytest.param(
            every(on_base("0.9.0"), status("failure", "reverted: x")),
            "production was moved back to 0.9.0, below 1.0.0, where #7 began; to propose it again: label #7 promotion/",
        ),
    ],
)
def test_a_person_is_told_how_to_go_on(does: Callable[[Forge], None], message: str) -> None:
    world = standing()
    does(world)
    assert held(world.look(fleet(NEWER))).message.startswith(message)


# --- auto-merge ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "bumps", "expected"),
    [
        pytest.param("1.0.0", "1.0.1", (Bump.PATCH,), True, id="a patch, where patches merge"),
        pytest.param("1.0.0", "1.1.0", (Bump.PATCH,), False, id="a minor, where patches merge"),
        pytest.param("1.0.0", "1.1.0", (Bump.PATCH, Bump.MINOR), True, id="a minor, where minors merge"),
        pytest.param("1.0.0", "2.0.0", (Bump.PATCH, Bump.MINOR), False, id="a major is for a person"),
        pytest.param("1.1.0-rc.1", "1.1.0", (Bump.PATCH,), True, id="from a prerelease to its release"),
    ],
)
def test_the_forge_may_merge_what_policy_admits(
    before: str, after: str, bumps: tuple[Bump, ...], expected: bool
) -> None:
    world = forge(**{"vault.yaml": manifest(V, before)})
    manners = Manners(auto_merge=AutoMerge(MergeMethod.SQUASH, bumps))
    found = only(world.look(fleet(proven(V, after)), manners=manners))
    assert isinstance(found, Open)
    assert (found.manners.auto_merge is not None) is expected


def test_an_auto_merge_of_ours_that_policy_no_longer_admits_is_taken_off() -> None:
    world = standing()
    world.change(merging=True)
    allowed = Manners(auto_merge=AutoMerge())
    assert not world.look(fleet(NEWER), manners=allowed).actions
    found = only(world.look(fleet(NEWER)))
    assert isinstance(found, Update)
    assert found.stands
    assert found.manners.auto_merge is None


ALONE = Manners(auto_merge=AutoMerge(unprotected=True))
OLD_ENOUGH = {"clean": True, "opened": NOW - timedelta(minutes=5)}


@pytest.mark.parametrize(
    ("changed", "manners", "expected"),
    [
        pytest.param(OLD_ENOUGH, ALONE, True, id="clean, and five minutes old"),
        pytest.param({**OLD_ENOUGH, "opened": NOW - timedelta(minutes=4)}, ALONE, False, id="just opened"),
        pytest.param({**OLD_ENOUGH, "clean": False}, ALONE, False, id="not clean"),
        pytest.param(OLD_ENOUGH, Manners(auto_merge=AutoMerge()), False, id="without leave"),
        pytest.param(OLD_ENOUGH, Manners(), False, id="without auto-merge"),
        pytest.param(
            OLD_ENOUGH, Manners(auto_merge=AutoMerge(bumps=(Bump.PATCH,), unprotected=True)), False, id="another bump"
        ),
    ],
)
def test_what_has_nothing_to_wait_for_lands_by_us(changed: dict[str, object], manners: Manners, expected: bool) -> None:
    world = standing()
    world.change(**changed)
    actions = world.look(fleet(NEWER), manners=manners).actions
    assert [isinstance(one, Update) and one.stands and one.lands for one in actions] == ([True] if expected else [])


# --- gates, and what is gone -----------------------------------------------------------------------------------------


def test_a_gate_that_shuts_pauses_once_with_the_reason_in_the_status() -> None:
    world = standing()
    soak = Policy(soak=timedelta(hours=2))
    found = only(world.look(fleet(NEWER), policy=soak))
    assert isinstance(found, Pause)
    assert found.subject.words.status.startswith("soaking: proven since 2026-03-01")
    assert found.subject.words.comment == ""
    world.carry_out(found)
    assert held(world.look(fleet(NEWER), policy=soak)).reason is Reason.SOAKING
    last = only(world.look(fleet(NEWER), at=NOW + DAY, policy=soak))
    assert isinstance(last, Rearm)
    assert last.stands


def test_a_contradicted_proof_is_told_in_a_comment_once() -> None:
    world = standing()
    found = only(world.look(fleet(FAILED)))
    assert isinstance(found, Disarm)
    assert found.subject.words.status.startswith("tests-failed: test hook vault-test failed")
    assert found.subject.words.comment.startswith("`1.1.0` is not proven any more")
    world.carry_out(found)
    assert held(world.look(fleet(FAILED))).reason is Reason.TESTS_FAILED


def test_a_long_reason_is_cut_to_what_a_commit_status_takes() -> None:
    text = pull_request.status(Reason.WAITING, "x" * 500)
    assert (len(text), text[:10], text[-3:]) == (140, "waiting: x", "...")


KEEPER = proven("keep/keeper", "1.0.0")


def test_a_release_that_is_gone_is_paused_and_closed_after_a_day() -> None:
    world = standing()
    world.repository.write(**{"keep.yaml": manifest("keep/keeper", "1.0.0")})
    found = only(world.look(fleet(KEEPER)))
    assert isinstance(found, Pause)
    world.carry_out(found)
    assert not world.look(fleet(KEEPER), at=NOW + DAY - timedelta(seconds=1)).actions
    last = only(world.look(fleet(KEEPER), at=NOW + DAY))
    assert isinstance(last, Close)
    assert last.subject.words.status == "unmatched: staging no longer has vault/vault"
    assert last.subject.words.comment == "Closed: `staging no longer has vault/vault`"
    world.carry_out(last)
    world.change(state="closed")
    assert isinstance(only(world.look(fleet(KEEPER, NEWER), at=NOW + 2 * DAY)), Open)


# --- capacity --------------------------------------------------------------------------------------------------------


def crowd(count: int) -> tuple[Forge, list[dict[str, object]]]:
    """Releases whose proofs are the older the higher their number."""
    keys = [f"ns/app{number:03}" for number in range(count)]
    world = forge(**{f"{key.split('/')[1]}.yaml": manifest(key, "1.0.0") for key in keys})
    return world, [proven(key, "1.1.0", age=60 + number) for number, key in enumerate(keys)]


def opened(decided: Plan) -> list[str]:
    assert all(isinstance(action, Open) for action in decided.actions)
    return [action.subject.release.name for action in decided.actions]


def test_the_first_day_with_120_drifts_opens_the_two_with_the_oldest_proofs() -> None:
    world, staging = crowd(120)
    decided = world.look(fleet(*staging))
    assert opened(decided) == ["app118", "app119"]
    assert {hold.reason for hold in decided.holds} == {Reason.CAPACITY}
    assert len(decided.holds) == 118
    assert [action.subject.release.name for action in decided.reserve][:2] == ["app117", "app116"]
    assert decided.holds[0].message == "0 pull requests are open, and older proofs go first (maxOpen 10, maxPerPass 2)"


def test_no_more_stand_open_than_are_wanted_however_many_passes_are_made() -> None:
    world, staging = crowd(9)
    limits = Manners(max_open=5, max_per_pass=2)
    for _ in range(4):
        for action in world.look(fleet(*staging), manners=limits).actions:
            assert isinstance(action, Open)
            world.pulls[action.subject.branch] = dressed(pull(action))
    assert sorted(key.rpartition("/")[2] for key in world.pulls) == ["app004", "app005", "app006", "app007", "app008"]
    assert len(world.look(fleet(*staging), manners=limits).holds) == 4


def dressed(proposal: Proposal) -> Proposal:
    assert proposal.pull_request
    return replace(proposal, pull_request=replace(proposal.pull_request, status=Status("success", "", NOW)))


def test_what_another_gate_holds_takes_no_slot() -> None:
    world, staging = crowd(3)
    soak = Policy(soak=timedelta(minutes=61))
    assert opened(world.look(fleet(*staging), policy=soak)) == ["app001", "app002"]
