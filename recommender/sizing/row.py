"""From a container's decision to the parts of its row in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.model.report import Quantities, Recommended, Usage
from recommender.sizing.quantile import name_quantile
from recommender.sizing.resource import RESOURCES, Resource, amount_of, format_amount
from recommender.sizing.tier import Tier, describe_days
from recommender.units import format_millicores

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.model.cluster import Amounts
    from recommender.sizing.band import Band
    from recommender.sizing.case import Case
    from recommender.sizing.choice import Choice
    from recommender.sizing.demand import ContainerDemand
    from recommender.sizing.terms import Terms


def describe_usage(demand: ContainerDemand) -> Usage:
    """What was used, in numbers."""
    p50, p90, p95 = demand.quantiles
    peak = demand.memory_peak
    return Usage(
        mean_cores=demand.used_mean,
        p50_cores=p50,
        p90_cores=p90,
        p95_cores=p95,
        max_cores=demand.highest,
        memory_peak_bytes=None if peak is None else int(peak),
        days=demand.days,
        samples=demand.samples,
        present_share=demand.present_share,
        pattern=demand.rhythm.pattern,
        days_needed=demand.rhythm.days_needed,
    )


def describe_amounts(amounts: Amounts) -> Quantities:
    """Requests or limits in the notation of Kubernetes."""
    return _quantities({resource: amount_of(amounts, resource) for resource in RESOURCES})


def describe_bands(bands: Mapping[Resource, Band]) -> Recommended:
    """The four maps of a recommendation, each with the same resources."""
    return Recommended(
        target=_quantities({key: band.target for key, band in bands.items()}),
        lower_bound=_quantities({key: band.lower for key, band in bands.items()}),
        upper_bound=_quantities({key: band.upper for key, band in bands.items()}),
        uncapped_target=_quantities({key: band.uncapped for key, band in bands.items()}),
    )


def estimate_exposure(
    case: Case, *, stock: Mapping[Resource, Band], ours: Mapping[Resource, Band]
) -> dict[str, float]:
    """Share of time above the CPU request: now, as stock would have it, and as we would.

    Where a replica is sized by its work another request means other replicas, whose use was not
    seen.
    """
    requests = {
        "current": case.request("cpu"),
        "stock": stock["cpu"].target if "cpu" in stock else None,
        "recommended": ours["cpu"].target if "cpu" in ours else None,
    }
    if case.scaled_request is not None:
        requests = {"current": requests["current"]}
    known = {name: request for name, request in requests.items() if request is not None}
    if not known:
        return {}
    cores = np.array(list(known.values())) / 1000.0
    shares = case.demand.distribution.exposure(cores)[0]
    return dict(zip(known, shares.tolist(), strict=True))


def choose_why(case: Case, tier: Tier, cpu: Choice | None, *, terms: Terms | None) -> str:
    """The deciding step in a few words; `terms` are None at T0."""
    if cpu is None or cpu.band is None:
        return f"memory only: {cpu.steps[0].why if cpu else 'its policy leaves out cpu'}"
    if cpu.is_kept:
        return f"HPA {case.workload.hpa_on_cpu} scales on CPU: cpu kept"
    if cpu.scaled is not None:
        return _find_limit(case, cpu.band) or cpu.scaled.why
    limit = _find_limit(case, cpu.band)
    if limit or terms is None or cpu.quantile is None:
        return limit or tier.gap
    price = f"{terms.reserved:.2f} W/core" if terms.frees_nodes else "0 W/core, memory binds"
    mix = f" over {len(case.pools)} pools" if len(case.pools) > 1 else ""
    return f"{name_quantile(cpu.quantile)} of {describe_days(case.demand.days)} at {price}{mix}"


def _find_limit(case: Case, wanted: Band) -> str:
    """The floor or cap that decides the CPU target; "" where none does."""
    caps, floor, held = case.caps("cpu"), case.floor("cpu"), case.limit_floor("cpu")
    raised = max(wanted.target, floor, held)
    if caps.is_contradictory:
        return f"minAllowed above {caps.source}"
    if caps.maximum is not None and raised > caps.maximum:
        return f"{caps.source} {format_millicores(caps.maximum)}"
    if caps.minimum is not None and raised < caps.minimum:
        return f"minAllowed {format_millicores(caps.minimum)}"
    if raised > max(wanted.target, floor):
        return f"its limit stays at the peak: {format_millicores(held)}"
    return f"least of a container {format_millicores(floor)}" if raised > wanted.target else ""


def _quantities(amounts: Mapping[Resource, int | None]) -> Quantities:
    written = {
        resource: None if amount is None else format_amount(resource, amount)
        for resource, amount in amounts.items()
    }
    return Quantities(cpu=written.get("cpu"), memory=written.get("memory"))
