"""What admission makes of the targets in a namespace that has LimitRanges and ResourceQuotas.

Nothing here changes a number: VPA's admission controller brings targets into the LimitRange by
itself, and what a quota leaves depends on all that runs. But a target that will not be what is
published, or whose pods will be refused, is said.

The order is that of VPA's admission controller and of Kubernetes' own checks after it: targets
into the LimitRanges, then into minAllowed and maxAllowed, then LimitRanges and quotas refuse what
does not fit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from recommender.model.report import Conflict
from recommender.sizing.band import cap
from recommender.sizing.policy import scale_limit
from recommender.sizing.resource import (
    RESOURCES,
    Resource,
    amount_of,
    describe_amount,
    format_amount,
    parse_amount,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from recommender.model.cluster import (
        Amounts,
        ContainerPolicy,
        ContainerSpec,
        LimitRange,
        NamespaceLimits,
        Quota,
        Vpa,
        Workload,
    )
    from recommender.model.report import ContainerReport

_RANGE = "LimitRange"
_QUOTA = "ResourceQuota"
_NOISE = 1e-9  # of a ratio of floats


class _Rule(msgspec.Struct, frozen=True):
    """One number of a LimitRange, and how to call it."""

    amount: int
    name: str


class _Plan(msgspec.Struct, frozen=True):
    """One resource of one container: what it has now, and after the target.

    `limit` is None where there is none. `target` is None where it is not sized. `conflict`: what
    a LimitRange for containers does to it, "" for nothing.
    """

    container: str
    target: int | None
    request_now: int
    limit_now: float | None
    request: int
    limit: float | None
    conflict: str = ""


def find_conflicts(
    workload: Workload, vpa: Vpa, sized: Sequence[ContainerReport], *, limits: NamespaceLimits
) -> tuple[Conflict, ...]:
    """Where the targets of the `sized` containers meet the rules of the namespace.

    The change that a quota must bear is that of all replicas, each taken to have what the newest
    pod has.
    """
    if not (limits.ranges or limits.quotas):
        return ()
    namespace = workload.ref.namespace
    found: list[Conflict] = []
    for resource in RESOURCES:
        plans = list(_plan_all(resource, workload, vpa, sized, limits=limits))
        if all(plan.target is None for plan in plans):
            continue
        found += [
            Conflict(_RANGE, plan.container, plan.conflict) for plan in plans if plan.conflict
        ]
        of_pods = [each for each in limits.ranges if each.is_of_pods]
        found += [
            Conflict(_RANGE, None, text) for text in _check_pod(resource, plans, of_pods, namespace)
        ]
        found += [
            Conflict(_QUOTA, None, text)
            for quota in limits.quotas
            for text in _check_quota(resource, plans, quota, workload)
        ]
    return tuple(found)


def _plan_all(
    resource: Resource,
    workload: Workload,
    vpa: Vpa,
    sized: Sequence[ContainerReport],
    *,
    limits: NamespaceLimits,
) -> Iterator[_Plan]:
    targets = {each.name: getattr(each.recommended.target, resource) for each in sized}
    ranges = [each for each in limits.ranges if not each.is_of_pods]
    for spec in workload.containers:
        limited = _with_default_limit(resource, spec, ranges)
        container = _Container(resource, limited, vpa.policy(spec.name), ranges)
        text = targets.get(spec.name)
        target = None if text is None else parse_amount(resource, text)
        yield container.plan(target, workload.ref.namespace)


def _with_default_limit(
    resource: Resource, spec: ContainerSpec, ranges: Iterable[LimitRange]
) -> ContainerSpec:
    """The container with the LimitRanges' default where it names no limit of its own."""
    if amount_of(spec.limits, resource):
        return spec
    default = next((amount for each in ranges if (amount := amount_of(each.default, resource))), 0)
    key = "cpu_millicores" if resource == "cpu" else "memory_bytes"
    return replace(spec, limits=replace(spec.limits, **{key: default or None}))


