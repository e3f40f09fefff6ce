"""The words on a promotion: names of refs, title, commit message, and the marker in its trailers.

The marker is the only memory that there is. It is written here and read back here, and a commit without one is not
ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from reconciler.core.model import Key, Reason, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.model import Gate, Pin, Proof, Proposal, Status

BRANCHES: Final = "helm-promotion"
LEDGERS: Final = "refs/helm-promoter"
_TRAILER: Final = "Helm-Promoter-"
_REFUSED: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\/]|\.\.|@\{|^[.-]|\.$|\.lock$")
_LONGEST: Final = 200
_KEPT: Final = 40
_DIGITS: Final = 12
_NO_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The date of a commit whose evidence carries no usable time: any fixed one makes two processes agree."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What a promotion says of itself.

    ``proven`` dates its commits. ``since`` is when it was paused because its release or its pin is gone.
    """

    promotion: str
    releases: tuple[Key, ...]
    chart: str
    path: str
    from_: str
    to: str
    proven: datetime = _NO_TIME
    state: State = State.ARMED
    reason: Reason | None = None
    since: datetime | None = None


def branch(promotion: str, release: Key) -> str:
    """Name the promotion branch of a release."""
    return f"{BRANCHES}/{promotion}/{_safe(release.namespace)}/{_safe(release.name)}"


def ledger(branch: str) -> str:
    """Name the ref that remembers what we pushed last to a promotion branch."""
    return f"{LEDGERS}/{branch.removeprefix(BRANCHES + '/')}"


def promotion_of(branch: str) -> str:
    """Tell which promotion a branch belongs to by its name."""
    return branch.removeprefix(BRANCHES + "/").partition("/")[0]


def _safe(name: str) -> str:
    """Shorten a name that git refuses in a ref (git-check-ref-format)."""
    if not _REFUSED.search(name) and len(name.encode()) <= _LONGEST:
        return name
    kept = re.sub(r"[^A-Za-z0-9.-]|\.\.|^[.-]", "_", name[:_KEPT])
    return f"{kept}-{sha256(name.encode()).hexdigest()[:_DIGITS]}"


def title(release: Key, proof: Proof, promotion: str | None) -> str:
    """Write the title; the promotion's name goes in where several share a repository."""
    where = f" ({promotion})" if promotion else ""
    return f"Promote {release.name} release to v{proof.text.removeprefix('v')}{where}"


def marker(promotion: str, releases: tuple[Key, ...], chart: str, pin: Pin, written: tuple[Proof, str]) -> Marker:
    """Make the marker of a new promotion from its proof and the text that is written."""
    proof, text = written
    one_line = " ".join(chart.split())  # what a cluster says must not add trailers
    return Marker(promotion, releases, one_line, pin.path, pin.text, text, proof.since or _NO_TIME)


def message(title: str, marker: Marker, proof: Proof) -> str:
    """Write the message of a promotion's commit: title, evidence, marker."""
    return f"{title}\n\n{_evidence(marker, proof)}\n\n{_trailers(marker)}"


def restated(message: str, marker: Marker) -> str:
    """Write a commit's message again with another marker."""
    return message.rstrip().rpartition("\n\n")[0] + f"\n\n{_trailers(marker)}"


def withdrawn(marker: Marker, state: State, reason: Reason, since: datetime | None = None) -> Marker:
    """Give a marker that says that its promotion is withdrawn, and why."""
    return replace(marker, state=state, reason=reason, since=since)


# --- the commit status, which is how a pull request stands -----------------------------------------------------------

_STATES: Final = {"success": State.ARMED, "pending": State.PAUSED, "failure": State.DISARMED}
_CAUGHT_UP: Final = "production caught up"
_STATUS: Final = 140
"""The longest description that GitHub takes."""


def status(reason: Reason | None, message: str) -> str:
    """Write the text of a commit status: the reason first, because it is read back."""
    text = " ".join(f"{reason.value}: {message}".split() if reason else message.split())
    return text if len(text) <= _STATUS else f"{text[: _STATUS - 3]}..."


def caught_up(pinned: str) -> str:
    """Write the text of the last commit status of what production has reached."""
    return f"{_CAUGHT_UP}: it runs {pinned}"


def was_reached(status: Status) -> bool:
    """Tell whether we closed a pull request because production had reached its version."""
    return status.conclusion == _CLOSED and status.text.startswith(_CAUGHT_UP)


