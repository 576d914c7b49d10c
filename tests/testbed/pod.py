"""Pods and Deployments of the testbed's image, as objects for the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.testbed.image import IDLE, IMAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONTAINER = "main"
BURN = ("sh", "-c", "while :; do :; done")

Object = dict[str, Any]


def container(
    name: str = CONTAINER,
    *,
    command: Sequence[str] = IDLE,
    cpu_request: str | None = None,
    memory_request: str | None = None,
    cpu_limit: str | None = None,
    memory_limit: str | None = None,
    **more: Any,
) -> Object:
    """Requests and limits as Kubernetes writes them; `more` are other fields of a container."""
    requests = {"cpu": cpu_request, "memory": memory_request}
    limits = {"cpu": cpu_limit, "memory": memory_limit}
    return {
        "name": name,
        "image": IMAGE,
        "imagePullPolicy": "Never",
        "command": list(command),
        "resources": {"requests": _given(requests), "limits": _given(limits)},
        **more,
    }


def _given(quantities: Mapping[str, str | None]) -> dict[str, str]:
    return {name: quantity for name, quantity in quantities.items() if quantity is not None}


def pod(
    name: str,
    *containers: Object,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    **more: Any,
) -> Object:
    """A pod, by default of one idle container; `more` are other fields of its spec.

    It ends at once when it is deleted: its processes die of the polite signal, from which the
    kernel spares the first one of a process namespace, and the kubelet then waits two seconds.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or {})},
        "spec": _pod_spec(containers, more),
    }


def deployment(
    name: str,
    *containers: Object,
    namespace: str = "default",
    replicas: int = 1,
    **more: Any,
) -> Object:
    """A Deployment of such pods, which carry the label `app: <name>`."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod_spec(containers, more)},
        },
    }


def _pod_spec(containers: Sequence[Object], more: Mapping[str, Any]) -> Object:
    return {
        "containers": list(containers) or [container()],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "shareProcessNamespace": True,  # the sandbox's is the first process
        "enableServiceLinks": False,
        **more,
    }


def is_ready(item: Mapping[str, Any]) -> bool:
    """Whether a pod or a node says that it is ready."""
    conditions = item.get("status", {}).get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
