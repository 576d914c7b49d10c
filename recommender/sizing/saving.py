"""Watts that a changed CPU request saves, once the freed share of nodes is off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.model.report import Watts

if TYPE_CHECKING:
    from recommender.sizing.terms import Terms


def estimate_saving(*, now: int, ours: int, replicas: int, terms: Terms) -> Watts:
    """(now - ours) x price x replicas; requests in millicores. Below zero where it costs.

    The interval is that of the price. Usage is served either way, so only the reservation
    counts.
    """
    freed = (now - ours) / 1000.0 * replicas
    ends = sorted((freed * terms.reserved_low, freed * terms.reserved_high))
    return Watts(value=freed * terms.reserved, low=ends[0], high=ends[1])
