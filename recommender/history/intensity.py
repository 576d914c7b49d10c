"""What a kilowatt-hour carries, by a metric of the store: an exporter of grid data, for example.

The user gives a name and labels that must be equal, never a query; one series is meant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from recommender.history.client import PrometheusClient, RangeQuery
from recommender.history.hourly import estimate_intensity, find_newest, miss_intensity
from recommender.history.pipeline import Job, Pipeline
from recommender.history.plan import Part, at_points
from recommender.history.selector import join_matchers, match_exactly
from recommender.units import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.history.client import QueryClient
    from recommender.history.matrix import Matrix
    from recommender.model.history import TimeGrid
    from recommender.model.intensity import Intensity, IntensitySource, Measure
    from recommender.settings import StoreSettings

MOST_AGE = 2 * HOUR
"""Of the newest sample: what tells of a grid does so each quarter of an hour or each hour."""

MOST_SERIES = 20
"""More that a selector means are counted and not read."""

_LOOK_BACK = 3 * HOUR  # for the time of the newest sample

# Labels that tell where an exporter ran and who scraped it: a new pod of it is the same series.
_OBSERVERS = (
    *("instance", "pod", "pod_name", "container", "node", "namespace", "uid"),
    *("job", "endpoint", "service", "prometheus", "prometheus_replica", "replica"),
)


class IntensityReader:
    """Reads a metric of what a kWh carries; hours that were read are kept until the next one, and
    nothing is asked for twice of one window.

    `client` stands in for the store in tests.
    """

    def __init__(self, settings: StoreSettings, *, client: QueryClient | None = None) -> None:
        """Raises UsageError for settings that make no sense."""
        self._client = client or PrometheusClient(settings)
        self._parallel = settings.store_parallel
        self._kept: dict[tuple[str, int, int], _Hours] = {}
        self._known: dict[tuple[Measure, str], tuple[TimeGrid, Intensity]] = {}

    def read(self, source: IntensitySource, grid: TimeGrid) -> Intensity:
        """Over the window. Raises StoreError. A constant and a file are no business of it."""
        key = source.measure, select_series(source)
        known = self._known.get(key)
        if known is None or known[0] != grid:
            known = grid, self._read(key[1], source, grid)
            self._known[key] = known
        return known[1]

    def _read(self, selector: str, source: IntensitySource, grid: TimeGrid) -> Intensity:
        hours = self._read_hours(selector, source, grid)
        if hours.flaw:
            return miss_intensity(source, f"{source.name} {hours.flaw}")
        recent = self._read_recent(selector, grid)
        values = hours.values.copy()
        if recent.is_begun:
            values[-1] = recent.mean
        return estimate_intensity(
            source,
            values,
            grid=grid,
            newest=recent.newest if recent.newest is not None else find_newest(values, grid),
            most_age=MOST_AGE,
        )

    def _read_hours(self, selector: str, source: IntensitySource, grid: TimeGrid) -> _Hours:
        """The whole hours of the window; the newest hour is whole where the window ends with it."""
        key = selector, grid.first_hour, grid.end // HOUR
        if key not in self._kept:
            self._kept = {kept: hours for kept, hours in self._kept.items() if kept[0] != selector}
            self._kept[key] = self._query_hours(selector, source, grid)
        return self._kept[key]

    def _query_hours(self, selector: str, source: IntensitySource, grid: TimeGrid) -> _Hours:
        pipeline = Pipeline(self._client, self._parallel)
        found = _Hours(np.full(grid.hours, np.nan))
        newest = grid.end
        count = f"count({_gather(f'last_over_time({selector}[{DAY}s])')})"
        first = newest - (grid.days - 1) * DAY
        pipeline.run("intensity", [Job(RangeQuery(count, first, newest, DAY), found.count)])
        if found.series > MOST_SERIES:
            found.flaw = f"means {found.series:,} series; narrow it down with labels"
            return found
        whole = grid.end // HOUR - grid.first_hour
        if found.series and whole:
            query = _gather(f"avg_over_time({selector}[{_within(HOUR)}])")
            part = Part(1, whole)
            begin = grid.first_hour * HOUR
            job = Job(at_points(query, part, start=begin, step=HOUR), found.take)
            pipeline.run("intensity", [job])
        found.judge(source)
        return found

    def _read_recent(self, selector: str, grid: TimeGrid) -> _Recent:
        """The hour that has begun, and when the newest sample is of."""
        pipeline = Pipeline(self._client, self._parallel)
        seconds = grid.end % HOUR
        recent = _Recent(is_begun=seconds > 0)
        when = f"max(max_over_time(timestamp({selector})[{_LOOK_BACK}s:{MINUTE}s]))"
        jobs = [Job(RangeQuery(when, grid.end, grid.end, MINUTE), recent.take_time)]
        if seconds:
            mean = f"avg({_gather(f'avg_over_time({selector}[{_within(seconds)}])')})"
            jobs.append(Job(RangeQuery(mean, grid.end, grid.end, MINUTE), recent.take_mean))
        pipeline.run("intensity", jobs)
        return recent


def select_series(source: IntensitySource) -> str:
    """The selector of a source's series: literal names and values only."""
    if source.series is None:
        raise ValueError(f"{source.name} is no metric")
    labels = source.series.labels
    return join_matchers(
        match_exactly("__name__", source.series.name),
        *(match_exactly(label, labels[label]) for label in sorted(labels)),
    )


def _gather(query: str) -> str:
    """What several scrapers say of one series is one series."""
    return f"avg without ({','.join(_OBSERVERS)}) ({query})"


def _within(seconds: int) -> str:
    """A range without its first moment, which Prometheus before 3.0 counts as well."""
    return f"{seconds * 1000 - 1}ms"


@dataclass
class _Hours:
    """Means by hour [H] of the series that is meant, NaN where not known."""

    values: NDArray[np.float64]
    series: int = 0
    flaw: str = ""
    _names: list[str] = field(default_factory=list)

    def count(self, matrix: Matrix) -> None:
        self.series = int(matrix.points.values.max(initial=0.0))

    def take(self, matrix: Matrix) -> None:
        for labels, at, values in matrix.series():
            self._names.append(
                ", ".join(f'{key}="{labels[key]}"' for key in sorted(labels) if key != "__name__")
            )
            if len(self._names) == 1:
                self.values[at - 1] = values  # the point ends the hour

    def judge(self, source: IntensitySource) -> None:
        """That one series is meant, and what it says can be meant."""
        if self.series > 1 or len(self._names) > 1:
            shown = " and ".join(f"{{{name}}}" for name in sorted(self._names)[:2])
            found = f", such as {shown}" if len(self._names) > 1 else ""
            self.flaw = (
                f"means {max(self.series, len(self._names))} series{found}; "
                "narrow it down with labels"
            )
        with np.errstate(invalid="ignore"):
            is_impossible = (self.values < 0.0) & (source.measure == "carbon")
        self.values[is_impossible | ~np.isfinite(self.values)] = np.nan


@dataclass
class _Recent:
    """The mean of the hour that has begun, and the time of the newest sample."""

    is_begun: bool
    mean: float = np.nan
    newest: float | None = None

    def take_mean(self, matrix: Matrix) -> None:
        if len(matrix.points.values):
            self.mean = float(matrix.points.values[-1])

    def take_time(self, matrix: Matrix) -> None:
        if len(matrix.points.values):
            self.newest = float(matrix.points.values[-1])
