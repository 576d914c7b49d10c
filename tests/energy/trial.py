"""One trial on a published server: what is learnt of it from readings, held against the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recommender.energy.nodeclass import ClassTotals, estimate_class
from recommender.energy.published import SERVERS
from tests.energy.scenario import daily_windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recommender.energy.published import PublishedServer


@dataclass(frozen=True)
class Trial:
    """How near one trial came.

    error           relative error of the mean intercept, and so of the price
    error_at_mean   the same of the intercept at the mean utilisation alone, where the published
                    curve jumps at every tenth of load
    half_width      half the 90 % interval over the truth
    is_covered      the interval holds the truth
    is_outside      the published peak lies outside what was observed
    is_identified   the peak was called identified
    is_measured     the price is a measured one, no model
    """

    server: str
    error: float
    error_at_mean: float
    half_width: float
    is_covered: bool
    is_outside: bool
    is_identified: bool
    is_measured: bool


def run_trials(
    seeds: int, *, server: PublishedServer | None = None, **scenario: float
) -> list[Trial]:
    """All servers (or one) and seeds; `scenario` is that of `daily_windows`: by default one day of
    one node in minutes, with 3 % noise, half of it correlated, and a daily rhythm of 15 to 65 %.
    """
    return list(_run_trials(seeds, (server,) if server else SERVERS, scenario))


def _run_trials(
    seeds: int, servers: Sequence[PublishedServer], scenario: dict[str, float]
) -> Iterator[Trial]:
    for server in servers:
        number = SERVERS.index(server)
        for seed in range(seeds):
            yield _run_trial(server, 1000 * number + seed, scenario)


def _run_trial(server: PublishedServer, seed: int, scenario: dict[str, float]) -> Trial:
    windows = daily_windows(server.power, seed=seed, **scenario)
    cores, nodes = float(server.cores), int(windows.node.max()) + 1
    energy = estimate_class(
        windows,
        ClassTotals(nodes, cores, 1e12, 0.5 * nodes * cores, 0.2 * nodes * 1e12),
        cpu_model=f"{server.vendor} {server.cpu}",
        quality="measured",
    )
    truth = float(server.intercept(windows.utilisation).mean())
    mean = float(windows.utilisation.mean())
    value, low, high = energy.intercept
    curve, peak = energy.curve, server.peak_load()
    return Trial(
        server=server.name,
        error=value / truth - 1.0,
        error_at_mean=float(curve.intercept(mean)) / float(server.intercept(mean)) - 1.0,
        half_width=(high - low) / 2 / abs(truth),
        is_covered=low <= truth <= high,
        is_outside=not curve.low <= peak <= curve.high,
        is_identified=energy.ceiling.is_identified,
        is_measured=energy.replicates is not None,
    )


def median_error(trials: Sequence[Trial], *, at_mean: bool = False) -> float:
    return float(np.median([abs(each.error_at_mean if at_mean else each.error) for each in trials]))


def coverage(trials: Sequence[Trial]) -> float:
    return float(np.mean([each.is_covered for each in trials]))


def false_claims(trials: Sequence[Trial]) -> float:
    """Share of the trials with the peak out of sight in which it was called identified."""
    outside = [each.is_identified for each in trials if each.is_outside]
    return float(np.mean(outside)) if outside else 0.0


def true_claims(trials: Sequence[Trial]) -> float:
    """Share of the trials with the peak in sight in which it was identified."""
    inside = [each.is_identified for each in trials if not each.is_outside]
    return float(np.mean(inside)) if inside else 0.0
