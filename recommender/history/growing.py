"""Arrays whose number of rows becomes known only while they are filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


class RowArray:
    """Rows of one shape that begin as zeros; room doubles when it runs out.

    Pages of rows that nobody wrote to take no memory.
    """

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike, *, room: int = 64) -> None:
        self._array: NDArray[Any] = np.zeros((max(1, room), *shape), dtype)
        self._rows = 0

    def grow(self, rows: int) -> NDArray[Any]:
        """All rows there is room for, at least `rows`: a view, valid until the next growth."""
        if rows > len(self._array):
            larger = np.zeros(
                (max(rows, 2 * len(self._array)), *self._array.shape[1:]), self._array.dtype
            )
            larger[: self._rows] = self._array[: self._rows]
            self._array = larger
        self._rows = max(self._rows, rows)
        return self._array

    def take(self, order: NDArray[np.int64]) -> NDArray[Any]:
        """The rows in this order (a permutation of all rows), moved in place: the array may be
        a tenth of all memory, and a sorted copy would double it for a moment.
        """
        array = self.grow(len(order))[: len(order)]
        _permute(array, order)
        return array

    def keep(self, order: NDArray[np.int64]) -> NDArray[Any]:
        """Only these rows, in this order, moved in place."""
        is_kept = np.zeros(self._rows, np.bool_)
        is_kept[order] = True
        array = self.take(np.concatenate((order, np.flatnonzero(~is_kept))))
        array[len(order) :] = 0
        self._rows = len(order)
        return array[: len(order)]

    @property
    def rows(self) -> NDArray[Any]:
        """The rows there are: a view, valid until the next growth."""
        return self._array[: self._rows]


def _permute(array: NDArray[Any], order: NDArray[np.int64]) -> None:
    """array[i] becomes the old array[order[i]], one cycle of the permutation after another."""
    is_done = order == np.arange(len(order))
    for start in np.flatnonzero(~is_done):
        if is_done[start]:
            continue
        first = array[start].copy()
        to = int(start)
        while (origin := int(order[to])) != start:
            array[to] = array[origin]
            is_done[to] = True
            to = origin
        array[to] = first
        is_done[to] = True
