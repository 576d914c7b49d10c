"""Arrays that grow by rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recommender.history.growing import RowArray


def test_rows_keep_their_values_when_room_runs_out():
    rows = RowArray((2,), np.int64, room=1)
    for number in range(10):
        rows.grow(number + 1)[number] = number, -number
    taken = rows.take(np.arange(10))
    assert taken.tolist() == [[number, -number] for number in range(10)]


def test_rows_that_nobody_wrote_are_zero():
    rows = RowArray((3,), np.float32, room=2)
    rows.grow(1)[0] = 1.0
    assert rows.take(np.array([1, 0])).tolist() == [[0, 0, 0], [1, 1, 1]]


@given(st.integers(0, 12).flatmap(lambda n: st.permutations(range(n))))
def test_take_gives_any_order(order):
    rows = RowArray((), np.int64, room=1)
    rows.grow(len(order))[: len(order)] = np.arange(len(order)) * 10
    assert rows.take(np.array(order, dtype=np.int64)).tolist() == [10 * each for each in order]
