import time
import tracemalloc

import numpy as np
import pytest

from recommender.energy.bootstrap import Replicates, resample_curve
from recommender.energy.curve import NodeCurve, estimate_curve
from recommender.energy.published import SERVERS, server_curve
from recommender.energy.window import NodeWindows
from tests.energy.scenario import DAY, daily_windows

SERVER = server_curve("Lenovo SR645")


def resampled(windows, *, seed=1, replicates=100):
    estimate = estimate_curve(windows.utilisation, windows.watts, node=windows.node, cores=256.0)
    rng = np.random.default_rng(seed)
    return estimate, resample_curve(estimate, windows, rng=rng, replicates=replicates)


def intercept_interval(windows):
    estimate, replicates = resampled(windows)
    used = windows.utilisation
    value = float(estimate.curve.intercept(used).mean())
    gap = abs(estimate.fit.intercept_gap(used))
    low, high = replicates.interval(value, replicates.mean_intercept(used), misfit=gap)
    return value, float(low), float(high)


def replicates_of(coefficients, knots, *, inflation=1.0, misfit_watts=0.0):
    return Replicates(np.array(knots), np.array(coefficients), inflation, misfit_watts)


def test_replicates_mean_the_same_as_curves_with_their_coefficients():
    coefficients = [[100.0, 50.0, 30.0, 200.0], [80.0, 0.0, 0.0, 300.0]]
    knots = (0.35, 0.6)
    replicates = replicates_of(coefficients, knots)
    grid = np.array([0.1, 0.35, 0.5, 0.6, 0.9])
    for row, (base, linear, *hinges) in enumerate(coefficients):
        curve = NodeCurve(1.0, base, linear, knots, tuple(hinges), low=0.2)
        assert replicates.power(grid)[row] == pytest.approx(curve.power(grid))
        assert replicates.intercept(grid)[row] == pytest.approx(curve.intercept(grid))
        assert replicates.mean_intercept(grid)[row] == pytest.approx(curve.intercept(grid).mean())
        assert replicates.peak_utilisation(0.2)[row] == pytest.approx(curve.peak_utilisation())


@pytest.mark.parametrize(
    ("row", "low", "peak"),
    [
        pytest.param([100.0, 50.0, 0.0, 0.0], 0.1, 1.0, id="never"),
        pytest.param([100.0, 50.0, 0.0, 200.0], 0.1, 0.6, id="at the second knot"),
        pytest.param([100.0, 50.0, 400.0, 0.0], 0.5, 0.5, id="before the data"),
    ],
)
def test_peak_of_a_replicate_is_where_its_intercept_ends(row, low, peak):
    assert replicates_of([row], [0.35, 0.6]).peak_utilisation(low) == pytest.approx([peak])


@pytest.mark.parametrize(
    ("inflation", "misfit", "low", "high"),
    [
        # values 0 ... 100: 5th percentile 5, 95th 95, centre 50
        pytest.param(1.0, 0.0, 5.0, 95.0, id="quantiles"),
        pytest.param(2.0, 0.0, -40.0, 140.0, id="inflated around the point"),
        pytest.param(1.0, 60.0, -25.0, 125.0, id="misfit in quadrature: 45, 60, 75"),
    ],
)
def test_interval_is_inflated_and_holds_the_misfit(inflation, misfit, low, high):
    replicates = replicates_of([[1.0, 1.0]], [], inflation=inflation)
    found = replicates.interval(50.0, np.arange(101.0), misfit=misfit)
    assert np.array(found) == pytest.approx(np.array([low, high]))


def test_power_has_an_interval_of_the_resampled_watts_and_of_the_misfit():
    """101 replicates of 0 ... 100 W whatever the load: 5 to 95 around 50, and 1.645 x 60 / 1.645 W
    in quadrature."""
    flat = [[watts, 0.0] for watts in np.arange(101.0)]
    found = replicates_of(flat, [], misfit_watts=60.0 / 1.645).power_interval([50.0], [0.3])
    assert np.array(found)[:, 0] == pytest.approx(np.array([-25.0, 125.0]))


