"""Bucket schemes and quantiles of usage histograms.

Three schemes: the stock recommender's for CPU and for memory (exact to its buckets, so that
tier T0 equals it), and a finer one of our own for CPU demand, in which quantiles are
interpolated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Numbers: TypeAlias = NDArray[np.number[Any]]


class Buckets(msgspec.Struct, frozen=True):
    """K buckets; `edges` [K + 1] ascend, edges[0] = 0. Values beyond the ends go to the ends."""

    edges: Floats

    @property
    def count(self) -> int:
        return len(self.edges) - 1

    def index(self, values: ArrayLike) -> NDArray[np.int64]:
        """The bucket of each value: edges[i] <= value < edges[i + 1]. NaN is no value."""
        found = np.searchsorted(self.edges, np.asarray(values), side="right") - 1
        return np.clip(found, 0, self.count - 1).astype(np.int64)


def _stock_buckets(first: float) -> Buckets:
    """Buckets that grow by 5 %: start(n) = first (1.05^n - 1) / 0.05, 176 of them.

    176 = ceil(log_1.05(0.05 max / first + 1)) + 1, the same for 1000 cores in steps from 0.01
    and for 1e12 bytes in steps from 1e7: the last bucket begins at or above the maximum.

    ===  ==============  ==================
    n    CPU, start(n)   memory, start(n)
    ===  ==============  ==================
    1    0.010000 cores          10000000 B
    2    0.020500 cores          20500000 B
    3    0.031525 cores          31525000 B
    16   0.236575 cores         236574918 B
    175  1021.11 cores   1.02111e12 B
    ===  ==============  ==================
    """
    powers = np.power(1.05, np.arange(177, dtype=np.float64))
    return Buckets(first * (powers - 1.0) / 0.05)


STOCK_CPU = _stock_buckets(0.01)
STOCK_MEMORY = _stock_buckets(1e7)

DEMAND = Buckets(np.concatenate([[0.0], 0.001 * 1.025 ** np.arange(512)]))
"""Buckets of 2.5 % from 1 millicore to 302 cores: interpolation inside a bucket leaves well under
1 % of error, and a day of a container costs 2 KiB."""


def percentile_ends(weights: Numbers, shares: Sequence[float], buckets: Buckets) -> Floats:
    """The stock percentiles of one histogram [K], one for each share.

    The end of the first bucket where the cumulative weight reaches the share of the total; the
    start of the last bucket, which has no end. NaN for an empty histogram.
    """
    cumulative = np.cumsum(weights, dtype=np.float64)
    if not cumulative[-1] > 0.0:
        return np.full(len(shares), np.nan)
    # Sums of weights that are equal in exact arithmetic may differ in their last bits.
    wanted = np.array(shares) * (cumulative[-1] * (1 - 1e-12))
    reached = np.searchsorted(cumulative, wanted, side="left")
    return np.asarray(buckets.edges[np.minimum(reached + 1, buckets.count - 1)])


def quantile(counts: Numbers, p: ArrayLike, buckets: Buckets = DEMAND) -> Floats:
    """The p-quantile of each histogram [..., K], linear inside its bucket. NaN where empty.

    `p` broadcasts against counts.shape[:-1].
    """
    cumulative = np.cumsum(counts, axis=-1, dtype=np.float64)
    total = cumulative[..., -1]
    wanted = np.asarray(p, dtype=np.float64) * total
    at = np.argmax(cumulative >= wanted[..., None], axis=-1)
    above = np.take_along_axis(cumulative, at[..., None], axis=-1)[..., 0]
    inside = np.take_along_axis(np.asarray(counts), at[..., None], axis=-1)[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.nan_to_num(1 - (above - wanted) / inside)
    low, high = buckets.edges[at], buckets.edges[at + 1]
    return np.where(total > 0, low + np.clip(share, 0.0, 1.0) * (high - low), np.nan)
