"""How the work of a workload comes and goes over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.units import DAY, HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.model.history import TimeGrid

SATURDAY = 2
"""Days since 1970-01-01, a Thursday, modulo 7."""


class Rhythm(msgspec.Struct, frozen=True):
    """Work over time; 1 is the mean of an ordinary weekday.

    daily           swing of the day: 1 + daily at the peak hour, 1 - daily 12 h later
    peak_hour       UTC
    weekend         factor on Saturday and Sunday
    bursts          a day on average, at any time
    burst_factor    height of a usual burst; each differs
    burst_minutes   mean length of a burst
    busy_hours, idle_hours   mean lengths of working and waiting in turn; 0: always works
    noise           spread of the five-minute means of one pod (sigma of a log-normal)
    """

    daily: float = 0.0
    peak_hour: float = 14.0
    weekend: float = 1.0
    bursts: float = 0.0
    burst_factor: float = 1.0
    burst_minutes: float = 20.0
    busy_hours: float = 0.0
    idle_hours: float = 0.0
    noise: float = 0.1


class Schedule(msgspec.Struct, frozen=True):
    """Runs of a CronJob: `hours` long, every `every` hours from `begin` o'clock UTC on."""

    begin: float
    every: float
    hours: float

    def is_running(self, grid: TimeGrid) -> NDArray[np.bool_]:
        """Whether a run goes on in each bin [T]."""
        since = bin_middles(grid) / HOUR - self.begin
        return np.mod(since, self.every) < self.hours


IDLE_SHARE = 0.02
"""What a worker that waits for work uses of what it uses at work."""


def bin_middles(grid: TimeGrid) -> NDArray[np.float64]:
    """Unix seconds of the middle of each bin [T]."""
    return grid.start + (np.arange(grid.bins, dtype=np.float64) + 0.5) * grid.step


def draw_level(rhythm: Rhythm, grid: TimeGrid, rng: np.random.Generator) -> NDArray[np.float64]:
    """Work in each bin [T], as all pods of a workload see it."""
    seconds = bin_middles(grid)
    hour = np.mod(seconds, DAY) / HOUR
    weekday = np.mod(np.floor(seconds / DAY), 7)
    is_weekend = (weekday == SATURDAY) | (weekday == SATURDAY + 1)
    level = 1.0 + rhythm.daily * np.cos(2.0 * np.pi * (hour - rhythm.peak_hour) / 24.0)
    level *= np.where(is_weekend, rhythm.weekend, 1.0)
    level *= _draw_bursts(rhythm, grid, rng)
    return level * np.where(_draw_busy(rhythm, grid, rng), 1.0, IDLE_SHARE)


def _draw_bursts(rhythm: Rhythm, grid: TimeGrid, rng: np.random.Generator) -> NDArray[np.float64]:
    factor = np.ones(grid.bins)
    expected = rhythm.bursts * grid.bins / grid.bins_per_day
    for begin in rng.uniform(0.0, grid.bins, rng.poisson(expected)).astype(int):
        length = 1 + int(rng.exponential(rhythm.burst_minutes * 60.0 / grid.step))
        height = 1.0 + (rhythm.burst_factor - 1.0) * rng.lognormal(0.0, 0.3)
        burst = factor[begin : begin + length]
        np.maximum(burst, height, out=burst)
    return factor


def _draw_busy(rhythm: Rhythm, grid: TimeGrid, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Working and waiting in turn, beginning somewhere inside a turn."""
    if rhythm.idle_hours <= 0.0:
        return np.ones(grid.bins, dtype=np.bool_)
    turn = rhythm.busy_hours + rhythm.idle_hours
    hours = grid.bins * grid.step / HOUR
    turns = 8 + int(3.0 * hours / turn)
    means = np.array([rhythm.busy_hours, rhythm.idle_hours])
    # Gamma of shape 4: lengths differ by half, none is near zero.
    changes = np.cumsum(rng.gamma(4.0, means / 4.0, (turns, 2))) - rng.uniform(0.0, turn)
    at = (np.arange(grid.bins) + 0.5) * grid.step / HOUR
    return np.equal(np.searchsorted(changes, at) % 2, 0)
