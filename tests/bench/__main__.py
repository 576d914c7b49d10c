"""`make bench`: the figures, each beside what it is compared with, in one run.

Figures depend on the machine, so none of them fails the run: a miss is named at the end.
"""

from __future__ import annotations

import os
import platform
import sys

from tests.bench import (
    backtest,
    collector,
    curves,
    page,
    replay,
    report,
    scale,
    service,
    start,
    table,
    tiers,
)
from tests.bench.figure import Sheet
from tests.bench.process import compile_package

BENCHES = {
    each.__name__.rpartition(".")[2]: each
    for each in (
        start,
        report,
        page,
        scale,
        tiers,
        curves,
        replay,
        backtest,
        table,
        service,
        collector,
    )
}


def main(names: list[str]) -> None:
    """The named benchmarks, all of them if none is named."""
    if unknown := set(names) - set(BENCHES):
        sys.exit(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    print(f"{cores} cores, load {load:.1f}, Python {platform.python_version()}")
    if load > cores / 4:
        print("others use this machine: wall times are longer than they are on a quiet one")
    compile_package()
    sheet = Sheet()
    for name in names or BENCHES:
        BENCHES[name].bench(sheet)
    sheet.close()


if __name__ == "__main__":
    main(sys.argv[1:])
