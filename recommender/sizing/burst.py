"""Peaks within five minutes: quantiles of five-minute means hide what lasts a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.model.history import BURST_SHARES
from recommender.model.report import Reason

if TYPE_CHECKING:
    from recommender.sizing.histogram import Floats

MOST = 3.0
"""A burst counts for at most three times: of what lasts a minute now and then, five-minute means
show a fifth, and a request three times of it leaves that to the node's room and the limit."""


def choose_burst(burst: Floats | None, p: float) -> float:
    """The p-quantile of one-minute over that of five-minute means, from 1 to MOST.

    `burst` [B] has the ratio at BURST_SHARES, NaN where it is not known; between them it is
    linear. 1 where nothing is known.
    """
    if burst is None or not np.isfinite(burst).all():
        return 1.0
    return min(max(float(np.interp(p, BURST_SHARES, burst)), 1.0), MOST)


def explain_burst(burst: Floats | None, p: float) -> Reason | None:
    """None where nothing is known."""
    if burst is None or not np.isfinite(burst).all():
        return None
    factor, raw = choose_burst(burst, p), float(np.interp(p, BURST_SHARES, burst))
    why = f"p{p * 100:.0f} of one-minute over that of five-minute means, of the last day"
    if raw > MOST:
        why += f": {raw:.1f}, of which {MOST:g} count"
    return Reason("bursts", f"x{factor:.2f}", why)
