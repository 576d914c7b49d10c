"""First fit by requests."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.replay.packer import estimate_largest_pod, pack
from tests.replay.build import GIB, Pod, node_kind, trace_of, traces


def pack_once(trace, *, seed=0, **options):
    return pack(trace, trace.cpu_requests, seed=seed, **options)


def test_pods_fill_a_node_before_another_is_opened():
    """Five pods of 3 cores: three to a node of 10."""
    packing = pack_once(trace_of(Pod(1, cpu=3, replicas=5)))
    assert packing.counts.tolist() == [[3], [2]]
    assert packing.kind.tolist() == [0, 0]
    assert packing.unplaced.tolist() == [0]


def test_memory_fills_a_node_as_cores_do():
    """40 GiB each: two to a node of 100 GiB, though 10 of their cores would fit."""
    packing = pack_once(trace_of(Pod(1, cpu=1, memory=40 * GIB, replicas=4)))
    assert packing.counts.tolist() == [[2], [2]]


def test_given_memory_requests_count_instead_of_those_of_the_trace():
    trace = trace_of(Pod(1, cpu=1, memory=40 * GIB, replicas=4))
    packing = pack_once(trace, memory_requests=np.array([10.0 * GIB]))
    assert packing.counts.tolist() == [[4]]


def test_requests_that_fill_a_node_exactly_fit():
    """Thirty times a third of a core, in floating point, is not 10."""
    packing = pack_once(trace_of(Pod(1, cpu=1 / 3, replicas=30)))
    assert packing.nodes == 1


def test_a_pod_needs_room_for_all_its_containers():
    """Pods of 2 + 4 cores: one to a node."""
    packing = pack_once(trace_of(Pod([[1], [1]], cpu=[2, 4], replicas=2)))
    assert packing.counts.tolist() == [[1], [1]]


def test_a_small_pod_fits_where_a_large_one_left_room():
    """6 + 6 cores need two nodes, and two pods of 4 fit beside them in any order."""
    trace = trace_of(Pod(1, cpu=6, replicas=2), Pod(1, cpu=4, replicas=2))
    for seed in range(5):
        assert pack_once(trace, seed=seed).nodes in {2, 3}
    orders = {tuple(map(tuple, pack_once(trace, seed=seed).counts)) for seed in range(20)}
    assert ((1, 1), (1, 1)) in orders


def test_daemons_run_on_every_node_and_take_their_room():
    """4 of 10 cores are the daemon's: one pod of 5 to a node."""
    trace = trace_of(Pod(1, cpu=4, is_daemon=True, replicas=9), Pod(1, cpu=5, replicas=3))
    assert pack_once(trace).counts.tolist() == [[1, 1]] * 3


def test_a_daemon_alone_opens_no_node():
    assert pack_once(trace_of(Pod(1, cpu=4, is_daemon=True))).nodes == 0


def test_a_daemon_that_fits_on_no_node_is_missing_on_each():
    trace = trace_of(Pod(1, cpu=11, is_daemon=True), Pod(1, cpu=5, replicas=4))
    packing = pack_once(trace)
    assert packing.counts.tolist() == [[0, 2], [0, 2]]
    assert packing.unplaced.tolist() == [2, 0]


def test_a_daemon_runs_only_where_it_is_allowed():
    kinds = (node_kind("a", count=1), node_kind("b", count=1))
    trace = trace_of(
        Pod(1, cpu=1, is_daemon=True, kinds=("b",)), Pod(1, cpu=9, replicas=2), kinds=kinds
    )
    packing = pack_once(trace)
    assert sorted(zip(packing.kind.tolist(), packing.counts[:, 0].tolist(), strict=True)) == [
        (0, 0),
        (1, 1),
    ]


def test_a_pod_runs_only_where_it_is_allowed():
    kinds = (node_kind("a"), node_kind("b"))
    trace = trace_of(
        Pod(1, cpu=2, replicas=3, kinds=("b",)),
        Pod(1, cpu=2, replicas=3, kinds=("a",)),
        kinds=kinds,
    )
    packing = pack_once(trace)
    assert {
        (kind, tuple(pods)) for kind, pods in zip(packing.kind, packing.counts, strict=True)
    } == {
        (0, (0, 3)),
        (1, (3, 0)),
    }


def test_new_nodes_keep_the_mix_of_those_that_are_there():
    """Of six nodes needed, four of the kind that there are twice as many of."""
    kinds = (node_kind("a", count=4), node_kind("b", count=2))
    packing = pack_once(trace_of(Pod(1, cpu=10, replicas=6), kinds=kinds))
    assert np.bincount(packing.kind).tolist() == [4, 2]


