"""The service beside 1,000 VPAs: its cycles, its memory, what one new bin of history costs."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.cluster.connection import connect
from recommender.cluster.reader import ClusterReader
from recommender.evidence import LiveSource
from recommender.history.kept import KeptHistory
from recommender.history.store_reader import StoreReader
from recommender.settings import ClusterSettings, StoreSettings, WindowSettings
from recommender.units import DAY
from tests.bench import churn
from tests.bench.figure import megabytes
from tests.bench.stage import Stage
from tests.service.process import ServiceProcess
from tests.testbed.fleet import FleetShape

if TYPE_CHECKING:
    from tests.bench.figure import Sheet

SHAPE = FleetShape(
    nodes=40,
    workloads=1000,
    daemonsets=0,
    statefulsets=0,
    replicas=1,
    sidecar_share=0.0,
    namespaces=10,
    foreign_vpas=0,
    has_rollout=False,
    sample_seconds=300,
)
CYCLES = 5
_TOTAL = "joulefit_recommender_step_seconds"


def bench(sheet: Sheet) -> None:
    sheet.begin(f"service: {SHAPE.workloads:,} VPAs, 8 days of {SHAPE.sample_seconds} s samples")
    with Stage(SHAPE) as stage:
        _bench_cycles(sheet, stage)
        _bench_new_bin(sheet, stage)
    churn.bench(sheet)


def _bench_cycles(sheet: Sheet, stage: Stage) -> None:
    flags = ("--no-lease", "--end", SHAPE.end, "--history", f"{SHAPE.days:g}d")
    kubeconfig = Path(stage.kubeconfig)
    with ServiceProcess(*flags, kubeconfig=kubeconfig, store=stage.store, interval="2s") as process:
        process.wait(lambda: process.cycles() > 0, "the first cycle ends", seconds=300)
        process.wait(lambda: _seconds(process)[1] >= 1, "it is told")
        first = _seconds(process)[0]
        asked = stage.count_requests()
        before, cpu = _seconds(process), _cpu_seconds(process.pid)
        process.wait(lambda: _seconds(process)[1] >= before[1] + CYCLES, "cycles", seconds=300)
        after = _seconds(process)
        count = after[1] - before[1]
        steady = (after[0] - before[0]) / count
        spent = (_cpu_seconds(process.pid) - cpu) / count
        written = process.value("joulefit_recommender_status_writes_total", outcome="written")
        status = Path(f"/proc/{process.pid}/status").read_text()
    resident, peak = (
        int(re.search(rf"{name}:\s+(\d+)", status)[1]) * 1024 for name in ("VmRSS", "VmHWM")
    )
    sheet.show(
        "first cycle: reads all, writes all",
        f"{first:.2f} s",
        limit="< 20 s",
        is_reached=first < 20 and written == SHAPE.workloads,
        beside=f"{written:.0f} statuses written",
    )
    sheet.show(
        "cycle without changes, mean",
        f"{steady:.2f} s",
        limit="< 5 s",
        is_reached=steady < 5,
        beside=f"{spent:.2f} s of processor time; {stage.count_requests() - asked} queries",
    )
    sheet.show(
        "  statuses written by these",
        f"{written - SHAPE.workloads:.0f}",
        limit="0",
        is_reached=written == SHAPE.workloads,
    )
    sheet.show(
        "resident",
        megabytes(resident),
        limit="< 200 MB",
        is_reached=resident < 200e6,
        beside=f"at most {megabytes(peak)} since its start",
    )


def _bench_new_bin(sheet: Sheet, stage: Stage) -> None:
    """What a service reads of the store when one more bin of history is there."""
    settings = ClusterSettings(kubeconfig=stage.kubeconfig)
    kept = KeptHistory(StoreReader(StoreSettings(store=stage.store)))
    seconds, asked = [], []
    with connect(settings) as connection:
        for end in (SHAPE.end - 300, SHAPE.end):
            source = LiveSource(
                store=kept,
                cluster=ClusterReader(connection, settings),
                settings=settings,
                window=WindowSettings(end=float(end), history=SHAPE.days * DAY),
                store_name=stage.store,
            )
            begun = time.monotonic()
            history = source.read().history
            seconds.append(time.monotonic() - begun)
            asked.append((history.queries, history.received_bytes))
    (queries, size), (more, added) = asked
    sheet.show(
        "reading one new bin",
        f"{seconds[1]:.2f} s",
        beside=f"{more} queries, {added / 1e6:.1f} MB; the whole window: {seconds[0]:.2f} s, "
        f"{queries} queries, {size / 1e6:.0f} MB",
    )


def _seconds(process: ServiceProcess) -> tuple[float, float]:
    """Of all cycles so far, and how many."""
    return (
        process.value(f"{_TOTAL}_sum", step="total"),
        process.value(f"{_TOTAL}_count", step="total"),
    )


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100.0
