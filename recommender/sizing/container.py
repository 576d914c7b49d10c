"""The decision on one container, step by step, and its row of the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.errors import WorkloadSkipped
from recommender.model.report import ContainerReport, Current, Reason
from recommender.sizing.choice import (
    Choice,
    choose_cpu,
    choose_memory_by_tier,
    choose_stock_cpu,
    choose_stock_memory,
    keep_memory,
)
from recommender.sizing.curve import choose_candidates, estimate_curve, estimate_gain
from recommender.sizing.hysteresis import choose_settled
from recommender.sizing.policy import (
    explain_caps,
    explain_floor,
    explain_limit,
    explain_limit_floor,
    hold_limit,
)
from recommender.sizing.row import (
    choose_why,
    describe_amounts,
    describe_bands,
    describe_usage,
    estimate_exposure,
)
from recommender.sizing.saving import estimate_saving
from recommender.sizing.tier import Tier, choose_tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recommender.model.report import CurvePoint, Watts
    from recommender.sizing.band import Band
    from recommender.sizing.case import Case
    from recommender.sizing.resource import Resource
    from recommender.sizing.terms import Terms

    Bands = dict[Resource, Band]


class _Meaning(msgspec.Struct, frozen=True):
    """What the CPU request means for energy; empty at T0 and where CPU is not ours to change."""

    saved: Watts | None = None
    gain: float | None = None
    curve: tuple[CurvePoint, ...] = ()


def size_container(case: Case, *, with_curve: bool) -> ContainerReport:
    """The report of one container. Raises WorkloadSkipped where nothing can be recommended."""
    tier = choose_tier(
        case.demand.days,
        case.demand.five_minute_bins,
        terms=case.terms,
        settings=case.settings,
        pooled=case.pooled,
    )
    terms = None if tier.name == "T0" else case.terms
    choices = _choose(case, terms)
    bands, settled = _settle(case, choices)
    stock = _stock(case)
    meaning = _weigh(case, terms, choices, bands=bands, stock=stock, with_curve=with_curve)
    cpu = choices.get("cpu")
    return ContainerReport(
        name=case.spec.name,
        tier=tier.name,
        basis=_basis(tier, cpu, terms),
        reasons=(
            tier.reason,
            *(step for choice in choices.values() for step in choice.steps),
            *settled,
        ),
        current=Current(describe_amounts(case.spec.requests), describe_amounts(case.spec.limits)),
        stock=describe_bands(stock) if stock else None,
        recommended=describe_bands(bands),
        usage=describe_usage(case.demand),
        price_watts_per_core=None if terms is None else terms.reserved,
        quantile=None if cpu is None else cpu.quantile,
        watts_saved=meaning.saved,
        efficiency_gain=meaning.gain,
        exposure=estimate_exposure(case, stock=stock, ours=bands),
        curve=meaning.curve,
        why=choose_why(case, tier, cpu, terms=terms),
        in_template=case.spec.in_template,
    )


def _choose(case: Case, terms: Terms | None) -> dict[Resource, Choice]:
    """The choice for each controlled resource, CPU first."""
    choices: dict[Resource, Choice] = {}
    if "cpu" in case.policy.controlled:
        choices["cpu"] = choose_cpu(case, terms)
    if "memory" in case.policy.controlled:
        choices["memory"] = choose_memory_by_tier(case, terms)
    if all(choice.band is None for choice in choices.values()):
        steps = "; ".join(step.why for choice in choices.values() for step in choice.steps)
        raise WorkloadSkipped(steps or "its VPA policy controls neither cpu nor memory")
    if "memory" in choices:
        choices["memory"] = keep_memory(case, choices["memory"])
    return choices


def _settle(case: Case, choices: Mapping[Resource, Choice]) -> tuple[Bands, list[Reason]]:
    """Floors, previous recommendation and caps, for each resource that has a number."""
    bands: Bands = {}
    steps: list[Reason | None] = [case.previous.explain()]
    for resource, choice in choices.items():
        if choice.band is None:
            continue
        raised, previous, least = choice.band, None, choice.least
        if not choice.is_kept:
            raised, why = _raise(case, resource, raised)
            steps += why
            previous = case.previous.bands.get(resource)
            least = max(least, case.limit_floor(resource))
        caps = case.caps(resource)
        band, kept = choose_settled(resource, raised, previous, caps, least=least)
        steps += [kept, explain_caps(resource, caps, band.uncapped)]
        if case.is_applied and case.policy.scales_limits and choice.scaled is None:
            steps.append(
                explain_limit(resource, case.spec, target=band.target, peak=case.peak(resource))
            )
        bands[resource] = band
    return bands, [step for step in steps if step is not None]


def _raise(case: Case, resource: Resource, band: Band) -> tuple[Band, list[Reason | None]]:
    """The band at least at the share of a pod's least target, then at what its limit needs."""
    floor, held = case.floor(resource), case.limit_floor(resource)
    raised = band.raised(floor)
    steps = [
        explain_floor(resource, band, floor),
        explain_limit_floor(resource, raised, floor=held, peak=case.peak(resource)),
    ]
    return hold_limit(raised, held), steps


def _stock(case: Case) -> Bands:
    """What the stock recommender would write for the controlled resources."""
    raw: dict[Resource, Band | None] = {
        "cpu": choose_stock_cpu(case),
        "memory": choose_stock_memory(case),
    }
    bands: Bands = {}
    for resource, band in raw.items():
        if band is not None and resource in case.policy.controlled:
            caps = case.caps(resource)
            bands[resource] = band.raised(case.floor(resource)).capped(caps.minimum, caps.maximum)
    return bands


def _weigh(
    case: Case,
    terms: Terms | None,
    choices: Mapping[Resource, Choice],
    *,
    bands: Bands,
    stock: Bands,
    with_curve: bool,
) -> _Meaning:
    """Watts saved, efficiency and curve of the CPU request, where the terms decided it."""
    floor = choices["cpu"].floor_cores if "cpu" in choices else None
    scaled = choices["cpu"].scaled if "cpu" in choices else None
    if scaled is not None:
        target = bands["cpu"].target
        return _Meaning(saved=scaled.saved(target), gain=scaled.gain(target))
    if terms is None or floor is None:
        return _Meaning()
    now, ours, distribution = case.request("cpu"), bands["cpu"].target, case.demand.distribution
    curve: tuple[CurvePoint, ...] = ()
    if with_curve:
        marks = [ours / 1000.0, stock["cpu"].target / 1000.0, floor]
        candidates = choose_candidates(
            marks if now is None else [*marks, now / 1000.0],
            highest=case.demand.highest,
            caps=case.caps("cpu"),
        )
        curve = estimate_curve(distribution, candidates, terms=terms, floor=floor)
    if now is None:
        return _Meaning(curve=curve)
    return _Meaning(
        saved=estimate_saving(now=now, ours=ours, replicas=case.workload.replicas, terms=terms),
        gain=estimate_gain(distribution, ours=ours / 1000.0, now=now / 1000.0, terms=terms),
        curve=curve,
    )


def _basis(tier: Tier, cpu: Choice | None, terms: Terms | None) -> str:
    if cpu is None or not cpu.basis:
        return tier.basis
    is_modelled = cpu.scaled is not None and terms is not None and terms.is_modelled
    return f"{cpu.basis}, modelled power" if is_modelled else cpu.basis
