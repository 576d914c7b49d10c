"""From a pool to what `joulefit curve` shows of its node class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.energy.binning import BIN_WIDTH
from recommender.energy.ceiling import DEFAULT_CEILING
from recommender.energy.prior import vendor_of
from recommender.model.curve import (
    ClassCurve,
    ClockReport,
    CurvePoint,
    Formula,
    PowerPoint,
)
from recommender.model.report import Watts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.energy.array import Floats
    from recommender.energy.nodeclass import ClassEnergy, ClassEvidence
    from recommender.sizing.pool import Pool

_PARTIAL_REACH = {
    "package+dram": "watts cover packages and memory: fans, disks and power supplies draw more",
    "package": "watts cover packages alone: memory, fans, disks and power supplies draw more",
}


def describe_class(pool: Pool, *, knows_clock: bool) -> ClassCurve:
    """One class; `knows_clock`: some series told the frequency of nodes."""
    energy, price = pool.energy, pool.energy.price
    curve, evidence, ceiling = energy.curve, energy.evidence, energy.ceiling
    is_learnt = energy.replicates is not None
    points = _describe_points(evidence)
    return ClassCurve(
        name=pool.name,
        nodes=len(pool.nodes),
        metered_nodes=evidence.nodes if evidence else 0,
        cpu_model=pool.cpu_model,
        cores_per_node=curve.cores,
        quality=energy.quality,
        reach=pool.reach,
        hours=evidence.hours if evidence else 0,
        windows=sum(point.windows for point in points),
        mean_watts=energy.mean_watts,
        utilisation=price.utilisation,
        lowest_utilisation=curve.low if is_learnt else None,
        highest_utilisation=curve.high if is_learnt else None,
        formula=Formula(curve.base, curve.linear, curve.cubic, curve.knots, curve.hinges),
        curve=_describe_curve(energy),
        points=points,
        clock=_describe_clock(evidence),
        intercept_watts=Watts(*energy.intercept) if energy.intercept else None,
        price_watts_per_core=Watts(price.watts_per_core, price.low, price.high),
        packing=price.packing if pool.reserved.cores > 0.0 else None,
        best_utilisation=ceiling.peak,
        planning_ceiling=ceiling.utilisation,
        usual_ceiling=DEFAULT_CEILING[vendor_of(pool.cpu_model)],
        reasons=pool.reasons,
        missing=tuple(_list_missing(pool, knows_clock=knows_clock)),
    )


def _describe_points(evidence: ClassEvidence | None) -> tuple[PowerPoint, ...]:
    if evidence is None:
        return ()
    bins = evidence.bins
    load, watts = bins.mean_utilisation()[0], bins.mean_watts()[0]
    return tuple(
        PowerPoint(float(load[row]), float(watts[row]), int(bins.count[0, row]))
        for row in np.flatnonzero(bins.usable()[0])
    )


def _describe_curve(energy: ClassEnergy) -> tuple[CurvePoint, ...]:
    load = _grid(energy)
    watts = energy.curve.power(load)
    ends = (energy.curve.intercept(load), *_band(energy, watts, load))
    return tuple(
        CurvePoint(float(load[row]), float(watts[row]), ends[1][row], ends[2][row],
                   float(ends[0][row]))
        for row in range(len(load))
    )  # fmt: skip


def _band(
    energy: ClassEnergy, watts: Floats, load: Floats
) -> tuple[list[float | None], list[float | None]]:
    """The band's ends; a modelled curve has none, since only its price was held against servers."""
    if energy.replicates is None:
        return [None] * len(load), [None] * len(load)
    low, high = energy.replicates.power_interval(watts, load)
    return list(np.maximum(low, 0.0).tolist()), list(high.tolist())


def _grid(energy: ClassEnergy) -> Floats:
    """Utilisations to show: where the curve was learnt, its ends included."""
    curve = energy.curve
    low, high = (curve.low, curve.high) if energy.replicates is not None else (0.0, 1.0)
    steps = np.arange(np.ceil(low / BIN_WIDTH), np.floor(high / BIN_WIDTH) + 1.0) * BIN_WIDTH
    inside = steps[(steps > low + 1e-6) & (steps < high - 1e-6)]
    return np.concatenate(([low], inside, [high]))


def _describe_clock(evidence: ClassEvidence | None) -> ClockReport | None:
    clock = evidence.clock if evidence else None
    if clock is None:
        return None
    return ClockReport(clock.usual_hertz, clock.variation, clock.full_watts)


def _list_missing(pool: Pool, *, knows_clock: bool) -> Iterator[str]:
    energy, evidence = pool.energy, pool.energy.evidence
    if energy.missing:
        yield f"no curve of these nodes could be learnt: {energy.missing}"
    metered = evidence.nodes if evidence else 0
    if not metered:
        yield ("power of no node is read: install the collector, or let the store scrape Kepler")
    elif metered < len(pool.nodes):
        yield f"power of {len(pool.nodes) - metered} of {len(pool.nodes)} nodes is not in the curve"
    if pool.reach in _PARTIAL_REACH:
        yield _PARTIAL_REACH[pool.reach]
    if not energy.ceiling.is_identified:
        yield "the use at which a node does most work per joule is not identified"
    if metered and not knows_clock:
        yield "no series tells the nodes' clock: what it adds stays in the watts"
    if not pool.cpu_model:
        yield "the CPU model is unknown: the usual ceiling is that of no vendor"
    if pool.reserved.cores <= 0.0:
        yield "no requests are known: all cores are taken as reserved, the least price there is"
