"""Requests over time, drawn with characters: time to the right, cores upwards from zero.

ASCII only, so that it looks the same in every terminal, log and issue.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

import msgspec

from recommender.report.notation import format_cores
from recommender.units import format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

_LABEL = 8  # columns left of the vertical axis
_MOST_STEPS = 5  # labels upwards above zero, two rows each
_LEAST_STEP = 0.001  # a millicore


class Track(msgspec.Struct, frozen=True):
    """One request over time: `points` are unix seconds, ascending, and the cores from then on, None
    where they are not known.
    """

    letter: str
    points: Sequence[tuple[float, float | None]]

    def at(self, time: float) -> float | None:
        place = bisect_right(self.points, time, key=lambda point: point[0]) - 1
        return self.points[place][1] if place >= 0 else None


def draw_timeline(tracks: Sequence[Track], *, start: float, end: float, columns: int) -> list[str]:
    """Lines of a drawing `columns` wide plus the axis; none where nothing is known.

    Each column shows what was in force at its beginning; where two tracks meet, the first is seen.
    """
    values = [value for track in tracks for _, value in track.points if value is not None]
    if not values or end <= start:
        return []
    step, steps = _choose_scale(max(values))
    cells = [[" "] * columns for _ in range(2 * steps + 1)]
    for track in reversed(tracks):
        for column in range(columns):
            value = track.at(start + (end - start) * column / columns)
            if value is not None:
                cells[2 * steps - round(2 * value / step)][column] = track.letter
    lines = []
    for index, row in enumerate(cells):
        from_bottom = 2 * steps - index
        label = format_cores(step * from_bottom / 2) if from_bottom % 2 == 0 else ""
        lines.append(f"{label:>{_LABEL - 1}} |{''.join(row)}".rstrip())
    lines.append(" " * _LABEL + "+" + "-" * columns)
    first, last = _label(start), _label(end)
    return [*lines, " " * (_LABEL + 1) + first + last.rjust(columns - len(first))]


def _choose_scale(highest: float) -> tuple[float, int]:
    """Cores of a step, a whole number of millicores, and how many steps hold the highest value."""
    power = math.floor(math.log10(highest / _MOST_STEPS))
    for factor in (1.0, 2.0, 5.0, 10.0):
        step = max(factor * 10.0**power, _LEAST_STEP)
        steps = max(math.ceil(highest / step - 1e-9), 1)
        if steps <= _MOST_STEPS:
            break
    return step, steps


def _label(time: float) -> str:
    """Month, day, hour and minute in UTC."""
    return format_time(time)[5:16].replace("T", " ")
