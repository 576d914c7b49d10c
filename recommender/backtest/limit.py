"""What no packing of a demand can go below, whatever it knows of the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.replay.energy import EnergyUse
from recommender.units import HOUR

if TYPE_CHECKING:
    from recommender.replay.trace import NodeKind, PoolTrace

_LOADS = np.linspace(0.01, 1.0, 100)


class Limit(msgspec.Struct, frozen=True):
    """Least energy with emptied nodes released and with all nodes kept; `work` in core-seconds."""

    released: EnergyUse
    kept: EnergyUse
    work: float


def estimate_limit(trace: PoolTrace) -> Limit:
    """The limit for all that was used in the trace.

    Released: all work at the load of least energy per work, min over U and kinds of P(U) / (U C).
    Kept: all nodes that are there idle, and the work at the least energy on top of that,
    min (P(U) - P(0)) / (U C). Hot nodes, memory and whole nodes count for nothing here. Needs a
    kind of nodes.
    """
    work = trace.work
    best = min(trace.kinds, key=lambda kind: _least(kind, idle=0.0))
    joules, load = _least(best, idle=0.0)
    idle = sum(kind.count * float(kind.curve.power(0.0)) for kind in trace.kinds)
    extra = min(_least(kind, idle=float(kind.curve.power(0.0)))[0] for kind in trace.kinds)
    nodes = sum(kind.count for kind in trace.kinds)
    return Limit(
        released=EnergyUse(work * joules, work / (load * best.cores) / HOUR),
        kept=EnergyUse(idle * trace.seconds + work * extra, nodes * trace.seconds / HOUR),
        work=work,
    )


def _least(kind: NodeKind, *, idle: float) -> tuple[float, float]:
    """Least joules per core-second above `idle` watts, and the load at which it is."""
    joules = (np.asarray(kind.curve.power(_LOADS)) - idle) / (_LOADS * kind.cores)
    at = int(joules.argmin())
    return float(joules[at]), float(_LOADS[at])
