"""From a container's decision to the parts of its row in the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.model.report import Quantities, Reason, Recommended, Usage
from recommender.sizing.quantile import name_quantile
from recommender.sizing.resource import RESOURCES, Resource, amount_of, format_amount, millicores_of
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
        mean_cores=demand.mean,
        p50_cores=p50,
        p90_cores=p90,
        p95_cores=p95,
        max_cores=demand.highest,
        memory_peak_bytes=None if peak is None else int(peak),
        days=demand.days,
        samples=demand.samples,
        present_share=demand.present_share,
    )


def explain_usage(demand: ContainerDemand, replicas: int) -> Reason:
    """What was used, as the first step of the decision."""
    named = zip(
        ("mean", "p50", "p90", "p95", "max"),
        (demand.mean, *demand.quantiles, demand.highest),
        strict=True,
    )
    return Reason(
        "usage",
        ", ".join(f"{name} {_cores(cores)}" for name, cores in named),
        f"{replicas} pods, {describe_days(demand.days)}, "
        f"{demand.present_bins:,d} bins, {demand.present_share:.1%} present",
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
    """Share of time above the CPU request: now, as stock would have it, and as we would."""
    requests = {
        "current": case.request("cpu"),
        "stock": stock["cpu"].target if "cpu" in stock else None,
        "recommended": ours["cpu"].target if "cpu" in ours else None,
    }
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
    capped = _find_cap(case, cpu.band)
    if capped or terms is None or cpu.quantile is None:
        return capped or tier.gap
    price = f"{terms.reserved:.2f} W/core" if terms.frees_nodes else "0 W/core, memory binds"
    return f"{name_quantile(cpu.quantile)} of {describe_days(case.demand.days)} at {price}"


def _find_cap(case: Case, wanted: Band) -> str:
    """The cap that decides the CPU target; "" where none does."""
    caps = case.caps("cpu")
    if caps.is_contradictory:
        return f"minAllowed above {caps.source}"
    if caps.maximum is not None and wanted.target > caps.maximum:
        return f"{caps.source} {format_millicores(caps.maximum)}"
    if caps.minimum is not None and wanted.target < caps.minimum:
        return f"minAllowed {format_millicores(caps.minimum)}"
    return ""


def _quantities(amounts: Mapping[Resource, int | None]) -> Quantities:
    written = {
        resource: None if amount is None else format_amount(resource, amount)
        for resource, amount in amounts.items()
    }
    return Quantities(cpu=written.get("cpu"), memory=written.get("memory"))


def _cores(cores: float) -> str:
    return format_millicores(millicores_of(cores)) if cores > 0 else "0m"
