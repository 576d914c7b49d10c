"""What demand is like over time, and how much history it needs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sizing.rhythm import correlate_lag, estimate_likeness, find_rhythm
from tests.sizing.build import demand_of, ramp, size_app, step_of, usage_of

RNG = np.random.default_rng(11)
BINS = 14 * 288
HOURS = np.arange(BINS) / 12


def wave(period, *, height=0.5):
    return 0.4 * (1.0 + height * np.sin(2.0 * np.pi * HOURS / period))


def noise(share):
    return RNG.normal(1.0, share, BINS)


def week():
    """Busy on five days of seven, at all hours."""
    return np.where((HOURS // 24) % 7 < 5, 0.6, 0.3) * noise(0.05)


BURSTS = np.where(RNG.random(BINS) < 0.08, 2.0, 0.3)
ON_OFF = np.where((HOURS % 24) < 3, 2.0, 0.01)

SHAPES = [
    pytest.param(0.4 * noise(0.1), "flat", 1.0, id="noise about a level"),
    pytest.param(np.full(BINS, 0.4), "flat", 1.0, id="a constant"),
    pytest.param(wave(24) * noise(0.05), "daily", 7.0, id="a wave a day"),
    pytest.param(week(), "weekly", 7.0, id="busy on weekdays"),
    pytest.param(BURSTS, "bursty", 28.0, id="bursts at random"),
    pytest.param(ON_OFF, "on/off", 7.0, id="three hours each night"),
    pytest.param(np.zeros(BINS), "flat", 1.0, id="nothing"),
]


@pytest.mark.parametrize(("cores", "pattern", "needed"), SHAPES)
def test_each_pattern_is_found_and_needs_the_days_of_the_table(cores, pattern, needed):
    rhythm = demand_of(cores, days=14).rhythm
    assert (rhythm.pattern, rhythm.days_needed) == (pattern, needed)


@pytest.mark.parametrize(("cores", "pattern", "_needed"), SHAPES)
def test_a_tenth_of_the_samples_missing_changes_no_pattern(cores, pattern, _needed):
    gappy = np.where(np.random.default_rng(2).random(BINS) < 0.1, np.nan, cores)
    gappy[3 * 288 : 3 * 288 + 30] = np.nan  # and some hours of a night
    assert demand_of(gappy, days=14).rhythm.pattern == pattern


def test_a_rhythm_shows_only_after_two_of_its_days():
    assert demand_of(wave(24)[: 30 * 12], days=1.25).rhythm.pattern == "flat"
    assert demand_of(wave(24)[: 60 * 12], days=2.5).rhythm.pattern == "daily"


def test_autocorrelation_is_that_of_the_pairs_that_are_known():
    values = np.sin(2.0 * np.pi * np.arange(96) / 24)
    assert correlate_lag(values, 24) == pytest.approx(1.0)
    assert correlate_lag(values, 12) == pytest.approx(-1.0)
    values[10] = np.nan
    assert correlate_lag(values, 24) == pytest.approx(1.0)
    assert correlate_lag(values[:47], 24) == 0.0  # 23 pairs
    assert correlate_lag(np.full(96, 0.1), 24) == 0.0
    rows = np.stack([values, np.full(96, 0.1), np.full(96, np.nan)])
    assert correlate_lag(rows, 24) == pytest.approx([1.0, 0.0, 0.0])


def test_explain_says_whether_the_history_is_long_enough():
    short, enough = (
        step_of(
            size_app(usage_of({"app": (ramp(0.1, 0.3, days=days), 2**30)}, days=days)), "pattern"
        )
        for days in (4, 8)
    )
    assert short.value == enough.value == "daily"
    assert short.why == "alike after a day (1.00): 4.0 d of history, 7 d needed to know it to 5%"
    assert enough.why == "alike after a day (1.00): 8.0 d of history, enough"


def test_the_floor_of_what_is_on_and_off_is_not_its_mean_alone():
    """On for two of the 24 hours, each second day for twice as many: p90 is next to nothing on the
    shorter days, and the mean of eight days may as well be that of eight others."""
    cores = np.where(np.where((HOURS // 24) % 2 < 1, 1, 3) > (HOURS % 24), 2.0, 0.001)
    eight = demand_of(cores[: 8 * 288], days=8)
    assert eight.rhythm.pattern == "on/off"
    assert eight.mean == pytest.approx(2.0 * 2 / 24, rel=0.02)
    # 90 % of resamples of eight days of two kinds lie within 1 +- 1.645 / sqrt(8) / 2 of the mean
    assert eight.least_mean == pytest.approx(eight.mean * (1 + 1.645 / np.sqrt(8) / 2), rel=0.08)
    usage = usage_of({"app": (cores[: 8 * 288], 2**30)})
    p90 = step_of(size_app(usage), "p93")
    assert "the most that its mean of" in p90.why


def test_after_four_weeks_its_mean_is_known():
    month = np.tile(ON_OFF, 2)
    demand = demand_of(month, days=28)
    assert demand.rhythm.pattern == "on/off"
    assert demand.least_mean == demand.mean


@given(scale=st.sampled_from([0.01, 0.5, 3.0, 40.0]), shape=st.integers(0, len(SHAPES) - 1))
def test_the_unit_does_not_change_the_pattern(scale, shape):
    cores = SHAPES[shape].values[0].astype(np.float32)
    hours = cores.reshape(-1, 12).mean(axis=1)
    slot = (np.arange(BINS) // 12) % 24
    top = float(np.quantile(cores, 0.95))
    plain = find_rhythm(estimate_likeness(hours), cores, slot, top=top)
    scaled = find_rhythm(estimate_likeness(hours * scale), cores * scale, slot, top=top * scale)
    assert scaled.pattern == plain.pattern
