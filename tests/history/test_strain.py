"""Throttling, CPU pressure, frequency and bursts from both stores: what is read is what was."""

from __future__ import annotations

import dataclasses
from collections import Counter

import msgspec
import numpy as np
import pytest

from recommender.cycle import run_once
from recommender.history import plan
from recommender.history.client import PrometheusClient
from recommender.history.kept import KeptHistory
from recommender.history.store_reader import Scope, StoreReader
from recommender.history.strain import SOURCES, HourTable
from recommender.model.cluster import (
    Amounts,
    ClusterState,
    ContainerSpec,
    Node,
    NodeLoad,
    Workload,
)
from recommender.model.history import BURST_SHARES, TimeGrid
from recommender.model.identity import ContainerRef, PodOwners, WorkloadRef
from recommender.model.recording import Recording
from recommender.recording import read_recording, write_recording
from recommender.settings import SizingSettings, StoreSettings
from tests.testbed.openmetrics import Series

END = 1_760_054_400  # 2025-10-10 00:00 UTC
GRID = TimeGrid(END, 4 * 288)
TIMES = np.arange(GRID.start - 3600, END + 1, 60)
HOUR = (TIMES[1:] - 1 - GRID.start) // 3600  # of the minute that ends at each sample
WEB, API = (WorkloadRef("shop", "Deployment", name) for name in ("web", "api"))
PODS = {"web-a": WEB, "web-b": WEB, "api-a": API}
OWNERS = PodOwners(
    pods={("shop", pod): ref for pod, ref in PODS.items()}, workloads=frozenset([WEB, API])
)
SCOPE = Scope(
    frozenset(["shop"]), OWNERS, frozenset([WEB, API]), node_names=frozenset(["n1", "n2"])
)
HELD = (30, 31)  # hours of the grid in which the limit of web-a bit half of the time


def container(pod, **more):
    return {"namespace": "shop", "pod": pod, "container": "app", "id": f"/{pod}", **more}


def counter(name, labels, per_second):
    """`per_second`: for each minute, or one for all."""
    steps = np.broadcast_to(np.asarray(per_second, float) * 60.0, len(TIMES) - 1)
    return Series(name, labels, TIMES, np.round(1000.0 + np.append(0.0, np.cumsum(steps)), 6))


def gauge(name, labels, value):
    return Series(name, labels, TIMES, np.full(len(TIMES), float(value)), "gauge")


def cores_of(pod):
    """0.2 cores, of web-a a whole one in each fifth minute."""
    minute = TIMES[1:] // 60
    return np.where((minute % 5 == 0) & (pod == "web-a"), 1.0, 0.2)


def cadvisor_series():
    held = np.isin(HOUR, HELD)
    for pod in PODS:
        yield counter("container_cpu_usage_seconds_total", container(pod), cores_of(pod))
    for pod in ("web-a", "web-b"):
        throttled = np.where(held & (pod == "web-a"), 5.0, 0.0)
        yield counter("container_cpu_cfs_periods_total", container(pod), 10.0)
        yield counter("container_cpu_cfs_throttled_periods_total", container(pod), throttled)
    for pod, share in (("web-a", 0.3), ("web-b", 0.1)):
        yield counter("container_pressure_cpu_waiting_seconds_total", container(pod), share)
    for cpu, hertz in (("0", 2.0e9), ("1", 3.0e9)):
        labels = {"instance": "n1", "cpu": cpu}
        yield gauge("node_cpu_scaling_frequency_hertz", labels, hertz)
        yield counter("node_cpu_seconds_total", labels | {"mode": "user"}, 0.5)


def joulefit_series():
    held = np.isin(HOUR, HELD)
    for pod, ref in PODS.items():
        owner = {"workload": ref.name, "workload_kind": "Deployment", "node": "n1"}
        labels = {"namespace": "shop", "pod": pod, "container": "app", **owner}
        waited = np.where(held & (pod == "web-a"), 0.2, 0.0)
        yield counter("joulefit_container_cpu_seconds_total", labels, 0.2)
        yield counter("joulefit_container_throttled_seconds_total", labels, waited)
    yield gauge("joulefit_node_cpu_frequency_hertz", {"node": "n2"}, 3.1e9)
    yield counter("joulefit_node_cpu_seconds_total", {"node": "n2"}, 4.0)


@pytest.fixture(scope="module", params=["prometheus", "victoria_metrics"])
def start(request):
    return request.getfixturevalue(f"module_{request.param}_with")


@pytest.fixture(scope="module")
def cadvisor(start):
    return StoreSettings(store=start(list(cadvisor_series())).url)


@pytest.fixture(scope="module")
def joulefit(start):
    return StoreSettings(store=start(list(joulefit_series())).url)


