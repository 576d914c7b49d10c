"""Hardware counters, one of each per CPU for all tasks, for the BPF program to read."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

from collector.probes import kernel

_HARDWARE = 0
_NAMES = ("cycles", "instructions", "cache_misses")
_PARANOID = Path("/proc/sys/kernel/perf_event_paranoid")


@dataclass(frozen=True)
class Event:
    """A counter as perf_event_open(2) names it."""

    kind: int
    config: int


@dataclass(frozen=True)
class CounterEvents:
    """What stands for cycles, instructions and cache misses; tests put software events here."""

    cycles: Event = Event(_HARDWARE, 0)
    instructions: Event = Event(_HARDWARE, 1)
    cache_misses: Event = Event(_HARDWARE, 3)


@dataclass(frozen=True)
class OpenCounters:
    """Descriptors by CPU, one group on each; `cache_misses` is empty where there are none."""

    cycles: dict[int, int] = field(default_factory=dict)
    instructions: dict[int, int] = field(default_factory=dict)
    cache_misses: dict[int, int] = field(default_factory=dict)

    def count_taken(self) -> int:
        """CPUs whose PMU others had for a while."""
        return sum(not kernel.is_counted(event) for event in self.cycles.values())

    def close(self) -> None:
        for group in (self.cycles, self.instructions, self.cache_misses):
            for descriptor in group.values():
                os.close(descriptor)
            group.clear()


def open_counters(
    events: CounterEvents, sysfs: Path = Path("/sys")
) -> tuple[OpenCounters | None, list[str]]:
    """The counters of all CPUs that are online, and sentences about what cannot be counted.

    None where cycles or instructions are missing on one of them: shares by cycles need all.
    """
    counters = OpenCounters()
    reasons = []
    for name in _NAMES:
        descriptors = getattr(counters, name)
        try:
            _open_everywhere(getattr(events, name), descriptors, counters.cycles, sysfs)
        except OSError as error:
            reasons.append(_explain(name.replace("_", " "), error))
            if name != "cache_misses":
                counters.close()
                return None, reasons
            OpenCounters(cache_misses=descriptors).close()
    return counters, reasons


def parse_cpus(text: str) -> list[int]:
    """CPU numbers of a kernel list such as 0-3,8."""
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus.extend(range(int(first), int(last or first) + 1))
    return cpus


def read_cpus(which: str, sysfs: Path = Path("/sys")) -> list[int]:
    """CPUs that are `possible` or `online`."""
    return parse_cpus((sysfs / "devices/system/cpu" / which).read_text())


def _open_everywhere(
    event: Event, opened: dict[int, int], leaders: dict[int, int], sysfs: Path
) -> None:
    kinds = _core_kinds(sysfs) if event.kind == _HARDWARE else {}
    for cpu in read_cpus("online", sysfs):
        config = event.config | kinds.get(cpu, 0) << 32
        opened[cpu] = kernel.open_event(event.kind, config, cpu, leaders.get(cpu, -1))


def _core_kinds(sysfs: Path) -> dict[int, int]:
    """On processors with two kinds of cores each kind has a PMU of its own, by CPU."""
    kinds: dict[int, int] = {}
    for name in ("cpu_core", "cpu_atom"):
        folder = sysfs / "bus/event_source/devices" / name
        if (folder / "cpus").is_file():
            kind = int((folder / "type").read_text())
            kinds |= dict.fromkeys(parse_cpus((folder / "cpus").read_text()), kind)
    return kinds


def _explain(name: str, error: OSError) -> str:
    if error.errno in {errno.EACCES, errno.EPERM}:
        level = _PARANOID.read_text().strip() if _PARANOID.is_file() else "?"
        return (
            f"no hardware counter of {name}: not allowed; add the capability CAP_PERFMON"
            f" (kernel.perf_event_paranoid is {level})"
        )
    if error.errno in {errno.ENOENT, errno.EOPNOTSUPP, errno.ENODEV, errno.EINVAL}:
        return f"no hardware counter of {name}: this machine shows none (as most virtual ones)"
    return f"no hardware counter of {name}: {error.strerror}"
