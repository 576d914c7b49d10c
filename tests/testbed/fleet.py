"""A synthetic fleet whose truth is known: who ran where, with how many cores, at how many watts.

Deterministic for a shape. `exposition.py` turns a fleet into series as four kinds of exporters
write them, `manifest.py` into the objects of the Kubernetes API.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests.testbed.server_curve import SERVERS, ServerCurve

GIB = 1 << 30
MIB = 1 << 20
DAY_SECONDS = 86_400
MILLICORE = 0.001

# The letters of generated names in Kubernetes: no vowels, so that they spell no words.
SUFFIX_LETTERS = np.array(list("bcdfghjklmnpqrstvwxz2456789"))


@dataclass(frozen=True)
class FleetShape:
    """What the fleet is like; equal shapes give equal fleets."""

    nodes: int = 8
    cores_per_node: int = 16
    memory_bytes_per_node: int = 64 * GIB
    workloads: int = 60
    """Of all kinds; those that are neither DaemonSets nor StatefulSets are Deployments."""
    daemonsets: int = 4
    statefulsets: int = 8
    replicas: int = 2
    """Pods of each Deployment and StatefulSet; a DaemonSet has one on every node."""
    sidecar_share: float = 0.25
    """Share of the workloads whose pods have a second container."""
    namespaces: int = 4
    days: float = 8
    end: int = 1_760_054_400
    """Unix seconds at which the history ends; 2025-10-10 00:00 UTC."""
    bin_seconds: int = 300
    """Usage and power are constant within a bin."""
    sample_seconds: int = 60
    """Spacing of samples."""
    info_seconds: int = 240
    """Spacing of samples that never change; below the five minutes for which Prometheus looks back."""
    scrape_offset_seconds: int = 0
    """How long after a bin's edge the first sample is taken."""
    has_rollout: bool = True
    """Whether each Deployment replaces its pods in the middle of the history."""
    mean_utilisation: float = 0.3
    """Of the nodes' cores, over the whole history."""
    server: str = "HPE DL360 G10+"
    rapl_range_joules: float | None = None
    """Where the register of a RAPL zone starts again, as raw registers do; None: never."""
    oom_killed: int = 1
    """So many containers were killed once for lack of memory."""
    foreign_vpas: int = 4
    hpas: int = 0
    """So many Deployments are scaled on CPU utilisation by a HorizontalPodAutoscaler."""
    seed: int = 1


@dataclass(frozen=True)
class ContainerTemplate:
    """A container as its workload's pod template describes it."""

    name: str
    request_cores: float
    request_bytes: int
    mean_cores: float
    mean_bytes: float


@dataclass(frozen=True)
class Workload:
    """A controller that owns pods, directly or through ReplicaSets."""

    namespace: str
    kind: str
    name: str
    containers: tuple[ContainerTemplate, ...]
    revisions: tuple[str, ...]
    """Hashes of the ReplicaSets, oldest first; empty for other kinds."""

    def replica_set(self, revision: int) -> str:
        return f"{self.name}-{self.revisions[revision]}"


@dataclass(frozen=True)
class Pod:
    """A pod that ran from bin `first` up to, but not including, bin `end`."""

    workload: Workload
    revision: int
    name: str
    node: int
    first: int
    end: int

    @property
    def namespace(self) -> str:
        return self.workload.namespace


@dataclass(frozen=True)
class Container:
    """One container of one pod: a row of `Fleet.cores` and `Fleet.memory_bytes`."""

    row: int
    pod: Pod
    template: ContainerTemplate

    @property
    def name(self) -> str:
        return self.template.name


