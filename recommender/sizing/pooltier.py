"""What the replay of a pool's history lets its containers be sized by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from recommender.model.report import Reason
from recommender.replay.trace import BLOCK_HOURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recommender.model.identity import ContainerRef

TierName: TypeAlias = Literal["T0", "T1", "T2", "T3"]

TIERS: tuple[TierName, ...] = ("T0", "T1", "T2", "T3")


class Gate(msgspec.Struct, frozen=True):
    """One condition of a tier: what it looks at, whether it holds, and what was found."""

    tier: TierName
    what: str
    is_met: bool
    found: str

    def explain(self) -> Reason:
        return Reason(f"{self.tier} {self.what}", "met" if self.is_met else "not met", self.found)


class BlockFactor(msgspec.Struct, frozen=True):
    """What a container is sized by in one block of the day (0 ... 5, UTC): the factor of its pool.

    `weight` is what its price counts then: not 1 for `objective: carbon` alone.
    """

    block: int
    factor: float
    weight: float = 1.0

    @property
    def name(self) -> str:
        """The hours: 08-12 UTC."""
        return f"{self.block * BLOCK_HOURS:02d}-{(self.block + 1) * BLOCK_HOURS:02d} UTC"


class PoolTier(msgspec.Struct, frozen=True):
    """The tier of a pool: the highest whose gates are all met.

    factors   s of the pool check by tier, for T1 and T2
    found     in words what the replay gave, by tier
    blocks    T3: every container that was replayed, in the block that the history ends in
    """

    name: TierName
    gates: tuple[Gate, ...] = ()
    factors: Mapping[TierName, float] = msgspec.field(default_factory=dict)
    found: Mapping[TierName, str] = msgspec.field(default_factory=dict)
    blocks: Mapping[ContainerRef, BlockFactor] = msgspec.field(default_factory=dict)


class Pooled(msgspec.Struct, frozen=True):
    """How the pools of one container let it be sized.

    r = max(factor x mean, floor), where the floor is the quantile that its tier asks for.

    block   at T3 the hours that shape its mean and floor; None else
    found   in words, of the pool that decides
    """

    name: TierName
    factor: float
    found: str
    gates: tuple[Gate, ...] = ()
    block: BlockFactor | None = None

    @property
    def gap(self) -> str:
        """What keeps it from T1; "" where nothing does."""
        failed = [gate.found for gate in self.gates if gate.tier == "T1" and not gate.is_met]
        return failed[0] if failed else ""

    def explain(self) -> Reason:
        if self.block is not None:
            value = f"x{self.factor:.2f} of its mean in {self.block.name}"
            return Reason("pool", value, self.found)
        return Reason("pool", f"x{self.factor:.2f} of its mean", self.found)


def choose_pooled(
    tiers: Sequence[PoolTier],
    ref: ContainerRef,
    *,
    days: float,
    can_resize: bool,
) -> Pooled | None:
    """What holds for a container with `days` of history whose pods run in pools of these tiers.

    The lowest tier counts, and of its factors the greatest: a request is one number for all pods.
    `can_resize`: its pods are resized in place, without which requests by time of day would
    restart them six times a day. None where no pool was replayed.
    """
    if not tiers:
        return None
    own = _own_gates(days, can_resize=can_resize)
    gates = (*(gate for tier in tiers for gate in tier.gates), *own)
    failed = {gate.tier for gate in gates if not gate.is_met}
    held = [tier.name for tier in tiers]
    name = min(held, key=TIERS.index)
    while name in failed and name != "T0":
        name = TIERS[TIERS.index(name) - 1]
    if name == "T3":
        blocks = [tier.blocks[ref] for tier in tiers if ref in tier.blocks]
        if len(blocks) == len(tiers):
            block = max(blocks, key=lambda each: each.factor)
            return Pooled(name, block.factor, _join(tiers, name), _shown(gates, name), block)
        name = "T2"
    factor = max(tier.factors.get(name, 1.0) for tier in tiers)
    return Pooled(name, factor, _join(tiers, name), _shown(gates, name))


def _shown(gates: Sequence[Gate], name: TierName) -> tuple[Gate, ...]:
    """Those up to the tier after the one that is reached: what is missing beyond it is no news."""
    most = TIERS.index(name) + 1
    return tuple(gate for gate in gates if TIERS.index(gate.tier) <= most)


T2_DAYS = 7.0
"""A week: the least that holds each weekday once."""

T3_DAYS = 14.0
"""Each weekday twice, so that what repeats can be told from what happened once."""

LEAST_VISIBLE = 0.8
"""Of the pool's CPU time: what is not seen has peaks that nobody replays."""

_NEEDED: dict[TierName, float] = {"T2": T2_DAYS, "T3": T3_DAYS}


def _own_gates(days: float, *, can_resize: bool) -> tuple[Gate, ...]:
    lengths = tuple(
        Gate(tier, "own history", days >= needed, f"{days:.1f} d, {needed:g} d needed")
        for tier, needed in _NEEDED.items()
    )
    resize = (
        "its VPA resizes pods in place"
        if can_resize
        else "its VPA does not resize pods in place (updateMode InPlaceOrRecreate)"
    )
    return (*lengths, Gate("T3", "resize", can_resize, resize))


def _join(tiers: Sequence[PoolTier], name: TierName) -> str:
    return "; ".join(dict.fromkeys(tier.found[name] for tier in tiers if name in tier.found))
