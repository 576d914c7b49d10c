"""Least-squares fit of a convex, increasing, piecewise linear curve to utilisation bins.

The basis 1, U, (U - t_j)+ with non-negative coefficients spans exactly the convex increasing
curves with knots t_j and a non-negative value at 0. A cubic cannot follow servers whose power
jumps when turbo takes the last cores (EPYC 7763: 332, 385, 461 W at 80, 90, 100 %).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.energy.binning import BINS, MIN_COUNT, BinSums
from recommender.energy.nnls import solve_nnls

if TYPE_CHECKING:
    from recommender.energy.array import Floats, Mask

KNOTS_PER_UNIT = 20
"""A knot every 5 % of utilisation: published curves bend within 10 %; closer knots follow
noise."""

FREE_KNOTS_PER_UNIT = 10
"""Knots of the fit that may bend either way: as close as published curves bend, since without
the constraint closer ones would follow noise."""

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


class Bends(msgspec.Struct, frozen=True):
    """A piecewise linear curve: knots [K] and coefficients [2 + K] of (1, U, hinges)."""

    knots: Floats
    coefficients: Floats

    def power(self, utilisation: Floats) -> Floats:
        """Watts at each utilisation (any shape)."""
        return hinge_columns(utilisation, self.knots) @ self.coefficients

    def mean_intercept(self, utilisation: Floats) -> float:
        """Tangent intercept in watts, averaged over utilisations [n]."""
        turned = np.cumsum(self.coefficients[2:] * self.knots)
        offsets = self.coefficients[0] - np.concatenate(([0.0], turned))
        return float(offsets[np.searchsorted(self.knots, utilisation, side="right")].mean())


class HingeFit(Bends, frozen=True):
    """The convex curve, and what a refit and its uncertainty need.

    `spread` [BINS] is the standard deviation given to one window of each bin, after the Huber
    weights; inf for a bin that is not used. `low` ... `high` is the range of bin means.
    `misfit_watts` is the root mean square distance of the trusted bin means from the curve.
    `free` is the fit to the same bins, with the same weights, that may bend either way.
    """

    spread: Floats
    low: float
    high: float
    misfit_watts: float
    free: Bends

    def intercept_gap(self, utilisation: Floats) -> float:
        """By how many watts convexity moves the mean intercept over utilisations [n].

        No server is quite convex, and more data do not make it so: this part of the price's
        error no resampling shows. Of the published servers the Fujitsu RX2540 M2 has most of it:
        its intercept comes out 3.7 % low, 3.5 % of it seen here.
        """
        return self.mean_intercept(utilisation) - self.free.mean_intercept(utilisation)


def hinge_columns(utilisation: Floats, knots: Floats) -> Floats:
    """Basis values [..., 2 + K] for utilisation [...]."""
    load = utilisation[..., None]
    return np.concatenate(
        (np.ones_like(load), load, np.maximum(load - knots, 0.0)), axis=-1, dtype=np.float64
    )


def choose_knots(low: float, high: float) -> Floats:
    """Multiples of 5 % inside the observed range."""
    return _knots_inside(KNOTS_PER_UNIT, low, high, margin=KNOT_MARGIN)


def _knots_inside(per_unit: int, low: float, high: float, *, margin: float) -> Floats:
    grid: Floats = np.arange(1.0, 1.25 * per_unit + 0.5) / per_unit
    return grid[_is_inside(grid, low, high, margin=margin)]


def _is_inside(knots: Floats, low: float, high: float, *, margin: float) -> Mask:
    return (knots >= low + margin) & (knots <= high - margin)


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
        free=_fit_freely(load, watts, weight=np.sqrt(count * trust) / spread),
    )


def _fit_freely(load: Floats, watts: Floats, *, weight: Floats) -> Bends:
    """Least squares without any sign, each piece over two bins and more."""
    low, high = float(load.min()), float(load.max())
    knots = _knots_inside(FREE_KNOTS_PER_UNIT, low, high, margin=2 * KNOT_MARGIN)
    columns = hinge_columns(load, knots) * weight[:, None]
    solution = np.linalg.lstsq(columns, watts * weight)[0]
    return Bends(knots, solution.astype(np.float64))


def refit_hinges(bins: BinSums, fit: HingeFit) -> Floats:
    """Coefficients [R, 2 + K] of each replicate's bins ([R, BINS]), knots and spreads as in `fit`.

    A replicate bends only at the knots inside its own range: beyond it one bin, a hair above a
    knot, would decide the slope. With fewer than two usable bins it keeps the coefficients of
    `fit`.
    """
    usable = bins.usable() & np.isfinite(fit.spread)
    weight = np.where(usable, np.sqrt(bins.count) / fit.spread, 0.0)
    load, watts = bins.mean_utilisation(), bins.mean_watts()
    columns = hinge_columns(load, fit.knots)
    coefficients = np.tile(fit.coefficients, (len(weight), 1))
    for row, rows in enumerate(usable):
        if np.count_nonzero(rows) >= 2:
            coefficients[row] = _refit(
                load[row, rows], columns[row, rows], watts[row, rows], weight=weight[row, rows],
                fit=fit,
            )  # fmt: skip
    return coefficients


def _refit(
    load: Floats, columns: Floats, watts: Floats, *, weight: Floats, fit: HingeFit
) -> Floats:
    inside = _is_inside(fit.knots, float(load.min()), float(load.max()), margin=KNOT_MARGIN)
    kept = np.concatenate(([True, True], inside))
    coefficients = np.zeros_like(fit.coefficients)
    coefficients[kept] = _solve(
        columns[:, kept], watts, weight=weight, start=fit.coefficients[kept]
    )
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
