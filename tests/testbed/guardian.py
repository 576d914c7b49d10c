"""Cleans up after a sandbox, however the test run that started it ends, a SIGKILL included.

    python -m tests.testbed.guardian FOLDER CGROUP SUBNET

It outlives the run, so it reads from it: a line with the process id of the sandbox's first process,
then a line `keep` if the run itself removes the folder. When the run closes the pipe, or is gone,
it kills that process, with which the kernel ends all processes of the sandbox and takes its mounts
and network namespaces away; then it removes the cgroups, and the folder.
"""

from __future__ import annotations

import ipaddress
import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path

from tests.testbed.cgroup import remove_cgroup

END_SECONDS = 20.0
POLL_SECONDS = 0.02


def main(folder: Path, cgroup: str, subnet: ipaddress.IPv4Network) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sandbox, keeps_folder = None, False
    for line in sys.stdin:
        if line.strip() == "keep":
            keeps_folder = True
        else:
            sandbox = os.pidfd_open(int(line))  # now, while the id is surely its
    if sandbox is not None:
        _kill(sandbox)
    remove_cgroup(cgroup)
    _wait_for_links(subnet)
    if not keeps_folder:
        _remove(folder)


def _kill(sandbox: int) -> None:
    """The first process of a namespace is gone only when all others are."""
    try:
        signal.pidfd_send_signal(sandbox, signal.SIGKILL)
    except ProcessLookupError:
        return
    select.select([sandbox], [], [], END_SECONDS)


def _wait_for_links(subnet: ipaddress.IPv4Network) -> None:
    """The kernel removes the links of a network namespace some time after its last process."""
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline and any(ip in subnet for ip in _routes()):
        time.sleep(POLL_SECONDS)


def _routes() -> list[ipaddress.IPv4Address]:
    """Where the routes of this machine lead to; the kernel writes them in the machine's order."""
    lines = Path("/proc/net/route").read_text().splitlines()[1:]
    numbers = [int(line.split()[1], 16) for line in lines]
    return [ipaddress.IPv4Address(number.to_bytes(4, sys.byteorder)) for number in numbers]


def _remove(folder: Path) -> None:
    """Never through a mount: what is mounted there is not ours to delete."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    if not any(Path(line.split()[1]).is_relative_to(folder) for line in mounts):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], ipaddress.IPv4Network(sys.argv[3]))
