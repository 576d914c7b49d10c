"""How often targets move: ten simulated days of one-minute cycles over containers of every rhythm.

History comes in bins of five minutes, and the same history gives the same recommendation, so one
cycle for each bin tells of all five.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from recommender.cluster.status import build_status
from recommender.model.cluster import Amounts, ContainerSpec, Vpa, Workload
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.settings import SizingSettings
from recommender.simulator import simulate
from recommender.simulator.reduction import reduce_samples, stack_histories
from recommender.sizing.demand import estimate_demand
from recommender.sizing.hysteresis import SPENT_RATIO, parse_previous
from recommender.sizing.pool import choose_pools, estimate_pools
from recommender.sizing.workload import size_workload
from recommender.units import DAY, format_time, parse_millicores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.bench.figure import Sheet

WINDOW_DAYS, RUN_DAYS, EACH = 14, 10, 3
END = 1_760_054_400
STEP = 300
BINS = (WINDOW_DAYS + RUN_DAYS) * DAY // STEP
RHYTHMS = ("flat", "daily", "bursty", "batch")


def bench(sheet: Sheet) -> None:
    sheet.begin(
        f"churn: {RUN_DAYS} simulated days of one-minute cycles, {EACH} containers of each rhythm "
        f"({', '.join(RHYTHMS)}), {WINDOW_DAYS} d of history"
    )
    moved, allowed, plain = _run()
    containers = EACH * len(RHYTHMS)
    sheet.show(
        "CPU targets moved",
        f"{moved}",
        limit=f"<= {allowed}",
        is_reached=moved <= allowed,
        beside="as often as the optimum left the published bounds, or these were spent",
    )
    sheet.show("  a container and day", f"{moved / containers / RUN_DAYS:.2f}")
    sheet.show("  without bounds", f"{plain}", beside="as often as the optimum itself changed")


def _draw(rhythm: str, number: int) -> NDArray[np.float32]:
    """Cores in each bin [T] of one pod."""
    rng = np.random.default_rng([RHYTHMS.index(rhythm), number])
    at = np.arange(BINS) * STEP / DAY
    noise = rng.lognormal(-0.02, 0.2, BINS)
    mean = float(rng.lognormal(-1.0, 0.5))
    shape = np.ones(BINS)
    if rhythm == "daily":
        weekday = 1.0 - 0.4 * (at.astype(int) % 7 >= 5)
        shape = weekday * (1.0 + 0.7 * np.sin(2 * np.pi * (at + rng.random())))
    elif rhythm == "bursty":
        shape = np.where(rng.random(BINS) < 0.03, rng.pareto(1.5, BINS) + 2.0, 0.5)
    elif rhythm == "batch":
        shape = np.where((at * 24 + rng.random()) % 6 < 1.0, 4.0, 0.05)
    return (mean * shape * noise).astype(np.float32)


def _run() -> tuple[int, int, int]:
    """Moves of published targets, moves that the bounds allow, changes of the optimum."""
    recording = simulate(end=END, days=WINDOW_DAYS)
    pools = estimate_pools(recording.cluster, recording.history.nodes)
    cores = {
        f"{rhythm}-{number}": _draw(rhythm, number) for rhythm in RHYTHMS for number in range(EACH)
    }
    statuses: dict[str, dict] = {name: {} for name in cores}
    optima: dict[str, int] = {}
    moved = allowed = plain = 0
    window = WINDOW_DAYS * DAY // STEP
    for last in range(window, BINS + 1):
        grid = TimeGrid(end=END + last * STEP, bins=window)
        rows = {}
        for name, values in cores.items():
            part = values[last - window : last][None]
            memory = np.full(part.shape, 3e8, np.float32)
            rows[ContainerRef(_ref(name), "app")] = reduce_samples(grid, part, memory)
        demand = estimate_demand(stack_histories(grid, rows))
        for name in cores:
            workload = _workload(name, recording.cluster.nodes[0].name)
            shares = choose_pools(pools, workload)
            vpa = Vpa("bench", name, 1, workload.ref, status=statuses[name])

            def size(vpa, workload=workload, shares=shares, demand=demand):
                return size_workload(
                    workload,
                    vpa=vpa,
                    demand=demand,
                    pools=shares,
                    settings=SizingSettings(),
                    with_curve=False,
                )[0]

            fresh = size(replace(vpa, status={})).containers[0].recommended
            optimum = parse_millicores(fresh.target.cpu)
            plain += optima.setdefault(name, optimum) != optimum
            optima[name] = optimum
            report = size(vpa)
            target = report.containers[0].recommended.target.cpu
            before = parse_previous(statuses[name], "app").bands.get("cpu")
            if before is not None:
                moved += parse_millicores(target) != before.target
                width = np.log(before.upper / before.lower)
                now = np.log(
                    parse_millicores(fresh.upper_bound.cpu)
                    / parse_millicores(fresh.lower_bound.cpu)
                )
                is_spent = width >= SPENT_RATIO * now
                allowed += is_spent or not before.lower <= optimum <= before.upper
            statuses[name] = build_status(vpa, report, [], now=format_time(grid.end))
    return moved, allowed, plain


def _ref(name: str) -> WorkloadRef:
    return WorkloadRef("bench", "Deployment", name)


def _workload(name: str, node: str) -> Workload:
    spec = ContainerSpec("app", Amounts(2000, 2**30))
    return Workload(_ref(name), containers=(spec,), replicas=1, pods_on={node: 1})
