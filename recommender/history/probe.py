"""What a store says of itself, and of the usage that it holds: few, small answers.

All times are unix seconds. Every function raises StoreError.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.errors import StoreReplyError
from recommender.history.choice import find_contests
from recommender.history.client import RangeQuery
from recommender.history.coverage import plan_coverage, take_coverage
from recommender.history.discovery import plan_discovery, take_inventory
from recommender.history.matrix import parse_reply
from recommender.history.reply import refuse_samples
from recommender.history.selector import CONTAINERS, join_matchers, match_any
from recommender.model.clock import ClockReading
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from recommender.history.client import StoreClient
    from recommender.history.discovery import Inventory
    from recommender.history.matrix import Matrix
    from recommender.history.schema import UsageSchema
    from recommender.model.history import TimeGrid

_BUILD = "/api/v1/status/buildinfo"
_INSTANT = "/api/v1/query"
_TIME = "vector(time())"  # a bare time() is a scalar to Prometheus and a vector to VictoriaMetrics
_MOST_LOOKS = 60  # a look counts all series at one time
_HOURS = 24
_SPAN = 1800  # seconds in which samples are counted


class Build(msgspec.Struct):
    """What a store says that it is; Mimir alone names its application."""

    version: str = ""
    revision: str = ""
    application: str = ""


class _BuildReply(msgspec.Struct):
    data: Build


class _Sample(msgspec.Struct):
    value: tuple[float, str]


class _Vector(msgspec.Struct):
    result: list[_Sample]


class _VectorReply(msgspec.Struct):
    data: _Vector


class Span(msgspec.Struct, frozen=True):
    """Time from `begin` to `end`, unix seconds."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


class UsageProbe(msgspec.Struct, frozen=True):
    """Usage of containers in a window.

    newest        time of the newest sample; None: there is none in the window
    first         since when there is usage, to the hour; None: none
    fills_window  there is usage from the beginning of the window on, so perhaps from before it
    missing       looks (a day apart) that saw no usage, between the first and the newest
    interval      seconds between two samples of a series; None: not known
    memory        series of memory beside the newest CPU sample
    gaps          of the newest day: where no usage was seen at all
    day           from the first to the last usage of the newest day; None: it has none
    """

    newest: float | None = None
    first: float | None = None
    fills_window: bool = False
    missing: int = 0
    interval: float | None = None
    memory: int = 0
    gaps: tuple[Span, ...] = ()
    day: Span | None = None


def read_clock(client: StoreClient, clock: Callable[[], float] = time.time) -> ClockReading:
    """The store's time between two looks at this machine's `clock`."""
    begun = clock()
    # Without `nocache` VictoriaMetrics answers for 30 s ago (-search.latencyOffset).
    body = client.fetch(_INSTANT, {"query": _TIME, "nocache": "1"})
    ended = clock()
    try:
        [sample] = msgspec.json.decode(body, type=_VectorReply).data.result
        theirs = float(sample.value[1])
    except (msgspec.DecodeError, ValueError) as error:
        raise StoreReplyError(
            f"the store's answer to {_TIME} is no time; is --store the address of a"
            " Prometheus-compatible API?",
            detail=f"the reply begins {body[:200]!r}",
        ) from error
    return ClockReading(theirs, begun, ended, rounding=1.0)  # VictoriaMetrics drops the fraction


def read_build(client: StoreClient) -> Build:
    """Empty where the store does not tell: not all that speak Prometheus' API do."""
    with suppress(StoreReplyError, msgspec.DecodeError):
        return msgspec.json.decode(client.fetch(_BUILD, {}), type=_BuildReply).data
    return Build()


def read_inventory(
    client: StoreClient, grid: TimeGrid, namespaces: frozenset[str] | None
) -> Inventory:
    """What the store has: by a few looks first, at all times if those show no usage; and how far
    back each source reaches where several compete.
    """
    inventory = None
    for looks_back in (False, True):
        queries = plan_discovery(grid, namespaces, looks_back=looks_back)
        inventory = take_inventory(*(_ask(client, query) for query in queries))
        if inventory.containers:
            break
    if inventory is None:
        raise AssertionError("the store was asked twice")
    contests = find_contests(inventory, asks_meters=False)
    if not contests:
        return inventory
    matrix = _ask(client, plan_coverage(grid, namespaces, contests))
    return replace(inventory, coverage=take_coverage(matrix, grid))


def probe_usage(
    client: StoreClient,
    schema: UsageSchema,
    grid: TimeGrid,
    *,
    namespaces: frozenset[str] | None,
    now: float,
) -> UsageProbe:
    """Age, extent, interval and gaps of a schema's usage in the window of the grid.

    `now` is the store's, which may be some minutes after the grid's end.
    """
    restriction = "" if namespaces is None else match_any("namespace", namespaces)
    probe = _Probe(client, grid, join_matchers(CONTAINERS, restriction), schema)
    return probe.read(now)


