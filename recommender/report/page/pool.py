"""A pool as a picture: how much of its cores is used, how much only reserved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.report.notation import format_share
from recommender.report.page.element import element, svg_text
from recommender.report.table import POOL_TITLES, pool_cells

if TYPE_CHECKING:
    from recommender.model.report import PoolReport
    from recommender.report.page.element import Element

_LEFT, _WIDTH = 10.0, 620.0
_TOP, _HEIGHT = 46.0, 30.0
_ROWS = {"best at": 16.0, "planned to": 38.0}  # of the marks' texts, so that they never meet


def pool_section(pool: PoolReport) -> Element:
    """Picture, figures and findings of one pool."""
    cells = [cell.text for cell in pool_cells(pool)]
    figures = element("dl", class_="figures")
    for title, text in zip(POOL_TITLES[1:], cells[1:], strict=True):
        figures.append(element("div", element("dt", title), element("dd", text)))
    reasons = element("ul", *(element("li", each) for each in pool.reasons))
    return element(
        "section",
        element("h3", pool.name),
        _picture(pool),
        figures,
        *([reasons] if pool.reasons else []),
        class_="pool",
    )


def _picture(pool: PoolReport) -> Element:
    """Used and reserved cores as parts of one bar, and the uses to plan for as marks above it."""
    used, reserved = pool.utilisation, pool.packing
    drawing = element(
        "svg", viewBox="0 0 640 104", role="img", aria_label=_describe(pool), class_="bar"
    )
    drawing.append(_bar(1.0, "free"))
    if reserved is not None:
        drawing.append(_bar(reserved, "reserved"))
    drawing.append(_bar(used, "used"))
    if pool.best_utilisation is not None:
        drawing.append(_mark(pool.best_utilisation, "best at"))
    drawing.append(_mark(pool.planning_ceiling, "planned to"))
    drawing.append(svg_text(f"used {format_share(used)}", _LEFT, 96.0))
    if reserved is not None:
        text = f"requested {format_share(reserved)} of the cores"
        drawing.append(svg_text(text, _LEFT + _WIDTH, 96.0, anchor="end"))
    return element("figure", drawing)


def _describe(pool: PoolReport) -> str:
    text = f"cores of {pool.name}: {format_share(pool.utilisation)} used"
    return text if pool.packing is None else f"{text}, {format_share(pool.packing)} requested"


def _place(share: float) -> float:
    return _LEFT + _WIDTH * min(max(share, 0.0), 1.0)


def _bar(share: float, name: str) -> Element:
    width = _place(share) - _LEFT
    return element("rect", x=_LEFT, y=_TOP, width=f"{width:.1f}", height=_HEIGHT, class_=name)


def _mark(share: float, name: str) -> Element:
    """A line over the bar, with its text where there is room."""
    x, row = _place(share), _ROWS[name]
    line = element("path", d=f"M{x:.1f} {row - 12:.1f}V{_TOP + _HEIGHT + 4:.1f}", class_="mark")
    is_left = share > 0.5
    label = svg_text(
        f"{name} {format_share(share)}",
        x + (-5 if is_left else 5),
        row,
        anchor="end" if is_left else "start",
    )
    return element("g", line, label)
