"""A load of known size in a cgroup of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from recommender.errors import JoulefitError

if TYPE_CHECKING:
    from pathlib import Path

_SPIN = "while True: pass"


class LoadError(JoulefitError):
    """The load's cgroup cannot be made here."""


class CgroupLoad:
    """So many busy processes in a new cgroup below `root`; they begin stopped.

    Raises LoadError where no cgroup can be made. Both are gone when the context ends.
    """

    def __init__(self, root: Path, *, processes: int) -> None:
        self.folder = root / f"joulefit-validate-{os.getpid()}"
        self._wanted = processes
        self._running: list[subprocess.Popen[bytes]] = []

    @property
    def group(self) -> int:
        """The cgroup's id."""
        return self.folder.stat().st_ino

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir()
            for _ in range(self._wanted):
                self._start()
        except OSError as error:
            self._end()
            raise LoadError(
                f"no cgroup of its own for the load at {self.folder} ({error.strerror}); run as "
                "root where cgroups can be written"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def go(self) -> None:
        self._signal(signal.SIGCONT)

    def rest(self) -> None:
        self._signal(signal.SIGSTOP)

    def _start(self) -> None:
        process = subprocess.Popen([sys.executable, "-S", "-c", _SPIN])  # noqa: S603 - our own
        self._running.append(process)
        process.send_signal(signal.SIGSTOP)
        (self.folder / "cgroup.procs").write_text(str(process.pid))

    def _signal(self, number: signal.Signals) -> None:
        for process in self._running:
            process.send_signal(number)

    def _end(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()
        with suppress(OSError):
            self.folder.rmdir()
