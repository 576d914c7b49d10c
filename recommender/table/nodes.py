"""A table of nodes: power, busy cores and size, over the time of the usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.errors import TableError
from recommender.history.counter import MOST_CORES
from recommender.history.growing import RowArray
from recommender.history.power import MOST_WATTS
from recommender.model.cluster import Node
from recommender.model.history import NodeHistory
from recommender.table.block import Clock, bins_of, read_blocks
from recommender.table.fault import Faults
from recommender.table.latest import Latest
from recommender.table.usage import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from recommender.model.history import TimeGrid
    from recommender.table.block import Block

SIZES = ("cpu_capacity_cores", "memory_capacity_bytes")
NEEDED = ("time", "node", "watts", "cpu_cores", *SIZES)
OPTIONAL = ("cpu_model",)


class NodeTable(msgspec.Struct, frozen=True):
    """What a table of nodes says; nodes without a size are left out."""

    nodes: tuple[Node, ...]
    history: NodeHistory
    rows: int
    warnings: tuple[str, ...]


def read_nodes(
    path: Path, grid: TimeGrid, *, progress: Callable[[str, int, int], None]
) -> NodeTable:
    """The nodes in a table, over this grid; rows of other times are left out, in any order.

    `watts` are of the whole node. TableError where nothing can be made of it.
    """
    faults = Faults(path.name)
    reader = _NodeReader(grid)
    for block in read_blocks(
        path, needed=NEEDED, optional=OPTIONAL, faults=faults, progress=progress
    ):
        reader.read(block)
    if faults.read == faults.count:
        raise TableError(faults.describe() or f"{path} has no rows below its first line")
    return reader.finish(faults, path)


class _Mean:
    """Means of bins, by row."""

    def __init__(self, bins: int) -> None:
        self._sums = RowArray((bins,), np.float32)
        self._counts = RowArray((bins,), np.uint16)

    def add(
        self, rows: NDArray[np.int64], bins: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        is_there = ~np.isnan(values)
        size = int(rows.max()) + 1
        where = (rows[is_there], bins[is_there])
        np.add.at(self._sums.grow(size), where, values[is_there].astype(np.float32))
        np.add.at(self._counts.grow(size), where, np.uint16(1))

    def take(self, rows: list[int]) -> NDArray[np.float32]:
        with np.errstate(invalid="ignore"):  # no value: 0 / 0 is NaN
            return np.asarray(self._sums.rows[rows] / self._counts.rows[rows], dtype=np.float32)


class _NodeReader:
    def __init__(self, grid: TimeGrid) -> None:
        self._grid = grid
        self._first_bin = grid.start // grid.step + 1
        self._clock = Clock()
        self._rows: dict[str, int] = {}
        self._models: dict[str, str] = {}
        self._watts, self._cores = _Mean(grid.bins), _Mean(grid.bins)
        self._sizes = tuple(Latest() for _ in SIZES)
        self._elsewhen = 0

    def read(self, block: Block) -> None:
        times = self._clock.read(block)
        most = {"watts": MOST_WATTS, "cpu_cores": MOST_CORES}
        most |= dict(zip(SIZES, (MOST_CORES, MOST_BYTES), strict=True))
        amounts = {name: block.amounts(name, most=limit) for name, limit in most.items()}
        names = [name.strip() for name in block.columns["node"]]
        for row, name in enumerate(names):
            if not name:
                block.reject(row, lambda: "no node")
        is_good = block.is_good
        if not is_good.any():
            return
        times = times[is_good]
        kept = [names[row] for row in np.flatnonzero(is_good).tolist()]
        rows = np.array([self._rows.setdefault(name, len(self._rows)) for name in kept])
        if "cpu_model" in block.columns:
            self._models.update(zip(kept, block.kept().columns["cpu_model"], strict=True))
        for size, column in zip(self._sizes, SIZES, strict=True):
            size.add(rows, times, amounts[column][is_good])
        self._add(rows, times, amounts["watts"][is_good], amounts["cpu_cores"][is_good])

    def _add(
        self,
        rows: NDArray[np.int64],
        times: NDArray[np.float64],
        watts: NDArray[np.float64],
        cores: NDArray[np.float64],
    ) -> None:
        bins = bins_of(times) - self._first_bin
        is_inside = (bins >= 0) & (bins < self._grid.bins)
        self._elsewhen += len(bins) - int(np.count_nonzero(is_inside))
        # All rows, so that each node has some.
        bins = np.where(is_inside, bins, 0)
        self._watts.add(rows, bins, np.where(is_inside, watts, np.nan))
        self._cores.add(rows, bins, np.where(is_inside, cores, np.nan))

    def finish(self, faults: Faults, path: Path) -> NodeTable:
        nodes, unsized = [], []
        for name in sorted(self._rows):
            cores, memory = (size.get(self._rows[name]) for size in self._sizes)
            if cores and memory:
                model = self._models.get(name, "").strip()
                nodes.append(Node(name, cores, int(memory), cpu_model=model))
            else:
                unsized.append(name)
        if not nodes:
            raise TableError(f"{path} gives no node its {' and '.join(SIZES)}")
        rows = [self._rows[node.name] for node in nodes]
        watts = self._watts.take(rows)
        has_power = [bool(np.isfinite(row).any()) for row in watts]
        return NodeTable(
            nodes=tuple(nodes),
            history=NodeHistory(
                grid=self._grid,
                nodes=tuple(node.name for node in nodes),
                watts=watts,
                cpu_used=self._cores.take(rows),
                quality=tuple("recorded" if has else "" for has in has_power),
                reach=tuple("platform" if has else "" for has in has_power),
                cpu_model=tuple(node.cpu_model for node in nodes),
            ),
            rows=faults.read - faults.count,
            warnings=tuple(filter(None, self._warn(faults, unsized, has_power))),
        )

    def _warn(self, faults: Faults, unsized: list[str], has_power: list[bool]) -> list[str]:
        warnings = [faults.describe()]
        if unsized:
            warnings.append(
                f"{faults.name} does not say how large {len(unsized)} nodes are ({unsized[0]}"
                f"{', ...' * (len(unsized) > 1)}); they are left out"
            )
        if self._elsewhen:
            warnings.append(
                f"{self._elsewhen:,} rows of {faults.name} are of another time than the usage and "
                "left out"
            )
        if not all(has_power):
            count = has_power.count(False)
            warnings.append(
                f"{faults.name} has no watts of {count} of {len(has_power)} nodes in the time of "
                "the usage"
            )
        return warnings
