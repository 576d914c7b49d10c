"""Wall time and peak memory of whole processes, as the operating system accounts them."""

from __future__ import annotations

import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import collector
import recommender

JOULEFIT = str(Path(sys.executable).with_name("joulefit"))
_LAUNCHER = str(Path(__file__).with_name("launcher.py"))


@dataclass(frozen=True)
class Spent:
    """What one finished process cost; `output` is its standard output."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


def compile_package() -> None:
    """Compile joulefit as pip does when it installs it; an editable installation is not."""
    for package in (recommender, collector):
        compileall.compile_dir(Path(package.__file__).parent, quiet=1)


def run(*command: str, given: str = "") -> Spent:
    """Run a command to its end, `given` on its standard input; a failure raises with its errors.

    Nothing of the caller's own settings of joulefit reaches it.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JOULEFIT_")}
    with tempfile.NamedTemporaryFile("r") as cost:
        done = subprocess.run(
            [sys.executable, "-I", "-S", _LAUNCHER, cost.name, *command],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            env=kept,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
        return Spent(**json.load(cost), output=done.stdout)


def median(runs: list[Spent]) -> Spent:
    """The median of each figure over some runs of one command."""
    return Spent(
        statistics.median(each.seconds for each in runs),
        statistics.median(each.cpu_seconds for each in runs),
        int(statistics.median(each.peak_bytes for each in runs)),
        runs[-1].output,
    )
