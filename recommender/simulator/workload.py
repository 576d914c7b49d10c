"""What one simulated workload is: a row of the fleet's table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from recommender.model.cluster import (
    Amounts,
    ContainerPolicy,
    ContainerSpec,
    CpuScaler,
    Vpa,
    Workload,
)
from recommender.model.identity import WorkloadRef
from recommender.units import parse_bytes, parse_millicores

if TYPE_CHECKING:
    from recommender.simulator.rhythm import Rhythm, Schedule


class SimulatedContainer(msgspec.Struct, frozen=True):
    """Requests and limits as in a manifest ("" where there is none), and what is really used.

    used         cores of one pod on an ordinary weekday, while it works
    working_set  memory of one pod, as a quantity
    leaks        the working set climbs to the memory limit, where the kernel kills it
    """

    name: str
    cpu: str
    memory: str
    used: float
    working_set: str
    cpu_limit: str = ""
    memory_limit: str = ""
    leaks: bool = False

    @property
    def requests(self) -> Amounts:
        return _amounts(self.cpu, self.memory)

    @property
    def limits(self) -> Amounts:
        return _amounts(self.cpu_limit, self.memory_limit)

    @property
    def working_set_bytes(self) -> int:
        return parse_bytes(self.working_set)

    def spec(self) -> ContainerSpec:
        return ContainerSpec(self.name, self.requests, self.limits, oom_killed=self.leaks)


class SimulatedVpa(msgspec.Struct, frozen=True):
    """What its VerticalPodAutoscaler asks for."""

    work_class: str = "standard"
    update_mode: str = "Auto"
    policies: tuple[ContainerPolicy, ...] = ()
    status: dict[str, Any] = msgspec.field(default_factory=dict)


class SimulatedWorkload(msgspec.Struct, frozen=True):
    """One workload of the table.

    pods        on 12 nodes; one on each node for a DaemonSet
    hpa_target  share of the CPU request that a HorizontalPodAutoscaler holds; 0: there is none
    schedule    when a CronJob runs
    age_hours   it exists for so long only; 0: for longer than any window
    never_ran   it is there, and nothing of it ran in the window
    """

    namespace: str
    kind: str
    name: str
    pods: int
    rhythm: Rhythm
    containers: tuple[SimulatedContainer, ...]
    vpa: SimulatedVpa | None = msgspec.field(default_factory=SimulatedVpa)
    hpa_target: float = 0.0
    schedule: Schedule | None = None
    age_hours: float = 0.0
    never_ran: bool = False

    @property
    def ref(self) -> WorkloadRef:
        return WorkloadRef(self.namespace, self.kind, self.name)

    @property
    def requested_cores(self) -> float:
        """Of one pod."""
        return sum(each.requests.cpu_millicores or 0 for each in self.containers) / 1000

    @property
    def requested_bytes(self) -> int:
        """Of one pod."""
        return sum(each.requests.memory_bytes or 0 for each in self.containers)

    def count_pods(self, nodes: int) -> int:
        """Pods on a cluster of so many nodes."""
        return nodes if self.kind == "DaemonSet" else max(1, round(self.pods * nodes / 12))

    def describe(self, *, replicas: int, pods_on: dict[str, int]) -> Workload:
        """The workload as the API server would show it."""
        return Workload(
            self.ref,
            containers=tuple(each.spec() for each in self.containers),
            replicas=replicas,
            pods_on=pods_on,
            hpa_on_cpu=self.name if self.hpa_target else "",
            scaler=CpuScaler(self.hpa_target, least=2, most=self.pods) if self.hpa_target else None,
        )

    def describe_vpa(self) -> Vpa | None:
        """Its VPA as the API server would show it; None where it has none."""
        if self.vpa is None:
            return None
        return Vpa(
            self.namespace,
            self.name,
            generation=1,
            target=self.ref,
            update_mode=self.vpa.update_mode,
            policies=self.vpa.policies,
            work_class=self.vpa.work_class,
            status=self.vpa.status,
        )


def _amounts(cpu: str, memory: str) -> Amounts:
    return Amounts(
        cpu_millicores=parse_millicores(cpu) if cpu else None,
        memory_bytes=parse_bytes(memory) if memory else None,
    )
