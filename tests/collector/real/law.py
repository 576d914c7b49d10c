"""Energy registers that follow the machine's true busy time by a known law.

    python law.py TREE

    joules of a zone = watts without load x seconds + watts for each busy CPU x CPU seconds

This process writes them, 50 times a second, into the files of a powercap tree; it goes on from what
is in them.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

WRITES_PER_SECOND = 50.0


@dataclass(frozen=True)
class Zone:
    """One register: its folder, its kernel's name, its law and where it wraps."""

    folder: str
    kernel_name: str
    idle_watts: float
    watts_per_cpu: float
    range_uj: int


LAW = {
    "package": Zone("intel-rapl:0", "package-0", 12.0, 25.0, 262_143_328_850),
    "dram": Zone("intel-rapl:0:0", "dram", 3.0, 5.0, 65_712_999_613),
}
IDLE_WATTS = sum(zone.idle_watts for zone in LAW.values())
WATTS_PER_CPU = sum(zone.watts_per_cpu for zone in LAW.values())

# Of all tasks, to the nanosecond; /proc/stat is sampled at the timer's ticks.
_EXACT = [
    Path("/sys/fs/cgroup") / name / "cpuacct.usage"
    for name in ("cpuacct", "cpu,cpuacct", "cpuacct,cpu")
]


def energy_file(tree: Path, zone: str) -> Path:
    return tree / "class" / "powercap" / LAW[zone].folder / "energy_uj"


def read_busy_seconds() -> float:
    """CPU seconds of everything that this machine has done."""
    for file in _EXACT:
        if file.is_file():
            return int(file.read_text()) / 1e9
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _, _, irq, softirq = map(int, fields[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def drive(tree: Path) -> None:
    """Write for ever."""
    files = {zone: os.open(energy_file(tree, zone), os.O_RDWR) for zone in LAW}
    begins = {zone: int(os.pread(file, 64, 0)) for zone, file in files.items()}
    begin, busy_at_begin = time.monotonic(), read_busy_seconds()
    due = begin
    while True:
        seconds, busy = time.monotonic() - begin, read_busy_seconds() - busy_at_begin
        for zone, file in files.items():
            law = LAW[zone]
            joules = law.idle_watts * seconds + law.watts_per_cpu * busy
            register = (begins[zone] + round(joules * 1e6)) % law.range_uj
            os.pwrite(file, b"%018d\n" % register, 0)  # always as long: never half a number
        due = max(due + 1.0 / WRITES_PER_SECOND, time.monotonic())
        time.sleep(max(due - time.monotonic(), 0.0))


if __name__ == "__main__":
    drive(Path(sys.argv[1]))
