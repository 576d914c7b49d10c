"""What the node itself tells: its name, its processor and its busy time."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

from collector.snapshot import NodeFacts, Overhead

if TYPE_CHECKING:
    from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def read_node(name: str, *, procfs_root: Path, cores: int) -> NodeFacts:
    """Facts that do not change while the node is up; "" where one is not told."""
    return NodeFacts(
        name=name or platform.node(),
        cpu_model=_read_cpu_model(procfs_root),
        cores=cores,
        kernel=platform.release(),
    )


def read_busy_seconds(procfs_root: Path) -> float:
    """CPU seconds of everything on the node, steal left out. Raises OSError or ValueError."""
    with (procfs_root / "stat").open("rb") as stream:
        fields = stream.readline().split()
    user, nice, system, _idle, _wait, irq, softirq = map(int, fields[1:8])
    return (user + nice + system + irq + softirq) / _TICKS


def read_overhead() -> Overhead:
    """CPU seconds and resident bytes of this process."""
    times = os.times()
    with open("/proc/self/statm", "rb") as stream:  # noqa: PTH123 - hot: once an interval
        pages = int(stream.read().split()[1])
    return Overhead(cpu_seconds=times.user + times.system, resident_bytes=pages * _PAGE)


def _read_cpu_model(procfs_root: Path) -> str:
    try:
        with (procfs_root / "cpuinfo").open(encoding="utf-8", errors="replace") as stream:
            models = (line.partition(":")[2] for line in stream if line.startswith("model name"))
            return next(models, "").strip()
    except OSError:
        return ""