class _Container(msgspec.Struct, frozen=True):
    """One resource of one container under the LimitRanges for containers."""

    resource: Resource
    spec: ContainerSpec
    policy: ContainerPolicy
    ranges: Sequence[LimitRange]

    def plan(self, target: int | None, namespace: str) -> _Plan:
        limit = amount_of(self.spec.limits, self.resource)
        request_now = _exact(self.spec.requests, self.resource)
        request_now = (limit or 0) if request_now is None else request_now
        if target is None:
            return _Plan(self.spec.name, None, request_now, limit, request_now, limit)
        request, conflict = self._admit(target, namespace)
        after = self._limit_with(request)
        conflict = conflict or self._check_ratio(request, after, namespace)
        return _Plan(self.spec.name, target, request_now, limit, request, after, conflict)

    def _limit_with(self, request: int) -> float | None:
        if not self.policy.scales_limits:
            return amount_of(self.spec.limits, self.resource)
        return scale_limit(self.resource, self.spec, target=request)

    def _admit(self, target: int, namespace: str) -> tuple[int, str]:
        """The request that a pod gets, and what to say of it."""
        least = _tightest(self.ranges, self.resource, "minimum", max, namespace)
        most = _tightest(self.ranges, self.resource, "maximum", min, namespace)
        low = None if least is None else max(least.amount, self._boundary(least.amount))
        has_limit = amount_of(self.spec.limits, self.resource) is not None  # else none is lowered
        high = self._boundary(most.amount) if most and has_limit else None
        ranged = cap(target, low, high)
        allowed = cap(
            ranged,
            amount_of(self.policy.min_allowed, self.resource),
            amount_of(self.policy.max_allowed, self.resource),
        )
        if most and high is not None and allowed > high:
            return allowed, self._refuse("minAllowed", allowed, f"above {most.name}")
        if least and low is not None and allowed < low and (high is None or low <= high):
            return allowed, self._refuse("maxAllowed", allowed, f"below {least.name}")
        if most and high is not None and target > high:
            return allowed, self._say_capped(target, high, "above", most, "lowers")
        if least and low is not None and target < low:
            return allowed, self._say_capped(target, low, "below", least, "raises")
        return allowed, ""

    def _boundary(self, amount: int) -> int:
        """The request whose limit, in the container's ratio, is `amount`."""
        limit = amount_of(self.spec.limits, self.resource)
        request = amount_of(self.spec.requests, self.resource)
        return amount if not (limit and request) else amount * request // limit

    def _refuse(self, name: str, allowed: int, which: str) -> str:
        return (
            f"{name} {self.resource} {format_amount(self.resource, allowed)} is {which}: its pods"
            " are refused; mend one of the two"
        )

    def _say_capped(self, target: int, end: int, side: str, rule: _Rule, does: str) -> str:
        shown = describe_amount(self.resource, target)
        by_limit = "" if end == rule.amount else ", which holds for the limit that follows it"
        return (
            f"target {self.resource} {shown} is {side} {rule.name}{by_limit}: admission {does} it"
            f" to {describe_amount(self.resource, end)}"
        )

    def _check_ratio(self, request: int, limit: float | None, namespace: str) -> str:
        rule = _least_ratio(self.ranges, self.resource, namespace)
        if rule is None or limit is None or limit <= rule[0] * request * (1.0 + _NOISE):
            return ""
        return (
            f"its {self.resource} limit {describe_amount(self.resource, limit)} is"
            f" {limit / request:.2g} times the target {describe_amount(self.resource, request)},"
            f" above {rule[1]}: its pods are refused; lower the limit, or let it follow"
            " (controlledValues: RequestsAndLimits)"
        )


def _tightest(
    ranges: Iterable[LimitRange],
    resource: Resource,
    end: str,
    pick: Callable[..., _Rule | None],
    namespace: str,
) -> _Rule | None:
    """Of several LimitRanges the one that leaves least room, as VPA has it."""
    rules = [
        _Rule(
            amount,
            f"the {end} {format_amount(resource, amount)} of LimitRange {namespace}/{each.name}",
        )
        for each in ranges
        if (amount := amount_of(getattr(each, end), resource)) is not None
    ]
    return pick(rules, key=lambda rule: rule.amount, default=None)


def _least_ratio(
    ranges: Iterable[LimitRange], resource: Resource, namespace: str
) -> tuple[float, str] | None:
    rules = [
        (ratio, f"the maxLimitRequestRatio {ratio:g} of LimitRange {namespace}/{each.name}")
        for each in ranges
        if (ratio := each.cpu_ratio if resource == "cpu" else each.memory_ratio) is not None
    ]
    return min(rules, default=None)


def _check_pod(
    resource: Resource, plans: Sequence[_Plan], ranges: Sequence[LimitRange], namespace: str
) -> Iterator[str]:
    """What LimitRanges for whole pods do to the sums over the containers."""
    requests = sum(plan.request for plan in plans)
    limits = math.fsum(plan.limit or 0.0 for plan in plans)
    least = _tightest(ranges, resource, "minimum", max, namespace)
    most = _tightest(ranges, resource, "maximum", min, namespace)
    ratio = _least_ratio(ranges, resource, namespace)
    if least and requests < least.amount:
        does = "admission raises them in proportion" if limits else "its pods are refused"
        shown = describe_amount(resource, requests)
        yield f"its {resource} requests, {shown} in all, are below {least.name} for a pod: {does}"
    elif most and limits > most.amount:
        shown = describe_amount(resource, limits)
        yield (
            f"its {resource} limits, {shown} in all, are above {most.name} for a pod: admission"
            " lowers its targets in proportion"
        )
    elif ratio and limits > ratio[0] * requests * (1.0 + _NOISE):
        shown = describe_amount(resource, limits)
        yield (
            f"its {resource} limits, {shown} in all, are {limits / max(requests, 1):.2g} times its"
            f" requests, above {ratio[1]} for a pod: its pods are refused; lower the limits"
        )


def _check_quota(
    resource: Resource, plans: Sequence[_Plan], quota: Quota, workload: Workload
) -> Iterator[str]:
    """Where all replicas at their targets need more than the quota has left."""
    requests = sum(plan.request - plan.request_now for plan in plans)
    limits = math.fsum((plan.limit or 0.0) - (plan.limit_now or 0.0) for plan in plans)
    name = f"ResourceQuota {workload.ref.namespace}/{quota.name}"
    for what, more, hard, used in (
        ("requests", float(requests), quota.requests, quota.requests_used),
        ("limits", limits, quota.limits, quota.limits_used),
    ):
        most, now = _exact(hard, resource), _exact(used, resource)
        if most is None or now is None:
            continue
        left = max(most - now, 0)
        if more * workload.replicas > left:
            yield (
                f"with these targets its {workload.replicas} pods need"
                f" {describe_amount(resource, more * workload.replicas)} more {what}.{resource}"
                f" than now, and {name} has {describe_amount(resource, left)} of"
                f" {format_amount(resource, most)} left: pods beyond it are refused"
            )


def _exact(amounts: Amounts, resource: Resource) -> int | None:
    """As it is there: a quota of zero is one, and a request of zero too."""
    return amounts.cpu_millicores if resource == "cpu" else amounts.memory_bytes
