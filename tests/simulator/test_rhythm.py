"""Work comes and goes as the rhythm says; times are UTC."""

import numpy as np
import pytest

from recommender.model.history import TimeGrid
from recommender.simulator.rhythm import Rhythm, Schedule, draw_level

MONDAY = 1_767_571_200  # 2026-01-05T00:00:00Z, a Monday
WEEK = TimeGrid(end=MONDAY + 7 * 86400, bins=7 * 288)
YEAR = TimeGrid(end=MONDAY, bins=364 * 288)


def _level(grid=WEEK, *, seed=1, **rhythm):
    return draw_level(Rhythm(**rhythm), grid, np.random.default_rng(seed))


def test_without_anything_else_the_work_is_one():
    assert np.array_equal(_level(), np.ones(7 * 288))


def test_a_day_swings_around_one_with_its_peak_at_its_hour():
    days = _level(daily=0.5, peak_hour=18.0).reshape(7, 288)
    # The bins that end and begin at 18:00 are 2.5 minutes off: cos(2 pi 2.5 / 1440) = 0.99994.
    assert days[0].argmax() in (18 * 12 - 1, 18 * 12)
    assert days[0].max() == pytest.approx(1.5, abs=1e-4)
    assert days[0].min() == pytest.approx(0.5, abs=1e-4)
    assert days[0].argmin() in (6 * 12 - 1, 6 * 12)
    assert days.mean() == pytest.approx(1.0)
    assert np.allclose(days, days[0])


def test_saturday_and_sunday_are_the_weekend():
    days = _level(weekend=0.4).reshape(7, 288)
    assert days[:5].tolist() == np.ones((5, 288)).tolist()
    assert np.allclose(days[5:], 0.4)


def test_bursts_come_as_often_and_are_as_high_and_as_long_as_said():
    level = _level(YEAR, bursts=2.0, burst_factor=3.0, burst_minutes=20.0)
    is_burst = level > 1.0
    starts = np.count_nonzero(is_burst[1:] & ~is_burst[:-1])
    # 728 expected with a deviation of 27; 6 % of them overlap another.
    assert 600 < starts < 800
    # 1 + floor of an exponential of mean 4 bins: 1 + 1 / (e^(1/4) - 1) = 4.52 bins.
    assert is_burst.sum() / starts == pytest.approx(4.52, rel=0.15)
    # Two times a log-normal of median 1 above the usual.
    assert np.median(level[is_burst]) == pytest.approx(3.0, rel=0.1)


def test_busy_and_idle_hours_take_turns_in_their_proportion():
    level = _level(YEAR, busy_hours=2.0, idle_hours=3.0)
    assert set(np.unique(level)) == {0.02, 1.0}
    assert (level == 1.0).mean() == pytest.approx(0.4, abs=0.02)
    changes = np.count_nonzero(np.diff(level))
    assert changes == pytest.approx(2 * 364 * 24 / 5.0, rel=0.05)


def test_turns_last_to_the_end_of_a_long_window():
    level = _level(YEAR, busy_hours=0.5, idle_hours=0.5)
    assert 0.3 < (level[-20 * 288 :] == 1.0).mean() < 0.7


def test_the_same_generator_draws_the_same_level():
    rhythm = {"bursts": 5.0, "burst_factor": 2.0, "busy_hours": 1.0, "idle_hours": 1.0}
    assert np.array_equal(_level(seed=3, **rhythm), _level(seed=3, **rhythm))
    assert not np.array_equal(_level(seed=3, **rhythm), _level(seed=4, **rhythm))


def test_a_nightly_schedule_runs_at_night():
    runs = Schedule(begin=2.0, every=24.0, hours=3.0).is_running(WEEK).reshape(7, 288)
    assert np.array_equal(np.flatnonzero(runs[0]), np.arange(2 * 12, 5 * 12))
    assert (runs == runs[0]).all()


def test_an_hourly_schedule_runs_each_hour():
    runs = Schedule(begin=0.0, every=1.0, hours=0.25).is_running(WEEK).reshape(-1, 12)
    assert runs.tolist() == [[True] * 3 + [False] * 9] * (7 * 24)
