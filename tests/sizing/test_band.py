"""A band holds its target, whatever is done to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sizing.band import Band, cap
from recommender.sizing.resource import MOST, millicores_of, round_up

AMOUNTS = st.integers(1, 10**6)
CAPS = st.none() | AMOUNTS


@pytest.mark.parametrize(
    "parts",
    [(2, 1, 3, 1), (1, 3, 2, 3), (0, 1, 1, 1), (1, 1, 1, 0)],
    ids=["lower above", "upper below", "lower of zero", "uncapped of zero"],
)
def test_bounds_that_do_not_hold_the_target_are_no_band(parts):
    with pytest.raises(ValueError, match="is no band"):
        Band(*parts)


def test_bounds_on_the_wrong_side_are_moved_to_the_target():
    assert Band.around(10, lower=12, upper=8) == Band(10, 10, 10, 10)


@pytest.mark.parametrize(
    ("minimum", "maximum", "parts"),
    [
        (None, None, (90, 100, 120)),
        (95, None, (95, 100, 120)),
        (110, None, (110, 110, 120)),
        (None, 80, (80, 80, 80)),
        (130, 110, (110, 110, 110)),
    ],
    ids=["no cap", "lower bound raised", "target raised", "all lowered", "the maximum wins"],
)
def test_caps_move_bounds_and_target_and_leave_the_uncapped_target(minimum, maximum, parts):
    assert Band(90, 100, 120, 100).capped(minimum, maximum) == Band(*parts, 100)


def test_a_floor_raises_the_uncapped_target_too():
    assert Band(5, 10, 30, 10).raised(25) == Band(25, 25, 30, 25)


@given(st.lists(AMOUNTS, min_size=3, max_size=3).map(sorted), AMOUNTS, CAPS, CAPS)
def test_floor_and_caps_keep_the_order_and_the_target_is_the_capped_one(parts, floor, low, high):
    lower, target, upper = parts
    band = Band.around(target, lower=lower, upper=upper).raised(floor).capped(low, high)
    assert 0 < band.lower <= band.target <= band.upper
    assert band.uncapped == max(target, floor)
    assert band.target == cap(band.uncapped, low, high)
    if high is not None:
        assert band.upper <= high


@pytest.mark.parametrize(
    ("amount", "whole"),
    [(411.0000001, 411), (411.001, 412), (0.0, 1), (0.2, 1), (1e15, MOST), (float("inf"), MOST)],
)
def test_amounts_are_rounded_up_to_what_holds_them_between_one_and_the_most(amount, whole):
    assert round_up(amount) == whole


def test_noise_of_floating_point_rounds_nothing_up():
    assert (0.1 + 0.2) * 1000 > 300
    assert millicores_of(0.1 + 0.2) == 300
