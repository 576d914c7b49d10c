"""What comes again at the same hours, and what only happened to."""

import numpy as np
import pytest

from recommender.sizing.blockrhythm import LEAST_RHYTHM, estimate_rhythm
from tests.replay.build import Pod, trace_of

DAY = 288
BLOCK = 48


def test_a_day_like_the_other_is_all_rhythm():
    day = np.repeat([1.0, 1.0, 2.0, 4.0, 3.0, 1.0], BLOCK)
    assert estimate_rhythm(trace_of(Pod(np.tile(day, 5)))).tolist() == [1.0]


def test_a_level_has_none():
    assert estimate_rhythm(trace_of(Pod(2.0), bins=5 * DAY)).tolist() == [0.0]


def test_the_weight_is_the_share_of_variance_that_days_do_not_explain():
    # Blocks of 0 and 1 in turn on two days, a tenth higher on the second: means .05 and 1.05 with
    # variance 6/5 x .25 = 0.3 between them; over the days .005 each, over two 0.0025.
    day = np.repeat([0.0, 1.0] * 3, BLOCK)
    trace = trace_of(Pod(np.concatenate([day, day + 0.1])))
    assert estimate_rhythm(trace) == pytest.approx([1 - 0.0025 / 0.3])


def test_a_job_that_ran_at_another_time_every_day_has_none():
    usage = np.zeros(5 * DAY)
    for day, block in enumerate([0, 3, 1, 5, 2]):
        usage[day * DAY + block * BLOCK :][:BLOCK] = 4.0
    assert estimate_rhythm(trace_of(Pod(usage))).tolist() == [0.0]


def test_one_day_tells_of_none():
    day = np.repeat([1.0, 1.0, 2.0, 4.0, 3.0, 1.0], BLOCK)
    assert estimate_rhythm(trace_of(Pod(day))).tolist() == [0.0]


def test_chance_is_rarely_taken_for_a_rhythm():
    rng = np.random.default_rng(5)
    levels = np.repeat(rng.lognormal(size=(400, 5 * 6)), BLOCK, axis=1)
    weights = estimate_rhythm(trace_of(*(Pod(row) for row in levels)))
    assert np.mean(weights > 0.0) < 0.04
    assert ((weights == 0.0) | (weights >= LEAST_RHYTHM)).all()
