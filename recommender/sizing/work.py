"""The work of a workload against the CPU time that it took, and what that may be called."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from recommender.model.report import Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.model.history import UsageHistory
    from recommender.model.identity import WorkloadRef
    from recommender.model.profile import WorkMetric
    from recommender.model.work import WorkRate

STEP = "work"

_CPU_TIME = "CPU time stands for work: efficiency of provisioning, not of the code"
_OWN = "its own throughput, so work; the curve counts CPU time: efficiency of provisioning only"


def sum_busy_cores(usage: UsageHistory, ref: WorkloadRef) -> NDArray[np.float64]:
    """Busy cores of all pods of a workload in each bin, float64 [T]; NaN where none reported."""
    rows = [row for row, each in enumerate(usage.containers) if each.workload == ref]
    total = np.zeros(usage.grid.bins)
    is_seen = np.zeros(usage.grid.bins, np.bool_)
    for row in rows:
        cores = usage.cpu_mean[row].astype(np.float64) * usage.pods[row]
        is_known = np.isfinite(cores)
        total[is_known] += cores[is_known]
        is_seen |= is_known
    return np.where(is_seen, total, np.nan)


def explain_work(
    metric: WorkMetric, rate: WorkRate, busy_cores: NDArray[np.float64], *, ref: WorkloadRef
) -> Reason:
    """Mean work per second and per busy core-second, or why there is none (energy.md, 1).

    busy_cores: float64 [T] of the same bins. The second ratio is taken over the bins in which
    both are known.
    """
    is_known = np.isfinite(rate.per_second)
    if rate.flaw or not is_known.any():
        return Reason(STEP, "not known", f"{_explain_absence(metric, rate, ref)}; {_CPU_TIME}")
    unit = f" {metric.unit}" if metric.unit else ""
    value = f"{_digits(float(rate.per_second[is_known].mean()))}{unit}/s"
    both = is_known & np.isfinite(busy_cores)
    cores = float(busy_cores[both].sum())
    if cores > 0.0:
        value += f", {_digits(float(rate.per_second[both].sum()) / cores)} per core-second"
    present = float(is_known.mean())
    seen = "" if present > 0.95 else f", known in {present:.0%} of the window"
    return Reason(STEP, value, f"{metric.series.name} of its EnergyProfile{seen}: {_OWN}")


def explain_failure(metric: WorkMetric, failure: str) -> Reason:
    """The step where the metric could not be asked for."""
    return Reason(STEP, "not known", f"{metric.series.name} was not read: {failure}; {_CPU_TIME}")


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
