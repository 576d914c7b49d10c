"""A fleet of made-up containers on invented nodes, as the replay takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.replay.packer import pack
from recommender.replay.trace import NodeKind, PoolTrace

if TYPE_CHECKING:
    from recommender.energy.published import PublishedServer
    from recommender.simulator.generator import Fleet

BYTES_PER_CORE = 4 * 2**30
"""Memory of a server by its logical CPUs, as general-purpose instances have it."""


def trace_fleet(fleet: Fleet, server: PublishedServer, *, nodes: int | None = None) -> PoolTrace:
    """Every container in a pod of its own, on servers of one published kind.

    There are `nodes` of them; None: as many as the pods need by what their users request.
    """
    count = len(fleet.usage)
    cores = float(server.cores)
    kind = NodeKind(server.name, cores, cores * BYTES_PER_CORE, nodes or 0, server)
    refs = tuple(WorkloadRef("simulated", "Deployment", f"app-{n:05}") for n in range(count))
    trace = PoolTrace(
        grid=fleet.grid,
        bins=np.arange(fleet.grid.bins),
        kinds=(kind,),
        workloads=refs,
        containers=tuple(ContainerRef(ref, "app") for ref in refs),
        usage=fleet.usage,
        owner=np.arange(count),
        replicas=np.ones(count, dtype=np.int64),
        cpu_requests=fleet.cpu_requests,
        memory_requests=fleet.memory_requests,
        is_daemon=np.zeros(count, dtype=np.bool_),
        is_managed=np.ones(count, dtype=np.bool_),
        allowed=np.ones((count, 1), dtype=np.bool_),
        work_classes=fleet.work_classes,
    )
    if nodes is not None:
        return trace
    needed = pack(trace, trace.cpu_requests, seed=fleet.seed).nodes
    return replace(trace, kinds=(replace(kind, count=needed),))
