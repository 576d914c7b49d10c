"""Samples are reduced as the docstring of UsageHistory says."""

import math
from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.simulator.reduction import reduce_samples, stack_histories
from recommender.sizing.histogram import DEMAND, STOCK_CPU, STOCK_MEMORY

END = 1_767_225_600
NAN = float("nan")


def _reduce(cpu, memory=None, *, bins=None, **more):
    cpu = np.array(cpu, dtype=np.float32)
    memory = cpu * np.float32(1e9) if memory is None else np.array(memory, dtype=np.float32)
    return reduce_samples(TimeGrid(end=END, bins=bins or cpu.shape[1]), cpu, memory, **more)


def test_the_mean_is_over_the_pods_that_reported():
    found = _reduce([[1.0, NAN, NAN], [3.0, 5.0, NAN]])
    assert found.cpu_mean.tolist()[:2] == [2.0, 5.0]
    assert np.isnan(found.cpu_mean[2])
    assert found.pods.tolist() == [2, 1, 0]
    assert (found.samples, found.cpu_max) == (3, 5.0)


def test_first_and_last_are_the_ends_of_bins():
    found = _reduce([[NAN, 1.0, NAN, 2.0, NAN]])
    assert (found.first, found.last) == (END - 3 * 300, END - 300)


def test_a_container_that_never_reported_has_zeros_and_nan():
    found = _reduce([[NAN, NAN]])
    assert (found.samples, found.first, found.last) == (0, 0, 0)
    assert np.isnan(found.cpu_max)
    assert np.isnan(found.memory_days).all()
    assert found.cpu_days.sum() == found.cpu_decayed.sum() == found.memory_decayed.sum() == 0
    assert np.isnan(found.oom_bytes)


def test_days_are_counted_back_from_the_end():
    """Of 300 bins the newest 288 are the newest day, the other 12 the day before."""
    cpu = np.full((1, 300), 0.5)
    cpu[0, :12] = 2.0
    found = _reduce(cpu)
    half, two = DEMAND.index([0.5, 2.0])
    assert found.cpu_days.shape == (2, DEMAND.count)
    assert (found.cpu_days[0, two], found.cpu_days[1, half]) == (12, 288)
    assert found.cpu_days.sum() == 300
    assert found.memory_days.tolist() == [2e9, 0.5e9]


def test_a_sample_loses_half_its_weight_in_a_day():
    """A sample at the end weighs 1, one of 24 hours before 1/2, of 48 hours before 1/4."""
    cpu = np.full((1, 2 * 288 + 1), NAN)
    cpu[0, [0, 288, 576]] = (4.0, 2.0, 1.0)
    found = _reduce(cpu)
    weights = found.cpu_decayed[STOCK_CPU.index([4.0, 2.0, 1.0])]
    assert weights.tolist() == [0.25, 0.5, 1.0]
    assert found.cpu_decayed.sum() == 1.75


def test_memory_has_one_peak_a_pod_and_day():
    """Two pods, two days: 1 and 3 GB on the older day at half weight, 2 GB and 4 GB on the newer."""
    memory = np.full((2, 576), 1e8)
    memory[:, 100] = (1e9, 3e9)
    memory[:, 400] = (2e9, 4e9)
    found = _reduce(np.ones((2, 576)), memory)
    assert found.memory_days.tolist() == [3e9, 4e9]
    weights = found.memory_decayed[STOCK_MEMORY.index([1e9, 3e9, 2e9, 4e9])]
    assert weights.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert found.memory_decayed.sum() == 3.0


def test_the_memory_at_an_oom_kill_is_kept():
    assert _reduce([[1.0]], oom_bytes=2e9).oom_bytes == 2e9


@given(
    st.integers(1, 3),
    st.integers(1, 700),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.3, 0.95]),
)
def test_any_samples_agree_with_counting_one_by_one(pods, bins, seed, missing):
    rng = np.random.default_rng(seed)
    grid = TimeGrid(end=END, bins=bins)
    cpu = rng.lognormal(-1.0, 1.5, (pods, bins)).astype(np.float32)
    cpu[rng.random((pods, bins)) < missing] = NAN
    found = reduce_samples(grid, cpu, cpu * np.float32(1e9))
    days = np.zeros((grid.days, DEMAND.count))
    decayed = np.zeros(STOCK_CPU.count)
    demand_edges, stock_edges = DEMAND.edges.tolist(), STOCK_CPU.edges.tolist()
    for value, position in zip(cpu.ravel().tolist(), np.ndindex(cpu.shape), strict=True):
        if math.isnan(value):
            continue
        age_days = (bins - 1 - position[1]) * 300 / 86400
        days[grid.day_of(position[1]), min(bisect_right(demand_edges, value), 512) - 1] += 1
        decayed[min(bisect_right(stock_edges, value), 176) - 1] += 0.5**age_days
    assert np.array_equal(found.cpu_days, days)
    assert found.cpu_decayed == pytest.approx(decayed, rel=1e-5)
    assert found.samples == days.sum()


def test_rows_are_stacked_in_the_order_of_their_names():
    grid = TimeGrid(end=END, bins=2)
    web = WorkloadRef("shop", "Deployment", "web")
    api = WorkloadRef("shop", "Deployment", "api")
    rows = {
        ContainerRef(web, "app"): _reduce([[1.0, 1.0]]),
        ContainerRef(api, "proxy"): _reduce([[2.0, 2.0]]),
        ContainerRef(api, "app"): _reduce([[3.0, NAN]]),
    }
    usage = stack_histories(grid, rows)
    assert [(ref.workload.name, ref.container) for ref in usage.containers] == [
        ("api", "app"), ("api", "proxy"), ("web", "app")
    ]  # fmt: skip
    assert usage.cpu_max.tolist() == [3.0, 2.0, 1.0]
    assert usage.samples.tolist() == [1, 2, 2]


def test_stacked_arrays_have_the_types_and_shapes_of_the_model():
    grid = TimeGrid(end=END, bins=300)
    ref = ContainerRef(WorkloadRef("shop", "Deployment", "web"), "app")
    usage = stack_histories(grid, {ref: _reduce(np.ones((2, 300)))})
    looks = {
        "cpu_mean": ("float32", (1, 300)),
        "pods": ("uint16", (1, 300)),
        "cpu_days": ("uint32", (1, 2, 512)),
        "cpu_max": ("float32", (1,)),
        "cpu_decayed": ("float32", (1, 176)),
        "memory_days": ("float32", (1, 2)),
        "memory_decayed": ("float32", (1, 176)),
        "samples": ("int64", (1,)),
        "first": ("int64", (1,)),
        "last": ("int64", (1,)),
        "oom_bytes": ("float32", (1,)),
    }
    for name, (dtype, shape) in looks.items():
        array = getattr(usage, name)
        assert (str(array.dtype), array.shape) == (dtype, shape), name
