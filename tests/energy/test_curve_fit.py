import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.energy.curve import estimate_curve
from recommender.energy.hinge import choose_knots
from recommender.energy.published import SERVERS, server_curve
from tests.energy.scenario import daily_windows, spread_windows

BENT_LOADS = np.repeat(np.linspace(0.105, 0.895, 80), 20)


def bent(load):
    return 100.0 + 80.0 * load + 120.0 * np.maximum(load - 0.5, 0.0)


def fit(windows):
    return estimate_curve(windows.utilisation, windows.watts, node=windows.node, cores=64.0)


@pytest.mark.parametrize(
    ("low", "high", "knots"),
    [
        pytest.param(0.20, 0.40, [0.25, 0.30, 0.35], id="ends are no knots"),
        pytest.param(0.185, 0.425, [0.25, 0.30, 0.35, 0.40], id="a bin between knot and end"),
        pytest.param(0.21, 0.24, [], id="narrow range"),
    ],
)
def test_knots_stand_every_five_percent_inside_the_range(low, high, knots):
    assert choose_knots(low, high) == pytest.approx(knots)


def test_finds_a_bent_line_exactly_where_there_is_no_noise():
    curve = fit(spread_windows(bent, BENT_LOADS)).curve
    grid = np.linspace(0.11, 0.89, 100)
    assert curve.power(grid) == pytest.approx(bent(grid), rel=1e-6)
    assert float(curve.intercept(0.3)) == pytest.approx(100.0, abs=0.01)
    assert float(curve.intercept(0.7)) == pytest.approx(100.0 - 120.0 * 0.5, abs=0.01)
    assert float(curve.slope(0.7)) == pytest.approx(200.0, abs=0.01)


def test_says_where_it_was_learnt():
    curve = fit(spread_windows(bent, BENT_LOADS)).curve
    assert (curve.low, curve.high) == pytest.approx((0.11, 0.89), abs=0.01)
    assert curve.reason == "power curve measured over 1600 windows of 1 node(s), 11% to 89% used"


def test_a_bin_of_four_windows_is_left_out():
    loads = np.concatenate((BENT_LOADS, np.full(4, 0.99)))
    windows = spread_windows(lambda load: np.where(load > 0.9, 9e3, bent(load)), loads)
    assert float(fit(windows).curve.power(0.99)) == pytest.approx(bent(0.99), rel=1e-6)


@pytest.mark.parametrize("factor", [0.3, 0.8, 1.5, 3.0])
def test_one_wild_bin_does_not_bend_the_curve(factor):
    windows = daily_windows(bent, seed=3, noise=0.01)
    is_wild = (windows.utilisation >= 0.38) & (windows.utilisation < 0.40)
    wild = np.where(is_wild, factor * windows.watts, windows.watts)
    estimate = estimate_curve(windows.utilisation, wild, node=windows.node, cores=64.0)
    grid = np.linspace(0.2, 0.6, 9)
    assert estimate.curve.power(grid) == pytest.approx(bent(grid), rel=0.01)
    assert float(estimate.curve.intercept(0.4)) == pytest.approx(100.0, abs=3.0)
    assert estimate.fit.misfit_watts < 5.0


def test_a_meter_that_reads_nothing_below_a_third_of_use_gives_a_finite_curve():
    windows = spread_windows(lambda load: 300.0 * np.maximum(load - 0.3, 0.0), BENT_LOADS)
    curve = fit(windows).curve
    assert float(curve.power(0.2)) == pytest.approx(0.0, abs=0.5)
    assert float(curve.power(0.8)) == pytest.approx(150.0, rel=0.01)


