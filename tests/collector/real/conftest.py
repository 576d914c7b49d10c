"""One node, one law, one collector for the whole folder."""

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.collector.real import law
from tests.collector.real.night import sleep_through_night
from tests.collector.real.process import CollectorProcess
from tests.testbed.process import RunningService


class LawDriver(RunningService):
    """Lets the registers of a tree go on by the law."""

    def __init__(self, tree):
        super().__init__()
        self._tree = tree

    def _start(self):
        self.launch(sys.executable, "-S", str(Path(law.__file__)), str(self._tree))


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
