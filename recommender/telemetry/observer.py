"""Hears what became of each turn of the service's loop, and keeps metrics and vitals by it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from recommender.errors import ClusterError, JoulefitError, NoDataError, StoreError
from recommender.telemetry.curve import sample_power
from recommender.telemetry.health import Vitals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from recommender.model.change import StatusChange
    from recommender.model.recording import Recording
    from recommender.model.report import Report
    from recommender.sizing.pool import Pool
    from recommender.telemetry.metric import ServiceMetrics


class Timer(Protocol):
    """Seconds of each step of a cycle."""

    @property
    def seconds(self) -> Mapping[str, float]: ...


class EndedCycle(Protocol):
    """A cycle as the main path hands it over."""

    @property
    def report(self) -> Report: ...
    @property
    def changes(self) -> Sequence[StatusChange]: ...
    @property
    def timer(self) -> Timer: ...
    @property
    def evidence(self) -> Recording: ...
    @property
    def pools(self) -> Sequence[Pool]: ...


class CycleObserver:
    """Called by the thread of the loop; `vitals` may be read by any.

    tell             says what is news in these changes and gives counts by outcome (Events)
    reaches_cluster  whether the API server ever answered, asked while the replica waits
    clock            seconds of a clock that never goes back
    """

    def __init__(
        self,
        metrics: ServiceMetrics,
        *,
        interval: float,
        tell: Callable[[Sequence[StatusChange]], Mapping[str, int]],
        reaches_cluster: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._tell = tell
        self._reaches_cluster = reaches_cluster
        self._clock = clock
        self._counted: object = None
        self._vitals = Vitals(started=clock(), interval=interval)
        self._last_answer: float | None = None
        self._is_defective = False

    @property
    def vitals(self) -> Vitals:
        return replace(self._vitals, last_answer=self._last_answer)

    def record_answer(self) -> None:
        """The store answered a query; may be called by any thread.

        Of a process that has shown a defect of ours no answer is a sign of life: see
        `record_failure`.
        """
        if not self._is_defective:
            self._last_answer = self._clock()

    def record_cycle(self, cycle: EndedCycle, *, seconds: float) -> None:
        """A cycle that ended after so many seconds, whether or not the store could be read."""
        evidence, vitals = cycle.evidence, self._vitals
        self._is_defective = False
        store = vitals.store.failed(evidence.unread) if evidence.unread else vitals.store.reached()
        self._vitals = replace(
            vitals,
            last_turn=self._clock(),
            is_standby=False,
            cluster=vitals.cluster.reached(),
            store=store,
            report=cycle.report,
        )
        usage, history = evidence.history.usage, evidence.history
        is_new = usage is not self._counted and not evidence.unread
        self._counted = usage
        self._metrics.record_leadership(is_leader=True)
        self._metrics.record_cycle(
            cycle.report,
            cycle.changes,
            seconds={**cycle.timer.seconds, "total": seconds},
            queries=history.queries if is_new else 0,
            received_bytes=history.received_bytes if is_new else 0,
            unread=evidence.unread,
            rivals=evidence.cluster.rivals,
            curves=[sample_power(pool) for pool in cycle.pools],
        )
        self._metrics.record_events(self._tell(cycle.changes))

    def record_failure(self, error: Exception, *, seconds: float) -> None:
        """A cycle that an error ended: it has ended all the same, unless the error is a defect of
        ours, of which a restart may free a process that has it again and again.
        """
        vitals = replace(self._vitals, is_standby=False)
        self._is_defective = not isinstance(error, JoulefitError)
        if self._is_defective:
            self._last_answer = None
        else:
            vitals = replace(vitals, last_turn=self._clock())
        if isinstance(error, ClusterError):
            vitals = replace(vitals, cluster=vitals.cluster.failed(str(error)))
        elif isinstance(error, NoDataError):  # it did answer
            vitals = replace(vitals, store=vitals.store.reached().failed(str(error)))
        elif isinstance(error, StoreError):
            vitals = replace(vitals, store=vitals.store.failed(str(error)))
        self._vitals = vitals
        self._metrics.record_failure(error, seconds={"total": seconds})

    def record_standby(self) -> None:
        """A turn of a replica that does not hold the Lease."""
        vitals = replace(self._vitals, last_turn=self._clock(), is_standby=True, report=None)
        if self._reaches_cluster():
            vitals = replace(vitals, cluster=vitals.cluster.reached())
        self._vitals = vitals
        self._metrics.record_leadership(is_leader=False)
