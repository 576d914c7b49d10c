"""All that the decision on one container depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.sizing.policy import Caps, choose_caps, choose_floor, choose_limit_floor
from recommender.sizing.resource import amount_of

if TYPE_CHECKING:
    from recommender.model.cluster import ContainerPolicy, ContainerSpec, Workload
    from recommender.settings import SizingSettings
    from recommender.sizing.demand import ContainerDemand
    from recommender.sizing.hysteresis import Previous
    from recommender.sizing.plan import ScaledRequest, Scaling
    from recommender.sizing.pool import PoolShare
    from recommender.sizing.pooltier import Pooled
    from recommender.sizing.resource import Resource
    from recommender.sizing.terms import Terms


class Case(msgspec.Struct, frozen=True):
    """One container of a workload.

    `terms` are None and `pools` empty where no node of its pool is known. `sharers`: containers
    of a pod that are sized and so share its least target. `is_applied`: a VPA may write the
    result into pods; without one it is advice only. `scaling` is of a workload that an HPA scales
    on CPU, None for all others; `was_scaled`: what was published before came from such a one.
    """

    workload: Workload
    spec: ContainerSpec
    policy: ContainerPolicy
    demand: ContainerDemand
    terms: Terms | None
    pools: tuple[PoolShare, ...]
    previous: Previous
    settings: SizingSettings
    sharers: int
    is_applied: bool
    pooled: Pooled | None = None
    scaling: Scaling | None = None
    was_scaled: bool = False

    @property
    def scaled_request(self) -> ScaledRequest | None:
        """The CPU request by the work of a replica, None where that is not what decides."""
        return None if self.scaling is None else self.scaling.requests.get(self.spec.name)

    def request(self, resource: Resource) -> int | None:
        """What the scheduler counts: the request, else the limit; None without either."""
        request = amount_of(self.spec.requests, resource)
        return amount_of(self.spec.limits, resource) if request is None else request

    def caps(self, resource: Resource) -> Caps:
        return choose_caps(self.policy, self.settings, resource)

    def floor(self, resource: Resource) -> int:
        return choose_floor(self.settings, resource, self.sharers)

    def limit_floor(self, resource: Resource) -> int:
        """Least target that leaves the scaled limit at the observed peak; 0 where none scales.

        Nor where an HPA holds use to the request: with that the peak of a replica moves too.
        """
        if not (self.is_applied and self.policy.scales_limits):
            return 0
        if resource == "cpu" and self.scaled_request is not None:
            return 0
        return choose_limit_floor(resource, self.spec, peak=self.peak(resource))

    def peak(self, resource: Resource) -> float | None:
        """Highest observed use in millicores or bytes."""
        return self.demand.highest * 1000.0 if resource == "cpu" else self.demand.memory_peak
