"""The marker: what a promotion says of itself in the trailers of its commit.

It is the only memory that there is. It is written here and read back here, and a commit without one is not ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from reconciler.core.model import Key, Reason, State
from reconciler.core.pull_request.markdown import inert
from reconciler.core.pull_request.names import promotion_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.core.model import Pin, Proof, Proposal

_TRAILER: Final = "Helm-Promoter-"
STATE: Final = f"{_TRAILER}State: "
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


def marker(promotion: str, releases: tuple[Key, ...], chart: str, pin: Pin, written: tuple[Proof, str]) -> Marker:
    """Make the marker of a new promotion from its proof and the text that is written.

    What a cluster calls its chart may not add trailers, nor mean anything where commit messages are shown.
    """
    proof, text = written
    return Marker(promotion, releases, inert(chart), pin.path, pin.text, text, proof.since or _NO_TIME)


def withdrawn(marker: Marker, state: State, reason: Reason, since: datetime | None = None) -> Marker:
    """Give a marker that says that its promotion is withdrawn, and why."""
    return replace(marker, state=state, reason=reason, since=since)


def trailers(marker: Marker) -> str:
    """Write the marker as the last lines of a commit message."""
    return "".join(f"{_TRAILER}{name}: {value}\n" for name, value in _fields(marker))


def restated(message: str, marker: Marker) -> str:
    """Write a commit's message again with another marker. Trailers that are not the marker's stay."""
    head, _, last = message.rstrip().rpartition("\n\n")
    others = "".join(f"{line}\n" for line in last.split("\n") if not line.startswith(_TRAILER))
    return f"{head}\n\n{trailers(marker)}{others}"


def told(at: datetime) -> str:
    """Write a time as Kubernetes does: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fields(marker: Marker) -> Iterator[tuple[str, str]]:
    yield "Promotion", marker.promotion
    for release in marker.releases:
        yield "Release", str(release)
    yield "Chart", marker.chart
    yield "Path", marker.path
    yield "From", marker.from_
    yield "To", marker.to
    yield "Proven", told(marker.proven)
    yield "State", marker.state.value
    if marker.reason is not None:
        yield "Reason", marker.reason.value
    if marker.since is not None:
        yield "Since", told(marker.since)


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