class _Probe(msgspec.Struct, frozen=True):
    client: StoreClient
    grid: TimeGrid
    matchers: str
    schema: UsageSchema

    def read(self, now: float) -> UsageProbe:
        present, day = self._read_day()
        looks = self._read_looks()
        if not present.any() and not looks:
            return UsageProbe()
        ends = day.begin + self.grid.step * np.flatnonzero(present)
        last = max([*ends.tolist(), *looks])
        newest = self._read_newest(now) or self._read_newest(last) or last
        first, fills_window = self._refine(min([*ends.tolist(), *looks]))
        expected = {look for look in self._look_times() if first < look <= newest}
        interval, memory = self._read_samples(newest)
        return UsageProbe(
            newest=newest,
            first=first,
            fills_window=fills_window,
            missing=len(expected - set(looks)),
            interval=interval,
            memory=memory,
            gaps=tuple(_find_gaps(present, day.begin, self.grid.step)),
            day=Span(float(ends[0]), float(ends[-1])) if len(ends) else None,
        )

    @property
    def _cpu(self) -> str:
        return self.schema.cpu + self.matchers

    def _read_day(self) -> tuple[NDArray[np.bool_], Span]:
        """Whether there was usage at the grid points of the newest day.

        The only query that looks at more than single times: as much as a 14th of what a report
        of two weeks reads, and one series of answers.
        """
        grid = self.grid
        points = min(grid.bins, grid.bins_per_day)
        query = RangeQuery(
            f"count({self._cpu})", grid.end - points * grid.step, grid.end, grid.step
        )
        present = np.zeros(points + 1, dtype=np.bool_)
        for _, at, _ in _ask(self.client, query).series():
            present[at] = True
        return present, Span(query.start, query.end)

    def _look_step(self) -> int:
        length = self.grid.end - self.grid.start
        return max(min(DAY, length), -(-length // _MOST_LOOKS))

    def _look_times(self) -> list[int]:
        """Newest first, down to the beginning of the window."""
        step = self._look_step()
        times = list(range(self.grid.end, self.grid.start - 1, -step))
        return times if times[-1] == self.grid.start else [*times, self.grid.start]

    def _read_looks(self) -> list[float]:
        """Those of the times at which there was usage."""
        return self._look_at(self._look_times())

    def _look_at(self, times: list[int]) -> list[float]:
        end = self.grid.end
        counts = [
            f'label_replace(count({self._cpu} offset {end - at}s),"at","{at}","","")'
            if at < end
            else f'label_replace(count({self._cpu}),"at","{at}","","")'
            for at in times
        ]
        query = RangeQuery(" or ".join(counts), end, end, self.grid.step)
        return sorted(float(labels["at"]) for labels, _, _ in _ask(self.client, query).series())

    def _refine(self, oldest: float) -> tuple[float, bool]:
        """The first time with usage, to a 24th of the time between two looks."""
        start = float(self.grid.start)
        if oldest <= start:
            return start, True
        begin = max(start, oldest - self._look_step())
        step = max(1, int((oldest - begin) / _HOURS))
        times = list(range(int(oldest) - step, int(begin), -step))
        first = min([oldest, *(self._look_at(times) if times else [])])
        return (start, True) if first - start <= step else (first, False)

    def _read_newest(self, at: float) -> float | None:
        """Time of the newest sample among those that a query at this time sees."""
        query = f"max(timestamp({self._cpu}))"
        matrix = _ask(self.client, RangeQuery(query, int(at), int(at), self.grid.step))
        return max((float(values.max()) for _, _, values in matrix.series()), default=None)

    def _read_samples(self, newest: float) -> tuple[float | None, int]:
        """Usual seconds between two samples, and how many series of memory there are."""
        at = math.ceil(newest)
        # Prometheus before 3.0 counts a sample at the beginning of a range to it.
        counted = f"count_over_time({self._cpu}[{_SPAN * 1000 - 1}ms])"
        query = (
            f'label_replace(quantile(0.5,{counted}),"is","samples","","") or '
            f'label_replace(count({self.schema.memory}{self.matchers}),"is","memory","","")'
        )
        matrix = _ask(self.client, RangeQuery(query, at, at, self.grid.step))
        found = {labels["is"]: float(values[-1]) for labels, _, values in matrix.series()}
        samples = found.get("samples", 0.0)
        interval = _SPAN / samples if samples > 1 else None
        return interval, int(found.get("memory", 0))


def _find_gaps(present: NDArray[np.bool_], begin: float, step: int) -> Iterator[Span]:
    """Where there was no usage between two points with some."""
    seen = np.flatnonzero(present)
    for before, after in zip(seen[:-1].tolist(), seen[1:].tolist(), strict=True):
        if after - before > 1:
            yield Span(begin + before * step, begin + after * step)


def _ask(client: StoreClient, query: RangeQuery) -> Matrix:
    reply = client.query_range(query)
    try:
        return parse_reply(reply, query)
    except (ValueError, LookupError, OverflowError) as error:
        raise refuse_samples(error, asked=query) from error
