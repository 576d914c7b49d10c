"""Requests of a whole pool by each rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from recommender.model.identity import ContainerRef
from recommender.replay.check import CheckLimits
from recommender.replay.energy import estimate_price_now
from recommender.replay.observation import estimate_visible_share
from recommender.replay.outcome import replay_requests
from recommender.simulator.generator import draw_fleet
from recommender.simulator.simulation import simulate
from recommender.sizing.pool import estimate_pools
from recommender.sizing.pooled import (
    Allowance,
    RankedUsage,
    choose_quantiles,
    kind_of,
    least_quantiles,
    observe_pool,
    quantile_of,
    size_by_block,
    size_pooled,
    size_priced,
    size_quantile,
    size_stock,
)
from recommender.sizing.stock import estimate_stock_cpu
from tests.replay.build import Pod, node_kind, trace_of, traces
from tests.sizing.build import WEB, demand_of, pool_of, usage_of

NAN = float("nan")
DAY_OF_BINS = 288


@settings(max_examples=40)
@given(traces(), st.floats(0.0, 1.0))
def test_quantiles_are_those_of_numpy_over_what_was_seen(trace, p):
    found = quantile_of(trace.usage, p)
    for row, usage in enumerate(trace.usage):
        seen = usage[np.isfinite(usage)].astype(np.float64)
        expected = np.quantile(seen, p) if len(seen) else NAN
        assert found[row] == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_every_row_may_have_its_own_quantile():
    usage = np.tile(np.arange(11, dtype=np.float32), (3, 1))
    assert RankedUsage.of(usage).quantile([0.0, 0.5, 0.95]).tolist() == pytest.approx([0, 5, 9.5])


def test_a_trace_without_a_bin_has_no_quantiles():
    assert np.isnan(RankedUsage.of(np.zeros((2, 0), dtype=np.float32)).quantile(0.5)).all()


def test_a_quantile_is_asked_of_managed_containers_that_were_seen_only():
    ramp = np.arange(101) / 100
    trace = trace_of(
        Pod(ramp, cpu=7), Pod(ramp, cpu=8, is_managed=False), Pod(np.full(101, NAN), cpu=9)
    )
    assert size_quantile(trace, 0.95) == pytest.approx([0.95, 8, 9])


def test_every_rule_stays_within_what_is_allowed():
    trace = trace_of(Pod(np.full(96, 0.5)), Pod(np.full(96, 2.0)), step=900)
    allowance = Allowance(least=np.array([0.7, 0.0]), greatest=1.5)
    assert size_quantile(trace, 0.95, allowance=allowance).tolist() == [0.7, 1.5]
    assert size_stock(trace, allowance=allowance).tolist() == [0.7, 1.5]
    assert size_pooled(trace, allowance=allowance).requests.tolist() == [0.7, 1.5]


@pytest.mark.parametrize("mean", [0.003, 0.2, 3.0])
def test_the_stock_rule_is_that_of_the_report(mean):
    """One pod: the histogram that history/ builds of its samples gives the same millicores."""
    usage = mean * np.random.default_rng(3).lognormal(0.0, 0.6, 4 * DAY_OF_BINS)
    demand = demand_of(cpu=usage[None, :], days=4)
    band = estimate_stock_cpu(demand.cpu_decayed, demand.confidence)
    found = size_stock(trace_of(Pod(usage)))
    assert found * 1000 == pytest.approx([band.target])


def test_the_stock_rule_forgets_half_of_a_day_in_a_day():
    """Of a low and a later high day the high one weighs two thirds, of a high and a low one a third."""
    usage = np.repeat([0.1, 1.0], DAY_OF_BINS)
    up, down = size_stock(trace_of(Pod(usage), Pod(usage[::-1])))
    # The bucket that holds 1 core ends at 0.2 (1.05^37 - 1) = 1.0163 cores; 15 % of 1016 are 152.
    assert up * 1000 == pytest.approx(1016 + 152)
    assert down * 1000 == pytest.approx(1016 + 152)
    long_ago = np.concatenate([np.ones(DAY_OF_BINS), np.full(4 * DAY_OF_BINS, 0.1)])
    assert size_stock(trace_of(Pod(long_ago)))[0] < 0.2  # a day of 1/31 is below the p90


def test_the_quantile_of_a_class_follows_from_the_price():
    """1 - 1.42 / (5 x 3.98) = 0.929; batch gets p90 at any price, critical at least p95."""
    trace = trace_of(
        Pod(1, work_class="standard"),
        Pod([[1], [1]], work_class="batch"),
        Pod(1, work_class="critical"),
    )
    found = choose_quantiles(trace, reserved=1.42, busy=3.98)
    assert found == pytest.approx([0.9286, 0.90, 0.90, 0.99], abs=1e-4)


def test_the_floor_of_pooled_requests_is_the_least_of_the_class():
    trace = trace_of(
        Pod(1, work_class="standard"), Pod(1, work_class="batch"), Pod(1, work_class="critical")
    )
    assert least_quantiles(trace).tolist() == [0.75, 0.50, 0.95]


def ramps(count=20, *, days=2, work_class="standard"):
    """Pods whose use climbs from 0 to 1 core on every day, all at once; half a core on average."""
    ramp = np.tile((np.arange(DAY_OF_BINS) + 0.5) / DAY_OF_BINS, days)
    return trace_of(*(Pod(ramp, cpu=3, work_class=work_class) for _ in range(count)))


def test_t1_is_the_priced_quantile_and_at_least_its_mean():
    """p90 of the ramp is 0.9: eleven to a node, hot above 0.78 cores each. So less must do."""
    check = size_priced(ramps(), np.full(20, 0.9))
    assert check.is_met
    assert "at least its p90" in check.reasons[0].why
    assert (check.requests >= 0.9).all()
    assert check.hot.mean <= 0.005
    cool = size_priced(ramps(count=5), np.full(5, 0.9))
    assert cool.factor == 1.0
    assert cool.requests == pytest.approx([0.9] * 5, abs=2e-3)


def test_t2_has_the_floor_of_its_class_and_the_factor_of_the_pool():
    """Five pods fit on one node whatever they ask: p75 of the ramp."""
    check = size_pooled(ramps(count=5))
    assert check.factor == 1.0
    assert check.requests == pytest.approx([0.75] * 5, abs=2e-3)
    batch = size_pooled(ramps(count=5, work_class="batch"))
    assert batch.requests == pytest.approx([0.5] * 5, abs=2e-3)
    assert "at least its p50" in batch.reasons[0].why


def test_t2_grows_until_the_nodes_are_cool():
    """Nine of 0.95 x 9 = 8.55 cores and 0.5 % of the time above it: 8 or 9 to a node."""
    check = size_pooled(ramps())
    assert 1.0 < check.requests[0] <= 10 / 8
    assert check.requests == pytest.approx(np.full(20, check.factor * 0.5), rel=1e-3)


def hot_for(bins):
    """Sixteen pods of one core for five days, two cores each in so many of its bins.

    Eight to a node are hot then, and cool else; each hot bin is 0.14 % of the time and 0.7 % of its day.
    """
    usage = np.ones(720)
    usage[[150 * number + 7 for number in range(bins)]] = 2.0
    return trace_of(Pod(usage, replicas=16), step=600)


def test_pooled_requests_keep_half_of_the_hot_time_in_reserve():
    """0.14 % is within 0.25 %, and 0.28 % is not, though it is within the 0.5 % that must hold."""
    allowance = Allowance(least=1.2)
    assert size_pooled(hot_for(1), allowance=allowance).factor == 1.0
    assert size_pooled(hot_for(2), allowance=allowance).factor > 1.0
    assert size_pooled(hot_for(2), allowance=allowance, limits=CheckLimits()).factor == 1.0


def test_requests_of_containers_one_by_one_keep_four_fifths_of_it():
    """0.14 % is not within 0.1 %."""
    p, allowance = np.array([0.9]), Allowance(least=1.2)
    assert size_priced(hot_for(1), p, allowance=allowance).factor > 1.0
    assert size_priced(hot_for(1), p, allowance=allowance, limits=CheckLimits()).factor == 1.0


def test_classes_of_different_floors_are_named():
    ramp = np.tile((np.arange(DAY_OF_BINS) + 0.5) / DAY_OF_BINS, 2)
    trace = trace_of(Pod(ramp), Pod(ramp, work_class="batch"))
    assert "at least its p50 to p75 by class" in size_pooled(trace).reasons[0].why


def test_t3_asks_for_what_each_block_of_the_day_needs():
    """Use climbs from 0 to 1 within the day: in the last block it is 5/6 ... 1, p75 0.958."""
    found = size_by_block(ramps(count=5))
    assert found.is_met
    expected = [(block + 0.75) / 6 for block in range(6)]
    assert found.requests.shape == (6, 5)
    assert found.requests[:, 0] == pytest.approx(expected, abs=2e-3)


def days_of(*days):
    """A trace of one pod with the given mean of each of six blocks of each day."""
    return trace_of(Pod(np.repeat(np.concatenate(days), 8)), step=1800)


FIRST, LAST = np.array([6.0, 0, 0, 0, 0, 0]), np.array([0, 0, 0, 0, 0, 6.0])


def test_t3_does_not_follow_what_is_no_rhythm():
    """A day's work at another hour each day: every block gets what the window says, mean 1.

    The p75 of it is 0. With s each block asks for the same mean.
    """
    found = size_by_block(days_of(FIRST, LAST))
    factors = np.array([check.factor for check in found.checks])
    assert found.requests[:, 0] == pytest.approx(factors * 1.0)


def test_t3_needs_no_more_energy_than_t2_where_the_day_has_a_rhythm():
    trace = ramps(count=40, days=3)
    t2 = replay_requests(trace, size_pooled(trace).requests)
    t3 = replay_requests(trace, size_by_block(trace).requests)
    assert t3.joules_released < t2.joules_released
    assert t3.hot.mean <= 0.005


def test_a_container_that_rests_in_a_block_gets_there_what_the_day_says():
    usage = np.tile(np.repeat([1.0, NAN], DAY_OF_BINS // 2), 2)
    found = size_by_block(trace_of(Pod(usage, cpu=3), Pod(np.ones(2 * DAY_OF_BINS))))
    assert found.requests[:, 0].tolist() == [1.0] * 6


def test_a_trace_that_lacks_a_block_of_the_day_is_refused():
    with pytest.raises(ValueError, match="no bin of block 0"):
        size_by_block(trace_of(Pod(np.ones(12))))


def test_a_pool_becomes_the_kind_of_its_nodes():
    pool = pool_of()
    kind = kind_of(pool)
    assert (kind.name, kind.cores, kind.count, kind.members) == ("nodes", 50.0, 1, ("a",))
    assert float(kind.curve.power(0.5)) == 200.0


def test_the_trace_of_a_report_is_sized_by_the_names_of_its_containers():
    """The quantile of a trace and that of the report's histogram agree within a bucket."""
    usage = usage_of({"app": (np.linspace(0.1, 0.9, 8 * DAY_OF_BINS), NAN)})
    assert usage.containers == (ContainerRef(WEB, "app"),)
    demand = demand_of(cpu=np.linspace(0.1, 0.9, 8 * DAY_OF_BINS)[None, :])
    trace = trace_of(Pod(np.linspace(0.1, 0.9, 8 * DAY_OF_BINS)))
    exact = size_quantile(trace, 0.9)[0]
    assert float(demand.distribution.quantile(0.9)[0]) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("kind", ["flat", "daily", "bursty", "batch"])
