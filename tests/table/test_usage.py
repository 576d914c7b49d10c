"""Rows of usage become the history that a store with the same samples would give."""

import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.errors import TableError
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.simulator.reduction import reduce_samples
from recommender.sizing.histogram import DEMAND, STOCK_CPU, STOCK_MEMORY
from recommender.table.usage import read_usage
from tests.table.sheet import HEADER, MIDNIGHT, REQUESTS, quiet, row, usage_of, write

DAY = 86400
WEB = WorkloadRef("shop", "Deployment", "web")
APP = ContainerRef(WEB, "app")


def test_a_row_counts_in_the_bin_that_ends_at_or_after_it(tmp_path):
    """12:00:00 belongs to the bin up to 12:00, 12:00:01 to the one up to 12:05."""
    noon = DAY // 2
    usage = usage_of(tmp_path, row(noon, 1), row(noon + 1, 3)).usage
    assert usage.grid.end == MIDNIGHT + noon + 300
    assert usage.cpu_mean.tolist() == [[1.0, 3.0]]
    assert usage.pods.tolist() == [[1, 1]]
    assert (usage.first.tolist(), usage.last.tolist()) == (
        [MIDNIGHT + noon],
        [MIDNIGHT + noon + 300],
    )


def test_rows_of_one_pod_in_one_bin_are_one_sample_their_mean_and_their_highest_memory(tmp_path):
    usage = usage_of(tmp_path, row(60, 1, 4e9), row(120, 2, 8e9), row(180, 6, 5e9)).usage
    assert usage.cpu_mean.tolist() == [[3.0]]
    assert usage.samples.tolist() == [1]
    assert usage.cpu_days[0, 0].nonzero()[0].tolist() == DEMAND.index([3.0]).tolist()
    assert usage.memory_days.tolist() == [[8e9]]


def test_the_mean_is_over_the_pods_that_are_in_the_table(tmp_path):
    usage = usage_of(
        tmp_path, row(300, 1), row(300, 3, pod="web-2"), row(600, 5, pod="web-2")
    ).usage
    assert usage.cpu_mean.tolist() == [[2.0, 5.0]]
    assert usage.pods.tolist() == [[2, 1]]
    assert usage.cpu_max.tolist() == [5.0]


def test_containers_are_sorted_by_name(tmp_path):
    usage = usage_of(
        tmp_path,
        row(300, 2, workload="web", container="proxy"),
        row(300, 3, workload="api"),
        row(300, 1, workload="web"),
    ).usage
    names = [(each.workload.name, each.container) for each in usage.containers]
    assert names == [("api", "app"), ("web", "app"), ("web", "proxy")]
    assert usage.cpu_mean.tolist() == [[3.0], [1.0], [2.0]]


def test_days_are_those_of_utc_and_the_newest_one_may_be_open(tmp_path):
    """From 23:55 to 00:10: one bin of the day before, two of the newest."""
    usage = usage_of(tmp_path, row(0, 2, 2e9), row(300, 1, 1e9), row(600, 4, 4e9)).usage
    assert (usage.grid.bins, usage.grid.open_bins, usage.grid.days) == (3, 2, 2)
    assert usage.memory_days.tolist() == [[2e9, 4e9]]
    one, two, four = DEMAND.index([1.0, 2.0, 4.0])
    assert usage.cpu_days[0, 0, two] == 1
    assert usage.cpu_days[0, 1, [one, four]].tolist() == [1, 1]


def test_a_table_within_one_day_has_one_day(tmp_path):
    grid = usage_of(tmp_path, row(36_000, 1), row(37_500, 2)).usage.grid
    assert (grid.bins, grid.days, grid.open_bins) == (6, 1, 6)


def test_a_sample_loses_half_its_weight_in_a_day(tmp_path):
    usage = usage_of(tmp_path, row(300, 4), row(DAY + 300, 2), row(2 * DAY + 300, 1)).usage
    weights = usage.cpu_decayed[0, STOCK_CPU.index([4.0, 2.0, 1.0])]
    assert weights.tolist() == pytest.approx([0.25, 0.5, 1.0])


def test_memory_has_one_peak_a_pod_and_day_half_as_much_worth_for_each_day(tmp_path):
    usage = usage_of(
        tmp_path,
        row(300, 1, 1e9),
        row(300, 1, 3e9, pod="web-2"),
        row(600, 1, 2e9, pod="web-2"),
        row(DAY + 300, 1, 8e9),
    ).usage
    weights = usage.memory_decayed[0, STOCK_MEMORY.index([1e9, 3e9, 8e9])]
    assert weights.tolist() == [0.5, 0.5, 1.0]
    assert usage.memory_decayed.sum() == 2.0
    assert usage.memory_days.tolist() == [[3e9, 8e9]]


