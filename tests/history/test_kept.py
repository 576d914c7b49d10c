"""History that is kept: after the first read only what is new is asked for, with the same result."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import NoDataError, StoreReplyError
from recommender.history.kept import KeptHistory
from recommender.history.store_reader import Scope
from recommender.model.history import TimeGrid
from recommender.model.identity import PodOwners, WorkloadRef
from recommender.recording import read_recording, write_recording
from recommender.sizing.demand import estimate_demand
from tests.history.pods import CPU, ENERGY, KILLED, MEMORY, NODE_CPU, PodStore, Series
from tests.recording.sample import make_recording

STEP = 1800  # so that a day has 48 bins and an hour two: edges are met often
DAY = 48
BEGIN = 1_759_968_000  # 2025-10-09 00:00 UTC
ASKED = 60  # bins of the window: a day and a quarter
WEB = WorkloadRef("shop", "Deployment", "web")
API = WorkloadRef("shop", "Deployment", "api")
JOB = WorkloadRef("back", "CronJob", "job")
SHARED = ("pods", "cpu_days", "samples", "first", "last", "cpu_max", "oom_bytes")


def at(point: int) -> int:
    return BEGIN + point * STEP


def window(end: int, bins: int = ASKED) -> TimeGrid:
    return TimeGrid(at(end), bins, STEP)


def labels_of(ref: WorkloadRef, pod: str, *, container: str = "app", number: int = 1):
    labels = {"namespace": ref.namespace, "pod": pod, "container": container}
    return labels | {"id": f"/{pod}/{container}/{number}", "instance": "n1"}


def counter(ref, pod, points, *, begin=5000.0, cores=0.5, **more):
    """A CPU counter that rises evenly over some points."""
    values = {at(p): begin + cores * STEP * i for i, p in enumerate(points)}
    return Series(CPU, labels_of(ref, pod, **more), values)


def gauge(ref, pod, levels, **more):
    return Series(MEMORY, labels_of(ref, pod, **more), {at(p): v for p, v in levels.items()})


def meters(points):
    values = {at(p): 1e6 + 100.0 * STEP * i for i, p in enumerate(points)}
    cpu = {at(p): 1e5 + 4.0 * STEP * i for i, p in enumerate(points)}
    zone = {"node": "n1", "zone": "package", "socket": "0", "quality": "measured"}
    return [Series(ENERGY, zone, values), Series(NODE_CPU, {"node": "n1"}, cpu)]


def scope_of(*wanted, nodes=("n1",)):
    owners = PodOwners(workloads=frozenset([WEB, API, JOB]), guesses=False)
    owners.pods.update(
        {(ref.namespace, f"{ref.name}-{i}"): ref for ref in (WEB, API, JOB) for i in range(9)}
    )
    namespaces = frozenset(ref.namespace for ref in wanted)
    return Scope(namespaces, owners, frozenset(wanted), node_names=frozenset(nodes))


def assert_same(found, wanted, *, dropped=0):
    """`found` is `wanted` but for so many bins at its beginning."""
    usage, truth = found.usage, wanted.usage
    days = truth.grid.days - usage.grid.days
    assert usage.containers == truth.containers
    assert (usage.grid.end, usage.grid.open_bins) == (truth.grid.end, truth.grid.open_bins)
    np.testing.assert_array_equal(usage.pods, truth.pods[:, dropped:])
    np.testing.assert_allclose(usage.cpu_mean, truth.cpu_mean[:, dropped:], rtol=1e-6)
    np.testing.assert_array_equal(usage.cpu_days, truth.cpu_days[:, days:])
    np.testing.assert_array_equal(usage.memory_days, truth.memory_days[:, days:])
    np.testing.assert_allclose(usage.cpu_decayed, truth.cpu_decayed, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(usage.memory_decayed, truth.memory_decayed, rtol=1e-6)
    np.testing.assert_array_equal(usage.samples, truth.pods[:, dropped:].sum(axis=1))
    if not dropped:
        for name in SHARED:
            np.testing.assert_array_equal(getattr(usage, name), getattr(truth, name), name)
    assert found.nodes.nodes == wanted.nodes.nodes
    np.testing.assert_allclose(found.nodes.watts, wanted.nodes.watts[:, dropped:], rtol=1e-6)
    np.testing.assert_allclose(found.nodes.cpu_used, wanted.nodes.cpu_used[:, dropped:], rtol=1e-6)


def whole_of(store, kept, scope, *, begin):
    """What one read gives from `begin` to the end of what is kept, with the same edges of days."""
    grid = kept.usage.grid
    bins = (grid.end - at(begin)) // STEP
    return store.reader.read(grid.last(bins), scope)


class Seen:
    """A store of two services that begin before the window, and a KeptHistory of it."""

    def __init__(self, *more, until=300, **options):
        points = range(until)
        self.store = PodStore(
            [
                counter(WEB, "web-0", points),
                gauge(WEB, "web-0", {p: 2e8 + 1e6 * (p % 7) for p in points}),
                counter(API, "api-0", points, cores=0.25),
                *meters(points),
                *more,
            ],
            STEP,
        )
        self.kept = KeptHistory(self.store.reader, **{"refresh": 1e9} | options)
        self.begin = None

    def read(self, end, *wanted, bins=ASKED, **options):
        if self.begin is None:
            self.begin = end - bins
        return self.kept.read(window(end, bins), scope_of(*(wanted or (WEB,)), **options))

    def assert_whole(self, history, *wanted, dropped=0):
        truth = whole_of(self.store, history, scope_of(*(wanted or (WEB,))), begin=self.begin)
        assert_same(history, truth, dropped=dropped)


def test_the_first_read_is_that_of_the_store():
    seen = Seen()
    found = seen.read(100)
    truth = seen.store.reader.read(window(100), scope_of(WEB))
    assert_same(found, truth)
    assert (found.queries, found.received_bytes) == (truth.queries, truth.received_bytes)
    assert found.sources == truth.sources


def test_nothing_new_is_no_query_and_the_same_objects():
    seen = Seen()
    first = seen.read(100)
    asked = len(seen.store.client.asked)
    again = seen.read(100)
    assert (again.queries, again.received_bytes) == (0, 0)
    assert again.usage is first.usage
    assert again.nodes is first.nodes
    assert seen.read(100) is again
    assert len(seen.store.client.asked) == asked


def test_of_counters_only_the_new_points_are_asked_for():
    seen = Seen()
    seen.read(100)
    before = len(seen.store.client.asked)
    found = seen.read(103)
    asked = seen.store.client.asked[before:]
    counters = [query for query in asked if query.query.startswith((CPU, NODE_CPU, ENERGY))]
    assert [(query.start, query.end) for query in counters] == [(at(101), at(103))] * 3
    assert all(query.start >= at(100) - 3 * 3600 for query in asked)
    assert found.queries == len(asked)
    seen.assert_whole(found)


def test_the_newest_day_grows_and_the_oldest_goes_once_the_rest_covers_the_window():
    seen = Seen()
    assert seen.read(100).usage.grid == window(100)
    grids = [seen.read(end).usage.grid for end in (101, 111, 112, 148, 149, 160)]
    # 60 bins are a quarter of a day (12 bins) and a day: after 12 bins that quarter goes
    assert [(grid.bins, grid.open_bins, grid.days) for grid in grids] == [
        (61, 1, 3),
        (71, 11, 3),
        (60, 12, 2),
        (96, 0, 2),
        (97, 1, 3),
        (60, 12, 2),
    ]
    assert [grid.end for grid in grids] == [at(end) for end in (101, 111, 112, 148, 149, 160)]


def test_a_day_that_is_open_ends_at_its_edge_even_if_the_read_goes_on():
    seen = Seen()
    seen.read(100)
    found = seen.read(159)
    assert (found.usage.grid.bins, found.usage.grid.open_bins) == (60 + 59 - 12, 11)
    seen.assert_whole(found, dropped=found.usage.grid.start // STEP - at(seen.begin) // STEP)


@pytest.mark.parametrize(
    ("end", "bins"), [(90, ASKED), (100, 40), (170, ASKED)], ids=["earlier", "shorter", "far"]
)
def test_another_window_is_read_whole(end, bins):
    seen = Seen()
    seen.read(100)
    found = seen.read(end, bins=bins)
    assert found.usage.grid == window(end, bins)
    assert_same(found, seen.store.reader.read(window(end, bins), scope_of(WEB)))


def test_new_bins_are_added_without_a_copy():
    seen = Seen()
    first = seen.read(100).usage
    second = seen.read(101).usage
    assert second is not first
    for name in ("cpu_mean", "pods", "cpu_days"):
        assert np.shares_memory(getattr(first, name), getattr(second, name))


def test_after_the_time_for_it_everything_is_read_anew_and_what_came_late_is_there():
    seen = Seen(counter(JOB, "job-0", range(300)), refresh=20 * STEP)
    seen.read(100, WEB, API, JOB)
    seen.store.held_until = at(100)
    seen.read(110, WEB, API, JOB)
    seen.store.held_until = None
    late = seen.read(119, WEB, API, JOB)
    # From 100 to 111 is too far for a bridge.
    assert late.usage.samples.tolist() == [late.usage.grid.bins - 11] * 3
    assert np.isnan(late.nodes.watts).sum() == 11
    found = seen.read(120, WEB, API, JOB)
    seen.begin = 52  # 12 bins of the oldest day are gone, with their weight
    seen.assert_whole(found, WEB, API, JOB)
    found = seen.read(122, WEB, API, JOB)
    assert found.queries < 12
    seen.assert_whole(found, WEB, API, JOB)


def test_an_error_while_all_is_read_anew_loses_nothing():
    seen = Seen(counter(JOB, "job-0", range(300)), refresh=20 * STEP)
    seen.read(100, WEB, JOB)
    seen.store.failing = seen.store.seen + 8  # all bins are there, of what is to be read anew some
    with pytest.raises(StoreReplyError):
        seen.read(120, WEB, JOB)
    for query in range(1, 7):
        seen.store.failing = seen.store.seen + query
        with pytest.raises(StoreReplyError):
            seen.read(120, WEB, JOB)
    seen.store.failing = None
    seen.begin = 52
    seen.assert_whole(seen.read(120, WEB, JOB), WEB, JOB)


def test_what_is_kept_can_be_recorded_and_sized(tmp_path):
    seen = Seen()
    seen.read(100)
    history = seen.read(107)
    recording = msgspec.structs.replace(make_recording(), history=history)
    write_recording(tmp_path / "kept.joulefit", recording)
    usage = read_recording(tmp_path / "kept.joulefit").history.usage
    assert usage.grid == history.usage.grid
    np.testing.assert_array_equal(usage.cpu_mean, history.usage.cpu_mean)
    demand = estimate_demand(history.usage).of(usage.containers[0])
    assert demand.mean == pytest.approx(0.5)
    assert demand.day_cores == pytest.approx([0.5 * bins for bins in (12, 48, 7)])


def test_what_left_the_window_keeps_less_weight_than_the_days_that_are_held():
    """At most 2^-D of what each bin, or day, would have at the end: here D is 1.25."""
    seen = Seen()
    seen.read(100)
    seen.read(149)
    found = seen.read(200)
    exact = seen.store.reader.read(found.usage.grid, scope_of(WEB)).usage
    bins = (found.usage.grid.start - at(40)) // STEP
    more = found.usage.cpu_decayed.sum() - exact.cpu_decayed.sum()
    assert 0 < more <= bins * 2 ** (-found.usage.grid.bins / DAY)
    more = found.usage.memory_decayed.sum() - exact.memory_decayed.sum()
    assert 0 < more <= bins / DAY * 2 ** -(found.usage.grid.days - 1)


class TestWanted:
    def test_a_new_workload_is_read_back_over_the_whole_window_and_nodes_are_not(self):
        seen = Seen()
        seen.read(100)
        seen.read(104)
        before = len(seen.store.client.asked)
        found = seen.read(104, WEB, API)
        asked = [query.query for query in seen.store.client.asked[before:]]
        assert sum(query.startswith(CPU) for query in asked) == 1
        assert not any(query.startswith((NODE_CPU, ENERGY)) for query in asked)
        seen.assert_whole(found, WEB, API)
        seen.assert_whole(seen.read(107, WEB, API), WEB, API)

    def test_so_is_one_of_a_namespace_that_was_not_read_before(self):
        seen = Seen(counter(JOB, "job-0", range(300)))
        seen.read(100)
        seen.assert_whole(seen.read(104, WEB, JOB), WEB, JOB)
        seen.assert_whole(seen.read(107, WEB, JOB), WEB, JOB)

    def test_one_that_is_not_wanted_any_more_is_dropped(self):
        seen = Seen()
        seen.read(100, WEB, API)
        before = len(seen.store.client.asked)
        found = seen.read(100, API)
        assert len(seen.store.client.asked) == before
        seen.assert_whole(found, API)
        seen.assert_whole(seen.read(103, API), API)
        seen.assert_whole(seen.read(105, WEB, API), WEB, API)

    def test_one_without_any_series_yet_is_not_asked_for_again(self):
        seen = Seen(counter(JOB, "job-0", range(102, 300)))
        seen.read(100)
        assert seen.read(100, WEB, JOB).queries > 0
        assert seen.read(100, WEB, JOB).queries == 0
        found = seen.read(104, WEB, JOB)
        assert [ref.workload for ref in found.usage.containers] == [JOB, WEB]
        assert found.usage.samples.tolist() == [2, 64]

    def test_after_none_at_all_the_first_are_read(self):
        seen = Seen()
        nothing = seen.kept.read(window(100), scope_of())
        assert nothing.usage.containers == ()
        assert nothing.nodes.watts == pytest.approx(np.full((1, ASKED), 100.0))
        assert seen.kept.read(window(101), scope_of()).nodes.watts.shape == (1, ASKED + 1)
        assert seen.read(102).usage.samples.tolist() == [ASKED]

    def test_a_new_container_gets_its_row(self):
        seen = Seen(counter(WEB, "web-0", range(103, 300), container="aaa", begin=0.0))
        seen.read(100)
        found = seen.read(106)
        assert [ref.container for ref in found.usage.containers] == ["aaa", "app"]
        assert found.usage.samples.tolist() == [3, 66]
        seen.assert_whole(found)

    def test_all_that_nobody_names_is_read_whole_each_time(self):
        seen = Seen()
        scope = msgspec.structs.replace(scope_of(WEB), wanted=None)
        seen.kept.read(window(100), scope)
        found = seen.kept.read(window(101), scope)
        assert found.usage.grid == window(101)


class TestFailure:
    @pytest.mark.parametrize("query", range(1, 7))
    def test_an_error_changes_nothing_and_the_next_read_catches_up(self, query):
        seen = Seen()
        assert seen.kept.kept is None
        before = seen.read(100)
        assert seen.kept.kept is before
        held = before.usage.cpu_mean.copy()
        seen.store.failing = seen.store.seen + query
        with pytest.raises(StoreReplyError):
            seen.read(103, WEB, API)
        np.testing.assert_array_equal(before.usage.cpu_mean[:, :ASKED], held)
        assert [ref.workload for ref in seen.kept.kept.usage.containers] == [WEB]
        seen.store.failing = None
        seen.assert_whole(seen.read(105, WEB, API), WEB, API)

    def test_bins_without_any_series_are_no_error_once_there_were_some(self):
        seen = Seen()
        seen.read(100)
        seen.store.held_until = at(100)
        found = seen.read(106)
        assert found.usage.samples.tolist() == [ASKED]
        assert "there is no usage after 2025-10-11T02:00:00Z" in found.warnings
        seen.store.held_until = None
        # Seven steps are too long for a bridge, so the first difference is that after them.
        assert seen.read(107).usage.samples.tolist() == [ASKED]
        assert seen.read(108).usage.samples.tolist() == [ASKED + 1]

    def test_without_anything_at_first_it_is(self):
        seen = Seen(until=2)
        with pytest.raises(NoDataError):
            seen.read(100)


class TestSources:
    def test_a_better_one_that_turns_up_has_all_read_anew(self):
        seen = Seen()
        seen.store.series = [each for each in seen.store.series if each.name != ENERGY]
        assert np.isnan(seen.read(100).nodes.watts).all()
        seen.store.series += meters(range(101, 300))[:1]
        found = seen.read(103)
        assert found.usage.grid == window(103)
        assert np.isfinite(found.nodes.watts).sum() == 2
        assert seen.read(104).usage.grid.open_bins == 1

    def test_one_that_is_away_for_a_while_has_not(self):
        seen = Seen()
        seen.read(100)
        whole = seen.store.series
        seen.store.series = [each for each in whole if each.name != ENERGY]
        assert seen.read(103).usage.grid.open_bins == 3
        seen.store.series = whole
        assert seen.read(104).usage.grid.open_bins == 4


class TestNodes:
    def test_a_node_that_joins_or_leaves(self):
        other = [
            dataclasses.replace(each, labels=each.labels | {"node": "n2"})
            for each in meters(range(102, 300))
        ]
        seen = Seen(*other)
        seen.read(100)
        joined = seen.read(100, nodes=("n1", "n2"))
        assert joined.queries == 0
        assert np.isnan(joined.nodes.watts[1]).all()
        found = seen.read(105, nodes=("n1", "n2")).nodes.watts
        assert np.isfinite(found).sum(axis=1).tolist() == [65, 3]
        assert seen.read(106, nodes=("n2",)).nodes.nodes == ("n2",)


class TestMemory:
    def test_a_higher_peak_of_the_same_day_moves_the_sample_of_its_pod(self):
        levels = dict.fromkeys(range(300), 1e8) | {104: 9e8}
        seen = Seen(gauge(API, "api-0", levels))
        seen.read(100, API)
        assert seen.read(102, API).usage.memory_decayed.sum() == pytest.approx(1.75)
        found = seen.read(105, API)
        # one peak for each of three days, of which the newest has begun
        assert found.usage.memory_decayed.sum() == pytest.approx(1.75)
        assert found.usage.memory_days[0].tolist() == [
            np.float32(1e8),
            np.float32(1e8),
            np.float32(9e8),
        ]
        seen.assert_whole(found, API)

    def test_a_kill_is_seen_when_it_happens_and_goes_with_its_day(self):
        killed = Series(KILLED, labels_of(WEB, "web-0"), {at(p): 1.0 for p in range(105, 300)})
        seen = Seen(killed)
        # at 02:30 of the third day: the hour until 03:00 and the one before it count
        assert np.isnan(seen.read(104).usage.oom_bytes[0])
        found = seen.read(105)
        assert found.usage.oom_bytes[0] == np.float32(2e8 + 6e6)  # point 104: 104 % 7 = 6
        seen.assert_whole(found)
        for end in (150, 200, 211):
            assert np.isfinite(seen.read(end).usage.oom_bytes[0])
        assert np.isnan(seen.read(212).usage.oom_bytes[0])  # 60 bins after its day


@st.composite
def pods(draw, name, ref):
    """Series of a pod: containers started anew one after the other, with gaps, rests and resets."""
    series = []
    first = draw(st.integers(0, 120))
    for number in range(draw(st.integers(1, 3))):
        length = draw(st.integers(1, 60))
        rises = draw(
            st.lists(st.sampled_from([0, 0, 600, 900, -1]), min_size=length, max_size=length)
        )
        away = draw(st.sets(st.integers(0, length), max_size=8))
        value = float(draw(st.sampled_from([0, 700, 50_000])))
        values = {}
        for i, rise in enumerate(rises):
            value = 100.0 if rise < 0 else value + rise
            if i not in away:
                values[at(first + i)] = value
        series.append(Series(CPU, labels_of(ref, name, number=number), values))
        first += length + draw(st.integers(0, 20))
    levels = draw(st.dictionaries(st.integers(0, 210), st.integers(1, 9), max_size=30))
    series.append(gauge(ref, name, {p: 1e8 * level for p, level in levels.items()}))
    if draw(st.booleans()):
        since = draw(st.integers(0, 200))
        kills = {at(p): 1.0 for p in range(since, min(since + 30, 210))}
        series.append(Series(KILLED, labels_of(ref, name), kills))
    return series


@st.composite
def stores(draw):
    found = [counter(WEB, "web-8", range(211)), counter(JOB, "job-8", range(211))]
    found += meters(
        [p for p in range(211) if p not in draw(st.sets(st.integers(0, 210), max_size=20))]
    )
    for number in range(draw(st.integers(1, 3))):
        ref = draw(st.sampled_from([WEB, API, JOB]))
        found += draw(pods(f"{ref.name}-{number}", ref))
    return PodStore([each for each in found if each.values], STEP)


ADVANCES = st.lists(st.integers(0, 30), min_size=1, max_size=12)


@settings(max_examples=40)
@given(stores(), ADVANCES)
def test_any_sequence_of_reads_gives_what_one_read_gives(store, advances):
    """Also after old days were dropped: then what remains is the end of a longer window."""
    scope = scope_of(WEB, API, JOB)
    kept = KeptHistory(store.reader, refresh=1e9)
    end = 70
    kept.read(window(end), scope)
    for advance in advances:
        end = min(end + advance, 205)
        found = kept.read(window(end), scope)
        truth = whole_of(store, found, scope, begin=10)
        there = np.isin(
            [str(c) for c in truth.usage.containers], [str(c) for c in found.usage.containers]
        )
        assert there.all()
        assert_same(found, truth, dropped=(found.usage.grid.start - at(10)) // STEP)


@settings(max_examples=40)
@given(
    stores(),
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sets(st.sampled_from([WEB, API, JOB]), min_size=1),
            st.none() | st.integers(1, 8),
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_whoever_is_wanted_and_whatever_fails_it_is_what_one_read_gives(store, steps):
    """Within the first days, so that all reads begin at the same time."""
    kept = KeptHistory(store.reader, refresh=1e9)
    end = 120
    kept.read(window(end, 110), scope_of(WEB))
    for advance, wanted, failing in steps:
        end += advance
        scope = scope_of(*sorted(wanted))
        store.failing = None if failing is None else store.seen + failing
        try:
            kept.read(window(end, 110), scope)
        except StoreReplyError:
            store.failing = None
        store.failing = None
        found = kept.read(window(end, 110), scope)
        if found.usage.grid.start == at(10):
            assert_same(found, whole_of(store, found, scope, begin=10))
