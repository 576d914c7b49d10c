"""The back-test: every policy on 2,500 containers over a week, in a process of its own."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tests.bench.figure import megabytes
from tests.bench.process import run

if TYPE_CHECKING:
    from tests.bench.figure import Sheet

MOST_SECONDS = 90.0


def bench(sheet: Sheet) -> None:
    sheet.begin("back-test: 2,500 containers x 2,016 samples, trained on 5 d and tested on 2 d")
    spent = run(sys.executable, "-m", "tests.bench.backtest_process")
    found = json.loads(spent.output)
    sheet.show(
        "all policies",
        f"{found['seconds']:.1f} s",
        limit=f"<= {MOST_SECONDS:g} s",
        is_reached=found["seconds"] <= MOST_SECONDS,
        beside=f"{found['policies']} of them, the limit included",
    )
    sheet.show("  peak memory", megabytes(spent.peak_bytes), beside="the fleet included")
