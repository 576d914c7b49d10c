"""LimitRanges and ResourceQuotas of the namespaces where VPAs of ours are.

Meaning: "Limit Ranges" and "Resource Quotas" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from recommender.cluster.manifest import Amount
from recommender.cluster.pod import accept_amount
from recommender.errors import UsageError
from recommender.model.cluster import Amounts, LimitRange, NamespaceLimits, Quota
from recommender.units import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from recommender.cluster.manifest import LimitItem, LimitRangeItem, Quantity, QuotaItem

_TYPES = {"Container": False, "Pod": True}

_COMMON_SCOPES = frozenset({"NotBestEffort", "NotTerminating"})
"""A pod with requests and without a deadline is in them. Whether it is in another scope depends
on the pod, so quotas of those are not compared."""


def convert_limits(
    ranges: Iterable[LimitRangeItem], quotas: Iterable[QuotaItem], namespaces: frozenset[str]
) -> dict[str, NamespaceLimits]:
    """By namespace, for those of `namespaces` that have any."""
    found: defaultdict[str, tuple[list[LimitRange], list[Quota]]] = defaultdict(lambda: ([], []))
    for listed in ranges:
        if listed.metadata.namespace in namespaces:
            found[listed.metadata.namespace][0].extend(_convert_range(listed))
    for quota in quotas:
        if quota.metadata.namespace in namespaces and _counts_common_pods(quota):
            found[quota.metadata.namespace][1].append(_convert_quota(quota))
    return {
        namespace: NamespaceLimits(tuple(parts[0]), tuple(parts[1]))
        for namespace, parts in sorted(found.items())
        if any(parts)
    }


def _convert_range(listed: LimitRangeItem) -> Iterator[LimitRange]:
    for item in listed.spec.limits or ():
        if item.type in _TYPES:
            yield LimitRange(
                name=listed.metadata.name,
                is_of_pods=_TYPES[item.type],
                minimum=accept_amount(item.min),
                maximum=accept_amount(item.max),
                default=accept_amount(item.default),
                cpu_ratio=_ratio(item, "cpu"),
                memory_ratio=_ratio(item, "memory"),
            )


def _ratio(item: LimitItem, resource: str) -> float | None:
    """None where it is not set, or is nothing that a ratio can be."""
    quantity: Quantity = getattr(item.max_limit_request_ratio or Amount(), resource)
    if quantity is None:
        return None
    try:
        ratio = float(parse_quantity(str(quantity)))
    except UsageError:
        return None
    return ratio if ratio > 0.0 else None


def _counts_common_pods(quota: QuotaItem) -> bool:
    return quota.spec.scope_selector is None and _COMMON_SCOPES.issuperset(quota.spec.scopes or ())


def _convert_quota(item: QuotaItem) -> Quota:
    hard, used = item.status.hard or {}, item.status.used or {}
    return Quota(
        name=item.metadata.name,
        requests=_requests(hard),
        limits=_amounts(hard, "limits."),
        requests_used=_requests(used),
        limits_used=_amounts(used, "limits."),
    )


def _requests(quantities: Mapping[str, Quantity]) -> Amounts:
    """`cpu` is another name of `requests.cpu`; of both the tighter one binds."""
    both = [_amounts(quantities, prefix) for prefix in ("requests.", "")]
    cpu = [each.cpu_millicores for each in both if each.cpu_millicores is not None]
    memory = [each.memory_bytes for each in both if each.memory_bytes is not None]
    return Amounts(min(cpu, default=None), min(memory, default=None))


def _amounts(quantities: Mapping[str, Quantity], prefix: str) -> Amounts:
    return accept_amount(Amount(quantities.get(f"{prefix}cpu"), quantities.get(f"{prefix}memory")))
