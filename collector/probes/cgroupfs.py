"""Activity from the kernel's own CPU accounting of cgroups: works everywhere, tells time only.

The kernel's figures hold a cgroup's children; here each cgroup has its own work alone, so that
rows add up. A cgroup that ends between two readings leaves the rest of its work with its parent.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from collector.identity.file import find_number, read_kernel_file
from collector.identity.tree import CgroupTree
from collector.model import ActivityReading
from collector.probes.failure import ProbeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.identity.hierarchy import Hierarchy
    from collector.identity.tree import Group
    from collector.model import Level


class CgroupfsProbe:
    """CPU time from cpu.stat (version 2, hybrid: one column) or cpuacct (version 1: a column for
    each CPU).

    Costs 10 to 15 microseconds a cgroup and reading.
    """

    def __init__(
        self, hierarchy: Hierarchy, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not hierarchy.has_accounting:
            raise ProbeUnavailableError(
                f"{hierarchy.groups} holds no CPU accounting (cpu.stat, cpuacct.usage): mount the"
                " host's /sys/fs/cgroup there, or name the place with --cgroup-root"
            )
        self._hierarchy = hierarchy
        self._clock = clock
        self._tree = CgroupTree(hierarchy.groups)
        self._read_usage = _usage_reader(hierarchy)
        self._rows: dict[int, int] = {}
        self._parents: list[int] = []
        self._without_begin: set[int] = set()
        self._columns = 0
        self._last: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._balance = self._last
        self._shown = self._last
        self._begin()

    @property
    def level(self) -> Level:
        return "cgroupfs"

    def _begin(self) -> None:
        """What was done before the probe began is nobody's."""
        self._collect()
        self._without_begin = {group.id for group in self._tree} - self._rows.keys()
        self._balance[:] = 0
        self._shown[:] = 0

    def read(self) -> ActivityReading:
        at = self._clock()
        unreadable = self._collect()
        problem = (
            f"{unreadable} cgroups vanished or could not be read: their last moments are charged"
            " to their parents"
        )
        problems = (problem,) if unreadable else ()
        groups = tuple(self._rows)
        return ActivityReading(
            at, "cgroupfs", groups, self._shown.astype(np.uint64), problems=problems
        )

    def forget(self, groups: frozenset[int]) -> None:
        ended = {group for group in groups if group in self._rows and group not in self._tree}
        kept = [(group, row) for group, row in self._rows.items() if group not in ended]
        rows = [row for _, row in kept]
        at = {row: new for new, row in enumerate(rows)}
        self._parents = [at.get(self._parents[row], -1) for row in rows]
        self._last, self._balance, self._shown = (
            array[rows] for array in (self._last, self._balance, self._shown)
        )
        self._rows = {group: at[row] for group, row in kept}

    def close(self) -> None:
        """Nothing stays open."""

    def _collect(self) -> int:
        """Brings `_shown` up to date; how many cgroups could not be read."""
        self._tree.refresh()
        unreadable = 0
        usages: dict[int, list[int]] = {}
        for group in list(self._tree):
            try:
                usages[group.id] = self._read_usage(group)
            except (OSError, ValueError):
                unreadable += 1
        self._admit(usages)
        self._charge(usages)
        return unreadable

    def _admit(self, usages: dict[int, list[int]]) -> None:
        """New cgroups begin from zero: all they did, they did since the last reading."""
        self._columns = max([self._columns, *map(len, usages.values())])
        for group in self._tree:
            if group.id in usages and group.id not in self._rows:
                parent = group.parent.id if group.parent else None
                self._parents.append(-1 if parent is None else self._rows.get(parent, -1))
                self._rows[group.id] = len(self._rows)
        shape = (len(self._rows), self._columns)
        self._last, self._balance, self._shown = (
            _grown(array, shape) for array in (self._last, self._balance, self._shown)
        )

    def _charge(self, usages: dict[int, list[int]]) -> None:
        """Own work is the increase less the children's. Parents are read before their children,
        so that it may fall short for a moment: what is shown waits until it has caught up.
        """
        rows = [self._rows[group] for group in usages]
        now = self._last.copy()
        for (group, usage), row in zip(usages.items(), rows, strict=True):
            now[row, : len(usage)] = usage
            if group in self._without_begin:  # it was there, and could not be read until now
                self._without_begin.remove(group)
                self._last[row] = now[row]
        increase = np.maximum(now - self._last, 0)
        self._last = now
        self._balance += increase
        parents = np.array(self._parents, np.int64)
        has_parent = parents >= 0
        np.subtract.at(self._balance, parents[has_parent], increase[has_parent])
        np.maximum(self._shown, self._balance, out=self._shown)


def _grown(array: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.int64]:
    if array.shape == shape:
        return array
    larger = np.zeros(shape, np.int64)
    larger[: array.shape[0], : array.shape[1]] = array
    return larger


def _usage_reader(hierarchy: Hierarchy) -> Callable[[Group], list[int]]:
    """Nanoseconds of a cgroup and all below it, by CPU or in one number."""
    if hierarchy.cpu_time is None:
        total = hierarchy.exact_total
        if total is None:
            return lambda group: [_read_v2(group.folder)]
        return lambda group: (
            [_read_v2(group.folder)] if group.parent else [int(read_kernel_file(str(total)))]
        )
    per_cpu = (hierarchy.cpu_time / "cpuacct.usage_percpu").is_file()
    name = "cpuacct.usage_percpu" if per_cpu else "cpuacct.usage"
    return lambda group: [int(part) for part in read_kernel_file(f"{group.folder}/{name}").split()]


def _read_v2(folder: str) -> int:
    usage = find_number(read_kernel_file(folder + "/cpu.stat"), b"usage_usec")
    if usage is None:
        raise ValueError(f"{folder}/cpu.stat tells no usage_usec")
    return usage * 1000
