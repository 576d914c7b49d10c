import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.energy.curve import NodeCurve
from tests.energy.scenario import node_curves

# 100 + 100 U, and 100 W per unit more above half use.
BENT = NodeCurve(cores=20.0, base=100.0, linear=100.0, knots=(0.5,), hinges=(100.0,))
CUBIC = NodeCurve(cores=20.0, base=28.0, linear=41.0, cubic=30.0)

loads = st.floats(0.0, 1.2)
GRID = np.linspace(0.01, 1.0, 397)


@pytest.mark.parametrize(
    ("load", "power", "slope", "intercept"),
    [
        pytest.param(0.0, 100, 100, 100, id="empty"),
        pytest.param(0.25, 125, 100, 100, id="before the knot"),
        pytest.param(0.5, 150, 200, 50, id="at the knot the slope is the right one"),
        pytest.param(0.75, 200, 200, 50, id="after the knot"),
        pytest.param(1.2, 290, 200, 50, id="beyond full use"),
    ],
)
def test_hinges_bend_the_line(load, power, slope, intercept):
    assert float(BENT.power(load)) == pytest.approx(power)
    assert float(BENT.slope(load)) == pytest.approx(slope)
    assert float(BENT.intercept(load)) == pytest.approx(intercept)


@pytest.mark.parametrize(
    ("load", "power", "slope", "intercept"),
    [
        # 28 + 41 U + 30 U^3, 41 + 90 U^2, 28 - 60 U^3
        pytest.param(0.5, 52.25, 63.5, 20.5, id="half used"),
        pytest.param(1.0, 99.0, 131.0, -32.0, id="full"),
        pytest.param(1.2, 99.0 + 0.2 * 131.0, 131.0, -32.0, id="along the tangent beyond"),
    ],
)
def test_cubic_follows_its_closed_forms(load, power, slope, intercept):
    assert float(CUBIC.power(load)) == pytest.approx(power)
    assert float(CUBIC.slope(load)) == pytest.approx(slope)
    assert float(CUBIC.intercept(load)) == pytest.approx(intercept)


def test_keeps_the_shape_of_its_argument():
    assert BENT.power(np.zeros((3, 4))).shape == (3, 4)
    assert BENT.intercept(np.zeros(5)).shape == (5,)
    assert BENT.slope(0.3).shape == ()


@pytest.mark.parametrize(
    ("curve", "peak"),
    [
        pytest.param(BENT, 1.0, id="intercept stays positive"),
        # 100 - 300 x .5 < 0 from the knot on
        pytest.param(NodeCurve(1, 100, 100, (0.5,), (300.0,)), 0.5, id="at a knot"),
        pytest.param(NodeCurve(1, 100, 0, (0.4, 0.8), (100.0, 80.0)), 0.8, id="second knot"),
        # 100 - 250 x .4 = 0: from the knot on P / U is flat
        pytest.param(NodeCurve(1, 100, 0, (0.4,), (250.0,)), 0.4, id="first of a flat bottom"),
        pytest.param(NodeCurve(1, 100, 100, (0.3,), (400.0,), low=0.6), 0.6, id="below the data"),
        pytest.param(CUBIC, (28 / 60) ** (1 / 3), id="cubic root"),
        pytest.param(NodeCurve(1, 41, 49, cubic=10.0), 1.0, id="cubic root above 1"),
    ],
)
def test_finds_the_utilisation_of_most_work_per_joule(curve, peak):
    assert curve.peak_utilisation() == pytest.approx(peak)


def test_dynamic_watts_per_core_are_those_of_a_half_used_node():
    assert BENT.dynamic_watts_per_core() == pytest.approx(50.0 / 10.0)


@given(node_curves(), loads, loads)
def test_power_rises_and_is_never_negative(curve, first, second):
    low, high = sorted((first, second))
    assert 0.0 <= float(curve.power(low)) <= float(curve.power(high)) + 1e-9


@given(node_curves(), loads, loads)
def test_power_is_convex(curve, first, second):
    middle = float(curve.power((first + second) / 2))
    assert middle <= (float(curve.power(first)) + float(curve.power(second))) / 2 + 1e-9


@given(node_curves(), loads, loads)
def test_every_tangent_lies_below_the_curve(curve, at, elsewhere):
    tangent = float(curve.intercept(at)) + float(curve.slope(at)) * elsewhere
    assert tangent <= float(curve.power(elsewhere)) + 1e-6


@given(node_curves(), loads)
def test_intercept_and_slope_make_up_the_power(curve, load):
    total = float(curve.intercept(load)) + load * float(curve.slope(load))
    assert total == pytest.approx(float(curve.power(load)), abs=1e-6)


@given(node_curves())
def test_intercept_falls_with_utilisation(curve):
    assert (np.diff(curve.intercept(GRID)) <= 1e-9).all()


@given(node_curves())
def test_no_utilisation_beats_the_peak(curve):
    peak = curve.peak_utilisation()
    seen = GRID[curve.low <= GRID]
    best = float((curve.power(seen) / seen).min())
    assert curve.low <= peak <= 1.0
    assert float(curve.power(peak)) / peak <= best * (1 + 1e-9)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"base": -1.0}, id="negative base"),
        pytest.param({"linear": -1.0}, id="negative slope"),
        pytest.param({"cubic": -1.0}, id="negative cubic"),
        pytest.param({"knots": (0.5,), "hinges": (-1.0,)}, id="negative hinge"),
        pytest.param({"knots": (0.5,)}, id="knot without a hinge"),
        pytest.param({"knots": (0.5, 0.2), "hinges": (1.0, 1.0)}, id="unsorted knots"),
        pytest.param({"cores": 0.0}, id="no cores"),
    ],
)
def test_refuses_what_is_no_power_curve(fields):
    with pytest.raises(ValueError, match="a node"):
        NodeCurve(**({"cores": 1.0, "base": 1.0, "linear": 1.0} | fields))
