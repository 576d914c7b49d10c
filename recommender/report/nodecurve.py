"""Power curves of node classes as a table, with a drawing of each class.

Widths, pipes and what is left out where the terminal is too narrow are as in `report.table`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.report.grid import Column, layout_grid, layout_sentence
from recommender.report.line import Line, Span, join_lines, line, span
from recommender.report.notation import NONE, format_price, format_share
from recommender.report.power import LEGEND, draw_power
from recommender.report.table import SIMULATED
from recommender.units import format_duration, parse_time

if TYPE_CHECKING:
    from recommender.model.curve import ClassCurve, NodeCurves
    from recommender.model.report import Watts

DROP_ORDER = ("planned to", "cpu model", "hours", "packed", "seen", "power", "best at", "used")
_TITLES = (
    *("class", "nodes", "cpu model", "power", "hours", "used", "seen"),
    *("draws for being there", "price of a reserved core", "packed", "best at", "planned to"),
)
_RIGHT = ("nodes", "hours", "used", "packed", "best at", "planned to")
_SHORT = {"draws for being there": "intercept", "price of a reserved core": "price of a core"}
_PIPE_WIDTH = 80  # of what has a width of its own: the drawing
_WIDEST_DRAWING = 72
_INDENT = "  "


def format_curves(curves: NodeCurves, *, width: int | None, is_terminal: bool) -> str:
    """All classes in a row each, then each with its drawing, its reasons and what is missing.

    width: columns of the terminal; None: unlimited.
    """
    lines = [line(SIMULATED, "bold yellow"), line()] if curves.source.is_simulated else []
    columns = [
        Column(title, is_right=title in _RIGHT, short=_SHORT.get(title, "")) for title in _TITLES
    ]
    rows = [_row(each) for each in curves.classes]
    grid = layout_grid(columns, rows, width=width, drop_order=DROP_ORDER)
    lines += grid.lines
    for each in curves.classes:
        lines += [line(), *_class_lines(each, width=width)]
    lines.append(line())
    if grid.hidden:
        text = f"not shown at {width} columns: {', '.join(grid.hidden)}"
        lines += layout_sentence(text, width=width, style="dim")
    lines += layout_sentence(_describe_window(curves), width=width)
    for warning in curves.source.warnings:
        lines += layout_sentence(f"warning: {warning}", width=width, style="yellow")
    return join_lines(lines, is_terminal=is_terminal)


def _row(shown: ClassCurve) -> list[Span]:
    is_modelled = shown.quality == "modelled"
    power = ", ".join(filter(None, (shown.quality, shown.reach)))
    return [
        span(shown.name),
        span(_format_nodes(shown)),
        span(shown.cpu_model or "unknown"),
        span(power, "yellow" if is_modelled else ""),
        span(str(shown.hours)),
        span(format_share(shown.utilisation)),
        span(_format_range(shown)),
        span(_format_watts(shown.intercept_watts)),
        span(format_price(shown.price_watts_per_core), "bold"),
        span(format_share(shown.packing)),
        span(
            "not seen" if shown.best_utilisation is None else format_share(shown.best_utilisation)
        ),
        span(format_share(shown.planning_ceiling)),
    ]


def _format_nodes(shown: ClassCurve) -> str:
    """All nodes, and of how many the power is known where it is not of all."""
    if shown.metered_nodes == shown.nodes:
        return str(shown.nodes)
    return f"{shown.metered_nodes} of {shown.nodes}"


def _format_range(shown: ClassCurve) -> str:
    if shown.lowest_utilisation is None or shown.highest_utilisation is None:
        return NONE
    return f"{format_share(shown.lowest_utilisation)} - {format_share(shown.highest_utilisation)}"


def _format_watts(watts: Watts | None) -> str:
    return NONE if watts is None else format_price(watts)


def _class_lines(shown: ClassCurve, *, width: int | None) -> list[Line]:
    columns = min(_WIDEST_DRAWING, max((width or _PIPE_WIDTH) - 20, 24))
    drawing = draw_power(shown, columns=columns)
    lines = [line(f"{shown.name}: watts of a node by its use", "bold")]
    lines += [line(_INDENT + each) for each in drawing]
    if drawing:
        lines += layout_sentence(_INDENT + _legend(shown), width=width)
    for reason in shown.reasons:
        lines += layout_sentence(f"{_INDENT}{reason}", width=width)
    for each in shown.missing:
        lines += layout_sentence(f"{_INDENT}missing: {each}", width=width, style="yellow")
    return lines


def _legend(shown: ClassCurve) -> str:
    """What the letters mean; a modelled curve is no fit and has no band."""
    if shown.lowest_utilisation is None:
        return LEGEND.replace("* fit", "* model").replace("   . 90 % band", "")
    return LEGEND


def _describe_window(curves: NodeCurves) -> str:
    source = curves.source
    window = format_duration(parse_time(source.window_end) - parse_time(source.window_start))
    count = len(curves.classes)
    return f"{count} node class{'' if count == 1 else 'es'} over {window} to {source.window_end}"
