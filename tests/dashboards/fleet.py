"""Ninety minutes of a cluster that both programs watch, as its store has them.

The recommender's part is a real report on a simulated cluster of three nodes; the collector's part
charges the simulated watts of each node to what ran there, to the last joule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from collector.exporter import SnapshotCollector
from collector.model import ContainerFacts, Owner, Zone
from collector.snapshot import NodeFacts, Overhead, OwnerTotal, Snapshot, Source, ZoneTotal
from recommender.cycle import run_once
from recommender.errors import NoDataError
from recommender.model.intensity import Embodied, Intensity, Rates
from recommender.model.report import Report, Watts
from recommender.settings import SizingSettings
from recommender.simulator import simulate
from recommender.sizing.pool import estimate_pools
from recommender.telemetry.curve import sample_power
from recommender.telemetry.metric import ServiceMetrics
from recommender.units import format_time
from tests.report.sample import sample_report
from tests.telemetry.sample import change
from tests.testbed.scrape import read_samples, scrape_series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recommender.cycle import Cycle
    from tests.testbed.openmetrics import Series

END = 1_764_028_800  # 2025-11-25 00:00 UTC
MINUTES = 90
START = END - 60 * MINUTES
CLUSTER = "prod"
EMPTY_CLUSTER = "new"

ZONES = {"package": 0.7, "dram": 0.1, "rest": 0.2}
"""Share of each charged zone in the node's watts; rest is what the platform's meter adds."""
UNATTRIBUTED = 0.01
IDLE = 0.4

SOURCES = (
    Source("power", "rapl", is_used=True, reason="2 sockets"),
    Source("power", "modelled", is_used=False, reason="there is a meter"),
    Source("activity", "counters", is_used=True, reason="the best there is"),
)


class Sink:
    """Takes every status."""

    parallel = 1

    def write(self, *_):
        return "written"


@dataclass(frozen=True)
class Fleet:
    """The simulated cluster after a cycle."""

    cycle: Cycle

    @property
    def cluster(self):
        return self.cycle.evidence.cluster

    @property
    def nodes(self):
        return self.cycle.evidence.history.nodes

    @cached_property
    def report(self) -> Report:
        """That of the cycle, with two numbers that it does not know: watts saved where nodes stay
        on, and the use at which they do most work per joule."""
        report = self.cycle.report
        savings = msgspec.structs.replace(report.savings, nodes_kept=Watts(3.0, 1.0, 5.0))
        pools = tuple(msgspec.structs.replace(each, best_utilisation=0.8) for each in report.pools)
        return msgspec.structs.replace(report, savings=savings, pools=pools)

    def watts(self, node: str) -> float:
        """What the node drew in the last bin."""
        return float(self.nodes.watts[self.nodes.nodes.index(node), -1])

    def cores(self, node: str) -> float:
        return float(self.nodes.cpu_used[self.nodes.nodes.index(node), -1])


def make_fleet() -> Fleet:
    """Three days on three nodes, sized with curves."""
    recording = simulate(end=END, days=3, nodes=3)

    class Evidence:
        def read(self):
            return recording

    class Grid:
        """Carbon by a metric, the price by a file, and what each class of nodes took to make."""

        def read(self, _):
            carbon = Intensity("carbon", "gCO2e", "metric co2", 450.0, newest=END - 60, covered=1.0)
            price = Intensity("price", "EUR", "file p.csv", 0.3, newest=END - 3600, covered=1.0)
            pools = estimate_pools(recording.cluster, recording.history.nodes, power="auto")
            return Rates(carbon, price, tuple(Embodied(pool.name, 1300.0) for pool in pools))

    return Fleet(
        run_once(Evidence(), Sink(), settings=SizingSettings(), with_curves=True, carbon=Grid())
    )


def fleet_series(fleet: Fleet) -> Iterator[Series]:
    """Everything that the store has: a whole cluster, one without workloads, and one that the
    store has no cluster label for."""
    times = np.arange(START, END + 1, 60)
    parts = [_service(fleet, times), _unnamed(times), _without_workloads(fleet, times)]
    parts += [_node(fleet, node.name, times) for node in fleet.cluster.nodes]
    by_name = sorted(chain.from_iterable(parts), key=lambda series: series.name)
    return iter(by_name)


def _target(job: str, instance: str, **labels: str) -> dict[str, str]:
    return {"job": job, "instance": instance, **labels}


def _service(fleet: Fleet, times: np.ndarray) -> Iterator[Series]:
    metrics = ServiceMetrics()
    metrics.record_leadership(is_leader=True)
    metrics.record_failure(NoDataError("nothing there"))
    curves = [sample_power(pool) for pool in fleet.cycle.pools]
    scrapes = []
    for minute in range(MINUTES + 1):
        at = START + 60 * minute
        metrics.record_cycle(
            _dated(fleet.report, at),
            fleet.cycle.changes,
            seconds={**fleet.cycle.timer.seconds, "total": 5.0},
            queries=3,
            received_bytes=10_000,
            curves=curves,
        )
        metrics.record_events({"posted": 1})
        if minute in {0, MINUTES}:
            scrapes.append(read_samples(metrics.registry.collect()))
    target = _target("joulefit", "10.0.0.9:8942", cluster=CLUSTER)
    return scrape_series(*scrapes, times=times, target=target)


def _dated(report: Report, at: float) -> Report:
    source = msgspec.structs.replace(report.source, window_end=format_time(at - 300))
    return msgspec.structs.replace(report, generated_at=format_time(at), source=source)


def _unnamed(times: np.ndarray) -> Iterator[Series]:
    """The report of tests/report/sample.py, in a store without a label `cluster`."""
    metrics = ServiceMetrics()
    metrics.record_leadership(is_leader=True)
    metrics.record_cycle(sample_report(), [change()], seconds={"read": 1.0})
    scrape = read_samples(metrics.registry.collect())
    return scrape_series(scrape, scrape, times=times, target=_target("other", "10.1.0.9:8942"))


def _without_workloads(fleet: Fleet, times: np.ndarray) -> Iterator[Series]:
    metrics = ServiceMetrics()
    metrics.record_leadership(is_leader=True)
    empty = msgspec.structs.replace(
        fleet.report, workloads=(), pools=(), skipped=(), footprint=None
    )
    metrics.record_cycle(_dated(empty, END), [], seconds={"read": 1.0})
    scrape = read_samples(metrics.registry.collect())
    target = _target("joulefit", "10.2.0.9:8942", cluster=EMPTY_CLUSTER)
    return scrape_series(scrape, scrape, times=times, target=target)


def _node(fleet: Fleet, name: str, times: np.ndarray) -> Iterator[Series]:
    """Counters after a day, and after a day and `MINUTES`, as the collector's own families."""
    scrapes = [
        read_samples(
            SnapshotCollector(lambda at=at: _snapshot(fleet, name, at), _sources).collect()
        )
        for at in (START, END)
    ]
    target = _target("joulefit-collector", f"{name}:9402", node=name, cluster=CLUSTER)
    own = {"namespace": "joulefit", "pod": f"joulefit-collector-{name}", "container": "collector"}
    return scrape_series(*scrapes, times=times, target=target | own)


