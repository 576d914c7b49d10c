from __future__ import annotations

import pytest

from tests.dashboards.fleet import END, fleet_series, make_fleet
from tests.dashboards.grafana import Store
from tests.testbed.store import PrometheusServer


@pytest.fixture(scope="session")
def fleet():
    return make_fleet()


@pytest.fixture(scope="session")
def store(fleet):
    """A Prometheus with ninety minutes of the fleet."""
    with PrometheusServer(fleet_series(fleet)) as server:
        yield Store(server.url, END)


@pytest.fixture(scope="session")
def empty_store():
    """A Prometheus that has no series at all."""
    with PrometheusServer() as server:
        yield Store(server.url, END)
