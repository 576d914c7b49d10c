"""Status changes of VPAs to be counted; the reports are those of tests/report/sample.py."""

from __future__ import annotations

from recommender.model.change import StatusChange
from recommender.model.cluster import Vpa
from recommender.model.report import EmbodiedCarbon, Flow, Footprint, Hourly, PerKwh

GRID = 'metric co2{region="de"}'


def sample_footprint(**carbon):
    """450 g/kWh by a metric (changed as a test says), 0.30 EUR/kWh, and what a class took to make."""
    of_grid = {"mean": 450.0, "newest": "2026-06-01T00:00:00Z", "covered": 1.0, "hourly": ()}
    grid = PerKwh(**{"unit": "gCO2e/kWh", "source": GRID, "reason": "", **of_grid, **carbon})
    is_known = grid.mean is not None
    return Footprint(
        carbon=Flow(
            grid,
            1084.5 if is_known else None,
            Hourly(9.0, 8.1, 9.9) if is_known else None,
        ),
        cost=Flow(
            PerKwh("EUR/kWh", 0.3, "file prices.csv", "2026-05-31T23:00:00Z", 1.0, (), ""),
            0.723,
            Hourly(0.006, 0.0054, 0.0066),
        ),
        embodied=(EmbodiedCarbon("epyc-7763", 12, 1300.0, 4.0, 37.0, 444.0),),
        sentences=("carbon: 450 gCO2e/kWh",),
    )


PROVIDED = {"RecommendationProvided": "True"}


def status(**conditions):
    """A status with these conditions, by type."""
    listed = [{"type": name, "status": value} for name, value in sorted(conditions.items())]
    return {"conditions": listed}


def change(name="checkout", outcome="written", *, namespace="shop", **conditions):
    """What became of a VPA; it has a recommendation where nothing else is said."""
    vpa = Vpa(namespace, name, generation=1, target=None)
    return StatusChange(vpa, status(**(conditions or PROVIDED)), outcome)
