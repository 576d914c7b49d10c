"""Counters to rates: what is counted, what is not, whatever the chunks."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.history.counter import (
    CounterReader,
    CounterRules,
    add_units,
    choose_observers,
)
from recommender.history.registry import Identity, SeriesRegistry
from tests.history.build import STEP, matrix_of

END = 20


def identify(labels):
    return Identity(
        row=0,
        group=labels.get("group", labels.get("series")),
        unit=labels.get("unit", labels.get("series")),
        target=labels.get("target", "node"),
    )


class Reader:
    """A CounterReader over chunks given as {grid point: value} by series."""

    def __init__(self, **rules):
        self.registry = SeriesRegistry(identify)
        self.reader = CounterReader(self.registry, step=STEP, rules=CounterRules(**rules))

    def read(self, chunk, *, first_at=0):
        matrix = matrix_of(chunk, first_at=first_at)
        series = self.registry.find(matrix.metrics)
        rates = choose_observers(self.reader.read(series, matrix.points), self.registry)
        return add_units(rates, self.registry)


def seconds(chunk, *, first_at=0, **rules):
    """CPU seconds by bin that one chunk gives, over all series."""
    reader = Reader(**rules)
    found = defaultdict(float)
    for rates in (reader.read(chunk, first_at=first_at), reader.reader.rests(END)):
        for at, rate in zip(rates.bin.tolist(), rates.rate.tolist(), strict=True):
            found[at] += rate * STEP
    return {at: pytest.approx(value) for at, value in found.items()}


def steady(first: int, last: int, *, per_step: float = 30.0, begin: float = 1000.0):
    return {at: begin + per_step * (at - first) for at in range(first, last + 1)}


class TestDifferences:
    def test_a_bin_holds_what_was_counted_between_its_ends(self):
        assert seconds({"a": {0: 100.0, 1: 130.0, 2: 190.0}}) == {0: 30, 1: 60}

    def test_the_first_value_of_the_window_is_a_beginning_not_an_increase(self):
        assert seconds({"a": {0: 5000.0}}) == {}

    def test_after_a_fall_the_new_value_is_the_increase(self):
        assert seconds({"a": {0: 500.0, 1: 12.0, 2: 20.0}}) == {0: 12, 1: 8}

    def test_a_register_that_falls_says_nothing_of_its_bin(self):
        found = seconds({"a": {0: 500.0, 1: 12.0, 2: 20.0}}, resets_to_zero=False)
        assert found == {1: 8}

    def test_more_than_a_thousand_cores_are_not_believed(self):
        jump = 1024 * STEP
        assert seconds({"a": {0: 0.0, 1: jump, 2: 2 * jump + 1}}) == {0: jump}


class TestGaps:
    @pytest.mark.parametrize("missing", [1, 2, 3])
    def test_up_to_three_missing_points_are_bridged_with_the_mean(self, missing):
        back = 2 + missing
        found = seconds({"a": {0: 0.0, 1: 30.0, back: 30.0 + 60.0 * (missing + 1)}})
        assert found == {0: 30} | dict.fromkeys(range(1, back), 60)

    def test_four_missing_points_are_not(self):
        assert seconds({"a": {0: 0.0, 1: 30.0, 6: 300.0, 7: 360.0}}) == {0: 30, 6: 60}

    def test_a_reset_in_a_gap_counts_what_came_after_it(self):
        assert seconds({"a": {0: 900.0, 3: 60.0}}) == {0: 20, 1: 20, 2: 20}

    def test_a_gap_across_two_chunks_is_bridged(self):
        reader = Reader()
        reader.read({"a": {0: 0.0, 1: 30.0}})
        rates = reader.read({"a": {4: 120.0, 5: 150.0}}, first_at=3)
        assert sorted(rates.bin.tolist()) == [1, 2, 3, 4]
        assert rates.rate.tolist() == pytest.approx([0.1] * 4)

    def test_a_series_that_comes_back_after_long_does_not_count_from_zero(self):
        chunk = {"a": {0: 100.0, 1: 130.0, 9: 4000.0, 10: 4030.0}, "b": steady(0, END)}
        assert seconds({"a": chunk["a"]} | {"b": {}}) == {0: 30, 9: 30}
        with_other = Reader().read(chunk)
        of_a = with_other.bin[with_other.series == 0]
        assert sorted(of_a.tolist()) == [0, 9]


class TestEnds:
    def test_a_value_repeated_at_the_end_of_a_series_is_no_rest(self):
        assert seconds({"a": {0: 0.0, 1: 30.0, 2: 30.0}}) == {0: 30}

    def test_a_value_repeated_before_a_long_gap_is_no_rest(self):
        assert seconds({"a": {0: 0.0, 1: 30.0, 2: 30.0, 9: 30.0, 10: 40.0}}) == {0: 30, 9: 10}

    def test_a_container_at_rest_keeps_its_zeros(self):
        at_rest = dict.fromkeys(range(END + 1), 30.0)
        assert seconds({"a": at_rest}) == dict.fromkeys(range(END), 0)

    def test_rest_before_the_end_keeps_all_zeros_but_the_repeated_one(self):
        assert seconds({"a": {0: 30.0, 1: 30.0, 2: 30.0, 3: 30.0}}) == {0: 0, 1: 0}

    def test_a_zero_at_the_end_of_a_chunk_counts_once_the_series_goes_on(self):
        reader = Reader()
        assert reader.read({"a": {0: 0.0, 1: 30.0, 2: 30.0}}).bin.tolist() == [0]
        rates = reader.read({"a": {3: 60.0}}, first_at=3)
        assert sorted(zip(rates.bin.tolist(), rates.rate.tolist(), strict=True)) == [
            (1, 0.0),
            (2, 0.1),
        ]


class TestBeginnings:
    def test_a_series_that_begins_while_its_target_is_watched_counts_from_zero(self):
        chunk = {"old": steady(0, 5), "new": {3: 45.0, 4: 75.0}}
        assert seconds(chunk) == {0: 30, 1: 30, 2: 30 + 45, 3: 30 + 30, 4: 30}

    def test_series_that_begin_with_monitoring_do_not(self):
        assert seconds({"a": {3: 4000.0, 4: 4030.0}, "b": {3: 9000.0, 4: 9060.0}}) == {3: 90}

    def test_nor_do_those_that_begin_when_their_target_comes_back(self):
        chunk = [
            ({"series": "here", "target": "n1"}, steady(0, 9)),
            ({"series": "before", "target": "n2"}, {0: 0.0, 1: 0.5}),
            ({"series": "after", "target": "n2"}, {8: 3600.0, 9: 3630.0}),
        ]
        assert seconds(chunk) == {at: 30 + 0.5 * (at == 0) + 30 * (at == 8) for at in range(9)}

    def test_the_first_pods_of_a_new_node_count_from_zero(self):
        chunk = [
            ({"series": "here", "target": "n1"}, steady(0, 5)),
            ({"series": "there", "target": "n2"}, {4: 20.0, 5: 40.0}),
        ]
        assert seconds(chunk) == {0: 30, 1: 30, 2: 30, 3: 50, 4: 50}

    def test_it_holds_at_the_edge_of_a_chunk(self):
        reader = Reader()
        reader.read({"old": steady(0, 2)})
        rates = reader.read({"old": {3: 1090.0}, "new": {3: 45.0}}, first_at=3)
        assert sorted((rates.rate * STEP).round(6).tolist()) == [30, 45]

    def test_a_beginning_beyond_belief_is_not_counted(self):
        chunk = {"old": steady(0, 4), "new": {3: 1025.0 * STEP, 4: 1025.0 * STEP + 30}}
        assert seconds(chunk) == {0: 30, 1: 30, 2: 30, 3: 60}

    def test_a_series_that_still_stands_at_zero_has_no_sample_of_the_bin_before(self):
        found = Reader().read({"old": steady(0, 4), "new": {3: 0.0, 4: 30.0}})
        assert sorted(found.bin.tolist()) == [0, 1, 2, 3, 3]

    def test_meters_never_count_from_zero(self):
        chunk = {"old": steady(0, 4), "new": {3: 45.0, 4: 75.0}}
        assert seconds(chunk, begins_at_zero=False) == {0: 30, 1: 30, 2: 30, 3: 60}


def observers(*values, unit="c1"):
    return [
        ({"series": f"{unit}-{i}", "group": "pod", "unit": unit}, points)
        for i, points in enumerate(values)
    ]


class TestObservers:
    """Several series of one unit, and several units of one group."""

    def test_two_scrapers_of_one_container_count_once(self):
        found = Reader().read(observers(steady(0, 4), steady(0, 4, begin=1001.0)))
        assert sorted(found.bin.tolist()) == [0, 1, 2, 3]
        assert (found.rate * STEP).tolist() == pytest.approx([30] * 4)

    def test_where_one_was_away_the_other_counts(self):
        away = {at: value for at, value in steady(0, 12).items() if not 3 <= at <= 8}
        found = Reader().read(observers(away, steady(0, 12)))
        assert sorted(found.bin.tolist()) == list(range(12))

    def test_a_second_scraper_that_begins_later_does_not_count_from_zero(self):
        found = Reader().read(observers(steady(0, 9), {4: 1120.0, 5: 1150.0, 6: 1180.0}))
        assert (found.rate * STEP).tolist() == pytest.approx([30] * 9)

    def test_a_container_started_anew_adds_to_the_one_before_it(self):
        chunk = [
            *observers({0: 100.0, 1: 130.0, 2: 140.0}),
            *observers({2: 5.0, 3: 35.0}, unit="c2"),
        ]
        found = Reader().read(chunk)
        by_bin = dict(zip(found.bin.tolist(), (found.rate * STEP).tolist(), strict=True))
        assert by_bin == {0: pytest.approx(30), 1: pytest.approx(10 + 5), 2: pytest.approx(30)}

    def test_cpus_of_one_container_add_up(self):
        chunk = observers(steady(0, 3)) + observers(steady(0, 3, per_step=60.0), unit="c2")
        found = Reader().read(chunk)
        assert (found.rate * STEP).tolist() == pytest.approx([90] * 3)

    def test_a_bridge_into_a_chunk_that_was_counted_is_left_to_it(self):
        reader = Reader()
        first = {0: 0.0, 1: 30.0, 2: 60.0, 3: 90.0}
        away = {0: 0.0, 1: 30.0}
        counted = reader.read(observers(first, away)).bin.tolist()
        rest = {4: 120.0, 5: 150.0}
        counted += reader.read(observers(rest, rest), first_at=4).bin.tolist()
        assert sorted(counted) == [0, 1, 2, 3, 4]


class TestLate:
    """What is known of a bin only after other points were read."""

    def test_a_zero_counts_once_the_series_goes_on_unless_its_pod_was_counted(self):
        reader = Reader()
        chunk = observers({0: 10.0, 1: 10.0}) + observers({0: 0.0, 1: 30.0}, unit="c2")
        assert reader.read(chunk).bin.tolist() == [0]
        assert reader.reader.rests(1).bin.tolist() == []
        chunk = observers({2: 10.0}) + observers({2: 60.0}, unit="c2")
        assert reader.read(chunk, first_at=2).bin.tolist() == [1]

    def test_two_scrapers_of_a_pod_at_rest_are_one_rest(self):
        reader = Reader()
        same = {0: 10.0, 1: 10.0}
        assert reader.read(observers(same, same)).bin.tolist() == []
        assert reader.reader.rests(1).bin.tolist() == [0]
        rates = reader.read(observers({2: 10.0}, {2: 10.0}), first_at=2)
        assert (rates.bin.tolist(), rates.rate.tolist()) == ([0], [0.0])

    def test_a_reader_that_goes_on_leaves_the_one_before_as_it_was(self):
        reader, state = Reader(), None
        reader.read({"a": {0: 0.0, 1: 30.0}})
        registry = reader.registry.resume(identify)
        state = reader.reader.state.copy()
        other = CounterReader(registry, step=STEP, rules=CounterRules(), state=state)
        matrix = matrix_of({"a": {3: 90.0}, "b": {3: 1.0}}, first_at=2)
        rates = other.read(registry.find(matrix.metrics), matrix.points)
        assert rates.bin.tolist() == [1, 2]
        assert len(reader.registry.row) == 1
        assert reader.reader.state.at.tolist() == [1]
        assert reader.read({"a": {2: 60.0}}, first_at=2).bin.tolist() == [1]


increases = st.lists(st.floats(0.0, 3000.0), min_size=1, max_size=END)


@given(increases, st.sets(st.integers(1, END - 1), max_size=6), st.integers(1, END))
def test_differences_add_up_to_the_true_increase_where_no_gap_is_long(rises, resets, cut):
    """Whatever resets and chunks there are: with the value after a reset as its increase."""
    truth, value, points = 0.0, 7_000.0, {0: 7_000.0}
    for at, rise in enumerate(rises, start=1):
        if at in resets and rise < value:
            value = 0.0
        value += rise
        truth += rise
        points[at] = value
    reader = Reader()
    total = 0.0
    for first, chunk in ((0, range(cut)), (cut, range(cut, END + 1))):
        part = {"a": {at: points[at] for at in chunk if at in points}}
        if part["a"]:
            total += float(reader.read(part, first_at=first).rate.sum()) * STEP
    assert total == pytest.approx(truth, abs=1e-6)


@given(
    st.lists(
        st.dictionaries(st.integers(0, END), st.integers(0, 5), max_size=END),
        min_size=1,
        max_size=4,
    ),
    st.sets(st.integers(1, END), max_size=3),
)
def test_chunks_make_no_difference(all_points, cuts):
    """The same rates for any cut of the window, of series with gaps, resets and rests."""

    def read(edges):
        reader, found = Reader(), defaultdict(float)
        for first, end in itertools.pairwise(edges):
            chunk = {
                str(i): {at: float(v) for at, v in points.items() if first <= at < end}
                for i, points in enumerate(all_points)
            }
            rates = reader.read(chunk, first_at=first)
            for series, at, rate in zip(rates.series, rates.bin, rates.rate, strict=True):
                name = reader.registry.rank[series]
                assert (name, at) not in found
                found[int(name), int(at)] = round(float(rate), 9)
        rests = reader.reader.rests(END)
        ended = {(int(reader.registry.rank[series]), END - 1): 0.0 for series in rests.series}
        assert not found.keys() & ended.keys()
        return found | ended

    assert read([0, END + 1]) == read([0, *sorted(cuts), END + 1])


def test_a_chunk_without_series_changes_nothing():
    reader = Reader()
    reader.read({"a": {0: 0.0, 1: 30.0}})
    assert not len(reader.read({}, first_at=2).bin)
    assert reader.read({"a": {3: 90.0}}, first_at=3).bin.tolist() == [1, 2]


def test_series_are_known_by_their_labels():
    registry = SeriesRegistry(identify)
    first = registry.find([b'{"series":"a"}', b'{"series":"b"}'])
    second = registry.find([b'{"series":"b"}', b'{"series":"c"}', b'{"series":"a"}'])
    assert first.tolist() == [0, 1]
    assert second.tolist() == [1, 2, 0]
    assert np.unique(registry.unit).size == 3