def test_interval_holds_a_point_that_no_replicate_reaches():
    low, high = replicates_of([[1.0, 1.0]], []).interval(200.0, np.arange(101.0))
    assert float(low) == pytest.approx(5.0)
    assert float(high) == pytest.approx(200.0)


@pytest.mark.parametrize(
    ("days", "inflation"),
    [
        pytest.param(1, 1.4241, id="six blocks: 1.3 sqrt(6 / 5)"),
        pytest.param(4, 1.3280, id="24 blocks: 1.3 sqrt(24 / 23)"),
    ],
)
def test_fewer_blocks_are_inflated_more(days, inflation):
    _, replicates = resampled(daily_windows(SERVER.power, seed=1, days=days))
    assert replicates.inflation == pytest.approx(inflation, abs=1e-4)


def test_the_same_seed_gives_the_same_replicates():
    windows = daily_windows(SERVER.power, seed=1)
    first, again, other = (resampled(windows, seed=seed)[1] for seed in (7, 7, 8))
    assert (first.coefficients == again.coefficients).all()
    assert (first.coefficients != other.coefficients).any()


def test_replicates_are_increasing_and_convex():
    _, replicates = resampled(daily_windows(SERVER.power, seed=1))
    assert (replicates.coefficients >= 0.0).all()


def test_without_noise_all_replicates_agree():
    # 100 + 200 U: any choice of blocks lies on the line.
    windows = daily_windows(lambda load: 100.0 + 200.0 * load, seed=1, noise=0.0)
    _, replicates = resampled(windows)
    assert replicates.intercept([0.3, 0.5]) == pytest.approx(100.0, abs=0.05)


def test_replicates_take_the_node_effects_out():
    """A line of 100 + 200 U, nodes 20 W apart and the hungry one fuller: without the effects
    the replicates would look steeper, with an intercept below 90 W."""
    windows = daily_windows(
        lambda load: 100.0 + 200.0 * load, seed=1, nodes=2, noise=0.0, node_shift=0.1
    )
    watts = windows.watts + np.where(windows.node == 1, 10.0, -10.0)
    shifted = NodeWindows(windows.time, windows.node, windows.utilisation, watts)
    _, replicates = resampled(shifted)
    assert np.median(replicates.intercept(0.4)) == pytest.approx(100.0, abs=2.0)


def test_the_interval_narrows_with_more_days_and_nodes():
    widths = []
    for days, nodes in ((1, 1), (7, 1), (7, 8)):
        windows = daily_windows(SERVER.power, seed=4, days=days, nodes=nodes, step=300)
        _, low, high = intercept_interval(windows)
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2]


def test_the_curve_has_an_interval_too():
    windows = daily_windows(SERVER.power, seed=4)
    estimate, replicates = resampled(windows)
    grid = np.array([0.25, 0.4, 0.55])
    low, high = replicates.power_interval(estimate.curve.power(grid), grid)
    assert (low <= SERVER.power(grid)).all()
    assert (high >= SERVER.power(grid)).all()
    assert ((high - low) / SERVER.power(grid) < 0.1).all()


def spread_of_machines(nodes, *, spread, seed=3):
    """Half the width of the intercept's interval, relative, of so many unequal machines."""
    windows = daily_windows(
        SERVER.power, seed=seed, nodes=nodes, days=4, step=300, node_spread=spread, noise=0.005
    )
    value, low, high = intercept_interval(windows)
    return (high - low) / 2 / value


def test_unequal_machines_make_the_price_less_sure():
    """Machines 3 % apart: the mean of 16 of them is known to 1.645 x 3 / sqrt(16) = 1.2 % at best,
    which no resampling of time alone would show."""
    alike, unlike = (spread_of_machines(16, spread=spread) for spread in (0.0, 0.03))
    assert unlike > 0.012
    assert unlike > 1.5 * alike