@pytest.fixture(scope="module")
def history(cadvisor):
    return StoreReader(cadvisor, reads_bursts=True).read(GRID, SCOPE)


def row_of(usage, ref):
    return usage.containers.index(ContainerRef(ref, "app"))


def test_throttling_is_the_share_of_periods_over_the_pods_by_hour(history):
    expected = np.zeros(96)
    expected[list(HELD)] = 0.5 / 2  # one of two pods
    throttled = history.usage.throttled
    assert throttled[row_of(history.usage, WEB)] == pytest.approx(expected, abs=0.005)


def test_what_has_no_limit_was_not_held_back(history):
    assert history.usage.throttled[row_of(history.usage, API)].tolist() == [0.0] * 96


def test_pressure_is_the_mean_over_the_pods_that_tell_it(history):
    pressure = history.usage.pressure
    assert pressure[row_of(history.usage, WEB)] == pytest.approx(np.full(96, 0.2), rel=0.02)
    assert np.isnan(pressure[row_of(history.usage, API)]).all()


def test_the_frequency_of_a_node_is_the_mean_of_its_cpus(history):
    first, second = (history.nodes.nodes.index(name) for name in ("n1", "n2"))
    assert history.nodes.frequency[first] == pytest.approx(np.full(GRID.bins, 2.5e9))
    assert np.isnan(history.nodes.frequency[second]).all()


def test_bursts_are_what_five_minute_means_hide(history):
    """Of web-a a minute in five has 1 core, the others 0.2: each five-minute mean is 0.36, and the
    p90 of minutes is 1."""
    usage = history.usage
    ratio = dict(zip(BURST_SHARES, usage.burst[row_of(usage, WEB)].tolist(), strict=True))
    assert ratio[0.95] == pytest.approx(1.0 / 0.36, rel=1e-3)
    assert ratio[0.99] == pytest.approx(1.0 / 0.36, rel=1e-3)
    assert ratio[0.75] == pytest.approx(0.2 / 0.36, rel=1e-3)
    assert usage.burst[row_of(usage, API)] == pytest.approx(np.ones(6), rel=1e-3)


@pytest.mark.parametrize("parallel", [1, 2, 8])
def test_bursts_are_the_same_in_many_small_replies(history, cadvisor, monkeypatch, parallel):
    monkeypatch.setattr(plan, "REPLY_BYTES", 20_000)
    settings = dataclasses.replace(cadvisor, store_parallel=parallel)
    found = StoreReader(settings, reads_bursts=True).read(GRID, SCOPE)
    assert found.queries > 2 * history.queries
    np.testing.assert_array_equal(found.usage.burst, history.usage.burst)
    np.testing.assert_array_equal(found.usage.cpu_mean, history.usage.cpu_mean)


def test_what_was_read_is_named_with_its_series(history):
    named = {each.purpose: each for each in history.sources}
    assert named["throttling"].schema == "cadvisor"
    assert named["cpu pressure"].reason == "container_pressure_cpu_waiting_seconds_total, by hour"


def test_it_costs_few_queries(history, cadvisor):
    plain = StoreReader(cadvisor).read(GRID, SCOPE)
    assert plain.usage.burst is None
    assert history.queries - plain.queries == 1
    assert history.queries <= 10


def test_of_joulefits_collector_the_share_is_waited_over_wanted(joulefit):
    """0.2 cores were had and 0.2 were waited for: half, of one of two pods."""
    found = StoreReader(joulefit).read(GRID, SCOPE)
    expected = np.zeros(96)
    expected[list(HELD)] = 0.25
    row = row_of(found.usage, WEB)
    assert found.usage.throttled[row] == pytest.approx(expected, abs=0.005)
    assert found.usage.pressure is None
    assert found.nodes.frequency[found.nodes.nodes.index("n2")] == pytest.approx(
        np.full(GRID.bins, 3.1e9)
    )


def test_a_store_without_such_series_leaves_all_of_it_unknown(start):
    series = [counter("container_cpu_usage_seconds_total", container("web-a"), 0.2)]
    found = StoreReader(StoreSettings(store=start(series).url)).read(GRID, SCOPE)
    for name in ("throttled", "pressure", "latency", "burst"):
        assert getattr(found.usage, name) is None
    assert found.nodes.frequency is None


def test_fewer_samples_than_one_a_minute_show_no_bursts(start):
    sparse = [
        dataclasses.replace(each, timestamps=each.timestamps[::3], values=each.values[::3])
        for each in cadvisor_series()
    ]
    reader = StoreReader(StoreSettings(store=start(sparse).url), reads_bursts=True)
    assert reader.read(GRID, SCOPE).usage.burst is None


