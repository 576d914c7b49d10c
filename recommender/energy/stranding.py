"""What a reserved GiB of memory costs, and what the binding resource leaves lying idle.

A node is gone when both its CPU and its memory are free. Of the two constraints of the packing
the tight one has the price (its dual): where CPU fills the nodes, a freed GiB frees none; where
memory does, it is the memory that each freed part of a node is owed to. In between both count in
part, and together they never count more than the node's intercept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.units import GIB

if TYPE_CHECKING:
    from recommender.energy.price import Binding, Price


class MemoryPrice(msgspec.Struct, frozen=True):
    """Watts of one reserved GiB, as far as cutting it frees a node; `low` ... `high` 90 %."""

    watts_per_gib: float = 0.0
    low: float = 0.0
    high: float = 0.0
    reason: str = ""


class Stranding(msgspec.Struct, frozen=True):
    """What no pod of the present mix can use: cores where memory fills the nodes, else GiB."""

    cores: float = 0.0
    gib: float = 0.0
    reason: str = ""


def estimate_memory_price(
    price: Price, binding: Binding, *, requested_bytes: float, node_bytes: float, nodes: int
) -> MemoryPrice:
    """The dual price of memory: (1 - factor) lambda / (eta_m M), eta_m the reserved share.

    `price` is that of a core before the binding resource, pi = lambda / (eta C), so lambda is
    taken from it; `requested_bytes` are of all pods on the nodes, `node_bytes` allocatable on one.
    Zero where CPU binds or no memory is known to be reserved. All reserved cores at their effective
    price and all reserved GiB at this one cost lambda on each node, whatever binds.
    """
    share = 1.0 - binding.factor
    reserved_gib = requested_bytes / max(nodes, 1) / GIB
    if share <= 0.0 or reserved_gib <= 0.0 or node_bytes <= 0.0:
        return MemoryPrice(reason="CPU fills the nodes: a GiB less frees none")
    per_gib = share * price.packing * price.cores / reserved_gib
    value, low, high = (watts * per_gib for watts in (price.watts_per_core, price.low, price.high))
    intercept = price.watts_per_core * price.packing * price.cores
    counts = "" if share >= 1.0 else f", of which memory counts {share:.0%}"
    return MemoryPrice(
        value,
        low,
        high,
        f"a reserved GiB costs {value:.2f} W ({low:.2f} ... {high:.2f}): a node draws "
        f"{intercept:.0f} W for being there and has {reserved_gib:.1f} GiB reserved{counts}",
    )


def estimate_stranding(
    binding: Binding, *, allocatable_cores: float, allocatable_bytes: float
) -> Stranding:
    """Cores or GiB of a pool that are left when the other resource is full, at the present mix.

    With x = (reserved share of CPU) / (reserved share of memory) < 1, nodes that are full of
    memory have 1 - x of their cores left; with x > 1, nodes that are full of CPU have 1 - 1/x of
    their memory left. Nothing where a share is unknown.
    """
    ratio = binding.ratio
    if not 0.0 <= ratio < float("inf") or allocatable_cores <= 0.0 or allocatable_bytes <= 0.0:
        return Stranding()
    if ratio < 1.0:
        cores = (1.0 - ratio) * allocatable_cores
        return Stranding(
            cores=cores,
            reason=f"memory strands {cores:,.1f} of {allocatable_cores:,.0f} cores: at the present "
            "mix of requests nodes are full of memory before these can be reserved",
        )
    gib, total = (1.0 - 1.0 / ratio) * allocatable_bytes / GIB, allocatable_bytes / GIB
    if gib < 0.05:
        return Stranding()
    return Stranding(
        gib=gib,
        reason=f"CPU strands {gib:,.1f} of {total:,.0f} GiB: at the present mix of requests nodes "
        "are full of CPU before these can be reserved",
    )
