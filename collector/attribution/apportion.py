"""A whole number shared by weight, in whole numbers, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def apportion(total: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Shares of `total` (>= 0) by `weights` [n] (>= 0, not all 0) that sum to it exactly.

    The largest remainders get what rounding down leaves; among equal ones the first. Nobody is
    off by more than one unit, and a weight of 0 gets 0.
    """
    quotas = weights * (total / weights.sum())
    shares = np.floor(quotas)
    missing = total - int(shares.sum())
    result = shares.astype(np.int64)
    if missing > 0:
        remainders = np.where(weights > 0.0, quotas - shares, -1.0)
        result[np.argsort(-remainders, kind="stable")[:missing]] += 1
        missing = total - int(result.sum())
    if missing:  # quotas near 2**53 are rounded themselves: the largest share bears it
        result[int(np.argmax(result))] += missing
    return np.asarray(result)
