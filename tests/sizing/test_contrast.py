"""Requests of several recommenders held against one usage, by hand on three bins of 100 s.

A reserved core costs 1 W (0.8 to 1.2), a busy core 4 W on top. Two pods use 0.5 cores each, then
one pod 1 core, then nobody runs: 100 + 100 = 200 core-seconds are used, 300 pod-seconds pass.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sizing.contrast import (
    BinUsage,
    Contender,
    Verdict,
    contrast,
    count_changes,
    estimate_exposure,
    estimate_joules,
    fill_gaps,
    find_common,
    spread,
    sum_reserved,
    sum_used,
)
from recommender.sizing.distribution import DayDistribution
from recommender.sizing.histogram import Buckets
from tests.sizing.build import terms_for

NAN = float("nan")
TERMS = terms_for(reserved=1.0, reserved_low=0.8, reserved_high=1.2, used=4.0)
USAGE = BinUsage(np.array([0.5, 1.0, NAN]), np.array([2.0, 1.0, 0.0]), 100)
EVEN = DayDistribution.of(np.ones((1, 100)), Buckets(np.linspace(0.0, 1.0, 101)))


def judged(*contenders, usage=USAGE, terms=TERMS):
    """The verdicts, the last contender being ours."""
    reference = len(contenders) - 1
    return contrast(contenders, usage, reference=reference, terms=terms, distribution=EVEN)


def floats(*values):
    return np.array(values, dtype=np.float32)


def test_joules_are_the_price_of_what_is_reserved_and_the_slope_of_what_is_used():
    assert sum_used(USAGE) == 0.5 * 2 * 100 + 1.0 * 1 * 100
    assert sum_reserved(0.6, USAGE) == pytest.approx(0.6 * 300)
    assert estimate_joules(0.6, USAGE, TERMS) == pytest.approx(1.0 * 180 + 4.0 * 200)


def test_a_request_that_moves_reserves_what_was_in_force():
    requests = np.array([0.4, 2.0, NAN])
    kept = USAGE.during(USAGE.pods > 0)
    assert sum_reserved(requests[:2], kept) == pytest.approx(0.4 * 200 + 2.0 * 100)


def test_exposure_is_the_share_of_the_pods_time_above_the_request():
    assert estimate_exposure(0.4, USAGE) == 1.0
    assert estimate_exposure(0.6, USAGE) == pytest.approx(1 / 3)
    assert estimate_exposure(1.0, USAGE) == 0.0  # at the request is not above it
    assert estimate_exposure(np.array([0.4, 2.0, 0.1]), USAGE) == pytest.approx(2 / 3)


def test_without_pods_there_is_no_exposure():
    nobody = BinUsage(np.array([NAN]), np.array([0.0]), 100)
    assert estimate_exposure(1.0, nobody) is None


def test_by_the_numbers_of_now_all_bins_count_and_exposure_is_that_of_single_pods():
    now, ours = judged(Contender(0.8), Contender(0.5))
    assert now.reserved_core_seconds == pytest.approx(240.0)
    assert now.joules == pytest.approx(240.0 + 800.0)
    assert now.joules_above == pytest.approx(0.3 * 300)
    # 90 J in the 200 s in which a pod ran, with the interval of the price.
    assert now.watts_above.value == pytest.approx(0.45)
    assert (now.watts_above.low, now.watts_above.high) == pytest.approx((0.36, 0.54))
    assert (now.exposure, ours.exposure) == pytest.approx((0.2, 0.5))
    assert (ours.joules_above, ours.watts_above.value) == (0.0, 0.0)


def test_where_some_have_a_past_all_are_held_against_the_time_in_which_it_is_known():
    rival = Contender(9.0, np.array([0.75, NAN, 0.75]))
    ours = Contender(9.0, np.array([0.25, 0.25, 0.25]))
    now, theirs, own = judged(Contender(1.0), rival, ours)
    # The first bin alone: two pods for 100 s that use 100 core-seconds.
    assert now.reserved_core_seconds == pytest.approx(200.0)
    assert theirs.joules == pytest.approx(0.75 * 200 + 400)
    assert own.joules == pytest.approx(0.25 * 200 + 400)
    assert theirs.watts_above.value == pytest.approx(1.0)
    assert (now.exposure, theirs.exposure, own.exposure) == (0.0, 0.0, 1.0)


def test_pasts_that_never_meet_leave_the_numbers_of_now():
    rival = Contender(0.8, np.array([0.1, NAN, NAN]))
    ours = Contender(0.5, np.array([NAN, 0.1, 0.1]))
    assert find_common(USAGE, [rival, ours]) is None
    assert judged(rival, ours) == judged(Contender(0.8), Contender(0.5))


def test_a_past_without_usage_is_no_common_time():
    assert find_common(USAGE, [Contender(1.0, np.array([NAN, NAN, 1.0]))]) is None


def test_what_is_not_known_is_absent():
    assert judged(Contender(None), Contender(0.5))[0] == Verdict()
    alone = judged(Contender(0.8), Contender(None))[0]
    assert alone.joules == pytest.approx(1040.0)
    assert (alone.joules_above, alone.watts_above) == (None, None)


def test_without_energy_evidence_there_are_core_seconds_and_exposure_only():
    now, _ = judged(Contender(0.8), Contender(0.5), terms=None)
    assert now == Verdict(pytest.approx(240.0), exposure=pytest.approx(0.2))


def test_a_lower_request_of_others_is_below_zero_with_its_interval_in_order():
    rival, _ = judged(Contender(0.2), Contender(0.5))
    assert rival.joules_above == pytest.approx(-90.0)
    assert rival.watts_above.low <= rival.watts_above.value <= rival.watts_above.high < 0


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        pytest.param((0.5, 0.5, 0.5), 0, id="none"),
        pytest.param((0.5, 0.6, 0.5), 2, id="there and back"),
        pytest.param((NAN, 0.5, NAN, 0.6, NAN), 1, id="while nobody looked"),
        pytest.param((NAN, NAN), 0, id="unknown"),
    ],
)
def test_changes_are_counted_between_known_values(values, changes):
    assert count_changes(floats(*values)) == changes


@pytest.mark.parametrize(
    ("values", "filled"),
    [
        pytest.param((1, NAN, NAN, 2), (1, 1, 1, 2), id="a short gap"),
        pytest.param((1, NAN, NAN, NAN, 2), (1, NAN, NAN, NAN, 2), id="a long gap"),
        pytest.param((NAN, 1, NAN), (NAN, 1, 1), id="not before the first"),
        pytest.param((NAN, NAN), (NAN, NAN), id="nothing"),
        pytest.param((3,), (3,), id="one"),
    ],
)
def test_gaps_up_to_two_points_hold_the_last_value(values, filled):
    found = fill_gaps(floats(*values), longest=2)
    assert np.array_equal(found, floats(*filled), equal_nan=True)


def test_a_value_counts_for_all_bins_of_its_stride():
    assert spread(floats(1, 2), stride=3, bins=5).tolist() == [1, 1, 1, 2, 2]


_cores = st.floats(0.001, 64.0)
_bins = st.lists(st.tuples(_cores, st.integers(0, 50), _cores), min_size=2, max_size=30)


def usage_of(bins):
    """Usage and requests of generated bins."""
    cores, pods, requests = (
        np.array(column, dtype=np.float64) for column in zip(*bins, strict=True)
    )
    return BinUsage(np.where(pods > 0, cores, np.nan), pods, 300), requests


@given(_bins, st.data())
def test_joules_of_two_parts_of_the_time_add_up(bins, data):
    usage, requests = usage_of(bins)
    cut = data.draw(st.integers(0, len(bins)))
    first = np.arange(len(bins)) < cut
    parts = [
        estimate_joules(requests[chosen], usage.during(chosen), TERMS) for chosen in (first, ~first)
    ]
    assert sum(parts) == pytest.approx(estimate_joules(requests, usage, TERMS))


@given(_bins, st.floats(1.0, 10.0))
def test_a_higher_request_never_spends_less_and_is_never_exposed_more(bins, factor):
    usage, requests = usage_of(bins)
    low, high = requests, requests * factor
    assert estimate_joules(high, usage, TERMS) >= estimate_joules(low, usage, TERMS)
    if usage.pods.sum():
        assert 0.0 <= estimate_exposure(high, usage) <= estimate_exposure(low, usage) <= 1.0


@given(_bins)
def test_contenders_with_the_same_requests_get_the_same_verdict(bins):
    usage, requests = usage_of(bins)
    one, other = judged(Contender(1.0, requests), Contender(2.0, requests.copy()), usage=usage)
    if find_common(usage, [Contender(1.0, requests)]) is not None:
        assert one == other
        assert one.joules_above == 0.0
