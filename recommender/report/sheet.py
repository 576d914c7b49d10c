"""Report and comparison for spreadsheets: CSV as RFC 4180, one row per container.

Numbers are bare, in the unit that the column's name ends in, so that a sheet can compute with
them; what has no value is empty. A skipped workload or container is a row whose last columns
but one say why.
"""

from __future__ import annotations

import csv
import io
import itertools
from typing import TYPE_CHECKING

from recommender.text import escape_controls
from recommender.units import parse_bytes, parse_millicores

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recommender.model.contrast import (
        Comparison,
        ContainerContrast,
        ContenderReport,
        WorkloadContrast,
    )
    from recommender.model.report import (
        ContainerReport,
        Quantities,
        Recommended,
        Report,
        Skipped,
        WorkloadReport,
    )

_AMOUNTS = ("now", "stock", "target", "lower_bound", "upper_bound", "uncapped", "limit")
HEADER = (
    *("namespace", "kind", "name", "container", "replicas", "pool"),
    *("work_class", "work_class_source", "tier", "basis"),
    *(f"cpu_{each}_millicores" for each in _AMOUNTS),
    *(f"memory_{each}_bytes" for each in _AMOUNTS),
    *("price_watts_per_core", "quantile"),
    *("watts_saved", "watts_saved_low", "watts_saved_high", "efficiency_gain"),
    *("exposure_now", "exposure_stock", "exposure_ours"),
    *("vpa", "update_mode", "hpa", "why", "skipped", "simulated"),
)

COMPARISON_HEADER = (
    *("namespace", "kind", "name", "container", "replicas", "tier"),
    *("policy", "vpa", "recommender", "cpu_millicores", "memory_bytes"),
    *("basis", "compared_seconds", "reserved_core_seconds", "joules", "joules_above_ours"),
    *("watts_above_ours", "watts_above_ours_low", "watts_above_ours_high", "exposure"),
    *("cpu_changes", "memory_changes", "why", "skipped", "simulated"),
)

# What a spreadsheet would take for a formula at the start of a cell of text (OWASP, "CSV
# Injection"). Kubernetes names cannot begin so; reasons that quote other programs can.
_FORMULA = ("=", "+", "-", "@")

_Cell = str | int | float | None


def format_csv(report: Report) -> str:
    """All containers, then all that was skipped, under the fixed HEADER."""
    return _write_sheet(HEADER, _rows(report), is_simulated=report.source.is_simulated)


def format_comparison_csv(comparison: Comparison) -> str:
    """A row for each recommender of each container, then all that was skipped."""
    rows = itertools.chain(_contender_rows(comparison), map(_skipped_row, comparison.skipped))
    return _write_sheet(COMPARISON_HEADER, rows, is_simulated=comparison.source.is_simulated)


def _write_sheet(
    header: Sequence[str], rows: Iterable[dict[str, _Cell]], *, is_simulated: bool
) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        cells = {**row, "simulated": "true" if is_simulated else "false"}
        writer.writerow([_format_cell(cells.get(title)) for title in header])
    return target.getvalue()


def _contender_rows(comparison: Comparison) -> Iterator[dict[str, _Cell]]:
    for workload in comparison.workloads:
        for container in workload.containers:
            for each in container.contenders:
                yield _contender_row(workload, container, each)


def _contender_row(
    workload: WorkloadContrast, container: ContainerContrast, each: ContenderReport
) -> dict[str, _Cell]:
    watts, cpu, memory = each.watts_above_ours, each.cpu_course, each.memory_course
    return {
        "namespace": workload.namespace,
        "kind": workload.kind,
        "name": workload.name,
        "container": container.name,
        "replicas": workload.replicas,
        "tier": container.tier,
        "policy": each.policy,
        "vpa": each.vpa,
        "recommender": each.recommender,
        "cpu_millicores": None if each.cpu is None else parse_millicores(each.cpu),
        "memory_bytes": None if each.memory is None else parse_bytes(each.memory),
        "basis": container.basis,
        "compared_seconds": container.compared_seconds,
        "reserved_core_seconds": each.reserved_core_seconds,
        "joules": each.joules,
        "joules_above_ours": each.joules_above_ours,
        "watts_above_ours": watts.value if watts else None,
        "watts_above_ours_low": watts.low if watts else None,
        "watts_above_ours_high": watts.high if watts else None,
        "exposure": each.exposure,
        "cpu_changes": cpu.changes if cpu else None,
        "memory_changes": memory.changes if memory else None,
        "why": container.why if each.policy == "ours" else None,
    }


def _rows(report: Report) -> Iterator[dict[str, _Cell]]:
    for workload in report.workloads:
        for container in workload.containers:
            yield _container_row(workload, container)
    for skip in report.skipped:
        yield _skipped_row(skip)


def _skipped_row(skip: Skipped) -> dict[str, _Cell]:
    return {
        "namespace": skip.namespace,
        "kind": skip.kind,
        "name": skip.name,
        "container": skip.container,
        "vpa": skip.vpa,
        "skipped": skip.reason,
    }


def _container_row(workload: WorkloadReport, container: ContainerReport) -> dict[str, _Cell]:
    saved = container.watts_saved
    return {
        "namespace": workload.namespace,
        "kind": workload.kind,
        "name": workload.name,
        "container": container.name,
        "replicas": workload.replicas,
        "pool": workload.pool,
        "work_class": workload.work_class,
        "work_class_source": workload.work_class_source,
        "tier": container.tier,
        "basis": container.basis,
        **_amounts(container),
        "price_watts_per_core": container.price_watts_per_core,
        "quantile": container.quantile,
        "watts_saved": saved.value if saved else None,
        "watts_saved_low": saved.low if saved else None,
        "watts_saved_high": saved.high if saved else None,
        "efficiency_gain": container.efficiency_gain,
        "exposure_now": container.exposure.get("current"),
        "exposure_stock": container.exposure.get("stock"),
        "exposure_ours": container.exposure.get("recommended"),
        "vpa": workload.vpa,
        "update_mode": workload.update_mode,
        "hpa": workload.hpa,
        "why": container.why or container.basis,
    }


def _amounts(container: ContainerReport) -> dict[str, _Cell]:
    """CPU and memory of each kind in _AMOUNTS."""
    ours: Recommended = container.recommended
    quantities: tuple[Quantities | None, ...] = (
        container.current.requests,
        container.stock.target if container.stock else None,
        ours.target,
        ours.lower_bound,
        ours.upper_bound,
        ours.uncapped_target,
        container.current.limits,
    )
    cells: dict[str, _Cell] = {}
    for name, pair in zip(_AMOUNTS, quantities, strict=True):
        cpu, memory = (pair.cpu, pair.memory) if pair else (None, None)
        cells[f"cpu_{name}_millicores"] = None if cpu is None else parse_millicores(cpu)
        cells[f"memory_{name}_bytes"] = None if memory is None else parse_bytes(memory)
    return cells


def _format_cell(cell: _Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        text = escape_controls(cell)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return str(cell) if isinstance(cell, int) else f"{cell:.6g}"
