"""What is not known of a pool is absent, not zero."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recommender.report.assembly import assemble_report
from recommender.simulator import simulate
from recommender.sizing.pool import estimate_pools

END = 1_764_000_000 // 86_400 * 86_400


@pytest.fixture(scope="module")
def recording():
    return simulate(end=END, days=2, seed=7)


def _pool(recording, **changes):
    cluster = replace(recording.cluster, **changes)
    pools = estimate_pools(cluster, recording.history.nodes)
    (pool,) = assemble_report(replace(recording, cluster=cluster), pools, [], []).pools
    return pool


def test_where_requests_are_unknown_a_core_has_its_lowest_price_and_packing_none(recording):
    known, unknown = _pool(recording), _pool(recording, reserved={})
    assert (unknown.packing, unknown.reserved_unused_watts) == (None, None)
    assert "requests are unknown: CPU is taken to bind" in unknown.reasons
    # All cores count as reserved: the intercept over all cores.
    expected = unknown.intercept_watts / unknown.cores_per_node
    assert unknown.price_watts_per_core.value == pytest.approx(expected)
    assert unknown.price_watts_per_core.value < known.price_watts_per_core.value


def test_where_memory_binds_cutting_unused_cores_frees_no_watt(recording):
    half = {
        name: replace(load, cores=load.cores / 2, memory_bytes=load.memory_bytes * 1.1)
        for name, load in recording.cluster.reserved.items()
    }
    pool = _pool(recording, reserved=half)
    assert (pool.binding, pool.cpu_binding_factor) == ("memory", 0.0)
    assert pool.reserved_unused_watts == 0.0


def test_what_emptied_nodes_save_while_they_stay_on_has_no_number(recording):
    pools = estimate_pools(recording.cluster, recording.history.nodes)
    assert assemble_report(recording, pools, [], []).savings.nodes_kept is None
