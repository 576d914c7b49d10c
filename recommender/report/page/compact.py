"""The report as the page's script takes it: texts ready to show, numbers only to sort and draw.

What is shown is what the table and `explain` say, word by word. Sentences stand once, in
`texts`, and are named by their place there; curves have the digits that a screen can show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recommender.model.identity import WorkloadRef
from recommender.report.comparison import COMPARISON_TITLES, comparison_rows
from recommender.report.curve import interpolate_curve
from recommender.report.explain import (
    describe_class,
    describe_exposure,
    describe_request,
    describe_saving,
    explanation_steps,
    request_cores,
)
from recommender.report.footprint import describe_carried
from recommender.report.notation import (
    NONE,
    format_change,
    format_cores,
    format_cpu,
    format_factor,
    format_memory,
    format_share,
)
from recommender.report.savings import describe_update
from recommender.units import parse_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recommender.model.report import (
        ContainerReport,
        CurvePoint,
        Quantities,
        Report,
        Skipped,
        WorkloadReport,
    )

COLUMNS = (
    *("workload", "container", "tier", "cpu now", "cpu ours", "cpu stock"),
    *("memory now", "memory ours", "work/J", "watts", "exposure", "why"),
)
"""Of the page's table; `exposure` is the share of time above our request."""

NUMBERS = frozenset(COLUMNS[3:11])
SKIPPED = "skipped"  # stands where others have their tier


@dataclass
class _Texts:
    """Every text once; `place` gives where it stands."""

    places: dict[str, int] = field(default_factory=dict)

    def place(self, text: str) -> int:
        return self.places.setdefault(text, len(self.places))

    def all(self) -> list[str]:
        return list(self.places)


def compact_report(report: Report, *, opened: WorkloadReport | None = None) -> dict[str, Any]:
    """Plain values for JSON. `opened` is the workload that is shown at once, if any."""
    texts = _Texts()
    skips: dict[WorkloadRef, list[Skipped]] = {}
    for row in report.skipped:
        skips.setdefault(WorkloadRef(row.namespace, row.kind, row.name), []).append(row)
    workloads = []
    for workload in report.workloads:
        rows = skips.pop(_ref(workload), [])
        workloads.append(_compact_workload(report, workload, rows, texts))
    workloads += [_compact_skipped(ref, rows, texts) for ref, rows in skips.items()]
    return {
        "columns": [[title, title in NUMBERS] for title in COLUMNS],
        "titles": COMPARISON_TITLES,
        "opened": None if opened is None else str(_ref(opened)),
        "workloads": workloads,
        "texts": texts.all(),
    }


def _ref(workload: WorkloadReport) -> WorkloadRef:
    return WorkloadRef(workload.namespace, workload.kind, workload.name)


def _compact_workload(
    report: Report, workload: WorkloadReport, skips: Sequence[Skipped], texts: _Texts
) -> dict[str, Any]:
    ref = _ref(workload)
    work = workload.work
    sentences = [
        *(f"{each.container or 'pod'}: {each.reason}" for each in workload.conflicts),
        *([f"{work.step}: {work.value} ({work.why})"] if work else []),
        describe_class(workload),
        *([workload.objective] if workload.objective else []),
        describe_update(workload.vpa, workload.update_mode),
    ]
    if workload.hpa:
        text = f"scaled on CPU by HPA {workload.hpa}: a lower request makes more replicas"
        sentences.append(text)
    return {
        **_identity(ref, pool=workload.pool),
        "title": f"{ref.namespace}/{ref.short} x{workload.replicas}",
        "containers": [
            _compact_container(report, workload, each, texts) for each in workload.containers
        ],
        "skips": _compact_skips(skips, texts),
        "sentences": [texts.place(each) for each in sentences],
    }


def _compact_skipped(ref: WorkloadRef, skips: Sequence[Skipped], texts: _Texts) -> dict[str, Any]:
    """A workload of which nothing else is known."""
    return {
        **_identity(ref, pool=None),
        "title": f"{ref.namespace}/{ref.short}",
        "containers": [],
        "skips": _compact_skips(skips, texts),
        "sentences": [],
    }


