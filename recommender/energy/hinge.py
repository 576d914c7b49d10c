"""Least-squares fit of a convex, increasing, piecewise linear curve to utilisation bins.

The basis 1, U, (U - t_j)+ with non-negative coefficients spans exactly the convex increasing
curves with knots t_j and a non-negative value at 0. A cubic cannot follow servers whose power
jumps when turbo takes the last cores (EPYC 7763: 332, 385, 461 W at 80, 90, 100 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recommender.energy.binning import BINS, MIN_COUNT, BinSums
from recommender.energy.nnls import solve_nnls

if TYPE_CHECKING:
    from recommender.energy.array import Floats

KNOTS_PER_UNIT = 20
"""A knot every 5 % of utilisation: published curves bend within 10 %; closer knots follow
noise."""

KNOT_MARGIN = 0.02
"""One bin between the outermost knots and the ends of the range, or one bin decides a slope."""

RELATIVE_SPREAD = 0.02
RISE_SPREAD = 0.06
"""Standard deviation of one window: 2 % of P (temperature, fans, meter) and 6 % of the rise
above the lowest P (what runs matters more the more runs): .02 P + .06 (P - Pmin). P is the
fitted power: by its own mean, a bin that reads too low would weigh most of all."""

SPREAD_FLOOR = 0.25
"""Least P in the spread, as a share of the median bin: a first fit may reach 0 W somewhere."""

HUBER = 1.345
"""Huber's constant: 95 % efficiency under normal noise (Huber, Robust Statistics, 1981)."""

ROUNDS = 3
"""Re-weightings: after one, a bin that reads 70 % too low still moves the intercept by 22 %,
after three by 1 %."""

MAD_TO_SIGMA = 1.4826
"""Standard deviation of normal noise over its median absolute deviation."""


ROUNDING = 1e-9
"""Standardised residual below which a fit counts as exact: no residual stands out then."""


@dataclass(frozen=True)
class HingeFit:
    """Knots [K], coefficients [2 + K] of (1, U, hinges), and what a refit needs.

    `spread` [BINS] is the standard deviation given to one window of each bin, after the Huber
    weights; inf for a bin that is not used. `low` ... `high` is the range of bin means.
    `misfit_watts` is the root mean square distance of the trusted bin means from the curve.
    """

    knots: Floats
    coefficients: Floats
    spread: Floats
    low: float
    high: float
    misfit_watts: float

    def power(self, utilisation: Floats) -> Floats:
        """Watts at each utilisation (any shape)."""
        return hinge_columns(utilisation, self.knots) @ self.coefficients


def hinge_columns(utilisation: Floats, knots: Floats) -> Floats:
    """Basis values [..., 2 + K] for utilisation [...]."""
    load = utilisation[..., None]
    return np.concatenate(
        (np.ones_like(load), load, np.maximum(load - knots, 0.0)), axis=-1, dtype=np.float64
    )


def choose_knots(low: float, high: float) -> Floats:
    """Multiples of 5 % inside the observed range."""
    grid: Floats = np.arange(1.0, 26.0) / KNOTS_PER_UNIT
    return grid[(grid >= low + KNOT_MARGIN) & (grid <= high - KNOT_MARGIN)]


def fit_hinges(bins: BinSums) -> HingeFit:
    """Fit the bin means of one group ([1, BINS]); ValueError with fewer than two usable bins."""
    usable = bins.usable()[0]
    if np.count_nonzero(usable) < 2:
        raise ValueError(f"a curve needs two bins of {MIN_COUNT} windows")
    count = bins.count[0, usable]
    load = bins.mean_utilisation()[0, usable]
    watts = bins.mean_watts()[0, usable]
    knots = choose_knots(float(load.min()), float(load.max()))
    columns = hinge_columns(load, knots)
    spread = _spread(np.full_like(watts, np.median(watts)), watts)
    trust = np.ones_like(watts)
    coefficients = _solve(columns, watts, weight=np.sqrt(count) / spread)
    for _ in range(ROUNDS):
        fitted = columns @ coefficients
        spread = _spread(fitted, watts)
        trust = _huber_weight((watts - fitted) * np.sqrt(count) / spread)
        weight = np.sqrt(count * trust) / spread
        coefficients = _solve(columns, watts, weight=weight, start=coefficients)
    spreads = np.full(BINS, np.inf)
    spreads[usable] = spread / np.sqrt(trust)
    distance = watts - columns @ coefficients
    return HingeFit(
        knots=knots,
        coefficients=coefficients,
        spread=spreads,
        low=float(load.min()),
        high=float(load.max()),
        misfit_watts=float(np.sqrt(np.average(distance**2, weights=count * trust))),
    )


def refit_hinges(bins: BinSums, fit: HingeFit) -> Floats:
    """Coefficients [R, 2 + K] of each replicate's bins ([R, BINS]), knots and spreads as in `fit`.

    A replicate with fewer than two usable bins keeps the coefficients of `fit`.
    """
    usable = bins.usable() & np.isfinite(fit.spread)
    weight = np.where(usable, np.sqrt(bins.count) / fit.spread, 0.0)
    columns = hinge_columns(bins.mean_utilisation(), fit.knots)
    watts = bins.mean_watts()
    coefficients = np.tile(fit.coefficients, (len(weight), 1))
    for row, rows in enumerate(usable):
        if np.count_nonzero(rows) >= 2:
            coefficients[row] = _solve(
                columns[row, rows], watts[row, rows], weight=weight[row, rows],
                start=fit.coefficients,
            )  # fmt: skip
    return coefficients


def _solve(
    columns: Floats, watts: Floats, *, weight: Floats, start: Floats | None = None
) -> Floats:
    return solve_nnls(columns * weight[:, None], watts * weight, start=start)


def _spread(fitted: Floats, watts: Floats) -> Floats:
    level: Floats = np.maximum(fitted, SPREAD_FLOOR * float(np.median(watts)))
    return RELATIVE_SPREAD * level + RISE_SPREAD * (level - float(level.min()))


def _huber_weight(residual: Floats) -> Floats:
    size = np.abs(residual)
    limit = HUBER * MAD_TO_SIGMA * float(np.median(size))
    if limit <= ROUNDING:
        return np.ones_like(size)
    return np.minimum(1.0, limit / np.maximum(size, limit))
