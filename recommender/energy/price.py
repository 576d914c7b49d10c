"""What a reserved core costs in watts, and whether cutting it frees a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from recommender.energy.curve import NodeCurve

WorkClass: TypeAlias = Literal["critical", "standard", "batch"]

SHORTFALL_MULTIPLE: dict[WorkClass, float] = {"critical": 50.0, "standard": 5.0, "batch": 1.5}
"""What a core that is wanted and not reserved counts, in dynamic watts of a busy core: batch
work done later costs its energy and half again, critical work must practically never wait."""

CPU_BINDS_ABOVE = 1.1
MEMORY_BINDS_BELOW = 0.9
"""Ratio of the shares of CPU and memory that are reserved: within 10 % of 1 both fill a node,
and a freed core frees a part of a node, linear in the ratio."""


class Price(msgspec.Struct, frozen=True):
    """Watts of one reserved core, `low` ... `high` its 90 % interval, none below 0.

    `intercept_watts` is the node's mean tangent intercept, unclipped: negative where nodes run
    beyond their efficiency peak. `utilisation` is the mean it was taken at, `packing` the
    reserved share of the cores, `cores` those of one node.
    """

    watts_per_core: float
    low: float
    high: float
    intercept_watts: float
    utilisation: float
    packing: float
    cores: float
    reason: str

    def scaled(self, factor: float) -> Price:
        """The price where only `factor` (0 ... 1) of a freed core frees a part of a node."""
        return replace(
            self,
            watts_per_core=self.watts_per_core * factor,
            low=self.low * factor,
            high=self.high * factor,
        )


class Binding(msgspec.Struct, frozen=True):
    """Which resource fills the nodes: `factor` 1 CPU ... 0 memory, `ratio` x, a sentence."""

    factor: float
    ratio: float
    reason: str

    @property
    def resource(self) -> str:
        """cpu, memory or both."""
        return {1.0: "cpu", 0.0: "memory"}.get(self.factor, "both")


def estimate_packing(requested_cores: float, *, nodes: int, cores: float) -> float:
    """Packing efficiency eta: requested over allocatable cores of a class; 0 without nodes.

    `requested_cores` sums what the scheduler counts, unmanaged pods and daemons included.
    """
    return requested_cores / (cores * nodes) if nodes > 0 else 0.0


def estimate_price(
    intercept: tuple[float, float, float], *, utilisation: float, packing: float, cores: float
) -> Price:
    """Price of a reserved core, pi = lambda / (eta C), from lambda = (value, low, high) watts.

    Lowering a request by one core empties 1 / (eta C) of a node, which saves lambda each.
    Negative watts become 0. `packing` 0 means unmeasured: then 1 is taken, which gives the
    lowest price that the curve allows.
    """
    eta = packing if packing > 0.0 else 1.0
    value, low, high = (max(watts, 0.0) / (eta * cores) for watts in intercept)
    return Price(
        watts_per_core=value,
        low=low,
        high=high,
        intercept_watts=intercept[0],
        utilisation=utilisation,
        packing=eta,
        cores=cores,
        reason=_price_reason(intercept[0], (value, low, high), utilisation, packing, cores),
    )


def _price_reason(
    watts: float,
    price: tuple[float, float, float],
    utilisation: float,
    packing: float,
    cores: float,
) -> str:
    if watts <= 0.0:
        return (
            f"at {utilisation:.0%} use the nodes run beyond their efficiency peak: "
            "a reserved core costs nothing"
        )
    reserved = (
        f"{packing:.0%} of its {cores:g} cores are reserved"
        if packing > 0.0
        else f"no requests are known, all {cores:g} cores are taken as reserved"
    )
    value, low, high = price
    return (
        f"a reserved core costs {value:.2f} W ({low:.2f} ... {high:.2f}): a node draws "
        f"{watts:.0f} W for being there at {utilisation:.0%} use, and {reserved}"
    )


def estimate_binding(
    *,
    requested_cores: float,
    allocatable_cores: float,
    requested_bytes: float,
    allocatable_bytes: float,
) -> Binding:
    """Which resource fills the nodes of a pool, from its totals.

    x = (requested / allocatable cores) / (requested / allocatable memory). x > 1.1: CPU, factor
    1; x < 0.9: memory, factor 0; linear between. Without memory requests CPU binds.
    """
    if allocatable_cores <= 0.0 or allocatable_bytes <= 0.0:
        return Binding(1.0, float("inf"), "allocatable memory is unknown: CPU is taken to bind")
    if requested_cores <= 0.0 and requested_bytes <= 0.0:
        return Binding(1.0, float("inf"), "requests are unknown: CPU is taken to bind")
    cpu = requested_cores / allocatable_cores
    memory = requested_bytes / allocatable_bytes
    if memory <= 0.0:
        return Binding(1.0, float("inf"), "CPU binds: no memory is reserved")
    ratio = cpu / memory
    factor = (ratio - MEMORY_BINDS_BELOW) / (CPU_BINDS_ABOVE - MEMORY_BINDS_BELOW)
    factor = min(max(factor, 0.0), 1.0)
    shares = f"{cpu:.0%} of CPU and {memory:.0%} of memory are reserved"
    if factor >= 1.0:
        return Binding(1.0, ratio, f"CPU binds: {shares}")
    if factor <= 0.0:
        return Binding(0.0, ratio, f"memory binds, CPU cuts free no node: {shares}")
    return Binding(
        factor, ratio, f"CPU and memory both bind, a freed core counts {factor:.0%}: {shares}"
    )


def estimate_shortfall_price(curve: NodeCurve, *, work_class: WorkClass) -> float:
    """Watts per core of demand above the request (mu): the class's multiple of a busy core."""
    return SHORTFALL_MULTIPLE[work_class] * curve.dynamic_watts_per_core()


def estimate_unused_watts(price: Price, *, reserved_cores: float, used_cores: float) -> float:
    """Watts of cores that are reserved and not used; 0 where use exceeds reservation."""
    return price.watts_per_core * max(reserved_cores - used_cores, 0.0)
