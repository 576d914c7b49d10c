"""Sampling a fleet's truth into series, as a scraper would have seen it.

Counters are the exact integrals of what the fleet used: at a bin's edge the counter is the sum of
the bins before it, and within a bin it rises evenly.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tests.testbed.openmetrics import Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.testbed.fleet import Fleet, FleetShape, Pod

DRAM_SHARE = 0.15
CORE_SHARE = 0.7  # of the package, which contains it: whoever adds the two counts it twice
SOCKETS = 2

# What was used before the history began, so that no counter of an old series starts from zero.
SECONDS_BEFORE = 12_345.678
JOULES_BEFORE = 9_876_543.21


@lru_cache(maxsize=64)
def sample_times(shape: FleetShape, start: int, end: int, spacing: int) -> np.ndarray:
    """Times of samples from one edge to another, both included; the same array for the same call."""
    return np.arange(start + shape.scrape_offset_seconds, end + 1, spacing, dtype=np.int64)


class Sampler:
    """Samples the fleet's rows: rates to counters, levels to gauges, constants to either."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def _times(self, first: int, end: int, spacing: int) -> np.ndarray:
        edges = self._fleet.edges
        return sample_times(self._fleet.shape, int(edges[first]), int(edges[end]), spacing)

    def counter(
        self,
        name: str,
        labels: Mapping[str, str],
        rate: np.ndarray,
        *,
        life: tuple[int, int] | None = None,
        before: float = 0.0,
        wraps_at: float | None = None,
    ) -> Series:
        """The integral of a row of `rate` per second over the bins of `life`, from `before` on."""
        fleet = self._fleet
        first, end = life or (0, len(rate))
        edges = fleet.edges[first : end + 1]
        total = np.concatenate(([0.0], np.cumsum(rate[first:end] * fleet.shape.bin_seconds)))
        times = self._times(first, end, fleet.shape.sample_seconds)
        values = np.interp(times, edges, total + before)
        if wraps_at is not None:
            values = np.mod(values, wraps_at)
        # Nanoseconds and microjoules are all that kernels count; it also makes the text shorter.
        return Series(name, labels, times, np.round(values, 9 if "seconds" in name else 6))

    def gauge(
        self,
        name: str,
        labels: Mapping[str, str],
        level: np.ndarray,
        life: tuple[int, int] | None = None,
    ) -> Series:
        """A row of levels: each sample has that of its bin, the last edge that of the last bin."""
        fleet = self._fleet
        first, end = life or (0, len(level))
        times = self._times(first, end, fleet.shape.sample_seconds)
        bins = np.minimum((times - fleet.start) // fleet.shape.bin_seconds, end - 1)
        return Series(name, labels, times, level[bins], "gauge")

    def constant(
        self,
        name: str,
        labels: Mapping[str, str],
        value: float = 1.0,
        life: tuple[int, int] | None = None,
    ) -> Series:
        """One value for all the time, in wide spacing."""
        first, end = life or (0, len(self._fleet.edges) - 1)
        times = self._times(first, end, self._fleet.shape.info_seconds)
        return Series(name, labels, times, np.full(len(times), float(value)), "gauge")


def life_of(pod: Pod) -> tuple[int, int]:
    return pod.first, pod.end


def seconds_before(pod: Pod) -> float:
    return SECONDS_BEFORE if pod.first == 0 else 0.0


def zone_watts(fleet: Fleet, node: int) -> dict[tuple[str, int], np.ndarray]:
    """Watts of a node's RAPL zones by (zone, socket); package and dram add up to the node's."""
    dram = fleet.node_watts[node] * DRAM_SHARE / SOCKETS
    package = fleet.node_watts[node] * (1 - DRAM_SHARE) / SOCKETS
    zones = {"package": package, "dram": dram, "core": package * CORE_SHARE}
    return {(zone, socket): zones[zone] for zone in zones for socket in range(SOCKETS)}
