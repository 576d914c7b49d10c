"""What a back-test tells of a pool, in words, and what it can not tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.backtest.limit import estimate_limit
from recommender.backtest.policy import POLICIES
from recommender.backtest.walk import SEEDS
from recommender.model.backtest import PolicyReport, PoolBacktest, Refusal
from recommender.replay.check import SMALL_POOL, CheckLimits, count_nodes
from recommender.replay.observation import estimate_visible_share
from recommender.replay.trace import BLOCK_HOURS
from recommender.sizing.pooltier import LEAST_VISIBLE, T2_DAYS, T3_DAYS
from recommender.units import HOUR, format_duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recommender.backtest.walk import PolicyTest, PoolTest
    from recommender.model.backtest import PolicyName, Scenario, Verdict
    from recommender.replay.trace import PoolTrace

LIMITS = CheckLimits()

_TIERS: tuple[PolicyName, ...] = ("T1", "T2", "T3")


def refuse_policies(
    trace: PoolTrace, names: Sequence[PolicyName], *, train_bins: int
) -> tuple[Refusal, ...]:
    """Those of these policies that this pool is not tested with, and why.

    T2 and T3 count on others' quiet hours; on pools of 3 to 7 nodes that put 8 to 15 % of
    container-time on hot nodes.
    """
    nodes = count_nodes(trace)
    refused = {}
    if nodes < SMALL_POOL:
        why = (
            f"{nodes} nodes, {SMALL_POOL} needed for containers to count on each other's quiet"
            " hours"
        )
        refused = {"T2": why, "T3": why}
    elif train_bins < trace.grid.bins_per_day:
        refused["T3"] = "a training of less than a day does not have every hour"
    elif not trace.has_all_blocks:
        refused["T3"] = f"not every {BLOCK_HOURS} h of the day have been seen"
    return tuple(
        Refusal(name, refused[name]) for name in POLICIES if name in names and name in refused
    )


def passes(test: PolicyTest) -> bool:
    """Whether a policy kept container-time on hot nodes within what is allowed to it."""
    hot, share = test.outcome.hot, test.policy.limit_share
    return hot.mean <= LIMITS.hot_mean * share and hot.worst_day <= LIMITS.hot_worst_day * share


def describe_policies(
    pool: str, result: PoolTest, names: Sequence[PolicyName]
) -> tuple[PolicyReport, ...]:
    """The figures of every test under both scenarios, and the limit if it is among `names`."""
    rows = [row for test in result.tests for row in _describe_test(pool, test)]
    if "limit" in names and result.folds and result.tested.work > 0.0:
        rows += _describe_limit(pool, result)
    return tuple(rows)


def _describe_test(pool: str, test: PolicyTest) -> Iterator[PolicyReport]:
    outcome = test.outcome
    scenarios: dict[Scenario, tuple[float | None, float]] = {
        "nodes-released": (outcome.joules_per_work_released, outcome.seconds_released),
        "nodes-kept": (outcome.joules_per_work_kept, outcome.seconds_kept),
    }
    for scenario, (joules, seconds) in scenarios.items():
        yield PolicyReport(
            pool=pool,
            name=test.policy.name,
            scenario=scenario,
            joules_per_work=joules,
            node_hours=seconds / HOUR / len(SEEDS),  # the outcome has every packing
            hot_share_mean=outcome.hot.mean,
            hot_share_worst_day=outcome.hot.worst_day,
            unserved_share=outcome.unserved_share,
            exposure_share=outcome.exposure_share,
            changes_per_day=test.changes_per_day,
        )


def _describe_limit(pool: str, result: PoolTest) -> Iterator[PolicyReport]:
    limit = estimate_limit(result.tested)
    scenarios: dict[Scenario, tuple[float, float]] = {
        "nodes-released": (limit.released.joules, limit.released.node_hours),
        "nodes-kept": (limit.kept.joules, limit.kept.node_hours),
    }
    for scenario, (joules, hours) in scenarios.items():
        yield PolicyReport(
            pool=pool,
            name="limit",
            scenario=scenario,
            joules_per_work=joules / limit.work,
            node_hours=hours,
            hot_share_mean=None,
            hot_share_worst_day=None,
            unserved_share=None,
            exposure_share=None,
            changes_per_day=None,
        )


def judge_pool(
    name: str,
    trace: PoolTrace,
    result: PoolTest,
    refused: tuple[Refusal, ...],
    *,
    train_seconds: float,
    test_seconds: float,
    objective: str = "",
) -> PoolBacktest:
    """The verdict on a pool that was, or could not be, tested.

    `objective` says what became of `objective: carbon`, which only T3 follows.
    """
    days = trace.span_days
    verdict = _choose_verdict(trace, result)
    sentences: list[str] = []
    if verdict == "no-usage":
        sentences = ["no container whose CPU request may be set was seen here: nothing to test"]
    elif verdict == "too-short":
        train, test = format_duration(train_seconds), format_duration(test_seconds)
        needed = format_duration(train_seconds + test_seconds)
        text = f"too short to tell: {days:.1f} d of history, {needed} needed to train on {train}"
        sentences = [f"{text} and test on {test}"]
    else:
        if verdict == "too-small":
            sentences = [f"too small to tell of T2 and T3: {count_nodes(trace)} nodes"]
        sentences += [*_describe_results(trace, result, days), _describe_memory(trace)]
        if objective and any(test.policy.name == "T3" for test in result.tests):
            sentences.append(objective)
    return PoolBacktest(
        name=name,
        nodes=count_nodes(trace),
        containers=int(np.count_nonzero(trace.is_managed)),
        history_days=days,
        tests=len(result.folds),
        verdict=verdict,
        sentences=tuple(sentences),
        refused=refused if result.folds else (),
    )


def _choose_verdict(trace: PoolTrace, result: PoolTest) -> Verdict:
    if not trace.has_managed_use:
        return "no-usage"
    if not result.folds:
        return "too-short"
    return "too-small" if count_nodes(trace) < SMALL_POOL else "tested"


def _describe_results(trace: PoolTrace, result: PoolTest, days: float) -> Iterator[str]:
    tests = {test.policy.name: test for test in result.tests}
    needed = {"T2": T2_DAYS, "T3": T3_DAYS}
    for name in _TIERS:
        if name in tests:
            yield _describe_tier(tests[name], tests.get("stock"))
            if days < needed.get(name, 0.0):
                yield (
                    f"{name} needs {needed[name]:g} d of history to be in force, there are"
                    f" {days:.1f}"
                )
    visible = estimate_visible_share(trace)
    if visible < LEAST_VISIBLE and {"T2", "T3"} & set(tests):
        yield (
            f"T2 and T3 need {_percent(LEAST_VISIBLE)} of the CPU time of the pool to be of known"
            f" workloads to be in force, {_percent(visible)} is"
        )
    lost = sum(test.outcome.unplaced > 0.0 for test in result.tests)
    if lost:
        yield (
            "pods that request more than any node has room for are left out of the figures of"
            f" {lost} of {len(result.tests)} policies"
        )


def _describe_memory(trace: PoolTrace) -> str:
    """What no policy of CPU requests can change."""
    requested = float(trace.memory_requests @ trace.replicas[trace.owner])
    there = sum(float(kind.memory_bytes) * kind.count for kind in trace.kinds)
    share = requested / there if there > 0.0 else 0.0
    return (
        f"memory requests, which stay as they are, fill {share * count_nodes(trace):.1f} of"
        f" {count_nodes(trace)} nodes"
    )


def _describe_tier(test: PolicyTest, stock: PolicyTest | None) -> str:
    hot, share = test.outcome.hot, test.policy.limit_share
    text = (
        f"{test.policy.name} {'passes' if passes(test) else 'does not pass'}:"
        f" {_percent(hot.mean)} of container-time on hot nodes, {_percent(hot.worst_day)} on the"
        f" worst day (at most {_percent(LIMITS.hot_mean * share)} and"
        f" {_percent(LIMITS.hot_worst_day * share)})"
    )
    if test.unmet:
        text += f"; no pool factor held that in {test.unmet} of the trainings"
    return text + (_against(test, stock) if stock is not None else "")


def _against(test: PolicyTest, stock: PolicyTest) -> str:
    pairs = (
        (test.outcome.joules_per_work_released, stock.outcome.joules_per_work_released),
        (test.outcome.joules_per_work_kept, stock.outcome.joules_per_work_kept),
    )
    changes = [ours / theirs - 1.0 for ours, theirs in pairs if ours is not None and theirs]
    if len(changes) < 2:
        return ""
    released, kept = (_compare(change) for change in changes)
    return (
        f"; per unit of work it takes {released} than the stock rule where emptied nodes are"
        f" released, {kept} where they stay on"
    )


def _compare(change: float) -> str:
    return f"{_percent(abs(change))} {'less' if change < 0.0 else 'more'} energy"


def _percent(share: float) -> str:
    return f"{share * 100:.2f} %" if share < 0.01 else f"{share * 100:.1f} %"
