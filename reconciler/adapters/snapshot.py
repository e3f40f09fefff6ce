"""A recorded cluster: what ``kubectl get helmreleases,ocirepositories,helmcharts -A -o yaml`` (or json) printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from reconciler.adapters import flux
from reconciler.adapters.fleet import Gathering
from reconciler.core.model import Problem
from reconciler.core.yaml import ALL, AliasError, Keep, load, plain_value, stream_items
from reconciler.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from reconciler.core.model import Fleet, Scope

_CURE: Final = (
    "record it with: kubectl get helmreleases.helm.toolkit.fluxcd.io,ocirepositories.source.toolkit.fluxcd.io,"
    "helmcharts.source.toolkit.fluxcd.io -A -o yaml"
)
_CHART: Final = {
    "chart": ALL,
    "version": ALL,
    "sourceRef": ALL,
    "valuesFiles": ALL,
    "valuesFile": ALL,
    "reconcileStrategy": ALL,
}
_KEEP: Final = Keep(
    {
        "apiVersion": ALL,
        "kind": ALL,
        "metadata": Keep(
            {
                "name": ALL,
                "namespace": ALL,
                "generation": ALL,
                "labels": ALL,
                "annotations": ALL,
                "deletionTimestamp": ALL,
            }
        ),
        "spec": Keep(
            {
                **_CHART,
                "chart": Keep({"spec": Keep(_CHART)}),
                "chartRef": ALL,
                "suspend": ALL,
                "test": ALL,
                "ref": ALL,
            }
        ),
        "status": Keep({"observedGeneration": ALL, "history": ALL, "conditions": ALL, "artifact": ALL}),
    }
)


class _List(msgspec.Struct):
    kind: str = ""
    items: list[msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Implements ``Staging`` over a file. It is read anew at every look, so that it may be recorded again."""

    path: Path

    def observe(self, scopes: Sequence[Scope]) -> tuple[Fleet, ...]:
        """Read the recording, and give what each scope sees of it.

        Raises:
            Refused: it is not there, or is not what kubectl prints.
        """
        try:
            recorded = _Recorded.of(self._values())
        except AliasError:
            recorded = self._with_aliases()
        except OSError as error:
            raise Refused(f"{self.path} cannot be read: {error.strerror}; {_CURE}") from error
        except (ValueError, msgspec.DecodeError) as error:
            raise Refused(f"{self.path} is not what kubectl prints: {error}; {_CURE}") from error
        except RecursionError as error:
            raise Refused(f"{self.path} holds an object that is nested too deeply to be read; {_CURE}") from error
        return tuple(_seen(recorded, scope) for scope in scopes)

    def _with_aliases(self) -> _Recorded:
        """Read a recording that went through another program: no cluster prints aliases, but some writers do."""
        try:
            with self.path.open("rb") as file:
                return _Recorded.of(load(file))
        except ValueError as error:
            raise Refused(f"{self.path} is not what kubectl prints: {error}; {_CURE}") from error

    def _values(self) -> Iterator[object]:
        with self.path.open("rb") as file:
            first = file.read(1)
            file.seek(0)
            yield from _json_values(file.read()) if first == b"{" else _yaml_values(file)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What a recording holds, and what in it is no object that could be told by name."""

    objects: tuple[flux.Found, ...]
    problems: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[object]) -> _Recorded:
        """Translate every object. One that is none sinks only itself, unless there is nothing else.

        Raises:
            ValueError: nothing in it is of a kind that is read, though it is not an empty list either.
        """
        objects: list[flux.Found] = []
        problems: list[str] = []
        others: list[str] = []
        for value in values:
            try:
                one = flux.decode(value)
            except ValueError as error:
                problems.append(str(error))
                continue
            if isinstance(one, flux.Found):
                objects.append(one)
            elif not one.kind.endswith("List"):
                others.append(one.kind)
        if not objects and (problems or others):
            raise ValueError(problems[0] if problems else f"it holds a {others[0]} and no HelmRelease")
        return cls(tuple(objects), tuple(problems))


def _json_values(data: bytes) -> Iterator[object]:
    """Decode the objects one by one: all of them at once would need many times the room of the file."""
    whole = msgspec.json.decode(data, type=_List)
    if whole.items is None:
        yield msgspec.json.decode(data)
        return
    yield {"apiVersion": "v1", "kind": whole.kind}
    for raw in whole.items:
        yield msgspec.json.decode(raw)


def _yaml_values(file: BinaryIO) -> Iterator[object]:
    empty = True
    for node in stream_items(file, _KEEP):
        empty = False
        yield plain_value(node)
    if empty:
        raise ValueError("it is empty")


def _seen(recorded: _Recorded, scope: Scope) -> Fleet:
    gathering = Gathering(scope, errors=[Problem("recording", problem) for problem in recorded.problems])
    for found in recorded.objects:
        gathering.add(found)
    return gathering.fleet()
