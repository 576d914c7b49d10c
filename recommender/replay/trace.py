"""What the containers of a pool used over time, and what nodes there are to put them on."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.units import DAY, HOUR

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from recommender.energy.array import Floats, Integers, Mask
    from recommender.energy.price import WorkClass
    from recommender.model.history import TimeGrid
    from recommender.model.identity import ContainerRef, WorkloadRef

    Usage: TypeAlias = NDArray[np.float32]

BLOCK_HOURS = 4
BLOCKS = 24 // BLOCK_HOURS
"""Blocks of the day, in UTC: block 0 begins at midnight."""


def block_of(grid: TimeGrid, bins: Integers) -> Integers:
    """The block of the day (0 ... 5, UTC) that each of these bins begins in."""
    return np.asarray((grid.start + bins * grid.step) % DAY // (BLOCK_HOURS * HOUR))


class PowerCurve(Protocol):
    """Watts of one node at a utilisation: a learnt curve, a modelled or a published one."""

    def power(self, utilisation: ArrayLike) -> Floats: ...

    def slope(self, utilisation: ArrayLike) -> Floats: ...


class NodeKind(msgspec.Struct, frozen=True):
    """Nodes that are all alike: `cores` and `memory_bytes` are allocatable on one of them.

    `count` nodes are there; a packing may need fewer or more. `members` are their names, empty
    where the nodes are invented.
    """

    name: str
    cores: float
    memory_bytes: float
    count: int
    curve: PowerCurve
    members: tuple[str, ...] = ()


class PoolTrace(msgspec.Struct, frozen=True, dict=True):
    """W workloads (pod templates) with K containers in all over T bins, and the nodes for them.

    All replicas of a workload are taken to be alike.

    grid             the time grid; `bins` int [T] are those of its bins that the columns of
                     `usage` stand for, ascending: a slice keeps the grid and has fewer bins
    kinds            the kinds of nodes
    workloads        [W], for messages; `containers` [K] likewise
    usage            float32 [K, T]  cores of the container in ONE replica; NaN: nothing was seen
    owner            int [K]         workload of the container
    replicas         int [W]         pods; those of a daemon count nodes and do not bind the packer
    cpu_requests     float [K]       cores as they are now, 0 where there is none
    memory_requests  float [K]       bytes, likewise
    is_daemon        bool [W]        a pod on every node that it is allowed on
    is_managed       bool [K]        only these get new requests
    allowed          bool [W, kinds] where its pods may run
    work_classes     [W]

    Shapes that do not agree are a ValueError.
    """

    grid: TimeGrid
    bins: Integers
    kinds: tuple[NodeKind, ...]
    workloads: tuple[WorkloadRef, ...]
    containers: tuple[ContainerRef, ...]
    usage: Usage
    owner: Integers
    replicas: Integers
    cpu_requests: Floats
    memory_requests: Floats
    is_daemon: Mask
    is_managed: Mask
    allowed: Mask
    work_classes: tuple[WorkClass, ...]

    def __post_init__(self) -> None:
        shapes = {
            "usage": (len(self.containers), len(self.bins)),
            "owner": (len(self.containers),),
            "cpu_requests": (len(self.containers),),
            "memory_requests": (len(self.containers),),
            "is_managed": (len(self.containers),),
            "replicas": (len(self.workloads),),
            "is_daemon": (len(self.workloads),),
            "allowed": (len(self.workloads), len(self.kinds)),
        }
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, not {shape}")
        if len(self.work_classes) != len(self.workloads):
            raise ValueError("a trace has one work class per workload")

    @property
    def seconds(self) -> float:
        """Time that the bins cover together."""
        return float(len(self.bins) * self.grid.step)

    @property
    def span_days(self) -> float:
        """From the first to the last of its bins, gaps included; 0 without one."""
        if not len(self.bins):
            return 0.0
        return float(self.bins[-1] - self.bins[0] + 1) * self.grid.step / DAY

    @cached_property
    def day(self) -> Integers:
        """The day of each bin, [T], as the grid counts them."""
        return np.asarray(self.grid.day_of(self.bins))

    @cached_property
    def block(self) -> Integers:
        """The block of the day (0 ... 5, UTC) that each bin begins in, [T]."""
        return block_of(self.grid, self.bins)

    @property
    def has_all_blocks(self) -> bool:
        """Whether some bin of every block of the day is there."""
        return len(np.unique(self.block)) == BLOCKS

    @cached_property
    def pod_usage(self) -> Usage:
        """Cores of one pod of each workload, float32 [W, T]; what was not seen counts as 0."""
        sums = np.zeros((len(self.workloads), len(self.bins)), dtype=np.float32)
        for row, owner in zip(self.usage, self.owner, strict=True):
            sums[owner] += np.nan_to_num(row)
        return sums

    @cached_property
    def means(self) -> Floats:
        """Mean cores of each container while it was seen, [K]; NaN where it never was."""
        seen = np.isfinite(self.usage)
        count = seen.sum(axis=1)
        total = np.sum(self.usage, axis=1, dtype=np.float64, where=seen)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @property
    def has_managed_use(self) -> bool:
        """Whether anything was seen of what gets new requests."""
        return bool(np.isfinite(self.means[self.is_managed]).any())

    @cached_property
    def seen_by_day(self) -> Floats:
        """Bins of each day of the grid in which each container was seen, [K, D]."""
        days = np.zeros((len(self.containers), self.grid.days))
        for day in np.unique(self.day):
            days[:, day] = np.isfinite(self.usage[:, self.day == day]).sum(axis=1)
        return days

    @property
    def work(self) -> float:
        """Core-seconds that all pods used, each daemon by its `replicas`."""
        totals = self.pod_usage.sum(axis=1, dtype=np.float64)
        return float(totals @ self.replicas) * self.grid.step

    def sum_by_pod(self, amounts: Floats) -> Floats:
        """An amount of each container [K] as that of one pod of each workload, [W]."""
        sums = np.bincount(self.owner, weights=amounts, minlength=len(self.workloads))
        return sums.astype(np.float64, copy=False)

    def between(self, first: int, end: int) -> PoolTrace:
        """The days `first` (0: the oldest) up to, not including, `end`."""
        return self.only((self.day >= first) & (self.day < end))

    def in_block(self, block: int) -> PoolTrace:
        """One block of every day."""
        return self.only(self.block == block)

    def only(self, chosen: Mask) -> PoolTrace:
        """Only the chosen bins, bool [T]. A run of bins shares its usage with this trace."""
        at = np.flatnonzero(chosen)
        is_run = len(at) > 0 and at[-1] - at[0] + 1 == len(at)
        columns = slice(int(at[0]), int(at[-1]) + 1) if is_run else at
        part = replace(self, bins=self.bins[columns], usage=self.usage[:, columns])
        if is_run and "pod_usage" in self.__dict__:  # what was summed once need not be again
            part.__dict__["pod_usage"] = self.pod_usage[:, columns]
        return part
