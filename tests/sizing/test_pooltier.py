"""What a pool's replay allows is what its containers are sized by."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.model.cluster import Amounts, ContainerPolicy
from recommender.model.identity import ContainerRef
from recommender.sizing.pool import PoolShare
from recommender.sizing.pooltier import BlockFactor, Gate, PoolTier, choose_pooled
from tests.sizing.build import (
    DEFAULTS,
    WEB,
    pool_of,
    ramp,
    size_app,
    spec_of,
    usage_of,
    vpa_of,
    workload_of,
)
from tests.sizing.test_followed import only

APP = ContainerRef(WEB, "app")
RAMP = usage_of({"app": (ramp(0.1, 0.3), 2**30)})  # mean 0.2, p75 0.25, p90 0.28
LONG_RAMP = usage_of({"app": (ramp(0.1, 0.3, days=15.0), 2**30)}, days=15.0)
IN_PLACE = vpa_of(update_mode="InPlaceOrRecreate")
BLOCK = BlockFactor(2, factor=1.5)
"""08-12 UTC: there the long ramp has the mean 0.1 + 0.2 x 5/12 = 0.1833 of 0.2, the p75 0.1917."""


def tier_of(name="T2", *, factors=None, blocks=None, gates=()):
    found = dict.fromkeys(("T1", "T2", "T3"), "replayed by a test")
    return PoolTier(name, tuple(gates), factors or {"T1": 1.0, "T2": 1.0}, found, blocks or {})


def pooled_of(*tiers, days=20.0, can_resize=True):
    return choose_pooled(tiers, APP, days=days, can_resize=can_resize)


def sized(tier, usage=RAMP, **more):
    return size_app(usage, pools=(PoolShare(pool_of(), 3, tier),), **more)


def test_without_a_replay_nothing_is_known_of_a_pool():
    assert pooled_of() is None


def test_of_several_pools_the_lowest_tier_counts_and_the_greatest_factor():
    found = pooled_of(
        tier_of("T2", factors={"T1": 1.1, "T2": 1.2}), tier_of("T1", factors={"T1": 1.7})
    )
    assert (found.name, found.factor) == ("T1", 1.7)
    found = pooled_of(tier_of(factors={"T2": 1.2}), tier_of(factors={"T2": 1.6}))
    assert (found.name, found.factor) == ("T2", 1.6)


@pytest.mark.parametrize(("days", "name"), [(6.9, "T1"), (7.0, "T2"), (13.9, "T2"), (14.0, "T3")])
def test_a_container_needs_as_much_history_of_its_own_as_its_pool(days, name):
    assert pooled_of(tier_of("T3", blocks={APP: BLOCK}), days=days).name == name


def test_requests_by_time_of_day_need_pods_that_are_resized_in_place():
    tier = tier_of("T3", blocks={APP: BLOCK})
    assert pooled_of(tier, can_resize=False).name == "T2"
    failed = [gate for gate in pooled_of(tier, can_resize=False).gates if not gate.is_met]
    assert [(gate.tier, gate.what) for gate in failed] == [("T3", "resize")]


def test_the_hours_shape_what_was_wanted_and_not_what_was_used():
    """Held back an eighth of the time on 7 of 15 days: wanted is (7 / 0.875 + 8) / 15 of the use.

    1.5 x 0.18333 x 1.06667 = 0.29333.
    """
    held = np.where(np.arange(15 * 24) < 7 * 24, 0.125, 0.0).astype(np.float32)
    usage = replace(LONG_RAMP, throttled=held[None, :])
    found = sized(tier_of("T3", blocks={APP: BLOCK}), usage, vpa=IN_PLACE)
    assert (found.tier, found.recommended.target.cpu) == ("T3", "294m")


def test_pods_that_come_and_go_are_sized_by_what_one_of_them_wants_in_these_hours():
    """Ten pods, but two from 20 to 04: the mean of a pod is 0.2 all day, 0.18333 in the block."""
    cores = np.tile(ramp(0.1, 0.3, days=15.0), (10, 1))
    block = np.arange(15 * 288) // 48 % 6
    cores[2:, (block == 0) | (block == 5)] = np.nan
    usage = usage_of({"app": (cores, 2**30)}, days=15.0)
    found = sized(tier_of("T3", blocks={APP: BLOCK}), usage, vpa=IN_PLACE)
    assert (found.tier, found.recommended.target.cpu) == ("T3", "275m")


@given(
    levels=st.lists(st.floats(0.02, 4.0), min_size=15, max_size=15),
    factor=st.floats(1.0, 4.0),
    block=st.integers(0, 5),
)
@settings(max_examples=20, deadline=None)
def test_where_hours_are_alike_they_ask_for_what_the_pool_asks_for(levels, factor, block):
    """Days differ and hours do not; with the same factor the target is the same."""
    usage = usage_of({"app": (np.repeat(levels, 288), 2**30)}, days=15.0)
    assert _by_day_and_hour(usage, factor, block) == (_by_day(usage, factor))


@given(low=st.floats(0.02, 2.0), more=st.floats(0.1, 2.0), factor=st.floats(1.0, 4.0))
@settings(max_examples=20, deadline=None)
def test_hours_of_less_use_never_ask_for_more_than_the_pool_does(low, more, factor):
    """The first half of a day that climbs, with the same factor."""
    usage = usage_of({"app": (ramp(low, low + more, days=15.0), 2**30)}, days=15.0)
    for block in range(3):
        assert _by_day_and_hour(usage, factor, block) <= _by_day(usage, factor)


def _by_day(usage, factor):
    found = sized(tier_of(factors={"T2": factor}), usage, vpa=IN_PLACE)
    assert found.tier == "T2"
    return _millicores(found.recommended.target.cpu)


def _by_day_and_hour(usage, factor, block):
    tier = tier_of("T3", blocks={APP: BlockFactor(block, factor)})
    found = sized(tier, usage, vpa=IN_PLACE)
    assert found.tier == "T3"
    return _millicores(found.recommended.target.cpu)


def test_by_time_of_day_the_next_hours_are_not_held_by_these():
    """Five percent about 275m, whatever the rest of the day would bear."""
    found = sized(tier_of("T3", blocks={APP: BLOCK}), LONG_RAMP, vpa=IN_PLACE)
    assert (found.recommended.lower_bound.cpu, found.recommended.upper_bound.cpu) == (
        *("262m", "289m"),  # 261.25 and 288.75
    )


def test_a_container_that_the_replay_did_not_see_in_these_hours_is_pooled_without_them():
    assert pooled_of(tier_of("T3", blocks={})).name == "T2"


def test_gates_are_shown_up_to_the_tier_after_the_one_that_is_reached():
    gates = [Gate("T1", "pool check", True, "cool"), Gate("T2", "nodes", False, "3 nodes")]
    found = pooled_of(tier_of("T1", gates=gates), days=3.0)
    assert [gate.tier for gate in found.gates] == ["T1", "T2", "T2"]


def test_pooled_work_gets_the_factor_times_its_mean_and_at_least_the_quantile_of_its_class():
    """1.5 x 0.2 = 0.3 beats p75 = 0.25, which beats 1.1 x 0.2 = 0.22."""
    found = sized(tier_of(factors={"T2": 1.5}))
    assert (found.tier, found.basis, found.quantile) == ("T2", "pooled", 0.75)
    assert found.recommended.target.cpu == "300m"
    assert sized(tier_of(factors={"T2": 1.1})).recommended.target.cpu == "250m"


def test_one_by_one_the_factor_can_only_raise_the_priced_quantile():
    """1 - 1.4/20 = 0.93 of the ramp is 0.286; 2 x 0.2 = 0.4 is more."""
    plain = sized(tier_of("T1")).recommended.target.cpu
    assert _millicores(plain) == pytest.approx(286, abs=1)  # buckets of 2.5 %
    found = sized(tier_of("T1", factors={"T1": 2.0}))
    assert (found.tier, found.recommended.target.cpu) == ("T1", "400m")


def test_by_time_of_day_mean_and_floor_are_those_of_the_hours():
    """1.5 x 0.18333 = 0.275 beats the p75 of the hours, which beats 1 x 0.18333."""
    found = sized(tier_of("T3", blocks={APP: BLOCK}), LONG_RAMP, vpa=IN_PLACE)
    assert (found.tier, found.basis) == ("T3", "time of day")
    assert found.recommended.target.cpu == "275m"
    cool = sized(tier_of("T3", blocks={APP: BlockFactor(2, 1.0)}), LONG_RAMP, vpa=IN_PLACE)
    assert _millicores(cool.recommended.target.cpu) == pytest.approx(191.7, rel=0.01)
    evening = sized(tier_of("T3", blocks={APP: BlockFactor(5, 1.5)}), LONG_RAMP, vpa=IN_PLACE)
    assert evening.recommended.target.cpu == "425m"  # 1.5 x (0.1 + 0.2 x 11/12)


def test_a_pool_that_no_factor_keeps_cool_is_sized_by_the_stock_rule():
    gate = Gate("T1", "pool check", False, "no factor keeps it cool")
    found = sized(tier_of("T0", gates=[gate]))
    assert (found.tier, found.why) == ("T0", "no factor keeps it cool")


def test_the_highest_tier_can_be_held_at_the_stock_rule():
    found = sized(tier_of(), settings=dataclasses.replace(DEFAULTS, highest_tier="T0"))
    assert (found.tier, found.why) == ("T0", "--highest-tier T0")


def test_the_replay_stands_for_the_ceiling_of_a_crowded_pool():
    """Pool at 90 %, planned up to 80 %: x1.125 without a replay, the check's own limit with it."""
    crowded = pool_of(utilisation=0.9)
    plain = size_app(RAMP, pools=(PoolShare(crowded, 3),))
    replayed = size_app(RAMP, pools=(PoolShare(crowded, 3, tier_of("T1")),))
    assert _millicores(plain.recommended.target.cpu) == pytest.approx(286 * 1.125, abs=1)
    assert _millicores(replayed.recommended.target.cpu) == pytest.approx(286, abs=1)


