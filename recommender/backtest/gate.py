"""Which tier a pool may have: the replay of its history, and a back-test before containers count
on each other's quiet hours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.backtest.policy import choose_rules
from recommender.backtest.verdict import passes
from recommender.backtest.walk import run_policies
from recommender.energy.price import SHORTFALL_MULTIPLE
from recommender.replay.check import SMALL_POOL, CheckLimits, count_nodes
from recommender.replay.observation import estimate_visible_share
from recommender.replay.trace import BLOCK_HOURS
from recommender.settings import BacktestSettings
from recommender.sizing.carbon import weigh_blocks
from recommender.sizing.observed import (
    find_carbon_workloads,
    list_managed,
    observe,
    vpas_by_target,
    work_class_of,
)
from recommender.sizing.pooled import choose_quantiles
from recommender.sizing.pooltier import (
    LEAST_VISIBLE,
    T2_DAYS,
    T3_DAYS,
    TIERS,
    BlockFactor,
    Gate,
    PoolTier,
    TierName,
)
from recommender.sizing.terms import terms_of
from recommender.units import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recommender.backtest.policy import Rules
    from recommender.backtest.walk import PolicyTest
    from recommender.energy.array import Floats
    from recommender.model.backtest import PolicyName
    from recommender.model.identity import ContainerRef, WorkloadRef
    from recommender.model.intensity import Intensity
    from recommender.model.recording import Recording
    from recommender.replay.check import PoolCheck
    from recommender.replay.trace import PoolTrace
    from recommender.settings import SizingSettings
    from recommender.sizing.pool import Pool

_TESTED = BacktestSettings()
"""The days of `joulefit backtest` where nothing else is asked for, so that it shows this gate."""

NOT_REPLAYED = PoolTier(
    "T0", (Gate("T1", "pool check", is_met=False, found="its pool could not be replayed"),)
)
"""Of a pool whose replay failed: no request of energy without the check."""


class _Basis(msgspec.Struct, frozen=True):
    """What a verdict rests on beside the history: another of it is judged at once.

    Else a service that has gone on for long and one that has just started would differ. `carbon`
    are the workloads for which it counts: none once the intensity is not known any more.
    """

    members: tuple[str, ...]
    workloads: frozenset[tuple[WorkloadRef, str, str, int]]
    managed: frozenset[ContainerRef]
    releaser: str
    settings: SizingSettings
    block: int
    carbon: frozenset[WorkloadRef]


class _Kept(msgspec.Struct, frozen=True):
    """What was found, None where nothing is managed, from what, and at which end of the history."""

    tier: PoolTier | None
    basis: _Basis
    end: int


@dataclass
class TierJudge:
    """Judges pools, and keeps what it found for `refresh` seconds of history: a replay costs
    seconds, and an hour changes little of weeks.
    """

    refresh: float = HOUR
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def judge(
        self,
        evidence: Recording,
        pool: Pool,
        pools: Sequence[Pool],
        settings: SizingSettings,
        carbon: Intensity | None = None,
    ) -> PoolTier | None:
        """The tier of one of the pools; None where nothing was used in it, or nothing may be set.

        No tier above T0 is looked for where the settings allow none. `carbon` is what a kWh
        emits, for workloads with `objective: carbon`.
        """
        if settings.highest_tier == "T0":
            return None
        if evidence.unread:  # what is there of the history is not what there is to be replayed
            return self.last(pool.name)
        end = evidence.history.usage.grid.end
        basis = _find_basis(evidence, pool, pools, settings, carbon)
        kept = self._kept.get(pool.name)
        if kept is not None and kept.basis == basis and 0 <= end - kept.end < self.refresh:
            return kept.tier
        tier = None
        if basis.managed:
            trace = observe(evidence, pool, pools, settings)
            if trace.has_managed_use:
                tier = judge_pool_tier(evidence, pool, trace, settings, carbon)
        self._kept[pool.name] = _Kept(tier, basis, end)
        return tier

    def last(self, pool: str) -> PoolTier | None:
        """What was found of it last, however long ago."""
        kept = self._kept.get(pool)
        return None if kept is None else kept.tier


def _find_basis(
    evidence: Recording,
    pool: Pool,
    pools: Sequence[Pool],
    settings: SizingSettings,
    carbon: Intensity | None,
) -> _Basis:
    """Only of workloads with pods on these nodes; those without any pod are the first pool's."""
    cluster = evidence.cluster
    members = tuple(node.name for node in pool.nodes)
    here, is_first = frozenset(members), pool is pools[0]
    vpas = vpas_by_target(cluster)
    workloads: list[tuple[WorkloadRef, str, str, int]] = []
    managed: list[ContainerRef] = []
    for workload in cluster.workloads:
        if here.isdisjoint(workload.pods_on) and not (is_first and not workload.pods_on):
            continue
        vpa = vpas.get(workload.ref)
        named = (vpa.name, vpa.generation) if vpa else ("", 0)
        workloads.append((workload.ref, work_class_of(vpa, settings), *named))
        managed += list_managed(workload, vpa)
    return _Basis(
        members=members,
        workloads=frozenset(workloads),
        managed=frozenset(managed),
        releaser=cluster.node_releaser,
        settings=settings,
        block=_block_at(evidence.history.usage.grid.end),
        carbon=find_carbon_workloads(cluster) if weigh_blocks(carbon) else frozenset(),
    )


