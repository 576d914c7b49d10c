"""The work of a workload by the best evidence of it, and what that may be called.

Three kinds, the best first: a counter of its own; instructions retired, which are the same work
only on one CPU model and for one program; CPU time, weighted by frequency where that is known. The
third is both what was done and what it took, so per joule it tells how well the work is provided
for and nothing of the code.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from recommender.model.report import Reason
from recommender.sizing.plan import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from recommender.model.cluster import Workload
    from recommender.model.history import UsageHistory
    from recommender.model.identity import WorkloadRef
    from recommender.model.profile import WorkMetric
    from recommender.model.work import WorkEvidence, WorkRate
    from recommender.sizing.demand import Demand
    from recommender.sizing.pool import PoolShare

STEP = "work"

WorkKind = Literal["throughput", "instructions", "cpu time", ""]

_PROVISIONING = "efficiency of provisioning, not of the code"
_OWN = "its own throughput, so work; the curve counts CPU time: efficiency of provisioning only"


def sum_busy_cores(usage: UsageHistory, rows: Iterable[int]) -> NDArray[np.float64]:
    """Busy cores of all pods of the containers in these rows in each bin, float64 [T]; NaN where
    none reported.
    """
    total = np.zeros(usage.grid.bins)
    is_seen = np.zeros(usage.grid.bins, np.bool_)
    for row in rows:
        cores = usage.cpu_mean[row].astype(np.float64) * usage.pods[row]
        is_known = np.isfinite(cores)
        total[is_known] += cores[is_known]
        is_seen |= is_known
    return np.where(is_seen, total, np.nan)


class WorkFound(msgspec.Struct, frozen=True):
    """The work of a workload, and which kind of evidence says so; no reason where none does."""

    kind: WorkKind
    reason: Reason | None


def explain_evidence(
    workload: Workload,
    metric: WorkMetric | None,
    work: WorkEvidence | None,
    demand: Demand,
    pools: Sequence[PoolShare],
) -> WorkFound:
    """The step that says how much work is done, by which evidence, and what it may be called.

    `metric` is that of its EnergyProfile, None where it names none; `pools` are those it runs in.
    """
    busy = demand.busy_cores(workload.ref)
    lack = _explain_lack(metric, work, workload.ref)
    if metric is not None and work is not None and work.metric is not None and not lack:
        return WorkFound("throughput", _explain_throughput(metric, work.metric, busy))
    retired = _explain_instructions(work, busy, pools)
    if isinstance(retired, Reason):
        return WorkFound("instructions", _after(lack, retired))
    time = _explain_cpu_time(busy, demand.hertz(workload.ref))
    if time is None:
        return WorkFound("", None)
    return WorkFound("cpu time", _after("; ".join(filter(None, (lack, retired))), time))


def find_windows(
    workload: Workload, metric: WorkMetric | None, work: WorkEvidence | None, demand: Demand
) -> Found:
    """Work beside use, where its own metric tells it: no other kind says what a replica serves."""
    if metric is None:
        return Found(gap=_NO_METRIC)
    lack = _explain_lack(metric, work, workload.ref)
    if lack or work is None or work.metric is None:
        return Found(unit=metric.unit, gap=lack)
    names = [spec.name for spec in workload.containers]
    windows = demand.windows_of(workload.ref, names, work.metric.per_second)
    gap = "" if windows is not None else "the use of one of its containers is not known"
    return Found(windows, metric.unit, gap)


_NO_METRIC = (
    "no work metric: with one in an EnergyProfile (spec.workMetric) replicas are sized by their"
    " work"
)


def _after(lack: str, reason: Reason) -> Reason:
    return Reason(reason.step, reason.value, f"{lack}; {reason.why}") if lack else reason


def _explain_lack(metric: WorkMetric | None, work: WorkEvidence | None, ref: WorkloadRef) -> str:
    """Why the metric gives no work; "" where it does, or where none is named."""
    if metric is None:
        return ""
    if work is None or work.metric is None:
        failure = work.failure if work else "nothing that was read holds it"
        return f"{metric.series.name} was not read: {failure}"
    if work.metric.flaw or not np.isfinite(work.metric.per_second).any():
        return _explain_absence(metric, work.metric, ref)
    return ""


def _explain_throughput(
    metric: WorkMetric, rate: WorkRate, busy_cores: NDArray[np.float64]
) -> Reason:
    """Mean work per second and per busy core-second (energy.md, 1)."""
    unit = f" {metric.unit}" if metric.unit else ""
    why = f"{metric.series.name} of its EnergyProfile{_describe_presence(rate)}: {_OWN}"
    return Reason(STEP, _describe_rate(rate, busy_cores, unit), why)


def _explain_instructions(
    work: WorkEvidence | None, busy_cores: NDArray[np.float64], pools: Sequence[PoolShare]
) -> Reason | str:
    """The step, or why instructions are not it; "" where there are none."""
    rate = None if work is None else work.instructions
    if rate is None or rate.flaw or not np.isfinite(rate.per_second).any():
        return ""
    models = {node.name: share.pool.cpu_model for share in pools for node in share.pool.nodes}
    seen = {models.get(name, "") for name in rate.nodes}
    if len(seen) != 1 or "" in seen:
        known = ", ".join(sorted(filter(None, seen))) or "none that is known"
        return f"instructions are no work across CPU models ({known})"
    why = (
        f"instructions retired{_describe_presence(rate)}, all on {seen.pop()}: work as long as the "
        "program stays the same; the curve counts CPU time: efficiency of provisioning only"
    )
    return Reason(STEP, _describe_rate(rate, busy_cores, " instructions"), why)


def _explain_cpu_time(
    busy_cores: NDArray[np.float64], hertz: NDArray[np.float64] | None
) -> Reason | None:
    """CPU-seconds x f / f_ref a second, f_ref the mean; without f where it is not known."""
    is_known = np.isfinite(busy_cores)
    weighted, what = busy_cores, "CPU time"
    if hertz is not None and np.isfinite(hertz[is_known]).any():
        is_known &= np.isfinite(hertz)
        reference = float(hertz[is_known].mean())
        weighted = busy_cores * hertz / reference
        what = f"CPU time weighted by frequency, {reference / 1e9:.2f} GHz counting once,"
    if not is_known.any():
        return None
    value = f"{_digits(float(weighted[is_known].mean()))} core-seconds/s"
    return Reason(STEP, value, f"{what} stands for work: {_PROVISIONING}")


def _describe_rate(rate: WorkRate, busy_cores: NDArray[np.float64], unit: str) -> str:
    """412 requests/s, 0.9 per core-second: the ratio over the bins in which both are known."""
    is_known = np.isfinite(rate.per_second)
    value = f"{_digits(float(rate.per_second[is_known].mean()))}{unit}/s"
    both = is_known & np.isfinite(busy_cores)
    cores = float(busy_cores[both].sum())
    if cores > 0.0:
        value += f", {_digits(float(rate.per_second[both].sum()) / cores)} per core-second"
    return value


def _describe_presence(rate: WorkRate) -> str:
    present = float(np.isfinite(rate.per_second).mean())
    return "" if present > 0.95 else f", known in {present:.0%} of the window"


def _explain_absence(metric: WorkMetric, rate: WorkRate, ref: WorkloadRef) -> str:
    name = metric.series.name
    there = f"in namespace {ref.namespace} in the window"
    if rate.flaw:
        return f"{name} has {rate.series:,} series {there}, {rate.flaw}"
    if not rate.series:
        labels = " with these labels" if metric.series.labels else ""
        return f"no series of {name}{labels} {there}"
    if not rate.own:
        return f"none of the series of {name} {there} is of a pod of {ref.short}"
    return f"{name} has too few samples {there}"


def _digits(value: float) -> str:
    """Three digits, no more than the integer part where that is longer: 412, 0.9, 12,345."""
    if value == 0.0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