def test_an_empty_cell_is_no_sample_of_its_kind(tmp_path):
    usage = usage_of(tmp_path, row(300, "", 5e9), row(600, 2, ""), row(900, "NaN", 6e9)).usage
    assert np.isnan(usage.cpu_mean[0, 0])
    assert usage.cpu_mean[0, 1] == 2.0
    assert usage.samples.tolist() == [1]
    assert usage.memory_days.tolist() == [[6e9]]


def test_days_without_any_row_are_there_and_empty(tmp_path):
    usage = usage_of(tmp_path, row(300, 1), row(3 * DAY, 2)).usage
    assert usage.grid.days == 3
    assert np.isnan(usage.memory_days[0, 1])
    assert usage.cpu_days[0, 1].sum() == 0
    assert np.count_nonzero(usage.pods) == 2


@pytest.mark.parametrize(
    "written",
    [
        "2026-06-01T00:05:00Z",
        "2026-06-01T02:05:00+02:00",
        "2026-06-01 00:05:00",
        "1780272300",
        "1780272299.5",
        " 1780272300 ",
    ],
)
def test_times_are_rfc_3339_or_unix_seconds(tmp_path, written):
    line = f"{written},shop,web,Deployment,app,web-1,1,1e9"
    assert usage_of(tmp_path, line).usage.grid.end == MIDNIGHT + 300


def _write_shuffled(path, samples, *, seed, window):
    """Samples (bin, pod, cores, bytes), out of order by up to `window` bins."""
    rng = random.Random(seed)
    order = sorted(samples, key=lambda each: each[0] + rng.uniform(0, window))
    lines = [
        row(300 * (at + 1), f"{cpu:.9g}", f"{memory:.9g}", pod=pod)
        for at, pod, cpu, memory in order
    ]
    path.write_text("\n".join((HEADER, *lines)))


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**32 - 1),
    pods=st.integers(1, 3),
    bins=st.integers(1, 900),
    share=st.floats(0.05, 1.0),
)
def test_any_table_gives_what_its_samples_reduced_at_once_give(tmp_path, seed, pods, bins, share):
    rng = np.random.default_rng(seed)
    cpu = rng.lognormal(-1.0, 1.0, (pods, bins)).astype(np.float32)
    memory = rng.lognormal(20.0, 1.0, (pods, bins)).astype(np.float32)
    missing = rng.random((pods, bins)) > share
    missing[0, [0, -1]] = False  # the grid ends where the samples do
    cpu[missing] = memory[missing] = np.nan
    samples = [
        (at, f"web-{pod}", float(cpu[pod, at]), float(memory[pod, at]))
        for pod, at in np.argwhere(~missing).tolist()
    ]
    path = tmp_path / "usage.csv"
    _write_shuffled(path, samples, seed=seed, window=280)
    found = read_usage(path, progress=quiet).usage
    grid = TimeGrid(end=MIDNIGHT + 300 * bins, bins=bins, open_bins=bins % 288)
    expected = reduce_samples(grid, cpu, memory)
    assert found.grid == grid
    assert found.cpu_mean[0] == pytest.approx(expected.cpu_mean, rel=1e-5, nan_ok=True)
    assert found.pods[0].tolist() == expected.pods.tolist()
    assert found.cpu_days[0].tolist() == expected.cpu_days.tolist()
    assert found.cpu_decayed[0] == pytest.approx(expected.cpu_decayed, rel=1e-4, abs=1e-6)
    assert found.memory_days[0] == pytest.approx(expected.memory_days, rel=1e-6, nan_ok=True)
    assert found.memory_decayed[0].tolist() == expected.memory_decayed.tolist()
    assert found.samples[0] == expected.samples
    assert (found.first[0], found.last[0]) == (expected.first, expected.last)
    assert found.cpu_max[0] == pytest.approx(expected.cpu_max)


def test_rows_may_go_back_by_a_day(tmp_path):
    usage = usage_of(tmp_path, row(DAY + 300, 1), row(300, 2), row(DAY + 600, 3)).usage
    assert usage.samples.tolist() == [3]
    assert usage.cpu_mean[0, 0] == 2.0


def test_going_back_by_more_than_a_day_is_refused_with_both_lines(tmp_path):
    with pytest.raises(TableError) as caught:
        usage_of(tmp_path, row(300, 1), row(2 * DAY, 1), row(2 * DAY - 5, 1), row(DAY - 60, 2))
    assert str(caught.value) == (
        f"{tmp_path / 'usage.csv'} goes back in time by more than a day: line 5 is of "
        "2026-06-01T23:59:00Z, line 3 of 2026-06-03T00:00:00Z; sort it by time"
    )


def test_going_back_is_seen_over_blocks_of_rows(tmp_path):
    """Twenty thousand lines are more than the reader takes at once."""
    lines = [row(300 * at, 1) for at in range(20_000)]
    with pytest.raises(TableError, match=r"line 20002 is of .*, line 20001 of "):
        usage_of(tmp_path, *lines, row(0, 1))


