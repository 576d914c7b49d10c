"""Fleets' histories as the stores keep them, made once per machine: making one takes most of the
time of starting a store."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.testbed.exposition import SCHEMAS
from tests.testbed.fleet import FleetShape, generate_fleet
from tests.testbed.part import cache_folder
from tests.testbed.store import PrometheusServer, VictoriaMetricsServer, write_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# More than the suite and the benchmarks use: with fewer each would find that the one it needs has
# just made room for another. Most are a few MB, the largest 80.
KEPT_HISTORIES = 60

# A history is made anew when the code that makes it changes.
_MAKERS = ("exposition", "fleet", "kubernetes_exporter", "openmetrics", "sampler", "server_curve")


def _digest(shape: FleetShape, schema: str) -> str:
    digest = hashlib.sha256(f"{shape!r} {schema}".encode())
    for name in _MAKERS:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:20]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One maker at a time: a run beside this one waits and then finds what it needs."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_oldest(folder: Path) -> None:
    histories = [path for path in folder.iterdir() if path.is_dir() and path.suffix != ".part"]
    histories.sort(key=lambda path: path.stat().st_mtime)
    for path in histories[:-KEPT_HISTORIES]:
        shutil.rmtree(path, ignore_errors=True)


def cached_folder(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, filled by `make` if it is not there yet, whole or not at all."""
    folder = cache_folder() / "histories"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name
    with _locked(folder / f"{name}.lock"):
        if not target.exists():
            part = target.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            make(part)
            part.rename(target)
        os.utime(target)
        _remove_oldest(folder)
    return target


def prometheus_of_fleet(
    shape: FleetShape | None = None, schema: str = "joulefit"
) -> PrometheusServer:
    """A Prometheus, not started, with the history of a fleet in one of the SCHEMAS."""
    shape = shape or FleetShape()

    def make(folder: Path) -> None:
        write_blocks(SCHEMAS[schema](generate_fleet(shape)), folder)

    return PrometheusServer(blocks=cached_folder(f"prometheus-{_digest(shape, schema)}", make))


def victoria_metrics_of_fleet(
    shape: FleetShape | None = None, schema: str = "joulefit"
) -> VictoriaMetricsServer:
    """A VictoriaMetrics, not started, with the history of a fleet in one of the SCHEMAS."""
    shape = shape or FleetShape()

    def make(folder: Path) -> None:
        with VictoriaMetricsServer(SCHEMAS[schema](generate_fleet(shape))) as server:
            server.save(folder)

    return VictoriaMetricsServer(data=cached_folder(f"victoria-{_digest(shape, schema)}", make))
