"""Faults of real histories, read from a real Prometheus and a real VictoriaMetrics."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.history.store_reader import Scope, StoreReader
from recommender.model.identity import ContainerRef, PodOwners, WorkloadRef
from recommender.settings import StoreSettings
from tests.history.fault import CORES, GRID, faults

# Samples are taken at 7 s past the minute, so the last one before an edge is 53 s old.
PER_BIN = CORES * GRID.step


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
def store(request, module_prometheus_with, module_victoria_metrics_with):
    start = {
        "prometheus": module_prometheus_with,
        "victoria-metrics": module_victoria_metrics_with,
    }[request.param]
    return StoreSettings(store=start(faults()).url)


def read(store, namespace: str):
    owners = PodOwners(
        workloads=frozenset([WorkloadRef(namespace, "Deployment", "web")]), guesses=True
    )
    return StoreReader(store).read(GRID, Scope(frozenset([namespace]), owners))


def usage_of(store, namespace: str, container: str = "app"):
    """Seconds by bin (NaN where none) and pods by bin of the only row of this container."""
    usage = read(store, namespace).usage
    [row] = [i for i, ref in enumerate(usage.containers) if ref.container == container]
    pods = usage.pods[row].astype(float)
    return usage.cpu_mean[row] * np.where(pods > 0, pods, np.nan) * GRID.step, pods


def test_a_steady_container_has_its_rate_in_every_bin(store):
    seconds, pods = usage_of(store, "not-containers")
    assert (pods == 1).all()
    assert seconds == pytest.approx(np.full(GRID.bins, PER_BIN), rel=1e-6)


def test_a_short_gap_is_bridged_without_loss(store):
    seconds, pods = usage_of(store, "gap-of-14-minutes")
    assert (pods == 1).all()
    assert seconds.sum() == pytest.approx(PER_BIN * GRID.bins, rel=1e-6)
    assert seconds.max() < 1.3 * PER_BIN


def test_a_long_gap_is_a_gap(store):
    seconds, pods = usage_of(store, "gap-of-40-minutes")
    # In 40 min eight grid points have no sample, so nine bins miss one of their ends.
    assert np.flatnonzero(pods == 0).tolist() == list(range(100, 109))
    assert seconds[pods == 1] == pytest.approx(np.full(GRID.bins - 9, PER_BIN), rel=1e-6)


def test_a_counter_that_falls_counts_from_zero_again(store):
    seconds, pods = usage_of(store, "reset")
    assert (pods == 1).all()
    # It began 100 s before the edge; the last sample is 53 s before the edge.
    assert seconds[49] == pytest.approx(CORES * 47, rel=1e-6)
    assert np.delete(seconds, 49) == pytest.approx(np.full(GRID.bins - 1, PER_BIN), rel=1e-6)


def test_a_container_that_is_started_anew_adds_to_the_one_before(store):
    seconds, pods = usage_of(store, "restart")
    assert (pods == 1).all()
    # The old one was last seen 113 s before the edge, the new one began 100 s before it.
    assert seconds[49] == pytest.approx(CORES * (300 + 53 - 113 + 47), rel=1e-6)
    assert np.delete(seconds, 49) == pytest.approx(np.full(GRID.bins - 1, PER_BIN), rel=1e-6)


@pytest.mark.parametrize("namespace", ["two-scrapers", "late-scraper"])
def test_two_scrapers_count_once(store, namespace):
    seconds, pods = usage_of(store, namespace)
    assert (pods == 1).all()
    assert seconds == pytest.approx(np.full(GRID.bins, PER_BIN), rel=1e-6)


def test_a_deleted_pod_ends_without_a_phantom(store):
    seconds, pods = usage_of(store, "deleted")
    assert (pods[:300] == 2).all()
    assert (pods[300:] == 1).all()
    assert seconds == pytest.approx(pods * PER_BIN, rel=1e-6)


def test_pods_of_two_replica_sets_are_one_workload(store):
    usage = read(store, "rolled").usage
    assert usage.containers == (ContainerRef(WorkloadRef("rolled", "Deployment", "web"), "app"),)
    assert (usage.pods == 1).all()
    total = float(usage.cpu_mean.sum()) * GRID.step
    # Of the old pod 53 s before the edge are missing, as many as were seen before the window.
    assert total == pytest.approx(PER_BIN * GRID.bins - CORES * 53, rel=1e-6)


def test_a_pod_that_lived_for_three_samples_counts_from_zero(store):
    seconds, pods = usage_of(store, "short", "job")
    assert np.flatnonzero(pods).tolist() == [100]
    assert seconds[100] == pytest.approx(12.0 + CORES * 120, rel=1e-6)


def test_counters_that_were_not_watched_before_do_not_count_from_zero(store):
    seconds, pods = usage_of(store, "late-monitoring")
    assert (pods[:301] == 0).all()
    assert (pods[301:] == 2).all()
    assert seconds[301:] == pytest.approx(np.full(275, 2 * PER_BIN), rel=1e-6)
    warnings = read(store, "late-monitoring").warnings
    assert any(w.startswith("usage begins 22.9 h before the end") for w in warnings)


def test_a_container_at_rest_has_all_its_zeros(store):
    seconds, pods = usage_of(store, "at-rest")
    assert (pods == 1).all()
    assert (seconds == 0).all()


def test_nan_is_no_sample(store):
    seconds, pods = usage_of(store, "nan")
    assert (pods == 1).all()
    assert seconds.sum() == pytest.approx(PER_BIN * GRID.bins, rel=1e-6)


def test_a_peak_between_two_grid_points_is_seen_and_nan_is_not(store):
    usage = read(store, "nan").usage
    assert usage.memory_days.tolist() == [[pytest.approx(9e8), pytest.approx(2e8)]]


def test_memory_of_two_scrapers_is_the_higher(store):
    usage = read(store, "two-scrapers").usage
    assert usage.memory_days.tolist() == [[pytest.approx(3.01e8)] * 2]
    assert usage.memory_decayed.sum() == pytest.approx(1.0 + 0.5)  # one peak a day
