"""Time windows of the nodes of one class: what a curve and a price are learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.energy.binning import BIN_WIDTH, BINS, MIN_COUNT, bin_of

if TYPE_CHECKING:
    from recommender.energy.array import Floats, Integers, Mask

HOUR = 3600.0

IDLE_BELOW = 0.05
"""Utilisation below which whole packages fall asleep. Power drops steeply there (idle
servers since 2015 draw 34 to 80 % of what they draw at 10 % load), which no convex curve
follows: one idle node would spoil the intercept of its class."""


class NodeWindows(msgspec.Struct, frozen=True):
    """One row per node and time window, each array [N], in any order.

    `time` unix seconds, `node` 0 ... nodes - 1, `utilisation` used over allocatable cores,
    `watts` of the node, `frequency` hertz of its clock (None: nobody knows it). NaN where a value
    is missing. Different lengths are a ValueError.
    """

    time: Floats
    node: Integers
    utilisation: Floats
    watts: Floats
    frequency: Floats | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.time), len(self.node), len(self.utilisation), len(self.watts)}
        if self.frequency is not None:
            lengths.add(len(self.frequency))
        if len(lengths) != 1:
            raise ValueError(f"arrays of one length expected, got {sorted(lengths)}")

    @classmethod
    def empty(cls) -> NodeWindows:
        """No windows at all."""
        none = np.zeros(0)
        return cls(none, np.zeros(0, dtype=np.int64), none, none)

    def used(self) -> NodeWindows:
        """The windows with a believable utilisation: 0 ... 1.28 (see binning.BINS)."""
        # NaN compares false.
        return _select(self, (self.utilisation >= 0.0) & (self.utilisation < BINS * BIN_WIDTH))

    def metered(self) -> NodeWindows:
        """The windows of `used` with power; a running server never draws 0 W, a meter can."""
        used = self.used()
        return _select(used, (used.watts > 0.0) & (used.watts < np.inf))

    def awake(self) -> NodeWindows:
        """The windows in which the node did more than idle."""
        return _select(self, self.utilisation >= IDLE_BELOW)

    def hours(self) -> int:
        """Clock hours that hold at least one window."""
        return number_periods(self.time, HOUR)[1]

    def usable_bins(self) -> Floats:
        """Middles of the utilisation bins with enough windows, ascending."""
        counts = np.bincount(bin_of(self.utilisation), minlength=BINS)
        full = np.flatnonzero(counts >= MIN_COUNT)
        return (full.astype(np.float64) + 0.5) * BIN_WIDTH

    def __len__(self) -> int:
        return len(self.time)


def number_periods(time: Floats, seconds: float) -> tuple[Integers, int]:
    """Number the clock periods of `seconds` that hold a time: the number of each, and how many.

    Counting instead of sorting: a fortnight of a thousand nodes is four million times.
    """
    if not len(time):
        return np.zeros(0, dtype=np.int64), 0
    period = (time // seconds).astype(np.int64)
    period -= period.min()
    is_present = np.bincount(period) > 0
    return (np.cumsum(is_present) - 1)[period], int(np.count_nonzero(is_present))


def _select(windows: NodeWindows, kept: Mask) -> NodeWindows:
    if kept.all():
        return windows
    return NodeWindows(
        windows.time[kept],
        windows.node[kept],
        windows.utilisation[kept],
        windows.watts[kept],
        None if windows.frequency is None else windows.frequency[kept],
    )
