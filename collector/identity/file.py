"""Small kernel files, read with few system calls: hundreds of them, every few seconds."""

from __future__ import annotations

import os

_BYTES = 16384


def read_kernel_file(path: str) -> bytes:
    """The whole of a short file. OSError where it is gone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _BYTES)
    finally:
        os.close(descriptor)


def find_number(text: bytes, key: bytes) -> int | None:
    """The number in the line `key number`."""
    begin = 0 if text.startswith(key + b" ") else text.find(b"\n" + key + b" ") + 1
    if begin == 0 and not text.startswith(key + b" "):
        return None
    return int(text[begin + len(key) :].split(None, 1)[0])
