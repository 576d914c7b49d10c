"""Which node each pod runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recommender.model.cluster import Node, NodeLoad
    from recommender.simulator.workload import SimulatedWorkload

PENDING = -1


class Room:
    """What is still free on each node after what the `system` takes of each."""

    def __init__(self, nodes: Sequence[Node], *, system: NodeLoad) -> None:
        self._cores = np.array([node.cores for node in nodes])
        self._memory = np.array([float(node.memory_bytes) for node in nodes])
        # As shares of the node, so that the scarcer resource is the smaller number.
        self._free_cores = 1.0 - system.cores / self._cores
        self._free_memory = 1.0 - system.memory_bytes / self._memory

    def place(self, cores: float, memory_bytes: float, *, node: int | None = None) -> int:
        """Take room for a pod with these requests on `node`, without one where most is left of
        the scarcer resource (what the scheduler's LeastAllocated scoring comes to). The node, or
        PENDING where there is no room.
        """
        needed_cores, needed_memory = cores / self._cores, memory_bytes / self._memory
        if node is None:
            left = np.minimum(self._free_cores - needed_cores, self._free_memory - needed_memory)
            node = int(np.argmax(left))
            if left[node] < 0.0:
                return PENDING
        self._free_cores[node] -= needed_cores[node]
        self._free_memory[node] -= needed_memory[node]
        return node


def place_pods(
    workloads: Sequence[SimulatedWorkload], nodes: Sequence[Node], *, system: NodeLoad
) -> tuple[NDArray[np.int64], ...]:
    """The node of each pod of each workload, PENDING where it fits nowhere.

    DaemonSets come first, one pod on each node; then pods by falling CPU request. `system` is
    reserved on each node beforehand.
    """
    room = Room(nodes, system=system)
    placed = [np.full(each.count_pods(len(nodes)), PENDING) for each in workloads]
    order = sorted(
        range(len(workloads)),
        key=lambda i: (workloads[i].kind != "DaemonSet", -workloads[i].requested_cores),
    )
    for index in order:
        workload = workloads[index]
        is_daemon = workload.kind == "DaemonSet"
        for pod in range(len(placed[index])):
            placed[index][pod] = room.place(
                workload.requested_cores,
                float(workload.requested_bytes),
                node=pod if is_daemon else None,
            )
    return tuple(placed)


def place_single_pods(
    cores: NDArray[np.float64],
    memory_bytes: NDArray[np.float64],
    nodes: Sequence[Node],
    *,
    system: NodeLoad,
) -> NDArray[np.int64]:
    """The node of each of P pods with these requests, by falling CPU request; see `Room.place`."""
    room = Room(nodes, system=system)
    placed = np.full(len(cores), PENDING)
    for pod in np.argsort(-cores, kind="stable").tolist():
        placed[pod] = room.place(float(cores[pod]), float(memory_bytes[pod]))
    return placed
