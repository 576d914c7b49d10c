"""CPU of workload containers, reduced from replies as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.history.bucket import BucketLookup
from recommender.history.counter import CounterReader, CounterRules, add_units, choose_observers
from recommender.history.growing import RowArray
from recommender.history.registry import IGNORED, SeriesRegistry
from recommender.sizing.histogram import DEMAND, STOCK_CPU
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Bins = NDArray[np.int32]
    Floats = NDArray[np.float64]

    from recommender.history.counter import Rates
    from recommender.history.matrix import Matrix
    from recommender.history.registry import Identity
    from recommender.model.history import TimeGrid

_BLOCK = 1 << 15  # samples at once: all intermediate arrays stay in the cache

_DEMAND_LOOKUP = BucketLookup(DEMAND)
_STOCK_LOOKUP = BucketLookup(STOCK_CPU)


class CpuReduction:
    """CPU of all rows over the grid; see `UsageHistory` for the meaning of the arrays."""

    def __init__(self, grid: TimeGrid, *, room: int) -> None:
        self._grid = grid
        self.total = RowArray((grid.bins,), np.float32, room=room)
        self.pods = RowArray((grid.bins,), np.uint16, room=room)
        self.days = RowArray((grid.days, DEMAND.count), np.uint32, room=room)
        self.decayed = RowArray((STOCK_CPU.count,), np.float64, room=room)
        self.highest = RowArray((), np.float32, room=room)
        bins = np.arange(grid.bins)
        self._day = grid.days - 1 - (grid.bins - 1 - bins) // grid.bins_per_day
        self._weight = np.exp2((bins + 1 - grid.bins) * grid.step / DAY)

    def add(self, row: Integers, at: Bins, cores: Floats) -> None:
        """Pod samples: the rows, bins and cores of each, [P]."""
        for begin in range(0, len(row), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            self._add_block(row[block], at[block], cores[block])

    def _add_block(self, row: Integers, at: Bins, cores: Floats) -> None:
        rows = int(row.max()) + 1
        flat = row * self._grid.bins + at
        narrow = cores.astype(np.float32)
        np.add.at(self.total.grow(rows).reshape(-1), flat, narrow)
        np.add.at(self.pods.grow(rows).reshape(-1), flat, np.uint16(1))
        np.maximum.at(self.highest.grow(rows), row, narrow)
        demand = _DEMAND_LOOKUP.index(cores)
        flat = (row * self._grid.days + self._day[at]) * DEMAND.count + demand
        np.add.at(self.days.grow(rows).reshape(-1), flat, np.uint32(1))
        flat = row * STOCK_CPU.count + _STOCK_LOOKUP.index(cores)
        np.add.at(self.decayed.grow(rows).reshape(-1), flat, self._weight[at])


class CpuReader:
    """CPU counters of one group of namespaces, in order of time, into a `CpuReduction`."""

    def __init__(
        self,
        reduction: CpuReduction,
        grid: TimeGrid,
        identify: Callable[[Mapping[str, str]], Identity],
    ) -> None:
        self._reduction = reduction
        self._grid = grid
        self._registry = SeriesRegistry(identify)
        self._counter = CounterReader(
            self._registry, step=grid.step, last_at=grid.bins, rules=CounterRules()
        )

    def read(self, matrix: Matrix) -> None:
        series = self._registry.find(matrix.metrics)
        rates = _owned(self._counter.read(series, matrix.points), self._registry)
        rates = choose_observers(rates, self._registry, first_bin=matrix.first_at - 1)
        rates = add_units(rates, self._registry)
        self._reduction.add(self._registry.row[rates.series], rates.bin, rates.rate)


def _owned(rates: Rates, registry: SeriesRegistry) -> Rates:
    """Without the series that no wanted workload owns."""
    if not (registry.row == IGNORED).any():
        return rates
    return rates.where(registry.row[rates.series] != IGNORED)