def judge_pool_tier(
    evidence: Recording,
    pool: Pool,
    trace: PoolTrace,
    settings: SizingSettings,
    carbon: Intensity | None = None,
) -> PoolTier:
    """The highest tier of the pool whose gates are all met, with the gates that were looked at.

    Those of a tier are looked at only where the tier below it is reached, and its back-test,
    which costs most, only where all else is met.
    """
    climb = _Climb(evidence, pool, trace, settings, carbon)
    reached: TierName = "T0"
    steps: tuple[tuple[TierName, Callable[[], bool]], ...] = (
        ("T1", climb.price),
        ("T2", climb.pool_up),
        ("T3", climb.follow_the_day),
    )
    for name, step in steps:
        if TIERS.index(name) > TIERS.index(settings.highest_tier) or not step():
            break
        reached = name
    return PoolTier(reached, tuple(climb.gates), climb.factors, climb.found, climb.blocks)


class _Climb:
    """The way up the tiers of one pool, and what was found on it."""

    def __init__(
        self,
        evidence: Recording,
        pool: Pool,
        trace: PoolTrace,
        settings: SizingSettings,
        carbon: Intensity | None,
    ) -> None:
        self._pool = pool
        self._trace = trace
        self._releaser = evidence.cluster.node_releaser
        self._rules = choose_rules(
            trace, pool, cluster=evidence.cluster, settings=settings, carbon=carbon
        )
        self.gates: list[Gate] = []
        self.factors: dict[TierName, float] = {}
        self.found: dict[TierName, str] = {}
        self.blocks: dict[ContainerRef, BlockFactor] = {}

    def price(self) -> bool:
        """T1: each by its price, if the pool's nodes stay cool with that."""
        terms = terms_of(self._pool.energy, "standard")
        busy = terms.shortfall / SHORTFALL_MULTIPLE["standard"]
        p = choose_quantiles(self._trace, reserved=terms.reserved, busy=busy)
        return self._take("T1", self._rules.check_priced(self._trace, p))

    def pool_up(self) -> bool:
        """T2: the pool's factor in place of each container's own peaks."""
        return (
            self._pass_all(_find_pooled_gates(self._trace))
            and self._take("T2", self._rules.check_pooled(self._trace))
            and self._pass_all([_back_test("T2", self._trace, self._rules)])
        )

    def follow_the_day(self) -> bool:
        """T3: the same by block of the day, with half of the hot time."""
        if not self._pass_all(_find_daytime_gates(self._trace, self._releaser)):
            return False
        if not self._pass_all([_back_test("T3", self._trace, self._rules)]):
            return False
        checks = self._rules.check_blocks(self._trace).checks
        block = _block_at(self._trace.grid.end)
        unmet = [check for check in checks if not check.is_met]
        if not self._take("T3", unmet[0] if unmet else checks[block]):
            return False
        self.blocks = _share_out(self._trace, checks[block], block, self._rules.weights)
        return True

    def _take(self, name: TierName, check: PoolCheck) -> bool:
        self.found[name] = "; ".join(reason.why for reason in check.reasons)
        self.factors[name] = check.factor or 1.0
        return self._pass_all([Gate(name, "pool check", check.is_met, self.found[name])])

    def _pass_all(self, gates: Sequence[Gate]) -> bool:
        self.gates += gates
        return all(gate.is_met for gate in gates)


