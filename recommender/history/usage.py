"""Which queries read the usage of containers, and what becomes of their replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.history.client import RangeQuery
from recommender.history.container import ContainerRows
from recommender.history.cpu import CpuReader, CpuReduction
from recommender.history.memory import (
    HourGrid,
    KillReader,
    MemoryReader,
    MemoryReduction,
    plan_kills,
)
from recommender.history.pipeline import Job
from recommender.history.plan import at_points, split_points
from recommender.history.schema import KILLS
from recommender.history.selector import match_any
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from recommender.history.cpu import CounterEnd
    from recommender.history.discovery import Inventory
    from recommender.history.plan import NamespaceGroup
    from recommender.history.schema import UsageSchema
    from recommender.history.scope import Scope
    from recommender.model.history import TimeGrid
    from recommender.model.identity import WorkloadRef

_PEAK_LABEL_BYTES = 150
# In one query of memory. Its reply is small, but the store looks at each sample for it: one query
# for the whole window would be the last one under way, for as long as all others together.
_PEAK_DAYS = 2


class LivingPod(msgspec.Struct, frozen=True):
    """A pod with usage in the last bin, and how many containers of it have some."""

    namespace: str
    name: str
    workload: WorkloadRef
    containers: int


class UsageReading:
    """Makes the jobs that read the usage of some groups of namespaces over a grid.

    `schema` is None where there is no usage. With `after`, the end of an earlier reading for
    each group, only the points after it are read, and memory over `memory_grid`. `spare` days of
    room follow the grid in the reductions.
    """

    def __init__(
        self,
        grid: TimeGrid,
        scope: Scope,
        inventory: Inventory,
        groups: Sequence[NamespaceGroup],
        *,
        schema: UsageSchema | None,
        after: Sequence[CounterEnd] = (),
        memory_grid: TimeGrid | None = None,
        spare: int = 0,
    ) -> None:
        self.grid = grid
        self.groups = tuple(groups) if schema else ()
        self.schema = schema
        self.memory_grid = memory_grid or grid
        self.rows = ContainerRows(scope.owners, scope.wanted)
        room = sum(group.series for group in self.groups)
        self.cpu = CpuReduction(grid, room=room, spare=spare)
        self.memory = MemoryReduction(self.memory_grid, room=room, spare=spare)
        self.kills = KillReader(goes_on=bool(after))
        befores: Sequence[CounterEnd | None] = after or [None] * len(self.groups)
        self.counters = tuple(
            CpuReader(self.cpu, grid, self.rows.identify_cpu, after=before) for before in befores
        )
        self._has_kills = inventory.has(*KILLS)
        asked = scope.namespaces
        self._matcher = "" if asked is None else match_any("namespace", asked)
        self._memory_readers: list[MemoryReader] = []

    def kill_jobs(self) -> Iterator[Job]:
        """To be run before the others: what names kills tells which memory is of interest."""
        if self.groups and self._has_kills:
            for query in plan_kills(self.memory_grid, self._matcher):
                yield Job(query, self.kills.read)

    def jobs(self) -> Iterator[Job]:
        yield from self.cpu_jobs()
        yield from self.memory_jobs()

    def cpu_jobs(self) -> Iterator[Job]:
        if self.schema is not None:
            for group, counter in zip(self.groups, self.counters, strict=True):
                yield from self._cpu_jobs(self.schema, group, counter)

    def memory_jobs(self) -> Iterator[Job]:
        if self.schema is not None:
            for group in self.groups:
                yield from self._memory_jobs(self.schema, group)

    def _cpu_jobs(
        self, schema: UsageSchema, group: NamespaceGroup, reader: CpuReader
    ) -> Iterator[Job]:
        query, points = schema.cpu_query(group.matcher), reader.points
        for part in points.split(series=group.series):
            yield Job(at_points(query, part, start=points.origin, step=points.step), reader.read)

    def _memory_jobs(self, schema: UsageSchema, group: NamespaceGroup) -> Iterator[Job]:
        hours = HourGrid(self.memory_grid)
        reader = MemoryReader(
            self.memory, self.memory_grid, self.rows.identify_memory, kills=self.kills.kills
        )
        self._memory_readers.append(reader)
        query = schema.memory_query(group.matcher, seconds=hours.step)
        # Point 0 ends no hour of the grid.
        parts = split_points(
            hours.points - (hours.rest > 0),
            series=group.series,
            label_bytes=_PEAK_LABEL_BYTES,
            offset=1,
            longest=_PEAK_DAYS * DAY // hours.step,
        )
        for part in parts:
            yield Job(at_points(query, part, start=hours.start, step=hours.step), reader.read)
        if hours.rest:
            query = schema.memory_query(group.matcher, seconds=hours.rest)
            end = self.grid.end
            yield Job(RangeQuery(query, end, end, hours.step, first_at=hours.points), reader.read)

    def finish(self) -> None:
        """Hand over what was held back; to be called once, after all jobs."""
        for reader in self._memory_readers:
            reader.finish()

    def living(self) -> list[LivingPod]:
        """The pods of which a counter was seen at the end; to be called after all `cpu_jobs`."""
        alive: set[int] = set()
        for counter in self.counters:
            alive.update(counter.living().tolist())
        found = []
        for namespace, pod, workload, names in self.rows.pods():
            count = sum(hash((namespace, pod, name)) in alive for name in names)
            if count:
                found.append(LivingPod(namespace, pod, workload, count))
        return found

    def rests(self) -> NDArray[np.int64]:
        """The rows of the pods that are at rest in the last bin, see `CpuReader.rests`."""
        return np.concatenate([np.zeros(0, np.int64), *(each.rests() for each in self.counters)])

    def add_rests(self) -> None:
        """Let the pods that are at rest at the end count there for good."""
        rows = self.rests()
        last = np.full(len(rows), self.grid.bins - 1, np.int32)
        self.cpu.add(rows, last, np.zeros(len(rows)))
