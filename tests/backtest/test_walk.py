"""Policies tested on pools that are done by hand: a node has 10 cores and draws 100 W + 10 W a core."""

import numpy as np
import pytest

from recommender.backtest.policy import POLICIES, Rules
from recommender.backtest.walk import run_policies
from tests.replay.build import Pod, trace_of

DAY = 288


def run(trace, *names, days=(2, 1), rules=None, advance=None):
    chosen = (rules or Rules()).choose(names)
    train, test = (number * DAY for number in days)
    result = run_policies(trace, chosen, train_bins=train, test_bins=test, advance=advance)
    return result, {each.policy.name: each for each in result.tests}


@pytest.fixture(scope="module")
def pair():
    """Two pods that use 4 cores each and request 6: a node for each, and one would do."""
    trace = trace_of(*(Pod(4.0, cpu=6.0) for _ in range(2)), bins=3 * DAY)
    return run(trace, *POLICIES)[1]


@pytest.mark.parametrize(
    ("policy", "released", "kept", "nodes"),
    [
        # One node: 180 W for 8 cores; two: 280 W. The node that is kept idles at 100 W.
        pytest.param("as-requested", 35.0, 35.0, 2, id="two requests of 6 need two nodes"),
        pytest.param("frequency-only", 35.0, 35.0, 2, id="two of 8 as well"),
        pytest.param("stock", 22.5, 35.0, 1, id="two of 4.6 to 4.9 fit one"),
        pytest.param("p95", 22.5, 35.0, 1, id="two of 4"),
        pytest.param("p99", 22.5, 35.0, 1, id="the same for any quantile"),
        pytest.param("T1", 22.5, 35.0, 1, id="T1: 1.05 x 8 cores is not hot"),
        pytest.param("T2", 22.5, 35.0, 1, id="T2"),
        pytest.param("T3", 22.5, 35.0, 1, id="T3, in every block"),
    ],
)
def test_energy_per_work_is_that_of_the_nodes_it_takes(pair, policy, released, kept, nodes):
    outcome = pair[policy].outcome
    assert outcome.joules_per_work_released == pytest.approx(released)
    assert outcome.joules_per_work_kept == pytest.approx(kept)
    assert outcome.nodes == nodes
    assert outcome.hot.mean == outcome.unserved_share == outcome.exposure_share == 0.0


def test_hot_time_is_that_of_the_days_that_are_tested():
    # 4 cores while it is trained, then 4.5: 1.05 x 9 > 0.9 x 10, though nothing goes unserved.
    usage = np.concatenate([np.full(2 * DAY, 4.0), np.full(DAY, 4.5)])
    trace = trace_of(*(Pod(usage, cpu=6.0) for _ in range(2)))
    tests = run(trace, "as-requested", "p95")[1]
    assert tests["p95"].outcome.hot.mean == tests["p95"].outcome.exposure_share == 1.0
    assert tests["as-requested"].outcome.hot.mean == 0.0


def test_what_does_not_fit_a_full_node_is_unserved():
    # Two of 4, then of 6 each on one node of 10: 2 of 12 are lost.
    usage = np.concatenate([np.full(2 * DAY, 4.0), np.full(DAY, 6.0)])
    trace = trace_of(*(Pod(usage, cpu=6.0) for _ in range(2)))
    outcome = run(trace, "p95")[1]["p95"].outcome
    assert outcome.unserved_share == pytest.approx(2 / 12)
    # 200 W for the 10 cores that were served
    assert outcome.joules_per_work_released == pytest.approx(20.0)


def test_a_policy_never_sees_the_days_it_is_tested_on():
    seen = []
    trace = trace_of(Pod(np.repeat(np.arange(1.0, 8.0), DAY), cpu=9.0))
    chosen = Rules().choose(["p95"])[0]

    def watch(train):
        seen.append((int(train.bins[0]), int(train.bins[-1])))
        return chosen.propose(train)

    policy = type(chosen)("p95", watch, 0.95)
    result = run_policies(trace, (policy,), train_bins=3 * DAY, test_bins=2 * DAY)
    assert seen == [(0, 3 * DAY - 1), (2 * DAY, 5 * DAY - 1)]
    assert (int(result.tested.bins[0]), len(result.tested.bins)) == (3 * DAY, 4 * DAY)


