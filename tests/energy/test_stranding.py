"""What a reserved GiB costs, and what the binding resource strands, by hand.

Nodes of 50 cores and 200 GiB; half of the cores reserved at 4 W each: an intercept of 100 W.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.energy.price import estimate_binding, estimate_price
from recommender.energy.stranding import estimate_memory_price, estimate_stranding

GIB = 2**30


def pool(cpu=0.5, memory=0.5, *, nodes=10, intercept=(100.0, 80.0, 130.0)):
    """Price and binding of a pool whose shares of CPU and memory are reserved; and its memory."""
    price = estimate_price(intercept, utilisation=0.3, packing=cpu, cores=50.0)
    binding = estimate_binding(
        requested_cores=cpu * 50 * nodes,
        allocatable_cores=50.0 * nodes,
        requested_bytes=memory * 200 * GIB * nodes,
        allocatable_bytes=200.0 * GIB * nodes,
    )
    found = estimate_memory_price(
        price,
        binding,
        requested_bytes=memory * 200 * GIB * nodes,
        node_bytes=200.0 * GIB,
        nodes=nodes,
    )
    return price, binding, found


def stranded(cpu, memory):
    return estimate_stranding(
        pool(cpu, memory)[1], allocatable_cores=500.0, allocatable_bytes=2000.0 * GIB
    )


def test_where_memory_binds_a_gib_carries_the_whole_intercept():
    """160 of 200 GiB are reserved on each node that draws 100 W for being there: 0.625 W each."""
    _, binding, found = pool(0.4, 0.8)
    assert binding.factor == 0.0
    assert (found.watts_per_gib, found.low, found.high) == pytest.approx((0.625, 0.5, 0.8125))
    assert found.reason == (
        "a reserved GiB costs 0.62 W (0.50 ... 0.81): a node draws 100 W for being there and has "
        "160.0 GiB reserved"
    )


def test_where_cpu_binds_a_gib_costs_nothing():
    assert pool(0.8, 0.4)[2].watts_per_gib == 0.0


def test_where_both_bind_each_counts_in_part():
    """x = 1: half of the intercept is CPU's, half memory's."""
    _, binding, found = pool(0.5, 0.5)
    assert binding.factor == pytest.approx(0.5)
    assert found.watts_per_gib == pytest.approx(0.5 * 100 / 100)
    assert "of which memory counts 50%" in found.reason


@given(st.floats(0.05, 1.0), st.floats(0.05, 1.0), st.integers(1, 50))
def test_all_that_is_reserved_costs_the_intercepts_whatever_binds(cpu, memory, nodes):
    price, binding, found = pool(cpu, memory, nodes=nodes)
    cores = price.scaled(binding.factor).watts_per_core * cpu * 50 * nodes
    gib = found.watts_per_gib * memory * 200 * nodes
    assert cores + gib == pytest.approx(100.0 * nodes)
    assert 0.0 <= found.low <= found.watts_per_gib <= found.high


@pytest.mark.parametrize(("requested", "node"), [(0.0, 200.0 * GIB), (GIB, 0.0)])
def test_unknown_memory_has_no_price(requested, node):
    price, binding, _ = pool(0.4, 0.8)
    found = estimate_memory_price(
        price, binding, requested_bytes=requested, node_bytes=node, nodes=3
    )
    assert found.watts_per_gib == 0.0


def test_memory_strands_the_cores_that_are_left_when_it_is_full():
    """40 % of CPU beside 80 %: where all memory is reserved, so is half of the 500 cores."""
    found = stranded(0.4, 0.8)
    assert (found.cores, found.gib) == (pytest.approx(250.0), 0.0)
    assert found.reason.startswith("memory strands 250.0 of 500 cores: ")


def test_cpu_strands_memory_the_other_way_round():
    found = stranded(0.8, 0.2)
    assert (found.cores, found.gib) == (0.0, pytest.approx(1500.0))
    assert found.reason.startswith("CPU strands 1,500.0 of 2,000 GiB: ")


def test_where_both_fill_the_nodes_together_or_nothing_is_known_nothing_is_stranded():
    assert stranded(0.5, 0.5).reason == ""
    assert stranded(0.5, 0.0).reason == ""
    assert stranded(0.0, 0.0).reason == ""
