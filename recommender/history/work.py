"""The work of one workload by a counter: its own, which its EnergyProfile names, or of hardware.

A user chooses the metric and labels, never the namespace: the selector is made here of literal
names and values, and no series of another namespace is taken from a reply.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from recommender.errors import UsageError
from recommender.history.client import PrometheusClient, RangeQuery
from recommender.history.counter import CounterReader, CounterRules, choose_observers
from recommender.history.pipeline import Job, Pipeline
from recommender.history.plan import split_points
from recommender.history.registry import IGNORED, Identity, SeriesRegistry
from recommender.history.selector import join_matchers, match_exactly
from recommender.model.profile import find_flaw
from recommender.model.work import WorkRate
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from recommender.history.client import QueryClient
    from recommender.history.counter import Rates
    from recommender.history.matrix import Matrix
    from recommender.history.pipeline import Progress
    from recommender.model.history import TimeGrid
    from recommender.model.identity import PodOwners, WorkloadRef
    from recommender.model.profile import MetricSelector
    from recommender.settings import StoreSettings

MOST_SERIES = 5_000
"""A counter with more series in one namespace is not read: 14 days of them are 600 MB of JSON."""

MOST_FALLS = 0.2
"""Share of steps at which a counter may fall: it does so when a pod starts anew. A gauge falls at
about half of its steps; what falls more often than this is none of the former."""

_FEWEST_STEPS = 20  # before that is judged

# Labels that tell who scraped, not what: two scrapers of one target count once.
_OBSERVERS = frozenset({"job", "endpoint", "service", "prometheus", "prometheus_replica"})


def select_work(series: MetricSelector, namespace: str) -> str:
    """The selector of these series in one namespace. Raises UsageError for what is no name."""
    flaw = find_flaw(series)
    if flaw:
        raise UsageError(f"workMetric: {flaw}")
    # The name as a matcher too: nothing of the user's is a word of the query language then.
    return join_matchers(
        match_exactly("__name__", series.name),
        match_exactly("namespace", namespace),
        *(match_exactly(label, series.labels[label]) for label in sorted(series.labels)),
    )


class WorkReader:
    """Reads a work metric from a metric store. `client` stands in for the store in tests."""

    def __init__(
        self,
        settings: StoreSettings,
        *,
        progress: Progress | None = None,
        client: QueryClient | None = None,
    ) -> None:
        """Raises UsageError for settings that make no sense."""
        self._settings = settings
        self._progress = progress
        self._client = client or PrometheusClient(settings)

    def read(
        self, series: MetricSelector, ref: WorkloadRef, *, owners: PodOwners, grid: TimeGrid
    ) -> WorkRate:
        """The work rate of a workload over the grid. Raises StoreError, and UsageError."""
        selector = select_work(series, ref.namespace)
        pipeline = Pipeline(self._client, self._settings.store_parallel, self._progress)
        count = _Count()
        pipeline.run("work", [Job(_plan_count(selector, grid), count.take)])
        counter = _WorkCounter(ref, owners, grid)
        if count.most > MOST_SERIES:
            flaw = f"more than {MOST_SERIES:,}: narrow them down with labels"
            return WorkRate(counter.per_second(), count.most, 0, flaw)
        if count.most:
            pipeline.run("work", _plan_reading(selector, grid, count.most, counter))
        flaw = counter.find_flaw()
        return WorkRate(
            np.full(grid.bins, np.nan) if flaw else counter.per_second(),
            count.most,
            counter.own,
            flaw,
            counter.nodes,
        )


class _Count:
    """Takes the largest of the counts."""

    def __init__(self) -> None:
        self.most = 0

    def take(self, matrix: Matrix) -> None:
        self.most = int(matrix.points.values.max(initial=0.0))


def _plan_count(selector: str, grid: TimeGrid) -> RangeQuery:
    """How many series each day has, in one query."""
    query = f"count(last_over_time({selector}[{DAY}s]))"
    return RangeQuery(query, grid.end - (grid.days - 1) * DAY, grid.end, DAY)


def _plan_reading(selector: str, grid: TimeGrid, series: int, counter: _WorkCounter) -> list[Job]:
    return [
        Job(
            RangeQuery(
                selector,
                grid.start + part.first * grid.step,
                grid.start + part.last * grid.step,
                grid.step,
                first_at=part.first,
            ),
            counter.take,
        )
        for part in split_points(grid.bins + 1, series=series)
    ]


class _WorkCounter:
    """Counters of a metric, in order of time, into the rate of one workload."""

    def __init__(self, ref: WorkloadRef, owners: PodOwners, grid: TimeGrid) -> None:
        self._ref = ref
        self._owners = owners
        self._registry = SeriesRegistry(self._identify)
        self._reader = CounterReader(
            self._registry,
            step=grid.step,
            rules=CounterRules(most=math.inf, adds_units=False),
        )
        self._last_at = grid.bins
        self._total = np.zeros(grid.bins)
        self._is_seen = np.zeros(grid.bins, np.bool_)
        self._steps = self._falls = 0
        self._nodes: set[str] = set()

    @property
    def nodes(self) -> tuple[str, ...]:
        """Where its series are of, as far as they tell."""
        return tuple(sorted(self._nodes))

    @property
    def own(self) -> int:
        """Series of the workload."""
        return int((self._registry.row != IGNORED).sum())

    def take(self, matrix: Matrix) -> None:
        series = self._registry.find(matrix.metrics)
        self._count_falls(series, matrix)
        rates = self._reader.read(series, matrix.points)
        self._add(choose_observers(self._owned(rates), self._registry))

    def per_second(self) -> NDArray[np.float64]:
        """To be called after the last reply."""
        self._add(self._owned(self._reader.rests(self._last_at)))
        return np.where(self._is_seen, self._total, np.nan)

    def _owned(self, rates: Rates) -> Rates:
        return rates.where(self._registry.row[rates.series] != IGNORED)

    def _add(self, rates: Rates) -> None:
        np.add.at(self._total, rates.bin, rates.rate)
        self._is_seen[rates.bin] = True

    def find_flaw(self) -> str:
        if self._steps >= _FEWEST_STEPS and self._falls > MOST_FALLS * self._steps:
            return f"no counter: it falls at {self._falls / self._steps:.0%} of its steps"
        return ""

    def _count_falls(self, series: NDArray[np.int64], matrix: Matrix) -> None:
        """Falls between neighbouring points of one chunk are enough to tell."""
        owner = np.repeat(series, matrix.points.counts)
        is_own = self._registry.row[owner] != IGNORED
        owner, values = owner[is_own], matrix.points.values[is_own]
        is_step = owner[1:] == owner[:-1]
        self._steps += int(is_step.sum())
        self._falls += int((is_step & (values[1:] < values[:-1])).sum())

    def _identify(self, labels: Mapping[str, str]) -> Identity:
        """A series: its unit is all that tells it apart but for who scraped it."""
        namespace, pod = labels.get("namespace", ""), labels.get("pod", "")
        is_own = (
            namespace == self._ref.namespace
            and bool(pod)
            and self._owners.owner(namespace, pod) == self._ref
        )
        if is_own and labels.get("node"):
            self._nodes.add(labels["node"])
        return Identity(
            row=0 if is_own else IGNORED,
            group=pod,
            unit=tuple(sorted(pair for pair in labels.items() if pair[0] not in _OBSERVERS)),
            target=labels.get("instance") or pod,
        )
