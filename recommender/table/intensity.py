"""A file of what a kilowatt-hour carries, by time: CSV, gzip allowed, an hour or less a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.errors import TableError
from recommender.history.hourly import estimate_intensity, find_newest
from recommender.model.intensity import find_value_flaw
from recommender.table.block import Clock, read_blocks
from recommender.table.fault import Faults, quote
from recommender.units import DAY, HOUR, format_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.model.history import TimeGrid
    from recommender.model.intensity import Intensity, IntensitySource
    from recommender.table.block import Block

NEEDED = ("time", "value")

MOST_AGE = DAY
"""Of the newest row before the window's end: what grid operators publish comes daily."""


class HourlyTable(msgspec.Struct, frozen=True):
    """Means of the hours of the clock, by their number since 1970; `newest` is in unix seconds."""

    hours: dict[int, float]
    newest: float

    def over(self, source: IntensitySource, grid: TimeGrid) -> Intensity:
        """What a kWh carried over a window."""
        numbers = range(grid.first_hour, grid.first_hour + grid.hours)
        values = np.array([self.hours.get(number, np.nan) for number in numbers])
        # Rows that lie ahead of the window, as prices of the next day do, tell nothing of it.
        newest = find_newest(values, grid)
        if newest is None and self.newest < grid.end:
            newest = self.newest
        return estimate_intensity(source, values, grid=grid, newest=newest, most_age=MOST_AGE)


def read_intensity(source: IntensitySource) -> HourlyTable:
    """The table of a source, in any order; several rows of one hour are one mean.

    Times are those at which a value begins to hold, as RFC 3339 or unix seconds; without an
    offset they are UTC. TableError for what cannot be read, for a value that cannot be meant, and
    for two values of one time, which local times have when the clock goes back.
    """
    path = Path(source.path)
    faults = Faults(path.name)
    reader = _Rows(source)
    for block in read_blocks(
        path, needed=NEEDED, optional=(), faults=faults, progress=lambda *_: None
    ):
        reader.read(block)
    if faults.count:
        raise TableError(
            f"{path}: {faults.describe()}; mend {'it' if faults.count == 1 else 'them'}"
        )
    if not reader.values:
        raise TableError(f"{path} has no rows below its first line")
    return HourlyTable(reader.hours(), max(reader.values))


@dataclass
class _Rows:
    """Values by their time."""

    source: IntensitySource
    values: dict[float, float] = field(default_factory=dict)
    _clock: Clock = field(default_factory=Clock)

    def read(self, block: Block) -> None:
        times = self._clock.read(block)
        values = self._amounts(block)
        for time, value, line in zip(times.tolist(), values.tolist(), block.lines, strict=True):
            if np.isnan(time) or np.isnan(value):
                continue
            if self.values.setdefault(time, value) != value:
                raise TableError(
                    f"{self.source.path} line {line}: {format_time(time)} has two values, "
                    f"{self.values[time]:g} and {value:g}; local times that come twice need their "
                    "offset (2026-10-25T02:00:00+02:00)"
                )

    def hours(self) -> dict[int, float]:
        found: dict[int, list[float]] = {}
        for time, value in self.values.items():
            found.setdefault(int(time // HOUR), []).append(value)
        return {hour: sum(values) / len(values) for hour, values in found.items()}

    def _amounts(self, block: Block) -> NDArray[np.float64]:
        """The values of a block; rows with what is none are faults. An empty one is a gap."""
        values = np.full(len(block.lines), np.nan)
        for row, cell in enumerate(block.columns["value"]):
            if not cell.strip():
                continue
            try:
                values[row] = float(cell)
            except ValueError:
                block.reject(row, lambda cell=cell: f"value {quote(cell)} is no number")  # type: ignore[misc]
                continue
            flaw = find_value_flaw(self.source.measure, values[row] * self.source.factor)
            if not np.isfinite(values[row]):
                flaw = f"{quote(cell)} is no number"
            if flaw:
                block.reject(row, lambda flaw=flaw: f"value: {flaw}")  # type: ignore[misc]
                values[row] = np.nan
        return values