def was_closed(status: Status) -> bool:
    """Tell whether it was we who closed a pull request."""
    return status.conclusion == _CLOSED


_CLOSED: Final = "error"


def standing(marker: Marker, status: Status) -> Marker:
    """Give a marker as the commit status has it: how it stands, why, and since when."""
    word = status.text.partition(":")[0]
    reason = Reason(word) if word in set(Reason) else None
    state = _STATES.get(status.conclusion, State.PAUSED)
    return replace(marker, state=state, reason=reason, since=status.at)


def proven(proof: Proof) -> str:
    """Write the text of the commit status of what is proven."""
    count = len(proof.hooks)
    tests = f", {count} test{'' if count == 1 else 's'} passed" if count else ""
    return status(None, f"proven in staging: {proof.text}, revision {proof.revision}{tests}")


def body(marker: Marker, proof: Proof, gates: tuple[Gate, ...]) -> str:
    """Write the body of a pull request."""
    told = "".join(f"- {gate.gate}: {gate.message or 'passed'}\n" for gate in gates)
    return f"{_evidence(marker, proof)}\n\n{told}\n"


def contradicted(marker: Marker, message: str) -> str:
    """Write the comment on a pull request whose version is not proven any more."""
    return f"{marker.to} is not proven any more, so this is not merged by itself: {message}"


def farewell(message: str) -> str:
    """Write the comment with which a pull request is closed."""
    return f"Closed: {message}"


def _evidence(marker: Marker, proof: Proof) -> str:
    releases = ", ".join(str(release) for release in marker.releases)
    lines = [f"{marker.path}: {marker.from_} -> {marker.to}", f"Staging: {releases}, chart {marker.chart}"]
    lines += [f"- test {hook.name}: {hook.phase}{_took(hook.started, hook.completed)}" for hook in proof.hooks]
    if proof.since:
        lines.append(f"Proven since {_time(proof.since)} (revision {proof.revision})")
    return "\n".join(lines)


def _took(started: datetime | None, completed: datetime | None) -> str:
    if started is None or completed is None or completed < started:
        return ""
    return f" in {(completed - started).total_seconds():.0f} s"


def _trailers(marker: Marker) -> str:
    return "".join(f"{_TRAILER}{name}: {value}\n" for name, value in _fields(marker))


def _fields(marker: Marker) -> Iterator[tuple[str, str]]:
    yield "Promotion", marker.promotion
    for release in marker.releases:
        yield "Release", str(release)
    yield "Chart", marker.chart
    yield "Path", marker.path
    yield "From", marker.from_
    yield "To", marker.to
    yield "Proven", _time(marker.proven)
    yield "State", marker.state.value
    if marker.reason is not None:
        yield "Reason", marker.reason.value
    if marker.since is not None:
        yield "Since", _time(marker.since)


def marker_of(proposal: Proposal) -> Marker | None:
    """Read what a proposal says of itself, None where it is not ours: no ledger, or the marker of another promotion."""
    marker = read_marker(proposal.message) if proposal.ledger else None
    return marker if marker and marker.promotion == promotion_of(proposal.branch) else None


def read_marker(message: str) -> Marker | None:
    """Read the marker in a commit message's last paragraph, None where there is none, or a broken one."""
    lines = message.rstrip().rpartition("\n\n")[2].split("\n")
    found = [line.removeprefix(_TRAILER).partition(": ")[::2] for line in lines if line.startswith(_TRAILER)]
    fields = dict(found)
    try:
        return Marker(
            fields["Promotion"],
            _keys([value for name, value in found if name == "Release"]),
            fields["Chart"],
            fields["Path"],
            fields["From"],
            fields["To"],
            _read_time(fields["Proven"]),
            State(fields["State"]),
            Reason(fields["Reason"]) if "Reason" in fields else None,
            _read_time(fields["Since"]) if "Since" in fields else None,
        )
    except (KeyError, ValueError, OverflowError):
        return None


def _keys(texts: list[str]) -> tuple[Key, ...]:
    """Read NAMESPACE/NAME, one at least.

    Raises:
        ValueError: there is none, or one is something else.
    """
    pairs = [text.split("/") for text in texts]
    if not pairs:
        raise ValueError("no release")
    return tuple(Key(namespace, name) for namespace, name in pairs)


def _read_time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no time zone")
    return at.astimezone(UTC)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
