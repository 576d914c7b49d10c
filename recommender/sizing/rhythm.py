"""What demand is like over time, and so how much of it must be seen to know its quantiles.

Days of five-minute history for 5 % error of a p90 request (energy.md, 7):

===========  =====  ==================================================
pattern      days   it is
===========  =====  ==================================================
on/off       7      idle at least half of the time, and busy at others
bursty       28     spread about its rhythm by half of the mean or more
rhythm       7      alike after 24 or 168 hours
flat         1      none of these
===========  =====  ==================================================

What is on or off shows its p90 in a week, but its mean only in four.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.model.report import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.sizing.histogram import Floats

NEEDED = {"flat": 1.0, "daily": 7.0, "weekly": 7.0, "bursty": 28.0, "on/off": 7.0}
"""Days for each pattern."""

UNSURE_MEANS = frozenset({"on/off", "bursty"})
NEEDED_FOR_MEAN = 28.0
"""Days until the mean of these is known."""

LEAST_LIKENESS = 0.3
"""Autocorrelation from which there is a rhythm: two weeks of white noise reach 0.11 by chance."""

LEAST_GAIN = 0.1
"""By how much a week must be more alike than a day, to be called weekly."""

IDLE = 0.1
"""Share of the p95 below which a bin is idle."""

LEAST_CORES = 0.001
"""Whose p95 is less has no pattern that matters."""

BURSTY = 0.5
"""Spread about the rhythm, over the mean."""

_DAY_HOURS = 24
_WEEK_HOURS = 168
_LEAST_PAIRS = 24  # of hours a lag apart: a day


class Rhythm(msgspec.Struct, frozen=True):
    """The pattern, the days of history that it needs, and how that was found."""

    pattern: str
    days_needed: float
    why: str

    def explain(self, days: float) -> Reason:
        """Whether `days` of history are enough."""
        is_enough = days >= self.days_needed
        verdict = "enough" if is_enough else f"{self.days_needed:g} d needed to know it to 5%"
        return Reason("pattern", self.pattern, f"{self.why}: {days:.1f} d of history, {verdict}")


def find_rhythm(likeness: Floats, cores: Floats, slot: NDArray[np.int64], *, top: float) -> Rhythm:
    """The pattern of mean cores by bin [T], NaN where there was no pod.

    `likeness` [2] is that of `estimate_likeness`, `slot` [T] the hour of the day of each bin, `top`
    the p95 of use in cores.
    """
    is_known = np.isfinite(cores)
    known = cores[is_known]
    if top < LEAST_CORES or not len(known):
        return Rhythm("flat", NEEDED["flat"], "next to nothing is used")
    idle = float((known < IDLE * top).mean())
    if idle >= 0.5:
        return Rhythm("on/off", NEEDED["on/off"], f"idle in {idle:.0%} of its time")
    day, week = likeness.tolist()
    has_rhythm = max(day, week) >= LEAST_LIKENESS
    spread = _spread_about(known, slot[is_known] if has_rhythm else np.zeros_like(slot[is_known]))
    if spread >= BURSTY:
        return Rhythm("bursty", NEEDED["bursty"], f"spread about its rhythm by {spread:.0%}")
    if week >= LEAST_LIKENESS and week >= day + LEAST_GAIN:
        why = f"alike after a week ({week:.2f}, {day:.2f} after a day)"
        return Rhythm("weekly", NEEDED["weekly"], why)
    if has_rhythm:
        return Rhythm("daily", NEEDED["daily"], f"alike after a day ({day:.2f})")
    return Rhythm("flat", NEEDED["flat"], f"no rhythm ({day:.2f} after a day)")


def estimate_likeness(hour_cores: Floats) -> Floats:
    """How alike hours are after a day and after a week, [..., 2], of mean cores by hour [..., H].

    For all containers at once: one by one each of the small steps costs more than its numbers.
    """
    return np.stack([correlate_lag(hour_cores, lag) for lag in (_DAY_HOURS, _WEEK_HOURS)], axis=-1)


def correlate_lag(values: Floats, lag: int) -> Floats:
    """Correlation of values [..., H] with those `lag` later, [...], over the pairs that are both
    known; 0 with fewer than a day of pairs, and for what never changes.
    """
    first, later = values[..., :-lag], values[..., lag:]
    both = np.isfinite(first) & np.isfinite(later)
    pairs = both.sum(axis=-1)
    one, other = (_center(each, both, pairs) for each in (first, later))
    # Differences within the rounding of float32 are none.
    highest = np.abs(np.where(np.isfinite(values), values, 0.0)).max(axis=-1, initial=0.0)
    least = pairs * (1e-6 * highest) ** 2
    scale = np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))
    is_told = (pairs >= _LEAST_PAIRS) & (scale > least)
    return np.asarray((one * other).sum(axis=-1) / np.where(is_told, scale, 1.0) * is_told)


def _center(values: Floats, chosen: NDArray[np.bool_], count: NDArray[np.int64]) -> Floats:
    """The chosen values less their mean, zero where not chosen."""
    kept = np.where(chosen, values, 0.0)
    mean = kept.sum(axis=-1, keepdims=True) / np.maximum(count, 1)[..., None]
    return np.where(chosen, kept - mean, 0.0)


def _spread_about(known: Floats, slot: NDArray[np.int64]) -> float:
    """Standard deviation about the mean of each slot, over the mean of all."""
    mean = np.bincount(slot, known) / np.maximum(np.bincount(slot), 1)
    return float((known - mean[slot]).std() / known.mean())
