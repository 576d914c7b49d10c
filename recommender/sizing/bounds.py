"""Bounds of a CPU target: inside them another request would be as good, as far as one can tell.

The bounds are the actuation policy: the VPA updater restarts pods outside them, and our own
target stays where it is until the optimum leaves them (`hysteresis`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.model.report import Reason
from recommender.sizing.band import Band
from recommender.sizing.burst import choose_burst
from recommender.sizing.distribution import interval_of, resample_days
from recommender.sizing.resource import millicores_of
from recommender.units import HOUR, format_millicores

if TYPE_CHECKING:
    from recommender.sizing.demand import ContainerDemand
    from recommender.sizing.distribution import DayDistribution
    from recommender.sizing.histogram import Floats
    from recommender.sizing.pooltier import Pooled
    from recommender.sizing.terms import Terms

INDIFFERENCE = 0.02
"""Share of the container's energy that nobody can tell from none: prices are not known closer."""

RESTART_SECONDS = 25.0
"""A new pod that is not ready yet, beside the old one: the median start of a task in Google's
clusters (Verma et al., "Large-scale cluster management at Google with Borg", EuroSys 2015)."""

RESTART_HORIZON = 12 * HOUR
"""For how long a restart pays back: the VPA updater moves no pod of a healthy workload more often
(its --pod-lifetime-update-threshold). A restart is then 25 s of 12 h, 0.06 % of what the request
and as much use cost, so two percent of the energy is nearly always more; not so for a container
that hardly uses anything where a reserved core costs nothing."""

LEAST_HALFWIDTH = 0.05
"""Bounds are at least 5 % away from the target: the VPA updater itself takes less than 10 % as
no reason to touch a pod, and demand is known to 2.5 % buckets."""


def choose_bounds(
    demand: ContainerDemand,
    request: float,
    *,
    p: float,
    terms: Terms,
    pooled: Pooled | None = None,
) -> tuple[Band, Reason]:
    """The band around `request` cores, the p-quantile (or mean) of demand times crowding and the
    compensation for frequency.

    Union of the 90 % interval over resampled days and of the requests that cost no more than is
    worth a restart (`estimate_slack`).
    """
    scale = (terms.crowding if pooled is None else 1.0) * demand.compensation
    if pooled is not None and pooled.block is not None:
        return _bound_closely(request)
    factor = 1.0 if pooled is None else pooled.factor
    resampled = estimate_interval(demand, p, crowding=scale, factor=factor)
    base = request / scale
    lower, upper = estimate_indifference(
        demand.distribution, base, mean=demand.mean, highest=demand.highest, terms=terms
    )
    indifferent = (lower * scale, upper * scale)
    band = Band.around(
        millicores_of(request),
        lower=millicores_of(min(resampled[0], indifferent[0], request * (1 - LEAST_HALFWIDTH))),
        upper=millicores_of(max(resampled[1], indifferent[1], request * (1 + LEAST_HALFWIDTH))),
    )
    return band, Reason(
        "bounds",
        f"{format_millicores(band.lower)} - {format_millicores(band.upper)}",
        f"days resampled {_range(resampled)}, {_name_slack(base, demand.mean, terms)} "
        f"{_range(indifferent)}: inside them nothing is changed",
    )


def _bound_closely(request: float) -> tuple[Band, Reason]:
    """By time of day: what the whole day would bear is not what these hours were planned with."""
    ends = [request * (1 - LEAST_HALFWIDTH), request * (1 + LEAST_HALFWIDTH)]
    lower, upper = (millicores_of(end) for end in ends)
    band = Band.around(millicores_of(request), lower=lower, upper=upper)
    return band, Reason(
        "bounds",
        f"{format_millicores(band.lower)} - {format_millicores(band.upper)}",
        f"{LEAST_HALFWIDTH:.0%} about it: the next hours have their own request",
    )


def estimate_restart_watts(request: float, *, terms: Terms) -> float:
    """Watts of a restart over RESTART_HORIZON: a second pod of this request, all of it in use."""
    return (terms.reserved + terms.used) * request * RESTART_SECONDS / RESTART_HORIZON