@pytest.mark.parametrize("name", ["T1", "T2", "T3"])
@given(
    mean=st.floats(0.02, 4.0),
    spread=st.floats(0.0, 1.5),
    factor=st.floats(1.0, 4.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_bounds_are_in_order_and_its_own_answer_changes_nothing(name, mean, spread, factor, seed):
    cores = mean * np.random.default_rng(seed).lognormal(0.0, spread, 15 * 288)
    usage = usage_of({"app": (cores, 2**30)}, days=15.0)
    blocks = {APP: BlockFactor(0, factor)}
    tier = tier_of(name, factors={"T1": factor, "T2": factor}, blocks=blocks)
    found = sized(tier, usage, vpa=IN_PLACE)
    assert found.tier == name
    ours = found.recommended
    container = {
        "containerName": "app",
        "target": _written(ours.target),
        "lowerBound": _written(ours.lower_bound),
        "upperBound": _written(ours.upper_bound),
        "uncappedTarget": _written(ours.uncapped_target),
    }
    status = {"recommendation": {"containerRecommendations": [container]}}
    again = sized(tier, usage, vpa=replace(IN_PLACE, status=status))
    assert again.recommended == ours
    low, target, high = (
        _millicores(each.cpu) for each in (ours.lower_bound, ours.target, ours.upper_bound)
    )
    assert low <= target <= high


def _written(amounts):
    return {"cpu": amounts.cpu, "memory": amounts.memory}


def _millicores(text):
    return int(text[:-1]) if text.endswith("m") else int(text) * 1000


@given(first=st.floats(1.0, 4.0), more=st.floats(0.0, 2.0))
@settings(max_examples=20, deadline=None)
def test_a_greater_factor_never_lowers_a_request(first, more):
    small, great = (
        _millicores(sized(tier_of(factors={"T2": factor})).recommended.target.cpu)
        for factor in (first, first + more)
    )
    assert small <= great


def test_a_policy_holds_at_every_tier():
    policy = ContainerPolicy("app", max_allowed=Amounts(cpu_millicores=250))
    vpa = vpa_of(policy, update_mode="InPlaceOrRecreate")
    tier = tier_of("T3", blocks={APP: BLOCK})
    assert sized(tier, LONG_RAMP, vpa=vpa).recommended.target.cpu == "250m"


@pytest.mark.parametrize("name", ["T1", "T2", "T3"])
def test_the_request_of_every_tier_is_written_out(name):
    """The equation that is printed gives the target, whatever led to its parts."""
    from recommender.sizing.demand import estimate_demand
    from recommender.sizing.workload import size_workload

    tier = tier_of(name, factors={"T1": 1.6, "T2": 1.6}, blocks={APP: BLOCK})
    report, _ = size_workload(
        workload_of(spec_of()),
        vpa=IN_PLACE,
        demand=estimate_demand(LONG_RAMP),
        pools=(PoolShare(pool_of(), 3, tier),),
        settings=DEFAULTS,
    )
    head, steps, recommended = only(report)
    assert f"tier {name}" in head
    equation = steps["request"][1].partition(":")[0]
    left, right = equation.split(" = ")
    peak, spread = left.removeprefix("max(").removesuffix(")").split(", ")
    value = max(_product(peak), _product(spread))
    assert value == pytest.approx(float(right), rel=1e-5)
    assert _millicores(recommended.target.cpu) == int(np.ceil(round(float(right) * 1000, 6)))


def _product(text):
    return float(np.prod([float(part) for part in text.split(" x ")]))
