"""Memory of workload containers: hourly peaks of pods to daily peaks of workloads, and kills."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.history.client import RangeQuery
from recommender.history.container import pod_key
from recommender.history.growing import RowArray
from recommender.history.registry import IGNORED, SeriesRegistry
from recommender.history.selector import CONTAINERS, join_matchers
from recommender.sizing.histogram import STOCK_MEMORY
from recommender.units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from recommender.history.matrix import Matrix
    from recommender.history.registry import Identity
    from recommender.history.sample import Points
    from recommender.model.history import TimeGrid

    Kills = Mapping[tuple[str, ...], int]


class HourGrid:
    """Hours that end with the days of the grid: point i is at start + i hours, and a peak at
    point i is of the hour before it. The first hour may begin before the grid. Of the last one
    only `rest` seconds may have passed; its point stands for the end of the grid. Zero: it is
    whole.
    """

    def __init__(self, grid: TimeGrid) -> None:
        self.step = max(HOUR, grid.step)
        newest = grid.open_bins * grid.step
        before = -((grid.open_bins - grid.bins) * grid.step // self.step)
        self.start = grid.end - newest - before * self.step
        self.points = before + -(-newest // self.step)
        self.rest = newest % self.step
        self._before = before
        self._whole_day = grid.days - 1 - (grid.open_bins > 0)

    def days_of(self, points: NDArray[np.int32]) -> NDArray[np.int64]:
        """The day of the grid in which the hour before each point lies."""
        return np.maximum(self._whole_day - (self._before - points) * self.step // DAY, 0)

    def time_of(self, point: int) -> int:
        """When the hour before a point ends, unix seconds."""
        return self.start + point * self.step


class PodPeaks(msgspec.Struct, frozen=True):
    """Highest memory of the containers of pods on the newest day, [G] each.

    `key` is the hash of the pod's container, `row` what it is reduced into, `peak` bytes.
    """

    key: NDArray[np.int64]
    row: NDArray[np.int64]
    peak: NDArray[np.float32]

    @classmethod
    def none(cls) -> PodPeaks:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))

    def merge(self, newer: PodPeaks) -> PodPeaks:
        """The higher peak of each pod, and its newer row."""
        key, first, number = np.unique(
            np.concatenate((newer.key, self.key)), return_index=True, return_inverse=True
        )
        peak = np.zeros(len(key), np.float32)
        np.maximum.at(peak, number, np.concatenate((newer.peak, self.peak)))
        return PodPeaks(key, np.concatenate((newer.row, self.row))[first], peak)

    def moved(self, row: NDArray[np.int64]) -> PodPeaks:
        """With `row` [W] as the new number of each row, IGNORED for one that is gone."""
        moved = row[self.row]
        there = moved != IGNORED
        return PodPeaks(self.key[there], moved[there], self.peak[there])

    def count(self, rows: int) -> NDArray[np.float64]:
        """Pods by row and stock bucket, [rows, 176]."""
        counts = np.zeros((rows, STOCK_MEMORY.count))
        np.add.at(counts, (self.row, STOCK_MEMORY.index(self.peak)), 1.0)
        return counts


class MemoryReduction:
    """Memory of all rows; see `UsageHistory` for the meaning of the arrays. Zero is none.

    `spare` days follow the grid's: room for a window that grows. `pods` are those of the
    newest day.
    """

    def __init__(self, grid: TimeGrid, *, room: int, spare: int = 0) -> None:
        self.days = RowArray((grid.days + spare,), np.float32, room=room)
        self.pods = PodPeaks.none()
        self.decayed = RowArray((STOCK_MEMORY.count,), np.float64, room=room)
        self.oom_bytes: dict[int, tuple[int, float]] = {}
        age = np.arange(grid.days)[::-1]
        self._weight = np.exp2(-age.astype(np.float64))  # of a day's end, half in a day

    def add_peaks(
        self, row: NDArray[np.int64], peaks: NDArray[np.float32], key: NDArray[np.int64]
    ) -> None:
        """Daily peaks [G, D] of pods' containers, zero where there is none; their rows and the
        hashes of their names [G].
        """
        group, day = np.nonzero(peaks)
        if not len(group):
            return
        rows, values, owner = int(row.max()) + 1, peaks[group, day], row[group]
        np.maximum.at(self.days.grow(rows), (owner, day), values)
        bucket = STOCK_MEMORY.index(values)
        np.add.at(self.decayed.grow(rows), (owner, bucket), self._weight[day])
        newest = np.flatnonzero(peaks[:, -1])
        self.pods = self.pods.merge(PodPeaks(key[newest], row[newest], peaks[newest, -1]))

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
        self._reduction.add_peaks(row[owned], peaks[owned], self._registry.group_hashes[owned])
        for group, (at, amount) in self._killed.items():
            if row[group] != IGNORED:
                self._reduction.add_kill(int(row[group]), at, amount)


def plan_kills(grid: TimeGrid, namespaces: str) -> Iterator[RangeQuery]:
    """Containers that were killed for memory: the last reason of kube-state-metrics, and the
    counter of cAdvisor, which often dies with the container it counts.
    """
    hours = HourGrid(grid)
    whole = hours.points - (hours.rest > 0)
    by = "max by (namespace,pod,container) "
    reason = join_matchers('reason="OOMKilled"', namespaces)
    events = join_matchers(CONTAINERS, namespaces)
    query = (
        f"{by}(kube_pod_container_status_last_terminated_reason{reason}) == 1"
        f" or {by}(container_oom_events_total{events}) > 0"
    )
    yield RangeQuery(query, hours.start, hours.time_of(whole), hours.step)
    if hours.rest:
        yield RangeQuery(query, grid.end, grid.end, hours.step, first_at=hours.points)


class KillReader:
    """Replies to `plan_kills`, in order: `kills` is the hour point of the newest kill of each
    pod's container.

    The series are there once a kill happened and rise with further ones. One that is there
    from the first point on was killed before the window, or it cannot be known when: it counts
    as killed in the first hour. With `goes_on` that kill was found by the read before.
    """

    def __init__(self, *, goes_on: bool = False) -> None:
        self.kills: dict[tuple[str, ...], int] = {}
        self._goes_on = goes_on
        self._known: dict[tuple[str, ...], tuple[int, float]] = {}

    def read(self, matrix: Matrix) -> None:
        for labels, at, values in matrix.series():
            key = pod_key(labels)
            known_at, known = self._known.get(key, (-1 if self._goes_on else -2, np.inf))
            is_new = (np.diff(at, prepend=known_at) > 1) | (np.diff(values, prepend=known) > 0)
            self._known[key] = int(at[-1]), float(values[-1])
            if is_new.any():
                self.kills[key] = max(self.kills.get(key, 1), int(at[is_new][-1]))
