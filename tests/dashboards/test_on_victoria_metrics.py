"""VictoriaMetrics understands every query too."""

from __future__ import annotations

import pytest

from tests.dashboards.fleet import END
from tests.dashboards.grafana import Store, fill, panels
from tests.testbed.store import VictoriaMetricsServer

VARIABLES = dict.fromkeys(("cluster", "namespace", "node", "pool", "workload", "container"), ".*")


@pytest.fixture(scope="module")
def victoria_metrics():
    with VictoriaMetricsServer() as server:
        yield Store(server.url, END)


def test_no_query_fails(victoria_metrics):
    for panel in panels():
        is_need = panel["title"].startswith("In this store")
        for target in panel["targets"]:
            found = victoria_metrics.ask(fill(target["expr"], VARIABLES))
            assert [value for _, value in found] == ([0.0] if is_need else []), panel["title"]
