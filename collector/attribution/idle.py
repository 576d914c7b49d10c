"""The power of a zone at no work, learnt from the powers at some work.

Idle power is the intercept of power against busy cycles. It is never measured as E x (1 - U):
that calls the larger part of a half-used machine's energy idle at half use and none of it at
full use, while what the machine draws for being on does not change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 24
DEPTH = 8
"""The latest eight moments of each of 24 classes of load are kept: the night's low load still
informs the day's fit, and a steady load does not outweigh all others."""

MAX_AGE_SECONDS = 86_400.0
"""A day: both ends of a daily rhythm are known, and a changed frequency policy is forgotten."""

LEAST_SAMPLES = 3
LEAST_SPREAD = 2.0
"""The highest load is at least twice the lowest: beyond, the intercept is a guess."""

LEAST_PRECISION = 0.15
"""Standard error of the intercept over the zone's median power."""

NEARNESS = 4.0
"""Classes near the lowest load weigh more, (1 + 4 z)^-4 for z = 0 ... 1 from the lowest load to the
highest: power is curved (turbo, voltage), and what counts is its course towards no load."""

LOW_QUANTILE = 0.1
REFIT_EVERY = 12


@dataclass(frozen=True)
class IdleEstimate:
    """Watts at no work, as `fitted` intercept, or the `lowest` that was seen until one is."""

    watts: float
    method: Literal["fitted", "lowest"]


class IdleFit:
    """Online estimate of one zone's idle power.

    Robust: it works on the medians of load classes. It is never above the lowest power seen
    (the tenth percentile of the class of least power), since no work costs negative power.
    """

    def __init__(self) -> None:
        self._cap = 0.0
        self._load = np.zeros((BINS, DEPTH))
        self._watts = np.zeros((BINS, DEPTH))
        self._at = np.full((BINS, DEPTH), -np.inf)
        self._added = np.zeros(BINS, dtype=np.int64)
        self._news = 0
        self._estimate: IdleEstimate | None = None

    def add(self, at: float, load: float, watts: float) -> None:
        """One interval: its busy cycles (or seconds) per second and its power."""
        if load > self._cap:
            self._widen(2.0 * load)
        place = min(int(load / self._cap * BINS), BINS - 1) if self._cap else 0
        slot = int(self._added[place]) % DEPTH
        self._load[place, slot], self._watts[place, slot] = load, watts
        self._at[place, slot] = at
        self._added[place] += 1
        self._news += 1
        if self._is_due(watts):
            self._estimate = self._fit(at)

    def _is_due(self, watts: float) -> bool:
        """Fitting costs 0.1 ms: always at first, later for news that matter, else each minute."""
        if self._estimate is None or self._news < 10 * REFIT_EVERY:
            return True
        return watts < self._estimate.watts or self._news % REFIT_EVERY == 0

    @property
    def estimate(self) -> IdleEstimate | None:
        """The present estimate; None before the first interval."""
        return self._estimate

    def state(self) -> list[list[float]]:
        """The kept moments as [at, load, watts], oldest first, for a state file."""
        return [[float(f"{each:.9g}") for each in row] for row in self._samples()]

    @classmethod
    def restore(cls, state: Any) -> IdleFit:
        """A fit that knows what `state` tells. Raises ValueError for anything else."""
        fit = cls()
        rows = np.array(state, dtype=np.float64).reshape(-1, 3)
        for at, load, watts in rows.tolist():
            fit.add(at, load, watts)
        return fit

    def _samples(self) -> NDArray[np.float64]:
        is_there = np.isfinite(self._at)
        rows = np.column_stack((self._at[is_there], self._load[is_there], self._watts[is_there]))
        return rows[np.argsort(rows[:, 0], kind="stable")]

    def _widen(self, cap: float) -> None:
        """Sort the kept moments into the classes of a wider range of load."""
        rows = self._samples()
        self._cap = cap
        self._at.fill(-np.inf)
        self._added.fill(0)
        for at, load, watts in rows.tolist():
            place = min(int(load / cap * BINS), BINS - 1)
            slot = int(self._added[place]) % DEPTH
            self._load[place, slot], self._watts[place, slot] = load, watts
            self._at[place, slot] = at
            self._added[place] += 1

    def _fit(self, now: float) -> IdleEstimate:
        is_valid = self._at > now - MAX_AGE_SECONDS
        count = is_valid.sum(axis=1)
        needed = min(LEAST_SAMPLES, int(count.max()))
        is_used = count >= max(needed, 1)
        count, is_valid = count[is_used], is_valid[is_used]
        watts = np.sort(np.where(is_valid, self._watts[is_used], np.inf), axis=1)
        loads = np.sort(np.where(is_valid, self._load[is_used], np.inf), axis=1)
        load = _median(loads, count)
        lowest = max(float(_quantile(watts, count, LOW_QUANTILE).min()), 0.0)
        if needed < LEAST_SAMPLES or load[-1] < LEAST_SPREAD * load[0] or len(load) < 2:
            return IdleEstimate(lowest, "lowest")
        middle = _median(watts, count)
        noise = _quantile(watts, count, 0.75) - _quantile(watts, count, 0.25)
        value, error = _intercept(load, middle, count=count, noise=noise / 1.35)
        if value <= 0.0 or error > LEAST_PRECISION * float(np.median(middle)):
            return IdleEstimate(lowest, "lowest")
        return IdleEstimate(min(value, lowest), "fitted")


def _median(ordered: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
    upper = _quantile(ordered, count, 0.5, is_upper=True)
    return (_quantile(ordered, count, 0.5) + upper) / 2.0


def _quantile(
    ordered: NDArray[np.float64],
    count: NDArray[np.int64],
    share: float,
    *,
    is_upper: bool = False,
) -> NDArray[np.float64]:
    """Of each row the value at `share` of its first `count` values, which ascend."""
    position = share * (count - 1)
    place = np.ceil(position) if is_upper else np.floor(position)
    return np.asarray(ordered[np.arange(len(count)), place.astype(np.int64)])


def _intercept(
    load: NDArray[np.float64],
    watts: NDArray[np.float64],
    *,
    count: NDArray[np.int64],
    noise: NDArray[np.float64],
) -> tuple[float, float]:
    """Weighted least squares of watts against load: value at no load and its standard error."""
    nearness = (1.0 + NEARNESS * (load - load[0]) / (load[-1] - load[0])) ** -4.0
    weight = nearness * count
    mean = float(np.average(load, weights=weight))
    lean = weight * (load - mean)
    influence = weight / weight.sum() - mean * lean / float((lean * load).sum())
    variance = np.average(noise**2, weights=count) * 1.57 / count  # of a median
    return float(influence @ watts), float(np.sqrt((influence**2) @ variance))
