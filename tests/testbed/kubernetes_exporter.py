"""A fleet as cAdvisor, node-exporter and kube-state-metrics show it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from tests.testbed.sampler import (
    JOULES_BEFORE,
    SECONDS_BEFORE,
    Sampler,
    life_of,
    seconds_before,
    zone_watts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.testbed.fleet import Container, Fleet, Pod
    from tests.testbed.openmetrics import Series

SYSTEM_MODE_SHARE = 0.2
IOWAIT_CORES = 0.01
PAUSE_CORES = 1e-6
PAUSE_BYTES = 45_056.0


def digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def cadvisor_series(fleet: Fleet) -> Iterator[Series]:
    """What the kubelet's cAdvisor exports: containers, and all the cgroups above them."""
    sampler = Sampler(fleet)
    for number, node in enumerate(fleet.node_names):
        target = {"instance": f"10.0.0.{number + 1}:10250", "job": "kubelet", "node": node}
        root = {"id": "/", "cpu": "total", **target}
        yield sampler.counter(
            "container_cpu_usage_seconds_total",
            root,
            fleet.node_cores[number],
            before=SECONDS_BEFORE,
        )
        in_pods = fleet.node_cores[number] - fleet.system_cores[number]
        yield sampler.counter(
            "container_cpu_usage_seconds_total",
            root | {"id": "/kubepods"},
            in_pods,
            before=SECONDS_BEFORE,
        )
    by_pod: dict[Pod, list[Container]] = {}
    for container in fleet.containers:
        by_pod.setdefault(container.pod, []).append(container)
    for pod, containers in by_pod.items():
        yield from _cadvisor_pod(fleet, sampler, pod, containers)


def _cadvisor_pod(
    fleet: Fleet, sampler: Sampler, pod: Pod, containers: list[Container]
) -> Iterator[Series]:
    node = fleet.node_names[pod.node]
    target = {"instance": f"10.0.0.{pod.node + 1}:10250", "job": "kubelet", "node": node}
    names = {"namespace": pod.namespace, "pod": pod.name}
    cgroup = f"/kubepods/burstable/pod{digest(pod.name, 12)}"
    rows = [c.row for c in containers]
    pause = np.full(fleet.cores.shape[1], PAUSE_CORES)
    # A label with an empty value is no label in Prometheus: the pod's own cgroup has no container.
    parts = [({"id": cgroup}, fleet.cores[rows].sum(axis=0), fleet.memory_bytes[rows].sum(axis=0))]
    sandbox = {"container": "POD", "image": "registry.k8s.io/pause:3.10"}
    parts.append(
        (
            {"id": f"{cgroup}/{digest(cgroup, 12)}", **sandbox},
            pause,
            np.full_like(pause, PAUSE_BYTES),
        )
    )
    for container in containers:
        identity = digest(f"{pod.name}/{container.name}", 12)
        more = {"container": container.name, "id": f"{cgroup}/{identity}", "name": identity}
        more["image"] = f"registry.example/{container.name}:1"
        parts.append((more, fleet.cores[container.row], fleet.memory_bytes[container.row]))
    for more, cores, memory in parts:
        labels = {**names, **more, **target}
        yield sampler.counter(
            "container_cpu_usage_seconds_total",
            {"cpu": "total", **labels},
            cores,
            life=life_of(pod),
            before=seconds_before(pod),
        )
        yield sampler.gauge("container_memory_working_set_bytes", labels, memory, life_of(pod))


