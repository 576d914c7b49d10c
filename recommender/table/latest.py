"""The newest value of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.history.growing import RowArray

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Latest:
    """Values by row; of several the one of the newest time counts, of those the last."""

    def __init__(self) -> None:
        self._time = RowArray((), np.float64)
        self._value = RowArray((), np.float64)

    def add(
        self, rows: NDArray[np.int64], times: NDArray[np.float64], values: NDArray[np.float64]
    ) -> None:
        """Values [P] of rows at unix seconds above zero; NaN is none."""
        is_there = ~np.isnan(values)
        if not is_there.any():
            return
        rows, times, values = rows[is_there], times[is_there], values[is_there]
        size = int(rows.max()) + 1
        known, newest = self._value.grow(size), self._time.grow(size)
        order = np.argsort(times, kind="stable")
        order = order[times[order] >= newest[rows[order]]]
        # Of a row that is written several times the last one stays.
        known[rows[order]] = values[order]
        newest[rows[order]] = times[order]

    def get(self, row: int) -> float | None:
        """The value of a row, None where there was none."""
        if row >= len(self._time.rows) or not self._time.rows[row]:
            return None
        return float(self._value.rows[row])
