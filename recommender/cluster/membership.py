"""Which pods belong to which workload, those of the past included."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from recommender.cluster.pod import is_active
from recommender.model.identity import PodOwners, WorkloadRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recommender.cluster.controller import KnownController, OwnerChains
    from recommender.cluster.manifest import Metadata, Pod
    from recommender.cluster.selector import Selector
    from recommender.cluster.target import Resolution

BETWEEN = frozenset({"ReplicaSet", "Job"})
"""Kinds that usually stand between a workload and its pods."""


class Membership(msgspec.Struct, frozen=True):
    """Pods by workload, and the same for names of pods that are gone."""

    pods: dict[WorkloadRef, list[Pod]]
    owners: PodOwners

    def has_active(self, ref: WorkloadRef | None) -> bool:
        """Whether some pod of the workload runs or waits to run."""
        return ref is not None and any(map(is_active, self.pods.get(ref, ())))


class _Selectors:
    """Workloads that are found by their selector, by namespace."""

    def __init__(self, found: Iterable[tuple[Selector | None, WorkloadRef]]) -> None:
        self._by_namespace: defaultdict[str, list[tuple[Selector, WorkloadRef]]]
        self._by_namespace = defaultdict(list)
        for selector, ref in found:
            if selector is not None and selector.requirements:
                self._by_namespace[ref.namespace].append((selector, ref))

    def find(self, metadata: Metadata) -> WorkloadRef | None:
        for selector, ref in self._by_namespace.get(metadata.namespace, ()):
            if selector.matches(metadata.labels or {}):
                return ref
        return None


def assign_pods(
    pods: Iterable[Pod],
    controllers: Mapping[WorkloadRef, KnownController],
    chains: OwnerChains,
    targets: Iterable[Resolution],
) -> Membership:
    """Give each pod to its workload.

    That is the scalable target whose selector matches; else the topmost controller above the
    pod; else, for a pod that nothing controls, the controller that will adopt it because its
    selector matches. Workloads that nobody asked for are kept in `owners`: their pods' names
    must not be taken for those of others.
    """
    scalable = _Selectors((each.selector, each.ref) for each in targets if each.ref is not None)
    adopting = _Selectors(
        (each.selector, chains.workload_of(each)) for each in controllers.values()
    )
    between = {
        (ref.namespace, ref.name): chains.workload_of(controller)
        for ref, controller in controllers.items()
        if ref.kind in BETWEEN
    }
    members: defaultdict[WorkloadRef, list[Pod]] = defaultdict(list)
    names: dict[tuple[str, str], WorkloadRef] = {}
    for pod in pods:
        metadata = pod.metadata
        selected = scalable.find(metadata)
        owner = metadata.controller
        if selected and owner and owner.kind in BETWEEN:
            between[metadata.namespace, owner.name] = selected
        ref = selected or chains.topmost(metadata)
        if ref is None and metadata.is_adoptable:
            ref = adopting.find(metadata)
        if ref is not None:
            members[ref].append(pod)
            names[metadata.namespace, metadata.name] = ref
    known = {chains.workload_of(controller) for controller in controllers.values()}
    owners = PodOwners(names, between, frozenset(known | set(members) | set(between.values())))
    return Membership(dict(members), owners)
