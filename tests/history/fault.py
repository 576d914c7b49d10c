"""Histories with one fault each, each in a namespace of its own, and their truth.

Samples are a minute apart, seven seconds after the minute, as scrapers take them: no sample lies
on an edge of a bin. Counters rise evenly by `CORES` unless said otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.model.history import TimeGrid
from tests.testbed.openmetrics import Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GRID = TimeGrid(end=1_760_054_400, bins=2 * 288)
CORES = 0.25
OFFSET = 7
CPU = "container_cpu_usage_seconds_total"
MEMORY = "container_memory_working_set_bytes"


def times(first_bin: float, last_bin: float) -> np.ndarray:
    """Times of samples from one edge of the grid to another."""
    start = GRID.start + round(first_bin * GRID.step)
    end = GRID.start + round(last_bin * GRID.step)
    first = -(-(start - OFFSET) // 60) * 60 + OFFSET
    return np.arange(first, end + 1, 60, dtype=np.int64)


def counter(
    labels: Mapping[str, str],
    at: np.ndarray,
    *,
    begin: float,
    cores: float = CORES,
    name: str = CPU,
) -> Series:
    """A counter that stands at `begin` at its first sample."""
    return Series(name, labels, at, np.round(begin + cores * (at - at[0]), 6))


def pod(namespace: str, name: str, container: str = "app", **more: str) -> dict[str, str]:
    labels = {"namespace": namespace, "pod": name, "container": container}
    return labels | {"instance": "10.0.0.1:10250", "job": "kubelet", "id": f"/{name}/1"} | more


def keep(series: Series, kept: np.ndarray) -> Series:
    return Series(
        series.name, series.labels, series.timestamps[kept], series.values[kept], series.kind
    )


def whole(namespace: str, name: str = "web-1", **more: str) -> Series:
    """A container that runs from before the window to its end."""
    return counter(pod(namespace, name, **more), times(-2, 576), begin=5000.0)


def faults() -> Iterator[Series]:
    yield from _gaps()
    yield from _restarts()
    yield from _observers()
    yield from _lives()
    yield from _values()


def _gaps() -> Iterator[Series]:
    for namespace, minutes in (("gap-of-14-minutes", 14), ("gap-of-40-minutes", 40)):
        series = whole(namespace)
        away = GRID.start + 100 * GRID.step
        is_away = (series.timestamps > away) & (series.timestamps <= away + minutes * 60)
        yield keep(series, ~is_away)


def _restarts() -> Iterator[Series]:
    # The same labels begin again from zero 100 s before an edge: the runtime gives no id.
    series = whole("reset", id="")
    back = GRID.start + 50 * GRID.step - 100
    values = np.where(series.timestamps < back, series.values, CORES * (series.timestamps - back))
    yield Series(CPU, series.labels, series.timestamps, values)
    # A new id in the same pod, while the old one ends.
    at = GRID.start + 50 * GRID.step - 100
    old = whole("restart")
    yield keep(old, old.timestamps < at)
    new = times(49, 576)
    new = new[new >= at]
    yield counter(pod("restart", "web-1", id="/web-1/2"), new, begin=CORES * (new[0] - at))


def _observers() -> Iterator[Series]:
    yield whole("two-scrapers")
    second = times(-2, 576) + 20
    labels = pod("two-scrapers", "web-1", job="kubelet-2")
    yield counter(labels, second, begin=5000.0 + CORES * 20)
    # The second one starts to scrape in the middle, at a counter that is far from zero.
    yield whole("late-scraper")
    late = second[second > GRID.start + 200 * GRID.step]
    begin = 5000.0 + CORES * (late[0] - second[0] + 20)
    yield counter(pod("late-scraper", "web-1", job="another"), late, begin=begin)
    # What is no container: the pod's cgroup and its pause container.
    yield whole("not-containers")
    yield whole("not-containers", container="", id="/web-1")
    yield whole("not-containers", container="POD", id="/web-1/0")


def _lives() -> Iterator[Series]:
    yield keep_until(whole("deleted"), 300)
    yield whole("deleted", "web-2")
    # Two ReplicaSets of one Deployment, the second from the middle on.
    yield keep_until(whole("rolled", "web-5d9c7b8f6-bcdfg"), 288)
    begin = times(288, 576)
    labels = pod("rolled", "web-7f6d5c4b8-fghjk")
    yield counter(labels, begin, begin=CORES * OFFSET)
    # Three samples and gone, within one bin, beside one that stays.
    yield whole("short", "web-1")
    short = times(100, 101)[1:4]
    yield counter(pod("short", "batch-28900800-xyz24", container="job"), short, begin=12.0)
    # Monitoring begins in the middle of the window, at counters that are far from zero.
    late = times(300, 576)
    for name in ("web-1", "web-2"):
        yield counter(pod("late-monitoring", name), late, begin=90_000.0)
    # One that does nothing for hours but is there.
    yield counter(pod("at-rest", "web-1"), times(-2, 576), begin=77.0, cores=0.0)


def _values() -> Iterator[Series]:
    series = whole("nan")
    values = series.values.copy()
    values[500:510] = np.nan
    yield Series(CPU, series.labels, series.timestamps, values)
    at = times(-12, 576)
    level = np.full(len(at), 2e8)
    level[700:720] = np.nan
    level[1000] = 9e8  # one sample, between two grid points
    yield Series(MEMORY, pod("nan", "web-1"), at, level, "gauge")
    for job, more in (("kubelet", 0.0), ("another", 1e6)):
        yield Series(
            MEMORY, pod("two-scrapers", "web-1", job=job), at, np.full(len(at), 3e8 + more), "gauge"
        )


def keep_until(series: Series, edge: int) -> Series:
    return keep(series, series.timestamps <= GRID.start + edge * GRID.step)