@dataclass(frozen=True, eq=False)
class Fleet:
    """The fleet and its truth.

    Rows of `cores` and `memory_bytes` (containers x bins) are in the order of `containers`; a row is
    zero while its container does not run. `system_cores` (nodes x bins) is used outside of pods.
    """

    shape: FleetShape
    workloads: tuple[Workload, ...]
    pods: tuple[Pod, ...]
    containers: tuple[Container, ...]
    cores: np.ndarray
    memory_bytes: np.ndarray
    system_cores: np.ndarray

    @property
    def server(self) -> ServerCurve:
        return SERVERS[self.shape.server]

    @property
    def node_names(self) -> list[str]:
        return [f"node-{i + 1:02d}" for i in range(self.shape.nodes)]

    @cached_property
    def edges(self) -> np.ndarray:
        """Unix seconds of the bins' edges, one more than bins."""
        return bin_edges(self.shape)

    @property
    def start(self) -> int:
        return int(self.edges[0])

    @cached_property
    def node_cores(self) -> np.ndarray:
        """Cores in use (nodes x bins), in pods and outside of them."""
        total = self.system_cores.copy()
        np.add.at(total, [c.pod.node for c in self.containers], self.cores)
        return total

    @cached_property
    def node_watts(self) -> np.ndarray:
        """Watts (nodes x bins) by the server's curve at the bin's utilisation."""
        cores = self.shape.cores_per_node
        return self.server.watts_at(self.node_cores / cores, cores=cores)

    @property
    def running(self) -> list[Container]:
        """The containers that run at the end of the history."""
        bins = self.cores.shape[1]
        return [container for container in self.containers if container.pod.end == bins]

    def rows_of(self, workload: Workload, container: str) -> list[int]:
        """The rows of one container of a workload, over all pods that it ever had."""
        return [
            c.row for c in self.containers if c.pod.workload == workload and c.name == container
        ]


def bin_edges(shape: FleetShape) -> np.ndarray:
    bins = round(shape.days * DAY_SECONDS / shape.bin_seconds)
    return shape.end - shape.bin_seconds * np.arange(bins, -1, -1, dtype=np.int64)


def _suffix(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(SUFFIX_LETTERS, length))


def _round_up(value: float, unit: float) -> float:
    return float(np.ceil(value / unit) * unit)


def _draw_containers(
    rng: np.random.Generator, *, scale: float, has_sidecar: bool
) -> tuple[ContainerTemplate, ...]:
    """Means by a lognormal draw; requests as people write them, 1.3 to 3 times of what is needed."""
    drawn = []
    for name, share in (("app", 1.0), ("sidecar", 0.1))[: 2 if has_sidecar else 1]:
        mean_cores = scale * share * float(rng.lognormal(0.0, 0.5))
        mean_bytes = share * 300 * MIB * float(rng.lognormal(0.0, 0.5))
        drawn.append(
            ContainerTemplate(
                name,
                round(_round_up(mean_cores * rng.uniform(1.3, 3.0), 10 * MILLICORE), 3),
                int(_round_up(mean_bytes * rng.uniform(1.3, 2.0), 16 * MIB)),
                mean_cores,
                mean_bytes,
            )
        )
    return tuple(drawn)


def _draw_workloads(shape: FleetShape, rng: np.random.Generator) -> tuple[Workload, ...]:
    kinds = ["DaemonSet"] * shape.daemonsets + ["StatefulSet"] * shape.statefulsets
    kinds += ["Deployment"] * (shape.workloads - len(kinds))
    busy = shape.mean_utilisation * shape.nodes * shape.cores_per_node
    mean = busy / max(1, (len(kinds) - shape.daemonsets) * shape.replicas)
    found = []
    for i, kind in enumerate(kinds):
        is_daemon = kind == "DaemonSet"
        containers = _draw_containers(
            rng,
            scale=mean * (0.1 if is_daemon else 0.85),
            has_sidecar=not is_daemon and (i % 100) < 100 * shape.sidecar_share,
        )
        revisions = 1 + shape.has_rollout if kind == "Deployment" else 0
        found.append(
            Workload(
                "kube-system" if is_daemon else f"team-{i % shape.namespaces + 1}",
                kind,
                f"{kind.lower()}-{i:03d}",
                containers,
                tuple(_suffix(rng, 10) for _ in range(revisions)),
            )
        )
    return tuple(found)


