"""Fleets of made-up containers as arrays: the ground of the back-test, of tests and of simulate.

What each kind is like, with r the request of the stock rule (p90 x 1.15) over the mean use:

    flat    r about 1.4: noise around a level
    daily   r about 1.8: broad days that come to all containers at once, weaker weekends; pools
            packed by the stock rule run hot together
    bursty  r about 2.4: levels that last some 50 minutes each, every container for itself
    batch   r about 3.9: on for hours, off for longer
    mixed   the four in turn, a quarter each
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec
import numpy as np

from recommender.model.history import TimeGrid
from recommender.simulator.rhythm import SATURDAY, Rhythm, bin_middles, draw_level
from recommender.units import DAY, HOUR, MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from recommender.energy.price import WorkClass

    Floats = NDArray[np.float64]
    _Draw: TypeAlias = Callable[["_Calendar", np.random.Generator], Floats]

DemandKind = Literal["flat", "daily", "bursty", "batch"]
FleetKind = Literal["flat", "daily", "bursty", "batch", "mixed"]

DEMAND_KINDS: tuple[DemandKind, ...] = get_args(DemandKind)
FLEET_KINDS: tuple[FleetKind, ...] = get_args(FleetKind)

END = 1780272000
"""2026-06-01T00:00:00Z, a Monday: a fleet is the same whenever it is drawn."""

MOST_CORES = 32.0
"""The largest request: more fits few machines, and a pool is never all of one container."""

SIZE_MEDIAN, SIZE_SPREAD = 0.5, 0.8
"""Mean cores of a container: median, and sigma of the log-normal."""
REQUEST_RATIO, REQUEST_SPREAD = 3.3, 0.5
"""What users request over the mean use: median, and sigma of the log-normal."""

MEMORY_MEDIAN, MEMORY_SPREAD, MEMORY_POWER = 1.6 * 1024 * MIB, 0.6, 0.5
"""Peak working set of a container with SIZE_MEDIAN cores, its sigma, and how it grows with the
cores. On machines with 4 GiB a core memory alone would need about a third of the nodes that the
CPU requests of users need: it does not bind, and would if CPU requests came near the mean use."""
MEMORY_REQUEST_RATIO, MEMORY_REQUEST_SPREAD = 1.5, 0.25
"""What users request over the peak working set."""
MOST_BYTES_PER_CORE = 8 * 1024 * MIB
"""The largest memory request, for each core of the largest CPU request."""

NOISE: dict[DemandKind, float] = {"flat": 0.12, "daily": 0.05, "bursty": 0.12, "batch": 0.12}
"""Sigma of five-minute means around what a container does (log-normal); what many people ask
for averages out."""
PEAK_HOUR, PEAK_HOUR_SPREAD = 14.0, 0.5
"""UTC; sigma in hours of the containers around it."""
DAY_STEEPNESS, DAY_WIDTH = 8.0, 0.25
"""How sharply a day begins and ends, and the cosine below which it is night: busy for 14 hours."""
NIGHT = (0.25, 0.55)
"""Use at night over that of the day, from and to."""
DAY_SPREAD, OWN_DAY_SPREAD = 0.1, 0.02
"""No day is like another: sigma of what all containers have in common, and of their own."""
WEEKEND = 0.8
LEVEL_HOURS, LEVEL_SPREAD, LEVEL_MOST = 0.8, 0.9, 8.0
"""Of bursty containers: mean length of a level, sigma of the log-normal, the most over its mean."""


class Fleet(msgspec.Struct, frozen=True):
    """K containers over T bins, each in a pod of its own.

    usage            float32 [K, T]  cores
    cpu_requests     float64 [K]     cores, whole 10 millicores: what users request
    memory           float64 [K]     bytes: peak working set
    memory_requests  float64 [K]     bytes, whole MiB: what users request
    demands          kind of demand of each container
    work_classes     work class of each: batch for on/off batch, else standard
    """

    grid: TimeGrid
    kind: FleetKind
    seed: int
    usage: NDArray[np.float32]
    cpu_requests: Floats
    memory: Floats
    memory_requests: Floats
    demands: tuple[DemandKind, ...]
    work_classes: tuple[WorkClass, ...]


class _Calendar(msgspec.Struct, frozen=True):
    """What all containers share: hour of day, weekend factor and common day factor [T] each,
    and the day of each bin.
    """

    grid: TimeGrid
    hour: Floats
    weekend: Floats
    common: Floats
    day: NDArray[np.int64]


def draw_fleet(
    kind: FleetKind,
    *,
    containers: int,
    days: int,
    seed: int,
    end: int = END,
    most_cores: float = MOST_CORES,
) -> Fleet:
    """A fleet of `containers` over `days` up to `end` (unix seconds, UTC days).

    The same arguments give the same arrays, bit by bit. Each container draws for itself: fewer
    containers are the first ones of more. `most_cores` is the largest request; no container
    uses more than twice that. ValueError unless containers and days are positive.
    """
    if containers < 1 or days < 1:
        raise ValueError(f"at least one container and one day, not {containers} and {days}")
    grid = TimeGrid.ending(end, days * DAY)
    calendar = _draw_calendar(grid, np.random.default_rng([seed, 0]))
    usage = np.empty((containers, grid.bins), np.float32)
    sizes = np.empty((containers, 4))
    demands = tuple(_choose_demand(kind, number) for number in range(containers))
    for number, demand in enumerate(demands):
        rng = np.random.default_rng([seed, 1 + number])
        sizes[number] = cores, *_ = _draw_sizes(rng, most_cores)
        shape = _DRAWS[demand](calendar, rng)
        shape *= np.exp(NOISE[demand] * rng.standard_normal(grid.bins, dtype=np.float32))
        shape *= cores / shape.mean()
        usage[number] = np.minimum(shape, 2.0 * most_cores)
    return Fleet(
        grid=grid,
        kind=kind,
        seed=seed,
        usage=usage,
        cpu_requests=sizes[:, 1],
        memory=sizes[:, 2],
        memory_requests=sizes[:, 3],
        demands=demands,
        work_classes=tuple("batch" if each == "batch" else "standard" for each in demands),
    )


def _choose_demand(kind: FleetKind, number: int) -> DemandKind:
    return DEMAND_KINDS[number % len(DEMAND_KINDS)] if kind == "mixed" else kind


def _draw_sizes(rng: np.random.Generator, most_cores: float) -> tuple[float, float, float, float]:
    """Mean cores, requested cores, bytes of the working set, requested bytes."""
    size, ratio, amount, memory_ratio = np.exp(
        np.array([SIZE_SPREAD, REQUEST_SPREAD, MEMORY_SPREAD, MEMORY_REQUEST_SPREAD])
        * rng.standard_normal(4)
    ).tolist()
    # A quarter of the largest request: what is requested is the median's multiple also there.
    cores = min(SIZE_MEDIAN * size, most_cores / 4.0)
    requested = min(cores * REQUEST_RATIO * ratio, most_cores)
    memory = MEMORY_MEDIAN * (cores / SIZE_MEDIAN) ** MEMORY_POWER * amount
    wanted = min(memory * MEMORY_REQUEST_RATIO * memory_ratio, most_cores * MOST_BYTES_PER_CORE)
    wanted = float(round(wanted / MIB)) * MIB
    return cores, max(1.0, round(requested * 100)) / 100, min(memory, wanted), wanted


def _draw_calendar(grid: TimeGrid, rng: np.random.Generator) -> _Calendar:
    seconds = bin_middles(grid)
    weekday = np.mod(np.floor(seconds / DAY), 7)
    day = np.asarray(grid.day_of(np.arange(grid.bins)))
    return _Calendar(
        grid=grid,
        hour=np.mod(seconds, DAY) / HOUR,
        weekend=np.where((weekday == SATURDAY) | (weekday == SATURDAY + 1), WEEKEND, 1.0),
        common=np.exp(DAY_SPREAD * rng.standard_normal(grid.days))[day],
        day=day,
    )


def _draw_flat(calendar: _Calendar, rng: np.random.Generator) -> Floats:
    """A level that drifts a little from day to day."""
    return _draw_days(calendar, rng)


def _draw_daily(calendar: _Calendar, rng: np.random.Generator) -> Floats:
    """Broad days and quiet nights, at nearly the same hours for all."""
    night = rng.uniform(*NIGHT)
    peak = PEAK_HOUR + PEAK_HOUR_SPREAD * rng.standard_normal()
    angle = (2.0 * np.pi / 24.0) * (calendar.hour - peak)
    busy = 1.0 / (1.0 + np.exp(-DAY_STEEPNESS * (np.cos(angle) + DAY_WIDTH)))
    level: Floats = (night + (1.0 - night) * busy) * calendar.weekend * calendar.common
    return level * _draw_days(calendar, rng)


def _draw_bursty(calendar: _Calendar, rng: np.random.Generator) -> Floats:
    """Levels that last for a while each, most of them low."""
    grid = calendar.grid
    bins = LEVEL_HOURS * HOUR / grid.step
    changes = np.cumsum(rng.exponential(bins, 16 + int(2.0 * grid.bins / bins)))
    which = np.searchsorted(changes, np.arange(grid.bins) + 0.5)
    levels = LEVEL_SPREAD * rng.standard_normal(len(changes) + 1) - LEVEL_SPREAD**2 / 2
    return np.asarray(np.minimum(np.exp(levels), LEVEL_MOST)[which], dtype=np.float64)


def _draw_batch(calendar: _Calendar, rng: np.random.Generator) -> Floats:
    """Hours of work, more hours of waiting for it."""
    share, busy = rng.uniform(0.18, 0.42), rng.uniform(2.0, 6.0)
    idle = busy * (1.0 - share) / share
    return draw_level(Rhythm(busy_hours=busy, idle_hours=idle), calendar.grid, rng)


def _draw_days(calendar: _Calendar, rng: np.random.Generator) -> Floats:
    """A factor for each day of one container [T]."""
    factors = np.exp(OWN_DAY_SPREAD * rng.standard_normal(calendar.grid.days))
    return np.asarray(factors[calendar.day], dtype=np.float64)


_DRAWS: dict[DemandKind, _Draw] = {
    "flat": _draw_flat,
    "daily": _draw_daily,
    "bursty": _draw_bursty,
    "batch": _draw_batch,
}
