"""Nodes for a table that has none: as many servers of a published kind as its pods need."""

from __future__ import annotations

from collections import Counter, defaultdict
from math import ceil
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.errors import TableError
from recommender.model.cluster import NodeLoad
from recommender.model.history import NodeHistory
from recommender.simulator.machine import make_machines
from recommender.simulator.placement import PENDING, place_single_pods

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.energy.published import PublishedServer
    from recommender.model.cluster import Node
    from recommender.model.history import UsageHistory
    from recommender.model.identity import WorkloadRef
    from recommender.table.usage import UsageTable

    Floats = NDArray[np.float64]


class ModelledPool(msgspec.Struct, frozen=True):
    """Servers, the pods on them, what these request, and the power that follows from their use."""

    nodes: tuple[Node, ...]
    history: NodeHistory
    pods_on: dict[WorkloadRef, dict[str, int]]
    reserved: dict[str, NodeLoad]


class _Pods(msgspec.Struct, frozen=True):
    """Pods that run at the end, [P] each: their workload, what they request and what they need:
    where nothing is requested, the most that was used.
    """

    workload: list[WorkloadRef]
    cores: Floats
    memory: Floats
    requested_cores: Floats
    requested_memory: Floats


def model_pool(table: UsageTable, server: PublishedServer) -> ModelledPool:
    """The fewest servers that the pods of the table fit on, with the published power.

    A node uses what its pods use on average over their workloads; what ran before, but no longer
    at the end, is spread over all nodes. TableError for a pod that no such server can hold.
    """
    pods = _list_pods(table)
    machines, placed = _place(pods, server)
    names = [machine.name for machine in machines]
    pods_on: defaultdict[WorkloadRef, Counter[str]] = defaultdict(Counter)
    for ref, node in zip(pods.workload, placed.tolist(), strict=True):
        pods_on[ref][names[node]] += 1
    count = len(names)
    cores = np.bincount(placed, pods.requested_cores, count)
    memory = np.bincount(placed, pods.requested_memory, count)
    used = _use(table, names, pods_on)
    used = np.where(np.isnan(used), np.nan, np.minimum(used, server.cores))
    return ModelledPool(
        nodes=machines,
        history=NodeHistory(
            grid=table.usage.grid,
            nodes=tuple(names),
            watts=server.power(used / server.cores).astype(np.float32),
            cpu_used=used.astype(np.float32),
            quality=("modelled",) * count,
            reach=("platform",) * count,
            cpu_model=(server.cpu,) * count,
        ),
        pods_on={ref: dict(nodes) for ref, nodes in pods_on.items()},
        reserved={
            name: NodeLoad(float(cores[row]), float(memory[row])) for row, name in enumerate(names)
        },
    )


def _list_pods(table: UsageTable) -> _Pods:
    usage = table.usage
    sums: defaultdict[WorkloadRef, Floats] = defaultdict(lambda: np.zeros(4))
    for row, ref in enumerate(usage.containers):
        sums[ref.workload] += _needs(usage, row, table.requests[ref])
    workloads = [ref for ref in sorted(table.pods) for _ in range(table.pods[ref])]
    needs = np.array([sums[ref] for ref in workloads]).reshape(len(workloads), 4)
    return _Pods(workloads, *(needs[:, column] for column in range(4)))


def _needs(
    usage: UsageHistory, row: int, requests: tuple[float | None, float | None]
) -> tuple[float, float, float, float]:
    """Cores and bytes that a container needs, and those that it requests."""
    most_cores = float(np.nan_to_num(usage.cpu_max[row]))
    most_bytes = float(np.nan_to_num(usage.memory_days[row]).max())
    cores, memory = (amount or 0.0 for amount in requests)
    return cores or most_cores, memory or most_bytes, cores, memory


def _place(pods: _Pods, server: PublishedServer) -> tuple[tuple[Node, ...], NDArray[np.int64]]:
    machine = make_machines(server, 1)[0]
    too_large = (pods.cores > machine.cores) | (pods.memory > machine.memory_bytes)
    if too_large.any():
        at = int(too_large.argmax())
        raise TableError(
            f"a pod of {pods.workload[at]} with {pods.cores[at]:g} cores and "
            f"{pods.memory[at] / 2**30:.3g} GiB fits no {server.name} ({server.cores} cores, "
            f"{machine.memory_bytes / 2**30:.0f} GiB); name a larger --server"
        )
    count = max(
        1,
        ceil(float(pods.cores.sum()) / machine.cores),
        ceil(float(pods.memory.sum()) / machine.memory_bytes),
    )
    while True:
        machines = make_machines(server, count)
        placed = place_single_pods(pods.cores, pods.memory, machines, system=NodeLoad())
        if not (placed == PENDING).any():
            return machines, placed
        count += 1


def _use(table: UsageTable, names: list[str], pods_on: dict[WorkloadRef, Counter[str]]) -> Floats:
    """Cores in use on each node [N, T], NaN where nothing of the table is known."""
    usage = table.usage
    rows = {name: row for row, name in enumerate(names)}
    used = np.zeros((len(names), usage.grid.bins))
    for row, ref in enumerate(usage.containers):
        total = np.nan_to_num(usage.cpu_mean[row]).astype(np.float64) * usage.pods[row]
        there = pods_on.get(ref.workload)
        if there is None:
            used += total / len(names)
            continue
        for name, pods in there.items():
            used[rows[name]] += total * (pods / there.total())
    return np.where((usage.pods > 0).any(axis=0), used, np.nan)
