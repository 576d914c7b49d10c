"""How full a packing makes its nodes: their load, the time on hot nodes, work that must wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from recommender.energy.array import Floats, Integers
    from recommender.replay.packer import Packing
    from recommender.replay.trace import PoolTrace, Usage

HOT = 0.9
"""A node is hot above this share of its cores: beyond it waiting times grow steeply."""

SURGE = 1.05
"""Use is taken 5 % higher than it was: the coming days are not the past ones."""

LEAST_WEIGHT = 0.002
"""Cores that a container without a request weighs: the kernel's least CPU share is 2 of 1024."""

_CHUNK_BYTES = 16 * 2**20


class HotTime(msgspec.Struct, frozen=True):
    """Container-time on hot nodes and in all by day of the grid, [D] each, in container-bins."""

    hot: Floats
    seen: Floats

    @property
    def mean(self) -> float:
        """Share over all days; 0 where nothing was seen."""
        return float(self.hot.sum() / max(self.seen.sum(), 1.0))

    @property
    def worst_day(self) -> float:
        """Greatest share of a day, of those with at least half the time of the fullest day.

        The oldest day is mostly cut: what a few of its bins hold says little of a day.
        """
        counts = (self.seen > 0.0) & (2.0 * self.seen >= self.seen.max(initial=0.0))
        return float((self.hot[counts] / self.seen[counts]).max(initial=0.0))

    def __add__(self, other: HotTime) -> HotTime:
        return HotTime(self.hot + other.hot, self.seen + other.seen)


def estimate_load(trace: PoolTrace, packing: Packing) -> Usage:
    """Cores that the pods of each node want, float32 [N, T]; more than it has where it is full.

    Sums the rows of the pods that are there, a few bins at once: as fast for hundreds of nodes
    as for ten, and no larger than some MB beside the result.
    """
    usage = trace.pod_usage
    load = np.zeros((packing.nodes, usage.shape[1]), dtype=np.float32)
    width = max(1, _CHUNK_BYTES // (4 * max(len(usage), 1)))
    counts = packing.counts.astype(np.float32)
    rows = [np.flatnonzero(pods) for pods in packing.counts]
    for begin in range(0, usage.shape[1], width):
        part = slice(begin, begin + width)
        for node, there in enumerate(rows):
            load[node, part] = counts[node, there] @ usage[there, part]
    return load


def estimate_hot_time(trace: PoolTrace, packing: Packing, load: Usage) -> HotTime:
    """Container-time on nodes with SURGE x load > HOT x cores.

    Every container counts the same, whatever its size, for the bins in which it was seen. Pods
    that were not placed count nowhere.
    """
    is_hot = SURGE * load > HOT * node_cores(trace, packing)[:, None].astype(np.float32)
    hot = np.zeros(trace.grid.days)
    for node in np.flatnonzero(is_hot.any(axis=1)):
        bins = np.flatnonzero(is_hot[node])
        pods = packing.counts[node, trace.owner]
        there = np.flatnonzero(pods)
        seen = np.isfinite(trace.usage[np.ix_(there, bins)])
        hot += np.bincount(trace.day[bins], weights=pods[there] @ seen, minlength=len(hot))
    return HotTime(hot, packing.counts.sum(axis=0)[trace.owner] @ trace.seen_by_day)


def estimate_unserved(
    trace: PoolTrace, packing: Packing, load: Usage, *, cpu_requests: Floats
) -> Floats:
    """Core-seconds that each container [K] wanted and did not get, over all its replicas.

    Where a node is full its cores are shared as the kernel's fair scheduler does: in proportion
    to the requests, and what one container leaves goes to those that want more (max-min fair).
    So a container within its request is always served on a node that is not reserved beyond
    its cores. What is not served is lost, not done later.
    """
    cores = node_cores(trace, packing)
    weights = np.maximum(cpu_requests, LEAST_WEIGHT)
    unserved = np.zeros(len(trace.containers))
    for node in np.flatnonzero((load > cores[:, None]).any(axis=1)):
        pods = packing.counts[node, trace.owner].astype(np.float64)
        there = np.flatnonzero(pods)
        bins = np.flatnonzero(load[node] > cores[node])
        wanted = np.nan_to_num(trace.usage[np.ix_(there, bins)]).astype(np.float64)
        served = share_cores(wanted, weights[there], pods=pods[there], cores=float(cores[node]))
        unserved[there] += pods[there] * (wanted - served).sum(axis=1)
    return unserved * trace.grid.step


def share_cores(wanted: Floats, weights: Floats, *, pods: Floats, cores: float) -> Floats:
    """What each of P containers gets of `cores` in each bin, [P, B], of what it wants, [P, B].

    min(wanted, weight x level), with the level at which all is given out; everything where it is
    enough for all. `weights` [P] are above 0; `pods` [P] is how many there are of each.
    """
    level = wanted / weights[:, None]
    order = np.argsort(level, axis=0)
    level = np.take_along_axis(level, order, axis=0)
    weight = (pods * weights)[order]
    content = np.cumsum(weight * level, axis=0)
    beyond = weight.sum(axis=0) - np.cumsum(weight, axis=0)
    # At its level a container and all before it are content, those beyond hold weight x level.
    is_served = content + beyond * level <= cores
    last = is_served.sum(axis=0) - 1
    bins = np.arange(wanted.shape[1])
    base = np.where(last >= 0, content[last, bins], 0.0)
    rest = np.where(last >= 0, beyond[last, bins], weight.sum(axis=0))
    is_full = last < len(level) - 1
    found = np.where(is_full, (cores - base) / np.where(is_full, rest, 1.0), np.inf)
    return np.minimum(wanted, weights[:, None] * found)


def node_cores(trace: PoolTrace, packing: Packing) -> Floats:
    """Cores of each node, [N]."""
    return np.array([kind.cores for kind in trace.kinds])[packing.kind]


def node_kinds(packing: Packing, kinds: int) -> Integers:
    """How many nodes of each kind a packing uses, [kinds]."""
    return np.bincount(packing.kind, minlength=kinds)
