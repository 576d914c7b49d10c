"""One node, one law, one collector for the whole folder."""

from contextlib import ExitStack

import pytest

from tests.collector.real.driver import LawDriver
from tests.collector.real.night import sleep_through_night
from tests.collector.real.process import CollectorProcess, kubelet_options_of
from tests.collector.real.scraper import ScrapingPrometheus


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
    return kubelet_options_of(node, tmp_path_factory.mktemp("access") / "token")


@pytest.fixture(scope="session")
def collector(night, kubelet_options, start):
    """Shared by the tests that change the node, not the collector."""
    tree, state = night
    return start(CollectorProcess(tree, "--state", state, *kubelet_options))


@pytest.fixture(scope="session")
def prometheus(collector, node, start):
    """A real one that scrapes the shared collector."""
    return start(ScrapingPrometheus(collector, node.name))
