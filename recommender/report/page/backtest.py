"""The page of a back-test: for each pool its table, its drawing and its verdict; no script."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from recommender.report.backtest import TITLES, list_footnotes, list_sections
from recommender.report.page.element import element, svg_text, table
from recommender.report.page.shell import assemble_page, source_notes
from recommender.report.plane import ALLOWED

if TYPE_CHECKING:
    from recommender.model.backtest import Backtest
    from recommender.report.backtest import PoolSection
    from recommender.report.page.element import Element

_LEFT, _RIGHT, _TOP, _BOTTOM = 70.0, 640.0, 20.0, 300.0
_TICKS = (0.0, ALLOWED, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_MOST_ROWS = 7


def format_backtest_page(backtest: Backtest) -> str:
    """All pools of the back-test."""
    body = element(
        "main",
        element("header", element("h1", "joulefit back-test"), *source_notes(backtest.source)),
        *(_section(each) for each in list_sections(backtest)),
        element("footer", *(element("p", text) for text in list_footnotes(backtest))),
    )
    return assemble_page("joulefit back-test", body)


def _section(pool: PoolSection) -> Element:
    made = element("section", element("h2", pool.head), class_="pool")
    if pool.cells:
        made.append(table(TITLES, pool.cells, right=TITLES[1:]))
    drawing = _plane(pool)
    if drawing is not None:
        made.append(drawing)
    made.append(element("ul", *(element("li", text) for text in pool.sentences)))
    return made


def _plane(pool: PoolSection) -> Element | None:
    """Energy against hot time as in `report.plane`; None where there are no two policies."""
    points = [each for each in pool.points if math.isfinite(each.joules)]
    if len(points) < 2:
        return None
    joules = [each.joules for each in points] + ([] if pool.floor is None else [pool.floor])
    low, high = min(joules), max(joules)
    values = _choose_values(low, high)
    low, high = values[0], values[-1]
    right = max(*(each.hot for each in points), 4 * ALLOWED)

    def x(hot: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * math.sqrt(hot / right)

    def y(value: float) -> float:
        return _TOP + (_BOTTOM - _TOP) * (high - value) / (high - low)

    drawing = element(
        "svg",
        viewBox="0 0 720 350",
        role="img",
        aria_label=f"joules per core-second against hot container-time in {pool.name}",
    )
    for value in values:
        drawing.append(_grid(y(value), f"{value:.6g}"))
    for hot in (each for each in _TICKS if each <= right):
        drawing.append(svg_text(f"{hot * 100:g} %", x(hot), _BOTTOM + 18, anchor="middle"))
    drawing.append(_line(f"M{x(ALLOWED):.1f} {_TOP}V{_BOTTOM}", "limit"))
    if pool.floor is not None:
        drawing.append(_line(f"M{_LEFT} {y(pool.floor):.1f}H{_RIGHT}", "floor"))
        drawing.append(svg_text("limit", _RIGHT, y(pool.floor) - 4, anchor="end"))
    for name, point in zip(pool.names, pool.points, strict=True):
        if point in points:
            drawing.append(_point(name, x(point.hot), y(point.joules)))
    drawing.append(svg_text("share of container-time on hot nodes", _RIGHT, 344, anchor="end"))
    caption = element(
        "figcaption",
        "J/core-s upwards, hot container-time to the right, emptied nodes released: the lower"
        f" left is the better. Dashed: {ALLOWED * 100:g} % are allowed.",
    )
    return element("figure", drawing, caption)


def _choose_values(low: float, high: float) -> list[float]:
    """Round values that enclose both: steps of 1, 2 or 5 times a power of ten."""
    span = high - low or abs(high) or 1.0
    power = math.floor(math.log10(span / _MOST_ROWS))
    for digit in (1, 2, 5, 10, 20):
        step = digit * 10.0**power
        first, last = math.floor(low / step), math.ceil(high / step)
        if last - first <= _MOST_ROWS:
            break
    return [row * step for row in range(first, max(last, first + 1) + 1)]


def _grid(y: float, text: str) -> Element:
    line = element("path", d=f"M{_LEFT} {y:.1f}H{_RIGHT}")
    return element("g", line, svg_text(text, _LEFT - 6, y + 4, anchor="end"), class_="grid")


def _line(d: str, name: str) -> Element:
    return element("path", d=d, class_=name)


def _point(name: str, x: float, y: float) -> Element:
    circle = element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="5")
    return element("g", circle, svg_text(name, x + 8, y - 6))
