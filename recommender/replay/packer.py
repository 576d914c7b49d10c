"""Which pod fits on which node: first fit by requests in a random order.

The scheduler spreads pods and an autoscaler removes what the spreading leaves half empty; what
remains after both is close to first fit. A random order stands for the order of arrival.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.energy.array import Floats, Integers, Mask
    from recommender.replay.trace import PoolTrace

TOLERANCE = 1e-9
"""Of a node's size: requests that fill a node exactly must fit whatever their sum rounds to."""

NOT_PLACED = -1


class Packing(msgspec.Struct, frozen=True):
    """What runs where on N nodes.

    counts    int32 [N, W]  pods of each workload on each node
    kind      int [N]       index of the node's kind
    unplaced  int [W]       pods that fit nowhere; of a daemon, nodes that it did not fit on
    """

    counts: NDArray[np.int32]
    kind: Integers
    unplaced: Integers

    @property
    def nodes(self) -> int:
        return len(self.kind)


class _Room(msgspec.Struct, frozen=True):
    """What one empty node of each kind has left beside its daemons: cores and bytes [kinds].

    `daemons` bool [kinds, W] are those that run on it, `missing` those that did not fit.
    """

    cores: Floats
    memory: Floats
    daemons: Mask
    missing: Mask


def pack(
    trace: PoolTrace,
    cpu_requests: Floats,
    *,
    seed: int,
    memory_requests: Floats | None = None,
    is_bounded: bool = False,
) -> Packing:
    """Put every pod on the first node that its requests fit, in the random order of `seed`.

    `cpu_requests` are cores [K], `memory_requests` bytes [K] (the trace's if not given); a
    container without a request counts 0. Each node has its daemons first. Where no node has
    room, one is opened, of the allowed kind of which the smallest share of what is there is in
    use, so that a mixed pool stays mixed; with `is_bounded` never more than there are. A pod that
    requests nothing fits everywhere: such pods come last, each on any open node by chance.
    """
    cpu = trace.sum_by_pod(cpu_requests)
    memory = trace.sum_by_pod(trace.memory_requests if memory_requests is None else memory_requests)
    room = _choose_room(trace, cpu, memory)
    nodes = _Nodes(trace, room, is_bounded=is_bounded)
    rng = np.random.default_rng(seed)
    pods = np.repeat(np.arange(len(trace.workloads)), np.where(trace.is_daemon, 0, trace.replicas))
    pods = pods[rng.permutation(len(pods))]
    asks = np.asarray((cpu > 0.0) | (memory > 0.0))
    asking, asking_nothing = pods[asks[pods]], pods[~asks[pods]]
    placed = [nodes.place(pod, cpu[pod], memory[pod]) for pod in asking.tolist()]
    chances = rng.random(len(asking_nothing)).tolist()
    placed += [
        nodes.join(pod, chance)
        for pod, chance in zip(asking_nothing.tolist(), chances, strict=True)
    ]
    return nodes.packing(np.concatenate([asking, asking_nothing]), np.array(placed, dtype=np.int64))


def estimate_largest_pod(trace: PoolTrace, cpu_requests: Floats) -> Floats:
    """Cores that the largest node a workload may use leaves beside its daemons, [W]."""
    cpu = trace.sum_by_pod(cpu_requests)
    room = _choose_room(trace, cpu, trace.sum_by_pod(trace.memory_requests))
    return np.asarray(np.where(trace.allowed, room.cores, 0.0).max(axis=1, initial=0.0))


def _choose_room(trace: PoolTrace, cpu: Floats, memory: Floats) -> _Room:
    """Daemons in their order, each where it still fits."""
    shape = (len(trace.kinds), len(trace.workloads))
    cores = np.array([kind.cores for kind in trace.kinds]) * (1.0 + TOLERANCE)
    left = np.array([float(kind.memory_bytes) for kind in trace.kinds]) * (1.0 + TOLERANCE)
    daemons, missing = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    for daemon in np.flatnonzero(trace.is_daemon):
        fits = (cores >= cpu[daemon]) & (left >= memory[daemon])
        daemons[:, daemon] = trace.allowed[daemon] & fits
        missing[:, daemon] = trace.allowed[daemon] & ~fits
        cores = cores - daemons[:, daemon] * cpu[daemon]
        left = left - daemons[:, daemon] * memory[daemon]
    return _Room(cores, left, daemons, missing)


class _Nodes:
    """Nodes while they are filled; the arrays are longer than the number of open nodes."""

    def __init__(self, trace: PoolTrace, room: _Room, *, is_bounded: bool) -> None:
        self._trace = trace
        self._room = room
        self._is_bounded = is_bounded
        self._there = np.array([kind.count for kind in trace.kinds])
        self._opened = np.zeros(len(trace.kinds), dtype=np.int64)
        self._is_restricted: Mask = np.asarray(~trace.allowed.all(axis=1))
        self._open = 0
        self._cores = np.zeros(64)
        self._memory = np.zeros(64)
        self._kind = np.zeros(64, dtype=np.int64)

    def place(self, pod: int, cpu: float, memory: float) -> int:
        """The first open node with room, else a new one, else NOT_PLACED."""
        cores, left = self._cores[: self._open], self._memory[: self._open]
        fits: Mask = np.asarray(cores >= cpu)
        fits &= left >= memory
        if self._is_restricted[pod]:
            fits &= self._trace.allowed[pod, self._kind[: self._open]]
        node = int(fits.argmax()) if self._open else 0
        if not self._open or not fits[node]:
            node = self._open_node(pod, cpu, memory)
        if node != NOT_PLACED:
            self._cores[node] -= cpu
            self._memory[node] -= memory
        return node

    def join(self, pod: int, chance: float) -> int:
        """Any open node that the pod is allowed on; `chance` in 0 ... 1 says which."""
        nodes = np.flatnonzero(self._trace.allowed[pod, self._kind[: self._open]])
        if len(nodes):
            return int(nodes[int(chance * len(nodes))])
        return self._open_node(pod, 0.0, 0.0)

    def packing(self, pods: Integers, placed: Integers) -> Packing:
        workloads = len(self._trace.workloads)
        kind = self._kind[: self._open].copy()
        is_placed = placed != NOT_PLACED
        at = placed[is_placed] * workloads + pods[is_placed]
        counts = np.bincount(at, minlength=self._open * workloads).reshape(self._open, workloads)
        counts += self._room.daemons[kind]
        unplaced = np.bincount(pods[~is_placed], minlength=workloads)
        unplaced += self._room.missing[kind].sum(axis=0)
        return Packing(counts.astype(np.int32), kind, unplaced)

    def _open_node(self, pod: int, cpu: float, memory: float) -> int:
        room = self._room
        usable = self._trace.allowed[pod, :] & (room.cores >= cpu) & (room.memory >= memory)
        if self._is_bounded:
            usable &= self._opened < self._there
        if not usable.any():
            return NOT_PLACED
        in_use = np.where(usable, self._opened / np.maximum(self._there, 1), np.inf)
        kind = int(in_use.argmin())
        if self._open == len(self._kind):
            self._cores = np.concatenate([self._cores, np.zeros(self._open)])
            self._memory = np.concatenate([self._memory, np.zeros(self._open)])
            self._kind = np.concatenate([self._kind, np.zeros(self._open, dtype=np.int64)])
        node = self._open
        self._cores[node], self._memory[node] = room.cores[kind], room.memory[kind]
        self._kind[node] = kind
        self._opened[kind] += 1
        self._open += 1
        return node
