"""The pool check: 2,500 containers replayed over a week, in a process of its own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tests.bench.figure import megabytes
from tests.bench.process import run

if TYPE_CHECKING:
    from tests.bench.figure import Sheet

MOST_SECONDS, MOST_BYTES, MOST_PACKING = 10.0, 300e6, 0.050


def bench(sheet: Sheet) -> None:
    sheet.begin("replay: 2,500 containers x 2,016 samples, nodes of 160 and of 16 cores")
    for cores in (160, 16):
        spent = run(sys.executable, "-m", "tests.bench.replay_process", str(cores))
        found = json.loads(spent.output)
        where = f"{found['nodes']:.0f} nodes of {cores} cores, s {found['factor']:.2f}"
        seconds, packing = found["seconds"], found["packing_seconds"]
        sheet.show(
            "pool check, 11 bisection steps",
            f"{seconds:.2f} s",
            limit=f"<= {MOST_SECONDS:g} s",
            is_reached=seconds <= MOST_SECONDS,
            beside=where,
        )
        sheet.show(
            "  peak memory",
            megabytes(spent.peak_bytes),
            limit=f"<= {megabytes(MOST_BYTES)}",
            is_reached=spent.peak_bytes <= MOST_BYTES,
            beside="the trace and the drawing of it included",
        )
        sheet.show(
            "  one packing",
            f"{1000 * packing:.0f} ms",
            limit=f"<= {1000 * MOST_PACKING:.0f} ms",
            is_reached=packing <= MOST_PACKING,
            beside=f"fastest of {found['runs']}",
        )
        sheet.show("  replay of one set of requests", f"{found['replay_seconds']:.2f} s")
