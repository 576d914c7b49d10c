"""The CPU requests of a workload that an HPA scales on CPU: by the work of a replica, or kept.

A usage quantile is no rule here: a lower request makes more replicas, each of which uses less, so
that the next quantile is lower still. The curve of cores against work does not move with the
request, so the size it gives stays where it is; without it the request is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.model.cluster import CpuScaler
from recommender.model.report import Reason
from recommender.sizing.band import Band
from recommender.sizing.memory import MARGIN
from recommender.sizing.plan import Found, Plan, ScaledRequest, Scaling
from recommender.sizing.replica import Part, Replica, widen
from recommender.sizing.replicagate import (
    WIDEST_INTERVAL,
    explain_no_best,
    find_flaw,
    find_gap,
    find_reach,
)
from recommender.sizing.replicastep import explain_request, name_rate, name_share
from recommender.sizing.resource import millicores_of
from recommender.sizing.workcurve import WorkCurve, WorkWindows, fit_curves, resample_curves, six
from recommender.units import GIB, format_millicores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.model.cluster import ContainerSpec, Workload
    from recommender.sizing.case import Case
    from recommender.sizing.terms import Terms

SCALED_BASIS = "work per joule of a replica"


def size_scaled(workload: Workload, cases: Sequence[Case], found: Found) -> Scaling:
    """The requests of the containers of `cases`, those of the workload that are sized.

    `found` is what is known of its work. Pure.
    """
    windows, scaler = found.windows, workload.scaler
    if windows is None:
        return Scaling(gap=found.gap, is_settled=True)
    gap = find_flaw(workload, scaler)
    if gap or scaler is None:
        return Scaling(gap=gap)
    gap = find_gap(cases, found)
    terms = cases[0].terms if cases else None
    if gap or terms is None:
        return Scaling(gap=gap, is_settled=True)
    replica = _build(workload, cases, fit_curves(windows), terms)
    best = replica.best_rate()
    if best is None:
        return Scaling(gap=explain_no_best(replica), is_settled=True)
    plan = Plan(
        replica,
        best.value,
        mean=float(windows.total.mean()),
        highest=float(windows.total.max()),
        scaler=scaler,
        now=_requested_now(replica),
    )
    gap = find_reach(plan, windows, found.unit)
    if gap:
        return Scaling(gap=gap, is_settled=True)
    return _request_all(workload, plan, found, windows)


def _build(
    workload: Workload,
    cases: Sequence[Case],
    curves: Sequence[WorkCurve],
    terms: Terms,
) -> Replica:
    """The replica with these curves, in the order of the workload's containers."""
    scaler = workload.scaler or CpuScaler()
    by_name = {case.spec.name: case for case in cases}
    parts = tuple(
        _describe(spec, by_name.get(spec.name), curve.rounded(), scaler)
        for spec, curve in zip(workload.containers, curves, strict=True)
    )
    return Replica(parts, terms, scaler.utilisation or 1.0)


def _describe(spec: ContainerSpec, case: Case | None, curve: WorkCurve, scaler: CpuScaler) -> Part:
    millicores = spec.requests.cpu_millicores or spec.limits.cpu_millicores
    is_counted = not scaler.container or scaler.container == spec.name
    return Part(
        spec.name,
        curve,
        cores=None if millicores is None else millicores / 1000.0,
        gib=six(_memory_of(spec, case) / GIB),
        is_counted=is_counted,
        is_ours=case is not None and "cpu" in case.policy.controlled,
    )


def _memory_of(spec: ContainerSpec, case: Case | None) -> float:
    """Bytes that it will reserve: its peak with the margin where we set it, else what it has."""
    peak = case.demand.memory_peak if case and "memory" in case.policy.controlled else None
    if case is not None and peak is not None:
        return peak * MARGIN
    return float(spec.requests.memory_bytes or spec.limits.memory_bytes or 0)


def _requested_now(replica: Replica) -> float | None:
    """Cores that the HPA's share is of now; None where a container has no request."""
    requests = [part.cores for part in replica.counted]
    return None if None in requests else sum(cores or 0.0 for cores in requests)


def _request_all(workload: Workload, plan: Plan, found: Found, windows: WorkWindows) -> Scaling:
    """The requests of all containers that are ours and count."""
    replica = plan.replica
    wanted = {part.name: replica.request(part, plan.rate) for part in replica.ours}
    if not wanted:
        return Scaling(gap="no container that it looks at has a CPU request of ours")
    drawn = _resample(plan, windows)
    total = sum(each.value for each in wanted.values() if each)
    requests: dict[str, ScaledRequest] = {}
    for part in replica.ours:
        request = wanted[part.name]
        if request is None:
            return Scaling(gap="the requests of other containers leave none at this share")
        interval = _interval(drawn[part.name])
        if interval is None or interval[1] > WIDEST_INTERVAL * interval[0]:
            return Scaling(gap=explain_vague(interval), is_settled=True)
        band, bounds = _choose_bounds(plan, part, request.value, interval)
        steps = (*explain_request(workload, plan, part, found), bounds)
        best = f"{plan.rate:.3g}{name_rate(found.unit)}"
        why = f"best at {best} a replica, HPA at {name_share(replica)}"
        share = request.value / total
        requests[part.name] = ScaledRequest(band, steps, plan, share, request.value, why)
    return Scaling(requests)


def _resample(plan: Plan, windows: WorkWindows) -> dict[str, list[float | None]]:
    """The request of each container over resampled days; None where a resample has none."""
    replica = plan.replica
    drawn: dict[str, list[float | None]] = {part.name: [] for part in replica.ours}
    for curves in resample_curves(windows):
        parts = tuple(
            Part(part.name, curve, part.cores, part.gib, part.is_counted, part.is_ours)
            for part, curve in zip(replica.parts, curves, strict=True)
        )
        other = Replica(parts, replica.terms, replica.tau)
        best = other.best_rate()
        for part in other.ours:
            request = other.request(part, best.value) if best else None
            drawn[part.name].append(request.value if request else None)
    return drawn


def _interval(drawn: Sequence[float | None]) -> tuple[float, float] | None:
    """The 90 % interval; None where a resample in twenty has no best size."""
    known = np.array([each for each in drawn if each is not None])
    if len(known) < 0.95 * len(drawn):
        return None
    low, high = np.quantile(known, (0.05, 0.95)).tolist()
    return low, high


def explain_vague(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "days drawn anew often show no bend, so that the best size is not known"
    ends = "-".join(format_millicores(millicores_of(end)) for end in interval)
    return f"days drawn anew give {ends}, a factor of {WIDEST_INTERVAL:g} at most needed"


def _choose_bounds(
    plan: Plan, part: Part, request: float, interval: tuple[float, float]
) -> tuple[Band, Reason]:
    """Union of the interval and of the sizes that cost no more than is worth a restart."""
    slack = plan.replica.slack(plan.rate)
    rates = plan.replica.indifferent_rates(plan.rate, share=slack)
    ends = [plan.replica.request(part, rate) for rate in rates]
    lower, upper = (end.value if end else request for end in ends)
    low, high = widen(min(lower, interval[0]), request, max(upper, interval[1]))
    band = Band.around(millicores_of(request), lower=millicores_of(low), upper=millicores_of(high))
    return band, Reason(
        "bounds",
        f"{format_millicores(band.lower)} - {format_millicores(band.upper)}",
        f"days resampled {_range(interval)}, within {slack:.2g} of its energy "
        f"{_range((lower, upper))}: inside them nothing is changed",
    )


def _range(ends: tuple[float, float]) -> str:
    return "-".join(format_millicores(millicores_of(end)) for end in ends)