def _identity(ref: WorkloadRef, *, pool: str | None) -> dict[str, Any]:
    """`id` as links have it, with the full kind; `name` as kubectl writes it."""
    return {
        "id": str(ref),
        "name": f"{ref.namespace}/{ref.short}",
        "namespace": ref.namespace,
        "pool": pool,
    }


def _compact_skips(skips: Iterable[Skipped], texts: _Texts) -> list[list[Any]]:
    return [[each.container or "", texts.place(each.reason)] for each in skips]


def _compact_container(
    report: Report, workload: WorkloadReport, container: ContainerReport, texts: _Texts
) -> dict[str, Any]:
    pool = next((each for each in report.pools if each.name == workload.pool), None)
    steps = explanation_steps(workload, container)
    requests = describe_request(container).removesuffix("; ")
    savings = [
        describe_saving(report, workload, container, pool),
        *describe_carried(container.watts_saved, report.footprint),
    ]
    return {
        "name": container.name,
        "tier": container.tier,
        "heading": f"{requests or 'no request'}; tier {container.tier} {container.basis}",
        "cells": [*_cells(container), texts.place(container.why or container.basis)],
        "keys": [_shorten(key) for key in _keys(container)],
        "steps": [texts.place(text) for step in steps for text in step],
        "requests": comparison_rows(container),
        "saving": texts.place(". ".join(savings)),
        "exposure": describe_exposure(container),
        "curve": _compact_curve(container.curve),
        "marks": _marks(container),
    }


def _cells(container: ContainerReport) -> list[str]:
    """Texts of the columns from `cpu now` to `exposure`."""
    stock = container.stock.target if container.stock else None
    now, ours = container.current.requests, container.recommended.target
    return [
        *(format_cpu(now), format_cpu(ours), format_cpu(stock)),
        *(format_memory(now), format_memory(ours)),
        format_factor(container.efficiency_gain),
        format_change(container.watts_saved),
        format_share(container.exposure.get("recommended")),
    ]


def _keys(container: ContainerReport) -> list[float | None]:
    """What these columns are sorted by; watts by what is saved, as the sign is shown."""
    stock = container.stock.target if container.stock else None
    now, ours = container.current.requests, container.recommended.target
    saved = container.watts_saved
    return [
        *(request_cores(now), request_cores(ours), request_cores(stock)),
        *(_memory(now), _memory(ours)),
        container.efficiency_gain,
        None if saved is None else -saved.value,
        container.exposure.get("recommended"),
    ]


def _memory(quantities: Quantities) -> float | None:
    return None if quantities.memory is None else float(parse_bytes(quantities.memory))


def _compact_curve(points: Sequence[CurvePoint]) -> dict[str, Any] | None:
    """Columns of numbers; None where there are not two requests to draw."""
    drawn = [point for point in points if point.request_cores > 0 and _is_finite(point)]
    if len({point.request_cores for point in drawn}) < 2:
        return None
    return {
        "cores": [_shorten(point.request_cores) for point in drawn],
        "work": [_shorten(point.work_per_joule, digits=3) for point in drawn],
        "low": [_shorten(point.low, digits=3) for point in drawn],
        "high": [_shorten(point.high, digits=3) for point in drawn],
        "exposure": [_shorten(point.exposure, digits=3) for point in drawn],
        "feasible": [int(point.is_feasible) for point in drawn],
    }


def _is_finite(point: CurvePoint) -> bool:
    return all(map(math.isfinite, (point.work_per_joule, point.low, point.high, point.exposure)))


def _marks(container: ContainerReport) -> list[list[Any]]:
    """Name, cores and text of each request that is known, as drawn on the curve."""
    requests = {
        "now": request_cores(container.current.requests),
        "stock": request_cores(container.stock.target if container.stock else None),
        "ours": request_cores(container.recommended.target),
    }
    marks: list[list[Any]] = []
    for name, cores in requests.items():
        if cores:
            value = format_factor(interpolate_curve(container.curve, cores), decimals=2)
            text = f"{name} {format_cores(cores)}" + ("" if value == NONE else f" {value}")
            marks.append([name, _shorten(cores), text])
    return marks


def _shorten(number: float | None, *, digits: int = 4) -> float | None:
    """So many digits, which a screen can show no more of; whole numbers without a point."""
    if number is None or not math.isfinite(number):
        return None
    short = float(f"{number:.{digits}g}")
    return int(short) if short.is_integer() else short