def test_a_pod_that_no_node_holds_is_not_placed():
    trace = trace_of(Pod(1, cpu=11), Pod(1, cpu=1), Pod(1, memory=101 * GIB, replicas=2))
    packing = pack_once(trace)
    assert packing.unplaced.tolist() == [1, 0, 2]
    assert packing.counts.tolist() == [[0, 1, 0]]


def test_a_bounded_pool_opens_no_more_nodes_than_there_are():
    trace = trace_of(Pod(1, cpu=10, replicas=5), kinds=(node_kind(count=3),))
    assert pack_once(trace).nodes == 5
    bounded = pack_once(trace, is_bounded=True)
    assert bounded.nodes == 3
    assert bounded.unplaced.tolist() == [2]


def test_pods_without_requests_are_spread_over_the_open_nodes():
    """They fit everywhere: all on the first node would be no likely thing."""
    packing = pack_once(trace_of(Pod(1, cpu=10, replicas=4), Pod(1, replicas=400)))
    assert packing.nodes == 4
    assert packing.counts[:, 1].sum() == 400
    assert packing.counts[:, 1].min() > 60


def test_pods_without_requests_open_a_node_where_there_is_none():
    packing = pack_once(trace_of(Pod(1, replicas=3)))
    assert packing.counts.tolist() == [[3]]


def test_the_seed_is_the_order_and_the_same_seed_gives_the_same_packing():
    trace = trace_of(*(Pod(1, cpu=1 + number / 7, replicas=2) for number in range(20)))
    first, again, other = (pack_once(trace, seed=seed).counts.tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_no_workload_needs_no_node():
    packing = pack_once(trace_of())
    assert packing.counts.shape == (0, 0)


def test_the_largest_pod_is_what_daemons_leave_of_the_largest_node_that_is_allowed():
    kinds = (node_kind("a"), node_kind("b", cores=16.0))
    trace = trace_of(
        Pod(1, cpu=2, is_daemon=True), Pod(1, cpu=1), Pod(1, cpu=1, kinds=("a",)), kinds=kinds
    )
    assert estimate_largest_pod(trace, trace.cpu_requests)[1:] == pytest.approx([14, 8])


@settings(max_examples=40)
@given(traces(), st.integers(0, 3), st.booleans())
def test_no_node_is_reserved_beyond_what_it_has(trace, seed, is_bounded):
    packing = pack_once(trace, seed=seed, is_bounded=is_bounded)
    for amounts, sizes in (
        (trace.cpu_requests, [kind.cores for kind in trace.kinds]),
        (trace.memory_requests, [kind.memory_bytes for kind in trace.kinds]),
    ):
        reserved = packing.counts @ trace.sum_by_pod(amounts)
        assert (reserved <= np.array(sizes)[packing.kind] * (1 + 1e-8)).all()
    if is_bounded:
        opened = np.bincount(packing.kind, minlength=len(trace.kinds))
        assert (opened <= [kind.count for kind in trace.kinds]).all()


@settings(max_examples=40)
@given(traces(), st.integers(0, 3))
def test_every_pod_is_on_an_allowed_node_or_told_of(trace, seed):
    packing = pack_once(trace, seed=seed)
    pods = packing.counts.sum(axis=0) + packing.unplaced
    expected = np.where(
        trace.is_daemon, (trace.allowed[:, packing.kind]).sum(axis=1), trace.replicas
    )
    assert pods.tolist() == expected.tolist()
    assert (packing.counts <= 10**6 * trace.allowed[:, packing.kind].T).all()


@settings(max_examples=25)
@given(traces())
def test_the_order_of_the_workloads_does_not_matter_to_what_fits(trace):
    """Another order of the table: other places, but nothing more or less is placed."""
    assume(trace.is_daemon.sum() <= 1)  # of two that do not fit together the first runs
    order = np.arange(len(trace.workloads))[::-1]
    rows = np.concatenate([np.flatnonzero(trace.owner == owner) for owner in order])
    turned = replace(
        trace,
        workloads=tuple(trace.workloads[number] for number in order),
        containers=tuple(trace.containers[row] for row in rows),
        usage=trace.usage[rows],
        owner=np.searchsorted(-order, -trace.owner[rows]),
        replicas=trace.replicas[order],
        cpu_requests=trace.cpu_requests[rows],
        memory_requests=trace.memory_requests[rows],
        is_daemon=trace.is_daemon[order],
        is_managed=trace.is_managed[rows],
        allowed=trace.allowed[order],
        work_classes=tuple(trace.work_classes[number] for number in order),
    )
    first, second = pack_once(trace), pack_once(turned)
    is_pod = ~trace.is_daemon
    assert first.unplaced[is_pod].tolist() == second.unplaced[::-1][is_pod].tolist()
