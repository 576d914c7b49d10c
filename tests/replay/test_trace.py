"""What a trace says of its containers, and its slices."""

import numpy as np
import pytest
from msgspec.structs import replace

from tests.replay.build import MIDNIGHT, Pod, trace_of

NAN = float("nan")
HALF_HOURS = 1800


def test_the_usage_of_a_pod_sums_its_containers_and_counts_what_was_not_seen_as_nothing():
    trace = trace_of(Pod([[1, 2], [3, NAN]]), Pod([[5, 6]]))
    assert trace.pod_usage.tolist() == [[4, 2], [5, 6]]
    assert trace.pod_usage.dtype == np.float32


def test_the_mean_of_a_container_is_over_the_bins_in_which_it_was_seen():
    trace = trace_of(Pod([1, 2, NAN]), Pod([NAN, NAN, NAN]))
    assert trace.means == pytest.approx([1.5, NAN], nan_ok=True)


def test_work_is_the_cores_of_all_replicas_times_the_seconds():
    """(2 x (1 + 2) + 3 x (4 + 0)) core-bins of 300 s."""
    trace = trace_of(Pod([1, 2], replicas=2), Pod([4, NAN], replicas=3))
    assert trace.work == pytest.approx(18 * 300)


def test_an_amount_of_containers_becomes_that_of_a_pod():
    trace = trace_of(Pod([[1], [1]], cpu=[0.5, 0.25]), Pod(1, cpu=2))
    assert trace.sum_by_pod(trace.cpu_requests).tolist() == [0.75, 2.0]


def test_a_slice_of_days_has_their_bins_and_shares_the_usage():
    trace = trace_of(Pod(np.arange(3 * 48)), step=HALF_HOURS)
    middle = trace.between(1, 2)
    assert middle.bins.tolist() == list(range(48, 96))
    assert middle.usage.tolist() == [list(range(48, 96))]
    assert middle.seconds == 86400
    assert set(middle.day.tolist()) == {1}
    assert np.shares_memory(middle.usage, trace.usage)


def test_slices_of_slices_still_know_their_days():
    trace = trace_of(Pod(np.arange(4 * 48)), step=HALF_HOURS)
    assert trace.between(1, 4).between(2, 3).bins.tolist() == list(range(96, 144))


def test_the_work_of_the_slices_is_the_work_of_the_whole():
    trace = trace_of(Pod(np.arange(4 * 48), replicas=3), step=HALF_HOURS)
    assert trace.between(0, 3).work + trace.between(3, 4).work == pytest.approx(trace.work)


def test_blocks_are_four_hours_of_the_day_in_utc():
    """A grid that begins at midnight: eight half hours to a block."""
    trace = trace_of(Pod(np.arange(2 * 48)), step=HALF_HOURS)
    assert trace.block[:48].tolist() == [hour // 8 for hour in range(48)]
    assert trace.in_block(2).bins.tolist() == [*range(16, 24), *range(64, 72)]


def test_blocks_follow_the_clock_where_the_grid_begins_at_noon():
    trace = trace_of(Pod(np.arange(48)), step=HALF_HOURS, end=MIDNIGHT + 43200)
    assert trace.block[[0, 23, 24, 47]].tolist() == [3, 5, 0, 2]


def test_every_bin_is_in_one_block():
    trace = trace_of(Pod(np.arange(50)), step=HALF_HOURS)
    parts = [trace.in_block(block).bins for block in range(6)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(50))


def test_a_container_is_seen_on_the_days_of_its_bins():
    usage = np.ones(2 * 48)
    usage[:12] = NAN
    trace = trace_of(Pod(usage), step=HALF_HOURS)
    assert trace.seen_by_day.tolist() == [[36, 48]]
    assert trace.between(1, 2).seen_by_day.tolist() == [[0, 48]]


def test_days_are_counted_from_the_first_to_the_last_bin_with_the_gaps_between_them():
    """A day, a day without the store, and the quarter of a third."""
    trace = trace_of(Pod(np.ones(3 * 48)), step=HALF_HOURS)
    seen = trace.only((trace.bins < 48) | ((trace.bins >= 96) & (trace.bins < 108)))
    assert (seen.seconds, seen.span_days) == (1.25 * 86400, 2.25)
    assert trace.only(np.zeros(3 * 48, dtype=bool)).span_days == 0.0


def test_nothing_chosen_is_an_empty_trace():
    trace = trace_of(Pod([1, 2]))
    nothing = trace.only(np.zeros(2, dtype=bool))
    assert nothing.usage.shape == (1, 0)
    assert nothing.seconds == 0.0
    assert nothing.work == 0.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("usage", np.zeros((1, 3), dtype=np.float32)),
        ("owner", np.zeros(2, dtype=int)),
        ("cpu_requests", np.zeros(3)),
        ("allowed", np.ones((1, 2), dtype=bool)),
        ("work_classes", ()),
    ],
)
def test_shapes_that_do_not_agree_are_refused(name, value):
    with pytest.raises(ValueError, match=name.replace("work_classes", "work class")):
        replace(trace_of(Pod([1, 2])), **{name: value})
