"""Node curves made by hand: a measured class whose numbers hang together, and a modelled one.

P(U) = 100 + 200 U watts up to half use and 300 W per unit more beyond: at U = .4 the tangent's
intercept is 100 W. With 64 cores of which half are reserved that is 100 / 32 = 3.125 W a core.
"""

from __future__ import annotations

import msgspec

from recommender.model.curve import (
    ClassCurve,
    ClockReport,
    CurvePoint,
    Formula,
    NodeCurves,
    PowerPoint,
)
from recommender.model.report import Watts
from tests.report.sample import source


def power(use: float) -> float:
    return 100.0 + 200.0 * use + 300.0 * max(use - 0.5, 0.0)


def curve_point(use: float, *, band: float | None = 10.0) -> CurvePoint:
    watts = power(use)
    ends = (None, None) if band is None else (watts - band, watts + band)
    return CurvePoint(use, watts, *ends, 100.0 if use < 0.5 else -50.0)


def class_curve(**changes: object) -> ClassCurve:
    """A class of four nodes with a meter on each, changed where a test says so."""
    plain = ClassCurve(
        name="epyc-7763",
        nodes=4,
        metered_nodes=4,
        cpu_model="AMD EPYC 7763 64-Core Processor",
        cores_per_node=64.0,
        quality="measured",
        reach="platform",
        hours=336,
        windows=16_000,
        mean_watts=180.0,
        utilisation=0.4,
        lowest_utilisation=0.2,
        highest_utilisation=0.7,
        formula=Formula(100.0, 200.0, 0.0, (0.5,), (300.0,)),
        curve=tuple(curve_point(step / 100) for step in range(20, 71, 2)),
        points=(PowerPoint(0.21, 142.0, 900), PowerPoint(0.41, 210.0, 5_000)),
        clock=ClockReport(2.5e9, 0.18, 60.0),
        intercept_watts=Watts(100.0, 97.0, 104.0),
        price_watts_per_core=Watts(3.125, 3.03, 3.25),
        packing=0.5,
        best_utilisation=0.5,
        planning_ceiling=0.5,
        usual_ceiling=0.9,
        reasons=("power curve measured over 16000 windows of 4 node(s), 20% to 70% used",),
        missing=("watts cover packages and memory: fans, disks and power supplies draw more",),
    )
    return msgspec.structs.replace(plain, **changes)


def modelled_class(**changes: object) -> ClassCurve:
    """Two nodes of an unknown make without a meter."""
    return class_curve(
        name="nodes",
        nodes=2,
        metered_nodes=0,
        cpu_model="",
        quality="modelled",
        reach="",
        hours=0,
        windows=0,
        mean_watts=None,
        lowest_utilisation=None,
        highest_utilisation=None,
        curve=tuple(curve_point(step / 10, band=None) for step in range(11)),
        points=(),
        clock=None,
        best_utilisation=None,
        planning_ceiling=0.8,
        usual_ceiling=0.8,
        packing=None,
        reasons=("no power readings",),
        missing=(
            "power of no node is read: install the collector, or let the store scrape Kepler",
        ),
        **changes,
    )


def node_curves(*classes: ClassCurve, **changes: object) -> NodeCurves:
    plain = NodeCurves(
        generated_at="2026-01-15T12:00:00Z",
        source=source(),
        classes=classes or (class_curve(), modelled_class()),
    )
    return msgspec.structs.replace(plain, **changes)
