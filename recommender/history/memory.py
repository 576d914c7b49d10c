"""Memory of workload containers: hourly peaks of pods to daily peaks of workloads, and kills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.history.client import RangeQuery
from recommender.history.container import pod_key
from recommender.history.growing import RowArray
from recommender.history.registry import IGNORED, SeriesRegistry
from recommender.history.selector import CONTAINERS, join_matchers
from recommender.sizing.histogram import STOCK_MEMORY
from recommender.units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from recommender.history.matrix import Matrix
    from recommender.history.registry import Identity
    from recommender.history.sample import Points
    from recommender.model.history import TimeGrid

    Kills = Mapping[tuple[str, ...], int]


class HourGrid:
    """Hours that end with the grid: point i is at start + i hours, and a peak at point i is of
    the hour before it. The first hour may begin before the grid.
    """

    def __init__(self, grid: TimeGrid) -> None:
        self.step = max(HOUR, grid.step)
        self.points = -(-grid.bins * grid.step // self.step)
        self.start = grid.end - self.points * self.step
        self._end = grid.end
        self._days = grid.days

    def days_of(self, points: NDArray[np.int32]) -> NDArray[np.int64]:
        """The day of the grid in which the hour before each point lies."""
        return np.maximum(self._days - 1 - (self.points - points) * self.step // DAY, 0)


class MemoryReduction:
    """Memory of all rows; see `UsageHistory` for the meaning of the arrays. Zero is none."""

    def __init__(self, grid: TimeGrid, *, room: int) -> None:
        self.days = RowArray((grid.days,), np.float32, room=room)
        self.decayed = RowArray((STOCK_MEMORY.count,), np.float64, room=room)
        self.oom_bytes: dict[int, tuple[int, float]] = {}
        age = np.arange(grid.days)[::-1]
        self._weight = np.exp2(-age.astype(np.float64))  # of a day's end, half in a day

    def add_peaks(self, row: NDArray[np.int64], peaks: NDArray[np.float32]) -> None:
        """Daily peaks [G, D] of pods' containers, zero where there is none; their rows [G]."""
        group, day = np.nonzero(peaks)
        if not len(group):
            return
        rows, values, owner = int(row.max()) + 1, peaks[group, day], row[group]
        np.maximum.at(self.days.grow(rows), (owner, day), values)
        bucket = STOCK_MEMORY.index(values)
        np.add.at(self.decayed.grow(rows), (owner, bucket), self._weight[day])

    def add_kill(self, row: int, at: int, amount: float) -> None:
        """Bytes in use at a kill for memory; the newest kill of a row counts."""
        self.oom_bytes[row] = max(self.oom_bytes.get(row, (0, 0.0)), (at, amount))


class MemoryReader:
    """Replies with hourly peaks of one group of namespaces into a `MemoryReduction`.

    `kills` gives the hour point of the newest kill of a pod's container (labels POD_LABELS).
    """

    def __init__(
        self,
        reduction: MemoryReduction,
        grid: TimeGrid,
        identify: Callable[[Mapping[str, str]], Identity],
        *,
        kills: Kills,
    ) -> None:
        self._reduction = reduction
        self._hours = HourGrid(grid)
        self._registry = SeriesRegistry(identify)
        self._peaks = RowArray((grid.days,), np.float32)
        self._kills = kills
        self._killed: dict[int, tuple[int, float]] = {}

    def read(self, matrix: Matrix) -> None:
        series, points = self._registry.find(matrix.metrics), matrix.points
        if not len(points.at):
            return
        group = self._registry.group[series]
        peaks = self._peaks.grow(self._registry.groups)
        where = np.repeat(group * peaks.shape[1], points.counts) + self._hours.days_of(points.at)
        np.maximum.at(peaks.reshape(-1), where, points.values.astype(np.float32))
        self._read_kills(group, points)

    def _read_kills(self, group: NDArray[np.int64], points: Points) -> None:
        """Highest use in the hour of a kill and the one before: a kill resets the gauge."""
        ends = np.cumsum(points.counts)
        for key, kill in self._kills.items():
            number = self._registry.group_of(key)
            if number is None:
                continue
            for each in np.flatnonzero(group == number):
                part = slice(ends[each] - points.counts[each], ends[each])
                near = (points.at[part] == kill) | (points.at[part] == kill - 1)
                if near.any():
                    highest = float(points.values[part][near].max())
                    known = self._killed.get(number, (kill, 0.0))
                    self._killed[number] = (kill, max(known[1], highest))

    def finish(self) -> None:
        """Hand the pods' peaks over; to be called once, after the last reply."""
        row = np.full(self._registry.groups, IGNORED)
        row[self._registry.group] = self._registry.row
        owned = row != IGNORED
        peaks = self._peaks.grow(self._registry.groups)[: self._registry.groups]
        self._reduction.add_peaks(row[owned], peaks[owned])
        for group, (at, amount) in self._killed.items():
            if row[group] != IGNORED:
                self._reduction.add_kill(int(row[group]), at, amount)


def plan_kills(grid: TimeGrid, namespaces: str) -> RangeQuery:
    """Containers that were killed for memory: the last reason of kube-state-metrics, and the
    counter of cAdvisor, which often dies with the container it counts.
    """
    hours = HourGrid(grid)
    by = "max by (namespace,pod,container) "
    reason = join_matchers('reason="OOMKilled"', namespaces)
    events = join_matchers(CONTAINERS, namespaces)
    query = (
        f"{by}(kube_pod_container_status_last_terminated_reason{reason}) == 1"
        f" or {by}(container_oom_events_total{events}) > 0"
    )
    return RangeQuery(query, hours.start, grid.end, hours.step)


def find_kills(matrix: Matrix) -> dict[tuple[str, ...], int]:
    """The hour point of the newest kill of each pod's container.

    The series are there once a kill happened and rise with further ones. One that is there
    from the first point on was killed before the window, or it cannot be known when: it counts
    as killed in the first hour.
    """
    kills: dict[tuple[str, ...], int] = {}
    for labels, at, values in matrix.series():
        is_new = np.r_[True, (np.diff(at) > 1) | (np.diff(values) > 0)]
        key = pod_key(labels)
        kills[key] = max(kills.get(key, 1), int(at[is_new][-1]))
    return kills
