"""Status changes of VPAs to be counted; the reports are those of tests/report/sample.py."""

from __future__ import annotations

from recommender.model.change import StatusChange
from recommender.model.cluster import Vpa

PROVIDED = {"RecommendationProvided": "True"}


def status(**conditions):
    """A status with these conditions, by type."""
    listed = [{"type": name, "status": value} for name, value in sorted(conditions.items())]
    return {"conditions": listed}


def change(name="checkout", outcome="written", *, namespace="shop", **conditions):
    """What became of a VPA; it has a recommendation where nothing else is said."""
    vpa = Vpa(namespace, name, generation=1, target=None)
    return StatusChange(vpa, status(**(conditions or PROVIDED)), outcome)
