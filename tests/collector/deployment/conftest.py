import os
import tempfile
from pathlib import Path

import pytest

from tests.collector.deployment.privilege import NOBODY, require_rights
from tests.collector.meters.tree import add_cpu, add_domain


@pytest.fixture
def place():
    """A folder that every user can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="joulefit-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def sysfs(place):
    """A tree with a RAPL zone that only its owner may read: neither root nor the collector."""
    require_rights()
    root = place / "sys"
    for number in range(os.cpu_count()):
        add_cpu(root, number)
    energy = add_domain(root, "intel-rapl:0", "package-0", energy_uj=5_000_000)
    energy.chmod(0o400)
    os.chown(energy, NOBODY - 1, NOBODY - 1)
    return root


@pytest.fixture
def look(sysfs):
    """The arguments with which the collector sees that tree and the machine's own cgroups."""
    return ("--sysfs-root", sysfs, "--cgroup-root", "/sys/fs/cgroup")
