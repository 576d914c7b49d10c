"""What the hours of the day make of the demand of one container."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.sizing.hours import LIKE_ALL_DAY, Hours

BINS = 8  # of half an hour in a block
DAYS = 14
LEVELS = np.array([1.0, 1.0, 2.0, 4.0, 3.0, 1.0])  # by block: mean 2, p75 3


def hours_of(cores, pods=1, *, days=DAYS):
    """Cores and pods by day and block, both broadcast to [days, 6]."""
    shape = (days, 6)
    day, block = np.indices(shape)
    parts = (np.broadcast_to(cores, shape), np.broadcast_to(pods, shape), day, block)
    return Hours(*(np.repeat(part.reshape(-1), BINS) for part in parts))


@pytest.mark.parametrize(("block", "level"), list(enumerate(LEVELS)))
def test_what_comes_again_each_day_is_followed(block, level):
    shape = hours_of(LEVELS).shape(block, 0.75)
    assert shape.of_mean == pytest.approx(level / 2)
    assert shape.bend_floor(3.0, most=9.0) == pytest.approx(level)


def test_a_quantile_of_demand_keeps_what_it_has_beyond_that_of_the_bins():
    """3.3 of single pods beside 3 of their means: a tenth more, at every hour."""
    assert hours_of(LEVELS).shape(3, 0.75).bend_floor(3.3, most=9.0) == pytest.approx(4.4)


def test_what_is_alike_at_all_hours_stays_as_it_is():
    by_day = np.arange(1.0, DAYS + 1)[:, None]
    shape = hours_of(by_day).shape(2, 0.9)
    assert (shape.of_mean, shape.bend_floor(0.7, most=9.0)) == (1.0, pytest.approx(0.7))


def test_one_day_tells_of_no_hours():
    assert hours_of(LEVELS, days=1).shape(3, 0.75).of_mean == 1.0


def test_pods_that_come_by_day_and_go_at_night_want_as_much_at_all_hours():
    """Ten by day and two at night, one core each: the work of all is a fifth at night."""
    pods = np.array([2, 2, 10, 10, 10, 2])
    for block in range(6):
        shape = hours_of(1.0, pods).shape(block, 0.75)
        assert (shape.of_mean, shape.bend_floor(1.0, most=9.0)) == (1.0, 1.0)


def test_every_pod_counts():
    """1 core of one pod and 2 of three in turn: mean 7/4, p20 of the pods 1 and p30 2."""
    hours = hours_of(np.array([1.0, 2.0] * 3), np.array([1, 3] * 3))
    assert hours.shape(1, 0.5).of_mean == pytest.approx(2 / 1.75)
    assert hours.shape(0, 0.2).whole_floor == 1.0
    assert hours.shape(0, 0.3).whole_floor == 2.0


def test_the_quantile_of_a_job_of_a_few_hours_is_that_of_its_hours():
    """Its p50 over the day is nothing, and no ratio leads from there to 4 cores."""
    hours = hours_of(np.array([0.0, 4.0, 0, 0, 0, 0]))
    assert hours.shape(1, 0.5).bend_floor(0.0, most=9.0) == 4.0
    assert hours.shape(1, 0.5).of_mean == pytest.approx(6.0)
    assert hours.shape(0, 0.5).bend_floor(0.001, most=9.0) == 0.001


def test_a_quantile_that_a_histogram_cannot_tell_from_nothing_is_not_scaled():
    """0.1 millicores at rest, of which a histogram makes half a one: 4 cores are not twenty."""
    hours = hours_of(np.array([0.0001, 4.0, *(4 * [0.0001])]))
    assert hours.shape(1, 0.5).bend_floor(0.0005, most=9.0) == pytest.approx(4.0)


def test_no_quantile_of_the_hours_is_beyond_the_greatest_demand():
    assert hours_of(LEVELS).shape(3, 0.75).bend_floor(3.3, most=4.2) == 4.2


def test_bins_that_do_not_count_are_left_out():
    """Held back by its limit on every second day at noon, where its use tells nothing."""
    cores, pods = np.tile(LEVELS, (DAYS, 1)), np.ones((DAYS, 6))
    cores[::2, 3], pods[::2, 3] = 0.1, 0.0
    assert hours_of(cores, pods).shape(3, 0.75).mean == pytest.approx(4.0)


def test_what_was_never_seen_has_no_hours():
    assert hours_of(np.nan, 0).shape(0, 0.5) is LIKE_ALL_DAY


@settings(max_examples=60)
@given(
    levels=st.lists(st.floats(0.01, 8.0), min_size=6, max_size=6),
    noise=st.floats(0.0, 0.5),
    pods=st.lists(st.integers(1, 5), min_size=6, max_size=6),
    p=st.floats(0.5, 0.99),
    seed=st.integers(0, 999),
)
def test_over_the_day_the_means_come_to_the_mean_and_quantiles_stay_within_what_was_wanted(
    levels, noise, pods, p, seed
):
    cores = levels * np.random.default_rng(seed).lognormal(0.0, noise, (DAYS, 6))
    shapes = [hours_of(cores, np.array(pods)).shape(block, p) for block in range(6)]
    share = np.array(pods) / np.sum(pods)
    assert np.sum(share * [shape.of_mean for shape in shapes]) == pytest.approx(1.0)
    for shape in shapes:
        assert shape.of_mean >= 0.0
        if shape is LIKE_ALL_DAY:
            continue
        assert cores.min() * 0.999 <= shape.floor <= cores.max() * 1.001
