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


REMEMBERED_READINGS = 12
"""A cgroup that could not be read for so many readings goes on where it was; later it is new."""

SLACK = 1.1
"""Clocks of probe and kernel differ: so much more CPU time than CPUs may be true."""


class WorkCounter:
    """Turns cumulative readings of cgroups into work per interval.

    The first reading, and the first at another level or with another number of CPUs, is where
    counting begins. A cgroup that appears later began at zero; so did one whose counter fell
    (its number was given to another). One that appears with more work than `cores` (0: unknown)
    can have done since is an old one that was not seen: its counting begins now.
    """

    def __init__(self, cores: int = 0) -> None:
        self._cores = cores
        self._last: _Table | None = None
        self._absent: dict[int, tuple[list[NDArray[np.uint64]], int]] = {}
        self._readings = 0

    def advance(self, reading: ActivityReading) -> Work | None:
        """The work since the last reading; None where there is nothing to compare with."""
        now = _tabulate(reading)
        last, self._last = self._last, now
        self._readings += 1
        if last is None or last.shape != now.shape or now.at <= last.at:
            self._absent.clear()
            return None
        seconds = now.at - last.at
        before = last.columns
        if not np.array_equal(last.groups, now.groups):
            before = self._align(last, now)
        differences = [counts - base for counts, base in zip(now.columns, before, strict=True)]
        has_fallen = np.zeros(len(now.groups), dtype=bool)
        for counts, base in zip(now.columns, before, strict=True):
            has_fallen |= (counts < base).any(axis=1)
        for counts, difference in zip(now.columns, differences, strict=True):
            difference[has_fallen] = counts[has_fallen]
        if self._cores:
            most = SLACK * seconds * self._cores / NANO
            is_impossible = differences[0].sum(axis=1) > most
            for difference in differences:
                difference[is_impossible] = 0
        return now.name(differences, seconds=seconds)

    def _align(self, last: _Table, now: _Table) -> tuple[_Counts, ...]:
        """Counters of the last reading in the rows of this one, 0 for groups that are new."""
        rows = {group: row for row, group in enumerate(last.groups.tolist())}
        groups = now.groups.tolist()
        before = tuple(np.zeros_like(counts) for counts in now.columns)
        for row, group in enumerate(groups):
            place = rows.pop(group, None)
            if place is not None:
                source = [counts[place] for counts in last.columns]
            elif group in self._absent:
                source = self._absent.pop(group)[0]
            else:
                continue
            for base, counts in zip(before, source, strict=True):
                base[row] = counts
        self._remember(last, rows)
        return before

    def _remember(self, last: _Table, rows: dict[int, int]) -> None:
        """Keep the counters of groups that are not listed now, and drop those of long ago."""
        for group, row in rows.items():
            self._absent[group] = ([counts[row] for counts in last.columns], self._readings)
        limit = self._readings - REMEMBERED_READINGS
        self._absent = {group: kept for group, kept in self._absent.items() if kept[1] > limit}


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
