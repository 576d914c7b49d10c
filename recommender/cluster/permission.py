"""What the API server lets us do, by its own word, and the rule that grants what it does not."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.api import ApiClientEdge, decode
from recommender.cluster.resource import (
    EVENTS,
    LIMIT_RANGES,
    NODES,
    PODS,
    PROFILES,
    QUOTAS,
    Resource,
)
from recommender.errors import ClusterForbiddenError, ClusterReplyError
from recommender.units import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recommender.cluster.role import Rule

ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")
SELF_REVIEWS = Resource("authentication.k8s.io", "v1", "selfsubjectreviews")

Manifest = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"
_SERVICE_ACCOUNT = "system:serviceaccount:"
_NOT_NAMESPACED = frozenset({NODES.plural})
_THREADS = 4
_NOT_FOUND = 404

# What is lost without a permission that joulefit can do without.
_WITHOUT_SCALE = "VPAs whose targets are of custom kinds get no answer"
_WITHOUT_EVENTS = "kubectl describe shows no Events of ours"
_WITHOUT_WATCH = "a new VPA is answered by the next cycle, not at once"
_WITHOUT_LIMITS = "conflicts with it are not told"
_WITHOUT_PROFILES = "EnergyProfiles count for nothing"
_WITHOUT_NODES = "a reserved core has no price"
_WITHOUT_PODS = "a core is priced as if all cores were reserved, the least that it can cost"


class Permission(msgspec.Struct, frozen=True, order=True):
    """A verb on a resource (plural or plural/subresource).

    `namespace` is "" for all of the cluster; `name` is "" for any object; `loss` says what is
    lost without it where joulefit can do without, "" where it cannot.
    """

    group: str
    resource: str
    verb: str
    namespace: str = ""
    name: str = ""
    loss: str = ""

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{where}"


class Identity(msgspec.Struct, frozen=True):
    """Who the API server takes us for, and what time it has: unix seconds, whole."""

    user: str
    time: int


class _Spoken(msgspec.Struct):
    """An answer of either kind of review."""

    metadata: dict[str, Any] | None = None
    status: dict[str, Any] | None = None


def list_permissions(rules: Iterable[Rule], namespaces: Sequence[str]) -> list[Permission]:
    """Each verb of the rules: in each of the namespaces, or cluster-wide where none is named.

    Nodes are in no namespace. Pods are wanted from all of the cluster even then, since what they
    reserve decides the price of a core.
    """
    return [
        Permission(group, resource, verb, namespace, name, _find_loss(resource, verb, namespaces))
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
        for namespace in ([""] if resource in _NOT_NAMESPACED else namespaces or [""])
    ] + [Permission("", PODS.plural, "list", loss=_WITHOUT_PODS)] * bool(namespaces)


_LOSSES = {
    "*/scale": _WITHOUT_SCALE,
    EVENTS.plural: _WITHOUT_EVENTS,
    LIMIT_RANGES.plural: _WITHOUT_LIMITS,
    QUOTAS.plural: _WITHOUT_LIMITS,
    PROFILES.plural: _WITHOUT_PROFILES,
    f"{PROFILES.plural}/status": "EnergyProfiles show nothing",
}


def _find_loss(resource: str, verb: str, namespaces: Sequence[str]) -> str:
    if resource in _LOSSES:
        return _LOSSES[resource]
    if verb == "watch":
        return _WITHOUT_WATCH
    return _WITHOUT_NODES if namespaces and resource == NODES.plural else ""


def read_refused(client: ApiClientEdge, permissions: Sequence[Permission]) -> list[Permission]:
    """Those of the permissions that this user has not. Raises ClusterError."""

    def is_allowed(permission: Permission) -> bool:
        return _read_is_allowed(client, permission)

    with ThreadPoolExecutor(_THREADS) as pool:
        allowed = list(pool.map(is_allowed, permissions))
    return [each for each, has in zip(permissions, allowed, strict=True) if not has]


def read_identity(client: ApiClientEdge) -> Identity | None:
    """None where the API server does not tell (Kubernetes before 1.28). Raises ClusterError."""
    try:
        answer = _review(client, SELF_REVIEWS, "SelfSubjectReview", {})
    except (ClusterForbiddenError, ClusterReplyError) as error:
        if isinstance(error, ClusterReplyError) and error.status != _NOT_FOUND:
            raise
        return None
    created = (answer.metadata or {}).get("creationTimestamp")
    user = ((answer.status or {}).get("userInfo") or {}).get("username")
    return Identity(str(user), int(parse_time(str(created)))) if user and created else None


def _read_is_allowed(client: ApiClientEdge, permission: Permission) -> bool:
    plural, _, subresource = permission.resource.partition("/")
    wanted = {
        "group": permission.group,
        "resource": plural,
        "subresource": subresource,
        "verb": permission.verb,
        "namespace": permission.namespace,
        "name": permission.name,
    }
    spec = {"spec": {"resourceAttributes": {key: text for key, text in wanted.items() if text}}}
    answer = _review(client, ACCESS_REVIEWS, "SelfSubjectAccessReview", spec)
    return (answer.status or {}).get("allowed") is True


def _review(client: ApiClientEdge, resource: Resource, kind: str, spec: Manifest) -> _Spoken:
    version = f"{resource.group}/{resource.version}"
    body = msgspec.json.encode({"apiVersion": version, "kind": kind, **spec})
    path = resource.path()
    return decode(client.request("POST", path, body=body), _Spoken, path)


def grant(refused: Iterable[Permission], user: str) -> tuple[Manifest, ...]:
    """Roles with what is missing, each bound to the user; without a user only the roles.

    Their names are made of what they hold: to apply one takes back no earlier one.
    """
    by_namespace: defaultdict[str, list[Permission]] = defaultdict(list)
    for permission in sorted(set(refused)):
        by_namespace[permission.namespace].append(permission)
    return tuple(
        manifest
        for namespace, lacking in by_namespace.items()
        for manifest in _grant_in(namespace, lacking, user)
    )


def _grant_in(namespace: str, lacking: Sequence[Permission], user: str) -> list[Manifest]:
    rules = _merge_rules(lacking)
    prefix = "" if namespace else "Cluster"
    digest = sha256(repr((namespace, user, rules)).encode()).hexdigest()[:8]
    metadata = {"name": f"joulefit-{digest}"} | ({"namespace": namespace} if namespace else {})
    version = f"{_RBAC}/v1"
    role = {"apiVersion": version, "kind": f"{prefix}Role", "metadata": metadata, "rules": rules}
    if not user:
        return [role]
    binding = {
        "apiVersion": version,
        "kind": f"{prefix}RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": f"{prefix}Role", "name": metadata["name"]},
        "subjects": [_subject(user)],
    }
    return [role, binding]


def _merge_rules(lacking: Sequence[Permission]) -> list[Rule]:
    """One rule for all resources of a group with the same verbs."""
    verbs: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in lacking:
        verbs[each.group, each.resource, each.name].append(each.verb)
    merged: defaultdict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for (group, resource, name), listed in verbs.items():
        merged[group, name, tuple(listed)].append(resource)
    return [
        {"apiGroups": [group], "resources": resources, "verbs": list(listed)}
        | ({"resourceNames": [name]} if name else {})
        for (group, name, listed), resources in merged.items()
    ]


def _subject(user: str) -> Manifest:
    namespace, _, name = user.removeprefix(_SERVICE_ACCOUNT).partition(":")
    if user.startswith(_SERVICE_ACCOUNT) and name:
        return {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return {"kind": "User", "name": user, "apiGroup": _RBAC}
