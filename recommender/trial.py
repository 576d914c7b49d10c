"""The back-test of a cluster: what every policy of requests would have cost in each pool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from recommender.backtest.policy import POLICIES, choose_rules
from recommender.backtest.verdict import describe_policies, judge_pool, refuse_policies
from recommender.backtest.walk import run_policies
from recommender.errors import UsageError
from recommender.model.backtest import Backtest
from recommender.report.assembly import describe_source
from recommender.sizing.carbon import describe_objective
from recommender.sizing.observed import find_carbon_workloads, observe
from recommender.sizing.pool import estimate_pools
from recommender.units import format_duration, format_time

if TYPE_CHECKING:
    from typing import Protocol

    from recommender.backtest.policy import Rules
    from recommender.cycle import EvidenceSource, RatesSource
    from recommender.model.backtest import PolicyName, PolicyReport, PoolBacktest
    from recommender.model.cluster import ClusterState
    from recommender.model.intensity import Intensity
    from recommender.replay.trace import PoolTrace
    from recommender.settings import BacktestSettings, SizingSettings

    class ProgressLine(Protocol):
        """Told that `done` of `total` parts of a step are done."""

        def __call__(self, step: str, done: int, total: int) -> None: ...


def backtest(
    source: EvidenceSource,
    *,
    settings: BacktestSettings,
    sizing: SizingSettings,
    progress: ProgressLine,
    carbon: RatesSource | None = None,
) -> Backtest:
    """Every pool of the evidence by itself. Raises JoulefitError from the edges.

    `carbon` tells what a kWh emits, for workloads with `objective: carbon`: T3 is tested with the
    requests that they are given, as the gates of the tiers do.

    UsageError for a training or a test that is shorter than a bin.
    """
    evidence = source.read()
    step = evidence.history.usage.grid.step
    for flag, seconds in (("--train", settings.train), ("--test", settings.test)):
        if seconds < step:
            raise UsageError(
                f"{flag} {format_duration(seconds)} is shorter than a bin of the history"
                f" ({format_duration(step)}); write for example 5d"
            )
    intensity = carbon.read(evidence.history.usage.grid).carbon if carbon else None
    pools = estimate_pools(evidence.cluster, evidence.history.nodes, power=sizing.power)
    names = tuple(name for name in POLICIES if name in (settings.policy or POLICIES))
    verdicts: list[PoolBacktest] = []
    rows: list[PolicyReport] = []
    for pool in pools:
        trace = observe(evidence, pool, pools, sizing)
        rules = choose_rules(
            trace, pool, cluster=evidence.cluster, settings=sizing, carbon=intensity
        )
        objective = _explain_objective(trace, evidence.cluster, intensity)
        verdict, figures = _test_pool(
            pool.name, trace, rules, names, settings, progress, objective=objective
        )
        verdicts.append(verdict)
        rows += figures
    return Backtest(
        generated_at=format_time(time.time()),
        source=describe_source(evidence),
        train_seconds=round(settings.train),
        test_seconds=round(settings.test),
        node_releaser=evidence.cluster.node_releaser,
        pools=tuple(verdicts),
        policies=tuple(rows),
    )


def _explain_objective(trace: PoolTrace, cluster: ClusterState, carbon: Intensity | None) -> str:
    """What becomes of `objective: carbon` in this pool; "" where nobody asks for it."""
    asking = find_carbon_workloads(cluster) & frozenset(trace.workloads)
    if not asking:
        return ""
    count = f"{len(asking)} workload" + "s" * (len(asking) > 1)
    return f"for {count} {describe_objective(carbon)}"


def _test_pool(
    name: str,
    trace: PoolTrace,
    rules: Rules,
    names: tuple[PolicyName, ...],
    settings: BacktestSettings,
    progress: ProgressLine,
    *,
    objective: str,
) -> tuple[PoolBacktest, tuple[PolicyReport, ...]]:
    train_bins = round(settings.train / trace.grid.step)
    test_bins = round(settings.test / trace.grid.step)
    refused = refuse_policies(trace, names, train_bins=train_bins)
    kept = set(names) - {each.name for each in refused}
    result = run_policies(
        trace,
        rules.choose(kept) if trace.is_managed.any() else (),
        train_bins=train_bins,
        test_bins=test_bins,
        advance=lambda done, total: progress(f"back-test of {name}", done, total),
    )
    verdict = judge_pool(
        name,
        trace,
        result,
        refused,
        train_seconds=settings.train,
        test_seconds=settings.test,
        objective=objective,
    )
    figures = describe_policies(name, result, names) if verdict.verdict != "no-usage" else ()
    return verdict, figures
