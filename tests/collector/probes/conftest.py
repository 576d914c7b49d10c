import sys
from contextlib import ExitStack

import pytest

from collector.probes.bpf import BpfProbe
from collector.probes.failure import ProbeUnavailableError
from tests.collector.probes.group import OwnCgroup
from tests.testbed.part import INSTALL_COMMAND, MissingPartError


@pytest.fixture
def bpf_probe_with():
    """`bpf_probe_with(**options)`: a running BpfProbe on this kernel, closed after the test."""
    with ExitStack() as opened:

        def start(**options):
            try:
                probe = BpfProbe(**options)
            except ProbeUnavailableError as error:
                message = f"no eBPF on this machine: {error}; see {INSTALL_COMMAND}"
                raise MissingPartError(message) from error
            opened.callback(probe.close)
            return probe

        yield start


@pytest.fixture
def cgroup():
    """A cgroup of the test's own, removed after it."""
    with OwnCgroup() as own:
        yield own


@pytest.fixture
def python():
    """This interpreter, by full path."""
    return sys.executable
