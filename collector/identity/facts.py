"""Memory and throttling of containers, read a few at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collector.identity.file import find_number, read_kernel_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from collector.identity.hierarchy import Hierarchy
    from collector.identity.tree import Group

RENEWAL_SECONDS = 20.0
"""Three files a container, 30 microseconds together (memory.stat is long): too much for each
interval of 5 s and 200 containers; cAdvisor takes 10 to 20 s.
"""


@dataclass(frozen=True)
class Usage:
    """None where the cgroup did not tell."""

    working_set_bytes: int | None = None
    throttled_seconds: float | None = None


class UsageBook:
    """The last known usage of each container's cgroup. A new one is read at once, the others in
    turn, each every RENEWAL_SECONDS.
    """

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._hierarchy = hierarchy
        self._usages: dict[int, Usage] = {}  # the one read longest ago comes first
        self._read_at: float | None = None

    def __getitem__(self, group_id: int) -> Usage:
        return self._usages[group_id]

    def refresh(self, groups: Mapping[int, Group], now: float) -> list[int]:
        """Afterwards the book holds exactly these cgroups; those that were read now."""
        for group_id in self._usages.keys() - groups.keys():
            del self._usages[group_id]
        elapsed = 0.0 if self._read_at is None else now - self._read_at
        self._read_at = now
        turns = min(math.ceil(len(self._usages) * elapsed / RENEWAL_SECONDS), len(self._usages))
        due = list(self._usages)[:turns]
        renewed = [*due, *(groups.keys() - self._usages.keys())]
        for group_id in renewed:
            self._usages.pop(group_id, None)
            self._usages[group_id] = self._read(groups[group_id])
        return renewed

    def _read(self, group: Group) -> Usage:
        hierarchy = self._hierarchy
        if hierarchy.version == "v2":
            memory = _read_memory(group.folder, "memory.current", b"inactive_file")
            throttled = _read_number(f"{group.folder}/cpu.stat", b"throttled_usec")
            return Usage(memory, _scaled(throttled, 1e6))
        folder = _below(hierarchy.memory, group)
        memory = _read_memory(folder, "memory.usage_in_bytes", b"total_inactive_file")
        throttled = _read_number(f"{_below(hierarchy.cpu, group)}/cpu.stat", b"throttled_time")
        return Usage(memory, _scaled(throttled, 1e9))


def _below(root: Path | None, group: Group) -> str:
    """The same cgroup in another controller's tree; container runtimes use the same paths."""
    return "" if root is None else f"{root}{group.path}"


def _scaled(number: int | None, unit: float) -> float | None:
    return None if number is None else number / unit


def _read_memory(folder: str, usage_file: str, inactive: bytes) -> int | None:
    """The working set as the kubelet counts it: page cache that can be dropped at once left out."""
    if not folder:
        return None
    try:
        used = int(read_kernel_file(f"{folder}/{usage_file}"))
    except (OSError, ValueError):
        return None
    idle_cache = _read_number(f"{folder}/memory.stat", inactive)
    return max(0, used - (idle_cache or 0))


def _read_number(path: str, key: bytes) -> int | None:
    try:
        return find_number(read_kernel_file(path), key)
    except (OSError, ValueError):
        return None
