"""How full nodes get, and who waits where they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.replay.load import (
    HotTime,
    estimate_hot_time,
    estimate_load,
    estimate_unserved,
    share_cores,
)
from recommender.replay.packer import pack
from tests.replay.build import Pod, node_kind, packing_of, trace_of, traces

NAN = float("nan")


def hot_time(trace, packing):
    return estimate_hot_time(trace, packing, estimate_load(trace, packing))


def unserved(trace, packing):
    load = estimate_load(trace, packing)
    return estimate_unserved(trace, packing, load, cpu_requests=trace.cpu_requests)


def test_the_load_of_a_node_is_what_its_pods_use():
    trace = trace_of(Pod([1, 2, NAN]), Pod([10, 20, 30]))
    load = estimate_load(trace, packing_of([[2, 1], [0, 3]]))
    assert load.tolist() == [[12, 24, 30], [30, 60, 90]]


def test_the_load_of_many_bins_is_summed_in_parts():
    """Wider than one part of 16 MB: 3,000 workloads x 4,000 bins."""
    usage = np.ones((3000, 4000), dtype=np.float32)
    usage[:, 3999] = 2.0
    trace = trace_of(*(Pod(row) for row in usage))
    load = estimate_load(trace, packing_of([[1] * 3000]))
    assert load[0, [0, 1397, 1398, 3998, 3999]].tolist() == [3000, 3000, 3000, 3000, 6000]


def test_a_node_is_hot_where_five_percent_more_would_be_above_nine_tenths():
    """Of 10 cores: 1.05 x 8.58 = 9.009 is above 9, 1.05 x 8.57 = 8.9985 is not."""
    trace = trace_of(Pod([8.57, 8.58, 1.0, 12.0]))
    assert hot_time(trace, packing_of([[1]])).mean == pytest.approx(2 / 4)


def test_every_container_counts_the_same_for_the_time_it_was_seen():
    """Hot is the first node in the first bin, with three containers, of which two were seen.

    Seen in all: 2 + 2 in the first bin, 3 + 2 in the second.
    """
    trace = trace_of(Pod([[9, 1], [NAN, 1], [1, 1]]), Pod([1, 1], replicas=2))
    found = hot_time(trace, packing_of([[1, 0], [0, 2]]))
    assert found.hot.sum() == 2
    assert found.seen.sum() == 9
    assert found.mean == pytest.approx(2 / 9)


def test_replicas_count_each():
    trace = trace_of(Pod([3, 1], replicas=4))
    found = hot_time(trace, packing_of([[3], [1]]))
    assert found.mean == pytest.approx(3 / 8)


def test_the_worst_day_is_the_one_with_the_greatest_share():
    """Two half hours of 48 on the first day, none on the second."""
    usage = np.ones(96)
    usage[[5, 7]] = 9.0
    found = hot_time(trace_of(Pod(usage), step=1800), packing_of([[1]]))
    assert found.worst_day == pytest.approx(2 / 48)
    assert found.mean == pytest.approx(2 / 96)


def test_a_day_that_is_mostly_cut_off_is_not_judged_by_itself():
    """The oldest day has 20 of its 48 half hours, all hot; the whole one has 12."""
    usage = np.ones(68)
    usage[:20] = usage[20:32] = 9.0
    found = hot_time(trace_of(Pod(usage), step=1800), packing_of([[1]]))
    assert found.worst_day == pytest.approx(12 / 48)
    assert found.mean == pytest.approx(32 / 68)


def test_where_nothing_was_seen_nothing_is_hot():
    found = hot_time(trace_of(Pod([NAN, NAN])), packing_of([[1]]))
    assert (found.mean, found.worst_day) == (0.0, 0.0)


def test_hot_times_of_other_bins_add_up():
    total = HotTime(np.array([1.0, 0]), np.array([4.0, 4])) + HotTime(
        np.array([1.0, 3]), np.array([4.0, 4])
    )
    assert total.mean == pytest.approx(5 / 16)
    assert total.worst_day == pytest.approx(3 / 8)


def shared(wanted, weights, *, cores, pods=None):
    wanted = np.array(wanted, dtype=float)[:, None]
    pods = np.ones(len(wanted)) if pods is None else np.array(pods, dtype=float)
    return share_cores(wanted, np.array(weights, dtype=float), pods=pods, cores=cores)[:, 0]


def test_a_full_node_is_shared_by_the_requests():
    """All want more than they get: 9 cores as 1 : 2."""
    assert shared([9, 9], [1, 2], cores=9).tolist() == [3, 6]


def test_what_one_leaves_goes_to_those_that_want_more():
    """Of 10 cores the first takes 1, and the others share 9 as 1 : 2."""
    assert shared([1, 9, 9], [5, 1, 2], cores=10).tolist() == [1, 3, 6]


def test_what_is_left_is_shared_again_until_all_are_content_or_the_node_is_full():
    """12 cores, weights 1 each, wants 1, 3, 9, 9: 1 and 3 are content, 8 are left for two."""
    assert shared([9, 3, 1, 9], [1, 1, 1, 1], cores=12).tolist() == [4, 3, 1, 4]


def test_enough_for_all_gives_all_what_they_want():
    assert shared([3, 4], [1, 5], cores=7).tolist() == [3, 4]


def test_pods_that_are_alike_count_each():
    """Two of the first kind and one of the second: 9 cores as 1 : 1 : 1."""
    assert shared([9, 9], [1, 1], pods=[2, 1], cores=9).tolist() == [3, 3]


def test_one_that_is_alone_gets_all_there_is():
    assert shared([12], [0.002], cores=10).tolist() == [10]


def test_what_a_container_did_not_get_is_counted_over_its_replicas():
    """Two pods of 4 and one of 8 want 16 of 10 cores for one bin of 300 s.

    Requests 3, 3, 4: the level is 1, and they lack 1, 1 and 4 cores.
    """
    trace = trace_of(Pod([4, 1], cpu=3, replicas=2), Pod([8, 1], cpu=4))
    assert unserved(trace, packing_of([[2, 1]])) == pytest.approx([600, 1200])


def test_a_container_without_a_request_waits_for_those_with_one():
    """Of 10 cores 9 are wanted by one that requests 9: nearly 1 is left for the other."""
    trace = trace_of(Pod([9], cpu=9), Pod([5]))
    lacking = unserved(trace, packing_of([[1, 1]])) / (2 * 300)
    assert lacking == pytest.approx([0, 4])


def test_a_node_that_is_not_full_lacks_nothing():
    trace = trace_of(Pod([10, 3]))
    assert unserved(trace, packing_of([[1]])).tolist() == [0.0]


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.floats(0.002, 9), st.integers(1, 3)), min_size=1),
    st.floats(0.1, 30),
)
def test_sharing_is_fair(rows, cores):
    """Nobody gets more than wanted, the node gives all it can, and who lacks has the most level."""
    wanted, weights, pods = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    given_cores = shared(wanted, weights, pods=pods, cores=cores)
    assert (given_cores <= wanted + 1e-9).all()
    assert pods @ given_cores == pytest.approx(min(cores, pods @ wanted), abs=1e-6)
    lacks = given_cores < wanted - 1e-6
    if lacks.any():
        level = given_cores / weights
        assert level[lacks].min() >= level.max() - 1e-6


@settings(max_examples=30)
@given(traces())
def test_work_is_conserved(trace):
    """Served and unserved are what was demanded, and no node serves more than it has."""
    packing = pack(trace, trace.cpu_requests / 2, seed=1)
    load = estimate_load(trace, packing)
    cores = np.array([kind.cores for kind in trace.kinds])[packing.kind]
    lacking = estimate_unserved(trace, packing, load, cpu_requests=trace.cpu_requests / 2)
    beyond = np.maximum(load - cores[:, None], 0.0).sum() * trace.grid.step
    assert lacking.sum() == pytest.approx(beyond, rel=1e-4, abs=1e-3 * trace.grid.step)
    assert load.sum() == pytest.approx(
        (packing.counts.sum(axis=0) @ trace.pod_usage).sum(), rel=1e-4
    )
    assert (lacking >= -1e-6).all()


@settings(max_examples=20)
@given(traces())
def test_the_order_of_the_nodes_does_not_matter(trace):
    packing = pack(trace, trace.cpu_requests, seed=1)
    turned = packing_of(packing.counts[::-1], kind=packing.kind[::-1])
    assert hot_time(trace, packing).mean == hot_time(trace, turned).mean
    assert unserved(trace, packing) == pytest.approx(unserved(trace, turned))


def test_nodes_of_another_kind_have_their_own_cores():
    """9 cores are hot on 10 and not on 16."""
    kinds = (node_kind("a"), node_kind("b", cores=16.0))
    trace = trace_of(Pod([9, 9], replicas=2), kinds=kinds)
    assert hot_time(trace, packing_of([[1], [1]], kind=[0, 1])).mean == pytest.approx(0.5)
