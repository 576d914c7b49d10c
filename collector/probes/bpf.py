"""Activity from the context switch: see sched_switch.c for what is counted and what it costs."""

from __future__ import annotations

import errno
import os
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from collector.model import ActivityReading
from collector.probes import kernel
from collector.probes.counter import CounterEvents, open_counters, read_cpus
from collector.probes.failure import ProbeUnavailableError
from collector.probes.program import ProgramOptions, load_program

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from collector.model import Level
    from collector.probes.counter import OpenCounters
    from collector.probes.kernel import ProgramCost

MAX_GROUPS = 4096
"""A node has at most 250 pods or so: 1,000 cgroups of containers and pods, some 100 services, and
those that ended since the last `forget`. 8 bytes each per CPU: 4 MB of kernel memory on 128 CPUs,
17 MB with counters.
"""
OVERFLOW_GROUP = 0
"""No cgroup has this id: it stands for all cgroups that found no room in the map."""

_FIRST = struct.pack("=I", 0)
_LEVELS = 8
_CPU_FIELDS = {"time": 2, "counters": 5}


class BpfProbe:
    """CPU time, and cycles, instructions and cache misses where the machine counts them.

    `reasons` are sentences about what it cannot tell. Work of cgroups that found no room in the
    map is in row OVERFLOW_GROUP, so that nothing is missing from the sum.
    """

    def __init__(
        self,
        *,
        max_groups: int = MAX_GROUPS,
        events: CounterEvents | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._cpus = max(read_cpus("possible")) + 1
        self._counters, reasons = open_counters(events or CounterEvents())
        self.reasons = tuple(reasons)
        self._descriptors: dict[str, int] = {}
        self._runs: list[kernel.RunOnCpu] = []
        try:
            self._start(max_groups)
        except BaseException:
            self.close()
            raise

    def _start(self, max_groups: int) -> None:
        counts = self._counters is not None
        options = ProgramOptions(max_groups, self._cpus, counts)
        self._descriptors = load_program(options)
        if self._counters is not None:
            _hand_over(self._counters, self._descriptors)
        fields = 4 if counts else 1
        self._keys = np.zeros(max_groups, np.uint64)
        self._values = np.zeros((max_groups, self._cpus, fields), np.uint64)
        self._spilled = np.zeros((self._cpus, fields), np.uint64)
        self._cpu_states = np.zeros((self._cpus, _CPU_FIELDS[self.level]), np.uint64)
        program = self._descriptors["program"]
        self._runs = [kernel.RunOnCpu(program, cpu) for cpu in range(self._cpus)]
        try:
            self._charge_running()  # time begins now, before the first switch
            self._descriptors["link"] = kernel.attach_raw_tracepoint(program, "sched_switch")
        except OSError as error:
            raise ProbeUnavailableError(
                f"the kernel refuses the BPF program ({error.strerror}); it wants Linux 5.10"
            ) from error

    @property
    def level(self) -> Level:
        return "time" if self._counters is None else "counters"

    def read(self) -> ActivityReading:
        self._charge_running()
        at = self._clock()
        count = kernel.lookup_batch(self._descriptors["works"], self._keys, self._values)
        order = np.argsort(self._keys[:count])
        keys, work = self._keys[order], self._values[order]
        kernel.lookup(self._descriptors["spilled"], _FIRST, self._spilled)
        kernel.lookup(self._descriptors["cpus"], _FIRST, self._cpu_states)
        lost = int(self._cpu_states[:, 1].sum())
        if lost:
            keys = np.concatenate([np.array([OVERFLOW_GROUP], np.uint64), keys])
            work = np.concatenate([self._spilled[None], work])
        return self._reading(at, keys, work, lost, self._problems(lost))

    def _reading(
        self,
        at: float,
        keys: NDArray[np.uint64],
        work: NDArray[np.uint64],
        lost: int,
        problems: tuple[str, ...],
    ) -> ActivityReading:
        groups = tuple(keys.tolist())
        cpu_ns = np.ascontiguousarray(work[:, :, 0])
        if self._counters is None:
            return ActivityReading(at, "time", groups, cpu_ns, lost=lost, problems=problems)
        misses = work[:, :, 3].sum(axis=1) if self._counters.cache_misses else None
        return ActivityReading(
            at,
            "counters",
            groups,
            cpu_ns,
            cycles=np.ascontiguousarray(work[:, :, 1]),
            instructions=work[:, :, 2].sum(axis=1),
            cache_misses=misses,
            lost=lost,
            problems=problems,
        )

    def _problems(self, lost: int) -> tuple[str, ...]:
        problems = []
        if lost:
            problems.append(
                f"{lost} context switches of cgroups beyond the {len(self._keys)} that the map"
                " holds: their work is charged to nobody"
            )
        if self._counters is not None and (taken := self._counters.count_taken()):
            problems.append(
                f"hardware counters of {taken} CPUs were taken by others (perf, the NMI watchdog)"
                " for a while: cycles of that time are missing"
            )
        return tuple(problems)

    def _charge_running(self) -> None:
        """Charges each CPU's running task up to now."""
        for run in self._runs:
            try:
                run()
            except OSError as error:
                if error.errno != errno.ENXIO:  # an offline CPU runs nothing
                    raise

    def forget(self, groups: frozenset[int]) -> None:
        for group in groups:
            key = struct.pack("=Q", group)
            for name in ("works", "lineages"):
                with suppress(FileNotFoundError):
                    kernel.delete(self._descriptors[name], key)

    def ancestors(self, group: int) -> tuple[int, ...]:
        """Cgroup ids above this one, nearest first, the root left out; known also when the
        folder is gone.
        """
        lineage = np.zeros(_LEVELS, np.uint64)
        try:
            kernel.lookup(self._descriptors["lineages"], struct.pack("=Q", group), lineage)
        except FileNotFoundError:
            return ()
        return tuple(each for each in reversed(lineage.tolist()) if each not in {0, group})

    def read_cost(self) -> ProgramCost:
        """The kernel's own figures of what the program takes; `runs` stays 0 while its BPF
        statistics are off (`enable_statistics`, or sysctl kernel.bpf_stats_enabled=1).
        """
        return kernel.read_cost(self._descriptors["program"])

    def enable_statistics(self) -> None:
        """Has the kernel measure all BPF programs until this probe is closed.

        Costs two clocks per run, about 40 ns. OSError EPERM without CAP_SYS_ADMIN.
        """
        if "statistics" not in self._descriptors:
            self._descriptors["statistics"] = kernel.enable_statistics()

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors, self._runs = {}, []
        if self._counters is not None:
            self._counters.close()
            self._counters = None


def _hand_over(counters: OpenCounters, descriptors: dict[str, int]) -> None:
    for name in ("cycles", "instructions", "cache_misses"):
        for cpu, event in getattr(counters, name).items():
            kernel.set_event(descriptors[f"{name}_events"], cpu, event)
