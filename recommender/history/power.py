"""Power and busy cores of nodes from their counters."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.history.counter import (
    MOST_CORES,
    CounterReader,
    CounterRules,
    Rates,
    choose_observers,
)
from recommender.history.growing import RowArray
from recommender.history.plan import PointRange
from recommender.history.registry import IGNORED, Identity, SeriesRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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


class NodePower(msgspec.Struct, frozen=True):
    """Mean watts of a node over each bin, [T], NaN where a part is missing; see NodeHistory."""

    watts: Row
    quality: str
    reach: str


class _Meter(msgspec.Struct, frozen=True):
    """One zone of one node by one meter."""

    node: str
    zone: str
    name: str
    quality: str


class _PartSums:
    """Sums over the parts of each row, valid in bins where every part is present."""

    def __init__(self, grid: TimeGrid) -> None:
        self.grid = grid
        self.sums = RowArray((grid.bins,), np.float32)
        self.parts = RowArray((grid.bins,), np.uint16)

    def add(
        self, row: NDArray[np.int64], at: NDArray[np.int32], values: NDArray[np.float64]
    ) -> None:
        if not len(row):
            return
        rows, flat = int(row.max()) + 1, row * self.grid.bins + at
        np.add.at(self.sums.grow(rows).reshape(-1), flat, values.astype(np.float32))
        np.add.at(self.parts.grow(rows).reshape(-1), flat, np.uint16(1))

    def include(self, other: _PartSums) -> None:
        """Add the sums of another grid, as far as they are of bins of this one."""
        shift = (other.grid.start - self.grid.start) // self.grid.step
        cut = max(0, -shift)
        for mine, others in ((self.sums, other.sums.rows), (self.parts, other.parts.rows)):
            rows = mine.grow(len(others))[: len(others)]
            rows[:, shift + cut : shift + other.grid.bins] += others[:, cut:]

    def row(self, number: int, *, at_rest: int) -> Row:
        """The sums of a row; so many of its parts are at zero in the last bin."""
        parts = self.parts.grow(number + 1)[number]
        if at_rest:
            parts = parts.copy()
            parts[-1] += at_rest
        whole = (parts == parts.max()) & (parts > 0)
        return np.where(whole, self.sums.grow(number + 1)[number], np.float32(np.nan))


class NodeSeries:
    """Replies of one query into sums of parts by row, in order of time.

    Falls of counters are left out, not counted: the registers behind most of them start again
    at a value that is not known, so the bin of a wrap has no true increase; and a node that
    boots was off for a part of the bin.

    `after` are series that these go on from, and which stay as they are; see `CpuReader`.
    """

    def __init__(
        self,
        grid: TimeGrid,
        identify: Callable[[Mapping[str, str]], Identity],
        *,
        most: float,
        after: NodeSeries | None = None,
    ) -> None:
        self.points: PointRange = PointRange.over(grid, after=after.points if after else None)
        self.registry: SeriesRegistry = (
            after.registry.resume(identify) if after else SeriesRegistry(identify)
        )
        self.counter: CounterReader = CounterReader(
            self.registry,
            step=grid.step,
            rules=CounterRules(
                most=most, resets_to_zero=False, begins_at_zero=False, adds_units=False
            ),
            state=after.counter.state.copy() if after else None,
        )
        self.sums = _PartSums(grid)
        self._first_bin = self.points.bin_at(grid.start)

    def read(self, matrix: Matrix, *, is_gauge: bool = False) -> None:
        series, points = self.registry.find(matrix.metrics), matrix.points
        if is_gauge:
            # A mean over the step that ends at a grid point is that of the bin before it.
            rates = Rates(np.repeat(series, points.counts), points.at - 1, points.values)
            rates = rates.where(rates.bin >= self._first_bin)
        else:
            rates = self.counter.read(series, points)
        rates = choose_observers(self._owned(rates), self.registry)
        at = rates.bin - self._first_bin
        self.sums.add(self.registry.row[rates.series], at, rates.rate)

    def include(self, after: NodeSeries | None, grid: TimeGrid) -> None:
        """Put what was summed before in front, if anything was, to cover `grid`.

        To be called after the last reply.
        """
        newest, self.sums = self.sums, _PartSums(grid)
        if after is not None:
            self.sums.include(after.sums)
        self.sums.include(newest)

    def rows(self, numbers: Iterable[int]) -> dict[int, Row]:
        """The sums of these rows over the grid, [T] each, NaN where a part is missing."""
        rests = self.registry.row[self._owned(self.counter.rests(self.points.last)).series]
        at_rest = np.bincount(rests, minlength=1)
        return {
            number: self.sums.row(
                number, at_rest=int(at_rest[number]) if number < len(at_rest) else 0
            )
            for number in numbers
        }

    def _owned(self, rates: Rates) -> Rates:
        return rates.where(self.registry.row[rates.series] != IGNORED)


class PowerReader:
    """Replies of one PowerSource, in order of time; goes on from `after`."""

    def __init__(
        self,
        source: PowerSource,
        grid: TimeGrid,
        names: NodeNames,
        *,
        after: PowerReader | None = None,
    ) -> None:
        self._source = source
        self._names = names
        self.meters: dict[_Meter, int] = dict(after.meters) if after else {}
        self.series: NodeSeries = NodeSeries(
            grid, self._identify, most=MOST_WATTS, after=after.series if after else None
        )

    def read(self, matrix: Matrix) -> None:
        self.series.read(matrix, is_gauge=self._source.is_gauge)

    def finish(self) -> dict[str, NodePower]:
        """Power of each node that has some."""
        by_node: defaultdict[str, dict[_Meter, int]] = defaultdict(dict)
        for meter, row in self.meters.items():
            by_node[meter.node][meter] = row
        rows = self.series.rows(self.meters.values())
        found = {node: _combine(meters, rows) for node, meters in by_node.items()}
        return {node: power for node, power in found.items() if power is not None}

    def _identify(self, labels: Mapping[str, str]) -> Identity:
        reading, node = self._source.read_labels(labels), self._names.find(labels)
        if reading is None or node is None:
            return Identity(IGNORED)
        quality = reading.quality if reading.quality in _QUALITIES else "derived"
        if node in self._names.modelled and reading.zone not in _WHOLE:
            quality = "modelled"
        meter = _Meter(node, reading.zone, reading.meter, quality)
        row = self.meters.setdefault(meter, len(self.meters))
        return Identity(row, group=meter, unit=reading.part)


class NodeCpuReader:
    """Replies with busy time of nodes, or with their frequency (`is_gauge`), in order of time;
    goes on from `after`.
    """

    def __init__(
        self,
        grid: TimeGrid,
        names: NodeNames,
        *,
        after: NodeCpuReader | None = None,
        is_gauge: bool = False,
    ) -> None:
        self._names = names
        self._is_gauge = is_gauge
        self.nodes: dict[str, int] = dict(after.nodes) if after else {}
        self.series: NodeSeries = NodeSeries(
            grid, self._identify, most=MOST_CORES, after=after.series if after else None
        )

    def read(self, matrix: Matrix) -> None:
        self.series.read(matrix, is_gauge=self._is_gauge)

    def finish(self) -> dict[str, Row]:
        """Mean busy cores, or hertz, of each node over each bin, [T]."""
        rows = self.series.rows(self.nodes.values())
        return {node: rows[row] for node, row in self.nodes.items()}

    def _identify(self, labels: Mapping[str, str]) -> Identity:
        node = self._names.find(labels)
        if node is None:
            return Identity(IGNORED)
        return Identity(self.nodes.setdefault(node, len(self.nodes)), group=node, unit=node)


def _combine(meters: Mapping[_Meter, int], rows: Mapping[int, Row]) -> NodePower | None:
    """Power of one node from its meters, whose sums are `rows`."""
    zones: dict[str, tuple[Row, str]] = {}
    best_first = sorted(meters, key=lambda m: (_QUALITIES.index(m.quality), m.name))
    for meter in best_first:
        watts = rows[meters[meter]]
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
