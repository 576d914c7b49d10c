"""One pod of each workload, by the minute over the last day: how its peaks hide in five minutes.

One of many pods tells what bursts are like at a bounded cost: a series for each container of a
workload, a fourteenth of its window, whatever the number of pods.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from recommender.history.counter import CounterReader, CounterRules, add_units, choose_observers
from recommender.history.growing import RowArray
from recommender.history.pipeline import Job
from recommender.history.plan import PointRange, at_points
from recommender.history.registry import IGNORED, SeriesRegistry
from recommender.history.selector import CONTAINERS, join_matchers, match_any
from recommender.model.history import BURST_SHARES
from recommender.units import DAY, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from recommender.history.container import ContainerRows
    from recommender.history.matrix import Matrix
    from recommender.history.pipeline import Pipeline
    from recommender.history.schema import UsageSchema
    from recommender.history.usage import LivingPod, UsageReading
    from recommender.model.identity import ContainerRef

    Row = NDArray[np.float32]

_FIVE = 5  # minutes of a mean
_POINTS = DAY // MINUTE
# Of a series that is sampled less often than once a minute at least half of the minutes show no
# increase; one that is has such minutes only where it did nothing at all.
_MOST_STILL = 0.4
_LEAST_BINS = 72  # of five minutes that are whole: six hours
_LEAST_CORES = 0.001  # nothing is a burst below a millicore
_MOST_PODS = 500  # in one query: the length of what is asked


def choose_pods(living: Iterable[LivingPod]) -> list[LivingPod]:
    """One pod of each workload: the first by name, so that the next read takes it again."""
    chosen: dict[object, LivingPod] = {}
    for pod in sorted(living, key=lambda each: (each.workload, each.name)):
        chosen.setdefault(pod.workload, pod)
    return list(chosen.values())


def read_bursts(
    pipeline: Pipeline,
    end: int,
    schema: UsageSchema,
    usage: UsageReading,
    *,
    beside: Sequence[Job] = (),
) -> dict[ContainerRef, Row]:
    """Quantiles of one-minute over those of five-minute means at BURST_SHARES, by container, over
    the day that ends at `end`, of the pods that `usage` saw last.

    Without those that are not known; empty where the store has fewer samples than one a minute.
    The jobs `beside` are run too, while the first replies are under way. Raises StoreError.
    """
    found: dict[ContainerRef, Row] = {}
    pods = choose_pods(usage.living())
    for begin in range(0, len(pods), _MOST_PODS):
        reading = _PartReading(pods[begin : begin + _MOST_PODS], end, schema, usage.rows)
        pipeline.run("bursts", reading.jobs(beside), total=reading.left + len(beside))
        pipeline.run("bursts", [*reading.rest()])
        beside = ()
        if not reading.minutes.has_minutes:
            break
        found |= reading.minutes.finish()
    pipeline.run("bursts", beside)  # there was no pod
    return found


def place_bursts(
    bursts: Mapping[ContainerRef, Row], containers: Sequence[ContainerRef]
) -> NDArray[np.float32] | None:
    """The array of `UsageHistory` [W, B]; None where nothing is known."""
    if not bursts:
        return None
    unknown = np.full(len(BURST_SHARES), np.nan, np.float32)
    found = [bursts.get(ref, unknown) for ref in containers]
    return np.array(found, np.float32).reshape(len(containers), len(BURST_SHARES))


def estimate_bursts(minutes: NDArray[np.float32]) -> Row | None:
    """The ratio at BURST_SHARES for cores by minute [M], M a multiple of five, NaN where missing;
    None with too few. Only minutes of whole fives count, so both are of the same time.
    """
    fives = minutes.reshape(-1, _FIVE).astype(np.float64)
    whole = fives[np.isfinite(fives).all(axis=1)]
    if len(whole) < _LEAST_BINS:
        return None
    # Of steps, not between them: five equal minutes then have the quantiles of their mean.
    short, long = (
        np.quantile(each, BURST_SHARES, method="inverted_cdf")
        for each in (whole, whole.mean(axis=1))
    )
    ratio = np.maximum(short, _LEAST_CORES) / np.maximum(long, _LEAST_CORES)
    return np.asarray(ratio, np.float32)


class _PartReading:
    """Makes the jobs of some pods' day, in order of time. The first reply tells whether the store
    has minutes; where it has none, the others are not asked for.
    """

    def __init__(
        self, pods: Sequence[LivingPod], end: int, schema: UsageSchema, rows: ContainerRows
    ) -> None:
        query = schema.cpu + join_matchers(
            CONTAINERS,
            match_any("namespace", (pod.namespace for pod in pods)),
            match_any("pod", (pod.name for pod in pods)),
        )
        self.minutes = _MinuteReader(rows)
        points = PointRange(end - DAY, MINUTE, 0, _POINTS)
        series = sum(pod.containers for pod in pods)
        self._jobs = deque(
            Job(at_points(query, each, start=points.origin, step=MINUTE), self.minutes.read)
            for each in points.split(series=series)
        )

    @property
    def left(self) -> int:
        """Jobs that were not made yet."""
        return len(self._jobs)

    def jobs(self, beside: Iterable[Job]) -> Iterator[Job]:
        """The first, then those `beside`, then the rest where the first was read meanwhile."""
        yield self._jobs.popleft()
        yield from beside
        yield from self.rest()

    def rest(self) -> Iterator[Job]:
        """What is left; nothing before the first reply was read, or where it has no minutes."""
        if self.minutes.has_minutes:
            while self._jobs:
                yield self._jobs.popleft()


class _MinuteReader:
    """Replies with counters at each minute, in order of time."""

    def __init__(self, rows: ContainerRows) -> None:
        self._rows = rows
        self._registry = SeriesRegistry(rows.identify_cpu)
        self._counter = CounterReader(self._registry, step=MINUTE, rules=CounterRules())
        self._sums = RowArray((_POINTS,), np.float32)
        self._pods = RowArray((_POINTS,), np.uint16)

    @property
    def has_minutes(self) -> bool:
        """Whether most of what was read so far has a sample in each minute."""
        pods = self._pods.rows
        seen = np.flatnonzero((pods > 0).sum(axis=1))
        still = ((pods > 0) & (self._sums.rows == 0.0)).sum(axis=1)[seen]
        share = still / (pods > 0).sum(axis=1)[seen]
        return len(seen) > 0 and float(np.median(share)) < _MOST_STILL

    def read(self, matrix: Matrix) -> None:
        registry = self._registry
        rates = self._counter.read(registry.find(matrix.metrics), matrix.points)
        rates = rates.where(registry.row[rates.series] != IGNORED)
        rates = add_units(choose_observers(rates, registry), registry)
        if not len(rates.series):
            return
        row = registry.row[rates.series]
        rows, flat = int(row.max()) + 1, row * _POINTS + rates.bin
        np.add.at(self._sums.grow(rows).reshape(-1), flat, rates.rate.astype(np.float32))
        np.add.at(self._pods.grow(rows).reshape(-1), flat, np.uint16(1))

    def finish(self) -> dict[ContainerRef, Row]:
        refs = self._rows.refs
        found: dict[ContainerRef, Row] = {}
        for row in np.flatnonzero((self._pods.rows > 0).sum(axis=1)).tolist():
            with np.errstate(invalid="ignore", divide="ignore"):
                minutes = self._sums.rows[row] / self._pods.rows[row]
            bursts = estimate_bursts(minutes)
            if bursts is not None:
                found[refs[row]] = bursts
        return found
