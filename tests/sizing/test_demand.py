"""What a container demanded, from the reduced history."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.sizing.demand import estimate_demand
from tests.sizing.build import GIB, WEB, demand_of, ramp, usage_of


def test_mean_quantiles_and_peak_are_those_of_the_samples():
    demand = demand_of(ramp(0.1, 0.3), memory=GIB)
    assert demand.mean == pytest.approx(0.2, rel=1e-4)
    assert demand.quantiles == pytest.approx((0.2, 0.28, 0.29), rel=0.002)
    assert demand.highest == pytest.approx(0.3, rel=0.002)
    assert demand.memory_peak == GIB
    assert demand.memory_days.tolist() == [GIB] * 8


def test_each_pod_counts_in_the_mean_by_the_bins_it_ran_in():
    cpu = np.full((2, 8 * 288), 0.1)
    cpu[1] = 0.4
    cpu[1, : 6 * 288] = math.nan  # the second pod ran for two of the eight days
    demand = demand_of(cpu)
    assert demand.mean == pytest.approx((8 * 0.1 + 2 * 0.4) / 10, rel=1e-4)
    assert demand.samples == 10 * 288
    assert demand.present_bins == 8 * 288


def test_gaps_shorten_neither_days_nor_window_but_count_as_absent():
    cpu = ramp(0.1, 0.3)
    cpu[288 : 4 * 288] = math.nan
    demand = demand_of(cpu)
    assert demand.days == pytest.approx(8.0)
    assert demand.present_share == pytest.approx(5 / 8)
    assert demand.mean == pytest.approx(0.2, rel=1e-4)


def test_days_run_from_the_first_to_the_last_sample():
    cpu = ramp(0.1, 0.3)
    cpu[: 6 * 288] = math.nan
    assert demand_of(cpu).days == pytest.approx(2.0)


def test_a_day_that_is_open_is_summed_for_itself():
    usage = usage_of({"app": (np.repeat([0.1, 0.4, 0.2], [288, 288, 12]), GIB)}, days=2 + 1 / 24)
    open_day = replace(usage, grid=replace(usage.grid, open_bins=12), cpu_days=usage.cpu_days)
    demand = estimate_demand(open_day).of(usage.containers[0])
    assert demand.day_cores.tolist() == pytest.approx([288 * 0.1, 288 * 0.4, 12 * 0.2])


def test_one_sample_is_a_demand_of_its_bin():
    cpu = np.full(8 * 288, math.nan)
    cpu[-1] = 0.25
    demand = demand_of(cpu)
    assert demand.samples == 1
    assert demand.days == pytest.approx(300 / 86400)
    assert demand.confidence == 0.0
    assert demand.mean == pytest.approx(0.25)


@pytest.mark.parametrize("step", [300, 60, 600])
def test_the_length_of_a_bin_does_not_change_what_counts_as_evidence(step):
    demand = demand_of(0.2, days=3, step=step)
    assert demand.five_minute_bins == pytest.approx(3 * 288)
    assert demand.confidence == pytest.approx(3.0, rel=0.01)


def test_a_container_without_a_sample_has_no_demand():
    demand = estimate_demand(usage_of({"app": (math.nan, GIB), "other": (0.1, GIB)}))
    assert demand.of(ContainerRef(WEB, "app")) is None
    assert demand.of(ContainerRef(WEB, "nobody")) is None
    assert demand.of(ContainerRef(WEB, "other")) is not None


def test_a_workload_is_known_by_any_container_that_was_seen():
    demand = estimate_demand(usage_of({"app": (math.nan, GIB), "other": (0.1, GIB)}))
    assert demand.knows(WEB)
    assert not demand.knows(WorkloadRef("shop", "Deployment", "cart"))
    assert not estimate_demand(usage_of({"app": (math.nan, GIB)})).knows(WEB)


def test_means_of_resampled_days_are_weighted_by_their_samples():
    cpu = np.repeat([0.1, 0.3], 288)
    cpu[288 : 288 + 144] = math.nan  # half of the second day
    demand = demand_of(cpu, days=2)
    weights = np.array([[2.0, 0.0], [1.0, 1.0]])
    assert demand.mean_of(weights) == pytest.approx([0.1, (0.1 * 2 + 0.3) / 3], rel=1e-4)


def test_memory_and_kills_that_were_not_measured_are_none():
    demand = demand_of(memory=math.nan)
    assert demand.memory_peak is None
    assert demand.oom_bytes is None
    assert demand_of(oom_bytes=5e8).oom_bytes == 5e8
