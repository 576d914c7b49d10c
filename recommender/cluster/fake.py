"""An API server in memory, for tests and for trying things without a cluster.

It knows what the edge asks for: collections in pages, single objects, metadata only, discovery,
/scale, merge patches of /status, the creation of objects, and reviews of who asks and what that
user may do. It enforces no permissions, and knows no schemas or watches.
"""

from __future__ import annotations

import copy
import time
from typing import TYPE_CHECKING, Any

import msgspec

from recommender.cluster.api import JSON
from recommender.cluster.failure import translate_failure
from recommender.cluster.permission import ACCESS_REVIEWS, SELF_REVIEWS
from recommender.cluster.resource import VPAS, WELL_KNOWN, Address, Resource, group_of, parse_path
from recommender.units import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from recommender.errors import ClusterError

Manifest = dict[str, Any]
_Key = tuple[Resource, str, str]  # namespace and name

_PLURALS = {kind: resource.plural for kind, resource in WELL_KNOWN.items()} | {
    "Node": "nodes",
    "Pod": "pods",
    "LimitRange": "limitranges",
    "ResourceQuota": "resourcequotas",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "VerticalPodAutoscaler": VPAS.plural,
}


class FakeApi:
    """Serves the objects it is given; `requests` lists what was asked, as `METHOD path`.

    A kind that is not Kubernetes' own is in `<kind in lower case>s`; it has a /scale where the
    object has a `scale`, the selector as text. `failures` maps `METHOD path` to the HTTP status
    with which it fails. A review says that `refused` (as `patch pods/status`) is not allowed to
    `user`; `clock` gives the server's unix seconds.
    """

    def __init__(
        self,
        objects: Iterable[Manifest] = (),
        *,
        failures: Mapping[str, int] | None = None,
        refused: Collection[str] = (),
        user: str = "fake-user",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.source = "a fake API server"
        self.requests: list[str] = []
        self._refused = frozenset(refused)
        self._user = user
        self._clock = clock
        self.failures = dict(failures or {})
        self._objects: dict[_Key, Manifest] = {}
        for item in objects:
            self.add(item)

    def add(self, item: Manifest) -> None:
        """Create or replace an object."""
        metadata = item["metadata"]
        key = _resource_of(item), metadata.get("namespace", ""), metadata["name"]
        self._objects[key] = copy.deepcopy(item)

    def get(self, resource: Resource, namespace: str, name: str) -> Manifest:
        """The object as it is now. Raises KeyError."""
        return self._objects[resource, namespace, name]

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,  # noqa: ARG002 - only merge patches are known
        accept: str = JSON,
    ) -> bytes:
        """As ApiConnection.request."""
        asked = f"{method} {path}"
        self.requests.append(asked)
        if asked in self.failures:
            raise self._fail(method, path, self.failures[asked])
        if method == "POST" and body is not None:
            return self._create(path, body)
        answer = self._answer(method, path, query or {}, body)
        if answer is None:
            raise self._fail(method, path, 404)
        return msgspec.json.encode(_metadata_only(answer) if "PartialObject" in accept else answer)

    def _create(self, path: str, body: bytes) -> bytes:
        item = msgspec.json.decode(body)
        address = parse_path(path)
        if address is not None and address.resource in {SELF_REVIEWS, ACCESS_REVIEWS}:
            return msgspec.json.encode(self._review(item))
        metadata = item["metadata"]
        if address is None or address.resource != _resource_of(item):
            raise self._fail("POST", path, 404)
        if (address.resource, address.namespace, metadata["name"]) in self._objects:
            raise self._fail("POST", path, 409)
        self.add({**item, "metadata": {**metadata, "namespace": address.namespace}})
        return body

    def _answer(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None
    ) -> Manifest | None:
        address = parse_path(path)
        if address is None:
            return self._discover(path)
        if not address.name:
            return self._list(address, query)
        item = self._objects.get((address.resource, address.namespace, address.name))
        if item is None or method == "GET":
            return _scale_of(item) if address.subresource == "scale" else item
        if address.subresource == "status" and body is not None:
            _merge(item, msgspec.json.decode(body))
            return item
        return None

    def _list(self, address: Address, query: Mapping[str, str]) -> Manifest:
        found = [
            item
            for (resource, namespace, _), item in sorted(self._objects.items())
            if resource == address.resource and address.namespace in {"", namespace}
        ]
        begin = int(query.get("continue", 0))
        end = begin + int(query.get("limit", len(found)))
        token = {"continue": str(end)} if end < len(found) else {}
        return {"metadata": token, "items": found[begin:end]}

    def _review(self, review: Manifest) -> Manifest:
        created = {"creationTimestamp": format_time(self._clock())}
        if review["kind"] == "SelfSubjectReview":
            return {"metadata": created, "status": {"userInfo": {"username": self._user}}}
        asked = review["spec"]["resourceAttributes"]
        parts = (asked["resource"], asked.get("subresource"))
        wanted = f"{asked['verb']} {'/'.join(filter(None, parts))}"
        return {"metadata": {}, "status": {"allowed": wanted not in self._refused}}

    def _discover(self, path: str) -> Manifest | None:
        if path == "/version":
            return {"gitVersion": "v1.0.0-fake"}
        version = path.removeprefix("/apis/").removeprefix("/api/")
        items = [each for each in self._objects.values() if each.get("apiVersion") == version]
        names = {_resource_of(each).plural: each["kind"] for each in items}
        if version == f"{VPAS.group}/{VPAS.version}":
            names[VPAS.plural] = "VerticalPodAutoscaler"
        if not names:
            return None
        scalable = {_resource_of(each).plural for each in items if "scale" in each}
        resources = [
            {"name": name, "kind": kind, "namespaced": True} for name, kind in names.items()
        ]
        resources += [{"name": f"{name}/scale", "kind": "Scale"} for name in scalable]
        resources += [{"name": f"{name}/status", "kind": kind} for name, kind in names.items()]
        return {"resources": resources}

    def _fail(self, method: str, path: str, status: int) -> ClusterError:
        body = msgspec.json.encode({"message": f"the fake API server answers {status}"})
        return translate_failure(method, path, status=status, body=body)


def _resource_of(item: Manifest) -> Resource:
    version, kind = item["apiVersion"], item["kind"]
    plural = _PLURALS.get(kind, f"{kind.lower()}s")
    return Resource(group_of(version), version.rpartition("/")[2], plural)


def _scale_of(item: Manifest | None) -> Manifest | None:
    if item is None or "scale" not in item:
        return None
    return {"metadata": item["metadata"], "status": {"selector": item["scale"]}}


def _metadata_only(answer: Manifest) -> Manifest:
    if "items" not in answer:
        return {"metadata": answer["metadata"]}
    return {**answer, "items": [{"metadata": item["metadata"]} for item in answer["items"]]}


def _merge(target: Manifest, patch: Manifest) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            _merge(target[key], value)
        else:
            target[key] = value
