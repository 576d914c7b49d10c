"""What a back-test says of a pool, and what it says it can not tell."""

import numpy as np
import pytest

from recommender.backtest.policy import POLICIES, Rules
from recommender.backtest.verdict import describe_policies, judge_pool, passes, refuse_policies
from recommender.backtest.walk import run_policies
from tests.replay.build import GIB, Pod, node_kind, trace_of

DAY = 288
SECONDS = 86400.0


def judge(trace, *names, train=2, test=1):
    names = names or POLICIES
    refused = refuse_policies(trace, names, train_bins=train * DAY)
    kept = set(names) - {each.name for each in refused}
    policies = Rules().choose(kept)
    result = run_policies(trace, policies, train_bins=train * DAY, test_bins=test * DAY)
    pool = judge_pool(
        "pool",
        trace,
        result,
        refused,
        train_seconds=train * SECONDS,
        test_seconds=test * SECONDS,
    )
    return pool, result, {(r.name, r.scenario): r for r in describe_policies("pool", result, names)}


def pods(count=2, *, usage=4.0, **changes):
    return [Pod(usage, cpu=6.0, memory=50 * GIB, **changes) for _ in range(count)]


def test_too_short_a_history_is_told_with_what_is_needed():
    pool, _, rows = judge(trace_of(*pods(), bins=3 * DAY - 1), train=2)
    assert pool.verdict == "too-short"
    (sentence,) = pool.sentences
    assert sentence.startswith("too short to tell: 3.0 d of history, 3 d needed to train on 2 d")
    assert (pool.tests, pool.refused, rows) == (0, (), {})


def test_a_pool_of_few_nodes_is_told_to_be_too_small_and_t2_and_t3_are_not_tested():
    pool, _, rows = judge(trace_of(*pods(), bins=3 * DAY))
    assert pool.verdict == "too-small"
    assert "too small to tell of T2 and T3: 2 nodes" in pool.sentences
    assert {each.name for each in pool.refused} == {"T2", "T3"}
    assert pool.refused[0].reason.startswith("2 nodes, 10 needed")
    assert {name for name, _ in rows} == set(POLICIES) - {"T2", "T3"}


def test_a_pool_without_any_managed_usage_has_nothing_to_test():
    trace = trace_of(*pods(usage=np.full(3 * DAY, np.nan)))
    assert judge(trace)[0].verdict == "no-usage"


def test_every_policy_is_described_under_both_scenarios():
    rows = judge(trace_of(*pods(), kinds=(node_kind(count=10),), bins=3 * DAY))[2]
    assert set(rows) == {
        (name, scenario) for name in POLICIES for scenario in ("nodes-released", "nodes-kept")
    }


def test_node_hours_are_those_of_one_packing():
    rows = judge(trace_of(*pods(), bins=3 * DAY), "as-requested", "p95")[2]
    # A tested day: two nodes by the requests as they are, one by p95, two where they stay on.
    assert rows["as-requested", "nodes-released"].node_hours == pytest.approx(48.0)
    assert rows["p95", "nodes-released"].node_hours == pytest.approx(24.0)
    assert rows["p95", "nodes-kept"].node_hours == pytest.approx(48.0)


def test_the_limit_has_energy_and_nothing_else():
    row = judge(trace_of(*pods(), bins=3 * DAY), "limit")[2]["limit", "nodes-released"]
    assert row.joules_per_work == pytest.approx(20.0)
    # 8 cores of one full node of 10 for a day
    assert row.node_hours == pytest.approx(24 * 0.8)
    assert row.hot_share_mean is row.changes_per_day is row.exposure_share is None


def test_a_tier_passes_with_its_figures_against_stock():
    pool, result, _ = judge(trace_of(*pods(), bins=3 * DAY), "as-requested", "stock", "T1")
    assert passes(result.tests[-1])
    sentence = next(each for each in pool.sentences if each.startswith("T1"))
    assert sentence == (
        "T1 passes: 0.00 % of container-time on hot nodes, 0.00 % on the worst day (at most 0.50 %"
        " and 2.0 %); per unit of work it takes 0.00 % more energy than the stock rule where"
        " emptied nodes are released, 0.00 % more energy where they stay on"
    )


def test_a_tier_that_runs_hot_does_not_pass():
    usage = np.concatenate([np.full(2 * DAY, 4.0), np.full(DAY, 4.5)])
    pool, result, _ = judge(trace_of(*pods(usage=usage)), "T1")
    assert not passes(result.tests[0])
    assert any(each.startswith("T1 does not pass: 100.0 %") for each in pool.sentences)


def test_t3_must_hold_half_of_what_the_others_may():
    kinds = (node_kind(count=10),)
    pool, _, _ = judge(trace_of(*pods(), kinds=kinds, bins=3 * DAY), "T2", "T3")
    assert any("T3" in each and "(at most 0.25 % and 1.0 %)" in each for each in pool.sentences)
    assert any("T3 needs 14 d of history to be in force" in each for each in pool.sentences)
    assert any("T2 needs 7 d of history to be in force" in each for each in pool.sentences)


def test_memory_that_no_cpu_policy_changes_is_named():
    pool = judge(trace_of(*pods(), bins=3 * DAY), "stock")[0]
    # Two pods of 50 GiB on nodes of 100 GiB
    assert pool.sentences[-1] == "memory requests, which stay as they are, fill 1.0 of 2 nodes"


def test_pods_that_fit_nowhere_are_told():
    big = Pod(2.0, cpu=12.0)
    pool = judge(trace_of(big, *pods(), bins=3 * DAY), "as-requested", "p95")[0]
    assert any("left out of the figures of 1 of 2 policies" in each for each in pool.sentences)


def test_a_training_of_hours_has_no_t3():
    trace = trace_of(*pods(), kinds=(node_kind(count=10),), bins=3 * DAY)
    (refusal,) = refuse_policies(trace, POLICIES, train_bins=DAY // 2)
    assert refusal.name == "T3"
    assert "less than a day" in refusal.reason
