"""Which node each pod runs on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recommender.model.cluster import Node, NodeLoad
    from recommender.simulator.workload import SimulatedWorkload

PENDING = -1


@dataclass(frozen=True)
class _Room:
    """What is still free: share of cores and of memory of each node, [N] each."""

    cores: NDArray[np.float64]
    memory: NDArray[np.float64]


def place_pods(
    workloads: Sequence[SimulatedWorkload], nodes: Sequence[Node], *, system: NodeLoad
) -> tuple[NDArray[np.int64], ...]:
    """The node of each pod of each workload, PENDING where it fits nowhere.

    DaemonSets come first, one pod on each node; then pods by falling CPU request, each to the
    node with the most free of its scarcer resource, which is what the scheduler's
    LeastAllocated scoring comes to. `system` is reserved on each node beforehand.
    """
    cores = np.array([node.cores for node in nodes])
    memory = np.array([float(node.memory_bytes) for node in nodes])
    room = _Room(1.0 - system.cores / cores, 1.0 - system.memory_bytes / memory)
    placed = [np.full(each.count_pods(len(nodes)), PENDING) for each in workloads]
    order = sorted(
        range(len(workloads)),
        key=lambda i: (workloads[i].kind != "DaemonSet", -workloads[i].requested_cores),
    )
    for index in order:
        workload = workloads[index]
        need = _Room(workload.requested_cores / cores, workload.requested_bytes / memory)
        for pod in range(len(placed[index])):
            node = pod if workload.kind == "DaemonSet" else _choose_node(room, need)
            placed[index][pod] = node
            if node != PENDING:
                room.cores[node] -= need.cores[node]
                room.memory[node] -= need.memory[node]
    return tuple(placed)


def _choose_node(room: _Room, need: _Room) -> int:
    left = np.minimum(room.cores - need.cores, room.memory - need.memory)
    best = int(np.argmax(left))
    return best if left[best] >= 0.0 else PENDING
