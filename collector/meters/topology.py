"""Which CPU belongs to which socket and die, and how fast it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collector.meters.sensor import SensorFile, read_word

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_CPU = re.compile(r"cpu(\d+)")


@dataclass(frozen=True)
class Topology:
    """`domains[cpu]` holds the sockets that a CPU is in, as zones name them: {"0", "0-die-1"}.

    It is empty for a CPU that is offline or missing. `cores` is the number of CPUs online.
    """

    domains: tuple[frozenset[str], ...]
    cores: int

    def members(self, socket: str, columns: int) -> NDArray[np.float64]:
        """1 for CPUs 0 ... columns - 1 that are in the socket, else 0.

        All are in "" (the whole node), in a socket that no CPU names, and where the columns are
        not one per CPU.
        """
        inside = [socket in domain for domain in self.domains[:columns]]
        if not socket or columns == 1 or not any(inside):
            return np.ones(columns)
        return np.array(inside + [False] * (columns - len(inside)), dtype=np.float64)


def read_topology(sysfs_root: Path, procfs_root: Path | None = None) -> Topology:
    """The CPUs of the tree; without one, a node whose CPUs are all in every socket.

    Their number is then what `procfs_root` tells, or 0.
    """
    found: dict[int, frozenset[str]] = {}
    for number, folder in _list_cpus(sysfs_root).items():
        socket = read_word(folder / "topology" / "physical_package_id")
        die = read_word(folder / "topology" / "die_id")
        if socket.isdigit():
            found[number] = frozenset({socket, f"{socket}-die-{die}" if die else socket})
        elif (folder / "topology").is_dir():
            found[number] = frozenset({"0"})  # online, in a machine that does not number sockets
    domains = tuple(found.get(number, frozenset()) for number in range(max(found, default=-1) + 1))
    cores = len(found)
    if not found and procfs_root is not None:
        cores = count_cores(procfs_root)
    return Topology(domains, cores)


def count_cores(procfs_root: Path) -> int:
    """Logical CPUs that are online and visible; 0 where procfs does not tell."""
    try:
        lines = (procfs_root / "stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return 0
    return sum(line.startswith("cpu") and line[3:4].isdigit() for line in lines)


class FrequencyReader:
    """The present frequency of each CPU.

    Cost: one small file per CPU, some 10 us each; ask only where there are no cycle counters.
    """

    def __init__(self, sysfs_root: Path) -> None:
        cpus = _list_cpus(sysfs_root)
        self._files = {
            number: SensorFile(folder / "cpufreq" / "scaling_cur_freq")
            for number, folder in cpus.items()
            if (folder / "cpufreq" / "scaling_cur_freq").exists()
        }
        self._columns = max(cpus, default=-1) + 1

    def read(self) -> NDArray[np.float64] | None:
        """Hertz by CPU, NaN where one does not tell; None where none does."""
        if not self._files:
            return None
        hertz = np.full(self._columns, np.nan)
        for number, file in self._files.items():
            try:
                hertz[number] = file.read_number() * 1000.0  # the kernel shows kHz
            except (OSError, ValueError):
                continue
        return hertz if np.isfinite(hertz).any() else None


def _list_cpus(sysfs_root: Path) -> dict[int, Path]:
    try:
        folders = list((sysfs_root / "devices" / "system" / "cpu").iterdir())
    except OSError:
        return {}
    matches = [(_CPU.fullmatch(folder.name), folder) for folder in folders]
    return {int(match[1]): folder for match, folder in matches if match}
