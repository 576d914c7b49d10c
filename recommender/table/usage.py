"""A table of usage, reduced day by day as it is read."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.errors import TableError
from recommender.history.assembly import assemble_usage
from recommender.history.counter import MOST_CORES
from recommender.history.cpu import CpuReduction
from recommender.history.memory import MemoryReduction
from recommender.model.history import STEP, TimeGrid
from recommender.recording.layout import MAX_BYTES
from recommender.sizing.histogram import DEMAND
from recommender.table.block import Clock, bins_of, read_blocks
from recommender.table.fault import Faults
from recommender.table.identity import NAMES, PodBook
from recommender.table.latest import Latest
from recommender.table.podbin import PodBinBuffer, PodBins
from recommender.units import DAY, HOUR, format_duration, format_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from numpy.typing import NDArray

    from recommender.model.history import UsageHistory
    from recommender.model.identity import ContainerRef, WorkloadRef
    from recommender.table.block import Block

    Bins = TypeVar("Bins", int, NDArray[np.int64])

NEEDED = ("time", *NAMES, "cpu_cores", "memory_bytes")
OPTIONAL = ("cpu_request_cores", "memory_request_bytes", "node")

MOST_BYTES = 2.0**50
_DAY_BINS = DAY // STEP
_LAST_HOUR = HOUR // STEP
_MOST_DAYS = 366
_BYTES_A_BIN = 6
_BYTES_A_DAY = 4 * DEMAND.count
_SPARSE = 1.5


class UsageTable(msgspec.Struct, frozen=True):
    """What a table of usage says.

    requests  cores and bytes by container: those of its newest row that has some
    pods      that ran at the end, by workload; `pods_on` counts those whose node is known
    """

    usage: UsageHistory
    requests: dict[ContainerRef, tuple[float | None, float | None]]
    pods: dict[WorkloadRef, int]
    pods_on: dict[WorkloadRef, dict[str, int]]
    rows: int
    warnings: tuple[str, ...]


class _Reduced(msgspec.Struct, frozen=True):
    """Reductions over one day, or over the days that are put into it."""

    cpu: CpuReduction
    memory: MemoryReduction

    @classmethod
    def over(cls, grid: TimeGrid, *, rows: int) -> _Reduced:
        return cls(CpuReduction(grid, room=rows), MemoryReduction(grid, room=rows))

    def grow(self, rows: int) -> None:
        cpu, memory = self.cpu, self.memory
        for part in (cpu.total, cpu.pods, cpu.days, cpu.decayed, cpu.highest):
            part.grow(rows)
        for part in (memory.days, memory.decayed):
            part.grow(rows)

    def include(self, other: _Reduced, *, day: int, begin: int, grid: TimeGrid) -> None:
        """Put a day of UTC into these reductions over `grid`: its number there, and the bin at
        which it begins, which for the oldest one may lie before the grid.
        """
        mine, cpu = self.cpu, other.cpu
        rows = len(cpu.total.rows)
        first, last = max(begin, 0), min(begin + _DAY_BINS, grid.bins)
        mine.total.rows[:rows, first:last] = cpu.total.rows[:, first - begin : last - begin]
        mine.pods.rows[:rows, first:last] = cpu.pods.rows[:, first - begin : last - begin]
        mine.days.rows[:rows, day] = cpu.days.rows[:, 0]
        mine.highest.rows[:rows, day] = cpu.highest.rows[:, 0]
        # Weights are those at the end of the day, which may lie after that of the grid.
        age = (grid.bins - begin - _DAY_BINS) / _DAY_BINS
        mine.decayed.rows[:rows] += cpu.decayed.rows * 2.0**-age
        rows = len(other.memory.days.rows)
        self.memory.days.rows[:rows, day] = other.memory.days.rows[:, 0]
        self.memory.decayed.rows[:rows] += other.memory.decayed.rows * 2.0 ** -(grid.days - 1 - day)


def read_usage(path: Path, *, progress: Callable[[str, int, int], None]) -> UsageTable:
    """The usage in a table, reduced. TableError where nothing can be made of it.

    Rows come in any order within a day. Memory grows with containers x bins, and with the pods
    of the last days, not with the length of the table.
    """
    faults = Faults(path.name)
    reader = UsageReader(path)
    for block in read_blocks(
        path, needed=NEEDED, optional=OPTIONAL, faults=faults, progress=progress
    ):
        reader.read(block)
    return reader.finish(faults)


class UsageReader:
    """Blocks of a table in order, into days of history."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._clock = Clock()
        self._book = PodBook()
        self._buffer = PodBinBuffer()
        self._cpu_requests = Latest()
        self._memory_requests = Latest()
        self._node_of: dict[int, str] = {}
        self._days: dict[int, _Reduced] = {}
        self._newest = 0.0
        self._newest_line = 0
        self._first_bin = self._last_bin = 0

    def read(self, block: Block) -> None:
        times = self._clock.read(block)
        amounts = {
            column: block.amounts(column, most=most)
            for column, most in (
                ("cpu_cores", MOST_CORES),
                ("memory_bytes", MOST_BYTES),
                ("cpu_request_cores", MOST_CORES),
                ("memory_request_bytes", MOST_BYTES),
            )
        }
        is_void = np.isnan(amounts["cpu_cores"]) & np.isnan(amounts["memory_bytes"])
        for row in np.flatnonzero(is_void).tolist():
            block.reject(row, lambda: "neither cpu_cores nor memory_bytes has a number")
        is_good, block = block.is_good.copy(), block.kept()
        numbers = self._book.find(block)
        is_named = block.is_good
        lines = np.array(block.lines)[is_named]
        samples = {name: each[is_good][is_named] for name, each in amounts.items()}
        if len(lines):
            self._nodes(block.kept(), numbers[is_named])
            self._add(times[is_good][is_named], numbers[is_named], samples, lines)

    def _nodes(self, block: Block, numbers: NDArray[np.int64]) -> None:
        if "node" in block.columns:
            self._node_of.update(zip(numbers.tolist(), block.columns["node"], strict=True))

    def _add(
        self,
        times: NDArray[np.float64],
        numbers: NDArray[np.int64],
        samples: dict[str, NDArray[np.float64]],
        lines: NDArray[np.int64],
    ) -> None:
        self._check_order(times, lines)
        bins = bins_of(times)
        self._first_bin = min(self._first_bin or int(bins.min()), int(bins.min()))
        last, self._last_bin = self._last_bin, max(self._last_bin, int(bins.max()))
        self._check_span(lines)
        self._buffer.add(
            PodBins.of_samples(numbers, bins, samples["cpu_cores"], samples["memory_bytes"])
        )
        rows = self._book.row[numbers]
        self._cpu_requests.add(rows, times, samples["cpu_request_cores"])
        self._memory_requests.add(rows, times, samples["memory_request_bytes"])
        if last and _day_of(self._last_bin) > _day_of(last):
            # A row may go back by a day, and with it into the day before that of the newest.
            self._close(_day_of(self._last_bin) - 1)

    def _check_order(self, times: NDArray[np.float64], lines: NDArray[np.int64]) -> None:
        newest = np.maximum.accumulate(np.maximum(times, self._newest))
        late = np.flatnonzero(times < newest - DAY)
        if len(late):
            at = int(late[0])
            before = int(np.flatnonzero(times == newest[at])[0]) if newest[at] in times else None
            line = self._newest_line if before is None else int(lines[before])
            raise TableError(
                f"{self._path} goes back in time by more than a day: line {lines[at]} is of "
                f"{format_time(times[at])}, line {line} of {format_time(newest[at])}; sort it by "
                "time"
            )
        if newest[-1] > self._newest:
            self._newest_line = int(lines[times.argmax()])
        self._newest = float(newest[-1])

    def _check_span(self, lines: NDArray[np.int64]) -> None:
        """Before room is made for it, and not only when the recording is written."""
        days = _day_of(self._last_bin) - _day_of(self._first_bin) + 1
        span = (
            f"{format_time((self._first_bin - 1) * STEP)} to {format_time(self._last_bin * STEP)}"
        )
        if days > _MOST_DAYS:
            raise TableError(
                f"{self._path} spans more than {_MOST_DAYS} days up to line {lines[-1]} ({span}); "
                "cut it to the time that counts"
            )
        each = days * (_BYTES_A_DAY + _DAY_BINS * _BYTES_A_BIN)
        if len(self._book.refs) * each > MAX_BYTES:
            raise TableError(
                f"{self._path} has {len(self._book.refs):,} containers over {days} days up to line "
                f"{lines[-1]}: more than a recording holds; cut it into fewer namespaces or days"
            )

    def _close(self, before: int) -> None:
        """Reduce all days before this one."""
        done = self._buffer.take_before(before * _DAY_BINS + 1)
        days = _day_of(done.bins)
        for day in np.unique(days).tolist():
            self._reduce(day, done.where(days == day))
        held = np.unique(self._buffer.compact().pods).tolist()
        self._book.keep(held)
        nodes = self._node_of
        self._node_of = {number: nodes[number] for number in held if number in nodes}

    def _reduce(self, day: int, samples: PodBins) -> None:
        grid = TimeGrid(end=(day + 1) * DAY, bins=_DAY_BINS)
        reduced = self._days[day] = _Reduced.over(grid, rows=len(self._book.refs))
        row = self._book.row
        used = samples.where(samples.count > 0)
        at = (used.bins - (day * _DAY_BINS + 1)).astype(np.int32)
        if len(used):
            reduced.cpu.add(row[used.pods], at, used.cores / used.count)
        pods, first = np.unique(samples.pods, return_index=True)
        peaks = np.nan_to_num(np.fmax.reduceat(samples.memory, first))
        reduced.memory.add_peaks(row[pods], peaks[:, None], pods)

    def finish(self, faults: Faults) -> UsageTable:
        """All that was read; to be called once."""
        if not self._last_bin:
            raise TableError(faults.describe() or f"{self._path} has no rows below its first line")
        last = self._buffer.compact()
        last = last.where(last.bins > self._last_bin - _LAST_HOUR)
        running, pods_on = self._find_running(last)
        self._close(_day_of(self._last_bin) + 1)
        refs = self._book.refs
        usage = self._join(refs)
        return UsageTable(
            usage=usage,
            requests={
                ref: (self._cpu_requests.get(row), self._memory_requests.get(row))
                for row, ref in enumerate(refs)
            },
            pods=running,
            pods_on=pods_on,
            rows=faults.read - faults.count,
            warnings=tuple(filter(None, (faults.describe(), _describe_gaps(usage)))),
        )

    def _find_running(
        self, last: PodBins
    ) -> tuple[dict[WorkloadRef, int], dict[WorkloadRef, dict[str, int]]]:
        """Pods of each workload in that bin of the last hour that has the most of them: the very
        last bin may be cut, and over the hour one pod takes the place of another.
        """
        there: defaultdict[WorkloadRef, defaultdict[int, dict[int, int]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        refs, row, pod = self._book.refs, self._book.row, self._book.pod
        for number, at in zip(last.pods.tolist(), last.bins.tolist(), strict=True):
            there[refs[row[number]].workload][at][int(pod[number])] = number
        pods = {ref: max(bins.values(), key=len) for ref, bins in there.items()}
        pods_on = {
            ref: Counter(
                node for number in found.values() if (node := self._node_of.get(number, "").strip())
            )
            for ref, found in pods.items()
        }
        return (
            {ref: len(found) for ref, found in pods.items()},
            {ref: dict(nodes) for ref, nodes in pods_on.items()},
        )

    def _join(self, refs: list[ContainerRef]) -> UsageHistory:
        grid = self._grid()
        whole = _Reduced.over(grid, rows=len(refs))
        whole.grow(len(refs))
        for day in sorted(self._days):
            whole.include(
                self._days.pop(day),
                day=day - _day_of(self._first_bin),
                begin=day * _DAY_BINS + 1 - self._first_bin,
                grid=grid,
            )
        return assemble_usage(grid, refs, whole.cpu, whole.memory)

    def _grid(self) -> TimeGrid:
        """From the first to the last bin with a sample; days are those of UTC."""
        bins = self._last_bin - self._first_bin + 1
        open_bins = self._last_bin - _day_of(self._last_bin) * _DAY_BINS
        return TimeGrid(
            end=self._last_bin * STEP,
            bins=bins,
            open_bins=min(open_bins, bins) % _DAY_BINS,
        )


def _day_of(bins: Bins) -> Bins:
    """The day, since 1970, in which a bin lies; its number is that of its end."""
    return (bins - 1) // _DAY_BINS


def _describe_gaps(usage: UsageHistory) -> str:
    """A sentence where rows come less often than bins, "" where they do not."""
    present = np.asarray((usage.pods > 0).sum(axis=1))
    there = present > 1
    if not there.any():
        return ""
    between = (usage.last - usage.first)[there] / (present[there] - 1)
    usual = float(np.median(between))
    if usual < _SPARSE * STEP:
        return ""
    return (
        f"rows of a container are {format_duration(usual)} apart: the bins of "
        f"{format_duration(STEP)} between them stay empty, and count as missing"
    )
