"""Nodes, and who removes them when they are empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recommender.cluster.pod import accept_amount
from recommender.model.cluster import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recommender.cluster.manifest import NodeItem, Pod

_INSTANCE_TYPES = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
# Node Feature Discovery publishes the CPU's numbers, not its name.
_CPU_MODEL = "feature.node.kubernetes.io/cpu-model."

# Well-known labels of nodes that Karpenter made, and of EKS Auto Mode, which runs it unseen.
_KARPENTER_LABELS = ("karpenter.sh/nodepool", "karpenter.sh/provisioner-name")
_EKS_AUTO = ("eks.amazonaws.com/compute-type", "auto")

_RELEASERS = ("cluster-autoscaler", "karpenter")
_NAME_LABELS = ("app.kubernetes.io/name", "k8s-app", "app")


def convert_nodes(items: Iterable[NodeItem]) -> tuple[Node, ...]:
    """Nodes by name; one that does not say yet what is allocatable is left out."""
    return tuple(
        node
        for item in sorted(items, key=lambda item: item.metadata.name)
        if (node := _convert_node(item)) is not None
    )


def _convert_node(item: NodeItem) -> Node | None:
    amounts = accept_amount(item.status.allocatable)
    if not amounts.cpu_millicores or amounts.memory_bytes is None:
        return None
    labels = item.metadata.labels or {}
    return Node(
        name=item.metadata.name,
        cores=amounts.cpu_millicores / 1000,
        memory_bytes=amounts.memory_bytes,
        cpu_model=describe_cpu(labels),
        instance_type=next((labels[key] for key in _INSTANCE_TYPES if labels.get(key)), ""),
    )


def describe_cpu(labels: Mapping[str, str]) -> str:
    """CPU of a node by its labels, such as `AMD family 25 model 1`; "" where they do not tell."""
    vendor, family, model = (
        labels.get(_CPU_MODEL + part, "") for part in ("vendor_id", "family", "id")
    )
    if not vendor:
        return ""
    return f"{vendor} family {family} model {model}" if family and model else vendor


def find_releaser_of_nodes(items: Iterable[NodeItem]) -> str:
    """The component whose labels the nodes bear, "" where there is none."""
    for item in items:
        labels = item.metadata.labels or {}
        if labels.get(_EKS_AUTO[0]) == _EKS_AUTO[1] or any(
            key in labels for key in _KARPENTER_LABELS
        ):
            return "karpenter"
    return ""


def name_releaser(pod: Pod) -> str:
    """cluster-autoscaler or karpenter if this pod is it by label or by name, else ""."""
    labels = pod.metadata.labels or {}
    names = [labels.get(key, "") for key in _NAME_LABELS]
    for releaser in _RELEASERS:
        if pod.metadata.name.startswith(f"{releaser}-") or any(
            name == releaser or name.endswith(f"-{releaser}") for name in names
        ):
            return releaser
    return ""
