"""Work per joule against the request: the picture that shows why the performance floor decides.

eta(r) = E min(u, r) / (reserved r + used E min(u, r)): work served over the watts that it and
its reservation take. Work is CPU time, so this is the efficiency of provisioning, not of the
code. Without a floor the best request is always the smallest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.model.report import CurvePoint
from recommender.sizing.distribution import interval_of, resample_days

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recommender.sizing.distribution import DayDistribution
    from recommender.sizing.histogram import Floats
    from recommender.sizing.policy import Caps
    from recommender.sizing.terms import Terms

CANDIDATES = 40

LEAST_SERVED = 1e-12
"""Cores that count as served where nothing is, so that efficiencies can be compared."""

_LEAST_CORES = 0.001


def choose_candidates(
    marks: Iterable[float], *, highest: float, caps: Caps | None = None
) -> Floats:
    """About CANDIDATES requests in cores, ascending: the `marks` themselves and a grid about them.

    The grid has equal ratios, from half of the least mark to a quarter above the greatest and
    the highest demand, within the caps of the policy.
    """
    wanted = np.unique(np.maximum(np.fromiter(marks, np.float64), _LEAST_CORES))
    low = max(wanted[0] / 2.0, _LEAST_CORES)
    high = max(float(wanted[-1]), highest) * 1.25
    if caps is not None and caps.minimum is not None:
        low = max(low, caps.minimum / 1000.0)
    if caps is not None and caps.maximum is not None:
        high = min(high, caps.maximum / 1000.0)
    if low >= high:
        return wanted
    return np.unique(
        np.concatenate([wanted, np.geomspace(low, high, max(CANDIDATES - len(wanted), 2))])
    )


def estimate_curve(
    distribution: DayDistribution, candidates: Floats, *, terms: Terms, floor: float
) -> tuple[CurvePoint, ...]:
    """The curve over `candidates` cores, relative to the best request not below `floor` cores.

    The 90 % band covers resampled days and the interval of the price. Empty where energy has
    no price at all. `floor` must be among the candidates or below the greatest.
    """
    if terms.reserved + terms.used <= 0.0:
        return ()
    shortfall = distribution.shortfall(candidates)[0]
    served = np.maximum(distribution.mean() - shortfall, LEAST_SERVED)
    weights = resample_days(distribution.days)
    served_low, served_high = interval_of(_served(distribution, candidates, weights))
    middle = _efficiency(served, candidates, terms.reserved, terms.used)
    low = _efficiency(served_low, candidates, terms.reserved_high, terms.used)
    high = _efficiency(served_high, candidates, terms.reserved_low, terms.used)
    feasible = candidates >= floor * (1.0 - 1e-9)
    best = float(middle[feasible].max()) if feasible.any() else float(middle[-1])
    columns = (
        candidates,
        middle / best,
        np.minimum(low, middle) / best,
        np.maximum(high, middle) / best,
        distribution.exposure(candidates)[0],
        shortfall,
        feasible,
    )
    return tuple(map(CurvePoint, *(column.tolist() for column in columns)))


def estimate_gain(
    distribution: DayDistribution, *, ours: float, now: float, terms: Terms
) -> float | None:
    """Work per joule at a request of `ours` cores over that at `now`; None without a price."""
    if terms.reserved + terms.used <= 0.0:
        return None
    requests = np.array([ours, now])
    eta = _efficiency(_served(distribution, requests)[0], requests, terms.reserved, terms.used)
    return float(eta[0] / eta[1])


def _served(distribution: DayDistribution, cores: Floats, weights: Floats | None = None) -> Floats:
    """E min(u, r) in cores, [R, n]."""
    mean = distribution.mean(weights)[:, None]
    return np.maximum(mean - distribution.shortfall(cores, weights), LEAST_SERVED)


def _efficiency(served: Floats, cores: Floats, reserved: float, used: float) -> Floats:
    """Served cores per watt; with neither price, all served work counts the same."""
    watts = reserved * cores + used * served
    return served / np.where(watts > 0.0, watts, served)
