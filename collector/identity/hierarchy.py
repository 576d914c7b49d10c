"""Where the machine's cgroups are: version 2, version 1, or both beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_CPU_TIME = ("cpuacct", "cpu,cpuacct", "cpuacct,cpu")
_CPU = ("cpu", "cpu,cpuacct", "cpuacct,cpu")
_OF_CONTAINERS = ("kubepods", "kubelet", "docker", "machine")
_PARTIAL = (
    "{root} shows only a part of the cgroups (a private cgroup namespace); mount the host's"
    " /sys/fs/cgroup into the container"
)


@dataclass(frozen=True)
class Hierarchy:
    """Folders of the controllers.

    version     v2, hybrid (v1 controllers, v2 for processes) or v1
    groups      the tree whose folders' inodes are the cgroup ids: the one that BPF reports, if any
    cpu_time    v1: cpuacct; None where `groups` has cpu.stat
    cpu         v1: cpu, for throttling
    memory      v1: memory
    exact_total hybrid: cpuacct's total; version 2's own total is sampled at the timer's ticks
    blindness   why BPF cannot tell containers apart here, "" if it can
    problem     a sentence about a root that is not the machine's, "" if it is
    """

    version: Literal["v2", "hybrid", "v1"]
    groups: Path
    cpu_time: Path | None = None
    cpu: Path | None = None
    memory: Path | None = None
    exact_total: Path | None = None
    blindness: str = ""
    problem: str = ""

    @property
    def has_accounting(self) -> bool:
        """Whether there is CPU accounting to read at all."""
        return self.cpu_time is not None or (self.groups / "cpu.stat").is_file()


def find_hierarchy(root: Path = Path("/sys/fs/cgroup")) -> Hierarchy:
    """What is mounted below this folder."""
    if (root / "cgroup.controllers").is_file():
        partial = (root / "cgroup.type").is_file()  # which a true root has not
        return Hierarchy("v2", root, problem=_PARTIAL.format(root=root) if partial else "")
    cpu_time, cpu, memory = (_first_folder(root, names) for names in (_CPU_TIME, _CPU, ("memory",)))
    unified = root / "unified"
    if not (unified / "cgroup.controllers").is_file():
        return Hierarchy(
            "v1",
            cpu_time or root / _CPU_TIME[0],
            cpu_time,
            cpu,
            memory,
            blindness="cgroups are version 1, which BPF cannot tell apart; boot with"
            " systemd.unified_cgroup_hierarchy=1",
        )
    if cpu_time is not None and (absent := _containers(cpu_time) - _containers(unified)):
        return Hierarchy(
            "v1",
            cpu_time,
            cpu_time,
            cpu,
            memory,
            blindness=f"the container runtime keeps {', '.join(sorted(absent))} in cgroups of"
            " version 1 only, which BPF cannot tell apart; boot with"
            " systemd.unified_cgroup_hierarchy=1",
        )
    total = cpu_time / "cpuacct.usage" if cpu_time else None
    return Hierarchy("hybrid", unified, None, cpu, memory, exact_total=total)


def _first_folder(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _containers(root: Path) -> set[str]:
    """Folders at the top that hold containers."""
    return {
        entry.name
        for entry in root.iterdir()
        if entry.name.startswith(_OF_CONTAINERS) and entry.is_dir()
    }
