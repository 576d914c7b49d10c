"""From the counters of pods that an HPA makes and ends, in a real store, to the size of a replica."""

import numpy as np
import pytest

from recommender.history.store_reader import Scope, StoreReader
from recommender.history.work import WorkReader
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners
from recommender.model.work import WorkEvidence
from recommender.settings import StoreSettings
from recommender.units import parse_millicores
from tests.sizing.build import GIB, WEB, size, step_of, vpa_of
from tests.sizing.test_scaled import BENT, METRIC, PROFILE, hpa_loop, web
from tests.testbed.openmetrics import Series

DAYS = 4
GRID = TimeGrid(end=1_760_054_400, bins=DAYS * 288)
OWNERS = PodOwners(workloads=frozenset([WEB]))
DEMAND = 8.0 + 6.0 * np.sin(np.arange(GRID.bins) * 2 * np.pi / 288)
REPLICAS, RATE = hpa_loop(3.5, demand=DEMAND)
MEMORY = "joulefit_container_memory_working_set_bytes"
SCRAPE = 60
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def runs_of(slot):
    """First and last bin of each time that a slot has a pod."""
    is_there = np.concatenate([[False], slot < REPLICAS, [False]]).astype(int)
    edges = np.flatnonzero(np.diff(is_there))
    return zip(edges[::2], edges[1::2], strict=True)


def pods():
    """Name and bins of each pod; one that comes back has another name."""
    lives = [life for slot in range(REPLICAS.max()) for life in runs_of(slot)]
    for number, (first, end) in enumerate(lives):
        tail = "".join(ALPHABET[(number // 27**place) % 27] for place in range(5))
        yield f"web-7d9c5b8f6-{tail}", int(first), int(end)


def series():
    for pod, first, end in pods():
        times = np.arange(GRID.start + first * 300, GRID.start + end * 300 + 1, SCRAPE)
        rates = np.repeat(RATE[first:end], 300 // SCRAPE)
        own = {"namespace": "shop", "pod": pod, "node": "a"}
        container = {**own, "container": "app", "workload": "web", "workload_kind": "Deployment"}
        counted = [
            ("joulefit_container_cpu_seconds_total", container, BENT.cores(rates)),
            ("http_requests_total", {**own, "code": "200"}, 0.9 * rates),
            ("http_requests_total", {**own, "code": "500"}, 0.1 * rates),
        ]
        for name, labels, per_second in counted:
            values = np.concatenate([[0.0], np.cumsum(per_second * SCRAPE)])
            yield Series(name, labels, times, values)
        memory = np.full(len(times), float(GIB))
        yield Series(MEMORY, container, times, memory, kind="gauge")


@pytest.fixture(scope="module")
def store(module_prometheus_with):
    return StoreSettings(store=module_prometheus_with(list(series())).url)


@pytest.fixture(scope="module")
def found(store):
    """Usage and work as the store's edges read them."""
    scope = Scope(
        namespaces=frozenset(["shop"]),
        owners=OWNERS,
        wanted=frozenset([WEB]),
        reads_cluster=False,
        node_names=frozenset(["a"]),
    )
    usage = StoreReader(store).read(GRID, scope).usage
    rate = WorkReader(store).read(METRIC.series, WEB, owners=OWNERS, grid=usage.grid)
    return usage, rate


def test_replicas_and_their_work_are_read_as_they_were(found):
    usage, rate = found
    is_same = usage.pods[0] == REPLICAS
    assert is_same.mean() > 0.95  # a pod that ends is seen a scrape longer
    assert rate.per_second[1:-1] == pytest.approx(DEMAND[1:-1], rel=0.02)
    assert rate.nodes == ("a",)


def test_the_size_of_a_replica_is_found_through_pods_that_come_and_go(found):
    """1 core at 60 %, as without a store in between."""
    usage, rate = found
    report, _ = size(
        usage, workload=web(), vpa=vpa_of(profile=PROFILE), work=WorkEvidence(metric=rate)
    )
    (app,) = report.containers
    assert app.basis == "work per joule of a replica"
    assert parse_millicores(app.recommended.target.cpu) == pytest.approx(1667, rel=0.03)
    assert step_of(app, "work curve").value
    assert report.work_kind == "throughput"
    assert report.work.value.startswith("8 requests/s, ")