def test_the_hours_of_a_request_are_those_that_were_replayed(kind):
    """One pod that wanted what it used: mean and floor of each block agree within a bucket."""
    fleet = draw_fleet(kind, containers=6, days=14, seed=3)
    work_class = "batch" if kind == "batch" else "standard"
    trace = trace_of(*(Pod(row, work_class=work_class) for row in fleet.usage))
    p = least_quantiles(trace)[0]
    checks = size_by_block(trace).checks
    for row, cores in enumerate(fleet.usage):
        demand = demand_of(cpu=cores[None, :], days=14)
        whole, most = (float(demand.distribution.quantile(each)[0]) for each in (p, 1.0))
        for block, check in enumerate(checks):
            shape = demand.hours.shape(block, p)
            assert demand.mean * shape.of_mean == pytest.approx(check.rule.mean[row], rel=1e-4)
            bent = shape.bend_floor(whole, most=most)
            assert bent == pytest.approx(check.rule.floor[row], rel=0.025, abs=0.001)


@pytest.fixture(scope="module")
def simulated():
    """The pool of the simulated cluster, three days of it, and its trace."""
    recording = simulate(end=86400 * 20_000, days=3, seed=7, nodes=6)
    pools = estimate_pools(recording.cluster, recording.history.nodes)
    trace = observe_pool(pools[0], pools, cluster=recording.cluster, history=recording.history)
    return pools[0], trace


