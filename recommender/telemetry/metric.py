"""The service's own metrics, documented in docs/metrics.md. A scrape changes nothing."""

from __future__ import annotations

import gzip
import threading
from collections import Counter as Tally
from typing import TYPE_CHECKING, get_args

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import disable_created_metrics
from prometheus_client.registry import Collector

from recommender import __version__
from recommender.model.change import Outcome
from recommender.telemetry.curve import PowerCurve, collect_power, collect_work
from recommender.telemetry.family import PREFIX, collect_report, gauge
from recommender.telemetry.footprint import collect_footprint
from recommender.telemetry.vocabulary import (
    ERROR_KINDS,
    VPA_STATES,
    classify_error,
    classify_vpa,
)
from recommender.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from prometheus_client import Metric

    from recommender.model.change import StatusChange
    from recommender.model.cluster import Rival
    from recommender.model.report import Report

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

CYCLE_OUTCOMES = ("completed", "without_history", "failed")
EVENT_OUTCOMES = ("posted", "dropped", "failed")
_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_LIVE = frozenset({"written", "unchanged"})  # outcomes after which a status is what it should be
_LEAST_EFFORT = 1

_VpaKey = tuple[str, str]  # namespace and name


class _Picture(msgspec.Struct, frozen=True):
    """What the newest cycle told.

    `recommended` is when, in unix seconds, each VPA last held a number from the newest history;
    `history_end` the end of the newest history that was read, None before the first; `rivals` are
    other recommenders' VPAs on the report's workloads; `curves` those of its pools.
    """

    report: Report
    states: Mapping[str, int]
    recommended: Mapping[_VpaKey, float] = msgspec.field(default_factory=dict)
    history_end: float | None = None
    rivals: Sequence[Rival] = ()
    curves: Sequence[PowerCurve] = ()


class ServiceMetrics:
    """Counts what the service does and shows the newest report. Safe to use from several threads.

    A replica that does not lead shows no report: another one shows a newer one.
    """

    def __init__(self) -> None:
        # A series for each counter that says when it began: in the text format nobody reads it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._picture: _Picture | None = None
        self._version = 0
        self._lock = threading.Lock()
        self._packed: tuple[int, bytes] | None = None
        self._steps = Histogram(
            PREFIX + "step_seconds",
            "Duration of each named step of a cycle.",
            ["step"],
            registry=self.registry,
            buckets=_SECONDS,
        )
        self._cycles = self._counter("cycles", "Cycles, by how they ended.", outcome=CYCLE_OUTCOMES)
        self._errors = self._counter(
            "errors", "Errors that ended a cycle, by kind.", kind=ERROR_KINDS
        )
        self._writes = self._counter(
            "status_writes",
            "Statuses of VPAs, by what became of them; unchanged ones are not written.",
            outcome=map(_label, get_args(Outcome)),
        )
        self._events = self._counter(
            "events", "Kubernetes Events, by what became of them.", outcome=EVENT_OUTCOMES
        )
        self._queries = Counter(
            PREFIX + "store_queries", "Queries to the metric store.", registry=self.registry
        )
        self._bytes = Counter(
            PREFIX + "store_received_bytes",
            "Bytes that the metric store answered.",
            registry=self.registry,
        )
        self._leader = Gauge(
            PREFIX + "leader", "1 on the replica that writes, else 0.", registry=self.registry
        )
        Gauge(
            PREFIX + "build_info",
            "1, with the version of joulefit.",
            ["version"],
            registry=self.registry,
        ).labels(__version__).set(1)
        self.registry.register(_PictureCollector(self))

    @property
    def picture(self) -> _Picture | None:
        """What the newest cycle told; None: there was none, or this replica does not lead."""
        return self._picture

    def record_cycle(
        self,
        report: Report,
        changes: Sequence[StatusChange],
        *,
        seconds: Mapping[str, float],
        queries: int = 0,
        received_bytes: int = 0,
        unread: str = "",
        rivals: Sequence[Rival] = (),
        curves: Sequence[PowerCurve] = (),
    ) -> None:
        """A cycle that ended: its report, what became of each VPA, and what it took.

        `seconds` by step; `queries` and `received_bytes` are those of this cycle alone. `unread`
        says why the newest history could not be read, "" where it was: numbers from earlier
        history are shown, and grow old. `rivals` are other recommenders' VPAs on its workloads,
        `curves` the power curves of its pools.
        """
        last = self._picture
        self._picture = _Picture(
            report=report,
            states=Tally(classify_vpa(change.status) for change in changes),
            recommended=_date_recommendations(
                last.recommended if last else {}, report, changes, is_new=not unread
            ),
            history_end=(last.history_end if last else None)
            if unread
            else parse_time(report.source.window_end),
            rivals=rivals,
            curves=curves,
        )
        self._observe(seconds)
        self._cycles.labels("without_history" if unread else "completed").inc()
        for change in changes:
            self._writes.labels(_label(change.outcome)).inc()
        self._queries.inc(queries)
        self._bytes.inc(received_bytes)
        self._change()

    def record_failure(
        self, error: Exception, *, seconds: Mapping[str, float] | None = None
    ) -> None:
        """A cycle that an error ended; the last report stays and grows old."""
        self._observe(seconds or {})
        self._cycles.labels("failed").inc()
        self._errors.labels(classify_error(error)).inc()
        self._change()

    def record_events(self, counts: Mapping[str, int]) -> None:
        """Events that were posted, dropped or failed since the last call, by outcome."""
        for outcome, count in counts.items():
            self._events.labels(outcome).inc(count)
        self._change()

    def record_leadership(self, *, is_leader: bool) -> None:
        """Whether this replica holds the Lease, or needs none."""
        self._leader.set(float(is_leader))
        if not is_leader:
            self._picture = None
        self._change()

    def write(self) -> bytes:
        """Prometheus' text format, packed by gzip; rendered once for each change.

        A sample costs 15 microseconds to render and a fleet has tens of thousands; several may
        ask many times between two cycles.
        """
        with self._lock:
            version = self._version
            if self._packed is None or self._packed[0] != version:
                text = generate_latest(self.registry)
                self._packed = version, gzip.compress(text, _LEAST_EFFORT, mtime=0)
            return self._packed[1]

    def _counter(self, name: str, text: str, **labels: Iterable[str]) -> Counter:
        """A counter whose series are there from the start, at zero: so that the first is seen."""
        ((label, values),) = labels.items()
        counter = Counter(PREFIX + name, text, [label], registry=self.registry)
        for value in values:
            counter.labels(value)
        return counter

    def _observe(self, seconds: Mapping[str, float]) -> None:
        for step, duration in seconds.items():
            self._steps.labels(step).observe(duration)

    def _change(self) -> None:
        with self._lock:
            self._version += 1


