"""What a VPA's policy and the cluster's settings allow: floors, minimum, maximum, limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommender.model.report import Reason
from recommender.sizing.resource import Resource, amount_of, describe_amount, format_amount
from recommender.sizing.stock import divide_floor

if TYPE_CHECKING:
    from recommender.model.cluster import ContainerPolicy, ContainerSpec
    from recommender.settings import SizingSettings
    from recommender.sizing.band import Band

CLUSTER_CAP = "the cluster-wide cap"


@dataclass(frozen=True)
class Caps:
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


def explain_limit(
    resource: Resource, spec: ContainerSpec, *, target: int, peak: float | None
) -> Reason | None:
    """Warns where the limit that is scaled with the request would fall below the observed peak.

    With controlledValues RequestsAndLimits, the default, the VPA keeps the ratio of limit to
    request; a container with a limit alone has its request at the limit. `peak` is in
    millicores or bytes.
    """
    limit = amount_of(spec.limits, resource)
    if limit is None or peak is None:
        return None
    request = amount_of(spec.requests, resource) or limit
    implied = limit / request * target
    if implied >= peak:
        return None
    effect = "throttles it" if resource == "cpu" else "has it killed"
    return Reason(
        f"{resource} limit",
        describe_amount(resource, implied),
        f"scaled with the request, below the observed peak of {describe_amount(resource, peak)}, "
        f"which {effect}: set controlledValues: RequestsOnly",
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
