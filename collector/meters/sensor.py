"""One number of the kernel's in one small file, read again and again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = 64


class SensorFile:
    """A file that is kept open: re-reading costs two system calls and no walk along its path.

    After a failure, and when the file was replaced, it is opened anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def read_number(self) -> int:
        """The number in the file. Raises OSError, or ValueError where there is no number."""
        try:
            return int(os.pread(self._open(), _SIZE, 0))
        except OSError:
            self.close()
            raise

    def _open(self) -> int:
        if self._descriptor >= 0 and os.fstat(self._descriptor).st_nlink == 0:
            self.close()
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return self._descriptor

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


def explain_failure(path: Path, error: OSError | ValueError) -> str:
    """Why a sensor file did not tell, and what helps."""
    if isinstance(error, PermissionError):
        return (
            f"{path}: permission denied; give the collector CAP_DAC_READ_SEARCH "
            "(since Linux 5.10 only root may read energy counters)"
        )
    if isinstance(error, FileNotFoundError):
        return f"{path}: there is no such file (any more)"
    if isinstance(error, OSError):
        return f"{path}: {error.strerror or error}"
    return f"{path}: holds no number"


def read_word(path: Path) -> str:
    """The text of a one-line file, "" where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
