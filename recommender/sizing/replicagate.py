"""Whether the size of a replica is known well enough to be set, and if not, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.sizing.replicastep import describe_formula, name_rate
from recommender.sizing.tier import choose_tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.model.cluster import CpuScaler, Workload
    from recommender.sizing.case import Case
    from recommender.sizing.plan import Found, Plan
    from recommender.sizing.replica import Replica
    from recommender.sizing.workcurve import WorkWindows

LEAST_WINDOWS = 500
LEAST_DAYS = 3
"""As a priced quantile needs: a rhythm of days is seen, and what is odd is few among many."""

LEAST_RANGE = 1.5
"""Highest over lowest work rate of a replica (98th and 2nd percentile): below it the bend of the
curve is what noise makes of it."""

WIDEST_INTERVAL = 2.0
"""Upper over lower end of the request's 90 % interval over resampled days; the cost is flat enough
for that (5.5 % at a factor of 2 where idle and bend are 22 % of the energy)."""

NEAR = 1.25
"""By how much the best rate may lie outside what was seen, as pools are filled beyond the highest
use that was seen: one step of trust, after which more has been seen."""


def find_flaw(workload: Workload, scaler: CpuScaler | None) -> str:
    """What of the HPA or the pods keeps the number of replicas from following the request."""
    if scaler is None:
        return "what it holds CPU at is not known"
    if scaler.utilisation is None:
        return "it holds an amount of cores and not a share of the request"
    if not scaler.is_alone:
        return "other metrics decide the number of replicas too"
    if scaler.most <= 0:
        return "its most replicas are not known"
    return _find_pod_flaw(workload, scaler)


def _find_pod_flaw(workload: Workload, scaler: CpuScaler) -> str:
    if scaler.container:
        names = [spec.name for spec in workload.containers]
        gone = f"it looks at container {scaler.container}, which is not there"
        return "" if scaler.container in names else gone
    if workload.sidecars:
        return f"native sidecar {workload.sidecars[0]} counts in it, and nothing is known of that"
    bare = [spec.name for spec in workload.containers if not spec.requests.cpu_millicores]
    return f"container {bare[0]} has no CPU request, without which it cannot scale" if bare else ""


def find_gap(cases: Sequence[Case], found: Found) -> str:
    """What evidence is missing; `found` has windows."""
    for case in cases:
        tier = choose_tier(
            case.demand.days,
            case.demand.five_minute_bins,
            terms=case.terms,
            settings=case.settings,
        )
        if tier.gap:
            return f"no energy evidence: {tier.gap}"
    windows = found.windows
    if not cases or windows is None:
        return found.gap or "none of its containers is sized"
    if len(windows) < LEAST_WINDOWS or windows.days < LEAST_DAYS:
        return (
            f"work and use are known together in {len(windows):,} five-minute windows of "
            f"{windows.days} days, {LEAST_WINDOWS} of {LEAST_DAYS} needed"
        )
    low, high = windows.seen
    if high <= 0.0 or high < LEAST_RANGE * low:
        return (
            f"the work of a replica was between {low:.3g} and {high:.3g}"
            f"{name_rate(found.unit)} only, a range of {LEAST_RANGE:g} needed"
        )
    return ""


def explain_no_best(replica: Replica) -> str:
    curve = replica.scaled_curve
    if curve.quadratic <= 0.0:
        return (
            f"its use does not grow faster than its work ({describe_formula(curve)} cores), so "
            "that no size of a replica is the best: the larger the better"
        )
    return "a replica costs nothing for being there, so that no size is the best"


def find_reach(plan: Plan, windows: WorkWindows, unit: str) -> str:
    """Whether what is best lies where something is known, and where the HPA can go."""
    low, high = windows.seen
    name = name_rate(unit)
    if not low / NEAR <= plan.rate <= high * NEAR:
        return (
            f"a replica would do best at {plan.rate:.3g}{name}, and only {low:.3g} to {high:.3g} "
            "were seen"
        )
    scaler = plan.scaler
    most = plan.highest / plan.rate
    if most > scaler.most:
        return (
            f"at {plan.rate:.3g}{name} each the peak of {plan.highest:.3g}{name} needs "
            f"{np.ceil(most):.0f} replicas, and it allows {scaler.most}"
        )
    mean = plan.mean / plan.rate
    if mean < scaler.least:
        return (
            f"at {plan.rate:.3g}{name} each the mean of {plan.mean:.3g}{name} needs {mean:.1f} "
            f"replicas, and it keeps at least {scaler.least}"
        )
    return ""
