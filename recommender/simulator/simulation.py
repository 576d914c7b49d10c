"""Draw a cluster, let it run, and record what a metric store would have seen."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import msgspec
import numpy as np

from recommender.energy.published import PublishedServer, server_curve
from recommender.model.cluster import ClusterState, Node, NodeLoad
from recommender.model.history import History, NodeHistory, TimeGrid, UsageHistory
from recommender.model.identity import ContainerRef
from recommender.model.recording import Recording
from recommender.simulator.fleet import FLEET
from recommender.simulator.machine import (
    SYSTEM_CORES,
    SYSTEM_RESERVED,
    SYSTEM_SHARE,
    describe_sources,
    draw_watts,
    make_machines,
)
from recommender.simulator.placement import PENDING, place_pods
from recommender.simulator.pod import PodActivity, draw_activity, draw_cpu, draw_memory
from recommender.simulator.reduction import ContainerHistory, reduce_samples, stack_histories
from recommender.units import DAY, MINUTE, format_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.simulator.workload import SimulatedWorkload

SERVER = "Lenovo SR645"
CPU_MODEL = "AMD EPYC 7763 64-Core Processor"

STORE_GAPS = ((2.3 * DAY, 40 * MINUTE), (9.6 * DAY, 25 * MINUTE))
"""The metric store was away: seconds before the end, and for how long."""


class _Run(msgspec.Struct, frozen=True):
    """What runs where: the node of each pod [P] and its activity, by workload."""

    workload: SimulatedWorkload
    node: NDArray[np.int64]
    activity: PodActivity

    def pods_at_end(self) -> NDArray[np.int64]:
        """The nodes of the pods that run in the last bin."""
        return self.node[~np.isnan(self.activity.share[:, -1])]


def simulate(*, end: int, days: int = 14, seed: int = 7, nodes: int = 12) -> Recording:
    """A recording of a cluster that does not exist, and that says so in every source.

    `end` is in unix seconds and rounded down to five minutes; days and hours are UTC. The
    fleet grows and shrinks with `nodes`. The power of a node is that of a published server
    at a load equal to the node's CPU utilisation, with noise. The same arguments give the same
    recording, bit by bit. ValueError unless days and nodes are positive.
    """
    if days < 1 or nodes < 1:
        raise ValueError(f"at least one day and one node are needed, not {days} and {nodes}")
    grid = TimeGrid.ending(end, days * DAY)
    server = server_curve(SERVER)
    machines = make_machines(server, nodes, cpu_model=CPU_MODEL)
    runs = _draw_runs(grid, machines, seed)
    usage, cores = _observe(grid, runs, machines, seed)
    label = f"SIMULATED cluster: {nodes} nodes, {len(FLEET)} workloads, seed {seed}"
    history = History(
        usage=usage,
        nodes=_meter(grid, machines, cores, server, np.random.default_rng([seed, 0])),
        sources=describe_sources(server),
        cluster=None,
    )
    return Recording(
        created=format_time(grid.end),
        cluster=_describe_cluster(runs, machines, source=f"{label}; none of it exists"),
        history=history,
        store="SIMULATED metric store; nothing was measured",
        is_simulated=True,
        settings={"days": str(days), "seed": str(seed), "nodes": str(nodes)},
    )


def _generator(workload: SimulatedWorkload, seed: int, purpose: str) -> np.random.Generator:
    """Each workload draws for itself: a changed row of the table leaves the others as they are."""
    return np.random.default_rng([seed, crc32(f"{workload.ref} {purpose}".encode())])


def _draw_runs(grid: TimeGrid, machines: tuple[Node, ...], seed: int) -> tuple[_Run, ...]:
    placed = place_pods(FLEET, machines, system=SYSTEM_RESERVED)
    return tuple(
        _Run(
            workload,
            node,
            draw_activity(
                workload, grid, _generator(workload, seed, "work"), is_placed=node != PENDING
            ),
        )
        for workload, node in zip(FLEET, placed, strict=True)
    )


def _observe(
    grid: TimeGrid, runs: tuple[_Run, ...], machines: tuple[Node, ...], seed: int
) -> tuple[UsageHistory, NDArray[np.float64]]:
    """What the store has of the containers, and the true cores of each node [N, T]."""
    cores = np.full((len(machines), grid.bins), SYSTEM_CORES)
    rows: dict[ContainerRef, ContainerHistory] = {}
    missed = ~_is_observed(grid)
    for run in runs:
        runs_on = (run.node == np.arange(len(machines))[:, None]).astype(np.float32)
        for container in run.workload.containers:
            rng = _generator(run.workload, seed, container.name)
            noise = run.workload.rhythm.noise
            cpu = draw_cpu(run.activity, container, rng, noise=noise)
            memory = draw_memory(run.activity, container, rng, grid=grid)
            cores += (1.0 + SYSTEM_SHARE) * (runs_on @ np.nan_to_num(cpu))
            cpu[:, missed] = memory[:, missed] = np.nan
            if np.isnan(cpu).all():
                continue  # a store has no row of what it never saw
            limit = container.limits.memory_bytes
            oom_bytes = float(limit) if container.leaks and limit else float("nan")
            ref = ContainerRef(run.workload.ref, container.name)
            rows[ref] = reduce_samples(grid, cpu, memory, oom_bytes=oom_bytes)
    return stack_histories(grid, rows), cores


def _is_observed(grid: TimeGrid) -> NDArray[np.bool_]:
    before_end = (grid.bins - np.arange(grid.bins)) * grid.step
    observed = np.ones(grid.bins, dtype=np.bool_)
    for begun, length in STORE_GAPS:
        observed &= (before_end > begun) | (before_end <= begun - length)
    return observed


def _meter(
    grid: TimeGrid,
    machines: tuple[Node, ...],
    cores: NDArray[np.float64],
    server: PublishedServer,
    rng: np.random.Generator,
) -> NodeHistory:
    watts = draw_watts(grid, cores, server, rng)
    observed = _is_observed(grid)
    return NodeHistory(
        grid=grid,
        nodes=tuple(node.name for node in machines),
        watts=np.where(observed, watts, np.nan).astype(np.float32),
        cpu_used=np.where(observed, cores, np.nan).astype(np.float32),
        quality=("measured",) * len(machines),
        reach=("platform",) * len(machines),
        cpu_model=(CPU_MODEL,) * len(machines),
    )


def _describe_cluster(
    runs: tuple[_Run, ...], machines: tuple[Node, ...], *, source: str
) -> ClusterState:
    names = [node.name for node in machines]
    cores = np.full(len(machines), SYSTEM_RESERVED.cores)
    memory = np.full(len(machines), SYSTEM_RESERVED.memory_bytes)
    workloads = []
    for run in runs:
        pods = np.bincount(run.pods_at_end(), minlength=len(machines))
        cores += pods * run.workload.requested_cores
        memory += pods * float(run.workload.requested_bytes)
        pods_on = {name: int(count) for name, count in zip(names, pods, strict=True) if count}
        pending = int(np.count_nonzero(run.node == PENDING))
        replicas = int(pods.sum()) + pending
        workloads.append(run.workload.describe(replicas=replicas, pods_on=pods_on))
    vpas = (run.workload.describe_vpa() for run in runs)
    return ClusterState(
        source=source,
        nodes=machines,
        workloads=tuple(sorted(workloads, key=lambda each: each.ref)),
        vpas=tuple(sorted((vpa for vpa in vpas if vpa), key=lambda vpa: (vpa.namespace, vpa.name))),
        reserved={
            name: NodeLoad(float(cores[row]), float(memory[row])) for row, name in enumerate(names)
        },
        node_releaser="cluster-autoscaler",
    )
