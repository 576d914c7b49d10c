"""Which queries read a window."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recommender.history.plan import (
    GROUP_SERIES,
    LABEL_BYTES,
    REPLY_BYTES,
    SAMPLE_BYTES,
    Part,
    group_namespaces,
    split_namespaces,
    split_points,
)


@given(st.integers(1, 10_000), st.integers(0, 100_000))
def test_parts_cover_each_point_once(points, series):
    parts = split_points(points, series=series)
    covered = [at for part in parts for at in range(part.first, part.last + 1)]
    assert covered == list(range(points))


@given(st.integers(1, 10_000), st.integers(1, GROUP_SERIES))
def test_replies_are_as_large_as_they_may_be_and_not_larger(points, series):
    parts = split_points(points, series=series)
    longest = max(part.last - part.first + 1 for part in parts)
    assert series * (longest * SAMPLE_BYTES + LABEL_BYTES) <= REPLY_BYTES
    if len(parts) > 1:
        # one part fewer would not have done
        fewer = points / (len(parts) - 1)
        assert series * ((fewer + 1) * SAMPLE_BYTES + LABEL_BYTES) > REPLY_BYTES


def test_two_hundred_containers_for_eight_days_take_eight_queries():
    # 400 pods: 5 MB / 400 - 500 = 12,000 bytes are 375 points; 2,305 points are 7 parts
    assert len(split_points(2305, series=400)) == 7


def test_no_reply_has_more_points_of_a_series_than_prometheus_gives():
    # of one series: 5 MB hold 156,234 points; eleven days of ten seconds are 95,040
    parts = split_points(95_041, series=1)
    assert max(part.last - part.first + 1 for part in parts) <= 11_000
    assert len(parts) == 9


def test_parts_may_begin_later():
    assert split_points(24, series=10, offset=1) == [Part(1, 24)]


def test_all_namespaces_that_fit_are_one_group_without_a_matcher():
    [group] = group_namespaces({"a": 10, "b": 20}, wanted=None)
    assert (group.matcher, group.series) == ("", 30)


def test_wanted_namespaces_are_asked_for_even_if_they_were_not_seen():
    [group] = group_namespaces({"a": 10, "b": 20}, wanted=frozenset(["a", "c"]))
    assert (group.matcher, group.series) == ('namespace=~"a|c"', 10)


def test_no_namespace_wanted_is_no_group():
    assert group_namespaces({"a": 10}, wanted=frozenset()) == []


def test_many_series_are_read_in_groups_of_whole_namespaces():
    series = {f"n{number}": 1500 for number in range(5)}
    groups = group_namespaces(series, wanted=None)
    assert [group.series for group in groups] == [3000, 3000, 1500]
    assert groups[0].matcher == 'namespace=~"n0|n1"'
    assert groups[1].matcher == 'namespace=~"n2|n3"'
    # The last group takes what the others do not, also what was not seen.
    assert groups[2].matcher == 'namespace!~"n0|n1|n2|n3"'


def test_a_namespace_larger_than_a_group_is_not_cut():
    groups = group_namespaces({"a": 1, "huge": 50_000, "z": 1}, wanted=None)
    assert [group.series for group in groups] == [1, 50_000, 1]


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers(0, 100)),
    st.frozensets(st.text("abc", min_size=1)),
    st.integers(1, 6),
)
def test_namespaces_are_split_into_no_more_parts_than_wanted(series, wanted, parts):
    found = list(split_namespaces(series, wanted=wanted, parts=parts))
    assert sorted(name for part in found for name in part) == sorted(wanted)
    if any(series.get(name) for name in wanted):
        assert len(found) <= parts + 1
