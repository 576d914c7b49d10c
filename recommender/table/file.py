"""The lines of a table's file, gzipped or not, a block at a time."""

from __future__ import annotations

import gzip
import io
import stat
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recommender.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO, TextIO

_BLOCK = 1 << 18  # characters at once
_LONGEST_LINE = 1 << 20
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


class TableLines:
    """The lines of an open table, without their ends. Iterated once.

    `position` and `size` are bytes of the file as it lies there. TableError for what is no text.
    """

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self.path = path
        self.size = size
        self._file = file
        self._text = _decode(path, file)

    @property
    def position(self) -> int:
        return self._file.tell()

    def __iter__(self) -> Iterator[str]:
        carry, number = "", 0
        while block := self._read(number):
            lines = (carry + block).split("\n")
            carry = lines.pop()
            number += len(lines)
            if len(carry) > _LONGEST_LINE:
                raise TableError(
                    f"{self.path} is no CSV: line {number + 1} is longer than a million characters"
                )
            yield from lines
        if carry:
            yield carry

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
