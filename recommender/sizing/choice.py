"""The rules by tier and resource: from the evidence to a band before floors, caps and history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.model.report import Reason
from recommender.sizing.band import Band
from recommender.sizing.bounds import choose_bounds
from recommender.sizing.guard import guard_request, judge_strain
from recommender.sizing.memory import (
    OomEvidence,
    choose_least,
    choose_memory,
    estimate_oom,
    explain_oom,
    find_published_answer,
    hold_oom,
)
from recommender.sizing.policy import explain_hpa
from recommender.sizing.quantile import choose_request, explain_ceiling, explain_quantile
from recommender.sizing.resource import describe_amount, format_amount
from recommender.sizing.scaled import SCALED_BASIS
from recommender.sizing.stock import (
    TARGET,
    estimate_stock_cpu,
    estimate_stock_memory,
    read_stock_percentile,
)
from recommender.units import format_percentile

if TYPE_CHECKING:
    from recommender.sizing.case import Case
    from recommender.sizing.plan import ScaledRequest
    from recommender.sizing.pool import Pool
    from recommender.sizing.resource import Resource
    from recommender.sizing.terms import Terms


KEPT_BASIS = "cpu kept for its HPA"

_KEPT = "sized by the work of a replica before; kept while what that needs is missing"


class Choice(msgspec.Struct, frozen=True):
    """A band before floors, caps and hysteresis, with the steps that led to it.

    band         None: nothing can be said of this resource
    quantile     that the CPU request covers; None where no quantile decides
    floor_cores  the unrounded CPU request, least of those that serve the class
    is_kept      the band is what the pods have or had, and nothing but caps may change it
    least        no earlier target below it is kept
    scaled       the CPU request by the work of a replica, None where that does not decide
    basis        the rule, "" for that of the tier
    """

    band: Band | None
    steps: tuple[Reason, ...]
    quantile: float | None = None
    floor_cores: float | None = None
    is_kept: bool = False
    least: int = 0
    scaled: ScaledRequest | None = None
    basis: str = ""


def choose_stock_cpu(case: Case) -> Band:
    """What the stock recommender would say of CPU, before floors and caps."""
    return estimate_stock_cpu(
        case.demand.cpu_decayed,
        case.demand.confidence,
        target_percentile=case.settings.stock_cpu_percentile,
    )


def choose_stock_memory(case: Case) -> Band | None:
    """The same of memory; None without a sample."""
    demand = case.demand
    if demand.memory_peak is None:
        return None
    oom = _oom(case)
    return estimate_stock_memory(
        demand.memory_decayed, demand.confidence, oom_peak=None if oom is None else oom.peak
    )


def choose_cpu(case: Case, terms: Terms | None) -> Choice:
    """CPU: the priced quantile on `terms`, else the stock rule; its own under an HPA on CPU."""
    if case.workload.hpa_on_cpu:
        return _choose_under_hpa(case, terms)
    if terms is None:
        band = choose_stock_cpu(case)
        return Choice(band, _explain_stock(case, "cpu", band))
    pooled = case.pooled
    p, why = explain_quantile(terms, pooled)
    crowding = terms.crowding if pooled is None else 1.0  # the replay looks at how full nodes get
    request_cores, (*facts, total) = choose_request(case.demand, p, crowding, pooled)
    band, bounds = choose_bounds(case.demand, request_cores, p=p, terms=terms, pooled=pooled)
    gates = () if pooled is None else tuple(gate.explain() for gate in pooled.gates)
    least, guard = _guard(case, request_cores)
    return Choice(
        _hold(band, least),
        (
            *_explain_price(case, terms),
            *(*why, *facts, explain_ceiling(terms, is_replayed=pooled is not None), total),
            *(bounds, *guard, *gates),
        ),
        quantile=p,
        floor_cores=max(request_cores, least / 1000.0),
        least=least,
    )


def _choose_under_hpa(case: Case, terms: Terms | None) -> Choice:
    """CPU of what an HPA scales on CPU: by the work of a replica, else as it is.

    What was published by that rule is what there is while evidence is missing: the request of now
    may be one that it has not reached yet.
    """
    scaled = case.scaled_request
    if scaled is not None and terms is not None:
        steps = (*_explain_price(case, terms), *scaled.steps)
        return Choice(scaled.band, steps, scaled=scaled, basis=SCALED_BASIS)
    gap = case.scaling.gap if case.scaling else ""
    lack = (Reason("replicas", "not sized", gap),) if gap else ()
    published = case.previous.bands.get("cpu")
    if case.was_scaled and case.scaling and case.scaling.is_settled and published:
        kept = Reason("hpa", format_amount("cpu", published.target), _KEPT)
        return Choice(published, (kept, *lack), is_kept=True, basis=SCALED_BASIS)
    request = case.request("cpu")
    band = None if request is None else Band.fixed(request)
    why = explain_hpa(case.workload.hpa_on_cpu, request)
    return Choice(band, (why, *lack), is_kept=True, basis=KEPT_BASIS)


def _guard(case: Case, covered: float) -> tuple[int, tuple[Reason, ...]]:
    """What the guard of the service level demands of a request that would cover so many cores."""
    request, published = case.request("cpu"), case.previous.bands.get("cpu")
    cores = None if request is None else request / 1000.0
    return guard_request(
        judge_strain(case.demand.strain, cores),
        covered,
        request=request,
        published=published.target if published else None,
    )


def _hold(band: Band, least: int) -> Band:
    """The band with a target of at least that, its lower end where it was."""
    if band.target >= least:
        return band
    return Band.around(least, lower=band.lower, upper=max(band.upper, least))


def choose_memory_by_tier(case: Case, terms: Terms | None) -> Choice:
    """Memory: the stock rule at T0 (`terms` None), the highest peak with a margin at T1.

    After a kill neither gives less than the kill shows to be needed: the percentile of the
    stock rule passes over the kill of one pod among many.
    """
    oom = _oom(case)
    least = choose_least(case.demand, oom)
    peaks, steps = choose_memory(case.demand, oom)
    stock = choose_stock_memory(case) if terms is None else None
    if peaks is None or stock is None:
        return Choice(peaks, steps, least=least)
    why = _explain_stock(case, "memory", stock)
    if oom is None:
        return Choice(stock, why, least=least)
    return Choice(hold_oom(stock, oom), (*why, explain_oom(oom)), least=least)


def keep_memory(case: Case, choice: Choice) -> Choice:
    """What was published before, where memory cannot be sized and CPU can.

    Left out, it would be taken from a status that is written for the sake of CPU.
    """
    published = case.previous.bands.get("memory")
    if choice.band is not None or published is None:
        return choice
    kept = Reason(
        "memory kept",
        describe_amount("memory", published.target),
        "there is nothing new to be said of it",
    )
    return Choice(published, (*choice.steps, kept), is_kept=True)


def _oom(case: Case) -> OomEvidence | None:
    floor = max(case.floor("memory"), case.caps("memory").minimum or 0)
    return estimate_oom(
        case.demand,
        was_killed=case.spec.oom_killed,
        request=case.request("memory"),
        published=find_published_answer(case.previous.bands.get("memory"), floor),
    )


def _explain_stock(case: Case, resource: Resource, band: Band) -> tuple[Reason, ...]:
    percentile, of_what = TARGET, "p90 of daily peaks"
    decayed = case.demand.memory_decayed
    if resource == "cpu":
        percentile, decayed = case.settings.stock_cpu_percentile, case.demand.cpu_decayed
        of_what = f"{format_percentile(percentile)} of usage"
    amount = read_stock_percentile(decayed, percentile, resource=resource)
    counted = f", {format_amount(resource, amount)}"
    if resource == "memory" and _oom(case) is not None:
        counted = " and what the kill needs"
    return (
        Reason(
            f"{resource} stock",
            describe_amount(resource, band.target),
            f"1.15 x {of_what}{counted}, each day counting half of the next",
        ),
    )


def _explain_price(case: Case, terms: Terms) -> tuple[Reason, ...]:
    """The price of the pool, or the mean over the pools with the pods in each."""
    steps = [_explain_mix(case, terms)] if len(case.pools) > 1 else []
    for share in case.pools:
        price, binding = share.pool.energy.price, share.pool.energy.binding
        where = f" on {share.pool.name}" if steps else ""
        if not where:
            value = f"{price.watts_per_core:.2f} W ({price.low:.2f}-{price.high:.2f})"
            steps.append(Reason("price", f"{value} per reserved core", price.reason))
        if binding.factor < 1.0:
            steps.append(Reason("binding", f"x{binding.factor:.2f}{where}", binding.reason))
            steps += _explain_memory_price(share.pool, where)
    return tuple(steps)


def _explain_memory_price(pool: Pool, where: str) -> list[Reason]:
    price, stranding = pool.memory_price, pool.stranding
    steps = []
    if price.watts_per_gib > 0.0:
        value = f"{price.watts_per_gib:.2f} W ({price.low:.2f}-{price.high:.2f}) per reserved GiB"
        steps.append(Reason("memory price", value + where, price.reason))
    if stranding.cores > 0.0:
        steps.append(Reason("stranded", f"{stranding.cores:,.1f} cores{where}", stranding.reason))
    return steps


def _explain_mix(case: Case, terms: Terms) -> Reason:
    parts = ", ".join(
        f"{share.pool.energy.effective_price.watts_per_core:.2f} W/core on {share.pool.name}"
        f" ({share.pods} pod{'' if share.pods == 1 else 's'})"
        for share in case.pools
    )
    return Reason(
        "price",
        f"{terms.reserved:.2f} W ({terms.reserved_low:.2f}-{terms.reserved_high:.2f})"
        " per reserved core",
        f"mean over its pods: {parts}",
    )
