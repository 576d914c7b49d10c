"""A report of all tiers: 1,000 containers whose pool is replayed and back-tested, up to T3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from recommender.cycle import run_once
from recommender.settings import SimulateSettings, SizingSettings
from recommender.simulator import simulate_fleet
from tests.bench.computing import Known

if TYPE_CHECKING:
    from recommender.model.cluster import ClusterState
    from tests.bench.figure import Sheet

CONTAINERS, DAYS = 1_000, 15
MOST_SECONDS = 20.0


def bench(sheet: Sheet) -> None:
    sheet.begin(f"tiers: {CONTAINERS:,} containers, {DAYS} days of five minutes, gates up to T3")
    for kind in ("flat", "mixed"):
        evidence = simulate_fleet(
            SimulateSettings(kind=kind, containers=CONTAINERS, simulated_days=DAYS)
        )
        evidence = replace(evidence, cluster=_resized_in_place(evidence.cluster))
        cycle = run_once(Known(evidence), None, settings=SizingSettings(), with_curves=False)
        seconds = cycle.timer.seconds
        total = sum(seconds.values()) - seconds["read"]
        reached = sorted({row.tier for each in cycle.report.workloads for row in each.containers})
        sheet.show(
            f"whole report, {kind} demand",
            f"{total:.1f} s",
            limit=f"<= {MOST_SECONDS:g} s",
            is_reached=total <= MOST_SECONDS,
            beside=f"beyond the queries; tiers {', '.join(reached)}",
        )
        sheet.show("  replay and back-test of it", f"{seconds['replay']:.1f} s")


def _resized_in_place(cluster: ClusterState) -> ClusterState:
    """By time of day only such pods are sized."""
    vpas = tuple(replace(vpa, update_mode="InPlaceOrRecreate") for vpa in cluster.vpas)
    return replace(cluster, vpas=vpas)
