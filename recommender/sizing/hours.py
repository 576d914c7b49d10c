"""What one container wants in a block of the day, as ratios to the whole of its demand.

By use per pod, not by the work of all its pods as the replay has it: a workload whose pods come
and go by the hour uses less at night by having fewer, each of which wants as much as ever.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.replay.trace import BLOCKS
from recommender.sizing.blockrhythm import weigh_rhythm
from recommender.sizing.histogram import DEMAND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.sizing.histogram import Floats, Numbers


LEAST_TOLD = float(DEMAND.edges[1])
"""Cores that the first bucket of a histogram goes up to: within it a quantile has no scale."""


class Shape(msgspec.Struct, frozen=True):
    """Mean and p-quantile in a block, beside those of the whole window, cores."""

    mean: float
    floor: float
    whole_mean: float
    whole_floor: float

    @property
    def of_mean(self) -> float:
        """What a mean of the whole window is multiplied by."""
        return self.mean / self.whole_mean if self.whole_mean > 0.0 else 1.0

    def bend_floor(self, covered: float, *, most: float) -> float:
        """A quantile of the whole window as that of the block, not beyond the greatest demand.

        Where the whole window's is nothing that a histogram tells apart (a job of a few hours), no
        ratio leads to the block's: it stands for itself.
        """
        if self.whole_floor > LEAST_TOLD:
            return min(covered * self.floor / self.whole_floor, most)
        return min(max(covered, self.floor), most)


LIKE_ALL_DAY = Shape(1.0, 1.0, 1.0, 1.0)
"""What changes nothing: where the hours tell of no rhythm."""


class Hours(msgspec.Struct, frozen=True, dict=True):
    """Demand of one container by bin of the window, [T] each.

    cores  mean over its pods
    pods   that this is the mean of; 0 where there was none, and where the bin does not count
    day    of the grid, and `block` of the day (0 ... 5, UTC), of each bin
    """

    cores: Numbers
    pods: Numbers
    day: NDArray[np.int64]
    block: NDArray[np.int64]

    def shape(self, block: int, p: float) -> Shape:
        """How this block differs from the whole window, as far as that comes again each day.

        Every pod counts. The block's numbers are those of the window moved towards its own by the
        weight of `weigh_rhythm`: not at all where hours differ by chance, or were not seen on two
        days. So over a day's blocks the means come to the mean of the window.
        """
        rhythm = float(weigh_rhythm(self._block_means()))
        if not rhythm > 0.0:
            return LIKE_ALL_DAY
        here = self._is_seen & (self.block == block)
        whole = _describe(self.cores[self._is_seen], self.pods[self._is_seen], p)
        own = _describe(self.cores[here], self.pods[here], p)
        mean, floor = (
            every + rhythm * (each - every) for every, each in zip(whole, own, strict=True)
        )
        return Shape(mean, floor, *whole)

    @cached_property
    def _is_seen(self) -> NDArray[np.bool_]:
        return np.asarray((self.pods > 0) & np.isfinite(self.cores))

    def _block_means(self) -> Floats:
        """Mean cores by day and block, [D, 6]; NaN where nothing was seen."""
        days = int(self.day.max(initial=0)) + 1
        at = (self.day * BLOCKS + self.block)[self._is_seen]
        pods = self.pods[self._is_seen].astype(np.float64)
        total = np.bincount(at, self.cores[self._is_seen] * pods, days * BLOCKS)
        with np.errstate(invalid="ignore"):
            means = total / np.bincount(at, pods, days * BLOCKS)
        return np.asarray(means.reshape(days, BLOCKS))


def _describe(cores: Numbers, pods: Numbers, p: float) -> tuple[float, float]:
    """Mean and p-quantile of cores, each as often as it has pods; at least one."""
    order = np.argsort(cores)
    count = np.cumsum(pods[order], dtype=np.float64)
    at = min(int(np.searchsorted(count, p * count[-1])), len(order) - 1)
    return float(cores.astype(np.float64) @ pods / count[-1]), float(cores[order[at]])
