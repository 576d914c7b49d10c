import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from collector.attribution.apportion import apportion


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (100, [2, 1, 1], [50, 25, 25]),
        (7, [0, 3, 0, 4], [0, 3, 0, 4]),
        (1, [0, 1, 5], [0, 0, 1]),
        (0, [1, 2], [0, 0]),
        (5, [1e-300, 1e-300], [3, 2]),
    ],
)
def test_a_whole_number_is_shared_in_whole_numbers(total, weights, shares):
    assert apportion(total, np.array(weights, dtype=float)).tolist() == shares


@given(
    total=st.integers(0, 10**15),
    weights=arrays(
        np.float64, st.integers(1, 60), elements=st.floats(0, 1e13, allow_subnormal=False)
    ).filter(lambda weights: weights.sum() > 0),
)
def test_shares_sum_to_the_total_and_none_is_off_by_more_than_rounding(total, weights):
    shares = apportion(total, weights)
    assert int(shares.sum()) == total
    assert (shares >= 0).all()
    assert (shares[weights == 0.0] == 0).all()
    exact = weights / weights.sum() * total
    assert np.abs(shares - exact).max() <= 1.0 + 1e-12 * total
