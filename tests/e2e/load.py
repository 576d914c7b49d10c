"""A container that uses as much CPU as a test wants, and what it really used, bin by bin."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from tests.collector.real.control import Burner

if TYPE_CHECKING:
    from pathlib import Path

BIN = 10  # seconds, in step with the clock as the bins of a history are
PERIOD = 0.02  # seconds between two looks: 20 ms too much or too little are 1 % of 2 CPU seconds
MOST_OWED = 0.1  # CPU seconds; what a busy machine kept back is not made up for in a later bin

# Stops itself before it burns, so that nothing is used until it is let go. Kubernetes makes one $
# of two, and a container's first process cannot stop itself.
HELD = ("sh", "-c", "sh -c 'kill -STOP $$$$; while :; do :; done' & wait; sleep infinity")


class SteadyLoad:
    """As a context manager: the container of a pod that runs HELD uses `cores`, or less on a
    machine that has not so many to give.
    """

    def __init__(self, cgroup: Path, cores: float) -> None:
        self.cores = cores
        self._burner = Burner(cgroup)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._begun = self._used_before = 0.0
        self._bins: list[float] = []
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        self._begun, self._used_before = time.monotonic(), self._burner.cpu_seconds
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._begun

    @property
    def mean_cores(self) -> float:
        """Over all that time, as the kernel counts it."""
        return (self._burner.cpu_seconds - self._used_before) / self.seconds

    @property
    def bins(self) -> tuple[float, ...]:
        """Mean cores of each whole bin so far, as the kernel counts them; the first bin, in which
        it began, is not among them. Raises what ended the load early.
        """
        if self._failure is not None:
            raise self._failure
        return tuple(self._bins)

    def _follow(self) -> None:
        try:
            self._pace()
        except OSError as failure:  # the container is gone
            self._failure = failure

    def _pace(self) -> None:
        runs, due, looked = False, self._used_before, self._begun
        edge = _Edge()
        while not self._end.wait(PERIOD):
            used, now = self._burner.cpu_seconds, time.monotonic()
            due, looked = due + self.cores * (now - looked), now
            due = min(due, used + MOST_OWED)
            if used < due and not runs:
                self._burner.go()
            elif used >= due and runs:
                self._burner.rest()
            runs = used < due
            if (cores := edge.pass_to(time.time(), used)) is not None:
                self._bins.append(cores)


class _Edge:
    """The last edge of a bin that was passed, and how much had been used then."""

    def __init__(self) -> None:
        self._bin: int | None = None
        self._at: tuple[float, float] | None = None

    def pass_to(self, now: float, used: float) -> float | None:
        """Mean cores since the edge before, if `now` is the first look beyond another one."""
        number = int(now // BIN)
        if number == self._bin:
            return None
        is_first, self._bin = self._bin is None, number
        if is_first:
            return None
        before, self._at = self._at, (now, used)
        return None if before is None else (used - before[1]) / (now - before[0])
