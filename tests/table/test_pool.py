"""Nodes for a table that has none."""

import numpy as np
import pytest

from recommender.energy.published import server_curve
from recommender.errors import TableError
from recommender.model.identity import WorkloadRef
from recommender.table.pool import model_pool
from tests.table.sheet import GIB, HEADER, REQUESTS, row, usage_of

SMALL = server_curve("HP DL360 G5")  # 8 cores, 31.6 GiB allocatable
WEB, JOB = (WorkloadRef("shop", "Deployment", name) for name in ("web", "job"))


def _requested(at, cpu, cores, *, memory=GIB, **more):
    return row(at, cpu, rest=f",{cores},{memory}", **more)


def _model(folder, *lines):
    return model_pool(usage_of(folder, *lines, header=HEADER + REQUESTS), SMALL)


def test_there_are_as_few_servers_as_hold_the_requests(tmp_path):
    """Five pods of 3 cores: two fit on 8 cores, so three servers."""
    pool = _model(tmp_path, *(_requested(300, 1, 3, pod=f"web-{pod}") for pod in range(5)))
    assert len(pool.nodes) == 3
    assert sum(pool.pods_on[WEB].values()) == 5
    assert max(pool.pods_on[WEB].values()) == 2
    assert sorted(load.cores for load in pool.reserved.values()) == [3.0, 6.0, 6.0]
    assert sum(load.memory_bytes for load in pool.reserved.values()) == 5 * GIB


def test_memory_needs_servers_too(tmp_path):
    """Four pods of 20 GiB: each fills most of a server."""
    pool = _model(
        tmp_path, *(_requested(300, 1, 1, memory=20 * GIB, pod=f"web-{pod}") for pod in range(4))
    )
    assert len(pool.nodes) == 4


def test_a_pod_without_requests_needs_what_it_used_at_most_and_reserves_nothing(tmp_path):
    """At most 6 of 8 cores: no second pod of 3 fits beside it."""
    pool = _model(
        tmp_path,
        row(300, 6, rest=",,"),
        row(600, 2, rest=",,"),
        _requested(600, 1, 3, pod="w-2", workload="job"),
    )
    assert len(pool.nodes) == 2
    assert sorted(load.cores for load in pool.reserved.values()) == [0.0, 3.0]


def test_a_node_uses_its_share_of_what_its_workloads_use_and_draws_what_is_published(tmp_path):
    """Two pods on two servers use 2 and 6 cores: by the workload's mean 4 each, half load."""
    pool = _model(tmp_path, _requested(300, 2, 7), _requested(300, 6, 7, pod="web-2"))
    assert pool.history.cpu_used.tolist() == [[4.0], [4.0]]
    assert pool.history.watts.tolist() == [[234.0], [234.0]]
    assert set(pool.history.quality) == {"modelled"}
    assert set(pool.history.cpu_model) == {"Intel Xeon E5450"}


def test_what_ended_before_is_spread_over_all_nodes(tmp_path):
    pool = _model(
        tmp_path,
        _requested(300, 2, 2, workload="job"),
        _requested(7200, 1, 7),
        _requested(7200, 1, 7, pod="web-2"),
    )
    assert JOB not in pool.pods_on
    assert pool.history.cpu_used[:, 0].tolist() == [1.0, 1.0]
    assert pool.history.cpu_used[:, -1].tolist() == [1.0, 1.0]


def test_nothing_is_known_of_nodes_where_nothing_is_of_pods(tmp_path):
    pool = _model(tmp_path, _requested(300, 1, 1), _requested(900, 1, 1))
    assert np.isnan(pool.history.watts[:, 1]).all()
    assert np.isnan(pool.history.cpu_used[:, 1]).all()
    assert np.isfinite(pool.history.watts[:, [0, 2]]).all()


def test_no_node_uses_more_than_it_has(tmp_path):
    pool = _model(tmp_path, _requested(300, 20, 1))
    assert pool.history.cpu_used.tolist() == [[8.0]]
    assert pool.history.watts.tolist() == [[288.0]]


def test_a_pod_that_fits_no_server_is_named(tmp_path):
    with pytest.raises(TableError) as caught:
        _model(tmp_path, _requested(300, 1, 9))
    assert str(caught.value) == (
        "a pod of shop/Deployment/web with 9 cores and 1 GiB fits no HP DL360 G5 (8 cores, 32 GiB); "
        "name a larger --server"
    )
