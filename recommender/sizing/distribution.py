"""The distribution of one container's CPU demand, day by day.

Everything that the sizing asks of demand is linear in the days' counts: the share of time above
a request, the mean of what lies above it, quantiles. So a bootstrap over days is one small
matrix product, whatever the length of the window.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.sizing.histogram import DEMAND, Buckets

if TYPE_CHECKING:
    from recommender.sizing.histogram import Floats, Numbers

REPLICATES = 100
"""Resamples: five of them lie beyond either end of a 90 % interval."""

SEED = 75013
"""Of the resampling: the same days give the same bounds, on every run and machine."""

_LOW, _HIGH = 4, 95  # ranks, from 0, of the fifth from either end of 100

_ONCE = np.ones((1, 1))


class DayDistribution(msgspec.Struct, frozen=True, dict=True):
    """Counts [D, K] of samples by day and bucket, and `edges` [K + 1] of the buckets.

    Every day has a sample; inside a bucket samples are taken as evenly spread.
    """

    counts: Floats
    edges: Floats

    @classmethod
    def of(cls, counts: Numbers, buckets: Buckets = DEMAND) -> DayDistribution:
        """From counts [D, K]; days without a sample and empty buckets at the ends are dropped.

        No sample at all is a ValueError.
        """
        occupied = np.flatnonzero(counts.any(axis=0))
        if not len(occupied):
            raise ValueError("a distribution needs a sample")
        first, end = occupied[0], occupied[-1] + 1
        kept = counts[:, first:end]
        return cls(
            kept[kept.any(axis=1)].astype(np.float64),
            buckets.edges[first : end + 1],
        )

    @property
    def days(self) -> int:
        return len(self.counts)

    @cached_property
    def whole(self) -> DayDistribution:
        """All days as one: what is asked without weights needs no day for itself."""
        if self.days == 1:
            return self
        return DayDistribution(self.counts.sum(axis=0, keepdims=True), self.edges)

    def quantile(self, p: float, weights: Floats | None = None) -> Floats:
        """The p-quantile in cores for each row of `weights` [R, D]; as it was, without."""
        if weights is None:
            return self.whole.quantile(p, _ONCE)
        cumulative = weights @ self._cumulative
        wanted = p * cumulative[:, -1]
        # By flat index: on tables as small as these each numpy call costs more than its work.
        at = (cumulative < wanted[:, None]).sum(axis=1)
        flat = np.arange(0, cumulative.size, cumulative.shape[1]) + at
        through = cumulative.ravel()[flat]
        before = np.where(at > 0, cumulative.ravel()[flat - 1], 0.0)
        return np.asarray(
            self.edges[at] + (wanted - before) / (through - before) * self._widths[at]
        )

    def exposure(self, cores: Floats, weights: Floats | None = None) -> Floats:
        """Share of samples above each of `cores` [n], [R, n]."""
        if weights is None:
            return self.whole.exposure(cores, _ONCE)
        bucket, inside = self._locate(cores)
        above = self._above[:, bucket] * (1.0 - inside) + self._above[:, bucket + 1] * inside
        share = self._per_sample(above, weights)
        return np.asarray(np.where(cores < self.edges[0], 1.0, np.minimum(share, 1.0)))

    def shortfall(self, cores: Floats, weights: Floats | None = None) -> Floats:
        """Mean cores of demand above each of `cores` [n], E(u - r)+, [R, n].

        Exact for samples spread evenly inside buckets, where it is quadratic.
        """
        if weights is None:
            return self.whole.shortfall(cores, _ONCE)
        bucket, inside = self._locate(cores)
        at = self._above[:, bucket] * (1.0 - inside) + self._above[:, bucket + 1] * inside
        rest = (1.0 - inside) * self._widths[bucket] * (at + self._above[:, bucket + 1]) / 2.0
        mean = self._per_sample(self._excess[:, bucket + 1] + rest, weights)
        return np.asarray(np.maximum(mean, 0.0) + np.maximum(self.edges[0] - cores, 0.0))

    @cached_property
    def edge_shortfall(self) -> Floats:
        """`shortfall` at each edge, [K + 1]: where it is looked up, not computed."""
        return np.asarray(self.whole._per_sample(self.whole._excess, _ONCE)[0])  # noqa: SLF001

    def mean(self, weights: Floats | None = None) -> Floats:
        """Mean demand in cores, [R]: of the buckets, so that it fits `shortfall`."""
        if weights is None:
            return self.whole.mean(_ONCE)
        return np.asarray(self._per_sample(self._excess[:, :1], weights)[:, 0] + self.edges[0])

    @cached_property
    def _cumulative(self) -> Floats:
        """Samples up to the end of each bucket by day, [D, K]."""
        return np.cumsum(self.counts, axis=1)

    @cached_property
    def _widths(self) -> Floats:
        return np.diff(self.edges)

    @cached_property
    def _above(self) -> Floats:
        """Samples above each edge by day, [D, K + 1]."""
        above = np.empty((self.days, len(self.edges)))
        above[:, 0] = self._cumulative[:, -1]
        above[:, 1:] = self._cumulative[:, -1:] - self._cumulative
        return above

    @cached_property
    def _excess(self) -> Floats:
        """Sum over samples of what exceeds each edge, by day, [D, K + 1]."""
        slices = self._widths * (self._above[:, :-1] + self._above[:, 1:]) / 2.0
        sums = np.zeros((self.days, len(self.edges)))
        sums[:, :-1] = np.cumsum(slices[:, ::-1], axis=1)[:, ::-1]
        return sums

    def _locate(self, cores: Floats) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Floats]:
        """Bucket of each value and the share of the bucket that lies below it."""
        # Bounds by hand: np.clip costs more than all the rest on arrays as short as these.
        bucket = np.searchsorted(self.edges[1:-1], cores, side="right")
        inside = (cores - self.edges[bucket]) / self._widths[bucket]
        return bucket, np.minimum(np.maximum(inside, 0.0), 1.0)

    def _per_sample(self, by_day: Floats, weights: Floats) -> Floats:
        return np.asarray((weights @ by_day) / (weights @ self._cumulative[:, -1:]))


@lru_cache(maxsize=64)
def resample_days(days: int) -> Floats:
    """How often each of `days` days is drawn in each of REPLICATES resamples, [R, D].

    Whole days are the blocks: demand within a day hangs together, and shorter blocks would
    make the interval too narrow.
    """
    drawn = np.random.default_rng(SEED).multinomial(
        days, np.full(days, 1.0 / days), size=REPLICATES
    )
    weights = drawn.astype(np.float64)
    weights.flags.writeable = False
    return weights


def interval_of(replicates: Floats) -> tuple[Floats, Floats]:
    """The 90 % interval of each column of `replicates` [R, n]: [n] and [n]."""
    ranked = np.sort(replicates, axis=0)
    return ranked[_LOW], ranked[_HIGH]
