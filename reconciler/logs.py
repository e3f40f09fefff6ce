"""What a process tells of its passes, as structured lines on stderr: JSON for machines, columns for a terminal."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

import structlog

from reconciler.core.report import Result, held_by_reason, printable, verb

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from structlog.typing import EventDict, Processor, WrappedLogger

    from reconciler.core.model import Failure, Hold, Key, Plan, Reason
    from reconciler.core.report import Outcome, Report

_Told = tuple["Reason", str | None, str | None]
"""What of a hold is told again when it changes: its reason, from and to."""


def configure(stream: TextIO, environ: Mapping[str, str]) -> None:
    """Send every log line of the process to a stream, those of libraries too."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_rendered(stream, environ))
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.captureWarnings(True)  # noqa: FBT003 - its only argument
    logging.getLogger("apscheduler").setLevel(logging.WARNING)  # what it says of every pass, pass.finished says better
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _rendered(stream: TextIO, environ: Mapping[str, str]) -> list[Processor]:
    """Choose how lines look. Tracebacks carry no local variables: a secret may be among them."""
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    shared: list[Processor] = [remove, structlog.processors.format_exc_info, _redacted]
    if not stream.isatty():
        return [*shared, structlog.processors.JSONRenderer()]
    coloured = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    plain = structlog.dev.plain_traceback
    return [*shared, _printable, structlog.dev.ConsoleRenderer(colors=coloured, exception_formatter=plain)]


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Show control characters of a cluster or a repository instead of letting a terminal obey them."""
    return {name: _shown(name, value) if isinstance(value, str) else value for name, value in event.items()}


def _shown(name: str, text: str) -> str:
    """Make a text printable, each line of a traceback by itself."""
    return "\n".join(map(printable, text.split("\n"))) if name in {"exception", "stacks"} else printable(text)


def _redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take out what looks like a secret, wherever it stands.

    The last line of defence: no message of ours holds one, but a library's may.
    """
    return {name: _clean(value) for name, value in event.items()}


def _clean(value: object) -> object:
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {redact(str(name)): _clean(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(one) for one in value]
        case _:
            return redact(str(value))


_SECRETS: Final = (
    # A private key, whole or cut off; its line ends may be escaped.
    (re.compile(r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)"), "***"),
    # Tokens of GitHub ("GitHub's token formats" in its docs) and GitLab ("Token prefixes"), and JSON Web Tokens. They
    # may begin anywhere: what stands before one may be part of an escape.
    (re.compile(r"gh[a-z]_[\w.-]{10,}|github_pat_\w{10,}"), "***"),
    (re.compile(r"gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|wt|soat|ffct)-[\w.-]{16,}"), "***"),
    (re.compile(r"(?<![a-z])eyJ[\w-]+\.[\w-]+\.[\w-]*"), "***"),
    # RFC 3986, 3.2.1: what stands before the @ of an authority.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/?#\"'\\]+@"), r"\1***@"),
    # The header of RFC 9110, 11.6.2 in any dress, and its schemes by themselves where no word of prose follows.
    (re.compile(r"(?i)(\bauthorization\b[\"']?\s*[:=,]\s*b?[\"']?)(?:[a-z]+\s+)?[^\s\"',;)}\]]+"), r"\1***"),
    (re.compile(r"\b((?i:bearer|basic)\s+)(?![a-z]+\b)[\w.~+/=-]{8,}"), r"\1***"),
    # name=value and "name": value, as in queries, forms and JSON.
    (
        re.compile(r"(?i)((?:password|passwd|secret|token|api[_-]?key)[\"']?\s*(?:=|[\"']:)\s*[\"']?)[^\s\"'&,;)}\]]+"),
        r"\1***",
    ),
)


def redact(text: str) -> str:
    """Take out what looks like a secret: tokens, keys, credentials in URLs and in headers."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


@dataclass
class Journal:
    """Tells each pass. Remembers the holds of the pass before, so that only what changed is told one by one."""

    _holds: dict[tuple[str, Key], _Told] = field(default_factory=dict)

    def tell(self, report: Report, took: timedelta) -> None:
        """Write down one pass: what failed, what was done, which holds are new, and one line with all counts."""
        log = structlog.get_logger()
        for error in report.plan.errors:
            _tell_error(log, error)
        for outcome in report.outcomes:
            _tell_outcome(log, outcome)
        self._tell_holds(log, report.plan)
        level = logging.ERROR if report.failed else logging.INFO
        log.log(level, "pass.finished", **_counts(report), duration_s=round(took.total_seconds(), 3))

    def tell_config(self, mistakes: Sequence[str]) -> None:
        """Write down that the config, or a credential, changed: it is in use, or has mistakes and is not."""
        log = structlog.get_logger()
        if mistakes:
            log.error(
                "config.refused", mistakes=list(mistakes), message="what was in use stays in use until it is mended"
            )
        else:
            log.info("config.reloaded")

    def _tell_holds(self, log: structlog.stdlib.BoundLogger, plan: Plan) -> None:
        """Tell of every hold at first, then of those that came, changed or went."""
        unknown = {error.promotion for error in plan.errors if error.fatal}
        holds = {place: told for place, told in self._holds.items() if place[0] in unknown}
        for hold in plan.holds:
            place, told = (hold.promotion, hold.release), (hold.reason, hold.from_, hold.to)
            holds[place] = told
            if self._holds.get(place) != told:
                _tell_hold(log, hold, self._holds.get(place))
        for (promotion, release), (reason, *_) in self._holds.items():
            if (promotion, release) not in holds:
                log.info("hold.changed", promotion=promotion, release=str(release), reason=None, was=reason.value)
        self._holds = holds


def _tell_hold(log: structlog.stdlib.BoundLogger, hold: Hold, before: _Told | None) -> None:
    log.info(
        "hold.changed",
        promotion=hold.promotion,
        release=str(hold.release),
        reason=hold.reason.value,
        was=before[0].value if before else None,
        message=hold.message,
        **{"from": hold.from_, "to": hold.to},
    )


def _tell_error(log: structlog.stdlib.BoundLogger, error: Failure) -> None:
    level, event = (logging.ERROR, "promotion.unreadable") if error.fatal else (logging.WARNING, "input.skipped")
    log.log(level, event, promotion=error.promotion, subject=error.subject, message=error.message)


def _tell_outcome(log: structlog.stdlib.BoundLogger, outcome: Outcome) -> None:
    subject = outcome.action.subject
    level, event = logging.ERROR if outcome.result is Result.FAILED else logging.INFO, f"action.{outcome.result}"
    log.log(
        level,
        event,
        action=verb(outcome.action),
        promotion=subject.promotion,
        release=str(subject.release),
        branch=subject.branch,
        message=outcome.message or subject.message,
        **{"from": subject.from_, "to": subject.to},
    )


def _counts(report: Report) -> dict[str, object]:
    """Count a pass. ``failed`` is what makes it one that failed: unreadable promotions and failed actions."""
    plan = report.plan
    others = (*plan.holds, *plan.in_sync, *plan.proposed)
    return {
        "releases": sum(len(action.subject.releases) for action in plan.actions) + len(others),
        "actions": dict(Counter(map(verb, plan.actions))),
        "holds": {reason.value: count for reason, count in held_by_reason(plan.holds)},
        "in_sync": len(plan.in_sync),
        "proposed": len(plan.proposed),
        "errors": len(plan.errors),
        "failed": sum(error.fatal for error in plan.errors)
        + sum(outcome.result is Result.FAILED for outcome in report.outcomes),
    }
