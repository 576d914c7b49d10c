"""The back-test of a cluster: what every policy of requests would have cost in each pool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from recommender.backtest.policy import POLICIES, Rules
from recommender.backtest.verdict import describe_policies, judge_pool, refuse_policies
from recommender.backtest.walk import run_policies
from recommender.errors import UsageError
from recommender.model.backtest import Backtest
from recommender.report.assembly import describe_source
from recommender.sizing.observed import allow, observe
from recommender.sizing.pool import estimate_pools
from recommender.units import format_duration, format_time

if TYPE_CHECKING:
    from typing import Protocol

    from recommender.cycle import EvidenceSource
    from recommender.model.backtest import PolicyName, PolicyReport, PoolBacktest
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
) -> Backtest:
    """Every pool of the evidence by itself. Raises JoulefitError from the edges.

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
    pools = estimate_pools(evidence.cluster, evidence.history.nodes, power=sizing.power)
    names = tuple(name for name in POLICIES if name in (settings.policy or POLICIES))
    verdicts: list[PoolBacktest] = []
    rows: list[PolicyReport] = []
    for pool in pools:
        trace = observe(evidence, pool, pools, sizing)
        rules = Rules(allow(trace, evidence.cluster, sizing), pool.energy.ceiling.utilisation)
        verdict, figures = _test_pool(pool.name, trace, rules, names, settings, progress)
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


def _test_pool(
    name: str,
    trace: PoolTrace,
    rules: Rules,
    names: tuple[PolicyName, ...],
    settings: BacktestSettings,
    progress: ProgressLine,
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
    )
    figures = describe_policies(name, result, names) if verdict.verdict != "no-usage" else ()
    return verdict, figures
