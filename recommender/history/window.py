"""Usage over a window that moves: bins are added, days dropped, containers come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.history.assembly import find_span
from recommender.history.memory import HourGrid
from recommender.history.registry import IGNORED
from recommender.model.history import UsageHistory
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recommender.history.cpu import CpuReduction
    from recommender.history.growing import RowArray
    from recommender.history.memory import MemoryReduction
    from recommender.history.usage import UsageReading
    from recommender.model.history import TimeGrid
    from recommender.model.identity import ContainerRef, WorkloadRef

    Integers = NDArray[np.int64]

SPARE_DAYS = 1
"""Room that the reading of a window needs after it: the oldest day goes once it is whole again."""

_NONE = np.zeros(0, np.int64)


class UsageWindow:
    """What the first reading reduced, and what was added to it since, in the same arrays.

    Nothing is copied when bins are added: a `UsageHistory` is a view that holds until the
    window changes again.
    """

    def __init__(self, reading: UsageReading) -> None:
        """Takes over the reductions of a whole reading with SPARE_DAYS of room."""
        self.grid = reading.grid
        self.containers: tuple[ContainerRef, ...] = ()
        self._cpu: CpuReduction = reading.cpu
        self._memory: MemoryReduction = reading.memory
        self._kills: dict[ContainerRef, tuple[int, float]] = {}
        self._rests = _NONE  # rows of pods that count as at rest in the last bin
        self._pods = reading.memory.pods
        self._to_mean(self._cpu, len(reading.rows.refs), self.grid)
        for array in self._arrays():
            array.grow(len(reading.rows.refs))
        # What is kept of memory is of the days before the newest.
        self._finished = self._memory.decayed
        self._finished.rows[:] -= self._pods.count(len(reading.rows.refs))
        self._take_kills(reading)
        self._show_rests(reading.rests())
        self._name(reading.rows.refs)

    @staticmethod
    def _to_mean(cpu: CpuReduction, rows: int, grid: TimeGrid) -> None:
        """Sums to means, in place."""
        total, pods = (each.grow(rows)[:rows, : grid.bins] for each in (cpu.total, cpu.pods))
        with np.errstate(invalid="ignore", divide="ignore"):
            np.divide(total, pods, out=total)  # no pod: 0 / 0 is NaN

    @property
    def workloads(self) -> frozenset[WorkloadRef]:
        return frozenset(ref.workload for ref in self.containers)

    def _arrays(self) -> tuple[RowArray, ...]:
        """All that have a row for each container."""
        cpu, memory = self._cpu, self._memory
        return (
            cpu.total,
            cpu.pods,
            cpu.days,
            cpu.highest,
            cpu.decayed,
            memory.days,
            memory.decayed,
        )

    def _name(self, refs: Sequence[ContainerRef]) -> None:
        """Call the rows so, and sort them."""
        order = np.array(sorted(range(len(refs)), key=refs.__getitem__), dtype=np.int64)
        self.containers = tuple(refs[row] for row in order)
        self._reorder(order, len(refs))

    def _reorder(self, order: Integers, rows: int) -> None:
        for array in self._arrays():
            array.grow(rows)
            array.keep(order)
        number = np.full(rows, IGNORED)
        number[order] = np.arange(len(order))
        self._pods = self._pods.moved(number)
        rests = number[self._rests]
        self._rests = rests[rests != IGNORED]

    def keep(self, wanted: frozenset[WorkloadRef]) -> None:
        """Only the containers of these workloads."""
        order = np.array(
            [row for row, ref in enumerate(self.containers) if ref.workload in wanted],
            dtype=np.int64,
        )
        rows = len(self.containers)
        if len(order) < rows:
            self.containers = tuple(self.containers[row] for row in order)
            self._kills = {ref: kill for ref, kill in self._kills.items() if ref.workload in wanted}
            self._reorder(order, rows)

    def add_rows(self, reading: UsageReading) -> None:
        """Containers that were read over the same grid, and are not here yet."""
        refs, known, bins = reading.rows.refs, len(self.containers), self.grid.bins
        if not refs:
            return
        new = slice(known, known + len(refs))
        other = (reading.cpu, reading.memory)
        self._to_mean(other[0], len(refs), self.grid)
        self._grow(known + len(refs))
        parts = (
            (self._cpu.total, other[0].total, bins),
            (self._cpu.pods, other[0].pods, bins),
            (self._cpu.days, other[0].days, self.grid.days),
            (self._cpu.highest, other[0].highest, self.grid.days),
            (self._cpu.decayed, other[0].decayed, None),
            (self._memory.days, other[1].days, self.grid.days),
            (self._finished, other[1].decayed, None),
        )
        for mine, theirs, length in parts:
            mine.rows[new, :length] = theirs.grow(len(refs))[: len(refs), :length]
        pods = other[1].pods.moved(np.arange(len(refs)) + known)
        self._finished.rows[:] -= pods.count(known + len(refs))
        self._pods = self._pods.merge(pods)
        self._take_kills(reading)
        self._show_rests(reading.rests() + known)
        self._name([*self.containers, *refs])

    def _grow(self, rows: int) -> None:
        """Empty rows at the end, as if nothing had been seen so far."""
        first = len(self.containers)
        for array in self._arrays():
            array.grow(rows)
        self._cpu.total.rows[first:rows, : self.grid.bins] = np.nan

    def append(self, reading: UsageReading, *, bins: int, least: int) -> None:
        """Add what a reading found that goes on for so many bins, all of one day.

        Its grid begins some bins earlier, to which it may have something to add. Old days are
        dropped as long as `least` bins remain.
        """
        self._hide_rests()
        row = self._rows_for(reading.rows.refs)
        if self.grid.open_bins == 0:
            self._open_day()
        self.grid = self.grid.grown(bins)
        while self.grid.bins - self.grid.oldest_bins >= least:
            self._drop_day()
        self._append_cpu(reading, row, bins)
        self._append_memory(reading, row)
        self._take_kills(reading)
        self._show_rests(row[reading.rests()])

    def _rows_for(self, refs: Sequence[ContainerRef]) -> Integers:
        """The row of each container, [W']; new ones get one."""
        known = set(self.containers)
        new = [ref for ref in refs if ref not in known]
        if new:
            self._grow(len(known) + len(new))
            self._name([*self.containers, *new])
        number = {ref: row for row, ref in enumerate(self.containers)}
        return np.array([number[ref] for ref in refs], dtype=np.int64)

    def _open_day(self) -> None:
        """The day that was the newest is finished, and a day older than the next."""
        finished = self._finished.rows
        finished += self._pods.count(len(self.containers))
        finished /= 2
        self._pods = self._pods.none()

    def _drop_day(self) -> None:
        """Drop the oldest day; the grid has grown already, the arrays have not."""
        grid, gone = self.grid, self.grid.oldest_bins
        for array, length in (
            (self._cpu.total, gone),
            (self._cpu.pods, gone),
            (self._cpu.days, 1),
            (self._cpu.highest, 1),
            (self._memory.days, 1),
        ):
            for row in array.rows:  # one by one: a copy of all would double the memory
                row[:-length] = row[length:]
                row[-length:] = 0
        self.grid = grid.last(grid.bins - gone)
        start = self.grid.start
        self._kills = {ref: kill for ref, kill in self._kills.items() if kill[0] > start}

    def _append_cpu(self, reading: UsageReading, row: Integers, bins: int) -> None:
        cpu, grid = reading.cpu, self.grid
        rows, mine = len(row), self._cpu
        width = min(reading.grid.bins, grid.bins)  # the window may be shorter
        begin, lead = grid.bins - width, width - bins
        cut = slice(reading.grid.bins - width, reading.grid.bins)
        total, pods = (each.grow(rows)[:rows, cut] for each in (cpu.total, cpu.pods))
        mine.total.rows[:, grid.bins - bins : grid.bins] = np.nan
        mine.pods.rows[:, grid.bins - bins : grid.bins] = 0
        columns = np.arange(begin, grid.bins)
        before = mine.pods.rows[np.ix_(row, columns)]
        sums = total.astype(np.float64)
        sums[:, :lead] += np.nan_to_num(mine.total.rows[np.ix_(row, columns[:lead])]) * (
            before[:, :lead].astype(np.float64)
        )
        counts = before + pods
        is_touched = pods > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(is_touched, sums / counts, mine.total.rows[np.ix_(row, columns)])
        mine.total.rows[np.ix_(row, columns)] = mean
        mine.pods.rows[np.ix_(row, columns)] = counts
        days = min(reading.grid.days, grid.days)
        newest = np.arange(grid.days - days, grid.days)
        counted, highest = (each.grow(rows)[:rows, -days:] for each in (cpu.days, cpu.highest))
        mine.days.rows[np.ix_(row, newest)] += counted
        cells = np.ix_(row, newest)
        mine.highest.rows[cells] = np.maximum(mine.highest.rows[cells], highest)
        mine.decayed.rows[:] *= np.exp2(-bins * grid.step / DAY)
        mine.decayed.rows[row] += cpu.decayed.grow(rows)[:rows]

    def _append_memory(self, reading: UsageReading, row: Integers) -> None:
        rows, newest = len(row), self.grid.days - 1
        peaks = reading.memory.days.grow(rows)[:rows, reading.memory_grid.days - 1]
        mine = self._memory.days.rows
        mine[row, newest] = np.maximum(mine[row, newest], peaks)
        self._pods = self._pods.merge(reading.memory.pods.moved(row))

    def _take_kills(self, reading: UsageReading) -> None:
        hours = HourGrid(reading.memory_grid)
        for number, (point, amount) in reading.memory.oom_bytes.items():
            ref = reading.rows.refs[number]
            self._kills[ref] = max(self._kills.get(ref, (0, 0.0)), (hours.time_of(point), amount))

    def _show_rests(self, rows: Integers) -> None:
        """Count these rows, one for each pod, with zero cores in the last bin."""
        self._add_zeros(rows)
        self._rests = np.concatenate((self._rests, rows))

    def _hide_rests(self) -> None:
        """Take back what `_show_rests` did."""
        self._add_zeros(self._rests, sign=-1)
        self._rests = _NONE

    def _add_zeros(self, rows: Integers, *, sign: int = 1) -> None:
        count = sign * np.bincount(rows, minlength=len(self.containers))
        row = np.flatnonzero(count)
        total, pods = (
            each.rows[:, self.grid.bins - 1] for each in (self._cpu.total, self._cpu.pods)
        )
        before, after = pods[row].astype(np.int64), pods[row] + count[row]
        sums = np.where(before > 0, total[row], 0.0).astype(np.float64) * before
        with np.errstate(invalid="ignore", divide="ignore"):
            total[row] = sums / after
        pods[row] = after
        day = self._cpu.days.rows[:, self.grid.days - 1, 0]
        day[row] = day[row] + count[row]
        self._cpu.decayed.rows[row, 0] += count[row]

    def history(self) -> UsageHistory:
        """What is held now; its large arrays are views."""
        grid, rows = self.grid, len(self.containers)
        pods = self._cpu.pods.rows[:, : grid.bins]
        samples = pods.sum(axis=1, dtype=np.int64)
        highest = self._cpu.highest.rows[:, : grid.days].max(axis=1, initial=0)
        highest[samples == 0] = np.nan
        peaks = self._memory.days.rows[:, : grid.days].copy()
        peaks[peaks == 0] = np.nan
        first, last = find_span(grid, pods)
        return UsageHistory(
            grid=grid,
            containers=self.containers,
            cpu_mean=self._cpu.total.rows[:, : grid.bins],
            pods=pods,
            cpu_days=self._cpu.days.rows[:, : grid.days],
            cpu_max=highest,
            cpu_decayed=self._cpu.decayed.rows.astype(np.float32),
            memory_days=peaks,
            memory_decayed=(self._finished.rows + self._pods.count(rows)).astype(np.float32),
            samples=samples,
            first=first,
            last=last,
            oom_bytes=np.array(
                [self._kills.get(ref, (0, np.nan))[1] for ref in self.containers],
                dtype=np.float32,
            ),
        )
