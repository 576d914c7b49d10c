"""What the sizing of one workload needs to know of the energy of its pools: a few numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from recommender.energy.price import SHORTFALL_MULTIPLE, WorkClass, estimate_shortfall_price

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recommender.energy.nodeclass import ClassEnergy


class Terms(msgspec.Struct, frozen=True):
    """The terms on which a workload of one class uses a pool. Watts are per core but of memory.

    reserved             of a reserved core, as far as cutting it frees a node; >= 0
    reserved_low, _high  its 90 % interval
    shortfall            of a core that is wanted and not reserved
    used                 of a busy core on top of the reservation, P'(U)/C
    utilisation          mean of the pool
    planned              utilisation up to which the pool may be filled
    is_modelled          the power curve is a model, not read from a meter
    frees_nodes          False where memory fills the nodes, so that CPU cuts free none
    memory               of a reserved GiB, as far as cutting it frees a node; >= 0
    """

    reserved: float
    reserved_low: float
    reserved_high: float
    shortfall: float
    used: float
    utilisation: float
    planned: float
    work_class: WorkClass
    is_modelled: bool = False
    frees_nodes: bool = True
    memory: float = 0.0

    @property
    def is_usable(self) -> bool:
        """All numbers are finite and the class's price of a shortfall is above zero."""
        parts = (self.reserved, self.reserved_low, self.reserved_high, self.shortfall, self.used)
        return all(math.isfinite(part) for part in parts) and self.shortfall > 0.0

    @property
    def multiple(self) -> float:
        """`shortfall` in dynamic watts of a busy core."""
        return SHORTFALL_MULTIPLE[self.work_class]

    @property
    def crowding(self) -> float:
        """By how much the pool is fuller than it may be; 1 where it is not."""
        if not (self.planned > 0.0 and math.isfinite(self.utilisation)):
            return 1.0
        return max(1.0, self.utilisation / self.planned)


def terms_of(energy: ClassEnergy, work_class: WorkClass) -> Terms:
    """The terms of a pool with this energy for workloads of this class."""
    price = energy.effective_price
    slope = float(energy.curve.slope(price.utilisation)) / price.cores
    return Terms(
        reserved=max(price.watts_per_core, 0.0),
        reserved_low=max(price.low, 0.0),
        reserved_high=max(price.high, 0.0),
        shortfall=estimate_shortfall_price(energy.curve, work_class=work_class),
        used=slope,
        utilisation=price.utilisation,
        planned=energy.ceiling.utilisation,
        work_class=work_class,
        is_modelled=energy.quality == "modelled",
        frees_nodes=energy.binding.factor > 0.0,
    )


def mix_terms(parts: Sequence[tuple[Terms, int]]) -> Terms:
    """The terms of a workload that runs in several pools: `parts` are those of each with its pods.

    All pods have one request r, so what it costs is the sum over the pools of pods x
    (reserved r + shortfall E(u - r)+); it is least where it is with the mean prices, weighted by
    pods. So every number is that mean. Where no pod runs, each pool counts the same. The mix is
    modelled as soon as one part is, and frees nodes where one part does. At least one part.
    """
    if len(parts) == 1:
        return parts[0][0]
    weights = [pods for _, pods in parts] if any(pods for _, pods in parts) else [1] * len(parts)

    def mean(value: Callable[[Terms], float]) -> float:
        pairs = zip(parts, weights, strict=True)
        return sum(value(terms) * weight for (terms, _), weight in pairs) / sum(weights)

    return Terms(
        reserved=mean(lambda terms: terms.reserved),
        reserved_low=mean(lambda terms: terms.reserved_low),
        reserved_high=mean(lambda terms: terms.reserved_high),
        shortfall=mean(lambda terms: terms.shortfall),
        used=mean(lambda terms: terms.used),
        utilisation=mean(lambda terms: terms.utilisation),
        planned=mean(lambda terms: terms.planned),
        work_class=parts[0][0].work_class,
        is_modelled=any(terms.is_modelled for terms, _ in parts),
        frees_nodes=any(terms.frees_nodes for terms, _ in parts),
        memory=mean(lambda terms: terms.memory),
    )
