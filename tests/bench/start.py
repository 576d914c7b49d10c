"""The start of the command line, beside the bare interpreter's."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.bench.figure import megabytes
from tests.bench.process import JOULEFIT, median, run

if TYPE_CHECKING:
    from tests.bench.figure import Sheet

RUNS = 9
_LOADED = (
    "import sys, runpy; sys.argv = ['joulefit', '--help']\n"
    "try: runpy.run_module('recommender', run_name='__main__')\n"
    "except SystemExit: pass\n"
    "print(', '.join(sorted({'kubernetes', 'kopf', 'numpy'} & set(sys.modules))))"
)


def bench(sheet: Sheet) -> None:
    sheet.begin(f"start: joulefit --help, median of {RUNS} runs")
    ours, bare = [], []
    for _ in range(RUNS):
        ours.append(run(JOULEFIT, "--help"))
        bare.append(run(sys.executable, "-c", "pass"))
    spent, empty = median(ours), median(bare)
    sheet.show(
        "wall time",
        f"{spent.seconds:.3f} s",
        limit="< 0.3 s",
        is_reached=spent.seconds < 0.3,
        beside=f"python -c pass, in turn: {empty.seconds:.3f} s",
    )
    sheet.show(
        "peak memory",
        megabytes(spent.peak_bytes),
        limit="< 40 MB",
        is_reached=spent.peak_bytes < 40e6,
        beside=f"python -c pass: {megabytes(empty.peak_bytes)}",
    )
    loaded = run(sys.executable, "-c", _LOADED).output.splitlines()[-1]
    sheet.show(
        "kubernetes, kopf, numpy imported",
        loaded or "none",
        limit="none",
        is_reached=not loaded,
    )
