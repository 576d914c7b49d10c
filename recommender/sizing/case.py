"""All that the decision on one container depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommender.sizing.policy import Caps, choose_caps, choose_floor
from recommender.sizing.resource import amount_of

if TYPE_CHECKING:
    from recommender.energy.nodeclass import ClassEnergy
    from recommender.model.cluster import ContainerPolicy, ContainerSpec, Workload
    from recommender.settings import SizingSettings
    from recommender.sizing.demand import ContainerDemand
    from recommender.sizing.hysteresis import Previous
    from recommender.sizing.resource import Resource
    from recommender.sizing.terms import Terms


@dataclass(frozen=True)
class Case:
    """One container of a workload.

    `terms` and `energy` are None where no node of its pool is known. `is_applied`: a VPA may
    write the result into pods; without one it is advice only.
    """

    workload: Workload
    spec: ContainerSpec
    policy: ContainerPolicy
    demand: ContainerDemand
    terms: Terms | None
    energy: ClassEnergy | None
    previous: Previous
    settings: SizingSettings
    is_applied: bool

    def request(self, resource: Resource) -> int | None:
        return amount_of(self.spec.requests, resource)

    def caps(self, resource: Resource) -> Caps:
        return choose_caps(self.policy, self.settings, resource)

    def floor(self, resource: Resource) -> int:
        return choose_floor(self.settings, resource, len(self.workload.containers))

    def peak(self, resource: Resource) -> float | None:
        """Highest observed use in millicores or bytes."""
        return self.demand.highest * 1000.0 if resource == "cpu" else self.demand.memory_peak
