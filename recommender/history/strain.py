"""How containers fared by hour: held back by their limits, waiting for a CPU.

One value for each pod's container and hour, computed by the store: it looks at the samples anyway
and sends a few hundred numbers for two weeks. Limits that held nothing back are not sent.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.history.container import ContainerRows
from recommender.history.growing import RowArray
from recommender.history.pipeline import Job
from recommender.history.plan import at_points, split_points
from recommender.history.registry import IGNORED, SeriesRegistry
from recommender.history.selector import CONTAINERS, join_matchers
from recommender.model.history import SourceChoice
from recommender.units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from recommender.history.discovery import Inventory
    from recommender.history.matrix import Matrix
    from recommender.history.plan import NamespaceGroup
    from recommender.history.scope import Scope
    from recommender.model.history import TimeGrid, UsageHistory
    from recommender.model.identity import ContainerRef, PodOwners

    Name = Literal["throttled", "pressure"]
    Row = NDArray[np.float32]

_BY = "sum by (namespace,pod,container,workload,workload_kind)"
_LABEL_BYTES = 200
_PART_DAYS = 15  # in one query: its reply is small, and what a window takes is bounded by queries
_LEAST_THROTTLED = 0.001  # that is sent
_PRESSURE_DAYS = 8
"""Pressure decides nothing that is older: the guard looks at a week."""


class StrainSource(msgspec.Struct, frozen=True):
    """Series that tell of one kind of strain; all of `metrics` must be there.

    `query` has SELECTOR for the matchers in braces. `absent` is what a container without a value
    has in hours that were asked for.
    """

    name: Name
    schema: str
    metrics: tuple[str, ...]
    query: str
    absent: float
    days: int | None = None


def _increase(metric: str) -> str:
    return f"{_BY} (increase({metric}SELECTOR[{HOUR}s]))"


_PERIODS = ("container_cpu_cfs_throttled_periods_total", "container_cpu_cfs_periods_total")
_SECONDS = ("joulefit_container_throttled_seconds_total", "joulefit_container_cpu_seconds_total")
_WAITING = "container_pressure_cpu_waiting_seconds_total"

# Best first for each kind.
SOURCES = (
    # Periods are counted only where there is a limit: without one there is no series, and nothing
    # that was held back.
    StrainSource(
        "throttled",
        "cadvisor",
        _PERIODS,
        f"{_increase(_PERIODS[0])} / {_increase(_PERIODS[1])} > {_LEAST_THROTTLED}",
        absent=0.0,
    ),
    # CPU time that was wanted is what was had and what was waited for.
    StrainSource(
        "throttled",
        "joulefit",
        _SECONDS,
        f"{_increase(_SECONDS[0])} / ({_increase(_SECONDS[0])} + {_increase(_SECONDS[1])})"
        f" > {_LEAST_THROTTLED}",
        absent=0.0,
    ),
    StrainSource(
        "pressure",
        "cadvisor",
        (_WAITING,),
        f"max by (namespace,pod,container) (rate({_WAITING}SELECTOR[{HOUR}s]))",
        absent=np.nan,
        days=_PRESSURE_DAYS,
    ),
)

STRAIN_METRICS = (_PERIODS[0], _SECONDS[0], _WAITING)
"""Those to look for beside usage."""


def choose_strain(inventory: Inventory) -> tuple[StrainSource, ...]:
    """The best source of each kind whose first series the store has."""
    chosen: dict[str, StrainSource] = {}
    for source in SOURCES:
        if inventory.has(source.metrics[0]):
            chosen.setdefault(source.name, source)
    return tuple(chosen.values())


def describe_strain(inventory: Inventory) -> tuple[SourceChoice, ...]:
    names = {"throttled": "throttling", "pressure": "cpu pressure"}
    return tuple(
        SourceChoice(names[each.name], each.schema, f"{' and '.join(each.metrics)}, by hour")
        for each in choose_strain(inventory)
    )


class HourTable(msgspec.Struct, frozen=True):
    """One kind of strain by container and hour of the clock, from hour `first` up to `end`.

    Throttling is the sum over the pods, pressure their mean.
    """

    source: StrainSource
    first: int
    end: int
    rows: dict[ContainerRef, Row] = msgspec.field(default_factory=dict)

    def row(self, ref: ContainerRef) -> Row:
        """The hours of a container."""
        found = self.rows.get(ref)
        return self._absent(self.end - self.first) if found is None else found

    def _absent(self, hours: int) -> Row:
        return np.full(hours, self.source.absent, np.float32)

    def extended(self, newer: HourTable) -> HourTable:
        """With the hours that follow."""
        refs = {**self.rows, **newer.rows}
        rows = {ref: np.concatenate((self.row(ref), newer.row(ref))) for ref in refs}
        return HourTable(self.source, self.first, newer.end, rows)

    def joined(self, other: HourTable) -> HourTable:
        """With containers of the same hours."""
        return replace(self, rows={**self.rows, **other.rows})

    def since(self, first: int, wanted: Iterable[ContainerRef]) -> HourTable:
        """Without what is older, for these containers."""
        cut = max(first - self.first, 0)
        kept = {ref: self.rows[ref][cut:] for ref in wanted if ref in self.rows}
        return replace(self, first=self.first + cut, rows=kept)

    def place(self, usage: UsageHistory) -> Row:
        """The array of `UsageHistory` [W, H]; NaN in hours that are not known."""
        grid = usage.grid
        found = np.full((len(usage.containers), grid.hours), np.nan, np.float32)
        begin, end = max(self.first, grid.first_hour), min(self.end, grid.first_hour + grid.hours)
        if begin >= end:
            return found
        part = slice(begin - self.first, end - self.first)
        to = slice(begin - grid.first_hour, end - grid.first_hour)
        found[:, to] = self.source.absent
        for row, ref in enumerate(usage.containers):
            if ref in self.rows:
                found[row, to] = self.rows[ref][part]
                if self.source.name == "throttled":
                    found[row] = np.minimum(found[row] / _pods_by_hour(usage, row), 1.0)
        return found


def _pods_by_hour(usage: UsageHistory, row: int) -> Row:
    """Mean pods in the bins of an hour that have some, at least one, [H]."""
    grid, present = usage.grid, np.flatnonzero(usage.pods[row])
    hour = np.asarray(grid.hour_of(present))
    total = np.bincount(hour, usage.pods[row, present], grid.hours)
    bins = np.bincount(hour, minlength=grid.hours)
    return np.maximum(total / np.maximum(bins, 1), 1.0).astype(np.float32)


def place_strain(tables: Iterable[HourTable], usage: UsageHistory) -> UsageHistory:
    """The usage with what is known of its strain."""
    found: dict[str, Any] = {table.source.name: table.place(usage) for table in tables}
    return replace(usage, **found)


Span: TypeAlias = "tuple[StrainSource, int, int]"
"""What is to be read: a source, the first hour and the one after the last."""


def plan_spans(grid: TimeGrid, sources: Iterable[StrainSource]) -> list[Span]:
    """The whole hours of a grid."""
    end = grid.end // HOUR
    spans = []
    for source in sources:
        days = source.days or grid.days + 1
        spans.append((source, max(grid.first_hour, end - days * DAY // HOUR), end))
    return spans


def plan_following(tables: Iterable[HourTable], grid: TimeGrid) -> list[Span]:
    """The hours after those of the tables, up to the end of a grid."""
    return [(each.source, each.end, max(grid.end // HOUR, each.end)) for each in tables]


def plan_same(tables: Iterable[HourTable]) -> list[Span]:
    """The hours of the tables."""
    return [(each.source, each.first, each.end) for each in tables]


class StrainReading:
    """Makes the jobs that read some hours, and the tables of what they find, one for each span.

    `owners` may be replaced by better ones before the first reply.
    """

    def __init__(
        self, scope: Scope, spans: Iterable[Span], groups: Sequence[NamespaceGroup]
    ) -> None:
        self.owners: PodOwners = scope.owners
        self._wanted = scope.wanted
        self._groups = groups
        self._readers = tuple(_Reader(*span, rows=self._rows) for span in spans)

    @cached_property
    def _containers(self) -> ContainerRows:
        return ContainerRows(self.owners, self._wanted)

    def _rows(self) -> ContainerRows:
        """Of all readers; made with the first reply."""
        return self._containers

    def jobs(self) -> Iterator[Job]:
        for reader in self._readers:
            for group in self._groups:
                yield from reader.jobs(group)

    def tables(self) -> tuple[HourTable, ...]:
        """To be called after all jobs."""
        return tuple(reader.table() for reader in self._readers)


class _Reader:
    """Replies of one source: a value for a pod's container at the end of an hour."""

    def __init__(
        self, source: StrainSource, first: int, end: int, *, rows: Callable[[], ContainerRows]
    ) -> None:
        self._source = source
        self._first, self._end = first, end
        hours = end - first
        self._sums = RowArray((hours,), np.float32)
        self._counts = RowArray((hours,), np.uint16)
        self._rows = rows

    def jobs(self, group: NamespaceGroup) -> Iterator[Job]:
        registry = SeriesRegistry(lambda labels: self._rows().identify_memory(labels))
        selector = join_matchers(CONTAINERS, group.matcher)
        query = self._source.query.replace("SELECTOR", selector)

        def take(matrix: Matrix) -> None:
            self._take(matrix, registry)

        for part in split_points(
            self._end - self._first,
            series=group.series,
            label_bytes=_LABEL_BYTES,
            offset=1,
            longest=_PART_DAYS * DAY // HOUR,
        ):
            yield Job(at_points(query, part, start=self._first * HOUR, step=HOUR), take)

    def _take(self, matrix: Matrix, registry: SeriesRegistry) -> None:
        points, series = matrix.points, registry.find(matrix.metrics)
        row = np.repeat(registry.row[series], points.counts)
        kept = (row != IGNORED) & np.isfinite(points.values)
        if not kept.any():
            return
        row, at = row[kept], points.at[kept] - 1  # the point ends the hour
        values = np.clip(points.values[kept], 0.0, 1.0).astype(np.float32)
        rows, hours = int(row.max()) + 1, self._end - self._first
        np.add.at(self._sums.grow(rows).reshape(-1), row * hours + at, values)
        np.add.at(self._counts.grow(rows).reshape(-1), row * hours + at, np.uint16(1))

    def table(self) -> HourTable:
        sums, counts = self._sums.rows, self._counts.rows
        if self._source.name == "pressure":
            with np.errstate(invalid="ignore", divide="ignore"):
                sums = sums / counts  # no pod: 0 / 0 is NaN
        seen = (counts > 0).sum(axis=1)
        rows = {
            ref: sums[number].copy()
            for number, ref in enumerate(self._rows().refs[: len(sums)])
            if seen[number]
        }
        return HourTable(self._source, self._first, self._end, rows)