def estimate_slack(request: float, *, mean: float, terms: Terms) -> float:
    """Watts that no restart is worth: 2 % of the container's energy, or the restart's if more."""
    energy = terms.used * mean + terms.reserved * request
    return max(INDIFFERENCE * energy, estimate_restart_watts(request, terms=terms))


def _name_slack(request: float, mean: float, terms: Terms) -> str:
    if estimate_slack(request, mean=mean, terms=terms) > INDIFFERENCE * (
        terms.used * mean + terms.reserved * request
    ):
        return "within what a restart costs"
    return f"within {INDIFFERENCE:.0%} of its energy"


def estimate_interval(
    demand: ContainerDemand, p: float, *, crowding: float = 1.0, factor: float = 1.0
) -> tuple[float, float]:
    """90 % interval in cores of max(p-quantile with its bursts, factor x mean) x crowding over
    resampled days.

    Widened by sqrt(D / (D - 1)) about its middle: D resampled days vary by that much less than
    D fresh ones would.
    """
    days = demand.distribution.days
    weights = resample_days(days)
    peaks = demand.distribution.quantile(p, weights) * choose_burst(demand.burst, p)
    drawn = np.maximum(peaks, factor * demand.mean_of(weights))
    low, high = (float(end[0]) for end in interval_of(drawn[:, None]))
    middle = (low + high) / 2.0
    halfwidth = (high - low) / 2.0 * float(np.sqrt(days / max(days - 1, 1)))
    return max(middle - halfwidth, 0.0) * crowding, (middle + halfwidth) * crowding


def estimate_indifference(
    distribution: DayDistribution, request: float, *, mean: float, highest: float, terms: Terms
) -> tuple[float, float]:
    """The requests r with J(r) <= J(request) + `estimate_slack`, in cores.

    J(r) = reserved r + shortfall E(u - r)+. The class's range or the mean may hold the request
    away from the minimum of J; then the shortfall counts what makes the request the minimum,
    reserved / P(u > request), so that the band lies about it and not about a number that the
    class forbids. Downwards it counts no less than the class says: at a low price the band
    would else reach requests that leave most of the work waiting. Where a reserved core costs
    nothing, J falls up to the highest demand, which is the upper end. J is convex; between
    edges of buckets it is taken as linear, which makes the band narrower by less than a bucket.
    """
    implied = terms.reserved / max(float(distribution.exposure(np.array([request]))[0, 0]), 1e-3)
    slack = estimate_slack(request, mean=mean, terms=terms)
    edges, shortfall = distribution.edges, distribution.edge_shortfall
    here = distribution.shortfall(np.array([request]))[0]
    under, over = (edges > 0.0) & (edges < request), edges > request
    below = np.concatenate([[request], edges[under][::-1], [0.0]])
    beyond = np.concatenate([[request], edges[over]])
    short_below = np.concatenate([here, shortfall[under][::-1], [distribution.mean()[0]]])
    short_beyond = np.concatenate([here, shortfall[over]])

    def extra(cores: Floats, short: Floats, price: float) -> Floats:
        """What these requests cost more than `request`, never falling away from it."""
        costs = terms.reserved * cores + price * short
        return np.asarray(np.maximum.accumulate(costs - costs[0]))

    cheaper = extra(below, short_below, max(terms.shortfall, implied))
    lower = float(np.interp(slack, cheaper, below))
    top = max(highest, request)
    if terms.reserved <= 0.0:
        return lower, top
    dearer = extra(beyond, short_beyond, implied)
    if slack < dearer[-1]:
        return lower, float(np.interp(slack, dearer, beyond))
    # Beyond all demand only the reservation counts.
    end = float(beyond[-1]) + (slack - float(dearer[-1])) / terms.reserved
    return lower, max(min(end, 2.0 * top), request)


def _range(ends: tuple[float, float]) -> str:
    return "-".join(format_millicores(millicores_of(end)) for end in ends)
