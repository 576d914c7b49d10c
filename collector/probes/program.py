"""The BPF program: its text, and how it comes into the kernel."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collector.probes import compiler
from collector.probes.failure import ProbeUnavailableError
from collector.probes.headers import HeaderPlaces, find_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOGGER = logging.getLogger(__name__)
_SOURCE = Path(__file__).with_name("sched_switch.c")
_FUNCTION = "on_switch"
_MAPS = ("works", "lineages", "cpus", "spilled")
_COUNTER_MAPS = ("cycles_events", "instructions_events", "cache_misses_events")
_MOST_DESCRIPTORS = 16
_CAPABILITIES = {"CAP_BPF": 39, "CAP_PERFMON": 38}
_CAP_SYS_ADMIN = 21


@dataclass(frozen=True)
class ProgramOptions:
    """What the program is compiled with.

    max_groups   cgroups between two `forget`; 8 bytes each and CPU in the kernel, 32 with counters
    max_cpus     possible CPUs
    counters     whether it reads the PMU
    """

    max_groups: int
    max_cpus: int
    counters: bool = False

    def flags(self) -> list[str]:
        flags = [f"-DMAX_GROUPS={self.max_groups}", f"-DMAX_CPUS={self.max_cpus}"]
        return [*flags, "-DCOUNTERS"] if self.counters else flags


def print_program(options: ProgramOptions) -> str:
    """The C as it is compiled: definitions first."""
    definitions = [flag.removeprefix("-D").replace("=", " ") for flag in options.flags()]
    return "".join(f"#define {each}\n" for each in definitions) + _SOURCE.read_text()


def load_program(
    options: ProgramOptions,
    *,
    places: HeaderPlaces | None = None,
    environment: Mapping[str, str] = os.environ,
    timeout: float = 60.0,
) -> dict[str, int]:
    """Descriptors of the program and its maps by name, owned by the caller.

    Raises:
        ProbeUnavailableError: bcc, headers or a capability are missing, or it does not compile.
    """
    if missing := missing_capabilities():
        raise ProbeUnavailableError(
            f"eBPF needs {' and '.join(missing)}: add them to the container's capabilities"
        )
    headers = find_headers(places or HeaderPlaces(), environment)
    chosen = {"BCC_KERNEL_SOURCE": str(headers)} if headers else {}
    maps = _MAPS + (_COUNTER_MAPS if options.counters else ())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-I", compiler.__file__, str(theirs.fileno())]
        command += [str(_SOURCE), _FUNCTION, ",".join(maps), *options.flags()]
        try:
            done = subprocess.run(  # noqa: S603 - our own file with our own arguments
                command,
                env={**environment, **chosen},
                pass_fds=[theirs.fileno()],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise ProbeUnavailableError(f"bcc did not end within {timeout:.0f} s") from error
        theirs.close()
        for line in (done.stdout + done.stderr).splitlines():
            _LOGGER.debug("bcc: %s", line)
        return _receive(ours, said=done.stderr)


def _receive(channel: socket.socket, *, said: str) -> dict[str, int]:
    body, descriptors, _, _ = socket.recv_fds(channel, 1 << 16, _MOST_DESCRIPTORS)
    answer = json.loads(body) if body else {"stage": "compile", "error": "bcc crashed"}
    if "names" in answer:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        return dict(zip(answer["names"], descriptors, strict=True))
    raise ProbeUnavailableError(_explain(answer["stage"], answer["error"]), detail=said[-2000:])


def _explain(stage: str, error: str) -> str:
    if stage == "import":
        return (
            f"Python's bcc cannot be imported ({error}); install python3-bpfcc (Debian, Ubuntu) or"
            " python3-bcc (Fedora); the `bcc` of PyPI is another program"
        )
    return f"the BPF program does not {stage} here: {error}"


def missing_capabilities(status: Path = Path("/proc/self/status")) -> list[str]:
    """Of CAP_BPF and CAP_PERFMON; none with CAP_SYS_ADMIN, which holds both."""
    for line in status.read_text().splitlines():
        if line.startswith("CapEff:"):
            effective = int(line.split()[1], 16)
            if effective >> _CAP_SYS_ADMIN & 1:
                return []
            return [name for name, bit in _CAPABILITIES.items() if not effective >> bit & 1]
    return []
