"""What a report computes, without what it reads: tiers T0 and T1 of 1,000 containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommender.cycle import run_once
from recommender.settings import SizingSettings

if TYPE_CHECKING:
    from recommender.model.recording import Recording
    from tests.bench.figure import Sheet

RUNS = 5
_STEPS = ("demand", "size")


@dataclass(frozen=True)
class Known:
    """Evidence that was read before."""

    evidence: Recording

    def read(self) -> Recording:
        return self.evidence


def bench(sheet: Sheet, evidence: Recording) -> None:
    bins = evidence.history.usage.grid.bins
    for with_curves, what in ((False, "the table"), (True, "JSON, with curves")):
        seconds, containers = _compute(evidence, with_curves=with_curves)
        sheet.show(
            f"T0 + T1 for {what}",
            f"{seconds:.2f} s",
            limit="< 2 s",
            is_reached=seconds < 2,
            beside=f"{containers:,} containers x {bins:,} bins, fastest of {RUNS}",
        )


def _compute(evidence: Recording, *, with_curves: bool) -> tuple[float, int]:
    """Seconds of estimating demand and sizing, the fewest of some runs, and how many were sized."""
    best, sized = float("inf"), 0
    for _ in range(RUNS):
        cycle = run_once(Known(evidence), None, settings=SizingSettings(), with_curves=with_curves)
        best = min(best, sum(cycle.timer.seconds[step] for step in _STEPS))
        sized = sum(len(workload.containers) for workload in cycle.report.workloads)
    return best, sized
