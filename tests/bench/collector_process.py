"""One collector as a process of its own, and what it costs while it is scraped."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.testbed.part import MissingPartError, kernel_headers
from tests.testbed.process import free_port, wait_until

if TYPE_CHECKING:
    from tests.bench.collector_machine import Kubelet, Meter

ROOT = Path(__file__).parents[2]
INTERVAL = 5.0
_TICKS = os.sysconf("SC_CLK_TCK")
_AS_PROMETHEUS = {
    "Accept": "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3",
    "Accept-Encoding": "gzip",
}
_FIRST = b"joulefit_collector_last_collection_timestamp_seconds"


@dataclass
class Cost:
    """What it took: seconds of wall and CPU time, of each scrape, most resident bytes."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    resident_bytes: int = 0
    scrapes: list[float] = field(default_factory=list)

    @property
    def core_percent(self) -> float:
        return 100.0 * self.cpu_seconds / self.seconds

    @property
    def scrape_seconds(self) -> float:
        return statistics.median(self.scrapes)


class CollectorProcess:
    """As a context manager: `start_seconds` after its start the first snapshot was there.

    `start_bytes` is the most that it and its compiler had in memory until then.
    """

    def __init__(self, folder: Path, meter: Meter, kubelet: Kubelet, *, probe: str) -> None:
        self.port = free_port()
        self._log = folder / "collector.log"
        self._command = [sys.executable, "-m", "collector", "run", "--probe", probe]
        self._command += ["--sysfs-root", str(meter.sysfs), "--cgroup-root", "/sys/fs/cgroup"]
        self._command += ["--kubelet", kubelet.url, "--kubelet-ca-file", str(kubelet.ca_file)]
        self._command += ["--kubelet-token-file", str(kubelet.token_file), "--node-name", "bench"]
        self._command += ["--listen", f"127.0.0.1:{self.port}", "--interval", f"{INTERVAL:g}s"]
        self._command += ["--state", str(folder / "state")]
        self.start_seconds = 0.0
        self.start_bytes = 0

    def __enter__(self) -> Self:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("JOULEFIT_")}
        with suppress(MissingPartError):  # then it says itself that there are none
            kept["BCC_KERNEL_SOURCE"] = str(kernel_headers())
        begun = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stderr=log, cwd=ROOT, env=kept)
        try:
            wait_until(self._has_begun, "the collector shows its first snapshot", pause=0.01)
        except BaseException:
            self.__exit__()
            raise
        self.start_seconds = time.monotonic() - begun
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def scrape(self) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics", headers=_AS_PROMETHEUS)
        answer = connection.getresponse().read()
        connection.close()
        return gzip.decompress(answer)

    def measure(self, seconds: float) -> Cost:
        """Its cost over so many seconds of being scraped once an interval."""
        cost = Cost()
        begun, cpu = time.monotonic(), self._cpu_seconds()
        while time.monotonic() < begun + seconds:
            started = time.monotonic()
            self.scrape()
            cost.scrapes.append(time.monotonic() - started)
            cost.resident_bytes = max(cost.resident_bytes, _resident(self._process.pid))
            time.sleep(max(0.0, started + INTERVAL - time.monotonic()))
        cost.seconds = time.monotonic() - begun
        cost.cpu_seconds = self._cpu_seconds() - cpu
        return cost

    def value(self, name: str) -> float:
        """Of a series without labels, in the newest snapshot."""
        found = re.search(rb"^%s (.+)$" % name.encode(), self.scrape(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def level(self) -> str:
        found = re.search(
            rb'^joulefit_collector_probe_level{level="(\w+)"} 1', self.scrape(), re.MULTILINE
        )
        return found[1].decode() if found else ""

    def next_snapshot(self) -> None:
        """Wait for it."""
        last = self.value(_FIRST.decode())
        wait_until(lambda: self.value(_FIRST.decode()) > last, "a new snapshot", pause=0.2)

    def _has_begun(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"the collector ended: {self._log.read_text()}")
        family = [self._process.pid, *_children(self._process.pid)]
        self.start_bytes = max(self.start_bytes, sum(map(_resident, family)))
        with suppress(OSError):
            return _FIRST in self.scrape()
        return False

    def _cpu_seconds(self) -> float:
        text = Path(f"/proc/{self._process.pid}/stat").read_text()
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _resident(pid: int) -> int:
    with suppress(OSError):
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0
