"""All that is known of the energy of one node class: curve, price, binding, ceiling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.energy.binning import BinSums, sum_bins
from recommender.energy.bootstrap import NORMAL_95, Replicates, resample_curve
from recommender.energy.ceiling import Ceiling, choose_ceiling
from recommender.energy.curve import CurveEstimate, NodeCurve, Quality, estimate_curve
from recommender.energy.frequency import (
    ClockEffect,
    describe_clock,
    estimate_clock_effect,
    take_clock_out,
)
from recommender.energy.price import (
    Binding,
    Price,
    estimate_binding,
    estimate_packing,
    estimate_price,
)
from recommender.energy.prior import BAND_HIGHEST, Prior, estimate_prior, vendor_of

if TYPE_CHECKING:
    from recommender.energy.array import Floats
    from recommender.energy.window import NodeWindows

MIN_HOURS = 24
"""Clock hours with power data below which a daily rhythm may be missed."""

MIN_AWAKE_HOURS = 8
"""Clock hours with more than idle load that a curve can be learnt from: two bootstrap blocks."""

MIN_RANGE = 0.06
"""Range of observed utilisation below which drift decides the slope, not use."""

RARE = 0.05
"""Share of windows beyond a limit that is overlooked."""

USUAL_UTILISATION = 0.30
"""Utilisation of a node class whose usage is unknown: servers mostly run at 10 to 50 %
(Barroso and Hoelzle, IEEE Computer 2007)."""

SEED = 20071
"""Of the resampling: the same data give the same interval, on every run and machine."""


class ClassTotals(msgspec.Struct, frozen=True):
    """Size of a class and what its pods reserve.

    `cores` and `memory_bytes` are allocatable on one node; the requests are sums over all pods
    on the class's nodes, unmanaged ones and daemons included.
    """

    nodes: int
    cores: float
    memory_bytes: float
    requested_cores: float
    requested_bytes: float


class ClassEvidence(msgspec.Struct, frozen=True):
    """The power readings of a class.

    `nodes` of it have some, in `hours` clock hours; `bins` [1, BINS] are the windows that the
    curve was fitted to, or that the model was scaled to; `clock` is what was found of the clock.
    """

    nodes: int
    hours: int
    bins: BinSums
    clock: ClockEffect | None = None


class ClassEnergy(msgspec.Struct, frozen=True):
    """One node class.

    `price` is before, `effective_price` after the binding resource. `mean_watts` is of one
    node, None without a meter. `replicates` are None where the curve is modelled. `reasons`
    are sentences in the order of decision. `missing` says why the curve is modelled, None where
    it is not. `intercept` is the mean tangent intercept with its 90 % interval, in watts.
    """

    curve: NodeCurve
    price: Price
    binding: Binding
    ceiling: Ceiling
    mean_watts: float | None
    replicates: Replicates | None
    reasons: tuple[str, ...]
    missing: str | None = None
    intercept: tuple[float, float, float] | None = None
    evidence: ClassEvidence | None = None

    @property
    def quality(self) -> Quality:
        return self.curve.quality

    @property
    def effective_price(self) -> Price:
        """The price as far as a freed core frees a part of a node; 0 where memory binds."""
        return self.price.scaled(self.binding.factor)


class _Learnt(msgspec.Struct, frozen=True):
    curve: NodeCurve
    intercept: tuple[float, float, float]
    ceiling: Ceiling
    replicates: Replicates | None
    reasons: tuple[str, ...]
    missing: str | None = None
    bins: BinSums | None = None
    clock: ClockEffect | None = None


def estimate_class(
    windows: NodeWindows, totals: ClassTotals, *, cpu_model: str, quality: Quality
) -> ClassEnergy:
    """Learn what energy costs on one node class from what its nodes used and drew.

    `windows` may be empty, too short or without power; then the modelled prior, scaled to what
    was measured, stands in, and the reasons say so. `quality` is that of the power readings.
    The price is the mean of lambda(U) over the windows, which is what the two-part tariff
    charges for a reserved core over the same time: it needs no derivative at one point and so
    does not jump at a knot. The same input gives the same result.
    """
    used, metered = windows.used(), windows.metered()
    utilisation = used.utilisation if len(used) else np.array([USUAL_UTILISATION])
    prior = estimate_prior(
        cpu_model, cores=totals.cores, utilisation=metered.utilisation, watts=metered.watts
    )
    missing = missing_evidence(metered)
    if missing:
        learnt = _learn_from_prior(prior, missing, utilisation, used, cpu_model)
    else:
        learnt = _learn_from_meter(
            choose_evidence(metered), utilisation, totals.cores, quality, cpu_model
        )
        vague = _is_vague(learnt.intercept, prior, utilisation)
        if vague:
            learnt = _learn_from_prior(prior, vague, utilisation, used, cpu_model)
    price = estimate_price(
        learnt.intercept,
        utilisation=float(utilisation.mean()),
        packing=estimate_packing(totals.requested_cores, nodes=totals.nodes, cores=totals.cores),
        cores=totals.cores,
    )
    binding = estimate_binding(
        requested_cores=totals.requested_cores,
        allocatable_cores=totals.nodes * totals.cores,
        requested_bytes=totals.requested_bytes,
        allocatable_bytes=totals.nodes * totals.memory_bytes,
    )
    return ClassEnergy(
        curve=learnt.curve,
        price=price,
        binding=binding,
        ceiling=learnt.ceiling,
        mean_watts=float(metered.watts.mean()) if len(metered) else None,
        replicates=learnt.replicates,
        reasons=(*learnt.reasons, price.reason, binding.reason, learnt.ceiling.reason),
        missing=learnt.missing,
        intercept=learnt.intercept,
        evidence=_describe_evidence(metered, learnt),
    )


def _describe_evidence(metered: NodeWindows, learnt: _Learnt) -> ClassEvidence:
    bins = learnt.bins
    if bins is None:
        alone = np.zeros(len(metered), dtype=np.int64)
        bins = sum_bins(metered.utilisation, metered.watts, group=alone, groups=1)
    nodes = int(np.count_nonzero(np.bincount(metered.node)))
    return ClassEvidence(nodes, metered.hours(), bins, learnt.clock)


def missing_evidence(metered: NodeWindows) -> str | None:
    """Why a power curve cannot be learnt from these windows; None if it can."""
    if not len(metered):
        return "no power readings"
    hours = metered.hours()
    if hours < MIN_HOURS:
        return f"power readings in {hours} of the {MIN_HOURS} hours that a curve needs"
    spread = _range(metered)
    if spread < MIN_RANGE - 1e-9:
        return f"utilisation varied by {spread:.0%} only, a curve needs {MIN_RANGE:.0%}"
    return None


def choose_evidence(metered: NodeWindows) -> NodeWindows:
    """The windows to learn a curve from: without idle ones, if enough others are there."""
    awake = metered.awake()
    is_enough = awake.hours() >= MIN_AWAKE_HOURS and _range(awake) >= MIN_RANGE - 1e-9
    return awake if is_enough else metered


def _range(windows: NodeWindows) -> float:
    """Between the outermost utilisation bins that hold enough windows."""
    bins = windows.usable_bins()
    return float(bins[-1] - bins[0]) if len(bins) else 0.0


def _learn_from_meter(
    metered: NodeWindows, utilisation: Floats, cores: float, quality: Quality, cpu_model: str
) -> _Learnt:
    readings, clock = metered, estimate_clock_effect(metered)
    if clock is not None:
        metered = take_clock_out(readings, clock)
    estimate = _fit(metered, cores, quality)
    curve = estimate.curve
    replicates = resample_curve(estimate, metered, rng=np.random.default_rng(SEED))
    value = float(curve.intercept(utilisation).mean())
    low, high = replicates.interval(
        value,
        replicates.mean_intercept(utilisation),
        misfit=math.hypot(
            estimate.fit.intercept_gap(utilisation),
            _clock_error(readings, clock, cores, at=utilisation, value=value) if clock else 0.0,
        ),
    )
    ceiling = choose_ceiling(
        vendor_of(cpu_model),
        highest=curve.high,
        lowest=curve.low,
        peak=curve.peak_utilisation(),
        peaks=replicates.peak_utilisation(curve.low),
    )
    reasons = (curve.reason, *((describe_clock(clock),) if clock else ()))
    return _Learnt(
        curve,
        (value, float(low), float(high)),
        ceiling,
        replicates,
        reasons,
        bins=estimate.bins,
        clock=clock,
    )


def _fit(metered: NodeWindows, cores: float, quality: Quality) -> CurveEstimate:
    return estimate_curve(
        metered.utilisation, metered.watts, node=metered.node, cores=cores, quality=quality
    )


def _clock_error(
    readings: NodeWindows, clock: ClockEffect, cores: float, *, at: Floats, value: float
) -> float:
    """By how much the mean intercept moves with the clock's effect at the end of its 90 %."""
    more = replace(clock, full_watts=clock.full_watts + NORMAL_95 * clock.error_watts)
    moved = _fit(take_clock_out(readings, more), cores, "measured").curve.intercept(at).mean()
    return float(moved) - value


def _learn_from_prior(
    prior: Prior, why: str, utilisation: Floats, used: NodeWindows, cpu_model: str
) -> _Learnt:
    bins = used.usable_bins()
    highest = float(bins[-1]) if len(bins) else None
    return _Learnt(
        curve=prior.curve,
        intercept=prior.intercept_interval(utilisation),
        ceiling=choose_ceiling(vendor_of(cpu_model), highest=highest),
        replicates=None,
        reasons=(why, prior.curve.reason),
        missing=why,
    )


def _is_vague(
    measured: tuple[float, float, float], prior: Prior, utilisation: Floats
) -> str | None:
    """Why the model is the better witness: narrower, and inside what was measured.

    Only at a use that its band was taken from.
    """
    if np.mean(utilisation > BAND_HIGHEST) > RARE:
        return None
    value, low, high = measured
    modelled = prior.intercept_interval(utilisation)
    is_narrower = modelled[2] - modelled[1] < high - low
    if is_narrower and low <= modelled[0] <= high:
        return (
            f"power readings leave the intercept at {value:.0f} W ({low:.0f} ... {high:.0f}), "
            "wider than the model that agrees with them"
        )
    return None
