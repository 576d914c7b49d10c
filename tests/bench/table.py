"""`joulefit record --from-csv` on a table of 200 MB: rows a second, and memory."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.simulator.generator import draw_fleet
from recommender.units import format_time
from tests.bench.figure import megabytes
from tests.bench.process import JOULEFIT, run

if TYPE_CHECKING:
    from recommender.simulator.generator import Fleet
    from tests.bench.figure import Sheet

CONTAINERS, DAYS = 500, 14
_HEADER = (
    "time,namespace,workload,kind,container,pod,cpu_cores,memory_bytes,cpu_request_cores,"
    "memory_request_bytes\n"
)

_COUNT = "import csv, sys; print(sum(1 for _ in csv.reader(open(sys.argv[1]))))"


def bench(sheet: Sheet) -> None:
    fleet = draw_fleet("mixed", containers=CONTAINERS, days=DAYS, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "usage.csv"
        size = _write(table, fleet)
        rows = fleet.usage.size
        sheet.begin(
            f"table: {rows:,} rows of {CONTAINERS} pods over {DAYS} days, {megabytes(size)}"
        )
        spent = run(JOULEFIT, "record", "--from-csv", str(table), f"{folder}/week.joulefit")
        floor = run(sys.executable, "-c", _COUNT, str(table))
    speed = rows / spent.cpu_seconds
    sheet.show(
        "rows a second of processor time",
        f"{speed:,.0f}",
        limit=">= 200,000",
        is_reached=speed >= 200_000,
        beside="of the whole process, which has one thread",
    )
    sheet.show("  of wall time", f"{rows / spent.seconds:,.0f}")
    sheet.show(
        "  the csv module alone",
        f"{rows / floor.cpu_seconds:,.0f}",
        beside="rows are split and counted",
    )
    sheet.show(
        "peak memory",
        megabytes(spent.peak_bytes),
        limit=f"<= {megabytes(size)}",
        is_reached=spent.peak_bytes <= size,
        beside="the size of the table",
    )


def _write(path: Path, fleet: Fleet) -> int:
    """The fleet as rows in order of time; the bytes written."""
    names = [
        f"{demand},{demand}-{number},Deployment,app,{demand}-{number}-7d9f8c6b5d-abcde,"
        for number, demand in enumerate(fleet.demands)
    ]
    rests = [
        f",{memory:.0f},{cores:.2f},{requested:.0f}\n"
        for memory, cores, requested in zip(
            fleet.memory, fleet.cpu_requests, fleet.memory_requests, strict=True
        )
    ]
    with path.open("w") as file:
        file.write(_HEADER)
        for at in range(fleet.grid.bins):
            time = format_time(fleet.grid.start + (at + 1) * fleet.grid.step)
            used = fleet.usage[:, at].tolist()
            file.writelines(
                f"{time},{name}{cores:.4f}{rest}"
                for name, cores, rest in zip(names, used, rests, strict=True)
            )
    return path.stat().st_size
