"""A container that uses exactly as much CPU as a test wants, however busy the machine is."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

from tests.collector.real.control import Burner

if TYPE_CHECKING:
    from pathlib import Path

PERIOD = 0.02  # seconds between two looks: 20 ms too much or too little are 1 % of 2 CPU seconds

# Stops itself before it burns, so that nothing is used until it is let go. Kubernetes makes one $
# of two, and a container's first process cannot stop itself.
HELD = ("sh", "-c", "sh -c 'kill -STOP $$$$; while :; do :; done' & wait; sleep infinity")


class SteadyLoad:
    """As a context manager: the container of a pod that runs HELD uses `cores`.

    The kernel's own accounting is followed: what it got too little of is made up for at once.
    """

    def __init__(self, cgroup: Path, cores: float) -> None:
        self.cores = cores
        self._burner = Burner(cgroup)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._begun = self._used_before = 0.0
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
    def used_cores(self) -> float:
        """Mean over all that time, as the kernel counts it. Raises what ended the load early."""
        if self._failure is not None:
            raise self._failure
        return (self._burner.cpu_seconds - self._used_before) / self.seconds

    def _follow(self) -> None:
        runs = False
        try:
            while not self._end.wait(PERIOD):
                wants = self._burner.cpu_seconds - self._used_before < self.cores * self.seconds
                if wants and not runs:
                    self._burner.go()
                elif runs and not wants:
                    self._burner.rest()
                runs = wants
        except OSError as failure:  # the container is gone
            self._failure = failure
