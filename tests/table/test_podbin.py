"""However samples are cut into portions, their bins come out the same."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.table.latest import Latest
from recommender.table.podbin import COMPACT, PodBinBuffer, PodBins

NAN = float("nan")


def _samples(*rows):
    pods, bins, cores, memory = (np.array(column) for column in zip(*rows, strict=True))
    return PodBins.of_samples(
        pods.astype(np.int64), bins.astype(np.int64), cores.astype(float), memory.astype(float)
    )


def _entries(held):
    return sorted(
        zip(
            held.pods.tolist(),
            held.bins.tolist(),
            held.cores.tolist(),
            held.count.tolist(),
            np.nan_to_num(held.memory, nan=-1.0).tolist(),
            strict=True,
        )
    )


def test_samples_of_one_pod_in_one_bin_become_one_entry():
    found = _samples((1, 5, 2.0, 10.0), (0, 5, 1.0, 7.0), (1, 5, 4.0, 30.0), (1, 6, 1.0, 5.0))
    assert _entries(found.compact()) == [
        (0, 5, 1.0, 1, 7.0),
        (1, 5, 6.0, 2, 30.0),
        (1, 6, 1.0, 1, 5.0),
    ]


def test_what_is_not_known_counts_neither_as_use_nor_as_memory():
    found = _samples((1, 5, NAN, 10.0), (1, 5, 4.0, NAN), (2, 5, 3.0, NAN)).compact()
    assert _entries(found) == [(1, 5, 4.0, 1, 10.0), (2, 5, 3.0, 1, -1.0)]


def test_numbers_of_pods_and_bins_do_not_run_into_each_other():
    """Bins of the year 2129, and a billion pods before."""
    found = _samples((10**9, 2**24 - 1, 1.0, 1.0), (10**9 + 1, 0, 1.0, 1.0))
    assert found.pods.tolist() == [10**9, 10**9 + 1]
    assert found.bins.tolist() == [2**24 - 1, 0]
    assert len(found.compact()) == 2


def test_nothing_is_compact():
    assert len(PodBinBuffer().compact()) == 0
    assert len(PodBinBuffer().take_before(10)) == 0


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 6), st.integers(0, 50), st.integers(0, 1000)),
        min_size=1,
        max_size=40,
    ),
    cuts=st.lists(st.integers(1, 39), max_size=5),
    border=st.integers(0, 8),
)
def test_portions_and_what_is_taken_between_change_nothing(rows, cuts, border):
    whole = _entries(_samples(*rows).compact())
    buffer = PodBinBuffer()
    edges = sorted({0, *(cut for cut in cuts if cut < len(rows)), len(rows)})
    for begin, end in pairwise(edges):
        buffer.add(_samples(*rows[begin:end]))
    taken = _entries(buffer.take_before(border))
    left = _entries(buffer.compact())
    assert sorted(taken + left) == whole
    assert all(entry[1] < border for entry in taken)
    assert all(entry[1] >= border for entry in left)


def test_the_buffer_grows_with_bins_and_not_with_samples():
    """Samples of two bins, three times as many as are held loose."""
    buffer = PodBinBuffer()
    part = _samples(*((1, at % 2, 1.0, 1.0) for at in range(1000)))
    for _ in range(3 * COMPACT // 1000):
        buffer.add(part)
    held = sum(len(each) for each in buffer.parts)
    assert held <= COMPACT + 1000
    assert buffer.compact().count.sum() == 1000 * (3 * COMPACT // 1000)


def _latest(*entries):
    latest = Latest()
    for rows, times, values in entries:
        latest.add(np.array(rows), np.array(times, dtype=float), np.array(values, dtype=float))
    return latest


def test_the_newest_value_counts_within_one_portion_and_over_several():
    latest = _latest(
        ([0, 0, 1], [20, 10, 10], [2, 1, 5]), ([0, 1], [15, 11], [9, 6]), ([0], [30], [NAN])
    )
    assert (latest.get(0), latest.get(1)) == (2.0, 6.0)


def test_of_equally_new_values_the_last_counts():
    assert _latest(([0, 0], [10, 10], [1, 2])).get(0) == 2.0
    assert _latest(([0], [10], [1]), ([0], [10], [3])).get(0) == 3.0


@pytest.mark.parametrize("row", [0, 1, 1000])
def test_without_a_value_there_is_none(row):
    assert _latest(([2], [10], [7])).get(row) is None
    assert Latest().get(row) is None
