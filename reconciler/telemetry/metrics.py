"""Figures of the passes, from the report alone: the one door to prometheus-client.

No label has more values than the config has promotions, times the closed lists of the program.
"""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, assert_never

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    make_wsgi_app,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reconciler.core import pull_request
from reconciler.core.model import Close, Disarm, Open, Pause, Rearm, Reason, State, Update
from reconciler.core.report import Result, verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from wsgiref.types import WSGIApplication

    from reconciler.core.model import Action, Failure, Hold, InSync, Plan, Proposed, Subject
    from reconciler.core.report import Outcome, Report

_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_LEADS: Final = (60, 120, 300, 600, 1800, 3600, 3 * 3600, 12 * 3600, 86400, 3 * 86400, 7 * 86400, 30 * 86400)
_ABSURD: Final = timedelta(days=3650)
"""A lead time that says that the proof carries no usable time."""
_VERBS: Final = ("open", "update", "rearm", "pause", "disarm", "close")
_PROVEN: Final = frozenset(list(Reason)[list(Reason).index(Reason.REVERTED) :])
"""The holds of what staging has proven and production lacks: in the closed list they come last."""


# --- one pass, promotion by promotion ------------------------------------------------------------------------------


@dataclass
class _Sight:
    """What the last pass that could observe a promotion saw of it, as counts."""

    releases: int = 0
    drifts: int = 0
    holds: Tally[Reason] = field(default_factory=Tally)
    proposals: Tally[State] = field(default_factory=Tally)


def _sights(report: Report) -> dict[str, _Sight]:
    """Count a report by promotion."""
    plan = report.plan
    sights = {name: _Sight() for name in _names(plan)}
    for action in plan.actions:
        sight, size = sights[action.subject.promotion], len(action.subject.releases)
        sight.releases += size
        sight.drifts += size if isinstance(action, Open | Update | Rearm) else 0
    for hold in plan.holds:
        sights[hold.promotion].releases += 1
        sights[hold.promotion].drifts += hold.reason in _PROVEN
        sights[hold.promotion].holds[hold.reason] += 1
    for proposed in plan.proposed:
        sights[proposed.promotion].releases += 1
        sights[proposed.promotion].drifts += 1
    for in_sync in plan.in_sync:
        sights[in_sync.promotion].releases += 1
    for promotion, _, state in _standing(report):
        sights[promotion].proposals[state] += 1
    return sights


def _names(plan: Plan) -> set[str]:
    """Name every promotion that a plan speaks of: one without any release is at least an error."""
    told: tuple[Hold | InSync | Proposed | Failure | Subject, ...] = (
        *(action.subject for action in plan.actions),
        *plan.holds,
        *plan.in_sync,
        *plan.proposed,
        *plan.errors,
    )
    return {one.promotion for one in told}


def _standing(report: Report) -> set[tuple[str, str, State]]:
    """Say how promotions stand after a pass: each branch once, however many releases it moves."""
    before = {(one.promotion, one.branch, one.state) for one in report.plan.proposed}
    done = (outcome.action for outcome in report.outcomes if outcome.result is Result.APPLIED)
    return before | {
        (action.subject.promotion, action.subject.branch, state)
        for action in done
        if (state := _state(action)) is not None
    }


def _state(action: Action) -> State | None:
    match action:
        case Pause():
            return State.PAUSED
        case Disarm():
            return State.DISARMED
        case Open() | Update() | Rearm():
            return State.ARMED
        case Close():
            return None
        case _:
            assert_never(action)


def _lead(outcome: Outcome, at: datetime) -> timedelta | None:
    """Say how long after its proof a version was proposed, None where it was not, or was before."""
    action = outcome.action
    if outcome.result is not Result.APPLIED or not isinstance(action, Open | Update):
        return None
    standing = action.subject.proposal
    marker = pull_request.read_marker(standing.message) if standing else None
    if isinstance(action, Update) and marker and marker.to == action.subject.to:
        return None  # the same version again, on a newer base
    lead = at - action.commit.at
    return max(lead, timedelta(0)) if lead < _ABSURD else None


# --- the figures ---------------------------------------------------------------------------------------------------


