"""Sums of utilisation and watts by utilisation bin: all that a curve fit reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from recommender.energy.array import Floats, Integers, Mask

BIN_WIDTH = 0.02
"""Utilisation per bin: narrow against a server's curvature (the chord error of a published
server over 2 % is below 0.1 %), wide enough for tens of windows a day in each."""

BINS = 64
"""Bins up to utilisation 1.28: allocatable cores are fewer than the cores that system daemons
can use, so a busy node exceeds 1."""

MIN_COUNT = 5
"""Windows below which a bin's mean is left out."""


class BinSums(msgspec.Struct, frozen=True):
    """Windows, sum of utilisation and sum of watts, each [groups, BINS]."""

    count: Floats
    utilisation: Floats
    watts: Floats

    def pooled(self, weight: Floats | None = None) -> BinSums:
        """Sums over groups, weighted by `weight` ([replicates, groups]; once each without)."""
        weights = np.ones((1, len(self.count))) if weight is None else weight
        return BinSums(weights @ self.count, weights @ self.utilisation, weights @ self.watts)

    def usable(self) -> Mask:
        """Bins with enough windows, [groups, BINS]."""
        return self.count >= MIN_COUNT

    def mean_utilisation(self) -> Floats:
        return self.utilisation / np.maximum(self.count, 1.0)

    def mean_watts(self) -> Floats:
        return self.watts / np.maximum(self.count, 1.0)


def sum_bins(utilisation: Floats, watts: Floats, *, group: Integers, groups: int) -> BinSums:
    """Bin windows ([N] each; utilisation in 0 ... 1.28) by group (0 ... groups - 1)."""
    index = group * BINS + bin_of(utilisation)
    size = groups * BINS
    count, used, drawn = (
        np.bincount(index, weights, size).astype(np.float64).reshape(groups, BINS)
        for weights in (None, utilisation, watts)
    )
    return BinSums(count, used, drawn)


def sum_weighted(
    utilisation: Floats,
    watts: Floats,
    *,
    node: Integers,
    block: Integers,
    nodes: Floats,
    blocks: Floats,
) -> tuple[BinSums, Floats]:
    """Bin sums [R, BINS] of R weightings, and the windows that each counts of each node [R, nodes].

    A window counts with the product of the weights of its node and its block: `nodes` is
    [R, nodes], `blocks` [R, blocks]. Windows ([N] each) are binned once; the rest is one product
    of matrices, so the cost is N + R x nodes x blocks x BINS.
    """
    size = (blocks.shape[1], nodes.shape[1] * BINS)
    index = (block * nodes.shape[1] + node) * BINS + bin_of(utilisation)

    def add_up(weights: Floats | None) -> Floats:
        """[R, nodes, BINS], with the weights of blocks only."""
        table = np.bincount(index, weights, size[0] * size[1]).astype(np.float64, copy=False)
        return (blocks @ table.reshape(size)).reshape(len(blocks), -1, BINS)

    def over_nodes(values: Floats) -> Floats:
        return np.asarray(np.einsum("rn,rnk->rk", nodes, values))

    count = add_up(None)
    sums = BinSums(over_nodes(count), over_nodes(add_up(utilisation)), over_nodes(add_up(watts)))
    return sums, nodes * count.sum(axis=2)


def bin_of(utilisation: Floats) -> Integers:
    """Bin of each window; the nudge keeps 0.06 / 0.02 = 2.9999... in bin 3."""
    return np.minimum((utilisation / BIN_WIDTH + 1e-9).astype(np.int64), BINS - 1)
