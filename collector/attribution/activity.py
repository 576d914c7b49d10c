"""What each cgroup did in one interval, and what that weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collector.model import ActivityReading, Level

Basis: TypeAlias = Literal["cycles", "frequency", "time"]
"""What CPU work is weighed by: cycles counted, CPU time times frequency, or CPU time alone."""

NANO = 1e-9

_Counts: TypeAlias = "NDArray[np.uint64]"


@dataclass(frozen=True)
class Work:
    """Differences of one interval of `seconds`. Rows follow `groups`, ascending; columns are CPUs,
    or one where there are none.
    """

    seconds: float
    groups: NDArray[np.uint64]
    cpu_ns: _Counts
    cycles: _Counts | None = None
    instructions: _Counts | None = None
    cache_misses: _Counts | None = None


class WorkCounter:
    """Turns cumulative readings of cgroups into work per interval.

    The first reading, and the first at another level or with another number of CPUs, is where
    counting begins. A cgroup that appears later began at zero; so did one whose counter fell
    (its number was given to another).
    """

    def __init__(self) -> None:
        self._last: _Table | None = None

    def advance(self, reading: ActivityReading) -> Work | None:
        """The work since the last reading; None where there is nothing to compare with."""
        now = _tabulate(reading)
        last, self._last = self._last, now
        if last is None or last.shape != now.shape or now.at <= last.at:
            return None
        before = _align(last, now.groups)
        is_new = np.zeros(len(now.groups), dtype=bool)
        for counts, base in zip(now.columns, before, strict=True):
            is_new |= (counts < base).any(axis=1)
        differences = []
        for counts, base in zip(now.columns, before, strict=True):
            base[is_new] = 0
            differences.append(counts - base)
        return now.name(differences, seconds=now.at - last.at)


@dataclass(frozen=True)
class _Table:
    """A reading with its rows in ascending order of cgroup id: the order must not matter."""

    at: float
    level: Level
    groups: NDArray[np.uint64]
    columns: tuple[_Counts, ...]
    present: tuple[bool, ...]

    @property
    def shape(self) -> tuple[object, ...]:
        return (self.level, self.present, self.columns[0].shape[1])

    def name(self, arrays: list[_Counts], *, seconds: float) -> Work:
        """Differences in the order of `columns` as the work of one interval."""
        cpu_ns, *others = arrays
        names = ("cycles", "instructions", "cache_misses")
        known = (name for name, is_there in zip(names, self.present, strict=True) if is_there)
        return Work(seconds, self.groups, cpu_ns, **dict(zip(known, others, strict=True)))


def _tabulate(reading: ActivityReading) -> _Table:
    groups = np.array(reading.groups, dtype=np.uint64)
    order = np.argsort(groups, kind="stable")
    optional = (reading.cycles, reading.instructions, reading.cache_misses)
    arrays = [reading.cpu_ns, *(each for each in optional if each is not None)]
    return _Table(
        reading.at,
        reading.level,
        groups[order],
        tuple((each if each.ndim == 2 else each[:, np.newaxis])[order] for each in arrays),
        tuple(each is not None for each in optional),
    )


def _align(last: _Table, groups: NDArray[np.uint64]) -> list[_Counts]:
    """Counters of the last reading in the rows of this one, 0 for groups that are new."""
    if np.array_equal(last.groups, groups):
        return [each.copy() for each in last.columns]
    place = np.searchsorted(last.groups, groups)
    place[place == len(last.groups)] = 0
    is_known = last.groups[place] == groups if len(last.groups) else np.zeros(len(groups), bool)
    aligned = []
    for counts in last.columns:
        base = np.zeros((len(groups), counts.shape[1]), dtype=np.uint64)
        base[is_known] = counts[place[is_known]]
        aligned.append(base)
    return aligned


def weigh_cpu(work: Work, hertz: NDArray[np.float64] | None) -> tuple[Basis, NDArray[np.float64]]:
    """The CPU work of each group and CPU [G, C]: cycles, cycles by frequency, or seconds.

    `hertz` is [C], NaN where a CPU does not tell: it then runs as the others do on average.
    """
    # Some virtual machines offer a counter that stays at zero while CPUs work.
    if work.cycles is not None and (work.cycles.any() or not work.cpu_ns.any()):
        return "cycles", work.cycles.astype(np.float64)
    seconds = work.cpu_ns.astype(np.float64) * NANO
    columns = seconds.shape[1]
    if hertz is not None and len(hertz) >= columns > 1 and np.isfinite(hertz[:columns]).any():
        known = hertz[:columns]
        return "frequency", seconds * np.where(np.isfinite(known), known, np.nanmean(known))
    return "time", seconds
