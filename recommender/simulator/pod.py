"""Five-minute samples of each pod: when it runs, what it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.simulator.rhythm import draw_level
from recommender.units import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.model.history import TimeGrid
    from recommender.simulator.workload import SimulatedContainer, SimulatedWorkload

POD_SPREAD = 0.08
"""Pods of one workload never share the work evenly (sigma of a log-normal)."""

LEAK_DAYS = 3.0
"""From the start of a leaking container to its OOM kill."""

HPA_WINDOW = 30 * MINUTE
"""For so long the HorizontalPodAutoscaler keeps the pods of a peak."""

HPA_USUAL_SHARE = 0.6
"""Pods of the table are the most that an HPA may start; usually it runs so many of them."""


class PodActivity(msgspec.Struct, frozen=True):
    """What the pods of a workload do.

    level  float64 [T]     work that comes to the whole workload, 1 on an ordinary weekday
    share  float32 [P, T]  work of each pod, 1 is usual; NaN where the pod does not run
    """

    level: NDArray[np.float64]
    share: NDArray[np.float32]


def draw_activity(
    workload: SimulatedWorkload,
    grid: TimeGrid,
    rng: np.random.Generator,
    *,
    is_placed: NDArray[np.bool_],
) -> PodActivity:
    """The work of each pod [P, T]; a pod that is not placed anywhere never runs."""
    level = draw_level(workload.rhythm, grid, rng)
    pods = len(is_placed)
    running = _choose_running(workload, grid, level, pods) & is_placed[:, None]
    spread = np.exp(POD_SPREAD * rng.standard_normal((pods, 1), dtype=np.float32))
    share = level / _scale_out(workload, running)
    return PodActivity(level, np.where(running, spread * share.astype(np.float32), np.nan))


def draw_cpu(
    activity: PodActivity,
    container: SimulatedContainer,
    rng: np.random.Generator,
    *,
    noise: float,
) -> NDArray[np.float32]:
    """Cores of one container in each pod [P, T]; never above its limit."""
    bumps = rng.standard_normal(activity.share.shape, dtype=np.float32)
    scale = np.float32(noise)
    cpu: NDArray[np.float32] = np.float32(container.used) * activity.share
    cpu *= np.exp(scale * bumps - scale * scale / 2)
    limit = container.limits.cpu_millicores
    return cpu if limit is None else np.minimum(cpu, np.float32(limit / 1000))


def draw_memory(
    activity: PodActivity,
    container: SimulatedContainer,
    rng: np.random.Generator,
    *,
    grid: TimeGrid,
) -> NDArray[np.float32]:
    """Working set of one container in each pod [P, T]; never above its limit."""
    usual = container.working_set_bytes
    limit = container.limits.memory_bytes or np.inf
    pods = len(activity.share)
    if container.leaks:
        age = np.arange(grid.bins) * grid.step / (LEAK_DAYS * DAY)
        ramp = np.mod(age + rng.uniform(0.0, 1.0, (pods, 1)), 1.0)
        plain = usual + (limit - usual) * ramp
    else:
        busy = np.clip(activity.level, 0.0, 2.0)
        spread = 1.0 + 0.03 * rng.standard_normal((pods, 1))
        plain = usual * spread * (0.92 + 0.08 * busy)
    bumps = rng.standard_normal(activity.share.shape, dtype=np.float32)
    memory = plain.astype(np.float32) * (1 + np.float32(0.01) * bumps)
    memory = np.minimum(memory, np.float32(limit))
    return np.where(np.isnan(activity.share), np.float32(np.nan), memory)


def _choose_running(
    workload: SimulatedWorkload, grid: TimeGrid, level: NDArray[np.float64], pods: int
) -> NDArray[np.bool_]:
    running = np.ones((pods, grid.bins), dtype=np.bool_)
    if workload.never_ran:
        running[:] = False
    if workload.age_hours:
        running[:, : max(0, grid.bins - round(workload.age_hours * HOUR / grid.step))] = False
    if workload.schedule is not None:
        running &= workload.schedule.is_running(grid)
    if workload.hpa_target:
        wanted = np.ceil(_pods_wanted(workload, level, pods) - 1e-9)
        kept = max(1, HPA_WINDOW // grid.step)
        padded = np.concatenate([np.full(kept - 1, wanted[0]), wanted])
        highest = np.lib.stride_tricks.sliding_window_view(padded, kept).max(axis=1)
        running &= np.arange(pods)[:, None] < highest
    return running


def _pods_wanted(
    workload: SimulatedWorkload, level: NDArray[np.float64], pods: int
) -> NDArray[np.float64]:
    """Pods [T] at which the use of the CPU requests is what the HPA holds.

    `used` is meant for the pods of the table on an ordinary weekday's mean.
    """
    work = sum(each.used for each in workload.containers) * pods * HPA_USUAL_SHARE * level
    return np.clip(work / (workload.hpa_target * workload.requested_cores), 2, pods)


def _scale_out(
    workload: SimulatedWorkload, running: NDArray[np.bool_]
) -> NDArray[np.float64] | float:
    """By what the work of a pod shrinks where there are more pods than usual."""
    if not workload.hpa_target:
        return 1.0
    pods = np.maximum(np.count_nonzero(running, axis=0), 1)
    more: NDArray[np.float64] = pods / (HPA_USUAL_SHARE * len(running))
    return more