def _find_pooled_gates(trace: PoolTrace) -> list[Gate]:
    days = trace.span_days
    nodes = count_nodes(trace)
    visible = estimate_visible_share(trace)
    return [
        Gate("T2", "history", days >= T2_DAYS, f"{days:.1f} d, {T2_DAYS:g} d needed"),
        Gate("T2", "nodes", nodes >= SMALL_POOL, f"{nodes} nodes, {SMALL_POOL} needed"),
        Gate(
            "T2",
            "visible",
            visible >= LEAST_VISIBLE,
            f"{visible:.0%} of the pool's CPU time is of known workloads, "
            f"{LEAST_VISIBLE:.0%} needed",
        ),
    ]


def _find_daytime_gates(trace: PoolTrace, releaser: str) -> list[Gate]:
    days = trace.span_days
    release = f"{releaser} removes empty nodes" if releaser else "nothing removes empty nodes"
    return [
        Gate("T3", "history", days >= T3_DAYS, f"{days:.1f} d, {T3_DAYS:g} d needed"),
        Gate("T3", "release", bool(releaser), release),
    ]


def _back_test(name: TierName, trace: PoolTrace, rules: Rules) -> Gate:
    """Train on some days, replay those that follow, move on: as `joulefit backtest` does."""
    step = trace.grid.step
    policies = rules.choose([_POLICIES[name]])
    result = run_policies(
        trace,
        policies,
        train_bins=round(_TESTED.train / step),
        test_bins=round(_TESTED.test / step),
    )
    if not result.tests:
        return Gate(name, "back-test", is_met=False, found="the history holds none")
    (test,) = result.tests
    return Gate(name, "back-test", _holds(test), _describe(test, len(result.folds)))


_POLICIES: dict[TierName, PolicyName] = {"T2": "T2", "T3": "T3"}


def _holds(test: PolicyTest) -> bool:
    """All in all and, for requests by block of the day, in each block's mean."""
    most = CheckLimits().scaled(test.policy.limit_share).hot_mean
    return passes(test) and all(block.mean <= most for block in test.blocks)


def _describe(test: PolicyTest, folds: int) -> str:
    hot = test.outcome.hot
    limits = CheckLimits().scaled(test.policy.limit_share)
    blocks = f", {max(each.mean for each in test.blocks):.2%} in one block" if test.blocks else ""
    return (
        f"{folds} times {_TESTED.train / DAY:g} d learnt and {_TESTED.test / DAY:g} d replayed: "
        f"{hot.mean:.2%} of container-time on hot nodes, {hot.worst_day:.1%} on the worst day"
        f"{blocks}; {limits.hot_mean:.2%} and {limits.hot_worst_day:.1%} allowed"
    )


def _share_out(
    trace: PoolTrace, check: PoolCheck, block: int, weights: Floats | None
) -> dict[ContainerRef, BlockFactor]:
    """The block of every managed container that was seen; what it wants then its demand tells."""
    weight = np.ones(len(trace.containers)) if weights is None else weights[block]
    return {
        trace.containers[row]: BlockFactor(block, check.factor or 1.0, float(weight[row]))
        for row in np.flatnonzero(trace.is_managed & np.isfinite(trace.means)).tolist()
    }


def _block_at(end: int) -> int:
    """The block of the day that begins at, or goes on after, the end of the history."""
    return int(end % DAY // (BLOCK_HOURS * HOUR))
