"""Values by hour of the clock into what a kilowatt-hour carried over a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from recommender.model.intensity import HOURS, Intensity, find_value_flaw
from recommender.units import HOUR, format_duration, format_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.model.history import TimeGrid
    from recommender.model.intensity import IntensitySource


def estimate_intensity(
    source: IntensitySource,
    hours: NDArray[np.float64],
    *,
    grid: TimeGrid,
    newest: float | None,
    most_age: float,
) -> Intensity:
    """What a kWh carried, from means by hour [grid.hours] in the source's unit, NaN: not known.

    `newest` is when the source's newest value is of, unix seconds. If that is more than `most_age`
    seconds before the end of the window, the source has stopped: what it said then is nothing
    that holds now, so there is no number.
    """
    hours = hours * source.factor
    known = np.isfinite(hours)
    seen = Intensity(
        measure=source.measure,
        unit=source.unit,
        source=source.name,
        newest=newest,
        covered=float(known.mean()),
    )
    flaw = _find_gap(source, known, grid=grid, newest=newest, most_age=most_age)
    if flaw:
        return replace(seen, flaw=flaw)
    mean = float(hours[known].mean())
    flaw = find_value_flaw(source.measure, mean)
    if flaw:
        return replace(seen, flaw=f"{source.name}: {flaw}")
    return replace(seen, mean=mean, hourly=_by_hour_of_day(hours, grid.first_hour))


def find_newest(hours: NDArray[np.float64], grid: TimeGrid) -> float | None:
    """The end of the newest hour with a value, at the latest the end of the window."""
    known = np.flatnonzero(np.isfinite(hours))
    if not len(known):
        return None
    return float(min((grid.first_hour + int(known[-1]) + 1) * HOUR, grid.end))


def keep_constant(source: IntensitySource) -> Intensity:
    """A constant holds in every hour."""
    return Intensity(
        measure=source.measure,
        unit=source.unit,
        source=source.name,
        mean=source.value,
        covered=1.0,
    )


def miss_intensity(source: IntensitySource, flaw: str) -> Intensity:
    """No number, and why."""
    return Intensity(source.measure, source.unit, source.name, flaw=flaw)


def _find_gap(
    source: IntensitySource,
    known: NDArray[np.bool_],
    *,
    grid: TimeGrid,
    newest: float | None,
    most_age: float,
) -> str:
    """Why there is no number, "" where there is one."""
    if newest is None:
        return f"{source.name} has no value in the window"
    age = grid.end - newest
    if age > most_age:
        return (
            f"{source.name} has stopped: its newest value is of {format_time(newest)}, "
            f"{format_duration(age)} before the end of the window"
        )
    return "" if known.any() else f"{source.name} has no value in the window"


def _by_hour_of_day(hours: NDArray[np.float64], first_hour: int) -> tuple[float | None, ...]:
    of_day = (first_hour + np.arange(len(hours))) % HOURS
    found: list[float | None] = []
    for hour in range(HOURS):
        values = hours[of_day == hour]
        known = values[np.isfinite(values)]
        found.append(float(known.mean()) if len(known) else None)
    return tuple(found)
