"""docs/collector.md tells every metric, with its labels, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.exporter import SnapshotCollector
from collector.model import ContainerFacts, Owner
from collector.snapshot import Overhead
from tests.collector.agent.picture import SOURCES, owner_total, snapshot

TEXT = (Path(__file__).parents[3] / "docs" / "collector.md").read_text()
WHO = {"namespace", "pod", "container", "workload", "workload_kind"}


def everything():
    """A snapshot in which nothing is missing."""
    container = owner_total(
        cycles=1,
        instructions=1,
        cache_misses=1,
        throttled_seconds=0.5,
        facts=ContainerFacts(working_set_bytes=1),
    )
    return snapshot(
        owners=(container, owner_total(Owner("system", container="sshd.service"))),
        frequency_hertz=2e9,
        failures={"zone": 1},
        overhead=Overhead(1.0, 1, bpf_seconds=1.0, bpf_runs=1),
    )


METRICS = {
    sample.name: set(sample.labels)
    for metric in SnapshotCollector(everything, lambda: SOURCES).collect()
    for sample in metric.samples
}


def documented():
    rows = [line.split("|") for line in TEXT.splitlines() if line.startswith("| `joulefit_")]
    return {
        name: set(re.findall(r"[a-z_]+", re.sub(r"\(.*?\)|\*who\*", "", labels)))
        | (WHO if "*who*" in labels else set())
        for _, names, labels, *_ in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def test_the_documented_metrics_are_those_that_are_exported():
    assert documented().keys() == METRICS.keys()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_metric_has_the_documented_labels(name):
    assert documented()[name] == METRICS[name]
