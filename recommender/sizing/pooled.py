"""Requests of all containers of a pool at once, by each rule, from its trace.

The trace holds every bin, so quantiles are exact here; `distribution` has them of histograms.
A container that was never seen, or is not managed, keeps its request under every rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.energy.price import SHORTFALL_MULTIPLE, WorkClass
from recommender.replay.check import (
    SEEDS,
    SMALL_POOL,
    CheckLimits,
    PoolCheck,
    PoolRule,
    calibrate_pool,
    count_nodes,
)
from recommender.replay.observation import observe_pools
from recommender.replay.trace import BLOCKS, NodeKind
from recommender.sizing.blockrhythm import estimate_rhythm
from recommender.sizing.carbon import weigh_quantile
from recommender.sizing.histogram import STOCK_CPU
from recommender.sizing.quantile import CLASS_RANGE, choose_quantile, name_quantile
from recommender.sizing.stock import TARGET, estimate_stock_cpu
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from numpy.typing import ArrayLike

    from recommender.energy.array import Floats, Integers
    from recommender.model.cluster import ClusterState
    from recommender.model.history import History
    from recommender.model.identity import ContainerRef, WorkloadRef
    from recommender.replay.trace import PoolTrace, Usage
    from recommender.sizing.pool import Pool

_CHUNK = 256  # rows at once

ALONE = CheckLimits().scaled(0.2)
"""Limits of T1, which no back-test has shown to hold: a fifth of the hot time. On unseen days of
simulated pools of steady load on three nodes it was hot for 0.2 % at most so, and for 0.5 % with
all of it, on the same number of nodes."""

ALONE_AND_FEW = CheckLimits().scaled(0.1)
"""The same on a pool of few nodes, where no other container's quiet hour makes up for one that uses
more than it did: on made-up pools of 3 to 6 nodes T1 planned with all of the hot time had up to 3 %
of container-time on hot nodes in the days after."""

POOLED = CheckLimits().scaled(0.5)
"""Limits of T2 and T3: half of the hot time, since what is least on one window is a little too
little on the next. On unseen days of simulated pools of 2,500 containers T2 was hot for 0.4 % at
most so, and for 0.9 % (batch) with all of it. It costs no node on most of them, and one in eighteen
on some."""


class Allowance(msgspec.Struct, frozen=True):
    """Least and greatest cores that each container may get, [K] or one number for all."""

    least: float | Floats = 0.0
    greatest: float | Floats = np.inf


ANY = Allowance()


class RankedUsage(msgspec.Struct, frozen=True):
    """Usage in ascending order: float32 [K, T] with NaN last, and how many are none, [K]."""

    ranked: Usage
    count: Integers

    @classmethod
    def of(cls, usage: Usage) -> RankedUsage:
        return cls(np.sort(usage, axis=1), np.isfinite(usage).sum(axis=1))

    def quantile(self, p: ArrayLike) -> Floats:
        """The p-quantile of each row [K], linear between ranks; `p` is one or [K]. NaN: no value.

        Position p (n - 1) of n values in order, which is numpy's own rule.
        """
        rows = np.arange(len(self.ranked))
        if not self.ranked.shape[1]:
            return np.full(len(rows), np.nan)
        last = np.maximum(self.count - 1, 0)
        position = np.asarray(p, dtype=np.float64) * last
        below = np.floor(position).astype(np.int64)
        above = np.minimum(below + 1, last)
        low = self.ranked[rows, below].astype(np.float64)
        high = self.ranked[rows, above].astype(np.float64)
        return low + (high - low) * (position - below)


def quantile_of(usage: Usage, p: ArrayLike) -> Floats:
    """`RankedUsage.quantile` of each row once, [K], without ranks of all rows at one time."""
    asked = np.broadcast_to(np.asarray(p, dtype=np.float64), len(usage))
    found = np.empty(len(usage))
    for begin in range(0, len(usage), _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        found[rows] = RankedUsage.of(usage[rows]).quantile(asked[rows])
    return found


def kind_of(pool: Pool) -> NodeKind:
    """The nodes of a pool as the replay wants them."""
    node = pool.nodes[0]
    return NodeKind(
        name=pool.name,
        cores=node.cores,
        memory_bytes=sum(each.memory_bytes for each in pool.nodes) / len(pool.nodes),
        count=len(pool.nodes),
        curve=pool.energy.curve,
        members=tuple(each.name for each in pool.nodes),
    )


def observe_pool(
    pool: Pool,
    pools: Sequence[Pool],
    *,
    cluster: ClusterState,
    history: History,
    managed: Container[ContainerRef] | None = None,
    work_classes: Mapping[WorkloadRef, WorkClass] | None = None,
) -> PoolTrace:
    """The trace of one pool of `pools`, as `replay.observation` makes it.

    A workload that runs nowhere now counts in the first pool, as `choose_pools` has it.
    """
    return observe_pools(
        history.usage,
        cluster,
        kinds=(kind_of(pool),),
        nodes=history.nodes,
        managed=managed,
        work_classes=work_classes,
        with_idle=pool is pools[0],
    )


def size_quantile(trace: PoolTrace, p: ArrayLike, *, allowance: Allowance = ANY) -> Floats:
    """The p-quantile of each container's usage, [K] cores."""
    return _keep(trace, quantile_of(trace.usage, p), allowance)


