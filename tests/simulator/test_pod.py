"""Pods run when they should and use what the table and their limits allow."""

import numpy as np
import pytest

from recommender.model.history import TimeGrid
from recommender.simulator.pod import draw_activity, draw_cpu, draw_memory
from recommender.simulator.rhythm import Rhythm, Schedule
from recommender.simulator.workload import SimulatedContainer, SimulatedWorkload

DAY = TimeGrid(end=1_767_225_600, bins=288)
STEADY = Rhythm(noise=0.2)
GIB = 2**30


def _box(used=1.0, working_set="1Gi", **more):
    return SimulatedContainer("app", "2", "4Gi", used, working_set, **more)


def _workload(box=None, *, pods=40, rhythm=STEADY, **more):
    return SimulatedWorkload("shop", "Deployment", "web", pods, rhythm, (box or _box(),), **more)


def _activity(workload, *, pods=40, placed=True, grid=DAY):
    rng = np.random.default_rng(1)
    return draw_activity(workload, grid, rng, is_placed=np.full(pods, placed))


def _cpu(box, activity):
    return draw_cpu(activity, box, np.random.default_rng(2), noise=0.2)


def _memory(box, activity, grid=DAY):
    return draw_memory(activity, box, np.random.default_rng(3), grid=grid)


def test_pods_use_what_the_table_says_on_average():
    box = _box(used=1.5)
    cpu = _cpu(box, _activity(_workload(box)))
    assert cpu.shape == (40, 288)
    assert cpu.mean() == pytest.approx(1.5, rel=0.05)
    # Pods differ by 8 %, samples of one pod by 20 %.
    assert np.log(cpu.mean(axis=1)).std() == pytest.approx(0.08, rel=0.35)
    assert np.log(cpu).std(axis=1).mean() == pytest.approx(0.2, rel=0.05)


def test_cpu_stays_below_its_limit():
    box = _box(used=1.0, cpu_limit="1100m")
    cpu = _cpu(box, _activity(_workload(box)))
    assert cpu.max() == np.float32(1.1)
    assert 0.1 < (cpu == np.float32(1.1)).mean() < 0.6


def test_memory_follows_the_work_a_little():
    box = _box(working_set="1Gi")
    busy, quiet = (
        _memory(box, _activity(_workload(box, rhythm=Rhythm(weekend=factor)), grid=grid), grid)
        for factor, grid in ((2.0, TimeGrid(end=1_767_484_800, bins=288)), (1.0, DAY))
    )  # the first on Saturday, 2026-01-03
    assert quiet.mean() == pytest.approx(GIB, rel=0.03)
    assert busy.mean() / quiet.mean() == pytest.approx(1.08, abs=0.005)


def test_a_leak_climbs_to_the_limit_and_starts_again():
    box = _box(working_set="1Gi", memory_limit="4Gi", leaks=True)
    grid = TimeGrid(end=DAY.end, bins=6 * 288)
    memory = _memory(box, _activity(_workload(box), grid=grid), grid)
    assert memory.max() == 4 * GIB
    # From 1 to 4 GiB in three days, twice; in between the middle.
    assert memory.min() == pytest.approx(GIB, rel=0.05)
    assert memory.mean() == pytest.approx(2.5 * GIB, rel=0.02)
    falls = (np.diff(memory, axis=1) < -2 * GIB).sum(axis=1)
    assert falls.tolist() == [2] * 40


@pytest.mark.parametrize(
    ("more", "running"),
    [
        ({}, 288),
        ({"age_hours": 2.0}, 24),
        ({"never_ran": True}, 0),
        ({"schedule": Schedule(begin=3.0, every=24.0, hours=1.5)}, 18),
    ],
    ids=["always", "two hours old", "never", "at night"],
)
def test_pods_run_when_they_should(more, running):
    workload = _workload(**more)
    activity = _activity(workload)
    assert np.count_nonzero(~np.isnan(activity.share), axis=1).tolist() == [running] * 40
    cpu, memory = _cpu(_box(), activity), _memory(_box(), activity)
    assert np.array_equal(np.isnan(cpu), np.isnan(activity.share))
    assert np.array_equal(np.isnan(memory), np.isnan(activity.share))


def test_a_pod_that_waits_for_room_does_not_run():
    assert np.isnan(_activity(_workload(), placed=False).share).all()


def test_more_pods_share_the_same_work():
    """40 pods at most, 24 usual ones of 1.2 cores: 28.8 cores at 60 % of 2 cores are 24 pods."""
    box = _box(used=1.2)
    activity = _activity(_workload(box, hpa_target=0.6))
    running = np.count_nonzero(~np.isnan(activity.share), axis=0)
    assert running.tolist() == [24] * 288
    assert np.nanmean(_cpu(box, activity)) == pytest.approx(1.2, rel=0.05)


def test_the_autoscaler_follows_the_work_up_at_once_and_down_after_half_an_hour():
    box = _box(used=1.2)
    rhythm = Rhythm(daily=0.5, peak_hour=12.0)
    activity = _activity(_workload(box, rhythm=rhythm, hpa_target=0.6))
    running = np.count_nonzero(~np.isnan(activity.share), axis=0)
    wanted = np.ceil(24 * activity.level)
    assert running.max() == 36  # half more than usual
    assert running.min() == 12 + 1  # the half of the usual, and ceil of slightly more
    assert (running >= wanted).all()
    assert (running[: 12 * 12] == wanted[: 12 * 12])[6:].all()
    falling = slice(13 * 12, 23 * 12)
    assert np.array_equal(running[falling], wanted[13 * 12 - 5 : 23 * 12 - 5])
