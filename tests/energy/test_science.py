"""What can be learnt of the published servers, end to end; `python -m tests.bench curves` has the
whole of it, with 50 seeds."""

import numpy as np
import pytest

from recommender.energy.published import server_curve
from tests.energy.trial import coverage, false_claims, median_error, run_trials, true_claims

SEEDS = 8


@pytest.fixture(scope="module")
def trials():
    """One day of one node in minutes, 3 % noise, half of it lasting, daily rhythm, nine servers."""
    return run_trials(SEEDS)


def test_the_price_of_a_day_is_known_to_three_percent(trials):
    assert median_error(trials) <= 0.03


def test_with_white_noise_the_intercept_at_the_mean_use_alone_is_too():
    assert median_error(run_trials(3, correlated_share=0.0), at_mean=True) <= 0.03


def test_its_interval_covers_the_truth_as_often_as_it_says(trials):
    """85 to 97 % over 50 seeds; of 72 trials one standard error is 3.5 %."""
    assert 0.82 <= coverage(trials) <= 0.99


def test_no_server_is_measured_without_its_interval_being_of_use(trials):
    """The gate of tier T1 is 30 %."""
    assert all(each.is_measured for each in trials)
    assert np.quantile([each.half_width for each in trials], 0.9) < 0.30


def test_a_peak_out_of_sight_is_hardly_ever_called_identified(trials):
    assert sum(each.is_outside for each in trials) > 60
    assert false_claims(trials) <= 0.05


@pytest.fixture(scope="module")
def busy():
    """The same at 30 to 90 % use, which holds the peaks at 70 and 80 %."""
    return run_trials(4, low=0.30, high=0.90)


def test_a_peak_in_sight_is_mostly_identified(busy):
    assert true_claims(busy) >= 0.75
    assert false_claims(busy) <= 0.15  # of 16 trials: at most two


def test_the_turbo_cliff_of_the_epyc_7763_breaks_nothing():
    """332, 385, 461 W at 80, 90, 100 %: beyond 80 % the intercept is negative. The modelled shape
    of its vendor misses the price by a third there, and may not stand in for readings."""
    trials = run_trials(6, server=server_curve("Lenovo SR645"), low=0.30, high=0.90)
    assert all(each.is_measured for each in trials)
    assert median_error(trials) <= 0.07
    assert coverage(trials) >= 4 / 6
