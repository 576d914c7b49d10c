"""What the recommender may do in a cluster: the least that reading and writing need."""

from __future__ import annotations

from recommender.cluster.resource import (
    EVENTS,
    HPAS,
    LEASES,
    LIMIT_RANGES,
    NODES,
    PODS,
    PROFILES,
    QUOTAS,
    VPAS,
    WELL_KNOWN,
    Resource,
)

Rule = dict[str, list[str]]


def list_rules() -> list[Rule]:
    """Rules of the ClusterRole, as Kubernetes writes them: no secrets, no writes but /status
    and Events.

    `*/scale` names the pods of targets of other kinds. `get` on VPAs tells a deleted VPA from
    a CRD without the status subresource; `watch` lets the service answer at once.
    """
    return [
        _rule(NODES, verbs=["list"]),
        _rule(PODS, verbs=["list"]),
        _rule(HPAS, verbs=["list"]),
        _rule(LIMIT_RANGES, verbs=["list"]),
        _rule(QUOTAS, verbs=["list"]),
        *(_rule(resource, verbs=["list"]) for resource in WELL_KNOWN.values()),
        {"apiGroups": ["*"], "resources": ["*/scale"], "verbs": ["get"]},
        _rule(VPAS, verbs=["get", "list", "watch"]),
        _rule(VPAS, verbs=["patch"], subresource="status"),
        _rule(PROFILES, verbs=["list", "watch"]),
        _rule(PROFILES, verbs=["patch"], subresource="status"),
        _rule(EVENTS, verbs=["create"]),
    ]


def list_lease_rules(name: str) -> list[Rule]:
    """Rules of a Role in the service's own namespace: the one Lease of this name.

    A rule for `create` cannot name what does not exist yet.
    """
    named = {"resourceNames": [name]}
    return [
        _rule(LEASES, verbs=["create"]),
        _rule(LEASES, verbs=["get", "update"]) | named,
    ]


def _rule(resource: Resource, *, verbs: list[str], subresource: str = "") -> Rule:
    name = f"{resource.plural}/{subresource}" if subresource else resource.plural
    return {"apiGroups": [resource.group], "resources": [name], "verbs": verbs}