def _place_pods(
    shape: FleetShape, rng: np.random.Generator, workloads: tuple[Workload, ...]
) -> tuple[Pod, ...]:
    """A pod goes to the node with the least requested, in each half of the history for itself."""
    bins = len(bin_edges(shape)) - 1
    pods = []
    requested = np.zeros((2, shape.nodes))
    for workload in workloads:
        request = sum(c.request_cores for c in workload.containers)
        is_daemon = workload.kind == "DaemonSet"
        for revision in range(max(1, len(workload.revisions))):
            is_old = revision + 1 < len(workload.revisions)
            lives = (0, bins // 2) if is_old else (bins // 2 if revision else 0, bins)
            for replica in range(shape.nodes if is_daemon else shape.replicas):
                halves = slice(0, 1) if is_old else slice(1 if revision else 0, 2)
                node = replica if is_daemon else int(np.argmin(requested[halves].sum(axis=0)))
                requested[halves, node] += request
                name = _pod_name(rng, workload, revision, replica)
                pods.append(Pod(workload, revision, name, node, *lives))
    if (most := float(requested.max())) > shape.cores_per_node:
        raise ValueError(f"a node would have {most:.1f} of {shape.cores_per_node} cores requested")
    return tuple(pods)


def _pod_name(rng: np.random.Generator, workload: Workload, revision: int, replica: int) -> str:
    if workload.kind == "StatefulSet":
        return f"{workload.name}-{replica}"
    if workload.kind == "DaemonSet":
        return f"{workload.name}-{_suffix(rng, 5)}"
    return f"{workload.replica_set(revision)}-{_suffix(rng, 5)}"


def _draw_usage(
    shape: FleetShape, rng: np.random.Generator, containers: tuple[Container, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Cores with a daily rhythm, shared by the containers of a workload, and noise; memory without."""
    edges = bin_edges(shape)
    day = 2 * np.pi * ((edges[:-1] % DAY_SECONDS) / DAY_SECONDS)
    cores = np.zeros((len(containers), len(day)))
    memory = np.zeros_like(cores)
    rhythms: dict[Workload, np.ndarray] = {}
    for container in containers:
        pod, template = container.pod, container.template
        if pod.workload not in rhythms:
            depth, phase = rng.uniform(0.1, 0.7), rng.normal(0.5, 0.1) * 2 * np.pi
            rhythms[pod.workload] = 1 - depth * np.cos(day - phase + np.pi)
        alive = slice(pod.first, pod.end)
        length = pod.end - pod.first
        noise = rng.lognormal(-0.045, 0.3, length)  # of mean one
        cores[container.row, alive] = template.mean_cores * rhythms[pod.workload][alive] * noise
        wobble = 1 + 0.05 * rng.standard_normal(length)
        memory[container.row, alive] = np.round(template.mean_bytes * wobble)
    return cores, memory


def generate_fleet(shape: FleetShape | None = None) -> Fleet:
    """The fleet of a shape, the default one if none is given.

    Raises:
        ValueError: some node would be asked for more cores than it has.
    """
    shape = shape or FleetShape()
    rng = np.random.default_rng(shape.seed)
    workloads = _draw_workloads(shape, rng)
    pods = _place_pods(shape, rng, workloads)
    containers = tuple(
        Container(row, pod, template)
        for row, (pod, template) in enumerate((p, t) for p in pods for t in p.workload.containers)
    )
    cores, memory = _draw_usage(shape, rng, containers)
    system = 0.15 * rng.lognormal(0.0, 0.1, (shape.nodes, cores.shape[1]))
    fleet = Fleet(shape, workloads, pods, containers, cores, memory, system)
    peak = float(fleet.node_cores.max())
    if peak > shape.cores_per_node:
        raise ValueError(f"a node would use {peak:.1f} of {shape.cores_per_node} cores")
    return fleet
