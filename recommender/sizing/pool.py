"""Pools: the nodes of one class, with what a reserved core costs on them."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.energy.nodeclass import ClassEnergy, ClassTotals, estimate_class
from recommender.energy.stranding import (
    MemoryPrice,
    Stranding,
    estimate_memory_price,
    estimate_stranding,
)
from recommender.energy.window import NodeWindows
from recommender.model.cluster import NodeLoad
from recommender.sizing.terms import Terms, mix_terms, terms_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from recommender.energy.curve import Quality
    from recommender.energy.price import WorkClass
    from recommender.model.cluster import ClusterState, Node, Workload
    from recommender.model.history import NodeHistory
    from recommender.sizing.pooltier import PoolTier

_NOISE_WORDS = re.compile(
    r"\((?:r|tm)\)|@.*|\b(?:cpu|processor|\d+-core|intel|amd)\b", re.IGNORECASE
)


_REACHES = {"platform": 3, "package+dram": 2, "package": 1}

SAME_SIZE = 0.02
"""Machines of one kind differ by some MiB in what the kubelet leaves allocatable."""


class _NodeClass(msgspec.Struct, frozen=True):
    """Nodes of one kind; `model` is their CPU model, "" where it is unknown."""

    model: str
    nodes: tuple[Node, ...]

    @property
    def size(self) -> tuple[float, int]:
        return self.nodes[0].cores, self.nodes[0].memory_bytes


class Pool(msgspec.Struct, frozen=True):
    """Nodes of one class: one CPU model, one size.

    `reach` says what its watts cover (platform, package+dram, ...; "" without a meter);
    `reserved` sums the requests of all pods on it; `used_cores` is their mean use in all.
    """

    name: str
    nodes: tuple[Node, ...]
    cpu_model: str
    reach: str
    reserved: NodeLoad
    used_cores: float
    energy: ClassEnergy
    reasons: tuple[str, ...]

    @property
    def memory_bytes(self) -> float:
        """Allocatable on all its nodes."""
        return float(sum(node.memory_bytes for node in self.nodes))

    @property
    def memory_price(self) -> MemoryPrice:
        """What a reserved GiB costs here."""
        return estimate_memory_price(
            self.energy.price,
            self.energy.binding,
            requested_bytes=self.reserved.memory_bytes,
            node_bytes=self.memory_bytes / max(len(self.nodes), 1),
            nodes=len(self.nodes),
        )

    @property
    def stranding(self) -> Stranding:
        """What the resource that fills the nodes leaves of the other."""
        return estimate_stranding(
            self.energy.binding,
            allocatable_cores=float(sum(node.cores for node in self.nodes)),
            allocatable_bytes=self.memory_bytes,
        )


class PoolShare(msgspec.Struct, frozen=True):
    """A pool, and how many pods of a workload run in it; 0 where none of them runs anywhere.

    `tier` is what the replay of the pool allows, None where nobody has looked.
    """

    pool: Pool
    pods: int
    tier: PoolTier | None = None


def estimate_pools(
    cluster: ClusterState, history: NodeHistory, *, power: str = "auto"
) -> tuple[Pool, ...]:
    """The pools of a cluster, largest first; power "modelled" ignores the meters.

    The same nodes in another order give the same numbers, to the last digit.
    """
    rows = {name: row for row, name in enumerate(history.nodes)}
    classes = _group_nodes(cluster.nodes, history, rows)
    return tuple(
        _estimate_pool(name, each, cluster, history, rows, ignores_meters=power == "modelled")
        for name, each in zip(_name_classes(classes), classes, strict=True)
    )


def choose_pools(
    pools: Sequence[Pool], workload: Workload, tiers: Mapping[str, PoolTier] | None = None
) -> tuple[PoolShare, ...]:
    """The pools that the workload's pods run in, most pods first; the largest where none runs.

    Empty where there is no pool at all. `tiers` are those of the pools by name.
    """
    known = tiers or {}
    shares = [
        PoolShare(
            pool,
            sum(workload.pods_on.get(node.name, 0) for node in pool.nodes),
            known.get(pool.name),
        )
        for pool in pools
    ]
    used = [share for share in shares if share.pods > 0] or shares[:1]
    return tuple(sorted(used, key=lambda share: -share.pods))


def choose_terms(shares: Sequence[PoolShare], work_class: WorkClass) -> Terms | None:
    """The terms that a workload with these shares has; None without a pool."""
    parts = [(_terms_of(share.pool, work_class), share.pods) for share in shares]
    return mix_terms(parts) if parts else None


def _terms_of(pool: Pool, work_class: WorkClass) -> Terms:
    terms = terms_of(pool.energy, work_class)
    return replace(terms, memory=pool.memory_price.watts_per_gib)


def _group_nodes(
    nodes: Sequence[Node], history: NodeHistory, rows: dict[str, int]
) -> list[_NodeClass]:
    """Nodes of one CPU model (else one instance type) and one size, the most first."""
    by_model: dict[tuple[str, float], list[Node]] = defaultdict(list)
    models = {}
    for node in nodes:
        row = rows.get(node.name)
        models[node.name] = node.cpu_model or ("" if row is None else history.cpu_model[row])
        by_model[models[node.name] or node.instance_type, node.cores].append(node)
    classes = []
    for group in by_model.values():
        left = sorted(group, key=lambda node: node.memory_bytes)
        while left:
            most = left[0].memory_bytes * (1.0 + SAME_SIZE)
            alike = [node for node in left if node.memory_bytes <= most]
            left = left[len(alike) :]
            classes.append(_NodeClass(models[alike[0].name], tuple(alike)))
    return sorted(classes, key=lambda each: (-len(each.nodes), each.model, each.size))


def _name_classes(classes: Sequence[_NodeClass]) -> list[str]:
    """Short names: the instance type, else the CPU model, with what tells apart those alike."""
    plain = [each.nodes[0].instance_type or slug_of(each.model) or "nodes" for each in classes]
    names = list(plain)
    for name in set(plain):
        alike = [index for index, each in enumerate(plain) if each == name]
        if len(alike) > 1:
            for index, difference in zip(alike, _differences(classes, alike), strict=True):
                names[index] = f"{name}-{difference}"
    return names


def _differences(classes: Sequence[_NodeClass], alike: Sequence[int]) -> list[str]:
    """What tells these classes apart: cores, memory, both, CPU model, else a number."""
    found = [classes[index] for index in alike]
    cores = [f"{each.nodes[0].cores:g}c" for each in found]
    memory = [f"{each.nodes[0].memory_bytes / 2**30:.0f}g" for each in found]
    both = [f"{first}-{second}" for first, second in zip(cores, memory, strict=True)]
    models = [slug_of(each.model) for each in found]
    numbers = [str(number) for number in range(1, len(found) + 1)]
    kinds = (cores, memory, both, models, numbers)
    return next(kind for kind in kinds if len(set(kind)) == len(found) and all(kind))


def slug_of(cpu_model: str) -> str:
    """A CPU model as a pool's name: AMD EPYC 7763 64-Core Processor is epyc-7763."""
    return re.sub(r"[^a-z0-9]+", "-", _NOISE_WORDS.sub(" ", cpu_model).lower()).strip("-")


