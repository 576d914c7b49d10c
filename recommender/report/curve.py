"""The work-per-joule curve over candidate requests, drawn with characters.

The horizontal axis is logarithmic, since requests differ by factors; the vertical one is linear.
ASCII only, so that it looks the same in every terminal, log and issue.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Literal

import msgspec

from recommender.report.notation import format_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.model.report import CurvePoint

LEGEND = "* work per joule   x the same, below the performance floor   . 90 % band"
_LABEL = 6  # columns left of the vertical axis
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_INTERVALS = 6  # at most so many labels upwards, two rows each

_Field = Literal["work_per_joule", "low", "high"]


class Mark(msgspec.Struct, frozen=True):
    """A letter on the curve at a request."""

    letter: str
    cores: float


class _Frame(msgspec.Struct, frozen=True):
    """Where requests and values lie on the drawing."""

    left: float
    right: float
    bottom: float
    step: float
    columns: int
    rows: int

    def column(self, cores: float) -> int:
        share = math.log(cores / self.left) / math.log(self.right / self.left)
        return round(share * (self.columns - 1))

    def cores(self, column: int) -> float:
        return float(self.left * (self.right / self.left) ** (column / (self.columns - 1)))

    def row(self, value: float) -> int:
        """Counted from the top; two rows to a step."""
        return self.rows - 1 - round(2 * (value - self.bottom) / self.step)


def interpolate_curve(
    points: Sequence[CurvePoint], cores: float, *, name: _Field = "work_per_joule"
) -> float | None:
    """The curve's value at a request, linear in log(request); None outside of its points."""
    for before, after in itertools.pairwise(points):
        if before.request_cores <= cores <= after.request_cores:
            span = math.log(after.request_cores / before.request_cores)
            share = math.log(cores / before.request_cores) / span if span else 0.0
            low, high = float(getattr(before, name)), float(getattr(after, name))
            return low + share * (high - low)
    return None


def draw_curve(
    points: Sequence[CurvePoint], marks: Sequence[Mark], *, columns: int = 60
) -> list[str]:
    """Lines of a drawing `columns` wide plus the axis; none where there are not two requests.

    points: by request, ascending. Where two marks meet, the first of `marks` is seen. A mark
    outside of the points stands on the axis: what the curve is there is not known.
    """
    marks = [mark for mark in marks if mark.cores > 0]
    points = [point for point in points if point.request_cores > 0]
    frame = _choose_frame(points, marks, columns)
    if frame is None:
        return []
    cells = [[" "] * columns for _ in range(frame.rows)]
    axis = ["-"] * columns
    for column in range(columns):
        _draw_column(cells, points, frame, column)
    ticks = _choose_ticks(frame)
    for cores in ticks:
        axis[frame.column(cores)] = "+"
    for mark in reversed(marks):
        value = interpolate_curve(points, mark.cores)
        place = axis if value is None else cells[frame.row(value)]
        place[frame.column(mark.cores)] = mark.letter
    return _assemble(cells, axis, frame, ticks)


def _choose_frame(
    points: Sequence[CurvePoint], marks: Sequence[Mark], columns: int
) -> _Frame | None:
    if len(points) < 2:
        return None
    requests = [point.request_cores for point in points] + [mark.cores for mark in marks]
    left, right = min(requests), max(requests)
    if left == right:
        return None
    low = min(min(point.low, point.work_per_joule) for point in points)
    high = max(max(point.high, point.work_per_joule) for point in points)
    for step in _STEPS:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 2)
        if last - first <= _INTERVALS:
            break
    rows = 2 * (last - first) + 1
    return _Frame(left, right, first * step, step, columns, rows)


def _draw_column(
    cells: list[list[str]], points: Sequence[CurvePoint], frame: _Frame, column: int
) -> None:
    # The ends are taken exactly: rounding must not push them out of the curve.
    cores = min(max(frame.cores(column), frame.left), frame.right)
    low = interpolate_curve(points, cores, name="low")
    value = interpolate_curve(points, cores)
    high = interpolate_curve(points, cores, name="high")
    if low is None or value is None or high is None:
        return
    for row in range(frame.row(high), frame.row(low) + 1):
        cells[row][column] = "."
    nearest_below = max(
        (point for point in points if point.request_cores <= cores),
        key=lambda point: point.request_cores,
    )
    cells[frame.row(value)][column] = "*" if nearest_below.is_feasible else "x"


def _choose_ticks(frame: _Frame) -> list[float]:
    """1, 2 and 5 times the powers of ten within the frame; its ends where there are no two."""
    first = math.floor(math.log10(frame.left))
    last = math.ceil(math.log10(frame.right))
    found = [float(f"{digit}e{power}") for power in range(first, last + 1) for digit in (1, 2, 5)]
    within = [cores for cores in found if frame.left <= cores <= frame.right]
    return within if len(within) > 1 else [frame.left, frame.right]


def _assemble(
    cells: list[list[str]], axis: list[str], frame: _Frame, ticks: Sequence[float]
) -> list[str]:
    lines = []
    decimals = 2 if frame.step < 0.1 else 1
    for index, row in enumerate(cells):
        from_bottom = frame.rows - 1 - index
        value = frame.bottom + frame.step * from_bottom / 2
        label = f"{value:.{decimals}f}" if from_bottom % 2 == 0 else ""
        lines.append(f"{label:>{_LABEL - 1}} |{''.join(row)}".rstrip())
    lines.append(" " * _LABEL + "+" + "".join(axis) + "  request")
    return [*lines, _label_ticks(frame, ticks)]


def _label_ticks(frame: _Frame, ticks: Sequence[float]) -> str:
    """The ticks' quantities, each centred under its tick; those without room are left out."""
    text = " " * (_LABEL + 1)
    for cores in ticks:
        label = format_cores(cores)
        start = _LABEL + 1 + frame.column(cores) - (len(label) - 1) // 2
        if start > len(text.rstrip()) or not text.strip():
            text = text[:start].ljust(start) + label
    return text
