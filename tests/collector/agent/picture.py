"""Snapshots to be judged and exported."""

from __future__ import annotations

from collector.model import ContainerFacts, Owner, Zone
from collector.snapshot import NodeFacts, Overhead, OwnerTotal, Snapshot, Source, ZoneTotal

CHECKOUT = Owner(
    "container",
    namespace="shop",
    pod="checkout-7d9f-abcde",
    container="app",
    workload="checkout",
    workload_kind="Deployment",
    uid="1",
    container_id="c1",
)
SOURCES = (
    Source("power", "rapl", is_used=False, reason="no intel-rapl zone"),
    Source("power", "modelled", is_used=True, reason="platform"),
)


def owner_total(owner=CHECKOUT, *, joules=None, **changes):
    joules = {("package", "dynamic", "measured"): 12.5} if joules is None else joules
    return OwnerTotal(owner, joules, **{"cpu_seconds": 3.25} | changes)


def snapshot(**changes):
    package = Zone("package", "0")
    values = {
        "at": 1000.0,
        "seconds": 0.01,
        "node": NodeFacts("n1", "EPYC", 8, "6.1"),
        "level": "time",
        "zones": (ZoneTotal(package, "rapl", "measured", 100.0),),
        "owners": (owner_total(facts=ContainerFacts(0.5, 1024), throttled_seconds=0.75),),
        "cpu_seconds": 42.0,
        "overhead": Overhead(1.5, 2048),
        "unattributed": {package: 2.0},
        "idle_watts": {package: 30.0},
    }
    return Snapshot(**values | changes)
