"""`joulefit run` as a process of its own, as a Deployment would start it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import requests

from tests.main_job.command import JOULEFIT
from tests.testbed.process import RunningService, free_port, wait_until

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from pathlib import Path


class ServiceProcess(RunningService):
    """As a context manager: one replica. `flags` are those of `joulefit run`.

    `pages` is the address of its pages; `log` what it said so far.
    """

    def __init__(
        self,
        *flags: object,
        kubeconfig: Path,
        store: str,
        interval: str = "1s",
        name: str = "joulefit",
    ) -> None:
        super().__init__()
        self._flags = [str(flag) for flag in flags]
        self._where = ["--kubeconfig", str(kubeconfig), "--store", store, "--interval", interval]
        self._where += ["--lease-namespace", "joulefit", "--recommender-name", name]
        self.pages = ""

    def _start(self) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.pages = f"http://{address}"
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("JOULEFIT_") and name != "KUBECONFIG"
        }
        command = [str(JOULEFIT), "run", "-v", "--listen", address, *self._where, *self._flags]
        server = self.launch(*command, environment={**kept, "PYTHONUNBUFFERED": "1"})
        server.wait_ready(lambda: self.get("/healthz").status_code > 0)

    @property
    def log(self) -> str:
        return self.servers[-1].log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        return self.servers[-1].pid

    @property
    def is_running(self) -> bool:
        return self.servers[-1].is_running

    def get(self, path: str) -> requests.Response:
        """A page; status 0 where nobody answers."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.get(self.pages + path, timeout=10)
            except (requests.RequestException, OSError):
                nothing = requests.Response()
                nothing.status_code = 0
                return nothing

    def value(self, name: str, **labels: str) -> float:
        """The sum of a metric's series with these labels; zero where there are none."""
        total = 0.0
        for line in self.get("/metrics").text.splitlines():
            found = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
            if found and all(
                f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()
            ):
                total += float(found[2])
        return total

    def cycles(self) -> int:
        """How many cycles ended so far, by its log."""
        return self.log.count("step=write")

    def wait_cycles(self, more: int = 1, *, seconds: float = 60.0) -> None:
        """Until so many more cycles have ended."""
        wanted = self.cycles() + more
        self.wait(lambda: self.cycles() >= wanted, f"{more} more cycles", seconds=seconds)

    def wait(self, claim: Callable[[], bool], what: str, *, seconds: float = 60.0) -> None:
        try:
            wait_until(claim, what, seconds=seconds, pause=0.05)
        except TimeoutError as error:
            error.add_note(self.servers[-1].log_tail(40) if self.servers else "it has ended")
            raise

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.servers[-1].kill()