class Metrics(Collector):
    """All figures of a process, in a registry of their own."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self.ready = False
        """Whether a pass was made at all."""
        self._sights: dict[str, _Sight] = {}
        self._up: dict[str, bool] = {}
        self._errors: Tally[str] = Tally()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(self)
        self._gauge("build_info", "The version that runs; always 1.", "version").labels(version).set(1)
        self._interval = self._gauge("interval_seconds", "The time between passes, as configured.")
        self._attempted = self._gauge("last_attempt_timestamp_seconds", "When the newest pass that ended began.")
        self._succeeded = self._gauge("last_success_timestamp_seconds", "When the newest pass that succeeded began.")
        self._config = self._gauge("config_last_reload_successful", "Whether the config file in place is in use.")
        self._passes = self._counter("passes", "Passes that ended, by result.", "result")
        self._actions = self._counter("actions", "Actions, by result.", "promotion", "action", "result")
        self._took = self._histogram("pass_duration_seconds", "How long passes took.", _SECONDS)
        self._phases = self._histogram("phase_duration_seconds", "The same, by phase.", _SECONDS, "phase")
        self._leads = self._histogram("lead_time_seconds", "From proof to proposal.", _LEADS, "promotion")
        for result in ("succeeded", "failed", "crashed"):
            self._passes.labels(result)
        self._config.set(1)

    def tell(self, report: Report | None, began: datetime, took: timedelta) -> None:
        """Take down a pass: its report, None if it crashed, when it began and how long it took."""
        self._attempted.set(began.timestamp())
        self._took.observe(took.total_seconds())
        result = "crashed" if report is None else "failed" if report.failed else "succeeded"
        self._passes.labels(result).inc()
        if result == "succeeded":
            self._succeeded.set(began.timestamp())
        if report is not None:
            self._tell_promotions(report)
        self.ready = True

    def tell_phases(self, phases: Iterable[tuple[str, timedelta]]) -> None:
        """Take down how long each phase of a pass took."""
        for phase, took in phases:
            self._phases.labels(phase).observe(took.total_seconds())

    def tell_config(self, interval: timedelta, *, used: bool) -> None:
        """Take down the config: its interval, and whether the file that is in place could be used."""
        self._interval.set(interval.total_seconds())
        self._config.set(used)

    def page(self) -> WSGIApplication:
        """Give what shows the figures over HTTP."""
        page: WSGIApplication = make_wsgi_app(self.registry)
        return page

    def _tell_promotions(self, report: Report) -> None:
        seen = _sights(report)
        unread = {error.promotion for error in report.plan.errors if error.fatal}
        known = {name: self._sights[name] for name in unread & self._sights.keys()}
        self._sights = {name: sight for name, sight in seen.items() if name not in unread} | known
        self._up = {name: name not in unread for name in seen}
        self._errors = Tally(error.promotion for error in report.plan.errors)
        for name in seen:
            self._begin_at_zero(name)
        for outcome in report.outcomes:
            promotion = outcome.action.subject.promotion
            self._actions.labels(promotion, verb(outcome.action), outcome.result.value).inc()
            if (lead := _lead(outcome, report.plan.at)) is not None:
                self._leads.labels(promotion).observe(lead.total_seconds())

    def _begin_at_zero(self, promotion: str) -> None:
        """Show counters before they count: what appears at 1 has, to Prometheus, not increased."""
        self._leads.labels(promotion)
        for action in _VERBS:
            for result in Result:
                self._actions.labels(promotion, action, result.value)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give what the last pass saw. A promotion that it could not observe keeps what was seen of it before."""
        yield _family("promotion_up", "Whether the last pass could observe the promotion.", self._up)
        yield _family("errors", "Files, objects and sources that could not be read.", self._counts(self._errors))
        sights = self._sights
        yield _family("releases", "Staging releases.", {name: one.releases for name, one in sights.items()})
        drifts = {name: one.drifts for name, one in sights.items()}
        yield _family("drifts", "Releases of which staging has proven more than production has.", drifts)
        holds = {(name, reason.value): one.holds[reason] for name, one in sights.items() for reason in Reason}
        yield _family("holds", "Releases that are held, by reason.", holds, "reason")
        proposals = {(name, state.value): one.proposals[state] for name, one in sights.items() for state in State}
        yield _family("proposals", "Open promotions, by state.", proposals, "state")

    def _counts(self, tally: Tally[str]) -> dict[str, int]:
        return {name: tally[name] for name in self._up}

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace=_PREFIX, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace=_PREFIX, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, namespace=_PREFIX, registry=self.registry, buckets=buckets)


_PREFIX: Final = "helm_promoter"


def _family(
    name: str, text: str, values: Mapping[str, int] | Mapping[tuple[str, str], int], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=("promotion", *labels))
    for place, value in sorted(values.items()):
        family.add_metric([place] if isinstance(place, str) else [*place], value)
    return family
