"""Policies in the plane of energy and hot time, drawn with characters.

The horizontal axis is the root of the share, so that what is allowed and what is far from it are
both seen; the vertical one is linear. ASCII only, so that it looks the same in every terminal, log
and issue.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ALLOWED = 0.005
"""Hot share that a calibrated pool may have, marked with |."""

_LABEL = 8  # columns left of the vertical axis
_ROWS = 13
_LABELLED = 3  # every so many rows has its value
_TICKS = (0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Point(NamedTuple):
    """A letter at a hot share (0 to 1) and joules per work."""

    letter: str
    hot: float
    joules: float


def draw_plane(points: Sequence[Point], *, floor: float | None, columns: int) -> list[str]:
    """Lines of a drawing `columns` wide plus the axis; none where there are no two points.

    `floor` is a line of dots: joules that nothing can go below. Where two points meet, the first
    is seen.
    """
    if len(points) < 2:
        return []
    values = [point.joules for point in points] + ([] if floor is None else [floor])
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    right = max(*(point.hot for point in points), 4 * ALLOWED)

    def column(hot: float) -> int:
        return round(math.sqrt(hot / right) * (columns - 1))

    def row(joules: float) -> int:
        return round((high - joules) / (high - low) * (_ROWS - 1))

    cells = [[" "] * columns for _ in range(_ROWS)]
    for each in cells:
        each[column(ALLOWED)] = "|"
    if floor is not None:
        cells[row(floor)] = ["."] * columns
    for point in reversed(points):
        cells[row(point.joules)][column(point.hot)] = point.letter
    lines = []
    for index, each in enumerate(cells):
        value = high - (high - low) * index / (_ROWS - 1)
        label = "" if index % _LABELLED else f"{value:.3g}"
        lines.append(f"{label:>{_LABEL - 1}} |{''.join(each)}".rstrip())
    ticks = [hot for hot in _TICKS if hot <= right]
    axis = ["-"] * columns
    for hot in ticks:
        axis[column(hot)] = "+"
    labels = [(column(hot), f"{hot * 100:g} %") for hot in ticks]
    return [*lines, " " * _LABEL + "+" + "".join(axis) + "  hot", _label_ticks(labels)]


def _label_ticks(labels: Sequence[tuple[int, str]]) -> str:
    """Each label from its tick on; those without room are left out."""
    text = " " * (_LABEL + 1)
    for column, label in labels:
        start = _LABEL + 1 + column
        if start > len(text.rstrip()) or not text.strip():
            text = text[:start].ljust(start) + label
    return text
