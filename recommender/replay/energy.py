"""What the nodes of a packing draw, and what a reserved core costs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.energy.price import estimate_binding
from recommender.replay.load import node_cores, node_kinds
from recommender.units import HOUR

if TYPE_CHECKING:
    from recommender.replay.packer import Packing
    from recommender.replay.trace import PoolTrace, PowerCurve, Usage


class EnergyUse(msgspec.Struct, frozen=True):
    """Joules, and hours that nodes were on."""

    joules: float
    node_hours: float


class PoolEnergy(msgspec.Struct, frozen=True):
    """`released`: nodes without pods are off. `kept`: all that are there stay on, idle at P(0)."""

    released: EnergyUse
    kept: EnergyUse


def estimate_energy(trace: PoolTrace, packing: Packing, load: Usage) -> PoolEnergy:
    """Energy of a packing over the trace, for `load` [N, T] cores.

    A node draws P(min(load, C) / C) of its kind's curve: it cannot be more than fully busy. A
    packing that needs more nodes than there are has them on in both cases.
    """
    hours = trace.seconds / HOUR
    joules, idle = 0.0, 0.0
    used = node_kinds(packing, len(trace.kinds))
    spare = np.maximum(np.array([kind.count for kind in trace.kinds]) - used, 0)
    for number, kind in enumerate(trace.kinds):
        busy = np.minimum(load[packing.kind == number] / kind.cores, 1.0)
        watts = sum(float(kind.curve.power(row).sum()) for row in busy)
        joules += watts * trace.grid.step
        idle += float(kind.curve.power(0.0)) * float(spare[number]) * trace.seconds
    return PoolEnergy(
        released=EnergyUse(joules, packing.nodes * hours),
        kept=EnergyUse(joules + idle, (packing.nodes + int(spare.sum())) * hours),
    )


def estimate_utilisation(trace: PoolTrace, packing: Packing, load: Usage) -> float:
    """Cores used over cores there, over all nodes and bins; 0 without a node."""
    cores = node_cores(trace, packing)
    used = np.minimum(load, cores[:, None]).sum(dtype=np.float64)
    return float(used / (cores.sum() * load.shape[1])) if load.size else 0.0


def estimate_price_now(trace: PoolTrace) -> float:
    """Watts of one reserved core with the nodes that are there and the requests as they are.

    lambda(U) / (eta C), as `energy.price` has it, with U of the whole pool in each bin, the mean
    over bins and over the kinds by their cores; 0 where a core costs nothing, and as far as a
    freed core frees a part of a node where memory binds. 0 without a node.
    """
    cores = sum(kind.cores * kind.count for kind in trace.kinds)
    if not cores:
        return 0.0
    pods = trace.replicas[trace.owner]
    requested = float(trace.cpu_requests @ pods)
    utilisation = np.minimum(trace.replicas @ trace.pod_usage / cores, 1.0)
    binding = estimate_binding(
        requested_cores=requested,
        allocatable_cores=cores,
        requested_bytes=float(trace.memory_requests @ pods),
        allocatable_bytes=sum(float(kind.memory_bytes) * kind.count for kind in trace.kinds),
    )
    watts = sum(
        kind.count * max(float(_intercept(kind.curve, utilisation)), 0.0) for kind in trace.kinds
    )
    return binding.factor * watts / (requested or cores)


def estimate_busy_core(trace: PoolTrace) -> float:
    """Mean watts of one busy core on a half-used node, over the cores that are there."""
    cores = sum(kind.cores * kind.count for kind in trace.kinds)
    watts = sum(
        kind.count * float(kind.curve.power(0.5) - kind.curve.power(0.0)) / 0.5
        for kind in trace.kinds
    )
    return watts / cores if cores else 0.0


def _intercept(curve: PowerCurve, utilisation: Usage) -> float:
    """Mean tangent intercept lambda(U) over bins, watts."""
    return float((curve.power(utilisation) - utilisation * curve.slope(utilisation)).mean())
