"""Bins and days of a window, whose newest day may still grow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.model.history import TimeGrid

END = 1_760_054_400


def test_days_are_counted_back_from_the_end_of_a_whole_day():
    grid = TimeGrid(END, 300)
    assert (grid.days, grid.oldest_bins, grid.lacking_bins) == (2, 12, 0)
    assert [grid.day_of(i) for i in (0, 11, 12, 299)] == [0, 0, 1, 1]


def test_an_open_day_holds_only_the_bins_that_it_has():
    grid = TimeGrid(END, 300, open_bins=7)
    # 7 of today, 288 of yesterday, 5 of the day before
    assert (grid.days, grid.oldest_bins, grid.lacking_bins) == (3, 5, 281)
    assert grid.day_of(np.array([0, 4, 5, 292, 293, 299])).tolist() == [0, 0, 1, 1, 2, 2]
    assert [grid.day_start(day) for day in range(3)] == [0, 5, 293]


@pytest.mark.parametrize(
    ("bins", "open_bins", "days"), [(1, 1, 3), (288, 0, 3), (289, 1, 4), (276, 276, 3)]
)
def test_a_grid_that_grows_opens_a_day_where_the_last_is_whole(bins, open_bins, days):
    grid = TimeGrid(END, 300).grown(bins)
    assert (grid.end, grid.bins) == (END + 300 * bins, 300 + bins)
    assert (grid.open_bins, grid.days) == (open_bins, days)
    assert grid.start == TimeGrid(END, 300).start


@given(st.integers(1, 2000), st.integers(0, 287))
def test_every_day_but_the_oldest_and_an_open_one_is_whole(bins, open_bins):
    grid = TimeGrid(END, bins, open_bins=min(open_bins, bins))
    days = grid.day_of(np.arange(bins))
    sizes = np.bincount(days, minlength=grid.days)
    assert (sizes > 0).all()
    assert (sizes[1:-1] == 288).all()
    assert sizes[0] == grid.oldest_bins
    if grid.days > 1:
        assert sizes[-1] == (grid.open_bins or 288)


def test_the_last_bins_of_a_grid_are_of_the_same_days():
    grid = TimeGrid(END, 600, open_bins=7)
    assert grid.last(10) == TimeGrid(END, 10, open_bins=7)
    assert [grid.last(10).day_of(i) for i in (2, 3)] == [0, 1]
