"""Which tier a pool may have, and that each gate says what it found."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from msgspec.structs import replace

from recommender.backtest.gate import TierJudge, judge_pool_tier
from recommender.model.cluster import Vpa
from recommender.replay.check import CheckLimits
from recommender.settings import SimulateSettings, SizingSettings
from recommender.simulator import simulate_fleet
from recommender.sizing.observed import allow, observe
from recommender.sizing.pool import estimate_pools
from recommender.sizing.pooltier import TIERS

DEFAULTS = SizingSettings()
LIMITS = CheckLimits()


def fleet_of(kind, *, days, containers=300):
    return simulate_fleet(
        SimulateSettings(
            kind=kind,
            containers=containers,
            simulated_days=days,
            simulated_server="E5-2660",
            simulated_seed=7,
        )
    )


@pytest.fixture(scope="module")
def steady():
    """Fifteen days of flat demand on some twenty nodes, with an autoscaler."""
    return fleet_of("flat", days=15)


@pytest.fixture(scope="module")
def short():
    """Eight days of mixed demand."""
    return fleet_of("mixed", days=8)


def judge(evidence, settings=DEFAULTS):
    pools = estimate_pools(evidence.cluster, evidence.history.nodes)
    return TierJudge().judge(evidence, pools[0], pools, settings)


def outcome(tier):
    return {(gate.tier, gate.what): gate.is_met for gate in tier.gates}


def with_cluster(evidence, **changes):
    return replace(evidence, cluster=replace(evidence.cluster, **changes))


def test_a_steady_pool_passes_every_gate(steady):
    tier = judge(steady)
    assert tier.name == "T3"
    assert list(outcome(tier)) == [
        ("T1", "pool check"),
        *(("T2", what) for what in ("history", "nodes", "visible", "pool check", "back-test")),
        *(("T3", what) for what in ("history", "release", "back-test", "pool check")),
    ]
    assert all(outcome(tier).values())
    assert len(tier.blocks) == 300
    assert {block.name for block in tier.blocks.values()} == {"00-04 UTC"}  # it ends at midnight


def test_where_nothing_removes_empty_nodes_time_of_day_is_not_followed(steady):
    tier = judge(with_cluster(steady, node_releaser=""))
    assert tier.name == "T2"
    assert outcome(tier)["T3", "release"] is False
    assert ("T3", "back-test") not in outcome(tier)


def test_a_week_is_enough_to_pool_and_not_for_the_time_of_day(short):
    tier = judge(short)
    assert tier.name == "T2"
    gate = next(g for g in tier.gates if (g.tier, g.what) == ("T3", "history"))
    assert (gate.is_met, gate.found) == (False, "8.0 d, 14 d needed")


def test_six_days_are_not_enough_to_pool():
    tier = judge(fleet_of("flat", days=6, containers=200))
    assert tier.name == "T1"
    assert outcome(tier)["T2", "history"] is False
    assert ("T2", "back-test") not in outcome(tier)


def test_a_pool_of_few_nodes_is_not_pooled():
    tier = judge(fleet_of("flat", days=8, containers=60))
    assert tier.name == "T1"
    assert outcome(tier)["T2", "nodes"] is False


def test_what_is_not_seen_is_not_pooled(steady):
    """Half of the workloads are not known, so their use is somebody's that nobody can replay."""
    known = steady.cluster.workloads[::2]
    tier = judge(with_cluster(steady, workloads=known))
    assert tier.name == "T1"
    gate = next(g for g in tier.gates if g.what == "visible")
    assert not gate.is_met
    assert "80% needed" in gate.found


@pytest.mark.parametrize("name", ["T1", "T2"])
def test_no_tier_above_the_highest_that_is_allowed_is_tried(short, name):
    tier = judge(short, dataclasses.replace(DEFAULTS, highest_tier=name))
    assert tier.name == name
    assert {gate.tier for gate in tier.gates} <= {"T1", name}


def test_nothing_is_replayed_for_the_stock_rule(short):
    pools = estimate_pools(short.cluster, short.history.nodes)
    settings = dataclasses.replace(DEFAULTS, highest_tier="T0")
    assert TierJudge().judge(short, pools[0], pools, settings) is None


def test_a_pool_that_others_keep_hot_is_priced_and_not_pooled(short):
    """Nodes that are full of what nobody manages stay hot whatever the managed ones request."""
    nodes = short.history.nodes
    full = np.full_like(nodes.cpu_used, 31.5)  # of 32 cores
    evidence = replace(short, history=replace(short.history, nodes=replace(nodes, cpu_used=full)))
    tier = judge(evidence)
    assert tier.name == "T1"
    assert outcome(tier)["T1", "pool check"] is True
    assert outcome(tier)["T2", "visible"] is False


