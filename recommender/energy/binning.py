"""Sums of utilisation and watts by utilisation bin: all that a curve fit reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


@dataclass(frozen=True)
class BinSums:
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


def bin_of(utilisation: Floats) -> Integers:
    """Bin of each window; the nudge keeps 0.06 / 0.02 = 2.9999... in bin 3."""
    return np.minimum((utilisation / BIN_WIDTH + 1e-9).astype(np.int64), BINS - 1)
