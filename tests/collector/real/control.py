"""Pods whose work begins and ends when a test says so."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.testbed.process import wait_until


def pids_of(cgroup: Path) -> list[int]:
    return [int(line) for line in (cgroup / "cgroup.procs").read_text().split()]


def cpu_seconds(cgroup: Path) -> float:
    """What the kernel's accounting says."""
    words = (cgroup / "cpu.stat").read_text().split()
    return int(words[words.index("usage_usec") + 1]) / 1e6


class Burner:
    """The container of a pod that burns CPU without end, held until `go`."""

    def __init__(self, cgroup: Path) -> None:
        self.cgroup = cgroup
        self.rest()

    @property
    def cpu_seconds(self) -> float:
        return cpu_seconds(self.cgroup)

    def go(self) -> None:
        self._signal(signal.SIGCONT)

    def rest(self) -> None:
        """Returns when it does not use CPU any more."""
        self._signal(signal.SIGSTOP)
        wait_until(
            lambda: all(_state(pid) == "T" for pid in pids_of(self.cgroup)), "the burner rests"
        )

    def burn(self, seconds: float) -> float:
        """So many CPU seconds, or a little more: how many it were."""
        before = self.cpu_seconds
        self.go()
        wait_until(lambda: self.cpu_seconds >= before + seconds, f"{seconds} CPU seconds")
        self.rest()
        return self.cpu_seconds - before

    def _signal(self, number: signal.Signals) -> None:
        for pid in pids_of(self.cgroup):
            os.kill(pid, number)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
