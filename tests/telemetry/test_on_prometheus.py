"""A real Prometheus scrapes the page and promtool finds nothing to complain of."""

from __future__ import annotations

import gzip
import subprocess
import time
from functools import partial

import numpy as np
import pytest
import requests

from recommender.errors import NoDataError
from recommender.history.target import TargetReader
from recommender.model.cluster import Amounts, ClusterState, ContainerSpec, Rival, Vpa, Workload
from recommender.model.history import TimeGrid
from recommender.model.identity import ContainerRef, WorkloadRef
from recommender.model.target import TargetKey
from recommender.settings import PageSettings, StoreSettings
from recommender.telemetry.health import Vitals
from recommender.telemetry.metric import ServiceMetrics
from recommender.telemetry.page import Pages
from tests.report.sample import sample_report, workload
from tests.telemetry.sample import change, sample_footprint
from tests.testbed.part import require_program
from tests.testbed.process import wait_until
from tests.testbed.store import PrometheusServer


def busy_metrics():
    """Of a service that has done everything once."""
    metrics = ServiceMetrics()
    metrics.record_leadership(is_leader=True)
    metrics.record_failure(NoDataError("nothing there"))
    metrics.record_events({"posted": 1, "dropped": 1})
    metrics.record_cycle(
        sample_report(footprint=sample_footprint()),
        [change()],
        seconds={"read": 0.2},
        queries=7,
        received_bytes=1000,
    )
    return metrics


def lint(text):
    """Promtool's complaints, by metric."""
    promtool = str(require_program("promtool"))
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, check=False
    )
    complaints = (done.stdout + done.stderr).decode().strip()
    assert (done.returncode == 0) is (complaints == "")
    return complaints


@pytest.mark.parametrize("metrics", [busy_metrics(), ServiceMetrics()], ids=["busy", "new"])
def test_promtool_has_no_complaint(metrics):
    assert lint(gzip.decompress(metrics.write())) == ""


def test_promtool_would_have_complained():
    assert "no help text" in lint(b"joulefit_bare 1\n")


@pytest.fixture
def metrics():
    return busy_metrics()


@pytest.fixture
def server(metrics):
    """A Prometheus that has scraped the page once at least."""
    pages = Pages(
        PageSettings(listen="127.0.0.1:0"), vitals=lambda: Vitals(0.0, 60.0), metrics=metrics
    )
    pages.start()
    try:
        with PrometheusServer(targets=[f"127.0.0.1:{pages.port}"]) as server:
            wait_until(lambda: query(server, "up == 1"), "Prometheus has scraped the page")
            yield server
    finally:
        pages.stop()


def query(server, text):
    """Labels and value of each series."""
    with requests.Session() as session:
        session.trust_env = False
        reply = session.get(f"{server.url}/api/v1/query", params={"query": text}, timeout=10)
    reply.raise_for_status()
    return [(each["metric"], float(each["value"][1])) for each in reply.json()["data"]["result"]]


@pytest.fixture
def ask(server):
    """`ask(text)`: what the Prometheus that scrapes the page answers."""
    return partial(query, server)


def test_prometheus_takes_the_whole_scrape_and_drops_series_that_are_gone(ask, metrics):
    requested = 'joulefit_recommender_request_cores{{workload="{}",policy="recommended"}}'
    (found,) = ask(requested.format("checkout"))
    assert found[0]["namespace"] == "shop"
    assert found[1] == 0.411
    # of checkout, gateway, and both containers of ledger
    ((_, saved),) = ask('sum(joulefit_recommender_saved_watts{estimate="value"})')
    assert saved == pytest.approx(9.28 - 0.61 + 0.43 + 0.32)
    ((_, quantile),) = ask(
        "histogram_quantile(1, joulefit_recommender_step_seconds_bucket{step='read'})"
    )
    assert quantile == 0.25
    ((_, samples),) = ask("scrape_samples_scraped")
    text = gzip.decompress(metrics.write()).decode()
    assert samples == sum(not line.startswith("#") for line in text.splitlines())

    metrics.record_cycle(sample_report(workloads=(workload(name="new"),)), [], seconds={})
    wait_until(lambda: ask(requested.format("new")), "the next scrape shows the new workload")
    assert ask(requested.format("checkout")) == []


def test_what_another_vpa_recommended_is_found_in_our_own_metric(server, metrics):
    """As `joulefit compare` looks for it, here with a point each second."""
    web = WorkloadRef("shop", "Deployment", "checkout")
    rival = Rival("theirs", "default", web, {"app": Amounts(650, 2**30)})
    state = ClusterState(
        source="a test",
        workloads=(Workload(web, (ContainerSpec("app"),)),),
        vpas=(Vpa("shop", "ours", 1, web),),
        rivals=(rival,),
    )
    metrics.record_cycle(sample_report(), [], seconds={}, rivals=[rival])
    reader = TargetReader(StoreSettings(store=server.url))
    app = ContainerRef(web, "app")

    def read(policy, resource, vpa=""):
        grid = TimeGrid(end=int(time.time()), bins=10, step=1)
        return reader.read(grid, state).courses.get(TargetKey(app, resource, policy, vpa))

    wait_until(lambda: read("rival", "cpu", "theirs"), "the next scrape shows the other VPA")
    cpu, memory = (read("rival", resource, "theirs") for resource in ("cpu", "memory"))
    assert (cpu.metric, memory.metric) == (
        "joulefit_recommender_request_cores",
        "joulefit_recommender_request_bytes",
    )
    assert cpu.values[-1] == np.float32(0.65)
    assert memory.values[-1] == 2**30
    assert read("ours", "cpu").values[-1] == np.float32(0.411)
