"""CPU of workload containers, reduced from replies as they arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.history.bucket import BucketLookup
from recommender.history.counter import CounterReader, CounterRules, add_units, choose_observers
from recommender.history.growing import RowArray
from recommender.history.plan import PointRange
from recommender.history.registry import IGNORED, Identity, SeriesRegistry
from recommender.sizing.histogram import DEMAND, STOCK_CPU
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Bins = NDArray[np.int32]
    Floats = NDArray[np.float64]

    from recommender.history.counter import CounterState, Rates
    from recommender.history.matrix import Matrix
    from recommender.model.history import TimeGrid

_BLOCK = 1 << 15  # samples at once: all intermediate arrays stay in the cache

_DEMAND_LOOKUP = BucketLookup(DEMAND)
_STOCK_LOOKUP = BucketLookup(STOCK_CPU)


class CpuReduction:
    """CPU of all rows over the grid; see `UsageHistory` for the meaning of the arrays.

    `spare` days and their bins follow the grid's: room for a window that grows. `highest` is
    that of each day.
    """

    def __init__(self, grid: TimeGrid, *, room: int, spare: int = 0) -> None:
        self._width = grid.bins + spare * grid.bins_per_day
        self._days = grid.days + spare
        self.total = RowArray((self._width,), np.float32, room=room)
        self.pods = RowArray((self._width,), np.uint16, room=room)
        self.days = RowArray((self._days, DEMAND.count), np.uint32, room=room)
        self.decayed = RowArray((STOCK_CPU.count,), np.float64, room=room)
        self.highest = RowArray((self._days,), np.float32, room=room)
        bins = np.arange(grid.bins)
        self._day = grid.day_of(bins)
        self._weight = np.exp2((bins + 1 - grid.bins) * grid.step / DAY)

    def add(self, row: Integers, at: Bins, cores: Floats) -> None:
        """Pod samples: the rows, bins and cores of each, [P]."""
        for begin in range(0, len(row), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            self._add_block(row[block], at[block], cores[block])

    def _add_block(self, row: Integers, at: Bins, cores: Floats) -> None:
        rows = int(row.max()) + 1
        flat = row * self._width + at
        narrow = cores.astype(np.float32)
        np.add.at(self.total.grow(rows).reshape(-1), flat, narrow)
        np.add.at(self.pods.grow(rows).reshape(-1), flat, np.uint16(1))
        flat = row * self._days + self._day[at]
        np.maximum.at(self.highest.grow(rows).reshape(-1), flat, narrow)
        flat = flat * DEMAND.count + _DEMAND_LOOKUP.index(cores)
        np.add.at(self.days.grow(rows).reshape(-1), flat, np.uint32(1))
        flat = row * STOCK_CPU.count + _STOCK_LOOKUP.index(cores)
        np.add.at(self.decayed.grow(rows).reshape(-1), flat, self._weight[at])


class CounterEnd(msgspec.Struct, frozen=True):
    """Where a reader of counters ended, for another to go on from: all it keeps of its past."""

    points: PointRange
    registry: SeriesRegistry
    state: CounterState


class CpuReader:
    """CPU counters of one group of namespaces, in order of time, into a `CpuReduction`.

    `after` is where it goes on from, which stays as it is. `points` are still to be read; their
    numbers count from the time at which the first of all readers began.
    """

    def __init__(
        self,
        reduction: CpuReduction,
        grid: TimeGrid,
        identify: Callable[[Mapping[str, str]], Identity],
        *,
        after: CounterEnd | None = None,
    ) -> None:
        self._reduction = reduction
        self.points: PointRange = PointRange.over(grid, after=after.points if after else None)
        self.registry: SeriesRegistry = (
            after.registry.resume(identify) if after else SeriesRegistry(identify)
        )
        self.counter: CounterReader = CounterReader(
            self.registry,
            step=grid.step,
            rules=CounterRules(),
            state=after.state.copy() if after else None,
        )
        self._first_bin = self.points.bin_at(grid.start)

    def read(self, matrix: Matrix) -> None:
        registry = self.registry
        rates = _owned(self.counter.read(registry.find(matrix.metrics), matrix.points), registry)
        rates = add_units(choose_observers(rates, registry), registry)
        at = rates.bin - self._first_bin if self._first_bin else rates.bin
        self._reduction.add(registry.row[rates.series], at, rates.rate)

    def end(self) -> CounterEnd:
        """To be taken after the last reply."""
        return CounterEnd(self.points, replace(self.registry, identify=_ignore), self.counter.state)

    def living(self) -> Integers:
        """What the containers of pods are known by whose counters were seen at the last point."""
        at = self.counter.state.at
        groups = self.registry.group[: len(at)][at == self.points.last]
        # Not np.unique: the first call of it imports numpy.ma.
        return np.asarray(self.registry.group_hashes[np.flatnonzero(np.bincount(groups))])

    def rests(self) -> Integers:
        """The row of each pod's container that is at rest at the end of the grid.

        It counts there with zero cores, until a later point says that it had ended.
        """
        rates = _owned(self.counter.rests(self.points.last), self.registry)
        return self.registry.row[rates.series]


def _ignore(_labels: Mapping[str, str]) -> Identity:
    return Identity(IGNORED)


def _owned(rates: Rates, registry: SeriesRegistry) -> Rates:
    """Without the series that no wanted workload owns."""
    if not (registry.row == IGNORED).any():
        return rates
    return rates.where(registry.row[rates.series] != IGNORED)
