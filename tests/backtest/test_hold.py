"""A target changes only when it leaves the band of the one before it."""

import numpy as np
import pytest

from recommender.backtest.hold import Held, estimate_halfwidths, hold_targets
from tests.replay.build import Pod, trace_of

DAY = 288
TENTH = np.array([0.1])


def cores(*values):
    return np.array(values, dtype=float)


def test_a_first_target_is_no_change():
    day = hold_targets(None, cores(1.0, 2.0), np.array([0.1, 0.1]))
    assert day.requests.tolist() == [1.0, 2.0]
    assert (day.changes, day.changes_later) == (0, 0)


def test_a_target_within_the_band_stays_and_one_beyond_it_moves():
    held = Held(cores(1.0, 1.0, 1.0), np.array([0.1, 0.1, 0.1]))
    day = hold_targets(held, cores(1.09, 1.2, 0.8), np.array([0.1, 0.1, 0.1]))
    assert day.requests.tolist() == [1.0, 1.2, 0.8]
    assert (day.changes, day.changes_later) == (2, 0)


def test_the_band_is_that_of_the_target_in_force():
    wide = Held(cores(1.0), np.array([0.5]))
    assert hold_targets(wide, cores(1.4), TENTH).requests.tolist() == [1.0]
    moved = hold_targets(wide, cores(1.6), TENTH)
    assert moved.held.halfwidth.tolist() == [0.1]


def test_blocks_follow_one_another_through_the_day():
    # 1.0 1.0 1.05 (held) 2.0 2.0 1.0, again and again: up and down once a day
    blocks = cores(1.0, 1.0, 1.05, 2.0, 2.0, 1.0)[:, None]
    day = hold_targets(None, blocks, TENTH)
    assert day.requests[:, 0].tolist() == [1.0, 1.0, 1.0, 2.0, 2.0, 1.0]
    assert (day.changes, day.changes_later) == (2, 2)


def test_days_that_agree_give_the_least_band():
    trace = trace_of(Pod(1.0), bins=5 * DAY)
    assert estimate_halfwidths(trace, [0.9])[0.9].tolist() == [0.05]


def test_days_that_differ_give_a_band_of_ninety_percent():
    # Daily p90 of 1, 1, 1, 2, 2: mean 1.4, variance (3 x .16 + 2 x .36) / 4 = 0.3,
    # error sqrt(.3 / 5) = 0.24495; 1.645 x 0.24495 / 1.4 = 0.28782
    usage = np.repeat([1.0, 1.0, 1.0, 2.0, 2.0], DAY)
    trace = trace_of(Pod(usage))
    assert estimate_halfwidths(trace, [0.9])[0.9] == pytest.approx([0.28782], abs=1e-5)


def test_one_day_or_none_gives_the_least_band():
    usage = np.full(2 * DAY, np.nan)
    usage[:DAY] = 3.0
    trace = trace_of(Pod(np.vstack([usage, np.full(2 * DAY, np.nan)])))
    assert estimate_halfwidths(trace, [0.5])[0.5].tolist() == [0.05, 0.05]
