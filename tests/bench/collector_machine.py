"""What stands around the collector in its benchmark: a meter, a kubelet, a storm of switches."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.testbed.part import require_program

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "bench-token"
_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE_WATTS, _WATTS_PER_BUSY_CPU = 20.0, 8.0
_ZONES = {"intel-rapl:0": ("package-0", 1.0), "intel-rapl:0:0": ("dram", 0.2)}
_STORM = """
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
(a, b), (c, d) = os.pipe(), os.pipe()
child = os.fork()
mine, other = (a, d) if child == 0 else (c, b)
if child: os.write(other, b".")
while os.read(mine, 1): os.write(other, b".")
"""


class Meter:
    """As a context manager: a sysfs tree whose RAPL registers follow the machine's busy time."""

    def __init__(self, folder: Path) -> None:
        self.sysfs = folder
        self._files: list[tuple[int, float]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._drive)

    def __enter__(self) -> Self:
        for number in range(os.cpu_count() or 1):
            place = self.sysfs / f"devices/system/cpu/cpu{number}/topology"
            place.mkdir(parents=True)
            (place / "physical_package_id").write_text("0\n")
        for folder, (name, share) in _ZONES.items():
            place = self.sysfs / "class/powercap" / folder
            place.mkdir(parents=True)
            (place / "name").write_text(f"{name}\n")
            (place / "max_energy_range_uj").write_text("262143328850\n")
            file = os.open(place / "energy_uj", os.O_RDWR | os.O_CREAT, 0o400)
            self._files.append((file, share))
        self._write(0.0)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        for file, _ in self._files:
            os.close(file)

    def _drive(self) -> None:
        last, joules = _busy_seconds(), 0.0
        while not self._end.wait(0.5):
            now = _busy_seconds()
            joules += _IDLE_WATTS * 0.5 + _WATTS_PER_BUSY_CPU * (now - last)
            last = now
            self._write(joules)

    def _write(self, joules: float) -> None:
        for file, share in self._files:  # of one length, in place: no reader sees half of it
            os.pwrite(file, b"%020d\n" % (joules * share * 1e6), 0)


def _busy_seconds() -> float:
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return sum(int(fields[each]) for each in (1, 2, 3, 6, 7)) / _TICKS


class Kubelet:
    """As a context manager: answers `/pods` over TLS to whoever has the token."""

    def __init__(self, folder: Path, pods: bytes) -> None:
        self.token_file, self.ca_file = folder / "token", folder / "ca.crt"
        self.token_file.write_text(TOKEN)
        _make_certificate(self.ca_file, folder / "key.pem")

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
                self.send_response(200 if is_known and self.path == "/pods" else 401)
                self.send_header("Content-Length", str(len(pods)))
                self.end_headers()
                self.wfile.write(pods)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, folder / "key.pem")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _make_certificate(certificate: Path, key: Path) -> None:
    command = [str(require_program("openssl")), "req", "-x509", "-newkey", "ec", "-nodes"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2", "-subj", "/CN=bench"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def switch_storm() -> Iterator[None]:
    """Two processes on each CPU that hand a byte to and fro: each hand-over is a switch."""
    pairs = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _STORM, str(cpu)], start_new_session=True
        )
        for cpu in sorted(os.sched_getaffinity(0))
    ]
    try:
        yield
    finally:
        for pair in pairs:  # each leads a group of its two processes
            os.killpg(pair.pid, signal.SIGKILL)
            pair.wait()
