"""One node, one law, one collector for the whole folder."""

import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.collector.real import law
from tests.collector.real.night import sleep_through_night
from tests.collector.real.process import CollectorProcess
from tests.testbed.process import RunningService
from tests.testbed.store import PrometheusServer


class LawDriver(RunningService):
    """Lets the registers of a tree go on by the law."""

    def __init__(self, tree):
        super().__init__()
        self._tree = tree

    def _start(self):
        self.launch(sys.executable, "-S", str(Path(law.__file__)), str(self._tree))


class ScrapingPrometheus(PrometheusServer):
    """Scrapes a collector each second, under the name of its node, as a relabelling would."""

    def __init__(self, collector, node_name):
        super().__init__()
        self._target = {
            "targets": [collector.url.removeprefix("http://")],
            "labels": {"node": node_name},
        }

    def _prepare(self):
        super()._prepare()
        job = {"job_name": "joulefit", "static_configs": [self._target]}
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [job],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(configuration))  # which is YAML

    def query(self, expression, at):
        """The values of an instant vector by labels."""
        with requests.Session() as session:
            session.trust_env = False
            reply = session.get(
                f"{self.url}/api/v1/query", params={"query": expression, "time": at}, timeout=30
            )
        reply.raise_for_status()
        return {
            frozenset(row["metric"].items()): float(row["value"][1])
            for row in reply.json()["data"]["result"]
        }


@pytest.fixture(scope="session")
def start():
    """`start(service)`: it runs to the end of the run."""
    with ExitStack() as running:
        yield running.enter_context


@pytest.fixture
def start_collector():
    """`start_collector(tree, *options)`: a collector for one test."""
    with ExitStack() as running:
        yield lambda tree, *options, **more: running.enter_context(
            CollectorProcess(tree, *options, **more)
        )


@pytest.fixture(scope="session")
def night(start, tmp_path_factory):
    """(sysfs tree, state file) after a quiet night; the tree's registers go on by the law."""
    folder = tmp_path_factory.mktemp("night")
    tree, state = folder / "sys", folder / "state"
    sleep_through_night(tree, state)
    start(LawDriver(tree))
    return tree, state


@pytest.fixture(scope="session")
def tree(night):
    return night[0]


@pytest.fixture(scope="session")
def kubelet_options(node, tmp_path_factory):
    """How a collector asks the node's kubelet, by verified TLS."""
    token = tmp_path_factory.mktemp("access") / "token"
    token.write_text(node.kubelet_token)
    return (
        *("--node-name", node.name, "--kubelet", node.kubelet_url),
        *("--kubelet-token-file", token, "--kubelet-ca-file", node.kubelet_ca),
    )


@pytest.fixture(scope="session")
def collector(night, kubelet_options, start):
    """Shared by the tests that change the node, not the collector."""
    tree, state = night
    return start(CollectorProcess(tree, "--state", state, *kubelet_options))


@pytest.fixture(scope="session")
def prometheus(collector, node, start):
    """A real one that scrapes the shared collector."""
    return start(ScrapingPrometheus(collector, node.name))
