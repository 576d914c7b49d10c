"""Kinds of objects and where the API server keeps them."""

from __future__ import annotations

import re

import msgspec

VPA_GROUP = "autoscaling.k8s.io"


class Resource(msgspec.Struct, frozen=True, order=True):
    """A collection of the API: group ("" is the core group), version and plural name."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """URL path of the collection, of one object in it, or of one subresource of that."""
        parts = ["/apis", self.group] if self.group else ["/api"]
        parts.append(self.version)
        if namespace:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


VPAS = Resource(VPA_GROUP, "v1", "verticalpodautoscalers")
PROFILES = Resource("joulefit.io", "v1alpha1", "energyprofiles")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
NODES = Resource("", "v1", "nodes")
PODS = Resource("", "v1", "pods")
LIMIT_RANGES = Resource("", "v1", "limitranges")
QUOTAS = Resource("", "v1", "resourcequotas")
HPAS = Resource("autoscaling", "v2", "horizontalpodautoscalers")
EVENTS = Resource("events.k8s.io", "v1", "events")

WELL_KNOWN = {
    "Deployment": Resource("apps", "v1", "deployments"),
    "StatefulSet": Resource("apps", "v1", "statefulsets"),
    "DaemonSet": Resource("apps", "v1", "daemonsets"),
    "ReplicaSet": Resource("apps", "v1", "replicasets"),
    "ReplicationController": Resource("", "v1", "replicationcontrollers"),
    "Job": Resource("batch", "v1", "jobs"),
    "CronJob": Resource("batch", "v1", "cronjobs"),
}


def group_of(api_version: str) -> str:
    """The group of an apiVersion: apps/v1 is in apps, v1 in the core group ""."""
    group, slash, _ = api_version.rpartition("/")
    return group if slash else ""


def is_well_known(kind: str, api_version: str | None) -> bool:
    """Whether this is one of Kubernetes' own controllers.

    Other projects have kinds of the same names in groups of their own (StatefulSet of
    apps.kruise.io). An apiVersion that is not given means Kubernetes' own; `extensions` is
    where Deployment, DaemonSet and ReplicaSet were before apps.
    """
    known = WELL_KNOWN.get(kind)
    return known is not None and (
        not api_version or group_of(api_version) in {known.group, "extensions"}
    )


_OBJECT_NAME = re.compile(r"[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?", re.ASCII)
_API_VERSION = re.compile(r"(?:[a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?/)?v[a-z0-9]+", re.ASCII)


def is_object_name(text: str) -> bool:
    """Whether this can be a name, and a part of a path that leads nowhere else.

    Names of targets and owners are what some user wrote; ours is the wider permission.
    """
    return _OBJECT_NAME.fullmatch(text) is not None


def is_api_version(text: str) -> bool:
    """Whether this can be an apiVersion: apps/v1, v1."""
    return _API_VERSION.fullmatch(text) is not None


class Address(msgspec.Struct, frozen=True):
    """What a request path leads to; `name` and `namespace` are "" where it holds none."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<subresource>[^/]+))?)?"
)


def parse_path(path: str) -> Address | None:
    """The inverse of `Resource.path`; None for other paths, such as discovery's."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    part = match.groupdict(default="")
    resource = Resource(part["group"], part["version"], part["plural"])
    return Address(resource, part["namespace"], part["name"], part["subresource"])
