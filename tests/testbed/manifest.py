"""A fleet as the objects of the Kubernetes API, as they are at the end of its history."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.testbed.fleet import Container, ContainerTemplate, Fleet, Pod, Workload

Object = dict[str, Any]

GROUP_VERSION = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1"}
VPA_VERSION = "autoscaling.k8s.io/v1"
OTHER_RECOMMENDER = "performance"


def fleet_objects(fleet: Fleet, *, recommender: str = "joulefit") -> list[Object]:
    """All objects: namespaces, nodes, workloads, ReplicaSets, pods, VPAs and HPAs.

    Every workload has a VPA of its own name that names `recommender`; `foreign_vpas` further ones
    on the same targets belong to the stock recommender (none named) and to another, in turn.
    """
    objects = [_namespace(name) for name in sorted({w.namespace for w in fleet.workloads})]
    objects += [_node(fleet, number) for number in range(fleet.shape.nodes)]
    for workload in fleet.workloads:
        objects.append(_controller(fleet, workload))
        objects += [_replica_set(fleet, workload, r) for r in range(len(workload.revisions))]
        objects.append(vpa(workload, recommender))
    objects += _pods(fleet)
    objects += _foreign_vpas(fleet)
    deployments = [w for w in fleet.workloads if w.kind == "Deployment"]
    objects += [_hpa(workload) for workload in deployments[: fleet.shape.hpas]]
    return objects


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _node(fleet: Fleet, number: int) -> Object:
    name, shape = fleet.node_names[number], fleet.shape
    size = {
        "cpu": str(shape.cores_per_node),
        "memory": f"{shape.memory_bytes_per_node // 1024}Ki",
        "pods": "110",
    }
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": shape.server.replace(" ", "-").replace("+", "-plus"),
    }
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": _time(fleet.start)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {
            "capacity": size,
            "allocatable": size,
            "conditions": [condition | {"reason": "KubeletReady", "message": "ready"}],
            "addresses": [
                {"type": "InternalIP", "address": f"10.0.0.{number + 1}"},
                {"type": "Hostname", "address": name},
            ],
        },
    }


def _container_spec(template: ContainerTemplate) -> Object:
    memory = template.request_bytes
    return {
        "name": template.name,
        "image": f"registry.example/{template.name}:1",
        "resources": {
            "requests": {"cpu": f"{round(template.request_cores * 1000)}m", "memory": str(memory)},
            "limits": {"memory": str(2 * memory)},
        },
    }


def _template(workload: Workload, labels: Object) -> Object:
    containers = [_container_spec(template) for template in workload.containers]
    return {"metadata": {"labels": labels}, "spec": {"containers": containers}}


def _metadata(workload: Workload, **more: Any) -> Object:
    return {"name": workload.name, "namespace": workload.namespace, **more}


def _controller(fleet: Fleet, workload: Workload) -> Object:
    labels = {"app": workload.name}
    spec: Object = {"selector": {"matchLabels": labels}, "template": _template(workload, labels)}
    count = fleet.shape.nodes if workload.kind == "DaemonSet" else fleet.shape.replicas
    status: Object = {"observedGeneration": 1}
    if workload.kind == "DaemonSet":
        names = ("currentNumberScheduled", "desiredNumberScheduled", "numberReady")
        status |= dict.fromkeys(names, count) | {"numberMisscheduled": 0}
    else:
        spec["replicas"] = count
        status |= {"replicas": count, "readyReplicas": count}
    if workload.kind == "StatefulSet":
        spec["serviceName"] = workload.name
    return {
        "apiVersion": GROUP_VERSION[workload.kind],
        "kind": workload.kind,
        "metadata": _metadata(workload, labels=labels),
        "spec": spec,
        "status": status,
    }


def _owner(version: str, kind: str, name: str) -> list[Object]:
    """An owner reference; the API client adds the `uid` of the created owner."""
    flags = {"controller": True, "blockOwnerDeletion": True}
    return [{"apiVersion": version, "kind": kind, "name": name, **flags}]


def _revision_labels(workload: Workload, revision: int) -> Object:
    labels = {"app": workload.name}
    if workload.revisions:
        labels["pod-template-hash"] = workload.revisions[revision]
    return labels


def _replica_set(fleet: Fleet, workload: Workload, revision: int) -> Object:
    labels = _revision_labels(workload, revision)
    is_current = revision + 1 == len(workload.revisions)
    count = fleet.shape.replicas if is_current else 0
    metadata = {
        "name": workload.replica_set(revision),
        "namespace": workload.namespace,
        "labels": labels,
        "annotations": {"deployment.kubernetes.io/revision": str(revision + 1)},
        "ownerReferences": _owner("apps/v1", "Deployment", workload.name),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": metadata,
        "spec": {
            "replicas": count,
            "selector": {"matchLabels": labels},
            "template": _template(workload, labels),
        },
        "status": {"replicas": count, "readyReplicas": count, "observedGeneration": 1},
    }


def _pods(fleet: Fleet) -> Iterator[Object]:
    killed = {id(c) for c in fleet.running[: fleet.shape.oom_killed]}
    by_pod: dict[Pod, list[tuple[Container, bool]]] = {}
    for container in fleet.running:
        by_pod.setdefault(container.pod, []).append((container, id(container) in killed))
    for pod, containers in by_pod.items():
        yield _pod(fleet, pod, containers)


def _pod(fleet: Fleet, pod: Pod, containers: list[tuple[Container, bool]]) -> Object:
    workload = pod.workload
    kind, name = workload.kind, workload.name
    if workload.revisions:
        kind, name = "ReplicaSet", workload.replica_set(pod.revision)
    started = _time(int(fleet.edges[pod.first]))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod.name,
            "namespace": pod.namespace,
            "labels": _revision_labels(workload, pod.revision),
            "ownerReferences": _owner("apps/v1", kind, name),
        },
        "spec": {
            "nodeName": fleet.node_names[pod.node],
            "containers": [_container_spec(template) for template in workload.containers],
        },
        "status": {
            "phase": "Running",
            "startTime": started,
            "hostIP": f"10.0.0.{pod.node + 1}",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": started}],
            "containerStatuses": [
                _container_status(container, started, was_killed=was_killed)
                for container, was_killed in containers
            ],
        },
    }


def _container_status(container: Container, started: str, *, was_killed: bool) -> Object:
    status: Object = {
        "name": container.name,
        "image": f"registry.example/{container.name}:1",
        "imageID": "",
        "containerID": f"containerd://{container.row:064x}",
        "ready": True,
        "restartCount": int(was_killed),
        "state": {"running": {"startedAt": started}},
    }
    if was_killed:
        ended = {"exitCode": 137, "reason": "OOMKilled", "startedAt": started}
        status["lastState"] = {"terminated": ended | {"finishedAt": started}}
    return status


def vpa(workload: Workload, recommender: str | None, *, suffix: str = "") -> Object:
    """A VPA on the workload; without a recommender it is the stock one's."""
    target = {
        "apiVersion": GROUP_VERSION[workload.kind],
        "kind": workload.kind,
        "name": workload.name,
    }
    spec: Object = {"targetRef": target, "updatePolicy": {"updateMode": "Off"}}
    if recommender is not None:
        spec["recommenders"] = [{"name": recommender}]
    return {
        "apiVersion": VPA_VERSION,
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": workload.name + suffix, "namespace": workload.namespace},
        "spec": spec,
    }


def _foreign_vpas(fleet: Fleet) -> Iterator[Object]:
    latest_first = fleet.workloads[::-1]  # so that Deployments come before DaemonSets
    for number, workload in enumerate(latest_first[: fleet.shape.foreign_vpas]):
        theirs = vpa(workload, (None, OTHER_RECOMMENDER)[number % 2], suffix="-theirs")
        amount = {"cpu": "123m", "memory": "262144k"}
        entries = [
            {"containerName": template.name, "target": amount} for template in workload.containers
        ]
        conditions = [
            {
                "type": "RecommendationProvided",
                "status": "True",
                "lastTransitionTime": _time(fleet.start),
            }
        ]
        theirs["status"] = {
            "recommendation": {"containerRecommendations": entries},
            "conditions": conditions,
        }
        yield theirs


def _hpa(workload: Workload) -> Object:
    target = {"apiVersion": "apps/v1", "kind": workload.kind, "name": workload.name}
    goal = {"type": "Utilization", "averageUtilization": 70}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(workload),
        "spec": {
            "scaleTargetRef": target,
            "minReplicas": 2,
            "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": goal}}],
        },
    }
