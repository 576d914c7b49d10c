"""A made-up cluster with a published server's power curve, as a recording that says so."""

from recommender.simulator.pool import simulate_fleet
from recommender.simulator.simulation import simulate

__all__ = ["simulate", "simulate_fleet"]
