"""Rows of a table, some thousands at once, column by column."""

from __future__ import annotations

import csv
from itertools import compress, islice
from typing import TYPE_CHECKING

import numpy as np

from recommender.errors import TableError, UsageError
from recommender.model.history import STEP
from recommender.table.fault import Faults, quote
from recommender.table.file import open_table, report_bytes
from recommender.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


ROWS = 1 << 14
"""Of a block: its strings stay in the cache."""

_DELIMITERS = ",;\t"
_KNOWN_TIMES = 1 << 17
_SHOWN_HEADER = 200


class Block:
    """Consecutive rows; `columns` has the cells of each column that is wanted and there.

    `lines` are the numbers of the lines in the file on which the rows end. Rows that turn out to
    be bad are no longer `is_good` [B] and count as faults, once.
    """

    def __init__(
        self, columns: Mapping[str, Sequence[str]], lines: Sequence[int], faults: Faults
    ) -> None:
        self.columns = columns
        self.lines = lines
        self.is_good = np.ones(len(lines), np.bool_)
        self._faults = faults

    def reject(self, row: int, describe: Callable[[], str]) -> None:
        if self.is_good[row]:
            self.is_good[row] = False
            self._faults.add(self.lines[row], describe)

    def amounts(self, column: str, *, most: float) -> NDArray[np.float64]:
        """The numbers of a column [B], NaN where a cell is empty or there is no such column.

        Rows with what is no number from 0 to `most` are rejected.
        """
        cells = self.columns.get(column)
        if cells is None:
            return np.full(len(self.lines), np.nan)
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            values = np.fromiter(map(_parse, cells), np.float64, len(cells))
        for row in np.flatnonzero((values < 0) | (values > most)).tolist():
            self.reject(row, lambda row=row: _complain(column, cells[row], most))  # type: ignore[misc]
        return values

    def kept(self) -> Block:
        """Only the good rows."""
        if self.is_good.all():
            return self
        keep = self.is_good.tolist()
        columns = {name: list(compress(cells, keep)) for name, cells in self.columns.items()}
        return Block(columns, list(compress(self.lines, keep)), self._faults)


class Clock:
    """Unix seconds of cells; many rows of a table have the same time."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}

    def read(self, block: Block) -> NDArray[np.float64]:
        """The times of a block [B]; rows with what is none are rejected and have NaN."""
        cells = block.columns["time"]
        found = list(map(self._known.get, cells))
        if None in found:
            if len(self._known) > _KNOWN_TIMES:
                self._known.clear()
            for row, cell in enumerate(cells):
                if found[row] is None:
                    found[row] = self._known[cell] = _parse_time(cell)
        times = np.array(found, dtype=np.float64)
        for row in np.flatnonzero(np.isnan(times)).tolist():
            block.reject(row, lambda row=row: _complain_of_time(cells[row]))  # type: ignore[misc]
        return times


def read_blocks(
    path: Path,
    *,
    needed: Sequence[str],
    optional: Sequence[str],
    faults: Faults,
    progress: Callable[[str, int, int], None],
) -> Iterator[Block]:
    """The rows of a table, block by block; blank lines are passed over.

    Columns are known by their names in the first line, in any order; others are passed over.
    TableError for what is no table with the needed columns.
    """
    with open_table(path) as lines:
        source = iter(lines)
        first = next(source, "")
        delimiter = max(_DELIMITERS, key=first.count)
        names = _read_header(first, delimiter, path)
        wanted = _find_columns(names, needed, optional, path)
        rows = csv.reader(source, delimiter=delimiter)
        while True:
            block = _read_block(rows, names, wanted, faults)
            report_bytes(lines, progress)
            if block is None:
                return
            if len(block.lines):
                yield block


def _read_header(line: str, delimiter: str, path: Path) -> list[str]:
    try:
        names = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as error:
        raise TableError(f"{path} is no CSV (line 1: {error})") from error
    return [name.strip().lower() for name in names]


def _find_columns(
    names: Sequence[str], needed: Sequence[str], optional: Sequence[str], path: Path
) -> dict[str, int]:
    """Where each wanted column is."""
    lacking = [name for name in needed if name not in names]
    if lacking:
        shown = quote(",".join(names))
        raise TableError(
            f"{path} lacks the column{'s' * (len(lacking) > 1)} {', '.join(lacking)}; its first "
            f"line must name {','.join(needed)} and is {shown}"
        )
    twice = [name for name in (*needed, *optional) if names.count(name) > 1]
    if twice:
        raise TableError(f"{path} has the column {twice[0]} twice; which of them is meant?")
    return {name: names.index(name) for name in (*needed, *optional) if name in names}


def _read_block(
    reader: Iterator[list[str]], names: Sequence[str], wanted: Mapping[str, int], faults: Faults
) -> Block | None:
    """The next rows, None at the end. Rows of another length than the header are faults."""
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in islice(reader, ROWS):
            rows.append(row)
            lines.append(1 + reader.line_num)  # type: ignore[attr-defined]  # the header came before
    except csv.Error as error:
        line = 1 + reader.line_num  # type: ignore[attr-defined]
        raise TableError(f"{faults.name} is no CSV near line {line}: {error}") from error
    if not rows:
        return None
    if set(map(len, rows)) != {len(names)}:
        rows, lines = _keep_whole(rows, lines, len(names), faults)
    faults.read += len(rows)
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return Block({name: cells[at] for name, at in wanted.items()}, lines, faults)


def _keep_whole(
    rows: Iterable[list[str]], lines: Iterable[int], width: int, faults: Faults
) -> tuple[list[list[str]], list[int]]:
    kept, where = [], []
    for row, line in zip(rows, lines, strict=True):
        if len(row) == width:
            kept.append(row)
            where.append(line)
        elif row:
            faults.read += 1
            faults.add(line, lambda row=row: f"{len(row)} cells where {width} belong")  # type: ignore[misc]
    return kept, where


def _parse(cell: str) -> float:
    """A number; NaN for an empty cell, -1 for what is none."""
    try:
        return float(cell)
    except ValueError:
        return -1.0 if cell.strip() else float("nan")


def _complain(column: str, cell: str, most: float) -> str:
    try:
        value = float(cell)
    except ValueError:
        return f"{column} {quote(cell)} is no number"
    if value < 0:
        return f"{column} {quote(cell)} is negative"
    return f"{column} {quote(cell)} is more than {most:g}"


def _parse_time(cell: str) -> float:
    try:
        seconds = parse_time(cell)
    except (UsageError, OverflowError):
        return float("nan")
    return seconds if 0.0 < seconds < 2.0**35 else float("nan")


def _complain_of_time(cell: str) -> str:
    return f"time {quote(cell)} is neither RFC 3339 nor unix seconds"


def bins_of(times: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin in which each time lies, as the number of its end in steps since 1970."""
    return np.ceil(times / STEP).astype(np.int64)
