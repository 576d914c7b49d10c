"""Little memory for a process that lives as long as its node, by glibc's and the kernel's means."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENAS = -1, -3, -8  # malloc.h
_SMALL = 64 * 1024
_DONT_NEED = 4  # mman.h


def keep_heap_small() -> None:
    """Have glibc keep one heap for all threads and give large pieces back at once: 2 MB of 56.

    By itself it makes a heap for each thread that serves a scrape, and keeps what a list of pods
    once took. Other C libraries have no such options; nothing happens there.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in ((_ARENAS, 1), (_TRIM_THRESHOLD, _SMALL), (_MMAP_THRESHOLD, _SMALL)):
            mallopt(option, value)


def forget_start() -> None:
    """Let go of the pages of programs and libraries, of which the start needed 8 MB more than the
    loop does. They stay in the page cache: what is needed again is mapped again, a few ms once.

    Only mappings of files that are neither writable nor were ever written to are let go. What the
    imports made stays for ever; Python need not look at it again, 20 ms each time, for garbage.
    """
    gc.collect()
    gc.freeze()
    with suppress(OSError, AttributeError, ValueError):
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for begin, end in find_clean_mappings(Path("/proc/self/smaps").read_text()):
            madvise(begin, end - begin, _DONT_NEED)


def find_clean_mappings(smaps: str) -> Iterator[tuple[int, int]]:
    """Begin and end of each mapping of a file that this process has no page of its own in."""
    place, rights, file = "", "", ""
    for line in smaps.splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            place, rights, file = first, rest[0], rest[4] if len(rest) > 4 else ""
        elif first == "Anonymous:" and rest[0] == "0" and "w" not in rights and file[:1] == "/":
            begin, _, end = place.partition("-")
            yield int(begin, 16), int(end, 16)
