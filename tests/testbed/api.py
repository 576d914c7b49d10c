"""A small client of the API server's REST interface: bulk creation in a few threads."""

from __future__ import annotations

import copy
import json
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import urllib3

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

THREADS = 8

# What `delete_all` removes, dependants first; "" stands for the core group.
CLEARED = (
    ("autoscaling.k8s.io/v1", "verticalpodautoscalers"),
    ("autoscaling/v2", "horizontalpodautoscalers"),
    ("v1", "pods"),
    ("apps/v1", "replicasets"),
    ("apps/v1", "deployments"),
    ("apps/v1", "statefulsets"),
    ("apps/v1", "daemonsets"),
    ("batch/v1", "jobs"),
    ("batch/v1", "cronjobs"),
    ("v1", "replicationcontrollers"),
    ("v1", "nodes"),
)

Object = dict[str, Any]
Key = tuple[str, str, str]  # kind, namespace, name


class ApiError(Exception):
    """The API server refused a request; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


def _key(item: Mapping[str, Any]) -> Key:
    metadata = item["metadata"]
    return item["kind"], metadata.get("namespace", ""), metadata["name"]


def _owner_keys(item: Mapping[str, Any]) -> list[Key]:
    metadata = item["metadata"]
    namespace = metadata.get("namespace", "")
    return [
        (owner["kind"], namespace, owner["name"])
        for owner in metadata.get("ownerReferences", ())
        if "uid" not in owner
    ]


def split_waves(objects: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Group the objects so that namespaces and owners come in an earlier wave than what needs them."""
    waiting = list(objects)
    first = [item for item in waiting if item["kind"] in {"Namespace", "CustomResourceDefinition"}]
    waiting = [item for item in waiting if item not in first] if first else waiting
    waves = [first] if first else []
    while waiting:
        pending = {_key(item) for item in waiting}
        ready = [i for i in waiting if not pending.intersection(_owner_keys(i))]
        if not ready:
            raise ValueError(f"owner references in a circle: {sorted(pending)}")
        waves.append(ready)
        waiting = [item for item in waiting if pending.intersection(_owner_keys(item))]
    return waves


