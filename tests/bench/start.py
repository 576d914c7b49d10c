"""The start of the command line, beside the bare interpreter's."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.figure import mebibytes, show, title
from tests.bench.process import median, run

RUNS = 9
_LOADED = (
    "import sys, runpy; sys.argv = ['joulefit', '--help']\n"
    "try: runpy.run_module('recommender', run_name='__main__')\n"
    "except SystemExit: pass\n"
    "print(sorted({'kubernetes', 'kopf', 'numpy'} & set(sys.modules)))"
)


def bench() -> None:
    title("start: joulefit --help, median of 9 runs in turn with `python -c pass`")
    joulefit = str(Path(sys.executable).with_name("joulefit"))
    ours, bare = [], []
    for _ in range(RUNS):
        ours.append(run(joulefit, "--help"))
        bare.append(run(sys.executable, "-c", "pass"))
    spent, empty = median(ours), median(bare)
    show("wall", f"{spent.seconds:.3f} s", target="< 0.3 s", is_reached=spent.seconds < 0.3)
    show(
        "wall, against the bare interpreter",
        f"x{spent.seconds / empty.seconds:.1f}",
        target="(comparison)",
        is_reached=True,
    )
    show(
        "peak memory",
        mebibytes(spent.peak_bytes),
        target="< 40 MB",
        is_reached=spent.peak_bytes < 40e6,
    )
    loaded = run(sys.executable, "-c", _LOADED).output.splitlines()[-1]
    show(
        "kubernetes, kopf, numpy imported", loaded, target="none of them", is_reached=loaded == "[]"
    )
