"""Bounds of a CPU target, by hand on demand that is spread evenly from 0 to 1 core.

There E(u - r)+ = (1 - r)^2 / 2, so J(r) = reserved r + mu (1 - r)^2 / 2. Of its energy, 4 W x 0.5
cores + reserved x r, two percent are not worth a restart; they are more than what one costs.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.sizing.bounds import (
    choose_bounds,
    estimate_indifference,
    estimate_interval,
    estimate_restart_watts,
    estimate_slack,
)
from recommender.sizing.distribution import DayDistribution
from recommender.sizing.histogram import Buckets
from tests.sizing.build import demand_of, ramp, terms_for

EVEN = DayDistribution.of(np.ones((1, 1000)), Buckets(np.linspace(0.0, 1.0, 1001)))


def _indifference(request, **terms):
    return estimate_indifference(EVEN, request, mean=0.5, highest=1.0, terms=terms_for(**terms))


def test_about_the_optimum_both_ends_cost_two_percent_more():
    lower, upper = _indifference(0.93)  # 1 - 1.4 / 20: the minimum of J, so J grows as 10 d^2
    slack = 0.02 * (2.0 + 1.4 * 0.93)
    assert lower == pytest.approx(0.93 - math.sqrt(slack / 10), abs=1e-3)
    # Above all demand only the reservation costs: 10 x 0.07^2 up to there, then 1.4 W a core.
    assert upper == pytest.approx(1.0 + (slack - 0.049) / 1.4, abs=1e-3)


def test_a_request_that_the_class_forbids_to_be_smaller_has_its_band_about_it():
    """At 8 W the optimum is p60, the class gets p90: as if a shortfall cost 8 / 0.1 = 80 W."""
    lower, upper = _indifference(0.9, reserved=8.0)
    halfwidth = math.sqrt(0.02 * (2.0 + 8.0 * 0.9) / 40)
    assert lower == pytest.approx(0.9 - halfwidth, abs=1e-3)
    assert upper == pytest.approx(0.9 + halfwidth, abs=1e-3)


def test_at_a_low_price_the_lower_bound_still_counts_what_waits():
    """At 0.02 W the class stops at p95; below it each core that waits costs the 20 W it does."""
    lower, upper = _indifference(0.95, reserved=0.02)
    slack = 0.02 * (2.0 + 0.02 * 0.95)
    slope = 20 * 0.05 - 0.02
    assert lower == pytest.approx(0.95 - (math.sqrt(slope**2 + 40 * slack) - slope) / 20, abs=1e-3)
    assert upper == pytest.approx(2.0)  # nearly free: twice the highest demand is the end


def test_where_a_core_costs_nothing_the_highest_demand_is_the_upper_bound():
    lower, upper = _indifference(0.95, reserved=0.0)
    assert lower == pytest.approx(0.95 - (math.sqrt(1 + 40 * 0.04) - 1) / 20, abs=1e-3)
    assert upper == 1.0


def test_two_percent_of_the_energy_are_more_than_a_restart():
    """25 s of 12 h at 1 core reserved for 1.4 W and used for 4 W: 3 mW; 2 % of 2 + 1.4 W: 68 mW."""
    assert estimate_restart_watts(1.0, terms=terms_for()) == pytest.approx(5.4 * 25 / 43200)
    assert estimate_slack(1.0, mean=0.5, terms=terms_for()) == pytest.approx(0.02 * 3.4)


def test_where_nothing_is_used_and_a_core_costs_nothing_a_restart_is_what_counts():
    terms = terms_for(reserved=0.0, reserved_low=0.0, reserved_high=0.0)
    assert estimate_slack(1.0, mean=0.01, terms=terms) == pytest.approx(4.0 * 25 / 43200)
    cpu = np.where(np.arange(2304) % 20 == 0, 0.5, 0.001)  # mean 0.026, of which 2 % are 2 mW
    band, reason = choose_bounds(demand_of(cpu), 1.0, p=0.95, terms=terms)
    assert ", within what a restart costs " in reason.why
    assert band.lower <= band.target <= band.upper


@given(st.floats(0.01, 5.0), st.floats(0.0, 5.0), st.floats(0.0, 20.0), st.floats(0.1, 10.0))
def test_slack_grows_in_proportion_with_the_container(request, mean, reserved, factor):
    terms = terms_for(reserved=reserved)
    one = estimate_slack(request, mean=mean, terms=terms)
    other = estimate_slack(factor * request, mean=factor * mean, terms=terms)
    assert other == pytest.approx(factor * one)


def test_days_that_are_all_alike_leave_no_doubt():
    low, high = estimate_interval(demand_of(ramp(0.1, 0.3)), 0.9)
    assert low == high == pytest.approx(0.28, rel=0.002)


def test_unlike_days_are_resampled_and_two_days_widened_by_their_root():
    """Half the resamples hold a day of each kind; p90 is 0.1 only where both draws are that day."""
    demand = demand_of(np.repeat([0.1, 0.3], 288), days=2)
    low, high = estimate_interval(demand, 0.9)
    assert low == pytest.approx(0.2 - 0.1 * math.sqrt(2), rel=0.05)
    assert high == pytest.approx(0.2 + 0.1 * math.sqrt(2), rel=0.03)


def test_a_crowded_pool_widens_with_its_request():
    plain = estimate_interval(demand_of(ramp(0.1, 0.3)), 0.9)
    crowded = estimate_interval(demand_of(ramp(0.1, 0.3)), 0.9, crowding=1.5)
    assert crowded == pytest.approx((plain[0] * 1.5, plain[1] * 1.5))


def test_bounds_are_at_least_five_percent_away_however_sure_the_number():
    """Constant use at 100 W a core: nothing but the least halfwidth is left."""
    terms = terms_for(reserved=100.0, reserved_low=100.0, reserved_high=100.0, used=0.0)
    band, _ = choose_bounds(demand_of(0.2), 0.2, p=0.9, terms=terms)
    assert band.target == 200
    assert band.lower <= 190
    assert band.upper >= 210


def test_the_band_holds_both_intervals_and_says_them():
    demand = demand_of(np.repeat([0.1, 0.2, 0.3], 288), days=3)
    terms = terms_for()
    band, reason = choose_bounds(demand, 0.3, p=0.93, terms=terms)
    low, high = estimate_interval(demand, 0.93)
    cheap, dear = estimate_indifference(
        demand.distribution, 0.3, mean=demand.mean, highest=demand.highest, terms=terms
    )
    assert band.lower <= 1000 * min(low, cheap) + 1
    assert band.upper >= 1000 * max(high, dear)
    assert reason.value == f"{band.lower}m - {band.upper}m"