def test_what_convexity_hides_is_seen():
    """A concave bend at half use, of -120 W: the best convex curve is a straight line, and the
    free one finds the intercepts of both sides, 100 W and 100 + 60 W."""
    windows = spread_windows(
        lambda load: 100.0 + 200.0 * load - 120.0 * np.maximum(load - 0.5, 0.0), BENT_LOADS
    )
    estimate = fit(windows)
    used = windows.utilisation
    truth = np.where(used < 0.5, 100.0, 160.0).mean()
    assert estimate.fit.free.mean_intercept(used) == pytest.approx(truth, rel=0.01)
    hidden = float(estimate.curve.intercept(used).mean()) - truth
    assert estimate.fit.intercept_gap(used) == pytest.approx(hidden, abs=1.5)


def test_convexity_hides_nothing_of_a_convex_curve():
    windows = spread_windows(bent, BENT_LOADS)
    assert fit(windows).fit.intercept_gap(windows.utilisation) == pytest.approx(0.0, abs=0.01)


def test_the_bins_of_the_fit_have_the_nodes_offsets_taken_out():
    """Three machines at 80, 100 and 120 W more or less: all bins lie on the curve of the middle."""
    loads = np.tile(BENT_LOADS, 3)
    node = np.repeat([0, 1, 2], len(BENT_LOADS))
    estimate = estimate_curve(loads, bent(loads) + 20.0 * (node - 1), node=node, cores=64.0)
    used = estimate.bins.usable()[0]
    found = estimate.bins.mean_watts()[0, used]
    assert found == pytest.approx(bent(estimate.bins.mean_utilisation()[0, used]), abs=0.1)


def test_full_and_quiet_bins_weigh_more():
    """Four bins on a concave line, where the best convex curve is the weighted straight line:
    weights n / (.02 P + .06 (P - Pmin))^2 on the fitted P, as np.polyfit finds by iteration."""
    load, count = np.array([0.11, 0.31, 0.51, 0.71]), np.array([40, 160, 160, 40])
    watts = np.array([100.0, 130.0, 155.0, 178.0])
    spread = watts
    for _ in range(4):
        line = np.polyfit(load, watts, 1, w=np.sqrt(count) / spread)
        level = np.polyval(line, load)
        spread = 0.02 * level + 0.06 * (level - level.min())
    node = np.zeros(400, dtype=np.int64)
    found = estimate_curve(load.repeat(count), watts.repeat(count), node=node, cores=8.0).curve
    assert (found.linear, found.base) == pytest.approx(tuple(line), rel=2e-3)
    unweighted = np.polyfit(load, watts, 1, w=np.sqrt(count))
    assert (found.linear, found.base) != pytest.approx(tuple(unweighted), rel=2e-3)


def test_two_bins_are_needed():
    with pytest.raises(ValueError, match="two bins of 5 windows"):
        fit(spread_windows(bent, np.full(100, 0.31)))


def test_no_windows_at_all_are_an_error_not_a_curve():
    with pytest.raises(ValueError, match="two bins"):
        fit(spread_windows(bent, np.zeros(0)))


@given(st.integers(0, 2**32 - 1), st.floats(-300.0, 300.0))
def test_any_data_give_an_increasing_convex_curve(seed, trend):
    rng = np.random.default_rng(seed)
    loads = rng.uniform(0.1, 0.9, size=400)
    windows = spread_windows(lambda load: 310.0 + trend * load, loads)
    noisy = windows.watts * rng.uniform(0.5, 1.5, size=400)
    curve = estimate_curve(loads, noisy, node=windows.node, cores=8.0).curve
    power = curve.power(np.linspace(0.0, 1.2, 121))
    assert power[0] >= 0.0
    assert (np.diff(power) >= -1e-9).all()
    assert (np.diff(power, 2) >= -1e-6).all()


