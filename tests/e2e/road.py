"""The whole road: from joules of a real node to numbers in the status of a VPA.

A Kubernetes node with the collector, a Prometheus that scrapes the collector and the kubelet, the
service under the role that ships, Deployments that ask for too much and for too little. Nothing in
it is joulefit's own but what a user would install.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.collector.real.driver import LawDriver
from tests.collector.real.night import sleep_through_night
from tests.collector.real.process import CollectorProcess, kubelet_options_of
from tests.collector.real.scraper import ScrapingPrometheus
from tests.e2e.load import SteadyLoad
from tests.e2e.stage import CASES, list_deployments, list_vpas
from tests.main_job.command import joulefit
from tests.service.account import install_account
from tests.service.process import ServiceProcess
from tests.testbed.pod import is_ready
from tests.testbed.process import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.testbed.node import KubernetesNode

PATIENCE = 180.0  # seconds for anything: the machine may be busy with other things
POLL = 0.2
PRIORITY = -10  # nice value
YOUNG_SECONDS = 40.0  # of load before the VPAs are created: three bins at least are whole
RIPE_SECONDS = 60.0  # of load before the tier is asked for again
WINDOW = ("--step", "10s", "--history", "30m")
SETTLED = ("--settle", "3s")
LESS = ("--least-history", "40s", "--least-samples", "0")
VPAS = "/apis/autoscaling.k8s.io/v1/namespaces/{}/verticalpodautoscalers"
PROFILES = "/apis/joulefit.io/v1alpha1/namespaces/{}/energyprofiles"

Object = dict[str, Any]
Objects = dict[str, Object]


@dataclass
class Walk:
    """What was seen on the road; objects by name.

    answered_seconds  from the creation of the VPAs to the last one's recommendation
    young, ripe       the VPAs with usual settings, and with less history asked for
    young_profiles, ripe_profiles  the EnergyProfiles of those times
    mean_cores        of each load, as the kernel counts it
    young_bins, ripe_bins  mean cores of its bins until those times, as the kernel counts them
    report            `joulefit report -o json` at the end
    described, listed what `kubectl describe vpa` and `kubectl get energyprofiles` print
    """

    answered_seconds: float = 0.0
    young: Objects = field(default_factory=dict)
    young_profiles: Objects = field(default_factory=dict)
    ripe: Objects = field(default_factory=dict)
    ripe_profiles: Objects = field(default_factory=dict)
    mean_cores: dict[str, float] = field(default_factory=dict)
    young_bins: dict[str, tuple[float, ...]] = field(default_factory=dict)
    ripe_bins: dict[str, tuple[float, ...]] = field(default_factory=dict)
    report: Object = field(default_factory=dict)
    described: str = ""
    listed: str = ""


def say_nothing(_line: str) -> None:
    """For a walk that nobody watches."""


class Road:
    """One walk over a node; all that it starts has ended when `go` returns."""

    def __init__(
        self, node: KubernetesNode, folder: Path, *, say: Callable[[str], None] = say_nothing
    ) -> None:
        self._node = node
        self._folder = folder
        self._say = say
        self._running = ExitStack()
        self._loads: dict[str, SteadyLoad] = {}
        self._namespace = ""
        self.walk = Walk()

    def go(self) -> Walk:
        """Walk it to its end.

        Raises:
            TimeoutError, ServerStartError: something on it did not come about; the notes say more.
            MissingPartError: a program is not on this machine.
        """
        with _preferred(), self._running:
            self._namespace = self._enter(self._node.namespace("road"))
            with self._step("the collector measures"):
                collector = self._measure()
            with self._step("Prometheus scrapes collector and kubelet"):
                prometheus = self._enter(
                    ScrapingPrometheus(collector, self._node.name, kubelet_of=self._node)
                )
            with self._step("CRDs, account and the role that ships are there"):
                account = install_account(self._node)
            with self._step("two Deployments run and use CPU"):
                self._deploy()
            with self._step(f"their history is {YOUNG_SECONDS:.0f} s old"):
                self._wait_history(prometheus, YOUNG_SECONDS)
            with self._service(account, prometheus) as service:
                with self._step("the VPAs are created and answered"):
                    self._ask(service)
                with self._step("history grows"):
                    self._wait_history(prometheus, RIPE_SECONDS)
            with (
                self._service(account, prometheus, *LESS) as service,
                self._step("with less history asked for, the price decides"),
            ):
                self._await_price(service)
                self._look(prometheus)
        return self.walk

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun, word = time.monotonic(), "failed: "
        try:
            yield
            word = ""
        finally:
            self._say(f"{time.monotonic() - begun:6.1f} s  {word}{name}")

    def _enter(self, context: Any) -> Any:
        return self._running.enter_context(context)

    def _measure(self) -> CollectorProcess:
        tree, state = self._folder / "sys", self._folder / "state"
        sleep_through_night(tree, state)
        self._enter(LawDriver(tree))
        access = kubelet_options_of(self._node, self._folder / "token")
        often = ("--interval", "500ms")  # a bin's ends are known to half a second
        return self._enter(CollectorProcess(tree, "--state", state, *often, *access))

    def _deploy(self) -> None:
        self._node.apply(list_deployments(self._namespace))
        for case in CASES:
            pod = self._wait_pod(case.name)
            load = SteadyLoad(self._node.container_cgroup(pod), case.cores)
            self._loads[case.name] = self._enter(load)

    def _wait_pod(self, name: str) -> Object:
        found: list[Object] = []

        def runs() -> bool:
            found[:] = self._node.list_pods(f"app={name}", namespace=self._namespace)
            return len(found) == 1 and is_ready(found[0])

        wait_until(runs, f"the pod of {name} is ready", seconds=PATIENCE, pause=POLL)
        return found[0]

    def _wait_history(self, prometheus: ScrapingPrometheus, seconds: float) -> None:
        """Until the loads have lasted so long, and the store has both kinds of their series."""

        def is_there() -> bool:
            youngest = min(load.seconds for load in self._loads.values())
            return youngest >= seconds and all(
                len(prometheus.query(f'{series}{{namespace="{self._namespace}",container="main"}}'))
                == len(CASES)
                for series in (
                    "joulefit_container_cpu_seconds_total",
                    "container_cpu_usage_seconds_total",
                )
            )

        what = f"{seconds:.0f} s of usage by the collector and by cAdvisor"
        wait_until(is_there, what, seconds=seconds + PATIENCE, pause=POLL)

    def _service(self, account: Path, prometheus: ScrapingPrometheus, *more: str) -> ServiceProcess:
        return ServiceProcess(
            *WINDOW, *SETTLED, *more, kubeconfig=account, store=prometheus.url, interval="2s"
        )

    def _ask(self, service: ServiceProcess) -> None:
        service.wait(
            lambda: service.get("/readyz").status_code == 200, "it is ready", seconds=PATIENCE
        )
        begun = time.monotonic()
        self._node.apply(list_vpas(self._namespace))
        service.wait(
            lambda: all(find_entry(vpa) for vpa in self._read(VPAS).values()),
            "the VPAs have recommendations",
            seconds=PATIENCE,
        )
        self.walk.answered_seconds = time.monotonic() - begun
        self._await_tier(service, "T0")
        self.walk.young, self.walk.young_profiles = self._read(VPAS), self._read(PROFILES)
        self.walk.young_bins = self._read_bins()

    def _await_price(self, service: ServiceProcess) -> None:
        self._await_tier(service, "T1")
        self.walk.ripe, self.walk.ripe_profiles = self._read(VPAS), self._read(PROFILES)
        self.walk.ripe_bins = self._read_bins()

    def _await_tier(self, service: ServiceProcess, tier: str) -> None:
        """Until the EnergyProfiles, which are written last, say that tier."""
        service.wait(
            lambda: all(
                each.get("status", {}).get("tier") == tier for each in self._read(PROFILES).values()
            ),
            f"the EnergyProfiles are at {tier}",
            seconds=PATIENCE,
        )

    def _look(self, prometheus: ScrapingPrometheus) -> None:
        walk, where = self.walk, ("--kubeconfig", self._node.kubeconfig, "-n", self._namespace)
        walk.mean_cores = {name: load.mean_cores for name, load in self._loads.items()}
        walk.described = self._node.kubectl("describe", "vpa", "-n", self._namespace)
        walk.listed = self._node.kubectl("get", "energyprofiles", "-n", self._namespace)
        shown = joulefit(
            *("report", "-o", "json", "--store", prometheus.url, *where, *WINDOW, *LESS)
        )
        assert shown.code == 0, shown.stderr
        walk.report = json.loads(shown.stdout)

    def _read_bins(self) -> dict[str, tuple[float, ...]]:
        return {name: load.bins for name, load in self._loads.items()}

    def _read(self, path: str) -> Objects:
        return {
            each["metadata"]["name"]: each
            for each in self._node.api.get(path.format(self._namespace))["items"]
        }


@contextmanager
def _preferred() -> Iterator[None]:
    """What is started here, threads and programs, goes before what else keeps the machine busy: a
    measurement that comes late is another number.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


def find_entry(vpa: Object) -> Object | None:
    """What a VPA recommends for its only container; None if nothing."""
    recommendation = vpa.get("status", {}).get("recommendation") or {}
    entries: list[Object] = recommendation.get("containerRecommendations", [])
    return entries[0] if entries else None


def find_condition(vpa: Object, kind: str) -> Object:
    conditions: list[Object] = vpa.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})