def _estimate_pool(
    name: str,
    node_class: _NodeClass,
    cluster: ClusterState,
    history: NodeHistory,
    rows: dict[str, int],
    *,
    ignores_meters: bool,
) -> Pool:
    nodes, cores = node_class.nodes, node_class.nodes[0].cores
    present = _in_order([rows[node.name] for node in nodes if node.name in rows], history)
    metered, reach, reasons = _choose_meters(history, present, ignores_meters=ignores_meters)
    loads = [cluster.reserved.get(node.name, NodeLoad()) for node in nodes]
    reserved = NodeLoad(
        math.fsum(load.cores for load in loads), math.fsum(load.memory_bytes for load in loads)
    )
    windows = _windows(history, present, metered, cores)
    used = windows.used().utilisation
    energy = estimate_class(
        windows,
        ClassTotals(
            nodes=len(nodes),
            cores=cores,
            memory_bytes=sum(node.memory_bytes for node in nodes) / len(nodes),
            requested_cores=reserved.cores,
            requested_bytes=reserved.memory_bytes,
        ),
        cpu_model=node_class.model,
        quality=_worst_quality([history.quality[row] for row in metered]),
    )
    return Pool(
        name=name,
        nodes=nodes,
        cpu_model=node_class.model,
        reach=reach,
        reserved=reserved,
        used_cores=float(used.mean()) * cores * len(nodes) if len(used) else 0.0,
        energy=energy,
        reasons=(*reasons, *energy.reasons),
    )


