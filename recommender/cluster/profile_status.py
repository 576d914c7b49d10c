"""The status of an EnergyProfile: what was learnt of a workload, for people and for a restart.

Pure. It repeats what the VPA's status says, container by container, with what it rests on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.cluster.condition import (
    Condition,
    conditions_differ,
    says_the_same,
    stamp_conditions,
)
from recommender.cluster.entry import MAPS, Entry, read_entries
from recommender.errors import UsageError
from recommender.units import format_millicores, parse_millicores, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from recommender.model.cluster import Vpa
    from recommender.model.profile import Profile
    from recommender.model.report import (
        ContainerReport,
        CurvePoint,
        Quantities,
        Watts,
        WorkloadReport,
    )

ACCEPTED = "Accepted"

MOST_POINTS = 15
"""Points of a curve: enough to draw it in a terminal, 1 KB of each object."""

TOLERANCE = 0.05
"""A number that moved by less than this share is the same: evidence grows in every cycle, and
each write reaches every watcher."""

_SMALLEST = 0.01  # watts: less is no difference either
_CURVE_TOLERANCE = 0.1  # of work per joule, relative to the best request; and of exposure
_CONFIDENCE = ("low", "medium", "high")
_PASSING = (" kept", " moved")  # steps of one cycle, which the next one may not repeat


def build_profile_status(
    vpa: Vpa,
    profile: Profile,
    report: WorkloadReport | None,
    published: Mapping[str, Any],
    *,
    now: str,
) -> dict[str, Any]:
    """The whole status of the EnergyProfile of a VPA after a run; `now` is RFC 3339.

    `published` is the status of the VPA; each of its containers is in this one too, with the
    same numbers. What is known of them comes from `report` (None: nothing was sized) or, where
    they were not sized this time, from the status that was read.
    """
    before = profile.status
    target = {"kind": vpa.target.kind, "name": vpa.target.name} if vpa.target else None
    is_same = target is None or before.get("target") == target
    sized = {each.name: each for each in report.containers} if report else {}
    known = {str(each.get("name")): each for each in _containers(before)} if is_same else {}
    containers = []
    for entry in sorted(read_entries(published), key=lambda entry: str(entry["containerName"])):
        name = str(entry["containerName"])
        facts = _describe(sized[name]) if name in sized else known.get(name, {})
        recommended = {key: entry[key] for key in MAPS if key in entry}
        containers.append({"name": name, **facts, "recommended": recommended})
    classes = {
        "workClass": report.work_class if report else before.get("workClass"),
        "workClassSource": report.work_class_source if report else before.get("workClassSource"),
    }
    status = {
        "observedGeneration": profile.generation,
        "target": target or before.get("target"),
        **(classes if is_same or report else {}),
        "work": _describe_work(report) if report else before.get("work") if is_same else None,
        **_summarise(containers),
        "containers": containers,
        "conditions": stamp_conditions([_accept(vpa, profile, report)], before, now=now),
    }
    return {key: value for key, value in status.items() if value is not None}


def profile_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a new status says something else than the old one.

    What is recommended counts exactly, other numbers with the TOLERANCE, sentences as those of a
    VPA's conditions; what hysteresis did in this cycle is no news.
    """
    before, after = _containers(old), _containers(new)
    return (
        old.get("observedGeneration") != new.get("observedGeneration")
        or conditions_differ(old, new)
        or _facts_differ(old, new)
        or _work_differs(_as_map(old.get("work")), _as_map(new.get("work")))
        or [each.get("name") for each in before] != [each.get("name") for each in after]
        or any(_container_differs(*pair) for pair in zip(before, after, strict=True))
    )