def test_a_century_is_refused_before_room_is_made_for_it(tmp_path):
    with pytest.raises(TableError, match="spans more than 366 days up to line 3"):
        usage_of(tmp_path, row(-50 * 365 * DAY, 1), row(300, 1))


def test_more_than_a_recording_holds_is_refused_early(tmp_path):
    """4,000 containers over 366 days need 2 KiB a day and 6 bytes a bin each: 5.5 GB."""
    lines = [row(300, 1, workload=f"w-{number}") for number in range(4000)]
    with pytest.raises(TableError, match="has 4,000 containers over 366 days up to line 4002"):
        usage_of(tmp_path, *lines, row(365 * DAY + 300, 1, workload="w-1"))


def test_the_newest_requests_count(tmp_path):
    table = usage_of(
        tmp_path,
        row(600, 1, rest=",2,2000"),
        row(300, 1, rest=",1,1000"),
        row(900, 1, rest=",,3000"),
        row(300, 1, container="proxy", rest=",,"),
        header=HEADER + REQUESTS,
    )
    assert table.requests[APP] == (2.0, 3000.0)
    assert table.requests[ContainerRef(WEB, "proxy")] == (None, None)


def test_without_columns_of_requests_none_are_known(tmp_path):
    assert usage_of(tmp_path, row(300, 1)).requests == {APP: (None, None)}


def test_pods_of_the_end_are_those_of_the_fullest_bin_of_the_last_hour(tmp_path):
    """A rollout: 1 and 2 were replaced by 3 and 4, and the last bin has only one of them yet."""
    table = usage_of(
        tmp_path,
        *(row(300 * at, 1, pod=f"web-{pod}") for at in (1, 2) for pod in (1, 2)),
        *(row(300 * at, 1, pod=f"web-{pod}") for at in (3, 4) for pod in (3, 4)),
        row(300 * 4, 1, pod="web-3", container="proxy"),
        row(300 * 5, 1, pod="web-3"),
    )
    assert table.pods == {WEB: 2}


def test_what_ended_more_than_an_hour_before_has_no_pods(tmp_path):
    table = usage_of(tmp_path, row(300, 1, workload="report"), row(300 + 3900, 1))
    assert table.pods == {WEB: 1}


def test_nodes_of_pods_are_known_where_the_table_has_them(tmp_path):
    table = usage_of(
        tmp_path,
        row(300, 1, rest=",n1"),
        row(600, 1, rest=",n2"),
        row(600, 1, pod="web-2", rest=",n2"),
        row(600, 1, pod="web-3", rest=","),
        header=HEADER + ",node",
    )
    assert table.pods == {WEB: 3}
    assert table.pods_on == {WEB: {"n2": 2}}


@pytest.mark.parametrize(
    ("kind", "canonical"),
    [
        ("Deployment", "Deployment"),
        ("deployment", "Deployment"),
        ("sts", "StatefulSet"),
        ("Rollout", "Rollout"),
    ],
)
def test_kinds_are_written_as_kubernetes_writes_them(tmp_path, kind, canonical):
    table = usage_of(tmp_path, f"1780272300,shop,web,{kind},app,web-1,1,1e9")
    assert table.usage.containers[0].workload.kind == canonical


def test_one_pod_written_in_two_ways_is_one_pod(tmp_path):
    table = usage_of(
        tmp_path,
        "1780272300,shop,web,Deployment,app,web-1,1,1e9",
        "1780272301, shop ,web,deploy,app,web-1,2,1e9",
        "1780272302,shop,web,Deployment,app,web-1,3,1e9",
    )
    assert table.usage.pods.tolist() == [[1, 1]]
    assert table.pods == {WEB: 1}


def test_a_pod_that_comes_again_after_days_is_known_again(tmp_path):
    usage = usage_of(tmp_path, row(300, 1), row(4 * DAY, 1, pod="web-2"), row(4 * DAY, 3)).usage
    assert len(usage.containers) == 1
    assert usage.pods[0, [0, -1]].tolist() == [1, 2]


def test_rows_that_come_seldom_are_a_warning(tmp_path):
    table = usage_of(tmp_path, *(row(3600 * hour, 1) for hour in range(1, 30)))
    (warning,) = table.warnings
    assert warning == (
        "rows of a container are 1 h apart: the bins of 5 min between them stay empty, and count "
        "as missing"
    )
    assert usage_of(tmp_path, *(row(300 * at, 1) for at in range(1, 30))).warnings == ()


def test_progress_tells_the_megabytes_of_the_file(tmp_path):
    told = []
    path = write(tmp_path, *(row(300 * at, 1) for at in range(40_000)))
    read_usage(path, progress=lambda *step: told.append(step))
    size = -(-path.stat().st_size // 10**6)
    assert {name for name, _, _ in told} == {"MB of usage.csv"}
    assert {total for _, _, total in told} == {size}
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
