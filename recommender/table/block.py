"""Rows of a table, some thousands at once, column by column."""

from __future__ import annotations

import csv
from itertools import compress, repeat
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from recommender.errors import TableError, UsageError
from recommender.model.history import STEP
from recommender.table.fault import Faults, quote
from recommender.table.file import open_table, report_bytes
from recommender.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


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
            for cell in set(cells) - self._known.keys():
                self._known[cell] = _parse_time(cell)
            found = list(map(self._known.get, cells))
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
        number = 1
        names: list[str] = []
        for text in lines:
            if not names:
                delimiter = max(_DELIMITERS, key=text[0].count)
                names = _read_header(text.pop(0), delimiter, path)
                wanted = _find_columns(names, needed, optional, path)
            rows = _split(text, delimiter, first=number + 1, faults=faults, width=len(names))
            number += len(text)
            report_bytes(lines, progress)
            if rows.lines:
                yield Block(
                    {name: rows.cells[at] for name, at in wanted.items()}, rows.lines, faults
                )
    if not names:
        raise TableError(f"{path} is empty; its first line must name the columns")


class _Cells(msgspec.Struct, frozen=True):
    """The cells of some rows, column by column, and the lines on which the rows end."""

    cells: Sequence[Sequence[str]]
    lines: Sequence[int]


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


def _split(text: list[str], delimiter: str, *, first: int, faults: Faults, width: int) -> _Cells:
    """The rows in whole lines of text, of which the `first` is so far down in the file.

    Rows of another width than the header are faults.
    """
    commas = set(map(str.count, text, repeat(delimiter)))
    if commas == {width - 1} and not any(map(str.__contains__, text, repeat('"'))):
        # Three times as fast as the csv module, and what nearly every table looks like.
        flat = delimiter.join(text).split(delimiter)
        faults.read += len(text)
        return _Cells(
            [flat[column::width] for column in range(width)], range(first, first + len(text))
        )
    return _split_carefully(text, delimiter, first=first, faults=faults, width=width)


def _split_carefully(
    text: list[str], delimiter: str, *, first: int, faults: Faults, width: int
) -> _Cells:
    """The same with the csv module: quotes, blank lines, rows of another width."""
    reader = csv.reader(text, delimiter=delimiter)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            line = first - 1 + reader.line_num
            if len(row) == width:
                rows.append(row)
                lines.append(line)
            elif row:
                faults.add(line, lambda row=row: f"{len(row)} cells where {width} belong")  # type: ignore[misc]
                faults.read += 1
    except csv.Error as error:
        line = first - 1 + reader.line_num
        raise TableError(f"{faults.name} is no CSV near line {line}: {error}") from error
    faults.read += len(rows)
    return _Cells(list(zip(*rows, strict=True)), lines)


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
