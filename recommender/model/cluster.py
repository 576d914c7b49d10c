"""What the recommender knows of a cluster: nodes, workloads, VPAs."""

from __future__ import annotations

from typing import Any

import msgspec

from recommender.model.identity import PodOwners, WorkloadRef
from recommender.model.profile import Profile  # noqa: TC001 - msgspec reads it


class Amounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """CPU in millicores and memory in bytes; None where there is no value."""

    cpu_millicores: int | None = None
    memory_bytes: int | None = None


NOTHING = Amounts()


class Node(msgspec.Struct, frozen=True):
    """A node: allocatable cores and bytes; `cpu_model` may be unknown ("")."""

    name: str
    cores: float
    memory_bytes: int
    cpu_model: str = ""
    instance_type: str = ""


class ContainerSpec(msgspec.Struct, frozen=True):
    """One container of a workload as its newest pods have it.

    `is_injected`: it was put into the pods after VPA's admission controller had seen them, so
    that no recommendation reaches it. Not `in_template`: something (a mesh, VPA seeing it or not)
    put it into the pods, so that no manifest of the workload has it; true where the template is
    not known.
    """

    name: str
    requests: Amounts = NOTHING
    limits: Amounts = NOTHING
    oom_killed: bool = False
    is_injected: bool = False
    in_template: bool = True


class CpuScaler(msgspec.Struct, frozen=True):
    """How a HorizontalPodAutoscaler holds CPU by the number of pods.

    `utilisation` is the mean share of the CPU request that it holds, None where it holds an
    amount of cores. `container` is the one whose request counts, "" for all of a pod together.
    `least` and `most` are the replicas that it stays between, `most` 0 where it is not known.
    `is_alone`: nothing but this metric decides the number.
    """

    utilisation: float | None = None
    container: str = ""
    least: int = 1
    most: int = 0
    is_alone: bool = True


class Workload(msgspec.Struct, frozen=True):
    """A topmost controller with its running pods.

    `containers` are regular containers only (no init containers); `sidecars` names the init
    containers that run beside them (restartPolicy Always). `replicas` counts pods that run or
    wait to run; `pods_on` counts the scheduled ones by node. `hpa_on_cpu` names the
    HorizontalPodAutoscaler that scales it on CPU, "" where there is none; `scaler` says how, None
    where that is not known. One that is not `is_shown` is there for its pool alone, which is judged
    by all of its workloads.
    """

    ref: WorkloadRef
    containers: tuple[ContainerSpec, ...] = ()
    replicas: int = 0
    pods_on: dict[str, int] = msgspec.field(default_factory=dict)
    hpa_on_cpu: str = ""
    sidecars: tuple[str, ...] = ()
    scaler: CpuScaler | None = None
    is_shown: bool = True


class ContainerPolicy(msgspec.Struct, frozen=True):
    """A VPA's policy for one container name, or for `*`. Zero quantities count as unset."""

    container: str
    is_off: bool = False
    min_allowed: Amounts = NOTHING
    max_allowed: Amounts = NOTHING
    controlled: frozenset[str] = frozenset({"cpu", "memory"})
    scales_limits: bool = True  # controlledValues RequestsAndLimits, the API's default


class Vpa(msgspec.Struct, frozen=True):
    """A VerticalPodAutoscaler that names us.

    `target` is None where targetRef is missing or could not be resolved; `problem` then says
    why (condition ConfigUnsupported). `status` is the object's status as it was read.
    `work_class` is "" where it names none; `matches_pods`: some pod of the target runs or waits
    to run. `uid` and `resource_version` say which object was read, and which state of it.
    `profile` is its EnergyProfile, None where there is none; `is_shown` as of its workload.
    """

    namespace: str
    name: str
    generation: int
    target: WorkloadRef | None
    problem: str = ""
    update_mode: str = "Auto"
    policies: tuple[ContainerPolicy, ...] = ()
    work_class: str = ""
    status: dict[str, Any] = msgspec.field(default_factory=dict)
    matches_pods: bool = True
    uid: str = ""
    resource_version: str = ""
    profile: Profile | None = None
    is_shown: bool = True

    def policy(self, container: str) -> ContainerPolicy:
        """An exact name beats `*`; the two are never merged.

        Of policies with one name VPA's other parts take the first, of those for `*` the last.
        """
        exact = {policy.container: policy for policy in reversed(self.policies)}
        stars = [policy for policy in self.policies if policy.container == "*"]
        return exact.get(container) or (stars[-1] if stars else ContainerPolicy(container))


class LimitRange(msgspec.Struct, frozen=True):
    """What a LimitRange demands of each container, or with `is_of_pods` of each pod in all.

    `minimum` holds for requests, `maximum` for limits; `default` is the limit of containers that
    name none. The ratios are the most that a limit may be of its request.
    """

    name: str
    is_of_pods: bool = False
    minimum: Amounts = NOTHING
    maximum: Amounts = NOTHING
    default: Amounts = NOTHING
    cpu_ratio: float | None = None
    memory_ratio: float | None = None


class Quota(msgspec.Struct, frozen=True):
    """What the pods of a namespace may request and be limited to in all, and what they do now."""

    name: str
    requests: Amounts = NOTHING
    limits: Amounts = NOTHING
    requests_used: Amounts = NOTHING
    limits_used: Amounts = NOTHING


class NamespaceLimits(msgspec.Struct, frozen=True):
    """The LimitRanges and ResourceQuotas of one namespace."""

    ranges: tuple[LimitRange, ...] = ()
    quotas: tuple[Quota, ...] = ()


NO_LIMITS = NamespaceLimits()


class Rival(msgspec.Struct, frozen=True):
    """Another recommender's VPA on a workload that a VPA of ours targets. It is only ever read.

    `name` is the VPA's, in the namespace of its target; `recommender` is `default` where it names
    none: VPA's own. `targets` are the targets of its status by container, without those that
    cannot be read; empty where it recommends nothing yet.
    """

    name: str
    recommender: str
    target: WorkloadRef
    targets: dict[str, Amounts] = msgspec.field(default_factory=dict)


class NodeLoad(msgspec.Struct, frozen=True):
    """What the scheduler counts on one node: requests of all its pods."""

    cores: float = 0.0
    memory_bytes: float = 0.0


class ClusterState(msgspec.Struct, frozen=True):
    """A snapshot of the cluster, from its API server, from the store or from a recording.

    `source` says which, in words. `reserved` is keyed by node name; empty: unknown.
    `node_releaser` names the component that removes empty nodes (cluster-autoscaler, karpenter),
    "" where none is seen. `limits` is keyed by namespace; without an entry none are known.
    `rivals` are sorted by target, the oldest first, which is the one that VPA's components follow.
    """

    source: str
    nodes: tuple[Node, ...] = ()
    workloads: tuple[Workload, ...] = ()
    vpas: tuple[Vpa, ...] = ()
    reserved: dict[str, NodeLoad] = msgspec.field(default_factory=dict)
    owners: PodOwners = msgspec.field(default_factory=PodOwners)
    node_releaser: str = ""
    warnings: tuple[str, ...] = ()
    limits: dict[str, NamespaceLimits] = msgspec.field(default_factory=dict)
    rivals: tuple[Rival, ...] = ()
