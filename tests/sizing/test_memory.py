"""Memory: the highest peak with a margin; a kill is answered once, and the answer is held."""

import math

import numpy as np
import pytest

from recommender.sizing.band import Band
from recommender.sizing.memory import (
    choose_least,
    choose_memory,
    estimate_oom,
    find_published_answer,
)
from tests.sizing.build import GIB, MIB, demand_of


def _peaks(*daily):
    """A pod with these peaks, in MiB, on successive days."""
    return np.repeat(np.array(daily, dtype=float) * MIB, 288)


def test_the_target_is_the_highest_daily_peak_and_15_percent():
    band, (reason,) = choose_memory(demand_of(memory=_peaks(700, 1000, 800), days=3), None)
    assert band.target == math.ceil(1150 * MIB)
    assert band.lower == 1000 * MIB
    assert band.upper == math.ceil(1150 * MIB * 1.075)
    assert reason.why == "1.15 x the highest of 3 daily peaks, 1000Mi"


def test_a_peak_of_a_week_ago_counts_as_much_as_one_of_today():
    old = choose_memory(demand_of(memory=_peaks(1000, *[300] * 7)), None)[0]
    new = choose_memory(demand_of(memory=_peaks(*[300] * 7, 1000)), None)[0]
    assert old == new


def test_without_a_measurement_there_is_no_band_and_a_reason():
    band, (reason,) = choose_memory(demand_of(memory=math.nan), None)
    assert band is None
    assert reason.why == "no memory usage in 8 d"


def test_days_without_a_measurement_do_not_count():
    _, (reason,) = choose_memory(demand_of(memory=_peaks(500, math.nan, 600), days=3), None)
    assert reason.why.startswith("1.15 x the highest of 2 daily peaks")


def _oom(peak=1000 * MIB, *, oom_bytes=math.nan, killed=True, request=None, published=None):
    demand = demand_of(memory=peak, oom_bytes=oom_bytes)
    answer = None if published is None else Band.fixed(published)
    return estimate_oom(demand, was_killed=killed, request=request, published=answer)


def test_without_a_kill_there_is_nothing_to_answer():
    assert _oom(killed=False, request=GIB) is None


@pytest.mark.parametrize(
    ("evidence", "need"),
    [
        ({}, 1200),
        ({"request": 800 * MIB}, 1200),
        ({"request": 2000 * MIB}, 2400),
        ({"request": 2000 * MIB, "published": 1150 * MIB}, 2400),
        ({"oom_bytes": 1500 * MIB, "killed": False}, 1800),
        ({"oom_bytes": 1500 * MIB, "request": 1600 * MIB, "killed": False}, 1920),
        ({"peak": 50 * MIB, "request": 250 * MIB}, 350),
    ],
    ids=[
        "no request: a fifth above the peak",
        "a request below the peak",
        "a request above the peak is what it was killed with",
        "an answer to an earlier, lesser kill",
        "use at the kill above all daily peaks",
        "a request that does not hold a fifth more",
        "at least 100 MiB more",
    ],
)
def test_a_kill_asks_for_a_fifth_or_100_mib_above_peak_use_and_request(evidence, need):
    oom = _oom(**evidence)
    assert oom.need == pytest.approx(need * MIB)
    assert oom.peak == oom.need


def test_what_was_published_in_answer_is_held_and_not_raised_again():
    oom = _oom(request=2400 * MIB, published=2400 * MIB)
    assert oom.need == 2400 * MIB
    assert oom.peak == pytest.approx(1200 * MIB)  # the stock rule's sample does not grow with it


def test_an_answer_that_has_not_reached_the_pods_stays_the_same():
    assert _oom(request=2000 * MIB, published=2400 * MIB).need == pytest.approx(2400 * MIB)


def test_an_answer_above_the_cap_is_held_as_it_would_be_without():
    published = Band(1500 * MIB, 1500 * MIB, 1500 * MIB, 2400 * MIB)
    oom = estimate_oom(
        demand_of(memory=1000 * MIB), was_killed=True, request=1500 * MIB, published=published
    )
    assert oom.need == 2400 * MIB


def test_a_raise_by_hand_above_the_answer_changes_nothing():
    assert _oom(request=4000 * MIB, published=2400 * MIB).need == 2400 * MIB


def test_pods_that_run_since_the_kill_keep_what_holds():
    """No pod of today was killed and the request holds the raise: it is not lowered."""
    assert _oom(oom_bytes=1000 * MIB, killed=False, request=1500 * MIB).need == 1500 * MIB


def test_new_use_beyond_the_answer_is_answered_anew():
    """Published 1200 after a kill at 1000; killed at 1200 in use: 1440."""
    oom = _oom(oom_bytes=1200 * MIB, request=1200 * MIB, published=1200 * MIB)
    assert oom.need == pytest.approx(1440 * MIB)


def test_after_a_kill_no_less_than_its_answer_is_within_the_bounds():
    demand = demand_of(memory=1000 * MIB)
    oom = estimate_oom(demand, was_killed=True, request=2000 * MIB, published=None)
    band, (_, reason) = choose_memory(demand, oom)
    assert band.lower == band.target == math.ceil(2400 * MIB)
    assert band.upper == pytest.approx(2400 * MIB * 1.075, abs=1)
    assert reason.why == "killed for lack of memory at a request of 2Gi: at least x1.2 and +100 MiB"


@pytest.mark.parametrize(
    ("previous", "is_answer"),
    [
        (None, False),
        (Band(2400, 2400, 2580, 2400), True),
        (Band(2399, 2400, 2580, 2400), False),
        (Band(250, 250, 300, 250), False),
    ],
    ids=["nothing", "a lower bound at the target", "a target of peaks", "a floor"],
)
def test_the_answer_to_a_kill_is_known_by_its_lower_bound(previous, is_answer):
    assert find_published_answer(previous, floor=250) is (previous if is_answer else None)


def test_an_earlier_target_is_kept_only_with_half_of_its_margin_free():
    assert choose_least(demand_of(memory=1000 * MIB), None) == pytest.approx(
        1000 * MIB * 1.15 / 1.075, abs=1
    )


def test_an_earlier_target_below_the_answer_to_a_kill_is_not_kept():
    demand = demand_of(memory=1000 * MIB)
    oom = estimate_oom(demand, was_killed=True, request=2000 * MIB, published=None)
    assert choose_least(demand, oom) == pytest.approx(2400 * MIB, abs=1)
