"""The back-test of a cluster: what every policy of requests would have cost in each pool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from recommender.backtest.policy import POLICIES, Rules
from recommender.backtest.verdict import describe_policies, judge_pool, refuse_policies
from recommender.backtest.walk import run_policies
from recommender.errors import UsageError, WorkloadSkipped
from recommender.model.backtest import Backtest
from recommender.model.cluster import ContainerPolicy
from recommender.model.identity import ContainerRef
from recommender.report.assembly import describe_source
from recommender.sizing.policy import choose_caps, choose_floor
from recommender.sizing.pool import estimate_pools
from recommender.sizing.pooled import Allowance, observe_pool
from recommender.sizing.workload import choose_work_class
from recommender.units import format_duration, format_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Protocol

    from recommender.cycle import EvidenceSource
    from recommender.energy.price import WorkClass
    from recommender.model.backtest import PolicyName, PolicyReport, PoolBacktest
    from recommender.model.cluster import ClusterState, Vpa, Workload
    from recommender.model.identity import WorkloadRef
    from recommender.model.recording import Recording
    from recommender.replay.trace import PoolTrace
    from recommender.settings import BacktestSettings, SizingSettings
    from recommender.sizing.pool import Pool

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
        trace = _observe(evidence, pool, pools, sizing)
        rules = Rules(_allow(trace, evidence.cluster, sizing), pool.energy.ceiling.utilisation)
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


def _observe(
    evidence: Recording, pool: Pool, pools: Sequence[Pool], sizing: SizingSettings
) -> PoolTrace:
    cluster = evidence.cluster
    vpas = _vpas(cluster)
    return observe_pool(
        pool,
        pools,
        cluster=cluster,
        history=evidence.history,
        managed=frozenset(
            ref
            for workload in cluster.workloads
            for ref in _managed(workload, vpas.get(workload.ref))
        ),
        work_classes={
            workload.ref: _work_class(vpas.get(workload.ref), sizing)
            for workload in cluster.workloads
        },
    )


def _vpas(cluster: ClusterState) -> dict[WorkloadRef, Vpa]:
    return {vpa.target: vpa for vpa in reversed(cluster.vpas) if vpa.target and not vpa.problem}


def _managed(workload: Workload, vpa: Vpa | None) -> Iterator[ContainerRef]:
    """Its containers whose CPU request we may set."""
    if workload.hpa_on_cpu:
        return
    for spec in workload.containers:
        policy = vpa.policy(spec.name) if vpa else ContainerPolicy(spec.name)
        if not spec.is_injected and not policy.is_off and "cpu" in policy.controlled:
            yield ContainerRef(workload.ref, spec.name)


def _work_class(vpa: Vpa | None, sizing: SizingSettings) -> WorkClass:
    """The class it names; one that is none is tested as the usual one."""
    try:
        return choose_work_class((vpa and vpa.work_class) or sizing.work_class)
    except WorkloadSkipped:
        return choose_work_class(sizing.work_class)


def _allow(trace: PoolTrace, cluster: ClusterState, sizing: SizingSettings) -> Allowance:
    """Least and greatest cores of each container, as a recommendation has them."""
    vpas = _vpas(cluster)
    least, greatest = [], []
    sharers = np.bincount(trace.owner[trace.is_managed], minlength=len(trace.workloads))
    for ref, owner in zip(trace.containers, trace.owner.tolist(), strict=True):
        vpa = vpas.get(ref.workload)
        policy = vpa.policy(ref.container) if vpa else ContainerPolicy(ref.container)
        caps = choose_caps(policy, sizing, "cpu")
        floor = choose_floor(sizing, "cpu", int(sharers[owner]))
        low = max(floor, caps.minimum or 0)
        least.append(low / 1000.0)
        greatest.append(float("inf") if caps.maximum is None else caps.maximum / 1000.0)
    return Allowance(np.array(least), np.array(greatest))
