"""The work-per-joule curve, by hand on demand that is spread evenly from 0 to 1 core.

E min(u, r) = r - r^2 / 2 there: 0.375 at half a core and 0.5 at a whole one.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from recommender.sizing.curve import CANDIDATES, choose_candidates, estimate_curve, estimate_gain
from recommender.sizing.distribution import DayDistribution
from recommender.sizing.histogram import Buckets
from recommender.sizing.policy import Caps
from recommender.sizing.saving import estimate_saving
from tests.sizing.build import terms_for

EVEN = DayDistribution.of(np.ones((1, 100)), Buckets(np.linspace(0.0, 1.0, 101)))
TERMS = terms_for(reserved=1.0, reserved_low=0.8, reserved_high=1.2, used=4.0)


def test_each_point_is_work_served_over_the_watts_of_use_and_reservation():
    half, whole = estimate_curve(EVEN, np.array([0.5, 1.0]), terms=TERMS, floor=1.0)
    best = 0.5 / (1.0 + 4 * 0.5)  # of the one feasible request
    assert whole.work_per_joule == pytest.approx(1.0)
    assert half.work_per_joule == pytest.approx(0.375 / (0.5 + 4 * 0.375) / best)
    assert half.low == pytest.approx(0.375 / (0.5 * 1.2 + 4 * 0.375) / best)
    assert half.high == pytest.approx(0.375 / (0.5 * 0.8 + 4 * 0.375) / best)
    assert (half.request_cores, whole.request_cores) == (0.5, 1.0)
    assert (half.exposure, whole.exposure) == pytest.approx((0.5, 0.0))
    assert (half.shortfall_cores, whole.shortfall_cores) == pytest.approx((0.125, 0.0))
    assert (half.is_feasible, whole.is_feasible) == (False, True)


def test_where_a_core_costs_nothing_every_request_works_alike():
    terms = terms_for(reserved=0.0, reserved_low=0.0, reserved_high=0.0)
    points = estimate_curve(EVEN, np.array([0.5, 1.0]), terms=terms, floor=0.5)
    assert [point.work_per_joule for point in points] == pytest.approx([1.0, 1.0])


def test_without_any_price_there_is_no_curve_and_no_gain():
    free = terms_for(reserved=0.0, used=0.0)
    assert estimate_curve(EVEN, np.array([0.5]), terms=free, floor=0.5) == ()
    assert estimate_gain(EVEN, ours=0.5, now=1.0, terms=free) is None


def test_the_gain_is_the_ratio_of_work_per_joule():
    gain = estimate_gain(EVEN, ours=0.5, now=1.0, terms=TERMS)
    assert gain == pytest.approx((0.375 / 2.0) / (0.5 / 3.0))


@given(
    arrays.arrays(np.int64, (3, 15), elements=st.integers(0, 50)).filter(lambda a: a.any()),
    st.floats(0.01, 50.0),
    st.floats(0.0, 50.0),
)
def test_less_is_always_more_work_per_joule_and_more_exposed(counts, reserved, used):
    """Fact 2 of energy.md: without a floor the best request is the smallest."""
    demand = DayDistribution.of(counts, Buckets(np.concatenate([[0.0], np.geomspace(0.1, 9, 15)])))
    terms = terms_for(
        reserved=reserved, reserved_low=reserved / 2, reserved_high=2 * reserved, used=used
    )
    points = estimate_curve(demand, np.geomspace(0.01, 12, 30), terms=terms, floor=0.5)
    assert len(points) == 30
    for smaller, larger in pairwise(points):
        assert smaller.work_per_joule >= larger.work_per_joule * (1 - 1e-9)
        assert smaller.exposure >= larger.exposure - 1e-12
        assert smaller.shortfall_cores >= larger.shortfall_cores - 1e-12
    assert all(point.low <= point.work_per_joule <= point.high for point in points)
    assert max(p.work_per_joule for p in points if p.is_feasible) == pytest.approx(1.0)
    assert [p.is_feasible for p in points] == [p.request_cores >= 0.5 for p in points]


def test_candidates_hold_the_marks_and_reach_from_half_the_least_to_a_quarter_above_all():
    found = choose_candidates([0.4, 1.5, 0.5], highest=2.0)
    assert {0.4, 0.5, 1.5} <= set(found.tolist())
    assert (found[0], found[-1]) == pytest.approx((0.2, 2.5))
    assert (np.diff(found) > 0).all()
    assert len(found) <= CANDIDATES


def test_candidates_stay_within_the_caps_but_for_the_marks():
    found = choose_candidates([0.4, 3.0], highest=2.0, caps=Caps(300, 1000))
    grid = set(found.tolist()) - {0.4, 3.0}
    assert (min(grid), max(grid)) == pytest.approx((0.3, 1.0))


def test_caps_that_leave_no_room_leave_the_marks():
    assert choose_candidates([0.4], highest=0.5, caps=Caps(400, 400)).tolist() == [0.4]


def test_watts_saved_are_cores_given_back_times_the_price():
    """Six pods from 1500m to 411m give back 6.534 cores."""
    terms = terms_for(reserved=1.42, reserved_low=1.37, reserved_high=1.47)
    saved = estimate_saving(now=1500, ours=411, replicas=6, terms=terms)
    assert saved.value == pytest.approx(9.278, abs=1e-3)
    assert (saved.low, saved.high) == pytest.approx((8.952, 9.605), abs=1e-3)


def test_a_raise_costs_watts_and_its_interval_is_in_order():
    terms = terms_for(reserved=1.0, reserved_low=0.9, reserved_high=1.2)
    cost = estimate_saving(now=100, ours=600, replicas=2, terms=terms)
    assert (cost.low, cost.value, cost.high) == pytest.approx((-1.2, -1.0, -0.9))
