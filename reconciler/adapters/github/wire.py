"""How GitHub is asked: reads are tried again, writes never, and every refusal becomes one sentence with its cure."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

import msgspec

from reconciler.adapters.github.refusal import Problem, refusal, sentence
from reconciler.adapters.github.transport import Lost
from reconciler.ports import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from reconciler.adapters.github.budget import Budget
    from reconciler.adapters.github.credentials import Credential
    from reconciler.adapters.github.transport import Answer, Transport
    from reconciler.ports import PortError

_LOG: Final = logging.getLogger(__name__)
_TRIES: Final = 3
_OK, _NOT_MODIFIED, _UNAUTHORIZED, _BROKEN = 200, 304, 401, 500

T = TypeVar("T")


class _Envelope(msgspec.Struct):
    """What GraphQL answers with."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[Problem] = []


@dataclass(frozen=True, slots=True)
class Step:
    """One mutation of a document. ``shows`` is what to select of its payload."""

    name: str
    field: str
    input: Mapping[str, object]
    shows: str = "clientMutationId"

    @property
    def kind(self) -> str:
        """The type of its input, as GitHub names them all."""
        return f"{self.field[0].upper()}{self.field[1:]}Input"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of the steps of a document, by their names: payloads of those that took place, and problems."""

    payloads: Mapping[str, msgspec.Raw]
    problems: tuple[Problem, ...]

    def problem(self, name: str) -> Problem | None:
        """Say what went wrong with a step that did not take place."""
        if name in self.payloads:
            return None
        return next((problem for problem in self.problems if problem.step == name), Problem("gave no answer"))

    def payload(self, name: str, kind: type[T]) -> T:
        """Read what a step gave back."""
        return decoded(self.payloads[name], kind)


@dataclass(eq=False, kw_only=True)
class Wire:
    """One credential's line to GitHub. ``requests`` counts what was sent by kind (read, write) and outcome."""

    transport: Transport
    credential: Credential
    budget: Budget
    repository: str
    sleep: Callable[[float], None] = field(repr=False)
    jitter: Callable[[], float] = field(repr=False)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter, init=False)

    # --- reading ---

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, good: Collection[int] = (_OK,)) -> Answer:
        """Read by REST, below the repository. Other than good answers are refusals.

        Raises:
            PortError: there is no answer, or a refusal.
        """
        url = f"/repos/{self.repository}{path}"
        answer = self._retried(lambda: self._sent("read", "GET", url, headers=headers))
        if answer.status not in good:
            raise self._refusal(answer)
        return answer

    def query(self, document: str, kind: type[T], **variables: object) -> tuple[T, tuple[Problem, ...]]:
        """Read by GraphQL: what was found, and what could not be.

        Raises:
            PortError: there is no answer, or nothing in it.
        """
        body = {"query": document, "variables": variables}
        answer = self._retried(lambda: self._sent("read", "POST", self.transport.graphql_url, body=body))
        found = self._envelope(answer)
        if is_null(found.data):
            self._give_up(answer, found.errors)
        try:
            return decoded(found.data, kind), tuple(found.errors)
        except Unavailable:
            if found.errors:  # what may not be seen leaves holes, and tells why
                raise self.problem(found.errors[0], answer.headers) from None
            raise

    def _retried(self, send: Callable[[], Answer]) -> Answer:
        """Try a read again when the line or the server broke, a little later each time."""
        for attempt in range(1, _TRIES):
            try:
                answer = send()
            except Lost:
                answer = None
            if answer is not None and answer.status < _BROKEN:
                return answer
            self.sleep(attempt * (0.5 + self.jitter()))
        return send()

    # --- writing ---

    def mutate(self, steps: Sequence[Step]) -> Done:
        """Write by one GraphQL document. Its steps run in order, and one that fails stops no other.

        Raises:
            PortError: nothing is known of what became of it, or none of it could be.
        """
        variables = ", ".join(f"${step.name}: {step.kind}!" for step in steps)
        fields = " ".join(f"{step.name}: {step.field}(input: ${step.name}) {{ {step.shows} }}" for step in steps)
        body = {"query": f"mutation({variables}) {{ {fields} }}", "variables": {s.name: s.input for s in steps}}
        answer = self._written("POST", self.transport.graphql_url, body)
        found = self._envelope(answer)
        if is_null(found.data):
            self._give_up(answer, found.errors)
        payloads = decoded(found.data, dict[str, msgspec.Raw])
        there = {name: payload for name, payload in payloads.items() if not is_null(payload)}
        return Done(there, tuple(found.errors))

    def post(self, path: str, body: Mapping[str, object]) -> None:
        """Write by REST, below the repository.

        Raises:
            PortError: nothing is known of what became of it, or it was refused.
        """
        answer = self._written("POST", f"/repos/{self.repository}{path}", body)
        if answer.status >= 300:  # noqa: PLR2004 - HTTP's own
            raise self._refusal(answer)

    def _written(self, verb: str, url: str, body: Mapping[str, object]) -> Answer:
        self.budget.write()
        self.budget.count()
        try:
            answer = self._sent("write", verb, url, body=body)
        except Lost as error:
            raise Unavailable(f"{error}; the next pass looks what became of it") from error
        if answer.status >= _BROKEN:
            message = f"GitHub broke off (status {answer.status}); the next pass looks what became of it"
            raise Unavailable(message)
        return answer

    # --- both ---

    def _sent(
        self, kind: str, verb: str, url: str, *, headers: Mapping[str, str] | None = None, body: object = None
    ) -> Answer:
        """Send a request once; once more only if its token was refused and there is another."""
        self.budget.ask()
        answer = self._counted(kind, verb, url, headers, body)
        if answer.status == _UNAUTHORIZED and self.credential.renew():
            answer = self._counted(kind, verb, url, headers, body)
        self.budget.heed(answer)
        return answer

    def _counted(self, kind: str, verb: str, url: str, headers: Mapping[str, str] | None, body: object) -> Answer:
        try:
            answer = self.transport.exchange(verb, url, headers=headers, body=body)
        except Lost:
            self.requests[kind, "lost"] += 1
            raise
        self.requests[kind, str(answer.status)] += 1
        return answer

    def _envelope(self, answer: Answer) -> _Envelope:
        if answer.status != _OK:
            raise self._refusal(answer)
        return decoded(answer.body.encode(), _Envelope)

    def _give_up(self, answer: Answer, problems: Sequence[Problem]) -> NoReturn:
        if not problems:
            raise Unavailable("GitHub's answer cannot be understood; the next pass asks again")
        raise self.problem(problems[0], answer.headers)

    def _refusal(self, answer: Answer) -> PortError:
        return refusal(answer, self.repository, self.credential.about)

    def problem(self, problem: Problem, headers: Mapping[str, str] | None = None) -> PortError:
        """Put a problem of GraphQL into a sentence with its cure."""
        return sentence(problem, headers or {}, self.repository, self.credential.about)


def is_null(raw: msgspec.Raw) -> bool:
    """Tell whether a part of an answer is nothing."""
    return bytes(raw) == b"null"


def decoded(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Read JSON.

    Raises:
        Unavailable: it is of another shape, or cut off.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable("GitHub's answer cannot be understood; the next pass asks again") from error
