"""The rows of the workload table: one per container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.model.identity import WorkloadRef
from recommender.model.report import Quantities
from recommender.report.line import Span, span
from recommender.report.notation import (
    NONE,
    format_bounds,
    format_change,
    format_cpu,
    format_factor,
    format_memory,
    format_quantile,
    format_share,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recommender.model.report import ContainerReport, Report, WorkloadReport

WIDE_TITLES = (
    *("cpu bounds", "memory bounds", "limits", "exposure now > ours (stock)"),
    *("class", "quantile", "pool", "mode", "hpa"),
)


def workload_rows(report: Report, *, is_wide: bool, repeats_names: bool) -> list[list[Span]]:
    """The cells of each container, in the order of the columns.

    repeats_names: each row names its workload, not only the first of a workload.
    """
    pairs = [(workload, each) for workload in report.workloads for each in workload.containers]
    namespaces = {row.namespace for row in report.workloads}
    has_namespaces = len(namespaces | {row.namespace for row in report.skipped}) > 1
    containers = [container for _, container in pairs]
    cpu, memory = _cpu_changes(containers), _memory_changes(containers)
    exposures = _exposure_changes(containers)
    rows = []
    for index, (workload, container) in enumerate(pairs):
        is_first = repeats_names or container is workload.containers[0]
        name = _describe_workload(workload, has_namespaces=has_namespaces) if is_first else ""
        wide = _wide_cells(workload, container, exposures[index]) if is_wide else []
        rows.append(
            [
                span(name),
                span(container.name),
                span(container.tier, "yellow" if container.tier == "T0" else ""),
                span(cpu[index]),
                span(memory[index]),
                *wide,
                span(format_factor(container.efficiency_gain)),
                _watts_cell(container),
                span(container.why or container.basis),
            ]
        )
    return rows


def _describe_workload(workload: WorkloadReport, *, has_namespaces: bool) -> str:
    """As kubectl writes it; the namespace only where the report holds several."""
    name = WorkloadRef(workload.namespace, workload.kind, workload.name).short
    prefix = f"{workload.namespace}/" if has_namespaces else ""
    return f"{prefix}{name} x{workload.replicas}"


def _watts_cell(container: ContainerReport) -> Span:
    saved = container.watts_saved
    text = format_change(saved)
    if text == NONE or text[0] not in "+-":
        return span(text)
    return span(text, "green" if text[0] == "-" else "red")


def _wide_cells(workload: WorkloadReport, container: ContainerReport, exposure: str) -> list[Span]:
    ours = container.recommended
    limits = container.current.limits
    return [
        span(format_bounds(ours, format_cpu)),
        span(format_bounds(ours, format_memory)),
        span(NONE if limits == Quantities() else f"{format_cpu(limits)}, {format_memory(limits)}"),
        span(exposure),
        span(f"{workload.work_class} ({workload.work_class_source})"),
        span(format_quantile(container.quantile)),
        span(workload.pool or NONE),
        span(workload.update_mode or NONE),
        span(workload.hpa or NONE),
    ]


def _cpu_changes(containers: Iterable[ContainerReport]) -> list[str]:
    return _align_changes(
        [
            (
                format_cpu(each.current.requests),
                format_cpu(each.recommended.target),
                format_cpu(each.stock.target if each.stock else None),
            )
            for each in containers
        ]
    )


def _memory_changes(containers: Iterable[ContainerReport]) -> list[str]:
    return _align_changes(
        [
            (
                format_memory(each.current.requests),
                format_memory(each.recommended.target),
                format_memory(each.stock.target if each.stock else None),
            )
            for each in containers
        ]
    )


def _exposure_changes(containers: Iterable[ContainerReport]) -> list[str]:
    return _align_changes(
        [
            (
                format_share(each.exposure.get("current")),
                format_share(each.exposure.get("recommended")),
                format_share(each.exposure.get("stock")),
            )
            for each in containers
        ]
    )


def _align_changes(changes: Sequence[tuple[str, str, str]]) -> list[str]:
    """`now > ours (stock)` with the signs of all rows beneath each other."""
    now_width = max((len(now) for now, _, _ in changes), default=0)
    ours_width = max((len(ours) for _, ours, _ in changes), default=0)
    return [f"{now:>{now_width}} > {ours:>{ours_width}} ({stock})" for now, ours, stock in changes]
