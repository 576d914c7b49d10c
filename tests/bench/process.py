"""Wall time and peak memory of whole processes, as the operating system accounts them."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Spent:
    """What one finished process cost; `output` is its standard output."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def run(*command: str, environment: dict[str, str] | None = None) -> Spent:
    """Run a command to its end; a failure raises with its standard error."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, env={**os.environ, **(environment or {})}
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(
                f"{' '.join(command)} ended with {process.returncode}: {errors.read()}"
            )
        cpu = usage.ru_utime + usage.ru_stime
        return Spent(seconds, cpu, usage.ru_maxrss * 1024, output.read())


def median(runs: list[Spent]) -> Spent:
    """The median of each figure over some runs of one command."""
    return Spent(
        statistics.median(each.seconds for each in runs),
        statistics.median(each.cpu_seconds for each in runs),
        int(statistics.median(each.peak_bytes for each in runs)),
        runs[-1].output,
    )
