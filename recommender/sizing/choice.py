"""The rules by tier and resource: from the evidence to a band before floors, caps and history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommender.model.report import Reason
from recommender.sizing.band import Band
from recommender.sizing.bounds import choose_bounds
from recommender.sizing.memory import OomEvidence, choose_memory, estimate_oom, explain_oom
from recommender.sizing.policy import explain_hpa
from recommender.sizing.quantile import choose_request, explain_ceiling, explain_quantile
from recommender.sizing.resource import describe_amount
from recommender.sizing.stock import estimate_stock_cpu, estimate_stock_memory

if TYPE_CHECKING:
    from recommender.sizing.case import Case
    from recommender.sizing.resource import Resource
    from recommender.sizing.terms import Terms


@dataclass(frozen=True)
class Choice:
    """A band before floors, caps and hysteresis, with the steps that led to it.

    band         None: nothing can be said of this resource
    quantile     that the CPU request covers; None where no quantile decides
    floor_cores  the unrounded CPU request, least of those that serve the class
    is_kept      the band is what the pods have and nothing but caps may change it
    """

    band: Band | None
    steps: tuple[Reason, ...]
    quantile: float | None = None
    floor_cores: float | None = None
    is_kept: bool = False


def choose_stock(case: Case, resource: Resource) -> Band | None:
    """What the stock recommender would say, before floors and caps; None without a sample."""
    demand = case.demand
    if resource == "cpu":
        return estimate_stock_cpu(demand.stock_cpu, demand.confidence)
    if demand.memory_peak is None:
        return None
    oom = _oom(case)
    return estimate_stock_memory(
        demand.memory_decayed, demand.confidence, oom_need=None if oom is None else oom.need
    )


def choose_cpu(case: Case, terms: Terms | None) -> Choice:
    """CPU: kept under an HPA on CPU, else the priced quantile on `terms`, else the stock rule."""
    if case.workload.hpa_on_cpu:
        request = case.request("cpu")
        kept = None if request is None else Band.fixed(request)
        return Choice(kept, (explain_hpa(case.workload.hpa_on_cpu, request),), is_kept=True)
    if terms is None:
        band = choose_stock(case, "cpu")
        return Choice(band, _explain_stock("cpu", band))
    p, why = explain_quantile(terms)
    request_cores, steps = choose_request(case.demand, p, terms.crowding)
    band, bounds = choose_bounds(case.demand, request_cores, p=p, terms=terms)
    return Choice(
        band,
        (*_explain_price(case), *why, *steps, explain_ceiling(terms), bounds),
        quantile=p,
        floor_cores=request_cores,
    )


def choose_memory_by_tier(case: Case, terms: Terms | None) -> Choice:
    """Memory: the stock rule at T0 (`terms` None), the highest peak with a margin at T1."""
    oom = _oom(case)
    peaks, steps = choose_memory(case.demand, oom)
    if terms is not None or peaks is None:
        return Choice(peaks, steps)
    band = choose_stock(case, "memory")
    why = _explain_stock("memory", band)
    return Choice(band, why if oom is None else (*why, explain_oom(oom)))


def _oom(case: Case) -> OomEvidence | None:
    published = case.previous.bands.get("memory")
    return estimate_oom(
        case.demand,
        was_killed=case.spec.oom_killed,
        request=case.request("memory"),
        published=None if published is None else published.target,
    )


def _explain_stock(resource: Resource, band: Band | None) -> tuple[Reason, ...]:
    if band is None:
        return ()
    of_what = "usage" if resource == "cpu" else "daily peaks"
    return (
        Reason(
            f"{resource} stock",
            describe_amount(resource, band.target),
            f"1.15 x p90 of {of_what}, each day counting half of the next",
        ),
    )


def _explain_price(case: Case) -> tuple[Reason, ...]:
    energy = case.energy
    if energy is None:
        return ()
    price, binding = energy.price, energy.binding
    value = f"{price.watts_per_core:.2f} W ({price.low:.2f}-{price.high:.2f}) per reserved core"
    steps = [Reason("price", value, price.reason)]
    if binding.factor < 1.0:
        steps.append(Reason("binding", f"x{binding.factor:.2f}", binding.reason))
    return tuple(steps)
