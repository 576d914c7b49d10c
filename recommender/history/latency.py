"""The latency that an EnergyProfile names, by hour, over what it allows.

As with the work metric a user chooses name and labels, never the namespace, and no series of
another namespace is taken from a reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.errors import JoulefitError
from recommender.history.client import PrometheusClient, RangeQuery
from recommender.history.pipeline import Job, Pipeline
from recommender.history.plan import at_points, split_points
from recommender.history.work import MOST_SERIES, select_work
from recommender.units import HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from recommender.history.client import QueryClient
    from recommender.history.matrix import Matrix
    from recommender.model.history import TimeGrid, UsageHistory
    from recommender.model.identity import PodOwners, WorkloadRef
    from recommender.model.profile import LatencyGuard
    from recommender.settings import StoreSettings

    Hours = NDArray[np.float64]

DAYS = 8
"""What is older decides nothing: the guard looks at a week."""


class _Held(msgspec.Struct, frozen=True, eq=False):
    """Seconds by hour of the clock from `first` on, as far as they were read."""

    guard: LatencyGuard
    first: int
    seconds: Hours

    @property
    def end(self) -> int:
        return self.first + len(self.seconds)


class _Attached(msgspec.Struct, frozen=True):
    """What was given, what was known then, and what became of it."""

    given: UsageHistory
    known: tuple[_Held, ...]
    usage: UsageHistory


class LatencyReader:
    """Reads latencies from a metric store, whole hours alone; those that were read are kept.

    `client` stands in for the store in tests.
    """

    def __init__(self, settings: StoreSettings, *, client: QueryClient | None = None) -> None:
        """Raises UsageError for settings that make no sense."""
        self._client = client or PrometheusClient(settings)
        self._parallel = settings.store_parallel
        self._held: dict[WorkloadRef, _Held] = {}
        self._latest: _Attached | None = None

    def attach(
        self, usage: UsageHistory, guards: Mapping[WorkloadRef, LatencyGuard], *, owners: PodOwners
    ) -> tuple[UsageHistory, tuple[str, ...]]:
        """The usage with the latency of these workloads, and what could not be read: the rest
        stands without it. Nothing new: the same object as before.
        """
        self._held = {
            ref: held for ref, held in self._held.items() if guards.get(ref) == held.guard
        }
        warnings = []
        for ref, guard in guards.items():
            try:
                self._read_on(ref, guard, owners, usage.grid)
            except JoulefitError as error:
                warnings.append(f"the latency of {ref} was not read: {error}")
        known = tuple(self._held.values())
        latest = self._latest
        if latest is None or latest.given is not usage or latest.known != known:
            latest = _Attached(usage, known, replace(usage, latency=self._place(usage)))
            self._latest = latest
        return latest.usage, tuple(warnings)

    def _read_on(
        self, ref: WorkloadRef, guard: LatencyGuard, owners: PodOwners, grid: TimeGrid
    ) -> None:
        end = grid.end // HOUR
        first = max(grid.first_hour, end - DAYS * 24)
        held = self._held.get(ref)
        if held is not None and first <= held.end:
            kept = held.seconds[max(first - held.first, 0) :]
            first = held.end
        else:
            kept = np.zeros(0)
        if end <= first:
            return
        pipeline = Pipeline(self._client, self._parallel)
        new = _read_hours(pipeline, ref, guard, owners=owners, first=first, end=end)
        seconds = np.concatenate((kept, new))
        self._held[ref] = _Held(guard, end - len(seconds), seconds)

    def _place(self, usage: UsageHistory) -> NDArray[np.float32] | None:
        grid = usage.grid
        found = np.full((len(usage.containers), grid.hours), np.nan, np.float32)
        for row, ref in enumerate(usage.containers):
            held = self._held.get(ref.workload)
            if held is None:
                continue
            begin = max(held.first, grid.first_hour)
            end = min(held.end, grid.first_hour + grid.hours)
            if begin < end:
                seconds = held.seconds[begin - held.first : end - held.first]
                to = slice(begin - grid.first_hour, end - grid.first_hour)
                found[row, to] = seconds / held.guard.max_seconds
        return None if np.isnan(found).all() else found


def _read_hours(
    pipeline: Pipeline,
    ref: WorkloadRef,
    guard: LatencyGuard,
    *,
    owners: PodOwners,
    first: int,
    end: int,
) -> Hours:
    """Seconds in each hour from `first` up to `end`, NaN where not known. Raises JoulefitError."""
    selector = select_work(guard.series, ref.namespace)
    query = (
        f"avg by (namespace,pod) (avg_over_time({selector}[{HOUR}s]))"
        if guard.quantile is None
        else f"sum by (namespace,pod,le) (increase({selector}[{HOUR}s]))"
    )
    counts: list[float] = []

    def count(matrix: Matrix) -> None:
        counts.extend(matrix.points.values.tolist())

    # Of the newest hour alone: each look at another costs as much.
    most = RangeQuery(f"count({query})", end * HOUR, end * HOUR, HOUR)
    pipeline.run("latency", [Job(most, count)])
    series = int(max(counts, default=0))
    if series > MOST_SERIES:
        raise JoulefitError(
            f"{guard.series.name} has {series:,} series in namespace {ref.namespace}, more than"
            f" {MOST_SERIES:,}: narrow them down with labels"
        )
    reader = _HourReader(ref, owners, hours=end - first)
    parts = split_points(end - first, series=max(series, 1), offset=1)
    pipeline.run(
        "latency",
        [Job(at_points(query, part, start=first * HOUR, step=HOUR), reader.read) for part in parts],
    )
    return reader.highest() if guard.quantile is None else reader.quantile(guard.quantile)


class _HourReader:
    """Values by hour of the pods of one workload: of each bucket their sum, and the highest."""

    def __init__(self, ref: WorkloadRef, owners: PodOwners, *, hours: int) -> None:
        self._ref = ref
        self._owners = owners
        self._highest = np.full(hours, np.nan)
        self._buckets: dict[float, Hours] = {}

    def read(self, matrix: Matrix) -> None:
        for labels, at, values in matrix.series():
            namespace, pod = labels.get("namespace", ""), labels.get("pod", "")
            if namespace != self._ref.namespace or not pod:
                continue
            if self._owners.owner(namespace, pod) != self._ref:
                continue
            known = np.isfinite(values)
            hour, value = at[known] - 1, values[known]  # the point ends the hour
            self._highest[hour] = np.fmax(self._highest[hour], value)
            bound = _parse_bound(labels.get("le", ""))
            if bound is not None:
                counts = self._buckets.setdefault(bound, np.zeros(len(self._highest)))
                counts[hour] += value

    def highest(self) -> Hours:
        """Of its pods, each by its mean over the hour."""
        return self._highest

    def quantile(self, q: float) -> Hours:
        """Of the histogram of all its pods, linear inside of buckets."""
        bounds = np.array(sorted(self._buckets))
        if not len(bounds):
            return np.full(len(self._highest), np.nan)
        counts = np.array([self._buckets[bound] for bound in bounds])
        return quantile_of_buckets(bounds, counts, q)


def quantile_of_buckets(bounds: Hours, counts: NDArray[np.float64], q: float) -> Hours:
    """The q-quantile [H] of cumulative counts [L, H] up to `bounds` [L], ascending, the last one
    infinite; NaN where nothing was counted. Infinite where it lies beyond the last finite bound:
    how far is not known.
    """
    counts = np.maximum.accumulate(counts, axis=0)
    wanted = q * counts[-1]
    at = np.argmax(counts >= wanted, axis=0)
    hours = np.arange(counts.shape[1])
    low = np.where(at > 0, bounds[np.maximum(at - 1, 0)], 0.0)
    below = np.where(at > 0, counts[np.maximum(at - 1, 0), hours], 0.0)
    high, inside = bounds[at], counts[at, hours] - below
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(inside > 0, (wanted - below) / inside, 1.0)
        value = np.where(np.isinf(high), np.inf, low + share * (high - low))
    return np.asarray(np.where(counts[-1] > 0, value, np.nan))


def _parse_bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
