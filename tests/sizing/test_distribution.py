"""Demand by day: exposure, shortfall, mean, quantile, and the resampling of days."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recommender.sizing.distribution import DayDistribution, interval_of, resample_days
from recommender.sizing.histogram import Buckets

BUCKETS = Buckets(np.array([0.0, 1.0, 2.0, 4.0]))
# Eight samples over two days: two in 0-1, three in 1-2, three in 2-4; a day without any between.
TWO_DAYS = DayDistribution.of(np.array([[2, 1, 1], [0, 0, 0], [0, 2, 2]]), BUCKETS)


def test_days_without_a_sample_do_not_count():
    assert TWO_DAYS.days == 2


@pytest.mark.parametrize(
    ("cores", "share"),
    [
        (0.0, 1.0),
        (0.5, 7 / 8),
        (1.0, 6 / 8),
        (1.5, 4.5 / 8),
        (3.0, 1.5 / 8),
        (4.0, 0.0),
        (9.0, 0.0),
    ],
)
def test_exposure_is_the_share_of_samples_above(cores, share):
    assert TWO_DAYS.exposure(np.array([cores]))[0, 0] == pytest.approx(share)


def test_the_mean_is_that_of_the_bucket_middles():
    assert TWO_DAYS.mean()[0] == pytest.approx((2 * 0.5 + 3 * 1.5 + 3 * 3.0) / 8)


@pytest.mark.parametrize(
    ("cores", "mean_above"),
    [
        (0.0, 14.5 / 8),
        (2.0, 3 * 1.0 / 8),
        (3.0, 3 * 0.25 / 8),  # of 2-4 the half above 3, by 0.5 in the mean
        (4.0, 0.0),
        (9.0, 0.0),
    ],
)
def test_shortfall_is_the_mean_of_what_exceeds(cores, mean_above):
    assert TWO_DAYS.shortfall(np.array([cores]))[0, 0] == pytest.approx(mean_above)


def test_below_all_demand_everything_is_exposed_and_short():
    upper = DayDistribution.of(np.array([[0, 4, 0]]), BUCKETS)
    assert upper.exposure(np.array([0.5]))[0, 0] == 1.0
    assert upper.shortfall(np.array([0.5]))[0, 0] == pytest.approx(1.5 - 0.5)


def test_weights_draw_days_again():
    first_twice = np.array([[2.0, 0.0]])  # four in 0-1, two in 1-2, two in 2-4
    assert TWO_DAYS.mean(first_twice)[0] == pytest.approx((4 * 0.5 + 2 * 1.5 + 2 * 3.0) / 8)
    assert TWO_DAYS.quantile(0.5, first_twice)[0] == pytest.approx(1.0)
    assert TWO_DAYS.quantile(0.5)[0] == pytest.approx(1.0 + 2 / 3)
    assert TWO_DAYS.exposure(np.array([1.0]), first_twice)[0, 0] == pytest.approx(0.5)


def test_no_sample_is_no_distribution():
    with pytest.raises(ValueError, match="needs a sample"):
        DayDistribution.of(np.zeros((3, 3)), BUCKETS)


@given(
    arrays.arrays(np.int64, (3, 20), elements=st.integers(0, 50)).filter(lambda a: a.any()),
    st.lists(st.floats(0.0, 25.0), min_size=2, max_size=10),
)
def test_a_larger_request_is_never_more_exposed_nor_shorter(counts, requests):
    demand = DayDistribution.of(counts, Buckets(np.arange(21.0)))
    cores = np.array(sorted(requests))
    exposure, shortfall = demand.exposure(cores)[0], demand.shortfall(cores)[0]
    assert (np.diff(exposure) <= 1e-12).all()
    assert (np.diff(shortfall) <= 1e-12).all()
    # What a step up serves more lies between the two exposures.
    served = -np.diff(shortfall)
    assert (served <= exposure[:-1] * np.diff(cores) + 1e-9).all()
    assert (served >= exposure[1:] * np.diff(cores) - 1e-9).all()


def test_each_resample_draws_as_many_days_as_there_are_and_the_same_on_every_run():
    weights = resample_days(7)
    assert weights.shape == (100, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert np.array_equal(weights, resample_days.__wrapped__(7))
    assert len(np.unique(weights, axis=0)) > 90


def test_the_interval_leaves_five_of_a_hundred_outside_or_at_either_end():
    low, high = interval_of(np.arange(100.0)[::-1, None])
    assert (low[0], high[0]) == (4.0, 95.0)
