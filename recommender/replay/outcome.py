"""All figures of a choice of requests: replayed over a trace, on several packings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.replay.check import SEEDS
from recommender.replay.energy import EnergyUse, PoolEnergy, estimate_energy
from recommender.replay.load import (
    HotTime,
    estimate_hot_time,
    estimate_load,
    estimate_unserved,
    node_cores,
)
from recommender.replay.packer import pack
from recommender.replay.trace import BLOCKS
from recommender.units import HOUR

if TYPE_CHECKING:
    from recommender.energy.array import Floats
    from recommender.replay.packer import Packing
    from recommender.replay.trace import PoolTrace, Usage


class Outcome(msgspec.Struct, frozen=True):
    """What was used, wanted and missed, as sums: outcomes of other bins or packings add up.

    joules_released, _kept      with empty nodes off, with all that are there on
    seconds_released, _kept     node-seconds that they were on
    hot                         container-time on hot nodes
    demanded, unserved          core-seconds of all placed pods, and those they did not get
    exposed, watched            container-seconds of managed containers that used more than they
                                request, and in all
    capacity                    core-seconds of the nodes in use
    seconds                     of trace, once for each packing
    unplaced                    pod-seconds of pods that fitted nowhere
    """

    joules_released: float
    joules_kept: float
    seconds_released: float
    seconds_kept: float
    hot: HotTime
    demanded: float
    unserved: float
    exposed: float
    watched: float
    capacity: float
    seconds: float
    unplaced: float

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__}
        )

    @property
    def served(self) -> float:
        """Core-seconds that were done: the work that the joules are for."""
        return self.demanded - self.unserved

    @property
    def energy(self) -> PoolEnergy:
        return PoolEnergy(
            released=EnergyUse(self.joules_released, self.seconds_released / HOUR),
            kept=EnergyUse(self.joules_kept, self.seconds_kept / HOUR),
        )

    @property
    def nodes(self) -> float:
        """Mean number of nodes that are needed."""
        return _share(self.seconds_released, self.seconds)

    @property
    def joules_per_work_released(self) -> float | None:
        """Joules per core-second that was done; None where nothing was."""
        return self.joules_released / self.served if self.served > 0.0 else None

    @property
    def joules_per_work_kept(self) -> float | None:
        """Likewise with all nodes on."""
        return self.joules_kept / self.served if self.served > 0.0 else None

    @property
    def unserved_share(self) -> float:
        return _share(self.unserved, self.demanded)

    @property
    def exposure_share(self) -> float:
        """Share of the time of managed containers in which they used more than they request."""
        return _share(self.exposed, self.watched)

    @property
    def utilisation(self) -> float:
        return _share(self.served, self.capacity)


def replay_requests(
    trace: PoolTrace,
    cpu_requests: Floats,
    *,
    memory_requests: Floats | None = None,
    seeds: tuple[int, ...] = SEEDS,
    is_bounded: bool = False,
) -> Outcome:
    """Pack the pods by these requests, let them use what they used, and sum up; seeds added.

    `cpu_requests` are cores [K], or [6, K] by block of the day: then every block is packed by
    itself, as if pods could move and nodes come and go between blocks without any cost.
    ValueError for a trace without a bin.
    """
    if not len(trace.bins):
        raise ValueError("a trace with no bin cannot be replayed")
    by_block = cpu_requests.ndim == 2
    parts = (
        [(trace.in_block(block), cpu_requests[block]) for block in range(BLOCKS)]
        if by_block
        else [(trace, cpu_requests)]
    )
    outcomes = [
        estimate_outcome(
            part,
            pack(part, requests, seed=seed, memory_requests=memory_requests, is_bounded=is_bounded),
            cpu_requests=requests,
        )
        for part, requests in parts
        if len(part.bins)
        for seed in seeds
    ]
    total = outcomes[0]
    for each in outcomes[1:]:
        total += each
    return total


def estimate_outcome(trace: PoolTrace, packing: Packing, *, cpu_requests: Floats) -> Outcome:
    """The figures of one packing."""
    load = estimate_load(trace, packing)
    energy = estimate_energy(trace, packing, load)
    unserved = estimate_unserved(trace, packing, load, cpu_requests=cpu_requests)
    exposed, watched = estimate_exposure(trace, cpu_requests)
    return Outcome(
        joules_released=energy.released.joules,
        joules_kept=energy.kept.joules,
        seconds_released=energy.released.node_hours * HOUR,
        seconds_kept=energy.kept.node_hours * HOUR,
        hot=estimate_hot_time(trace, packing, load),
        demanded=float(load.sum(dtype=np.float64)) * trace.grid.step,
        unserved=float(unserved.sum()),
        exposed=exposed,
        watched=watched,
        capacity=float(node_cores(trace, packing).sum()) * trace.seconds,
        seconds=trace.seconds,
        unplaced=float(packing.unplaced.sum()) * trace.seconds,
    )


def estimate_exposure(trace: PoolTrace, cpu_requests: Floats) -> tuple[float, float]:
    """Container-seconds with use above the request, and in all: managed containers, all pods."""
    exposed, watched = 0, 0
    pods = trace.replicas[trace.owner]
    for row in np.flatnonzero(trace.is_managed):
        usage: Usage = trace.usage[row]
        request = np.float32(cpu_requests[row])  # as exact as the usage, so that equal is equal
        exposed += int(pods[row] * np.count_nonzero(usage > request))
        watched += int(pods[row] * np.count_nonzero(np.isfinite(usage)))
    return float(exposed * trace.grid.step), float(watched * trace.grid.step)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else 0.0
