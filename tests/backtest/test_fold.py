"""Walk-forward windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.backtest.fold import Fold, walk_forward

DAY = 288


def test_two_weeks_give_four_tests_of_two_days_after_five_of_training():
    folds = walk_forward(14 * DAY, train=5 * DAY, test=2 * DAY)
    # 14 = 1 left out + 5 + 4 x 2
    assert [(fold.begin, fold.split, fold.end) for fold in folds] == [
        (1 * DAY, 6 * DAY, 8 * DAY),
        (3 * DAY, 8 * DAY, 10 * DAY),
        (5 * DAY, 10 * DAY, 12 * DAY),
        (7 * DAY, 12 * DAY, 14 * DAY),
    ]


def test_a_week_gives_one():
    assert walk_forward(7 * DAY, train=5 * DAY, test=2 * DAY) == (Fold(0, 5 * DAY, 7 * DAY),)


def test_less_than_training_and_test_gives_none():
    assert walk_forward(7 * DAY - 1, train=5 * DAY, test=2 * DAY) == ()


@pytest.mark.parametrize(("train", "test"), [(0, 1), (1, 0)])
def test_a_fold_without_training_or_test_is_an_error(train, test):
    with pytest.raises(ValueError, match="at least one bin"):
        walk_forward(10, train=train, test=test)


@given(bins=st.integers(0, 300), train=st.integers(1, 40), test=st.integers(1, 40))
def test_no_bin_is_tested_twice_nor_by_who_has_seen_it(bins, train, test):
    folds = walk_forward(bins, train=train, test=test)
    tested = [each for fold in folds for each in range(fold.split, fold.end)]
    assert tested == list(range(bins - len(tested), bins))
    assert len(tested) // test == len(folds) == max(0, (bins - train) // test)
    assert all(0 <= fold.begin == fold.split - train for fold in folds)
