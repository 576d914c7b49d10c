"""What a VPA's policy and the cluster's settings allow: floors, minimum, maximum, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recommender.model.report import Reason
from recommender.sizing.band import Band
from recommender.sizing.resource import (
    Resource,
    amount_of,
    describe_amount,
    format_amount,
    round_up,
)
from recommender.sizing.stock import divide_floor

if TYPE_CHECKING:
    from recommender.model.cluster import ContainerPolicy, ContainerSpec
    from recommender.settings import SizingSettings

CLUSTER_CAP = "the cluster-wide cap"

LIMIT_HALFWIDTH = 0.05
"""Bounds about a target that its limit decides: the VPA updater itself takes less than 10 % as
no reason to touch a pod, and the peak is that of five minutes among two weeks."""


class Caps(msgspec.Struct, frozen=True):
    """Least and greatest target of one resource, None where unset.

    `source` names what sets the maximum: maxAllowed or the cluster-wide cap.
    """

    minimum: int | None = None
    maximum: int | None = None
    source: str = "maxAllowed"

    @property
    def is_contradictory(self) -> bool:
        return self.minimum is not None and self.maximum is not None and self.minimum > self.maximum


def choose_caps(policy: ContainerPolicy, settings: SizingSettings, resource: Resource) -> Caps:
    """The caps of a container: the VPA's own; the cluster's maximum where the VPA has none."""
    minimum = amount_of(policy.min_allowed, resource)
    maximum = amount_of(policy.max_allowed, resource)
    if maximum is not None:
        return Caps(minimum, maximum)
    everywhere = settings.max_cpu if resource == "cpu" else settings.max_memory
    return Caps(minimum, everywhere or None, CLUSTER_CAP)


def choose_floor(settings: SizingSettings, resource: Resource, sharers: int) -> int:
    """The share of one of `sharers` containers of the least target of a pod, at least 1.

    As in the stock recommender those share it that are sized: neither a container that is
    switched off nor one without usage counts.
    """
    pod = settings.pod_min_cpu if resource == "cpu" else settings.pod_min_memory
    return max(divide_floor(pod, sharers), 1)


def explain_floor(resource: Resource, before: Band, floor: int) -> Reason | None:
    """Says when the floor decided the target."""
    if before.target >= floor:
        return None
    return Reason(
        f"{resource} floor",
        describe_amount(resource, floor),
        f"a container of this pod gets no less; {describe_amount(resource, before.target)} "
        "would do",
    )


def explain_caps(resource: Resource, caps: Caps, uncapped: int) -> Reason | None:
    """What the caps did to the target; None where there are none."""
    low, high = caps.minimum, caps.maximum
    if low is None and high is None:
        return None
    named = [
        f"{name} {format_amount(resource, amount)}"
        for name, amount in (("minAllowed", low), (caps.source, high))
        if amount is not None
    ]
    text = ", ".join(named)
    step = f"{resource} policy"
    if caps.is_contradictory and high is not None:
        value = describe_amount(resource, high)
        return Reason(step, value, f"{' is above '.join(named)}: the maximum wins; mend one")
    if high is not None and uncapped > high:
        return Reason(step, describe_amount(resource, high), f"{text}: lowered to the maximum")
    if low is not None and uncapped < low:
        return Reason(step, describe_amount(resource, low), f"{text}: raised to the minimum")
    return Reason(step, "no change", text)


def scale_limit(resource: Resource, spec: ContainerSpec, *, target: float) -> float | None:
    """The limit that goes with a target where the VPA scales limits; None without a limit.

    VPA's admission controller keeps the ratio of limit to request. A limit alone has its request
    at the limit. A request of zero has no ratio: the limit is only raised, to the target.
    """
    limit = amount_of(spec.limits, resource)
    if limit is None:
        return None
    if _is_zero(spec, resource):
        return max(float(limit), target)
    return limit * target / (amount_of(spec.requests, resource) or limit)


def _is_zero(spec: ContainerSpec, resource: Resource) -> bool:
    requests = spec.requests
    return (requests.cpu_millicores if resource == "cpu" else requests.memory_bytes) == 0


def choose_limit_floor(resource: Resource, spec: ContainerSpec, *, peak: float | None) -> int:
    """Least target whose scaled limit is not below the observed peak; 0: any will do.

    A request below the peak costs nothing while the node has room, a limit below it always
    throttles or kills; and what a limit cuts off is never observed, so that the next target
    would be lower still. So the target is raised for the limit's sake, but never above the
    present request: a limit that the peak has passed already, or that scaling rounded down by a
    millicore, is no reason to reserve more than now. This keeps it from creeping: once pods have
    the raised target it is their request, and gives itself again.

    `peak` is in millicores or bytes.
    """
    limit = amount_of(spec.limits, resource)
    if limit is None or peak is None or _is_zero(spec, resource):
        return 0
    request = amount_of(spec.requests, resource) or limit
    return min(round_up(peak * request / limit), request)


def hold_limit(band: Band, floor: int) -> Band:
    """The band with its target at least at `floor` and room about it (LIMIT_HALFWIDTH)."""
    if band.target >= floor:
        return band
    return Band.around(
        floor,
        lower=max(band.lower, round_up(floor * (1.0 - LIMIT_HALFWIDTH))),
        upper=max(band.upper, round_up(floor * (1.0 + LIMIT_HALFWIDTH))),
    )


def explain_limit_floor(
    resource: Resource, before: Band, *, floor: int, peak: float | None
) -> Reason | None:
    """Says when the limit decided the target, and what would do without it."""
    if before.target >= floor or peak is None:
        return None
    return Reason(
        f"{resource} limit floor",
        describe_amount(resource, floor),
        f"its limit follows the request and would fall below the observed peak of "
        f"{describe_amount(resource, peak)}; {describe_amount(resource, before.target)} would do "
        "with controlledValues: RequestsOnly",
    )


def explain_limit(
    resource: Resource, spec: ContainerSpec, *, target: int, peak: float | None
) -> Reason | None:
    """Warns where the limit that is scaled with the request falls below the observed peak.

    That is so where a cap or the present request keeps the target from `choose_limit_floor`'s
    aim. One millicore or byte below is what scaling rounds off. `peak` is in millicores or bytes.
    """
    implied = scale_limit(resource, spec, target=target)
    if implied is None or peak is None or implied >= peak - 1.0:
        return None
    effect = "throttles it" if resource == "cpu" else "has it killed"
    needed = describe_amount(resource, peak)
    return Reason(
        f"{resource} limit",
        describe_amount(resource, implied),
        f"scaled with the request, below the observed peak of {needed}, which {effect}: set "
        f"controlledValues: RequestsOnly and a limit of at least {needed}",
    )


def explain_hpa(hpa: str, request: int | None) -> Reason:
    """CPU under a HorizontalPodAutoscaler that scales on CPU is left alone."""
    if request is None:
        return Reason(
            "hpa", "no cpu", f"HPA {hpa} scales on CPU and there is no CPU request to keep"
        )
    return Reason(
        "hpa",
        format_amount("cpu", request),
        f"HPA {hpa} scales on CPU: another request would change the number of replicas, "
        "so it is kept",
    )
