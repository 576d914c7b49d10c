"""What nodes draw: 100 W + 100 W x U each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.energy.price import estimate_price
from recommender.energy.published import server_curve
from recommender.replay.energy import (
    estimate_busy_core,
    estimate_energy,
    estimate_price_now,
    estimate_utilisation,
)
from recommender.replay.load import estimate_load
from recommender.replay.packer import pack
from tests.replay.build import GIB, Pod, node_kind, packing_of, trace_of, traces


def energy_of(trace, packing):
    return estimate_energy(trace, packing, estimate_load(trace, packing))


def test_energy_is_the_power_of_each_node_at_its_use():
    """One node: 150 W and 120 W for 300 s each."""
    energy = energy_of(trace_of(Pod([5, 2])), packing_of([[1]]))
    assert energy.released.joules == pytest.approx(270 * 300)
    assert energy.released.node_hours == pytest.approx(2 * 300 / 3600)


def test_nodes_that_are_kept_idle():
    """Of two nodes one is empty: 100 W more for 600 s."""
    energy = energy_of(trace_of(Pod([5, 2])), packing_of([[1]]))
    assert energy.kept.joules == pytest.approx(270 * 300 + 100 * 600)
    assert energy.kept.node_hours == pytest.approx(2 * 600 / 3600)


def test_a_packing_of_more_nodes_than_there_are_has_them_on_in_both_cases():
    energy = energy_of(trace_of(Pod([5, 5], replicas=3)), packing_of([[1], [1], [1]]))
    assert energy.kept == energy.released
    assert energy.kept.joules == pytest.approx(3 * 150 * 600)


def test_a_node_is_never_more_than_fully_busy():
    energy = energy_of(trace_of(Pod([25, 10])), packing_of([[1]]))
    assert energy.released.joules == pytest.approx(2 * 200 * 300)


def test_each_kind_has_its_curve():
    """150 W of the first, 60 + 100 x 8/16 W of the second."""
    kinds = (node_kind("a", count=1), node_kind("b", cores=16.0, base=60.0, count=2))
    trace = trace_of(Pod([5, 5]), Pod([8, 8]), kinds=kinds)
    energy = energy_of(trace, packing_of([[1, 0], [0, 1]], kind=[0, 1]))
    assert energy.released.joules == pytest.approx((150 + 110) * 600)
    assert energy.kept.joules == pytest.approx((150 + 110 + 60) * 600)


def test_a_published_server_is_a_curve_as_well():
    """Lenovo SR645 at half of its load: 257 W."""
    server = server_curve("Lenovo SR645")
    kind = replace(node_kind(cores=256.0, count=1), curve=server)
    energy = energy_of(trace_of(Pod([128, 128]), kinds=(kind,)), packing_of([[1]]))
    assert energy.released.joules == pytest.approx(257 * 600)


def test_utilisation_is_cores_used_over_cores_there():
    trace = trace_of(Pod([5, 20]), Pod([1, 1]))
    packing = packing_of([[1, 0], [0, 1]])
    assert estimate_utilisation(trace, packing, estimate_load(trace, packing)) == pytest.approx(
        (5 + 10 + 1 + 1) / 40
    )


def test_no_node_is_used_by_nothing():
    trace = trace_of()
    packing = pack(trace, trace.cpu_requests, seed=0)
    assert estimate_utilisation(trace, packing, estimate_load(trace, packing)) == 0.0
    assert energy_of(trace, packing).released.joules == 0.0


def test_the_price_now_is_the_intercept_over_what_is_reserved():
    """Two nodes draw 100 W each for being there, 16 of their 20 cores are reserved: 12.5 W."""
    trace = trace_of(Pod([5, 2], cpu=8, replicas=2))
    assert estimate_price_now(trace) == pytest.approx(200 / 16)
    usual = estimate_price((100, 100, 100), utilisation=0.35, packing=0.8, cores=10)
    assert estimate_price_now(trace) == pytest.approx(usual.watts_per_core)


def test_the_price_now_is_nothing_where_memory_fills_the_nodes():
    """20 % of the cores and 80 % of the memory are reserved."""
    trace = trace_of(Pod([1, 1], cpu=2, memory=80 * GIB, replicas=2))
    assert estimate_price_now(trace) == 0.0


def test_the_price_without_requests_is_of_all_cores():
    assert estimate_price_now(trace_of(Pod([1, 1]))) == pytest.approx(200 / 20)


def test_the_price_of_a_pool_of_two_kinds_sums_what_the_nodes_draw_for_being_there():
    kinds = (node_kind("a", count=1), node_kind("b", base=40.0, count=2))
    trace = trace_of(Pod([5, 5], cpu=10, replicas=2), kinds=kinds)
    assert estimate_price_now(trace) == pytest.approx((100 + 2 * 40) / 20)


def test_a_busy_core_of_two_kinds_is_the_mean_over_the_cores():
    """10 W on ten cores, 100 W / 16 on sixteen."""
    kinds = (node_kind("a", count=1), node_kind("b", cores=16.0, count=1))
    assert estimate_busy_core(trace_of(kinds=kinds)) == pytest.approx(200 / 26)


def test_no_nodes_have_no_price():
    trace = trace_of(Pod([1, 1], cpu=1), kinds=(node_kind(count=0),))
    assert (estimate_price_now(trace), estimate_busy_core(trace)) == (0.0, 0.0)


@settings(max_examples=30)
@given(traces(), st.integers(0, 2**32))
def test_more_demand_never_draws_less_on_the_same_packing(trace, seed):
    packing = pack(trace, trace.cpu_requests, seed=1)
    more = np.random.default_rng(seed).uniform(1.0, 2.0, trace.usage.shape).astype(np.float32)
    heavier = replace(trace, usage=trace.usage * more)
    before, after = energy_of(trace, packing), energy_of(heavier, packing)
    assert after.released.joules >= before.released.joules * (1 - 1e-6)
    assert after.kept.joules >= before.kept.joules * (1 - 1e-6)
    assert before.kept.joules >= before.released.joules


@settings(max_examples=20)
@given(traces())
def test_the_order_of_the_nodes_changes_nothing_in_energy_and_price(trace):
    packing = pack(trace, trace.cpu_requests, seed=1)
    turned = packing_of(packing.counts[::-1], kind=packing.kind[::-1])
    assert energy_of(trace, turned).kept.joules == pytest.approx(
        energy_of(trace, packing).kept.joules
    )
    kinds = replace(trace, kinds=trace.kinds[::-1], allowed=trace.allowed[:, ::-1])
    assert estimate_price_now(kinds) == pytest.approx(estimate_price_now(trace))
