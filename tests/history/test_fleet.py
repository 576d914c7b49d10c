"""A whole fleet in the series of each exporter, in both stores: what is read is what was used."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from recommender.history.kept import KeptHistory
from recommender.history.store_reader import Scope, StoreReader
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, PodOwners, WorkloadRef
from recommender.settings import StoreSettings
from recommender.sizing.histogram import DEMAND, STOCK_CPU, STOCK_MEMORY
from tests.testbed.fleet import FleetShape, generate_fleet
from tests.testbed.sampler import SOCKETS, zone_watts

SHAPE = FleetShape(nodes=4, workloads=12, daemonsets=1, statefulsets=2, days=2)
WRAPPING = dataclasses.replace(SHAPE, rapl_range_joules=262_143.32885)
GRID = TimeGrid.ending(SHAPE.end, SHAPE.days * 86_400)
SCHEMAS = ("joulefit", "cadvisor", "cadvisor+ksm", "kepler-0.9", "kepler-0.10")
POWER = {  # schema of power, of CPU, reach, quality
    "joulefit": ("joulefit", "joulefit", "platform", "derived"),
    "cadvisor": ("node-exporter", "node-exporter", "package+dram", "measured"),
    "cadvisor+ksm": ("node-exporter", "node-exporter", "package+dram", "measured"),
    "kepler-0.9": ("kepler-0.9", "cadvisor", "platform", "measured"),
    "kepler-0.10": ("kepler-0.10", "cadvisor", "package+dram", "measured"),
}


@pytest.fixture(scope="module")
def fleet():
    return generate_fleet(SHAPE)


@pytest.fixture(scope="module")
def start(prometheus_of, victoria_metrics_of):
    return {"prometheus": prometheus_of, "victoria-metrics": victoria_metrics_of}


def ref_of(workload) -> WorkloadRef:
    return WorkloadRef(workload.namespace, workload.kind, workload.name)


def rows_of(fleet) -> dict[ContainerRef, list[int]]:
    return {
        ContainerRef(ref_of(workload), container.name): fleet.rows_of(workload, container.name)
        for workload in fleet.workloads
        for container in workload.containers
    }


def alive(fleet, rows) -> np.ndarray:
    pods = [fleet.containers[row].pod for row in rows]
    bins = np.arange(GRID.bins)
    return np.array([(pod.first <= bins) & (bins < pod.end) for pod in pods])


def daily_peaks(fleet, row) -> list[float]:
    """Highest sample of a container in each day (start, end], zero where there is none."""
    pod = fleet.containers[row].pod
    times = np.arange(fleet.edges[pod.first], fleet.edges[pod.end] + 1, SHAPE.sample_seconds)
    bins = np.minimum((times - GRID.start) // 300, pod.end - 1)
    days = -(-(times - GRID.start) // 86_400) - 1
    return [fleet.memory_bytes[row, bins[days == day]].max(initial=0) for day in range(2)]


def scope_of(fleet, **changes) -> Scope:
    owners = PodOwners(
        pods={(pod.namespace, pod.name): ref_of(pod.workload) for pod in fleet.pods},
        workloads=frozenset(map(ref_of, fleet.workloads)),
    )
    scope = Scope(None, owners, node_names=frozenset(fleet.node_names))
    return msgspec.structs.replace(scope, **changes)


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
def engine(request):
    return request.param


@pytest.fixture(scope="module", params=SCHEMAS)
def schema(request):
    return request.param


@pytest.fixture(scope="module")
def history(start, engine, schema, fleet):
    store = start[engine](SHAPE, schema)
    return StoreReader(StoreSettings(store=store.url)).read(GRID, scope_of(fleet))


def test_usage_of_every_container_is_the_truth(history, fleet):
    truth, usage = rows_of(fleet), history.usage
    assert usage.containers == tuple(sorted(truth))
    for row, ref in enumerate(usage.containers):
        cores, lives = fleet.cores[truth[ref]], alive(fleet, truth[ref])
        assert usage.pods[row].tolist() == lives.sum(axis=0).tolist()
        assert usage.cpu_mean[row] == pytest.approx(cores.sum(axis=0) / lives.sum(axis=0), rel=1e-6)
        assert usage.cpu_max[row] == pytest.approx(cores.max(), rel=1e-6)
        assert usage.samples[row] == lives.sum()
        assert (usage.first[row], usage.last[row]) == (GRID.start + 300, GRID.end)


def test_histograms_hold_every_pod_sample_of_its_day(history, fleet):
    truth, usage = rows_of(fleet), history.usage
    weight = np.exp2(-(GRID.end - (GRID.start + 300 * (np.arange(GRID.bins) + 1))) / 86_400)
    for row, ref in enumerate(usage.containers):
        cores, lives = fleet.cores[truth[ref]], alive(fleet, truth[ref])
        decayed = np.zeros(STOCK_CPU.count)
        for day in range(2):
            part = slice(day * 288, (day + 1) * 288)
            samples = cores[:, part][lives[:, part]]
            counts = np.bincount(DEMAND.index(samples), minlength=DEMAND.count)
            # A sample within the rounding of an edge may be on its other side.
            moved = np.abs(np.cumsum(usage.cpu_days[row, day]) - np.cumsum(counts)).sum()
            assert moved <= 2
        for pod in range(len(cores)):
            np.add.at(decayed, STOCK_CPU.index(cores[pod][lives[pod]]), weight[lives[pod]])
        assert usage.cpu_decayed[row] == pytest.approx(decayed, rel=1e-4, abs=1.01)
        assert usage.cpu_decayed[row].sum() == pytest.approx(decayed.sum(), rel=1e-5)


def test_memory_is_the_daily_peak(history, fleet):
    truth, usage = rows_of(fleet), history.usage
    for row, ref in enumerate(usage.containers):
        peaks = np.array([daily_peaks(fleet, pod_row) for pod_row in truth[ref]])
        assert usage.memory_days[row] == pytest.approx(peaks.max(axis=0), rel=1e-6)
        decayed = np.zeros(STOCK_MEMORY.count)
        for day, weight in ((0, 0.5), (1, 1.0)):
            there = peaks[:, day] > 0
            np.add.at(decayed, STOCK_MEMORY.index(peaks[there, day]), weight)
        assert usage.memory_decayed[row] == pytest.approx(decayed, rel=1e-6)


def test_power_and_busy_cores_of_every_node_are_the_truth(history, fleet, schema):
    nodes = history.nodes
    assert nodes.nodes == tuple(fleet.node_names)
    assert nodes.watts == pytest.approx(fleet.node_watts, rel=1e-6)
    assert nodes.cpu_used == pytest.approx(fleet.node_cores, rel=1e-6)
    of_power, of_cpu, reach, quality = POWER[schema]
    assert set(nodes.reach) == {reach}
    assert set(nodes.quality) == {quality}
    by_purpose = {choice.purpose: choice for choice in history.sources}
    assert by_purpose["node power"].schema == of_power
    assert by_purpose["node cpu"].schema == of_cpu
    assert "of 4 of 4 nodes" in by_purpose["node power"].reason
    knows_model = schema in ("joulefit", "cadvisor", "cadvisor+ksm")
    assert set(nodes.cpu_model) == {fleet.server.cpu_model if knows_model else ""}


def test_nothing_is_worth_a_warning(history):
    assert history.warnings == ()


def test_few_queries_read_it_all(history):
    assert history.queries <= 9


def test_the_choice_of_usage_gives_its_reason(history, schema):
    choice = next(each for each in history.sources if each.purpose == "usage")
    if schema == "joulefit":
        assert choice.schema == "joulefit"
        assert "series of joulefit's collector" in choice.reason
    else:
        assert choice.schema == "cadvisor"
        assert choice.reason.endswith("series of cAdvisor; no series of joulefit's collector")


def test_a_kill_for_memory_gives_the_bytes_in_use(start, engine, fleet):
    store = start[engine](SHAPE, "cadvisor+ksm")
    usage = StoreReader(StoreSettings(store=store.url)).read(GRID, scope_of(fleet)).usage
    killed = fleet.running[0]
    ref = ContainerRef(ref_of(killed.pod.workload), killed.name)
    # The reason is there from the beginning on: killed in the first hour or before.
    first_hour = fleet.memory_bytes[killed.row, :12].max()
    row = usage.containers.index(ref)
    assert usage.oom_bytes[row] == pytest.approx(first_hour, rel=1e-6)
    assert np.isnan(np.delete(usage.oom_bytes, row)).all()


def wrapping_bins(fleet, node: int, kind: str) -> np.ndarray:
    """In which bins some register of package or dram starts again; Kepler adds up sockets."""
    parts: dict[object, np.ndarray] = {}
    for (zone, socket), watts in zone_watts(fleet, node).items():
        if zone != "core":
            key = zone if kind == "kepler-0.10" else (zone, socket)
            parts[key] = parts.get(key, 0) + watts
    size = WRAPPING.rapl_range_joules * (SOCKETS if kind == "kepler-0.10" else 1)
    counts = [np.floor(np.cumsum(np.append(0, watts * 300)) / size) for watts in parts.values()]
    return np.any([np.diff(count) > 0 for count in counts], axis=0)


@pytest.mark.parametrize("schema_name", ["joulefit", "cadvisor"])
def test_a_history_that_is_kept_is_that_of_one_read(start, engine, fleet, schema_name):
    """From half a day before the end, over the rollout in the middle and an edge between days."""
    reader = StoreReader(StoreSettings(store=start[engine](SHAPE, schema_name).url))
    kept = KeptHistory(reader, refresh=10 * 86_400)
    wanted = frozenset(map(ref_of, fleet.workloads))
    names = frozenset(ref.namespace for ref in wanted)
    scope = scope_of(fleet, wanted=wanted, namespaces=names)
    first = GRID.end - 300 * 300
    for bins in (0, 1, 2, 13, 100, 288, 300):
        found = kept.read(TimeGrid(first + 300 * bins, 288 - 24), scope)
    bins = (GRID.end - first) // 300 + 288 - 24
    truth = reader.read(TimeGrid(GRID.end, bins, open_bins=300 - 288), scope)
    usage, whole = found.usage, truth.usage
    gone = bins - usage.grid.bins
    assert usage.grid.open_bins == 12
    assert usage.containers == whole.containers
    np.testing.assert_array_equal(usage.pods, whole.pods[:, gone:])
    np.testing.assert_array_equal(usage.cpu_days, whole.cpu_days[:, -usage.grid.days :])
    np.testing.assert_allclose(usage.cpu_mean, whole.cpu_mean[:, gone:], rtol=1e-6)
    np.testing.assert_allclose(usage.cpu_decayed, whole.cpu_decayed, rtol=1e-5)
    np.testing.assert_array_equal(usage.memory_days, whole.memory_days[:, -usage.grid.days :])
    np.testing.assert_allclose(usage.memory_decayed, whole.memory_decayed, rtol=1e-6)
    np.testing.assert_allclose(found.nodes.watts, truth.nodes.watts[:, gone:], rtol=1e-6)
    np.testing.assert_allclose(found.nodes.cpu_used, truth.nodes.cpu_used[:, gone:], rtol=1e-6)


@pytest.mark.parametrize("kind", ["cadvisor", "kepler-0.10"])
def test_bins_in_which_a_register_wraps_are_left_out(start, engine, kind):
    fleet = generate_fleet(WRAPPING)
    store = start[engine](WRAPPING, kind)
    nodes = StoreReader(StoreSettings(store=store.url)).read(GRID, scope_of(fleet)).nodes
    wraps = np.array([wrapping_bins(fleet, node, kind) for node in range(SHAPE.nodes)])
    assert wraps.any(axis=1).all()
    assert np.isnan(nodes.watts).tolist() == wraps.tolist()
    assert nodes.watts[~wraps] == pytest.approx(fleet.node_watts[~wraps], rel=1e-6)


def test_only_wanted_workloads_are_kept(start, engine, fleet):
    store = start[engine](SHAPE, "cadvisor")
    wanted = frozenset(ref_of(workload) for workload in fleet.workloads[:2])
    history = StoreReader(StoreSettings(store=store.url)).read(GRID, scope_of(fleet, wanted=wanted))
    assert {ref.workload for ref in history.usage.containers} == wanted


def test_only_asked_namespaces_are_read(start, engine, fleet):
    store = start[engine](SHAPE, "cadvisor")
    scope = scope_of(fleet, namespaces=frozenset(["team-1", "team-3"]))
    history = StoreReader(StoreSettings(store=store.url)).read(GRID, scope)
    assert {ref.workload.namespace for ref in history.usage.containers} == {"team-1", "team-3"}


def test_power_that_is_to_be_modelled_is_not_read(start, engine, fleet):
    store = start[engine](SHAPE, "joulefit")
    history = StoreReader(StoreSettings(store=store.url), power="modelled").read(
        GRID, scope_of(fleet)
    )
    assert np.isnan(history.nodes.watts).all()
    assert set(history.nodes.quality) == {""}
    assert history.nodes.cpu_used == pytest.approx(fleet.node_cores, rel=1e-6)
    assert history.sources[-1].reason == "meters are not asked, as --power modelled says"


@pytest.mark.parametrize("schema_name", SCHEMAS)
def test_both_stores_give_the_same(start, fleet, schema_name):
    read = [
        StoreReader(StoreSettings(store=start[name](SHAPE, schema_name).url)).read(
            GRID, scope_of(fleet)
        )
        for name in ("prometheus", "victoria-metrics")
    ]
    for part in ("usage", "nodes"):
        first, second = (getattr(history, part) for history in read)
        for name in first.__struct_fields__:
            one, other = (getattr(each, name) for each in (first, second))
            if isinstance(one, np.ndarray):
                np.testing.assert_allclose(one, other, rtol=1e-6, err_msg=name)
            else:
                assert one == other
    assert read[0].sources == read[1].sources
