import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from recommender.energy.curve import NodeCurve
from recommender.energy.price import estimate_price
from recommender.energy.tariff import split
from tests.energy.scenario import node_curves

# P = 100 + 100 U on 10 cores: a used core 10 W, being there 100 W.
LINE = NodeCurve(cores=10.0, base=100.0, linear=100.0)
# From half use on 100 + 100 U + 400 (U - .5): slope 500, intercept -100.
STEEP = NodeCurve(cores=10.0, base=100.0, linear=100.0, knots=(0.5,), hinges=(400.0,))


def column(*values):
    return np.array(values, dtype=float).reshape(-1, 1)


def split_once(used, reserved, *, curve=LINE, utilisation=None, **options):
    load = used.sum() / curve.cores if utilisation is None else utilisation
    return split(np.array([load]), used, reserved, curve=curve, **options)


def test_usage_pays_the_slope_and_reservation_the_intercept():
    """5 of 10 cores used: 10 W for each, and 100 W shared 6 : 2."""
    found = split_once(column(1, 4), column(6, 2))
    assert found.watts[:, 0] == pytest.approx([10 + 75, 40 + 25])
    assert found.nobody == pytest.approx([0.0])


def test_a_container_without_a_request_pays_with_its_usage():
    found = split_once(column(1, 4), column(8, 0))
    assert found.watts[:, 0] == pytest.approx([10 + 100, 40])


def test_where_nobody_reserves_usage_pays_the_intercept():
    found = split_once(column(1, 4), column(0, 0))
    assert found.watts[:, 0] == pytest.approx([10 + 20, 40 + 80])
    assert found.nobody == pytest.approx([0.0])


def test_an_empty_node_is_paid_by_nobody():
    found = split_once(column(0, 0), column(0, 0))
    assert found.watts[:, 0] == pytest.approx([0.0, 0.0])
    assert found.nobody == pytest.approx([100.0])


def test_an_idle_reservation_pays_the_node():
    found = split_once(column(0, 0), column(1, 0))
    assert found.watts[:, 0] == pytest.approx([100.0, 0.0])


def test_cores_that_no_container_used_are_paid_by_nobody():
    """7 cores are busy, the containers used 5: the other two draw 20 W."""
    found = split_once(column(1, 4), column(6, 2), utilisation=0.7)
    assert found.watts[:, 0] == pytest.approx([85, 65])
    assert found.nobody == pytest.approx([20.0])


def test_beyond_the_peak_reservations_are_paid():
    """U = .8: P = 300, slope 500, intercept -100."""
    found = split_once(column(2, 6), column(5, 5), curve=STEEP)
    assert found.watts[:, 0] == pytest.approx([100 - 50, 300 - 50])


def test_in_a_report_nobody_is_paid_for_being_there():
    found = split_once(column(2, 6), column(5, 5), curve=STEEP, is_never_negative=True)
    assert found.watts[:, 0] == pytest.approx([75.0, 225.0])
    assert found.nobody == pytest.approx([0.0])


def test_before_the_peak_a_report_shows_the_tariff_itself():
    plain = split_once(column(1, 3), column(6, 2), curve=STEEP)
    shown = split_once(column(1, 3), column(6, 2), curve=STEEP, is_never_negative=True)
    assert shown.watts == pytest.approx(plain.watts)


@st.composite
def nodes(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 8)), draw(st.integers(1, 12)))
    used = rng.uniform(0.0, 1.0, shape) * rng.integers(0, 2, shape)
    reserved = rng.uniform(0.0, 8.0, shape) * rng.integers(0, 2, shape)
    unseen = draw(st.floats(0.0, 0.3))
    return draw(node_curves()), used, reserved, unseen


@given(nodes(), st.booleans())
def test_the_parts_are_the_whole_to_rounding(node, is_never_negative):
    curve, used, reserved, unseen = node
    load = used.sum(axis=0) / curve.cores + unseen
    found = split(load, used, reserved, curve=curve, is_never_negative=is_never_negative)
    assert found.watts.sum(axis=0) + found.nobody == pytest.approx(
        curve.power(load), rel=1e-12, abs=1e-9
    )


@given(nodes())
def test_a_report_shows_no_negative_watts(node):
    curve, used, reserved, unseen = node
    load = used.sum(axis=0) / curve.cores + unseen
    found = split(load, used, reserved, curve=curve, is_never_negative=True)
    assert found.watts.min() >= -1e-6
    assert found.nobody.min() >= -1e-6


def test_the_bill_of_a_reservation_is_the_price_times_its_size():
    """Six nodes of 10 cores, 40 W intercept, 4.8 cores reserved on each: 40 / (.48 x 10) W per
    reserved core, the price of a reserved core at packing 48 %."""
    curve = NodeCurve(cores=10.0, base=40.0, linear=60.0)
    found = split_once(column(0.0, 2.0), column(1.2, 3.6), curve=curve)
    assert found.watts[0, 0] == pytest.approx(1.2 * 40.0 / (0.48 * 10.0))


@given(node_curves(), st.floats(0.1, 0.9), st.floats(0.3, 1.0), st.integers(3, 50))
def test_the_price_is_what_a_little_less_reserved_saves_in_all(curve, use, packing, nodes):
    """All watts are N P(used / (N C)) with N = R / (eta C) nodes for R reserved cores: its slope in
    R, by differences, is the price where the curve bends nowhere near."""
    used, step = use * nodes * curve.cores, 1e-4 * nodes * curve.cores

    def watts(reserved):
        needed = reserved / (packing * curve.cores)
        return needed * float(curve.power(used / (needed * curve.cores)))

    reserved = packing * nodes * curve.cores
    slope = (watts(reserved + step) - watts(reserved - step)) / (2 * step)
    ends = [used / (r / packing) for r in (reserved - step, reserved + step)]
    assume(float(curve.slope(ends[0])) == pytest.approx(float(curve.slope(ends[1])), rel=1e-9))
    intercept = float(curve.power(use)) - use * float(curve.slope(use))
    assume(intercept > 0.0)
    price = estimate_price(
        (intercept, intercept, intercept), utilisation=use, packing=packing, cores=curve.cores
    )
    assert slope == pytest.approx(price.watts_per_core, rel=1e-3)
