"""Now, stock and ours side by side, for the explanation of one container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.report.grid import Column, layout_grid
from recommender.report.line import span
from recommender.report.notation import NONE, format_bounds, format_cpu, format_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from recommender.model.report import ContainerReport, Quantities
    from recommender.report.line import Line


COMPARISON_TITLES = ("", "now", "stock", "ours")


def comparison_lines(container: ContainerReport) -> list[Line]:
    """The requests, and beneath each what belongs to it: bounds, limit, value before policy."""
    columns = [Column(title) for title in COMPARISON_TITLES]
    rows = comparison_rows(container)
    return layout_grid(columns, [[span(text) for text in row] for row in rows], width=None).lines


def comparison_rows(container: ContainerReport) -> list[tuple[str, ...]]:
    """The same as text, under COMPARISON_TITLES; the rows beneath begin with two spaces."""
    return [
        *_resource_rows("cpu", format_cpu, container),
        *_resource_rows("memory", format_memory, container),
    ]


def _resource_rows(
    name: str, show: Callable[[Quantities | None], str], container: ContainerReport
) -> list[tuple[str, ...]]:
    """None where the resource has no request and gets none; no row that adds nothing."""
    now, stock, ours = container.current, container.stock, container.recommended
    targets = (show(stock.target if stock else None), show(ours.target))
    uncapped = (show(stock.uncapped_target if stock else None), show(ours.uncapped_target))
    if {show(now.requests), *targets} == {NONE}:
        return []
    rows: list[tuple[str, ...]] = [
        (f"{name} request", show(now.requests), *targets),
        ("  bounds", NONE, format_bounds(stock, show), format_bounds(ours, show)),
    ]
    if uncapped != targets:
        rows.append(("  before policy", NONE, *uncapped))
    if show(now.limits) != NONE:
        rows.append(("  limit", show(now.limits), NONE, NONE))
    return rows