def _in_order(present: list[int], history: NodeHistory) -> list[int]:
    """Rows in the order of their values, so that no number depends on the order of the nodes.

    Sums first, which keep their order in any unit; what has the same sums is told apart by all of
    its values.
    """

    def content(row: int) -> tuple[float, float, bytes, bytes]:
        used, watts = history.cpu_used[row], history.watts[row]
        return _total(used), _total(watts), used.tobytes(), watts.tobytes()

    return sorted(present, key=content)


def _total(values: NDArray[np.float32]) -> float:
    return float(np.nansum(values, dtype=np.float64))


def _choose_meters(
    history: NodeHistory, present: list[int], *, ignores_meters: bool
) -> tuple[list[int], str, tuple[str, ...]]:
    """The rows whose watts are used: only those of one reach, so that curves do not mix.

    Readings before what a meter's driver modelled, then the reach of most nodes, then the widest.
    """
    with_meter = [row for row in present if history.quality[row]]
    if ignores_meters and with_meter:
        return [], "", ("meters are ignored because power is set to modelled",)
    read = [row for row in with_meter if history.quality[row] != "modelled"] or with_meter
    reaches = Counter(history.reach[row] for row in read)
    if not reaches:
        return [], "", ()
    reach = max(reaches, key=lambda each: (reaches[each], _REACHES.get(each, 0)))
    others = [f"{each} on {number}" for each, number in reaches.items() if each != reach]
    if len(with_meter) > len(read):
        others.append(f"what is modelled on {len(with_meter) - len(read)}")
    count = f"{reaches[reach]} node{'' if reaches[reach] == 1 else 's'}"
    text = f"power is read as {reach} on {count}; not mixed with {', '.join(others)}"
    return [row for row in read if history.reach[row] == reach], reach, (text,) if others else ()


def _worst_quality(qualities: Sequence[str]) -> Quality:
    """A class is only as good as its worst meter."""
    order = ("modelled", "recorded", "derived", "measured")
    return cast("Quality", min(qualities, key=order.index, default="modelled"))


def _windows(
    history: NodeHistory, present: list[int], metered: list[int], cores: float
) -> NodeWindows:
    if not present:
        return NodeWindows.empty()
    grid = history.grid
    # Middles: the end of a bin may lie in the next hour or block.
    times = grid.start + (np.arange(grid.bins) + 0.5) * float(grid.step)
    watts = np.where(np.isin(present, metered)[:, None], history.watts[present], np.float32(np.nan))
    return NodeWindows(
        time=np.tile(times, len(present)),
        node=np.repeat(np.arange(len(present)), grid.bins),
        utilisation=(history.cpu_used[present] / cores).astype(np.float64).ravel(),
        watts=watts.astype(np.float64).ravel(),
        frequency=None
        if history.frequency is None
        else history.frequency[present].astype(np.float64).ravel(),
    )
