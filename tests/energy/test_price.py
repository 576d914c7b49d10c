import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.energy.curve import NodeCurve
from recommender.energy.price import (
    estimate_binding,
    estimate_packing,
    estimate_price,
    estimate_shortfall_price,
    estimate_unused_watts,
)


def price(watts=(150.0, 120.0, 180.0), *, packing=0.5, cores=100.0):
    return estimate_price(watts, utilisation=0.35, packing=packing, cores=cores)


def binding(cores, memory):
    """Shares of CPU and memory that are reserved, of 200 cores and 1000 bytes."""
    return estimate_binding(
        requested_cores=200.0 * cores,
        allocatable_cores=200.0,
        requested_bytes=1000.0 * memory,
        allocatable_bytes=1000.0,
    )


def test_packing_is_the_reserved_share_of_the_class():
    assert estimate_packing(480.0, nodes=10, cores=64.0) == pytest.approx(0.75)
    assert estimate_packing(480.0, nodes=0, cores=64.0) == 0.0


def test_a_reserved_core_costs_its_share_of_a_node_that_would_be_gone():
    """150 W per node, of whose 100 cores half are reserved: 3 W per reserved core."""
    found = price()
    assert (found.watts_per_core, found.low, found.high) == pytest.approx((3.0, 2.4, 3.6))
    assert found.reason == (
        "a reserved core costs 3.00 W (2.40 ... 3.60): a node draws 150 W for being there "
        "at 35% use, and 50% of its 100 cores are reserved"
    )


def test_beyond_the_efficiency_peak_a_core_costs_nothing():
    found = price((-20.0, -40.0, 10.0))
    assert (found.watts_per_core, found.low, found.high) == pytest.approx((0.0, 0.0, 0.2))
    assert found.intercept_watts == -20.0
    assert "beyond their efficiency peak" in found.reason


def test_without_known_requests_the_price_is_the_lowest_possible():
    found = price(packing=0.0)
    assert found.watts_per_core == pytest.approx(1.5)
    assert found.packing == 1.0
    assert "no requests are known" in found.reason


@given(st.floats(1.0, 500.0), st.integers(1, 100), st.floats(1.0, 256.0), st.floats(0.01, 1.2))
def test_all_reserved_cores_together_cost_the_intercepts_of_all_nodes(watts, nodes, cores, packing):
    found = price((watts, watts, watts), packing=packing, cores=cores)
    reserved = packing * cores * nodes
    assert found.watts_per_core * reserved == pytest.approx(watts * nodes)


def test_a_scaled_price_scales_its_interval():
    found = price().scaled(0.5)
    assert (found.watts_per_core, found.low, found.high) == pytest.approx((1.5, 1.2, 1.8))
    assert found.intercept_watts == 150.0


@pytest.mark.parametrize(
    ("cores", "memory", "factor", "resource"),
    [
        pytest.param(0.80, 0.40, 1.0, "cpu", id="twice the share of memory"),
        pytest.param(0.56, 0.50, 1.0, "cpu", id="x is 1.12"),
        pytest.param(0.50, 0.50, 0.5, "both", id="x is 1"),
        pytest.param(0.525, 0.50, 0.75, "both", id="x is 1.05"),
        pytest.param(0.44, 0.50, 0.0, "memory", id="x is 0.88"),
        pytest.param(0.10, 0.90, 0.0, "memory", id="memory is nearly full"),
    ],
)
def test_the_fuller_resource_binds(cores, memory, factor, resource):
    found = binding(cores, memory)
    assert found.factor == pytest.approx(factor)
    assert found.ratio == pytest.approx(cores / memory)
    assert found.resource == resource


def test_says_when_cpu_cuts_free_no_node():
    assert binding(0.3, 0.9).reason == (
        "memory binds, CPU cuts free no node: 30% of CPU and 90% of memory are reserved"
    )


def test_says_how_much_a_core_counts_where_both_bind():
    assert binding(0.5, 0.5).reason == (
        "CPU and memory both bind, a freed core counts 50%: "
        "50% of CPU and 50% of memory are reserved"
    )


@pytest.mark.parametrize(
    ("requested_bytes", "allocatable_bytes"),
    [
        pytest.param(0.0, 1000.0, id="no memory requests"),
        pytest.param(10.0, 0.0, id="unknown allocatable memory"),
    ],
)
def test_cpu_binds_where_memory_says_nothing(requested_bytes, allocatable_bytes):
    found = estimate_binding(
        requested_cores=1.0,
        allocatable_cores=10.0,
        requested_bytes=requested_bytes,
        allocatable_bytes=allocatable_bytes,
    )
    assert (found.factor, found.resource) == (1.0, "cpu")


@given(st.floats(0.0, 1.0), st.floats(0.01, 1.0), st.floats(0.0, 0.5))
def test_more_reserved_cpu_never_lowers_the_factor(cores, memory, more):
    assert binding(cores + more, memory).factor >= binding(cores, memory).factor


@pytest.mark.parametrize(
    ("work_class", "watts"), [("critical", 100.0), ("standard", 10.0), ("batch", 3.0)]
)
def test_demand_above_the_request_counts_a_multiple_of_a_busy_core(work_class, watts):
    """100 + 100 U on 50 cores: half used, 25 busy cores draw 50 W, 2 W each."""
    curve = NodeCurve(cores=50.0, base=100.0, linear=100.0)
    assert estimate_shortfall_price(curve, work_class=work_class) == pytest.approx(watts)


@pytest.mark.parametrize(
    ("used", "watts"),
    [pytest.param(30.0, 210.0, id="70 idle"), pytest.param(120.0, 0.0, id="more than reserved")],
)
def test_unused_reservations_cost_their_price(used, watts):
    assert estimate_unused_watts(price(), reserved_cores=100.0, used_cores=used) == pytest.approx(
        watts
    )


def test_without_any_request_it_is_said_that_requests_are_unknown():
    found = estimate_binding(
        requested_cores=0.0,
        allocatable_cores=64.0,
        requested_bytes=0.0,
        allocatable_bytes=2.0**38,
    )
    assert (found.factor, found.reason) == (1.0, "requests are unknown: CPU is taken to bind")
