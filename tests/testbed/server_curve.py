"""Published power curves of real servers, from which the fleet's nodes draw their watts.

SPECpower_ssj2008 results (https://www.spec.org/power_ssj2008/results/): wall watts at active idle
and at 10, 20, ... 100 % of the server's own maximum throughput.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LOADS = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True)
class ServerCurve:
    """A server: its CPU's name as /proc/cpuinfo spells it, its logical CPUs, watts at LOADS."""

    cpu_model: str
    threads: int
    watts: tuple[float, ...]

    def watts_at(self, utilisation: np.ndarray, *, cores: int) -> np.ndarray:
        """Watts of the share of the server that has `cores` of its logical CPUs.

        Straight lines between the published points; utilisation within 0 ... 1.
        """
        return np.interp(utilisation, LOADS, self.watts) * (cores / self.threads)


SERVERS = {
    "Dell R7425": ServerCurve(
        "AMD EPYC 7601 32-Core Processor",
        128,
        (84.9, 138, 154, 168, 182, 197, 214, 234, 253, 271, 287),
    ),
    "Lenovo SR645": ServerCurve(
        "AMD EPYC 7763 64-Core Processor",
        256,
        (102, 172, 194, 215, 238, 257, 282, 305, 332, 385, 461),
    ),
    "HPE DL360 G10+": ServerCurve(
        "Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz",
        160,
        (110, 181, 211, 240, 268, 303, 344, 397, 455, 578, 623),
    ),
}