def test_three_machines_are_not_resampled_since_their_spread_cannot_be_told():
    windows = daily_windows(SERVER.power, seed=3, nodes=3, node_spread=0.03)
    _, replicates = resampled(windows)
    assert replicates.inflation == pytest.approx(1.3 * np.sqrt(6 / 5), abs=1e-4)


def test_the_smaller_of_blocks_and_machines_decides_the_inflation():
    """Four machines over 24 blocks: 1.3 sqrt(4 / 3)."""
    windows = daily_windows(SERVER.power, seed=3, nodes=4, days=4, step=300, node_spread=0.03)
    _, replicates = resampled(windows)
    assert replicates.inflation == pytest.approx(1.3 * np.sqrt(4 / 3), abs=1e-4)


def test_machines_that_differ_in_scale_alone_give_replicates_that_do():
    """P = 100 + 200 U times 0.9 and 1.1: a replicate that draws k of ten machines of the hungry
    kind lies at 0.9 + 0.02 k times the line, intercept and power alike."""
    line = daily_windows(lambda load: 100.0 + 200.0 * load, seed=1, nodes=10, noise=0.0, step=300)
    scale = np.where(line.node % 2, 1.1, 0.9)
    windows = NodeWindows(line.time, line.node, line.utilisation, line.watts * scale)
    _, replicates = resampled(windows)
    found = replicates.intercept(0.4)[:, 0] / 100.0
    assert found.std() == pytest.approx(0.1 / np.sqrt(10), rel=0.25)
    assert found.mean() == pytest.approx(1.0, abs=0.02)
    assert replicates.power(0.4)[:, 0] == pytest.approx(180.0 * found, rel=0.03)


def test_the_interval_of_a_pool_covers_the_price_of_its_class():
    """Twelve machines 1 % apart over a week: at least 72 % of 18 nominal 90 % intervals (90 %
    minus 2.5 standard errors), where resampled time alone covered 49 %."""
    covered = []
    for number, server in enumerate(SERVERS):
        for seed in range(2):
            windows = daily_windows(
                server.power, seed=100 * number + seed, nodes=12, days=7, step=300,
                node_spread=0.01,
            )  # fmt: skip
            _, low, high = intercept_interval(windows)
            covered.append(low <= server.intercept(windows.utilisation).mean() <= high)
    assert np.mean(covered) >= 0.78


def test_a_replicate_bends_only_where_it_has_data():
    """All windows above 46 % lie in one block; replicates without it end below, with the slope
    that they had there, and so none rises steeper than the steepest that is seen."""
    clock = np.arange(1440) * 60.0
    load = 0.2 + 0.25 * (np.arange(1440) % 96) / 96
    load[clock >= 20 * 3600] += 0.2
    rng = np.random.default_rng(5)
    watts = SERVER.power(load) * rng.normal(1.0, 0.03, 1440)
    windows = NodeWindows(clock, np.zeros(1440, dtype=np.int64), load, watts)
    _, replicates = resampled(windows)
    slopes = replicates.coefficients[:, 1:].sum(axis=1)
    assert slopes.max() < 4 * np.median(slopes)


def test_a_single_block_cannot_be_resampled():
    windows = daily_windows(SERVER.power, seed=1, days=1 / 6)
    with pytest.raises(ValueError, match="two blocks of 14400 s"):
        resampled(windows)


def test_a_fortnight_of_twelve_nodes_is_resampled_in_little_time_and_memory():
    """48,384 windows, 100 replicates: 0.3 s of CPU at most, on memory of a few times the input
    (1.5 MB)."""
    rng = np.random.default_rng(0)
    clock = np.tile(np.arange(4032) * 300.0, 12)
    used = 0.4 + 0.2 * np.sin(2 * np.pi * clock / DAY) + rng.normal(0.0, 0.03, clock.size)
    watts = SERVER.power(used) * rng.normal(1.0, 0.03, clock.size)
    windows = NodeWindows(clock, np.repeat(np.arange(12), 4032), used, watts)
    resampled(windows)
    before = time.process_time()
    resampled(windows)
    assert time.process_time() - before < 0.3
    tracemalloc.start()
    resampled(windows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6
