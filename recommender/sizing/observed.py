"""A pool as its workloads and their VPAs have it: its trace, and what its containers may get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recommender.errors import WorkloadSkipped
from recommender.model.cluster import ContainerPolicy
from recommender.model.identity import ContainerRef
from recommender.sizing.carbon import asks_for_carbon
from recommender.sizing.policy import choose_caps, choose_floor
from recommender.sizing.pooled import Allowance, observe_pool
from recommender.sizing.workload import choose_work_class, name_work_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recommender.energy.array import Integers
    from recommender.energy.price import WorkClass
    from recommender.model.cluster import ClusterState, Vpa, Workload
    from recommender.model.identity import WorkloadRef
    from recommender.model.recording import Recording
    from recommender.replay.trace import PoolTrace
    from recommender.settings import SizingSettings
    from recommender.sizing.pool import Pool


def observe(
    evidence: Recording, pool: Pool, pools: Sequence[Pool], settings: SizingSettings
) -> PoolTrace:
    """The trace of one of the pools. Managed are the containers whose CPU request we may set."""
    cluster = evidence.cluster
    vpas = vpas_by_target(cluster)
    return observe_pool(
        pool,
        pools,
        cluster=cluster,
        history=evidence.history,
        managed=frozenset(
            ref
            for workload in cluster.workloads
            for ref in list_managed(workload, vpas.get(workload.ref))
        ),
        work_classes={
            workload.ref: work_class_of(vpas.get(workload.ref), settings)
            for workload in cluster.workloads
        },
    )


def allow(trace: PoolTrace, cluster: ClusterState, settings: SizingSettings) -> Allowance:
    """Least and greatest cores of each container, as a recommendation has them."""
    vpas = vpas_by_target(cluster)
    least, greatest = [], []
    sharers = _count_sharers(trace, cluster, vpas)
    for ref, owner in zip(trace.containers, trace.owner.tolist(), strict=True):
        vpa = vpas.get(ref.workload)
        policy = vpa.policy(ref.container) if vpa else ContainerPolicy(ref.container)
        caps = choose_caps(policy, settings, "cpu")
        floor = choose_floor(settings, "cpu", max(int(sharers[owner]), 1))
        low = max(floor, caps.minimum or 0)
        least.append(low / 1000.0)
        greatest.append(float("inf") if caps.maximum is None else caps.maximum / 1000.0)
    return Allowance(np.array(least), np.array(greatest))


def _count_sharers(
    trace: PoolTrace, cluster: ClusterState, vpas: Mapping[WorkloadRef, Vpa]
) -> Integers:
    """Containers of a pod of each workload that share its least target, [W]: those that are sized,
    be it their memory alone, as `choose_floor` has it of what is published.
    """
    sized = {
        ref
        for workload in cluster.workloads
        for ref, _ in _list_sized(workload, vpas.get(workload.ref))
    }
    shares = np.array([ref in sized for ref in trace.containers], dtype=np.bool_)
    shares &= np.isfinite(trace.means)  # one that was never seen is not sized
    return np.bincount(trace.owner[shares], minlength=len(trace.workloads))


def find_carbon_workloads(cluster: ClusterState) -> frozenset[WorkloadRef]:
    """Workloads whose EnergyProfile wants grams saved, not joules."""
    return frozenset(ref for ref, vpa in vpas_by_target(cluster).items() if asks_for_carbon(vpa))


def vpas_by_target(cluster: ClusterState) -> dict[WorkloadRef, Vpa]:
    """The VPA of ours that counts for each workload."""
    return {vpa.target: vpa for vpa in reversed(cluster.vpas) if vpa.target and not vpa.problem}


def list_managed(workload: Workload, vpa: Vpa | None) -> Iterator[ContainerRef]:
    """Its containers whose CPU request we may set."""
    if workload.hpa_on_cpu:
        return
    for ref, policy in _list_sized(workload, vpa):
        if "cpu" in policy.controlled:
            yield ref


def _list_sized(
    workload: Workload, vpa: Vpa | None
) -> Iterator[tuple[ContainerRef, ContainerPolicy]]:
    """Its containers for which a request may be recommended."""
    for spec in workload.containers:
        policy = vpa.policy(spec.name) if vpa else ContainerPolicy(spec.name)
        if not spec.is_injected and not policy.is_off:
            yield ContainerRef(workload.ref, spec.name), policy


def work_class_of(vpa: Vpa | None, settings: SizingSettings) -> WorkClass:
    """The class it names; one that is none counts as the usual one."""
    try:
        return choose_work_class(name_work_class(vpa, settings)[0])
    except WorkloadSkipped:
        return choose_work_class(settings.work_class)