def test_the_simulated_pool_is_all_visible_and_has_the_price_of_its_report(simulated):
    """Power there is measured with noise; the price of a trace is that at its mean use."""
    pool, trace = simulated
    assert trace.kinds[0].count == 6
    assert estimate_visible_share(trace) > 0.9
    assert estimate_price_now(trace) == pytest.approx(
        pool.energy.effective_price.watts_per_core, rel=0.05
    )


def test_the_simulated_pool_needs_fewer_nodes_when_it_is_pooled(simulated):
    """And none of them gets hot for longer than it may, nor waits for cores."""
    _, trace = simulated
    now = replay_requests(trace, trace.cpu_requests)
    check = size_pooled(trace)
    pooled = replay_requests(trace, check.requests)
    assert check.is_met
    assert pooled.nodes < now.nodes
    assert pooled.joules_per_work_released < now.joules_per_work_released
    assert pooled.hot.mean <= 0.005
    assert pooled.unserved_share < 0.001


def test_a_second_pool_leaves_out_what_runs_nowhere(simulated):
    pool, _ = simulated
    recording = simulate(end=86400 * 20_000, days=1, seed=7, nodes=2)
    pools = (pool, replace(pool, nodes=recording.cluster.nodes))
    first, second = (
        observe_pool(each, pools, cluster=recording.cluster, history=recording.history)
        for each in pools
    )
    idle = {each.ref for each in recording.cluster.workloads if not each.pods_on}
    assert idle & set(first.workloads)
    assert not idle & set(second.workloads)


