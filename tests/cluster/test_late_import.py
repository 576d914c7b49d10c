"""Heavy packages are imported when an API server is connected to, not before."""

import subprocess
import sys

import pytest

LATE = ("kubernetes", "numpy", "requests", "yaml")


@pytest.mark.parametrize(
    "module", ["reader", "connection", "status", "writer", "role", "fake", "event"]
)
def test_a_module_of_the_cluster_edge_starts_without_heavy_packages(module):
    program = f"import sys, recommender.cluster.{module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert f"recommender.cluster.{module}" in loaded
    assert loaded.isdisjoint(LATE)
