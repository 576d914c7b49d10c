"""The limit that no packing goes below, against published servers and by hand."""

import numpy as np
import pytest

from recommender.backtest.limit import estimate_limit
from recommender.energy.published import server_curve
from recommender.replay.trace import NodeKind
from tests.replay.build import GIB, Pod, node_kind, trace_of


def test_affine_nodes_work_best_when_full():
    # 100 W + 100 W x U with 10 cores: 200 W for 10 cores are 20 J a core-second.
    limit = estimate_limit(trace_of(Pod(4.0, replicas=2), bins=12))
    assert limit.work == 8.0 * 3600
    assert limit.released.joules == pytest.approx(20.0 * 8.0 * 3600)
    assert limit.released.node_hours == pytest.approx(0.8)


def test_kept_nodes_idle_and_the_work_comes_on_top():
    # Two nodes at 100 W for an hour, and 10 W for each of 8 busy cores.
    limit = estimate_limit(trace_of(Pod(4.0, replicas=2), bins=12))
    assert limit.kept.joules == pytest.approx((2 * 100.0 + 8 * 10.0) * 3600)
    assert limit.kept.node_hours == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("name", "load", "watts"),
    [("HPE DL360 G10+", 0.7, 397), ("Lenovo SR645", 0.8, 332), ("Inspur i24LM6", 1.0, 769)],
)
def test_a_published_server_works_best_at_its_peak(name, load, watts):
    server = server_curve(name)
    kind = NodeKind(name, server.cores, 100 * GIB, 3, server)
    limit = estimate_limit(trace_of(Pod(1.0), kinds=(kind,), bins=12))
    assert limit.released.joules / limit.work == pytest.approx(watts / (load * server.cores))


def test_of_several_kinds_the_thriftiest_does_the_work():
    kinds = (node_kind("old", base=300.0), node_kind("new", base=100.0))
    limit = estimate_limit(trace_of(Pod(1.0), kinds=kinds, bins=12))
    assert limit.released.joules == pytest.approx(20.0 * 3600)
    assert limit.kept.joules == pytest.approx((2 * 300 + 2 * 100 + 10.0) * 3600)


def test_no_replay_of_the_same_demand_is_below_it():
    rng = np.random.default_rng(3)
    pods = [Pod(rng.uniform(0.1, 2.0, 24), cpu=2.0) for _ in range(30)]
    trace = trace_of(*pods)
    limit = estimate_limit(trace)
    from recommender.replay.outcome import replay_requests

    outcome = replay_requests(trace, trace.cpu_requests, seeds=(5,))
    assert limit.released.joules < outcome.joules_released
    assert limit.kept.joules < outcome.joules_kept * (1 + 1e-9)
