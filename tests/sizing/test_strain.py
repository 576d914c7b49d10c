"""What a limit held back, and so what was wanted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.model.identity import ContainerRef
from recommender.sizing.demand import estimate_demand
from recommender.units import parse_millicores
from tests.sizing.build import GIB, WEB, ramp, size_app, step_of, usage_of

DAYS = 8
HOURS = DAYS * 24


def throttled(cores, share, *, days=DAYS):
    """History of one pod; `share` of each hour, or one for all, was held back."""
    usage = usage_of({"app": (cores, GIB)}, days=days)
    hours = np.broadcast_to(np.asarray(share, np.float32), (1, usage.grid.hours))
    return replace(usage, throttled=np.array(hours))


def demand_of(usage):
    return estimate_demand(usage).of(ContainerRef(WEB, "app"))


def test_what_was_held_back_an_eighth_of_the_time_was_wanted_by_a_seventh_more():
    demand = demand_of(throttled(0.7, 0.125))
    assert demand.mean == pytest.approx(0.8, rel=1e-4)
    assert float(demand.distribution.quantile(0.9)[0]) == pytest.approx(0.8, rel=0.03)
    assert (demand.used_mean, demand.quantiles[1]) == pytest.approx((0.7, 0.7), rel=0.03)
    (step,) = demand.steps
    assert (step.step, step.value) == ("throttling", "12.5% of the time")
    assert step.why == "held back by its limit: use counts as use / (1 - share), hour by hour"


def test_only_the_hours_that_were_held_back_count_for_more():
    share = np.where(np.arange(HOURS) % 24 == 12, 0.5, 0.0)
    demand = demand_of(throttled(0.4, share))
    assert demand.mean == pytest.approx(0.4 * (23 + 2) / 24, rel=1e-4)
    assert float(demand.distribution.quantile(0.99)[0]) == pytest.approx(0.8, rel=0.03)
    assert float(demand.distribution.quantile(0.9)[0]) == pytest.approx(0.4, rel=0.03)


def test_beyond_a_fifth_of_the_time_free_windows_alone_count():
    """Half of each day at 0.6 of 0.3 cores' limit, the other free at 0.2."""
    is_held = np.arange(HOURS) % 24 < 12
    cores = np.repeat(np.where(is_held, 0.3, 0.2), 12)
    demand = demand_of(throttled(cores, np.where(is_held, 0.6, 0.0)))
    assert demand.mean == pytest.approx(0.2, rel=1e-4)
    assert demand.steps[0].value == "30.0% of the time"
    assert demand.steps[0].why.endswith("50% of its bins count, the free ones")


def test_where_no_window_is_free_division_is_the_least_estimate():
    demand = demand_of(throttled(0.3, 0.5))
    assert demand.mean == pytest.approx(0.6, rel=1e-4)
    assert demand.steps[0].why.endswith("a least estimate, for hardly any hour is free")


def test_an_hour_that_was_held_back_altogether_counts_ten_times_at_most():
    share = np.where(np.arange(HOURS) == 50, 1.0, 0.0)
    assert demand_of(throttled(0.1, share)).mean == pytest.approx(
        0.1 * (HOURS + 9) / HOURS, rel=1e-4
    )


@pytest.mark.parametrize("share", [0.0, np.nan], ids=["none", "not known"])
def test_what_was_not_held_back_was_wanted_as_it_was_used(share):
    usage = throttled(ramp(0.1, 0.3), share)
    plain, found = demand_of(replace(usage, throttled=None)), demand_of(usage)
    assert found.steps == plain.steps == ()
    assert found.cpu_days is usage.cpu_days[0] or (found.cpu_days == usage.cpu_days[0]).all()
    assert found.mean == plain.mean == plain.used_mean


def test_the_stock_rule_and_what_is_shown_of_use_stay_as_measured():
    plain = size_app(throttled(ramp(0.1, 0.3), 0.0))
    found = size_app(throttled(ramp(0.1, 0.3), np.where(np.arange(HOURS) == 3, 0.5, 0.0)))
    assert found.stock == plain.stock
    assert found.usage == plain.usage
    assert step_of(found, "throttling")
    assert not step_of(plain, "throttling")


@settings(max_examples=15)
@given(
    share=st.floats(0.0, 0.2),
    more=st.floats(0.0, 0.5),
    scale=st.sampled_from([1.0, 2.0, 5.0]),
    seed=st.integers(0, 20),
)
def test_the_request_rises_with_what_was_held_back_and_with_the_unit(share, more, scale, seed):
    rng = np.random.default_rng(seed)
    cores = ramp(0.1, 0.3) * rng.lognormal(0.0, 0.2, DAYS * 288)
    hours = np.where(rng.random(HOURS) < 0.3, share, 0.0)
    less, worse = (
        demand_of(throttled(cores, hours * factor)) for factor in (1.0, 1.0 + min(more, 0.3))
    )
    if share * 1.3 * 0.3 <= 0.2:
        assert worse.mean >= less.mean * (1 - 1e-9)
        assert worse.distribution.quantile(0.93)[0] >= less.distribution.quantile(0.93)[0] * 0.999
    scaled = demand_of(throttled(cores * scale, hours))
    assert scaled.mean == pytest.approx(less.mean * scale, rel=1e-4)
    assert scaled.distribution.quantile(0.93)[0] == pytest.approx(
        less.distribution.quantile(0.93)[0] * scale, rel=0.02
    )


def test_the_request_covers_what_was_wanted():
    """p93 of 0.7 cores held back an eighth of the time is 0.8 cores, within a bucket of 2.5 %."""
    found = size_app(throttled(0.7, np.where(np.arange(HOURS) < 24, 0.125, 0.0)))
    every = size_app(throttled(0.7, 0.125))
    assert parse_millicores(step_of(every, "p93").value) == pytest.approx(800, rel=0.03)
    assert parse_millicores(step_of(found, "p93").value) == pytest.approx(800, rel=0.03)
    assert step_of(every, "slo guard").value == "1500m"  # the last week was bad: as now
    assert step_of(found, "slo guard").value == "clean"
