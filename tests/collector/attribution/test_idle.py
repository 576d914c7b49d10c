import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attribution.idle import IdleFit
from recommender.energy.curve import NodeCurve
from recommender.energy.published import LOADS

CORES = 32.0
INTEL = NodeCurve(cores=CORES, base=112.0, linear=164.0, cubic=120.0)
"""400 W at full load in the mean shape of Intel servers (energy.md, section 2): convex."""


def learn(power, loads, *, noise=0.0, seed=1):
    fit = IdleFit()
    random = np.random.default_rng(seed)
    for number, load in enumerate(loads):
        watts = float(power(load)) * (1.0 + noise * random.standard_normal())
        fit.add(5.0 * number, load * CORES * 2.5e9, watts)
    return fit.estimate


def spread(low, high, n=300):
    return np.random.default_rng(0).uniform(low, high, n)


def line(load):
    return 60.0 + 80.0 * load


def test_before_any_interval_there_is_no_estimate():
    assert IdleFit().estimate is None


def test_after_one_interval_its_power_is_the_lowest_seen():
    estimate = learn(line, [0.5])
    assert (estimate.watts, estimate.method) == (100.0, "lowest")


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.1, 0.4), (0.3, 0.9)])
def test_on_a_straight_line_the_intercept_is_exact(low, high):
    estimate = learn(line, spread(low, high))
    assert estimate.method == "fitted"
    assert estimate.watts == pytest.approx(60.0, rel=1e-6)


def test_two_loads_of_three_intervals_each_are_enough_for_a_line():
    estimate = learn(line, [0.05, 0.05, 0.05, 0.6, 0.6, 0.6])
    assert (estimate.watts, estimate.method) == (pytest.approx(60.0), "fitted")


def test_a_steady_load_gives_no_line_and_the_lowest_power_stands_in():
    """100 W +- 2 %: the tenth percentile of eight values is between 95 and 101 W."""
    estimate = learn(line, [0.5] * 100, noise=0.02)
    assert estimate.method == "lowest"
    assert 95.0 < estimate.watts < 101.0


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.05, 0.5), (0.1, 0.9)])
def test_on_a_convex_curve_the_fit_finds_idle_where_the_busy_share_does_not(low, high):
    """True idle power is 112 W. E x (1 - U) says 0.5 x 209 W at half use and 0 at full use."""
    estimate = learn(INTEL.power, spread(low, high), noise=0.02)
    assert estimate.watts == pytest.approx(112.0, rel=0.08)
    by_share = [float(INTEL.power(use)) * (1.0 - use) for use in (0.5, 0.75, 1.0)]
    assert by_share == pytest.approx([104.5, 71.4, 0.0], abs=0.1)


def test_a_package_that_wakes_up_is_idle_at_its_lowest_power():
    """2x Xeon 8280L (published): 37.7 W at idle, 110 W at 10 % load."""
    watts = [37.7, 110, 131, 152, 173, 197, 229, 264, 309, 356, 414]
    estimate = learn(lambda load: np.interp(load, LOADS, watts), [*spread(0.1, 1.0), *[0.0] * 9])
    assert estimate.watts == pytest.approx(37.7)


def test_single_glitches_do_not_move_the_fit():
    """Every twentieth interval tells 150 W too much."""
    glitch = iter([150.0 if number % 20 == 0 else 0.0 for number in range(400)])
    estimate = learn(lambda load: line(load) + next(glitch), spread(0.05, 0.9, 400), noise=0.01)
    assert estimate.watts == pytest.approx(60.0, rel=0.03)


def test_the_night_still_informs_the_day():
    """A quiet hour, then ten hours at steady 60 to 80 %: the line keeps both ends."""
    estimate = learn(line, [*spread(0.02, 0.1, 720), *spread(0.6, 0.8, 7200)], noise=0.01)
    assert estimate.method == "fitted"
    assert estimate.watts == pytest.approx(60.0, rel=0.03)


def test_what_is_older_than_a_day_is_forgotten():
    fit = IdleFit()
    for number in range(40):
        fit.add(5.0 * number, 1e9 * (number % 8), 200.0 + 10.0 * (number % 8))
    for number in range(200):
        fit.add(90_000.0 + 5.0 * number, 1e9 * (number % 8), 60.0 + 10.0 * (number % 8))
    assert fit.estimate.watts == pytest.approx(60.0)


def test_a_fit_goes_on_after_a_restart():
    fit = IdleFit()
    for number, load in enumerate(spread(0.1, 0.8, 200)):
        fit.add(5.0 * number, load, line(load))
    restored = IdleFit.restore(json.loads(json.dumps(fit.state())))
    assert restored.estimate.method == "fitted"
    assert restored.estimate.watts == pytest.approx(fit.estimate.watts, rel=1e-3)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e12), st.floats(0, 1e4), st.floats(0.1, 1e5)),
        min_size=1,
        max_size=80,
    )
)
def test_idle_is_never_negative_and_never_above_what_was_seen(samples):
    fit = IdleFit()
    at = 0.0
    for load, watts, seconds in samples:
        at += seconds
        fit.add(at, load, watts)
    assert 0.0 <= fit.estimate.watts <= max(watts for _, watts, _ in samples)
