"""Work that is kept between the cycles of the service."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import StoreError
from recommender.history.keptwork import RENEW, KeptWork
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners, WorkloadRef
from recommender.model.profile import MetricSelector
from recommender.model.work import WorkRate

WEB, API = (WorkloadRef("shop", "Deployment", name) for name in ("web", "api"))
DONE = MetricSelector("done_total")
GRID = TimeGrid(end=1_760_054_400, bins=288)


class Store:
    """Work that is the number of the bin since the epoch, so that a shift shows."""

    def __init__(self):
        self.asked = []
        self.is_down = False

    def read(self, series, ref, *, owners, grid):
        assert isinstance(owners, PodOwners)
        self.asked.append((series.name, ref, grid.end))
        if self.is_down:
            raise StoreError("the store is down")
        return WorkRate(numbers(grid), 1, 1)


def numbers(grid):
    return np.arange(grid.start, grid.end, grid.step) / grid.step


def ask(kept, grid=GRID, *, ref=WEB, series=DONE):
    return kept.read(series, ref, owners=PodOwners(), grid=grid).per_second


def later(bins):
    return TimeGrid(end=GRID.end + bins * GRID.step, bins=GRID.bins)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def kept(store):
    return KeptWork(store)


def test_it_is_read_once_and_what_is_newer_is_not_known_yet(kept, store):
    assert np.array_equal(ask(kept), numbers(GRID))
    again = ask(kept, later(3))
    assert np.array_equal(again[:-3], numbers(later(3))[:-3])
    assert np.isnan(again[-3:]).all()
    assert len(store.asked) == 1


def test_after_two_hours_at_most_it_is_read_anew(kept, store):
    ask(kept)
    bins = int(2 * RENEW // GRID.step)
    assert np.array_equal(ask(kept, later(bins)), numbers(later(bins)))
    assert len(store.asked) == 2


def test_workloads_are_not_all_due_in_one_cycle(kept, store):
    refs = [WorkloadRef("shop", "Deployment", f"web-{number}") for number in range(200)]
    for bins in range(24):
        for ref in refs:
            ask(kept, later(bins), ref=ref)
    ends = [end for _, _, end in store.asked[200:]]
    assert 180 < len(ends) <= 200
    assert max(ends.count(end) for end in set(ends)) < 50


def test_workloads_and_metrics_are_told_apart(kept, store):
    other = MetricSelector("done_total", {"code": "200"})
    for ref, series in ((WEB, DONE), (API, DONE), (WEB, other), (WEB, DONE)):
        ask(kept, ref=ref, series=series)
    assert len(store.asked) == 3


def test_while_the_store_is_down_what_is_kept_stands_in_and_else_it_is_said(kept, store):
    store.is_down = True
    with pytest.raises(StoreError, match="the store is down"):
        ask(kept)
    store.is_down = False
    ask(kept)
    store.is_down = True
    bins = int(2 * RENEW // GRID.step) + 1
    assert np.array_equal(ask(kept, later(bins))[:-bins], numbers(GRID)[bins:])


@settings(max_examples=30)
@given(st.integers(0, 23), st.integers(250, 330))
def test_whatever_window_is_asked_for_each_bin_has_its_own_work_or_none(shift, bins):
    """A window that is kept grows and is cut by whole days."""
    kept = KeptWork(Store(), renew=10 * RENEW)
    ask(kept)
    grid = TimeGrid(end=GRID.end + shift * GRID.step, bins=bins)
    found, expected = ask(kept, grid), numbers(grid)
    is_known = np.isfinite(found)
    assert np.array_equal(found[is_known], expected[is_known])
    inside = (expected >= numbers(GRID)[0]) & (expected <= numbers(GRID)[-1])
    assert np.array_equal(is_known, inside)


def test_another_step_is_another_question(kept, store):
    ask(kept)
    ask(kept, TimeGrid(end=GRID.end, bins=24, step=3600))
    assert len(store.asked) == 2
