"""Five-minute samples of single pods, reduced as `UsageHistory` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from recommender.model.history import TimeGrid, UsageHistory
from recommender.sizing.histogram import DEMAND, STOCK_CPU, STOCK_MEMORY
from recommender.units import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from recommender.model.identity import ContainerRef


class ContainerHistory(msgspec.Struct, frozen=True):
    """One row of each array of UsageHistory."""

    cpu_mean: NDArray[np.float32]
    pods: NDArray[np.uint16]
    cpu_days: NDArray[np.uint32]
    cpu_max: np.float32
    cpu_decayed: NDArray[np.float32]
    memory_days: NDArray[np.float32]
    memory_decayed: NDArray[np.float32]
    samples: int
    first: int
    last: int
    oom_bytes: np.float32


def reduce_samples(
    grid: TimeGrid,
    cpu: NDArray[np.float32],
    memory: NDArray[np.float32],
    *,
    oom_bytes: float = float("nan"),
) -> ContainerHistory:
    """Reduce the samples [P, T] of P pods: cores and bytes, NaN where a pod did not report.

    The daily memory peak of a pod counts as at the end of its day, like the peak of a
    finished interval in the stock recommender.
    """
    present = ~np.isnan(cpu)
    pods = np.count_nonzero(present, axis=0)
    values = cpu[present]
    day = grid.day_of(np.arange(grid.bins))
    days_of_values = np.broadcast_to(day, cpu.shape)[present]
    ends = grid.start + (np.arange(grid.bins, dtype=np.float64) + 1.0) * grid.step
    weights = np.broadcast_to(_decay(ends, grid), cpu.shape)[present]
    peaks = np.fmax.reduceat(memory, np.flatnonzero(np.diff(day, prepend=-1)), axis=1)
    reported = ends[pods > 0].astype(np.int64)
    sums = np.sum(cpu, axis=0, dtype=np.float64, where=present)
    return ContainerHistory(
        cpu_mean=np.where(pods > 0, sums / np.maximum(pods, 1), np.nan).astype(np.float32),
        pods=pods.astype(np.uint16),
        cpu_days=_count_by_day(days_of_values, DEMAND.index(values), grid.days),
        cpu_max=np.float32(values.max() if len(values) else np.nan),
        cpu_decayed=_weigh(STOCK_CPU.index(values), weights, STOCK_CPU.count),
        memory_days=np.fmax.reduce(peaks, axis=0),
        memory_decayed=_weigh_peaks(peaks, grid),
        samples=len(values),
        first=int(reported[0]) if len(reported) else 0,
        last=int(reported[-1]) if len(reported) else 0,
        oom_bytes=np.float32(oom_bytes),
    )


def stack_histories(grid: TimeGrid, rows: Mapping[ContainerRef, ContainerHistory]) -> UsageHistory:
    """The history of all containers; rows in order of their names."""
    containers = tuple(sorted(rows))
    types: dict[str, Any] = {"samples": np.int64, "first": np.int64, "last": np.int64}
    arrays = {
        name: np.array([getattr(rows[ref], name) for ref in containers], dtype=types.get(name))
        for name in ContainerHistory.__struct_fields__
    }
    return UsageHistory(grid=grid, containers=containers, **arrays)


def _decay(times: NDArray[np.float64], grid: TimeGrid) -> NDArray[np.float64]:
    return np.exp2((times - grid.end) / DAY)


def _count_by_day(
    days: NDArray[np.int64], buckets: NDArray[np.int64], count: int
) -> NDArray[np.uint32]:
    flat = np.bincount(days * DEMAND.count + buckets, minlength=count * DEMAND.count)
    return flat.reshape(count, DEMAND.count).astype(np.uint32)


def _weigh(
    buckets: NDArray[np.int64], weights: NDArray[np.float64], count: int
) -> NDArray[np.float32]:
    return np.bincount(buckets, weights, minlength=count).astype(np.float32)


def _weigh_peaks(peaks: NDArray[np.float32], grid: TimeGrid) -> NDArray[np.float32]:
    """`peaks` [P, D], NaN where a pod had none on that day."""
    ends = grid.end - (grid.days - 1.0 - np.arange(grid.days, dtype=np.float64)) * DAY
    present = ~np.isnan(peaks)
    weights = np.broadcast_to(_decay(ends, grid), peaks.shape)[present]
    return _weigh(STOCK_MEMORY.index(peaks[present]), weights, STOCK_MEMORY.count)
