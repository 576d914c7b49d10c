"""A fleet of the generator on servers of one kind, as a recording."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.energy.published import find_server
from recommender.errors import UsageError
from recommender.model.cluster import Amounts, ClusterState, ContainerSpec, NodeLoad, Vpa, Workload
from recommender.model.history import History, NodeHistory
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.model.recording import Recording
from recommender.simulator.generator import MOST_CORES, draw_fleet
from recommender.simulator.machine import (
    NODE_BYTES_PER_CORE,
    SYSTEM_CORES,
    SYSTEM_RESERVED,
    SYSTEM_SHARE,
    describe_sources,
    draw_watts,
    make_machines,
)
from recommender.simulator.placement import PENDING, place_single_pods
from recommender.simulator.reduction import reduce_samples, stack_histories
from recommender.units import format_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.energy.published import PublishedServer
    from recommender.model.cluster import Node
    from recommender.settings import SimulateSettings
    from recommender.simulator.generator import Fleet

CONTAINER = "app"

WORKING_SET_BASE = 0.9
"""Share of its peak that a working set never leaves; the rest follows the use of CPU."""

MOST_CONTAINER_DAYS = 150_000
"""A container's day takes some 10 kB until it is written: 1.5 GB in all."""

SLACK = 0.97
"""Of the nodes' room that requests fill at most where the number of nodes is ours to choose."""


class _Placed(msgspec.Struct, frozen=True):
    """The nodes there are, and that of each container [K]."""

    machines: tuple[Node, ...]
    node: NDArray[np.int64]


def simulate_fleet(settings: SimulateSettings) -> Recording:
    """The recording that `joulefit simulate` writes. UsageError for what cannot be simulated."""
    if settings.containers * settings.simulated_days > MOST_CONTAINER_DAYS:
        raise UsageError(
            f"--containers {settings.containers} over --days {settings.simulated_days} are more "
            f"than {MOST_CONTAINER_DAYS:,} containers x days; take fewer of one of them"
        )
    server = find_server(settings.simulated_server)
    fleet = draw_fleet(
        settings.kind,
        containers=settings.containers,
        days=settings.simulated_days,
        seed=settings.simulated_seed,
        most_cores=largest_request(server),
    )
    return simulate_pool(fleet, server=server, nodes=settings.simulated_nodes)


def simulate_pool(fleet: Fleet, *, server: PublishedServer, nodes: int = 0) -> Recording:
    """A recording of that fleet on so many of these servers; `nodes` 0: as many as it needs.

    Each container is a Deployment of one pod with a VPA, in a namespace that is named after its
    demand. The power of a node is the published one at a load equal to its CPU utilisation, with
    noise. The same arguments give the same recording, bit by bit. UsageError where the requests
    do not fit.
    """
    placed = _place(fleet, server, nodes)
    refs = [
        WorkloadRef(demand, "Deployment", f"{demand}-{number:04}")
        for number, demand in enumerate(fleet.demands, 1)
    ]
    count = len(placed.machines)
    label = f"SIMULATED pool: {count} x {server.name}, {len(refs)} containers of {fleet.kind} load"
    return Recording(
        created=format_time(fleet.grid.end),
        cluster=_describe_cluster(
            fleet, refs, placed, source=f"{label}, seed {fleet.seed}; none of it exists"
        ),
        history=History(
            usage=stack_histories(
                fleet.grid,
                {
                    ContainerRef(ref, CONTAINER): reduce_samples(
                        fleet.grid, fleet.usage[row : row + 1], _working_set(fleet, row)
                    )
                    for row, ref in enumerate(refs)
                },
            ),
            nodes=_meter(fleet, placed, server),
            sources=describe_sources(server),
        ),
        store="SIMULATED metric store; nothing was measured",
        is_simulated=True,
        settings={
            "kind": fleet.kind,
            "containers": str(len(refs)),
            "seed": str(fleet.seed),
            "nodes": str(count),
            "server": server.name,
        },
    )


