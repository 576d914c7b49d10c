"""From what was read of a cluster and its store to the trace of its pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.replay.trace import PoolTrace

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from recommender.energy.array import Floats, Integers, Mask
    from recommender.energy.price import WorkClass
    from recommender.model.cluster import ClusterState, ContainerSpec, Workload
    from recommender.model.history import NodeHistory, UsageHistory
    from recommender.replay.trace import NodeKind, Usage

USUAL_SHARE = 0.95
"""Share of the time with any pod for which a workload's number of replicas was enough: beyond it
there are the moments of a rollout, when old and new pods both run."""

OTHERS = "others"
"""Container name of what runs on nodes and is none of the known workloads."""

MOST_OF_A_NODE = 2.0
"""Times the cores of the largest node: what one replica can have used, with a margin for replicas
that were fewer than usual."""

_LEAST_CORES, _LEAST_BYTES = 1e-6, 1.0
_COLUMNS = 256  # moved at once


class _Row(msgspec.Struct, frozen=True):
    """One workload of a trace, K' containers.

    `usage` is [K', T], and lies in the block of all from row `first` on; None: by itself. `spread`
    [kinds] is the share of its pods here that each kind has.
    """

    ref: WorkloadRef
    containers: tuple[str, ...]
    usage: Usage
    cores: tuple[float, ...]
    memory: tuple[float, ...]
    is_managed: tuple[bool, ...]
    replicas: int
    allowed: Mask
    spread: Floats
    is_daemon: bool = False
    work_class: WorkClass = "standard"
    first: int | None = None


def observe_pools(
    usage: UsageHistory,
    cluster: ClusterState,
    *,
    kinds: Sequence[NodeKind],
    nodes: NodeHistory | None = None,
    managed: Container[ContainerRef] | None = None,
    work_classes: Mapping[WorkloadRef, WorkClass] | None = None,
    with_idle: bool = True,
) -> PoolTrace:
    """The trace of the nodes that are `members` of `kinds`: a whole cluster's or one pool's.

    managed       containers that get new requests; without it all but those that are injected
                  or scaled on CPU by a HorizontalPodAutoscaler
    work_classes  standard where one is missing
    with_idle     also workloads of which no pod is scheduled now (they are allowed everywhere):
                  in a cluster of several traces they belong to one only

    Work is conserved: the usage of one replica is the workload's total over its replicas, and
    these are the pods that sufficed for 95 % of the time with any pod. So a workload whose
    replicas come and go is replayed as if all were there always and shared what was done:
    reserved as at its busiest, never working more than it did. The number at this moment would
    make the past of a workload that has just shrunk impossible. A workload of several pools has
    the share of its work here that it has of its pods; its pods may run where some of them run
    now, since selectors are not read. A daemon has its mean per pod.

    What `cluster.reserved` holds beyond the known workloads is there too: as much as every
    node of a kind has at least, like a daemon; the rest of each node like one pod that keeps
    its request. With `nodes` their usage is what the nodes used beyond the known workloads,
    split by requests; all of it the daemons' where nothing is reserved.

    Bins in which no container was seen (the store was away) are left out.
    """
    kind_of = {name: number for number, kind in enumerate(kinds) for name in kind.members}
    index = {ref: row for row, ref in enumerate(usage.containers)}
    by_workload: dict[WorkloadRef, list[str]] = {}
    for ref in usage.containers:
        by_workload.setdefault(ref.workload, []).append(ref.container)
    most_cores = max((kind.cores for kind in kinds), default=0.0)
    found = []
    for workload in cluster.workloads:
        here = _count_here(workload, kind_of, len(kinds))
        if here.any() or (with_idle and not workload.pods_on):
            names = _name_containers(workload, by_workload.get(workload.ref, []))
            if names:
                found.append((workload, here, names))
    block = _make_block(usage, kinds, sum(len(names) for _, _, names in found))
    rows, at = [], 0
    for workload, here, names in found:
        values = block[at : at + len(names)]
        row = _observe_workload(workload, names, usage, index, here, most_cores, values)
        marked = _mark(row, workload, managed)
        work_class = (work_classes or {}).get(workload.ref, "standard")
        rows.append(replace(marked, work_class=work_class, first=at))
        at += len(names)
    rows.sort(key=_rank)
    for number, left in enumerate(_find_left(cluster, kinds)):
        if len(left):
            used = _find_unknown_use(usage, nodes, kinds[number], number, rows)
            rows += _split_others(number, kinds, left, used)
    return _assemble(usage, kinds, rows, block)


def estimate_visible_share(trace: PoolTrace) -> float:
    """Share of the pool's CPU time that known workloads used; 0 where none was used.

    What is not seen cannot be replayed: peaks of others may coincide with those that are.
    """
    known = np.array([bool(ref.namespace) for ref in trace.workloads], dtype=np.bool_)
    used = trace.pod_usage.sum(axis=1, dtype=np.float64) * trace.replicas
    return float(used[known].sum() / used.sum()) if used.sum() > 0.0 else 0.0


def _rank(row: _Row) -> tuple[float, int, float, float]:
    """By what it uses, is and requests: whatever the names, the packer meets them in one order."""
    return float(np.nansum(row.usage)), row.replicas, sum(row.cores), sum(row.memory)


def _count_here(workload: Workload, kind_of: dict[str, int], kinds: int) -> Integers:
    """Pods on each kind, [kinds]."""
    here = np.zeros(kinds, dtype=np.int64)
    for node, pods in workload.pods_on.items():
        if node in kind_of:
            here[kind_of[node]] += pods
    return here


def _name_containers(workload: Workload, seen: Sequence[str]) -> tuple[str, ...]:
    """Containers as its newest pods have them, then those that only the history has."""
    return tuple(dict.fromkeys((*(spec.name for spec in workload.containers), *seen)))


def _observe_workload(
    workload: Workload,
    names: tuple[str, ...],
    usage: UsageHistory,
    index: dict[ContainerRef, int],
    here: Integers,
    most_cores: float,
    values: Usage,
) -> _Row:
    """What is known of it; its usage is written into `values` [K', T]."""
    specs = {spec.name: spec for spec in workload.containers}
    everywhere = sum(workload.pods_on.values())
    share = float(here.sum()) / everywhere if everywhere else 1.0
    found = [index.get(ContainerRef(workload.ref, name)) for name in names]
    replicas = _count_replicas(usage, [row for row in found if row is not None])
    replicas = replicas or workload.replicas
    is_daemon = workload.ref.kind == "DaemonSet"
    pods = int(here.sum()) if is_daemon else max(round(replicas * share), min(replicas, 1))
    values[:] = np.nan
    for container, row in enumerate(found):
        if row is not None:
            values[container] = usage.cpu_mean[row]
            if not is_daemon:
                values[container] *= usage.pods[row] * np.float32(share / max(pods, 1))
    # More than the node has is nonsense, and one container's nonsense is not the pool's.
    with np.errstate(invalid="ignore"):
        values[~((values >= 0.0) & (values <= MOST_OF_A_NODE * most_cores))] = np.nan
    requests = [_requests(specs.get(name)) for name in names]
    placed = here if here.any() else np.ones_like(here)
    return _Row(
        ref=workload.ref,
        containers=names,
        usage=values,
        cores=tuple(cores for cores, _ in requests),
        memory=tuple(memory for _, memory in requests),
        is_managed=(False,) * len(names),
        replicas=pods,
        allowed=np.asarray(placed > 0),
        spread=placed / placed.sum(),
        is_daemon=is_daemon,
    )


def _count_replicas(usage: UsageHistory, rows: Sequence[int]) -> int:
    """Pods that sufficed for USUAL_SHARE of the bins with any; 0 where none was seen."""
    counts = [usage.pods[row][usage.pods[row] > 0] for row in rows]
    usual = [np.quantile(each, USUAL_SHARE, method="inverted_cdf") for each in counts if len(each)]
    return int(max(usual, default=0))


def _requests(spec: ContainerSpec | None) -> tuple[float, float]:
    """Cores and bytes that the scheduler counts: the request, else the limit, else 0."""
    if spec is None:
        return 0.0, 0.0
    cpu, memory = spec.requests.cpu_millicores, spec.requests.memory_bytes
    cpu = spec.limits.cpu_millicores if cpu is None else cpu
    memory = spec.limits.memory_bytes if memory is None else memory
    return (cpu or 0) / 1000, float(memory or 0)


def _mark(row: _Row, workload: Workload, managed: Container[ContainerRef] | None) -> _Row:
    """The row with what is managed of it."""
    settable = {spec.name for spec in workload.containers if not spec.is_injected}

    def is_managed(name: str) -> bool:
        if managed is None:
            return not workload.hpa_on_cpu
        return ContainerRef(workload.ref, name) in managed

    chosen = tuple(name in settable and is_managed(name) for name in row.containers)
    return replace(row, is_managed=chosen)


def _find_left(cluster: ClusterState, kinds: Sequence[NodeKind]) -> list[Floats]:
    """Requests of each member beyond the known workloads' pods: cores and bytes, [members, 2]."""
    known: dict[str, Floats] = {}
    for workload in cluster.workloads:
        pod = np.sum([_requests(spec) for spec in workload.containers] or [(0.0, 0.0)], axis=0)
        for node, pods in workload.pods_on.items():
            known[node] = known.get(node, np.zeros(2)) + pods * pod
    found = []
    for kind in kinds:
        left = np.zeros((len(kind.members), 2))
        for row, name in enumerate(kind.members):
            if name in cluster.reserved:
                load = cluster.reserved[name]
                reserved = np.array([load.cores, load.memory_bytes])
                left[row] = np.maximum(reserved - known.get(name, 0.0), 0.0)
        left[left < (_LEAST_CORES, _LEAST_BYTES)] = 0.0
        found.append(left)
    return found


def _find_unknown_use(
    usage: UsageHistory,
    nodes: NodeHistory | None,
    kind: NodeKind,
    number: int,
    rows: Sequence[_Row],
) -> Usage:
    """Cores that the nodes of a kind use in all beyond the known workloads, [T].

    A node that was not seen counts as the mean of the others; 0 where none was seen.
    """
    members = frozenset(kind.members)
    present = [] if nodes is None else [n for n, name in enumerate(nodes.nodes) if name in members]
    if nodes is None or not present:
        return np.zeros(usage.grid.bins, dtype=np.float32)
    cores = nodes.cpu_used[present]
    seen = np.isfinite(cores)
    total = np.sum(cores, axis=0, where=seen, dtype=np.float64)
    used = total / np.maximum(seen.sum(axis=0), 1) * len(members)
    for row in rows:
        if row.spread[number] > 0.0:
            used -= row.replicas * row.spread[number] * np.nan_to_num(row.usage).sum(axis=0)
    return np.asarray(np.maximum(used, 0.0), dtype=np.float32)


def _split_others(number: int, kinds: Sequence[NodeKind], left: Floats, usage: Usage) -> list[_Row]:
    """What every node has, as a daemon, and the rest of each node as a pod."""
    kind = kinds[number]
    allowed = np.zeros(len(kinds), dtype=np.bool_)
    allowed[number] = True
    common = left.min(axis=0)
    total = float(left[:, 0].sum())
    daemons_share = float(common[0]) * len(left) / total if total > 0.0 else 1.0
    found = [
        _Row(
            ref=WorkloadRef("", "Node", kind.name),
            containers=(OTHERS,),
            usage=(usage * np.float32(daemons_share / len(left)))[None, :],
            cores=(float(common[0]),),
            memory=(float(common[1]),),
            is_managed=(False,),
            replicas=len(left),
            allowed=allowed,
            spread=allowed.astype(np.float64),
            is_daemon=True,
        )
    ]
    for name, (cores, memory) in zip(kind.members, (left - common).tolist(), strict=True):
        if cores > _LEAST_CORES or memory > _LEAST_BYTES:
            share = cores / total if total > 0.0 else 0.0
            found.append(
                replace(
                    found[0],
                    ref=WorkloadRef("", "Pods", name),
                    usage=(usage * np.float32(share))[None, :],
                    cores=(cores,),
                    memory=(memory,),
                    replicas=1,
                    is_daemon=False,
                )
            )
    return found


def _rows_in_block(row: _Row) -> range:
    return range(0) if row.first is None else range(row.first, row.first + len(row.containers))


def _make_block(usage: UsageHistory, kinds: Sequence[NodeKind], containers: int) -> Usage:
    """Room for the usage of so many containers and of what else there is on nodes."""
    others = sum(1 + len(kind.members) for kind in kinds)
    return np.empty((containers + others, usage.grid.bins), dtype=np.float32)


def _arrange(block: Usage, order: Integers) -> None:
    """Other rows first, in place: the block is as large as the history it was made of."""
    for begin in range(0, block.shape[1], _COLUMNS):
        columns = slice(begin, begin + _COLUMNS)
        block[: len(order), columns] = block[order, columns]


def _assemble(
    usage: UsageHistory, kinds: Sequence[NodeKind], rows: Sequence[_Row], block: Usage
) -> PoolTrace:
    """The trace of these rows in their order; the block becomes its usage."""
    seen = np.zeros(usage.grid.bins, dtype=np.bool_)
    for row in rows:
        if row.ref.namespace:
            seen |= np.isfinite(row.usage).any(axis=0)
    order = [at for row in rows for at in _rows_in_block(row)]
    _arrange(block, np.array(order, dtype=np.int64))
    others = [row.usage for row in rows if row.first is None]  # they follow all that are known
    for at, values in enumerate(others, start=len(order)):
        block[at] = values[0]
    block = block[: len(order) + len(others)]
    bins = np.flatnonzero(seen) if seen.any() else np.arange(usage.grid.bins)
    containers = [(owner, name) for owner, row in enumerate(rows) for name in row.containers]
    return PoolTrace(
        grid=usage.grid,
        bins=bins,
        kinds=tuple(kinds),
        workloads=tuple(row.ref for row in rows),
        containers=tuple(ContainerRef(rows[owner].ref, name) for owner, name in containers),
        usage=block if len(bins) == usage.grid.bins else block[:, bins],
        owner=np.array([owner for owner, _ in containers], dtype=np.int64),
        replicas=np.array([row.replicas for row in rows], dtype=np.int64),
        cpu_requests=np.array([cores for row in rows for cores in row.cores], dtype=np.float64),
        memory_requests=np.array([size for row in rows for size in row.memory], dtype=np.float64),
        is_daemon=np.array([row.is_daemon for row in rows], dtype=np.bool_),
        is_managed=np.array([each for row in rows for each in row.is_managed], dtype=np.bool_),
        allowed=np.array([row.allowed for row in rows], dtype=np.bool_).reshape(-1, len(kinds)),
        work_classes=tuple(row.work_class for row in rows),
    )
