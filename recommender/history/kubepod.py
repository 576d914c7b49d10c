"""Pods at the end of the window, from kube-state-metrics and from their usage, as workloads."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING

from recommender.history.owner import own_label
from recommender.model.cluster import Amounts, ContainerSpec, NodeLoad, Workload

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from recommender.model.identity import PodOwners, WorkloadRef

_RELEASERS = ("cluster-autoscaler", "karpenter")
_AMOUNTS = ("requests", "limits")


@dataclass
class _Pod:
    """What is known of a pod; amounts by container, `requests` or `limits`, and resource."""

    node: str = ""
    has_ended: bool = False
    containers: set[str] = field(default_factory=set)
    amounts: dict[tuple[str, str, str], float] = field(default_factory=dict)


class PodTable:
    """Pods by namespace and name."""

    def __init__(self) -> None:
        self._pods: defaultdict[tuple[str, str], _Pod] = defaultdict(_Pod)

    def read_state(self, labels: Mapping[str, str], value: float) -> None:
        """A series of kube-state-metrics about a pod."""
        pod = self._pods[own_label(labels, "namespace"), own_label(labels, "pod")]
        if "phase" in labels:  # only of pods that ended
            pod.has_ended = True
            return
        pod.node = own_label(labels, "node") or pod.node
        kind = labels.get("__name__", "").rpartition("_")[2]
        container = own_label(labels, "container")
        if kind in _AMOUNTS:
            pod.amounts[container, kind, labels.get("resource", "")] = value
        if container and kind in (*_AMOUNTS, "info"):
            pod.containers.add(container)

    def read_usage(self, labels: Mapping[str, str], node: str | None) -> None:
        """A container that uses CPU now."""
        pod = self._pods[labels.get("namespace", ""), labels.get("pod", "")]
        pod.node = pod.node or node or ""
        pod.containers.add(labels.get("container", ""))

    @property
    def nodes(self) -> set[str]:
        return {pod.node for _, pod in self._running() if pod.node}

    def reserved(self) -> dict[str, NodeLoad]:
        """Sums of requests by node."""
        sums: defaultdict[tuple[str, str], float] = defaultdict(float)
        for _, pod in self._running():
            for (_, kind, resource), value in pod.amounts.items():
                if kind == "requests":
                    sums[pod.node, resource] += value
        nodes = sorted({node for node, _ in sums if node})
        return {node: NodeLoad(sums[node, "cpu"], sums[node, "memory"]) for node in nodes}

    def workloads(
        self,
        owners: PodOwners,
        *,
        namespaces: frozenset[str] | None,
        killed: Collection[tuple[str, ...]],
        hpas: Mapping[WorkloadRef, str],
    ) -> Iterator[Workload]:
        """Workloads with pods, sorted. `killed` are namespace, pod and container."""
        pods: defaultdict[WorkloadRef, dict[tuple[str, str], _Pod]] = defaultdict(dict)
        for name, pod in self._running():
            ref = owners.owner(*name)
            if ref is not None and (namespaces is None or ref.namespace in namespaces):
                pods[ref][name] = pod
        for ref in sorted(pods):
            on = Counter(pod.node for pod in pods[ref].values() if pod.node)
            yield Workload(
                ref,
                containers=tuple(_containers(pods[ref], killed)),
                replicas=len(pods[ref]),
                pods_on=dict(sorted(on.items())),
                hpa_on_cpu=hpas.get(ref, ""),
            )

    def find_releaser(self, owners: PodOwners) -> str:
        """cluster-autoscaler or karpenter, if a pod of theirs runs."""
        for name, _ in self._running():
            ref = owners.owner(*name)
            for releaser in _RELEASERS:
                if ref and (ref.name == releaser or ref.name.endswith(f"-{releaser}")):
                    return releaser
        return ""

    def _running(self) -> Iterator[tuple[tuple[str, str], _Pod]]:
        return ((name, pod) for name, pod in self._pods.items() if not pod.has_ended)


def _containers(
    pods: Mapping[tuple[str, str], _Pod], killed: Collection[tuple[str, ...]]
) -> Iterator[ContainerSpec]:
    """The containers of all pods; where pods differ, as the last of them has it.

    The store does not say which pod is the newest; during a rollout they may differ.
    """
    names = sorted({name for pod in pods.values() for name in pod.containers})
    for name in names:
        amounts = [pod.amounts for pod in pods.values() if name in pod.containers][-1]
        yield ContainerSpec(
            name,
            requests=_convert(amounts, name, "requests"),
            limits=_convert(amounts, name, "limits"),
            oom_killed=any((*pod, name) in killed for pod in pods),
        )


def _convert(amounts: Mapping[tuple[str, str, str], float], container: str, kind: str) -> Amounts:
    cores = amounts.get((container, kind, "cpu"))
    memory = amounts.get((container, kind, "memory"))
    return Amounts(
        # 0.29 cores are 290.00000000000006 of a thousandth
        cpu_millicores=None if cores is None else ceil(round(cores * 1000, 6)),
        memory_bytes=None if memory is None else ceil(memory),
    )
