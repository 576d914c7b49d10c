"""Daily peaks of memory, and what was in use at a kill."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.history.client import RangeQuery
from recommender.history.container import ContainerRows
from recommender.history.matrix import Matrix, parse_reply
from recommender.history.memory import (
    HourGrid,
    KillReader,
    MemoryReader,
    MemoryReduction,
    PodPeaks,
)
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners, WorkloadRef
from recommender.sizing.histogram import STOCK_MEMORY
from recommender.units import HOUR
from tests.history.build import reply_of

GRID = TimeGrid(end=1_760_054_400, bins=576)  # two days
HOURS = HourGrid(GRID)
WEB = WorkloadRef("shop", "Deployment", "web")


def hourly(pod: str, points: dict[int, float], **more: str):
    labels = {"namespace": "shop", "pod": pod, "container": "app"} | more
    return labels, points


def matrix_of(*series) -> Matrix:
    reply = reply_of(
        *(
            (labels, [(HOURS.start + at * HOUR, repr(v)) for at, v in sorted(points.items())])
            for labels, points in series
        )
    )
    return parse_reply(reply, RangeQuery("q", HOURS.start, GRID.end, HOUR))


def reduce(*chunks, kills=None, wanted=None):
    owners = PodOwners(workloads=frozenset([WEB]), guesses=True)
    rows = ContainerRows(owners, wanted)
    reduction = MemoryReduction(GRID, room=4)
    reader = MemoryReader(reduction, GRID, rows.identify_memory, kills=kills or {})
    for chunk in chunks:
        reader.read(matrix_of(*chunk))
    reader.finish()
    return rows, reduction


def kills_of(*matrices, **options):
    reader = KillReader(**options)
    for matrix in matrices:
        reader.read(matrix)
    return reader.kills


def days_of(reduction) -> list[list[float]]:
    return reduction.days.take(np.arange(1)).tolist()


def test_hours_end_with_the_window():
    assert (HOURS.points, HOURS.start) == (48, GRID.end - 2 * 86_400)
    assert HOURS.days_of(np.array([1, 24, 25, 48])).tolist() == [0, 0, 1, 1]


def test_a_window_of_half_hours_begins_before_itself():
    hours = HourGrid(TimeGrid(end=GRID.end, bins=6))
    assert (hours.points, hours.start) == (1, GRID.end - HOUR)
    assert hours.days_of(np.array([1])).tolist() == [0]


def test_hours_of_a_day_that_is_open_begin_at_its_edge_and_the_last_may_be_cut():
    grid = TimeGrid(end=GRID.end + 30 * 300, bins=576 + 30, open_bins=30)
    hours = HourGrid(grid)
    # two and a half hours follow the edge
    assert (hours.start, hours.points, hours.rest) == (HOURS.start, 51, 1800)
    assert hours.days_of(np.array([24, 25, 48, 49, 51])).tolist() == [0, 1, 1, 2, 2]
    assert hours.time_of(49) == GRID.end + HOUR


def test_the_day_of_a_workload_is_its_highest_pod():
    chunk = [hourly("web-1", {3: 2e8, 30: 5e8}), hourly("web-2", {5: 3e8, 47: 1e8})]
    _, reduction = reduce(chunk)
    assert days_of(reduction) == [[3e8, 5e8]]


def test_each_pod_gives_one_peak_a_day_with_half_the_weight_a_day_before():
    chunk = [hourly("web-1", {3: 2e8, 4: 1e8, 30: 5e8}), hourly("web-2", {5: 3e8})]
    _, reduction = reduce(chunk)
    decayed = reduction.decayed.take(np.arange(1))[0]
    buckets = STOCK_MEMORY.index([2e8, 3e8, 5e8])
    assert decayed[buckets].tolist() == [0.5, 0.5, 1.0]
    assert decayed.sum() == 2.0


def test_a_day_in_two_chunks_is_one_day():
    _, reduction = reduce([hourly("web-1", {3: 2e8})], [hourly("web-1", {20: 4e8})])
    assert days_of(reduction) == [[4e8, 0.0]]
    assert reduction.decayed.take(np.arange(1)).sum() == 0.5


def test_unwanted_workloads_are_left_out():
    rows, reduction = reduce([hourly("web-1", {3: 2e8})], wanted=frozenset())
    assert rows.refs == []
    assert reduction.days.take(np.arange(0)).shape == (0, 2)


class TestPodPeaks:
    """Highest memory of each pod on the newest day."""

    def peaks(self, **pods: tuple[int, float]):
        return PodPeaks(
            np.array([ord(name) for name in pods]),
            np.array([row for row, _ in pods.values()]),
            np.array([peak for _, peak in pods.values()], np.float32),
        )

    def test_the_higher_peak_of_a_pod_counts_and_the_newer_row(self):
        merged = self.peaks(a=(0, 9e8), b=(1, 1e8)).merge(self.peaks(a=(2, 3e8), c=(0, 5e8)))
        found = zip(merged.key.tolist(), merged.row.tolist(), merged.peak.tolist(), strict=True)
        assert list(found) == [(ord("a"), 2, 9e8), (ord("b"), 1, 1e8), (ord("c"), 0, 5e8)]

    def test_pods_of_rows_that_are_gone_go_with_them(self):
        moved = self.peaks(a=(0, 9e8), b=(1, 1e8)).moved(np.array([-1, 0]))
        assert (moved.key.tolist(), moved.row.tolist()) == ([ord("b")], [0])

    def test_each_pod_is_one_in_its_bucket(self):
        counts = self.peaks(a=(0, 9e8), b=(0, 9e8), c=(1, 1e8)).count(3)
        assert counts.sum(axis=1).tolist() == [2, 1, 0]
        assert counts[0, STOCK_MEMORY.index(9e8)] == 2


class TestKills:
    def test_a_read_that_goes_on_knows_the_kill_that_was_there_before(self):
        matrix = matrix_of(
            hourly("web-1", dict.fromkeys(range(49), 1.0)),
            hourly("web-2", dict.fromkeys(range(30), 1.0) | dict.fromkeys(range(30, 49), 2.0)),
        )
        assert kills_of(matrix, goes_on=True) == {("shop", "web-2", "app"): 30}

    def test_a_reply_goes_on_where_the_one_before_ended(self):
        first = matrix_of(hourly("web-1", dict.fromkeys(range(20, 24), 1.0)))
        second = matrix_of(hourly("web-1", dict.fromkeys(range(24, 49), 1.0)))
        assert kills_of(first, second) == {("shop", "web-1", "app"): 20}

    def test_a_kill_is_when_the_reason_appears(self):
        matrix = matrix_of(hourly("web-1", dict.fromkeys(range(20, 49), 1.0)))
        assert kills_of(matrix) == {("shop", "web-1", "app"): 20}

    def test_the_newest_counts(self):
        counts = dict.fromkeys(range(5, 49), 1.0) | dict.fromkeys(range(30, 49), 2.0)
        again = {at: 1.0 for at in range(49) if not 10 <= at < 12}
        matrix = matrix_of(hourly("web-1", counts), hourly("web-2", again))
        assert kills_of(matrix) == {("shop", "web-1", "app"): 30, ("shop", "web-2", "app"): 12}

    def test_one_that_was_there_before_the_window_is_of_its_first_hour(self):
        matrix = matrix_of(hourly("web-1", dict.fromkeys(range(49), 1.0)))
        assert kills_of(matrix) == {("shop", "web-1", "app"): 1}

    @pytest.mark.parametrize(
        ("levels", "amount"),
        [
            ({18: 9e8, 19: 3e8, 20: 4e8, 21: 8e8}, 4e8),
            ({19: 5e8, 20: 1e8}, 5e8),  # the gauge fell with the restart
        ],
    )
    def test_the_peak_is_that_of_its_hour_and_the_one_before(self, levels, amount):
        kills = {("shop", "web-1", "app"): 20}
        _, reduction = reduce([hourly("web-1", levels)], kills=kills)
        assert reduction.oom_bytes == {0: (20, amount)}

    def test_the_newest_kill_of_all_pods_counts(self):
        kills = {("shop", "web-1", "app"): 20, ("shop", "web-2", "app"): 30}
        chunk = [hourly("web-1", {20: 9e8}), hourly("web-2", {30: 2e8}), hourly("web-3", {30: 3e8})]
        _, reduction = reduce(chunk, kills=kills)
        assert reduction.oom_bytes == {0: (30, 2e8)}

    def test_a_kill_without_a_level_gives_nothing(self):
        kills = {("shop", "web-1", "app"): 20, ("shop", "gone", "app"): 3}
        _, reduction = reduce([hourly("web-1", {40: 1e8})], kills=kills)
        assert reduction.oom_bytes == {}
