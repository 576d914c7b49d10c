"""bpf(2) and perf_event_open(2) as far as the probe needs them.

bcc compiles and loads the program in a process of its own (`compiler.py`), so that its compiler,
70 MB, is gone when the work begins; what is left of it here are file descriptors. These calls
serve them. All raise OSError with the kernel's errno.

Source: man bpf(2), perf_event_open(2); include/uapi/linux/{bpf,perf_event}.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Numbers of bpf and perf_event_open, by machine.
_SYSTEM_CALLS = {
    "x86_64": (321, 298),
    "aarch64": (280, 241),
    "riscv64": (280, 241),
    "ppc64le": (361, 319),
    "s390x": (351, 331),
}
_LOOKUP, _UPDATE, _DELETE = 1, 2, 3
_TEST_RUN, _INFO, _RAW_TRACEPOINT_OPEN = 10, 15, 17
_LOOKUP_BATCH, _ENABLE_STATS = 24, 32
_ON_CPU = 1
_CLOSE_ON_EXEC = 8
_TOTAL_TIMES = 3  # read_format: time enabled and time running
_PINNED = 1 << 2
_PROGRAM_INFO_BYTES = 216  # up to and with recursion_misses
_COST_OFFSET = 192  # run_time_ns, run_cnt, recursion_misses

_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _number(which: int) -> int:
    try:
        return _SYSTEM_CALLS[platform.machine()][which]
    except KeyError:
        raise OSError(errno.ENOSYS, f"no BPF on {platform.machine()} here") from None


def _bpf(command: int, attributes: bytes | bytearray) -> int:
    buffer = (ctypes.c_char * len(attributes)).from_buffer(bytearray(attributes))
    return _call(_number(0), ctypes.c_int(command), buffer, ctypes.c_uint(len(attributes)))


def _address(array: NDArray[Any] | ctypes.Array[ctypes.c_char]) -> int:
    if isinstance(array, ctypes.Array):
        return ctypes.addressof(array)
    return int(array.ctypes.data)


def attach_raw_tracepoint(program: int, name: str) -> int:
    """A descriptor; the program runs at each event until it is closed."""
    text = ctypes.create_string_buffer(name.encode())
    descriptor = _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("=QIxxxx", _address(text), program))
    os.set_inheritable(descriptor, False)
    return descriptor


class RunOnCpu:
    """Runs a raw tracepoint's program once on a CPU, where the task that is running there is
    current. Linux 5.10. Each call costs an interrupt of that CPU, about 5 microseconds.
    """

    def __init__(self, program: int, cpu: int) -> None:
        attributes = struct.pack(
            "=IIIIQQIIIIQQIIIxxxx", program, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, _ON_CPU, cpu, 0
        )
        self._buffer = ctypes.create_string_buffer(attributes, len(attributes))
        self._arguments = (
            ctypes.c_int(_TEST_RUN),
            self._buffer,
            ctypes.c_uint(len(attributes)),
        )
        self._number = _number(0)

    def __call__(self) -> None:
        _call(self._number, *self._arguments)


def lookup_batch(map_: int, keys: NDArray[Any], values: NDArray[Any]) -> int:
    """Fills both with the map's items, as many as there is room for; returns how many."""
    place = ctypes.create_string_buffer(8)
    attributes = bytearray(
        struct.pack(
            "=QQQQIIQQ", 0, _address(place), _address(keys), _address(values), len(keys), map_, 0, 0
        )
    )
    buffer = (ctypes.c_char * len(attributes)).from_buffer(attributes)
    try:
        _call(_number(0), ctypes.c_int(_LOOKUP_BATCH), buffer, ctypes.c_uint(len(attributes)))
    except OSError as error:
        if error.errno != errno.ENOENT:  # ENOENT: no more items
            raise
    return int(struct.unpack_from("=I", attributes, 32)[0])


def lookup(map_: int, key: bytes, value: NDArray[Any]) -> None:
    """Fills `value` with one item. OSError ENOENT where there is none."""
    _element(_LOOKUP, map_, key, _address(value))


def delete(map_: int, key: bytes) -> None:
    """OSError ENOENT where there is no such key."""
    _element(_DELETE, map_, key, 0)


def set_event(map_: int, cpu: int, event: int) -> None:
    """Puts a perf event's descriptor into a perf event array."""
    value = ctypes.create_string_buffer(struct.pack("=I", event), 4)
    _element(_UPDATE, map_, struct.pack("=I", cpu), _address(value))


def _element(command: int, map_: int, key: bytes, value: int) -> None:
    at = ctypes.create_string_buffer(key, len(key))
    _bpf(command, struct.pack("=IxxxxQQQ", map_, _address(at), value, 0))


@dataclass(frozen=True)
class ProgramCost:
    """What a BPF program took since it was loaded, while the kernel's BPF statistics were on.

    `missed` are events at which it could not run since it was running already.
    """

    seconds: float
    runs: int
    missed: int


def read_cost(program: int) -> ProgramCost:
    """The kernel's statistics of a program; all 0 while they are off."""
    info = ctypes.create_string_buffer(_PROGRAM_INFO_BYTES)
    _bpf(_INFO, struct.pack("=IIQ", program, _PROGRAM_INFO_BYTES, _address(info)))
    nanoseconds, runs, missed = struct.unpack_from("=QQQ", info, _COST_OFFSET)
    return ProgramCost(nanoseconds / 1e9, runs, missed)


def enable_statistics() -> int:
    """A descriptor; the kernel measures all BPF programs until it is closed. Wants CAP_SYS_ADMIN,
    Linux 5.8; costs two clocks per run.
    """
    return _bpf(_ENABLE_STATS, struct.pack("=I", 0))


def open_event(kind: int, config: int, cpu: int, leader: int = -1) -> int:
    """A descriptor of a counter of all tasks on one CPU, in the leader's group if there is one.

    The group is pinned: on the PMU all the time, so that nothing has to be extrapolated.
    """
    pinned = 0 if leader >= 0 else _PINNED
    attributes = struct.pack("=IIQQQQQIIQ", kind, 64, config, 0, 0, _TOTAL_TIMES, pinned, 0, 0, 0)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    return _call(
        _number(1),
        buffer,
        ctypes.c_int(-1),
        ctypes.c_int(cpu),
        ctypes.c_int(leader),
        ctypes.c_ulong(_CLOSE_ON_EXEC),
    )


def is_counted(event: int) -> bool:
    """Whether the event was on the PMU all the time (1 % aside) since it was opened."""
    answer = os.read(event, 24)
    if len(answer) < 24:  # a pinned event that found no place reads as end of file
        return False
    _, enabled, running = struct.unpack("=QQQ", answer)
    return bool(running >= 0.99 * enabled)
