"""Which probe: the ladder counters, time, cgroupfs, and why not higher."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from collector.identity.hierarchy import find_hierarchy
from collector.probes.cgroupfs import CgroupfsProbe
from collector.probes.failure import ProbeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.identity.hierarchy import Hierarchy
    from collector.model import Probe
    from collector.probes.bpf import BpfProbe


def start_bpf_probe() -> BpfProbe:
    """A running probe. Imported late: 1 MB that nodes without eBPF need not have."""
    from collector.probes.bpf import BpfProbe  # noqa: PLC0415

    return BpfProbe()


CHOICES = ("auto", "bpf", "cgroupfs")


def choose_probe(
    wanted: str = "auto",
    *,
    cgroup_root: Path = Path("/sys/fs/cgroup"),
    start_bpf: Callable[[], BpfProbe] = start_bpf_probe,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Probe, tuple[str, ...]]:
    """The best probe that works, begun, and sentences about what is missing and what helps.

    Raises:
        ProbeUnavailableError: the one that is wanted, or with `auto` none, works here.
    """
    hierarchy = find_hierarchy(cgroup_root)
    if wanted == "cgroupfs":
        return CgroupfsProbe(hierarchy, clock=clock), ("eBPF was not tried: --probe cgroupfs",)
    try:
        probe = _start(hierarchy, start_bpf)
    except ProbeUnavailableError as error:
        if wanted == "bpf":
            raise
        return CgroupfsProbe(hierarchy, clock=clock), (
            f"no eBPF: {error}",
            "CPU time comes from the kernel's accounting of cgroups (level cgroupfs)",
        )
    reasons = probe.reasons
    if probe.level == "time":
        reasons += ("energy is shared by CPU time, not by cycles (level time)",)
    return probe, reasons


def _start(hierarchy: Hierarchy, start_bpf: Callable[[], BpfProbe]) -> BpfProbe:
    if hierarchy.blindness:
        raise ProbeUnavailableError(hierarchy.blindness)
    return start_bpf()
