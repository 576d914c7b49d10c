"""Demand at one frequency, and what the request gets for the frequency that it will meet."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.model.history import NodeHistory
from recommender.model.identity import ContainerRef
from recommender.settings import SizingSettings
from recommender.sizing.demand import estimate_demand
from recommender.sizing.frequency import fit_beta, mean_frequency, normalise_frequency
from recommender.sizing.pool import PoolShare
from recommender.units import parse_millicores
from tests.sizing.build import GIB, WEB, ramp, size_workload, step_of, usage_of, vpa_of, workload_of
from tests.sizing.build import pool_of as pool

DAYS = 8
BINS = DAYS * 288
DAY = np.arange(BINS) // 288


@pytest.fixture
def rng():
    return np.random.default_rng(23)


def nodes_of(grid, **hertz):
    rows = np.array([np.broadcast_to(each, grid.bins) for each in hertz.values()], np.float32)
    blank = np.full(rows.shape, np.nan, np.float32)
    names = tuple(hertz)
    words = ("",) * len(names)
    return NodeHistory(
        grid, names, watts=blank, cpu_used=blank, quality=words, reach=words, cpu_model=words,
        frequency=rows,
    )  # fmt: skip


def normalise(cores, hertz):
    usage = usage_of({"app": (cores, GIB)})
    return normalise_frequency(
        np.broadcast_to(np.asarray(cores, float), BINS),
        np.broadcast_to(np.asarray(hertz, float), BINS),
        day=DAY,
        grid=usage.grid,
    )


def size(cores, hertz, *, request=1500, status=None):
    """The container on node a, whose frequency is that."""
    usage = usage_of({"app": (cores, GIB)})
    workload = workload_of()
    spec = replace(
        workload.containers[0], requests=replace_cpu(workload.containers[0].requests, request)
    )
    workload = replace(workload, containers=(spec,))
    nodes = None if hertz is None else nodes_of(usage.grid, a=hertz)
    report, _ = size_workload(
        workload,
        vpa=vpa_of(status=status or {}),
        demand=estimate_demand(usage, nodes=nodes, workloads=[workload]),
        pools=(PoolShare(pool(), 3),),
        settings=SizingSettings(),
        with_curve=False,
    )
    return report.containers[0]


def replace_cpu(amounts, millicores):
    return type(amounts)(millicores, amounts.memory_bytes)


def target_of(container):
    return parse_millicores(container.recommended.target.cpu)


def test_a_frequency_that_never_changes_changes_nothing():
    found, plain = size(ramp(0.1, 0.3), 2.5e9), size(ramp(0.1, 0.3), None)
    assert found.recommended == plain.recommended
    step = step_of(found, "frequency")
    assert step.value == "x1.000, beta 1.00"
    assert step.why == (
        "use at 2.50 GHz, the mean, for 2.50 GHz, that of the last day; it varies by 0%, 10%"
        " needed to learn beta"
    )


def test_where_it_is_not_known_nothing_is_said_of_it():
    assert step_of(size(ramp(0.1, 0.3), None), "frequency") is None
    assert step_of(size(ramp(0.1, 0.3), np.nan), "frequency") is None


def test_use_at_a_low_frequency_was_less_work_than_at_a_high_one(rng):
    """Nodes of 2 GHz for four days, of 3 GHz for four, use falls from 0.3 to 0.2 cores: it is the
    same work, 0.24 cores at the mean of 2.5 GHz."""
    hertz = np.repeat([2.0e9, 3.0e9], BINS // 2)
    cores = np.repeat([0.3, 0.2], BINS // 2) * np.tile(rng.lognormal(0.0, 0.3, 288), DAYS)
    norm = normalise(cores, hertz)
    assert norm.factor[[0, -1]] == pytest.approx([0.8, 1.2])
    assert norm.compensation == pytest.approx(2.5 / 3.0)  # it runs at 3 GHz now
    assert "it varies by 40%, beta from use: 1.00 +-0.00" in norm.reason.why


def test_use_that_does_not_depend_on_the_frequency_is_left_alone(rng):
    hertz = np.repeat(rng.uniform(2.0e9, 3.0e9, BINS // 12), 12)
    norm = normalise(0.2 * rng.lognormal(0.0, 0.02, BINS), hertz)
    assert norm.factor == pytest.approx(np.ones(BINS), abs=0.01)
    assert norm.compensation == pytest.approx(1.0, abs=0.01)


def test_days_that_differ_by_more_than_the_frequency_explains_leave_beta_at_one(rng):
    hertz = 2.5e9 * (1.0 + rng.uniform(-0.15, 0.15, DAYS))[DAY]
    norm = normalise(0.2 * rng.lognormal(0.0, 0.8, DAYS)[DAY], hertz)
    assert norm.reason.value.endswith("beta 1.00")
    assert "use tells beta to +-" in norm.reason.why


def test_use_that_falls_as_the_frequency_rises_tells_beta(rng):
    """Each hour another frequency, use proportional to f^-0.6."""
    hertz = np.repeat(rng.uniform(1.8e9, 3.2e9, BINS // 12), 12)
    cores = 0.3 * (hertz / 2.5e9) ** -0.6 * rng.lognormal(0.0, 0.1, BINS)
    slot = np.arange(BINS) % 288
    beta, halfwidth = fit_beta(cores, hertz / 2.5e9, day=DAY, hour=slot)
    assert beta == pytest.approx(0.6, abs=0.05)
    assert 0.0 < halfwidth < 0.1
    norm = normalise(cores, hertz)
    level = cores * norm.factor
    assert np.corrcoef(np.log(level), np.log(hertz))[0, 1] == pytest.approx(0.0, abs=0.1)
    assert norm.reason.value.endswith(f"beta {beta:.2f}")


def test_a_governor_that_follows_the_load_of_the_day_is_not_taken_for_an_effect(rng):
    """Use and frequency rise together each noon, and use does not depend on the frequency else."""
    noon = np.sin(2.0 * np.pi * np.arange(BINS) / 288)
    jitter = np.repeat(rng.normal(0.0, 0.03, BINS // 12), 12)
    hertz = 2.5e9 * (1.0 + 0.2 * noon + jitter)
    cores = 0.3 * (1.0 + 0.5 * noon) * rng.lognormal(0.0, 0.05, BINS)
    beta, halfwidth = fit_beta(cores, hertz / 2.5e9, day=DAY, hour=np.arange(BINS) % 288)
    assert abs(beta) < halfwidth + 0.05


def test_too_few_bins_tell_no_beta():
    cores = np.where(np.arange(BINS) < 499, 0.2, np.nan)
    assert fit_beta(cores, np.full(BINS, 1.0), day=DAY, hour=np.arange(BINS) % 288) is None


def test_the_frequency_of_a_workload_is_that_of_its_nodes_by_pods():
    usage = usage_of({"app": (0.2, GIB)})
    nodes = nodes_of(usage.grid, a=2.0e9, b=3.0e9, c=9.9e9, d=np.nan)
    assert mean_frequency(nodes, {"a": 1, "b": 3, "d": 5})[0] == pytest.approx(2.75e9)
    assert mean_frequency(nodes, {"d": 5}) is None
    assert mean_frequency(nodes, {}) is None
    assert mean_frequency(replace(nodes, frequency=None), {"a": 1}) is None


def test_a_faster_cpu_of_today_needs_a_smaller_request(rng):
    """Seven days at 2 GHz and one at 3: the same work takes two thirds of the cores."""
    hertz = np.where(DAY < 7, 2.0e9, 3.0e9)
    found = size(np.where(DAY < 7, 0.3, 0.2) * np.tile(rng.lognormal(0, 0.1, 288), DAYS), hertz)
    at_two = size(np.tile(0.3 * np.random.default_rng(23).lognormal(0, 0.1, 288), DAYS), None)
    assert target_of(found) == pytest.approx(target_of(at_two) * 2 / 3, rel=0.06)


@settings(max_examples=10)
@given(seed=st.integers(0, 50), spread=st.sampled_from([0.0, 0.05, 0.3]))
def test_applied_to_its_own_result_nothing_moves(seed, spread):
    """The request is no input of the demand, so once pods have the target it stays."""
    rng = np.random.default_rng(seed)
    hertz = 2.5e9 * (1.0 + np.repeat(rng.uniform(-spread, spread, BINS // 12), 12))
    cores = ramp(0.1, 0.3) * rng.lognormal(0.0, 0.2, BINS)
    first = size(cores, hertz)
    maps = first.recommended
    entry = {"containerName": "app"} | {
        name: {"cpu": part.cpu, "memory": part.memory}
        for name, part in (
            ("lowerBound", maps.lower_bound),
            ("target", maps.target),
            ("upperBound", maps.upper_bound),
        )
    }
    status = {"recommendation": {"containerRecommendations": [entry]}}
    again = size(cores, hertz, request=target_of(first), status=status)
    assert again.recommended.target == first.recommended.target


@settings(max_examples=10)
@given(seed=st.integers(0, 50), reference=st.sampled_from([0.5, 1.0, 2.0]))
def test_the_unit_of_frequency_does_not_matter(seed, reference):
    rng = np.random.default_rng(seed)
    hertz = 2.5e9 * (1.0 + np.repeat(rng.uniform(-0.3, 0.3, BINS // 12), 12))
    cores = rng.lognormal(-1.5, 0.2, BINS)
    one, other = normalise(cores, hertz), normalise(cores, hertz * reference)
    assert one.factor == pytest.approx(other.factor, rel=1e-6)
    assert one.compensation == pytest.approx(other.compensation, rel=1e-6)


def test_throttling_and_frequency_are_both_taken_into_account():
    usage = usage_of({"app": (0.2, GIB)})
    held = np.full((1, usage.grid.hours), 0.2, np.float32)
    nodes = nodes_of(usage.grid, a=np.where(DAY < 4, 2.4e9, 2.6e9))  # 8 %: beta 1
    demand = estimate_demand(
        replace(usage, throttled=held), nodes=nodes, workloads=[workload_of()]
    ).of(ContainerRef(WEB, "app"))
    assert [step.step for step in demand.steps] == ["throttling", "frequency"]
    assert demand.mean == pytest.approx(0.25 * (0.96 + 1.04) / 2, rel=1e-4)
    assert demand.compensation == pytest.approx(2.5 / 2.6)