def test_the_turbo_cliff_of_the_epyc_7763_is_followed():
    """Power jumps by 53 and 76 W in the last two tenths. The hinges stay within 2 % of it; the
    least-squares cubic a + b U + c U^3, even of the true curve, is 4 % off and more."""
    server = server_curve("Lenovo SR645")
    windows = daily_windows(server.power, seed=1, days=7, low=0.12, high=1.0)
    grid = np.linspace(0.12, 0.97, 300)
    truth = server.power(grid)
    shape = np.stack((np.ones_like(grid), grid, grid**3), axis=1)
    cubic = shape @ np.linalg.lstsq(shape, truth)[0]
    assert np.abs(fit(windows).curve.power(grid) / truth - 1.0).max() < 0.02
    assert np.abs(cubic / truth - 1.0).max() > 0.04


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_published_servers_are_followed_within_four_percent_from_a_tenth_of_load_on(server):
    """None of them is quite convex. Below 10 % load, where the package falls asleep, a convex
    curve cannot follow at all."""
    windows = daily_windows(server.power, seed=2, days=3, low=0.15, high=0.9)
    curve = fit(windows).curve
    grid = np.linspace(max(curve.low, 0.1), curve.high, 200)
    assert curve.power(grid) == pytest.approx(server.power(grid), rel=0.04)


def relative_errors(*, correlated_share, of_mean):
    """Error of lambda after one day of one node, minute data, 3 % noise: servers x 5 seeds."""
    errors = []
    for server in SERVERS:
        for seed in range(5):
            windows = daily_windows(server.power, seed=seed, correlated_share=correlated_share)
            used = windows.utilisation if of_mean else windows.utilisation.mean()
            found = float(fit(windows).curve.intercept(used).mean())
            errors.append(abs(found / float(server.intercept(used).mean()) - 1.0))
    return np.array(errors)


@pytest.mark.parametrize(
    ("correlated_share", "of_mean"),
    [
        pytest.param(0.0, True, id="mean over the day, independent noise"),
        pytest.param(0.5, True, id="mean over the day, half of the noise lasts 20 minutes"),
        pytest.param(0.0, False, id="at the mean utilisation, independent noise"),
    ],
)
def test_one_day_of_one_node_gives_the_intercept_to_three_percent(correlated_share, of_mean):
    errors = relative_errors(correlated_share=correlated_share, of_mean=of_mean)
    assert np.median(errors) <= 0.03


def test_node_effects_are_found():
    """Two nodes 20 W apart, the thrifty one at 15 to 45 %, the hungry one at 35 to 65 %: taken
    as one they look twice as steep where they meet."""
    loads = np.concatenate((np.linspace(0.15, 0.45, 900), np.linspace(0.35, 0.65, 900)))
    node = np.repeat([0, 1], 900)
    watts = bent(loads) + np.where(node == 1, 10.0, -10.0)
    estimate = estimate_curve(loads, watts, node=node, cores=64.0)
    pooled = estimate_curve(loads, watts, node=np.zeros_like(node), cores=64.0)
    assert estimate.node_watts == pytest.approx([-10.0, 10.0], abs=1.5)
    assert float(estimate.curve.intercept(0.4)) == pytest.approx(100.0, abs=3.0)
    assert float(pooled.curve.intercept(0.4)) < 90.0


def test_node_effects_keep_the_total_power():
    server = server_curve("Dell R7425")
    windows = daily_windows(server.power, seed=5, nodes=4, node_spread=0.05, node_shift=0.05)
    estimate = fit(windows)
    modelled = estimate.curve.power(windows.utilisation) + estimate.node_watts[windows.node]
    assert modelled.sum() == pytest.approx(windows.watts.sum(), rel=2e-3)
    assert np.bincount(windows.node) @ estimate.node_watts == pytest.approx(0.0, abs=1e-6)


def test_a_node_without_windows_has_no_effect():
    loads = np.tile(BENT_LOADS, 2)
    node = np.repeat([0, 2], len(BENT_LOADS))
    watts = bent(loads) + np.where(loads < 0.5, 0.0, 8.0 - 20.0 * loads)
    estimate = estimate_curve(loads, watts + 5.0 * node, node=node, cores=64.0)
    assert estimate.node_watts[1] == 0.0
    assert estimate.node_watts[2] - estimate.node_watts[0] == pytest.approx(10.0, abs=0.1)