class _PictureCollector(Collector):
    """The newest picture, read whole when a scrape begins."""

    def __init__(self, metrics: ServiceMetrics) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        return ()  # else the registry would collect at registration

    def collect(self) -> Iterator[Metric]:
        picture = self._metrics.picture
        if picture is None:
            return
        report = picture.report
        yield gauge(
            "last_cycle_timestamp_seconds",
            "When the newest cycle that did not fail made its report.",
            (),
            [((), parse_time(report.generated_at))],
        )
        yield gauge(
            "history_end_timestamp_seconds",
            "End of the newest history that was read.",
            (),
            [((), picture.history_end)],
        )
        yield gauge(
            "vpas",
            "VerticalPodAutoscalers that name this recommender, by state.",
            ("state",),
            (((state,), float(picture.states.get(state, 0))) for state in VPA_STATES),
        )
        yield gauge(
            "recommendation_timestamp_seconds",
            "When the VPA last held a recommendation from the newest history.",
            ("namespace", "vpa"),
            picture.recommended.items(),
        )
        yield from collect_report(report, picture.rivals)
        yield from collect_footprint(report.footprint)
        yield from collect_power(picture.curves)
        yield from collect_work(report.workloads)


def _date_recommendations(
    before: Mapping[_VpaKey, float],
    report: Report,
    changes: Sequence[StatusChange],
    *,
    is_new: bool,
) -> dict[_VpaKey, float]:
    """When each VPA that is still there last held a number from the newest history."""
    now = parse_time(report.generated_at)
    sized = {(row.namespace, row.vpa) for row in report.workloads if row.vpa}
    dated = {}
    for change in changes:
        key = change.vpa.namespace, change.vpa.name
        if is_new and key in sized and change.outcome in _LIVE:
            dated[key] = now
        elif key in before:
            dated[key] = before[key]
    return dated


def _label(outcome: str) -> str:
    return outcome.replace(" ", "_")
