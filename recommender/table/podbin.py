"""Samples of pods to means of bins, in whatever order they come within a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPACT = 1 << 18
"""Samples that are held before those of one bin become one."""

_BITS = 24
"""Of a bin's number: steps of five minutes since 1970 take 24 until the year 2129."""


class PodBins(msgspec.Struct, frozen=True):
    """Containers of pods in bins, [P] each: one entry for each pair once they are compact.

    key     pod's container and bin, see `pods` and `bins`; ascending once they are compact
    cores   sum of the CPU samples, and `count` their number
    memory  bytes: the highest sample, NaN where there is none
    """

    key: NDArray[np.int64]
    cores: NDArray[np.float64]
    count: NDArray[np.int32]
    memory: NDArray[np.float32]

    @classmethod
    def of_samples(
        cls,
        pods: NDArray[np.int64],
        bins: NDArray[np.int64],
        cores: NDArray[np.float64],
        memory: NDArray[np.float64],
    ) -> PodBins:
        """Single samples [P]; cores and bytes may be NaN."""
        return cls(
            key=(pods << _BITS) | bins,
            cores=np.nan_to_num(cores),
            count=(~np.isnan(cores)).astype(np.int32),
            memory=memory.astype(np.float32),
        )

    @classmethod
    def none(cls) -> PodBins:
        return cls(
            np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.float32)
        )

    def __len__(self) -> int:
        return len(self.key)

    @property
    def pods(self) -> NDArray[np.int64]:
        return self.key >> _BITS

    @property
    def bins(self) -> NDArray[np.int64]:
        return self.key & ((1 << _BITS) - 1)

    def where(self, keep: NDArray[np.bool_]) -> PodBins:
        return PodBins(self.key[keep], self.cores[keep], self.count[keep], self.memory[keep])

    def compact(self) -> PodBins:
        """One entry for each pod's container and bin, in order."""
        if not len(self):
            return self
        order = np.argsort(self.key, kind="stable")
        key = self.key[order]
        first = np.flatnonzero(np.diff(key, prepend=-1))
        return PodBins(
            key=key[first],
            cores=np.add.reduceat(self.cores[order], first),
            count=np.add.reduceat(self.count[order], first, dtype=np.int32),
            memory=np.fmax.reduceat(self.memory[order], first),
        )


class PodBinBuffer:
    """Samples that still may get company: bins that others may fall into.

    Memory grows with the pods of the last days and their bins, not with the samples.
    """

    def __init__(self) -> None:
        self._compact = PodBins.none()
        self._loose: list[PodBins] = []
        self._count = 0

    @property
    def parts(self) -> tuple[PodBins, ...]:
        """What is held now: the compact part, then loose ones."""
        return self._compact, *self._loose

    def add(self, samples: PodBins) -> None:
        self._loose.append(samples)
        self._count += len(samples)
        if self._count > max(COMPACT, len(self._compact) // 2):
            self.compact()

    def compact(self) -> PodBins:
        """All that is held, one entry for each pod's container and bin."""
        parts = self.parts
        self._loose, self._count = [], 0
        self._compact = PodBins(
            np.concatenate([each.key for each in parts]),
            np.concatenate([each.cores for each in parts]),
            np.concatenate([each.count for each in parts]),
            np.concatenate([each.memory for each in parts]),
        ).compact()
        return self._compact

    def take_before(self, first: int) -> PodBins:
        """What lies in bins before this one; it is no longer held."""
        held = self.compact()
        is_before = held.bins < first
        self._compact = held.where(~is_before)
        return held.where(is_before)
