"""A fleet as the series of a whole monitoring stack; SCHEMAS.md says where the names come from."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from tests.testbed.kubernetes_exporter import (
    cadvisor_series,
    kube_state_series,
    node_exporter_series,
)
from tests.testbed.sampler import (
    JOULES_BEFORE,
    SECONDS_BEFORE,
    SOCKETS,
    Sampler,
    life_of,
    seconds_before,
    zone_watts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.testbed.fleet import Container, Fleet
    from tests.testbed.openmetrics import Series


def _owner_labels(fleet: Fleet, container: Container) -> dict[str, str]:
    pod = container.pod
    return {
        "node": fleet.node_names[pod.node],
        "namespace": pod.namespace,
        "pod": pod.name,
        "container": container.name,
        "workload": pod.workload.name,
        "workload_kind": pod.workload.kind,
    }


def joulefit_series(fleet: Fleet) -> Iterator[Series]:
    """What joulefit's own collector exports."""
    sampler = Sampler(fleet)
    for number, node in enumerate(fleet.node_names):
        yield from _joulefit_node(fleet, sampler, number, node)
    for container in fleet.containers:
        labels, life = _owner_labels(fleet, container), life_of(container.pod)
        yield sampler.counter(
            "joulefit_container_cpu_seconds_total",
            labels,
            fleet.cores[container.row],
            life=life,
            before=seconds_before(container.pod),
        )
        memory = fleet.memory_bytes[container.row]
        yield sampler.gauge("joulefit_container_memory_working_set_bytes", labels, memory, life)


def _joulefit_node(fleet: Fleet, sampler: Sampler, number: int, node: str) -> Iterator[Series]:
    for (zone, socket), watts in zone_watts(fleet, number).items():
        rapl = {"source": "rapl", "quality": "measured"}
        labels = {"node": node, "zone": zone, "socket": str(socket), **rapl}
        yield sampler.counter(
            "joulefit_node_energy_joules_total", labels, watts, before=JOULES_BEFORE
        )
    platform = {"zone": "platform", "socket": "", "source": "redfish", "quality": "derived"}
    yield sampler.counter(
        "joulefit_node_energy_joules_total",
        {"node": node, **platform},
        fleet.node_watts[number],
        before=JOULES_BEFORE,
    )
    yield sampler.counter(
        "joulefit_node_cpu_seconds_total",
        {"node": node},
        fleet.node_cores[number],
        before=SECONDS_BEFORE,
    )
    info = {"node": node, "cpu_model": fleet.server.cpu_model, "node_class": fleet.shape.server}
    yield sampler.constant("joulefit_node_info", info)


def container_energy_series(fleet: Fleet) -> Iterator[Series]:
    """`joulefit_container_energy_joules_total`, package and dram as one: dynamic by share of the
    used cores, idle by share of the requested ones."""
    sampler = Sampler(fleet)
    alive = fleet.cores > 0
    requests = np.array([c.template.request_cores for c in fleet.containers])[:, None] * alive
    nodes = np.array([c.pod.node for c in fleet.containers])
    idle = fleet.server.watts_at(np.zeros(1), cores=fleet.shape.cores_per_node)[0]
    requested = np.zeros_like(fleet.node_cores)
    np.add.at(requested, nodes, requests)
    for container in fleet.containers:
        node = container.pod.node
        used = fleet.cores[container.row] / fleet.node_cores[node]
        parts = {
            "dynamic": used * (fleet.node_watts[node] - idle),
            "idle": idle * requests[container.row] / np.maximum(requested[node], 1e-9),
        }
        for part, watts in parts.items():
            yield sampler.counter(
                "joulefit_container_energy_joules_total",
                _owner_labels(fleet, container)
                | {"zone": "package", "part": part, "quality": "measured"},
                watts,
                life=life_of(container.pod),
            )


def old_kepler_series(fleet: Fleet) -> Iterator[Series]:
    """Nodes as Kepler up to 0.9 exports them: each zone split in idle and dynamic."""
    sampler = Sampler(fleet)
    idle = fleet.server.watts_at(np.zeros(1), cores=fleet.shape.cores_per_node)[0]
    for number, node in enumerate(fleet.node_names):
        target = {"instance": node, "job": "kepler-exporter"}
        zones = dict(zone_watts(fleet, number))
        zones["platform", 0] = fleet.node_watts[number]
        for (zone, socket), watts in zones.items():
            source = {"source": "redfish" if zone == "platform" else "rapl-sysfs"}
            still = idle * watts / fleet.node_watts[number]
            for mode, part in (("idle", still), ("dynamic", watts - still)):
                labels = {"package": str(socket), "mode": mode, **source, **target}
                name = f"kepler_node_{zone}_joules_total"
                yield sampler.counter(name, labels, part, before=JOULES_BEFORE)


def new_kepler_series(fleet: Fleet) -> Iterator[Series]:
    """Nodes as Kepler from 0.10 on exports them: the sockets of a zone in one series."""
    sampler = Sampler(fleet)
    for number, node in enumerate(fleet.node_names):
        target = {"instance": f"10.0.0.{number + 1}:28282", "job": "kepler", "node_name": node}
        by_zone: dict[str, np.ndarray] = {}
        for (zone, _), watts in zone_watts(fleet, number).items():
            by_zone[zone] = by_zone.get(zone, 0) + watts
        for zone, watts in by_zone.items():
            labels = {"zone": zone, "path": f"aggregated-{zone}", **target}
            wraps_at = fleet.shape.rapl_range_joules
            yield sampler.counter(
                "kepler_node_cpu_joules_total",
                labels,
                watts,
                before=0.0 if wraps_at else JOULES_BEFORE,
                wraps_at=wraps_at and wraps_at * SOCKETS,
            )
        ratio = fleet.node_cores[number] / fleet.shape.cores_per_node
        yield sampler.gauge("kepler_node_cpu_usage_ratio", target, ratio)


SCHEMAS: dict[str, Callable[[Fleet], Iterator[Series]]] = {
    "joulefit": joulefit_series,
    "cadvisor": lambda fleet: chain(cadvisor_series(fleet), node_exporter_series(fleet)),
    "cadvisor+ksm": lambda fleet: chain(
        cadvisor_series(fleet), node_exporter_series(fleet), kube_state_series(fleet)
    ),
    "kepler-0.9": lambda fleet: chain(cadvisor_series(fleet), old_kepler_series(fleet)),
    "kepler-0.10": lambda fleet: chain(cadvisor_series(fleet), new_kepler_series(fleet)),
}
