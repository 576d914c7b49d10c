"""Demand at one frequency: a core-second is worth more work where the CPU runs faster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.model.report import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from recommender.model.history import NodeHistory, TimeGrid
    from recommender.sizing.histogram import Floats

LEAST_SPREAD = 0.10
"""Spread of the frequency, p5 to p95 over its mean, from which its effect can be learnt."""

MOST_ERROR = 0.25
"""Halfwidth of the 90 % interval of beta beyond which the data do not tell it."""

FEWEST_BINS = 500
_NORMAL_90 = 1.645  # standard deviations to either end of a 90 % interval
_HIDDEN = 0.005  # a frequency that varies by less changes no histogram: a fifth of a bucket


class Normalisation(msgspec.Struct, frozen=True):
    """u (f / f_ref)^beta as a factor for each bin [T], the compensation (f_ref / f_target)^beta
    that the request gets once, and the step that says so.
    """

    factor: Floats
    compensation: float
    reason: Reason


def mean_frequency(nodes: NodeHistory, pods_on: Mapping[str, int]) -> Floats | None:
    """Hertz by bin [T] over the nodes that a workload runs on, each with its pods; NaN where
    none is known. None where nothing is.
    """
    if nodes.frequency is None:
        return None
    weights = np.array([float(pods_on.get(name, 0)) for name in nodes.nodes])
    rows = np.flatnonzero(weights)
    hertz = nodes.frequency[rows].astype(np.float64)
    known = np.isfinite(hertz) & (hertz > 0.0)
    if not known.any():
        return None
    weight = weights[rows][:, None] * known
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((weight * np.where(known, hertz, 0.0)).sum(axis=0) / weight.sum(axis=0))


def normalise_frequency(
    cores: Floats, hertz: Floats, *, day: NDArray[np.int64], grid: TimeGrid
) -> Normalisation | None:
    """How use [T], NaN where there is none, goes over to the mean frequency of the window, and
    from there to that of the last day (energy.md, 4). None where no bin has both.

    `hertz` [T] and `day` [T] are of the same bins. The two steps together do not depend on the
    reference, and neither on the request, so applied to its own result nothing moves.
    """
    both = np.isfinite(cores) & np.isfinite(hertz)
    if not both.any():
        return None
    reference = float(hertz[both].mean())
    newest = hertz[-grid.bins_per_day :]
    known = newest[np.isfinite(newest)]
    target = float(known.mean()) if len(known) else reference
    low, high = np.quantile(hertz[both], (0.05, 0.95))
    spread = float(high - low) / reference
    beta, why = _choose_beta(cores, hertz / reference, spread=spread, day=day, grid=grid)
    factor = np.where(np.isfinite(hertz), hertz / reference, 1.0) ** beta
    if spread < _HIDDEN:
        factor = np.ones(grid.bins)
    compensation = (reference / target) ** beta
    value = f"x{compensation:.3f}, beta {beta:.2f}"
    return Normalisation(
        factor,
        compensation,
        Reason(
            "frequency",
            value,
            f"use at {_gigahertz(reference)}, the mean, for {_gigahertz(target)}, that of the last"
            f" day; {why}",
        ),
    )


def _choose_beta(
    cores: Floats, relative: Floats, *, spread: float, day: NDArray[np.int64], grid: TimeGrid
) -> tuple[float, str]:
    """The exponent, and why it is that: 1 unless the data tell it."""
    varies = f"it varies by {spread:.0%}"
    if spread < LEAST_SPREAD:
        return 1.0, f"{varies}, {LEAST_SPREAD:.0%} needed to learn beta"
    fit = fit_beta(cores, relative, day=day, hour=np.arange(grid.bins) % grid.bins_per_day)
    if fit is None:
        return 1.0, f"{varies}, with too few bins to learn beta"
    beta, halfwidth = fit
    if halfwidth > MOST_ERROR:
        return 1.0, f"{varies}, use tells beta to +-{halfwidth:.2f} only"
    return min(max(beta, 0.0), 1.0), f"{varies}, beta from use: {beta:.2f} +-{halfwidth:.2f}"


def fit_beta(
    cores: Floats, relative: Floats, *, day: NDArray[np.int64], hour: NDArray[np.int64]
) -> tuple[float, float] | None:
    """-d log u / d log f with the halfwidth of its 90 % interval; None with too little to tell.

    All [T]. The daily rhythm is taken out of both: under load a governor raises the frequency,
    and that use rises with it says nothing of what a core-second is worth. Errors of one day
    hang together, so days are the units of the interval.
    """
    used = np.flatnonzero(np.isfinite(cores) & (cores > 0.0) & np.isfinite(relative))
    if len(used) < FEWEST_BINS:
        return None
    x, y = (_without_rhythm(np.log(each[used]), hour[used]) for each in (relative, cores))
    power = float(x @ x)
    if not power > 0.0:
        return None
    slope = float(x @ y) / power
    by_day = np.bincount(day[used], x * (y - slope * x))
    return -slope, _NORMAL_90 * float(np.sqrt(by_day @ by_day)) / power


def _without_rhythm(values: Floats, slot: NDArray[np.int64]) -> Floats:
    """Less the mean of each time of the day."""
    count = np.bincount(slot)
    mean = np.bincount(slot, values) / np.maximum(count, 1)
    return np.asarray(values - mean[slot])


def _gigahertz(hertz: float) -> str:
    return f"{hertz / 1e9:.2f} GHz"
