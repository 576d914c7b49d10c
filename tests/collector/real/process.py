"""The collector as its users run it: a process, asked over HTTP."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.testbed.part import MissingPartError, kernel_headers
from tests.testbed.process import RunningService, answers, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.testbed.node import KubernetesNode

ROOT = Path(__file__).parents[3]
INTERVAL = 1.0
PAUSE = 0.1
ZONES = ("package", "dram")


class Scrape:
    """One answer of /metrics."""

    def __init__(self, text: str) -> None:
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        self.at = self.total("joulefit_collector_last_collection_timestamp_seconds")

    def select(self, series: str, **labels: str) -> dict[frozenset[tuple[str, str]], float]:
        """Those of one name that carry these labels among others."""
        wanted = labels.items()
        return {
            there: value
            for (name, there), value in self.samples.items()
            if name == series and wanted <= there
        }

    def total(self, series: str, **labels: str) -> float:
        return sum(self.select(series, **labels).values())

    def counters(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        return {key: value for key, value in self.samples.items() if key[0].endswith("_total")}

    def imbalance(self, zone: str) -> int:
        """Microjoules of the zone's meter less those of all who were charged, and of nobody."""
        series = (
            "joulefit_container_energy_joules_total",
            "joulefit_system_energy_joules_total",
            "joulefit_unattributed_energy_joules_total",
        )
        charged = sum(
            round(joules * 1e6)
            for name in series
            for joules in self.select(name, zone=zone).values()
        )
        return round(self.total("joulefit_node_energy_joules_total", zone=zone) * 1e6) - charged


def kubelet_options_of(node: KubernetesNode, token: Path) -> tuple[object, ...]:
    """How a collector asks the node's kubelet, by verified TLS; its token is put into a file."""
    token.write_text(node.kubelet_token)
    return (
        *("--node-name", node.name, "--kubelet", node.kubelet_url),
        *("--kubelet-token-file", token, "--kubelet-ca-file", node.kubelet_ca),
    )


class CollectorProcess(RunningService):
    """`python -m collector run` over a sysfs tree, with the machine's own cgroups."""

    def __init__(self, tree: Path, *options: object, environment: Mapping[str, str] = {}) -> None:
        super().__init__()
        self._options = ["--sysfs-root", tree, *options]
        self._environment = environment
        self.url = ""

    def _start(self) -> None:
        address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{address}"
        self._command = [
            *(sys.executable, "-m", "collector", "run"),
            *("--listen", address, "--interval", f"{INTERVAL:g}s"),
            *("--cgroup-root", "/sys/fs/cgroup", *self._options),
        ]
        self.start_again()

    def start_again(self) -> None:
        """Start it as it was started first; returns when it has a first snapshot."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("JOULEFIT_")
        }
        environment["PYTHONPATH"] = str(ROOT)
        try:
            environment["BCC_KERNEL_SOURCE"] = str(kernel_headers())
        except MissingPartError:
            environment["JOULEFIT_NO_HEADERS"] = ""  # the ladder takes over, or finds others
        self._process = self.launch(
            *map(str, self._command), environment={**environment, **self._environment}
        )
        self._process.wait_ready(self._has_snapshot)

    def _has_snapshot(self) -> bool:
        return answers(f"{self.url}/metrics") and bool(self.scrape().at)

    def kill(self) -> None:
        """End it by SIGKILL: it can say and keep nothing more."""
        os.kill(self._process.pid, signal.SIGKILL)
        wait_until(lambda: not self._process.is_running, "the collector is gone")
        self.servers.remove(self._process)

    @property
    def log(self) -> str:
        return self._process.log.read_text(errors="replace")

    def get(self, path: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self.url + path, timeout=30)

    def scrape(self) -> Scrape:
        reply = self.get("/metrics")
        reply.raise_for_status()
        return Scrape(reply.text)

    def scrape_next(self) -> Scrape:
        """Of an interval that began after now."""
        found = [self.scrape()]
        begin = time.time() + INTERVAL

        def is_newer() -> bool:
            found[0] = self.scrape()
            return found[0].at > begin

        wait_until(is_newer, "the collector collects", pause=PAUSE)
        return found[0]

    def wait_for(self, claim, what: str, *, seconds: float = 60.0) -> Scrape:
        """The first scrape of which the claim holds."""
        found: list[Scrape] = []

        def holds() -> bool:
            scrape = self.scrape()
            if claim(scrape):
                found.append(scrape)
            return bool(found)

        try:
            wait_until(holds, what, seconds=seconds, pause=PAUSE)
        except TimeoutError as error:
            error.add_note(self.get("/").text)
            raise
        return found[0]

    def wait_named(self, items, *, container: str = "main", seconds: float = 60.0) -> Scrape:
        """Until it knows these pods (as the API server tells them) by name."""
        wanted = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items}

        def names_all(scrape: Scrape) -> bool:
            series = scrape.select("joulefit_container_cpu_seconds_total", container=container)
            known = map(dict, series)
            return wanted <= {(labels["namespace"], labels["pod"]) for labels in known}

        what = f"the collector names {sorted(wanted)}"
        return self.wait_for(names_all, what, seconds=seconds)
