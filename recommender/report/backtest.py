"""The back-test as a table with a drawing, and as markdown.

Widths, pipes and what is left out where the terminal is too narrow are as in `report.table`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.report.grid import Column, layout_grid, layout_sentence
from recommender.report.line import Line, Span, join_lines, line, span
from recommender.report.notation import NONE, format_share
from recommender.report.plane import Point, draw_plane
from recommender.report.table import SIMULATED
from recommender.text import escape_markdown
from recommender.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.model.backtest import (
        Backtest,
        PolicyName,
        PolicyReport,
        PoolBacktest,
        Scenario,
    )

DROP_ORDER = ("node-hours", "unserved", "changes a day", "exposure", "kept", "J/core-s")
TITLES = (
    *("policy", "J/core-s", "released", "kept", "node-hours", "hot", "worst day"),
    *("exposure", "unserved", "changes a day"),
)
LEGEND = (
    "J/core-s: of all nodes, per core-second of work served, emptied nodes released; released,"
    " kept: that against the stock rule's, where emptied nodes are released or stay on; hot:"
    " share of container-time on nodes that are nearly full; exposure: with usage above the"
    " request; changes a day: of one container's target"
)

LETTERS: dict[PolicyName, str] = {
    "as-requested": "r",
    "stock": "s",
    "p95": "5",
    "p99": "9",
    "frequency-only": "f",
    "T1": "1",
    "T2": "2",
    "T3": "3",
}

_PIPE_WIDTH = 80  # of what has a width of its own: the drawing
_WIDEST_DRAWING = 72


class _Row(msgspec.Struct, frozen=True):
    """One policy of a pool under both scenarios, as far as they were tested."""

    name: PolicyName
    released: PolicyReport | None
    kept: PolicyReport | None

    @property
    def any(self) -> PolicyReport | None:
        """What does not depend on what becomes of emptied nodes stands in either."""
        return self.released or self.kept


class PoolSection(msgspec.Struct, frozen=True):
    """One pool as text: `cells` under TITLES, `names` of the policies at `points`."""

    name: str
    head: str
    cells: list[list[str]]
    names: list[str]
    points: list[Point]
    floor: float | None
    sentences: list[str]


def format_backtest_table(backtest: Backtest, *, width: int | None, is_terminal: bool) -> str:
    """The back-test as text that ends in a line break; width None: unlimited."""
    lines = [line(SIMULATED, "bold yellow"), line()] if backtest.source.is_simulated else []
    hidden: dict[str, None] = {}
    for pool in backtest.pools:
        lines += layout_sentence(_head(backtest, pool), width=width, style="bold")
        rows = _rows(backtest, pool)
        if rows:
            grid = layout_grid(_columns(), _cells(rows), width=width, drop_order=DROP_ORDER)
            lines += [*grid.lines, line()]
            hidden |= dict.fromkeys(grid.hidden)
            lines += _drawing_lines(rows, width=width)
        for text in _sentences(pool):
            lines += layout_sentence(text, width=width)
        lines.append(line())
    lines += _last_lines(backtest, tuple(hidden), width=width)
    return join_lines(lines, is_terminal=is_terminal)


def format_backtest_markdown(backtest: Backtest) -> str:
    """The same as markdown: a heading, a table and the sentences for each pool."""
    lines = [f"**{SIMULATED}**", ""] if backtest.source.is_simulated else []
    for pool in list_sections(backtest):
        lines += [f"## {escape_markdown(pool.head)}", ""]
        if pool.cells:
            lines += [
                "| " + " | ".join(TITLES) + " |",
                "|---|" + "---:|" * (len(TITLES) - 1),
                *("| " + " | ".join(row) + " |" for row in pool.cells),
                "",
            ]
        lines += [f"- {escape_markdown(text)}" for text in pool.sentences] + [""]
    lines += [escape_markdown(text) for text in list_footnotes(backtest)]
    return "\n".join(lines) + "\n"


def list_sections(backtest: Backtest) -> Iterator[PoolSection]:
    """Every pool as text, for what lays it out by itself."""
    for pool in backtest.pools:
        rows = _rows(backtest, pool)
        points, floor = _place_points(rows)
        yield PoolSection(
            name=pool.name,
            head=_head(backtest, pool),
            cells=[[cell.text for cell in row] for row in _cells(rows)],
            names=[name.replace("-", " ") for name, _ in points],
            points=[point for _, point in points],
            floor=floor,
            sentences=list(_sentences(pool)),
        )


def _head(backtest: Backtest, pool: PoolBacktest) -> str:
    tested = (
        f"{pool.tests} x trained on {format_duration(backtest.train_seconds)} and tested on the"
        f" next {format_duration(backtest.test_seconds)}"
        if pool.tests
        else "not tested"
    )
    return (
        f"{pool.name}: {_count(pool.nodes, 'node')}, {_count(pool.containers, 'container')},"
        f" {pool.history_days:.3g} d of history, {tested}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _rows(backtest: Backtest, pool: PoolBacktest) -> list[_Row]:
    found: dict[PolicyName, dict[Scenario, PolicyReport]] = {}
    for each in backtest.policies:
        if each.pool == pool.name:
            found.setdefault(each.name, {})[each.scenario] = each
    return [
        _Row(name, parts.get("nodes-released"), parts.get("nodes-kept"))
        for name, parts in found.items()
    ]


def _columns() -> list[Column]:
    return [Column(title, is_right=title != "policy") for title in TITLES]


def _cells(rows: list[_Row]) -> list[list[Span]]:
    stock = next((row for row in rows if row.name == "stock"), None)
    return [_row_cells(row, stock) for row in rows]


def _row_cells(row: _Row, stock: _Row | None) -> list[Span]:
    figures = row.any
    if figures is None:  # a row is made of at least one report
        raise AssertionError(f"{row.name} was tested under no scenario")
    base = stock or _Row("stock", None, None)
    return [
        span(row.name.replace("-", " "), "bold" if row.name.startswith("T") else ""),
        span(_number(row.released.joules_per_work if row.released else None)),
        span(_against(row.released, base.released)),
        span(_against(row.kept, base.kept)),
        span(_number((row.released or figures).node_hours)),
        span(format_share(figures.hot_share_mean)),
        span(format_share(figures.hot_share_worst_day)),
        span(format_share(figures.exposure_share)),
        span(format_share(figures.unserved_share)),
        span(_number(figures.changes_per_day)),
    ]


def _number(value: float | None) -> str:
    """To three digits, whole numbers in full: 0.013, 2.41, 1,290."""
    if value is None:
        return NONE
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{float(f'{value:.3g}'):g}"


def _against(each: PolicyReport | None, stock: PolicyReport | None) -> str:
    change = _change(each, stock)
    return NONE if change is None else format_percent_change(change)


def _change(each: PolicyReport | None, stock: PolicyReport | None) -> float | None:
    if each is None or stock is None or not stock.joules_per_work:
        return None
    value = each.joules_per_work
    return None if value is None else value / stock.joules_per_work - 1.0


def format_percent_change(change: float) -> str:
    """A relative change with its sign: -18.2 %, +0.4 %, 0 %."""
    text = f"{change * 100:+,.1f}"
    return "0 %" if not text.strip("+-0.") else f"{text} %"


def _drawing_lines(rows: list[_Row], *, width: int | None) -> list[Line]:
    """Energy against hot time, emptied nodes released: the lower left is the better."""
    points, floor = _place_points(rows)
    columns = min(_WIDEST_DRAWING, max((width or _PIPE_WIDTH) - 20, 24))
    drawn = [point for _, point in reversed(points)]
    drawing = draw_plane(drawn, floor=floor, columns=columns)
    if not drawing:
        return []
    shown = (f"{point.letter} {name.replace('-', ' ')}" for name, point in points)
    legend = "J/core-s against hot container-time: " + ", ".join(shown)
    legend += ", . the limit" if floor is not None else ""
    return [
        *layout_sentence(legend + ", | what is allowed", width=width),
        *(line(f"  {each}") for each in drawing),
        line(),
    ]


def _place_points(rows: list[_Row]) -> tuple[list[tuple[PolicyName, Point]], float | None]:
    """The policies where emptied nodes are released, and the joules of the limit."""
    points: list[tuple[PolicyName, Point]] = []
    floor = None
    for row in rows:
        each = row.released
        if each is None or each.joules_per_work is None:
            continue
        if row.name == "limit":
            floor = each.joules_per_work
        elif each.hot_share_mean is not None:
            point = Point(LETTERS[row.name], each.hot_share_mean, each.joules_per_work)
            points.append((row.name, point))
    return points, floor


def _sentences(pool: PoolBacktest) -> Iterator[str]:
    yield from pool.sentences
    for each in pool.refused:
        yield f"{each.name.replace('-', ' ')} was not tested: {each.reason}"


def list_footnotes(backtest: Backtest) -> list[str]:
    """What the columns mean, and the condition of what is released."""
    seen = backtest.node_releaser
    released = f"{seen} seen" if seen else "no autoscaler that removes nodes was seen"
    texts = []
    if backtest.policies:
        texts = [LEGEND, f"released nodes need something that removes them ({released})"]
    if not backtest.pools:
        texts = ["nothing to test: no pool of nodes is known"]
    return texts


def _last_lines(backtest: Backtest, hidden: tuple[str, ...], *, width: int | None) -> list[Line]:
    lines: list[Line] = []
    for text in list_footnotes(backtest):
        lines += layout_sentence(text, width=width)
    if hidden:
        text = f"not shown at {width} columns: {', '.join(hidden)}"
        lines += layout_sentence(text, width=width, style="dim")
    for each in backtest.source.warnings:
        lines += layout_sentence(f"warning: {each}", width=width, style="yellow")
    return lines