def test_targets_that_stay_in_their_band_are_no_changes():
    # p95 of two days: 1.0, then 1.04 (within 5 %), then 2.0
    usage = np.repeat([1.0, 1.0, 1.0, 1.04, 1.04, 2.0, 2.0], DAY)
    trace = trace_of(Pod(usage, cpu=9.0))
    test = run(trace, "p95")[1]["p95"]
    # Five tests of a day. The first has none before it; in the four others p95 of the two days
    # before are 1, 1.04, 1.04 and 2: one change in four container-days.
    assert test.changes_per_day == pytest.approx(1 / 4)


def test_one_test_tells_of_no_changes():
    trace = trace_of(Pod(1.0, cpu=9.0), bins=3 * DAY)
    assert run(trace, "p95")[1]["p95"].changes_per_day is None


def test_t3_follows_a_rhythm_and_counts_its_steps():
    # Eight hours at 4 cores (two blocks), sixteen at 1: up and down once on each of two days,
    # of which the first can not be told from the beginning of the test.
    day = np.concatenate([np.full(96, 4.0), np.full(192, 1.0)])
    trace = trace_of(Pod(np.tile(day, 5), cpu=6.0))
    test = run(trace, "T3", days=(3, 2))[1]["T3"]
    assert test.changes_per_day == 2.0
    assert len(test.blocks) == 6
    assert test.outcome.exposure_share == 0.0


def test_the_first_days_and_times_without_any_data_are_no_folds():
    trace = trace_of(Pod(1.0, cpu=2.0), bins=8 * DAY)
    gap = trace.only((trace.bins >= DAY) & ~((trace.bins >= 4 * DAY) & (trace.bins < 5 * DAY)))
    result, _ = run(gap, "p95")
    # Day 0 was not seen; of the tests of days 3 ... 7 that of day 4 has nothing to replay.
    assert [fold.split // DAY for fold in result.folds] == [3, 5, 6, 7]


def test_without_data_there_are_no_folds():
    trace = trace_of(Pod(1.0), bins=3 * DAY)
    result, tests = run(trace.only(np.zeros(3 * DAY, dtype=bool)), "p95")
    assert (result.folds, tests) == ((), {})


def test_progress_counts_every_policy_of_every_fold():
    steps = []
    trace = trace_of(Pod(1.0, cpu=2.0), bins=4 * DAY)
    run(trace, "p95", "p99", advance=lambda done, total: steps.append((done, total)))
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_only_managed_containers_get_other_requests():
    fixed = Pod(4.0, cpu=6.0, is_managed=False)
    trace = trace_of(fixed, Pod(4.0, cpu=6.0), bins=3 * DAY)
    for policy in Rules().choose(POLICIES):
        requests = np.atleast_2d(policy.propose(trace).requests)
        assert (requests[:, 0] == 6.0).all(), policy.name
    assert Rules().choose(["frequency-only"])[0].propose(trace).requests[1] == 8.0


def test_policies_come_in_their_order_and_the_limit_is_none():
    assert [each.name for each in Rules().choose(["T1", "limit", "stock"])] == ["stock", "T1"]


def test_a_planned_utilisation_keeps_pools_below_it():
    # Twenty pods of 1 core: two nodes at 100 % by the quantile, three at 67 % with the plan.
    trace = trace_of(*(Pod(1.0, cpu=2.0) for _ in range(20)), bins=3 * DAY)
    planned = run(trace, "T2", rules=Rules(planned=0.7))[1]["T2"]
    assert planned.outcome.utilisation <= 0.7
