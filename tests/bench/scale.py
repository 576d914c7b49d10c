"""1,000 containers: a report beside the mere download of its replies, and its computing alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import computing
from tests.bench.figure import megabytes
from tests.bench.process import Spent, median
from tests.bench.stage import Stage
from tests.testbed.fleet import FleetShape

if TYPE_CHECKING:
    from recommender.history.client import RangeQuery
    from tests.bench.download import Download
    from tests.bench.figure import Sheet

# 500 workloads of two containers: 2,000 run, and 2,000 did before the rollout.
SHAPE = FleetShape(
    nodes=40,
    workloads=500,
    daemonsets=0,
    statefulsets=0,
    replicas=2,
    sidecar_share=1.0,
    namespaces=10,
    foreign_vpas=0,
    sample_seconds=300,
)
RUNS = 5


def bench(sheet: Sheet) -> None:
    sheet.begin(
        "scale: 500 workloads x 2 containers x 2 pods with a rollout, 8 days of "
        f"{SHAPE.sample_seconds} s samples, median of {RUNS} runs"
    )
    with Stage(SHAPE) as stage:
        evidence, queries = stage.read()  # the servers' caches are warm after this
        runs, floors, requests = _run_in_turn(stage, queries)
    _show_reading(sheet, median(runs), sorted(floors, key=lambda each: each.seconds))
    sheet.show(
        "queries",
        f"{requests:g}",
        limit="<= 100",
        is_reached=requests <= 100,
        beside="as the store counts them",
    )
    computing.bench(sheet, evidence)


def _run_in_turn(
    stage: Stage, queries: list[RangeQuery]
) -> tuple[list[Spent], list[Download], float]:
    """Reports and downloads, each pair under the same conditions; requests of one report."""
    runs, floors, requests = [], [], 0
    for _ in range(RUNS):
        before = stage.count_requests()
        runs.append(stage.report())
        requests += stage.count_requests() - before
        floors.append(stage.download(queries))
    return runs, floors, requests / RUNS


def _show_reading(sheet: Sheet, spent: Spent, floors: list[Download]) -> None:
    floor = floors[len(floors) // 2]
    most = 1.5 * floor.seconds + 0.5
    sheet.show(
        "whole process, wall time",
        f"{spent.seconds:.2f} s",
        limit=f"<= {most:.2f} s",
        is_reached=spent.seconds <= most,
        beside=(
            f"1.5 x {floor.seconds:.2f} s + 0.5 s: the same {megabytes(floor.size)} only downloaded"
        ),
    )
    sheet.show("  processor time of it", f"{spent.cpu_seconds:.2f} s")
    sheet.show(
        "peak memory",
        megabytes(spent.peak_bytes),
        limit="<= 150 MB",
        is_reached=spent.peak_bytes <= 150e6,
        beside=f"{megabytes(floor.size)} of replies",
    )
