"""One small fleet, known exactly, in a real store and on a real API server, for the whole folder."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.main_job.command import joulefit
from tests.service.account import install_account
from tests.service.process import ServiceProcess
from tests.testbed.control_plane import ControlPlane
from tests.testbed.fault_proxy import FaultProxy
from tests.testbed.fleet import FleetShape, generate_fleet
from tests.testbed.history_cache import prometheus_of_fleet
from tests.testbed.manifest import fleet_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHAPE = FleetShape(
    nodes=2,
    workloads=4,
    daemonsets=1,
    statefulsets=1,
    namespaces=1,
    replicas=1,
    days=4,
    has_rollout=False,
    oom_killed=0,
    foreign_vpas=1,
)
TEAM = "team-1"  # the namespace of all its workloads but the DaemonSet
WINDOW = ("--end", str(SHAPE.end), "--history", "4d")
GROUP = "/apis/autoscaling.k8s.io/v1"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/joulefit/leases"

Object = dict[str, Any]


class Plane(ControlPlane):
    """An API server with the fleet's objects, and what its VPAs say.

    `service` is the kubeconfig of a service account with the role that joulefit ships, and nothing
    else: all services of this folder run under it.
    """

    def _start(self) -> None:
        super()._start()
        self.service = install_account(self)

    def vpas(self) -> dict[str, Object]:
        """All VPAs of ours, by namespace/name."""
        listed = self.api.get(f"{GROUP}/verticalpodautoscalers")["items"]
        return {
            f"{each['metadata']['namespace']}/{each['metadata']['name']}": each
            for each in listed
            if {"name": "joulefit"} in each["spec"].get("recommenders", [])
        }

    def recommendations(self) -> dict[str, Any]:
        """What each VPA of ours recommends; None where nothing."""
        return {
            key: each.get("status", {}).get("recommendation") for key, each in self.vpas().items()
        }

    def is_answered(self) -> bool:
        return all(self.recommendations().values())

    def versions(self) -> dict[str, str]:
        return {key: each["metadata"]["resourceVersion"] for key, each in self.vpas().items()}

    def condition(self, key: str, kind: str) -> Object:
        conditions = self.vpas()[key].get("status", {}).get("conditions", [])
        return next((each for each in conditions if each["type"] == kind), {})

    def forget(self) -> None:
        """Delete what was recommended, and the Leases."""
        for each in self.vpas().values():
            if each.get("status"):
                path = f"{GROUP}/namespaces/{each['metadata']['namespace']}/verticalpodautoscalers"
                self.api.patch(f"{path}/{each['metadata']['name']}/status", {"status": None})
        self.api.delete(LEASES)


@pytest.fixture(scope="session")
def served() -> Iterator[Callable]:
    """Start servers that end with the run."""
    with ExitStack() as running:
        yield lambda make, *arguments: running.enter_context(make(*arguments))


@pytest.fixture(scope="session")
def fleet_plane(served: Callable) -> Plane:
    plane = served(Plane)
    plane.apply(fleet_objects(generate_fleet(SHAPE)))
    return plane


@pytest.fixture
def plane(fleet_plane: Plane) -> Plane:
    """The API server with the fleet, as if no recommender had ever run."""
    fleet_plane.forget()
    return fleet_plane


@pytest.fixture(scope="session")
def first_answers(fleet_plane: Plane, store: str) -> dict[str, Object]:
    """The status of each VPA after a first cycle."""
    where = ("--kubeconfig", fleet_plane.service, "--store", store)
    fleet_plane.forget()
    outcome = joulefit("run", "--once", *where, *WINDOW)
    assert outcome.code == 0, outcome.stderr
    return {key: each["status"] for key, each in fleet_plane.vpas().items()}


@pytest.fixture
def answered_plane(first_answers: dict[str, Object], plane: Plane) -> Plane:
    """The API server with the fleet after a first cycle, whose process has ended."""
    for key, status in first_answers.items():
        namespace, name = key.split("/")
        path = f"{GROUP}/namespaces/{namespace}/verticalpodautoscalers/{name}/status"
        plane.api.patch(path, {"status": status})
    return plane


@pytest.fixture(scope="session")
def store(served: Callable) -> str:
    """The URL of a Prometheus with the fleet's history."""
    return served(prometheus_of_fleet, SHAPE, "joulefit").url


@pytest.fixture
def start(plane: Plane, store: str) -> Iterator[Callable[..., ServiceProcess]]:
    """`start(*flags)`: a replica on the fleet's window, ended with the test."""
    with ExitStack() as running:

        def make(*flags: object, **where: Any) -> ServiceProcess:
            where = {"kubeconfig": plane.service, "store": store} | where
            return running.enter_context(ServiceProcess(*WINDOW, *flags, **where))

        yield make


@pytest.fixture
def store_proxy(store: str) -> Iterator[FaultProxy]:
    with FaultProxy(store) as proxy:
        yield proxy


@pytest.fixture
def api_proxy(plane: Plane) -> Iterator[FaultProxy]:
    with FaultProxy(plane.url, authority=plane.authority) as proxy:
        yield proxy


@pytest.fixture
def through(plane: Plane, api_proxy: FaultProxy, tmp_path: Path) -> Path:
    """A kubeconfig whose server is the proxy."""
    path = tmp_path / "proxied.kubeconfig"
    path.write_text(plane.service.read_text().replace(plane.url, api_proxy.url))
    return path
