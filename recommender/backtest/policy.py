"""The policies that are tested: how each makes CPU requests of the days it has seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.replay.check import choose_seeds
from recommender.replay.energy import estimate_busy_core, estimate_price_now
from recommender.sizing.carbon import spread_weights, weigh_blocks
from recommender.sizing.observed import allow, find_carbon_workloads
from recommender.sizing.pooled import (
    ANY,
    POOLED,
    Allowance,
    choose_limits,
    choose_quantiles,
    size_by_block,
    size_pooled,
    size_priced,
    size_quantile,
    size_stock,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recommender.energy.array import Floats
    from recommender.model.backtest import PolicyName
    from recommender.model.cluster import ClusterState
    from recommender.model.intensity import Intensity
    from recommender.replay.check import CheckLimits, PoolCheck
    from recommender.replay.trace import PoolTrace
    from recommender.settings import SizingSettings
    from recommender.sizing.pool import Pool
    from recommender.sizing.pooled import BlockCheck

POLICIES: tuple[PolicyName, ...] = (
    *("as-requested", "stock", "p95", "p99", "frequency-only"),
    *("T1", "T2", "T3", "limit"),
)
"""All of them, in the order in which they are shown."""

FREQUENCY_SHARE = 0.75
"""f / f_max of the frequency-only rule: recordings hold no frequencies, and this is where a
governor that saves power keeps a half-loaded server."""

BLOCK_SHARE = 0.5
"""Of the hot time that is allowed: what T3 may have in each block of the day. Requests that move
six times a day meet six times the chance of a day that is unlike those before it."""


class Proposal(msgspec.Struct, frozen=True):
    """Requests in cores, [K], or [6, K] by block of the day.

    `is_met` is False where no pool factor held the limits on the days that were seen.
    """

    requests: Floats
    is_met: bool = True


class Propose(Protocol):
    """Requests from the days that are seen."""

    def __call__(self, train: PoolTrace) -> Proposal: ...


class Policy(msgspec.Struct, frozen=True):
    """A policy by its name.

    `quantile` is the one whose scatter over days says how well its requests are known;
    `limit_share` of the allowed hot time is what it must hold.
    """

    name: PolicyName
    propose: Propose
    quantile: float
    limit_share: float = 1.0


class Rules(msgspec.Struct, frozen=True):
    """What the policies of one pool have in common.

    `planned` is the utilisation up to which its nodes may be filled, `pooled` what T2 and T3 are
    planned with. `weights` [6, K] are those of `objective: carbon`, at T3 alone.
    """

    allowance: Allowance = ANY
    planned: float = 1.0
    pooled: CheckLimits = POOLED
    weights: Floats | None = None

    def check_priced(self, trace: PoolTrace, p: Floats) -> PoolCheck:
        """T1 with the quantiles `p` [K].

        What others heat is borne: a pool of which one runaway pod fills a node would else have no
        energy tier at all, though no request of ours is at fault.
        """
        return size_priced(
            trace,
            p,
            allowance=self.allowance,
            limits=self._within(choose_limits(trace)),
            seeds=choose_seeds(trace),
            bears_others=True,
        )

    def check_pooled(self, trace: PoolTrace) -> PoolCheck:
        """T2."""
        return size_pooled(trace, allowance=self.allowance, limits=self._within(self.pooled))

    def check_blocks(self, trace: PoolTrace) -> BlockCheck:
        """T3."""
        return size_by_block(
            trace,
            allowance=self.allowance,
            limits=self._within(self.pooled),
            weights=self.weights,
        )

    def _within(self, limits: CheckLimits) -> CheckLimits:
        return replace(limits, utilisation=self.planned)

    def choose(self, names: Iterable[PolicyName]) -> tuple[Policy, ...]:
        """The policies of these names in the order of POLICIES; the limit is none."""
        every = {
            policy.name: policy
            for policy in (
                Policy("as-requested", self._keep, 0.9),
                Policy("stock", self._stock, 0.9),
                Policy("p95", self._p95, 0.95),
                Policy("p99", self._p99, 0.99),
                Policy("frequency-only", self._compensate, 0.9),
                Policy("T1", self._priced, 0.9),
                Policy("T2", self._pooled, 0.75),
                Policy("T3", self._by_block, 0.75, BLOCK_SHARE),
            )
        }
        chosen = frozenset(names)
        return tuple(every[name] for name in POLICIES if name in chosen and name in every)

    def _keep(self, train: PoolTrace) -> Proposal:
        return Proposal(train.cpu_requests)

    def _stock(self, train: PoolTrace) -> Proposal:
        return Proposal(size_stock(train, allowance=self.allowance))

    def _p95(self, train: PoolTrace) -> Proposal:
        return Proposal(size_quantile(train, 0.95, allowance=self.allowance))

    def _p99(self, train: PoolTrace) -> Proposal:
        return Proposal(size_quantile(train, 0.99, allowance=self.allowance))

    def _compensate(self, train: PoolTrace) -> Proposal:
        """The request times f_max / f: the same number of instructions at a lower frequency."""
        raised = train.cpu_requests / FREQUENCY_SHARE
        return Proposal(np.where(train.is_managed, raised, train.cpu_requests))

    def _priced(self, train: PoolTrace) -> Proposal:
        p = choose_quantiles(
            train, reserved=estimate_price_now(train), busy=estimate_busy_core(train)
        )
        return _of(self.check_priced(train, p))

    def _pooled(self, train: PoolTrace) -> Proposal:
        return _of(self.check_pooled(train))

    def _by_block(self, train: PoolTrace) -> Proposal:
        return _of(self.check_blocks(train))


def choose_rules(
    trace: PoolTrace,
    pool: Pool,
    *,
    cluster: ClusterState,
    settings: SizingSettings,
    carbon: Intensity | None,
) -> Rules:
    """Those by which the containers of a pool are sized, so that what is tested is what is applied.

    `carbon` is what a kWh emits, for workloads with `objective: carbon`.
    """
    return Rules(
        allow(trace, cluster, settings),
        pool.energy.ceiling.utilisation,
        weights=spread_weights(trace, weigh_blocks(carbon), find_carbon_workloads(cluster)),
    )


def _of(check: PoolCheck | BlockCheck) -> Proposal:
    return Proposal(check.requests, check.is_met)
