"""The smallest factor that keeps a pool's nodes cool, where it can be told by hand.

A node of 10 cores holds n pods that are alike where 10 / (n + 1) < request <= 10 / n, and is hot
where 1.05 x n x use > 9.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.replay.check import CheckLimits, PoolRule, calibrate_pool
from tests.replay.build import GIB, Pod, node_kind, trace_of, traces

NAN = float("nan")
FINE = 1.0011
"""Eleven halvings of 1 ... 8: the eighth root of two to the power of 3 / 256."""


def rule_of(trace, *, floor=0.0, **options):
    return PoolRule(mean=trace.means, floor=np.full(len(trace.containers), floor), **options)


def calibrate(trace, *, limits=None, **options):
    return calibrate_pool(trace, rule_of(trace, **options), limits=limits)


def pods_at(*peaks, step=900, days=5, count=16, high=2.0):
    """Pods that use one core, and `high` in the given bins."""
    usage = np.ones(days * 86400 // step)
    usage[list(peaks)] = high
    return trace_of(Pod(usage, replicas=count), step=step)


def is_smallest(factor, expected):
    return expected <= factor <= expected * FINE


def test_the_factor_leaves_room_for_peaks_that_come_to_all_at_once():
    """A quarter of the time 2 cores each: four to a node, so more than 2 cores of request.

    The mean is 1.25, 2 / 1.25 = 1.6.
    """
    trace = pods_at(*range(0, 480, 4))
    check = calibrate(trace)
    assert is_smallest(check.factor, 1.6)
    assert check.requests == pytest.approx([check.factor * 1.25])
    assert check.nodes == 4
    assert check.hot.mean == 0.0
    assert check.utilisation == pytest.approx(16 * 1.25 / 40)


def test_peaks_that_do_not_coincide_need_less():
    """The same peaks at four different times: a node with n pods uses 1.25 n, so 6 fit.

    7 would use at least 8.75 and up to 9.
    """
    usage = np.ones((4, 480))
    for turn in range(4):
        usage[turn, turn::4] = 2.0
    trace = trace_of(*(Pod(row, replicas=3) for row in usage), step=900)
    assert calibrate(trace).factor < 1.6


def test_one_mean_is_enough_where_nothing_gets_hot():
    """Ten pods of 0.8 cores use 8 of 10: 8.4 with the surge."""
    check = calibrate(trace_of(Pod(np.full(96, 0.8), replicas=10), step=900), floor=1.0)
    assert check.factor == 1.0
    assert check.requests.tolist() == [1.0]
    assert check.nodes == 1


def test_a_little_hot_time_is_allowed():
    """One quarter of an hour in five days is 0.21 %, and 1.04 % of its day."""
    assert calibrate(pods_at(7), floor=1.2).factor == 1.0


def test_two_hot_quarters_of_an_hour_on_one_day_are_too_much_for_it():
    """2.08 % of the day with 8 + 8 pods; with 7 + 7 + 2 it is that of 14 of the 16: 1.82 %."""
    check = calibrate(pods_at(7, 9), floor=1.2)
    assert is_smallest(check.requests[0], 10 / 8)
    assert check.hot.worst_day == pytest.approx(14 / 16 * 2 / 96)


def test_two_hot_quarters_of_an_hour_on_two_days_are_not():
    assert calibrate(pods_at(7, 109), floor=1.2).factor == 1.0


def test_three_of_them_are_too_much_on_average():
    """0.63 % of five days."""
    assert calibrate(pods_at(7, 109, 205), floor=1.2).factor > 1.0


def test_the_limits_are_those_given():
    trace = pods_at(7, 109, 205)
    assert calibrate(trace, floor=1.2, limits=CheckLimits(hot_mean=0.01)).factor == 1.0
    tight = CheckLimits().scaled(0.25)
    assert (tight.hot_mean, tight.hot_worst_day) == (0.00125, 0.005)
    assert calibrate(pods_at(7), floor=1.2, limits=tight).factor > 1.0


def test_the_nodes_are_not_planned_beyond_their_best():
    """Twenty pods of one core: eight to a node are cool, and six are half used on average.

    Three nodes are used by 20 / 30, four by half: more than 10 / 7 of a core each.
    """
    trace = trace_of(Pod(np.ones(96), replicas=20), step=900)
    assert is_smallest(calibrate(trace).factor, 10 / 9)
    check = calibrate(trace, limits=CheckLimits(utilisation=0.5))
    assert is_smallest(check.factor, 10 / 7)
    assert check.utilisation == pytest.approx(0.5)
    assert [each.step for each in check.reasons] == ["pool", "pool ceiling"]
    assert check.reasons[1].why == (
        "with less the nodes would be 67% used on average, beyond the 50% that is planned"
    )


def test_the_reason_says_what_each_container_gets_and_what_comes_of_it():
    check = calibrate(pods_at(7), floor=1.2, covers="p75")
    assert check.reasons[0].step == "pool"
    assert check.reasons[0].value == "s 1.00"
    assert check.reasons[0].why == (
        "each container gets 1.00x its mean and at least its p75: 0.21% of container-time is on "
        "nodes more than 90% full, 1.0% on the worst day (5.0 d replayed on 2 nodes)"
    )


def test_it_says_so_where_no_factor_does():
    """A pod that uses 9 of 10 cores makes any node hot, alone as well."""
    check = calibrate(trace_of(Pod(np.full(96, 9.0), replicas=2), step=900))
    assert check.factor is None
    assert not check.is_met
    assert check.hot.mean == 1.0
    assert check.reasons[0].why == (
        "no factor from 1x to 8x the mean keeps container-time on hot nodes within 0.50%, 2.0% on "
        "the worst day: with 8x, 100.00% of container-time is on nodes more than 90% full, 100.0% "
        "on the worst day (1.0 d replayed on 2 nodes)"
    )


def test_heat_that_no_request_takes_away_may_be_borne():
    """A pod that nobody manages uses 9.5 of 10 cores all the time and requests a whole node.

    Four managed pods of 1 core stay on another: 1.05 x 4 = 4.2. A fifth of the container-time, of
    five containers, is hot at any factor.
    """
    runaway = Pod(9.5, cpu=10, is_managed=False)
    trace = trace_of(runaway, Pod(1, replicas=4), bins=96)
    assert calibrate(trace).factor is None
    check = calibrate_pool(trace, rule_of(trace), bears_others=True)
    assert check.factor == 1.0
    assert check.hot.mean == pytest.approx(0.2)
    assert "20.00% stay so whatever is requested" in check.reasons[0].why


def test_pods_that_fall_out_of_the_replay_cool_nothing():
    """Daemons of a mean of 1 core on nodes of 10: at eight times three of them do not fit."""
    daemons = [Pod(1, cpu=1, is_daemon=True, replicas=2, name=f"d{n}") for n in range(3)]
    trace = trace_of(*daemons, Pod(3, replicas=4), bins=96)
    check = calibrate(trace)
    assert check.unplaced == 0
    assert check.factor is not None


def test_a_pod_is_never_asked_to_be_larger_than_a_node():
    """8 x 9 cores are cut to 10, and to 7 beside a daemon of 3."""
    hot = Pod(np.full(96, 9.0), replicas=2)
    assert calibrate(trace_of(hot, step=900)).requests == pytest.approx([10.0])
    daemon = Pod(np.zeros(96), cpu=3, is_daemon=True, is_managed=False)
    check = calibrate(trace_of(hot, daemon, step=900))
    assert check.requests == pytest.approx([7.0, 3.0])
    assert check.unplaced == 0


def test_only_managed_containers_of_a_pod_are_cut():
    trace = trace_of(Pod([[9], [1]], cpu=[0, 4]), bins=96, step=900)
    trace = replace(trace, is_managed=np.array([True, False]))
    assert calibrate(trace).requests == pytest.approx([6.0, 4.0])


def test_what_is_not_managed_or_was_never_seen_keeps_its_request():
    trace = trace_of(
        Pod(np.full(96, 0.1), cpu=5, is_managed=False), Pod(np.full(96, NAN), cpu=3), step=900
    )
    assert calibrate(trace).requests.tolist() == [5, 3]


def test_pods_that_fit_nowhere_are_told_of():
    trace = trace_of(Pod(np.ones(96)), Pod(np.ones(96), memory=101 * GIB, replicas=2), step=900)
    check = calibrate(trace)
    assert check.unplaced == 2
    assert check.reasons[-1].value == "2"
    assert "not in the replay" in check.reasons[-1].why


def test_a_request_stays_within_what_is_allowed():
    trace = trace_of(Pod(np.ones(96)), Pod(np.ones(96)), Pod(np.ones(96)), step=900)
    least, greatest = np.array([3.0, 0, 0]), np.array([np.inf, 0.5, np.inf])
    check = calibrate(trace, least=least, greatest=greatest)
    assert check.requests == pytest.approx([3.0, 0.5, 1.0])


def test_memory_that_fills_the_nodes_keeps_them_cool():
    """Five pods to a node by memory: 5 x 1.5 cores are cool without any help of the factor."""
    usage = np.tile([0.5, 1.5], 48)
    trace = trace_of(Pod(usage, memory=20 * GIB, replicas=20), step=900)
    check = calibrate(trace)
    assert check.factor == 1.0
    assert check.nodes == 4
    lighter = calibrate_pool(trace, rule_of(trace), memory_requests=np.array([1.0 * GIB]))
    assert lighter.factor > 1.0


def test_what_was_recommended_before_does_not_matter():
    trace = pods_at(*range(0, 480, 4))
    first = calibrate(trace)
    again = calibrate(replace(trace, cpu_requests=first.requests))
    assert again.factor == first.factor
    assert again.requests.tolist() == first.requests.tolist()


@settings(max_examples=12)
@given(traces())
def test_the_same_trace_gives_the_same_answer_and_its_own_answer_too(trace):
    floor = np.nan_to_num(trace.means)
    first = calibrate_pool(trace, PoolRule(trace.means, floor))
    second = calibrate_pool(
        replace(trace, cpu_requests=first.requests), PoolRule(trace.means, floor)
    )
    assert second.factor == first.factor
    assert second.requests.tolist() == first.requests.tolist()
    assert second.reasons == first.reasons


@settings(max_examples=12)
@given(traces(), st.sampled_from([0.25, 2.0, 8.0]))
def test_larger_pods_on_nodes_larger_by_as_much_need_the_same_factor(trace, scale):
    floor = np.nan_to_num(trace.means)
    scaled = replace(
        trace,
        kinds=tuple(replace(kind, cores=kind.cores * scale) for kind in trace.kinds),
        usage=trace.usage * np.float32(scale),
        cpu_requests=trace.cpu_requests * scale,
    )
    first = calibrate_pool(trace, PoolRule(trace.means, floor))
    second = calibrate_pool(scaled, PoolRule(scaled.means, floor * scale))
    assert second.factor == first.factor
    assert second.requests == pytest.approx(first.requests * scale, rel=1e-12)


@settings(max_examples=15)
@given(
    st.floats(1.0, 4.0),
    st.floats(1.0, 1.5),
    st.integers(1, 40),
    st.integers(0, 2**32),
)
def test_higher_peaks_never_get_less(high, more, count, seed):
    """Pods that are alike, with peaks in 5 % of the bins: requests and nodes only grow."""
    peaks = np.random.default_rng(seed).choice(96, 5, replace=False)
    lower = calibrate(pods_at(*peaks, days=1, count=count, high=high))
    higher = calibrate(pods_at(*peaks, days=1, count=count, high=high * more))
    assert higher.requests[0] >= lower.requests[0] / FINE
    assert higher.nodes >= lower.nodes


@settings(max_examples=12)
@given(traces())
def test_a_factor_that_is_told_holds_the_limits(trace):
    check = calibrate_pool(trace, PoolRule(trace.means, np.nan_to_num(trace.means)))
    if check.is_met:
        assert check.hot.mean <= 0.005
        assert check.hot.worst_day <= 0.02
        assert 1.0 <= check.factor <= 8.0


def test_a_pool_of_two_kinds_is_checked_as_one():
    """Pods of 1.5 cores: hot are six on ten cores and ten on sixteen, and nine fit by 8.4 / 14.4."""
    kinds = (node_kind("a", count=1), node_kind("b", cores=16.0, count=1))
    trace = trace_of(Pod(np.full(96, 1.5), replicas=30), kinds=kinds, step=900)
    check = calibrate(trace)
    assert check.is_met
    assert check.requests[0] > 16 / 10