def test_what_was_found_is_kept_for_an_hour_of_history_while_the_nodes_are_the_same(short):
    pools = estimate_pools(short.cluster, short.history.nodes)
    keeper = TierJudge()

    def judged(evidence=short, pools=pools, settings=DEFAULTS):
        return keeper.judge(evidence, pools[0], pools, settings)

    first = judged()
    assert judged(at(short, 3599)) is first
    assert judged(at(short, 3600)) is not first
    assert judged(pools=(replace(pools[0], nodes=pools[0].nodes[1:]),)) is not first
    assert judged(settings=dataclasses.replace(DEFAULTS, highest_tier="T1")).name == "T1"


def test_a_history_that_could_not_be_read_gives_no_verdict_and_takes_none_away(short):
    pools = estimate_pools(short.cluster, short.history.nodes)
    unread = replace(at(short, 7200), unread="the store is down")
    keeper = TierJudge()
    assert keeper.judge(unread, pools[0], pools, DEFAULTS) is None
    first = keeper.judge(short, pools[0], pools, DEFAULTS)
    assert keeper.judge(unread, pools[0], pools, DEFAULTS) is first


def test_a_pool_in_which_nothing_was_used_has_no_verdict(short):
    usage = short.history.usage
    nothing = replace(usage, cpu_mean=np.full_like(usage.cpu_mean, np.nan))
    evidence = replace(short, history=replace(short.history, usage=nothing))
    pools = estimate_pools(short.cluster, short.history.nodes)
    assert TierJudge().judge(evidence, pools[0], pools, DEFAULTS) is None


def test_another_workload_or_vpa_is_judged_at_once(short):
    pools = estimate_pools(short.cluster, short.history.nodes)
    keeper = TierJudge()
    first = keeper.judge(short, pools[0], pools, DEFAULTS)
    fewer = with_cluster(short, workloads=short.cluster.workloads[1:])
    assert keeper.judge(fewer, pools[0], pools, DEFAULTS) is not first


def with_usage(evidence, **changes):
    usage = replace(evidence.history.usage, **changes)
    return replace(evidence, history=replace(evidence.history, usage=usage))


def test_days_without_the_store_cost_the_time_of_day_and_no_other_tier(steady):
    """4.5 of 15 days are missing: no five days in a row have seen all hours often enough."""
    usage = steady.history.usage
    cores, pods = usage.cpu_mean.copy(), usage.pods.copy()
    gap = slice(4 * 288, 4 * 288 + 1296)
    cores[:, gap], pods[:, gap] = np.nan, 0
    tier = judge(with_usage(steady, cpu_mean=cores, pods=pods))
    assert TIERS.index(tier.name) >= TIERS.index("T2")
    assert outcome(tier)["T2", "back-test"] is True


def test_another_work_class_is_judged_at_once(short):
    ref = short.cluster.workloads[0].ref
    vpa = Vpa(ref.namespace, ref.name, generation=1, target=ref)
    pools = estimate_pools(short.cluster, short.history.nodes)
    keeper = TierJudge()
    first = keeper.judge(with_cluster(short, vpas=(vpa,)), pools[0], pools, DEFAULTS)
    same = keeper.judge(with_cluster(short, vpas=(vpa,)), pools[0], pools, DEFAULTS)
    critical = with_cluster(short, vpas=(replace(vpa, work_class="critical"),))
    assert same is first
    assert keeper.judge(critical, pools[0], pools, DEFAULTS) is not first


def at(evidence, seconds):
    """The same history, its end so much later."""
    usage = evidence.history.usage
    later = replace(usage, grid=replace(usage.grid, end=usage.grid.end + seconds))
    return replace(evidence, history=replace(evidence.history, usage=later))


def test_the_same_evidence_gives_the_same_verdict(short):
    assert judge(short) == judge(short)


def test_the_factor_of_a_pool_keeps_its_nodes_cool_when_it_is_replayed(short):
    """The numbers of the verdict, taken from its words, are within what is allowed."""
    (pool,) = pools = estimate_pools(short.cluster, short.history.nodes)
    trace = observe(short, pool, pools, DEFAULTS)
    tier = judge_pool_tier(short, pool, trace, DEFAULTS)
    for name in ("T1", "T2"):
        mean, worst = _shares(tier.found[name])
        assert mean <= LIMITS.hot_mean
        assert worst <= LIMITS.hot_worst_day + 0.0005  # it is printed with one decimal


def _shares(text):
    words = text.split()
    mean = next(word for word in words if word.endswith("%") and "." in word)
    worst = words[words.index("worst") - 3]
    return tuple(float(each.rstrip("%,")) / 100 for each in (mean, worst))


def test_every_container_may_have_what_its_policy_allows(short):
    (pool,) = pools = estimate_pools(short.cluster, short.history.nodes)
    trace = observe(short, pool, pools, DEFAULTS)
    allowance = allow(trace, short.cluster, dataclasses.replace(DEFAULTS, pod_min_cpu=40))
    managed = np.asarray(allowance.least)[trace.is_managed]
    assert managed.tolist() == [0.04] * int(trace.is_managed.sum())
    assert np.isinf(allowance.greatest).all()
