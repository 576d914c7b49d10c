"""Draw a pool, check it once, and print what it took: `python -m tests.bench.replay_process 160`."""

from __future__ import annotations

import json
import sys
import time

import numpy as np

from recommender.energy.curve import NodeCurve
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.replay.outcome import replay_requests
from recommender.replay.packer import pack
from recommender.replay.trace import NodeKind, PoolTrace
from recommender.sizing.pooled import size_pooled

CONTAINERS, BINS, RUNS = 2500, 2016, 5
GIB = 2**30


def draw_trace(cores: float) -> PoolTrace:
    """Bursty pods of log-normal sizes; requests 3.3 times the mean."""
    rng = np.random.default_rng(1)
    means = np.minimum(rng.lognormal(-1.0, 0.8, CONTAINERS), cores / 20)
    usage = rng.standard_normal((CONTAINERS, BINS), dtype=np.float32)
    np.exp(0.6 * usage, out=usage)
    usage *= means[:, None].astype(np.float32)
    workloads = tuple(WorkloadRef("bench", "Deployment", f"w{n}") for n in range(CONTAINERS))
    kind = NodeKind(
        "node", cores, 4 * GIB * cores, 40, NodeCurve(cores=cores, base=100.0, linear=200.0)
    )
    return PoolTrace(
        grid=TimeGrid(end=86400 * 20_000, bins=BINS),
        bins=np.arange(BINS),
        kinds=(kind,),
        workloads=workloads,
        containers=tuple(ContainerRef(ref, "app") for ref in workloads),
        usage=usage,
        owner=np.arange(CONTAINERS),
        replicas=np.ones(CONTAINERS, dtype=np.int64),
        cpu_requests=3.3 * means,
        memory_requests=GIB * rng.lognormal(0.0, 0.6, CONTAINERS),
        is_daemon=np.zeros(CONTAINERS, dtype=np.bool_),
        is_managed=np.ones(CONTAINERS, dtype=np.bool_),
        allowed=np.ones((CONTAINERS, 1), dtype=np.bool_),
        work_classes=("standard",) * CONTAINERS,
    )


def main(cores: float) -> None:
    trace = draw_trace(cores)
    begun = time.perf_counter()
    check = size_pooled(trace)
    seconds = time.perf_counter() - begun
    if check.factor is None or check.factor == 1.0:
        sys.exit("the check ended at an end of its range: nothing was bisected")
    packings = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        pack(trace, check.requests, seed=1)
        packings.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    replay_requests(trace, check.requests)
    figures = {
        "seconds": seconds,
        "factor": check.factor,
        "nodes": check.nodes,
        "packing_seconds": min(packings),
        "runs": RUNS,
        "replay_seconds": time.perf_counter() - begun,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(float(sys.argv[1]))
