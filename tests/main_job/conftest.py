"""One fleet, known exactly, in a real store and on a real API server, for the whole folder."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.main_job.command import Outcome, joulefit
from tests.testbed.control_plane import ControlPlane
from tests.testbed.fleet import Fleet, FleetShape, generate_fleet
from tests.testbed.history_cache import prometheus_of_fleet, victoria_metrics_of_fleet
from tests.testbed.manifest import fleet_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHAPE = FleetShape(hpas=1)


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    return generate_fleet(SHAPE)


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable]:
    """Start servers that end with the run."""
    with ExitStack() as running:
        yield lambda make, *arguments: running.enter_context(make(*arguments))


@pytest.fixture(scope="session")
def cluster(serve: Callable, fleet: Fleet) -> ControlPlane:
    """An API server of its own that holds the fleet's objects."""
    plane = serve(ControlPlane)
    plane.apply(fleet_objects(fleet))
    return plane


@pytest.fixture(scope="session")
def store_of(serve: Callable) -> Callable[[str], str]:
    """`store_of(schema)`: the URL of a Prometheus with the fleet's history in that schema."""
    urls: dict[str, str] = {}

    def url_of(schema: str) -> str:
        if schema not in urls:
            urls[schema] = serve(prometheus_of_fleet, SHAPE, schema).url
        return urls[schema]

    return url_of


@pytest.fixture(scope="session")
def store(store_of: Callable[[str], str]) -> str:
    """The URL of the Prometheus with joulefit's own series."""
    return store_of("joulefit")


@pytest.fixture(scope="session")
def victoria_metrics(serve: Callable) -> str:
    """The URL of a VictoriaMetrics with the same history."""
    return serve(victoria_metrics_of_fleet, SHAPE, "joulefit").url


@pytest.fixture(scope="session")
def window() -> tuple[str, ...]:
    """The flags of the fleet's window, which lies in the past."""
    return ("--end", str(SHAPE.end), "--history", f"{SHAPE.days:g}d")


@pytest.fixture(scope="session")
def live(cluster: ControlPlane, store: str, window: tuple[str, ...]) -> Callable[..., Outcome]:
    """`live(command, *flags)`: joulefit on that cluster, that store and that window."""

    def call(*arguments: object, **environment: str) -> Outcome:
        where = ("--kubeconfig", cluster.kubeconfig, "--store", store, *window)
        return joulefit(*arguments, *where, **environment)

    return call
