"""How much of what a container does differently at other hours of the day comes again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.replay.trace import BLOCKS

if TYPE_CHECKING:
    from recommender.energy.array import Floats
    from recommender.replay.trace import PoolTrace

LEAST_RHYTHM = 0.7
"""Below it there is none: a variance ratio F = 1 / (1 - 0.7) = 3.3 between blocks and days is what
chance alone gives about one container in fifty (5 and 24 degrees of freedom: five days)."""


def estimate_rhythm(trace: PoolTrace) -> Floats:
    """`weigh_rhythm` of each container, [K]."""
    return weigh_rhythm(_block_means(trace))


def weigh_rhythm(means: Floats) -> Floats:
    """Weight of a block's own level against that of the whole day, [...] in 0 ... 1.

    `means` [D, 6, ...] are mean cores by day and block, NaN where nothing was seen.

    1 - (variance of a block's mean over days / days) / (variance between the blocks' means), the
    positive part: how far the differences between blocks go beyond those that days make. Bursts
    and batch jobs fall into some block by chance; a request that follows them moves six times a
    day for nothing. 0 where fewer than two days were seen.
    """
    count = np.isfinite(means).sum(axis=0)
    level = np.nansum(means, axis=0) / np.maximum(count, 1)
    scatter = np.nansum((means - level) ** 2, axis=0) / np.maximum(count - 1, 1)
    noise = (scatter / np.maximum(count, 1)).mean(axis=0)
    between = level.var(axis=0, ddof=1)
    weight = 1.0 - noise / np.where(between > 0.0, between, np.inf)
    is_known = (count > 1).all(axis=0) & (between > 0.0) & (weight >= LEAST_RHYTHM)
    return np.where(is_known, weight, 0.0)


def _block_means(trace: PoolTrace) -> Floats:
    """Mean cores by day, block and container, [D, 6, K]; NaN where nothing was seen."""
    days = np.unique(trace.day)
    means = np.full((len(days), BLOCKS, len(trace.containers)), np.nan)
    for row, day in enumerate(days):
        for block in range(BLOCKS):
            part = trace.only((trace.day == day) & (trace.block == block))
            if len(part.bins):
                means[row, block] = part.means
    return means
