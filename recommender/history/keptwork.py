"""Work that was read is kept for about an hour: the service looks at it in every cycle.

The curve of a replica rests on days of windows, so that the newest hour of them changes little,
and reading a work metric over the whole window each minute would cost more than all else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import msgspec
import numpy as np
from msgspec.structs import replace

from recommender.errors import JoulefitError
from recommender.units import HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recommender.history.work import WorkReader
    from recommender.model.history import TimeGrid
    from recommender.model.identity import PodOwners, WorkloadRef
    from recommender.model.profile import MetricSelector
    from recommender.model.work import WorkRate

    Key = tuple[WorkloadRef, str, tuple[tuple[str, str], ...]]

RENEW = HOUR
"""Seconds of new bins after which work is read anew; up to twice that, so that the workloads of a
cluster are not all due in one cycle."""

_MOST_KEPT = 2_000  # 32 KB each


class _Kept(msgspec.Struct, frozen=True):
    grid: TimeGrid
    rate: WorkRate


class KeptWork:
    """A reader of work that asks the store again only when an hour of new bins has come.

    What it gives in between ends where it was read. A read that fails gives what is kept, and
    raises where nothing is. Not to be used by two threads at once.
    """

    def __init__(self, reader: WorkReader, *, renew: float = RENEW) -> None:
        self._reader = reader
        self._renew = renew
        self._kept: dict[Key, _Kept] = {}

    def read(
        self, series: MetricSelector, ref: WorkloadRef, *, owners: PodOwners, grid: TimeGrid
    ) -> WorkRate:
        """As `WorkReader.read`, over the bins of `grid`."""
        key = ref, series.name, tuple(sorted(series.labels.items()))
        kept = self._kept.get(key)
        if kept is None or self._is_due(key, kept.grid, grid):
            try:
                rate = self._reader.read(series, ref, owners=owners, grid=grid)
            except JoulefitError:
                if kept is None:
                    raise
            else:
                kept = self._keep(key, _Kept(grid, rate))
        return replace(kept.rate, per_second=_align(kept, grid))

    def _is_due(self, key: Key, held: TimeGrid, wanted: TimeGrid) -> bool:
        wait = self._renew * (1.0 + crc32(repr(key).encode()) / 2**32)
        return held.step != wanted.step or not held.end <= wanted.end < held.end + wait

    def _keep(self, key: Key, found: _Kept) -> _Kept:
        """The ones that were asked for last are kept."""
        self._kept.pop(key, None)
        self._kept[key] = found
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        return found


def _align(kept: _Kept, grid: TimeGrid) -> NDArray[np.float64]:
    """What is kept over the bins of `grid`, NaN where it does not reach; steps are the same."""
    values = np.full(grid.bins, np.nan)
    shift = (kept.grid.start - grid.start) // grid.step
    first, end = max(shift, 0), min(shift + kept.grid.bins, grid.bins)
    if first < end and (kept.grid.start - grid.start) % grid.step == 0:
        values[first:end] = kept.rate.per_second[first - shift : end - shift]
    return values
