"""EnergyProfile objects: what they ask for, and what is wrong with them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.manifest import Lean, Metadata
from recommender.cluster.vpa import WORK_CLASSES
from recommender.model.profile import (
    LatencyGuard,
    MetricSelector,
    Profile,
    WorkMetric,
    find_flaw,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

OBJECTIVES = ("energy", "carbon")
_BUCKETS = "_bucket"


class ProfileItem(Lean, frozen=True):
    """An EnergyProfile; spec and status stay undecoded until a VPA of ours has its name."""

    metadata: Metadata
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    status: msgspec.Raw = msgspec.Raw(b"{}")


class _WorkMetric(Lean, frozen=True):
    name: str = ""
    labels: dict[str, str] | None = None
    unit: str | None = None


class _Latency(Lean, frozen=True):
    name: str = ""
    labels: dict[str, str] | None = None
    quantile: float | None = None
    max_seconds: float = math.nan


class _Spec(Lean, frozen=True):
    work_class: str | None = None
    work_metric: _WorkMetric | None = None
    latency: _Latency | None = None
    objective: str | None = None


# Built before any thread: see api.decode.
_SPEC_DECODER = msgspec.json.Decoder(_Spec | None)


def index_profiles(items: Iterable[ProfileItem]) -> dict[tuple[str, str], ProfileItem]:
    """By namespace and name. One that is being deleted is gone."""
    return {
        (item.metadata.namespace, item.metadata.name): item
        for item in items
        if item.metadata.deletion_timestamp is None
    }


def convert_profile(item: ProfileItem) -> Profile:
    """What it says; a spec that cannot be meant becomes its `problem`."""
    try:
        spec = _SPEC_DECODER.decode(item.spec) or _Spec()
    except msgspec.DecodeError as error:
        return _with_problem(item, f"spec cannot be read: {error}")
    problem = _find_problem(spec)
    if problem:
        return _with_problem(item, problem)
    return Profile(
        generation=item.metadata.generation,
        work_class=spec.work_class or "",
        work_metric=_convert_work(spec.work_metric) if spec.work_metric else None,
        latency=_convert_latency(spec.latency) if spec.latency else None,
        objective=spec.objective or "",
        status=_status(item),
        resource_version=item.metadata.resource_version,
    )


def _with_problem(item: ProfileItem, problem: str) -> Profile:
    return Profile(
        generation=item.metadata.generation,
        problem=f"EnergyProfile {item.metadata.name}: {problem}",
        status=_status(item),
        resource_version=item.metadata.resource_version,
    )


def _status(item: ProfileItem) -> dict[str, Any]:
    status = msgspec.json.decode(item.status)
    return status if isinstance(status, dict) else {}


def _convert_work(metric: _WorkMetric) -> WorkMetric:
    return WorkMetric(_series(metric), metric.unit or "")


def _convert_latency(latency: _Latency) -> LatencyGuard:
    return LatencyGuard(_series(latency), latency.max_seconds, latency.quantile)


def _series(metric: _WorkMetric | _Latency) -> MetricSelector:
    return MetricSelector(metric.name, metric.labels or {})


def _find_problem(spec: _Spec) -> str:
    """The first thing in it that cannot be meant, and what to do; "" for nothing.

    The CRD's own rules refuse all of this; a CRD can be older, or without them.
    """
    if spec.work_class and spec.work_class not in WORK_CLASSES:
        return f"spec.workClass is {spec.work_class!r}; it is one of {', '.join(WORK_CLASSES)}"
    if spec.objective and spec.objective not in OBJECTIVES:
        return f"spec.objective is {spec.objective!r}; it is one of {', '.join(OBJECTIVES)}"
    if spec.work_metric and (flaw := _find_work_flaw(spec.work_metric)):
        return f"spec.workMetric: {flaw}"
    if spec.latency and (flaw := _find_latency_flaw(spec.latency)):
        return f"spec.latency: {flaw}"
    return ""


def _find_work_flaw(metric: _WorkMetric) -> str:
    if metric.name.endswith(_BUCKETS):
        return f"name {metric.name!r} is of buckets, which count several times; name its _count"
    return find_flaw(_series(metric))


def _find_latency_flaw(latency: _Latency) -> str:
    if flaw := find_flaw(_series(latency)):
        return flaw
    if not (math.isfinite(latency.max_seconds) and latency.max_seconds > 0.0):
        return "maxSeconds is missing or not above 0; give the seconds not to be exceeded"
    if latency.quantile is not None and not 0.0 < latency.quantile < 1.0:
        return f"quantile {latency.quantile:g} is not between 0 and 1"
    if (latency.quantile is not None) != latency.name.endswith(_BUCKETS):
        return f"quantile belongs to a name that ends in {_BUCKETS}; give both or neither"
    return ""
