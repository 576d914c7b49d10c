"""The cluster as the store knows it at the end of the window, for runs that ask no API server."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from recommender.history.client import RangeQuery
from recommender.history.container import OWNER_LABELS, POD_LABELS, labelled_workload
from recommender.history.kubepod import PodTable
from recommender.history.owner import own_label
from recommender.history.selector import CONTAINERS, join_matchers, match_names
from recommender.model.cluster import ClusterState, Node
from recommender.model.identity import WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from recommender.history.matrix import Matrix
    from recommender.history.nodename import NodeNames
    from recommender.history.schema import UsageSchema
    from recommender.model.history import TimeGrid
    from recommender.model.identity import PodOwners

SOURCE = "the metric store; no API server was asked"

_STATE = (
    "kube_node_status_allocatable",
    "kube_node_labels",
    "kube_pod_info",
    "kube_pod_container_info",
    "kube_pod_container_resource_(requests|limits)",
    "kube_horizontalpodautoscaler_(info|spec_target_metric)",
    "machine_cpu_cores",
    "machine_memory_bytes",
    "node_memory_MemTotal_bytes",
)
_MEMORY = ("machine_memory_bytes", "node_memory_MemTotal_bytes")
_INSTANCE_TYPES = (
    "label_node_kubernetes_io_instance_type",
    "label_beta_kubernetes_io_instance_type",
)


def plan_state(grid: TimeGrid) -> RangeQuery:
    """Sizes of nodes, requests, limits, pods and HPAs at the end of the window."""
    query = (
        f"{match_names(_STATE)}"
        ' or (kube_pod_status_phase{phase=~"Succeeded|Failed"} == 1)'
        ' or count without (cpu) (node_cpu_seconds_total{mode="idle"})'
    )
    return RangeQuery(query, grid.end, grid.end, grid.step)


def plan_live(grid: TimeGrid, schema: UsageSchema, namespaces: str) -> RangeQuery:
    """The containers that run at the end, by their usage."""
    selector = schema.cpu + join_matchers(CONTAINERS, namespaces)
    by = f"{','.join((*POD_LABELS, *OWNER_LABELS))},node,instance"
    return RangeQuery(f"group by ({by}) ({selector})", grid.end, grid.end, grid.step)


@dataclass
class _Size:
    """What is known of a node's size."""

    cores: float = 0.0
    memory_bytes: float = 0.0
    instance_type: str = ""


class KubeState:
    """Takes the replies to `plan_state` and `plan_live`, gives a `ClusterState`."""

    def __init__(self, names: NodeNames) -> None:
        self._names = names
        self._allocatable: defaultdict[str, _Size] = defaultdict(_Size)
        self._machine: defaultdict[str, _Size] = defaultdict(_Size)
        self._pods = PodTable()
        self._labelled: dict[tuple[str, str], WorkloadRef] = {}
        self._hpa_targets: dict[tuple[str, str], WorkloadRef] = {}
        self._hpas_on_cpu: set[tuple[str, str]] = set()

    def read(self, matrix: Matrix) -> None:
        for labels, _, values in matrix.series():
            value = float(values[-1])
            name = labels.get("__name__", "")
            if name.startswith("kube_node"):
                self._read_node(labels, value)
            elif name.startswith("kube_horizontal"):
                self._read_hpa(labels)
            elif name.startswith("kube_pod") or "phase" in labels:
                self._pods.read_state(labels, value)
            else:
                self._read_machine(labels, value)

    def read_live(self, matrix: Matrix) -> None:
        for labels, _, _ in matrix.series():
            self._pods.read_usage(labels, self._names.find(labels))
            ref = labelled_workload(labels)
            if ref is not None:
                self._labelled[labels.get("namespace", ""), labels.get("pod", "")] = ref

    def build(
        self,
        owners: PodOwners,
        *,
        namespaces: frozenset[str] | None,
        killed: Collection[tuple[str, ...]] = (),
    ) -> ClusterState:
        """The state; `killed` are namespace, pod, container of those killed for memory."""
        owners = replace(owners, pods=owners.pods | self._labelled)
        nodes = tuple(self._nodes())
        hpas = {ref: key[1] for key, ref in self._hpa_targets.items() if key in self._hpas_on_cpu}
        return ClusterState(
            source=SOURCE,
            nodes=nodes,
            workloads=tuple(
                self._pods.workloads(owners, namespaces=namespaces, killed=killed, hpas=hpas)
            ),
            reserved=self._pods.reserved(),
            owners=owners,
            node_releaser=self._pods.find_releaser(owners),
            warnings=tuple(self._warn({node.name for node in nodes})),
        )

    def _warn(self, sized: set[str]) -> Iterator[str]:
        sizeless = self._pods.nodes - sized
        if sizeless:
            yield (
                f"the store does not tell the size of {len(sizeless)} nodes (for example of "
                f"{min(sizeless)}), so they are left out; kube-state-metrics, cAdvisor "
                "(machine_cpu_cores) or node-exporter would"
            )

    def _read_node(self, labels: Mapping[str, str], value: float) -> None:
        size = self._allocatable[own_label(labels, "node")]
        kind = next((labels[key] for key in _INSTANCE_TYPES if labels.get(key)), "")
        size.instance_type = size.instance_type or kind
        if labels.get("resource") == "cpu":
            size.cores = value
        elif labels.get("resource") == "memory":
            size.memory_bytes = value

    def _read_machine(self, labels: Mapping[str, str], value: float) -> None:
        node = self._names.find(labels)
        if node is None:
            return
        if labels.get("__name__") in _MEMORY:
            self._machine[node].memory_bytes = value
        else:
            self._machine[node].cores = value

    def _read_hpa(self, labels: Mapping[str, str]) -> None:
        namespace = own_label(labels, "namespace")
        key = namespace, labels.get("horizontalpodautoscaler", "")
        if "scaletargetref_kind" in labels:
            kind, name = labels["scaletargetref_kind"], labels.get("scaletargetref_name", "")
            self._hpa_targets[key] = WorkloadRef(namespace, kind, name)
        elif labels.get("metric_name") == "cpu":
            self._hpas_on_cpu.add(key)

    def _nodes(self) -> Iterator[Node]:
        """Nodes whose cores are known: what is allocatable, else the whole machine."""
        for name in sorted(self._allocatable.keys() | self._machine.keys()):
            size, machine = self._allocatable[name], self._machine[name]
            cores = size.cores or machine.cores
            if cores:
                yield Node(
                    name,
                    cores=cores,
                    memory_bytes=int(size.memory_bytes or machine.memory_bytes),
                    cpu_model=self._names.cpu_models.get(name, ""),
                    instance_type=size.instance_type,
                )
