"""The real parts that tests use. A part that is not on this machine skips the test and says how to
get it; with CI=true it fails the test."""

from __future__ import annotations

import logging
import os
import re
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.testbed.control_plane import ControlPlane
from tests.testbed.history_cache import prometheus_of_fleet, victoria_metrics_of_fleet
from tests.testbed.node import KubernetesNode
from tests.testbed.part import MissingPartError, kernel_headers
from tests.testbed.store import PrometheusServer, VictoriaMetricsServer

# Properties have no time limit per example: test machines are shared.
settings.register_profile("joulefit", deadline=None)
settings.load_profile("joulefit")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.testbed.process import RunningService


@contextmanager
def _missing_part_skips() -> Iterator[None]:
    try:
        yield
    except MissingPartError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


PROFILE_CRD = Path(__file__).parent.parent / "crds" / "energyprofile.yaml"


def pytest_configure() -> None:
    """The testbed's kernel headers serve where the machine has none: set before bcc is asked."""
    with suppress(MissingPartError):
        os.environ.setdefault("BCC_KERNEL_SOURCE", str(kernel_headers()))


# Compare with what the kernel counts in the same seconds: `make test` runs them alone, after all
# others. What only runs on a node, or loads a program, is one of the others.
NODE_TESTS = (
    "tests/collector/probes/test_bpf",
    "tests/collector/probes/test_program",
    "tests/collector/probes/test_with_identity",
    "tests/collector/real/",
    "tests/e2e/test_road",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    with _missing_part_skips():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    with _missing_part_skips():
        yield


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What times the kernel runs by itself, in one process that starts its node once."""
    for item in items:
        path = item.path.as_posix()
        if any(part in path for part in NODE_TESTS):
            item.add_marker(pytest.mark.node)


@pytest.fixture(autouse=True)
def _everything_is_logged() -> None:
    """A command that ran in this process before may have left the level at errors alone."""
    for name in ("recommender", "collector"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@contextmanager
def _factory(service: Callable[..., RunningService]) -> Iterator[Callable[..., RunningService]]:
    """A function that starts services, all of which end with the context."""
    with ExitStack() as running:
        yield lambda *arguments, **options: running.enter_context(service(*arguments, **options))


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """An API server with the VPA CRD, shared by the whole run: use names of your own."""
    with _factory(ControlPlane) as start:
        yield start()


@pytest.fixture
def empty_cluster(control_plane: ControlPlane) -> ControlPlane:
    """The shared API server with no node, pod, workload, HPA or VPA in it."""
    control_plane.clear()
    return control_plane


@pytest.fixture(scope="session")
def energy_profiles(control_plane: ControlPlane) -> ControlPlane:
    """The shared API server with the CRD of EnergyProfiles."""
    control_plane.install(PROFILE_CRD)
    return control_plane


@pytest.fixture(scope="session")
def control_plane_without_status_subresource() -> Iterator[ControlPlane]:
    """An API server of its own whose VPA CRD has no status subresource."""
    with _factory(ControlPlane) as start:
        yield start(with_status_subresource=False)


@pytest.fixture(scope="session")
def node() -> Iterator[KubernetesNode]:
    """A Kubernetes of one real node, shared by the whole run: use `node_namespace` for pods."""
    with _factory(KubernetesNode) as start:
        yield start()


@pytest.fixture
def node_namespace(node: KubernetesNode, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the node for one test, whose pods have ended when the next test begins."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())
    with node.namespace(words[:40].strip("-")) as name:
        yield name


@pytest.fixture(scope="session")
def prometheus_with() -> Iterator[Callable[..., PrometheusServer]]:
    """`prometheus_with(source)`: a Prometheus with that history, kept to the end of the run."""
    with _factory(PrometheusServer) as start:
        yield start


@pytest.fixture(scope="module")
def module_prometheus_with() -> Iterator[Callable[..., PrometheusServer]]:
    """As `prometheus_with`, kept to the end of the test module."""
    with _factory(PrometheusServer) as start:
        yield start


@pytest.fixture(scope="session")
def victoria_metrics_with() -> Iterator[Callable[..., VictoriaMetricsServer]]:
    """`victoria_metrics_with(source)`: a VictoriaMetrics with that history, as above."""
    with _factory(VictoriaMetricsServer) as start:
        yield start


@pytest.fixture(scope="module")
def module_victoria_metrics_with() -> Iterator[Callable[..., VictoriaMetricsServer]]:
    """As `victoria_metrics_with`, kept to the end of the test module."""
    with _factory(VictoriaMetricsServer) as start:
        yield start


@pytest.fixture(scope="session")
def prometheus_of() -> Iterator[Callable[..., PrometheusServer]]:
    """`prometheus_of(shape, schema)`: a Prometheus with a fleet's history, from the cache."""
    with _factory(prometheus_of_fleet) as start:
        yield start


@pytest.fixture(scope="session")
def victoria_metrics_of() -> Iterator[Callable[..., VictoriaMetricsServer]]:
    """`victoria_metrics_of(shape, schema)`: the same in a VictoriaMetrics."""
    with _factory(victoria_metrics_of_fleet) as start:
        yield start
