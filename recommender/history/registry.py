"""Which series is whose: labels are read once, after that a series is a number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from zlib import crc32

import msgspec
import numpy as np

from recommender.history.reply import decode_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

IGNORED = -1
_UNKNOWN = -2  # the row of a series before its labels were read anew


class Identity(msgspec.Struct, frozen=True):
    """Whose counter a series is.

    row     what it is reduced into; IGNORED drops it
    group   what the parts of add up: a pod's container, a zone of a node
    unit    the thing that counts, within its group: a container id, a socket. Several series
            of one unit are several observers of it, and only one of them counts.
    target  who was scraped
    """

    row: int
    group: Hashable = None
    unit: Hashable = None
    target: str = ""


@dataclass
class SeriesRegistry:
    """Numbers for series, and for their groups, units and targets.

    Series are known by a 64-bit hash of their labels, so that 100,000 pods of jobs that came
    and went cost some MB: among so many the chance that any two share one is 3e-10.
    """

    identify: Callable[[Mapping[str, str]], Identity]
    row: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    group: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    unit: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    target: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    rank: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    """Order of preference among the series of a unit: the same in every run."""
    groups: int = 0
    units: int = 0
    targets: int = 0
    _series: dict[int, int] = field(default_factory=dict)
    _groups: dict[int, int] = field(default_factory=dict)
    _units: dict[tuple[int, int], int] = field(default_factory=dict)
    _targets: dict[str, int] = field(default_factory=dict)
    _latest: tuple[list[bytes], Integers] = field(
        default_factory=lambda: ([], np.zeros(0, np.int64))
    )

    def find(self, metrics: list[bytes]) -> Integers:
        """The number of each series; new ones are added.

        Most replies of a query are about the same series as the one before, in its order.
        """
        if metrics != self._latest[0]:
            self._latest = metrics, self._find(metrics)
        return self._latest[1]

    def _find(self, metrics: list[bytes]) -> Integers:
        series = self._series
        found = np.array(
            [series.setdefault(hash(metric), len(series)) for metric in metrics], dtype=np.int64
        )
        known = len(self.row)
        if len(series) > known:
            self._add([m for m, number in zip(metrics, found, strict=True) if number >= known])
        for at in np.flatnonzero(self.row[found] == _UNKNOWN).tolist():
            self.row[found[at]] = self.identify(decode_labels(metrics[at])).row
        return found

    def resume(self, identify: Callable[[Mapping[str, str]], Identity]) -> SeriesRegistry:
        """A copy with the same numbers, in which each series gets the row that `identify` gives
        it when it is seen again.
        """
        return replace(
            self,
            identify=identify,
            row=np.full(len(self.row), _UNKNOWN),
            _series=dict(self._series),
            _groups=dict(self._groups),
            _units=dict(self._units),
            _targets=dict(self._targets),
            _latest=([], np.zeros(0, np.int64)),
        )

    @property
    def group_hashes(self) -> Integers:
        """What the groups are known by, in the order of their numbers, [G]."""
        return np.fromiter(self._groups, np.int64, self.groups)

    def group_of(self, group: Hashable) -> int | None:
        """The number of a group, None if no series is of it."""
        return self._groups.get(hash(group))

    def _add(self, metrics: list[bytes]) -> None:
        new = []
        for metric in dict.fromkeys(metrics):
            identity = self.identify(decode_labels(metric))
            group = _number(self._groups, hash(identity.group))
            unit = _number(self._units, (group, hash(identity.unit)))
            target = _number(self._targets, identity.target)
            new.append((identity.row, group, unit, target, crc32(metric)))
        columns = np.array(new, dtype=np.int64).T
        for name, column in zip(("row", "group", "unit", "target", "rank"), columns, strict=True):
            setattr(self, name, np.append(getattr(self, name), column))
        self.groups = len(self._groups)
        self.units = len(self._units)
        self.targets = len(self._targets)


def _number(numbers: dict[Any, int], key: Hashable) -> int:
    return numbers.setdefault(key, len(numbers))
