"""A collector that was installed beside weeks of other series: it does not hide them."""

from __future__ import annotations

import dataclasses
from itertools import chain

import numpy as np
import pytest

from recommender.history.choice import choose_cpu, choose_usage, order_power
from recommender.history.client import PrometheusClient
from recommender.history.kept import KeptHistory
from recommender.history.probe import read_inventory
from recommender.history.store_reader import Scope, StoreReader
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners, WorkloadRef
from recommender.settings import StoreSettings
from tests.testbed.exposition import SCHEMAS
from tests.testbed.fleet import FleetShape, generate_fleet

HOUR, DAY = 3600, 86_400
SHAPE = FleetShape(
    nodes=2,
    cores_per_node=4,
    workloads=4,
    daemonsets=1,
    statefulsets=1,
    days=8,
    sample_seconds=300,
    has_rollout=False,
    oom_killed=0,
)
YOUNG = 6 * HOUR


def newest(series, seconds):
    """Only the last seconds of a series."""
    kept = series.timestamps >= SHAPE.end - seconds
    return dataclasses.replace(
        series, timestamps=series.timestamps[kept], values=series.values[kept]
    )


@pytest.fixture(scope="module")
def fleet():
    return generate_fleet(SHAPE)


@pytest.fixture(scope="module")
def url(fleet, module_prometheus_with):
    """cAdvisor and node-exporter for eight days, joulefit's collector for six hours."""
    young = (newest(series, YOUNG) for series in SCHEMAS["joulefit"](fleet))
    every = chain(SCHEMAS["cadvisor"](fleet), (each for each in young if len(each.timestamps)))
    return module_prometheus_with(sorted(every, key=lambda each: each.name)).url


@pytest.fixture
def reader(url):
    return StoreReader(StoreSettings(store=url))


def scope_of(fleet):
    refs = {w: WorkloadRef(w.namespace, w.kind, w.name) for w in fleet.workloads}
    owners = PodOwners(
        pods={(pod.namespace, pod.name): refs[pod.workload] for pod in fleet.pods},
        workloads=frozenset(refs.values()),
    )
    return Scope(
        frozenset(ref.namespace for ref in refs.values()),
        owners,
        frozenset(refs.values()),
        node_names=frozenset(fleet.node_names),
    )


def sources_of(history):
    return {choice.purpose: choice for choice in history.sources}


@pytest.mark.parametrize("days", [7, 14], ids=["all of the window", "less than the window"])
def test_what_covers_the_window_is_read_not_what_is_better_since_six_hours(reader, fleet, days):
    history = reader.read(TimeGrid.ending(SHAPE.end, days * DAY), scope_of(fleet))
    covered = min(days, 8) * DAY // 300
    assert (history.usage.pods > 0).sum(axis=1).tolist() == [covered] * len(history.usage.pods)
    assert np.isfinite(history.nodes.watts).sum(axis=1).tolist() == [covered] * 2
    assert np.isfinite(history.nodes.cpu_used).sum(axis=1).tolist() == [covered] * 2
    schemas = {purpose: choice.schema for purpose, choice in sources_of(history).items()}
    assert schemas == {
        "usage": "cadvisor",
        "memory": "cadvisor",
        "node cpu": "node-exporter",
        "node power": "node-exporter",
    }


def test_each_choice_says_why(reader, fleet):
    """Eight of fourteen days, looked at each day from the end: nine looks of fifteen."""
    found = sources_of(reader.read(TimeGrid.ending(SHAPE.end, 14 * DAY), scope_of(fleet)))
    words = "was seen at 1 of 15 times over the window, this at 9"
    assert f"joulefit's collector {words}" in found["usage"].reason
    assert f"joulefit_node_cpu_seconds_total {words}" in found["node cpu"].reason
    assert f"joulefit's collector {words}" in found["node power"].reason


class Listener:
    """A client that keeps what it asks."""

    def __init__(self, url):
        self.client = PrometheusClient(StoreSettings(store=url))
        self.asked = []

    def query_range(self, query):
        self.asked.append(query.query)
        return self.client.query_range(query)


@pytest.mark.parametrize(
    ("seconds", "queries"),
    [
        pytest.param(7 * DAY, 1, id="one is young"),
        pytest.param(5 * HOUR, 0, id="all cover the window"),
    ],
)
def test_it_costs_one_query_if_any(url, fleet, seconds, queries):
    listener = Listener(url)
    reader = StoreReader(StoreSettings(store=url), client=listener)
    reader.read(TimeGrid.ending(SHAPE.end, seconds), scope_of(fleet))
    assert sum('"look"' in query for query in listener.asked) == queries


def test_the_newest_hours_are_those_of_the_collector(url):
    client = PrometheusClient(StoreSettings(store=url))
    for seconds, usage in ((5 * HOUR, "joulefit"), (2 * DAY, "cadvisor")):
        inventory = read_inventory(client, TimeGrid.ending(SHAPE.end, seconds), None)
        assert choose_usage(inventory).name == usage
    whole = read_inventory(client, TimeGrid.ending(SHAPE.end, 2 * DAY), None)
    assert choose_cpu(whole).schema == "node-exporter"
    assert order_power(whole)[0].schema == "joulefit"  # power does not compete where nobody asks


def test_a_kept_history_goes_over_whole_when_the_collector_covers_the_window(reader, fleet):
    """A window of five hours, kept from one hour after the collector's installation on."""
    kept = KeptHistory(reader, refresh=2 * HOUR)
    scope, seconds = scope_of(fleet), 5 * HOUR
    first = kept.read(TimeGrid.ending(SHAPE.end - 5 * HOUR, seconds), scope)
    assert sources_of(first)["usage"].schema == "cadvisor"
    later = kept.read(TimeGrid.ending(SHAPE.end - 3 * HOUR, seconds), scope)
    assert sources_of(later)["usage"].schema == "cadvisor"  # read anew, three hours of five
    grid = TimeGrid.ending(SHAPE.end, seconds)
    found, truth = kept.read(grid, scope), reader.read(grid, scope)
    assert sources_of(found) == sources_of(truth)
    assert sources_of(found)["usage"].schema == "joulefit"
    assert sources_of(found)["node power"].schema == "joulefit"
    assert found.usage.grid == truth.usage.grid
    for name in ("cpu_mean", "pods", "cpu_days", "memory_days", "samples"):
        np.testing.assert_array_equal(getattr(found.usage, name), getattr(truth.usage, name), name)
    np.testing.assert_array_equal(found.nodes.watts, truth.nodes.watts)
