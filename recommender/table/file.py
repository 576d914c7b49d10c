"""The lines of a table's file, gzipped or not, a block at a time."""

from __future__ import annotations

import gzip
import io
import stat
import zlib
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING

from recommender.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO, TextIO

_BLOCK = 1 << 20  # characters at once
_LONGEST_LINE = 1 << 20
_LONGEST_QUOTE = 1 << 16  # lines
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


class TableLines:
    """The lines of an open table, without their ends, about a megabyte at once. Iterated once.

    Quotes are whole within a block. `position` and `size` are bytes of the file as it lies there.
    TableError for what is no text.
    """

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self.path = path
        self.size = size
        self._file = file
        self._text = _decode(path, file)

    @property
    def position(self) -> int:
        return self._file.tell()

    def __iter__(self) -> Iterator[list[str]]:
        carry, held, number = "", list[str](), 0
        while block := self._read(number):
            lines = (carry + block).split("\n")
            carry = lines.pop()
            number += len(lines)
            self._check(carry, held, number - len(lines))
            held += lines
            if held and not _has_open_quote(held):
                yield held
                held = []
        if carry:
            held.append(carry)
            number += 1
        if _has_open_quote(held):
            raise self._complain_of_quote(held, number)
        if held:
            yield held

    def _check(self, carry: str, held: list[str], number: int) -> None:
        """That neither a line nor a quote goes on for ever; `held` are lines up to this number."""
        if len(carry) > _LONGEST_LINE:
            raise TableError(
                f"{self.path} is no CSV: a line after line {number} is longer than a million "
                "characters"
            )
        if len(held) > _LONGEST_QUOTE:
            raise self._complain_of_quote(held, number)

    def _complain_of_quote(self, held: list[str], number: int) -> TableError:
        """`held` are the lines up to this number."""
        odd = [at for at, line in enumerate(held) if line.count('"') % 2]
        line = number - len(held) + 1 + odd[-1]
        return TableError(f"{self.path} is no CSV: the quote in line {line} is never closed")

    def _read(self, number: int) -> str:
        try:
            return self._text.read(_BLOCK)
        except UnicodeDecodeError as error:
            raise TableError(
                f"{self.path} is no UTF-8 text (after line {number}); save it as UTF-8"
            ) from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise TableError(
                f"{self.path} is a damaged gzip file (after line {number}); copy it again",
                detail=str(error),
            ) from error


@contextmanager
def open_table(path: Path) -> Iterator[TableLines]:
    """The lines of a table; gzip is known by its content. TableError where there is none."""
    with _explained(path):
        found = path.stat()
    if not stat.S_ISREG(found.st_mode):  # asked before opening: a pipe would hang
        raise TableError(f"{path} is not a file; name a CSV file")
    if not found.st_size:
        raise TableError(f"{path} is empty; its first line must name the columns")
    with _explained(path):
        file = path.open("rb")
    with file:
        yield TableLines(path, file, found.st_size)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise TableError(f"no table {path}; is its name right?") from error
    except OSError as error:
        raise TableError(f"cannot read table {path}: {error.strerror or error}") from error


def _has_open_quote(lines: list[str]) -> bool:
    return sum(map(str.count, lines, repeat('"'))) % 2 == 1


def _decode(path: Path, file: BinaryIO) -> TextIO:
    begin = file.read(4096)
    file.seek(0)
    if begin.startswith(_GZIP):
        return io.TextIOWrapper(gzip.GzipFile(fileobj=file), encoding="utf-8-sig")
    if begin.startswith(_BYTE_ORDER_MARKS):
        raise TableError(f"{path} is UTF-16 text; save it as UTF-8")
    if b"\0" in begin:
        raise TableError(f"{path} is no CSV: it holds binary data")
    return io.TextIOWrapper(file, encoding="utf-8-sig")


def report_bytes(lines: TableLines, progress: Callable[[str, int, int], None]) -> None:
    """Say how far the file is read, in MB."""
    progress(f"MB of {lines.path.name}", lines.position // 10**6, -(-lines.size // 10**6))
