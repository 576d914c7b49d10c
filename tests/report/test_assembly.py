"""What is not known of a pool is absent, not zero."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from recommender.model.report import Current
from recommender.report.assembly import assemble_report, describe_pool
from recommender.simulator import simulate
from recommender.sizing.pool import estimate_pools
from tests.report.sample import container, quantities, recommended, workload
from tests.sizing.build import pool_of

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


def _sized(*memory, replicas=3, pool="nodes"):
    """A workload with a container for each (request now, recommended)."""
    containers = [
        container(
            current=Current(quantities(None, now), quantities()),
            recommended=recommended((None,) * 4, (ours,) * 4),
        )
        for now, ours in memory
    ]
    return workload(*containers, replicas=replicas, pool=pool)


def test_where_memory_binds_a_gib_has_a_price_and_cores_are_stranded():
    """100 of 200 GiB on the only node that is full at 70 % of CPU, all of lambda = 49 W: 0.49 W."""
    found = describe_pool(pool_of(factor=0.0), [_sized(("4Gi", "2Gi"), ("1Gi", "2Gi"))])
    assert found.memory_price_watts_per_gib.value == pytest.approx(1.4 * 0.7 * 50 / 100)
    assert found.stranded_cores == pytest.approx((1 - 0.9) * 50)
    assert found.freeable_gib == 3 * (2 - 1)
    assert found.freeable_memory_watts.value == pytest.approx(3 * 0.49)
    assert any(reason.startswith("memory strands 5.0 of 50 cores") for reason in found.reasons)


def test_where_cpu_binds_memory_has_no_price_but_what_would_be_freed_is_known():
    found = describe_pool(pool_of(), [_sized(("4Gi", "2Gi")), _sized(("9Gi", "1Gi"), pool="b")])
    assert (found.memory_price_watts_per_gib, found.freeable_memory_watts) == (None, None)
    assert found.freeable_gib == 6.0
    assert found.stranded_cores == 0.0
    assert found.stranded_gib == pytest.approx((1 - 1 / 1.1) * 200)


def test_without_a_request_or_a_target_what_memory_frees_is_not_known():
    assert describe_pool(pool_of(), [_sized((None, "2Gi"), ("2Gi", None))]).freeable_gib is None


def test_what_emptied_nodes_save_while_they_stay_on_has_no_number(recording):
    pools = estimate_pools(recording.cluster, recording.history.nodes)
    assert assemble_report(recording, pools, [], []).savings.nodes_kept is None
