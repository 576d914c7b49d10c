"""Node-class curves: how near they come on the published servers, and how long they take."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np

from recommender.energy.nodeclass import ClassTotals, estimate_class
from recommender.energy.published import SERVERS, server_curve
from tests.bench.figure import megabytes
from tests.energy.scenario import daily_windows
from tests.energy.trial import coverage, false_claims, median_error, run_trials, true_claims

if TYPE_CHECKING:
    from recommender.energy.window import NodeWindows
    from tests.bench.figure import Sheet
    from tests.energy.trial import Trial

SEEDS = 50
RUNS = 3
_NARROW = {"low": 0.10, "high": 0.50}
_HIGH = {"low": 0.30, "high": 0.90}
_POOL = {"nodes": 12, "days": 7, "step": 300, "node_spread": 0.01}


def bench(sheet: Sheet) -> None:
    sheet.begin(
        f"curves: one day of one node in minutes, 3 % noise, daily rhythm; {len(SERVERS)} published "
        f"servers x {SEEDS} seeds"
    )
    _show_trials(sheet, run_trials(SEEDS), "15-65 % use")
    _show_trials(sheet, run_trials(SEEDS, correlated_share=0.0), "the same, white noise")
    _show_trials(sheet, run_trials(SEEDS, **_NARROW), "10-50 % use")
    _show_peaks(sheet, run_trials(SEEDS, **_HIGH))
    sheet.begin("curves: 12 machines 1 % apart, 7 days of five minutes, 10 seeds")
    _show_trials(sheet, run_trials(SEEDS // 5, **_POOL), "15-65 % use")
    sheet.begin(f"curves: computing, 100 nodes x 7 days, 100 replicates, fastest of {RUNS} runs")
    for step, name in ((300, "five-minute bins"), (60, "one-minute bins")):
        _show_time(sheet, name, step)


def _show_trials(sheet: Sheet, trials: list[Trial], name: str) -> None:
    error, covered, claims = median_error(trials), coverage(trials), false_claims(trials)
    sheet.show(
        f"price, median error: {name}",
        f"{error:.1%}",
        limit="<= 3 %",
        is_reached=error <= 0.03,
        beside=f"{median_error(trials, at_mean=True):.1%} at the mean use alone",
    )
    sheet.show(
        "  its 90 % interval covers the truth",
        f"{covered:.1%}",
        limit="85-97 %",
        is_reached=0.85 <= covered <= 0.97,
        beside=f"median half width {np.median([each.half_width for each in trials]):.1%}",
    )
    sheet.show(
        "  peak out of sight called identified",
        f"{claims:.1%}",
        limit="<= 5 %",
        is_reached=claims <= 0.05,
        beside=f"of {sum(each.is_outside for each in trials)} trials",
    )
    for server in SERVERS:
        own = [each for each in trials if each.server == server.name]
        bias = float(np.mean([each.error for each in own]))
        sheet.show(
            f"    {server.name}",
            f"{median_error(own):.1%}",
            beside=(
                f"mean {bias:+.1%}, covered {coverage(own):.0%}, "
                f"measured {np.mean([each.is_measured for each in own]):.0%}"
            ),
        )


def _show_peaks(sheet: Sheet, trials: list[Trial]) -> None:
    """Where the peak is in sight of six of the servers and the price is near zero."""
    claims = false_claims(trials)
    sheet.show(
        "30-90 % use: peak out of sight, identified",
        f"{claims:.1%}",
        limit="<= 5 %",
        is_reached=claims <= 0.05,
        beside=f"of {sum(each.is_outside for each in trials)} trials",
    )
    sheet.show(
        "  peak in sight, identified",
        f"{true_claims(trials):.0%}",
        beside=f"of {sum(not each.is_outside for each in trials)} trials",
    )
    cliff = [each for each in trials if each.server == "Lenovo SR645"]
    sheet.show(
        "  EPYC 7763 past its cliff: median error",
        f"{median_error(cliff):.1%}",
        limit="<= 5 %",
        is_reached=median_error(cliff) <= 0.05,
        beside=f"covered {coverage(cliff):.0%}",
    )


def _show_time(sheet: Sheet, name: str, step: int) -> None:
    server = server_curve("Lenovo SR645")
    windows = daily_windows(server.power, seed=1, nodes=100, days=7, step=step, node_spread=0.01)
    seconds = min(_measure(windows) for _ in range(RUNS))
    tracemalloc.start()
    _learn(windows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    sheet.show(
        f"curve, price and ceiling: {name}",
        f"{seconds:.2f} s",
        limit="<= 2 s",
        is_reached=seconds <= 2.0,
        beside=f"{len(windows):,} windows, {megabytes(peak)} beside them",
    )


def _measure(windows: NodeWindows) -> float:
    before = time.monotonic()
    _learn(windows)
    return time.monotonic() - before


def _learn(windows: NodeWindows) -> None:
    totals = ClassTotals(100, 256.0, 1e12, 12_800.0, 1e13)
    estimate_class(windows, totals, cpu_model="AMD EPYC 7763", quality="measured")