def _sources():
    return SOURCES


def _snapshot(fleet: Fleet, name: str, at: float) -> Snapshot:
    seconds = at - START + 86_400.0
    joules = fleet.watts(name) * seconds
    owners = tuple(_owners(fleet, name, seconds=seconds, joules=joules))
    platform = ZoneTotal(Zone("platform"), "hwmon", "derived", joules)
    sockets = [
        ZoneTotal(Zone(zone, socket), "rapl", "measured", joules * ZONES[zone] / 2)
        for zone in ("package", "dram")
        for socket in ("0", "1")
    ]
    core = ZoneTotal(Zone("core", "0"), "rapl", "measured", joules * 0.5)
    return Snapshot(
        at=at,
        seconds=0.004,
        node=NodeFacts(name, "EPYC 7763", 256, "6.1.0"),
        level="counters",
        zones=(platform, core, *sockets),
        owners=owners,
        cpu_seconds=fleet.cores(name) * seconds,
        overhead=Overhead(0.003 * seconds, 90_000_000, 1e-4 * seconds, round(500 * seconds)),
        unattributed={Zone(zone): joules * share * UNATTRIBUTED for zone, share in ZONES.items()},
        idle_watts={Zone(z): fleet.watts(name) * IDLE * share for z, share in ZONES.items()},
        frequency_hertz=2.45e9,
        lost=round(seconds / 3600),
        failures={"zone": round(seconds / 3600)},
    )


def _owners(fleet: Fleet, node: str, *, seconds: float, joules: float) -> Iterator[OwnerTotal]:
    """All pods of the node with equal shares of nine tenths, sshd with the rest."""
    pods = [
        (workload, container.name, f"{workload.ref.name}-{node}-{number}")
        for workload in fleet.cluster.workloads
        for number in range(workload.pods_on.get(node, 0))
        for container in workload.containers
    ]
    charged = joules * (1.0 - UNATTRIBUTED)
    for workload, container, pod in pods:
        ref = workload.ref
        yield _used(
            Owner(
                "container",
                namespace=ref.namespace,
                pod=pod,
                container=container,
                workload=ref.name,
                workload_kind=ref.kind,
                uid=pod,
                container_id=pod,
            ),
            seconds=seconds * 0.9 * fleet.cores(node) / len(pods),
            joules=charged * 0.9 / len(pods),
        )
    sshd = _used(Owner("system", container="sshd.service"), seconds=seconds, joules=charged * 0.1)
    yield replace(sshd, throttled_seconds=None, facts=None)


def _used(owner: Owner, *, seconds: float, joules: float) -> OwnerTotal:
    return OwnerTotal(
        owner,
        {
            (zone, part, "measured"): joules * share * portion
            for zone, share in ZONES.items()
            for part, portion in (("idle", IDLE), ("dynamic", 1.0 - IDLE))
        },
        cpu_seconds=seconds,
        cycles=round(seconds * 2e9),
        instructions=round(seconds * 3e9),
        cache_misses=round(seconds * 1e6),
        throttled_seconds=seconds * 0.01,
        facts=ContainerFacts(working_set_bytes=300_000_000),
    )
