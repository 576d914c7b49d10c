"""Buckets, the stock percentile and the interpolated quantile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sizing.histogram import DEMAND, Buckets, percentile_ends, quantile

FOUR = Buckets(np.array([0.0, 1.0, 2.0, 4.0, 8.0]))


def test_a_value_on_an_edge_belongs_to_the_bucket_above_and_strays_go_to_the_ends():
    assert FOUR.index([0.0, 0.99, 1.0, 3.9, 4.0, 8.0, 1e9]).tolist() == [0, 0, 1, 2, 3, 3, 3]


def test_the_stock_percentile_is_the_end_of_the_bucket_that_reaches_it():
    weights = np.array([5.0, 4.0, 1.0, 0.0])
    ends = percentile_ends(weights, (0.2, 0.5, 0.51, 0.9, 0.95), FOUR)
    assert ends.tolist() == [1.0, 1.0, 2.0, 2.0, 4.0]


def test_the_last_bucket_has_no_end_and_gives_its_start():
    assert percentile_ends(np.array([0.0, 0.0, 0.0, 1.0]), (0.5,), FOUR).tolist() == [4.0]


def test_an_empty_histogram_has_no_percentile():
    assert np.isnan(percentile_ends(np.zeros(4), (0.5, 0.9), FOUR)).all()


def test_27_of_30_equal_weights_reach_p90_whatever_their_last_bits():
    weights = np.zeros(176)
    weights[:30] = 0.3
    assert np.cumsum(weights)[26] < 0.9 * np.cumsum(weights)[-1]  # by a rounding error
    assert percentile_ends(weights, (0.9,), Buckets(np.arange(177.0))).tolist() == [27.0]


@pytest.mark.parametrize(
    ("p", "value"), [(0.1, 0.5), (0.2, 1.0), (0.5, 1.75), (0.6, 2.0), (0.8, 3.0), (1.0, 4.0)]
)
def test_a_quantile_lies_inside_its_bucket_as_if_samples_were_spread_evenly(p, value):
    """Two samples in 0-1, four in 1-2, four in 2-4: p50 is the fifth, three quarters into 1-2."""
    assert quantile(np.array([2, 4, 4, 0]), p, FOUR) == pytest.approx(value)


def test_quantiles_of_many_histograms_at_once_and_nan_for_an_empty_one():
    counts = np.array([[2, 4, 4, 0], [0, 0, 0, 0], [0, 0, 0, 2]])
    found = quantile(counts, 0.5, FOUR)
    assert found[0] == pytest.approx(1.75)
    assert np.isnan(found[1])
    assert found[2] == pytest.approx(6.0)


@given(
    st.lists(st.floats(0.0011, 200.0), min_size=1, max_size=50),
    st.floats(0.01, 0.99),
)
def test_a_quantile_of_demand_is_within_a_bucket_of_the_order_statistic(values, p):
    counts = np.bincount(DEMAND.index(values), minlength=DEMAND.count)
    ordered = sorted(values)
    exact = ordered[int(np.ceil(p * len(values) - 1e-9)) - 1]
    assert quantile(counts, p) == pytest.approx(exact, rel=0.0251)