def _describe(container: ContainerReport) -> Entry:
    """What is known of a container; absent is what is not."""
    saved = container.watts_saved
    facts = {
        "tier": container.tier,
        "basis": container.basis,
        "reason": container.why or None,
        "confidence": _confidence(container),
        "current": _written(container.current.requests),
        "stock": _written(container.stock.target) if container.stock else None,
        "priceWattsPerCore": _round(container.price_watts_per_core),
        "quantile": _round(container.quantile),
        "wattsSaved": _watts(saved) if saved else None,
        "curve": _curve(container) or None,
        "reasons": [
            {"step": each.step, "value": each.value, "why": each.why} for each in container.reasons
        ],
    }
    return {key: value for key, value in facts.items() if value is not None}


def _describe_work(report: WorkloadReport) -> Entry | None:
    """What stands for work; None where nothing does."""
    if report.work is None or not report.work_kind:
        return None
    return {"kind": report.work_kind, "value": report.work.value, "why": report.work.why}


def _confidence(container: ContainerReport) -> str:
    if container.tier == "T0":
        return "low"
    usage = container.usage
    is_short = usage is not None and usage.days < (usage.days_needed or 0.0)
    return "medium" if is_short or "modelled" in container.basis else "high"


def _summarise(containers: Sequence[Entry]) -> Entry:
    """The pod in one line: of the container with the least evidence, and sums over all."""
    rated = [each for each in containers if "tier" in each]
    least = min(rated, key=lambda each: str(each["tier"]), default={})
    confident = [each["confidence"] for each in rated if each.get("confidence") in _CONFIDENCE]
    saved = [each["wattsSaved"] for each in containers if "wattsSaved" in each]
    return {
        "tier": least.get("tier"),
        "basis": least.get("basis"),
        "reason": least.get("reason"),
        "confidence": min(confident, key=_CONFIDENCE.index, default=None),
        "currentCpu": _add_cpu(_as_map(each.get("current")) for each in containers),
        "recommendedCpu": _add_cpu(
            _as_map(each["recommended"].get("target")) for each in containers
        ),
        "wattsSaved": _add_watts(saved) if saved else None,
    }


def _add_cpu(amounts: Iterable[Mapping[str, Any]]) -> str | None:
    """The sum; None where one is not known, or where there is none."""
    total = 0
    for each in amounts:
        try:
            total += parse_millicores(str(each["cpu"]))
        except (KeyError, UsageError):
            return None
    return format_millicores(total) if total else None


def _add_watts(parts: Sequence[Mapping[str, Any]]) -> Entry | None:
    try:
        return {
            key: _round(math.fsum(float(part[key]) for part in parts))
            for key in ("value", "low", "high")
        }
    except (KeyError, TypeError, ValueError):  # a status that somebody else wrote
        return None


def _accept(vpa: Vpa, profile: Profile, report: WorkloadReport | None) -> Condition:
    if profile.problem:
        return Condition(ACCEPTED, False, "InvalidSpec", profile.problem)
    said = report.objective if report else ""
    text = f"used for VPA {vpa.name}" + (f"; {said}" if said else "")
    return Condition(ACCEPTED, True, ACCEPTED, text)


def _written(quantities: Quantities) -> Entry:
    named = {"cpu": quantities.cpu, "memory": quantities.memory}
    return {resource: amount for resource, amount in named.items() if amount is not None}


def _watts(watts: Watts) -> Entry:
    return {
        "value": _round(watts.value),
        "low": _round(watts.low),
        "high": _round(watts.high),
    }


