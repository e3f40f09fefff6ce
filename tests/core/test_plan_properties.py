"""What must hold of every plan, whatever staging, production and people do."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Action, Close, Disarm, Hold, InSync, Open, Policy, Proposed, Rearm, Reason, Update
from reconciler.core.plan import assess, inquire, plan
from reconciler.core.pull_request import branch
from reconciler.core.version import Version
from tests.core.simulator import Repository, fleet, look, promotion, turn, view
from tests.core.test_plan import oci, referring
from tests.world import NOW, manifest, release

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.model import Fleet, Key, Plan
    from tests.world import Object

T = TypeVar("T")
KEYS = ("a/x", "b/x", "c/y", "d/z")
VERSIONS = st.sampled_from(
    ("0.9.0", "1.0.0", "v1.0.0", "1.0.1", "1.1.0-rc.1", "1.1.0-rc.2", "1.1.0", "v1.2.0", "2.0.0+b.1")
)
PHASES = st.sampled_from(("Succeeded", "Succeeded", "Succeeded", "Failed", "Running", None))
POLICIES = st.sampled_from((Policy(), Policy(soak=timedelta(hours=1)), Policy(soak=timedelta(hours=2))))
HISTORIES = st.lists(st.tuples(VERSIONS, PHASES), max_size=4)


@st.composite
def releases(draw: st.DrawFn, key: str) -> Object | None:
    """One staging release: there or not, of the right shape or not."""
    shape = draw(st.sampled_from(("there", "there", "there", "there", "rolled back", "suspended", "broken", "gone")))
    if shape == "gone":
        return None
    one = release(key, *draw(HISTORIES), wants=">=0-0", suspend=shape == "suspended")
    if shape == "broken":
        one["spec"] = None
    if shape == "rolled back" and one["status"]["history"]:
        newest = one["status"]["history"][0]
        newest["action"] = "rollback"
        newest.pop("testHooks", None)
    return one


STAGING = st.tuples(*(releases(key) for key in KEYS)).map(lambda found: [one for one in found if one is not None])
STYLES = st.sampled_from(
    (
        lambda text: text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: re.sub(r"version: (\S+)", r"version: '\1' # pinned", text),
        lambda text: "# first\n---\n" + text.rstrip("\n"),
    )
)


@st.composite
def productions(draw: st.DrawFn) -> dict[str, str]:
    """Files of a repository: a manifest of its own for some releases, a shared tag for others."""
    files = {}
    if draw(st.booleans()):
        files["shared.yaml"] = (
            oci(draw(VERSIONS).replace("+", "_"), "x") + referring("a/x", "x") + referring("b/x", "x")
        )
    for key in KEYS[2:] if files else KEYS:
        if draw(st.integers(0, 5)):
            files[f"{key[0]}.yaml"] = draw(STYLES)(manifest(key, draw(VERSIONS)))
    return files


@dataclass(frozen=True)
class Step:
    """What happens between two passes."""

    what: str
    key: str
    version: str
    staging: list[Object]

    def happen(self, repository: Repository) -> None:
        name = branch("home", _key(self.key))
        match self.what:
            case "merge" | "merge and keep" if name in repository.heads:
                repository.merge(name, delete=self.what == "merge")
            case "delete":
                repository.heads.pop(name, None)
            case "push":
                repository.push(name)
            case "pin":
                for path in [path for path in repository.files if path[0] in {self.key[0], "s"}]:
                    version = self.version.replace("+", "_") if path[0] == "s" else self.version
                    field = "tag" if path[0] == "s" else "version"
                    text = re.sub(rf"{field}: '?[^\s']+'?", f"{field}: {version}", repository.files[path])
                    repository.write(**{path: text})
            case _:
                pass


STEPS = st.builds(
    Step,
    st.sampled_from(("merge", "merge and keep", "delete", "push", "pin", "rest")),
    st.sampled_from(KEYS),
    VERSIONS,
    STAGING,
)


def _key(text: str) -> Key:
    (found,) = (one.key for one in fleet(release(text)).releases)
    return found


def said(decided: Plan) -> Iterator[tuple[str, Action | Hold | InSync | Proposed]]:
    for one in decided.actions:
        yield from ((str(key), one) for key in one.subject.releases)
    for found in (decided.holds, decided.in_sync, decided.proposed):
        yield from ((str(one.release), one) for one in found)


def check(decided: Plan, staging: list[Object], repository: Repository) -> None:
    known = {f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in staging}
    count = Counter(key for key, _ in said(decided))
    assert set(count.values()) <= {1}, "two answers for one release"
    assert known <= set(count), "no answer for a release"
    extra = [one for key, one in said(decided) if key not in known]
    assert all(isinstance(one, Action) and one.subject.reason == Reason.UNMATCHED for one in extra)
    assert all(hold.message and hold.reason in Reason for hold in decided.holds)
    for action in decided.actions:
        if isinstance(action, Open | Update | Rearm):
            check_promotion(action, staging, repository)
        else:
            assert action.subject.message


def check_promotion(action: Open | Update | Rearm, staging: list[Object], repository: Repository) -> None:
    start, to = (Version.parse((text or "").replace("_", "+")) for text in (action.subject.from_, action.subject.to))
    assert to > start, "production would move backwards"
    for key in action.subject.releases:
        (one,) = (
            one
            for one in staging
            if (one["metadata"]["namespace"], one["metadata"]["name"]) == (key.namespace, key.name)
        )
        passed = [entry for entry in one["status"]["history"] if Version.parse(entry["chartVersion"]) == to]
        assert any(hook["phase"] == "Succeeded" for entry in passed for hook in entry.get("testHooks", {}).values())
        assert not one["spec"]["suspend"]
    (edit,) = action.edits
    assert repository.files[edit.path] == edit.before
    before, after = edit.before.split("\n"), edit.after.split("\n")
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [(old.replace(action.subject.from_ or "", action.subject.to or ""), new) for old, new in changed] == [
        (new, new) for _, new in changed
    ]
    assert len(changed) == 1


def settle(staging: Fleet, repository: Repository, policy: Policy) -> Plan:
    """Turn until nothing is to be done: at once, but that what was closed or reverted may be opened anew."""
    last = turn(staging, repository, policy=policy)
    for _ in range(2):
        again = turn(staging, repository, policy=policy)
        ended = {one.subject.branch for one in last.actions if isinstance(one, Close | Disarm)}
        assert {one.subject.branch for one in again.actions} <= ended, "a second pass does something"
        last = again
    assert not last.actions
    return last


@given(staging=STAGING, files=productions(), policy=POLICIES, steps=st.lists(STEPS, max_size=4))
def test_every_plan_is_sound_and_a_second_pass_does_nothing(
    staging: list[Object], files: dict[str, str], policy: Policy, steps: list[Step]
) -> None:
    repository = Repository(files)
    for step in (Step("rest", KEYS[0], "1.0.0", staging), *steps):
        step.happen(repository)
        check(look(fleet(*step.staging), repository, policy=policy), step.staging, repository)
        last = settle(fleet(*step.staging), repository, policy)
        check(last, step.staging, repository)


@given(first=STAGING, staging=STAGING, files=productions(), seed=st.integers())
def test_the_order_of_the_input_is_irrelevant(
    first: list[Object], staging: list[Object], files: dict[str, str], seed: int
) -> None:
    repository = Repository(files)
    turn(fleet(*first), repository)
    one, other = (view(promotion(name), fleet(*staging), repository, ["home", "work"]) for name in ("home", "work"))
    plans = []
    for shuffled in (False, True):
        random = Random(seed)
        views = [one, other]
        if shuffled:
            views = [
                replace(
                    each,
                    fleet=replace(each.fleet, releases=_shuffled(each.fleet.releases, random)),
                    base=replace(
                        each.base,
                        entries=_shuffled(each.base.entries, random),
                        proposals=_shuffled(each.base.proposals, random),
                    ),
                )
                for each in reversed(views)
            ]
        assessed = assess(views, NOW)
        answers = {each.promotion.name: repository.answer(inquire(each)) for each in assessed}
        plans.append(plan(assessed[::-1] if shuffled else assessed, answers, NOW))
    assert plans[0] == plans[1]


def _shuffled(items: tuple[T, ...], random: Random) -> tuple[T, ...]:
    return tuple(random.sample(items, len(items)))


@given(staging=STAGING, files=productions(), soak=st.integers(0, 300))
def test_adding_a_gate_never_creates_an_action(staging: list[Object], files: dict[str, str], soak: int) -> None:
    free = look(fleet(*staging), Repository(files))
    gated = look(fleet(*staging), Repository(files), policy=Policy(soak=timedelta(minutes=soak)))
    assert {one.subject.release for one in gated.actions} <= {one.subject.release for one in free.actions}
