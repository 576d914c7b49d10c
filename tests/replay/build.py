"""Tiny pools of round numbers.

A node has 10 cores and 100 GiB and draws 100 W + 100 W x U, so that a busy core takes 10 W and an
idle node 100 W.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from recommender.energy.curve import NodeCurve
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.replay.packer import Packing
from recommender.replay.trace import NodeKind, PoolTrace

GIB = 2**30
MIDNIGHT = 86400 * 20_000


def node_kind(name="node", *, cores=10.0, memory=100 * GIB, count=2, members=(), base=100.0):
    curve = NodeCurve(cores=cores, base=base, linear=100.0)
    return NodeKind(name, cores, memory, count, curve, members)


@dataclass
class Pod:
    """A workload: cores and bytes requested by each container, and what each used, [K', T]."""

    usage: object
    cpu: object = 0.0
    memory: object = 0.0
    replicas: int = 1
    is_daemon: bool = False
    is_managed: bool = True
    kinds: object = None
    work_class: str = "standard"
    name: str = field(default="")


def trace_of(*pods, kinds=None, step=300, bins=None, end=MIDNIGHT):
    """The trace of these workloads; a usage of one number holds for all bins (2 if none tells)."""
    kinds = kinds or (node_kind(),)
    rows = [np.atleast_2d(np.asarray(pod.usage, dtype=np.float32)) for pod in pods]
    width = bins or max((row.shape[1] for row in rows), default=1)
    width = 2 if width == 1 else width
    usage = [np.broadcast_to(row, (len(row), width)) for row in rows]
    grid = TimeGrid(end=end, bins=width, step=step)
    owner = np.repeat(np.arange(len(pods)), [len(row) for row in rows])
    allowed = [[pod.kinds is None or kind.name in pod.kinds for kind in kinds] for pod in pods]
    workloads = tuple(
        WorkloadRef("shop", "Deployment", pod.name or f"w{number}")
        for number, pod in enumerate(pods)
    )
    return PoolTrace(
        grid=grid,
        bins=np.arange(width),
        kinds=tuple(kinds),
        workloads=workloads,
        containers=tuple(
            ContainerRef(workloads[pod], f"c{number}") for number, pod in enumerate(owner)
        ),
        usage=np.concatenate(usage) if usage else np.zeros((0, width), dtype=np.float32),
        owner=owner,
        replicas=np.array([pod.replicas for pod in pods], dtype=np.int64),
        cpu_requests=_by_container(pods, rows, "cpu"),
        memory_requests=_by_container(pods, rows, "memory"),
        is_daemon=np.array([pod.is_daemon for pod in pods], dtype=bool),
        is_managed=np.array([pods[number].is_managed for number in owner], dtype=bool),
        allowed=np.array(allowed, dtype=bool).reshape(len(pods), len(kinds)),
        work_classes=tuple(pod.work_class for pod in pods),
    )


def _by_container(pods, rows, name):
    values = [
        np.broadcast_to(np.asarray(getattr(pod, name), dtype=float), len(row))
        for pod, row in zip(pods, rows, strict=True)
    ]
    return np.concatenate([*values, np.zeros(0)])


def packing_of(counts, *, kind=None):
    """Pods of each workload on each node, [N, W]."""
    counts = np.array(counts, dtype=np.int32)
    kinds = np.zeros(len(counts), dtype=np.int64) if kind is None else np.array(kind)
    return Packing(counts, kinds, np.zeros(counts.shape[1], dtype=np.int64))


@st.composite
def traces(draw, *, most_cores=10.0):
    """Up to a dozen workloads of one or two containers, some daemons, some without requests."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = (node_kind("a"), node_kind("b", cores=16.0, memory=64 * GIB))
    bins = draw(st.sampled_from([1, 6, 48]))
    pods = []
    for _ in range(draw(st.integers(1, 12))):
        containers = int(rng.integers(1, 3))
        usage = rng.lognormal(0.0, 1.0, (containers, 1)) * rng.lognormal(0.0, 0.7, (1, bins))
        usage[rng.random((containers, bins)) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
        pods.append(
            Pod(
                usage,
                cpu=rng.uniform(0.0, most_cores / 2, containers) * (rng.random() < 0.8),
                memory=rng.uniform(0.0, 20 * GIB, containers) * (rng.random() < 0.8),
                replicas=int(rng.integers(0, 6)),
                is_daemon=bool(rng.random() < 0.1),
                kinds=None if rng.random() < 0.7 else ("a",),
                work_class=str(rng.choice(["critical", "standard", "batch"])),
            )
        )
    return trace_of(*pods, kinds=kinds, bins=bins, step=1800)