@settings(max_examples=12)
@given(traces(), st.sampled_from([0.25, 4.0]))
def test_all_rules_scale_with_what_is_demanded(trace, scale):
    """The stock rule apart: its buckets and millicores have sizes of their own."""
    scaled = replace(
        trace,
        kinds=tuple(replace(kind, cores=kind.cores * scale) for kind in trace.kinds),
        usage=trace.usage * np.float32(scale),
        cpu_requests=trace.cpu_requests * scale,
    )
    p = choose_quantiles(trace, reserved=1.0, busy=4.0)
    for first, second in (
        (size_quantile(trace, p), size_quantile(scaled, p)),
        (size_priced(trace, p).requests, size_priced(scaled, p).requests),
        (size_pooled(trace).requests, size_pooled(scaled).requests),
    ):
        assert second == pytest.approx(first * scale, rel=1e-12)


@settings(max_examples=20)
@given(traces(), st.integers(0, 2**32))
def test_more_demand_never_gets_a_smaller_quantile_and_a_stricter_class_never_less(trace, seed):
    more = np.random.default_rng(seed).uniform(1.0, 2.0, trace.usage.shape).astype(np.float32)
    heavier = replace(trace, usage=trace.usage * more)
    assert (size_quantile(heavier, 0.9) >= size_quantile(trace, 0.9)).all()
    by_class = [
        least_quantiles(replace(trace, work_classes=(name,) * len(trace.workloads)))
        for name in ("batch", "standard", "critical")
    ]
    assert (by_class[0] <= by_class[1]).all()
    assert (by_class[1] <= by_class[2]).all()


def test_a_small_pool_is_kept_as_cool_as_a_large_one():
    """Three nodes of 10 cores: what the check finds holds on the bins that it has seen."""
    rng = np.random.default_rng(5)
    usage = rng.lognormal(-1.0, 0.5, (30, 1)) * rng.lognormal(0.0, 0.4, (30, 2 * DAY_OF_BINS))
    trace = trace_of(*(Pod(row, cpu=2) for row in usage), kinds=(node_kind(count=5),))
    check = size_pooled(trace)
    found = replay_requests(trace, check.requests)
    assert found.hot.mean == pytest.approx(check.hot.mean)
    assert found.hot.mean <= 0.005
