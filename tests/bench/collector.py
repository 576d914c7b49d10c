"""The node collector beside 200 real containers: its CPU time, memory, scrape, start and probe."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collector.probes import kernel
from tests.bench.collector_containers import Containers
from tests.bench.collector_machine import Kubelet, Meter, switch_storm
from tests.bench.collector_process import INTERVAL, CollectorProcess, Cost
from tests.bench.figure import megabytes
from tests.testbed.part import MissingPartError

if TYPE_CHECKING:
    from tests.bench.figure import Sheet

CONTAINERS = 200
SECONDS = 65.0
MOST_AT_START = 0.8 * 256 * 2**20
_PUBLISHED = "{} by the best-known exporter (published, not measured here)"


@dataclass(frozen=True)
class Found:
    """What one collector cost; nanoseconds of its program per context switch, if it has one."""

    cost: Cost
    level: str
    start_seconds: float
    start_bytes: int
    switch_ns: float
    switches: float


def bench(sheet: Sheet) -> None:
    sheet.begin(
        f"collector: {CONTAINERS} containers in pods with sandboxes, every {INTERVAL:g} s, scraped "
        f"as often, over {SECONDS:g} s each"
    )
    try:
        few = _run("auto", processes=1)
        many = _run("auto", processes=10)
        without = _run("cgroupfs", processes=1)
    except MissingPartError as error:
        sheet.show("not measured", "", beside=str(error))
        return
    if few.level == "cgroupfs":
        sheet.show("with bcc", "-", limit="measured", is_reached=False, beside="no eBPF here")
    _show_cpu(sheet, few, "1 process each", theirs="0.68 %")
    _show_cpu(sheet, many, "10 processes each", theirs="6.0 %")
    sheet.show("  without bcc, 1 process each", f"{without.cost.core_percent:.2f} %")
    _show_memory(sheet, few, "with bcc", most=130, theirs="78 MB, one process each")
    _show_memory(sheet, many, "with bcc, 10 processes each", most=130, theirs="107 MB")
    _show_memory(sheet, without, "without bcc", most=45, theirs="78 MB, one process each")
    _show_rest(sheet, few, many)


def _run(probe: str, *, processes: int) -> Found:
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        sysfs = folder / "sys"
        containers = running.enter_context(Containers(pods=CONTAINERS, processes=processes))
        meter = running.enter_context(Meter(sysfs))
        kubelet = running.enter_context(Kubelet(folder, containers.pod_list()))
        process = running.enter_context(CollectorProcess(folder, meter, kubelet, probe=probe))
        _check(process)
        level = process.level()
        cost = process.measure(SECONDS)
        nanoseconds, switches = (0.0, 0.0) if level == "cgroupfs" else _storm(process)
        return Found(cost, level, process.start_seconds, process.start_bytes, nanoseconds, switches)


def _check(process: CollectorProcess) -> None:
    """A collector that has not found its containers would be cheap."""
    process.next_snapshot()
    named = len(re.findall(rb'container_cpu_seconds_total{.*namespace="team-', process.scrape()))
    if named < CONTAINERS:
        raise RuntimeError(f"only {named} of {CONTAINERS} containers have names")


def _storm(process: CollectorProcess) -> tuple[float, float]:
    """Nanoseconds per run of the program, and runs, while each CPU switches as fast as it can."""
    try:
        statistics = kernel.enable_statistics()
    except OSError as error:
        raise MissingPartError(f"no BPF statistics: {error}; run as root") from error
    names = ("joulefit_collector_bpf_seconds_total", "joulefit_collector_bpf_runs_total")
    with os.fdopen(statistics), switch_storm():
        process.next_snapshot()
        before = [process.value(name) for name in names]
        process.next_snapshot()
        process.next_snapshot()
        seconds, runs = (process.value(name) - was for name, was in zip(names, before, strict=True))
    return seconds / runs * 1e9, runs


def _show_cpu(sheet: Sheet, found: Found, what: str, *, theirs: str) -> None:
    percent = found.cost.core_percent
    sheet.show(
        f"CPU of one core, {what}",
        f"{percent:.2f} %",
        limit="<= 0.5 %",
        is_reached=percent <= 0.5,
        beside=f"level {found.level}; {_PUBLISHED.format(theirs)}",
    )


def _show_memory(sheet: Sheet, found: Found, what: str, *, most: int, theirs: str) -> None:
    size = found.cost.resident_bytes
    sheet.show(
        f"resident, {what}",
        megabytes(size),
        limit=f"<= {most} MB",
        is_reached=size <= most * 1e6,
        beside=_PUBLISHED.format(theirs),
    )


def _show_rest(sheet: Sheet, few: Found, many: Found) -> None:
    start = max(few, many, key=lambda found: found.start_seconds)
    highest = max(few.start_bytes, many.start_bytes)
    sheet.show(
        "most while it starts, with its compiler",
        megabytes(highest),
        limit=f"<= {MOST_AT_START / 1e6:.0f} MB",
        is_reached=highest <= MOST_AT_START,
        beside="four fifths of the memory limit in the chart",
    )
    worst = max(few, many, key=lambda found: found.switch_ns)
    sheet.show(
        "program per context switch",
        f"{worst.switch_ns:.0f} ns",
        limit="<= 300 ns",
        is_reached=0 < worst.switch_ns <= 300,
        beside=f"the kernel's BPF statistics, of {worst.switches:,.0f} switches",
    )
    slowest = max(few, many, key=lambda found: found.cost.scrape_seconds)
    sheet.show(
        "scrape, median",
        f"{slowest.cost.scrape_seconds * 1e3:.0f} ms",
        limit="< 50 ms",
        is_reached=slowest.cost.scrape_seconds < 0.05,
        beside=f"slowest of {len(slowest.cost.scrapes)}: {max(slowest.cost.scrapes) * 1e3:.0f} ms",
    )
    sheet.show(
        "start to first snapshot",
        f"{start.start_seconds:.2f} s",
        limit="< 3 s",
        is_reached=start.start_seconds < 3,
        beside="the slower of two; compiles the program for the kernel",
    )
