"""Reductions to the arrays of the model, and what is worth a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.model.history import History, NodeHistory, UsageHistory
from recommender.sizing.histogram import DEMAND, STOCK_CPU, STOCK_MEMORY
from recommender.units import format_duration, format_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from recommender.history.cpu import CpuReduction
    from recommender.history.memory import MemoryReduction
    from recommender.history.power import NodePower
    from recommender.model.history import TimeGrid
    from recommender.model.identity import ContainerRef

_SHOWN = 3  # examples in a warning


def assemble_usage(
    grid: TimeGrid, refs: Sequence[ContainerRef], cpu: CpuReduction, memory: MemoryReduction
) -> UsageHistory:
    """Rows in the order of their names; `refs` names the rows of the reductions, which are
    used up.
    """
    order = np.array(sorted(range(len(refs)), key=refs.__getitem__), dtype=np.int64)
    pods = cpu.pods.take(order)
    mean = cpu.total.take(order)
    samples = pods.sum(axis=1, dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        np.divide(mean, pods, out=mean)  # no pod: 0 / 0 is NaN
    highest = cpu.highest.take(order).max(axis=1, initial=0)
    highest[samples == 0] = np.nan
    days = memory.days.take(order)
    days[days == 0] = np.nan
    first, last = find_span(grid, pods)
    return UsageHistory(
        grid=grid,
        containers=tuple(refs[row] for row in order),
        cpu_mean=mean,
        pods=pods,
        cpu_days=cpu.days.take(order),
        cpu_max=highest,
        cpu_decayed=cpu.decayed.take(order).astype(np.float32),
        memory_days=days,
        memory_decayed=memory.decayed.take(order).astype(np.float32),
        samples=samples,
        first=first,
        last=last,
        oom_bytes=np.array(
            [memory.oom_bytes.get(int(row), (0, np.nan))[1] for row in order], dtype=np.float32
        ),
    )


def empty_history(grid: TimeGrid) -> History:
    """What is known where nothing could be read: no container and no node."""
    per_bin = np.zeros((0, grid.bins), np.float32)
    per_day = np.zeros((0, grid.days), np.float32)
    per_row, times = np.zeros(0, np.float32), np.zeros(0, np.int64)
    usage = UsageHistory(
        grid=grid,
        containers=(),
        cpu_mean=per_bin,
        pods=per_bin.astype(np.uint16),
        cpu_days=np.zeros((0, grid.days, DEMAND.count), np.uint32),
        cpu_max=per_row,
        cpu_decayed=np.zeros((0, STOCK_CPU.count), np.float32),
        memory_days=per_day,
        memory_decayed=np.zeros((0, STOCK_MEMORY.count), np.float32),
        samples=times,
        first=times,
        last=times,
        oom_bytes=per_row,
    )
    nodes = NodeHistory(
        grid=grid, nodes=(), watts=per_bin, cpu_used=per_bin, quality=(), reach=(), cpu_model=()
    )
    return History(usage=usage, nodes=nodes, sources=())


def find_span(
    grid: TimeGrid, pods: NDArray[np.uint16]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ends of the first and last bin with a pod, 0 where there is none."""
    is_present: NDArray[np.bool_] = pods > 0
    has_some = is_present.any(axis=1)
    first = is_present.argmax(axis=1)
    last = grid.bins - 1 - is_present[:, ::-1].argmax(axis=1)
    return tuple(  # type: ignore[return-value]
        np.where(has_some, grid.start + (bins + 1) * grid.step, 0).astype(np.int64)
        for bins in (first, last)
    )


class NodeFindings(msgspec.Struct, frozen=True):
    """What was found of nodes, by name; `known` are all of the cluster's, or all that appear.

    `frequency` is empty where nothing tells it.
    """

    known: Sequence[str]
    power: Mapping[str, NodePower]
    cpu: Mapping[str, NDArray[np.float32]]
    cpu_models: Mapping[str, str]
    frequency: Mapping[str, NDArray[np.float32]] = msgspec.field(default_factory=dict)


def assemble_nodes(grid: TimeGrid, found: NodeFindings) -> NodeHistory:
    names = sorted(found.known)
    unknown = np.full((len(names), grid.bins), np.nan, np.float32)
    watts, cores, hertz = (unknown.copy() for _ in range(3))
    for row, name in enumerate(names):
        if name in found.power:
            watts[row] = found.power[name].watts
        if name in found.cpu:
            cores[row] = found.cpu[name]
        if name in found.frequency:
            hertz[row] = found.frequency[name]
    return NodeHistory(
        grid=grid,
        nodes=tuple(names),
        watts=watts,
        cpu_used=cores,
        quality=tuple(found.power[n].quality if n in found.power else "" for n in names),
        reach=tuple(found.power[n].reach if n in found.power else "" for n in names),
        cpu_model=tuple(found.cpu_models.get(name, "") for name in names),
        frequency=hertz if np.isfinite(hertz).any() else None,
    )


def warn_of_usage(usage: UsageHistory, unowned: Sequence[str]) -> Iterator[str]:
    """Time without any usage, and pods that belong to nobody."""
    grid = usage.grid
    present = np.asarray((usage.pods > 0).any(axis=0))
    if present.any():
        first, last = int(present.argmax()), grid.bins - 1 - int(present[::-1].argmax())
        if first:
            covered = format_duration((grid.bins - first) * grid.step)
            asked = format_duration(grid.bins * grid.step)
            yield f"usage begins {covered} before the end of the window of {asked}"
        if last < grid.bins - 1:
            since = format_time(grid.start + (last + 1) * grid.step)
            yield f"there is no usage after {since}"
        missing = np.flatnonzero(~present[first : last + 1]) + first
        if len(missing):
            share = len(missing) / (last + 1 - first)
            at = format_time(grid.start + int(missing[0]) * grid.step)
            yield f"the store has no usage at all in {share:.1%} of the time, first at {at}"
    if unowned:
        yield (
            f"{_count(len(unowned), 'pod')} in the store ({_some(unowned)}) belong to no workload "
            "that exists now; their usage is left out"
        )


def warn_of_nodes(
    nodes: NodeHistory, strangers: Sequence[str], *, asks_meters: bool
) -> Iterator[str]:
    """Nodes without power or CPU, meters that cover different things, unknown nodes."""
    has_power = [bool(quality) for quality in nodes.quality]
    without = [n for n, has in zip(nodes.nodes, has_power, strict=True) if not has]
    if asks_meters and without and any(has_power):
        yield f"{len(without)} of {len(nodes.nodes)} nodes have no power series ({_some(without)})"
    idle = [
        name
        for name, row in zip(nodes.nodes, nodes.cpu_used, strict=True)
        if not np.isfinite(row).any()
    ]
    if idle and len(idle) < len(nodes.nodes):
        yield f"{len(idle)} of {len(nodes.nodes)} nodes have no busy time ({_some(idle)})"
    by_reach: dict[str, list[str]] = {}
    for name, reach in zip(nodes.nodes, nodes.reach, strict=True):
        if reach:
            by_reach.setdefault(reach, []).append(name)
    if len(by_reach) > 1:
        parts = [f"{reach} of {len(names)} ({_some(names)})" for reach, names in by_reach.items()]
        yield f"power is not of the same parts of all nodes: {', '.join(sorted(parts))}"
    if strangers:
        yield (
            f"{_count(len(strangers), 'name')} of nodes in the store ({_some(strangers)}) are none "
            "of the cluster's; their series are left out"
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:_SHOWN])
    return f"{shown}, ..." if len(names) > _SHOWN else shown
