"""All figures of a choice of requests, on pools small enough to do by hand."""

import numpy as np
import pytest
from hypothesis import given, settings

from recommender.replay.outcome import estimate_outcome, replay_requests
from tests.replay.build import Pod, packing_of, trace_of, traces

NAN = float("nan")
HOUR = 3600


def two_nodes():
    """Two nodes and one more that stays empty; hourly bins.

    Node 0 has two pods of w0: 8 and 12 cores. Node 1 has w1: 3 and 1 cores.
    """
    trace = trace_of(Pod([4, 6], replicas=2), Pod([3, 1]), step=HOUR)
    return trace, packing_of([[2, 0], [0, 1]])


def outcome_of(trace, packing, requests):
    return estimate_outcome(trace, packing, cpu_requests=np.array(requests, dtype=float))


def test_the_figures_of_two_nodes():
    trace, packing = two_nodes()
    found = outcome_of(trace, packing, [5, 2])
    # 180 + 200 W on the full node, 130 + 110 W on the other, an hour each.
    assert found.energy.released.joules == pytest.approx(620 * HOUR)
    assert found.energy.released.node_hours == pytest.approx(4)
    assert found.nodes == 2
    # 2 of the 24 core-hours found no core.
    assert found.demanded == pytest.approx(24 * HOUR)
    assert found.unserved_share == pytest.approx(2 / 24)
    assert found.served == pytest.approx(22 * HOUR)
    assert found.joules_per_work_released == pytest.approx(620 / 22)
    # Hot is node 0 in its second hour only: 1.05 x 8 = 8.4.
    assert found.hot.mean == pytest.approx(2 / 6)
    # w0 uses 6 of 5 in one of two hours, twice; w1 uses 3 of 2 in one of two.
    assert found.exposure_share == pytest.approx(3 / 6)
    assert found.utilisation == pytest.approx(22 / 40)
    assert found.unplaced == 0.0


def test_kept_nodes_draw_what_they_draw_idle():
    """A third pod of w1 would need no third node; with one node only the other idles at 100 W."""
    trace = trace_of(Pod([4, 6]), step=HOUR)
    found = outcome_of(trace, packing_of([[1]]), [5])
    assert found.energy.released.joules == pytest.approx((140 + 160) * HOUR)
    assert found.energy.kept.joules == pytest.approx((140 + 160 + 200) * HOUR)
    assert found.energy.kept.node_hours == pytest.approx(4)
    assert found.joules_per_work_kept == pytest.approx(500 / 10)


def test_use_that_equals_the_request_is_not_above_it():
    """0.1 is not the same in the usage's single precision."""
    trace = trace_of(Pod([0.1, 0.2]), step=HOUR)
    assert outcome_of(trace, packing_of([[1]]), [0.1]).exposure_share == pytest.approx(0.5)


def test_only_managed_containers_count_as_exposed_while_they_are_seen():
    trace = trace_of(Pod([2, NAN, 2]), Pod([9, 9, 9], is_managed=False), step=HOUR)
    assert outcome_of(trace, packing_of([[1, 1]]), [1, 1]).exposure_share == 1.0


def test_nothing_done_has_no_energy_per_work():
    found = outcome_of(trace_of(Pod([0, 0])), packing_of([[1]]), [1])
    assert found.joules_per_work_released is None
    assert found.joules_per_work_kept is None
    assert found.unserved_share == 0.0


def test_requests_decide_how_many_nodes_are_needed():
    """Four pods of two cores: by five cores two nodes, by two cores one."""
    trace = trace_of(Pod(np.full(48, 2.0), replicas=4), step=1800)
    wide = replay_requests(trace, np.array([5.0]))
    tight = replay_requests(trace, np.array([2.0]))
    assert (wide.nodes, tight.nodes) == (2, 1)
    # 2 x 140 W and 180 W for 8 cores.
    assert wide.joules_per_work_released == pytest.approx(280 / 8)
    assert tight.joules_per_work_released == pytest.approx(180 / 8)
    # With both nodes on: 180 + 100 W.
    assert tight.joules_per_work_kept == pytest.approx(280 / 8)


def test_several_packings_are_averaged():
    trace = trace_of(Pod(np.full(48, 2.0), replicas=4), step=1800)
    once = replay_requests(trace, np.array([5.0]), seeds=(1,))
    twice = replay_requests(trace, np.array([5.0]), seeds=(1, 2))
    assert twice.nodes == once.nodes
    assert twice.joules_per_work_released == pytest.approx(once.joules_per_work_released)
    assert twice.energy.released.joules == pytest.approx(2 * once.energy.released.joules)


def test_requests_by_block_open_nodes_only_while_they_are_needed():
    """Five cores in the first block of the day, else two: two nodes for four hours, else one."""
    trace = trace_of(Pod(np.full(96, 2.0), replicas=4), step=1800)
    requests = np.array([[5.0], [2.0], [2.0], [2.0], [2.0], [2.0]])
    found = replay_requests(trace, requests)
    assert found.nodes == pytest.approx((2 * 4 + 20) / 24)
    assert found.seconds == 2 * 2 * 86400
    assert found.energy.released.node_hours == pytest.approx(2 * 2 * 28)


def test_the_same_requests_in_each_block_are_the_requests_of_the_day():
    usage = np.random.default_rng(4).lognormal(0, 0.5, (6, 96))
    trace = trace_of(*(Pod(row, replicas=2) for row in usage), step=1800)
    requests = np.linspace(1.0, 3.0, 6)
    daily = replay_requests(trace, requests)
    by_block = replay_requests(trace, np.tile(requests, (6, 1)))
    assert by_block.joules_released == pytest.approx(daily.joules_released)
    assert by_block.hot.mean == pytest.approx(daily.hot.mean)
    assert by_block.hot.worst_day == pytest.approx(daily.hot.worst_day)
    assert by_block.exposure_share == pytest.approx(daily.exposure_share)
    assert by_block.unserved == pytest.approx(daily.unserved)


def test_pods_that_fit_nowhere_are_pod_seconds():
    trace = trace_of(Pod([1, 1], replicas=3), step=HOUR)
    assert replay_requests(trace, np.array([11.0]), seeds=(1,)).unplaced == 3 * 2 * HOUR


def test_a_bounded_pool_leaves_pods_out():
    trace = trace_of(Pod([1, 1], replicas=3), step=HOUR)
    found = replay_requests(trace, np.array([10.0]), seeds=(1,), is_bounded=True)
    assert found.nodes == 2
    assert found.unplaced == 2 * HOUR


@settings(max_examples=20)
@given(traces())
def test_the_figures_are_shares_and_fit_together(trace):
    found = replay_requests(trace, trace.cpu_requests)
    for share in (
        found.hot.mean,
        found.hot.worst_day,
        found.unserved_share,
        found.exposure_share,
        found.utilisation,
    ):
        assert -1e-6 <= share <= 1.0 + 1e-6
    assert found.joules_kept >= found.joules_released
    assert found.served + found.unserved == pytest.approx(found.demanded)
    assert found.served <= found.capacity * (1 + 1e-6)


def test_a_trace_without_a_bin_is_refused():
    trace = trace_of(Pod([1, 1])).only(np.zeros(2, dtype=bool))
    with pytest.raises(ValueError, match="no bin"):
        replay_requests(trace, np.array([1.0]))
