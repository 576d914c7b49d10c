"""Pools of few nodes: T2 and T3 are refused, T1 keeps its nodes cool on days it has not seen."""

import pytest

from recommender.backtest.policy import POLICIES, Rules
from recommender.backtest.verdict import refuse_policies
from recommender.backtest.walk import run_policies
from recommender.energy.published import server_curve
from recommender.simulator.generator import draw_fleet
from recommender.simulator.trace import trace_fleet

DAY = 288
SERVER = server_curve("Huawei RH2288 V2")


@pytest.mark.parametrize(("containers", "seed", "nodes"), [(45, 1, 4), (60, 2, 5), (75, 3, 6)])
def test_t1_keeps_a_mixed_pool_of_few_nodes_under_half_a_percent_hot(containers, seed, nodes):
    fleet = draw_fleet("mixed", containers=containers, days=9, seed=seed, most_cores=8)
    trace = trace_fleet(fleet, SERVER)
    assert sum(kind.count for kind in trace.kinds) == nodes
    refused = refuse_policies(trace, POLICIES, train_bins=5 * DAY)
    assert [(each.name, each.reason.split(",")[0]) for each in refused] == [
        ("T2", f"{nodes} nodes"),
        ("T3", f"{nodes} nodes"),
    ]
    policies = Rules(planned=SERVER.peak_load()).choose(["T1"])
    result = run_policies(trace, policies, train_bins=5 * DAY, test_bins=2 * DAY)
    (test,) = result.tests
    assert test.outcome.hot.mean < 0.005
    assert test.unmet == 0


def test_a_pool_of_ten_nodes_is_tested_with_every_policy():
    fleet = draw_fleet("flat", containers=120, days=1, seed=1, most_cores=8)
    trace = trace_fleet(fleet, SERVER, nodes=10)
    assert refuse_policies(trace, POLICIES, train_bins=DAY) == ()
