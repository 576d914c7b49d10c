"""Freed memory is there for all threads and goes back to the system."""

from __future__ import annotations

import ctypes

# Of glibc's malloc.h.
_M_ARENA_MAX = -8
_M_MMAP_THRESHOLD = -3

_LARGE = 1024 * 1024
"""Bytes. An array of a thousand containers is some MB, an object of Python's less than a page."""


def keep_heap_small() -> None:
    """Let all threads that are started from now on allocate from one arena, and arrays lie
    outside of it. Other C libraries than glibc have no such function; then nothing happens.

    By default glibc gives each thread an arena of its own, and bodies of some MB that one
    thread frees are no use to another: 15 MB of 130 for two threads that download. Threads
    hold Python's lock while they allocate, so sharing costs no time.

    And with the first large block that is freed it raises the size from which blocks are mapped
    one by one, to as much as 32 MB: arrays then lie on the heap, which shrinks only where nothing
    that lives on lies above them. A size that is set stays: 15 MB of 205 in a service. The smaller
    it is, the more time the system takes for fresh pages.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
