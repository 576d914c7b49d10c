"""Peaks of a minute, which five-minute means hide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.history.burst import estimate_bursts
from recommender.model.history import BURST_SHARES
from recommender.sizing.burst import MOST, choose_burst, explain_burst
from recommender.units import parse_millicores
from tests.sizing.build import GIB, ramp, size_app, step_of, usage_of

FLAT = np.ones(len(BURST_SHARES))


def bursting(ratio):
    usage = usage_of({"app": (ramp(0.1, 0.3), GIB)})
    row = np.broadcast_to(np.asarray(ratio, np.float32), (1, len(BURST_SHARES)))
    return replace(usage, burst=np.array(row))


def target_of(container):
    return parse_millicores(container.recommended.target.cpu)


def test_how_much_five_minutes_hide_of_a_minute_in_five():
    """One minute in five at 1 core, else at 0.1: each five-minute mean is 0.28, while p90 to p99
    of the minutes are 1: a request by five-minute means is 3.6 times too small for the bursts."""
    minutes = np.tile([1.0, 0.1, 0.1, 0.1, 0.1], 288).astype(np.float32)
    ratio = dict(zip(BURST_SHARES, estimate_bursts(minutes).tolist(), strict=True))
    assert ratio[0.9] == ratio[0.99] == pytest.approx(1.0 / 0.28, rel=1e-5)
    assert ratio[0.5] == pytest.approx(0.1 / 0.28, rel=1e-5)


def test_what_lasts_five_minutes_is_not_hidden():
    minutes = np.repeat(np.random.default_rng(1).lognormal(0.0, 1.0, 288), 5)
    assert estimate_bursts(minutes.astype(np.float32)) == pytest.approx(FLAT, rel=1e-6)


def test_only_fives_that_are_whole_count_and_six_hours_of_them_are_needed():
    minutes = np.tile([1.0, 0.1, 0.1, 0.1, 0.1], 288).astype(np.float32)
    minutes[7::10] = np.nan  # of every second five one minute is missing
    assert estimate_bursts(minutes)[2] == pytest.approx(1.0 / 0.28, rel=1e-5)
    minutes[71 * 10 :] = np.nan
    assert estimate_bursts(minutes) is None


def test_nothing_is_a_burst_below_a_millicore():
    minutes = np.tile([0.0009, 0.0, 0.0, 0.0, 0.0], 288).astype(np.float32)
    assert estimate_bursts(minutes) == pytest.approx(FLAT)


def test_the_request_grows_by_the_factor_at_its_quantile():
    plain, found = size_app(bursting(1.0)), size_app(bursting(1.5))
    assert target_of(found) == pytest.approx(1.5 * target_of(plain), abs=2)
    assert step_of(found, "bursts").value == "x1.50"
    assert step_of(found, "bursts").why == (
        "p93 of one-minute over that of five-minute means, of the last day"
    )


def test_a_factor_below_one_lowers_nothing_and_one_above_three_is_capped():
    plain = size_app(bursting(1.0))
    assert target_of(size_app(bursting(0.4))) == target_of(plain)
    far = size_app(bursting(7.0))
    assert target_of(far) == pytest.approx(MOST * target_of(plain), abs=3)
    assert step_of(far, "bursts").why.endswith(": 7.0, of which 3 count")


@pytest.mark.parametrize("burst", [None, np.full(len(BURST_SHARES), np.nan)], ids=["none", "nan"])
def test_what_is_not_known_changes_nothing_and_is_not_said(burst):
    assert choose_burst(burst, 0.9) == 1.0
    assert explain_burst(burst, 0.9) is None
    plain = size_app(usage_of({"app": (ramp(0.1, 0.3), GIB)}))
    assert step_of(plain, "bursts") is None
    assert target_of(plain) == target_of(size_app(bursting(1.0)))


def test_between_two_quantiles_the_factor_is_linear():
    burst = np.array([1.0, 1.0, 1.2, 1.6, 2.0, 2.0])
    assert choose_burst(burst, 0.925) == pytest.approx(1.4)
    assert choose_burst(burst, 0.3) == 1.0
    assert choose_burst(burst, 0.999) == 2.0


def test_the_bounds_hold_the_target_with_bursts():
    found = size_app(bursting(2.0)).recommended
    low, target, high = (
        parse_millicores(part.cpu) for part in (found.lower_bound, found.target, found.upper_bound)
    )
    assert low < target < high
    assert high < 1.4 * target


@given(ratio=st.floats(0.5, 5.0), p=st.floats(0.5, 0.99), more=st.floats(1.0, 3.0))
def test_the_factor_is_between_one_and_the_most_and_rises_with_the_ratio(ratio, p, more):
    factor = choose_burst(FLAT * ratio, p)
    assert 1.0 <= factor <= MOST
    assert choose_burst(FLAT * ratio * more, p) >= factor
