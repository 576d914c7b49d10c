"""How a container fared by hour: whether its limit held it back, whether it waited for a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.model.report import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.model.history import TimeGrid, UsageHistory
    from recommender.sizing.histogram import Floats

    Hours = NDArray[np.float64]

_CHUNK = 64  # rows at once: a few MB of floating point, whatever the fleet

UNTHROTTLED = 0.01
"""Share of the time held back up to which a window counts as free."""

MOST_THROTTLED = 0.20
"""Share of the whole window beyond which what was held back is no longer a matter of division:
how much a limit hides that bites most of the time cannot be told from what is left."""

MOST_HELD_BACK = 0.90
"""Share of an hour that counts at most: a container that never got to run shows no demand."""

FEWEST_FREE_BINS = 288
"""Free windows that say more than throttled ones: a day of five-minute bins."""


class Strain(msgspec.Struct, frozen=True):
    """What is known of one container by hour of the clock, [H] each; NaN where it is not.

    cores                 mean over its pods; NaN where there was none
    throttled, pressure,  as in `UsageHistory`; None where no series tells it
    latency
    """

    cores: Hours
    throttled: Hours | None = None
    pressure: Hours | None = None
    latency: Hours | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything but use is known."""
        return any(each is not None for each in (self.throttled, self.pressure, self.latency))


def read_strain(usage: UsageHistory, row: int, cores: Hours) -> Strain:
    """The strain of a row with these mean cores by hour [H]."""

    def pick(array: NDArray[np.float32] | None) -> Hours | None:
        if array is None or np.isnan(array[row]).all():
            return None
        return np.asarray(array[row], np.float64)

    return Strain(cores, pick(usage.throttled), pick(usage.pressure), pick(usage.latency))


def average_hours(usage: UsageHistory, hour: NDArray[np.int64]) -> Hours:
    """Mean cores over the pods of each row by hour, [W, H]; NaN where there was none.

    `hour` [T] is that of each bin, in order.
    """
    found = np.full((len(usage.containers), usage.grid.hours), np.nan)
    first = np.flatnonzero(np.diff(hour, prepend=-1))
    for begin in range(0, len(found), _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        pods = usage.pods[rows].astype(np.float64)
        cores = np.nan_to_num(usage.cpu_mean[rows]) * pods
        with np.errstate(invalid="ignore", divide="ignore"):
            found[rows, hour[first]] = np.add.reduceat(cores, first, axis=1) / np.add.reduceat(
                pods, first, axis=1
            )
    return found


class Release(msgspec.Struct, frozen=True):
    """What use would have been without its limit: a factor for each bin [T], 0 for a bin that
    does not count, and the step that says so.
    """

    factor: Floats
    reason: Reason


def release_throttled(
    strain: Strain, hour: NDArray[np.int64], is_used: NDArray[np.bool_]
) -> Release | None:
    """Use / (1 - throttled share) by hour; free windows alone where the limit bites more than a
    fifth of the time (energy.md, 4). None where nothing was held back, or it is not known.

    `hour` [T] is that of each bin, `is_used` [T] whether it has a sample.
    """
    if strain.throttled is None:
        return None
    known = np.isfinite(strain.throttled) & np.isfinite(strain.cores)
    held = np.where(known, strain.throttled, 0.0)
    share = float(held[known].mean()) if known.any() else 0.0
    if share <= 0.0:
        return None
    by_bin = np.minimum(held, MOST_HELD_BACK)[hour]
    is_free = by_bin <= UNTHROTTLED
    free = int((is_free & is_used).sum())
    value = f"{share:.1%} of the time"
    if share > MOST_THROTTLED and free >= FEWEST_FREE_BINS:
        kept = free / max(int(is_used.sum()), 1)
        why = f"held back by its limit too often to tell the rest: {kept:.0%} of its bins count,"
        return Release(is_free.astype(np.float64), _say(value, f"{why} the free ones"))
    why = "held back by its limit: use counts as use / (1 - share), hour by hour"
    if share > MOST_THROTTLED:
        why += "; a least estimate, for hardly any hour is free"
    return Release(1.0 / (1.0 - by_bin), _say(value, why))


def hours_of(grid: TimeGrid) -> NDArray[np.int64]:
    """The hour of each bin, [T]."""
    return np.asarray(grid.hour_of(np.arange(grid.bins)))


def _say(value: str, why: str) -> Reason:
    return Reason("throttling", value, why)