def _round(value: float | None) -> float | None:
    """To three digits; None for what is no number."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.3g}")


def _curve(container: ContainerReport) -> list[Entry]:
    """At most MOST_POINTS of the curve: its ends, the requests that matter, and some between."""
    points = container.curve
    if not points:
        return []
    found = {
        format_millicores(round(points[index].request_cores * 1000)): points[index]
        for index in sorted(_choose_points(container, points))
    }
    return [
        {
            "request": request,
            "workPerJoule": _round(point.work_per_joule),
            "low": _round(point.low),
            "high": _round(point.high),
            "exposure": _round(point.exposure),
            "isFeasible": point.is_feasible,
        }
        for request, point in found.items()
    ]


def _choose_points(container: ContainerReport, points: Sequence[CurvePoint]) -> set[int]:
    requests = (
        container.current.requests,
        container.stock.target if container.stock else None,
        container.recommended.target,
    )
    marks = [parse_millicores(each.cpu) / 1000 for each in requests if each and each.cpu]
    cores = np.array([point.request_cores for point in points])
    spread = np.linspace(0, len(points) - 1, MOST_POINTS - len(requests)).round()
    return {int(index) for index in spread} | {int(abs(cores - mark).argmin()) for mark in marks}


def _container_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return (
        any(old.get(key) != new.get(key) for key in ("current", "recommended"))
        or _facts_differ(old, new)
        or _amounts_differ(_as_map(old.get("stock")), _as_map(new.get("stock")))
        or any(_number_differs(old.get(k), new.get(k)) for k in ("priceWattsPerCore", "quantile"))
        or _reasons_differ(_as_list(old.get("reasons")), _as_list(new.get("reasons")))
        or _curves_differ(_as_list(old.get("curve")), _as_list(new.get("curve")))
    )


_EXACT = (
    *("target", "workClass", "workClassSource", "tier", "basis", "confidence"),
    *("currentCpu", "recommendedCpu"),
)


def _facts_differ(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Of a container, or of the whole."""
    before, after = _as_map(old.get("wattsSaved")), _as_map(new.get("wattsSaved"))
    return (
        any(old.get(key) != new.get(key) for key in _EXACT)
        or not says_the_same(str(old.get("reason")), str(new.get("reason")))
        or _number_differs(before.get("value"), after.get("value"))
    )


def _work_differs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether something else stands for work, or for another reason; how much always moves."""
    return old.get("kind") != new.get("kind") or not says_the_same(
        str(old.get("why")), str(new.get("why"))
    )


def _amounts_differ(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return old.keys() != new.keys() or any(
        _number_differs(_amount(old[key]), _amount(new[key])) for key in new
    )


def _amount(quantity: object) -> float | None:
    try:
        return float(parse_quantity(str(quantity)))
    except (UsageError, OverflowError):
        return None


def _number_differs(old: object, new: object) -> bool:
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return old != new
    return abs(old - new) > max(TOLERANCE * max(abs(old), abs(new)), _SMALLEST)


def _reasons_differ(old: Sequence[Any], new: Sequence[Any]) -> bool:
    before, after = (
        [each for each in map(_as_map, steps) if not str(each.get("step")).endswith(_PASSING)]
        for steps in (old, new)
    )
    if [each.get("step") for each in before] != [each.get("step") for each in after]:
        return True
    return not all(
        says_the_same(str(one.get(key)), str(other.get(key)))
        for one, other in zip(before, after, strict=True)
        for key in ("value", "why")
    )


def _curves_differ(old: Sequence[Any], new: Sequence[Any]) -> bool:
    """Whether the new curve leaves the old one, at its own requests."""
    names = ("workPerJoule", "exposure")
    before, after = _columns(old, names), _columns(new, names)
    if before is None or after is None:
        return bool(old) != bool(new) or (before is None) != (after is None)
    expected = [np.interp(after[0], before[0], column) for column in before[1:]]
    return any(
        bool((abs(column - known) > _CURVE_TOLERANCE).any())
        for column, known in zip(after[1:], expected, strict=True)
    )


def _columns(points: Sequence[Any], names: Sequence[str]) -> list[NDArray[np.float64]] | None:
    """log(request) and the named numbers, each as an array; None where one is missing."""
    rows = []
    for point in map(_as_map, points):
        request = _amount(point.get("request"))
        numbers = [point.get(name) for name in names]
        if not request or request < 0 or not all(isinstance(n, int | float) for n in numbers):
            return None
        rows.append([math.log(request), *numbers])
    return list(np.array(rows, dtype=np.float64).T) if rows else None


def _containers(status: Mapping[str, Any]) -> list[Entry]:
    return [_as_map(each) for each in _as_list(status.get("containers"))]


def _as_map(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
