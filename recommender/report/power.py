"""A node's power against its use, drawn with characters.

Both axes are linear and begin at zero, so that the tangent's intercept, which prices a reserved
core, is seen where it is. ASCII only, as in `report.curve`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recommender.model.curve import ClassCurve

LEGEND = "* fit   o mean of a 2 % bin   . 90 % band   ~ tangent at mean use (u)   ^ planned to"
_LEAST_MARGIN = 6  # columns of the labels
_DIGITS = (1, 2, 5)
_INTERVALS = 7  # at most so many labels upwards, two rows each
_TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2)


class _Frame(msgspec.Struct, frozen=True):
    """Where use and watts lie on the drawing; row 0 is the top one, two rows to a step."""

    right: float
    step: float
    columns: int
    rows: int

    def column(self, utilisation: float) -> int:
        return round(utilisation / self.right * (self.columns - 1))

    def utilisation(self, column: int) -> float:
        return self.right * column / (self.columns - 1)

    def row(self, watts: float) -> int:
        return self.rows - 1 - round(2 * watts / self.step)


def draw_power(shown: ClassCurve, *, columns: int = 60) -> list[str]:
    """Lines of a drawing `columns` wide plus the axis; none where the curve has no watts."""
    frame = _choose_frame(shown, columns)
    if frame is None:
        return []
    cells = [[" "] * columns for _ in range(frame.rows)]
    _draw_band(cells, shown, frame)
    _draw_tangent(cells, shown, frame)
    for point in shown.points:
        _put(cells, frame, point.utilisation, point.watts, letter="o")
    for column, watts in _columns_of(shown, frame, [point.watts for point in shown.curve]):
        _put(cells, frame, frame.utilisation(column), watts, letter="*")
    return _assemble(cells, _draw_axis(shown, frame), frame)


def _choose_frame(shown: ClassCurve, columns: int) -> _Frame | None:
    watts = [point.watts for point in shown.curve]
    watts += [point.high for point in shown.curve if point.high is not None]
    watts += [point.watts for point in shown.points]
    most = max((each for each in watts if math.isfinite(each)), default=0.0)
    if most <= 0.0:
        return None
    power = math.floor(math.log10(most)) - 1
    steps = [digit * 10.0 ** (power + more) for more in range(3) for digit in _DIGITS]
    step = next(each for each in steps if math.ceil(most / each - 1e-9) <= _INTERVALS)
    used = [1.0, *(point.utilisation for point in shown.points)]
    return _Frame(max(used), step, columns, 2 * math.ceil(most / step - 1e-9) + 1)


def _columns_of(shown: ClassCurve, frame: _Frame, values: list[float]) -> list[tuple[int, float]]:
    """Columns over which the curve is shown, with the value in each."""
    load = [point.utilisation for point in shown.curve]
    within = range(frame.column(load[0]), frame.column(load[-1]) + 1)
    return [(column, _interpolate(load, values, at=frame.utilisation(column))) for column in within]


def _interpolate(load: Sequence[float], values: Sequence[float], *, at: float) -> float:
    """Linear between the points, level beyond them."""
    after = min(max(bisect_right(load, at), 1), len(load) - 1)
    before = after - 1
    share = (at - load[before]) / (load[after] - load[before])
    return values[before] + min(max(share, 0.0), 1.0) * (values[after] - values[before])


def _draw_band(cells: list[list[str]], shown: ClassCurve, frame: _Frame) -> None:
    ends = [(point.low, point.high) for point in shown.curve]
    lows = [low for low, _ in ends if low is not None]
    highs = [high for _, high in ends if high is not None]
    if len(lows) != len(ends) or len(highs) != len(ends):
        return
    low, high = (dict(_columns_of(shown, frame, values)) for values in (lows, highs))
    for column in low:
        for row in range(frame.row(high[column]), frame.row(low[column]) + 1):
            if 0 <= row < frame.rows:
                cells[row][column] = "."


def _draw_tangent(cells: list[list[str]], shown: ClassCurve, frame: _Frame) -> None:
    """From the intercept up to the mean use."""
    load = [point.utilisation for point in shown.curve]
    watts = _interpolate(load, [point.watts for point in shown.curve], at=shown.utilisation)
    intercept = shown.intercept_watts
    if intercept is None or shown.utilisation <= 0.0:
        return
    slope = (watts - intercept.value) / shown.utilisation
    for column in range(frame.column(shown.utilisation) + 1):
        use = frame.utilisation(column)
        _put(cells, frame, use, intercept.value + slope * use, letter="~")


def _put(
    cells: list[list[str]], frame: _Frame, utilisation: float, watts: float, *, letter: str
) -> None:
    if not math.isfinite(watts):
        return
    row, column = frame.row(watts), frame.column(utilisation)
    if 0 <= row < frame.rows and 0 <= column < frame.columns:
        cells[row][column] = letter


def _draw_axis(shown: ClassCurve, frame: _Frame) -> list[str]:
    axis = ["-"] * frame.columns
    for tick in _ticks(frame):
        axis[frame.column(tick)] = "+"
    for letter, place in (("^", shown.planning_ceiling), ("u", shown.utilisation)):
        if 0.0 <= place <= frame.right:
            axis[frame.column(place)] = letter
    return axis


def _ticks(frame: _Frame) -> list[float]:
    return [tick for tick in _TICKS if tick <= frame.right + 1e-9]


def _assemble(cells: list[list[str]], axis: list[str], frame: _Frame) -> list[str]:
    labels = [_label(frame, frame.rows - 1 - index) for index in range(frame.rows)]
    margin = max(_LEAST_MARGIN, *(len(label) for label in labels))
    lines = [
        f"{label:>{margin}} |{''.join(row)}".rstrip()
        for label, row in zip(labels, cells, strict=True)
    ]
    text = " " * (margin + 2)
    for tick in _ticks(frame):
        label = f"{tick:.0%}"
        start = margin + 2 + frame.column(tick) - (len(label) - 1) // 2
        text = text.ljust(start) + label
    return [*lines, " " * (margin + 1) + "+" + "".join(axis) + "  use", text]


def _label(frame: _Frame, from_bottom: int) -> str:
    """Watts at each second row, their unit at the top."""
    if from_bottom % 2:
        return ""
    decimals = max(0, -math.floor(math.log10(frame.step)))
    unit = " W" if from_bottom == frame.rows - 1 else ""
    return f"{frame.step * from_bottom / 2:,.{decimals}f}{unit}"
