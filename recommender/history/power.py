"""Power and busy cores of nodes from their counters."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recommender.history.counter import (
    MOST_CORES,
    CounterReader,
    CounterRules,
    Rates,
    choose_observers,
)
from recommender.history.growing import RowArray
from recommender.history.registry import IGNORED, Identity, SeriesRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from recommender.history.matrix import Matrix
    from recommender.history.nodename import NodeNames
    from recommender.history.schema import PowerSource
    from recommender.model.history import TimeGrid

    Row = NDArray[np.float32]

MOST_WATTS = 100_000.0  # of one part of a node; more is a register that jumped

# Watts of a node are those of its whole, or else of what is measured of it. Cores are inside of
# the package and the package is inside of the platform: nothing is added to what contains it.
_WHOLE = ("platform", "psys")
_QUALITIES = ("measured", "derived", "recorded", "modelled")


@dataclass(frozen=True)
class NodePower:
    """Mean watts of a node over each bin, [T], NaN where a part is missing; see NodeHistory."""

    watts: Row
    quality: str
    reach: str


@dataclass(frozen=True)
class _Meter:
    """One zone of one node by one meter."""

    node: str
    zone: str
    name: str
    quality: str


class _PartSums:
    """Sums over the parts of each row, valid in bins where every part is present."""

    def __init__(self, grid: TimeGrid) -> None:
        self._bins = grid.bins
        self._sums = RowArray((grid.bins,), np.float64)
        self._parts = RowArray((grid.bins,), np.uint16)

    def add(
        self, row: NDArray[np.int64], at: NDArray[np.int32], values: NDArray[np.float64]
    ) -> None:
        if not len(row):
            return
        rows, flat = int(row.max()) + 1, row * self._bins + at
        np.add.at(self._sums.grow(rows).reshape(-1), flat, values)
        np.add.at(self._parts.grow(rows).reshape(-1), flat, np.uint16(1))

    def row(self, number: int) -> Row:
        parts = self._parts.grow(number + 1)[number]
        whole = (parts == parts.max()) & (parts > 0)
        return np.where(whole, self._sums.grow(number + 1)[number], np.nan).astype(np.float32)


class _NodeSeries:
    """Replies of one query into sums of parts by row, in order of time.

    Falls of counters are left out, not counted: the registers behind most of them start again
    at a value that is not known, so the bin of a wrap has no true increase; and a node that
    boots was off for a part of the bin.
    """

    def __init__(
        self, grid: TimeGrid, identify: Callable[[Mapping[str, str]], Identity], *, most: float
    ) -> None:
        self._registry = SeriesRegistry(identify)
        rules = CounterRules(most=most, resets_to_zero=False, begins_at_zero=False)
        self._counter = CounterReader(
            self._registry, step=grid.step, last_at=grid.bins, rules=rules
        )
        self._sums = _PartSums(grid)
        self.row = self._sums.row

    def read(self, matrix: Matrix, *, is_gauge: bool = False) -> None:
        series, points = self._registry.find(matrix.metrics), matrix.points
        if is_gauge:
            # A mean over the step that ends at a grid point is that of the bin before it.
            rates = Rates(np.repeat(series, points.counts), points.at - 1, points.values)
            rates = rates.where(rates.bin >= 0)
        else:
            rates = self._counter.read(series, points)
        rates = rates.where(self._registry.row[rates.series] != IGNORED)
        rates = choose_observers(rates, self._registry, first_bin=matrix.first_at - 1)
        self._sums.add(self._registry.row[rates.series], rates.bin, rates.rate)


class PowerReader:
    """Replies of one PowerSource, in order of time."""

    def __init__(self, source: PowerSource, grid: TimeGrid, names: NodeNames) -> None:
        self._source = source
        self._names = names
        self._meters: dict[_Meter, int] = {}
        self._series = _NodeSeries(grid, self._identify, most=MOST_WATTS)

    def read(self, matrix: Matrix) -> None:
        self._series.read(matrix, is_gauge=self._source.is_gauge)

    def finish(self) -> dict[str, NodePower]:
        """Power of each node that has some."""
        by_node: defaultdict[str, dict[_Meter, int]] = defaultdict(dict)
        for meter, row in self._meters.items():
            by_node[meter.node][meter] = row
        found = {node: self._combine(meters) for node, meters in by_node.items()}
        return {node: power for node, power in found.items() if power is not None}

    def _identify(self, labels: Mapping[str, str]) -> Identity:
        reading, node = self._source.read_labels(labels), self._names.find(labels)
        if reading is None or node is None:
            return Identity(IGNORED)
        quality = reading.quality if reading.quality in _QUALITIES else "derived"
        if node in self._names.modelled and reading.zone not in _WHOLE:
            quality = "modelled"
        meter = _Meter(node, reading.zone, reading.meter, quality)
        row = self._meters.setdefault(meter, len(self._meters))
        return Identity(row, group=meter, unit=reading.part)

    def _combine(self, meters: Mapping[_Meter, int]) -> NodePower | None:
        zones: dict[str, tuple[Row, str]] = {}
        best_first = sorted(meters, key=lambda m: (_QUALITIES.index(m.quality), m.name))
        for meter in best_first:
            watts = self._series.row(meters[meter])
            if meter.zone not in zones and bool((watts > 0).any()):
                zones[meter.zone] = watts, meter.quality
        for zone in _WHOLE:
            if zone in zones:
                return NodePower(*zones[zone], "platform")
        if "package" not in zones:
            return None
        watts, quality = zones["package"]
        if "dram" not in zones:
            return NodePower(watts, quality, "package")
        dram, dram_quality = zones["dram"]
        worst = max(quality, dram_quality, key=_QUALITIES.index)
        return NodePower(watts + dram, worst, "package+dram")


class NodeCpuReader:
    """Replies with busy time of nodes, in order of time."""

    def __init__(self, grid: TimeGrid, names: NodeNames) -> None:
        self._names = names
        self._rows: dict[str, int] = {}
        self._series = _NodeSeries(grid, self._identify, most=MOST_CORES)

    def read(self, matrix: Matrix) -> None:
        self._series.read(matrix)

    def finish(self) -> dict[str, Row]:
        """Mean busy cores of each node over each bin, [T]."""
        return {node: self._series.row(row) for node, row in self._rows.items()}

    def _identify(self, labels: Mapping[str, str]) -> Identity:
        node = self._names.find(labels)
        if node is None:
            return Identity(IGNORED)
        return Identity(self._rows.setdefault(node, len(self._rows)), group=node, unit=node)