class ApiClient:
    """Requests to one API server as the bearer of one token."""

    def __init__(self, url: str, *, token: str, authority: Path) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._authority = authority
        self._opening = threading.Lock()
        self._connections: urllib3.PoolManager | None = None
        self._resources: dict[str, dict[str, Object]] = {}
        self._uids: dict[Key, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connections is not None:
            self._connections.clear()

    def _pool(self) -> urllib3.PoolManager:
        """Opened late: the server writes its certificate while it starts."""
        with self._opening:
            if self._connections is None:
                self._connections = urllib3.PoolManager(
                    maxsize=THREADS, ca_certs=str(self._authority), retries=False, timeout=30
                )
            return self._connections

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        data = None if body is None else json.dumps(body)
        return self._pool().request(
            method, self._url + path, body=data, headers=self._headers | headers
        )

    def _decoded(self, response: urllib3.BaseHTTPResponse) -> Object:
        if response.status >= 400:
            raise ApiError(response.status, response.data.decode(errors="replace"))
        answer: Object = json.loads(response.data)
        return answer

    def answers(self, path: str) -> bool:
        """Whether a GET of the path is answered with 200."""
        if not self._authority.exists():
            return False
        try:
            return self._ask("GET", path).status == 200
        except (urllib3.exceptions.HTTPError, OSError):
            return False

    def may_get(self, path: str) -> bool:
        """Whether the API server's rules let this user GET a path that is no resource."""
        spec = {"nonResourceAttributes": {"path": path, "verb": "get"}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
        answer = self.post(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review | {"spec": spec}
        )
        return bool(answer["status"]["allowed"])

    def get(self, path: str) -> Object:
        return self._decoded(self._ask("GET", path))

    def post(self, path: str, body: Mapping[str, Any]) -> Object:
        return self._decoded(self._ask("POST", path, body))

    def patch(self, path: str, body: Mapping[str, Any]) -> Object:
        """Merge the body into the object at the path (RFC 7386)."""
        kind = {"Content-Type": "application/merge-patch+json"}
        return self._decoded(self._ask("PATCH", path, body, **kind))

    def delete(self, path: str, *, grace_seconds: int = 0) -> None:
        """Delete what is at the path now; absent is as good as deleted."""
        options = {"gracePeriodSeconds": grace_seconds, "propagationPolicy": "Background"}
        response = self._ask("DELETE", path, options)
        if response.status >= 400 and response.status != 404:
            raise ApiError(response.status, response.data.decode(errors="replace"))

    def path_of(self, item: Mapping[str, Any], *, of_collection: bool = False) -> str:
        """Where the object is, by the server's own list of its resources."""
        version = item["apiVersion"]
        if version not in self._resources:
            listed = self.get(_group_path(version))["resources"]
            self._resources[version] = {r["kind"]: r for r in listed if "/" not in r["name"]}
        resource = self._resources[version][item["kind"]]
        path = _group_path(version)
        if resource["namespaced"]:
            path += f"/namespaces/{item['metadata'].get('namespace', 'default')}"
        path += f"/{resource['name']}"
        return path if of_collection else f"{path}/{item['metadata']['name']}"

    def apply(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Create or change the objects with their status, owners first."""
        with ThreadPoolExecutor(THREADS) as pool:
            for wave in split_waves(objects):
                for item, uid in zip(wave, pool.map(self._apply_one, wave), strict=True):
                    self._uids[_key(item)] = uid

    def _apply_one(self, item: Mapping[str, Any]) -> str:
        body = copy.deepcopy(dict(item))
        status = body.pop("status", None) if body["kind"] != "Node" else None
        for owner in body["metadata"].get("ownerReferences", ()):
            if "uid" not in owner:
                owner["uid"] = self._uid_of(owner, body["metadata"].get("namespace", ""))
        response = self._ask("POST", self.path_of(body, of_collection=True), body)
        exists = response.status == 409
        written = self.patch(self.path_of(body), body) if exists else self._decoded(response)
        if status is not None:
            self._write_status(body, status)
        uid: str = written["metadata"]["uid"]
        return uid

    def _uid_of(self, owner: Mapping[str, Any], namespace: str) -> str:
        key = (owner["kind"], namespace, owner["name"])
        if key not in self._uids:
            metadata = {"name": owner["name"], "namespace": namespace}
            found = self.get(self.path_of({**owner, "metadata": metadata}))
            self._uids[key] = found["metadata"]["uid"]
        return self._uids[key]

    def _write_status(self, item: Mapping[str, Any], status: Mapping[str, Any]) -> None:
        path = self.path_of(item)
        try:
            self.patch(f"{path}/status", {"status": status})
        except ApiError as error:
            if error.status != 404:
                raise
            self.patch(path, {"status": status})  # a resource without the status subresource

    def delete_all(self) -> None:
        """Delete every object of the kinds that tests create, with no grace period.

        Namespaces are only emptied, since nothing here finishes the deletion of one.
        """
        with ThreadPoolExecutor(THREADS) as pool:
            for version, resource in CLEARED:
                listed = self.get(f"{_group_path(version)}/{resource}")["items"]
                namespaces: defaultdict[str, int] = defaultdict(int)
                for item in listed:
                    namespaces[item["metadata"].get("namespace", "")] += 1
                paths = [_collection_path(version, resource, name) for name in namespaces]
                list(pool.map(self.delete, paths))
        self._uids.clear()


def _group_path(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _collection_path(version: str, resource: str, namespace: str) -> str:
    middle = f"/namespaces/{namespace}" if namespace else ""
    return f"{_group_path(version)}{middle}/{resource}"
