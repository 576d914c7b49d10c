"""What the loop does is what metrics and health pages say."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from recommender.cluster.event import EventWriter, choose_events
from recommender.cluster.fake import FakeApi
from recommender.cycle import run_once
from recommender.errors import (
    ClusterUnreachableError,
    NoDataError,
    StoreUnreachableError,
)
from recommender.model.cluster import Vpa
from recommender.settings import SizingSettings
from recommender.simulator import simulate
from recommender.telemetry.health import describe, judge_vitals
from recommender.telemetry.metric import ServiceMetrics
from recommender.telemetry.observer import CycleObserver

if TYPE_CHECKING:
    from recommender.model.recording import Recording

END = 1_764_000_000 // 86_400 * 86_400
PREFIX = "joulefit_recommender_"


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        return self.seconds


@dataclass
class Sink:
    """Takes every status."""

    parallel: int = 1

    def write(self, *_):
        return "written"


@dataclass
class Source:
    recording: Recording

    def read(self):
        return self.recording


@pytest.fixture(scope="module")
def evidence():
    """Two simulated days, read with 40 queries; five Deployments have a VPA of ours."""
    made = simulate(end=END, days=2, seed=7)
    vpas = tuple(
        Vpa(each.ref.namespace, each.ref.name, 1, each.ref, uid=each.ref.name)
        for each in [w for w in made.cluster.workloads if w.ref.kind == "Deployment"][:5]
    )
    history = replace(made.history, queries=40, received_bytes=5000)
    return replace(made, history=history, cluster=replace(made.cluster, vpas=vpas))


def cycle_of(evidence):
    return run_once(Source(evidence), Sink(), settings=SizingSettings(), with_curves=False)


@pytest.fixture(scope="module")
def cycle(evidence):
    return cycle_of(evidence)


@pytest.fixture
def metrics():
    return ServiceMetrics()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def api():
    return FakeApi()


@pytest.fixture
def observer(metrics, clock, api):
    writer = EventWriter(api, reporter="joulefit", clock=clock)

    def tell(changes):
        return writer.write(event for change in changes for event in choose_events(change))

    return CycleObserver(metrics, interval=60.0, tell=tell, clock=clock)


def read(metrics, name, **labels):
    families = text_string_to_metric_families(gzip.decompress(metrics.write()).decode())
    found = [s for family in families for s in family.samples if s.name == PREFIX + name]
    return next((s.value for s in found if s.labels == labels), None)


def ready(observer, clock):
    return judge_vitals(observer.vitals, now=clock())[1]


def test_a_real_cycle_makes_the_service_ready_and_fills_the_metrics(
    observer, metrics, clock, cycle
):
    assert not ready(observer, clock).is_good
    observer.record_cycle(cycle, seconds=2.5)
    assert ready(observer, clock).is_good
    assert read(metrics, "leader") == 1.0
    assert read(metrics, "cycles_total", outcome="completed") == 1.0
    assert read(metrics, "step_seconds_sum", step="total") == 2.5
    assert read(metrics, "step_seconds_count", step="write") == 1.0
    assert read(metrics, "status_writes_total", outcome="written") == 5.0
    assert read(metrics, "history_end_timestamp_seconds") == END
    assert f"{len(cycle.report.workloads)} sized" in describe(observer.vitals, now=clock())


def test_first_recommendations_are_told_and_counted(observer, metrics, api, cycle):
    observer.record_cycle(cycle, seconds=1.0)
    assert sum(asked.startswith("POST /apis/events.k8s.io") for asked in api.requests) == 5
    assert read(metrics, "events_total", outcome="posted") == 5.0


def test_what_a_read_cost_is_counted_once_however_often_its_history_serves(
    observer, metrics, evidence, cycle
):
    observer.record_cycle(cycle, seconds=1.0)
    observer.record_cycle(cycle_of(evidence), seconds=1.0)  # the very same history
    assert read(metrics, "store_queries_total") == 40.0
    again = replace(evidence.history, usage=replace(evidence.history.usage), queries=2)
    observer.record_cycle(cycle_of(replace(evidence, history=again)), seconds=1.0)
    assert read(metrics, "store_queries_total") == 42.0
    assert read(metrics, "store_received_bytes_total") == 10_000.0


def test_a_store_that_is_away_is_said_and_undoes_no_readiness(
    observer, metrics, clock, evidence, cycle
):
    observer.record_cycle(cycle, seconds=1.0)
    away = cycle_of(replace(evidence, unread="store answered 503"))
    observer.record_cycle(away, seconds=1.0)
    assert ready(observer, clock).is_good
    assert "store        answered before, now: store answered 503" in describe(
        observer.vitals, now=clock()
    )
    assert read(metrics, "cycles_total", outcome="without_history") == 1.0
    assert read(metrics, "store_queries_total") == 40.0


def test_a_store_that_never_answered_keeps_the_service_from_being_ready(observer, clock, evidence):
    observer.record_cycle(cycle_of(replace(evidence, unread="store answered 401")), seconds=1.0)
    verdict = ready(observer, clock)
    assert (verdict.is_good, verdict.reason) == (
        False,
        "store has not been reached: store answered 401",
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ClusterUnreachableError("no route"), "API server has not been reached: no route;"),
        (StoreUnreachableError("refused"), "store has not been reached: refused"),
    ],
)
def test_a_cycle_that_fails_says_whom_it_could_not_reach_and_keeps_the_process_alive(
    observer, metrics, clock, error, reason
):
    clock.seconds += 290.0
    observer.record_failure(error, seconds=30.0)
    clock.seconds += 290.0
    alive, verdict = judge_vitals(observer.vitals, now=clock())
    assert alive.is_good
    assert not verdict.is_good
    assert reason in verdict.reason
    assert read(metrics, "cycles_total", outcome="failed") == 1.0


def test_a_store_without_data_has_been_reached(observer, clock):
    observer.record_failure(NoDataError("no series"), seconds=1.0)
    assert "store" not in ready(observer, clock).reason.replace("API server", "")


def test_a_defect_of_ours_blames_nobody(observer, metrics, clock, cycle):
    observer.record_cycle(cycle, seconds=1.0)
    observer.record_failure(ValueError("a defect"), seconds=1.0)
    assert ready(observer, clock).is_good
    assert observer.vitals.store.error == observer.vitals.cluster.error == ""
    assert read(metrics, "errors_total", kind="other") == 1.0


def test_a_replica_that_waits_is_alive_and_ready_once_the_api_server_answered(metrics, clock):
    answers = [False, True]
    observer = CycleObserver(
        metrics,
        interval=60.0,
        tell=lambda _: {},
        reaches_cluster=lambda: answers.pop(0),
        clock=clock,
    )
    observer.record_standby()
    assert not ready(observer, clock).is_good
    clock.seconds += 299.0
    observer.record_standby()
    clock.seconds += 299.0
    alive, waiting = judge_vitals(observer.vitals, now=clock())
    assert (alive.is_good, waiting.is_good) == (True, True)
    assert read(metrics, "leader") == 0.0


def test_a_replica_that_lost_the_lease_shows_no_report(observer, metrics, clock, cycle):
    observer.record_cycle(cycle, seconds=1.0)
    observer.record_standby()
    assert observer.vitals.report is None
    assert read(metrics, "last_cycle_timestamp_seconds") is None
    assert "waits for the Lease" in describe(observer.vitals, now=clock())


def is_alive(observer, clock):
    return judge_vitals(observer.vitals, now=clock())[0].is_good


def test_a_long_first_read_lives_by_the_answers_of_the_store(observer, clock):
    for _ in range(20):
        clock.seconds += 299.0
        observer.record_answer()
    assert is_alive(observer, clock)
    clock.seconds += 301.0
    assert not is_alive(observer, clock)


def test_answers_do_not_keep_a_process_alive_that_has_shown_a_defect(observer, clock, cycle):
    clock.seconds += 301.0
    observer.record_answer()
    observer.record_failure(ValueError("a defect"), seconds=1.0)
    assert not is_alive(observer, clock)
    observer.record_answer()
    assert not is_alive(observer, clock)
    observer.record_cycle(cycle, seconds=1.0)
    clock.seconds += 301.0
    observer.record_answer()
    assert is_alive(observer, clock)