def _place(fleet: Fleet, server: PublishedServer, nodes: int) -> _Placed:
    count = nodes or _estimate_nodes(fleet, server)
    while True:
        machines = make_machines(server, count)
        node = place_single_pods(
            fleet.cpu_requests, fleet.memory_requests, machines, system=SYSTEM_RESERVED
        )
        lacking = int(np.count_nonzero(node == PENDING))
        if not lacking:
            return _Placed(machines, node)
        if nodes:
            raise UsageError(
                f"--nodes {nodes} is too few: {lacking} of {len(node)} containers find no room on "
                f"{nodes} x {server.name} ({server.cores} cores); leave --nodes out to have as "
                "many as it takes"
            )
        count += 1


def _estimate_nodes(fleet: Fleet, server: PublishedServer) -> int:
    """Nodes that the requests fill; each takes the largest of them, see `largest_request`."""
    cores = SLACK * (server.cores - SYSTEM_RESERVED.cores)
    memory = SLACK * (server.cores * NODE_BYTES_PER_CORE - SYSTEM_RESERVED.memory_bytes)
    return max(
        ceil(float(fleet.cpu_requests.sum()) / cores),
        ceil(float(fleet.memory_requests.sum()) / memory),
    )


def largest_request(server: PublishedServer) -> float:
    """Cores that one container of a fleet for this server may request: an eighth of it."""
    return min(MOST_CORES, server.cores / 8.0)


def _working_set(fleet: Fleet, row: int) -> NDArray[np.float32]:
    """Bytes in each bin [1, T]."""
    use = fleet.usage[row : row + 1]
    share = WORKING_SET_BASE + (1.0 - WORKING_SET_BASE) * (use / use.max())
    return np.asarray(fleet.memory[row] * share, dtype=np.float32)


def _meter(fleet: Fleet, placed: _Placed, server: PublishedServer) -> NodeHistory:
    cores = np.zeros((len(placed.machines), fleet.grid.bins))
    # Row by row: a matrix product would depend on the number of threads.
    for row, node in enumerate(placed.node.tolist()):
        cores[node] += fleet.usage[row]
    cores = np.minimum(SYSTEM_CORES + (1.0 + SYSTEM_SHARE) * cores, server.cores)
    watts = draw_watts(fleet.grid, cores, server, np.random.default_rng([fleet.seed, 0, 1]))
    count = len(placed.machines)
    return NodeHistory(
        grid=fleet.grid,
        nodes=tuple(machine.name for machine in placed.machines),
        watts=watts.astype(np.float32),
        cpu_used=cores.astype(np.float32),
        quality=("measured",) * count,
        reach=("platform",) * count,
        cpu_model=(server.cpu,) * count,
    )


def _describe_cluster(
    fleet: Fleet, refs: list[WorkloadRef], placed: _Placed, *, source: str
) -> ClusterState:
    names = [machine.name for machine in placed.machines]
    workloads, vpas = [], []
    for row, ref in enumerate(refs):
        requests = Amounts(
            cpu_millicores=round(fleet.cpu_requests[row] * 1000),
            memory_bytes=int(fleet.memory_requests[row]),
        )
        workloads.append(
            Workload(
                ref,
                containers=(ContainerSpec(CONTAINER, requests),),
                replicas=1,
                pods_on={names[placed.node[row]]: 1},
            )
        )
        work_class = fleet.work_classes[row]
        vpas.append(Vpa(ref.namespace, ref.name, generation=1, target=ref, work_class=work_class))
    count = len(names)
    cores = SYSTEM_RESERVED.cores + np.bincount(placed.node, fleet.cpu_requests, count)
    memory = SYSTEM_RESERVED.memory_bytes + np.bincount(placed.node, fleet.memory_requests, count)
    return ClusterState(
        source=source,
        nodes=placed.machines,
        workloads=tuple(sorted(workloads, key=lambda each: each.ref)),
        vpas=tuple(sorted(vpas, key=lambda vpa: (vpa.namespace, vpa.name))),
        reserved={
            name: NodeLoad(float(cores[row]), float(memory[row])) for row, name in enumerate(names)
        },
        node_releaser="cluster-autoscaler",
    )