def test_what_is_kept_is_what_one_read_gives(cadvisor):
    """Begun a day and a half before the end, with API only later, over edges of hours and days."""
    reader = StoreReader(cadvisor, reads_bursts=True)
    kept = KeptHistory(reader, refresh=1e9)
    first = msgspec.structs.replace(SCOPE, wanted=frozenset([WEB]))
    for bins, scope in ((-440, first), (-433, first), (-300, SCOPE), (-288, SCOPE), (0, SCOPE)):
        found = kept.read(TimeGrid(END + 300 * bins, 288), scope)
    grid = found.usage.grid
    truth = reader.read(grid, SCOPE)
    assert found.usage.containers == truth.usage.containers
    for name in ("throttled", "pressure", "burst"):
        one, other = getattr(found.usage, name), getattr(truth.usage, name)
        np.testing.assert_allclose(one, other, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(found.nodes.frequency, truth.nodes.frequency, rtol=1e-6)
    assert np.isfinite(found.usage.pressure[row_of(found.usage, WEB)]).sum() >= 24


class Asking:
    """A client that counts which queries are asked for, by what they contain."""

    def __init__(self, settings):
        self._client = PrometheusClient(settings)
        self.counts = Counter()

    def query_range(self, query):
        is_read = "count by" not in query.query
        for mark in ("cfs_throttled", "pressure"):
            self.counts[mark] += is_read and mark in query.query
        self.counts["bursts"] += is_read and query.step == 60
        return self._client.query_range(query)


def test_hours_are_asked_for_once_and_the_last_day_once_a_day(cadvisor):
    asking = Asking(cadvisor)
    kept = KeptHistory(StoreReader(cadvisor, client=asking, reads_bursts=True), refresh=1e9)
    begin = END - 25 * 3600
    counts = []
    for seconds in (0, 300, 3300, 3600, 3600 + 300, 24 * 3600, 25 * 3600):
        kept.read(TimeGrid(begin + seconds, 288), SCOPE)
        counts.append(tuple(asking.counts.values()))
        asking.counts.clear()
    once, nothing = (1, 1, 0), (0, 0, 0)
    assert counts[:5] == [(1, 1, 1), nothing, nothing, once, nothing]
    assert counts[5][2] == 1
    assert counts[6] == once


def table(rows, *, source=SOURCES[0], first=10, end=13):
    return HourTable(source, first, end, rows)


def test_tables_of_hours_grow_and_shrink_and_absent_containers_stay_absent():
    one, other = ContainerRef(WEB, "app"), ContainerRef(API, "app")
    before = table({one: np.array([0.1, 0.2, 0.3], np.float32)})
    after = table({other: np.array([0.5], np.float32)}, first=13, end=14)
    whole = before.extended(after)
    assert whole.row(one) == pytest.approx([0.1, 0.2, 0.3, 0.0])
    assert whole.row(other) == pytest.approx([0.0, 0.0, 0.0, 0.5])
    cut = whole.since(12, [other])
    assert (cut.first, cut.end) == (12, 14)
    assert cut.row(other) == pytest.approx([0.0, 0.5])
    assert cut.row(one).tolist() == [0.0, 0.0]
    assert np.isnan(table({}, source=SOURCES[2]).row(one)).all()


def recording_of(history):
    """That history with the cluster it is of."""
    spec = ContainerSpec("app", Amounts(500, 2**28))
    cluster = ClusterState(
        source="a test",
        nodes=(Node("n1", 16.0, 2**36),),
        workloads=(Workload(WEB, (spec,), replicas=2, pods_on={"n1": 2}),),
        reserved={"n1": NodeLoad(8.0, 2**34)},
    )
    return Recording("2025-10-10T00:00:00Z", cluster, history, "a test")


def report_of(recording):
    class Source:
        def read(self):
            return recording

    return run_once(Source(), None, settings=SizingSettings(), with_curves=False).report


def test_what_is_read_reaches_the_explanation_from_a_recording_too(history, tmp_path):
    """Throttled a quarter of two hours of 96; bursts of 1 core where five minutes show 0.36."""
    recording = recording_of(history)
    report = report_of(recording)
    ((container,),) = (each.containers for each in report.workloads)
    steps = {reason.step: reason for reason in container.reasons}
    assert container.tier == "T1"
    assert steps["throttling"].value == "0.5% of the time"
    assert steps["frequency"].value == "x1.000, beta 1.00"
    assert steps["bursts"].value == "x2.78"  # 1 / 0.36
    assert steps["slo guard"].why.startswith(
        "held back by its limit 2.1% of a day, 2 days before the last: at least"
    )
    write_recording(tmp_path / "it.joulefit", recording)
    again = report_of(read_recording(tmp_path / "it.joulefit"))
    assert again.workloads == report.workloads