def node_exporter_series(fleet: Fleet) -> Iterator[Series]:
    """CPU time by CPU and mode, RAPL registers, and who the instance is."""
    sampler = Sampler(fleet)
    cpus = fleet.shape.cores_per_node
    for number, node in enumerate(fleet.node_names):
        target = {"instance": f"10.0.0.{number + 1}:9100", "job": "node-exporter"}
        busy = fleet.node_cores[number] / cpus
        modes = {
            "user": busy * (1 - SYSTEM_MODE_SHARE),
            "system": busy * SYSTEM_MODE_SHARE,
            "iowait": np.full_like(busy, IOWAIT_CORES / cpus),
        }
        modes["idle"] = 1 - busy - modes["iowait"]
        for mode, cores in modes.items():
            for cpu in range(cpus):
                labels = {"cpu": str(cpu), "mode": mode, **target}
                yield sampler.counter(
                    "node_cpu_seconds_total", labels, cores, before=SECONDS_BEFORE
                )
        yield from _rapl_registers(fleet, sampler, number, target)
        uname = {"nodename": node, "machine": "x86_64", "sysname": "Linux", **target}
        yield sampler.constant("node_uname_info", uname)
        model = {"cpu": "0", "core": "0", "package": "0", "model_name": fleet.server.cpu_model}
        yield sampler.constant("node_cpu_info", model | target)


def _rapl_registers(
    fleet: Fleet, sampler: Sampler, number: int, target: Mapping[str, str]
) -> Iterator[Series]:
    subzone = {"package": "", "core": ":0", "dram": ":1"}
    for (zone, socket), watts in zone_watts(fleet, number).items():
        path = f"/sys/class/powercap/intel-rapl:{socket}{subzone[zone]}"
        yield sampler.counter(
            f"node_rapl_{zone}_joules_total",
            {"index": str(socket), "path": path, **target},
            watts,
            before=0.0 if fleet.shape.rapl_range_joules else JOULES_BEFORE,
            wraps_at=fleet.shape.rapl_range_joules,
        )


def kube_state_series(fleet: Fleet) -> Iterator[Series]:
    """What kube-state-metrics says of owners, requests and nodes."""
    sampler = Sampler(fleet)
    for node in fleet.node_names:
        sizes = {
            ("cpu", "core"): fleet.shape.cores_per_node,
            ("memory", "byte"): fleet.shape.memory_bytes_per_node,
        }
        for (resource, unit), value in sizes.items():
            labels = {"node": node, "resource": resource, "unit": unit}
            yield sampler.constant("kube_node_status_allocatable", labels, value)
    for workload in fleet.workloads:
        for revision in range(len(workload.revisions)):
            labels = {
                "namespace": workload.namespace,
                "replicaset": workload.replica_set(revision),
                "owner_kind": workload.kind,
                "owner_name": workload.name,
                "owner_is_controller": "true",
            }
            yield sampler.constant("kube_replicaset_owner", labels)
    for pod in fleet.pods:
        yield from _kube_state_pod(fleet, sampler, pod)
    for container in fleet.running[: fleet.shape.oom_killed]:
        killed = _pod_labels(container.pod) | {"container": container.name, "reason": "OOMKilled"}
        yield sampler.constant("kube_pod_container_status_last_terminated_reason", killed)


def _pod_labels(pod: Pod) -> dict[str, str]:
    return {"namespace": pod.namespace, "pod": pod.name, "uid": digest(pod.name, 12)}


def _kube_state_pod(fleet: Fleet, sampler: Sampler, pod: Pod) -> Iterator[Series]:
    labels, life, node = _pod_labels(pod), life_of(pod), fleet.node_names[pod.node]
    workload = pod.workload
    kind, name = workload.kind, workload.name
    if kind == "Deployment":
        kind, name = "ReplicaSet", workload.replica_set(pod.revision)
    owner = {"owner_kind": kind, "owner_name": name, "owner_is_controller": "true"}
    yield sampler.constant("kube_pod_owner", labels | owner, life=life)
    info = {"node": node, "created_by_kind": kind, "created_by_name": name}
    yield sampler.constant("kube_pod_info", labels | info, life=life)
    for template in workload.containers:
        sizes = {
            ("cpu", "core"): template.request_cores,
            ("memory", "byte"): template.request_bytes,
        }
        for (resource, unit), value in sizes.items():
            what = {"container": template.name, "node": node, "resource": resource, "unit": unit}
            yield sampler.constant(
                "kube_pod_container_resource_requests", labels | what, value, life
            )