def size_stock(trace: PoolTrace, *, allowance: Allowance = ANY) -> Floats:
    """What the stock rule says at the end of the trace, [K] cores: p90 x 1.15 of its histogram.

    Each sample weighs half for every day before the end. The least target of a pod is a part of
    the `allowance`.
    """
    target = np.full(len(trace.containers), np.nan)
    for begin in range(0, len(target), _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        for row, histogram in enumerate(_decay(trace, rows), start=begin):
            if histogram.any():
                band = estimate_stock_cpu(histogram, 1.0, target_percentile=TARGET)
                target[row] = band.target / 1000.0
    return _keep(trace, target, allowance)


def choose_quantiles(trace: PoolTrace, *, reserved: float, busy: float) -> Floats:
    """The quantile of T1 for each container [K], by its class and the price.

    `reserved`: watts of a reserved core; `busy`: mean watts of a busy one.
    """
    by_class = {
        name: choose_quantile(reserved, multiple * busy, name)
        for name, multiple in SHORTFALL_MULTIPLE.items()
    }
    return _by_class(trace, by_class)


def least_quantiles(trace: PoolTrace) -> Floats:
    """The quantile of the floor of T2 and T3, [K]: the least of each class, p75 for standard.

    The pool check finds what is needed above it, from what happens on the nodes; a higher floor
    would pay for peaks that do not coincide.
    """
    return _by_class(trace, {name: least for name, (least, _) in CLASS_RANGE.items()})


def size_priced(
    trace: PoolTrace,
    p: Floats,
    *,
    allowance: Allowance = ANY,
    limits: CheckLimits = ALONE,
    memory_requests: Floats | None = None,
    seeds: tuple[int, ...] = SEEDS,
    bears_others: bool = False,
) -> PoolCheck:
    """T1: max(Q_p, s x mean) with the `p` [K] of `choose_quantiles`, s >= 1 from the pool check.

    On a pool of few nodes it takes the limits of `choose_limits` and the seeds of `choose_seeds`
    for the nodes to stay cool on days that were not seen.
    """
    floor = quantile_of(trace.usage, p)
    rule = PoolRule(
        mean=trace.means,
        floor=floor,
        least=allowance.least,
        greatest=allowance.greatest,
        covers=_name_quantiles(trace, p),
    )
    return calibrate_pool(
        trace,
        rule,
        limits=limits,
        memory_requests=memory_requests,
        seeds=seeds,
        bears_others=bears_others,
    )


def choose_limits(trace: PoolTrace) -> CheckLimits:
    """What T1 is planned with on this pool."""
    return ALONE_AND_FEW if count_nodes(trace) < SMALL_POOL else ALONE


def size_pooled(
    trace: PoolTrace,
    *,
    allowance: Allowance = ANY,
    limits: CheckLimits = POOLED,
    memory_requests: Floats | None = None,
) -> PoolCheck:
    """T2: max(s x mean, the floor of its class), s from the pool check."""
    return size_priced(
        trace,
        least_quantiles(trace),
        allowance=allowance,
        limits=limits,
        memory_requests=memory_requests,
    )


class BlockCheck(msgspec.Struct, frozen=True):
    """T3: one check for each block of the day."""

    checks: tuple[PoolCheck, ...]

    @property
    def requests(self) -> Floats:
        """Cores, [6, K]."""
        return np.stack([check.requests for check in self.checks])

    @property
    def is_met(self) -> bool:
        return all(check.is_met for check in self.checks)


def size_by_block(
    trace: PoolTrace,
    *,
    allowance: Allowance = ANY,
    limits: CheckLimits = POOLED,
    memory_requests: Floats | None = None,
    weights: Floats | None = None,
) -> BlockCheck:
    """T3: T2 for each block of four hours of the day by itself.

    A container has in a block the mean and the floor of the block as far as its blocks differ by
    more than chance (`estimate_rhythm`), else those of the whole trace, which also hold where it
    was never seen in the block. `weights` [6, K] are those of `objective: carbon`, by which the
    quantile of the floor differs between blocks. ValueError for a trace without any bin of some
    block.
    """
    p = least_quantiles(trace)
    means, ranked = trace.means, RankedUsage.of(trace.usage)
    rhythm = estimate_rhythm(trace)
    checks = []
    for block in range(BLOCKS):
        part = trace.in_block(block)
        if not len(part.bins):
            raise ValueError(f"the trace has no bin of block {block} of the day")
        asked = p if weights is None else weigh_quantile(p, weights[block])
        floors = ranked.quantile(asked)
        rule = PoolRule(
            mean=_lean(means, part.means, rhythm),
            floor=_lean(floors, quantile_of(part.usage, asked), rhythm),
            least=allowance.least,
            greatest=allowance.greatest,
            covers=_name_quantiles(trace, asked),
        )
        checks.append(calibrate_pool(part, rule, limits=limits, memory_requests=memory_requests))
    return BlockCheck(tuple(checks))


def _lean(whole: Floats, block: Floats, rhythm: Floats) -> Floats:
    """From the number of the whole trace towards that of the block."""
    return np.where(np.isfinite(block), whole + rhythm * (block - whole), whole)


def _keep(trace: PoolTrace, wanted: Floats, allowance: Allowance) -> Floats:
    """Wanted cores within what is allowed; the request as it is where there is no answer."""
    within = np.minimum(np.maximum(wanted, allowance.least), allowance.greatest)
    return np.where(trace.is_managed & np.isfinite(wanted), within, trace.cpu_requests)


def _decay(trace: PoolTrace, rows: slice) -> Floats:
    """Stock histograms of some rows, each bin weighing half for every day before the end."""
    usage = trace.usage[rows]
    seen = np.isfinite(usage)
    age = (trace.bins[-1] - trace.bins) * (trace.grid.step / DAY) if len(trace.bins) else 0.0
    weights = np.where(seen, np.exp2(-np.asarray(age)), 0.0)
    row = np.arange(len(usage))[:, None] * STOCK_CPU.count
    at = row + STOCK_CPU.index(np.nan_to_num(usage))
    sums = np.bincount(at.ravel(), weights.ravel(), minlength=len(usage) * STOCK_CPU.count)
    return np.asarray(sums.reshape(len(usage), STOCK_CPU.count))


def _by_class(trace: PoolTrace, values: Mapping[WorkClass, float]) -> Floats:
    by_workload = np.array([values[each] for each in trace.work_classes], dtype=np.float64)
    return by_workload[trace.owner]


def _name_quantiles(trace: PoolTrace, p: Floats) -> str:
    """Which quantiles the managed containers have, for people: p75, or p50 to p95."""
    chosen = p[trace.is_managed]
    if not len(chosen):
        return "floor"
    low, high = name_quantile(float(chosen.min())), name_quantile(float(chosen.max()))
    return low if low == high else f"{low} to {high} by class"
