"""Kinds that are not Kubernetes' own, by what the API server says of their group."""

from __future__ import annotations

import threading

import msgspec

from recommender.cluster.api import ApiClientEdge, read_object
from recommender.cluster.manifest import ApiResources, Metadata, MetadataOnly
from recommender.cluster.resource import Resource, group_of, is_api_version, is_object_name
from recommender.errors import ClusterForbiddenError, ClusterReplyError

_NOT_FOUND = 404


class CustomKind(msgspec.Struct, frozen=True):
    """A kind as the API server serves it."""

    resource: Resource
    is_namespaced: bool
    is_scalable: bool


class KindCatalogue:
    """Asks the API server for the kinds of a group once, when one of them is met."""

    def __init__(self, client: ApiClientEdge) -> None:
        self._client = client
        self._asking = threading.Lock()
        self._kinds: dict[str, dict[str, CustomKind]] = {}
        self._metadata: dict[str, Metadata | None] = {}
        self._forbidden: set[Resource] = set()

    def find(self, api_version: str, kind: str) -> CustomKind | None:
        """The kind, or None where the API server knows no such one."""
        return self.kinds_of(api_version).get(kind)

    def kinds_of(self, api_version: str) -> dict[str, CustomKind]:
        """All kinds of a group and version; empty where the API server knows none."""
        with self._asking:
            if api_version not in self._kinds:
                self._kinds[api_version] = self._read_kinds(api_version)
            return self._kinds[api_version]

    def is_scalable(self, api_version: str, kind: str) -> bool:
        found = self.find(api_version, kind)
        return found is not None and found.is_scalable

    def read_metadata(
        self, namespace: str, api_version: str, kind: str, name: str
    ) -> Metadata | None:
        """Labels and owners of one object; None where there is none or we may not look.

        Our role holds `get` on every /scale and on no foreign kind, whose labels and parents
        are seen where the cluster's owner grants more. Refused once, a kind is not asked again.
        """
        found = self.find(api_version, kind)
        if found is None or not is_object_name(name) or found.resource in self._forbidden:
            return None
        path = found.resource.path(namespace if found.is_namespaced else "", name)
        if path not in self._metadata:
            self._metadata[path] = self._read_metadata(found.resource, path)
        return self._metadata[path]

    def _read_kinds(self, api_version: str) -> dict[str, CustomKind]:
        group, version = group_of(api_version), api_version.rpartition("/")[2]
        if not is_api_version(api_version):
            return {}
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        try:
            listed = read_object(self._client, path, ApiResources).resources or ()
        except ClusterReplyError as error:
            if error.status != _NOT_FOUND:
                raise
            return {}
        scalable = {each.name.partition("/")[0] for each in listed if each.name.endswith("/scale")}
        return {
            each.kind: CustomKind(
                Resource(group, version, each.name), each.namespaced, each.name in scalable
            )
            for each in listed
            if "/" not in each.name
        }

    def _read_metadata(self, resource: Resource, path: str) -> Metadata | None:
        try:
            return read_object(self._client, path, MetadataOnly, is_metadata_only=True).metadata
        except ClusterForbiddenError:
            self._forbidden.add(resource)
            return None
        except ClusterReplyError as error:
            if error.status != _NOT_FOUND:
                raise
            return None
