"""Pods as the kubelet or the API server lists them: only what identity needs is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from collector.identity.failure import PodListError
from recommender.errors import UsageError
from recommender.units import parse_quantity

Quantity = str | int | float


class _OwnerReference(msgspec.Struct):
    kind: str
    name: str
    controller: bool | None = None


class _Labels(msgspec.Struct, frozen=True):
    template_hash: str = msgspec.field(name="pod-template-hash", default="")
    rollout_hash: str = msgspec.field(name="rollouts-pod-template-hash", default="")


class _Annotations(msgspec.Struct):
    config_hash: str = msgspec.field(name="kubernetes.io/config.hash", default="")
    config_source: str = msgspec.field(name="kubernetes.io/config.source", default="")
    config_mirror: str = msgspec.field(name="kubernetes.io/config.mirror", default="")


class _Metadata(msgspec.Struct, rename="camel"):
    name: str
    namespace: str
    uid: str
    labels: _Labels | None = None
    annotations: _Annotations | None = None
    owner_references: list[_OwnerReference] | None = None
    creation_timestamp: datetime | None = None


class _Amount(msgspec.Struct):
    cpu: Quantity | None = None


class _Resources(msgspec.Struct):
    requests: _Amount | None = None
    limits: _Amount | None = None


class _Container(msgspec.Struct):
    name: str
    resources: _Resources | None = None


class _Spec(msgspec.Struct, rename="camel"):
    node_name: str = ""
    containers: list[_Container] | None = None
    init_containers: list[_Container] | None = None
    ephemeral_containers: list[_Container] | None = None
    resources: _Resources | None = None
    overhead: _Amount | None = None


class _Terminated(msgspec.Struct, rename="camel"):
    container_id: str = msgspec.field(name="containerID", default="")


class _State(msgspec.Struct):
    terminated: _Terminated | None = None


class _ContainerStatus(msgspec.Struct, rename="camel"):
    name: str
    container_id: str = msgspec.field(name="containerID", default="")
    last_state: _State | None = None
    allocated_resources: _Amount | None = None


class _Status(msgspec.Struct, rename="camel"):
    container_statuses: list[_ContainerStatus] | None = None
    init_container_statuses: list[_ContainerStatus] | None = None
    ephemeral_container_statuses: list[_ContainerStatus] | None = None


class _Pod(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec
    status: _Status | None = None


class _PodList(msgspec.Struct):
    items: list[msgspec.Raw] | None
    kind: str = ""


@dataclass(frozen=True)
class Controller:
    """The owner reference that controls a pod."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod.

    uid               as the source names it
    uids              the same, and for a static pod the hash that its cgroup bears
    requests          cores by container, init and ephemeral ones included
    own_cores         requested for the pod beyond its containers: of the pod as a whole, overhead
    containers        name by container id, the last run before the present one included
    has_all_ids       whether each container has a container id: what else is in its cgroup is
                      its sandbox
    """

    namespace: str
    name: str
    uid: str
    uids: frozenset[str]
    node: str
    controller: Controller | None
    is_static: bool
    template_hash: str
    rollout_hash: str
    created_at: float | None
    requests: dict[str, float]
    own_cores: float
    containers: dict[str, str]
    has_all_ids: bool


@dataclass(frozen=True)
class PodListing:
    """What a source told; `damaged` items of it could not be read and are left out."""

    pods: tuple[Pod, ...]
    damaged: int = 0


class PodSource(Protocol):
    """Anything that lists the node's pods."""

    @property
    def name(self) -> str: ...

    def read_pods(self) -> PodListing:
        """Raises PodListError."""
        ...


_LIST = msgspec.json.Decoder(_PodList)
_ITEM = msgspec.json.Decoder(_Pod)


def decode_pods(body: bytes) -> PodListing:
    """A v1 PodList. One item that is no pod costs that item only.

    Raises:
        PodListError: it is no list at all.
    """
    try:
        items = _LIST.decode(body).items or []
    except msgspec.DecodeError as error:
        raise PodListError("the answer is no list of pods", detail=str(error)) from error
    pods, damaged = [], 0
    for item in items:
        try:
            pods.append(_convert(_ITEM.decode(item)))
        except (msgspec.DecodeError, UsageError):
            damaged += 1
    return PodListing(tuple(pods), damaged)


def _convert(pod: _Pod) -> Pod:
    metadata, spec = pod.metadata, pod.spec
    labels, notes = metadata.labels or _Labels(), metadata.annotations or _Annotations()
    containers = _containers(spec)
    requests = {each.name: _requested(each.resources) for each in containers}
    statuses = _statuses(pod.status or _Status())
    requests |= _allocated(statuses)
    return Pod(
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        uids=frozenset({metadata.uid, notes.config_hash, notes.config_mirror} - {""}),
        node=spec.node_name,
        controller=_controller(metadata.owner_references or []),
        is_static=bool(notes.config_mirror) or notes.config_source in {"file", "http"},
        template_hash=labels.template_hash,
        rollout_hash=labels.rollout_hash,
        created_at=_seconds(metadata.creation_timestamp),
        requests=requests,
        own_cores=_own_cores(spec, requests),
        containers=_ids(statuses),
        has_all_ids={each.name for each in containers}
        <= {each.name for each in statuses if each.container_id},
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _containers(spec: _Spec) -> list[_Container]:
    """Regular ones, init containers and ephemeral ones."""
    return [
        *(spec.containers or []),
        *(spec.init_containers or []),
        *(spec.ephemeral_containers or []),
    ]


def _statuses(status: _Status) -> list[_ContainerStatus]:
    return [
        *(status.container_statuses or []),
        *(status.init_container_statuses or []),
        *(status.ephemeral_container_statuses or []),
    ]


def _controller(references: list[_OwnerReference]) -> Controller | None:
    return next((Controller(each.kind, each.name) for each in references if each.controller), None)


def _requested(resources: _Resources | None) -> float:
    """Kubernetes takes the limit where a container has no request."""
    if resources is None:
        return 0.0
    for amount in (resources.requests, resources.limits):
        if amount is not None and amount.cpu is not None:
            return _cores(str(amount.cpu))
    return 0.0


def _allocated(statuses: list[_ContainerStatus]) -> dict[str, float]:
    """What the kubelet has granted after a resize in place, which the spec only asks for."""
    return {
        each.name: _cores(str(each.allocated_resources.cpu))
        for each in statuses
        if each.allocated_resources is not None and each.allocated_resources.cpu is not None
    }


def _own_cores(spec: _Spec, requests: dict[str, float]) -> float:
    regular = sum(requests[each.name] for each in spec.containers or [])
    beyond = max(0.0, _requested(spec.resources) - regular)
    overhead = spec.overhead.cpu if spec.overhead else None
    return beyond + (0.0 if overhead is None else _cores(str(overhead)))


def _ids(statuses: list[_ContainerStatus]) -> dict[str, str]:
    names: dict[str, str] = {}
    for status in statuses:
        last: Any = status.last_state and status.last_state.terminated
        for reference in (last.container_id if last else "", status.container_id):
            if reference:
                names[reference.rpartition("//")[2]] = status.name
    return names


@lru_cache(1024)
def _cores(text: str) -> float:
    return float(parse_quantity(text))
