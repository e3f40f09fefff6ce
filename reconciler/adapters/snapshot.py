"""A recorded cluster: what ``kubectl get helmreleases,ocirepositories,helmcharts -A -o yaml`` (or json) printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from reconciler.adapters import flux
from reconciler.core.model import Fleet, HelmChart, OCIRepository, Problem, Unreadable
from reconciler.core.selector import Selector
from reconciler.core.yaml import ALL, AliasError, Keep, load, plain_value, stream_items
from reconciler.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from reconciler.core.model import HelmRelease, Key, Scope

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
    """Give what a scope sees: releases by namespace and selector, but every source that they may refer to."""
    selector = Selector.parse(scope.selector)
    releases: dict[Key, HelmRelease | Unreadable] = {}
    repositories: list[OCIRepository] = []
    charts: list[HelmChart] = []
    errors = [Problem("recording", problem) for problem in recorded.problems]
    for found in recorded.objects:
        match found.object:
            case OCIRepository():
                repositories.append(found.object)
            case HelmChart():
                charts.append(found.object)
            case Unreadable() if found.kind != flux.HELM_RELEASE:
                errors.append(Problem(f"{found.kind} {found.key}", found.object.message))
            case _ if _wanted(found, scope, selector):
                twice = Unreadable(found.key, f"HelmRelease {found.key} is recorded twice; record the cluster again")
                releases[found.key] = twice if found.key in releases else found.object
    empty = tuple(_empty(releases, scope))
    return Fleet(tuple(releases.values()), tuple(repositories), tuple(charts), tuple(errors), empty)


def _wanted(found: flux.Found, scope: Scope, selector: Selector) -> bool:
    return (scope.namespaces == ("*",) or found.key.namespace in scope.namespaces) and selector.matches(found.labels)


def _empty(releases: Iterable[Key], scope: Scope) -> Iterator[Problem]:
    """Tell the namespaces that hold nothing: more often a slip of the pen than meant."""
    inhabited = {key.namespace for key in releases}
    chosen = f' that the selector "{scope.selector}" admits' if scope.selector else ""
    for namespace in scope.namespaces:
        if namespace == "*" and not inhabited:
            cure = "mend the selector" if scope.selector else "record or name another cluster"
            yield Problem("*", f"staging has no HelmRelease{chosen} in any namespace; {cure}")
        elif namespace != "*" and namespace not in inhabited:
            message = (
                f'staging has no HelmRelease{chosen} in the namespace "{namespace}"; mend or remove it in namespaces'
            )
            yield Problem(namespace, message)
